"""Tables: their definitions, versions and search."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads, writes
from twinplane.data_plane.services.glue import partition_indexes, permissions, rules, store
from twinplane.data_plane.services.glue.paging import glue_page, kept
from twinplane.data_plane.services.glue.permissions import on_catalog, on_table
from twinplane.data_plane.services.lakeformation import store as lakeformation
from twinplane.data_plane.store import Document

_DEFINING = (  # what decides which bytes are a row, and what its columns are called
    "StorageDescriptor", "PartitionKeys", "Parameters", "TableType", "TargetTable", "ViewOriginalText",
)  # fmt: skip
_ATTRIBUTES = {"NAME": "Name", "TABLE_TYPE": "TableType"}


def create_table(call: Call, request: Request) -> Answer:
    given = _table_input(request)
    permissions.check_permission(call, "CREATE_TABLE", request["DatabaseName"])
    database = store.get_database(call.tx, request["DatabaseName"])
    if database.get("TargetDatabase"):
        raise rules.invalid("Tables are created in the database itself, not in a link to it.")
    if given.get("TargetTable"):
        permissions.check_catalog(call, given["TargetTable"].get("CatalogId"))
    permissions.check_locations(call, database, _locations(given))
    table = store.create_table(call.tx, database["Name"], given, call.now, created_by=call.principal.arn)
    defaults = database.get("CreateTableDefaultPermissions")
    permissions.give_to_creator(call, table["DatabaseName"], table["Name"], defaults)
    for index in request.get("PartitionIndexes") or ():
        partition_indexes.add(call, table, index)
    return {}


def _table_input(request: Request) -> dict[str, Any]:
    if request.get("OpenTableFormatInput") or request.get("UpdateOpenTableFormatInput"):
        raise ServiceError("NotImplemented", "Writing Iceberg metadata for the caller is not served.", 501)
    given: dict[str, Any] | None = request.get("TableInput")
    if given is None:
        raise rules.invalid("TableInput is required.")
    if not given.get("Name"):
        raise rules.invalid("The table's name is required.")
    target = given.get("TargetTable")
    if target and not (target.get("DatabaseName") and target.get("Name")):
        raise rules.invalid("TargetTable needs DatabaseName and Name.")
    names = lakeformation.column_names(given)
    if len(set(names)) < len(names):
        raise rules.invalid("Two columns have the same name.")
    return given


def _locations(given: dict[str, Any]) -> Iterable[str | None]:
    return store.table_location(given), (given.get("Parameters") or {}).get("metadata_location")


def _target_database(call: Call, name: str) -> str:
    """The database whose tables are meant: that a database link points to, or the named one."""
    found = store.find_database(call.tx, name)
    target = (found or {}).get("TargetDatabase")
    return str(target["DatabaseName"] if target else name).lower()


def get_table(call: Call, request: Request) -> Answer:
    found = permissions.get_table(call, _target_database(call, request["DatabaseName"]), request["Name"])
    return {"Table": permissions.described(call, found)}


def get_tables(call: Call, request: Request) -> Answer:
    permissions.get_database(call, request["DatabaseName"])
    database = _target_database(call, request["DatabaseName"])
    expression = request.get("Expression")

    def fetch(after: list[str] | None, limit: int) -> list[Document]:
        return call.tx.select(store.TABLES, {"DatabaseName": database}, after=after, limit=limit)

    def keep(rows: list[Document]) -> list[Document]:
        rows = [r for r in rows if not expression or rules.name_matches(r["Name"], expression)]
        return _visible(call, rows)

    found, following = glue_page(call, request, kept(fetch, keep, _place), _place)
    asked = request.get("AttributesToGet") or ()
    attributes = [_ATTRIBUTES[a] for a in asked if a in _ATTRIBUTES]
    if attributes and len(attributes) == len(asked):
        found = [{member: table[member] for member in ("Name", *attributes) if member in table} for table in found]
    else:
        found = [permissions.described(call, table) for table in found]
    return {"TableList": found, **following}


def _place(table: Document) -> list[str]:
    return [table["DatabaseName"], table["Name"]]


def _visible(call: Call, tables: list[Document]) -> list[Document]:
    by_database: dict[str, list[str]] = {}
    for table in tables:
        by_database.setdefault(table["DatabaseName"], []).append(table["Name"])
    seen = {d: permissions.visible_tables(call, d, names) for d, names in by_database.items()}
    return [table for table in tables if table["Name"] in seen[table["DatabaseName"]]]


def search_tables(call: Call, request: Request) -> Answer:
    text = request.get("SearchText") or ""
    filters = request.get("Filters") or []

    def fetch(after: list[str] | None, limit: int) -> list[Document]:
        return call.tx.select(store.TABLES, after=after, limit=limit)

    def keep(rows: list[Document]) -> list[Document]:
        # what the caller may not see of a table must not make it found either
        shown = [permissions.described(call, table) for table in _visible(call, rows)]
        return [t for t in shown if rules.found_by_text(t, text) and all(rules.meets(t, f) for f in filters)]

    sort = request.get("SortCriteria") or []
    if sort:
        return {"TableList": _sorted(keep(call.tx.select(store.TABLES)), sort)[: request.get("MaxResults") or 1000]}
    found, following = glue_page(call, request, kept(fetch, keep, _place), _place, most=1000)
    return {"TableList": found, **following}


def _sorted(tables: list[Document], criteria: list[dict[str, str]]) -> list[Document]:
    for criterion in reversed(criteria):
        member = criterion.get("FieldName") or "Name"
        tables = sorted(tables, key=partial(_text, member), reverse=criterion.get("Sort") == "DESC")
    return tables


def _text(member: str, table: Document) -> str:
    return str(table.get(member) or "")


def update_table(call: Call, request: Request) -> Answer:
    given = _table_input(request)
    name = request.get("Name") or given["Name"]
    if name.lower() != given["Name"].lower():
        raise rules.invalid("A table cannot be renamed.")
    old = permissions.get_table(call, request["DatabaseName"], name)
    permissions.check_permission(call, "ALTER", old["DatabaseName"], old["Name"])
    if request.get("VersionId") not in (None, old["VersionId"]):
        raise ServiceError("ConcurrentModificationException", "Update table failed due to concurrent modifications.")
    if any(given.get(member) != old.get(member) for member in _DEFINING):
        permissions.check_may_redefine(call, old)
    same = set(_locations(old))
    database = store.get_database(call.tx, old["DatabaseName"])
    permissions.check_locations(call, database, (place for place in _locations(given) if place not in same))
    store.replace_table(call.tx, old, given, call.now, archive=not request.get("SkipArchive"))
    return {}


def delete_table(call: Call, request: Request) -> Answer:
    _delete(call, request["DatabaseName"], request["Name"])
    return {}


def _delete(call: Call, database: str, name: str) -> None:
    table = permissions.get_table(call, database, name)
    permissions.check_permission(call, "DROP", table["DatabaseName"], table["Name"])
    store.remove_table(call.tx, table["DatabaseName"], table["Name"])
    lakeformation.forget(call.tx, database=table["DatabaseName"], table=table["Name"])


def batch_delete_table(call: Call, request: Request) -> Answer:
    errors = []
    for name in request["TablesToDelete"]:
        try:
            _delete(call, request["DatabaseName"], name)
        except ServiceError as error:
            detail = {"ErrorCode": error.code, "ErrorMessage": error.message}
            errors.append({"TableName": name, "ErrorDetail": detail})
    return {"Errors": errors} if errors else {}


def _version(call: Call, document: Document) -> Document:
    table = {member: value for member, value in document.items() if member != "Version"}
    return {"Table": permissions.described(call, table), "VersionId": table["VersionId"]}


def get_table_versions(call: Call, request: Request) -> Answer:
    """The versions of a table, the latest first."""
    table = permissions.get_table(call, request["DatabaseName"], request["TableName"])
    current = {**table, "Version": int(table["VersionId"])}
    where = {"DatabaseName": table["DatabaseName"], "Name": table["Name"]}

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        head = [current] if after is None else []
        rest = call.tx.select(store.TABLE_VERSIONS, where, after=after, limit=limit - len(head), descending=True)
        return [*head, *rest]

    found, following = glue_page(call, request, fetch, lambda row: [row["DatabaseName"], row["Name"], row["Version"]])
    return {"TableVersions": [_version(call, v) for v in found], **following}


def get_table_version(call: Call, request: Request) -> Answer:
    table = permissions.get_table(call, request["DatabaseName"], request["TableName"])
    asked = request.get("VersionId") or table["VersionId"]
    if asked == table["VersionId"]:
        return {"TableVersion": _version(call, table)}
    found = call.tx.find(store.TABLE_VERSIONS, table["DatabaseName"], table["Name"], _number(asked))
    if found is None:
        raise _no_version(table, asked)
    return {"TableVersion": _version(call, found)}


def delete_table_version(call: Call, request: Request) -> Answer:
    _forget(call, permissions.get_table_to_alter(call, request), request["VersionId"])
    return {}


def batch_delete_table_version(call: Call, request: Request) -> Answer:
    table = permissions.get_table_to_alter(call, request)
    errors = []
    for version in request["VersionIds"]:
        try:
            _forget(call, table, version)
        except ServiceError as error:
            detail = {"ErrorCode": error.code, "ErrorMessage": error.message}
            errors.append({"TableName": table["Name"], "VersionId": version, "ErrorDetail": detail})
    return {"Errors": errors} if errors else {}


def _forget(call: Call, table: Document, version: str) -> None:
    """Removes an earlier version. The present one is the table."""
    if version == table["VersionId"]:
        raise rules.invalid(f"Version {version} is the current version of table {table['Name']}.")
    if not call.tx.remove(store.TABLE_VERSIONS, table["DatabaseName"], table["Name"], _number(version)):
        raise _no_version(table, version)


def _number(version: str) -> int:
    return int(version) if version.isdecimal() and len(version) <= 18 else -1  # of 64 bits, as stored


def _no_version(table: Document, version: str) -> ServiceError:
    return ServiceError("EntityNotFoundException", f"Version {version} of table {table['Name']} not found.")


OPERATIONS: dict[str, Operation] = {
    "CreateTable": writes(create_table, on_table("glue:CreateTable", name="TableInput.Name")),
    "GetTable": reads(get_table, on_table("glue:GetTable")),
    "GetTables": reads(get_tables, on_table("glue:GetTables", name="")),
    "SearchTables": reads(search_tables, on_catalog("glue:SearchTables")),
    "UpdateTable": writes(update_table, on_table("glue:UpdateTable", name="TableInput.Name")),
    "DeleteTable": writes(delete_table, on_table("glue:DeleteTable")),
    "BatchDeleteTable": writes(batch_delete_table, on_table("glue:BatchDeleteTable", name="")),
    "GetTableVersions": reads(get_table_versions, on_table("glue:GetTableVersions", name="TableName")),
    "DeleteTableVersion": writes(delete_table_version, on_table("glue:DeleteTableVersion", name="TableName")),
    "BatchDeleteTableVersion": writes(
        batch_delete_table_version, on_table("glue:BatchDeleteTableVersion", name="TableName")
    ),
    "GetTableVersion": reads(get_table_version, on_table("glue:GetTableVersion", name="TableName")),
}
