"""Data products that are published anew: what that means for those who are subscribed already."""

from typing import Any

import pytest

from tests.data_plane.datazone.catalog_for_tests import Producer, equal, lake_administrator, producer
from tests.data_plane.datazone.domains_for_tests import Mesh, eventually
from tests.data_plane.datazone.test_data_products import item, publish
from tests.data_plane.datazone.test_grants import ask_for_project, default_target, grants, settled
from tests.data_plane.datazone.test_subscriptions import accept, ask, permissions, table_name
from tests.data_plane.events.test_rules import Queue, rule
from twinplane.data_plane.testing import RunningPlane


@pytest.fixture(scope="module")
def lake(plane: RunningPlane) -> Any:
    return lake_administrator(plane)


@pytest.fixture(scope="module")
def owner(mesh: Mesh) -> Producer:
    return producer(mesh, "owner")


class Product:
    """A published data product of some tables of its owner."""

    def __init__(self, owner: Producer, *names: str) -> None:
        self.owner, self.assets = owner, {name: owner.published(name)[0] for name in names}
        self.domain = {"domainIdentifier": owner.mesh.domain_id}
        items = [item({"id": self.assets[name]}) for name in names[:1]]
        made = owner.datazone.create_data_product(
            **self.domain, owningProjectIdentifier=owner.project_id, name=table_name(), items=items
        )
        self.id, self.name = made["id"], made["name"]
        self.listing_id = publish(owner, self.id)["listingId"]

    def becomes(self, *names: str) -> str:
        """The listing's revision, once the product is published with these tables."""
        items = [item({"id": self.assets[name]}) for name in names]
        self.owner.datazone.create_data_product_revision(**self.domain, identifier=self.id, name=self.name, items=items)
        return str(publish(self.owner, self.id)["listingRevision"])


def links(consumer: Producer) -> list[str]:
    tables = consumer.client("glue").get_tables(DatabaseName=consumer.database)["TableList"]
    return sorted(table["Name"] for table in tables)


def tables_of(lake: Any, principal: str, *names: str) -> list[str]:
    """Those of the tables on which the principal has a permission."""
    held = {resource.get("Name") for _, resource, _ in permissions(lake, principal)}
    return [name for name in names if name in held]


def test_assets_that_are_added_are_granted_and_those_that_leave_are_revoked(
    mesh: Mesh, owner: Producer, lake: Any
) -> None:
    consumer, (first, second) = producer(mesh, "analyst"), (table_name(), table_name())
    role = mesh.resources(consumer.project_id, consumer.datazone)["userRoleArn"]
    product = Product(owner, first, second)
    subscription = accept(owner, ask_for_project(consumer, product.listing_id))
    settled(owner, subscription["id"], "GRANTED")
    assert links(consumer) == [first]

    revision = product.becomes(first, second)
    grant = settled(owner, subscription["id"], "GRANTED", "GRANTED")
    assert links(consumer) == sorted([first, second])
    assert grant["grantedEntity"]["listing"]["revision"] == revision
    known = consumer.datazone.get_subscription(**product.domain, identifier=subscription["id"])
    assert known["subscribedListing"]["revision"] == revision

    product.becomes(second)
    grant = settled(owner, subscription["id"], "GRANTED", "REVOKED")
    assert grant["status"] == "COMPLETED"
    assert links(consumer) == [second]
    assert tables_of(lake, role, first, second) == [second]

    product.becomes(first, second)
    settled(owner, subscription["id"], "GRANTED", "GRANTED")
    assert tables_of(lake, role, first, second) == [first, second]
    consumer.datazone.cancel_subscription(**product.domain, identifier=subscription["id"])
    settled(owner, subscription["id"], "REVOKED", "REVOKED")
    assert tables_of(lake, role, first, second) == []
    product.becomes(second)
    assert [a["status"] for a in grants(owner, subscription["id"])[0]["assets"]] == ["REVOKED", "REVOKED"]


def test_a_person_who_is_subscribed_gets_and_loses_assets_too(mesh: Mesh, owner: Producer, lake: Any) -> None:
    first, second = table_name(), table_name()
    product = Product(owner, first, second)
    person = {"user": {"identifier": mesh.person("reader")}}
    subscription = accept(owner, ask(mesh, "reader", product.listing_id, person))
    [grant] = eventually(lambda: grants(owner, subscription["id"]), lambda g: g[0]["status"] == "COMPLETED")
    product.becomes(second)
    found = settled(owner, subscription["id"], "GRANTED", "REVOKED")
    assert {a["assetId"]: a["status"] for a in found["assets"]} == {
        product.assets[first]: "REVOKED", product.assets[second]: "GRANTED"
    }  # fmt: skip
    assert found["id"] == grant["id"]


def test_the_filter_of_an_asset_that_left_may_be_deleted_and_one_that_stayed_may_not(
    mesh: Mesh, owner: Producer
) -> None:
    consumer, (first, second) = producer(mesh, "analyst"), (table_name(), table_name())
    product = Product(owner, first, second)
    product.becomes(first, second)
    filters = {name: owner.row_filter(product.assets[name], equal("region", "EU")) for name in (first, second)}
    scopes = [{"assetId": product.assets[name], "filterIds": [filters[name]]} for name in (first, second)]
    subscription = accept(owner, ask_for_project(consumer, product.listing_id, assetScopes=scopes))
    settled(owner, subscription["id"], "GRANTED", "GRANTED")
    product.becomes(second)
    settled(owner, subscription["id"], "GRANTED", "REVOKED")
    owner.datazone.delete_asset_filter(
        **product.domain, assetIdentifier=product.assets[first], identifier=filters[first]
    )
    with pytest.raises(owner.datazone.exceptions.ConflictException):
        owner.datazone.delete_asset_filter(
            **product.domain, assetIdentifier=product.assets[second], identifier=filters[second]
        )


def test_what_leaves_is_revoked_also_where_the_target_is_gone(mesh: Mesh, owner: Producer) -> None:
    consumer, (first, second) = producer(mesh, "analyst"), (table_name(), table_name())
    product = Product(owner, first, second)
    subscription = accept(owner, ask_for_project(consumer, product.listing_id))
    settled(owner, subscription["id"], "GRANTED")
    found = default_target(consumer)
    consumer.datazone.delete_subscription_target(
        **product.domain, environmentIdentifier=found["environmentId"], identifier=found["id"]
    )
    product.becomes(second)
    settled(owner, subscription["id"], "REVOKED")
    assert links(consumer) == []


def test_eventbridge_is_told_once_of_the_product_and_of_each_grant(plane: RunningPlane, mesh: Mesh) -> None:
    owner, consumer = producer(mesh, "teller"), producer(mesh, "listener")
    first, second = table_name(), table_name()
    product = Product(owner, first, second)
    subscription = accept(owner, ask_for_project(consumer, product.listing_id))
    settled(owner, subscription["id"], "GRANTED")
    types = ["Subscribed Data Product Updated", "Subscription Grant Completed", "Subscription Grant Revoke Completed"]
    queue = Queue(plane, "products")
    rule(plane.client("events"), "products", {"source": ["aws.datazone"], "detail-type": types}, {"Arn": queue.arn})
    product.becomes(second)
    settled(owner, subscription["id"], "GRANTED", "REVOKED")
    assert sorted(event["detail-type"] for event in queue.events(wait=3)) == types
