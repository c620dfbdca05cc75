"""What a subscription's asset is in Lake Formation: permissions on its table, a data cells filter, a resource link.

A grant keeps for each asset what it has added (`GRANTED`), so that ending it takes away exactly that and nothing that
others rely on.
"""

from typing import TYPE_CHECKING

from twinplane.data_plane.call import Request, ServiceError
from twinplane.data_plane.services.datazone import asset_filters, assets, blueprints, data_source_store, store
from twinplane.data_plane.services.datazone.subscription_targets import TARGETS, database_of
from twinplane.data_plane.services.glue import store as glue
from twinplane.data_plane.services.lakeformation import names as lake_names
from twinplane.data_plane.services.lakeformation import store as lake
from twinplane.data_plane.store import Document, Kind, Transaction

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

# What a grant has made for one of its assets. `sourceKey`: the table, as `database.name`.
GRANTED = Kind("datazone_granted_asset", key=("domainId", "grantId", "assetId"), indexes=(("sourceKey",),))


class CannotGrant(Exception):
    """An asset cannot be granted: why, in words for both projects."""


def apply(tx: Transaction, plane: "Plane", grant: Document, shown: Document, now: float) -> Document:
    """Makes the permissions of one asset of a grant (AWS's SubscribedAsset); stores and returns what was made.

    Raises `CannotGrant`; then nothing may be kept of what was done.
    """
    asset = tx.find(assets.ASSETS, grant["domainId"], shown["assetId"])
    imported = None if asset is None else data_source_store.imported_from(tx, asset)
    if asset is None or imported is None:
        raise CannotGrant("The asset is no longer imported by a data source.")
    database, name = imported["databaseName"], imported["tableName"]
    table = glue.find_table(tx, database, name)
    if table is None:
        raise CannotGrant(f"Table {database}.{name} no longer exists.")
    _check_publisher(tx, asset, table)
    effects: list[Document] = []
    made: Document = {
        "domainId": grant["domainId"], "grantId": grant["id"], "assetId": asset["id"], "effects": effects,
        "sourceKey": f"{database}.{name}",
    }  # fmt: skip
    resource, permissions = _table_resource(database, name), ["SELECT", "DESCRIBE"]
    filter_ids = (shown.get("assetScope") or {}).get("filterIds")
    if filter_ids:
        made["filter"] = _put_filter(tx, plane, grant, asset, table, filter_ids)
        resource, permissions = _filter_resource(plane, made["filter"]), ["SELECT"]
    principals = _principals(tx, grant)
    for principal in principals:
        effects.append(_add(tx, principal, resource, permissions, now))
    if grant["projectId"] is not None:
        made["link"] = _link(tx, grant, shown, table, now)
        link = _table_resource(made["link"]["database"], made["link"]["name"])
        effects += [_add(tx, principal, link, ["DESCRIBE"], now) for principal in principals]
    return tx.put(GRANTED, made)


def undo(tx: Transaction, grant: Document, asset_id: str, now: float) -> None:
    """Takes away what was made for one asset of a grant; nothing when nothing was."""
    made = tx.find(GRANTED, grant["domainId"], grant["id"], asset_id)
    if made is None:
        return
    for effect in made["effects"]:
        kept = _hand_over(tx, made, effect)
        gone = [p for p in effect["added"] if p not in kept]
        if gone:
            lake.revoke(tx, principal=effect["principal"], resource=effect["resource"], permissions=gone, now=now)
    cells = made.get("filter")
    if cells is not None:
        lake.remove_data_cells_filter(tx, cells["DatabaseName"], cells["TableName"], cells["Name"])
    link = made.get("link")
    if link is not None:
        table = glue.find_table(tx, link["database"], link["name"])
        if table is not None and (table.get("Parameters") or {}).get("subscriptionGrantId") == grant["id"]:
            glue.remove_table(tx, link["database"], link["name"])
            lake.forget(tx, database=link["database"], table=link["name"])
    tx.remove(GRANTED, *GRANTED.key_of(made))


def _hand_over(tx: Transaction, made: Document, effect: Document) -> set[str]:
    """Which permissions stay because another grant relies on them; that one takes them away when it ends."""
    kept: set[str] = set()
    for other in tx.select(GRANTED, {"sourceKey": made["sourceKey"]}):
        if GRANTED.key_of(other) == GRANTED.key_of(made):
            continue
        for relied in other["effects"]:
            same = (relied["principal"], relied["resource"]) == (effect["principal"], effect["resource"])
            handed = [p for p in effect["added"] if same and p in relied["wanted"] and p not in kept]
            if handed:
                relied["added"] = [*relied["added"], *handed]
                tx.put(GRANTED, other)
                kept |= set(handed)
    return kept


def _check_publisher(tx: Transaction, asset: Document, table: Document) -> None:
    """The publisher must be able to pass the table on: its role, or the manage-access role for a table of its own.

    A project that merely reads a table, as subscribers do, cannot have the manage-access role share it further.
    """
    database, name = table["DatabaseName"], table["Name"]
    role = store.project_role_arn(tx, asset["domainId"], asset["owningProjectId"])
    if role is None:
        raise CannotGrant("The publishing project has no role.")
    own = frozenset({role})
    if lake.table_access(tx, frozenset({lake_names.IAM_ALLOWED_PRINCIPALS}), table) is not None:
        raise CannotGrant(
            f"Table {database}.{name} is not managed by Lake Formation: IAMAllowedPrincipals has permissions on it."
        )
    manager = store.manage_access_role_arn(tx, asset["domainId"], blueprints.get_blueprint("DataLake").id)
    givers = [own]
    if manager is not None and lake.has_permission(tx, own, "ALTER", database, name):
        givers.append(frozenset({manager}))
    if not any(lake.has_permission(tx, giver, "SELECT", database, name, grantable=True) for giver in givers):
        raise CannotGrant(
            f"Neither the publishing project's role {role} nor the manage-access role {manager or '(none)'} holds "
            f"SELECT with grant option on {database}.{name} in Lake Formation."
        )


def _principals(tx: Transaction, grant: Document) -> list[str]:
    """For whom the grant is, as Lake Formation names them. Raises `CannotGrant`."""
    kind, _, identifier = grant["subscriberKey"].partition(":")
    if kind == "project":
        role = store.project_role_arn(tx, grant["domainId"], identifier)
        if role is None:
            raise CannotGrant("The subscribing project has no role.")
        return [role]
    if kind == "group":
        return [lake.group_principal(identifier)]
    if kind == "iam":
        return [identifier]
    profile = tx.find(store.USER_PROFILES, grant["domainId"], identifier) or {}
    arn = profile.get("details", {}).get("iam", {}).get("arn")
    return [lake.user_principal(identifier) if arn is None else str(arn)]


def _put_filter(
    tx: Transaction, plane: "Plane", grant: Document, asset: Document, table: Document, filter_ids: list[str]
) -> Document:
    """Makes the one data cells filter that the chosen asset filters amount to."""
    storage = table.get("StorageDescriptor") or {}
    listed = [*(storage.get("Columns") or ()), *(table.get("PartitionKeys") or ())]
    columns = {str(c["Name"]): str(c.get("Type") or "string") for c in listed}
    try:
        chosen = [asset_filters.effective(asset_filters.asset_filter(tx, asset, i), columns) for i in filter_ids]
    except (asset_filters.NotApplicable, ServiceError) as error:
        raise CannotGrant(f"A filter does not fit the table: {error}") from None
    shown, rows = asset_filters.combined(chosen, columns)
    document: Document = {
        "TableCatalogId": plane.settings.account_id, "DatabaseName": table["DatabaseName"],
        "TableName": table["Name"], "Name": _filter_name(grant, asset),
        "RowFilter": {"AllRowsWildcard": {}} if rows is None else {"FilterExpression": rows},
    }  # fmt: skip
    if any("effectiveColumnNames" in each for each in chosen):  # those alone, whatever the table gets one day
        document["ColumnNames"] = shown
    else:
        document["ColumnWildcard"] = {"ExcludedColumnNames": []}
    return lake.put_data_cells_filter(tx, document)


def _link(tx: Transaction, grant: Document, shown: Document, table: Document, now: float) -> dict[str, str]:
    """Makes the resource link by which a subscribing project sees the table in its own database."""
    target = tx.find(TARGETS, grant["domainId"], grant["environmentId"], grant["subscriptionTargetId"])
    database = None if target is None else database_of(target)
    role = store.project_role_arn(tx, grant["domainId"], grant["projectId"])
    if database is None or glue.find_database(tx, database) is None:
        raise CannotGrant(f"The subscription target's database {database or ''} does not exist.")
    if role is None or not lake.has_permission(tx, frozenset({role}), "CREATE_TABLE", database):
        raise CannotGrant(f"The subscribing project's role may not create tables in {database}.")
    wanted = str(shown.get("targetName") or table["Name"]).lower()
    name = wanted if glue.find_table(tx, database, wanted) is None else f"{wanted}_{grant['id'][:6]}"
    source = {"CatalogId": table["CatalogId"], "DatabaseName": table["DatabaseName"], "Name": table["Name"]}
    link: Request = {"Name": name, "TargetTable": source, "Parameters": {"subscriptionGrantId": grant["id"]}}
    glue.create_table(tx, database, link, now, created_by=(target or {}).get("manageAccessRole"))
    return {"database": database, "name": name}


def _add(tx: Transaction, principal: str, resource: Document, permissions: list[str], now: float) -> Document:
    """Gives permissions; the effect it returns tells which of them were not there before."""
    known = tx.find(lake.GRANTS, principal, lake_names.named(resource).text)
    added = [p for p in permissions if known is None or p not in known["Permissions"]]
    if added:
        lake.grant(tx, principal=principal, resource=resource, permissions=added, now=now)
    return {"principal": principal, "resource": resource, "wanted": permissions, "added": added}


def _filter_name(grant: Document, asset: Document) -> str:
    """Of a grant of one asset, its name has always been the grant's; several assets may be of one table."""
    return f"datazone_{grant['id']}" + (f"_{asset['id']}" if len(grant["assets"]) > 1 else "")


def _table_resource(database: str, name: str) -> Document:
    return {"Table": {"DatabaseName": database, "Name": name}}


def _filter_resource(plane: "Plane", cells: Document) -> Document:
    named = {k: cells[k] for k in ("DatabaseName", "TableName", "Name")}
    return {"DataCellsFilter": {"TableCatalogId": plane.settings.account_id, **named}}
