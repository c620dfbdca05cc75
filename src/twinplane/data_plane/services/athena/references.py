"""What Athena's documents name."""

from twinplane.data_plane.references import Reference
from twinplane.data_plane.services.athena.store import EXECUTIONS, WORK_GROUPS

REFERENCES = [Reference(EXECUTIONS, WORK_GROUPS, ("work_group",))]
