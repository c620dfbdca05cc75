"""The operations of Glue: its Data Catalog."""

from twinplane.data_plane.call import Operation
from twinplane.data_plane.services.glue import databases, partitions, store, tables, tags
from twinplane.data_plane.tasks import TaskKind

OPERATIONS: dict[str, Operation] = {
    **databases.OPERATIONS,
    **tables.OPERATIONS,
    **partitions.OPERATIONS,
    **tags.OPERATIONS,
}
KINDS = store.KINDS
TASKS: dict[str, TaskKind] = {}
