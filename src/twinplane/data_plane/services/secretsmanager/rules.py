"""What secrets are named, and which version a request means."""

import re
from collections.abc import Iterable

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.store import Document

CURRENT, PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"
SECONDS_OF_A_DAY = 86400.0


def prefix(region: str, account_id: str) -> str:
    """The beginning of every secret's ARN."""
    return f"arn:aws:secretsmanager:{region}:{account_id}:secret:"


def check_name(name: str) -> None:
    """Raises InvalidParameterException for what is no name of a secret."""
    if re.fullmatch(r"[A-Za-z0-9/_+=.@!-]{1,256}", name) is None:
        raise ServiceError(
            "InvalidParameterException", "A name has at most 256 letters, digits and characters of -/_+=.@!"
        )


def not_found() -> ServiceError:
    return ServiceError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")


def check_not_deleted(secret: Document) -> None:
    """Raises InvalidRequestException for a secret that waits for its deletion."""
    if secret.get("DeletedDate") is not None:
        raise ServiceError(
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
        )


def version_meant(versions: Iterable[Document], version_id: str | None, stage: str | None) -> Document:
    """The version of this id and stage; AWSCURRENT when neither is given. Raises ResourceNotFoundException."""
    wanted = stage or (None if version_id else CURRENT)
    for version in versions:
        if version_id in (None, version["VersionId"]) and (wanted is None or wanted in version["stages"]):
            return version
    raise ServiceError(
        "ResourceNotFoundException",
        f"Secrets Manager can't find the specified secret value for {'VersionId' if version_id else 'staging label'}: "
        f"{version_id or wanted}",
    )


def check_one_value(text: str | None, binary: bytes | None) -> None:
    """Raises InvalidParameterException unless exactly one of the two values is given."""
    if (text is None) == (binary is None):
        raise ServiceError("InvalidParameterException", "Provide either SecretString or SecretBinary, not both.")


def recovery_seconds(days: int | None, force: bool) -> float:
    """How long a deleted secret may be restored. Raises InvalidParameterException."""
    if force and days is not None:
        raise ServiceError(
            "InvalidParameterException",
            "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
        )
    days = 30 if days is None else days
    if not 7 <= days <= 30:
        raise ServiceError("InvalidParameterException", "The RecoveryWindowInDays value must be between 7 and 30 days.")
    return 0.0 if force else days * SECONDS_OF_A_DAY
