"""Decisions of the projects side of DataZone: values in, a value or an error out."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.services.datazone import rights

MAX_NAME = 64
MAX_DESCRIPTION = 2048
MAX_TAGS = 50

_IAM_PROFILES = uuid.UUID("1f0c5b0e-6f6b-4b57-9b0a-5d3f8a2f6e11")


def invalid(message: str) -> ServiceError:
    """A ValidationException."""
    return ServiceError("ValidationException", message)


def conflict(message: str) -> ServiceError:
    """A ConflictException."""
    return ServiceError("ConflictException", message)


def check_named(request: Mapping[str, Any]) -> None:
    """A name and a description have the lengths that answers give them, where AWS's model of the request has none.

    Raises ValidationException.
    """
    name, description = request.get("name"), request.get("description")
    if name is not None and not 1 <= len(name) <= MAX_NAME:
        raise invalid(f"A name has 1 to {MAX_NAME} characters.")
    if description is not None and len(description) > MAX_DESCRIPTION:
        raise invalid(f"A description has at most {MAX_DESCRIPTION} characters.")


def profile_id_of_user(user_id: str) -> str:
    """The user profile id of an identity-store user: DataZone's profile ids have the form of identity-store ids."""
    return user_id


def profile_id_of_iam(domain_id: str, arn: str) -> str:
    """The user profile id of an IAM role or user in a domain: always the same, so a read needs no stored profile."""
    return str(uuid.uuid5(_IAM_PROFILES, f"{domain_id} {arn}"))


def profile_id_of_role_group(domain_id: str, arn: str) -> str:
    """The id of the group of all sessions of an IAM role, in a domain."""
    return str(uuid.uuid5(_IAM_PROFILES, f"{domain_id} sessions of {arn}"))


def exactly_one(union: dict[str, Any], what: str) -> tuple[str, Any]:
    """The one member of a union and its value. Raises ValidationException."""
    members = [(k, v) for k, v in union.items() if v is not None]
    if len(members) != 1:
        raise invalid(f"{what} must have exactly one member; it has {len(members)}.")
    return members[0]


def check_tags(tags: dict[str, str]) -> None:
    """The tags a resource may have. Raises ValidationException."""
    reserved = [key for key in tags if key.lower().startswith("aws:")]
    if reserved:
        raise invalid(f"Tag keys that begin with aws: are reserved: {', '.join(reserved)}.")
    if len(tags) > MAX_TAGS:
        raise invalid(f"A resource has at most {MAX_TAGS} tags.")


def check_owner_may_leave(designations: list[str], leaving: str) -> None:
    """The last owner of a project cannot leave it. Raises ValidationException."""
    if leaving == rights.OWNER and designations.count(rights.OWNER) == 1:
        raise invalid("The last PROJECT_OWNER of a project cannot be removed from it; add another owner first.")


Parameters = dict[str, str]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a blueprint: what it is for and what it is when nobody says."""

    name: str
    default: str | None = None
    description: str = ""
    field_type: str = "STRING"
    is_editable: bool = True
    is_update_supported: bool = False

    def answer(self) -> dict[str, Any]:
        """The parameter as AWS's `CustomParameter`."""
        answer: dict[str, Any] = {
            "keyName": self.name,
            "fieldType": self.field_type,
            "description": self.description,
            "isEditable": self.is_editable,
            "isOptional": True,
            "isUpdateSupported": self.is_update_supported,
        }
        return answer if self.default is None else answer | {"defaultValue": self.default}


def resolve_parameters(
    known: Iterable[Parameter], overrides: list[dict[str, Any]], given: list[dict[str, Any]], where: str
) -> Parameters:
    """The values an environment is made with: blueprint defaults, then the profile's overrides, then the user's.

    Raises ValidationException naming a parameter that is unknown, or that the profile has locked and the user changes.
    """
    by_name = {p.name: p for p in known}
    values = {p.name: p.default for p in by_name.values() if p.default is not None}
    locked = {p.name for p in by_name.values() if not p.is_editable}
    for override in overrides:
        name = override["name"]
        if name not in by_name:
            raise invalid(f"{where} has no parameter {name}; it has: {', '.join(sorted(by_name)) or 'none'}.")
        if override.get("value") is not None:
            values[name] = override["value"]
        editable = override.get("isEditable", False)
        (locked.discard if editable else locked.add)(name)
    for parameter in given:
        name, value = parameter.get("name", ""), parameter.get("value", "")
        if name not in by_name:
            raise invalid(f"{where} has no parameter {name}; it has: {', '.join(sorted(by_name)) or 'none'}.")
        if name in locked and value != values.get(name):
            raise invalid(f"Parameter {name} of {where} is not editable: the project profile fixes it.")
        values[name] = value
    return values


def resource_tags(
    profile_tags: list[dict[str, Any]], custom_allowed: bool, given: dict[str, str]
) -> list[dict[str, str]]:
    """A project's tags: the profile's, with the values the user may change changed, then the user's own.

    Raises ValidationException naming a tag that may not be given.
    """
    tags = []
    rest = dict(given)
    for tag in profile_tags:
        value = rest.pop(tag["key"], tag["value"])
        if value != tag["value"] and not tag["isValueEditable"]:
            raise invalid(f"The value of tag {tag['key']} is not editable: the project profile fixes it.")
        tags.append({"key": tag["key"], "value": value, "source": "PROJECT_PROFILE"})
    if rest and not custom_allowed:
        raise invalid(f"The project profile allows no tags of your own: {', '.join(sorted(rest))}.")
    reserved = [key for key in rest if key.lower().startswith(("aws:", "amazondatazone"))]
    if reserved:
        raise invalid(f"These tags are the service's own: {', '.join(sorted(reserved))}.")
    return tags + [{"key": key, "value": value, "source": "PROJECT"} for key, value in rest.items()]


DeploymentStatus = Literal["PENDING_DEPLOYMENT", "IN_PROGRESS", "SUCCESSFUL", "FAILED_VALIDATION", "FAILED_DEPLOYMENT"]


def deployment_status(environment_statuses: Iterable[str]) -> DeploymentStatus:
    """A project's overall deployment status from the statuses of the environments made with it."""
    statuses = set(environment_statuses)
    if statuses & {"CREATING", "UPDATING"}:
        return "IN_PROGRESS"
    if statuses & {"CREATE_FAILED", "UPDATE_FAILED"}:
        return "FAILED_DEPLOYMENT"
    return "FAILED_VALIDATION" if "VALIDATION_FAILED" in statuses else "SUCCESSFUL"
