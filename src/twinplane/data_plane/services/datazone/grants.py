"""Subscription grants: that a subscription's asset is really reachable for its principal, and how far that has come."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from twinplane.data_plane.call import Answer, Call, Operation, Request, new_id, reads, writes
from twinplane.data_plane.services.datazone import (
    access,
    assets,
    data_source_store,
    events,
    fulfilment,
    rules,
    store,
    subscribed_listings,
    subscribers,
    subscription_lists,
    subscription_targets,
)
from twinplane.data_plane.services.datazone.fulfilment import GRANTS, SUBSCRIPTIONS
from twinplane.data_plane.services.datazone.paging import answer
from twinplane.data_plane.store import Document, Transaction

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

# What stands for a target in grants to people and roles: they need no place in a project's environment.
NO_TARGET = "direct"

_MEMBERS = (
    "id", "createdBy", "updatedBy", "domainId", "createdAt", "updatedAt", "environmentId", "subscriptionTargetId",
    "grantedEntity", "status", "assets", "subscriptionId",
)  # fmt: skip
_LIVE = ("GRANT_PENDING", "GRANT_IN_PROGRESS", "GRANTED", "GRANT_FAILED")
_MOMENTS = {
    "GRANTED": "Completed", "GRANT_FAILED": "Failed", "REVOKED": "Revoke Completed", "REVOKE_FAILED": "Revoke Failed",
}  # fmt: skip
_ENDING = ("REVOKED", "REVOKE_PENDING", "REVOKE_IN_PROGRESS")


def create_subscription_grant(call: Call, request: Request) -> Answer:
    """Grants an approved subscription in one more environment of the subscribing project."""
    domain_id = request["domainIdentifier"]
    environment = store.get_environment(call.tx, domain_id, request["environmentIdentifier"])
    project_id = environment["projectId"]
    of = ("Environment", environment["id"])
    who = access.require_project_role(call, domain_id, project_id, of=of)
    _, entity = rules.exactly_one(request["grantedEntity"], "grantedEntity")
    where = {
        "domainId": domain_id, "subscriberKey": f"project:{project_id}", "listingId": entity["identifier"],
        "status": "APPROVED",
    }  # fmt: skip
    subscription = call.tx.first(SUBSCRIPTIONS, where)
    if subscription is None:
        raise rules.invalid("The environment's project has no approved subscription to this listing.")
    target = _chosen_target(call, environment, request.get("subscriptionTargetIdentifier"), subscription)
    listing = subscription["subscribedListing"]
    if entity["revision"] != listing["revision"]:
        raise rules.invalid(f"The subscription is to revision {listing['revision']} of the listing.")
    for other in _of_subscription(call.tx, subscription):
        live = any(asset["status"] in _LIVE for asset in other["assets"])
        if other["subscriptionTargetId"] == target["id"] and live:
            raise rules.conflict(f"The subscription is granted in this target already: {other['id']}.")
    names = {n["assetId"]: n["targetName"] for n in request.get("assetTargetNames") or []}
    grant = _add(call.tx, call.plane, subscription, target, who.id, call.now, names)
    return store.pick(grant, _MEMBERS)


def get_subscription_grant(call: Call, request: Request) -> Answer:
    """A grant, for the members of both sides."""
    who = access.caller(call, request["domainIdentifier"])
    grant = _grant(call, request)
    if not subscribers.sides(call.tx, who).may_see(grant):
        raise store.not_found("Subscription grant", grant["id"])
    return store.pick(grant, _MEMBERS)


def list_subscription_grants(call: Call, request: Request) -> Answer:
    """The grants that the caller may see."""
    filters = {
        "environmentId": "environmentId", "subscriptionTargetId": "subscriptionTargetId",
        "subscribedListingId": "listingId", "subscriptionId": "subscriptionId",
    }  # fmt: skip
    rows, token = subscription_lists.list_page(call, request, GRANTS, filters, "GetSubscriptionGrant")
    return answer([store.pick(d, _MEMBERS) for d in rows], token)


def delete_subscription_grant(call: Call, request: Request) -> Answer:
    """Undoes and removes a grant, once its subscription has ended or its environment is to do without it."""
    domain_id = request["domainIdentifier"]
    who = access.caller(call, domain_id)
    grant = _grant(call, request)
    _require_side(call, who, grant)
    ended = fulfilment.end(call.tx, call.plane, grant | {"updatedBy": who.id}, delete=True)
    return store.pick(ended, _MEMBERS)


def update_subscription_grant_status(call: Call, request: Request) -> Answer:
    """Reports what was done for an asset that nobody grants automatically.

    For an automatic grant that failed, the status GRANT_PENDING has it tried again.
    """
    domain_id = request["domainIdentifier"]
    who = access.caller(call, domain_id)
    grant = _grant(call, request)
    _require_side(call, who, grant)
    asset_id, status = request["assetIdentifier"], request["status"]
    before = next((asset["status"] for asset in grant["assets"] if asset["assetId"] == asset_id), None)
    if before is None:
        raise store.not_found("Asset of the grant", asset_id)
    if asset_id in grant["managed"] and (status, before) != ("GRANT_PENDING", "GRANT_FAILED"):
        raise rules.conflict("This asset is granted automatically; its status is not set from outside.")
    if status in _LIVE and before in _ENDING:
        raise rules.conflict("The asset is to be granted no more: its subscription or its grant has ended.")
    shown = store.pick(request, ("failureCause", "targetName"))
    if status == "GRANTED":
        shown["grantedTimestamp"] = call.now
    if status in ("GRANT_FAILED", "REVOKE_FAILED"):
        shown["failureTimestamp"] = call.now
    document = fulfilment.put_status(call.tx, grant | {"updatedBy": who.id}, asset_id, status, call.now, **shown)
    if asset_id in grant["managed"]:
        fulfilment.ask(call.tx, call.plane, document)
    elif status in _MOMENTS:
        events.tell_of_grant(call.tx, call.plane, _MOMENTS[status], document, asset_id)
    fulfilment.remove_when_undone(call.tx, document)
    return store.pick(document, _MEMBERS)


def grant_subscription(tx: Transaction, plane: "Plane", subscription: Document, by: str, now: float) -> None:
    """Makes the grants an approved subscription begins with: one for a person, group or role; for a project one in each
    automatic target that takes the asset."""
    kind, _, identifier = subscription["subscriberKey"].partition(":")
    if kind != "project":
        _add(tx, plane, subscription, None, by, now, {})
        return
    types = _types(subscription)
    for target in subscription_targets.targets_of_project(tx, subscription["domainId"], identifier, now):
        taken = any(subscription_targets.takes(target, asset_type) for asset_type in types.values())
        if target["subscriptionGrantCreationMode"] == "AUTOMATIC" and taken:
            _add(tx, plane, subscription, target, by, now, {})


def end_grants(tx: Transaction, plane: "Plane", subscription: Document) -> None:
    """Has every grant of a subscription undone."""
    for grant in _of_subscription(tx, subscription):
        if any(asset["status"] not in _ENDING for asset in grant["assets"]):
            fulfilment.end(tx, plane, grant)


def _add(
    tx: Transaction,
    plane: "Plane",
    subscription: Document,
    target: Document | None,
    by: str,
    now: float,
    names: dict[str, str],
) -> Document:
    taken = {i: t for i, t in _types(subscription).items() if target is None or subscription_targets.takes(target, t)}
    grant = new_grant(subscription, target, taken, names, by, now)
    grant["managed"] = _managed(tx, grant["domainId"], taken)
    tx.add(GRANTS, grant)
    _ask(tx, plane, grant, taken)
    return grant


def _ask(tx: Transaction, plane: "Plane", grant: Document, asset_ids: Iterable[str]) -> None:
    for asset_id in asset_ids:
        events.tell_of_grant(tx, plane, "Requested", grant, asset_id)
    fulfilment.ask(tx, plane, grant)


def _managed(tx: Transaction, domain_id: str, asset_ids: Iterable[str]) -> list[str]:
    """Those of the assets that a data source imported."""
    known = {asset_id: tx.find(assets.ASSETS, domain_id, asset_id) for asset_id in asset_ids}
    return [i for i, a in known.items() if a is not None and data_source_store.imported_from(tx, a) is not None]


def follow_product(tx: Transaction, plane: "Plane", before: Document, subscription: Document, now: float) -> None:
    """Has the grants of a subscription to a data product be of the assets that it has now; it had those of `before`.

    What is new is granted where the product is granted, and in automatic targets that took nothing of it before.
    """
    by, had = subscription["updatedBy"], _types(before)
    grants = _of_subscription(tx, subscription)
    for grant in grants:
        if any(asset["status"] not in _ENDING for asset in grant["assets"]):
            _follow(tx, plane, grant, subscription, now)
    kind, _, identifier = subscription["subscriberKey"].partition(":")
    for target in (
        subscription_targets.targets_of_project(tx, subscription["domainId"], identifier, now)
        if kind == "project"
        else ()
    ):
        took = any(subscription_targets.takes(target, asset_type) for asset_type in had.values())
        takes = any(subscription_targets.takes(target, asset_type) for asset_type in _types(subscription).values())
        is_granted = any(grant["subscriptionTargetId"] == target["id"] for grant in grants)
        if target["subscriptionGrantCreationMode"] == "AUTOMATIC" and takes and not took and not is_granted:
            _add(tx, plane, subscription, target, by, now, {})


def _follow(tx: Transaction, plane: "Plane", grant: Document, subscription: Document, now: float) -> None:
    known = {asset["assetId"]: asset for asset in grant["assets"]}
    key = (grant["domainId"], grant["environmentId"], grant["subscriptionTargetId"])
    target = None if key[2] == NO_TARGET else tx.find(subscription_targets.TARGETS, *key)
    types = _types(subscription)
    if target is not None:
        types = {i: t for i, t in types.items() if subscription_targets.takes(target, t)}
    elif key[2] != NO_TARGET:  # nothing says what more a target would take that is gone
        types = {i: t for i, t in types.items() if i in known}
    wanted = new_grant(subscription, target, types, {}, subscription["updatedBy"], now)
    gone = [asset_id for asset_id, asset in known.items() if asset_id not in types and asset["status"] != "REVOKED"]
    fresh = [i for i in types if i not in known or known[i]["status"] in _ENDING]
    for asset_id in set(fresh) & set(known):
        fulfilment.forget(tx, grant, asset_id, now)  # its revocation may be under way still
    kept = [
        asset if asset["assetId"] in fresh else known[asset["assetId"]] | store.pick(asset, ("assetRevision",))
        for asset in wanted["assets"]
    ]
    grant |= {
        "assets": [*kept, *(known[asset_id] for asset_id in gone)], "grantedEntity": wanted["grantedEntity"],
        "assetTypes": grant["assetTypes"] | types, "updatedAt": now, "updatedBy": subscription["updatedBy"],
        "managed": list(dict.fromkeys([*grant["managed"], *_managed(tx, grant["domainId"], fresh)])),
    }  # fmt: skip
    grant["status"] = fulfilment.overall_status([asset["status"] for asset in grant["assets"]])
    tx.put(GRANTS, grant)
    grant = fulfilment.end_assets(tx, plane, grant, gone)
    if fresh:
        _ask(tx, plane, grant, fresh)


def new_grant(
    subscription: Document, target: Document | None, types: dict[str, str], names: dict[str, str], by: str, now: float
) -> Document:
    """A grant of a subscription's assets (their types by id) in a target, that nothing is done for yet."""
    listing = subscription["subscribedListing"]
    scopes = {scope["assetId"]: scope for scope in subscription["scopes"]}
    shown = [
        {
            "assetId": entity["entityId"], "assetRevision": entity["entityRevision"], "status": "GRANT_PENDING",
            "targetName": names.get(entity["entityId"]), "assetScope": scopes.get(entity["entityId"]),
            "permissions": subscription["permissions"].get(entity["entityId"]),
        }
        for entity in subscribed_listings.entities(listing) if entity["entityId"] in types
    ]  # fmt: skip
    return {
        "domainId": subscription["domainId"], "id": new_id(), "createdBy": by, "updatedBy": by, "createdAt": now,
        "updatedAt": now, "environmentId": target["environmentId"] if target else None,
        "projectId": target["projectId"] if target else None,
        "subscriptionTargetId": target["id"] if target else NO_TARGET,
        "grantedEntity": {"listing": {"id": listing["id"], "revision": listing["revision"]}}, "status": "PENDING",
        "assets": [{k: v for k, v in asset.items() if v is not None} for asset in shown],
        "subscriptionId": subscription["id"], "listingId": listing["id"], "assetTypes": types,
        "subscriberKey": subscription["subscriberKey"], "ownerProjectId": subscription["ownerProjectId"],
        "managed": [],
    }  # fmt: skip


def _types(subscription: Document) -> dict[str, str]:
    return {e["entityId"]: e["entityType"] for e in subscribed_listings.entities(subscription["subscribedListing"])}


def _of_subscription(tx: Transaction, subscription: Document) -> list[Document]:
    return tx.select(GRANTS, {"domainId": subscription["domainId"], "subscriptionId": subscription["id"]})


def _chosen_target(call: Call, environment: Document, identifier: str | None, subscription: Document) -> Document:
    if identifier is not None:
        return subscription_targets.target(call.tx, environment, identifier)
    types, project = _types(subscription).values(), (environment["domainId"], environment["projectId"])
    for target in subscription_targets.targets_of_project(call.tx, *project, call.now):
        taken = any(subscription_targets.takes(target, asset_type) for asset_type in types)
        if target["environmentId"] == environment["id"] and taken:
            return target
    raise rules.invalid("The environment has no subscription target for this type of asset.")


def _grant(call: Call, request: Request) -> Document:
    return store.found(call.tx, GRANTS, "Subscription grant", request["domainIdentifier"], request["identifier"])


def _require_side(call: Call, who: access.Caller, grant: Document) -> None:
    """The caller must stand on a side that the table of rights names for the operation."""
    sides = subscribers.sides(call.tx, who)
    if not sides.may_see(grant):
        raise store.not_found("Subscription grant", grant["id"])
    if not sides.may(call.operation, grant):
        raise access.denied(call)


OPERATIONS: dict[str, Operation] = {
    "CreateSubscriptionGrant": writes(create_subscription_grant, access.allowed("CreateSubscriptionGrant")),
    "GetSubscriptionGrant": reads(get_subscription_grant, access.allowed("GetSubscriptionGrant")),
    "ListSubscriptionGrants": reads(list_subscription_grants, access.allowed("ListSubscriptionGrants")),
    "DeleteSubscriptionGrant": writes(delete_subscription_grant, access.allowed("DeleteSubscriptionGrant")),
    "UpdateSubscriptionGrantStatus": writes(
        update_subscription_grant_status, access.allowed("UpdateSubscriptionGrantStatus")
    ),
}
NOTES = {
    "CreateSubscriptionGrant": "Glue tables that a data source imported are granted in Lake Formation; every other "
    "asset waits for UpdateSubscriptionGrantStatus. A grant's status is never INACCESSIBLE.",
}
ASSUMED = {
    "CreateSubscriptionGrant": "Where the subscriber's database has a table of the wanted name, the link's name gets "
    "the beginning of the grant's id.",
    "GetSubscriptionGrant": "The grant of a subscription of a person, a group or an IAM principal has the "
    "subscriptionTargetId direct.",
    "DeleteSubscriptionGrant": "A grant of an asset that others grant is removed when they report REVOKED.",
    "UpdateSubscriptionGrantStatus": "GRANT_PENDING has a grant that failed in Lake Formation tried again; no other "
    "status of it is set from outside.",
}
