"""DataZone's calls about subscriptions."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from twinplane.control_plane.aws import Clients, code_of


def create_request(
    clients: Clients, domain_id: str, listing_id: str, principal: Mapping[str, Any], reason: str, token: str
) -> str:
    """Asks the data plane for the subscription. Returns the subscription request's id."""
    answer = clients.datazone.create_subscription_request(
        domainIdentifier=domain_id,
        subscribedPrincipals=[_principal(principal)],
        subscribedListings=[{"identifier": listing_id}],
        requestReason=reason,
        clientToken=token,
    )
    return str(answer["id"])


def find_pending(clients: Clients, domain_id: str, listing_id: str, principal: Mapping[str, Any]) -> str | None:
    """The id of the pending subscription request of the principal for the listing, or None."""
    pages = clients.datazone.get_paginator("list_subscription_requests").paginate(
        domainIdentifier=domain_id, subscribedListingId=listing_id, status="PENDING"
    )
    kind = "user" if principal["kind"] == "person" else "project"
    for page in pages:
        for request in page["items"]:
            if any(p.get(kind, {}).get("id") == principal["id"] for p in request["subscribedPrincipals"]):
                return str(request["id"])
    return None


def request_status(clients: Clients, domain_id: str, request_id: str) -> str | None:
    """PENDING, ACCEPTED or REJECTED; None when it is gone."""
    try:
        found = clients.datazone.get_subscription_request_details(domainIdentifier=domain_id, identifier=request_id)
    except ClientError as error:
        if code_of(error) == "ResourceNotFoundException":
            return None
        raise
    return str(found["status"])


def accept(
    clients: Clients, domain_id: str, request_id: str, asset_id: str, filter_ids: list[str], comment: str
) -> None:
    """Accepts the subscription request, cut down to the filters if there are any."""
    scopes = {"assetScopes": [{"assetId": asset_id, "filterIds": filter_ids}]} if filter_ids else {}
    clients.datazone.accept_subscription_request(
        domainIdentifier=domain_id, identifier=request_id, decisionComment=comment, **scopes
    )


def reject(clients: Clients, domain_id: str, request_id: str, comment: str) -> None:
    """Rejects the subscription request."""
    clients.datazone.reject_subscription_request(
        domainIdentifier=domain_id, identifier=request_id, decisionComment=comment
    )


def delete_request(clients: Clients, domain_id: str, request_id: str) -> None:
    """Takes a pending subscription request back; only who made it may."""
    clients.datazone.delete_subscription_request(domainIdentifier=domain_id, identifier=request_id)


def find_subscription(clients: Clients, domain_id: str, request_id: str, listing_id: str) -> dict[str, Any] | None:
    """The subscription that an accepted request became, or None while there is none."""
    pages = clients.datazone.get_paginator("list_subscriptions").paginate(
        domainIdentifier=domain_id, subscriptionRequestIdentifier=request_id, subscribedListingId=listing_id
    )
    return next((dict(s) for page in pages for s in page["items"]), None)


def get_subscription(clients: Clients, domain_id: str, subscription_id: str) -> dict[str, Any]:
    """A subscription. Raises AWS's error."""
    return dict(clients.datazone.get_subscription(domainIdentifier=domain_id, identifier=subscription_id))


def list_grants(clients: Clients, domain_id: str, subscription_id: str) -> list[dict[str, Any]]:
    """The grants by which the subscription is fulfilled."""
    pages = clients.datazone.get_paginator("list_subscription_grants").paginate(
        domainIdentifier=domain_id, subscriptionId=subscription_id
    )
    return [dict(grant) for page in pages for grant in page["items"]]


def revoke(clients: Clients, domain_id: str, subscription_id: str) -> None:
    """Revokes the subscription and what it granted."""
    clients.datazone.revoke_subscription(
        domainIdentifier=domain_id, identifier=subscription_id, retainPermissions=False
    )


def ensure_filter(
    clients: Clients, domain_id: str, asset_id: str, name: str, configuration: Mapping[str, Any], token: str
) -> str:
    """The asset's filter of this name, made when it is not there. Returns its id."""
    pages = clients.datazone.get_paginator("list_asset_filters").paginate(
        domainIdentifier=domain_id, assetIdentifier=asset_id
    )
    known = next((f["id"] for page in pages for f in page["items"] if f["name"] == name), None)
    if known is not None:
        return str(known)
    answer = clients.datazone.create_asset_filter(
        domainIdentifier=domain_id,
        assetIdentifier=asset_id,
        name=name,
        configuration=dict(configuration),
        clientToken=token,
    )
    return str(answer["id"])


def delete_filter(clients: Clients, domain_id: str, asset_id: str, filter_id: str) -> None:
    """Deletes a filter that no subscription uses; one that is gone is gone."""
    try:
        clients.datazone.delete_asset_filter(domainIdentifier=domain_id, assetIdentifier=asset_id, identifier=filter_id)
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise


def project_role(clients: Clients, domain_id: str, project_id: str) -> str | None:
    """The IAM role in which members of a project work, or None."""
    pages = clients.datazone.get_paginator("list_connections").paginate(
        domainIdentifier=domain_id, projectIdentifier=project_id, type="IAM"
    )
    for page in pages:
        for connection in page["items"]:
            found = clients.datazone.get_connection(domainIdentifier=domain_id, identifier=connection["connectionId"])
            if found.get("environmentUserRole"):
                return str(found["environmentUserRole"])
    return None


def profile_of_project(clients: Clients, domain_id: str, profile_id: str) -> str:
    """The name of a project profile."""
    return str(clients.datazone.get_project_profile(domainIdentifier=domain_id, identifier=profile_id)["name"])


def _principal(principal: Mapping[str, Any]) -> dict[str, Any]:
    kind = "user" if principal["kind"] == "person" else "project"
    return {kind: {"identifier": principal["id"]}}
