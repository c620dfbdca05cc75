"""The secrets of signing in: the keys that sign the plane's tokens, the development password, the SCIM token.

The signing key is made anew after a month; the one before verifies for another day, longer than any token lives.
"""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twinplane.data_plane.files import create_private, write_private

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, KeySet

    from twinplane.data_plane.plane import Plane

ALGORITHM = "ES256"
ISSUER_PATH = "/_idp"
ROTATION_SECONDS = 30 * 86400.0
_OVERLAP_SECONDS = 86400.0


def development_issuer(plane: "Plane") -> str:
    """The issuer URL of the plane's own identity provider."""
    return plane.settings.endpoint + ISSUER_PATH


def sign(plane: "Plane", claims: dict[str, Any]) -> str:
    """The claims as a signed JSON web token."""
    from joserfc import jwt

    key = _keys(plane)[-1].key
    return jwt.encode({"alg": ALGORITHM, "kid": key.kid}, claims, key)


def public_keys(plane: "Plane") -> "KeySet":
    """The keys that verify what `sign` signed."""
    from joserfc.jwk import ECKey, KeySet

    return KeySet([ECKey.import_key(key) for key in public_key_set(plane)])


def public_key_set(plane: "Plane") -> list[dict[str, Any]]:
    """The public keys as JSON web keys."""
    return [{**made.key.as_dict(private=False), "alg": ALGORITHM} for made in _keys(plane)]


def development_password(plane: "Plane") -> str:
    """The one password of all people on this plane; made at the first call, kept in `<state>/development-password`."""
    path = plane.settings.state / "development-password"
    word = secrets.token_hex(10)
    made = "-".join(word[i : i + 5] for i in range(0, 20, 5)) + "\n"
    return create_private(path, made.encode()).decode().strip()


def scim_token(plane: "Plane") -> str:
    """The bearer token of the SCIM endpoint; made at the first call, kept in `<state>/scim-token`."""
    return create_private(plane.settings.state / "scim-token", secrets.token_urlsafe(48).encode()).decode().strip()


@dataclass(frozen=True, slots=True)
class _Key:
    key: "ECKey"
    made_at: float


_read: dict[Path, list[_Key]] = {}


def _keys(plane: "Plane") -> list[_Key]:
    """The keys of the plane, the one that signs last."""
    path, now = plane.settings.state / "issuer-key.json", plane.clock()
    keys = _read.get(path)
    if keys is None:
        keys = _parsed(create_private(path, _text([_made(now)])), now)
    if keys[-1].made_at + ROTATION_SECONDS <= now:
        keys = [*keys, _made(now)]
        write_private(path, _text(keys))
    last = len(keys) - 1
    _read[path] = [k for i, k in enumerate(keys) if i == last or keys[i + 1].made_at + _OVERLAP_SECONDS > now]
    return _read[path]


def _made(now: float) -> _Key:
    from joserfc.jwk import ECKey

    return _Key(ECKey.generate_key("P-256", {"use": "sig"}, auto_kid=True), now)


def _text(keys: list[_Key]) -> bytes:
    return json.dumps({"keys": [{"made_at": k.made_at, "key": k.key.as_dict(private=True)} for k in keys]}).encode()


def _parsed(text: bytes, now: float) -> list[_Key]:
    from joserfc.jwk import ECKey

    document = json.loads(text)
    if "kty" in document:  # a single key, as earlier versions kept it
        document = {"keys": [{"made_at": now, "key": document}]}
    return [_Key(ECKey.import_key(made["key"]), made["made_at"]) for made in document["keys"]]
