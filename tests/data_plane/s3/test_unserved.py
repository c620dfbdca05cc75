"""What is not served says so, and nothing else happens: every operation of AWS's model of S3."""

from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from tests.data_plane.wire.handmade import send, signed_headers
from twinplane.data_plane.services.s3.operations import OPERATIONS
from twinplane.data_plane.testing import RunningPlane

_MODEL = boto3.session.Session(region_name="us-east-1").client("s3", aws_access_key_id="x", aws_secret_access_key="x")
_NO_REQUEST_OF_ITS_OWN = {
    "ListDirectoryBuckets",  # differs from ListBuckets by its endpoint only
    "WriteGetObjectResponse",  # goes to a host of Object Lambda
    "CreateSession",  # boto3 calls it for directory buckets only
}


def _request(name: str) -> tuple[str, str]:
    http = _MODEL.meta.service_model.operation_model(name).http
    return http["method"], http["requestUri"]


_SERVED_REQUESTS = {_request(name) for name in OPERATIONS}  # some are those of older operations too
UNSERVED = sorted(
    name
    for name in {*_MODEL.meta.service_model.operation_names} - {*OPERATIONS} - _NO_REQUEST_OF_ITS_OWN
    if _request(name) not in _SERVED_REQUESTS
)


@pytest.fixture(scope="module")
def s3(plane: RunningPlane) -> Any:
    client = plane.client("s3")
    client.create_bucket(Bucket="unserved")
    client.put_object(Bucket="unserved", Key="k", Body=b"kept", Tagging="a=1")
    return client


def example(shape: Any, name: str = "") -> Any:
    """The least that the model takes for a shape."""
    if shape.type_name == "structure":
        members = {n: example(s, n) for n, s in shape.members.items() if n in shape.required_members}
        if getattr(shape, "is_tagged_union", False) and not members:
            first = next(iter(shape.members.items()))
            members = {first[0]: example(first[1], first[0])}
        return members
    if shape.type_name == "list":
        return [example(shape.member)]
    if shape.type_name == "map":
        return {}
    if shape.type_name == "string":
        known = {"Bucket": "unserved", "Key": "k", "CopySource": "unserved/k", "RenameSource": "unserved/k"}
        return known.get(name) or (shape.enum[0] if shape.enum else "x" * max(1, shape.metadata.get("min", 1)))
    return {"boolean": True, "timestamp": 1.0, "blob": b"x"}.get(shape.type_name, 1)


def state(s3: Any) -> list[Any]:
    return [
        [b["Name"] for b in s3.list_buckets()["Buckets"]],
        [(o["Key"], o["ETag"], o["LastModified"]) for o in s3.list_objects_v2(Bucket="unserved")["Contents"]],
        s3.get_object_tagging(Bucket="unserved", Key="k")["TagSet"],
        s3.get_public_access_block(Bucket="unserved")["PublicAccessBlockConfiguration"],
        s3.get_bucket_acl(Bucket="unserved")["Grants"],
        s3.list_multipart_uploads(Bucket="unserved").get("Uploads"),
    ]


def test_every_operation_that_is_not_served_answers_501_and_changes_nothing(s3: Any) -> None:
    before = state(s3)
    for name in UNSERVED:
        shape = s3.meta.service_model.operation_model(name).input_shape
        arguments = example(shape) if shape is not None else {}
        try:
            answer = getattr(s3, xform_name(name))(**arguments)
        except ClientError as error:
            answer = error.response
        answered = (answer["ResponseMetadata"]["HTTPStatusCode"], answer.get("Error", {}).get("Code"))
        assert answered == (501, "NotImplemented"), name
        assert name in answer["Error"]["Message"]
    assert state(s3) == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/unserved?somethingNew"), ("PUT", "/unserved/k?somethingNew"), ("DELETE", "/unserved?somethingNew"),
        ("DELETE", "/unserved/k?somethingNew="), ("GET", "/unserved?somethingNew"), ("POST", "/unserved?somethingNew"),
        ("PUT", "/new-bucket?somethingNew"),
    ],
)  # fmt: skip
def test_a_subresource_that_nobody_knows_is_never_taken_for_the_thing_itself(
    plane: RunningPlane, s3: Any, method: str, path: str
) -> None:
    before = state(s3)
    answered = send(plane, method, path, b"", signed_headers(plane, method, path))
    assert (answered.status, b"NotImplemented" in answered.body) == (501, True)
    assert state(s3) == before


def configurations(s3: Any) -> dict[str, Any]:
    """How to ask for what is never configured, by operation."""
    one = {"Bucket": "unserved"}
    named = {kind: one | {"Id": "x"} for kind in ("analytics", "inventory", "metrics", "intelligent_tiering")}
    return {
        "get_bucket_logging": one, "get_bucket_accelerate_configuration": one, "get_bucket_request_payment": one,
        "get_bucket_notification_configuration": one, "get_bucket_website": one, "get_bucket_replication": one,
        "get_object_lock_configuration": one,
        **{f"list_bucket_{kind}_configurations": one for kind in named},
        **{f"get_bucket_{kind}_configuration": arguments for kind, arguments in named.items()},
    }  # fmt: skip


def test_what_is_never_configured_is_told_to_be_absent_and_only_to_who_may_ask(plane: RunningPlane, s3: Any) -> None:
    told, statuses = {}, set()
    for name, arguments in configurations(s3).items():
        try:
            answer = getattr(s3, name)(**arguments)
            told[name] = {k: v for k, v in answer.items() if k not in ("ResponseMetadata", "IsTruncated")}
        except ClientError as error:
            statuses.add(error.response["ResponseMetadata"]["HTTPStatusCode"])
            told[name] = error.response["Error"]["Code"]
    assert {name: code for name, code in told.items() if isinstance(code, str)} == {
        "get_bucket_website": "NoSuchWebsiteConfiguration",
        "get_bucket_replication": "ReplicationConfigurationNotFoundError",
        "get_object_lock_configuration": "ObjectLockConfigurationNotFoundError",
        **{
            f"get_bucket_{kind}_configuration": "NoSuchConfiguration"
            for kind in ("analytics", "inventory", "metrics", "intelligent_tiering")
        },
    }
    assert statuses == {404}
    assert told.pop("get_bucket_request_payment") == {"Payer": "BucketOwner"}
    assert [answer for answer in told.values() if answer and not isinstance(answer, str)] == []

    iam = plane.client("iam")
    iam.create_user(UserName="asks")
    nobody = plane.client("s3", iam.create_access_key(UserName="asks")["AccessKey"])
    for name, arguments in configurations(s3).items():
        for bucket in ("unserved", "not-there"):
            with pytest.raises(ClientError, match="AccessDenied"):
                getattr(nobody, name)(**arguments | {"Bucket": bucket})
        with pytest.raises(ClientError, match="NoSuchBucket"):
            getattr(s3, name)(**arguments | {"Bucket": "not-there"})
