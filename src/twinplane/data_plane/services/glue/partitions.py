"""Partitions of tables."""

import zlib
from typing import Any

import msgspec

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads, writes
from twinplane.data_plane.services.glue import permissions, rules, store
from twinplane.data_plane.services.glue.paging import glue_page, kept
from twinplane.data_plane.services.glue.permissions import on_table
from twinplane.data_plane.store import Document


def key_of(values: list[str]) -> str:
    """How a partition with these values is stored."""
    return msgspec.json.encode(values).decode()


def shown(partition: Document) -> Document:
    """A partition with AWS's members."""
    return {member: value for member, value in partition.items() if member != "Key"}


def for_writing(call: Call, request: Request) -> Document:
    """The table whose partitions may be changed. Raises `AccessDeniedException`, `EntityNotFoundException`."""
    table = permissions.get_table(call, request["DatabaseName"], request["TableName"])
    place = (table["DatabaseName"], table["Name"])
    if not any(permissions.has_permission(call, needed, *place) for needed in ("INSERT", "ALTER")):
        raise permissions.insufficient("Insert", table["Name"])
    return table


def for_reading(call: Call, request: Request) -> Document:
    """The table whose partitions may be read; behind a link, its target."""
    table = permissions.get_table(call, request["DatabaseName"], request["TableName"])
    if table.get("TargetTable"):
        link = table["TargetTable"]
        table = permissions.get_table(call, link["DatabaseName"], link["Name"])
    permissions.check_partitions_readable(call, table)
    return table


def find(call: Call, table: Document, values: list[str] | None) -> Document:
    """A partition of the table. Raises `EntityNotFoundException`."""
    key = key_of(rules.check_values(values, table))
    found = call.tx.find(store.PARTITIONS, table["DatabaseName"], table["Name"], key)
    if found is None:
        raise ServiceError("EntityNotFoundException", "Cannot find partition.")
    return found


def _create(call: Call, table: Document, given: dict[str, Any]) -> None:
    values = rules.check_values(given.get("Values"), table)
    if call.tx.find(store.PARTITIONS, table["DatabaseName"], table["Name"], key_of(values)) is not None:
        raise ServiceError("AlreadyExistsException", "Partition already exists.")
    _put(call, table, given, values, call.now)


def _put(call: Call, table: Document, given: dict[str, Any], values: list[str], created_at: float) -> None:
    database = store.get_database(call.tx, table["DatabaseName"])
    table_location, location = store.table_location(table), store.table_location(given)
    if location and location.rstrip("/") != rules.place_of_partition(table_location or "", table, values):
        permissions.check_may_redefine(call, table)
    inside = table_location and location and f"{location.rstrip('/')}/".startswith(f"{table_location.rstrip('/')}/")
    if not (inside and table_location and permissions.has_scheme(table_location)):
        permissions.check_locations(call, database, [location])
    call.tx.put(
        store.PARTITIONS,
        {
            **given, "Values": values, "Key": key_of(values), "DatabaseName": table["DatabaseName"],
            "TableName": table["Name"], "CatalogId": table["CatalogId"], "CreationTime": created_at,
        },
    )  # fmt: skip


def create_partition(call: Call, request: Request) -> Answer:
    _create(call, for_writing(call, request), request["PartitionInput"])
    return {}


def batch_create_partition(call: Call, request: Request) -> Answer:
    table = for_writing(call, request)
    errors = []
    for given in request["PartitionInputList"]:
        try:
            _create(call, table, given)
        except ServiceError as error:
            errors.append(_failed(given.get("Values") or [], error))
    return {"Errors": errors} if errors else {}


def _failed(values: list[str], error: ServiceError) -> dict[str, Any]:
    return {"PartitionValues": values, "ErrorDetail": {"ErrorCode": error.code, "ErrorMessage": error.message}}


def update_partition(call: Call, request: Request) -> Answer:
    _update(call, for_writing(call, request), request)
    return {}


def batch_update_partition(call: Call, request: Request) -> Answer:
    table = for_writing(call, request)
    errors = []
    for entry in request["Entries"]:
        try:
            _update(call, table, entry)
        except ServiceError as error:
            failed = _failed([], error)["ErrorDetail"]
            errors.append({"PartitionValueList": entry["PartitionValueList"], "ErrorDetail": failed})
    return {"Errors": errors} if errors else {}


def _update(call: Call, table: Document, request: Request) -> None:
    old = find(call, table, request["PartitionValueList"])
    given = request["PartitionInput"]
    values = rules.check_values(given.get("Values") or old["Values"], table)
    if values != old["Values"]:
        _create(call, table, given)
        store.remove_partition(call.tx, old)
    else:
        _put(call, table, given, values, old["CreationTime"])


def delete_partition(call: Call, request: Request) -> Answer:
    table = for_writing(call, request)
    store.remove_partition(call.tx, find(call, table, request["PartitionValues"]))
    return {}


def batch_delete_partition(call: Call, request: Request) -> Answer:
    table = for_writing(call, request)
    errors = []
    for entry in request["PartitionsToDelete"]:
        try:
            found = find(call, table, entry["Values"])
        except ServiceError as error:
            errors.append(_failed(entry["Values"], error))
        else:
            store.remove_partition(call.tx, found)
    return {"Errors": errors} if errors else {}


def get_partition(call: Call, request: Request) -> Answer:
    return {"Partition": shown(find(call, for_reading(call, request), request["PartitionValues"]))}


def batch_get_partition(call: Call, request: Request) -> Answer:
    table = for_reading(call, request)
    wanted = [key_of(rules.check_values(entry["Values"], table)) for entry in request["PartitionsToGet"]]
    found = [call.tx.find(store.PARTITIONS, table["DatabaseName"], table["Name"], key) for key in wanted]
    return {"Partitions": [shown(partition) for partition in found if partition is not None]}


def get_partitions(call: Call, request: Request) -> Answer:
    found, following = listed(call, for_reading(call, request), request)
    return {"Partitions": found, **following}


def listed(call: Call, table: Document, request: Request) -> tuple[list[Document], Answer]:
    """One page of a table's partitions that the request asks for, and the answer's member that leads on."""
    where = {"DatabaseName": table["DatabaseName"], "TableName": table["Name"]}
    segment = request.get("Segment")
    meets = None
    if request.get("Expression"):
        keys = tuple((c["Name"], c.get("Type") or "string") for c in table.get("PartitionKeys") or ())
        meets = rules.partition_predicate(request["Expression"], keys)

    def fetch(after: list[str] | None, limit: int) -> list[Document]:
        return call.tx.select(store.PARTITIONS, where, after=after, limit=limit)

    def keep(rows: list[Document]) -> list[Document]:
        if segment:
            total, number = segment["TotalSegments"], segment["SegmentNumber"]
            rows = [row for row in rows if zlib.crc32(row["Key"].encode()) % total == number]
        return [row for row in rows if meets is None or meets(row["Values"])]

    def place(row: Document) -> list[str]:
        return [row["DatabaseName"], row["TableName"], row["Key"]]

    found, following = glue_page(call, request, kept(fetch, keep, place), place, most=1000)
    pages = [shown(partition) for partition in found]
    if request.get("ExcludeColumnSchema"):
        for partition in pages:
            storage = partition.get("StorageDescriptor") or {}
            partition["StorageDescriptor"] = {k: v for k, v in storage.items() if k != "Columns"}
    return pages, following


OPERATIONS: dict[str, Operation] = {
    "CreatePartition": writes(create_partition, on_table("glue:CreatePartition", name="TableName")),
    "BatchCreatePartition": writes(batch_create_partition, on_table("glue:BatchCreatePartition", name="TableName")),
    "UpdatePartition": writes(update_partition, on_table("glue:UpdatePartition", name="TableName")),
    "BatchUpdatePartition": writes(batch_update_partition, on_table("glue:BatchUpdatePartition", name="TableName")),
    "DeletePartition": writes(delete_partition, on_table("glue:DeletePartition", name="TableName")),
    "BatchDeletePartition": writes(batch_delete_partition, on_table("glue:BatchDeletePartition", name="TableName")),
    "GetPartition": reads(get_partition, on_table("glue:GetPartition", name="TableName")),
    "BatchGetPartition": reads(batch_get_partition, on_table("glue:BatchGetPartition", name="TableName")),
    "GetPartitions": reads(get_partitions, on_table("glue:GetPartitions", name="TableName")),
}
