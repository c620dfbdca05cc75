"""Trails: files of what was recorded in a bucket, with digests that prove them."""

from __future__ import annotations

import gzip
import hashlib
import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

ACCOUNT = "111122223333"


@pytest.fixture(scope="module")
def trails(plane: Any) -> Any:
    return plane.client("cloudtrail")


def bucket(plane: Any, name: str, lets_in: bool = True) -> str:
    s3 = plane.client("s3")
    s3.create_bucket(Bucket=name)
    if lets_in:
        service = {"Service": "cloudtrail.amazonaws.com"}
        s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": service, "Action": "s3:GetBucketAcl", "Resource": f"arn:aws:s3:::{name}"},
            {
                "Effect": "Allow", "Principal": service, "Action": "s3:PutObject",
                "Resource": f"arn:aws:s3:::{name}/*",
                "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}},
            },
        ]}))  # fmt: skip
    return name


def refusal(call: Any, **members: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**members)
    return str(refused.value.response["Error"]["Code"])


def files(plane: Any, name: str, count: int) -> dict[str, Any]:
    """The objects of a bucket once there are that many."""
    s3, deadline = plane.client("s3"), time.monotonic() + 20
    while len(found := s3.list_objects_v2(Bucket=name).get("Contents", [])) < count:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return {each["Key"]: s3.get_object(Bucket=name, Key=each["Key"]) for each in found}


def test_what_was_recorded_while_a_trail_was_logging_is_in_its_files_and_the_digests_prove_it(
    plane: Any, trails: Any
) -> None:
    name = bucket(plane, "trail-files")
    glue = plane.client("glue")
    glue.create_database(DatabaseInput={"Name": "before"})
    arn = trails.create_trail(Name="main", S3BucketName=name, S3KeyPrefix="logs", EnableLogFileValidation=True)[
        "TrailARN"
    ]
    trails.start_logging(Name="main")
    assert trails.get_trail_status(Name=arn)["IsLogging"]
    for number in range(3):
        glue.create_database(DatabaseInput={"Name": f"during{number}"})
    plane.client("sqs").create_queue(QueueName="q")
    trails.stop_logging(Name="main")
    found = files(plane, name, 2)
    [log] = [key for key in found if "/CloudTrail/" in key]
    [digest] = [key for key in found if "/CloudTrail-Digest/" in key]
    assert log.startswith(f"logs/AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/")
    text = gzip.decompress(found[log]["Body"].read())
    records = json.loads(text)["Records"]
    made = [r["requestParameters"]["databaseInput"]["name"] for r in records if r["eventName"] == "CreateDatabase"]
    assert made == ["during0", "during1", "during2"]
    proof = gzip.decompress(found[digest]["Body"].read())
    said = json.loads(proof)
    assert [(f["s3Object"], f["hashValue"]) for f in said["logFiles"]] == [(log, hashlib.sha256(text).hexdigest())]
    [key] = trails.list_public_keys()["PublicKeyList"]
    assert key["Fingerprint"] == said["digestPublicKeyFingerprint"]
    signed = f"{said['digestEndTime']}\n{name}/{digest}\n{hashlib.sha256(proof).hexdigest()}\nnull"
    public = serialization.load_der_public_key(key["Value"])
    assert isinstance(public, rsa.RSAPublicKey)
    signature = bytes.fromhex(found[digest]["Metadata"]["signature"])
    public.verify(signature, signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    status = trails.get_trail_status(Name="main")
    assert not status["IsLogging"]
    assert {"LatestDeliveryTime", "LatestDigestDeliveryTime", "StopLoggingTime"} <= set(status)


def test_event_selectors_choose_what_is_written_down(plane: Any, trails: Any) -> None:
    name, data = bucket(plane, "trail-chosen"), bucket(plane, "trail-data")
    trails.create_trail(Name="chosen", S3BucketName=name)
    objects = {"Type": "AWS::S3::Object", "Values": [f"arn:aws:s3:::{data}/in/"]}
    selector = {"ReadWriteType": "WriteOnly", "IncludeManagementEvents": False, "DataResources": [objects]}
    trails.put_event_selectors(TrailName="chosen", EventSelectors=[selector])
    assert trails.get_event_selectors(TrailName="chosen")["EventSelectors"][0]["ReadWriteType"] == "WriteOnly"
    assert trails.get_trail(Name="chosen")["Trail"]["HasCustomEventSelectors"]
    trails.start_logging(Name="chosen")
    s3 = plane.client("s3")
    s3.put_object(Bucket=data, Key="in/a", Body=b"x")
    s3.get_object(Bucket=data, Key="in/a")
    s3.put_object(Bucket=data, Key="out/a", Body=b"x")
    trails.stop_logging(Name="chosen")
    [log] = files(plane, name, 1).values()
    records = json.loads(gzip.decompress(log["Body"].read()))["Records"]
    assert [(r["eventName"], r["requestParameters"]["key"]) for r in records] == [("PutObject", "in/a")]


def test_a_trail_needs_a_bucket_that_lets_cloudtrail_in(plane: Any, trails: Any) -> None:
    closed = bucket(plane, "trail-closed", lets_in=False)
    create = trails.create_trail
    assert refusal(create, Name="closed", S3BucketName=closed) == "InsufficientS3BucketPolicyException"
    assert refusal(create, Name="closed", S3BucketName="not-there") == "S3BucketDoesNotExistException"
    assert refusal(create, Name="a--b", S3BucketName=closed) == "InvalidTrailNameException"
    topic = {"SnsTopicName": "t"}
    assert refusal(create, Name="closed", S3BucketName=closed, **topic) == "NotImplemented"
    name = bucket(plane, "trail-shut")
    trails.create_trail(Name="shut", S3BucketName=name)
    trails.start_logging(Name="shut")
    plane.client("s3").delete_bucket_policy(Bucket=name)
    trails.stop_logging(Name="shut")
    deadline = time.monotonic() + 20
    while "LatestDeliveryError" not in trails.get_trail_status(Name="shut"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert trails.get_trail_status(Name="shut")["LatestDeliveryError"] == "AccessDenied"
    assert "Contents" not in plane.client("s3").list_objects_v2(Bucket=name)


def test_trails_are_described_tagged_and_removed(plane: Any, trails: Any) -> None:
    name = bucket(plane, "trail-kept")
    tags = [{"Key": "team", "Value": "audit"}]
    arn = trails.create_trail(Name="kept", S3BucketName=name, TagsList=tags)["TrailARN"]
    assert refusal(trails.create_trail, Name="kept", S3BucketName=name) == "TrailAlreadyExistsException"
    assert [trail["Name"] for trail in trails.describe_trails(trailNameList=["kept"])["trailList"]] == ["kept"]
    assert arn in [trail["TrailARN"] for trail in trails.list_trails()["Trails"]]
    trails.add_tags(ResourceId=arn, TagsList=[{"Key": "stage", "Value": "dev"}])
    trails.remove_tags(ResourceId=arn, TagsList=[{"Key": "team"}])
    [listed] = trails.list_tags(ResourceIdList=[arn])["ResourceTagList"]
    assert listed["TagsList"] == [{"Key": "stage", "Value": "dev"}]
    trails.delete_trail(Name=arn)
    assert refusal(trails.get_trail, Name="kept") == "TrailNotFoundException"
    assert refusal(trails.start_logging, Name="kept") == "TrailNotFoundException"
