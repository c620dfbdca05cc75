import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.control_plane import job_worker
from twinplane.control_plane import jobs
from twinplane.control_plane.database import Database, Transaction
from twinplane.control_plane.jobs import Done, GiveUp, Job, JobId, JobKind, JobRunner, Later, Step


@contextmanager
def running(database: Database, kinds: dict[str, JobKind], **options: float) -> Iterator[JobRunner]:
    runner = JobRunner(database, kinds, **{"poll_seconds": 0.2, **options})  # type: ignore[arg-type]
    runner.start()
    yield runner
    runner.stop()


def ask(database: Database, **options: object) -> JobId:
    with database.write() as tx:
        return jobs.enqueue(tx, "test", "subject", {"asked": True}, **options)  # type: ignore[arg-type]


def state(database: Database, job_id: JobId) -> str:
    with database.read() as tx:
        row = tx.row(sa.select(jobs.JOBS.c.state).where(jobs.JOBS.c.id == job_id))
        return "" if row is None else str(row["state"])


def eventually(check: Callable[[], bool], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if check():
            return True
        time.sleep(0.01)
    return False


def kind(*steps: Step, failed: list[str] | None = None, max_attempts: int = 6) -> dict[str, JobKind]:
    collected = failed if failed is not None else []
    return {"test": JobKind(steps, lambda tx, job, reason: collected.append(reason), max_attempts)}


def test_a_job_runs_its_steps_in_order_and_hands_on_what_they_returned(database: Database) -> None:
    seen: list[object] = []

    def second(job: Job) -> Done:
        seen.append((job.payload, dict(job.outputs)))
        return Done()

    with running(database, kind(Step("first", lambda job: Done({"answer": 42})), Step("second", second))):
        job_id = ask(database)
        assert eventually(lambda: state(database, job_id) == "done")
    assert seen == [({"asked": True}, {"first": {"answer": 42}})]


def test_a_job_starts_within_50_milliseconds_of_its_commit(database: Database) -> None:
    started = threading.Event()

    def do(job: Job) -> Done:
        started.set()
        return Done()

    delays = []
    with running(database, kind(Step("only", do)), poll_seconds=10.0):
        for _ in range(5):
            started.clear()
            time.sleep(0.05)
            ask(database)
            asked = time.monotonic()
            assert started.wait(5)
            delays.append(time.monotonic() - asked)
    assert sorted(delays)[0] < 0.05


def test_a_job_asked_for_in_a_transaction_that_failed_never_runs(database: Database) -> None:
    ran: list[Job] = []

    def ask_and_fail() -> None:
        with database.write() as tx:
            jobs.enqueue(tx, "test", "subject")
            raise ZeroDivisionError

    with running(database, kind(Step("only", lambda job: ran.append(job) or Done()))):
        with pytest.raises(ZeroDivisionError):
            ask_and_fail()
        time.sleep(0.3)
    assert ran == []


def test_a_job_that_is_due_later_waits(database: Database) -> None:
    with running(database, kind(Step("only", lambda job: Done()))):
        job_id = ask(database, due_at=database.clock() + timedelta(seconds=0.5))
        time.sleep(0.25)
        assert state(database, job_id) == "ready"
        assert eventually(lambda: state(database, job_id) == "done")


def test_asking_twice_with_one_id_is_asking_once(database: Database) -> None:
    assert ask(database, id=JobId("once")) == ask(database, id=JobId("once"))
    with database.read() as tx:
        assert len(tx.rows(sa.select(jobs.JOBS.c.id))) == 1


def test_a_cancelled_timer_does_not_run(database: Database) -> None:
    job_id = ask(database, due_at=database.clock() + timedelta(hours=1))
    with database.write() as tx:
        assert jobs.cancel_waiting(tx, "test", "subject") == 1
    assert state(database, job_id) == "cancelled"


def test_a_step_that_fails_is_tried_again(database: Database) -> None:
    tries: list[int] = []

    def do(job: Job) -> Done:
        tries.append(job.attempts)
        if len(tries) < 3:
            raise ConnectionError("the network is down")
        return Done()

    with running(database, kind(Step("only", do))):
        job_id = ask(database)
        assert eventually(lambda: state(database, job_id) == "done")
    assert tries == [0, 1, 2]


def test_a_step_that_keeps_failing_is_given_up_and_what_was_done_is_undone_in_reverse(database: Database) -> None:
    undone: list[str] = []
    failed: list[str] = []

    def fail(job: Job) -> Done:
        raise ConnectionError("no")

    steps = (
        Step("one", lambda job: Done(), lambda job: undone.append("one")),
        Step("two", lambda job: Done({"id": "x"}), lambda job: undone.append(f"two {job.outputs['two']['id']}")),
        Step("three", fail, lambda job: undone.append("three, half done")),
    )
    with running(database, kind(*steps, failed=failed, max_attempts=2)):
        job_id = ask(database)
        assert eventually(lambda: state(database, job_id) == "failed")
    assert undone == ["three, half done", "two x", "one"]
    assert failed == ["no"]


def test_a_step_that_gives_up_is_not_tried_again(database: Database) -> None:
    failed: list[str] = []

    def do(job: Job) -> Done:
        raise GiveUp("it was refused")

    with running(database, kind(Step("only", do), failed=failed)):
        job_id = ask(database)
        assert eventually(lambda: state(database, job_id) == "failed")
    assert failed == ["it was refused"]


def test_what_cannot_be_recorded_is_a_failed_step_and_is_tried_again(database: Database) -> None:
    tries: list[int] = []

    def record(tx: Transaction) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise ValueError("somebody else was faster")

    with running(database, kind(Step("only", lambda job: Done(record=record)))):
        job_id = ask(database)
        assert eventually(lambda: state(database, job_id) == "done")
    assert len(tries) == 2


def test_a_failure_that_cannot_be_shown_still_ends_the_job(database: Database) -> None:
    def give_up(job: Job) -> Done:
        raise GiveUp("no")

    def failed(tx: Transaction, job: Job, reason: str) -> None:
        raise ValueError("there is nobody to tell")

    with running(database, {"test": JobKind((Step("only", give_up),), failed)}):
        job_id = ask(database)
        assert eventually(lambda: state(database, job_id) == "failed")


def test_a_step_that_waits_runs_again_but_not_for_ever(database: Database) -> None:
    failed: list[str] = []
    looks: list[Job] = []

    def do(job: Job) -> Later:
        looks.append(job)
        return Later(0.05)

    with running(database, kind(Step("grant", do, patience_seconds=0.3), failed=failed)):
        job_id = ask(database)
        assert eventually(lambda: state(database, job_id) == "failed")
    assert len(looks) > 2
    assert "grant was not complete after" in failed[0]


def test_an_owner_whose_job_was_taken_over_cannot_record_any_more(database: Database) -> None:
    entered, go_on, recorded = threading.Event(), threading.Event(), []

    def slow(job: Job) -> Done:
        entered.set()
        go_on.wait(10)
        return Done(record=lambda tx: recorded.append("slow"))

    with running(database, kind(Step("only", slow)), lease_seconds=60):
        job_id = ask(database)
        assert entered.wait(5)
        with database.write() as tx:  # as a replica does when the lease ran out
            tx.execute(sa.update(jobs.JOBS).values(lease_owner="host:1:1:other", fence=jobs.JOBS.c.fence + 1))
        go_on.set()
        time.sleep(0.3)
        assert recorded == []
        assert state(database, job_id) == "ready"


MOMENTS = ("begin", "outside", "recording", "committed")


@pytest.mark.parametrize("moment", [f"{name}:{moment}" for name in job_worker.STEP_NAMES for moment in MOMENTS])
def test_killed_at_any_moment_another_process_goes_on_and_nothing_is_recorded_twice(
    database: Database, database_url: str, tmp_path: Path, moment: str
) -> None:
    outside = tmp_path / "outside.txt"
    outside.touch()
    with database.write() as tx:
        job_worker.EFFECTS.create(tx.connection)
    job_id = ask(database)
    command = [sys.executable, job_worker.__file__, database_url, str(outside), moment]
    assert subprocess.run(command, timeout=60, check=False).returncode == -9

    with running(database, job_worker.kinds(outside)):
        assert eventually(lambda: state(database, job_id) == "done")
    with database.read() as tx:
        effects = [row["step"] for row in tx.rows(sa.select(job_worker.EFFECTS))]
    assert effects == list(job_worker.STEP_NAMES)
    outside_effects = Counter(line.split()[1] for line in outside.read_text().splitlines())
    repeated = [name for name, count in outside_effects.items() if count > 1]
    step, at = moment.split(":")
    assert repeated == ([step] if at in ("outside", "recording") else [])  # why every step looks before it repeats


def test_two_replicas_share_the_work_without_doing_anything_twice(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.txt"
    outside.touch()
    with database.write() as tx:
        job_worker.EFFECTS.create(tx.connection)
    ids = [ask(database) for _ in range(30)]
    other = Database(database_url)
    with running(database, job_worker.kinds(outside)), running(other, job_worker.kinds(outside)):
        assert eventually(lambda: all(state(database, job_id) == "done" for job_id in ids))
    other.close()
    assert set(Counter(outside.read_text().splitlines()).values()) == {1}
    assert len(outside.read_text().splitlines()) == 90
