"""IAM users. People are not IAM users: they live in the identity store."""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, reads, writes
from twinplane.data_plane.services.iam import store
from twinplane.data_plane.services.iam.entities import (
    USER,
    already_exists,
    boundary_and_tags,
    changed_tags,
    check_path,
    conflict,
    known_policy_arn,
    page_of_kind,
    quota,
)
from twinplane.data_plane.services.iam.entity_policies import boundary_and_tag_operations, policy_operations
from twinplane.data_plane.services.iam.rules import iam
from twinplane.data_plane.store import AlreadyExists, Document

MOST_USERS = 5000


def create_user(call: Call, request: Request) -> Answer:
    quota(call.tx.count(store.USERS) + 1, MOST_USERS, "UsersPerAccount")
    user = store.new_user(
        account_id=call.account_id, name=request["UserName"], path=request.get("Path") or "/", now=call.now
    )
    user["tags"] = changed_tags({}, request.get("Tags"))
    if request.get("PermissionsBoundary"):
        user["boundary_arn"] = known_policy_arn(call.tx, request["PermissionsBoundary"])
    return {"User": view(USER.add(call, user))}


def get_user(call: Call, request: Request) -> Answer:
    return {"User": view(USER.get(call, request))}


def list_users(call: Call, request: Request) -> Answer:
    users, more = page_of_kind(call, request, store.USERS)
    return {"Users": [view(user) for user in users], **more}


def update_user(call: Call, request: Request) -> Answer:
    """Gives a user another name or path: its id, keys, groups and policies stay. Sessions issued before end."""
    user = USER.get(call, request)
    old, new = user["UserName"], request.get("NewUserName") or user["UserName"]
    check_path(request.get("NewPath") or "/")
    renamed = store.renamed(user, "user", "UserName", new, request.get("NewPath") or user["Path"])
    renamed["renamed_at"] = call.now
    keys = call.tx.select(store.ACCESS_KEYS, {"UserName": old})
    groups = call.tx.select(store.GROUP_MEMBERS, {"UserName": old})
    call.tx.remove(store.USERS, old)
    try:
        call.tx.add(store.USERS, renamed)
    except AlreadyExists:
        raise already_exists("User", new) from None
    for key in keys:
        call.tx.put(store.ACCESS_KEYS, key | {"UserName": new})
    for member in groups:
        call.tx.remove(store.GROUP_MEMBERS, member["GroupName"], old)
        call.tx.put(store.GROUP_MEMBERS, member | {"UserName": new})
    return {}


def delete_user(call: Call, request: Request) -> Answer:
    user = USER.get(call, request)
    name = {"UserName": user["UserName"]}
    if user["attached"] or user["policies"]:
        raise conflict("detach all managed policies and delete all inline ones")
    if call.tx.count(store.ACCESS_KEYS, name):
        raise conflict("delete access keys")
    if call.tx.count(store.GROUP_MEMBERS, name):
        raise conflict("remove users from group")
    call.tx.remove(store.USERS, user["UserName"])
    return {}


def view(user: Document) -> dict[str, Any]:
    """A user as AWS shows it."""
    members = ("Path", "UserName", "UserId", "Arn", "CreateDate")
    return {**{member: user[member] for member in members}, **boundary_and_tags(user)}


OPERATIONS: dict[str, Operation] = {
    "CreateUser": writes(create_user, USER.may("CreateUser")),
    "GetUser": reads(get_user, USER.may("GetUser")),
    "ListUsers": reads(list_users, iam("iam:ListUsers")),
    "UpdateUser": writes(update_user, USER.may_rename("UpdateUser")),
    "DeleteUser": writes(delete_user, USER.may("DeleteUser")),
    **policy_operations(USER),
    **boundary_and_tag_operations(USER),
}
