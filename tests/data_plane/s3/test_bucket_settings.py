"""A bucket's settings: location, tags, ownership and its ACLs, encryption."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from twinplane.data_plane.testing import RunningPlane

BUCKET = "settings"


@pytest.fixture(scope="module")
def s3(plane: RunningPlane) -> Any:
    client = plane.client("s3")
    client.create_bucket(Bucket=BUCKET)
    client.put_object(Bucket=BUCKET, Key="k", Body=b"")
    return client


def code_of(call: Callable[..., Any], **arguments: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return str(error.value.response["Error"]["Code"])


def test_buckets_are_listed_by_prefix_in_pages(s3: Any) -> None:
    for number in range(5):
        s3.create_bucket(Bucket=f"page-{number}")
    pages = list(s3.get_paginator("list_buckets").paginate(Prefix="page-", PaginationConfig={"PageSize": 2}))
    assert [[b["Name"] for b in page["Buckets"]] for page in pages] == [
        ["page-0", "page-1"], ["page-2", "page-3"], ["page-4"],
    ]  # fmt: skip
    assert {page["Prefix"] for page in pages} == {"page-"}


def test_tags_of_a_bucket(s3: Any) -> None:
    assert code_of(s3.get_bucket_tagging, Bucket=BUCKET) == "NoSuchTagSet"
    tags = [{"Key": "team", "Value": "a b"}, {"Key": "cost", "Value": ""}]
    s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": tags})
    assert s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"] == tags
    twice = {"TagSet": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}
    assert code_of(s3.put_bucket_tagging, Bucket=BUCKET, Tagging=twice) == "InvalidTag"
    many = {"TagSet": [{"Key": f"k{n}", "Value": ""} for n in range(51)]}
    assert code_of(s3.put_bucket_tagging, Bucket=BUCKET, Tagging=many) == "BadRequest"
    assert s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"] == tags
    s3.delete_bucket_tagging(Bucket=BUCKET)
    assert code_of(s3.get_bucket_tagging, Bucket=BUCKET) == "NoSuchTagSet"


def test_a_bucket_may_be_made_with_tags_and_ownership(s3: Any) -> None:
    tags = [{"Key": "team", "Value": "a"}]
    made = {"Bucket": "made-with-tags", "ObjectOwnership": "BucketOwnerEnforced"}
    s3.create_bucket(**made, CreateBucketConfiguration={"Tags": tags})
    assert s3.get_bucket_tagging(Bucket="made-with-tags")["TagSet"] == tags
    assert code_of(s3.create_bucket, Bucket="with-acls", ObjectOwnership="ObjectWriter") == "NotImplemented"
    assert "with-acls" not in [b["Name"] for b in s3.list_buckets()["Buckets"]]


def test_acls_are_off_and_answer_that_the_owner_has_everything(s3: Any) -> None:
    rules = s3.get_bucket_ownership_controls(Bucket=BUCKET)["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    s3.put_bucket_ownership_controls(Bucket=BUCKET, OwnershipControls={"Rules": rules})
    owner = s3.list_buckets()["Owner"]["ID"]
    mine = {"Grantee": {"ID": owner, "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}
    where = {"Bucket": BUCKET, "Key": "k"}
    for acl in (s3.get_bucket_acl(Bucket=BUCKET), s3.get_object_acl(**where)):
        assert (acl["Owner"]["ID"], acl["Grants"]) == (owner, [mine])
    s3.put_object_acl(**where, ACL="bucket-owner-full-control")
    s3.put_object_acl(**where, AccessControlPolicy={"Owner": {"ID": owner}, "Grants": [mine]})
    for refused in (
        {"ACL": "public-read"},
        {"GrantRead": 'uri="http://acs.amazonaws.com/groups/global/AllUsers"'},
        {"AccessControlPolicy": {"Owner": {"ID": owner}, "Grants": [mine, mine | {"Permission": "READ"}]}},
    ):
        assert code_of(s3.put_object_acl, **where, **refused) == "AccessControlListNotSupported"
        assert code_of(s3.put_bucket_acl, Bucket=BUCKET, **refused) == "AccessControlListNotSupported"


def test_objects_are_encrypted_by_s3_s_own_keys(s3: Any) -> None:
    def rule() -> Any:
        return s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]

    default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    assert rule() == [default | {"BucketKeyEnabled": False}]
    put = {"Bucket": BUCKET, "ServerSideEncryptionConfiguration": {"Rules": [default | {"BucketKeyEnabled": True}]}}
    s3.put_bucket_encryption(**put)
    assert rule()[0]["BucketKeyEnabled"]
    s3.delete_bucket_encryption(Bucket=BUCKET)
    assert rule() == [default | {"BucketKeyEnabled": False}]
    by_kms = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]}
    code = code_of(s3.put_bucket_encryption, Bucket=BUCKET, ServerSideEncryptionConfiguration=by_kms)
    assert code == "NotImplemented"


SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "s3:PutBucketTagging": ("put_bucket_tagging", {"Tagging": {"TagSet": [{"Key": "a", "Value": ""}]}}),
    "s3:GetBucketTagging": ("get_bucket_tagging", {}),
    "s3:PutEncryptionConfiguration": ("delete_bucket_encryption", {}),
    "s3:GetEncryptionConfiguration": ("get_bucket_encryption", {}),
    "s3:GetBucketOwnershipControls": ("get_bucket_ownership_controls", {}),
    "s3:GetBucketAcl": ("get_bucket_acl", {}),
    "s3:PutBucketCORS": ("delete_bucket_cors", {}),
    "s3:GetBucketLocation": ("get_bucket_location", {}),
}


def test_each_setting_needs_its_own_permission(plane: RunningPlane, s3: Any) -> None:
    iam = plane.client("iam")
    iam.create_user(UserName="settler")
    client = plane.client("s3", iam.create_access_key(UserName="settler")["AccessKey"])
    for action, (name, arguments) in SETTINGS.items():
        for allowed in (False, True):
            chosen = action if allowed else "s3:ListBucket"
            allow = {"Effect": "Allow", "Action": chosen, "Resource": f"arn:aws:s3:::{BUCKET}"}
            policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
            iam.put_user_policy(UserName="settler", PolicyName="p", PolicyDocument=policy)
            if allowed:
                getattr(client, name)(Bucket=BUCKET, **arguments)
            else:
                assert code_of(getattr(client, name), Bucket=BUCKET, **arguments) == "AccessDenied", name
