"""Errors as each protocol writes them, the ids of requests, and what makes clients try again."""

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.data_plane.wire.handmade import Answered, send, signed_headers
from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.testing import RunningPlane
from twinplane.data_plane.wire.body import FileRange
from twinplane.data_plane.wire.http import HttpResponse
from twinplane.data_plane.wire.service import ServiceWire

SQS = "{http://queue.amazonaws.com/doc/2012-11-05/}"


def answer_of(service: str, code: str, **members: Any) -> HttpResponse:
    return ServiceWire(service).error(ServiceError(code, "why", **members), "the-request")


# Ids


def test_s3_gives_a_request_two_ids_and_others_one(plane: RunningPlane) -> None:
    listed = plane.client("s3").list_buckets()["ResponseMetadata"]
    assert listed["RequestId"]
    assert listed["HostId"] == listed["HTTPHeaders"]["x-amz-id-2"]
    called = plane.client("sts").get_caller_identity()["ResponseMetadata"]
    assert called["RequestId"] == called["HTTPHeaders"]["x-amzn-requestid"]
    assert "x-amz-id-2" not in called["HTTPHeaders"]
    with pytest.raises(ClientError) as caught:
        plane.client("s3").get_object(Bucket="no-such-bucket-at-all", Key="k")
    metadata = caught.value.response["ResponseMetadata"]
    assert (metadata["RequestId"], metadata["HostId"]) == (
        metadata["HTTPHeaders"]["x-amz-request-id"], metadata["HTTPHeaders"]["x-amz-id-2"],
    )  # fmt: skip


# Throttling


THROTTLED = [
    ("glue", "ThrottlingException", 400),
    ("athena", "TooManyRequestsException", 400),
    ("datazone", "ThrottlingException", 429),
    ("identitystore", "ThrottlingException", 400),
    ("sts", "Throttling", 400),
    ("iam", "Throttling", 400),
    ("s3", "SlowDown", 503),
]


@pytest.mark.parametrize(("service", "code", "status"), THROTTLED)
def test_too_many_calls_are_told_to_come_back(service: str, code: str, status: int) -> None:
    raised = code if code == "TooManyRequestsException" else "ThrottlingException"
    response = answer_of(service, raised)
    assert (response.status, response.headers["Retry-After"]) == (status, "1")
    assert isinstance(response.body, bytes)
    assert code.encode() in response.body


@pytest.mark.parametrize(
    ("service", "call"),
    [
        ("glue", lambda c: c.get_database(Name="d")["Database"]["Name"]),
        ("datazone", lambda c: c.get_domain(identifier="dzd_1234567")["name"]),
        ("sts", lambda c: c.get_caller_identity()["Account"]),
        ("s3", lambda c: c.get_bucket_tagging(Bucket="b")["TagSet"][0]["Key"]),
    ],
)
@pytest.mark.parametrize("mode", ["legacy", "standard"])
def test_a_client_that_is_throttled_tries_again(service: str, call: Any, mode: str) -> None:
    """A server that throttles once with our answer, then gives one."""
    wire, asked = ServiceWire(service), []
    operation, given = {
        "glue": ("GetDatabase", {"Database": {"Name": "x"}}),
        "datazone": ("GetDomain", {"id": "d", "status": "AVAILABLE", "name": "x"}),
        "sts": ("GetCallerIdentity", {"Account": "x"}),
        "s3": ("GetBucketTagging", {"TagSet": [{"Key": "x", "Value": "y"}]}),
    }[service]
    good = wire.codec(wire.model.operations[operation]).serialise(dict(given), "id")

    class Server(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked.append(self.path)
            response = answer_of(service, "ThrottlingException") if len(asked) < 2 else good
            assert not isinstance(response.body, FileRange)
            self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(response.body)))
            self.end_headers()
            self.wfile.write(response.body)

        do_GET = do_POST = answer

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Server) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        client = boto3.client(
            service, region_name="us-east-1", endpoint_url=f"http://127.0.0.1:{server.server_port}",
            aws_access_key_id="a", aws_secret_access_key="b",
            config=Config(retries={"mode": mode, "max_attempts": 4}, s3={"addressing_style": "path"}),
        )  # fmt: skip
        assert call(client) == "x"
        server.shutdown()
    assert len(asked) == 2


# A service in two protocols


def asked_of_sqs(plane: RunningPlane, **form: str) -> Answered:
    """A request as clients before 2023 sent it."""
    body = urlencode({"Version": "2012-11-05", **form}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    return send(plane, "POST", "/", body, signed_headers(plane, "POST", "/", body, headers, service="sqs"))


def test_sqs_answers_its_older_clients_in_their_own_form(plane: RunningPlane) -> None:
    timeout = {"Attribute.1.Name": "VisibilityTimeout", "Attribute.1.Value": "7"}
    made = asked_of_sqs(plane, Action="CreateQueue", QueueName="old", **timeout)
    assert made.status == 200
    url = ElementTree.fromstring(made.body).findtext(f"{SQS}CreateQueueResult/{SQS}QueueUrl")
    client = plane.client("sqs")
    assert client.get_queue_url(QueueName="old")["QueueUrl"] == url
    assert url is not None
    sent = asked_of_sqs(plane, Action="SendMessage", QueueUrl=url, MessageBody="<hello>", **{
        "MessageAttribute.1.Name": "colour", "MessageAttribute.1.Value.DataType": "String",
        "MessageAttribute.1.Value.StringValue": "red"})  # fmt: skip
    assert sent.status == 200
    received = asked_of_sqs(
        plane, Action="ReceiveMessage", QueueUrl=url, **{"AttributeName.1": "All", "MessageAttributeName.1": "All"}
    )
    message = ElementTree.fromstring(received.body).find(f"{SQS}ReceiveMessageResult/{SQS}Message")
    assert message is not None
    assert message.findtext(f"{SQS}Body") == "<hello>"
    assert message.findtext(f"{SQS}MessageAttribute/{SQS}Name") == "colour"
    assert message.findtext(f"{SQS}MessageAttribute/{SQS}Value/{SQS}StringValue") == "red"
    attributes = {a.findtext(f"{SQS}Name"): a.findtext(f"{SQS}Value") for a in message.iter(f"{SQS}Attribute")}
    assert attributes["ApproximateReceiveCount"] == "1"
    batch = asked_of_sqs(plane, Action="SendMessageBatch", QueueUrl=url, **{
        "SendMessageBatchRequestEntry.1.Id": "one", "SendMessageBatchRequestEntry.1.MessageBody": "1",
        "SendMessageBatchRequestEntry.2.Id": "two", "SendMessageBatchRequestEntry.2.MessageBody": "2"})  # fmt: skip
    entries = ElementTree.fromstring(batch.body).iter(f"{SQS}SendMessageBatchResultEntry")
    assert [entry.findtext(f"{SQS}Id") for entry in entries] == ["one", "two"]
    known = asked_of_sqs(plane, Action="GetQueueAttributes", QueueUrl=url, **{"AttributeName.1": "VisibilityTimeout"})
    attribute = ElementTree.fromstring(known.body).find(f"{SQS}GetQueueAttributesResult/{SQS}Attribute")
    assert attribute is not None
    assert attribute.findtext(f"{SQS}Value") == "7"


def test_an_error_of_sqs_has_its_old_code_in_both_forms(plane: RunningPlane) -> None:
    old = "AWS.SimpleQueueService.NonExistentQueue"
    refused = asked_of_sqs(plane, Action="GetQueueUrl", QueueName="none")
    assert refused.status == 400
    assert ElementTree.fromstring(refused.body).findtext(f"{SQS}Error/{SQS}Code") == old
    client = plane.client("sqs")
    with pytest.raises(client.exceptions.QueueDoesNotExist) as caught:
        client.get_queue_url(QueueName="none")
    assert caught.value.response["Error"]["Code"] == old
    assert caught.value.response["Error"]["QueryErrorCode"] == "QueueDoesNotExist"
    assert caught.value.response["ResponseMetadata"]["HTTPHeaders"]["x-amzn-query-error"] == f"{old};Sender"


def test_members_of_an_error_go_where_the_model_says() -> None:
    conflict = answer_of("athena", "InvalidRequestException", AthenaErrorCode="SYNTAX")
    assert json.loads(bytes(conflict.body))["AthenaErrorCode"] == "SYNTAX"  # type: ignore[arg-type]
    missing = answer_of("s3", "NoSuchKey", Key="a&b")
    assert b"<Key>a&amp;b</Key>" in bytes(missing.body)  # type: ignore[arg-type]


def test_an_entry_of_a_map_without_its_value_is_the_sender_s_fault(plane: RunningPlane) -> None:
    named = {"MessageAttribute.1.Name": "a"}
    for entries in (named, {"MessageAttribute.1.Value.DataType": "String"}, {"MessageAttribute.1.Name.x": "a"}):
        answered = asked_of_sqs(plane, Action="SendMessage", QueueUrl="q", MessageBody="b", **entries)
        assert answered.status == 400, answered.body
