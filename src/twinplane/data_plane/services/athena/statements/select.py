"""Queries, and what EXPLAIN says of them."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from twinplane.data_plane.call import Call
from twinplane.data_plane.services.athena import planning, views
from twinplane.data_plane.services.athena.work import Received, Work
from twinplane.data_plane.services.glue import iceberg
from twinplane.engines.sql.plan import Query, Reference
from twinplane.engines.sql.statements import Explain, Select

T = TypeVar("T")


async def planned(
    work: Work, text: str, references: tuple[Reference, ...], parameters: tuple[str, ...] = ()
) -> Query:  # fmt: skip
    """A query with all that its person may read of its tables, decided now. Raises `Refused`, `QueryError`."""
    query, _ = await planned_with(work, text, references, lambda _call: None, parameters)
    return query


async def planned_with(
    work: Work, text: str, references: tuple[Reference, ...], also: Callable[[Call], T],
    parameters: tuple[str, ...] = (),
) -> tuple[Query, T]:  # fmt: skip
    """The same, and what `also` finds in the state that the query was planned on."""
    call = work.read(lambda call: call)
    known = await views.found(work.plane, call.principal, references, work.database)

    async def plan() -> tuple[Query, T]:
        return work.read(at)

    def at(call: Call) -> tuple[Query, T]:
        tables = planning.tables(call, known.tables(references, work.database), work.database)
        return Query(text, work.database, tuple(tables), parameters, views.decided(call, known)), also(call)

    return await iceberg.with_metadata(work.plane, plan)


async def run(work: Work, statement: Select) -> None:
    """Runs a query in the person's worker; its result is a CSV file that only she may read."""
    query = await planned(work, work.text, statement.references, work.parameters)
    result = await work.plane.sql.run(work.owner, query, run_id=work.id)
    columns = [msgspec.to_builtins(column) for column in result.columns]
    try:
        location = work.execution["location"]
        described = msgspec.json.encode({"columns": columns})
        received: tuple[Received, ...] = tuple(
            await asyncio.gather(
                work.receive(location, Path(result.path), "text/csv"),
                work.receive(location + ".metadata", described, "application/octet-stream"),
            )
        )
    finally:
        Path(result.path).unlink(missing_ok=True)
    outcome = {
        "columns": columns, "rows": result.rows, "result_bytes": result.result_bytes,
        "scanned_bytes": result.scanned_bytes, "engine_seconds": result.engine_seconds,
        "planning_seconds": result.planning_seconds,
    }  # fmt: skip
    await work.finish(outcome, results=received)


async def explain(work: Work, statement: Explain) -> None:
    """The shape of a query that could be run: it is planned, with the caller's rights, and its types are checked."""
    text = f"SELECT * FROM ({statement.query}\n) AS explained LIMIT 0"  # noqa: S608 - Athena's, parsed as such
    result = await work.plane.sql.run(work.owner, await planned(work, text, statement.references), run_id=work.id)
    Path(result.path).unlink(missing_ok=True)
    lines = ("true",) if statement.validate else statement.lines
    await work.answer(("Valid" if statement.validate else "Query Plan",), lines)
