"""What Secrets Manager's documents name."""

from twinplane.data_plane.references import Reference
from twinplane.data_plane.services.secretsmanager.store import SECRETS, VERSIONS

REFERENCES = [Reference(VERSIONS, SECRETS, ("ARN",))]
