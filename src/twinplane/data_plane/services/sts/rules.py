"""What an AssumeRole request asks for, and the limits on it."""

import json
import re
from typing import Any

from twinplane.data_plane.call import Principal, Request, ServiceError
from twinplane.data_plane.services.iam.policy import MalformedPolicy, Values, compile_policy

_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_MAX_POLICY_CHARACTERS = 2048
_CHAINED_SECONDS = 3600
_MAX_TAGS = 50


def actions_of(request: Request, source_identity: str | None) -> list[str]:
    """The permissions the request needs on the role."""
    actions = ["sts:AssumeRole"]
    if request.get("ProvidedContexts"):
        actions.append("sts:SetContext")
    if request.get("Tags"):
        actions.append("sts:TagSession")
    if source_identity is not None:
        actions.append("sts:SetSourceIdentity")
    return actions


def condition_values(request: Request, source_identity: str | None) -> Values:
    """The condition keys a trust policy can ask about the request."""
    tags = request.get("Tags") or []
    values: dict[str, str | tuple[str, ...]] = {
        "sts:RoleSessionName": request["RoleSessionName"],
        **{f"aws:RequestTag/{tag['Key']}": tag["Value"] for tag in tags},
    }
    if tags:
        values["aws:TagKeys"] = tuple(tag["Key"] for tag in tags)
    if request.get("ProvidedContexts"):
        values["sts:RequestContextProviders"] = tuple(
            context.get("ProviderArn", "") for context in request["ProvidedContexts"]
        )
    if request.get("ExternalId"):
        values["sts:ExternalId"] = request["ExternalId"]
    if source_identity is not None:
        values["sts:SourceIdentity"] = source_identity
    return values


def source_identity_of(request: Request, principal: Principal) -> str | None:
    """The source identity of the new session: once set, it stays through every further role.

    Raises `ServiceError` AccessDeniedException on an attempt to change it.
    """
    asked: str | None = request.get("SourceIdentity")
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
    """How long the session lasts. Raises `ServiceError` ValidationError beyond the role's maximum."""
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


def session_policy(inline: str | None, managed: list[str]) -> str | None:
    """One policy that allows what any of the given ones allows; None: no session policy was asked for.

    Raises `ServiceError` MalformedPolicyDocumentException, PackedPolicyTooLargeException.
    """
    texts = [*([inline] if inline is not None else []), *managed]
    if not texts:
        return None
    if inline is not None and len(inline) > _MAX_POLICY_CHARACTERS:
        raise ServiceError("PackedPolicyTooLargeException", "The session policy must have at most 2048 characters.")
    try:
        for text in texts:
            compile_policy(text)
    except MalformedPolicy as error:
        raise ServiceError("MalformedPolicyDocumentException", str(error)) from None
    if len(texts) == 1:
        return texts[0]
    statements: list[Any] = []
    for text in texts:
        found = json.loads(text)["Statement"]
        statements += found if isinstance(found, list) else [found]
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))


def session_tags(request: Request) -> tuple[tuple[str, str], ...]:
    """The session's tags. Raises `ServiceError` ValidationError on doubled keys or more than 50."""
    tags = tuple((tag["Key"], tag["Value"]) for tag in request.get("Tags") or ())
    if len({key.casefold() for key, _ in tags}) != len(tags):
        raise invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    if len(tags) > _MAX_TAGS:
        raise invalid(f"A session can have {_MAX_TAGS} tags.")
    return tags


def invalid(message: str) -> ServiceError:
    return ServiceError("ValidationError", message, 400)
