"""Search (a project's inventory) and SearchListings (the catalog)."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, reads
from twinplane.data_plane.services.datazone import (
    access,
    assets,
    data_products,
    glossaries,
    listings,
    search_index,
    search_query,
    store,
    time_series_points,
)
from twinplane.data_plane.store import Document, Kind, Transaction

_ASSET_ITEM = (
    "domainId", "name", "typeIdentifier", "typeRevision", "externalIdentifier", "description", "createdAt",
    "createdBy", "firstRevisionCreatedAt", "firstRevisionCreatedBy", "glossaryTerms", "owningProjectId",
    "governedGlossaryTerms",
)  # fmt: skip
_ROLE_OF_PROJECT = re.compile(r"/datazone_usr_role_([^_]+)_")  # the name says whose; whether it is, its environment
_MOST_EXPLAINED = 50_000  # characters of one item that are looked through for what matched
_SNIPPET = 200  # characters of a long text around its first match


def search(call: Call, request: Request) -> Answer:
    """Assets, data products, glossaries or terms. Assets and data products: of the caller's projects only."""
    domain_id, scope = request["domainIdentifier"], request["searchScope"]
    who = access.caller(call, domain_id)
    owner = request.get("owningProjectIdentifier")
    projects: list[str] | None = None if owner is None else [owner]
    if scope in (assets.ASSET, assets.DATA_PRODUCT):
        mine = _projects_of(call.tx, domain_id, who)
        if owner is not None and owner not in mine:
            raise store.not_found("Project", owner)
        projects = mine if owner is None else [owner]
    kind, item = _ITEMS[scope]
    with search_query.affordable(call.tx):
        found = search_query.Search(call.tx, domain_id, scope, request, projects)
        ids, token, total = search_query.page_of(call, request, found)
    documents = [call.tx.get(kind, domain_id, identifier) for identifier in ids]
    answer: Answer = {"items": [item(call.tx, d, request) for d in documents], "totalMatchCount": total}
    return answer if token is None else answer | {"nextToken": token}


def search_listings(call: Call, request: Request) -> Answer:
    """Published listings; every user of the domain may find them."""
    domain_id = request["domainIdentifier"]
    access.caller(call, domain_id)
    with search_query.affordable(call.tx):
        found = search_query.Search(call.tx, domain_id, "LISTING", request, None)
        ids, token, total = search_query.page_of(call, request, found)
        aggregates = [_aggregate(call.tx, domain_id, found, a) for a in request.get("aggregations") or ()]
    documents = [call.tx.get(assets.LISTINGS, domain_id, identifier) for identifier in ids]
    answer: Answer = {"items": [_listing_item(call.tx, d, request) for d in documents], "totalMatchCount": total}
    if aggregates:
        answer["aggregates"] = aggregates
    return answer if token is None else answer | {"nextToken": token}


def _projects_of(tx: Transaction, domain_id: str, who: access.Caller) -> list[str]:
    where = {"domainId": domain_id, "memberId": [who.id, *who.group_ids]}
    mine = {m["projectId"] for m in tx.select(store.MEMBERSHIPS, where)}
    named = _ROLE_OF_PROJECT.search(who.iam_arn) if who.kind == "IAM_ROLE" else None
    if named is not None and store.project_role_arn(tx, domain_id, named[1]) == who.iam_arn:
        mine.add(named[1])
    return sorted(mine)


def _asset_item(tx: Transaction, document: Document, request: Request) -> Answer:
    wanted = request.get("additionalAttributes") or []
    additional: Answer = {}
    if "FORMS" in wanted:
        additional |= {"formsOutput": document["formsOutput"], "readOnlyFormsOutput": []}
    if "TIME_SERIES_DATA_POINT_FORMS" in wanted:
        points = time_series_points.latest(tx, document["domainId"], document["id"])
        additional["latestTimeSeriesDataPointFormsOutput"] = points
    if "TEXT_MATCH_RATIONALE" in wanted:
        additional["matchRationale"] = _rationale(tx, document, request)
    item = store.pick(document, _ASSET_ITEM) | {"identifier": document["id"], "additionalAttributes": additional}
    return {"assetItem": {k: v for k, v in item.items() if v != []}}


def _product_item(tx: Transaction, document: Document, request: Request) -> Answer:
    item = store.pick(document, data_products.ITEM_MEMBERS)
    if "TEXT_MATCH_RATIONALE" in (request.get("additionalAttributes") or []):
        item["additionalAttributes"] = {"matchRationale": _rationale(tx, document, request)}
    return {"dataProductItem": item}


def _glossary_item(_tx: Transaction, document: Document, request: Request) -> Answer:
    item = store.pick(document, glossaries.GLOSSARY_MEMBERS)
    return {"glossaryItem": item | _explanation(document, request, "name", "description")}


def _term_item(_tx: Transaction, document: Document, request: Request) -> Answer:
    item = store.pick(document, glossaries.TERM_MEMBERS)
    return {"glossaryTermItem": item | _explanation(document, request, "name", "shortDescription", "longDescription")}


def _explanation(document: Document, request: Request, *members: str) -> Answer:
    if "TEXT_MATCH_RATIONALE" not in (request.get("additionalAttributes") or []):
        return {}
    texts = ((member, str(document[member])) for member in members if document.get(member))
    return {"additionalAttributes": {"matchRationale": _matches(texts, request)}}


_ITEMS: dict[str, tuple[Kind, Callable[[Transaction, Document, Request], Answer]]] = {
    "ASSET": (assets.ASSETS, _asset_item),
    "DATA_PRODUCT": (data_products.DATA_PRODUCTS, _product_item),
    "GLOSSARY": (glossaries.GLOSSARIES, _glossary_item),
    "GLOSSARY_TERM": (glossaries.TERMS, _term_item),
}


def _listing_item(tx: Transaction, document: Document, request: Request) -> Answer:
    wanted = request.get("additionalAttributes") or []
    additional: Answer = {}
    if "FORMS" in wanted:
        additional["forms"] = listings.forms_text(document)
    if "TIME_SERIES_DATA_POINT_FORMS" in wanted and document["entityType"] == assets.ASSET:
        points = time_series_points.latest(tx, document["domainId"], document["entityId"])
        additional["latestTimeSeriesDataPointForms"] = points
    if "TEXT_MATCH_RATIONALE" in wanted:
        additional["matchRationale"] = _rationale(tx, document, request)
    item: Answer = store.pick(document, ("listingRevision", "name", "description", "createdAt", "owningProjectId"))
    item |= {
        "listingId": document["id"], "entityId": document["entityId"], "entityRevision": document["entityRevision"],
        "listingCreatedBy": document["createdBy"], "listingUpdatedBy": document["updatedBy"],
        "glossaryTerms": document["terms"], "additionalAttributes": additional,
    }  # fmt: skip
    if document["entityType"] == assets.DATA_PRODUCT:
        return {"dataProductListing": item | {"items": document["items"]}}
    kind = {"entityType": listings.asset_type_name(document), "governedGlossaryTerms": document["governedTerms"]}
    return {"assetListing": item | kind}


def _aggregate(tx: Transaction, domain_id: str, found: search_query.Search, wanted: dict[str, Any]) -> Answer:
    items = [
        {"value": str(value), "count": count, "displayValue": _shown(tx, domain_id, wanted, value)}
        for value, count in found.values(wanted["attribute"])
    ]
    answer: Answer = {"attribute": wanted["attribute"], "items": items}
    return answer | store.pick(wanted, ("displayValue",))


def _shown(tx: Transaction, domain_id: str, wanted: dict[str, Any], value: Any) -> str:
    kind, member = {
        glossaries.TERMS_ATTRIBUTE: (glossaries.TERMS, "name"),
        "glossaryTerms": (glossaries.TERMS, "name"),
        "owningProjectId": (store.PROJECTS, "name"),
    }.get(wanted["attribute"], (None, ""))
    named = None if kind is None else tx.find(kind, domain_id, value)
    return str(value if named is None else named[member])


def _rationale(tx: Transaction, document: Document, request: Request) -> list[Answer]:
    """Where the words of the search stand in what was found."""
    return _matches(_explained(tx, document), request)


def _matches(texts: Iterable[tuple[str, str]], request: Request) -> list[Answer]:
    words, _ = search_index.words(request.get("searchText") or "")
    wanted = {search_index.field_of(item["attribute"]) for item in request.get("searchIn") or []}
    matches, left = [], _MOST_EXPLAINED
    for attribute, text in texts:
        if wanted and search_index.field_of(attribute) not in wanted:
            continue
        text, left = text[:left], left - len(text)
        found = search_index.offsets(text, words)
        if found:
            matches.append(_snippet(attribute, text, found))
        if left <= 0:
            break
    return [{"textMatches": matches}] if matches else []


def _explained(tx: Transaction, document: Document) -> Iterable[tuple[str, str]]:
    yield from assets.searchable(tx, document)
    for term_id in [*(document.get("glossaryTerms") or []), *document.get("governedGlossaryTerms", [])]:
        term = tx.find(glossaries.TERMS, document["domainId"], term_id)
        if term is not None:
            yield "glossaryTerms", term["name"]


def _snippet(attribute: str, text: str, found: list[dict[str, int]]) -> Answer:
    start = max(0, found[0]["startOffset"] - _SNIPPET // 4) if len(text) > _SNIPPET else 0
    end = start + _SNIPPET if len(text) > _SNIPPET else len(text)
    inside = [m for m in found if m["endOffset"] <= end]
    return {
        "attribute": attribute,
        "text": text[start:end],
        "matchOffsets": [
            {"startOffset": m["startOffset"] - start, "endOffset": m["endOffset"] - start} for m in inside
        ],
    }


OPERATIONS: dict[str, Operation] = {
    "Search": reads(search, access.allowed("Search")),
    "SearchListings": reads(search_listings, access.allowed("SearchListings")),
}

_LEXICAL = (
    "Lexical only: no meaning is understood; more than 10,000 matches of a text are not counted, more than 3,000 come "
    "newest first."
)
NOTES = {"Search": _LEXICAL, "SearchListings": _LEXICAL + " An aggregation shows its 100 most frequent values."}
ASSUMED = {
    "Search": "Data products, like assets, are found by members of their project; what lacks the attribute of "
    "a sort comes last.",
    "SearchListings": "The source category of a data product is dataproduct; what lacks a sort's attribute comes last.",
}
