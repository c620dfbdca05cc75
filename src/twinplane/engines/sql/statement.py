"""Athena text -> a checked tree, and the tables it names.

The user's text goes no further than this file: everything behind it works on a tree made of allow-listed nodes, and
the engine only ever sees text generated from that tree.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.dialects.trino import Trino
from sqlglot.errors import SqlglotError

from twinplane.engines.sql import functions
from twinplane.engines.sql.allowed import words
from twinplane.engines.sql.plan import Names, QueryError, Reference, SyntaxRefused

logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns of what we refuse, with the user's text

CATALOG = "awsdatacatalog"
MAX_CHARACTERS = 262_144  # Athena's own limit
_MAX_DEPTH = 400

# Of these nodes only the named parts are taken; anything else in them is refused rather than dropped.
_PARTS: dict[type[exp.Expr], frozenset[str]] = {
    exp.Select: words("with_ expressions distinct from_ laterals joins where group having order limit offset windows"),
    exp.Table: words("this db catalog alias joins laterals sample"),
    exp.CTE: frozenset({"this", "alias"}),
    exp.With: frozenset({"expressions", "recursive"}),
    exp.Distinct: frozenset({"expressions"}),
    exp.Star: frozenset(),
    exp.Subquery: words("this alias with_ joins laterals order limit offset sample"),
    exp.Join: words("this on using side kind method"),
}
_TYPES = {
    exp.DataType.Type[name]
    for name in words(
        "ARRAY BIGINT BINARY BOOLEAN CHAR DATE DECIMAL DOUBLE FLOAT INT INTERVAL JSON MAP SMALLINT STRUCT TEXT "
        "TIME TIMETZ TIMESTAMP TIMESTAMPTZ TINYINT VARBINARY VARCHAR UNKNOWN NULL"
    )
}


class AthenaQuery(Trino):
    """Athena's dialect of queries. Subscripts stay as written: the parser would shift some of them by one, not all."""

    INDEX_OFFSET = 0


@dataclass(frozen=True, slots=True)
class Statement:
    """A checked query. Do not change the tree: copy it."""

    tree: exp.Expr
    tables: tuple[Reference, ...]


@lru_cache(maxsize=256)
def parse(text: str, parameters: tuple[str, ...] = ()) -> Statement:
    """The query that `text` holds, its `?` replaced by the literals of `parameters`.

    Raises `SyntaxRefused` (not one query) and `QueryError` (not one we serve).
    """
    if len(text) > MAX_CHARACTERS:
        raise SyntaxRefused(f"Query string is longer than {MAX_CHARACTERS} characters")
    tree = _parse_one(text)
    _put_parameters(tree, parameters)
    if not isinstance(tree, (exp.Query, exp.Values)):
        raise SyntaxRefused("Only queries (SELECT, WITH, VALUES, TABLE, set operations), SHOW and DESCRIBE are served")
    check(tree)
    _lower_names(tree)
    if isinstance(tree, exp.Values):
        tree = _select_of_values(tree)
    return Statement(tree, tuple(dict.fromkeys(reference_of(t) for t in resolve(tree))))


def _parse_one(text: str) -> exp.Expr:
    try:
        found = [t for t in sqlglot.parse(text, read=AthenaQuery) if t is not None and not isinstance(t, exp.Semicolon)]
    except SqlglotError as error:
        raise SyntaxRefused(_where(error)) from None
    except RecursionError:
        raise SyntaxRefused("The query is nested too deeply") from None
    if not found:
        raise SyntaxRefused("The query is empty")
    if len(found) > 1:
        raise SyntaxRefused("Only one sql statement is allowed. Got: " + str(len(found)))
    return found[0]


def _put_parameters(tree: exp.Expr, parameters: Sequence[str]) -> None:
    places = [p for p in tree.find_all(exp.Placeholder, bfs=False) if not p.args.get("this")]
    if len(places) != len(parameters):
        message = f"Incorrect number of parameters: expected {len(places)} but found {len(parameters)}"
        raise QueryError("INVALID_PARAMETER_USAGE", message)
    for place, text in zip(places, parameters, strict=True):
        value = _parse_one(f"SELECT {text}").expressions
        if len(value) != 1 or value[0].find(exp.Column, exp.Query, exp.Star):
            raise QueryError("INVALID_PARAMETER_USAGE", "An execution parameter must be a literal")
        place.replace(exp.Paren(this=value[0]) if isinstance(value[0], exp.Binary) else value[0])


def _where(error: SqlglotError) -> str:
    details = getattr(error, "errors", None) or [{}]
    first = details[0]
    if not first.get("line"):
        return "The text cannot be read as a query"
    near = str(first.get("highlight") or "")[:60]
    return f"line {first['line']}:{first['col']}: mismatched input '{near}'"


def check(tree: exp.Expr) -> None:
    """Raises `QueryError` unless the tree consists of allow-listed nodes only."""
    for node in tree.walk():
        kind = type(node)
        if kind is exp.Anonymous:
            if str(node.this).lower() not in functions.CALLS:
                raise unknown_function(str(node.this))
        elif kind not in functions.NODES:
            if isinstance(node, exp.Func):
                raise unknown_function(
                    node.sql_name() if not isinstance(node, exp.AnonymousAggFunc) else str(node.this)
                )
            raise QueryError("NOT_SUPPORTED", f"{node.key.upper()} is not supported")
        allowed = _PARTS.get(kind)
        if allowed is not None:
            for name, value in node.args.items():
                if value and name not in allowed:
                    raise QueryError("NOT_SUPPORTED", f"{name.strip('_').upper()} is not supported here")
        if isinstance(node, exp.DataType) and node.this not in _TYPES:
            raise QueryError("TYPE_NOT_FOUND", f"Unknown type: {node.sql('athena').lower()}")
    if _depth(tree) > _MAX_DEPTH:
        raise SyntaxRefused("The query is nested too deeply")


def _depth(tree: exp.Expr) -> int:
    deepest, level = 0, [tree]
    while level:
        deepest += 1
        level = [child for node in level for child in node.iter_expressions()]
    return deepest


def unknown_function(name: str) -> QueryError:
    return QueryError("FUNCTION_NOT_FOUND", f"Function '{name.lower()}' not registered")


def _lower_names(tree: exp.Expr) -> None:
    """Names in lower case, as Athena compares them; the result's column names are kept beside (`shown`)."""
    for query in outputs(tree):
        for projection in query.expressions:
            if not projection.is_star:
                projection.meta["shown"] = projection.alias if isinstance(projection, exp.Alias) else _bare(projection)
    for identifier in tree.find_all(exp.Identifier):
        identifier.set("this", str(identifier.this).lower())


def _bare(projection: exp.Expr) -> str:
    """The name of an output that has no alias: a column's own, else none."""
    return projection.name.lower() if isinstance(projection, (exp.Column, exp.Dot)) else ""


def outputs(tree: exp.Expr) -> Iterator[exp.Select]:
    """The SELECT whose columns are those of the result."""
    while isinstance(tree, (exp.SetOperation, exp.Subquery)):
        tree = tree.this
    if isinstance(tree, exp.Select):
        yield tree


def _select_of_values(values: exp.Values) -> exp.Expr:
    first = values.expressions[0]
    width = len(first.expressions) if isinstance(first, exp.Tuple) else 1
    columns = [exp.to_identifier(f"_col{i}", quoted=True) for i in range(width)]
    values.set("alias", exp.TableAlias(this=exp.to_identifier("v", quoted=True), columns=columns))
    return exp.select("*").from_(values)


def resolve(tree: exp.Expr) -> list[exp.Table]:
    """Gives every CTE an opaque name, and returns the table nodes that are not CTEs.

    Scopes are lexical: a name means the innermost CTE that encloses it, and the catalog's table where there is none.
    """
    found: list[exp.Table] = []
    _resolve(tree, {}, Names(), found)
    return found


def _resolve(node: exp.Expr, scope: dict[str, str], names: Names, found: list[exp.Table]) -> None:
    with_ = node.args.get("with_")
    if with_ is not None:
        scope = _declare(with_, scope, names, found)
    for child in node.iter_expressions():
        if child is not with_:
            _resolve(child, scope, names, found)
    if isinstance(node, exp.Table):
        _name_table(node, scope, found)


def _declare(with_: exp.Expr, scope: dict[str, str], names: Names, found: list[exp.Table]) -> dict[str, str]:
    scope, own = dict(scope), set[str]()
    for cte in with_.expressions:
        name, opaque = cte.alias, names.next("c")
        if not name or name in own:
            raise QueryError("DUPLICATE_NAMED_QUERY", f"WITH query name '{name}' specified more than once")
        own.add(name)
        _resolve(cte.this, scope | {name: opaque} if with_.args.get("recursive") else scope, names, found)
        cte.args["alias"].set("this", exp.to_identifier(opaque, quoted=True))
        scope[name] = opaque
    return scope


def _name_table(table: exp.Table, scope: dict[str, str], found: list[exp.Table]) -> None:
    if not isinstance(table.this, exp.Identifier):
        name = table.this.sql_name() if isinstance(table.this, exp.Func) else str(table.this.name)
        if isinstance(table.this, exp.Anonymous):
            name = str(table.this.this)
        raise unknown_function(name)
    if table.args.get("alias") is None:
        table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name, quoted=True)))
    elif not table.args["alias"].args.get("this"):
        table.args["alias"].set("this", exp.to_identifier(table.name, quoted=True))
    if not table.args.get("db") and table.name in scope:
        table.set("this", exp.to_identifier(scope[table.name], quoted=True))
        table.meta["cte"] = True
        return
    if table.args.get("catalog") and table.catalog != CATALOG:
        raise QueryError("CATALOG_NOT_FOUND", f"Catalog '{table.catalog}' does not exist")
    found.append(table)


def reference_of(table: exp.Table) -> Reference:
    """The table that a table node names."""
    return Reference(table.db or None, table.name)
