"""Data products: assets published and found together."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.data_plane.datazone.catalog_for_tests import Producer, producer, unique
from tests.data_plane.datazone.domains_for_tests import Mesh
from twinplane.data_plane.services.datazone.assets import LISTINGS
from twinplane.data_plane.store import Kind, Store
from twinplane.data_plane.upgrades import UPGRADES


@pytest.fixture(scope="module")
def owner(mesh: Mesh) -> Producer:
    return producer(mesh, "packer")


def refused(code: str, text: str = "") -> Any:
    return pytest.raises(ClientError, match=f"{code}.*{text}")


def item(asset: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"itemType": "ASSET", "identifier": asset["id"], **members}


def product(owner: Producer, *assets: dict[str, Any], **members: Any) -> dict[str, Any]:
    given = {"name": unique("product"), "items": [item(a) for a in assets]} | members
    answer: dict[str, Any] = owner.datazone.create_data_product(
        domainIdentifier=owner.mesh.domain_id, owningProjectIdentifier=owner.project_id, **given
    )
    return answer


def publish(owner: Producer, product_id: str, action: str = "PUBLISH", **members: Any) -> dict[str, Any]:
    answer: dict[str, Any] = owner.datazone.create_listing_change_set(
        domainIdentifier=owner.mesh.domain_id,
        entityIdentifier=product_id,
        entityType="DATA_PRODUCT",
        action=action,
        **members,
    )
    return answer


def test_a_data_product_has_revisions(mesh: Mesh, owner: Producer) -> None:
    domain = {"domainIdentifier": mesh.domain_id}
    first, second = owner.asset(), owner.asset()
    made = product(owner, first, description="as it began")
    assert (made["status"], made["revision"]) == ("CREATED", "1")
    revised = owner.datazone.create_data_product_revision(
        **domain, identifier=made["id"], name=made["name"], items=[item(second)]
    )
    assert revised["revision"] == "2"
    assert "description" not in revised
    assert owner.datazone.get_data_product(**domain, identifier=made["id"])["items"] == [item(second)]
    old = owner.datazone.get_data_product(**domain, identifier=made["id"], revision="1")
    assert (old["items"], old["description"]) == ([item(first)], "as it began")
    pages = owner.datazone.get_paginator("list_data_product_revisions").paginate(
        **domain, identifier=made["id"], PaginationConfig={"PageSize": 1}
    )
    assert [r["revision"] for answer in pages for r in answer["items"]] == ["2", "1"]


def test_a_name_is_taken_once_in_a_domain_and_items_are_the_projects_own(mesh: Mesh, owner: Producer) -> None:
    made = product(owner, owner.asset())
    with refused("ConflictException", "already"):
        product(owner, name=made["name"], items=[item(owner.asset())])
    stranger = producer(mesh, "packer2")
    with refused("ResourceNotFoundException"):
        product(owner, stranger.asset())
    with refused("ResourceNotFoundException", "revision 7"):
        product(owner, items=[item(owner.asset(), revision="7")])
    with refused("ResourceNotFoundException"):
        stranger.datazone.get_data_product(domainIdentifier=mesh.domain_id, identifier=made["id"])


def test_a_published_data_product_shows_its_assets_and_unpublished_ones_through_it_alone(
    mesh: Mesh, owner: Producer
) -> None:
    domain = {"domainIdentifier": mesh.domain_id}
    stranger = mesh.as_person("packers_customer")
    word = unique("bundle").replace(" ", "")
    shown, hidden = owner.asset(name=f"{word} shown"), owner.asset(name=f"{word} hidden")
    owner.publish(shown["id"])
    made = product(owner, shown, hidden, name=f"{word} product")

    def found() -> set[str]:
        listed = stranger.search_listings(**domain, searchText=word)["items"]
        return {next(iter(i.values()))["name"] for i in listed}

    assert found() == {f"{word} shown"}
    listing = publish(owner, made["id"])
    assert listing["status"] == "ACTIVE"
    assert found() == {f"{word} shown", f"{word} product"}
    items = stranger.get_listing(**domain, identifier=listing["listingId"])["item"]["dataProductListing"]["items"]
    names = [stranger.get_listing(**domain, identifier=i["listingId"])["name"] for i in items]
    assert names == [f"{word} shown", f"{word} hidden"]
    assert owner.datazone.get_asset(**domain, identifier=hidden["id"])["listing"]["listingStatus"] == "ACTIVE"
    for i in items:
        with refused("ConflictException", "data product"):
            owner.datazone.delete_listing(**domain, identifier=i["listingId"])
    publish(owner, made["id"])
    assert publish(owner, made["id"], "UNPUBLISH")["status"] == "INACTIVE"
    assert found() == {f"{word} shown"}
    assert stranger.get_listing(**domain, identifier=items[0]["listingId"])["status"] == "ACTIVE"
    for gone in (items[1]["listingId"], listing["listingId"]):
        with refused("ResourceNotFoundException"):
            stranger.get_listing(**domain, identifier=gone)


def test_a_listing_of_a_data_product_stays_as_published(mesh: Mesh, owner: Producer) -> None:
    domain = {"domainIdentifier": mesh.domain_id}
    first, second = owner.asset(), owner.asset()
    made = product(owner, first)
    listing = publish(owner, made["id"])
    owner.datazone.create_data_product_revision(
        **domain, identifier=made["id"], name=made["name"], items=[item(first), item(second)]
    )
    find = {"filters": {"filter": {"attribute": "amazonmetadata.sourceCategory", "value": "dataproduct"}}}

    def shown() -> dict[str, Any]:
        listed = owner.datazone.search_listings(**domain, searchText=f'"{made["name"]}"', **find)["items"]
        return dict(listed[0]["dataProductListing"])

    assert (shown()["entityRevision"], len(shown()["items"])) == ("1", 1)
    assert publish(owner, made["id"])["listingRevision"] == "2"
    assert (shown()["entityRevision"], len(shown()["items"])) == ("2", 2)
    assert publish(owner, made["id"], entityRevision="1")["listingRevision"] == "3"
    assert (shown()["entityRevision"], len(shown()["items"])) == ("1", 1)
    old = owner.datazone.get_listing(**domain, identifier=listing["listingId"], listingRevision="2")
    assert len(old["item"]["dataProductListing"]["items"]) == 2


def test_what_a_data_product_holds_cannot_be_deleted_before_it(mesh: Mesh, owner: Producer) -> None:
    domain = {"domainIdentifier": mesh.domain_id}
    asset = owner.asset()
    made = product(owner, asset)
    with refused("ConflictException", "data product"):
        owner.datazone.delete_asset(**domain, identifier=asset["id"])
    listing = publish(owner, made["id"])
    with refused("ConflictException", "listing"):
        owner.datazone.delete_data_product(**domain, identifier=made["id"])
    owner.datazone.delete_listing(**domain, identifier=listing["listingId"])
    owner.datazone.delete_data_product(**domain, identifier=made["id"])
    with refused("ResourceNotFoundException"):
        owner.datazone.get_data_product(**domain, identifier=made["id"])
    [of_asset] = [owner.datazone.get_asset(**domain, identifier=asset["id"])["listing"]]
    assert of_asset["listingStatus"] == "INACTIVE"
    owner.datazone.delete_listing(**domain, identifier=of_asset["listingId"])
    owner.datazone.delete_asset(**domain, identifier=asset["id"])


def test_an_empty_data_product_is_not_published(owner: Producer) -> None:
    made = owner.datazone.create_data_product(
        domainIdentifier=owner.mesh.domain_id, owningProjectIdentifier=owner.project_id, name=unique("empty")
    )
    with refused("ValidationException", "no assets"):
        publish(owner, made["id"])


def test_search_finds_data_products_of_the_callers_projects(mesh: Mesh, owner: Producer) -> None:
    made = product(owner, owner.asset(), description="for the quarterly closing")
    given = {"domainIdentifier": mesh.domain_id, "searchScope": "DATA_PRODUCT", "searchText": f'"{made["name"]}"'}
    found = owner.datazone.search(**given)
    assert [i["dataProductItem"]["id"] for i in found["items"]] == [made["id"]]
    assert mesh.as_person("packers_customer").search(**given)["totalMatchCount"] == 0


def test_a_rule_for_data_products_is_enforced_when_one_is_published(mesh: Mesh, owner: Producer) -> None:
    domain = {"domainIdentifier": mesh.domain_id}
    glossary = mesh.admin.create_glossary(
        **domain, name=unique("Packing"), owningProjectIdentifier=mesh.project(unique("Governance"))["id"]
    )
    term = mesh.admin.create_glossary_term(**domain, glossaryIdentifier=glossary["id"], name="Packed")["id"]
    rule = mesh.admin.create_rule(
        **domain,
        name=unique("Packed"),
        action="CREATE_LISTING_CHANGE_SET",
        target={"domainUnitTarget": {"domainUnitId": mesh.root_unit, "includeChildDomainUnits": True}},
        scope={"dataProduct": True, "project": {"selectionMode": "SPECIFIC", "specificProjects": [owner.project_id]}},
        detail={"glossaryTermEnforcementDetail": {"requiredGlossaryTermIds": [term]}},
    )
    asset = owner.asset()
    owner.publish(asset["id"])
    with refused("ValidationException", "glossary term"):
        publish(owner, product(owner, asset)["id"])
    publish(owner, product(owner, asset, glossaryTerms=[term])["id"])
    mesh.admin.delete_rule(**domain, identifier=rule["identifier"])


def test_listings_of_an_earlier_state_name_their_asset_as_entity(tmp_path: Path) -> None:
    earlier = Kind("datazone_listing", key=("domainId", "id"), unique=(("domainId", "assetId"),))
    kept = {"domainId": "dzd-1", "id": "l1", "status": "ACTIVE", "owningProjectId": "p1"}
    before = Store(tmp_path / "plane.db", [earlier], UPGRADES[:2])
    document = kept | {"assetId": "a1", "assetRevision": "4"}
    asyncio.run(before.write(lambda tx: tx.add(earlier, document)))
    before.close()
    now = Store(tmp_path / "plane.db", [LISTINGS], UPGRADES[:3])
    [listing] = now.read(lambda tx: tx.select(LISTINGS, {"domainId": "dzd-1", "entityType": "ASSET", "entityId": "a1"}))
    assert listing == kept | {"entityType": "ASSET", "entityId": "a1", "entityRevision": "4", "products": 0}
    now.close()
