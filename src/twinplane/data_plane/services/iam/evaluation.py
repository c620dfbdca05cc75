"""IAM's decision as pure rules: which policies have a say in a request, and how their words add up to one answer.

An explicit Deny anywhere wins. Beyond that, every layer that limits the caller must allow: the organization's service
control policies at each level, its resource control policies, the permissions boundary and the session policy. Within
these limits either the caller's own policies or the resource's policy must allow. How far a resource's policy reaches
depends on whom it names (`Grant`).

Taken from AWS's documentation of policy evaluation within one account and across accounts; not checked against AWS.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from twinplane.data_plane.call import Principal
from twinplane.data_plane.services.iam.policy import Context, Policy, Statement

Decision = Literal["allowed", "explicitDeny", "implicitDeny"]
Layer = Literal["identity", "resource", "boundary", "session", "service_control", "resource_control"]

# What a resource's policy says to a caller. "caller": it names exactly this caller (a user, a role's session), who then
# needs nobody else's Allow but the organization's. "role": it names the role or user behind the session, or everyone;
# boundary and session policy still limit. "account": it trusts the account, which leaves the decision to the caller's
# own policies. "denied": a statement denies. None: it says nothing.
Grant = Literal["caller", "role", "account", "denied"]

# The services whose resources an organization's resource control policies protect, of those that are served here.
_RESOURCE_CONTROLLED = ("s3:", "sts:", "sqs:")


@dataclass(frozen=True, slots=True)
class PolicySet:
    """Every policy that has a say about a principal, compiled. `boundary` and `session` None: there is none.

    `service_control` and `resource_control` have one policy for each level of the organization, from the root to the
    account; every one of them must allow.
    """

    identity: tuple[Policy, ...]
    boundary: Policy | None = None
    session: Policy | None = None
    service_control: tuple[Policy, ...] = ()
    resource_control: tuple[Policy, ...] = ()
    # What was decided without asking for a condition key, by action and resource.
    known: "dict[tuple[str, str], Outcome]" = field(default_factory=dict, init=False, compare=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A decision, and the layer whose Deny or silence made it one (None when the request is allowed)."""

    decision: Decision
    layer: Layer | None = None


_ALLOWED = Outcome("allowed")


def evaluate(
    policies: PolicySet, action: str, resource: str, context: Context, grant: Grant | None = None,
    *, same_account: bool = True,
) -> Outcome:  # fmt: skip
    """The decision about one action on one resource.

    `grant`: what the resource's own policy says, if it has one. `same_account`: whether the resource belongs to the
    caller's account; if not, its policy and the caller's own must both allow.
    """
    if grant == "denied":
        return Outcome("explicitDeny", "resource")
    own: str | None = None
    for policy in policies.identity:
        verdict = policy.verdict(action, resource, context)
        if verdict == "deny":
            return Outcome("explicitDeny", "identity")
        own = own or verdict
    silent: Layer | None = None
    for layer, policy in _limits(policies, action):
        verdict = policy.verdict(action, resource, context)
        if verdict == "deny":
            return Outcome("explicitDeny", layer)
        lifted = same_account and grant == "caller" and layer in ("boundary", "session")
        if verdict is None and not lifted:
            silent = silent or layer
    if silent is not None:
        return Outcome("implicitDeny", silent)
    granted = grant in ("caller", "role")
    if own is None and not (granted and same_account):
        return Outcome("implicitDeny", "identity")
    if grant is None and not same_account:
        return Outcome("implicitDeny", "resource")
    return _ALLOWED


def decide(policies: PolicySet, action: str, resource: str, context: Context) -> Decision:
    """The decision where the resource has no policy of its own."""
    return evaluate(policies, action, resource, context).decision


def grant_of(policy: Policy, principal: Principal, action: str, context: Context, resource: str = "*") -> Grant | None:
    """What a role's trust policy (or another resource's policy) says to a principal."""
    found: Grant | None = None
    for statement in policy.statements:
        named = _named(statement, principal)
        if named is None or not statement.applies(action, resource, context):
            continue
        if not statement.allow:
            return "denied"
        found = named if found is None else min(found, named, key=_REACH.index)
    return found


def may_act_on(
    resource_policy: Policy, caller: PolicySet, principal: Principal, action: str, resource: str, context: Context
) -> bool:
    """May the principal act on something that nobody may touch whom its policy does not name: a role, an application?

    Its policy and the caller's own must agree, unless it names the principal itself. `resource` is its ARN.
    """
    grant = grant_of(resource_policy, principal, action, context, resource)
    if grant is None:
        return False
    owner = resource.split(":")[4] if resource.count(":") > 4 else ""
    same_account = owner in ("", principal.account_id)
    return evaluate(caller, action, resource, context, grant, same_account=same_account).decision == "allowed"


def trusts_provider(policy: Policy, provider_arn: str, action: str, context: Context) -> bool:
    """Whether a role's trust policy lets in those whom an identity provider vouches for."""
    verdicts = {
        statement.allow
        for statement in policy.statements
        if any(
            (kind, value) == ("Federated", provider_arn) or (value == "*" and not statement.allow)
            for kind, value in statement.principals or ()
        )
        and statement.applies(action, "*", context)
    }
    return verdicts == {True}


def lets_service(policy: Policy, service: str, action: str, resource: str, context: Context) -> bool:
    """Whether a resource's policy lets an AWS service (`events.amazonaws.com`) act on the resource."""
    verdicts = {
        statement.allow
        for statement in policy.statements
        if {("AWS", "*"), ("Service", service), ("Service", "*")} & set(statement.principals or ())
        and not statement.not_principal
        and statement.applies(action, resource, context)
    }
    return verdicts == {True}


_REACH: tuple[Grant, ...] = ("caller", "role", "account")


def _named(statement: Statement, principal: Principal) -> Grant | None:
    """How the statement names the principal; None when it is not about it."""
    account = principal.account_id
    names = {value for kind, value in statement.principals or () if kind == "AWS"}
    accounts = {account, f"arn:aws:iam::{account}:root"}
    if statement.not_principal:  # a Deny spares only whom it names in full: the caller, its role, its account
        spared = "*" in names or ({principal.arn, principal.entity_arn} <= names and names & accounts)
        return None if spared else "caller"
    if principal.arn and principal.arn in names:
        return "caller"
    if "*" in names or (principal.entity_arn and principal.entity_arn in names):
        return "role"
    return "account" if account and names & accounts else None


def _limits(policies: PolicySet, action: str) -> Iterable[tuple[Layer, Policy]]:
    if policies.resource_control and action.lower().startswith(_RESOURCE_CONTROLLED):
        for policy in policies.resource_control:
            yield "resource_control", policy
    for policy in policies.service_control:
        yield "service_control", policy
    if policies.boundary is not None:
        yield "boundary", policies.boundary
    if policies.session is not None:
        yield "session", policies.session
