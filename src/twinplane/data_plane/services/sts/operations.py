"""AWS Security Token Service: who am I, and temporary credentials of roles and users.

Nothing is stored: see `sessions`.
"""

from typing import Any

from twinplane.data_plane import sessions
from twinplane.data_plane.call import (
    Answer,
    Call,
    Operation,
    Request,
    ServiceError,
    anyone,
    reads,
    streams,
    unsigned,
)
from twinplane.data_plane.services.iam import store as iam_store
from twinplane.data_plane.services.iam.evaluation import may_act_on
from twinplane.data_plane.services.iam.policy import compile_policy
from twinplane.data_plane.services.iam.rules import denied, iam, policies_of, request_context, require
from twinplane.data_plane.services.ssoadmin import store as sso_store
from twinplane.data_plane.services.ssooidc.rules import (
    CONTEXT_PROVIDER,
    ExpiredContext,
    InvalidContext,
    open_context,
)
from twinplane.data_plane.services.sts.rules import (
    actions_of,
    check_session_name,
    check_session_policies,
    condition_values,
    duration_seconds,
    invalid,
    session_tags,
    source_identity_of,
    users_duration_seconds,
)
from twinplane.data_plane.services.sts.web_identity import assume_role_with_web_identity, session_policies
from twinplane.data_plane.store import Document, Kind
from twinplane.data_plane.tasks import TaskKind


def get_caller_identity(call: Call, _request: Request) -> Answer:
    return {
        "UserId": iam_store.principal_id(call.tx, call.principal),
        "Account": call.principal.account_id,
        "Arn": call.principal.arn,
    }


def assume_role(call: Call, request: Request) -> Answer:
    """Credentials for a session of the role.

    With the identity context of a person the session acts on her behalf, as far as the services ask who she is.
    """
    role = _role(call, request)
    name = request["RoleSessionName"]
    check_session_name(name)
    if request.get("SerialNumber") or request.get("TokenCode"):
        raise _no_such_device()
    source_identity = source_identity_of(request.get("SourceIdentity"), call.principal)
    tags, transitive = _tags(call, request)
    seconds = duration_seconds(request, call.principal, role["MaxSessionDuration"])
    credentials = sessions.issue(
        call.plane, now=call.now, role_arn=role["Arn"], session_name=name, duration_seconds=seconds,
        source_identity=source_identity, session_tags=tags, transitive_tags=transitive,
        on_behalf_of=_person(call, request), **session_policies(call.tx, request),
    )  # fmt: skip
    call.resources.append({"ARN": role["Arn"], "type": "AWS::IAM::Role"})
    answer: Answer = {
        "Credentials": credentials,
        "AssumedRoleUser": {
            "AssumedRoleId": f"{role['RoleId']}:{name}", "Arn": sessions.session_arn(role["Arn"], name),
        },
    }  # fmt: skip
    return answer if source_identity is None else answer | {"SourceIdentity": source_identity}


def get_session_token(call: Call, request: Request) -> Answer:
    """Credentials of the calling user that end. They may not call IAM, nor most of STS."""
    user_arn = _signed_by_user(call)
    if request.get("SerialNumber") or request.get("TokenCode"):
        raise _no_such_device()
    seconds = users_duration_seconds(request)
    return {
        "Credentials": sessions.issue(
            call.plane, now=call.now, user_arn=user_arn, session_name="", duration_seconds=seconds
        )
    }


def get_federation_token(call: Call, request: Request) -> Answer:
    """Credentials for somebody the calling user vouches for: what both the user and the given policies allow."""
    user_arn = _signed_by_user(call)
    check_session_policies(request)
    credentials = sessions.issue(
        call.plane, now=call.now, user_arn=user_arn, session_name=request["Name"],
        duration_seconds=users_duration_seconds(request), session_tags=_tags(call, request)[0],
        **session_policies(call.tx, request),
    )  # fmt: skip
    return {
        "Credentials": credentials,
        "FederatedUser": {
            "FederatedUserId": f"{call.account_id}:{request['Name']}",
            "Arn": sessions.federated_arn(call.account_id, request["Name"]),
        },
    }


def get_access_key_info(call: Call, request: Request) -> Answer:
    if iam_store.find_access_key(call.tx, request["AccessKeyId"]) is None:
        raise invalid("The access key id is not one of a user of this plane.")
    return {"Account": call.account_id}


def assume_role_with_saml(_call: Call, _request: Request) -> Answer:
    raise ServiceError("NotImplemented", "AssumeRoleWithSAML of sts is not served here.", 501)


def _role(call: Call, request: Request) -> Document:
    role = iam_store.find_role_by_arn(call.tx, request["RoleArn"])
    if role is None:  # who may not assume a role does not learn whether there is one
        raise denied(call.principal, "sts:AssumeRole", request["RoleArn"])
    return role


def _tags(call: Call, request: Request) -> Any:
    return session_tags(request.get("Tags") or [], request.get("TransitiveTagKeys") or [], call.principal)


def _signed_by_user(call: Call) -> str:
    """The ARN of the user whose access key signed. Raises `ServiceError` AccessDeniedException for sessions."""
    if call.principal.kind != "IAMUser" or call.principal.expires_at is not None:
        raise ServiceError("AccessDeniedException", f"Cannot call {call.operation} with session credentials")
    return call.principal.arn


def _no_such_device() -> ServiceError:
    return ServiceError(
        "AccessDeniedException",
        "MultiFactorAuthentication failed, unable to validate MFA code: there are no devices here.",
    )


def _person(call: Call, request: Request) -> str | None:
    """The identity-store id of the person whose identity context the request provides."""
    contexts = request.get("ProvidedContexts") or []
    if not contexts:
        return None
    if len(contexts) > 1 or contexts[0].get("ProviderArn") != CONTEXT_PROVIDER:
        raise invalid(f"ProvidedContexts can hold one context, of the provider {CONTEXT_PROVIDER}.")
    assertion = contexts[0].get("ContextAssertion") or ""
    try:
        context = open_context(call.plane.keys.derive("identity context"), assertion, call.now)
    except InvalidContext:
        raise invalid("The context assertion is not valid.") from None
    except ExpiredContext:
        raise ServiceError("ExpiredTokenException", "The context assertion has expired.") from None
    application = sso_store.find_application(call.tx, context.application_arn)
    if application is None or not sso_store.may_use(call.tx, application, context.user_id):
        raise ServiceError(
            "AccessDeniedException", "The person of the context assertion may not use the application it is bound to."
        )
    return context.user_id


def _may_assume_role(call: Call, request: Request) -> None:
    role = _role(call, request)
    caller = policies_of(call.tx, call.principal)
    source_identity = source_identity_of(request.get("SourceIdentity"), call.principal)
    tags, transitive = _tags(call, request)
    values = condition_values(request, source_identity, tags, transitive)
    context = request_context(call, values, known=("sts:", "aws:requesttag/", "aws:tagkeys"))
    trusted = compile_policy(role["AssumeRolePolicyDocument"], "trust")
    for action in actions_of(request, source_identity, tags):
        if caller is None or not may_act_on(trusted, caller, call.principal, action, role["Arn"], context):
            raise denied(call.principal, action, role["Arn"])


def _may_federate(call: Call, request: Request) -> None:
    arn = sessions.federated_arn(call.account_id, request["Name"])
    tags, _ = _tags(call, request)
    values = condition_values(request, None, tags, ())
    for action in ["sts:GetFederationToken", *(["sts:TagSession"] if tags else [])]:
        require(call, action, arn, values)


OPERATIONS: dict[str, Operation] = {
    "GetCallerIdentity": reads(get_caller_identity, anyone),
    "AssumeRole": reads(assume_role, _may_assume_role),
    "AssumeRoleWithWebIdentity": streams(assume_role_with_web_identity, anyone, signed=False),
    "AssumeRoleWithSAML": unsigned(assume_role_with_saml, anyone),
    "GetSessionToken": reads(get_session_token, anyone),
    "GetFederationToken": reads(get_federation_token, _may_federate),
    "GetAccessKeyInfo": reads(get_access_key_info, iam("sts:GetAccessKeyInfo")),
}
KINDS: list[Kind] = []
TASKS: dict[str, TaskKind] = {}
