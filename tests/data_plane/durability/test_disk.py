"""A full disk and a read-only one: said so, nothing half done, no answer without a record, and over when it is over."""

import asyncio
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.data_plane.datazone.domains_for_tests import eventually
from tests.data_plane.durability.small_disk import SmallDisk, plane_on_small_disk
from twinplane.data_plane.journal import Journal
from twinplane.data_plane.services.cloudtrail.store import Event
from twinplane.data_plane.store import Kind, Store
from twinplane.data_plane.testing import RunningPlane, running_plane
from twinplane.data_plane.trouble import words

ONCE = Config(retries={"total_max_attempts": 1})
BIG = bytes(range(256)) * 2000


def refused(call: Callable[..., Any], **arguments: Any) -> str:
    """What the client is told of a call that must fail with 503."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    return str(caught.value)


def everything_fails_and_comes_back(plane: RunningPlane, ends: Callable[[], None], said: str) -> None:
    """What must hold of any plane whose disk takes no more: `said` of it, until `ends`."""
    iam, s3, glue, sts = (plane.client(name, config=ONCE) for name in ("iam", "s3", "glue", "sts"))
    for call, arguments in (
        (iam.create_user, {"UserName": "half"}),
        (s3.put_object, {"Bucket": "kept", "Key": "half", "Body": BIG}),
        (s3.put_object, {"Bucket": "kept", "Key": "small", "Body": b"x"}),
        (glue.create_database, {"DatabaseInput": {"Name": "half"}}),
    ):
        assert said in refused(call, **arguments)
    assert said in refused(sts.get_caller_identity)  # it could be answered, but not recorded
    assert said in refused(s3.get_object, Bucket="kept", Key="before")
    ends()
    eventually(lambda: _works(iam.create_user, UserName="after"), lambda works: works)
    assert sts.get_caller_identity()["Account"] == plane.account_id
    assert s3.get_object(Bucket="kept", Key="before")["Body"].read() == BIG
    assert [user["UserName"] for user in iam.list_users()["Users"]] == ["administrator", "after"]
    assert [one["Key"] for one in s3.list_objects_v2(Bucket="kept")["Contents"]] == ["before"]
    assert glue.get_databases()["DatabaseList"] == []
    s3.put_object(Bucket="kept", Key="before", Body=BIG)


def _works(call: Callable[..., Any], **arguments: Any) -> bool:
    try:
        call(**arguments)
    except ClientError as error:
        return "already exists" in str(error)
    return True


def recorded(plane: RunningPlane) -> list[tuple[str, str | None]]:
    """The calls of the audit log with their error codes, the oldest first."""
    pages = plane.client("cloudtrail").get_paginator("lookup_events").paginate()
    records = [json.loads(event["CloudTrailEvent"]) for page in pages for event in page["Events"]]
    return [(one["eventName"], one.get("errorCode")) for one in reversed(records)]


def prepare(plane: RunningPlane) -> None:
    s3 = plane.client("s3")
    s3.create_bucket(Bucket="kept")
    s3.put_object(Bucket="kept", Key="before", Body=BIG)


def test_a_full_disk(tmp_path: Path) -> None:
    with plane_on_small_disk(tmp_path / "state") as disk:
        prepare(disk.plane)
        disk.fill()

        def ends() -> None:
            used = disk.processor_seconds()
            time.sleep(1.5)
            assert disk.processor_seconds() - used < 0.5  # what waits for the disk does not spin
            disk.free()

        everything_fails_and_comes_back(disk.plane, ends, "is full")
        everything_recorded_that_was_answered(disk)
        assert f"the disk that holds {tmp_path / 'state'} is full" in disk.log.read_text()
        assert "Traceback" not in disk.log.read_text()
        assert len(disk.log.read_text().splitlines()) < 30


def everything_recorded_that_was_answered(disk: SmallDisk) -> None:
    calls = recorded(disk.plane)
    assert calls.count(("CreateUser", None)) == 1
    assert ("CreateUser", "ServiceUnavailable") in calls
    assert calls.count(("GetCallerIdentity", None)) == 1
    assert ("GetCallerIdentity", "ServiceUnavailable") in calls


def test_files_that_may_not_grow(tmp_path: Path) -> None:
    """A limit of the running process, as a quota would be; needs no namespace."""
    with running_plane(tmp_path) as plane:
        prepare(plane)
        _, most = resource.prlimit(plane.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(plane.process.pid, resource.RLIMIT_FSIZE, (0, most))

        def ends() -> None:
            resource.prlimit(plane.process.pid, resource.RLIMIT_FSIZE, (most, most))

        everything_fails_and_comes_back(plane, ends, "cannot answer: the disk that holds its state ")
        calls = recorded(plane)
        assert (calls.count(("CreateUser", None)), calls.count(("GetCallerIdentity", None))) == (1, 1)


def test_bodies_on_a_read_only_disk(tmp_path: Path) -> None:
    with plane_on_small_disk(tmp_path / "state") as disk:
        prepare(disk.plane)
        s3 = disk.plane.client("s3", config=ONCE)
        blobs = str(tmp_path / "state" / "blobs")
        disk.run("mount", "--bind", blobs, blobs)
        disk.run("mount", "-o", "remount,bind,ro", blobs)
        assert "is read-only" in refused(s3.put_object, Bucket="kept", Key="half", Body=BIG)
        s3.put_object(Bucket="kept", Key="small", Body=b"a row of the database")
        disk.run("umount", blobs)
        s3.put_object(Bucket="kept", Key="whole", Body=BIG)
        assert [one["Key"] for one in s3.list_objects_v2(Bucket="kept")["Contents"]] == ["before", "small", "whole"]


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("mount -o remount,ro .", "cannot be used: Read-only file system. Choose another with --state"),
        ("(dd if=/dev/zero of=filler bs=1k || true)", "is full. Put that right, or choose another folder"),
    ],
)
def test_a_plane_that_cannot_start_on_its_disk_says_why(tmp_path: Path, before: str, said: str) -> None:
    with pytest.raises(RuntimeError) as caught, plane_on_small_disk(tmp_path / "state", 2, before):
        pass
    assert said in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_a_database_that_turns_read_only_or_full_recovers(tmp_path: Path) -> None:
    kind = Kind("thing", key=("id",))
    store = Store(tmp_path / "plane.db", [kind])
    [pages] = store._writer.execute("PRAGMA page_count").fetchone()

    def add(name: str, size: int = 1) -> None:
        asyncio.run(store.write(lambda tx: tx.add(kind, {"id": name, "text": "x" * size})))

    for trouble, end, said in (
        ("PRAGMA query_only=ON", "PRAGMA query_only=OFF", "is read-only"),
        (f"PRAGMA max_page_count={pages}", "PRAGMA max_page_count=1000000", "is full"),
    ):
        store._writer.execute(trouble)
        with pytest.raises(Exception) as caught:
            add(f"half {said}", 100_000)
        assert words(caught.value) == said
        store._writer.execute(end)
        add(f"after {said}")
    assert store.read(lambda tx: [one["id"] for one in tx.select(kind)]) == ["after is full", "after is read-only"]
    store.close()


def test_half_an_event_is_taken_out_of_the_journal_again(tmp_path: Path) -> None:
    def event(number: int) -> Event:
        return Event(1.0, str(number), "n", "s", True, None, None, None, b"x" * 3000)

    journal = Journal(tmp_path / "journal", 0)
    journal.append(event(1))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"space|large"):
            journal.append(event(2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    journal.append(event(3))
    assert [one.id for number in range(1, journal.turn() + 1) for one in journal.read(number)] == ["1", "3"]
