"""S3's buckets and listings."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from twinplane.data_plane.testing import RunningPlane, running_plane


@pytest.fixture(scope="module")
def s3(plane: RunningPlane) -> Any:
    return plane.client("s3")


def code_of(error: Any) -> str:
    return str(error.value.response["Error"]["Code"])


def test_a_bucket_from_first_to_last(s3: Any) -> None:
    s3.create_bucket(Bucket="first.bucket-1")
    s3.create_bucket(Bucket="first.bucket-1")  # in us-east-1 one's own bucket may be made again
    assert "first.bucket-1" in [b["Name"] for b in s3.list_buckets()["Buckets"]]
    assert s3.head_bucket(Bucket="first.bucket-1")["BucketRegion"] == "us-east-1"
    assert s3.get_bucket_location(Bucket="first.bucket-1")["LocationConstraint"] is None
    s3.put_object(Bucket="first.bucket-1", Key="k", Body=b"")
    with pytest.raises(ClientError) as error:
        s3.delete_bucket(Bucket="first.bucket-1")
    assert code_of(error) == "BucketNotEmpty"
    s3.delete_object(Bucket="first.bucket-1", Key="k")
    s3.delete_object(Bucket="first.bucket-1", Key="k")  # what is not there is deleted too
    s3.delete_bucket(Bucket="first.bucket-1")
    with pytest.raises(ClientError) as error:
        s3.list_objects_v2(Bucket="first.bucket-1")
    assert code_of(error) == "NoSuchBucket"


@pytest.mark.parametrize("name", ["UPPER", "under_score", "192.168.0.1", "a..b", "-dash"])
def test_a_bad_bucket_name_is_refused(s3: Any, name: str) -> None:
    with pytest.raises(ClientError) as error:
        s3.create_bucket(Bucket=name)
    assert code_of(error) == "InvalidBucketName"


def test_in_another_region_a_bucket_names_its_location(tmp_path: Path) -> None:
    with running_plane(tmp_path, region="eu-west-1") as plane:
        s3 = plane.client("s3")
        with pytest.raises(ClientError) as error:
            s3.create_bucket(Bucket="here")
        assert code_of(error) == "IllegalLocationConstraintException"
        s3.create_bucket(Bucket="here", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        assert s3.get_bucket_location(Bucket="here")["LocationConstraint"] == "eu-west-1"
        with pytest.raises(ClientError) as error:
            s3.create_bucket(Bucket="here", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        assert code_of(error) == "BucketAlreadyOwnedByYou"


@pytest.fixture(scope="module")
def keys(s3: Any) -> list[str]:
    """2,500 keys: 500 in each of four folders that sort between 500 files."""
    s3.create_bucket(Bucket="listed")
    names = [f"{folder}/{n:03} ü" for folder in ("a", "b+", "c&d", "e") for n in range(500)]
    names += [f"file{n:03}" for n in range(500)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: s3.put_object(Bucket="listed", Key=key, Body=b""), names))
    return sorted(names, key=str.encode)


def test_pages_of_a_listing_give_every_key_once_in_order(s3: Any, keys: list[str]) -> None:
    for operation in ("list_objects_v2", "list_objects"):
        pages = list(s3.get_paginator(operation).paginate(Bucket="listed", PaginationConfig={"PageSize": 700}))
        assert [entry["Key"] for page in pages for entry in page["Contents"]] == keys
        assert len(pages) == 4


def test_a_delimiter_rolls_folders_up_also_across_pages(s3: Any, keys: list[str]) -> None:
    for operation in ("list_objects_v2", "list_objects"):
        for size in (1, 2, 3, 1000):
            limit = {"PageSize": size, "MaxItems": 4}  # of the keys
            pages = s3.get_paginator(operation).paginate(Bucket="listed", Delimiter="/", PaginationConfig=limit)
            found = pages.build_full_result()
            assert [p["Prefix"] for p in found["CommonPrefixes"]] == ["a/", "b+/", "c&d/", "e/"], (operation, size)
            assert [entry["Key"] for entry in found["Contents"]] == ["file000", "file001", "file002", "file003"]


def test_a_listing_starts_behind_a_key_and_below_a_prefix(s3: Any, keys: list[str]) -> None:
    found = s3.list_objects_v2(Bucket="listed", Prefix="b+/", StartAfter="b+/497 ü")
    assert [entry["Key"] for entry in found["Contents"]] == ["b+/498 ü", "b+/499 ü"]
    assert (found["KeyCount"], found["IsTruncated"]) == (2, False)
    assert s3.list_objects_v2(Bucket="listed", MaxKeys=0)["KeyCount"] == 0
    with pytest.raises(ClientError) as error:
        s3.list_objects_v2(Bucket="listed", ContinuationToken="not ours!")
    assert code_of(error) == "InvalidArgument"


def test_many_objects_are_deleted_at_once(s3: Any) -> None:
    s3.create_bucket(Bucket="emptied")
    for key in ("1", "2&<", "3"):
        s3.put_object(Bucket="emptied", Key=key, Body=b"")
    answer = s3.delete_objects(Bucket="emptied", Delete={"Objects": [{"Key": k} for k in ("1", "2&<", "none")]})
    assert sorted(d["Key"] for d in answer["Deleted"]) == ["1", "2&<", "none"]
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket="emptied")["Contents"]] == ["3"]
    quiet = s3.delete_objects(Bucket="emptied", Delete={"Objects": [{"Key": "3"}], "Quiet": True})
    assert "Deleted" not in quiet
    assert "Contents" not in s3.list_objects_v2(Bucket="emptied")
