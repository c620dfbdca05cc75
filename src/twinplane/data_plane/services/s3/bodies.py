"""Object bodies: small ones are rows of the database, the others immutable files with random names.

A file is written under its final name and never changed, so nothing is ever torn and an object's key never reaches the
file system; it is on disk before any row names it, and stays a while for its readers when no row does any more. A small
body is on disk with the row that names it. Why: `docs/decisions/0005-object-bodies-are-immutable-files.md` and
`docs/decisions/0021-small-bodies-are-rows.md`.
"""

import asyncio
import os
import secrets
import shutil
import threading
from collections import deque
from collections.abc import AsyncIterable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from twinplane.data_plane.files import sync_folder
from twinplane.data_plane.hold import removing
from twinplane.data_plane.plane import Plane
from twinplane.data_plane.store import Document, Transaction
from twinplane.data_plane.wire import checksums
from twinplane.data_plane.wire.body import FileRange
from twinplane.data_plane.wire.incoming import Piece
from twinplane.data_plane.wire.upload import Payload

Batch = list[Piece]

SMALL_BYTES = 32 << 10  # bodies up to here are rows
BATCH_BYTES = 1 << 20  # written and hashed at a time, in worker threads
_BATCHES_UNDER_WAY = 8  # so that no lane waits when another is held up for some milliseconds
_SYNC_BYTES = 8 << 20
_PROCESS = secrets.token_hex(4)  # marks the bodies this process wrote: they are never left-overs of a crash
_making_folders = threading.Lock()
_made: set[Path] = set()  # the folders that this process knows to be on disk: an earlier one may have crashed half way

TABLE = "CREATE TABLE IF NOT EXISTS s3_small_body (id INTEGER PRIMARY KEY, data BLOB NOT NULL)"


def index(table: str) -> str:
    """The statement that makes the index by which the names of a file are found. Most bodies have none."""
    return f'CREATE INDEX IF NOT EXISTS "{table}_blob" ON "{table}" (blob) WHERE blob IS NOT NULL'


@dataclass(frozen=True)
class Body:
    """A body that is received and verified: in the file `blob`, on disk; or in `data`, to be kept with its object.

    `digests` maps "MD5" and every algorithm that was asked for to digests. `borrowed`: another document names the file.
    """

    size: int
    digests: dict[str, bytes]
    blob: str | None = None
    data: bytes = b""
    borrowed: bool = False

    @property
    def md5(self) -> bytes:
        return self.digests["MD5"]


# Where the bytes of a document with `size`, `blob` and `row` are


def keep(tx: Transaction, body: Body) -> dict[str, Any]:
    """What a document says of where its body is; a small body becomes a row in this transaction."""
    if body.blob is not None:
        return {"blob": body.blob, "row": None}
    ((row,),) = tx.run("INSERT INTO s3_small_body (data) VALUES (?) RETURNING id", (body.data,))
    return {"blob": None, "row": row}


def small(tx: Transaction, document: Document) -> bytes | None:
    """The bytes of a body that is a row; None when it is a file. Raises `LookupError` when the row is gone."""
    if document["blob"] is not None:
        return None
    rows = tx.run("SELECT data FROM s3_small_body WHERE id = ?", (document["row"],))
    if not rows:
        raise LookupError(f"the body of {document['bucket']}/{document['key']} is missing")
    return bytes(rows[0][0])


def content(tx: Transaction, plane: Plane, document: Document, offset: int, length: int) -> bytes | FileRange:
    """`length` bytes of a document's body from `offset`, as an answer carries them."""
    data = small(tx, document)
    if data is not None:
        return data[offset : offset + length]
    return FileRange(path(plane, document["blob"]), offset, length) if length else b""


def file(tx: Transaction, plane: Plane, document: Document) -> Path:
    """A file that holds the body's bytes, for engines that read files. It is not to be changed.

    For a small body one is made, once for this process: files that another process left are not trusted.
    """
    data = small(tx, document)
    if data is None:
        return path(plane, document["blob"])
    target = copy_of(plane, document)
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f"{target.name}.partial")
        partial.write_bytes(data)
        partial.rename(target)
    return target


def remove_small(tx: Transaction, rows: Iterable[int]) -> None:
    """Removes small bodies with the documents that named them."""
    for row in rows:
        tx.run("DELETE FROM s3_small_body WHERE id = ?", (row,))


def path(plane: Plane, blob: str) -> Path:
    """Where the file named `blob` lies."""
    return plane.blobs / blob[:2] / blob


def copy_of(plane: Plane, document: Document) -> Path:
    """The file that is made of a small body. The number of a row that went may be used again: so its tag is in it."""
    row, tag = document["row"], document["etag"].strip('"')
    return plane.settings.state / "copies" / _PROCESS / f"{row % 256:02x}" / f"{row}-{tag}"


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


# Receiving


class _Writing:
    """A file being written, and digests being computed. Its methods block: they run in worker threads.

    `write` and each digest's `update` take the batches in order; they may run beside each other.
    """

    def __init__(self, plane: Plane, algorithms: Iterable[str]) -> None:
        self.blob = f"{secrets.token_hex(16)}-{_PROCESS}"
        self._path, self._blobs = path(plane, self.blob), plane.blobs
        self._file: IO[bytes] | None = None
        self.size = 0
        self.running = {algorithm: checksums.start(algorithm) for algorithm in algorithms}

    def write(self, batch: Batch) -> None:
        if self._file is None:
            make_folders(self._blobs)
            self._file = open(self._path, "xb", buffering=0)  # noqa: SIM115 - closed by sync or drop
        for piece in batch:
            view = memoryview(piece)
            while view:  # an unbuffered write may take less than it is given
                view = view[self._file.write(view) :]
            self.size += len(piece)

    def sync_so_far(self) -> None:
        """The disk starts on what was written, so that the last sync is short."""
        if self._file is not None:
            os.fdatasync(self._file.fileno())

    def copy(self, source: Path, offset: int, length: int) -> None:
        """Writes part of another file."""
        with source.open("rb", buffering=0) as file:
            file.seek(offset)
            while length:
                batch = file.read(min(length, BATCH_BYTES))
                if not batch:
                    raise OSError(f"{source} is shorter than it should be")
                self.write([batch])
                length -= len(batch)

    def sync(self) -> None:
        assert self._file is not None
        os.fsync(self._file.fileno())
        self._file.close()
        sync_folder(self._path.parent)

    def digest(self, algorithms: Iterable[str], batch: Batch) -> None:
        for algorithm in algorithms:
            for piece in batch:
                self.running[algorithm].update(piece)

    def all(self, batch: Batch) -> None:
        self.write(batch)
        self.digest(self.running, batch)
        self.sync()

    def drop(self) -> None:
        if self._file is not None:
            self._file.close()
            self._path.unlink(missing_ok=True)

    def body(self) -> Body:
        digests = {algorithm: checksum.digest() for algorithm, checksum in self.running.items()}
        return Body(self.size, digests, self.blob)


class _Lanes:
    """Worker threads side by side: one writes, one computes MD5, one the other digests. Each keeps the order.

    Another has the disk write what came so far. What goes wrong in one is raised by `take` and `end`.
    """

    def __init__(self, writing: _Writing) -> None:
        others = [name for name in writing.running if name != "MD5"]
        steps: list[Callable[[Batch], None]] = [writing.write, partial(writing.digest, ["MD5"])]
        if others:
            steps.append(partial(writing.digest, others))
        self._writing, self._steps = writing, [(ThreadPoolExecutor(1, "s3"), step) for step in steps]
        self._syncs = ThreadPoolExecutor(1, "s3")
        self._under_way: deque[asyncio.Future[Any]] = deque()
        self._syncing: asyncio.Future[None] | None = None
        self._unsynced = 0

    async def take(self, batch: Batch, size: int) -> None:
        """Hands a batch to all lanes; waits while too many are under way."""
        while len(self._under_way) >= _BATCHES_UNDER_WAY:
            await asyncio.shield(self._under_way[0])
            self._under_way.popleft()
        loop = asyncio.get_running_loop()
        self._under_way.append(asyncio.gather(*(loop.run_in_executor(lane, step, batch) for lane, step in self._steps)))
        self._unsynced += size
        if self._unsynced >= _SYNC_BYTES and (self._syncing is None or self._syncing.done()):
            if self._syncing is not None:
                self._syncing.result()  # an error of the disk is told once
            self._unsynced = 0
            self._syncing = loop.run_in_executor(self._syncs, self._writing.sync_so_far)

    async def end(self) -> None:
        """Returns when all batches are done."""
        for work in self._all():
            await asyncio.shield(work)

    async def close(self) -> None:
        """Leaves nobody at work."""
        if work := self._all():
            await asyncio.wait(work)
            for done in work:
                done.exception()
        for lane in (self._syncs, *(lane for lane, _ in self._steps)):
            lane.shutdown(wait=False)

    def _all(self) -> list[asyncio.Future[Any]]:
        return [*self._under_way, *([self._syncing] if self._syncing is not None else [])]


async def receive(plane: Plane, source: AsyncIterable[Piece], algorithms: Iterable[str] = ()) -> Body:
    """Takes in a body, and verifies it where it is a request's. Leaves nothing behind when it fails.

    `algorithms` are computed beside MD5 and what is needed to verify it.
    """
    payload = source if isinstance(source, Payload) else None
    wanted = {"MD5", *algorithms, *(payload.algorithms if payload is not None else ())}
    pieces: list[Piece] = []
    size = 0
    stream: AsyncIterable[Piece] = payload.pieces() if payload is not None else aiter(source)
    async for piece in stream:
        pieces.append(piece)
        size += len(piece)
        if size > SMALL_BYTES:
            body = await _to_file(plane, pieces, size, stream, wanted, payload)
            break
    else:
        data = b"".join(pieces)
        body = Body(size, checksums.digests(data, wanted), data=data)
        if payload is not None:
            payload.check(body.digests)
    return body


async def _to_file(
    plane: Plane, pieces: list[Piece], size: int, stream: AsyncIterable[Piece], wanted: set[str],
    payload: Payload | None,
) -> Body:  # fmt: skip
    writing = _Writing(plane, wanted)
    lanes: _Lanes | None = None
    try:
        async for piece in stream:
            if size >= BATCH_BYTES:
                lanes = lanes or _Lanes(writing)
                await lanes.take(pieces, size)
                pieces, size = [], 0
            pieces.append(piece)
            size += len(piece)
        if lanes is None:
            await _in_thread(writing.all, pieces)
        else:
            await lanes.take(pieces, size)
            await lanes.end()
            await _in_thread(writing.sync)
        body = writing.body()
        if payload is not None:
            payload.check(body.digests)
    except BaseException:
        if lanes is not None:
            await asyncio.shield(lanes.close())
        await asyncio.shield(asyncio.to_thread(writing.drop))
        raise
    if lanes is not None:
        await lanes.close()
    return body


async def concatenated(plane: Plane, parts: list[bytes | FileRange], digests: dict[str, bytes]) -> Body:
    """A body made of parts of others, whose digests are known."""
    size = sum(len(part) if isinstance(part, bytes) else part.length for part in parts)
    if all(isinstance(part, bytes) for part in parts) and size <= SMALL_BYTES:
        return Body(size, digests, data=b"".join(part for part in parts if isinstance(part, bytes)))
    writing = _Writing(plane, ())

    def write() -> None:
        for part in parts:
            if isinstance(part, bytes):
                writing.write([part])
            else:
                writing.copy(part.path, part.offset, part.length)
        writing.sync()

    try:
        await _in_thread(write)
    except BaseException:
        await asyncio.shield(asyncio.to_thread(writing.drop))
        raise
    return Body(size, digests, writing.blob)


async def digests_of(content: bytes | FileRange, algorithms: Iterable[str]) -> dict[str, bytes]:
    """The digests of a body that is kept already."""
    if isinstance(content, bytes):
        return checksums.digests(content, algorithms)
    running = {algorithm: checksums.start(algorithm) for algorithm in algorithms}
    async for piece in content.pieces():
        await asyncio.gather(*(asyncio.to_thread(checksum.update, piece) for checksum in running.values()))
    return {algorithm: checksum.digest() for algorithm, checksum in running.items()}


async def _in_thread(function: Any, *arguments: Any) -> Any:
    """Runs `function` in a worker thread; when cancelled, still waits for it, so that nobody touches its file."""
    work = asyncio.ensure_future(asyncio.to_thread(function, *arguments))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise


async def once(data: bytes) -> AsyncIterable[bytes]:
    """A source that gives `data` in one piece."""
    yield data


# Removing


async def discard(plane: Plane, body: Body) -> None:
    """Removes a body that was received but is not going to be named."""
    if body.blob is not None and not body.borrowed:
        await asyncio.to_thread(path(plane, body.blob).unlink, missing_ok=True)


def unlink(plane: Plane, blobs: Iterable[str]) -> bool:
    """Removes bodies; False when they must stay for now, because a backup runs. Blocks: for worker threads."""
    with removing(plane.settings.state) as may:
        if may:
            for blob in blobs:
                path(plane, blob).unlink(missing_ok=True)
    return may


def unlink_copies(copies: Iterable[Path]) -> None:
    """Removes files made of small bodies. Blocks: for worker threads."""
    for copy in copies:
        copy.unlink(missing_ok=True)


def left_over(blobs: Path, folder: str) -> list[str]:
    """The names of bodies in one folder that earlier processes wrote."""
    return [name for name in os.listdir(blobs / folder) if not name.endswith(f"-{_PROCESS}")]


def remove_old_copies(plane: Plane) -> None:
    """Removes the files that earlier processes made of small bodies. Blocks: for worker threads."""
    folder = plane.settings.state / "copies"
    for name in os.listdir(folder) if folder.is_dir() else ():
        if name != _PROCESS:
            shutil.rmtree(folder / name, ignore_errors=True)
