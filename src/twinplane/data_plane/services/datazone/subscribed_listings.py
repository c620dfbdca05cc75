"""What of a listing is subscribed to: the listing as it is then, filters of its assets, permissions on S3 objects."""

from typing import Any

from twinplane.data_plane.services.datazone import asset_filters, assets, listings, quotas, rules, store
from twinplane.data_plane.store import Document, Transaction

_S3_TYPE = "S3ObjectCollectionAssetType"

Permissions = dict[str, dict[str, Any]]
"""AWS's Permissions by asset id."""


def subscribed(tx: Transaction, listing: Document) -> Document:
    """The listing as it is subscribed to: AWS's SubscribedListing."""
    project = tx.find(store.PROJECTS, listing["domainId"], listing["owningProjectId"]) or {}
    item = {
        "entityId": listing["entityId"], "entityRevision": listing["entityRevision"],
        "glossaryTerms": listing["terms"],
    }  # fmt: skip
    if listing["entityType"] == assets.ASSET:
        shown = {"entityType": listings.asset_type_name(listing), "forms": listings.forms_text(listing)}
        union = {"assetListing": item | shown}
    else:
        named = {"name": listing["name"], "description": listing.get("description") or ""}
        union = {
            "productListing": item | named | {"assetListings": [_entity(i) for i in listings.items_of(tx, listing)]}
        }
    return {
        "id": listing["id"], "revision": listing["listingRevision"], "name": listing["name"],
        "description": listing.get("description") or "", "item": union,
        "ownerProjectId": listing["owningProjectId"], "ownerProjectName": project.get("name", ""),
    }  # fmt: skip


def entities(listing: Document) -> list[dict[str, Any]]:
    """The assets (entityId, entityRevision, entityType) of a SubscribedListing."""
    kind, item = rules.exactly_one(listing["item"], "item")
    return item["assetListings"] if kind == "productListing" else [item]


def with_limits(listing: Document, scopes: list[Document], permissions: Permissions) -> Document:
    """A SubscribedListing that shows how far its asset may be read; of a data product's assets only grants show it."""
    if "assetListing" not in listing["item"]:
        return listing
    item = listing["item"]["assetListing"]
    for scope in scopes:
        item = item | {"assetScope": scope}
    if item["entityId"] in permissions:
        item = item | {"permissions": permissions[item["entityId"]]}
    return listing | {"item": {"assetListing": item}}


def scopes_of(tx: Transaction, domain_id: str, listing: Document, given: list[dict[str, Any]]) -> list[Document]:
    """The filters that are chosen of a SubscribedListing's assets: AWS's AssetScope of each.

    Raises ValidationException, ResourceNotFoundException on what cannot be chosen.
    """
    chosen: dict[str, list[str]] = {}
    for scope in given:
        _check_part(listing, scope["assetId"])
        chosen.setdefault(scope["assetId"], []).extend(scope["filterIds"])
    chosen = {asset_id: list(dict.fromkeys(filter_ids)) for asset_id, filter_ids in chosen.items() if filter_ids}
    quotas.check(quotas.SUBSCRIPTION_FILTERS, sum(map(len, chosen.values())) - 1)
    return [_scope(tx, domain_id, asset_id, filter_ids) for asset_id, filter_ids in chosen.items()]


def permissions_of(listing: Document, given: list[dict[str, Any]]) -> Permissions:
    """The permissions that are asked for. Raises ValidationException when an asset has none to give."""
    types = {entity["entityId"]: entity["entityType"] for entity in entities(listing)}
    for wanted in given:
        _check_part(listing, wanted["assetId"])
        if types[wanted["assetId"]] != _S3_TYPE:
            raise rules.invalid("assetPermissions are for Amazon S3 assets.")
    return {wanted["assetId"]: wanted["permissions"] for wanted in given}


def _scope(tx: Transaction, domain_id: str, asset_id: str, filter_ids: list[str]) -> Document:
    asset = assets.asset(tx, domain_id, asset_id)
    for identifier in filter_ids:
        document = asset_filters.asset_filter(tx, asset, identifier)
        try:
            asset_filters.effective(document, assets.columns(asset))
        except asset_filters.NotApplicable as error:
            raise rules.invalid(f"Filter {document['name']} is not valid: {error}") from None
    return {"assetId": asset_id, "filterIds": filter_ids, "status": "ACTIVE"}


def _check_part(listing: Document, asset_id: str) -> None:
    if all(entity["entityId"] != asset_id for entity in entities(listing)):
        raise rules.invalid(f"Asset {asset_id} is not part of what is subscribed to.")


def _entity(item: Document) -> dict[str, Any]:
    shown = store.pick(item, ("entityId", "entityRevision"))
    return shown | {"entityType": listings.asset_type_name(item)}
