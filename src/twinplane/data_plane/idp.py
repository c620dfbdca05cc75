"""The development OpenID Connect provider: people of the identity store sign in with one development password.

It serves authorization code with PKCE to public clients that return to this machine, and nothing else. It is for the
local plane only: in an enterprise the company's own identity provider takes its place.
"""

import base64
import hashlib
import hmac
import secrets
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from twinplane.data_plane.services.cloudtrail.store import add_event
from twinplane.data_plane.services.identitystore import store as identity_store
from twinplane.data_plane.services.ssooidc import signing, store
from twinplane.data_plane.sign_in_page import message_page, sign_in_page
from twinplane.data_plane.store import Document, Transaction

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

    from twinplane.data_plane.plane import Plane

CODE_SECONDS = 60
TOKEN_SECONDS = 3600
_REFRESH_SECONDS = 8 * 3600
_MAX_FORM_BYTES = 32_768
_WRONG = "This name and development password do not go together."
_HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"  # what CloudTrail shows where a password may have been typed as a name
_REQUEST_MEMBERS = (
    "client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge", "code_challenge_method",
    "response_mode", "prompt",
)  # fmt: skip


def app(plane: "Plane") -> "ASGIApp":
    """The provider as an ASGI application; it answers below `/_idp/`."""
    from starlette.applications import Starlette
    from starlette.routing import Route

    provider = Provider(plane)
    base = signing.ISSUER_PATH
    return Starlette(
        routes=[
            Route(base + "/.well-known/openid-configuration", provider.discovery),
            Route(base + "/jwks", provider.jwks),
            Route(base + "/authorize", provider.show_form, methods=["GET"]),
            Route(base + "/authorize", provider.sign_in, methods=["POST"]),
            Route(base + "/token", provider.token, methods=["POST"]),
            Route(base + "/userinfo", provider.userinfo, methods=["GET", "POST"]),
            Route(base + "/end_session", provider.end_session, methods=["GET", "POST"]),
        ]
    )


@dataclass(frozen=True, slots=True)
class _Code:
    """What an authorization code stands for until it is exchanged."""

    client_id: str
    redirect_uri: str
    challenge: str
    user_id: str
    scope: str
    nonce: str | None
    signed_in_at: float
    expires_at: float


class Refused(Exception):
    """An OAuth error that goes back to the client."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error, self.description, self.status = error, description, status


@dataclass
class Throttle:
    """Slows guessing down: a few failures per name and a few dozen in all, then a pause."""

    per_name: int = 5
    in_all: int = 50
    seconds: float = 60.0
    _failures: deque[tuple[float, str]] = field(default_factory=deque)

    def wait_seconds(self, name: str, now: float) -> float:
        """How long this name must wait before the next try; 0: not at all."""
        while self._failures and self._failures[0][0] <= now - self.seconds:
            self._failures.popleft()
        mine = [at for at, failed in self._failures if failed == name]
        if len(mine) >= self.per_name:
            return mine[-self.per_name] + self.seconds - now
        if len(self._failures) >= self.in_all:
            return self._failures[-self.in_all][0] + self.seconds - now
        return 0.0

    def failed(self, name: str, now: float) -> None:
        self._failures.append((now, name))


class Provider:
    """The provider of one plane. Codes live in memory: who is interrupted by a restart signs in again."""

    def __init__(self, plane: "Plane") -> None:
        self._plane = plane
        self._codes: dict[str, _Code] = {}
        self._throttle = Throttle()
        self._password = signing.development_password(plane)

    async def discovery(self, _request: "Request") -> "Response":
        issuer = signing.development_issuer(self._plane)
        return _json(
            {
                "issuer": issuer,
                "authorization_endpoint": issuer + "/authorize",
                "token_endpoint": issuer + "/token",
                "userinfo_endpoint": issuer + "/userinfo",
                "end_session_endpoint": issuer + "/end_session",
                "jwks_uri": issuer + "/jwks",
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": ["authorization_code", "refresh_token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [signing.ALGORITHM],
                "token_endpoint_auth_methods_supported": ["none"],
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": True,
                "scopes_supported": ["openid", "profile", "email", "offline_access"],
                "claims_supported": ["sub", "preferred_username", "name", "given_name", "family_name", "email"],
            }
        )

    async def jwks(self, _request: "Request") -> "Response":
        return _json({"keys": [signing.public_key(self._plane)]})

    async def show_form(self, request: "Request") -> "Response":
        """The sign-in form, or why there is none."""
        members = dict(request.query_params)
        try:
            return self._refusal_of(members) or self._form(members, name=members.get("login_hint", ""))
        except Refused as error:
            return _page(message_page, "This sign-in cannot go on", error.description, status=400)

    async def sign_in(self, request: "Request") -> "Response":
        """Takes name and password; back to the client with a code, or the form again saying what is wrong."""
        try:
            _check_own_origin(request)
            form = await _form(request)
            refusal = self._refusal_of(form)
        except Refused as error:
            return _page(message_page, "This sign-in cannot go on", error.description, status=error.status)
        if refusal is not None:
            return refusal
        name, now = form.get("name", "").strip(), self._plane.clock()
        wait = self._throttle.wait_seconds(name.casefold(), now)
        if wait > 0:
            return self._form(form, name, f"Too many wrong tries. Try again in {int(wait) + 1} seconds.", status=429)
        right = _same(form.get("password", ""), self._password)
        user = self._plane.store.read(lambda tx: identity_store.find_user(tx, name))
        if not right or user is None:
            self._throttle.failed(name.casefold(), now)
            await self._record(request, form, user, now, ok=False)
            return self._form(form, name, _WRONG, status=401)
        await self._record(request, form, user, now, ok=True)
        return _back(form, code=self._new_code(form, user, now), iss=signing.development_issuer(self._plane))

    async def token(self, request: "Request") -> "Response":
        try:
            form = await _form(request)
            grant_type = form.get("grant_type")
            if grant_type == "authorization_code":
                return _json(await self._exchange_code(form))
            if grant_type == "refresh_token":
                return _json(await self._exchange_refresh_token(form))
            raise Refused("unsupported_grant_type", "grant_type must be authorization_code or refresh_token.")
        except Refused as error:
            return _json({"error": error.error, "error_description": error.description}, error.status)

    async def userinfo(self, request: "Request") -> "Response":
        from joserfc import jwt
        from joserfc.errors import JoseError

        issuer = signing.development_issuer(self._plane)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        user = None
        if scheme.lower() == "bearer":
            try:
                keys = signing.public_keys(self._plane)
                claims = jwt.decode(token, keys, algorithms=[signing.ALGORITHM]).claims
            except (JoseError, ValueError):
                claims = {}
            if claims.get("aud") == issuer + "/userinfo" and claims.get("exp", 0) > self._plane.clock():
                user = self._plane.store.read(lambda tx: identity_store.get_user(tx, claims["sub"]))
        if user is None:
            response = _json({"error": "invalid_token"}, 401)
            response.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
            return response
        return _json({"sub": user["UserId"], **_profile(user)})

    async def end_session(self, request: "Request") -> "Response":
        """There is no session here to end: every sign-in asks for the password. Goes back where it was asked to."""
        from starlette.responses import RedirectResponse

        members = dict(request.query_params) if request.method == "GET" else await _form(request)
        target = members.get("post_logout_redirect_uri")
        if target and is_loopback_uri(target):
            state = members.get("state")
            return RedirectResponse(_with(target, {"state": state} if state else {}), status_code=303)
        return _page(message_page, "Signed out", "You are signed out. You can close this page.")

    # --- sign-in ---

    def _refusal_of(self, members: dict[str, str]) -> "Response | None":
        """The redirect that refuses a request the client may hear about. Raises `Refused` on one it may not."""
        if not members.get("client_id"):
            raise Refused("invalid_request", "The client did not say who it is (client_id).")
        if not is_loopback_uri(members.get("redirect_uri", "")):
            raise Refused(
                "invalid_request",
                "The client must return to this machine: redirect_uri must be http://127.0.0.1:PORT/… or "
                "http://localhost:PORT/….",
            )
        if members.get("response_type") != "code":
            return _back(members, error="unsupported_response_type")
        if members.get("code_challenge_method") != "S256" or len(members.get("code_challenge", "")) != 43:
            return _back(members, error="invalid_request", error_description="PKCE with S256 is required.")
        if "openid" not in members.get("scope", "").split():
            return _back(members, error="invalid_scope", error_description="The scope must contain openid.")
        if members.get("prompt") == "none":
            return _back(members, error="login_required")
        return None

    def _form(self, members: dict[str, str], name: str = "", error: str | None = None, status: int = 200) -> "Response":
        return _page(
            sign_in_page,
            status=status,
            back_to=members["redirect_uri"],
            client_id=members["client_id"],
            action=signing.ISSUER_PATH + "/authorize",
            hidden={member: members[member] for member in _REQUEST_MEMBERS if members.get(member)},
            name=name,
            error=error,
        )

    def _new_code(self, form: dict[str, str], user: Document, now: float) -> str:
        self._codes = {text: code for text, code in self._codes.items() if code.expires_at > now}
        text = secrets.token_urlsafe(32)
        self._codes[text] = _Code(
            form["client_id"], form["redirect_uri"], form["code_challenge"], user["UserId"], form["scope"],
            form.get("nonce"), now, now + CODE_SECONDS,
        )  # fmt: skip
        return text

    async def _record(
        self, request: "Request", form: dict[str, str], user: Document | None, now: float, *, ok: bool
    ) -> None:
        settings = self._plane.settings
        identity: dict[str, Any] = {
            "type": "IdentityCenterUser",
            "accountId": settings.account_id,
            "userName": user["UserName"] if user else _HIDDEN,
        }
        if user is not None and ok:
            identity["onBehalfOf"] = {
                "userId": user["UserId"],
                "identityStoreArn": identity_store.identity_store_arn(self._plane),
            }
        event: dict[str, Any] = {
            "eventVersion": "1.11", "eventID": str(uuid.uuid4()), "eventTime": now,
            "eventSource": "signin.amazonaws.com", "eventName": "UserAuthentication", "eventType": "AwsServiceEvent",
            "eventCategory": "Management", "readOnly": False, "managementEvent": True, "awsRegion": settings.region,
            "recipientAccountId": settings.account_id, "userIdentity": identity, "requestParameters": None,
            "responseElements": None, "requestID": str(uuid.uuid4()),
            "sourceIPAddress": request.client.host if request.client else "",
            "userAgent": request.headers.get("user-agent", "")[:1024],
            "additionalEventData": {"CredentialType": "PASSWORD", "LoginTo": form["client_id"]},
            "serviceEventDetails": {"UserAuthentication": "Success" if ok else "Failure"},
        }  # fmt: skip
        if not ok:
            event |= {"errorCode": "AccessDenied", "errorMessage": "The name or the password was wrong."}
        await self._plane.store.write(lambda tx: add_event(tx, self._plane, event))

    # --- tokens ---

    async def _exchange_code(self, form: dict[str, str]) -> dict[str, Any]:
        now = self._plane.clock()
        code = self._codes.pop(form.get("code", ""), None)
        if code is None or code.expires_at <= now:
            raise Refused("invalid_grant", "The code is not valid: it was used, or it has expired.")
        if code.client_id != form.get("client_id") or code.redirect_uri != form.get("redirect_uri"):
            raise Refused("invalid_grant", "The code was issued for another client or redirect_uri.")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if not _same(base64.urlsafe_b64encode(digest).decode().rstrip("="), code.challenge):
            raise Refused("invalid_grant", "The code_verifier does not fit the code_challenge.")
        return await self._tokens(code.user_id, code.client_id, code.scope, now, code.signed_in_at, nonce=code.nonce)

    async def _exchange_refresh_token(self, form: dict[str, str]) -> dict[str, Any]:
        now, client_id = self._plane.clock(), form.get("client_id", "")

        def take(tx: Transaction) -> Document | None:
            return store.take_refresh_token(
                tx, form.get("refresh_token", ""), issuer="idp", client_id=client_id, now=now
            )

        old = await self._plane.store.write(take)
        if old is None:
            raise Refused("invalid_grant", "The refresh token is not valid.")
        return await self._tokens(old["user_id"], client_id, old["scope"], now, old["signed_in_at"], old=old)

    async def _tokens(
        self, user_id: str, client_id: str, scope: str, now: float, signed_in_at: float, *,
        nonce: str | None = None, old: Document | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        issuer = signing.development_issuer(self._plane)
        user = self._plane.store.read(lambda tx: identity_store.get_user(tx, user_id))
        if user is None:
            raise Refused("invalid_grant", "The user is gone.")
        common = {"iss": issuer, "sub": user_id, "iat": int(now), "exp": int(now) + TOKEN_SECONDS}
        claims = {
            **common, "aud": client_id, "auth_time": int(signed_in_at), "jti": secrets.token_urlsafe(16),
            **_profile(user), **({"nonce": nonce} if nonce else {}),
        }  # fmt: skip
        access = {**common, "aud": issuer + "/userinfo", "client_id": client_id, "scope": scope}
        answer = {
            "access_token": signing.sign(self._plane, access),
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
            "id_token": signing.sign(self._plane, claims),
            "scope": scope,
        }
        if "offline_access" in scope.split():

            def new(tx: Transaction) -> str:
                return store.new_refresh_token(
                    tx, issuer="idp", client_id=client_id, user_id=user_id, scope=scope, signed_in_at=signed_in_at,
                    now=now, expires_at=old["expires_at"] if old else now + _REFRESH_SECONDS,
                    family=old["family"] if old else None,
                )  # fmt: skip

            answer["refresh_token"] = await self._plane.store.write(new)
        return answer


def is_loopback_uri(uri: str) -> bool:
    """Does the URI lead to a server on this machine, over http, and nowhere else?"""
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return False
    plain = all(" " < character < "\x7f" and character not in "\\<>\"'" for character in uri)
    return (
        plain
        and parts.scheme == "http"
        and parts.netloc in (f"127.0.0.1:{port}", f"localhost:{port}", "127.0.0.1", "localhost")
        and not parts.fragment
    )


def _profile(user: Document) -> dict[str, Any]:
    name = user.get("Name") or {}
    emails = user.get("Emails") or []
    claims = {
        "preferred_username": user["UserName"],
        "name": user.get("DisplayName"),
        "given_name": name.get("GivenName"),
        "family_name": name.get("FamilyName"),
        "email": emails[0].get("Value") if emails else None,
    }
    return {claim: value for claim, value in claims.items() if value} | ({"email_verified": True} if emails else {})


def _same(given: str, expected: str) -> bool:
    """Equality in a time that tells nothing, not even the length."""
    return hmac.compare_digest(hashlib.sha256(given.encode()).digest(), hashlib.sha256(expected.encode()).digest())


def _check_own_origin(request: "Request") -> None:
    """Only our own form may post here. Browsers say where a form came from."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise Refused("access_denied", "This form was sent from another site.", 403)


async def _form(request: "Request") -> dict[str, str]:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _MAX_FORM_BYTES:
            raise Refused("invalid_request", "The form is too large.", 413)
    try:
        return dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=50))
    except ValueError:
        raise Refused("invalid_request", "The form cannot be read.") from None


def _back(members: dict[str, str], **answer: str) -> "Response":
    from starlette.responses import RedirectResponse

    if members.get("state"):
        answer["state"] = members["state"]
    return RedirectResponse(_with(members["redirect_uri"], answer), status_code=303, headers=_UNCACHED)


def _with(uri: str, members: dict[str, str]) -> str:
    return uri + ("&" if urlsplit(uri).query else "?") + urlencode(members) if members else uri


_UNCACHED = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin"}


def _json(body: dict[str, Any], status: int = 200) -> "Response":
    from starlette.responses import JSONResponse

    return JSONResponse(body, status_code=status, headers=_UNCACHED)


def _page(render: Any, *texts: str, status: int = 200, back_to: str | None = None, **members: Any) -> "Response":
    """A page under a policy that lets it load and run nothing, and post only here."""
    from starlette.responses import HTMLResponse

    nonce = secrets.token_urlsafe(16)
    forms = "'self'"  # browsers hold the redirect that answers the form to this policy, too
    if back_to is not None:
        parts = urlsplit(back_to)
        forms += f" {parts.scheme}://{parts.netloc}"
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; form-action {forms}; frame-ancestors 'none'; base-uri 'none'"
    )
    return HTMLResponse(
        render(*texts, nonce=nonce, **members),
        status_code=status,
        headers={**_UNCACHED, "Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff"},
    )
