"""DataZone's calls about members."""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from twinplane.control_plane.aws import Clients, code_of

OWNER = "PROJECT_OWNER"
CONTRIBUTOR = "PROJECT_CONTRIBUTOR"


@dataclass(frozen=True)
class Member:
    """A member of a project; `profile_id` is DataZone's id of the user or group."""

    kind: str  # user, group
    profile_id: str
    designation: str


def list_members(clients: Clients, domain_id: str, project_id: str) -> list[Member]:
    """The project's members. DataZone answers its members and refuses others."""
    pages = clients.datazone.get_paginator("list_project_memberships").paginate(
        domainIdentifier=domain_id, projectIdentifier=project_id
    )
    found = []
    for page in pages:
        for member in page["members"]:
            details = member["memberDetails"]
            kind = "user" if "user" in details else "group"
            profile_id = details["user"]["userId"] if kind == "user" else details["group"]["groupId"]
            found.append(Member(kind, profile_id, member["designation"]))
    return found


def add_member(clients: Clients, domain_id: str, project_id: str, user: str, designation: str) -> None:
    """Adds a user; one who is in the project already stays as she is."""
    try:
        clients.datazone.create_project_membership(
            domainIdentifier=domain_id,
            projectIdentifier=project_id,
            member={"userIdentifier": user},
            designation=designation,
        )
    except ClientError as error:
        if "already in the project" not in str(error):
            raise


def remove_member(clients: Clients, domain_id: str, project_id: str, user: str) -> None:
    """Removes a user."""
    clients.datazone.delete_project_membership(
        domainIdentifier=domain_id, projectIdentifier=project_id, member={"userIdentifier": user}
    )


def user_profile(clients: Clients, domain_id: str, user: str) -> dict[str, Any]:
    """DataZone's profile of a user, by profile id or identity-store user id."""
    return dict(clients.datazone.get_user_profile(domainIdentifier=domain_id, userIdentifier=user))


def find_user_profile(clients: Clients, domain_id: str, user: str) -> dict[str, Any] | None:
    """The profile, or None when DataZone does not know the user."""
    try:
        return user_profile(clients, domain_id, user)
    except ClientError as error:
        if code_of(error) == "ResourceNotFoundException":
            return None
        raise
