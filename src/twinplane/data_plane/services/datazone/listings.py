"""Listings: what a project has published of its assets. A listing is a snapshot; publishing again renews it."""

from typing import Any

import msgspec

from twinplane.data_plane.call import Answer, Call, Operation, Request, new_id, reads, writes
from twinplane.data_plane.services.datazone import (
    access,
    assets,
    events,
    glossaries,
    managed_types,
    metadata_rules,
    rules,
    search_index,
    store,
)
from twinplane.data_plane.services.datazone import types as asset_types
from twinplane.data_plane.store import Document, Transaction

_SCOPE = "LISTING"


def create_listing_change_set(call: Call, request: Request) -> Answer:
    """Publishes an asset revision to the catalog, or takes its listing out of it."""
    domain_id, asset_id = request["domainIdentifier"], request["entityIdentifier"]
    if request["entityType"] != "ASSET":
        raise rules.invalid("Only assets can be published here; data products are not served.")
    known = assets.asset(call.tx, domain_id, asset_id)
    who = access.require_project_role(call, domain_id, known["owningProjectId"], of=("Asset", asset_id))
    if request.get("entityRevision") is not None:
        known = assets.revision(call.tx, domain_id, asset_id, request["entityRevision"])
    if request["action"] == "PUBLISH":
        document = publish(call.tx, known, who.id, call.now)
        events.tell_of_listing(call.tx, call.plane, "Added To Catalog", document)
    else:
        document = _unpublish(call.tx, known, who.id, call.now)
        events.tell_of_listing(call.tx, call.plane, "Unpublished", document)
    return {
        "listingId": document["id"],
        "listingRevision": document["listingRevision"],
        "status": document["status"],
    }


def get_listing(call: Call, request: Request) -> Answer:
    """A listing; every user of the domain may read it. Unpublished ones: members of the owning project."""
    domain_id, listing_id = request["domainIdentifier"], request["identifier"]
    access.caller(call, domain_id)
    document = listing(call.tx, domain_id, listing_id)
    if document["status"] != "ACTIVE":
        of = ("Listing", listing_id)
        access.require_project_role(
            call, domain_id, document["owningProjectId"], rule="GetListing that is not active", of=of
        )
    wanted = request.get("listingRevision")
    if wanted is not None:
        found = call.tx.find(assets.LISTING_REVISIONS, domain_id, listing_id, int(wanted) if wanted.isdecimal() else 0)
        if found is None:
            raise store.not_found("Listing", f"{listing_id} in revision {wanted}")
        document = found | {"status": document["status"]}
    shown = (
        "domainId", "id", "listingRevision", "createdAt", "updatedAt", "createdBy", "updatedBy", "name", "description",
        "status",
    )  # fmt: skip
    item: Answer = {
        "assetId": document["assetId"], "assetRevision": document["assetRevision"],
        "assetType": asset_type_name(document), "createdAt": document["createdAt"], "forms": forms_text(document),
        "glossaryTerms": document["terms"], "governedGlossaryTerms": document["governedTerms"],
        "owningProjectId": document["owningProjectId"],
    }  # fmt: skip
    return store.pick(document, shown) | {"item": {"assetListing": item}}


def delete_listing(call: Call, request: Request) -> Answer:
    """Removes a listing that nobody is subscribed to."""
    domain_id, listing_id = request["domainIdentifier"], request["identifier"]
    document = listing(call.tx, domain_id, listing_id)
    access.require_project_role(call, domain_id, document["owningProjectId"], of=("Listing", listing_id))
    if document["subscriptions"]:
        raise rules.conflict(f"Listing {document['name']} has subscriptions; revoke them first.")
    for old in call.tx.select(assets.LISTING_REVISIONS, {"domainId": domain_id, "id": listing_id}):
        call.tx.remove(assets.LISTING_REVISIONS, domain_id, listing_id, old["number"])
    call.tx.remove(assets.LISTINGS, domain_id, listing_id)
    search_index.remove(call.tx, domain_id, _SCOPE, listing_id)
    return {}


def listing(tx: Transaction, domain_id: str, identifier: str) -> Document:
    """The listing in its latest revision. Raises ResourceNotFoundException."""
    return store.found(tx, assets.LISTINGS, "Listing", domain_id, identifier)


def publish(tx: Transaction, asset: Document, by: str, now: float) -> Document:
    """Makes the asset revision what its listing shows. Raises ValidationException when a metadata rule is not met."""
    domain_id = asset["domainId"]
    terms = [*asset.get("glossaryTerms", []), *asset.get("governedGlossaryTerms", [])]
    metadata_rules.check(tx, domain_id, metadata_rules.PUBLISH, asset, asset["formsOutput"], terms)
    known = assets.listing_of(tx, domain_id, asset["id"])
    number = 1 if known is None else known["number"] + 1
    document: Document = {
        "domainId": domain_id, "id": new_id() if known is None else known["id"], "number": number,
        "listingRevision": str(number), "status": "ACTIVE", "assetId": asset["id"],
        "assetRevision": asset["revision"], "typeIdentifier": asset["typeIdentifier"], "name": asset["name"],
        "description": asset.get("description"), "owningProjectId": asset["owningProjectId"],
        "externalIdentifier": asset.get("externalIdentifier"), "formsOutput": asset["formsOutput"],
        "glossaryTerms": asset.get("glossaryTerms", []),
        "governedGlossaryTerms": asset.get("governedGlossaryTerms", []),
        "terms": _detailed(tx, domain_id, asset.get("glossaryTerms", [])),
        "governedTerms": _detailed(tx, domain_id, asset.get("governedGlossaryTerms", [])),
        "createdAt": now, "createdBy": by, "updatedAt": now, "updatedBy": by, "subscriptions": 0,
    }  # fmt: skip
    if known is not None:
        document |= {member: known[member] for member in ("createdAt", "createdBy", "subscriptions")}
    tx.put(assets.LISTINGS, document)
    tx.put(assets.LISTING_REVISIONS, document)
    entry = assets.entry(tx, _SCOPE, document, created=document["createdAt"], updated=now)
    search_index.put(tx, entry)
    return document


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


def _unpublish(tx: Transaction, asset: Document, by: str, now: float) -> Document:
    known = assets.listing_of(tx, asset["domainId"], asset["id"])
    if known is None:
        raise store.not_found("Listing of asset", asset["id"])
    document = known | {"status": "INACTIVE", "updatedAt": now, "updatedBy": by}
    tx.put(assets.LISTINGS, document)
    search_index.remove(tx, asset["domainId"], _SCOPE, known["id"])
    return document


def _detailed(tx: Transaction, domain_id: str, term_ids: list[str]) -> list[Document]:
    found = (tx.find(glossaries.TERMS, domain_id, term_id) for term_id in term_ids)
    return [store.pick(term, ("name", "shortDescription")) for term in found if term is not None]


OPERATIONS: dict[str, Operation] = {
    "CreateListingChangeSet": writes(create_listing_change_set, access.allowed("CreateListingChangeSet")),
    "GetListing": reads(get_listing, access.allowed("GetListing")),
    "DeleteListing": writes(delete_listing, access.allowed("DeleteListing")),
}
