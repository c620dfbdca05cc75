"""Sessions of roles through boto3: who may have one, how long, and how it is narrowed."""

from __future__ import annotations

import json
import time
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError

_names = count()


def make_role(
    plane: Any,
    principal: str,
    actions: Any = "sts:AssumeRole",
    condition: Any = None,
    allow: Any = "iam:GetRole",
    **more: Any,
) -> str:
    """A role that `principal` may assume and that may do `allow`; returns its ARN."""
    iam = plane.client("iam")
    name = f"Role{next(_names)}"
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": actions, "Condition": condition or {}}
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust), **more)["Role"]
    allowed = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": allow, "Resource": "*"}}
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(allowed))
    arn: str = role["Arn"]
    return arn


ADMINISTRATOR = "arn:aws:iam::111122223333:user/administrator"


def assume(client: Any, role_arn: str, **members: Any) -> dict[str, Any]:
    answer: dict[str, Any] = client.assume_role(RoleArn=role_arn, RoleSessionName="tester", **members)
    return answer


def refusal(call: Any, *arguments: Any, **members: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(*arguments, **members)
    code: str = refused.value.response["Error"]["Code"]
    return code


@pytest.fixture(scope="module")
def sts(plane: Any) -> Any:
    return plane.client("sts")


def test_the_administrator_is_who_she_is(sts: Any) -> None:
    identity = sts.get_caller_identity()
    assert identity["Arn"] == ADMINISTRATOR
    assert identity["Account"] == "111122223333"
    assert identity["UserId"].startswith("AIDA")


def test_a_session_is_the_role_under_a_name(plane: Any, sts: Any) -> None:
    arn = make_role(plane, ADMINISTRATOR, Path="/deep/down/")
    answer = assume(sts, arn)
    me = plane.client("sts", answer["Credentials"]).get_caller_identity()
    name = arn.rpartition("/")[2]
    assert me["Arn"] == f"arn:aws:sts::111122223333:assumed-role/{name}/tester" == answer["AssumedRoleUser"]["Arn"]
    assert me["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]
    assert 3590 < answer["Credentials"]["Expiration"].timestamp() - time.time() < 3601


def test_a_role_that_does_not_trust_the_caller_cannot_be_assumed(plane: Any, sts: Any) -> None:
    arn = make_role(plane, "arn:aws:iam::111122223333:user/somebody")
    assert refusal(assume, sts, arn) == "AccessDenied"


def test_a_missing_role_is_refused_like_a_forbidden_one(sts: Any) -> None:
    assert refusal(assume, sts, "arn:aws:iam::111122223333:role/Nothing") == "AccessDenied"


def test_trust_in_the_account_leaves_it_to_the_callers_policies(plane: Any, sts: Any) -> None:
    target = make_role(plane, "arn:aws:iam::111122223333:root")
    able = assume(sts, make_role(plane, ADMINISTRATOR, allow="sts:AssumeRole"))["Credentials"]
    unable = assume(sts, make_role(plane, ADMINISTRATOR, allow="iam:GetRole"))["Credentials"]
    assert assume(plane.client("sts", able), target)["Credentials"]
    assert refusal(assume, plane.client("sts", unable), target) == "AccessDenied"


def test_a_session_may_do_what_its_role_may(plane: Any, sts: Any) -> None:
    arn = make_role(plane, ADMINISTRATOR, allow="iam:GetRole")
    iam = plane.client("iam", assume(sts, arn)["Credentials"])
    assert iam.get_role(RoleName=arn.rpartition("/")[2])
    assert refusal(iam.list_roles) == "AccessDenied"


def test_a_session_policy_narrows_and_never_widens(plane: Any, sts: Any) -> None:
    arn = make_role(plane, ADMINISTRATOR, allow=["iam:GetRole", "iam:ListRoles"])

    def session(action: str) -> Any:
        policy = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": action, "Resource": "*"}}
        return plane.client("iam", assume(sts, arn, Policy=json.dumps(policy))["Credentials"])

    assert session("iam:ListRoles").list_roles()["Roles"]
    assert refusal(session("iam:GetRole").list_roles) == "AccessDenied"
    assert refusal(session("*").list_users) == "AccessDenied"


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"DurationSeconds": 7200}, "ValidationError"),
        ({"Policy": "not a policy"}, "MalformedPolicyDocument"),
        ({"PolicyArns": [{"arn": "arn:aws:iam::111122223333:policy/Missing"}]}, "ValidationError"),
        ({"SourceIdentity": "with space"}, "ValidationError"),
        (
            {
                "ProvidedContexts": [
                    {"ProviderArn": "arn:aws:iam::aws:contextProvider/Other", "ContextAssertion": "abcd"}
                ]
            },
            "ValidationError",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_name(plane: Any, sts: Any, members: dict[str, Any], code: str) -> None:
    assert refusal(assume, sts, make_role(plane, ADMINISTRATOR, "sts:*"), **members) == code


def test_a_role_may_allow_longer_sessions_but_not_for_chained_ones(plane: Any, sts: Any) -> None:
    first = make_role(plane, ADMINISTRATOR, MaxSessionDuration=7200)
    second = make_role(plane, first, MaxSessionDuration=7200)
    credentials = assume(sts, first, DurationSeconds=7200)["Credentials"]
    assert credentials["Expiration"].timestamp() - time.time() > 7100
    chained = plane.client("sts", credentials)
    assert refusal(assume, chained, second, DurationSeconds=3601) == "ValidationError"
    assert assume(chained, second, DurationSeconds=3600)


@pytest.mark.parametrize(
    ("members", "action"),
    [
        ({"Tags": [{"Key": "k", "Value": "v"}]}, "sts:TagSession"),
        ({"SourceIdentity": "request-7"}, "sts:SetSourceIdentity"),
    ],
)
def test_tags_and_source_identity_need_their_own_permission(plane: Any, sts: Any, members: Any, action: str) -> None:
    assert refusal(assume, sts, make_role(plane, ADMINISTRATOR), **members) == "AccessDenied"
    assert assume(sts, make_role(plane, ADMINISTRATOR, ["sts:AssumeRole", action]), **members)


def test_a_source_identity_stays_through_further_roles(plane: Any, sts: Any) -> None:
    actions = ["sts:AssumeRole", "sts:SetSourceIdentity"]
    first = make_role(plane, ADMINISTRATOR, actions)
    second = make_role(plane, first, actions)
    third = make_role(plane, first)
    chained = plane.client("sts", assume(sts, first, SourceIdentity="request-7")["Credentials"])
    assert assume(chained, second)["SourceIdentity"] == "request-7"
    assert refusal(assume, chained, second, SourceIdentity="another") == "AccessDenied"
    assert refusal(assume, chained, third) == "AccessDenied"


def test_session_tags_are_the_principals_tags(plane: Any, sts: Any) -> None:
    iam = plane.client("iam")
    arn = make_role(plane, ADMINISTRATOR, ["sts:AssumeRole", "sts:TagSession"])
    statement = {
        "Effect": "Allow", "Action": "iam:ListRoles", "Resource": "*",
        "Condition": {"StringEquals": {"aws:PrincipalTag/stage": "dev"}},
    }  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
    iam.put_role_policy(RoleName=arn.rpartition("/")[2], PolicyName="p", PolicyDocument=policy)

    def session(stage: str) -> Any:
        return plane.client("iam", assume(sts, arn, Tags=[{"Key": "stage", "Value": stage}])["Credentials"])

    assert session("dev").list_roles()["Roles"]
    assert refusal(session("prod").list_roles) == "AccessDenied"


def test_a_trust_policy_can_ask_for_an_external_id(plane: Any, sts: Any) -> None:
    arn = make_role(plane, ADMINISTRATOR, condition={"StringEquals": {"sts:ExternalId": "s3cret"}})
    assert refusal(assume, sts, arn) == "AccessDenied"
    assert refusal(assume, sts, arn, ExternalId="other") == "AccessDenied"
    assert assume(sts, arn, ExternalId="s3cret")


def test_sessions_end_with_their_role_even_when_one_of_that_name_is_made_again(plane: Any, sts: Any) -> None:
    arn = make_role(plane, ADMINISTRATOR)
    name = arn.rpartition("/")[2]
    session = plane.client("sts", assume(sts, arn)["Credentials"])
    assert session.get_caller_identity()
    iam = plane.client("iam")
    trust = json.dumps(iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"])
    iam.delete_role_policy(RoleName=name, PolicyName="p")
    iam.delete_role(RoleName=name)
    assert refusal(session.get_caller_identity) == "InvalidClientTokenId"
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    assert refusal(session.get_caller_identity) == "InvalidClientTokenId"


@pytest.mark.parametrize("spoilt", ["SessionToken", "SecretAccessKey", "AccessKeyId"])
def test_credentials_that_were_changed_are_refused(plane: Any, sts: Any, spoilt: str) -> None:
    credentials = dict(assume(sts, make_role(plane, ADMINISTRATOR))["Credentials"])
    text = credentials[spoilt]
    credentials[spoilt] = text[:10] + ("A" if text[10] != "A" else "B") + text[11:]
    code = refusal(plane.client("sts", credentials).get_caller_identity)
    assert code == ("SignatureDoesNotMatch" if spoilt == "SecretAccessKey" else "InvalidClientTokenId")


def test_a_token_does_not_serve_other_credentials(plane: Any, sts: Any) -> None:
    arn = make_role(plane, ADMINISTRATOR)
    one, two = (dict(assume(sts, arn)["Credentials"]) for _ in range(2))
    mixed = two | {"SessionToken": one["SessionToken"]}
    assert refusal(plane.client("sts", mixed).get_caller_identity) == "InvalidClientTokenId"
    del one["SessionToken"]
    assert refusal(plane.client("sts", one).get_caller_identity) == "InvalidClientTokenId"


def test_transitive_tags_go_on_to_further_roles_and_cannot_be_changed(plane: Any, sts: Any) -> None:
    tagging = ["sts:AssumeRole", "sts:TagSession"]
    first = make_role(plane, ADMINISTRATOR, tagging, allow="sts:*")
    stage = {"StringEquals": {"aws:RequestTag/stage": "dev"}}
    second = make_role(plane, first, tagging, condition=stage)
    tags = [{"Key": "stage", "Value": "dev"}, {"Key": "other", "Value": "x"}]
    kept = plane.client("sts", assume(sts, first, Tags=tags, TransitiveTagKeys=["stage"])["Credentials"])
    lost = plane.client("sts", assume(sts, first, Tags=tags)["Credentials"])
    assert assume(kept, second)["Credentials"]
    assert refusal(assume, lost, second) == "AccessDenied"
    assert refusal(assume, kept, second, Tags=[{"Key": "Stage", "Value": "prod"}]) == "InvalidParameterValue"
    assert refusal(assume, kept, make_role(plane, first)) == "AccessDenied"  # what is handed down needs TagSession too
    assert refusal(assume, sts, first, Tags=tags, TransitiveTagKeys=["third"]) == "ValidationError"


def test_managed_session_policies_are_read_when_they_are_used(plane: Any, sts: Any) -> None:
    iam = plane.client("iam")

    def document(action: str) -> str:
        statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
        return json.dumps({"Version": "2012-10-17", "Statement": statement})

    policy = iam.create_policy(PolicyName="Listing", PolicyDocument=document("iam:ListRoles"))["Policy"]["Arn"]
    role = make_role(plane, ADMINISTRATOR, allow="iam:*")
    session = plane.client("iam", assume(sts, role, PolicyArns=[{"arn": policy}])["Credentials"])
    assert session.list_roles()
    assert refusal(session.list_users) == "AccessDenied"
    iam.delete_policy(PolicyArn=policy)
    assert refusal(session.list_roles) == "AccessDenied"


def test_sessions_older_than_a_moment_are_revoked_by_a_policy(plane: Any, sts: Any) -> None:
    role = make_role(plane, ADMINISTRATOR)
    session = plane.client("iam", assume(sts, role)["Credentials"])
    assert session.get_role(RoleName=role.rpartition("/")[2])
    before = {"DateLessThan": {"aws:TokenIssueTime": "2100-01-01T00:00:00Z"}}
    revoked = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": before}
    document = json.dumps({"Version": "2012-10-17", "Statement": revoked})
    plane.client("iam").put_role_policy(
        RoleName=role.rpartition("/")[2], PolicyName="AWSRevokeOlderSessions", PolicyDocument=document
    )
    assert refusal(session.get_role, RoleName=role.rpartition("/")[2]) == "AccessDenied"
    assert plane.client("iam").get_role(RoleName=role.rpartition("/")[2])  # long-term credentials were never issued
