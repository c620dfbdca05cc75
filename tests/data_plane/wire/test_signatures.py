"""Who may speak to the plane at all: what is signed, by whom, when, and that nothing was changed on the way."""

import base64
import gzip
import hashlib
import http.client
import time
import urllib.request
import zlib
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from urllib.error import HTTPError

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.data_plane.wire.handmade import amz_date, credentials, send, signed_chunks, signed_headers
from twinplane.data_plane import sessions
from twinplane.data_plane.app import load_services
from twinplane.data_plane.plane import Keys
from twinplane.data_plane.testing import RunningPlane

BUCKET = "signatures"


@pytest.fixture(scope="module", autouse=True)
def _bucket(plane: RunningPlane) -> None:
    plane.client("s3").create_bucket(Bucket=BUCKET)


def code_of(call: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    return str(caught.value.response["Error"]["Code"])


CALLS = {
    "sts": lambda client: client.get_caller_identity(),
    "iam": lambda client: client.list_users(),
    "cloudtrail": lambda client: client.lookup_events(),
    "s3": lambda client: client.list_buckets(),
}


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("sts", "SignatureDoesNotMatch"),
        ("iam", "SignatureDoesNotMatch"),
        ("cloudtrail", "InvalidSignatureException"),
        ("s3", "SignatureDoesNotMatch"),
    ],
)
def test_a_wrong_secret_is_refused_in_each_protocols_words(plane: RunningPlane, service: str, code: str) -> None:
    wrong = plane.administrator() | {"aws_secret_access_key": "x" * 40}
    assert code_of(lambda: CALLS[service](plane.client(service, wrong))) == code


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("sts", "InvalidClientTokenId"),
        ("cloudtrail", "UnrecognizedClientException"),
        ("s3", "InvalidAccessKeyId"),
    ],
)
def test_an_unknown_key_is_refused_in_each_protocols_words(plane: RunningPlane, service: str, code: str) -> None:
    unknown = plane.administrator() | {"aws_access_key_id": "AKIAUNKNOWNUNKNOWN00"}
    assert code_of(lambda: CALLS[service](plane.client(service, unknown))) == code


@pytest.mark.parametrize(
    ("service", "code"), [("sts", "ExpiredToken"), ("cloudtrail", "ExpiredTokenException"), ("s3", "ExpiredToken")]
)
def test_an_expired_session_is_refused_in_each_protocols_words(plane: RunningPlane, service: str, code: str) -> None:
    issuer: Any = SimpleNamespace(keys=Keys(plane.state / "plane.key"))
    expired = sessions.issue(
        issuer, role_arn="arn:aws:iam::111122223333:role/any", session_name="late", duration_seconds=900,
        now=time.time() - 1000,
    )  # fmt: skip
    assert code_of(lambda: CALLS[service](plane.client(service, expired))) == code


def test_a_session_token_that_was_tampered_with_is_refused(plane: RunningPlane) -> None:
    issuer: Any = SimpleNamespace(keys=Keys(plane.state / "plane.key"))
    session = sessions.issue(
        issuer, role_arn="arn:aws:iam::111122223333:role/any", session_name="me", duration_seconds=900, now=time.time()
    )
    forged = session | {"SessionToken": session["SessionToken"][:-4] + "AAAA"}
    assert code_of(lambda: CALLS["sts"](plane.client("sts", forged))) == "InvalidClientTokenId"


def test_a_request_that_is_not_signed_is_refused(plane: RunningPlane) -> None:
    answered = send(
        plane,
        "POST",
        "/",
        b"{}",
        {"X-Amz-Target": "AWSGlue.GetDatabases", "Content-Type": "application/x-amz-json-1.1"},
    )
    assert (answered.status, answered.headers["x-amzn-errortype"]) == (403, "MissingAuthenticationTokenException")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answered = send(plane, "POST", "/", b"Action=GetCallerIdentity&Version=2011-06-15", form)
    assert answered.status == 403
    assert b"<Code>MissingAuthenticationToken</Code>" in answered.body


def test_a_body_changed_after_signing_is_refused(plane: RunningPlane) -> None:
    signed, sent = b"Action=GetCallerIdentity&Version=2011-06-15", b"Action=ListUsers&Version=2010-05-08"
    headers = signed_headers(plane, "POST", "/", signed, service="iam")
    assert b"SignatureDoesNotMatch" in send(plane, "POST", "/", sent, headers).body


def test_an_object_changed_after_signing_is_refused_and_not_kept(plane: RunningPlane) -> None:
    headers = signed_headers(plane, "PUT", f"/{BUCKET}/changed", b"as signed")
    answered = send(plane, "PUT", f"/{BUCKET}/changed", b"as forged", headers)
    assert (answered.status, b"XAmzContentSHA256Mismatch" in answered.body) == (400, True)
    assert code_of(lambda: plane.client("s3").head_object(Bucket=BUCKET, Key="changed")) == "404"


def test_a_clock_that_is_off_by_more_than_fifteen_minutes_is_refused(plane: RunningPlane) -> None:
    for ago, accepted in ((14, True), (16, False), (-14, True), (-16, False)):
        answered = send(plane, "GET", "/", headers=signed_at(plane, datetime.now(UTC) - timedelta(minutes=ago)))
        assert (answered.status == 200, ago) == (accepted, ago)
        assert accepted or b"RequestTimeTooSkewed" in answered.body


def signed_at(plane: RunningPlane, moment: datetime) -> dict[str, str]:
    """Headers that sign `GET /` for S3 as if it were another time."""
    with patch("botocore.auth.get_current_datetime", lambda *_args, **_kwargs: moment):
        return signed_headers(plane, "GET", "/")


def test_a_signature_for_another_region_is_refused(plane: RunningPlane) -> None:
    other = plane.client("cloudtrail", region_name="eu-west-1")
    assert code_of(lambda: other.lookup_events()) == "InvalidSignatureException"
    headers = signed_headers(plane, "GET", "/", region="eu-west-1")
    assert b"AuthorizationHeaderMalformed" in send(plane, "GET", "/", headers=headers).body


def test_a_signature_for_a_service_that_is_not_served_is_refused(plane: RunningPlane) -> None:
    assert code_of(lambda: plane.client("dynamodb").list_tables()) == "UnknownOperationException"
    assert code_of(lambda: plane.client("sns").list_topics()) == "InvalidAction"


def test_headers_that_change_the_meaning_must_be_signed(plane: RunningPlane) -> None:
    plane.client("s3").put_object(Bucket=BUCKET, Key="source", Body=b"secret")
    headers = signed_headers(plane, "PUT", f"/{BUCKET}/target", b"")
    answered = send(plane, "PUT", f"/{BUCKET}/target", b"", headers | {"x-amz-copy-source": f"/{BUCKET}/source"})
    assert answered.status == 403


@pytest.mark.parametrize(
    "authorization",
    ["AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256 Credential=x", "AWS4-OTHER a=b", "AWS key:signature", "Bearer x"],
)
def test_an_incomplete_signature_is_refused(plane: RunningPlane, authorization: str) -> None:
    headers = {"Authorization": authorization, "X-Amz-Date": amz_date()}
    answered = send(plane, "POST", "/", b"", headers)
    assert (answered.status, answered.headers["x-amzn-errortype"]) == (400, "IncompleteSignatureException")


# Presigned


@pytest.mark.parametrize("version", ["s3", "s3v4"])
@pytest.mark.parametrize("key", ["plain", "ü b+c%2F=d/e f&g", "a//b/", "~-._"])
def test_presigned_urls_put_and_get_any_key(plane: RunningPlane, version: str, key: str) -> None:
    client = plane.client("s3", config=Config(signature_version=version))
    where = {"Bucket": BUCKET, "Key": key}
    put = client.generate_presigned_url("put_object", where | {"Metadata": {"by": "hand"}})
    hoisted = version == "s3"  # version 2 moves signed headers into the query, version 4 leaves them to the sender
    request = urllib.request.Request(put, b"content", {} if hoisted else {"x-amz-meta-by": "hand"}, method="PUT")
    request.add_header("Content-Type", "")
    assert urllib.request.urlopen(request).status == 200
    get = client.generate_presigned_url("get_object", where | {"ResponseContentType": "text/plain; of=us"})
    with urllib.request.urlopen(get) as answer:
        assert (answer.read(), answer.headers["Content-Type"]) == (b"content", "text/plain; of=us")
        assert answer.headers["x-amz-meta-by"] == "hand"


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_a_presigned_url_ends_and_cannot_be_altered(plane: RunningPlane, version: str) -> None:
    client = plane.client("s3", config=Config(signature_version=version))
    for key in ("one", "two"):
        plane.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"1")
    where = {"Bucket": BUCKET, "Key": "one"}
    url = client.generate_presigned_url("get_object", where)
    with pytest.raises(HTTPError, match="403"):
        urllib.request.urlopen(url.replace("/one", "/two"))
    with pytest.raises(HTTPError, match="403"):
        urllib.request.urlopen(urllib.request.Request(url, headers={"x-amz-unsigned": "1"}))
    short = client.generate_presigned_url("get_object", where, ExpiresIn=1)
    time.sleep(2.1)
    with pytest.raises(HTTPError, match="403"):
        urllib.request.urlopen(short)


def test_get_caller_identity_may_be_presigned(plane: RunningPlane) -> None:
    url = plane.client("sts").generate_presigned_url("get_caller_identity", HttpMethod="GET")
    with urllib.request.urlopen(url) as answer:
        assert b"user/administrator" in answer.read()


# Chunked uploads

CHUNKS = [b"a" * 70_000, b"b" * 8192, b"tail"]


def put_chunks(plane: RunningPlane, key: str, change: Any = lambda body: body, **trailer: str) -> Any:
    names = {name.replace("_", "-"): value for name, value in trailer.items()}
    headers, body = signed_chunks(plane, f"/{BUCKET}/{key}", CHUNKS, trailer=names)
    return send(plane, "PUT", f"/{BUCKET}/{key}", change(body), headers)


def crc32(data: bytes) -> str:
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def test_signed_chunks_are_stored_decoded(plane: RunningPlane) -> None:
    assert put_chunks(plane, "chunks").status == 200
    stored = plane.client("s3").get_object(Bucket=BUCKET, Key="chunks")
    assert stored["Body"].read() == b"".join(CHUNKS)
    assert "aws-chunked" not in stored.get("ContentEncoding", "")


def test_a_signed_trailer_carries_the_checksum(plane: RunningPlane) -> None:
    good = crc32(b"".join(CHUNKS))
    assert put_chunks(plane, "trailer", x_amz_checksum_crc32=good).status == 200
    wrong = put_chunks(plane, "wrong-trailer", x_amz_checksum_crc32=crc32(b"other"))
    assert (wrong.status, b"BadDigest" in wrong.body) == (400, True)


@pytest.mark.parametrize(
    ("what", "change", "code"),
    [
        ("a byte", lambda body: body.replace(b"bbb", b"bcb", 1), b"SignatureDoesNotMatch"),
        ("a signature", lambda body: body.replace(b"signature=", b"signature=0", 1), b"SignatureDoesNotMatch"),
        ("the end", lambda body: body[: body.rindex(b"0;chunk")], b"IncompleteBody"),
        ("a size", lambda body: body.replace(b"2000;", b"1fff;", 1), b"SignatureDoesNotMatch"),
        ("a head", lambda body: b"zz" + body, b"IncompleteBody"),
        ("all signatures", lambda body: b"4\r\nevil\r\n0\r\n\r\n", b"SignatureDoesNotMatch"),
    ],
)
def test_chunks_that_were_tampered_with_are_refused_and_not_kept(
    plane: RunningPlane, what: str, change: Any, code: bytes
) -> None:
    answered = put_chunks(plane, "tampered", change)
    assert answered.status in (400, 403), what
    assert code in answered.body
    assert code_of(lambda: plane.client("s3").head_object(Bucket=BUCKET, Key="tampered")) == "404"


def test_a_signed_trailer_cannot_be_dropped_or_changed(plane: RunningPlane) -> None:
    good = crc32(b"".join(CHUNKS))
    for change in (
        lambda body: body.replace(b"x-amz-checksum-crc32:" + good.encode() + b"\r\n", b""),
        lambda body: body.replace(b"x-amz-trailer-signature:", b"x-amz-trailer-signature:0"),
        lambda body: body[: body.index(b"x-amz-trailer-signature")] + b"\r\n",
    ):
        answered = put_chunks(plane, "trailer-tampered", change, x_amz_checksum_crc32=good)
        assert answered.status in (400, 403)
    assert code_of(lambda: plane.client("s3").head_object(Bucket=BUCKET, Key="trailer-tampered")) == "404"


def unsigned_chunks(plane: RunningPlane, key: str, checksum: str, length: int | None = None) -> Any:
    """What boto3 sends over TLS: unsigned chunks with a checksum behind them."""
    data = b"over tls"
    headers = {
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x-amz-trailer": "x-amz-checksum-crc32",
        "x-amz-decoded-content-length": str(len(data) if length is None else length),
        "content-encoding": "aws-chunked,gzip", "x-amz-sdk-checksum-algorithm": "CRC32",
    }  # fmt: skip
    headers = signed_headers(plane, "PUT", f"/{BUCKET}/{key}", headers=headers)
    body = b"%x\r\n%s\r\n0\r\nx-amz-checksum-crc32:%s\r\n\r\n" % (len(data), data, checksum.encode())
    return send(plane, "PUT", f"/{BUCKET}/{key}", body, headers)


def test_unsigned_chunks_are_checked_by_their_trailer(plane: RunningPlane) -> None:
    assert unsigned_chunks(plane, "tls", crc32(b"over tls")).status == 200
    stored = plane.client("s3").get_object(Bucket=BUCKET, Key="tls")
    assert (stored["Body"].read(), stored["ContentEncoding"]) == (b"over tls", "gzip")
    assert b"BadDigest" in unsigned_chunks(plane, "tls-wrong", crc32(b"other")).body
    assert b"IncompleteBody" in unsigned_chunks(plane, "tls-short", crc32(b"over tls"), length=99).body


def test_a_payload_hash_that_is_none_is_refused(plane: RunningPlane) -> None:
    headers = signed_headers(plane, "PUT", f"/{BUCKET}/nonsense", b"data", {"x-amz-content-sha256": "nonsense"})
    assert send(plane, "PUT", f"/{BUCKET}/nonsense", b"data", headers).status == 400


def test_an_unsigned_payload_is_taken_when_the_signature_says_so(plane: RunningPlane) -> None:
    headers = signed_headers(plane, "PUT", f"/{BUCKET}/open", b"", {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    assert send(plane, "PUT", f"/{BUCKET}/open", b"anything", headers).status == 200


def test_a_header_in_utf_8_is_signed_as_the_bytes_it_is(plane: RunningPlane) -> None:
    headers: dict[str, Any] = dict(signed_headers(plane, "PUT", f"/{BUCKET}/named", b"", {"x-amz-meta-by": "Jürgen"}))
    sent = "Jürgen".encode()
    assert send(plane, "PUT", f"/{BUCKET}/named", b"", headers | {"x-amz-meta-by": sent}).status == 200
    read = send(plane, "GET", f"/{BUCKET}/named", headers=signed_headers(plane, "GET", f"/{BUCKET}/named"))
    encoded = base64.b64encode(sent.decode("latin-1").encode()).decode()
    assert read.headers["x-amz-meta-by"] == f"=?UTF-8?B?{encoded}?="  # as S3 gives back what is not ASCII


def test_content_md5_is_checked(plane: RunningPlane) -> None:
    for digest, status in ((hashlib.md5(b"data"), 200), (hashlib.md5(b"other"), 400)):
        given = {"Content-MD5": base64.b64encode(digest.digest()).decode()}
        headers = signed_headers(plane, "PUT", f"/{BUCKET}/md5", b"data", given)
        assert send(plane, "PUT", f"/{BUCKET}/md5", b"data", headers).status == status


def test_compressed_bodies_are_only_bytes_to_the_store(plane: RunningPlane) -> None:
    packed = gzip.compress(b"text")
    plane.client("s3").put_object(Bucket=BUCKET, Key="packed", Body=packed, ContentEncoding="gzip")
    assert plane.client("s3").get_object(Bucket=BUCKET, Key="packed")["Body"].read() == packed


# What AWS asks of a signature beyond its being right


def test_a_date_header_may_stand_in_the_place_of_x_amz_date(plane: RunningPlane) -> None:
    for ago, accepted in ((0, True), (16, False)):
        moment = datetime.now(UTC) - timedelta(minutes=ago)
        with patch("botocore.auth.get_current_datetime", lambda *_a, moment=moment, **_k: moment):
            headers = signed_headers(plane, "GET", "/", headers={"Date": "to be set by botocore"})
        assert "X-Amz-Date" not in headers
        assert (send(plane, "GET", "/", headers=headers).status == 200) == accepted


def test_a_client_whose_clock_is_wrong_is_told_the_server_s_time(plane: RunningPlane) -> None:
    answered = send(plane, "GET", "/", headers=signed_at(plane, datetime.now(UTC) - timedelta(hours=2)))
    for member in (b"<RequestTime>", b"<ServerTime>", b"<MaxAllowedSkewMilliseconds>900000<"):
        assert member in answered.body
    told = parsedate_to_datetime(answered.headers["date"])
    assert abs((datetime.now(UTC) - told).total_seconds()) < 60


def test_two_signatures_at_once_are_refused(plane: RunningPlane) -> None:
    url = plane.client("s3", config=Config(signature_version="s3v4")).generate_presigned_url("list_buckets")
    path = url.removeprefix(plane.endpoint)
    answered = send(plane, "GET", path, headers=signed_headers(plane, "GET", "/"))
    assert answered.status == 400
    header = signed_headers(plane, "GET", "/?X-Amz-Signature=0")
    assert send(plane, "GET", "/?X-Amz-Signature=0", headers=header).status == 400


def presigned(plane: RunningPlane, change: Any, version: str = "s3v4", **where: Any) -> int:
    """The status of a presigned GET whose URL `change` was done to."""
    client = plane.client("s3", config=Config(signature_version=version))
    operation = where.pop("operation", "get_object")
    url = client.generate_presigned_url(operation, {"Bucket": BUCKET, **where})
    return send(plane, "GET", change(url).removeprefix(plane.endpoint)).status


def test_a_presigned_url_means_what_was_signed(plane: RunningPlane) -> None:
    s3 = plane.client("s3")
    for key in ("a+b", "a b"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode())
    listing: dict[str, Any] = {"operation": "list_objects_v2", "Prefix": "a+b"}
    assert presigned(plane, lambda url: url, **listing) == 200
    assert presigned(plane, lambda url: url.replace("a%2Bb", "a+b"), **listing) == 403
    spaced = listing | {"Prefix": "a b"}
    assert presigned(plane, lambda url: url.replace("a%20b", "a+b"), **spaced) == 200  # the same, written otherwise
    for version in ("s3", "s3v4"):
        for added in (
            "&acl", "&versionId=null", "&uploads", "&publicAccessBlock", "&attributes", "&partNumber=1",
            "&%74agging", "&%76ersionId=null", "&p%61rtNumber=1",
        ):  # fmt: skip
            status = presigned(plane, lambda url, added=added: url + added, version, Key="a b")
            assert status in (403, 501), (version, added)  # 501: no operation has it


def test_what_a_presigned_url_says_of_the_object_cannot_be_said_otherwise_beside_it(plane: RunningPlane) -> None:
    client = plane.client("s3", config=Config(signature_version="s3"))
    given = {"Bucket": BUCKET, "Key": "said", "ContentType": "text/plain", "Metadata": {"by": "hand"}}
    url = client.generate_presigned_url("put_object", given).removeprefix(plane.endpoint)
    other = {"x-amz-meta-by": "other", "Content-Type": "text/html"}
    for path, headers in ((url, other), (url.replace("?", "?X-Amz-Meta-By=other&", 1), {})):
        send(plane, "PUT", path, b"", headers)
        kept = plane.client("s3").head_object(Bucket=BUCKET, Key="said")
        assert (kept["Metadata"], kept["ContentType"]) == ({"by": "hand"}, "text/plain"), path


def test_a_presigned_url_lasts_at_most_a_week(plane: RunningPlane) -> None:
    client = plane.client("s3", config=Config(signature_version="s3v4"))
    for seconds, status in ((604_800, 200), (604_801, 400), ("9" * 5000, 400), ("-1", 400), ("x", 400)):
        url = client.generate_presigned_url("list_buckets", ExpiresIn=1 if isinstance(seconds, str) else seconds)
        if isinstance(seconds, str):
            url = url.replace("X-Amz-Expires=1", f"X-Amz-Expires={seconds}")
        answered = send(plane, "GET", url.removeprefix(plane.endpoint))
        assert answered.status == status, seconds
        assert status == 200 or b"AuthorizationQueryParametersError" in answered.body


def test_a_presigned_url_may_sign_the_body_s_hash_in_its_query(plane: RunningPlane) -> None:
    good, path = hashlib.sha256(b"body").hexdigest(), f"/{BUCKET}/hashed"
    for body, status in ((b"body", 200), (b"other", 400)):
        request = AWSRequest("PUT", f"{plane.endpoint}{path}?X-Amz-Content-Sha256={good}")
        signer = S3SigV4QueryAuth(credentials(plane), "s3", plane.region)
        signer.payload = lambda _request: good
        signer.add_auth(request)
        assert send(plane, "PUT", str(request.url).removeprefix(plane.endpoint), body).status == status


def test_headers_are_signed_as_aws_writes_them(plane: RunningPlane) -> None:
    """Order, case, spaces within and repeated headers: what botocore signs is what is checked."""
    path = f"/{BUCKET}/written"
    given = {"X-Amz-Meta-B": "  two   spaces ", "x-amz-meta-a": "1", "Content-Type": "a/b;  c=d"}
    headers = signed_headers(plane, "PUT", path, b"", given)
    assert send(plane, "PUT", path, b"", dict(reversed(headers.items()))).status == 200
    stored = plane.client("s3").head_object(Bucket=BUCKET, Key="written")["Metadata"]
    assert {name: " ".join(value.split()) for name, value in stored.items()} == {"a": "1", "b": "two spaces"}
    changed = headers | {"X-Amz-Meta-B": "  two  spaces "}  # fewer spaces are the same
    assert send(plane, "PUT", path, b"", changed).status == 200
    assert send(plane, "PUT", path, b"", headers | {"x-amz-meta-a": "2"}).status == 403
    assert send(plane, "PUT", path, b"", headers | {"Host": "other:1"}).status == 403


def test_a_header_given_twice_is_signed_as_both(plane: RunningPlane) -> None:
    both = signed_headers(plane, "GET", "/", headers={"x-amz-meta-list": "one,two"})
    for values, status in ((["one", "two"], 200), (["two", "one"], 403), (["one"], 403)):
        connection = http.client.HTTPConnection(plane.endpoint.removeprefix("http://"), timeout=10)
        connection.putrequest("GET", "/")
        for name, value in both.items():
            for each in values if name.lower() == "x-amz-meta-list" else [value]:
                connection.putheader(name, each)
        connection.endheaders()
        assert connection.getresponse().status == status, values
        connection.close()


def test_only_what_the_model_leaves_unsigned_may_come_unsigned() -> None:
    for name, served in load_services().items():
        model = served.wire.model
        declared = {op.name for op in model.operations.values() if op.authtype == "none"}
        unsigned = {op for op, operation in served.operations.items() if not operation.signed}
        assert unsigned == declared & {*served.operations}, name
