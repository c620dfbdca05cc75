"""aws-chunked uploads made by hand: the edges at which S3 servers stored something else than was sent."""

import base64
import zlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.data_plane.wire.handmade import Answered, send, signed_chunks, signed_headers
from twinplane.data_plane.testing import RunningPlane
from twinplane.data_plane.wire import checksums

DATA = bytes(range(256)) * 80  # 20 KiB: two chunks of at least 8 KiB
CHUNKED = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


@pytest.fixture(scope="module")
def s3(plane: RunningPlane) -> Any:
    client = plane.client("s3")
    client.create_bucket(Bucket="chunked")
    return client


def crc32(data: bytes) -> str:
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def put(plane: RunningPlane, body: bytes, **headers: str) -> Answered:
    """PUT /chunked/k with these headers, signed; names are written with underscores."""
    given = {
        "x-amz-content-sha256": CHUNKED, "x-amz-decoded-content-length": str(len(DATA)),
        "x-amz-trailer": "x-amz-checksum-crc32",
    }  # fmt: skip
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {name: value for name, value in given.items() if value}
    return send(plane, "PUT", "/chunked/k", body, signed_headers(plane, "PUT", "/chunked/k", headers=sent))


def framed(*chunks: bytes, end: str = "", size: str = "{:x}") -> bytes:
    """Chunks, the last empty one, and what comes behind it."""
    return b"".join(size.format(len(c)).encode() + b"\r\n" + c + b"\r\n" for c in chunks) + f"0\r\n{end}\r\n".encode()


GOOD = f"x-amz-checksum-crc32:{crc32(DATA)}\r\n"
FIRST, REST = DATA[:8192], DATA[8192:]


def stored(s3: Any) -> bytes | None:
    try:
        found: bytes = s3.get_object(Bucket="chunked", Key="k")["Body"].read()
    except ClientError:
        return None
    s3.delete_object(Bucket="chunked", Key="k")
    return found


@pytest.mark.parametrize(
    ("what", "body", "headers"),
    [
        ("a trailer", framed(FIRST, REST, end=GOOD), {}),
        ("no empty line behind it", framed(FIRST, REST, end=GOOD)[:-2], {}),
        ("sizes in capitals", framed(FIRST, REST, end=GOOD, size="{:X}"), {}),
        ("sizes with zeros before", framed(FIRST, REST, end=GOOD, size="{:08x}"), {}),
        ("an extension behind the size", framed(FIRST, REST, end=GOOD, size="{:x};name=value"), {}),
        ("a name in capitals", framed(DATA, end=GOOD.replace("crc32", "CRC32")), {}),
        ("blanks around the value", framed(DATA, end=GOOD.replace(":", ":  ").replace("\r", " \r")), {}),
        ("no Content-Encoding", framed(DATA, end=GOOD), {}),
        ("a Content-Encoding of its own", framed(DATA, end=GOOD), {"content_encoding": "aws-chunked, gzip"}),
        ("no trailer, and none announced", framed(DATA), {"x_amz_trailer": ""}),
    ],
)
def test_what_clients_send_is_stored_as_it_was_meant(
    plane: RunningPlane, s3: Any, what: str, body: bytes, headers: dict[str, str]
) -> None:
    answered = put(plane, body, **headers)
    assert answered.status == 200, (what, answered.body)
    encoding = s3.head_object(Bucket="chunked", Key="k").get("ContentEncoding")
    assert encoding == ("gzip" if "gzip" in str(headers) else None)
    assert stored(s3) == DATA


SHA1 = f"x-amz-checksum-sha1:{checksums.text(checksums.digests(DATA, ['SHA1'])['SHA1'])}\r\n"


@pytest.mark.parametrize(
    ("what", "body", "headers", "code"),
    [
        ("an announced trailer is missing", framed(DATA), {}, "MalformedTrailerError"),
        ("a trailer was not announced", framed(DATA, end=GOOD), {"x_amz_trailer": ""}, "MalformedTrailerError"),
        ("another trailer than announced", framed(DATA, end=SHA1), {}, "MalformedTrailerError"),
        ("one trailer twice", framed(DATA, end=GOOD + GOOD), {}, "MalformedTrailerError"),
        ("the trailer does not fit the body", framed(DATA[:-1] + b"x", end=GOOD), {}, "BadDigest"),
        ("the trailer is no checksum", framed(DATA, end="x-amz-checksum-crc32:AAA=\r\n"), {}, "InvalidRequest"),
        ("a trailer that is no checksum", framed(DATA, end="x-a:1\r\n"), {"x_amz_trailer": "x-a"}, "InvalidRequest"),
        ("two checksums", framed(DATA, end=GOOD + SHA1), {"x_amz_trailer": "x-amz-checksum-crc32,x-amz-checksum-sha1"},
         "InvalidRequest"),
        ("a header and a trailer", framed(DATA, end=GOOD), {"x_amz_checksum_sha1": SHA1[20:-2]}, "InvalidRequest"),
        ("fewer bytes than it says", framed(FIRST, end=GOOD), {}, "IncompleteBody"),
        ("more bytes than it says", framed(DATA, end=GOOD), {"x_amz_decoded_content_length": "9"}, "IncompleteBody"),
        ("its length is not said", framed(DATA, end=GOOD), {"x_amz_decoded_content_length": ""},
         "MissingContentLength"),
        ("its length is no number", framed(DATA, end=GOOD), {"x_amz_decoded_content_length": "-1"}, "InvalidArgument"),
        ("a small chunk before the last", framed(b"x", DATA[1:], end=GOOD), {}, "InvalidChunkSizeError"),
        ("no last chunk", framed(DATA, end=GOOD)[: -len(GOOD) - 5], {}, "IncompleteBody"),
        ("a chunk longer than it says", framed(DATA, end=GOOD).replace(b"5000\r", b"4fff\r", 1), {}, "IncompleteBody"),
        ("a chunk shorter than it says", framed(DATA, end=GOOD).replace(b"5000\r", b"5001\r", 1), {}, "IncompleteBody"),
        ("a size with a sign", framed(DATA, end=GOOD, size="+{:x}"), {}, "IncompleteBody"),
        ("a size with a prefix", framed(DATA, end=GOOD, size="0x{:x}"), {}, "IncompleteBody"),
        ("a size that is none", framed(DATA, end=GOOD, size="{:x}g"), {}, "IncompleteBody"),
        ("something behind the end", framed(DATA, end=GOOD) + b"more", {}, "IncompleteBody"),
        ("a form nobody knows", framed(DATA), {"x_amz_content_sha256": "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"},
         "InvalidArgument"),
        ("signed chunks without signatures", framed(DATA), {
            "x_amz_content_sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "x_amz_trailer": "",
        }, "SignatureDoesNotMatch"),
    ],
)  # fmt: skip
def test_what_does_not_add_up_is_refused_and_not_stored(
    plane: RunningPlane, s3: Any, what: str, body: bytes, headers: dict[str, str], code: str
) -> None:
    answered = put(plane, body, **headers)
    assert 400 <= answered.status < 500, what
    assert f"<Code>{code}</Code>" in answered.body.decode(), what
    assert stored(s3) is None, what


def test_a_trailer_behind_the_seal_of_signed_trailers_is_refused(plane: RunningPlane, s3: Any) -> None:
    headers, body = signed_chunks(plane, "/chunked/k", [DATA], trailer={"x-amz-checksum-crc32": crc32(DATA)})
    seal = body.index(b"x-amz-trailer-signature")
    trailer = GOOD.encode()
    moved = body.replace(trailer, b"")[: seal - len(trailer)] + body[seal:-2] + trailer + b"\r\n"
    assert send(plane, "PUT", "/chunked/k", moved, headers).status in (400, 403)
    assert stored(s3) is None
    assert send(plane, "PUT", "/chunked/k", body, headers).status == 200
    assert stored(s3) == DATA


def test_a_large_body_in_many_signed_chunks_is_decoded(plane: RunningPlane, s3: Any) -> None:
    data = DATA * 150  # 3 MB: more than is held at a time
    chunks = [data[start : start + 65_536] for start in range(0, len(data), 65_536)]
    headers, body = signed_chunks(plane, "/chunked/k", chunks, trailer={"x-amz-checksum-crc32": crc32(data)})
    assert send(plane, "PUT", "/chunked/k", body, headers).status == 200
    assert stored(s3) == data
    tampered = bytearray(body)
    tampered[len(body) // 2] ^= 1
    before = sorted((plane.state / "blobs").glob("*/*"))
    assert send(plane, "PUT", "/chunked/k", bytes(tampered), headers).status in (400, 403)
    assert stored(s3) is None
    assert sorted((plane.state / "blobs").glob("*/*")) == before
