"""A request's body on its way in: it may be read late, in part, or not at all."""

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable

from twinplane.data_plane.call import ServiceError

Piece = bytes | memoryview
MAX_BODY_BYTES = 16 * 1024 * 1024
_PIECE_BYTES = 64  # of memory that a piece takes beside its bytes: clients choose how small the pieces are


class ClientGone(Exception):
    """The client closed the connection before its request was complete, or before it had its answer."""


class Incoming:
    """A body, from its connection to who reads it. Read it once, from one place.

    The connection gives it with `add`, `end` and `fail`; `want` is called when more is waited for.
    """

    __slots__ = ("_complete", "_failure", "_pieces", "_waiter", "_want", "held", "length", "read", "waits_to_be_asked")

    def __init__(self, length: int | None = None, want: Callable[[], None] = lambda: None) -> None:
        self.length = length  # None: it is told when it ends
        self.held = 0  # bytes of memory that nobody has read yet
        self.read = False  # to the end
        self.waits_to_be_asked = False  # the client sends the body once it is wanted (100-continue)
        self._want = want
        self._pieces: deque[Piece] = deque()
        self._complete = False
        self._failure: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    # From the connection

    @property
    def complete(self) -> bool:
        """Whether all of it has come."""
        return self._complete

    def add(self, piece: Piece) -> None:
        self._pieces.append(piece)
        self.held += len(piece) + _PIECE_BYTES
        self._wake()

    def end(self) -> None:
        self._complete = True
        self._wake()

    def fail(self, failure: Exception) -> None:
        """No more comes: whoever reads on, or waits for the client to leave, is told so."""
        self._failure = failure
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # For the reader

    async def pieces(self) -> AsyncIterator[Piece]:
        """What the client sends. Raises what it failed with."""
        while True:
            while self._pieces:
                piece = self._pieces.popleft()
                self.held -= len(piece) + _PIECE_BYTES
                yield piece
            if self._complete:
                self.read = True
                return
            await self._more()

    async def all(self) -> bytes:
        """The whole body. Raises `ServiceError` when it is longer than an operation's request may be."""
        if (self.length or 0) > MAX_BODY_BYTES:
            raise _too_large()
        if self._complete and len(self._pieces) < 2:
            self.read, self.held = True, 0
            return bytes(self._pieces.popleft()) if self._pieces else b""
        return await collect(self.pieces())

    async def gone(self) -> None:
        """Returns when the client has closed its connection. Await it once the body was read."""
        while self._failure is None:
            await self._change()

    async def discard(self) -> bool:
        """Reads what the client still sends, within reason; False: it sends too much, or waits to be asked."""
        if self.read or (self._complete and self.held <= MAX_BODY_BYTES):
            return True
        if self.waits_to_be_asked:
            return False
        left = MAX_BODY_BYTES
        try:
            async for piece in self.pieces():
                left -= len(piece)
                if left < 0:
                    return False
        except ServiceError:  # it came too slowly
            return False
        return True

    async def _more(self) -> None:
        if self._failure is not None:
            raise self._failure
        self._want()
        await self._change()

    async def _change(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None


async def collect(pieces: AsyncIterable[Piece]) -> bytes:
    """A body in one piece. Raises `ServiceError` when it is too long for that."""
    body = bytearray()
    async for piece in pieces:
        if len(body) + len(piece) > MAX_BODY_BYTES:
            raise _too_large()
        body += piece
    return bytes(body)


def _too_large() -> ServiceError:
    return ServiceError("RequestEntityTooLarge", f"The request is longer than {MAX_BODY_BYTES} bytes.", 413)
