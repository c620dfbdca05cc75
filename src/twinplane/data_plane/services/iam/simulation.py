"""What IAM would decide: the same evaluation, for policies and condition keys given in the request.

Condition keys are those of the request and no others, as in AWS. Everything is answered in one page, and
MatchedStatements stays empty (AWS gives their position in the text).
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Principal, Request, ServiceError, reads
from twinplane.data_plane.services.iam import store
from twinplane.data_plane.services.iam.entities import checked_policy, no_such
from twinplane.data_plane.services.iam.evaluation import PolicySet, evaluate, grant_of
from twinplane.data_plane.services.iam.policy import (
    Context,
    Policy,
    PolicyKind,
    compile_policy,
    context_keys,
    joined,
)
from twinplane.data_plane.services.iam.rules import iam, policy_set
from twinplane.data_plane.services.organizations import store as organizations
from twinplane.data_plane.store import Document


def simulate_principal_policy(call: Call, request: Request) -> Answer:
    """Decisions about a role, a user or a group: its policies, its boundary and those of the organization."""
    entity = _entity(call, request["PolicySourceArn"])
    found = policy_set(call.tx, entity)
    controls = organizations.controls(call.tx)
    policies = replace(
        found, identity=found.identity + _compiled(request.get("PolicyInputList")),
        boundary=_boundary(request) or found.boundary, service_control=controls.service,
        resource_control=controls.resource,
    )  # fmt: skip
    return _results(call, request, policies, request.get("CallerArn") or entity["Arn"])


def simulate_custom_policy(call: Call, request: Request) -> Answer:
    """Decisions by the policies of the request alone."""
    levels = request.get("OrderedOrganizationPolicyInputList") or ()
    policies = PolicySet(
        identity=_compiled(request["PolicyInputList"]),
        boundary=_boundary(request),
        service_control=tuple(
            joined(_compiled(level.get("ServiceControlPolicyInputList"))) for level in levels
            if level.get("ServiceControlPolicyInputList")
        ),
    )  # fmt: skip
    return _results(call, request, policies, request.get("CallerArn"))


def get_context_keys_for_principal_policy(call: Call, request: Request) -> Answer:
    entity = _entity(call, request["PolicySourceArn"])
    texts = [*entity["policies"].values(), *(request.get("PolicyInputList") or ())]
    texts += [text for text in (store.managed_policy(call.tx, arn) for arn in entity["attached"]) if text is not None]
    return {"ContextKeyNames": _keys(texts)}


def get_context_keys_for_custom_policy(_call: Call, request: Request) -> Answer:
    return {"ContextKeyNames": _keys(request["PolicyInputList"])}


def _keys(texts: Iterable[str]) -> list[str]:
    found = {key.lower(): key for text in texts for key in context_keys(checked_policy(text))}
    return sorted(found.values())


def _compiled(texts: list[str] | None, kind: PolicyKind = "identity") -> tuple[Policy, ...]:
    return tuple(compile_policy(checked_policy(text, kind), kind) for text in texts or ())


def _boundary(request: Request) -> Policy | None:
    given = _compiled(request.get("PermissionsBoundaryPolicyInputList"))
    return joined(given) if given else None


def _results(call: Call, request: Request, policies: PolicySet, caller_arn: str | None) -> Answer:
    values = {
        entry["ContextKeyName"]: tuple(entry.get("ContextKeyValues") or ())
        for entry in request.get("ContextEntries") or ()
    }
    given = request.get("ResourcePolicy")
    resource_policy = compile_policy(checked_policy(given, "resource"), "resource") if given else None
    if resource_policy is not None and caller_arn is None:
        raise ServiceError("InvalidInputException", "CallerArn is required with ResourcePolicy.")
    caller = _principal(call, caller_arn or "")
    results = [
        _result(policies, action, resource, values, caller, resource_policy)
        for action in request["ActionNames"]
        for resource in request.get("ResourceArns") or ["*"]
    ]
    return {"EvaluationResults": results, "IsTruncated": False}


def _result(
    policies: PolicySet, action: str, resource: str, values: dict[str, tuple[str, ...]], caller: Principal,
    resource_policy: Policy | None,
) -> dict[str, Any]:  # fmt: skip
    missing: set[str] = set()

    def note(key: str) -> bool:
        missing.add(key)
        return True

    context = Context(lambda: values, knows=note)
    grant = None
    if resource_policy is not None:
        grant = grant_of(resource_policy, caller, action, context, resource)
    result: dict[str, Any] = {
        "EvalActionName": action, "EvalResourceName": resource,
        "EvalDecision": evaluate(policies, action, resource, context, grant).decision,
        "MatchedStatements": [], "MissingContextValues": sorted(missing),
    }  # fmt: skip
    if policies.boundary is not None:
        allowed = policies.boundary.verdict(action, resource, context) == "allow"
        result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": allowed}
    if policies.service_control:
        allowed = all(level.verdict(action, resource, context) == "allow" for level in policies.service_control)
        result["OrganizationsDecisionDetail"] = {"AllowedByOrganizations": allowed}
    return result


def _principal(call: Call, arn: str) -> Principal:
    kind: Any = "AssumedRole" if ":role/" in arn or ":assumed-role/" in arn else "IAMUser"
    account = arn.split(":")[4] if arn.count(":") > 4 else call.account_id
    return Principal(kind, account, arn, role_arn=arn if ":role/" in arn else None)


_KINDS = {"role": store.ROLES, "user": store.USERS, "group": store.GROUPS}


def _entity(call: Call, arn: str) -> Document:
    kind = arn.split(":", 5)[-1].partition("/")[0]
    if kind not in _KINDS:
        raise ServiceError("InvalidInputException", "PolicySourceArn must be the ARN of a user, a group or a role.")
    entity = call.tx.find(_KINDS[kind], arn.rpartition("/")[2])
    if entity is None or entity["Arn"] != arn:
        raise no_such(f"The {kind} with ARN {arn} cannot be found.")
    return {"boundary_arn": None, **entity}


def _source(_call: Call, request: Request) -> str:
    return str(request["PolicySourceArn"])


OPERATIONS: dict[str, Operation] = {
    "SimulatePrincipalPolicy": reads(simulate_principal_policy, iam("iam:SimulatePrincipalPolicy", _source)),
    "SimulateCustomPolicy": reads(simulate_custom_policy, iam("iam:SimulateCustomPolicy")),
    "GetContextKeysForPrincipalPolicy": reads(
        get_context_keys_for_principal_policy, iam("iam:GetContextKeysForPrincipalPolicy", _source)
    ),
    "GetContextKeysForCustomPolicy": reads(
        get_context_keys_for_custom_policy, iam("iam:GetContextKeysForCustomPolicy")
    ),
}
