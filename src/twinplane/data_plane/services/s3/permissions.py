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


def on_listing(action: str) -> Access:
    """Access of listings, which policies may limit by prefix and delimiter."""

    def access(call: Call, request: Request) -> None:
        _check_expected_owner(call, request.get("ExpectedBucketOwner"))
        call.resources.append({"ARN": bucket_arn(request["Bucket"]), "type": "AWS::S3::Bucket"})
        values = {
            "s3:prefix": request.get("Prefix") or "",
            "s3:delimiter": request.get("Delimiter") or "",
            "s3:max-keys": str(1000 if request.get("MaxKeys") is None else request["MaxKeys"]),
        }
        require(call, action, bucket_arn(request["Bucket"]), values)

    return access


# The same action on one version of an object, where that is another.
OF_A_VERSION = {
    "s3:GetObject": "s3:GetObjectVersion", "s3:DeleteObject": "s3:DeleteObjectVersion",
    "s3:GetObjectTagging": "s3:GetObjectVersionTagging", "s3:PutObjectTagging": "s3:PutObjectVersionTagging",
    "s3:DeleteObjectTagging": "s3:DeleteObjectVersionTagging",
    "s3:GetObjectAttributes": "s3:GetObjectVersionAttributes",
}  # fmt: skip


def on_object(*actions: str) -> Access:
    """Access by all of `actions` on the request's object, or on the version of it that the request names."""

    def access(call: Call, request: Request) -> None:
        _check_expected_owner(call, request.get("ExpectedBucketOwner"))
        arn = object_arn(request["Bucket"], request["Key"])
        call.resources.append({"ARN": arn, "type": "AWS::S3::Object"})
        for action in actions:
            require_on_object(call, action, arn, request.get("VersionId"))
        if request.get("Tagging") and "s3:PutObject" in actions:
            require(call, "s3:PutObjectTagging", arn)

    return access


def require_on_object(call: Call, action: str, arn: str, version: str | None) -> None:
    """Raises `AccessDenied` unless the caller may do `action` on the object, or on that version of it."""
    if version is None:
        require(call, action, arn)
    else:
        require(call, OF_A_VERSION[action], arn, {"s3:versionid": version})


def on_copy(call: Call, request: Request) -> None:
    """Access of copies: read the source, write the target."""
    bucket, key, version = rules.copy_source(request["CopySource"])
    _check_expected_owner(call, request.get("ExpectedSourceBucketOwner"))
    require_on_object(call, "s3:GetObject", object_arn(bucket, key), version)
    on_object("s3:PutObject")(call, request)
    existing_object(call, bucket, key, version)


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


def existing_object(call: Call, bucket: str, key: str, version: str | None = None) -> Document:
    """The object, or that version of it, for who may read it; never a delete marker.

    Its `version_id` is set when the bucket keeps, or kept, versions.

    Raises `NoSuchBucket`, `NoSuchKey`, `NoSuchVersion`, `MethodNotAllowed`, or `AccessDenied` in their place.
    """
    rules.check_version_id(version)
    versioning = store.get_bucket(call.tx, bucket).get("versioning")
    if version is None:
        document = store.find_object(call.tx, bucket, key)
    else:
        document = store.find_version(call.tx, bucket, key, version)
    if document is None:
        if not may(lambda: require(call, "s3:ListBucket", bucket_arn(bucket), {"s3:prefix": key})):
            raise ServiceError("AccessDenied", ACCESS_DENIED, 403)
        if version is not None:
            raise rules.no_such_version(key, version)
        marker = store.newest_version(call.tx, bucket, key)
        raise rules.no_such_key(key) if marker is None else rules.marked_deleted(marker, by_id=False)
    check_owner(call, document)
    if document.get("is_marker"):
        raise rules.marked_deleted(document, by_id=True)
    if versioning is not None:
        document["version_id"] = rules.version_id(document)
    return document


def check_owner(call: Call, document: Document | None) -> None:
    """Raises `AccessDenied` when the object belongs to another person."""
    if document is not None and not store.is_visible(document, call.principal):
        raise ServiceError("AccessDenied", ACCESS_DENIED, 403)


def _check_expected_owner(call: Call, expected: str | None) -> None:
    if expected is not None and expected != call.account_id:
        raise ServiceError("AccessDenied", ACCESS_DENIED, 403)
