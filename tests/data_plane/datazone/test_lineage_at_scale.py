"""Reading a page of lineage or of a time series looks at as many rows as it shows, however many there are."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from twinplane.data_plane.services.datazone import lineage, lineage_graph, lineage_rules, notifications
from twinplane.data_plane.services.datazone import time_series_points as points
from twinplane.data_plane.store import Store, Transaction

DOMAIN = "dzd-1"


def load(tx: Transaction, events: int) -> None:
    """So many runs of one job that all read one dataset, and as many points and notifications."""
    for number in range(events):
        moment = 1000.0 + number
        event = {
            "domainId": DOMAIN, "id": f"event{number:09}", "processingStatus": "SUCCESS", "createdBy": "somebody",
            "eventTime": moment, "createdAt": moment,
        }  # fmt: skip
        tx.add(lineage.EVENTS, event)
        thing = {"namespace": "space", "name": "raw"}
        text = {
            "eventTime": "2026-01-01T00:00:00Z", "producer": "p", "schemaURL": "s", "run": {"runId": str(number)},
            "job": {"namespace": "space", "name": f"job{number % 300}"}, "inputs": [thing],
        }  # fmt: skip
        read = msgspec.convert(text, lineage_rules.RunEvent)
        lineage_graph.record(tx, event, lineage_rules.graph(read, "111122223333", "us-east-1"), moment)
        points.put(tx, {
            "domainId": DOMAIN, "assetId": "asset", "formName": "rules", "timestamp": moment, "id": f"p{number:09}",
        })  # fmt: skip
        tx.add(notifications.NOTIFICATIONS, {
            "domainId": DOMAIN, "id": f"n{number:09}", "projectId": "project", "stream": "EVENT", "subject": "s",
            "createdAt": moment, "entityId": f"e{number}",
        })  # fmt: skip


def readings(tx: Transaction) -> Iterator[tuple[str, Callable[[], Any]]]:
    node = lineage_graph.find(tx, DOMAIN, "space/raw")
    assert node is not None
    by_time = {"order": ("eventTime",), "after": [1e12, DOMAIN, ""], "limit": 51, "descending": True}
    yield "events", lambda: tx.select(lineage.EVENTS, {"domainId": DOMAIN}, **by_time)
    own = {"domainId": DOMAIN, "createdBy": "somebody", "processingStatus": "SUCCESS"}
    yield "own events", lambda: tx.select(lineage.EVENTS, own, **by_time)
    yield "state", lambda: lineage_graph.state(tx, node)
    yield "neighbours", lambda: lineage_graph.neighbours(tx, node, "DOWNSTREAM", until=1500.0)
    yield "history", lambda: lineage_graph.versions(tx, DOMAIN, node["id"], limit=51, hasDownstream=True)
    yield (
        "points",
        lambda: tx.select(
            points.POINTS, {"domainId": DOMAIN, "assetId": "asset", "formName": "rules"}, limit=51, descending=True
        ),
    )
    told = {"domainId": DOMAIN, "projectId": "project", "stream": "EVENT", "subject": "s"}
    yield (
        "notifications",
        lambda: tx.select(
            notifications.NOTIFICATIONS, told, order=("createdAt",), after=[1e12, DOMAIN, ""], limit=51, descending=True
        ),
    )


def seconds(read: Callable[[], Any]) -> float:
    """The shortest of some readings: what it takes when nobody disturbs."""

    def once() -> float:
        began = time.perf_counter()
        read()
        return time.perf_counter() - began

    return min(once() for _ in range(15))


async def measured(store: Store, events: int) -> dict[str, float]:
    await store.write(lambda tx: load(tx, events))
    taken = store.read(lambda tx: {what: seconds(read) for what, read in readings(tx)})
    store.close()
    return taken


def test_pages_take_the_same_time_with_twenty_times_as_much(tmp_path: Path) -> None:
    kinds = [*lineage.KINDS, *notifications.KINDS, *points.KINDS]
    taken = []
    for name, events in (("few", 600), ("many", 12_000)):
        taken.append(asyncio.run(measured(Store(tmp_path / f"{name}.db", kinds), events)))
    few, many = taken
    slower = {what: round(many[what] / few[what], 1) for what in few if many[what] > 3 * few[what]}
    assert slower == {}
