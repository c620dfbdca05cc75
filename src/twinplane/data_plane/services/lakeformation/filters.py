"""Data cells filters: which columns, in which rows of a table, a grant shows."""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Request, ServiceError
from twinplane.data_plane.services.glue import store as glue
from twinplane.data_plane.services.lakeformation import access, store
from twinplane.data_plane.services.lakeformation.grants import check_catalog, invalid
from twinplane.data_plane.services.lakeformation.paging import listing
from twinplane.data_plane.store import Document


def create_data_cells_filter(call: Call, request: Request) -> Answer:
    """Makes a filter, which then can be granted."""
    data = _checked(call, request["TableData"])
    if _find(call, data) is not None:
        raise ServiceError("AlreadyExistsException", f"Filter {data['Name']} already exists")
    store.put_data_cells_filter(call.tx, data | {"VersionId": "1"})
    return {}


def get_data_cells_filter(call: Call, request: Request) -> Answer:
    """One filter."""
    check_catalog(call, request["TableCatalogId"])
    _check_may(call, request["DatabaseName"], request["TableName"])
    return {"DataCellsFilter": _get(call, request)}


def update_data_cells_filter(call: Call, request: Request) -> Answer:
    """Replaces a filter; every grant of it shows the new rows and columns from the commit on."""
    data = _checked(call, request["TableData"])
    old = _get(call, data)
    if data.get("VersionId") not in (None, old["VersionId"]):
        raise ServiceError("ConcurrentModificationException", "The filter was changed by someone else")
    store.put_data_cells_filter(call.tx, data | {"VersionId": str(int(old["VersionId"]) + 1)})
    return {}


def delete_data_cells_filter(call: Call, request: Request) -> Answer:
    """Removes a filter and the grants of it."""
    for member in ("TableCatalogId", "DatabaseName", "TableName", "Name"):
        if not request.get(member):
            raise invalid(f"{member} is required")
    check_catalog(call, request["TableCatalogId"])
    _check_may(call, request["DatabaseName"], request["TableName"])
    _get(call, request)
    store.remove_data_cells_filter(call.tx, request["DatabaseName"], request["TableName"], request["Name"])
    return {}


def list_data_cells_filter(call: Call, request: Request) -> Answer:
    """The filters of a table, or of every table the caller may grant on."""
    table = request.get("Table") or {}
    where: dict[str, Any] = {}
    if table:
        check_catalog(call, table.get("CatalogId"))
        where["DatabaseName"] = table["DatabaseName"].lower()
        if table.get("Name"):
            where["TableName"] = table["Name"].lower()

    def visible(after: list[Any] | None, limit: int) -> list[Document]:
        found = call.tx.select(store.FILTERS, where, after=after)
        return [f for f in found if _may(call, f["DatabaseName"], f["TableName"])][:limit]

    rows, token = listing(call, request, visible, lambda f: [f["DatabaseName"], f["TableName"], f["Name"]])
    return {"DataCellsFilters": rows, "NextToken": token}


def _may(call: Call, database: str, table: str) -> bool:
    if access.is_admin(call):
        return True
    return store.has_permission(call.tx, access.principals(call), "SELECT", database, table, grantable=True)


def _check_may(call: Call, database: str, table: str) -> None:
    if not _may(call, database, table):
        raise access.insufficient("Select with grant option", table)


def _find(call: Call, data: Document) -> Document | None:
    return store.find_data_cells_filter(call.tx, data["DatabaseName"], data["TableName"], data["Name"])


def _get(call: Call, data: Document) -> Document:
    found = _find(call, data)
    if found is None:
        raise ServiceError("EntityNotFoundException", f"Filter {data['Name']} not found")
    return found


def _checked(call: Call, data: Document) -> Document:
    """The filter of a request, complete and possible. Raises the error that tells what is wrong with it."""
    check_catalog(call, data["TableCatalogId"])
    _check_may(call, data["DatabaseName"], data["TableName"])
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
    _check_rows(data.get("RowFilter") or {}, table)
    return data


def _check_rows(rows: Document, table: Document) -> None:
    expression = rows.get("FilterExpression")
    if bool(expression) == (rows.get("AllRowsWildcard") is not None):
        raise invalid("RowFilter needs either FilterExpression or AllRowsWildcard")
    if not expression:
        return
    from twinplane.engines.sql import plan, render  # the parser is slow to load: only planes with filters pay for it

    storage = (table.get("StorageDescriptor") or {}).get("Columns") or ()
    columns = [*storage, *(table.get("PartitionKeys") or ())]
    try:
        render.row_filter(expression, [plan.Column(c["Name"].lower(), c.get("Type") or "string") for c in columns])
    except plan.QueryError as error:
        raise invalid(f"Invalid row filter expression. {error.message}") from None
