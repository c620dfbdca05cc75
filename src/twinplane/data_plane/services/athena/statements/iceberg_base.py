"""What a change of an Iceberg table starts from, and how it becomes the table's.

A change is made of the metadata that was current when it began, and is the table's only if that still is: what came
between is never lost. Rows that were only added are tried again on what came; rows that were worked out from the
table's own are worked out again.
"""

from dataclasses import dataclass

from twinplane.data_plane.call import Call, ServiceError
from twinplane.data_plane.services.athena.statements import places, writable
from twinplane.data_plane.services.athena.statements.rows import Written
from twinplane.data_plane.services.athena.work import Received, Work
from twinplane.data_plane.services.glue import iceberg, iceberg_commit, locations
from twinplane.data_plane.services.glue import store as glue_store
from twinplane.data_plane.services.glue import tables as glue_tables
from twinplane.data_plane.services.s3 import bodies
from twinplane.data_plane.services.s3 import store as s3
from twinplane.data_plane.store import Document
from twinplane.data_plane.wire.body import FileRange
from twinplane.engines.sql.manifest_messages import (
    AddedFile,
    DescribeTarget,
    FileBytes,
    Metadata,
    NewSnapshot,
    TableText,
    WriteSnapshot,
    WriteTarget,
)
from twinplane.engines.sql.plan import Column, QueryError, TableName

ATTEMPTS = 8


class Changed(Exception):
    """The table was changed meanwhile."""


def commit_failed(name: TableName) -> QueryError:
    return QueryError(
        "ICEBERG_COMMIT_ERROR",
        f"Failed to commit the transaction during write: {name.database}.{name.table} was changed meanwhile",
    )


@dataclass(frozen=True, slots=True)
class Base:
    """A table as a change found it: its Glue table, and the files of its metadata."""

    table: Document
    governed: bool
    metadata_location: str
    metadata: Metadata
    body: bytes
    manifest_list: bytes = b""
    manifests: tuple[FileBytes, ...] = ()

    @property
    def location(self) -> str:
        """Where the table lies, as the catalog says: metadata is not believed in that."""
        return str(glue_store.table_location(self.table)).rstrip("/")

    @property
    def columns(self) -> tuple[Column, ...]:
        return tuple(Column(f.name, f.type) for f in self.metadata.fields)


async def base_of(work: Work, name: TableName, *needed: str, manifests: bool = False) -> Base:
    """The table as it is now, if the caller has these permissions on it. Raises `QueryError`, `ServiceError`."""

    async def attempt() -> tuple[Base, list[tuple[str, bytes | FileRange]]]:
        return work.read(lambda call: _base(call, name, needed, manifests))

    base, contents = await iceberg.with_metadata(work.plane, attempt)
    read = [FileBytes(path, await bytes_of(content)) for path, content in contents]
    return Base(
        base.table, base.governed, base.metadata_location, base.metadata, read[0].body,
        read[1].body if len(read) > 1 else b"", tuple(read[2:]),
    )  # fmt: skip


def _base(
    call: Call, name: TableName, needed: tuple[str, ...], with_manifests: bool
) -> tuple[Base, list[tuple[str, bytes | FileRange]]]:
    target = writable.table(call, name, *needed)
    if not iceberg.is_iceberg(target.table):
        raise QueryError("NOT_SUPPORTED", "Rows of Hive tables cannot be changed: only those of Iceberg tables")
    if glue_store.table_location(target.table) is None:
        raise QueryError("NOT_SUPPORTED", "The table has no location to write to")
    may_read = locations.reader_of(call, target.table, by_iam=not target.governed)
    metadata = iceberg.metadata_of(call, target.table, may_read)
    if metadata.problem is not None:
        raise QueryError("NOT_SUPPORTED", metadata.problem)
    paths = [iceberg.metadata_location(target.table)]
    snapshot = next((s for s in metadata.snapshots if s.id == metadata.current), None)
    if snapshot is not None:
        paths.append(snapshot.manifest_list)
        if with_manifests:
            paths += [m.path for m in iceberg.manifests_of(call, snapshot, may_read)]
    found = iceberg.objects(call, paths, may_read)
    contents = [(path, bodies.content(call.tx, call.plane, found[path], 0, found[path]["size"])) for path in paths]
    if any(found[path]["size"] > iceberg.MOST_METADATA_BYTES for path in paths):
        raise QueryError("NOT_SUPPORTED", "A file of the table's metadata is too large")
    return Base(target.table, target.governed, paths[0], metadata, b""), contents


async def bytes_of(content: bytes | FileRange) -> bytes:
    """The bytes of an object."""
    return content if isinstance(content, bytes) else b"".join([piece async for piece in content.pieces()])


async def target_of(work: Work, body: bytes) -> WriteTarget:
    """How rows are written into a table with this metadata. Raises `QueryError`."""
    reply = await work.plane.iceberg.reader.read(work.owner, DescribeTarget(body))
    assert reply.target is not None
    return reply.target


def added(files: list[Written], target: WriteTarget) -> tuple[AddedFile, ...]:
    """Written files as a snapshot has them. Raises `QueryError` where a column that must not be NULL is."""
    for file in files:
        for name, pairs in file.file.statistics:
            if name.strip('"').lower() in target.required and int(dict(pairs).get("null_count", 0)) > 0:
                raise QueryError("CONSTRAINT_VIOLATION", f"NULL value not allowed for NOT NULL column: {name}")
    return tuple(
        AddedFile(
            f"s3://{f.received.bucket}/{f.received.key}", f.file.rows, f.file.size, f.file.partition, f.file.statistics
        )
        for f in files
    )


async def snapshot_of(
    work: Work, base: Base, operation: str, files: tuple[AddedFile, ...], removed: tuple[str, ...] | None = ()
) -> NewSnapshot:
    """The files of the table's next snapshot. Raises `QueryError`."""
    folder = f"{base.location}/metadata/"
    reply = await work.plane.iceberg.reader.read(
        work.owner,
        WriteSnapshot(
            base.body, base.metadata_location, folder, operation, base.manifest_list, base.manifests, files, removed
        ),
    )
    found = reply.snapshot
    assert found is not None
    # what decodes hostile metadata is not believed: it writes nowhere else, and moves no table
    if any(f.path.rpartition("/")[0] + "/" != folder for f in found.files):
        raise QueryError("ICEBERG_BAD_DATA", "The table's metadata cannot be written")
    check_same_place(base, found.table)
    return found


def check_same_place(base: Base, text: TableText) -> None:
    """Raises `QueryError` where metadata says that the table lies elsewhere than the catalog does."""
    if text.location.rstrip("/") != base.location:
        raise QueryError("NOT_SUPPORTED", "The table's metadata and the catalog name different locations")


async def commit(
    work: Work, name: TableName, needed: tuple[str, ...], base: Base, made: NewSnapshot, files: list[Written],
    outcome: Document, results: tuple[Received, ...] = (),
) -> None:  # fmt: skip
    """Makes a snapshot the table's, with its files, and ends the run. Raises `Changed` when another came first."""
    metadata_location = iceberg_commit.next_location(base.location, base.metadata_location)
    own = [await work.receive(f.path, f.body, "application/octet-stream") for f in made.files]
    metadata = await work.receive(metadata_location, made.table.text.encode(), "application/json")

    def change(call: Call) -> Document:
        now = writable.table(call, name, *needed)
        check_may_update(call, now.table)
        where = places.of_the_table(call, base.location, governed=now.governed)
        for received in [*own, *(f.received for f in files)]:
            if where.by_iam:
                places.check_put(call, where, received.key)
            work.place(call.tx, received, None)
        iceberg_commit.commit(
            call, now.table, base.metadata_location, metadata_location, made.table, metadata.body
        )  # fmt: skip
        return {}

    try:
        await work.finish(outcome, change, results)
    except ServiceError as error:
        if error.code != "CommitFailedException":
            raise
        for received in [*own, metadata]:
            s3.look_again(work.plane, received.body)
        raise Changed from None


def check_may_update(call: Call, table: Document) -> None:
    """Raises `ServiceError` unless IAM lets the caller change the table in Glue, as Athena does for her."""
    access = glue_tables.OPERATIONS["UpdateTable"].access
    access(call, {"DatabaseName": table["DatabaseName"], "TableInput": {"Name": table["Name"]}})
