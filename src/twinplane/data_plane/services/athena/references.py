"""What Athena's documents name."""

from collections.abc import Callable

from twinplane.data_plane.references import Reference
from twinplane.data_plane.services.athena.store import (
    EXECUTIONS,
    NAMED_QUERIES,
    PREPARED_STATEMENTS,
    PRIMARY,
    WORK_GROUPS,
)
from twinplane.data_plane.store import Document


def _in(member: str) -> Callable[[Document], list[tuple[str]]]:
    """`primary` is always there, also before anything of it was kept."""
    return lambda document: [] if document[member] == PRIMARY else [(document[member],)]


REFERENCES = [
    Reference(EXECUTIONS, WORK_GROUPS, _in("work_group")),
    Reference(NAMED_QUERIES, WORK_GROUPS, _in("WorkGroup")),
    Reference(PREPARED_STATEMENTS, WORK_GROUPS, _in("WorkGroupName")),
]
