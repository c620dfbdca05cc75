"""The condition keys that policies may ask of a request to S3, beside those that every service knows.

Taken from AWS's list of S3's keys; those of features that are not served here are absent, and known to be.
"""

from urllib.parse import parse_qsl

from twinplane.data_plane.call import Call, Request
from twinplane.data_plane.services.iam.policy import Values
from twinplane.data_plane.services.s3 import store
from twinplane.data_plane.wire import signature

# Beginnings of the keys whose absence from a request is absence.
KNOWN = (
    "s3:",
    "aws:sourceip",
    "aws:vpcsourceip",
    "aws:sourcevp",
    "aws:useragent",
    "aws:referer",
    "aws:resourceaccount",
)

_OF_MEMBERS = {
    "ACL": "s3:x-amz-acl",
    "GrantFullControl": "s3:x-amz-grant-full-control",
    "GrantRead": "s3:x-amz-grant-read",
    "GrantReadACP": "s3:x-amz-grant-read-acp",
    "GrantWrite": "s3:x-amz-grant-write",
    "GrantWriteACP": "s3:x-amz-grant-write-acp",
    "CopySource": "s3:x-amz-copy-source",
    "MetadataDirective": "s3:x-amz-metadata-directive",
    "ServerSideEncryption": "s3:x-amz-server-side-encryption",
    "SSEKMSKeyId": "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "SSECustomerAlgorithm": "s3:x-amz-server-side-encryption-customer-algorithm",
    "StorageClass": "s3:x-amz-storage-class",
    "WebsiteRedirectLocation": "s3:x-amz-website-redirect-location",
    "IfMatch": "s3:if-match",
    "IfNoneMatch": "s3:if-none-match",
    "Prefix": "s3:prefix",
    "Delimiter": "s3:delimiter",
    "ObjectOwnership": "s3:x-amz-object-ownership",
}
_AUTH_TYPES = {
    "header": "REST-HEADER", "query": "REST-QUERY-STRING", "query-v2": "REST-QUERY-STRING",
    "form": "POST", "form-v2": "POST",
}  # fmt: skip
_LISTINGS = ("ListObjects", "ListObjectsV2", "ListObjectVersions", "ListMultipartUploads")


def of_request(call: Call, request: Request, bucket: str, key: str | None, version: str | None) -> Values:
    """The keys of a request about a bucket, or about the object `key` in it, or one `version` of that."""
    values: dict[str, str | tuple[str, ...]] = {
        "aws:ResourceAccount": call.account_id,
        "s3:ResourceAccount": call.account_id,
        "aws:SourceIp": call.client,
        **{name: str(request[member]) for member, name in _OF_MEMBERS.items() if request.get(member) is not None},
        **_of_tags(call, request, bucket, key, version),
        **_of_signature(call),
    }
    for header, name in (("user-agent", "aws:UserAgent"), ("referer", "aws:Referer")):
        if header in call.headers:
            values[name] = call.headers[header]
    if version is not None:
        values["s3:VersionId"] = version
    location = (request.get("CreateBucketConfiguration") or {}).get("LocationConstraint")
    if location:
        values["s3:LocationConstraint"] = str(location)
    if call.operation in _LISTINGS:
        values.setdefault("s3:prefix", "")
        values.setdefault("s3:delimiter", "")
        most = request.get("MaxKeys") if request.get("MaxKeys") is not None else request.get("MaxUploads")
        values["s3:max-keys"] = str(1000 if most is None else most)
    return values


def _of_tags(call: Call, request: Request, bucket: str, key: str | None, version: str | None) -> Values:
    values: dict[str, str | tuple[str, ...]] = {}
    if key is not None:
        if version is None:
            found = store.find_object(call.tx, bucket, key)
        else:
            found = store.find_version(call.tx, bucket, key, version)
        for name, value in ((found or {}).get("tags") or {}).items():
            values[f"s3:ExistingObjectTag/{name}"] = value
    given = request.get("Tagging")
    if isinstance(given, str):
        tags = dict(parse_qsl(given, keep_blank_values=True))
    else:
        tags = {tag["Key"]: tag["Value"] for tag in (given or {}).get("TagSet") or ()}
    for name, value in tags.items():
        values[f"s3:RequestObjectTag/{name}"] = value
    if tags:
        values["s3:RequestObjectTagKeys"] = tuple(tags)
    return values


def _of_signature(call: Call) -> Values:
    signed = call.signature
    if signed is None:
        return {}
    is_v2 = signed.kind.endswith("-v2")
    values: dict[str, str | tuple[str, ...]] = {
        "s3:signatureversion": "AWS" if is_v2 else signature.ALGORITHM,
        "s3:authType": _AUTH_TYPES[signed.kind],
        "s3:x-amz-content-sha256": call.headers.get("x-amz-content-sha256", signature.UNSIGNED_PAYLOAD),
    }
    if not is_v2:
        values["s3:signatureAge"] = str(int(max(0.0, call.now - signature.moment(signed)) * 1000))
    return values
