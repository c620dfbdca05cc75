"""What other services ask of Lake Formation: whose grants count, what they give, who sees what.

The decision itself is `rules.decide`; here its inputs are gathered. What is kept, and how it changes, is in `records`.
"""

from collections.abc import Iterable

from twinplane.data_plane.call import Principal
from twinplane.data_plane.services.glue import store as glue
from twinplane.data_plane.services.iam import store as iam
from twinplane.data_plane.services.identitystore import store as identitystore
from twinplane.data_plane.services.lakeformation import names, rules
from twinplane.data_plane.services.lakeformation.names import IAM_ALLOWED_PRINCIPALS, Named
from twinplane.data_plane.services.lakeformation.records import (
    EXPRESSIONS,
    FILTERS,
    GRANTS,
    IDENTITY_CENTER,
    KINDS,
    LOCATIONS,
    OPT_INS,
    SETTINGS,
    TAGGED,
    TAGS,
    default_settings,
    find_data_cells_filter,
    forget,
    grant,
    list_filters,
    name_of,
    on,
    put_data_cells_filter,
    record_creator,
    register_location,
    registered_location,
    remove_data_cells_filter,
    revoke,
    settings,
)
from twinplane.data_plane.services.lakeformation.rules import Grant, Rights, Role, TableAccess, Tags, Target
from twinplane.data_plane.store import Derived, Document, Transaction

__all__ = [
    "EXPRESSIONS", "FILTERS", "GRANTS", "IDENTITY_CENTER", "KINDS", "LOCATIONS", "OPT_INS", "SETTINGS", "TAGGED",
    "TAGS", "default_settings", "find_data_cells_filter", "forget", "grant", "list_filters", "name_of", "on",
    "put_data_cells_filter", "record_creator", "register_location", "registered_location",
    "remove_data_cells_filter", "revoke", "settings",
]  # fmt: skip

Principals = frozenset[str]

_PRINCIPALS = Derived("principals of a caller", (identitystore.MEMBERSHIPS, IDENTITY_CENTER))
_ADMINS = Derived("administrators", (SETTINGS,))
_POLICIES = Derived("grants by tags", (GRANTS, EXPRESSIONS))
_OPTED_IN = Derived("opt-ins", (OPT_INS, iam.ROLES))
_TAGS_OF = Derived("tags of a table", (TAGGED,))
_RIGHTS = Derived("rights", (GRANTS, FILTERS, SETTINGS, EXPRESSIONS, TAGGED, OPT_INS, iam.ROLES))
_RIGHTS_ON_TABLES = Derived("rights on tables", (*_RIGHTS.kinds, glue.TABLES))
_SEEN = Derived(
    "databases that are seen", (GRANTS, FILTERS, SETTINGS, EXPRESSIONS, TAGGED, OPT_INS, glue.TABLES, iam.ROLES)
)

_PROJECT_TAG = "AmazonDataZoneProject"
_FEW = 200  # names that are asked for one by one


def user_principal(user_id: str) -> str:
    """The principal of a person in grants."""
    return f"arn:aws:identitystore:::user/{user_id}"


def group_principal(group_id: str) -> str:
    """The principal of a group of people in grants."""
    return f"arn:aws:identitystore:::group/{group_id}"


def lake_principals(tx: Transaction, principal: Principal, account: str) -> Principals:
    """All principals whose grants count for this caller: the IAM entity, the person it acts for, and her groups.

    Neither person nor groups count while the application of Identity Center is disabled.
    """
    if principal.kind == "Anonymous":
        return frozenset()
    who = (principal.iam_arn, principal.on_behalf_of, account)
    return tx.derived(_PRINCIPALS, who, lambda: _principals_of(tx, *who))


def _principals_of(tx: Transaction, iam_arn: str, person: str | None, account: str) -> Principals:
    found = {iam_arn, f"{account}:IAMPrincipals"}
    application = tx.find(IDENTITY_CENTER, "configuration") or {}
    if person is not None and application.get("ApplicationStatus") != "DISABLED":
        found.add(user_principal(person))
        found.update(group_principal(g) for g in identitystore.group_ids(tx, person))
    return frozenset(found)


def is_admin(tx: Transaction, principals: Principals, *, read_only: bool = False) -> bool:
    """Whether the caller is a data lake administrator (`read_only`: or a read-only one)."""
    lists = ("DataLakeAdmins", "ReadOnlyAdmins") if read_only else ("DataLakeAdmins",)
    return not principals.isdisjoint(tx.derived(_ADMINS, lists, lambda: _listed(tx, lists)))


def _listed(tx: Transaction, lists: tuple[str, ...]) -> frozenset[str]:
    known = settings(tx)
    return frozenset(p["DataLakePrincipalIdentifier"] for member in lists for p in known.get(member) or ())


def role_of(tx: Transaction, principals: Principals) -> Role:
    """Which administrator of the lake the caller is, if any."""
    if is_admin(tx, principals):
        return "administrator"
    return "reader" if is_admin(tx, principals, read_only=True) else None


# The decision


def rights(tx: Transaction, principals: Principals, name: Named, columns: tuple[str, ...] | None = None) -> Rights:
    """What the caller has on a resource: everything else here asks this. `columns` are those of a table, if known."""
    if columns is None and name.kind == "table":
        return tx.derived(_RIGHTS_ON_TABLES, (principals, name), lambda: _rights_on_table(tx, principals, name))
    given = columns or ()
    return tx.derived(_RIGHTS, (principals, name, given), lambda: _rights(tx, principals, name, given))


def _rights_on_table(tx: Transaction, principals: Principals, name: Named) -> Rights:
    found = glue.find_table(tx, name.database, name.table)
    return rights(tx, principals, name, () if found is None else column_names(found))


def _rights(tx: Transaction, principals: Principals, name: Named, columns: tuple[str, ...]) -> Rights:
    found = _grants_on(tx, principals | {IAM_ALLOWED_PRINCIPALS}, name)
    tags: Tags = {}
    column_tags: dict[str, Tags] = {}
    if name.kind in ("database", "table") and name.table != "*":
        policies = _policies(tx, principals, f"{name.kind}_policy")
        if policies:
            found += policies
            tags, column_tags = tags_of(tx, name.database, name.table)
    of_filters = any(g.on.kind == "filter" for g in found) and name.kind == "table"
    filters = {f["Name"]: f for f in list_filters(tx, name.database, name.table)} if of_filters else {}
    target = Target(name, columns, filters, tags, column_tags)
    return rules.decide(found, target, role_of(tx, principals), opted_in=_is_opted_in(tx, principals, name))


def _grants_on(tx: Transaction, principals: Principals, name: Named) -> list[Grant]:
    """The grants that may reach a resource, but for those by tags."""
    where: dict[str, object] = {"principal": sorted(principals)}
    match name.kind:
        case "table":
            where |= {"database": name.database, "table": [name.table, "*"]}
        case "location" | "tag":
            where |= {"type": names.TYPE_OF[name.kind]}
        case _:
            where |= {"resource": name.text}
    return [_grant(g) for g in tx.select(GRANTS, where)]


def _grant(document: Document, expression: names.Expression = ()) -> Grant:
    everyone = document["principal"] == IAM_ALLOWED_PRINCIPALS
    permissions = frozenset(document["Permissions"]), frozenset(document["PermissionsWithGrantOption"])
    return Grant(name_of(document), *permissions, everyone=everyone, expression=expression)


def _policies(tx: Transaction, principals: Principals, kind: str) -> list[Grant]:
    """The grants of these principals by tags on databases or tables; for reading only."""

    def select() -> list[Grant]:
        everyone = sorted(principals | {IAM_ALLOWED_PRINCIPALS})
        found = tx.select(GRANTS, {"principal": everyone, "type": names.TYPE_OF[kind]})
        return [_grant(g, expression_of(tx, name_of(g))) for g in found]

    return tx.derived(_POLICIES, (principals, kind), select)


def expression_of(tx: Transaction, policy: Named) -> names.Expression:
    """What a policy asks of tags; nothing (which no resource meets) when its saved expression is gone."""
    if not policy.name:
        return policy.expression
    saved = tx.find(EXPRESSIONS, policy.name)
    return () if saved is None else names.expression_of(saved["conditions"])


def tags_of(tx: Transaction, database: str, table: str = "") -> tuple[Tags, dict[str, Tags]]:
    """The tags that hold for a database or table, and for each of its columns that has some of its own."""
    return tx.derived(_TAGS_OF, (database, table), lambda: _tags_of(tx, database, table))


def _tags_of(tx: Transaction, database: str, table: str) -> tuple[Tags, dict[str, Tags]]:
    own = {
        (t["table"], t["column"]): t["tags"] for t in tx.select(TAGGED, {"database": database, "table": ["", table]})
    }
    tags = {**own.get(("", ""), {}), **own.get((table, ""), {})}
    columns: dict[str, Tags] = {column: {**tags, **own[of, column]} for of, column in own if column and of == table}
    return tags, columns


def _is_opted_in(tx: Transaction, principals: Principals, name: Named) -> bool:
    opted_in = tx.derived(_OPTED_IN, principals, lambda: _opt_ins(tx, principals))
    every = Named("table", name.database, "*") if name.kind == "table" else name
    return bool(opted_in) and not opted_in.isdisjoint({names.CATALOG.text, name.text, every.text})


def _opt_ins(tx: Transaction, principals: Principals) -> frozenset[str]:
    """What some of these principals opted in to; a role with the tag of a project is, to everything."""
    found = {o["resource"] for o in tx.select(OPT_INS, {"principal": sorted(principals)})}
    roles = (iam.find_role_by_arn(tx, arn) for arn in principals if ":role/" in arn)
    if any(_PROJECT_TAG in role["tags"] for role in roles if role is not None):
        found.add(names.CATALOG.text)
    return frozenset(found)


# Questions


def column_names(table: Document) -> tuple[str, ...]:
    """The names of all columns of a Glue table document, partition keys last, in lower case."""
    columns = [*((table.get("StorageDescriptor") or {}).get("Columns") or ()), *(table.get("PartitionKeys") or ())]
    return tuple([column["Name"].lower() for column in columns])


def table_access(tx: Transaction, principals: Principals, table: Document) -> TableAccess | None:
    """What the caller may read of a Glue table (a document with AWS's `Table` members); None when nothing.

    Resource links are not followed here: ask for the target.
    """
    return _on_table(tx, principals, table).access


def _on_table(tx: Transaction, principals: Principals, table: Document) -> Rights:
    return rights(tx, principals, names.table(table["DatabaseName"], table["Name"]), column_names(table))


def described_columns(tx: Transaction, principals: Principals, table: Document) -> tuple[str, ...] | None:
    """The columns whose names the caller may see in a table's description; None when she may not see the table.

    Whoever may read only some columns sees only those; DESCRIBE alone (and administrators) sees all.
    """
    columns = column_names(table)
    found = rights(tx, principals, names.table(table["DatabaseName"], table["Name"]), columns)
    if found.access is not None and role_of(tx, principals) is None:
        return found.access.columns
    return tuple([c for c in columns if c in found.described]) if found.any else None


def may(tx: Transaction, principals: Principals, resource: Named, permission: str) -> bool:
    """Whether the caller has `permission` on a resource: the one decision for writing data and changing the catalog.

    `resource`: `names.CATALOG` (CREATE_DATABASE), `names.database` (CREATE_TABLE, ALTER, DROP, DESCRIBE), `names.table`
    (INSERT, DELETE, ALTER, DROP, DESCRIBE) or `names.location` (DATA_LOCATION_ACCESS). For reading ask `table_access`;
    SELECT here means every column of every row.
    """
    return permission in rights(tx, principals, resource).permissions


def has_permission(
    tx: Transaction, principals: Principals, permission: str | None, database: str, table: str | None = None,
    *, grantable: bool = False,
) -> bool:  # fmt: skip
    """Whether the caller has `permission` (None: any) on the whole database or table; `grantable`: to pass on.

    SELECT here means all columns and all rows; what filters leave visible is `table_access`.
    """
    found = rights(tx, principals, names.database(database) if table is None else names.table(database, table))
    if permission is None:
        return bool(found.grantable) if grantable else found.any
    return permission in (found.grantable if grantable else found.permissions)


def visible_tables(tx: Transaction, principals: Principals, database: str, table_names: Iterable[str]) -> set[str]:
    """Which of these tables of a database the caller may see exist: those she has any permission on."""
    asked, database = list(table_names), database.lower()
    if is_admin(tx, principals, read_only=True):
        return set(asked)
    candidates = _candidates(tx, principals, database, asked)
    return {name for name in candidates if rights(tx, principals, names.table(database, name)).any}


def _candidates(tx: Transaction, principals: Principals, database: str, asked: list[str]) -> list[str]:
    """Of these tables those that some grant may reach."""
    where: dict[str, object] = {"principal": sorted(principals | {IAM_ALLOWED_PRINCIPALS}), "database": database}
    if len(asked) < _FEW:
        where["table"] = [*(name.lower() for name in asked), "*"]
    granted = {g["table"] for g in tx.select(GRANTS, where)}
    policies = _policies(tx, principals, "table_policy")
    if policies:
        granted.update(tables_with_tags(tx, database, [p.expression for p in policies]))
    return asked if "*" in granted else [name for name in asked if name.lower() in granted]


def tables_with_tags(tx: Transaction, database: str, expressions: Iterable[names.Expression]) -> list[str]:
    """The tables of a database that may have tags, or columns with tags, that meet one of these expressions."""
    of_database, _ = tags_of(tx, database)
    if any(rules.matches(expression, of_database) for expression in expressions):
        return [t["Name"] for t in glue.list_tables(tx, database)]
    return sorted({t["table"] for t in tx.select(TAGGED, {"database": database}) if t["table"]})


def is_database_visible(tx: Transaction, principals: Principals, name: str) -> bool:
    """Whether the caller may see that a database exists: she has some permission on it, or on a table in it."""
    name = name.lower()
    if is_admin(tx, principals, read_only=True):
        return True
    return tx.derived(_SEEN, (principals, name), lambda: _is_seen(tx, principals, name))


def _is_seen(tx: Transaction, principals: Principals, name: str) -> bool:
    if rights(tx, principals, names.database(name)).any:
        return True
    where = {"principal": sorted(principals), "database": name}
    if tx.select(GRANTS, where, limit=1):
        return True
    of_tables = {"principal": IAM_ALLOWED_PRINCIPALS, "database": name, "kind": "table"}
    tables = [g["table"] for g in tx.select(GRANTS, of_tables)]
    policies = _policies(tx, principals, "table_policy")
    if "*" in tables:
        tables = [t["Name"] for t in glue.list_tables(tx, name)]
    elif policies:
        tables += tables_with_tags(tx, name, [p.expression for p in policies])
    return any(rights(tx, principals, names.table(name, table)).any for table in tables)


def visible_databases(tx: Transaction, principals: Principals, database_names: Iterable[str]) -> set[str]:
    """Which of these databases the caller may see exist: those where she has any permission, also on a table."""
    return {name for name in database_names if is_database_visible(tx, principals, name)}
