"""What S3 keeps, and the functions other services may call: buckets, objects and their versions, uploads in progress.

`s3_object` holds the current versions that are objects, so reading one is one look-up and a listing meets nothing else.
`s3_version` holds the versions before them, and delete markers: of a key that has no `s3_object`, the newest of its
versions is a delete marker. Versions of a key are ordered by `rank`, the newest first.
"""

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterable, Iterable, Iterator
from pathlib import Path
from typing import Any

from pysqlite3 import dbapi2 as sqlite

from twinplane.data_plane.call import Principal, ServiceError
from twinplane.data_plane.plane import Plane
from twinplane.data_plane.services.s3 import bodies, listing_rules
from twinplane.data_plane.services.s3.bodies import Body
from twinplane.data_plane.services.s3.rules import NULL_VERSION, new_version_id, version_id
from twinplane.data_plane.store import Derived, Document, Kind, Transaction
from twinplane.data_plane.wire.body import FileRange

BUCKETS = Kind("s3_bucket", key=("name",))
OBJECTS = Kind("s3_object", key=("bucket", "key"), columns=("blob",), extra=(bodies.TABLE, bodies.index("s3_object")))
VERSIONS = Kind(
    "s3_version", key=("bucket", "key", "rank"), columns=("blob",), indexes=(("bucket", "key", "version_id"),),
    extra=(bodies.index("s3_version"),),
)  # fmt: skip
UPLOADS = Kind("s3_upload", key=("bucket", "key", "upload_id"), unique=(("upload_id",),))
PARTS = Kind("s3_part", key=("upload_id", "part_number"), columns=("blob",), extra=(bodies.index("s3_part"),))
LAYOUTS = Kind("s3_layout", key=("upload_id",))  # of an object that was uploaded in parts: their sizes and checksums
KINDS = [BUCKETS, OBJECTS, VERSIONS, UPLOADS, PARTS, LAYOUTS]

_BUCKETS = Derived("buckets", (BUCKETS,))
GRACE_SECONDS = 300.0  # how long a file that nothing names any more stays for its readers


# Buckets


def create_bucket(tx: Transaction, name: str, now: float) -> Document:
    """Makes a bucket. Raises `BucketAlreadyOwnedByYou`."""
    if tx.find(BUCKETS, name) is not None:
        raise ServiceError(
            "BucketAlreadyOwnedByYou",
            "Your previous request to create the named bucket succeeded and you already own it.",
        )
    return tx.add(BUCKETS, {"name": name, "created_at": now})


def find_bucket(tx: Transaction, name: str) -> Document | None:
    """The bucket, or None. It is kept for others: not to be changed."""
    return tx.derived(_BUCKETS, name, lambda: tx.find(BUCKETS, name))


def get_bucket(tx: Transaction, name: str) -> Document:
    """The bucket. Raises `NoSuchBucket`."""
    bucket = find_bucket(tx, name)
    if bucket is None:
        raise ServiceError("NoSuchBucket", "The specified bucket does not exist", 404, BucketName=name)
    return bucket


# Finding objects


def find_object(tx: Transaction, bucket: str, key: str) -> Document | None:
    """The object's document: bucket, key, size, etag (with quotes), last_modified, metadata, content_type,
    owner_user_id, …; None when there is none."""
    return tx.find(OBJECTS, bucket, key)


def find_version(tx: Transaction, bucket: str, key: str, wanted: str) -> Document | None:
    """The version of an object with this id, current or not; it may be a delete marker (`is_marker`)."""
    current = tx.find(OBJECTS, bucket, key)
    if current is not None and version_id(current) == wanted:
        return current
    return tx.first(VERSIONS, {"bucket": bucket, "key": key, "version_id": wanted})


def newest_version(tx: Transaction, bucket: str, key: str) -> Document | None:
    """Of a key without a current object: its delete marker. Else: the version before the current one."""
    return tx.first(VERSIONS, {"bucket": bucket, "key": key})


def layout_of(tx: Transaction, document: Document) -> Document | None:
    """`sizes` and `checksums` of the parts an object was uploaded in, in order; None when it was not."""
    if document.get("upload_id") is None:
        return None
    return tx.find(LAYOUTS, document["upload_id"]) or {"sizes": document["part_sizes"], "checksums": []}


def list_objects(tx: Transaction, bucket: str, prefix: str = "") -> list[Document]:
    """All objects of a bucket whose key begins with `prefix`, by key."""
    return list(walk_objects(tx, bucket, prefix))


def walk_objects(tx: Transaction, bucket: str, prefix: str = "", after: str = "") -> Iterator[Document]:
    """The objects of a bucket whose key begins with `prefix` and sorts behind `after`, by key (as UTF-8 bytes)."""
    if prefix > after:
        found = tx.find(OBJECTS, bucket, prefix)
        if found is not None:
            yield found
        after = prefix
    return (yield from _walk(tx, OBJECTS, bucket, prefix, (after,)))


def walk_versions(tx: Transaction, bucket: str, prefix: str, after: tuple[Any, ...]) -> Iterator[Document]:
    """All versions, delete markers among them, of the keys that begin with `prefix`: by key, the newest first.

    Those behind `after`: a key, or the place of a version.
    """
    key, rank = after if len(after) == 2 else (after[0], _BEHIND_ALL_RANKS)
    if prefix > key:
        key, rank = prefix, BEFORE_ALL_RANKS
    current = [] if rank == _BEHIND_ALL_RANKS else [tx.find(OBJECTS, bucket, key)]
    first = (each for each in current if each is not None and each.get("rank", 0) > rank)
    objects = itertools.chain(first, _walk(tx, OBJECTS, bucket, prefix, (key,)))
    old = _walk(tx, VERSIONS, bucket, prefix, (key, rank))
    return heapq.merge(objects, old, key=place_of_version)


def place_of_version(document: Document) -> tuple[str, int]:
    """Where a version lies among all versions of a bucket."""
    return document["key"], document.get("rank", 0)


def walk_uploads(tx: Transaction, bucket: str, prefix: str, after: tuple[str, ...]) -> Iterator[Document]:
    """The uploads in progress to keys that begin with `prefix`, by key and id, behind `after`: a key, or (key, id)."""
    key, upload_id = after if len(after) == 2 else (after[0], _LAST)
    if prefix > key:
        key, upload_id = prefix, ""
    return _walk(tx, UPLOADS, bucket, prefix, (key, upload_id))


_BEHIND_ALL_RANKS = 1 << 62
BEFORE_ALL_RANKS = -_BEHIND_ALL_RANKS
_LAST = listing_rules.behind("")


def _walk(tx: Transaction, kind: Kind, bucket: str, prefix: str, after: tuple[Any, ...]) -> Iterator[Document]:
    page = 8  # grows: a walk that soon leaves for another prefix reads little in vain
    while True:
        found_page = tx.select(kind, {"bucket": bucket}, after=(bucket, *after), limit=page)
        for document in found_page:
            if not document["key"].startswith(prefix):
                return
            yield document
        if len(found_page) < page:
            return
        after = kind.key_of(found_page[-1])[1:]
        page = min(page * 4, 1000)


def is_visible(document: Document, principal: Principal) -> bool:
    """Whether an object's existence may be shown: one that has an owner is shown to that person's sessions only."""
    owner = document.get("owner_user_id")
    return owner is None or owner == principal.on_behalf_of


def owner_of_key(tx: Transaction, bucket: Document, key: str, current: Document | None) -> str | None:
    """Whose key it is: of the current object, or of the delete marker in its place."""
    if current is None and bucket.get("versioning") is not None:
        current = newest_version(tx, bucket["name"], key)
    return None if current is None else current.get("owner_user_id")


def file_of(tx: Transaction, plane: Plane, document: Document) -> Path:
    """A file with the object's bytes, which must not be changed. It stays some minutes after the object."""
    return bodies.file(tx, plane, document)


# Changing objects


def put_object(tx: Transaction, plane: Plane, document: Document, body: Body) -> Document:
    """Makes an object with this body the current version of its key, as the bucket's versioning has it."""
    bucket = get_bucket(tx, document["bucket"])
    return replace_object(tx, plane, bucket, find_object(tx, bucket["name"], document["key"]), document, body)


def replace_object(
    tx: Transaction, plane: Plane, bucket: Document, current: Document | None, document: Document, body: Body
) -> Document:
    """`put_object` in a bucket that was read, and in the place of `current`, likewise."""
    kept = keep_body(tx, body)
    place = _make_room(tx, plane, bucket, document["key"], current)
    return tx.put(OBJECTS, {**document, **kept, **place})


def keep_body(tx: Transaction, body: Body) -> Document:
    """What the document of a body says of where it is. Raises `NoSuchKey` when the file of a copy is going already."""
    if body.borrowed and not _named(tx, [str(body.blob)]):  # while it is named, nobody is about to remove it
        raise ServiceError("NoSuchKey", "The object to copy was deleted meanwhile.", 404)
    return bodies.keep(tx, body)


def delete_object(tx: Transaction, plane: Plane, bucket: str, key: str, now: float) -> Document | None:
    """Deletes an object as a call without a version id does: returns the delete marker that a versioned bucket gets."""
    found, current = get_bucket(tx, bucket), find_object(tx, bucket, key)
    owner = owner_of_key(tx, found, key, current)
    if found.get("versioning") is None:
        if current is not None:
            remove_version(tx, plane, current)
        return None
    place = _make_room(tx, plane, found, key, current)
    tx.remove(OBJECTS, bucket, key)
    marker = {
        "bucket": bucket, "key": key, "is_marker": True, "last_modified": now, "blob": None, "row": None,
        "owner_user_id": owner, **place,
    }  # fmt: skip
    return tx.add(VERSIONS, marker)


def _make_room(tx: Transaction, plane: Plane, found: Document, key: str, current: Document | None) -> Document:
    """Clears the place of a key's current version; returns `rank` and `version_id` of the next one."""
    bucket, versioning = found["name"], found.get("versioning")
    if versioning is None:
        if current is not None:
            drop_bodies(tx, plane, [current])
        return {"rank": 0, "version_id": None}
    latest = current if current is not None else newest_version(tx, bucket, key)
    if versioning == "Suspended":
        replaced = find_version(tx, bucket, key, NULL_VERSION)
        if replaced is not None:
            _remove(tx, plane, replaced)
            current = None if current == replaced else current
    if current is not None:
        tx.add(VERSIONS, {"rank": 0, **current, "version_id": version_id(current)})
    return {
        "rank": (latest or {}).get("rank", 0) - 1,
        "version_id": new_version_id() if versioning == "Enabled" else NULL_VERSION,
    }


def remove_object(tx: Transaction, plane: Plane, bucket: str, key: str) -> bool:
    """Removes the current version of an object for good; says whether there was one."""
    current = tx.find(OBJECTS, bucket, key)
    if current is not None:
        remove_version(tx, plane, current)
    return current is not None


def remove_version(tx: Transaction, plane: Plane, document: Document) -> None:
    """Removes a version for good; the newest of those left becomes the current one."""
    bucket, key = document["bucket"], document["key"]
    _remove(tx, plane, document)
    if tx.find(OBJECTS, bucket, key) is None:
        newest = newest_version(tx, bucket, key)
        if newest is not None and not newest.get("is_marker"):
            tx.remove(VERSIONS, bucket, key, newest["rank"])
            tx.put(OBJECTS, newest)


def _remove(tx: Transaction, plane: Plane, document: Document) -> None:
    current = tx.find(OBJECTS, document["bucket"], document["key"])
    if current is not None and version_id(current) == version_id(document):
        tx.remove(OBJECTS, document["bucket"], document["key"])
    else:
        tx.remove(VERSIONS, document["bucket"], document["key"], document["rank"])
    drop_bodies(tx, plane, [document])


def change_version(tx: Transaction, document: Document) -> None:
    """Stores a version whose description (tags) changed, wherever it is."""
    current = tx.find(OBJECTS, document["bucket"], document["key"])
    is_current = current is not None and version_id(current) == version_id(document)
    tx.put(OBJECTS if is_current else VERSIONS, document)


def drop_bodies(tx: Transaction, plane: Plane, documents: Iterable[Document]) -> None:
    """Removes the bodies of documents that go: rows at once, files some time after this transaction's commit, unless a
    row still names them then. After a crash before that, the sweep does.
    """
    documents = list(documents)
    blobs = [document["blob"] for document in documents if document["blob"] is not None]
    small = [document for document in documents if document.get("row") is not None]
    bodies.remove_small(tx, [document["row"] for document in small])
    copies = [copy for copy in (bodies.copy_of(plane, document) for document in small) if copy.exists()]
    for document in documents:
        if document.get("upload_id") is not None and "part_number" not in document:
            tx.remove(LAYOUTS, document["upload_id"])

    if blobs or copies:
        tx.after_commit.append(lambda: _remove_later(plane, blobs, copies))


def look_again(plane: Plane, body: Body) -> None:
    """Removes, after a while, a received body whose document could not be committed, unless it was after all."""
    if body.blob is not None and not body.borrowed:
        _remove_later(plane, [body.blob])


def _remove_later(plane: Plane, blobs: list[str], copies: Iterable[Path] = ()) -> None:
    """Removes files some time from now, unless a row names them then."""

    def remove() -> None:
        try:
            orphans = set(blobs) - plane.store.read(lambda now: _named(now, blobs))
        except sqlite.Error:
            _remove_later(plane, blobs, copies)
            return
        loop = asyncio.get_running_loop()
        loop.run_in_executor(None, bodies.unlink_copies, copies)
        loop.run_in_executor(None, bodies.unlink, plane, orphans).add_done_callback(look)

    def look(removal: "asyncio.Future[bool]") -> None:
        if not removal.cancelled() and (removal.exception() is not None or not removal.result()):  # a backup runs
            _remove_later(plane, blobs, copies)

    asyncio.get_running_loop().call_later(GRACE_SECONDS, remove)


def new_object(
    bucket: str, key: str, body: Body, now: float, *, content_type: str, owner_user_id: str | None = None
) -> Document:
    """The document of an object with this body."""
    return {
        "bucket": bucket, "key": key, "size": body.size, "etag": f'"{body.md5.hex()}"', "last_modified": now,
        "metadata": {}, "content_type": content_type, "owner_user_id": owner_user_id,
    }  # fmt: skip


async def put_file(
    plane: Plane, bucket: str, key: str, source: Path | bytes, *, content_type: str, owner_user_id: str | None = None
) -> Document:
    """Stores a file's bytes, or bytes, as an object; durable when it returns. Raises `NoSuchBucket`.

    With `owner_user_id` only that person's sessions may read, list or overwrite it.
    """
    pieces: AsyncIterable[bytes]
    if isinstance(source, Path):
        pieces = FileRange(source, 0, (await asyncio.to_thread(source.stat)).st_size).pieces()
    else:
        pieces = bodies.once(source)
    body = await bodies.receive(plane, pieces)
    document = new_object(bucket, key, body, plane.clock(), content_type=content_type, owner_user_id=owner_user_id)
    try:
        return await plane.store.write(lambda tx: put_object(tx, plane, document, body))
    except ServiceError:
        await bodies.discard(plane, body)
        raise
    except sqlite.Error:
        look_again(plane, body)
        raise


def remove_upload(tx: Transaction, plane: Plane, upload: Document) -> None:
    """Removes an upload in progress with its parts."""
    parts = tx.select(PARTS, {"upload_id": upload["upload_id"]})
    drop_bodies(tx, plane, parts)
    for part in parts:
        tx.remove(PARTS, part["upload_id"], part["part_number"])
    tx.remove(UPLOADS, upload["bucket"], upload["key"], upload["upload_id"])


async def sweep_orphans(plane: Plane) -> int:
    """Removes the files no row names, left behind by a crash; returns how many. Runs beside requests."""
    await asyncio.to_thread(bodies.remove_old_copies, plane)
    await asyncio.to_thread(bodies.make_folders, plane.blobs)
    removed = 0
    for number in range(256):
        names = await asyncio.to_thread(bodies.left_over, plane.blobs, f"{number:02x}")
        for start in range(0, len(names), 500):
            some = names[start : start + 500]
            orphans = set(some) - plane.store.read(lambda tx, some=some: _named(tx, some))  # type: ignore[misc]
            while not await asyncio.to_thread(bodies.unlink, plane, orphans):
                await asyncio.sleep(GRACE_SECONDS)
            removed += len(orphans)
    return removed


def _named(tx: Transaction, blobs: list[str]) -> set[str]:
    return {row["blob"] for kind in (OBJECTS, VERSIONS, PARTS) for row in tx.select(kind, {"blob": blobs})}
