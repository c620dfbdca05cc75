"""Subscription requests, their decision, and the subscriptions that come of it."""

from twinplane.data_plane.call import Answer, Call, Operation, Request, new_id, reads, writes
from twinplane.data_plane.services.datazone import (
    access,
    asset_filters,
    events,
    grants,
    listings,
    metadata_rules,
    rules,
    store,
    subscribed_listings,
    subscribers,
    subscription_lists,
)
from twinplane.data_plane.services.datazone import types as asset_types
from twinplane.data_plane.services.datazone.fulfilment import SUBSCRIPTIONS
from twinplane.data_plane.services.datazone.paging import answer
from twinplane.data_plane.store import Document, Kind

REQUESTS = Kind(
    "datazone_subscription_request",
    key=("domainId", "id"),
    indexes=subscription_lists.indexes(status=True),
)
KINDS = [REQUESTS]

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
    access.check_stays(tx, domain_id, listing["owningProjectId"])
    if key == f"project:{listing['owningProjectId']}":
        raise rules.invalid("A project cannot subscribe to its own listing.")
    where = {"domainId": domain_id, "subscriberKey": key, "listingId": listing["id"]}
    pending = tx.first(REQUESTS, where | {"status": "PENDING"})
    if pending is not None:
        raise rules.conflict(f"There is a pending request for this already: {pending['id']}.")
    approved = tx.first(SUBSCRIPTIONS, where | {"status": "APPROVED"})
    if approved is not None:
        raise rules.conflict(f"There is a subscription for this already: {approved['id']}.")
    forms = [asset_types.check_form(tx, domain_id, form) for form in request.get("metadataForms") or []]
    metadata_rules.check(tx, domain_id, metadata_rules.SUBSCRIBE, listing, forms, [])
    subscribed = subscribed_listings.subscribed(tx, listing)
    permissions = subscribed_listings.permissions_of(subscribed, request.get("assetPermissions") or [])
    document = {
        **new_request(domain_id, key, principal, subscribed, request["requestReason"], who.id, call.now),
        "metadataForms": forms, "permissions": permissions,
        "scopes": subscribed_listings.scopes_of(tx, domain_id, subscribed, request.get("assetScopes") or []),
    }  # fmt: skip
    document["subscribedListings"] = [subscribed_listings.with_limits(subscribed, [], permissions)]
    tx.add(REQUESTS, document)
    events.tell_of_request(tx, call.plane, "Created", document, who.id)
    listings.count_subscription(tx, domain_id, listing["id"], 1)
    return store.pick(document, _REQUEST)


def get_subscription_request_details(call: Call, request: Request) -> Answer:
    """A request, for both sides."""
    return store.pick(_seen(call, request, REQUESTS, "Subscription request")[0], _REQUEST)


def list_subscription_requests(call: Call, request: Request) -> Answer:
    """The requests that the caller may see: the pending ones, unless another status is asked for."""
    request = {"status": "PENDING"} | request
    rows, token = subscription_lists.list_page(call, request, REQUESTS, _FILTERS, "GetSubscriptionRequestDetails")
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
    [listing] = document["subscribedListings"]
    scopes = subscribed_listings.scopes_of(call.tx, document["domainId"], listing, request.get("assetScopes") or [])
    permissions = subscribed_listings.permissions_of(listing, request.get("assetPermissions") or [])
    document |= {"scopes": scopes or document["scopes"], "permissions": permissions or document["permissions"]}
    return store.pick(_accept(call, document, who.id, request.get("decisionComment")), _REQUEST)


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
    """The subscriptions that the caller may see: the approved ones, unless another status is asked for."""
    filters = _FILTERS | {"subscriptionRequestIdentifier": "subscriptionRequestId"}
    request = {"status": "APPROVED"} | request
    rows, token = subscription_lists.list_page(call, request, SUBSCRIPTIONS, filters, "GetSubscription")
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


def new_request(
    domain_id: str, key: str, principal: Document, listing: Document, reason: str, by: str, now: float
) -> Document:
    """A pending request of a subscriber (its key, and as AWS's SubscribedPrincipal) for AWS's SubscribedListing."""
    return {
        "domainId": domain_id, "id": new_id(), "status": "PENDING", "createdAt": now, "createdBy": by,
        "updatedAt": now, "updatedBy": by, "requestReason": reason, "subscribedPrincipals": [principal],
        "subscribedListings": [listing], "metadataForms": [], "subscriberKey": key, "listingId": listing["id"],
        "ownerProjectId": listing["ownerProjectId"], "scopes": [], "permissions": {},
    }  # fmt: skip


def new_subscription(request: Document, by: str, now: float) -> Document:
    """The subscription that comes of a request when it is accepted."""
    kept = ("domainId", "createdBy", "subscriberKey", "listingId", "ownerProjectId", "scopes", "permissions")
    return store.pick(request, kept) | {
        "id": new_id(), "updatedBy": by, "status": "APPROVED", "createdAt": now, "updatedAt": now,
        "subscribedPrincipal": request["subscribedPrincipals"][0],
        "subscribedListing": request["subscribedListings"][0], "subscriptionRequestId": request["id"],
    }  # fmt: skip


def _accept(call: Call, document: Document, by: str, comment: str | None) -> Document:
    """Records the approval, and makes the subscription and its grants."""
    tx = call.tx
    kind, _, identifier = document["subscriberKey"].partition(":")
    for project_id in (document["ownerProjectId"], *([identifier] if kind == "project" else [])):
        access.check_stays(tx, document["domainId"], project_id)
    limited = subscribed_listings.with_limits(
        document["subscribedListings"][0], document["scopes"], document["permissions"]
    )
    document = document | _decision("ACCEPTED", by, comment, call.now) | {"subscribedListings": [limited]}
    subscription = new_subscription(document, by, call.now)
    document["existingSubscriptionId"] = subscription["id"]
    tx.put(REQUESTS, document)
    tx.add(SUBSCRIPTIONS, subscription)
    events.tell_of_request(tx, call.plane, "Accepted", document, by)
    events.tell_of_subscription(tx, call.plane, "Created", subscription)
    for scope in document["scopes"]:
        asset_filters.count_use(tx, document["domainId"], scope, 1)
    grants.grant_subscription(tx, call.plane, subscription, by, call.now)
    return document


def _end(call: Call, document: Document, status: str, by: str, *, retain: bool) -> Answer:
    if document["status"] != "APPROVED":
        raise rules.conflict(f"The subscription is {document['status']} already.")
    document |= {"status": status, "retainPermissions": retain, "updatedAt": call.now, "updatedBy": by}
    call.tx.put(SUBSCRIPTIONS, document)
    events.tell_of_subscription(call.tx, call.plane, status.capitalize(), document)
    for scope in document["scopes"]:
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
NOTES = {
    "CreateSubscriptionRequest": "Every request waits for a decision, also where the asset's terms say that none is "
    "needed.",
    "UpdateSubscriptionRequest": "The reason of a pending request can be changed; that of a decided one cannot.",
}
ASSUMED = {
    "CreateSubscriptionRequest": "A second request, or one beside a live subscription, of one principal for one "
    "listing is a conflict; AWS's wording was not found.",
    "AcceptSubscriptionRequest": "existingSubscriptionId is the subscription that came of the request; filters or "
    "permissions that the decision names replace those that were asked for.",
    "DeleteSubscriptionRequest": "A request that was accepted cannot be deleted.",
    "CancelSubscription": "Cancelling takes the permissions away, as a revocation that does not retain them.",
}
