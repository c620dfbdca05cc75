"""Athena text -> a checked tree, and the tables it names.

The user's text goes no further than this file: everything behind it works on a tree made of allow-listed nodes, and
the engine only ever sees text generated from that tree.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import sqlglot
from sqlglot import TokenType, exp
from sqlglot.dialects.trino import Trino
from sqlglot.errors import SqlglotError
from sqlglot.parsers.trino import TrinoParser

from twinplane.engines.sql import calls, snapshots
from twinplane.engines.sql.allowed import words
from twinplane.engines.sql.plan import Names, QueryError, Reference, SyntaxRefused

logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns of what we refuse, with the user's text

CATALOG = "awsdatacatalog"
MAX_CHARACTERS = 262_144  # Athena's own limit
_MAX_DEPTH = 400

# Of these nodes only the named parts are taken; anything else in them is refused rather than dropped.
_PARTS: dict[type[exp.Expr], frozenset[str]] = {
    exp.Select: words("with_ expressions distinct from_ laterals joins where group having order limit offset windows"),
    exp.Table: words("this db catalog alias joins laterals sample version"),
    exp.CTE: frozenset({"this", "alias"}),
    exp.With: frozenset({"expressions", "recursive"}),
    exp.Distinct: frozenset({"expressions"}),
    exp.Star: frozenset(),
    exp.Subquery: words("this alias with_ joins laterals order limit offset sample"),
    exp.Join: words("this on using side kind method"),
    exp.Unnest: words("expressions alias offset"),
    exp.Case: words("this ifs default"),
    exp.Extract: words("this expression"),
    exp.Like: words("this expression negate"),
    exp.Is: words("this expression negate"),
    exp.Between: words("this low high symmetric"),
    exp.Literal: words("this is_string"),
    exp.Identifier: words("this quoted"),
    exp.Column: words("this table db catalog"),
    exp.TableAlias: words("this columns"),
    exp.Alias: words("this alias"),
    exp.DataType: words("this expressions nested"),
    exp.ColumnDef: words("this kind"),
    exp.Cast: words("this to"),
    exp.TryCast: words("this to safe"),
    exp.If: words("this true false"),
    exp.Interval: words("this unit"),
    exp.AtTimeZone: words("this zone"),
    exp.Div: words("this expression typed safe"),
    exp.DPipe: words("this expression safe"),
    exp.Fetch: words("direction count limit_options"),
    exp.LimitOptions: words("percent rows with_ties"),
    exp.Version: words("this kind expression"),
    exp.In: words("this expressions query"),
    exp.Bracket: words("this expressions"),
    exp.Array: words("expressions value_constructor"),
    exp.Window: words("this partition_by order spec alias over first"),
    exp.WindowSpec: words("kind start start_side end end_side exclude"),
    exp.GroupConcat: words("this separator on_overflow"),
    exp.Ordered: words("this desc nulls_first"),
    exp.Group: words("expressions grouping_sets cube rollup"),
    exp.TableSample: words("method percent"),
    exp.Union: words("with_ this expression distinct order limit offset"),
    exp.Intersect: words("with_ this expression distinct order limit offset"),
    exp.Except: words("with_ this expression distinct order limit offset"),
    exp.Trim: words("this expression position"),
    exp.Substring: words("this start length"),
    exp.StrPosition: words("this substr"),
    exp.ParseJSON: words("this is_literal"),
    exp.Lateral: words("this view outer alias"),
    exp.Values: words("expressions alias"),
}
_USUAL_PARTS = words("this expression expressions")
_NODES = frozenset(getattr(exp, name) for name in words("""
    Select From Join Where Group Having Order Ordered Limit Offset Fetch LimitOptions With CTE TableAlias Table Subquery
    Union Intersect Except Values Tuple Column Identifier Star Literal Boolean Null Alias Paren Distinct TableSample
    Rollup Cube GroupingSets Lateral Unnest Version HexString UnicodeString
    Add Sub Mul Div Mod Neg EQ NEQ GT GTE LT LTE And Or Not In Between Like Escape Is NullSafeEQ NullSafeNEQ DPipe
    Case If Cast TryCast DataType DataTypeParam ColumnDef Dot Bracket Array Lambda Interval IntervalSpan Var
    Window WindowSpec Filter IgnoreNulls RespectNulls AtTimeZone Exists Any All Extract Trim Substring StrPosition
    GroupConcat OverflowTruncateBehavior ParseJSON Anonymous
    CurrentDate CurrentTimestamp CurrentTime Localtime Localtimestamp
"""))  # fmt: skip
_TYPES = {
    exp.DataType.Type[name]
    for name in words(
        "ARRAY BIGINT BINARY BOOLEAN CHAR DATE DECIMAL DOUBLE FLOAT INT INTERVAL JSON LIST MAP SMALLINT STRUCT TEXT "
        "TIME TIMETZ TIMESTAMP TIMESTAMPTZ TINYINT UUID VARBINARY VARCHAR UNKNOWN"
    )
}


def _typed(_parser: Any, value: exp.Expr, type_: exp.DataType) -> exp.Expr:
    """`DATE '2020-01-01'`: unlike a cast it takes its precision from the text."""
    cast = exp.Cast(this=value, to=type_)
    cast.meta["typed"] = True
    return cast


class AthenaQuery(Trino):
    """Athena's dialect of queries. Calls stay as they are written: the parser knows none of Athena's functions."""

    INDEX_OFFSET = 0

    class Parser(TrinoParser):
        """The parser of that dialect."""

        FUNCTIONS: ClassVar = {}
        SUBQUERY_TOKENS: ClassVar = {*TrinoParser.SUBQUERY_TOKENS, TokenType.VALUES}
        FUNCTION_PARSERS: ClassVar = {
            name: parser
            for name, parser in TrinoParser.FUNCTION_PARSERS.items()
            if name in ("CAST", "TRY_CAST", "EXTRACT", "TRIM", "POSITION", "LISTAGG", "SUBSTRING")
        }
        NO_PAREN_FUNCTION_PARSERS: ClassVar = {
            name: parser for name, parser in TrinoParser.NO_PAREN_FUNCTION_PARSERS.items() if name in ("CASE", "ANY")
        }
        TYPE_LITERAL_PARSERS: ClassVar = {
            **dict.fromkeys(exp.DataType.Type, _typed),
            exp.DataType.Type.JSON: TrinoParser.TYPE_LITERAL_PARSERS[exp.DataType.Type.JSON],
        }


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
    lower_names(tree)
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
            name = _function_name(node)
            if name not in calls.NAMES:
                raise unknown_function(name)
        elif kind not in _NODES:
            raise _not_served(node)
        allowed = _PARTS.get(kind, _USUAL_PARTS)
        for name, value in node.args.items():
            if value and name not in allowed:
                raise QueryError("NOT_SUPPORTED", f"{name.strip('_').upper()} is not supported here")
        if kind is exp.DataType and node.this not in _TYPES and not isinstance(node.this, exp.Interval):
            raise QueryError("TYPE_NOT_FOUND", f"Unknown type: {node.sql('athena').lower()}")
    if _depth(tree) > _MAX_DEPTH:
        raise SyntaxRefused("The query is nested too deeply")


def _function_name(node: exp.Expr) -> str:
    return str(node.this.name if isinstance(node.this, exp.Identifier) else node.this).lower()


def _not_served(node: exp.Expr) -> QueryError:
    if isinstance(node, exp.AnonymousAggFunc):
        return unknown_function(str(node.this))
    if isinstance(node, exp.Func):
        return unknown_function(node.sql_name())
    return QueryError("NOT_SUPPORTED", f"{node.key.upper()} is not supported")


def _depth(tree: exp.Expr) -> int:
    deepest, level = 0, [tree]
    while level:
        deepest += 1
        level = [child for node in level for child in node.iter_expressions()]
    return deepest


def unknown_function(name: str) -> QueryError:
    return QueryError("FUNCTION_NOT_FOUND", f"Function '{name.lower()}' not registered")


def lower_names(tree: exp.Expr) -> None:
    """Names in lower case, as Athena compares them; the result's column names are kept beside (`shown`)."""
    for select in tree.find_all(exp.Select):
        for projection in select.expressions:
            if isinstance(projection, exp.Alias):
                projection.meta["shown"] = projection.alias
    for identifier in tree.find_all(exp.Identifier):
        identifier.set("this", str(identifier.this).lower())


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
        cte.meta["named"] = name
        scope[name] = opaque
    return scope


def _name_table(table: exp.Table, scope: dict[str, str], found: list[exp.Table]) -> None:
    if not isinstance(table.this, exp.Identifier):
        name = table.this.sql_name() if isinstance(table.this, exp.Func) else str(table.this.name)
        if isinstance(table.this, exp.Anonymous):
            name = str(table.this.this)
        raise unknown_function(name)
    table.meta["named"] = table.name
    if not table.args.get("db") and table.name in scope and table.args.get("version") is None:
        table.set("this", exp.to_identifier(scope[table.name], quoted=True))
        table.meta["cte"] = True
        return
    if table.args.get("catalog") and table.catalog != CATALOG:
        raise QueryError("CATALOG_NOT_FOUND", f"Catalog '{table.catalog}' does not exist")
    version = table.args.get("version")
    if version is not None:
        table.meta["at"] = snapshots.at(version)
    found.append(table)


def reference_of(table: exp.Table) -> Reference:
    """The table that a table node names."""
    return Reference(table.db or None, table.name, table.meta.get("at"))
