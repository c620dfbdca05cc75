"""States of earlier versions: upgraded in one transaction, after a copy was made; a crash leaves them as they were."""

import asyncio
import hashlib
import signal
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from pysqlite3 import dbapi2 as sqlite

from twinplane.data_plane.doctor import examine
from twinplane.data_plane.schema import StateOfNewerVersion, Upgrade, UpgradeFailed, copy_of, rebuild
from twinplane.data_plane.store import Document, Kind, Store, Transaction
from twinplane.data_plane.testing import running_plane

OLD = Kind("thing", key=("id",), columns=("color",), unique=(("color",),))
NEW = Kind("thing", key=("id", "version"), columns=("color",), indexes=(("color",),))


def versioned(document: Document) -> Document:
    return document | {"version": 1}


TO_2 = Upgrade(2, lambda tx: rebuild(tx, NEW, versioned))
TO_3 = Upgrade(
    3, lambda tx: rebuild(tx, NEW, lambda d: None if d["id"] == "gone" else d | {"color": d["color"].upper()})
)


@pytest.fixture
def old_state(tmp_path: Path) -> Path:
    """A database of version 1 with 1200 documents."""
    path = tmp_path / "plane.db"
    store = Store(path, [OLD])

    def fill(tx: Transaction) -> None:
        for number in range(1199):
            tx.add(OLD, {"id": f"t{number}", "color": f"c{number}"})
        tx.add(OLD, {"id": "gone", "color": "none"})

    asyncio.run(store.write(fill))
    store.close()
    return path


def test_an_old_state_goes_through_every_step_it_needs_and_no_other(old_state: Path) -> None:
    store = Store(old_state, [NEW], [TO_2])
    assert store.read(lambda tx: tx.get(NEW, "t7", 1)) == {"id": "t7", "color": "c7", "version": 1}
    assert store.read(lambda tx: tx.count(NEW)) == 1200
    store.close()
    store = Store(old_state, [NEW], [TO_2, TO_3])
    assert store.read(lambda tx: tx.select(NEW, {"color": "C7"})) == [{"id": "t7", "color": "C7", "version": 1}]
    assert store.read(lambda tx: tx.count(NEW)) == 1199
    store.close()
    store = Store(old_state, [NEW], [TO_2, TO_3])  # and once only
    assert store.read(lambda tx: tx.count(NEW)) == 1199
    asyncio.run(store.write(lambda tx: tx.add(NEW, {"id": "t7", "version": 2, "color": "C7"})))  # no more unique
    store.close()


def test_a_new_state_is_of_the_newest_version_and_runs_no_step(tmp_path: Path) -> None:
    def must_not_run(_tx: Transaction) -> None:
        raise AssertionError

    Store(tmp_path / "plane.db", [NEW], [Upgrade(2, must_not_run)]).close()
    Store(tmp_path / "plane.db", [NEW], [Upgrade(2, must_not_run)]).close()
    with pytest.raises(StateOfNewerVersion, match="state version 2; this program knows 1"):
        Store(tmp_path / "plane.db", [OLD])
    assert [file.name for file in tmp_path.glob("*version*")] == []


def test_a_copy_of_the_old_state_is_kept_beside_it_and_opens_with_the_old_program(old_state: Path) -> None:
    Store(old_state, [NEW], [TO_2]).close()
    copy = copy_of(old_state, 1)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    copy.replace(old_state)
    for beside in ("-wal", "-shm"):
        Path(f"{old_state}{beside}").unlink(missing_ok=True)
    store = Store(old_state, [OLD])
    assert store.read(lambda tx: tx.get(OLD, "gone")) == {"id": "gone", "color": "none"}
    store.close()


def test_a_step_that_fails_changes_nothing(old_state: Path) -> None:
    def fails(tx: Transaction) -> None:
        rebuild(tx, NEW, lambda document: document | {"id": "same", "version": 1})

    with pytest.raises(UpgradeFailed, match="from state version 1 to 3: thing same/1 already exists"):
        Store(old_state, [NEW], [TO_2, Upgrade(3, fails)])
    store = Store(old_state, [OLD])
    assert store.read(lambda tx: tx.count(OLD)) == 1200
    store.close()


def test_a_key_that_changed_without_a_step_is_refused(old_state: Path) -> None:
    with pytest.raises(RuntimeError, match="the key of thing changed"):
        Store(old_state, [NEW])


@pytest.mark.parametrize("documents_until_killed", [1, 600, 1200])
def test_a_state_whose_upgrade_was_killed_is_upgraded_at_the_next_start(
    old_state: Path, documents_until_killed: int
) -> None:
    program = f"""
        import os, signal
        from pathlib import Path
        from tests.data_plane.test_upgrades import NEW, versioned
        from twinplane.data_plane.schema import Upgrade, rebuild
        from twinplane.data_plane.store import Store

        left = {documents_until_killed}

        def change(document):
            global left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return versioned(document)

        Store(Path({str(old_state)!r}), [NEW], [Upgrade(2, lambda tx: rebuild(tx, NEW, change))])
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], cwd=Path(__file__).parents[2], check=False)
    assert ended.returncode == -signal.SIGKILL
    store = Store(old_state, [NEW], [TO_2])
    assert store.read(lambda tx: tx.count(NEW)) == 1200
    assert store.read(lambda tx: tx.count(NEW, {"version": 1})) == 1200
    store.close()
    with sqlite.connect(str(copy_of(old_state, 1))) as copy:
        assert copy.execute("SELECT count(*) FROM thing").fetchone() == (1200,)


def test_without_room_for_the_copy_nothing_is_upgraded(old_state: Path) -> None:
    copy_of(old_state, 1).mkdir()  # root may write everywhere, but not a file over a folder
    with pytest.raises(UpgradeFailed, match="no copy of it could be made"):
        Store(old_state, [NEW], [TO_2])
    store = Store(old_state, [OLD])
    assert store.read(lambda tx: tx.count(OLD)) == 1200
    store.close()


# The kinds that changed since the first version, as it had them
EVENTS_OF_1 = Kind(
    "cloudtrail_event", key=("id",), columns=("read_only",),
    indexes=tuple((member, "time", "id") for member in (
        "event_name", "event_source", "username", "access_key_id", "on_behalf_of",
    )),
)  # fmt: skip
RESOURCES_OF_1 = Kind("cloudtrail_event_resource", key=("name", "type", "time", "id"))
BUCKETS_OF_1 = Kind("s3_bucket", key=("name",))
OBJECTS_OF_1 = Kind("s3_object", key=("bucket", "key"), indexes=(("blob",),))


def first_versions_state(folder: Path) -> None:
    """What the first version left of one CreateBucket and one PutObject."""
    body = b"kept" * 10_000
    blob = "ab" + "0" * 30 + "-00000000"
    (folder / "blobs" / "ab").mkdir(parents=True)
    (folder / "blobs" / "ab" / blob).write_bytes(body)
    record = {
        "eventVersion": "1.11", "eventID": "e1", "eventName": "CreateBucket", "eventSource": "s3.amazonaws.com",
        "eventTime": "2026-11-01T00:00:00Z", "readOnly": False, "requestID": "r1", "userIdentity": {},
        "resources": [{"ARN": "arn:aws:s3:::b", "type": "AWS::S3::Bucket"}],
    }  # fmt: skip
    event = {"id": "e1", "time": time.time() - 60, "event_name": "CreateBucket", "event_source": "s3.amazonaws.com",
             "read_only": False, "access_key_id": "AKIA", "username": "ana", "record": record}  # fmt: skip

    def fill(tx: Transaction) -> None:
        tx.add(BUCKETS_OF_1, {"name": "b", "created_at": 1.0})
        tx.add(OBJECTS_OF_1, {
            "bucket": "b", "key": "k", "size": len(body), "etag": f'"{hashlib.md5(body).hexdigest()}"', "blob": blob,
            "last_modified": 1.0, "metadata": {}, "content_type": "a/b", "owner_user_id": None,
        })  # fmt: skip
        tx.add(EVENTS_OF_1, event)
        tx.add(RESOURCES_OF_1, {"name": "arn:aws:s3:::b", "type": "AWS::S3::Bucket", "time": event["time"], "id": "e1"})

    store = Store(folder / "plane.db", [EVENTS_OF_1, RESOURCES_OF_1, BUCKETS_OF_1, OBJECTS_OF_1])
    asyncio.run(store.write(fill))
    store.close()


def test_a_state_of_the_first_version_is_served(tmp_path: Path) -> None:
    first_versions_state(tmp_path)
    with running_plane(tmp_path) as plane:
        s3 = plane.client("s3")
        assert s3.get_object(Bucket="b", Key="k")["Body"].read() == b"kept" * 10_000
        by_name = {"AttributeKey": "ResourceName", "AttributeValue": "arn:aws:s3:::b"}
        found = plane.client("cloudtrail").lookup_events(LookupAttributes=[by_name])["Events"]
        assert [(one["EventName"], one["Username"]) for one in found] == [("CreateBucket", "ana")]
        s3.delete_object(Bucket="b", Key="k")
    assert [finding for finding in examine(tmp_path, deep=True) if finding.severity == "error"] == []
    assert copy_of(tmp_path / "plane.db", 1).exists()
