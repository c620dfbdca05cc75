"""Who may see and change what in the catalog: IAM on Glue's resources, then Lake Formation.

Lake Formation decides what exists for a caller. What she may not see and what is not there get the same answer.
"""

from collections.abc import Callable, Iterable
from functools import partial

from twinplane.data_plane.call import Access, Call, Request, ServiceError
from twinplane.data_plane.services.glue import descriptions, store
from twinplane.data_plane.services.iam.policy import Policy, compile_policy
from twinplane.data_plane.services.iam.rules import require
from twinplane.data_plane.services.lakeformation import names, places
from twinplane.data_plane.services.lakeformation import store as lakeformation
from twinplane.data_plane.services.lakeformation.names import IAM_ALLOWED_PRINCIPALS
from twinplane.data_plane.store import Derived, Document, Transaction


def arn(call: Call, *path: str) -> str:
    """The ARN of the catalog, or of a database or table in it."""
    return f"arn:aws:glue:{call.region}:{call.account_id}:{'/'.join(path) or 'catalog'}"


_POLICY = Derived("the catalog's policy", (store.SETTINGS,))
CATALOG_POLICY = "resource policy"


def catalog_policy(tx: Transaction) -> Policy | None:
    """The policy of the catalog and all in it, if it has one."""

    def compiled() -> Policy | None:
        found = tx.find(store.SETTINGS, CATALOG_POLICY)
        return None if found is None else compile_policy(found["PolicyInJson"], "resource")

    return tx.derived(_POLICY, "policy", compiled)


def by_policies(action: str, resources: Callable[[Call, Request], str | list[str]]) -> Access:
    """Access by `action` on what `resources` finds in the request, by the caller's policies and the catalog's."""

    def access(call: Call, request: Request) -> None:
        found = resources(call, request)
        policy = catalog_policy(call.tx)
        for resource in [found] if isinstance(found, str) else found:
            require(call, action, resource, partial(_tags, call.tx, resource), policy, ("aws:resourcetag/",))

    return access


def _tags(tx: Transaction, resource: str) -> dict[str, str]:
    """The condition keys of a resource's tags."""
    found = tx.find(store.TAGS, resource)
    return {} if found is None else {f"aws:ResourceTag/{key}": value for key, value in found["tags"].items()}


def on_catalog(action: str) -> Access:
    """Access by `action` on the catalog."""
    return _own_catalog(by_policies(action, lambda call, _request: arn(call)))


def on_one(action: str, kind: str, *, name: str = "Name", under: str = "") -> Access:
    """Access by `action` on something of the catalog whose ARN has `kind`, named by the request's member `name`.

    `under`: the member with the database that it is in.
    """

    def resources(call: Call, request: Request) -> list[str]:
        path = [_member(request, under).lower()] if under else []
        database = [arn(call, "database", *path)] if under else []
        found = [arn(call), *database, arn(call, kind, *path, _member(request, name) if name else "*")]
        call.resources.append({"ARN": found[-1], "type": f"AWS::Glue::{kind.title()}"})
        return found

    return _own_catalog(by_policies(action, resources))


def on_database(action: str, *, name: str = "Name") -> Access:
    """Access by `action` on a database, which the request names in its member `name` ("": on all databases)."""

    def resources(call: Call, request: Request) -> list[str]:
        database = _member(request, name).lower() if name else "*"
        call.resources.append({"ARN": arn(call, "database", database), "type": "AWS::Glue::Database"})
        return [arn(call), arn(call, "database", database)]

    return _own_catalog(by_policies(action, resources))


def on_table(action: str, *, name: str = "Name") -> Access:
    """Access by `action` on a table, which the request names in its member `name` ("": on all tables of a database)."""

    def resources(call: Call, request: Request) -> list[str]:
        database = str(request.get("DatabaseName") or "*").lower()
        table = _member(request, name).lower() if name else "*"
        found = [arn(call), arn(call, "database", database), arn(call, "table", database, table)]
        call.resources.append({"ARN": found[-1], "type": "AWS::Glue::Table"})
        return found

    return _own_catalog(by_policies(action, resources))


def _member(request: Request, path: str) -> str:
    value = request
    for part in path.split("."):
        value = value.get(part) or {}
    return str(value or "*")


def _own_catalog(access: Access) -> Access:
    def checked(call: Call, request: Request) -> None:
        check_catalog(call, request.get("CatalogId"))
        access(call, request)

    return checked


def check_catalog(call: Call, catalog_id: str | None) -> None:
    """Raises `AccessDeniedException` for another account's catalog, `EntityNotFoundException` for one not there."""
    account, _, inner = (catalog_id or call.account_id).partition(":")
    if account != call.account_id:
        raise ServiceError("AccessDeniedException", f"Cross-account access to catalog {catalog_id} is not allowed.")
    if inner:
        raise ServiceError("EntityNotFoundException", f"Catalog {catalog_id} not found.")


# Lake Formation


def principals(call: Call) -> frozenset[str]:
    """All principals whose Lake Formation grants count for the caller."""
    return lakeformation.lake_principals(call.tx, call.principal, call.account_id)


def is_iam_administrator(call: Call) -> bool:
    """Whether the caller could make itself a Lake Formation administrator: it need not do so to see the catalog.

    Never a session that acts for a person: what she sees is what she was granted.
    """
    if call.principal.on_behalf_of is not None:
        return False
    return _may(call, "lakeformation:PutDataLakeSettings", "*")


def _may(call: Call, action: str, resource: str) -> bool:
    try:
        require(call, action, resource)
    except ServiceError:
        return False
    return True


def insufficient(permission: str, what: str) -> ServiceError:
    return ServiceError(
        "AccessDeniedException",
        f"Insufficient Lake Formation permission(s): Required {permission.replace('_', ' ').title()} on {what}",
    )


def visible_databases(call: Call, names: Iterable[str]) -> set[str]:
    """Which of these databases exist for the caller."""
    if is_iam_administrator(call):
        return set(names)
    return lakeformation.visible_databases(call.tx, principals(call), list(names))


def visible_tables(call: Call, database: str, names: Iterable[str]) -> set[str]:
    """Which of these tables of a database exist for the caller."""
    if is_iam_administrator(call):
        return set(names)
    return lakeformation.visible_tables(call.tx, principals(call), database, list(names))


# One name is decided by its own grants alone: a caller may have thousands of others.


def is_table_visible(call: Call, database: str, name: str) -> bool:
    """Whether this table exists for the caller."""
    if is_iam_administrator(call):
        return True
    asking = principals(call)
    if lakeformation.is_admin(call.tx, asking, read_only=True):
        return True
    return lakeformation.has_permission(call.tx, asking, None, database, name)


def _is_database_visible(call: Call, name: str) -> bool:
    return is_iam_administrator(call) or lakeformation.is_database_visible(call.tx, principals(call), name)


def get_database(call: Call, name: str) -> Document:
    """The database, for who may see it. Raises `AccessDeniedException`, `EntityNotFoundException`."""
    found = store.find_database(call.tx, name)
    if found is None and may_create_database(call):
        return store.get_database(call.tx, name)
    if not _is_database_visible(call, name):
        raise insufficient("Describe", name.lower())
    return found or store.get_database(call.tx, name)


def get_table(call: Call, database: str, name: str) -> Document:
    """The table, for who may see it. Raises `AccessDeniedException`, `EntityNotFoundException`.

    That it is not there is told only to who would see it there, or may create it.
    """
    found = store.find_table(call.tx, database, name)
    if found is None and has_permission(call, "CREATE_TABLE", database):
        return store.get_table(call.tx, database, name)
    if not is_table_visible(call, database, name):
        raise insufficient("Describe", name.lower())
    return found or store.get_table(call.tx, database, name)


def may_create_database(call: Call) -> bool:
    allowed = lakeformation.may(call.tx, principals(call), names.CATALOG, "CREATE_DATABASE")
    return allowed or is_iam_administrator(call)


def has_permission(call: Call, permission: str, database: str, table: str | None = None) -> bool:
    """Whether Lake Formation (or being an administrator) gives the caller `permission` on a database or table."""
    if is_iam_administrator(call):
        return True
    return lakeformation.has_permission(call.tx, principals(call), permission, database, table)


def check_permission(call: Call, permission: str, database: str, table: str | None = None) -> None:
    """Raises `AccessDeniedException` unless the caller has `permission` on a database or table."""
    if not has_permission(call, permission, database, table):
        raise insufficient(permission, (table or database).lower())


def described(call: Call, table: Document) -> Document:
    """A table as the caller may see it: without the columns she has no permission on.

    A resource link shows the schema and location of its target, as far as the caller may see that one.
    """
    target = table
    if table.get("TargetTable"):
        link = table["TargetTable"]
        found = store.find_table(call.tx, link["DatabaseName"], link["Name"])
        if found is None or not is_table_visible(call, found["DatabaseName"], found["Name"]):
            return {**table, "StorageDescriptor": {"Columns": []}, "PartitionKeys": []}
        target = found
        shown = ("StorageDescriptor", "PartitionKeys", "Parameters", "TableType")
        table = {**table, **{member: target[member] for member in shown if member in target}}
    location = store.table_location(target)
    registered = location is not None and lakeformation.registered_location(call.tx, s3_arn(location)) is not None
    return _without_hidden_columns(call, target, table) | {"IsRegisteredWithLakeFormation": registered}


def _without_hidden_columns(call: Call, target: Document, table: Document) -> Document:
    if is_iam_administrator(call):
        return {**table, "PartitionKeys": table.get("PartitionKeys") or []}
    names = lakeformation.described_columns(call.tx, principals(call), target)
    every = len((target.get("StorageDescriptor") or {}).get("Columns") or ()) + len(target.get("PartitionKeys") or ())
    if names is not None and len(names) == every and not _rows_are_hidden(call, target):
        return {**table, "PartitionKeys": table.get("PartitionKeys") or []}
    return descriptions.partial(table, frozenset(names or ()))


def _rows_are_hidden(call: Call, table: Document) -> bool:
    """Whether the caller reads some rows only; who may describe a table that she does not read is told all of it."""
    access = lakeformation.table_access(call.tx, principals(call), table)
    return access is not None and bool(access.row_filters)


def check_partitions_readable(call: Call, table: Document) -> None:
    """Raises `AccessDeniedException` where partition values would tell of rows or columns that are not shown."""
    access = lakeformation.table_access(call.tx, principals(call), table)
    keys = [column["Name"].lower() for column in table.get("PartitionKeys") or ()]
    if access is None:
        allowed = has_permission(call, "DESCRIBE", table["DatabaseName"], table["Name"])
    else:
        allowed = not access.row_filters and set(keys) <= set(access.columns)
    if not (allowed or lakeformation.is_admin(call.tx, principals(call), read_only=True) or is_iam_administrator(call)):
        raise insufficient("Select", table["Name"])


def check_may_redefine(call: Call, table: Document) -> None:
    """Raises `AccessDeniedException` for who reads a part of the table only.

    She would read more by saying otherwise what its columns are called, or where its rows are.
    """
    access = lakeformation.table_access(call.tx, principals(call), table)
    if access is not None and not access.by_iam and not access.is_whole(lakeformation.column_names(table)):
        raise insufficient("Select", table["Name"])


# Locations


def has_scheme(location: str) -> bool:
    """Whether a location names a bucket to any reader: `s3://bucket/key`, and the same behind another scheme."""
    return "://" in location


def s3_arn(location: str) -> str:
    """The ARN of an S3 location (`s3://bucket/key`)."""
    return "arn:aws:s3:::" + location.partition("://")[2].rstrip("/")


def check_locations(call: Call, database: Document, locations: Iterable[str | None]) -> None:
    """Raises `AccessDeniedException` unless the caller may have the catalog point at these S3 locations.

    Whoever creates a table may read it through Lake Formation, so it must not point at what she may not read: the
    location is within the database's own, where no table is that she may not read, or granted to her
    (DATA_LOCATION_ACCESS), or hers by IAM. Whatever the scheme says: readers take what follows it for a bucket.
    """
    own = database.get("LocationUri")
    for location in locations:
        if not location or not has_scheme(location):
            continue
        path = s3_arn(location)
        within = own and has_scheme(own) and _is_within(path, s3_arn(own))
        if within and lakeformation.may(call.tx, principals(call), names.table(database["Name"], "*"), "SELECT"):
            continue
        if _may(call, "s3:GetObject", f"{path}/*"):
            continue
        if lakeformation.may(call.tx, principals(call), names.location(path), "DATA_LOCATION_ACCESS"):
            continue
        if within and path != s3_arn(own or "") and _reads_all_at(call, path):
            continue
        raise insufficient("Data_Location_Access", location)


def _reads_all_at(call: Call, path: str) -> bool:
    """Whether the caller may read every table that lies at, under or above a place."""
    who = principals(call)
    tables = (names.table(*found) for found in places.touching(call.tx, path) if found[1])
    return all(lakeformation.may(call.tx, who, table, "SELECT") for table in tables)


def _is_within(path: str, place: str) -> bool:
    return path == place or path.startswith(f"{place.rstrip('/')}/")


def give_to_creator(call: Call, database: str, table: str | None, defaults: list[Document] | None) -> None:
    """Gives whoever created a database or table all permissions on it, and the default ones to their principals.

    Where IAM alone decides by default (IAMAllowedPrincipals), the creator needs none of her own.
    """
    resource: Document = (
        {"Database": {"Name": database}} if table is None else {"Table": {"DatabaseName": database, "Name": table}}
    )
    given = {d["Principal"]["DataLakePrincipalIdentifier"]: d["Permissions"] for d in defaults or ()}
    if IAM_ALLOWED_PRINCIPALS not in given:
        given[_creator(call)] = ["ALL"]
    for principal, permissions in given.items():
        grantable = permissions if principal == _creator(call) else ()
        lakeformation.grant(
            call.tx, principal=principal, resource=resource, permissions=permissions, grantable=grantable, now=call.now
        )


def _creator(call: Call) -> str:
    """A person who acts with her own session; else the user or role, which for a project is the project's."""
    if call.principal.on_behalf_of is not None and call.principal.project is None:
        return lakeformation.user_principal(call.principal.on_behalf_of)
    return call.principal.iam_arn


def get_table_to_alter(call: Call, request: Request) -> Document:
    """The table a request names, for who may change it. Raises `EntityNotFoundException`, `AccessDeniedException`."""
    table = get_table(call, request["DatabaseName"], request["TableName"])
    check_permission(call, "ALTER", table["DatabaseName"], table["Name"])
    return table
