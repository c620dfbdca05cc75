"""AssumeRoleWithWebIdentity: a token of an identity provider that IAM knows, for a session of a role that trusts it.

Nobody signs this request: the token is all there is. What is asked of it comes first; whether the role exists or trusts
the token's subject is one answer.
"""

from datetime import UTC, datetime
from typing import Any

from twinplane.data_plane import sessions
from twinplane.data_plane.call import Answer, Call, Principal, Request, ServiceError
from twinplane.data_plane.services.iam import store as iam_store
from twinplane.data_plane.services.iam.evaluation import PolicySet, evaluate, trusts_provider
from twinplane.data_plane.services.iam.oidc_providers import find_provider, issuer_name
from twinplane.data_plane.services.iam.policy import Context, Values, compile_policy
from twinplane.data_plane.services.iam.rules import policies_of, request_context
from twinplane.data_plane.services.ssooidc import issuers
from twinplane.data_plane.services.sts.rules import (
    actions_of_session,
    check_session_name,
    check_session_policies,
    claimed_tags,
    condition_values,
    duration_seconds,
    invalid,
    session_tags,
    source_identity_of,
)
from twinplane.data_plane.store import Document, Transaction

_ACTION = "sts:AssumeRoleWithWebIdentity"
_CLOCK_SKEW_SECONDS = 300


async def assume_role_with_web_identity(call: Call, request: Request) -> Answer:
    """Credentials for a session of a role, for the subject of the token."""
    check_session_name(request["RoleSessionName"])
    if request.get("ProviderId"):
        raise invalid("ProviderId is for OAuth 2.0 access tokens of old; OpenID Connect tokens name their issuer.")
    token = request["WebIdentityToken"]
    try:
        issuer = issuers.peek_issuer(token)
        provider = call.plane.store.read(lambda tx: find_provider(tx, issuer))
        if provider is None:
            raise _bad_token(f"No OpenIDConnect provider found in your account for {issuer}")
        claims = await issuers.verified_claims(call.plane, issuer, token)
    except issuers.KeysUnavailable as error:
        raise ServiceError("IDPCommunicationErrorException", str(error)) from None
    except issuers.BadAssertion as error:
        raise _bad_token(str(error)) from None
    audience = _check_claims(claims, provider, call.now)
    call.principal = Principal(
        "WebIdentityUser", call.account_id, "", session_name=claims["sub"], federated_provider=provider["Arn"]
    )
    return call.plane.store.read(lambda tx: _session(tx, call, request, claims, provider, audience))


def session_policies(tx: Transaction, request: Request) -> dict[str, Any]:
    """The policies that limit the new session, as `sessions.issue` takes them. Raises `ServiceError`."""
    check_session_policies(request)
    arns = tuple(policy.get("arn", "") for policy in request.get("PolicyArns") or ())
    for arn in arns:
        if iam_store.managed_policy(tx, arn) is None:
            raise invalid(f"The policy {arn} does not exist.")
    return {"session_policy": request.get("Policy"), "session_policy_arns": arns}


def _session(
    tx: Transaction, call: Call, request: Request, claims: dict[str, Any], provider: Document, audience: str
) -> Answer:
    call.transaction = tx
    role = iam_store.find_role_by_arn(tx, request["RoleArn"])
    source_identity = source_identity_of(claims.get("https://aws.amazon.com/source_identity"), call.principal)
    tags, transitive = session_tags(*claimed_tags(claims), call.principal)
    values = {
        **condition_values(request, source_identity, tags, transitive),
        **_token_values(claims, provider, audience),
    }
    known = ("sts:", "aws:requesttag/", "aws:tagkeys", issuer_name(provider["url"]).lower() + ":")
    context = request_context(call, values, known=known)
    caller = policies_of(tx, call.principal) or PolicySet(())
    for action in [_ACTION, *actions_of_session(source_identity, tags)]:
        if role is None or not _trusted(role, provider, caller, action, context):
            raise ServiceError("AccessDeniedException", f"Not authorized to perform {action}", 403)
    assert role is not None  # an action at least was asked for
    name = request["RoleSessionName"]
    credentials = sessions.issue(
        call.plane, now=call.now, role_arn=role["Arn"], session_name=name,
        duration_seconds=duration_seconds(request, call.principal, role["MaxSessionDuration"]),
        source_identity=source_identity, session_tags=tags, transitive_tags=transitive,
        federated_provider=provider["Arn"], **session_policies(tx, request),
    )  # fmt: skip
    call.resources.append({"ARN": role["Arn"], "type": "AWS::IAM::Role"})
    answer: Answer = {
        "Credentials": credentials,
        "SubjectFromWebIdentityToken": claims["sub"],
        "AssumedRoleUser": {
            "AssumedRoleId": f"{role['RoleId']}:{name}", "Arn": sessions.session_arn(role["Arn"], name),
        },
        "Provider": claims["iss"],
        "Audience": audience,
    }  # fmt: skip
    return answer if source_identity is None else answer | {"SourceIdentity": source_identity}


def _trusted(role: Document, provider: Document, caller: PolicySet, action: str, context: Context) -> bool:
    trust = compile_policy(role["AssumeRolePolicyDocument"], "trust")
    if not trusts_provider(trust, provider["Arn"], action, context):
        return False
    return evaluate(caller, action, role["Arn"], context, "caller").decision == "allowed"


def _check_claims(claims: dict[str, Any], provider: Document, now: float) -> str:
    """The audience the token is for. Raises `ServiceError` when it is not for us, not now, or of nobody."""
    for member, kind in (("sub", str), ("aud", (str, list)), ("exp", (int, float)), ("iat", (int, float))):
        if not isinstance(claims.get(member), kind) or not claims[member]:
            raise _bad_token(f"Missing a required claim: {member}")
    if not claims["exp"] > now:
        raise ServiceError(
            "ExpiredTokenException",
            f"Token expired: current date/time {_shown(now)} must be before the expiration date/time "
            f"{_shown(claims['exp'])}",
        )
    for member in ("iat", "nbf"):
        moment = claims.get(member, 0)
        if not isinstance(moment, (int, float)) or not moment <= now + _CLOCK_SKEW_SECONDS:
            raise ServiceError("IDPRejectedClaimException", f"The token is not valid yet, by its claim {member}.")
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    meant = [claims["azp"]] if isinstance(claims.get("azp"), str) else audiences
    for audience in meant:
        if audience in provider["client_ids"]:
            return str(audience)
    raise _bad_token("Incorrect token audience")


def _token_values(claims: dict[str, Any], provider: Document, audience: str) -> Values:
    """The condition keys that a trust policy can ask about the token."""
    name = issuer_name(provider["url"])
    values: dict[str, str | tuple[str, ...]] = {f"{name}:sub": claims["sub"], f"{name}:aud": audience}
    if isinstance(claims.get("azp"), str):
        given = claims["aud"]
        values |= {f"{name}:azp": claims["azp"], f"{name}:oaud": tuple(given) if isinstance(given, list) else given}
    if isinstance(claims.get("amr"), list):
        values[f"{name}:amr"] = tuple(str(method) for method in claims["amr"])
    return values


def _shown(seconds: float) -> str:
    seconds = min(max(seconds, 0.0), 4e9) if seconds == seconds else 0.0  # a token may say anything
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _bad_token(message: str) -> ServiceError:
    return ServiceError("InvalidIdentityTokenException", message)
