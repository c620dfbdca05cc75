"""The endpoint's configuration, and namespaces: Glue's databases."""

from collections.abc import Callable
from typing import Any

from twinplane.data_plane.call import Access, Answer, Call, Operation, Request, ServiceError, reads, writes
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.glue import databases, permissions, store
from twinplane.data_plane.services.glue.paging import kept
from twinplane.data_plane.services.glue.permissions import on_catalog, on_database
from twinplane.data_plane.services.lakeformation import store as lakeformation
from twinplane.data_plane.store import Document

_ROUTES = (
    "GET /v1/{prefix}/namespaces", "POST /v1/{prefix}/namespaces", "GET /v1/{prefix}/namespaces/{namespace}",
    "POST /v1/{prefix}/namespaces/{namespace}/properties", "DELETE /v1/{prefix}/namespaces/{namespace}",
    "GET /v1/{prefix}/namespaces/{namespace}/tables", "POST /v1/{prefix}/namespaces/{namespace}/tables",
    "GET /v1/{prefix}/namespaces/{namespace}/tables/{table}",
    "HEAD /v1/{prefix}/namespaces/{namespace}/tables/{table}",
    "POST /v1/{prefix}/namespaces/{namespace}/tables/{table}",
    "DELETE /v1/{prefix}/namespaces/{namespace}/tables/{table}",
)  # fmt: skip


def own_catalog(access: Access, glue: Callable[[Request], Request]) -> Access:
    """Access as the Glue operation has it that a request stands for; `glue` makes that one's request of it."""

    def checked(call: Call, request: Request) -> None:
        catalog = request.get("catalog")
        permissions.check_catalog(call, None if catalog in (None, "", ":") else catalog)
        access(call, glue(request))

    return checked


def namespace_of(given: Any) -> str:
    """The database that a namespace names. Raises `NoSuchNamespaceException` for one of several levels."""
    parts = [given] if isinstance(given, str) else list(given or ())
    if len(parts) != 1 or not parts[0] or "\x1f" in parts[0]:
        raise ServiceError("NoSuchNamespaceException", "A namespace of the Data Catalog has one level")
    return str(parts[0]).lower()


def found_database(call: Call, name: str) -> Document:
    """The database, for who may see it. Raises `NoSuchNamespaceException`, `AccessDeniedException`."""
    try:
        return permissions.get_database(call, name)
    except ServiceError as error:
        if error.code != "EntityNotFoundException":
            raise
        raise ServiceError("NoSuchNamespaceException", error.message, 404) from None


def next_page(
    call: Call, request: Request, fetch: Any, keep: Any, key: Callable[[Document], list[str]]
) -> tuple[list[Document], dict[str, str]]:  # fmt: skip
    """One page of what `keep` leaves, and the answer's member that leads on."""
    rows, token = page(
        call, request, kept(fetch, keep, key), key, size="pageSize", token="pageToken", default=1000,  # noqa: S106
        error="InvalidInputException",
    )  # fmt: skip
    return rows, {"next-page-token": token} if token else {}


def get_config(call: Call, request: Request) -> Answer:
    warehouse = request.get("warehouse")
    permissions.check_catalog(call, None if warehouse in (None, "", ":") else warehouse)
    return {
        "defaults": {},
        "overrides": {"prefix": f"catalogs/{call.account_id}"},
        "endpoints": list(_ROUTES),
    }


def list_namespaces(call: Call, request: Request) -> Answer:
    if request.get("parent"):
        found_database(call, namespace_of(request["parent"]))
        return {"namespaces": []}

    def fetch(after: list[str] | None, limit: int) -> list[Document]:
        return call.tx.select(store.DATABASES, after=after, limit=limit)

    def keep(rows: list[Document]) -> list[Document]:
        seen = permissions.visible_databases(call, [row["Name"] for row in rows])
        return [row for row in rows if row["Name"] in seen]

    found, following = next_page(call, request, fetch, keep, lambda row: [row["Name"]])
    return {"namespaces": [[row["Name"]] for row in found], **following}


def create_namespace(call: Call, request: Request) -> Answer:
    name = namespace_of(request["namespace"])
    given = request.get("properties") or {}
    databases.create_database(call, {"DatabaseInput": _database_input(name, given)})
    return {"namespace": [name], "properties": _properties(store.get_database(call.tx, name))}


def _database_input(name: str, properties: dict[str, str]) -> dict[str, Any]:
    rest = {k: v for k, v in properties.items() if k not in ("location", "comment")}
    given: dict[str, Any] = {"Name": name, "Parameters": rest}
    if properties.get("location"):
        given["LocationUri"] = properties["location"]
    if properties.get("comment"):
        given["Description"] = properties["comment"]
    return given


def _properties(database: Document) -> dict[str, str]:
    found = dict(database.get("Parameters") or {})
    for member, name in (("LocationUri", "location"), ("Description", "comment")):
        if database.get(member):
            found[name] = database[member]
    return found


def load_namespace_metadata(call: Call, request: Request) -> Answer:
    name = namespace_of(request["namespace"])
    return {"namespace": [name], "properties": _properties(found_database(call, name))}


def update_namespace_properties(call: Call, request: Request) -> Answer:
    name = namespace_of(request["namespace"])
    database = found_database(call, name)
    old, updates = _properties(database), request.get("updates") or {}
    removals = request.get("removals") or []
    both = sorted({*updates} & {*removals})
    if both:
        raise ServiceError("UnprocessableEntityException", f"Both updated and removed: {', '.join(both)}", 422)
    new = {k: v for k, v in (old | updates).items() if k not in removals}
    given = {k: v for k, v in database.items() if k not in ("CreateTime", "CatalogId", "LocationUri", "Description")}
    databases.update_database(call, {"Name": name, "DatabaseInput": {**given, **_database_input(name, new)}})
    return {
        "updated": sorted(updates),
        "removed": [k for k in removals if k in old],
        "missing": [k for k in removals if k not in old],
    }


def delete_namespace(call: Call, request: Request) -> Answer:
    name = namespace_of(request["namespace"])
    found_database(call, name)
    permissions.check_permission(call, "DROP", name)
    if call.tx.first(store.TABLES, {"DatabaseName": name}) is not None:
        raise ServiceError("NamespaceNotEmptyException", f"Namespace {name} is not empty", 409)
    databases.delete_database(call, {"Name": name})
    return {}


def is_admin(call: Call) -> bool:
    """Whether the caller sees everything that the catalog describes."""
    return lakeformation.is_admin(
        call.tx, permissions.principals(call), read_only=True
    ) or permissions.is_iam_administrator(call)


def _named(request: Request) -> Request:
    return {"Name": namespace_of(request["namespace"])}


OPERATIONS: dict[str, Operation] = {
    "GetConfig": reads(get_config, own_catalog(on_catalog("glue:GetCatalog"), lambda _request: {})),
    "ListNamespaces": reads(
        list_namespaces, own_catalog(on_database("glue:GetDatabases", name=""), lambda _request: {})
    ),
    "CreateNamespace": writes(create_namespace, own_catalog(on_database("glue:CreateDatabase"), _named)),
    "LoadNamespaceMetadata": reads(load_namespace_metadata, own_catalog(on_database("glue:GetDatabase"), _named)),
    "UpdateNamespaceProperties": writes(
        update_namespace_properties, own_catalog(on_database("glue:UpdateDatabase"), _named)
    ),
    "DeleteNamespace": writes(delete_namespace, own_catalog(on_database("glue:DeleteDatabase"), _named)),
}
