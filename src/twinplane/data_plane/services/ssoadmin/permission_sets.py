"""Permission sets: what people may do in an account. Changes reach an account's role when it is provisioned."""

import secrets
from typing import Any

from twinplane.data_plane.call import Answer, Call, Request, ServiceError
from twinplane.data_plane.services.iam import store as iam_store
from twinplane.data_plane.services.ssoadmin import provisioning, store
from twinplane.data_plane.services.ssoadmin.rules import (
    DEFAULT_SESSION,
    checked_inline_policy,
    invalid,
    session_seconds,
)
from twinplane.data_plane.services.ssoadmin.shared import (
    check_instance,
    conflict,
    instance_id,
    name_resource,
    not_found,
    page_of,
    page_of_list,
    tag_new,
)
from twinplane.data_plane.store import AlreadyExists, Document

_MAX_POLICIES = 20
_SHOWN = ("Name", "PermissionSetArn", "Description", "CreatedDate", "SessionDuration", "RelayState")
_LATEST = "LATEST_PERMISSION_SET_PROVISIONED"


def create_permission_set(call: Call, request: Request) -> Answer:
    check_instance(call, request)
    duration = request.get("SessionDuration") or DEFAULT_SESSION
    session_seconds(duration)
    permission_set = {
        "PermissionSetArn": f"arn:aws:sso:::permissionSet/{instance_id(call)}/ps-{secrets.token_hex(8)}",
        "Name": request["Name"], "Description": request.get("Description"), "CreatedDate": call.now,
        "SessionDuration": duration, "RelayState": request.get("RelayState"),
        "inline_policy": None, "managed": [], "customer_managed": [], "boundary": None, "version": 1,
    }  # fmt: skip
    try:
        call.tx.add(store.PERMISSION_SETS, permission_set)
    except AlreadyExists:
        raise conflict(f"There is a permission set {request['Name']} already.") from None
    tag_new(call, permission_set["PermissionSetArn"], request)
    name_resource(call, permission_set["PermissionSetArn"], "PermissionSet")
    return {"PermissionSet": _view(permission_set)}


def describe_permission_set(call: Call, request: Request) -> Answer:
    return {"PermissionSet": _view(get_permission_set(call, request))}


def list_permission_sets(call: Call, request: Request) -> Answer:
    check_instance(call, request)
    found, more = page_of(call, request, store.PERMISSION_SETS)
    return {"PermissionSets": [each["PermissionSetArn"] for each in found], **more}


def update_permission_set(call: Call, request: Request) -> Answer:
    session_seconds(request.get("SessionDuration") or DEFAULT_SESSION)
    changes = {m: request[m] for m in ("Description", "SessionDuration", "RelayState") if request.get(m) is not None}
    return _change(call, get_permission_set(call, request) | changes)


def delete_permission_set(call: Call, request: Request) -> Answer:
    arn = get_permission_set(call, request)["PermissionSetArn"]
    used = (store.ACCOUNT_ASSIGNMENTS, store.PROVISIONED)
    if any(call.tx.first(kind, {"PermissionSetArn": arn}) is not None for kind in used):
        raise conflict("The permission set is in use: delete its account assignments first.")
    call.tx.remove(store.PERMISSION_SETS, arn)
    store.put_tags(call.tx, arn, {})
    return {}


# --- policies ---


def put_inline_policy_to_permission_set(call: Call, request: Request) -> Answer:
    text = checked_inline_policy(request["InlinePolicy"])
    return _change(call, get_permission_set(call, request) | {"inline_policy": text})


def get_inline_policy_for_permission_set(call: Call, request: Request) -> Answer:
    """The policy's text; empty when there is none, as AWS answers."""
    return {"InlinePolicy": get_permission_set(call, request)["inline_policy"] or ""}


def delete_inline_policy_from_permission_set(call: Call, request: Request) -> Answer:
    permission_set = get_permission_set(call, request)
    if permission_set["inline_policy"] is None:
        raise not_found("The permission set has no inline policy.")
    return _change(call, permission_set | {"inline_policy": None})


def attach_managed_policy_to_permission_set(call: Call, request: Request) -> Answer:
    """Attaches one of AWS's own policies, as far as this plane has them."""
    arn = request["ManagedPolicyArn"]
    if iam_store.managed_policy(call.tx, arn) is None:
        raise not_found(f"There is no managed policy {arn} on this data plane.")
    return _attach(call, request, "managed", arn)


def detach_managed_policy_from_permission_set(call: Call, request: Request) -> Answer:
    return _detach(call, request, "managed", request["ManagedPolicyArn"])


def list_managed_policies_in_permission_set(call: Call, request: Request) -> Answer:
    arns = get_permission_set(call, request)["managed"]
    policies = [{"Name": arn.rpartition("/")[2], "Arn": arn} for arn in arns]
    found, more = page_of_list(call, request, policies, "Arn")
    return {"AttachedManagedPolicies": found, **more}


def attach_customer_managed_policy_reference_to_permission_set(call: Call, request: Request) -> Answer:
    """Names a policy that each account must have when the permission set is provisioned there."""
    return _attach(call, request, "customer_managed", _reference(request["CustomerManagedPolicyReference"]))


def detach_customer_managed_policy_reference_from_permission_set(call: Call, request: Request) -> Answer:
    return _detach(call, request, "customer_managed", _reference(request["CustomerManagedPolicyReference"]))


def list_customer_managed_policy_references_in_permission_set(call: Call, request: Request) -> Answer:
    references = get_permission_set(call, request)["customer_managed"]
    found, more = page_of_list(call, request, references, "Name")
    return {"CustomerManagedPolicyReferences": found, **more}


def put_permissions_boundary_to_permission_set(call: Call, request: Request) -> Answer:
    boundary = {member: value for member, value in request["PermissionsBoundary"].items() if value is not None}
    if len(boundary) != 1:
        raise invalid("PermissionsBoundary must be a ManagedPolicyArn or a CustomerManagedPolicyReference.")
    arn = boundary.get("ManagedPolicyArn")
    if arn is not None and iam_store.managed_policy(call.tx, arn) is None:
        raise not_found(f"There is no managed policy {arn} on this data plane.")
    if arn is None:
        boundary = {"CustomerManagedPolicyReference": _reference(boundary["CustomerManagedPolicyReference"])}
    return _change(call, get_permission_set(call, request) | {"boundary": boundary})


def get_permissions_boundary_for_permission_set(call: Call, request: Request) -> Answer:
    return {"PermissionsBoundary": _boundary(get_permission_set(call, request))}


def delete_permissions_boundary_from_permission_set(call: Call, request: Request) -> Answer:
    permission_set = get_permission_set(call, request)
    _boundary(permission_set)
    return _change(call, permission_set | {"boundary": None})


def _boundary(permission_set: Document) -> Any:
    if permission_set["boundary"] is None:
        raise not_found("The permission set has no permissions boundary.")
    return permission_set["boundary"]


def _reference(given: dict[str, str]) -> dict[str, str]:
    return {"Name": given["Name"], "Path": given.get("Path") or "/"}


def _attach(call: Call, request: Request, member: str, policy: Any) -> Answer:
    permission_set = get_permission_set(call, request)
    names = [each["Name"] if isinstance(each, dict) else each for each in permission_set[member]]
    if (policy["Name"] if isinstance(policy, dict) else policy) in names:
        raise conflict("The policy is attached to the permission set already.")
    if len(names) >= _MAX_POLICIES:
        raise ServiceError("ServiceQuotaExceededException", f"A permission set has at most {_MAX_POLICIES} policies.")
    permission_set[member].append(policy)
    return _change(call, permission_set)


def _detach(call: Call, request: Request, member: str, policy: Any) -> Answer:
    permission_set = get_permission_set(call, request)
    if policy not in permission_set[member]:
        raise not_found("The policy is not attached to the permission set.")
    permission_set[member].remove(policy)
    return _change(call, permission_set)


# --- accounts ---


def provision_permission_set(call: Call, request: Request) -> Answer:
    """Brings the roles made from the permission set up to date: in one account, or wherever there is one."""
    arn = get_permission_set(call, request)["PermissionSetArn"]
    account_id = request.get("TargetId")
    if request["TargetType"] == "AWS_ACCOUNT":
        if account_id is None:
            raise invalid("TargetId is required for the target type AWS_ACCOUNT.")
        if call.tx.find(store.PROVISIONED, arn, account_id) is None:
            raise not_found(f"The permission set is not provisioned to account {account_id}.")
    asked = {"PermissionSetArn": arn, **({"AccountId": account_id} if account_id else {})}
    return {"PermissionSetProvisioningStatus": provisioning.ask(call, "PROVISION", asked)}


def list_accounts_for_provisioned_permission_set(call: Call, request: Request) -> Answer:
    permission_set = get_permission_set(call, request)
    found = call.tx.select(store.PROVISIONED, {"PermissionSetArn": permission_set["PermissionSetArn"]})
    accounts = [each for each in found if _has_status(request, each["version"], permission_set["version"])]
    shown, more = page_of_list(call, request, accounts, "AccountId")
    return {"AccountIds": [each["AccountId"] for each in shown], **more}


def list_permission_sets_provisioned_to_account(call: Call, request: Request) -> Answer:
    check_instance(call, request)
    provisioned = call.tx.select(store.PROVISIONED, {"AccountId": request["AccountId"]})
    latest = {
        each["PermissionSetArn"]: call.tx.get(store.PERMISSION_SETS, each["PermissionSetArn"])["version"]
        for each in provisioned
    }
    found = [each for each in provisioned if _has_status(request, each["version"], latest[each["PermissionSetArn"]])]
    shown, more = page_of_list(call, request, found, "PermissionSetArn")
    return {"PermissionSets": [each["PermissionSetArn"] for each in shown], **more}


def _has_status(request: Request, provisioned: int, latest: int) -> bool:
    wanted = request.get("ProvisioningStatus")
    return wanted is None or (wanted == _LATEST) == (provisioned == latest)


# --- shared ---


def get_permission_set(call: Call, request: Request) -> Document:
    """The permission set that the request names. Raises `ServiceError`."""
    check_instance(call, request)
    permission_set = call.tx.find(store.PERMISSION_SETS, request["PermissionSetArn"])
    if permission_set is None:
        raise not_found(f"There is no permission set {request['PermissionSetArn']}.")
    name_resource(call, permission_set["PermissionSetArn"], "PermissionSet")
    return permission_set


def _change(call: Call, permission_set: Document) -> Answer:
    call.tx.put(store.PERMISSION_SETS, permission_set | {"version": permission_set["version"] + 1})
    return {}


def _view(permission_set: Document) -> dict[str, Any]:
    return {member: permission_set[member] for member in _SHOWN if permission_set[member] is not None}
