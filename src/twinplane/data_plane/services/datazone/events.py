"""What DataZone tells EventBridge of: the events of its documentation whose moment there is here.

The shape (`metadata` and `data`) and that of subscription requests are documented by AWS; what `data` holds for the
other kinds is an assumption: the members of the thing itself that name it and say how it is.
"""

from typing import TYPE_CHECKING, Any

from twinplane.data_plane.services.datazone import notifications
from twinplane.data_plane.services.events.store import emit
from twinplane.data_plane.store import Document, Transaction

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane


def tell(
    tx: Transaction, plane: "Plane", moment: str, about: Document, type_name: str, *, project_id: str | None = None,
    by: str | None = None, **data: Any,
) -> None:  # fmt: skip
    """Emits `moment` (the detail type) about a document of a domain, which `type_name` calls `…EntityType`.

    `project_id` owns it, `by` did it; `data` are the members that the event shows.
    """
    metadata = {
        "domain": about["domainId"], "user": by or about.get("updatedBy") or about.get("createdBy") or "SYSTEM",
        "id": about["id"], "version": str(about.get("revision") or about.get("number") or 1),
        "typeName": f"{type_name}EntityType", "owningProjectId": project_id or about.get("projectId"),
        "awsAccountId": plane.settings.account_id,
    }  # fmt: skip
    shown = {member: value for member, value in data.items() if value is not None}
    emit(
        tx, plane, source="aws.datazone", detail_type=moment,
        detail={"version": "1", "metadata": {k: v for k, v in metadata.items() if v is not None}, "data": shown},
    )  # fmt: skip
    notifications.note(tx, plane, moment, about, project_id)


def tell_of_request(tx: Transaction, plane: "Plane", moment: str, request: Document, by: str) -> None:
    """Of a subscription request: created, accepted, rejected, deleted."""
    principal = request["subscribedPrincipals"][0]
    [(kind, known)] = principal.items()
    tell(
        tx, plane, f"Subscription Request {moment}", request, "SubscriptionRequest", by=by,
        project_id=principal.get("project", {}).get("id"), autoApproved=False, requesterId=request["createdBy"],
        status=request["status"],
        subscribedListings=[
            {"id": listing["id"], "ownerProjectId": listing["ownerProjectId"], "version": listing.get("revision")}
            for listing in request["subscribedListings"]
        ],
        subscribedPrincipals=[{"id": known.get("id") or known.get("principalArn"), "type": kind.upper()}],
    )  # fmt: skip


def tell_of_subscription(tx: Transaction, plane: "Plane", moment: str, subscription: Document) -> None:
    """Of a subscription: created, revoked, cancelled."""
    tell(
        tx, plane, f"Subscription {moment}", subscription, "Subscription", project_id=subscription["ownerProjectId"],
        status=subscription["status"], subscriptionRequestId=subscription["subscriptionRequestId"],
        subscribedListing={"id": subscription["listingId"], "ownerProjectId": subscription["ownerProjectId"]},
    )  # fmt: skip


def tell_of_grant(tx: Transaction, plane: "Plane", moment: str, grant: Document, asset_id: str) -> None:
    """Of one asset of a subscription grant: requested, completed, failed; and of its revocation."""
    [asset] = [a for a in grant["assets"] if a["assetId"] == asset_id]
    named = {"id": asset_id, "revision": asset["assetRevision"], "typeName": grant["assetTypes"][asset_id]}
    tell(
        tx, plane, f"Subscription Grant {moment}", grant, "SubscriptionGrant",
        subscriptionId=grant["subscriptionId"], environmentId=grant["environmentId"], status=grant["status"],
        subscriptionTargetId=grant["subscriptionTargetId"],
        asset=named | {m: asset[m] for m in ("status", "targetName", "failureCause", "permissions") if m in asset},
        assets=[{"assetId": a["assetId"], "status": a["status"]} for a in grant["assets"]],
    )  # fmt: skip


def tell_of_environment(tx: Transaction, plane: "Plane", moment: str, environment: Document) -> None:
    """Of an environment: its deployment or deletion started, completed, failed."""
    tell(
        tx, plane, f"Environment {moment}", environment, "Environment", by=environment["createdBy"],
        environmentName=environment["name"], status=environment["status"],
        deploymentId=environment["lastDeployment"]["deploymentId"],
        failureReason=environment["lastDeployment"].get("failureReason"),
    )  # fmt: skip


def tell_of_listing(tx: Transaction, plane: "Plane", moment: str, listing: Document) -> None:
    """Of an asset's listing: added to the catalog, unpublished, deleted. `moment` is the whole detail type."""
    tell(
        tx, plane, moment, listing, "AssetListing", project_id=listing["owningProjectId"],
        by=listing["updatedBy"], assetId=listing["entityId"], name=listing["name"], status=listing["status"],
        typeName=listing["typeIdentifier"], listingVersion=listing["listingRevision"],
    )  # fmt: skip


def tell_of_schema(tx: Transaction, plane: "Plane", asset: Document, columns: dict[str, str]) -> None:
    """Of an asset whose columns are others than before (data type by name)."""
    tell(
        tx, plane, "Asset Schema Changed", asset, "Asset", project_id=asset["owningProjectId"], by=asset["createdBy"],
        name=asset["name"], typeName=asset["typeIdentifier"],
        columns=[{"columnName": name, "dataType": kind} for name, kind in columns.items()],
    )  # fmt: skip


def tell_of_product(tx: Transaction, plane: "Plane", moment: str, product: Document, by: str, **data: Any) -> None:
    """Of a data product: added to the catalog, revised, its publishing failed."""
    tell(
        tx, plane, moment, product, "DataProduct", project_id=product["owningProjectId"],
        by=by, name=product["name"], **data,
    )  # fmt: skip


def tell_of_data_source(tx: Transaction, plane: "Plane", moment: str, source: Document, **data: Any) -> None:
    """Of a data source: created, updated, a run of it triggered, succeeded, failed."""
    tell(tx, plane, f"Data Source {moment}", source, "DataSource", name=source["name"], type=source["type"], **data)
