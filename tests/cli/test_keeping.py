"""Backing a whole mesh up while it runs, and running it again elsewhere."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Up, twinplane
from twinplane.data_plane.plane import Keys

pytestmark = pytest.mark.xdist_group("cli")


def test_a_mesh_is_backed_up_while_it_runs_and_comes_back_at_other_ports(mesh_up: Up, tmp_path: Path) -> None:
    before = json.loads(twinplane("project", "list", "--as", "owner", "--json", state=mesh_up.state).stdout)
    done = twinplane("backup", str(tmp_path / "backup"), "--verify", state=mesh_up.state)
    assert done.returncode == 0, done.stderr
    assert "is whole and unchanged" in done.stdout
    assert "It holds keys and passwords" in done.stdout
    files = {file["path"] for file in json.loads((tmp_path / "backup" / "backup.json").read_text())["files"]}
    assert {"plane.db", "management-app.db", "plane.key", "sessions.key", "applied.json"} <= files

    restored = twinplane("restore", str(tmp_path / "backup"), "--state", str(tmp_path / "state"))
    assert restored.returncode == 0, restored.stderr
    assert f"twinplane up --state {tmp_path / 'state'}" in restored.stdout
    again = Up.start(tmp_path / "state")
    try:
        after = json.loads(twinplane("project", "list", "--as", "owner", "--json", state=again.state).stdout)
        assert sorted(project["id"] for project in after) == sorted(project["id"] for project in before)
        members = twinplane("project", "members", before[0]["name"], "--as", "owner", "--json", state=again.state)
        assert "owner" in members.stdout, members.stderr
    finally:
        again.stop()


def test_what_cannot_be_done_is_said_with_what_to_do(mesh_up: Up, tmp_path: Path) -> None:
    nothing = twinplane("backup", str(tmp_path / "b"), state=tmp_path / "none")
    assert (nothing.returncode, "name the folder of a mesh or a data plane with --state" in nothing.stderr) == (1, True)
    assert twinplane("backup", str(tmp_path / "b"), state=mesh_up.state).returncode == 0
    served = twinplane("restore", str(tmp_path / "b"), "--replace", state=mesh_up.state)
    assert (served.returncode, "stop it first" in served.stderr) == (1, True)
    (tmp_path / "b" / "plane.key").write_text("torn")
    assert "plane.key is not what it was" in twinplane("backup", str(tmp_path / "b"), "--check").stderr


def test_sessions_are_revoked_with_a_word_on_what_to_do_next(tmp_path: Path) -> None:
    nothing = twinplane("revoke-sessions", state=tmp_path / "none")
    assert (nothing.returncode, "name the folder of a mesh or a data plane with --state" in nothing.stderr) == (1, True)
    Keys(tmp_path / "plane.key")
    done = twinplane("revoke-sessions", state=tmp_path)
    assert (done.returncode, "stop it and start it" in done.stdout) == (0, True), done.stderr
    assert (tmp_path / "plane.key").stat().st_mode & 0o077 == 0
