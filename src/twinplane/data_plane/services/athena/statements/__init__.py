"""What each kind of statement does. A handler decides what the caller may, and ends the execution in one
transaction."""

from typing import Any

from twinplane.data_plane.services.athena.statements import catalog, partitions, rows, select, show, tables, views
from twinplane.data_plane.services.athena.work import Work
from twinplane.engines.sql import statements as kinds
from twinplane.engines.sql.plan import QueryError
from twinplane.engines.sql.statements import Statement

# Those that change the catalog alone: in the transaction that ends the execution, with nothing to show.
_CHANGES: dict[type, Any] = {
    kinds.CreateDatabase: catalog.create_database, kinds.DropDatabase: catalog.drop_database,
    kinds.AlterDatabase: catalog.alter_database, kinds.DropTable: catalog.drop_table,
    kinds.CreateTable: tables.create_table, kinds.AlterColumns: tables.alter_columns,
    kinds.SetProperties: tables.set_properties, kinds.SetLocation: partitions.set_location,
    kinds.AddPartitions: partitions.add, kinds.DropPartitions: partitions.drop,
    kinds.RenamePartition: partitions.rename,
}  # fmt: skip
_RUNS: dict[type, Any] = {
    kinds.Select: select.run, kinds.Explain: select.explain, kinds.Show: show.run, kinds.CreateView: views.create,
    kinds.RepairTable: partitions.repair, kinds.CreateTableAs: rows.create_table_as, kinds.Insert: rows.insert,
    kinds.Unload: rows.unload,
}  # fmt: skip


async def run(work: Work, statement: Statement) -> None:
    """Does what the statement asks for and ends the execution well.

    Raises `QueryError`, `ServiceError`, `QueryCancelled` and `Cancelled`.
    """
    change = _CHANGES.get(type(statement))
    if change is not None:
        await work.answer((), change=lambda call: change(call, statement, work.database) or {})
        return
    handler = _RUNS.get(type(statement))
    if handler is None:
        raise QueryError("NOT_SUPPORTED", "The statement is not supported")
    await handler(work, statement)


def suffix(statement: Statement) -> str:
    """How the name of the result ends: rows as CSV, what the catalog says as text, written rows as neither."""
    match statement:
        case kinds.Select():
            return ".csv"
        case kinds.CreateTableAs() | kinds.Insert() | kinds.Unload() | kinds.Change() | kinds.Merge():
            return ""
        case _:
            return ".txt"
