"""How long events are kept: for ever, unless the plane is told a number of days."""

from typing import TYPE_CHECKING

from twinplane.data_plane.services.cloudtrail import store
from twinplane.data_plane.store import Document, Transaction
from twinplane.data_plane.tasks import TASKS as ALL_TASKS
from twinplane.data_plane.tasks import TaskKind, enqueue

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

PRUNE = "cloudtrail-prune"
_EVERY_SECONDS = 6 * 3600.0
_AT_ONCE = 2000
_DAY_SECONDS = 86_400


async def arm(plane: "Plane") -> None:
    """Has old events removed from now on, or no longer, as the plane is told. Call it once at its start."""
    wanted = plane.settings.keep_events_days is not None
    waiting = plane.store.read(lambda tx: tx.select(ALL_TASKS, {"kind": PRUNE}))
    if wanted and not waiting:
        await plane.store.write(lambda tx: enqueue(tx, plane, PRUNE, "events"))
    elif waiting and not wanted:
        await plane.store.write(lambda tx: [tx.remove(ALL_TASKS, task["id"]) for task in waiting])


async def _prune(plane: "Plane", _task: Document) -> None:
    """Removes what is too old, some at a time so that nobody waits long, and comes again."""
    days = plane.settings.keep_events_days
    if days is None:
        return
    before = plane.clock() - days * _DAY_SECONDS
    while await plane.store.write(lambda tx: store.prune(tx, before, _AT_ONCE)):
        pass

    def again(tx: Transaction) -> None:
        enqueue(tx, plane, PRUNE, "events", due_at=plane.clock() + _EVERY_SECONDS)

    await plane.store.write(again)


def _failed(_tx: Transaction, _plane: "Plane", _task: Document, _reason: str) -> None:
    """Nothing is lost by events that stay; the next start of the plane asks again."""


TASKS = {PRUNE: TaskKind(_prune, _failed)}
