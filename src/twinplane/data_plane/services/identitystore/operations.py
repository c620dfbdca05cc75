"""The identity store of IAM Identity Center: people, groups and who is in which."""

import uuid
from collections.abc import Callable
from typing import Any

from twinplane.data_plane.call import Access, Answer, Call, Operation, Request, ServiceError, reads, writes
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.iam.rules import iam
from twinplane.data_plane.services.identitystore import store
from twinplane.data_plane.services.identitystore.rules import (
    GROUP_MEMBERS,
    USER_MEMBERS,
    changed,
    check_group,
    check_user,
    invalid,
)
from twinplane.data_plane.store import AlreadyExists, Document, Kind
from twinplane.data_plane.tasks import TaskKind

_STAMPS = ("CreatedAt", "CreatedBy", "UpdatedAt", "UpdatedBy")


def create_user(call: Call, request: Request) -> Answer:
    user = {member: request[member] for member in USER_MEMBERS if request.get(member) is not None}
    check_user(user)
    user |= {"UserId": str(uuid.uuid4()), "Revision": "1"} | _created(call)
    _store_user(call, user)
    return _named_user(call, user)


def describe_user(call: Call, request: Request) -> Answer:
    return _user_view(call, _get_user(call, request["UserId"]))


def list_users(call: Call, request: Request) -> Answer:
    where = _filter(request, {"username": "name_key"})

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        return call.tx.select(store.USERS, where, order=("name_key",), after=after, limit=limit)

    users, more = _page(call, request, fetch, ("name_key", "UserId"))
    return {"Users": [_user_view(call, user) for user in users], **more}


def get_user_id(call: Call, request: Request) -> Answer:
    path, value = _unique_attribute(request)
    if path == "username":
        user = store.find_user(call.tx, value)
    elif path == "emails.value":
        user = call.tx.first(store.USERS, {"email_key": store.fold(value)})
    else:
        raise invalid("AttributePath must be userName or emails.value")
    if user is None:
        raise _not_found("USER", value)
    answer = _named_user(call, user)
    del answer["Revision"]
    return answer


def update_user(call: Call, request: Request) -> Answer:
    user = changed(_get_user(call, request["UserId"]), USER_MEMBERS, request["Operations"])
    check_user(user)
    _check_revision(request, user)
    _store_user(call, user | _updated(call, user))
    return _named_user(call, _get_user(call, request["UserId"]))


def delete_user(call: Call, request: Request) -> Answer:
    """Removes the user and its memberships. Sessions that act for it end at their next use."""
    user = _get_user(call, request["UserId"])
    _check_revision(request, user)
    for membership in call.tx.select(store.MEMBERSHIPS, {"UserId": user["UserId"]}):
        call.tx.remove(store.MEMBERSHIPS, membership["MembershipId"])
    call.tx.remove(store.USERS, user["UserId"])
    return {}


def create_group(call: Call, request: Request) -> Answer:
    group = {member: request[member] for member in GROUP_MEMBERS if request.get(member) is not None}
    check_group(group)
    group |= {"GroupId": str(uuid.uuid4()), "Revision": "1"} | _created(call)
    _store_group(call, group)
    return _named_group(call, group)


def describe_group(call: Call, request: Request) -> Answer:
    return _group_view(call, _get_group(call, request["GroupId"]))


def list_groups(call: Call, request: Request) -> Answer:
    where = _filter(request, {"displayname": "name_key"})

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        return call.tx.select(store.GROUPS, where, order=("name_key",), after=after, limit=limit)

    groups, more = _page(call, request, fetch, ("name_key", "GroupId"))
    return {"Groups": [_group_view(call, group) for group in groups], **more}


def get_group_id(call: Call, request: Request) -> Answer:
    path, value = _unique_attribute(request)
    if path != "displayname":
        raise invalid("AttributePath must be displayName")
    group = store.find_group(call.tx, value)
    if group is None:
        raise _not_found("GROUP", value)
    answer = _named_group(call, group)
    del answer["Revision"]
    return answer


def update_group(call: Call, request: Request) -> Answer:
    group = changed(_get_group(call, request["GroupId"]), GROUP_MEMBERS, request["Operations"])
    check_group(group)
    _check_revision(request, group)
    _store_group(call, group | _updated(call, group))
    return _named_group(call, _get_group(call, request["GroupId"]))


def delete_group(call: Call, request: Request) -> Answer:
    group = _get_group(call, request["GroupId"])
    _check_revision(request, group)
    for membership in call.tx.select(store.MEMBERSHIPS, {"GroupId": group["GroupId"]}):
        call.tx.remove(store.MEMBERSHIPS, membership["MembershipId"])
    call.tx.remove(store.GROUPS, group["GroupId"])
    return {}


def create_group_membership(call: Call, request: Request) -> Answer:
    group = _get_group(call, request["GroupId"])
    user = _get_user(call, _member(request))
    membership = {
        "MembershipId": str(uuid.uuid4()), "GroupId": group["GroupId"], "UserId": user["UserId"], **_created(call),
    }  # fmt: skip
    try:
        call.tx.add(store.MEMBERSHIPS, membership)
    except AlreadyExists:
        raise _conflict("Member and Group relationship already exists.") from None
    return _named_membership(call, membership)


def describe_group_membership(call: Call, request: Request) -> Answer:
    return _membership_view(call, _get_membership(call, request["MembershipId"]))


def get_group_membership_id(call: Call, request: Request) -> Answer:
    membership = call.tx.first(store.MEMBERSHIPS, {"GroupId": _bare(request["GroupId"]), "UserId": _member(request)})
    if membership is None:
        raise _not_found("GROUP_MEMBERSHIP", f"{request['GroupId']}/{_member(request)}")
    return _named_membership(call, membership)


def delete_group_membership(call: Call, request: Request) -> Answer:
    call.tx.remove(store.MEMBERSHIPS, _get_membership(call, request["MembershipId"])["MembershipId"])
    return {}


def list_group_memberships(call: Call, request: Request) -> Answer:
    return _memberships(call, request, {"GroupId": _get_group(call, request["GroupId"])["GroupId"]})


def list_group_memberships_for_member(call: Call, request: Request) -> Answer:
    return _memberships(call, request, {"UserId": _get_user(call, _member(request))["UserId"]})


def is_member_in_groups(call: Call, request: Request) -> Answer:
    user = _get_user(call, _member(request))
    mine = set(store.group_ids(call.tx, user["UserId"]))
    return {
        "Results": [
            {"GroupId": group_id, "MemberId": {"UserId": user["UserId"]}, "MembershipExists": _bare(group_id) in mine}
            for group_id in request["GroupIds"]
        ]
    }


# --- fetching ---


def _bare(identifier: str) -> str:
    """The id in an id or an ARN: requests may give either."""
    return identifier.rpartition("/")[2]


def _get_user(call: Call, identifier: str) -> Document:
    user_id = _bare(identifier)
    user = store.get_user(call.tx, user_id)
    if user is None:
        raise _not_found("USER", user_id)
    call.resources.append({"ARN": store.user_arn(user_id), "type": "AWS::IdentityStore::User"})
    return user


def _get_group(call: Call, identifier: str) -> Document:
    group_id = _bare(identifier)
    group = store.get_group(call.tx, group_id)
    if group is None:
        raise _not_found("GROUP", group_id)
    call.resources.append({"ARN": store.group_arn(group_id), "type": "AWS::IdentityStore::Group"})
    return group


def _get_membership(call: Call, identifier: str) -> Document:
    membership_id = _bare(identifier)
    membership = call.tx.find(store.MEMBERSHIPS, membership_id)
    if membership is None:
        raise _not_found("GROUP_MEMBERSHIP", membership_id)
    return membership


def _member(request: Request) -> str:
    user_id = request["MemberId"].get("UserId")
    if not user_id:
        raise invalid("MemberId.UserId is required")
    return _bare(user_id)


def _unique_attribute(request: Request) -> tuple[str, str]:
    attribute = request["AlternateIdentifier"].get("UniqueAttribute")
    if attribute is None:
        raise invalid("This identity store has no external identifiers; give a UniqueAttribute")
    return attribute["AttributePath"].lower(), str(attribute["AttributeValue"])


def _filter(request: Request, columns: dict[str, str]) -> dict[str, Any]:
    where: dict[str, Any] = {}
    for condition in request.get("Filters") or ():
        column = columns.get(condition["AttributePath"].lower())
        if column is None:
            raise invalid(f"Unsupported filter attribute {condition['AttributePath']}")
        where[column] = store.fold(condition["AttributeValue"])
    return where


def _memberships(call: Call, request: Request, where: dict[str, Any]) -> Answer:
    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        return call.tx.select(store.MEMBERSHIPS, where, after=after, limit=limit)

    found, more = _page(call, request, fetch, ("MembershipId",))
    return {"GroupMemberships": [_membership_view(call, membership) for membership in found], **more}


def _page(
    call: Call, request: Request, fetch: Callable[[list[Any] | None, int], list[Document]], sort: tuple[str, ...]
) -> tuple[list[Document], dict[str, str]]:
    found, token = page(
        call, request, fetch, lambda document: [document[member] for member in sort],
        size="MaxResults", token="NextToken", default=100, most=100,  # noqa: S106
    )  # fmt: skip
    return found, ({"NextToken": token} if token else {})


# --- storing ---


def _store_user(call: Call, user: Document) -> None:
    emails = user.get("Emails") or []
    user |= {
        "name_key": store.fold(user["UserName"]),
        "email_key": store.fold(emails[0]["Value"]) if emails and emails[0].get("Value") else None,
    }
    try:
        call.tx.put(store.USERS, user)
    except AlreadyExists:
        raise _conflict("Duplicate UserName") from None


def _store_group(call: Call, group: Document) -> None:
    try:
        call.tx.put(store.GROUPS, group | {"name_key": store.fold(group["DisplayName"])})
    except AlreadyExists:
        raise _conflict("Duplicate GroupDisplayName") from None


def _created(call: Call) -> Document:
    who = call.principal.arn
    return {"CreatedAt": call.now, "CreatedBy": who, "UpdatedAt": call.now, "UpdatedBy": who}


def _updated(call: Call, document: Document) -> Document:
    return {
        "UpdatedAt": call.now, "UpdatedBy": call.principal.arn, "Revision": str(int(document["Revision"]) + 1),
    }  # fmt: skip


def _check_revision(request: Request, document: Document) -> None:
    if request.get("Revision") not in (None, document["Revision"]):
        raise _conflict(f"The resource was changed: its revision is {document['Revision']}")


# --- answering ---


def _named_user(call: Call, user: Document) -> Answer:
    return {
        "IdentityStoreId": store.identity_store_id(call.plane), "UserId": user["UserId"],
        "UserArn": store.user_arn(user["UserId"]), "Revision": user["Revision"],
    }  # fmt: skip


def _user_view(call: Call, user: Document) -> dict[str, Any]:
    members = {member: user[member] for member in (*USER_MEMBERS, *_STAMPS) if member in user}
    return {**_named_user(call, user), **members, "UserStatus": "ENABLED"}


def _named_group(call: Call, group: Document) -> Answer:
    return {
        "IdentityStoreId": store.identity_store_id(call.plane), "GroupId": group["GroupId"],
        "GroupArn": store.group_arn(group["GroupId"]), "Revision": group["Revision"],
    }  # fmt: skip


def _group_view(call: Call, group: Document) -> dict[str, Any]:
    members = {member: group[member] for member in (*GROUP_MEMBERS, *_STAMPS) if member in group}
    return {**_named_group(call, group), **members}


def _named_membership(call: Call, membership: Document) -> Answer:
    return {
        "IdentityStoreId": store.identity_store_id(call.plane), "MembershipId": membership["MembershipId"],
        "MembershipArn": f"arn:aws:identitystore:::membership/{membership['MembershipId']}",
    }  # fmt: skip


def _membership_view(call: Call, membership: Document) -> dict[str, Any]:
    return {
        **_named_membership(call, membership), "GroupId": membership["GroupId"],
        "MemberId": {"UserId": membership["UserId"]}, **{member: membership[member] for member in _STAMPS},
    }  # fmt: skip


def _not_found(kind: str, identifier: str) -> ServiceError:
    return ServiceError("ResourceNotFoundException", f"{kind} not found.", ResourceType=kind, ResourceId=identifier)


def _conflict(message: str) -> ServiceError:
    return ServiceError("ConflictException", message)


# --- permission ---


def _access(action: str) -> Access:
    def arn(call: Call, request: Request) -> str:
        if _bare(request["IdentityStoreId"]) != store.identity_store_id(call.plane):
            raise _not_found("IDENTITY_STORE", request["IdentityStoreId"])
        return store.identity_store_arn(call.plane)

    return iam(f"identitystore:{action}", arn)


OPERATIONS: dict[str, Operation] = {
    "CreateUser": writes(create_user, _access("CreateUser")),
    "DescribeUser": reads(describe_user, _access("DescribeUser")),
    "ListUsers": reads(list_users, _access("ListUsers")),
    "GetUserId": reads(get_user_id, _access("GetUserId")),
    "UpdateUser": writes(update_user, _access("UpdateUser")),
    "DeleteUser": writes(delete_user, _access("DeleteUser")),
    "CreateGroup": writes(create_group, _access("CreateGroup")),
    "DescribeGroup": reads(describe_group, _access("DescribeGroup")),
    "ListGroups": reads(list_groups, _access("ListGroups")),
    "GetGroupId": reads(get_group_id, _access("GetGroupId")),
    "UpdateGroup": writes(update_group, _access("UpdateGroup")),
    "DeleteGroup": writes(delete_group, _access("DeleteGroup")),
    "CreateGroupMembership": writes(create_group_membership, _access("CreateGroupMembership")),
    "DescribeGroupMembership": reads(describe_group_membership, _access("DescribeGroupMembership")),
    "GetGroupMembershipId": reads(get_group_membership_id, _access("GetGroupMembershipId")),
    "DeleteGroupMembership": writes(delete_group_membership, _access("DeleteGroupMembership")),
    "ListGroupMemberships": reads(list_group_memberships, _access("ListGroupMemberships")),
    "ListGroupMembershipsForMember": reads(list_group_memberships_for_member, _access("ListGroupMembershipsForMember")),
    "IsMemberInGroups": reads(is_member_in_groups, _access("IsMemberInGroups")),
}
KINDS: list[Kind] = store.KINDS
TASKS: dict[str, TaskKind] = {}
