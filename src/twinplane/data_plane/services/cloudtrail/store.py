"""The events of the plane: who did what, when, and on whose behalf."""

from datetime import UTC, datetime
from typing import Any

from twinplane.data_plane.services.identitystore import store as identity_store
from twinplane.data_plane.store import Document, Kind, Transaction

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


def add_event(tx: Transaction, event: dict[str, Any]) -> Document:
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
