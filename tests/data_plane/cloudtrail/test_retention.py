"""Events are kept for ever, unless the plane is told for how many days."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from twinplane.data_plane.__main__ import main
from twinplane.data_plane.plane import Plane, PlaneSettings, open_plane
from twinplane.data_plane.services.cloudtrail import retention, store
from twinplane.data_plane.services.events import store as events
from twinplane.data_plane.tasks import TASKS

DAY = 86_400.0
KINDS = [TASKS, *store.KINDS, *events.KINDS]


@pytest.mark.parametrize(("days", "left"), [(None, [1, 50, 101]), (90, [50, 101]), (30, [101])])
def test_only_a_plane_that_is_told_so_removes_what_is_old(tmp_path: Path, days: int | None, left: list[int]) -> None:
    def numbers(plane: Plane) -> list[int]:
        rows = plane.store.read(lambda tx: tx.run("SELECT id FROM cloudtrail_log ORDER BY seq"))
        return [int(row[0]) for row in rows]

    async def run() -> None:
        settings = PlaneSettings(tmp_path, "http://127.0.0.1:1", keep_events_days=days)
        plane = open_plane(settings, KINDS, {}, clock=lambda: 101 * DAY)
        rows = [store.Event(day * DAY, str(day), "N", "s", True, None, None, None, b"{}") for day in (1, 50, 101)]
        await plane.store.write(lambda tx: store.add_events(tx, plane, rows))
        await plane.store.write(lambda tx: store.index(tx, 10))
        await retention.arm(plane)
        await retention.arm(plane)
        waiting = plane.store.read(lambda tx: tx.select(TASKS))
        assert len(waiting) == (0 if days is None else 1)
        for task in waiting:
            await retention.TASKS[task["kind"]].run(plane, task)
        assert numbers(plane) == left
        plane.store.close()

    asyncio.run(run())


def test_a_plane_cannot_be_told_to_forget_what_may_be_looked_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["plane", "--state", "nowhere", "--keep-events-days", "30"])
    with pytest.raises(SystemExit):
        main()
    assert "90 or more" in capsys.readouterr().err
