"""Messages through boto3: sent, received, waited for, hidden, deleted, in order where the queue says so."""

from __future__ import annotations

import hashlib
import http.client
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.config import Config

from tests.data_plane.sqs.test_queues import attributes, refusal
from tests.data_plane.wire.handmade import send, signed_headers


@pytest.fixture(scope="module")
def sqs(plane: Any) -> Any:
    return plane.client("sqs", config=Config(max_pool_connections=20, retries={"total_max_attempts": 1}))


def new_queue(sqs: Any, name: str, **given: str) -> str:
    url: str = sqs.create_queue(QueueName=name, Attributes=given)["QueueUrl"]
    return url


def receive(sqs: Any, url: str, **members: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sqs.receive_message(QueueUrl=url, **members).get("Messages", [])
    return found


def bodies(messages: list[dict[str, Any]]) -> list[str]:
    return [message["Body"] for message in messages]


def test_a_message_comes_as_it_was_sent_with_checksums_of_body_and_attributes(sqs: Any) -> None:
    url = new_queue(sqs, "as-sent")
    given = {
        "city": {"DataType": "String", "StringValue": "Köln"},
        "count": {"DataType": "Number.int", "StringValue": "12"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\x00\x01\xff"},
    }
    sent = sqs.send_message(QueueUrl=url, MessageBody="grüße", MessageAttributes=given)
    assert sent["MD5OfMessageBody"] == hashlib.md5("grüße".encode()).hexdigest()
    # the checksum of these three, by SQS's published algorithm, computed once by hand
    expected = hashlib.md5(
        b"\0\0\0\x04city\0\0\0\x06String\x01\0\0\0\x05K\xc3\xb6ln"
        b"\0\0\0\x05count\0\0\0\x0aNumber.int\x01\0\0\0\x0212"
        b"\0\0\0\x03raw\0\0\0\x06Binary\x02\0\0\0\x03\0\x01\xff"
    ).hexdigest()
    assert sent["MD5OfMessageAttributes"] == expected
    [message] = receive(sqs, url, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"])
    assert (message["MessageId"], message["Body"]) == (sent["MessageId"], "grüße")
    assert message["MessageAttributes"] == given
    assert message["MD5OfMessageAttributes"] == expected
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert set(message["Attributes"]) == {
        "SenderId", "SentTimestamp", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp",
    }  # fmt: skip


def test_attributes_come_only_when_asked_for_also_by_prefix(sqs: Any) -> None:
    url = new_queue(sqs, "asked-for", VisibilityTimeout="0")
    text = {"DataType": "String", "StringValue": "x"}
    sqs.send_message(QueueUrl=url, MessageBody="b", MessageAttributes={"a.one": text, "a.two": text, "b": text})
    for names, expected in (([], None), (["b"], {"b"}), (["a.*"], {"a.one", "a.two"}), (["nothing"], None)):
        [message] = receive(sqs, url, MessageAttributeNames=names)
        assert (set(message["MessageAttributes"]) if expected else None) == expected, names


def test_a_received_message_is_hidden_until_its_time_is_over(sqs: Any) -> None:
    url = new_queue(sqs, "hidden", VisibilityTimeout="1")
    sqs.send_message(QueueUrl=url, MessageBody="m")
    [first] = receive(sqs, url)
    assert receive(sqs, url) == []
    assert attributes(sqs, url)["ApproximateNumberOfMessagesNotVisible"] == "1"
    [second] = receive(sqs, url, WaitTimeSeconds=5)
    assert second["MessageId"] == first["MessageId"]
    assert second["ReceiptHandle"] != first["ReceiptHandle"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])  # an old handle deletes nothing
    assert attributes(sqs, url)["ApproximateNumberOfMessagesNotVisible"] == "1"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=second["ReceiptHandle"])
    sqs.delete_message(QueueUrl=url, ReceiptHandle=second["ReceiptHandle"])
    assert attributes(sqs, url)["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_visibility_can_be_ended_and_prolonged_while_in_flight(sqs: Any) -> None:
    url = new_queue(sqs, "changed")
    sqs.send_message(QueueUrl=url, MessageBody="m")
    [message] = receive(sqs, url)
    handle = {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}
    code = refusal(sqs.change_message_visibility, **handle, VisibilityTimeout=43201)
    assert code == "InvalidParameterValue"
    sqs.change_message_visibility(**handle, VisibilityTimeout=0)
    assert len(receive(sqs, url, VisibilityTimeout=0)) == 1
    assert refusal(sqs.change_message_visibility, **handle, VisibilityTimeout=5) == "MessageNotInflight"


def test_a_receipt_handle_is_good_for_its_queue_alone(sqs: Any) -> None:
    url, other = new_queue(sqs, "mine"), new_queue(sqs, "yours")
    sqs.send_message(QueueUrl=url, MessageBody="m")
    [message] = receive(sqs, url)
    for handle in (message["ReceiptHandle"], "made-up", ""):
        code = refusal(sqs.delete_message, QueueUrl=other, ReceiptHandle=handle)
        assert code in ("ReceiptHandleIsInvalid",), handle


def test_waiting_ends_as_soon_as_a_message_arrives_and_holds_nobody_up(sqs: Any) -> None:
    url = new_queue(sqs, "waited-for")
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(receive, sqs, url, WaitTimeSeconds=20) for _ in range(8)]
        time.sleep(0.5)
        started = time.monotonic()
        for number in range(8):
            sqs.send_message(QueueUrl=url, MessageBody=str(number))
        found = sorted(body for future in waiting for body in bodies(future.result(15)))
        assert time.monotonic() - started < 15
    assert found == [str(number) for number in range(8)]


def test_waiting_ends_when_a_delay_or_a_timeout_does(sqs: Any) -> None:
    url = new_queue(sqs, "later", DelaySeconds="1")
    sqs.send_message(QueueUrl=url, MessageBody="delayed by its queue")
    assert attributes(sqs, url)["ApproximateNumberOfMessagesDelayed"] == "1"
    assert receive(sqs, url) == []
    assert bodies(receive(sqs, url, WaitTimeSeconds=10)) == ["delayed by its queue"]
    sqs.send_message(QueueUrl=url, MessageBody="at once", DelaySeconds=0)
    assert bodies(receive(sqs, url)) == ["at once"]


def test_who_leaves_while_waiting_takes_no_message_away(plane: Any, sqs: Any) -> None:
    url = new_queue(sqs, "left")
    body = json.dumps({"QueueUrl": url, "WaitTimeSeconds": 20}).encode()
    headers = {"X-Amz-Target": "AmazonSQS.ReceiveMessage", "Content-Type": "application/x-amz-json-1.0"}
    headers = signed_headers(plane, "POST", "/", body, headers, service="sqs")
    connection = http.client.HTTPConnection(plane.endpoint.partition("//")[2])
    connection.request("POST", "/", body, headers)
    connection.sock.settimeout(0.5)
    with pytest.raises(TimeoutError):
        connection.sock.recv(1)
    connection.close()
    time.sleep(0.3)
    sqs.send_message(QueueUrl=url, MessageBody="still here")
    assert bodies(receive(sqs, url, WaitTimeSeconds=2)) == ["still here"]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"MessageBody": ""}, "MissingParameter"),
        ({"MessageBody": "a\x01"}, "InvalidMessageContents"),
        ({"MessageBody": "x" * 1025}, "InvalidParameterValue"),
        ({"MessageBody": "x", "DelaySeconds": 901}, "InvalidParameterValue"),
        ({"MessageBody": "x", "MessageDeduplicationId": "d"}, "InvalidParameterValue"),
        (
            {"MessageBody": "x", "MessageAttributes": {"a": {"DataType": "Text", "StringValue": "x"}}},
            "InvalidParameterValue",
        ),
        (
            {"MessageBody": "x", "MessageAttributes": {"a": {"DataType": "Number", "StringValue": "ten"}}},
            "InvalidParameterValue",
        ),
        (
            {"MessageBody": "x", "MessageAttributes": {"AWS.a": {"DataType": "String", "StringValue": "x"}}},
            "InvalidParameterValue",
        ),
        (
            {"MessageBody": "x", "MessageAttributes": {"a": {"DataType": "String", "StringValue": ""}}},
            "InvalidParameterValue",
        ),
    ],
)
def test_what_cannot_be_sent_is_refused(sqs: Any, message: dict[str, Any], code: str) -> None:
    url = new_queue(sqs, "particular", MaximumMessageSize="1024")
    assert refusal(sqs.send_message, QueueUrl=url, **message) == code
    assert receive(sqs, url) == []


def test_of_a_batch_each_entry_stands_for_itself(sqs: Any) -> None:
    url = new_queue(sqs, "batch")
    answer = sqs.send_message_batch(QueueUrl=url, Entries=[
        {"Id": id_, "MessageBody": body} for id_, body in (("good", "x"), ("bad", "\x01"), ("also-good", "y"))
    ])  # fmt: skip
    assert [entry["Id"] for entry in answer["Successful"]] == ["good", "also-good"]
    assert [(entry["Id"], entry["SenderFault"]) for entry in answer["Failed"]] == [("bad", True)]
    messages = receive(sqs, url, MaxNumberOfMessages=10)
    assert sorted(bodies(messages)) == ["x", "y"]
    handles = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
    changed = sqs.change_message_visibility_batch(
        QueueUrl=url, Entries=[entry | {"VisibilityTimeout": 60} for entry in handles]
    )
    assert len(changed["Successful"]) == 2
    deleted = sqs.delete_message_batch(QueueUrl=url, Entries=[*handles, {"Id": "x", "ReceiptHandle": "made-up"}])
    assert len(deleted["Successful"]) == 2
    assert [entry["Code"] for entry in deleted["Failed"]] == ["ReceiptHandleIsInvalid"]


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ([], "EmptyBatchRequest"),
        ([{"Id": str(n), "MessageBody": "x"} for n in range(11)], "TooManyEntriesInBatchRequest"),
        ([{"Id": "a", "MessageBody": "x"}] * 2, "BatchEntryIdsNotDistinct"),
        ([{"Id": "a b", "MessageBody": "x"}], "InvalidBatchEntryId"),
        ([{"Id": str(n), "MessageBody": "x" * 600_000} for n in range(2)], "BatchRequestTooLong"),
    ],
)
def test_a_batch_that_is_none_is_refused_whole(sqs: Any, entries: list[dict[str, str]], code: str) -> None:
    url = new_queue(sqs, "whole-batch")
    assert refusal(sqs.send_message_batch, QueueUrl=url, Entries=entries) == code
    assert receive(sqs, url) == []


# Order


def fifo(sqs: Any, name: str, **given: str) -> str:
    return new_queue(sqs, f"{name}.fifo", FifoQueue="true", **given)


def test_a_group_of_a_fifo_queue_comes_in_order_and_one_at_a_time(sqs: Any) -> None:
    url = fifo(sqs, "order", ContentBasedDeduplication="true")
    for group, body in (("a", "a1"), ("a", "a2"), ("b", "b1"), ("a", "a3")):
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group)
    [first] = receive(sqs, url)
    assert first["Body"] == "a1"
    assert bodies(receive(sqs, url, MaxNumberOfMessages=10)) == ["b1"]  # a is closed while a1 is in flight
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(receive, sqs, url, MaxNumberOfMessages=10, WaitTimeSeconds=20)
        time.sleep(0.2)
        sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
        assert bodies(waiting.result(10)) == ["a2", "a3"]


def test_a_message_sent_twice_within_five_minutes_is_one(sqs: Any) -> None:
    url = fifo(sqs, "twice", ContentBasedDeduplication="true")
    first = sqs.send_message(QueueUrl=url, MessageBody="m", MessageGroupId="g")
    again = sqs.send_message(QueueUrl=url, MessageBody="m", MessageGroupId="g")
    assert (again["MessageId"], again["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"])
    named = sqs.send_message(QueueUrl=url, MessageBody="m", MessageGroupId="g", MessageDeduplicationId="another")
    assert named["SequenceNumber"] > first["SequenceNumber"]
    assert len(first["SequenceNumber"]) == 20
    assert bodies(receive(sqs, url, MaxNumberOfMessages=10)) == ["m", "m"]


def test_duplicates_may_be_looked_for_in_their_group_only(sqs: Any) -> None:
    url = fifo(sqs, "scoped", DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId")
    for group in ("a", "b", "a"):
        sqs.send_message(QueueUrl=url, MessageBody="m", MessageGroupId=group, MessageDeduplicationId="d")
    found = receive(sqs, url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["MessageGroupId"])
    assert sorted(message["Attributes"]["MessageGroupId"] for message in found) == ["a", "b"]


def test_a_fifo_queue_needs_a_group_and_something_to_tell_duplicates_by(sqs: Any) -> None:
    url = fifo(sqs, "needs")
    assert refusal(sqs.send_message, QueueUrl=url, MessageBody="m") == "MissingParameter"
    assert refusal(sqs.send_message, QueueUrl=url, MessageBody="m", MessageGroupId="g") == "InvalidParameterValue"
    late = {"MessageGroupId": "g", "MessageDeduplicationId": "d", "DelaySeconds": 1}
    assert refusal(sqs.send_message, QueueUrl=url, MessageBody="m", **late) == "InvalidParameterValue"


def test_a_receive_repeated_with_its_attempt_s_id_gets_the_same_again(sqs: Any) -> None:
    url = fifo(sqs, "attempts", ContentBasedDeduplication="true")
    for body in ("1", "2"):
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=body)
    [first] = receive(sqs, url, ReceiveRequestAttemptId="try")
    [again] = receive(sqs, url, ReceiveRequestAttemptId="try")
    assert again["ReceiptHandle"] == first["ReceiptHandle"]
    assert bodies(receive(sqs, url, ReceiveRequestAttemptId="another")) == ["2"]


# Dead letters


def redrive(sqs: Any, dead: str, count: int) -> dict[str, str]:
    target = attributes(sqs, dead)["QueueArn"]
    return {"RedrivePolicy": json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": count})}


def test_what_was_received_too_often_becomes_a_dead_letter_and_can_be_sent_back(sqs: Any) -> None:
    dead = new_queue(sqs, "dead")
    url = new_queue(sqs, "tried", VisibilityTimeout="0", **redrive(sqs, dead, 2))
    sent = sqs.send_message(QueueUrl=url, MessageBody="poison")
    assert [len(receive(sqs, url)) for _ in range(3)] == [1, 1, 0]
    source = attributes(sqs, url)["QueueArn"]
    [letter] = receive(sqs, dead, MessageSystemAttributeNames=["All"], VisibilityTimeout=0)
    assert (letter["MessageId"], letter["Body"]) == (sent["MessageId"], "poison")
    assert letter["Attributes"]["DeadLetterQueueSourceArn"] == source
    assert letter["Attributes"]["ApproximateReceiveCount"] == "3"
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [url]
    task = sqs.start_message_move_task(SourceArn=attributes(sqs, dead)["QueueArn"])
    assert task["TaskHandle"]
    assert bodies(receive(sqs, url, WaitTimeSeconds=10)) == ["poison"]
    [done] = sqs.list_message_move_tasks(SourceArn=attributes(sqs, dead)["QueueArn"])["Results"]
    assert done["ApproximateNumberOfMessagesMoved"] == 1


def test_a_dead_letter_queue_may_refuse_sources(sqs: Any) -> None:
    dead = new_queue(sqs, "closed", RedriveAllowPolicy=json.dumps({"redrivePermission": "denyAll"}))
    given = redrive(sqs, dead, 2)
    assert refusal(sqs.create_queue, QueueName="source", Attributes=given) == "InvalidParameterValue"
    allowed = {"redrivePermission": "byQueue", "sourceQueueArns": ["arn:aws:sqs:us-east-1:111122223333:source"]}
    sqs.set_queue_attributes(QueueUrl=dead, Attributes={"RedriveAllowPolicy": json.dumps(allowed)})
    sqs.create_queue(QueueName="source", Attributes=given)
    assert refusal(sqs.create_queue, QueueName="other", Attributes=given) == "InvalidParameterValue"
    fifo_dead = {**given, "FifoQueue": "true"}
    assert refusal(sqs.create_queue, QueueName="source.fifo", Attributes=fifo_dead) == "InvalidParameterValue"


def test_a_purged_queue_is_empty_and_still_there(sqs: Any) -> None:
    url = new_queue(sqs, "purged")
    sqs.send_message(QueueUrl=url, MessageBody="m")
    sqs.purge_queue(QueueUrl=url)
    assert attributes(sqs, url)["ApproximateNumberOfMessages"] == "0"
    assert receive(sqs, url) == []


def test_a_client_made_for_another_host_of_this_machine_still_finds_the_queue(plane: Any, sqs: Any) -> None:
    url = new_queue(sqs, "any-host")
    foreign = url.replace(plane.endpoint, "http://queue.example:9")
    sqs.send_message(QueueUrl=foreign, MessageBody="m")
    assert bodies(receive(sqs, foreign)) == ["m"]


def test_old_clients_speak_the_query_protocol_to_the_queue_s_own_address(plane: Any, sqs: Any) -> None:
    path = new_queue(sqs, "of-old").removeprefix(plane.endpoint)

    def ask(where: str, **members: str) -> str:
        body = urlencode({"Version": "2012-11-05", **members}).encode()
        headers = signed_headers(
            plane, "POST", where, body, {"Content-Type": "application/x-www-form-urlencoded"}, service="sqs"
        )
        return send(plane, "POST", where, body, headers).body.decode()

    assert "<MD5OfMessageBody>" in ask(path, Action="SendMessage", MessageBody="hi")
    assert "<Body>hi</Body>" in ask(path, Action="ReceiveMessage")
    assert "<Code>AWS.SimpleQueueService.NonExistentQueue</Code>" in ask(path + "-not", Action="ReceiveMessage")
    assert f"{path}</QueueUrl>" in ask("/", Action="GetQueueUrl", QueueName="of-old")
