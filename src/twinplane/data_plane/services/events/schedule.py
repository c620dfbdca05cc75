"""Rules that fire by the clock: one durable task for the next time, made anew by each firing."""

from typing import TYPE_CHECKING

from twinplane.data_plane.call import new_id
from twinplane.data_plane.services.events import store
from twinplane.data_plane.services.events.schedules import parse_schedule
from twinplane.data_plane.store import Document, Transaction
from twinplane.data_plane.tasks import TaskKind, enqueue

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

FIRING = "events-firing"


def arm(tx: Transaction, plane: "Plane", rule: Document) -> None:
    """Sets the next firing of a rule as it is now; a rule that is disabled or has no schedule fires no more."""
    arn = store.rule_arn(plane, rule["bus"], rule["name"])
    disarm(tx, arn)
    if rule["schedule"] is not None and rule["state"] != "DISABLED":
        _next(tx, plane, arn, rule, plane.clock())


def disarm(tx: Transaction, arn: str) -> None:
    tx.remove(store.SCHEDULES, arn)


def _next(tx: Transaction, plane: "Plane", arn: str, rule: Document, after: float) -> None:
    due = parse_schedule(rule["schedule"]).next_after(after)
    if due is None:
        return
    stamp = new_id(12)
    tx.put(store.SCHEDULES, {"rule_arn": arn, "stamp": stamp, "due_at": due})
    enqueue(tx, plane, FIRING, arn, due_at=due, bus=rule["bus"], rule=rule["name"], stamp=stamp, at=due)


async def _fire(plane: "Plane", task: Document) -> None:
    await plane.store.write(lambda tx: _firing(tx, plane, task))


def _firing(tx: Transaction, plane: "Plane", task: Document) -> None:
    """Fires once for each time that came; times that passed while the plane was down are made up for by one firing."""
    arn, payload = task["subject"], task["payload"]
    planned = tx.find(store.SCHEDULES, arn)
    rule = tx.find(store.RULES, payload["bus"], payload["rule"])
    if planned is None or rule is None or planned["stamp"] != payload["stamp"]:
        return  # fired already, or the rule was changed since
    event = store.new_event(plane, "aws.events", "Scheduled Event", {}, (arn,), payload["at"])
    for target in tx.select(store.TARGETS, {"bus": rule["bus"], "rule": rule["name"]}):
        store.deliver(tx, plane, rule["name"], arn, target, event)
    following = parse_schedule(rule["schedule"]).next_after(payload["at"])
    missed = following is not None and following <= plane.clock()
    _next(tx, plane, arn, rule, plane.clock() if missed else payload["at"])


def _missed(_tx: Transaction, _plane: "Plane", _task: Document, _reason: str) -> None:
    """The state could not be written; the next start of the plane arms nothing: say so in the log, which tasks do."""


TASKS = {FIRING: TaskKind(_fire, _missed)}
