"""A process that runs jobs of the test until it is killed. Each step writes its effect with its checkpoint.

Arguments: database URL, and where to stop itself with SIGKILL: "none", or "<step>:<moment>" with moment "before" (the
step ran, nothing is recorded) or "after" (it is recorded). The other effect, outside the database, is a line in a file.
"""

import os
import signal
import sys
import time
from pathlib import Path

import sqlalchemy as sa

from twinplane.control_plane.database import Database, Transaction, UtcTime
from twinplane.control_plane.jobs import Done, Job, JobKind, JobRunner, Step

EFFECTS = sa.Table(
    "effect", sa.MetaData(), sa.Column("job_id", sa.String(80)), sa.Column("step", sa.String(20)),
    sa.Column("at", UtcTime),
)  # fmt: skip
STEP_NAMES = ("one", "two", "three")


def kinds(outside: Path, die_at: str = "none") -> dict[str, JobKind]:
    def step(name: str) -> Step:
        def do(job: Job) -> Done:
            if f"{name}:begin" == die_at:
                os.kill(os.getpid(), signal.SIGKILL)
            with outside.open("a") as file:
                file.write(f"{job.id} {name}\n")
            if f"{name}:outside" == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

            def record(tx: Transaction) -> None:
                tx.execute(sa.insert(EFFECTS).values(job_id=job.id, step=name, at=tx.now))
                if f"{name}:recording" == die_at:
                    os.kill(os.getpid(), signal.SIGKILL)
                if f"{name}:committed" == die_at:
                    tx.after_commit.append(lambda: os.kill(os.getpid(), signal.SIGKILL))

            return Done({"of": name}, record)

        return Step(name, do)

    return {"test": JobKind(tuple(step(name) for name in STEP_NAMES), lambda tx, job, reason: None)}


if __name__ == "__main__":
    url, file, die_at = sys.argv[1:]
    runner = JobRunner(Database(url), kinds(Path(file), die_at), workers=2, lease_seconds=1.0, poll_seconds=0.05)
    runner.start()
    time.sleep(60)
