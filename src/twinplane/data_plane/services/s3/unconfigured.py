"""What a bucket says of features that are not served: that nothing of them is configured, as of a new bucket on AWS.

Tools ask for all of it before they change anything. Whoever would configure one is told that it is not served.
"""

from typing import NoReturn

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads
from twinplane.data_plane.services.s3 import store
from twinplane.data_plane.services.s3.permissions import on_bucket


def get_bucket_logging(call: Call, request: Request) -> Answer:
    store.get_bucket(call.tx, request["Bucket"])
    return {}


def get_bucket_accelerate_configuration(call: Call, request: Request) -> Answer:
    store.get_bucket(call.tx, request["Bucket"])
    return {}


def get_bucket_request_payment(call: Call, request: Request) -> Answer:
    store.get_bucket(call.tx, request["Bucket"])
    return {"Payer": "BucketOwner"}


def get_bucket_website(call: Call, request: Request) -> NoReturn:
    text = "The specified bucket does not have a website configuration"
    raise _missing(call, request, "NoSuchWebsiteConfiguration", text)


def get_bucket_replication(call: Call, request: Request) -> NoReturn:
    text = "The replication configuration was not found"
    raise _missing(call, request, "ReplicationConfigurationNotFoundError", text)


def get_object_lock_configuration(call: Call, request: Request) -> NoReturn:
    text = "Object Lock configuration does not exist for this bucket"
    raise _missing(call, request, "ObjectLockConfigurationNotFoundError", text)


def list_configurations(call: Call, request: Request) -> Answer:
    """Those of analytics, of inventories, of metrics, of intelligent tiering."""
    store.get_bucket(call.tx, request["Bucket"])
    return {"IsTruncated": False}


def get_configuration(call: Call, request: Request) -> NoReturn:
    raise _missing(call, request, "NoSuchConfiguration", "The specified configuration does not exist.")


def _missing(call: Call, request: Request, code: str, text: str) -> ServiceError:
    store.get_bucket(call.tx, request["Bucket"])
    return ServiceError(code, text, 404, BucketName=request["Bucket"])


OPERATIONS: dict[str, Operation] = {
    "GetBucketLogging": reads(get_bucket_logging, on_bucket("s3:GetBucketLogging")),
    "GetBucketAccelerateConfiguration": reads(
        get_bucket_accelerate_configuration, on_bucket("s3:GetAccelerateConfiguration")
    ),
    "GetBucketRequestPayment": reads(get_bucket_request_payment, on_bucket("s3:GetBucketRequestPayment")),
    "GetBucketWebsite": reads(get_bucket_website, on_bucket("s3:GetBucketWebsite")),
    "GetBucketReplication": reads(get_bucket_replication, on_bucket("s3:GetReplicationConfiguration")),
    "GetObjectLockConfiguration": reads(
        get_object_lock_configuration, on_bucket("s3:GetBucketObjectLockConfiguration")
    ),
    **{
        f"{verb}Bucket{kind}Configuration{plural}": reads(function, on_bucket(f"s3:Get{kind}Configuration"))
        for kind in ("Analytics", "Inventory", "Metrics", "IntelligentTiering")
        for verb, plural, function in (("List", "s", list_configurations), ("Get", "", get_configuration))
    },
}
