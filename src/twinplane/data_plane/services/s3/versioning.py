"""Whether a bucket keeps versions of its objects."""

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads, writes
from twinplane.data_plane.services.s3 import store
from twinplane.data_plane.services.s3.permissions import on_bucket


def get_bucket_versioning(call: Call, request: Request) -> Answer:
    """Nothing for a bucket that never kept versions."""
    versioning = store.get_bucket(call.tx, request["Bucket"]).get("versioning")
    return {} if versioning is None else {"Status": versioning}


def put_bucket_versioning(call: Call, request: Request) -> Answer:
    """Starts keeping versions, or stops: the versions there are stay."""
    bucket = store.get_bucket(call.tx, request["Bucket"])
    asked = request["VersioningConfiguration"]
    if asked.get("MFADelete") == "Enabled" or request.get("MFA"):
        raise ServiceError("NotImplemented", "MFA delete is not served.", 501)
    if asked.get("Status") not in ("Enabled", "Suspended"):
        raise ServiceError(
            "IllegalVersioningConfigurationException",
            "The Versioning element must be specified with the Status Enabled or Suspended",
            400,
        )
    call.tx.put(store.BUCKETS, bucket | {"versioning": asked["Status"]})
    return {}


OPERATIONS: dict[str, Operation] = {
    "GetBucketVersioning": reads(get_bucket_versioning, on_bucket("s3:GetBucketVersioning")),
    "PutBucketVersioning": writes(put_bucket_versioning, on_bucket("s3:PutBucketVersioning")),
}
