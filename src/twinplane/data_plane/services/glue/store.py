"""What Glue keeps, and the functions other services may call. Documents have the members of AWS's shapes."""

from typing import Any

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.store import Derived, Document, Kind, Transaction

DATABASES = Kind("glue_database", key=("Name",))
TABLES = Kind("glue_table", key=("DatabaseName", "Name"))
TABLE_VERSIONS = Kind("glue_table_version", key=("DatabaseName", "Name", "Version"))
PARTITIONS = Kind("glue_partition", key=("DatabaseName", "TableName", "Key"))
TAGS = Kind("glue_tags", key=("arn",))
INDEXES = Kind("glue_partition_index", key=("DatabaseName", "TableName", "IndexName"))
# `Partition`: the key of the partition they are of; "": of the whole table.
STATISTICS = Kind("glue_column_statistics", key=("DatabaseName", "TableName", "Partition", "ColumnName"))
FUNCTIONS = Kind("glue_function", key=("DatabaseName", "FunctionName"))
CONNECTIONS = Kind("glue_connection", key=("Name",))
SETTINGS = Kind("glue_catalog_settings", key=("id",))
KINDS = [
    DATABASES, TABLES, TABLE_VERSIONS, PARTITIONS, TAGS, INDEXES, STATISTICS, FUNCTIONS, CONNECTIONS, SETTINGS,
]  # fmt: skip

_DATABASES = Derived("databases", (DATABASES,))


def create_database(tx: Transaction, database_input: dict[str, Any], now: float, *, catalog_id: str) -> Document:
    """Makes a database of AWS's DatabaseInput. Raises `AlreadyExistsException`."""
    name = database_input["Name"].lower()
    if tx.find(DATABASES, name) is not None:
        raise ServiceError("AlreadyExistsException", "Database already exists.")
    return tx.add(DATABASES, {**database_input, "Name": name, "CreateTime": now, "CatalogId": catalog_id})


def find_database(tx: Transaction, name: str) -> Document | None:
    """The database, or None. For reading only: the document is shared."""
    name = name.lower()
    return tx.derived(_DATABASES, name, lambda: tx.find(DATABASES, name))


def get_database(tx: Transaction, name: str) -> Document:
    """The database. Raises `EntityNotFoundException`."""
    database = find_database(tx, name)
    if database is None:
        raise ServiceError("EntityNotFoundException", f"Database {name.lower()} not found.")
    return database


def list_databases(tx: Transaction) -> list[Document]:
    """All databases, by name."""
    return tx.select(DATABASES)


def remove_database(tx: Transaction, name: str) -> None:
    """Removes a database with its tables. Raises `EntityNotFoundException`."""
    database = get_database(tx, name)
    for table in list_tables(tx, database["Name"]):
        remove_table(tx, database["Name"], table["Name"])
    for function in tx.select(FUNCTIONS, {"DatabaseName": database["Name"]}):
        tx.remove(FUNCTIONS, database["Name"], function["FunctionName"])
    tx.remove(DATABASES, database["Name"])


def create_table(
    tx: Transaction, database: str, table_input: dict[str, Any], now: float, *, created_by: str | None = None
) -> Document:
    """Makes a table of AWS's TableInput. Raises `EntityNotFoundException` (database), `AlreadyExistsException`."""
    parent = get_database(tx, database)
    name = table_input["Name"].lower()
    if tx.find(TABLES, parent["Name"], name) is not None:
        raise ServiceError("AlreadyExistsException", "Table already exists.")
    table = {
        **table_input, "Name": name, "DatabaseName": parent["Name"], "CatalogId": parent["CatalogId"],
        "CreateTime": now, "UpdateTime": now, "VersionId": "0",
    }  # fmt: skip
    if created_by is not None:
        table["CreatedBy"] = created_by
    return tx.add(TABLES, table)


def find_table(tx: Transaction, database: str, name: str) -> Document | None:
    """The table, or None."""
    return tx.find(TABLES, database.lower(), name.lower())


def get_table(tx: Transaction, database: str, name: str) -> Document:
    """The table. Raises `EntityNotFoundException`."""
    table = find_table(tx, database, name)
    if table is None:
        get_database(tx, database)
        raise ServiceError("EntityNotFoundException", f"Table {name.lower()} not found.")
    return table


def list_tables(tx: Transaction, database: str) -> list[Document]:
    """The tables of a database, by name; none when there is no such database."""
    return tx.select(TABLES, {"DatabaseName": database.lower()})


def replace_table(
    tx: Transaction, old: Document, table_input: dict[str, Any], now: float, *, archive: bool
) -> Document:
    """Gives a table a new definition and its next version; `archive` keeps the old one readable as a version."""
    if archive:
        tx.put(TABLE_VERSIONS, {**old, "Version": int(old["VersionId"])})
    kept: Document = {k: old[k] for k in ("DatabaseName", "CatalogId", "CreateTime", "CreatedBy") if k in old}
    new_name = table_input["Name"].lower()
    table: Document = {
        **table_input,
        **kept,
        "Name": new_name,
        "UpdateTime": now,
        "VersionId": str(int(old["VersionId"]) + 1),
    }
    return tx.put(TABLES, table)


def remove_table(tx: Transaction, database: str, name: str) -> None:
    """Removes a table with its versions and partitions. Raises `EntityNotFoundException`."""
    table = get_table(tx, database, name)
    key = (table["DatabaseName"], table["Name"])
    for version in tx.select(TABLE_VERSIONS, {"DatabaseName": key[0], "Name": key[1]}):
        tx.remove(TABLE_VERSIONS, *key, version["Version"])
    for partition in tx.select(PARTITIONS, {"DatabaseName": key[0], "TableName": key[1]}):
        tx.remove(PARTITIONS, *key, partition["Key"])
    of_table = {"DatabaseName": key[0], "TableName": key[1]}
    for index in tx.select(INDEXES, of_table):
        tx.remove(INDEXES, *key, index["IndexName"])
    for statistics in tx.select(STATISTICS, of_table):
        tx.remove(STATISTICS, *key, statistics["Partition"], statistics["ColumnName"])
    tx.remove(TABLES, *key)


def remove_partition(tx: Transaction, partition: Document) -> None:
    """Removes a partition with its statistics."""
    key = (partition["DatabaseName"], partition["TableName"])
    where = {"DatabaseName": key[0], "TableName": key[1], "Partition": partition["Key"]}
    for statistics in tx.select(STATISTICS, where):
        tx.remove(STATISTICS, *key, partition["Key"], statistics["ColumnName"])
    tx.remove(PARTITIONS, *key, partition["Key"])


def list_partitions(tx: Transaction, database: str, table: str) -> list[Document]:
    """The partitions of a table."""
    return tx.select(PARTITIONS, {"DatabaseName": database.lower(), "TableName": table.lower()})


def resolve_link(tx: Transaction, table: Document) -> Document:
    """The table a resource link points to (the table itself when it is none). Raises `EntityNotFoundException`."""
    target = table.get("TargetTable")
    return table if not target else get_table(tx, target["DatabaseName"], target["Name"])


def table_location(table: Document) -> str | None:
    """Where the table's data lies (`s3://…`): its storage location; None for views and links."""
    location = (table.get("StorageDescriptor") or {}).get("Location")
    return str(location) if location else None
