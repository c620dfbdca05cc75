"""Secrets that must be kept: sealed with a key of the state folder, so that the database alone tells none."""

import base64
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

    from twinplane.data_plane.plane import Plane


def seal(plane: "Plane", purpose: str, secrets: Any) -> str:
    """`secrets` (JSON values) as a text that `unseal` opens for the same purpose."""
    return _box(plane, purpose).encrypt(json.dumps(secrets).encode()).decode()


def unseal(plane: "Plane", purpose: str, sealed: str) -> Any:
    """What was sealed for this purpose."""
    return json.loads(_box(plane, purpose).decrypt(sealed.encode()))


def _box(plane: "Plane", purpose: str) -> "Fernet":
    from cryptography.fernet import Fernet  # here: only planes with such secrets pay for it

    return Fernet(base64.urlsafe_b64encode(plane.keys.derive(purpose)))
