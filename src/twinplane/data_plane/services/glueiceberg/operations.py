"""Glue's Iceberg REST endpoint (`/iceberg/v1`): the catalog as the Iceberg REST specification has it.

The operations are those that AWS documents, under the permissions of the Glue operations that they stand for.
"""

from twinplane.data_plane.call import Operation
from twinplane.data_plane.services.glueiceberg import namespaces, tables
from twinplane.data_plane.services.glueiceberg.wire import IcebergWire
from twinplane.data_plane.store import Kind
from twinplane.data_plane.tasks import TaskKind

OPERATIONS: dict[str, Operation] = {**namespaces.OPERATIONS, **tables.OPERATIONS}
KINDS: list[Kind] = []
TASKS: dict[str, TaskKind] = {}
WIRE = IcebergWire
