"""A query that was accepted is never lost: kill -9 of the plane while it runs, then a new start."""

import os
import signal
import time
from pathlib import Path

from twinplane.data_plane.testing import running_plane

from .lake import Lake, table
from .writers import HERS, done, location, make_writer

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


def test_rows_that_were_written_when_the_plane_was_killed_are_there_once(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with running_plane(state) as plane:
        lake = Lake(plane, tmp_path)
        lake.make()
        person = make_writer(lake)
        done(person, f"CREATE EXTERNAL TABLE hive (id bigint) STORED AS PARQUET {location('works/hive')}")
        done(person, f"CREATE TABLE ice (id bigint) {location('works/ice')} TBLPROPERTIES ('table_type'='ICEBERG')")
    started: list[str] = []
    for number, seconds in enumerate((0.0, 0.05, 0.15, 0.3)):
        with running_plane(state) as plane:
            again = Lake(plane, tmp_path).session_of(person.user_id, "TwinplaneWriter")
            for text in (
                f"INSERT INTO hive VALUES ({number})", f"INSERT INTO ice VALUES ({number})",
                f"CREATE TABLE made_{number} AS SELECT {number} AS id",
            ):  # fmt: skip
                started.append(again.start(text, QueryExecutionContext={"Database": "works"}))
            time.sleep(seconds)
            os.kill(plane.process.pid, signal.SIGKILL)
            plane.process.wait()
    with running_plane(state) as plane:
        lake = Lake(plane, tmp_path)
        again = lake.session_of(person.user_id, "TwinplaneWriter")
        states = [again.finished(query_id)["Status"] for query_id in started]
        assert [s["State"] for s in states] == ["SUCCEEDED"] * 12, states
        for name in ("hive", "ice"):
            assert again.rows(f"SELECT count(*), count(DISTINCT id) FROM works.{name}") == [["4", "4"]]
        names = " UNION ALL ".join(f"SELECT id FROM works.made_{number}" for number in range(4))
        assert again.rows(f"SELECT count(*), sum(id) FROM ({names})") == [["4", "6"]]
        files = [o["Key"] for o in lake.s3.list_objects_v2(Bucket=HERS)["Contents"]]
        assert len([f for f in files if f.startswith("works/hive/")]) == 4
        assert len([f for f in files if f.startswith("works/ice/data/")]) == 4


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
