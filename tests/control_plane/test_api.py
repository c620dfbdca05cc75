"""What holds for every route."""

from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from tests.control_plane.mesh_fixtures import MESH, RunningApp
from twinplane.control_plane import http
from twinplane.control_plane.app import create_app
from twinplane.control_plane.permissions import Permission
from twinplane.control_plane.policy.policies import DEFAULT
from twinplane.control_plane.settings import Settings


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """The app joined, with no data plane to talk to."""
    state = tmp_path_factory.mktemp("joined")
    url = f"sqlite:///{state / 'app.db'}"
    return create_app(Settings(state, 0, MESH, url, "http://127.0.0.1:9/_idp"))


def test_a_route_without_a_permission_stops_the_start(web: FastAPI) -> None:
    http.check_permissions_are_declared(web)
    other = FastAPI()
    other.get("/api/forgotten")(lambda: None)
    with pytest.raises(RuntimeError, match="/api/forgotten declares no permission"):
        http.check_permissions_are_declared(other)


def test_every_permission_is_an_action_of_the_policies() -> None:
    schema = (DEFAULT / "schema.cedarschema").read_text()
    missing = [p.value for p in Permission if p is not Permission.PUBLIC and f'"{p.value}"' not in schema]
    assert missing == []


def test_operation_ids_are_given_and_unique(web: FastAPI) -> None:
    document = web.openapi()
    ids = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(ids) == len(set(ids)) > 25
    assert all(operation_id.replace("_", "").isalpha() for operation_id in ids)
    assert document["openapi"].startswith("3.1")


def test_every_operation_documents_its_problems(web: FastAPI) -> None:
    document = web.openapi()
    assert "ProblemBody" in document["components"]["schemas"]
    for path in document["paths"].values():
        for operation in path.values():
            for status in ("401", "403", "404", "409", "422"):
                assert "application/problem+json" in operation["responses"][status]["content"]


def test_every_private_route_refuses_strangers(app: RunningApp) -> None:
    document = app.client.get("/api/openapi.json").json()
    public = ("begin_sign_in", "finish_sign_in", "create_session", "get_current_session")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if operation["operationId"] in public:
                continue
            answer = app.client.request(method, path.replace("{", "").replace("}", ""), json={})
            assert answer.status_code == 401, (method, path, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_of_the_wrong_shape_is_told_where(app: RunningApp) -> None:
    answer = app.call("analyst", "POST", "/api/requests/project", {"name": "x"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"where": "profile", "what": "Field required"} in answer.json()["errors"]


def test_a_route_that_is_not_there_is_a_problem_too(app: RunningApp) -> None:
    answer = app.call("analyst", "GET", "/api/nothing")
    assert (answer.status_code, answer.json()["status"]) == (404, 404)
    assert app.call("analyst", "PATCH", "/api/projects").headers["content-type"] == "application/problem+json"


def test_pages_may_load_nothing_from_elsewhere(app: RunningApp) -> None:
    answer = app.client.get("/")
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/..%2f..%2f__main__.py", "/%2e%2e/app.py", "/assets/../../app.py"])
def test_files_outside_the_web_bundle_are_not_served(app: RunningApp, path: str) -> None:
    assert "create_app" not in app.client.get(path).text


def test_the_app_says_that_it_is_ready_or_what_is_missing(app: RunningApp) -> None:
    assert app.client.get("/livez").json() == {"status": "ok"}
    assert app.client.get("/readyz").json()["checks"] == {"database": "ok", "data_plane": "ok", "jobs": "ok"}


def test_without_an_applied_mesh_the_app_says_what_to_run(tmp_path: Path) -> None:
    from tests.control_plane.mesh_fixtures import running_app, write_profiles
    from twinplane.data_plane.testing import running_plane
    from twinplane.mesh.load import load

    mesh = load(MESH)
    with running_plane(tmp_path / "plane", account_id=mesh.account_id, region=mesh.region) as plane:
        write_profiles(plane, mesh)
        with running_app(plane, tmp_path / "app", f"sqlite:///{tmp_path / 'app.db'}") as app:
            answer = app.client.get("/readyz")
            assert answer.status_code == 503
            assert answer.json()["checks"]["database"] == "ok"
            assert answer.json()["checks"]["data_plane"] != "ok"


def test_a_foreign_name_an_odd_path_a_huge_or_unstorable_body_are_refused_clearly(app: RunningApp) -> None:
    assert httpx.get(str(app.client.base_url), headers={"Host": "evil.example"}).status_code == 400
    for path in ("/%00", "/assets/%00", "/" + "x" * 3000):
        assert app.client.get(path).status_code < 500, path
    huge = app.client.post("/api/sessions", content=b"x" * 2_000_000, headers={"Content-Type": "application/json"})
    assert huge.status_code == 413
    plane = f"{app.plane.endpoint}/_idp/.well-known/openid-configuration"
    assert httpx.get(plane, headers={"Host": "evil.example"}).status_code == 421
    assert httpx.get(plane).status_code == 200
