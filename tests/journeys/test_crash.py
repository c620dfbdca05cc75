"""kill -9 of either server in the middle of provisioning and fulfilment: after a restart the step completes, once."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.journeys.conftest import RETAIL
from twinplane.cli.sign_in import SignIn
from twinplane.cli.state import State
from twinplane.cli.up import LocalMesh

# how long after the request the server is killed, in seconds; the whole step takes about one
MOMENTS = (0.0, 0.08, 0.25, 0.6) if "TWINPLANE_SOAK" not in os.environ else tuple(n / 40 for n in range(60))
PLANE, APP = 0, 1

pytestmark = [pytest.mark.soak] if "TWINPLANE_SOAK" in os.environ else []


@dataclass
class Mesh:
    local: LocalMesh
    sign_in: SignIn

    def call(self, person: str, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.sign_in.app_token(person)}"}
        return httpx.request(method, f"{self.sign_in.app_url}{path}", json=body, headers=headers, timeout=30)

    def get(self, person: str, path: str) -> Any:
        return self.call(person, "GET", path).raise_for_status().json()

    def post(self, person: str, path: str, body: dict[str, Any]) -> Any:
        return self.call(person, "POST", path, body).raise_for_status().json()

    def kill(self, server: int) -> None:
        """Ends a server as a power cut would, and starts it again."""
        child = self.local.children[server]
        assert child.process is not None
        child.process.kill()
        child.process.wait()
        child.start()
        child.wait_until_ready()

    def ended(self, person: str, request_id: str, seconds: float = 60) -> Any:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            request = self.get(person, f"/api/requests/{request_id}")
            if request["status"] in ("active", "failed", "rejected", "revoked"):
                return request
            time.sleep(0.05)
        raise AssertionError(f"still {request}")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def mesh(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """The sample mesh, on each of the app's databases."""
    state = State(tmp_path_factory.mktemp(f"crash-{request.param}"))
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "postgresql":
            patch.setenv("TWINPLANE_DATABASE_URL", request.getfixturevalue("new_postgresql_database"))
        local = LocalMesh(state, RETAIL / "mesh.yaml", 0, 0, lambda _text: None)
        try:
            running = local.start()
            yield Mesh(local, SignIn(state, local.mesh, running.app_url))
        finally:
            local.stop()


def soon(moment: float, act: Callable[[], None]) -> None:
    time.sleep(moment)
    act()


@pytest.mark.timeout(400)
@pytest.mark.parametrize("server", [APP, PLANE], ids=["app", "plane"])
def test_a_project_is_made_once_whichever_server_is_killed_when(mesh: Mesh, server: int) -> None:
    for number, moment in enumerate(MOMENTS):
        name = f"Crash {server} {number}"
        body = {"name": name, "profile": "business-dev-profile", "domain_unit": "Sales Forecasting", "reason": "Crash"}
        request = mesh.post("analyst", "/api/requests/project", body)
        soon(moment, lambda: mesh.kill(server))
        done = mesh.ended("analyst", request["id"])
        assert done["status"] == "active", (moment, done["failure"])
        projects = [p for p in mesh.get("analyst", "/api/projects")["items"] if p["name"] == name]
        assert len(projects) == 1
        domain = mesh.sign_in.domain_id()
        environments = mesh.sign_in.aws("analyst").client("datazone").list_environments(
            domainIdentifier=domain, projectIdentifier=projects[0]["id"]
        )["items"]  # fmt: skip
        assert sorted((e["name"], e["status"]) for e in environments) == [
            ("Lakehouse Database", "ACTIVE"), ("Tooling", "ACTIVE"),
        ]  # fmt: skip
        members = mesh.get("analyst", f"/api/projects/{projects[0]['id']}/members")["items"]
        assert [m["designation"] for m in members if m["name"] == "analyst"] == ["PROJECT_OWNER"]


@pytest.fixture(scope="module")
def listing_id(mesh: Mesh) -> str:
    """Households, published as confidential by their owner."""
    project = next(p for p in mesh.get("owner", "/api/projects")["items"] if p["name"] == "Campaign Insights")
    base = f"/api/projects/{project['id']}"
    run = mesh.post("owner", f"{base}/imports", {"database": "marketing"})
    while mesh.get("owner", f"{base}/imports/{run['run_id']}")["status"] not in ("SUCCESS", "FAILED"):
        time.sleep(0.05)
    asset = next(a for a in mesh.get("owner", f"{base}/assets")["items"] if a["name"] == "households")
    level = {"level": "Confidential", "contains_personal_data": True}
    mesh.call("owner", "PUT", f"{base}/assets/{asset['id']}/classification", level).raise_for_status()
    mesh.post("owner", f"{base}/assets/{asset['id']}/publish", {})
    until = time.monotonic() + 20
    while time.monotonic() < until:
        for hit in mesh.get("analyst", "/api/catalog?q=households")["items"]:
            if hit["name"] == "households":
                return str(hit["listing_id"])
        time.sleep(0.05)
    raise AssertionError("the listing never appeared")


@pytest.mark.timeout(400)
@pytest.mark.parametrize("server", [APP, PLANE], ids=["app", "plane"])
def test_access_is_granted_once_and_taken_back_whole_whichever_server_is_killed_when(
    mesh: Mesh, listing_id: str, server: int
) -> None:
    for moment in MOMENTS:
        body = {"listing_id": listing_id, "reason": "Crash"}
        request = mesh.post("analyst", "/api/requests/subscription", body)
        approval = {"row_filter": "home_ownership = 'Homeowner'", "hidden_columns": ["income"]}
        mesh.post("owner", f"/api/requests/{request['id']}/approve", approval)
        soon(moment, lambda: mesh.kill(server))
        done = mesh.ended("analyst", request["id"])
        assert done["status"] == "active", (moment, done["failure"])
        assert grants_of(mesh, "analyst") == 1, moment
        mesh.post("owner", f"/api/requests/{request['id']}/revoke", {"reason": "Crash again"})
        soon(moment, lambda: mesh.kill(server))
        until = time.monotonic() + 60
        while mesh.get("analyst", f"/api/requests/{request['id']}")["status"] != "revoked":
            assert time.monotonic() < until, moment
            time.sleep(0.05)
        assert grants_of(mesh, "analyst") == 0, moment


def grants_of(mesh: Mesh, person: str) -> int:
    """How many grants to select Lake Formation holds for the person."""
    lake = mesh.sign_in.administrator().client("lakeformation")
    principal = f"arn:aws:identitystore:::user/{mesh.sign_in.user_id(person)}"
    found = lake.list_permissions(Principal={"DataLakePrincipalIdentifier": principal})
    return sum("SELECT" in entry["Permissions"] for entry in found["PrincipalResourcePermissions"])
