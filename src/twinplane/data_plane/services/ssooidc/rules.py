"""What an assertion must say; and identity contexts: short, signed statements that a person uses an application.

Identity Center makes identity contexts, STS reads them.
"""

import base64
import hmac
from dataclasses import dataclass
from typing import Any

import msgspec

CONTEXT_PROVIDER = "arn:aws:iam::aws:contextProvider/IdentityCenter"
CONTEXT_SCOPE = "sts:identity_context"
CONTEXT_SECONDS = 3600
_MARK_BYTES = 32
_CLOCK_SKEW_SECONDS = 60
_IMPLIED_SCOPES = ("aws", "openid")


class InvalidContext(ValueError):
    """The text is not an identity context of this plane, or was changed."""


class ExpiredContext(ValueError):
    """The identity context has ended."""


@dataclass(frozen=True, slots=True)
class IdentityContext:
    """Who signed in to which application, until when (epoch seconds)."""

    user_id: str
    application_arn: str
    expires_at: float


def seal_context(key: bytes, context: IdentityContext) -> str:
    """The context as text, at most 2048 characters long, as STS requires."""
    body = msgspec.json.encode([context.user_id, context.application_arn, context.expires_at])
    return base64.urlsafe_b64encode(hmac.digest(key, body, "sha256") + body).decode().rstrip("=")


def open_context(key: bytes, text: str, now: float) -> IdentityContext:
    """What a text says that `seal_context` made with this key. Raises `InvalidContext`, `ExpiredContext`."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise InvalidContext from None
    mark, body = raw[:_MARK_BYTES], raw[_MARK_BYTES:]
    if not hmac.compare_digest(mark, hmac.digest(key, body, "sha256")):
        raise InvalidContext
    context = IdentityContext(*msgspec.json.decode(body, type=tuple[str, str, float]))
    if context.expires_at <= now:
        raise ExpiredContext
    return context


class RefusedClaims(ValueError):
    """The claims are not good for this application; the text says why."""


def check_claims(claims: dict[str, Any], audiences: list[str], now: float) -> None:
    """Is the token meant for the application, valid now, and to be told from others? Raises `RefusedClaims`."""
    given = claims.get("aud")
    if not any(audience in audiences for audience in (given if isinstance(given, list) else [given])):
        raise RefusedClaims("The audience of the assertion is not authorized for the application.")
    if not _is_number(claims.get("exp")) or claims["exp"] <= now:
        raise RefusedClaims("The assertion has expired.")
    for member in ("nbf", "iat"):
        moment = claims.get(member)
        if moment is not None and (not _is_number(moment) or moment > now + _CLOCK_SKEW_SECONDS):
            raise RefusedClaims("The assertion is not valid yet.")
    if not isinstance(claims.get("jti"), str) or not claims["jti"]:
        raise RefusedClaims("The assertion has no jti, so it cannot be known whether it was used before.")


def claim(claims: dict[str, Any], path: str) -> str:
    """The text at a ClaimAttributePath such as `email` or `profile.email`. Raises `RefusedClaims`."""
    value: Any = claims
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if not isinstance(value, str) or not value:
        raise RefusedClaims(f"The assertion has no claim {path} that could name a user.")
    return value


def granted_scopes(asked: list[str] | None, allowed: dict[str, Any]) -> list[str]:
    """The scopes of the new token: those asked for, or all of the application's. Raises `LookupError` on others."""
    for scope in asked or ():
        if scope not in allowed and scope not in _IMPLIED_SCOPES:
            raise LookupError(scope)
    return sorted({*(asked or allowed), *_IMPLIED_SCOPES})


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
