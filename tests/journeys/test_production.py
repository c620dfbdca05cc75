"""A production project waits for its approvers, in their stages, and is then made."""

import time
from pathlib import Path

import httpx

from tests.journeys.conftest import RETAIL, StartMesh


def test_a_production_project_is_made_when_all_its_approvers_have_agreed(tmp_path: Path, start_mesh: StartMesh) -> None:
    _, sign_in = start_mesh(RETAIL / "mesh.yaml", tmp_path / "state")

    def call(person: str, method: str, path: str, body: dict[str, str] | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {sign_in.app_token(person)}"}
        return httpx.request(method, f"{sign_in.app_url}{path}", json=body, headers=headers, timeout=30)

    body = {
        "name": "Forecast in Production", "profile": "business-prod-profile", "domain_unit": "Sales Forecasting",
        "reason": "The forecast goes live",
    }  # fmt: skip
    request = call("analyst", "POST", "/api/requests/project", body).raise_for_status().json()
    approve = f"/api/requests/{request['id']}/approve"
    assert request["status"] == "pending_approval"
    assert call("analyst", "POST", approve, {}).status_code in (403, 409)
    assert call("owner", "POST", approve, {}).status_code in (403, 404), "another unit's owner has no say"
    call("planner", "POST", approve, {"comment": "Needed"}).raise_for_status()
    assert call("analyst", "GET", f"/api/requests/{request['id']}").json()["status"] == "pending_approval"
    call("steward", "POST", approve, {"comment": "Data is in order"}).raise_for_status()
    until = time.monotonic() + 30
    while (found := call("analyst", "GET", f"/api/requests/{request['id']}").json())["status"] != "active":
        assert found["status"] != "failed", found["failure"]
        assert time.monotonic() < until, found
        time.sleep(0.05)
    names = [p["name"] for p in call("analyst", "GET", "/api/projects").json()["items"]]
    assert "Forecast in Production" in names
