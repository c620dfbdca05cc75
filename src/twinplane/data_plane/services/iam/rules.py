"""IAM's decision: may this principal perform this action on these resources?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from twinplane.data_plane.call import Access, Call, Principal, Request, ServiceError
from twinplane.data_plane.services.iam import store
from twinplane.data_plane.services.iam.policy import Context, Policy, Values, compile_policy
from twinplane.data_plane.store import Document, Transaction

Resource = Callable[[Call, Request], str | list[str]]
Decision = Literal["allowed", "explicitDeny", "implicitDeny"]

# Condition keys whose absence from a request is known to be absence; every other one fails closed.
_KNOWN_KEYS = (
    "aws:principal", "aws:user", "aws:sourceidentity", "aws:tokenissuetime", "aws:currenttime", "aws:epochtime",
    "aws:securetransport", "aws:requestedregion", "aws:viaawsservice", "identitystore:userid",
    "sts:requestcontext", "aws:multifactorauth", "aws:federatedprovider",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PolicySet:
    """Everything that limits a principal, compiled. `boundary` and `session` None: there is none."""

    identity: tuple[Policy, ...]
    boundary: Policy | None = None
    session: Policy | None = None


def iam(
    action: str, resource: Resource | None = None, context: Callable[[Call, Request], Values] | None = None
) -> Access:
    """Access by IAM policy: `action` on what `resource` finds in the request ("*" when None).

    `context` gives condition keys of the request beside those of its principal. Raises `ServiceError`
    AccessDeniedException.
    """

    def access(call: Call, request: Request) -> None:
        found = "*" if resource is None else resource(call, request)
        values = None if context is None else context(call, request)
        for arn in [found] if isinstance(found, str) else found:
            require(call, action, arn, values)

    return access


def require(call: Call, action: str, resource: str, values: Values | None = None) -> None:
    """Raises `ServiceError` AccessDeniedException unless the caller may perform `action` on `resource`."""
    policies = policies_of(call.tx, call.principal)
    context = request_context(call, values)
    decision: Decision = "implicitDeny"
    if policies is not None:
        decision = decide(policies, action, resource, context)
    if decision != "allowed":
        raise denied(call.principal, action, resource, explicit=decision == "explicitDeny")


def decide(policies: PolicySet, action: str, resource: str, context: Context) -> Decision:
    """An explicit Deny anywhere wins; then boundary, session policy and identity policies must each allow."""
    identity = {policy.verdict(action, resource, context) for policy in policies.identity}
    limits = [p.verdict(action, resource, context) for p in (policies.boundary, policies.session) if p is not None]
    if "deny" in identity or "deny" in limits:
        return "explicitDeny"
    return "allowed" if "allow" in identity and all(v == "allow" for v in limits) else "implicitDeny"


Trust = Literal["direct", "account", "denied"]


def trust(policy: Policy, principal: Principal, action: str, context: Context, resource: str = "*") -> Trust | None:
    """What a role's trust policy (or a resource's policy) says to a principal; None: nothing.

    "direct": it names the principal, which is enough. "account": it trusts the account, which leaves the decision to
    the principal's own policies.
    """
    found: Trust | None = None
    for statement in policy.statements:
        named = _named(statement.principals or (), principal)
        if named is None or not statement.applies(action, resource, context):
            continue
        if not statement.allow:
            return "denied"
        found = "direct" if "direct" in (named, found) else "account"
    return found


def _named(principals: tuple[tuple[str, str], ...], principal: Principal) -> Literal["direct", "account"] | None:
    account = principal.account_id
    names = {value for kind, value in principals if kind == "AWS"}
    if names & {"*", principal.arn, principal.iam_arn}:
        return "direct"
    return "account" if names & {account, f"arn:aws:iam::{account}:root"} else None


def may_act_on(
    resource_policy: Policy, caller: PolicySet, principal: Principal, action: str, resource: str, context: Context
) -> bool:
    """May the principal act on something that has a policy of its own: a role (its trust policy), an application?

    Both must agree, unless the resource's policy names the principal itself.
    """
    trusted = trust(resource_policy, principal, action, context, resource)
    decision = decide(caller, action, resource, context)
    if trusted in (None, "denied") or decision == "explicitDeny":
        return False
    if decision == "allowed":
        return True
    limits = [p for p in (caller.boundary, caller.session) if p is not None]
    return trusted == "direct" and all(p.verdict(action, resource, context) == "allow" for p in limits)


def policies_of(tx: Transaction, principal: Principal) -> PolicySet | None:
    """The policies that decide for a principal; None when the role or user behind it is gone."""
    entity = store.find_entity(tx, principal)
    return None if entity is None else policy_set(tx, entity, principal.session_policy)


def policy_set(tx: Transaction, entity: Document, session_policy: str | None = None) -> PolicySet:
    """The policies of a role's or user's document. What cannot be found denies."""
    texts = [*entity["policies"].values()]
    texts += [text for text in (store.managed_policy(tx, arn) for arn in entity["attached"]) if text is not None]
    boundary = None
    if entity["boundary_arn"] is not None:
        text = store.managed_policy(tx, entity["boundary_arn"])
        boundary = Policy(()) if text is None else compile_policy(text)
    return PolicySet(
        identity=tuple(compile_policy(text) for text in texts),
        boundary=boundary,
        session=None if session_policy is None else compile_policy(session_policy),
    )


def request_context(call: Call, values: Values | None = None, known: tuple[str, ...] = ()) -> Context:
    """The condition keys of a call: its principal's, the request's own `values`, and the time.

    `known`: beginnings (lower case) of further keys of which `values` has all there are.
    """
    extra = values or {}
    own = {key.lower() for key in extra}

    def build() -> Values:
        return {**principal_values(call.tx, call.principal), **call_values(call), **extra}

    return Context(build, knows=lambda key: key in own or key.startswith((*_KNOWN_KEYS, *known)))


def call_values(call: Call) -> Values:
    """Condition keys that do not depend on who calls."""
    return {
        "aws:RequestedRegion": call.region,
        "aws:SecureTransport": "true" if call.plane.settings.endpoint.startswith("https:") else "false",
        "aws:ViaAWSService": "false",
        "aws:EpochTime": str(int(call.now)),
        "aws:CurrentTime": str(int(call.now)),
    }


def principal_values(tx: Transaction, principal: Principal) -> Values:
    """Condition keys of a principal: who it is, its tags, and the person it acts for."""
    entity = store.find_entity(tx, principal) or {"tags": {}}
    values: dict[str, str | tuple[str, ...]] = {
        "aws:PrincipalArn": principal.iam_arn,
        "aws:PrincipalAccount": principal.account_id,
        "aws:PrincipalType": principal.kind,
        "aws:userid": store.principal_id(tx, principal),
        **{f"aws:PrincipalTag/{key}": value for key, value in entity["tags"].items()},
        **{f"aws:PrincipalTag/{key}": value for key, value in principal.session_tags},
    }
    if principal.kind == "IAMUser":
        values["aws:username"] = principal.arn.rpartition("/")[2]
    if principal.source_identity is not None:
        values["aws:SourceIdentity"] = principal.source_identity
    if principal.role_arn is not None:
        values["aws:TokenIssueTime"] = str(int(principal.issued_at))
    if principal.on_behalf_of is not None:
        values["identitystore:UserId"] = principal.on_behalf_of
    return values


def denied(principal: Principal, action: str, resource: str, *, explicit: bool = False) -> ServiceError:
    """The refusal in AWS's words."""
    why = " with an explicit deny" if explicit else ""
    return ServiceError(
        "AccessDeniedException",
        f"User: {principal.arn or 'anonymous'} is not authorized to perform: {action} on resource: {resource}{why}",
    )
