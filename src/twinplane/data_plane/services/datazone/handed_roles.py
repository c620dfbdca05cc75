"""IAM roles that requests hand to DataZone: who may hand them over, and which of them let DataZone in."""

from twinplane.data_plane.call import Call
from twinplane.data_plane.services.datazone import access, rules, store
from twinplane.data_plane.services.iam import store as iam
from twinplane.data_plane.services.iam.evaluation import lets_service
from twinplane.data_plane.services.iam.policy import Context, compile_policy
from twinplane.data_plane.services.iam.rules import require_pass_role

_KNOWN = ("aws:source", "aws:principal", "sts:", "aws:requesttag/", "aws:tagkeys", "aws:viaawsservice")


def take(call: Call, domain_id: str, project_id: str, role_arn: str | None) -> None:
    """A role for what a project has. Raises AccessDeniedException unless the caller may pass it to DataZone.

    The project's own role, and roles that the domain's administrators have configured for access to data, are
    DataZone's already.
    """
    if role_arn is None or role_arn == store.project_role_arn(call.tx, domain_id, project_id):
        return
    configured = call.tx.select(store.BLUEPRINT_CONFIGURATIONS, {"domainId": domain_id})
    if all(role_arn != configuration.get("manageAccessRoleArn") for configuration in configured):
        require_pass_role(call, role_arn, access.SERVICE)


def take_for_project(call: Call, domain_id: str, role_arn: str) -> None:
    """A role that a project is to work with, which DataZone takes for its members.

    Raises AccessDeniedException unless the caller may pass it, ValidationException unless it lets DataZone in.
    """
    require_pass_role(call, role_arn, access.SERVICE)
    role = iam.find_role_by_arn(call.tx, role_arn)
    if role is None:
        raise rules.invalid(f"There is no role {role_arn} in account {call.account_id}.")
    values: dict[str, str | tuple[str, ...]] = {
        "aws:SourceAccount": call.account_id,
        "aws:SourceArn": access.domain_arn(call, domain_id),
        "aws:PrincipalIsAWSService": "true",
    }
    context = Context(lambda: values, knows=lambda key: key.startswith(_KNOWN))
    trust = compile_policy(role["AssumeRolePolicyDocument"], "trust")
    if not lets_service(trust, access.SERVICE, "sts:AssumeRole", role_arn, context):
        raise rules.invalid(f"The trust policy of role {role_arn} must let {access.SERVICE} assume it.")
