"""Functions of texts and JSON whose DuckDB text depends on literals: patterns, paths, formats."""

from __future__ import annotations

import re
from dataclasses import replace

from twinplane.engines.sql import types
from twinplane.engines.sql.forms import Arguments, Form, constant_text, plain, refused
from twinplane.engines.sql.plan import QueryError
from twinplane.engines.sql.signatures import Modifiers
from twinplane.engines.sql.types import BIGINT, BOOLEAN, DOUBLE, JSON, VARCHAR, Type, array, in_duckdb, literal
from twinplane.engines.sql.values import Value, as_text, call, coerced, converted, text, written

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


FORMS: dict[str, Form] = {
    "regexp_replace": _regexp_replace,
    "regexp_extract": _regexp_extract("regexp_extract", "athena_regexp_extract"),
    "regexp_extract_all": _regexp_extract("regexp_extract_all", "regexp_extract_all"),
    "regexp_position": _regexp_position,
    "json_extract": _json("json_extract", "json_extract", JSON),
    "json_extract_scalar": _json("json_extract_scalar", "athena_json_scalar", VARCHAR),
    "json_size": _json("json_size", "athena_json_size", BIGINT),
    "json_array_contains": _json_array_contains,
    "array_join": _array_join,
    "format": _format,
}
