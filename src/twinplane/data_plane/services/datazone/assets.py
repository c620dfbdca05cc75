"""Assets: what a project has in its inventory, in revisions, with the forms and terms that describe it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, new_id, reads, writes
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.datazone import (
    access,
    events,
    glossaries,
    managed_types,
    quotas,
    rules,
    search_index,
    smithy,
    store,
    time_series_points,
)
from twinplane.data_plane.services.datazone import types as asset_types
from twinplane.data_plane.services.datazone.paging import answer
from twinplane.data_plane.store import AlreadyExists, Document, Kind, Transaction

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

ASSETS = Kind(
    "datazone_asset",
    key=("domainId", "id"),
    unique=(("domainId", "owningProjectId", "externalIdentifier"),),
    indexes=(("domainId", "sourceIdentifier"),),
)
REVISIONS = Kind("datazone_asset_revision", key=("domainId", "id", "number"))
LISTINGS = Kind(
    "datazone_listing",
    key=("domainId", "id"),
    columns=("status", "owningProjectId"),
    unique=(("domainId", "entityType", "entityId"),),
)
LISTING_REVISIONS = Kind("datazone_listing_revision", key=("domainId", "id", "number"))
FILTERS = Kind("datazone_asset_filter", key=("domainId", "assetId", "id"), unique=(("domainId", "assetId", "name"),))
PRODUCT_ITEMS = Kind(
    "datazone_data_product_item", key=("domainId", "productId", "assetId"), indexes=(("domainId", "assetId"),)
)
KINDS = [ASSETS, REVISIONS, LISTINGS, LISTING_REVISIONS, FILTERS, PRODUCT_ITEMS, search_index.ENTRIES]

ASSET = "ASSET"
DATA_PRODUCT = "DATA_PRODUCT"
PRODUCT_TYPE = "DataProduct"

_MEMBERS = (
    "id", "name", "typeIdentifier", "typeRevision", "externalIdentifier", "revision", "description", "createdAt",
    "createdBy", "firstRevisionCreatedAt", "firstRevisionCreatedBy", "glossaryTerms", "governedGlossaryTerms",
    "owningProjectId", "domainId", "formsOutput",
)  # fmt: skip
_TABLES = ("RelationalTableForm", "RedshiftTableForm", "RedshiftViewForm")
_SEARCHABLE = "amazon.datazone#searchable"
_MOST_FILTERABLE = 5_000  # values of one asset or listing: more would hold up everybody while they are written


@dataclass(frozen=True)
class Draft:
    """What the next revision of an asset says."""

    name: str
    description: str | None
    glossary_terms: list[str]
    forms: list[Document]
    by: str


def create_asset(call: Call, request: Request) -> Answer:
    """Adds an asset to a project's inventory."""
    domain_id, project_id = request["domainIdentifier"], request["owningProjectIdentifier"]
    who = access.require_project_role(call, domain_id, project_id)
    kind = asset_types.asset_type(call.tx, domain_id, request["typeIdentifier"], request.get("typeRevision"))
    access.require_use(call, domain_id, project_id, "USE_ASSET_TYPE", kind["name"])
    draft = _draft(call, request, kind, who.id)
    document = add(call.tx, domain_id, project_id, kind, draft, call.now, request.get("externalIdentifier"))
    tell_of_new(call.tx, call.plane, document)
    return _answer(call.tx, document) | store.pick(request, ("predictionConfiguration",))


def tell_of_new(tx: Transaction, plane: "Plane", document: Document) -> None:
    """Tells EventBridge of an asset that was added."""
    project_id = document["owningProjectId"]
    events.tell(
        tx, plane, "Asset Added To Inventory", document, "Asset", project_id=project_id,
        by=document["firstRevisionCreatedBy"], name=document["name"], typeName=document["typeIdentifier"],
    )  # fmt: skip


def tell_of_revision(tx: Transaction, plane: "Plane", before: Document, document: Document) -> None:
    """Tells EventBridge when an asset has other columns than before."""
    if (now := columns(document)) != columns(before):
        events.tell_of_schema(tx, plane, document, now)


def get_asset(call: Call, request: Request) -> Answer:
    """An asset, in its latest or a given revision; members of its project may read it."""
    domain_id = request["domainIdentifier"]
    document = asset(call.tx, domain_id, request["identifier"])
    access.require_project_role(call, domain_id, document["owningProjectId"], of=("Asset", document["id"]))
    if request.get("revision") is not None:
        document = revision(call.tx, domain_id, request["identifier"], request["revision"])
    return _answer(call.tx, document)


def create_asset_revision(call: Call, request: Request) -> Answer:
    """Describes an asset anew: everything the request leaves out, the new revision does not have."""
    domain_id = request["domainIdentifier"]
    known = asset(call.tx, domain_id, request["identifier"])
    who = access.require_project_role(call, domain_id, known["owningProjectId"], of=("Asset", known["id"]))
    kind = asset_types.asset_type(call.tx, domain_id, known["typeIdentifier"], request.get("typeRevision"))
    access.require_use(call, domain_id, known["owningProjectId"], "USE_ASSET_TYPE", kind["name"])
    document = revise(call.tx, known, kind, _draft(call, request, kind, who.id), call.now)
    tell_of_revision(call.tx, call.plane, known, document)
    return _answer(call.tx, document) | store.pick(request, ("predictionConfiguration",))


def list_asset_revisions(call: Call, request: Request) -> Answer:
    """The revisions of an asset, latest first."""
    domain_id, asset_id = request["domainIdentifier"], request["identifier"]
    known = asset(call.tx, domain_id, asset_id)
    access.require_project_role(call, domain_id, known["owningProjectId"], of=("Asset", asset_id))
    where = {"domainId": domain_id, "id": asset_id}

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        return call.tx.select(REVISIONS, where, after=after, limit=limit, descending=True)

    rows, token = page(call, request, fetch, lambda d: [domain_id, asset_id, d["number"]], most=50)
    shown = ("domainId", "id", "revision", "createdBy", "createdAt")
    return answer([store.pick(d, shown) for d in rows], token)


def delete_asset(call: Call, request: Request) -> Answer:
    """Removes an asset that is not listed, has no filters and is in no data product."""
    domain_id, asset_id = request["domainIdentifier"], request["identifier"]
    known = asset(call.tx, domain_id, asset_id)
    access.require_project_role(call, domain_id, known["owningProjectId"], of=("Asset", asset_id))
    if listing_of(call.tx, domain_id, asset_id) is not None:
        raise rules.conflict(f"Asset {known['name']} has a listing; delete the listing first.")
    if call.tx.count(FILTERS, {"domainId": domain_id, "assetId": asset_id}):
        raise rules.conflict(f"Asset {known['name']} has filters; delete them first.")
    if call.tx.first(PRODUCT_ITEMS, {"domainId": domain_id, "assetId": asset_id}) is not None:
        raise rules.conflict(f"Asset {known['name']} is in a data product; take it out of it first.")
    for old in call.tx.select(REVISIONS, {"domainId": domain_id, "id": asset_id}):
        call.tx.remove(REVISIONS, domain_id, asset_id, old["number"])
    time_series_points.forget(call.tx, domain_id, asset_id)
    call.tx.remove(ASSETS, domain_id, asset_id)
    search_index.remove(call.tx, domain_id, "ASSET", asset_id)
    return {}


def associate_governed_terms(call: Call, request: Request) -> Answer:
    """Attaches terms of a restricted glossary to an asset."""
    known, wanted = _governed(call, request)
    glossaries.usable_terms(call.tx, known["domainId"], wanted, governed=True)
    return _put_governed(call.tx, known, [*known.get("governedGlossaryTerms", []), *wanted])


def disassociate_governed_terms(call: Call, request: Request) -> Answer:
    """Takes terms of a restricted glossary off an asset."""
    known, unwanted = _governed(call, request)
    return _put_governed(call.tx, known, [t for t in known.get("governedGlossaryTerms", []) if t not in unwanted])


def asset(tx: Transaction, domain_id: str, identifier: str) -> Document:
    """The asset in its latest revision. Raises ResourceNotFoundException."""
    return store.found(tx, ASSETS, "Asset", domain_id, identifier)


def revision(tx: Transaction, domain_id: str, identifier: str, wanted: str) -> Document:
    """The asset in a given revision. Raises ResourceNotFoundException."""
    found = tx.find(REVISIONS, domain_id, identifier, store.revision_number(wanted))
    if found is None:
        raise store.not_found("Asset", f"{identifier} in revision {wanted}")
    return found


def listing_of(tx: Transaction, domain_id: str, entity_id: str, entity_type: str = ASSET) -> Document | None:
    """The listing that an asset or data product has, published or not; None when it never had one."""
    return tx.first(LISTINGS, {"domainId": domain_id, "entityType": entity_type, "entityId": entity_id})


def listing_status(listing: Document) -> str:
    """What AWS says of a listing: ACTIVE also when it can be had only through a published data product."""
    return "ACTIVE" if listing["products"] else str(listing["status"])


def add(
    tx: Transaction,
    domain_id: str,
    project_id: str,
    kind: Document,
    draft: Draft,
    now: float,
    external_identifier: str | None,
) -> Document:
    """Stores a new asset of an asset type. Raises ConflictException when the project has its externalIdentifier,
    ServiceQuotaExceededException when the domain has as many assets as it may have.
    """
    quotas.check_domain(tx, quotas.ASSETS, domain_id)
    document: Document = {
        "domainId": domain_id, "id": new_id(), "owningProjectId": project_id, "typeIdentifier": kind["name"],
        "externalIdentifier": external_identifier, "firstRevisionCreatedAt": now, "firstRevisionCreatedBy": draft.by,
        "governedGlossaryTerms": [], "number": 0,
    }  # fmt: skip
    return revise(tx, document, kind, draft, now)


def revise(tx: Transaction, known: Document, kind: Document, draft: Draft, now: float) -> Document:
    """Stores the next revision of an asset; its listing stays as it is."""
    number = known["number"] + 1
    document = known | {
        "number": number, "revision": str(number), "name": draft.name, "description": draft.description,
        "typeRevision": kind["revision"], "glossaryTerms": draft.glossary_terms, "formsOutput": draft.forms,
        "createdAt": now, "createdBy": draft.by, "sourceIdentifier": source_identifier(draft.forms),
    }  # fmt: skip
    try:
        tx.put(ASSETS, document)
    except AlreadyExists:
        raise rules.conflict(f"The project has an asset {document['externalIdentifier']} already.") from None
    tx.put(REVISIONS, document)
    _index(tx, document)
    return document


def source_identifier(forms: list[Document]) -> str | None:
    """What an asset is called where it comes from: lineage finds it by that."""
    found = form_content({"formsOutput": forms}, managed_types.COMMON_FORM)
    return (found or {}).get("sourceIdentifier")


def form_content(document: Document, form_name: str) -> dict[str, Any] | None:
    """The content of one form of an asset or listing; None when it has no such form."""
    for form in document["formsOutput"]:
        if form["formName"] == form_name:
            return asset_types.content_of(form_name, form["content"])
    return None


def columns(document: Document) -> dict[str, str]:
    """The columns of a table asset or listing: data type by name."""
    for form_name in (managed_types.GLUE_TABLE_FORM, managed_types.GLUE_VIEW_FORM, *_TABLES):
        content = form_content(document, form_name)
        if content is not None:
            return {c["columnName"]: c.get("dataType") or "string" for c in content.get("columns") or []}
    return {}


_Values = list[tuple[str, Any, smithy.Traits]]


def searchable(tx: Transaction, document: Document) -> Iterator[tuple[str, str]]:
    """What free text finds an asset or listing by: attribute and text, in the order a match is explained."""
    return _searchable(document, [_values(tx, document["domainId"], form) for form in document["formsOutput"]])


def _searchable(document: Document, forms: list[_Values]) -> Iterator[tuple[str, str]]:
    yield "name", document["name"]
    if document.get("description"):
        yield "description", document["description"]
    for values in forms:
        for path, value, traits in values:
            if _SEARCHABLE in traits and isinstance(value, str):
                yield path, value


def _values(tx: Transaction, domain_id: str, form: Document) -> _Values:
    """The simple values of a form, with their paths and what its type says of them."""
    kind = asset_types.form_type(tx, domain_id, form["typeName"], form["typeRevision"])
    model, structure = smithy.parse(kind["model"]["smithy"]), asset_types.structure_of(form["typeName"])
    content = asset_types.content_of(form["formName"], form["content"])
    return smithy.scalars(model, structure, content, form["formName"])


def _indexed(value: Any) -> Any:
    """A value of a form as the search index holds it: numbers of more than 64 bits as floats."""
    if isinstance(value, bool):
        return str(value).lower()
    return float(str(value)) if isinstance(value, int) and not -(2**63) <= value < 2**63 else value


def entry(tx: Transaction, scope: str, document: Document, *, created: float, updated: float) -> search_index.Entry:
    """How the search index knows an asset, a data product or a listing."""
    text: dict[str, list[str]] = {}
    forms = [(form, _values(tx, document["domainId"], form)) for form in document["formsOutput"]]
    for attribute, value in _searchable(document, [values for _, values in forms]):
        text.setdefault(search_index.field_of(attribute), []).append(value)
    terms = [*(document.get("glossaryTerms") or []), *document.get("governedGlossaryTerms", [])]
    known_terms = [t for t in (tx.find(glossaries.TERMS, document["domainId"], i) for i in terms) if t is not None]
    text["terms"] = [t["name"] for t in known_terms]
    type_name = document.get("typeIdentifier", PRODUCT_TYPE)
    short_name = type_name.removeprefix(managed_types.PREFIX)
    attributes: list[tuple[str, Any]] = [
        ("owningProjectId", document["owningProjectId"]),
        ("typeIdentifier", type_name),
        *((attribute, short_name) for attribute in search_index.TYPE_ATTRIBUTES),
        ("amazonmetadata.sourceCategory", "dataproduct" if type_name == PRODUCT_TYPE else "asset"),
        ("name", document["name"]),
        *((attribute, term_id) for term_id in terms for attribute in (glossaries.TERMS_ATTRIBUTE, "glossaryTerms")),
    ]
    if document.get("externalIdentifier"):
        attributes.append(("externalIdentifier", document["externalIdentifier"]))
    filterable = []
    for form, values in forms:
        managed = form["typeName"].startswith(managed_types.PREFIX)
        attributes.append((asset_types.FORMS_ATTRIBUTE, form["typeName"]))
        for path, value, traits in values:
            if _SEARCHABLE in traits or not managed:  # of managed forms, what AWS indexes; of others, everything
                filterable.append((path, _indexed(value)))
            if asset_types.TERM_TRAIT in traits:
                attributes.append((glossaries.TERMS_IN_FORMS, value))
    attributes += filterable[:_MOST_FILTERABLE]
    return search_index.Entry(
        document["domainId"],
        scope,
        document["id"],
        document["owningProjectId"],
        document["name"],
        created,
        updated,
        {field: "\n".join(values) for field, values in text.items()},
        tuple(attributes),
    )


def _index(tx: Transaction, document: Document) -> None:
    times = {"created": document["firstRevisionCreatedAt"], "updated": document["createdAt"]}
    search_index.put(tx, entry(tx, "ASSET", document, **times))


def _draft(call: Call, request: Request, kind: Document, by: str) -> Draft:
    terms = request.get("glossaryTerms") or []
    glossaries.usable_terms(call.tx, request["domainIdentifier"], terms)
    forms = asset_types.check_forms(call.tx, request["domainIdentifier"], kind, request.get("formsInput") or [])
    return Draft(request["name"], request.get("description"), terms, forms, by)


def _answer(tx: Transaction, document: Document) -> Answer:
    found: Answer = store.pick(document, _MEMBERS) | {"readOnlyFormsOutput": []}
    found["latestTimeSeriesDataPointFormsOutput"] = time_series_points.latest(tx, document["domainId"], document["id"])
    listing = listing_of(tx, document["domainId"], document["id"])
    if listing is not None:
        found["listing"] = {"listingId": listing["id"], "listingStatus": listing_status(listing)}
    return {k: v for k, v in found.items() if v != [] or k in ("formsOutput", "readOnlyFormsOutput")}


def _governed(call: Call, request: Request) -> tuple[Document, list[str]]:
    known = asset(call.tx, request["domainIdentifier"], request["entityIdentifier"])
    access.require_project_role(call, known["domainId"], known["owningProjectId"], of=("Asset", known["id"]))
    return known, request["governedGlossaryTerms"]


def _put_governed(tx: Transaction, known: Document, terms: list[str]) -> Answer:
    document = known | {"governedGlossaryTerms": list(dict.fromkeys(terms))}
    tx.put(ASSETS, document)
    tx.put(REVISIONS, document)
    _index(tx, document)
    return {}


OPERATIONS: dict[str, Operation] = {
    "CreateAsset": writes(create_asset, access.allowed("CreateAsset")),
    "GetAsset": reads(get_asset, access.allowed("GetAsset")),
    "CreateAssetRevision": writes(create_asset_revision, access.allowed("CreateAssetRevision")),
    "ListAssetRevisions": reads(list_asset_revisions, access.allowed("ListAssetRevisions")),
    "DeleteAsset": writes(delete_asset, access.allowed("DeleteAsset")),
    "AssociateGovernedTerms": writes(associate_governed_terms, access.allowed("AssociateGovernedTerms")),
    "DisassociateGovernedTerms": writes(disassociate_governed_terms, access.allowed("DisassociateGovernedTerms")),
}

NOTES = {
    "CreateAsset": "Business names are not generated: predictionConfiguration is accepted and has no effect.",
    "CreateAssetRevision": "Business names are not generated: predictionConfiguration is accepted and has no effect.",
}
ASSUMED = {
    "DeleteAsset": "An asset that has a listing, published or not, is refused: delete the listing first.",
    "AssociateGovernedTerms": "Governed terms stay as they are when the asset gets a new revision.",
}
