"""Data cells filters: which columns, in which rows of a table, a grant shows."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from twinplane.data_plane.call import Answer, Call, Request, ServiceError
from twinplane.data_plane.services.glue import store as glue
from twinplane.data_plane.services.lakeformation import access, names, store
from twinplane.data_plane.services.lakeformation.access import check_catalog, invalid
from twinplane.data_plane.services.lakeformation.names import Named
from twinplane.data_plane.services.lakeformation.paging import listing
from twinplane.data_plane.store import Document, Transaction
from twinplane.engines.sql.plan import Column, QueryError


async def create_data_cells_filter(call: Call, request: Request) -> Answer:
    """Makes a filter, which then can be granted."""
    return await _write_checked(call, request, _create)


def _create(call: Call, data: Document) -> Answer:
    if _find(call, data) is not None:
        raise ServiceError("AlreadyExistsException", f"Filter {data['Name']} already exists")
    store.put_data_cells_filter(call.tx, data | {"VersionId": "1"})
    return {}


def get_data_cells_filter(call: Call, request: Request) -> Answer:
    """One filter."""
    check_catalog(call, request["TableCatalogId"])
    _check_may(call, request, "DESCRIBE")
    return {"DataCellsFilter": _get(call, request)}


async def update_data_cells_filter(call: Call, request: Request) -> Answer:
    """Replaces a filter; every grant of it shows the new rows and columns from the commit on."""
    return await _write_checked(call, request, _update)


def _update(call: Call, data: Document) -> Answer:
    old = _get(call, data)
    if data.get("VersionId") not in (None, old["VersionId"]):
        raise ServiceError("ConcurrentModificationException", "The filter was changed by someone else")
    store.put_data_cells_filter(call.tx, data | {"VersionId": str(int(old["VersionId"]) + 1)})
    return {}


async def _write_checked(call: Call, request: Request, write: Callable[[Call, Document], Answer]) -> Answer:
    """Writes a filter whose row expression the engine has read: it cannot be read within a transaction."""
    data = request["TableData"]
    columns = call.plane.store.read(lambda tx: _checked(replace(call, transaction=tx), data))
    expression = (data.get("RowFilter") or {}).get("FilterExpression")
    if expression:
        try:
            await call.plane.sql.check_row_filter(call.principal.arn, expression, columns)
        except QueryError as error:
            raise invalid(f"Invalid row filter expression. {error.message}") from None

    def checked(tx: Transaction) -> Answer:
        now = replace(call, transaction=tx)
        if _checked(now, data) != columns:
            raise ServiceError("ConcurrentModificationException", "The table was changed by someone else")
        return write(now, data)

    return await call.plane.store.write(checked)


def delete_data_cells_filter(call: Call, request: Request) -> Answer:
    """Removes a filter and the grants of it."""
    for member in ("TableCatalogId", "DatabaseName", "TableName", "Name"):
        if not request.get(member):
            raise invalid(f"{member} is required")
    check_catalog(call, request["TableCatalogId"])
    _check_may(call, request, "DROP")
    _get(call, request)
    store.remove_data_cells_filter(call.tx, request["DatabaseName"], request["TableName"], request["Name"])
    return {}


def list_data_cells_filter(call: Call, request: Request) -> Answer:
    """The filters that the caller may describe: of one table, or of all."""
    table = request.get("Table") or {}
    where: dict[str, Any] = {}
    if table:
        check_catalog(call, table.get("CatalogId"))
        where["DatabaseName"] = table["DatabaseName"].lower()
        if table.get("Name"):
            where["TableName"] = table["Name"].lower()

    def visible(after: list[Any] | None, limit: int) -> list[Document]:
        found = call.tx.select(store.FILTERS, where, after=after)
        return [f for f in found if _may(call, f, "DESCRIBE")][:limit]

    rows, token = listing(call, request, visible, lambda f: list(store.FILTERS.key_of(f)))
    return {"DataCellsFilters": rows, "NextToken": token}


def _may(call: Call, data: Document, permission: str) -> bool:
    """Whoever may grant SELECT on the table makes, sees and drops its filters; others by a permission on the filter."""
    of_table = names.table(data["DatabaseName"], data["TableName"])
    who = access.principals(call)
    if store.rights(call.tx, who, of_table).may_pass_on("SELECT"):
        return True
    name = Named("filter", of_table.database, of_table.table, data["Name"])
    return bool(permission) and store.may(call.tx, who, name, permission)


def _check_may(call: Call, data: Document, permission: str = "") -> None:
    if not _may(call, data, permission):
        raise access.insufficient("Select with grant option", data["TableName"])


def _find(call: Call, data: Document) -> Document | None:
    return store.find_data_cells_filter(call.tx, data["DatabaseName"], data["TableName"], data["Name"])


def _get(call: Call, data: Document) -> Document:
    found = _find(call, data)
    if found is None:
        raise ServiceError("EntityNotFoundException", f"Filter {data['Name']} not found")
    return found


def _checked(call: Call, data: Document) -> list[Column]:
    """The columns of the table of a possible filter. Raises the error that tells what is wrong with it."""
    check_catalog(call, data["TableCatalogId"])
    _check_may(call, data)
    table = glue.find_table(call.tx, data["DatabaseName"], data["TableName"])
    if table is None:
        raise ServiceError("EntityNotFoundException", f"Table not found: {data['TableName']}")
    if table.get("TargetTable"):
        raise invalid("Data cells filters are not supported on resource links")
    columns, wildcard = data.get("ColumnNames"), data.get("ColumnWildcard")
    if bool(columns) == (wildcard is not None):
        raise invalid("Either ColumnNames or ColumnWildcard is required")
    named = {c.lower() for c in columns or (wildcard or {}).get("ExcludedColumnNames") or ()}
    unknown = named - set(store.column_names(table))
    if unknown:
        raise invalid(f"Columns not found in table {data['TableName']}: {sorted(unknown)}")
    rows = data.get("RowFilter") or {}
    if bool(rows.get("FilterExpression")) == (rows.get("AllRowsWildcard") is not None):
        raise invalid("RowFilter needs either FilterExpression or AllRowsWildcard")
    stored = (table.get("StorageDescriptor") or {}).get("Columns") or ()
    return [
        Column(str(c["Name"]).lower(), str(c.get("Type") or "string"))
        for c in (*stored, *(table.get("PartitionKeys") or ()))
    ]
