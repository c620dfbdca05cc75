"""Who may do what in S3: IAM's actions on buckets and objects, and the owner of an object that has one.

A missing object is only called missing to those who may list its bucket; to others it is an object they may not read.
"""

from collections.abc import Callable

from twinplane.data_plane.call import Access, Call, Request, ServiceError
from twinplane.data_plane.services.iam.rules import require
from twinplane.data_plane.services.s3 import rules, store
from twinplane.data_plane.store import Document

ACCESS_DENIED = "Access Denied"


def bucket_arn(bucket: str) -> str:
    return f"arn:aws:s3:::{bucket}"


def object_arn(bucket: str, key: str) -> str:
    return f"arn:aws:s3:::{bucket}/{key}"


def on_bucket(action: str) -> Access:
    """Access by `action` on the request's bucket."""

    def access(call: Call, request: Request) -> None:
        _check_expected_owner(call, request.get("ExpectedBucketOwner"))
        call.resources.append({"ARN": bucket_arn(request["Bucket"]), "type": "AWS::S3::Bucket"})
        require(call, action, bucket_arn(request["Bucket"]))

    return access


def on_listing(call: Call, request: Request) -> None:
    """Access of listings, which policies may limit by prefix and delimiter."""
    _check_expected_owner(call, request.get("ExpectedBucketOwner"))
    call.resources.append({"ARN": bucket_arn(request["Bucket"]), "type": "AWS::S3::Bucket"})
    values = {
        "s3:prefix": request.get("Prefix") or "",
        "s3:delimiter": request.get("Delimiter") or "",
        "s3:max-keys": str(1000 if request.get("MaxKeys") is None else request["MaxKeys"]),
    }
    require(call, "s3:ListBucket", bucket_arn(request["Bucket"]), values)


def on_object(action: str) -> Access:
    """Access by `action` on the request's object."""

    def access(call: Call, request: Request) -> None:
        _check_expected_owner(call, request.get("ExpectedBucketOwner"))
        arn = object_arn(request["Bucket"], request["Key"])
        call.resources.append({"ARN": arn, "type": "AWS::S3::Object"})
        require(call, action, arn)
        if request.get("Tagging") and action == "s3:PutObject":
            require(call, "s3:PutObjectTagging", arn)

    return access


def on_copy(call: Call, request: Request) -> None:
    """Access of copies: read the source, write the target."""
    bucket, key = rules.copy_source(request["CopySource"])
    _check_expected_owner(call, request.get("ExpectedSourceBucketOwner"))
    require(call, "s3:GetObject", object_arn(bucket, key))
    on_object("s3:PutObject")(call, request)
    existing_object(call, bucket, key)


def of_each_object(call: Call, request: Request) -> None:
    """Access of DeleteObjects: decided object by object within; nobody anonymous gets that far."""
    _check_expected_owner(call, request.get("ExpectedBucketOwner"))
    if call.principal.kind == "Anonymous":
        raise ServiceError("AccessDeniedException", ACCESS_DENIED, 403)


def may(decide: Callable[[], None]) -> bool:
    """Whether `decide` lets the caller through."""
    try:
        decide()
    except ServiceError:
        return False
    return True


def existing_object(call: Call, bucket: str, key: str) -> Document:
    """The object, for who may read it. Raises `NoSuchBucket`, `NoSuchKey`, or `AccessDenied` in their place."""
    store.get_bucket(call.tx, bucket)
    document = store.find_object(call.tx, bucket, key)
    if document is None:
        if not may(lambda: require(call, "s3:ListBucket", bucket_arn(bucket), {"s3:prefix": key})):
            raise ServiceError("AccessDenied", ACCESS_DENIED, 403)
        raise rules.no_such_key(key)
    check_owner(call, document)
    return document


def check_owner(call: Call, document: Document | None) -> None:
    """Raises `AccessDenied` when the object belongs to another person."""
    if document is not None and not store.is_visible(document, call.principal):
        raise ServiceError("AccessDenied", ACCESS_DENIED, 403)


def _check_expected_owner(call: Call, expected: str | None) -> None:
    if expected is not None and expected != call.account_id:
        raise ServiceError("AccessDenied", ACCESS_DENIED, 403)
