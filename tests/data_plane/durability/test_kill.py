"""kill -9 at random moments, under writers of every service: what was acknowledged is there, whole, and recorded.

The short form runs in `make test`. The long one (`make soak`) runs TWINPLANE_SOAK_ROUNDS rounds; TWINPLANE_SOAK_SEED
repeats a run's moments, though not what the threads did in them.
"""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from pysqlite3 import dbapi2 as sqlite

from tests.data_plane.datazone.domains_for_tests import eventually, make_mesh
from tests.data_plane.durability.writers import CLIENTS, ONCE, WRITERS, Projects, Queries, World, Writer
from tests.data_plane.events.test_rules import Queue, rule
from twinplane.cli.children import free_port
from twinplane.data_plane.doctor import examine
from twinplane.data_plane.services.s3.named import named_bodies
from twinplane.data_plane.testing import RunningPlane, running_plane

SOAK = "TWINPLANE_SOAK" in os.environ
ROUNDS = int(os.environ.get("TWINPLANE_SOAK_ROUNDS", "200")) if SOAK else 4
ROUNDS_PER_STATE = 20  # then a new one, so that looking at all that is there does not take ever longer
SEED = int(os.environ.get("TWINPLANE_SOAK_SEED", random.SystemRandom().randrange(1_000_000)))

pytestmark = [pytest.mark.timeout(240 if not SOAK else 60 * ROUNDS), *([pytest.mark.soak] if SOAK else [])]


def make_world(plane: RunningPlane) -> World:
    """Something to write in: a mesh with a project, a database, a bucket, a work group, an application, a queue."""
    mesh = make_mesh(plane)
    iam, sso = plane.client("iam"), plane.client("sso-admin")
    instance = sso.list_instances()["Instances"][0]
    application = sso.create_application(
        Name="app", InstanceArn=instance["InstanceArn"],
        ApplicationProviderArn="arn:aws:sso::aws:applicationProvider/custom",
    )["ApplicationArn"]  # fmt: skip
    s3 = plane.client("s3")
    for bucket in ("kept", "versions"):
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
    kept, heard = Queue(plane, "kept"), Queue(plane, "heard")
    rule(plane.client("events"), "kept", {"source": ["kept"]}, {"Arn": heard.arn})
    plane.client("glue").create_database(DatabaseInput={"Name": "shop"})
    plane.client("athena").create_work_group(
        Name="mesh", Configuration={"ResultConfiguration": {"OutputLocation": "s3://kept/athena/"}}
    )
    user_arn = iam.create_user(UserName="reader")["User"]["Arn"]
    return World(
        plane, mesh, mesh.project("first")["id"], instance["IdentityStoreId"], instance["InstanceArn"], application,
        user_arn, kept.url, heard.url,
    )  # fmt: skip


class Tormentors:
    """The writers, a thread each; they end when the server does."""

    def __init__(self, writers: list[Writer]) -> None:
        self.failures: list[BaseException] = []
        self._answered, self._killed = threading.Event(), threading.Event()
        self._threads = [threading.Thread(target=self._write, args=[writer]) for writer in writers]

    def _write(self, writer: Writer) -> None:
        try:
            for _ in writer.steps():
                self._answered.set()
                if self._killed.is_set():
                    return
        except (BotoCoreError, ClientError, OSError) as error:
            if not self._killed.wait(2):
                self.failures.append(error)
        except Exception as error:  # noqa: BLE001 - a test's own mistake is not to pass for a crash
            self.failures.append(error)

    def until_killed(self, plane: RunningPlane, seconds: float) -> None:
        """Writes, and kills the server so long after the first answer."""
        for thread in self._threads:
            thread.start()
        assert self._answered.wait(30), "nobody was answered"
        time.sleep(seconds)
        os.kill(plane.process.pid, signal.SIGKILL)
        self._killed.set()
        plane.process.wait(10)
        for thread in self._threads:
            thread.join()
        if self.failures:
            raise self.failures[0]


def recorded(state: Path) -> set[str]:
    """The ids of all requests that have a record."""
    with sqlite.connect(str(state / "plane.db")) as connection:
        sql = "SELECT json_extract(CAST(record AS TEXT), '$.requestID') FROM cloudtrail_log"
        return {row[0] for row in connection.execute(sql)}


def errors(state: Path) -> list[Any]:
    return [finding for finding in examine(state, deep=True) if finding.severity == "error"]


def left_over(state: Path) -> set[str]:
    """The files of bytes that no row names."""
    there = {path.name for path in (state / "blobs").glob("*/*")}
    with sqlite.connect(str(state / "plane.db")) as connection:
        return there - {body.name for body in named_bodies(connection)}


def states() -> Iterator[tuple[int, int]]:
    """For each state that the rounds are done on: a number, and how many."""
    for first in range(0, ROUNDS, ROUNDS_PER_STATE):
        yield first, min(ROUNDS - first, ROUNDS_PER_STATE)


@pytest.mark.parametrize(("state", "rounds"), list(states()))
def test_nothing_acknowledged_is_lost_and_nothing_is_half_there(state: int, rounds: int, tmp_path: Path) -> None:
    chance = random.Random(SEED + state)
    port, acknowledged = free_port(), 0
    with running_plane(tmp_path, port=port) as plane:
        world = make_world(plane)
        clients = {name: plane.client(name, config=ONCE) for name in CLIENTS}
        writers = [kind(clients, world) for kind in WRITERS]
    for number in range(rounds):
        with running_plane(tmp_path, port=port) as plane:
            Tormentors(writers).until_killed(plane, chance.uniform(0, 1.4))
        assert errors(tmp_path) == [], f"round {number}, seed {SEED}"  # as the crash left it
        requests = {request for writer in writers for request in writer.requests}
        acknowledged = len(requests)
        assert requests - recorded(tmp_path) == set(), f"not recorded, round {number}, seed {SEED}"
    with running_plane(tmp_path, port=port) as plane:
        broken = [promise for writer in writers for promise in writer.broken_promises()]
        assert broken == [], f"seed {SEED}"
        for writer in writers:
            if isinstance(writer, (Projects, Queries)):
                eventually(writer.unfinished, lambda left: left == [], 60)
        eventually(lambda: left_over(tmp_path), lambda left: left == set())
    assert errors(tmp_path) == []
    print(f"kill -9: {rounds} rounds, {acknowledged} acknowledged writes, 0 lost, seed {SEED}")
