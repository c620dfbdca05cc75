"""The server as a process: it starts once, stops when told, and says in one line why it cannot."""

import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from twinplane.data_plane.testing import running_plane


def start(state: Path, port: int) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "twinplane.data_plane", "--state", str(state), "--port", str(port)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def only_line(refused: "subprocess.CompletedProcess[str]") -> str:
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.count("\n") == 1
    return refused.stderr


def test_a_busy_port_is_named(tmp_path: Path) -> None:
    with running_plane(tmp_path / "one") as running:
        port = int(running.endpoint.rpartition(":")[2])
        assert f"port {port}" in only_line(start(tmp_path / "two", port))


def test_a_state_folder_has_one_server_at_a_time(tmp_path: Path) -> None:
    with running_plane(tmp_path):
        assert str(tmp_path) in only_line(start(tmp_path, 0))
    with running_plane(tmp_path):
        pass


def test_state_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    with running_plane(tmp_path):
        pass
    with sqlite3.connect(tmp_path / "plane.db") as database:
        database.execute("PRAGMA user_version=99")
    assert "newer program" in only_line(start(tmp_path, 0))


def test_a_state_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert "file" in only_line(start(tmp_path / "file", 0))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    with running_plane(tmp_path) as running:
        running.client("sts").get_caller_identity()
        running.process.send_signal(number)
        assert running.process.wait(10) == 0
    assert "Traceback" not in (tmp_path / "plane.log").read_text()


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    with running_plane(tmp_path) as running:
        running.client("iam").create_user(UserName="kept")
        running.process.kill()
        running.process.wait()
    with running_plane(tmp_path) as running:
        assert running.client("iam").get_user(UserName="kept")["User"]["UserName"] == "kept"
        assert running.client("cloudtrail").lookup_events(
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateUser"}]
        )["Events"]


def test_secrets_of_the_state_folder_are_for_its_owner_only(tmp_path: Path) -> None:
    with running_plane(tmp_path):
        time.sleep(0.1)
    secret = [*tmp_path.glob("*.key"), tmp_path / "plane.db", tmp_path / "aws" / "credentials"]
    assert [path for path in secret if path.stat().st_mode & 0o077] == []


def test_the_server_needs_no_botocore() -> None:
    code = "import sys, twinplane.data_plane.app as app; app.load_services(); print('botocore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
