"""Parts of files as answers: over plain http from the page cache to the socket by the kernel, in worker threads.

An event loop's transport cannot do that, so the bytes go past it, through another descriptor of its socket, when it has
nothing left to write itself. That one stays good when the connection is closed meanwhile.
"""

import asyncio
import os
import select
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from twinplane.data_plane.wire.body import FileRange
from twinplane.data_plane.wire.incoming import ClientGone

if TYPE_CHECKING:
    from twinplane.data_plane.http_connection import Connection

_TURN_BYTES = 16 << 20  # sent before others get their turn at the thread
_WAIT_MILLISECONDS = 20  # for the client to take more, before the thread is given to others
_threads = ThreadPoolExecutor(4, "send")


async def send(connection: "Connection", head: bytes, part: FileRange, *, encrypted: bool) -> None:
    """Sends an answer's head and body. Raises `ClientGone`, and `OSError` when the file cannot be read."""
    if encrypted:
        connection.transport.write(head)
        async for piece in part.pieces():
            await connection.emptied()
            connection.transport.write(piece)
        return
    await connection.written()
    sending = _Sending(connection.transport.get_extra_info("socket"), head, part)
    loop = asyncio.get_running_loop()
    connection.pause_writing()
    try:
        while await _in_thread(sending.some):
            connection.moved += sending.moved
            if connection.lost:
                raise ClientGone
            if sending.blocked:
                loop.add_writer(sending.socket, connection.wake)
                try:
                    await connection.woken()
                finally:
                    loop.remove_writer(sending.socket)
    except (BrokenPipeError, ConnectionResetError):
        raise ClientGone from None
    finally:
        connection.resume_writing()
        sending.close()


class _Sending:
    """One answer on its way. `some` blocks for a short time."""

    def __init__(self, transport_socket: Any, head: bytes, part: FileRange) -> None:
        self.socket = socket.socket(fileno=os.dup(transport_socket.fileno()))
        self._head, self._part = memoryview(head), part
        self._file = -1
        self._offset, self._left = part.offset, part.length
        self.blocked = False
        self.moved = 0  # bytes, by the last `some`

    def some(self) -> bool:
        """Sends what the client takes now; False: all is sent."""
        if self._file < 0:
            self._file = os.open(self._part.path, os.O_RDONLY | os.O_CLOEXEC)
        self.moved, self.blocked = 0, False
        poll = select.poll()
        poll.register(self.socket, select.POLLOUT)
        while self._left and self.moved < _TURN_BYTES:
            try:
                self._step()
            except BlockingIOError:
                if not poll.poll(_WAIT_MILLISECONDS):
                    self.blocked = True
                    break
        return self._left > 0

    def _step(self) -> None:
        if self._head:
            self._head = self._head[self.socket.send(self._head, socket.MSG_MORE) :]
            return
        sent = os.sendfile(self.socket.fileno(), self._file, self._offset, min(self._left, _TURN_BYTES))
        if not sent:
            raise OSError(f"{self._part.path} is shorter than {self._part.offset + self._part.length} bytes")
        self._offset, self._left, self.moved = self._offset + sent, self._left - sent, self.moved + sent

    def close(self) -> None:
        self.socket.close()
        if self._file >= 0:
            os.close(self._file)


async def _in_thread(function: Callable[[], bool]) -> bool:
    """Runs `function` in a worker thread; when cancelled, still waits for it, so that nobody closes what it uses."""
    work = asyncio.get_running_loop().run_in_executor(_threads, function)
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise
