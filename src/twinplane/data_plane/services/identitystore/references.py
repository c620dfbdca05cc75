"""What the identity store's documents name."""

from twinplane.data_plane.references import Reference
from twinplane.data_plane.services.identitystore.store import GROUPS, MEMBERSHIPS, USERS

REFERENCES = [Reference(MEMBERSHIPS, USERS, ("UserId",)), Reference(MEMBERSHIPS, GROUPS, ("GroupId",))]
