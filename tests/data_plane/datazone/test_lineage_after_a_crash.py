"""Lineage survives `kill -9`: every event that was taken becomes part of the graph, once."""

import dataclasses
import sqlite3
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tests.data_plane.datazone.domains_for_tests import SERVICES_TRUST, Mesh, eventually
from tests.data_plane.datazone.lineage_for_tests import around, namespace, node, post, run_event
from twinplane.data_plane.doctor import examine
from twinplane.data_plane.testing import running_plane

ROUNDS = 4
AT_ONCE = 8


def left_undone(state: Path) -> int:
    """How many taken events were not yet part of the graph when the plane died."""
    connection = sqlite3.connect(str(state / "plane.db"))
    try:
        return int(connection.execute("SELECT count(*) FROM task WHERE kind = 'datazone.lineage'").fetchone()[0])
    finally:
        connection.close()


def post_and_kill(mesh: Mesh, events: list[dict[str, Any]], delay_seconds: float) -> list[int]:
    """Posts side by side and kills the plane a moment after the first answer; which of the events were answered."""
    clients = [mesh.admin for _ in events]
    with ThreadPoolExecutor(len(events)) as pool:
        running: list[Future[str]] = [pool.submit(post, c, mesh, e) for c, e in zip(clients, events, strict=True)]
        wait(running, return_when=FIRST_COMPLETED)
        time.sleep(delay_seconds)
        mesh.plane.process.kill()
        for call in running:
            assert isinstance(call.exception(), (type(None), BotoCoreError, ClientError))
    mesh.plane.process.wait()
    return [number for number, call in enumerate(running) if call.exception() is None]


def check(mesh: Mesh, space: str, answered: list[int]) -> None:
    """What was answered is in the graph; what is in the graph is of events that are there, each edge once."""
    datazone, domain = mesh.admin, {"domainIdentifier": mesh.domain_id}

    def statuses() -> dict[str, str]:
        pages = datazone.get_paginator("list_lineage_events").paginate(**domain)
        events = [event for page in pages for event in page["items"]]
        return {
            e["eventSummary"]["openLineageRunEventSummary"]["job"]["name"]: e["processingStatus"]
            for e in events
            if e["eventSummary"]["openLineageRunEventSummary"]["job"]["namespace"] == space
        }

    found = eventually(statuses, lambda s: set(s.values()) <= {"SUCCESS"})
    assert set(found) >= {f"job{number}" for number in answered}
    for job in found:
        assert around(datazone, mesh, f"{space}.{job}/run-1") == ([f"{space}/raw"], [f"{space}/{job}"])
        history = datazone.list_lineage_node_history(**domain, identifier=f"{space}/{job}")
        assert len(history["nodes"]) == 1
    if found:
        downstream = around(datazone, mesh, f"{space}/raw")[1]
        assert downstream == sorted(f"{space}.{job}/run-1" for job in found)
        assert len(node(datazone, mesh, f"{space}/raw")["downstreamNodes"]) == len(found)


def test_every_event_that_was_taken_is_in_the_graph_after_kill_9(tmp_path: Path) -> None:
    left = 0
    spaces: list[tuple[str, list[int]]] = []
    domain_id = ""
    for number in range(ROUNDS):
        with running_plane(tmp_path) as plane:
            datazone = plane.client("datazone")
            if not domain_id:
                role = f"arn:aws:iam::{plane.account_id}:role/Execution"
                plane.client("iam").create_role(RoleName="Execution", AssumeRolePolicyDocument=SERVICES_TRUST)
                made = datazone.create_domain(
                    name="mesh", domainVersion="V2", domainExecutionRole=role, serviceRole=role
                )
                domain_id = made["id"]
            mesh = Mesh(plane, domain_id, "", "")
            for space, answered in spaces[-1:]:
                check(mesh, space, answered)
            space = namespace()
            events = [run_event(space, f"job{n}", inputs=["raw"], outputs=[f"job{n}"]) for n in range(AT_ONCE)]
            spaces.append((space, post_and_kill(mesh, events, delay_seconds=0.001 * number)))
        left += left_undone(tmp_path)
    assert left > 0, "no round was interrupted: the test shows nothing"
    with running_plane(tmp_path) as plane:
        for space, answered in spaces:
            check(dataclasses.replace(mesh, plane=plane), space, answered)
    assert [finding for finding in examine(tmp_path, deep=True) if finding.severity == "error"] == []
