"""Views as Athena keeps them in Glue: a query in Athena's dialect, run with the rights of whoever asks.

Of a view the caller needs SELECT on the view, and whatever its query reads as if she had written that query herself.
"""

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from twinplane.data_plane.call import Call, Principal
from twinplane.data_plane.services.athena import rules
from twinplane.data_plane.services.athena.planning import Refused
from twinplane.data_plane.services.glue import store as glue
from twinplane.data_plane.services.lakeformation import store as lakeformation
from twinplane.data_plane.store import Document, Transaction
from twinplane.engines.sql.plan import QueryError, Reference, TableName, View
from twinplane.engines.sql.statements import Select

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

_MOST = 100  # views in one statement
_BEGIN, _END = "/* Presto View: ", " */"


@dataclass(frozen=True, slots=True)
class Found:
    """The views of a statement, and the tables that they name."""

    views: dict[TableName, View]
    names: tuple[TableName, ...] = ()

    def tables(self, references: Iterable[Reference], database: str) -> list[Reference]:
        """What a statement with these references reads that is no view: its own tables and those of its views."""
        every = dict.fromkeys([*(r.in_database(database) for r in references), *self.names])
        return [Reference(name.database, name.table, name.at) for name in every if name not in self.views]


NONE = Found({})


async def found(plane: "Plane", principal: Principal, references: Sequence[Reference], database: str) -> Found:
    """The views among these tables, and in the queries of those. Raises `Refused` for one that the caller may not read,
    `QueryError` for one whose query cannot be read."""
    views: dict[TableName, View] = {}
    tables: dict[TableName, None] = {}
    todo = list(dict.fromkeys(r.in_database(database) for r in references))
    while todo:
        documents = plane.store.read(lambda tx, names=todo: _documents(tx, plane, principal, names))  # type: ignore[misc]
        todo = []
        for name, document in documents.items():
            view = decoded(document)
            statement = await plane.sql.classify(rules.owner_of(principal), view.text)
            if not isinstance(statement, Select):
                raise QueryError("INVALID_VIEW", f"View {name.database}.{name.table} is not a query")
            views[name] = view
            inner = [r.in_database(view.database) for r in statement.references]
            tables |= dict.fromkeys(inner)
            todo += [n for n in inner if n not in views]
        if len(views) > _MOST:
            raise QueryError("INVALID_VIEW", "The statement names too many views")
    return Found(views, tuple(tables)) if views else NONE


def _documents(
    tx: Transaction, plane: "Plane", principal: Principal, names: Iterable[TableName]
) -> dict[TableName, Document]:
    who = lakeformation.lake_principals(tx, principal, plane.settings.account_id)
    views: dict[TableName, Document] = {}
    for name in names:
        table = glue.find_table(tx, name.database, name.table)
        if table is not None and table.get("TargetTable"):
            link = table["TargetTable"]
            table = glue.find_table(tx, link["DatabaseName"], link["Name"])
        if table is not None and is_view(table):
            check_readable(tx, who, name, table)
            if name.at is not None:
                raise QueryError("NOT_SUPPORTED", f"View {name.database}.{name.table} has no versions")
            views[name] = table
    return views


def check_readable(tx: Transaction, who: lakeformation.Principals, name: TableName, view: Document) -> None:
    """Raises `Refused` unless the caller may read the whole view: there are no filters on views."""
    access = lakeformation.table_access(tx, who, view)
    if access is None or not access.is_whole(lakeformation.column_names(view)):
        raise Refused(name)


def is_view(table: Document) -> bool:
    return table.get("TableType") == "VIRTUAL_VIEW"


def decoded(table: Document) -> View:
    """The query of a view in Glue. Raises `QueryError`."""
    text = str(table.get("ViewOriginalText") or "")
    try:
        if not (text.startswith(_BEGIN) and text.endswith(_END)):
            raise ValueError
        content = msgspec.json.decode(base64.b64decode(text[len(_BEGIN) : -len(_END)], validate=True))
        return View(str(content["originalSql"]), str(content.get("schema") or table["DatabaseName"]).lower())
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error, msgspec.DecodeError):
        raise QueryError("INVALID_VIEW", f"Invalid view JSON: {table['DatabaseName']}.{table['Name']}") from None


def encoded(query: str, database: str, columns: Sequence[tuple[str, str]]) -> str:
    """The text of a view in Glue. `columns`: names, and types in Presto's words."""
    content = {
        "originalSql": query, "catalog": "awsdatacatalog", "schema": database,
        "columns": [{"name": name, "type": type_} for name, type_ in columns],
    }  # fmt: skip
    return _BEGIN + base64.b64encode(msgspec.json.encode(content)).decode() + _END


def decided(call: Call, views: Found) -> tuple[tuple[TableName, View], ...]:
    """The views, once more decided on in the transaction that plans the statement. Raises `Refused`."""
    who = lakeformation.lake_principals(call.tx, call.principal, call.account_id)
    for name in views.views:
        table = glue.find_table(call.tx, name.database, name.table)
        if table is None:
            raise Refused(name)
        if table.get("TargetTable"):
            link = table["TargetTable"]
            table = glue.get_table(call.tx, link["DatabaseName"], link["Name"])
        check_readable(call.tx, who, name, table)
    return tuple(views.views.items())
