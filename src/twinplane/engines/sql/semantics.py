"""Where DuckDB would silently answer other than Athena: the typed tree says what is meant, here it is written out."""

from sqlglot import exp

from twinplane.engines.sql import functions
from twinplane.engines.sql.plan import QueryError

_INTEGERS = exp.DataType.INTEGER_TYPES
_FLOATS = exp.DataType.FLOAT_TYPES
_EXACT = _INTEGERS | {exp.DataType.Type.DECIMAL}
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
    match node:
        case exp.Anonymous():
            return exp.Anonymous(this=functions.CALLS[str(node.this).lower()], expressions=node.expressions)
        case exp.Div():
            return _division(node)
        case exp.Mod():
            return _call("athena_modulo", node.this, node.expression) if _may_be_exact(node) else node
        case exp.Bracket():
            return _subscript(node)
        case exp.ArraySize() if _is(node.this, exp.DataType.Type.MAP):
            return _call("cardinality", node.this)
        case exp.Sum() if node.this.type and node.this.type.this in _INTEGERS:
            return _typed_aggregate(node, "BIGINT")
        case exp.CountIf():
            return _typed_aggregate(node, "BIGINT")
        case exp.Substring():
            return _substring(node)
        case exp.Add() | exp.Sub() | exp.DateAdd() | exp.DateTrunc() | exp.TimestampTrunc():
            return _date_stays_date(node)
        case exp.Window() | exp.Filter():
            return _typed_around(node)
        case exp.Unnest():
            return _unnest(node)
        case exp.Rand() if node.this is not None:
            raise QueryError("NOT_SUPPORTED", "random with a bound is not supported")
        case _:
            return node


def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=[a.copy() for a in arguments])


def _is(node: exp.Expr, *types: exp.DType) -> bool:
    return node.type is not None and node.type.this in types


def _known(node: exp.Expr) -> bool:
    return node.type is not None and not _is(node, exp.DataType.Type.UNKNOWN)


def _may_be_exact(node: exp.Binary) -> bool:
    return not (_is(node.this, *_FLOATS) or _is(node.expression, *_FLOATS))


def _division(node: exp.Div) -> exp.Expr:
    left, right = node.this, node.expression
    if _is(left, *_FLOATS) or _is(right, *_FLOATS):
        return exp.Div(this=left.copy(), expression=right.copy(), typed=False, safe=False)
    if not (_known(left) and _known(right)):
        raise QueryError("NOT_SUPPORTED", "The types of a division are not known: write CAST around its operands")
    if _is(left, *_INTEGERS) and _is(right, *_INTEGERS):
        return _call("athena_divide", left, right)
    if _is(left, *_EXACT) and _is(right, *_EXACT):
        return _call("athena_divide_exact", left, right)
    return node


def _subscript(node: exp.Bracket) -> exp.Expr:
    if node.args.get("safe") or len(node.expressions) != 1 or isinstance(node.expressions[0], exp.Slice):
        return node
    index = node.expressions[0]
    if _is(node.this, exp.DataType.Type.MAP):
        return _call("athena_key", node.this, index)
    if _is(node.this, exp.DataType.Type.ARRAY, exp.DataType.Type.LIST):
        return _call("athena_subscript", node.this, _one_based(index))
    return node


def _one_based(index: exp.Expr) -> exp.Expr:
    if isinstance(index, exp.Literal) and not index.is_string:
        return exp.Literal.number(int(index.this) + 1)
    return index


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
