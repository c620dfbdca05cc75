"""OpenLineage events for the tests of DataZone's lineage."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.data_plane.datazone.domains_for_tests import Mesh, eventually

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PRODUCER = "https://github.com/OpenLineage/OpenLineage"


def namespace() -> str:
    """A namespace that no other test uses."""
    return f"analytics_{uuid.uuid4().hex[:8]}"


def dataset(name: str, space: str, **facets: Any) -> dict[str, Any]:
    return {"namespace": space, "name": name, "facets": facets}


def run_event(space: str, job: str, *, hours: float = 0, run_id: str = "run-1", **members: Any) -> dict[str, Any]:
    """A COMPLETE event of a job's run, some hours after noon; inputs and outputs by name are of the same namespace."""
    for side in ("inputs", "outputs"):
        members[side] = [dataset(d, space) if isinstance(d, str) else d for d in members.get(side, [])]
    return {
        "producer": PRODUCER,
        "schemaURL": "https://openlineage.io/spec/2-0-0/OpenLineage.json#/definitions/RunEvent",
        "eventType": "COMPLETE",
        "eventTime": (NOON + timedelta(hours=hours)).isoformat(),
        "run": {"runId": run_id},
        "job": {"namespace": space, "name": job},
    } | members


def post(client: Any, mesh: Mesh, event: Any) -> str:
    """The id of an event that was posted."""
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    return str(client.post_lineage_event(domainIdentifier=mesh.domain_id, event=body)["id"])


def processed(client: Any, mesh: Mesh, event_id: str) -> str:
    """The status of an event once it is processed."""
    answer = eventually(
        lambda: client.get_lineage_event(domainIdentifier=mesh.domain_id, identifier=event_id),
        lambda found: found["processingStatus"] not in ("REQUESTED", "PROCESSING"),
    )
    return str(answer["processingStatus"])


def tell(client: Any, mesh: Mesh, *events: dict[str, Any]) -> list[str]:
    """The ids of events that are part of the graph."""
    ids = [post(client, mesh, event) for event in events]
    assert [processed(client, mesh, event_id) for event_id in ids] == ["SUCCESS"] * len(ids)
    return ids


def node(client: Any, mesh: Mesh, identifier: str, **members: Any) -> dict[str, Any]:
    answer: dict[str, Any] = client.get_lineage_node(domainIdentifier=mesh.domain_id, identifier=identifier, **members)
    return answer


def around(client: Any, mesh: Mesh, identifier: str, **members: Any) -> tuple[list[str], list[str]]:
    """The sourceIdentifiers of a node's neighbours, upstream and downstream, sorted."""
    found = node(client, mesh, identifier, **members)

    def names(references: list[dict[str, Any]]) -> list[str]:
        return sorted(node(client, mesh, r["id"]).get("sourceIdentifier", r["id"]) for r in references)

    return names(found["upstreamNodes"]), names(found["downstreamNodes"])


def form(found: dict[str, Any], name: str) -> Any:
    """The content of one form of a node."""
    [content] = [f["content"] for f in found["formsOutput"] if f["formName"] == name]
    return json.loads(content)


def graph_query(start: str, direction: str = "OUT", hops: int = 1, **pattern: Any) -> list[dict[str, Any]]:
    """What QueryGraph is asked to match: everything within some hops of a node."""
    relation = {"relationType": "LINEAGE", "relationDirection": direction, "maxPathLength": hops}
    entity = {"entityType": "LINEAGE_NODE", "identifier": start, **pattern}
    return [{"entityPattern": entity}, {"relationPattern": relation}]
