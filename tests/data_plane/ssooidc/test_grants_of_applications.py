"""Applications that get tokens by a code from the person's browser, or for a token of another application."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from tests.data_plane.sso.signing_in import Browser, refusal
from twinplane.data_plane.services.ssooidc.rules import challenge_of

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
REFRESH_TOKEN = "urn:ietf:params:oauth:token-type:refresh_token"
BACK = "https://app.example.org/back?a=b"
ME = "arn:aws:iam::111122223333:user/administrator"
_numbers = count()


@dataclass
class Company:
    plane: Any
    browser: Browser
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    def __post_init__(self) -> None:
        self.sso, self.oidc = self.plane.client("sso-admin"), self.plane.client("sso-oidc")
        found = self.sso.list_instances()["Instances"][0]
        self.instance, self.store_id = found["InstanceArn"], found["IdentityStoreId"]

    def person(self) -> tuple[str, str]:
        name = f"person{next(_numbers)}"
        made = self.plane.client("identitystore").create_user(
            IdentityStoreId=self.store_id, UserName=name, DisplayName=name, Name={"GivenName": "A", "FamilyName": "L"}
        )
        return name, made["UserId"]

    def application(self, *grants: str, scopes: dict[str, list[str]] | None = None, assigned: bool = False) -> str:
        custom = "arn:aws:sso::aws:applicationProvider/custom"
        made = self.sso.create_application(
            InstanceArn=self.instance, ApplicationProviderArn=custom, Name=f"app{next(_numbers)}"
        )
        arn = str(made["ApplicationArn"])
        statement = {
            "Effect": "Allow", "Principal": {"AWS": ME}, "Action": "sso-oauth:CreateTokenWithIAM", "Resource": "*",
        }  # fmt: skip
        self.sso.put_application_authentication_method(
            ApplicationArn=arn, AuthenticationMethodType="IAM",
            AuthenticationMethod={"Iam": {"ActorPolicy": {"Version": "2012-10-17", "Statement": [statement]}}},
        )  # fmt: skip
        members = {
            "authorization_code": {"AuthorizationCode": {"RedirectUris": [BACK]}}, EXCHANGE: {"TokenExchange": {}},
            "refresh_token": {"RefreshToken": {}},
        }  # fmt: skip
        for grant in grants:
            self.sso.put_application_grant(ApplicationArn=arn, GrantType=grant, Grant=members[grant])
        for scope, targets in (scopes or {"sts:identity_context": []}).items():
            more = {"AuthorizedTargets": targets} if targets else {}
            self.sso.put_application_access_scope(ApplicationArn=arn, Scope=scope, **more)
        self.sso.put_application_assignment_configuration(ApplicationArn=arn, AssignmentRequired=assigned)
        return arn

    def page(self, application: str, **members: Any) -> httpx.Response:
        asked = {
            "response_type": "code", "client_id": application, "redirect_uri": BACK, "state": "s",
            "code_challenge_method": "S256", "code_challenge": challenge_of(self.verifier), **members,
        }  # fmt: skip
        return self.browser.http.get(f"{self.plane.endpoint}/authorize?{urlencode(asked)}")

    def back(self, application: str, name: str, **members: Any) -> dict[str, list[str]]:
        """What the browser brings back to the application."""
        answer = self.browser.sign_in(self.page(application, **members), name)
        location = answer.headers["location"]
        assert location.startswith(BACK + "&")
        return parse_qs(urlsplit(location).query)

    def exchange(self, application: str, code: str, **members: Any) -> dict[str, Any]:
        asked = {
            "clientId": application, "grantType": "authorization_code", "code": code, "redirectUri": BACK,
            "codeVerifier": self.verifier, **members,
        }  # fmt: skip
        return dict(self.oidc.create_token_with_iam(**{k: v for k, v in asked.items() if v is not None}))

    def swap(self, application: str, token: str, **members: Any) -> dict[str, Any]:
        asked = {
            "clientId": application, "grantType": EXCHANGE, "subjectToken": token, "subjectTokenType": ACCESS_TOKEN,
            **members,
        }  # fmt: skip
        return dict(self.oidc.create_token_with_iam(**asked))


@pytest.fixture(scope="module")
def company(plane: Any) -> Any:
    with httpx.Client(trust_env=False) as http:
        yield Company(plane, Browser(plane, http))


def payload(token: str) -> dict[str, Any]:
    import base64

    body = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return found


def test_a_code_from_the_browser_names_the_person(company: Company) -> None:
    name, user_id = company.person()
    application = company.application("authorization_code", "refresh_token")
    code = company.back(application, name)["code"][0]
    answer = company.exchange(application, code)
    assert payload(answer["idToken"])["sub"] == user_id
    assert answer["awsAdditionalDetails"]["identityContext"]
    again = {"clientId": application, "grantType": "refresh_token", "refreshToken": answer["refreshToken"]}
    refreshed = company.oidc.create_token_with_iam(**again)
    assert payload(refreshed["idToken"])["sub"] == user_id
    assert refusal(company.exchange, application, code) == "InvalidGrantException"
    again["refreshToken"] = refreshed["refreshToken"]
    assert refusal(company.oidc.create_token_with_iam, **again) == "InvalidGrantException"  # the code came twice


@pytest.mark.parametrize("changes", [{"codeVerifier": "x" * 43}, {"codeVerifier": None}, {"redirectUri": BACK + "x"}])
def test_a_code_is_for_who_asked_for_it(company: Company, changes: dict[str, Any]) -> None:
    name, _ = company.person()
    application = company.application("authorization_code")
    code = company.back(application, name)["code"][0]
    assert refusal(company.exchange, application, code, **changes) == "InvalidGrantException"
    assert refusal(company.exchange, application, code) == "InvalidGrantException"
    other = company.application("authorization_code")
    code = company.back(application, name)["code"][0]
    assert refusal(company.exchange, other, code) == "InvalidGrantException"


def test_a_browser_goes_only_where_the_application_is_registered(company: Company) -> None:
    application, silent = company.application("authorization_code"), company.application("refresh_token")
    for arn, changes in (
        (application, {"redirect_uri": "https://app.example.org/back"}),
        (application, {"redirect_uri": BACK + "&c=d"}),
        (application, {"redirect_uri": "http://127.0.0.1:1/"}),
        (silent, {}),
    ):
        page = company.page(arn, **changes)
        assert (page.status_code, "location" in page.headers, "<form" in page.text) == (400, False, False)
    company.sso.update_application(ApplicationArn=application, Status="DISABLED")
    assert company.page(application).status_code == 400


def test_who_is_not_assigned_brings_no_code_back(company: Company) -> None:
    name, user_id = company.person()
    application = company.application("authorization_code", assigned=True)
    assert company.back(application, name)["error"] == ["access_denied"]
    company.sso.create_application_assignment(ApplicationArn=application, PrincipalId=user_id, PrincipalType="USER")
    code = company.back(application, name)["code"][0]
    company.sso.delete_application_assignment(ApplicationArn=application, PrincipalId=user_id, PrincipalType="USER")
    assert refusal(company.exchange, application, code) == "AccessDeniedException"


def test_a_token_is_swapped_for_one_of_the_application_that_a_scope_names(company: Company) -> None:
    name, user_id = company.person()
    target, stranger = company.application(EXCHANGE, "refresh_token"), company.application(EXCHANGE)
    source = company.application("authorization_code", scopes={"data:read": [target], "sts:identity_context": []})
    token = company.exchange(source, company.back(source, name)["code"][0])["accessToken"]
    answer = company.swap(target, token)
    assert payload(answer["idToken"])["sub"] == user_id
    assert payload(answer["idToken"])["aud"] == target
    assert answer["issuedTokenType"] == ACCESS_TOKEN
    assert company.swap(target, token, requestedTokenType=REFRESH_TOKEN)["refreshToken"]

    assert refusal(company.swap, stranger, token) == "AccessDeniedException"
    narrow = company.exchange(source, company.back(source, name)["code"][0], scope=["sts:identity_context"])
    assert refusal(company.swap, target, narrow["accessToken"]) == "AccessDeniedException"
    for wrong in (answer["idToken"], answer["awsAdditionalDetails"]["identityContext"], token[:-2], "made-up"):
        assert refusal(company.swap, target, wrong) == "InvalidGrantException"
    assert refusal(company.swap, target, token, subjectTokenType="x") == "InvalidRequestException"
    assert refusal(company.swap, target, token, requestedTokenType="x") == "InvalidRequestException"
    assert refusal(company.swap, target, token, scope=["s3:everything"]) == "InvalidScopeException"
    assert refusal(company.swap, source, token) == "UnauthorizedClientException"


def test_a_token_is_worth_nothing_once_the_person_or_the_scope_is_gone(company: Company) -> None:
    name, user_id = company.person()
    target = company.application(EXCHANGE)
    source = company.application("authorization_code", scopes={"data:read": [target]})
    token = company.exchange(source, company.back(source, name)["code"][0])["accessToken"]
    company.sso.delete_application_access_scope(ApplicationArn=source, Scope="data:read")
    assert refusal(company.swap, target, token) == "AccessDeniedException"
    company.sso.put_application_access_scope(ApplicationArn=source, Scope="data:read", AuthorizedTargets=[target])
    assert company.swap(target, token)["idToken"]
    company.plane.client("identitystore").delete_user(IdentityStoreId=company.store_id, UserId=user_id)
    assert refusal(company.swap, target, token) == "InvalidGrantException"


def test_a_scope_that_was_taken_away_is_not_refreshed(company: Company) -> None:
    name, _ = company.person()
    scopes: dict[str, list[str]] = {"data:read": [], "sts:identity_context": []}
    application = company.application("authorization_code", "refresh_token", scopes=scopes)
    first = company.exchange(application, company.back(application, name)["code"][0])
    company.sso.delete_application_access_scope(ApplicationArn=application, Scope="sts:identity_context")
    second = company.oidc.create_token_with_iam(
        clientId=application, grantType="refresh_token", refreshToken=first["refreshToken"]
    )
    assert "data:read" in second["scope"]
    assert "sts:identity_context" not in second["scope"]
    assert "awsAdditionalDetails" not in second
