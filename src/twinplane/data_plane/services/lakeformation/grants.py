"""Granting, revoking and listing permissions."""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Request, ServiceError
from twinplane.data_plane.services.glue import store as glue
from twinplane.data_plane.services.lakeformation import access, rules, store
from twinplane.data_plane.services.lakeformation.paging import listing
from twinplane.data_plane.services.lakeformation.rules import Named, ResourceNotUnderstood
from twinplane.data_plane.store import Document

_KINDS_OF_TYPE = {
    "CATALOG": ("catalog",),
    "DATABASE": ("database",),
    "TABLE": ("table", "columns", "filter"),
    "DATA_LOCATION": ("location",),
}


def grant_permissions(call: Call, request: Request) -> Answer:
    """Gives a principal permissions on a resource; those it has already stay."""
    _change(call, request, grant=True)
    return {}


def revoke_permissions(call: Call, request: Request) -> Answer:
    """Takes permissions on a resource from a principal. Fails when it has none of them."""
    _change(call, request, grant=False)
    return {}


def batch_grant_permissions(call: Call, request: Request) -> Answer:
    """Grants entry by entry; what fails is answered with its reason."""
    return _batch(call, request, grant=True)


def batch_revoke_permissions(call: Call, request: Request) -> Answer:
    """Revokes entry by entry; what fails is answered with its reason."""
    return _batch(call, request, grant=False)


def _batch(call: Call, request: Request, *, grant: bool) -> Answer:
    failures = []
    for entry in request["Entries"]:
        try:
            _change(call, entry, grant=grant)
        except ServiceError as error:
            failures.append(
                {"RequestEntry": entry, "Error": {"ErrorCode": error.code, "ErrorMessage": error.message}}
            )  # fmt: skip
    return {"Failures": failures}


def _change(call: Call, entry: Document, *, grant: bool) -> None:
    check_catalog(call, entry.get("CatalogId"))
    if entry.get("Condition"):
        raise invalid("Grants with a condition are not served")
    name = understood(entry.get("Resource") or {})
    check_catalog(call, _catalog_of(entry["Resource"]))
    principal = _principal(entry)
    permissions = entry.get("Permissions") or []
    grantable = entry.get("PermissionsWithGrantOption") or []
    if not (permissions or grantable):
        raise invalid("Permissions are required")
    try:
        access.check_may_grant(call, name, [*permissions, *grantable])
        if grant:
            _check_exists(call, name)
        change = store.grant if grant else store.revoke
        done = change(
            call.tx, principal=principal, resource=entry["Resource"], permissions=permissions, grantable=grantable,
            now=call.now, by=call.principal.arn,
        )  # fmt: skip
    except ResourceNotUnderstood as error:
        raise invalid(str(error)) from None
    if done is False:
        raise invalid(f"No permissions revoked. Grantee does not have: {sorted(permissions or grantable)}")


def _principal(entry: Document) -> str:
    principal = str((entry.get("Principal") or {}).get("DataLakePrincipalIdentifier") or "")
    if not principal:
        raise invalid("Principal is required")
    return principal


def check_catalog(call: Call, catalog_id: str | None) -> None:
    """Raises `EntityNotFoundException` for a catalog that is not this account's own."""
    if catalog_id not in (None, call.account_id):
        raise ServiceError("EntityNotFoundException", f"Catalog {catalog_id} not found.")


def _catalog_of(resource: Document) -> str | None:
    body: Document = next(iter(resource.values()))
    found: str | None = body.get("CatalogId") or body.get("TableCatalogId")
    return found


def understood(resource: Document) -> Named:
    """The resource a request names. Raises `InvalidInputException`."""
    try:
        return rules.named(resource)
    except ResourceNotUnderstood as error:
        raise invalid(str(error)) from None


def invalid(message: str) -> ServiceError:
    return ServiceError("InvalidInputException", message)


def _check_exists(call: Call, name: Named) -> None:
    """Raises `EntityNotFoundException` where the database, table, column or filter is not there."""
    if name.database and glue.find_database(call.tx, name.database) is None:
        raise ServiceError("EntityNotFoundException", f"Database not found: {name.database}")
    if not name.table or name.table == "*":
        return
    table = glue.find_table(call.tx, name.database, name.table)
    if table is None:
        raise ServiceError("EntityNotFoundException", f"Table not found: {name.table}")
    unknown = {*name.columns, *name.excluded} - set(store.column_names(table))
    if unknown:
        raise invalid(f"Columns not found in table {name.table}: {sorted(unknown)}")
    if name.kind == "filter" and store.find_data_cells_filter(call.tx, name.database, name.table, name.name) is None:
        raise ServiceError("EntityNotFoundException", f"Data cells filter not found: {name.name}")


def list_permissions(call: Call, request: Request) -> Answer:
    """Grants by principal, resource or type; the caller sees her own and those on what she may grant on."""
    check_catalog(call, request.get("CatalogId"))
    where: dict[str, Any] = {}
    if request.get("Principal"):
        where["principal"] = _principal(request)
    if request.get("ResourceType"):
        where["kind"] = _KINDS_OF_TYPE.get(request["ResourceType"], ())
    if request.get("Resource"):
        where |= _where_resource(understood(request["Resource"]), request.get("IncludeRelated") == "TRUE")
    return _listed(call, request, where, "PrincipalResourcePermissions")


def _where_resource(name: Named, related: bool) -> dict[str, Any]:
    if name.kind == "table" and name.table != "*":
        kinds = ["table", "columns", "filter"] if related else ["table", "columns"]
        return {"database": name.database, "table": [name.table, "*"], "kind": kinds}
    return {"resource": name.text}


def get_effective_permissions_for_path(call: Call, request: Request) -> Answer:
    """Grants on tables and databases that lie at, under or above an S3 path, and on the location itself."""
    check_catalog(call, request.get("CatalogId"))
    arn = request["ResourceArn"].rstrip("/")
    if store.registered_location(call.tx, arn) is None:
        raise ServiceError("EntityNotFoundException", f"Resource {arn} is not registered")
    return _listed(call, request, {}, "Permissions", lambda name: _touches(call, name, arn))


def _touches(call: Call, name: Named, arn: str) -> bool:
    if name.kind == "location":
        location: str | None = name.name
    elif name.kind == "database":
        database = glue.find_database(call.tx, name.database) or {}
        location = database.get("LocationUri")
    elif name.table and name.table != "*":
        table = glue.find_table(call.tx, name.database, name.table)
        location = None if table is None else glue.table_location(table)
    else:
        return False
    if not location:
        return False
    place = ("arn:aws:s3:::" + location.partition("://")[2] if "://" in location else location).rstrip("/")
    return place == arn or place.startswith(arn + "/") or arn.startswith(place + "/")


def _listed(call: Call, request: Request, where: dict[str, Any], member: str, touches: Any = None) -> Answer:
    def visible(after: list[Any] | None, limit: int) -> list[Document]:
        found: list[Document] = []
        while len(found) < limit:
            rows = call.tx.select(store.GRANTS, where, after=after, limit=500)
            found += [r for r in rows if _is_listed(call, r, touches)]
            if len(rows) < 500:
                break
            after = [rows[-1]["principal"], rows[-1]["resource"]]
        return found[:limit]

    rows, token = listing(call, request, visible, lambda r: [r["principal"], r["resource"]])
    return {member: [_shown(call, r) for r in rows], "NextToken": token}


def _is_listed(call: Call, row: Document, touches: Any) -> bool:
    name = store.name_of(row)
    return access.may_see(call, name, row["principal"]) and (touches is None or touches(name))


def _shown(call: Call, row: Document) -> Document:
    return {
        "Principal": {"DataLakePrincipalIdentifier": row["principal"]},
        "Resource": rules.resource_of(store.name_of(row), call.account_id),
        "Permissions": row["Permissions"],
        "PermissionsWithGrantOption": row["PermissionsWithGrantOption"],
        "LastUpdated": row["LastUpdated"],
        **({"LastUpdatedBy": row["LastUpdatedBy"]} if row["LastUpdatedBy"] else {}),
    }
