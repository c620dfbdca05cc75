"""What EXPLAIN shows: the shape of a query as its author wrote it. Nothing of the data, of who may see what of it, or
of how it is run: those would tell of hidden rows and columns."""

from sqlglot import exp

_INDENT = "    "


def lines(tree: exp.Expr) -> tuple[str, ...]:
    """The operators of a checked query, the outermost first, each below what it feeds."""
    found: list[str] = ["Query Plan"]
    _node(tree, 0, found)
    return tuple(found)


def _say(found: list[str], depth: int, text: str) -> None:
    found.append(f"{_INDENT * depth}- {text}")


def _sql(node: exp.Expr) -> str:
    return node.sql(dialect="athena", comments=False)


def _node(node: exp.Expr, depth: int, found: list[str]) -> None:
    limit, order = node.args.get("limit"), node.args.get("order")
    if limit is not None:
        _say(found, depth, f"Limit[{_sql(limit).removeprefix('LIMIT ')}]")
        depth += 1
    if order is not None:
        _say(found, depth, f"Sort[{_sql(order).removeprefix('ORDER BY ')}]")
        depth += 1
    match node:
        case exp.SetOperation():
            _say(found, depth, f"{type(node).__name__}[{'DISTINCT' if node.args.get('distinct') else 'ALL'}]")
            _node(node.this, depth + 1, found)
            _node(node.expression, depth + 1, found)
        case exp.Subquery():
            _node(node.this, depth, found)
        case exp.Select():
            _select(node, depth, found)
        case exp.Table():
            alias = node.args.get("alias")
            name = ".".join(p for p in (node.db, node.name) if p)
            _say(found, depth, f"TableScan[table = {alias.name if node.meta.get('cte') and alias else name}]")
        case _:
            _say(found, depth, f"{node.key.title()}[{_sql(node)}]")
    for cte in (node.args.get("with_") or exp.With()).expressions:
        _say(found, depth + 1, "With")
        _node(cte.this, depth + 2, found)


def _select(node: exp.Select, depth: int, found: list[str]) -> None:
    _say(found, depth, f"Output[{', '.join(_sql(e) for e in node.expressions)}]")
    depth += 1
    if node.args.get("distinct"):
        _say(found, depth, "Distinct")
        depth += 1
    group, having, where = (node.args.get(name) for name in ("group", "having", "where"))
    if having is not None:
        _say(found, depth, f"Filter[{_sql(having.this)}]")
        depth += 1
    if group is not None or node.find(exp.AggFunc):
        keys = _sql(group).removeprefix("GROUP BY ") if group is not None else ""
        _say(found, depth, f"Aggregate[{keys}]")
        depth += 1
    if where is not None:
        _say(found, depth, f"Filter[{_sql(where.this)}]")
        depth += 1
    source = node.args.get("from_")
    joins = node.args.get("joins") or []
    for join in joins:
        kind = " ".join(p for p in (join.side, join.kind) if p) or "INNER"
        on = join.args.get("on")
        _say(found, depth, f"Join[{kind}{' ' + _sql(on) if on is not None else ''}]")
        depth += 1
    if source is not None:
        _node(source.this, depth, found)
    else:
        _say(found, depth, "Values[1 row]")
    for join in reversed(joins):
        depth -= 1
        _node(join.this, depth + 1, found)
