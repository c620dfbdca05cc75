"""What the process that decodes Iceberg's metadata is asked, and what it answers."""

import msgspec

from twinplane.engines.sql.plan import IcebergField
from twinplane.engines.sql.worker_messages import Failure

MOST_FILES = 50_000  # of a manifest, and of a table
MOST_REPLY_BYTES = 40 << 20


class ReadMetadata(msgspec.Struct, frozen=True, tag=True):
    """A table's metadata file."""

    body: bytes


class ReadManifestList(msgspec.Struct, frozen=True, tag=True):
    """A snapshot's list of manifests."""

    body: bytes


class ReadManifest(msgspec.Struct, frozen=True, tag=True):
    """A manifest, and what its list says of it: entries inherit from there."""

    body: bytes
    sequence_number: int
    spec_id: int
    snapshot_id: int | None = None


class ReadTable(msgspec.Struct, frozen=True, tag=True):
    """A table's metadata file, to be shown whole."""

    body: bytes


class NewTable(msgspec.Struct, frozen=True, tag=True):
    """A table that is to be made at a location: a CreateTableRequest of the Iceberg REST catalog, as JSON."""

    request: bytes
    location: str


class ChangeTable(msgspec.Struct, frozen=True, tag=True):
    """Changes of a table whose metadata is `body`, from the file at `location`.

    `requirements` and `updates` are lists as the Iceberg REST catalog has them, as JSON.
    """

    body: bytes
    location: str
    requirements: bytes
    updates: bytes


class DescribeTarget(msgspec.Struct, frozen=True, tag=True):
    """A table's metadata file, to write rows into the table."""

    body: bytes


class FileBytes(msgspec.Struct, frozen=True):
    """A file: its path in the table's metadata, and its bytes."""

    path: str
    body: bytes


class AddedFile(msgspec.Struct, frozen=True):
    """A Parquet file that is to be the table's. `partition`: the values p0, p1 … of the spec's fields, as texts.

    `statistics`: DuckDB's, by column.
    """

    path: str
    records: int
    size: int
    partition: tuple[tuple[str, str | None], ...] = ()
    statistics: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()


class WriteSnapshot(msgspec.Struct, frozen=True, tag=True):
    """A snapshot after the current one of the metadata `body`, from the file at `location` ("": it was never stored).

    `folder`: where new files go, with its slash. `manifest_list` and `manifests`: the current ones, of which the latter
    are needed where files are `removed` (None: all are).
    """

    body: bytes
    location: str
    folder: str
    operation: str
    manifest_list: bytes = b""
    manifests: tuple[FileBytes, ...] = ()
    added: tuple[AddedFile, ...] = ()
    removed: tuple[str, ...] | None = ()


class ExpireSnapshots(msgspec.Struct, frozen=True, tag=True):
    """Metadata without the snapshots older than a moment (milliseconds of the epoch), but for the last `keep`."""

    body: bytes
    location: str
    before: int
    keep: int


ManifestRequest = (
    ReadMetadata | ReadManifestList | ReadManifest | ReadTable | NewTable | ChangeTable | DescribeTarget | WriteSnapshot
    | ExpireSnapshots
)  # fmt: skip


class Snapshot(msgspec.Struct, frozen=True):
    """A state of the table; `manifest_list`: where its list of manifests lies. Times are milliseconds of the epoch."""

    id: int
    timestamp: int
    manifest_list: str
    parent: int | None = None
    operation: str | None = None
    summary: dict[str, str] = {}


class Metadata(msgspec.Struct, frozen=True, tag=True):
    """What a metadata file says that reading needs.

    `fields`: the current columns. `every_field`: all that ever were, for equality deletes. `by_name`, `evolved`: as in
    `IcebergRead`. `problem`: why its rows cannot be read as they are.
    """

    format_version: int
    location: str
    fields: tuple[IcebergField, ...]
    every_field: tuple[IcebergField, ...]
    snapshots: tuple[Snapshot, ...]
    current: int | None
    log: tuple[tuple[int, int], ...]  # (milliseconds, snapshot)
    refs: dict[str, int]
    partition_fields: dict[int, tuple[str, ...]]  # the names of each partition spec
    by_name: bool = False
    evolved: bool = True
    problem: str | None = None


class Manifest(msgspec.Struct, frozen=True):
    """An entry of a list of manifests. `content`: "data" or "deletes"."""

    path: str
    length: int
    content: str
    spec_id: int
    sequence_number: int
    snapshot_id: int | None
    counts: tuple[int | None, int | None, int | None]  # files added, existing, deleted


class DataFile(msgspec.Struct, frozen=True):
    """A live file of a manifest. `content`: "data", "positions" or "equality". `partition`: its values as JSON.

    `only`: the one data file that position deletes are about, where they say so.
    """

    content: str
    path: str
    format: str
    spec_id: int
    partition: str
    sequence_number: int
    records: int
    size: int
    equality_ids: tuple[int, ...] = ()
    only: str | None = None
    is_encrypted: bool = False


class CatalogColumn(msgspec.Struct, frozen=True):
    """A column as the Glue catalog describes it; `current`: whether the table still has it."""

    name: str
    type: str
    id: int
    is_optional: bool
    is_current: bool
    comment: str | None = None


class TableText(msgspec.Struct, frozen=True):
    """A table's metadata file: its JSON text, and what the catalog keeps of it."""

    text: str
    location: str
    columns: tuple[CatalogColumn, ...]
    properties: dict[str, str]


class PartitionColumn(msgspec.Struct, frozen=True):
    """A field of the table's partitioning: `transform` (identity, day, bucket[8] …) of a column of this type."""

    column: str
    transform: str
    type: str


class WriteTarget(msgspec.Struct, frozen=True):
    """What a writer of rows needs to know: the field ids of each column as DuckDB takes them, the partitioning."""

    field_ids: tuple[tuple[str, str], ...]
    partitions: tuple[PartitionColumn, ...]
    required: tuple[str, ...] = ()


class NewSnapshot(msgspec.Struct, frozen=True):
    """The files of a new snapshot, and the metadata that has it."""

    files: tuple[FileBytes, ...]
    table: TableText


class ManifestReply(msgspec.Struct, frozen=True):
    """What became of a request: what was asked for, or why not."""

    failure: Failure | None = None
    metadata: Metadata | None = None
    manifests: tuple[Manifest, ...] = ()
    files: tuple[DataFile, ...] = ()
    table: TableText | None = None
    target: WriteTarget | None = None
    snapshot: NewSnapshot | None = None
