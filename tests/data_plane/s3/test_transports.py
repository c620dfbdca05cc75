"""What boto3 sends over http (a signed body) and over https (chunks with a trailer): the same in the end."""

import hashlib
import io
from collections.abc import Iterator
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from twinplane.data_plane.testing import RunningPlane, running_plane

SIZES = [0, 1, 32 << 10, (32 << 10) + 1, (1 << 20) - 1, 1 << 20, (3 << 20) + 7]
ALGORITHMS = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]


@pytest.fixture(scope="module", params=["http", "https"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlane]:
    with running_plane(tmp_path_factory.mktemp("plane"), tls=request.param == "https") as plane:
        plane.client("s3").create_bucket(Bucket="forms")
        yield plane


def data(size: int) -> bytes:
    return (bytes(range(256)) * (size // 256 + 1))[:size]


def test_bodies_of_any_size_come_back_and_are_hashed(served: RunningPlane) -> None:
    s3 = served.client("s3")
    for size in SIZES:
        made = s3.put_object(Bucket="forms", Key="k", Body=data(size))
        assert made["ETag"] == f'"{hashlib.md5(data(size)).hexdigest()}"', size
        got = s3.get_object(Bucket="forms", Key="k", ChecksumMode="ENABLED")
        assert got["Body"].read() == data(size), size  # boto3 compares the checksum
        assert got["ChecksumCRC32"] == made["ChecksumCRC32"]
        last = s3.get_object(Bucket="forms", Key="k", Range="bytes=-5")["Body"].read() if size else b""
        assert last == data(size)[-5:]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_checksum_of_boto3_is_verified(served: RunningPlane, algorithm: str) -> None:
    s3 = served.client("s3")
    for size in (1000, 2 << 20):
        body = io.BytesIO(data(size))  # a stream: over https its checksum goes behind it
        made = s3.put_object(Bucket="forms", Key=algorithm, Body=body, ChecksumAlgorithm=algorithm)
        head = s3.head_object(Bucket="forms", Key=algorithm, ChecksumMode="ENABLED")
        assert made[f"Checksum{algorithm}"] == head[f"Checksum{algorithm}"]
        assert head["ChecksumType"] == "FULL_OBJECT"


def test_a_file_goes_up_in_parts(served: RunningPlane) -> None:
    s3 = served.client("s3", config=Config(max_pool_connections=4))
    body = data((11 << 20) + 3)
    options = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20, max_concurrency=3)
    s3.upload_fileobj(io.BytesIO(body), "forms", "parts", Config=options)
    down = io.BytesIO()
    s3.download_fileobj("forms", "parts", down, Config=options)
    assert down.getvalue() == body


def test_a_body_changed_on_the_way_is_refused(served: RunningPlane) -> None:
    s3 = served.client("s3", config=Config(retries={"total_max_attempts": 1}))

    def change(request: Any, **_: Any) -> None:
        body = request.body if isinstance(request.body, bytes) else request.body.read()
        request.body = body.replace(b"hello", b"jello")

    s3.meta.events.register("before-send.s3.PutObject", change)
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket="forms", Key="changed", Body=b"hello")
    assert error.value.response["Error"]["Code"] in ("BadDigest", "XAmzContentSHA256Mismatch")
    with pytest.raises(ClientError):
        s3.head_object(Bucket="forms", Key="changed")
