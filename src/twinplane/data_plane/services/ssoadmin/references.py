"""What Identity Center's documents name."""

from twinplane.data_plane.references import Reference
from twinplane.data_plane.services.ssoadmin.store import APPLICATIONS, ASSIGNMENTS

REFERENCES = [Reference(ASSIGNMENTS, APPLICATIONS, ("ApplicationArn",))]
