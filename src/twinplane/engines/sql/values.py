"""Expressions as they are written for DuckDB, each with the type it has in Athena, and how one type becomes another."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from twinplane.engines.sql import types
from twinplane.engines.sql.plan import QueryError
from twinplane.engines.sql.types import FLOATS, INTEGERS, NUMBERS, TEXTS, Type, in_duckdb, literal, quoted

_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Value:
    """A DuckDB expression (atomic: safe to put next to any operator) of an Athena type.

    `constant` is a literal's value; `volatile`: it may differ each time it is evaluated; `subquery`: it holds one.
    """

    sql: str
    type: Type
    constant: Any = _ABSENT
    volatile: bool = False
    subquery: bool = False

    @property
    def is_constant(self) -> bool:
        """Whether it is a literal."""
        return self.constant is not _ABSENT


def written(sql: str, type_: Type, *parts: Value) -> Value:
    """An expression made of `parts`."""
    return Value(sql, type_, volatile=any(p.volatile for p in parts), subquery=any(p.subquery for p in parts))


def call(name: str, type_: Type, *arguments: Value) -> Value:
    """A call of a DuckDB function or of one of our macros, which may use an argument more than once."""
    if name.startswith("athena_") and any(a.volatile for a in arguments):
        raise QueryError("NOT_SUPPORTED", "random and the like are not supported inside of this expression")
    return written(f"{name}({', '.join(a.sql for a in arguments)})", type_, *arguments)


def text(value: str) -> Value:
    """A literal text."""
    return Value(literal(value), types.varchar(len(value)), value)


def number(value: int) -> Value:
    """A literal whole number."""
    if not -(2**63) <= value < 2**63:
        raise QueryError("NUMERIC_VALUE_OUT_OF_RANGE", f"Invalid numeric literal: {value}")
    type_ = types.INTEGER if -(2**31) <= value < 2**31 else types.BIGINT
    return Value(str(value) if value >= 0 else f"({value})", type_, value)


def mismatch(message: str) -> QueryError:
    """An operator or function is used with types that it does not take."""
    return QueryError("TYPE_MISMATCH", message)


def coerced(value: Value, target: Type, what: str = "value") -> Value:
    """The value as `target`, where Athena needs no CAST for that. Raises `QueryError`."""
    if value.type == target:
        return value
    if not types.becomes(value.type, target):
        raise mismatch(f"{what} must be {target}, not {value.type}")
    return converted(value, target)


def converted(value: Value, target: Type) -> Value:
    """As `coerced`, where it is known to be possible."""
    source = value.type
    if source == target:
        return value
    if source.name == "unknown":
        return Value(f"CAST(NULL AS {in_duckdb(target)})", target, None)
    if target.name == "char":
        if isinstance(value.constant, str):
            return replace(text(str(value.constant).rstrip(" ")), type=target)
        return value if source.name == "char" else written(f"rtrim({value.sql}, ' ')", target, value)
    if source.name == "char" and target.name == "varchar":
        return written(f"rpad({value.sql}, {source.precision}, ' ')", target, value)
    if source.name in ("date", "timestamp") and target.name == "timestamp with time zone":
        return written(f"timezone('UTC', CAST({value.sql} AS TIMESTAMP))", replace(target, zone="UTC"), value)
    if _holds(source, "char", "unknown", "date", "timestamp") and target.items:
        return inside(value, target, converted)
    if in_duckdb(source) == in_duckdb(target):
        return replace(value, type=target)
    return replace(value, sql=f"CAST({value.sql} AS {in_duckdb(target)})", type=target)


def _holds(type_: Type, *names: str) -> bool:
    return type_.name in names or any(_holds(i, *names) for i in type_.items)


def inside(value: Value, target: Type, change: Callable[[Value, Type], Value]) -> Value:
    """An array, map or row whose parts are changed one by one."""
    source = value.type
    match target.name:
        case "array":
            item: Value = change(Value("_i", source.items[0]), target.items[0])
            return written(f"list_transform({value.sql}, lambda _i: {item.sql})", target, value)
        case "map":
            key = change(Value("_i", source.items[0]), target.items[0])
            item = change(Value("_i", source.items[1]), target.items[1])
            return written(
                f"map(list_transform(map_keys({value.sql}), lambda _i: {key.sql}), "
                f"list_transform(map_values({value.sql}), lambda _i: {item.sql}))", target, value,
            )  # fmt: skip
    parts = [
        change(Value(f"struct_extract_at({value.sql}, {n})", t), wanted)
        for n, (t, wanted) in enumerate(zip(source.items, target.items, strict=True), 1)
    ]
    packed = row(parts, target)
    return written(f"CASE WHEN {value.sql} IS NOT NULL THEN {packed.sql} END", target, value)


def row(parts: Iterable[Value], type_: Type | None = None) -> Value:
    """A row of values."""
    parts = tuple(parts)
    if type_ is None:
        type_ = Type("row", items=tuple(p.type for p in parts), fields=(None,) * len(parts))
    names = [name for name, _ in types.row_fields(type_)]
    packed = ", ".join(f"{quoted(n)} := {p.sql}" for n, p in zip(names, parts, strict=True))
    return written(f"struct_pack({packed})", type_, *parts)


def together(values: list[Value], what: str) -> tuple[list[Value], Type]:
    """Values of one type, into which all of them become. Raises `QueryError`."""
    found = types.UNKNOWN
    for value in values:
        both = types.common(found, value.type)
        if both is None:
            raise mismatch(f"All {what} must be the same type: {found} and {value.type}")
        found = both
    return [converted(v, found) for v in values], found


def in_zone(value: Value) -> Value:
    """A timestamp with time zone as the wall clock of its zone shows it."""
    if value.type.name != "timestamp with time zone":
        return value
    if value.type.zone is None:
        raise QueryError("NOT_SUPPORTED", "The time zone of a value is not known here: say it with AT TIME ZONE")
    return written(
        f"timezone({literal(duckdb_zone(value.type.zone))}, {value.sql})",
        Type("timestamp", value.type.precision),
        value,
    )


def duckdb_zone(zone: str) -> str:
    """A zone in the words of DuckDB, for which a zone `+01:00` is `Etc/GMT-1`. Raises `QueryError`."""
    if zone[:1] not in "+-":
        return zone
    hours, minutes = int(zone[1:3]), int(zone[4:6] or 0)
    if minutes or hours > 12:
        raise QueryError("NOT_SUPPORTED", f"The time zone {zone} is not supported: name its region")
    return f"Etc/GMT{'-' if zone[0] == '+' else '+'}{hours}" if hours else "UTC"


def cast(value: Value, target: Type, *, safe: bool = False) -> Value:
    """The value as CAST (or TRY_CAST: `safe`) makes it. Raises `QueryError`."""
    source = value.type
    if source.name == "unknown":
        return converted(value, target)
    if source == target:
        return value
    found = _cast(value, target)
    if not safe or found.sql == value.sql:
        return found
    if found.volatile or found.subquery:
        raise QueryError("NOT_SUPPORTED", "TRY_CAST of a subquery or of a random value is not supported")
    return replace(found, sql=f"TRY({found.sql})")


def _cast(value: Value, target: Type) -> Value:
    source = value.type
    change: Callable[[Value, Type], Value | None] | None = _CASTS.get(target.name)
    found = None if change is None else change(value, target)
    if found is None and target.items and source.name == target.name and len(source.items) == len(target.items):
        if (
            all(
                a.name == b.name and not a.items and a.name not in TEXTS
                for a, b in zip(source.items, target.items, strict=True)
            )
            and target.name != "row"
        ):
            return converted(value, target)
        found = inside(value, target, cast)
    if found is None and source.name == "json" and target.items:
        found = written(f"CAST({value.sql} AS {in_duckdb(target)})", target, value)
    if found is None:
        raise mismatch(f"Cannot cast {source} to {target}")
    return found


def _plain(value: Value, target: Type) -> Value:
    return written(f"CAST({value.sql} AS {in_duckdb(target)})", target, value)


def _to_boolean(value: Value, target: Type) -> Value | None:
    if value.type.name in TEXTS:
        return call("athena_boolean", target, value)
    return _plain(value, target) if value.type.name in (*NUMBERS, "json") else None


def _to_integer(value: Value, target: Type) -> Value | None:
    name = value.type.name
    if name in TEXTS:
        return _plain(call("athena_digits", types.VARCHAR, value), target)
    if name in FLOATS:
        return written(f"CAST(round({value.sql}) AS {in_duckdb(target)})", target, value)
    return _plain(value, target) if name in (*INTEGERS, "decimal", "boolean", "json") else None


def _to_number(value: Value, target: Type) -> Value | None:
    if value.type.name in (*NUMBERS, *TEXTS, "boolean", "json"):
        return _plain(value, target)
    return None


def _to_text(value: Value, target: Type) -> Value | None:
    """As Athena writes a value; cut to the length asked for."""
    source = value.type
    if source.name in TEXTS and target.name == "char" and isinstance(value.constant, str):
        return replace(text(str(value.constant)[: target.precision].rstrip(" ")), type=target)
    found = as_text(value)
    if found is None:
        return None
    longest = source.precision if source.name in TEXTS else None
    if target.precision is not None and (longest is None or longest > target.precision):
        if source.name in TEXTS:
            found = written(f"left({found.sql}, {target.precision})", types.VARCHAR, value)
        else:
            found = written(f"athena_fits({found.sql}, {target.precision})", types.VARCHAR, value)
    if target.name == "char":
        return written(f"rtrim({found.sql}, ' ')", target, value)
    return replace(found, type=target)


def as_text(value: Value) -> Value | None:
    """The text that a cast to varchar makes of the value; None where there is no such cast."""
    source = value.type
    match source.name:
        case "varchar":
            return value
        case "char":
            return converted(value, types.VARCHAR)
        case "double" | "real":
            return call(f"athena_{source.name}_text", types.VARCHAR, value)
        case "timestamp":
            return written(_stamp(value.sql, source.precision), types.VARCHAR, value)
        case "time":
            return written(_clock(value.sql, source.precision), types.VARCHAR, value)
        case "timestamp with time zone":
            local = in_zone(value)
            shown = f"{_stamp(local.sql, source.precision)} || {literal(' ' + str(source.zone))}"
            return written(f"({shown})", types.VARCHAR, value)
        case "json":
            return call("athena_json_text", types.VARCHAR, value)
        case "interval day to second":
            return call("athena_days_text", types.VARCHAR, value)
        case "interval year to month":
            return call("athena_months_text", types.VARCHAR, value)
        case "boolean" | "decimal" | "date" | "uuid" | "tinyint" | "smallint" | "integer" | "bigint" | "unknown":
            return written(f"CAST({value.sql} AS VARCHAR)", types.VARCHAR, value)
    return None


def _stamp(sql: str, precision: int | None) -> str:
    return _cut(f"strftime({sql}, '%Y-%m-%d %H:%M:%S.%f')", precision)


def _clock(sql: str, precision: int | None) -> str:
    return _cut(f"strftime(DATE '1970-01-01' + {sql}, '%H:%M:%S.%f')", precision)


def _cut(sql: str, precision: int | None) -> str:
    digits = 3 if precision is None else precision
    drop = 6 - digits + (1 if digits == 0 else 0)
    return sql if drop == 0 else f"left({sql}, -{drop})"


def rounded_to(value: Value, precision: int | None) -> Value:
    """A timestamp (or time) with no more digits than the precision asks for."""
    if precision is None or precision >= 6:
        return value
    if precision == 3:
        return call("athena_to_millis", value.type, value)
    return call("athena_to_precision", value.type, value, number(10 ** (6 - precision)))


def _to_date(value: Value, target: Type) -> Value | None:
    if value.type.name in TEXTS:
        return call("athena_date", target, value)
    if value.type.name in ("timestamp", "timestamp with time zone"):
        return _plain(in_zone(value), target)
    return None


def _to_timestamp(value: Value, target: Type) -> Value | None:
    source = value.type
    if source.name in TEXTS:
        found = call("athena_timestamp", target, value)
        return rounded_to(found, target.precision)
    if source.name == "date":
        return _plain(value, target)
    if source.name in ("timestamp", "timestamp with time zone"):
        found = replace(in_zone(value), type=target)
        return rounded_to(found, target.precision) if (source.precision or 0) > (target.precision or 0) else found
    return None


def _to_timestamp_tz(value: Value, target: Type) -> Value | None:
    source = value.type
    if source.name == "timestamp with time zone":
        found = replace(value, type=replace(target, zone=source.zone))
        return rounded_to(found, target.precision) if (source.precision or 0) > (target.precision or 0) else found
    if source.name in TEXTS and isinstance(value.constant, str):
        return timestamp_tz(str(value.constant), target.precision)
    if source.name in TEXTS:
        return rounded_to(call("athena_timestamp_tz", replace(target, zone="UTC"), value), target.precision)
    if source.name in ("date", "timestamp"):
        stamp = _to_timestamp(value, Type("timestamp", target.precision))
        return None if stamp is None else converted(stamp, target)
    return None


def timestamp_tz(given: str, precision: int | None) -> Value:
    """The moment that a text with a time zone names. Raises `QueryError`."""
    stamp, _, zone = given.strip().rpartition(" ") if " " in given.strip()[11:] else (given.strip(), "", "UTC")
    for sign in "+-":
        if sign in stamp[10:]:
            place = stamp.index(sign, 10)
            stamp, zone = stamp[:place], stamp[place:]
    try:
        datetime.datetime.fromisoformat(stamp.strip()[:19])
    except ValueError:
        raise QueryError("INVALID_LITERAL", f"'{given}' is not a valid timestamp literal") from None
    zone = {"Z": "UTC", "+00:00": "UTC", "-00:00": "UTC", "+00": "UTC"}.get(zone, zone)
    shown = Type("timestamp with time zone", precision, zone=zone)
    moment = f"timezone({literal(duckdb_zone(zone))}, CAST({literal(stamp.strip())} AS TIMESTAMP))"
    return written(moment, shown)


def _to_time(value: Value, target: Type) -> Value | None:
    if value.type.name in TEXTS:
        return rounded_to(call("athena_time", target, value), target.precision)
    if value.type.name in ("timestamp", "timestamp with time zone"):
        return _plain(in_zone(value), target)
    if value.type.name == "time":
        return rounded_to(replace(value, type=target), target.precision)
    return None


def _to_json(value: Value, target: Type) -> Value | None:
    if _holds(value.type, *TEXTS, "boolean", *NUMBERS, "json", "unknown") and not value.type.items:
        return written(f"to_json({value.sql})", target, value)
    if value.type.name in ("array", "map"):
        return written(f"to_json({value.sql})", target, value)
    if value.type.name == "row":
        if None in value.type.fields:
            raise QueryError("NOT_SUPPORTED", "A row whose fields have no names is not supported as JSON")
        return written(f"to_json({value.sql})", target, value)
    if value.type.name in ("date", "timestamp"):
        shown = as_text(value)
        return None if shown is None else written(f"to_json({shown.sql})", target, value)
    return None


def _to_uuid(value: Value, target: Type) -> Value | None:
    return _plain(value, target) if value.type.name in TEXTS else None


def _to_binary(value: Value, target: Type) -> Value | None:
    return written(f"encode({value.sql})", target, value) if value.type.name in TEXTS else None


_CASTS: dict[str, Any] = {
    "boolean": _to_boolean, "varchar": _to_text, "char": _to_text, "date": _to_date, "timestamp": _to_timestamp,
    "timestamp with time zone": _to_timestamp_tz, "time": _to_time, "json": _to_json, "varbinary": _to_binary,
    "uuid": _to_uuid,
    **dict.fromkeys(INTEGERS, _to_integer), **dict.fromkeys((*FLOATS, "decimal"), _to_number),
}  # fmt: skip
