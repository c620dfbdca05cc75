"""The operations of Glue: its Data Catalog."""

from twinplane.data_plane.call import Operation
from twinplane.data_plane.services.glue import (
    catalog_settings,
    connections,
    databases,
    functions,
    partition_indexes,
    partitions,
    statistics,
    store,
    tables,
    tags,
    unfiltered,
)
from twinplane.data_plane.tasks import TaskKind

OPERATIONS: dict[str, Operation] = {
    **databases.OPERATIONS,
    **tables.OPERATIONS,
    **partitions.OPERATIONS,
    **partition_indexes.OPERATIONS,
    **statistics.OPERATIONS,
    **functions.OPERATIONS,
    **connections.OPERATIONS,
    **catalog_settings.OPERATIONS,
    **unfiltered.OPERATIONS,
    **tags.OPERATIONS,
}
KINDS = store.KINDS
TASKS: dict[str, TaskKind] = {}
