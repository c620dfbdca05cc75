"""Credentials for data: scoped to what a grant gives, for the time asked, in the name of the person who asks."""

import uuid

from twinplane.data_plane import sessions
from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads
from twinplane.data_plane.services.iam import store as iam_store
from twinplane.data_plane.services.iam.policy import compile_policy
from twinplane.data_plane.services.s3control import rules, store
from twinplane.data_plane.services.s3control.grants import caller_grants
from twinplane.data_plane.services.s3control.permissions import instance_arn, on_instance
from twinplane.data_plane.services.s3control.trust import trust_context
from twinplane.data_plane.store import Document


def get_data_access(call: Call, request: Request) -> Answer:
    to_object = request.get("TargetType") == "Object"
    target = rules.target_scope(request["Target"], to_object=to_object)
    grant = _best(caller_grants(call), target, request["Permission"])
    role = _role(call, store.get_location(call.tx, grant["AccessGrantsLocationId"])["IAMRoleArn"], grant)
    seconds = request.get("DurationSeconds") or 3600
    if seconds > role["MaxSessionDuration"]:
        raise ServiceError(
            "StsValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.", 400
        )
    scope = target if request.get("Privilege") == "Minimal" else grant["GrantScope"]
    credentials = sessions.issue(
        call.plane,
        role_arn=role["Arn"],
        session_name=f"access-grants-{uuid.uuid4()}",
        duration_seconds=seconds,
        now=call.now,
        on_behalf_of=call.principal.on_behalf_of,
        source_identity=call.principal.source_identity,
        session_policy=rules.session_policy(scope, request["Permission"]),
    )
    return {
        "Credentials": credentials,
        "MatchedGrantTarget": scope,
        "Grantee": grant["Grantee"],
        "MatchedInstanceArn": instance_arn(call),
    }


def _best(grants: list[Document], target: str, permission: str) -> Document:
    """The narrowest grant that gives what is asked for. Raises `AccessDenied`."""
    fitting = [
        grant
        for grant in grants
        if rules.covers(grant["Permission"], permission) and rules.is_within(target, grant["GrantScope"])
    ]
    if not fitting:
        raise ServiceError("AccessDenied", "You do not have the requested permissions to the requested S3 Prefix.", 403)
    return max(fitting, key=lambda grant: (len(grant["GrantScope"]), str(grant["AccessGrantId"])))


def _role(call: Call, arn: str, grant: Document) -> Document:
    """The location's role, which must let the service take it for this kind of grantee now."""
    role = iam_store.find_role_by_arn(call.tx, arn)
    also = "sts:SetSourceIdentity" if grant["grantee_type"] == "IAM" else "sts:SetContext"
    if role is None or not rules.lets_access_grants_in(
        compile_policy(role["AssumeRolePolicyDocument"], "trust"),
        ("sts:AssumeRole", also),
        trust_context(call, call.principal.source_identity),
    ):
        raise ServiceError(
            "StsNotAuthorizedError",
            "An STS 'Not Authorized' error occurred. Please check the trust policy of the location's IAM role.",
            400,
        )
    return role


OPERATIONS: dict[str, Operation] = {"GetDataAccess": reads(get_data_access, on_instance("s3:GetDataAccess"))}
