"""What EventBridge is told of objects, in the transaction that changes them."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.data_plane.events.test_rules import Queue, rule


def test_objects_of_a_bucket_that_says_so_are_told_of(plane: Any) -> None:
    s3, queue = plane.client("s3"), Queue(plane, "objects")
    rule(plane.client("events"), "objects", {"source": ["aws.s3"], "detail": {"bucket": {"name": ["told", "quiet"]}}},
         {"Arn": queue.arn})  # fmt: skip
    for name in ("told", "quiet"):
        s3.create_bucket(Bucket=name)
    assert "EventBridgeConfiguration" not in s3.get_bucket_notification_configuration(Bucket="told")
    configured = {"Bucket": "told", "NotificationConfiguration": {"EventBridgeConfiguration": {}}}
    s3.put_bucket_notification_configuration(**configured)
    assert s3.get_bucket_notification_configuration(Bucket="told")["EventBridgeConfiguration"] == {}
    etag = s3.put_object(Bucket="told", Key="a b", Body=b"hello")["ETag"].strip('"')
    s3.put_object(Bucket="quiet", Key="a", Body=b"x")
    s3.copy_object(Bucket="told", Key="c", CopySource={"Bucket": "told", "Key": "a b"})
    upload = s3.create_multipart_upload(Bucket="told", Key="m")["UploadId"]
    part = s3.upload_part(Bucket="told", Key="m", UploadId=upload, PartNumber=1, Body=b"part")["ETag"]
    s3.complete_multipart_upload(
        Bucket="told", Key="m", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]}
    )
    s3.put_object_tagging(Bucket="told", Key="c", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    s3.delete_object(Bucket="told", Key="c")
    s3.delete_object(Bucket="told", Key="never-there")
    with pytest.raises(ClientError):
        s3.put_object(Bucket="told", Key="a b", Body=b"x", IfNoneMatch="*")
    s3.put_bucket_versioning(Bucket="told", VersioningConfiguration={"Status": "Enabled"})
    s3.delete_objects(Bucket="told", Delete={"Objects": [{"Key": "a b"}]})
    told = [event for event in queue.events() if "object" in event["detail"]]
    assert [(e["detail-type"], e["detail"].get("reason"), e["detail"]["object"]["key"]) for e in told] == [
        ("Object Created", "PutObject", "a b"),
        ("Object Created", "CopyObject", "c"),
        ("Object Created", "CompleteMultipartUpload", "m"),
        ("Object Tags Added", None, "c"),
        ("Object Deleted", "DeleteObject", "c"),
        ("Object Deleted", "DeleteObject", "a b"),
    ]
    made = told[0]["detail"]["object"]
    assert (made["size"], made["etag"]) == (5, etag)
    assert told[0]["resources"] == ["arn:aws:s3:::told"]
    assert [e["detail"].get("deletion-type") for e in told[-2:]] == ["Permanently Deleted", "Delete Marker Created"]
    assert told[-1]["detail"]["object"]["version-id"]
    s3.put_bucket_notification_configuration(Bucket="told", NotificationConfiguration={})
    s3.put_object(Bucket="told", Key="d", Body=b"x")
    assert [event for event in queue.events() if "object" in event["detail"]] == []


def test_other_notifications_are_not_served_and_say_so(plane: Any) -> None:
    s3 = plane.client("s3")
    s3.create_bucket(Bucket="others")
    queue = {"QueueArn": "arn:aws:sqs:us-east-1:111122223333:q", "Events": ["s3:ObjectCreated:*"]}
    with pytest.raises(ClientError) as refused:
        s3.put_bucket_notification_configuration(
            Bucket="others", NotificationConfiguration={"QueueConfigurations": [queue]}
        )
    assert refused.value.response["Error"]["Code"] == "NotImplemented"
