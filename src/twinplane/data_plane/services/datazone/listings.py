"""Listings: what a project has published of its assets and data products.

A listing is a snapshot; publishing again renews it.
"""

from typing import TYPE_CHECKING, Any

import msgspec

from twinplane.data_plane.call import Answer, Call, Operation, Request, new_id, reads, writes
from twinplane.data_plane.services.datazone import (
    access,
    assets,
    data_products,
    events,
    glossaries,
    managed_types,
    metadata_rules,
    rules,
    search_index,
    store,
    time_series_points,
)
from twinplane.data_plane.services.datazone import types as asset_types
from twinplane.data_plane.store import Document, Transaction
from twinplane.data_plane.tasks import enqueue

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

_SCOPE = "LISTING"
_KEPT = ("createdAt", "createdBy", "subscriptions", "products")  # by the next revision of a listing


def create_listing_change_set(call: Call, request: Request) -> Answer:
    """Publishes a revision of an asset or data product to the catalog, or takes its listing out of it."""
    tx, domain_id, entity_id = call.tx, request["domainIdentifier"], request["entityIdentifier"]
    product = request["entityType"] == assets.DATA_PRODUCT
    get, get_revision, what = (
        (data_products.data_product, data_products.revision, "Data product")
        if product
        else (assets.asset, assets.revision, "Asset")
    )
    known = get(tx, domain_id, entity_id)
    who = access.require_project_role(call, domain_id, known["owningProjectId"], of=(what, entity_id))
    if request.get("entityRevision") is not None:
        known = get_revision(tx, domain_id, entity_id, request["entityRevision"])
    if request["action"] == "UNPUBLISH":
        document = unpublish(tx, domain_id, entity_id, request["entityType"], who.id, call.now)
        if not product:
            events.tell_of_listing(tx, call.plane, "Asset Unpublished", document)
    elif product:
        renewed = _is_published(tx, known, assets.DATA_PRODUCT)
        document = publish_product(tx, known, who.id, call.now)
        told = {"listingId": document["id"], "listingVersion": document["listingRevision"]}
        events.tell_of_product(tx, call.plane, "Data Product Added To Catalog", known, who.id, **told)
        if renewed and document["subscriptions"]:
            events.tell_of_product(tx, call.plane, "Subscribed Data Product Updated", known, who.id, **told)
            enqueue(tx, call.plane, "datazone.follow_product", document["id"], domain=domain_id)
    else:
        document = publish_and_tell(tx, call.plane, known, who.id, call.now)
    return store.pick(document, ("listingRevision", "status")) | {"listingId": document["id"]}


def get_listing(call: Call, request: Request) -> Answer:
    """A listing; every user of the domain may read it. Unpublished ones: members of the owning project."""
    domain_id, listing_id = request["domainIdentifier"], request["identifier"]
    access.caller(call, domain_id)
    document = listing(call.tx, domain_id, listing_id)
    if assets.listing_status(document) != "ACTIVE":
        of = ("Listing", listing_id)
        access.require_project_role(
            call, domain_id, document["owningProjectId"], rule="GetListing that is not active", of=of
        )
    status = assets.listing_status(document)
    if request.get("listingRevision") is not None:
        document = listing_revision(call.tx, domain_id, listing_id, request["listingRevision"])
    shown = (
        "domainId", "id", "listingRevision", "createdAt", "updatedAt", "createdBy", "updatedBy", "name", "description",
    )  # fmt: skip
    return store.pick(document, shown) | {"status": status, "item": _item(call.tx, document)}


def delete_listing(call: Call, request: Request) -> Answer:
    """Removes a listing that nobody is subscribed to and no published data product shows."""
    domain_id, listing_id = request["domainIdentifier"], request["identifier"]
    document = listing(call.tx, domain_id, listing_id)
    who = access.require_project_role(call, domain_id, document["owningProjectId"], of=("Listing", listing_id))
    if document["subscriptions"]:
        raise rules.conflict(f"Listing {document['name']} has subscriptions; revoke them first.")
    if document["products"]:
        raise rules.conflict(f"Listing {document['name']} is part of a published data product.")
    forget(call.tx, domain_id, document["entityId"], document["entityType"])
    if document["entityType"] == assets.ASSET:
        gone = document | {"status": "INACTIVE", "updatedBy": who.id}
        events.tell_of_listing(call.tx, call.plane, "Asset Listing Deleted", gone)
    return {}


def listing(tx: Transaction, domain_id: str, identifier: str) -> Document:
    """The listing in its latest revision. Raises ResourceNotFoundException."""
    return store.found(tx, assets.LISTINGS, "Listing", domain_id, identifier)


def listing_revision(tx: Transaction, domain_id: str, identifier: str, wanted: str) -> Document:
    """The listing as it was in a revision. Raises ResourceNotFoundException."""
    found = tx.find(assets.LISTING_REVISIONS, domain_id, identifier, store.revision_number(wanted))
    if found is None:
        raise store.not_found("Listing", f"{identifier} in revision {wanted}")
    return found


def items_of(tx: Transaction, document: Document) -> list[Document]:
    """The listings of assets that a listing is about: itself, or those of a data product as it was published."""
    if document["entityType"] == assets.ASSET:
        return [document]
    found = (
        tx.find(assets.LISTING_REVISIONS, document["domainId"], item["listingId"], int(item["listingRevision"]))
        for item in document["items"]
    )
    return [item for item in found if item is not None]


def publish(tx: Transaction, asset: Document, by: str, now: float) -> Document:
    """Makes the asset revision what its listing shows. Raises ValidationException when a metadata rule is not met."""
    return _publish_asset(tx, asset, by, now, "ACTIVE")


def publish_and_tell(tx: Transaction, plane: "Plane", asset: Document, by: str, now: float) -> Document:
    """As `publish`, and tells EventBridge of it."""
    renewed = _is_published(tx, asset, assets.ASSET)
    document = publish(tx, asset, by, now)
    moment = "New Asset Version Available" if renewed else "Asset Added To Catalog"
    events.tell_of_listing(tx, plane, moment, document)
    return document


def publish_product(tx: Transaction, product: Document, by: str, now: float) -> Document:
    """Makes the data product revision what its listing shows.

    Assets of it that are not published become so, for this product only. Raises ValidationException when it has no
    assets, and when a metadata rule is not met.
    """
    domain_id = product["domainId"]
    if not product["items"]:
        raise rules.invalid(f"Data product {product['name']} has no assets; it cannot be published.")
    terms = product["glossaryTerms"] or []
    metadata_rules.check(tx, domain_id, metadata_rules.PUBLISH, product, product["formsOutput"], terms)
    known = assets.listing_of(tx, domain_id, product["id"], assets.DATA_PRODUCT)
    if known is not None and known["status"] == "ACTIVE":
        _count_product(tx, known, -1)
    items = [_product_item(tx, domain_id, item, by, now) for item in product["items"]]
    document = _snapshot(tx, assets.DATA_PRODUCT, product, known, by, now) | {"status": "ACTIVE", "items": items}
    _count_product(tx, document, 1)
    return _store(tx, document)


def unpublish(tx: Transaction, domain_id: str, entity_id: str, entity_type: str, by: str, now: float) -> Document:
    """Takes the listing of an asset or data product out of the catalog. Raises ResourceNotFoundException."""
    known = assets.listing_of(tx, domain_id, entity_id, entity_type)
    if known is None:
        raise store.not_found("Listing of", entity_id)
    if known["status"] == "ACTIVE":
        _count_product(tx, known, -1)
    document = known | {"status": "INACTIVE", "updatedAt": now, "updatedBy": by}
    tx.put(assets.LISTINGS, document)
    search_index.remove(tx, domain_id, _SCOPE, known["id"])
    return document


def forget(tx: Transaction, domain_id: str, entity_id: str, entity_type: str) -> None:
    """Removes the listing of an asset or data product with its revisions; no error when there is none."""
    known = assets.listing_of(tx, domain_id, entity_id, entity_type)
    if known is None:
        return
    if known["status"] == "ACTIVE":
        _count_product(tx, known, -1)
    for old in tx.select(assets.LISTING_REVISIONS, {"domainId": domain_id, "id": known["id"]}):
        tx.remove(assets.LISTING_REVISIONS, domain_id, known["id"], old["number"])
    tx.remove(assets.LISTINGS, domain_id, known["id"])
    search_index.remove(tx, domain_id, _SCOPE, known["id"])


def count_subscription(tx: Transaction, domain_id: str, listing_id: str, change: int) -> None:
    """Keeps how many requests and subscriptions stand in the way of deleting a listing."""
    document = listing(tx, domain_id, listing_id)
    tx.put(assets.LISTINGS, document | {"subscriptions": document["subscriptions"] + change})


def asset_type_name(document: Document) -> str:
    """The name of an asset's type as listings give it: without the prefix of managed types."""
    return str(document["typeIdentifier"]).removeprefix(managed_types.PREFIX)


def forms_text(document: Document) -> str:
    """The forms of a listing as AWS gives them: one JSON object of form name to content, as text."""
    forms: dict[str, Any] = {
        form["formName"]: asset_types.content_of(form["formName"], form["content"]) for form in document["formsOutput"]
    }
    return msgspec.json.encode(forms).decode()


def _is_published(tx: Transaction, entity: Document, entity_type: str) -> bool:
    known = assets.listing_of(tx, entity["domainId"], entity["id"], entity_type)
    return known is not None and known["status"] == "ACTIVE"


def _publish_asset(tx: Transaction, asset: Document, by: str, now: float, status: str) -> Document:
    domain_id = asset["domainId"]
    governed = asset.get("governedGlossaryTerms", [])
    terms = [*asset.get("glossaryTerms", []), *governed]
    metadata_rules.check(tx, domain_id, metadata_rules.PUBLISH, asset, asset["formsOutput"], terms)
    known = assets.listing_of(tx, domain_id, asset["id"])
    document = _snapshot(tx, assets.ASSET, asset, known, by, now) | {
        "status": status, "typeIdentifier": asset["typeIdentifier"],
        "externalIdentifier": asset.get("externalIdentifier"), "governedGlossaryTerms": governed,
        "governedTerms": _detailed(tx, domain_id, governed),
    }  # fmt: skip
    return _store(tx, document)


def _product_item(tx: Transaction, domain_id: str, item: Document, by: str, now: float) -> Document:
    """An asset of a data product as its listing names it: AWS's ListingSummary."""
    asset = assets.asset(tx, domain_id, item["identifier"])
    known = assets.listing_of(tx, domain_id, asset["id"])
    wanted = item.get("revision") or asset["revision"]
    if known is None or (assets.listing_status(known) != "ACTIVE" and known["entityRevision"] != wanted):
        known = _publish_asset(tx, assets.revision(tx, domain_id, asset["id"], wanted), by, now, "INACTIVE")
    summary = {"listingId": known["id"], "listingRevision": known["listingRevision"]}
    terms = _detailed(tx, domain_id, item.get("glossaryTerms") or [])
    return summary | ({"glossaryTerms": terms} if terms else {})


def _snapshot(
    tx: Transaction, entity_type: str, entity: Document, known: Document | None, by: str, now: float
) -> Document:
    number = 1 if known is None else known["number"] + 1
    document: Document = {
        "domainId": entity["domainId"], "id": new_id() if known is None else known["id"], "number": number,
        "listingRevision": str(number), "entityType": entity_type, "entityId": entity["id"],
        "entityRevision": entity["revision"], "name": entity["name"], "description": entity.get("description"),
        "owningProjectId": entity["owningProjectId"], "formsOutput": entity["formsOutput"],
        "glossaryTerms": entity.get("glossaryTerms") or [],
        "terms": _detailed(tx, entity["domainId"], entity.get("glossaryTerms") or []),
        "createdAt": now, "createdBy": by, "updatedAt": now, "updatedBy": by, "subscriptions": 0, "products": 0,
    }  # fmt: skip
    return document if known is None else document | {member: known[member] for member in _KEPT}


def _store(tx: Transaction, document: Document) -> Document:
    tx.put(assets.LISTINGS, document)
    tx.put(assets.LISTING_REVISIONS, document)
    if document["status"] == "ACTIVE":
        times = {"created": document["createdAt"], "updated": document["updatedAt"]}
        search_index.put(tx, assets.entry(tx, _SCOPE, document, **times))
    return document


def _count_product(tx: Transaction, document: Document, change: int) -> None:
    """Keeps of the listings of assets how many published data products show them."""
    for item in document.get("items") or ():
        known = tx.find(assets.LISTINGS, document["domainId"], item["listingId"])
        if known is not None:
            tx.put(assets.LISTINGS, known | {"products": known["products"] + change})


def _item(tx: Transaction, document: Document) -> Answer:
    shared: Answer = {
        "createdAt": document["createdAt"], "forms": forms_text(document), "glossaryTerms": document["terms"],
        "owningProjectId": document["owningProjectId"],
    }  # fmt: skip
    entity = (document["entityId"], document["entityRevision"])
    if document["entityType"] == assets.DATA_PRODUCT:
        named = dict(zip(("dataProductId", "dataProductRevision"), entity, strict=True))
        return {"dataProductListing": shared | named | {"items": document["items"]}}
    named = dict(zip(("assetId", "assetRevision"), entity, strict=True))
    named |= {"assetType": asset_type_name(document), "governedGlossaryTerms": document["governedTerms"]}
    points = time_series_points.latest(tx, document["domainId"], document["entityId"])
    named |= {"latestTimeSeriesDataPointForms": points} if points else {}
    return {"assetListing": shared | named}


def _detailed(tx: Transaction, domain_id: str, term_ids: list[str]) -> list[Document]:
    found = (tx.find(glossaries.TERMS, domain_id, term_id) for term_id in term_ids)
    return [store.pick(term, ("name", "shortDescription")) for term in found if term is not None]


OPERATIONS: dict[str, Operation] = {
    "CreateListingChangeSet": writes(create_listing_change_set, access.allowed("CreateListingChangeSet")),
    "GetListing": reads(get_listing, access.allowed("GetListing")),
    "DeleteListing": writes(delete_listing, access.allowed("DeleteListing")),
}

NOTES = {
    "CreateListingChangeSet": "The listing is ACTIVE or INACTIVE when the call returns, never CREATING; a data product "
    "that cannot be published is refused, without an event of it.",
}
ASSUMED = {
    "CreateListingChangeSet": "An asset that is published already is shown by a data product as it is published, "
    "whatever revision the product names. Publishing what is published already is told as New Asset Version "
    "Available. Of a data product that is published anew, subscriptions name the new revision; assets that were added "
    "are granted to the subscribers, and those that left it are revoked.",
    "DeleteListing": "The listing of an asset that a published data product shows cannot be deleted.",
    "GetListing": "An asset that can be had only through a data product has an ACTIVE listing that no search finds.",
}
