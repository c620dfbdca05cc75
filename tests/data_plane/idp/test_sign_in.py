"""Signing in at the development issuer: the code flow with PKCE as a client and a browser without scripts do it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import stat
import time
from dataclasses import dataclass, field
from html import unescape
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

BACK = "http://127.0.0.1:4711/callback?from=idp"
_numbers = count()


@dataclass
class App:
    """A public client, and the browser of someone who uses it."""

    plane: Any
    http: httpx.Client
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def issuer(self) -> str:
        return str(self.plane.endpoint) + "/_idp"

    @property
    def password(self) -> str:
        text: str = (self.plane.state / "development-password").read_text().strip()
        return text

    def members(self, **changes: Any) -> dict[str, str]:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).decode().rstrip("=")
        members = {
            "client_id": "the-app", "redirect_uri": BACK, "response_type": "code", "scope": "openid offline_access",
            "state": "s&t=a te", "nonce": "n-1", "code_challenge": challenge, "code_challenge_method": "S256",
            **changes,
        }  # fmt: skip
        return {name: value for name, value in members.items() if value is not None}

    def open(self, **changes: Any) -> httpx.Response:
        return self.http.get(self.issuer + "/authorize", params=self.members(**changes))

    def submit(self, page: httpx.Response, name: str, password: str, **headers: str) -> httpx.Response:
        """Fills in the form of the page as a browser would."""
        action = unescape(re.search(r'<form method="post" action="([^"]*)"', page.text).group(1))  # type: ignore[union-attr]
        hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page.text)
        form = {unescape(key): unescape(value) for key, value in hidden} | {"name": name, "password": password}
        return self.http.post(str(page.url.join(action)), data=form, headers=headers)

    def sign_in(self, name: str, **changes: Any) -> str:
        """The code of a sign-in."""
        answer = self.submit(self.open(**changes), name, self.password)
        assert answer.status_code == 303
        return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]

    def exchange(self, code: str, **changes: Any) -> httpx.Response:
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "client_id": "the-app",
            "code_verifier": self.verifier, **changes,
        }  # fmt: skip
        return self.http.post(self.issuer + "/token", data={k: v for k, v in form.items() if v is not None})

    def refresh(self, token: str, client_id: str = "the-app") -> httpx.Response:
        form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": client_id}
        return self.http.post(self.issuer + "/token", data=form)

    def verified(self, token: str) -> dict[str, Any]:
        keys = KeySet.import_key_set(self.http.get(self.issuer + "/jwks").json())
        return dict(jwt.decode(token, keys, algorithms=["ES256"]).claims)


@pytest.fixture
def app(plane: Any) -> Any:
    with httpx.Client(trust_env=False) as http:
        yield App(plane, http)


@pytest.fixture(scope="module")
def store_id(plane: Any) -> str:
    found: str = plane.client("sso-admin").list_instances()["Instances"][0]["IdentityStoreId"]
    return found


@pytest.fixture
def person(plane: Any, store_id: str) -> tuple[str, str]:
    """A person of her own for each test: name and user id."""
    name = f"ada{next(_numbers)}"
    made = plane.client("identitystore").create_user(
        IdentityStoreId=store_id,
        UserName=name,
        DisplayName="Ada L.",
        Name={"GivenName": "Ada", "FamilyName": "L."},
        Emails=[{"Value": f"{name}@example.org", "Primary": True}],
    )
    return name, made["UserId"]


def events_of(plane: Any, name: str) -> list[dict[str, Any]]:
    found = plane.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "Username", "AttributeValue": name}]
    )["Events"]
    return [json.loads(e["CloudTrailEvent"]) for e in found if e["EventSource"] == "signin.amazonaws.com"]


def test_the_issuer_says_where_everything_is(app: App) -> None:
    found = app.http.get(app.issuer + "/.well-known/openid-configuration").json()
    assert found["issuer"] == app.issuer
    assert found["code_challenge_methods_supported"] == ["S256"]
    for member in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "end_session_endpoint"):
        assert found[member].startswith(app.issuer + "/")
    for key in app.http.get(found["jwks_uri"]).json()["keys"]:
        assert "d" not in key


def test_a_person_signs_in_with_name_and_development_password(app: App, person: tuple[str, str]) -> None:
    name, user_id = person
    answer = app.submit(app.open(), name, app.password)
    back = urlsplit(answer.headers["location"])
    assert answer.status_code == 303
    assert f"{back.scheme}://{back.netloc}{back.path}" == "http://127.0.0.1:4711/callback"
    members = parse_qs(back.query)
    assert (members["from"], members["state"], members["iss"]) == (["idp"], ["s&t=a te"], [app.issuer])

    tokens = app.exchange(members["code"][0]).json()
    claims = app.verified(tokens["id_token"])
    assert claims["iss"] == app.issuer
    assert (claims["sub"], claims["aud"], claims["nonce"]) == (user_id, "the-app", "n-1")
    assert (claims["preferred_username"], claims["email"]) == (name, f"{name}@example.org")
    assert 0 < claims["exp"] - time.time() <= 3600
    assert claims["jti"]
    me = app.http.get(app.issuer + "/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"}).json()
    assert (me["sub"], me["name"]) == (user_id, "Ada L.")
    [event] = events_of(app.plane, name)
    assert event["eventName"] == "UserAuthentication"
    assert event["serviceEventDetails"] == {"UserAuthentication": "Success"}
    assert event["userIdentity"]["onBehalfOf"]["userId"] == user_id


def test_the_password_is_for_its_owner_only(app: App) -> None:
    assert len(app.password) >= 20
    for name in ("development-password", "issuer-key.json", "aws/credentials"):
        app.http.get(app.issuer + "/jwks")
        assert stat.S_IMODE((app.plane.state / name).stat().st_mode) == 0o600


def test_a_wrong_password_gives_the_form_again_and_is_recorded(app: App, person: tuple[str, str]) -> None:
    answer = app.submit(app.open(), person[0], "wrong")
    assert answer.status_code == 401
    assert 'role="alert"' in answer.text
    assert f'value="{person[0]}"' in answer.text
    assert app.submit(answer, person[0], app.password).status_code == 303  # the form still works
    assert [e["serviceEventDetails"]["UserAuthentication"] for e in events_of(app.plane, person[0])] == [
        "Success",
        "Failure",
    ]


def test_an_unknown_name_is_answered_like_a_wrong_password(app: App, person: tuple[str, str]) -> None:
    wrong = app.submit(app.open(), person[0], "wrong")
    unknown = app.submit(app.open(), "no-such-name", app.password)
    error = re.compile(r'role="alert"[^>]*>([^<]*)<')
    assert unknown.status_code == wrong.status_code == 401
    assert error.search(unknown.text).group(1) == error.search(wrong.text).group(1)  # type: ignore[union-attr]
    event = events_of(app.plane, "HIDDEN_DUE_TO_SECURITY_REASONS")[0]
    assert "no-such-name" not in json.dumps(event)


def test_guessing_is_slowed_down(app: App, person: tuple[str, str]) -> None:
    page = app.open()
    answers = [app.submit(page, person[0], f"guess{n}").status_code for n in range(6)]
    assert answers == [401] * 5 + [429]
    assert app.submit(page, person[0], app.password).status_code == 429


def test_a_code_can_be_used_once_and_only_by_its_client(app: App, person: tuple[str, str]) -> None:
    code = app.sign_in(person[0])
    assert app.exchange(code).status_code == 200
    assert app.exchange(code).json()["error"] == "invalid_grant"
    for changes in (
        {"client_id": "another-app"},
        {"redirect_uri": "http://127.0.0.1:4711/other"},
        {"code_verifier": "x" * 43},
        {"code_verifier": None},
    ):
        code = app.sign_in(person[0])
        refused = app.exchange(code, **changes)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
        assert app.exchange(code).json()["error"] == "invalid_grant"  # a failed try uses the code up


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"prompt": "none"}, "login_required"),
    ],
)
def test_the_client_hears_what_is_wrong_with_its_request(app: App, changes: dict[str, Any], error: str) -> None:
    answer = app.open(**changes)
    members = parse_qs(urlsplit(answer.headers["location"]).query)
    assert members["error"] == [error]
    assert members["state"] == ["s&t=a te"]
    posted = app.http.post(
        app.issuer + "/authorize", data=app.members(**changes) | {"name": "x", "password": app.password}
    )
    assert parse_qs(urlsplit(posted.headers["location"]).query)["error"] == [error]


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example.org/callback",
        "http://127.0.0.1@evil.example.org/",
        "http://127.0.0.1:80@evil.example.org/",
        "http://127.0.0.1.evil.example.org/",
        "http://evil.example.org#http://127.0.0.1",
        "http://127.0.0.1:4711/#fragment",
        "http://127.0.0.1:port/",
        "http://127.0.0.1\\@evil.example.org/",
        "javascript:alert(1)",
        "//127.0.0.1/",
        "http://127.0.0.1:4711/\r\nSet-Cookie: a=b",
        "",
    ],
)
def test_nobody_is_sent_anywhere_but_to_this_machine(app: App, uri: str) -> None:
    for answer in (
        app.open(redirect_uri=uri),
        app.http.post(app.issuer + "/authorize", data=app.members(redirect_uri=uri) | {"name": "x", "password": "x"}),
    ):
        assert answer.status_code == 400
        assert "location" not in answer.headers
        assert "<form" not in answer.text


@pytest.mark.parametrize("uri", ["http://localhost:3000/cb", "http://127.0.0.1:1/", "http://127.0.0.1/cb"])
def test_any_port_of_this_machine_will_do(app: App, uri: str) -> None:
    assert app.open(redirect_uri=uri).status_code == 200


def test_what_the_client_sends_cannot_become_markup(app: App) -> None:
    page = app.open(client_id='"><script>alert(1)</script>', login_hint="'\"><img src=x>")
    assert page.status_code == 200
    assert "<script" not in page.text
    assert "<img" not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' http://127.0.0.1:4711" in policy
    assert "frame-ancestors 'none'" in policy


def test_a_form_of_another_site_is_refused(app: App, person: tuple[str, str]) -> None:
    assert app.submit(app.open(), person[0], app.password, Origin="https://evil.example.org").status_code == 403
    assert app.submit(app.open(), person[0], app.password, Origin="null").status_code == 403
    assert app.submit(app.open(), person[0], app.password, Origin=str(app.plane.endpoint)).status_code == 303


def test_a_refresh_token_works_once_and_its_theft_ends_the_family(app: App, person: tuple[str, str]) -> None:
    first = app.exchange(app.sign_in(person[0])).json()["refresh_token"]
    assert app.refresh(first, client_id="another-app").json()["error"] == "invalid_grant"
    renewed = app.refresh(first).json()
    assert app.verified(renewed["id_token"])["sub"] == person[1]
    assert app.refresh(first).json()["error"] == "invalid_grant"
    assert app.refresh(renewed["refresh_token"]).json()["error"] == "invalid_grant"


def test_no_refresh_token_is_given_unasked(app: App, person: tuple[str, str]) -> None:
    assert "refresh_token" not in app.exchange(app.sign_in(person[0], scope="openid")).json()


def test_an_id_token_is_no_access_token(app: App, person: tuple[str, str]) -> None:
    tokens = app.exchange(app.sign_in(person[0])).json()
    for token in (tokens["id_token"], "nonsense", "a.b.c"):
        answer = app.http.get(app.issuer + "/userinfo", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401


def test_signing_out_goes_back_to_this_machine_only(app: App) -> None:
    back = app.http.get(
        app.issuer + "/end_session", params={"post_logout_redirect_uri": "http://localhost:4711/", "state": "x"}
    )
    assert back.headers["location"] == "http://localhost:4711/?state=x"
    away = app.http.get(app.issuer + "/end_session", params={"post_logout_redirect_uri": "https://evil.example.org/"})
    assert away.status_code == 200
    assert "location" not in away.headers


def test_broken_requests_are_refused_not_crashed_on(app: App) -> None:
    token = app.issuer + "/token"
    assert app.http.post(token, content=b"\xff\xfe").status_code == 400
    assert app.http.post(token, data={}).json()["error"] == "unsupported_grant_type"
    assert app.http.post(token, content=b"x=" + b"y" * 100_000).status_code == 413
    assert app.http.get(app.issuer + "/nothing-here").status_code == 404


def test_the_id_token_buys_a_session_that_acts_for_the_person(app: App, person: tuple[str, str], store_id: str) -> None:
    """The development issuer is one that Identity Center can trust, like any other."""
    plane, jwt_bearer = app.plane, "urn:ietf:params:oauth:grant-type:jwt-bearer"
    sso = plane.client("sso-admin")
    instance = sso.list_instances()["Instances"][0]["InstanceArn"]
    issuer = sso.create_trusted_token_issuer(
        InstanceArn=instance,
        Name="development",
        TrustedTokenIssuerType="OIDC_JWT",
        TrustedTokenIssuerConfiguration={
            "OidcJwtConfiguration": {
                "IssuerUrl": app.issuer, "ClaimAttributePath": "email", "IdentityStoreAttributePath": "emails.value",
                "JwksRetrievalOption": "OPEN_ID_DISCOVERY",
            }
        },
    )["TrustedTokenIssuerArn"]  # fmt: skip
    client_id = sso.create_application(
        InstanceArn=instance, ApplicationProviderArn="arn:aws:sso::aws:applicationProvider/custom", Name="app"
    )["ApplicationArn"]
    me = {"AWS": "arn:aws:iam::111122223333:user/administrator"}
    statement = {"Effect": "Allow", "Principal": me, "Action": "sso-oauth:CreateTokenWithIAM", "Resource": "*"}
    sso.put_application_authentication_method(
        ApplicationArn=client_id,
        AuthenticationMethodType="IAM",
        AuthenticationMethod={"Iam": {"ActorPolicy": {"Version": "2012-10-17", "Statement": [statement]}}},
    )
    authorized = {"TrustedTokenIssuerArn": issuer, "AuthorizedAudiences": ["the-app"]}
    sso.put_application_grant(
        ApplicationArn=client_id, GrantType=jwt_bearer, Grant={"JwtBearer": {"AuthorizedTokenIssuers": [authorized]}}
    )
    sso.put_application_access_scope(ApplicationArn=client_id, Scope="sts:identity_context")
    sso.put_application_assignment_configuration(ApplicationArn=client_id, AssignmentRequired=False)
    trust = {"Effect": "Allow", "Principal": me, "Action": ["sts:AssumeRole", "sts:SetContext"]}
    role = plane.client("iam").create_role(
        RoleName="Person", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]

    id_token = app.exchange(app.sign_in(person[0])).json()["id_token"]
    tokens = plane.client("sso-oidc").create_token_with_iam(
        clientId=client_id, grantType=jwt_bearer, assertion=id_token
    )
    assumed = plane.client("sts").assume_role(
        RoleArn=role,
        RoleSessionName=person[0],
        ProvidedContexts=[
            {
                "ProviderArn": "arn:aws:iam::aws:contextProvider/IdentityCenter",
                "ContextAssertion": tokens["awsAdditionalDetails"]["identityContext"],
            }
        ],
    )
    arn = plane.client("sts", assumed["Credentials"]).get_caller_identity()["Arn"]
    assert arn == f"arn:aws:sts::111122223333:assumed-role/Person/{person[0]}"
