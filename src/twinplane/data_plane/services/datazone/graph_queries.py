"""QueryGraph: what can be reached from a node of the lineage graph, within a few hops."""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, reads
from twinplane.data_plane.services.datazone import access, lineage_graph, rules
from twinplane.data_plane.services.datazone.lineage_rules import DOWNSTREAM, UPSTREAM
from twinplane.data_plane.services.datazone.paging import answer, list_page
from twinplane.data_plane.store import Document, Transaction

MOST_REACHED = 500
_ATTRIBUTES = ("name", "typeName", "sourceIdentifier", "id")


def query_graph(call: Call, request: Request) -> Answer:
    """The nodes upstream (IN) or downstream (OUT) of a node, nearest first."""
    domain_id = request["domainIdentifier"]
    access.require(call, domain_id)
    start, relation = _patterns(request["match"])
    root = lineage_graph.find(call.tx, domain_id, start["identifier"])
    if root is None:
        raise rules.invalid(f"There is no lineage node {start['identifier']}, or you may not see it.")
    direction = UPSTREAM if relation["relationDirection"] == "IN" else DOWNSTREAM
    reached = _reached(call.tx, root, direction, relation.get("maxPathLength") or 1)
    fitting = [node for node in reached if _meets(node, start.get("filters"))]
    rows, token = list_page(call, request, fitting)
    wanted = set((request.get("additionalAttributes") or {}).get("formNames") or ())
    return answer([{"lineageNode": _item(call.tx, found, wanted)} for found in rows], token)


def _patterns(match: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The entity pattern and the relation pattern of a query. Raises ValidationException."""
    clauses = dict(rules.exactly_one(clause, "match") for clause in match)
    if set(clauses) != {"entityPattern", "relationPattern"}:
        raise rules.invalid("match must have one entityPattern and one relationPattern.")
    return clauses["entityPattern"], clauses["relationPattern"]


def _reached(tx: Transaction, root: Document, direction: str, hops: int) -> list[Document]:
    """The nodes within so many hops, each once."""
    found = {root["id"]: root}
    edge = [root]
    for _ in range(hops):
        ids = [r["id"] for node in edge for r in lineage_graph.neighbours(tx, node, direction)]
        new = dict.fromkeys(identifier for identifier in ids if identifier not in found)
        if len(found) + len(new) > MOST_REACHED:
            raise rules.invalid(f"The query reaches more than {MOST_REACHED} nodes; ask for fewer hops.")
        edge = [tx.get(lineage_graph.NODES, root["domainId"], identifier) for identifier in new]
        found |= {node["id"]: node for node in edge}
    return list(found.values())[1:]


def _meets(node: Document, clause: dict[str, Any] | None) -> bool:
    """Whether a node meets a filter on its own members. Raises ValidationException on what is not served."""
    if not clause:
        return True
    kind, value = rules.exactly_one(clause, "filters")
    if kind == "and":
        return all(_meets(node, part) for part in value)
    if kind == "or":
        return any(_meets(node, part) for part in value)
    if value["attribute"] not in _ATTRIBUTES or value.get("operator", "EQ") != "EQ":
        raise rules.invalid(f"Filters compare {', '.join(_ATTRIBUTES)} by EQ.")
    return bool(node.get(value["attribute"]) == value.get("value"))


def _item(tx: Transaction, node: Document, form_names: set[str]) -> Answer:
    version = lineage_graph.state(tx, node)
    assert version is not None  # a node has a version for as long as it is there
    sides = {"upstreamLineageNodeIds": UPSTREAM, "downstreamLineageNodeIds": DOWNSTREAM}
    return (
        lineage_graph.shown(node, version)
        | {"formsOutput": [form for form in version["forms"] if form["formName"] in form_names]}
        | {m: [r["id"] for r in lineage_graph.neighbours(tx, node, side)] for m, side in sides.items()}
    )


OPERATIONS: dict[str, Operation] = {"QueryGraph": reads(query_graph, access.allowed("QueryGraph"))}

NOTES = {
    "QueryGraph": "The graph of lineage events is walked; assets are not part of the answer. Filters compare the name, "
    "typeName, sourceIdentifier or id of a node by EQ; a query that reaches more than 500 nodes is refused.",
}

ASSUMED = {
    "QueryGraph": "IN is upstream and OUT is downstream; one hop when no length is given; the start is not part of the "
    "answer, and the filters of its pattern are for the nodes that are reached; a start that is not there is refused, "
    "since the operation has no error for what is not found.",
}
