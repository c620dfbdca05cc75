"""Multipart uploads: parts are bodies of their own until they are joined into the object's."""

from collections.abc import Callable
from urllib.parse import quote

from pysqlite3 import dbapi2 as sqlite

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, new_id, reads, streams, writes
from twinplane.data_plane.services.s3 import bodies, rules, store, upload_rules
from twinplane.data_plane.services.s3.bodies import Body
from twinplane.data_plane.services.s3.buckets import owner
from twinplane.data_plane.services.s3.objects import (
    borrowed,
    check_target,
    copied_object,
    copied_version,
    how_made,
    name_body,
    receive,
)
from twinplane.data_plane.services.s3.permissions import check_owner, on_copy, on_object
from twinplane.data_plane.store import Document, Transaction
from twinplane.data_plane.wire import checksums
from twinplane.data_plane.wire.body import FileRange


def create_multipart_upload(call: Call, request: Request) -> Answer:
    bucket, key = request["Bucket"], request["Key"]
    rules.check_key(key)
    rules.check_served(request)
    store.get_bucket(call.tx, bucket)
    check_owner(call, store.find_object(call.tx, bucket, key))
    algorithm = next(iter(rules.algorithm_named(request)), None)
    upload = call.tx.add(
        store.UPLOADS,
        {
            "bucket": bucket, "key": key, "upload_id": new_id(48), "initiated_at": call.now,
            "initiator": call.principal.arn, "attributes": rules.attributes(request),
            "checksum_algorithm": algorithm,
            "checksum_type": upload_rules.checksum_type(algorithm, request.get("ChecksumType")),
        },
    )  # fmt: skip
    return {"Bucket": bucket, "Key": key, "UploadId": upload["upload_id"], **_checksum(upload)}


def _checksum(upload: Document) -> dict[str, str]:
    if upload["checksum_algorithm"] is None:
        return {}
    return {"ChecksumAlgorithm": upload["checksum_algorithm"], "ChecksumType": upload["checksum_type"]}


def _get_upload(tx: Transaction, request: Request) -> Document:
    store.get_bucket(tx, request["Bucket"])
    upload = tx.find(store.UPLOADS, request["Bucket"], request["Key"], request["UploadId"])
    if upload is None:
        raise ServiceError(
            "NoSuchUpload",
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "
            "completed.",
            404,
            UploadId=request["UploadId"],
        )
    return upload


async def upload_part(call: Call, request: Request) -> Answer:
    upload_rules.check_part_number(request["PartNumber"])
    rules.check_served(request)
    upload = call.plane.store.read(lambda tx: _get_upload(tx, request))
    algorithm = upload["checksum_algorithm"]
    upload_rules.check_same_algorithm(algorithm, checksums.announced(call.headers))
    also = {algorithm} - {None, *checksums.announced(call.headers)}
    body, sums = await receive(call, request, also)
    return await _keep_part(
        call, request, body, sums, lambda part: {"ETag": part["etag"], **rules.checksum_members(sums)}
    )


async def upload_part_copy(call: Call, request: Request) -> Answer:
    upload_rules.check_part_number(request["PartNumber"])
    rules.check_served(request)
    upload = call.plane.store.read(lambda tx: _get_upload(tx, request))
    found, content = call.plane.store.read(lambda tx: copied_object(tx, call, request))
    algorithms = {upload["checksum_algorithm"]} - {None}
    offset, length = rules.copy_range(request.get("CopySourceRange"), found["size"])
    if length == found["size"]:
        body, sums = await borrowed(found, content, algorithms)
        sums = {name: text for name, text in sums.items() if name in algorithms}
    else:
        part = content[offset : offset + length] if isinstance(content, bytes) else content.part(offset, length)
        source = bodies.once(part) if isinstance(part, bytes) else part.pieces()
        body = await bodies.receive(call.plane, source, algorithms)
        sums = {algorithm: checksums.text(body.digests[algorithm]) for algorithm in algorithms}

    def answer(part: Document) -> Answer:
        result = {"ETag": part["etag"], "LastModified": part["last_modified"], **rules.checksum_members(sums)}
        return {"CopyPartResult": result, **copied_version(found)}

    return await _keep_part(call, request, body, sums, answer)


async def _keep_part(
    call: Call, request: Request, body: Body, sums: dict[str, str], answer: Callable[[Document], Answer]
) -> Answer:
    part: Document = {
        "upload_id": request["UploadId"], "part_number": request["PartNumber"], "size": body.size,
        "md5": body.md5.hex(), "etag": f'"{body.md5.hex()}"', "checksums": sums, "last_modified": call.now,
    }  # fmt: skip

    def keep(tx: Transaction) -> Answer:
        _get_upload(tx, request)
        replaced = tx.find(store.PARTS, part["upload_id"], part["part_number"])
        if replaced is not None:
            store.drop_bodies(tx, call.plane, [replaced])
        tx.put(store.PARTS, part | store.keep_body(tx, body))
        return answer(part)

    try:
        return await call.commit(keep)
    except ServiceError:
        await bodies.discard(call.plane, body)
        raise
    except sqlite.Error:
        store.look_again(call.plane, body)
        raise


async def complete_multipart_upload(call: Call, request: Request) -> Answer:
    completed = call.plane.store.read(lambda tx: _completed_before(tx, call, request))
    if completed is not None:
        return _completion(call, request, completed)
    call.plane.store.read(lambda tx: (_get_upload(tx, request), check_target(tx, call, request)))
    upload, parts, contents = call.plane.store.read(lambda tx: _chosen(tx, call, request))
    size = sum(part["size"] for part in parts)
    if request.get("MpuObjectSize") not in (None, size) or size > rules.LARGEST_OBJECT_BYTES:
        raise ServiceError("InvalidRequest", f"The parts have {size} bytes in all.", 400)
    sums = upload_rules.checksum_of(upload["checksum_algorithm"], upload["checksum_type"], parts)
    rules.check_checksum(request, upload["checksum_type"], sums)
    digests = {"MD5": upload_rules.multipart_digest(parts)}
    if len(parts) == 1 and parts[0]["blob"] is not None:
        body = Body(size, digests, blob=parts[0]["blob"], borrowed=True)
    else:
        body = await bodies.concatenated(call.plane, contents, digests)
    document = {
        **store.new_object(request["Bucket"], request["Key"], body, call.now, content_type=""),
        **upload["attributes"],
        "etag": f'"{body.md5.hex()}-{len(parts)}"',
        "checksums": sums,
        "checksum_type": upload["checksum_type"],
        "upload_id": upload["upload_id"],
    }

    def close_upload(tx: Transaction, made: Document) -> Answer:
        _upload, same_parts, _ = _chosen(tx, call, request)
        if [(part["blob"], part["row"]) for part in same_parts] != [(part["blob"], part["row"]) for part in parts]:
            raise ServiceError("InvalidPart", "A part was uploaded again while the upload was completed.", 400)
        store.remove_upload(tx, call.plane, upload)
        tx.add(
            store.LAYOUTS,
            {
                "upload_id": upload["upload_id"], "sizes": [part["size"] for part in parts],
                "numbers": [part["part_number"] for part in parts], "checksums": [part["checksums"] for part in parts],
            },
        )  # fmt: skip
        return _completion(call, request, made)

    return await name_body(call, request, document, body, close_upload)


def _completed_before(tx: Transaction, call: Call, request: Request) -> Document | None:
    """The object that this very upload made: whoever missed the answer may ask again."""
    found = store.find_object(tx, request["Bucket"], request["Key"])
    check_owner(call, found)
    return found if found is not None and found.get("upload_id") == request["UploadId"] else None


def _chosen(tx: Transaction, call: Call, request: Request) -> tuple[Document, list[Document], list[bytes | FileRange]]:
    upload = _get_upload(tx, request)
    stored = {part["part_number"]: part for part in tx.select(store.PARTS, {"upload_id": upload["upload_id"]})}
    wanted = (request.get("MultipartUpload") or {}).get("Parts") or []
    parts = upload_rules.chosen_parts(wanted, stored)
    return upload, parts, [bodies.content(tx, call.plane, part, 0, part["size"]) for part in parts]


def _completion(call: Call, request: Request, document: Document) -> Answer:
    return {
        "Location": f"{call.plane.settings.endpoint}/{request['Bucket']}/{quote(request['Key'])}",
        "Bucket": request["Bucket"],
        "Key": request["Key"],
        "ETag": document["etag"],
        **rules.checksum_members(document["checksums"], document["checksum_type"]),
        **how_made(document),
    }


def abort_multipart_upload(call: Call, request: Request) -> Answer:
    store.remove_upload(call.tx, call.plane, _get_upload(call.tx, request))
    return {}


def list_parts(call: Call, request: Request) -> Answer:
    upload = _get_upload(call.tx, request)
    limit = 1000 if request.get("MaxParts") is None else min(request["MaxParts"], 1000)
    marker = request.get("PartNumberMarker") or 0
    where = {"upload_id": upload["upload_id"]}
    found = call.tx.select(store.PARTS, where, after=(upload["upload_id"], marker), limit=limit + 1)
    shown = found[:limit]
    initiator = {"ID": upload["initiator"], "DisplayName": upload["initiator"].rpartition("/")[2]}
    return {
        "Bucket": request["Bucket"], "Key": request["Key"], "UploadId": upload["upload_id"],
        "PartNumberMarker": marker, "NextPartNumberMarker": shown[-1]["part_number"] if shown else 0,
        "MaxParts": limit, "IsTruncated": len(found) > limit, "Initiator": initiator, "Owner": owner(call),
        "StorageClass": "STANDARD", **_checksum(upload),
        "Parts": [
            {
                "PartNumber": part["part_number"], "LastModified": part["last_modified"], "ETag": part["etag"],
                "Size": part["size"], **rules.checksum_members(part["checksums"]),
            }
            for part in shown
        ],
    }  # fmt: skip


OPERATIONS: dict[str, Operation] = {
    "CreateMultipartUpload": writes(create_multipart_upload, on_object("s3:PutObject")),
    "UploadPart": streams(upload_part, on_object("s3:PutObject")),
    "UploadPartCopy": streams(upload_part_copy, on_copy),
    "CompleteMultipartUpload": streams(complete_multipart_upload, on_object("s3:PutObject")),
    "AbortMultipartUpload": writes(abort_multipart_upload, on_object("s3:AbortMultipartUpload")),
    "ListParts": reads(list_parts, on_object("s3:ListMultipartUploadParts")),
}
