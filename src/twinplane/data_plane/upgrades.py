"""The steps from one state version to the next, in order; `schema.prepare` runs those that a state needs.

A new column, index or kind needs no step: it is made and filled when the store opens. A step is needed when documents
change their shape or a kind its key; it says with `schema.rebuild` what becomes of each document that is there:

    def _objects_have_versions(tx: Transaction) -> None:
        rebuild(tx, OBJECTS, lambda document: document | {"version_id": "null"})

A step is never changed once it is released.
"""

import msgspec

from twinplane.data_plane.schema import Upgrade, make_table, rebuild
from twinplane.data_plane.services.cloudtrail.store import make_log
from twinplane.data_plane.services.datazone import glue_connections, search_index, search_rebuild
from twinplane.data_plane.services.datazone.assets import LISTING_REVISIONS, LISTINGS
from twinplane.data_plane.services.datazone.fulfilment import GRANTS, SUBSCRIPTIONS
from twinplane.data_plane.services.datazone.lake_fulfilment import GRANTED
from twinplane.data_plane.services.datazone.store import MEMBERSHIPS
from twinplane.data_plane.services.datazone.subscriptions import REQUESTS
from twinplane.data_plane.services.lakeformation import records as lake_records
from twinplane.data_plane.store import Document, Transaction


def _objects_have_versions_and_small_bodies(_tx: Transaction) -> None:
    """Documents stay as they are; an earlier program would see neither versions nor bodies that are rows."""


def _listings_are_of_assets_or_data_products(tx: Transaction) -> None:
    def named(listing: Document) -> Document:
        rest = {member: value for member, value in listing.items() if member not in ("assetId", "assetRevision")}
        asset = {"entityType": "ASSET", "entityId": listing["assetId"], "entityRevision": listing["assetRevision"]}
        return rest | asset | {"products": 0}

    for kind in (LISTINGS, LISTING_REVISIONS):
        rebuild(tx, kind, named)


def _memberships_know_the_name_of_their_project(tx: Transaction) -> None:
    def with_name(membership: Document) -> Document:
        project = (membership["domainId"], membership["projectId"])
        named = tx.run("SELECT name FROM datazone_project WHERE domainId = ? AND id = ?", project)
        return membership | {"projectName": named[0][0] if named else ""}

    rebuild(tx, MEMBERSHIPS, with_name)


def _grants_have_many_assets(tx: Transaction) -> None:
    """What a grant made is kept by asset; requests, subscriptions and grants name scopes and permissions of each."""
    made: list[Document] = []

    def request(document: Document) -> Document:
        scope = document.pop("wantedScope", None)
        return document | {"scopes": [scope] if scope else [], "permissions": {}}

    def subscription(document: Document) -> Document:
        scope = document["subscribedListing"]["item"]["assetListing"].get("assetScope")
        return document | {"scopes": [scope] if scope else [], "permissions": {}}

    def grant(document: Document) -> Document:
        [asset] = document["assets"]
        kept = {m: document.pop(m) for m in ("effects", "filter", "link", "sourceKey") if m in document}
        if kept:
            named = {"grantId": document["id"], "assetId": asset["assetId"], "domainId": document["domainId"]}
            made.append(kept | named)
        key = (document["domainId"], document["subscriptionId"])
        sql = "SELECT CAST(body AS TEXT) FROM datazone_subscription WHERE domainId = ? AND id = ?"
        [(body,)] = tx.run(sql, key)
        item = msgspec.json.decode(body)["subscribedListing"]["item"]["assetListing"]
        managed = [asset["assetId"]] if document["managed"] else []
        return document | {"managed": managed, "assetTypes": {asset["assetId"]: item["entityType"]}}

    rebuild(tx, REQUESTS, request)
    rebuild(tx, SUBSCRIPTIONS, subscription)
    rebuild(tx, GRANTS, grant)
    make_table(tx, GRANTED)
    for document in made:
        tx.add(GRANTED, document)


def _grants_name_resources_so_that_no_two_are_alike(tx: Transaction) -> None:
    """A name with a slash or a comma in it cannot be taken for two; grants know their type, tags and expression."""

    def renamed(grant: Document) -> Document:
        return grant | lake_records.document_of(lake_records.name_of(grant | {"values": [], "expression": []}))

    rebuild(tx, lake_records.GRANTS, renamed)


UPGRADES: tuple[Upgrade, ...] = (
    Upgrade(2, make_log),
    Upgrade(3, _objects_have_versions_and_small_bodies),
    Upgrade(4, _listings_are_of_assets_or_data_products),
    Upgrade(5, search_index.upgrade),
    Upgrade(6, _memberships_know_the_name_of_their_project),
    Upgrade(7, search_rebuild.reindex),
    Upgrade(8, _grants_have_many_assets),
    Upgrade(9, _grants_name_resources_so_that_no_two_are_alike),
    Upgrade(10, glue_connections.close),
)
