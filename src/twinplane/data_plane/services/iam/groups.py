"""Groups of users: what a group may do, each of its users may do."""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, reads, writes
from twinplane.data_plane.services.iam import store, users
from twinplane.data_plane.services.iam.entities import (
    GROUP,
    USER,
    already_exists,
    conflict,
    no_such,
    page_of_kind,
    page_of_list,
    quota,
)
from twinplane.data_plane.services.iam.entity_policies import policy_operations
from twinplane.data_plane.services.iam.rules import iam
from twinplane.data_plane.store import AlreadyExists, Document

MOST_GROUPS = 300
MOST_GROUPS_OF_A_USER = 10


def create_group(call: Call, request: Request) -> Answer:
    quota(call.tx.count(store.GROUPS) + 1, MOST_GROUPS, "GroupsPerAccount")
    group = store.new_group(
        account_id=call.account_id, name=request["GroupName"], path=request.get("Path") or "/", now=call.now
    )
    return {"Group": view(GROUP.add(call, group))}


def get_group(call: Call, request: Request) -> Answer:
    """The group and, page by page, its users."""
    group = GROUP.get(call, request)
    members = call.tx.select(store.GROUP_MEMBERS, {"GroupName": group["GroupName"]})
    found, more = page_of_list(call, request, members, "UserName")
    shown = [users.view(call.tx.get(store.USERS, member["UserName"])) for member in found]
    return {"Group": view(group), "Users": shown, **more}


def list_groups(call: Call, request: Request) -> Answer:
    groups, more = page_of_kind(call, request, store.GROUPS)
    return {"Groups": [view(group) for group in groups], **more}


def list_groups_for_user(call: Call, request: Request) -> Answer:
    groups = store.groups_of(call.tx, USER.get(call, request)["UserName"])
    found, more = page_of_list(call, request, groups, "GroupName")
    return {"Groups": [view(group) for group in found], **more}


def update_group(call: Call, request: Request) -> Answer:
    """Gives a group another name or path; its users and policies stay."""
    group = GROUP.get(call, request)
    old, new = group["GroupName"], request.get("NewGroupName") or group["GroupName"]
    members = call.tx.select(store.GROUP_MEMBERS, {"GroupName": old})
    call.tx.remove(store.GROUPS, old)
    try:
        call.tx.add(
            store.GROUPS, store.renamed(group, "group", "GroupName", new, request.get("NewPath") or group["Path"])
        )
    except AlreadyExists:
        raise already_exists("Group", new) from None
    for member in members:
        call.tx.remove(store.GROUP_MEMBERS, old, member["UserName"])
        call.tx.put(store.GROUP_MEMBERS, member | {"GroupName": new})
    return {}


def delete_group(call: Call, request: Request) -> Answer:
    group = GROUP.get(call, request)
    if group["attached"] or group["policies"]:
        raise conflict("detach all managed policies and delete all inline ones")
    if call.tx.count(store.GROUP_MEMBERS, {"GroupName": group["GroupName"]}):
        raise conflict("remove users from group")
    call.tx.remove(store.GROUPS, group["GroupName"])
    return {}


def add_user_to_group(call: Call, request: Request) -> Answer:
    group, user = GROUP.get(call, request), USER.get(call, request)
    member = {"GroupName": group["GroupName"], "UserName": user["UserName"]}
    if call.tx.find(store.GROUP_MEMBERS, *member.values()) is None:
        count = call.tx.count(store.GROUP_MEMBERS, {"UserName": user["UserName"]})
        quota(count + 1, MOST_GROUPS_OF_A_USER, "GroupsPerUser")
        call.tx.add(store.GROUP_MEMBERS, member)
    return {}


def remove_user_from_group(call: Call, request: Request) -> Answer:
    group, user = GROUP.get(call, request), USER.get(call, request)
    if not call.tx.remove(store.GROUP_MEMBERS, group["GroupName"], user["UserName"]):
        raise no_such(f"User {user['UserName']} is not in group {group['GroupName']}.")
    return {}


def view(group: Document) -> dict[str, Any]:
    """A group as AWS shows it."""
    return {member: group[member] for member in ("Path", "GroupName", "GroupId", "Arn", "CreateDate")}


OPERATIONS: dict[str, Operation] = {
    "CreateGroup": writes(create_group, GROUP.may("CreateGroup")),
    "GetGroup": reads(get_group, GROUP.may("GetGroup")),
    "ListGroups": reads(list_groups, iam("iam:ListGroups")),
    "ListGroupsForUser": reads(list_groups_for_user, USER.may("ListGroupsForUser")),
    "UpdateGroup": writes(update_group, GROUP.may_rename("UpdateGroup")),
    "DeleteGroup": writes(delete_group, GROUP.may("DeleteGroup")),
    "AddUserToGroup": writes(add_user_to_group, GROUP.may("AddUserToGroup")),
    "RemoveUserFromGroup": writes(remove_user_from_group, GROUP.may("RemoveUserFromGroup")),
    **policy_operations(GROUP),
}
