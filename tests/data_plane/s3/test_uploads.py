"""Multipart uploads."""

import hashlib
import io
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from twinplane.data_plane.testing import RunningPlane

PART = b"p" * (5 << 20)


@pytest.fixture(scope="module")
def s3(plane: RunningPlane) -> Any:
    client = plane.client("s3")
    client.create_bucket(Bucket="uploads")
    return client


def code_of(error: Any) -> str:
    return str(error.value.response["Error"]["Code"])


def blobs(plane: RunningPlane) -> int:
    return sum(1 for _ in (plane.state / "blobs").glob("*/*"))


def test_a_file_of_20_megabytes_goes_up_in_parts_and_comes_down_the_same(s3: Any) -> None:
    body = bytes(range(256)) * (20 << 12)
    s3.upload_fileobj(
        io.BytesIO(body),
        "uploads",
        "big ü",
        Config=TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20),
    )
    head = s3.head_object(Bucket="uploads", Key="big ü")
    parts = [hashlib.md5(body[n : n + (5 << 20)]).digest() for n in range(0, len(body), 5 << 20)]
    assert head["ETag"] == f'"{hashlib.md5(b"".join(parts)).hexdigest()}-4"'
    down = io.BytesIO()
    s3.download_fileobj("uploads", "big ü", down)
    assert down.getvalue() == body
    second = s3.get_object(Bucket="uploads", Key="big ü", PartNumber=2)
    assert (second["Body"].read(), second["PartsCount"]) == (body[5 << 20 : 10 << 20], 4)


def test_an_upload_step_by_step(s3: Any) -> None:
    upload = s3.create_multipart_upload(Bucket="uploads", Key="steps", ContentType="a/b", Metadata={"k": "v"})[
        "UploadId"
    ]
    named = {"Bucket": "uploads", "Key": "steps", "UploadId": upload}
    s3.put_object(Bucket="uploads", Key="source", Body=b"0123456789")
    one = s3.upload_part(**named, PartNumber=1, Body=PART)["ETag"]
    source = {"Bucket": "uploads", "Key": "source"}
    two = s3.upload_part_copy(**named, PartNumber=7, CopySource=source, CopySourceRange="bytes=2-5")
    two_etag = two["CopyPartResult"]["ETag"]
    listed = s3.list_parts(**named)["Parts"]
    assert [(p["PartNumber"], p["Size"]) for p in listed] == [(1, len(PART)), (7, 4)]
    assert [p["PartNumber"] for p in s3.list_parts(**named, MaxParts=1)["Parts"]] == [1]
    assert [u["Key"] for u in s3.list_multipart_uploads(Bucket="uploads")["Uploads"]] == ["steps"]
    with pytest.raises(ClientError) as error:
        s3.head_object(Bucket="uploads", Key="steps")
    assert code_of(error) == "404"
    parts = [{"PartNumber": 1, "ETag": one}, {"PartNumber": 7, "ETag": two_etag}]
    for wrong, code in (
        (parts[::-1], "InvalidPartOrder"), ([{"PartNumber": 2, "ETag": one}], "InvalidPart"),
        ([{"PartNumber": 1, "ETag": two_etag}], "InvalidPart"),
    ):  # fmt: skip
        with pytest.raises(ClientError) as error:
            s3.complete_multipart_upload(**named, MultipartUpload={"Parts": wrong})
        assert code_of(error) == code
    done = s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    again = s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    assert done["ETag"] == again["ETag"]
    got = s3.get_object(Bucket="uploads", Key="steps")
    assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (PART + b"2345", "a/b", {"k": "v"})
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="uploads")


def test_parts_other_than_the_last_have_5_megabytes(s3: Any) -> None:
    upload = s3.create_multipart_upload(Bucket="uploads", Key="small")["UploadId"]
    named = {"Bucket": "uploads", "Key": "small", "UploadId": upload}
    etags = [s3.upload_part(**named, PartNumber=n, Body=b"small")["ETag"] for n in (1, 2)]
    parts = [{"PartNumber": n, "ETag": etag} for n, etag in enumerate(etags, 1)]
    with pytest.raises(ClientError) as error:
        s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    assert code_of(error) == "EntityTooSmall"
    s3.abort_multipart_upload(**named)
    with pytest.raises(ClientError) as error:
        s3.upload_part(**named, PartNumber=3, Body=b"late")
    assert code_of(error) == "NoSuchUpload"


@pytest.mark.parametrize(
    ("algorithm", "kind"), [("CRC32", "COMPOSITE"), ("CRC32", "FULL_OBJECT"), ("SHA256", "COMPOSITE")]
)
def test_checksums_of_an_upload(s3: Any, algorithm: str, kind: str) -> None:
    named: dict[str, Any] = {"Bucket": "uploads", "Key": "summed"}
    started = s3.create_multipart_upload(**named, ChecksumAlgorithm=algorithm, ChecksumType=kind)
    named["UploadId"] = started["UploadId"]
    member = f"Checksum{algorithm}"
    parts = []
    for number, body in ((1, PART), (2, b"end")):
        answer = s3.upload_part(**named, PartNumber=number, Body=body, ChecksumAlgorithm=algorithm)
        parts.append({"PartNumber": number, "ETag": answer["ETag"], member: answer[member]})
    done = s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts}, ChecksumType=kind)
    head = s3.head_object(Bucket="uploads", Key="summed", ChecksumMode="ENABLED")
    assert (done[member], kind) == (head[member], head["ChecksumType"])
    assert done[member].endswith("-2") == (kind == "COMPOSITE")
    if kind == "FULL_OBJECT":
        whole = s3.put_object(Bucket="uploads", Key="whole", Body=PART + b"end", ChecksumAlgorithm=algorithm)
        assert whole[member] == done[member]
