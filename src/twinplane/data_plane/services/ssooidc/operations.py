"""Identity Center's token endpoint for applications: a token of a trusted issuer in, one that names the person out."""

import secrets
from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, streams
from twinplane.data_plane.services.iam.evaluation import may_act_on
from twinplane.data_plane.services.iam.policy import compile_policy
from twinplane.data_plane.services.iam.rules import denied, policies_of, request_context
from twinplane.data_plane.services.identitystore import store as identity_store
from twinplane.data_plane.services.ssoadmin import store as sso_store
from twinplane.data_plane.services.ssoadmin.rules import JWT_BEARER, REFRESH
from twinplane.data_plane.services.ssooidc import issuers, signing, store
from twinplane.data_plane.services.ssooidc.rules import (
    CONTEXT_SCOPE,
    CONTEXT_SECONDS,
    IdentityContext,
    RefusedClaims,
    check_claims,
    claim,
    granted_scopes,
    seal_context,
)
from twinplane.data_plane.store import Document, Kind, Transaction
from twinplane.data_plane.tasks import TaskKind

_ACTION = "sso-oauth:CreateTokenWithIAM"
_REFRESH_SECONDS = 8 * 3600  # as long as a sign-in to the access portal lasts by default
_ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a type's name


async def create_token_with_iam(call: Call, request: Request) -> Answer:
    """Exchanges a trusted issuer's token (jwt-bearer) or an earlier refresh token for tokens of Identity Center."""
    grant_type = request["grantType"]
    if grant_type not in (JWT_BEARER, REFRESH):
        raise _refused("UnsupportedGrantTypeException", f"The grant type {grant_type} is not served.")
    application = call.plane.store.read(lambda tx: _application(tx, request["clientId"]))
    if grant_type not in application["grants"]:
        raise _refused("UnauthorizedClientException", f"The application has no grant of type {grant_type}.")
    call.resources.append({"ARN": application["ApplicationArn"], "type": "AWS::SSO::Application"})
    if grant_type == JWT_BEARER:
        return await _exchange_assertion(call, request, application)
    return await _exchange_refresh_token(call, request, application)


async def _exchange_assertion(call: Call, request: Request, application: Document) -> Answer:
    assertion = request.get("assertion")
    if not assertion:
        raise _refused("InvalidRequestException", "assertion is required for this grant type.")
    scopes = _scopes(request, application)
    try:
        issuer, audiences = call.plane.store.read(lambda tx: _trusted(tx, application, issuers.peek_issuer(assertion)))
        claims = await issuers.verified_claims(call.plane, issuer["issuer_url"], assertion)
        check_claims(claims, audiences, call.now)
        value = claim(claims, issuer["oidc"]["ClaimAttributePath"])
    except (issuers.BadAssertion, RefusedClaims) as error:
        raise _refused("InvalidGrantException", str(error)) from None

    def accept(tx: Transaction) -> tuple[str, str | None]:
        user_id = _one_user(tx, issuer["oidc"]["IdentityStoreAttributePath"], value)
        _check_may_use(tx, application["ApplicationArn"], user_id)
        if not store.use_assertion(tx, issuer["issuer_url"], claims["jti"], float(claims["exp"]), call.now):
            raise _refused("InvalidGrantException", "The assertion was used before.")
        return user_id, _refresh_token(call, tx, application, user_id, scopes)

    user_id, refresh_token = await call.plane.store.write(accept)
    return _tokens(call, application, user_id, scopes, refresh_token)


async def _exchange_refresh_token(call: Call, request: Request, application: Document) -> Answer:
    token = request.get("refreshToken")
    if not token:
        raise _refused("InvalidRequestException", "refreshToken is required for this grant type.")
    arn = application["ApplicationArn"]

    def take(tx: Transaction) -> Document | None:
        return store.take_refresh_token(tx, token, issuer="sso", client_id=arn, now=call.now)

    found = await call.plane.store.write(take)  # by itself: a token used twice ends its family though we then refuse
    if found is None:
        raise _refused("InvalidGrantException", "The refresh token is not valid.")
    scopes, user_id = found["scopes"], found["user_id"]

    def renew(tx: Transaction) -> str | None:
        _check_may_use(tx, arn, user_id)
        return _refresh_token(call, tx, application, user_id, scopes, found)

    return _tokens(call, application, user_id, scopes, await call.plane.store.write(renew))


def _application(tx: Transaction, client_id: str) -> Document:
    application = sso_store.find_application(tx, client_id)
    if application is None or application["Status"] != "ENABLED":
        raise _refused("InvalidClientException", "There is no such client, or it is disabled.")
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
        raise _refused("InvalidScopeException", f"The application has no scope {error.args[0]}.") from None


def _one_user(tx: Transaction, attribute: str, value: str) -> str:
    column = {"userName": "name_key", "emails.value": "email_key"}[attribute]
    found = tx.select(identity_store.USERS, {column: identity_store.fold(value)}, limit=2)
    if len(found) != 1:
        raise _refused("InvalidGrantException", "The assertion does not name exactly one user of the identity store.")
    return str(found[0]["UserId"])


def _check_may_use(tx: Transaction, application_arn: str, user_id: str) -> None:
    if not sso_store.may_use(tx, _application(tx, application_arn), user_id):
        raise _refused("AccessDeniedException", "The user is not assigned to the application.")


def _refresh_token(
    call: Call, tx: Transaction, application: Document, user_id: str, scopes: list[str], old: Document | None = None
) -> str | None:
    if REFRESH not in application["grants"]:
        return None
    return store.new_refresh_token(
        tx, issuer="sso", client_id=application["ApplicationArn"], user_id=user_id, scopes=scopes, now=call.now,
        expires_at=old["expires_at"] if old else call.now + _REFRESH_SECONDS, family=old["family"] if old else None,
    )  # fmt: skip


def _tokens(call: Call, application: Document, user_id: str, scopes: list[str], refresh_token: str | None) -> Answer:
    plane, arn = call.plane, application["ApplicationArn"]
    context = IdentityContext(user_id, arn, call.now + CONTEXT_SECONDS)
    claims: dict[str, Any] = {
        "iss": "https://identitycenter.amazonaws.com/" + application["InstanceArn"].rpartition("/")[2],
        "sub": user_id, "aud": arn, "iat": int(call.now), "auth_time": int(call.now),
        "exp": int(call.now) + CONTEXT_SECONDS, "jti": secrets.token_urlsafe(16), "act": {"sub": call.principal.arn},
        "aws:identity_store_id": identity_store.identity_store_id(plane),
        "aws:identity_store_arn": application["IdentityStoreArn"], "aws:instance_arn": application["InstanceArn"],
    }  # fmt: skip
    answer: Answer = {
        "accessToken": seal_context(plane.keys.derive("identity center access token"), context),
        "tokenType": "Bearer",
        "expiresIn": CONTEXT_SECONDS,
        "issuedTokenType": _ACCESS_TOKEN,
        "scope": scopes,
    }
    if CONTEXT_SCOPE in scopes:
        text = seal_context(plane.keys.derive("identity context"), context)
        claims |= {
            "sts:identity_context": text,
            "sts:audit_context": seal_context(plane.keys.derive("audit context"), context),
        }
        answer["awsAdditionalDetails"] = {"identityContext": text}
    if refresh_token is not None:
        answer["refreshToken"] = refresh_token
    answer["idToken"] = signing.sign(plane, claims)
    return answer


def _may_use_client(call: Call, request: Request) -> None:
    """The caller's own policies and the application's actor policy must let it act for the application."""
    application = _application(call.tx, request["clientId"])
    caller = policies_of(call.tx, call.principal)
    text = application["actor_policy"]
    if text is None:
        raise _refused("InvalidClientException", "The application has no IAM authentication method.")
    policy = compile_policy(text, "resource")
    arn = application["ApplicationArn"]
    if caller is None or not may_act_on(policy, caller, call.principal, _ACTION, arn, request_context(call)):
        raise denied(call.principal, _ACTION, arn)


_OAUTH_ERRORS = {
    "InvalidRequestException": "invalid_request",
    "InvalidClientException": "invalid_client",
    "InvalidGrantException": "invalid_grant",
    "UnauthorizedClientException": "unauthorized_client",
    "UnsupportedGrantTypeException": "unsupported_grant_type",
    "InvalidScopeException": "invalid_scope",
    "AccessDeniedException": "access_denied",
}


def _refused(code: str, message: str) -> ServiceError:
    return ServiceError(code, message, error=_OAUTH_ERRORS[code], error_description=message)


OPERATIONS: dict[str, Operation] = {"CreateTokenWithIAM": streams(create_token_with_iam, _may_use_client)}
KINDS: list[Kind] = store.KINDS
TASKS: dict[str, TaskKind] = {}
