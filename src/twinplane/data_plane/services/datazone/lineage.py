"""Lineage: OpenLineage events in, the graph of datasets, jobs and runs out.

An event is kept as it came and becomes part of the graph in a task of its own. Who may do what: every user of the
domain posts and reads the graph; the events themselves are for who posted them and for administrators of the domain;
what the catalog knows of a dataset (its assets) is shown to those who may read it there.
"""

from typing import TYPE_CHECKING, Any

import structlog

from twinplane.data_plane.call import Answer, Call, Operation, Request, new_id, reads, writes
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.datazone import access, assets, lineage_graph, lineage_rules, rules, store
from twinplane.data_plane.services.datazone.lineage_graph import END_OF_TIME
from twinplane.data_plane.services.datazone.lineage_rules import DOWNSTREAM, UPSTREAM
from twinplane.data_plane.services.datazone.paging import answer
from twinplane.data_plane.store import Document, Kind, Transaction
from twinplane.data_plane.tasks import TaskKind, enqueue

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

log = structlog.get_logger()

_BY_TIME = ("eventTime", "id")
EVENTS = Kind(
    "datazone_lineage_event",
    key=("domainId", "id"),
    indexes=(
        ("domainId", *_BY_TIME),
        ("domainId", "processingStatus", *_BY_TIME),
        ("domainId", "createdBy", *_BY_TIME),
        ("domainId", "createdBy", "processingStatus", *_BY_TIME),
    ),
)
TEXTS = Kind("datazone_lineage_text", key=("domainId", "id"))  # apart from events, which are listed without them
KINDS = [EVENTS, TEXTS, *lineage_graph.KINDS]

_TASK = "datazone.lineage"
_OPEN = ("REQUESTED", "PROCESSING")
_SUMMARY = ("id", "domainId", "processingStatus", "eventTime", "createdBy", "createdAt")


def post_lineage_event(call: Call, request: Request) -> Answer:
    """Takes a run event; the graph has it when its status is SUCCESS."""
    domain_id = request["domainIdentifier"]
    who = access.require(call, domain_id)
    body: bytes = request["event"]
    try:
        event = lineage_rules.read(body)
    except lineage_rules.EventError as error:
        raise rules.invalid(f"The event is not an OpenLineage run event: {error}.") from None
    document: Document = {
        "domainId": domain_id, "id": new_id(), "processingStatus": "REQUESTED", "createdAt": call.now,
        "createdBy": who.id, "eventTime": lineage_rules.moment(event), "summary": lineage_rules.summary(event),
        "accountId": call.principal.account_id,
    }  # fmt: skip
    call.tx.add(EVENTS, document)
    call.tx.add(TEXTS, {"domainId": domain_id, "id": document["id"], "text": body.decode()})
    enqueue(call.tx, call.plane, _TASK, document["id"], domain=domain_id)
    return store.pick(document, ("id", "domainId"))


def get_lineage_event(call: Call, request: Request) -> Answer:
    """An event as it was posted."""
    event = _event(call, request)
    text = call.tx.get(TEXTS, event["domainId"], event["id"])["text"]
    return store.pick(event, _SUMMARY) | {"event": text.encode()}


def list_lineage_events(call: Call, request: Request) -> Answer:
    """The events that the caller may see, latest first."""
    domain_id = request["domainIdentifier"]
    who = access.require(call, domain_id)
    where: dict[str, Any] = {"domainId": domain_id}
    if not access.is_domain_admin(call.tx, domain_id, who):
        where["createdBy"] = who.id
    if request.get("processingStatus"):
        where["processingStatus"] = request["processingStatus"]
    since, until = request.get("timestampAfter", -END_OF_TIME), request.get("timestampBefore", END_OF_TIME)
    descending = request.get("sortOrder") != "ASCENDING"
    first = [until, ""] if descending else [since, "\uffff"]  # neither time is included

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        time, identifier = after or first
        found = call.tx.select(
            EVENTS, where, order=("eventTime",), after=[time, domain_id, identifier], limit=limit, descending=descending
        )
        return [event for event in found if since < event["eventTime"] < until]

    rows, token = page(call, request, fetch, lambda event: [event["eventTime"], event["id"]], most=50)
    items = [
        store.pick(e, _SUMMARY) | {"eventSummary": {"openLineageRunEventSummary": e["summary"]}} for e in rows
    ]  # fmt: skip
    return answer(items, token)


def delete_lineage_event(call: Call, request: Request) -> Answer:
    """Removes an event, and from the graph what only it said."""
    event = _event(call, request)
    call.tx.remove(EVENTS, event["domainId"], event["id"])
    call.tx.remove(TEXTS, event["domainId"], event["id"])
    lineage_graph.forget(call.tx, event["domainId"], event["id"])
    return store.pick(event, ("id", "domainId", "processingStatus"))


def get_lineage_node(call: Call, request: Request) -> Answer:
    """A node and its neighbours, now or as known at a time."""
    domain_id, identifier = request["domainIdentifier"], request["identifier"]
    who = access.require(call, domain_id)
    until = request.get("eventTimestamp", END_OF_TIME)
    node = lineage_graph.find(call.tx, domain_id, identifier)
    if node is None:
        return _asset_node(call, domain_id, identifier, who, until)
    version = lineage_graph.state(call.tx, node, until)
    if version is None:
        raise store.not_found("Lineage node", identifier)
    downstream = lineage_graph.neighbours(call.tx, node, DOWNSTREAM, until)
    if node["typeName"] == lineage_rules.DATASET:
        described = _readable(call.tx, domain_id, who, {"sourceIdentifier": node["sourceIdentifier"]})
        downstream = [_reference(a) for a in described if a["createdAt"] <= until] + downstream
    return lineage_graph.shown(node, version) | {
        "formsOutput": version["forms"],
        "upstreamNodes": lineage_graph.neighbours(call.tx, node, UPSTREAM, until),
        "downstreamNodes": downstream[: lineage_graph.MOST_NEIGHBOURS],
    }


def list_lineage_node_history(call: Call, request: Request) -> Answer:
    """The versions of a node: each from one event; those with neighbours in a direction, if one is given."""
    domain_id, identifier = request["domainIdentifier"], request["identifier"]
    who = access.require(call, domain_id)
    since, until = request.get("eventTimestampGTE", -END_OF_TIME), request.get("eventTimestampLTE", END_OF_TIME)
    node = lineage_graph.find(call.tx, domain_id, identifier)
    if node is None:
        found = _asset_node(call, domain_id, identifier, who, END_OF_TIME)
        hidden = {"formsOutput", "upstreamNodes", "downstreamNodes"}
        fits = since <= found["eventTimestamp"] <= until
        return {"nodes": [{k: v for k, v in found.items() if k not in hidden}] if fits else []}
    known, direction = node, request.get("direction")
    where = {} if direction is None else {"hasUpstream" if direction == UPSTREAM else "hasDownstream": True}

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        return lineage_graph.versions(
            call.tx, domain_id, known["id"], since=since, until=until, after=after, limit=limit,
            descending=request.get("sortOrder") != "ASCENDING", **where,
        )  # fmt: skip

    rows, token = page(call, request, fetch, lambda v: [v["eventTimestamp"], v["eventId"]], most=50)
    nodes = [lineage_graph.shown(node, version) for version in rows]
    return {"nodes": nodes} if token is None else {"nodes": nodes, "nextToken": token}


def _event(call: Call, request: Request) -> Document:
    """The event that the request names: of the caller's own, or any for an administrator of the domain."""
    domain_id, identifier = request["domainIdentifier"], request["identifier"]
    who = access.caller(call, domain_id)
    event = call.tx.find(EVENTS, domain_id, identifier)
    if event is None or (event["createdBy"] != who.id and not access.is_domain_admin(call.tx, domain_id, who)):
        raise store.not_found("Lineage event", identifier)
    return event


# Assets in the graph


def _readable(tx: Transaction, domain_id: str, who: access.Caller, where: dict[str, Any]) -> list[Document]:
    """The assets that meet `where` and that the caller may read: her project's as they are, others' as published."""
    found = []
    for asset in tx.select(assets.ASSETS, {"domainId": domain_id, **where}, limit=lineage_graph.MOST_NEIGHBOURS):
        if access.designations(tx, domain_id, asset["owningProjectId"], who):
            found.append(asset)
            continue
        listing = assets.listing_of(tx, domain_id, asset["id"])
        if listing is not None and assets.listing_status(listing) == "ACTIVE":
            published = {m: listing[m] for m in ("name", "description", "formsOutput", "createdAt", "createdBy")}
            published["sourceIdentifier"] = assets.source_identifier(listing["formsOutput"])
            if all(published.get(member, value) == value for member, value in where.items()):
                found.append(asset | published)
    return found


def _reference(asset: Document) -> Document:
    return {"id": asset["id"], "eventTimestamp": asset["createdAt"]}


def _asset_node(call: Call, domain_id: str, identifier: str, who: access.Caller, until: float) -> Answer:
    """The node of an asset, named by the asset's id or sourceIdentifier. Raises ResourceNotFoundException."""
    by_id = _readable(call.tx, domain_id, who, {"id": identifier})
    found = by_id or _readable(call.tx, domain_id, who, {"sourceIdentifier": identifier})
    if not found or found[0]["createdAt"] > until:
        raise store.not_found("Lineage node", identifier)
    asset, source = found[0], found[0].get("sourceIdentifier")
    dataset = lineage_graph.find(call.tx, domain_id, source) if source else None
    version = lineage_graph.state(call.tx, dataset, until) if dataset else None
    upstream = [{"id": dataset["id"], "eventTimestamp": version["eventTimestamp"]}] if dataset and version else []
    shown = ("domainId", "id", "name", "description", "sourceIdentifier", "createdAt", "createdBy")
    return store.pick(asset, shown) | {
        "typeName": lineage_rules.ASSET,
        "typeRevision": "1",
        "eventTimestamp": asset["createdAt"],
        "formsOutput": asset["formsOutput"][: lineage_rules.MOST_FORMS],
        "upstreamNodes": upstream,
        "downstreamNodes": lineage_graph.neighbours(call.tx, dataset, DOWNSTREAM, until) if dataset else [],
    }


# Processing


async def _process(plane: "Plane", task: Document) -> None:
    """Makes an event part of the graph. Repeating it changes nothing."""
    domain_id, event_id = task["payload"]["domain"], task["subject"]

    def begin(tx: Transaction) -> tuple[Document, str] | None:
        event = tx.find(EVENTS, domain_id, event_id)
        if event is None or event["processingStatus"] not in _OPEN:
            return None
        event = tx.put(EVENTS, event | {"processingStatus": "PROCESSING"})
        return event, tx.get(TEXTS, domain_id, event_id)["text"]

    begun = await plane.store.write(begin)
    if begun is None:
        return
    event, text = begun
    try:
        nodes = lineage_rules.graph(lineage_rules.read(text.encode()), event["accountId"], plane.settings.region)
    except lineage_rules.EventError as error:
        reason = str(error)
        await plane.store.write(lambda tx: _fail(tx, domain_id, event_id, reason))
        return

    def finish(tx: Transaction) -> None:
        known = tx.find(EVENTS, domain_id, event_id)
        if known is not None:  # it may have been deleted meanwhile
            lineage_graph.record(tx, known, nodes, plane.clock())
            tx.put(EVENTS, known | {"processingStatus": "SUCCESS"})

    await plane.store.write(finish)


def _fail(tx: Transaction, domain_id: str, event_id: str, reason: str) -> None:
    event = tx.find(EVENTS, domain_id, event_id)
    if event is not None:
        log.warning("a lineage event is not understood", lineage_event=event_id, reason=reason)
        tx.put(EVENTS, event | {"processingStatus": "FAILED", "failureReason": reason})


def _failed(tx: Transaction, _plane: "Plane", task: Document, reason: str) -> None:
    _fail(tx, task["payload"]["domain"], task["subject"], reason)


OPERATIONS: dict[str, Operation] = {
    "PostLineageEvent": writes(post_lineage_event, access.allowed("PostLineageEvent")),
    "GetLineageEvent": reads(get_lineage_event, access.allowed("GetLineageEvent")),
    "ListLineageEvents": reads(list_lineage_events, access.allowed("ListLineageEvents")),
    "DeleteLineageEvent": writes(delete_lineage_event, access.allowed("DeleteLineageEvent")),
    "GetLineageNode": reads(get_lineage_node, access.allowed("GetLineageNode")),
    "ListLineageNodeHistory": reads(list_lineage_node_history, access.allowed("ListLineageNodeHistory")),
}

TASKS = {_TASK: TaskKind(_process, _failed)}

NOTES = {
    "PostLineageEvent": "Only who posts makes lineage: no engine or data source of the plane posts events by itself.",
    "GetLineageEvent": "Besides the IAM policy that AWS asks for, the caller must have posted the event or own the "
    "root domain unit. Why an event has FAILED stands in the plane's log: AWS's answer has no member for it.",
    "ListLineageEvents": "Who does not own the root domain unit sees the events they posted.",
    "DeleteLineageEvent": "Who posted the event or owns the root domain unit may delete it.",
    "GetLineageNode": "Nodes of events are for every user of the domain, as on AWS. Nodes of assets are shown to "
    "members of the owning project and, as published, to everybody while there is an active listing. At most 100 "
    "neighbours in each direction are shown, found among the latest 1,000 events about the node.",
}

ASSUMED = {
    "PostLineageEvent": "What is no run event is refused at once; a known facet in another shape makes the event "
    "FAILED.",
    "ListLineageEvents": "Both times are of the event, neither is included, and the latest event comes first.",
    "DeleteLineageEvent": "The graph loses what only this event said; the status is the one the event had.",
    "GetLineageNode": "The types of job and asset nodes are named like those of datasets and runs; forms are the "
    "event's facets under their own names, without a type; a dataset's neighbours are runs, of each job the latest; "
    "an asset is below the dataset with its sourceIdentifier and shows what reads that dataset.",
    "ListLineageNodeHistory": "The latest version comes first; both times are included.",
}
