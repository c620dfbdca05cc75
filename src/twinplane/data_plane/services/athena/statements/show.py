"""SHOW and DESCRIBE: the catalog as it is for the caller. What she may not see is not there, in the same words."""

from collections.abc import Callable
from typing import Any

from twinplane.data_plane.call import Call, ServiceError
from twinplane.data_plane.services.athena import metadata, rules, views
from twinplane.data_plane.services.athena.statements import catalog, formats
from twinplane.data_plane.services.athena.work import Work
from twinplane.data_plane.services.glue import permissions
from twinplane.data_plane.services.glue import store as glue_store
from twinplane.data_plane.store import Document
from twinplane.engines.sql.plan import QueryError
from twinplane.engines.sql.statements import Show

Shown = tuple[tuple[str, ...], list[str]]


async def run(work: Work, statement: Show) -> None:
    names, lines = work.read(lambda call: _ANSWERS[statement.what](call, statement, work.database))
    await work.answer(names, tuple(lines))


def _databases(call: Call, asked: Show, _database: str) -> Shown:
    found = [d["Name"] for d in metadata.databases(call) if rules.matches(d["Name"], asked.pattern)]
    return ("database_name",), found


def _tables(call: Call, asked: Show, database: str) -> Shown:
    found = _tables_of(call, asked.database or database)
    return ("tab_name",), [t["Name"] for t in found if rules.matches(t["Name"], asked.pattern)]


def _views(call: Call, asked: Show, database: str) -> Shown:
    found = [t for t in _tables_of(call, asked.database or database) if t["TableType"] == "VIRTUAL_VIEW"]
    return ("views",), [t["Name"] for t in found if rules.matches(t["Name"], asked.pattern)]


def _tables_of(call: Call, database: str) -> list[Document]:
    try:
        metadata.database(call, database)
    except ServiceError:
        raise catalog.database_not_found(database) from None
    return metadata.tables(call, database)


def _described(call: Call, asked: Show, database: str) -> Document:
    """The table, with the columns that are there for the caller. Raises `QueryError`."""
    name = asked.database or database
    try:
        shown = metadata.table(call, name, asked.table or "")
    except ServiceError:
        raise catalog.not_found(name, asked.table or "") from None
    stored = glue_store.get_table(call.tx, name, asked.table or "")
    if stored.get("TargetTable"):
        link = stored["TargetTable"]
        stored = glue_store.get_table(call.tx, link["DatabaseName"], link["Name"])
    return permissions.described(call, stored) | {"Columns": shown["Columns"], "PartitionKeys": shown["PartitionKeys"]}


def _columns(call: Call, asked: Show, database: str) -> Shown:
    found = _described(call, asked, database)
    return ("field",), [f"{c['Name']:<20}" for c in [*found["Columns"], *found["PartitionKeys"]]]


def _line(*parts: Any) -> str:
    return "\t".join(f"{part or '':<20}" for part in parts)


def _describe(call: Call, asked: Show, database: str) -> Shown:
    found = _described(call, asked, database)
    names = ("col_name", "data_type", "comment")
    columns, keys = found["Columns"], found["PartitionKeys"]
    if asked.column is not None:
        columns, keys = [c for c in [*columns, *keys] if c["Name"].lower() == asked.column], []
        if not columns:
            raise QueryError("FAILED", f"SemanticException Column {asked.column} does not exist")
    if asked.partition:
        _partition(call, asked, found)

    def lines(given: list[Document]) -> list[str]:
        return [_line(c["Name"], c.get("Type"), c.get("Comment")) for c in given]

    shown = lines([*columns, *keys])
    header = _line("# col_name", "data_type", "comment")
    if asked.formatted:
        shown = [header, _line("", "", ""), *lines(columns)]
    if keys:
        shown += [_line("", "", ""), _line("# Partition Information", "", ""), header, _line("", "", ""), *lines(keys)]
    if asked.formatted and asked.column is None:
        shown += ["", *_details(found)]
    if asked.extended:
        shown += ["", _line("Detailed Table Information", _extended(found), "")]
    return names, shown


def _partition(call: Call, asked: Show, table: Document) -> None:
    wanted = dict(asked.partition)
    values = [wanted.get(str(k["Name"]).lower(), "") for k in table.get("PartitionKeys") or ()]
    permissions.check_partitions_readable(call, table)
    if not any(
        p["Values"] == values for p in glue_store.list_partitions(call.tx, table["DatabaseName"], table["Name"])
    ):
        raise QueryError("FAILED", f"SemanticException Partition {wanted} does not exist")


def _details(table: Document) -> list[str]:
    storage = table.get("StorageDescriptor") or {}
    serde = storage.get("SerdeInfo") or {}
    lines = [
        _line("# Detailed Table Information", "", ""), _line("Database:", table["DatabaseName"], ""),
        _line("Owner:", table.get("Owner"), ""), _line("Location:", storage.get("Location"), ""),
        _line("Table Type:", table.get("TableType"), ""), _line("Table Parameters:", "", ""),
    ]  # fmt: skip
    lines += [_line("", k, v) for k, v in sorted((table.get("Parameters") or {}).items())]
    lines += [
        _line("", "", ""), _line("# Storage Information", "", ""),
        _line("SerDe Library:", serde.get("SerializationLibrary"), ""),
        _line("InputFormat:", storage.get("InputFormat"), ""), _line("OutputFormat:", storage.get("OutputFormat"), ""),
        _line("Storage Desc Params:", "", ""),
    ]  # fmt: skip
    return lines + [_line("", k, v) for k, v in sorted((serde.get("Parameters") or {}).items())]


def _extended(table: Document) -> str:
    storage = table.get("StorageDescriptor") or {}
    return (
        f"Table(tableName:{table['Name']}, dbName:{table['DatabaseName']}, location:{storage.get('Location')}, "
        f"inputFormat:{storage.get('InputFormat')}, outputFormat:{storage.get('OutputFormat')}, "
        f"tableType:{table.get('TableType')})"
    )


def _partitions(call: Call, asked: Show, database: str) -> Shown:
    found = _described(call, asked, database)
    keys = [k["Name"] for k in found["PartitionKeys"]]
    try:
        permissions.check_partitions_readable(call, found)
    except ServiceError:
        raise QueryError("PERMISSION_DENIED", "Partitions of the table are not shown") from None
    if not keys:
        raise QueryError("FAILED", f"{catalog.HIVE}Table {found['Name']} is not a partitioned table")
    rows = glue_store.list_partitions(call.tx, found["DatabaseName"], found["Name"])
    paths = (formats.partition_path(list(zip(keys, row["Values"], strict=True))) for row in rows)
    return ("partition",), sorted(paths)


def _properties(call: Call, asked: Show, database: str) -> Shown:
    found = _described(call, asked, database).get("Parameters") or {}
    if asked.property is None:
        return ("prpt_name", "prpt_value"), [f"{k}\t{v}" for k, v in sorted(found.items())]
    value = found.get(asked.property, f"Table {asked.table} does not have property: {asked.property}")
    return ("prpt_name", "prpt_value"), [f"{asked.property}\t{value}"]


def _create_table(call: Call, asked: Show, database: str) -> Shown:
    found = _described(call, asked, database)
    if views.is_view(found):
        raise QueryError("FAILED", "SHOW CREATE TABLE of a view: use SHOW CREATE VIEW")
    return ("createtab_stmt",), formats.create_statement(found).split("\n")


def _create_view(call: Call, asked: Show, database: str) -> Shown:
    found = _described(call, asked, database)
    if not views.is_view(found):
        raise QueryError("FAILED", f"SHOW CREATE VIEW of {asked.table}, which is a table")
    text = f"CREATE VIEW {found['DatabaseName']}.{found['Name']} AS\n{views.decoded(found).text}"
    return ("Create View",), text.split("\n")


_ANSWERS: dict[str, Callable[[Call, Show, str], Shown]] = {
    "SHOW_DATABASES": _databases, "SHOW_TABLES": _tables, "SHOW_VIEWS": _views, "SHOW_COLUMNS": _columns,
    "DESCRIBE_TABLE": _describe, "DESCRIBE_VIEW": _describe, "SHOW_PARTITIONS": _partitions,
    "SHOW_TBLPROPERTIES": _properties, "SHOW_CREATE_TABLE": _create_table, "SHOW_CREATE_VIEW": _create_view,
}  # fmt: skip
