"""Objects: put, get, head, copy, delete, and their tags."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from email.utils import formatdate
from typing import Any

from pysqlite3 import dbapi2 as sqlite

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads, streams, writes
from twinplane.data_plane.services.s3 import bodies, notifications, rules, store
from twinplane.data_plane.services.s3.bodies import Body
from twinplane.data_plane.services.s3.permissions import (
    ACCESS_DENIED,
    check,
    check_owner,
    check_write_conditions,
    existing_object,
    may,
    names_a_tag,
    of_each_object,
    on_copy,
    on_object,
)
from twinplane.data_plane.store import Document, Transaction
from twinplane.data_plane.wire import checksums
from twinplane.data_plane.wire.body import FileRange

# Anybody's object comes from the same origin as the sign-in page: a browser must not run it there.
_NO_SCRIPTS = {"Content-Security-Policy": "sandbox", "X-Content-Type-Options": "nosniff"}


async def put_object(call: Call, request: Request) -> Answer:
    rules.check_key(request["Key"])
    rules.check_served(request)
    kept = rules.attributes(request)
    if not rules.is_small(call.headers):  # else nobody waits long for the answer that the end gives
        call.plane.store.read(lambda tx: check_target(tx, call, request))
    body, sums = await receive(call, request)
    document = described(request, body, call.now, kept, sums)
    return await name_body(
        call, request, document, body,
        lambda _tx, made: {"ETag": made["etag"], **rules.checksum_members(sums, "FULL_OBJECT"), **how_made(made)},
    )  # fmt: skip


def described(request: Request, body: Body, now: float, kept: Document, sums: dict[str, str]) -> Document:
    """The document of an object that keeps these attributes and checksums."""
    return {
        **store.new_object(request["Bucket"], request["Key"], body, now, content_type=kept["content_type"]), **kept,
        "checksums": sums, "checksum_type": "FULL_OBJECT",
    }  # fmt: skip


async def receive(call: Call, request: Request, also: Iterable[str] = ()) -> tuple[Body, dict[str, str]]:
    """The request's body, verified, and its checksums: those it came with and those by `also`."""
    if "content-length" not in call.headers and "transfer-encoding" not in call.headers:
        raise ServiceError("MissingContentLength", "You must provide the Content-Length HTTP header.", 411)
    announced = checksums.announced(call.headers)
    if request.get("ChecksumAlgorithm") not in (None, *announced):
        raise ServiceError(
            "InvalidRequest",
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers "
            "were found.",
            400,
        )
    body = await bodies.receive(call.plane, call.body if call.body is not None else bodies.once(b""), also)
    if body.size > rules.LARGEST_PUT_BYTES:
        await bodies.discard(call.plane, body)
        raise ServiceError("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", 400)
    return body, {algorithm: checksums.text(body.digests[algorithm]) for algorithm in (*announced, *also)}


def check_target(tx: Transaction, call: Call, request: Request) -> tuple[Document, Document | None]:
    """The bucket, and the object in the place of the one to be made. Raises when that one may not be made."""
    bucket = store.get_bucket(tx, request["Bucket"])
    existing = store.find_object(tx, request["Bucket"], request["Key"])
    check_owner(call, {"owner_user_id": store.owner_of_key(tx, bucket, request["Key"], existing)})
    check_write_conditions(tx, call, request, existing)
    return bucket, existing


async def name_body(
    call: Call, request: Request, document: Document, body: Body, answer: Callable[[Transaction, Document], Answer]
) -> Answer:
    """Makes the object, if its conditions hold at that moment; `answer(tx, object)` runs in the same transaction.

    An object that replaces one with an owner keeps that owner.
    """

    def name(tx: Transaction) -> Answer:
        bucket, existing = check_target(tx, call, request)
        document["owner_user_id"] = store.owner_of_key(tx, bucket, document["key"], existing)
        made = store.replace_object(tx, call.plane, bucket, existing, document, body)
        notifications.tell_created(tx, call, bucket, made)
        return answer(tx, made)

    try:
        return await call.commit(name)
    except ServiceError:  # anything else may still have been committed: then the sweep decides
        await bodies.discard(call.plane, body)
        raise
    except sqlite.Error:
        store.look_again(call.plane, body)
        raise


def how_made(document: Document) -> Answer:
    """What an answer says of the version that a write made: its id, where the bucket gives them, and encryption."""
    made, encryption = rules.version_id(document), document.get("server_side_encryption")
    said = {} if encryption is None else {"ServerSideEncryption": encryption}
    return said if made == rules.NULL_VERSION else said | {"VersionId": made}


def get_object(call: Call, request: Request) -> Answer:
    document, answer = _read(call, request)
    if answer.get("_status") == 304:
        return answer
    offset, length = answer.pop("_range")
    overrides = {
        name[len("Response") :]: value for name, value in request.items()
        if name.startswith("Response") and value is not None
    }  # fmt: skip
    if "Expires" in overrides:
        overrides["Expires"] = formatdate(overrides["Expires"], usegmt=True)
    if overrides and call.principal.kind == "Anonymous":
        raise ServiceError(
            "InvalidRequest", "Request specific response headers cannot be used for anonymous GET requests.", 400
        )
    body = bodies.content(call.tx, call.plane, document, offset, length)
    return answer | overrides | {"Body": body, "_headers": _NO_SCRIPTS}


def head_object(call: Call, request: Request) -> Answer:
    _document, answer = _read(call, request)
    answer.pop("_range", None)
    return answer


def _read(call: Call, request: Request) -> tuple[Document, Answer]:
    rules.check_served(request)
    document = existing_object(call, request["Bucket"], request["Key"], request.get("VersionId"))
    answer: Answer = {
        "ETag": document["etag"], "LastModified": document["last_modified"], "AcceptRanges": "bytes",
        "Metadata": rules.shown_metadata(document["metadata"]), **shown_version(document),
    }  # fmt: skip
    if rules.is_unchanged(request, document["etag"], document["last_modified"]):
        kept = ("ETag", "LastModified", "VersionId")
        return document, {"_status": 304, **{name: answer[name] for name in kept if name in answer}}
    for name, member in rules.ATTRIBUTES.items():
        if document.get(name) is not None and document[name] != "STANDARD":
            answer[member] = document[name]
    if document.get("tags"):
        answer["TagCount"] = len(document["tags"])
    part = _part(call, request, document, answer) if request.get("PartNumber") is not None else None
    asked = part or rules.byte_range(request.get("Range"), document["size"])
    offset, length = asked or (0, document["size"])
    if asked is not None:
        answer |= {"ContentRange": f"bytes {offset}-{offset + length - 1}/{document['size']}", "_status": 206}
    if request.get("ChecksumMode") == "ENABLED" and length == document["size"]:
        answer |= rules.checksum_members(document.get("checksums"), document.get("checksum_type"))
    return document, answer | {"ContentLength": length, "_range": (offset, length)}


def _part(call: Call, request: Request, document: Document, answer: Answer) -> tuple[int, int] | None:
    if request.get("Range") is not None:
        raise ServiceError(
            "InvalidRequest", "Cannot specify both Range header and partNumber query parameter", 400
        )  # fmt: skip
    layout = store.layout_of(call.tx, document)
    sizes = layout["sizes"] if layout is not None else [document["size"]]
    number = request["PartNumber"]
    if not 1 <= number <= len(sizes):
        raise ServiceError("InvalidPartNumber", "The requested partnumber is not satisfiable", 416)
    if layout is not None:
        answer["PartsCount"] = len(sizes)
    return (sum(sizes[: number - 1]), sizes[number - 1]) if document["size"] else None


def shown_version(document: Document) -> Answer:
    """The version that a read found, in a bucket that keeps versions."""
    return {"VersionId": document["version_id"]} if document.get("version_id") else {}


async def copy_object(call: Call, request: Request) -> Answer:
    rules.check_key(request["Key"])
    rules.check_served(request)
    source = rules.copy_source(request["CopySource"])
    replaces = request.get("MetadataDirective") == "REPLACE"
    if source == (request["Bucket"], request["Key"], None) and not replaces and not request.get("StorageClass"):
        raise ServiceError(
            "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself without changing the "
            "object's metadata, storage class, website redirect location or encryption attributes.",
            400,
        )
    call.plane.store.read(lambda tx: check_target(tx, call, request))
    found, content = call.plane.store.read(lambda tx: copied_object(tx, call, request))
    body, sums = await borrowed(found, content, rules.algorithm_named(request))
    kept = rules.attributes(request)
    if not replaces:
        same = {name: found.get(name) for name in rules.ATTRIBUTES if name not in rules.CHOSEN_ANEW}
        kept |= {**same, "metadata": found["metadata"]}
    if request.get("TaggingDirective") != "REPLACE":
        kept["tags"] = found.get("tags") or {}
    document = described(request, body, call.now, kept, sums)

    def answer(_tx: Transaction, made: Document) -> Answer:
        result = {
            "ETag": made["etag"], "LastModified": made["last_modified"],
            **rules.checksum_members(sums, "FULL_OBJECT"),
        }  # fmt: skip
        return {"CopyObjectResult": result, **how_made(made), **copied_version(found)}

    return await name_body(call, request, document, body, answer)


def copied_object(tx: Transaction, call: Call, request: Request) -> tuple[Document, bytes | FileRange]:
    """A copy's source, which its conditions allow to copy, and its bytes. Raises `NoSuchKey`, `PreconditionFailed`."""
    found = existing_object(replace(call, transaction=tx), *rules.copy_source(request["CopySource"]))
    if rules.is_unchanged(request, found["etag"], found["last_modified"], prefix="CopySource"):
        raise rules.precondition_failed("x-amz-copy-source-If-None-Match")
    return found, bodies.content(tx, call.plane, found, 0, found["size"])


async def borrowed(found: Document, content: bytes | FileRange, asked: set[str]) -> tuple[Body, dict[str, str]]:
    """The body of a copy of an object, and its checksums. Files never change, so a copy is another name of one."""
    algorithms = asked or set(found.get("checksums") or ())
    known: dict[str, bytes] = {}
    if "-" not in found["etag"]:
        known["MD5"] = bytes.fromhex(found["etag"].strip('"'))
    if found.get("checksum_type") == "FULL_OBJECT":
        known |= {name: checksums.digest_of(name, text) or b"" for name, text in found["checksums"].items()}
    missing = {"MD5", *algorithms} - set(known)
    digests = known | (await bodies.digests_of(content, missing) if missing else {})
    sums = {algorithm: checksums.text(digests[algorithm]) for algorithm in algorithms}
    if isinstance(content, bytes):
        return Body(found["size"], digests, data=content), sums
    return Body(found["size"], digests, blob=found["blob"], borrowed=True), sums


def copied_version(found: Document) -> Answer:
    """What a copy's answer says of the version it copied."""
    return {"CopySourceVersionId": found["version_id"]} if found.get("version_id") else {}


def delete_object(call: Call, request: Request) -> Answer:
    rules.check_served(request)
    store.get_bucket(call.tx, request["Bucket"])
    return _delete(call, request["Bucket"], request["Key"], request.get("VersionId"), request.get("IfMatch"))


def _delete(call: Call, bucket: str, key: str, version: str | None, if_match: str | None) -> Answer:
    """Deletes an object, or a version of it for good; says as DeleteObject answers what was done."""
    rules.check_version_id(version)
    if version is None:
        existing = store.find_object(call.tx, bucket, key)
    else:
        existing = store.find_version(call.tx, bucket, key, version)
    check_owner(call, existing)
    condition = {"Bucket": bucket, "Key": key, "IfMatch": if_match}
    check_write_conditions(call.tx, call, condition, existing)
    if version is None:
        found = store.get_bucket(call.tx, bucket)
        check_owner(call, {"owner_user_id": store.owner_of_key(call.tx, found, key, existing)})
        marker = store.delete_object(call.tx, call.plane, bucket, key, call.now)
        if existing is not None or marker is not None:
            gone = marker or existing or {}
            notifications.tell_deleted(call.tx, call, gone, marker=marker is not None)
        return {} if marker is None else {"DeleteMarker": True, "VersionId": rules.version_id(marker)}
    if existing is None:
        return {"VersionId": version}
    store.remove_version(call.tx, call.plane, existing)
    notifications.tell_deleted(call.tx, call, existing, marker=False)
    return {"VersionId": version, **({"DeleteMarker": True} if existing.get("is_marker") else {})}


def delete_objects(call: Call, request: Request) -> Answer:
    wanted = request["Delete"].get("Objects") or []
    if not 0 < len(wanted) <= 1000:
        raise ServiceError("MalformedXML", "The XML you provided was not well-formed or did not validate", 400)
    store.get_bucket(call.tx, request["Bucket"])
    deleted: list[dict[str, Any]] = []
    errors: list[dict[str, str]] = []
    for entry in wanted:
        named = {name: entry[name] for name in ("Key", "VersionId") if entry.get(name) is not None}
        try:
            done = _delete_permitted(call, request["Bucket"], entry)
        except ServiceError as error:
            errors.append({**named, "Code": error.code, "Message": error.message})
        else:
            marker = {"DeleteMarker": True, "DeleteMarkerVersionId": done.get("VersionId")}
            deleted.append({**named, **(marker if done.get("DeleteMarker") else {})})
    return {"Errors": errors, **({} if request["Delete"].get("Quiet") else {"Deleted": deleted})}


def _delete_permitted(call: Call, bucket: str, entry: dict[str, Any]) -> Answer:
    key, version = entry["Key"], entry.get("VersionId")
    if not may(lambda: check(call, "s3:DeleteObject", {}, bucket, key, version)):
        raise ServiceError("AccessDenied", ACCESS_DENIED, 403)
    if names_a_tag(entry.get("ETag")) and not may(lambda: check(call, "s3:GetObject", {}, bucket, key, version)):
        raise ServiceError("AccessDenied", ACCESS_DENIED, 403)
    rules.check_served(entry)
    return _delete(call, bucket, key, version, entry.get("ETag"))


def get_object_tagging(call: Call, request: Request) -> Answer:
    document = existing_object(call, request["Bucket"], request["Key"], request.get("VersionId"))
    tags = [{"Key": key, "Value": value} for key, value in (document.get("tags") or {}).items()]
    return {"TagSet": tags, **shown_version(document)}


def put_object_tagging(call: Call, request: Request) -> Answer:
    document = existing_object(call, request["Bucket"], request["Key"], request.get("VersionId"))
    tags = rules.checked_tags(request["Tagging"].get("TagSet") or [])
    store.change_version(call.tx, document | {"tags": tags})
    notifications.tell_tagged(call.tx, call, document, "Object Tags Added")
    return shown_version(document)


def delete_object_tagging(call: Call, request: Request) -> Answer:
    document = existing_object(call, request["Bucket"], request["Key"], request.get("VersionId"))
    store.change_version(call.tx, document | {"tags": {}})
    notifications.tell_tagged(call.tx, call, document, "Object Tags Deleted")
    return shown_version(document)


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
