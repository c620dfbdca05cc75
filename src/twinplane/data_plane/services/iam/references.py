"""What IAM's documents name."""

from collections.abc import Iterator

from twinplane.data_plane.references import Reference
from twinplane.data_plane.services.iam.store import ACCESS_KEYS, POLICIES, ROLES, USERS
from twinplane.data_plane.store import Document

_OF_AWS = "arn:aws:iam::aws:"


def _policies(entity: Document) -> Iterator[tuple[str]]:
    for arn in (*entity["attached"], entity["boundary_arn"]):
        if arn is not None and not arn.startswith(_OF_AWS):
            yield (arn,)


REFERENCES = [
    Reference(ACCESS_KEYS, USERS, ("UserName",)),
    Reference(USERS, POLICIES, _policies),
    Reference(ROLES, POLICIES, _policies),
]
