"""Iceberg tables made, filled and redefined in SQL."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from twinplane.data_plane.call import Call, ServiceError
from twinplane.data_plane.services.athena.statements import iceberg_schema, places, rows, tables
from twinplane.data_plane.services.athena.statements.catalog import table_of
from twinplane.data_plane.services.athena.statements.iceberg_base import (
    ATTEMPTS,
    Base,
    Changed,
    added,
    base_of,
    bytes_of,
    commit,
    commit_failed,
    snapshot_of,
    target_of,
)
from twinplane.data_plane.services.athena.statements.places import Place
from twinplane.data_plane.services.athena.statements.select import planned
from twinplane.data_plane.services.athena.work import Received, Work
from twinplane.data_plane.services.glue import iceberg, iceberg_commit, locations, permissions
from twinplane.data_plane.services.glue import store as glue_store
from twinplane.data_plane.services.lakeformation import store as lakeformation
from twinplane.data_plane.services.s3 import bodies
from twinplane.data_plane.store import Document
from twinplane.data_plane.wire.body import FileRange
from twinplane.engines.sql.manifest_messages import Metadata, NewSnapshot, TableText, WriteSnapshot, WriteTarget
from twinplane.engines.sql.metadata_text import text_of
from twinplane.engines.sql.plan import Column, QueryError, Reference, TableName, Write
from twinplane.engines.sql.statements import (
    AlterColumns,
    ColumnDefinition,
    CreateTable,
    CreateTableAs,
    Insert,
    PartitionField,
    SetProperties,
)

_COMPRESSIONS = {"": "zstd", "zstd": "zstd", "gzip": "gzip", "snappy": "snappy", "none": "uncompressed"}


def how(columns: tuple[Column, ...], target: WriteTarget, compression: str = "") -> Write:
    """How rows become files of an Iceberg table. Raises `QueryError`."""
    partitions = tuple((f"p{n}", iceberg_schema.expression(field)) for n, field in enumerate(target.partitions))
    if compression.lower() not in _COMPRESSIONS:
        raise QueryError("NOT_SUPPORTED", f"Compression {compression.upper()} of PARQUET is not supported")
    return Write(
        "parquet", _COMPRESSIONS[compression.lower()], columns, partitions, field_ids=target.field_ids
    )  # fmt: skip


# CREATE TABLE


async def create_table(work: Work, statement: CreateTable) -> None:
    """Makes an Iceberg table without rows."""
    if statement.external:
        raise tables.semantic("Iceberg tables are made without EXTERNAL")
    if statement.partitions:
        raise tables.semantic("PARTITIONED BY of an Iceberg table names columns of the table, without types")
    name = statement.target.in_database(work.database)
    location = work.read(lambda call: _new_location(call, name, statement.location))
    properties = iceberg_schema.properties(statement.properties)
    if statement.comment is not None:
        properties["comment"] = statement.comment
    text = await _new_table(work, name, location, statement.columns, statement.fields, properties)
    metadata_location = iceberg_commit.next_location(location, None)
    metadata = await work.receive(metadata_location, text.text.encode(), "application/json")

    def change(call: Call) -> Document:
        _add(call, work, name, text, metadata, statement.if_not_exists, location)
        return {}

    await work.answer((), change=change)


def _new_location(call: Call, name: TableName, given: str | None) -> str:
    permissions.check_permission(call, "CREATE_TABLE", name.database)
    if glue_store.find_database(call.tx, name.database) is None:
        raise tables.semantic(f"[Error 10072]: Database does not exist: {name.database}")
    found = tables.location_of(call, given, name.database, name.table).rstrip("/")
    place = _place(call, name, found)
    if glue_store.find_table(call.tx, name.database, name.table) is None:
        places.check_empty(call, place, f"{name.database}.{name.table}")
    return found


def _place(call: Call, name: TableName, location: str) -> Place:
    """A new table's place: in its database's own, which Lake Formation has care of, or the caller's to write to."""
    place = places.place(location)
    within = str((glue_store.find_database(call.tx, name.database) or {}).get("LocationUri") or "").rstrip("/") + "/"
    registered = lakeformation.registered_location(call.tx, place.arn)
    if len(within) > 1 and place.location.startswith(within) and registered is not None:
        return places.place(location, by_iam=False)
    return places.of_the_caller(call, location)


async def _new_table(
    work: Work, name: TableName, location: str, columns: tuple[ColumnDefinition, ...],
    fields: tuple[PartitionField, ...], properties: dict[str, str],
) -> TableText:  # fmt: skip
    schema = iceberg_schema.schema(columns)
    request = {
        "name": name.table, "location": location, "schema": schema, "properties": properties, "write-order": None,
        "partition-spec": iceberg_schema.partition_spec(fields, schema) if fields else None,
    }  # fmt: skip
    return await iceberg_commit.new_table(work.plane, work.owner, request, location)


def _add(
    call: Call, work: Work, name: TableName, text: TableText, metadata: Received, if_not_exists: bool, location: str
) -> bool:
    """Adds the table to the catalog, its metadata in S3; says whether it is new."""
    metadata_location = f"s3://{metadata.bucket}/{metadata.key}"
    given = iceberg_commit.table_input(name.table, text, metadata_location)
    place = _place(call, name, location)
    if not tables.add_table(call, name.database, given, if_not_exists=if_not_exists):
        return False
    if place.by_iam:
        places.check_put(call, place, metadata.key)
    work.place(call.tx, metadata, None)
    return True


async def create_table_as(work: Work, statement: CreateTableAs) -> None:
    """Makes an Iceberg table of a query's rows."""
    properties = {k.lower(): v for k, v in statement.properties}
    lists = {k.lower(): v for k, v in statement.lists}
    name = statement.target.in_database(work.database)
    if work.read(lambda call: rows.is_there(call, name)):
        if not statement.if_not_exists:
            raise QueryError("TABLE_ALREADY_EXISTS", f"Table '{name.database}.{name.table}' already exists")
        await work.finish({"columns": [], "rows": 0, "update_count": 0, "result_bytes": 0})
        return
    if properties.pop("is_external", "false").lower() != "false":
        raise QueryError(
            "INVALID_TABLE_PROPERTY", "External tables are not supported for Iceberg: is_external is false"
        )
    given = properties.pop("location", None)
    compression = properties.get("write_compression", "")
    partitioning = tuple(iceberg_schema.partition_field(text) for text in lists.pop("partitioning", ()))
    kept = iceberg_schema.properties(properties.items())
    if lists:
        raise QueryError("NOT_SUPPORTED", f"The property {next(iter(lists))} is not supported for Iceberg tables")
    location = work.read(lambda call: _new_location(call, name, given))
    columns = await _columns(work, statement)
    text = await _new_table(work, name, location, columns, partitioning, kept)
    body = text.text.encode()
    target = await target_of(work, body)
    query = statement.query if statement.with_data else f"SELECT * FROM (\n{statement.query}\n) AS nothing LIMIT 0"  # noqa: S608
    written = how(tuple(Column(c.name, c.type) for c in columns), target, compression)
    data = places.place(f"{location}/data/")
    result, files = await rows.written(
        work, await planned(work, query, statement.references), written, data, ending=".parquet"
    )  # fmt: skip
    folder = f"{location}/metadata/"
    reply = await work.plane.iceberg.reader.read(
        work.owner, WriteSnapshot(body, "", folder, "append", added=added(files, target))
    )  # fmt: skip
    made: NewSnapshot | None = reply.snapshot
    assert made is not None
    own = [await work.receive(f.path, f.body, "application/octet-stream") for f in made.files]
    metadata = await work.receive(
        iceberg_commit.next_location(location, None), made.table.text.encode(), "application/json"
    )  # fmt: skip
    listed, list_ = await rows.manifest(work, files)

    def change(call: Call) -> Document:
        place = _place(call, name, location)
        if not _add(call, work, name, made.table, metadata, statement.if_not_exists, location):
            return {"update_count": 0, "rows": 0}
        for received in [*own, *(f.received for f in files)]:
            if place.by_iam:
                places.check_put(call, place, received.key)
            work.place(call.tx, received, None)
        return {}

    await work.finish(rows.outcome(result) | listed, change, (list_,))


async def _columns(work: Work, statement: CreateTableAs) -> tuple[ColumnDefinition, ...]:
    """The columns of a query, asked of the engine without its rows."""
    text = f"SELECT * FROM (\n{statement.query}\n) AS described LIMIT 0"  # noqa: S608 - Athena's, parsed as such
    result = await work.plane.sql.run(work.owner, await planned(work, text, statement.references), run_id=work.id)
    Path(result.path).unlink(missing_ok=True)
    names = [c.name.lower() for c in result.columns]
    if len(result.types) != len(names):
        raise QueryError("NOT_SUPPORTED", "A column has a type that no table holds")
    rows.check_names(names)
    wider = {"tinyint": "int", "smallint": "int"}
    return tuple(ColumnDefinition(n, wider.get(t, t)) for n, t in zip(names, result.types, strict=True))


# INSERT INTO


async def insert(work: Work, statement: Insert) -> None:
    """Adds rows: they are written once, and tried on what the table is by then as often as others come first."""
    name = statement.target.in_database(work.database)
    base = await base_of(work, name, "INSERT")
    target = await target_of(work, base.body)
    columns = base.columns
    written = how(columns, target)
    text = rows.by_position(statement, [c.name for c in columns])
    data = places.place(f"{base.location}/data/")
    query = await planned(work, text, statement.references)
    result, files = await rows.written(work, query, written, data, ending=".parquet")
    listed, list_ = await rows.manifest(work, files)
    given = added(files, target)
    outcome = rows.outcome(result) | listed
    for _ in range(ATTEMPTS):
        if not given:
            await work.finish(outcome, results=(list_,))
            return
        made = await snapshot_of(work, base, "append", given)
        try:
            await commit(work, name, ("INSERT",), base, made, files, outcome, (list_,))
            return
        except Changed:
            base = await base_of(work, name, "INSERT")
            if base.columns != columns or await target_of(work, base.body) != target:
                break
    raise commit_failed(name)


# ALTER TABLE


async def alter_columns(work: Work, statement: AlterColumns) -> None:
    """Changes the table's columns; files stay as they are, read by the ids of their columns."""

    def updates(metadata: Document) -> list[Document]:
        schema = iceberg_schema.changed(metadata, statement)
        return [
            {"action": "add-schema", "schema": schema},
            {"action": "set-current-schema", "schema-id": schema["schema-id"]},
        ]

    await _alter(work, statement.target.in_database(work.database), updates)


async def set_properties(work: Work, statement: SetProperties) -> None:
    """Sets or removes properties of the table."""
    given = iceberg_schema.properties(statement.properties)
    removed = list(iceberg_schema.properties((name, "parquet") for name in statement.removed))

    def updates(_metadata: Document) -> list[Document]:
        found: list[Document] = [{"action": "set-properties", "updates": given}] if given else []
        return found + ([{"action": "remove-properties", "removals": removed}] if removed else [])

    await _alter(work, statement.target.in_database(work.database), updates)


async def _alter(work: Work, name: TableName, updates: Callable[[Document], list[Document]]) -> None:
    for _ in range(ATTEMPTS):
        base = await _altered(work, name)
        metadata = msgspec.json.decode(text_of(base.body))
        text = await iceberg_commit.changed(
            work.plane, work.owner, base.body, base.metadata_location, [], updates(metadata)
        )  # fmt: skip
        location = iceberg_commit.next_location(base.location, base.metadata_location)
        received = await work.receive(location, text.text.encode(), "application/json")

        def change(call: Call, base: Base = base, location: str = location, text: TableText = text,
                   received: Received = received) -> Document:  # fmt: skip
            table = _may_alter(call, name)
            places.of_the_table(call, base.location, governed=True)
            iceberg_commit.commit(call, table, base.metadata_location, location, text, received.body)
            return {}

        try:
            await work.answer((), change=change)
            return
        except ServiceError as error:
            if error.code != "CommitFailedException":
                raise
    raise commit_failed(name)


def _may_alter(call: Call, name: TableName) -> Document:
    table = table_of(call, Reference(name.database, name.table), name.database)
    tables.check_alter(call, table)
    return table


async def _altered(work: Work, name: TableName) -> Base:
    """The table as it is, for who may alter it: she need not be able to read its rows."""

    def read(call: Call) -> tuple[Document, bytes | FileRange, Metadata]:
        table = _may_alter(call, name)
        may_read = locations.reader_of(call, table, by_iam=False)
        metadata = iceberg.metadata_of(call, table, may_read)
        path = iceberg.metadata_location(table)
        document = iceberg.objects(call, [path], may_read)[path]
        return table, bodies.content(call.tx, call.plane, document, 0, document["size"]), metadata

    async def attempt() -> tuple[Document, bytes | FileRange, Metadata]:
        return work.read(read)

    table, content, metadata = await iceberg.with_metadata(work.plane, attempt)
    body = await bytes_of(content)
    return Base(table, True, iceberg.metadata_location(table), metadata, body)
