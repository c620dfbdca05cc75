"""Deliveries exist exactly when the change does, also across kill -9; schedules fire once for each time."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

from tests.data_plane.events.test_destinations import Server, destination
from tests.data_plane.events.test_rules import Queue, entry, rule
from twinplane.data_plane.plane import Plane, PlaneSettings, open_plane
from twinplane.data_plane.services.events import schedule, store
from twinplane.data_plane.services.sqs import store as sqs
from twinplane.data_plane.tasks import TASKS
from twinplane.data_plane.testing import running_plane


def test_deliveries_under_way_at_kill_9_are_made_after_the_next_start(tmp_path: Path) -> None:
    server = Server()
    server.statuses = [503] * 10_000  # nobody takes anything before the kill
    with running_plane(tmp_path) as plane:
        events, queue = plane.client("events"), Queue(plane, "kept")
        arn = destination(events, "late", server.url)
        rule(events, "kept", {"source": ["kept"]}, {"Arn": queue.arn}, {"Arn": arn})
        for n in range(10):
            events.put_events(Entries=[entry("kept", {"n": n})])
        plane.client("glue").create_database(DatabaseInput={"Name": "heard"})
        os.kill(plane.process.pid, signal.SIGKILL)
        plane.process.wait(10)
    while not server.asked.empty():
        server.asked.get()
    server.statuses = []
    with running_plane(tmp_path) as plane:
        queue = Queue(plane, "kept")
        assert sorted(event["detail"]["n"] for event in queue.events()) == list(range(10))
        taken: set[int] = set()
        while len(taken) < 10:
            taken.add(server.asked.get(timeout=30)["body"]["detail"]["n"])
    server.server.shutdown()
    server.server.server_close()


class Clock:
    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_schedule_fires_once_for_each_time_and_once_for_those_it_missed(tmp_path: Path) -> None:
    clock = Clock()

    def messages(plane: Plane) -> list[Any]:
        found = plane.store.read(lambda tx: tx.select(sqs.MESSAGES, {"queue": "q"}))
        return [json.loads(message["body"]) for message in found]

    async def fire(plane: Plane, times: int = 1) -> None:
        for task in plane.store.read(lambda tx: tx.select(TASKS, {"kind": schedule.FIRING})):
            if task["due_at"] <= clock.now:
                for _ in range(times):  # a task that a crash interrupted runs again
                    await schedule.TASKS[schedule.FIRING].run(plane, task)
                await plane.store.write(lambda tx: tx.remove(TASKS, task["id"]))  # noqa: B023

    async def run() -> None:
        settings = PlaneSettings(tmp_path, "http://127.0.0.1:1")
        plane = open_plane(settings, [TASKS, *store.KINDS, *sqs.KINDS], {}, clock=clock)
        arn = sqs.arn_of(plane, "q")
        policy = {"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn,
        }}  # fmt: skip
        made = {"bus": "default", "name": "r", "pattern": None, "schedule": "rate(5 minutes)", "state": "ENABLED"}
        given = {"Id": "1", "Arn": arn}
        target = {"bus": "default", "rule": "r", "id": "1", "arn": arn, "given": given}

        def prepare(tx: Any) -> None:
            sqs.create_queue(tx, plane, "q", {"Policy": json.dumps(policy)}, {}, clock.now)
            tx.put(store.RULES, made)
            tx.put(store.TARGETS, target)
            schedule.arm(tx, plane, made)

        await plane.store.write(prepare)
        await fire(plane)
        assert messages(plane) == []
        clock.now += 300
        await fire(plane, times=2)
        [event] = messages(plane)
        assert (event["source"], event["detail-type"]) == ("aws.events", "Scheduled Event")
        assert event["resources"] == ["arn:aws:events:us-east-1:111122223333:rule/r"]
        clock.now += 3000
        await fire(plane)
        await fire(plane)
        assert len(messages(plane)) == 2
        clock.now += 300
        await fire(plane)
        assert len(messages(plane)) == 3
        await plane.store.write(lambda tx: schedule.arm(tx, plane, made | {"state": "DISABLED"}))
        clock.now += 300
        await fire(plane)
        assert len(messages(plane)) == 3
        plane.store.close()

    asyncio.run(run())
