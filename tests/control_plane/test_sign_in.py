import base64
import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.control_plane.mesh_fixtures import RunningApp, browse_to_sign_in, running_app
from twinplane.control_plane.errors import BadRequest
from twinplane.control_plane.identity import check_next_path


def signed_in_browser(app: RunningApp, name: str, next_path: str = "/") -> httpx.Client:
    browser = httpx.Client(base_url=app.client.base_url, timeout=30, trust_env=False)
    begun = browser.get("/api/login", params={"next": next_path})
    assert begun.status_code == 302
    back = browse_to_sign_in(begun.headers["location"], name, app.password)
    assert urlsplit(back).path == "/api/callback"
    done = browser.get(back)
    assert (done.status_code, done.headers["location"]) == (302, next_path)
    return browser


def test_a_person_signs_in_with_her_browser_and_out_again(app: RunningApp) -> None:
    browser = signed_in_browser(app, "analyst", "/projects")
    me = browser.get("/api/me").json()
    assert (me["name"], me["display_name"]) == ("analyst", "Ana Lyst")
    assert "sales-forecasting" in me["groups"]
    assert browser.post("/api/logout", headers={"X-Twinplane": "1"}).status_code == 204
    assert browser.get("/api/me").status_code == 401


def test_the_session_cookie_cannot_be_read_by_scripts_or_sent_by_other_sites(app: RunningApp) -> None:
    browser = httpx.Client(base_url=app.client.base_url, timeout=30, trust_env=False)
    begun = browser.get("/api/login")
    done = browser.get(browse_to_sign_in(begun.headers["location"], "analyst", app.password))
    cookie = next(c for c in done.headers.get_list("set-cookie") if c.startswith("twinplane_session="))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


def test_a_form_on_another_site_changes_nothing(app: RunningApp) -> None:
    browser = signed_in_browser(app, "analyst")
    answer = browser.post("/api/logout")
    assert answer.status_code == 403
    assert "X-Twinplane" in answer.json()["detail"]
    assert browser.get("/api/me").status_code == 200


def test_a_sign_in_that_another_browser_began_is_refused(app: RunningApp) -> None:
    other = httpx.Client(base_url=app.client.base_url, timeout=30, trust_env=False)
    back = browse_to_sign_in(other.get("/api/login").headers["location"], "owner", app.password)
    browser = httpx.Client(base_url=app.client.base_url, timeout=30, trust_env=False)
    assert browser.get(back).status_code == 400
    assert browser.get("/api/me").status_code == 401


def test_a_sign_in_can_be_finished_once(app: RunningApp) -> None:
    browser = httpx.Client(base_url=app.client.base_url, timeout=30, trust_env=False)
    begun = browser.get("/api/login")
    state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]
    back = browse_to_sign_in(begun.headers["location"], "analyst", app.password)
    assert browser.get(back).status_code == 302
    again = httpx.get(back, headers={"Cookie": f"twinplane_sign_in={state}"}, trust_env=False, timeout=30)
    assert again.status_code == 401


def test_an_identity_token_opens_one_session(app: RunningApp) -> None:
    token = app.id_token("analyst")
    assert app.client.post("/api/sessions", json={"id_token": token}).status_code == 201
    again = app.client.post("/api/sessions", json={"id_token": token})
    assert again.status_code == 401
    assert again.headers["content-type"] == "application/problem+json"


def unsigned(claims: dict[str, object]) -> str:
    parts = [json.dumps({"alg": "none", "typ": "JWT"}), json.dumps(claims)]
    return ".".join(base64.urlsafe_b64encode(p.encode()).rstrip(b"=").decode() for p in parts) + "."


def test_forged_identity_tokens_are_refused(app: RunningApp) -> None:
    issuer = f"{app.plane.endpoint}/_idp"
    claims = {"iss": issuer, "aud": "twinplane", "sub": "x", "email": "admin@retail.example", "exp": 4102444800}
    good = app.id_token("analyst")
    head, body, signature = good.split(".")
    changed = json.loads(base64.urlsafe_b64decode(body + "=="))
    changed["email"] = "admin@retail.example"
    tampered = base64.urlsafe_b64encode(json.dumps(changed).encode()).rstrip(b"=").decode()
    for forged in (unsigned(claims), f"{head}.{tampered}.{signature}", "x.y.z", "", good[:-4] + "AAAA"):
        assert app.client.post("/api/sessions", json={"id_token": forged}).status_code == 401, forged


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer tps_nobody", "Basic YTpi", "Bearer a b"])
def test_without_a_session_nothing_is_answered(app: RunningApp, authorization: str) -> None:
    answer = app.client.get("/api/projects", headers={"Authorization": authorization})
    assert answer.status_code == 401
    assert answer.json()["type"] == "urn:twinplane:problem:not-signed-in"


@pytest.mark.parametrize("path", ["https://evil.example", "//evil.example", "/\\evil.example", "", "a", "/a\r\nb"])
def test_sign_in_leads_back_into_the_app_only(path: str) -> None:
    with pytest.raises(BadRequest):
        check_next_path(path)


def test_a_restart_keeps_sessions_and_the_data_plane_still_knows_who_it_is(app: RunningApp, tmp_path: Path) -> None:
    with running_app(app.plane, tmp_path, f"sqlite:///{tmp_path / 'app.db'}") as own:
        projects = own.get("analyst", "/api/projects")
        own.kill()
        own.start()
        assert own.get("analyst", "/api/projects") == projects
        assert own.get("analyst", "/api/me")["name"] == "analyst"


def test_no_secret_is_kept_in_the_clear(app: RunningApp, tmp_path: Path) -> None:
    with running_app(app.plane, tmp_path, f"sqlite:///{tmp_path / 'app.db'}") as own:
        own.get("analyst", "/api/me")
        token = own.tokens["analyst"]
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert token.encode() not in kept
    assert re.search(rb"eyJ[\w-]+\.[\w-]+\.", kept) is None  # no JSON web token
    assert (tmp_path / "sessions.key").stat().st_mode & 0o077 == 0
