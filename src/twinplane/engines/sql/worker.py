"""The process that runs one person's queries: started by `process`.

It is given nothing but a socket and a folder: no environment, no network, no other file, bounded memory, and it dies
with its parent.
Each query gets a fresh DuckDB instance that can open the query's own files and nothing else, and runs only after the
gate has read the very text it is about to run.
"""

import contextlib
import os
import re
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from twinplane.engines.sql import hazards, macros, render, result, writing
from twinplane.engines.sql.confinement import within
from twinplane.engines.sql.gate import Gate, GateRefusal
from twinplane.engines.sql.plan import Plan, Query, QueryError, ResultColumn
from twinplane.engines.sql.worker_messages import Failure, Hello, Limits, Reply, Run, receive, send

ROWS_AT_ONCE = 5000


class Engine:
    """Runs queries one after another, each in a DuckDB instance of its own."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._gate = Gate()
        self._next = self._fresh()

    def _fresh(self) -> Any:
        connection = duckdb.connect(
            config={
                "threads": self._limits.threads,
                "memory_limit": f"{self._limits.memory_bytes // (1 << 20)}MiB",
                "python_enable_replacements": False,
                "autoload_known_extensions": False,
                "autoinstall_known_extensions": False,
                "allow_community_extensions": False,
                "allow_unsigned_extensions": False,
            }
        )
        connection.execute("SET TimeZone = 'UTC'")
        return connection

    def run(self, request: Run) -> Reply:
        """Runs a query and makes the next instance ready."""
        connection, self._next = self._next, None
        try:
            return self._run(connection, request)
        except QueryError as error:
            return Reply(Failure(error.code, error.message))
        except GateRefusal as error:
            return Reply(Failure("NOT_SUPPORTED", "The query cannot be run", f"gate: {error}"))
        except Exception as error:  # noqa: BLE001 - whatever it is, the user gets a generic text and the log the rest
            return Reply(failure_of(error))
        finally:
            connection.close()

    def prepare(self) -> None:
        if self._next is None:
            self._next = self._fresh()

    def _run(self, connection: Any, request: Run) -> Reply:
        started = time.perf_counter()
        plan = self._plan(request.work)
        planned = time.perf_counter()
        partitions = () if request.write is None else request.write.partitions
        texts = (plan.sql, plan.display, *(source.select for source in plan.sources), *(text for _, text in partitions))
        for macro in macros.used_by(*texts):
            connection.execute(f"CREATE MACRO {macro}")
        views = [source.name for source in plan.sources]
        text = plan.sql if request.write is not None else plan.display or plan.sql
        tree = self._gate.check(text, views)
        quick = request.write is None and not hazards.may_fail_early(tree, {s.name: s.types for s in plan.sources})
        for source in plan.sources:
            select = source.quick if quick and source.quick is not None else source.select
            connection.execute(f'CREATE VIEW "{source.name}" AS {select}')
        paths = list(dict.fromkeys(path for source in plan.sources for path in source.paths))
        _lock(connection, paths, request.folder, None if request.write is None else request.output)
        if request.write is not None:
            target_names, glue, files = writing.write(
                connection, lambda sql: self._gate.check(sql, views), plan, request.write, Path(request.output)
            )
            return Reply(
                columns=tuple(ResultColumn(name, type_) for name, type_ in zip(target_names, glue, strict=True)),
                rows=sum(file.rows for file in files),
                result_bytes=sum(file.size for file in files),
                scanned_bytes=sum(os.stat(path).st_size for path in paths),
                engine_seconds=time.perf_counter() - planned,
                planning_seconds=planned - started,
                types=glue,
                files=tuple(files),
            )
        done = connection.execute(text)
        types = [str(entry[1]) for entry in done.description]
        columns = _columns(plan, types)
        rows = _write(done, columns, Path(request.output))
        return Reply(
            columns=columns,
            rows=rows,
            result_bytes=os.stat(request.output).st_size,
            scanned_bytes=sum(os.stat(path).st_size for path in paths),
            engine_seconds=time.perf_counter() - planned,
            planning_seconds=planned - started,
            types=_glue_types(plan.stored or types),
        )

    def _plan(self, work: Query | Plan) -> Plan:
        if isinstance(work, Plan):
            return work
        with within(self._limits.planning_seconds):
            return render.plan(work.text, work.database, dict(work.tables), work.parameters, dict(work.views))


def _glue_types(types: Sequence[str]) -> tuple[str, ...]:
    """In Glue's words, for whoever makes a table or view of them; none where one has none."""
    try:
        return tuple(map(writing.glue_of, types))
    except QueryError:
        return ()


def _lock(connection: Any, paths: list[str], folder: str, output: str | None) -> None:
    allowed = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
    connection.execute(f"SET temp_directory = '{folder.replace(chr(39), chr(39) * 2)}'")
    connection.execute(f"SET allowed_paths = [{allowed}]")
    if output is not None:
        connection.execute(f"SET allowed_directories = ['{output.replace(chr(39), chr(39) * 2)}']")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _write(done: Any, columns: tuple[ResultColumn, ...], path: Path) -> int:
    rows = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(result.line(c.name for c in columns))
        while chunk := done.fetchmany(ROWS_AT_ONCE):
            file.writelines(result.line(map(result.text, row)) for row in chunk)
            rows += len(chunk)
    return rows


def _columns(plan: Plan, stored: Sequence[str]) -> tuple[ResultColumn, ...]:
    """The result's columns. What is of another type than was planned is no answer: it would be a wrong one."""
    if not plan.names:  # a text that was not made from a statement
        return tuple(result.athena_column(f"_col{n}", type_.lower()) for n, type_ in enumerate(stored))
    for planned, found in zip(plan.shown, stored, strict=True):
        if not result.is_same_type(planned, found):
            raise TypeError(f"a column was planned as {planned} and is {found}")
    return tuple(result.athena_column(name, type_) for name, type_ in zip(plan.names, plan.types, strict=True))


_GENERIC = {
    "ConversionException": ("INVALID_CAST_ARGUMENT", "A value cannot be cast to the type asked for"),
    "OutOfRangeException": ("NUMERIC_VALUE_OUT_OF_RANGE", "A value is out of the range of its type"),
    "OutOfMemoryException": ("EXCEEDED_MEMORY_LIMIT", "Query exhausted resources at this scale factor"),
    "BinderException": ("TYPE_MISMATCH", "An operator or function is used with types it does not take"),
    "InvalidInputException": ("INVALID_FUNCTION_ARGUMENT", "A function was given a value it does not take"),
    "NotImplementedException": ("INVALID_FUNCTION_ARGUMENT", "A function was given a value it does not take"),
    "CatalogException": ("FUNCTION_NOT_FOUND", "A function of the query is not registered"),
    "MemoryError": ("EXCEEDED_MEMORY_LIMIT", "Query exhausted resources at this scale factor"),
}
# What DuckDB says of statements, whoever's data they are about: (in its text, Athena's code, what the user is told).
_OF_STATEMENTS = (
    ("must appear in the GROUP BY clause", "EXPRESSION_NOT_AGGREGATE",
     "An expression must be an aggregate expression or appear in GROUP BY clause"),
    ("clause cannot contain aggregates", "EXPRESSION_NOT_SCALAR",
     "WHERE, JOIN and GROUP BY cannot contain aggregations"),
    ("aggregate function calls cannot be nested", "NESTED_AGGREGATION",
     "Cannot nest aggregations inside aggregations"),
    ("cannot contain window functions", "NESTED_WINDOW", "Cannot nest window functions here"),
    ("More than one row returned by a subquery", "SUBQUERY_MULTIPLE_ROWS",
     "Scalar sub-query has returned multiple rows"),
    ("Map keys must be unique", "INVALID_FUNCTION_ARGUMENT", "Duplicate map keys are not allowed"),
    ("Map keys can not be NULL", "INVALID_FUNCTION_ARGUMENT", "map key cannot be null"),
    ("because the value is out of range", "NUMERIC_VALUE_OUT_OF_RANGE", "A value is out of the range of its type"),
)  # fmt: skip
_PLANNED_FAILURE = re.compile(r"Could not convert string '([^']*)' to")


def failure_of(error: Exception) -> Failure:
    """What the user may know of an exception: never its text, which may name files, filters or hidden values."""
    detail = f"{type(error).__name__}: {error}"
    planned = _PLANNED_FAILURE.search(str(error)) if isinstance(error, duckdb.ConversionException) else None
    if planned is not None and planned[1] in macros.MESSAGES:
        return Failure(macros.MESSAGES[planned[1]], planned[1], detail)
    for said, code, message in _OF_STATEMENTS:
        if isinstance(error, duckdb.Error) and said in str(error):
            return Failure(code, message, detail)
    code, message = _GENERIC.get(type(error).__name__, ("GENERIC_INTERNAL_ERROR", "The query failed"))
    return Failure(code, message, detail)


def serve(channel: socket.socket, limits: Limits, missing: tuple[str, ...]) -> None:
    """Serves queries from the socket until it is closed."""
    engine = Engine(limits)
    send(channel, Hello(missing))
    with contextlib.suppress(ConnectionError, BrokenPipeError):
        while (body := receive(channel)) is not None:
            send(channel, engine.run(msgspec.json.decode(body, type=Run)))
            engine.prepare()
