"""The secrets of signing in: the key that signs the plane's tokens, and the one development password."""

import json
import os
import secrets
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    if not path.exists():
        word = secrets.token_hex(10)
        write_secret(path, "-".join(word[i : i + 5] for i in range(0, 20, 5)) + "\n")
    return path.read_text().strip()


@lru_cache(maxsize=64)
def _key(path: Path) -> "ECKey":
    from joserfc.jwk import ECKey

    if not path.exists():
        made = ECKey.generate_key("P-256", {"use": "sig"}, auto_kid=True)
        write_secret(path, json.dumps(made.as_dict(private=True)))
    return ECKey.import_key(json.loads(path.read_text()))


def write_secret(path: Path, text: str) -> None:
    """Writes a file that only its owner can read, whole or not at all."""
    new = path.with_name(path.name + ".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
