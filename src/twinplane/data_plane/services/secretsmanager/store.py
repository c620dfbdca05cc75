"""What Secrets Manager keeps. Values are sealed: the database alone tells none."""

import base64
from typing import TYPE_CHECKING

from twinplane.data_plane import sealing
from twinplane.data_plane.store import Document, Kind, Transaction

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

SECRETS = Kind("secretsmanager_secret", key=("ARN",), unique=(("Name",),))
VERSIONS = Kind("secretsmanager_version", key=("ARN", "VersionId"))
KINDS = [SECRETS, VERSIONS]

_PURPOSE = "secretsmanager values"


def find(tx: Transaction, secret_id: str, now: float) -> Document | None:
    """The secret of this name, ARN, or ARN without its random end; None also once it cannot be restored any more."""
    name = secret_id.split(":secret:", 1)[1] if secret_id.startswith("arn:") and ":secret:" in secret_id else secret_id
    secret = tx.find(SECRETS, secret_id) or tx.first(SECRETS, {"Name": name})
    if secret is None or secret.get("deletesAt", now + 1) <= now:
        return None
    return secret


def versions(tx: Transaction, arn: str) -> list[Document]:
    """All versions of a secret."""
    return tx.select(VERSIONS, {"ARN": arn})


def add_version(
    tx: Transaction,
    plane: "Plane",
    arn: str,
    version_id: str,
    stages: list[str],
    text: str | None,
    binary: bytes | None,
    now: float,
) -> Document:
    """Stores a version of a secret; its stages are taken off the others, of which the current one becomes previous."""
    value = {"SecretString": text} if binary is None else {"SecretBinary": base64.b64encode(binary).decode()}
    becomes_previous = "AWSCURRENT" if "AWSCURRENT" in stages else "AWSPREVIOUS"
    for other in versions(tx, arn):
        kept = [stage for stage in other["stages"] if stage not in stages and stage != "AWSPREVIOUS"]
        if becomes_previous in other["stages"]:
            kept.append("AWSPREVIOUS")
        tx.put(VERSIONS, other | {"stages": kept})
    return tx.put(
        VERSIONS,
        {
            "ARN": arn,
            "VersionId": version_id,
            "stages": stages,
            "CreatedDate": now,
            "sealed": sealing.seal(plane, _PURPOSE, value),
        },
    )


def value_of(plane: "Plane", version: Document) -> dict[str, str | bytes]:
    """`SecretString` or `SecretBinary` of a version."""
    value: dict[str, str] = sealing.unseal(plane, _PURPOSE, version["sealed"])
    if "SecretBinary" in value:
        return {"SecretBinary": base64.b64decode(value["SecretBinary"])}
    return dict(value)


def remove(tx: Transaction, arn: str) -> None:
    """Removes a secret with its versions."""
    for version in versions(tx, arn):
        tx.remove(VERSIONS, arn, version["VersionId"])
    tx.remove(SECRETS, arn)
