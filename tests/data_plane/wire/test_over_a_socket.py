"""What arrives over a real socket: odd paths, odd bodies, wrong input, and what is answered."""

import json
import socket
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.data_plane.wire.handmade import Answered, send, signed_headers
from twinplane.data_plane.testing import RunningPlane

BUCKET = "requests"


@pytest.fixture(scope="module", autouse=True)
def _bucket(plane: RunningPlane) -> None:
    plane.client("s3").create_bucket(Bucket=BUCKET)
    plane.client("s3").put_object(Bucket=BUCKET, Key="object", Body=b"0123456789", Metadata={"by": "us"})


def error_of(call: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        call()
    return dict(caught.value.response)


def sent(
    plane: RunningPlane, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None,
    service: str = "s3",
) -> Answered:  # fmt: skip
    """A signed request made by hand."""
    return send(plane, method, path, body, signed_headers(plane, method, path, body, headers, service=service))


# Who is called, and who is not served


def test_everyone_is_told_who_they_are(plane: RunningPlane) -> None:
    identity = plane.client("sts").get_caller_identity()
    assert identity["Arn"] == "arn:aws:iam::111122223333:user/administrator"


def test_health_needs_no_signature(plane: RunningPlane) -> None:
    answered = send(plane, "GET", "/_health")
    assert (answered.status, json.loads(answered.body)) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("service", "call"),
    [
        ("sts", lambda c: c.get_delegated_access_token(TradeInToken="x")),
        ("glue", lambda c: c.list_blueprints()),
        ("datazone", lambda c: c.list_account_pools(domainIdentifier="dzd_1234567")),
        ("s3", lambda c: c.put_bucket_replication(
            Bucket=BUCKET, ReplicationConfiguration={"Role": "r", "Rules": []})),
    ],
)  # fmt: skip
def test_an_operation_that_is_not_served_says_so(plane: RunningPlane, service: str, call: Any) -> None:
    answer = error_of(lambda: call(plane.client(service)))
    assert answer["Error"]["Code"] == "NotImplemented"
    assert "is not served here" in answer["Error"]["Message"]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_an_operation_nobody_knows_is_refused(plane: RunningPlane) -> None:
    target = {"X-Amz-Target": "AWSGlue.DoMagic", "Content-Type": "application/x-amz-json-1.1"}
    answered = sent(plane, "POST", "/", b"{}", target, service="glue")
    assert (answered.status, answered.headers["x-amzn-errortype"]) == (404, "UnknownOperationException")
    answered = sent(plane, "GET", "/no/such/path", service="datazone")
    assert (answered.status, answered.headers["x-amzn-errortype"]) == (404, "UnknownOperationException")


def test_every_answer_has_a_request_id(plane: RunningPlane) -> None:
    one, two = (plane.client("sts").get_caller_identity()["ResponseMetadata"]["RequestId"] for _ in range(2))
    assert one != two
    assert error_of(lambda: plane.client("s3").get_object(Bucket=BUCKET, Key="none"))["ResponseMetadata"]["RequestId"]


# Wrong input


@pytest.mark.parametrize(
    ("service", "code", "call"),
    [
        ("glue", "ValidationException", lambda c: c.get_table(DatabaseName="", Name="t")),
        ("athena", "InvalidRequestException", lambda c: c.get_query_execution(QueryExecutionId="")),
        ("iam", "ValidationError", lambda c: c.get_user(UserName="no spaces")),
        ("datazone", "ValidationException", lambda c: c.get_domain(identifier="not-a-domain")),
    ],
)
def test_input_that_breaks_the_model_is_refused_in_the_services_words(
    plane: RunningPlane, service: str, code: str, call: Any
) -> None:
    client = plane.client(service, config=Config(parameter_validation=False))
    answer = error_of(lambda: call(client))
    assert answer["ResponseMetadata"]["HTTPStatusCode"] in (400, 501)
    assert answer["Error"]["Code"] in (code, "NotImplemented")


def test_a_missing_member_is_named(plane: RunningPlane) -> None:
    client = plane.client("iam", config=Config(parameter_validation=False))
    answer = error_of(lambda: client.create_role(RoleName="r"))
    assert "'assumeRolePolicyDocument'" in answer["Error"]["Message"]
    assert answer["Error"]["Code"] == "ValidationError"


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"\xff", b'{"MaxResults": "many"}', b"[" * 100_000])
def test_a_body_that_is_not_what_it_should_be_is_refused(plane: RunningPlane, body: bytes) -> None:
    target = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents"
    headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
    answered = sent(plane, "POST", "/", body, headers, service="cloudtrail")
    assert (answered.status, answered.headers["x-amzn-errortype"]) == (400, "SerializationException")


@pytest.mark.parametrize(
    "body",
    [
        b"<Delete><Object>",
        b"not xml",
        b'<!DOCTYPE x [<!ENTITY a "b">]><Delete><Object><Key>&a;</Key></Object></Delete>',
        '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x [<!ENTITY a "b">]><Delete/>'.encode("utf-16"),
        b"<Delete>" * 1000 + b"</Delete>" * 1000,
    ],
)
def test_xml_that_is_malformed_or_dangerous_is_refused(plane: RunningPlane, body: bytes) -> None:
    answered = sent(plane, "POST", f"/{BUCKET}?delete", body)
    assert answered.status == 400
    assert b"<Code>MalformedXML</Code>" in answered.body


def test_a_request_longer_than_any_operation_needs_is_refused(plane: RunningPlane) -> None:
    target = {"X-Amz-Target": "AWSGlue.GetDatabases", "Content-Type": "application/x-amz-json-1.1"}
    body = b"{" + b" " * (16 * 1024 * 1024) + b"}"
    answered = sent(plane, "POST", "/", body, target, service="glue")
    assert answered.status == 413


def test_times_travel_to_the_millisecond(plane: RunningPlane) -> None:
    client = plane.client("cloudtrail")
    started = datetime.now(UTC)
    plane.client("iam").create_user(UserName="timed")
    found = client.lookup_events(
        StartTime=started.replace(microsecond=0),
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateUser"}],
    )["Events"]
    assert 0 <= (found[0]["EventTime"] - started).total_seconds() + 0.001 < 60


# Paths


@pytest.mark.parametrize(
    "key", ["a/b", "a//b", "/lead", "trail/", "ü b+c%2F", "x?y#z", "..", "a/../b", "%25", "🎉", "a=b&c"]
)
def test_any_key_is_kept_as_it_is(plane: RunningPlane, key: str) -> None:
    client = plane.client("s3")
    client.put_object(Bucket=BUCKET, Key=key, Body=key.encode())
    assert client.get_object(Bucket=BUCKET, Key=key)["Body"].read() == key.encode()
    listed = client.list_objects_v2(Bucket=BUCKET, Prefix=key)["Contents"]
    assert key in [each["Key"] for each in listed]


def test_percent_encoding_in_a_label_is_decoded_after_matching(plane: RunningPlane) -> None:
    arn = "arn:aws:datazone:us-east-1:111122223333:domain/dzd_nothing"
    answered = sent(plane, "GET", f"/tags/{quote(arn, safe='')}", service="datazone")
    assert answered.headers["x-amzn-errortype"] != "UnknownOperationException"


def test_a_slash_behind_a_bucket_and_a_rest_path_means_nothing(plane: RunningPlane) -> None:
    assert b"<ListBucketResult" in sent(plane, "GET", f"/{BUCKET}/?list-type=2").body
    answered = sent(plane, "GET", "/v2/domains/", service="datazone")
    assert answered.headers.get("x-amzn-errortype") != "UnknownOperationException"


def test_subresources_are_never_mistaken_for_the_bucket_itself(plane: RunningPlane) -> None:
    answered = sent(plane, "PUT", "/a-new-bucket?intelligent-tiering&id=x", b"")
    assert answered.status == 501
    assert error_of(lambda: plane.client("s3").head_bucket(Bucket="a-new-bucket"))["Error"]["Code"] == "404"


# Bodies


def test_an_answer_to_head_has_the_length_but_no_body(plane: RunningPlane) -> None:
    answered = sent(plane, "HEAD", f"/{BUCKET}/object")
    assert (answered.status, answered.headers["content-length"], answered.body) == (200, "10", b"")
    missing = sent(plane, "HEAD", f"/{BUCKET}/none")
    assert (missing.status, missing.body) == (404, b"")


def test_not_modified_has_an_etag_and_no_body(plane: RunningPlane) -> None:
    etag = plane.client("s3").head_object(Bucket=BUCKET, Key="object")["ETag"]
    answered = sent(plane, "GET", f"/{BUCKET}/object", headers={"If-None-Match": etag})
    assert (answered.status, answered.headers["etag"], answered.body) == (304, etag, b"")


def test_a_range_is_answered_in_part(plane: RunningPlane) -> None:
    part = plane.client("s3").get_object(Bucket=BUCKET, Key="object", Range="bytes=2-4")
    assert (part["Body"].read(), part["ContentRange"], part["ContentLength"]) == (b"234", "bytes 2-4/10", 3)
    assert part["ResponseMetadata"]["HTTPStatusCode"] == 206


def test_nothing_can_be_stored_and_read_back_but_its_length_must_be_said(plane: RunningPlane) -> None:
    client = plane.client("s3")
    client.put_object(Bucket=BUCKET, Key="empty", Body=b"")
    answered = client.get_object(Bucket=BUCKET, Key="empty")
    assert (answered["Body"].read(), answered["ContentLength"]) == (b"", 0)
    path = f"/{BUCKET}/no-length"
    assert raw(plane, "PUT", path, signed_headers(plane, "PUT", path)).startswith(b"HTTP/1.1 411")


def test_a_body_sent_in_http_chunks_is_read(plane: RunningPlane) -> None:
    path = f"/{BUCKET}/http-chunks"
    headers = signed_headers(plane, "PUT", path, b"one two")
    assert send(plane, "PUT", path, iter([b"one ", b"two"]), headers | {"Transfer-Encoding": "chunked"}).status == 200
    assert plane.client("s3").get_object(Bucket=BUCKET, Key="http-chunks")["Body"].read() == b"one two"


def test_twenty_megabytes_come_back_as_they_went(plane: RunningPlane) -> None:
    data = bytes(range(256)) * 80 * 1024
    client = plane.client("s3")
    client.put_object(Bucket=BUCKET, Key="large", Body=data)
    assert client.get_object(Bucket=BUCKET, Key="large")["Body"].read() == data


def test_a_refused_upload_is_not_read_when_the_client_waits_to_be_asked(plane: RunningPlane) -> None:
    path = f"/{BUCKET}/refused"
    headers = forged(signed_headers(plane, "PUT", path, b"x" * 100))
    answered = raw(plane, "PUT", path, headers | {"Content-Length": "100", "Expect": "100-continue"})
    assert answered.startswith(b"HTTP/1.1 403")
    assert b"connection: close" in answered.lower()


def test_an_accepted_upload_is_asked_for(plane: RunningPlane) -> None:
    path = f"/{BUCKET}/asked"
    headers = signed_headers(plane, "PUT", path, b"body") | {"Content-Length": "4", "Expect": "100-continue"}
    assert raw(plane, "PUT", path, headers).startswith(b"HTTP/1.1 100")


def test_a_connection_survives_a_refused_upload(plane: RunningPlane) -> None:
    path = f"/{BUCKET}/refused"
    wrong = forged(signed_headers(plane, "PUT", path, b"y" * 100_000))
    request = head("PUT", path, wrong | {"Content-Length": "100000", "Host": netloc(plane)}) + b"x" * 100_000
    with socket.create_connection(netloc(plane).split(":")) as connection:
        connection.settimeout(10)
        connection.sendall(request)
        assert read_answer(connection).startswith(b"HTTP/1.1 403")
        connection.sendall(head("GET", "/_health", {"Host": netloc(plane)}))
        assert read_answer(connection).startswith(b"HTTP/1.1 200")


def forged(headers: dict[str, str]) -> dict[str, str]:
    """The same headers with another signature."""
    return headers | {"Authorization": headers["Authorization"].rpartition("=")[0] + "=" + "0" * 64}


def raw(plane: RunningPlane, method: str, path: str, headers: dict[str, str]) -> bytes:
    """The first answer to a request's head, its body never sent."""
    with socket.create_connection(netloc(plane).split(":")) as connection:
        connection.settimeout(10)
        connection.sendall(head(method, path, headers | {"Host": netloc(plane)}))
        return read_answer(connection)


def netloc(plane: RunningPlane) -> str:
    return urlsplit(plane.endpoint).netloc


def head(method: str, path: str, headers: dict[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode()


def read_answer(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    before, _, body = data.partition(b"\r\n\r\n")
    length = next((int(x.split(b":")[1]) for x in before.lower().split(b"\r\n") if x.startswith(b"content-length")), 0)
    while len(body) < length:
        body += connection.recv(65536)
    return before
