"""Dead letters: which queues send theirs here, and tasks that send them back."""

from typing import TYPE_CHECKING, Any

from twinplane.data_plane.call import Access, Answer, Call, Operation, Request, ServiceError, new_id, reads, writes
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.sqs import rules, store
from twinplane.data_plane.services.sqs.permissions import get_queue, on_queue, require_on
from twinplane.data_plane.store import Document, Transaction
from twinplane.data_plane.tasks import TaskKind, enqueue

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

MOVE = "sqs-move"
_BATCH = 100


def list_dead_letter_source_queues(call: Call, request: Request) -> Answer:
    arn = store.arn_of(call.plane, get_queue(call, request)["name"])

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        found = [queue for queue in call.tx.select(store.QUEUES, after=after) if _target(queue) == arn]
        return found[:limit]

    found, token = page(
        call, request, fetch, lambda queue: [queue["name"]],
        size="MaxResults", token="NextToken", default=1000, error="InvalidParameterValue",  # noqa: S106
    )  # fmt: skip
    urls = [store.url_of(call.plane, queue["name"]) for queue in found]
    return {"queueUrls": urls} | ({"NextToken": token} if token and request.get("MaxResults") else {})


def _target(queue: Document) -> str | None:
    policy = queue["attributes"].get("RedrivePolicy")
    return rules.redrive_policy(policy)[0] if policy else None


def start_message_move_task(call: Call, request: Request) -> Answer:
    """Sends a dead-letter queue's messages to one queue, or each back to where it came from."""
    source = _source(call, request["SourceArn"])
    if not any(_target(queue) == request["SourceArn"] for queue in call.tx.select(store.QUEUES)):
        raise ServiceError("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")
    destination = request.get("DestinationArn")
    if destination is not None:
        target = store.find_queue_by_arn(call.tx, call.plane, destination)
        if target is None or target["name"] == source["name"]:
            raise ServiceError("ResourceNotFoundException", "The resource that you specified for the DestinationArn "
                               "parameter doesn't exist.", 404)  # fmt: skip
    rate = request.get("MaxNumberOfMessagesPerSecond")
    if rate is not None and not 1 <= rate <= 500:
        raise rules.invalid("MaxNumberOfMessagesPerSecond", rate, "Must be between 1 and 500.")
    if any(task["status"] == "RUNNING" for task in _tasks(call.tx, request["SourceArn"])):
        raise ServiceError("UnsupportedOperation", "Another task moves messages from this queue already.")
    [(count,)] = call.tx.run("SELECT count(*) FROM sqs_message WHERE queue = ?", (source["name"],))
    task = {
        "handle": new_id(60), "source": request["SourceArn"], "destination": destination, "rate": rate, "moved": 0,
        "to_move": count, "status": "RUNNING", "started_at": call.now, "reason": None,
    }  # fmt: skip
    call.tx.add(store.MOVES, task)
    enqueue(call.tx, call.plane, MOVE, task["handle"])
    return {"TaskHandle": task["handle"]}


def _source(call: Call, arn: str) -> Document:
    queue = store.find_queue_by_arn(call.tx, call.plane, arn)
    if queue is None:
        raise ServiceError(
            "ResourceNotFoundException",
            "The resource that you specified for the SourceArn parameter doesn't exist.",
            404,
        )
    return queue


def _tasks(tx: Transaction, source: str) -> list[Document]:
    """The last ten tasks of a queue, the newest first."""
    return tx.select(store.MOVES, {"source": source}, order=("started_at",), limit=10, descending=True)


def cancel_message_move_task(call: Call, request: Request) -> Answer:
    task = call.tx.find(store.MOVES, request["TaskHandle"])
    if task is None or task["status"] != "RUNNING":
        raise ServiceError("ResourceNotFoundException", "Task does not exist.", 404)
    call.tx.put(store.MOVES, task | {"status": "CANCELLED"})
    return {"ApproximateNumberOfMessagesMoved": task["moved"]}


def list_message_move_tasks(call: Call, request: Request) -> Answer:
    _source(call, request["SourceArn"])
    found = _tasks(call.tx, request["SourceArn"])[: request.get("MaxResults") or 1]
    return {"Results": [_view(task) for task in found]}


def _view(task: Document) -> Answer:
    view = {
        "TaskHandle": task["handle"] if task["status"] == "RUNNING" else None,
        "Status": task["status"], "SourceArn": task["source"], "DestinationArn": task["destination"],
        "MaxNumberOfMessagesPerSecond": task["rate"], "ApproximateNumberOfMessagesMoved": task["moved"],
        "ApproximateNumberOfMessagesToMove": task["to_move"], "FailureReason": task["reason"],
        "StartedTimestamp": int(task["started_at"] * 1000),
    }  # fmt: skip
    return {member: value for member, value in view.items() if value is not None}


async def _run(plane: "Plane", task: Document) -> None:
    """Moves a part of the messages in one transaction, and comes again for the rest."""
    await plane.store.write(lambda tx: _step(tx, plane, task["subject"]))


def _step(tx: Transaction, plane: "Plane", handle: str) -> None:
    task = tx.get(store.MOVES, handle)
    if task["status"] != "RUNNING":
        return
    source = task["source"].rpartition(":")[2]
    size = min(task["rate"] or _BATCH, _BATCH, task["to_move"] - task["moved"])
    found = tx.select(store.MESSAGES, {"queue": source}, order=("visible_at",), limit=size) if size > 0 else []
    now = plane.clock()
    moving = [message for message in found if message["visible_at"] <= now]
    for message in moving:
        arn = task["destination"] or message.get("dead_letter_source") or ""
        target = store.find_queue_by_arn(tx, plane, arn)
        if target is None:
            reason = "AWS.SimpleQueueService.NonExistentQueue"
            tx.put(store.MOVES, task | {"status": "FAILED", "reason": reason})
            return
        store.move(tx, plane, message, target, now, redriven=True)
        task["moved"] += 1
    if moving:
        seconds = len(moving) / task["rate"] if task["rate"] else 0.0
        enqueue(tx, plane, MOVE, handle, due_at=now + seconds)
    else:
        task["status"] = "COMPLETED"
    tx.put(store.MOVES, task)


def _failed(tx: Transaction, _plane: "Plane", task: Document, reason: str) -> None:
    tx.put(store.MOVES, tx.get(store.MOVES, task["subject"]) | {"status": "FAILED", "reason": reason})


def _may_start(call: Call, request: Request) -> None:
    """Access of StartMessageMoveTask: to take the messages out of their queue, and to send them to where they go."""
    name = request["SourceArn"].rpartition(":")[2]
    for action in ("sqs:StartMessageMoveTask", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"):
        require_on(call, action, name)
    if request.get("DestinationArn") is not None:
        targets = [request["DestinationArn"].rpartition(":")[2]]
    else:
        targets = [queue["name"] for queue in call.tx.select(store.QUEUES) if _target(queue) == request["SourceArn"]]
    for target in targets:
        require_on(call, "sqs:SendMessage", target)


def _on_source(action: str) -> Access:
    """Access by `action` on the dead-letter queue that messages are moved from."""

    def access(call: Call, request: Request) -> None:
        source = request.get("SourceArn")
        if source is None:
            task = call.tx.find(store.MOVES, request["TaskHandle"])
            source = "*" if task is None else task["source"]
        require_on(call, action, source.rpartition(":")[2])

    return access


OPERATIONS: dict[str, Operation] = {
    "ListDeadLetterSourceQueues": reads(list_dead_letter_source_queues, on_queue("sqs:ListDeadLetterSourceQueues")),
    "StartMessageMoveTask": writes(start_message_move_task, _may_start),
    "CancelMessageMoveTask": writes(cancel_message_move_task, _on_source("sqs:CancelMessageMoveTask")),
    "ListMessageMoveTasks": reads(list_message_move_tasks, _on_source("sqs:ListMessageMoveTasks")),
}
TASKS: dict[str, TaskKind] = {MOVE: TaskKind(_run, _failed)}
