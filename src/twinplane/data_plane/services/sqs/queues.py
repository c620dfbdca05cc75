"""Queues: made, found, described, limited by their own policies, and removed."""

import json
from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads, writes
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.iam.policy import MalformedPolicy, compile_policy
from twinplane.data_plane.services.iam.rules import iam
from twinplane.data_plane.services.sqs import rules, store
from twinplane.data_plane.services.sqs.permissions import get_queue, on_named, on_queue
from twinplane.data_plane.store import Document

# What AddPermission may allow others, and `*`.
_SHARED_ACTIONS = (
    "SendMessage", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueAttributes", "GetQueueUrl",
)  # fmt: skip


def create_queue(call: Call, request: Request) -> Answer:
    """Making a queue that is there already succeeds when every attribute given is what it has."""
    name, given = request["QueueName"], dict(request.get("Attributes") or {})
    fifo = given.pop("FifoQueue", None)
    if fifo is not None and fifo.lower() not in ("true", "false"):
        raise rules.bad_attribute("FifoQueue")
    is_fifo = fifo is not None and fifo.lower() == "true"
    rules.check_name(name, is_fifo)
    attributes = _checked(call, name, given, {}, is_fifo)
    known = store.find_queue(call.tx, name)
    if known is not None:
        now = store.settings_of(known)
        differing = next((n for n, v in attributes.items() if now.get(n) != v), None)
        if differing is not None:
            raise ServiceError(
                "QueueNameExists",
                f"A queue already exists with the same name and a different value for attribute {differing}",
            )
    else:
        store.create_queue(call.tx, call.plane, name, attributes, request.get("tags") or {}, call.now)
    return {"QueueUrl": store.url_of(call.plane, name)}


def _checked(call: Call, name: str, given: dict[str, str], old: dict[str, str], fifo: bool) -> dict[str, str]:
    """The queue's attributes with those given. Raises `ServiceError`."""
    attributes = {n: v for n, v in {**old, **rules.check_attributes(given, fifo)}.items() if v}
    rules.check_combination(attributes)
    if given.get("Policy"):
        try:
            compile_policy(given["Policy"], "resource")
        except MalformedPolicy as error:
            raise rules.bad_attribute("Policy", str(error)) from None
    if given.get("RedriveAllowPolicy"):
        rules.check_allow_policy(given["RedriveAllowPolicy"])
    if given.get("RedrivePolicy"):
        _check_dead_letters(call, name, given["RedrivePolicy"], fifo)
    return attributes


def _check_dead_letters(call: Call, name: str, policy: str, fifo: bool) -> None:
    target, _ = rules.redrive_policy(policy)
    queue = store.find_queue_by_arn(call.tx, call.plane, target)
    if queue is None:
        raise rules.invalid("RedrivePolicy", policy, "Dead letter target does not exist.")
    if queue["fifo"] != fifo:
        raise rules.invalid("RedrivePolicy", policy, "Dead-letter queue must be same type of queue as the source.")
    if not rules.may_redrive(queue["attributes"].get("RedriveAllowPolicy"), store.arn_of(call.plane, name)):
        raise rules.invalid("RedrivePolicy", policy, "Queue does not have permission to use the dead-letter queue.")


def get_queue_url(call: Call, request: Request) -> Answer:
    if store.find_queue(call.tx, request["QueueName"]) is None:
        raise rules.queue_does_not_exist()
    return {"QueueUrl": store.url_of(call.plane, request["QueueName"])}


def list_queues(call: Call, request: Request) -> Answer:
    """Queues by name; like AWS with at most 1000, and a token only where MaxResults asks for pages."""
    prefix = request.get("QueueNamePrefix") or ""
    _check_page_size(request)

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        start = after[0] if after else ""
        rows = call.tx.run(
            "SELECT name FROM sqs_queue WHERE name > ? AND substr(name, 1, ?) = ? ORDER BY name LIMIT ?",
            (start, len(prefix), prefix, limit),
        )
        return [{"name": name} for (name,) in rows]

    found, token = page(
        call, request, fetch, lambda queue: [queue["name"]],
        size="MaxResults", token="NextToken", default=1000, error="InvalidParameterValue",  # noqa: S106
    )  # fmt: skip
    answer: Answer = {"QueueUrls": [store.url_of(call.plane, queue["name"]) for queue in found]} if found else {}
    return answer | ({"NextToken": token} if token and request.get("MaxResults") else {})


def _check_page_size(request: Request) -> None:
    size = request.get("MaxResults")
    if size is not None and not 1 <= size <= 1000:
        raise rules.invalid("MaxResults", size, "Must be between 1 and 1000.")


def delete_queue(call: Call, request: Request) -> Answer:
    store.remove_queue(call.tx, call.plane, get_queue(call, request)["name"])
    return {}


def purge_queue(call: Call, request: Request) -> Answer:
    store.purge(call.tx, get_queue(call, request)["name"])
    return {}


def get_queue_attributes(call: Call, request: Request) -> Answer:
    names = request.get("AttributeNames") or []
    there = store.attributes_of(call.tx, call.plane, get_queue(call, request), call.now)
    known = {*there, *rules.FIFO_DEFAULTS, *rules.SETTABLE, "All"}
    strange = next((name for name in names if name not in known), None)
    if strange is not None:
        raise ServiceError("InvalidAttributeName", f"Unknown Attribute {strange}.")
    found = there if "All" in names else {name: there[name] for name in names if name in there}
    return {"Attributes": found} if found else {}


def set_queue_attributes(call: Call, request: Request) -> Answer:
    queue, given = get_queue(call, request), dict(request["Attributes"])
    if given.pop("FifoQueue", "true" if queue["fifo"] else "false").lower() != ("true" if queue["fifo"] else "false"):
        raise ServiceError("InvalidAttributeName", "Unknown Attribute FifoQueue.")
    attributes = _checked(call, queue["name"], given, queue["attributes"], queue["fifo"])
    call.tx.put(store.QUEUES, queue | {"attributes": attributes, "modified_at": call.now})
    return {}


# Tags


def tag_queue(call: Call, request: Request) -> Answer:
    queue = get_queue(call, request)
    tags = queue["tags"] | request["Tags"]
    if len(tags) > 50:
        raise ServiceError("InvalidParameterValue", "Too many tags added for queue. Maximum is 50.")
    call.tx.put(store.QUEUES, queue | {"tags": tags})
    return {}


def untag_queue(call: Call, request: Request) -> Answer:
    queue = get_queue(call, request)
    tags = {key: value for key, value in queue["tags"].items() if key not in request["TagKeys"]}
    call.tx.put(store.QUEUES, queue | {"tags": tags})
    return {}


def list_queue_tags(call: Call, request: Request) -> Answer:
    tags = get_queue(call, request)["tags"]
    return {"Tags": tags} if tags else {}


# The queue's policy, statement by statement


def add_permission(call: Call, request: Request) -> Answer:
    """Adds a statement to the queue's policy: these accounts may perform these actions."""
    queue, label = get_queue(call, request), request["Label"]
    arn = store.arn_of(call.plane, queue["name"])
    for action in request["Actions"]:
        if action != "*" and action not in _SHARED_ACTIONS:
            raise rules.invalid("ActionName", action, "Only the queue's own message actions are allowed.")
    policy = _policy(queue) or {"Version": "2012-10-17", "Id": f"{arn}/SQSDefaultPolicy", "Statement": []}
    if any(statement.get("Sid") == label for statement in policy["Statement"]):
        raise rules.invalid("Label", label, "Already exists.")
    policy["Statement"].append({
        "Sid": label, "Effect": "Allow",
        "Principal": {"AWS": [f"arn:aws:iam::{account}:root" for account in request["AWSAccountIds"]]},
        "Action": [f"SQS:{action}" for action in request["Actions"]], "Resource": arn,
    })  # fmt: skip
    if len(policy["Statement"]) > 20:
        raise ServiceError("OverLimit", "20 statements are the most that a queue's policy may have.")
    return _put_policy(call, queue, policy)


def remove_permission(call: Call, request: Request) -> Answer:
    queue, label = get_queue(call, request), request["Label"]
    policy = _policy(queue)
    kept = [] if policy is None else [s for s in policy["Statement"] if s.get("Sid") != label]
    if policy is None or len(kept) == len(policy["Statement"]):
        raise rules.invalid("Label", label, "can't find label on existing policy")
    return _put_policy(call, queue, policy | {"Statement": kept} if kept else None)


def _policy(queue: Document) -> dict[str, Any] | None:
    text = queue["attributes"].get("Policy")
    if not text:
        return None
    policy: dict[str, Any] = json.loads(text)
    statements = policy["Statement"]
    return policy | {"Statement": statements if isinstance(statements, list) else [statements]}


def _put_policy(call: Call, queue: Document, policy: dict[str, Any] | None) -> Answer:
    attributes = {name: value for name, value in queue["attributes"].items() if name != "Policy"}
    if policy is not None:
        attributes["Policy"] = json.dumps(policy)
        compile_policy(attributes["Policy"], "resource")
    call.tx.put(store.QUEUES, queue | {"attributes": attributes, "modified_at": call.now})
    return {}


OPERATIONS: dict[str, Operation] = {
    "CreateQueue": writes(create_queue, on_named("sqs:CreateQueue")),
    "GetQueueUrl": reads(get_queue_url, on_named("sqs:GetQueueUrl")),
    "ListQueues": reads(list_queues, iam("sqs:ListQueues", lambda call, _: store.arn_of(call.plane, "*"))),
    "DeleteQueue": writes(delete_queue, on_queue("sqs:DeleteQueue")),
    "PurgeQueue": writes(purge_queue, on_queue("sqs:PurgeQueue")),
    "GetQueueAttributes": reads(get_queue_attributes, on_queue("sqs:GetQueueAttributes")),
    "SetQueueAttributes": writes(set_queue_attributes, on_queue("sqs:SetQueueAttributes")),
    "TagQueue": writes(tag_queue, on_queue("sqs:TagQueue")),
    "UntagQueue": writes(untag_queue, on_queue("sqs:UntagQueue")),
    "ListQueueTags": reads(list_queue_tags, on_queue("sqs:ListQueueTags")),
    "AddPermission": writes(add_permission, on_queue("sqs:AddPermission")),
    "RemovePermission": writes(remove_permission, on_queue("sqs:RemovePermission")),
}
