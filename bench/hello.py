"""`python -m bench.hello PORT`: a uvicorn application that answers every request with the same bytes."""

import asyncio
import sys
from typing import Any

import uvicorn
import uvloop


async def hello(_scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


if __name__ == "__main__":
    config = uvicorn.Config(
        hello, port=int(sys.argv[1]), http="httptools", lifespan="off", log_level="warning", access_log=False
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(uvicorn.Server(config).serve())
