"""The operations of S3."""

from twinplane.data_plane.call import Operation
from twinplane.data_plane.services.s3 import (
    attributes,
    bucket_policies,
    bucket_settings,
    buckets,
    cross_origin,
    lifecycle,
    listings,
    notifications,
    objects,
    store,
    unconfigured,
    uploads,
    versioning,
)
from twinplane.data_plane.tasks import TaskKind

OPERATIONS: dict[str, Operation] = {
    **buckets.OPERATIONS,
    **bucket_policies.OPERATIONS,
    **bucket_settings.OPERATIONS,
    **cross_origin.OPERATIONS,
    **lifecycle.OPERATIONS,
    **objects.OPERATIONS,
    **listings.OPERATIONS,
    **uploads.OPERATIONS,
    **attributes.OPERATIONS,
    **versioning.OPERATIONS,
    **notifications.OPERATIONS,
    **unconfigured.OPERATIONS,
}
KINDS = store.KINDS
TASKS: dict[str, TaskKind] = {**lifecycle.TASKS}
