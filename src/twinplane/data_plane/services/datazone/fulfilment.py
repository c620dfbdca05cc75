"""Fulfilment: a subscription grant becomes Lake Formation permissions, and is undone when it ends.

Only tables that a data source imported are fulfilled here; for other assets somebody else acts and reports through
UpdateSubscriptionGrantStatus. All that a grant changes, and the status that says so, is one transaction. A grant keeps
what it has added, so that ending it takes away exactly that and nothing that others rely on.
"""

from typing import TYPE_CHECKING, Any

from twinplane.data_plane.call import Request, ServiceError
from twinplane.data_plane.services.datazone import (
    asset_filters,
    assets,
    blueprints,
    data_source_store,
    events,
    store,
    subscription_lists,
)
from twinplane.data_plane.services.datazone.subscription_targets import TARGETS, database_of
from twinplane.data_plane.services.glue import store as glue
from twinplane.data_plane.services.lakeformation import rules as lake_rules
from twinplane.data_plane.services.lakeformation import store as lake
from twinplane.data_plane.store import Document, Kind, Transaction
from twinplane.data_plane.tasks import TaskKind, enqueue

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

GRANTS = Kind(
    "datazone_subscription_grant",
    key=("domainId", "id"),
    indexes=(
        *subscription_lists.indexes(("environmentId",), ("subscriptionTargetId",), status=False),
        ("domainId", "subscriptionId"),
        ("sourceKey",),
        ("domainId", "projectId"),
    ),
)
SUBSCRIPTIONS = Kind(
    "datazone_subscription",
    key=("domainId", "id"),
    indexes=(*subscription_lists.indexes(status=True), ("domainId", "subscriptionRequestId")),
)
KINDS = [GRANTS, SUBSCRIPTIONS]

_OVERALL = {
    "GRANT_PENDING": "PENDING", "GRANT_IN_PROGRESS": "IN_PROGRESS", "GRANTED": "COMPLETED",
    "GRANT_FAILED": "GRANT_FAILED", "REVOKE_PENDING": "PENDING", "REVOKE_IN_PROGRESS": "IN_PROGRESS",
    "REVOKED": "COMPLETED", "REVOKE_FAILED": "REVOKE_FAILED",
}  # fmt: skip


class CannotGrant(Exception):
    """A grant cannot be fulfilled: why, in words for both projects."""


def put_status(tx: Transaction, grant: Document, status: str, now: float, **asset: Any) -> Document:
    """Stores a grant with its asset in this status."""
    changed = grant["assets"][0] | {"status": status} | asset
    if status not in ("GRANT_FAILED", "REVOKE_FAILED"):
        changed = {k: v for k, v in changed.items() if k not in ("failureCause", "failureTimestamp")}
    document = grant | {"assets": [changed], "status": _OVERALL[status], "updatedAt": now}
    return tx.put(GRANTS, document)


def ask(tx: Transaction, plane: "Plane", grant: Document) -> None:
    """Has a grant fulfilled, when that is this service's to do."""
    if grant["managed"]:
        enqueue(tx, plane, "datazone.grant", grant["id"], domain=grant["domainId"])


def end(tx: Transaction, plane: "Plane", grant: Document, *, delete: bool = False) -> Document:
    """Has a grant undone, and then removed when `delete`."""
    status = grant["assets"][0]["status"]
    grant = grant | {"deleting": delete or grant.get("deleting", False)}
    if not grant["managed"] and status in ("GRANT_PENDING", "GRANT_FAILED", "REVOKED"):
        grant = put_status(tx, grant, "REVOKED", plane.clock())  # nobody has granted anything
        if grant["deleting"]:
            tx.remove(GRANTS, grant["domainId"], grant["id"])
        return grant
    grant = put_status(tx, grant, "REVOKE_PENDING", plane.clock())
    events.tell_of_grant(tx, plane, "Revoke Requested", grant)
    if grant["managed"]:
        enqueue(tx, plane, "datazone.revoke", grant["id"], domain=grant["domainId"])
    return grant


async def _grant(plane: "Plane", task: Document) -> None:
    await plane.store.write(lambda tx: _move(tx, task, "GRANT_PENDING", "GRANT_IN_PROGRESS", plane.clock()))
    await plane.store.write(lambda tx: _fulfil(tx, plane, task))


async def _revoke(plane: "Plane", task: Document) -> None:
    await plane.store.write(lambda tx: _move(tx, task, "REVOKE_PENDING", "REVOKE_IN_PROGRESS", plane.clock()))
    await plane.store.write(lambda tx: _undo(tx, plane, task))


def _move(tx: Transaction, task: Document, before: str, after: str, now: float) -> None:
    grant = _grant_of(tx, task)
    if grant is not None and grant["assets"][0]["status"] == before:
        put_status(tx, grant, after, now)


def _grant_of(tx: Transaction, task: Document) -> Document | None:
    return tx.find(GRANTS, task["payload"]["domain"], task["subject"])


def _fulfil(tx: Transaction, plane: "Plane", task: Document) -> None:
    grant = _grant_of(tx, task)
    if grant is None or grant["assets"][0]["status"] != "GRANT_IN_PROGRESS":
        return
    subscription = tx.find(SUBSCRIPTIONS, grant["domainId"], grant["subscriptionId"])
    if subscription is None or subscription["status"] != "APPROVED":
        put_status(tx, grant, "REVOKED", plane.clock())
        return
    now = plane.clock()
    try:
        with tx.savepoint():
            done = _apply(tx, plane, grant, subscription, now)
    except CannotGrant as error:
        failure = {"failureCause": {"message": str(error)}, "failureTimestamp": now}
        events.tell_of_grant(tx, plane, "Failed", put_status(tx, grant, "GRANT_FAILED", now, **failure))
        return
    shown = {"grantedTimestamp": now} | ({"targetName": done["link"]["name"]} if done.get("link") else {})
    events.tell_of_grant(tx, plane, "Completed", put_status(tx, grant | done, "GRANTED", now, **shown))


def _apply(tx: Transaction, plane: "Plane", grant: Document, subscription: Document, now: float) -> dict[str, Any]:
    """Makes the permissions of a grant; returns what was made. Raises `CannotGrant`."""
    asset = tx.find(assets.ASSETS, grant["domainId"], grant["assets"][0]["assetId"])
    imported = None if asset is None else data_source_store.imported_from(tx, asset)
    if asset is None or imported is None:
        raise CannotGrant("The asset is no longer imported by a data source.")
    database, name = imported["databaseName"], imported["tableName"]
    table = glue.find_table(tx, database, name)
    if table is None:
        raise CannotGrant(f"Table {database}.{name} no longer exists.")
    _check_publisher(tx, asset, table)
    effects: list[Document] = []
    made: dict[str, Any] = {"effects": effects, "sourceKey": f"{database}.{name}"}
    resource, permissions = _table_resource(database, name), ["SELECT", "DESCRIBE"]
    scope = subscription["subscribedListing"]["item"]["assetListing"].get("assetScope") or {}
    if scope.get("filterIds"):
        made["filter"] = _put_filter(tx, plane, grant, asset, table, scope["filterIds"])
        resource, permissions = _filter_resource(plane, made["filter"]), ["SELECT"]
    principals = _principals(tx, grant)
    for principal in principals:
        effects.append(_add(tx, principal, resource, permissions, now))
    if grant["projectId"] is not None:
        made["link"] = _link(tx, grant, table, now)
        link = _table_resource(made["link"]["database"], made["link"]["name"])
        effects += [_add(tx, principal, link, ["DESCRIBE"], now) for principal in principals]
    return made


def _check_publisher(tx: Transaction, asset: Document, table: Document) -> None:
    """The publisher must be able to pass the table on: its role, or the manage-access role for a table of its own.

    A project that merely reads a table, as subscribers do, cannot have the manage-access role share it further.
    """
    database, name = table["DatabaseName"], table["Name"]
    role = store.project_role_arn(tx, asset["domainId"], asset["owningProjectId"])
    if role is None:
        raise CannotGrant("The publishing project has no role.")
    own = frozenset({role})
    read = lake.table_access(tx, own, table)
    if read is not None and read.by_iam:
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
        "TableName": table["Name"], "Name": f"datazone_{grant['id']}",
        "RowFilter": {"AllRowsWildcard": {}} if rows is None else {"FilterExpression": rows},
    }  # fmt: skip
    if len(shown) < len(columns):
        document["ColumnNames"] = shown
    else:
        document["ColumnWildcard"] = {"ExcludedColumnNames": []}
    return lake.put_data_cells_filter(tx, document)


def _link(tx: Transaction, grant: Document, table: Document, now: float) -> dict[str, str]:
    """Makes the resource link by which a subscribing project sees the table in its own database."""
    target = tx.find(TARGETS, grant["domainId"], grant["environmentId"], grant["subscriptionTargetId"])
    database = None if target is None else database_of(target)
    role = store.project_role_arn(tx, grant["domainId"], grant["projectId"])
    if database is None or glue.find_database(tx, database) is None:
        raise CannotGrant(f"The subscription target's database {database or ''} does not exist.")
    if role is None or not lake.has_permission(tx, frozenset({role}), "CREATE_TABLE", database):
        raise CannotGrant(f"The subscribing project's role may not create tables in {database}.")
    wanted = str(grant["assets"][0].get("targetName") or table["Name"]).lower()
    name = wanted if glue.find_table(tx, database, wanted) is None else f"{wanted}_{grant['id'][:6]}"
    source = {"CatalogId": table["CatalogId"], "DatabaseName": table["DatabaseName"], "Name": table["Name"]}
    link: Request = {"Name": name, "TargetTable": source, "Parameters": {"subscriptionGrantId": grant["id"]}}
    glue.create_table(tx, database, link, now, created_by=(target or {}).get("manageAccessRole"))
    return {"database": database, "name": name}


def _add(tx: Transaction, principal: str, resource: Document, permissions: list[str], now: float) -> Document:
    """Gives permissions; the effect it returns tells which of them were not there before."""
    known = tx.find(lake.GRANTS, principal, lake_rules.named(resource).text)
    added = [p for p in permissions if known is None or p not in known["Permissions"]]
    if added:
        lake.grant(tx, principal=principal, resource=resource, permissions=added, now=now)
    return {"principal": principal, "resource": resource, "wanted": permissions, "added": added}


def _undo(tx: Transaction, plane: "Plane", task: Document) -> None:
    grant = _grant_of(tx, task)
    if grant is None or grant["assets"][0]["status"] != "REVOKE_IN_PROGRESS":
        return
    now = plane.clock()
    for effect in grant.get("effects", ()):
        kept = _hand_over(tx, grant, effect)
        gone = [p for p in effect["added"] if p not in kept]
        if gone:
            lake.revoke(tx, principal=effect["principal"], resource=effect["resource"], permissions=gone, now=now)
    cells = grant.get("filter")
    if cells is not None:
        lake.remove_data_cells_filter(tx, cells["DatabaseName"], cells["TableName"], cells["Name"])
    link = grant.get("link")
    if link is not None:
        table = glue.find_table(tx, link["database"], link["name"])
        if table is not None and (table.get("Parameters") or {}).get("subscriptionGrantId") == grant["id"]:
            glue.remove_table(tx, link["database"], link["name"])
            lake.forget(tx, database=link["database"], table=link["name"])
    ended = {k: v for k, v in grant.items() if k not in ("effects", "filter", "link", "sourceKey")}
    events.tell_of_grant(tx, plane, "Revoke Completed", put_status(tx, ended, "REVOKED", now))
    if grant.get("deleting"):
        tx.remove(GRANTS, grant["domainId"], grant["id"])


def _hand_over(tx: Transaction, grant: Document, effect: Document) -> set[str]:
    """Which permissions stay because another grant relies on them; that one takes them away when it ends."""
    kept: set[str] = set()
    for other in tx.select(GRANTS, {"sourceKey": grant.get("sourceKey")}):
        if other["id"] == grant["id"]:
            continue
        for relied in other.get("effects", ()):
            same = (relied["principal"], relied["resource"]) == (effect["principal"], effect["resource"])
            handed = [p for p in effect["added"] if same and p in relied["wanted"] and p not in kept]
            if handed:
                relied["added"] = [*relied["added"], *handed]
                tx.put(GRANTS, other)
                kept |= set(handed)
    return kept


def _table_resource(database: str, name: str) -> Document:
    return {"Table": {"DatabaseName": database, "Name": name}}


def _filter_resource(plane: "Plane", cells: Document) -> Document:
    named = {k: cells[k] for k in ("DatabaseName", "TableName", "Name")}
    return {"DataCellsFilter": {"TableCatalogId": plane.settings.account_id, **named}}


def _grant_failed(tx: Transaction, task: Document, reason: str) -> None:
    _failed(tx, task, "GRANT_FAILED", reason)


def _revoke_failed(tx: Transaction, task: Document, reason: str) -> None:
    _failed(tx, task, "REVOKE_FAILED", reason)


def _failed(tx: Transaction, task: Document, status: str, reason: str) -> None:
    grant = _grant_of(tx, task)
    if grant is not None:
        cause = {"failureCause": {"message": reason}, "failureTimestamp": task["due_at"]}
        put_status(tx, grant, status, task["due_at"], **cause)


TASKS = {
    "datazone.grant": TaskKind(_grant, _grant_failed),
    "datazone.revoke": TaskKind(_revoke, _revoke_failed),
}
