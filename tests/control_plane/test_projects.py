import secrets
from typing import Any

import pytest

from tests.control_plane.mesh_fixtures import RunningApp, until


def asked(name: str | None = None, **changes: Any) -> dict[str, Any]:
    return {
        "name": name or f"Project {secrets.token_hex(4)}",
        "profile": "business-dev-profile",
        "domain_unit": "Sales Forecasting",
        "reason": "To forecast",
    } | changes


def test_policy_approves_a_dev_project_and_it_is_made_with_its_requester_as_owner(app: RunningApp) -> None:
    request = app.post("analyst", "/api/requests/project", asked("Forecast One"))
    assert request["status"] == "approved"
    assert request["policy"]["policies"] == ["project.may-request"]
    assert len(request["policy"]["policy_hash"]) == 64
    done = app.wait_for("analyst", request["id"], "active")
    project = app.get("analyst", f"/api/projects/{done['outcome']['project_id']}")
    assert (project["name"], project["status"]) == ("Forecast One", "ACTIVE")
    assert project["deployment_status"] == "SUCCESSFUL"
    assert {"Tooling", "Lakehouse Database"} <= {e["name"] for e in project["environments"]}
    members = app.get("analyst", f"/api/projects/{project['id']}/members")["items"]
    assert {"name": "analyst", "kind": "person", "designation": "PROJECT_OWNER"} in members


def test_a_locked_parameter_that_is_altered_is_refused_by_name_and_nothing_is_stored(app: RunningApp) -> None:
    before = app.get("analyst", "/api/requests?box=mine")["items"]
    answer = app.call(
        "analyst", "POST", "/api/requests/project", asked(parameters={"Tooling": {"maxEbsVolumeSize": "5000"}})
    )
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["type"] == "urn:twinplane:problem:locked-parameter"
    assert (problem["parameter"], problem["environment"], problem["locked_at"]) == ("maxEbsVolumeSize", "Tooling", "50")
    assert "maxEbsVolumeSize" in problem["detail"]
    assert app.get("analyst", "/api/requests?box=mine")["items"] == before


def test_an_open_parameter_may_be_chosen(app: RunningApp) -> None:
    body = asked(parameters={"Lakehouse Database": {"glueDbName": "forecast_two"}, "Tooling": {"enableSpaces": "true"}})
    request = app.post("analyst", "/api/requests/project", body)
    app.wait_for("analyst", request["id"], "active")


@pytest.mark.parametrize(
    ("changes", "status", "says"),
    [
        ({"profile": "gold"}, 404, "There is no project profile gold"),
        ({"domain_unit": "Nowhere"}, 404, "There is no domain unit Nowhere"),
        ({"name": "A/B"}, 422, "letters, digits, spaces"),
        ({"name": "x" * 65}, 422, "64"),
        ({"reason": ""}, 422, "reason"),
        ({"parameters": {"Tooling": {"colour": "red"}}}, 422, "has no parameter colour"),
        ({"parameters": {"Kitchen": {}}}, 422, "has no environment Kitchen"),
        ({"name": "Forecast Lab"}, 422, "Choose another name"),
    ],
)
def test_what_cannot_be_asked_for(app: RunningApp, changes: dict[str, Any], status: int, says: str) -> None:
    answer = app.call("analyst", "POST", "/api/requests/project", asked(**changes))
    assert (answer.status_code, says in answer.text) == (status, True), answer.text


def test_people_of_no_unit_may_not_ask(app: RunningApp) -> None:
    answer = app.call("auditor", "POST", "/api/requests/project", asked())
    assert answer.status_code == 403
    assert answer.json()["policy"]["allowed"] is False


def test_a_prod_project_waits_for_its_unit_s_owner_and_then_a_steward(app: RunningApp) -> None:
    request = app.post("analyst", "/api/requests/project", asked(profile="business-prod-profile"))
    path = f"/api/requests/{request['id']}"
    assert request["status"] == "pending_approval"
    assert [(a["stage"], a["status"]) for a in request["approvals"]] == [("owner", "pending"), ("steward", "waiting")]
    assert request["approvals"][0]["people"] == ["planner"]

    assert app.call("analyst", "POST", f"{path}/approve", {}).status_code == 403
    assert app.call("steward", "POST", f"{path}/approve", {}).status_code == 403  # it is not her turn
    assert app.call("colleague", "POST", f"{path}/approve", {}).status_code == 404  # it is none of his business
    assert request["id"] in [r["id"] for r in app.get("planner", "/api/requests?box=inbox")["items"]]
    assert request["id"] not in [r["id"] for r in app.get("steward", "/api/requests?box=inbox")["items"]]

    after = app.post("planner", f"{path}/approve", {"comment": "Needed for autumn"})
    assert (after["status"], after["approvals"][0]["decided_by"]) == ("pending_approval", "planner")
    assert after["approvals"][0]["policy_hash"]
    assert app.call("planner", "POST", f"{path}/approve", {}).status_code == 403  # one stage each
    assert app.post("steward", f"{path}/approve")["status"] in ("approved", "fulfilling", "active", "failed")
    assert app.call("steward", "POST", f"{path}/approve", {}).status_code == 409
    app.wait_for("analyst", request["id"], "active", "failed")  # failed: see the next test


def test_a_project_whose_environment_cannot_be_made_is_deleted_again_and_says_why(app: RunningApp) -> None:
    name = f"Broken {secrets.token_hex(4)}"
    taken = {"Lakehouse Database": {"glueDbName": "marketing"}}
    request = app.post("analyst", "/api/requests/project", asked(name, parameters=taken))
    failed = app.wait_for("analyst", request["id"], "failed")
    assert "marketing exists already" in failed["failure"]
    assert failed["project_id"] is None
    assert "retry" in failed["may"]
    datazone = app.plane.client("datazone")
    domain = datazone.list_domains()["items"][0]["id"]
    assert [p for p in datazone.list_projects(domainIdentifier=domain)["items"] if p["name"] == name] == []
    app.post("analyst", f"/api/requests/{request['id']}/retry")
    app.wait_for("analyst", request["id"], "failed")
    app.post("analyst", f"/api/requests/{request['id']}/withdraw")


def test_the_only_owner_of_a_unit_does_not_approve_herself_a_steward_does(app: RunningApp) -> None:
    request = app.post("planner", "/api/requests/project", asked(profile="business-staging-profile"))
    assert [a["stage"] for a in request["approvals"]] == ["steward"]
    assert "only owner" in request["approvals"][0]["note"]
    assert app.call("planner", "POST", f"/api/requests/{request['id']}/approve", {}).status_code == 403
    app.post("planner", f"/api/requests/{request['id']}/withdraw")


def test_a_rejected_request_ends_and_says_why(app: RunningApp) -> None:
    request = app.post("analyst", "/api/requests/project", asked(profile="business-staging-profile"))
    path = f"/api/requests/{request['id']}"
    rejected = app.post("planner", f"{path}/reject", {"comment": "Use the one we have"})
    assert (rejected["status"], rejected["approvals"][0]["comment"]) == ("rejected", "Use the one we have")
    for verb in ("approve", "withdraw", "retry"):
        assert app.call("analyst", "POST", f"{path}/{verb}", {}).status_code in (403, 409)


def test_only_its_requester_withdraws_a_request(app: RunningApp) -> None:
    request = app.post("analyst", "/api/requests/project", asked(profile="business-staging-profile"))
    path = f"/api/requests/{request['id']}"
    assert app.call("planner", "POST", f"{path}/withdraw").status_code == 403
    assert app.post("analyst", f"{path}/withdraw")["status"] == "withdrawn"
    assert app.call("planner", "POST", f"{path}/approve", {}).status_code == 409


def test_a_name_taken_in_between_fails_the_request_and_leaves_the_other_project_alone(app: RunningApp) -> None:
    name = f"Twice {secrets.token_hex(3)}"
    first = app.post("analyst", "/api/requests/project", asked(name, profile="business-staging-profile"))
    second = app.post("colleague", "/api/requests/project", asked(name))
    made = app.wait_for("colleague", second["id"], "active")
    app.post("planner", f"/api/requests/{first['id']}/approve")
    failed = app.wait_for("analyst", first["id"], "failed")
    assert "Ask for another name" in failed["failure"]
    project = app.get("colleague", f"/api/projects/{made['outcome']['project_id']}")
    assert project["status"] == "ACTIVE"


def test_progress_is_streamed_as_it_happens_and_goes_on_where_it_broke(app: RunningApp) -> None:
    request = app.post("analyst", "/api/requests/project", asked())
    path = f"/api/requests/{request['id']}/events"
    headers = {"Authorization": f"Bearer {app.tokens['analyst']}"}
    with app.client.stream("GET", path, headers=headers) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = list(stream.iter_lines())
    assert lines[-3] == "event: end"
    numbers = [int(line[4:]) for line in lines if line.startswith("id: ")]
    assert numbers == list(range(1, len(numbers) + 1))
    assert any("The project is ready" in line for line in lines)
    with app.client.stream("GET", path, headers=headers | {"Last-Event-ID": str(numbers[-2])}) as stream:
        again = [line for line in stream.iter_lines() if line.startswith("id: ")]
    assert again == [f"id: {numbers[-1]}"]


def test_owners_add_and_remove_members_and_others_do_not(app: RunningApp) -> None:
    request = app.post("analyst", "/api/requests/project", asked())
    project_id = app.wait_for("analyst", request["id"], "active")["outcome"]["project_id"]
    path = f"/api/projects/{project_id}/members"
    assert app.call("colleague", "GET", path).status_code == 404
    assert app.call("planner", "POST", path, {"person": "colleague"}).status_code in (403, 404)
    app.post("analyst", path, {"person": "colleague", "designation": "PROJECT_CONTRIBUTOR"})
    assert {m["name"] for m in app.get("colleague", path)["items"]} >= {"analyst", "colleague"}
    assert app.call("colleague", "POST", path, {"person": "planner"}).status_code == 403
    assert app.call("colleague", "DELETE", f"{path}/analyst").status_code == 403
    last = app.call("analyst", "DELETE", f"{path}/analyst")
    assert last.status_code == 409
    assert "last owner" in last.json()["detail"]
    assert (
        app.call("analyst", "DELETE", f"{path}/planner").json()["detail"] == "planner is not a member of the project."
    )
    app.post("analyst", path, {"person": "colleague", "designation": "PROJECT_OWNER"})
    app.post("colleague", path, {"person": "planner"})
    assert app.call("analyst", "DELETE", f"{path}/planner").status_code == 204
    assert app.call("planner", "GET", f"/api/projects/{project_id}").status_code == 404
    assert app.call("analyst", "POST", path, {"person": "nobody"}).status_code == 404
    assert app.call("analyst", "POST", path, {"person": "planner", "designation": "KING"}).status_code == 400


def test_profiles_and_units_say_what_may_be_chosen_and_who_must_agree(app: RunningApp) -> None:
    profiles = {p["name"]: p for p in app.get("analyst", "/api/profiles")["items"]}
    assert profiles["business-prod-profile"]["approvers"] == ["owner", "steward"]
    tooling = next(e for e in profiles["business-dev-profile"]["environments"] if e["name"] == "Tooling")
    assert {"name": "enableSpaces", "value": "true", "editable": False} in tooling["parameters"]
    units = {u["name"]: u["mine"] for u in app.get("analyst", "/api/domain-units")["items"]}
    assert (units["Sales Forecasting"], units["Marketing Analytics"]) == (True, False)


def test_of_two_decisions_at_once_one_counts(app: RunningApp) -> None:
    from concurrent.futures import ThreadPoolExecutor

    app.get("planner", "/api/me")
    for _ in range(3):
        request = app.post("analyst", "/api/requests/project", asked(profile="business-staging-profile"))
        path = f"/api/requests/{request['id']}"

        def decide(verb: str, path: str = path) -> int:
            return int(app.call("planner", "POST", f"{path}/{verb}", {"comment": "now"}).status_code)

        with ThreadPoolExecutor(4) as pool:
            answers = sorted(pool.map(decide, ["approve", "reject", "approve", "reject"]))
        assert answers.count(200) == 1, answers
        assert set(answers) <= {200, 409, 403}
        until(lambda path=path: app.get("analyst", path), lambda r: r["status"] in ("active", "rejected"))  # type: ignore[misc]
