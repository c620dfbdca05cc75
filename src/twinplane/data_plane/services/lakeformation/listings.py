"""Listing permissions: by principal, resource, type or place."""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Request, ServiceError
from twinplane.data_plane.services.lakeformation import access, names, places, rules, store
from twinplane.data_plane.services.lakeformation.access import check_catalog, understood
from twinplane.data_plane.services.lakeformation.grants import principal_of
from twinplane.data_plane.services.lakeformation.names import Named
from twinplane.data_plane.services.lakeformation.paging import listing
from twinplane.data_plane.store import Document

_AT_ONCE = 500  # documents
_POLICY_TYPES = [names.TYPE_OF[kind] for kind in names.POLICIES]


def list_permissions(call: Call, request: Request) -> Answer:
    """Grants by principal, resource or type; the caller sees her own, and of others' what she may grant herself.

    With both a principal and a resource: all grants of the principal that give something on it, by tags too.
    """
    check_catalog(call, request.get("CatalogId"))
    where: dict[str, Any] = {}
    name = understood(call, request["Resource"]) if request.get("Resource") else None
    if request.get("ResourceType"):
        kind = request["ResourceType"]
        where["type"] = _POLICY_TYPES if kind == "LF_TAG_POLICY" else kind
    if request.get("Principal"):
        where["principal"] = principal_of(request)
    if name is not None:
        where |= _where_resource(name, related=request.get("IncludeRelated") == "TRUE")
        if request.get("Principal") and name.kind in ("database", "table"):
            return _answer(call, request, _effective(call, where, name), "PrincipalResourcePermissions")
    scopes = access.scopes(call)
    if scopes is not None:
        listed = (row for scope in scopes for row in call.tx.select(store.GRANTS, scope))
        rows = [row for row in listed if _meets(row, where)]
        return _answer(call, request, rows, "PrincipalResourcePermissions")

    def visible(after: list[Any] | None, limit: int) -> list[Document]:
        found: list[Document] = []
        while len(found) < limit:
            size = min(_AT_ONCE, limit)
            rows = call.tx.select(store.GRANTS, where, after=after, limit=size)
            found += [r for r in rows if access.shown_permissions(call, r)]
            if len(rows) < size:
                break
            after = _key(rows[-1])
        return found[:limit]

    rows, token = listing(call, request, visible, _key)
    return {"PrincipalResourcePermissions": [_shown(call, r) for r in rows], "NextToken": token}


def _meets(row: Document, where: dict[str, Any]) -> bool:
    return all(
        row[member] in value if isinstance(value, list) else row[member] == value for member, value in where.items()
    )


def _where_resource(name: Named, *, related: bool) -> dict[str, Any]:
    if name.kind == "table" and name.table != "*":
        kinds = ["table", "columns", "filter"] if related else ["table", "columns"]
        return {"database": name.database, "table": [name.table, "*"], "kind": kinds}
    return store.on(name)


def _effective(call: Call, where: dict[str, Any], name: Named) -> list[Document]:
    """The grants of a principal on a database or table, and those by tags that it meets."""
    found = call.tx.select(store.GRANTS, where)
    by_tags = {"principal": where["principal"], "type": names.TYPE_OF[f"{name.kind}_policy"]}
    if where.get("type") in (None, by_tags["type"]):
        tags, columns = store.tags_of(call.tx, name.database, name.table if name.table != "*" else "")
        for grant in call.tx.select(store.GRANTS, by_tags):
            expression = store.expression_of(call.tx, store.name_of(grant))
            if any(rules.matches(expression, each) for each in (tags, *columns.values())):
                found.append(grant)
    return found


def get_effective_permissions_for_path(call: Call, request: Request) -> Answer:
    """Grants on tables and databases that lie at, under or above an S3 path, and on the location itself."""
    check_catalog(call, request.get("CatalogId"))
    arn = request["ResourceArn"].rstrip("/")
    if store.registered_location(call.tx, arn) is None:
        raise ServiceError("EntityNotFoundException", f"Resource {arn} is not registered")
    found = [g for g in call.tx.select(store.GRANTS, {"type": "DATA_LOCATION"}) if places.touch(g["name"], arn)]
    for database, table in places.touching(call.tx, arn):
        of_table = {"database": database, "table": [table, "*"]}
        where = of_table if table else store.on(names.database(database))
        found += call.tx.select(store.GRANTS, where)
    return _answer(call, request, found, "Permissions")


def _answer(call: Call, request: Request, found: list[Document], member: str) -> Answer:
    """A page of grants that are all at hand."""
    unique = {tuple(_key(g)): g for g in found}
    ordered = [unique[key] for key in sorted(unique) if access.shown_permissions(call, unique[key])]

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        return [g for g in ordered if after is None or _key(g) > after][:limit]

    rows, token = listing(call, request, fetch, _key)
    return {member: [_shown(call, r) for r in rows], "NextToken": token}


def _key(row: Document) -> list[str]:
    return [row["principal"], row["resource"]]


def _shown(call: Call, row: Document) -> Document:
    shown = access.shown_permissions(call, row)
    return {
        "Principal": {"DataLakePrincipalIdentifier": row["principal"]},
        "Resource": names.resource_of(store.name_of(row), call.account_id),
        "Permissions": shown,
        "PermissionsWithGrantOption": [p for p in row["PermissionsWithGrantOption"] if p in shown],
        "LastUpdated": row["LastUpdated"],
        **({"LastUpdatedBy": row["LastUpdatedBy"]} if row["LastUpdatedBy"] else {}),
    }
