"""Tokens for applications: a trusted issuer's token, a code or an earlier token in, one that names the person out."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from twinplane.data_plane.call import Answer, Call, Request
from twinplane.data_plane.services.iam.evaluation import may_act_on
from twinplane.data_plane.services.iam.policy import compile_policy
from twinplane.data_plane.services.iam.rules import denied, policies_of, request_context
from twinplane.data_plane.services.identitystore import store as identity_store
from twinplane.data_plane.services.ssoadmin import store as sso_store
from twinplane.data_plane.services.ssoadmin.rules import AUTHORIZATION_CODE, JWT_BEARER, REFRESH, TOKEN_EXCHANGE
from twinplane.data_plane.services.ssooidc import issuers, signing, store
from twinplane.data_plane.services.ssooidc.errors import refused
from twinplane.data_plane.services.ssooidc.rules import (
    CONTEXT_SCOPE,
    CONTEXT_SECONDS,
    AccessToken,
    ExpiredContext,
    IdentityContext,
    InvalidContext,
    RefusedClaims,
    check_claims,
    claim,
    granted_scopes,
    is_verified,
    open_access_token,
    seal_access_token,
    seal_context,
    still_granted,
)
from twinplane.data_plane.store import Document, Transaction

_ACTION = "sso-oauth:CreateTokenWithIAM"
_REFRESH_SECONDS = 8 * 3600  # as long as a sign-in to the access portal lasts by default
_MAX_ASSERTION = 16_384
_ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a type's name
_REFRESH_TOKEN = "urn:ietf:params:oauth:token-type:refresh_token"  # noqa: S105 - a type's name


@dataclass(frozen=True, slots=True)
class _Person:
    """Whom the tokens are for, and what came before them."""

    user_id: str
    scopes: list[str]
    family: str | None = None
    ends_at: float | None = None


async def create_token_with_iam(call: Call, request: Request) -> Answer:
    """Tokens of Identity Center that name a person, for what the grant type says: see `_GRANTS`."""
    grant_type = request["grantType"]
    if grant_type not in _GRANTS:
        raise refused("UnsupportedGrantTypeException", f"The grant type {grant_type} is not one of applications.")
    application = call.plane.store.read(lambda tx: _application(tx, request["clientId"]))
    if grant_type not in application["grants"]:
        raise refused("UnauthorizedClientException", f"The application has no grant of type {grant_type}.")
    call.resources.append({"ARN": application["ApplicationArn"], "type": "AWS::SSO::Application"})
    member, exchange = _GRANTS[grant_type]
    if not request.get(member):
        raise refused("InvalidRequestException", f"{member} is required for this grant type.")
    person = await exchange(call, request, application)

    def answer(tx: Transaction) -> Answer:
        found = person(tx)
        if not sso_store.may_use(tx, _application(tx, application["ApplicationArn"]), found.user_id):
            raise refused("AccessDeniedException", "The user is not assigned to the application.")
        return _tokens(call, tx, application, found, request.get("requestedTokenType"))

    return await call.commit(answer)


async def _of_assertion(call: Call, request: Request, application: Document) -> Callable[[Transaction], _Person]:
    """A token of an issuer that the application trusts, used once."""
    assertion, scopes = request["assertion"], _scopes(request, application)
    if len(assertion) > _MAX_ASSERTION:
        raise refused("InvalidRequestException", f"The assertion is longer than {_MAX_ASSERTION} characters.")
    try:
        issuer, audiences = call.plane.store.read(lambda tx: _trusted(tx, application, issuers.peek_issuer(assertion)))
        claims = await issuers.verified_claims(call.plane, issuer["issuer_url"], assertion)
        check_claims(claims, audiences, call.now)
        value = claim(claims, issuer["oidc"]["ClaimAttributePath"])
    except (issuers.BadAssertion, RefusedClaims) as error:
        raise refused("InvalidGrantException", str(error)) from None

    def person(tx: Transaction) -> _Person:
        user_id = _one_user(tx, issuer["oidc"]["IdentityStoreAttributePath"], value)
        if not store.use_assertion(tx, issuer["issuer_url"], claims["jti"], float(claims["exp"]), call.now):
            raise refused("InvalidGrantException", "The assertion was used before.")
        return _Person(user_id, scopes)

    return person


async def _of_refresh_token(call: Call, request: Request, application: Document) -> Callable[[Transaction], _Person]:
    """An earlier token of the same sign-in. It keeps its scopes, as far as the application still has them."""
    arn = application["ApplicationArn"]
    # By itself: a token used twice ends its family though we then refuse.
    found = await call.plane.store.write(
        lambda tx: store.take_refresh_token(tx, request["refreshToken"], issuer="sso", client_id=arn, now=call.now)
    )
    if found is None:
        raise refused("InvalidGrantException", "The refresh token is not valid.")
    scopes = still_granted(found["scopes"], application["scopes"])
    return lambda _tx: _Person(found["user_id"], scopes, found["family"], found["expires_at"])


async def _of_code(call: Call, request: Request, application: Document) -> Callable[[Transaction], _Person]:
    """What the person's browser brought back from signing in."""
    found = await call.plane.store.write(
        lambda tx: store.take_code(tx, request["code"], issuer="sso", now=call.now)
    )  # fmt: skip
    if (
        found is None
        or found["client_id"] != application["ApplicationArn"]
        or found["redirect_uri"] != request.get("redirectUri")
        or not is_verified(request.get("codeVerifier"), found["challenge"])
    ):
        raise refused("InvalidGrantException", "The code is not valid: it was used, has expired, or is another's.")
    asked = request.get("scope") or found["scopes"] or None
    scopes = _scopes({"scope": asked}, application)
    return lambda _tx: _Person(found["user_id"], scopes, found["family"])


async def _of_token(call: Call, request: Request, application: Document) -> Callable[[Transaction], _Person]:
    """An access token of another application, one of whose scopes is meant for this one."""
    if request.get("subjectTokenType") != _ACCESS_TOKEN:
        raise refused("InvalidRequestException", f"subjectTokenType must be {_ACCESS_TOKEN}.")
    if request.get("requestedTokenType") not in (None, _ACCESS_TOKEN, _REFRESH_TOKEN):
        raise refused("InvalidRequestException", "requestedTokenType must be an access token or a refresh token.")
    scopes, key = _scopes(request, application), call.plane.keys.derive("identity center access token")
    try:
        token = open_access_token(key, request["subjectToken"], call.now)
    except ExpiredContext:
        raise refused("ExpiredTokenException", "The subject token has expired.") from None
    except InvalidContext:
        raise refused("InvalidGrantException", "The subject token is not an access token of this instance.") from None

    def person(tx: Transaction) -> _Person:
        other = sso_store.find_application(tx, token.application_arn)
        if other is None or not sso_store.may_use(tx, other, token.user_id):
            raise refused("InvalidGrantException", "The subject token is not valid any more.")
        targets = [target for scope in token.scopes for target in other["scopes"].get(scope, ())]
        if application["ApplicationArn"] not in targets:
            raise refused("AccessDeniedException", "No scope of the subject token is meant for this application.")
        return _Person(token.user_id, scopes)

    return person


_GRANTS: dict[str, tuple[str, Callable[[Call, Request, Document], Awaitable[Callable[[Transaction], _Person]]]]] = {
    JWT_BEARER: ("assertion", _of_assertion),
    REFRESH: ("refreshToken", _of_refresh_token),
    AUTHORIZATION_CODE: ("code", _of_code),
    TOKEN_EXCHANGE: ("subjectToken", _of_token),
}


def _application(tx: Transaction, client_id: str) -> Document:
    application = sso_store.find_application(tx, client_id)
    if application is None or application["Status"] != "ENABLED":
        raise refused("InvalidClientException", "There is no such client, or it is disabled.")
    return application


def _trusted(tx: Transaction, application: Document, issuer_url: str) -> tuple[Document, list[str]]:
    """The trusted token issuer of this URL (compared exactly) and the audiences the application authorizes for it."""
    for authorized in application["grants"][JWT_BEARER]["JwtBearer"]["AuthorizedTokenIssuers"]:
        issuer = sso_store.find_issuer(tx, authorized["TrustedTokenIssuerArn"])
        if issuer is not None and issuer["issuer_url"] == issuer_url:
            return issuer, authorized["AuthorizedAudiences"]
    raise issuers.BadAssertion("The issuer of the assertion is not authorized for the application.")


def _scopes(request: Request, application: Document) -> list[str]:
    try:
        return granted_scopes(request.get("scope"), application["scopes"])
    except LookupError as error:
        raise refused("InvalidScopeException", f"The application has no scope {error.args[0]}.") from None


def _one_user(tx: Transaction, attribute: str, value: str) -> str:
    column = {"userName": "name_key", "emails.value": "email_key"}[attribute]
    found = tx.select(identity_store.USERS, {column: identity_store.fold(value)}, limit=2)
    if len(found) != 1:
        raise refused("InvalidGrantException", "The assertion does not name exactly one user of the identity store.")
    return str(found[0]["UserId"])


def _tokens(call: Call, tx: Transaction, application: Document, person: _Person, wanted: str | None) -> Answer:
    plane, arn = call.plane, application["ApplicationArn"]
    context = IdentityContext(person.user_id, arn, call.now + CONTEXT_SECONDS)
    access = AccessToken(person.user_id, arn, context.expires_at, person.scopes)
    claims: dict[str, Any] = {
        "iss": "https://identitycenter.amazonaws.com/" + application["InstanceArn"].rpartition("/")[2],
        "sub": person.user_id, "aud": arn, "iat": int(call.now), "auth_time": int(call.now),
        "exp": int(call.now) + CONTEXT_SECONDS, "jti": secrets.token_urlsafe(16), "act": {"sub": call.principal.arn},
        "aws:identity_store_id": identity_store.identity_store_id(plane),
        "aws:identity_store_arn": application["IdentityStoreArn"], "aws:instance_arn": application["InstanceArn"],
    }  # fmt: skip
    answer: Answer = {
        "accessToken": seal_access_token(plane.keys.derive("identity center access token"), access),
        "tokenType": "Bearer",
        "expiresIn": CONTEXT_SECONDS,
        "issuedTokenType": wanted or _ACCESS_TOKEN,
        "scope": person.scopes,
    }
    if CONTEXT_SCOPE in person.scopes:
        text = seal_context(plane.keys.derive("identity context"), context)
        claims |= {
            "sts:identity_context": text,
            "sts:audit_context": seal_context(plane.keys.derive("audit context"), context),
        }
        answer["awsAdditionalDetails"] = {"identityContext": text}
    if REFRESH in application["grants"]:
        answer["refreshToken"] = store.new_refresh_token(
            tx, issuer="sso", client_id=arn, user_id=person.user_id, scopes=person.scopes, now=call.now,
            expires_at=person.ends_at or call.now + _REFRESH_SECONDS, family=person.family,
        )  # fmt: skip
    elif wanted == _REFRESH_TOKEN:
        raise refused("UnauthorizedClientException", "The application has no grant of type refresh_token.")
    answer["idToken"] = signing.sign(plane, claims)
    return answer


def may_use_client(call: Call, request: Request) -> None:
    """The caller's own policies and the application's actor policy must let it act for the application."""
    application = _application(call.tx, request["clientId"])
    caller = policies_of(call.tx, call.principal)
    text = application["actor_policy"]
    if text is None:
        raise refused("InvalidClientException", "The application has no IAM authentication method.")
    policy = compile_policy(text, "resource")
    arn = application["ApplicationArn"]
    if caller is None or not may_act_on(policy, caller, call.principal, _ACTION, arn, request_context(call)):
        raise denied(call.principal, _ACTION, arn)
