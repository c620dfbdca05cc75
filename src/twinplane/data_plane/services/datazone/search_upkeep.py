"""Keeps the text index in few parts: each write adds one, and every look-up of a word asks all of them.

SQLite merges parts as they come, but leaves a dozen in a large index. Every hour, and when the plane starts, they are
merged into one, in steps so small that nobody waits for one.
"""

import asyncio
from typing import TYPE_CHECKING

from twinplane.data_plane.store import Document, Transaction
from twinplane.data_plane.tasks import TASKS as ALL_TASKS
from twinplane.data_plane.tasks import TaskKind, enqueue

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

TIDY = "datazone.tidy_search"
_EVERY_SECONDS = 3600.0
_MANY_PARTS = 4
_PAGES_PER_STEP = 16  # of 4 KB
_REST_SECONDS = 0.01


async def arm(plane: "Plane") -> None:
    """Has the index looked after from now on. Call it once at the plane's start."""
    waiting = plane.store.read(lambda tx: tx.select(ALL_TASKS, {"kind": TIDY}))
    now = plane.clock()

    def ask(tx: Transaction) -> None:
        for task in waiting:
            tx.remove(ALL_TASKS, task["id"])
        enqueue(tx, plane, TIDY, "search", due_at=now)

    await plane.store.write(ask)


def parts(tx: Transaction) -> int:
    """How many parts the text index has."""
    [(number,)] = tx.run("SELECT count(DISTINCT segid) FROM datazone_search_text_idx")
    return int(number)


async def _tidy(plane: "Plane", _task: Document) -> None:
    if plane.store.read(parts) > _MANY_PARTS:
        pages = -_PAGES_PER_STEP  # a negative number begins to merge all parts, the next ones go on with it
        while await plane.store.write(lambda tx, p=pages: _merge(tx, p)):  # type: ignore[misc]
            pages = _PAGES_PER_STEP
            await asyncio.sleep(_REST_SECONDS)
    await plane.store.write(lambda tx: _again(tx, plane))


def _merge(tx: Transaction, pages: int) -> bool:
    """One step; whether there is more to do: SQLite says so by what it has changed."""
    [(before,)] = tx.run("SELECT total_changes()")
    tx.run("INSERT INTO datazone_search_text (datazone_search_text, rank) VALUES ('merge', ?)", (pages,))
    [(after,)] = tx.run("SELECT total_changes()")
    return bool(after - before >= 2)


def _again(tx: Transaction, plane: "Plane") -> None:
    enqueue(tx, plane, TIDY, "search", due_at=plane.clock() + _EVERY_SECONDS)


def _failed(_tx: Transaction, _plane: "Plane", _task: Document, _reason: str) -> None:
    """What is found does not depend on it; the next start of the plane asks again."""


TASKS = {TIDY: TaskKind(_tidy, _failed)}
