"""Policy grants: who may create what in a domain unit, use a blueprint or an asset type."""

import base64
import secrets

from twinplane.data_plane.call import Answer, Call, Operation, Request, reads, writes
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.datazone import (
    access,
    documented_errors,
    events,
    people,
    policy_rules,
    quotas,
    rules,
    store,
    types,
)
from twinplane.data_plane.store import Document

NOTES = {
    "AddPolicyGrant": "CREATE_ENVIRONMENT_PROFILE and DELEGATE_CREATE_ENVIRONMENT_PROFILE are kept without effect, "
    "because environment profiles are not served; CREATE_ENVIRONMENT finds no environment profile to be granted on. "
    "A blueprint configuration or an asset type that never had a grant may be used in every project.",
}
ASSUMED = {
    "AddPolicyGrant": "Owners of a domain unit grant its policies, domain administrators those of blueprint "
    "configurations and asset types. A blueprint configuration is named by the blueprint's id or by "
    "account:blueprint. A grant that names a project is for what is made in that project.",
    "RemovePolicyGrant": "Without grantIdentifier all grants of the policy to the principal go; none is a "
    "ValidationException.",
}
_LISTED = ("principal", "detail", "createdAt", "createdBy", "grantId")


def add_policy_grant(call: Call, request: Request) -> Answer:
    """Grants a policy on a domain unit, blueprint configuration or asset type to a principal."""
    domain_id = request["domainIdentifier"]
    policy_rules.check_policy(request["policyType"], request["entityType"])
    policy_rules.check_detail(request["policyType"], request["detail"])
    policy_rules.check_principal(request["principal"])
    who = _require_administrator(call, request)
    with documented_errors.named():
        _check_entity(call, request)
        principal = _principal(call, domain_id, request["principal"])
    where = _where(request)
    existing = call.tx.select(store.POLICY_GRANTS, where)
    if any(g["principal"] == principal and g["detail"] == request["detail"] for g in existing):
        raise rules.conflict("This policy grant exists already.")
    quotas.check(quotas.GRANTS, len(existing))
    grant: Document = {
        **where,
        "grantId": base64.b64encode(secrets.token_bytes(9)).decode()[:10],
        "principal": principal,
        "detail": request["detail"],
        "createdAt": call.now,
        "createdBy": who.id,
    }
    call.tx.add(store.POLICY_GRANTS, grant)
    if where["entityType"] != "DOMAIN_UNIT":
        call.tx.put(store.RESTRICTED, where)
    _tell(call, "Added", grant, who.id)
    return {"grantId": grant["grantId"]}


def list_policy_grants(call: Call, request: Request) -> Answer:
    """The grants of a policy on an entity, oldest first."""
    access.caller(call, request["domainIdentifier"])
    rows, token = page(
        call,
        request,
        lambda after, limit: call.tx.select(
            store.POLICY_GRANTS, _where(request), order=("createdAt",), after=after, limit=limit
        ),
        lambda grant: [grant["createdAt"], grant["domainId"], grant["grantId"]],
        default=25,
        most=25,
    )
    return {"grantList": [store.pick(grant, _LISTED) for grant in rows], "nextToken": token}


def remove_policy_grant(call: Call, request: Request) -> Answer:
    """Removes the grants of a policy to a principal, or the one that `grantIdentifier` names."""
    domain_id = request["domainIdentifier"]
    who = _require_administrator(call, request)
    with documented_errors.named():
        principal, grant_id = _principal(call, domain_id, request["principal"]), request.get("grantIdentifier")
    matching = [
        grant
        for grant in call.tx.select(store.POLICY_GRANTS, _where(request))
        if grant["principal"] == principal and grant_id in (None, grant["grantId"])
    ]
    if not matching:
        raise rules.invalid("There is no such policy grant.")
    for found in matching:
        call.tx.remove(store.POLICY_GRANTS, domain_id, found["grantId"])
        _tell(call, "Removed", found, who.id)
    return {}


def _where(request: Request) -> Document:
    return {
        "domainId": request["domainIdentifier"],
        "entityType": request["entityType"],
        "entityIdentifier": _entity(request),
        "policyType": request["policyType"],
    }


def _require_administrator(call: Call, request: Request) -> access.Caller:
    """Owners of a domain unit decide on its policies, domain administrators on those of everything else."""
    domain_id, unit_id = request["domainIdentifier"], request["entityIdentifier"]
    if request["entityType"] != "DOMAIN_UNIT":
        unit_id = store.get_domain(call.tx, domain_id)["rootDomainUnitId"]
    return access.require_unit_owner(call, domain_id, unit_id)


def _entity(request: Request) -> str:
    """The id of the entity; that of a blueprint configuration may follow the account's: account:blueprint."""
    entity: str = request["entityIdentifier"]
    is_configuration = request["entityType"] == "ENVIRONMENT_BLUEPRINT_CONFIGURATION"
    return entity.rpartition(":")[2] if is_configuration else entity


def _check_entity(call: Call, request: Request) -> None:
    """There must be such an entity; a domain unit was found already. Raises ResourceNotFoundException."""
    domain_id, entity = request["domainIdentifier"], _entity(request)
    if request["entityType"] == "ENVIRONMENT_BLUEPRINT_CONFIGURATION":
        if store.blueprint_configuration(call.tx, domain_id, entity) is None:
            raise store.not_found("Environment blueprint configuration", entity)
    elif request["entityType"] == "ENVIRONMENT_PROFILE":
        raise store.not_found("Environment profile", entity)
    elif request["entityType"] == "ASSET_TYPE":
        types.asset_type(call.tx, domain_id, entity)


def _tell(call: Call, moment: str, grant: Document, by: str) -> None:
    shown = store.pick(grant, ("entityType", "entityIdentifier", "policyType", "principal", "detail"))
    about = grant | {"id": grant["grantId"]}
    events.tell(call.tx, call.plane, f"Policy Grant {moment}", about, "PolicyGrant", by=by, **shown)


def _principal(call: Call, domain_id: str, given: Document) -> Document:
    """The principal with profile ids in place of names and ARNs."""
    kind, who = rules.exactly_one(given, "principal")
    if kind == "user":
        member, value = rules.exactly_one(who, "principal.user")
        if member == "userIdentifier":
            return {"user": {"userIdentifier": people.ensure_user(call, domain_id, value)["id"]}}
    elif kind == "group":
        return {"group": {"groupIdentifier": people.get_group(call, domain_id, who["groupIdentifier"])["id"]}}
    elif kind == "project" and who.get("projectIdentifier"):
        store.get_project(call.tx, domain_id, who["projectIdentifier"])
        if who.get("userCreatedDesignationId"):
            store.found(call.tx, store.DESIGNATIONS, "Designation", domain_id, who["userCreatedDesignationId"])
    elif kind == "domainUnit" and who.get("domainUnitIdentifier"):
        store.get_domain_unit(call.tx, domain_id, who["domainUnitIdentifier"])
    return given


OPERATIONS: dict[str, Operation] = {
    "AddPolicyGrant": writes(add_policy_grant, access.allowed("AddPolicyGrant")),
    "ListPolicyGrants": reads(list_policy_grants, access.allowed("ListPolicyGrants")),
    "RemovePolicyGrant": writes(remove_policy_grant, access.allowed("RemovePolicyGrant")),
}
