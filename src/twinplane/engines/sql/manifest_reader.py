"""Has Iceberg's metadata decoded in a process of its own, which is started when it is first needed."""

import asyncio
import contextlib
import socket
import struct
import sys
import time
from weakref import WeakValueDictionary

import msgspec

from twinplane.engines.sql.manifest_messages import MOST_REPLY_BYTES, ManifestReply, ManifestRequest
from twinplane.engines.sql.plan import QueryError
from twinplane.engines.sql.worker_messages import Hello, Limits

_LIMITS = Limits(memory_bytes=1 << 30, planning_seconds=10.0)


class ManifestReader:
    """Asks the process one thing after another; ends it when it was idle for a while.

    A person's files are read one after another, so that whoever has many, or hostile ones, delays mostly herself.
    """

    def __init__(self, idle_seconds: float = 300.0, *, allow_unconfined: bool = False) -> None:
        self._idle_seconds, self._allow_unconfined = idle_seconds, allow_unconfined
        self._lock = asyncio.Lock()
        self._own: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._used = 0.0
        self._sweeper: asyncio.Task[None] | None = None

    async def read(self, person: str, request: ManifestRequest) -> ManifestReply:
        """What a file says. Raises `QueryError`, whose text tells nothing of the file."""
        own = self._own.setdefault(person, asyncio.Lock())
        async with own, self._lock:
            self._used = time.monotonic()
            try:
                await self._ready()
                reply = await asyncio.wait_for(self._call(request), _LIMITS.planning_seconds * 2)
            except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
                await self._end()
                raise QueryError("ICEBERG_BAD_DATA", "The table's metadata cannot be read") from None
            except asyncio.CancelledError:
                await asyncio.shield(self._end())
                raise
        if reply.failure is not None:
            raise QueryError(reply.failure.code, reply.failure.message)
        return reply

    async def _call(self, request: ManifestRequest) -> ManifestReply:
        assert self._writer is not None
        body = msgspec.msgpack.encode(request)
        self._writer.write(struct.pack(">I", len(body)) + body)
        await self._writer.drain()
        return msgspec.json.decode(await self._message(), type=ManifestReply)

    async def _message(self) -> bytes:
        assert self._reader is not None
        size = struct.unpack(">I", await self._reader.readexactly(4))[0]
        if size > MOST_REPLY_BYTES:  # the process was taken over: it sends no such thing
            raise ConnectionError
        return await self._reader.readexactly(size)

    async def _ready(self) -> None:
        if self._process is not None and self._process.returncode is None:
            return
        await self._end()
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-m", "twinplane.engines.sql.process", "manifests", str(theirs.fileno()),
                msgspec.json.encode(_LIMITS).decode(), "",
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),), env={}, start_new_session=True, cwd="/",
            )  # fmt: skip
        ours.setblocking(False)
        self._reader, self._writer = await asyncio.open_connection(sock=ours, limit=1 << 24)
        hello = msgspec.json.decode(await self._message(), type=Hello)
        if hello.missing and not self._allow_unconfined:
            await self._end()
            raise QueryError("GENERIC_INTERNAL_ERROR", "The query engine did not start")
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().create_task(self._sweep())

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(min(self._idle_seconds, 30.0))
            if self._process is not None and time.monotonic() - self._used >= self._idle_seconds:
                async with self._lock:
                    await self._end()

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        if self._writer is not None:
            self._writer.close()
        await process.wait()

    async def close(self) -> None:
        """Ends the process."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        async with self._lock:
            await self._end()
