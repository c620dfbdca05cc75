"""The secrets of signing in: the key that signs the plane's tokens, and the one development password."""

import json
import secrets
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twinplane.data_plane.files import create_private

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, KeySet

    from twinplane.data_plane.plane import Plane

ALGORITHM = "ES256"
ISSUER_PATH = "/_idp"


def development_issuer(plane: "Plane") -> str:
    """The issuer URL of the plane's own identity provider."""
    return plane.settings.endpoint + ISSUER_PATH


def sign(plane: "Plane", claims: dict[str, Any]) -> str:
    """The claims as a signed JSON web token."""
    from joserfc import jwt

    key = _key(plane.settings.state / "issuer-key.json")
    return jwt.encode({"alg": ALGORITHM, "kid": key.kid}, claims, key)


def public_keys(plane: "Plane") -> "KeySet":
    """The keys that verify what `sign` signed."""
    from joserfc.jwk import ECKey, KeySet

    return KeySet([ECKey.import_key(public_key(plane))])


def public_key(plane: "Plane") -> dict[str, Any]:
    """The public key as a JSON web key."""
    key = _key(plane.settings.state / "issuer-key.json")
    return {**key.as_dict(private=False), "alg": ALGORITHM}


def development_password(plane: "Plane") -> str:
    """The one password of all people on this plane; made at the first call, kept in `<state>/development-password`."""
    path = plane.settings.state / "development-password"
    word = secrets.token_hex(10)
    made = "-".join(word[i : i + 5] for i in range(0, 20, 5)) + "\n"
    return create_private(path, made.encode()).decode().strip()


@lru_cache(maxsize=64)
def _key(path: Path) -> "ECKey":
    from joserfc.jwk import ECKey

    if not path.exists():
        made = ECKey.generate_key("P-256", {"use": "sig"}, auto_kid=True)
        create_private(path, json.dumps(made.as_dict(private=True)).encode())
    return ECKey.import_key(json.loads(path.read_text()))
