"""Runs by the clock: one durable task for the next time, made anew by each firing."""

from typing import TYPE_CHECKING

from twinplane.data_plane.services.datazone import data_source_configurations, data_source_runs
from twinplane.data_plane.services.datazone.data_source_store import DATA_SOURCES
from twinplane.data_plane.store import Document, Transaction
from twinplane.data_plane.tasks import TaskKind, enqueue

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

FIRING = "datazone.scheduled_run"


def arm(tx: Transaction, plane: "Plane", source: Document, after: float) -> Document:
    """Stores a data source with the next time it runs by its schedule; none while it is disabled."""
    enabled = source["enableSetting"] == "ENABLED" and source["status"] != "DELETING"
    due = data_source_configurations.next_run(source.get("schedule"), after)
    source = source | {"nextRunAt": due if enabled else None}
    if source["nextRunAt"] is not None:
        enqueue(tx, plane, FIRING, source["id"], due_at=due, domain=source["domainId"], at=due)
    return tx.put(DATA_SOURCES, source)


async def _fire(plane: "Plane", task: Document) -> None:
    await plane.store.write(lambda tx: _firing(tx, plane, task))


def _firing(tx: Transaction, plane: "Plane", task: Document) -> None:
    """Starts the run of a time that came. Times that passed while the plane was down are made up for by one run; a time
    that comes while a run is under way, or after the last run of the day, is passed over."""
    source = tx.find(DATA_SOURCES, task["payload"]["domain"], task["subject"])
    if source is None or source.get("nextRunAt") != task["payload"]["at"]:
        return  # fired already, or changed since
    now = plane.clock()
    source = arm(tx, plane, source, max(now, task["payload"]["at"]))
    if not data_source_runs.is_running(tx, source) and data_source_runs.may_run_today(tx, source, now):
        data_source_runs.start(tx, plane, source, "SCHEDULED", now)


def _missed(tx: Transaction, plane: "Plane", task: Document, _reason: str) -> None:
    """No run was started, which tasks say in the log; the schedule goes on."""
    source = tx.find(DATA_SOURCES, task["payload"]["domain"], task["subject"])
    if source is not None and source.get("nextRunAt") == task["payload"]["at"]:
        arm(tx, plane, source, max(plane.clock(), task["payload"]["at"]))


TASKS = {FIRING: TaskKind(_fire, _missed)}
