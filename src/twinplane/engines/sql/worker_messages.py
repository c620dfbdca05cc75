"""What a worker and its pool say to each other: JSON behind a length of four bytes."""

import socket
import struct

import msgspec

from twinplane.engines.sql.plan import Column, Plan, Query, ResultColumn, Write, WrittenFile
from twinplane.engines.sql.statements import Statement


class Limits(msgspec.Struct, frozen=True):
    """What one worker may use. `planning_seconds`: to read a text and to write it for the engine."""

    memory_bytes: int = 2 << 30
    threads: int = 2
    open_files: int = 4096
    result_bytes: int = 16 << 30
    planning_seconds: float = 5.0


class Hello(msgspec.Struct, frozen=True):
    """The worker is ready. `missing`: what this machine lacks to confine it."""

    missing: tuple[str, ...]


class Run(msgspec.Struct, frozen=True, tag=True):
    """Run a query, or a plan made of one. The result goes to `output`; it and spilled data lie under `folder`.

    With `write` there is no result: the rows go into files below `output`, which is a folder then.
    """

    work: Query | Plan
    output: str
    folder: str
    write: Write | None = None


class Read(msgspec.Struct, frozen=True, tag=True):
    """Say which statement a text is."""

    text: str
    parameters: tuple[str, ...]


class CheckFilter(msgspec.Struct, frozen=True, tag=True):
    """Say whether a text is a row filter over these columns."""

    text: str
    columns: tuple[Column, ...]


Request = Run | Read | CheckFilter


class Failure(msgspec.Struct, frozen=True):
    """Why it failed: `code` and `message` may be shown to the user, `detail` may not."""

    code: str
    message: str
    detail: str = ""


class Reply(msgspec.Struct, frozen=True):
    """What became of a request."""

    failure: Failure | None = None
    statement: Statement | None = None
    columns: tuple[ResultColumn, ...] = ()
    rows: int = 0
    result_bytes: int = 0
    scanned_bytes: int = 0
    engine_seconds: float = 0.0
    planning_seconds: float = 0.0
    types: tuple[str, ...] = ()
    files: tuple[WrittenFile, ...] = ()


def send(channel: socket.socket, message: msgspec.Struct) -> None:
    """Writes one message."""
    body = msgspec.json.encode(message)
    channel.sendall(struct.pack(">I", len(body)) + body)


def receive(channel: socket.socket) -> bytes | None:
    """Reads one message; None when the other side is gone."""
    head = _exactly(channel, 4)
    return None if head is None else _exactly(channel, struct.unpack(">I", head)[0])


def _exactly(channel: socket.socket, size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        part = channel.recv(min(size - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)
