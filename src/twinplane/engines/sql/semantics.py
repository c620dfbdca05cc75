"""Where DuckDB would silently answer other than Athena: the typed tree says what is meant, here it is written out.

Known still to differ: a literal like 1.0 is a double, not a decimal; a decimal divided by a decimal is a double; a
double or timestamp cast to varchar is printed as DuckDB does; CHAR(n) is not padded; values of different types are
compared by casting one where Athena refuses; inside TRY the failing part is NULL, not the whole of the argument.
"""

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from twinplane.engines.sql import functions
from twinplane.engines.sql.plan import QueryError

_INTEGERS = exp.DataType.INTEGER_TYPES
_FLOATS = exp.DataType.FLOAT_TYPES
_EXACT = _INTEGERS | {exp.DataType.Type.DECIMAL}
_UNSIGNED = ("cardinality", "json_array_length")  # DuckDB: unsigned; Athena: bigint
_DATE_UNITS = ("DAY", "WEEK", "MONTH", "QUARTER", "YEAR")


def write_out(tree: exp.Expr) -> exp.Expr:
    """The same query in terms that mean in DuckDB what they mean in Athena. Raises `QueryError`."""
    for node in list(tree.walk(bfs=False))[::-1]:  # children first
        new = _changed(node)
        if new is not node:
            if node is tree:
                tree = new
            else:
                node.replace(new)
    return tree


def _changed(node: exp.Expr) -> exp.Expr:
    change = _CHANGES.get(type(node))
    return node if change is None else change(node)


def _named_call(node: exp.Anonymous) -> exp.Expr:
    name = str(node.this).lower()
    call = exp.Anonymous(this=functions.CALLS.get(name, name), expressions=node.expressions)
    return exp.cast(call, "BIGINT", dialect="duckdb") if name in _UNSIGNED else call


def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=[a.copy() for a in arguments])


def _is(node: exp.Expr, *types: exp.DType) -> bool:
    return node.type is not None and node.type.this in types


def _known(node: exp.Expr) -> bool:
    return node.type is not None and not _is(node, exp.DataType.Type.UNKNOWN)


def _may_be_exact(node: exp.Binary) -> bool:
    return not (_is(node.this, *_FLOATS) or _is(node.expression, *_FLOATS))


def _in_try(node: exp.Expr) -> bool:
    """Inside TRY, where what would fail is NULL: DuckDB's own operators do that, and its TRY takes no `error`."""
    return node.find_ancestor(exp.Try) is not None


def _modulo(node: exp.Mod) -> exp.Expr:
    if _in_try(node) or not _may_be_exact(node):
        return node
    return _call("athena_modulo", node.this, node.expression)


def _division(node: exp.Div) -> exp.Expr:
    left, right = node.this, node.expression
    if _is(left, *_FLOATS) or _is(right, *_FLOATS):
        return exp.Div(this=left.copy(), expression=right.copy(), typed=False, safe=False)
    if not (_known(left) and _known(right)):
        raise QueryError("NOT_SUPPORTED", "The types of a division are not known: write CAST around its operands")
    if _is(left, *_INTEGERS) and _is(right, *_INTEGERS):
        both = {"this": left.copy(), "expression": right.copy()}
        return exp.IntDiv(**both) if _in_try(node) else _call("athena_divide", left, right)
    if _is(left, *_EXACT) and _is(right, *_EXACT) and not _in_try(node):
        return _call("athena_divide_exact", left, right)
    return node


def _subscript(node: exp.Bracket) -> exp.Expr:
    """`a[i]` fails outside of the array or map, `element_at(a, i)` (`safe`) is NULL there."""
    if len(node.expressions) != 1 or isinstance(node.expressions[0], exp.Slice):
        raise QueryError("NOT_SUPPORTED", "A subscript has one value")
    index, safe = node.expressions[0], node.args.get("safe") or _in_try(node)
    if _is(node.this, exp.DType.MAP):
        return _call("map_extract_value" if safe else "athena_key", node.this, index)
    if _is(node.this, exp.DType.ARRAY, exp.DType.LIST) or isinstance(node.this, _LISTS):
        return _call("array_extract" if safe else "athena_subscript", node.this, index)
    raise QueryError("NOT_SUPPORTED", "The type of what is subscripted is not known: write CAST around it")


def _typed_aggregate(node: exp.Expr, type_: str) -> exp.Expr:
    """An aggregate with Athena's result type; under OVER or FILTER the cast must go around those."""
    if isinstance(node.parent, (exp.Window, exp.Filter)):
        node.meta["result"] = type_
        return node
    return exp.cast(node.copy(), type_, dialect="duckdb")


def _typed_around(node: exp.Expr) -> exp.Expr:
    type_ = node.this.meta.get("result")
    return node if type_ is None else _typed_aggregate(node, type_)


def _substring(node: exp.Substring) -> exp.Expr:
    start, length = node.args.get("start"), node.args.get("length")
    if start is None or (isinstance(start, exp.Literal) and int(start.this) > 0):
        return node
    if length is None:
        return _call("athena_substring", node.this, start)
    return _call("athena_substring_to", node.this, start, length)


def _date_diff(node: exp.DateDiff) -> exp.Expr:
    """Athena counts whole units that have passed, as DuckDB's date_sub; its date_diff counts boundaries crossed."""
    unit = node.args.get("unit")
    return _call("date_sub", exp.Literal.string(unit.name.lower() if unit else "day"), node.expression, node.this)


def _cast(node: exp.Cast) -> exp.Expr:
    """Athena rounds half away from zero where DuckDB rounds half to even; a timestamp literal is just a timestamp."""
    target = node.to
    if target.this in _INTEGERS and _is(node.this, *_FLOATS):
        node.set("this", exp.Round(this=node.this.copy()))
    elif target.this == exp.DType.TIMESTAMP and isinstance(node.this, exp.Literal):
        node.set("to", exp.DataType(this=exp.DType.TIMESTAMP, nested=False))
    return node


def _split_part(node: exp.SplitPart) -> exp.Expr:
    return _call("athena_split_part", node.this, node.args["delimiter"], node.args["part_index"])


def _regexp_extract(node: exp.RegexpExtract) -> exp.Expr:
    group = node.args.get("group") or exp.Literal.number(0)
    return _call("athena_regexp_extract", node.this, node.expression, group)


def _regexp_replace(node: exp.RegexpReplace) -> exp.Expr:
    new = node.args.get("replacement")
    if new is not None and not (isinstance(new, exp.Literal) and not {"$", "\\"} & set(str(new.this))):
        raise QueryError("NOT_SUPPORTED", "regexp_replace takes a literal replacement without groups")
    return node


def _json_scalar(node: exp.JSONExtractScalar) -> exp.Expr:
    return _call("athena_json_scalar", node.this, node.expression)


def _reverse(node: exp.Reverse) -> exp.Expr:
    return _call("list_reverse", node.this) if _is(node.this, exp.DType.ARRAY, exp.DType.LIST) else node


def _cardinality(node: exp.ArraySize) -> exp.Expr:
    if _is(node.this, exp.DType.MAP):
        return exp.cast(_call("cardinality", node.this), "BIGINT", dialect="duckdb")
    return node


def _sum(node: exp.Sum) -> exp.Expr:
    return _typed_aggregate(node, "BIGINT") if _is(node.this, *_INTEGERS) else node


def _random(node: exp.Rand) -> exp.Expr:
    if node.this is not None:
        raise QueryError("NOT_SUPPORTED", "random with a bound is not supported")
    return node


def _date_stays_date(node: exp.Expr) -> exp.Expr:
    """DATE plus whole days, and DATE truncated, are DATE; DuckDB makes them TIMESTAMP."""
    operands = [node.this, node.args.get("expression")]
    dates = [o for o in operands if o is not None and _is(o, exp.DataType.Type.DATE)]
    others = [o for o in operands if o is not None and not _is(o, exp.DataType.Type.DATE)]
    if len(dates) != 1:
        return node
    if isinstance(node, (exp.Add, exp.Sub)) and not (others and isinstance(others[0], exp.Interval)):
        return node
    unit = node.args.get("unit") or (
        others[0].args.get("unit") if others and isinstance(others[0], exp.Interval) else None
    )
    if unit is None or unit.name.upper().rstrip("S") not in _DATE_UNITS:
        return node
    return exp.cast(node.copy(), "DATE", dialect="duckdb")


def _unnest(node: exp.Unnest) -> exp.Expr:
    """UNNEST of a map, or of several arrays, as a lateral subquery: DuckDB's UNNEST takes one list."""
    maps = [_is(e, exp.DataType.Type.MAP) for e in node.expressions]
    if len(maps) == 1 and not maps[0]:
        return node
    alias = node.args.get("alias")
    if alias is None or node.args.get("offset"):
        raise QueryError("NOT_SUPPORTED", "UNNEST of a map or of several arrays needs an alias, and no ORDINALITY")
    names = [c.name for c in alias.columns]
    lists: list[exp.Expr] = []
    for is_map, argument in zip(maps, node.expressions, strict=True):
        sides = ("map_keys", "map_values") if is_map else (None,)
        lists += [argument.copy() if side is None else _call(side, argument) for side in sides]
    if len(names) != len(lists):
        raise QueryError("NOT_SUPPORTED", "UNNEST of a map or of several arrays needs an alias that names each column")
    columns = [
        exp.alias_(_call("unnest", one), name, quoted=True) for one, name in zip(lists, names, strict=True)
    ]  # fmt: skip
    body = exp.Subquery(this=exp.Select(expressions=columns))
    table = exp.TableAlias(this=alias.this.copy())
    return exp.Lateral(this=body, alias=table)


_LISTS = (exp.Array, exp.Split, exp.RegexpExtractAll, exp.RegexpSplit, exp.GenerateSeries, exp.ArrayAgg, exp.MapKeys)
_CHANGES: dict[type[exp.Expr], Callable[[Any], exp.Expr]] = {
    exp.Anonymous: _named_call,
    exp.Div: _division,
    exp.Mod: _modulo,
    exp.Bracket: _subscript,
    exp.ArraySize: _cardinality,
    exp.ArrayDistinct: lambda node: _call("athena_array_distinct", node.this),
    exp.Sum: _sum,
    exp.CountIf: lambda node: _typed_aggregate(node, "BIGINT"),
    exp.Window: _typed_around,
    exp.Filter: _typed_around,
    exp.Substring: _substring,
    exp.SplitPart: _split_part,
    exp.RegexpExtract: _regexp_extract,
    exp.RegexpReplace: _regexp_replace,
    exp.JSONExtractScalar: _json_scalar,
    exp.Reverse: _reverse,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.DateDiff: _date_diff,
    exp.Add: _date_stays_date,
    exp.Sub: _date_stays_date,
    exp.DateAdd: _date_stays_date,
    exp.DateTrunc: _date_stays_date,
    exp.TimestampTrunc: _date_stays_date,
    exp.Unnest: _unnest,
    exp.Rand: _random,
}
