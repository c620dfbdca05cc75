"""CREATE TABLE and ALTER TABLE: of Hive tables here, of Iceberg tables in `iceberg`."""

from typing import Any

from twinplane.data_plane.call import Call, ServiceError
from twinplane.data_plane.services.athena.statements import formats
from twinplane.data_plane.services.athena.statements.catalog import glue, in_hive, is_missing, table_of
from twinplane.data_plane.services.athena.views import is_view
from twinplane.data_plane.services.glue import permissions
from twinplane.data_plane.services.glue import store as glue_store
from twinplane.data_plane.services.glue import tables as glue_tables
from twinplane.data_plane.store import Document
from twinplane.engines.sql.plan import QueryError
from twinplane.engines.sql.statements import AlterColumns, ColumnDefinition, CreateTable, SetProperties

_INPUT = (
    "Name", "Description", "Owner", "LastAccessTime", "LastAnalyzedTime", "Retention", "StorageDescriptor",
    "PartitionKeys", "ViewOriginalText", "ViewExpandedText", "TableType", "Parameters", "TargetTable",
)  # fmt: skip


def semantic(message: str) -> QueryError:
    return QueryError("FAILED", f"SemanticException {message}")


def columns_of(definitions: tuple[ColumnDefinition, ...]) -> list[Document]:
    """Glue's columns."""
    return [
        {"Name": c.name, "Type": c.type} | ({} if c.comment is None else {"Comment": c.comment}) for c in definitions
    ]


def check_alter(call: Call, table: Document) -> None:
    """Raises `QueryError` unless the caller may alter the table, in IAM and in Lake Formation."""
    place = {"DatabaseName": table["DatabaseName"], "TableInput": {"Name": table["Name"]}}
    try:
        glue_tables.OPERATIONS["UpdateTable"].access(call, place)
        permissions.check_permission(call, "ALTER", table["DatabaseName"], table["Name"])
        permissions.check_may_redefine(call, table)
    except ServiceError as error:
        raise in_hive(error) from None


def is_iceberg_definition(statement: CreateTable) -> bool:
    properties = {name.lower(): value for name, value in statement.properties}
    return properties.get("table_type", "").upper() == "ICEBERG"


def create_table(call: Call, statement: CreateTable, database: str) -> None:
    """Makes an external Hive table over what lies at its location."""
    if not statement.external:
        raise semantic("Only external table creation is supported: use CREATE EXTERNAL TABLE")
    if statement.fields:
        raise semantic("PARTITIONED BY needs the type of each column")
    name = statement.target.in_database(database)
    found = formats.storage(
        statement.stored_as, statement.serde, dict(statement.delimiters) | dict(statement.serde_properties),
        location_of(call, statement.location, name.database, name.table), columns_of(statement.columns),
    )  # fmt: skip
    if found is None:
        raise semantic(f"Unrecognized file format in STORED AS clause: '{statement.stored_as[0]}'")
    if statement.buckets:
        found |= {"BucketColumns": list(statement.clustered), "NumberOfBuckets": statement.buckets}
    parameters = {"EXTERNAL": "TRUE", "transient_lastDdlTime": str(int(call.now)), **dict(statement.properties)}
    if statement.comment is not None:
        parameters["comment"] = statement.comment
    given = {
        "Name": name.table, "Owner": "hadoop", "TableType": "EXTERNAL_TABLE", "Parameters": parameters,
        "StorageDescriptor": found, "PartitionKeys": columns_of(statement.partitions),
    }  # fmt: skip
    add_table(call, name.database, given, if_not_exists=statement.if_not_exists)


def add_table(call: Call, database: str, given: Document, *, if_not_exists: bool) -> bool:
    """Glue's CreateTable as the caller; says whether the table is new. Raises `QueryError`."""
    try:
        glue(call, "CreateTable", DatabaseName=database, TableInput=given)
    except ServiceError as error:
        if if_not_exists and error.code.startswith("AlreadyExists"):
            return False
        if is_missing(error):
            raise semantic(f"[Error 10072]: Database does not exist: {database}") from None
        raise in_hive(error) from None
    return True


def location_of(call: Call, given: str | None, database: str, table: str) -> str:
    """Where a new table lies: the place given, else one of its own below its database's. Raises `QueryError`."""
    if given is None:
        parent = glue_store.find_database(call.tx, database)
        within = (parent or {}).get("LocationUri")
        if not within:
            raise semantic("[Error 10000]: The table needs a LOCATION")
        given = f"{str(within).rstrip('/')}/{table}/"
    if not given.lower().startswith(("s3://", "s3a://", "s3n://")) or not given.partition("://")[2].strip("/"):
        raise semantic("[Error 10000]: LOCATION must be in Amazon S3")
    return given


# Changes


def table_input(table: Document, **changed: Any) -> Document:
    """Glue's TableInput of a stored table."""
    return {member: table[member] for member in _INPUT if member in table} | changed


def update(call: Call, table: Document, **changed: Any) -> None:
    """Gives a table another definition, as the caller. Raises `QueryError`."""
    try:
        glue(
            call, "UpdateTable", DatabaseName=table["DatabaseName"], TableInput=table_input(table, **changed),
            VersionId=table["VersionId"],
        )  # fmt: skip
    except ServiceError as error:
        raise in_hive(error) from None


def _hive_table(call: Call, target: Any, database: str) -> Document:
    table = table_of(call, target, database)
    if is_view(table):
        raise semantic("[Error 10131]: To alter a view you need to use CREATE OR REPLACE VIEW")
    return table


def alter_columns(call: Call, statement: AlterColumns, database: str) -> None:
    table = _hive_table(call, statement.target, database)
    storage = table.get("StorageDescriptor") or {}
    columns = list(storage.get("Columns") or ())
    new = columns_of(statement.columns)
    if statement.action == "add_columns":
        columns = [*columns, *new]
    elif statement.action == "replace_columns":
        columns = new
    elif statement.action == "change_column":
        columns = _changed(columns, statement, new[0])
    else:
        raise semantic("DROP COLUMN is for Iceberg tables: use REPLACE COLUMNS")
    names = [c["Name"].lower() for c in [*columns, *(table.get("PartitionKeys") or ())]]
    if len(set(names)) < len(names):
        raise semantic("Duplicate column name")
    update(call, table, StorageDescriptor={**storage, "Columns": columns})


def _changed(columns: list[Document], statement: AlterColumns, new: Document) -> list[Document]:
    place = next((n for n, c in enumerate(columns) if c["Name"].lower() == statement.old), None)
    if place is None:
        raise semantic(f"Invalid column reference {statement.old}")
    if "Comment" not in new and columns[place].get("Comment"):
        new = {**new, "Comment": columns[place]["Comment"]}
    rest = [c for n, c in enumerate(columns) if n != place]
    if statement.place == "first":
        place = 0
    elif statement.place is not None:
        behind = statement.place.removeprefix("after ")
        found = next((n for n, c in enumerate(rest) if c["Name"].lower() == behind), None)
        if found is None:
            raise semantic(f"Invalid column reference {behind}")
        place = found + 1
    return [*rest[:place], new, *rest[place:]]


def set_properties(call: Call, statement: SetProperties, database: str) -> None:
    table = _hive_table(call, statement.target, database)
    parameters = {k: v for k, v in (table.get("Parameters") or {}).items() if k not in statement.removed}
    update(call, table, Parameters={**parameters, **dict(statement.properties)})
