"""`twinplane up` runs the mesh as one thing: it starts, stops and dies with its servers."""

import os
import signal
import time
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import RETAIL, Up, twinplane
from twinplane.cli.state import State

pytestmark = pytest.mark.xdist_group("cli")


def gone(up: Up, seconds: float = 15) -> bool:
    until = time.monotonic() + seconds
    while up.servers():
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def test_it_serves_says_where_and_keeps_its_secrets_private(mesh_up: Up) -> None:
    running = State(mesh_up.state).running
    assert httpx.get(f"{running.app_url}/readyz").status_code == 200
    assert httpx.get(f"{running.plane_url}/_health").json() == {"status": "ok"}
    said = mesh_up.said.read_text()
    assert running.app_url in said
    assert State(mesh_up.state).development_password() in said
    for name in ("development-password", "aws/credentials", "running.json"):
        assert (mesh_up.state / name).stat().st_mode & 0o077 == 0, name


def test_a_second_one_on_the_same_state_is_refused(mesh_up: Up) -> None:
    done = twinplane("up", "--state", str(mesh_up.state), "--mesh", str(RETAIL), "--port", "0", "--plane-port", "0")
    assert done.returncode == 1
    assert "is in use" in done.stderr
    assert "--state" in done.stderr


@pytest.mark.parametrize(("option", "member"), [("--port", "app_url"), ("--plane-port", "plane_url")])
def test_a_busy_port_names_its_option(mesh_up: Up, tmp_path: Path, option: str, member: str) -> None:
    busy = getattr(State(mesh_up.state).running, member).rsplit(":", 1)[1]
    ports = {"--port": "0", "--plane-port": "0"} | {option: busy}
    done = twinplane(
        "up", "--state", str(tmp_path), "--mesh", str(RETAIL), *(x for pair in ports.items() for x in pair)
    )
    assert done.returncode == 1
    assert f"port {busy}" in done.stderr
    assert done.stderr.strip().endswith(f"choose another with {option}")


def test_a_wrong_mesh_is_refused_with_its_line(tmp_path: Path) -> None:
    mesh = tmp_path / "mesh.yaml"
    mesh.write_text(RETAIL.read_text().replace("region: us-east-1", "regoin: us-east-1"))
    done = twinplane("up", "--state", str(tmp_path / "state"), "--mesh", str(mesh), "--port", "0", "--plane-port", "0")
    assert done.returncode == 2
    assert f"{mesh}:4: regoin: is not a known key; did you mean 'region'?" in done.stderr


def test_a_state_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    from pysqlite3 import dbapi2 as sqlite

    with sqlite.connect(str(tmp_path / "plane.db")) as connection:
        connection.execute("PRAGMA user_version=999")
    done = twinplane("up", "--state", str(tmp_path), "--mesh", str(RETAIL), "--port", "0", "--plane-port", "0")
    assert done.returncode == 1
    assert "state version 999" in done.stderr
    assert "--state" in done.stderr


def test_it_is_found_again_as_it_was_and_leaves_no_process(tmp_path: Path) -> None:
    up = Up.start(tmp_path / "state")
    ports = [url.rsplit(":", 1)[1] for url in (State(up.state).running.app_url, State(up.state).running.plane_url)]
    password = State(up.state).development_password()
    assert up.servers()
    assert up.stop(signal.SIGINT) == 0
    assert gone(up, 1)
    assert not State(up.state).is_up()

    again = Up.start(tmp_path / "state", "--port", ports[0], "--plane-port", ports[1])
    assert "Applying" not in again.said.read_text()
    assert State(up.state).development_password() == password
    listed = twinplane("project", "list", "--as", "analyst", "--json", state=up.state)
    assert "Forecast Lab" in listed.stdout

    again.process.kill()
    again.process.wait()
    assert gone(again), "servers outlive a killed `up`"


def test_a_server_that_dies_is_started_again_and_given_up_the_second_time(tmp_path: Path) -> None:
    up = Up.start(tmp_path / "state")
    plane = State(up.state).running.plane_url
    os.kill(_plane_process(up), signal.SIGKILL)
    up.wait_for("starting it again")
    until = time.monotonic() + 30
    while "Forecast Lab" not in twinplane("project", "list", "--as", "analyst", state=up.state).stdout:
        assert time.monotonic() < until
    assert httpx.get(f"{plane}/_health").status_code == 200
    os.kill(_plane_process(up), signal.SIGKILL)
    assert up.process.wait(30) == 1
    assert "ended twice" in up.said.read_text()
    assert gone(up)


def _plane_process(up: Up) -> int:
    return next(p for p in up.servers() if b"twinplane.data_plane\0" in Path(f"/proc/{p}/cmdline").read_bytes())
