"""Databases, and the end of tables: Glue's own operations, called as the caller, with the rights they need there."""

from dataclasses import replace
from typing import Any

from twinplane.data_plane.call import Answer, Call, ServiceError
from twinplane.data_plane.services.athena.views import is_view
from twinplane.data_plane.services.glue import databases as glue_databases
from twinplane.data_plane.services.glue import partitions as glue_partitions
from twinplane.data_plane.services.glue import permissions
from twinplane.data_plane.services.glue import store as glue_store
from twinplane.data_plane.services.glue import tables as glue_tables
from twinplane.data_plane.store import Document
from twinplane.engines.sql.plan import QueryError, Reference
from twinplane.engines.sql.statements import AlterDatabase, CreateDatabase, DropDatabase, DropTable

_GLUE = glue_databases.OPERATIONS | glue_tables.OPERATIONS | glue_partitions.OPERATIONS
HIVE = "Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. "


def glue(call: Call, operation: str, **request: Any) -> Answer:
    """Glue's operation, as the caller would call it herself: IAM's and Lake Formation's say is in it."""
    found = _GLUE[operation]
    inner = replace(call, service="glue", operation=operation)
    found.access(inner, request)
    answer: Answer = found.function(inner, request)
    return answer


def in_hive(error: ServiceError) -> QueryError:
    """An error of Glue's, as Athena words it."""
    name = error.code if error.code.startswith("AlreadyExists") else "MetaException"
    return QueryError("FAILED", f"{HIVE}{name}(message:{error.message})")


def is_missing(error: ServiceError) -> bool:
    return error.code == "EntityNotFoundException"


def not_found(database: str, table: str) -> QueryError:
    """That a table is not there, or that it is not there for the caller: the same words."""
    return QueryError("FAILED", f"SemanticException [Error 10001]: Table not found {database}.{table}")


def database_not_found(name: str) -> QueryError:
    return QueryError("FAILED", f"SemanticException [Error 10072]: Database does not exist: {name}")


def table_of(call: Call, target: Reference, database: str) -> Document:
    """The table that a statement is about, as it is stored, for who may see it. Raises `QueryError`."""
    name = target.in_database(database)
    try:
        glue(call, "GetTable", DatabaseName=name.database, Name=name.table)
        return glue_store.get_table(call.tx, name.database, name.table)
    except ServiceError as error:
        if is_missing(error) or "Denied" in error.code:
            raise not_found(name.database, name.table) from None
        raise


def create_database(call: Call, statement: CreateDatabase, _database: str) -> None:
    given: Document = {"Name": statement.name, "Parameters": dict(statement.properties)}
    if statement.comment is not None:
        given["Description"] = statement.comment
    if statement.location is not None:
        given["LocationUri"] = statement.location
    try:
        glue(call, "CreateDatabase", DatabaseInput=given)
    except ServiceError as error:
        if not (statement.if_not_exists and error.code.startswith("AlreadyExists")):
            raise in_hive(error) from None


def drop_database(call: Call, statement: DropDatabase, _database: str) -> None:
    try:
        glue(call, "GetDatabase", Name=statement.name)
    except ServiceError as error:
        if is_missing(error) and statement.if_exists:
            return
        raise database_not_found(statement.name) if is_missing(error) else in_hive(error) from None
    if not permissions.has_permission(call, "DROP", statement.name):  # before anything is told of its tables
        raise in_hive(permissions.insufficient("Drop", statement.name))
    if not statement.cascade and glue_store.list_tables(call.tx, statement.name):
        message = f"Database {statement.name} is not empty. One or more tables exist."
        raise QueryError("FAILED", f"{HIVE}InvalidOperationException(message:{message})")
    try:
        for table in glue_store.list_tables(call.tx, statement.name):
            glue(call, "DeleteTable", DatabaseName=statement.name, Name=table["Name"])
    except ServiceError:  # of a table whose name she may not know
        raise in_hive(permissions.insufficient("Drop", f"every table of {statement.name}")) from None
    try:
        glue(call, "DeleteDatabase", Name=statement.name)
    except ServiceError as error:
        raise in_hive(error) from None


def alter_database(call: Call, statement: AlterDatabase, _database: str) -> None:
    try:
        found = glue(call, "GetDatabase", Name=statement.name)["Database"]
        members = ("Name", "Description", "LocationUri", "CreateTableDefaultPermissions", "TargetDatabase")
        given = {member: found[member] for member in members if member in found}
        given["Parameters"] = {**(found.get("Parameters") or {}), **dict(statement.properties)}
        glue(call, "UpdateDatabase", Name=statement.name, DatabaseInput=given)
    except ServiceError as error:
        raise database_not_found(statement.name) if is_missing(error) else in_hive(error) from None


def drop_table(call: Call, statement: DropTable, database: str) -> None:
    """Takes the table out of the catalog. The files of a Hive table stay, as in Athena."""
    name = statement.target.in_database(database)
    try:
        glue(call, "GetTable", DatabaseName=name.database, Name=name.table)
        found = glue_store.get_table(call.tx, name.database, name.table)
        if is_view(found) != statement.view:
            what = "a base table" if statement.view else "a view"
            raise QueryError("FAILED", f"SemanticException Cannot drop {what} with DROP {_other(statement)}")
        glue(call, "DeleteTable", DatabaseName=name.database, Name=name.table)
    except ServiceError as error:
        if is_missing(error):
            if statement.if_exists:
                return
            raise not_found(name.database, name.table) from None
        raise in_hive(error) from None


def _other(statement: DropTable) -> str:
    return "VIEW" if statement.view else "TABLE"
