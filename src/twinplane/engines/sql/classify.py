"""A text -> the statement that it is. Runs in the reader process: see `reader`.

What is not one of the forms below is left to `statement.parse`, which takes queries and refuses everything else.
Definitions of tables, which Athena gives to Hive, are in `definitions`.
"""

import re
from collections.abc import Callable, Sequence

from twinplane.engines.sql import definitions, explain, statement
from twinplane.engines.sql.plan import QueryError, Reference, SyntaxRefused
from twinplane.engines.sql.statements import (
    PREPARABLE,
    AlterDatabase,
    Assignment,
    Branch,
    Change,
    CreateDatabase,
    CreateTableAs,
    CreateView,
    Deallocate,
    DropDatabase,
    DropTable,
    Execute,
    Explain,
    Insert,
    Merge,
    Optimize,
    Prepare,
    Select,
    Show,
    Statement,
    Unload,
    Vacuum,
)
from twinplane.engines.sql.tokens import Cursor, tokens

Lists = tuple[tuple[str, tuple[str, ...]], ...]


def classify(text: str, parameters: Sequence[str] = ()) -> Statement:
    """The statement of a text, its `?` replaced by `parameters`. Raises `SyntaxRefused` and `QueryError`."""
    if len(text) > statement.MAX_CHARACTERS:
        raise SyntaxRefused(f"Query string is longer than {statement.MAX_CHARACTERS} characters")
    cursor = Cursor(text)
    if cursor.takes("PREPARE"):
        return _prepare(cursor, parameters)
    if cursor.takes("EXECUTE"):
        return _execute(cursor, parameters)
    return _classify(cursor, text, parameters)


def _classify(cursor: Cursor, text: str, parameters: Sequence[str]) -> Statement:
    for words, read in _FORMS:
        if cursor.sees(*words):
            if parameters:
                cursor = Cursor(_with_parameters(text, parameters))
            cursor.takes(*words)
            found = read(cursor)
            cursor.end()
            return found
    return Select(statement.parse(text, tuple(parameters)).tables)


def _with_parameters(text: str, parameters: Sequence[str]) -> str:
    """The text with each `?` outside of quotes replaced by a literal."""
    places = [t for t in tokens(text) if t.kind == "symbol" and t.text == "?"]
    if len(places) != len(parameters):
        message = f"Incorrect number of parameters: expected {len(places)} but found {len(parameters)}"
        raise QueryError("INVALID_PARAMETER_USAGE", message)
    for place, value in reversed(list(zip(places, parameters, strict=True))):
        statement.parse("SELECT ?", (value,))  # only a literal
        text = f"{text[: place.start]}({value}\n){text[place.end :]}"
    return text


def _prepare(cursor: Cursor, parameters: Sequence[str]) -> Statement:
    name = _statement_name(cursor)
    cursor.expect("FROM")
    text = cursor.rest()
    if parameters:
        raise QueryError("INVALID_PARAMETER_USAGE", "PREPARE takes no parameters: EXECUTE does")
    places = sum(t.kind == "symbol" and t.text == "?" for t in tokens(text))
    if not isinstance(_classify(Cursor(text), text, ["1"] * places), PREPARABLE):
        raise SyntaxRefused("Only SELECT, INSERT INTO, CREATE TABLE AS and UNLOAD can be prepared")
    return Prepare(name, text)


def _execute(cursor: Cursor, parameters: Sequence[str]) -> Statement:
    name, values = _statement_name(cursor), list(parameters)
    if cursor.takes("USING"):
        if parameters:
            raise QueryError("INVALID_PARAMETER_USAGE", "Parameters are given by USING or with the query, not both")
        values.append(cursor.text_until(","))
        while cursor.takes(","):
            values.append(cursor.text_until(","))
    cursor.end()
    return Execute(name, tuple(values))


def _deallocate(cursor: Cursor) -> Statement:
    return Deallocate(_statement_name(cursor))


def _statement_name(cursor: Cursor) -> str:
    """A name as Athena takes it for a prepared statement; in the case it is written in."""
    written = cursor.peek().text
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_@:]{1,255}", written):
        raise cursor.refused()
    cursor.name()
    return written


def _tables(query: str) -> tuple[Reference, ...]:
    return statement.parse(query).tables


def _if_exists(cursor: Cursor) -> bool:
    return cursor.takes("IF", "EXISTS")


def _if_not_exists(cursor: Cursor) -> bool:
    return cursor.takes("IF", "NOT", "EXISTS")


# The catalog


def _create_database(cursor: Cursor) -> Statement:
    missing = _if_not_exists(cursor)
    name = cursor.name()
    comment = cursor.string() if cursor.takes("COMMENT") else None
    location = cursor.string() if cursor.takes("LOCATION") else None
    properties = cursor.properties() if cursor.takes("WITH", "DBPROPERTIES") else ()
    return CreateDatabase(name, missing, comment, location, properties)


def _drop_database(cursor: Cursor) -> Statement:
    exists = _if_exists(cursor)
    name = cursor.name()
    cascade = cursor.takes("CASCADE")
    if not cascade:
        cursor.takes("RESTRICT")
    return DropDatabase(name, exists, cascade)


def _alter_database(cursor: Cursor) -> Statement:
    name = cursor.name()
    cursor.expect("SET", "DBPROPERTIES")
    return AlterDatabase(name, cursor.properties())


def _drop_table(cursor: Cursor) -> Statement:
    exists = _if_exists(cursor)
    return DropTable(cursor.reference(), exists)


def _drop_view(cursor: Cursor) -> Statement:
    exists = _if_exists(cursor)
    return DropTable(cursor.reference(), exists, view=True)


def _create_view(cursor: Cursor, replace: bool = False) -> Statement:
    target = cursor.reference()
    columns = cursor.names() if cursor.sees("(") else ()
    comment = cursor.string() if cursor.takes("COMMENT") else None
    cursor.expect("AS")
    query = cursor.rest()
    return CreateView(target, query, _tables(query), replace, columns, comment)


def _create_table(cursor: Cursor) -> Statement:
    """CREATE TABLE AS, or the definition of a table."""
    start = cursor.place
    missing = _if_not_exists(cursor)
    target = cursor.reference()
    properties, lists = _with(cursor) if cursor.sees("WITH", "(") else ((), ())
    if not cursor.takes("AS"):
        cursor.place = start
        return definitions.create_table(cursor, external=False)
    with_data = not cursor.drops("WITH", "NO", "DATA")
    cursor.drops("WITH", "DATA")
    query = cursor.rest()
    return CreateTableAs(target, query, _tables(query), missing, with_data, properties, lists)


def _with(cursor: Cursor) -> tuple[tuple[tuple[str, str], ...], Lists]:
    """`WITH (name = value, name = ARRAY['a', 'b'], …)`."""
    cursor.expect("WITH", "(")
    properties: list[tuple[str, str]] = []
    lists: list[tuple[str, tuple[str, ...]]] = []
    while not cursor.takes(")"):
        name = cursor.name()
        cursor.expect("=")
        if cursor.takes("ARRAY"):
            cursor.expect("[")
            items: list[str] = []
            while not cursor.takes("]"):
                items.append(cursor.string())
                if not cursor.sees("]"):
                    cursor.expect(",")
            lists.append((name, tuple(items)))
        else:
            token = cursor.next()
            if token.kind not in ("string", "number", "word"):
                cursor.place -= 1
                raise cursor.refused()
            properties.append((name, token.text))
        if not cursor.sees(")"):
            cursor.expect(",")
    return tuple(properties), tuple(lists)


def _pattern(cursor: Cursor) -> str | None:
    cursor.takes("LIKE")
    return cursor.string() if cursor.peek().kind == "string" else None


def _show_databases(cursor: Cursor) -> Statement:
    return Show("SHOW_DATABASES", pattern=_pattern(cursor))


def _in(cursor: Cursor) -> str | None:
    return cursor.name() if cursor.takes("IN") or cursor.takes("FROM") else None


def _show_tables(cursor: Cursor) -> Statement:
    return Show("SHOW_TABLES", _in(cursor), pattern=_pattern(cursor))


def _show_views(cursor: Cursor) -> Statement:
    return Show("SHOW_VIEWS", _in(cursor), pattern=_pattern(cursor))


def _show_columns(cursor: Cursor) -> Statement:
    if not (cursor.takes("IN") or cursor.takes("FROM")):
        raise cursor.refused()
    target = cursor.reference()
    return Show("SHOW_COLUMNS", _in(cursor) or target.database, target.table)


def _show_partitions(cursor: Cursor) -> Statement:
    target = cursor.reference()
    return Show("SHOW_PARTITIONS", target.database, target.table)


def _show_create_table(cursor: Cursor) -> Statement:
    target = cursor.reference()
    return Show("SHOW_CREATE_TABLE", target.database, target.table)


def _show_create_view(cursor: Cursor) -> Statement:
    target = cursor.reference()
    return Show("SHOW_CREATE_VIEW", target.database, target.table)


def _show_properties(cursor: Cursor) -> Statement:
    target = cursor.reference()
    name = None
    if cursor.takes("("):
        name = cursor.string()
        cursor.expect(")")
    return Show("SHOW_TBLPROPERTIES", target.database, target.table, property=name)


def _describe(cursor: Cursor) -> Statement:
    extended = cursor.takes("EXTENDED")
    formatted = not extended and cursor.takes("FORMATTED")
    if cursor.takes("VIEW"):
        target = cursor.reference()
        return Show("DESCRIBE_VIEW", target.database, target.table)
    if cursor.sees("DATABASE") or cursor.sees("SCHEMA"):
        raise QueryError("NOT_SUPPORTED", "DESCRIBE DATABASE is not supported")
    target = cursor.reference()
    partition = definitions.partition(cursor) if cursor.takes("PARTITION") else ()
    column = None if cursor.at_end else cursor.name()
    return Show(
        "DESCRIBE_TABLE", target.database, target.table, extended=extended, formatted=formatted, partition=partition,
        column=column,
    )  # fmt: skip


# Rows


def _explain(cursor: Cursor) -> Statement:
    if cursor.sees("ANALYZE"):
        raise SyntaxRefused("EXPLAIN ANALYZE is not served: how long a query took tells of rows that are hidden")
    validate = False
    if cursor.takes("("):
        while not cursor.takes(")"):
            option, value = cursor.name(), cursor.name()
            if option == "type" and value in ("logical", "distributed", "validate"):
                validate = value == "validate"
            elif (option, value) != ("format", "text"):
                raise QueryError("NOT_SUPPORTED", f"EXPLAIN ({option.upper()} {value.upper()}) is not supported")
            if not cursor.sees(")"):
                cursor.expect(",")
    query = cursor.rest()
    parsed = statement.parse(query)
    return Explain(query, parsed.tables, () if validate else explain.lines(parsed.tree), validate)


def _insert(cursor: Cursor) -> Statement:
    target = cursor.reference()
    columns: tuple[str, ...] = ()
    if cursor.sees("(") and not cursor.sees("(", "SELECT") and not cursor.sees("(", "WITH"):
        columns = cursor.names()
    query = cursor.rest()
    return Insert(target, query, _tables(query), columns)


def _unload(cursor: Cursor) -> Statement:
    query = cursor.enclosed()
    cursor.expect("TO")
    location = cursor.string()
    properties, lists = _with(cursor) if cursor.sees("WITH") else ((), ())
    return Unload(query, _tables(query), location, properties, lists)


def _delete(cursor: Cursor) -> Statement:
    target = cursor.reference()
    condition = _where(cursor)
    return _change(target, target.table, condition, ())


def _update(cursor: Cursor) -> Statement:
    target = cursor.reference()
    cursor.expect("SET")
    assignments = _assignments(cursor, "WHERE")
    return _change(target, target.table, _where(cursor), assignments)


def _where(cursor: Cursor) -> str | None:
    return cursor.rest() if cursor.takes("WHERE") else None


def _assignments(cursor: Cursor, *stops: str) -> tuple[Assignment, ...]:
    found = []
    while True:
        column = cursor.name()
        if cursor.takes("."):  # the table's own name before it
            column = cursor.name()
        cursor.expect("=")
        found.append(Assignment(column, cursor.text_until(",", *stops)))
        if not cursor.takes(","):
            return tuple(found)


def _change(target: Reference, alias: str, condition: str | None, assignments: tuple[Assignment, ...]) -> Change:
    values = [a.value for a in assignments] + ([condition] if condition else [])
    name = _spelled(target)
    read = _tables(f"SELECT {', '.join(f'({v})' for v in values) or '1'} FROM {name} AS {_quoted(alias)}")  # noqa: S608 - a text to parse
    return Change(target, alias, read, condition, assignments)


def _spelled(reference: Reference) -> str:
    return ".".join(_quoted(part) for part in (reference.database, reference.table) if part)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _merge(cursor: Cursor) -> Statement:
    target = cursor.reference()
    alias = _alias(cursor, "USING") or target.table
    cursor.expect("USING")
    if cursor.sees("("):
        source = f"({cursor.enclosed()})"
        source_alias = _alias(cursor, "ON")
    else:
        reference = cursor.reference()
        source, source_alias = _spelled(reference), _alias(cursor, "ON") or reference.table
    if source_alias is None:
        raise cursor.refused()
    cursor.expect("ON")
    condition = cursor.text_until("WHEN")
    branches = []
    while cursor.takes("WHEN"):
        branches.append(_branch(cursor))
    if not branches:
        raise cursor.refused()
    values = [v.value for b in branches for v in b.assignments] + [b.condition for b in branches if b.condition]
    both = f"{_spelled(target)} AS {_quoted(alias)} CROSS JOIN {source} AS {_quoted(source_alias)}"
    read = _tables(f"SELECT {', '.join(f'({v})' for v in [condition, *values])} FROM {both}")  # noqa: S608 - a text to parse
    return Merge(target, alias, source, source_alias, condition, tuple(branches), read)


def _alias(cursor: Cursor, stop: str) -> str | None:
    if cursor.takes("AS"):
        return cursor.name()
    return None if cursor.sees(stop) else cursor.name()


def _branch(cursor: Cursor) -> Branch:
    matched = not cursor.takes("NOT")
    cursor.expect("MATCHED")
    condition = cursor.text_until("THEN") if cursor.takes("AND") else None
    cursor.expect("THEN")
    if matched and cursor.takes("DELETE"):
        return Branch(matched, "delete", condition)
    if matched and cursor.takes("UPDATE", "SET"):
        return Branch(matched, "update", condition, _assignments(cursor, "WHEN"))
    if matched or not cursor.takes("INSERT"):
        raise cursor.refused()
    columns = cursor.names() if cursor.sees("(") else ()
    cursor.expect("VALUES")
    inner = Cursor(cursor.enclosed())
    values = []
    while not inner.at_end:
        values.append(inner.text_until(","))
        inner.takes(",")
    if columns and len(columns) != len(values):
        raise QueryError("SYNTAX_ERROR", "Insert column list and values must have the same number of items")
    names = columns or tuple("" for _ in values)
    return Branch(matched, "insert", condition, tuple(Assignment(n, v) for n, v in zip(names, values, strict=True)))


def _optimize(cursor: Cursor) -> Statement:
    target = cursor.reference()
    cursor.expect("REWRITE", "DATA", "USING", "BIN_PACK")
    condition = _where(cursor)
    if condition is not None:
        _tables(f"SELECT ({condition})")
    return Optimize(target, condition)


def _vacuum(cursor: Cursor) -> Statement:
    return Vacuum(cursor.reference())


# The first form whose words a text begins with reads the rest of it.
_FORMS: tuple[tuple[tuple[str, ...], Callable[[Cursor], Statement]], ...] = (
    (("CREATE", "DATABASE"), _create_database),
    (("CREATE", "SCHEMA"), _create_database),
    (("CREATE", "EXTERNAL", "TABLE"), lambda cursor: definitions.create_table(cursor, external=True)),
    (("CREATE", "TABLE"), _create_table),
    (("CREATE", "OR", "REPLACE", "VIEW"), lambda cursor: _create_view(cursor, replace=True)),
    (("CREATE", "VIEW"), _create_view),
    (("DROP", "DATABASE"), _drop_database),
    (("DROP", "SCHEMA"), _drop_database),
    (("DROP", "TABLE"), _drop_table),
    (("DROP", "VIEW"), _drop_view),
    (("ALTER", "DATABASE"), _alter_database),
    (("ALTER", "SCHEMA"), _alter_database),
    (("ALTER", "TABLE"), definitions.alter_table),
    (("MSCK", "REPAIR", "TABLE"), definitions.repair_table),
    (("SHOW", "DATABASES"), _show_databases),
    (("SHOW", "SCHEMAS"), _show_databases),
    (("SHOW", "TABLES"), _show_tables),
    (("SHOW", "VIEWS"), _show_views),
    (("SHOW", "COLUMNS"), _show_columns),
    (("SHOW", "PARTITIONS"), _show_partitions),
    (("SHOW", "CREATE", "TABLE"), _show_create_table),
    (("SHOW", "CREATE", "VIEW"), _show_create_view),
    (("SHOW", "TBLPROPERTIES"), _show_properties),
    (("DESCRIBE",), _describe),
    (("DESC",), _describe),
    (("EXPLAIN",), _explain),
    (("INSERT", "INTO"), _insert),
    (("UNLOAD",), _unload),
    (("DELETE", "FROM"), _delete),
    (("UPDATE",), _update),
    (("MERGE", "INTO"), _merge),
    (("OPTIMIZE",), _optimize),
    (("VACUUM",), _vacuum),
    (("DEALLOCATE", "PREPARE"), _deallocate),
)
