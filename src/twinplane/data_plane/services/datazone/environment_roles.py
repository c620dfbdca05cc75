"""Further IAM roles of an environment, beside the one that its blueprint makes."""

from twinplane.data_plane.call import Answer, Call, Operation, Request, writes
from twinplane.data_plane.services.datazone import access, rules, store
from twinplane.data_plane.services.iam import store as iam
from twinplane.data_plane.services.iam.rules import require_pass_role
from twinplane.data_plane.store import Document

_KEPT = "It is kept; nobody acts as it: the credentials of the project stay those of the role that its tooling made."
NOTES = {"AssociateEnvironmentRole": _KEPT}
ASSUMED = {
    "AssociateEnvironmentRole": "The role must exist. To associate it a second time changes nothing.",
    "DisassociateEnvironmentRole": "A role that is not associated is not found.",
}


def associate_environment_role(call: Call, request: Request) -> Answer:
    """Associates an IAM role of this account with an environment; for owners of its project."""
    environment = _environment(call, request)
    arn = request["environmentRoleArn"]
    require_pass_role(call, arn, access.SERVICE)
    if iam.find_role_by_arn(call.tx, arn) is None:
        raise rules.invalid(f"There is no role {arn} in account {call.account_id}.")
    roles = environment.get("roles", [])
    if arn not in roles:
        call.tx.put(store.ENVIRONMENTS, environment | {"roles": [*roles, arn], "updatedAt": call.now})
    return {}


def disassociate_environment_role(call: Call, request: Request) -> Answer:
    """Ends the association of a role with an environment; for owners of its project."""
    environment = _environment(call, request)
    arn = request["environmentRoleArn"]
    if arn not in environment.get("roles", []):
        raise store.not_found("Environment role", arn)
    left = [role for role in environment["roles"] if role != arn]
    call.tx.put(store.ENVIRONMENTS, environment | {"roles": left, "updatedAt": call.now})
    return {}


def _environment(call: Call, request: Request) -> Document:
    domain_id, identifier = request["domainIdentifier"], request["environmentIdentifier"]
    access.caller(call, domain_id)
    environment = store.get_environment(call.tx, domain_id, identifier)
    access.require_project_role(call, domain_id, environment["projectId"], of=("Environment", identifier))
    return environment


OPERATIONS: dict[str, Operation] = {
    "AssociateEnvironmentRole": writes(associate_environment_role, access.allowed("AssociateEnvironmentRole")),
    "DisassociateEnvironmentRole": writes(disassociate_environment_role, access.allowed("DisassociateEnvironmentRole")),
}
