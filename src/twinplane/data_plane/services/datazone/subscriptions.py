"""Subscription requests, their decision, and the subscriptions that come of it."""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, new_id, reads, writes
from twinplane.data_plane.services.datazone import (
    access,
    asset_filters,
    assets,
    events,
    grants,
    listings,
    metadata_rules,
    rules,
    store,
    subscribers,
    subscription_lists,
)
from twinplane.data_plane.services.datazone import types as asset_types
from twinplane.data_plane.services.datazone.fulfilment import SUBSCRIPTIONS
from twinplane.data_plane.services.datazone.paging import answer
from twinplane.data_plane.store import Document, Kind, Transaction

REQUESTS = Kind(
    "datazone_subscription_request",
    key=("domainId", "id"),
    indexes=subscription_lists.indexes(status=True),
)
KINDS = [REQUESTS]

MAX_FILTERS = 5
_FILTERS = {"status": "status", "subscribedListingId": "listingId", "approverProjectId": "ownerProjectId"}
_REQUEST = (
    "id", "createdBy", "updatedBy", "domainId", "status", "createdAt", "updatedAt", "requestReason",
    "subscribedPrincipals", "subscribedListings", "reviewerId", "decisionComment", "existingSubscriptionId",
    "metadataForms",
)  # fmt: skip
_SUBSCRIPTION = (
    "id", "createdBy", "updatedBy", "domainId", "status", "createdAt", "updatedAt", "subscribedPrincipal",
    "subscribedListing", "subscriptionRequestId", "retainPermissions",
)  # fmt: skip


def create_subscription_request(call: Call, request: Request) -> Answer:
    """Asks for a published listing, for a project, a person, a group or an IAM principal."""
    tx, domain_id = call.tx, request["domainIdentifier"]
    who = access.caller(call, domain_id)
    if len(request["subscribedPrincipals"]) != 1 or len(request["subscribedListings"]) != 1:
        raise rules.invalid("A request is for one principal and one listing.")
    key, principal = subscribers.resolve(call, domain_id, request["subscribedPrincipals"][0], who)
    listing = listings.listing(tx, domain_id, request["subscribedListings"][0]["identifier"])
    if listing["status"] != "ACTIVE":
        raise rules.invalid(f"Listing {listing['id']} is not published.")
    if listing["entityType"] != assets.ASSET:
        raise rules.invalid("Data products cannot be subscribed to here.")
    if key == f"project:{listing['owningProjectId']}":
        raise rules.invalid("A project cannot subscribe to its own listing.")
    if request.get("assetPermissions"):
        raise rules.invalid("assetPermissions are for Amazon S3 assets, which cannot be subscribed to here.")
    where = {"domainId": domain_id, "subscriberKey": key, "listingId": listing["id"]}
    pending = tx.first(REQUESTS, where | {"status": "PENDING"})
    if pending is not None:
        raise rules.conflict(f"There is a pending request for this already: {pending['id']}.")
    approved = tx.first(SUBSCRIPTIONS, where | {"status": "APPROVED"})
    if approved is not None:
        raise rules.conflict(f"There is a subscription for this already: {approved['id']}.")
    forms = [asset_types.check_form(tx, domain_id, form) for form in request.get("metadataForms") or []]
    metadata_rules.check(tx, domain_id, metadata_rules.SUBSCRIBE, listing, forms, [])
    document: Document = {
        "domainId": domain_id, "id": new_id(), "status": "PENDING", "createdAt": call.now, "createdBy": who.id,
        "updatedAt": call.now, "updatedBy": who.id, "requestReason": request["requestReason"],
        "subscribedPrincipals": [principal], "subscribedListings": [_subscribed(tx, listing)],
        "metadataForms": forms, "subscriberKey": key, "listingId": listing["id"],
        "ownerProjectId": listing["owningProjectId"],
        "wantedScope": _scope(tx, listing, request.get("assetScopes") or []),
    }  # fmt: skip
    tx.add(REQUESTS, document)
    events.tell_of_request(tx, call.plane, "Created", document, who.id)
    listings.count_subscription(tx, domain_id, listing["id"], 1)
    return store.pick(document, _REQUEST)


def get_subscription_request_details(call: Call, request: Request) -> Answer:
    """A request, for both sides."""
    return store.pick(_seen(call, request, REQUESTS, "Subscription request")[0], _REQUEST)


def list_subscription_requests(call: Call, request: Request) -> Answer:
    """The requests that the caller may see."""
    rows, token = subscription_lists.list_page(
        call, request, REQUESTS, _FILTERS, "GetSubscriptionRequestDetails", ("PENDING", "ACCEPTED", "REJECTED")
    )
    return answer([_request_summary(d) for d in rows], token)


def update_subscription_request(call: Call, request: Request) -> Answer:
    """Changes the reason of a pending request; who asked may."""
    document, sides, who = _seen(call, request, REQUESTS, "Subscription request")
    if not sides.may(call.operation, document):
        raise access.denied(call)
    _check_pending(document)
    document |= {"requestReason": request["requestReason"], "updatedAt": call.now, "updatedBy": who.id}
    call.tx.put(REQUESTS, document)
    return store.pick(document, _REQUEST)


def delete_subscription_request(call: Call, request: Request) -> Answer:
    """Withdraws a request that was not accepted; who asked may."""
    document, sides, who = _seen(call, request, REQUESTS, "Subscription request")
    if not sides.may(call.operation, document):
        raise access.denied(call)
    if document["status"] == "ACCEPTED":
        raise rules.conflict("The request was accepted; cancel the subscription instead.")
    if document["status"] == "PENDING":
        listings.count_subscription(call.tx, document["domainId"], document["listingId"], -1)
    call.tx.remove(REQUESTS, document["domainId"], document["id"])
    events.tell_of_request(call.tx, call.plane, "Deleted", document, who.id)
    return {}


def accept_subscription_request(call: Call, request: Request) -> Answer:
    """Approves a request, possibly cut down by filters of the asset; editors of the publishing project may."""
    document, sides, who = _seen(call, request, REQUESTS, "Subscription request")
    if not sides.may(call.operation, document):
        raise access.denied(call)
    _check_pending(document)
    if request.get("assetPermissions"):
        raise rules.invalid("assetPermissions are for Amazon S3 assets.")
    listing = listings.listing(call.tx, document["domainId"], document["listingId"])
    scope = _scope(call.tx, listing, request.get("assetScopes") or [])
    return store.pick(_accept(call, document, scope, who.id, request.get("decisionComment")), _REQUEST)


def reject_subscription_request(call: Call, request: Request) -> Answer:
    """Declines a request; editors of the publishing project may."""
    document, sides, who = _seen(call, request, REQUESTS, "Subscription request")
    if not sides.may(call.operation, document):
        raise access.denied(call)
    _check_pending(document)
    document |= _decision("REJECTED", who.id, request.get("decisionComment"), call.now)
    call.tx.put(REQUESTS, document)
    events.tell_of_request(call.tx, call.plane, "Rejected", document, who.id)
    listings.count_subscription(call.tx, document["domainId"], document["listingId"], -1)
    return store.pick(document, _REQUEST)


def get_subscription(call: Call, request: Request) -> Answer:
    """A subscription, for both sides."""
    return store.pick(_seen(call, request, SUBSCRIPTIONS, "Subscription")[0], _SUBSCRIPTION)


def list_subscriptions(call: Call, request: Request) -> Answer:
    """The subscriptions that the caller may see."""
    filters = _FILTERS | {"subscriptionRequestIdentifier": "subscriptionRequestId"}
    statuses = ("APPROVED", "REVOKED", "CANCELLED")
    rows, token = subscription_lists.list_page(call, request, SUBSCRIPTIONS, filters, "GetSubscription", statuses)
    return answer([store.pick(d, _SUBSCRIPTION) for d in rows], token)


def cancel_subscription(call: Call, request: Request) -> Answer:
    """Ends a subscription from the subscriber's side."""
    document, sides, who = _seen(call, request, SUBSCRIPTIONS, "Subscription")
    if not sides.may(call.operation, document):
        raise access.denied(call)
    return _end(call, document, "CANCELLED", who.id, retain=False)


def revoke_subscription(call: Call, request: Request) -> Answer:
    """Ends a subscription from the publisher's side; its permissions too, unless they are retained."""
    document, sides, who = _seen(call, request, SUBSCRIPTIONS, "Subscription")
    if not sides.may(call.operation, document):
        raise access.denied(call)
    return _end(call, document, "REVOKED", who.id, retain=bool(request.get("retainPermissions")))


def _accept(call: Call, document: Document, scope: Document | None, by: str, comment: str | None) -> Document:
    """Records the approval, and makes the subscription and its grants. No scope: the one that was asked for."""
    tx = call.tx
    scope = scope or document["wantedScope"]
    document = document | _decision("ACCEPTED", by, comment, call.now)
    listing = document["subscribedListings"][0]
    if scope is not None:
        item = {"assetListing": listing["item"]["assetListing"] | {"assetScope": scope}}
        listing = listing | {"item": item}
        document["subscribedListings"] = [listing]
    subscription: Document = {
        "domainId": document["domainId"], "id": new_id(), "createdBy": document["createdBy"], "updatedBy": by,
        "status": "APPROVED", "createdAt": call.now, "updatedAt": call.now,
        "subscribedPrincipal": document["subscribedPrincipals"][0], "subscribedListing": listing,
        "subscriptionRequestId": document["id"], "subscriberKey": document["subscriberKey"],
        "listingId": document["listingId"], "ownerProjectId": document["ownerProjectId"],
    }  # fmt: skip
    tx.put(REQUESTS, document)
    tx.add(SUBSCRIPTIONS, subscription)
    events.tell_of_request(tx, call.plane, "Accepted", document, by)
    events.tell_of_subscription(tx, call.plane, "Created", subscription)
    asset_filters.count_use(tx, document["domainId"], scope, 1)
    grants.grant_subscription(tx, call.plane, subscription, by, call.now)
    return document


def _end(call: Call, document: Document, status: str, by: str, *, retain: bool) -> Answer:
    if document["status"] != "APPROVED":
        raise rules.conflict(f"The subscription is {document['status']} already.")
    document |= {"status": status, "retainPermissions": retain, "updatedAt": call.now, "updatedBy": by}
    call.tx.put(SUBSCRIPTIONS, document)
    events.tell_of_subscription(call.tx, call.plane, status.capitalize(), document)
    scope = document["subscribedListing"]["item"]["assetListing"].get("assetScope")
    asset_filters.count_use(call.tx, document["domainId"], scope, -1)
    listings.count_subscription(call.tx, document["domainId"], document["listingId"], -1)
    if not retain:
        grants.end_grants(call.tx, call.plane, document)
    return store.pick(document, _SUBSCRIPTION)


def _decision(status: str, by: str, comment: str | None, now: float) -> Document:
    decided = {"status": status, "reviewerId": by, "decisionComment": comment, "updatedAt": now, "updatedBy": by}
    return {k: v for k, v in decided.items() if v is not None}


def _check_pending(document: Document) -> None:
    if document["status"] != "PENDING":
        raise rules.conflict(f"The request is {document['status']} already.")


def _scope(tx: Transaction, listing: Document, scopes: list[dict[str, Any]]) -> Document | None:
    """The filters chosen for the listing's asset (AWS's AssetScope); None when there are none."""
    asset = assets.asset(tx, listing["domainId"], listing["entityId"])
    chosen: list[str] = []
    for scope in scopes:
        if scope["assetId"] != asset["id"]:
            raise rules.invalid(f"Asset {scope['assetId']} is not the one that is subscribed to.")
        chosen += scope["filterIds"]
    chosen = list(dict.fromkeys(chosen))
    if len(chosen) > MAX_FILTERS:
        raise rules.invalid(f"A subscription has at most {MAX_FILTERS} filters.")
    for identifier in chosen:
        document = asset_filters.asset_filter(tx, asset, identifier)
        try:
            asset_filters.effective(document, assets.columns(asset))
        except asset_filters.NotApplicable as error:
            raise rules.invalid(f"Filter {document['name']} is not valid: {error}") from None
    return {"assetId": asset["id"], "filterIds": chosen, "status": "ACTIVE"} if chosen else None


def _subscribed(tx: Transaction, listing: Document) -> Document:
    """The listing as it is subscribed to: AWS's SubscribedListing."""
    project = tx.find(store.PROJECTS, listing["domainId"], listing["owningProjectId"]) or {}
    item = {
        "entityId": listing["entityId"], "entityRevision": listing["entityRevision"],
        "entityType": listings.asset_type_name(listing), "forms": listings.forms_text(listing),
        "glossaryTerms": listing["terms"],
    }  # fmt: skip
    return {
        "id": listing["id"], "revision": listing["listingRevision"], "name": listing["name"],
        "description": listing.get("description") or "", "item": {"assetListing": item},
        "ownerProjectId": listing["owningProjectId"], "ownerProjectName": project.get("name", ""),
    }  # fmt: skip


def _request_summary(document: Document) -> Answer:
    shown = store.pick(document, tuple(m for m in _REQUEST if m != "metadataForms"))
    forms = [store.pick(form, ("formName", "typeName", "typeRevision")) for form in document["metadataForms"]]
    return shown | {"metadataFormsSummary": forms}


def _seen(call: Call, request: Request, kind: Kind, what: str) -> tuple[Document, subscribers.Sides, access.Caller]:
    """The document, for a caller who may see it. Raises ResourceNotFoundException."""
    who = access.caller(call, request["domainIdentifier"])
    document = store.found(call.tx, kind, what, request["domainIdentifier"], request["identifier"])
    sides = subscribers.sides(call.tx, who)
    if not sides.may_see(document):
        raise store.not_found(what, request["identifier"])
    return document, sides, who


OPERATIONS: dict[str, Operation] = {
    "CreateSubscriptionRequest": writes(create_subscription_request, access.allowed("CreateSubscriptionRequest")),
    "GetSubscriptionRequestDetails": reads(
        get_subscription_request_details, access.allowed("GetSubscriptionRequestDetails")
    ),
    "ListSubscriptionRequests": reads(list_subscription_requests, access.allowed("ListSubscriptionRequests")),
    "UpdateSubscriptionRequest": writes(update_subscription_request, access.allowed("UpdateSubscriptionRequest")),
    "DeleteSubscriptionRequest": writes(delete_subscription_request, access.allowed("DeleteSubscriptionRequest")),
    "AcceptSubscriptionRequest": writes(accept_subscription_request, access.allowed("AcceptSubscriptionRequest")),
    "RejectSubscriptionRequest": writes(reject_subscription_request, access.allowed("RejectSubscriptionRequest")),
    "GetSubscription": reads(get_subscription, access.allowed("GetSubscription")),
    "ListSubscriptions": reads(list_subscriptions, access.allowed("ListSubscriptions")),
    "CancelSubscription": writes(cancel_subscription, access.allowed("CancelSubscription")),
    "RevokeSubscription": writes(revoke_subscription, access.allowed("RevokeSubscription")),
}
