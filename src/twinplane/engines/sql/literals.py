"""Literals that say their type: `DATE '2020-01-01'`, `DECIMAL '1.50'`, `INTERVAL '2' DAY`."""

import datetime
import re

from sqlglot import exp

from twinplane.engines.sql import types
from twinplane.engines.sql.plan import QueryError
from twinplane.engines.sql.scopes import data_type
from twinplane.engines.sql.types import Type
from twinplane.engines.sql.values import Value, cast, text, timestamp_tz, written

_MILLISECONDS = {"DAY": 86_400_000, "HOUR": 3_600_000, "MINUTE": 60_000, "SECOND": 1000, "WEEK": 604_800_000}
_MONTHS = {"YEAR": 12, "MONTH": 1, "QUARTER": 3}
_UNITS = ("DAY", "HOUR", "MINUTE", "SECOND")
_STAMP = re.compile(r"\s*(\d{1,4}-\d{1,2}-\d{1,2})(?:\s+(\d{1,2}:\d{1,2}(?::\d{1,2}(?:\.(\d{1,12}))?)?))?\s*")
_CLOCK = re.compile(r"\s*\d{1,2}:\d{1,2}(?::\d{1,2}(?:\.(\d{1,12}))?)?\s*")


def _invalid(given: str, kind: str) -> QueryError:
    return QueryError("INVALID_LITERAL", f"'{given}' is not a valid {kind} literal")


def typed_literal(given: str, node: exp.DataType) -> Value:
    """The value of `TYPE 'text'`. Raises `QueryError`."""
    from twinplane.engines.sql.expressions import decimal_literal

    name = data_type(node).name
    match name:
        case "decimal":
            if not re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)", given):
                raise _invalid(given, "decimal")
            return decimal_literal(given)
        case "char":
            return Value(types.literal(given.rstrip(" ")), Type("char", max(1, len(given))), given.rstrip(" "))
        case "varchar":
            return text(given)
        case "date":
            try:
                day = datetime.date(*(int(p) for p in given.strip().split("-")))
            except (ValueError, TypeError):
                raise _invalid(given, "date") from None
            return Value(f"DATE '{day.isoformat()}'", types.DATE, day)
        case "timestamp":
            return _timestamp(given)
        case "timestamp with time zone":
            fraction = re.search(r"\.(\d+)", given)
            return timestamp_tz(given, _precision(fraction[1] if fraction else None))
        case "time":
            clock = _CLOCK.fullmatch(given)
            if clock is None:
                raise _invalid(given, "time")
            shown = given.strip() if given.count(":") == 2 else f"{given.strip()}:00"
            return written(f"CAST({types.literal(shown)} AS TIME)", Type("time", _precision(clock[1])))
    return cast(text(given), data_type(node))


def _precision(digits: str | None) -> int:
    precision = len(digits or "")
    if precision > 6:
        raise QueryError("NOT_SUPPORTED", "More than 6 digits of a second are not supported")
    return precision


def _timestamp(given: str) -> Value:
    found = _STAMP.fullmatch(given)
    if found is None:
        raise _invalid(given, "timestamp")
    day, clock, digits = found.groups()
    year, month, date = (int(p) for p in day.split("-"))
    parts = [int(p) for p in (clock or "0:0").partition(".")[0].split(":")]
    try:
        hour, minute, second = [*parts, 0, 0][:3]
        moment = datetime.datetime(year, month, date, hour, minute, second)  # noqa: DTZ001 - it has no zone
    except ValueError:
        raise _invalid(given, "timestamp") from None
    shown = moment.strftime("%H:%M:%S") + (f".{digits}" if digits else "")
    return Value(f"TIMESTAMP '{moment.date().isoformat()} {shown}'", Type("timestamp", _precision(digits)), given)


def interval(node: exp.Interval) -> Value:
    """The value of an interval literal; its constant is milliseconds or months. Raises `QueryError`."""
    given, unit = node.this, node.args.get("unit")
    sign = 1
    if isinstance(given, exp.Neg):
        given, sign = given.this, -1
    if not isinstance(given, exp.Literal) or not given.is_string or unit is None:
        raise QueryError("SYNTAX_ERROR", "An interval is a text and a unit: INTERVAL '2' DAY")
    shown = str(given.this).strip()
    if shown.startswith("-"):
        shown, sign = shown[1:], -sign
    first = str(unit.this.name if isinstance(unit, exp.IntervalSpan) else unit.name).upper().removesuffix("S")
    last = str(unit.expression.name).upper().removesuffix("S") if isinstance(unit, exp.IntervalSpan) else first
    try:
        if first in _MONTHS:
            return _months(shown, first, last, sign)
        return _days(shown, first, last, sign)
    except (ValueError, KeyError, IndexError, OverflowError):
        raise QueryError("INVALID_LITERAL", f"'{shown}' is not a valid interval literal") from None


def _months(shown: str, first: str, last: str, sign: int) -> Value:
    parts = [int(p) for p in shown.split("-")]
    units = [first] if first == last else ["YEAR", "MONTH"]
    if len(parts) > len(units) or last not in _MONTHS:
        raise ValueError(shown)
    months = sign * sum(n * _MONTHS[u] for n, u in zip(parts, units, strict=False))
    return Value(f"to_months({months})", types.MONTHS, months)


def _days(shown: str, first: str, last: str, sign: int) -> Value:
    units = ["WEEK"] if first == "WEEK" else list(_UNITS[_UNITS.index(first) : _UNITS.index(last) + 1])
    days, _, clock = shown.partition(" ")
    parts = ([days] if days else []) + ([c for c in clock.split(":") if c] if clock else [])
    if first != "DAY":
        parts = shown.split(":")
    if not parts or len(parts) > len(units):
        raise ValueError(shown)
    total = 0
    for part, unit in zip(parts, units, strict=False):
        whole, _, fraction = part.partition(".")
        if fraction and unit != "SECOND":
            raise ValueError(shown)
        total += int(whole) * _MILLISECONDS[unit] + (int(fraction[:3].ljust(3, "0")) if fraction else 0)
    return days_interval(sign * total)


def days_interval(milliseconds: int) -> Value:
    """An interval of days and the rest of them."""
    days, rest = divmod(abs(milliseconds), _MILLISECONDS["DAY"])
    sign = "-" if milliseconds < 0 else ""
    parts = [f"to_days({sign}{days})"] if days or not rest else []
    parts += [f"to_milliseconds({sign}{rest})"] if rest else []
    return Value("(" + " + ".join(parts) + ")", types.DAYS, milliseconds)
