"""Messages: sent, received with or without waiting, hidden for longer, deleted; each alone or some together."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twinplane.data_plane import signals
from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, streams, writes
from twinplane.data_plane.services.sqs import rules, store
from twinplane.data_plane.services.sqs.permissions import get_queue, on_queue, sender_id
from twinplane.data_plane.store import Document, Transaction


def send_message(call: Call, request: Request) -> Answer:
    return _send(call, get_queue(call, request), request)


def _send(call: Call, queue: Document, message: Request) -> Answer:
    rules.check_message(message, queue["fifo"], store.settings_of(queue))
    attributes = {name: _kept(value) for name, value in (message.get("MessageAttributes") or {}).items()}
    system = {name: _kept(value) for name, value in (message.get("MessageSystemAttributes") or {}).items()}
    kept = message | {"MessageAttributes": attributes, "MessageSystemAttributes": system}
    sent = store.send(call.tx, call.plane, queue, kept, call.now, sender=sender_id(call))
    answer: Answer = {"MessageId": sent["message_id"], "MD5OfMessageBody": rules.md5_of_body(message["MessageBody"])}
    for member, those in (("MD5OfMessageAttributes", attributes), ("MD5OfMessageSystemAttributes", system)):
        if those:
            answer[member] = rules.md5_of_attributes(those)
    if queue["fifo"]:
        answer["SequenceNumber"] = store.sequence_number(sent["number"])
    return answer


def _kept(attribute: dict[str, Any]) -> dict[str, Any]:
    if attribute["DataType"].startswith("Binary"):
        return {"DataType": attribute["DataType"], "BinaryValue": base64.b64encode(attribute["BinaryValue"]).decode()}
    return {"DataType": attribute["DataType"], "StringValue": attribute["StringValue"]}


def send_message_batch(call: Call, request: Request) -> Answer:
    queue, entries = get_queue(call, request), request["Entries"]
    rules.check_batch(entries)
    size = sum(rules.message_bytes(entry) for entry in entries)
    if size > rules.MAX_MESSAGE_BYTES:
        raise ServiceError(
            "BatchRequestTooLong",
            f"Batch requests cannot be longer than {rules.MAX_MESSAGE_BYTES} bytes. You have sent {size} bytes.",
        )
    return _each(entries, lambda entry: _send(call, queue, entry))


def _each(entries: list[Request], run: Callable[[Request], Answer]) -> Answer:
    """Runs each entry of a batch for itself; what is wrong with one is wrong with that one alone."""
    done: list[Answer] = []
    failed: list[Answer] = []
    for entry in entries:
        try:
            done.append({"Id": entry["Id"], **run(entry)})
        except ServiceError as error:
            failed.append({"Id": entry["Id"], "SenderFault": True, "Code": error.code, "Message": error.message})
    return {"Successful": done, "Failed": failed}


# Receiving


async def receive_message(call: Call, request: Request) -> Answer:
    """Waits for messages as long as the request or its queue says; whoever leaves while waiting takes none away."""
    rules.check_receive(request)
    plane = call.plane
    queue = plane.store.read(lambda tx: _queue(tx, call, request))
    settings = store.settings_of(queue)
    waiting = request.get("WaitTimeSeconds")
    until = call.now + (int(settings["ReceiveMessageWaitTimeSeconds"]) if waiting is None else waiting)
    subject = store.signal_of(queue["name"])
    while True:
        woken = plane.signals.subscribe(subject)
        try:
            now = plane.clock()
            looked = plane.store.read(lambda tx: _look(tx, call, request))
            if looked.ready:
                # perhaps somebody else was quicker, or what was there were dead letters
                answer = await call.commit(lambda tx: _receive(tx, call, request), is_last=bool)
                if answer:
                    return answer
            if now >= until:
                return {}
            wake_at = until if looked.next_at is None else min(until, looked.next_at)
            if not await signals.wait(woken, wake_at - plane.clock(), call.gone):
                return {}
        finally:
            plane.signals.forget(subject, woken)


@dataclass(frozen=True, slots=True)
class _Look:
    """Whether a receive may find something now, and when else something comes into sight (epoch seconds)."""

    ready: bool
    next_at: float | None


def _look(tx: Transaction, call: Call, request: Request) -> _Look:
    queue, now = _queue(tx, call, request), call.plane.clock()
    repeated = queue["fifo"] and request.get("ReceiveRequestAttemptId") is not None
    return _Look(repeated or store.has_visible(tx, queue, now), store.next_visible_at(tx, queue, now))


def _queue(tx: Transaction, call: Call, request: Request) -> Document:
    queue = store.find_queue(tx, rules.queue_name(request["QueueUrl"], call.account_id))
    if queue is None:
        raise rules.queue_does_not_exist()
    return queue


def _receive(tx: Transaction, call: Call, request: Request) -> Answer:
    queue, given = _queue(tx, call, request), request.get("VisibilityTimeout")
    visibility = int(store.settings_of(queue)["VisibilityTimeout"]) if given is None else given
    limit = request.get("MaxNumberOfMessages") or 1
    attempt = request.get("ReceiveRequestAttemptId") if queue["fifo"] else None
    found = store.receive(tx, call.plane, queue, limit, visibility, call.plane.clock(), attempt)
    return {"Messages": [_view(call, request, message) for message in found]} if found else {}


def _view(call: Call, request: Request, message: Document) -> Answer:
    system = rules.wanted(
        [*(request.get("AttributeNames") or ()), *(request.get("MessageSystemAttributeNames") or ())],
        _system_attributes(message),
    )
    attributes = rules.wanted(request.get("MessageAttributeNames"), message["attributes"])
    view: Answer = {
        "MessageId": message["message_id"],
        "ReceiptHandle": store.receipt_handle(call.plane, message),
        "MD5OfBody": rules.md5_of_body(message["body"]),
        "Body": message["body"],
    }
    if system:
        view["Attributes"] = system
    if attributes:
        view["MD5OfMessageAttributes"] = rules.md5_of_attributes(attributes)
        view["MessageAttributes"] = {name: _shown(value) for name, value in attributes.items()}
    return view


def _shown(attribute: dict[str, Any]) -> dict[str, Any]:
    if "BinaryValue" not in attribute:
        return attribute
    return attribute | {"BinaryValue": base64.b64decode(attribute["BinaryValue"])}


def _system_attributes(message: Document) -> dict[str, str]:
    values = {
        "SenderId": message["sender"],
        "SentTimestamp": str(int(message["sent_at"] * 1000)),
        "ApproximateReceiveCount": str(message["receives"]),
        "ApproximateFirstReceiveTimestamp": str(int(message["first_received_at"] * 1000)),
        "SequenceNumber": store.sequence_number(message["number"]) if message["deduplication"] is not None else None,
        "MessageDeduplicationId": message["deduplication"],
        "MessageGroupId": message["group"],
        "AWSTraceHeader": (message["system"].get("AWSTraceHeader") or {}).get("StringValue"),
        "DeadLetterQueueSourceArn": message.get("dead_letter_source"),
    }
    return {name: value for name, value in values.items() if value is not None}


# After receiving


def delete_message(call: Call, request: Request) -> Answer:
    store.delete(call.tx, call.plane, get_queue(call, request), request["ReceiptHandle"], call.now)
    return {}


def delete_message_batch(call: Call, request: Request) -> Answer:
    queue, entries = get_queue(call, request), request["Entries"]
    rules.check_batch(entries)

    def delete(entry: Request) -> Answer:
        store.delete(call.tx, call.plane, queue, entry["ReceiptHandle"], call.now)
        return {}

    return _each(entries, delete)


def change_message_visibility(call: Call, request: Request) -> Answer:
    _change(call, get_queue(call, request), request)
    return {}


def change_message_visibility_batch(call: Call, request: Request) -> Answer:
    queue, entries = get_queue(call, request), request["Entries"]
    rules.check_batch(entries)
    return _each(entries, lambda entry: _change(call, queue, entry))


def _change(call: Call, queue: Document, entry: Request) -> Answer:
    seconds = entry.get("VisibilityTimeout")
    if seconds is None:
        raise ServiceError("MissingParameter", "The request must contain the parameter VisibilityTimeout.")
    store.change_visibility(call.tx, call.plane, queue, entry["ReceiptHandle"], seconds, call.now)
    return {}


OPERATIONS: dict[str, Operation] = {
    "SendMessage": writes(send_message, on_queue("sqs:SendMessage")),
    "SendMessageBatch": writes(send_message_batch, on_queue("sqs:SendMessage")),
    "ReceiveMessage": streams(receive_message, on_queue("sqs:ReceiveMessage")),
    "DeleteMessage": writes(delete_message, on_queue("sqs:DeleteMessage")),
    "DeleteMessageBatch": writes(delete_message_batch, on_queue("sqs:DeleteMessage")),
    "ChangeMessageVisibility": writes(change_message_visibility, on_queue("sqs:ChangeMessageVisibility")),
    "ChangeMessageVisibilityBatch": writes(change_message_visibility_batch, on_queue("sqs:ChangeMessageVisibility")),
}
