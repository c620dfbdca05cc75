"""Functions of dates and times whose DuckDB text depends on literals (units, patterns) and on time zones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from twinplane.engines.sql import types
from twinplane.engines.sql.forms import Arguments, constant_text, plain, refused
from twinplane.engines.sql.plan import QueryError
from twinplane.engines.sql.signature_table import SCALARS, by_name
from twinplane.engines.sql.signatures import Modifiers, NoMatch, resolve
from twinplane.engines.sql.types import BIGINT, DATE, DOUBLE, TIMESTAMP, TIMESTAMP_TZ, VARCHAR, Type, literal
from twinplane.engines.sql.values import (
    Value,
    as_text,
    call,
    cast,
    coerced,
    converted,
    duckdb_zone,
    in_zone,
    timestamp_tz,
    written,
)  # fmt: skip

_TZ = "timestamp with time zone"
_UNITS = ("millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year")
_OF_DATES = ("day", "week", "month", "quarter", "year")
_MOMENTS = ("date", "timestamp", _TZ)


def _unit(value: Value, kind: Type, name: str) -> str:
    unit = constant_text(value, f"The unit of {name}").lower()
    known = {"date": _OF_DATES, "time": _UNITS[:4]}.get(kind.name, _UNITS)
    if unit not in known:
        raise QueryError("INVALID_FUNCTION_ARGUMENT", f"'{unit}' is not a valid {kind.name.upper()} field")
    return unit


def _back(local: str, type_: Type) -> str:
    """A wall clock's time as the moment it is in a zone."""
    return f"timezone({literal(duckdb_zone(str(type_.zone)))}, {local})"


def _date_trunc(arguments: Arguments, _: Modifiers) -> Value:
    unit, value = plain(arguments, "date_trunc", 2)
    if value.type.name not in (*_MOMENTS, "time"):
        raise refused("date_trunc", arguments)
    name = _unit(unit, value.type, "date_trunc")
    if value.type.name == "time":
        return written(f"CAST(date_trunc('{name}', DATE '1970-01-01' + {value.sql}) AS TIME)", value.type, value)
    cut = f"date_trunc('{name}', {in_zone(value).sql})"
    if value.type.name == _TZ:
        return written(_back(cut, value.type), value.type, value)
    return written(f"CAST({cut} AS {types.in_duckdb(value.type)})", value.type, value)


_STEPS = {
    "millisecond": "to_milliseconds", "second": "to_seconds", "minute": "to_minutes", "hour": "to_hours",
    "day": "to_days", "week": "to_weeks", "month": "to_months", "quarter": "to_quarters", "year": "to_years",
}  # fmt: skip


def _date_add(arguments: Arguments, _: Modifiers) -> Value:
    unit, amount, value = plain(arguments, "date_add", 3)
    if value.type.name not in (*_MOMENTS, "time"):
        raise refused("date_add", arguments)
    name = _unit(unit, value.type, "date_add")
    amount = coerced(amount, BIGINT, "The amount of date_add")
    number = amount.sql if name in ("millisecond", "second", "minute", "hour") else f"CAST({amount.sql} AS INTEGER)"
    step = f"{_STEPS[name]}({number})"
    if value.type.name == "date":
        return written(f"CAST({value.sql} + {step} AS DATE)", DATE, value, amount)
    if value.type.name == _TZ and value.type.zone != "UTC" and name in _OF_DATES:
        return written(_back(f"{in_zone(value).sql} + {step}", value.type), value.type, value, amount)
    return written(f"({value.sql} + {step})", value.type, value, amount)


def _date_diff(arguments: Arguments, _: Modifiers) -> Value:
    """Athena counts whole units that have passed, as DuckDB's date_sub; its date_diff counts boundaries crossed."""
    unit, first, second = plain(arguments, "date_diff", 3)
    both = types.common(first.type, second.type)
    if both is None or both.name not in (*_MOMENTS, "time"):
        raise refused("date_diff", arguments)
    name = _unit(unit, both, "date_diff")
    first, second = converted(first, both), converted(second, both)
    if both.name == _TZ:
        both = both if both.zone is not None else replace(both, zone="UTC")
        first, second = (in_zone(replace(v, type=both)) for v in (first, second))
    return written(f"date_sub('{name}', {first.sql}, {second.sql})", BIGINT, first, second)


# What stands for a letter of MySQL's patterns in those of strftime and strptime.
_MYSQL = {
    "a": "%a", "b": "%b", "c": "%-m", "d": "%d", "e": "%-d", "f": "%f", "H": "%H", "h": "%I", "I": "%I", "i": "%M",
    "j": "%j", "k": "%-H", "l": "%-I", "M": "%B", "m": "%m", "p": "%p", "r": "%I:%M:%S %p", "S": "%S", "s": "%S",
    "T": "%H:%M:%S", "v": "%V", "W": "%A", "Y": "%Y", "y": "%y", "x": "%G", "%": "%%",
}  # fmt: skip


def _mysql(given: str, *, parse: bool) -> str:
    def one(found: re.Match[str]) -> str:
        letter = found[1]
        if letter in "DUuVwX":
            raise QueryError("INVALID_FUNCTION_ARGUMENT", f"%{letter} not currently supported in date format string")
        shown = _MYSQL.get(letter, letter)
        return shown.replace("%-", "%") if parse else shown

    if given.endswith("%") and not given.endswith("%%"):
        raise QueryError("INVALID_FUNCTION_ARGUMENT", f"Invalid date format string: {given}")
    return re.sub(r"%(.)", one, given, flags=re.S)


def _moment(value: Value, name: str) -> Value:
    if value.type.name not in _MOMENTS:
        raise refused(name, [value])
    return converted(value, TIMESTAMP) if value.type.name == "date" else in_zone(value)


def _date_format(arguments: Arguments, _: Modifiers) -> Value:
    value, pattern = plain(arguments, "date_format", 2)
    shown = _mysql(constant_text(pattern, "The format of date_format"), parse=False)
    return written(f"strftime({_moment(value, 'date_format').sql}, {literal(shown)})", VARCHAR, value)


def _date_parse(arguments: Arguments, _: Modifiers) -> Value:
    value, pattern = plain(arguments, "date_parse", 2)
    shown = _mysql(constant_text(pattern, "The format of date_parse"), parse=True)
    return written(_parsed(coerced(value, VARCHAR), shown), TIMESTAMP, value)


def _parsed(value: Value, pattern: str) -> str:
    """The time that a text tells; what it does not tell is of the first of January 1970."""
    if re.search(r"%[YyG]", pattern.replace("%%", "")):
        return f"strptime({value.sql}, {literal(pattern)})"
    return f"strptime('1970 ' || {value.sql}, {literal('%Y ' + pattern)})"


_JODA = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+", re.S)
_JODA_TEXTS = {
    "yyyy": "%Y", "yy": "%y", "y": "%Y", "YYYY": "%Y", "YY": "%y", "Y": "%Y", "yyy": "%Y", "xxxx": "%G", "x": "%G",
    "ww": "%V", "E": "%a", "EE": "%a", "EEE": "%a", "M": "%-m", "MM": "%m", "MMM": "%b", "d": "%-d", "dd": "%d",
    "D": "%-j", "DDD": "%j", "a": "%p", "aa": "%p", "h": "%-I", "hh": "%I", "H": "%-H", "HH": "%H", "m": "%-M",
    "mm": "%M", "s": "%-S", "ss": "%S", "e": "%u",
}  # fmt: skip


def _joda(given: str, *, parse: bool) -> list[tuple[str, str]]:
    """The parts of one of Joda's patterns: ("text", of strftime), ("fraction", digits), ("zone", letters)."""
    parts: list[tuple[str, str]] = []
    place = 0
    for found in _JODA.finditer(given):
        if found.start() != place:
            break
        place = found.end()
        run = found[0]
        if run == "''":
            parts.append(("text", "'"))
        elif run.startswith("'"):
            parts.append(("text", found[1].replace("''", "'").replace("%", "%%")))
        elif found[2] is None:
            parts.append(("text", run.replace("%", "%%")))
        elif found[2] == "S":
            parts.append(("fraction", str(len(run))))
        elif found[2] in "zZ":
            parts.append(("zone", run))
        else:
            shown = _JODA_TEXTS.get(run) or {"E": "%A", "M": "%B"}.get(run[:1] if len(run) > 3 else "")
            if shown is None or (parse and shown in ("%G", "%V", "%u")):
                raise QueryError("NOT_SUPPORTED", f"'{run}' in a date pattern is not supported")
            parts.append(("text", shown.replace("%-", "%") if parse else shown))
    if place != len(given):
        raise QueryError("INVALID_FUNCTION_ARGUMENT", f"Invalid date pattern: {given}")
    return parts


def _format_datetime(arguments: Arguments, _: Modifiers) -> Value:
    value, pattern = plain(arguments, "format_datetime", 2)
    zone = value.type.zone if value.type.name == _TZ else "UTC"
    local = _moment(value, "format_datetime")
    pieces: list[str] = []
    for kind, part in _joda(constant_text(pattern, "The format of format_datetime"), parse=False):
        if kind == "text":
            pieces.append(f"strftime({local.sql}, {literal(part)})")
        elif kind == "fraction":
            pieces.append(f"rpad(left(strftime({local.sql}, '%g'), {part}), {part}, '0')")
        else:
            pieces.append(literal(_zone_text(str(zone), part)))
    return written("(" + " || ".join(pieces or ["''"]) + ")", VARCHAR, value)


def _zone_text(zone: str, letters: str) -> str:
    if letters == "ZZZ" or (letters[0] == "z" and (zone == "UTC" or zone[0] in "+-")):
        return zone
    if letters[0] == "Z" and (zone == "UTC" or zone[0] in "+-"):
        offset = "+00:00" if zone == "UTC" else zone
        return offset if letters == "ZZ" else offset.replace(":", "")
    raise QueryError("NOT_SUPPORTED", f"'{letters}' in a date pattern is not supported for the zone {zone}")


def _parse_datetime(arguments: Arguments, _: Modifiers) -> Value:
    value, pattern = plain(arguments, "parse_datetime", 2)
    shown, zoned = "", False
    for kind, part in _joda(constant_text(pattern, "The format of parse_datetime"), parse=True):
        if kind == "zone" and part[0] == "Z" and len(part) < 3:
            zoned, shown = True, shown + "%z"
        elif kind == "zone":
            raise QueryError("NOT_SUPPORTED", f"'{part}' in a date pattern is not supported")
        else:
            shown += part if kind == "text" else "%f"
    parsed = _parsed(coerced(value, VARCHAR), shown)
    if zoned:
        return written(parsed, replace(TIMESTAMP_TZ, zone=None), value)
    return written(f"timezone('UTC', {parsed})", TIMESTAMP_TZ, value)


def _at_timezone(arguments: Arguments, _: Modifiers) -> Value:
    value, zone = plain(arguments, "at_timezone", 2)
    if value.type.name not in ("timestamp", _TZ):
        raise refused("at_timezone", arguments)
    name = _zone(zone)
    moment = converted(value, replace(TIMESTAMP_TZ, precision=value.type.precision))
    return replace(moment, type=replace(TIMESTAMP_TZ, precision=value.type.precision, zone=name))


def _with_timezone(arguments: Arguments, _: Modifiers) -> Value:
    value, zone = plain(arguments, "with_timezone", 2)
    if value.type.name not in ("timestamp", "date"):
        raise refused("with_timezone", arguments)
    local = converted(value, TIMESTAMP) if value.type.name == "date" else value
    type_ = replace(TIMESTAMP_TZ, precision=local.type.precision, zone=_zone(zone))
    return written(_back(local.sql, type_), type_, value)


def _zone(value: Value) -> str:
    given = constant_text(value, "A time zone").strip()
    offset = re.fullmatch(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?", given)
    if offset:
        sign, hours, minutes = offset[1], int(offset[2]), offset[3] or "00"
        return "UTC" if (hours, minutes) == (0, "00") else f"{sign}{hours:02}:{minutes}"
    if given.upper() in ("UTC", "Z", "GMT"):
        return "UTC"
    if not re.fullmatch(r"[A-Za-z_]+(?:/[A-Za-z0-9_+-]+)+", given):
        raise QueryError("INVALID_FUNCTION_ARGUMENT", f"'{given}' is not a valid time zone")
    return given


def _from_unixtime(arguments: Arguments, _: Modifiers) -> Value | None:
    if len(arguments) == 1:
        return None
    seconds, *zone = plain(arguments, "from_unixtime", 2, 3)
    if len(zone) == 2:
        if not all(isinstance(z.constant, int) for z in zone):
            raise QueryError("NOT_SUPPORTED", "The offset of from_unixtime must be literals")
        name = f"{'-' if zone[0].constant < 0 else '+'}{abs(zone[0].constant):02}:{abs(zone[1].constant):02}"
        name = "UTC" if name[1:] == "00:00" else name
    else:
        name = _zone(zone[0])
    return call("athena_from_unixtime", replace(TIMESTAMP_TZ, zone=name), coerced(seconds, DOUBLE))


def _from_iso8601(arguments: Arguments, _: Modifiers) -> Value:
    (value,) = plain(arguments, "from_iso8601_timestamp", 1)
    if not value.is_constant or not isinstance(value.constant, str):
        return call("athena_iso_moment", TIMESTAMP_TZ, coerced(value, VARCHAR))
    given = value.constant.strip()
    found = re.fullmatch(
        r"(\d{4}-\d{2}-\d{2})(?:T(\d{2}(?::\d{2}(?::\d{2}(?:[.,]\d+)?)?)?)?)?(Z|[+-]\d{2}(?::?\d{2})?)?", given
    )
    if found is None:
        raise QueryError("INVALID_FUNCTION_ARGUMENT", f"Invalid ISO 8601 timestamp: '{given}'")
    clock = (found[2] or "00").replace(",", ".")
    clock += ":00" * (2 - clock.count(":"))
    zone = found[3] or "UTC"
    zone = "UTC" if zone == "Z" else zone if ":" in zone or zone == "UTC" else f"{zone[:3]}:{zone[3:] or '00'}"
    return timestamp_tz(f"{found[1]} {clock} {zone}", 3)


def _to_iso8601(arguments: Arguments, _: Modifiers) -> Value:
    (value,) = plain(arguments, "to_iso8601", 1)
    if value.type.name == "date":
        return written(f"CAST({value.sql} AS VARCHAR)", VARCHAR, value)
    shown = as_text(replace(_moment(value, "to_iso8601")))
    if shown is None:
        raise refused("to_iso8601", arguments)
    zone = ""
    if value.type.name == _TZ:
        zone = "Z" if value.type.zone == "UTC" else _zone_text(str(value.type.zone), "ZZ")
    return written(f"(replace({shown.sql}, ' ', 'T') || {literal(zone)})", VARCHAR, value)


def _now(name: str) -> Any:
    def form(arguments: Arguments, _: Modifiers) -> Value:
        digits = plain(arguments, name, 0, 1)
        precision = digits[0].constant if digits else 3
        if not isinstance(precision, int) or not 0 <= precision <= 6:
            raise QueryError("NOT_SUPPORTED", "A precision from 0 to 6 is supported")
        moment = "now()" if precision == 6 else "date_trunc('millisecond', now())"
        if precision < 3:
            moment = "date_trunc('second', now())"
        match name:
            case "localtimestamp":
                return Value(f"timezone('UTC', {moment})", Type("timestamp", precision))
            case "localtime":
                return Value(f"CAST(timezone('UTC', {moment}) AS TIME)", Type("time", precision))
            case "current_time":
                raise QueryError("NOT_SUPPORTED", "current_time is not supported: use localtime")
        return Value(moment, replace(TIMESTAMP_TZ, precision=precision))

    return form


def _offset(name: str) -> Any:
    def form(arguments: Arguments, _: Modifiers) -> Value:
        (value,) = plain(arguments, name, 1)
        if value.type.name != _TZ:
            raise refused(name, arguments)
        local = in_zone(value)
        minutes = f"date_sub('minute', timezone('UTC', {value.sql}), {local.sql})"
        shown = f"({minutes} // 60)" if name == "timezone_hour" else f"({minutes} % 60)"
        return written(shown, BIGINT, value)

    return form


_PARTS = by_name(SCALARS)


def _of_moment(name: str) -> Any:
    """A function of a timestamp that, of one with a time zone, is that of its wall clock."""

    def form(arguments: Arguments, _: Modifiers) -> Value | None:
        if len(arguments) != 1 or not isinstance(arguments[0], Value) or arguments[0].type.name != _TZ:
            return None
        try:
            return resolve(_PARTS[name], [in_zone(arguments[0])])
        except NoMatch:
            raise refused(name, arguments) from None

    return form


def _date(arguments: Arguments, _: Modifiers) -> Value:
    (value,) = plain(arguments, "date", 1)
    return cast(value, DATE)


_NAMES: Sequence[str] = (
    "year", "quarter", "month", "week", "week_of_year", "year_of_week", "yow", "day", "day_of_month", "day_of_week",
    "dow", "day_of_year", "doy", "hour", "minute", "second", "millisecond", "last_day_of_month",
)  # fmt: skip
FORMS: dict[str, Any] = {
    "date_trunc": _date_trunc, "date_add": _date_add, "date_diff": _date_diff, "date_format": _date_format,
    "date_parse": _date_parse, "format_datetime": _format_datetime, "parse_datetime": _parse_datetime,
    "at_timezone": _at_timezone, "with_timezone": _with_timezone, "from_unixtime": _from_unixtime,
    "from_iso8601_timestamp": _from_iso8601, "to_iso8601": _to_iso8601, "date": _date,
    "timezone_hour": _offset("timezone_hour"), "timezone_minute": _offset("timezone_minute"),
    **{name: _now(name) for name in ("now", "current_timestamp", "localtimestamp", "localtime", "current_time")},
    **{name: _of_moment(name) for name in _NAMES},
}  # fmt: skip
