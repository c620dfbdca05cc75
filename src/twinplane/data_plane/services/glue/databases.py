"""The catalog and its databases."""

from twinplane.data_plane.call import Answer, Call, Operation, Request, reads, writes
from twinplane.data_plane.services.glue import permissions, rules, store
from twinplane.data_plane.services.glue.paging import glue_page, kept
from twinplane.data_plane.services.glue.permissions import on_catalog, on_database
from twinplane.data_plane.services.lakeformation import store as lakeformation
from twinplane.data_plane.store import Document

_ATTRIBUTES = {"NAME": "Name", "TARGET_DATABASE": "TargetDatabase"}


def _catalog(call: Call) -> Document:
    """The account's own catalog, the only one. `CatalogType` and `ParentCatalogNames` are read by sagemaker_studio."""
    known = lakeformation.settings(call.tx)
    return {
        "CatalogId": call.account_id,
        "Name": "AwsDataCatalog",
        "ResourceArn": permissions.arn(call),
        "CatalogType": "NATIVE",
        "ParentCatalogNames": [],
        "Parameters": {},
        "CreateDatabaseDefaultPermissions": known.get("CreateDatabaseDefaultPermissions") or [],
        "CreateTableDefaultPermissions": known.get("CreateTableDefaultPermissions") or [],
    }


def get_catalog(call: Call, _request: Request) -> Answer:
    return {"Catalog": _catalog(call)}


def get_catalogs(call: Call, request: Request) -> Answer:
    permissions.check_catalog(call, request.get("ParentCatalogId"))
    return {"CatalogList": [_catalog(call)]}


def create_database(call: Call, request: Request) -> Answer:
    given = request["DatabaseInput"]
    if not permissions.may_create_database(call):
        raise permissions.insufficient("Create_Database", "Catalog")
    known = lakeformation.settings(call.tx)
    if given.get("CreateTableDefaultPermissions") is None and not given.get("TargetDatabase"):
        given = {**given, "CreateTableDefaultPermissions": known.get("CreateTableDefaultPermissions") or []}
    permissions.check_locations(call, {}, [given.get("LocationUri")])
    database = store.create_database(call.tx, given, call.now, catalog_id=call.account_id)
    defaults = known.get("CreateDatabaseDefaultPermissions")
    permissions.give_to_creator(call, database["Name"], None, defaults)
    if request.get("Tags"):
        arn = permissions.arn(call, "database", database["Name"])
        call.tx.put(store.TAGS, {"arn": arn, "tags": request["Tags"]})
    return {}


def get_database(call: Call, request: Request) -> Answer:
    return {"Database": permissions.get_database(call, request["Name"])}


def get_databases(call: Call, request: Request) -> Answer:
    def fetch(after: list[str] | None, limit: int) -> list[Document]:
        return call.tx.select(store.DATABASES, after=after, limit=limit)

    def visible(rows: list[Document]) -> list[Document]:
        seen = permissions.visible_databases(call, [row["Name"] for row in rows])
        return [row for row in rows if row["Name"] in seen]

    def key(row: Document) -> list[str]:
        return [row["Name"]]

    found, following = glue_page(call, request, kept(fetch, visible, key), key)
    asked = request.get("AttributesToGet") or ()
    if asked and set(asked) <= _ATTRIBUTES.keys():
        members = {"Name", *(_ATTRIBUTES[attribute] for attribute in asked)}
        found = [{member: row[member] for member in members if member in row} for row in found]
    return {"DatabaseList": found, **following}


def update_database(call: Call, request: Request) -> Answer:
    old = permissions.get_database(call, request["Name"])
    permissions.check_permission(call, "ALTER", old["Name"])
    given = request["DatabaseInput"]
    if given["Name"].lower() != old["Name"]:
        raise rules.invalid("A database cannot be renamed.")
    if given.get("LocationUri") != old.get("LocationUri"):
        permissions.check_locations(call, {}, [given.get("LocationUri")])
    same = {member: old[member] for member in ("Name", "CreateTime", "CatalogId")}
    call.tx.put(store.DATABASES, {**given, **same})
    return {}


def delete_database(call: Call, request: Request) -> Answer:
    """Deletes a database with its tables, as Glue does (there in its own time, here at once)."""
    database = permissions.get_database(call, request["Name"])
    permissions.check_permission(call, "DROP", database["Name"])
    store.remove_database(call.tx, database["Name"])
    lakeformation.forget(call.tx, database=database["Name"])
    call.tx.remove(store.TAGS, permissions.arn(call, "database", database["Name"]))
    return {}


OPERATIONS: dict[str, Operation] = {
    "GetCatalog": reads(get_catalog, on_catalog("glue:GetCatalog")),
    "GetCatalogs": reads(get_catalogs, on_catalog("glue:GetCatalogs")),
    "CreateDatabase": writes(create_database, on_database("glue:CreateDatabase", name="DatabaseInput.Name")),
    "GetDatabase": reads(get_database, on_database("glue:GetDatabase")),
    "GetDatabases": reads(get_databases, on_database("glue:GetDatabases", name="")),
    "UpdateDatabase": writes(update_database, on_database("glue:UpdateDatabase")),
    "DeleteDatabase": writes(delete_database, on_database("glue:DeleteDatabase")),
}
