"""Functions whose DuckDB text depends on more than the types of their arguments: on literals, decimals, lambdas.

A form answers None where the table of signatures has what is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from twinplane.engines.sql import operators, types
from twinplane.engines.sql.plan import QueryError
from twinplane.engines.sql.signatures import Lambda, Modifiers, check_modifiers
from twinplane.engines.sql.types import BIGINT, BOOLEAN, DOUBLE, JSON, VARCHAR, Type, array, in_duckdb, literal
from twinplane.engines.sql.values import (
    Value,
    as_text,
    call,
    coerced,
    converted,
    mismatch,
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


_GROUP = re.compile(r"\$(?:(\d)|\{(\w+)\})|\\(.)|\\$")


def _regexp_replace(arguments: Arguments, _: Modifiers) -> Value:
    if len(arguments) == 3 and not isinstance(arguments[2], Value):
        raise QueryError("NOT_SUPPORTED", "regexp_replace with a lambda is not supported")
    value, pattern, *new = plain(arguments, "regexp_replace", 2, 3)
    value, pattern = coerced(value, VARCHAR), coerced(pattern, VARCHAR)
    replacement = text("")
    if new:
        given = constant_text(new[0], "The replacement of regexp_replace")
        replacement = text(_replacement(given, pattern))
    return written(f"regexp_replace({value.sql}, {pattern.sql}, {replacement.sql}, 'g')", VARCHAR, value, pattern)


def _replacement(given: str, pattern: Value) -> str:
    """A replacement with Java's `$1` in the words of RE2, for which it is `\\1`."""
    named = re.findall(r"\(\?<(\w+)>", str(pattern.constant)) if pattern.is_constant else []

    def group(found: re.Match[str]) -> str:
        if found[1]:
            return "\\" + found[1]
        if found[3]:
            return "\\\\" if found[3] == "\\" else found[3]
        raise QueryError("NOT_SUPPORTED", f"Groups by name ({', '.join(named)}) are not supported in a replacement")

    parts, place = [], 0
    for found in _GROUP.finditer(given):
        parts += [given[place : found.start()], group(found)]
        place = found.end()
    return "".join([*parts, given[place:]])


def _regexp_extract(name: str, function: str) -> Form:
    def form(arguments: Arguments, _: Modifiers) -> Value | None:
        if len(arguments) == 2:
            return None
        value, pattern, group = plain(arguments, name, 2, 3)
        if not isinstance(group.constant, int) or not 0 <= group.constant <= 9:
            raise QueryError("NOT_SUPPORTED", "The group of a regular expression must be a literal from 0 to 9")
        type_ = VARCHAR if function.startswith("athena") else array(VARCHAR)
        return call(function, type_, coerced(value, VARCHAR), coerced(pattern, VARCHAR), group)

    return form


def _regexp_position(arguments: Arguments, _: Modifiers) -> Value:
    value, pattern = plain(arguments, "regexp_position", 2)
    place = call("athena_regexp_position", BIGINT, coerced(value, VARCHAR), coerced(pattern, VARCHAR))
    return replace(place, sql=f"CAST({place.sql} AS BIGINT)")


_PATH = re.compile(r"""\.([A-Za-z_$@][\w$@:-]*)|\.?\[(\d+)\]|\[\s*"((?:[^"\\]|\\.)*)"\s*\]|\[\s*'([^']*)'\s*\]""")


def json_path(given: str) -> str:
    """A JSON path in DuckDB's words. Raises `QueryError`."""
    rest = given.strip()
    if not rest.startswith("$"):
        rest = "$" + (rest if rest.startswith("[") else "." + rest)
    place, parts = 1, ["$"]
    while place < len(rest):
        found = _PATH.match(rest, place)
        if found is None:
            raise QueryError("INVALID_FUNCTION_ARGUMENT", f"Invalid JSON path: '{given}'")
        key = next((k for k in (found[1], found[3], found[4]) if k is not None), None)
        if key is not None and ('"' in key or "\\" in key or "*" in key):
            raise QueryError("NOT_SUPPORTED", "Such a key is not supported in a JSON path")
        parts.append(f"[{found[2]}]" if key is None else f'."{key}"')
        place = found.end()
    return "".join(parts)


def _json_of(value: Value) -> Value:
    if value.type.name in types.TEXTS:
        return call("athena_json_or_null", JSON, converted(value, VARCHAR))
    return coerced(value, JSON)


def _json(name: str, function: str, type_: Type) -> Form:
    def form(arguments: Arguments, _: Modifiers) -> Value:
        value, path = plain(arguments, name, 2)
        shown = text(json_path(constant_text(path, "A JSON path")))
        if function == "athena_json_size":
            found = written(f"json_extract({_json_of(value).sql}, {shown.sql})", JSON, value)
            return call(function, type_, found)
        source = (
            converted(value, VARCHAR) if value.type.name in types.TEXTS and "scalar" in function else _json_of(value)
        )
        return call(function, type_, source, shown)

    return form


def _json_array_contains(arguments: Arguments, _: Modifiers) -> Value:
    value, wanted = plain(arguments, "json_array_contains", 2)
    if wanted.type.name not in ("varchar", "boolean", *types.INTEGERS, "double"):
        raise refused("json_array_contains", arguments)
    kinds = {"varchar": "'VARCHAR'", "boolean": "'BOOLEAN'", "double": "'DOUBLE', 'BIGINT', 'UBIGINT'"}
    kind = kinds.get(wanted.type.name, "'BIGINT', 'UBIGINT'")
    source = _json_of(value)
    same = f"json_extract_string(e, '$') = {wanted.sql}" if wanted.type.name == "varchar" else (
        f"TRY_CAST(e AS {in_duckdb(wanted.type)}) = {wanted.sql}"
    )  # fmt: skip
    items = f"CAST({source.sql} AS JSON[])"
    found = f"len(list_filter({items}, lambda e: json_type(e) IN ({kind}) AND {same})) > 0"
    return written(f"CASE WHEN json_type({source.sql}) = 'ARRAY' THEN {found} END", BOOLEAN, value, wanted)


def _array_join(arguments: Arguments, _: Modifiers) -> Value:
    value, separator, *null = plain(arguments, "array_join", 2, 3)
    if value.type.name != "array":
        raise refused("array_join", arguments)
    shown = as_text(Value("e", value.type.items[0]))
    if shown is None:
        raise refused("array_join", arguments)
    texts = f"list_transform({value.sql}, lambda e: {shown.sql})"
    if null:
        texts = f"list_transform({texts}, lambda e: coalesce(e, {coerced(null[0], VARCHAR).sql}))"
    return written(f"array_to_string({texts}, {coerced(separator, VARCHAR).sql})", VARCHAR, value, separator, *null)


def _reduce(arguments: Arguments, _: Modifiers) -> Value:
    """DuckDB's list_reduce keeps the type of the elements: state and element travel as one row."""
    if len(arguments) != 4 or not all(isinstance(a, Value) for a in arguments[:2]):
        raise refused("reduce", arguments)
    source, start, step, finish = arguments
    if (
        not isinstance(source, Value)
        or not isinstance(start, Value)
        or isinstance(step, Value)
        or isinstance(finish, Value)
    ):
        raise refused("reduce", arguments)
    if source.type.name != "array":
        raise refused("reduce", arguments)
    item, state = source.type.items[0], start.type
    p, q, f = f"{step.name}p", f"{step.name}q", finish.name
    for _round in range(3):
        body = step([state, item], [f"({p}).s", f"({q}).x"])
        both = types.common(state, body.type)
        if both is None:
            raise mismatch(f"The state of reduce is {state}, its next one {body.type}")
        if both == state:
            break
        state = both
    body = converted(body, state)
    in_state, in_item = in_duckdb(state), in_duckdb(item)
    pairs = f"list_transform({source.sql}, lambda x: struct_pack(s := CAST(NULL AS {in_state}), x := x))"
    first = f"struct_pack(s := CAST({converted(start, state).sql} AS {in_state}), x := CAST(NULL AS {in_item}))"
    following = f"struct_pack(s := {body.sql}, x := CAST(NULL AS {in_item}))"
    reduced = f"struct_extract_at(list_reduce({pairs}, lambda {p}, {q}: {following}, {first}), 1)"
    last = finish([state], [f])
    parts = [source, start, body, last]
    if last.sql == f:
        return written(reduced, state, *parts)
    return written(f"(list_transform(list_value({reduced}), lambda {f}: {last.sql}))[1]", last.type, *parts)


def _with_entries(name: str) -> Form:
    """map_filter, transform_keys, transform_values."""

    def form(arguments: Arguments, _: Modifiers) -> Value:
        if len(arguments) != 2:
            raise refused(name, arguments)
        source, body = arguments
        if not isinstance(source, Value) or isinstance(body, Value) or source.type.name != "map":
            raise refused(name, arguments)
        key, item = source.type.items
        entries = f"map_entries({source.sql})"
        e = body.name
        found = body([key, item], [f"({e}).key", f"({e}).value"])
        if name == "map_filter":
            test = operators.boolean(found, "Lambda of map_filter")
            return written(
                f"map_from_entries(list_filter({entries}, lambda {e}: {test.sql}))", source.type, source, test
            )
        changed = f"list_transform({entries}, lambda {e}: {found.sql})"
        if name == "transform_keys":
            type_ = Type("map", items=(found.type, item))
            return written(f"map({changed}, map_values({source.sql}))", type_, source, found)
        type_ = Type("map", items=(key, found.type))
        return written(f"map(map_keys({source.sql}), {changed})", type_, source, found)

    return form


def _zip_with(arguments: Arguments, _: Modifiers) -> Value:
    if len(arguments) != 3 or isinstance(arguments[2], Value):
        raise refused("zip_with", arguments)
    left, right = plain(arguments[:2], "zip_with", 2)
    if left.type.name != "array" or right.type.name != "array":
        raise refused("zip_with", arguments)
    e = arguments[2].name
    texts = [f"struct_extract_at({e}, 1)", f"struct_extract_at({e}, 2)"]
    found = arguments[2]([left.type.items[0], right.type.items[0]], texts)
    zipped = f"list_transform(list_zip({left.sql}, {right.sql}), lambda {e}: {found.sql})"
    missing = f"{left.sql} IS NULL OR {right.sql} IS NULL"
    return written(f"CASE WHEN {missing} THEN NULL ELSE {zipped} END", array(found.type), left, right, found)


def _map_zip_with(arguments: Arguments, _: Modifiers) -> Value:
    if len(arguments) != 3 or isinstance(arguments[2], Value):
        raise refused("map_zip_with", arguments)
    (left, right), _type = together_keys(*plain(arguments[:2], "map_zip_with", 2))
    key, first = left.type.items
    second = right.type.items[1]
    k = arguments[2].name
    texts = [k, f"map_extract_value({left.sql}, {k})", f"map_extract_value({right.sql}, {k})"]
    found = arguments[2]([key, first, second], texts)
    keys = f"list_distinct(list_concat(map_keys({left.sql}), map_keys({right.sql})))"
    type_ = Type("map", items=(key, found.type))
    both = f"map({keys}, list_transform({keys}, lambda {k}: {found.sql}))"
    missing = f"{left.sql} IS NULL OR {right.sql} IS NULL"
    return written(f"CASE WHEN {missing} THEN NULL ELSE {both} END", type_, left, right, found)


def together_keys(left: Value, right: Value) -> tuple[list[Value], Type]:
    """Two maps whose keys are of one type."""
    if left.type.name != "map" or right.type.name != "map":
        raise refused("map_zip_with", [left, right])
    key = types.common(left.type.items[0], right.type.items[0])
    if key is None:
        raise refused("map_zip_with", [left, right])
    return [converted(m, Type("map", items=(key, m.type.items[1]))) for m in (left, right)], key


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


_FORMAT = re.compile(r"%(?:(%)|(n)|([-+ 0,(#]*)(\d+)?(?:\.(\d+))?([a-zA-Z]))")


def _format(arguments: Arguments, _: Modifiers) -> Value:
    pattern, *parts = plain(arguments, "format", *range(1, 128))
    given = constant_text(pattern, "The format")
    pieces: list[str] = []
    place = used = 0
    for found in _FORMAT.finditer(given):
        if "%" in given[place : found.start()]:
            break
        pieces.append(literal(given[place : found.start()]))
        place = found.end()
        if found[1] or found[2]:
            pieces.append("'%'" if found[1] else "chr(10)")
            continue
        if used >= len(parts):
            raise QueryError("INVALID_FUNCTION_ARGUMENT", f"Format specifier '{found[0]}' has no argument")
        pieces.append(_formatted(found, parts[used]))
        used += 1
    if "%" in given[place:]:
        raise QueryError("NOT_SUPPORTED", "Such a format specifier is not supported")
    pieces.append(literal(given[place:]))
    return written("(" + " || ".join(p for p in pieces if p != "''") + " || '')", VARCHAR, *parts)


def _formatted(found: re.Match[str], value: Value) -> str:
    flags, width, digits, kind = found[3] or "", found[4] or "", found[5], found[6]
    if set(flags) - set("-0,"):
        raise QueryError("NOT_SUPPORTED", f"The format specifier '{found[0]}' is not supported")
    align = "<" if "-" in flags else ">"
    comma = "," if "," in flags else ""
    zero = "0" if "0" in flags else ""
    if kind == "d" and value.type.name in types.INTEGERS:
        return f"format('{{:{'' if zero else align}{zero}{width}{comma}}}', {value.sql})"
    if kind in "fe" and value.type.name in (*types.FLOATS, "decimal"):
        double = coerced(value, DOUBLE)
        return f"format('{{:{'' if zero else align}{zero}{width}{comma}.{digits or 6}{kind}}}', {double.sql})"
    if kind == "x" and value.type.name in types.INTEGERS and not comma:
        return f"format('{{:{'' if zero else align}{zero}{width}x}}', {value.sql})"
    if kind == "s" and not comma and digits is None and not zero:
        shown = (
            as_text(value) if value.type.name not in types.FLOATS else Value(f"CAST({value.sql} AS VARCHAR)", VARCHAR)
        )
        if shown is not None:
            plain_text = f"coalesce({shown.sql}, 'null')"
            return f"format('{{:{align}{width}}}', {plain_text})" if width else plain_text
    raise QueryError("NOT_SUPPORTED", f"The format specifier '{found[0]}' is not supported for {value.type}")


def _shuffle(_arguments: Arguments, _: Modifiers) -> Value:
    raise QueryError("NOT_SUPPORTED", "shuffle is not supported")


def _array_sort(arguments: Arguments, _: Modifiers) -> Value | None:
    """With a comparator: each element goes behind those that are not greater."""
    if len(arguments) != 2:
        return None
    source, compare = arguments
    if not isinstance(source, Value) or isinstance(compare, Value) or source.type.name != "array":
        raise refused("array_sort", arguments)
    item, p, q, y = source.type.items[0], f"{compare.name}p", f"{compare.name}q", f"{compare.name}y"
    found = coerced(compare([item, item], [y, f"({q})[1]"]), BIGINT, "The result of a comparator")
    alone = f"list_transform({source.sql}, lambda {y}: list_value({y}))"
    lower, higher = (f"list_filter({p}, lambda {y}: {found.sql} {test} 0)" for test in ("<=", ">"))
    merged = f"list_concat(list_concat({lower}, {q}), {higher})"
    return written(f"list_reduce({alone}, lambda {p}, {q}: {merged}, [])", source.type, source, found)


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
FORMS: dict[str, Any] = {
    "if": _if, "try": _try, "typeof": _typeof, "nullif": _nullif, "mod": _mod, "round": _decimal_step("round"),
    "ceil": _decimal_step("ceil"), "ceiling": _decimal_step("ceil"), "floor": _decimal_step("floor"),
    "truncate": _truncate, "sign": _sign, "sum": _sum, "avg": _avg, "grouping": _grouping, "row": _row,
    "concat": _concat, "concat_ws": _concat_ws, "greatest": _greatest("greatest"), "least": _greatest("least"),
    "length": _length, "regexp_replace": _regexp_replace,
    "regexp_extract": _regexp_extract("regexp_extract", "athena_regexp_extract"),
    "regexp_extract_all": _regexp_extract("regexp_extract_all", "regexp_extract_all"),
    "regexp_position": _regexp_position, "json_extract": _json("json_extract", "json_extract", JSON),
    "json_extract_scalar": _json("json_extract_scalar", "athena_json_scalar", VARCHAR),
    "json_size": _json("json_size", "athena_json_size", BIGINT), "json_array_contains": _json_array_contains,
    "array_join": _array_join, "reduce": _reduce, "map_filter": _with_entries("map_filter"),
    "transform_keys": _with_entries("transform_keys"), "transform_values": _with_entries("transform_values"),
    "zip_with": _zip_with, "map_zip_with": _map_zip_with, "map_concat": _map_concat, "zip": _zip, "format": _format,
    "shuffle": _shuffle, "array_sort": _array_sort, "json_parse": _transform_json, "width_bucket": _width_bucket,
    "bitwise_left_shift": _shift("bitwise_left_shift", "<<"),
    "bitwise_right_shift": _shift("bitwise_right_shift", ">>"), "to_base": _to_base,
}  # fmt: skip
