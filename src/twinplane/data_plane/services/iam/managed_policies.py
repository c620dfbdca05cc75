"""Customer managed policies: one document under an ARN that roles, users and boundaries refer to."""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads, writes
from twinplane.data_plane.services.iam import store
from twinplane.data_plane.services.iam.entities import (
    already_exists,
    changed_tags,
    checked_policy,
    no_such,
    on_the_wire,
    page_of_kind,
    tag_list,
)
from twinplane.data_plane.services.iam.rules import iam
from twinplane.data_plane.store import AlreadyExists, Document

_VERSION = "v1"  # policies are replaced, not revised: there is one version


def create_policy(call: Call, request: Request) -> Answer:
    policy = {
        "PolicyName": request["PolicyName"], "name_key": request["PolicyName"].casefold(),
        "PolicyId": store.new_policy_id(), "Arn": _new_arn(call, request), "Path": request.get("Path") or "/",
        "Description": request.get("Description"), "CreateDate": call.now,
        "document": checked_policy(request["PolicyDocument"]), "tags": changed_tags({}, request.get("Tags")),
    }  # fmt: skip
    try:
        call.tx.add(store.POLICIES, policy)
    except AlreadyExists:
        raise already_exists("A policy", request["PolicyName"]) from None
    call.resources.append({"ARN": policy["Arn"], "type": "AWS::IAM::ManagedPolicy"})
    return {"Policy": _view(call, policy)}


def get_policy(call: Call, request: Request) -> Answer:
    return {"Policy": _view(call, _get(call, request))}


def get_policy_version(call: Call, request: Request) -> Answer:
    policy = _get(call, request)
    if request["VersionId"] != _VERSION:
        raise no_such(f"Policy {policy['Arn']} version {request['VersionId']} does not exist.")
    return {
        "PolicyVersion": {
            "Document": on_the_wire(policy["document"]), "VersionId": _VERSION, "IsDefaultVersion": True,
            "CreateDate": policy["CreateDate"],
        }
    }  # fmt: skip


def list_policies(call: Call, request: Request) -> Answer:
    policies, more = page_of_kind(call, request, store.POLICIES)
    return {"Policies": [_view(call, policy) for policy in policies], **more}


def delete_policy(call: Call, request: Request) -> Answer:
    arn = _get(call, request)["Arn"]
    if any(_uses(call, arn)):
        raise ServiceError("DeleteConflictException", "Cannot delete a policy attached to entities.")
    call.tx.remove(store.POLICIES, arn)
    return {}


def _uses(call: Call, arn: str) -> tuple[int, int]:
    """How many entities the policy is attached to, and of how many it is the boundary."""
    entities = call.tx.select(store.ROLES) + call.tx.select(store.USERS)
    return sum(arn in entity["attached"] for entity in entities), sum(e["boundary_arn"] == arn for e in entities)


def _get(call: Call, request: Request) -> Document:
    arn = request["PolicyArn"]
    policy = call.tx.find(store.POLICIES, arn) or store.aws_managed_policy(arn)
    if policy is None:
        raise no_such(f"Policy {arn} was not found.")
    call.resources.append({"ARN": arn, "type": "AWS::IAM::ManagedPolicy"})
    return policy


def _view(call: Call, policy: Document) -> dict[str, Any]:
    members = ("PolicyName", "PolicyId", "Arn", "Path", "CreateDate")
    attached, boundary = _uses(call, policy["Arn"])
    return {
        **{member: policy[member] for member in members},
        **({"Description": policy["Description"]} if policy.get("Description") else {}),
        "DefaultVersionId": _VERSION, "UpdateDate": policy["CreateDate"], "IsAttachable": True,
        "AttachmentCount": attached, "PermissionsBoundaryUsageCount": boundary, "Tags": tag_list(policy["tags"]),
    }  # fmt: skip


def _new_arn(call: Call, request: Request) -> str:
    return f"arn:aws:iam::{call.account_id}:policy{request.get('Path') or '/'}{request['PolicyName']}"


def _arn(_call: Call, request: Request) -> str:
    return str(request["PolicyArn"])


OPERATIONS: dict[str, Operation] = {
    "CreatePolicy": writes(create_policy, iam("iam:CreatePolicy", _new_arn)),
    "GetPolicy": reads(get_policy, iam("iam:GetPolicy", _arn)),
    "GetPolicyVersion": reads(get_policy_version, iam("iam:GetPolicyVersion", _arn)),
    "ListPolicies": reads(list_policies, iam("iam:ListPolicies")),
    "DeletePolicy": writes(delete_policy, iam("iam:DeletePolicy", _arn)),
}
