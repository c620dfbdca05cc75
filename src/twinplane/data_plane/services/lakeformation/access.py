"""Who may change Lake Formation's grants: administrators, and who holds a permission with the right to pass it on."""

from collections.abc import Sequence

from twinplane.data_plane.call import Call, ServiceError
from twinplane.data_plane.services.lakeformation import rules, store
from twinplane.data_plane.services.lakeformation.rules import Named


def principals(call: Call) -> store.Principals:
    """All principals whose grants count for the caller."""
    return store.lake_principals(call.tx, call.principal, call.account_id)


def is_admin(call: Call, *, read_only: bool = False) -> bool:
    return store.is_admin(call.tx, principals(call), read_only=read_only)


def check_admin(call: Call, what: str) -> None:
    """Raises `AccessDeniedException` unless the caller is a data lake administrator."""
    if not is_admin(call):
        raise insufficient("Data lake administrator", what)


def insufficient(permission: str, what: str) -> ServiceError:
    return ServiceError(
        "AccessDeniedException", f"Insufficient Lake Formation permission(s): Required {permission} on {what}"
    )


def check_may_grant(call: Call, name: Named, permissions: Sequence[str]) -> None:
    """Raises `AccessDeniedException` unless the caller may grant and revoke these permissions on the resource."""
    if is_admin(call):
        return
    for permission in rules.expanded(name.kind, permissions):
        if permission != "ALL" and not _may_pass_on(call, name, permission):
            raise insufficient(f"{permission.title()} with grant option", name.table or name.database or name.name)


def _may_pass_on(call: Call, name: Named, permission: str) -> bool:
    who = principals(call)
    if name.kind == "database":
        return store.has_permission(call.tx, who, permission, name.database, grantable=True)
    if name.kind in ("table", "columns", "filter"):
        if store.has_permission(call.tx, who, permission, name.database, name.table, grantable=True):
            return True
        return name.kind == "columns" and _may_pass_on_columns(call, name)
    grants = call.tx.select(store.GRANTS, {"principal": list(who), "resource": name.text})
    return any(permission in grant["PermissionsWithGrantOption"] for grant in grants)


def _may_pass_on_columns(call: Call, name: Named) -> bool:
    if not name.columns:
        return False
    where = {"principal": list(principals(call)), "kind": "columns", "database": name.database, "table": name.table}
    held = [g for g in call.tx.select(store.GRANTS, where) if "SELECT" in g["PermissionsWithGrantOption"]]
    return set(name.columns) <= {column for grant in held for column in grant["columns"]}


def may_see(call: Call, name: Named, principal: str) -> bool:
    """Whether a grant is listed for the caller: her own, and those on what she may grant on."""
    if is_admin(call, read_only=True) or principal in principals(call):
        return True
    return any(_may_pass_on(call, name, permission) for permission in rules.PERMISSIONS_OF[name.kind])
