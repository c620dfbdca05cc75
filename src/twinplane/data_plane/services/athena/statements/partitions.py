"""Partitions of Hive tables: added, dropped, moved, renamed, and found where files lie (MSCK REPAIR TABLE)."""

import operator
from collections.abc import Callable
from typing import Any

from twinplane.data_plane.call import Call, ServiceError
from twinplane.data_plane.services.athena import rules
from twinplane.data_plane.services.athena.statements import formats, tables
from twinplane.data_plane.services.athena.statements.catalog import glue, in_hive, is_missing, table_of
from twinplane.data_plane.services.athena.statements.tables import semantic
from twinplane.data_plane.services.athena.work import Work
from twinplane.data_plane.services.glue import permissions
from twinplane.data_plane.services.glue import store as glue_store
from twinplane.data_plane.services.lakeformation import store as lakeformation
from twinplane.data_plane.services.s3 import store as s3
from twinplane.data_plane.services.s3.permissions import check
from twinplane.data_plane.store import Document
from twinplane.engines.sql.plan import Reference
from twinplane.engines.sql.statements import (
    AddPartitions,
    DropPartitions,
    Properties,
    RenamePartition,
    RepairTable,
    SetLocation,
)


def partitioned(call: Call, target: Reference, database: str) -> tuple[Document, list[str]]:
    """A Hive table and the names of its partition keys. Raises `QueryError`."""
    table = table_of(call, target, database)
    keys = [str(k["Name"]).lower() for k in table.get("PartitionKeys") or ()]
    if not keys or formats.is_iceberg(table):
        raise semantic(f"table is not partitioned but partition spec exists: {table['Name']}")
    return table, keys


def _values(keys: list[str], given: Properties) -> list[str]:
    found = dict(given)
    if sorted(found) != sorted(keys):
        raise semantic(f"partition spec {found} doesn't match the keys of the table")
    return [found[key] for key in keys]


def partition_input(table: Document, keys: list[str], values: list[str], location: str | None = None) -> Document:
    """Glue's PartitionInput: stored as its table, in a place of its own below the table's unless one is given."""
    storage = table.get("StorageDescriptor") or {}
    if location is None:
        base = str(storage.get("Location") or "").rstrip("/")
        location = f"{base}/{formats.partition_path(list(zip(keys, values, strict=True)))}/"
    return {"Values": values, "StorageDescriptor": {**storage, "Location": location}}


def add(call: Call, statement: AddPartitions, database: str) -> None:
    table, keys = partitioned(call, statement.target, database)
    for given in statement.partitions:
        entry = partition_input(table, keys, _values(keys, given.values), given.location)
        try:
            glue(
                call, "CreatePartition", DatabaseName=table["DatabaseName"], TableName=table["Name"],
                PartitionInput=entry,
            )  # fmt: skip
        except ServiceError as error:
            if not (statement.if_not_exists and error.code.startswith("AlreadyExists")):
                raise in_hive(error) from None


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "<>": operator.ne, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt,
    ">=": operator.ge,
}  # fmt: skip
_NUMBERS = ("tinyint", "smallint", "int", "bigint", "float", "double", "decimal")


def _meets(value: str, sign: str, wanted: str, type_: str) -> bool:
    if type_.startswith(_NUMBERS):
        try:
            return _COMPARE[sign](float(value), float(wanted))
        except ValueError:
            pass
    return _COMPARE[sign](value, wanted)


def drop(call: Call, statement: DropPartitions, database: str) -> None:
    table, keys = partitioned(call, statement.target, database)
    types = {str(k["Name"]).lower(): str(k.get("Type") or "string") for k in table["PartitionKeys"]}
    place: Document = {"DatabaseName": table["DatabaseName"], "TableName": table["Name"]}
    # without the right to change partitions not even that there are none of these is told
    if not any(permissions.has_permission(call, needed, *place.values()) for needed in ("INSERT", "ALTER")):
        raise in_hive(permissions.insufficient("Alter", table["Name"]))
    for conditions in statement.conditions:
        if any(key not in keys for key, _, _ in conditions):
            raise semantic("Partition column not found")
        chosen = [
            p["Values"] for p in glue_store.list_partitions(call.tx, table["DatabaseName"], table["Name"])
            if all(_meets(p["Values"][keys.index(k)], sign, v, types[k]) for k, sign, v in conditions)
        ]  # fmt: skip
        if not chosen and not statement.if_exists:
            raise semantic(f"[Error 10006]: Partition not found {conditions}")
        for values in chosen:
            try:
                glue(call, "DeletePartition", **place, PartitionValues=values)
            except ServiceError as error:
                raise in_hive(error) from None


def _stored(call: Call, table: Document, values: list[str]) -> Document:
    for partition in glue_store.list_partitions(call.tx, table["DatabaseName"], table["Name"]):
        if partition["Values"] == values:
            return partition
    raise semantic(f"[Error 10006]: Partition not found {values}")


def _update(call: Call, table: Document, old: list[str], entry: Document) -> None:
    try:
        glue(
            call, "UpdatePartition", DatabaseName=table["DatabaseName"], TableName=table["Name"],
            PartitionValueList=old, PartitionInput=entry,
        )  # fmt: skip
    except ServiceError as error:
        raise semantic("[Error 10006]: Partition not found") if is_missing(error) else in_hive(error) from None


def rename(call: Call, statement: RenamePartition, database: str) -> None:
    """Gives a partition other values; its files stay where they are."""
    table, keys = partitioned(call, statement.target, database)
    old, new = _values(keys, statement.old), _values(keys, statement.new)
    if not permissions.has_permission(call, "ALTER", table["DatabaseName"], table["Name"]):
        raise in_hive(permissions.insufficient("Alter", table["Name"]))
    found = _stored(call, table, old)
    _update(call, table, old, {"Values": new, "StorageDescriptor": found.get("StorageDescriptor") or {}})


def set_location(call: Call, statement: SetLocation, database: str) -> None:
    """Moves where a table's files, or those of one partition, are looked for."""
    if not statement.partition:
        table = table_of(call, statement.target, database)
        if formats.is_iceberg(table):
            raise semantic("SET LOCATION is not for Iceberg tables")
        tables.location_of(call, statement.location, table["DatabaseName"], table["Name"])
        tables.update(
            call, table, StorageDescriptor={**(table.get("StorageDescriptor") or {}), "Location": statement.location}
        )  # fmt: skip
        return
    table, keys = partitioned(call, statement.target, database)
    if not permissions.has_permission(call, "ALTER", table["DatabaseName"], table["Name"]):
        raise in_hive(permissions.insufficient("Alter", table["Name"]))
    values = _values(keys, statement.partition)
    _stored(call, table, values)
    _update(call, table, values, partition_input(table, keys, values, statement.location))


async def repair(work: Work, statement: RepairTable) -> None:
    """Adds the partitions whose folders lie below the table's location."""
    found = work.read(lambda call: _missing(call, statement.target, work.database))
    keys, name, missing = found
    paths = list(missing.values())
    lines = ["Partitions not in metastore:\t" + "\t".join(f"{name}:{path}" for path in paths)] if paths else []
    lines += [f"Repair: Added partition to metastore {name}:{path}" for path in paths]

    def change(call: Call) -> Document:
        table, _ = partitioned(call, statement.target, work.database)
        base = str(glue_store.table_location(table) or "").rstrip("/")
        for values, path in missing.items():
            entry = partition_input(table, keys, list(values), f"{base}/{path}/")
            try:
                glue(
                    call, "CreatePartition", DatabaseName=table["DatabaseName"], TableName=table["Name"],
                    PartitionInput=entry,
                )  # fmt: skip
            except ServiceError as error:
                if not error.code.startswith("AlreadyExists"):
                    raise in_hive(error) from None
        return {}

    await work.answer((), tuple(lines), change)


def _missing(call: Call, target: Reference, database: str) -> tuple[list[str], str, dict[tuple[str, ...], str]]:
    """The keys and name of a table, and the values and paths of partitions that lie at its location only."""
    table, keys = partitioned(call, target, database)
    if not any(
        permissions.has_permission(call, needed, table["DatabaseName"], table["Name"]) for needed in ("INSERT", "ALTER")
    ):
        raise in_hive(permissions.insufficient("Insert", table["Name"]))
    bucket, prefix = rules.bucket_and_key(str(glue_store.table_location(table) or "").rstrip("/") + "/")
    if lakeformation.registered_location(call.tx, f"arn:aws:s3:::{bucket}/{prefix}") is None:
        check(call, "s3:ListBucket", {"Prefix": prefix}, bucket)
    known = {tuple(p["Values"]) for p in glue_store.list_partitions(call.tx, table["DatabaseName"], table["Name"])}
    seen: dict[tuple[str, ...], str] = {}
    for document in s3.walk_objects(call.tx, bucket, prefix):
        folder = str(document["key"])[len(prefix) :].rpartition("/")[0]
        values = formats.values_of_path(folder, keys)
        if values is not None and tuple(values) not in known and s3.is_visible(document, call.principal):
            seen.setdefault(tuple(values), folder)
    return keys, table["Name"], seen
