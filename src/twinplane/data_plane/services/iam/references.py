"""What IAM's documents name."""

from collections.abc import Iterator

from twinplane.data_plane.references import Reference
from twinplane.data_plane.services.iam.store import (
    ACCESS_KEYS,
    GROUP_MEMBERS,
    GROUPS,
    INSTANCE_PROFILES,
    POLICIES,
    ROLES,
    USERS,
)
from twinplane.data_plane.store import Document

_OF_AWS = "arn:aws:iam::aws:"


def _policies(entity: Document) -> Iterator[tuple[str]]:
    for arn in (*entity["attached"], entity.get("boundary_arn")):
        if arn is not None and not arn.startswith(_OF_AWS):
            yield (arn,)


REFERENCES = [
    Reference(ACCESS_KEYS, USERS, ("UserName",)),
    Reference(USERS, POLICIES, _policies),
    Reference(ROLES, POLICIES, _policies),
    Reference(GROUPS, POLICIES, _policies),
    Reference(GROUP_MEMBERS, GROUPS, ("GroupName",)),
    Reference(GROUP_MEMBERS, USERS, ("UserName",)),
    Reference(INSTANCE_PROFILES, ROLES, ("role_name",)),
]
