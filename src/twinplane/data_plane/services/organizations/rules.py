"""What an organization allows of itself: policy types, quotas, names, and the words of its refusals."""

import re
from typing import Any

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.services.iam.policy import MalformedPolicy, compile_policy

SERVICE_CONTROL = "SERVICE_CONTROL_POLICY"
RESOURCE_CONTROL = "RESOURCE_CONTROL_POLICY"

ROOT, UNIT, ACCOUNT = "ROOT", "ORGANIZATIONAL_UNIT", "ACCOUNT"

# AWS's own policies that let everything through; attached everywhere while their type is enabled.
AWS_MANAGED: dict[str, dict[str, Any]] = {
    "p-FullAWSAccess": {
        "Id": "p-FullAWSAccess", "Name": "FullAWSAccess", "Type": SERVICE_CONTROL,
        "Arn": "arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess",
        "Description": "Allows access to every operation", "AwsManaged": True, "tags": {},
        "Content": '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}',
    },
    "p-RCPFullAWSAccess": {
        "Id": "p-RCPFullAWSAccess", "Name": "RCPFullAWSAccess", "Type": RESOURCE_CONTROL,
        "Arn": "arn:aws:organizations::aws:policy/resource_control_policy/p-RCPFullAWSAccess",
        "Description": "Allows access to every resource", "AwsManaged": True, "tags": {},
        "Content": '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*",'
        '"Action":"*","Resource":"*"}]}',
    },
}  # fmt: skip
FULL_ACCESS_OF = {SERVICE_CONTROL: "p-FullAWSAccess", RESOURCE_CONTROL: "p-RCPFullAWSAccess"}

MOST_ATTACHED = 5
MOST_TAGS = 50
_MOST_LEVELS_OF_UNITS = 5
_MOST_CHARACTERS = 5120


def check_type(policy_type: str) -> None:
    """Raises `ServiceError` NotImplemented for the types of policy that have no effect on this plane."""
    if policy_type not in FULL_ACCESS_OF:
        raise ServiceError("NotImplemented", f"Policies of type {policy_type} are not served here.", 501)


def check_content(policy_type: str, text: str) -> None:
    """Raises `ServiceError` MalformedPolicyDocumentException, ConstraintViolationException."""
    if len(text) > _MOST_CHARACTERS:
        raise violates("POLICY_CONTENT_LIMIT_EXCEEDED", f"A policy has at most {_MOST_CHARACTERS} characters.")
    try:
        compile_policy(text, "identity" if policy_type == SERVICE_CONTROL else "resource_control")
    except MalformedPolicy as error:
        raise ServiceError(
            "MalformedPolicyDocumentException", f"The provided policy document does not meet the requirements: {error}"
        ) from None


def check_depth(levels_above: int) -> None:
    """Raises `ServiceError` ConstraintViolationException when a unit would be too deep. The root is one level."""
    if levels_above > _MOST_LEVELS_OF_UNITS:
        raise violates("OU_DEPTH_LIMIT_EXCEEDED", f"Units are nested at most {_MOST_LEVELS_OF_UNITS} deep.")


def changed_tags(tags: dict[str, str], given: list[dict[str, str]]) -> dict[str, str]:
    """The tags with the given ones put over them. Raises `ServiceError` on a doubled key or too many."""
    new = {tag["Key"]: tag["Value"] for tag in given}
    if len(new) != len(given):
        raise invalid("DUPLICATE_TAG_KEY", "A tag key is there twice.")
    if any(key.lower().startswith("aws:") for key in new):
        raise invalid("INVALID_SYSTEM_TAGS_PARAMETER", "Tag keys that begin with aws: are reserved.")
    if len(tags | new) > MOST_TAGS:
        raise violates("MAX_TAG_LIMIT_EXCEEDED", f"There are at most {MOST_TAGS} tags.")
    return tags | new


_ROLE_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)


def check_role_name(name: str | None) -> None:
    """Raises `ServiceError` InvalidInputException."""
    if name is not None and not _ROLE_NAME.fullmatch(name):
        raise invalid("INVALID_ROLE_NAME", "RoleName is not a name of a role.")


def invalid(reason: str, message: str) -> ServiceError:
    return ServiceError("InvalidInputException", message, Reason=reason)


def violates(reason: str, message: str) -> ServiceError:
    return ServiceError("ConstraintViolationException", message, Reason=reason)
