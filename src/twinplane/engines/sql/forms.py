"""Functions whose DuckDB text depends on more than the types of their arguments: on literals, decimals, lambdas.

A form answers None where the table of signatures has what is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from twinplane.engines.sql import operators, types
from twinplane.engines.sql.plan import QueryError
from twinplane.engines.sql.signatures import Lambda, Modifiers, check_modifiers
from twinplane.engines.sql.types import BIGINT, DOUBLE, VARCHAR, array, in_duckdb
from twinplane.engines.sql.values import (
    Value,
    coerced,
    converted,
    row,
    text,
    together,
    written,
)  # fmt: skip

Arguments = Sequence[Value | Lambda]
Form = Callable[[Arguments, Modifiers], Value | None]


def refused(name: str, arguments: Arguments) -> QueryError:
    """The refusal of arguments of types that a function does not take."""
    given = ", ".join(str(a.type) if isinstance(a, Value) else "function" for a in arguments)
    return QueryError("FUNCTION_NOT_FOUND", f"Unexpected parameters ({given}) for function {name}")


def plain(arguments: Arguments, name: str, *counts: int) -> list[Value]:
    """Arguments none of which is a lambda, as many as are asked for. Raises `QueryError`."""
    if len(arguments) not in counts or not all(isinstance(a, Value) for a in arguments):
        raise refused(name, arguments)
    return [a for a in arguments if isinstance(a, Value)]


def constant_text(value: Value, what: str) -> str:
    """A literal text. Raises `QueryError` for any other expression."""
    if not value.is_constant or not isinstance(value.constant, str):
        raise QueryError("NOT_SUPPORTED", f"{what} must be a literal here")
    return value.constant


def _if(arguments: Arguments, _: Modifiers) -> Value:
    test, *rest = plain(arguments, "if", 2, 3)
    test = operators.boolean(test, "IF condition")
    results, type_ = together(rest, "results of IF")
    otherwise = f" ELSE {results[1].sql}" if len(results) == 2 else ""
    return written(f"CASE WHEN {test.sql} THEN {results[0].sql}{otherwise} END", type_, test, *results)


def _try(arguments: Arguments, _: Modifiers) -> Value:
    (value,) = plain(arguments, "try", 1)
    if value.volatile or value.subquery:
        raise QueryError("NOT_SUPPORTED", "TRY of a subquery or of a random value is not supported")
    return written(f"TRY({value.sql})", value.type, value)


def _typeof(arguments: Arguments, _: Modifiers) -> Value:
    (value,) = plain(arguments, "typeof", 1)
    return text(str(value.type))


def _nullif(arguments: Arguments, _: Modifiers) -> Value:
    left, right = plain(arguments, "nullif", 2)
    same = operators.compared("=", left, right)
    return written(f"CASE WHEN {same.sql} THEN NULL ELSE {left.sql} END", left.type, left, right)


def _mod(arguments: Arguments, _: Modifiers) -> Value:
    left, right = plain(arguments, "mod", 2)
    return operators.arithmetic("%", left, right)


def _decimal_step(name: str) -> Form:
    """round, ceil and floor of decimals."""

    def form(arguments: Arguments, _: Modifiers) -> Value | None:
        value = arguments[0] if arguments else None
        if not isinstance(value, Value) or value.type.name != "decimal":
            return None
        precision, scale = value.type.precision or 0, value.type.scale
        if len(arguments) == 1:
            type_ = types.decimal(precision - scale + min(scale, 1), 0)
            return written(f"CAST({name}({value.sql}) AS {in_duckdb(type_)})", type_, value)
        digits = arguments[1]
        if name != "round" or not isinstance(digits, Value) or not isinstance(digits.constant, int):
            raise QueryError("NOT_SUPPORTED", f"The second argument of {name} must be a literal for a decimal")
        type_ = types.decimal(precision + 1, scale)
        return written(f"CAST(round({value.sql}, {digits.constant}) AS {in_duckdb(type_)})", type_, value)

    return form


def _truncate(arguments: Arguments, _: Modifiers) -> Value | None:
    value, *digits = plain(arguments, "truncate", 1, 2)
    if value.type.name != "decimal":
        if not digits:
            return None
        power = written(f"pow(10, {coerced(digits[0], BIGINT).sql})", DOUBLE, digits[0])
        double = coerced(value, DOUBLE)
        return written(f"(trunc({double.sql} * {power.sql}) / {power.sql})", DOUBLE, value, digits[0])
    precision, scale = value.type.precision or 0, value.type.scale
    if not digits:
        type_ = types.decimal(max(1, precision - scale), 0)
        return written(f"CAST(trunc({value.sql}) AS {in_duckdb(type_)})", type_, value)
    kept = digits[0].constant
    if not isinstance(kept, int):
        raise QueryError("NOT_SUPPORTED", "The second argument of truncate must be a literal for a decimal")
    whole = operators.unscaled(value)
    unit = 10 ** max(0, scale - kept)
    cut = written(f"({whole.sql} // {unit}::HUGEINT * {unit}::HUGEINT)", BIGINT, whole)
    return operators.from_unscaled(cut, value.type)


def _sign(arguments: Arguments, _: Modifiers) -> Value | None:
    (value,) = plain(arguments, "sign", 1)
    if value.type.name != "decimal":
        return None
    return written(f"CAST(sign({value.sql}) AS DECIMAL(1,0))", types.decimal(1, 0), value)


def _sum(arguments: Arguments, marks: Modifiers) -> Value | None:
    (value,) = plain(arguments, "sum", 1)
    check_modifiers("sum", "{d}", marks)
    if value.type.name != "decimal":
        return None
    type_ = types.decimal(types.MAX_PRECISION, value.type.scale)
    return written(f"sum({marks.distinct}{value.sql}){marks.after}", type_, value)


def _avg(arguments: Arguments, marks: Modifiers) -> Value | None:
    (value,) = plain(arguments, "avg", 1)
    check_modifiers("avg", "{d}", marks)
    if value.type.name in types.INTEGERS:
        return written(f"avg({marks.distinct}{value.sql}){marks.after}", DOUBLE, value)
    if value.type.name != "decimal":
        return None
    inside = f"({marks.distinct}{value.sql}){marks.after}"
    total = operators.unscaled(Value(f"sum{inside}", types.decimal(types.MAX_PRECISION, value.type.scale)))
    count = Value(f"CAST(nullif(count{inside}, 0) AS HUGEINT)", BIGINT)
    found = operators.quotient(total, count, 0, value.type)
    return replace(found, volatile=value.volatile, subquery=value.subquery)


def _grouping(arguments: Arguments, _: Modifiers) -> Value:
    parts = plain(arguments, "grouping", *range(1, 32))
    return written(f"CAST(grouping({', '.join(p.sql for p in parts)}) AS BIGINT)", BIGINT, *parts)


def _row(arguments: Arguments, _: Modifiers) -> Value:
    return row(plain(arguments, "row", *range(1, 255)))


def _concat(arguments: Arguments, _: Modifiers) -> Value:
    if len(arguments) < 2:
        raise QueryError("INVALID_FUNCTION_ARGUMENT", "There must be two or more concatenation arguments")
    first, *rest = plain(arguments, "concat", *range(2, 128))
    for part in rest:
        first = operators.concatenated(first, part)
    return first if first.type.name != "varchar" else replace(first, type=VARCHAR)


def _concat_ws(arguments: Arguments, _: Modifiers) -> Value | None:
    parts = plain(arguments, "concat_ws", *range(2, 256))
    if parts[1].type.name == "array":
        return None
    separator, *rest = (coerced(p, VARCHAR) for p in parts)
    return written(f"concat_ws({separator.sql}, {', '.join(p.sql for p in rest)})", VARCHAR, separator, *rest)


def _greatest(name: str) -> Form:
    def form(arguments: Arguments, _: Modifiers) -> Value:
        parts, type_ = together(plain(arguments, name, *range(1, 128)), f"arguments of {name}")
        if not types.is_orderable(type_):
            raise refused(name, arguments)
        every = ", ".join(p.sql for p in parts)
        missing = " OR ".join(f"{p.sql} IS NULL" for p in parts)
        return written(f"CASE WHEN {missing} THEN NULL ELSE {name}({every}) END", type_, *parts)

    return form


def _length(arguments: Arguments, _: Modifiers) -> Value | None:
    (value,) = plain(arguments, "length", 1)
    if value.type.name != "char":
        return None
    return written(f"CASE WHEN {value.sql} IS NOT NULL THEN CAST({value.type.precision} AS BIGINT) END", BIGINT, value)


def _map_concat(arguments: Arguments, _: Modifiers) -> Value:
    maps, type_ = together(plain(arguments, "map_concat", *range(2, 128)), "arguments of map_concat")
    if type_.name != "map":
        raise refused("map_concat", arguments)
    return written(f"map_concat({', '.join(m.sql for m in maps)})", type_, *maps)


def _zip(arguments: Arguments, _: Modifiers) -> Value | None:
    if len(arguments) == 2:
        return None
    parts = plain(arguments, "zip", 3, 4, 5)
    if any(p.type.name != "array" for p in parts):
        raise refused("zip", arguments)
    items = tuple(p.type.items[0] for p in parts)
    packed = row([Value(f"struct_extract_at(e, {n})", t) for n, t in enumerate(items, 1)])
    zipped = f"list_transform(list_zip({', '.join(p.sql for p in parts)}), lambda e: {packed.sql})"
    missing = " OR ".join(f"{p.sql} IS NULL" for p in parts)
    return written(f"CASE WHEN {missing} THEN NULL ELSE {zipped} END", array(packed.type), *parts)


def _shuffle(_arguments: Arguments, _: Modifiers) -> Value:
    raise QueryError("NOT_SUPPORTED", "shuffle is not supported")


def _transform_json(arguments: Arguments, _: Modifiers) -> Value | None:
    if len(arguments) == 1 and isinstance(arguments[0], Value) and arguments[0].type.name == "json":
        return arguments[0]
    return None


def _width_bucket(arguments: Arguments, _: Modifiers) -> Value | None:
    parts = plain(arguments, "width_bucket", 2, 4)
    if len(parts) == 4:
        return None
    bins = converted(parts[1], array(DOUBLE)) if parts[1].type.name == "array" else parts[1]
    value = coerced(parts[0], DOUBLE)
    return written(f"CAST(len(list_filter({bins.sql}, lambda b: b <= {value.sql})) AS BIGINT)", BIGINT, value, bins)


def _shift(name: str, operator: str) -> Form:
    def form(arguments: Arguments, _: Modifiers) -> Value:
        value, places = plain(arguments, name, 2)
        value, places = coerced(value, BIGINT), coerced(places, BIGINT)
        if not isinstance(arguments[1], Value) or not isinstance(arguments[1].constant, int):
            raise QueryError("NOT_SUPPORTED", f"The second argument of {name} must be a literal")
        by = arguments[1].constant
        if operator == "<<":
            kept = (1 << max(0, 64 - by)) - 1
            shifted = f"(CAST({value.sql} AS HUGEINT) & {kept}::HUGEINT) << {min(by, 64)}"
            whole = f"(CAST({shifted} AS HUGEINT) & {2**64 - 1}::HUGEINT)"
        else:
            whole = f"((CAST({value.sql} AS HUGEINT) & {2**64 - 1}::HUGEINT) >> {min(by, 64)})"
        signed = f"CASE WHEN {whole} >= {2**63}::HUGEINT THEN {whole} - {2**64}::HUGEINT ELSE {whole} END"
        return written(f"CAST({signed} AS BIGINT)", BIGINT, value)

    return form


def _to_base(arguments: Arguments, _: Modifiers) -> Value:
    value, base = plain(arguments, "to_base", 2)
    if not isinstance(base.constant, int) or not 2 <= base.constant <= 36:
        raise QueryError("INVALID_FUNCTION_ARGUMENT", "Radix must be a literal between 2 and 36")
    value = coerced(value, BIGINT)
    powers = [str(base.constant**n) for n in range(64) if base.constant**n <= 2**63][::-1]
    places = f"list_value({', '.join(f'{p}::HUGEINT' for p in powers)})"
    digit = f"CAST(abs(CAST({value.sql} AS HUGEINT)) // p % {base.constant} AS INTEGER) + 1"
    drawn = f"list_transform({places}, lambda p: substring('0123456789abcdefghijklmnopqrstuvwxyz', {digit}, 1))"
    drawn = f"ltrim(array_to_string({drawn}, ''), '0')"
    sign = f"CASE WHEN {value.sql} < 0 THEN '-' ELSE '' END"
    shown = f"CASE WHEN {value.sql} = 0 THEN '0' WHEN {value.sql} IS NOT NULL THEN {sign} || {drawn} END"
    return written(shown, VARCHAR, value)


AGGREGATES = frozenset({"sum", "avg"})
FORMS: dict[str, Form] = {
    "if": _if,
    "try": _try,
    "typeof": _typeof,
    "nullif": _nullif,
    "mod": _mod,
    "round": _decimal_step("round"),
    "ceil": _decimal_step("ceil"),
    "ceiling": _decimal_step("ceil"),
    "floor": _decimal_step("floor"),
    "truncate": _truncate,
    "sign": _sign,
    "sum": _sum,
    "avg": _avg,
    "grouping": _grouping,
    "row": _row,
    "concat": _concat,
    "concat_ws": _concat_ws,
    "greatest": _greatest("greatest"),
    "least": _greatest("least"),
    "length": _length,
    "map_concat": _map_concat,
    "zip": _zip,
    "shuffle": _shuffle,
    "json_parse": _transform_json,
    "width_bucket": _width_bucket,
    "bitwise_left_shift": _shift("bitwise_left_shift", "<<"),
    "bitwise_right_shift": _shift("bitwise_right_shift", ">>"),
    "to_base": _to_base,
}
