"""Who may change Lake Formation's grants: administrators, and who holds a permission with the right to pass it on."""

from collections.abc import Iterable, Iterator, Sequence

from twinplane.data_plane.call import Call, ServiceError
from twinplane.data_plane.services.glue import store as glue
from twinplane.data_plane.services.lakeformation import names, store
from twinplane.data_plane.services.lakeformation.names import Named, ResourceNotUnderstood
from twinplane.data_plane.store import Derived, Document

WITH_TAGS = "GRANT_WITH_LF_TAG_EXPRESSION"

_SCOPES = Derived("where grants are listed", (store.GRANTS,))


def principals(call: Call) -> store.Principals:
    """All principals whose grants count for the caller."""
    return store.lake_principals(call.tx, call.principal, call.account_id)


def is_admin(call: Call, *, read_only: bool = False) -> bool:
    return store.is_admin(call.tx, principals(call), read_only=read_only)


def check_admin(call: Call, what: str) -> None:
    """Raises `AccessDeniedException` unless the caller is a data lake administrator."""
    if not is_admin(call):
        raise insufficient("Data lake administrator", what)


def check_catalog(call: Call, catalog_id: str | None) -> None:
    """Raises `EntityNotFoundException` for a catalog that is not this account's own."""
    if catalog_id not in (None, call.account_id):
        raise ServiceError("EntityNotFoundException", f"Catalog {catalog_id} not found.")


def understood(call: Call, resource: Document) -> Named:
    """The resource a request names. Raises `InvalidInputException`, `EntityNotFoundException` on another's catalog."""
    try:
        name = names.named(resource)
    except ResourceNotUnderstood as error:
        raise invalid(str(error)) from None
    body = next(iter(resource.values()))
    check_catalog(call, body.get("CatalogId") or body.get("TableCatalogId") or body.get("Id"))
    return name


def invalid(message: str) -> ServiceError:
    return ServiceError("InvalidInputException", message)


def insufficient(permission: str, what: str) -> ServiceError:
    return ServiceError(
        "AccessDeniedException", f"Insufficient Lake Formation permission(s): Required {permission} on {what}"
    )


def may(call: Call, name: Named, permission: str) -> bool:
    """Whether the caller has a permission on a resource; of a tag, on each of the values."""
    return all(store.may(call.tx, principals(call), part, permission) for part in _parts(name))


def check_may(call: Call, name: Named, *permissions: str) -> None:
    """Raises `AccessDeniedException` unless the caller has one of these permissions on a resource."""
    if not any(may(call, name, permission) for permission in permissions):
        raise insufficient(permissions[0].title(), name.name or "catalog")


def _parts(name: Named) -> Iterable[Named]:
    """Each value of a tag may be granted by itself."""
    return (names.tag(name.name, v) for v in name.values) if name.kind == "tag" and name.values else (name,)


def check_may_grant(call: Call, name: Named, permissions: Sequence[str]) -> None:
    """Raises `AccessDeniedException` unless the caller may grant and revoke these permissions on the resource."""
    if is_admin(call):
        return
    for permission in names.expanded(name.kind, permissions):
        if permission != "ALL" and not may_pass_on(call, name, permission):
            raise insufficient(f"{permission.title()} with grant option", name.table or name.database or name.name)


def may_pass_on(call: Call, name: Named, permission: str) -> bool:
    """Whether the caller may give a permission on the resource to others, and take it from them."""
    who = principals(call)
    if name.kind in names.POLICIES:
        return _may_grant_by_tags(call, name, permission)
    if name.kind in ("columns", "filter"):
        of_table = store.rights(call.tx, who, names.table(name.database, name.table))
        if of_table.may_pass_on("SELECT"):
            return True
        if name.kind == "columns":
            return _columns_of(call, name) <= of_table.passable
    return all(store.rights(call.tx, who, part).may_pass_on(permission) for part in _parts(name))


def _columns_of(call: Call, name: Named) -> set[str]:
    if name.columns:
        return set(name.columns)
    table = glue.find_table(call.tx, name.database, name.table)
    return set(store.column_names(table or {})) - set(name.excluded)


def _may_grant_by_tags(call: Call, name: Named, permission: str) -> bool:
    """By the right to grant with each of the tags (or the saved expression), or by holding the grant to pass on."""
    if name.name:
        named = may(call, names.saved_expression(name.name), WITH_TAGS)
    else:
        named = all(may(call, names.tag(key, *_values(values)), WITH_TAGS) for key, values in name.expression)
    where = {"principal": sorted(principals(call)), "resource": name.text}
    return named or any(permission in g["PermissionsWithGrantOption"] for g in call.tx.select(store.GRANTS, where))


def _values(values: tuple[str, ...]) -> tuple[str, ...]:
    return () if values == names.EVERY else values


def scopes(call: Call) -> list[Document] | None:
    """Where the grants are that are listed for the caller, as conditions on grants; None: anywhere."""
    who = principals(call)
    if is_admin(call, read_only=True):
        return None

    def compute() -> list[Document] | None:
        found = {}
        for grant in call.tx.select(store.GRANTS, {"principal": sorted(who)}):
            for where in _scopes_of(grant):
                if where is None:
                    return None
                found[tuple(where.items())] = where
        return [{"principal": sorted(who)}, *found.values()]

    return call.tx.derived(_SCOPES, who, compute)


def _scopes_of(grant: Document) -> Iterator[Document | None]:
    """Where the grants are that whoever has this one may see because she may pass something on."""
    kind = grant["kind"]
    if WITH_TAGS in grant["Permissions"]:
        yield from ({"type": names.TYPE_OF[policy]} for policy in names.POLICIES)
    if not grant["PermissionsWithGrantOption"]:
        return
    if kind == "table_policy":
        yield None  # on tables by their tags, which change
    elif kind in ("database_policy", "location", "tag"):
        yield {"type": names.TYPE_OF["database" if kind == "database_policy" else kind]}
    elif kind in ("table", "columns", "filter"):
        of_database = {"database": grant["database"]}
        yield of_database if grant["table"] == "*" else of_database | {"table": grant["table"]}
    if kind not in ("location", "tag"):
        yield store.on(store.name_of(grant))


def shown_permissions(call: Call, grant: Document) -> list[str]:
    """Which permissions of a grant are listed for the caller: of her own all, of others' those she may grant."""
    if is_admin(call, read_only=True) or grant["principal"] in principals(call):
        return list(grant["Permissions"])
    name = store.name_of(grant)
    single = [p for p in grant["Permissions"] if p != "ALL" and may_pass_on(call, name, p)]
    return (
        ["ALL", *single] if len(single) == len(grant["Permissions"]) - 1 and "ALL" in grant["Permissions"] else single
    )
