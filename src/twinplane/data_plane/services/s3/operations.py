"""The operations of S3."""

from twinplane.data_plane.call import Operation
from twinplane.data_plane.services.s3 import attributes, buckets, listings, objects, store, uploads, versioning
from twinplane.data_plane.tasks import TaskKind

OPERATIONS: dict[str, Operation] = {
    **buckets.OPERATIONS,
    **objects.OPERATIONS,
    **listings.OPERATIONS,
    **uploads.OPERATIONS,
    **attributes.OPERATIONS,
    **versioning.OPERATIONS,
}
KINDS = store.KINDS
TASKS: dict[str, TaskKind] = {}
