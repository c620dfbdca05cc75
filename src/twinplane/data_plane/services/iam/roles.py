"""Roles: who may assume them, what they may do, and within which boundary."""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads, writes
from twinplane.data_plane.services.iam import store
from twinplane.data_plane.services.iam.entities import (
    already_exists,
    attached_policies,
    boundary_and_tags,
    changed_tags,
    checked_policy,
    get_policy_text,
    known_policy_arn,
    no_such,
    on_the_wire,
    page_of_kind,
    page_of_list,
    tag_list,
)
from twinplane.data_plane.services.iam.rules import iam
from twinplane.data_plane.store import AlreadyExists, Document


def create_role(call: Call, request: Request) -> Answer:
    role = store.new_role(
        account_id=call.account_id, name=request["RoleName"], path=request.get("Path") or "/", now=call.now
    )
    role |= {
        "AssumeRolePolicyDocument": checked_policy(request["AssumeRolePolicyDocument"], "trust"),
        "Description": request.get("Description"),
        "MaxSessionDuration": request.get("MaxSessionDuration") or 3600,
        "tags": changed_tags({}, request.get("Tags")),
    }
    if request.get("PermissionsBoundary"):
        role["boundary_arn"] = known_policy_arn(call.tx, request["PermissionsBoundary"])
    try:
        call.tx.add(store.ROLES, role)
    except AlreadyExists:
        raise already_exists("Role", request["RoleName"]) from None
    _name(call, role)
    return {"Role": _view(role)}


def get_role(call: Call, request: Request) -> Answer:
    return {"Role": _view(_get(call, request))}


def list_roles(call: Call, request: Request) -> Answer:
    roles, more = page_of_kind(call, request, store.ROLES)
    return {"Roles": [_view(role) for role in roles], **more}


def delete_role(call: Call, request: Request) -> Answer:
    role = _get(call, request)
    if role["attached"] or role["policies"]:
        raise ServiceError(
            "DeleteConflictException", "Cannot delete entity, must detach all managed and delete all inline policies."
        )
    store.remove_role(call.tx, role["RoleName"])
    return {}


def update_role(call: Call, request: Request) -> Answer:
    changes = {member: request[member] for member in ("Description", "MaxSessionDuration") if member in request}
    return _change(call, _get(call, request) | changes)


def update_assume_role_policy(call: Call, request: Request) -> Answer:
    text = checked_policy(request["PolicyDocument"], "trust")
    return _change(call, _get(call, request) | {"AssumeRolePolicyDocument": text})


def put_role_policy(call: Call, request: Request) -> Answer:
    role = _get(call, request)
    role["policies"][request["PolicyName"]] = checked_policy(request["PolicyDocument"])
    return _change(call, role)


def get_role_policy(call: Call, request: Request) -> Answer:
    text = get_policy_text(_get(call, request), request["PolicyName"], "role")
    return {
        "RoleName": request["RoleName"], "PolicyName": request["PolicyName"], "PolicyDocument": on_the_wire(text),
    }  # fmt: skip


def list_role_policies(call: Call, request: Request) -> Answer:
    names = [{"PolicyName": name} for name in _get(call, request)["policies"]]
    found, more = page_of_list(call, request, names, "PolicyName")
    return {"PolicyNames": [policy["PolicyName"] for policy in found], **more}


def delete_role_policy(call: Call, request: Request) -> Answer:
    role = _get(call, request)
    get_policy_text(role, request["PolicyName"], "role")
    del role["policies"][request["PolicyName"]]
    return _change(call, role)


def attach_role_policy(call: Call, request: Request) -> Answer:
    role = _get(call, request)
    arn = known_policy_arn(call.tx, request["PolicyArn"])
    return _change(call, role | {"attached": sorted({*role["attached"], arn})})


def detach_role_policy(call: Call, request: Request) -> Answer:
    role = _get(call, request)
    if request["PolicyArn"] not in role["attached"]:
        raise no_such(f"Policy {request['PolicyArn']} was not found.")
    return _change(call, role | {"attached": [arn for arn in role["attached"] if arn != request["PolicyArn"]]})


def list_attached_role_policies(call: Call, request: Request) -> Answer:
    found, more = page_of_list(call, request, attached_policies(_get(call, request)), "PolicyArn")
    return {"AttachedPolicies": found, **more}


def put_role_permissions_boundary(call: Call, request: Request) -> Answer:
    arn = known_policy_arn(call.tx, request["PermissionsBoundary"])
    return _change(call, _get(call, request) | {"boundary_arn": arn})


def delete_role_permissions_boundary(call: Call, request: Request) -> Answer:
    return _change(call, _get(call, request) | {"boundary_arn": None})


def tag_role(call: Call, request: Request) -> Answer:
    role = _get(call, request)
    return _change(call, role | {"tags": changed_tags(role["tags"], request["Tags"])})


def untag_role(call: Call, request: Request) -> Answer:
    role = _get(call, request)
    gone = set(request["TagKeys"])
    return _change(call, role | {"tags": {key: value for key, value in role["tags"].items() if key not in gone}})


def list_role_tags(call: Call, request: Request) -> Answer:
    found, more = page_of_list(call, request, tag_list(_get(call, request)["tags"]), "Key")
    return {"Tags": found, **more}


def _get(call: Call, request: Request) -> Document:
    role = store.find_role(call.tx, request["RoleName"])
    if role is None:
        raise no_such(f"The role with name {request['RoleName']} cannot be found.")
    _name(call, role)
    return role


def _change(call: Call, role: Document) -> Answer:
    call.tx.put(store.ROLES, role)
    return {}


def _name(call: Call, role: Document) -> None:
    call.resources.append({"ARN": role["Arn"], "type": "AWS::IAM::Role"})


def _view(role: Document) -> dict[str, Any]:
    members = ("Path", "RoleName", "RoleId", "Arn", "CreateDate", "MaxSessionDuration")
    return {
        **{member: role[member] for member in members},
        **({"Description": role["Description"]} if role.get("Description") else {}),
        "AssumeRolePolicyDocument": on_the_wire(role["AssumeRolePolicyDocument"]),
        **boundary_and_tags(role),
    }


def _arn(call: Call, request: Request) -> str:
    role = store.find_role(call.tx, request["RoleName"])
    if role is not None:
        return str(role["Arn"])
    return f"arn:aws:iam::{call.account_id}:role{request.get('Path') or '/'}{request['RoleName']}"


OPERATIONS: dict[str, Operation] = {
    "CreateRole": writes(create_role, iam("iam:CreateRole", _arn)),
    "GetRole": reads(get_role, iam("iam:GetRole", _arn)),
    "ListRoles": reads(list_roles, iam("iam:ListRoles")),
    "DeleteRole": writes(delete_role, iam("iam:DeleteRole", _arn)),
    "UpdateRole": writes(update_role, iam("iam:UpdateRole", _arn)),
    "UpdateAssumeRolePolicy": writes(update_assume_role_policy, iam("iam:UpdateAssumeRolePolicy", _arn)),
    "PutRolePolicy": writes(put_role_policy, iam("iam:PutRolePolicy", _arn)),
    "GetRolePolicy": reads(get_role_policy, iam("iam:GetRolePolicy", _arn)),
    "ListRolePolicies": reads(list_role_policies, iam("iam:ListRolePolicies", _arn)),
    "DeleteRolePolicy": writes(delete_role_policy, iam("iam:DeleteRolePolicy", _arn)),
    "AttachRolePolicy": writes(attach_role_policy, iam("iam:AttachRolePolicy", _arn)),
    "DetachRolePolicy": writes(detach_role_policy, iam("iam:DetachRolePolicy", _arn)),
    "ListAttachedRolePolicies": reads(list_attached_role_policies, iam("iam:ListAttachedRolePolicies", _arn)),
    "PutRolePermissionsBoundary": writes(put_role_permissions_boundary, iam("iam:PutRolePermissionsBoundary", _arn)),
    "DeleteRolePermissionsBoundary": writes(
        delete_role_permissions_boundary, iam("iam:DeleteRolePermissionsBoundary", _arn)
    ),
    "TagRole": writes(tag_role, iam("iam:TagRole", _arn)),
    "UntagRole": writes(untag_role, iam("iam:UntagRole", _arn)),
    "ListRoleTags": reads(list_role_tags, iam("iam:ListRoleTags", _arn)),
}
