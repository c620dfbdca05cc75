"""What may be looked up in the event history."""

from dataclasses import dataclass

from twinplane.data_plane.call import Request, ServiceError

KEPT_SECONDS = 90 * 24 * 3600
_COLUMNS = {
    "EventId": "id",
    "EventName": "event_name",
    "ReadOnly": "read_only",
    "Username": "username",
    "EventSource": "event_source",
    "AccessKeyId": "access_key_id",
    "ResourceType": "type",
    "ResourceName": "name",
}

# Calls about what is in a resource, not about the resource: AWS counts them as data events.
_DATA_EVENTS = {
    "sqs": frozenset((
        "SendMessage", "SendMessageBatch", "ReceiveMessage", "DeleteMessage", "DeleteMessageBatch",
        "ChangeMessageVisibility", "ChangeMessageVisibilityBatch",
    )),
    "events": frozenset(("PutEvents",)),
}  # fmt: skip


def is_management_event(service: str, operation: str) -> bool:
    """Whether a call of a service (as in its event source) manages resources; if not, it is a data event."""
    if service == "s3":
        return "Bucket" in operation
    return operation not in _DATA_EVENTS.get(service, ())


@dataclass(frozen=True, slots=True)
class Lookup:
    """Events from `start` to `end` (epoch seconds, both included) whose `column` is `value`; None: all."""

    start: float
    end: float
    column: str | None = None
    value: str | bool | None = None


def check_lookup(request: Request, now: float) -> Lookup:
    """What a request looks for. Raises `ServiceError` with CloudTrail's codes."""
    start = max(request.get("StartTime") or 0.0, now - KEPT_SECONDS)
    end = request.get("EndTime")
    if end is not None and end < (request.get("StartTime") or 0.0):
        raise ServiceError("InvalidTimeRangeException", "The start time must be before the end time.")
    # AWS's times are whole seconds: the end second is included
    end = float("inf") if end is None else float(int(end)) + 0.999999
    attributes = request.get("LookupAttributes") or []
    if not attributes:
        return Lookup(start, end)
    if len(attributes) > 1:
        raise ServiceError("InvalidLookupAttributesException", "Only one lookup attribute may be given.")
    key, value = attributes[0]["AttributeKey"], attributes[0]["AttributeValue"]
    column = _COLUMNS.get(key)
    if column is None:
        raise ServiceError("InvalidLookupAttributesException", f"{key} is not a lookup attribute.")
    if key != "ReadOnly":
        return Lookup(start, end, column, value)
    if value.lower() not in ("true", "false"):
        raise ServiceError("InvalidLookupAttributesException", "ReadOnly is either true or false.")
    return Lookup(start, end, column, value.lower() == "true")
