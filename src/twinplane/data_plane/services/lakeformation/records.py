"""What Lake Formation keeps, and how it changes: grants, filters, settings, locations."""

from collections.abc import Iterable, Sequence

from twinplane.data_plane.services.lakeformation import names
from twinplane.data_plane.services.lakeformation.names import Named
from twinplane.data_plane.store import Derived, Document, Kind, Transaction

GRANTS = Kind(
    "lakeformation_grant", key=("principal", "resource"), columns=("kind", "database", "table"),
    indexes=(
        ("database", "table", "name"), ("principal", "database", "table"), ("type", "principal", "resource"),
    ),
)  # fmt: skip
FILTERS = Kind("lakeformation_filter", key=("DatabaseName", "TableName", "Name"))
LOCATIONS = Kind("lakeformation_location", key=("ResourceArn",))
SETTINGS = Kind("lakeformation_settings", key=("id",))
IDENTITY_CENTER = Kind("lakeformation_identity_center", key=("id",))
# LF-tags with the values they may have; the tags of a database (table ""), a table (column "") or a column.
TAGS = Kind("lakeformation_tag", key=("key",))
TAGGED = Kind("lakeformation_tagged", key=("database", "table", "column"))
EXPRESSIONS = Kind("lakeformation_tag_expression", key=("name",))
OPT_INS = Kind("lakeformation_opt_in", key=("principal", "resource"), columns=("database", "table"))

KINDS = [GRANTS, FILTERS, LOCATIONS, SETTINGS, IDENTITY_CENTER, TAGS, TAGGED, EXPRESSIONS, OPT_INS]

_REGISTERED = Derived("registered location", (LOCATIONS,))


def default_settings() -> Document:
    """The data lake settings, with AWS's members, before any are put: no administrators, no default permissions."""
    return {
        "DataLakeAdmins": [], "ReadOnlyAdmins": [], "CreateDatabaseDefaultPermissions": [],
        "CreateTableDefaultPermissions": [], "Parameters": {"CROSS_ACCOUNT_VERSION": "4", "SET_CONTEXT": "TRUE"},
        "TrustedResourceOwners": [], "AllowExternalDataFiltering": False, "AllowFullTableExternalDataAccess": False,
        "ExternalDataFilteringAllowList": [], "AuthorizedSessionTagValueList": [],
    }  # fmt: skip


def settings(tx: Transaction) -> Document:
    """The data lake settings."""
    found = tx.find(SETTINGS, "settings")
    return default_settings() | {k: v for k, v in (found or {}).items() if k != "id"}


# Grants


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
    name = names.named(resource)
    new = {"principal": principal, **document_of(name)}
    found = tx.find(GRANTS, principal, new["resource"]) or new
    for member, added in (("Permissions", permissions), ("PermissionsWithGrantOption", grantable)):
        found[member] = sorted({*found.get(member, ()), *names.expanded(name.kind, added)})
    found["Permissions"] = sorted({*found["Permissions"], *found["PermissionsWithGrantOption"]})
    tx.put(GRANTS, found | {"LastUpdated": now, "LastUpdatedBy": by})


def document_of(name: Named) -> Document:
    """How documents hold a resource; `name_of` reads it."""
    return {
        "resource": name.text, "type": names.TYPE_OF[name.kind], "kind": name.kind, "database": name.database,
        "table": name.table, "name": name.name, "columns": list(name.columns), "excluded": list(name.excluded),
        "values": list(name.values), "expression": [[key, list(values)] for key, values in name.expression],
    }  # fmt: skip


def on(name: Named) -> Document:
    """As the condition of a `select`: grants on exactly this resource."""
    return {"database": name.database, "table": name.table, "name": name.name, "resource": name.text}


def name_of(document: Document) -> Named:
    """The resource of a stored grant or opt-in."""
    return Named(
        document["kind"], document["database"], document["table"], document["name"], tuple(document["columns"]),
        tuple(document["excluded"]), tuple(document["values"]),
        tuple((key, tuple(values)) for key, values in document["expression"]),
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

    Revoking columns, or values of a tag, takes them out of every grant of the principal that names them.
    """
    name = names.named(resource)
    taken = set(names.expanded(name.kind, permissions))
    passed_on = set(names.expanded(name.kind, grantable))
    if name.columns:
        where = {"principal": principal, "database": name.database, "table": name.table, "kind": "columns"}
        return _take_out(tx, tx.select(GRANTS, where), "columns", name.columns, keep=not taken, now=now, by=by)
    found = tx.find(GRANTS, principal, name.text)
    if found is None and name.kind == "tag" and name.values != names.EVERY:
        where = {"principal": principal, "type": names.TYPE_OF["tag"]}
        wider = [
            g for g in tx.select(GRANTS, where) if g["name"] == name.name and taken | passed_on <= {*g["Permissions"]}
        ]
        return _take_out(tx, wider, "values", name.values, keep=not taken, now=now, by=by)
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


def _take_out(
    tx: Transaction, found: Iterable[Document], member: str, taken: Sequence[str], *, keep: bool, now: float, by: str
) -> bool:
    """Makes grants smaller by columns, or by values of a tag; says whether one was.

    `keep`: what is taken out stays granted, but for the right to pass it on.
    """
    changed = False
    for document in found:
        parts = _without(document, member, taken)
        if parts is None:
            continue
        left, out = parts
        changed = True
        tx.remove(GRANTS, document["principal"], document["resource"])
        if left is not None:
            _merge(tx, document | left, now, by)
        if keep and out is not None:
            _merge(tx, document | out | {"PermissionsWithGrantOption": []}, now, by)
    return changed


def _without(document: Document, member: str, taken: Sequence[str]) -> tuple[Document | None, Document | None] | None:
    """What is left of a grant's columns or values, and what is taken out; None when the grant has none of that."""
    if document["excluded"]:
        out = sorted(set(taken) - set(document["excluded"]))
        left: Document = {"excluded": sorted({*document["excluded"], *taken})}
        return (left, {"excluded": [], "columns": out}) if out else None
    out = [part for part in document[member] if part in taken]
    rest = [part for part in document[member] if part not in taken]
    return ({member: rest} if rest else None, {member: out}) if out else None


def _merge(tx: Transaction, document: Document, now: float, by: str) -> None:
    """Adds a grant to what its principal has on the resource that its members name."""
    named = document_of(name_of(document))
    known = tx.find(GRANTS, document["principal"], named["resource"])
    merged = document | named
    for member in ("Permissions", "PermissionsWithGrantOption"):
        merged[member] = sorted({*document[member], *((known or {}).get(member) or ())})
    tx.put(GRANTS, merged | {"LastUpdated": now, "LastUpdatedBy": by})


def _put_or_remove(
    tx: Transaction, found: Document, permissions: list[str], grantable: list[str], now: float, by: str
) -> None:
    if permissions:
        changed = {"Permissions": permissions, "PermissionsWithGrantOption": grantable}
        tx.put(GRANTS, found | changed | {"LastUpdated": now, "LastUpdatedBy": by})
    else:
        tx.remove(GRANTS, found["principal"], found["resource"])


def remove_grants(tx: Transaction, grants: Iterable[Document]) -> None:
    for found in grants:
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
    """Removes every grant, filter, tag and opt-in on a table, or on a database and its tables, that is being dropped.

    What is made anew under the name has none of them.
    """
    where = {"database": database.lower()} | ({} if table is None else {"table": table.lower()})
    for kind in (GRANTS, TAGGED, OPT_INS):
        for found in tx.select(kind, where):
            tx.remove(kind, *kind.key_of(found))
    for found in list_filters(tx, database, table):
        tx.remove(FILTERS, found["DatabaseName"], found["TableName"], found["Name"])


# Data cells filters


def put_data_cells_filter(tx: Transaction, document: Document) -> Document:
    """Stores a data cells filter (AWS's `DataCellsFilter`), replacing the one of that name on the table."""
    kept = {k: v for k, v in document.items() if v is not None}
    kept["DatabaseName"], kept["TableName"] = kept["DatabaseName"].lower(), kept["TableName"].lower()
    return tx.put(FILTERS, kept)


def find_data_cells_filter(tx: Transaction, database: str, table: str, name: str) -> Document | None:
    return tx.find(FILTERS, database.lower(), table.lower(), name)


def remove_data_cells_filter(tx: Transaction, database: str, table: str, name: str) -> bool:
    """Removes a filter and every grant on it; says whether there was one."""
    remove_grants(tx, tx.select(GRANTS, on(Named("filter", database.lower(), table.lower(), name))))
    return tx.remove(FILTERS, database.lower(), table.lower(), name)


def list_filters(tx: Transaction, database: str | None = None, table: str | None = None) -> list[Document]:
    where = {"DatabaseName": database, "TableName": table}
    return tx.select(FILTERS, {k: v.lower() for k, v in where.items() if v is not None})


# Locations


def register_location(
    tx: Transaction, arn: str, role_arn: str | None, *, now: float = 0.0, hybrid: bool = False, **members: object
) -> None:
    """Registers an Amazon S3 location, so that Lake Formation governs what lies under it."""
    document = {
        "ResourceArn": arn.rstrip("/"), "RoleArn": role_arn, "LastModified": now, "HybridAccessEnabled": hybrid,
        "WithFederation": False, "WithPrivilegedAccess": False, "VerificationStatus": "VERIFIED", **members,
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
