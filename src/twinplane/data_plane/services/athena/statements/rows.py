"""Rows that become files: CREATE TABLE AS, INSERT INTO Hive tables, UNLOAD.

The governed query runs in the person's worker and its rows become files there; they are brought to disk, and become
objects in the transaction that makes the table or its partitions and ends the execution.
"""

import re
import shutil
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twinplane.data_plane.call import Call, ServiceError
from twinplane.data_plane.services.athena import rules
from twinplane.data_plane.services.athena.statements import formats, partitions, places, tables, writable
from twinplane.data_plane.services.athena.statements.catalog import glue, in_hive
from twinplane.data_plane.services.athena.statements.places import Place
from twinplane.data_plane.services.athena.statements.rewriting import quoted
from twinplane.data_plane.services.athena.statements.select import planned
from twinplane.data_plane.services.athena.work import Received, Work
from twinplane.data_plane.services.athena.work_groups import get as get_work_group
from twinplane.data_plane.services.glue import permissions
from twinplane.data_plane.services.glue import store as glue_store
from twinplane.data_plane.store import Document
from twinplane.engines.sql.plan import Column, Query, QueryError, Result, TableName, Write, WrittenFile
from twinplane.engines.sql.statements import CreateTableAs, Insert, Unload

_MOST_PARTITIONS = 100  # Athena's own limit on one statement's writers
_COMPRESSIONS = {
    "parquet": {"": "snappy", "snappy": "snappy", "gzip": "gzip", "zstd": "zstd", "none": "uncompressed",
                "uncompressed": "uncompressed", "lz4": "lz4_raw"},
    "csv": {"": "", "none": "", "uncompressed": "", "gzip": "gzip", "zstd": "zstd"},
    "json": {"": "", "none": "", "uncompressed": "", "gzip": "gzip", "zstd": "zstd"},
}  # fmt: skip
_FORMATS = {"parquet": "parquet", "textfile": "csv", "csv": "csv", "json": "json"}
_ENDINGS = {"gzip": ".gz", "zstd": ".zst"}


@dataclass(frozen=True, slots=True)
class Written:
    """A file of the run that is on disk, and the partition it belongs to."""

    received: Received
    partition: tuple[str | None, ...]
    file: WrittenFile


async def written(
    work: Work, query: Query, how: Write, where: Place, *, ending: str | None = None
) -> tuple[Result, list[Written]]:
    """Runs a query into files, and brings these to disk under names in `where` that nothing has.

    `ending`: of the names, which then all lie in one folder; else each partition has its own.
    """
    result = await work.plane.sql.run(work.owner, query, run_id=work.id, write=how)
    keys = [name for name, _ in how.partitions]
    try:
        if len({file.partition for file in result.files}) > _MOST_PARTITIONS:
            raise QueryError(
                "HIVE_TOO_MANY_OPEN_PARTITIONS", f"Exceeded limit of {_MOST_PARTITIONS} open writers for partitions"
            )
        found = [await _bring(work, file, number, keys, how, where, ending) for number, file in enumerate(result.files)]
    finally:
        shutil.rmtree(result.path, ignore_errors=True)
    return result, found


async def _bring(
    work: Work, file: WrittenFile, number: int, keys: Sequence[str], how: Write, where: Place, ending: str | None
) -> Written:  # fmt: skip
    values = tuple(dict(file.partition)[key] for key in keys)
    folder = formats.partition_path(list(zip(keys, values, strict=True))) + "/" if keys and ending is None else ""
    begun = time.strftime("%Y%m%d_%H%M%S", time.gmtime(work.execution["submitted_at"]))
    if ending is None:
        ending = _ENDINGS.get(how.compression, "") if how.format != "parquet" else ""
    location = f"{where.location}{folder}{begun}_{number:05}_{work.id}-{uuid.uuid4().hex[:8]}{ending}"
    return Written(await work.receive(location, Path(file.path), "application/octet-stream"), values, file)


def put(call: Call, work: Work, where: Place, files: Iterable[Written]) -> None:
    """Makes written files objects, in the transaction that ends the run. Raises `QueryError`."""
    for file in files:
        if where.by_iam:
            places.check_put(call, where, file.received.key)
        work.place(call.tx, file.received, where.owner)


async def manifest(work: Work, files: Sequence[Written]) -> tuple[Document, Received]:
    """The list of what was written, beside the results."""
    location = f"{work.prefix}{work.id}-manifest.csv"
    lines = "".join(f"s3://{f.received.bucket}/{f.received.key}\n" for f in files)
    return {"manifest": location}, await work.receive(location, lines.encode(), "text/csv")


def outcome(result: Result) -> Document:
    """What the execution says of a write."""
    return {
        "columns": [], "rows": result.rows, "update_count": result.rows, "result_bytes": result.result_bytes,
        "scanned_bytes": result.scanned_bytes, "engine_seconds": result.engine_seconds,
        "planning_seconds": result.planning_seconds,
    }  # fmt: skip


# CREATE TABLE AS


def _property(properties: dict[str, str], *names: str, default: str = "") -> str:
    for name in names:
        if name in properties:
            return properties.pop(name)
    return default


def _how(format_name: str, compression: str, partitioned: Sequence[str], **more: Any) -> Write:
    kind: Any = _FORMATS.get(format_name.lower())
    if kind is None:
        raise QueryError("NOT_SUPPORTED", f"Writing {format_name.upper()} is not supported")
    known = _COMPRESSIONS[kind].get(compression.lower())
    if known is None:
        raise QueryError(
            "NOT_SUPPORTED", f"Compression {compression.upper()} of {format_name.upper()} is not supported"
        )
    own = tuple((name.lower(), quoted(name.lower())) for name in partitioned)
    return Write(kind, known, partitions=own, **more)


async def create_table_as(work: Work, statement: CreateTableAs) -> None:
    """Makes a table of a query's rows."""
    properties = {k.lower(): v for k, v in statement.properties}
    lists = {k.lower(): v for k, v in statement.lists}
    name = statement.target.in_database(work.database)
    if work.read(lambda call: is_there(call, name)):
        if not statement.if_not_exists:
            raise QueryError("TABLE_ALREADY_EXISTS", f"Table '{name.database}.{name.table}' already exists")
        await work.finish({"columns": [], "rows": 0, "update_count": 0, "result_bytes": 0})
        return
    given = _property(properties, "external_location") or None
    partitioned = [key.lower() for key in lists.pop("partitioned_by", ())]
    format_name = _property(properties, "format", default="parquet")
    compression = _property(properties, "write_compression", "parquet_compression", "orc_compression")
    delimiter = _property(properties, "field_delimiter", default="\x01")
    _property(properties, "table_type")
    _property(properties, "is_external")
    if properties or lists:
        raise QueryError("NOT_SUPPORTED", f"The property {next(iter([*properties, *lists]))} is not supported")
    how = _how(format_name, compression, partitioned, delimiter=delimiter)
    if how.format != "parquet" and how.compression:
        raise QueryError("NOT_SUPPORTED", "Tables of compressed text are not supported")
    where = work.read(lambda call: _new_place(call, work, name, given))
    text = statement.query if statement.with_data else f"SELECT * FROM (\n{statement.query}\n) AS nothing LIMIT 0"  # noqa: S608
    result, files = await written(work, await planned(work, text, statement.references), how, where)
    columns = [Column(c.name, type_) for c, type_ in zip(result.columns, result.types, strict=True)]
    own, keys = _split(columns, partitioned)
    check_types(columns, how.format, keys)
    listed, list_ = await manifest(work, files)

    def change(call: Call) -> Document:
        if is_there(call, name) and statement.if_not_exists:
            return {"update_count": 0, "rows": 0}
        places.check_empty(call, where, f"{name.database}.{name.table}")
        given = _table_input(call, name, own, keys, how, where, format_name)
        tables.add_table(call, name.database, given, if_not_exists=False)
        put(call, work, where, files)
        _add_partitions(call, name, [k.name for k in keys], files)
        return {}

    await work.finish(outcome(result) | listed, change, (list_,))


def check_names(names: Sequence[str]) -> None:
    """Raises `QueryError` unless every column of a new table has a name of its own."""
    for number, name in enumerate(names):
        if re.fullmatch(r"_col\d+", name):
            raise QueryError("MISSING_COLUMN_NAME", f"Column name not specified at position {number + 1}")
        if names.index(name) != number:
            raise QueryError("DUPLICATE_COLUMN_NAME", f"Column name '{name}' specified more than once")


def is_there(call: Call, name: TableName) -> bool:
    """Whether the caller, who may make tables there, finds one of that name. Raises `ServiceError`."""
    permissions.check_permission(call, "CREATE_TABLE", name.database)
    if glue_store.find_database(call.tx, name.database) is None:
        raise QueryError("SCHEMA_NOT_FOUND", f"Schema {name.database} not found")
    return glue_store.find_table(call.tx, name.database, name.table) is not None


def _new_place(call: Call, work: Work, name: TableName, given: str | None) -> Place:
    """Where a new table's files go: where the caller says and may write, else below her results."""
    group = get_work_group(call, work.execution["work_group"])
    if given is None:
        return _among_results(call, work, f"{work.prefix}tables/{work.id}/")
    if group["Configuration"].get("EnforceWorkGroupConfiguration"):
        raise QueryError(
            "INVALID_TABLE_PROPERTY",
            "The Create Table As Select query failed because it was submitted with an 'external_location' property to "
            "an Athena Workgroup that enforces a centralized output location for all queries. Please remove the "
            "'external_location' property and resubmit the query.",
        )
    found = places.of_the_caller(call, given)
    places.check_empty(call, found, f"{name.database}.{name.table}")
    return found


def _among_results(call: Call, work: Work, location: str) -> Place:
    """A place among the results of a person, hers alone. Where the work group says that results go nobody needs a right
    of her own to put them; where she said it herself she does."""
    group = get_work_group(call, work.execution["work_group"])
    own = rules.result_prefix(group["Configuration"], None, call.principal)
    found = places.place(location, by_iam=own is None or not location.startswith(own), owner=work.person)
    if found.by_iam:
        places.check_put(call, found, found.prefix + "*")
    return found


def _split(columns: list[Column], partitioned: list[str]) -> tuple[list[Column], list[Column]]:
    cut = len(columns) - len(partitioned)
    if [c.name for c in columns[cut:]] != partitioned:
        raise QueryError(
            "HIVE_COLUMN_ORDER_MISMATCH",
            "Partition keys must be the last columns in the table and in the same order as the table properties: "
            f"[{', '.join(partitioned)}]",
        )
    if cut < 1:
        raise QueryError("INVALID_TABLE_PROPERTY", "Table contains only partition columns")
    return columns[:cut], columns[cut:]


def check_types(columns: Sequence[Column], format_name: str, keys: Sequence[Column] = ()) -> None:
    """Raises `QueryError` where a format does not hold a column's type."""
    for column in columns:
        nested = column.type.startswith(("array", "map", "struct"))
        text = format_name != "parquet" or column in keys
        if column.type == "timestamptz":
            raise QueryError("NOT_SUPPORTED", "Unsupported Hive type: timestamp(3) with time zone")
        if (nested and (format_name == "csv" or column in keys)) or (text and column.type == "binary"):
            raise QueryError("NOT_SUPPORTED", f"A column of type {column.type} cannot be written here: {column.name}")


def _table_input(
    call: Call, name: TableName, own: list[Column], keys: list[Column], how: Write, where: Place, format_name: str
) -> Document:  # fmt: skip
    serde = {"field.delim": how.delimiter} if how.format == "csv" and how.delimiter != "\x01" else {}
    stored = formats.storage(
        ({"csv": "textfile"}.get(format_name.lower(), format_name.lower()),), None, serde, where.location,
        [{"Name": c.name, "Type": c.type} for c in own],
    )  # fmt: skip
    return {
        "Name": name.table, "Owner": "hadoop", "TableType": "EXTERNAL_TABLE", "StorageDescriptor": stored,
        "PartitionKeys": [{"Name": c.name, "Type": c.type} for c in keys],
        "Parameters": {
            "EXTERNAL": "TRUE", "has_encrypted_data": "false", "transient_lastDdlTime": str(int(call.now)),
            "classification": {"csv": "csv", "json": "json"}.get(how.format, "parquet"),
        },
    }  # fmt: skip


def _add_partitions(call: Call, name: TableName, keys: list[str], files: Sequence[Written]) -> None:
    """Adds those partitions of the files that the table does not have. Raises `QueryError`."""
    if not keys:
        return
    table = glue_store.get_table(call.tx, name.database, name.table)
    for values in dict.fromkeys(file.partition for file in files):
        given = [formats.NULL_PARTITION if v in (None, "") else str(v) for v in values]
        try:
            glue(
                call, "CreatePartition", DatabaseName=name.database, TableName=name.table,
                PartitionInput=partitions.partition_input(table, keys, given),
            )  # fmt: skip
        except ServiceError as error:
            if not error.code.startswith("AlreadyExists"):
                raise in_hive(error) from None


# INSERT INTO


async def insert(work: Work, statement: Insert) -> None:
    """Adds a query's rows to a table."""
    name = statement.target.in_database(work.database)
    target = work.read(lambda call: writable.table(call, name, "INSERT"))
    how, keys = _how_of(target.table)
    text = by_position(statement, [c.name for c in how.columns])
    where = work.read(lambda call: places.of_the_table(call, _location(target.table), governed=target.governed))
    result, files = await written(work, await planned(work, text, statement.references), how, where)
    listed, list_ = await manifest(work, files)

    def change(call: Call) -> Document:
        now = writable.table(call, name, "INSERT")
        if tables.table_input(now.table) != tables.table_input(target.table):
            raise QueryError("HIVE_CONCURRENT_MODIFICATION_DETECTED", "The table was changed while rows were written")
        put(call, work, places.of_the_table(call, _location(now.table), governed=now.governed), files)
        _add_partitions(call, TableName(now.table["DatabaseName"], now.table["Name"]), keys, files)
        return {}

    await work.finish(outcome(result) | listed, change, (list_,))


def _location(table: Document) -> str:
    found = glue_store.table_location(table)
    if found is None:
        raise QueryError("NOT_SUPPORTED", "The table has no location to write to")
    return found


def _how_of(table: Document) -> tuple[Write, list[str]]:
    """How rows are written into a Hive table, and its partition keys. Raises `QueryError`."""
    storage = table.get("StorageDescriptor") or {}
    library = str((storage.get("SerdeInfo") or {}).get("SerializationLibrary") or "")
    if table.get("TableType") == "VIRTUAL_VIEW":
        raise QueryError("NOT_SUPPORTED", "Inserting into views is not supported")
    try:
        stored = rules.storage_of(table)
    except rules.NotReadable as error:
        raise QueryError("NOT_SUPPORTED", str(error)) from None
    options = dict(stored.options)
    if "opencsv" in library.lower() or int(options.get("skip") or 0) > 0:
        raise QueryError("NOT_SUPPORTED", "Inserting into tables of quoted text or with headers is not supported")
    if (storage.get("NumberOfBuckets") or 0) > 0 and storage.get("BucketColumns"):
        raise QueryError("NOT_SUPPORTED", "Inserting into bucketed tables is not supported")
    keys = [str(k["Name"]).lower() for k in table.get("PartitionKeys") or ()]
    columns = tuple(
        Column(str(c["Name"]).lower(), str(c.get("Type") or "string").lower())
        for c in [*(storage.get("Columns") or ()), *(table.get("PartitionKeys") or ())]
    )
    check_types(columns, stored.format, [c for c in columns if c.name in keys])
    compression = "snappy" if stored.format == "parquet" else ""
    how = Write(
        stored.format, compression, columns, tuple((key, quoted(key)) for key in keys),
        delimiter=options.get("delim", "\x01"),
    )  # fmt: skip
    return how, keys


def by_position(statement: Insert, columns: list[str]) -> str:
    """The query with a value for each column of the table, NULL where the statement names others only."""
    if not statement.columns:
        return statement.query
    unknown = next((c for c in statement.columns if c not in columns), None)
    if unknown is not None:
        raise QueryError("COLUMN_NOT_FOUND", f"Insert column name does not exist in target table: {unknown}")
    if len(set(statement.columns)) < len(statement.columns):
        raise QueryError("DUPLICATE_COLUMN_NAME", "Insert column name is specified more than once")
    given = {column: f'"i{number}"' for number, column in enumerate(statement.columns)}
    values = ", ".join(given.get(column, "NULL") for column in columns)
    return f"SELECT {values} FROM (\n{statement.query}\n) AS given({', '.join(given.values())})"  # noqa: S608


# UNLOAD


async def unload(work: Work, statement: Unload) -> None:
    """Writes a query's rows into a place that the caller may write to, and that is empty."""
    properties = {k.lower(): v for k, v in statement.properties}
    lists = {k.lower(): v for k, v in statement.lists}
    partitioned = lists.pop("partitioned_by", ())
    format_name = _property(properties, "format", default="parquet")
    compression = _property(properties, "compression")
    delimiter = _property(properties, "field_delimiter", default="\x01")
    _property(properties, "compression_level")
    if properties or lists:
        raise QueryError("INVALID_TABLE_PROPERTY", f"Unknown property: {next(iter([*properties, *lists]))}")
    if not compression and format_name.lower() in ("textfile", "csv", "json"):
        compression = "gzip"
    how = _how(format_name, compression, partitioned, delimiter=delimiter)
    where = work.read(lambda call: _unload_place(call, work, statement.location))
    result, files = await written(work, await planned(work, statement.query, statement.references), how, where)
    check_types([Column(c.name, t) for c, t in zip(result.columns, result.types, strict=True)], how.format)
    listed, list_ = await manifest(work, files)

    def change(call: Call) -> Document:
        put(call, work, _unload_place(call, work, statement.location), files)
        return {}

    await work.finish(outcome(result) | listed, change, (list_,))


def _unload_place(call: Call, work: Work, location: str) -> Place:
    if location.startswith(work.prefix) and work.person is not None:
        found = _among_results(call, work, location)
    else:
        found = places.place(location)
        places.check_put(call, found, found.prefix + "*")
    places.check_empty(call, found, f"unload-{work.id}")
    return found
