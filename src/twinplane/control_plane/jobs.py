"""Durable jobs on the app's own tables: work that goes on after the reply, and timers.

A job is written in the same transaction as the change that asks for it. It is a list of steps; each step's outcome is
recorded in one transaction with whatever the step changes in our tables, guarded by the lease, so several replicas may
run and any may die: a step that was recorded is never repeated, one that was not runs again (and must look before it
repeats). A timer is a job that is due later. A step that keeps failing is given up: the steps before it are undone in
reverse order, then the kind's `failed` records what the person sees.
"""

import os
import random
import secrets
import socket
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NewType

import sqlalchemy as sa
import structlog

from twinplane.control_plane.clock import utc_now
from twinplane.control_plane.database import Database, Transaction, UtcTime, metadata

log = structlog.get_logger()

JobId = NewType("JobId", str)

JOBS = sa.Table(
    "job",
    metadata,
    sa.Column("id", sa.String(80), primary_key=True),
    sa.Column("kind", sa.String(80), nullable=False),
    sa.Column("subject", sa.String(80), nullable=False),  # the id of what it is about
    sa.Column("payload", sa.JSON, nullable=False),
    sa.Column("state", sa.String(12), nullable=False),  # ready, undoing, done, failed, cancelled
    sa.Column("step", sa.Integer, nullable=False),  # the next step to do (ready) or to undo (undoing)
    sa.Column("attempts", sa.Integer, nullable=False),  # failed attempts at this step
    sa.Column("step_started_at", UtcTime),
    sa.Column("error", sa.Text),
    sa.Column("due_at", UtcTime, nullable=False),
    sa.Column("lease_owner", sa.String(120)),
    sa.Column("lease_until", UtcTime),
    sa.Column("fence", sa.Integer, nullable=False),  # grows with each claim: an old owner cannot record any more
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.Index("job_due", "state", "due_at"),
    sa.Index("job_subject", "subject"),
)
STEPS = sa.Table(
    "job_step",
    metadata,
    sa.Column("job_id", sa.String(80), sa.ForeignKey("job.id"), primary_key=True),
    sa.Column("step", sa.String(80), primary_key=True),
    sa.Column("output", sa.JSON, nullable=False),
    sa.Column("done_at", UtcTime, nullable=False),
)

OPEN = ("ready", "undoing")


class LeaseLost(Exception):
    """Another replica took this job over; what was about to be recorded must not be."""


class GiveUp(Exception):
    """Repeating cannot help: the job is undone at once, with this reason."""


@dataclass(frozen=True)
class Done:
    """The step is complete. `record` runs in the transaction that records it."""

    output: Mapping[str, Any] = field(default_factory=dict)
    record: Callable[[Transaction], None] | None = None


@dataclass(frozen=True)
class Later:
    """The step waits for something; it runs again after `seconds`."""

    seconds: float


@dataclass
class Job:
    """A claimed job as its steps see it. `outputs` holds what earlier steps returned, by step name."""

    id: JobId
    kind: str
    subject: str
    payload: dict[str, Any]
    step: int
    state: str
    attempts: int
    fence: int
    step_started_at: datetime | None
    error: str | None
    outputs: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Step:
    """`do` may run more than once until it is recorded; `undo` too, and also when `do` was only half done."""

    name: str
    do: Callable[[Job], Done | Later]
    undo: Callable[[Job], None] | None = None
    patience_seconds: float = 900.0  # how long it may answer `Later` before it is given up


@dataclass(frozen=True)
class JobKind:
    """`failed` is called in the transaction that ends a job that was given up, after its steps were undone."""

    steps: tuple[Step, ...]
    failed: Callable[[Transaction, Job, str], None]
    max_attempts: int = 6


def enqueue(
    tx: Transaction,
    kind: str,
    subject: str,
    payload: Mapping[str, Any] | None = None,
    *,
    due_at: datetime | None = None,
    id: JobId | None = None,
) -> JobId:
    """Asks for a job from this transaction's commit on. With an `id`, asking twice is asking once."""
    job_id = id or JobId(f"job-{secrets.token_hex(10)}")
    if id is not None and tx.row(sa.select(JOBS.c.id).where(JOBS.c.id == id)):
        return job_id
    tx.execute(
        sa.insert(JOBS).values(
            id=job_id, kind=kind, subject=subject, payload=dict(payload or {}), state="ready", step=0, attempts=0,
            due_at=due_at or tx.now, fence=0, created_at=tx.now, updated_at=tx.now,
        )
    )  # fmt: skip
    tx.after_commit.append(_wakers.wake_all)
    return job_id


def cancel_waiting(tx: Transaction, kind: str, subject: str) -> int:
    """Cancels the jobs of `kind` about `subject` that nobody has begun: timers whose reason is gone."""
    return tx.changed(
        sa.update(JOBS)
        .where(JOBS.c.kind == kind, JOBS.c.subject == subject, JOBS.c.state == "ready", JOBS.c.lease_owner.is_(None))
        .values(state="cancelled", updated_at=tx.now)
    )


class _Wakers:
    """The runners of this process, to be woken when a transaction that asked for a job has committed."""

    def __init__(self) -> None:
        self._runners: list[JobRunner] = []

    def add(self, runner: "JobRunner") -> None:
        self._runners.append(runner)

    def remove(self, runner: "JobRunner") -> None:
        self._runners.remove(runner)

    def wake_all(self) -> None:
        for runner in self._runners:
            runner.wake()


_wakers = _Wakers()


class JobRunner:
    """Claims due jobs and runs them on a few threads. Start one per process; several processes share the work."""

    def __init__(
        self,
        database: Database,
        kinds: Mapping[str, JobKind],
        *,
        workers: int = 4,
        lease_seconds: float = 20.0,
        poll_seconds: float = 2.0,
    ) -> None:
        self._database, self._kinds = database, kinds
        self._workers, self._lease_seconds, self._poll_seconds = workers, lease_seconds, poll_seconds
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}:{secrets.token_hex(4)}"
        self._awake, self._stopping = threading.Event(), threading.Event()
        self._running: set[JobId] = set()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="job")
        self._dispatcher = threading.Thread(target=self._loop, name="jobs", daemon=True)

    def start(self) -> None:
        """Starts in the background; jobs of replicas that died on this machine are taken over at once."""
        _release_leases_of_the_dead(self._database)
        _wakers.add(self)
        self._dispatcher.start()

    def stop(self) -> None:
        """Lets the steps that run now end, records them, and gives the leases back."""
        _wakers.remove(self)
        self._stopping.set()
        self._awake.set()
        self._dispatcher.join()
        self._pool.shutdown(wait=True)

    def wake(self) -> None:
        self._awake.set()

    @property
    def is_alive(self) -> bool:
        return self._dispatcher.is_alive()

    def _loop(self) -> None:
        renewed_at = utc_now()
        while not self._stopping.is_set():
            self._awake.clear()
            wait = self._poll_seconds
            try:
                if (utc_now() - renewed_at).total_seconds() > self._lease_seconds / 3:
                    self._renew()
                    _release_leases_of_the_dead(self._database)
                    renewed_at = utc_now()
                wait = self._start_due()
            except sa.exc.OperationalError:
                log.warning("the database did not answer; jobs wait", exc_info=True)
            self._awake.wait(wait)

    def _start_due(self) -> float:
        """Starts what is due and may run. Returns the seconds until it is worth looking again."""
        with self._lock:
            free = self._workers - len(self._running)
        if free == 0:
            return self._lease_seconds / 3
        jobs, next_due_at = self._claim(free)
        for job in jobs:
            with self._lock:
                self._running.add(job.id)
            self._pool.submit(self._run, job)
        if len(jobs) == free:
            return self._lease_seconds / 3
        seconds = self._poll_seconds
        if next_due_at is not None:
            seconds = min(seconds, (next_due_at - self._database.clock()).total_seconds())
        return max(0.005, seconds)

    def _claim(self, limit: int) -> tuple[list[Job], datetime | None]:
        with self._database.read() as tx:  # an idle look takes no write lock
            next_due_at = self._next_due_at(tx)
        if next_due_at is None or next_due_at > tx.now:
            return [], next_due_at
        with self._database.write() as tx:
            rows = tx.rows(
                sa.select(JOBS)
                .where(JOBS.c.state.in_(OPEN), JOBS.c.due_at <= tx.now, _unleased(tx.now))
                .order_by(JOBS.c.due_at)
                .limit(limit)
                .with_for_update(skip_locked=True)  # several PostgreSQL replicas share; SQLite has the write lock
            )
            for row in rows:
                tx.execute(
                    sa.update(JOBS)
                    .where(JOBS.c.id == row["id"])
                    .values(
                        lease_owner=self.owner,
                        lease_until=tx.now + timedelta(seconds=self._lease_seconds),
                        fence=row["fence"] + 1,
                        step_started_at=row["step_started_at"] or tx.now,
                    )
                )
            jobs = [_job(tx, row, fence=row["fence"] + 1) for row in rows]
            return jobs, self._next_due_at(tx)

    @staticmethod
    def _next_due_at(tx: Transaction) -> datetime | None:
        statement = sa.select(JOBS.c.due_at).where(JOBS.c.state.in_(OPEN), _unleased(tx.now))
        row = tx.row(statement.order_by(JOBS.c.due_at).limit(1))
        return None if row is None else row["due_at"]

    def _renew(self) -> None:
        with self._database.write() as tx:
            tx.execute(
                sa.update(JOBS)
                .where(JOBS.c.lease_owner == self.owner, JOBS.c.state.in_(OPEN))
                .values(lease_until=tx.now + timedelta(seconds=self._lease_seconds))
            )

    def _run(self, job: Job) -> None:
        try:
            going = True
            while going and not self._stopping.is_set():
                going = self._run_step(job)
            if going:
                self._checkpoint(job, lease_owner=None, lease_until=None)
        except LeaseLost:
            log.info("job was taken over by another replica", job=job.id, kind=job.kind)
        except sa.exc.OperationalError:
            log.warning("job could not be recorded; its lease runs out and it goes on", job=job.id, exc_info=True)
        except Exception:
            log.exception("job stopped; its lease runs out and it goes on", job=job.id, kind=job.kind)
        finally:
            with self._lock:
                self._running.discard(job.id)
            self.wake()

    def _run_step(self, job: Job) -> bool:
        """Does or undoes one step and records it. Returns whether the job goes on at once."""
        kind = self._kinds.get(job.kind)
        if kind is None:
            self._end(job, "failed", error=f"No version of this app knows jobs of kind {job.kind}")
            return False
        if job.state == "undoing":
            return self._undo_step(job, kind)
        if job.step >= len(kind.steps):
            self._end(job, "done")
            return False
        step = kind.steps[job.step]
        try:
            outcome = step.do(job)
            if isinstance(outcome, Done):
                return self._record_done(job, kind, step, outcome)
        except (LeaseLost, sa.exc.OperationalError):
            raise
        except GiveUp as reason:
            self._begin_undoing(job, str(reason))
            return True
        except Exception as error:
            log.warning("job step failed", job=job.id, kind=job.kind, step=step.name, exc_info=True)
            return self._retry_or_give_up(job, kind, error)
        waited = (self._database.clock() - (job.step_started_at or self._database.clock())).total_seconds()
        if waited > step.patience_seconds:
            self._begin_undoing(job, f"{step.name} was not complete after {waited:.0f} seconds")
            return True
        self._postpone(job, outcome.seconds)
        return False

    def _record_done(self, job: Job, kind: JobKind, step: Step, outcome: Done) -> bool:
        last = job.step == len(kind.steps) - 1
        self._checkpoint(
            job,
            step_output=(step.name, dict(outcome.output)),
            record=outcome.record,
            step=job.step + 1,
            attempts=0,
            step_started_at=None,
            **({"state": "done", "lease_owner": None, "lease_until": None} if last else {}),
        )
        job.step, job.attempts, job.step_started_at = job.step + 1, 0, self._database.clock()
        job.outputs[step.name] = dict(outcome.output)
        return not last

    def _undo_step(self, job: Job, kind: JobKind) -> bool:
        if job.step < 0:
            reason = job.error or "unknown"
            try:
                self._end(job, "failed", record=lambda tx: kind.failed(tx, job, reason))
            except (LeaseLost, sa.exc.OperationalError):
                raise
            except Exception:
                log.exception("the failure of a job could not be shown", job=job.id, kind=job.kind, reason=reason)
                self._end(job, "failed")
            return False
        step = kind.steps[job.step]
        try:
            if step.undo is not None:
                step.undo(job)
        except Exception:
            log.warning("job step could not be undone", job=job.id, kind=job.kind, step=step.name, exc_info=True)
            job.attempts += 1
            if job.attempts < kind.max_attempts:
                self._postpone(job, _backoff_seconds(job.attempts), attempts=job.attempts)
                return False
            log.error("job step was left behind", job=job.id, kind=job.kind, step=step.name)
        self._checkpoint(job, step=job.step - 1, attempts=0)
        job.step, job.attempts = job.step - 1, 0
        return True

    def _retry_or_give_up(self, job: Job, kind: JobKind, error: Exception) -> bool:
        job.attempts += 1
        reason = str(error) or type(error).__name__
        if job.attempts < kind.max_attempts:
            self._postpone(job, _backoff_seconds(job.attempts), attempts=job.attempts, error=reason)
            return False
        self._begin_undoing(job, reason)
        return True

    def _begin_undoing(self, job: Job, reason: str) -> None:
        self._checkpoint(job, state="undoing", attempts=0, error=reason)
        job.state, job.attempts, job.error = "undoing", 0, reason

    def _postpone(self, job: Job, seconds: float, **changes: Any) -> None:
        due_at = self._database.clock() + timedelta(seconds=seconds)
        self._checkpoint(job, due_at=due_at, lease_owner=None, lease_until=None, **changes)

    def _end(
        self, job: Job, state: str, record: Callable[[Transaction], None] | None = None, error: str | None = None
    ) -> None:
        changes: dict[str, Any] = {"error": error} if error else {}
        self._checkpoint(job, record=record, state=state, lease_owner=None, lease_until=None, **changes)

    def _checkpoint(
        self,
        job: Job,
        *,
        step_output: tuple[str, dict[str, Any]] | None = None,
        record: Callable[[Transaction], None] | None = None,
        **changes: Any,
    ) -> None:
        """Records progress, if the lease is still ours. Raises `LeaseLost`, with nothing changed, if not."""
        with self._database.write() as tx:
            guard = sa.and_(JOBS.c.id == job.id, JOBS.c.lease_owner == self.owner, JOBS.c.fence == job.fence)
            if tx.changed(sa.update(JOBS).where(guard).values(updated_at=tx.now, **changes)) != 1:
                raise LeaseLost(job.id)
            if step_output is not None:
                name, output = step_output
                tx.execute(sa.insert(STEPS).values(job_id=job.id, step=name, output=output, done_at=tx.now))
            if record is not None:
                record(tx)


def wait_for(check: Callable[[], Any], *, within_seconds: float = 2.0) -> Any:
    """Calls `check` until it answers something true, with growing pauses; returns that, or None when time is up.

    For states that usually arrive in milliseconds: a step that gets None answers `Later` and lets others run.
    """
    pause, waited = 0.01, 0.0
    sleeper = threading.Event()
    while True:
        answer = check()
        if answer or waited >= within_seconds:
            return answer or None
        sleeper.wait(pause)
        waited += pause
        pause = min(pause * 1.4, 0.25)


def _unleased(now: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(JOBS.c.lease_until.is_(None), JOBS.c.lease_until < now)


def _job(tx: Transaction, row: dict[str, Any], fence: int) -> Job:
    outputs = tx.rows(sa.select(STEPS.c.step, STEPS.c.output).where(STEPS.c.job_id == row["id"]))
    return Job(
        id=JobId(row["id"]), kind=row["kind"], subject=row["subject"], payload=row["payload"], step=row["step"],
        state=row["state"], attempts=row["attempts"], fence=fence, step_started_at=row["step_started_at"] or tx.now,
        error=row["error"], outputs={o["step"]: o["output"] for o in outputs},
    )  # fmt: skip


def _backoff_seconds(attempts: int) -> float:
    return float(min(30.0, 0.2 * 2**attempts) * random.uniform(0.8, 1.2))  # noqa: S311 - spreads retries


def _started(pid: int) -> str:
    """When a process of this machine started, as the kernel counts; empty when it is gone or this is not Linux."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _release_leases_of_the_dead(database: Database) -> None:
    """A replica that was killed on this machine need not be waited for until its lease runs out."""
    with database.read() as tx:
        held = sa.select(JOBS.c.lease_owner).where(JOBS.c.state.in_(OPEN), JOBS.c.lease_owner.is_not(None)).distinct()
        dead = [row["lease_owner"] for row in tx.rows(held) if _is_dead(row["lease_owner"])]
    if dead:
        with database.write() as tx:
            where = JOBS.c.lease_owner.in_(dead)
            tx.execute(sa.update(JOBS).where(where).values(lease_owner=None, lease_until=None))


def _is_dead(owner: str) -> bool:
    """Whether the owner of a lease was a process of this machine that is gone."""
    host, pid, started, _ = owner.split(":")
    return host == socket.gethostname() and bool(started) and _started(int(pid)) != started
