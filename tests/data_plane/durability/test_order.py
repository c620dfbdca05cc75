"""What is on disk before what: the part of losing power that a test can see. (Losing power itself it cannot.)"""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from twinplane.data_plane.app import kinds_and_tasks
from twinplane.data_plane.files import create_private
from twinplane.data_plane.plane import PlaneSettings, open_plane
from twinplane.data_plane.services.s3 import bodies, store


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The paths that were made durable, in order."""
    seen: list[str] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        fsync(descriptor)
        seen.append(os.readlink(f"/proc/self/fd/{descriptor}"))

    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(bodies, "_made", set())
    return seen


@pytest.mark.parametrize("size", [100_000, 3_000_000, 40_000_000])
def test_a_body_and_its_names_are_on_disk_before_its_row(tmp_path: Path, synced: list[str], size: int) -> None:
    async def run() -> None:
        plane = open_plane(PlaneSettings(tmp_path, "http://127.0.0.1:1"), kinds_and_tasks()[0], {})
        await plane.store.write(lambda tx: store.create_bucket(tx, "b", 0.0))
        committed: list[int] = []
        commit = plane.store._commit

        def noted() -> None:
            committed.append(len(synced))
            commit()

        plane.store._commit = noted  # type: ignore[method-assign]
        await store.put_file(plane, "b", "k", bytes(size), content_type="a/b")
        [body] = plane.blobs.glob("*/*")
        before = synced[: committed[-1]]
        assert {str(body), str(body.parent), str(plane.blobs), str(plane.blobs.parent)} <= set(before)
        assert before.index(str(plane.blobs)) < before.index(str(body.parent))
        last_of_body = max(n for n, path in enumerate(before) if path == str(body))
        assert before[last_of_body + 1 :].count(str(body.parent)) == 1
        plane.store.close()

    asyncio.run(run())


def test_the_database_is_synced_at_each_commit(tmp_path: Path) -> None:
    async def run() -> None:
        plane = open_plane(PlaneSettings(tmp_path, "http://127.0.0.1:1"), kinds_and_tasks()[0], {})
        assert plane.store._writer.execute("PRAGMA synchronous").fetchone() == (2,)
        assert plane.store._writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        plane.store.close()

    asyncio.run(run())


def test_a_key_is_on_disk_with_its_name_and_is_never_read_half(tmp_path: Path, synced: list[str]) -> None:
    key = tmp_path / "plane.key"
    assert create_private(key, b"first") == b"first"
    assert [Path(path).parent for path in synced] == [tmp_path, tmp_path.parent]
    assert create_private(key, b"second") == b"first"
    assert [path.name for path in tmp_path.iterdir()] == ["plane.key"]
    assert key.stat().st_mode & 0o777 == 0o600
