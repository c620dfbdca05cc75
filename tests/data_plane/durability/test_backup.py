"""Backups made while a plane serves, what becomes of interrupted ones, and planes that run on restored states."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest

from twinplane.data_plane.backup import BackupError, back_up, problems, read_manifest, restore
from twinplane.data_plane.hold import HeldByAnother, hold
from twinplane.data_plane.plane import PlaneSettings, open_plane
from twinplane.data_plane.services.s3 import store
from twinplane.data_plane.testing import RunningPlane, running_plane

REPOSITORY = Path(__file__).parents[3]
BIG = os.urandom(200_000)


def quiet(_text: str) -> None: ...


@pytest.fixture(scope="module")
def filled(plane: RunningPlane) -> RunningPlane:
    """A plane with some of everything that a backup must hold."""
    s3, iam = plane.client("s3"), plane.client("iam")
    s3.create_bucket(Bucket="kept")
    s3.put_object(Bucket="kept", Key="big", Body=BIG)
    s3.put_object(Bucket="kept", Key="small", Body=b"small")
    upload = s3.create_multipart_upload(Bucket="kept", Key="joined")["UploadId"]
    parts = []
    for number in (1, 2):
        part = s3.upload_part(Bucket="kept", Key="joined", UploadId=upload, PartNumber=number, Body=BIG * 30)
        parts.append({"PartNumber": number, "ETag": part["ETag"]})
    s3.complete_multipart_upload(Bucket="kept", Key="joined", UploadId=upload, MultipartUpload={"Parts": parts})
    plane.client("glue").create_database(DatabaseInput={"Name": "shop"})
    iam.create_user(UserName="ana")
    return plane


@pytest.fixture
def backup(filled: RunningPlane, tmp_path: Path) -> Path:
    back_up(filled.state, tmp_path / "backup", quiet)
    return tmp_path / "backup"


def read(plane: RunningPlane, key: str) -> bytes:
    body: bytes = plane.client("s3").get_object(Bucket="kept", Key=key)["Body"].read()
    return body


def test_a_restored_plane_serves_what_was_backed_up_at_another_endpoint(
    filled: RunningPlane, backup: Path, tmp_path: Path
) -> None:
    key = filled.client("iam").list_access_keys(UserName="administrator")["AccessKeyMetadata"][0]["AccessKeyId"]
    restored = restore(backup, tmp_path / "state", quiet)
    assert restored.kept is None
    with running_plane(tmp_path / "state") as again:
        assert again.endpoint != filled.endpoint
        assert again.administrator()["aws_access_key_id"] == key
        assert (read(again, "big"), read(again, "small"), read(again, "joined")) == (BIG, b"small", BIG * 60)
        assert again.client("glue").get_database(Name="shop")["Database"]["Name"] == "shop"
        again.client("s3").delete_object(Bucket="kept", Key="big")  # and neither plane shares anything that changes
        again.client("s3").put_object(Bucket="kept", Key="small", Body=b"changed")
    assert (read(filled, "big"), read(filled, "small")) == (BIG, b"small")


@pytest.mark.parametrize("copy", [False, True])
def test_a_backup_made_while_others_write_is_of_one_moment_and_whole(
    filled: RunningPlane, tmp_path: Path, copy: bool
) -> None:
    stop, made = threading.Event(), [0]

    def write() -> None:
        s3, glue = filled.client("s3"), filled.client("glue")
        while not stop.is_set():
            number = made[0] + 1
            glue.create_table(DatabaseName="shop", TableInput={"Name": f"t{copy}_{number}"})
            s3.put_object(Bucket="kept", Key=f"w{copy}/{number % 7}", Body=f"{number:06}".encode() * 10_000)
            made[0] = number

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while made[0] < 10:
            pass
        before = made[0]
        manifest = back_up(filled.state, tmp_path / "backup", quiet, copy=copy)
        after = made[0] + 1
    finally:
        stop.set()
        writer.join()
    assert manifest.missing == []
    assert problems(tmp_path / "backup", manifest, quiet, deep=True) == []
    restore(tmp_path / "backup", tmp_path / "state", quiet, copy=copy)
    with running_plane(tmp_path / "state") as again:
        tables = again.client("glue").get_paginator("get_tables").paginate(DatabaseName="shop")
        numbers = {
            int(t["Name"].split("_")[1]) for page in tables for t in page["TableList"] if str(copy).lower() in t["Name"]
        }
        assert numbers == set(range(1, max(numbers) + 1))
        assert before <= max(numbers) <= after
        objects = again.client("s3").list_objects_v2(Bucket="kept", Prefix=f"w{copy}/")["Contents"]
        written = {int(read(again, found["Key"])[:6]) for found in objects}
        assert max(numbers) - max(written) in (0, 1)  # the table first, then the object
        assert len(objects) == 7


def test_a_backup_is_its_users_alone(backup: Path) -> None:
    for path in [backup, *backup.rglob("*")]:
        if not (path.is_file() and path.parent.parent.name == "blobs"):  # links to files of the state
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert {path.name for path in backup.iterdir()} >= {"backup.json", "plane.db", "plane.key", "development-password"}
    assert not (backup / "aws").exists()


def test_bodies_stay_while_a_backup_holds_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "GRACE_SECONDS", 0.05)

    async def run() -> None:
        plane = open_plane(PlaneSettings(tmp_path, "http://127.0.0.1:1"), store.KINDS, {})
        await plane.store.write(lambda tx: store.create_bucket(tx, "b", 0.0))
        await store.put_file(plane, "b", "k", BIG, content_type="a/b")
        old = set(plane.blobs.glob("*/*"))
        with hold(tmp_path):
            await store.put_file(plane, "b", "k", BIG + b"new", content_type="a/b")
            await asyncio.sleep(0.4)  # several times as long as bodies stay otherwise
            assert old < set(plane.blobs.glob("*/*"))
        for _ in range(100):
            await asyncio.sleep(0.05)
            if not old & set(plane.blobs.glob("*/*")):
                break
        assert len(list(plane.blobs.glob("*/*"))) == 1
        plane.store.close()

    asyncio.run(run())


def test_one_backup_at_a_time(filled: RunningPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twinplane.data_plane.hold._WAIT_SECONDS", 0.1)
    with hold(filled.state):
        with pytest.raises(BackupError, match=r"another backup of .* runs"):
            back_up(filled.state, tmp_path / "backup", quiet)
        with pytest.raises(HeldByAnother), hold(filled.state):
            pass
    assert list(tmp_path.iterdir()) == []


def test_a_backup_that_was_killed_is_no_backup_and_the_next_one_takes_its_place(
    filled: RunningPlane, tmp_path: Path
) -> None:
    program = f"""
        import os, signal
        from pathlib import Path
        from twinplane.data_plane import backup

        bring, left = backup.Transfer._bring, 2

        def killed(self, source, target):
            global left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            bring(self, source, target)

        backup.Transfer._bring = killed
        backup.back_up(Path({str(filled.state)!r}), Path({str(tmp_path / "backup")!r}), print)
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], cwd=REPOSITORY, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert not (tmp_path / "backup").exists()
    with pytest.raises(BackupError, match="no whole backup: it was interrupted"):
        restore(tmp_path / "backup.partial", tmp_path / "state", quiet)
    back_up(filled.state, tmp_path / "backup", quiet)
    assert not (tmp_path / "backup.partial").exists()
    assert problems(tmp_path / "backup", read_manifest(tmp_path / "backup"), quiet, deep=True) == []


def test_a_backup_that_fails_leaves_nothing(filled: RunningPlane, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("twinplane.data_plane.backup.shutil.disk_usage", lambda _path: type("Free", (), {"free": 7}))
    with pytest.raises(BackupError, match="free some, or choose another disk"):
        back_up(filled.state, tmp_path / "backup", quiet, copy=True)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def damaged_body(backup: Path) -> Path:
    """A body of the backup that can be damaged without damaging the state it is a link to."""
    body = max((backup / "blobs").glob("*/*"), key=lambda path: path.stat().st_size)
    content = body.read_bytes()
    body.unlink()
    body.write_bytes(content)
    return body


def test_what_was_damaged_is_found_and_not_restored(backup: Path, damaged_body: Path, tmp_path: Path) -> None:
    manifest = read_manifest(backup)
    assert problems(backup, manifest, quiet, deep=True) == []
    with damaged_body.open("r+b") as file:
        file.seek(5_000_000)
        file.write(bytes([file.read(1)[0] ^ 1]))
    assert problems(backup, manifest, quiet) == []  # what it costs to look at sizes only
    assert problems(backup, manifest, quiet, deep=True) == [
        f"the body {damaged_body.name} has other bytes than were stored"
    ]
    os.truncate(damaged_body, 5)
    with pytest.raises(BackupError, match=f"the body {damaged_body.name} is missing or not whole"):
        restore(backup, tmp_path / "state", quiet)
    with (backup / "plane.db").open("r+b") as file:
        file.seek(50_000)
        file.write(b"?")
    with pytest.raises(BackupError, match=r"plane\.db is not what it was"):
        restore(backup, tmp_path / "state", quiet)
    assert not (tmp_path / "state").exists()


def test_nothing_is_overwritten(filled: RunningPlane, backup: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="is there already"):
        back_up(filled.state, backup, quiet)
    with pytest.raises(BackupError, match="--replace"):
        restore(backup, filled.state, quiet)
    with pytest.raises(BackupError, match="a data plane serves"):
        restore(backup, filled.state, quiet, replace=True)
    with pytest.raises(BackupError, match="inside the state folder"):
        back_up(filled.state, filled.state / "backups" / "b", quiet)
    with pytest.raises(BackupError, match="holds no state"):
        back_up(tmp_path, tmp_path.parent / "none", quiet)
    state = tmp_path / "state"
    state.mkdir()
    (state / "mine").write_text("kept")
    kept = restore(backup, state, quiet, replace=True).kept
    assert kept is not None
    assert (kept / "mine").read_text() == "kept"
    assert (state / "plane.db").exists()


def test_a_backup_is_not_served_and_a_newer_one_not_restored(backup: Path, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="is a backup: make a state folder of it"), running_plane(backup):
        pass
    (backup / "plane.log").unlink()
    manifest = backup / "backup.json"
    manifest.write_text(manifest.read_text().replace('"state_version": ', '"state_version": 99'))
    with pytest.raises(BackupError, match="made by the newer Twinplane"):
        restore(backup, tmp_path / "state", quiet)
