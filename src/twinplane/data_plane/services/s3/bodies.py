"""Object bodies on disk: immutable files with random names, on disk before any row names them.

A body is written under its final name and never changed, so nothing is ever torn and an object's key never reaches
the file system. A body no row names any more stays a while for readers that are still at it.
Why: `docs/decisions/0005-object-bodies-are-immutable-files.md`.
"""

import asyncio
import hashlib
import os
import secrets
import threading
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from twinplane.data_plane.files import sync_folder
from twinplane.data_plane.hold import removing
from twinplane.data_plane.plane import Plane
from twinplane.data_plane.wire import checksums
from twinplane.data_plane.wire.body import FileRange

PIECE_BYTES = 1 << 20  # written and hashed at a time, in a worker thread
_PROCESS = secrets.token_hex(4)  # marks the bodies this process wrote: they are never left-overs of a crash
_making_folders = threading.Lock()
_made: set[Path] = set()  # the folders that this process knows to be on disk: an earlier one may have crashed half way


@dataclass(frozen=True)
class Body:
    """A body that is safely on disk. `checksums` maps algorithms to base64 texts."""

    blob: str
    size: int
    md5: bytes
    checksums: dict[str, str] = field(default_factory=dict)


def path(plane: Plane, blob: str) -> Path:
    """Where the body named `blob` lies."""
    return plane.blobs / blob[:2] / blob


def make_folders(blobs: Path) -> None:
    """Makes the folders bodies are spread over, durably. Quick when they are there."""
    with _making_folders:
        if blobs in _made:
            return
        blobs.mkdir(parents=True, exist_ok=True)
        for number in range(256):
            (blobs / f"{number:02x}").mkdir(exist_ok=True)
        sync_folder(blobs)
        sync_folder(blobs.parent)
        _made.add(blobs)


class _Writing:
    """A body being written. Its methods block: they run in a worker thread, one after another."""

    def __init__(self, plane: Plane, algorithms: Iterable[str]) -> None:
        self.blob = f"{secrets.token_hex(16)}-{_PROCESS}"
        self._path = path(plane, self.blob)
        self._blobs = plane.blobs
        self._file: IO[bytes] | None = None
        self._size = 0
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._checksums = {algorithm: checksums.start(algorithm) for algorithm in algorithms}

    def write(self, pieces: list[bytes]) -> None:
        if self._file is None:
            make_folders(self._blobs)
            self._file = open(self._path, "xb", buffering=0)  # noqa: SIM115 - closed by finish or drop
        for piece in pieces:
            view = memoryview(piece)
            while view:  # an unbuffered write may take less than it is given
                view = view[self._file.write(view) :]
            self._md5.update(piece)
            for checksum in self._checksums.values():
                checksum.update(piece)
            self._size += len(piece)

    def finish(self, pieces: list[bytes]) -> Body:
        self.write(pieces)
        assert self._file is not None
        os.fsync(self._file.fileno())
        self._file.close()
        sync_folder(self._path.parent)
        texts = {algorithm: checksums.text(checksum) for algorithm, checksum in self._checksums.items()}
        return Body(self.blob, self._size, self._md5.digest(), texts)

    def drop(self) -> None:
        if self._file is not None:
            self._file.close()
            self._path.unlink(missing_ok=True)


async def receive(plane: Plane, source: AsyncIterator[bytes], algorithms: Iterable[str] = ()) -> Body:
    """Writes what `source` gives and returns the body once it is on disk. Leaves nothing behind when it fails."""
    writing = _Writing(plane, algorithms)
    pieces: list[bytes] = []
    waiting = 0
    try:
        async for piece in source:
            pieces.append(piece)
            waiting += len(piece)
            if waiting >= PIECE_BYTES:
                await _in_thread(writing.write, pieces)
                pieces, waiting = [], 0
        body: Body = await _in_thread(writing.finish, pieces)
    except BaseException:
        await asyncio.shield(asyncio.to_thread(writing.drop))
        raise
    return body


async def _in_thread(function: Any, *arguments: Any) -> Any:
    """Runs `function` in a worker thread; when cancelled, still waits for it, so that nobody touches its file."""
    work = asyncio.ensure_future(asyncio.to_thread(function, *arguments))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise


async def joined(ranges: Iterable[FileRange]) -> AsyncIterator[bytes]:
    """The bytes of parts of files, one after another."""
    for part in ranges:
        async for piece in part.pieces():
            yield piece


async def once(data: bytes) -> AsyncIterator[bytes]:
    """A source that gives `data` in one piece."""
    yield data


async def discard(plane: Plane, body: Body) -> None:
    """Removes a body that was written but is not going to be named."""
    await asyncio.to_thread(path(plane, body.blob).unlink, missing_ok=True)


def unlink(plane: Plane, blobs: Iterable[str]) -> bool:
    """Removes bodies; False when they must stay for now, because a backup runs. Blocks: for worker threads."""
    with removing(plane.settings.state) as may:
        if may:
            for blob in blobs:
                path(plane, blob).unlink(missing_ok=True)
    return may


def left_over(blobs: Path, folder: str) -> list[str]:
    """The names of bodies in one folder that earlier processes wrote."""
    return [name for name in os.listdir(blobs / folder) if not name.endswith(f"-{_PROCESS}")]
