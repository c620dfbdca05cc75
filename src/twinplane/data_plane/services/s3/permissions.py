"""Who may do what in S3: IAM's actions on buckets and objects together with the bucket's own policy, and the owner of
an object that has one.

A missing object is only called missing to those who may list its bucket; to others it is an object they may not read.
"""

from collections.abc import Callable
from dataclasses import replace

from twinplane.data_plane.call import Access, Call, Request, ServiceError
from twinplane.data_plane.services.iam.policy import Policy, compile_policy
from twinplane.data_plane.services.iam.rules import require
from twinplane.data_plane.services.s3 import conditions, public_access, rules, store
from twinplane.data_plane.store import Document, Transaction

ACCESS_DENIED = "Access Denied"


def bucket_arn(bucket: str) -> str:
    return f"arn:aws:s3:::{bucket}"


def object_arn(bucket: str, key: str) -> str:
    return f"arn:aws:s3:::{bucket}/{key}"


# The same action on one version of an object, where that is another.
OF_A_VERSION = {
    "s3:GetObject": "s3:GetObjectVersion", "s3:DeleteObject": "s3:DeleteObjectVersion",
    "s3:GetObjectTagging": "s3:GetObjectVersionTagging", "s3:PutObjectTagging": "s3:PutObjectVersionTagging",
    "s3:DeleteObjectTagging": "s3:DeleteObjectVersionTagging",
    "s3:GetObjectAttributes": "s3:GetObjectVersionAttributes",
    "s3:GetObjectAcl": "s3:GetObjectVersionAcl", "s3:PutObjectAcl": "s3:PutObjectVersionAcl",
}  # fmt: skip


def check(
    call: Call, action: str, request: Request, bucket: str, key: str | None = None, version: str | None = None
) -> None:
    """Raises AccessDeniedException unless the caller may do `action` on the bucket, the object in it, or that version.

    The caller's policies and the bucket's decide together. `request` gives the values that their conditions ask for.
    """
    require(
        call,
        action if version is None else OF_A_VERSION[action],
        bucket_arn(bucket) if key is None else object_arn(bucket, key),
        lambda: conditions.of_request(call, request, bucket, key, version),
        _bucket_policy(call, bucket),
        conditions.KNOWN,
    )


def _bucket_policy(call: Call, bucket: str) -> Policy | None:
    document = store.find_bucket(call.tx, bucket)
    if document is None or not document.get("policy"):
        return None
    if call.principal.kind == "Anonymous" and public_access.restricts(document):
        return None
    return compile_policy(document["policy"], "resource")


def on_bucket(action: str) -> Access:
    """Access by `action` on the request's bucket; policies may limit that of listings by prefix and delimiter."""

    def access(call: Call, request: Request) -> None:
        _check_expected_owner(call, request.get("ExpectedBucketOwner"))
        call.resources.append({"ARN": bucket_arn(request["Bucket"]), "type": "AWS::S3::Bucket"})
        check(call, action, request, request["Bucket"])

    return access


def on_object(*actions: str) -> Access:
    """Access by all of `actions` on the request's object, or on the version of it that the request names.

    A write on the condition of an entity tag needs `s3:GetObject`, too, as on AWS: it tells the tag. One on the
    condition that the object exists, or does not, needs no more than to write it.
    """

    def access(call: Call, request: Request) -> None:
        _check_expected_owner(call, request.get("ExpectedBucketOwner"))
        bucket, key = request["Bucket"], request["Key"]
        call.resources.append({"ARN": object_arn(bucket, key), "type": "AWS::S3::Object"})
        for action in actions:
            check(call, action, request, bucket, key, request.get("VersionId"))
        if names_a_tag(request.get("IfMatch")) and "s3:GetObject" not in actions:
            check(call, "s3:GetObject", request, bucket, key, request.get("VersionId"))
        if request.get("Tagging") and "s3:PutObject" in actions:
            check(call, "s3:PutObjectTagging", request, bucket, key)

    return access


def names_a_tag(if_match: str | None) -> bool:
    """Whether the condition of a write is about the object's entity tag, not only about there being one."""
    return if_match is not None and if_match.strip() != "*"


def on_copy(call: Call, request: Request) -> None:
    """Access of copies: read the source, write the target; and the same of its tags, where these are copied."""
    bucket, key, version = rules.copy_source(request["CopySource"])
    _check_expected_owner(call, request.get("ExpectedSourceBucketOwner"))
    check(call, "s3:GetObject", {}, bucket, key, version)
    on_object("s3:PutObject")(call, request)
    tags = existing_object(call, bucket, key, version).get("tags")
    if tags and call.operation == "CopyObject" and request.get("TaggingDirective") != "REPLACE":
        check(call, "s3:GetObjectTagging", {}, bucket, key, version)
        given = {"Tagging": {"TagSet": [{"Key": name, "Value": value} for name, value in tags.items()]}}
        check(call, "s3:PutObjectTagging", given, request["Bucket"], request["Key"])


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


def check_write_conditions(tx: Transaction, call: Call, request: Request, existing: Document | None) -> None:
    """Decides If-None-Match and If-Match of a write to an object that is, or is not, there.

    Raises `PreconditionFailed`, `NotImplemented`; `NoSuchKey`, or `AccessDenied` in its place for who may not list.
    """
    if existing is None and names_a_tag(request.get("IfMatch")):
        of_now, prefix = replace(call, transaction=tx), {"Prefix": request["Key"]}
        if not may(lambda: check(of_now, "s3:ListBucket", prefix, request["Bucket"])):
            raise ServiceError("AccessDenied", ACCESS_DENIED, 403)
    rules.check_write_conditions(request, existing)


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
        if not may(lambda: check(call, "s3:ListBucket", {"Prefix": key}, bucket)):
            raise ServiceError("AccessDenied", ACCESS_DENIED, 403)
        if version is not None:
            raise rules.no_such_version(key, version)
        marker = store.newest_version(call.tx, bucket, key)
        check_owner(call, marker)
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
