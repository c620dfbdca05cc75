"""Roles, users, access keys and managed policies through boto3."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

TRUST = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole"},
}


def document(**members: Any) -> str:
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*", **members}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture(scope="module")
def iam(plane: Any) -> Any:
    return plane.client("iam")


def make_role(iam: Any, name: str, **members: Any) -> dict[str, Any]:
    role: dict[str, Any] = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST), **members)["Role"]
    return role


def refusal(call: Any, **members: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**members)
    code: str = refused.value.response["Error"]["Code"]
    return code


def test_a_role_is_found_as_it_was_made(iam: Any) -> None:
    made = make_role(
        iam, "Reader", Path="/mesh/", Description="reads", MaxSessionDuration=7200, Tags=[{"Key": "k", "Value": "v"}]
    )
    found = iam.get_role(RoleName="Reader")["Role"]
    assert found == made
    assert found["Arn"] == "arn:aws:iam::111122223333:role/mesh/Reader"
    assert found["AssumeRolePolicyDocument"] == TRUST
    assert found["MaxSessionDuration"] == 7200
    assert found["Tags"] == [{"Key": "k", "Value": "v"}]
    assert found["RoleId"].startswith("AROA")


def test_two_roles_cannot_have_names_that_differ_only_in_case(iam: Any) -> None:
    make_role(iam, "Twice")
    assert (
        refusal(iam.create_role, RoleName="TWICE", AssumeRolePolicyDocument=json.dumps(TRUST)) == "EntityAlreadyExists"
    )


def test_what_is_not_there_is_not_found(iam: Any) -> None:
    assert refusal(iam.get_role, RoleName="Nobody") == "NoSuchEntity"
    assert refusal(iam.put_role_policy, RoleName="Nobody", PolicyName="p", PolicyDocument=document()) == "NoSuchEntity"
    make_role(iam, "Bare")
    assert refusal(iam.get_role_policy, RoleName="Bare", PolicyName="p") == "NoSuchEntity"
    missing = "arn:aws:iam::111122223333:policy/Missing"
    assert refusal(iam.attach_role_policy, RoleName="Bare", PolicyArn=missing) == "NoSuchEntity"
    assert refusal(iam.put_role_permissions_boundary, RoleName="Bare", PermissionsBoundary=missing) == "NoSuchEntity"


@pytest.mark.parametrize(
    "broken", ["{}", "no json", document(Condition={"StringSame": {"k": "v"}}), document(Effect="x")]
)
def test_a_policy_that_is_none_is_refused(iam: Any, broken: str) -> None:
    name = f"Strict-{uuid.uuid4().hex[:8]}"
    make_role(iam, name)
    code = refusal(iam.put_role_policy, RoleName=name, PolicyName="p", PolicyDocument=broken)
    assert code == "MalformedPolicyDocument"
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == []


def test_inline_policies_are_listed_page_by_page(iam: Any) -> None:
    make_role(iam, "Many")
    for number in range(5):
        iam.put_role_policy(RoleName="Many", PolicyName=f"p{number}", PolicyDocument=document())
    pages = iam.get_paginator("list_role_policies").paginate(RoleName="Many", PaginationConfig={"PageSize": 2})
    assert [page["PolicyNames"] for page in pages] == [["p0", "p1"], ["p2", "p3"], ["p4"]]
    assert iam.get_role_policy(RoleName="Many", PolicyName="p3")["PolicyDocument"] == json.loads(document())


def test_a_role_with_policies_cannot_be_deleted(iam: Any) -> None:
    make_role(iam, "Busy")
    iam.put_role_policy(RoleName="Busy", PolicyName="p", PolicyDocument=document())
    iam.attach_role_policy(RoleName="Busy", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    assert refusal(iam.delete_role, RoleName="Busy") == "DeleteConflict"
    iam.delete_role_policy(RoleName="Busy", PolicyName="p")
    assert refusal(iam.delete_role, RoleName="Busy") == "DeleteConflict"
    iam.detach_role_policy(RoleName="Busy", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    iam.delete_role(RoleName="Busy")
    assert refusal(iam.get_role, RoleName="Busy") == "NoSuchEntity"


def test_trust_boundary_and_tags_can_be_changed(iam: Any) -> None:
    make_role(iam, "Changing")
    boundary = iam.create_policy(PolicyName="Fence", PolicyDocument=document())["Policy"]["Arn"]
    other = TRUST | {"Statement": {**TRUST["Statement"], "Action": "sts:*"}}  # type: ignore[dict-item]
    iam.update_assume_role_policy(RoleName="Changing", PolicyDocument=json.dumps(other))
    iam.put_role_permissions_boundary(RoleName="Changing", PermissionsBoundary=boundary)
    iam.tag_role(RoleName="Changing", Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    iam.untag_role(RoleName="Changing", TagKeys=["a"])
    role = iam.get_role(RoleName="Changing")["Role"]
    assert role["AssumeRolePolicyDocument"] == other
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    assert role["Tags"] == [{"Key": "b", "Value": "2"}]
    assert refusal(iam.delete_policy, PolicyArn=boundary) == "DeleteConflict"
    iam.delete_role_permissions_boundary(RoleName="Changing")
    iam.delete_policy(PolicyArn=boundary)
    assert refusal(iam.get_policy, PolicyArn=boundary) == "NoSuchEntity"


def test_a_managed_policy_gives_its_document(iam: Any) -> None:
    arn = iam.create_policy(PolicyName="Given", Path="/mesh/", PolicyDocument=document())["Policy"]["Arn"]
    assert arn == "arn:aws:iam::111122223333:policy/mesh/Given"
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    found = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
    assert found["Document"] == json.loads(document())
    assert found["IsDefaultVersion"] is True


def test_a_user_signs_with_its_access_key_until_that_is_taken_away(plane: Any, iam: Any) -> None:
    iam.create_user(UserName="robot")
    iam.put_user_policy(UserName="robot", PolicyName="p", PolicyDocument=document(Action="iam:GetUser"))
    key = iam.create_access_key(UserName="robot")["AccessKey"]
    robot = plane.client("iam", key)
    assert robot.get_user()["User"]["UserName"] == "robot"
    assert refusal(robot.list_users) == "AccessDenied"
    assert [k["AccessKeyId"] for k in iam.list_access_keys(UserName="robot")["AccessKeyMetadata"]] == [
        key["AccessKeyId"]
    ]

    iam.update_access_key(UserName="robot", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert refusal(robot.get_user) == "InvalidClientTokenId"
    iam.update_access_key(UserName="robot", AccessKeyId=key["AccessKeyId"], Status="Active")
    assert robot.get_user()["User"]["UserName"] == "robot"

    assert refusal(iam.delete_user, UserName="robot") == "DeleteConflict"
    iam.delete_access_key(UserName="robot", AccessKeyId=key["AccessKeyId"])
    assert refusal(robot.get_user) == "InvalidClientTokenId"


def test_no_secret_of_an_access_key_is_stored(plane: Any, iam: Any) -> None:
    iam.create_user(UserName="secretive")
    secret = iam.create_access_key(UserName="secretive")["AccessKey"]["SecretAccessKey"]
    for file in plane.state.glob("plane.db*"):
        assert secret.encode() not in file.read_bytes()


def test_the_simulator_decides_as_the_plane_does(iam: Any) -> None:
    role = make_role(iam, "Simulated")
    iam.put_role_policy(
        RoleName="Simulated",
        PolicyName="p",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::mine/*"},
                    {
                        "Effect": "Deny",
                        "Action": "s3:DeleteObject",
                        "Resource": "*",
                        "Condition": {"StringNotEquals": {"aws:PrincipalTag/stage": "dev"}},
                    },
                ],
            }
        ),
    )

    def decision(action: str, resource: str, stage: str | None = None) -> str:
        entries = (
            []
            if stage is None
            else [{"ContextKeyName": "aws:PrincipalTag/stage", "ContextKeyValues": [stage], "ContextKeyType": "string"}]
        )
        result: str = iam.simulate_principal_policy(
            PolicySourceArn=role["Arn"], ActionNames=[action], ResourceArns=[resource], ContextEntries=entries
        )["EvaluationResults"][0]["EvalDecision"]
        return result

    assert decision("s3:GetObject", "arn:aws:s3:::mine/k") == "allowed"
    assert decision("s3:GetObject", "arn:aws:s3:::other/k") == "implicitDeny"
    assert decision("s3:DeleteObject", "arn:aws:s3:::mine/k") == "explicitDeny"
    assert decision("s3:DeleteObject", "arn:aws:s3:::mine/k", "dev") == "allowed"
