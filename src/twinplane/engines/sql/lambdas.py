"""Functions that take a lambda and are more than one DuckDB call: reduce, zip_with, those of maps, comparators."""

from __future__ import annotations

from twinplane.engines.sql import operators, types
from twinplane.engines.sql.forms import Arguments, Form, plain, refused
from twinplane.engines.sql.signatures import Modifiers
from twinplane.engines.sql.types import BIGINT, Type, array, in_duckdb
from twinplane.engines.sql.values import Value, coerced, converted, mismatch, written


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


FORMS: dict[str, Form] = {
    "reduce": _reduce,
    "map_filter": _with_entries("map_filter"),
    "transform_keys": _with_entries("transform_keys"),
    "transform_values": _with_entries("transform_values"),
    "zip_with": _zip_with,
    "map_zip_with": _map_zip_with,
    "array_sort": _array_sort,
}
