"""CREATE VIEW."""

import re
from pathlib import Path

from twinplane.data_plane.call import Call, ServiceError
from twinplane.data_plane.services.athena import views
from twinplane.data_plane.services.athena.statements import tables
from twinplane.data_plane.services.athena.statements.catalog import glue, in_hive
from twinplane.data_plane.services.athena.statements.iceberg_schema import split
from twinplane.data_plane.services.athena.statements.select import planned
from twinplane.data_plane.services.athena.work import Work
from twinplane.data_plane.services.glue import store as glue_store
from twinplane.data_plane.store import Document
from twinplane.engines.sql.plan import QueryError
from twinplane.engines.sql.statements import CreateView


async def create(work: Work, statement: CreateView) -> None:
    """Makes a view of a query that its author may run now: no view tells her of tables or columns she may not see."""
    query = statement.query
    if statement.columns:
        names = ", ".join(f'"{c}"' for c in statement.columns)
        query = f"SELECT * FROM (\n{query}\n) AS renamed ({names})"  # noqa: S608 - Athena's, parsed as such
    text = f"SELECT * FROM (\n{query}\n) AS created LIMIT 0"  # noqa: S608 - Athena's, parsed as such
    result = await work.plane.sql.run(work.owner, await planned(work, text, statement.references), run_id=work.id)
    Path(result.path).unlink(missing_ok=True)
    if len(result.types) != len(result.columns):
        raise QueryError("NOT_SUPPORTED", "A column has a type that no view has")
    columns = [(c.name.lower(), type_) for c, type_ in zip(result.columns, result.types, strict=True)]
    for number, (name, _) in enumerate(columns):
        if re.fullmatch(r"_col\d+", name):
            raise QueryError("MISSING_COLUMN_NAME", f"Column name not specified at position {number + 1}")
    await work.answer((), change=lambda call: _keep(call, statement, work.database, query, columns))


def _keep(
    call: Call, statement: CreateView, database: str, query: str, columns: list[tuple[str, str]]
) -> Document:  # fmt: skip
    name = statement.target.in_database(database)
    parameters = {"presto_view": "true", "comment": statement.comment or "Presto View"}
    given = {
        "Name": name.table, "TableType": "VIRTUAL_VIEW", "Parameters": parameters, "PartitionKeys": [],
        "StorageDescriptor": {
            "Columns": [{"Name": n, "Type": t} for n, t in columns], "Location": "",
            "SerdeInfo": {}, "NumberOfBuckets": 0, "Compressed": False, "StoredAsSubDirectories": False,
        },
        "ViewOriginalText": views.encoded(query, database, [(n, presto_type(t)) for n, t in columns]),
        "ViewExpandedText": "/* Presto View */",
    }  # fmt: skip
    if statement.replace:
        try:
            glue(call, "GetTable", DatabaseName=name.database, Name=name.table)
        except ServiceError:
            pass  # not there, or not for her: then Glue says so when she makes it
        else:
            found = glue_store.get_table(call.tx, name.database, name.table)
            if not views.is_view(found):
                raise in_hive(ServiceError("AlreadyExistsException", f"Table {name.table} is not a view"))
            tables.update(call, found, **given)
            return {}
    tables.add_table(call, name.database, given, if_not_exists=False)
    return {}


_PRESTO = {"string": "varchar", "int": "integer", "float": "real", "binary": "varbinary",
           "timestamptz": "timestamp(3) with time zone", "timestamp": "timestamp(3)"}  # fmt: skip


def presto_type(type_: str) -> str:
    """A type of Glue's in Presto's words."""
    outer, _, inner = type_.partition("<")
    inner = inner.removesuffix(">")
    if outer == "array":
        return f"array({presto_type(inner)})"
    if outer == "map":
        return f"map({', '.join(presto_type(p) for p in split(inner))})"
    if outer == "struct":
        fields = (part.partition(":") for part in split(inner))
        return f"row({', '.join(f'{name} {presto_type(kind)}' for name, _, kind in fields)})"
    return _PRESTO.get(type_, type_)
