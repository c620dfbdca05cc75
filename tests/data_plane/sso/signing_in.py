"""Someone at a machine: the AWS CLI's two ways to sign in, written as its own token fetchers do, and a browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import time
from dataclasses import dataclass, field
from html import unescape
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import boto3
import botocore.session
import httpx
from botocore import UNSIGNED
from botocore.config import Config
from botocore.credentials import JSONFileCache
from botocore.exceptions import ClientError

_numbers = count()
BACK = "http://127.0.0.1:4711/oauth/callback"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
SESSION = "dev"


@dataclass
class Browser:
    """A browser without scripts."""

    plane: Any
    http: httpx.Client

    @property
    def password(self) -> str:
        return str((self.plane.state / "development-password").read_text().strip())

    def fill(self, page: httpx.Response, headers: dict[str, str] | None = None, **members: str) -> httpx.Response:
        """Fills in the form of the page and sends it."""
        action = unescape(re.search(r'<form method="post" action="([^"]*)"', page.text).group(1))  # type: ignore[union-attr]
        fields = re.findall(r'<input [^>]*?name="([^"]*)"[^>]*?value="([^"]*)"', page.text, re.DOTALL)
        form = {unescape(name): unescape(value) for name, value in fields} | members
        return self.http.post(str(page.url.join(action)), data=form, headers=headers)

    def sign_in(self, page: httpx.Response, name: str) -> httpx.Response:
        return self.fill(page, name=name, password=self.password)


@dataclass
class Machine:
    """A machine whose AWS configuration has one sso-session and one profile that uses it."""

    plane: Any
    home: Path
    browser: Browser
    role_name: str
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    def __post_init__(self) -> None:
        self.client = self.plane.client("sso-oidc", {}, config=Config(signature_version=UNSIGNED))
        self.cache = JSONFileCache(str(self.home / "cache"))
        store_id = self.plane.client("sso-admin").list_instances()["Instances"][0]["IdentityStoreId"]
        self.start_url = f"https://{store_id}.awsapps.com/start"
        (self.home / "config").write_text(
            f"[profile me]\nsso_session = {SESSION}\nsso_account_id = {self.plane.account_id}\n"
            f"sso_role_name = {self.role_name}\nregion = {self.plane.region}\nendpoint_url = {self.plane.endpoint}\n"
            f"[sso-session {SESSION}]\nsso_start_url = {self.start_url}\nsso_region = {self.plane.region}\n"
        )

    def register(self, **members: Any) -> dict[str, Any]:
        asked = {"clientName": f"botocore-client-{SESSION}", "clientType": "public", **members}
        return dict(self.client.register_client(**{k: v for k, v in asked.items() if v is not None}))

    def register_for_browser(self, **members: Any) -> dict[str, Any]:
        asked = {
            "grantTypes": ["authorization_code", "refresh_token"], "redirectUris": ["http://127.0.0.1/oauth/callback"],
            "issuerUrl": self.start_url, "scopes": ["sso:account:access"],
        }  # fmt: skip
        return self.register(**asked | members)

    def start(self, registration: dict[str, Any], **members: Any) -> dict[str, Any]:
        asked = {
            "clientId": registration["clientId"], "clientSecret": registration["clientSecret"],
            "startUrl": self.start_url, **members,
        }  # fmt: skip
        return dict(self.client.start_device_authorization(**asked))

    def poll(self, registration: dict[str, Any], authorization: dict[str, Any]) -> dict[str, Any]:
        return dict(
            self.client.create_token(
                grantType=DEVICE_CODE, clientId=registration["clientId"], clientSecret=registration["clientSecret"],
                deviceCode=authorization["deviceCode"],
            )
        )  # fmt: skip

    def decide(self, authorization: dict[str, Any], name: str, decision: str = "allow") -> httpx.Response:
        page = self.browser.http.get(authorization["verificationUriComplete"])
        page = self.browser.sign_in(page, name)
        assert authorization["userCode"] in page.text
        return self.browser.fill(page, decision=decision)

    def authorize_uri(self, registration: dict[str, Any], **members: Any) -> str:
        """Where the CLI sends the browser. It asks for `scopes`, as no other client does."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).decode().rstrip("=")
        asked = {
            "response_type": "code", "client_id": registration["clientId"], "redirect_uri": BACK, "state": "s-1",
            "code_challenge_method": "S256", "scopes": "sso:account:access", "code_challenge": challenge, **members,
        }  # fmt: skip
        return f"{self.plane.endpoint}/authorize?{urlencode({k: v for k, v in asked.items() if v is not None})}"

    def code(self, registration: dict[str, Any], name: str, **members: Any) -> str:
        """The code of a sign-in with the browser."""
        answer = self.browser.sign_in(self.browser.http.get(self.authorize_uri(registration, **members)), name)
        back = urlsplit(answer.headers["location"])
        found = parse_qs(back.query)
        assert found["state"] == ["s-1"]
        return found["code"][0]

    def exchange(self, registration: dict[str, Any], code: str, **members: Any) -> dict[str, Any]:
        asked = {
            "grantType": "authorization_code", "clientId": registration["clientId"],
            "clientSecret": registration["clientSecret"], "redirectUri": BACK, "codeVerifier": self.verifier,
            "code": code, **members,
        }  # fmt: skip
        return dict(self.client.create_token(**{k: v for k, v in asked.items() if v is not None}))

    def refresh(self, registration: dict[str, Any], token: str) -> dict[str, Any]:
        return dict(
            self.client.create_token(
                grantType="refresh_token", clientId=registration["clientId"],
                clientSecret=registration["clientSecret"], refreshToken=token,
            )
        )  # fmt: skip

    def keep(self, registration: dict[str, Any], token: dict[str, Any], *, seconds: float | None = None) -> None:
        """Keeps the token where botocore looks for it, as `aws sso login` does; as one that ends in `seconds`."""
        key = hashlib.sha1(SESSION.encode()).hexdigest()
        ends = time.time() + (token["expiresIn"] if seconds is None else seconds)

        def text(at: float) -> str:
            return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))

        self.cache[key] = {
            "startUrl": self.start_url, "region": self.plane.region, "accessToken": token["accessToken"],
            "expiresAt": text(ends), "clientId": registration["clientId"],
            "clientSecret": registration["clientSecret"],
            "registrationExpiresAt": text(registration["clientSecretExpiresAt"]),
            **({"refreshToken": token["refreshToken"]} if "refreshToken" in token else {}),
        }  # fmt: skip

    def kept(self) -> dict[str, Any]:
        """What is kept now."""
        return dict(self.cache[hashlib.sha1(SESSION.encode()).hexdigest()])

    def session(self, monkeypatch: Any) -> Any:
        """A boto3 session of the profile, in a process that knows no other credentials."""
        from botocore import credentials, tokens

        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(self.home / "config"))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(self.home / "none"))
        for owner in (credentials.SSOProvider, tokens.SSOTokenProvider):
            monkeypatch.setattr(owner, "_SSO_TOKEN_CACHE_DIR", str(self.home / "cache"))
        return boto3.session.Session(botocore_session=botocore.session.Session(profile="me"))


def refusal(call: Any, *arguments: Any, **members: Any) -> str:
    try:
        call(*arguments, **members)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    raise AssertionError("it was not refused")


def policy(*actions: str, **more: Any) -> str:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
