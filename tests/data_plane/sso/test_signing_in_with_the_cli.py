"""`aws sso login`, both ways: a code shown on a device, and a browser on the same machine."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.data_plane.sso.conftest import Center, Person
from tests.data_plane.sso.signing_in import BACK, Machine, refusal

ACCESS = ["sso:account:access"]


def test_a_device_gets_a_token_once_the_person_allowed_it(machine: Machine, ada: Person) -> None:
    registration = machine.register(scopes=ACCESS)
    authorization = machine.start(registration)
    assert refusal(machine.poll, registration, authorization) == "AuthorizationPendingException"
    assert machine.decide(authorization, ada.name).status_code == 200
    token = machine.poll(registration, authorization)
    assert token["tokenType"] == "Bearer"
    assert token["refreshToken"]
    portal = machine.plane.client("sso", {})
    [account] = portal.list_accounts(accessToken=token["accessToken"])["accountList"]
    assert account["accountId"] == machine.plane.account_id
    assert refusal(machine.poll, registration, authorization) == "InvalidGrantException"


def test_a_device_that_was_denied_gets_nothing(machine: Machine, ada: Person) -> None:
    registration = machine.register(scopes=ACCESS)
    authorization = machine.start(registration)
    assert machine.decide(authorization, ada.name, "deny").status_code == 200
    assert refusal(machine.poll, registration, authorization) == "AccessDeniedException"


def test_a_device_that_asks_too_often_is_told_to_slow_down(machine: Machine) -> None:
    registration = machine.register(scopes=ACCESS)
    authorization = machine.start(registration)
    answers = {refusal(machine.poll, registration, authorization) for _ in range(12)}
    assert answers == {"AuthorizationPendingException", "SlowDownException"}


def test_a_decision_is_taken_once_and_only_with_the_ticket(machine: Machine, ada: Person) -> None:
    registration = machine.register(scopes=ACCESS)
    authorization = machine.start(registration)
    browser, page = machine.browser, machine.browser.http.get(authorization["verificationUriComplete"])
    decision = browser.sign_in(page, ada.name)
    assert browser.fill(decision, decision="allow", ticket="made-up").status_code == 400
    foreign = {"Origin": "https://evil.example.org"}
    assert browser.fill(decision, foreign, decision="allow").status_code == 403
    assert browser.fill(decision, {"Sec-Fetch-Site": "cross-site"}, decision="allow").status_code == 403
    assert refusal(machine.poll, registration, authorization) == "AuthorizationPendingException"
    assert browser.fill(decision, decision="deny").status_code == 200
    assert browser.fill(decision, decision="allow").status_code == 400
    assert refusal(machine.poll, registration, authorization) == "AccessDeniedException"


def test_a_code_is_tried_only_by_who_signs_in(machine: Machine, ada: Person) -> None:
    browser = machine.browser
    authorization = machine.start(machine.register())
    page = browser.http.get(authorization["verificationUri"])
    wrong = browser.fill(page, user_code=authorization["userCode"], name=ada.name, password="wrong")
    assert wrong.status_code == 401
    assert "botocore-client" not in wrong.text
    unknown = browser.fill(page, user_code="BBBB-BBBB", name=ada.name, password=browser.password)
    assert unknown.status_code == 404
    typed = authorization["userCode"].replace("-", "").lower()
    found = browser.fill(page, user_code=typed, name=ada.name, password=browser.password)
    assert "botocore-client-dev" in found.text
    markup = browser.http.get(authorization["verificationUri"], params={"user_code": '"><script>'})
    assert "<script" not in markup.text


def test_the_client_needs_its_secret(machine: Machine) -> None:
    registration, other = machine.register(), machine.register()
    mixed = {"clientId": registration["clientId"], "clientSecret": other["clientSecret"]}
    assert refusal(machine.start, mixed) == "InvalidClientException"
    assert refusal(machine.start, mixed | {"clientId": "nobody"}) == "InvalidClientException"
    authorization = machine.start(registration)
    assert refusal(machine.poll, other, authorization) == "InvalidGrantException"
    for url in (machine.plane.endpoint + "/_idp/start", machine.start_url + "/#/"):
        assert machine.start(registration, startUrl=url)["userCode"]
    assert "aws sso login" in machine.browser.http.get(machine.plane.endpoint + "/_idp/start").text
    assert refusal(machine.start, registration, startUrl="https://d-0000000000.awsapps.com/start") == (
        "InvalidRequestException"
    )


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"clientType": "confidential"}, "InvalidClientMetadataException"),
        ({"grantTypes": ["password"]}, "UnsupportedGrantTypeException"),
        ({"grantTypes": ["authorization_code"]}, "InvalidRedirectUriException"),
        ({"redirectUris": ["https://evil.example.org/"]}, "InvalidRedirectUriException"),
        ({"redirectUris": ["http://127.0.0.1@evil.example.org/"]}, "InvalidRedirectUriException"),
        ({"issuerUrl": "https://elsewhere.example.org/start"}, "InvalidRequestException"),
        ({"scopes": ["not a scope"]}, "InvalidScopeException"),
    ],
)
def test_a_client_is_registered_only_for_what_clients_do(machine: Machine, members: Any, code: str) -> None:
    assert refusal(machine.register, **members) == code


def test_a_browser_brings_a_code_back_that_only_the_client_can_exchange(machine: Machine, ada: Person) -> None:
    registration = machine.register_for_browser()
    token = machine.exchange(registration, machine.code(registration, ada.name))
    assert machine.plane.client("sso", {}).list_accounts(accessToken=token["accessToken"])["accountList"]

    for changes in ({"codeVerifier": "x" * 43}, {"codeVerifier": None}, {"redirectUri": BACK + "x"}):
        code = machine.code(registration, ada.name)
        assert refusal(machine.exchange, registration, code, **changes) == "InvalidGrantException"
        assert refusal(machine.exchange, registration, code) == "InvalidGrantException"  # a failed try uses it up
    other = machine.register_for_browser()
    assert refusal(machine.exchange, other, machine.code(registration, ada.name)) == "InvalidGrantException"


def test_a_code_that_comes_twice_ends_what_it_brought(machine: Machine, ada: Person) -> None:
    registration = machine.register_for_browser()
    code = machine.code(registration, ada.name)
    token = machine.exchange(registration, code)
    assert refusal(machine.exchange, registration, code) == "InvalidGrantException"
    assert refusal(machine.refresh, registration, token["refreshToken"]) == "InvalidGrantException"
    portal = machine.plane.client("sso", {})
    assert refusal(portal.list_accounts, accessToken=token["accessToken"]) == "UnauthorizedException"


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "http://127.0.0.1:4711/elsewhere"},
        {"redirect_uri": "http://evil.example.org/oauth/callback"},
        {"redirect_uri": "https://127.0.0.1:4711/oauth/callback"},
        {"client_id": "nobody"},
        {"client_id": None},
    ],
)
def test_a_browser_is_sent_nowhere_but_to_the_client(machine: Machine, changes: dict[str, Any]) -> None:
    page = machine.browser.http.get(machine.authorize_uri(machine.register_for_browser(), **changes))
    assert page.status_code == 400
    assert "location" not in page.headers
    assert "<form" not in page.text


def test_the_client_hears_what_is_wrong_with_its_request(machine: Machine) -> None:
    registration = machine.register_for_browser()
    for changes, error in (
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
    ):
        answer = machine.browser.http.get(machine.authorize_uri(registration, **changes))
        assert parse_qs(urlsplit(answer.headers["location"]).query)["error"] == [error]


def test_a_refresh_token_works_once_and_its_theft_ends_the_sign_in(machine: Machine, ada: Person) -> None:
    registration = machine.register_for_browser()
    first = machine.exchange(registration, machine.code(registration, ada.name))
    second = machine.refresh(registration, first["refreshToken"])
    assert refusal(machine.refresh, machine.register_for_browser(), second["refreshToken"]) == "InvalidGrantException"
    assert refusal(machine.refresh, registration, first["refreshToken"]) == "InvalidGrantException"
    assert refusal(machine.refresh, registration, second["refreshToken"]) == "InvalidGrantException"
    portal = machine.plane.client("sso", {})
    assert refusal(portal.list_accounts, accessToken=second["accessToken"]) == "UnauthorizedException"


def test_a_client_of_other_scopes_reaches_no_account(machine: Machine, ada: Person) -> None:
    registration = machine.register_for_browser(scopes=["codewhisperer:completions"])
    token = machine.exchange(registration, machine.code(registration, ada.name))
    portal = machine.plane.client("sso", {})
    assert refusal(portal.list_accounts, accessToken=token["accessToken"]) == "UnauthorizedException"


def test_a_person_who_is_deleted_gets_no_token_for_what_she_allowed(center: Center, machine: Machine) -> None:
    bob = center.person()
    registration = machine.register(scopes=ACCESS)
    authorization = machine.start(registration)
    machine.decide(authorization, bob.name)
    center.plane.client("identitystore").delete_user(IdentityStoreId=center.store_id, UserId=bob.user_id)
    assert refusal(machine.poll, registration, authorization) == "InvalidGrantException"
