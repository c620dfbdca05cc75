"""The data plane's HTTP server: its connections, how patient it is with them, and how it stops.

Why it is not an ASGI server: `docs/decisions/0045-http-without-asgi.md`.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import formatdate

from twinplane.data_plane.http_connection import Connection
from twinplane.data_plane.wire.http import HttpRequest, HttpResponse
from twinplane.data_plane.wire.incoming import Incoming

App = Callable[[HttpRequest, Incoming], Awaitable[HttpResponse]]
"""Answers a request. Raises `ClientGone` when there is nobody to answer."""

_READ_BYTES = 64 << 10  # at a time, of everything but long bodies


@dataclass(frozen=True)
class Patience:
    """How long a client may take, in seconds."""

    idle: float = 60.0  # between two requests
    head: float = 30.0  # from the first byte of a request to the end of its headers
    body: float = 60.0  # waiting for a body, beside a second for each `body_bytes` that came
    body_bytes: int = 500
    answer: float = 600.0  # without taking a byte of it
    last: float = 2.0  # to take an answer behind which the connection is closed with more to read
    stop: float = 3.0  # for calls that run when the server is stopped


class Server:
    """Serves one application; `patience` is for its clients."""

    def __init__(self, app: App, patience: Patience = Patience()) -> None:
        self.app, self.patience = app, patience
        self.loop = asyncio.get_running_loop()
        self.connections: set[Connection] = set()
        self.tasks: set[asyncio.Task[None] | None] = set()
        self.scratch = memoryview(bytearray(_READ_BYTES))  # what was read is parsed before another reads
        self.stopping = False
        self._stop = asyncio.Event()
        self._second, self._date = 0, ""

    def date(self) -> str:
        """The value of a Date header."""
        now = int(time.time())
        if now != self._second:
            self._second, self._date = now, formatdate(now, usegmt=True)
        return self._date

    def stop(self) -> None:
        """Has `serve` return once the calls that run are answered, within reason."""
        self._stop.set()

    async def serve(
        self, listener: socket.socket, tls: ssl.SSLContext | None = None, ready: Callable[[], None] = lambda: None
    ) -> None:
        """Serves until it is stopped. Calls `ready` when clients may come."""
        server = await self.loop.create_server(
            lambda: Connection(self), sock=listener, ssl=tls,
            ssl_handshake_timeout=None if tls is None else self.patience.head,
        )  # fmt: skip
        ready()
        checking = self.loop.create_task(self._check())
        try:
            await self._stop.wait()
        finally:
            self.stopping = True
            server.close()
            for connection in list(self.connections):
                connection.stop()
            if self.tasks:
                await asyncio.wait({task for task in self.tasks if task is not None}, timeout=self.patience.stop)
            for task in [task for task in self.tasks if task is not None]:
                task.cancel()
            for connection in list(self.connections):
                connection.transport.abort()
            checking.cancel()
            if self.tasks:
                await asyncio.wait({task for task in self.tasks if task is not None}, timeout=self.patience.stop)

    async def _check(self) -> None:
        while True:
            await asyncio.sleep(min(1.0, self.patience.idle / 4))
            now = self.loop.time()
            for connection in list(self.connections):
                connection.check(now)
