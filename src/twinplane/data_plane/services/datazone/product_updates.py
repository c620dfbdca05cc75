"""A data product that is published anew reaches those who are subscribed to it: its new assets are granted to them, and
those that it no longer has are revoked. Subscriptions are followed some at a time, in a task of its own."""

from typing import TYPE_CHECKING

import structlog

from twinplane.data_plane.services.datazone import asset_filters, assets, grants, subscribed_listings
from twinplane.data_plane.services.datazone.fulfilment import SUBSCRIPTIONS
from twinplane.data_plane.store import Document, Transaction
from twinplane.data_plane.tasks import TaskKind

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

log = structlog.get_logger()

_AT_ONCE = 20


async def _follow(plane: "Plane", task: Document) -> None:
    after: list[object] | None = []
    while after is not None:
        after = await plane.store.write(lambda tx, a=after: _step(tx, plane, task, a))  # type: ignore[misc]


def _step(tx: Transaction, plane: "Plane", task: Document, after: list[object]) -> list[object] | None:
    """Brings some subscriptions to what their product is now; where the next ones begin, None behind the last."""
    domain_id, listing = task["payload"]["domain"], tx.find(assets.LISTINGS, task["payload"]["domain"], task["subject"])
    if listing is None or listing["status"] != "ACTIVE":
        return None
    where = {"domainId": domain_id, "listingId": listing["id"], "status": "APPROVED"}
    found = tx.select(SUBSCRIPTIONS, where, order=("createdAt",), after=after or None, limit=_AT_ONCE)
    for subscription in found:
        if subscription["subscribedListing"]["revision"] != listing["listingRevision"]:
            _bring(tx, plane, subscription, listing)
    return [found[-1][member] for member in ("createdAt", "domainId", "id")] if len(found) == _AT_ONCE else None


def _bring(tx: Transaction, plane: "Plane", before: Document, listing: Document) -> None:
    shown, now = subscribed_listings.subscribed(tx, listing), plane.clock()
    has = {entity["entityId"] for entity in subscribed_listings.entities(shown)}
    for scope in before["scopes"]:
        if scope["assetId"] not in has:
            asset_filters.count_use(tx, before["domainId"], scope, -1)
    after = before | {
        "subscribedListing": shown, "updatedAt": now, "updatedBy": listing["updatedBy"],
        "scopes": [scope for scope in before["scopes"] if scope["assetId"] in has],
        "permissions": {asset_id: given for asset_id, given in before["permissions"].items() if asset_id in has},
    }  # fmt: skip
    grants.follow_product(tx, plane, before, tx.put(SUBSCRIPTIONS, after), now)


def _given_up(_tx: Transaction, _plane: "Plane", task: Document, reason: str) -> None:
    """Those subscriptions that were not reached stay as they were until the product is published again."""
    log.error("subscribers of a data product were not reached", listing=task["subject"], reason=reason)


TASKS = {"datazone.follow_product": TaskKind(_follow, _given_up)}
