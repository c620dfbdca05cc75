"""SearchTypes: form types and asset types, managed ones and those of the domain's projects."""

from collections.abc import Callable
from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, reads
from twinplane.data_plane.services.datazone import (
    access,
    managed_types,
    rules,
    search_filters,
    search_index,
    search_query,
    store,
    types,
)
from twinplane.data_plane.services.datazone.paging import list_page
from twinplane.data_plane.store import Document

_COMPARE: dict[str, Callable[[str, str], bool]] = {
    "EQ": lambda a, b: a == b,
    "LT": lambda a, b: a < b,
    "LE": lambda a, b: a <= b,
    "GT": lambda a, b: a > b,
    "GE": lambda a, b: a >= b,
    "TEXT_SEARCH": lambda a, b: all(word in a.lower() for word in search_index.words(b.lower())[0]),
}


def search_types(call: Call, request: Request) -> Answer:
    """Form types or asset types in their latest revision, managed or custom, by text and filters."""
    tx, domain_id = call.tx, request["domainIdentifier"]
    access.caller(call, domain_id)
    scope = request["searchScope"]
    if scope == "LINEAGE_NODE_TYPE":
        return {"items": [], "totalMatchCount": 0}
    forms = scope == "FORM_TYPE"
    search_filters.check_clause(request.get("filters"))
    if request["managed"]:
        matching = _managed(call, request, forms=forms)
        rows, token = list_page(call, request, matching)  # as many as the service has
        total = len(matching)
    else:
        with search_query.affordable(tx):
            found = search_query.Search(tx, domain_id, scope, request, None)
            names, token, total = search_query.page_of(call, request, found)
        get = types.form_type if forms else types.asset_type
        rows = [get(tx, domain_id, name) for name in names]
    member, shown = ("formTypeItem", types.FORM_MEMBERS) if forms else ("assetTypeItem", types.ASSET_MEMBERS)
    answer: Answer = {"items": [{member: store.pick(d, shown)} for d in rows], "totalMatchCount": total}
    return answer if token is None else answer | {"nextToken": token}


def _managed(call: Call, request: Request, *, forms: bool) -> list[Document]:
    names = managed_types.FORMS if forms else managed_types.ASSETS
    get = types.form_type if forms else types.asset_type
    found = [get(call.tx, request["domainIdentifier"], managed_types.PREFIX + name) for name in sorted(names)]
    sort = request.get("sort") or {"attribute": "name"}
    matching = [d for d in found if _fits(d, request)]
    return sorted(matching, key=lambda d: str(d.get(sort["attribute"], "")), reverse=sort.get("order") == "DESCENDING")


def _fits(document: Document, request: Request) -> bool:
    words, _ = search_index.words((request.get("searchText") or "").lower())
    attributes = [item["attribute"] for item in request.get("searchIn") or []] or ["name", "description"]
    text = " ".join(str(document.get(attribute) or "") for attribute in attributes).lower()
    return all(word in text for word in words) and _meets(document, request.get("filters"))


def _meets(document: Document, clause: dict[str, Any] | None) -> bool:
    if not clause:
        return True
    member, value = rules.exactly_one(clause, "filters")
    if member == "filter":
        wanted = value.get("value") if value.get("intValue") is None else value["intValue"]
        return _COMPARE[value.get("operator") or "EQ"](str(document.get(value["attribute"])), str(wanted))
    every: Callable[[Any], bool] = all if member == "and" else any
    return every(_meets(document, part) for part in value)


OPERATIONS: dict[str, Operation] = {"SearchTypes": reads(search_types, access.allowed("SearchTypes"))}

NOTES = {"SearchTypes": "No lineage node types are kept: LINEAGE_NODE_TYPE finds nothing."}
ASSUMED = {
    "SearchTypes": "Filters and sorts know name, status, owningProjectId, createdAt and, of asset types, "
    "forms.typeName."
}
