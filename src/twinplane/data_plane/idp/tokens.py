"""The development OpenID Connect provider's endpoints for clients: what it offers, its keys, tokens, who someone is."""

import secrets
from typing import TYPE_CHECKING, Any

from twinplane.data_plane.idp.authorize import is_loopback_uri
from twinplane.data_plane.idp.pages import message_page
from twinplane.data_plane.idp.web import Refused, back_answer, form_of, json_answer, page_answer
from twinplane.data_plane.services.identitystore import store as identity_store
from twinplane.data_plane.services.ssooidc import signing, store
from twinplane.data_plane.services.ssooidc.rules import is_verified
from twinplane.data_plane.store import Document, Transaction

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from twinplane.data_plane.plane import Plane

TOKEN_SECONDS = 3600
_REFRESH_SECONDS = 8 * 3600


class Provider:
    """The provider of one plane, as its clients see it."""

    def __init__(self, plane: "Plane") -> None:
        self._plane = plane

    async def discovery(self, _request: "Request") -> "Response":
        issuer = signing.development_issuer(self._plane)
        return json_answer(
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
        return json_answer({"keys": signing.public_key_set(self._plane)})

    async def token(self, request: "Request") -> "Response":
        try:
            form = await form_of(request)
            grant_type = form.get("grant_type")
            if grant_type == "authorization_code":
                return json_answer(await self._exchange_code(form))
            if grant_type == "refresh_token":
                return json_answer(await self._exchange_refresh_token(form))
            raise Refused("unsupported_grant_type", "grant_type must be authorization_code or refresh_token.")
        except Refused as error:
            return json_answer({"error": error.error, "error_description": error.description}, error.status)

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
                user = self._plane.store.read(lambda tx: identity_store.find_active_user(tx, claims["sub"]))
        if user is None:
            response = json_answer({"error": "invalid_token"}, 401)
            response.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
            return response
        return json_answer({"sub": user["UserId"], **_profile(user)})

    async def end_session(self, request: "Request") -> "Response":
        """There is no session here to end: every sign-in asks for the password. Goes back where it was asked to."""
        members = dict(request.query_params) if request.method == "GET" else await form_of(request)
        target = members.get("post_logout_redirect_uri")
        if target and is_loopback_uri(target):
            return back_answer(target, {"state": members["state"]} if members.get("state") else {})
        return page_answer(message_page, "Signed out", "You are signed out. You can close this page.")

    # --- tokens ---

    async def _exchange_code(self, form: dict[str, str]) -> dict[str, Any]:
        now = self._plane.clock()
        code = await self._plane.store.write(
            lambda tx: store.take_code(tx, form.get("code", ""), issuer="idp", now=now)
        )  # fmt: skip
        if code is None:
            raise Refused("invalid_grant", "The code is not valid: it was used, or it has expired.")
        if code["client_id"] != form.get("client_id") or code["redirect_uri"] != form.get("redirect_uri"):
            raise Refused("invalid_grant", "The code was issued for another client or redirect_uri.")
        if not is_verified(form.get("code_verifier"), code["challenge"]):
            raise Refused("invalid_grant", "The code_verifier does not fit the code_challenge.")
        ends_at = now + _REFRESH_SECONDS
        return await self._tokens(code, code["client_id"], now, ends_at)

    async def _exchange_refresh_token(self, form: dict[str, str]) -> dict[str, Any]:
        now, client_id = self._plane.clock(), form.get("client_id", "")

        def take(tx: Transaction) -> Document | None:
            return store.take_refresh_token(
                tx, form.get("refresh_token", ""), issuer="idp", client_id=client_id, now=now
            )

        old = await self._plane.store.write(take)
        if old is None:
            raise Refused("invalid_grant", "The refresh token is not valid.")
        return await self._tokens(old, client_id, now, old["expires_at"])

    async def _tokens(self, came: Document, client_id: str, now: float, ends_at: float) -> dict[str, Any]:
        """The tokens for what came of a sign-in: a code or an earlier refresh token. It ends at `ends_at`."""
        issuer, user_id, scope = signing.development_issuer(self._plane), came["user_id"], came["scope"]
        user = self._plane.store.read(lambda tx: identity_store.find_active_user(tx, user_id))
        if user is None:
            raise Refused("invalid_grant", "The user is gone.")
        nonce = came.get("nonce")
        common = {"iss": issuer, "sub": user_id, "iat": int(now), "exp": int(now) + TOKEN_SECONDS}
        claims = {
            **common, "aud": client_id, "auth_time": int(came["signed_in_at"]), "jti": secrets.token_urlsafe(16),
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
            answer["refresh_token"] = await self._plane.store.write(
                lambda tx: store.new_refresh_token(
                    tx, issuer="idp", client_id=client_id, user_id=user_id, scope=scope, now=now, expires_at=ends_at,
                    signed_in_at=came["signed_in_at"], family=came["family"],
                )
            )  # fmt: skip
        return answer


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
