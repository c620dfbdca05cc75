"""What Organizations' documents name."""

from collections.abc import Iterator

from twinplane.data_plane.references import Reference
from twinplane.data_plane.services.organizations.rules import AWS_MANAGED
from twinplane.data_plane.services.organizations.store import ATTACHMENTS, NODES, POLICIES
from twinplane.data_plane.store import Document


def _policy(attachment: Document) -> Iterator[tuple[str]]:
    if attachment["policy_id"] not in AWS_MANAGED:
        yield (attachment["policy_id"],)


REFERENCES = [
    Reference(NODES, NODES, ("parent",)),
    Reference(ATTACHMENTS, NODES, ("target_id",)),
    Reference(ATTACHMENTS, POLICIES, _policy),
]
