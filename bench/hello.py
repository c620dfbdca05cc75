"""`python -m bench.hello PORT uvicorn|twinplane`: that HTTP server, answering every request with the same bytes."""

import asyncio
import socket
import sys
from typing import Any

import uvicorn
import uvloop

from twinplane.data_plane.http_server import Server
from twinplane.data_plane.wire.http import HttpRequest, HttpResponse
from twinplane.data_plane.wire.incoming import Incoming


async def _asgi_hello(_scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


async def _hello(_http: HttpRequest, incoming: Incoming) -> HttpResponse:
    await incoming.all()
    return HttpResponse(200, {}, b"hello")


async def _serve(port: int, server: str) -> None:
    if server == "uvicorn":
        config = uvicorn.Config(
            _asgi_hello, port=port, http="httptools", lifespan="off", log_level="warning", access_log=False
        )
        await uvicorn.Server(config).serve()
    else:
        await Server(_hello).serve(socket.create_server(("127.0.0.1", port)))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(int(sys.argv[1]), sys.argv[2]))
