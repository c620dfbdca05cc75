"""Bucket policies together with identity policies, and what Block Public Access makes of them."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError

from twinplane.data_plane.services.s3.public_access import is_public
from twinplane.data_plane.testing import RunningPlane

Statement = dict[str, Any]
BUCKET, ARN = "policed", "arn:aws:s3:::policed"
OBJECT = {"Bucket": BUCKET, "Key": "in/1"}
ALL_OFF = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), False)


def text(*statements: Statement) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(principal: Any, action: Any = "s3:GetObject", resource: Any = f"{ARN}/*", **more: Any) -> Statement:
    return {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource, **more}


def deny(principal: Any, action: Any = "s3:GetObject", resource: Any = f"{ARN}/*", **more: Any) -> Statement:
    return allow(principal, action, resource, **more) | {"Effect": "Deny"}


@pytest.fixture(scope="module")
def s3(plane: RunningPlane) -> Any:
    client = plane.client("s3")
    client.create_bucket(Bucket=BUCKET)
    client.put_object(**OBJECT, Body=b"1", Tagging="class=open")
    client.put_object(Bucket=BUCKET, Key="out/1", Body=b"2", Tagging="class=closed")
    return client


@pytest.fixture(autouse=True)
def _clean(s3: Any) -> Iterator[None]:
    yield
    s3.delete_bucket_policy(Bucket=BUCKET)
    s3.put_public_access_block(
        Bucket=BUCKET, PublicAccessBlockConfiguration=dict.fromkeys(ALL_OFF, True)
    )  # what a new bucket has


@pytest.fixture(scope="module")
def user(plane: RunningPlane) -> Callable[..., tuple[Any, str]]:
    """Makes a user with these identity statements: an S3 client and the user's ARN."""
    iam, count = plane.client("iam"), iter(range(100))

    def make(*statements: Statement) -> tuple[Any, str]:
        name = f"user{next(count)}"
        arn = iam.create_user(UserName=name)["User"]["Arn"]
        if statements:
            policy = text(*({"Effect": "Allow", **s} for s in statements))
            iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy)
        return plane.client("s3", iam.create_access_key(UserName=name)["AccessKey"]), arn

    return make


def code_of(call: Callable[..., Any], **arguments: Any) -> str:
    """The error's code, or "" when the call succeeds."""
    try:
        call(**arguments)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


READ = {"Action": "s3:GetObject", "Resource": f"{ARN}/*"}


def test_either_policy_may_allow_and_any_deny_wins(s3: Any, user: Any) -> None:
    nobody, nobody_arn = user()
    reader, reader_arn = user(READ)
    cases: list[tuple[Any, list[Statement], str]] = [
        (nobody, [allow({"AWS": nobody_arn})], ""),
        (nobody, [allow({"AWS": reader_arn})], "AccessDenied"),
        (nobody, [allow({"AWS": nobody_arn}, resource=f"{ARN}/out/*")], "AccessDenied"),
        (nobody, [allow({"AWS": nobody_arn}, action="s3:PutObject")], "AccessDenied"),
        (nobody, [allow({"AWS": "111122223333"})], "AccessDenied"),  # the account decides by identity policies
        (nobody, [allow({"AWS": "arn:aws:iam::111122223333:root"})], "AccessDenied"),
        (reader, [allow({"AWS": nobody_arn})], ""),
        (reader, [deny({"AWS": reader_arn})], "AccessDenied"),
        (reader, [deny("*")], "AccessDenied"),
        (reader, [deny("*"), allow({"AWS": reader_arn})], "AccessDenied"),
        (reader, [deny("*", resource=f"{ARN}/out/*")], ""),
        (reader, [{**deny("*"), "Principal": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}],
         "AccessDenied"),
        (nobody, [allow({"AWS": nobody_arn}, Condition={"StringEquals": {"s3:ExistingObjectTag/class": "open"}})], ""),
        (nobody, [allow({"AWS": nobody_arn}, Condition={"StringEquals": {"s3:ExistingObjectTag/class": "closed"}})],
         "AccessDenied"),
        (nobody, [allow({"AWS": nobody_arn}, Condition={"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}})], ""),
        (nobody, [allow({"AWS": nobody_arn}, Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})],
         "AccessDenied"),
        (nobody, [allow({"AWS": nobody_arn}, Condition={"StringEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"}})],
         ""),
        (nobody, [allow({"AWS": nobody_arn}, Condition={"NumericLessThan": {"s3:signatureAge": "60000"}})], ""),
        (nobody, [allow({"AWS": nobody_arn}, Condition={"StringEquals": {"s3:authType": "REST-QUERY-STRING"}})],
         "AccessDenied"),
    ]  # fmt: skip
    for client, statements, expected in cases:
        s3.put_bucket_policy(Bucket=BUCKET, Policy=text(*statements))
        assert code_of(client.get_object, **OBJECT) == expected, statements


def test_conditions_on_what_is_written(s3: Any, user: Any) -> None:
    client, arn = user()
    write = allow({"AWS": arn}, "s3:PutObject", Condition={"StringEquals": {"s3:x-amz-storage-class": "STANDARD"}})
    s3.put_bucket_policy(Bucket=BUCKET, Policy=text(write))
    new = {"Bucket": BUCKET, "Key": "new", "Body": b""}
    assert code_of(client.put_object, **new) == "AccessDenied"
    assert code_of(client.put_object, **new, StorageClass="STANDARD") == ""
    unconditional = [allow({"AWS": arn}, "s3:PutObject"), allow({"AWS": arn}, "s3:PutObjectTagging")]
    once = {"Null": {"s3:if-none-match": "true"}}  # writes must say that they replace nothing
    s3.put_bucket_policy(Bucket=BUCKET, Policy=text(*unconditional, deny("*", "s3:PutObject", Condition=once)))
    assert code_of(client.put_object, **new) == "AccessDenied"
    assert code_of(client.put_object, **(new | {"Key": "newer"}), IfNoneMatch="*") == ""
    tagged = {"ForAllValues:StringEquals": {"s3:RequestObjectTagKeys": ["class"]}}
    s3.put_bucket_policy(Bucket=BUCKET, Policy=text(unconditional[0], {**unconditional[1], "Condition": tagged}))
    assert code_of(client.put_object, **new, Tagging="class=a") == ""
    assert code_of(client.put_object, **new, Tagging="class=a&other=b") == "AccessDenied"


def test_a_bucket_policy_gives_listings_deletes_and_copies(s3: Any, user: Any) -> None:
    client, arn = user()
    limited = {"StringLike": {"s3:prefix": "in/*"}}
    s3.put_bucket_policy(
        Bucket=BUCKET,
        Policy=text(
            allow({"AWS": arn}, "s3:ListBucket", ARN, Condition=limited),
            allow({"AWS": arn}, ["s3:GetObject", "s3:GetObjectTagging", "s3:DeleteObject"], f"{ARN}/in/*"),
            allow({"AWS": arn}, ["s3:PutObject", "s3:PutObjectTagging"], f"{ARN}/copy/*"),
        ),
    )
    assert [o["Key"] for o in client.list_objects_v2(Bucket=BUCKET, Prefix="in/")["Contents"]] == ["in/1"]
    assert code_of(client.list_objects_v2, Bucket=BUCKET) == "AccessDenied"
    copy = {"Bucket": BUCKET, "Key": "copy/1"}
    assert code_of(client.copy_object, **copy, CopySource=f"{BUCKET}/in/1") == ""
    assert code_of(client.copy_object, **copy, CopySource=f"{BUCKET}/out/1") == "AccessDenied"
    answer = client.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "in/none"}, {"Key": "out/1"}]})
    assert [d["Key"] for d in answer["Deleted"]] == ["in/none"]
    assert [e["Key"] for e in answer["Errors"]] == ["out/1"]


def test_a_role_s_session_is_limited_by_its_session_policy_unless_the_bucket_names_the_session(
    plane: RunningPlane, s3: Any
) -> None:
    iam, sts = plane.client("iam"), plane.client("sts")
    trust = text({"Effect": "Allow", "Principal": {"AWS": plane.account_id}, "Action": "sts:AssumeRole"})
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    nothing = text({"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"})
    session = sts.assume_role(RoleArn=role, RoleSessionName="limited", Policy=nothing)
    client = plane.client("s3", session["Credentials"])
    free = plane.client("s3", sts.assume_role(RoleArn=role, RoleSessionName="free")["Credentials"])
    s3.put_bucket_policy(Bucket=BUCKET, Policy=text(allow({"AWS": role})))
    assert (code_of(client.get_object, **OBJECT), code_of(free.get_object, **OBJECT)) == ("AccessDenied", "")
    s3.put_bucket_policy(Bucket=BUCKET, Policy=text(allow({"AWS": session["AssumedRoleUser"]["Arn"]})))
    assert (code_of(client.get_object, **OBJECT), code_of(free.get_object, **OBJECT)) == ("", "AccessDenied")


# Public access


def anonymous(
    plane: RunningPlane, method: str = "GET", path: str = f"/{BUCKET}/in/1", body: bytes | None = None
) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(plane.endpoint + path, body, method=method)) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


def test_nobody_comes_in_unnamed_unless_block_public_access_is_off(plane: RunningPlane, s3: Any) -> None:
    public = text(allow("*"))
    assert anonymous(plane) == 403
    assert code_of(s3.put_bucket_policy, Bucket=BUCKET, Policy=public) == "AccessDenied"
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=ALL_OFF)
    s3.put_bucket_policy(Bucket=BUCKET, Policy=public)
    assert anonymous(plane) == 200
    assert (anonymous(plane, "PUT", body=b"x"), anonymous(plane, "DELETE")) == (403, 403)
    assert anonymous(plane, path=f"/{BUCKET}/none") == 403  # who may not list learns of nothing missing
    assert anonymous(plane, path=f"/{BUCKET}") == 403
    assert s3.get_bucket_policy_status(Bucket=BUCKET)["PolicyStatus"]["IsPublic"]
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=ALL_OFF | {"RestrictPublicBuckets": True})
    assert anonymous(plane) == 403
    s3.delete_public_access_block(Bucket=BUCKET)
    assert anonymous(plane) == 200
    assert code_of(s3.get_public_access_block, Bucket=BUCKET) == "NoSuchPublicAccessBlockConfiguration"


def test_a_policy_for_fixed_places_is_not_public_and_lets_them_in(plane: RunningPlane, s3: Any) -> None:
    s3.put_bucket_policy(
        Bucket=BUCKET, Policy=text(allow("*", Condition={"IpAddress": {"aws:SourceIp": "127.0.0.1/32"}}))
    )
    assert not s3.get_bucket_policy_status(Bucket=BUCKET)["PolicyStatus"]["IsPublic"]
    assert anonymous(plane) == 200
    s3.put_bucket_policy(
        Bucket=BUCKET, Policy=text(allow("*", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.1/32"}}))
    )
    assert anonymous(plane) == 403


def test_a_new_bucket_blocks_public_access(s3: Any) -> None:
    found = s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    assert found == dict.fromkeys(ALL_OFF, True)


@pytest.mark.parametrize(
    ("public", "statement"),
    [
        (True, allow("*")),
        (True, allow({"AWS": "*"})),
        (True, allow({"AWS": ["arn:aws:iam::1:user/u", "*"]})),
        (False, allow({"AWS": "arn:aws:iam::111122223333:root"})),
        (False, deny("*")),
        (False, allow("*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}})),
        (False, allow("*", Condition={"StringEquals": {"aws:SourceVpce": "vpce-1"}})),
        (True, allow("*", Condition={"StringLike": {"aws:SourceVpce": "vpce-*"}})),
        (True, allow("*", Condition={"StringNotEquals": {"aws:SourceVpce": "vpce-1"}})),
        (True, allow("*", Condition={"StringEqualsIfExists": {"aws:SourceVpce": "vpce-1"}})),
        (True, allow("*", Condition={"StringEquals": {"aws:UserAgent": "me"}})),
        (True, allow("*", Condition={"StringEquals": {"aws:userid": "${aws:userid}"}})),
        (True, allow("*", Condition={"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}})),
        (True, allow("*", Condition={"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "0.0.0.0/1"]}})),
        (False, allow("*", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})),
        (False, allow("*", Condition={"ArnLike": {"aws:SourceArn": "arn:aws:sns:us-east-1:111122223333:*"}})),
        (True, allow("*", Condition={"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:*"}})),
    ],
)  # fmt: skip
def test_what_public_means(public: bool, statement: Statement) -> None:
    assert is_public(text(statement)) == public
    assert is_public(text(allow({"AWS": "arn:aws:iam::1:root"}), statement)) == public


# The document itself


@pytest.mark.parametrize(
    "policy",
    [
        "not json",
        "{}",
        text({"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{ARN}/*"}),
        text(allow({"AWS": "arn:aws:iam::111122223333:root"}, resource="arn:aws:s3:::another/*")),
        text(allow({"AWS": "arn:aws:iam::111122223333:root"}, resource="arn:aws:s3:::policed-too/*")),
        text(allow({"AWS": "arn:aws:iam::111122223333:root"}, action="glue:GetTable")),
        text(allow({"AWS": "arn:aws:iam::111122223333:root"}, Condition={"Weird": {"a": "b"}})),
        text(allow({"AWS": "arn:aws:iam::111122223333:root"}, Sid="x" * 21_000)),
    ],
)
def test_what_is_not_a_policy_of_this_bucket_is_refused(s3: Any, policy: str) -> None:
    assert code_of(s3.put_bucket_policy, Bucket=BUCKET, Policy=policy) == "MalformedPolicy"
    assert code_of(s3.get_bucket_policy, Bucket=BUCKET) == "NoSuchBucketPolicy"


def test_a_policy_is_given_back_as_it_was_put_and_ends_with_its_bucket(s3: Any) -> None:
    policy = text(allow({"AWS": "arn:aws:iam::111122223333:root"})).replace("{", "{ ")
    s3.create_bucket(Bucket="passing")
    mine = policy.replace(BUCKET, "passing")
    s3.put_bucket_policy(Bucket="passing", Policy=mine)
    assert s3.get_bucket_policy(Bucket="passing")["Policy"] == mine
    s3.delete_bucket(Bucket="passing")
    s3.create_bucket(Bucket="passing")
    assert code_of(s3.get_bucket_policy, Bucket="passing") == "NoSuchBucketPolicy"


def test_each_operation_on_policies_needs_its_own_permission(s3: Any, user: Any) -> None:
    mine = text(allow({"AWS": "arn:aws:iam::111122223333:root"}))
    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "s3:PutBucketPolicy": ("put_bucket_policy", {"Policy": mine}),
        "s3:GetBucketPolicy": ("get_bucket_policy", {}),
        "s3:GetBucketPolicyStatus": ("get_bucket_policy_status", {}),
        "s3:PutBucketPublicAccessBlock": (
            "put_public_access_block", {"PublicAccessBlockConfiguration": dict.fromkeys(ALL_OFF, True)}),
        "s3:GetBucketPublicAccessBlock": ("get_public_access_block", {}),
        "s3:DeleteBucketPolicy": ("delete_bucket_policy", {}),
    }  # fmt: skip
    nobody, _ = user()
    for action, (name, arguments) in calls.items():
        assert code_of(getattr(nobody, name), Bucket=BUCKET, **arguments) == "AccessDenied", action
        allowed, _ = user({"Action": action, "Resource": ARN})
        assert code_of(getattr(allowed, name), Bucket=BUCKET, **arguments) == "", action


def test_a_query_s_result_is_not_written_where_the_bucket_denies_it(plane: RunningPlane, s3: Any) -> None:
    athena = plane.client("athena")
    athena.create_work_group(Name="writers")
    query = {
        "QueryString": "SELECT 1",
        "WorkGroup": "writers",
        "ResultConfiguration": {"OutputLocation": f"s3://{BUCKET}/results/"},
    }
    athena.start_query_execution(**query)
    s3.put_bucket_policy(Bucket=BUCKET, Policy=text(deny("*", "s3:PutObject", f"{ARN}/results/*")))
    assert code_of(athena.start_query_execution, **query) == "AccessDeniedException"
