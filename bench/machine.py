"""What this machine can do at most for a small call; `objects` has the limits of large bodies."""

import http.client
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from bench import servers

_BLOCK = 4096


def limits(folder: Path) -> Iterator[tuple[str, str]]:
    """What was measured, and the figure with its unit. `folder` is on the disk that is meant."""
    for server in ("uvicorn", "twinplane"):
        cpu, seconds = _hello(server, 2000)
        yield f"a hello of {server}'s HTTP server", f"{cpu * 1e6:.0f} µs of CPU, {seconds * 1e3:.2f} ms a request"
    yield "fsync of a 4 KB write", f"{_fsyncs(folder):.0f} a second"


def _hello(server_name: str, requests: int) -> tuple[float, float]:
    """CPU seconds and seconds of a request."""
    with servers.hello(server_name) as server:
        connection = http.client.HTTPConnection(urlsplit(server.endpoint).netloc, timeout=30)
        cpu, began = server.cpu_seconds(), time.perf_counter()
        for _ in range(requests):
            connection.request("POST", "/", b"x" * 40)
            connection.getresponse().read()
        return (server.cpu_seconds() - cpu) / requests, (time.perf_counter() - began) / requests


def _fsyncs(folder: Path, count: int = 300) -> float:
    with tempfile.TemporaryFile(dir=folder) as file:
        began = time.perf_counter()
        for _ in range(count):
            os.write(file.fileno(), b"x" * _BLOCK)
            os.fsync(file.fileno())
        return count / (time.perf_counter() - began)
