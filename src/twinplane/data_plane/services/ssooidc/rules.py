"""Identity contexts: short, signed statements that a person signed in to an application. STS reads them."""

import base64
import hmac
from dataclasses import dataclass

import msgspec

CONTEXT_PROVIDER = "arn:aws:iam::aws:contextProvider/IdentityCenter"
CONTEXT_SCOPE = "sts:identity_context"
CONTEXT_SECONDS = 3600
_MARK_BYTES = 32


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
