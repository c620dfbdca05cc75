"""Events of one's own: put on a bus, and tried against a pattern."""

import json
from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads, writes
from twinplane.data_plane.services.events import store
from twinplane.data_plane.services.events.bus_rules import check_pattern
from twinplane.data_plane.services.events.patterns import compile_pattern
from twinplane.data_plane.services.events.permissions import bus_name, on_putting
from twinplane.data_plane.services.iam.rules import iam

_MAX_BYTES = 1_048_576
_MAX_DEPTH = 200


def put_events(call: Call, request: Request) -> Answer:
    """Puts events on their buses; what is wrong with one is said of that one alone.

    An event for a bus that is not there is taken, and goes nowhere.
    """
    entries = request["Entries"]
    if request.get("EndpointId") is not None:
        raise ServiceError("NotImplemented", "Global endpoints are not served.", 501)
    if sum(_bytes(entry) for entry in entries) > _MAX_BYTES:
        raise ServiceError("ValidationException", "Total size of the entries in the request is over the limit.")
    results = [_put(call, entry) for entry in entries]
    return {"FailedEntryCount": sum("ErrorCode" in result for result in results), "Entries": results}


def _bytes(entry: dict[str, Any]) -> int:
    texts = [entry.get(member) or "" for member in ("Source", "DetailType", "Detail")]
    texts += entry.get("Resources") or []
    return sum(len(text.encode()) for text in texts) + (14 if entry.get("Time") is not None else 0)


def _put(call: Call, entry: dict[str, Any]) -> Answer:
    for member in ("Source", "DetailType", "Detail"):
        if not entry.get(member):
            text = f"Parameter {member} is not valid. Reason: {member} is a required argument."
            return {"ErrorCode": "InvalidArgument", "ErrorMessage": text}
    if entry["Source"].startswith("aws."):
        return {"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": "Not authorized for the source."}
    detail = _detail(entry["Detail"])
    if detail is None:
        return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    event = store.new_event(
        call.plane, entry["Source"], entry["DetailType"], detail, entry.get("Resources") or (), entry.get("Time")
    )
    bus = bus_name(call, entry.get("EventBusName"))
    if store.find_bus(call.tx, bus) is not None:
        store.publish(call.tx, call.plane, bus, event)
    return {"EventId": event["id"]}


def _detail(text: str) -> dict[str, Any] | None:
    try:
        detail = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return detail if isinstance(detail, dict) and _depth_within(detail, _MAX_DEPTH) else None


def _depth_within(value: Any, most: int) -> bool:
    if most == 0:
        return False
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(_depth_within(each, most - 1) for each in inner)


def test_event_pattern(_call: Call, request: Request) -> Answer:  # noqa: PT019 - no test
    check_pattern(request["EventPattern"])
    try:
        event = json.loads(request["Event"]) if len(request["Event"]) <= _MAX_BYTES else None
    except (ValueError, RecursionError):
        event = None
    needed = ("id", "account", "source", "time", "region", "resources", "detail-type")
    if (
        not isinstance(event, dict)
        or not all(member in event for member in needed)
        or not _depth_within(event, _MAX_DEPTH)
    ):
        reason = f"it must be a JSON object with {', '.join(needed)}, as large as PutEvents takes it at most."
        raise ServiceError("ValidationException", f"Parameter Event is not valid. Reason: {reason}")
    return {"Result": compile_pattern(request["EventPattern"])(event)}


OPERATIONS: dict[str, Operation] = {
    "PutEvents": writes(put_events, on_putting),
    "TestEventPattern": reads(test_event_pattern, iam("events:TestEventPattern")),
}
