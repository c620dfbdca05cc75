"""Lifecycle: a bucket's rules, and the task that once a day deletes what they say is over.

The task looks at what there is at that moment, some keys in each transaction, so it may be repeated at any point; what
it deletes is recorded in the transaction that deletes it.
"""

import itertools
from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, new_id, reads, writes
from twinplane.data_plane.plane import Plane
from twinplane.data_plane.services.cloudtrail.store import add_event
from twinplane.data_plane.services.s3 import lifecycle_rules, store
from twinplane.data_plane.services.s3.permissions import bucket_arn, object_arn, on_bucket
from twinplane.data_plane.services.s3.rules import version_id
from twinplane.data_plane.store import Document, Transaction
from twinplane.data_plane.tasks import TASKS as ALL_TASKS
from twinplane.data_plane.tasks import TaskKind, enqueue
from twinplane.data_plane.wire.http import new_request_id

_TASK = "s3.lifecycle"
_KEYS_AT_ONCE = 200
_DEFAULT_SIZE = "all_storage_classes_128K"


def put_bucket_lifecycle_configuration(call: Call, request: Request) -> Answer:
    bucket = store.get_bucket(call.tx, request["Bucket"])
    rules = (request.get("LifecycleConfiguration") or {}).get("Rules") or []
    lifecycle_rules.check_rules(rules)
    named = [{**rule, "ID": rule.get("ID") or new_id(24)} for rule in rules]
    lifecycle = {"id": new_id(20), "rules": named}
    call.tx.put(store.BUCKETS, bucket | {"lifecycle": lifecycle})
    enqueue(call.tx, call.plane, _TASK, bucket["name"], id=lifecycle["id"])
    return {"TransitionDefaultMinimumObjectSize": _DEFAULT_SIZE}


def get_bucket_lifecycle_configuration(call: Call, request: Request) -> Answer:
    lifecycle = store.get_bucket(call.tx, request["Bucket"]).get("lifecycle")
    if lifecycle is None:
        raise ServiceError(
            "NoSuchLifecycleConfiguration",
            "The lifecycle configuration does not exist",
            404,
            BucketName=request["Bucket"],
        )
    return {"Rules": lifecycle["rules"], "TransitionDefaultMinimumObjectSize": _DEFAULT_SIZE}


def delete_bucket_lifecycle(call: Call, request: Request) -> Answer:
    bucket = store.get_bucket(call.tx, request["Bucket"])
    call.tx.put(store.BUCKETS, bucket | {"lifecycle": None})
    return {}


# The task


async def run(plane: Plane, task: Document) -> None:
    """Deletes what is over now, and asks for the next run. Ends for good when the bucket has other rules, or none."""
    bucket, asked = task["subject"], task["payload"]["id"]
    after: str | None = ""
    while after is not None:
        start = after
        after = await plane.store.write(lambda tx: _run_some(tx, plane, bucket, asked, start))  # noqa: B023
    await plane.store.write(lambda tx: _give_uploads_up(tx, plane, bucket, asked))
    await plane.store.write(lambda tx: _ask_again(tx, plane, task))


def _rules(tx: Transaction, bucket: str, asked: str) -> tuple[Document, list[dict[str, Any]]] | None:
    found = store.find_bucket(tx, bucket)
    lifecycle = (found or {}).get("lifecycle")
    if found is None or lifecycle is None or lifecycle["id"] != asked:
        return None
    return found, [rule for rule in lifecycle["rules"] if rule["Status"] == "Enabled"]


def _run_some(tx: Transaction, plane: Plane, bucket: str, asked: str, after: str) -> str | None:
    """Looks at some keys behind `after`; returns the last of them, or None at the end."""
    there = _rules(tx, bucket, asked)
    if there is None:
        return None
    found, rules = there
    walk = store.walk_versions(tx, bucket, "", (after,))
    keys = itertools.groupby(walk, key=lambda version: str(version["key"]))
    some = [(key, list(versions)) for key, versions in itertools.islice(keys, _KEYS_AT_ONCE)]
    now, versioned = plane.clock(), found.get("versioning") is not None
    for key, versions in some:
        expires, removed = lifecycle_rules.over(rules, versions, now, versioned=versioned)
        for version in removed:
            store.remove_version(tx, plane, version)
            _record(tx, plane, bucket, key, "LifecycleExpirationDelete", versionId=version_id(version))
        if expires:
            marker = store.delete_object(tx, plane, bucket, key, now)
            if marker is None:
                _record(tx, plane, bucket, key, "LifecycleExpirationDelete")
            else:
                name = "LifecycleExpirationDeleteMarkerCreated"
                _record(tx, plane, bucket, key, name, versionId=version_id(marker))
    return some[-1][0] if len(some) == _KEYS_AT_ONCE else None


def _give_uploads_up(tx: Transaction, plane: Plane, bucket: str, asked: str) -> None:
    there = _rules(tx, bucket, asked)
    if there is None:
        return
    now = plane.clock()
    for upload in list(store.walk_uploads(tx, bucket, "", ("",))):
        if lifecycle_rules.upload_is_over(there[1], upload, now):
            store.remove_upload(tx, plane, upload)
            name = "LifecycleAbortIncompleteMultipartUpload"
            _record(tx, plane, bucket, upload["key"], name, uploadId=upload["upload_id"])


def _ask_again(tx: Transaction, plane: Plane, task: Document) -> None:
    bucket = task["subject"]
    if _rules(tx, bucket, task["payload"]["id"]) is None:
        return
    others = tx.select(ALL_TASKS, {"kind": _TASK, "subject": bucket})
    if all(other["id"] == task["id"] for other in others):  # else a run that a crash cut short asked already
        due_at = lifecycle_rules.next_midnight(plane.clock())
        enqueue(tx, plane, _TASK, bucket, due_at=due_at, id=task["payload"]["id"])


def _record(tx: Transaction, plane: Plane, bucket: str, key: str, name: str, **more: str) -> None:
    """The record of what S3 did by itself; AWS has it in a bucket's access logs."""
    service, settings = "s3.amazonaws.com", plane.settings
    event: dict[str, Any] = {
        "eventVersion": "1.11",
        "userIdentity": {"type": "AWSService", "invokedBy": service},
        "eventTime": plane.clock(),
        "eventSource": service,
        "eventName": name,
        "awsRegion": settings.region,
        "sourceIPAddress": service,
        "userAgent": service,
        "requestParameters": {"bucketName": bucket, "key": key, **more},
        "responseElements": None,
        "requestID": new_request_id(),
        "eventID": new_request_id(),
        "readOnly": False,
        "resources": [
            {"accountId": settings.account_id, "ARN": object_arn(bucket, key), "type": "AWS::S3::Object"},
            {"accountId": settings.account_id, "ARN": bucket_arn(bucket), "type": "AWS::S3::Bucket"},
        ],
        "eventType": "AwsServiceEvent",
        "managementEvent": False,
        "recipientAccountId": settings.account_id,
        "eventCategory": "Data",
    }
    add_event(tx, plane, event)


def _failed(tx: Transaction, _plane: "Plane", task: Document, _reason: str) -> None:
    """Another day, another try."""
    tx.add(ALL_TASKS, task | {"id": new_id(20), "attempts": 0, "due_at": task["due_at"] + lifecycle_rules.DAY})


OPERATIONS: dict[str, Operation] = {
    "PutBucketLifecycleConfiguration": writes(
        put_bucket_lifecycle_configuration, on_bucket("s3:PutLifecycleConfiguration")
    ),
    "GetBucketLifecycleConfiguration": reads(
        get_bucket_lifecycle_configuration, on_bucket("s3:GetLifecycleConfiguration")
    ),
    "DeleteBucketLifecycle": writes(delete_bucket_lifecycle, on_bucket("s3:PutLifecycleConfiguration")),
}
TASKS: dict[str, TaskKind] = {_TASK: TaskKind(run, _failed)}
