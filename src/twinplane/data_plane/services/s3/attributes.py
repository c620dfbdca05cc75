"""GetObjectAttributes: what is known of an object, without its bytes."""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads
from twinplane.data_plane.services.s3 import rules, store
from twinplane.data_plane.services.s3.objects import shown_version
from twinplane.data_plane.services.s3.permissions import existing_object, on_object
from twinplane.data_plane.store import Document

_KNOWN = ("ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize")
MOST_PARTS = 1000


def get_object_attributes(call: Call, request: Request) -> Answer:
    wanted = set(request["ObjectAttributes"])
    if not wanted <= set(_KNOWN):
        raise ServiceError("InvalidArgument", "Invalid attribute name specified.", 400)
    rules.check_served(request)
    document = existing_object(call, request["Bucket"], request["Key"], request.get("VersionId"))
    sums = rules.checksum_members(document.get("checksums"), document.get("checksum_type"))
    parts = _parts(call, request, document) if "ObjectParts" in wanted else None
    found = {
        "ETag": document["etag"].strip('"'), "Checksum": sums or None, "ObjectParts": parts,
        "StorageClass": document.get("storage_class") or "STANDARD", "ObjectSize": document["size"],
    }  # fmt: skip
    shown = {name: value for name, value in found.items() if name in wanted and value is not None}
    return {"LastModified": document["last_modified"], **shown_version(document), **shown}


def _parts(call: Call, request: Request, document: Document) -> dict[str, Any] | None:
    """The parts an object was uploaded in: their number; and each of them where they have checksums."""
    layout = store.layout_of(call.tx, document)
    if layout is None:
        return None
    described: dict[str, Any] = {"TotalPartsCount": len(layout["sizes"])}
    if not document.get("checksums") or not layout["checksums"]:
        return described
    limit = MOST_PARTS if request.get("MaxParts") is None else max(0, min(request["MaxParts"], MOST_PARTS))
    marker = request.get("PartNumberMarker") or 0
    parts = [
        {"PartNumber": number, "Size": size, **rules.checksum_members(sums)}
        for number, (size, sums) in enumerate(zip(layout["sizes"], layout["checksums"], strict=True), 1)
        if number > marker
    ]
    shown = parts[:limit]
    return described | {
        "PartNumberMarker": marker, "NextPartNumberMarker": shown[-1]["PartNumber"] if shown else 0,
        "MaxParts": limit, "IsTruncated": len(parts) > len(shown), "Parts": shown,
    }  # fmt: skip


OPERATIONS: dict[str, Operation] = {
    "GetObjectAttributes": reads(get_object_attributes, on_object("s3:GetObject", "s3:GetObjectAttributes")),
}
