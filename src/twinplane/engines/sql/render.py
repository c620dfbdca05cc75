"""A checked tree and what a person may read -> the DuckDB text that runs, and the views it runs on."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from twinplane.engines.sql import sources, statement, views
from twinplane.engines.sql.expressions import Expressions
from twinplane.engines.sql.plan import Column, Plan, QueryError, Source, Table, TableName, Tables, View
from twinplane.engines.sql.relations import Base, Queries
from twinplane.engines.sql.scopes import Field, Relation, Scope
from twinplane.engines.sql.types import DOUBLE, MONTHS, REAL, UNKNOWN, VARCHAR, Type, glue_type, in_duckdb, quoted
from twinplane.engines.sql.values import Value, as_text, call, inside

_ROW_SOURCE = "source"
_LOCATED = re.compile(r"\br\d+\.h\d")
_TZ = "timestamp with time zone"


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
    ordered = sorted(tables.items(), key=lambda t: (t[0].database, t[0].table, t[0].at or ("", "")))
    return _plan(text, database, tuple(ordered), tuple(parameters), tuple((with_views or {}).items()))


@lru_cache(maxsize=128)
def _plan(
    text: str,
    database: str,
    items: tuple[tuple[TableName, Table], ...],
    parameters: tuple[str, ...],
    view_items: tuple[tuple[TableName, View], ...],
) -> Plan:
    tables = dict(items)
    tree = statement.parse(text, parameters).tree
    if view_items:
        tree = views.expand(tree.copy(), database, dict(view_items))
    bases = {name: _base(f"t_{number}", table) for number, (name, table) in enumerate(items)}
    used: dict[TableName, None] = {}

    def base_of(node: exp.Table) -> Base:
        name = statement.reference_of(node).in_database(database)
        node.meta["qualifier"] = (statement.CATALOG, name.database, name.table)
        used[name] = None
        return bases[name]

    try:
        relation = Queries(base_of).query(tree, None)
    except RecursionError:
        raise QueryError("NOT_SUPPORTED", "The query is nested too deeply") from None
    names = tuple(o.shown or o.name or f"_col{n}" for n, o in enumerate(relation.outputs))
    types = [o.type for o in relation.outputs]
    display, shown = _shown(relation)
    located = _LOCATED.search(relation.sql) is not None
    return Plan(
        relation.sql,
        tuple(_source(bases[name].view, tables[name], located=tables[name].is_located and located) for name in used),
        names,
        tuple(map(str, types)),
        tuple(map(in_duckdb, types)),
        tuple(n for n, t in enumerate(types) if t == UNKNOWN),
        display,
        shown,
    )


def _base(view: str, table: Table) -> Base:
    hidden = tuple((c.name, glue_type(c.type)) for c in sources.LOCATION) if table.is_located else ()
    return Base(view, tuple((c.name, _type_of(table, c)) for c in table.visible), hidden)


def _type_of(table: Table, column: Column) -> Type:
    type_ = glue_type(column.type)
    if table.iceberg is not None and type_.name.startswith("timestamp"):
        return Type(type_.name, 6, zone=type_.zone)
    return type_


def _shown(relation: Relation) -> tuple[str, tuple[str, ...]]:
    """The query's text for showing its result, and the DuckDB types of its columns.

    What DuckDB's values do not tell is made a text there.
    """
    values = [_as_shown(Value(f"r.c{n}", o.type), _shown_type(o.type)) for n, o in enumerate(relation.outputs)]
    stored = tuple(in_duckdb(v.type) for v in values)
    if all(v.type == o.type for v, o in zip(values, relation.outputs, strict=True)):
        return relation.sql, stored
    columns = ", ".join(f"{v.sql} AS c{n}" for n, v in enumerate(values))
    return f"SELECT {columns} FROM ({relation.sql}) AS r", stored  # noqa: S608 - generated parts


def _shown_type(type_: Type) -> Type:
    """The type with texts in the place of what its type, and not its value, says how it is shown."""
    if type_.items:
        return replace(type_, items=tuple(map(_shown_type, type_.items)))
    told = (
        type_.name in ("char", MONTHS.name)
        or (type_.name == _TZ and type_.zone != "UTC")
        or (type_.name in ("timestamp", "time", _TZ) and (type_.precision or 0) > 3)
    )
    return VARCHAR if told else DOUBLE if type_ == REAL else type_


def _as_shown(value: Value, target: Type) -> Value:
    type_ = value.type
    if type_ == target:
        return value
    if type_.items:
        return inside(value, target, _as_shown)
    if type_ == REAL:  # a double that is written as the real is
        return call("athena_real_double", DOUBLE, value)
    if type_.precision is not None and type_.name != "char":
        value = replace(value, type=replace(type_, precision=max(3, type_.precision)))
    text = as_text(value)
    if text is None:
        raise QueryError("NOT_SUPPORTED", f"A result of type {type_} is not supported")
    return text


def row_filter(text: str, columns: Sequence[Column]) -> str:
    """A row filter in Athena's dialect as DuckDB text, over the columns of a table. Raises `QueryError`."""
    return _row_filter(text, tuple(columns))


@lru_cache(maxsize=1024)
def _row_filter(text: str, columns: tuple[Column, ...]) -> str:
    condition = _condition(text)
    fields = [Field(c.name, Value(_stored(c), glue_type(c.type)), (_ROW_SOURCE,)) for c in columns]
    try:
        return Expressions().boolean(condition, Scope(fields), "A row filter").sql
    except RecursionError:
        raise QueryError("NOT_SUPPORTED", "The row filter is nested too deeply") from None


def _condition(text: str) -> exp.Expr:
    try:
        condition = sqlglot.parse_one(text, read=statement.AthenaQuery, into=exp.Condition)
    except (SqlglotError, RecursionError):
        raise QueryError("SYNTAX_ERROR", "The row filter cannot be read as a condition") from None
    if condition is None or condition.find(exp.Query, exp.Table, exp.Window, exp.Filter, exp.Star, exp.Placeholder):
        raise QueryError("NOT_SUPPORTED", "A row filter compares columns of its own table with values, nothing else")
    statement.check(condition)
    statement.lower_names(condition)
    return condition


def _stored(column: Column) -> str:
    """A column of the files; a CHAR without the blanks that some writers fill it up with."""
    name = f"{quoted(_ROW_SOURCE)}.{quoted(column.name)}"
    return f"rtrim({name}, ' ')" if glue_type(column.type).name == "char" else name


def _source(name: str, table: Table, *, located: bool) -> Source:
    cells = {f"c{n}": _cell(table, c) for n, c in enumerate(table.visible)}
    if located:
        cells |= {f"h{n}": quoted(c.name) for n, c in enumerate(sources.LOCATION)}
    types = tuple(in_duckdb(_type_of(table, c)) for c in table.visible)
    filters = tuple(dict.fromkeys(s.row_filter for s in table.slices))
    rows = f"({sources.rows(table, located=located)}) AS {quoted(_ROW_SOURCE)}"
    if None in filters:
        return Source(name, f"SELECT {_named(cells)} FROM {rows}", table.paths, types=types)  # noqa: S608 - quoted parts
    where = " WHERE " + _any(table, filters)
    # DuckDB evaluates a user's predicate before the row filter where it thinks that cheaper, and whether the predicate
    # fails on a hidden row can be seen. It moves no predicate below a column that it believes to change.
    kept = {name: f"CASE WHEN random() < 2 THEN {cell} END" for name, cell in cells.items()}
    select, quick = (f"SELECT {_named(shown)} FROM {rows}{where}" for shown in (kept, cells))  # noqa: S608 - likewise
    return Source(name, select, table.paths, quick, types)


def _named(cells: Mapping[str, str]) -> str:
    return ", ".join(f"{cell} AS {name}" for name, cell in cells.items())


def _any(table: Table, filters: Sequence[str | None]) -> str:
    return " OR ".join(f"({row_filter(f, table.columns)})" for f in filters if f is not None)


def _cell(table: Table, column: Column) -> str:
    """A visible column; NULL in the rows that are visible only through slices that do not grant it."""
    own = tuple(dict.fromkeys(s.row_filter for s in table.slices if column.name in s.columns))
    every = {s.row_filter for s in table.slices}
    if None in own or set(own) == every:
        return _stored(column)
    return f"CASE WHEN {_any(table, own)} THEN {_stored(column)} END"
