"""The Management App, asked by people without the right."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.attacks.insiders import Insiders

OTHERS = ("analyst", "colleague", "planner", "steward", "privacy", "admin", "auditor")


def test_a_project_is_there_for_its_members_only(insiders: Insiders) -> None:
    base = f"/api/projects/{insiders.producer}"
    asset = insiders.ask("owner", "GET", f"{base}/assets").json()["items"][0]["id"]
    level = {"level": "Public", "contains_personal_data": False}
    for person in OTHERS:
        for method, path, body in (
            ("GET", base, None), ("GET", f"{base}/members", None), ("GET", f"{base}/assets", None),
            ("POST", f"{base}/members", {"person": person, "designation": "PROJECT_OWNER"}),
            ("DELETE", f"{base}/members/owner", None), ("POST", f"{base}/imports", {"database": "marketing"}),
            ("PUT", f"{base}/assets/{asset}/classification", level),
            ("POST", f"{base}/assets/{asset}/publish", {}), ("POST", f"{base}/assets/{asset}/unpublish", {}),
        ):  # fmt: skip
            answer = insiders.call(person, method, path, body)
            assert answer.status_code == 404, (person, method, path, answer.text)


def test_a_request_is_there_for_those_it_concerns(insiders: Insiders) -> None:
    mine = insiders.ask("analyst", "GET", "/api/requests?box=mine&kind=subscription").json()["items"][0]["id"]
    for person in ("colleague", "planner"):
        for verb in ("", "/events", "/approve", "/reject", "/withdraw", "/retry", "/revoke"):
            method = "GET" if verb in ("", "/events") else "POST"
            body = {"comment": "x", "reason": "x"} if method == "POST" else None
            answer = insiders.call(person, method, f"/api/requests/{mine}{verb}", body)
            assert answer.status_code in (404, 422), (person, verb, answer.text)
            assert "households" not in answer.text
    assert insiders.call("analyst", "POST", f"/api/requests/{mine}/approve", {}).status_code == 403


def test_records_of_others_are_for_auditors(insiders: Insiders) -> None:
    for person in ("analyst", "colleague", "planner", "privacy", "steward"):
        found = insiders.ask(person, "GET", "/api/audit?person=owner").json()["items"]
        assert found == [], person
        assert insiders.call(person, "GET", "/api/audit/integrity").status_code == 403
    assert insiders.ask("auditor", "GET", "/api/audit?person=owner").json()["items"] != []


def test_of_many_decisions_at_once_one_holds(insiders: Insiders) -> None:
    listing = insiders.ask("planner", "GET", "/api/catalog?q=households").json()["items"][0]["listing_id"]
    body = {"listing_id": listing, "reason": "At once"}
    request = insiders.ask("planner", "POST", "/api/requests/subscription", body).json()["id"]
    insiders.sign_in.app_token("owner")

    def decide(verb: str) -> int:
        person = "planner" if verb == "withdraw" else "owner"
        return insiders.call(person, "POST", f"/api/requests/{request}/{verb}", {"comment": "x"}).status_code

    with ThreadPoolExecutor(6) as threads:
        statuses = list(threads.map(decide, ["withdraw", "reject", "approve", "reject", "withdraw", "reject"]))
    assert sorted(statuses) == [200, 409, 409, 409, 409, 409]


def test_a_cookie_alone_changes_nothing(insiders: Insiders) -> None:
    cookies = {"twinplane_session": insiders.sign_in.app_token("analyst")}
    body = {"name": "Forged", "profile": "business-dev-profile", "domain_unit": "Sales Forecasting", "reason": "x"}
    answer = httpx.post(
        f"{insiders.app_url}/api/requests/project", json=body, cookies=cookies, trust_env=False
    )  # fmt: skip
    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil", "evil"])
def test_signing_in_leads_back_into_the_app(insiders: Insiders, path: str) -> None:
    answer = httpx.get(f"{insiders.app_url}/api/login", params={"next": path}, trust_env=False)
    assert answer.status_code == 400


def test_files_beside_the_web_app_are_not_served(insiders: Insiders) -> None:
    for path in ("/%2e%2e/app.py", "/assets/%2e%2e/%2e%2e/app.py", "/..%2f..%2f..%2f..%2fetc/passwd", "//etc/passwd"):
        answer = httpx.get(insiders.app_url + path, trust_env=False)
        assert "root:" not in answer.text
        assert "import" not in answer.text


def test_no_secret_is_in_a_log_or_a_record(insiders: Insiders) -> None:
    hers = insiders.sign_in.credentials("analyst")
    app = insiders.sign_in.app_token("analyst")
    password = insiders.sign_in.state.development_password()
    insiders.in_project("analyst", "sts").get_caller_identity()
    files = [
        p for p in insiders.state.rglob("*") if p.suffix == ".log" or p.name.startswith(("plane.db", "management"))
    ]
    assert len(files) >= 4
    for path in files:
        content = path.read_bytes()
        for secret in (hers["SecretAccessKey"], hers["SessionToken"], app, password):
            assert secret.encode() not in content, path
