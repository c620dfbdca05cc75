"""IAM users and their access keys. People are not IAM users: they live in the identity store."""

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
)
from twinplane.data_plane.services.iam.rules import iam
from twinplane.data_plane.store import AlreadyExists, Document

_MAX_ACCESS_KEYS = 2


def create_user(call: Call, request: Request) -> Answer:
    user = store.new_user(
        account_id=call.account_id, name=request["UserName"], path=request.get("Path") or "/", now=call.now
    )
    user["tags"] = changed_tags({}, request.get("Tags"))
    if request.get("PermissionsBoundary"):
        user["boundary_arn"] = known_policy_arn(call.tx, request["PermissionsBoundary"])
    try:
        call.tx.add(store.USERS, user)
    except AlreadyExists:
        raise already_exists("User", request["UserName"]) from None
    _name(call, user)
    return {"User": _view(user)}


def get_user(call: Call, request: Request) -> Answer:
    return {"User": _view(_get(call, request))}


def list_users(call: Call, request: Request) -> Answer:
    users, more = page_of_kind(call, request, store.USERS)
    return {"Users": [_view(user) for user in users], **more}


def delete_user(call: Call, request: Request) -> Answer:
    user = _get(call, request)
    if user["attached"] or user["policies"] or call.tx.count(store.ACCESS_KEYS, {"UserName": user["UserName"]}):
        raise ServiceError(
            "DeleteConflictException", "Cannot delete entity, must delete access keys and policies first."
        )
    call.tx.remove(store.USERS, user["UserName"])
    return {}


def create_access_key(call: Call, request: Request) -> Answer:
    user = _get(call, request)
    if call.tx.count(store.ACCESS_KEYS, {"UserName": user["UserName"]}) >= _MAX_ACCESS_KEYS:
        raise ServiceError("LimitExceededException", f"Cannot exceed quota for AccessKeysPerUser: {_MAX_ACCESS_KEYS}")
    key = store.new_access_key(call.tx, user["UserName"], call.now)
    return {"AccessKey": key | {"SecretAccessKey": store.access_key_secret(call.plane, key["AccessKeyId"])}}


def list_access_keys(call: Call, request: Request) -> Answer:
    keys = call.tx.select(store.ACCESS_KEYS, {"UserName": _get(call, request)["UserName"]})
    found, more = page_of_list(call, request, keys, "AccessKeyId")
    return {"AccessKeyMetadata": found, **more}


def update_access_key(call: Call, request: Request) -> Answer:
    call.tx.put(store.ACCESS_KEYS, _get_key(call, request) | {"Status": request["Status"]})
    return {}


def delete_access_key(call: Call, request: Request) -> Answer:
    call.tx.remove(store.ACCESS_KEYS, _get_key(call, request)["AccessKeyId"])
    return {}


def put_user_policy(call: Call, request: Request) -> Answer:
    user = _get(call, request)
    user["policies"][request["PolicyName"]] = checked_policy(request["PolicyDocument"])
    return _change(call, user)


def get_user_policy(call: Call, request: Request) -> Answer:
    user = _get(call, request)
    text = get_policy_text(user, request["PolicyName"], "user")
    return {
        "UserName": user["UserName"], "PolicyName": request["PolicyName"], "PolicyDocument": on_the_wire(text),
    }  # fmt: skip


def list_user_policies(call: Call, request: Request) -> Answer:
    names = [{"PolicyName": name} for name in _get(call, request)["policies"]]
    found, more = page_of_list(call, request, names, "PolicyName")
    return {"PolicyNames": [policy["PolicyName"] for policy in found], **more}


def delete_user_policy(call: Call, request: Request) -> Answer:
    user = _get(call, request)
    get_policy_text(user, request["PolicyName"], "user")
    del user["policies"][request["PolicyName"]]
    return _change(call, user)


def attach_user_policy(call: Call, request: Request) -> Answer:
    user = _get(call, request)
    arn = known_policy_arn(call.tx, request["PolicyArn"])
    return _change(call, user | {"attached": sorted({*user["attached"], arn})})


def detach_user_policy(call: Call, request: Request) -> Answer:
    user = _get(call, request)
    if request["PolicyArn"] not in user["attached"]:
        raise no_such(f"Policy {request['PolicyArn']} was not found.")
    return _change(call, user | {"attached": [arn for arn in user["attached"] if arn != request["PolicyArn"]]})


def list_attached_user_policies(call: Call, request: Request) -> Answer:
    found, more = page_of_list(call, request, attached_policies(_get(call, request)), "PolicyArn")
    return {"AttachedPolicies": found, **more}


def _name_of(call: Call, request: Request) -> str:
    """The user the request is about: the one it names, else the caller."""
    if request.get("UserName"):
        return str(request["UserName"])
    if call.principal.kind == "IAMUser":
        return call.principal.arn.rpartition("/")[2]
    raise ServiceError("ValidationError", "Must specify userName when calling with non-User credentials", 400)


def _get(call: Call, request: Request) -> Document:
    name = _name_of(call, request)
    user = store.find_user(call.tx, name)
    if user is None:
        raise no_such(f"The user with name {name} cannot be found.")
    _name(call, user)
    return user


def _get_key(call: Call, request: Request) -> Document:
    user = _get(call, request)
    key = store.find_access_key(call.tx, request["AccessKeyId"])
    if key is None or key["UserName"] != user["UserName"]:
        raise no_such(f"The Access Key with id {request['AccessKeyId']} cannot be found.")
    return key


def _change(call: Call, user: Document) -> Answer:
    call.tx.put(store.USERS, user)
    return {}


def _name(call: Call, user: Document) -> None:
    call.resources.append({"ARN": user["Arn"], "type": "AWS::IAM::User"})


def _view(user: Document) -> dict[str, Any]:
    members = ("Path", "UserName", "UserId", "Arn", "CreateDate")
    return {**{member: user[member] for member in members}, **boundary_and_tags(user)}


def _arn(call: Call, request: Request) -> str:
    name = _name_of(call, request)
    user = store.find_user(call.tx, name)
    if user is not None:
        return str(user["Arn"])
    return f"arn:aws:iam::{call.account_id}:user{request.get('Path') or '/'}{name}"


OPERATIONS: dict[str, Operation] = {
    "CreateUser": writes(create_user, iam("iam:CreateUser", _arn)),
    "GetUser": reads(get_user, iam("iam:GetUser", _arn)),
    "ListUsers": reads(list_users, iam("iam:ListUsers")),
    "DeleteUser": writes(delete_user, iam("iam:DeleteUser", _arn)),
    "CreateAccessKey": writes(create_access_key, iam("iam:CreateAccessKey", _arn)),
    "ListAccessKeys": reads(list_access_keys, iam("iam:ListAccessKeys", _arn)),
    "UpdateAccessKey": writes(update_access_key, iam("iam:UpdateAccessKey", _arn)),
    "DeleteAccessKey": writes(delete_access_key, iam("iam:DeleteAccessKey", _arn)),
    "PutUserPolicy": writes(put_user_policy, iam("iam:PutUserPolicy", _arn)),
    "GetUserPolicy": reads(get_user_policy, iam("iam:GetUserPolicy", _arn)),
    "ListUserPolicies": reads(list_user_policies, iam("iam:ListUserPolicies", _arn)),
    "DeleteUserPolicy": writes(delete_user_policy, iam("iam:DeleteUserPolicy", _arn)),
    "AttachUserPolicy": writes(attach_user_policy, iam("iam:AttachUserPolicy", _arn)),
    "DetachUserPolicy": writes(detach_user_policy, iam("iam:DetachUserPolicy", _arn)),
    "ListAttachedUserPolicies": reads(list_attached_user_policies, iam("iam:ListAttachedUserPolicies", _arn)),
}
