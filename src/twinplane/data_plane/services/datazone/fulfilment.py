"""Fulfilment: the assets of a subscription grant become reachable, and stop to be when it ends.

Only tables that a data source imported are fulfilled here, in Lake Formation; for other assets somebody else acts and
reports through UpdateSubscriptionGrantStatus. All that a grant changes, and the statuses that say so, is one
transaction.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from twinplane.data_plane.services.datazone import events, lake_fulfilment, subscription_lists
from twinplane.data_plane.store import Document, Kind, Transaction
from twinplane.data_plane.tasks import TaskKind, enqueue

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

GRANTS = Kind(
    "datazone_subscription_grant",
    key=("domainId", "id"),
    indexes=(
        *subscription_lists.indexes(("environmentId",), ("subscriptionTargetId",), status=False),
        ("domainId", "subscriptionId"),
    ),
)
SUBSCRIPTIONS = Kind(
    "datazone_subscription",
    key=("domainId", "id"),
    indexes=(*subscription_lists.indexes(status=True), ("domainId", "subscriptionRequestId")),
)
KINDS = [GRANTS, SUBSCRIPTIONS, lake_fulfilment.GRANTED]

_FAILED = ("GRANT_FAILED", "REVOKE_FAILED")


def overall_status(statuses: list[str]) -> str:
    """A grant's status from those of its assets."""
    found = set(statuses)
    if found <= {"GRANT_PENDING", "REVOKE_PENDING"}:
        return "PENDING"
    if any(status.endswith(("_PENDING", "_IN_PROGRESS")) for status in found):
        return "IN_PROGRESS"
    if found >= set(_FAILED):
        return "GRANT_AND_REVOKE_FAILED"
    return next((status for status in _FAILED if status in found), "COMPLETED")


def put_status(tx: Transaction, grant: Document, asset_id: str, status: str, now: float, **shown: Any) -> Document:
    """Stores a grant with one of its assets in this status; `shown` are further members of the asset."""

    def changed(asset: Document) -> Document:
        if asset["assetId"] != asset_id:
            return asset
        asset = asset | {"status": status} | shown
        if status in _FAILED:
            return asset
        return {k: v for k, v in asset.items() if k not in ("failureCause", "failureTimestamp")}

    assets = [changed(asset) for asset in grant["assets"]]
    overall = overall_status([asset["status"] for asset in assets])
    return tx.put(GRANTS, grant | {"assets": assets, "status": overall, "updatedAt": now})


def ask(tx: Transaction, plane: "Plane", grant: Document) -> None:
    """Has those assets of a grant granted that are this service's to grant."""
    if grant["managed"]:
        enqueue(tx, plane, "datazone.grant", grant["id"], domain=grant["domainId"])


def end(tx: Transaction, plane: "Plane", grant: Document, *, delete: bool = False) -> Document:
    """Has a grant undone, and then removed when `delete`."""
    grant = grant | {"deleting": delete or grant.get("deleting", False)}
    grant = end_assets(tx, plane, grant, [asset["assetId"] for asset in grant["assets"]])
    remove_when_undone(tx, grant)
    return grant


def end_assets(tx: Transaction, plane: "Plane", grant: Document, asset_ids: Collection[str]) -> Document:
    """Has these assets of a grant undone."""
    for asset in grant["assets"]:
        managed = asset["assetId"] in grant["managed"]
        if asset["assetId"] not in asset_ids or asset["status"] == "REVOKED":
            continue
        if not managed and asset["status"] in ("GRANT_PENDING", "GRANT_FAILED"):
            grant = put_status(tx, grant, asset["assetId"], "REVOKED", plane.clock())  # nobody has granted anything
            continue
        grant = put_status(tx, grant, asset["assetId"], "REVOKE_PENDING", plane.clock())
        events.tell_of_grant(tx, plane, "Revoke Requested", grant, asset["assetId"])
    if any(a["status"] == "REVOKE_PENDING" and a["assetId"] in grant["managed"] for a in grant["assets"]):
        enqueue(tx, plane, "datazone.revoke", grant["id"], domain=grant["domainId"])
    return grant


def forget(tx: Transaction, grant: Document, asset_id: str, now: float) -> None:
    """Takes away at once what was made for an asset of a grant; for one that is to be granted anew."""
    lake_fulfilment.undo(tx, grant, asset_id, now)


def is_undone(grant: Document) -> bool:
    """Whether nothing of a grant is left."""
    return all(asset["status"] == "REVOKED" for asset in grant["assets"])


def remove_when_undone(tx: Transaction, grant: Document) -> None:
    """Removes a grant that is to go once it is undone, when it is."""
    if grant.get("deleting") and is_undone(grant):
        tx.remove(GRANTS, grant["domainId"], grant["id"])


async def _grant(plane: "Plane", task: Document) -> None:
    await plane.store.write(lambda tx: _move(tx, task, "GRANT_PENDING", "GRANT_IN_PROGRESS", plane.clock()))
    await plane.store.write(lambda tx: _fulfil(tx, plane, task))


async def _revoke(plane: "Plane", task: Document) -> None:
    await plane.store.write(lambda tx: _move(tx, task, "REVOKE_PENDING", "REVOKE_IN_PROGRESS", plane.clock()))
    await plane.store.write(lambda tx: _undo(tx, plane, task))


def _grant_of(tx: Transaction, task: Document) -> Document | None:
    return tx.find(GRANTS, task["payload"]["domain"], task["subject"])


def _managed(grant: Document, status: str) -> list[Document]:
    """The assets that are this service's to grant, in this status."""
    return [a for a in grant["assets"] if a["status"] == status and a["assetId"] in grant["managed"]]


def _move(tx: Transaction, task: Document, before: str, after: str, now: float) -> None:
    grant = _grant_of(tx, task)
    for asset in [] if grant is None else _managed(grant, before):
        grant = put_status(tx, grant or {}, asset["assetId"], after, now)


def _fulfil(tx: Transaction, plane: "Plane", task: Document) -> None:
    grant = _grant_of(tx, task)
    if grant is None:
        return
    now = plane.clock()
    subscription = tx.find(SUBSCRIPTIONS, grant["domainId"], grant["subscriptionId"])
    approved = subscription is not None and subscription["status"] == "APPROVED"
    for asset in _managed(grant, "GRANT_IN_PROGRESS"):
        asset_id = asset["assetId"]
        if not approved:
            grant = put_status(tx, grant, asset_id, "REVOKED", now)
            continue
        try:
            with tx.savepoint():
                made = lake_fulfilment.apply(tx, plane, grant, asset, now)
        except lake_fulfilment.CannotGrant as error:
            failure = {"failureCause": {"message": str(error)}, "failureTimestamp": now}
            grant = put_status(tx, grant, asset_id, "GRANT_FAILED", now, **failure)
            events.tell_of_grant(tx, plane, "Failed", grant, asset_id)
            continue
        shown = {"grantedTimestamp": now} | ({"targetName": made["link"]["name"]} if made.get("link") else {})
        grant = put_status(tx, grant, asset_id, "GRANTED", now, **shown)
        events.tell_of_grant(tx, plane, "Completed", grant, asset_id)


def _undo(tx: Transaction, plane: "Plane", task: Document) -> None:
    grant = _grant_of(tx, task)
    if grant is None:
        return
    now = plane.clock()
    for asset in _managed(grant, "REVOKE_IN_PROGRESS"):
        lake_fulfilment.undo(tx, grant, asset["assetId"], now)
        grant = put_status(tx, grant, asset["assetId"], "REVOKED", now)
        events.tell_of_grant(tx, plane, "Revoke Completed", grant, asset["assetId"])
    remove_when_undone(tx, grant)


def _failed(before: tuple[str, ...], after: str, moment: str) -> Any:
    def failed(tx: Transaction, plane: "Plane", task: Document, reason: str) -> None:
        grant, now = _grant_of(tx, task), plane.clock()
        cause = {"failureCause": {"message": reason}, "failureTimestamp": now}
        for asset in [] if grant is None else [a for status in before for a in _managed(grant, status)]:
            grant = put_status(tx, grant or {}, asset["assetId"], after, now, **cause)
            events.tell_of_grant(tx, plane, moment, grant, asset["assetId"])

    return failed


TASKS = {
    "datazone.grant": TaskKind(_grant, _failed(("GRANT_PENDING", "GRANT_IN_PROGRESS"), "GRANT_FAILED", "Failed")),
    "datazone.revoke": TaskKind(
        _revoke, _failed(("REVOKE_PENDING", "REVOKE_IN_PROGRESS"), "REVOKE_FAILED", "Revoke Failed")
    ),
}
