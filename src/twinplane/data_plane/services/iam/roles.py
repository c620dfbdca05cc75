"""Roles: who may assume them, what they may do, and within which boundary."""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, reads, writes
from twinplane.data_plane.services.iam import store
from twinplane.data_plane.services.iam.entities import (
    ROLE,
    boundary_and_tags,
    changed_tags,
    characters_of,
    check_modifiable,
    checked_policy,
    conflict,
    known_policy_arn,
    on_the_wire,
    page_of_kind,
    quota,
)
from twinplane.data_plane.services.iam.entity_policies import boundary_and_tag_operations, policy_operations
from twinplane.data_plane.services.iam.rules import iam
from twinplane.data_plane.store import Document

MOST_ROLES = 1000
_MOST_CHARACTERS_OF_TRUST = 2048


def create_role(call: Call, request: Request) -> Answer:
    quota(call.tx.count(store.ROLES) + 1, MOST_ROLES, "RolesPerAccount")
    role = store.new_role(
        account_id=call.account_id, name=request["RoleName"], path=request.get("Path") or "/", now=call.now
    )
    role |= {
        "AssumeRolePolicyDocument": _trust_policy(request["AssumeRolePolicyDocument"]),
        "Description": request.get("Description"),
        "MaxSessionDuration": request.get("MaxSessionDuration") or 3600,
        "tags": changed_tags({}, request.get("Tags")),
    }
    if request.get("PermissionsBoundary"):
        role["boundary_arn"] = known_policy_arn(call.tx, request["PermissionsBoundary"])
    return {"Role": view(ROLE.add(call, role))}


def get_role(call: Call, request: Request) -> Answer:
    return {"Role": view(ROLE.get(call, request))}


def list_roles(call: Call, request: Request) -> Answer:
    roles, more = page_of_kind(call, request, store.ROLES)
    return {"Roles": [view(role) for role in roles], **more}


def delete_role(call: Call, request: Request) -> Answer:
    role = ROLE.get(call, request)
    check_modifiable(role)
    if role["attached"] or role["policies"]:
        raise conflict("detach all managed policies and delete all inline ones")
    if call.tx.count(store.INSTANCE_PROFILES, {"role_name": role["RoleName"]}):
        raise conflict("remove roles from instance profile")
    store.remove_role(call.tx, role["RoleName"])
    return {}


def update_role(call: Call, request: Request) -> Answer:
    changes = {member: request[member] for member in ("Description", "MaxSessionDuration") if member in request}
    return ROLE.put(call, ROLE.get(call, request) | changes)


def update_role_description(call: Call, request: Request) -> Answer:
    role = ROLE.get(call, request) | {"Description": request["Description"]}
    ROLE.put(call, role)
    return {"Role": view(role)}


def update_assume_role_policy(call: Call, request: Request) -> Answer:
    text = _trust_policy(request["PolicyDocument"])
    return ROLE.put(call, ROLE.get(call, request) | {"AssumeRolePolicyDocument": text})


def view(role: Document) -> dict[str, Any]:
    """A role as AWS shows it."""
    members = ("Path", "RoleName", "RoleId", "Arn", "CreateDate", "MaxSessionDuration")
    return {
        **{member: role[member] for member in members},
        **({"Description": role["Description"]} if role.get("Description") else {}),
        "AssumeRolePolicyDocument": on_the_wire(role["AssumeRolePolicyDocument"]),
        **boundary_and_tags(role),
    }


def _trust_policy(text: str) -> str:
    quota(characters_of(text), _MOST_CHARACTERS_OF_TRUST, "ACLSizePerRole")
    return checked_policy(text, "trust")


OPERATIONS: dict[str, Operation] = {
    "CreateRole": writes(create_role, ROLE.may("CreateRole")),
    "GetRole": reads(get_role, ROLE.may("GetRole")),
    "ListRoles": reads(list_roles, iam("iam:ListRoles")),
    "DeleteRole": writes(delete_role, ROLE.may("DeleteRole")),
    "UpdateRole": writes(update_role, ROLE.may("UpdateRole")),
    "UpdateRoleDescription": writes(update_role_description, ROLE.may("UpdateRoleDescription")),
    "UpdateAssumeRolePolicy": writes(update_assume_role_policy, ROLE.may("UpdateAssumeRolePolicy")),
    **policy_operations(ROLE),
    **boundary_and_tag_operations(ROLE),
}
