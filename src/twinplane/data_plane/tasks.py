"""Work that goes on after an operation's answer: provisioning, data source runs, grants, queries.

A task is a document written in the same transaction as the change that asks for it, so it exists exactly when that
change does. It runs at least once: a task interrupted by a crash runs again from its start, so every task looks before
it repeats. A task that keeps failing is handed to its `failed` function, which records the failure where the user sees
it, and is then dropped.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import structlog
from pysqlite3 import dbapi2 as sqlite

from twinplane.data_plane.call import new_id
from twinplane.data_plane.store import Document, Kind, Transaction
from twinplane.data_plane.trouble import WAIT_SECONDS, words

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

log = structlog.get_logger()

TASKS = Kind("task", key=("id",), columns=("kind", "subject"), indexes=(("due_at",), ("kind", "subject")))

MAX_ATTEMPTS = 5


@dataclass(frozen=True)
class TaskKind:
    """`run` does the work (must tolerate being repeated); `failed` records that it was given up, with the reason.

    Kinds of one `lane` share its places: what waits for others' servers has a lane of its own.
    """

    run: Callable[["Plane", Document], Awaitable[None]]
    failed: Callable[[Transaction, "Plane", Document, str], None]
    lane: str = "work"


def enqueue(
    tx: Transaction, plane: "Plane", kind: str, subject: str, *, due_at: float | None = None, **payload: Any
) -> str:
    """Asks for a task of `kind` about `subject` (an id), from this transaction's commit on. Returns the task's id."""
    document = {
        "id": new_id(20), "kind": kind, "subject": subject, "payload": payload,
        "due_at": plane.clock() if due_at is None else due_at, "attempts": 0,
    }  # fmt: skip
    tx.add(TASKS, document)
    tx.after_commit.append(plane.tasks.wake)
    return str(document["id"])


class TaskRunner:
    """Runs due tasks on the plane's event loop, a bounded number at a time in each lane, those of one subject one after
    another."""

    def __init__(self, plane: "Plane", kinds: dict[str, TaskKind], concurrency: int = 8) -> None:
        self._plane, self._kinds = plane, kinds
        self._lanes: dict[str, list[str]] = {}
        for name, kind in kinds.items():
            self._lanes.setdefault(kind.lane, []).append(name)
        self._places = dict.fromkeys(self._lanes, concurrency)
        self._awake = asyncio.Event()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._subjects: set[str] = set()
        self._loop_task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        self._awake.set()

    def start(self) -> None:
        self._loop_task = asyncio.get_running_loop().create_task(self._loop())

    async def stop(self) -> None:
        """Stops; what was running is abandoned as a crash would, and runs again at the next start."""
        tasks = [t for t in (self._loop_task, *self._running.values()) if t is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _loop(self) -> None:
        while True:
            self._awake.clear()
            try:
                next_due = self._start_due()
            except sqlite.Error as error:
                self._plane.told("background work cannot be looked for", error)
                await asyncio.sleep(WAIT_SECONDS)
                continue
            timeout = 30.0 if next_due is None else max(0.01, next_due - self._plane.clock())
            try:
                async with asyncio.timeout(timeout):  # `wait_for` may lose a cancellation that comes with a wake
                    await self._awake.wait()
            except TimeoutError:
                continue

    def _start_due(self) -> float | None:
        """Starts what is due and may run; returns when the next one is due."""
        now = self._plane.clock()
        for lane, kinds in self._lanes.items():
            while self._places[lane] and (due := self._due(kinds, now, self._places[lane])):
                for document in due:
                    if document["subject"] not in self._subjects:
                        self._subjects.add(document["subject"])
                        self._places[lane] -= 1
                        self._running[document["id"]] = asyncio.get_running_loop().create_task(self._run(document))
        [(following,)] = self._plane.store.read(
            lambda tx: tx.run("SELECT min(due_at) FROM task WHERE due_at > ?", (now,))
        )
        return None if following is None else float(following)

    def _due(self, kinds: list[str], now: float, limit: int) -> list[Document]:
        """The first due tasks of these kinds whose subjects nobody works on."""
        busy = list(self._subjects)
        sql = (
            f"SELECT body FROM task WHERE due_at <= ? AND kind IN ({', '.join('?' * len(kinds))}) "  # noqa: S608
            f"AND subject NOT IN ({', '.join('?' * len(busy))}) ORDER BY due_at, id LIMIT ?"
        )
        rows = self._plane.store.read(lambda tx: tx.run(sql, (now, *kinds, *busy, limit)))
        return [msgspec.json.decode(row[0]) for row in rows]

    async def _run(self, document: Document) -> None:
        try:
            await self._attempt(document)
        except Exception as error:
            if words(error) is None:
                raise
            self._plane.told("background work cannot be done", error)
            await asyncio.sleep(WAIT_SECONDS)  # it is as it was, and tried again then
        finally:
            self._running.pop(document["id"], None)
            self._subjects.discard(document["subject"])
            self._places[self._kinds[document["kind"]].lane] += 1
            self.wake()

    async def _attempt(self, document: Document) -> None:
        kind = self._kinds[document["kind"]]
        try:
            await kind.run(self._plane, document)
        except Exception as error:
            if words(error) is not None:
                raise
            attempts = document["attempts"] + 1
            log.warning(
                "task failed", kind=document["kind"], subject=document["subject"], attempts=attempts, exc_info=True
            )
            if attempts < MAX_ATTEMPTS:
                retry = document | {"attempts": attempts, "due_at": self._plane.clock() + 0.2 * 2**attempts}
                await self._plane.store.write(lambda tx: tx.put(TASKS, retry))
                return
            reason = str(error) or type(error).__name__
            await self._plane.store.write(lambda tx: self._give_up(tx, kind, document, reason))
            return
        await self._plane.store.write(lambda tx: tx.remove(TASKS, document["id"]))

    def _give_up(self, tx: Transaction, kind: TaskKind, document: Document, reason: str) -> None:
        kind.failed(tx, self._plane, document, reason)
        tx.remove(TASKS, document["id"])
