"""Instance profiles: a name under which a role is handed to a machine."""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, reads, writes
from twinplane.data_plane.services.iam import roles, store
from twinplane.data_plane.services.iam.entities import (
    ROLE,
    Entity,
    changed_tags,
    conflict,
    no_such,
    page_of_kind,
    page_of_list,
    quota,
    tag_list,
)
from twinplane.data_plane.services.iam.rules import iam
from twinplane.data_plane.store import Document

_MOST_PROFILES = 1000

PROFILE = Entity(
    "InstanceProfile", "InstanceProfileName", store.INSTANCE_PROFILES,
    lambda _call, request: str(request["InstanceProfileName"]), arn_type="instance-profile",
)  # fmt: skip


def create_instance_profile(call: Call, request: Request) -> Answer:
    quota(call.tx.count(store.INSTANCE_PROFILES) + 1, _MOST_PROFILES, "InstanceProfilesPerAccount")
    profile = store.new_instance_profile(
        account_id=call.account_id, name=request["InstanceProfileName"], path=request.get("Path") or "/", now=call.now
    ) | {"tags": changed_tags({}, request.get("Tags"))}
    return {"InstanceProfile": _view(call, PROFILE.add(call, profile))}


def get_instance_profile(call: Call, request: Request) -> Answer:
    return {"InstanceProfile": _view(call, PROFILE.get(call, request))}


def list_instance_profiles(call: Call, request: Request) -> Answer:
    profiles, more = page_of_kind(call, request, store.INSTANCE_PROFILES)
    return {"InstanceProfiles": [_view(call, profile) for profile in profiles], **more}


def list_instance_profiles_for_role(call: Call, request: Request) -> Answer:
    profiles = call.tx.select(store.INSTANCE_PROFILES, {"role_name": ROLE.get(call, request)["RoleName"]})
    found, more = page_of_list(call, request, profiles, "InstanceProfileName")
    return {"InstanceProfiles": [_view(call, profile) for profile in found], **more}


def delete_instance_profile(call: Call, request: Request) -> Answer:
    profile = PROFILE.get(call, request)
    if profile["role_name"] is not None:
        raise conflict("remove roles from instance profile")
    call.tx.remove(store.INSTANCE_PROFILES, profile["InstanceProfileName"])
    return {}


def add_role_to_instance_profile(call: Call, request: Request) -> Answer:
    profile, role = PROFILE.get(call, request), ROLE.get(call, request)
    quota(1 + (profile["role_name"] is not None), 1, "InstanceSessionsPerInstanceProfile")
    return PROFILE.put(call, profile | {"role_name": role["RoleName"]})


def remove_role_from_instance_profile(call: Call, request: Request) -> Answer:
    profile = PROFILE.get(call, request)
    if profile["role_name"] != request["RoleName"]:
        raise no_such(f"The role with name {request['RoleName']} is not in the instance profile.")
    return PROFILE.put(call, profile | {"role_name": None})


def _view(call: Call, profile: Document) -> dict[str, Any]:
    members = ("Path", "InstanceProfileName", "InstanceProfileId", "Arn", "CreateDate")
    found = [] if profile["role_name"] is None else [call.tx.get(store.ROLES, profile["role_name"])]
    return {
        **{member: profile[member] for member in members},
        "Roles": [roles.view(role) for role in found], "Tags": tag_list(profile["tags"]),
    }  # fmt: skip


_writing = {
    "CreateInstanceProfile": create_instance_profile,
    "DeleteInstanceProfile": delete_instance_profile,
    "AddRoleToInstanceProfile": add_role_to_instance_profile,
    "RemoveRoleFromInstanceProfile": remove_role_from_instance_profile,
}
OPERATIONS: dict[str, Operation] = {
    **{name: writes(function, PROFILE.may(name)) for name, function in _writing.items()},
    "GetInstanceProfile": reads(get_instance_profile, PROFILE.may("GetInstanceProfile")),
    "ListInstanceProfiles": reads(list_instance_profiles, iam("iam:ListInstanceProfiles")),
    "ListInstanceProfilesForRole": reads(list_instance_profiles_for_role, ROLE.may("ListInstanceProfilesForRole")),
}
