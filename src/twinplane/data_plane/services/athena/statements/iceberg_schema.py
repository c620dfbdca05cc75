"""Iceberg's schemas, partitionings and properties, made of what SQL says of them. Pure."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from twinplane.data_plane.store import Document
from twinplane.engines.sql.manifest_messages import PartitionColumn
from twinplane.engines.sql.plan import QueryError
from twinplane.engines.sql.statements import AlterColumns, ColumnDefinition, PartitionField

_PRIMITIVES = {
    "boolean": "boolean", "int": "int", "bigint": "long", "float": "float", "double": "double", "date": "date",
    "timestamp": "timestamp", "timestamptz": "timestamptz", "string": "string", "binary": "binary", "varchar": "string",
}  # fmt: skip
_PROPERTIES = {"format": "write.format.default", "write_compression": "write.parquet.compression-codec"}
_KEPT = (
    "optimize_rewrite_data_file_threshold", "optimize_rewrite_delete_file_threshold", "vacuum_min_snapshots_to_keep",
    "vacuum_max_snapshot_age_seconds", "vacuum_max_metadata_files_to_keep", "optimize_rewrite_min_data_file_size_bytes",
    "optimize_rewrite_max_data_file_size_bytes", "write_target_data_file_size_bytes",
    "write_object_storage_enabled", "write_data_path_enabled", "format_version",
)  # fmt: skip


def unsupported(what: str) -> QueryError:
    return QueryError("NOT_SUPPORTED", what)


def schema(columns: Sequence[ColumnDefinition]) -> Document:
    """A schema of Iceberg's, with an id for each column and each part of one."""
    ids = _Ids(len(columns))
    fields = [_field(number, c.name, c.type, c.comment, ids) for number, c in enumerate(columns, start=1)]
    return {"type": "struct", "schema-id": 0, "fields": fields}


class _Ids:
    def __init__(self, last: int) -> None:
        self.last = last

    def next(self) -> int:
        self.last += 1
        return self.last


def _field(number: int, name: str, type_: str, comment: str | None, ids: _Ids) -> Document:
    found: Document = {"id": number, "name": name, "required": False, "type": _type(type_, ids)}
    return found if comment is None else found | {"doc": comment}


def _type(text: str, ids: _Ids) -> Any:
    outer, _, inner = text.partition("<")
    parts = split(inner.removesuffix(">"))
    if outer == "array":
        element = ids.next()
        return {"type": "list", "element-id": element, "element": _type(parts[0], ids), "element-required": False}
    if outer == "map" and len(parts) == 2:
        key, value = ids.next(), ids.next()
        return {
            "type": "map", "key-id": key, "key": _type(parts[0], ids), "value-id": value, "value": _type(parts[1], ids),
            "value-required": False,
        }  # fmt: skip
    if outer == "struct":
        named = [part.partition(":") for part in parts]
        numbers = [ids.next() for _ in named]
        fields = [
            _field(n, name.strip("`"), kind, None, ids) for n, (name, _, kind) in zip(numbers, named, strict=True)
        ]
        return {"type": "struct", "fields": fields}
    found = re.fullmatch(r"decimal\((\d+),(\d+)\)", text)
    if found:
        return f"decimal({found[1]}, {found[2]})"
    base = text.partition("(")[0]
    if base == "decimal":
        return "decimal(10, 0)"
    if base not in _PRIMITIVES:
        raise unsupported(f"Iceberg tables have no columns of type {text}")
    return _PRIMITIVES[base]


def split(text: str) -> list[str]:
    """The text at its commas outside of brackets."""
    parts, depth, start = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter in "<(") - (letter in ">)")
        if letter == "," and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    return [*parts, text[start:]]


def partition_spec(fields: Iterable[PartitionField], columns: Document) -> Document:
    """A partitioning over the columns of a schema. Raises `QueryError`."""
    ids = {str(f["name"]): f["id"] for f in columns["fields"]}
    found = []
    for number, field in enumerate(fields):
        if field.column not in ids:
            raise QueryError("COLUMN_NOT_FOUND", f"Partition column {field.column} is not a column of the table")
        name = field.column if field.transform == "identity" else f"{field.column}_{field.transform.partition('[')[0]}"
        found.append(
            {"source-id": ids[field.column], "field-id": 1000 + number, "transform": field.transform, "name": name}
        )
    return {"spec-id": 0, "fields": found}


_TRANSFORM = re.compile(r"\s*(\w+)\s*\(\s*(?:(\d+)\s*,\s*)?(\w+)\s*(?:,\s*(\d+)\s*)?\)\s*")


def partition_field(text: str) -> PartitionField:
    """A field of CTAS's `partitioning`: `column`, `day(column)`, `bucket(8, column)`. Raises `QueryError`."""
    found = _TRANSFORM.fullmatch(text.lower())
    if found is None:
        return PartitionField(text.strip().strip('"').lower())
    name, width = found[1].removesuffix("s"), found[2] or found[4]
    if name in ("bucket", "truncate") and width and int(width) > 0:
        return PartitionField(found[3], f"{name}[{int(width)}]")
    if name in ("year", "month", "day", "hour") and not width:
        return PartitionField(found[3], name)
    raise unsupported(f"The partition transform {text} is not supported")


def properties(given: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Iceberg's properties of Athena's. Raises `QueryError` on one that Athena does not take."""
    found: dict[str, str] = {}
    for name, value in given:
        lowered = name.lower()
        if lowered == "table_type":
            continue
        if lowered == "format" and value.lower() != "parquet":
            raise unsupported(f"Iceberg files in {value.upper()} are not supported: only Parquet")
        if lowered in _PROPERTIES:
            found[_PROPERTIES[lowered]] = value.lower()
        elif lowered in _KEPT:
            found[lowered] = value
        else:
            raise QueryError("FAILED", f"SemanticException Unsupported table property key: {name}")
    return found


# How partitions of rows are worked out, in DuckDB's words

_OF_TIMES: dict[str, Callable[[str], str]] = {
    "year": lambda c: f"CAST(date_part('year', {c}) - 1970 AS INTEGER)",
    "month": lambda c: f"CAST((date_part('year', {c}) - 1970) * 12 + date_part('month', {c}) - 1 AS INTEGER)",
    "day": lambda c: f"CAST(CAST({c} AS DATE) - DATE '1970-01-01' AS INTEGER)",
    "hour": lambda c: f"CAST(floor(epoch({c}) / 3600) AS INTEGER)",
}


def expression(field: PartitionColumn) -> str:
    """The value of a partition field for a row, over a column in double quotes. Raises `QueryError`."""
    column = '"' + field.column.replace('"', '""') + '"'
    if field.transform == "identity":
        return column
    if field.transform in _OF_TIMES:
        return _OF_TIMES[field.transform](column)
    kind, _, width = field.transform.removesuffix("]").partition("[")
    if kind == "truncate" and width.isdecimal():
        if field.type in ("int", "long"):
            return f"{column} - ((({column} % {width}) + {width}) % {width})"
        if field.type == "string":
            return f"left({column}, {width})"
    if kind == "bucket" and width.isdecimal() and field.type in ("int", "long", "date"):
        number = column if field.type != "date" else f"({column} - DATE '1970-01-01')"
        return f"athena_bucket_long({number}, {width})"
    if kind == "bucket" and width.isdecimal() and field.type == "string":
        return f"athena_bucket_text({column}, {width})"
    raise unsupported(f"Writing partitions by {field.transform} of {field.type} is not supported")


# Changes of columns

_WIDER = {("int", "long"), ("float", "double"), ("date", "timestamp")}


def changed(metadata: Document, statement: AlterColumns) -> Document:
    """The schema of a table's metadata after ALTER TABLE. Raises `QueryError`."""
    current = next(s for s in metadata["schemas"] if s["schema-id"] == metadata["current-schema-id"])
    fields: list[Document] = list(current["fields"])
    names = [str(f["name"]).lower() for f in fields]
    ids = _Ids(int(metadata["last-column-id"]))
    if statement.action == "add_columns":
        for column in statement.columns:
            if column.name in names:
                raise QueryError("FAILED", f"SemanticException Column {column.name} exists already")
            names.append(column.name)
            fields.append(_field(ids.next(), column.name, column.type, column.comment, ids))
    elif statement.action == "drop_column":
        _check_droppable(metadata, fields[_place(names, statement.old)])
        del fields[_place(names, statement.old)]
        if not fields:
            raise QueryError("FAILED", "SemanticException A table needs a column")
    elif statement.action == "change_column":
        fields = _reordered(fields, names, statement)
    else:
        raise unsupported("REPLACE COLUMNS is not supported for Iceberg tables")
    number = max(int(s["schema-id"]) for s in metadata["schemas"]) + 1
    kept = current.get("identifier-field-ids") or []
    return {"type": "struct", "schema-id": number, "fields": fields, "identifier-field-ids": kept}


def _place(names: list[str], name: str | None) -> int:
    if name not in names:
        raise QueryError("FAILED", f"SemanticException Invalid column reference {name}")
    return names.index(name)


def _check_droppable(metadata: Document, field: Document) -> None:
    used = {f["source-id"] for spec in metadata.get("partition-specs") or () for f in spec["fields"]}
    if field["id"] in used:
        raise unsupported(f"Column {field['name']} is used by the table's partitioning")


def _reordered(fields: list[Document], names: list[str], statement: AlterColumns) -> list[Document]:
    place = _place(names, statement.old)
    old, new = fields[place], statement.columns[0]
    kind = _type(new.type, _Ids(0))
    if new.name != names[place] and new.name in names:
        raise QueryError("FAILED", f"SemanticException Column {new.name} exists already")
    if kind != old["type"] and (str(old["type"]), str(kind)) not in _WIDER and not _wider_decimal(old["type"], kind):
        raise unsupported(f"The type of a column cannot be changed from {old['type']} to {kind}")
    field = {**old, "name": new.name, "type": kind if isinstance(kind, str) else old["type"]}
    if new.comment is not None:
        field["doc"] = new.comment
    rest = fields[:place] + fields[place + 1 :]
    if statement.place == "first":
        place = 0
    elif statement.place is not None:
        behind = _place([str(f["name"]).lower() for f in rest], statement.place.removeprefix("after "))
        place = behind + 1
    return [*rest[:place], field, *rest[place:]]


def _wider_decimal(old: Any, new: Any) -> bool:
    found = [re.fullmatch(r"decimal\((\d+), ?(\d+)\)", str(kind)) for kind in (old, new)]
    if found[0] is None or found[1] is None:
        return False
    return found[0][2] == found[1][2] and int(found[0][1]) <= int(found[1][1])
