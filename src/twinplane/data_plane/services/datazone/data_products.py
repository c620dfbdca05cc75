"""Data products: assets of a project that belong together, in revisions, published and subscribed to as one.

What an unpublished asset in a published product is: docs/decisions/0035-what-a-published-data-product-shows.md.
"""

from dataclasses import dataclass
from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, new_id, reads, writes
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.datazone import (
    access,
    assets,
    events,
    glossaries,
    quotas,
    rules,
    search_index,
    store,
)
from twinplane.data_plane.services.datazone import types as asset_types
from twinplane.data_plane.services.datazone.paging import answer
from twinplane.data_plane.store import AlreadyExists, Document, Kind, Transaction

DATA_PRODUCTS = Kind(
    "datazone_data_product", key=("domainId", "id"), columns=("owningProjectId",), unique=(("domainId", "name"),)
)
PRODUCT_REVISIONS = Kind("datazone_data_product_revision", key=("domainId", "id", "number"))
KINDS = [DATA_PRODUCTS, PRODUCT_REVISIONS]

_MEMBERS = (
    "domainId", "id", "revision", "owningProjectId", "name", "status", "description", "glossaryTerms", "items",
    "formsOutput", "createdAt", "createdBy", "firstRevisionCreatedAt", "firstRevisionCreatedBy",
)  # fmt: skip
ITEM_MEMBERS = tuple(m for m in _MEMBERS if m not in ("revision", "status", "items", "formsOutput"))


@dataclass(frozen=True)
class Draft:
    """What the next revision of a data product says; `forms` are AWS's FormOutput, `items` its DataProductItem."""

    name: str
    description: str | None
    glossary_terms: list[str]
    items: list[Document]
    forms: list[Document]
    by: str


def create_data_product(call: Call, request: Request) -> Answer:
    """Makes a data product of assets of a project."""
    domain_id, project_id = request["domainIdentifier"], request["owningProjectIdentifier"]
    who = access.require_project_role(call, domain_id, project_id)
    draft = _draft(call, request, project_id, who.id)
    return store.pick(add(call.tx, domain_id, project_id, draft, call.now), _MEMBERS)


def get_data_product(call: Call, request: Request) -> Answer:
    """A data product, in its latest or a given revision; members of its project may read it."""
    document = _product(call, request)[0]
    if request.get("revision") is not None:
        document = revision(call.tx, document["domainId"], document["id"], request["revision"])
    return store.pick(document, _MEMBERS)


def create_data_product_revision(call: Call, request: Request) -> Answer:
    """Describes a data product anew: everything the request leaves out, the new revision does not have."""
    known, who = _product(call, request)
    document = revise(call.tx, known, _draft(call, request, known["owningProjectId"], who.id), call.now)
    events.tell_of_product(call.tx, call.plane, "Data Product Revised", document, who.id, revision=document["revision"])
    return store.pick(document, _MEMBERS)


def list_data_product_revisions(call: Call, request: Request) -> Answer:
    """The revisions of a data product, latest first."""
    known = _product(call, request)[0]
    where = {"domainId": known["domainId"], "id": known["id"]}

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        return call.tx.select(PRODUCT_REVISIONS, where, after=after, limit=limit, descending=True)

    rows, token = page(call, request, fetch, lambda d: [d["domainId"], d["id"], d["number"]], most=50)
    return answer([store.pick(d, ("domainId", "id", "revision", "createdAt", "createdBy")) for d in rows], token)


def delete_data_product(call: Call, request: Request) -> Answer:
    """Removes a data product that is not listed."""
    known = _product(call, request)[0]
    if assets.listing_of(call.tx, known["domainId"], known["id"], assets.DATA_PRODUCT) is not None:
        raise rules.conflict(f"Data product {known['name']} has a listing; delete the listing first.")
    remove(call.tx, known["domainId"], known["id"])
    return {}


def data_product(tx: Transaction, domain_id: str, identifier: str) -> Document:
    """The data product in its latest revision. Raises ResourceNotFoundException."""
    return store.found(tx, DATA_PRODUCTS, "Data product", domain_id, identifier)


def revision(tx: Transaction, domain_id: str, identifier: str, wanted: str) -> Document:
    """The data product in a given revision. Raises ResourceNotFoundException."""
    found = tx.find(PRODUCT_REVISIONS, domain_id, identifier, store.revision_number(wanted))
    if found is None:
        raise store.not_found("Data product", f"{identifier} in revision {wanted}")
    return found


def add(tx: Transaction, domain_id: str, project_id: str, draft: Draft, now: float) -> Document:
    """Stores a new data product. Raises ConflictException when the domain has one of its name, and
    ServiceQuotaExceededException when it has as many as it may have.
    """
    quotas.check_domain(tx, quotas.DATA_PRODUCTS, domain_id)
    document: Document = {
        "domainId": domain_id, "id": new_id(), "owningProjectId": project_id, "number": 0, "status": "CREATED",
        "firstRevisionCreatedAt": now, "firstRevisionCreatedBy": draft.by,
    }  # fmt: skip
    return revise(tx, document, draft, now)


def revise(tx: Transaction, known: Document, draft: Draft, now: float) -> Document:
    """Stores the next revision of a data product; its listing stays as it is."""
    number = known["number"] + 1
    document = known | {
        "number": number, "revision": str(number), "name": draft.name, "description": draft.description,
        "glossaryTerms": draft.glossary_terms or None, "items": draft.items or None, "formsOutput": draft.forms,
        "createdAt": now, "createdBy": draft.by,
    }  # fmt: skip
    try:
        tx.put(DATA_PRODUCTS, document)
    except AlreadyExists:
        raise rules.conflict(f"The domain has a data product {draft.name} already.") from None
    tx.put(PRODUCT_REVISIONS, document)
    _link(tx, document)
    times = {"created": document["firstRevisionCreatedAt"], "updated": now}
    search_index.put(tx, assets.entry(tx, assets.DATA_PRODUCT, document, **times))
    return document


def remove(tx: Transaction, domain_id: str, product_id: str) -> None:
    """Removes a data product whose listing is gone."""
    here = {"domainId": domain_id}
    for kind, member in ((PRODUCT_REVISIONS, "id"), (assets.PRODUCT_ITEMS, "productId")):
        for document in tx.select(kind, here | {member: product_id}):
            tx.remove(kind, *kind.key_of(document))
    tx.remove(DATA_PRODUCTS, domain_id, product_id)
    search_index.remove(tx, domain_id, assets.DATA_PRODUCT, product_id)


def _link(tx: Transaction, document: Document) -> None:
    """Keeps which assets the latest revision has: those cannot be deleted."""
    domain_id, product_id = document["domainId"], document["id"]
    for old in tx.select(assets.PRODUCT_ITEMS, {"domainId": domain_id, "productId": product_id}):
        tx.remove(assets.PRODUCT_ITEMS, domain_id, product_id, old["assetId"])
    for item in document["items"] or ():
        link = {"domainId": domain_id, "productId": product_id, "assetId": item["identifier"]}
        tx.add(assets.PRODUCT_ITEMS, link)


def _draft(call: Call, request: Request, project_id: str, by: str) -> Draft:
    tx, domain_id = call.tx, request["domainIdentifier"]
    terms = request.get("glossaryTerms") or []
    items: dict[str, Document] = {}
    for item in request.get("items") or []:
        known = tx.find(assets.ASSETS, domain_id, item["identifier"])
        if known is None or known["owningProjectId"] != project_id:
            raise store.not_found("Asset", item["identifier"])
        if item.get("revision") is not None:
            assets.revision(tx, domain_id, known["id"], item["revision"])
        if known["id"] in items:
            raise rules.invalid(f"Asset {known['id']} is in the data product twice.")
        glossaries.usable_terms(tx, domain_id, item.get("glossaryTerms") or [])
        items[known["id"]] = item
    glossaries.usable_terms(tx, domain_id, terms)
    forms = [asset_types.check_form(tx, domain_id, form) for form in request.get("formsInput") or []]
    return Draft(request["name"], request.get("description"), terms, list(items.values()), forms, by)


def _product(call: Call, request: Request) -> tuple[Document, access.Caller]:
    known = data_product(call.tx, request["domainIdentifier"], request["identifier"])
    of = ("Data product", known["id"])
    return known, access.require_project_role(call, known["domainId"], known["owningProjectId"], of=of)


OPERATIONS: dict[str, Operation] = {
    "CreateDataProduct": writes(create_data_product, access.allowed("CreateDataProduct")),
    "GetDataProduct": reads(get_data_product, access.allowed("GetDataProduct")),
    "CreateDataProductRevision": writes(create_data_product_revision, access.allowed("CreateDataProductRevision")),
    "ListDataProductRevisions": reads(list_data_product_revisions, access.allowed("ListDataProductRevisions")),
    "DeleteDataProduct": writes(delete_data_product, access.allowed("DeleteDataProduct")),
}

NOTES = {
    "CreateDataProduct": "The product is CREATED when the call returns.",
    "DeleteDataProduct": "A product with a listing is refused: delete the listing first, as for assets.",
}
ASSUMED = {
    "CreateDataProduct": "Its items are assets of its own project; each at most once.",
    "CreateDataProductRevision": "What the request leaves out, the new revision does not have, as for assets.",
    "ListDataProductRevisions": "The latest revision comes first, as for assets.",
}
