"""Buckets."""

import base64
import hashlib
from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads, writes
from twinplane.data_plane.services.iam.rules import iam
from twinplane.data_plane.services.s3 import rules, store
from twinplane.data_plane.services.s3.permissions import bucket_arn, on_bucket
from twinplane.data_plane.store import Document

_NAMESPACES = (None, "global")


def owner(call: Call) -> dict[str, str]:
    """The account as S3 names the owner of what is in it: a canonical user id."""
    return {"ID": hashlib.sha256(f"canonical user of {call.account_id}".encode()).hexdigest()}


def list_buckets(call: Call, request: Request) -> Answer:
    limit, prefix = min(request.get("MaxBuckets") or 10_000, 10_000), request.get("Prefix") or ""
    after = decoded_token(request.get("ContinuationToken"))
    found = [b for b in call.tx.select(store.BUCKETS, after=(after,)) if b["name"].startswith(prefix)]
    answer: Answer = {"Buckets": [_described(call, b) for b in found[:limit]], "Owner": owner(call)}
    if len(found) > limit:
        answer["ContinuationToken"] = token(found[limit - 1]["name"])
    return answer | ({"Prefix": prefix} if prefix else {})


def _described(call: Call, bucket: Document) -> dict[str, Any]:
    return {
        "Name": bucket["name"], "CreationDate": bucket["created_at"], "BucketRegion": call.region,
        "BucketArn": bucket_arn(bucket["name"]),
    }  # fmt: skip


def token(position: str) -> str:
    """A listing's token: where it goes on. It tells its bearer nothing that the listing did not."""
    return base64.urlsafe_b64encode(position.encode()).decode()


def decoded_token(given: str | None) -> str:
    """What `token` was made of. Raises `InvalidArgument`."""
    try:
        return base64.b64decode(given or "", altchars=b"-_", validate=True).decode()
    except ValueError:
        raise ServiceError("InvalidArgument", "The continuation token provided is incorrect", 400) from None


def create_bucket(call: Call, request: Request) -> Answer:
    name = request["Bucket"]
    rules.check_bucket_name(name)
    rules.check_served(request)
    if request.get("ObjectLockEnabledForBucket"):
        raise ServiceError("NotImplemented", "Object Lock is not served.", 501)
    configuration = request.get("CreateBucketConfiguration") or {}
    if (
        configuration.get("Bucket")
        or configuration.get("Location")
        or request.get("BucketNamespace") not in _NAMESPACES
    ):
        raise ServiceError("NotImplemented", "Directory buckets and buckets of a namespace are not served.", 501)
    if request.get("ObjectOwnership") not in (None, "BucketOwnerEnforced"):
        raise ServiceError("NotImplemented", "Object ownership that needs ACLs is not served.", 501)
    tags = rules.bucket_tags(configuration.get("Tags") or [])
    asked = configuration.get("LocationConstraint")
    if (asked or "us-east-1") != call.region:
        raise ServiceError(
            "IllegalLocationConstraintException",
            f"The {asked or 'unspecified'} location constraint is incompatible for the region specific endpoint this "
            "request was sent to.",
            400,
        )
    # in us-east-1, making one's own bucket again succeeds
    if call.region != "us-east-1" or store.find_bucket(call.tx, name) is None:
        call.tx.put(store.BUCKETS, store.create_bucket(call.tx, name, call.now) | {"tags": tags})
    return {"Location": f"/{name}", "BucketArn": bucket_arn(name)}


def head_bucket(call: Call, request: Request) -> Answer:
    store.get_bucket(call.tx, request["Bucket"])
    return {"BucketRegion": call.region, "BucketArn": bucket_arn(request["Bucket"])}


def delete_bucket(call: Call, request: Request) -> Answer:
    name = request["Bucket"]
    store.get_bucket(call.tx, name)
    if any(call.tx.first(kind, {"bucket": name}) is not None for kind in (store.OBJECTS, store.VERSIONS)):
        raise ServiceError("BucketNotEmpty", "The bucket you tried to delete is not empty", 409, BucketName=name)
    for upload in call.tx.select(store.UPLOADS, {"bucket": name}):
        store.remove_upload(call.tx, call.plane, upload)
    call.tx.remove(store.BUCKETS, name)
    return {}


def get_bucket_location(call: Call, request: Request) -> Answer:
    store.get_bucket(call.tx, request["Bucket"])
    return {} if call.region == "us-east-1" else {"LocationConstraint": call.region}


OPERATIONS: dict[str, Operation] = {
    "ListBuckets": reads(list_buckets, iam("s3:ListAllMyBuckets")),
    "CreateBucket": writes(create_bucket, on_bucket("s3:CreateBucket")),
    "HeadBucket": reads(head_bucket, on_bucket("s3:ListBucket")),
    "DeleteBucket": writes(delete_bucket, on_bucket("s3:DeleteBucket")),
    "GetBucketLocation": reads(get_bucket_location, on_bucket("s3:GetBucketLocation")),
}
