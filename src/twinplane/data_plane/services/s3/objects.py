"""Objects: put, get, head, copy, delete, and their tags."""

from dataclasses import replace
from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads, streams, writes
from twinplane.data_plane.services.iam.rules import require
from twinplane.data_plane.services.s3 import bodies, rules, store
from twinplane.data_plane.services.s3.bodies import Body
from twinplane.data_plane.services.s3.permissions import (
    ACCESS_DENIED,
    check_owner,
    existing_object,
    may,
    object_arn,
    of_each_object,
    on_copy,
    on_object,
)
from twinplane.data_plane.store import Document, Transaction
from twinplane.data_plane.wire.body import FileRange

# Anybody's object comes from the same origin as the sign-in page: a browser must not run it there.
_NO_SCRIPTS = {"Content-Security-Policy": "sandbox", "X-Content-Type-Options": "nosniff"}


async def put_object(call: Call, request: Request) -> Answer:
    rules.check_key(request["Key"])
    rules.check_served(request)
    kept = rules.attributes(request)
    call.plane.store.read(lambda tx: _check_target(tx, call, request))
    body = await receive(call, rules.algorithm_named(request))
    document = {
        **store.new_object(request["Bucket"], request["Key"], body, call.now, content_type=kept["content_type"]),
        **kept,
        "checksums": body.checksums,
        "checksum_type": "FULL_OBJECT",
    }
    await name_body(call, request, document, body)
    members = rules.checksum_members(body.checksums, "FULL_OBJECT")
    return {"ETag": document["etag"], **members}


async def receive(call: Call, also: set[str]) -> Body:
    """The request's body, on disk and verified, with the checksums it came with and those by `also`."""
    source = call.body if call.body is not None else bodies.once(b"")
    body = await bodies.receive(call.plane, source, also - rules.checksums_to_come(call.headers))
    if body.size > rules.LARGEST_PUT_BYTES:
        await bodies.discard(call.plane, body)
        raise ServiceError("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", 400)
    return replace(body, checksums={**body.checksums, **rules.received_checksums(call.headers)})


def _check_target(tx: Transaction, call: Call, request: Request) -> Document | None:
    """The object there is in the place of the one to be made. Raises when that one may not be made."""
    store.get_bucket(tx, request["Bucket"])
    existing = store.find_object(tx, request["Bucket"], request["Key"])
    check_owner(call, existing)
    rules.check_write_conditions(request, existing)
    return existing


async def name_body(call: Call, request: Request, document: Document, body: Body, also: Any = None) -> None:
    """Makes the object, if its conditions hold at that moment; `also(tx)` runs in the same transaction.

    An object that replaces one with an owner keeps that owner.
    """

    def name(tx: Transaction) -> None:
        existing = _check_target(tx, call, request)
        document["owner_user_id"] = existing.get("owner_user_id") if existing else None
        if also is not None:
            also(tx)
        store.put_object(tx, call.plane, document)

    try:
        await call.plane.store.write(name)
    except ServiceError:  # anything else may still have been committed: then the sweep decides
        await bodies.discard(call.plane, body)
        raise


def get_object(call: Call, request: Request) -> Answer:
    document, answer = _read(call, request)
    if answer.get("_status") == 304:
        return answer
    offset, length = answer.pop("_range")
    for member, override in request.items():
        if member.startswith("Response") and override is not None:
            answer[member[len("Response") :]] = override
    path = store.blob_path(call.plane, document)
    body = FileRange(path, offset, length) if length else b""
    return answer | {"Body": body, "_headers": _NO_SCRIPTS}


def head_object(call: Call, request: Request) -> Answer:
    _document, answer = _read(call, request)
    answer.pop("_range", None)
    return answer


def _read(call: Call, request: Request) -> tuple[Document, Answer]:
    rules.check_served(request)
    document = existing_object(call, request["Bucket"], request["Key"])
    described: Answer = {
        "ETag": document["etag"], "LastModified": document["last_modified"], "AcceptRanges": "bytes",
        "Metadata": document["metadata"],
    }  # fmt: skip
    if rules.is_unchanged(request, document["etag"], document["last_modified"]):
        return document, {"_status": 304, "ETag": document["etag"], "LastModified": document["last_modified"]}
    for name, member in rules.ATTRIBUTES.items():
        if document.get(name) is not None and document[name] != "STANDARD":
            described[member] = document[name]
    if document.get("tags"):
        described["TagCount"] = len(document["tags"])
    part = _part(request, document, described) if request.get("PartNumber") is not None else None
    asked = part or rules.byte_range(request.get("Range"), document["size"])
    offset, length = asked or (0, document["size"])
    if asked is not None:
        described |= {"ContentRange": f"bytes {offset}-{offset + length - 1}/{document['size']}", "_status": 206}
    elif request.get("ChecksumMode") == "ENABLED":
        described |= rules.checksum_members(document.get("checksums"), document.get("checksum_type"))
    return document, described | {"ContentLength": length, "_range": (offset, length)}


def _part(request: Request, document: Document, described: Answer) -> tuple[int, int] | None:
    sizes = document.get("part_sizes") or [document["size"]]
    number = request["PartNumber"]
    if not 1 <= number <= len(sizes):
        raise ServiceError("InvalidPartNumber", "The requested partnumber is not satisfiable", 416)
    if document.get("part_sizes"):
        described["PartsCount"] = len(sizes)
    return (sum(sizes[: number - 1]), sizes[number - 1]) if document["size"] else None


async def copy_object(call: Call, request: Request) -> Answer:
    rules.check_key(request["Key"])
    rules.check_served(request)
    source = rules.copy_source(request["CopySource"])
    replaces = request.get("MetadataDirective") == "REPLACE"
    if source == (request["Bucket"], request["Key"]) and not replaces and not request.get("StorageClass"):
        raise ServiceError(
            "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself without changing the "
            "object's metadata, storage class, website redirect location or encryption attributes.",
            400,
        )
    found = call.plane.store.read(lambda tx: copied_object(tx, call, request))
    call.plane.store.read(lambda tx: _check_target(tx, call, request))
    algorithms = rules.algorithm_named(request) or set(found.get("checksums") or ())
    whole = FileRange(store.blob_path(call.plane, found), 0, found["size"])
    body = await bodies.receive(call.plane, whole.pieces(), algorithms)
    kept = rules.attributes(request)
    if not replaces:
        same = {name: found.get(name) for name in rules.ATTRIBUTES if name != "storage_class"}
        kept |= {**same, "metadata": found["metadata"]}
    if request.get("TaggingDirective") != "REPLACE":
        kept["tags"] = found.get("tags") or {}
    document = {
        **store.new_object(request["Bucket"], request["Key"], body, call.now, content_type=kept["content_type"]),
        **kept,
        "checksums": body.checksums,
        "checksum_type": "FULL_OBJECT",
    }
    await name_body(call, request, document, body)
    members = rules.checksum_members(body.checksums, "FULL_OBJECT")
    return {"CopyObjectResult": {"ETag": document["etag"], "LastModified": document["last_modified"], **members}}


def copied_object(tx: Transaction, call: Call, request: Request) -> Document:
    """A copy's source, which its conditions allow to copy. Raises `NoSuchKey`, `PreconditionFailed`."""
    bucket, key = rules.copy_source(request["CopySource"])
    found = store.find_object(tx, bucket, key)
    if found is None:
        raise rules.no_such_key(key)
    check_owner(call, found)
    if rules.is_unchanged(request, found["etag"], found["last_modified"], prefix="CopySource"):
        raise rules.precondition_failed("x-amz-copy-source-If-None-Match")
    return found


def delete_object(call: Call, request: Request) -> Answer:
    rules.check_served(request)
    store.get_bucket(call.tx, request["Bucket"])
    _delete(call, request["Bucket"], request["Key"], request.get("IfMatch"))
    return {}


def _delete(call: Call, bucket: str, key: str, if_match: str | None) -> None:
    existing = store.find_object(call.tx, bucket, key)
    check_owner(call, existing)
    rules.check_write_conditions({"Key": key, "IfMatch": if_match}, existing)
    store.remove_object(call.tx, call.plane, bucket, key)


def delete_objects(call: Call, request: Request) -> Answer:
    wanted = request["Delete"].get("Objects") or []
    if not 0 < len(wanted) <= 1000:
        raise ServiceError("MalformedXML", "The XML you provided was not well-formed or did not validate", 400)
    store.get_bucket(call.tx, request["Bucket"])
    deleted: list[dict[str, str]] = []
    errors: list[dict[str, str]] = []
    for entry in wanted:
        try:
            rules.check_served(entry)
            _delete_permitted(call, request["Bucket"], entry)
        except ServiceError as error:
            errors.append({"Key": entry["Key"], "Code": error.code, "Message": error.message})
        else:
            deleted.append({"Key": entry["Key"]})
    return {"Errors": errors, **({} if request["Delete"].get("Quiet") else {"Deleted": deleted})}


def _delete_permitted(call: Call, bucket: str, entry: dict[str, Any]) -> None:
    if not may(lambda: require(call, "s3:DeleteObject", object_arn(bucket, entry["Key"]))):
        raise ServiceError("AccessDenied", ACCESS_DENIED, 403)
    _delete(call, bucket, entry["Key"], entry.get("ETag"))


def get_object_tagging(call: Call, request: Request) -> Answer:
    document = existing_object(call, request["Bucket"], request["Key"])
    return {"TagSet": [{"Key": key, "Value": value} for key, value in (document.get("tags") or {}).items()]}


def put_object_tagging(call: Call, request: Request) -> Answer:
    document = existing_object(call, request["Bucket"], request["Key"])
    tags = rules.checked_tags(request["Tagging"].get("TagSet") or [])
    call.tx.put(store.OBJECTS, document | {"tags": tags})
    return {}


def delete_object_tagging(call: Call, request: Request) -> Answer:
    document = existing_object(call, request["Bucket"], request["Key"])
    call.tx.put(store.OBJECTS, document | {"tags": {}})
    return {}


OPERATIONS: dict[str, Operation] = {
    "PutObject": streams(put_object, on_object("s3:PutObject")),
    "GetObject": reads(get_object, on_object("s3:GetObject")),
    "HeadObject": reads(head_object, on_object("s3:GetObject")),
    "CopyObject": streams(copy_object, on_copy),
    "DeleteObject": writes(delete_object, on_object("s3:DeleteObject")),
    "DeleteObjects": writes(delete_objects, of_each_object),
    "GetObjectTagging": reads(get_object_tagging, on_object("s3:GetObjectTagging")),
    "PutObjectTagging": writes(put_object_tagging, on_object("s3:PutObjectTagging")),
    "DeleteObjectTagging": writes(delete_object_tagging, on_object("s3:DeleteObjectTagging")),
}
