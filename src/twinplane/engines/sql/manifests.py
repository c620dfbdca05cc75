"""The process that decodes Iceberg's metadata: started by `process`, given bytes over its socket and nothing else.

Whoever may write a table's files writes its metadata, so it is read where nothing can be lost: what takes too long or
unfolds into too much ends this process, and it is started again.
"""

import io
import json
import re
import resource
import socket
import sys
from collections.abc import Iterator
from typing import Any

import msgspec
from pyiceberg import manifest as avro
from pyiceberg.io import FileIO, InputFile
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata, TableMetadataUtil
from pyiceberg.types import (
    DecimalType,
    FixedType,
    IcebergType,
    ListType,
    MapType,
    NestedField,
    PrimitiveType,
    StructType,
)  # fmt: skip

from twinplane.engines.sql.confinement import within
from twinplane.engines.sql.manifest_messages import (
    MOST_FILES,
    MOST_REPLY_BYTES,
    DataFile,
    DescribeTarget,
    ExpireSnapshots,
    Manifest,
    ManifestReply,
    ManifestRequest,
    Metadata,
    ReadManifest,
    ReadManifestList,
    ReadMetadata,
    Snapshot,
    WriteSnapshot,
)  # fmt: skip
from twinplane.engines.sql.metadata_text import Refused, text_of
from twinplane.engines.sql.plan import IcebergField, QueryError
from twinplane.engines.sql.worker_messages import Failure, Hello, Limits, receive, send

MEMORY_BYTES = 1 << 30
_PATH = 2147483546  # the field id of `file_path` in position deletes
_MOST_DEPTH = 30
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")  # names that every writer keeps as they are

_TYPES = {
    "boolean": "boolean", "int": "int", "long": "bigint", "float": "float", "double": "double", "date": "date",
    "time": "time", "timestamp": "timestamp", "timestamptz": "timestamptz", "string": "string", "uuid": "string",
    "binary": "binary",
}  # fmt: skip


def answer(request: ManifestRequest, limits: Limits) -> ManifestReply:
    """What a file says, or that it cannot be read."""
    try:
        with within(limits.planning_seconds):
            if isinstance(request, ReadMetadata):
                return ManifestReply(metadata=read_metadata(request.body))
            if isinstance(request, ReadManifestList):
                return ManifestReply(manifests=tuple(map(_manifest, avro.read_manifest_list(_Bytes(request.body)))))
            if isinstance(request, ReadManifest):
                return ManifestReply(files=tuple(_files(request)))
            from twinplane.engines.sql import snapshot_writer, table_changes  # heavy, and not needed to read tables

            if isinstance(request, DescribeTarget):
                return ManifestReply(target=snapshot_writer.target(request.body))
            if isinstance(request, WriteSnapshot):
                return ManifestReply(snapshot=snapshot_writer.write(request))
            if isinstance(request, ExpireSnapshots):
                expired = snapshot_writer.expire(request.body, request.location, request.before, request.keep)
                return ManifestReply(table=expired)
            return ManifestReply(table=table_changes.answer(request))
    except Refused as error:
        return ManifestReply(Failure(error.code, str(error)))
    except QueryError as error:
        return ManifestReply(Failure("ICEBERG_BAD_DATA", "The table's metadata is too complex", str(error)))
    except Exception as error:  # noqa: BLE001 - the files may hold anything; what they hold is nobody's to read here
        return ManifestReply(Failure("ICEBERG_BAD_DATA", "The table's metadata cannot be read", type(error).__name__))


class _Bytes(InputFile):
    """A file that is in memory already."""

    def __init__(self, body: bytes) -> None:
        super().__init__("bytes")
        self._body = body

    def __len__(self) -> int:
        return len(self._body)

    def exists(self) -> bool:
        return True

    def open(self, seekable: bool = True) -> Any:  # noqa: ARG002 - pyiceberg's signature
        return io.BytesIO(self._body)


class _Files(FileIO):
    """All files there are: one."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self._body = body

    def new_input(self, location: str) -> InputFile:  # noqa: ARG002
        return _Bytes(self._body)

    def new_output(self, location: str) -> Any:
        raise NotImplementedError

    def delete(self, location: Any) -> None:
        raise NotImplementedError


def read_metadata(body: bytes) -> Metadata:
    """A metadata file's contents, compressed or not."""
    return describe(TableMetadataUtil.parse_raw(text_of(body)))


def describe(found: TableMetadata) -> Metadata:
    """What reading a table needs of its metadata."""
    current = found.schema()
    problem = None
    try:
        fields = tuple(_field(f) for f in current.fields)
    except _Unsupported as error:
        fields, problem = (), str(error)
    every: dict[int, IcebergField] = {}
    for schema in found.schemas:
        for field in schema.fields:
            if isinstance(field.field_type, PrimitiveType) and field.field_id not in every:
                try:
                    every[field.field_id] = _field(field)
                except _Unsupported:
                    continue
    every |= {f.id: f for f in fields}
    mapped = "schema.name-mapping.default" in found.properties
    evolved = not _is_as_made(found)
    return Metadata(
        format_version=found.format_version,
        location=found.location,
        fields=fields,
        every_field=tuple(every.values()),
        snapshots=tuple(
            Snapshot(
                s.snapshot_id, s.timestamp_ms, s.manifest_list, s.parent_snapshot_id,
                s.summary.operation.value if s.summary else None,
                dict(s.summary.additional_properties) if s.summary else {},
            )
            for s in found.snapshots
        ),
        current=found.current_snapshot_id if found.current_snapshot_id != -1 else None,
        log=tuple((entry.timestamp_ms, entry.snapshot_id) for entry in found.snapshot_log),
        refs={name: ref.snapshot_id for name, ref in found.refs.items()},
        partition_fields={spec.spec_id: tuple(f.name for f in spec.fields) for spec in found.partition_specs},
        by_name=mapped or (not evolved and all(_PLAIN.fullmatch(f.name) for f in current.fields)),
        evolved=evolved,
        problem=problem or _problem(found, current, mapped),
    )  # fmt: skip


def _is_as_made(found: TableMetadata) -> bool:
    """Whether the table still has the schema that it was made with."""
    return found.current_schema_id == 0 and len(found.schemas) == 1


def _has_whole_history(found: TableMetadata) -> bool:
    """Whether every schema that the table ever had is in its metadata: writers may remove old ones."""
    return {s.schema_id for s in found.schemas} >= set(range(found.current_schema_id + 1))


def _problem(found: TableMetadata, current: Schema, mapped: bool) -> str | None:
    if found.format_version > 3:
        return f"Iceberg tables of version {found.format_version} are not supported"
    if len({f.name.lower() for f in current.fields}) < len(current.fields):
        return "Two columns of the table differ in case alone"
    inside = any(name for field in current.fields for _, name in _nested_names(field.field_type))
    if (inside or mapped) and not _has_whole_history(found):
        return "Earlier schemas of the table were removed, which reading fields inside its columns needs"
    nested: dict[int, str] = {}
    for schema in found.schemas:
        for parent in schema.fields:
            for number, name in _nested_names(parent.field_type):
                if nested.setdefault(number, name) != name:
                    return "A field inside a column of the table was renamed: such tables are not supported"
    for field in current.fields:  # a name that came back inside a column means another field
        names = [(n, i) for s in found.schemas for f in s.fields if f.field_id == field.field_id
                 for i, n in _nested_names(f.field_type)]  # fmt: skip
        if len({n for n, _ in names}) < len({i for _, i in names}):
            return "A field inside a column of the table was replaced: such tables are not supported"
    if mapped:
        ids: dict[int, set[str]] = {}
        names_of: dict[str, set[int]] = {}
        for schema in found.schemas:
            for field in schema.fields:
                ids.setdefault(field.field_id, set()).add(field.name.lower())
                names_of.setdefault(field.name.lower(), set()).add(field.field_id)
        if any(len(v) > 1 for v in ids.values()) or any(len(v) > 1 for v in names_of.values()):
            return "Columns were renamed in a table that has files without field ids: such tables are not supported"
    return None


def _nested_names(kind: IcebergType, path: str = "") -> Iterator[tuple[int, str]]:
    """The fields inside a column: their ids, and their paths in it."""
    if isinstance(kind, StructType):
        for field in kind.fields:
            name = f"{path}.{field.name.lower()}"
            yield field.field_id, name
            yield from _nested_names(field.field_type, name)
    elif isinstance(kind, ListType):
        yield from _nested_names(kind.element_type, f"{path}.element")
    elif isinstance(kind, MapType):
        yield from _nested_names(kind.key_type, f"{path}.key")
        yield from _nested_names(kind.value_type, f"{path}.value")


class _Unsupported(Exception):
    pass


def _field(field: NestedField) -> IcebergField:
    default = field.initial_default
    if default is not None and not isinstance(field.field_type, PrimitiveType):
        raise _Unsupported(f"Column {field.name}: defaults of nested columns are not supported")
    text = None if default is None else str(default).lower() if isinstance(default, bool) else str(default)
    if isinstance(default, bytes):
        raise _Unsupported(f"Column {field.name}: binary defaults are not supported")
    return IcebergField(field.field_id, field.name.lower(), _glue_type(field.field_type, field.name), text)


def _glue_type(kind: IcebergType, name: str, depth: int = 0) -> str:
    if depth > _MOST_DEPTH:
        raise _Unsupported(f"Column {name} is nested too deeply")
    if isinstance(kind, StructType):
        if any(set(f.name) & set("`<>,:") for f in kind.fields):
            raise _Unsupported(f"Column {name}: the names of its fields are not supported")
        inner = ",".join(f"`{f.name.lower()}`:{_glue_type(f.field_type, name, depth + 1)}" for f in kind.fields)
        return f"struct<{inner}>"
    if isinstance(kind, ListType):
        return f"array<{_glue_type(kind.element_type, name, depth + 1)}>"
    if isinstance(kind, MapType):
        key, value = _glue_type(kind.key_type, name, depth + 1), _glue_type(kind.value_type, name, depth + 1)
        return f"map<{key},{value}>"
    if isinstance(kind, DecimalType):
        return f"decimal({kind.precision},{kind.scale})"
    if isinstance(kind, FixedType):
        return "binary"
    if str(kind) not in _TYPES:
        raise _Unsupported(f"Column {name}: the type {kind} is not supported")
    return _TYPES[str(kind)]


def _manifest(found: avro.ManifestFile) -> Manifest:
    return Manifest(
        found.manifest_path, found.manifest_length,
        "data" if found.content == avro.ManifestContent.DATA else "deletes", found.partition_spec_id,
        found.sequence_number or 0, found.added_snapshot_id,
        (found.added_files_count, found.existing_files_count, found.deleted_files_count),
    )  # fmt: skip


_CONTENT = {
    avro.DataFileContent.DATA: "data", avro.DataFileContent.POSITION_DELETES: "positions",
    avro.DataFileContent.EQUALITY_DELETES: "equality",
}  # fmt: skip


def _files(request: ReadManifest) -> Iterator[DataFile]:
    manifest = avro.ManifestFile.from_args(
        manifest_path="bytes", manifest_length=len(request.body), partition_spec_id=request.spec_id,
        sequence_number=request.sequence_number, added_snapshot_id=request.snapshot_id,
    )  # fmt: skip
    for number, entry in enumerate(manifest.fetch_manifest_entry(_Files(request.body))):
        if number >= MOST_FILES:
            raise Refused("NOT_SUPPORTED", f"The table has more than {MOST_FILES} files")
        file = entry.data_file
        content = _CONTENT[file.content]
        if entry.sequence_number is None:
            raise ValueError("an entry has no sequence number")
        yield DataFile(
            content, file.file_path, file.file_format.value.lower(), request.spec_id, _partition(file.partition),
            entry.sequence_number, file.record_count, file.file_size_in_bytes, tuple(file.equality_ids or ()),
            _only(file) if content == "positions" else None, file.key_metadata is not None,
        )  # fmt: skip


def _partition(record: Any) -> str:
    values = [] if record is None else [record[i] for i in range(len(record))]
    return json.dumps([v if isinstance(v, (int, str, float, bool, type(None))) else str(v) for v in values])


def _only(file: avro.DataFile) -> str | None:
    low, high = (file.lower_bounds or {}).get(_PATH), (file.upper_bounds or {}).get(_PATH)
    return low.decode() if low is not None and low == high else None


def serve(channel: socket.socket, limits: Limits, missing: tuple[str, ...]) -> None:
    """Answers requests from the socket until it is closed."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    sys.setrecursionlimit(500)
    send(channel, Hello(missing))
    while (body := receive(channel)) is not None:
        reply = answer(msgspec.msgpack.decode(body, type=ManifestRequest), limits)
        if len(msgspec.json.encode(reply)) > MOST_REPLY_BYTES:
            reply = ManifestReply(Failure("NOT_SUPPORTED", "There is too much of the table's metadata"))
        send(channel, reply)
