"""Definitions and changes of tables, as Hive writes them."""

import re

from twinplane.engines.sql.plan import QueryError, Reference, SyntaxRefused
from twinplane.engines.sql.statements import (
    AddPartitions,
    AlterColumns,
    ColumnDefinition,
    CreateTable,
    DropPartitions,
    Partition,
    PartitionField,
    Properties,
    RenamePartition,
    RepairTable,
    SetLocation,
    SetProperties,
    Statement,
)
from twinplane.engines.sql.tokens import Cursor
from twinplane.engines.sql.types import glue_type

_DELIMITERS = {
    ("FIELDS", "TERMINATED", "BY"): "field.delim", ("COLLECTION", "ITEMS", "TERMINATED", "BY"): "collection.delim",
    ("MAP", "KEYS", "TERMINATED", "BY"): "mapkey.delim", ("LINES", "TERMINATED", "BY"): "line.delim",
    ("ESCAPED", "BY"): "escape.delim", ("NULL", "DEFINED", "AS"): "serialization.null.format",
}  # fmt: skip
_TRANSFORMS = {"year": "year", "years": "year", "month": "month", "months": "month", "day": "day", "days": "day",
               "date": "day", "hour": "hour", "hours": "hour"}  # fmt: skip


def create_table(cursor: Cursor, *, external: bool) -> Statement:
    """What follows CREATE [EXTERNAL] TABLE."""
    found: dict[str, object] = {"if_not_exists": cursor.takes("IF", "NOT", "EXISTS")}
    target = cursor.reference()
    columns = _columns(cursor) if cursor.sees("(") else ()
    while not cursor.at_end:
        _clause(cursor, found)
    if not columns:
        raise SyntaxRefused("A table needs columns")
    return CreateTable(target, columns, external, **found)  # type: ignore[arg-type]


def _clause(cursor: Cursor, found: dict[str, object]) -> None:
    if cursor.takes("COMMENT"):
        found["comment"] = cursor.string()
    elif cursor.takes("PARTITIONED", "BY"):
        found["partitions"], found["fields"] = _partitioning(cursor)
    elif cursor.takes("CLUSTERED", "BY"):
        found["clustered"] = cursor.names()
        cursor.expect("INTO")
        found["buckets"] = int(cursor.next().text)
        cursor.expect("BUCKETS")
    elif cursor.takes("ROW", "FORMAT", "SERDE"):
        found["serde"] = cursor.string()
    elif cursor.takes("WITH", "SERDEPROPERTIES"):
        found["serde_properties"] = cursor.properties()
    elif cursor.takes("ROW", "FORMAT", "DELIMITED"):
        found["delimiters"] = _delimited(cursor)
    elif cursor.takes("STORED", "AS", "INPUTFORMAT"):
        formats = [cursor.string()]
        cursor.expect("OUTPUTFORMAT")
        found["stored_as"] = (*formats, cursor.string())
    elif cursor.takes("STORED", "AS"):
        found["stored_as"] = (cursor.name(),)
    elif cursor.takes("LOCATION"):
        found["location"] = cursor.string()
    elif cursor.takes("TBLPROPERTIES"):
        found["properties"] = cursor.properties()
    else:
        raise cursor.refused()


def _delimited(cursor: Cursor) -> Properties:
    found: list[tuple[str, str]] = []
    while True:
        for words, name in _DELIMITERS.items():
            if cursor.takes(*words):
                found.append((name, _unescaped(cursor.string())))
                break
        else:
            return tuple(found)


def _unescaped(text: str) -> str:
    r"""A delimiter as meant: `\t`, `\001`, `\\`."""
    named = {"t": "\t", "n": "\n", "r": "\r", "0": "\0", "\\": "\\"}
    return re.sub(
        r"\\(u[0-9a-fA-F]{4}|[0-7]{3}|.)",
        lambda m: (
            chr(int(m[1][1:], 16)) if m[1][0] == "u" and len(m[1]) == 5
            else chr(int(m[1], 8)) if len(m[1]) == 3
            else named.get(m[1], m[1])
        ),
        text,
    )  # fmt: skip


def _columns(cursor: Cursor) -> tuple[ColumnDefinition, ...]:
    """`(name type [COMMENT 'text'], …)`."""
    cursor.expect("(")
    found = [column(cursor)]
    while cursor.takes(","):
        found.append(column(cursor))
    cursor.expect(")")
    return tuple(found)


def column(cursor: Cursor) -> ColumnDefinition:
    name = cursor.name()
    cursor.takes(":")
    kind = _type(cursor)
    comment = cursor.string() if cursor.takes("COMMENT") else None
    return ColumnDefinition(name, kind, comment)


def _type(cursor: Cursor) -> str:
    """A type in Hive's words, without blanks and in lower case. Raises `QueryError` on one that is not served."""
    parts: list[str] = []
    depth = 0
    while not cursor.at_end:
        if depth == 0 and parts and not (cursor.sees("<") or cursor.sees("(")):
            break
        token = cursor.next()
        if token.kind not in ("word", "number", "symbol", "quoted"):
            cursor.place -= 1
            raise cursor.refused()
        # `<>` and `>=` are never in a type; `>` closes what `<` opens
        depth += (token.text in ("<", "(")) - (token.text in (">", ")"))
        parts.append(token.text.lower())
    found = "".join(parts)
    found = re.sub(r"\binteger\b", "int", found)
    glue_type(found)
    return found


def _partitioning(cursor: Cursor) -> tuple[tuple[ColumnDefinition, ...], tuple[PartitionField, ...]]:
    """Columns with types (Hive), or fields of columns that the table has (Iceberg)."""
    cursor.expect("(")
    columns: list[ColumnDefinition] = []
    fields: list[PartitionField] = []
    while True:
        if cursor.sees("(", ahead=1):
            fields.append(_field(cursor))
        elif cursor.sees(",", ahead=1) or cursor.sees(")", ahead=1):
            fields.append(PartitionField(cursor.name()))
        else:
            columns.append(column(cursor))
        if not cursor.takes(","):
            break
    cursor.expect(")")
    return tuple(columns), tuple(fields)


def _field(cursor: Cursor) -> PartitionField:
    name = cursor.name()
    cursor.expect("(")
    if name in ("bucket", "truncate"):
        width = cursor.next()
        if width.kind != "number" or not width.text.isdecimal() or int(width.text) < 1:
            cursor.place -= 1
            raise cursor.refused()
        cursor.expect(",")
        found = PartitionField(cursor.name(), f"{name}[{int(width.text)}]")
    elif name in _TRANSFORMS:
        found = PartitionField(cursor.name(), _TRANSFORMS[name])
    else:
        raise QueryError("NOT_SUPPORTED", f"The partition transform {name} is not supported")
    cursor.expect(")")
    return found


# Changes


def partition(cursor: Cursor) -> Properties:
    """`(key = value, …)` after PARTITION."""
    return tuple((key, value) for key, _, value in _conditions(cursor, "="))


_OPERATORS = ("=", "<>", "!=", "<", "<=", ">", ">=")


def _conditions(cursor: Cursor, *operators: str) -> tuple[tuple[str, str, str], ...]:
    cursor.expect("(")
    found = []
    while True:
        key = cursor.name()
        operator = cursor.next().text
        token = cursor.next()
        if operator not in operators or token.kind not in ("string", "number", "quoted"):
            cursor.place -= 2
            raise cursor.refused()
        found.append((key, operator, token.text))
        if not cursor.takes(","):
            break
    cursor.expect(")")
    return tuple(found)


def repair_table(cursor: Cursor) -> Statement:
    """What follows MSCK REPAIR TABLE."""
    return RepairTable(cursor.reference())


def alter_table(cursor: Cursor) -> Statement:
    """What follows ALTER TABLE."""
    target = cursor.reference()
    if cursor.takes("ADD"):
        if cursor.sees("COLUMN") or cursor.sees("COLUMNS"):
            return _add_columns(cursor, target)
        return _add_partitions(cursor, target)
    if cursor.takes("DROP"):
        return _drop(cursor, target)
    if cursor.takes("CHANGE"):
        return _change_column(cursor, target)
    if cursor.takes("REPLACE", "COLUMNS"):
        return AlterColumns(target, "replace_columns", _columns(cursor))
    if cursor.takes("SET", "TBLPROPERTIES"):
        return SetProperties(target, cursor.properties())
    if cursor.takes("UNSET", "TBLPROPERTIES"):
        cursor.expect("(")
        removed = [cursor.string()]
        while cursor.takes(","):
            removed.append(cursor.string())
        cursor.expect(")")
        return SetProperties(target, removed=tuple(removed))
    if cursor.takes("SET", "LOCATION"):
        return SetLocation(target, cursor.string())
    if cursor.takes("PARTITION"):
        return _change_partition(cursor, target)
    raise cursor.refused()


def _add_columns(cursor: Cursor, target: Reference) -> Statement:
    if not cursor.takes("COLUMN"):
        cursor.expect("COLUMNS")
    return AlterColumns(target, "add_columns", _columns(cursor))


def _add_partitions(cursor: Cursor, target: Reference) -> Statement:
    missing = cursor.takes("IF", "NOT", "EXISTS")
    found = []
    while cursor.takes("PARTITION"):
        values = partition(cursor)
        found.append(Partition(values, cursor.string() if cursor.takes("LOCATION") else None))
        cursor.takes(",")
    if not found:
        raise cursor.refused()
    return AddPartitions(target, tuple(found), missing)


def _drop(cursor: Cursor, target: Reference) -> Statement:
    if cursor.takes("COLUMN") or cursor.takes("COLUMNS"):
        enclosed = cursor.takes("(")
        name = cursor.name()
        if enclosed:
            cursor.expect(")")
        return AlterColumns(target, "drop_column", old=name)
    exists = cursor.takes("IF", "EXISTS")
    conditions = []
    while cursor.takes("PARTITION"):
        conditions.append(_conditions(cursor, *_OPERATORS))
        cursor.takes(",")
    if not conditions:
        raise cursor.refused()
    return DropPartitions(target, tuple(conditions), exists)


def _change_column(cursor: Cursor, target: Reference) -> Statement:
    cursor.takes("COLUMN")
    old = cursor.name()
    new = column(cursor)
    place = None
    if cursor.takes("FIRST"):
        place = "first"
    elif cursor.takes("AFTER"):
        place = "after " + cursor.name()
    return AlterColumns(target, "change_column", (new,), old, place)


def _change_partition(cursor: Cursor, target: Reference) -> Statement:
    values = partition(cursor)
    if cursor.takes("RENAME", "TO", "PARTITION"):
        return RenamePartition(target, values, partition(cursor))
    if cursor.takes("SET", "LOCATION"):
        return SetLocation(target, cursor.string(), values)
    raise cursor.refused()
