"""AWS CloudTrail's event history."""

from typing import Any

import msgspec

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.cloudtrail import retention, store, trail_delivery, trails
from twinplane.data_plane.services.cloudtrail.rules import check_lookup
from twinplane.data_plane.services.iam.rules import iam
from twinplane.data_plane.store import Document, Kind
from twinplane.data_plane.tasks import TaskKind


def lookup_events(call: Call, request: Request) -> Answer:
    """Events newest first. Like AWS: by one attribute at most, of the last 90 days, 50 a page."""
    category = request.get("EventCategory")
    if category is not None:
        if category != "insight":
            raise ServiceError("InvalidEventCategoryException", f"{category} is not an event category: insight is.")
        return {"Events": []}  # nobody looks for unusual activity here
    lookup = check_lookup(request, call.now)
    size = request.get("MaxResults")
    if size is not None and not 1 <= size <= 50:
        raise ServiceError("InvalidMaxResultsException", "MaxResults must be between 1 and 50.")

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        return store.find_events(call.tx, lookup, after, limit)

    events, token = page(
        call, request, fetch, lambda event: [event["time"], event["seq"]],
        size="MaxResults", token="NextToken", most=50, error="InvalidNextTokenException",  # noqa: S106
    )  # fmt: skip
    return {"Events": [_view(event) for event in events], **({"NextToken": token} if token else {})}


def _view(event: Document) -> dict[str, Any]:
    view = {
        "EventId": event["id"], "EventName": event["event_name"], "EventSource": event["event_source"],
        "EventTime": event["time"], "ReadOnly": "true" if event["read_only"] else "false",
        "AccessKeyId": event["access_key_id"], "Username": event["username"],
        "Resources": [
            {"ResourceType": kind, "ResourceName": name}
            for name, kind in msgspec.json.decode(event["resources"] or "[]")
        ],
        "CloudTrailEvent": event["record"].decode(),
    }  # fmt: skip
    return {member: value for member, value in view.items() if value is not None}


OPERATIONS: dict[str, Operation] = {
    "LookupEvents": reads(lookup_events, iam("cloudtrail:LookupEvents")),
    **trails.OPERATIONS,
}
KINDS: list[Kind] = [*store.KINDS, *trail_delivery.KINDS]
TASKS: dict[str, TaskKind] = {**retention.TASKS, **trail_delivery.TASKS}
