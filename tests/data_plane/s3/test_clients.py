"""The clients that people use, unmodified, over http and https."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from boto3.s3.transfer import TransferConfig

from twinplane.data_plane.testing import RunningPlane, running_plane

BUCKET = "clients"
FETCHED = pytest.mark.skipif("TWINPLANE_SOAK" not in os.environ, reason="fetches the client: part of `make soak`")
KEY = "folder=1/ü b+c%2F.bin"


@pytest.fixture(scope="module", params=["http", "https"])
def at(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlane]:
    """A plane that speaks http, and one that speaks https: clients send other requests to each."""
    state = tmp_path_factory.mktemp(request.param)
    with running_plane(state, tls=request.param == "https") as plane:
        plane.client("s3").create_bucket(Bucket=BUCKET)
        yield plane


@pytest.fixture
def environment(at: RunningPlane, monkeypatch: pytest.MonkeyPatch) -> RunningPlane:
    """The plane, which every client of this process reaches by AWS's usual variables."""
    for name, value in at.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # another test's may be there, with another plane's keys
    return at


def keys(plane: RunningPlane, prefix: str) -> list[str]:
    found = plane.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
    return [entry["Key"] for entry in found]


def test_boto3_transfers_in_parts_and_in_one(at: RunningPlane, tmp_path: Path) -> None:
    s3 = at.client("s3")
    content = os.urandom(11 << 20)
    (tmp_path / "up").write_bytes(content)
    parts = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20, max_concurrency=3)
    s3.upload_file(str(tmp_path / "up"), BUCKET, KEY, Config=parts, ExtraArgs={"ChecksumAlgorithm": "CRC32C"})
    s3.download_file(BUCKET, KEY, str(tmp_path / "down"), Config=parts)
    assert (tmp_path / "down").read_bytes() == content
    assert s3.head_object(Bucket=BUCKET, Key=KEY)["ETag"].endswith('-3"')
    s3.put_object(Bucket=BUCKET, Key="small", Body=b"in one")
    assert s3.get_object(Bucket=BUCKET, Key="small", ChecksumMode="ENABLED")["ChecksumCRC32"]
    s3.copy({"Bucket": BUCKET, "Key": KEY}, BUCKET, "copied", Config=parts)
    assert s3.get_object(Bucket=BUCKET, Key="copied", Range="bytes=0-9")["Body"].read() == content[:10]


def test_pyarrow_s3_filesystem(at: RunningPlane) -> None:
    fs = pytest.importorskip("pyarrow.fs")
    keys_of = at.administrator()
    options: dict[str, Any] = {} if at.ca_bundle is None else {"tls_ca_file_path": at.ca_bundle}
    s3 = fs.S3FileSystem(
        access_key=keys_of["aws_access_key_id"], secret_key=keys_of["aws_secret_access_key"], region=at.region,
        scheme=urlsplit(at.endpoint).scheme, endpoint_override=urlsplit(at.endpoint).netloc, **options,
    )  # fmt: skip
    content = os.urandom(11 << 20)
    with s3.open_output_stream(f"{BUCKET}/arrow/a/large") as file:
        file.write(content)
    with s3.open_input_file(f"{BUCKET}/arrow/a/large") as file:
        assert file.read_at(100, 6 << 20) == content[6 << 20 : (6 << 20) + 100]
    s3.copy_file(f"{BUCKET}/arrow/a/large", f"{BUCKET}/arrow/b")
    found = s3.get_file_info(fs.FileSelector(f"{BUCKET}/arrow", recursive=True))
    files = sorted(info.path for info in found if info.type == fs.FileType.File)
    assert files == [f"{BUCKET}/arrow/a/large", f"{BUCKET}/arrow/b"]
    assert s3.get_file_info(f"{BUCKET}/arrow/none").type == fs.FileType.NotFound
    s3.delete_dir(f"{BUCKET}/arrow/a")
    s3.delete_file(f"{BUCKET}/arrow/b")
    assert [key for key in keys(at, "arrow/") if not key.endswith("/")] == []


def test_awswrangler(environment: RunningPlane) -> None:
    wr, pd = pytest.importorskip("awswrangler"), pytest.importorskip("pandas")
    frame = pd.DataFrame({"item": ["coffee", "tea"], "amount": [1, 5], "day": ["mon", "tue"]})
    path = f"s3://{BUCKET}/wrangler/"
    wr.s3.to_parquet(frame, path, dataset=True, partition_cols=["day"])
    read = wr.s3.read_parquet(path, dataset=True).sort_values("amount")
    assert list(read["item"]) == ["coffee", "tea"]
    wr.s3.to_csv(frame, f"s3://{BUCKET}/wrangler.csv", index=False)
    assert len(wr.s3.read_csv(f"s3://{BUCKET}/wrangler.csv")) == 2
    assert len(wr.s3.list_objects(path)) == 2
    wr.s3.delete_objects(path)
    assert keys(environment, "wrangler/") == []


def test_pyiceberg_file_io(at: RunningPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    pyarrow_io = pytest.importorskip("pyiceberg.io.pyarrow")
    if at.ca_bundle is not None:
        pytest.skip("pyiceberg's file system takes no certificate of one's own")
    given = at.administrator()
    io = pyarrow_io.PyArrowFileIO({
        "s3.endpoint": at.endpoint, "s3.region": at.region, "s3.access-key-id": given["aws_access_key_id"],
        "s3.secret-access-key": given["aws_secret_access_key"],
    })  # fmt: skip
    location = f"s3://{BUCKET}/iceberg/metadata/v1.json"
    with io.new_output(location).create() as file:
        file.write(b"{}")
    found = io.new_input(location)
    assert (found.exists(), len(found)) == (True, 2)
    with found.open() as file:
        assert file.read() == b"{}"
    io.delete(location)
    assert not io.new_input(location).exists()


def test_duckdb_httpfs(at: RunningPlane, tmp_path: Path) -> None:
    duckdb, package = pytest.importorskip("duckdb"), pytest.importorskip("duckdb_extension_httpfs")
    [extension] = Path(package.__path__[0]).rglob("httpfs.duckdb_extension")
    given, parts = at.administrator(), urlsplit(at.endpoint)
    connection = duckdb.connect()
    connection.execute(f"LOAD '{extension}'")
    if at.ca_bundle is not None:
        connection.execute(f"SET ca_cert_file = '{at.ca_bundle}'")
    connection.execute(
        f"CREATE SECRET (TYPE s3, KEY_ID '{given['aws_access_key_id']}', SECRET '{given['aws_secret_access_key']}', "
        f"REGION '{at.region}', ENDPOINT '{parts.netloc}', URL_STYLE 'path', USE_SSL {parts.scheme == 'https'})"
    )
    target = f"s3://{BUCKET}/duck"
    connection.execute(f"COPY (SELECT range AS n, n % 3 AS part FROM range(100000)) TO '{target}/one.parquet'")
    connection.execute(
        f"COPY (SELECT * FROM '{target}/one.parquet') TO '{target}/by' (FORMAT parquet, PARTITION_BY part)"
    )
    total = connection.execute(f"SELECT count(*), sum(n) FROM read_parquet('{target}/by/*/*.parquet')").fetchone()
    assert total == (100_000, 4_999_950_000)
    some = connection.execute(f"SELECT n FROM '{target}/one.parquet' WHERE n = 77777").fetchall()
    assert some == [(77_777,)]


# Clients that need another botocore than ours: each in a folder of its own, fetched once

S3FS = """
import s3fs, sys
bucket = sys.argv[1]
fs = s3fs.S3FileSystem()
content = bytes(range(256)) * 50_000
with fs.open(f"{bucket}/fsspec/large", "wb", block_size=5 << 20) as file:
    file.write(content)
assert fs.cat(f"{bucket}/fsspec/large") == content
with fs.open(f"{bucket}/fsspec/large", "rb") as file:
    file.seek(1000)
    assert file.read(10) == content[1000:1010]
fs.copy(f"{bucket}/fsspec/large", f"{bucket}/fsspec/copy")
assert sorted(fs.ls(f"{bucket}/fsspec")) == [f"{bucket}/fsspec/copy", f"{bucket}/fsspec/large"]
fs.rm(f"{bucket}/fsspec", recursive=True)
fs.invalidate_cache()
assert not fs.exists(f"{bucket}/fsspec/large")
"""


def fetched(requirement: str) -> dict[str, str]:
    """The environment in which a client of its own versions can be imported. Skips the test where it cannot be had."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "twinplane" / "clients"
    folder = caches / requirement
    if not (folder / "complete").exists():
        command = [sys.executable, "-m", "pip", "install", "-q", "--target", str(folder), requirement]
        if subprocess.run(command, capture_output=True, timeout=200, check=False).returncode != 0:
            pytest.skip(f"{requirement} cannot be installed")
        (folder / "complete").touch()
    return {"PYTHONPATH": str(folder), "PATH": os.environ["PATH"], "HOME": str(folder)}


@pytest.mark.soak
@FETCHED
def test_s3fs(at: RunningPlane) -> None:
    environment = fetched("s3fs==2026.9.0") | at.environment()
    subprocess.run([sys.executable, "-c", S3FS, BUCKET], env=environment, check=True, timeout=60)


@pytest.mark.soak
@FETCHED
def test_the_aws_command_line(at: RunningPlane, tmp_path: Path) -> None:
    environment = fetched("awscli>=1.44,<2") | at.environment()

    def aws(*arguments: str) -> str:
        command = [sys.executable, "-m", "awscli", *arguments]
        done = subprocess.run(command, env=environment, check=True, timeout=60, capture_output=True, text=True)
        return done.stdout

    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "large").write_bytes(os.urandom(11 << 20))
    (tmp_path / "folder" / "small").write_text("small")
    aws("s3", "sync", str(tmp_path / "folder"), f"s3://{BUCKET}/cli/")
    assert "large" in aws("s3", "ls", f"s3://{BUCKET}/cli/")
    aws("s3", "cp", f"s3://{BUCKET}/cli/large", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == (tmp_path / "folder" / "large").read_bytes()
    assert '"Location"' in aws("s3api", "create-bucket", "--bucket", "made-by-cli")
    aws("s3", "rm", "--recursive", f"s3://{BUCKET}/cli/")
    assert keys(at, "cli/") == []
