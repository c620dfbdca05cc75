"""An ASGI application as a part of the data plane: the pages of sign-in, whose answers are short."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote

from twinplane.data_plane.wire.http import HttpRequest, HttpResponse
from twinplane.data_plane.wire.incoming import ClientGone, Incoming

_Message = MutableMapping[str, Any]
App = Callable[[_Message, Callable[[], Awaitable[_Message]], Callable[[_Message], Awaitable[None]]], Awaitable[None]]


async def answer(app: App, http: HttpRequest, incoming: Incoming) -> HttpResponse:
    """What the application answers. Raises `ClientGone`."""
    response = HttpResponse(500)
    body = bytearray()
    pieces = incoming.pieces()

    async def receive() -> _Message:
        if incoming.read:
            await incoming.gone()
            return {"type": "http.disconnect"}
        try:
            piece = await anext(pieces, b"")
        except ClientGone:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": bytes(piece), "more_body": not incoming.read}

    async def send(message: _Message) -> None:
        if message["type"] == "http.response.start":
            response.status = message["status"]
            for raw_name, raw_value in message.get("headers", ()):
                name, value = raw_name.decode("latin-1").title(), raw_value.decode("latin-1")
                before = response.headers.get(name)
                response.headers[name] = value if before is None else f"{before}, {value}"
        elif message["type"] == "http.response.body":
            body.extend(message.get("body", b""))

    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "scheme": "http",
        "method": http.method, "path": unquote(http.raw_path), "raw_path": http.raw_path.encode("latin-1"),
        "query_string": http.query_string.encode("latin-1"), "root_path": "", "client": (http.client, 0),
        "server": None, "headers": [(n.encode("latin-1"), v.encode("latin-1")) for n, v in http.headers.items()],
    }  # fmt: skip
    await app(scope, receive, send)
    response.body = bytes(body)
    return response
