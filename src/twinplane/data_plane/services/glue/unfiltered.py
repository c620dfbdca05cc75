"""Tables and partitions for engines that filter rows and columns themselves: with what each caller may see of them.

Such an engine learns of hidden columns and of the filters, so only one that the lake's administrators trust gets an
answer for a caller who may see a part only; everyone else gets one for what is hers as a whole.
"""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, reads
from twinplane.data_plane.services.glue import partitions, permissions, store
from twinplane.data_plane.services.glue.permissions import on_table
from twinplane.data_plane.services.lakeformation import credentials
from twinplane.data_plane.services.lakeformation import store as lakeformation
from twinplane.data_plane.services.lakeformation.rules import TableAccess
from twinplane.data_plane.store import Document


def _found(call: Call, request: Request, name: str) -> tuple[Document, TableAccess]:
    """The table, and what the caller may see of it. Raises `ServiceError`."""
    table = store.find_table(call.tx, request["DatabaseName"], name)
    access = None
    if table is not None:
        access = lakeformation.table_access(call.tx, permissions.principals(call), table)
    if table is None or access is None:
        raise permissions.insufficient("Select", name.lower())
    credentials.check_engine_filters(call, access, lakeformation.column_names(table), request)
    return table, access


def _registered(call: Call, document: Document) -> bool:
    location = store.table_location(document)
    return location is not None and (
        lakeformation.registered_location(call.tx, permissions.s3_arn(location)) is not None
    )


def get_unfiltered_table_metadata(call: Call, request: Request) -> Answer:
    """A table with the columns and the filters of rows that hold for the caller."""
    table, access = _found(call, request, request["Name"])
    answer: dict[str, Any] = {
        "Table": table,
        "AuthorizedColumns": list(access.columns),
        "IsRegisteredWithLakeFormation": _registered(call, table),
        "CellFilters": _cell_filters(access),
        "ResourceArn": permissions.arn(call, "table", table["DatabaseName"], table["Name"]),
    }
    if access.row_filters:
        answer["RowFilter"] = _any(access.row_filters)
    return answer


def _any(filters: tuple[str, ...]) -> str:
    return filters[0] if len(filters) == 1 else " OR ".join(f"({text})" for text in filters)


def _cell_filters(access: TableAccess) -> list[dict[str, str]]:
    """The filter of each column that is not shown in every row."""
    found = []
    for column in access.columns:
        own = [s.row_filter for s in access.slices if column in s.columns]
        if None not in own:
            expression = _any(tuple(dict.fromkeys(text for text in own if text is not None)))
            found.append({"ColumnName": column, "RowFilterExpression": expression})
    return found


def _unfiltered(call: Call, partition: Document, access: TableAccess) -> dict[str, Any]:
    return {
        "Partition": partition, "AuthorizedColumns": list(access.columns),
        "IsRegisteredWithLakeFormation": _registered(call, partition),
    }  # fmt: skip


def get_unfiltered_partition_metadata(call: Call, request: Request) -> Answer:
    table, access = _found(call, request, request["TableName"])
    found = partitions.find(call, table, request["PartitionValues"])
    return _unfiltered(call, partitions.shown(found), access)


def get_unfiltered_partitions_metadata(call: Call, request: Request) -> Answer:
    table, access = _found(call, request, request["TableName"])
    found, following = partitions.listed(call, table, request)
    return {"UnfilteredPartitions": [_unfiltered(call, p, access) for p in found], **following}


def _on(action: str, name: str) -> Any:
    return on_table(f"glue:{action}", name=name)


OPERATIONS: dict[str, Operation] = {
    "GetUnfilteredTableMetadata": reads(get_unfiltered_table_metadata, _on("GetUnfilteredTableMetadata", "Name")),
    "GetUnfilteredPartitionMetadata": reads(
        get_unfiltered_partition_metadata, _on("GetUnfilteredPartitionMetadata", "TableName")
    ),
    "GetUnfilteredPartitionsMetadata": reads(
        get_unfiltered_partitions_metadata, _on("GetUnfilteredPartitionsMetadata", "TableName")
    ),
}
