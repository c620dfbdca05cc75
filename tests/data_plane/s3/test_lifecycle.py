"""Lifecycle rules: what AWS takes as rules, and what is deleted when."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from twinplane.data_plane.app import kinds_and_tasks
from twinplane.data_plane.call import Call, Principal
from twinplane.data_plane.plane import Plane, PlaneSettings, open_plane
from twinplane.data_plane.services.s3 import lifecycle, store
from twinplane.data_plane.testing import RunningPlane

DAY = 86_400
START = 20_000 * DAY + 3600.0  # an hour after midnight


def rule(prefix: str = "", **actions: Any) -> dict[str, Any]:
    condition = actions.pop("Filter", {"Prefix": prefix})
    return {"ID": f"of {prefix}", "Status": "Enabled", "Filter": condition, **actions}


@pytest.fixture(scope="module")
def s3(plane: RunningPlane) -> Any:
    client = plane.client("s3")
    client.create_bucket(Bucket="rules")
    return client


def code_of(call: Callable[..., Any], **arguments: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return str(error.value.response["Error"]["Code"])


def test_rules_are_kept_given_back_and_taken_away(s3: Any) -> None:
    assert code_of(s3.get_bucket_lifecycle_configuration, Bucket="rules") == "NoSuchLifecycleConfiguration"
    both = {"Prefix": "b/", "Tags": [{"Key": "k", "Value": "v"}], "ObjectSizeGreaterThan": 5}
    rules = [
        rule("a/", Expiration={"Days": 1}, AbortIncompleteMultipartUpload={"DaysAfterInitiation": 2}),
        rule("b/", Filter={"And": both}, NoncurrentVersionExpiration={"NoncurrentDays": 3}) | {"Status": "Disabled"},
    ]
    s3.put_bucket_lifecycle_configuration(Bucket="rules", LifecycleConfiguration={"Rules": rules})
    assert s3.get_bucket_lifecycle_configuration(Bucket="rules")["Rules"] == rules
    s3.delete_bucket_lifecycle(Bucket="rules")
    assert code_of(s3.get_bucket_lifecycle_configuration, Bucket="rules") == "NoSuchLifecycleConfiguration"


@pytest.mark.parametrize(
    ("code", "rules"),
    [
        ("InvalidArgument", [rule("a", Expiration={"Days": 0})]),
        ("InvalidArgument", [rule("a", Expiration={"Date": 1_700_000_001})]),
        ("MalformedXML", [rule("a", Expiration={"Days": 1, "Date": 86_400})]),
        ("MalformedXML", [rule("a")]),
        ("MalformedXML", [rule("a", Expiration={"Days": 1}) | {"Prefix": "a"}]),
        ("InvalidArgument", [rule("a", Expiration={"Days": 1}), rule("a", Expiration={"Days": 2})]),
        ("InvalidArgument", [rule("a", NoncurrentVersionExpiration={"NoncurrentDays": 0})]),
        ("InvalidRequest", [rule("a", Filter={"Tag": {"Key": "k", "Value": "v"}},
                                 AbortIncompleteMultipartUpload={"DaysAfterInitiation": 1})]),
        ("NotImplemented", [rule("a", Transitions=[{"Days": 1, "StorageClass": "GLACIER"}])]),
    ],
)  # fmt: skip
def test_rules_that_aws_refuses_are_refused(s3: Any, code: str, rules: list[dict[str, Any]]) -> None:
    put = {"Bucket": "rules", "LifecycleConfiguration": {"Rules": rules}}
    assert code_of(s3.put_bucket_lifecycle_configuration, **put) == code


def test_what_is_over_is_deleted_by_the_running_plane(plane: RunningPlane, s3: Any) -> None:
    for key in ("old/1", "new/1"):
        s3.put_object(Bucket="rules", Key=key, Body=b"1")
    past = [rule("old/", Expiration={"Date": 86_400})]
    s3.put_bucket_lifecycle_configuration(Bucket="rules", LifecycleConfiguration={"Rules": past})
    until = time.monotonic() + 10
    while (keys := [o["Key"] for o in s3.list_objects_v2(Bucket="rules")["Contents"]]) != ["new/1"]:
        assert time.monotonic() < until, keys
        time.sleep(0.02)
    lookup = [{"AttributeKey": "EventName", "AttributeValue": "LifecycleExpirationDelete"}]
    events = plane.client("cloudtrail").lookup_events(LookupAttributes=lookup)["Events"]
    record = json.loads(events[0]["CloudTrailEvent"])
    assert record["requestParameters"] == {"bucketName": "rules", "key": "old/1"}
    assert record["userIdentity"] == {"type": "AWSService", "invokedBy": "s3.amazonaws.com"}


class Days:
    """A plane whose days pass when told."""

    def __init__(self, plane: Plane, clock: list[float]) -> None:
        self.plane, self._clock = plane, clock

    async def make(self, rules: list[dict[str, Any]], *, versioned: bool = False) -> None:
        def change(tx: Any) -> None:
            bucket = store.create_bucket(tx, "b", self.plane.clock())
            tx.put(store.BUCKETS, bucket | ({"versioning": "Enabled"} if versioned else {}))
            role = Principal("AssumedRole", "1", "arn:aws:sts::1:assumed-role/R/s")
            call = Call(self.plane, role, "s3", "Put", "", self.plane.clock(), transaction=tx)
            lifecycle.put_bucket_lifecycle_configuration(
                call, {"Bucket": "b", "LifecycleConfiguration": {"Rules": rules}}
            )

        await self.plane.store.write(change)
        await self.pass_to(0)

    async def put(self, key: str, size: int = 1, **more: Any) -> None:
        await store.put_file(self.plane, "b", key, b"x" * size, content_type="a/b")
        if more:
            found = self.plane.store.read(lambda tx: store.find_object(tx, "b", key))
            assert found is not None
            await self.plane.store.write(lambda tx: store.change_version(tx, found | more))

    async def pass_to(self, day: float) -> None:
        """Sets the clock to so many days after the start, and waits for the task's run."""
        self._clock[0] = START + day * DAY
        self.plane.tasks.wake()
        for _ in range(1000):
            due = self.plane.store.read(lambda tx: tx.select(lifecycle.ALL_TASKS, {}))
            if all(task["due_at"] > self._clock[0] for task in due):
                return
            await asyncio.sleep(0.005)
        raise AssertionError("the task did not run")

    @property
    def keys(self) -> list[str]:
        return [o["key"] for o in self.plane.store.read(lambda tx: store.list_objects(tx, "b"))]

    @property
    def versions(self) -> list[str]:
        walk = self.plane.store.read(lambda tx: list(store.walk_versions(tx, "b", "", ("",))))
        return [version["key"] + ("!" if version.get("is_marker") else "") for version in walk]


def on_a_plane(folder: Path, story: Callable[[Days], Any]) -> None:
    async def run() -> None:
        clock = [START]
        kinds, tasks = kinds_and_tasks()
        plane = open_plane(PlaneSettings(folder, "http://127.0.0.1:1"), kinds, tasks, clock=lambda: clock[0])
        plane.tasks.start()
        try:
            await story(Days(plane, clock))
        finally:
            await plane.tasks.stop()
            plane.store.close()

    asyncio.run(run())


def test_days_end_at_the_midnight_that_follows_for_what_the_filter_means(tmp_path: Path) -> None:
    tagged = {"Tag": {"Key": "k", "Value": "v"}}
    sized = {"And": {"Prefix": "size/", "ObjectSizeGreaterThan": 2, "ObjectSizeLessThan": 5}}
    rules = [
        rule("log/", Expiration={"Days": 1}),
        rule("tag", Filter=tagged, Expiration={"Days": 1}),
        rule("size", Filter=sized, Expiration={"Days": 1}),
        rule("", Expiration={"Days": 1}) | {"Status": "Disabled"},
    ]

    async def story(days: Days) -> None:
        await days.make(rules)
        for key in ("log/1", "logs", "kept"):
            await days.put(key)
        await days.put("tagged", tags={"k": "v"})
        await days.put("tagged-otherwise", tags={"k": "w"})
        for size in (2, 3, 4, 5):
            await days.put(f"size/{size}", size)
        await days.pass_to(1.5)  # a day has passed, its midnight not yet
        assert len(days.keys) == 9
        await days.pass_to(2)
        assert days.keys == ["kept", "logs", "size/2", "size/5", "tagged-otherwise"]
        await days.put("log/2")
        await days.pass_to(4)  # and the task goes on, day by day
        assert "log/2" not in days.keys
        records = days.plane.store.read(lambda tx: tx.run("SELECT count(*) FROM cloudtrail_log"))
        assert records == [(5,)]

    on_a_plane(tmp_path, story)


def test_versions_that_are_not_current_go_and_markers_without_versions_too(tmp_path: Path) -> None:
    old = {"NoncurrentDays": 1, "NewerNoncurrentVersions": 1}
    rules = [
        rule("v/", NoncurrentVersionExpiration=old, Expiration={"Days": 10}),
        rule("m/", NoncurrentVersionExpiration={"NoncurrentDays": 1}, Expiration={"ExpiredObjectDeleteMarker": True}),
    ]

    async def story(days: Days) -> None:
        await days.make(rules, versioned=True)
        for key in ("v/1", "v/1", "v/1", "v/1", "other", "other", "m/1"):
            await days.put(key)
        await days.plane.store.write(lambda tx: store.delete_object(tx, days.plane, "b", "m/1", days.plane.clock()))
        assert days.versions == ["m/1!", "m/1", "other", "other", "v/1", "v/1", "v/1", "v/1"]
        await days.pass_to(2)
        assert days.versions == ["m/1!", "other", "other", "v/1", "v/1"]
        await days.pass_to(3)
        assert days.versions == ["other", "other", "v/1", "v/1"]
        await days.pass_to(11)  # the current version becomes the second
        assert days.versions == ["other", "other", "v/1!", "v/1", "v/1"]
        assert days.keys == ["other"]
        await days.pass_to(13)
        assert days.versions == ["other", "other", "v/1!", "v/1"]

    on_a_plane(tmp_path, story)


def test_uploads_are_given_up_and_deleted_rules_do_nothing_more(tmp_path: Path) -> None:
    async def story(days: Days) -> None:
        await days.make([rule("up/", AbortIncompleteMultipartUpload={"DaysAfterInitiation": 1})])
        for key in ("up/1", "down/1"):
            upload = {"bucket": "b", "key": key, "upload_id": key, "initiated_at": START}
            await days.plane.store.write(lambda tx, upload=upload: tx.add(store.UPLOADS, upload))
        await days.pass_to(2)
        left = days.plane.store.read(lambda tx: tx.select(store.UPLOADS, {"bucket": "b"}))
        assert [upload["key"] for upload in left] == ["down/1"]
        await days.plane.store.write(lambda tx: tx.put(store.BUCKETS, store.get_bucket(tx, "b") | {"lifecycle": None}))
        await days.pass_to(4)
        assert days.plane.store.read(lambda tx: tx.select(lifecycle.ALL_TASKS, {})) == []

    on_a_plane(tmp_path, story)


def test_many_keys_are_seen_and_a_run_that_is_repeated_does_no_more(tmp_path: Path) -> None:
    async def story(days: Days) -> None:
        await days.make([rule("old/", Expiration={"Days": 1})])
        for number in range(250):
            await days.put(f"{'old' if number % 2 else 'new'}/{number:03}")
        task = days.plane.store.read(lambda tx: tx.select(lifecycle.ALL_TASKS, {}))[0]
        await days.pass_to(2)
        assert len(days.keys) == 125
        await lifecycle.run(days.plane, task)  # as after a crash
        tasks = days.plane.store.read(lambda tx: tx.select(lifecycle.ALL_TASKS, {}))
        assert len(tasks) == 1

    on_a_plane(tmp_path, story)
