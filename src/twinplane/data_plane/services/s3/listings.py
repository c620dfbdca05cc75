"""Listings of a bucket's objects and of its uploads in progress."""

from collections.abc import Iterable
from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads
from twinplane.data_plane.services.s3 import rules, store
from twinplane.data_plane.services.s3.buckets import decoded_token, owner, token
from twinplane.data_plane.services.s3.permissions import on_bucket, on_listing
from twinplane.data_plane.services.s3.rules import encoded
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
        answer["StartAfter"] = encoded(request["StartAfter"], request.get("EncodingType"))
    if page.next_after is not None:
        answer["NextContinuationToken"] = token(page.next_after)
    return answer


def list_objects(call: Call, request: Request) -> Answer:
    marker, encoding = request.get("Marker") or "", request.get("EncodingType")
    page = _page(call, request, marker)
    answer = _common(call, request, page, with_owner=True)
    answer["Marker"] = encoded(marker, encoding)
    if page.next_after is not None and request.get("Delimiter"):  # without one, the last key is the marker
        answer["NextMarker"] = encoded(page.next_after, encoding)
    return answer


def _limit(request: Request, member: str) -> int:
    limit = request.get(member)
    if limit is not None and limit < 0:
        raise ServiceError("InvalidArgument", f"Argument {member} must be an integer between 0 and 2147483647", 400)
    return MOST_KEYS if limit is None else min(limit, MOST_KEYS)


def _page(call: Call, request: Request, after: str) -> rules.Listing:
    bucket, prefix = request["Bucket"], request.get("Prefix") or ""
    store.get_bucket(call.tx, bucket)

    def walk(start: str) -> Iterable[Document]:
        found = store.walk_objects(call.tx, bucket, prefix, start)
        return (document for document in found if store.is_visible(document, call.principal))

    return rules.listing(walk, prefix, request.get("Delimiter") or "", after, _limit(request, "MaxKeys"), store.behind)


def _common(call: Call, request: Request, page: rules.Listing, *, with_owner: bool) -> Answer:
    encoding = request.get("EncodingType")
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
    delimiter, encoding = request.get("Delimiter") or "", request.get("EncodingType")
    limit, key_marker = _limit(request, "MaxUploads"), request.get("KeyMarker") or ""
    store.get_bucket(call.tx, bucket)
    # the listing's position is (key, upload id): its walk is over one text that sorts the same way
    marked = request.get("UploadIdMarker") if key_marker else None
    after = f"{key_marker}\0{marked}" if marked else store.behind(f"{key_marker}\0") if key_marker else ""
    found = [
        {**upload, "key": f"{upload['key']}\0{upload['upload_id']}"}
        for upload in call.tx.select(store.UPLOADS, {"bucket": bucket})
        if upload["key"].startswith(prefix)
    ]

    def walk(start: str) -> Iterable[Document]:
        return (upload for upload in found if upload["key"] > start)

    page = rules.listing(walk, prefix, delimiter, after, limit, store.behind)
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
        key, _, upload_id = page.next_after.partition("\0")
        answer |= {"NextKeyMarker": encoded(key, encoding), "NextUploadIdMarker": upload_id}
    return answer


def _upload(call: Call, upload: Document, encoding: str | None) -> dict[str, Any]:
    described = {
        "UploadId": upload["upload_id"], "Key": encoded(upload["key"].partition("\0")[0], encoding),
        "Initiated": upload["initiated_at"], "StorageClass": "STANDARD", "Owner": owner(call),
        "Initiator": {"ID": upload["initiator"], "DisplayName": upload["initiator"].rpartition("/")[2]},
    }  # fmt: skip
    if upload["checksum_algorithm"]:
        described["ChecksumAlgorithm"] = upload["checksum_algorithm"]
        described["ChecksumType"] = upload["checksum_type"]
    return described


OPERATIONS: dict[str, Operation] = {
    "ListObjects": reads(list_objects, on_listing),
    "ListObjectsV2": reads(list_objects_v2, on_listing),
    "ListMultipartUploads": reads(list_multipart_uploads, on_bucket("s3:ListBucketMultipartUploads")),
}
