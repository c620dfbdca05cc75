"""DELETE, UPDATE and MERGE of Iceberg tables, and OPTIMIZE.

Copy on write: the rows that the table has afterwards are worked out by a query of the caller's own, in her worker, and
replace all of the table's files. She must be able to read every cell of the table, so nothing hidden is told or lost.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path

from twinplane.data_plane.call import Call
from twinplane.data_plane.services.athena.statements import iceberg, places, rewriting, rows, writable
from twinplane.data_plane.services.athena.statements.iceberg_base import (
    ATTEMPTS,
    Base,
    Changed,
    added,
    base_of,
    commit,
    commit_failed,
    snapshot_of,
    target_of,
)
from twinplane.data_plane.services.athena.statements.select import planned_with
from twinplane.data_plane.services.athena.work import Work
from twinplane.data_plane.services.glue import iceberg as glue_iceberg
from twinplane.data_plane.store import Document
from twinplane.engines.sql.plan import QueryError, Reference, TableName
from twinplane.engines.sql.result import read_rows
from twinplane.engines.sql.statements import Change, Merge, Optimize

_WRITES = ("SELECT", "INSERT", "DELETE")


async def change(work: Work, statement: Change) -> None:
    """DELETE or UPDATE."""
    name = statement.target.in_database(work.database)
    needed = _WRITES if statement.assignments else ("SELECT", "DELETE")

    async def attempt(base: Base) -> bool:
        [[changed]] = await _counts(work, name, base, rewriting.changed_count(statement), statement.references)
        operation = "overwrite" if statement.assignments else "delete"
        text = rewriting.remaining(statement, [c.name for c in base.columns])
        return await _replace(work, name, needed, base, operation, text, statement.references, changed)

    await _until_committed(work, name, needed, attempt)


async def merge(work: Work, statement: Merge) -> None:
    """MERGE INTO."""
    name = statement.target.in_database(work.database)

    async def attempt(base: Base) -> bool:
        text = rewriting.merged(statement, [c.name for c in base.columns])
        counts = await _counts(work, name, base, rewriting.merge_counts(statement), statement.references)
        [[total, joined, changed, inserted]] = counts
        if joined > total:
            raise QueryError(
                "MERGE_TARGET_ROW_MULTIPLE_MATCHES",
                "One MERGE target table row matched more than one source row",
            )
        return await _replace(
            work, name, _WRITES, base, "overwrite", text, statement.references, changed + inserted
        )  # fmt: skip

    await _until_committed(work, name, _WRITES, attempt)


async def _until_committed(
    work: Work, name: TableName, needed: tuple[str, ...], attempt: Callable[[Base], Awaitable[bool]]
) -> None:
    for _ in range(ATTEMPTS):
        base = await base_of(work, name, *needed, manifests=True)
        try:
            await attempt(base)
            return
        except Changed:
            continue
    raise commit_failed(name)


def _location_of(name: TableName, needed: tuple[str, ...]) -> Callable[[Call], str]:
    return lambda call: glue_iceberg.metadata_location(writable.table(call, name, *needed).table)


async def _counts(
    work: Work, name: TableName, base: Base, text: str, references: tuple[Reference, ...]
) -> list[list[int]]:
    """The numbers that a query of one row gives, of the table as `base` has it. Raises `Changed`."""
    query, seen = await planned_with(work, text, references, _location_of(name, ("SELECT",)))
    if seen != base.metadata_location:
        raise Changed
    result = await work.plane.sql.run(work.owner, query, run_id=work.id)
    path = Path(result.path)
    try:
        found = read_rows(path, 0, 2, len(result.columns))[1:]
    finally:
        path.unlink(missing_ok=True)
    return [[int(value or 0) for value in row] for row, _ in found]


async def _replace(
    work: Work, name: TableName, needed: tuple[str, ...], base: Base, operation: str, text: str,
    references: tuple[Reference, ...], changed: int,
) -> bool:  # fmt: skip
    """Gives the table these rows in place of all that it has, if any are changed. Raises `Changed`."""
    outcome: Document = {"columns": [], "rows": changed, "update_count": changed, "result_bytes": 0}
    target = await target_of(work, base.body)
    written = iceberg.how(base.columns, target)
    query, seen = await planned_with(work, text, references, _location_of(name, ("SELECT",)))
    if seen != base.metadata_location:
        raise Changed
    if not changed:
        await work.finish(outcome)
        return False
    data = places.place(f"{base.location}/data/")
    result, files = await rows.written(work, query, written, data, ending=".parquet")
    made = await snapshot_of(work, base, operation, added(files, target), None)
    outcome |= rows.outcome(result) | {"rows": changed, "update_count": changed}
    await commit(work, name, needed, base, made, files, outcome)
    return True


async def optimize(work: Work, statement: Optimize) -> None:
    """Writes the table's rows into few files and none of deletes; which rows it has stays the same."""
    name = statement.target.in_database(work.database)
    own = Reference(statement.target.database, statement.target.table)
    where = "" if statement.condition is None else f" WHERE (\n{statement.condition}\n)"
    check = f"SELECT count(*) AS n FROM {rewriting.spelled(own)}{where}"  # noqa: S608 - Athena's, parsed as such

    async def attempt(base: Base) -> bool:
        await _counts(work, name, base, check, (own,))
        shown = ", ".join(rewriting.quoted(c.name) for c in base.columns)
        text = f"SELECT {shown} FROM {rewriting.spelled(own)}"  # noqa: S608 - Athena's, parsed as such
        target = await target_of(work, base.body)
        query, seen = await planned_with(work, text, (own,), _location_of(name, ("SELECT",)))
        if seen != base.metadata_location:
            raise Changed
        reads = dict(query.tables)[name].iceberg
        few = reads is None or (sum(len(g.paths) for g in reads.files) < 2 and not any(
            g.position_deletes or g.equality_deletes for g in reads.files
        ))  # fmt: skip
        if few:
            await work.answer(())
            return False
        data = places.place(f"{base.location}/data/")
        _, files = await rows.written(work, query, iceberg.how(base.columns, target), data, ending=".parquet")
        made = await snapshot_of(work, base, "replace", added(files, target), None)
        text_result = await work.receive(work.execution["location"], b"", "text/plain")
        outcome: Document = {"columns": [], "rows": 0, "result_bytes": 0, "scanned_bytes": 0, "engine_seconds": 0.0}
        await commit(work, name, _WRITES, base, made, files, outcome, (text_result,))
        return True

    await _until_committed(work, name, _WRITES, attempt)
