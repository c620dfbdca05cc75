"""Who calls, as DataZone knows them, and what they may do with a project or a domain unit.

IAM is asked first (`allowed`); these rules decide inside the operation.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Literal

from twinplane.data_plane.call import Access, Answer, Call, Request, ServiceError
from twinplane.data_plane.services.datazone import cedar, policy_rules, rights, rules, store
from twinplane.data_plane.services.iam.rules import iam
from twinplane.data_plane.services.identitystore import store as identities
from twinplane.data_plane.store import AlreadyExists, Derived, Document, Transaction

SERVICE = "datazone.amazonaws.com"  # as whom DataZone takes the roles that it is handed

CallerKind = Literal["SSO_USER", "IAM_ROLE", "IAM_USER"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: `id` is the user profile; `user_id` the identity-store user behind it, if it is a person."""

    id: str
    kind: CallerKind
    user_id: str | None
    iam_arn: str
    group_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Known:
    """A caller, and the profile that is to say, from the first call on, that the user is active; None: it does."""

    who: Caller
    domain_arn: str
    to_activate: Document | None


_CALLERS = Derived(
    "callers",
    (store.DOMAINS, store.USER_PROFILES, store.GROUP_PROFILES, identities.USERS, identities.MEMBERSHIPS),
)
_OWNERS = Derived("owners of domain units", (store.DOMAINS, store.DOMAIN_UNITS))
_HELD = Derived("what callers are in projects", (store.MEMBERSHIPS, store.ENVIRONMENTS))
_UNITS = Derived("domain units of projects", (store.PROJECTS,))


def domain_arn(call: Call, domain_id: str) -> str:
    """The ARN of a domain of this plane."""
    return f"arn:aws:datazone:{call.region}:{call.account_id}:domain/{domain_id}"


def allowed(operation: str) -> Access:
    """Access by IAM policy on the domain that the request names (`domainIdentifier`, else `identifier`)."""

    def named(call: Call, request: Request) -> str:
        return domain_arn(call, request.get("domainIdentifier") or request["identifier"])

    return iam(f"datazone:{operation}", named)


def denied(call: Call) -> ServiceError:
    """The error for a caller whom the domain does not permit the operation."""
    return ServiceError("AccessDeniedException", f"User is not permitted to perform operation: {call.operation}")


def caller(call: Call, domain_id: str) -> Caller:
    """Who calls, as a user of the domain.

    A person is activated at the first call when the domain assigns people automatically; IAM roles and users become
    users of the domain by calling. Raises ResourceNotFoundException (no domain), AccessDeniedException (not let in).
    """
    principal = call.principal
    asked = (domain_id, principal.on_behalf_of, principal.kind == "AssumedRole", principal.iam_arn)
    known = call.tx.derived(_CALLERS, asked, lambda: _known(call, *asked))
    named = {"ARN": known.domain_arn, "type": "AWS::DataZone::Domain"}
    if named not in call.resources:
        call.resources.append(named)
    if known.to_activate is not None:
        _activate(call, known.to_activate)
    return known.who


def _known(call: Call, domain_id: str, user_id: str | None, is_role: bool, iam_arn: str) -> _Known:
    domain = store.get_domain(call.tx, domain_id)
    if user_id is None:
        kind: CallerKind = "IAM_ROLE" if is_role else "IAM_USER"
        groups = _group_of_role(call.tx, domain_id, iam_arn) if is_role else ()
        who = Caller(rules.profile_id_of_iam(domain_id, iam_arn), kind, None, iam_arn, groups)
        profile = call.tx.find(store.USER_PROFILES, domain_id, who.id) or iam_profile(domain_id, kind, iam_arn)
    else:
        groups = identities.group_ids(call.tx, user_id)
        who = Caller(rules.profile_id_of_user(user_id), "SSO_USER", user_id, iam_arn, groups)
        profile = call.tx.find(store.USER_PROFILES, domain_id, who.id) or _person_profile(call, domain, user_id)
    if store.is_shut_out(call.tx, profile, who.group_ids):
        raise denied(call)
    is_new = profile["status"] == "ASSIGNED" or not profile.get("createdAt")
    return _Known(who, domain["arn"], profile if is_new else None)


def _group_of_role(tx: Transaction, domain_id: str, role_arn: str) -> tuple[str, ...]:
    group = tx.find(store.GROUP_PROFILES, domain_id, rules.profile_id_of_role_group(domain_id, role_arn))
    return (group["id"],) if group is not None and group["status"] == "ASSIGNED" else ()


def iam_profile(domain_id: str, kind: str, arn: str) -> Document:
    """The profile of an IAM role or user, not stored yet."""
    return {
        "domainId": domain_id,
        "id": rules.profile_id_of_iam(domain_id, arn),
        "name": arn,
        "type": "IAM",
        "userType": kind,
        "status": "ACTIVATED",
        "details": {"iam": {"arn": arn}},
    }


def person_profile(tx: Transaction, domain_id: str, user_id: str, status: str) -> Document | None:
    """The profile of an identity-store user, not stored yet; None when there is no such user."""
    user = identities.get_user(tx, user_id)
    if user is None:
        return None
    name = user.get("Name") or {}
    details = {"username": user["UserName"], "firstName": name.get("GivenName"), "lastName": name.get("FamilyName")}
    return {
        "domainId": domain_id,
        "id": rules.profile_id_of_user(user_id),
        "name": user["UserName"],
        "type": "SSO",
        "userType": "SSO_USER",
        "status": status,
        "details": {"sso": {k: v for k, v in details.items() if v}},
    }


def _person_profile(call: Call, domain: Document, user_id: str) -> Document:
    sign_on, groups = domain["singleSignOn"], identities.group_ids(call.tx, user_id)
    profile = person_profile(call.tx, domain["id"], user_id, "ASSIGNED")
    if sign_on["type"] == "IAM_IDC" and profile is not None:
        if sign_on.get("userAssignment") == "AUTOMATIC":
            return profile
        if store.is_in_assigned_group(call.tx, domain["id"], groups):
            return profile | {"throughGroup": True}
    raise denied(call)


def _activate(call: Call, profile: Document) -> None:
    """Stores that the user has called. A read operation's transaction cannot, so it is done right after it."""
    active = profile | {"status": "ACTIVATED", "createdAt": profile.get("createdAt") or call.now}
    if call.tx.writable:
        call.tx.put(store.USER_PROFILES, active)
        return
    writing = asyncio.get_running_loop().create_task(call.plane.store.write(lambda tx: _activate_in(tx, active)))
    _activations.add(writing)
    writing.add_done_callback(_activations.discard)


_activations: set[asyncio.Task[None]] = set()  # the loop holds tasks weakly


def _activate_in(tx: Transaction, active: Document) -> None:
    known = tx.find(store.USER_PROFILES, active["domainId"], active["id"])
    if known is None or known["status"] == "ASSIGNED":
        tx.put(store.USER_PROFILES, active)


def designations(tx: Transaction, domain_id: str, project_id: str, who: Caller) -> frozenset[str]:
    """All that the caller is in the project: as herself, through groups, and as the project's own role."""
    return tx.derived(_HELD, (domain_id, project_id, who), lambda: _designations(tx, domain_id, project_id, who))


def _designations(tx: Transaction, domain_id: str, project_id: str, who: Caller) -> frozenset[str]:
    held = store.designations_of(tx, domain_id, project_id, who.id, who.group_ids)
    if not held and who.kind == "IAM_ROLE" and who.iam_arn == store.project_role_arn(tx, domain_id, project_id):
        return frozenset((rights.CONTRIBUTOR,))
    return frozenset(held)


def _unit_of(tx: Transaction, domain_id: str, project_id: str) -> str:
    """The domain unit that a project is in. Raises ResourceNotFoundException."""
    key = (domain_id, project_id)
    return tx.derived(_UNITS, key, lambda: str(store.get_project(tx, *key)["domainUnitId"]))


def project_role(tx: Transaction, domain_id: str, project_id: str, who: Caller) -> str | None:
    """The caller's strongest designation in the project; None when not a member.

    The project's own role, used without a person behind it, acts as a contributor of its project.
    """
    return rights.strongest(designations(tx, domain_id, project_id, who))


def require(
    call: Call, domain_id: str, *, project_id: str | None = None, unit_id: str | None = None, rule: str = "",
    of: tuple[str, str] | None = None,
) -> Caller:  # fmt: skip
    """The caller, who must have the right that `rights.RIGHTS` has for `rule`, or else for the operation.

    What it is about lies in the project, or in the domain unit, that is given. `of`: what the request names (kind, id)
    when that is something in the project. Raises AccessDeniedException; ResourceNotFoundException, as for a wrong id,
    when the caller may not know that it exists; ConflictException when the project is going and the operation
    adds to it.
    """
    who = _require(call, domain_id, project_id, unit_id, rule, of)
    if project_id is not None and call.tx.writable and not call.operation.startswith(_TAKING_AWAY):
        check_stays(call.tx, domain_id, project_id)
    return who


def check_stays(tx: Transaction, domain_id: str, project_id: str) -> None:
    """The project must not be going: nothing is added to it any more. Raises ConflictException."""
    if store.get_project(tx, domain_id, project_id)["projectStatus"] == "DELETING":
        raise rules.conflict(f"Project {project_id} is being deleted.")


_TAKING_AWAY = ("Delete", "Disassociate", "Remove", "Reject", "Revoke", "Cancel", "Stop")


def _require(
    call: Call, domain_id: str, project_id: str | None, unit_id: str | None, rule: str, of: tuple[str, str] | None
) -> Caller:
    who, tx, name = caller(call, domain_id), call.tx, rule or call.operation
    right = rights.RIGHTS[name]
    held: frozenset[str] = frozenset()
    if project_id is not None:
        unit_id = _unit_of(tx, domain_id, project_id)
        held = designations(tx, domain_id, project_id, who)
    is_given = not held.isdisjoint(right.of_projects) or cedar.permits(
        tx, domain_id, project_id or "", who.id, held, name
    )
    if is_given and (right.needs is None or _may_make(tx, domain_id, project_id or "", right.needs, who)):
        return who
    if (
        right.users
        or (right.people and who.user_id is not None)
        or (right.domain_owners and is_domain_admin(tx, domain_id, who))
    ):
        return who
    if unit_id is not None:
        if right.unit_owners and is_unit_owner(tx, domain_id, unit_id, who):
            return who
        if right.policy and holds(tx, domain_id, unit_id, right.policy, who):
            return who
    if project_id is None or held or right.public or is_domain_admin(tx, domain_id, who):
        raise denied(call)
    raise store.not_found(*(of or ("Project", project_id)))


def _may_make(tx: Transaction, domain_id: str, project_id: str, policy_type: str, who: Caller) -> bool:
    unit_id = _unit_of(tx, domain_id, project_id)
    return is_unit_owner(tx, domain_id, unit_id, who) or holds(
        tx, domain_id, unit_id, policy_type, who, project_id=project_id
    )


def require_project_role(
    call: Call, domain_id: str, project_id: str, *, rule: str = "", of: tuple[str, str] | None = None
) -> Caller:
    """`require` for what lies in a project."""
    return require(call, domain_id, project_id=project_id, rule=rule, of=of)


def is_unit_owner(tx: Transaction, domain_id: str, unit_id: str, who: Caller) -> bool:
    """Whether the caller owns the domain unit or one of its ancestors."""
    key = (domain_id, unit_id, who.id, who.group_ids)
    return tx.derived(_OWNERS, key, lambda: _is_unit_owner(tx, domain_id, unit_id, who))


def _is_unit_owner(tx: Transaction, domain_id: str, unit_id: str, who: Caller) -> bool:
    mine = [{"user": {"userId": who.id}}, *({"group": {"groupId": g}} for g in who.group_ids)]
    return any(owner in mine for unit in store.unit_path(tx, domain_id, unit_id) for owner in unit["owners"])


def is_domain_admin(tx: Transaction, domain_id: str, who: Caller) -> bool:
    """Whether the caller administers the domain: owns its root domain unit."""

    def owns() -> bool:
        return _is_unit_owner(tx, domain_id, store.get_domain(tx, domain_id)["rootDomainUnitId"], who)

    return tx.derived(_OWNERS, (domain_id, who.id, who.group_ids), owns)


def require_domain_admin(call: Call, domain_id: str) -> Caller:
    """`require` for what lies in no domain unit."""
    return require(call, domain_id)


def require_unit_owner(call: Call, domain_id: str, unit_id: str) -> Caller:
    """`require` for what lies in a domain unit."""
    return require(call, domain_id, unit_id=unit_id)


def subject_of(tx: Transaction, domain_id: str, who: Caller, grants: list[Document]) -> policy_rules.Subject:
    """The caller as these policy grants may name them: her projects and domain units only when one asks for such."""
    kinds = {kind for grant in grants for kind in grant["principal"]}
    projects, owned = [], []
    where = {"domainId": domain_id, "memberId": [who.id, *who.group_ids]}
    for membership in tx.select(store.MEMBERSHIPS, where) if "project" in kinds else []:
        project = tx.find(store.PROJECTS, domain_id, membership["projectId"])
        if project is not None:
            units = tuple(u["id"] for u in store.unit_path(tx, domain_id, project["domainUnitId"]))
            designation = membership.get("userCreatedDesignationId") or membership["designation"]
            projects.append((project["id"], designation, units))
    if "domainUnit" in kinds:
        units_here = tx.select(store.DOMAIN_UNITS, {"domainId": domain_id})
        owned = [unit["id"] for unit in units_here if is_unit_owner(tx, domain_id, unit["id"], who)]
    return policy_rules.Subject(who.id, who.group_ids, tuple(projects), tuple(owned))


def policy_grants(tx: Transaction, domain_id: str, unit_ids: list[str], policy_type: str) -> list[Document]:
    """The grants of a policy made on these domain units."""
    return tx.select(
        store.POLICY_GRANTS,
        {
            "domainId": domain_id,
            "entityType": "DOMAIN_UNIT",
            "entityIdentifier": unit_ids,
            "policyType": policy_type,
        },
    )


def holds(
    tx: Transaction, domain_id: str, unit_id: str, policy_type: str, who: Caller, *, project_id: str | None = None
) -> bool:
    """Whether a grant of the policy, on the domain unit or cascading from one above it, names the caller.

    With a project: names her, or this one of her projects.
    """
    unit_ids = [unit["id"] for unit in store.unit_path(tx, domain_id, unit_id)]
    grants = policy_grants(tx, domain_id, unit_ids, policy_type)
    if project_id is not None:
        return policy_rules.is_granted(grants, unit_id, _member(tx, domain_id, project_id, who))
    return policy_rules.is_granted(grants, unit_id, subject_of(tx, domain_id, who, grants))


def _member(tx: Transaction, domain_id: str, project_id: str, who: Caller) -> policy_rules.Subject:
    """The caller as grants may name her that are used in this project: herself, her groups, and what she is there."""
    units = tuple(unit["id"] for unit in store.unit_path(tx, domain_id, _unit_of(tx, domain_id, project_id)))
    held = designations(tx, domain_id, project_id, who)
    return policy_rules.Subject(who.id, who.group_ids, tuple((project_id, designation, units) for designation in held))


def require_use(call: Call, domain_id: str, project_id: str, policy_type: str, entity_id: str) -> None:
    """The caller must be named, herself or as what she is in the project, by a grant of the policy on the entity.

    An entity that never had such a grant is for everybody. Raises AccessDeniedException.
    """
    tx, (_, entity_type) = call.tx, policy_rules.POLICIES[policy_type]
    if tx.find(store.RESTRICTED, domain_id, entity_type, entity_id, policy_type) is None:
        return
    where = {"domainId": domain_id, "entityType": entity_type, "entityIdentifier": entity_id}
    grants = tx.select(store.POLICY_GRANTS, where | {"policyType": policy_type})
    subject = _member(tx, domain_id, project_id, caller(call, domain_id))
    if not any(
        policy_rules.names(grant["principal"], subject) and policy_rules.reaches(grant, subject) for grant in grants
    ):
        raise denied(call)


def credentials(issued: dict[str, Any]) -> Answer:
    """Issued credentials with DataZone's names for their members."""
    return {
        "accessKeyId": issued["AccessKeyId"],
        "secretAccessKey": issued["SecretAccessKey"],
        "sessionToken": issued["SessionToken"],
        "expiration": issued["Expiration"],
    }


def add_unique(tx: Transaction, kind: Any, document: Document, message: str) -> Document:
    """Stores a new document. Raises ConflictException with the message when its name is taken."""
    try:
        return tx.add(kind, document)
    except AlreadyExists:
        raise rules.conflict(message) from None
