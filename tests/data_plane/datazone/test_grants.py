"""What a subscription becomes for each of its assets, target and subscriber; and who finds it in which list."""

import asyncio
import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.data_plane.datazone.catalog_for_tests import (
    Producer,
    equal,
    form,
    lake_administrator,
    producer,
    unique,
)
from tests.data_plane.datazone.domains_for_tests import EVERYTHING, SERVICES_TRUST, Mesh, eventually
from tests.data_plane.datazone.test_subscriptions import accept, ask, grant_of, permissions, refused, table_name
from twinplane.data_plane.services.datazone.fulfilment import GRANTS, SUBSCRIPTIONS, overall_status
from twinplane.data_plane.services.datazone.lake_fulfilment import GRANTED
from twinplane.data_plane.services.datazone.subscriptions import REQUESTS
from twinplane.data_plane.store import Kind, Store
from twinplane.data_plane.testing import RunningPlane
from twinplane.data_plane.upgrades import UPGRADES


@pytest.fixture(scope="module")
def lake(plane: RunningPlane) -> Any:
    return lake_administrator(plane)


@pytest.fixture(scope="module")
def owner(mesh: Mesh) -> Producer:
    return producer(mesh, "owner")


@pytest.fixture(scope="module")
def consumer(mesh: Mesh) -> Producer:
    return producer(mesh, "analyst")


def ask_for_project(consumer: Producer, listing_id: str, **members: Any) -> str:
    return ask(consumer.mesh, consumer.person, listing_id, {"project": {"identifier": consumer.project_id}}, **members)


def grants(owner: Producer, subscription_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = owner.datazone.list_subscription_grants(
        domainIdentifier=owner.mesh.domain_id, subscriptionId=subscription_id
    )["items"]
    return found


def settled(owner: Producer, subscription_id: str, *statuses: str) -> dict[str, Any]:
    """The one grant of a subscription, once its assets have these statuses."""

    def assets() -> list[str]:
        [grant] = grants(owner, subscription_id)
        return sorted(asset["status"] for asset in grant["assets"])

    eventually(assets, lambda found: found == sorted(statuses))
    return grants(owner, subscription_id)[0]


def report(owner: Producer, grant: dict[str, Any], asset_id: str, status: str, **members: Any) -> dict[str, Any]:
    answer: dict[str, Any] = owner.datazone.update_subscription_grant_status(
        domainIdentifier=owner.mesh.domain_id,
        identifier=grant["id"],
        assetIdentifier=asset_id,
        status=status,
        **members,
    )
    return answer


def target(consumer: Producer, database: str, **members: Any) -> dict[str, Any]:
    """A subscription target of the consumer's lakehouse environment, and the environment's id."""
    mesh = consumer.mesh
    listed = consumer.datazone.list_environments(
        domainIdentifier=mesh.domain_id, projectIdentifier=consumer.project_id
    )["items"]
    role = mesh.resources(consumer.project_id, consumer.datazone)["userRoleArn"]
    given: dict[str, Any] = {
        "domainIdentifier": mesh.domain_id,
        "environmentIdentifier": next(e["id"] for e in listed if e["name"] == "Lakehouse Database"),
        "name": unique("target"),
        "type": "GlueSubscriptionTargetType",
        "authorizedPrincipals": [role],
        "manageAccessRole": f"arn:aws:iam::{mesh.plane.account_id}:role/Manage",
        "applicableAssetTypes": ["GlueTableAssetType"],
        "subscriptionTargetConfig": [
            {"formName": "GlueSubscriptionTargetConfigForm", "content": json.dumps({"databaseName": database})}
        ],
    }
    answer: dict[str, Any] = consumer.datazone.create_subscription_target(**(given | members))
    return answer


def default_target(consumer: Producer) -> dict[str, Any]:
    """The one target of the environment that has the consumer's database."""
    domain = {"domainIdentifier": consumer.mesh.domain_id}
    listed = consumer.datazone.list_environments(**domain, projectIdentifier=consumer.project_id)["items"]
    of = (consumer.datazone.list_subscription_targets(**domain, environmentIdentifier=e["id"])["items"] for e in listed)
    [found] = [t for items in of for t in items]
    answer: dict[str, Any] = found
    return answer


@pytest.mark.parametrize(
    ("statuses", "overall"),
    [
        (["GRANT_PENDING", "REVOKE_PENDING"], "PENDING"),
        (["GRANTED", "GRANT_PENDING"], "IN_PROGRESS"),
        (["GRANTED", "REVOKED"], "COMPLETED"),
        (["GRANTED", "GRANT_FAILED"], "GRANT_FAILED"),
        (["REVOKED", "REVOKE_FAILED"], "REVOKE_FAILED"),
        (["GRANT_FAILED", "REVOKE_FAILED"], "GRANT_AND_REVOKE_FAILED"),
        (["GRANT_IN_PROGRESS", "GRANT_FAILED"], "IN_PROGRESS"),
    ],
)
def test_a_grants_status_follows_from_its_assets(statuses: list[str], overall: str) -> None:
    assert overall_status(statuses) == overall


def test_a_data_products_subscription_grants_each_of_its_assets(
    mesh: Mesh, owner: Producer, consumer: Producer, lake: Any
) -> None:
    domain, first, second = {"domainIdentifier": mesh.domain_id}, table_name(), table_name()
    ids = [owner.published(name)[0] for name in (first, second)]
    by_hand = owner.asset()["id"]
    made = owner.datazone.create_data_product(
        **domain,
        owningProjectIdentifier=owner.project_id,
        name=unique("product"),
        items=[{"itemType": "ASSET", "identifier": asset_id} for asset_id in (*ids, by_hand)],
    )
    listing_id = owner.datazone.create_listing_change_set(
        **domain, entityIdentifier=made["id"], entityType="DATA_PRODUCT", action="PUBLISH"
    )["listingId"]
    scopes = [{"assetId": ids[0], "filterIds": [owner.row_filter(ids[0], equal("region", "EU"))]}]
    with refused("ValidationException", "not part of"):
        ask_for_project(consumer, listing_id, assetScopes=[{"assetId": "another", "filterIds": ["x"]}])
    subscription = accept(owner, ask_for_project(consumer, listing_id, assetScopes=scopes))
    item = subscription["subscribedListing"]["item"]["productListing"]
    assert {a["entityId"] for a in item["assetListings"]} == {*ids, by_hand}
    grant = settled(owner, subscription["id"], "GRANTED", "GRANTED", "GRANT_PENDING")
    assert grant["status"] == "IN_PROGRESS"
    assert [a.get("assetScope", {}).get("filterIds") for a in grant["assets"] if a["assetId"] == ids[0]] == [
        scopes[0]["filterIds"]
    ]
    glue = consumer.client("glue")
    for name in (first, second):
        assert glue.get_table(DatabaseName=consumer.database, Name=name)["Table"]["TargetTable"]["Name"] == name
    cells = lake.list_data_cells_filter(Table={"DatabaseName": owner.database, "Name": first})["DataCellsFilters"]
    assert [c["RowFilter"]["FilterExpression"] for c in cells] == ["\"region\" = 'EU'"]
    with refused("ConflictException", "granted automatically"):
        report(owner, grant, ids[0], "GRANT_FAILED")
    assert report(owner, grant, by_hand, "GRANTED", targetName="elsewhere")["status"] == "COMPLETED"
    consumer.datazone.cancel_subscription(**domain, identifier=subscription["id"])
    grant = settled(owner, subscription["id"], "REVOKED", "REVOKED", "REVOKE_PENDING")
    with refused("EntityNotFoundException"):
        glue.get_table(DatabaseName=consumer.database, Name=first)
    assert lake.list_data_cells_filter(Table={"DatabaseName": owner.database, "Name": first})["DataCellsFilters"] == []
    with refused("ConflictException", "granted no more"):
        report(owner, grant, by_hand, "GRANTED")
    assert report(owner, grant, by_hand, "REVOKED")["status"] == "COMPLETED"


def test_a_table_of_the_same_name_gives_the_link_another_one(owner: Producer, consumer: Producer) -> None:
    name = table_name()
    consumer.table(name)
    _, listing_id = owner.published(name)
    grant = grant_of(owner, accept(owner, ask_for_project(consumer, listing_id))["id"])
    linked = grant["assets"][0]["targetName"]
    assert linked == f"{name}_{grant['id'][:6]}"
    glue = consumer.client("glue")
    assert "TargetTable" not in glue.get_table(DatabaseName=consumer.database, Name=name)["Table"]
    assert glue.get_table(DatabaseName=consumer.database, Name=linked)["Table"]["TargetTable"]["Name"] == name


def test_a_manual_target_waits_for_someone_to_grant(mesh: Mesh, owner: Producer) -> None:
    consumer = producer(mesh, "analyst")
    domain = {"domainIdentifier": mesh.domain_id}
    made = default_target(consumer)
    here = domain | {"environmentIdentifier": made["environmentId"]}
    consumer.datazone.update_subscription_target(**here, identifier=made["id"], subscriptionGrantCreationMode="MANUAL")
    _, listing_id = owner.published(table_name())
    subscription = accept(owner, ask_for_project(consumer, listing_id))
    assert grants(owner, subscription["id"]) == []
    entity = {"listing": {"identifier": listing_id, "revision": subscription["subscribedListing"]["revision"]}}
    named = domain | {"environmentIdentifier": made["environmentId"], "grantedEntity": entity}
    asset_id = subscription["subscribedListing"]["item"]["assetListing"]["entityId"]
    names = [{"assetId": asset_id, "targetName": "renamed"}]
    grant = consumer.datazone.create_subscription_grant(**named, assetTargetNames=names)
    assert grant["status"] == "PENDING"
    assert settled(owner, subscription["id"], "GRANTED")["assets"][0]["targetName"] == "renamed"
    with refused("ConflictException", grant["id"]):
        consumer.datazone.create_subscription_grant(**named)
    consumer.datazone.delete_subscription_grant(**domain, identifier=grant["id"])
    eventually(lambda: grants(owner, subscription["id"]), lambda found: not found)
    with refused("EntityNotFoundException"):
        consumer.client("glue").get_table(DatabaseName=consumer.database, Name="renamed")
    again = consumer.datazone.create_subscription_grant(**named, subscriptionTargetIdentifier=made["id"])
    assert again["id"] != grant["id"]


def test_an_environment_takes_its_grants_with_it(mesh: Mesh, owner: Producer, lake: Any) -> None:
    consumer, name = producer(mesh, "analyst"), table_name()
    role = mesh.resources(consumer.project_id, consumer.datazone)["userRoleArn"]
    _, listing_id = owner.published(name)
    subscription = accept(owner, ask_for_project(consumer, listing_id))
    grant = settled(owner, subscription["id"], "GRANTED")
    assert name in [r.get("Name") for _, r, _ in permissions(lake, role)]
    consumer.datazone.delete_environment(domainIdentifier=mesh.domain_id, identifier=grant["environmentId"])
    eventually(lambda: grants(owner, subscription["id"]), lambda found: not found)
    assert name not in [r.get("Name") for _, r, _ in permissions(lake, role)]


def test_targets_are_changed_listed_in_order_and_removed(mesh: Mesh, owner: Producer) -> None:
    consumer = producer(mesh, "analyst")
    first, datazone = default_target(consumer), consumer.datazone
    here = {"domainIdentifier": mesh.domain_id, "environmentIdentifier": first["environmentId"]}
    datazone.delete_subscription_target(**here, identifier=first["id"])
    made = [target(consumer, consumer.database), target(consumer, consumer.database)]
    changed = datazone.update_subscription_target(
        **here, identifier=made[0]["id"], applicableAssetTypes=["GlueViewAssetType"]
    )
    assert changed["applicableAssetTypes"] == ["GlueViewAssetType"]

    def listed(**how: Any) -> list[str]:
        pages = datazone.get_paginator("list_subscription_targets").paginate(
            **here, **how, PaginationConfig={"PageSize": 1}
        )
        return [t["id"] for answer in pages for t in answer["items"]]

    assert listed(sortBy="UPDATED_AT") == [made[1]["id"], made[0]["id"]]
    assert listed(sortBy="CREATED_AT", sortOrder="DESCENDING") == [made[1]["id"], made[0]["id"]]
    datazone.delete_subscription_target(**here, identifier=made[1]["id"])
    assert listed() == [made[0]["id"]]
    with refused("ResourceNotFoundException"):
        datazone.get_subscription_target(**here, identifier=made[1]["id"])
    _, listing_id = owner.published(table_name())
    subscription = accept(owner, ask_for_project(consumer, listing_id))
    assert grants(owner, subscription["id"]) == []  # no target takes tables
    with refused("ResourceNotFoundException"):
        owner.datazone.list_subscription_targets(**here)


def test_s3_assets_are_asked_for_with_permissions_and_granted_by_others(mesh: Mesh, owner: Producer) -> None:
    asset = owner.asset(
        typeIdentifier="amazon.datazone.S3ObjectCollectionAssetType",
        formsInput=[form("S3ObjectCollectionForm", {"bucketArn": "arn:aws:s3:::shared"})],
    )
    listing_id = owner.publish(asset["id"])["listingId"]
    _, table_listing = owner.published(table_name())
    wanted = [{"assetId": asset["id"], "permissions": {"s3": ["READ"]}}]
    with refused("ValidationException", "not part of"):
        ask(mesh, "reader", table_listing, assetPermissions=wanted)
    subscription = accept(owner, ask(mesh, "reader", listing_id, assetPermissions=wanted))
    assert subscription["subscribedListing"]["item"]["assetListing"]["permissions"] == {"s3": ["READ"]}
    [grant] = grants(owner, subscription["id"])
    assert (grant["status"], grant["assets"][0]["permissions"]) == ("PENDING", {"s3": ["READ"]})
    failed = report(owner, grant, asset["id"], "GRANT_FAILED", failureCause={"message": "no such bucket"})
    assert (failed["status"], failed["assets"][0]["failureCause"]) == ("GRANT_FAILED", {"message": "no such bucket"})
    done = report(owner, grant, asset["id"], "GRANTED")
    assert (done["status"], "failureCause" in done["assets"][0]) == ("COMPLETED", False)


def test_an_iam_role_subscribes_for_itself(mesh: Mesh, owner: Producer, lake: Any) -> None:
    plane, name, table = mesh.plane, f"reader-{uuid.uuid4().hex[:6]}", table_name()
    iam, account = plane.client("iam"), plane.account_id
    trust = json.loads(SERVICES_TRUST)
    trust["Statement"][0]["Principal"] = {"AWS": f"arn:aws:iam::{account}:root"}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="datazone", PolicyDocument=EVERYTHING)
    session = plane.client("sts").assume_role(RoleArn=role, RoleSessionName="job")["Credentials"]
    datazone, domain = plane.client("datazone", session), {"domainIdentifier": mesh.domain_id}
    _, listing_id = owner.published(table)

    def request(principal: str) -> dict[str, Any]:
        made: dict[str, Any] = datazone.create_subscription_request(
            **domain,
            subscribedPrincipals=[{"iam": {"identifier": principal}}],
            subscribedListings=[{"identifier": listing_id}],
            requestReason="nightly",
        )
        return made

    with refused("AccessDeniedException"):
        request(f"arn:aws:iam::{account}:role/Manage")
    made = request(role)
    assert made["subscribedPrincipals"] == [{"iam": {"principalArn": role}}]
    subscription = accept(owner, made["id"])
    assert grant_of(owner, subscription["id"])["status"] == "COMPLETED"
    assert [(r["Name"], p) for _, r, p in permissions(lake, role)] == [(table, ["DESCRIBE", "SELECT"])]
    mine = datazone.list_subscriptions(**domain, owningIamPrincipalArn=role)["items"]
    assert [s["id"] for s in mine] == [subscription["id"]]
    datazone.cancel_subscription(**domain, identifier=subscription["id"])
    eventually(lambda: permissions(lake, role), lambda held: not held)


def test_one_subscription_of_a_principal_to_a_listing(mesh: Mesh, owner: Producer) -> None:
    domain, (_, listing_id) = {"domainIdentifier": mesh.domain_id}, owner.published(table_name())
    reader = mesh.as_person("reader")
    request_id = ask(mesh, "reader", listing_id)
    changed = reader.update_subscription_request(**domain, identifier=request_id, requestReason="the new forecast")
    assert changed["requestReason"] == "the new forecast"
    reader.delete_subscription_request(**domain, identifier=request_id)
    request_id = ask(mesh, "reader", listing_id)
    subscription = accept(owner, request_id)
    details = reader.get_subscription_request_details(**domain, identifier=request_id)
    assert details["existingSubscriptionId"] == subscription["id"]
    for operation in (reader.delete_subscription_request, reader.update_subscription_request):
        more = {"requestReason": "later"} if operation == reader.update_subscription_request else {}
        with refused("ConflictException", "[Aa]ccepted|ACCEPTED"):
            operation(**domain, identifier=request_id, **more)
    with refused("ConflictException", subscription["id"]):
        ask(mesh, "reader", listing_id)
    with refused("AccessDeniedException"):
        reader.revoke_subscription(**domain, identifier=subscription["id"])
    with refused("AccessDeniedException"):
        owner.datazone.cancel_subscription(**domain, identifier=subscription["id"])
    owner.datazone.revoke_subscription(**domain, identifier=subscription["id"])
    with refused("ConflictException", "REVOKED already"):
        reader.cancel_subscription(**domain, identifier=subscription["id"])
    assert accept(owner, ask(mesh, "reader", listing_id))["id"] != subscription["id"]


def test_lists_show_each_side_its_own_in_the_order_that_is_asked_for(mesh: Mesh) -> None:
    here, there = producer(mesh, "hana"), producer(mesh, "theo")
    domain = {"domainIdentifier": mesh.domain_id}
    listings = [p.publish(p.asset()["id"])["listingId"] for p in (here, here, there)]
    group_id = mesh.group(unique("Group"), "gina")
    asked = [ask(mesh, "rosa", listing_id) for listing_id in listings]
    asked.append(ask(mesh, "gina", listings[0], {"group": {"identifier": group_id}}))

    def requests(person: str, **how: Any) -> list[str]:
        pages = (
            mesh.as_person(person)
            .get_paginator("list_subscription_requests")
            .paginate(**domain, **how, PaginationConfig={"PageSize": 1})
        )
        return [r["id"] for answer in pages for r in answer["items"]]

    assert requests("rosa") == asked[2::-1]
    assert requests("rosa", sortOrder="ASCENDING") == asked[:3]
    assert requests("hana", sortOrder="ASCENDING") == [asked[0], asked[1], asked[3]]
    assert requests("theo") == [asked[2]]
    assert requests("gina") == [asked[3]]
    assert requests("gina", owningGroupId=group_id) == requests("hana", owningGroupId=group_id) == [asked[3]]
    assert requests("theo", owningGroupId=group_id) == []
    assert requests("rosa", approverProjectId=here.project_id) == [asked[1], asked[0]]
    assert requests("rosa", subscribedListingId=listings[0]) == [asked[0]]
    assert requests("hana", subscribedListingId=listings[0]) == [asked[3], asked[0]]
    assert requests("hana", subscribedListingId=listings[2]) == []
    assert requests("hana", subscribedListingId=listings[0], approverProjectId=there.project_id) == []
    assert requests("nobody") == []
    mesh.as_person("rosa").update_subscription_request(**domain, identifier=asked[0], requestReason="again")
    assert requests("rosa", sortBy="UPDATED_AT") == [asked[0], asked[2], asked[1]]
    first = accept(here, asked[0])
    here.datazone.reject_subscription_request(**domain, identifier=asked[1])
    assert requests("rosa") == [asked[2]]  # pending ones, unless another status is asked for
    assert requests("rosa", status="REJECTED") == [asked[1]]
    rosa = mesh.as_person("rosa")
    assert [s["id"] for s in rosa.list_subscriptions(**domain)["items"]] == [first["id"]]
    rosa.cancel_subscription(**domain, identifier=first["id"])
    assert rosa.list_subscriptions(**domain)["items"] == []
    assert [s["id"] for s in rosa.list_subscriptions(**domain, status="CANCELLED")["items"]] == [first["id"]]
    shown = here.datazone.list_subscription_grants(**domain, owningUserId=mesh.person("rosa"))["items"]
    assert [g["subscriptionId"] for g in shown] == [first["id"]]
    assert there.datazone.list_subscription_grants(**domain, subscriptionId=first["id"])["items"] == []


def test_what_grants_of_an_earlier_state_made_is_kept_by_asset(tmp_path: Path) -> None:
    key = ("domainId", "id")
    kinds = [Kind(f"datazone_subscription{name}", key) for name in ("_request", "", "_grant")]
    scope, named = {"assetId": "a1", "filterIds": ["f1"], "status": "ACTIVE"}, {"domainId": "dzd-1"}
    item = {"entityId": "a1", "entityType": "GlueTableAssetType", "assetScope": scope}
    last = next(u for u in UPGRADES if u.version == 8)
    before = Store(tmp_path / "plane.db", kinds, [u for u in UPGRADES if u.version < 8])
    grant = named | {"id": "g1", "subscriptionId": "s1", "assets": [{"assetId": "a1", "status": "GRANTED"}]}
    made = {"effects": [], "link": {"database": "d", "name": "t"}, "sourceKey": "d.t"}
    for kind, document in zip(
        kinds,
        (
            named | {"id": "r1", "wantedScope": scope},
            named | {"id": "s1", "subscribedListing": {"item": {"assetListing": item}}},
            grant | made | {"managed": True},
        ),
        strict=True,
    ):
        asyncio.run(before.write(lambda tx, k=kind, d=document: tx.add(k, d)))  # type: ignore[misc]
    before.close()
    now = Store(tmp_path / "plane.db", [REQUESTS, SUBSCRIPTIONS, GRANTS, GRANTED], UPGRADES[: UPGRADES.index(last) + 1])
    request = named | {"id": "r1", "scopes": [scope], "permissions": {}}
    assert now.read(lambda tx: tx.get(REQUESTS, "dzd-1", "r1")) == request
    assert now.read(lambda tx: tx.get(SUBSCRIPTIONS, "dzd-1", "s1"))["scopes"] == [scope]
    kept = grant | {"managed": ["a1"], "assetTypes": {"a1": "GlueTableAssetType"}}
    assert now.read(lambda tx: tx.get(GRANTS, "dzd-1", "g1")) == kept
    [found] = now.read(lambda tx: tx.select(GRANTED, {"sourceKey": "d.t"}))
    assert found == named | {"grantId": "g1", "assetId": "a1"} | made
    now.close()
