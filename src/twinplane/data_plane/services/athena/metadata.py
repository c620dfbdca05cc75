"""The catalog as Athena shows it: the databases, tables and columns that the caller may see."""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Request, ServiceError
from twinplane.data_plane.services.athena import rules
from twinplane.data_plane.services.athena.rules import CATALOG
from twinplane.data_plane.services.athena.work_groups import invalid, listing
from twinplane.data_plane.services.glue import permissions
from twinplane.data_plane.services.glue import store as glue
from twinplane.data_plane.services.lakeformation import store as lakeformation
from twinplane.data_plane.store import Document


def _principals(call: Call) -> lakeformation.Principals:
    return lakeformation.lake_principals(call.tx, call.principal, call.account_id)


def databases(call: Call) -> list[Document]:
    """The databases that exist for the caller."""
    found = glue.list_databases(call.tx)
    seen = lakeformation.visible_databases(call.tx, _principals(call), [d["Name"] for d in found])
    return [d for d in found if d["Name"] in seen]


def database(call: Call, name: str) -> Document:
    """A database that exists for the caller. Raises `MetadataException`."""
    for found in databases(call):
        if found["Name"] == name.lower():
            return found
    raise ServiceError("MetadataException", f"Database {name.lower()} not found")


def tables(call: Call, database_name: str) -> list[Document]:
    """The tables of a database that exist for the caller, with the columns she may see."""
    found = glue.list_tables(call.tx, database_name)
    names = [t["Name"] for t in found]
    seen = lakeformation.visible_tables(call.tx, _principals(call), database_name, names)
    shown = [_shown(call, t) for t in found if t["Name"] in seen]
    return [t for t in shown if t is not None]


def table(call: Call, database_name: str, name: str) -> Document:
    """A table that exists for the caller. Raises `MetadataException`."""
    found = glue.find_table(call.tx, database_name, name)
    visible = found is not None and lakeformation.visible_tables(
        call.tx, _principals(call), found["DatabaseName"], [found["Name"]]
    )
    shown = _shown(call, found) if found is not None and visible else None
    if shown is None:
        raise ServiceError("MetadataException", f"Table {database_name.lower()}.{name.lower()} not found")
    return shown


def _shown(call: Call, document: Document) -> Document | None:
    """The table's metadata; of a resource link, the columns of its target that the caller may see."""
    target: Document | None = document
    if document.get("TargetTable"):
        link = document["TargetTable"]
        target = glue.find_table(call.tx, link["DatabaseName"], link["Name"])
    names = None if target is None else lakeformation.described_columns(call.tx, _principals(call), target)
    if target is None or names is None:
        return None
    shown: Document = {
        "Name": document["Name"],
        "CreateTime": document.get("CreateTime"),
        "TableType": target.get("TableType") or "EXTERNAL_TABLE",
        "Columns": _columns((target.get("StorageDescriptor") or {}).get("Columns"), names),
        "PartitionKeys": _columns(target.get("PartitionKeys"), names),
        "Parameters": permissions.described(call, target).get("Parameters") or {},
    }
    return {k: v for k, v in shown.items() if v is not None}


def _columns(columns: list[Document] | None, visible: tuple[str, ...]) -> list[Document]:
    members = ("Name", "Type", "Comment")
    return [{m: c[m] for m in members if c.get(m) is not None} for c in columns or () if c["Name"].lower() in visible]


# Operations


def _check_catalog(name: str) -> None:
    if name.lower() != CATALOG.lower():
        raise invalid(f"Catalog {name} is not found")


def list_data_catalogs(_call: Call, _request: Request) -> Answer:
    """The one catalog there is."""
    return {"DataCatalogsSummary": [{"CatalogName": CATALOG, "Type": "GLUE", "Status": "CREATE_COMPLETE"}]}


def get_data_catalog(call: Call, request: Request) -> Answer:
    """The AWS Glue Data Catalog of the account."""
    _check_catalog(request["Name"])
    parameters = {"catalog-id": call.account_id}
    return {"DataCatalog": {"Name": CATALOG, "Type": "GLUE", "Parameters": parameters, "Status": "CREATE_COMPLETE"}}


def list_databases(call: Call, request: Request) -> Answer:
    """The databases that exist for the caller."""
    _check_catalog(request["CatalogName"])
    rows, token = listing(call, request, _by_name(databases(call)), lambda d: [d["Name"]])
    return {"DatabaseList": [_database(d) for d in rows], "NextToken": token}


def _by_name(documents: list[Document]) -> Any:
    ordered = sorted(documents, key=lambda d: str(d["Name"]))
    return lambda after, limit: [d for d in ordered if after is None or [d["Name"]] > after][:limit]


def _database(document: Document) -> Document:
    return {k: document[k] for k in ("Name", "Description", "Parameters") if document.get(k) is not None}


def get_database(call: Call, request: Request) -> Answer:
    """One database that exists for the caller."""
    _check_catalog(request["CatalogName"])
    return {"Database": _database(database(call, request["DatabaseName"]))}


def list_table_metadata(call: Call, request: Request) -> Answer:
    """The tables of a database that exist for the caller."""
    _check_catalog(request["CatalogName"])
    name = database(call, request["DatabaseName"])["Name"]
    found = [t for t in tables(call, name) if rules.matches(t["Name"], request.get("Expression"))]
    rows, token = listing(call, request, _by_name(found), lambda t: [t["Name"]])
    return {"TableMetadataList": rows, "NextToken": token}


def get_table_metadata(call: Call, request: Request) -> Answer:
    """One table that exists for the caller, with the columns she may see."""
    _check_catalog(request["CatalogName"])
    return {"TableMetadata": table(call, request["DatabaseName"], request["TableName"])}
