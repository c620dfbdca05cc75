"""What an object keeps beside its bytes, and the answers at the edges."""

import http.client
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from tests.data_plane.wire.handmade import send, signed_headers
from twinplane.data_plane.testing import RunningPlane

BUCKET = {"Bucket": "details"}


@pytest.fixture(scope="module")
def s3(plane: RunningPlane) -> Any:
    client = plane.client("s3")
    client.create_bucket(**BUCKET)
    client.put_object(**BUCKET, Key="ten", Body=b"0123456789")
    return client


def refusal(operation: Any, **arguments: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as error:
        operation(**arguments)
    return error.value.response["Error"]["Code"], error.value.response["ResponseMetadata"]["HTTPStatusCode"]


HEADERS = {
    "CacheControl": "no-cache", "ContentDisposition": 'attachment; filename="a"', "ContentEncoding": "gzip",
    "ContentLanguage": "de", "ContentType": "text/plain; charset=x", "WebsiteRedirectLocation": "/other",
    "StorageClass": "STANDARD_IA", "ServerSideEncryption": "AES256",
}  # fmt: skip


def test_what_was_said_of_an_object_is_given_back(s3: Any) -> None:
    expires = "Wed, 01 Dec 2094 16:00:00 GMT"
    s3.put_object(**BUCKET, Key="said", Body=b"x", Expires=expires, Metadata={"Upper": "a  b", "empty": ""}, **HEADERS)
    for read in (s3.get_object, s3.head_object):
        got = read(**BUCKET, Key="said")
        assert {name: got[name] for name in HEADERS} == HEADERS
        assert got["ExpiresString"] == expires
        assert got["Metadata"] == {"upper": "a  b", "empty": ""}
    s3.put_object(**BUCKET, Key="said", Body=b"x")  # a new object has nothing of the old one
    got = s3.head_object(**BUCKET, Key="said")
    assert got["ContentType"] == "binary/octet-stream"
    assert not [name for name in HEADERS if name in got and name != "ContentType"]


def test_an_answer_s_headers_can_be_chosen_by_who_reads(s3: Any) -> None:
    s3.put_object(**BUCKET, Key="said", Body=b"x", **HEADERS)
    chosen = {"CacheControl": "c", "ContentDisposition": "d", "ContentLanguage": "l", "ContentType": "t/t"}
    chosen_by = {f"Response{name}": value for name, value in chosen.items()}
    expires = "Thu, 01 Dec 1994 16:00:00 GMT"
    got = s3.get_object(**BUCKET, Key="said", ResponseExpires=expires, **chosen_by)
    assert {name: got[name] for name in chosen} == chosen
    assert got["ExpiresString"] == expires


def test_metadata_beyond_ascii_comes_back_as_s3_encodes_it(plane: RunningPlane, s3: Any) -> None:
    """Each byte of the header is taken for a character: RFC 2047 of that, as in AWS's own example."""
    signed = signed_headers(plane, "PUT", "/details/meta", b"", {"x-amz-meta-name": "ÄMÄZÕÑ S3"})
    connection = http.client.HTTPConnection(str(urlsplit(plane.endpoint).netloc), timeout=10)
    connection.putrequest("PUT", "/details/meta", skip_host=True)
    for name, value in {**signed, "Host": urlsplit(plane.endpoint).netloc, "Content-Length": "0"}.items():
        connection.putheader(name, value.encode())
    connection.endheaders()
    assert connection.getresponse().status == 200
    connection.close()
    assert s3.head_object(**BUCKET, Key="meta")["Metadata"] == {"name": "=?UTF-8?B?w4PChE3Dg8KEWsODwpXDg8KRIFMz?="}


def test_what_cannot_be_kept_is_refused(s3: Any) -> None:
    put = s3.put_object
    assert refusal(put, **BUCKET, Key="k", Body=b"", Metadata={"a": "x" * 2048}) == ("MetadataTooLarge", 400)
    assert refusal(put, **BUCKET, Key="k", Body=b"", StorageClass="NONE") == ("InvalidStorageClass", 400)
    for asked in (
        {"StorageClass": "GLACIER"}, {"ServerSideEncryption": "aws:kms"}, {"WriteOffsetBytes": 3},
        {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}, {"IfNoneMatch": '"etag"'},
    ):  # fmt: skip
        assert refusal(put, **BUCKET, Key="k", Body=b"", **asked)[1] in (400, 501), asked
    assert refusal(s3.delete_object, **BUCKET, Key="ten", IfMatchSize=3) == ("NotImplemented", 501)
    for size, code in ((1024, None), (1025, "KeyTooLongError")):
        if code is None:
            put(**BUCKET, Key="k" * size, Body=b"")
        else:
            assert refusal(put, **BUCKET, Key="k" * size, Body=b"") == (code, 400)
            assert refusal(put, **BUCKET, Key="ü" * 513, Body=b"") == (code, 400)


@pytest.mark.parametrize(
    "key", ["a\x01b", "a\nb", "a\\b", "./x", "a/../b", "//a", "a//", " blanks ", "+", "%20", "%", "😀", "\uffff", "é́"]
)
def test_keys_that_servers_mistake_for_others(s3: Any, key: str) -> None:
    s3.put_object(**BUCKET, Key=key, Body=key.encode())
    s3.copy_object(**BUCKET, Key=f"copy of {key}", CopySource={**BUCKET, "Key": key})
    assert s3.get_object(**BUCKET, Key=f"copy of {key}")["Body"].read() == key.encode()
    for listing in (s3.list_objects, s3.list_objects_v2):
        assert [entry["Key"] for entry in listing(**BUCKET, Prefix=key)["Contents"]] == [key]
    deleted = s3.delete_objects(**BUCKET, Delete={"Objects": [{"Key": key}]}) if key.isprintable() else None
    assert deleted is None or [entry["Key"] for entry in deleted["Deleted"]] == [key]


@pytest.mark.parametrize(
    "path", ["/details/ten?annotation=x", "/details/ten?metadataTable", "/details/ten?lifecycle", "/details/ten?policy"]
)
def test_a_subresource_is_never_taken_for_the_object(plane: RunningPlane, s3: Any, path: str) -> None:
    for method in ("PUT", "GET", "DELETE"):
        answered = send(plane, method, path, b"", signed_headers(plane, method, path) | {"Content-Length": "0"})
        assert (answered.status, b"NotImplemented" in answered.body) == (501, True), method
    assert s3.get_object(**BUCKET, Key="ten")["Body"].read() == b"0123456789"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("max-keys=many", "InvalidArgument"), ("max-keys=-1", "InvalidArgument"),
        ("encoding-type=xml", "InvalidArgument"), ("list-type=2&continuation-token=%21", "InvalidArgument"),
        ("versions&version-id-marker=x", "InvalidArgument"),
    ],
)  # fmt: skip
def test_listings_that_make_no_sense_are_refused(plane: RunningPlane, s3: Any, query: str, code: str) -> None:
    path = f"/details?{query}"
    answered = send(plane, "GET", path, b"", signed_headers(plane, "GET", path))
    assert (answered.status, f"<Code>{code}</Code>" in answered.body.decode()) == (400, True)


def test_ranges_that_are_none_give_the_whole(s3: Any) -> None:
    for odd in ("bytes=0-0,2-2", "bytes=5-1", "lines=0-1", "bytes=x-y"):
        got = s3.get_object(**BUCKET, Key="ten", Range=odd)
        assert (got["Body"].read(), got["ResponseMetadata"]["HTTPStatusCode"]) == (b"0123456789", 200), odd
    for beyond in ("bytes=10-", "bytes=10-20", "bytes=-0"):
        assert refusal(s3.get_object, **BUCKET, Key="ten", Range=beyond) == ("InvalidRange", 416)
    assert refusal(s3.get_object, **BUCKET, Key="ten", Range="bytes=0-1", PartNumber=1) == ("InvalidRequest", 400)


def test_conditions_of_copies_and_deletes(s3: Any) -> None:
    etag = s3.head_object(**BUCKET, Key="ten")["ETag"]
    source = {"CopySource": {**BUCKET, "Key": "ten"}}
    s3.copy_object(**BUCKET, Key="to", **source, CopySourceIfMatch=etag)
    for condition in ({"CopySourceIfMatch": '"x"'}, {"CopySourceIfNoneMatch": etag}, {"IfNoneMatch": "*"}):
        assert refusal(s3.copy_object, **BUCKET, Key="to", **source, **condition) == ("PreconditionFailed", 412)
    assert refusal(s3.delete_object, **BUCKET, Key="to", IfMatch='"x"') == ("PreconditionFailed", 412)
    assert refusal(s3.delete_object, **BUCKET, Key="not there", IfMatch="*") == ("NoSuchKey", 404)
    s3.delete_object(**BUCKET, Key="to", IfMatch=etag)
    assert refusal(s3.head_object, **BUCKET, Key="to")[1] == 404


def test_a_copy_takes_a_file_s_bytes_tags_and_headers_but_not_its_storage(s3: Any) -> None:
    body = b"large enough for a file" * 2000
    s3.put_object(**BUCKET, Key="from", Body=body, Tagging="a=1", **HEADERS)
    s3.copy_object(**BUCKET, Key="to", CopySource={**BUCKET, "Key": "from"}, ChecksumAlgorithm="SHA256")
    s3.delete_object(**BUCKET, Key="from")
    got = s3.get_object(**BUCKET, Key="to", ChecksumMode="ENABLED")
    assert got["Body"].read() == body
    assert ("ChecksumSHA256" in got, "ChecksumCRC32" in got) == (True, False)
    assert (got["TagCount"], got["ContentLanguage"], "StorageClass" in got) == (1, "de", False)
    s3.copy_object(**BUCKET, Key="to", CopySource={**BUCKET, "Key": "to"}, MetadataDirective="REPLACE")
    assert s3.get_object(**BUCKET, Key="to")["Body"].read() == body  # its file has kept a name throughout


def test_attributes_say_what_was_asked_for(s3: Any) -> None:
    etag = s3.head_object(**BUCKET, Key="ten")["ETag"]
    every = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]
    got = s3.get_object_attributes(**BUCKET, Key="ten", ObjectAttributes=every)
    assert (got["ETag"], got["ObjectSize"], got["StorageClass"]) == (etag.strip('"'), 10, "STANDARD")
    assert got["Checksum"]["ChecksumType"] == "FULL_OBJECT"
    assert "ObjectParts" not in got
    some = s3.get_object_attributes(**BUCKET, Key="ten", ObjectAttributes=["ObjectSize"])
    assert not {"ETag", "Checksum", "StorageClass"} & set(some)
    assert refusal(s3.get_object_attributes, **BUCKET, Key="none", ObjectAttributes=every) == ("NoSuchKey", 404)
    assert refusal(s3.get_object_attributes, **BUCKET, Key="ten", ObjectAttributes=["Else"]) == ("InvalidArgument", 400)


@pytest.mark.parametrize("algorithm", ["SHA512", "MD5", "XXHASH64", "XXHASH3", "XXHASH128", "CRC32C", "CRC64NVME"])
def test_checksums_of_newer_kinds_are_verified_too(s3: Any, algorithm: str) -> None:
    from twinplane.data_plane.wire import checksums  # its digests are pinned to AWS's runtime and to published values

    value = checksums.text(checksums.digests(b"hello", [algorithm])[algorithm])
    made = s3.put_object(**BUCKET, Key="sum", Body=b"hello", **{f"Checksum{algorithm}": value})
    assert made[f"Checksum{algorithm}"] == value
    wrong = checksums.text(checksums.digests(b"other", [algorithm])[algorithm])
    put = s3.put_object
    assert refusal(put, **BUCKET, Key="sum", Body=b"hello", **{f"Checksum{algorithm}": wrong}) == ("BadDigest", 400)
    assert refusal(put, **BUCKET, Key="sum", Body=b"hello", **{f"Checksum{algorithm}": "AA=="}) == (
        "InvalidRequest", 400,
    )  # fmt: skip
