"""Queues through boto3: made, found, described, shared by policy, removed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

ACCOUNT = "111122223333"


@pytest.fixture(scope="module")
def sqs(plane: Any) -> Any:
    return plane.client("sqs")


def refusal(call: Any, **members: Any) -> str:
    """The name of the error that a call is refused with: the model's, whatever SQS's older protocol called it."""
    with pytest.raises(ClientError) as refused:
        call(**members)
    error = refused.value.response["Error"]
    return str(error.get("QueryErrorCode") or error["Code"])


def attributes(sqs: Any, url: str, *names: str) -> dict[str, str]:
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names) or ["All"])
    found: dict[str, str] = answer.get("Attributes", {})
    return found


def test_making_the_same_queue_again_gives_the_same_url_and_another_one_is_refused(sqs: Any) -> None:
    given = {"VisibilityTimeout": "7", "DelaySeconds": "1"}
    url = sqs.create_queue(QueueName="twice", Attributes=given)["QueueUrl"]
    assert url.endswith(f"/{ACCOUNT}/twice")
    assert sqs.create_queue(QueueName="twice", Attributes=given)["QueueUrl"] == url
    assert sqs.create_queue(QueueName="twice")["QueueUrl"] == url
    assert sqs.get_queue_url(QueueName="twice")["QueueUrl"] == url
    with pytest.raises(sqs.exceptions.QueueNameExists):
        sqs.create_queue(QueueName="twice", Attributes={"VisibilityTimeout": "8"})


def test_a_queue_that_is_not_there_is_said_to_be_missing(sqs: Any) -> None:
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.get_queue_url(QueueName="missing")
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.send_message(QueueUrl=f"http://elsewhere/{ACCOUNT}/missing", MessageBody="x")
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.send_message(QueueUrl="http://elsewhere/999999999999/twice", MessageBody="x")


def test_attributes_are_what_was_set_and_sqs_s_own_otherwise(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="plain")["QueueUrl"]
    assert attributes(sqs, url) == attributes(sqs, url) | {
        "VisibilityTimeout": "30", "MaximumMessageSize": "1048576", "MessageRetentionPeriod": "345600",
        "DelaySeconds": "0", "ReceiveMessageWaitTimeSeconds": "0", "ApproximateNumberOfMessages": "0",
        "QueueArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:plain",
    }  # fmt: skip
    assert "FifoQueue" not in attributes(sqs, url)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "40"})
    assert attributes(sqs, url, "VisibilityTimeout", "Policy") == {"VisibilityTimeout": "40"}


@pytest.mark.parametrize(
    ("name", "given", "code"),
    [
        ("bad name", {}, "InvalidParameterValue"),
        ("x" * 81, {}, "InvalidParameterValue"),
        ("no-suffix", {"FifoQueue": "true"}, "InvalidParameterValue"),
        ("suffix.fifo", {}, "InvalidParameterValue"),
        ("q", {"VisibilityTimeout": "43201"}, "InvalidAttributeValue"),
        ("q", {"VisibilityTimeout": "-1"}, "InvalidAttributeValue"),
        ("q", {"MaximumMessageSize": "1023"}, "InvalidAttributeValue"),
        ("q", {"MessageRetentionPeriod": "59"}, "InvalidAttributeValue"),
        ("q", {"ContentBasedDeduplication": "true"}, "InvalidAttributeName"),
        ("q.fifo", {"FifoQueue": "true", "FifoThroughputLimit": "perMessageGroupId"}, "InvalidAttributeValue"),
        ("q", {"QueueArn": "red"}, "InvalidAttributeName"),
        ("q", {"Policy": "{}"}, "InvalidAttributeValue"),
        ("q", {"RedrivePolicy": "no"}, "InvalidParameterValue"),
        (
            "q",
            {"RedrivePolicy": json.dumps({"deadLetterTargetArn": "arn:aws:sqs:us-east-1:1:x", "maxReceiveCount": 1})},
            "InvalidParameterValue",
        ),
    ],
)
def test_what_a_queue_cannot_be_is_refused(sqs: Any, name: str, given: dict[str, str], code: str) -> None:
    assert refusal(sqs.create_queue, QueueName=name, Attributes=given) == code
    assert name not in [url.rpartition("/")[2] for url in sqs.list_queues().get("QueueUrls", [])]


def test_queues_are_listed_by_prefix_and_page_by_page(sqs: Any) -> None:
    made = [sqs.create_queue(QueueName=f"listed-{number}")["QueueUrl"] for number in range(5)]
    assert sqs.list_queues(QueueNamePrefix="listed-")["QueueUrls"] == made
    pages = sqs.get_paginator("list_queues").paginate(QueueNamePrefix="listed-", PaginationConfig={"PageSize": 2})
    assert [page["QueueUrls"] for page in pages] == [made[:2], made[2:4], made[4:]]
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix="nothing-begins-so")


def test_a_removed_queue_is_gone_with_its_messages(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="short-lived")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="old")
    sqs.delete_queue(QueueUrl=url)
    assert refusal(sqs.receive_message, QueueUrl=url) == "QueueDoesNotExist"
    sqs.create_queue(QueueName="short-lived")
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


def test_tags_are_kept_changed_and_taken_away(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="tagged", tags={"team": "data"})["QueueUrl"]
    sqs.tag_queue(QueueUrl=url, Tags={"stage": "dev"})
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "data", "stage": "dev"}
    sqs.untag_queue(QueueUrl=url, TagKeys=["team"])
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"stage": "dev"}


# Who may


@pytest.fixture(scope="module")
def user(plane: Any) -> Any:
    """A user who may list queues and nothing else: her client and her ARN."""
    iam = plane.client("iam")
    arn = iam.create_user(UserName="reader")["User"]["Arn"]
    iam.put_user_policy(UserName="reader", PolicyName="p", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sqs:ListQueues", "Resource": "*"},
    }))  # fmt: skip
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    return plane.client("sqs", key), arn


def policy(arn: str, effect: str, action: str, principal: str) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": {
        "Effect": effect, "Principal": {"AWS": principal}, "Action": action, "Resource": arn,
    }})  # fmt: skip


def test_the_policy_of_a_queue_lets_in_whom_it_names_and_a_deny_keeps_out(sqs: Any, user: Any) -> None:
    client, user_arn = user
    url = sqs.create_queue(QueueName="shared")["QueueUrl"]
    arn = attributes(sqs, url)["QueueArn"]
    assert refusal(client.send_message, QueueUrl=url, MessageBody="x").startswith("AccessDenied")
    assert refusal(client.send_message, QueueUrl=url + "-not-there", MessageBody="x").startswith("AccessDenied")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy(arn, "Allow", "sqs:SendMessage", user_arn)})
    client.send_message(QueueUrl=url, MessageBody="let in")
    assert refusal(client.receive_message, QueueUrl=url).startswith("AccessDenied")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy(arn, "Deny", "sqs:*", "*")})
    assert refusal(client.send_message, QueueUrl=url, MessageBody="x").startswith("AccessDenied")


def test_permissions_are_added_to_the_policy_and_removed_by_their_label(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="labelled")["QueueUrl"]
    sqs.add_permission(QueueUrl=url, Label="one", AWSAccountIds=[ACCOUNT], Actions=["SendMessage"])
    sqs.add_permission(QueueUrl=url, Label="two", AWSAccountIds=[ACCOUNT], Actions=["*"])
    statements = json.loads(attributes(sqs, url)["Policy"])["Statement"]
    assert [statement["Sid"] for statement in statements] == ["one", "two"]
    assert statements[0]["Action"] == ["SQS:SendMessage"]
    again = {"QueueUrl": url, "Label": "one", "AWSAccountIds": [ACCOUNT], "Actions": ["SendMessage"]}
    assert refusal(sqs.add_permission, **again) == "InvalidParameterValue"
    sqs.remove_permission(QueueUrl=url, Label="one")
    sqs.remove_permission(QueueUrl=url, Label="two")
    assert "Policy" not in attributes(sqs, url)
    assert refusal(sqs.remove_permission, QueueUrl=url, Label="two") == "InvalidParameterValue"
