"""What Athena's documents name."""

from twinplane.data_plane.references import Reference
from twinplane.data_plane.services.athena.store import EXECUTIONS, PRIMARY, WORK_GROUPS
from twinplane.data_plane.store import Document


def _work_group(execution: Document) -> list[tuple[str]]:
    """`primary` is always there, also before anything of it was kept."""
    name = execution["work_group"]
    return [] if name == PRIMARY else [(name,)]


REFERENCES = [Reference(EXECUTIONS, WORK_GROUPS, _work_group)]
