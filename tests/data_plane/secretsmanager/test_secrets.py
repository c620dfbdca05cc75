"""Secrets Manager, through boto3."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from twinplane.data_plane.testing import RunningPlane


@pytest.fixture(scope="module")
def secrets(plane: RunningPlane) -> Any:
    return plane.client("secretsmanager")


def refused(code: str) -> Any:
    return pytest.raises(ClientError, match=code)


def test_a_secret_is_read_by_name_and_by_arn(secrets: Any) -> None:
    made = secrets.create_secret(Name="db/orders", SecretString="hidden", Description="of the shop")
    assert made["ARN"].startswith("arn:aws:secretsmanager:us-east-1:111122223333:secret:db/orders-")
    for name in ("db/orders", made["ARN"], made["ARN"][:-7]):
        assert secrets.get_secret_value(SecretId=name)["SecretString"] == "hidden"
    described = secrets.describe_secret(SecretId="db/orders")
    assert (described["Description"], described["VersionIdsToStages"]) == (
        "of the shop", {made["VersionId"]: ["AWSCURRENT"]}
    )  # fmt: skip
    with refused("ResourceExistsException"):
        secrets.create_secret(Name="db/orders", SecretString="other")
    with refused("ResourceNotFoundException"):
        secrets.get_secret_value(SecretId="db/nothing")


def test_a_new_value_keeps_the_one_before(secrets: Any) -> None:
    first = secrets.create_secret(Name="rotated", SecretBinary=b"\x00one")["VersionId"]
    secrets.put_secret_value(SecretId="rotated", SecretString="two")
    third = secrets.put_secret_value(SecretId="rotated", SecretString="three")
    assert third["VersionStages"] == ["AWSCURRENT"]
    assert secrets.get_secret_value(SecretId="rotated")["SecretString"] == "three"
    assert secrets.get_secret_value(SecretId="rotated", VersionStage="AWSPREVIOUS")["SecretString"] == "two"
    assert secrets.get_secret_value(SecretId="rotated", VersionId=first)["SecretBinary"] == b"\x00one"
    with refused("InvalidParameterException"):
        secrets.put_secret_value(SecretId="rotated", SecretString="a", SecretBinary=b"b")


def test_a_deleted_secret_can_be_restored_unless_it_was_forced(secrets: Any) -> None:
    secrets.create_secret(Name="gone", SecretString="x")
    secrets.delete_secret(SecretId="gone", RecoveryWindowInDays=7)
    with refused("InvalidRequestException"):
        secrets.get_secret_value(SecretId="gone")
    assert "gone" not in [each["Name"] for each in secrets.list_secrets()["SecretList"]]
    secrets.restore_secret(SecretId="gone")
    assert secrets.get_secret_value(SecretId="gone")["SecretString"] == "x"
    secrets.delete_secret(SecretId="gone", ForceDeleteWithoutRecovery=True)
    with refused("ResourceNotFoundException"):
        secrets.describe_secret(SecretId="gone")
    secrets.create_secret(Name="gone", SecretString="y")


def test_pages_of_secrets_hold_all(secrets: Any) -> None:
    for number in range(5):
        secrets.create_secret(Name=f"many/{number}")
    pages = secrets.get_paginator("list_secrets").paginate(PaginationConfig={"PageSize": 2})
    names = [each["Name"] for page in pages for each in page["SecretList"]]
    assert {f"many/{number}" for number in range(5)} <= set(names)


def test_policies_may_ask_for_a_secret_s_tags_and_who_may_not_learns_nothing(plane: RunningPlane, secrets: Any) -> None:
    iam = plane.client("iam")
    iam.create_user(UserName="reader")
    allow = {
        "Effect": "Allow",
        "Action": "secretsmanager:GetSecretValue",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/team": "sales"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_user_policy(UserName="reader", PolicyName="own", PolicyDocument=policy)
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    reader = plane.client("secretsmanager", {k: key[k] for k in ("AccessKeyId", "SecretAccessKey")})
    secrets.create_secret(Name="of-sales", SecretString="1", Tags=[{"Key": "team", "Value": "sales"}])
    secrets.create_secret(Name="of-others", SecretString="2", Tags=[{"Key": "team", "Value": "hr"}])
    assert reader.get_secret_value(SecretId="of-sales")["SecretString"] == "1"
    said = []
    for name in ("of-others", "of-nobody"):
        with pytest.raises(ClientError) as caught:
            reader.get_secret_value(SecretId=name)
        said.append(caught.value.response["Error"]["Message"].replace(name, "…"))
    assert said[0] == said[1]


def test_no_value_is_in_the_database_or_the_audit(plane: RunningPlane, secrets: Any) -> None:
    secrets.create_secret(Name="quiet", SecretString="do-not-tell-anyone")
    secrets.get_secret_value(SecretId="quiet")
    events = plane.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventSource", "AttributeValue": "secretsmanager.amazonaws.com"}]
    )["Events"]
    assert {"CreateSecret", "GetSecretValue"} <= {event["EventName"] for event in events}
    assert "do-not-tell-anyone" not in json.dumps(events, default=str)
    files = [file for file in plane.state.rglob("*") if file.is_file()]
    assert [file.name for file in files if b"do-not-tell-anyone" in file.read_bytes()] == []


@pytest.mark.parametrize("name", ["*", "a:secret:b", "a" * 257])
def test_a_name_that_no_secret_can_have_is_refused(plane: RunningPlane, name: str) -> None:
    with pytest.raises(ClientError, match="InvalidParameterException"):
        plane.client("secretsmanager").create_secret(Name=name, SecretString="value")
