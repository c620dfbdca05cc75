"""What S3 keeps, and the functions other services may call: buckets, objects, uploads in progress."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from twinplane.data_plane.call import Principal, ServiceError
from twinplane.data_plane.plane import Plane
from twinplane.data_plane.services.s3 import bodies
from twinplane.data_plane.services.s3.bodies import Body
from twinplane.data_plane.store import Document, Kind, Transaction
from twinplane.data_plane.wire.body import FileRange

BUCKETS = Kind("s3_bucket", key=("name",))
OBJECTS = Kind("s3_object", key=("bucket", "key"), indexes=(("blob",),))
UPLOADS = Kind("s3_upload", key=("bucket", "key", "upload_id"), unique=(("upload_id",),))
PARTS = Kind("s3_part", key=("upload_id", "part_number"), indexes=(("blob",),))
KINDS = [BUCKETS, OBJECTS, UPLOADS, PARTS]

GRACE_SECONDS = 300.0  # how long a body that nothing names any more stays for its readers
_LAST = "\U0010ffff"  # sorts behind every other character


def create_bucket(tx: Transaction, name: str, now: float) -> Document:
    """Makes a bucket. Raises `BucketAlreadyOwnedByYou`."""
    if tx.find(BUCKETS, name) is not None:
        raise ServiceError(
            "BucketAlreadyOwnedByYou",
            "Your previous request to create the named bucket succeeded and you already own it.",
        )
    return tx.add(BUCKETS, {"name": name, "created_at": now})


def find_bucket(tx: Transaction, name: str) -> Document | None:
    """The bucket, or None."""
    return tx.find(BUCKETS, name)


def get_bucket(tx: Transaction, name: str) -> Document:
    """The bucket. Raises `NoSuchBucket`."""
    bucket = tx.find(BUCKETS, name)
    if bucket is None:
        raise ServiceError("NoSuchBucket", "The specified bucket does not exist", 404, BucketName=name)
    return bucket


def find_object(tx: Transaction, bucket: str, key: str) -> Document | None:
    """The object's document: bucket, key, size, etag (with quotes), blob, last_modified, metadata, content_type,
    owner_user_id, …; None when there is none."""
    return tx.find(OBJECTS, bucket, key)


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
    page = 8  # grows: a walk that soon leaves for another prefix reads little in vain
    while True:
        found_page = tx.select(OBJECTS, {"bucket": bucket}, after=(bucket, after), limit=page)
        for document in found_page:
            if not document["key"].startswith(prefix):
                return
            yield document
        if len(found_page) < page:
            return
        after = found_page[-1]["key"]
        page = min(page * 4, 1000)


def behind(prefix: str) -> str:
    """A key that sorts behind every key that begins with `prefix`."""
    return prefix + _LAST


def is_visible(document: Document, principal: Principal) -> bool:
    """Whether an object's existence may be shown: one that has an owner is shown to that person's sessions only."""
    owner = document.get("owner_user_id")
    return owner is None or owner == principal.on_behalf_of


def blob_path(plane: Plane, document: Document) -> Path:
    """The immutable file that holds the object's bytes."""
    return bodies.path(plane, document["blob"])


def put_object(tx: Transaction, plane: Plane, document: Document) -> Document:
    """Names a body that is on disk; the body it replaces is removed after the commit."""
    old = tx.find(OBJECTS, document["bucket"], document["key"])
    if old is not None:
        unlink_after_commit(tx, plane, [old["blob"]])
    return tx.put(OBJECTS, document)


def remove_object(tx: Transaction, plane: Plane, bucket: str, key: str) -> bool:
    """Removes an object; says whether there was one."""
    old = tx.find(OBJECTS, bucket, key)
    if old is None:
        return False
    unlink_after_commit(tx, plane, [old["blob"]])
    return tx.remove(OBJECTS, bucket, key)


def unlink_after_commit(tx: Transaction, plane: Plane, blobs: list[str]) -> None:
    """Removes bodies some time after this transaction's commit, unless a row still names them then.

    After a crash before that, the sweep does.
    """

    def remove() -> None:
        orphans = set(blobs) - plane.store.read(lambda now: _named(now, blobs))
        asyncio.get_running_loop().run_in_executor(None, bodies.unlink, plane, orphans).add_done_callback(look)

    def look(removal: "asyncio.Future[bool]") -> None:
        if not removal.cancelled() and not removal.result():  # a backup runs
            remove_later()

    def remove_later() -> None:
        asyncio.get_running_loop().call_later(GRACE_SECONDS, remove)

    tx.after_commit.append(remove_later)


def new_object(
    bucket: str, key: str, body: Body, now: float, *, content_type: str, owner_user_id: str | None = None
) -> Document:
    """The document of an object with this body."""
    return {
        "bucket": bucket, "key": key, "size": body.size, "etag": f'"{body.md5.hex()}"', "blob": body.blob,
        "last_modified": now, "metadata": {}, "content_type": content_type, "owner_user_id": owner_user_id,
    }  # fmt: skip


async def put_file(
    plane: Plane, bucket: str, key: str, source: Path | bytes, *, content_type: str, owner_user_id: str | None = None
) -> Document:
    """Stores a file's bytes, or bytes, as an object; durable when it returns. Raises `NoSuchBucket`.

    With `owner_user_id` only that person's sessions may read, list or overwrite it.
    """
    if isinstance(source, Path):
        pieces = FileRange(source, 0, (await asyncio.to_thread(source.stat)).st_size).pieces()
    else:
        pieces = bodies.once(source)
    body = await bodies.receive(plane, pieces)
    document = new_object(bucket, key, body, plane.clock(), content_type=content_type, owner_user_id=owner_user_id)

    def put(tx: Transaction) -> Document:
        get_bucket(tx, bucket)
        return put_object(tx, plane, document)

    try:
        return await plane.store.write(put)
    except ServiceError:
        await bodies.discard(plane, body)
        raise


def remove_upload(tx: Transaction, plane: Plane, upload: Document) -> None:
    """Removes an upload in progress with its parts."""
    parts = tx.select(PARTS, {"upload_id": upload["upload_id"]})
    unlink_after_commit(tx, plane, [part["blob"] for part in parts])
    for part in parts:
        tx.remove(PARTS, part["upload_id"], part["part_number"])
    tx.remove(UPLOADS, upload["bucket"], upload["key"], upload["upload_id"])


async def sweep_orphans(plane: Plane) -> int:
    """Removes the bodies no row names, left behind by a crash; returns how many. Runs beside requests."""
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
    return {row["blob"] for kind in (OBJECTS, PARTS) for row in tx.select(kind, {"blob": blobs})}
