"""S3's objects through unmodified boto3, over a real socket."""

import hashlib
import io
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError

import pytest
import urllib3
from botocore.config import Config
from botocore.exceptions import ClientError

from twinplane.data_plane.testing import RunningPlane

ODD_KEYS = ["ü b+c%2F", "x", "x/y", "x//y", "/lead", "trail/", "a&b=c?d#e", "..", "../../etc/passwd", "日本", "q'\"<>"]


@pytest.fixture(scope="module")
def s3(plane: RunningPlane) -> Any:
    client = plane.client("s3")
    client.create_bucket(Bucket="objects")
    return client


def code_of(error: Any) -> tuple[str, int]:
    response = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize("key", ODD_KEYS)
def test_any_key_is_kept_and_listed_as_given(s3: Any, key: str) -> None:
    s3.put_object(Bucket="objects", Key=key, Body=key.encode(), Metadata={"About": "odd"}, ContentType="text/odd")
    got = s3.get_object(Bucket="objects", Key=key)
    assert got["Body"].read() == key.encode()
    assert (got["ContentType"], got["Metadata"], got["ContentLength"]) == (
        "text/odd",
        {"about": "odd"},
        len(key.encode()),
    )
    listed = s3.list_objects_v2(Bucket="objects", Prefix=key)["Contents"]
    assert key in [entry["Key"] for entry in listed]
    s3.delete_object(Bucket="objects", Key=key)
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket="objects", Key=key)
    assert code_of(error) == ("NoSuchKey", 404)


def test_an_object_without_bytes_is_an_object(s3: Any) -> None:
    put = s3.put_object(Bucket="objects", Key="empty", Body=b"")
    assert put["ETag"] == '"d41d8cd98f00b204e9800998ecf8427e"'
    assert s3.get_object(Bucket="objects", Key="empty")["Body"].read() == b""
    assert s3.head_object(Bucket="objects", Key="empty")["ContentLength"] == 0
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket="objects", Key="empty", Range="bytes=0-")
    assert code_of(error) == ("InvalidRange", 416)


@pytest.mark.parametrize(
    ("asked", "part", "content_range"),
    [
        ("bytes=0-3", b"0123", "bytes 0-3/10"),
        ("bytes=8-", b"89", "bytes 8-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=5-100", b"56789", "bytes 5-9/10"),
        ("bytes=-100", b"0123456789", "bytes 0-9/10"),
    ],
)
def test_a_range_gives_that_part(s3: Any, asked: str, part: bytes, content_range: str) -> None:
    s3.put_object(Bucket="objects", Key="ten", Body=b"0123456789")
    got = s3.get_object(Bucket="objects", Key="ten", Range=asked)
    assert (got["Body"].read(), got["ContentRange"], got["ContentLength"]) == (part, content_range, len(part))
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206


def test_conditions_of_a_read(s3: Any) -> None:
    etag = s3.put_object(Bucket="objects", Key="conditional", Body=b"1")["ETag"]
    soon, before = datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC) - timedelta(hours=1)
    assert s3.get_object(Bucket="objects", Key="conditional", IfMatch=etag)["Body"].read() == b"1"
    refused = [
        ({"IfNoneMatch": etag}, 304), ({"IfModifiedSince": soon}, 304), ({"IfMatch": '"other"'}, 412),
        ({"IfUnmodifiedSince": before}, 412),
    ]  # fmt: skip
    for condition, status in refused:
        for read in (s3.get_object, s3.head_object):
            with pytest.raises(ClientError) as error:
                read(Bucket="objects", Key="conditional", **condition)
            assert code_of(error)[1] == status, condition


def test_of_concurrent_first_writes_one_wins(s3: Any) -> None:
    def put(number: int) -> str:
        try:
            s3.put_object(Bucket="objects", Key="race", Body=str(number).encode(), IfNoneMatch="*")
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return str(number)

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(put, range(8)))
    winners = [r for r in results if r.isdecimal()]
    assert len(winners) == 1
    assert results.count("PreconditionFailed") == 7
    assert s3.get_object(Bucket="objects", Key="race")["Body"].read() == winners[0].encode()


def test_a_write_replaces_only_the_version_it_names(s3: Any) -> None:
    first = s3.put_object(Bucket="objects", Key="versioned", Body=b"1")["ETag"]
    s3.put_object(Bucket="objects", Key="versioned", Body=b"2", IfMatch=first)
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket="objects", Key="versioned", Body=b"3", IfMatch=first)
    assert code_of(error) == ("PreconditionFailed", 412)
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket="objects", Key="never there", Body=b"3", IfMatch=first)
    assert code_of(error) == ("NoSuchKey", 404)
    assert s3.get_object(Bucket="objects", Key="versioned")["Body"].read() == b"2"


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_checksums_are_echoed_and_given_back(s3: Any, algorithm: str) -> None:
    put = s3.put_object(Bucket="objects", Key="sum", Body=b"hello", ChecksumAlgorithm=algorithm)
    head = s3.head_object(Bucket="objects", Key="sum", ChecksumMode="ENABLED")
    assert put[f"Checksum{algorithm}"] == head[f"Checksum{algorithm}"]
    if algorithm == "CRC32":
        assert put["ChecksumCRC32"] == "NhCmhg=="


@pytest.mark.parametrize(
    ("member", "value"),
    [("ChecksumCRC32C", "mnG7TA=="), ("ChecksumCRC64NVME", "M3eFcAZSQlc="), ("ChecksumCRC32", "NhCmhg==")],
)
def test_a_checksum_that_was_given_must_be_the_body_s(s3: Any, member: str, value: str) -> None:
    assert s3.put_object(Bucket="objects", Key="given", Body=b"hello", **{member: value})[member] == value
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket="objects", Key="given", Body=b"hellO", **{member: value})
    assert code_of(error) == ("BadDigest", 400)
    assert s3.get_object(Bucket="objects", Key="given")["Body"].read() == b"hello"


def test_a_tampered_upload_is_refused_and_leaves_nothing(plane: RunningPlane, s3: Any) -> None:
    def tamper(request: Any, **_: Any) -> None:
        request.body = b"HELLO" if isinstance(request.body, bytes) else io.BytesIO(b"HELLO")

    other = plane.client("s3", config=Config(request_checksum_calculation="when_required"))
    other.meta.events.register("before-send.s3.PutObject", tamper)
    blobs = sum(1 for _ in (plane.state / "blobs").glob("*/*"))
    with pytest.raises(ClientError) as error:
        other.put_object(Bucket="objects", Key="tampered", Body=b"hello", ContentMD5="XUFAKrxLKna5cZ2REBfFkg==")
    assert code_of(error)[1] == 400
    with pytest.raises(ClientError):
        s3.head_object(Bucket="objects", Key="tampered")
    assert sum(1 for _ in (plane.state / "blobs").glob("*/*")) == blobs


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_presigned_urls_read_and_write(plane: RunningPlane, s3: Any, version: str) -> None:
    client = plane.client("s3", config=Config(signature_version=version))
    key = "pre signed/ü+%"
    put = client.generate_presigned_url("put_object", Params={"Bucket": "objects", "Key": key}, ExpiresIn=60)
    assert urllib3.request("PUT", put, body=b"by url").status == 200
    parameters = {"Bucket": "objects", "Key": key, "ResponseContentType": "text/plain"}
    get = client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=60)
    with urllib.request.urlopen(get) as answer:
        assert (answer.read(), answer.headers["Content-Type"]) == (b"by url", "text/plain")
        assert answer.headers["Content-Security-Policy"] == "sandbox"
    with pytest.raises(HTTPError) as error:
        urllib.request.urlopen(get.replace("objects", "elsewhere", 1))
    assert error.value.code == 403


def test_nothing_is_answered_to_the_anonymous(plane: RunningPlane, s3: Any) -> None:
    s3.put_object(Bucket="objects", Key="secret", Body=b"1")
    for path in ("objects/secret", "objects", ""):
        with pytest.raises(HTTPError) as error:
            urllib.request.urlopen(f"{plane.endpoint}/{path}")
        assert error.value.code == 403, path


def test_a_copy_keeps_or_replaces_what_is_told_about_its_source(s3: Any) -> None:
    source = "from ü+/%41"
    s3.put_object(Bucket="objects", Key=source, Body=b"copied", ContentType="a/b", Metadata={"k": "v"}, Tagging="t=1")
    s3.copy_object(Bucket="objects", Key="to", CopySource={"Bucket": "objects", "Key": source})
    same = s3.get_object(Bucket="objects", Key="to")
    assert (same["Body"].read(), same["ContentType"], same["Metadata"], same["TagCount"]) == (
        b"copied", "a/b", {"k": "v"}, 1,
    )  # fmt: skip
    s3.copy_object(
        Bucket="objects", Key="to", CopySource={"Bucket": "objects", "Key": source}, MetadataDirective="REPLACE",
        ContentType="c/d",
    )  # fmt: skip
    replaced = s3.head_object(Bucket="objects", Key="to")
    assert (replaced["ContentType"], replaced["Metadata"]) == ("c/d", {})
    with pytest.raises(ClientError) as error:
        s3.copy_object(Bucket="objects", Key="to", CopySource={"Bucket": "objects", "Key": "to"})
    assert code_of(error) == ("InvalidRequest", 400)
    with pytest.raises(ClientError) as error:
        s3.copy_object(Bucket="objects", Key="to", CopySource={"Bucket": "objects", "Key": "not there"})
    assert code_of(error) == ("NoSuchKey", 404)


def test_tags_of_an_object(s3: Any) -> None:
    s3.put_object(Bucket="objects", Key="tagged", Body=b"", Tagging="a=1&b=2")
    assert len(s3.get_object_tagging(Bucket="objects", Key="tagged")["TagSet"]) == 2
    s3.put_object_tagging(Bucket="objects", Key="tagged", Tagging={"TagSet": [{"Key": "c", "Value": "3"}]})
    assert s3.get_object_tagging(Bucket="objects", Key="tagged")["TagSet"] == [{"Key": "c", "Value": "3"}]
    s3.delete_object_tagging(Bucket="objects", Key="tagged")
    assert s3.get_object_tagging(Bucket="objects", Key="tagged")["TagSet"] == []


def test_a_large_body_is_streamed_both_ways(plane: RunningPlane, s3: Any) -> None:
    body = b"0123456789abcdef" * (20 << 16)
    s3.put_object(Bucket="objects", Key="large", Body=body)
    got = s3.get_object(Bucket="objects", Key="large")["Body"].read()
    assert hashlib.sha256(got).digest() == hashlib.sha256(body).digest()


def test_what_is_not_served_says_so_and_does_nothing(s3: Any) -> None:
    with pytest.raises(ClientError) as error:
        s3.restore_object(Bucket="objects", Key="k", RestoreRequest={"Days": 1})
    assert code_of(error) == ("NotImplemented", 501)
    with pytest.raises(ClientError) as error:
        s3.put_bucket_accelerate_configuration(Bucket="not-yet-there", AccelerateConfiguration={"Status": "Enabled"})
    assert code_of(error) == ("NotImplemented", 501)
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket="objects", Key="public", Body=b"", ACL="public-read")
    assert code_of(error) == ("AccessControlListNotSupported", 400)
    with pytest.raises(ClientError) as error:
        s3.head_bucket(Bucket="not-yet-there")
    assert code_of(error)[1] == 404
    assert "Status" not in s3.get_bucket_versioning(Bucket="objects")
