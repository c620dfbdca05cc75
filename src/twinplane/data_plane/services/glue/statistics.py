"""Statistics of columns, of a table or of one partition. They tell of values, so they are for who may read them all."""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads, writes
from twinplane.data_plane.services.glue import partitions, permissions, store
from twinplane.data_plane.services.glue.permissions import on_table
from twinplane.data_plane.services.lakeformation import store as lakeformation
from twinplane.data_plane.store import Document

_WHOLE_TABLE = ""


def _place(call: Call, table: Document, request: Request) -> str:
    """The partition that a request is about, as statistics name it; that of none is the whole table."""
    values = request.get("PartitionValues")
    return _WHOLE_TABLE if values is None else str(partitions.find(call, table, values)["Key"])


def _readable(call: Call, table: Document) -> set[str]:
    """The columns of which the caller may know every value."""
    access = lakeformation.table_access(call.tx, permissions.principals(call), table)
    if access is not None:
        return set() if access.row_filters else set(access.columns)
    return set(lakeformation.column_names(table)) if permissions.is_iam_administrator(call) else set()


def _column_types(table: Document) -> dict[str, str]:
    columns = [*((table.get("StorageDescriptor") or {}).get("Columns") or ()), *(table.get("PartitionKeys") or ())]
    return {str(column["Name"]).lower(): str(column.get("Type") or "") for column in columns}


def _error(error: ServiceError) -> dict[str, str]:
    return {"ErrorCode": error.code, "ErrorMessage": error.message}


def _none(column: str) -> ServiceError:
    return ServiceError("EntityNotFoundException", f"No statistics found for column {column}.")


def get_column_statistics(call: Call, request: Request) -> Answer:
    """Statistics that the caller may see; of other columns it says what it says of those that have none."""
    table = permissions.get_table(call, request["DatabaseName"], request["TableName"])
    table = store.resolve_link(call.tx, table)
    readable = _readable(call, table)
    if not readable:
        raise permissions.insufficient("Select", table["Name"])
    place = _place(call, table, request)
    found, errors = [], []
    for name in dict.fromkeys(request["ColumnNames"]):
        column = name.lower()
        document = call.tx.find(store.STATISTICS, table["DatabaseName"], table["Name"], place, column)
        if document is None or column not in readable:
            errors.append({"ColumnName": name, "Error": _error(_none(name))})
        else:
            found.append(document["Statistics"])
    return {"ColumnStatisticsList": found, "Errors": errors}


def update_column_statistics(call: Call, request: Request) -> Answer:
    table = partitions.for_writing(call, request)
    place, types = _place(call, table, request), _column_types(table)
    errors = []
    for given in request["ColumnStatisticsList"]:
        column = given["ColumnName"].lower()
        if column not in types:
            error = ServiceError("EntityNotFoundException", f"Column {given['ColumnName']} not found.")
            errors.append({"ColumnStatistics": given, "Error": _error(error)})
            continue
        key: Document = {
            "DatabaseName": table["DatabaseName"], "TableName": table["Name"], "Partition": place, "ColumnName": column,
        }  # fmt: skip
        call.tx.put(store.STATISTICS, key | {"Statistics": given})
    return {"Errors": errors} if errors else {}


def delete_column_statistics(call: Call, request: Request) -> Answer:
    table = partitions.for_writing(call, request)
    column = request["ColumnName"].lower()
    key = (table["DatabaseName"], table["Name"], _place(call, table, request), column)
    if not call.tx.remove(store.STATISTICS, *key):
        raise _none(request["ColumnName"])
    return {}


def _on(action: str) -> Any:
    return on_table(f"glue:{action}", name="TableName")


OPERATIONS: dict[str, Operation] = {
    f"{verb}ColumnStatisticsFor{of}": make(function, _on(f"{verb}ColumnStatisticsFor{of}"))
    for verb, make, function in (
        ("Get", reads, get_column_statistics),
        ("Update", writes, update_column_statistics),
        ("Delete", writes, delete_column_statistics),
    )
    for of in ("Table", "Partition")
}
