"""What was acknowledged is there after kill -9, and what a crash left behind goes."""

import asyncio
import contextlib
import errno
import os
import signal
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from twinplane.data_plane.app import kinds_and_tasks
from twinplane.data_plane.call import ANONYMOUS, Answer, Call, Principal, ServiceError
from twinplane.data_plane.plane import Plane, PlaneSettings, open_plane
from twinplane.data_plane.services.s3 import bodies, objects, store
from twinplane.data_plane.store import Document, Transaction
from twinplane.data_plane.testing import running_plane


def test_acknowledged_objects_survive_kill_9(tmp_path: Path) -> None:
    acknowledged: dict[str, bytes] = {}
    with running_plane(tmp_path) as plane:
        s3 = plane.client("s3", config=Config(retries={"total_max_attempts": 1}, max_pool_connections=8))
        s3.create_bucket(Bucket="kept")

        def put(number: int) -> None:
            size = 2000 if number % 4 else 40_000  # rows, and files
            key, body = f"k{number % 40}/{number}", os.urandom(size)
            try:
                s3.put_object(Bucket="kept", Key=key, Body=body)
            except (BotoCoreError, ClientError):
                return
            acknowledged[key] = body
            if number == 150:
                os.kill(plane.process.pid, signal.SIGKILL)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(put, range(300)))
        plane.process.wait(10)
    assert len(acknowledged) > 100
    with running_plane(tmp_path) as plane:
        s3 = plane.client("s3")
        for key, body in acknowledged.items():
            assert s3.get_object(Bucket="kept", Key=key)["Body"].read() == body


ADMINISTRATOR = Principal("IAMUser", "111122223333", "arn:aws:iam::111122223333:user/administrator")
BIG = b"more than fits a row" * 2000


def path_of(plane: Plane, document: Document) -> Path:
    return plane.store.read(lambda tx: store.file_of(tx, plane, document))


@pytest.fixture
def settings(tmp_path: Path) -> PlaneSettings:
    return PlaneSettings(tmp_path, "http://127.0.0.1:1")


def test_a_sweep_removes_only_what_no_row_names(settings: PlaneSettings) -> None:
    async def run() -> None:
        plane = open_plane(settings, store.KINDS, {})
        await plane.store.write(lambda tx: store.create_bucket(tx, "b", 0.0))
        kept = await store.put_file(plane, "b", "k", BIG, content_type="a/b")
        being_written = await bodies.receive(plane, bodies.once(BIG))
        orphan = plane.blobs / "ab" / "abcd-an-earlier-process"
        orphan.write_bytes(b"left behind")
        named_before = path_of(plane, kept).rename(plane.blobs / "cd" / "cdef-an-earlier-process")
        await plane.store.write(lambda tx: tx.put(store.OBJECTS, kept | {"blob": named_before.name}))
        assert await store.sweep_orphans(plane) == 1
        assert not orphan.exists()
        assert named_before.read_bytes() == BIG
        assert bodies.path(plane, str(being_written.blob)).exists()
        plane.store.close()

    asyncio.run(run())


def test_a_body_that_breaks_off_leaves_nothing(settings: PlaneSettings) -> None:
    async def broken() -> object:
        yield b"x" * (2 << 20)
        raise ConnectionError

    async def run() -> None:
        plane = open_plane(settings, store.KINDS, {})
        with pytest.raises(ConnectionError):
            await bodies.receive(plane, broken())  # type: ignore[arg-type]
        assert list(plane.blobs.glob("*/*")) == []
        plane.store.close()

    asyncio.run(run())


def test_a_disk_that_fails_once_on_the_way_fails_the_whole_body(
    settings: PlaneSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = []

    def fail_once(_descriptor: int) -> None:
        if not failed:
            failed.append(True)
            raise OSError(errno.EIO, "the disk failed")

    async def source() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * (1 << 20)

    async def run() -> None:
        plane = open_plane(settings, store.KINDS, {})
        monkeypatch.setattr(os, "fdatasync", fail_once)
        with pytest.raises(OSError, match="the disk failed"):
            await bodies.receive(plane, source())
        assert list(plane.blobs.glob("*/*")) == []
        assert (await bodies.receive(plane, source())).size == 20 << 20
        plane.store.close()

    asyncio.run(run())


def test_a_replaced_body_stays_for_its_readers_and_then_goes(
    settings: PlaneSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "GRACE_SECONDS", 0.2)

    async def run() -> None:
        plane = open_plane(settings, store.KINDS, {})
        await plane.store.write(lambda tx: store.create_bucket(tx, "b", 0.0))
        old = path_of(plane, await store.put_file(plane, "b", "k", BIG, content_type="a/b"))
        new = path_of(plane, await store.put_file(plane, "b", "k", BIG + b"new", content_type="a/b"))
        assert old.read_bytes() == BIG
        await asyncio.sleep(0.5)
        assert not old.exists()

        def remove_and_think_better_of_it(tx: Transaction) -> None:
            with contextlib.suppress(KeyError), tx.savepoint():
                store.remove_object(tx, plane, "b", "k")
                raise KeyError

        await plane.store.write(remove_and_think_better_of_it)
        await asyncio.sleep(0.5)
        assert new.read_bytes() == BIG + b"new"
        plane.store.close()

    asyncio.run(run())


def test_of_two_first_writes_under_way_together_one_wins(settings: PlaneSettings) -> None:
    """Both find nothing there when they start; what counts is what is there when they end."""

    async def run() -> None:
        plane = open_plane(settings, store.KINDS, {})
        await plane.store.write(lambda tx: store.create_bucket(tx, "b", 0.0))
        started = asyncio.Barrier(2)

        async def put(text: bytes) -> str:
            async def body() -> AsyncIterator[bytes]:
                await started.wait()
                yield text + BIG

            call = Call(plane, ANONYMOUS, "s3", "PutObject", "", 0.0, body=body(), headers={"content-length": "1"})
            call.record = lambda _tx, _answer: None
            try:
                await objects.put_object(call, {"Bucket": "b", "Key": "k", "IfNoneMatch": "*"})
            except ServiceError as error:
                return error.code
            return "made"

        assert sorted(await asyncio.gather(put(b"1"), put(b"2"))) == ["PreconditionFailed", "made"]
        assert len(list(plane.blobs.glob("*/*"))) == 1
        plane.store.close()

    asyncio.run(run())


def test_a_copy_is_another_name_of_a_file_and_outlives_its_source(
    settings: PlaneSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "GRACE_SECONDS", 0.2)

    def copy(plane: Plane, **conditions: str) -> Coroutine[Any, Any, Answer]:
        call = Call(plane, ADMINISTRATOR, "s3", "CopyObject", "", 0.0)
        call.record = lambda _tx, _answer: None
        return objects.copy_object(call, {"Bucket": "b", "Key": "copy", "CopySource": "b/k", **conditions})

    async def run() -> None:
        plane = open_plane(settings, kinds_and_tasks()[0], {})
        await plane.store.write(lambda tx: store.create_bucket(tx, "b", 0.0))
        source = path_of(plane, await store.put_file(plane, "b", "k", BIG, content_type="a/b"))
        await copy(plane)
        with pytest.raises(ServiceError):
            await copy(plane, IfNoneMatch="*")
        await asyncio.sleep(0.5)
        assert source.exists(), "a copy that failed took its source's file with it"
        await plane.store.write(lambda tx: store.remove_object(tx, plane, "b", "k"))
        await asyncio.sleep(0.5)
        kept = plane.store.read(lambda tx: store.find_object(tx, "b", "copy"))
        assert kept is not None
        assert path_of(plane, kept).read_bytes() == BIG
        assert len(list(plane.blobs.glob("*/*"))) == 1
        await plane.store.write(lambda tx: store.remove_object(tx, plane, "b", "copy"))
        await asyncio.sleep(0.5)
        assert list(plane.blobs.glob("*/*")) == []
        plane.store.close()

    asyncio.run(run())


def test_engines_get_a_file_of_a_small_body_that_no_crash_can_have_torn(settings: PlaneSettings) -> None:
    async def run() -> None:
        plane = open_plane(settings, store.KINDS, {})
        await plane.store.write(lambda tx: store.create_bucket(tx, "b", 0.0))
        small = await store.put_file(plane, "b", "k", b"a,b\n1,2\n", content_type="text/csv")
        assert not list(plane.blobs.glob("*/*"))
        made = path_of(plane, small)
        assert made.read_bytes() == b"a,b\n1,2\n"
        assert path_of(plane, small) == made
        torn = settings.state / "copies" / "an-earlier-process" / made.parent.name / made.name
        torn.parent.mkdir(parents=True)
        torn.write_bytes(b"")
        await store.sweep_orphans(plane)
        assert not torn.exists()
        assert path_of(plane, small).read_bytes() == b"a,b\n1,2\n"
        plane.store.close()

    asyncio.run(run())


def test_objects_of_the_first_version_s_states_are_read_replaced_and_kept_as_versions(settings: PlaneSettings) -> None:
    """Their documents know neither versions nor rows, and have the sizes of their parts in themselves."""
    parts = [b"1" * 7, b"22"]
    old = {
        "bucket": "b", "key": "k", "size": 9, "etag": '"0123456789abcdef0123456789abcdef-2"', "blob": "ab-of-old",
        "last_modified": 1.0, "metadata": {}, "content_type": "a/b", "owner_user_id": None, "checksums": {},
        "checksum_type": None, "upload_id": "u", "part_sizes": [7, 2],
    }  # fmt: skip

    async def run() -> None:
        plane = open_plane(settings, kinds_and_tasks()[0], {})
        bodies.make_folders(plane.blobs)
        (plane.blobs / "ab" / "ab-of-old").write_bytes(b"".join(parts))
        await plane.store.write(lambda tx: store.create_bucket(tx, "b", 0.0))
        await plane.store.write(lambda tx: tx.put(store.OBJECTS, old))

        def read(**asked: Any) -> Answer:
            call = Call(plane, ADMINISTRATOR, "s3", "GetObject", "", 0.0)
            return plane.store.read(
                lambda tx: objects.get_object(replace(call, transaction=tx), {"Bucket": "b", "Key": "k", **asked})
            )

        assert (read()["ContentLength"], read(PartNumber=2)["ContentRange"]) == (9, "bytes 7-8/9")
        await plane.store.write(
            lambda tx: tx.put(store.BUCKETS, {"name": "b", "created_at": 0.0, "versioning": "Enabled"})
        )
        new = await store.put_file(plane, "b", "k", b"new", content_type="a/b")
        assert (read()["Body"], read()["VersionId"]) == (b"new", new["version_id"])
        before = read(VersionId="null", PartNumber=1)
        assert (before["PartsCount"], before["ContentLength"]) == (2, 7)
        assert await store.sweep_orphans(plane) == 0
        await plane.store.write(lambda tx: store.remove_object(tx, plane, "b", "k"))
        assert read()["ContentLength"] == 9
        plane.store.close()

    asyncio.run(run())
