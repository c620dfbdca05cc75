"""The lineage graph as it is kept: nodes, what each event said of them, and their neighbours at any time.

Every row but a node's own names the event that it comes of, and every question is answered for a moment: so events
may come in any order, twice, or be deleted again, and the graph is that of the events that are there.
"""

from typing import Any

from twinplane.data_plane.call import new_id
from twinplane.data_plane.services.datazone import lineage_rules, store
from twinplane.data_plane.services.datazone.lineage_rules import DOWNSTREAM, UPSTREAM, Node
from twinplane.data_plane.store import Document, Kind, Transaction

NODES = Kind("datazone_lineage_node", key=("domainId", "id"), unique=(("domainId", "sourceIdentifier", "typeName"),))
VERSIONS = Kind(
    "datazone_lineage_version",
    key=("domainId", "nodeId", "eventTimestamp", "eventId"),
    indexes=(
        ("domainId", "eventId"),
        ("domainId", "nodeId", "hasUpstream", "eventTimestamp", "eventId"),
        ("domainId", "nodeId", "hasDownstream", "eventTimestamp", "eventId"),
    ),
)
EDGES = Kind(
    "datazone_lineage_edge",
    key=("domainId", "nodeId", "direction", "eventTimestamp", "otherId", "eventId"),
    indexes=(("domainId", "eventId"),),
)
KINDS = [NODES, VERSIONS, EDGES]

MOST_NEIGHBOURS = 100
END_OF_TIME = 1e12
_LAST = "\uffff"
_MOST_EDGES_READ = 1000
_MOST_VERSIONS_READ = 20  # whose forms are put together


def record(tx: Transaction, event: Document, nodes: list[Node], now: float) -> None:
    """Makes what an event says part of the graph; nothing changes when it is already."""
    domain_id, moment = event["domainId"], {"eventTimestamp": event["eventTime"], "eventId": event["id"]}
    ids = {node.key: _id_of(tx, event, node, now) for node in nodes}
    for node in nodes:
        own = {"domainId": domain_id, "nodeId": ids[node.key], **moment}
        version = {
            "name": node.name, "description": node.description, "forms": node.forms, "createdBy": event["createdBy"],
            "createdAt": now, "hasUpstream": bool(node.upstream), "hasDownstream": bool(node.downstream),
        }  # fmt: skip
        tx.put(VERSIONS, own | version)
        for direction, neighbours in ((UPSTREAM, node.upstream), (DOWNSTREAM, node.downstream)):
            for key in neighbours:
                edge = {"direction": direction, "otherId": ids[key], "group": _group(key)}
                tx.put(EDGES, own | edge)


def forget(tx: Transaction, domain_id: str, event_id: str) -> None:
    """Takes out of the graph what only this event said."""
    where = {"domainId": domain_id, "eventId": event_id}
    for edge in tx.select(EDGES, where):
        tx.remove(EDGES, *EDGES.key_of(edge))
    for version in tx.select(VERSIONS, where):
        tx.remove(VERSIONS, *VERSIONS.key_of(version))
        if tx.first(VERSIONS, {"domainId": domain_id, "nodeId": version["nodeId"]}) is None:
            tx.remove(NODES, domain_id, version["nodeId"])


def find(tx: Transaction, domain_id: str, identifier: str) -> Document | None:
    """The node with this id, or else with this sourceIdentifier (a dataset before a job or run of that name)."""
    by_id = tx.find(NODES, domain_id, identifier)
    if by_id is not None:
        return by_id
    named = tx.select(NODES, {"domainId": domain_id, "sourceIdentifier": identifier}, order=("typeName",), limit=1)
    return named[0] if named else None


def versions(
    tx: Transaction, domain_id: str, node_id: str, *, since: float = -END_OF_TIME, until: float = END_OF_TIME,
    after: list[Any] | None = None, limit: int, descending: bool = True, **where: Any,
) -> list[Document]:  # fmt: skip
    """Versions of a node between two times (both included), behind the place `after` (its time and event)."""
    place = after or ([until, _LAST] if descending else [since, ""])
    found = tx.select(
        VERSIONS, {"domainId": domain_id, "nodeId": node_id, **where}, after=[domain_id, node_id, *place], limit=limit,
        descending=descending,
    )  # fmt: skip
    return [version for version in found if since <= version["eventTimestamp"] <= until]


def state(tx: Transaction, node: Document, until: float = END_OF_TIME) -> Document | None:
    """A node as it was known at a time: its latest version, with forms that only earlier ones had; None before."""
    found = versions(tx, node["domainId"], node["id"], until=until, limit=_MOST_VERSIONS_READ)
    if not found:
        return None
    latest, forms = found[0], dict[str, Any]()
    for version in found:
        for form in version["forms"]:
            forms.setdefault(form["formName"], form)
    described = next((v["description"] for v in found if v["description"]), None)
    return latest | {"forms": list(forms.values())[: lineage_rules.MOST_FORMS], "description": described}


def neighbours(tx: Transaction, node: Document, direction: str, until: float = END_OF_TIME) -> list[Document]:
    """References to a node's neighbours as known at a time, latest first: of each job its latest run alone."""
    where = {"domainId": node["domainId"], "nodeId": node["id"], "direction": direction}
    place, read = [until, _LAST, _LAST], 0
    found: dict[str, Document] = {}
    while len(found) < MOST_NEIGHBOURS and read < _MOST_EDGES_READ:
        edges = tx.select(EDGES, where, after=[*where.values(), *place], limit=MOST_NEIGHBOURS, descending=True)
        for edge in edges:
            found.setdefault(edge["group"], {"id": edge["otherId"], "eventTimestamp": edge["eventTimestamp"]})
        if len(edges) < MOST_NEIGHBOURS:
            break
        read += len(edges)
        place = [edges[-1][member] for member in ("eventTimestamp", "otherId", "eventId")]
    return list(found.values())[:MOST_NEIGHBOURS]


def _group(neighbour: tuple[str, str]) -> str:
    """Of what neighbours share this, the latest is shown: the runs of one job, one dataset of several events."""
    kind, source = neighbour
    return source.rpartition("/")[0] if kind == lineage_rules.RUN else f"{kind} {source}"


def _id_of(tx: Transaction, event: Document, node: Node, now: float) -> str:
    where = {
        "domainId": event["domainId"], "sourceIdentifier": node.source_identifier, "typeName": node.type_name,
    }  # fmt: skip
    known = tx.first(NODES, where)
    if known is None:
        made = where | {
            "id": new_id(), "name": node.name, "createdAt": now, "createdBy": event["createdBy"],
        }  # fmt: skip
        known = tx.add(NODES, made)
    return str(known["id"])


def shown(node: Document, version: Document) -> dict[str, Any]:
    """A node's members as AWS's LineageNodeSummary, in one of its versions."""
    return store.pick(node, ("domainId", "id", "typeName", "sourceIdentifier", "createdAt", "createdBy")) | store.pick(
        {
            "name": version["name"], "description": version["description"], "typeRevision": "1",
            "eventTimestamp": version["eventTimestamp"], "updatedAt": version["createdAt"],
            "updatedBy": version["createdBy"],
        },
        ("name", "description", "typeRevision", "eventTimestamp", "updatedAt", "updatedBy"),
    )  # fmt: skip
