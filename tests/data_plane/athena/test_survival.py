"""A query that was accepted is never lost: kill -9 of the plane while it runs, then a new start."""

import os
import signal
import time
from pathlib import Path

from twinplane.data_plane.testing import running_plane

from .lake import Lake, table

SLOW = (
    "SELECT count(*) FROM unnest(sequence(1, 10000)) a(x), unnest(sequence(1, 6000)) b(y), "
    "unnest(sequence(1, 3)) c(z), orders WHERE orders.id < 2 AND (x * y + z) % 7 = 1"
)


def test_a_query_that_ran_when_the_plane_was_killed_runs_again(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with running_plane(state) as plane:
        lake = Lake(plane, tmp_path)
        lake.make()
        person = lake.person("ann")
        lake.grant(person.principal, table())
        query_id = person.start(SLOW)
        athena = person.client("athena")
        while athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]["Status"]["State"] == "QUEUED":
            time.sleep(0.01)
        workers = _children(plane.process.pid)
        os.kill(plane.process.pid, signal.SIGKILL)
        plane.process.wait()
    _wait_until_gone(workers)
    with running_plane(state) as plane:
        again = Lake(plane, tmp_path).session_of(person.user_id)
        execution = again.finished(query_id)
        assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
        rows = again.client("athena").get_query_results(QueryExecutionId=query_id)["ResultSet"]["Rows"]
        assert int(rows[1]["Data"][0]["VarCharValue"]) > 0


def test_a_grant_revoked_before_a_query_runs_again_is_honoured(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with running_plane(state) as plane:
        lake = Lake(plane, tmp_path)
        lake.make()
        person = lake.person("ann")
        lake.grant(person.principal, table())
        query_id = person.start(SLOW)
        lake.revoke(person.principal, table())
        os.kill(plane.process.pid, signal.SIGKILL)
        plane.process.wait()
    with running_plane(state) as plane:
        status = Lake(plane, tmp_path).session_of(person.user_id).finished(query_id)["Status"]
        assert status["State"] == "FAILED"
        assert "Insufficient Lake Formation permission(s)" in status["StateChangeReason"]


def _children(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _wait_until_gone(pids: list[int]) -> None:
    """Workers die with the plane that started them."""
    assert pids
    for _ in range(200):
        if not any(Path(f"/proc/{pid}/cmdline").exists() and _is_worker(pid) for pid in pids):
            return
        time.sleep(0.05)
    raise AssertionError("a worker outlived its plane")


def _is_worker(pid: int) -> bool:
    try:
        return b"engines.sql.process\0worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
