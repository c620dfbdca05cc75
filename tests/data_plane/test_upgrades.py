"""States of earlier versions: upgraded in one transaction, after a copy was made; a crash leaves them as they were."""

import asyncio
import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from pysqlite3 import dbapi2 as sqlite

from twinplane.data_plane.schema import StateOfNewerVersion, Upgrade, UpgradeFailed, copy_of, rebuild
from twinplane.data_plane.store import Document, Kind, Store, Transaction

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
