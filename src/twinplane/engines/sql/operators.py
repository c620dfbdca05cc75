"""Athena's operators on typed values: arithmetic by Trino's rules of types, comparisons, concatenation."""

from collections.abc import Callable
from dataclasses import replace

from twinplane.engines.sql import types
from twinplane.engines.sql.plan import QueryError
from twinplane.engines.sql.types import DAYS, FLOATS, INTEGERS, INTERVALS, MONTHS, NUMBERS, TEXTS, Type
from twinplane.engines.sql.values import Value, call, coerced, converted, mismatch, number, together, written


def arithmetic(operator: str, left: Value, right: Value) -> Value:
    """`+ - * / %`. Raises `QueryError`."""
    names = {left.type.name, right.type.name}
    if names <= {*NUMBERS, "unknown"}:
        return _numbers(operator, left, right)
    found = _times(operator, left, right)
    if found is None:
        raise mismatch(f"Cannot apply operator: {left.type} {operator} {right.type}")
    return found


def _numbers(operator: str, left: Value, right: Value) -> Value:
    (left, right), both = _decimals(left, right)
    if both.name == "unknown":
        return replace(left, type=types.UNKNOWN)
    if both.name == "decimal":
        return _DECIMAL[operator](left, right)
    if operator == "/" and both.name in INTEGERS:
        if right.is_constant and right.constant not in (0, -1):
            return written(f"({left.sql} // {right.sql})", both, left, right)
        return _as_type(call("athena_divide", both, left, right))
    if operator == "%" and both.name in INTEGERS:
        if right.is_constant and right.constant not in (0, -1):
            return written(f"({left.sql} % {right.sql})", both, left, right)
        return _as_type(call("athena_modulo", both, left, right))
    return written(f"({left.sql} {operator} {right.sql})", both, left, right)


def _as_type(value: Value) -> Value:
    """What a macro, which is of the widest type, answers, as its own type."""
    return (
        value
        if value.type == types.BIGINT
        else replace(value, sql=f"CAST({value.sql} AS {types.in_duckdb(value.type)})")
    )


def _decimals(left: Value, right: Value) -> tuple[list[Value], Type]:
    """Both as the same kind of number; decimals keep their own precision and scale."""
    both = types.common(left.type, right.type)
    if both is None:
        raise mismatch(f"Cannot apply operator: {left.type}, {right.type}")
    if both.name != "decimal":
        return [converted(left, both), converted(right, both)], both
    sides = [
        v if v.type.name == "decimal" else converted(v, both if v.type.name == "unknown" else types.as_decimal(v.type))
        for v in (left, right)
    ]
    return sides, both


def _decimal_sum(operator: str) -> Callable[[Value, Value], Value]:
    def build(left: Value, right: Value) -> Value:
        (p, s), (q, t) = _shape(left), _shape(right)
        scale = max(s, t)
        type_ = types.decimal(max(p - s, q - t) + scale + 1, scale)
        return written(f"({left.sql} {operator} {right.sql})", type_, left, right)

    return build


def _decimal_product(left: Value, right: Value) -> Value:
    (p, s), (q, t) = _shape(left), _shape(right)
    if s + t > types.MAX_PRECISION:
        raise QueryError("NUMERIC_VALUE_OUT_OF_RANGE", f"DECIMAL scale {s + t} must be at most {types.MAX_PRECISION}")
    return written(f"({left.sql} * {right.sql})", types.decimal(p + q, s + t), left, right)


def _decimal_quotient(left: Value, right: Value) -> Value:
    (p, s), (_, t) = _shape(left), _shape(right)
    scale = max(s, t)
    type_ = types.decimal(p + t + max(t - s, 0), scale)
    return quotient(unscaled(left), unscaled(right), scale - s + t, type_)


def quotient(left: Value, right: Value, shift: int, type_: Type) -> Value:
    """A quotient of whole numbers, the left one times a power of ten, rounded half away from zero, as a decimal."""
    upper = f"{left.sql} * {10**shift}::HUGEINT" if shift else left.sql
    whole = call("athena_round_divide", types.BIGINT, replace(left, sql=upper), right)
    return from_unscaled(whole, type_)


def from_unscaled(whole: Value, type_: Type) -> Value:
    """A decimal of a whole number of its last digits."""
    if type_.scale == 0:
        return written(f"CAST({whole.sql} AS {types.in_duckdb(type_)})", type_, whole)
    unit = f"CAST('{10**-type_.scale:.{type_.scale}f}' AS DECIMAL({type_.scale},{type_.scale}))"
    whole_type = types.in_duckdb(types.decimal(type_.precision or 0, 0))
    return written(f"CAST(CAST({whole.sql} AS {whole_type}) * {unit} AS {types.in_duckdb(type_)})", type_, whole)


def unscaled(value: Value) -> Value:
    """A decimal as a whole number of its last digits."""
    _, scale = _shape(value)
    if scale == 0:
        return written(f"CAST({value.sql} AS HUGEINT)", types.BIGINT, value)
    power = f"CAST({10**scale} AS DECIMAL({scale + 1},0))"
    return written(f"CAST({value.sql} * {power} AS HUGEINT)", types.BIGINT, value)


def _decimal_rest(left: Value, right: Value) -> Value:
    (p, s), (q, t) = _shape(left), _shape(right)
    scale = max(s, t)
    type_ = types.decimal(min(p - s, q - t) + scale, scale)
    wide = types.decimal(max(p - s, q - t) + scale, scale)
    rest = call("athena_decimal_rest", wide, converted(left, wide), converted(right, wide))
    return written(f"CAST({rest.sql} AS {types.in_duckdb(type_)})", type_, rest)


def _shape(value: Value) -> tuple[int, int]:
    return value.type.precision or 0, value.type.scale


_DECIMAL: dict[str, Callable[[Value, Value], Value]] = {
    "+": _decimal_sum("+"), "-": _decimal_sum("-"), "*": _decimal_product, "/": _decimal_quotient, "%": _decimal_rest,
}  # fmt: skip


def negated(value: Value) -> Value:
    """Minus the value."""
    if value.type.name not in (*NUMBERS, *INTERVALS, "unknown"):
        raise mismatch(f"Cannot negate {value.type}")
    if value.is_constant and isinstance(value.constant, int):
        return number(-value.constant)
    return written(f"(-{value.sql})", value.type, value)


def _times(operator: str, left: Value, right: Value) -> Value | None:
    """Arithmetic with dates, times and intervals."""
    a, b = left.type.name, right.type.name
    if operator == "+" and a in INTERVALS and b not in INTERVALS:
        return _times("+", right, left)
    if a in ("date", "timestamp", "timestamp with time zone", "time") and b in INTERVALS and operator in "+-":
        return _moved(operator, left, right)
    if operator == "-" and a == b and a in ("timestamp", "timestamp with time zone"):
        return written(f"({left.sql} - {right.sql})", DAYS, left, right)
    if operator == "-" and a == b == "date":
        return written(f"to_days(CAST({left.sql} - {right.sql} AS INTEGER))", DAYS, left, right)
    if operator == "-" and {a, b} <= {"date", "timestamp", "timestamp with time zone"}:
        (x, y), _ = together([left, right], "operands")
        return _times(operator, x, y)
    if operator in "+-" and a == b and a in INTERVALS:
        return written(f"({left.sql} {operator} {right.sql})", left.type, left, right)
    if operator == "*" and b in INTERVALS and a in NUMBERS:
        return _times("*", right, left)
    if operator in "*/" and a in INTERVALS and b in NUMBERS:
        return _scaled(operator, left, right)
    return None


def _moved(operator: str, moment: Value, interval: Value) -> Value | None:
    moved = f"({moment.sql} {operator} {interval.sql})"
    if moment.type.name == "date":
        if interval.type == DAYS and not isinstance(interval.constant, int):
            moved = f"({moment.sql} {operator} athena_whole_days({interval.sql}))"
        elif interval.type == DAYS and interval.constant % 86_400_000:
            raise QueryError("INVALID_FUNCTION_ARGUMENT", "Cannot add hour, minutes or seconds to a date")
        return written(f"CAST({moved} AS DATE)", moment.type, moment, interval)
    if moment.type.name == "time" and interval.type != DAYS:
        return None
    if moment.type.name == "timestamp with time zone" and moment.type.zone != "UTC" and interval.type == MONTHS:
        raise QueryError("NOT_SUPPORTED", "Months are not added to a timestamp of another time zone than UTC")
    return written(moved, moment.type, moment, interval)


def _scaled(operator: str, interval: Value, factor: Value) -> Value:
    if factor.type.name in INTEGERS and operator == "*":
        return written(f"({interval.sql} * CAST({factor.sql} AS BIGINT))", interval.type, interval, factor)
    double = converted(factor, types.DOUBLE)
    if interval.type == MONTHS:
        amount = f"CAST(trunc(athena_months({interval.sql}) {operator} {double.sql}) AS INTEGER)"
        return written(f"to_months({amount})", interval.type, interval, factor)
    amount = f"CAST(trunc(epoch_ms({interval.sql}) {operator} {double.sql}) AS BIGINT)"
    return written(f"to_milliseconds({amount})", interval.type, interval, factor)


def compared(operator: str, left: Value, right: Value) -> Value:
    """`= <> < <= > >=`. Raises `QueryError`."""
    both = types.common(left.type, right.type)
    if both is None or (operator not in ("=", "<>") and not types.is_orderable(both)):
        raise mismatch(f"Cannot apply operator: {left.type} {operator} {right.type}")
    left, right = converted(left, both), converted(right, both)
    plain = f"({left.sql} {operator} {right.sql})"
    if both.name in FLOATS and not _never_nan(operator, left, right):
        name = {"=": "eq", "<>": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}[operator]
        if not (left.volatile or right.volatile):
            return call(f"athena_nan_{name}", types.BOOLEAN, left, right)
    return written(plain, types.BOOLEAN, left, right)


def _never_nan(operator: str, left: Value, right: Value) -> bool:
    """Whether DuckDB, for which NaN equals itself and is the greatest number, answers as Athena does."""
    if left.is_constant and right.is_constant:
        return True
    if right.is_constant:
        return operator in ("=", "<>", "<", "<=")
    return left.is_constant and operator in ("=", "<>", ">", ">=")


def distinct(left: Value, right: Value, *, negated: bool) -> Value:
    """IS [NOT] DISTINCT FROM."""
    (left, right), _ = together([left, right], "operands")
    word = "IS NOT DISTINCT FROM" if negated else "IS DISTINCT FROM"
    return written(f"({left.sql} {word} {right.sql})", types.BOOLEAN, left, right)


def boolean(value: Value, what: str) -> Value:
    """The value, which must be a boolean."""
    return coerced(value, types.BOOLEAN, what)


def concatenated(left: Value, right: Value) -> Value:
    """`||` of texts, binaries and arrays (an array and an element as well)."""
    a, b = left.type, right.type
    nothing = None in (left.constant, right.constant) or "unknown" in (a.name, b.name)
    if nothing and {a.name, b.name} <= {*TEXTS, "unknown"}:
        return converted(Value("NULL", types.UNKNOWN, None), types.VARCHAR)
    if a.name in (*TEXTS, "unknown") and b.name in (*TEXTS, "unknown"):
        if a.name == b.name == "char":
            type_ = Type("char", (a.precision or 0) + (b.precision or 0))
            return written(f"rtrim(rpad({left.sql}, {a.precision}, ' ') || {right.sql}, ' ')", type_, left, right)
        x, y = coerced(left, types.VARCHAR), coerced(right, types.VARCHAR)
        longest = None if None in (a.precision, b.precision) else (a.precision or 0) + (b.precision or 0)
        return written(f"({x.sql} || {y.sql})", types.varchar(longest), x, y)
    if a.name == b.name == "varbinary":
        return written(f"({left.sql} || {right.sql})", a, left, right)
    if a.name == "array" and b.name == "array":
        (x, y), type_ = together([left, right], "operands")
        return call("athena_array_concat", type_, x, y)
    if a.name == "array":
        item = types.common(a.items[0], b)
        if item is not None:
            x, y = converted(left, types.array(item)), converted(right, item)
            return call(
                "athena_array_concat", types.array(item), x, written(f"list_value({y.sql})", types.array(item), y)
            )
    if b.name == "array":
        item = types.common(b.items[0], a)
        if item is not None:
            x, y = converted(left, item), converted(right, types.array(item))
            return call(
                "athena_array_concat", types.array(item), written(f"list_value({x.sql})", types.array(item), x), y
            )
    raise mismatch(f"Cannot apply operator: {a} || {b}")
