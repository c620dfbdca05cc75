"""HTTP requests and responses over ASGI: bodies that may be read late, in part, or not at all."""

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.wire.body import FileRange
from twinplane.data_plane.wire.http import HttpRequest, HttpResponse

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MAX_BODY_BYTES = 16 * 1024 * 1024


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


class Incoming:
    """A request's body as it arrives; knows whether it was read to its end."""

    def __init__(self, receive: Receive, headers: dict[str, str]) -> None:
        self._receive = receive
        length = headers.get("content-length")
        self.length = int(length) if length is not None and length.isdecimal() else None
        self.ended = not ("transfer-encoding" in headers or self.length)
        self.waits_for_continue = headers.get("expect", "").lower() == "100-continue"
        self._started = False

    async def pieces(self) -> AsyncIterator[bytes]:
        """What the client sends. Raises `ClientGone`."""
        while not self.ended:
            self._started = True
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            self.ended = not message.get("more_body", False)
            if message.get("body"):
                yield message["body"]

    async def all(self) -> bytes:
        """The whole body. Raises `ServiceError` when it is longer than an operation's request may be."""
        if (self.length or 0) > MAX_BODY_BYTES:
            raise _too_large()
        return await collect(self.pieces())

    async def gone(self) -> None:
        """Returns when the client has closed its connection. Await it once the body was read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def discard(self) -> bool:
        """Reads what the client still sends, within reason; False: it sends too much, or waits to be asked."""
        if self.ended:
            return True
        if self.waits_for_continue and not self._started:
            return False
        left = MAX_BODY_BYTES
        async for piece in self.pieces():
            left -= len(piece)
            if left < 0:
                return False
        return True


async def collect(pieces: AsyncIterable[bytes]) -> bytes:
    """A body in one piece. Raises `ServiceError` when it is too long for that."""
    parts, size = [], 0
    async for piece in pieces:
        size += len(piece)
        if size > MAX_BODY_BYTES:
            raise _too_large()
        parts.append(piece)
    return b"".join(parts)


def _too_large() -> ServiceError:
    return ServiceError("RequestEntityTooLarge", f"The request is longer than {MAX_BODY_BYTES} bytes.", 413)


def read_request(scope: Scope) -> HttpRequest:
    raw = scope["headers"]  # names in lower case, says ASGI
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in raw}
    if len(headers) != len(raw):
        headers = {}
        for raw_name, raw_value in raw:
            name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
            headers[name] = f"{headers[name]},{value}" if name in headers else value
    client = scope.get("client")
    return HttpRequest(
        scope["method"], scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1"), headers,
        client[0] if client else "",
    )  # fmt: skip


async def send_response(response: HttpResponse, method: str, send: Send) -> None:
    headers = response.headers
    if response.status not in (204, 304):
        headers.setdefault("Content-Length", str(response.length))
    raw = [(name.encode("latin-1"), _header_value(value)) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": raw})
    if method == "HEAD" or response.status in (204, 304):
        await send({"type": "http.response.body", "body": b""})
        return
    if isinstance(response.body, FileRange):
        async for piece in response.body.pieces():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        return
    await send({"type": "http.response.body", "body": response.body})


def _header_value(value: str) -> bytes:
    try:
        raw = value.encode("latin-1")  # as it came in: headers are bytes, and clients may send UTF-8 in them
    except UnicodeEncodeError:
        raw = value.encode("utf-8")
    return raw.translate(None, b"\r\n")
