"""Athena's types: how they are written, which become which, and what they are called in DuckDB and in Glue."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from twinplane.engines.sql.plan import Column, QueryError

MAX_PRECISION = 38
_MAX_CHAR = 65_536


@dataclass(frozen=True, slots=True)
class Type:
    """A type of Athena engine version 3.

    `precision`: of decimals, times and timestamps, and the length of a varchar (None: unbounded) or char. `items`: an
    array's element, a map's key and value, a row's fields, whose names are `fields`. `zone`: the zone in which all
    values of a timestamp with time zone are shown; None where it is not known.
    """

    name: str
    precision: int | None = None
    scale: int = 0
    items: tuple[Type, ...] = ()
    fields: tuple[str | None, ...] = ()
    zone: str | None = None

    def __str__(self) -> str:
        match self.name:
            case "varchar":
                return "varchar" if self.precision is None else f"varchar({self.precision})"
            case "char":
                return f"char({self.precision})"
            case "decimal":
                return f"decimal({self.precision},{self.scale})"
            case "timestamp" | "time":
                return f"{self.name}({self.precision})"
            case "timestamp with time zone" | "time with time zone":
                return self.name.replace(" ", f"({self.precision}) ", 1)
            case "row":
                pairs = zip(self.fields, self.items, strict=True)
                return "row(" + ", ".join(str(t) if f is None else f"{f} {t}" for f, t in pairs) + ")"
            case "array" | "map":
                return f"{self.name}({', '.join(map(str, self.items))})"
        return self.name


BOOLEAN, BIGINT, INTEGER, DOUBLE, REAL = (Type(n) for n in ("boolean", "bigint", "integer", "double", "real"))
TINYINT, SMALLINT, DATE, JSON, UNKNOWN = (Type(n) for n in ("tinyint", "smallint", "date", "json", "unknown"))
VARCHAR, VARBINARY = Type("varchar"), Type("varbinary")
TIMESTAMP, TIME = Type("timestamp", 3), Type("time", 3)
TIMESTAMP_TZ = Type("timestamp with time zone", 3, zone="UTC")
DAYS, MONTHS = Type("interval day to second"), Type("interval year to month")

INTEGERS = ("tinyint", "smallint", "integer", "bigint")
FLOATS = ("real", "double")
NUMBERS = (*INTEGERS, "decimal", *FLOATS)
TEXTS = ("varchar", "char")
INTERVALS = (DAYS.name, MONTHS.name)
_DIGITS = {"tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19}
_NOT_ORDERED = ("map", "json", "unknown_function")


def decimal(precision: int, scale: int) -> Type:
    """A decimal; more than 38 digits are cut to 38, as Athena does for results of arithmetic."""
    return Type("decimal", min(MAX_PRECISION, precision), scale)


def varchar(length: int | None) -> Type:
    """A text of at most so many characters."""
    return Type("varchar", length)


def array(item: Type) -> Type:
    """An array of `item`."""
    return Type("array", items=(item,))


def as_decimal(type_: Type) -> Type:
    """The decimal that holds every value of an exact number."""
    return type_ if type_.name == "decimal" else decimal(_DIGITS[type_.name], 0)


def common(left: Type, right: Type) -> Type | None:
    """The type that values of both become where one is needed for both; None where there is none."""
    if left == right or right.name == "unknown":
        return left
    if left.name == "unknown":
        return right
    if left.name == right.name:
        return _common_of_kind(left, right)
    names = {left.name, right.name}
    if names <= set(NUMBERS):
        if "double" in names or "real" in names:
            return DOUBLE if "double" in names else REAL
        if "decimal" in names:
            return _common_decimal(as_decimal(left), as_decimal(right))
        return max(left, right, key=lambda t: INTEGERS.index(t.name))
    if names == set(TEXTS):
        return Type(
            "char", min(_MAX_CHAR, max(_MAX_CHAR if t.precision is None else t.precision for t in (left, right)))
        )
    if names <= {"date", "timestamp", "timestamp with time zone"}:
        found = next(t for t in (left, right) if t.name != "date")
        if "timestamp with time zone" in names:
            found = next(t for t in (left, right) if t.name == "timestamp with time zone")
        return replace(found, precision=max(t.precision or 0 for t in (left, right)))
    if names == {"time", "time with time zone"}:
        return next(t for t in (left, right) if t.name == "time with time zone")
    return None


def _common_of_kind(left: Type, right: Type) -> Type | None:
    match left.name:
        case "decimal":
            return _common_decimal(left, right)
        case "varchar":
            lengths = (left.precision, right.precision)
            return varchar(None if None in lengths else max(n for n in lengths if n is not None))
        case "char" | "time" | "time with time zone" | "timestamp" | "timestamp with time zone":
            zone = left.zone if left.zone == right.zone else None
            return replace(left, precision=max(left.precision or 0, right.precision or 0), zone=zone)
        case "array" | "map" | "row" if len(left.items) == len(right.items):
            items = [common(a, b) for a, b in zip(left.items, right.items, strict=True)]
            if None in items:
                return None
            fields = tuple(a if a == b else None for a, b in zip(left.fields, right.fields, strict=True))
            return replace(left, items=tuple(t for t in items if t is not None), fields=fields)
    return None


def _common_decimal(left: Type, right: Type) -> Type:
    scale = max(left.scale, right.scale)
    whole = max((left.precision or 0) - left.scale, (right.precision or 0) - right.scale)
    return decimal(whole + scale, scale)


def becomes(source: Type, target: Type) -> bool:
    """Whether a value of `source` is taken where `target` is asked for, without a cast."""
    if source.name == "char" and target.name == "varchar":
        return target.precision is None or target.precision >= (source.precision or 0)
    if source.name == target.name and source.name in (*TEXTS, "timestamp", "timestamp with time zone", "time"):
        return target.precision is None or (source.precision is not None and source.precision <= target.precision)
    if target.name == "decimal" and source.name in INTEGERS:
        return (target.precision or 0) - target.scale >= _DIGITS[source.name]
    both = common(source, target)
    if both is None:
        return False
    if both.items:
        return all(becomes(a, b) for a, b in zip(source.items, target.items, strict=True)) if source.items else True
    return both == target or (both.name == target.name and both.zone is None)


def is_comparable(type_: Type) -> bool:
    """Whether there is an `=` for values of the type."""
    return all(is_comparable(i) for i in type_.items)


def is_orderable(type_: Type) -> bool:
    """Whether there is a `<` for values of the type."""
    return type_.name not in _NOT_ORDERED and all(is_orderable(i) for i in type_.items)


_IN_DUCKDB = {
    "boolean": "BOOLEAN", "tinyint": "TINYINT", "smallint": "SMALLINT", "integer": "INTEGER", "bigint": "BIGINT",
    "real": "FLOAT", "double": "DOUBLE", "varchar": "VARCHAR", "char": "VARCHAR", "varbinary": "BLOB", "date": "DATE",
    "time": "TIME", "time with time zone": "TIME WITH TIME ZONE", "timestamp": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMP WITH TIME ZONE", "json": "JSON", "unknown": "INTEGER", "uuid": "UUID",
    DAYS.name: "INTERVAL", MONTHS.name: "INTERVAL",
}  # fmt: skip


@lru_cache(maxsize=4096)
def in_duckdb(type_: Type) -> str:
    """The type in DuckDB's words."""
    match type_.name:
        case "decimal":
            return f"DECIMAL({type_.precision},{type_.scale})"
        case "array":
            return f"{in_duckdb(type_.items[0])}[]"
        case "map":
            return f"MAP({in_duckdb(type_.items[0])}, {in_duckdb(type_.items[1])})"
        case "row":
            return "STRUCT(" + ", ".join(f"{quoted(f)} {in_duckdb(t)}" for f, t in row_fields(type_)) + ")"
    return _IN_DUCKDB[type_.name]


def row_fields(type_: Type) -> list[tuple[str, Type]]:
    """The fields of a row with the names they have in DuckDB, where each needs one of its own."""
    names: list[str] = []
    for number, name in enumerate(type_.fields):
        taken = {n.lower() for n in names}
        names.append(f"field{number}" if name is None or name.lower() in taken else name)
    return list(zip(names, type_.items, strict=True))


def quoted(name: str) -> str:
    """A name, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text, whatever it holds."""
    return "'" + text.replace("'", "''") + "'"


_GLUE = {
    "boolean": BOOLEAN, "tinyint": TINYINT, "smallint": SMALLINT, "int": INTEGER, "integer": INTEGER, "bigint": BIGINT,
    "long": BIGINT, "float": REAL, "real": REAL, "double": DOUBLE, "string": VARCHAR, "varchar": VARCHAR,
    "binary": VARBINARY, "varbinary": VARBINARY, "date": DATE, "timestamp": TIMESTAMP, "timestamp_ntz": TIMESTAMP,
    "timestamptz": TIMESTAMP_TZ, "timestamp with time zone": TIMESTAMP_TZ,
    "timestamp with local time zone": TIMESTAMP_TZ, "time": TIME, "json": JSON, "uuid": VARCHAR,
}  # fmt: skip
_TOKEN = re.compile(r"\s*(`[^`]*`|[A-Za-z_][\w ]*[\w]|[A-Za-z_]|\d+|[<>(),:])")


@lru_cache(maxsize=4096)
def glue_type(text: str) -> Type:
    """A column's Glue (Hive) type, read. Raises `QueryError`."""
    try:
        tokens = _tokens(text)
        found = _read_glue(tokens)
        if next(tokens, None) is None:
            return found
    except (StopIteration, KeyError, ValueError, RecursionError):
        pass
    raise QueryError("NOT_SUPPORTED", f"The column type {text} is not supported")


def _tokens(text: str) -> Iterator[str]:
    place = 0
    while text[place:].strip():
        found = _TOKEN.match(text, place)
        if found is None:
            raise ValueError(text)
        place = found.end()
        yield found[1]


class _Ahead:
    """Tokens with a look at the next one."""

    def __init__(self, tokens: Iterator[str]) -> None:
        self._tokens = tokens
        self._next = next(tokens, None)

    def peek(self) -> str | None:
        return self._next

    def take(self, *expected: str) -> str:
        token = self._next
        if token is None or (expected and token not in expected):
            raise ValueError(token)
        self._next = next(self._tokens, None)
        return token


def _read_glue(tokens: Iterator[str]) -> Type:
    ahead = _Ahead(tokens)
    found = _glue(ahead)
    if ahead.peek() is not None:
        raise ValueError
    return found


def _glue(tokens: _Ahead) -> Type:
    name = tokens.take().lower()
    if name in ("array", "map", "struct", "row"):
        return _glue_nested(name, tokens)
    numbers: list[int] = []
    if tokens.peek() == "(":
        tokens.take("(")
        numbers.append(int(tokens.take()))
        while tokens.take(",", ")") == ",":
            numbers.append(int(tokens.take()))
    match name, numbers:
        case (("decimal" | "numeric"), []):
            return decimal(10, 0)
        case (("decimal" | "numeric"), [precision, *rest]) if len(rest) < 2 and 0 < precision <= MAX_PRECISION:
            scale = rest[0] if rest else 0
            if scale > precision:
                raise ValueError
            return Type("decimal", precision, scale)
        case (("varchar" | "char"), [length]) if length > 0:
            return Type(name, length)
        case (("timestamp" | "time"), [precision]):
            return Type(name, min(precision, 6))
        case _, []:
            return _GLUE[name]
    raise ValueError(name)


def _glue_nested(name: str, tokens: _Ahead) -> Type:
    tokens.take("<")
    items: list[Type] = []
    fields: list[str | None] = []
    while True:
        if name in ("struct", "row"):
            fields.append(tokens.take().strip("`"))
            tokens.take(":")
        items.append(_glue(tokens))
        if tokens.take(",", ">") == ">":
            break
    if len(items) != {"array": 1, "map": 2}.get(name, len(items)):
        raise ValueError(name)
    return Type({"struct": "row"}.get(name, name), items=tuple(items), fields=tuple(fields))


def sql_type(column: Column) -> str:
    """A column's type in DuckDB's words."""
    return in_duckdb(glue_type(column.type))


def in_glue(type_: Type) -> str:
    """The type in Glue's (Hive's) words. Raises `QueryError` where Glue has none."""
    match type_.name:
        case "integer":
            return "int"
        case "real":
            return "float"
        case "varbinary":
            return "binary"
        case "varchar":
            return "string"
        case "boolean" | "tinyint" | "smallint" | "bigint" | "double" | "date":
            return type_.name
        case "char" | "decimal":
            return str(type_)
        case "timestamp":
            return "timestamp"
        case "array" | "map":
            return f"{type_.name}<{','.join(map(in_glue, type_.items))}>"
        case "row":
            pairs = zip(type_.fields, type_.items, strict=True)
            if None not in type_.fields:
                return "struct<" + ",".join(f"{name}:{in_glue(t)}" for name, t in pairs) + ">"
    raise QueryError("NOT_SUPPORTED", f"Unsupported Hive type: {type_}")
