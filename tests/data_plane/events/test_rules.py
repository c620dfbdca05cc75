"""Buses, rules and targets through boto3, and events that arrive in queues."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

ACCOUNT = "111122223333"


@pytest.fixture(scope="module")
def events(plane: Any) -> Any:
    return plane.client("events")


class Queue:
    """A queue that lets EventBridge in, unless it is `closed`."""

    def __init__(self, plane: Any, name: str, closed: bool = False, **attributes: str) -> None:
        self.sqs = plane.client("sqs")
        self.arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"
        if not closed:
            attributes["Policy"] = json.dumps({"Version": "2012-10-17", "Statement": {
                "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage",
                "Resource": self.arn, "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:events:*:*:rule/*"}},
            }})  # fmt: skip
        self.url = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]

    def take(self, wait: int = 0) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while messages := self.sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=wait, MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        ).get("Messages", []):  # fmt: skip
            found += messages
            wait = 0
            for message in messages:
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def events(self, wait: int = 0) -> list[Any]:
        return [json.loads(message["Body"]) for message in self.take(wait)]


def refusal(call: Any, **members: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**members)
    return str(refused.value.response["Error"]["Code"])


def rule(events: Any, name: str, pattern: dict[str, Any], *targets: dict[str, Any], **members: Any) -> str:
    arn: str = events.put_rule(Name=name, EventPattern=json.dumps(pattern), **members)["RuleArn"]
    bus = {"EventBusName": members["EventBusName"]} if "EventBusName" in members else {}
    if targets:
        given = [{"Id": str(number), **target} for number, target in enumerate(targets)]
        assert events.put_targets(Rule=name, Targets=given, **bus)["FailedEntryCount"] == 0
    return arn


def entry(source: str, detail: Any, **members: Any) -> dict[str, Any]:
    return {"Source": source, "DetailType": "test", "Detail": json.dumps(detail), **members}


def test_an_event_arrives_whole_at_the_targets_of_the_rules_it_matches(plane: Any, events: Any) -> None:
    queue = Queue(plane, "whole")
    rule(events, "whole", {"source": ["shop"], "detail": {"kind": ["order"]}}, {"Arn": queue.arn})
    answer = events.put_events(Entries=[
        entry("shop", {"kind": "order", "id": 1}, Resources=["arn:x"], Time=1_750_000_000),
        entry("shop", {"kind": "refund"}),
    ])  # fmt: skip
    assert answer["FailedEntryCount"] == 0
    [event] = queue.events()
    assert event == {
        "version": "0", "id": answer["Entries"][0]["EventId"], "detail-type": "test", "source": "shop",
        "account": ACCOUNT, "time": "2025-06-15T15:06:40Z", "region": "us-east-1", "resources": ["arn:x"],
        "detail": {"kind": "order", "id": 1},
    }  # fmt: skip


def test_what_is_wrong_with_one_event_is_said_of_that_one_alone(plane: Any, events: Any) -> None:
    queue = Queue(plane, "one-by-one")
    rule(events, "one-by-one", {"source": ["one"]}, {"Arn": queue.arn})
    good = entry("one", {"n": 1})
    answer = events.put_events(Entries=[
        good, good | {"Detail": "no json"}, good | {"Detail": "[]"}, good | {"Source": ""},
        good | {"Source": "aws.s3"}, {"Source": "one", "Detail": "{}"}, good | {"EventBusName": "not-there"},
    ])  # fmt: skip
    assert answer["FailedEntryCount"] == 5
    assert [each.get("ErrorCode") for each in answer["Entries"]] == [
        None, "MalformedDetail", "MalformedDetail", "InvalidArgument", "NotAuthorizedForSourceException",
        "InvalidArgument", None,
    ]  # fmt: skip
    assert len(queue.events()) == 1
    assert refusal(events.put_events, Entries=[good | {"Detail": '{"a":"' + "x" * 1_048_576 + '"}'}]) == (
        "ValidationException"
    )


def test_a_rule_that_is_disabled_or_removed_hears_nothing(plane: Any, events: Any) -> None:
    queue = Queue(plane, "quiet")
    rule(events, "quiet", {"source": ["quiet"]}, {"Arn": queue.arn})
    events.disable_rule(Name="quiet")
    events.put_events(Entries=[entry("quiet", {"n": 1})])
    events.enable_rule(Name="quiet")
    events.put_events(Entries=[entry("quiet", {"n": 2})])
    assert [event["detail"]["n"] for event in queue.events()] == [2]
    assert refusal(events.delete_rule, Name="quiet") == "ValidationException"
    events.remove_targets(Rule="quiet", Ids=["0"])
    events.put_events(Entries=[entry("quiet", {"n": 3})])
    events.delete_rule(Name="quiet")
    assert refusal(events.describe_rule, Name="quiet") == "ResourceNotFoundException"
    assert queue.events() == []


def test_a_fifo_queue_gets_events_in_the_target_s_group(plane: Any, events: Any) -> None:
    queue = Queue(plane, "ordered.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    target = {"Arn": queue.arn, "SqsParameters": {"MessageGroupId": "orders"}, "InputPath": "$.detail"}
    rule(events, "ordered", {"source": ["ordered"]}, target)
    events.put_events(Entries=[entry("ordered", {"n": n}) for n in range(5)])
    messages = queue.take()
    assert [json.loads(message["Body"]) for message in messages] == [{"n": n} for n in range(5)]
    assert {message["Attributes"]["MessageGroupId"] for message in messages} == {"orders"}
    without = {"Id": "1", "Arn": queue.arn}
    assert refusal(events.put_targets, Rule="ordered", Targets=[without]) == "ValidationException"


def test_a_queue_that_does_not_let_eventbridge_in_gets_nothing_and_the_dead_letter_says_why(
    plane: Any, events: Any
) -> None:
    closed, dead = Queue(plane, "closed", closed=True), Queue(plane, "dead")
    gone = f"arn:aws:sqs:us-east-1:{ACCOUNT}:gone"
    letters = {"DeadLetterConfig": {"Arn": dead.arn}}
    arn = rule(
        events, "closed", {"source": ["closed"]}, {"Arn": closed.arn, **letters}, {"Arn": gone, **letters},
        {"Arn": closed.arn},
    )  # fmt: skip
    events.put_events(Entries=[entry("closed", {"n": 1})])
    assert closed.take() == []
    messages = {m["MessageAttributes"]["TARGET_ARN"]["StringValue"]: m for m in dead.take()}
    assert set(messages) == {closed.arn, gone}
    attributes = {name: value["StringValue"] for name, value in messages[gone]["MessageAttributes"].items()}
    assert attributes["RULE_ARN"] == arn
    assert attributes["ERROR_CODE"] == "NO_RESOURCE"
    assert messages[closed.arn]["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    assert json.loads(messages[gone]["Body"])["detail"] == {"n": 1}


def test_a_template_that_grows_without_bounds_holds_up_nobody(plane: Any, events: Any) -> None:
    dead = Queue(plane, "grown")
    template = '{"a": [' + ",".join(["<aws.events.event.json>"] * 200) + "]}"
    rule(events, "grown", {"source": ["grown"]}, {
        "Arn": dead.arn, "InputTransformer": {"InputTemplate": template}, "DeadLetterConfig": {"Arn": dead.arn},
    })  # fmt: skip
    events.put_events(Entries=[entry("grown", {"x": "y" * 100_000})])
    [letter] = dead.take()
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "INVALID_PARAMETER"
    assert json.loads(letter["Body"])["source"] == "grown"


def test_an_event_goes_from_bus_to_bus_once(plane: Any, events: Any) -> None:
    queue = Queue(plane, "hops")
    for name in ("first", "second"):
        events.create_event_bus(Name=name)
    buses = {name: events.describe_event_bus(Name=name)["Arn"] for name in ("first", "second")}
    rule(events, "in", {"source": ["hops"]}, {"Arn": buses["first"]})
    rule(events, "on", {"source": ["hops"]}, {"Arn": queue.arn}, {"Arn": buses["second"]}, EventBusName="first")
    rule(events, "too-far", {"source": ["hops"]}, {"Arn": queue.arn}, EventBusName="second")
    events.put_events(Entries=[entry("hops", {"n": 1})])
    assert len(queue.events()) == 1
    events.put_events(Entries=[entry("hops", {"n": 2}, EventBusName=buses["second"])])
    assert [event["detail"]["n"] for event in queue.events()] == [2]


def test_buses_are_made_listed_and_removed(events: Any) -> None:
    arn = events.create_event_bus(Name="orders", Description="d", Tags=[{"Key": "a", "Value": "b"}])["EventBusArn"]
    assert arn == f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/orders"
    assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    names = [bus["Name"] for bus in events.list_event_buses()["EventBuses"]]
    assert {"default", "orders"} <= set(names)
    assert refusal(events.create_event_bus, Name="orders") == "ResourceAlreadyExistsException"
    assert refusal(events.create_event_bus, Name="default") == "ResourceAlreadyExistsException"
    rule(events, "r", {"source": ["x"]}, EventBusName="orders")
    assert refusal(events.delete_event_bus, Name="orders") == "ValidationException"
    events.delete_rule(Name="r", EventBusName="orders")
    events.delete_event_bus(Name="orders")
    assert refusal(events.describe_event_bus, Name="orders") == "ResourceNotFoundException"
    assert refusal(events.delete_event_bus, Name="default") == "ValidationException"


def test_rules_and_targets_are_listed_page_by_page(plane: Any, events: Any) -> None:
    for number in range(5):
        rule(events, f"paged-{number}", {"source": ["paged"]}, {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:paged"})
    first = events.list_rules(NamePrefix="paged-", Limit=3)
    rest = events.list_rules(NamePrefix="paged-", Limit=3, NextToken=first["NextToken"])
    assert [r["Name"] for r in (*first["Rules"], *rest["Rules"])] == [f"paged-{n}" for n in range(5)]
    assert "NextToken" not in rest
    names = events.list_rule_names_by_target(TargetArn=f"arn:aws:sqs:us-east-1:{ACCOUNT}:paged")["RuleNames"]
    assert names == [f"paged-{n}" for n in range(5)]
    [target] = events.list_targets_by_rule(Rule="paged-0")["Targets"]
    assert target == {"Id": "0", "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:paged"}


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"EventPattern": "{}"}, "InvalidEventPatternException"),
        ({"EventPattern": '{"source": "x"}'}, "InvalidEventPatternException"),
        ({"ScheduleExpression": "rate(5 seconds)"}, "ValidationException"),
        ({}, "ValidationException"),
        ({"EventPattern": '{"source": ["x"]}', "EventBusName": "missing"}, "ResourceNotFoundException"),
    ],
)
def test_a_rule_that_is_none_is_refused(events: Any, members: dict[str, Any], code: str) -> None:
    assert refusal(events.put_rule, Name="refused", **members) == code
    assert refusal(events.describe_rule, Name="refused") == "ResourceNotFoundException"


def test_targets_that_are_not_served_and_too_many_are_refused(events: Any) -> None:
    rule(events, "full", {"source": ["full"]})
    function = {"Id": "1", "Arn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"}
    assert refusal(events.put_targets, Rule="full", Targets=[function]) == "NotImplemented"
    queue = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"
    six = [{"Id": str(number), "Arn": queue} for number in range(6)]
    assert refusal(events.put_targets, Rule="full", Targets=six) == "LimitExceededException"
    both = [{"Id": "1", "Arn": queue, "Input": "{}", "InputPath": "$"}]
    assert refusal(events.put_targets, Rule="full", Targets=both) == "ValidationException"
    assert events.list_targets_by_rule(Rule="full")["Targets"] == []
    missing = events.remove_targets(Rule="full", Ids=["9"])
    assert missing["FailedEntries"][0]["ErrorCode"] == "ResourceNotFoundException"


def test_a_pattern_can_be_tried(events: Any) -> None:
    event = {
        "id": "1",
        "account": ACCOUNT,
        "source": "s",
        "time": "t",
        "region": "r",
        "resources": [],
        "detail-type": "d",
    }
    given = {"Event": json.dumps(event | {"detail": {"a": 1}})}
    assert events.test_event_pattern(EventPattern='{"detail": {"a": [1]}}', **given)["Result"]
    assert not events.test_event_pattern(EventPattern='{"detail": {"a": [2]}}', **given)["Result"]
    assert refusal(events.test_event_pattern, EventPattern="{", **given) == "InvalidEventPatternException"
    assert refusal(events.test_event_pattern, EventPattern='{"a": [1]}', Event="{}") == "ValidationException"
    huge = json.dumps({**json.loads(given["Event"]), "detail": "x" * 2**20})
    assert refusal(events.test_event_pattern, EventPattern='{"a": [1]}', Event=huge) == "ValidationException"


def test_what_is_not_served_says_so(events: Any) -> None:
    assert refusal(events.create_archive, ArchiveName="a", EventSourceArn="arn:aws:events:x") == "NotImplemented"


# Who may


def test_rights_decide_on_buses_and_the_policy_of_a_bus_lets_others_in(plane: Any, events: Any) -> None:
    iam = plane.client("iam")
    arn = iam.create_user(UserName="teller")["User"]["Arn"]
    teller = plane.client("events", iam.create_access_key(UserName="teller")["AccessKey"])
    bus = events.create_event_bus(Name="told")["EventBusArn"]
    mine = [entry("mine", {}, EventBusName="told")]
    assert refusal(teller.put_events, Entries=mine).startswith("AccessDenied")
    assert refusal(teller.list_rules).startswith("AccessDenied")
    assert refusal(teller.describe_event_bus, Name="not-there").startswith("AccessDenied")
    events.put_permission(EventBusName="told", Policy=json.dumps({"Version": "2012-10-17", "Statement": {
        "Sid": "one", "Effect": "Allow", "Principal": {"AWS": arn}, "Action": "events:PutEvents", "Resource": bus,
        "Condition": {"StringEquals": {"events:source": "mine"}},
    }}))  # fmt: skip
    assert teller.put_events(Entries=mine)["FailedEntryCount"] == 0
    other = [entry("theirs", {}, EventBusName="told")]
    assert refusal(teller.put_events, Entries=other).startswith("AccessDenied")
    events.put_permission(EventBusName="told", Action="events:PutEvents", Principal="999988887777", StatementId="two")
    policy = json.loads(events.describe_event_bus(Name="told")["Policy"])
    assert [statement["Sid"] for statement in policy["Statement"]] == ["one", "two"]
    events.remove_permission(EventBusName="told", RemoveAllPermissions=True)
    assert refusal(teller.put_events, Entries=mine).startswith("AccessDenied")


# What the plane itself tells


def test_calls_that_change_something_are_events_and_a_consumer_does_not_hear_itself(plane: Any, events: Any) -> None:
    queue = Queue(plane, "calls")
    rule(events, "calls", {"detail-type": ["AWS API Call via CloudTrail"]}, {"Arn": queue.arn})
    plane.client("glue").create_database(DatabaseInput={"Name": "heard"})
    plane.client("glue").get_database(Name="heard")
    with pytest.raises(ClientError):
        plane.client("glue").create_database(DatabaseInput={"Name": "heard"})
    found: dict[str, list[Any]] = {}
    told = queue.events(wait=5)
    told += queue.events(wait=1)  # refusals are recorded a moment later
    for event in told:
        found.setdefault(event["detail"]["eventName"], []).append(event)
    first, refused = found["CreateDatabase"]
    assert (first["source"], first["detail"]["requestParameters"]["databaseInput"]["name"]) == ("aws.glue", "heard")
    assert first["detail"]["userIdentity"]["userName"] == "administrator"
    assert refused["detail"]["errorCode"] == "AlreadyExistsException"
    assert "GetDatabase" not in found
    assert queue.events() == []  # what the consumer did, receive and delete, is no event
    events.remove_targets(Rule="calls", Ids=["0"])


def test_calls_that_only_read_go_to_rules_that_ask_for_them(plane: Any, events: Any) -> None:
    queue = Queue(plane, "reads")
    pattern = {"source": ["aws.sts"], "detail": {"eventName": ["GetCallerIdentity"]}}
    state = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
    rule(events, "reads", pattern, {"Arn": queue.arn}, State=state)
    plane.client("sts").get_caller_identity()
    assert [event["detail"]["readOnly"] for event in queue.events(wait=5)] == [True]
    events.remove_targets(Rule="reads", Ids=["0"])


def test_a_schedule_is_kept_with_its_rule(events: Any) -> None:
    events.put_rule(Name="nightly", ScheduleExpression="cron(0 3 * * ? *)")
    assert events.describe_rule(Name="nightly")["ScheduleExpression"] == "cron(0 3 * * ? *)"
    events.delete_rule(Name="nightly")
