"""Secrets of connections, sealed with a key of the state folder: in the state they cannot be read."""

import base64
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

    from twinplane.data_plane.plane import Plane


def seal(plane: "Plane", secrets: dict[str, Any]) -> str:
    return _box(plane).encrypt(json.dumps(secrets).encode()).decode()


def unseal(plane: "Plane", sealed: str) -> dict[str, Any]:
    secrets: dict[str, Any] = json.loads(_box(plane).decrypt(sealed.encode()))
    return secrets


def _box(plane: "Plane") -> "Fernet":
    from cryptography.fernet import Fernet  # here: only planes with connections pay for it

    return Fernet(base64.urlsafe_b64encode(plane.keys.derive("event connections")))
