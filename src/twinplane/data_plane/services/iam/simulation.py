"""SimulatePrincipalPolicy: what IAM would decide, for a role or user and conditions given in the request."""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads
from twinplane.data_plane.services.iam import store
from twinplane.data_plane.services.iam.entities import checked_policy, no_such
from twinplane.data_plane.services.iam.evaluation import PolicySet, decide
from twinplane.data_plane.services.iam.policy import Context, Policy, compile_policy
from twinplane.data_plane.services.iam.rules import iam, policy_set
from twinplane.data_plane.store import Document


def simulate_principal_policy(call: Call, request: Request) -> Answer:
    """Decisions for every action on every resource. Condition keys are those of the request and no others, as in AWS.

    Answers everything in one page; MatchedStatements stays empty (AWS gives their position in the text).
    """
    policies = _policies(call, request)
    values = {
        entry["ContextKeyName"]: tuple(entry.get("ContextKeyValues") or ())
        for entry in request.get("ContextEntries") or ()
    }
    results = [
        _result(policies, action, resource, values)
        for action in request["ActionNames"]
        for resource in request.get("ResourceArns") or ["*"]
    ]
    return {"EvaluationResults": results, "IsTruncated": False}


def _policies(call: Call, request: Request) -> PolicySet:
    found = policy_set(call.tx, _entity(call, request["PolicySourceArn"]))
    extra = tuple(compile_policy(checked_policy(text)) for text in request.get("PolicyInputList") or ())
    boundary = found.boundary
    texts = request.get("PermissionsBoundaryPolicyInputList")
    if texts:
        boundary = Policy(tuple(s for text in texts for s in compile_policy(checked_policy(text)).statements))
    return PolicySet(found.identity + extra, boundary)


def _result(policies: PolicySet, action: str, resource: str, values: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    missing: set[str] = set()

    def note(key: str) -> bool:
        missing.add(key)
        return True

    context = Context(lambda: values, knows=note)
    decision = decide(policies, action, resource, context)
    result: dict[str, Any] = {
        "EvalActionName": action, "EvalResourceName": resource, "EvalDecision": decision,
        "MatchedStatements": [], "MissingContextValues": sorted(missing),
    }  # fmt: skip
    if policies.boundary is not None:
        allowed = policies.boundary.verdict(action, resource, context) == "allow"
        result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": allowed}
    return result


def _entity(call: Call, arn: str) -> Document:
    kind = arn.split(":", 5)[-1].partition("/")[0]
    name = arn.rpartition("/")[2]
    if kind not in ("role", "user"):
        raise ServiceError("InvalidInputException", "PolicySourceArn must be the ARN of a user or a role.")
    entity = store.find_role(call.tx, name) if kind == "role" else store.find_user(call.tx, name)
    if entity is None or entity["Arn"] != arn:
        raise no_such(f"The {kind} with ARN {arn} cannot be found.")
    return entity


OPERATIONS: dict[str, Operation] = {
    "SimulatePrincipalPolicy": reads(
        simulate_principal_policy, iam("iam:SimulatePrincipalPolicy", lambda _call, r: str(r["PolicySourceArn"]))
    ),
}
