"""Versions of objects, through unmodified boto3."""

import contextlib
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pysqlite3 import dbapi2 as sqlite

from twinplane.data_plane.testing import RunningPlane, running_plane

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def s3(plane: RunningPlane) -> Any:
    return plane.client("s3")


def new_bucket(s3: Any, status: str | None = "Enabled") -> str:
    name = f"versions-{next(_numbers)}"
    s3.create_bucket(Bucket=name)
    if status is not None:
        set_status(s3, name, status)
    return name


def set_status(s3: Any, bucket: str, status: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})


def put(s3: Any, bucket: str, key: str, body: bytes) -> str | None:
    found: str | None = s3.put_object(Bucket=bucket, Key=key, Body=body).get("VersionId")
    return found


def body_of(s3: Any, bucket: str, key: str, version: str | None = None) -> bytes:
    named = {} if version is None else {"VersionId": version}
    found: bytes = s3.get_object(Bucket=bucket, Key=key, **named)["Body"].read()
    return found


def refusal(operation: Any, **arguments: Any) -> tuple[str, int, dict[str, str]]:
    with pytest.raises(ClientError) as error:
        operation(**arguments)
    metadata = error.value.response["ResponseMetadata"]
    return error.value.response["Error"]["Code"], metadata["HTTPStatusCode"], metadata["HTTPHeaders"]


def versions_of(s3: Any, bucket: str, **arguments: Any) -> list[tuple[str, str, bool, str]]:
    """(key, version id, is the latest, "marker" or "version"), as listed; markers behind versions."""
    listed = s3.list_object_versions(Bucket=bucket, **arguments)
    return [
        (entry["Key"], entry["VersionId"], entry["IsLatest"], kind)
        for kind, member in (("version", "Versions"), ("marker", "DeleteMarkers"))
        for entry in listed.get(member, [])
    ]


def test_versioning_is_off_until_it_is_asked_for_and_can_only_be_suspended(s3: Any) -> None:
    bucket = new_bucket(s3, None)
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    for status in ("Enabled", "Suspended", "Enabled"):
        set_status(s3, bucket, status)
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == status
    configuration: dict[str, Any] = {"Status": "Enabled", "MFADelete": "Enabled"}
    assert refusal(s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration=configuration)[:2] == (
        "NotImplemented", 501,
    )  # fmt: skip
    assert refusal(s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration={})[1] == 400


def test_each_write_is_a_version_and_the_last_is_the_current_one(s3: Any) -> None:
    bucket = new_bucket(s3)
    bodies = [b"one", b"two" * 20_000, b"three"]  # kept in a row, in a file, in a row
    ids = [put(s3, bucket, "k", body) for body in bodies]
    assert len(set(ids)) == 3
    got = s3.get_object(Bucket=bucket, Key="k")
    assert (got["Body"].read(), got["VersionId"]) == (b"three", ids[2])
    assert [body_of(s3, bucket, "k", version) for version in ids] == bodies
    head = s3.head_object(Bucket=bucket, Key="k", VersionId=ids[1])
    assert (head["ContentLength"], head["VersionId"]) == (60_000, ids[1])
    assert versions_of(s3, bucket) == [
        ("k", ids[2], True, "version"), ("k", ids[1], False, "version"), ("k", ids[0], False, "version"),
    ]  # fmt: skip
    assert [entry["Size"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [5]


def test_a_delete_marker_hides_an_object_and_its_removal_brings_it_back(s3: Any) -> None:
    bucket = new_bucket(s3)
    version = put(s3, bucket, "k", b"1")
    deleted = s3.delete_object(Bucket=bucket, Key="k")
    marker = deleted["VersionId"]
    assert deleted["DeleteMarker"] is True
    code, status, headers = refusal(s3.get_object, Bucket=bucket, Key="k")
    assert (code, status) == ("NoSuchKey", 404)
    assert (headers["x-amz-delete-marker"], headers["x-amz-version-id"]) == ("true", marker)
    code, status, headers = refusal(s3.head_object, Bucket=bucket, Key="k")
    assert (status, headers["x-amz-delete-marker"]) == (404, "true")
    for read in (s3.get_object, s3.head_object):
        _code, status, headers = refusal(read, Bucket=bucket, Key="k", VersionId=marker)
        assert (status, headers["x-amz-delete-marker"], headers["allow"]) == (405, "true", "DELETE")
        assert "last-modified" in headers
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    assert versions_of(s3, bucket) == [("k", version, False, "version"), ("k", marker, True, "marker")]
    assert body_of(s3, bucket, "k", version) == b"1"
    removed = s3.delete_object(Bucket=bucket, Key="k", VersionId=marker)
    assert (removed["DeleteMarker"], removed["VersionId"]) == (True, marker)
    assert body_of(s3, bucket, "k") == b"1"
    assert versions_of(s3, bucket) == [("k", version, True, "version")]


def test_a_delete_without_a_version_always_leaves_a_marker(s3: Any) -> None:
    bucket = new_bucket(s3)
    markers = [s3.delete_object(Bucket=bucket, Key="never there")["VersionId"] for _ in range(2)]
    assert versions_of(s3, bucket) == [
        ("never there", markers[1], True, "marker"), ("never there", markers[0], False, "marker"),
    ]  # fmt: skip
    assert refusal(s3.delete_bucket, Bucket=bucket)[0] == "BucketNotEmpty"
    for marker in markers:
        s3.delete_object(Bucket=bucket, Key="never there", VersionId=marker)
    s3.delete_bucket(Bucket=bucket)


def test_removing_versions_for_good_makes_the_one_before_current(s3: Any) -> None:
    bucket = new_bucket(s3)
    one, two, three = (put(s3, bucket, "k", body) for body in (b"1", b"2", b"3"))
    s3.delete_object(Bucket=bucket, Key="k", VersionId=three)
    assert body_of(s3, bucket, "k") == b"2"
    s3.delete_object(Bucket=bucket, Key="k", VersionId=one)
    assert body_of(s3, bucket, "k") == b"2"
    assert versions_of(s3, bucket) == [("k", two, True, "version")]
    again = s3.delete_object(Bucket=bucket, Key="k", VersionId=one)
    assert again["VersionId"] == one
    s3.delete_object(Bucket=bucket, Key="k", VersionId=two)
    code, _status, headers = refusal(s3.get_object, Bucket=bucket, Key="k")
    assert (code, "x-amz-delete-marker" in headers) == ("NoSuchKey", False)
    assert refusal(s3.get_object, Bucket=bucket, Key="k", VersionId=two)[:2] == ("NoSuchVersion", 404)
    assert refusal(s3.get_object, Bucket=bucket, Key="k", VersionId="not an id!")[:2] == ("InvalidArgument", 400)


def test_the_object_from_before_versioning_is_the_null_version(s3: Any) -> None:
    bucket = new_bucket(s3, None)
    assert put(s3, bucket, "k", b"before") is None
    assert "VersionId" not in s3.head_object(Bucket=bucket, Key="k")
    assert body_of(s3, bucket, "k", "null") == b"before"
    set_status(s3, bucket, "Enabled")
    assert s3.head_object(Bucket=bucket, Key="k")["VersionId"] == "null"
    version = put(s3, bucket, "k", b"after")
    assert body_of(s3, bucket, "k", "null") == b"before"
    s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
    assert body_of(s3, bucket, "k") == b"before"


def test_while_versioning_is_suspended_writes_replace_the_null_version_alone(s3: Any) -> None:
    bucket = new_bucket(s3)
    version = put(s3, bucket, "k", b"kept")
    set_status(s3, bucket, "Suspended")
    for body in (b"null 1", b"null 2"):
        assert put(s3, bucket, "k", body) is None
    assert s3.head_object(Bucket=bucket, Key="k")["VersionId"] == "null"
    assert versions_of(s3, bucket) == [("k", "null", True, "version"), ("k", version, False, "version")]
    deleted = s3.delete_object(Bucket=bucket, Key="k")
    assert (deleted["DeleteMarker"], deleted["VersionId"]) == (True, "null")
    assert versions_of(s3, bucket) == [("k", version, False, "version"), ("k", "null", True, "marker")]
    set_status(s3, bucket, "Enabled")
    newest = put(s3, bucket, "k", b"newest")
    set_status(s3, bucket, "Suspended")
    put(s3, bucket, "k", b"null 3")  # replaces the null marker, which lies below the newest
    assert versions_of(s3, bucket) == [
        ("k", "null", True, "version"), ("k", newest, False, "version"), ("k", version, False, "version"),
    ]  # fmt: skip
    s3.delete_object(Bucket=bucket, Key="k", VersionId="null")
    assert body_of(s3, bucket, "k") == b"newest"


def test_tags_copies_and_attributes_are_of_the_version_named(s3: Any) -> None:
    bucket = new_bucket(s3)
    old, new = put(s3, bucket, "k", b"old"), put(s3, bucket, "k", b"new and longer")
    tags = {"TagSet": [{"Key": "a", "Value": "1"}]}
    assert s3.put_object_tagging(Bucket=bucket, Key="k", VersionId=old, Tagging=tags)["VersionId"] == old
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []
    assert s3.get_object_tagging(Bucket=bucket, Key="k", VersionId=old)["TagSet"] == tags["TagSet"]
    attributes = s3.get_object_attributes(Bucket=bucket, Key="k", VersionId=old, ObjectAttributes=["ObjectSize"])
    assert (attributes["ObjectSize"], attributes["VersionId"]) == (3, old)
    copied = s3.copy_object(
        Bucket=bucket, Key="k", CopySource={"Bucket": bucket, "Key": "k", "VersionId": old}
    )  # an old version becomes the current one: no change of metadata is asked for
    assert copied["CopySourceVersionId"] == old
    assert copied["VersionId"] not in (old, new)
    assert body_of(s3, bucket, "k") == b"old"
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == tags["TagSet"]
    assert s3.get_object_acl(Bucket=bucket, Key="k", VersionId=old)["Grants"]
    s3.delete_object_tagging(Bucket=bucket, Key="k", VersionId=old)
    assert s3.get_object_tagging(Bucket=bucket, Key="k", VersionId=old)["TagSet"] == []
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    source = {"Bucket": bucket, "Key": "k", "VersionId": marker}
    assert refusal(s3.copy_object, Bucket=bucket, Key="other", CopySource=source)[1] in (400, 405)
    assert refusal(s3.get_object_tagging, Bucket=bucket, Key="k", VersionId=marker)[1] == 405


def test_uploads_in_parts_make_versions_too(s3: Any) -> None:
    bucket = new_bucket(s3)
    first = put(s3, bucket, "k", b"first")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    named = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    source = {"Bucket": bucket, "Key": "k", "VersionId": first}
    copied = s3.upload_part_copy(**named, PartNumber=1, CopySource=source)
    assert copied["CopySourceVersionId"] == first
    part = {"PartNumber": 1, "ETag": copied["CopyPartResult"]["ETag"]}
    done = s3.complete_multipart_upload(**named, MultipartUpload={"Parts": [part]})
    assert s3.head_object(Bucket=bucket, Key="k")["VersionId"] == done["VersionId"] != first
    assert body_of(s3, bucket, "k", first) == body_of(s3, bucket, "k") == b"first"


def test_many_are_deleted_at_once_by_version_or_hidden_by_markers(s3: Any) -> None:
    bucket = new_bucket(s3)
    old, new = put(s3, bucket, "a", b"1"), put(s3, bucket, "a", b"2")
    put(s3, bucket, "b", b"1")
    answered = s3.delete_objects(
        Bucket=bucket,
        Delete={"Objects": [{"Key": "a", "VersionId": old}, {"Key": "b"}, {"Key": "a", "VersionId": "no such id!"}]},
    )
    by_version, hidden = sorted(answered["Deleted"], key=lambda entry: str(entry["Key"]))
    assert by_version == {"Key": "a", "VersionId": old}
    assert (hidden["Key"], hidden["DeleteMarker"]) == ("b", True)
    assert [(e["Key"], e["VersionId"], e["Code"]) for e in answered["Errors"]] == [
        ("a", "no such id!", "InvalidArgument")
    ]
    assert body_of(s3, bucket, "a", new) == b"2"
    marker = hidden["DeleteMarkerVersionId"]
    answered = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "b", "VersionId": marker}]})
    assert answered["Deleted"] == [
        {"Key": "b", "VersionId": marker, "DeleteMarker": True, "DeleteMarkerVersionId": marker}
    ]
    assert body_of(s3, bucket, "b") == b"1"


@pytest.mark.parametrize("page_size", [1, 2, 3, 1000])
def test_pages_of_versions_hold_each_once_newest_first(s3: Any, page_size: int) -> None:
    bucket = new_bucket(s3)
    made: list[tuple[str, str | None]] = []
    for key in ("a", "dir/x", "dir/y", "ü"):
        ids = [put(s3, bucket, key, str(n).encode()) for n in range(3)]
        if key == "dir/x":
            ids.append(s3.delete_object(Bucket=bucket, Key=key)["VersionId"])
        made += [(key, version) for version in reversed(ids)]

    def listed(**arguments: Any) -> tuple[list[tuple[str, str]], list[str]]:
        pages = s3.get_paginator("list_object_versions").paginate(
            Bucket=bucket, PaginationConfig={"PageSize": page_size}, **arguments
        )
        found, prefixes = [], []
        for page in pages:
            entries = page.get("Versions", []) + page.get("DeleteMarkers", [])
            assert len(entries) + len(page.get("CommonPrefixes", [])) <= page_size
            found += [(entry["Key"], entry["VersionId"]) for entry in entries]
            prefixes += [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]
        return found, prefixes

    def sorted_versions(found: list[Any]) -> list[Any]:
        return sorted(found)

    assert sorted_versions(listed()[0]) == sorted_versions(made)
    if page_size == 1:
        assert listed()[0] == made
    under = [entry for entry in made if entry[0].startswith("dir/")]
    assert sorted_versions(listed(Prefix="dir/")[0]) == sorted_versions(under)
    rest, prefixes = listed(Delimiter="/")
    assert sorted_versions(rest) == sorted_versions([entry for entry in made if entry not in under])
    assert prefixes == ["dir/"]


def test_a_client_that_deletes_page_after_page_misses_nothing(s3: Any) -> None:
    bucket = new_bucket(s3)
    for n in range(3):
        for key in ("a", "b"):
            put(s3, bucket, key, str(n).encode())
    s3.delete_object(Bucket=bucket, Key="a")
    markers: dict[str, str] = {}
    for _page in range(10):
        page = s3.list_object_versions(Bucket=bucket, MaxKeys=2, **markers)
        for entry in page.get("Versions", []) + page.get("DeleteMarkers", []):
            s3.delete_object(Bucket=bucket, Key=entry["Key"], VersionId=entry["VersionId"])
        if not page["IsTruncated"]:
            break
        markers = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}
    assert versions_of(s3, bucket) == []
    s3.delete_bucket(Bucket=bucket)


def test_conditions_look_at_the_current_version(s3: Any) -> None:
    bucket = new_bucket(s3)
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["ETag"]
    assert refusal(s3.put_object, Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")[1] == 412
    s3.delete_object(Bucket=bucket, Key="k")
    s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")  # a delete marker is no object
    assert refusal(s3.delete_object, Bucket=bucket, Key="k", IfMatch=etag)[1] == 412
    assert body_of(s3, bucket, "k") == b"2"


def test_a_version_may_be_read_and_removed_only_with_the_right_to_versions(plane: RunningPlane, s3: Any) -> None:
    bucket = new_bucket(s3)
    old = put(s3, bucket, "k", b"old")
    put(s3, bucket, "k", b"new")
    iam = plane.client("iam")
    iam.create_user(UserName="no-versions")
    document = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:DeleteObject",'
        '"s3:ListBucket","s3:PutObject","s3:GetObjectTagging"],"Resource":"*"}]}'
    )
    iam.put_user_policy(UserName="no-versions", PolicyName="p", PolicyDocument=document)
    keys = iam.create_access_key(UserName="no-versions")["AccessKey"]
    theirs = plane.client("s3", {"AccessKeyId": keys["AccessKeyId"], "SecretAccessKey": keys["SecretAccessKey"]})
    assert body_of(theirs, bucket, "k") == b"new"
    version = {"Bucket": bucket, "Key": "k", "VersionId": old}
    for operation in (
        theirs.get_object,
        theirs.head_object,
        theirs.delete_object,
        theirs.get_object_tagging,
        theirs.get_object_acl,
    ):
        assert refusal(operation, **version)[1] == 403
    assert refusal(theirs.list_object_versions, Bucket=bucket)[1] == 403
    assert refusal(theirs.copy_object, Bucket=bucket, Key="copy", CopySource=version)[1] == 403
    assert refusal(
        theirs.put_bucket_versioning, Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}
    )[1] == 403  # fmt: skip
    many = theirs.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k", "VersionId": old}]})
    assert [entry["Code"] for entry in many["Errors"]] == ["AccessDenied"]
    theirs.delete_object(Bucket=bucket, Key="k")  # hides it; nothing is lost
    assert body_of(s3, bucket, "k", old) == b"old"


def test_a_marker_and_what_follows_it_belong_to_the_person_whose_object_it_hides(tmp_path: Path) -> None:
    """The person is given out of the way: only Athena makes objects that have an owner."""
    where: Any = {"Bucket": "results", "Key": "hers"}
    with running_plane(tmp_path) as plane:
        s3 = plane.client("s3")
        s3.create_bucket(Bucket="results")
        set_status(s3, "results", "Enabled")
        put(s3, "results", "hers", b"secret")
        s3.delete_object(**where)
    with contextlib.closing(sqlite.connect(tmp_path / "plane.db")) as database, database:
        rows = database.execute("SELECT rank, body FROM s3_version").fetchall()
        for rank, body in rows:
            owned = json.dumps(json.loads(body) | {"owner_user_id": "ana"}).encode()
            database.execute("UPDATE s3_version SET body = ? WHERE rank = ?", (owned, rank))
    assert len(rows) == 2
    with running_plane(tmp_path) as plane:
        s3 = plane.client("s3")
        assert refusal(s3.get_object, **where)[0] == "AccessDenied"
        assert refusal(s3.put_object, **where, Body=b"mine")[0] == "AccessDenied"
        assert refusal(s3.delete_object, **where)[0] == "AccessDenied"
        listed = s3.list_object_versions(Bucket="results")
        assert "Versions" not in listed
        assert "DeleteMarkers" not in listed
