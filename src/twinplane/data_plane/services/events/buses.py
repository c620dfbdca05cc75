"""Event buses, their policies, and the tags of buses and rules."""

import json
from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads, writes
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.events import store
from twinplane.data_plane.services.events.permissions import find_by_arn, get_bus, on_bus, tags_of
from twinplane.data_plane.services.iam.policy import MalformedPolicy, compile_policy
from twinplane.data_plane.services.iam.rules import iam
from twinplane.data_plane.store import Document

_MAX_POLICY_CHARS = 10_240


def create_event_bus(call: Call, request: Request) -> Answer:
    name = request["Name"]
    if request.get("EventSourceName") is not None:
        raise ServiceError("NotImplemented", "Event buses of partners are not served.", 501)
    if "/" in name or name == store.DEFAULT_BUS or call.tx.find(store.BUSES, name) is not None:
        if "/" in name:
            raise ServiceError("ValidationException", f"Event bus name {name} must not contain '/'.")
        raise ServiceError("ResourceAlreadyExistsException", f"Event bus {name} already exists.")
    bus = {
        "name": name, "description": request.get("Description"), "policy": None, "tags": tags_of(request),
        "created_at": call.now, "modified_at": call.now,
    }  # fmt: skip
    call.tx.add(store.BUSES, bus)
    answer = {"EventBusArn": store.arn_of(call.plane, f"event-bus/{name}"), "Description": bus["description"]}
    return {member: value for member, value in answer.items() if value is not None}


def describe_event_bus(call: Call, request: Request) -> Answer:
    return _view(call, get_bus(call, request.get("Name")))


def _view(call: Call, bus: Document) -> Answer:
    view = {
        "Name": bus["name"], "Arn": store.arn_of(call.plane, f"event-bus/{bus['name']}"),
        "Description": bus.get("description"), "Policy": json.dumps(bus["policy"]) if bus["policy"] else None,
        "CreationTime": bus.get("created_at"), "LastModifiedTime": bus.get("modified_at"),
    }  # fmt: skip
    return {member: value for member, value in view.items() if value is not None}


def update_event_bus(call: Call, request: Request) -> Answer:
    bus = get_bus(call, request.get("Name"))
    bus |= {"description": request.get("Description"), "modified_at": call.now}
    call.tx.put(store.BUSES, bus)
    view = _view(call, bus)
    return {member: view[member] for member in ("Arn", "Name", "Description") if member in view}


def list_event_buses(call: Call, request: Request) -> Answer:
    prefix = request.get("NamePrefix") or ""

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        found = {bus["name"]: bus for bus in call.tx.select(store.BUSES)}
        found.setdefault(store.DEFAULT_BUS, get_bus(call, None))
        names = sorted(n for n in found if n.startswith(prefix) and (after is None or n > after[0]))
        return [found[name] for name in names[:limit]]

    found, token = named_page(call, request, fetch)
    return {"EventBuses": [_view(call, bus) for bus in found], **token}


def named_page(call: Call, request: Request, fetch: Any) -> tuple[list[Document], dict[str, str]]:
    """A page of documents by name, and the member that leads to the next."""
    found, token = page(
        call, request, fetch, lambda document: [document["name"]],
        size="Limit", token="NextToken", default=100, most=100,  # noqa: S106
    )  # fmt: skip
    return found, {"NextToken": token} if token else {}


def delete_event_bus(call: Call, request: Request) -> Answer:
    """Deletes a bus that has no rules; one that is not there is gone already."""
    name = request["Name"]
    if name == store.DEFAULT_BUS:
        raise ServiceError("ValidationException", "Cannot delete event bus default.")
    if call.tx.first(store.RULES, {"bus": name}) is not None:
        raise ServiceError("ValidationException", f"Cannot delete event bus {name}: it has rules.")
    call.tx.remove(store.BUSES, name)
    return {}


# Policies


def put_permission(call: Call, request: Request) -> Answer:
    """Sets the whole policy of a bus, or adds a statement to it."""
    bus = get_bus(call, request.get("EventBusName"))
    arn = store.arn_of(call.plane, f"event-bus/{bus['name']}")
    if request.get("Policy") is not None:
        policy = _parsed(request["Policy"])
    else:
        missing = next((m for m in ("Action", "Principal", "StatementId") if request.get(m) is None), None)
        if missing is not None:
            raise ServiceError("ValidationException", f"Parameter {missing} must be specified.")
        statement: dict[str, Any] = {
            "Sid": request["StatementId"], "Effect": "Allow", "Action": request["Action"], "Resource": arn,
            "Principal": "*" if request["Principal"] == "*" else {"AWS": f"arn:aws:iam::{request['Principal']}:root"},
        }  # fmt: skip
        if request.get("Condition") is not None:
            condition = request["Condition"]
            statement["Condition"] = {condition["Type"]: {condition["Key"]: condition["Value"]}}
        policy = bus["policy"] or {"Version": "2012-10-17", "Statement": []}
        policy["Statement"] = [s for s in policy["Statement"] if s.get("Sid") != statement["Sid"]] + [statement]
    text = json.dumps(policy)
    if len(text) > _MAX_POLICY_CHARS:
        raise ServiceError("PolicyLengthExceededException", "The event bus policy is longer than 10240 characters.")
    try:
        compile_policy(text, "resource")
    except MalformedPolicy as error:
        raise ServiceError("ValidationException", f"Policy is not valid: {error}") from None
    call.tx.put(store.BUSES, bus | {"policy": policy, "modified_at": call.now})
    return {}


def _parsed(text: str) -> dict[str, Any]:
    try:
        policy = json.loads(text)
    except ValueError:
        policy = None
    if not isinstance(policy, dict):
        raise ServiceError("ValidationException", "Policy is not a JSON object.")
    statements = policy.get("Statement")
    return policy | {"Statement": statements if isinstance(statements, list) else [statements]}


def remove_permission(call: Call, request: Request) -> Answer:
    bus, label = get_bus(call, request.get("EventBusName")), request.get("StatementId")
    if bus["policy"] is None:
        raise ServiceError("ResourceNotFoundException", "EventBus does not have a policy.")
    kept: list[Any] = []
    if not request.get("RemoveAllPermissions"):
        kept = [s for s in bus["policy"]["Statement"] if s.get("Sid") != label]
        if len(kept) == len(bus["policy"]["Statement"]):
            raise ServiceError("ResourceNotFoundException", "Statement with the provided id does not exist.")
    call.tx.put(store.BUSES, bus | {"policy": bus["policy"] | {"Statement": kept} if kept else None})
    return {}


# Tags


def list_tags_for_resource(call: Call, request: Request) -> Answer:
    _, document = _tagged(call, request)
    return {"Tags": [{"Key": key, "Value": value} for key, value in document["tags"].items()]}


def tag_resource(call: Call, request: Request) -> Answer:
    kind, document = _tagged(call, request)
    call.tx.put(kind, document | {"tags": document["tags"] | tags_of(request)})
    return {}


def untag_resource(call: Call, request: Request) -> Answer:
    kind, document = _tagged(call, request)
    call.tx.put(kind, document | {"tags": {k: v for k, v in document["tags"].items() if k not in request["TagKeys"]}})
    return {}


def _tagged(call: Call, request: Request) -> tuple[Any, Document]:
    found = find_by_arn(call.tx, call, request["ResourceARN"])
    if found is None:
        raise ServiceError("ResourceNotFoundException", f"{request['ResourceARN']} does not exist.")
    return found


def _resource(_call: Call, request: Request) -> str:
    return str(request["ResourceARN"])


def _every_bus(call: Call, _request: Request) -> str:
    return store.arn_of(call.plane, "event-bus/*")


OPERATIONS: dict[str, Operation] = {
    "CreateEventBus": writes(create_event_bus, on_bus("events:CreateEventBus")),
    "DescribeEventBus": reads(describe_event_bus, on_bus("events:DescribeEventBus")),
    "UpdateEventBus": writes(update_event_bus, on_bus("events:UpdateEventBus")),
    "ListEventBuses": reads(list_event_buses, iam("events:ListEventBuses", _every_bus)),
    "DeleteEventBus": writes(delete_event_bus, on_bus("events:DeleteEventBus")),
    "PutPermission": writes(put_permission, on_bus("events:PutPermission", "EventBusName")),
    "RemovePermission": writes(remove_permission, on_bus("events:RemovePermission", "EventBusName")),
    "ListTagsForResource": reads(list_tags_for_resource, iam("events:ListTagsForResource", _resource)),
    "TagResource": writes(tag_resource, iam("events:TagResource", _resource)),
    "UntagResource": writes(untag_resource, iam("events:UntagResource", _resource)),
}
