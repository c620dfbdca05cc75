"""Verifies an assertion with its issuer's keys, fetched by OpenID Connect discovery."""

import asyncio
import base64
import binascii
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from twinplane.data_plane.loopback import is_loopback
from twinplane.data_plane.services.ssooidc import signing

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

    from twinplane.data_plane.plane import Plane

# Asymmetric only: a shared secret or "none" would let anyone who can read the public keys sign.
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
_FRESH_SECONDS = 300.0
_FETCH_SECONDS = 5.0
_MAX_BYTES = 1_000_000


class BadAssertion(Exception):
    """The assertion cannot be believed; the text says why, and may be shown to the caller."""


class KeysUnavailable(BadAssertion):
    """The issuer's keys could not be fetched."""


@dataclass(frozen=True, slots=True)
class _Fetched:
    keys: "KeySet"
    at: float


_fetched: dict[str, _Fetched] = {}


def peek_issuer(assertion: str) -> str:
    """The issuer that the assertion claims to be of, not verified. Raises `BadAssertion`."""
    try:
        payload = assertion.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return str(claims["iss"])
    except (IndexError, KeyError, TypeError, ValueError, RecursionError, binascii.Error):
        raise BadAssertion("The assertion is not a JSON web token with an issuer.") from None


async def verified_claims(plane: "Plane", issuer: str, assertion: str) -> dict[str, Any]:
    """The claims of an assertion that this issuer signed. Raises `BadAssertion`.

    Only the signature is decided here, not whether the claims are good for anything.
    """
    if issuer == signing.development_issuer(plane):
        return _decode(assertion, signing.public_keys(plane))
    known = _fetched.get(issuer)
    if known is not None and time.monotonic() - known.at < _FRESH_SECONDS:
        try:
            return _decode(assertion, known.keys)
        except BadAssertion:
            if time.monotonic() - known.at < _FETCH_SECONDS:  # new keys are looked for, but not at every bad token
                raise
    keys = await _fetch(issuer)
    _fetched[issuer] = _Fetched(keys, time.monotonic())
    return _decode(assertion, keys)


def _decode(assertion: str, keys: "KeySet") -> dict[str, Any]:
    from joserfc import jwt
    from joserfc.errors import JoseError

    try:
        return dict(jwt.decode(assertion, keys, algorithms=_ALGORITHMS).claims)
    except (JoseError, ValueError, TypeError, AttributeError, LookupError, RecursionError):  # a header may be anything
        raise BadAssertion("The signature of the assertion is not valid.") from None


async def _fetch(issuer: str) -> "KeySet":
    import httpx
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    try:
        async with asyncio.timeout(_FETCH_SECONDS), httpx.AsyncClient(trust_env=False) as client:
            discovered = await _get(client, issuer.rstrip("/") + "/.well-known/openid-configuration")
            if discovered.get("issuer") != issuer:
                raise BadAssertion(f"The discovery document of {issuer} names another issuer.")
            keys = await _get(client, str(discovered.get("jwks_uri")))
            return KeySet.import_key_set(keys)  # type: ignore[arg-type]
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, JoseError, ValueError, KeyError) as error:
        reason = str(error) or type(error).__name__
        raise KeysUnavailable(f"The keys of {issuer} could not be fetched: {reason}") from None


async def _get(client: Any, url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        raise ValueError(f"{url} is not an https URL")
    body = b""
    async with client.stream("GET", url) as response:
        response.raise_for_status()
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > _MAX_BYTES:
                raise ValueError(f"{url} answers too much")
    document = json.loads(body)
    if not isinstance(document, dict):
        raise ValueError(f"{url} does not answer a JSON object")
    return document
