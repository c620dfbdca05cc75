"""What Lake Formation keeps, and what other services ask of it. The decisions themselves are in `rules`."""

from collections.abc import Iterable, Sequence

from twinplane.data_plane.call import Principal
from twinplane.data_plane.services.identitystore import store as identitystore
from twinplane.data_plane.services.lakeformation import rules
from twinplane.data_plane.services.lakeformation.rules import IAM_ALLOWED_PRINCIPALS, Named, TableAccess
from twinplane.data_plane.store import Derived, Document, Kind, StartsWith, Transaction

GRANTS = Kind(
    "lakeformation_grant", key=("principal", "resource"), columns=("kind", "database", "table"),
    indexes=(("database", "table"), ("resource",)),
)  # fmt: skip
FILTERS = Kind("lakeformation_filter", key=("DatabaseName", "TableName", "Name"))
LOCATIONS = Kind("lakeformation_location", key=("ResourceArn",))
SETTINGS = Kind("lakeformation_settings", key=("id",))
IDENTITY_CENTER = Kind("lakeformation_identity_center", key=("id",))

KINDS = [GRANTS, FILTERS, LOCATIONS, SETTINGS, IDENTITY_CENTER]

Principals = frozenset[str]

_PRINCIPALS = Derived("principals of a caller", (identitystore.MEMBERSHIPS,))
_ADMINS = Derived("administrators", (SETTINGS,))
_TABLE_GRANTS = Derived("grants on a table", (GRANTS,))
_REGISTERED = Derived("registered location", (LOCATIONS,))
_DESCRIBED = Derived("described columns", (GRANTS, FILTERS, SETTINGS))


def user_principal(user_id: str) -> str:
    """The principal of a person in grants."""
    return f"arn:aws:identitystore:::user/{user_id}"


def group_principal(group_id: str) -> str:
    """The principal of a group of people in grants."""
    return f"arn:aws:identitystore:::group/{group_id}"


def lake_principals(tx: Transaction, principal: Principal, account: str) -> Principals:
    """All principals whose grants count for this caller: the IAM entity, the person it acts for, and her groups."""
    if principal.kind == "Anonymous":
        return frozenset()
    who = (principal.iam_arn, principal.on_behalf_of, account)
    return tx.derived(_PRINCIPALS, who, lambda: _principals_of(tx, *who))


def _principals_of(tx: Transaction, iam_arn: str, person: str | None, account: str) -> Principals:
    found = {iam_arn, f"{account}:IAMPrincipals"}
    if person is not None:
        found.add(user_principal(person))
        found.update(group_principal(g) for g in identitystore.group_ids(tx, person))
    return frozenset(found)


def default_settings() -> Document:
    """The data lake settings, with AWS's members, before any are put: no administrators, no default permissions."""
    return {
        "DataLakeAdmins": [], "ReadOnlyAdmins": [], "CreateDatabaseDefaultPermissions": [],
        "CreateTableDefaultPermissions": [], "Parameters": {"CROSS_ACCOUNT_VERSION": "4", "SET_CONTEXT": "TRUE"},
        "TrustedResourceOwners": [], "AllowExternalDataFiltering": False, "ExternalDataFilteringAllowList": [],
        "AuthorizedSessionTagValueList": [],
    }  # fmt: skip


def settings(tx: Transaction) -> Document:
    """The data lake settings."""
    found = tx.find(SETTINGS, "settings")
    return default_settings() if found is None else {k: v for k, v in found.items() if k != "id"}


def is_admin(tx: Transaction, principals: Principals, *, read_only: bool = False) -> bool:
    """Whether the caller is a data lake administrator (`read_only`: or a read-only one)."""
    lists = ("DataLakeAdmins", "ReadOnlyAdmins") if read_only else ("DataLakeAdmins",)
    return not principals.isdisjoint(tx.derived(_ADMINS, lists, lambda: _listed(tx, lists)))


def _listed(tx: Transaction, lists: tuple[str, ...]) -> frozenset[str]:
    known = settings(tx)
    return frozenset(p["DataLakePrincipalIdentifier"] for member in lists for p in known.get(member) or ())


def grant(
    tx: Transaction,
    *,
    principal: str,
    resource: Document,
    permissions: Sequence[str],
    grantable: Sequence[str] = (),
    now: float,
    by: str = "",
) -> None:
    """Adds permissions to what `principal` has on `resource` (AWS's `Resource`). Raises `ResourceNotUnderstood`."""
    name = rules.named(resource)
    found = tx.find(GRANTS, principal, name.text) or _new_grant(principal, name)
    for member, added in (("Permissions", permissions), ("PermissionsWithGrantOption", grantable)):
        found[member] = sorted({*found[member], *rules.expanded(name.kind, added)})
    found["Permissions"] = sorted({*found["Permissions"], *found["PermissionsWithGrantOption"]})
    tx.put(GRANTS, found | {"LastUpdated": now, "LastUpdatedBy": by})


def _new_grant(principal: str, name: Named) -> Document:
    return {
        "principal": principal, "resource": name.text, "kind": name.kind, "database": name.database,
        "table": name.table, "name": name.name, "columns": list(name.columns), "excluded": list(name.excluded),
        "Permissions": [], "PermissionsWithGrantOption": [],
    }  # fmt: skip


def name_of(document: Document) -> Named:
    """The resource of a stored grant."""
    return Named(
        document["kind"], document["database"], document["table"], document["name"], tuple(document["columns"]),
        tuple(document["excluded"]),
    )  # fmt: skip


def revoke(
    tx: Transaction,
    *,
    principal: str,
    resource: Document,
    permissions: Sequence[str],
    grantable: Sequence[str] = (),
    now: float,
    by: str = "",
) -> bool:
    """Takes permissions (and, with `grantable`, only the right to pass them on) away. Says whether there were any.

    Revoking columns takes them out of every column grant of the principal on the table.
    """
    name = rules.named(resource)
    taken = set(rules.expanded(name.kind, permissions))
    passed_on = set(rules.expanded(name.kind, grantable))
    if name.columns:
        return _revoke_columns(tx, principal, name, now, by)
    found = tx.find(GRANTS, principal, name.text)
    if found is None or not ({*found["Permissions"]} & (taken | passed_on)):
        return False
    kept = set(found["Permissions"]) - taken
    kept_grantable = set(found["PermissionsWithGrantOption"]) - taken - passed_on
    if taken:
        kept.discard("ALL")
    if taken or passed_on:
        kept_grantable.discard("ALL")
    _put_or_remove(tx, found, sorted(kept), sorted(kept_grantable), now, by)
    return True


def _revoke_columns(tx: Transaction, principal: str, name: Named, now: float, by: str) -> bool:
    changed = False
    where = {"principal": principal, "kind": "columns", "database": name.database, "table": name.table}
    for found in tx.select(GRANTS, where):
        left = [c for c in found["columns"] if c not in name.columns]
        if found["excluded"] or left == found["columns"]:
            continue
        changed = True
        tx.remove(GRANTS, principal, found["resource"])
        if left:
            smaller = Named("columns", name.database, name.table, columns=tuple(left))
            rest = tx.find(GRANTS, principal, smaller.text) or _new_grant(principal, smaller)
            for member in ("Permissions", "PermissionsWithGrantOption"):
                rest[member] = sorted({*rest[member], *found[member]})
            tx.put(GRANTS, rest | {"LastUpdated": now, "LastUpdatedBy": by})
    return changed


def _put_or_remove(
    tx: Transaction, found: Document, permissions: list[str], grantable: list[str], now: float, by: str
) -> None:
    if permissions:
        changed = {"Permissions": permissions, "PermissionsWithGrantOption": grantable}
        tx.put(GRANTS, found | changed | {"LastUpdated": now, "LastUpdatedBy": by})
    else:
        tx.remove(GRANTS, found["principal"], found["resource"])


def record_creator(tx: Transaction, *, principal: str, database: str, table: str | None = None, now: float) -> None:
    """Gives whoever created a database or table all permissions on it, and adds the settings' default permissions."""
    resource: Document = (
        {"Database": {"Name": database}} if table is None else {"Table": {"DatabaseName": database, "Name": table}}
    )
    grant(tx, principal=principal, resource=resource, permissions=["ALL"], grantable=["ALL"], now=now)
    member = "CreateDatabaseDefaultPermissions" if table is None else "CreateTableDefaultPermissions"
    for default in settings(tx).get(member) or ():
        identifier = default["Principal"]["DataLakePrincipalIdentifier"]
        grant(tx, principal=identifier, resource=resource, permissions=default["Permissions"], now=now)


def forget(tx: Transaction, *, database: str, table: str | None = None) -> None:
    """Removes every grant and filter on a table, or on a database and its tables, that is being dropped."""
    where = {"database": database.lower()} | ({} if table is None else {"table": table.lower()})
    for found in tx.select(GRANTS, where):
        tx.remove(GRANTS, found["principal"], found["resource"])
    for found in list_filters(tx, database, table):
        tx.remove(FILTERS, found["DatabaseName"], found["TableName"], found["Name"])


def put_data_cells_filter(tx: Transaction, document: Document) -> Document:
    """Stores a data cells filter (AWS's `DataCellsFilter`), replacing the one of that name on the table."""
    kept = {k: v for k, v in document.items() if v is not None}
    kept["DatabaseName"], kept["TableName"] = kept["DatabaseName"].lower(), kept["TableName"].lower()
    return tx.put(FILTERS, kept)


def find_data_cells_filter(tx: Transaction, database: str, table: str, name: str) -> Document | None:
    return tx.find(FILTERS, database.lower(), table.lower(), name)


def remove_data_cells_filter(tx: Transaction, database: str, table: str, name: str) -> bool:
    """Removes a filter and every grant on it; says whether there was one."""
    resource = Named("filter", database.lower(), table.lower(), name).text
    for found in tx.select(GRANTS, {"resource": resource}):
        tx.remove(GRANTS, found["principal"], resource)
    return tx.remove(FILTERS, database.lower(), table.lower(), name)


def list_filters(tx: Transaction, database: str | None = None, table: str | None = None) -> list[Document]:
    where = {"DatabaseName": database, "TableName": table}
    return tx.select(FILTERS, {k: v.lower() for k, v in where.items() if v is not None})


def register_location(
    tx: Transaction, arn: str, role_arn: str | None, *, now: float = 0.0, hybrid: bool = False
) -> None:
    """Registers an Amazon S3 location, so that Lake Formation governs what lies under it."""
    document = {
        "ResourceArn": arn.rstrip("/"), "RoleArn": role_arn, "LastModified": now, "HybridAccessEnabled": hybrid,
        "WithFederation": False, "WithPrivilegedAccess": False, "VerificationStatus": "VERIFIED",
    }  # fmt: skip
    tx.put(LOCATIONS, {k: v for k, v in document.items() if v is not None})


def registered_location(tx: Transaction, arn: str) -> Document | None:
    """The registered location that `arn` (of a location or of anything under it) belongs to, or None."""
    return tx.derived(_REGISTERED, arn, lambda: _registered(tx, arn))


def _registered(tx: Transaction, arn: str) -> Document | None:
    path = arn.rstrip("/")
    while path:
        found = tx.find(LOCATIONS, path)
        if found is not None:
            return found
        path = path.rpartition("/")[0]
    return None


def _grants_on_table(tx: Transaction, principals: Iterable[str], database: str, table: str) -> list[Document]:
    """For reading only: the documents are shared."""
    who, database, table = frozenset(principals), database.lower(), table.lower()

    def select() -> list[Document]:
        return tx.select(GRANTS, {"principal": sorted(who), "database": database, "table": [table, "*"]})

    return tx.derived(_TABLE_GRANTS, (who, database, table), select)


def grants_on_kind(tx: Transaction, principals: Iterable[str], kind: str) -> list[Document]:
    """The grants these principals have on one kind of resource; a principal may have thousands on others."""
    return tx.select(GRANTS, {"principal": list(principals), "resource": StartsWith(f"{kind}/")})


def column_names(table: Document) -> tuple[str, ...]:
    """The names of all columns of a Glue table document, partition keys last, in lower case."""
    columns = [*((table.get("StorageDescriptor") or {}).get("Columns") or ()), *(table.get("PartitionKeys") or ())]
    return tuple([column["Name"].lower() for column in columns])


def table_access(tx: Transaction, principals: Principals, table: Document) -> TableAccess | None:
    """What the caller may read of a Glue table (a document with AWS's `Table` members); None when nothing.

    Resource links are not followed here: ask for the target.
    """
    database, name = table["DatabaseName"], table["Name"]
    columns = column_names(table)
    allowed = _grants_on_table(tx, [IAM_ALLOWED_PRINCIPALS], database, name)
    if any(g["kind"] == "table" and "SELECT" in g["Permissions"] for g in allowed):
        return TableAccess(columns, (rules.Slice(columns),), by_iam=True)
    grants = _grants_on_table(tx, principals, database, name)
    filters = {f["Name"]: f for f in list_filters(tx, database, name)} if grants else {}
    return rules.table_access([(name_of(g), g["Permissions"]) for g in grants], filters, columns)


def described_columns(tx: Transaction, principals: Principals, table: Document) -> tuple[str, ...] | None:
    """The columns whose names the caller may see in a table's description; None when she may not see the table.

    Whoever may read only some columns sees only those; DESCRIBE alone (and administrators) sees all.
    """
    columns = column_names(table)
    key = (principals, table["DatabaseName"], table["Name"], columns)
    return tx.derived(_DESCRIBED, key, lambda: _described(tx, principals, table, columns))


def _described(
    tx: Transaction, principals: Principals, table: Document, columns: tuple[str, ...]
) -> tuple[str, ...] | None:
    if is_admin(tx, principals, read_only=True):
        return columns
    access = table_access(tx, principals, table)
    if access is not None:
        return access.columns
    return columns if has_permission(tx, principals, None, table["DatabaseName"], table["Name"]) else None


def has_permission(
    tx: Transaction, principals: Principals, permission: str | None, database: str, table: str | None = None,
    *, grantable: bool = False,
) -> bool:  # fmt: skip
    """Whether the caller has `permission` (None: any) on the whole database or table.

    SELECT here means all columns and all rows; what filters leave visible is `table_access`. Administrators have
    every permission but to read and write data.
    """
    if is_admin(tx, principals) and permission not in ("SELECT", "INSERT", "DELETE"):
        return True
    everyone = principals if grantable else principals | {IAM_ALLOWED_PRINCIPALS}
    member = "PermissionsWithGrantOption" if grantable else "Permissions"
    if table is None:
        name = Named("database", database.lower())
        grants = tx.select(GRANTS, {"principal": list(everyone), "resource": name.text})
    else:
        grants = _grants_on_table(tx, everyone, database, table)
        if permission is not None:
            grants = [g for g in grants if g["kind"] == "table"]
    return any(g[member] and (permission is None or permission in g[member]) for g in grants)


def may(tx: Transaction, principals: Principals, resource: Named, permission: str) -> bool:
    """Whether the caller has `permission` on a resource: the one decision for writing data and changing the catalog.

    `resource`: `rules.CATALOG` (CREATE_DATABASE), `rules.database` (CREATE_TABLE, ALTER, DROP, DESCRIBE), `rules.table`
    (INSERT, DELETE, ALTER, DROP, DESCRIBE) or `rules.location` (DATA_LOCATION_ACCESS). For reading ask `table_access`;
    SELECT here means every column of every row.
    """
    if resource.kind in ("database", "table"):
        return has_permission(tx, principals, permission, resource.database, resource.table or None)
    if is_admin(tx, principals):
        return True
    everyone = principals if resource.kind == "location" else principals | {IAM_ALLOWED_PRINCIPALS}
    grants = [g for g in grants_on_kind(tx, everyone, resource.kind) if permission in g["Permissions"]]
    return any(resource.kind == "catalog" or _lies_in(resource.name, grant["name"]) for grant in grants)


def _lies_in(path: str, place: str) -> bool:
    return path == place or path.startswith(f"{place.rstrip('/')}/")


def visible_tables(tx: Transaction, principals: Principals, database: str, names: Iterable[str]) -> set[str]:
    """Which of these tables of a database the caller may see exist: those she has any permission on."""
    names = list(names)
    if is_admin(tx, principals, read_only=True):
        return set(names)
    where = {"principal": [*principals, IAM_ALLOWED_PRINCIPALS], "database": database.lower()}
    granted = {g["table"] for g in tx.select(GRANTS, where) if g["table"]}
    return set(names) if "*" in granted else {n for n in names if n.lower() in granted}


def visible_databases(tx: Transaction, principals: Principals, names: Iterable[str]) -> set[str]:
    """Which of these databases the caller may see exist: those where she has any permission, also on a table."""
    names = list(names)
    if is_admin(tx, principals, read_only=True):
        return set(names)
    grants = tx.select(GRANTS, {"principal": [*principals, IAM_ALLOWED_PRINCIPALS]})
    granted = {g["database"] for g in grants if g["database"]}
    return {n for n in names if n.lower() in granted}
