"""The operations of S3 Access Grants, which S3 Control has."""

from twinplane.data_plane.call import Operation
from twinplane.data_plane.services.s3control import data_access, grants, instances, store
from twinplane.data_plane.tasks import TaskKind

OPERATIONS: dict[str, Operation] = {
    **instances.OPERATIONS,
    **grants.OPERATIONS,
    **data_access.OPERATIONS,
}
KINDS = store.KINDS
TASKS: dict[str, TaskKind] = {}
