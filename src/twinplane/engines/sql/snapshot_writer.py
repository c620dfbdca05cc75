"""New snapshots of Iceberg tables: their manifests, their list of manifests, and the metadata that has them.

Works on bytes alone, in the process that decodes metadata. What it writes it hands back; the server decides where it
goes and makes it the table's.
"""

import datetime
import io
import secrets
import time
import uuid
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from pyiceberg import manifest as avro
from pyiceberg.conversions import to_bytes
from pyiceberg.io import FileIO, InputFile, OutputFile
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata, TableMetadataUtil, TableMetadataV2
from pyiceberg.table.refs import MAIN_BRANCH, SnapshotRefType
from pyiceberg.table.snapshots import (
    Operation,
    Snapshot,
    SnapshotSummaryCollector,
    Summary,
    update_snapshot_summaries,
)
from pyiceberg.table.update import (
    AddSnapshotUpdate,
    RemoveSnapshotsUpdate,
    SetSnapshotRefUpdate,
    TableUpdate,
    update_table_metadata,
)
from pyiceberg.typedef import Record
from pyiceberg.types import (
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IcebergType,
    IntegerType,
    ListType,
    LongType,
    MapType,
    PrimitiveType,
    StringType,
    StructType,
    TimestampType,
    TimestamptzType,
)

from twinplane.engines.sql.manifest_messages import (
    AddedFile,
    FileBytes,
    NewSnapshot,
    PartitionColumn,
    TableText,
    WriteSnapshot,
    WriteTarget,
)
from twinplane.engines.sql.metadata_text import Refused, text_of
from twinplane.engines.sql.table_changes import described
from twinplane.engines.sql.types import quoted

_CODEC: Any = "deflate"
_LONGEST_BOUND = 16  # characters of a text that is kept as a bound


class _Memory(FileIO):
    """Files by name, in memory."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        super().__init__()
        self.given = dict(files)
        self.written: dict[str, bytes] = {}

    def new_input(self, location: str) -> InputFile:
        return _In(location, self)

    def new_output(self, location: str) -> OutputFile:
        return _Out(location, self)

    def delete(self, location: Any) -> None:
        raise NotImplementedError

    def read(self, location: str) -> bytes:
        found = self.written.get(location, self.given.get(location))
        if found is None:
            raise ValueError("a manifest is not there")
        return found


class _In(InputFile):
    def __init__(self, location: str, files: _Memory) -> None:
        super().__init__(location)
        self._files = files

    def __len__(self) -> int:
        return len(self._files.read(self.location))

    def exists(self) -> bool:
        return True

    def open(self, seekable: bool = True) -> Any:  # noqa: ARG002 - pyiceberg's signature
        return io.BytesIO(self._files.read(self.location))


class _Kept(io.BytesIO):
    def __init__(self, location: str, files: _Memory) -> None:
        super().__init__()
        self._location, self._files = location, files

    def close(self) -> None:
        if not self.closed:
            self._files.written[self._location] = self.getvalue()
        super().close()


class _Out(OutputFile):
    def __init__(self, location: str, files: _Memory) -> None:
        super().__init__(location)
        self._files = files

    def __len__(self) -> int:
        return len(self._files.read(self.location))

    def exists(self) -> bool:
        return False

    def to_input_file(self) -> InputFile:
        return _In(self.location, self._files)

    def create(self, overwrite: bool = False) -> Any:  # noqa: ARG002 - pyiceberg's signature
        return _Kept(self.location, self._files)


# What a writer of rows needs to know


def target(body: bytes) -> WriteTarget:
    """The columns of a table and how its rows are partitioned. Raises `Refused` where it cannot be written."""
    found = _writable(body)
    schema, spec = found.schema(), found.spec()
    ids = tuple((f.name.lower(), _ids(f.field_type, f.field_id)) for f in schema.fields)
    partitions = []
    for field in spec.fields:
        source = schema.find_field(field.source_id)
        if schema.find_column_name(field.source_id) not in {f.name for f in schema.fields}:
            raise Refused("NOT_SUPPORTED", "Tables that are partitioned by a part of a column are not written")
        partitions.append(PartitionColumn(source.name.lower(), str(field.transform), str(source.field_type)))
    required = tuple(f.name.lower() for f in schema.fields if f.required)
    return WriteTarget(ids, tuple(partitions), required)


def _writable(body: bytes) -> TableMetadataV2:
    found = TableMetadataUtil.parse_raw(text_of(body))
    if not isinstance(found, TableMetadataV2):
        raise Refused("NOT_SUPPORTED", f"Iceberg tables of version {found.format_version} are not written: only 2")
    return found


def _ids(kind: IcebergType, own: int) -> str:
    """The field ids of a column as DuckDB's COPY takes them."""
    if isinstance(kind, StructType):
        inner = [f"{quoted(f.name.lower())}: {_ids(f.field_type, f.field_id)}" for f in kind.fields]
    elif isinstance(kind, ListType):
        inner = [f"element: {_ids(kind.element_type, kind.element_id)}"]
    elif isinstance(kind, MapType):
        inner = [f"key: {_ids(kind.key_type, kind.key_id)}", f"value: {_ids(kind.value_type, kind.value_id)}"]
    else:
        return str(own)
    return f"{{__duckdb_field_id: {own}, {', '.join(inner)}}}"


# Snapshots


def write(request: WriteSnapshot) -> NewSnapshot:
    """A snapshot after the current one: with files added, and those of `removed` (None: every one) gone.

    Raises `Refused`.
    """
    base = _writable(request.body)
    given = {file.path: file.body for file in request.manifests}
    files = _Memory(given)
    writing = _Writing(base, request, files)
    manifests = [*writing.kept(), *writing.added()]
    number = base.last_sequence_number + 1
    list_path = f"{request.folder}snap-{writing.id}-0-{writing.name}.avro"
    parent = base.current_snapshot_id if base.current_snapshot_id not in (None, -1) else None
    with avro.write_manifest_list(
        2, files.new_output(list_path), writing.id, parent, number, _CODEC
    ) as lists:  # fmt: skip
        lists.add_manifests(manifests)
    snapshot = Snapshot.model_validate(
        {"snapshot-id": writing.id, "parent-snapshot-id": parent, "sequence-number": number,
         "timestamp-ms": max(int(time.time() * 1000), base.last_updated_ms + 1), "manifest-list": list_path,
         "summary": writing.summary(), "schema-id": base.current_schema_id}
    )  # fmt: skip
    main = {"ref-name": MAIN_BRANCH, "type": SnapshotRefType.BRANCH, "snapshot-id": writing.id}
    updates: list[TableUpdate] = [AddSnapshotUpdate(snapshot=snapshot), SetSnapshotRefUpdate.model_validate(main)]
    location = request.location or None
    found = update_table_metadata(base, tuple(updates), enforce_validation=True, metadata_location=location)
    written = tuple(FileBytes(path, body) for path, body in files.written.items())
    return NewSnapshot(written, described(found, found.model_dump_json()))


class _Writing:
    def __init__(self, base: TableMetadata, request: WriteSnapshot, files: _Memory) -> None:
        self._base, self._request, self._files = base, request, files
        self.id = secrets.randbits(62) + 1
        self.name = str(uuid.uuid4())
        self._number = 0
        self._summary = SnapshotSummaryCollector()
        self._removed = None if request.removed is None else set(request.removed)

    def _output(self) -> OutputFile:
        self._number += 1
        return self._files.new_output(f"{self._request.folder}{self.name}-m{self._number - 1}.avro")

    def kept(self) -> Iterator[avro.ManifestFile]:
        """The manifests of the current snapshot, without what is removed."""
        if not self._request.manifest_list:
            return
        listed = _In("list", _Memory({"list": self._request.manifest_list}))
        specs = self._base.specs()
        for manifest in avro.read_manifest_list(listed):
            if self._removed is not None and not self._removed:
                yield manifest
                continue
            entries = manifest.fetch_manifest_entry(self._files)
            if not entries:  # all that is in it went earlier
                continue
            gone = [e for e in entries if self._removed is None or e.data_file.file_path in self._removed]
            spec = specs[manifest.partition_spec_id]
            for entry in gone:
                self._summary.remove_file(entry.data_file, partition_spec=spec, schema=self._base.schema())
            if not gone:
                yield manifest
            elif manifest.content == avro.ManifestContent.DATA:
                yield self._rewritten(entries, gone, spec)
            elif len(gone) < len(entries):
                raise Refused("NOT_SUPPORTED", "The table's delete files cannot be changed in part")

    def _rewritten(
        self, entries: list[avro.ManifestEntry], gone: list[avro.ManifestEntry], spec: PartitionSpec
    ) -> avro.ManifestFile:  # fmt: skip
        removed = {id(entry) for entry in gone}
        with avro.write_manifest(2, spec, self._base.schema(), self._output(), self.id, _CODEC) as writer:
            for entry in entries:
                if id(entry) in removed:
                    writer.delete(entry)
                else:
                    writer.existing(entry)
        return writer.to_manifest_file()

    def added(self) -> Iterator[avro.ManifestFile]:
        if not self._request.added:
            return
        schema, spec = self._base.schema(), self._base.spec()
        with avro.write_manifest(2, spec, schema, self._output(), self.id, _CODEC) as writer:
            for file in self._request.added:
                data = _data_file(file, schema, spec)
                self._summary.add_file(data, partition_spec=spec, schema=schema)
                writer.add(
                    avro.ManifestEntry.from_args(
                        status=avro.ManifestEntryStatus.ADDED, snapshot_id=self.id, sequence_number=None,
                        file_sequence_number=None, data_file=data,
                    )
                )  # fmt: skip
        yield writer.to_manifest_file()

    def summary(self) -> Summary:
        current = self._base.current_snapshot()
        found = Summary(operation=Operation.OVERWRITE, **self._summary.build())
        whole = update_snapshot_summaries(found, None if current is None else current.summary)
        return Summary(operation=Operation(self._request.operation), **whole.additional_properties)


def _data_file(file: AddedFile, schema: Schema, spec: PartitionSpec) -> avro.DataFile:
    by_name = {f.name.lower(): f for f in schema.fields}
    sizes: dict[int, int] = {}
    counts: dict[int, int] = {}
    nulls: dict[int, int] = {}
    lower: dict[int, bytes] = {}
    upper: dict[int, bytes] = {}
    for name, pairs in file.statistics:
        field = by_name.get(name.strip('"').lower())
        if field is None or not isinstance(field.field_type, PrimitiveType):
            continue
        known = dict(pairs)
        for key, kept in (("column_size_bytes", sizes), ("num_values", counts), ("null_count", nulls)):
            if key in known:
                kept[field.field_id] = int(known[key])
        low, high = _bound(field.field_type, known.get("min")), _bound(field.field_type, known.get("max"))
        if low is not None and high is not None:
            lower[field.field_id], upper[field.field_id] = low, high
    values = dict(file.partition)
    found = avro.DataFile.from_args(
        _table_format_version=2, content=avro.DataFileContent.DATA, file_path=file.path,
        file_format=avro.FileFormat.PARQUET,
        partition=Record(*(_partition_value(f, spec, schema, values[f"p{n}"]) for n, f in enumerate(spec.fields))),
        record_count=file.records, file_size_in_bytes=file.size, column_sizes=sizes, value_counts=counts,
        null_value_counts=nulls, nan_value_counts={}, lower_bounds=lower, upper_bounds=upper, key_metadata=None,
        split_offsets=None, equality_ids=None, sort_order_id=None,
    )  # fmt: skip
    found.spec_id = spec.spec_id
    return found


def _partition_value(field: Any, spec: PartitionSpec, schema: Schema, text: str | None) -> Any:
    kind = next(f.field_type for f in spec.partition_type(schema).fields if f.field_id == field.field_id)
    return None if text is None else _value(kind, text)


_EPOCH = datetime.datetime(1970, 1, 1)  # noqa: DTZ001 - texts without a zone


def _value(kind: IcebergType, text: str) -> Any:
    """A value as DuckDB prints it, as Iceberg keeps it. Raises `Refused` for types whose texts are not known here."""
    if isinstance(kind, (IntegerType, LongType)):
        return int(text)
    if isinstance(kind, (FloatType, DoubleType)):
        return float(text)
    if isinstance(kind, StringType):
        return text
    if isinstance(kind, BooleanType):
        return text.lower() == "true"
    if isinstance(kind, DecimalType):
        return Decimal(text)
    if isinstance(kind, DateType):
        if text.lstrip("-").isdecimal():  # of a transform
            return int(text)
        return (datetime.date.fromisoformat(text) - _EPOCH.date()).days
    if isinstance(kind, (TimestampType, TimestamptzType)):
        moment = datetime.datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            moment = moment.astimezone(datetime.UTC).replace(tzinfo=None)
        passed = moment - _EPOCH
        return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds
    raise Refused("NOT_SUPPORTED", f"Partitions by {kind} are not written")


def _bound(kind: PrimitiveType, text: str | None) -> bytes | None:
    if text is None or (isinstance(kind, StringType) and len(text) > _LONGEST_BOUND):
        return None
    if isinstance(kind, (FloatType, DoubleType)) and text.lower() in ("nan", "inf", "-inf"):
        return None
    try:
        return to_bytes(kind, _value(kind, text))
    except (Refused, ValueError, OverflowError, ArithmeticError):
        return None


# Snapshots that go


def expire(body: bytes, location: str, before_ms: int, keep: int) -> TableText:
    """The metadata without the snapshots that are older than a moment, but for the current one and the last `keep`."""
    base = TableMetadataUtil.parse_raw(text_of(body))
    named = {ref.snapshot_id for ref in base.refs.values()}
    newest = [s.snapshot_id for s in sorted(base.snapshots, key=lambda s: s.timestamp_ms, reverse=True)][:keep]
    gone = [
        s.snapshot_id for s in base.snapshots
        if s.timestamp_ms < before_ms and s.snapshot_id not in named and s.snapshot_id not in newest
    ]  # fmt: skip
    if not gone:
        return described(base, text_of(body))
    update = RemoveSnapshotsUpdate.model_validate({"snapshot-ids": gone})
    found = update_table_metadata(base, (update,), enforce_validation=True, metadata_location=location)
    return described(found, found.model_dump_json())
