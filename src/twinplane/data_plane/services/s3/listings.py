"""Listings of a bucket's objects, of their versions, and of its uploads in progress."""

from collections.abc import Iterable
from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads
from twinplane.data_plane.services.s3 import listing_rules, rules, store
from twinplane.data_plane.services.s3.buckets import decoded_token, owner, token
from twinplane.data_plane.services.s3.listing_rules import encoded
from twinplane.data_plane.services.s3.permissions import on_bucket
from twinplane.data_plane.store import Document

MOST_KEYS = 1000


def list_objects_v2(call: Call, request: Request) -> Answer:
    given = request.get("ContinuationToken")
    after = decoded_token(given) if given else request.get("StartAfter") or ""
    page = _page(call, request, after)
    answer = _common(call, request, page, with_owner=bool(request.get("FetchOwner")))
    answer["KeyCount"] = page.count
    if given:
        answer["ContinuationToken"] = given
    if request.get("StartAfter"):
        answer["StartAfter"] = encoded(request["StartAfter"], _encoding(request))
    if page.next_after is not None:
        answer["NextContinuationToken"] = token(page.next_after[0])
    return answer


def list_objects(call: Call, request: Request) -> Answer:
    marker, encoding = request.get("Marker") or "", _encoding(request)
    page = _page(call, request, marker)
    answer = _common(call, request, page, with_owner=True)
    answer["Marker"] = encoded(marker, encoding)
    if page.next_after is not None and request.get("Delimiter"):  # without one, the last key is the marker
        answer["NextMarker"] = encoded(page.next_after[0], encoding)
    return answer


def _limit(request: Request, member: str) -> int:
    limit = request.get(member)
    if limit is not None and limit < 0:
        raise ServiceError("InvalidArgument", f"Argument {member} must be an integer between 0 and 2147483647", 400)
    return MOST_KEYS if limit is None else min(limit, MOST_KEYS)


def _encoding(request: Request) -> str | None:
    encoding: str | None = request.get("EncodingType")
    if encoding not in (None, "", "url"):
        raise ServiceError("InvalidArgument", "Invalid Encoding Method specified in Request", 400)
    return encoding


def _page(call: Call, request: Request, after: str) -> listing_rules.Listing:
    bucket, prefix = request["Bucket"], request.get("Prefix") or ""
    store.get_bucket(call.tx, bucket)

    def walk(start: listing_rules.Place) -> Iterable[Document]:
        return _visible(call, store.walk_objects(call.tx, bucket, prefix, start[0]))

    def place(document: Document) -> listing_rules.Place:
        return (document["key"],)

    delimiter = request.get("Delimiter") or ""
    return listing_rules.listing(walk, place, prefix, delimiter, (after,), _limit(request, "MaxKeys"))


def _visible(call: Call, documents: Iterable[Document]) -> Iterable[Document]:
    return (document for document in documents if store.is_visible(document, call.principal))


def list_object_versions(call: Call, request: Request) -> Answer:
    bucket, prefix = request["Bucket"], request.get("Prefix") or ""
    encoding, delimiter = _encoding(request), request.get("Delimiter") or ""
    key_marker, version_marker = request.get("KeyMarker") or "", request.get("VersionIdMarker")
    store.get_bucket(call.tx, bucket)
    if version_marker and not key_marker:
        raise ServiceError("InvalidArgument", "A version-id marker cannot be specified without a key marker.", 400)
    latest: set[tuple[str, str]] = set()  # of the documents met

    def walk(start: listing_rules.Place) -> Iterable[Document]:
        previous = start[0] if len(start) > 1 and start[1] != store.BEFORE_ALL_RANKS else None
        for document in store.walk_versions(call.tx, bucket, prefix, start):
            if document["key"] != previous:
                latest.add((document["key"], rules.version_id(document)))
                previous = document["key"]
            if store.is_visible(document, call.principal):
                yield document

    after = _version_place(call, bucket, key_marker, version_marker)
    page = listing_rules.listing(walk, store.place_of_version, prefix, delimiter, after, _limit(request, "MaxKeys"))
    answer: Answer = {
        "Name": bucket, "Prefix": encoded(prefix, encoding), "KeyMarker": encoded(key_marker, encoding),
        "VersionIdMarker": version_marker or "", "MaxKeys": _limit(request, "MaxKeys"),
        "IsTruncated": page.next_after is not None, "Versions": [], "DeleteMarkers": [],
        "CommonPrefixes": [{"Prefix": encoded(p, encoding)} for p in page.prefixes],
        **({"Delimiter": encoded(delimiter, encoding)} if delimiter else {}),
        **({"EncodingType": encoding} if encoding else {}),
    }  # fmt: skip
    for document in page.contents:
        version = rules.version_id(document)
        named = {"VersionId": version, "IsLatest": (document["key"], version) in latest, "Owner": owner(call)}
        if document.get("is_marker"):
            marker = {"Key": encoded(document["key"], encoding), "LastModified": document["last_modified"]}
            answer["DeleteMarkers"].append(marker | named)
        else:
            answer["Versions"].append(_object(call, document, encoding, with_owner=False) | named)
    if page.next_after is not None:
        answer["NextKeyMarker"] = encoded(page.next_after[0], encoding)
        if len(page.next_after) > 1:
            answer["NextVersionIdMarker"] = rules.version_id(page.contents[-1])
    return answer


def _version_place(call: Call, bucket: str, key: str, version: str | None) -> listing_rules.Place:
    """Where the markers of a request point. A version that went meanwhile: before all those of its key, so that a
    client that deletes page after page misses none."""
    if not version:
        return (key,)
    found = store.find_version(call.tx, bucket, key, version)
    return (key, store.BEFORE_ALL_RANKS) if found is None else store.place_of_version(found)


def _common(call: Call, request: Request, page: listing_rules.Listing, *, with_owner: bool) -> Answer:
    encoding = _encoding(request)
    answer: Answer = {
        "Name": request["Bucket"],
        "Prefix": encoded(request.get("Prefix") or "", encoding),
        "MaxKeys": _limit(request, "MaxKeys"),
        "IsTruncated": page.next_after is not None,
        "Contents": [_object(call, document, encoding, with_owner) for document in page.contents],
        "CommonPrefixes": [{"Prefix": encoded(prefix, encoding)} for prefix in page.prefixes],
    }
    if request.get("Delimiter"):
        answer["Delimiter"] = encoded(request["Delimiter"], encoding)
    if encoding:
        answer["EncodingType"] = encoding
    return answer


def _object(call: Call, document: Document, encoding: str | None, with_owner: bool) -> dict[str, Any]:
    described = {
        "Key": encoded(document["key"], encoding), "LastModified": document["last_modified"], "ETag": document["etag"],
        "Size": document["size"], "StorageClass": document.get("storage_class") or "STANDARD",
    }  # fmt: skip
    if document.get("checksums"):
        described["ChecksumAlgorithm"] = list(document["checksums"])
        described["ChecksumType"] = document["checksum_type"]
    if with_owner:
        described["Owner"] = owner(call)
    return described


def list_multipart_uploads(call: Call, request: Request) -> Answer:
    bucket, prefix = request["Bucket"], request.get("Prefix") or ""
    delimiter, encoding = request.get("Delimiter") or "", _encoding(request)
    limit, key_marker = _limit(request, "MaxUploads"), request.get("KeyMarker") or ""
    store.get_bucket(call.tx, bucket)
    marked = request.get("UploadIdMarker") if key_marker else None
    after: listing_rules.Place = (key_marker, marked) if marked else (key_marker,)

    def walk(start: listing_rules.Place) -> Iterable[Document]:
        return store.walk_uploads(call.tx, bucket, prefix, start)

    page = listing_rules.listing(
        walk, lambda upload: (upload["key"], upload["upload_id"]), prefix, delimiter, after, limit
    )
    answer: Answer = {
        "Bucket": bucket,
        "Prefix": encoded(prefix, encoding),
        "KeyMarker": encoded(key_marker, encoding),
        "UploadIdMarker": request.get("UploadIdMarker") or "",
        "MaxUploads": limit,
        "IsTruncated": page.next_after is not None,
        "Uploads": [_upload(call, upload, encoding) for upload in page.contents],
        "CommonPrefixes": [{"Prefix": encoded(p, encoding)} for p in page.prefixes],
    }
    if delimiter:
        answer["Delimiter"] = encoded(delimiter, encoding)
    if encoding:
        answer["EncodingType"] = encoding
    if page.next_after is not None:
        answer["NextKeyMarker"] = encoded(page.next_after[0], encoding)
        answer["NextUploadIdMarker"] = page.next_after[1] if len(page.next_after) > 1 else ""
    return answer


def _upload(call: Call, upload: Document, encoding: str | None) -> dict[str, Any]:
    described = {
        "UploadId": upload["upload_id"], "Key": encoded(upload["key"], encoding),
        "Initiated": upload["initiated_at"], "StorageClass": "STANDARD", "Owner": owner(call),
        "Initiator": {"ID": upload["initiator"], "DisplayName": upload["initiator"].rpartition("/")[2]},
    }  # fmt: skip
    if upload["checksum_algorithm"]:
        described["ChecksumAlgorithm"] = upload["checksum_algorithm"]
        described["ChecksumType"] = upload["checksum_type"]
    return described


OPERATIONS: dict[str, Operation] = {
    "ListObjects": reads(list_objects, on_bucket("s3:ListBucket")),
    "ListObjectsV2": reads(list_objects_v2, on_bucket("s3:ListBucket")),
    "ListObjectVersions": reads(list_object_versions, on_bucket("s3:ListBucketVersions")),
    "ListMultipartUploads": reads(list_multipart_uploads, on_bucket("s3:ListBucketMultipartUploads")),
}
