"""A governed query's rows as data files. Runs in the worker.

The text of the query is wrapped in one that gives the rows the columns of their table, and that text passes the gate as
every other; around it stands a COPY of ours, into the run's own folder.
"""

import re
import urllib.parse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from twinplane.engines.sql.plan import Column, Plan, QueryError, Write, WrittenFile
from twinplane.engines.sql.types import literal, quoted, sql_type

MOST_PARTITIONS = 100  # Athena's own limit on what one statement writes
_FILE_BYTES = 256 << 20  # a larger table becomes several files
_NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"


def write(
    connection: Any, check: Callable[[str], object], plan: Plan, how: Write, folder: Path
) -> tuple[tuple[str, ...], tuple[str, ...], list[WrittenFile]]:
    """Writes the rows of a checked plan into files below `folder`; the names and Glue types of its columns, the files.

    `check` is the gate. Raises `QueryError`.
    """
    types = [str(type_) for type_ in connection.sql(plan.sql).types]  # bound, not run
    for number in plan.untyped:
        types[number] = "NULL"
    columns = how.columns or _own_columns(plan.names, types)
    if len(columns) != len(types):
        raise _mismatch(columns, types)
    casts = [_cast(column, type_, types, columns) for column, type_ in zip(columns, types, strict=True)]
    inner = [quoted(f"c{number}") for number in range(len(types))]
    named = {c.name: f"CAST({i} AS {t})" for c, i, t in zip(columns, inner, casts, strict=True)}
    shown = [f"{cell} AS {quoted(name)}" for name, cell in named.items()]
    rows = f'SELECT {", ".join(shown)} FROM ({plan.sql}\n) AS "rows"({", ".join(inner)})'  # noqa: S608 - of ours
    if any(expression != quoted(name) for name, expression in how.partitions):
        extra = [f"{expression} AS {quoted(name)}" for name, expression in how.partitions]
        rows = f'SELECT *, {", ".join(extra)} FROM ({rows}) AS "typed"'  # noqa: S608 - of ours
    check(rows)
    folder.mkdir(mode=0o700)
    target = folder / "files"
    names, glue = tuple(c.name for c in columns), tuple(c.type for c in columns)
    if how.format == "json" and how.partitions:
        return names, glue, _json_by_partition(connection, how, rows, target)
    done = _copy(connection, how, rows, target)
    if how.format == "parquet":
        return names, glue, _parquet_files(done)
    files = _files(target)
    if files:  # nobody tells the rows of each file: the first stands for all
        files[0] = msgspec.structs.replace(files[0], rows=int(done[0][0]))
    return names, glue, files


def _copy(connection: Any, how: Write, rows: str, target: Path) -> list[tuple[Any, ...]]:
    done = connection.execute(f"COPY ({rows}\n) TO {literal(str(target))} ({_options(how)})")
    found: list[tuple[Any, ...]] = done.fetchall()
    return found


def _json_by_partition(connection: Any, how: Write, rows: str, target: Path) -> list[WrittenFile]:
    """DuckDB writes JSON without partitions: here each has a COPY of its own, from rows that are worked out once."""
    target.mkdir(mode=0o700)
    keys = [name for name, _ in how.partitions]
    names = ", ".join(map(quoted, keys))
    connection.execute(f"CREATE TEMP TABLE written AS {rows}")
    values = connection.execute(f"SELECT DISTINCT {names} FROM written LIMIT {MOST_PARTITIONS + 1}").fetchall()  # noqa: S608
    alone = msgspec.structs.replace(how, partitions=())
    found = []
    for number, row in enumerate(values if len(values) <= MOST_PARTITIONS else ()):
        texts = [None if v is None else str(v) for v in row]
        same = " AND ".join(
            f"CAST({quoted(k)} AS VARCHAR) IS NOT DISTINCT FROM {'NULL' if t is None else literal(t)}"
            for k, t in zip(keys, texts, strict=True)
        )
        part = f"SELECT * EXCLUDE ({names}) FROM written WHERE {same}"  # noqa: S608 - of ours
        done = _copy(connection, alone, part, target / str(number))
        files = _files(target / str(number))
        partition = tuple(zip(keys, texts, strict=True))
        found += [msgspec.structs.replace(f, rows=0, partition=partition) for f in files]
        found[-1] = msgspec.structs.replace(found[-1], rows=int(done[0][0]))
    if len(values) > MOST_PARTITIONS:
        raise too_many_partitions()
    return found


def too_many_partitions() -> QueryError:
    return QueryError(
        "HIVE_TOO_MANY_OPEN_PARTITIONS", f"Exceeded limit of {MOST_PARTITIONS} open writers for partitions"
    )


def _options(how: Write) -> str:
    options = [f"FORMAT {how.format}"]
    if how.compression:
        options.append(f"COMPRESSION {how.compression}")
    if how.partitions:
        options.append(f"PARTITION_BY ({', '.join(quoted(name) for name, _ in how.partitions)})")
        options.append("WRITE_PARTITION_COLUMNS " + ("true" if how.keep_partitions else "false"))
        options.append("FILENAME_PATTERN 'data_{uuid}'")  # NULL and its name in paths are one folder, not one file
    else:
        options.append(f"FILE_SIZE_BYTES {_FILE_BYTES}")
    if how.format == "parquet":
        options.append("RETURN_STATS")
        if how.field_ids:
            options.append(f"FIELD_IDS {{{', '.join(f'{quoted(n)}: {_ids(ids)}' for n, ids in how.field_ids)}}}")
    elif how.format == "csv":
        options += ["HEADER false", "QUOTE ''", "ESCAPE ''", f"DELIMITER {literal(how.delimiter)}"]
        options.append(f"NULLSTR {literal(how.null)}")
    return ", ".join(options)


_ID_TOKEN = re.compile(r'\s+|\d+|[,:{}]|__duckdb_field_id|element|key|value|"(?:[^"]|"")*"')


def _ids(text: str) -> str:
    """Field ids as metadata gave them, which its author may have made of anything. Raises `QueryError`."""
    place = depth = 0
    while place < len(text):
        found = _ID_TOKEN.match(text, place)
        depth += (text[place] == "{") - (text[place] == "}")
        if found is None or depth < (place > 0 and found.end() < len(text)):
            raise QueryError("ICEBERG_BAD_DATA", "The table's columns cannot be written")
        place = found.end()
    return text


def _parquet_files(rows: Sequence[tuple[Any, ...]]) -> list[WrittenFile]:
    found = []
    for path, count, size, _footer, statistics, partition in rows:
        values = tuple((str(k), None if v is None else str(v)) for k, v in (partition or {}).items())
        shown = tuple((name, tuple(stats.items())) for name, stats in (statistics or {}).items())
        found.append(WrittenFile(str(path), count, size, values, shown))
    return [file for file in found if file.rows]


def _files(target: Path) -> list[WrittenFile]:
    found = []
    for path in sorted(p for p in target.rglob("*") if p.is_file()):
        values = []
        for part in path.relative_to(target).parts[:-1]:
            name, _, value = part.partition("=")
            name, value = urllib.parse.unquote(name), urllib.parse.unquote(value)
            values.append((name, None if value == _NULL_PARTITION else value))
        found.append(WrittenFile(str(path), 0, path.stat().st_size, tuple(values)))
    return [file for file in found if file.size]


# Types


def _own_columns(names: Sequence[str], types: Sequence[str]) -> tuple[Column, ...]:
    lowered = [name.lower() for name in names]
    for number, name in enumerate(lowered):
        if re.fullmatch(r"_col\d+", name):
            raise QueryError("MISSING_COLUMN_NAME", f"Column name not specified at position {number + 1}")
        if lowered.index(name) != number:
            raise QueryError("DUPLICATE_COLUMN_NAME", f"Column name '{name}' specified more than once")
    return tuple(Column(name, glue_of(type_)) for name, type_ in zip(lowered, types, strict=True))


_GLUE = {
    "BOOLEAN": "boolean", "TINYINT": "tinyint", "SMALLINT": "smallint", "INTEGER": "int", "BIGINT": "bigint",
    "FLOAT": "float", "DOUBLE": "double", "VARCHAR": "string", "BLOB": "binary", "DATE": "date",
    "TIMESTAMP": "timestamp", "TIMESTAMP_S": "timestamp", "TIMESTAMP_MS": "timestamp", "TIMESTAMP_NS": "timestamp",
    "HUGEINT": "decimal(38,0)", "UTINYINT": "smallint", "USMALLINT": "int", "UINTEGER": "bigint",
    "UBIGINT": "decimal(20,0)", "JSON": "string", "UUID": "string", "NULL": "string", "INTEGER_LITERAL": "int",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
}  # fmt: skip


def glue_of(type_: str) -> str:
    """A DuckDB type in Glue's (Hive's) words. Raises `QueryError` on one that no table holds."""
    if type_.endswith("[]"):
        return f"array<{glue_of(type_[:-2])}>"
    found = re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", type_)
    if found:
        return f"decimal({found[1]},{found[2]})"
    if type_.startswith(("MAP(", "STRUCT(")):
        kind, _, inner = type_.removesuffix(")").partition("(")
        parts = _parts(inner)
        if kind == "MAP":
            return f"map<{','.join(glue_of(p) for p in parts)}>"
        fields = []
        for part in parts:
            name = re.match(r'"((?:[^"]|"")*)"|\S+', part)
            if name is None:
                raise QueryError("NOT_SUPPORTED", "A column has a type that no table holds")
            fields.append(f"{(name[1] or name[0]).lower()}:{glue_of(part[name.end() :].strip())}")
        return f"struct<{','.join(fields)}>"
    if type_ not in _GLUE:
        raise QueryError("NOT_SUPPORTED", f"Unsupported Hive type: {type_.lower()}")
    return _GLUE[type_]


def _parts(text: str) -> list[str]:
    """The text split at commas outside of parentheses and quotes."""
    parts, depth, quote, start = [], 0, False, 0
    for place, letter in enumerate(text):
        if letter == '"':
            quote = not quote
        elif not quote:
            depth += (letter == "(") - (letter == ")")
            if letter == "," and depth == 0:
                parts.append(text[start:place].strip())
                start = place + 1
    return [*parts, text[start:].strip()]


# What Athena turns into another type by itself: the first into any of those behind it.
_WIDER = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "DECIMAL", "FLOAT", "DOUBLE")


def _cast(column: Column, type_: str, types: Sequence[str], columns: Sequence[Column]) -> str:
    """The DuckDB type of a column, into which a value of `type_` goes. Raises `QueryError` where Athena would."""
    target = "TIMESTAMP WITH TIME ZONE" if column.type == "timestamptz" else sql_type(column)
    if not _goes_into(_base(type_), _base(target)):
        raise _mismatch(columns, types)
    return target


def _base(type_: str) -> str:
    if type_.endswith("]"):
        return "LIST"
    base = type_.partition("(")[0].strip()
    return {"TEXT": "VARCHAR", "INT": "INTEGER", "REAL": "FLOAT", "CHAR": "VARCHAR", "HUGEINT": "BIGINT",
            "TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE", "VARBINARY": "BLOB", "BINARY": "BLOB", "JSON": "VARCHAR",
            "INTEGER_LITERAL": "INTEGER"}.get(base, base)  # fmt: skip


def _goes_into(given: str, wanted: str) -> bool:
    if wanted == given or given == "NULL":
        return True
    if given in _WIDER and wanted in _WIDER:
        if given == "DOUBLE" and wanted == "DECIMAL":  # a literal like 1.5, a decimal in Athena
            return True
        return _WIDER.index(given) < _WIDER.index(wanted) or (given == "INTEGER" and wanted in ("TINYINT", "SMALLINT"))
    if given in ("TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "DATE") and wanted == "TIMESTAMP":
        return True
    return given in ("TIMESTAMP", "DATE") and wanted == "TIMESTAMP WITH TIME ZONE"


def _mismatch(columns: Sequence[Column], types: Sequence[str]) -> QueryError:
    def shown(names: Sequence[str]) -> str:
        return "[" + ", ".join(names) + "]"

    given = [_GLUE.get(t, t.lower()) for t in types]
    return QueryError(
        "TYPE_MISMATCH",
        f"Insert query has mismatched column types: Table: {shown([c.type for c in columns])}, Query: {shown(given)}",
    )
