"""What EventBridge is told of the objects of a bucket, where the bucket says so."""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads, writes
from twinplane.data_plane.services.events.store import emit, hears
from twinplane.data_plane.services.s3 import rules, store
from twinplane.data_plane.services.s3.permissions import bucket_arn, on_bucket
from twinplane.data_plane.store import Document, Transaction

_OTHERS = ("TopicConfigurations", "QueueConfigurations", "LambdaFunctionConfigurations")


def put_bucket_notification_configuration(call: Call, request: Request) -> Answer:
    """Turns EventBridge on or off; an empty configuration turns it off."""
    bucket, given = store.get_bucket(call.tx, request["Bucket"]), request["NotificationConfiguration"]
    if any(given.get(member) for member in _OTHERS):
        raise ServiceError("NotImplemented", "Of a bucket's notifications only those to EventBridge are served.", 501)
    call.tx.put(store.BUCKETS, bucket | {"notifies": given.get("EventBridgeConfiguration") is not None})
    return {}


def get_bucket_notification_configuration(call: Call, request: Request) -> Answer:
    return {"EventBridgeConfiguration": {}} if store.get_bucket(call.tx, request["Bucket"]).get("notifies") else {}


def tell_created(tx: Transaction, call: Call, bucket: Document, document: Document) -> None:
    """Of an object that this call made."""
    reason = {"PostObject": "POST Object"}.get(call.operation, call.operation)
    _tell(tx, call, bucket, "Object Created", document, {
        "size": document["size"], "etag": document["etag"].strip('"'),
    }, reason=reason)  # fmt: skip


def tell_deleted(tx: Transaction, call: Call, document: Document, *, marker: bool) -> None:
    """Of an object (or a version) that this call removed, or, `marker`, hid behind a delete marker."""
    if hears(tx, call.plane):
        what = "Delete Marker Created" if marker else "Permanently Deleted"
        bucket = store.get_bucket(tx, document["bucket"])
        _tell(tx, call, bucket, "Object Deleted", document, {}, reason="DeleteObject", **{"deletion-type": what})


def tell_tagged(tx: Transaction, call: Call, document: Document, moment: str) -> None:
    """Of an object's tags: `Object Tags Added`, `Object Tags Deleted`."""
    if hears(tx, call.plane):
        bucket = store.get_bucket(tx, document["bucket"])
        _tell(tx, call, bucket, moment, document, {"etag": document["etag"].strip('"')})


def _tell(
    tx: Transaction, call: Call, bucket: Document, moment: str, document: Document, known: dict[str, Any], **more: str
) -> None:
    if not bucket.get("notifies") or not hears(tx, call.plane):
        return
    version = rules.version_id(document)
    described = {"key": document["key"], **known, "sequencer": f"{int(call.plane.clock() * 1e9):018X}"}
    if version != rules.NULL_VERSION:
        described["version-id"] = version
    emit(
        tx, call.plane, source="aws.s3", detail_type=moment, resources=[bucket_arn(bucket["name"])],
        detail={
            "version": "0", "bucket": {"name": bucket["name"]}, "object": described, "request-id": call.request_id,
            "requester": call.principal.account_id or "anonymous", "source-ip-address": call.client, **more,
        },
    )  # fmt: skip


OPERATIONS: dict[str, Operation] = {
    "PutBucketNotificationConfiguration": writes(
        put_bucket_notification_configuration, on_bucket("s3:PutBucketNotification")
    ),
    "GetBucketNotificationConfiguration": reads(
        get_bucket_notification_configuration, on_bucket("s3:GetBucketNotification")
    ),
}
