"""Indexes over a table's partitions: kept and described. Every listing is as quick without them here."""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads, writes
from twinplane.data_plane.services.glue import permissions, rules, store
from twinplane.data_plane.services.glue.paging import glue_page
from twinplane.data_plane.services.glue.permissions import on_table
from twinplane.data_plane.store import Document

_MOST = 3  # of a table


def add(call: Call, table: Document, given: dict[str, Any]) -> None:
    """Gives a table an index. Raises `InvalidInputException`, `AlreadyExistsException`."""
    keys = [key.lower() for key in given["Keys"]]
    own = [str(k["Name"]).lower() for k in table.get("PartitionKeys") or ()]
    if not keys or len(set(keys)) < len(keys) or not set(keys) <= set(own):
        raise rules.invalid("The keys of a partition index must be partition keys of the table, each at most once.")
    found = call.tx.select(store.INDEXES, {"DatabaseName": table["DatabaseName"], "TableName": table["Name"]})
    if any(index["IndexName"] == given["IndexName"] or index["Keys"] == keys for index in found):
        raise ServiceError("AlreadyExistsException", "Partition index already exists.")
    if len(found) >= _MOST:
        raise ServiceError("ResourceNumberLimitExceededException", f"A table has at most {_MOST} partition indexes.")
    place = {"DatabaseName": table["DatabaseName"], "TableName": table["Name"]}
    call.tx.add(store.INDEXES, {**place, "IndexName": given["IndexName"], "Keys": keys})


def create_partition_index(call: Call, request: Request) -> Answer:
    add(call, permissions.get_table_to_alter(call, request), request["PartitionIndex"])
    return {}


def delete_partition_index(call: Call, request: Request) -> Answer:
    table = permissions.get_table_to_alter(call, request)
    if not call.tx.remove(store.INDEXES, table["DatabaseName"], table["Name"], request["IndexName"]):
        raise ServiceError("EntityNotFoundException", "Partition index not found.")
    return {}


def get_partition_indexes(call: Call, request: Request) -> Answer:
    """The indexes of a table; those over columns that the caller may not see are left out."""
    table = permissions.get_table(call, request["DatabaseName"], request["TableName"])
    table = store.resolve_link(call.tx, table)
    visible = {str(k["Name"]).lower() for k in permissions.described(call, table)["PartitionKeys"]}
    types = {str(k["Name"]).lower(): str(k.get("Type") or "string") for k in table.get("PartitionKeys") or ()}
    where = {"DatabaseName": table["DatabaseName"], "TableName": table["Name"]}

    def fetch(after: list[str] | None, limit: int) -> list[Document]:
        rows = call.tx.select(store.INDEXES, where, after=after)
        return [row for row in rows if set(row["Keys"]) <= visible][:limit]

    found, following = glue_page(
        call, request, fetch, lambda row: [row["DatabaseName"], row["TableName"], row["IndexName"]]
    )
    shown = [
        {
            "IndexName": row["IndexName"], "IndexStatus": "ACTIVE",
            "Keys": [{"Name": key, "Type": types.get(key, "string")} for key in row["Keys"]],
        }
        for row in found
    ]  # fmt: skip
    return {"PartitionIndexDescriptorList": shown, **following}


OPERATIONS: dict[str, Operation] = {
    "CreatePartitionIndex": writes(create_partition_index, on_table("glue:CreatePartitionIndex", name="TableName")),
    "GetPartitionIndexes": reads(get_partition_indexes, on_table("glue:GetPartitionIndexes", name="TableName")),
    "DeletePartitionIndex": writes(delete_partition_index, on_table("glue:DeletePartitionIndex", name="TableName")),
}
