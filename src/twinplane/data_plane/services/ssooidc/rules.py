"""What an assertion must say, what clients may ask; and signed statements that a person uses an application.

Of these, Identity Center makes identity contexts for STS to read, and access tokens for itself.
"""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

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


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What Identity Center's access token says: who uses which application, with which scopes, until when."""

    user_id: str
    application_arn: str
    expires_at: float
    scopes: list[str]


def seal_context(key: bytes, context: IdentityContext) -> str:
    """The context as text, at most 2048 characters long, as STS requires."""
    return seal(key, [context.user_id, context.application_arn, context.expires_at])


def open_context(key: bytes, text: str, now: float) -> IdentityContext:
    """What a text says that `seal_context` made with this key. Raises `InvalidContext`, `ExpiredContext`."""
    context = IdentityContext(*open_seal(key, text, tuple[str, str, float]))
    if context.expires_at <= now:
        raise ExpiredContext
    return context


def seal_access_token(key: bytes, token: AccessToken) -> str:
    """The access token as text."""
    return seal(key, [token.user_id, token.application_arn, token.expires_at, token.scopes])


def open_access_token(key: bytes, text: str, now: float) -> AccessToken:
    """What a text says that `seal_access_token` made with this key. Raises `InvalidContext`, `ExpiredContext`."""
    token = AccessToken(*open_seal(key, text, tuple[str, str, float, list[str]]))
    if token.expires_at <= now:
        raise ExpiredContext
    return token


def seal(key: bytes, members: list[Any]) -> str:
    """The members as text that nobody without the key can make or change."""
    body = msgspec.json.encode(members)
    return base64.urlsafe_b64encode(hmac.digest(key, body, "sha256") + body).decode().rstrip("=")


def open_seal(key: bytes, text: str, kind: Any) -> Any:
    """The members, of the given tuple type, that `seal` made this text of. Raises `InvalidContext`."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise InvalidContext from None
    mark, body = raw[:_MARK_BYTES], raw[_MARK_BYTES:]
    if not hmac.compare_digest(mark, hmac.digest(key, body, "sha256")):
        raise InvalidContext
    return msgspec.json.decode(body, type=kind)


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


def still_granted(scopes: list[str], allowed: dict[str, Any]) -> list[str]:
    """Those of an earlier token's scopes that the application still has."""
    return [scope for scope in scopes if scope in allowed or scope in _IMPLIED_SCOPES]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


# --- public clients: the AWS CLI and SDKs on someone's machine ---

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
ACCOUNT_ACCESS = "sso:account:access"
CLIENT_GRANTS = ("authorization_code", DEVICE_CODE, "refresh_token")
DEVICE_GRANTS = [DEVICE_CODE, "refresh_token"]  # of a client that names none
_SCOPE = re.compile(r"[A-Za-z0-9_.]{1,50}(:[A-Za-z0-9_.]{1,50}){0,2}")
_USER_CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"


def are_scopes(scopes: list[str]) -> bool:
    """Are these names of scopes?"""
    return len(scopes) <= 50 and all(_SCOPE.fullmatch(scope) for scope in scopes)


def may_reach_accounts(scopes: list[str]) -> bool:
    """May a client with these scopes ask for a person's accounts? One that was registered without any may, too."""
    return not scopes or ACCOUNT_ACCESS in scopes


def same_but_port(registered: str, given: str) -> bool:
    """Is the redirect URI the registered one, whatever its port? A client takes any free one (RFC 8252)."""
    known, asked = urlsplit(registered), urlsplit(given)
    return (known.scheme, known.hostname, known.path, known.query) == (
        asked.scheme, asked.hostname, asked.path, asked.query,
    )  # fmt: skip


def challenge_of(verifier: str) -> str:
    """The S256 code challenge of a PKCE verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def is_verified(verifier: str | None, challenge: str) -> bool:
    """Does the verifier fit the challenge?"""
    return bool(verifier) and hmac.compare_digest(challenge_of(verifier or "").encode(), challenge.encode())


def new_user_code() -> str:
    """A code that a person compares and types, such as BCDF-GHJK: no vowels, so that it says nothing."""
    letters = [secrets.choice(_USER_CODE_LETTERS) for _ in range(8)]
    return "".join(letters[:4]) + "-" + "".join(letters[4:])


def folded_user_code(text: str) -> str:
    """A typed code as it is compared."""
    letters = "".join(letter for letter in text.upper() if letter.isalpha())
    return letters[:4] + "-" + letters[4:]
