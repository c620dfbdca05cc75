"""Multipart uploads."""

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
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
    ("algorithm", "kind"),
    [
        ("CRC32", "COMPOSITE"), ("CRC32", "FULL_OBJECT"), ("CRC32C", "COMPOSITE"), ("CRC32C", "FULL_OBJECT"),
        ("CRC64NVME", "FULL_OBJECT"), ("SHA1", "COMPOSITE"), ("SHA256", "COMPOSITE"),
    ],
)  # fmt: skip
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


def started(s3: Any, key: str, **options: Any) -> dict[str, Any]:
    upload = s3.create_multipart_upload(Bucket="uploads", Key=key, **options)["UploadId"]
    return {"Bucket": "uploads", "Key": key, "UploadId": upload}


def finished(s3: Any, named: dict[str, Any], *parts: tuple[int, str], **conditions: Any) -> Any:
    listed = [{"PartNumber": number, "ETag": etag} for number, etag in parts]
    return s3.complete_multipart_upload(**named, MultipartUpload={"Parts": listed}, **conditions)


def refusal(operation: Any, *arguments: Any, **named: Any) -> str:
    with pytest.raises(ClientError) as error:
        operation(*arguments, **named)
    return code_of(error)


def test_parts_come_in_any_order_at_once_and_again(s3: Any) -> None:
    named = started(s3, "any order")
    bodies = {number: bytes([number]) * (5 << 20) for number in (9, 2, 5)} | {10: b"end"}
    with ThreadPoolExecutor(4) as pool:
        sent = pool.map(lambda n: (n, s3.upload_part(**named, PartNumber=n, Body=bodies[n])["ETag"]), bodies)
        etags = dict(sent)
    bodies[2] = b"again" * (1 << 20)
    old, etags[2] = etags[2], s3.upload_part(**named, PartNumber=2, Body=bodies[2])["ETag"]
    assert refusal(finished, s3, named, (2, old)) == "InvalidPart"
    s3.upload_part(**named, PartNumber=77, Body=b"is not asked for")
    finished(s3, named, *sorted(etags.items()))
    got = s3.get_object(Bucket="uploads", Key="any order")["Body"].read()
    assert hashlib.md5(got).digest() == hashlib.md5(b"".join(bodies[n] for n in sorted(bodies))).digest()


def test_an_upload_of_one_part_names_the_file_that_is_there(plane: RunningPlane, s3: Any) -> None:
    named = started(s3, "one part")
    etag = s3.upload_part(**named, PartNumber=3, Body=PART)["ETag"]
    before = blobs(plane)
    done = finished(s3, named, (3, etag))
    assert (blobs(plane), done["ETag"].endswith('-1"')) == (before, True)
    assert s3.get_object(Bucket="uploads", Key="one part")["Body"].read() == PART
    empty = started(s3, "empty")
    finished(s3, empty, (1, s3.upload_part(**empty, PartNumber=1, Body=b"")["ETag"]))
    assert s3.head_object(Bucket="uploads", Key="empty")["ContentLength"] == 0


def test_completing_has_conditions_and_may_be_repeated(s3: Any) -> None:
    existing = s3.put_object(Bucket="uploads", Key="conditional", Body=b"there")["ETag"]
    named = started(s3, "conditional")
    part = (1, s3.upload_part(**named, PartNumber=1, Body=b"new")["ETag"])
    assert refusal(finished, s3, named, part, IfNoneMatch="*") == "PreconditionFailed"
    assert refusal(finished, s3, named, part, IfMatch='"other"') == "PreconditionFailed"
    assert refusal(finished, s3, named, part, MpuObjectSize=4) == "InvalidRequest"
    assert refusal(finished, s3, named) == "MalformedXML"
    done = finished(s3, named, part, IfMatch=existing)
    assert finished(s3, named, part)["ETag"] == done["ETag"]
    assert refusal(s3.upload_part, **named, PartNumber=2, Body=b"late") == "NoSuchUpload"
    assert refusal(s3.abort_multipart_upload, **named) == "NoSuchUpload"


def test_parts_copied_from_ranges(s3: Any) -> None:
    for key, body in (("small source", b"0123456789"), ("large source", b"0123456789" * 10_000)):
        s3.put_object(Bucket="uploads", Key=key, Body=body)
        source = {"Bucket": "uploads", "Key": key}
        for asked, wanted in ((None, body), ("bytes=0-0", body[:1]), ("bytes=2-7", body[2:8])):
            named = started(s3, "copied")
            given = {} if asked is None else {"CopySourceRange": asked}
            copied = s3.upload_part_copy(**named, PartNumber=1, CopySource=source, **given)["CopyPartResult"]
            finished(s3, named, (1, copied["ETag"]))
            assert s3.get_object(Bucket="uploads", Key="copied")["Body"].read() == wanted
        named = started(s3, "copied")
        for wrong in ("bytes=0-100000", "0-2", "bytes=5-2", "bytes=3-", "bytes=-3"):
            arguments = {**named, "PartNumber": 1, "CopySource": source, "CopySourceRange": wrong}
            assert refusal(s3.upload_part_copy, **arguments) == "InvalidArgument", wrong
        for number in (0, 10_001):
            assert refusal(s3.upload_part_copy, **named, PartNumber=number, CopySource=source) == "InvalidArgument"
        s3.abort_multipart_upload(**named)


def test_parts_and_uploads_are_listed_in_pages(s3: Any) -> None:
    s3.create_bucket(Bucket="listed-uploads")
    made = []
    for key in ("a", "dir/x", "dir/y", "ü", "a"):
        made.append((key, s3.create_multipart_upload(Bucket="listed-uploads", Key=key)["UploadId"]))
    for size in (1, 2, 3, 100):
        pages = s3.get_paginator("list_multipart_uploads").paginate(
            Bucket="listed-uploads", PaginationConfig={"PageSize": size}
        )
        assert sorted((u["Key"], u["UploadId"]) for page in pages for u in page["Uploads"]) == sorted(made)
        pages = list(
            s3.get_paginator("list_multipart_uploads").paginate(
                Bucket="listed-uploads", Delimiter="/", PaginationConfig={"PageSize": size}
            )
        )
        assert sorted(u["Key"] for page in pages for u in page.get("Uploads", [])) == ["a", "a", "ü"]
        assert [p["Prefix"] for page in pages for p in page.get("CommonPrefixes", [])] == ["dir/"]
    under = s3.list_multipart_uploads(Bucket="listed-uploads", Prefix="dir/")["Uploads"]
    assert [upload["Key"] for upload in under] == ["dir/x", "dir/y"]
    named = {"Bucket": "listed-uploads", "Key": "ü", "UploadId": dict(made)["ü"]}
    for number in (7, 1, 10_000, 3):
        s3.upload_part(**named, PartNumber=number, Body=b"x" * number)
    for size in (1, 3, 100):
        pages = list(s3.get_paginator("list_parts").paginate(**named, PaginationConfig={"PageSize": size}))
        assert [p["PartNumber"] for page in pages for p in page["Parts"]] == [1, 3, 7, 10_000]
        assert [p["Size"] for page in pages for p in page["Parts"]] == [1, 3, 7, 10_000]


def test_checksums_that_do_not_fit_an_upload_are_refused(s3: Any) -> None:
    for algorithm, kind in (("CRC64NVME", "COMPOSITE"), ("SHA256", "FULL_OBJECT")):
        arguments = {"Bucket": "uploads", "Key": "k", "ChecksumAlgorithm": algorithm, "ChecksumType": kind}
        assert refusal(s3.create_multipart_upload, **arguments) == "InvalidRequest"
    named = started(s3, "k", ChecksumAlgorithm="SHA256")
    assert refusal(s3.upload_part, **named, PartNumber=1, Body=b"1", ChecksumAlgorithm="CRC32") == "InvalidRequest"
    part = s3.upload_part(**named, PartNumber=1, Body=b"1", ChecksumAlgorithm="SHA256")
    wrong = {"PartNumber": 1, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"].swapcase()}
    complete = s3.complete_multipart_upload
    assert refusal(complete, **named, MultipartUpload={"Parts": [wrong]}) == "InvalidPart"
    right = {"Parts": [wrong | {"ChecksumSHA256": part["ChecksumSHA256"]}]}
    other = part["ChecksumSHA256"]
    assert refusal(complete, **named, MultipartUpload=right, ChecksumSHA256=other) == "BadDigest"
    assert refusal(complete, **named, MultipartUpload=right, ChecksumType="FULL_OBJECT") == "InvalidRequest"
    complete(**named, MultipartUpload=right)


def test_the_parts_of_an_object_are_among_its_attributes(s3: Any) -> None:
    named = started(s3, "attributes", ChecksumAlgorithm="CRC32C")
    parts = []
    for number, body in ((2, PART), (4, PART), (9, b"end")):
        sent = s3.upload_part(**named, PartNumber=number, Body=body, ChecksumAlgorithm="CRC32C")
        parts.append({"PartNumber": number, "ETag": sent["ETag"], "ChecksumCRC32C": sent["ChecksumCRC32C"]})
    s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})

    def attributes(**page: int) -> Any:
        return s3.get_object_attributes(
            Bucket="uploads", Key="attributes", ObjectAttributes=["ObjectParts", "Checksum"], **page
        )

    found = attributes()
    assert found["Checksum"]["ChecksumType"] == "COMPOSITE"
    described = found["ObjectParts"]
    assert (described["TotalPartsCount"], described["IsTruncated"]) == (3, False)
    assert [(p["Size"], p["ChecksumCRC32C"]) for p in described["Parts"]] == [
        (size, part["ChecksumCRC32C"]) for size, part in zip((5 << 20, 5 << 20, 3), parts, strict=True)
    ]
    first = attributes(MaxParts=2)["ObjectParts"]
    rest = attributes(MaxParts=2, PartNumberMarker=first["NextPartNumberMarker"])["ObjectParts"]
    assert (first["IsTruncated"], rest["IsTruncated"], len(first["Parts"]), len(rest["Parts"])) == (True, False, 2, 1)
    s3.copy_object(Bucket="uploads", Key="plain", CopySource={"Bucket": "uploads", "Key": "attributes"})
    plain = s3.get_object_attributes(Bucket="uploads", Key="plain", ObjectAttributes=["ObjectParts", "ETag"])
    assert ("ObjectParts" in plain, plain["ETag"]) == (False, hashlib.md5(PART + PART + b"end").hexdigest())
