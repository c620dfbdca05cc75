"""A catalog that grows: what a page of each list and search takes at 1 % of the load, at a tenth, and at all of it.

Assets are loaded and published through the services' own store functions, with the plane stopped. Each project has ten
assets; every asset has the word `common`, and one in a thousand of the fullest catalog has the word `rare`.
"""

import asyncio
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from bench import pages, servers
from twinplane.data_plane.app import kinds_and_tasks
from twinplane.data_plane.services.datazone import assets, listings, store, types
from twinplane.data_plane.store import Document, Store, Transaction
from twinplane.data_plane.upgrades import UPGRADES

_PER_PROJECT = 10
_AT_ONCE = 500  # assets of one transaction
_RARE = 20  # assets with the rare word, all among the first
_TYPES = 60  # form types with the first assets, so that a page of them is full from the start
_REPEATS = 60
_REGIONS = ("north", "south", "east", "west")


def run(folder: Path, most: int = 100_000) -> None:
    sizes = [most // 100, most // 10, most]
    figures: dict[str, list[float]] = {}
    with servers.twinplane(folder) as server:
        domain_id, project_id, unit_id, user_id = _domain(server)
    there = 0
    for size in sizes:
        seconds = asyncio.run(_load(folder, domain_id, (project_id, unit_id, user_id), there, size))
        made = size - there
        print(f"{size} assets: {made} made and published in {seconds:.0f} s, {made / seconds:.0f} per second")
        there = size
        with servers.twinplane(folder) as server:
            for name, seconds in _measure(server, domain_id, project_id).items():
                figures.setdefault(name, []).append(seconds)
    print("\n| page of 50 | " + " | ".join(f"{size} assets, ms" for size in sizes) + " | growth | bar |")
    print("|---|" + "---|" * (len(sizes) + 2))
    for name, times in figures.items():
        growth = times[-1] / times[0]
        bar = "in proportion to the matches" if "beginning" in name else "1.5"
        print(f"| {name} | " + " | ".join(f"{t * 1e3:.2f}" for t in times) + f" | {growth:.2f} | {bar} |")


def _domain(server: servers.Server) -> tuple[str, str, str, str]:
    """A domain with one project of the administrator: their ids, the root unit's and the administrator's."""
    trust = {"Effect": "Allow", "Principal": {"Service": "datazone.amazonaws.com"}, "Action": "sts:AssumeRole"}
    named = {"RoleName": "bench-domain", "AssumeRolePolicyDocument": pages.policy(trust)}
    role = pages.client(server, "iam").create_role(**named)["Role"]["Arn"]
    datazone = pages.client(server, "datazone")
    made = datazone.create_domain(name="bench", domainExecutionRole=role, serviceRole=role, domainVersion="V2")
    while datazone.get_domain(identifier=made["id"])["status"] != "AVAILABLE":
        time.sleep(0.05)
    unit_id = made["rootDomainUnitId"]
    datazone.add_policy_grant(
        domainIdentifier=made["id"], entityType="DOMAIN_UNIT", entityIdentifier=unit_id, policyType="CREATE_PROJECT",
        principal={"user": {"allUsersGrantFilter": {}}}, detail={"createProject": {"includeChildDomainUnits": True}},
    )  # fmt: skip
    project = datazone.create_project(domainIdentifier=made["id"], name="bench")
    return made["id"], project["id"], unit_id, project["createdBy"]


async def _load(folder: Path, domain_id: str, ids: tuple[str, str, str], there: int, size: int) -> float:
    """Adds and publishes assets until there are `size`; with each hundred a form type and a revision of the first
    asset. Returns the seconds it took."""
    state = Store(folder / "state" / "plane.db", kinds_and_tasks()[0], UPGRADES)
    began = time.perf_counter()
    for start in range(there, size, _AT_ONCE):
        await state.write(partial(_add_some, domain_id, ids, range(start, min(start + _AT_ONCE, size))))
    seconds = time.perf_counter() - began
    state.close()
    return seconds


def _add_some(domain_id: str, ids: tuple[str, str, str], numbers: range, tx: Transaction) -> None:
    for number in numbers:
        _add(tx, domain_id, ids, number)


def _add(tx: Transaction, domain_id: str, ids: tuple[str, str, str], number: int) -> None:
    own_project, unit_id, by = ids
    project_id = own_project if number < _PER_PROJECT else f"bench{number // _PER_PROJECT}"
    if number >= _PER_PROJECT and number % _PER_PROJECT == 0:
        project = {"domainId": domain_id, "id": project_id, "name": f"project {project_id}", "domainUnitId": unit_id}
        tx.add(store.PROJECTS, project | {"projectStatus": "ACTIVE", "createdBy": by, "createdAt": 1.0})
    kind = types.asset_type(tx, domain_id, "amazon.datazone.GlueTableAssetType")
    columns = [{"columnName": f"column_{n}", "dataType": "string"} for n in range(10)]
    content = {"tableName": f"table_{number}", "databaseName": _REGIONS[number % 4], "columns": columns}
    forms = types.check_forms(tx, domain_id, kind, [{"formName": "GlueTableForm", "content": json.dumps(content)}])
    words = f"common words of {_REGIONS[number % 4]}" + (" and rare ones" if number < _RARE else "")
    draft = assets.Draft(f"asset {number:06}", words, [], forms, by)
    asset = assets.add(tx, domain_id, project_id, kind, draft, 1e9 + number, f"bench://{number}")
    listings.publish(tx, asset, by, 1e9 + number)
    if number % 100 == 0 or number < _TYPES:
        _add_type(tx, domain_id, own_project, number)
    if number % 100 == 0:
        _add_revisions(tx, domain_id, kind, draft, number)


def _add_type(tx: Transaction, domain_id: str, project_id: str, number: int) -> None:
    name = f"Bench{number}"
    form: Document = {
        "domainId": domain_id, "name": name, "number": 1, "revision": "1", "owningProjectId": project_id,
        "model": {"smithy": f"structure {name} {{ note: String }}"}, "status": "ENABLED", "createdAt": 1e9 + number,
    }  # fmt: skip
    tx.add(types.FORM_TYPES, form)
    types.index(tx, types.FORM_TYPES, form)


def _add_revisions(tx: Transaction, domain_id: str, kind: Document, draft: assets.Draft, number: int) -> None:
    first = tx.first(assets.ASSETS, {"domainId": domain_id, "externalIdentifier": "bench://0"})
    if first is not None:
        for _ in range(10):
            first = assets.revise(tx, first, kind, draft, 1e9 + number)


def _measure(server: servers.Server, domain_id: str, project_id: str) -> dict[str, float]:
    """Seconds of each page: the quickest of many, asked for in turn, which says least of what else the machine does."""
    datazone = pages.client(server, "datazone")
    domain = {"domainIdentifier": domain_id, "maxResults": 50}
    listed = {"domainIdentifier": domain_id}
    revised = datazone.search(
        **listed, searchScope="ASSET", filters={"filter": {"attribute": "externalIdentifier", "value": "bench://0"}}
    )["items"][0]["assetItem"]["identifier"]

    def filtered(attribute: str, value: str) -> dict[str, Any]:
        return {"filters": {"filter": {"attribute": attribute, "value": value}}}

    def deep(call: Callable[..., Any], **given: Any) -> dict[str, Any]:
        token: str | None = None
        for _ in range(10):
            token = call(**given, **({"nextToken": token} if token else {})).get("nextToken")
        return given | ({"nextToken": token} if token else {})

    search, types_of = datazone.search_listings, {"searchScope": "FORM_TYPE", "managed": False}
    inventory = {"searchScope": "ASSET", "owningProjectIdentifier": project_id}
    of_type = filtered("typeName", "GlueTableAssetType")
    both = {"and": [of_type["filters"], filtered("owningProjectId", project_id)["filters"]]}
    common = {"searchText": "common"}
    facets = {"aggregations": [{"attribute": "typeName"}, {"attribute": "owningProjectId"}]}
    asked: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
        "SearchListings": (search, domain),
        "SearchListings, eleventh page": (search, deep(search, **domain)),
        "SearchListings, last updated first": (search, domain | {"sort": _descending("UPDATED_AT")}),
        "SearchListings, by an attribute": (search, domain | {"sort": _descending("GlueTableForm.tableName")}),
        "SearchListings, of one type (all)": (search, domain | of_type),
        "SearchListings, of a database (a quarter)": (search, domain | filtered("GlueTableForm.databaseName", "east")),
        "SearchListings, of one project (10)": (search, domain | filtered("owningProjectId", project_id)),
        "SearchListings, of one type and project (10)": (search, domain | {"filters": both}),
        "SearchListings, facets": (search, domain | facets),
        "SearchListings, a rare word (20)": (search, domain | {"searchText": "rare"}),
        "SearchListings, a common word (all)": (search, domain | common),
        "SearchListings, a common word, by name": (search, domain | common | {"sort": _descending("name")}),
        "SearchListings, a common and a rare word (20)": (search, domain | {"searchText": "common rare"}),
        "SearchListings, a common word in one project (10)": (
            search,
            domain | common | filtered("owningProjectId", project_id),
        ),
        "SearchListings, the beginning of a common word (all)": (search, domain | {"searchText": "comm"}),
        "Search in a project": (datazone.search, domain | inventory),
        "SearchTypes": (datazone.search_types, domain | types_of),
        "SearchTypes, a word": (datazone.search_types, domain | types_of | {"searchText": "Bench100"}),
        "ListAssetRevisions": (datazone.list_asset_revisions, domain | {"identifier": revised}),
        "ListAssetFilters": (datazone.list_asset_filters, domain | {"assetIdentifier": revised}),
        "GetListing": (datazone.get_listing, listed | {"identifier": _first_listing(search, domain)}),
    }
    times: dict[str, list[float]] = {}
    for _ in range(_REPEATS):
        for name, (call, given) in asked.items():
            began = time.perf_counter()
            call(**given)
            times.setdefault(name, []).append(time.perf_counter() - began)
    return {name: min(seconds) for name, seconds in times.items()}


def _first_listing(search: Callable[..., Any], domain: dict[str, Any]) -> str:
    return str(search(**domain)["items"][0]["assetListing"]["listingId"])


def _descending(attribute: str) -> dict[str, str]:
    return {"attribute": attribute, "order": "DESCENDING"}
