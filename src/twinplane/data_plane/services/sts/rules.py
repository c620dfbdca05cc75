"""What a request for a session asks for, and the limits on it."""

import re
from typing import Any

from twinplane.data_plane.call import Principal, Request, ServiceError
from twinplane.data_plane.services.iam.policy import MalformedPolicy, Values, compile_policy

_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_MAX_POLICY_CHARACTERS = 2048
_MAX_MANAGED_POLICIES = 10
_CHAINED_SECONDS = 3600
_MAX_TAGS = 50
_USERS_SECONDS = 43200

Tags = tuple[tuple[str, str], ...]


def actions_of(request: Request, source_identity: str | None, tags: Tags) -> list[str]:
    """The permissions the request needs on the role."""
    actions = ["sts:AssumeRole"]
    if request.get("ProvidedContexts"):
        actions.append("sts:SetContext")
    return actions + actions_of_session(source_identity, tags)


def actions_of_session(source_identity: str | None, tags: Tags) -> list[str]:
    """The permissions that a session's tags and source identity need."""
    actions = ["sts:TagSession"] if tags else []
    return [*actions, "sts:SetSourceIdentity"] if source_identity is not None else actions


def condition_values(request: Request, source_identity: str | None, tags: Tags, transitive: tuple[str, ...]) -> Values:
    """The condition keys a trust policy can ask about the request."""
    values: dict[str, str | tuple[str, ...]] = {f"aws:RequestTag/{key}": value for key, value in tags}
    if tags:
        values["aws:TagKeys"] = tuple(key for key, _ in tags)
    if transitive:
        values["sts:TransitiveTagKeys"] = transitive
    if request.get("RoleSessionName"):
        values["sts:RoleSessionName"] = request["RoleSessionName"]
    if request.get("DurationSeconds"):
        values["sts:DurationSeconds"] = str(request["DurationSeconds"])
    if request.get("ProvidedContexts"):
        values["sts:RequestContextProviders"] = tuple(
            context.get("ProviderArn", "") for context in request["ProvidedContexts"]
        )
    if request.get("ExternalId"):
        values["sts:ExternalId"] = request["ExternalId"]
    if source_identity is not None:
        values["sts:SourceIdentity"] = source_identity
    return values


def source_identity_of(asked: str | None, principal: Principal) -> str | None:
    """The source identity of the new session: once set, it stays through every further role.

    Raises `ServiceError` AccessDeniedException on an attempt to change it.
    """
    if asked is not None and not _NAME.fullmatch(asked):
        raise invalid("SourceIdentity must have 2 to 64 letters, digits or characters of +=,.@-_")
    if principal.source_identity is not None and asked not in (None, principal.source_identity):
        raise ServiceError("AccessDeniedException", "The source identity of the session cannot be changed.")
    return asked or principal.source_identity


def check_session_name(name: str) -> None:
    """Raises `ServiceError` ValidationError: the name becomes part of ARNs."""
    if not _NAME.fullmatch(name):
        raise invalid("RoleSessionName must have 2 to 64 letters, digits or characters of +=,.@-_")


def duration_seconds(request: Request, principal: Principal, most: int) -> int:
    """How long a role's session lasts. Raises `ServiceError` ValidationError beyond the role's maximum."""
    seconds = int(request.get("DurationSeconds") or 3600)
    if seconds < 900:
        raise invalid("DurationSeconds must be at least 900.")
    if principal.kind == "AssumedRole" and seconds > _CHAINED_SECONDS:
        raise invalid(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
        )
    if seconds > most:
        raise invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    return seconds


def users_duration_seconds(request: Request) -> int:
    """How long a user's session lasts: 12 hours unless it asks otherwise (15 minutes to 36 hours, by the model)."""
    return int(request.get("DurationSeconds") or _USERS_SECONDS)


def check_session_policies(request: Request) -> None:
    """Raises `ServiceError` MalformedPolicyDocumentException, PackedPolicyTooLargeException."""
    text, arns = request.get("Policy"), request.get("PolicyArns") or ()
    if (text is not None and len(text) > _MAX_POLICY_CHARACTERS) or len(arns) > _MAX_MANAGED_POLICIES:
        raise ServiceError(
            "PackedPolicyTooLargeException",
            f"A session has one policy of at most {_MAX_POLICY_CHARACTERS} characters and "
            f"{_MAX_MANAGED_POLICIES} managed ones.",
        )
    try:
        if text is not None:
            compile_policy(text)
    except MalformedPolicy as error:
        raise ServiceError("MalformedPolicyDocumentException", str(error)) from None


def session_tags(
    given: list[dict[str, str]], transitive: list[str], principal: Principal
) -> tuple[Tags, tuple[str, ...]]:
    """The tags of the new session and the keys of those that further roles keep, the calling session's included.

    Raises `ServiceError` ValidationError on doubled or reserved keys or more than 50, InvalidParameterValue on an
    attempt to change a tag that the calling session hands down.
    """
    kept = tuple((key, value) for key, value in principal.session_tags if key in principal.transitive_tags)
    tags = tuple((tag["Key"], tag["Value"]) for tag in given)
    folded = {key.casefold() for key, _ in tags}
    if len(folded) != len(tags):
        raise invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    if any(key.startswith("aws:") for key in folded):
        raise invalid("Tag keys that begin with aws: are reserved.")
    if folded & {key.casefold() for key, _ in kept}:
        raise ServiceError(
            "InvalidParameterValue",
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from "
            "the calling session.",
            400,
        )
    if not {key.casefold() for key in transitive} <= folded:
        raise invalid("The specified transitive tag key must be included in the requested tags.")
    if len(tags) + len(kept) > _MAX_TAGS:
        raise invalid(f"A session can have {_MAX_TAGS} tags.")
    return kept + tags, (*(key for key, _ in kept), *transitive)


def claimed_tags(claims: dict[str, Any]) -> tuple[list[dict[str, str]], list[str]]:
    """Session tags that a web identity token carries, and the keys of the transitive ones.

    Raises `ServiceError` InvalidIdentityTokenException when they are not as AWS reads them.
    """
    claim = claims.get("https://aws.amazon.com/tags")
    if claim is None:
        return [], []
    try:
        tags = [{"Key": key, "Value": _one(value)} for key, value in claim.get("principal_tags", {}).items()]
        transitive = claim.get("transitive_tag_keys", [])
        if not all(isinstance(key, str) for key in transitive):
            raise TypeError
    except (AttributeError, TypeError, ValueError):
        raise ServiceError("InvalidIdentityTokenException", "The tags of the token cannot be read.") from None
    return tags, transitive


def _one(value: Any) -> str:
    (text,) = [value] if isinstance(value, str) else value
    if not isinstance(text, str):
        raise TypeError
    return text


def invalid(message: str) -> ServiceError:
    return ServiceError("ValidationError", message, 400)
