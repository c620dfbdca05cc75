"""What each kind of statement does. A handler decides what the caller may, and ends the execution in one
transaction."""

from typing import Any

from twinplane.data_plane.call import Call
from twinplane.data_plane.services.athena.statements import (
    catalog,
    formats,
    iceberg,
    iceberg_rows,
    iceberg_vacuum,
    partitions,
    prepared,
    rows,
    select,
    show,
    tables,
    views,
)
from twinplane.data_plane.services.athena.work import Work
from twinplane.data_plane.services.glue import store as glue_store
from twinplane.engines.sql import statements as kinds
from twinplane.engines.sql.plan import QueryError, Reference
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
    kinds.Unload: rows.unload, kinds.Change: iceberg_rows.change, kinds.Merge: iceberg_rows.merge,
    kinds.Optimize: iceberg_rows.optimize, kinds.Vacuum: iceberg_vacuum.vacuum,
    kinds.Prepare: prepared.prepare, kinds.Deallocate: prepared.deallocate,
}  # fmt: skip
# Those of them that are others for Iceberg tables.
_OF_ICEBERG: dict[type, Any] = {
    kinds.CreateTable: iceberg.create_table, kinds.CreateTableAs: iceberg.create_table_as,
    kinds.Insert: iceberg.insert, kinds.AlterColumns: iceberg.alter_columns,
    kinds.SetProperties: iceberg.set_properties,
}  # fmt: skip


async def run(work: Work, statement: Statement) -> None:
    """Does what the statement asks for and ends the execution well.

    Raises `QueryError`, `ServiceError`, `QueryCancelled` and `Cancelled`.
    """
    kind = type(statement)
    if kind in _OF_ICEBERG and _is_of_iceberg(work, statement):
        await _OF_ICEBERG[kind](work, statement)
    elif kind in _CHANGES:
        await work.answer((), change=lambda call: _CHANGES[kind](call, statement, work.database) or {})
    elif kind in _RUNS:
        await _RUNS[kind](work, statement)
    else:
        raise QueryError("NOT_SUPPORTED", "The statement is not supported")


def _is_of_iceberg(work: Work, statement: Any) -> bool:
    """Whether the statement is about an Iceberg table. Not told to anybody: the handlers decide who may know."""
    if isinstance(statement, kinds.CreateTable):
        return tables.is_iceberg_definition(statement)
    if isinstance(statement, kinds.CreateTableAs):
        return any((k.lower(), v.lower()) == ("table_type", "iceberg") for k, v in statement.properties)
    return work.read(lambda call: _is_stored_so(call, statement.target, work.database))


def _is_stored_so(call: Call, target: Reference, database: str) -> bool:
    name = target.in_database(database)
    found = glue_store.find_table(call.tx, name.database, name.table)
    if found is not None and found.get("TargetTable"):
        link = found["TargetTable"]
        found = glue_store.find_table(call.tx, link["DatabaseName"], link["Name"])
    return found is not None and formats.is_iceberg(found)


def suffix(statement: Statement) -> str:
    """How the name of the result ends: rows as CSV, what the catalog says as text, written rows as neither."""
    match statement:
        case kinds.Select():
            return ".csv"
        case kinds.CreateTableAs() | kinds.Insert() | kinds.Unload() | kinds.Change() | kinds.Merge():
            return ""
        case _:
            return ".txt"
