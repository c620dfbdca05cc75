"""Who may do what in S3."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from twinplane.data_plane.call import ANONYMOUS, Call, Principal, ServiceError
from twinplane.data_plane.plane import PlaneSettings, open_plane
from twinplane.data_plane.services.s3 import listings, objects, store
from twinplane.data_plane.testing import RunningPlane

Statement = dict[str, Any]


@pytest.fixture(scope="module")
def user(plane: RunningPlane) -> Callable[..., Any]:
    """Makes an S3 client of a new user with these statements."""
    iam, count = plane.client("iam"), iter(range(100))

    def make(*statements: Statement) -> Any:
        name = f"user{next(count)}"
        iam.create_user(UserName=name)
        policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **s} for s in statements]})
        if statements:
            iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy)
        return plane.client("s3", iam.create_access_key(UserName=name)["AccessKey"])

    return make


@pytest.fixture(scope="module")
def administrator(plane: RunningPlane) -> Any:
    s3 = plane.client("s3")
    s3.create_bucket(Bucket="guarded")
    s3.put_object(Bucket="guarded", Key="open/1", Body=b"1")
    s3.put_object(Bucket="guarded", Key="closed/1", Body=b"1")
    return s3


def refused(call: Callable[..., Any], **arguments: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**arguments)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    return str(error.value.response["Error"]["Code"])


def test_without_a_policy_nothing_is_allowed(administrator: Any, user: Any) -> None:
    s3 = user()
    one = {"Bucket": "guarded", "Key": "open/1"}
    calls: list[tuple[Any, dict[str, Any]]] = [
        (s3.list_buckets, {}), (s3.list_objects_v2, {"Bucket": "guarded"}), (s3.get_object, one),
        (s3.put_object, one | {"Body": b""}), (s3.delete_object, one), (s3.create_multipart_upload, one),
        (s3.get_object_tagging, one), (s3.delete_bucket, {"Bucket": "guarded"}),
        (s3.list_multipart_uploads, {"Bucket": "guarded"}),
        (s3.copy_object, one | {"CopySource": {"Bucket": "guarded", "Key": "closed/1"}}),
    ]  # fmt: skip
    for call, arguments in calls:
        assert refused(call, **arguments) == "AccessDenied", call
    answer = s3.delete_objects(Bucket="guarded", Delete={"Objects": [{"Key": "open/1"}]})
    assert [(e["Key"], e["Code"]) for e in answer["Errors"]] == [("open/1", "AccessDenied")]
    assert administrator.get_object(**one)["Body"].read() == b"1"


def test_a_reader_of_a_prefix_reads_only_there_and_learns_of_nothing_missing(administrator: Any, user: Any) -> None:
    s3 = user({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::guarded/open/*"})
    assert s3.get_object(Bucket="guarded", Key="open/1")["Body"].read() == b"1"
    assert refused(s3.get_object, Bucket="guarded", Key="closed/1") == "AccessDenied"
    assert refused(s3.get_object, Bucket="guarded", Key="open/missing") == "AccessDenied"
    assert refused(s3.put_object, Bucket="guarded", Key="open/1", Body=b"") == "AccessDenied"


def test_who_may_list_is_told_that_an_object_is_missing(administrator: Any, user: Any) -> None:
    s3 = user({"Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"})
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket="guarded", Key="open/missing")


def test_listing_may_be_limited_to_a_prefix(administrator: Any, user: Any) -> None:
    condition = {"StringLike": {"s3:prefix": "open/*"}}
    s3 = user({"Action": "s3:ListBucket", "Resource": "arn:aws:s3:::guarded", "Condition": condition})
    assert [o["Key"] for o in s3.list_objects_v2(Bucket="guarded", Prefix="open/")["Contents"]] == ["open/1"]
    assert refused(s3.list_objects_v2, Bucket="guarded") == "AccessDenied"


def test_a_copy_needs_both_ends(administrator: Any, user: Any) -> None:
    source = {"Bucket": "guarded", "Key": "closed/1"}
    write = {"Action": "s3:PutObject", "Resource": "arn:aws:s3:::guarded/open/*"}
    s3 = user(write, {"Action": "s3:GetObject", "Resource": "arn:aws:s3:::guarded/open/*"})
    assert refused(s3.copy_object, Bucket="guarded", Key="open/2", CopySource=source) == "AccessDenied"
    upload = s3.create_multipart_upload(Bucket="guarded", Key="open/2")["UploadId"]
    part = {"Bucket": "guarded", "Key": "open/2", "UploadId": upload, "PartNumber": 1}
    assert refused(s3.upload_part_copy, **part, CopySource=source) == "AccessDenied"


@pytest.fixture
def writer(administrator: Any, user: Any) -> Any:
    """Who may write and delete in part of a bucket, and read and list nothing."""
    for name in ("tagged", "there"):
        administrator.put_object(Bucket="guarded", Key=f"drop/{name}", Body=b"1")
    on = "arn:aws:s3:::guarded/drop/*"
    return user({"Action": ["s3:PutObject", "s3:DeleteObject"], "Resource": on})


def test_who_may_write_but_not_read_learns_no_entity_tag_from_conditions(administrator: Any, writer: Any) -> None:
    key = {"Bucket": "guarded", "Key": "drop/tagged"}
    tag = administrator.head_object(**key)["ETag"]
    upload = administrator.create_multipart_upload(**key)["UploadId"]
    part = administrator.upload_part(**key, UploadId=upload, PartNumber=1, Body=b"2")["ETag"]
    finished = {"UploadId": upload, "MultipartUpload": {"Parts": [{"ETag": part, "PartNumber": 1}]}}
    for guess in (tag, '"other"'):
        assert refused(writer.put_object, **key, Body=b"2", IfMatch=guess) == "AccessDenied"
        assert refused(writer.delete_object, **key, IfMatch=guess) == "AccessDenied"
        assert refused(writer.complete_multipart_upload, **key, **finished, IfMatch=guess) == "AccessDenied"
        assert refused(writer.put_object, Bucket="guarded", Key="drop/missing", Body=b"2", IfMatch=guess)
        many = {"Objects": [{"Key": "drop/tagged", "ETag": guess}, {"Key": "drop/missing", "ETag": guess}]}
        errors = writer.delete_objects(Bucket="guarded", Delete=many)["Errors"]
        assert [error["Code"] for error in errors] == ["AccessDenied", "AccessDenied"]
    assert administrator.get_object(**key)["Body"].read() == b"1"


def test_who_may_write_may_do_so_on_the_condition_that_there_is_an_object_or_none(writer: Any) -> None:
    key = {"Bucket": "guarded", "Key": "drop/there"}
    with pytest.raises(ClientError, match="PreconditionFailed"):
        writer.put_object(**key, Body=b"2", IfNoneMatch="*")
    writer.delete_object(**key, IfMatch="*")
    writer.put_object(**key, Body=b"2", IfNoneMatch="*")


def test_a_condition_on_an_entity_tag_tells_a_missing_object_only_to_who_may_list(
    administrator: Any, user: Any
) -> None:
    objects = {"Action": ["s3:PutObject", "s3:GetObject", "s3:DeleteObject"], "Resource": "arn:aws:s3:::guarded/drop/*"}
    missing = {"Bucket": "guarded", "Key": "drop/missing", "IfMatch": '"a"'}
    s3 = user(objects)
    assert refused(s3.put_object, **missing, Body=b"") == "AccessDenied"
    assert refused(s3.delete_object, **missing) == "AccessDenied"
    listing = user(objects, {"Action": "s3:ListBucket", "Resource": "arn:aws:s3:::guarded"})
    with pytest.raises(ClientError, match="NoSuchKey"):
        listing.put_object(**missing, Body=b"")


def test_tags_with_an_object_need_the_permission_to_tag(administrator: Any, user: Any) -> None:
    s3 = user({"Action": "s3:PutObject", "Resource": "*"})
    s3.put_object(Bucket="guarded", Key="open/untagged", Body=b"")
    assert refused(s3.put_object, Bucket="guarded", Key="open/tagged", Body=b"", Tagging="a=1") == "AccessDenied"


def test_another_account_s_bucket_is_not_meant(administrator: Any) -> None:
    arguments = {"Bucket": "guarded", "Key": "open/1", "ExpectedBucketOwner": "999999999999"}
    assert refused(administrator.get_object, **arguments) == "AccessDenied"


def test_a_person_s_object_is_hers_alone(tmp_path: Path) -> None:
    """Query results: not even a role that may read all of the bucket sees another person's."""

    async def run() -> None:
        plane = open_plane(PlaneSettings(tmp_path, "http://127.0.0.1:1"), store.KINDS, {})
        await plane.store.write(lambda tx: store.create_bucket(tx, "b", 0.0))
        await store.put_file(plane, "b", "hers", b"1", content_type="a/b", owner_user_id="her")
        await store.put_file(plane, "b", "all's", b"1", content_type="a/b")
        role = Principal("AssumedRole", "1", "arn:aws:sts::1:assumed-role/R/s", role_arn="arn:aws:iam::1:role/R")

        def seen_by(principal: Principal) -> list[str]:
            def read(tx: Any) -> list[str]:
                call = Call(plane, principal, "s3", "ListObjectsV2", "", 0.0, transaction=tx)
                listed = listings.list_objects_v2(call, {"Bucket": "b"})
                found = [entry["Key"] for entry in listed["Contents"]]
                for key in ("hers", "all's"):
                    if key in found:
                        objects.get_object(call, {"Bucket": "b", "Key": key})
                        continue
                    with pytest.raises(ServiceError) as error:
                        objects.get_object(call, {"Bucket": "b", "Key": key})
                    assert error.value.code == "AccessDenied"
                return found

            return plane.store.read(read)

        assert seen_by(replace(role, on_behalf_of="her")) == ["all's", "hers"]
        assert seen_by(replace(role, on_behalf_of="him")) == ["all's"]
        assert seen_by(role) == ["all's"]
        assert not store.is_visible({"owner_user_id": "her"}, ANONYMOUS)
        headers = {"content-length": "0"}
        call = Call(plane, replace(role, on_behalf_of="him"), "s3", "PutObject", "", 0.0, headers=headers)
        call.record = lambda _tx, _answer: None
        with pytest.raises(ServiceError) as error:
            await objects.put_object(call, {"Bucket": "b", "Key": "hers"})
        assert error.value.code == "AccessDenied"
        call = Call(plane, replace(role, on_behalf_of="her"), "s3", "PutObject", "", 0.0, headers=headers)
        call.record = lambda _tx, _answer: None
        await objects.put_object(call, {"Bucket": "b", "Key": "hers"})
        kept = plane.store.read(lambda tx: store.find_object(tx, "b", "hers"))
        assert kept is not None
        assert (kept["size"], kept["owner_user_id"]) == (0, "her")
        plane.store.close()

    asyncio.run(run())
