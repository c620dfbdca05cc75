"""Multipart uploads: parts are bodies of their own until they are joined into the object's."""

from urllib.parse import quote

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, new_id, reads, streams, writes
from twinplane.data_plane.services.s3 import bodies, rules, store
from twinplane.data_plane.services.s3.bodies import Body
from twinplane.data_plane.services.s3.buckets import owner
from twinplane.data_plane.services.s3.objects import copied_object, name_body, receive
from twinplane.data_plane.services.s3.permissions import check_owner, on_copy, on_object
from twinplane.data_plane.store import Document, Transaction
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
            "checksum_type": rules.checksum_type(algorithm, request.get("ChecksumType")),
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
    rules.check_part_number(request["PartNumber"])
    rules.check_served(request)
    upload = call.plane.store.read(lambda tx: _get_upload(tx, request))
    body = await receive(call, {upload["checksum_algorithm"]} - {None})
    part = await _keep_part(call, request, body)
    return {"ETag": part["etag"], **rules.checksum_members(body.checksums)}


async def upload_part_copy(call: Call, request: Request) -> Answer:
    rules.check_part_number(request["PartNumber"])
    rules.check_served(request)
    upload = call.plane.store.read(lambda tx: _get_upload(tx, request))
    found = call.plane.store.read(lambda tx: copied_object(tx, call, request))
    offset, length = rules.copy_range(request.get("CopySourceRange"), found["size"])
    source = FileRange(store.blob_path(call.plane, found), offset, length)
    body = await bodies.receive(call.plane, source.pieces(), {upload["checksum_algorithm"]} - {None})
    part = await _keep_part(call, request, body)
    members = rules.checksum_members(body.checksums)
    return {"CopyPartResult": {"ETag": part["etag"], "LastModified": part["last_modified"], **members}}


async def _keep_part(call: Call, request: Request, body: Body) -> Document:
    part: Document = {
        "upload_id": request["UploadId"], "part_number": request["PartNumber"], "size": body.size,
        "md5": body.md5.hex(), "etag": f'"{body.md5.hex()}"', "blob": body.blob, "checksums": body.checksums,
        "last_modified": call.now,
    }  # fmt: skip

    def keep(tx: Transaction) -> None:
        _get_upload(tx, request)
        replaced = tx.find(store.PARTS, part["upload_id"], part["part_number"])
        if replaced is not None:
            store.unlink_after_commit(tx, call.plane, [replaced["blob"]])
        tx.put(store.PARTS, part)

    try:
        await call.plane.store.write(keep)
    except ServiceError:
        await bodies.discard(call.plane, body)
        raise
    return part


async def complete_multipart_upload(call: Call, request: Request) -> Answer:
    completed = call.plane.store.read(lambda tx: _completed_before(tx, call, request))
    if completed is not None:
        return _completion(call, request, completed)
    upload, parts = call.plane.store.read(lambda tx: _chosen(tx, request))
    size = sum(part["size"] for part in parts)
    if request.get("MpuObjectSize") not in (None, size) or size > rules.LARGEST_OBJECT_BYTES:
        raise ServiceError("InvalidRequest", f"The parts have {size} bytes in all.", 400)
    algorithm, kind = upload["checksum_algorithm"], upload["checksum_type"]
    ranges = [FileRange(bodies.path(call.plane, part["blob"]), 0, part["size"]) for part in parts]
    body = await bodies.receive(call.plane, bodies.joined(ranges), {algorithm} if kind == "FULL_OBJECT" else ())
    values = body.checksums
    if kind == "COMPOSITE":
        values = {algorithm: rules.composite_checksum(algorithm, parts)}
    document = {
        **store.new_object(request["Bucket"], request["Key"], body, call.now, content_type=""),
        **upload["attributes"],
        "etag": rules.multipart_etag(parts),
        "checksums": values,
        "checksum_type": kind,
        "part_sizes": [part["size"] for part in parts],
        "upload_id": upload["upload_id"],
    }

    def close_upload(tx: Transaction) -> None:
        rules.check_checksum(request, values)
        _same_upload, same_parts = _chosen(tx, request)
        if [part["blob"] for part in same_parts] != [part["blob"] for part in parts]:
            raise ServiceError("InvalidPart", "A part was uploaded again while the upload was completed.", 400)
        store.remove_upload(tx, call.plane, upload)

    await name_body(call, request, document, body, close_upload)
    return _completion(call, request, document)


def _completed_before(tx: Transaction, call: Call, request: Request) -> Document | None:
    """The object that this very upload made: whoever missed the answer may ask again."""
    found = store.find_object(tx, request["Bucket"], request["Key"])
    check_owner(call, found)
    return found if found is not None and found.get("upload_id") == request["UploadId"] else None


def _chosen(tx: Transaction, request: Request) -> tuple[Document, list[Document]]:
    upload = _get_upload(tx, request)
    stored = {part["part_number"]: part for part in tx.select(store.PARTS, {"upload_id": upload["upload_id"]})}
    return upload, rules.chosen_parts((request.get("MultipartUpload") or {}).get("Parts") or [], stored)


def _completion(call: Call, request: Request, document: Document) -> Answer:
    return {
        "Location": f"{call.plane.settings.endpoint}/{request['Bucket']}/{quote(request['Key'])}",
        "Bucket": request["Bucket"],
        "Key": request["Key"],
        "ETag": document["etag"],
        **rules.checksum_members(document["checksums"], document["checksum_type"]),
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
