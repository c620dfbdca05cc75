"""The event history through boto3: found by every attribute, newest first, page by page."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole"},
    }
)


class Trail:
    def __init__(self, plane: Any) -> None:
        self.client = plane.client("cloudtrail")

    def look(self, key: str | None = None, value: str = "", **members: Any) -> list[dict[str, Any]]:
        attributes = [{"AttributeKey": key, "AttributeValue": value}] if key else []
        pages = self.client.get_paginator("lookup_events").paginate(LookupAttributes=attributes, **members)
        return [event for page in pages for event in page["Events"]]

    def wait(self, count: int, key: str, value: str) -> list[dict[str, Any]]:
        """The events once there are that many: reads are recorded just after their answer."""
        deadline = time.time() + 5
        while len(found := self.look(key, value)) < count and time.time() < deadline:
            time.sleep(0.05)
        return found


@pytest.fixture(scope="module")
def trail(plane: Any) -> Trail:
    iam = plane.client("iam")
    for number in range(7):
        iam.create_role(RoleName=f"Role{number}", AssumeRolePolicyDocument=TRUST)
    for number in range(3):
        iam.get_role(RoleName=f"Role{number}")
    trail = Trail(plane)
    trail.wait(3, "EventName", "GetRole")
    return trail


def test_events_are_found_by_name_newest_first(trail: Trail) -> None:
    made = trail.look("EventName", "CreateRole")
    roles = [json.loads(event["CloudTrailEvent"])["requestParameters"]["roleName"] for event in made]
    assert roles == [f"Role{number}" for number in reversed(range(7))]
    assert len({event["EventId"] for event in made}) == 7


def test_pages_neither_repeat_nor_lose_events(trail: Trail) -> None:
    whole = [event["EventId"] for event in trail.look("EventName", "CreateRole")]
    pages = trail.client.get_paginator("lookup_events").paginate(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateRole"}],
        PaginationConfig={"PageSize": 3},
    )
    found = [[event["EventId"] for event in page["Events"]] for page in pages]
    assert [len(page) for page in found] == [3, 3, 1]
    assert [event for page in found for event in page] == whole


def test_a_token_of_another_question_is_refused(trail: Trail) -> None:
    def ask(name: str, **members: Any) -> Any:
        return trail.client.lookup_events(
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}], MaxResults=2, **members
        )

    token = ask("CreateRole")["NextToken"]
    assert ask("CreateRole", NextToken=token)["Events"]
    with pytest.raises(ClientError) as refused:
        ask("GetRole", NextToken=token)
    assert refused.value.response["Error"]["Code"] == "InvalidNextTokenException"


def test_events_are_found_by_every_attribute(plane: Any, trail: Trail) -> None:
    [event] = [e for e in trail.look("EventName", "GetRole") if "Role1" in e["CloudTrailEvent"]]
    arn = "arn:aws:iam::111122223333:role/Role1"
    assert event["Resources"] == [{"ResourceType": "AWS::IAM::Role", "ResourceName": arn}]
    for key, value in (
        ("EventId", event["EventId"]),
        ("EventName", "GetRole"),
        ("EventSource", "iam.amazonaws.com"),
        ("ReadOnly", "true"),
        ("Username", "administrator"),
        ("AccessKeyId", plane.administrator()["aws_access_key_id"]),
        ("ResourceName", arn),
        ("ResourceType", "AWS::IAM::Role"),
    ):
        assert event["EventId"] in [found["EventId"] for found in trail.look(key, value)], key
    for key, value in (
        ("EventId", "00000000-0000-4000-8000-000000000000"),
        ("EventSource", "s3.amazonaws.com"),
        ("ReadOnly", "false"),
        ("Username", "somebody"),
        ("AccessKeyId", "AKIAAAAAAAAAAAAAAAAA"),
        ("ResourceName", "arn:aws:iam::111122223333:role/Role2"),
    ):
        assert event["EventId"] not in [found["EventId"] for found in trail.look(key, value)], key


def test_events_by_resource_type_come_page_by_page(trail: Trail) -> None:
    whole = [event["EventId"] for event in trail.look("ResourceType", "AWS::IAM::Role")]
    assert len(whole) == len(set(whole)) >= 10
    paged = trail.look("ResourceType", "AWS::IAM::Role", PaginationConfig={"PageSize": 4})
    assert [event["EventId"] for event in paged] == whole


def test_a_time_range_limits_the_events(trail: Trail) -> None:
    now = datetime.now(UTC)
    hour = timedelta(hours=1)
    assert len(trail.look("EventName", "CreateRole", StartTime=now - hour, EndTime=now + hour)) == 7
    assert trail.look("EventName", "CreateRole", StartTime=now + hour, EndTime=now + 2 * hour) == []
    assert trail.look("EventName", "CreateRole", StartTime=now - 2 * hour, EndTime=now - hour) == []


@pytest.mark.parametrize(
    ("members", "code"),
    [
        (
            {"LookupAttributes": [{"AttributeKey": "ReadOnly", "AttributeValue": "maybe"}]},
            "InvalidLookupAttributesException",
        ),
        (
            {
                "LookupAttributes": [
                    {"AttributeKey": "EventName", "AttributeValue": "a"},
                    {"AttributeKey": "Username", "AttributeValue": "b"},
                ]
            },
            "InvalidLookupAttributesException",
        ),
        (
            {"StartTime": datetime(2030, 1, 2, tzinfo=UTC), "EndTime": datetime(2030, 1, 1, tzinfo=UTC)},
            "InvalidTimeRangeException",
        ),
        ({"NextToken": "made-up"}, "InvalidNextTokenException"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(trail: Trail, members: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as refused:
        trail.client.lookup_events(**members)
    assert refused.value.response["Error"]["Code"] == code


def test_nothing_unusual_is_known_and_other_categories_are_refused(trail: Trail) -> None:
    assert trail.client.lookup_events(EventCategory="insight")["Events"] == []


def test_what_is_done_to_messages_is_a_data_event(plane: Any, trail: Trail) -> None:
    sqs = plane.client("sqs")
    url = sqs.create_queue(QueueName="seen")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="m")
    for name, management in (("CreateQueue", True), ("SendMessage", False)):
        [event] = trail.look("EventName", name)
        record = json.loads(event["CloudTrailEvent"])
        assert record["managementEvent"] is management
        assert record["eventCategory"] == ("Management" if management else "Data")
        assert event["Resources"] == [
            {"ResourceType": "AWS::SQS::Queue", "ResourceName": "arn:aws:sqs:us-east-1:111122223333:seen"}
        ]


def test_a_refused_call_is_an_event_with_its_error(plane: Any, trail: Trail) -> None:
    with pytest.raises(ClientError):
        plane.client("iam").get_role(RoleName="Missing")
    found = trail.wait(4, "EventName", "GetRole")
    record = json.loads(found[0]["CloudTrailEvent"])
    assert record["errorCode"] in ("NoSuchEntity", "NoSuchEntityException")
    assert record["requestParameters"] == {"roleName": "Missing"}
