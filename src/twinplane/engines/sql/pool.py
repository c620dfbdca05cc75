"""The processes that read and run governed SQL: one that reads texts, and workers that serve one person each."""

import asyncio
import contextlib
import hashlib
import os
import shutil
import socket
import stat
import struct
import sys
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from weakref import WeakValueDictionary

import msgspec
import structlog

from twinplane.engines.sql.plan import (
    Column,
    Plan,
    Query,
    QueryCancelled,
    QueryError,
    Result,
    SyntaxRefused,
    Write,
    WrittenFile,
)
from twinplane.engines.sql.statements import Statement
from twinplane.engines.sql.worker_messages import CheckFilter, Hello, Limits, Read, Reply, Request, Run

log = structlog.get_logger()

ALLOWED_BY = "TWINPLANE_ALLOW_UNCONFINED_SQL"  # set to 1 by who knows what it means


@dataclass(eq=False)
class _Worker:
    process: asyncio.subprocess.Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    folder: Path
    person: str | None = None
    idle_since: float = field(default_factory=time.monotonic)

    async def call(self, request: Request) -> Reply:
        body = msgspec.json.encode(request)
        self.writer.write(struct.pack(">I", len(body)) + body)
        await self.writer.drain()
        return msgspec.json.decode(await self.message(), type=Reply)

    async def message(self) -> bytes:
        size = struct.unpack(">I", await self.reader.readexactly(4))[0]
        return await self.reader.readexactly(size)

    async def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.writer.close()
        await self.process.wait()
        await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)


class SqlPool:
    """Reads and runs statements. `size` queries run at once, `share` of them of one person; more wait their turn.

    A person's texts are read one after another, so that whoever sends many, or hostile ones, delays only herself. A
    worker keeps to the person it first served and is stopped when idle; one unassigned worker is kept ready. Where the
    machine cannot confine a worker none is used, unless `allow_unconfined`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        size: int = 4,
        share: int = 2,
        idle_seconds: float = 120.0,
        timeout_seconds: float = 1800.0,
        limits: Limits | None = None,
        allow_unconfined: bool = False,
    ) -> None:
        self._folder = folder
        self._idle_seconds, self._timeout_seconds = idle_seconds, timeout_seconds
        self._limits = limits or Limits()
        self._slots = asyncio.Semaphore(size)
        self._size, self._share = size, share
        self._shares: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._readings: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._idle: OrderedDict[_Worker, None] = OrderedDict()  # least recently used first
        self._busy: set[_Worker] = set()
        self._spare: asyncio.Task[_Worker] | None = None
        self._running: dict[str, asyncio.Task[Result]] = {}
        self._sweeper: asyncio.Task[None] | None = None
        self._reader: _Worker | None = None
        self._reading = asyncio.Lock()
        self._preparing: asyncio.Task[None] | None = None
        self._closed = False
        self._allow_unconfined = allow_unconfined

    def start(self) -> None:
        """Has the processes ready before the first query asks for them. Optional; returns at once."""
        if self._closed:
            return
        if self._reader is None and (self._preparing is None or self._preparing.done()):
            self._preparing = asyncio.get_running_loop().create_task(self._prepare_reader())
        if self._spare is None:
            self._spare = asyncio.get_running_loop().create_task(self._spawn("worker"))
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().create_task(self._sweep())

    async def classify(self, person: str, text: str, parameters: Sequence[str] = ()) -> Statement:
        """What a person's text asks for.

        Raises `SyntaxRefused` (not one statement) and `QueryError` (not served).
        """
        found = (await self._read(person, Read(text, tuple(parameters)))).statement
        if found is None:
            raise QueryError("GENERIC_INTERNAL_ERROR", "The statement could not be read")
        return found

    async def check_row_filter(self, person: str, text: str, columns: Sequence[Column]) -> None:
        """Raises `QueryError` unless the person's `text` is a row filter over these columns."""
        await self._read(person, CheckFilter(text, tuple(columns)))

    async def _read(self, person: str, request: Read | CheckFilter) -> Reply:
        own = self._readings.setdefault(person, asyncio.Lock())
        async with own, self._reading:
            reader = await self._ready_reader()
            try:
                reply = await asyncio.wait_for(reader.call(request), self._limits.planning_seconds * 2)
            except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
                await self._end_reader()
                raise SyntaxRefused("The query is too complex") from None
            except asyncio.CancelledError:
                await self._end_reader()
                raise
        if reply.failure is not None:
            refusal = SyntaxRefused(reply.failure.message)
            raise refusal if reply.failure.code == refusal.code else QueryError(
                reply.failure.code, reply.failure.message
            )  # fmt: skip
        return reply

    async def _prepare_reader(self) -> None:
        async with self._reading:
            if not self._closed:
                await self._ready_reader()

    async def _ready_reader(self) -> _Worker:
        if self._reader is None or self._reader.process.returncode is not None:
            self._reader = await self._spawn("reader")
        return self._reader

    async def _end_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            await asyncio.shield(reader.kill())

    async def run(
        self, person: str, work: Query | Plan, *, run_id: str | None = None, write: Write | None = None
    ) -> Result:
        """Runs a query in a worker that serves nobody but `person`.

        The result's file is the caller's: move or remove it. With `write` the rows go into data files instead, and the
        folder of these is the caller's. `run_id` names the run for `cancel`. Raises `QueryError` (text for the user)
        and `QueryCancelled`.
        """
        task = asyncio.get_running_loop().create_task(self._run(person, work, write))
        self._running[run_id or f"run {id(task)}"] = task
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled() and not _being_cancelled():
                raise QueryCancelled from None
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise
        finally:
            self._running.pop(run_id or f"run {id(task)}", None)

    async def _run(self, person: str, work: Query | Plan, write: Write | None) -> Result:
        own = self._shares.setdefault(person, asyncio.Semaphore(self._share))
        async with own, self._slots:
            worker = await self._worker_for(person)
            self._busy.add(worker)
            work_folder = worker.folder / "work"
            output = work_folder / (f"rows-{os.urandom(8).hex()}" if write else "result.csv")
            lent: dict[str, str] = {}
            healthy = False
            try:
                if isinstance(work, Query):
                    lent = {path: _name_in(worker.folder, path) for _, table in work.tables for path in table.paths}
                    await asyncio.to_thread(_lend, lent)
                    work = work.moved(lent)
                reply = await asyncio.wait_for(
                    worker.call(Run(work, str(output), str(work_folder), write)), self._timeout_seconds
                )
                healthy = True
                return self._result(reply, output, written=write is not None)
            except TimeoutError:
                raise QueryError("EXCEEDED_TIME_LIMIT", "Query exceeded the time limit") from None
            except (asyncio.IncompleteReadError, ConnectionError):
                log.warning("sql worker died", person=person, code=worker.process.returncode)
                raise QueryError("GENERIC_INTERNAL_ERROR", "The query failed") from None
            finally:
                self._busy.discard(worker)
                await self._put_back(worker, healthy)

    def _result(self, reply: Reply, output: Path, *, written: bool) -> Result:
        if reply.failure is not None:
            log.info("query failed", code=reply.failure.code, cause=reply.failure.detail.split(":")[0])
            raise QueryError(reply.failure.code, reply.failure.message)
        if not written and not stat.S_ISREG(os.lstat(output).st_mode):  # a worker is not believed
            raise QueryError("GENERIC_INTERNAL_ERROR", "The query failed")
        kept = self._folder / f"result-{os.urandom(16).hex()}{'' if written else '.csv'}"
        output.rename(kept)  # out of the worker's reach
        return Result(
            str(kept), reply.columns, reply.rows, reply.result_bytes, reply.scanned_bytes, reply.engine_seconds,
            reply.planning_seconds, reply.types, tuple(_moved(file, output, kept) for file in reply.files),
        )  # fmt: skip

    async def _put_back(self, worker: _Worker, healthy: bool) -> None:
        if healthy and not self._closed:
            await asyncio.to_thread(_empty, worker.folder)
            worker.idle_since = time.monotonic()
            self._idle[worker] = None
            await self._make_room(0)
            return
        await asyncio.shield(worker.kill())

    def cancel(self, run_id: str) -> bool:
        """Stops a run at once, by ending its worker; says whether it was running."""
        task = self._running.get(run_id)
        return task is not None and task.cancel()

    async def close(self) -> None:
        """Ends every worker; when it returns no process and no file of the pool is left."""
        self._closed = True
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        if self._sweeper is not None:
            self._sweeper.cancel()
        async with self._reading:
            await self._end_reader()
        workers = [*self._idle, *self._busy]
        if self._spare is not None:
            found = await asyncio.gather(self._spare, return_exceptions=True)
            workers += [w for w in found if isinstance(w, _Worker)]
        self._idle.clear()
        await asyncio.gather(*(w.kill() for w in workers), return_exceptions=True)
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def _worker_for(self, person: str) -> _Worker:
        for worker in reversed(self._idle):
            if worker.person == person and worker.process.returncode is None:
                del self._idle[worker]
                return worker
        await self._make_room(1)
        self.start()
        spare, self._spare = self._spare, None
        if spare is None:
            raise QueryError("GENERIC_INTERNAL_ERROR", "The engine is stopping")
        worker = await asyncio.shield(spare)
        worker.person = person
        self.start()
        return worker

    async def _make_room(self, wanted: int) -> None:
        """Ends the workers that were idle longest, as far as there are too many."""
        while self._idle and len(self._idle) + len(self._busy) + wanted > self._size:
            oldest, _ = self._idle.popitem(last=False)
            await oldest.kill()

    async def _spawn(self, module: str) -> _Worker:
        name = os.urandom(16).hex()
        folder = self._folder / name
        for part in ("data", "work"):
            await asyncio.to_thread((folder / part).mkdir, parents=True, mode=0o700)
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-m", "twinplane.engines.sql.process", module, str(theirs.fileno()),
                msgspec.json.encode(self._limits).decode(), str(folder.absolute()),
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),), env={}, start_new_session=True, cwd="/",
            )  # fmt: skip
        ours.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=ours, limit=1 << 24)
        worker = _Worker(process, reader, writer, folder)
        try:
            hello = msgspec.json.decode(await worker.message(), type=Hello)
        except asyncio.IncompleteReadError:
            await worker.kill()
            raise QueryError("GENERIC_INTERNAL_ERROR", "The query engine did not start") from None
        if hello.missing and not self._allow_unconfined:
            await worker.kill()
            log.error(
                "sql is not served: this machine cannot confine the process that would run it", lacks=hello.missing
            )
            raise QueryError(
                "NOT_SUPPORTED",
                f"No SQL is run: this machine lacks {' and '.join(hello.missing)}. Whoever runs it may set "
                f"{ALLOWED_BY}=1 to do without",
            )
        return worker

    async def _sweep(self) -> None:
        """Stops workers that nobody has used for a while."""
        while True:
            await asyncio.sleep(min(self._idle_seconds, 30.0))
            old = [w for w in self._idle if time.monotonic() - w.idle_since >= self._idle_seconds]
            for worker in old:
                if worker in self._idle:
                    del self._idle[worker]
                    await worker.kill()


def _name_in(folder: Path, path: str) -> str:
    """The name of a file in a worker's folder: always the same, so that what a worker planned before stays of use."""
    return str(folder / "data" / hashlib.blake2b(path.encode(), key=folder.name.encode(), digest_size=16).hexdigest())


def _moved(file: WrittenFile, output: Path, kept: Path) -> WrittenFile:
    """A written file where it is now. Raises `QueryError` for what is no file of the run: a worker is not believed."""
    path = kept / os.path.relpath(file.path, output)
    if path.resolve() != kept.resolve() / os.path.relpath(file.path, output) or not path.is_file():
        raise QueryError("GENERIC_INTERNAL_ERROR", "The query failed")
    return msgspec.structs.replace(file, path=str(path))


def _lend(names: dict[str, str]) -> None:
    """Links a query's files into its worker's folder, where alone it can open any."""
    for path, name in names.items():
        with contextlib.suppress(FileExistsError):
            os.link(path, name)


def _empty(folder: Path) -> None:
    """Removes what a run left in its worker's folder, the files it was lent first of all."""
    for place, _, names in os.walk(folder):
        for name in names:
            os.unlink(os.path.join(place, name))


def _being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
