"""What S3 decides from a request and an object alone: names, conditions, ranges, versions."""

import base64
import re
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, unquote

from twinplane.data_plane.call import Request, ServiceError, new_id
from twinplane.data_plane.store import Document
from twinplane.data_plane.wire import checksums

LARGEST_OBJECT_BYTES = 5 << 40
LARGEST_PUT_BYTES = 5 << 30
SHORT_BODY_BYTES = 32 << 10
MOST_BUCKET_TAGS = 50

_BUCKET_NAME = re.compile(r"(?!\d+\.\d+\.\d+\.\d+$)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_COPY_RANGE = re.compile(r"bytes=(\d+)-(\d+)")

# What an object keeps of the request that made it, and gives back when read: document member -> request member.
ATTRIBUTES = {
    "cache_control": "CacheControl",
    "content_disposition": "ContentDisposition",
    "content_encoding": "ContentEncoding",
    "content_language": "ContentLanguage",
    "content_type": "ContentType",
    "expires": "Expires",
    "server_side_encryption": "ServerSideEncryption",
    "storage_class": "StorageClass",
    "website_redirect_location": "WebsiteRedirectLocation",
}
CHOSEN_ANEW = ("storage_class", "server_side_encryption")  # by every copy
_SERVED_STORAGE = (
    None, "STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "REDUCED_REDUNDANCY",
)  # fmt: skip
_OTHER_STORAGE = ("GLACIER", "DEEP_ARCHIVE", "OUTPOSTS", "SNOW", "EXPRESS_ONEZONE", "FSX_OPENZFS", "FSX_ONTAP")
_SERVED_ACLS = (None, "private", "bucket-owner-full-control", "bucket-owner-read")


def check_bucket_name(name: str) -> None:
    """Raises `InvalidBucketName`."""
    if not _BUCKET_NAME.fullmatch(name):
        raise ServiceError("InvalidBucketName", "The specified bucket is not valid.", 400, BucketName=name)


def check_key(key: str) -> None:
    """Raises `KeyTooLongError`."""
    if len(key.encode()) > 1024:
        raise ServiceError("KeyTooLongError", "Your key is too long", 400)


def check_served(request: Request) -> None:
    """Refuses what an object could ask for and would not get: encryption with the caller's key, ACLs, locks."""
    if request.get("ACL") not in _SERVED_ACLS or any(k.startswith("Grant") and v for k, v in request.items()):
        raise ServiceError("AccessControlListNotSupported", "The bucket does not allow ACLs", 400)
    if any(k.startswith("ObjectLock") for k, v in request.items() if v is not None):
        raise ServiceError("InvalidRequest", "Bucket is missing Object Lock Configuration", 400)
    if request.get("SSECustomerKey") or request.get("CopySourceSSECustomerKey"):
        raise ServiceError("NotImplemented", "Encryption with a key of the caller is not served.", 501)
    if request.get("ServerSideEncryption") not in (None, "AES256"):
        raise ServiceError("NotImplemented", f"Encryption by {request['ServerSideEncryption']} is not served.", 501)
    if request.get("StorageClass") not in _SERVED_STORAGE:
        if request["StorageClass"] in _OTHER_STORAGE:
            raise ServiceError("NotImplemented", f"The storage class {request['StorageClass']} is not served.", 501)
        raise ServiceError("InvalidStorageClass", "The storage class you specified is not valid", 400)
    if request.get("WriteOffsetBytes") is not None:
        raise ServiceError("NotImplemented", "Appending to objects is not served.", 501)
    if request.get("IfMatchSize") is not None or request.get("IfMatchLastModifiedTime") is not None:
        raise ServiceError("NotImplemented", "Of the conditions of a delete, If-Match alone is served.", 501)


def is_small(headers: Mapping[str, str]) -> bool:
    """Whether a body is so short that it may as well be read before the request is checked against the state."""
    length = headers.get("content-length", "")
    return length.isdecimal() and int(length) <= SHORT_BODY_BYTES and "expect" not in headers


def attributes(request: Request) -> dict[str, Any]:
    """What an object keeps of the request that makes it. Raises `MetadataTooLarge`, `InvalidTag`."""
    kept = {name: request[member] for name, member in ATTRIBUTES.items() if request.get(member) is not None}
    kept.setdefault("content_type", "binary/octet-stream")
    encoding = kept.get("content_encoding")
    if encoding is not None:
        rest = [e.strip() for e in encoding.split(",")]
        kept["content_encoding"] = ",".join(e for e in rest if e and e != "aws-chunked") or None
    kept["metadata"] = {k.lower(): v for k, v in (request.get("Metadata") or {}).items()}
    if sum(len(k) + len(v) for k, v in kept["metadata"].items()) > 2048:
        raise ServiceError("MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size", 400)
    kept["tags"] = {}
    if request.get("Tagging"):
        pairs = parse_qsl(request["Tagging"], keep_blank_values=True)
        kept["tags"] = checked_tags([{"Key": key, "Value": value} for key, value in pairs])
    return kept


def shown_metadata(metadata: dict[str, str]) -> dict[str, str]:
    """An object's metadata as an answer's headers carry it: what is not ASCII is encoded as S3 does it (RFC 2047).

    A value is kept as it came: each byte of the header is a character.
    """
    return {
        name: value if value.isascii() else f"=?UTF-8?B?{base64.b64encode(value.encode()).decode()}?="
        for name, value in metadata.items()
    }


def checked_tags(tag_set: list[dict[str, str]]) -> dict[str, str]:
    """A tag set as a dictionary. Raises `InvalidTag`, `BadRequest`."""
    tags = {tag["Key"]: tag["Value"] for tag in tag_set}
    if len(tags) < len(tag_set):
        raise ServiceError("InvalidTag", "Cannot provide multiple Tags with the same key", 400)
    if len(tags) > 10:
        raise ServiceError("BadRequest", "Object tags cannot be greater than 10", 400)
    if any(not key or len(key) > 128 or len(value) > 256 for key, value in tags.items()):
        raise ServiceError("InvalidTag", "The TagKey or TagValue you have provided is invalid", 400)
    return tags


def bucket_tags(tag_set: list[dict[str, str]]) -> dict[str, str]:
    """A bucket's tag set as a dictionary. Raises `InvalidTag`, `BadRequest`."""
    if len(tag_set) > MOST_BUCKET_TAGS:
        raise ServiceError("BadRequest", f"Bucket tag count cannot be greater than {MOST_BUCKET_TAGS}", 400)
    tags: dict[str, str] = {}
    for tag in tag_set:
        tags |= checked_tags([tag])
    if len(tags) < len(tag_set):
        raise ServiceError("InvalidTag", "Cannot provide multiple Tags with the same key", 400)
    if any(key.lower().startswith("aws:") for key in tags):
        raise ServiceError("InvalidTag", "System tags cannot be added/updated by requester", 400)
    return tags


# Checksums


def algorithm_named(request: Request) -> set[str]:
    """The checksum algorithm a request names without giving a value. Raises `NotImplemented`."""
    name = request.get("ChecksumAlgorithm")
    if name is not None and name not in checksums.ALGORITHMS:
        raise ServiceError("NotImplemented", f"Checksums by {name} are not served.", 501)
    return set() if name is None else {name}


def check_checksum(request: Request, kind: str | None, computed: dict[str, str]) -> None:
    """Compares what was computed of a whole upload with what the caller says of it. Raises `BadDigest`,
    `InvalidRequest`.
    """
    if request.get("ChecksumType") not in (None, kind):
        raise ServiceError(
            "InvalidRequest",
            f"The upload was created using the {kind} checksum mode. The complete request must use the same "
            "checksum mode.",
            400,
        )
    for algorithm, value in computed.items():
        if request.get(f"Checksum{algorithm}") not in (None, value, value.partition("-")[0]):
            raise ServiceError("BadDigest", f"The {algorithm} you specified did not match what we received.", 400)


def checksum_members(values: dict[str, str] | None, kind: str | None = None) -> dict[str, str]:
    """Checksums as members of an answer."""
    if not values:
        return {}
    members = {f"Checksum{algorithm}": value for algorithm, value in values.items()}
    return members | ({"ChecksumType": kind} if kind else {})


# Conditions and ranges


def _tags_match(header: str, etag: str) -> bool:
    return any(candidate.strip() in ("*", etag, etag.strip('"')) for candidate in header.split(","))


def is_unchanged(request: Request, etag: str, last_modified: float, prefix: str = "") -> bool:
    """Decides a read's conditions: True means "not modified". Raises `PreconditionFailed` (RFC 9110, 13.2.2).

    `prefix` is "CopySource" for the conditions of a copy.
    """
    if_match, if_none_match = request.get(f"{prefix}IfMatch"), request.get(f"{prefix}IfNoneMatch")
    unmodified_since, modified_since = (
        request.get(f"{prefix}IfUnmodifiedSince"),
        request.get(f"{prefix}IfModifiedSince"),
    )
    if if_match is not None:
        if not _tags_match(if_match, etag):
            raise precondition_failed(f"{prefix}If-Match")
    elif unmodified_since is not None and int(last_modified) > unmodified_since:
        raise precondition_failed(f"{prefix}If-Unmodified-Since")
    if if_none_match is not None:
        return _tags_match(if_none_match, etag)
    return modified_since is not None and int(last_modified) <= modified_since


def precondition_failed(condition: str) -> ServiceError:
    text = "At least one of the pre-conditions you specified did not hold"
    return ServiceError("PreconditionFailed", text, 412, Condition=condition)


def check_write_conditions(request: Request, existing: Document | None) -> None:
    """Decides If-None-Match and If-Match of a write. Raises `PreconditionFailed`, `NoSuchKey`, `NotImplemented`."""
    if request.get("IfNoneMatch") is not None:
        if request["IfNoneMatch"].strip() != "*":
            raise ServiceError("NotImplemented", "If-None-Match of a write may only be *.", 501)
        if existing is not None:
            raise precondition_failed("If-None-Match")
    if request.get("IfMatch") is not None:
        if existing is None:
            raise no_such_key(request["Key"])
        if not _tags_match(request["IfMatch"], existing["etag"]):
            raise precondition_failed("If-Match")


def no_such_key(key: str) -> ServiceError:
    return ServiceError("NoSuchKey", "The specified key does not exist.", 404, Key=key)


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """(offset, length) that a Range header asks of `size` bytes; None: all of it. Raises `InvalidRange`.

    What is no single byte range is ignored, as S3 does.
    """
    match = _RANGE.fullmatch(header.replace(" ", "")) if header else None
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        length = min(int(match[2]), size)
        offset = size - length
    else:
        offset = int(match[1])
        last = min(int(match[2]), size - 1) if match[2] else size - 1
        if match[2] and int(match[2]) < offset:
            return None
        length = last - offset + 1
    if length <= 0:
        raise ServiceError(
            "InvalidRange",
            "The requested range is not satisfiable",
            416,
            ActualObjectSize=str(size),
            RangeRequested=header,
        )
    return offset, length


def copy_range(header: str | None, size: int) -> tuple[int, int]:
    """(offset, length) of the part of a source that UploadPartCopy takes. Raises `InvalidArgument`."""
    if header is None:
        return 0, size
    match = _COPY_RANGE.fullmatch(header)
    if match is None or int(match[2]) < int(match[1]):
        raise ServiceError(
            "InvalidArgument",
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the "
            "zero-based offsets of the first and last bytes to copy",
            400,
        )
    if int(match[2]) >= size:
        raise ServiceError("InvalidArgument", f"Range specified is not valid for source object of size: {size}", 400)
    return int(match[1]), int(match[2]) - int(match[1]) + 1


def copy_source(value: str) -> tuple[str, str, str | None]:
    """(bucket, key, version id) of a copy's source, as percent-encoded in its header. Raises `InvalidArgument`."""
    path, _, query = value.partition("?versionId=")
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    if not bucket or not key:
        raise ServiceError(
            "InvalidArgument", "Copy Source must mention the source bucket and key: sourcebucket/sourcekey", 400
        )
    version = unquote(query) or None
    check_version_id(version)
    return bucket, key, version


# Versions

NULL_VERSION = "null"
_VERSION_ID = re.compile(r"[A-Za-z0-9._-]{1,1024}")


def version_id(document: Document) -> str:
    """The id of an object's version; "null" for those made while the bucket did not keep versions."""
    return str(document.get("version_id") or NULL_VERSION)


def new_version_id() -> str:
    return new_id(32)


def check_version_id(given: str | None) -> None:
    """Raises `InvalidArgument` on what cannot be a version's id."""
    if given is not None and not _VERSION_ID.fullmatch(given):
        raise ServiceError("InvalidArgument", "Invalid version id specified", 400)


def no_such_version(key: str, wanted: str) -> ServiceError:
    return ServiceError(
        "NoSuchVersion", "The specified version does not exist.", 404, Key=key, VersionId=wanted
    )  # fmt: skip


def marked_deleted(marker: Document, *, by_id: bool) -> ServiceError:
    """The answer to a read that meets a delete marker: by its own id, or in the place of the object."""
    headers = {"x-amz-delete-marker": "true", "x-amz-version-id": version_id(marker)}
    if not by_id:
        error = no_such_key(marker["key"])
    else:
        headers |= {"Allow": "DELETE", "Last-Modified": formatdate(int(marker["last_modified"]), usegmt=True)}
        error = ServiceError(
            "MethodNotAllowed", "The specified method is not allowed against this resource.", 405, Method="GET",
            ResourceType="DeleteMarker",
        )  # fmt: skip
    error.headers = headers
    return error
