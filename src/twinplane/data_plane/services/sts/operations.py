"""AWS Security Token Service: who am I, and sessions of roles."""

from twinplane.data_plane import sessions
from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, anyone, reads
from twinplane.data_plane.services.iam import store as iam_store
from twinplane.data_plane.services.iam.evaluation import may_act_on
from twinplane.data_plane.services.iam.policy import compile_policy
from twinplane.data_plane.services.iam.rules import denied, policies_of, request_context
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
    condition_values,
    duration_seconds,
    invalid,
    session_policy,
    session_tags,
    source_identity_of,
)
from twinplane.data_plane.store import Document, Kind
from twinplane.data_plane.tasks import TaskKind


def get_caller_identity(call: Call, _request: Request) -> Answer:
    return {
        "UserId": iam_store.principal_id(call.tx, call.principal),
        "Account": call.principal.account_id,
        "Arn": call.principal.arn,
    }


def assume_role(call: Call, request: Request) -> Answer:
    """Credentials for a session of the role. Nothing is stored: see `sessions`.

    With the identity context of a person the session acts on her behalf, as far as the services ask who she is.
    """
    role = _role(call, request)
    check_session_name(request["RoleSessionName"])
    session = {
        "role_arn": role["Arn"],
        "session_name": request["RoleSessionName"],
        "duration_seconds": duration_seconds(request, call.principal, role["MaxSessionDuration"]),
        "source_identity": source_identity_of(request, call.principal),
        "session_policy": session_policy(request.get("Policy"), _managed_texts(call, request)),
        "session_tags": session_tags(request),
        "on_behalf_of": _person(call, request),
    }
    call.resources.append({"ARN": role["Arn"], "type": "AWS::IAM::Role"})
    answer: Answer = {
        "Credentials": sessions.issue(call.plane, now=call.now, **session),
        "AssumedRoleUser": {
            "AssumedRoleId": f"{role['RoleId']}:{request['RoleSessionName']}",
            "Arn": sessions.session_arn(role["Arn"], request["RoleSessionName"]),
        },
    }
    if session["source_identity"] is not None:
        answer["SourceIdentity"] = session["source_identity"]
    return answer


def _role(call: Call, request: Request) -> Document:
    role = iam_store.find_role_by_arn(call.tx, request["RoleArn"])
    if role is None:  # who may not assume a role does not learn whether there is one
        raise denied(call.principal, "sts:AssumeRole", request["RoleArn"])
    return role


def _managed_texts(call: Call, request: Request) -> list[str]:
    texts = []
    for policy in request.get("PolicyArns") or ():
        text = iam_store.managed_policy(call.tx, policy.get("arn", ""))
        if text is None:
            raise invalid(f"The policy {policy.get('arn')} does not exist.")
        texts.append(text)
    return texts


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
    source_identity = source_identity_of(request, call.principal)
    context = request_context(
        call, condition_values(request, source_identity), known=("sts:", "aws:requesttag/", "aws:tagkeys")
    )
    trusted = compile_policy(role["AssumeRolePolicyDocument"], "trust")
    for action in actions_of(request, source_identity):
        if caller is None or not may_act_on(trusted, caller, call.principal, action, role["Arn"], context):
            raise denied(call.principal, action, role["Arn"])


OPERATIONS: dict[str, Operation] = {
    "GetCallerIdentity": reads(get_caller_identity, anyone),
    "AssumeRole": reads(assume_role, _may_assume_role),
}
KINDS: list[Kind] = []
TASKS: dict[str, TaskKind] = {}
