"""What the plane remembers of each call: who, acting as whom, did what, and never a secret."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.data_plane.wire.handmade import send
from twinplane.data_plane.testing import RunningPlane

ROLE = "Recorded"
TRUSTS_THE_ACCOUNT = {
    "Effect": "Allow",
    "Principal": {"AWS": "111122223333"},
    "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [TRUSTS_THE_ACCOUNT]})


@pytest.fixture(scope="module")
def session(plane: RunningPlane) -> dict[str, Any]:
    """Credentials of a role that may do nothing, taken by `administrator` under a source identity."""
    plane.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=TRUST)
    answer = plane.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::111122223333:role/{ROLE}", RoleSessionName="walk", SourceIdentity="request-7"
    )
    return dict(answer["Credentials"])


def records(plane: RunningPlane, name: str) -> list[dict[str, Any]]:
    """The records of an operation, newest first."""
    wanted = [{"AttributeKey": "EventName", "AttributeValue": name}]
    found = plane.client("cloudtrail").lookup_events(LookupAttributes=wanted)["Events"]
    return [json.loads(event["CloudTrailEvent"]) for event in found]


def test_a_change_is_recorded_with_what_was_asked_and_answered(plane: RunningPlane) -> None:
    answer = plane.client("iam").create_user(UserName="recorded", Path="/team/")
    record = records(plane, "CreateUser")[0]
    assert record["requestParameters"] == {"userName": "recorded", "path": "/team/"}
    assert record["responseElements"]["user"]["userName"] == "recorded"
    assert record["requestID"] == answer["ResponseMetadata"]["RequestId"]
    assert (record["eventSource"], record["readOnly"], record["awsRegion"]) == ("iam.amazonaws.com", False, "us-east-1")
    assert record["userIdentity"]["arn"] == "arn:aws:iam::111122223333:user/administrator"
    assert record["sourceIPAddress"] == "127.0.0.1"
    assert record["userAgent"].startswith("Boto3/")


def test_a_read_is_recorded_without_its_answer(plane: RunningPlane) -> None:
    plane.client("iam").get_user(UserName="administrator")
    record = records(plane, "GetUser")[0]
    assert (record["readOnly"], record["responseElements"]) == (True, None)
    assert record["requestParameters"] == {"userName": "administrator"}


def test_a_session_is_recorded_with_its_role_and_source_identity(plane: RunningPlane, session: dict[str, Any]) -> None:
    plane.client("sts", session).get_caller_identity()
    identity = records(plane, "GetCallerIdentity")[0]["userIdentity"]
    assert identity["type"] == "AssumedRole"
    assert identity["arn"] == f"arn:aws:sts::111122223333:assumed-role/{ROLE}/walk"
    assert identity["accessKeyId"] == session["AccessKeyId"]
    assert identity["sessionContext"]["sessionIssuer"]["arn"] == f"arn:aws:iam::111122223333:role/{ROLE}"
    assert identity["sessionContext"]["sourceIdentity"] == "request-7"
    assert "onBehalfOf" not in identity


def test_a_refusal_is_recorded_with_its_reason(plane: RunningPlane, session: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        plane.client("iam", session).create_user(UserName="nobody")
    record = records(plane, "CreateUser")[0]
    assert record["errorCode"] == "AccessDenied"  # as the client is told
    assert "not authorized to perform: iam:CreateUser" in record["errorMessage"]
    assert record["requestParameters"] == {"userName": "nobody"}


def test_a_request_that_cannot_be_read_is_recorded_as_refused(plane: RunningPlane) -> None:
    with pytest.raises(ClientError):
        plane.client("iam").get_role(RoleName="no spaces here")
    assert records(plane, "GetRole")[0]["errorCode"] == "ValidationError"


def test_nobody_can_claim_another_person_or_address_by_a_header(plane: RunningPlane) -> None:
    client = plane.client("sts")

    def claim(request: Any, **_: Any) -> None:
        request.headers["X-On-Behalf-Of"] = "someone"
        request.headers["X-Forwarded-For"] = "203.0.113.9"

    client.meta.events.register("before-send", claim)
    client.get_caller_identity()
    record = records(plane, "GetCallerIdentity")[0]
    assert ("onBehalfOf" in record["userIdentity"], record["sourceIPAddress"]) == (False, "127.0.0.1")


def test_no_secret_is_recorded_or_logged(plane: RunningPlane, session: dict[str, Any]) -> None:
    key = plane.client("iam").create_access_key(UserName="recorded")["AccessKey"]
    record = records(plane, "CreateAccessKey")[0]
    assert record["responseElements"]["accessKey"]["accessKeyId"] == key["AccessKeyId"]
    s3 = plane.client("s3")
    s3.create_bucket(Bucket="recorded")
    s3.put_object(Bucket="recorded", Key="k", Body=b"the body of an object")
    secrets = [
        key["SecretAccessKey"], session["SecretAccessKey"], session["SessionToken"],
        plane.administrator()["aws_secret_access_key"], "the body of an object",
    ]  # fmt: skip
    kept = json.dumps(plane.client("cloudtrail").lookup_events(), default=str)
    assert records(plane, "PutObject")[0]["requestParameters"].items() >= {"bucketName": "recorded", "key": "k"}.items()
    kept += (plane.state / "plane.log").read_text()
    assert [secret for secret in secrets if secret in kept] == []


def test_what_the_model_calls_sensitive_is_hidden(plane: RunningPlane) -> None:
    instances = plane.client("sso-admin").list_instances()["Instances"]
    plane.client("identitystore").create_user(
        IdentityStoreId=instances[0]["IdentityStoreId"],
        UserName="private",
        DisplayName="A Private Person",
        Name={"GivenName": "Private", "FamilyName": "Person"},
    )
    hidden = records(plane, "CreateUser")[0]["requestParameters"]
    assert (hidden["userName"], hidden["displayName"]) == ("HIDDEN_DUE_TO_SECURITY_REASONS",) * 2


def test_calls_nobody_signed_are_not_recorded(plane: RunningPlane) -> None:
    before = len(records(plane, "ListUsers"))
    send(plane, "POST", "/", b"Action=ListUsers", {"Content-Type": "application/x-www-form-urlencoded"})
    assert len(records(plane, "ListUsers")) == before
