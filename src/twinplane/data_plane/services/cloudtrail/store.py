"""The events of the plane: who did what, when, and on whose behalf."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from twinplane.data_plane.services.cloudtrail.rules import Lookup
from twinplane.data_plane.services.identitystore import store as identity_store
from twinplane.data_plane.store import Document, Kind, Transaction

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

_LAST = "\U0010ffff"  # sorts behind every id
_LOOKUPS = ("event_name", "event_source", "username", "access_key_id", "on_behalf_of")

EVENTS = Kind(
    "cloudtrail_event",
    key=("id",),
    columns=("read_only",),
    indexes=(("time", "id"), *((member, "time", "id") for member in _LOOKUPS)),
)
# One row for each resource an event names: an event is found by any of them.
RESOURCES = Kind("cloudtrail_event_resource", key=("name", "type", "time", "id"), indexes=(("type", "time", "id"),))
KINDS = [EVENTS, RESOURCES]


def add_event(tx: Transaction, _plane: "Plane", event: dict[str, Any]) -> Document:
    """Stores one event, given as CloudTrail's JSON record.

    `eventTime` may be epoch seconds (a float, which keeps the order within a second) or ISO 8601 text. `userIdentity`
    decides under which name the event is found: the person's when the session acts on behalf of one.
    """
    time = _seconds(event["eventTime"])
    identity: dict[str, Any] = event.get("userIdentity") or {}
    on_behalf_of = (identity.get("onBehalfOf") or {}).get("userId")
    document = {
        "id": event["eventID"], "time": time, "event_name": event["eventName"], "event_source": event["eventSource"],
        "read_only": bool(event.get("readOnly")), "access_key_id": identity.get("accessKeyId"),
        "on_behalf_of": on_behalf_of, "username": _username(tx, identity, on_behalf_of),
        "record": event | {"eventTime": iso(time)},
    }  # fmt: skip
    tx.add(EVENTS, document)
    for name, kind in {(r.get("ARN", ""), r.get("type", "")) for r in event.get("resources") or ()}:
        tx.put(RESOURCES, {"name": name, "type": kind, "time": time, "id": document["id"]})
    return document


def iso(seconds: float) -> str:
    """A time as CloudTrail writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _username(tx: Transaction, identity: dict[str, Any], on_behalf_of: str | None) -> str | None:
    if on_behalf_of is not None:
        user = identity_store.get_user(tx, on_behalf_of)
        if user is not None:
            return str(user["UserName"])
    name: str | None = identity.get("userName")
    arn: str = identity.get("arn") or ""
    return name or arn.rpartition("/")[2] or None


def _seconds(time: float | str) -> float:
    if isinstance(time, str):
        return datetime.fromisoformat(time).timestamp()
    return float(time)


def find_events(tx: Transaction, lookup: Lookup, after: list[Any] | None, limit: int) -> list[Document]:
    """At most `limit` events behind `after` (time, id), newest first."""
    behind = after or [lookup.end, _LAST]
    where = {} if lookup.column is None else {lookup.column: lookup.value}
    if lookup.by_resource:
        return _find_by_resource(tx, lookup, where, behind, limit)
    found = tx.select(EVENTS, where, order=("time",), after=behind, limit=limit, descending=True)
    return [event for event in found if event["time"] >= lookup.start]


def _find_by_resource(
    tx: Transaction, lookup: Lookup, where: dict[str, Any], behind: list[Any], limit: int
) -> list[Document]:
    ids: dict[str, None] = {}  # an event may name several resources of one type
    last = [*behind, "", ""]
    while len(ids) < limit:
        rows = tx.select(RESOURCES, where, order=("time", "id"), after=last, limit=limit, descending=True)
        ids |= dict.fromkeys(row["id"] for row in rows if row["time"] >= lookup.start)
        if len(rows) < limit:
            break
        last = [rows[-1][member] for member in ("time", "id", "name", "type")]
    return [tx.get(EVENTS, event_id) for event_id in list(ids)[:limit]]


def text_of(record: dict[str, Any]) -> str:
    """An event's record as CloudTrail hands it out: JSON text."""
    return msgspec.json.encode(record).decode()
