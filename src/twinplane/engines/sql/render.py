"""A checked tree and what a person may read -> the DuckDB text that runs, and the views it runs on."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, OptimizeError, SqlglotError, UnsupportedError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

from twinplane.engines.sql import semantics, sources, statement, views
from twinplane.engines.sql.allowed import HIDDEN_COLUMNS
from twinplane.engines.sql.plan import Column, Plan, QueryError, Source, Table, TableName, Tables, View
from twinplane.engines.sql.types import glue_type, quoted

_ROW_SOURCE = "source"


def plan(
    text: str,
    database: str,
    tables: Tables,
    parameters: Sequence[str] = (),
    with_views: Mapping[TableName, View] | None = None,
) -> Plan:
    """What a worker must run to answer `text` for a person who may read `tables` as they are described.

    `with_views` and `tables` hold every table that `statement.parse(text)` names, and the views. Raises `QueryError`.
    """
    items = tuple(sorted(tables.items(), key=lambda t: (t[0].database, t[0].table)))
    return _plan(text, database, items, tuple(parameters), tuple((with_views or {}).items()))


@lru_cache(maxsize=128)
def _plan(
    text: str,
    database: str,
    items: tuple[tuple[TableName, Table], ...],
    parameters: tuple[str, ...],
    view_items: tuple[tuple[TableName, View], ...],
) -> Plan:
    tables = dict(items)
    tree = views.expand(statement.parse(text, parameters).tree.copy(), database, dict(view_items))
    opaque = {name: f"t_{number}" for number, name in enumerate(tables)}
    used = _replace_tables(tree, database, opaque)
    tree = _typed(tree, {opaque[name]: tables[name].visible for name in used})
    names, untyped = _result_names(tree), _untyped(tree)
    tree = semantics.write_out(tree)
    return Plan(_text(tree), tuple(_source(opaque[name], tables[name]) for name in used), names, untyped)


def _replace_tables(tree: exp.Expr, database: str, opaque: dict[TableName, str]) -> list[TableName]:
    used: dict[TableName, None] = {}
    for table in tree.find_all(exp.Table):
        if table.meta.get("cte"):
            continue
        name = statement.reference_of(table).in_database(database)
        used[name] = None
        table.set("this", exp.to_identifier(opaque[name], quoted=True))
        table.set("db", None)
        table.set("catalog", None)
    spelled = {(name.database, name.table) for name in used}
    for column in tree.find_all(exp.Column):
        if (column.args.get("catalog") is None or column.catalog == statement.CATALOG) and (
            (column.db, column.table) in spelled
        ):
            column.set("db", None)
            column.set("catalog", None)
        elif not column.table and column.name in HIDDEN_COLUMNS:
            raise _unknown_column(column.name)
    return list(used)


def _typed(tree: exp.Expr, visible: dict[str, tuple[Column, ...]]) -> exp.Expr:
    """The tree with every name resolved and every type known."""
    schema = MappingSchema(dialect=statement.AthenaQuery, normalize=False)
    for name, columns in visible.items():
        schema.add_table(
            exp.to_table(name, quoted=True), {c.name: glue_type(c.type) for c in columns}, match_depth=False
        )  # fmt: skip
    try:
        tree = qualify(tree, schema=schema, dialect=statement.AthenaQuery, expand_alias_refs=False)
        return annotate_types(tree, schema=schema, dialect=statement.AthenaQuery)
    except OptimizeError as error:
        raise _unresolved(str(error)) from None
    except RecursionError:
        raise QueryError("NOT_SUPPORTED", "The query is nested too deeply") from None
    except SqlglotError:
        raise QueryError("NOT_SUPPORTED", "The query cannot be resolved") from None


def _unresolved(message: str) -> QueryError:
    first = message.split("\n")[0]
    if first.startswith("Column '"):
        return _unknown_column(first.split("'")[1])
    if first.startswith("Unknown column: "):
        return _unknown_column(first.removeprefix("Unknown column: ").split(".")[0])
    if first.startswith(("Unknown table: ", "Table ")):
        return QueryError("TABLE_NOT_FOUND", "A column is qualified with a table that is not in the FROM clause")
    if "ambiguous" in first.lower():
        return QueryError("AMBIGUOUS_NAME", "A column name is ambiguous")
    return QueryError("NOT_SUPPORTED", "The query cannot be resolved")


def _unknown_column(name: str) -> QueryError:
    return QueryError(
        "COLUMN_NOT_FOUND",
        f"Column '{name}' cannot be resolved or requester is not authorized to access requested resources",
    )


def _untyped(tree: exp.Expr) -> tuple[int, ...]:
    shown = next(iter(statement.outputs(tree)), None)
    if shown is None:
        return ()
    source = shown.args.get("from_")
    values = source.this if source is not None and isinstance(source.this, exp.Values) else None
    rows = (
        []
        if values is None
        else [row.expressions if isinstance(row, exp.Tuple) else [row] for row in values.expressions]
    )
    names = [] if values is None else [column.name for column in values.args["alias"].columns]

    def is_null(value: exp.Expr) -> bool:
        if isinstance(value, exp.Column) and value.name in names:
            return all(isinstance(row[names.index(value.name)], exp.Null) for row in rows)
        return isinstance(value, exp.Null)

    return tuple(n for n, p in enumerate(shown.expressions) if is_null(p.unalias()))


def _result_names(tree: exp.Expr) -> tuple[str, ...]:
    top = tree
    while isinstance(top, (exp.SetOperation, exp.Subquery)):
        top = top.this
    names = []
    for number, projection in enumerate(top.expressions):
        shown = projection.meta.get("shown", projection.unalias().meta.get("shown"))
        if projection.is_star:
            raise QueryError("NOT_SUPPORTED", "SELECT * is not supported here: name the columns")
        names.append((projection.alias_or_name if shown is None else shown) or f"_col{number}")
    return tuple(names)


def _text(tree: exp.Expr) -> str:
    try:
        return tree.sql(dialect="duckdb", unsupported_level=ErrorLevel.RAISE, comments=False)
    except UnsupportedError as error:
        raise QueryError("NOT_SUPPORTED", str(error).split("\n")[0]) from None
    except (SqlglotError, ValueError, RecursionError):
        raise QueryError("NOT_SUPPORTED", "The query cannot be rendered") from None


def row_filter(text: str, columns: Sequence[Column]) -> str:
    """A row filter in Athena's dialect as DuckDB text, over the columns of a table. Raises `QueryError`."""
    return _row_filter(text, tuple(columns))


@lru_cache(maxsize=1024)
def _row_filter(text: str, columns: tuple[Column, ...]) -> str:
    condition = _condition(text)
    query = exp.select("1").from_(exp.to_table(_ROW_SOURCE, quoted=True)).where(condition)
    typed = semantics.write_out(_typed(query, {_ROW_SOURCE: columns}))
    return _text(typed.args["where"].this)


def _condition(text: str) -> exp.Expr:
    try:
        condition = sqlglot.parse_one(text, read=statement.AthenaQuery, into=exp.Condition)
    except (SqlglotError, RecursionError):
        raise QueryError("SYNTAX_ERROR", "The row filter cannot be read as a condition") from None
    if condition is None or condition.find(exp.Query, exp.Table, exp.AggFunc, exp.Window, exp.Star, exp.Placeholder):
        raise QueryError("NOT_SUPPORTED", "A row filter compares columns of its own table with values, nothing else")
    statement.check(condition)
    return condition


def _source(name: str, table: Table) -> Source:
    cells = {c.name: _cell(table, c) for c in table.visible}
    where = ""
    filters = tuple(dict.fromkeys(s.row_filter for s in table.slices))
    if None not in filters:
        where = " WHERE " + _any(table, filters)
        # DuckDB evaluates a user's predicate before the row filter where it thinks that cheaper, and whether the
        # predicate fails on a hidden row can be seen. It moves no predicate below a column that it believes to change.
        cells = {name: f"CASE WHEN random() < 2 THEN {cell} END" for name, cell in cells.items()}
    columns = ", ".join(f"{cell} AS {quoted(name)}" for name, cell in cells.items())
    rows = sources.rows(table)
    select = f"SELECT {columns} FROM ({rows}) AS {quoted(_ROW_SOURCE)}{where}"  # noqa: S608 - of quoted parts
    return Source(name, select, table.paths)


def _any(table: Table, filters: Sequence[str | None]) -> str:
    return " OR ".join(f"({row_filter(f, table.columns)})" for f in filters if f is not None)


def _cell(table: Table, column: Column) -> str:
    """A visible column; NULL in the rows that are visible only through slices that do not grant it."""
    own = tuple(dict.fromkeys(s.row_filter for s in table.slices if column.name in s.columns))
    every = {s.row_filter for s in table.slices}
    value = f"{quoted(_ROW_SOURCE)}.{quoted(column.name)}"
    if None in own or set(own) == every:
        return value
    return f"CASE WHEN {_any(table, own)} THEN {value} END"
