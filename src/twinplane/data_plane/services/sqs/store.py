"""Queues and their messages.

A message is one document; a receipt handle is the number of the message and a mark that each receive makes anew, under
a seal that binds both to the queue. Everything here happens in the caller's transaction, so that a service may send a
message exactly when its own change is kept.
"""

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING, Any

from twinplane.data_plane.call import ServiceError, new_id
from twinplane.data_plane.services.sqs import rules
from twinplane.data_plane.store import Document, Kind, Transaction
from twinplane.data_plane.tasks import TaskKind, enqueue
from twinplane.data_plane.wire.http import new_request_id

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

QUEUES = Kind("sqs_queue", key=("name",))
MESSAGES = Kind(
    "sqs_message",
    key=("queue", "number"),
    columns=("group", "receives", "attempt"),
    indexes=(("queue", "visible_at"), ("queue", "sent_at")),
)
DEDUPLICATIONS = Kind("sqs_deduplication", key=("queue", "id"), indexes=(("queue", "until"),))
MOVES = Kind("sqs_move_task", key=("handle",), columns=("status",), indexes=(("source", "started_at"),))
KINDS = [QUEUES, MESSAGES, DEDUPLICATIONS, MOVES]

SWEEP = "sqs-sweep"
_SWEEP_SECONDS = 300.0
_SCANNED_MESSAGES = 20_000  # how far behind the oldest message a FIFO queue looks for an open group
_MARK_BYTES = 12


def arn_of(plane: "Plane", name: str) -> str:
    return f"arn:aws:sqs:{plane.settings.region}:{plane.settings.account_id}:{name}"


def url_of(plane: "Plane", name: str) -> str:
    return f"{plane.settings.endpoint}/{plane.settings.account_id}/{name}"


def find_queue(tx: Transaction, name: str) -> Document | None:
    return tx.find(QUEUES, name)


def find_queue_by_arn(tx: Transaction, plane: "Plane", arn: str) -> Document | None:
    """The queue with this ARN, or None."""
    name = arn.rpartition(":")[2]
    return tx.find(QUEUES, name) if arn == arn_of(plane, name) else None


def create_queue(
    tx: Transaction, plane: "Plane", name: str, attributes: dict[str, str], tags: dict[str, str], now: float
) -> Document:
    """Adds a queue; its sweeping begins with it."""
    queue: Document = {
        "name": name, "fifo": name.endswith(".fifo"), "attributes": attributes, "tags": tags, "id": new_id(20),
        "created_at": now, "modified_at": now,
    }  # fmt: skip
    tx.add(QUEUES, queue)
    enqueue(tx, plane, SWEEP, queue["id"], due_at=now + _SWEEP_SECONDS, queue=name)
    return queue


def remove_queue(tx: Transaction, plane: "Plane", name: str) -> None:
    """Removes a queue with its messages."""
    tx.remove(QUEUES, name)
    purge(tx, name)
    tx.run("DELETE FROM sqs_deduplication WHERE queue = ?", (name,))
    _wake(tx, plane, name)


def purge(tx: Transaction, name: str) -> None:
    tx.run("DELETE FROM sqs_message WHERE queue = ?", (name,))


def attributes_of(tx: Transaction, plane: "Plane", queue: Document, now: float) -> dict[str, str]:
    """Every attribute of a queue, with how many messages it has."""
    oldest = _oldest_kept(queue, now)
    [(visible, in_flight, delayed)] = tx.run(
        "SELECT coalesce(sum(visible_at <= ?), 0), coalesce(sum(visible_at > ? AND receives > 0), 0), "
        "coalesce(sum(visible_at > ? AND receives = 0), 0) FROM sqs_message WHERE queue = ? AND sent_at > ?",
        (now, now, now, queue["name"], oldest),
    )
    return {
        **settings_of(queue),
        "QueueArn": arn_of(plane, queue["name"]),
        "CreatedTimestamp": str(int(queue["created_at"])),
        "LastModifiedTimestamp": str(int(queue["modified_at"])),
        "ApproximateNumberOfMessages": str(visible),
        "ApproximateNumberOfMessagesNotVisible": str(in_flight),
        "ApproximateNumberOfMessagesDelayed": str(delayed),
    }


def settings_of(queue: Document) -> dict[str, str]:
    """The attributes a queue was given, completed by SQS's defaults."""
    return {**rules.DEFAULTS, **(rules.FIFO_DEFAULTS if queue["fifo"] else {}), **queue["attributes"]}


# Sending


def send(
    tx: Transaction, plane: "Plane", queue: Document, message: dict[str, Any], now: float, *, sender: str
) -> Document:
    """Puts a message into a queue and returns its document, or that of the message it is a duplicate of.

    `message` has SendMessage's members, checked; binary attribute values in base 64. `sender` is the sender's id.
    """
    name, settings = queue["name"], settings_of(queue)
    deduplication = None
    if queue["fifo"]:
        deduplication = (
            message.get("MessageDeduplicationId") or hashlib.sha256(message["MessageBody"].encode()).hexdigest()
        )
        scope = f"{message['MessageGroupId']}\0" if settings["DeduplicationScope"] == "messageGroup" else ""
        known = tx.find(DEDUPLICATIONS, name, scope + deduplication)
        if known is not None and known["until"] > now:
            return known
    delay = message.get("DelaySeconds")
    document = {
        "queue": name, "number": _next_number(tx, name, now), "message_id": new_request_id(),
        "body": message["MessageBody"], "attributes": message.get("MessageAttributes") or {},
        "system": message.get("MessageSystemAttributes") or {}, "sender": sender, "sent_at": now,
        "visible_at": now + (int(settings["DelaySeconds"]) if delay is None else delay), "receives": 0,
        "group": message.get("MessageGroupId"), "deduplication": deduplication,
    }  # fmt: skip
    tx.add(MESSAGES, document)
    if deduplication is not None:
        tx.put(DEDUPLICATIONS, {
            "queue": name, "id": scope + deduplication, "until": now + rules.DEDUPLICATION_SECONDS,
            "message_id": document["message_id"], "number": document["number"],
        })  # fmt: skip
    _wake(tx, plane, name)
    return document


def _next_number(tx: Transaction, name: str, now: float) -> int:
    """Grows with every message of a queue, also when the clock goes back."""
    [(last,)] = tx.run("SELECT max(number) FROM sqs_message WHERE queue = ?", (name,))
    return max(int(now * 1e6), (last or 0) + 1)


def sequence_number(number: int) -> str:
    """A FIFO message's number as SQS writes it: 20 digits."""
    return f"{number:020d}"


def _wake(tx: Transaction, plane: "Plane", name: str) -> None:
    tx.after_commit.append(lambda: plane.signals.notify(signal_of(name)))


def signal_of(name: str) -> str:
    """What those subscribe to who wait for a queue's messages."""
    return f"sqs {name}"


# Receiving


def next_visible_at(tx: Transaction, queue: Document, now: float) -> float | None:
    """When the next hidden message comes into sight (epoch seconds); None: none does."""
    sql = "SELECT min(visible_at) FROM sqs_message WHERE queue = ? AND visible_at > ?"
    [(found,)] = tx.run(sql, (queue["name"], now))
    return None if found is None else float(found)


def has_visible(tx: Transaction, queue: Document, now: float) -> bool:
    """Whether a receive may find something; it may still find that it is a dead letter, or out of date."""
    if queue["fifo"]:
        return bool(_open_numbers(tx, queue["name"], now, 1))
    return bool(tx.run("SELECT 1 FROM sqs_message WHERE queue = ? AND visible_at <= ? LIMIT 1", (queue["name"], now)))


def receive(
    tx: Transaction, plane: "Plane", queue: Document, limit: int, visibility: float, now: float, attempt: str | None
) -> list[Document]:
    """At most `limit` messages, now hidden for `visibility` seconds; dead letters and stale ones go instead."""
    name = queue["name"]
    if attempt is not None and (again := _received_in(tx, name, attempt, now)):
        return [tx.put(MESSAGES, m | {"visible_at": now + visibility}) for m in again]
    policy = queue["attributes"].get("RedrivePolicy")
    target, most = rules.redrive_policy(policy) if policy else (None, 0)
    dead_letters = find_queue_by_arn(tx, plane, target) if target is not None else None
    found: list[Document] = []
    oldest, dropped = _oldest_kept(queue, now), True
    while dropped and len(found) < limit:
        dropped, taken = False, {message["number"] for message in found}
        for message in _candidates(tx, queue, now, limit):
            if message["number"] in taken or len(found) == limit:
                continue
            if message["sent_at"] <= oldest:
                tx.remove(MESSAGES, name, message["number"])
                dropped = True
            elif dead_letters is not None and message["receives"] >= most:
                move(tx, plane, message, dead_letters, now)
                dropped = True
            else:
                found.append(_handed_out(tx, message, now, visibility, attempt))
    return found


def _candidates(tx: Transaction, queue: Document, now: float, limit: int) -> list[Document]:
    if queue["fifo"]:
        return [tx.get(MESSAGES, queue["name"], n) for n in _open_numbers(tx, queue["name"], now, limit)]
    found = tx.select(MESSAGES, {"queue": queue["name"]}, order=("visible_at",), limit=limit)
    return [message for message in found if message["visible_at"] <= now]


def _open_numbers(tx: Transaction, name: str, now: float, limit: int) -> list[int]:
    """The first messages of a FIFO queue whose groups have nothing in flight before them, in order."""
    found: list[int] = []
    closed: set[str] = set()
    rows = tx.run(
        'SELECT number, visible_at, "group" FROM sqs_message WHERE queue = ? ORDER BY number LIMIT ?',
        (name, _SCANNED_MESSAGES),
    )
    for number, visible_at, group in rows:
        if group in closed:
            continue
        if visible_at > now:
            closed.add(group)
            continue
        found.append(number)
        if len(found) == limit:
            break
    return found


def _handed_out(tx: Transaction, message: Document, now: float, visibility: float, attempt: str | None) -> Document:
    return tx.put(MESSAGES, message | {
        "receives": message["receives"] + 1, "visible_at": now + visibility, "mark": new_id(12),
        "first_received_at": message.get("first_received_at") or now, "received_at": now, "attempt": attempt,
    })  # fmt: skip


def _received_in(tx: Transaction, name: str, attempt: str, now: float) -> list[Document]:
    """What an earlier receive with this attempt id handed out, where nothing happened to it since."""
    found = tx.select(MESSAGES, {"queue": name, "attempt": attempt})
    return [m for m in found if m["visible_at"] > now and m["received_at"] > now - rules.DEDUPLICATION_SECONDS]


def _oldest_kept(queue: Document, now: float) -> float:
    return now - int(settings_of(queue)["MessageRetentionPeriod"])


def move(
    tx: Transaction, plane: "Plane", message: Document, target: Document, now: float, *, redriven: bool = False
) -> None:
    """Moves a message into another queue: as a dead letter, or, `redriven`, back as if it were sent anew.

    A dead letter's receives stay counted; in a standard queue it keeps the time it was sent, and so its age.
    """
    tx.remove(MESSAGES, message["queue"], message["number"])
    moved = {member: value for member, value in message.items() if member not in ("mark", "attempt", "received_at")}
    fresh = redriven or target["fifo"]
    tx.add(MESSAGES, moved | {
        "queue": target["name"], "number": _next_number(tx, target["name"], now), "visible_at": now,
        "sent_at": now if fresh else message["sent_at"], "receives": 0 if redriven else message["receives"],
        "dead_letter_source": None if redriven else arn_of(plane, message["queue"]),
    })  # fmt: skip
    _wake(tx, plane, message["queue"])
    _wake(tx, plane, target["name"])


# Receipts


def receipt_handle(plane: "Plane", message: Document) -> str:
    """The handle of a message as it was received last: opaque, good for its queue alone."""
    body = f"{message['number']}/{message['mark']}".encode()
    return base64.b64encode(_seal(plane, message["queue"], body) + body).decode()


def by_receipt(tx: Transaction, plane: "Plane", queue: Document, handle: str) -> Document | None:
    """The message of a handle; None: it is gone, or was received again since. Raises `ReceiptHandleIsInvalid`."""
    try:
        raw = base64.b64decode(handle, validate=True)
    except ValueError:
        raw = b""
    seal, body = raw[:_MARK_BYTES], raw[_MARK_BYTES:]
    if not hmac.compare_digest(seal, _seal(plane, queue["name"], body)):
        raise ServiceError(
            "ReceiptHandleIsInvalid", f'The input receipt handle "{handle[:200]}" is not a valid receipt handle.'
        )
    number, _, mark = body.decode().partition("/")
    message = tx.find(MESSAGES, queue["name"], int(number))
    return message if message is not None and message.get("mark") == mark else None


def _seal(plane: "Plane", name: str, body: bytes) -> bytes:
    return hmac.digest(plane.keys.derive("receipt handles"), name.encode() + b"/" + body, "sha256")[:_MARK_BYTES]


def delete(tx: Transaction, plane: "Plane", queue: Document, handle: str, now: float) -> None:
    """Deletes the message of a handle. Raises `ServiceError`."""
    message = by_receipt(tx, plane, queue, handle)
    if message is None:
        return
    if queue["fifo"] and message["visible_at"] <= now:
        raise rules.invalid("ReceiptHandle", handle, "The receipt handle has expired.")
    tx.remove(MESSAGES, queue["name"], message["number"])
    if queue["fifo"]:
        _wake(tx, plane, queue["name"])  # its group is open again


def change_visibility(tx: Transaction, plane: "Plane", queue: Document, handle: str, seconds: int, now: float) -> None:
    """Hides the message of a handle for `seconds` from now. Raises `ServiceError`."""
    if not 0 <= seconds <= rules.MAX_VISIBILITY_SECONDS:
        raise rules.invalid("VisibilityTimeout", seconds, "Must be >= 0 and <= 43200, if provided.")
    message = by_receipt(tx, plane, queue, handle)
    if message is None or message["visible_at"] <= now:
        raise ServiceError("MessageNotInflight", "The message referred to is not in flight.")
    if now + seconds > message["received_at"] + rules.MAX_VISIBILITY_SECONDS:
        raise rules.invalid(
            "VisibilityTimeout", seconds,
            "Total VisibilityTimeout for the message is beyond the limit [43200 seconds].",
        )  # fmt: skip
    tx.put(MESSAGES, message | {"visible_at": now + seconds, "attempt": None})
    _wake(tx, plane, queue["name"])


# Sweeping


async def _sweep(plane: "Plane", task: Document) -> None:
    """Takes away what a queue keeps no longer, and comes again while the queue is there."""
    name = task["payload"]["queue"]

    def change(tx: Transaction) -> None:
        queue = find_queue(tx, name)
        if queue is None or queue["id"] != task["subject"]:
            return
        now = plane.clock()
        tx.run("DELETE FROM sqs_message WHERE queue = ? AND sent_at <= ?", (name, _oldest_kept(queue, now)))
        tx.run("DELETE FROM sqs_deduplication WHERE queue = ? AND until <= ?", (name, now))
        enqueue(tx, plane, SWEEP, task["subject"], due_at=now + _SWEEP_SECONDS, queue=name)

    await plane.store.write(change)


def _left_unswept(_tx: Transaction, _plane: "Plane", _task: Document, _reason: str) -> None:
    """What is out of date is handed to nobody, swept or not."""


SWEEPING = TaskKind(_sweep, _left_unswept)
