"""What DataZone tells EventBridge of, as it arrives in a queue."""

from __future__ import annotations

import time
from typing import Any

from tests.data_plane.datazone.catalog_for_tests import COLUMNS, glue_form, producer, unique
from tests.data_plane.datazone.domains_for_tests import Mesh
from tests.data_plane.datazone.test_data_products import product as product_of
from tests.data_plane.datazone.test_data_products import publish as publish_product
from tests.data_plane.datazone.test_subscriptions import accept, ask, grant_of, table_name
from tests.data_plane.events.test_rules import Queue, rule
from twinplane.data_plane.testing import RunningPlane

CATALOG = [
    *({"prefix": prefix} for prefix in ("Asset ", "Data Product ")),
    "New Asset Version Available",
    "Subscribed Data Product Updated",
]


def test_the_life_of_a_subscription_is_told_moment_by_moment(plane: RunningPlane, mesh: Mesh) -> None:
    queue = Queue(plane, "datazone")
    pattern = {"source": ["aws.datazone"], "detail-type": [{"anything-but": "AWS API Call via CloudTrail"}]}
    rule(plane.client("events"), "datazone", pattern, {"Arn": queue.arn})
    owner = producer(mesh, "owner")
    asset_id, listing_id = owner.published(table_name())
    request_id = ask(mesh, "reader", listing_id)
    subscription = accept(owner, request_id)
    grant = grant_of(owner, subscription["id"])
    refused = ask(mesh, "other", listing_id)
    domain = {"domainIdentifier": mesh.domain_id}
    owner.datazone.reject_subscription_request(**domain, identifier=refused, decisionComment="no")
    owner.datazone.revoke_subscription(**domain, identifier=subscription["id"])
    told: list[dict[str, Any]] = []
    deadline = time.monotonic() + 20
    while not any(e["detail-type"] == "Subscription Grant Revoke Completed" for e in told):
        assert time.monotonic() < deadline, [e["detail-type"] for e in told]
        told += queue.events(wait=1)
    of = {
        what: [e["detail-type"] for e in told if e["detail"]["metadata"]["id"] == what]
        for what in (asset_id, listing_id, request_id, refused, subscription["id"], grant["id"])
    }
    assert of[asset_id] == ["Asset Added To Inventory"]
    assert of[listing_id] == ["Asset Added To Catalog"]
    assert of[request_id] == ["Subscription Request Created", "Subscription Request Accepted"]
    assert of[refused] == ["Subscription Request Created", "Subscription Request Rejected"]
    assert of[subscription["id"]] == ["Subscription Created", "Subscription Revoked"]
    assert of[grant["id"]] == [
        "Subscription Grant Requested", "Subscription Grant Completed", "Subscription Grant Revoke Requested",
        "Subscription Grant Revoke Completed",
    ]  # fmt: skip
    kinds = {event["detail-type"] for event in told}
    assert {
        "Project Creation Succeeded", "Project Member Addition Succeeded", "Environment Deployment Started",
        "Environment Deployment Completed", "Data Source Created", "Data Source Run Triggered",
        "Data Source Run Succeeded",
    } <= kinds  # fmt: skip
    [created] = [e for e in told if e["detail-type"] == "Subscription Request Created"][:1]
    metadata, data = created["detail"]["metadata"], created["detail"]["data"]
    assert metadata["domain"] == mesh.domain_id
    assert (metadata["user"], metadata["typeName"]) == (mesh.person("reader"), "SubscriptionRequestEntityType")
    assert data == {
        "autoApproved": False, "requesterId": mesh.person("reader"), "status": "PENDING",
        "subscribedListings": [{"id": listing_id, "ownerProjectId": owner.project_id, "version": "1"}],
        "subscribedPrincipals": [{"id": mesh.person("reader"), "type": "USER"}],
    }  # fmt: skip


def test_publishing_renewing_and_taking_back_is_told(plane: RunningPlane, mesh: Mesh) -> None:
    queue = Queue(plane, "catalog")
    rule(plane.client("events"), "catalog", {"source": ["aws.datazone"], "detail-type": CATALOG}, {"Arn": queue.arn})
    owner, domain = producer(mesh, "herald"), {"domainIdentifier": mesh.domain_id}
    asset = owner.asset()
    listing_id = owner.publish(asset["id"])["listingId"]
    changed = [glue_form("t", COLUMNS | {"added": "int"})]
    owner.datazone.create_asset_revision(**domain, identifier=asset["id"], name="renamed", formsInput=changed)
    owner.publish(asset["id"])
    product = product_of(owner, asset)["id"]
    items = [{"itemType": "ASSET", "identifier": asset["id"]}]
    owner.datazone.create_data_product_revision(**domain, identifier=product, name=unique("product"), items=items)
    product_listing = publish_product(owner, product)["listingId"]
    publish_product(owner, product, "UNPUBLISH")
    owner.datazone.delete_listing(**domain, identifier=product_listing)
    owner.publish(asset["id"], "UNPUBLISH")
    owner.datazone.delete_listing(**domain, identifier=listing_id)
    told: list[dict[str, Any]] = []
    deadline = time.monotonic() + 20
    while not any(e["detail-type"] == "Asset Listing Deleted" for e in told):
        assert time.monotonic() < deadline, [e["detail-type"] for e in told]
        told += queue.events(wait=1)

    def of(what: str) -> list[str]:
        return [e["detail-type"] for e in told if e["detail"]["metadata"]["id"] == what]

    assert of(asset["id"]) == ["Asset Added To Inventory", "Asset Schema Changed"]
    assert of(listing_id) == [
        "Asset Added To Catalog", "New Asset Version Available", "Asset Unpublished", "Asset Listing Deleted",
    ]  # fmt: skip
    assert of(product) == ["Data Product Revised", "Data Product Added To Catalog"]
