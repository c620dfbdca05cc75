"""information_schema: the catalog as rows, of what the caller may see and nothing else."""

import re
from collections.abc import Callable, Iterator

from twinplane.data_plane.call import Call
from twinplane.data_plane.services.athena import metadata
from twinplane.data_plane.services.athena.rules import CATALOG
from twinplane.engines.sql.plan import Column

Row = tuple[str | int | None, ...]

_CATALOG = CATALOG.lower()
_TEXT, _NUMBER = "string", "bigint"


def _columns(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, _NUMBER if name == "ordinal_position" else _TEXT) for name in names)


# The tables of the schema and their columns, with Glue's names of types.
TABLES: dict[str, tuple[Column, ...]] = {
    "schemata": _columns("catalog_name", "schema_name"),
    "tables": _columns("table_catalog", "table_schema", "table_name", "table_type"),
    "views": _columns("table_catalog", "table_schema", "table_name", "view_definition"),
    "columns": _columns(
        "table_catalog", "table_schema", "table_name", "column_name", "ordinal_position", "column_default",
        "is_nullable", "data_type", "comment", "extra_info",
    ),
}  # fmt: skip


def rows(call: Call, name: str, schemas: frozenset[str] | None = None) -> list[Row]:
    """The rows of one of `TABLES`, in the order of its columns; of these databases only, when given."""
    names = [d["Name"] for d in metadata.databases(call) if schemas is None or d["Name"] in schemas]
    return [row for database in names for row in _ROWS[name](call, database)]


def _schemata(_call: Call, database: str) -> Iterator[Row]:
    yield _CATALOG, database


def _tables(call: Call, database: str) -> Iterator[Row]:
    for table in metadata.tables(call, database):
        kind = "VIEW" if table["TableType"] == "VIRTUAL_VIEW" else "BASE TABLE"
        yield _CATALOG, database, table["Name"], kind


def _views(call: Call, database: str) -> Iterator[Row]:
    for table in metadata.tables(call, database):
        if table["TableType"] == "VIRTUAL_VIEW":
            yield _CATALOG, database, table["Name"], None  # its text may name what the caller may not see


def _column_rows(call: Call, database: str) -> Iterator[Row]:
    for table in metadata.tables(call, database):
        keys = len(table["PartitionKeys"])
        columns = [*table["Columns"], *table["PartitionKeys"]]
        for position, column in enumerate(columns, start=1):
            extra = "partition key" if position > len(columns) - keys else None
            kind = type_name(str(column.get("Type") or "string"))
            yield (
                _CATALOG, database, table["Name"], column["Name"].lower(), position, None, "YES", kind,
                column.get("Comment"), extra,
            )  # fmt: skip


_ROWS: dict[str, Callable[[Call, str], Iterator[Row]]] = {
    "schemata": _schemata, "tables": _tables, "views": _views, "columns": _column_rows,
}  # fmt: skip

_NAMES = {"int": "integer", "float": "real", "string": "varchar", "binary": "varbinary", "timestamp": "timestamp(3)"}
_TOKEN = re.compile(r"[^<>:,()]+|[<>:,()]")


def type_name(hive: str) -> str:
    """Athena's name of one of Glue's types: `row(a varchar)` for `struct<a:string>`."""
    parts, depth = list[str](), 0  # depth: within the numbers of decimal(10,2)
    for token in _TOKEN.findall(hive.lower().replace(" ", "")):
        depth += {"(": 1, ")": -1}.get(token, 0)
        named = {"<": "(", ">": ")", ":": " ", ",": "," if depth else ", ", "struct": "row"}.get(token)
        parts.append(named or _NAMES.get(token, token))
    return "".join(parts)
