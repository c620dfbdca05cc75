"""Tests of a script that uses AWS, without AWS: the fixtures come with Twinplane."""

from collections.abc import Iterator

import boto3
import pytest
from botocore.exceptions import ClientError
from orders import main

pytestmark = pytest.mark.usefixtures("twinplane_aws")  # every client of these tests reaches the local plane


@pytest.fixture
def bucket() -> Iterator[str]:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="drafts")
    yield "drafts"
    for item in s3.list_objects_v2(Bucket="drafts").get("Contents", []):
        s3.delete_object(Bucket="drafts", Key=item["Key"])
    s3.delete_bucket(Bucket="drafts")


def test_the_script_counts_what_was_sold() -> None:
    assert main() == [["item", "amount"], ["coffee", "1"], ["tea", "5"]]


def test_only_one_of_two_writers_makes_a_new_object(bucket: str) -> None:
    s3 = boto3.client("s3")
    s3.put_object(Bucket=bucket, Key="lock", Body=b"first", IfNoneMatch="*")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=bucket, Key="lock", Body=b"second", IfNoneMatch="*")
    assert s3.get_object(Bucket=bucket, Key="lock")["Body"].read() == b"first"
