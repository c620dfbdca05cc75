"""What a call needs of IAM: its principal's policies, the keys of its context, and the refusal in AWS's words."""

from collections.abc import Callable
from dataclasses import replace

from twinplane.data_plane.call import Access, Call, Principal, Request, ServiceError
from twinplane.data_plane.services.iam import store
from twinplane.data_plane.services.iam.evaluation import (
    Layer,
    Outcome,
    PolicySet,
    evaluate,
    grant_of,
)
from twinplane.data_plane.services.iam.policy import Context, Policy, Values, compile_policy, joined
from twinplane.data_plane.services.organizations import store as organizations
from twinplane.data_plane.store import Derived, Document, Transaction

Resource = Callable[[Call, Request], str | list[str]]


# Condition keys whose absence from a request is known to be absence; every other one fails closed.
_KNOWN_KEYS = (
    "aws:principal", "aws:userid", "aws:username", "aws:useragent", "aws:referer", "aws:sourceidentity",
    "aws:tokenissuetime", "aws:currenttime", "aws:epochtime", "aws:securetransport", "aws:requestedregion",
    "aws:multifactorauth", "aws:federatedprovider", "aws:sourceip", "aws:resourceaccount", "aws:resourceorg",
    "identitystore:userid", "sts:requestcontext",
    # those of calls that a service makes for someone, or that come through an endpoint in a VPC: never here
    "aws:viaawsservice", "aws:calledvia", "aws:sourceaccount", "aws:sourcearn", "aws:sourceorg", "aws:sourceowner",
    "aws:sourcevp", "aws:vpcsourceip",
)  # fmt: skip

_POLICIES = Derived(
    "policies",
    (store.ROLES, store.USERS, store.GROUPS, store.GROUP_MEMBERS, store.POLICIES, *organizations.KINDS),
)
_PRINCIPALS = Derived("condition keys of principals", (store.ROLES, store.USERS, *organizations.KINDS))
_MOST_KNOWN = 1024  # decisions kept for one principal


def iam(
    action: str, resource: Resource | None = None, context: Callable[[Call, Request], Values] | None = None,
    shown: Callable[[Call, Request], str] | None = None, known: tuple[str, ...] = (),
) -> Access:  # fmt: skip
    """Access by IAM policy: `action` on what `resource` finds in the request ("*" when None).

    `context` gives condition keys of the request beside those of its principal. `shown`: what a refusal calls the
    resource, where its ARN would tell more than the request says. `known`: see `request_context`. Raises `ServiceError`
    AccessDeniedException.
    """

    def access(call: Call, request: Request) -> None:
        found = "*" if resource is None else resource(call, request)
        values = None if context is None else context(call, request)
        for arn in [found] if isinstance(found, str) else found:
            outcome = decision(call, action, arn, values, known=known)
            if outcome.decision != "allowed":
                raise denied(call.principal, action, arn if shown is None else shown(call, request), outcome)

    return access


def require(
    call: Call, action: str, resource: str, values: Values | Callable[[], Values] | None = None,
    resource_policy: Policy | None = None, known: tuple[str, ...] = (),
) -> None:  # fmt: skip
    """Raises `ServiceError` AccessDeniedException unless the caller may perform `action` on `resource`.

    `resource_policy`: the policy of the resource itself (a bucket's, a queue's), which may also allow or deny.
    `values`, `known`: as in `request_context`.
    """
    outcome = decision(call, action, resource, values, resource_policy, known)
    if outcome.decision != "allowed":
        raise denied(call.principal, action, resource, outcome)


def require_pass_role(call: Call, role_arn: str | None, service: str) -> None:
    """Raises `ServiceError` AccessDeniedException unless the caller may hand the role to a service, which will act as
    it for the caller: else whoever configures the service has every role. None: no role is handed over."""
    if role_arn is not None:
        require(call, "iam:PassRole", role_arn, {"iam:PassedToService": service})


def decision(
    call: Call, action: str, resource: str, values: Values | Callable[[], Values] | None = None,
    resource_policy: Policy | None = None, known: tuple[str, ...] = (),
) -> Outcome:  # fmt: skip
    """What `require` decides by."""
    policies = policies_of(call.tx, call.principal)
    if policies is None:
        return Outcome("implicitDeny", "identity")
    if resource_policy is not None:
        context = request_context(call, values, known)
        grant = grant_of(resource_policy, call.principal, action, context, resource)
        return evaluate(policies, action, resource, context, grant)
    decided = policies.known.get((action, resource))
    if decided is not None:
        return decided
    context = request_context(call, values, known)
    outcome = evaluate(policies, action, resource, context)
    if not context.asked:
        if len(policies.known) >= _MOST_KNOWN:
            policies.known.clear()
        policies.known[action, resource] = outcome
    return outcome


def policies_of(tx: Transaction, principal: Principal) -> PolicySet | None:
    """The policies that decide for a principal; None when the role or user behind it is gone."""
    return tx.derived(_POLICIES, principal, lambda: _policies_of(tx, principal))


def _policies_of(tx: Transaction, principal: Principal) -> PolicySet | None:
    if principal.kind == "Root":
        return _MANAGEMENT
    controls = organizations.controls(tx)
    if principal.kind in ("Anonymous", "WebIdentityUser"):  # the resource alone decides about them
        return PolicySet((), resource_control=controls.resource)
    entity = store.find_entity(tx, principal)
    if entity is None:
        return None
    policies = replace(policy_set(tx, entity), session=_session_policy(tx, principal))
    service_linked = entity["Path"].startswith(_SERVICE_LINKED)
    return replace(
        policies, service_control=() if service_linked else controls.service, resource_control=controls.resource
    )


# The root user of the management account: the plane has nothing in that account but the organization, which does not
# bind it.
_MANAGEMENT = PolicySet((compile_policy('{"Statement":{"Effect":"Allow","Action":"organizations:*","Resource":"*"}}'),))
_SERVICE_LINKED = "/aws-service-role/"


# What sessions of users may not: IAM, and STS but for becoming a role (and knowing who they are, which needs no leave).
_OF_A_USER = compile_policy(
    '{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},'
    '{"Effect":"Deny","Action":["iam:*","sts:Get*","sts:Decode*","sts:AssumeRoot"],"Resource":"*"}]}'
)
_OF_A_FEDERATED_USER = compile_policy('{"Statement":{"Effect":"Deny","Action":["iam:*","sts:*"],"Resource":"*"}}')


def _session_policy(tx: Transaction, principal: Principal) -> Policy | None:
    """What limits the session beside the policies of its role or user; None: nothing."""
    found = [] if principal.session_policy is None else [compile_policy(principal.session_policy)]
    found += [_managed(tx, arn) for arn in principal.session_policy_arns]
    if principal.kind == "FederatedUser":  # may do nothing that no session policy allows
        return joined([*found, _OF_A_FEDERATED_USER])
    if principal.kind == "IAMUser":
        return None if principal.expires_at is None else _OF_A_USER
    return joined(found) if found else None


def _managed(tx: Transaction, arn: str) -> Policy:
    text = store.managed_policy(tx, arn)
    return Policy(()) if text is None else compile_policy(text)


def policy_set(tx: Transaction, entity: Document) -> PolicySet:
    """The policies of a role's or user's document and the user's groups, without a session's.

    What cannot be found allows nothing.
    """
    boundary_arn = entity["boundary_arn"]
    owners = [entity, *(store.groups_of(tx, entity["UserName"]) if "UserName" in entity else [])]
    return PolicySet(
        identity=tuple(
            [compile_policy(text) for owner in owners for text in owner["policies"].values()]
            + [_managed(tx, arn) for owner in owners for arn in owner["attached"]]
        ),
        boundary=None if boundary_arn is None else _managed(tx, boundary_arn),
    )


def request_context(
    call: Call, values: Values | Callable[[], Values] | None = None, known: tuple[str, ...] = ()
) -> Context:
    """The condition keys of a call: its principal's, the request's own `values`, and the time.

    `values` as a function is asked only when a policy has a condition. `known`: beginnings (lower case) of further keys
    of which `values` has all there are.
    """
    own = set() if values is None or callable(values) else {key.lower() for key in values}
    beginnings = (*_KNOWN_KEYS, *known) if known else _KNOWN_KEYS
    tx, principal = call.tx, call.principal
    return Context(
        lambda: (values() if callable(values) else values) or {},
        knows=lambda key: key in own or key.startswith(beginnings),
        folded=lambda: {
            **tx.derived(_PRINCIPALS, principal, lambda: _principal_values(tx, principal)),
            **_call_values(call),
        },
    )


def _call_values(call: Call) -> Values:
    """Condition keys (lower case) that do not depend on who calls."""
    values: dict[str, str | tuple[str, ...]] = {
        "aws:requestedregion": call.region,
        "aws:securetransport": "true" if call.plane.settings.endpoint.startswith("https:") else "false",
        "aws:viaawsservice": "false",
        "aws:epochtime": str(int(call.now)),
        "aws:currenttime": str(int(call.now)),
        "aws:sourceip": call.client,
        "aws:resourceaccount": call.account_id,
    }
    controls = organizations.controls(call.tx)
    if controls.organization_id is not None and controls.path is not None:
        values |= {"aws:resourceorgid": controls.organization_id, "aws:resourceorgpaths": (controls.path,)}
    for header, key in (("user-agent", "aws:useragent"), ("referer", "aws:referer")):
        if header in call.headers:
            values[key] = call.headers[header]
    return values


def _principal_values(tx: Transaction, principal: Principal) -> Values:
    """Condition keys (lower case) of a principal: who it is, its tags, and the person it acts for."""
    if principal.kind == "Anonymous":
        return {"aws:principaltype": "Anonymous", "aws:userid": "anonymous"}
    if principal.kind == "WebIdentityUser":
        return {"aws:federatedprovider": principal.federated_provider or ""}
    entity = store.find_entity(tx, principal) or {"tags": {}}
    controls = organizations.controls(tx)
    values: dict[str, str | tuple[str, ...]] = {
        "aws:principalarn": principal.iam_arn,
        "aws:principalaccount": principal.account_id,
        "aws:principaltype": {"IAMUser": "User", "Root": "Account"}.get(principal.kind, principal.kind),
        "aws:userid": store.principal_id(tx, principal),
        **{f"aws:principaltag/{key.lower()}": value for key, value in entity["tags"].items()},
        **{f"aws:principaltag/{key.lower()}": value for key, value in principal.session_tags},
    }
    if controls.organization_id is not None and controls.path is not None:
        values |= {"aws:principalorgid": controls.organization_id, "aws:principalorgpaths": (controls.path,)}
    if principal.kind == "IAMUser":
        values["aws:username"] = principal.arn.rpartition("/")[2]
    if principal.source_identity is not None:
        values["aws:sourceidentity"] = principal.source_identity
    if principal.expires_at is not None:
        values["aws:tokenissuetime"] = str(int(principal.issued_at))
        values["aws:multifactorauthpresent"] = "false"
    if principal.federated_provider is not None:
        values["aws:federatedprovider"] = principal.federated_provider
    person = principal.on_behalf_of or principal.signed_in
    if person is not None:
        values["identitystore:userid"] = person
    return values


_LAYERS: dict[Layer, str] = {
    "identity": "identity-based policy", "resource": "resource-based policy", "boundary": "permissions boundary",
    "session": "session policy", "service_control": "service control policy",
    "resource_control": "resource control policy",
}  # fmt: skip


def denied(principal: Principal, action: str, resource: str, outcome: Outcome | None = None) -> ServiceError:
    """The refusal in AWS's words."""
    why = ""
    if outcome is not None and outcome.layer is not None:
        layer = _LAYERS[outcome.layer]
        if outcome.decision == "explicitDeny":
            why = f" with an explicit deny in {'an' if layer[0] == 'i' else 'a'} {layer}"
        else:
            why = f" because no {layer} allows the {action} action"
    return ServiceError(
        "AccessDeniedException",
        f"User: {principal.arn or 'anonymous'} is not authorized to perform: {action} on resource: {resource}{why}",
    )
