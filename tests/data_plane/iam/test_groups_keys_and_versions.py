"""Groups, access keys, versions of policies, instance profiles and the account, through boto3."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError

_names = count()
TRUST = json.dumps(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}}
)


def document(*actions: str, effect: str = "Allow", **members: Any) -> str:
    statement = {"Effect": effect, "Action": list(actions), "Resource": "*", **members}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def refusal(call: Any, **members: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**members)
    code: str = refused.value.response["Error"]["Code"]
    return code


@pytest.fixture(scope="module")
def iam(plane: Any) -> Any:
    return plane.client("iam")


@pytest.fixture
def name() -> str:
    return f"thing{next(_names)}"


@pytest.fixture
def user(iam: Any, name: str) -> Any:
    iam.create_user(UserName=name)
    return name


def as_user(plane: Any, iam: Any, user: str) -> Any:
    """An IAM client that signs as the user."""
    key = iam.create_access_key(UserName=user)["AccessKey"]
    return plane.client("iam", {"AccessKeyId": key["AccessKeyId"], "SecretAccessKey": key["SecretAccessKey"]})


def test_a_user_may_what_her_groups_may_while_she_is_in_them(plane: Any, iam: Any, user: str) -> None:
    client = as_user(plane, iam, user)
    group = f"of-{user}"
    iam.create_group(GroupName=group, Path="/teams/")
    iam.put_group_policy(GroupName=group, PolicyName="p", PolicyDocument=document("iam:ListRoles"))
    assert refusal(client.list_roles) == "AccessDenied"
    iam.add_user_to_group(GroupName=group, UserName=user)
    iam.add_user_to_group(GroupName=group, UserName=user)  # once more changes nothing
    assert client.list_roles()
    assert [u["UserName"] for u in iam.get_group(GroupName=group)["Users"]] == [user]
    assert [g["Arn"] for g in iam.list_groups_for_user(UserName=user)["Groups"]] == [
        f"arn:aws:iam::111122223333:group/teams/{group}"
    ]
    iam.put_group_policy(GroupName=group, PolicyName="p", PolicyDocument=document("iam:ListRoles", effect="Deny"))
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=document("iam:*"))
    assert refusal(client.list_roles) == "AccessDenied"
    iam.remove_user_from_group(GroupName=group, UserName=user)
    assert client.list_roles()
    assert refusal(iam.remove_user_from_group, GroupName=group, UserName=user) == "NoSuchEntity"


def test_a_group_goes_only_when_it_is_empty_and_allows_nothing(iam: Any, user: str) -> None:
    group = f"full-{user}"
    iam.create_group(GroupName=group)
    iam.add_user_to_group(GroupName=group, UserName=user)
    iam.attach_group_policy(GroupName=group, PolicyArn="arn:aws:iam::aws:policy/AWSDenyAll")
    attached = iam.list_attached_group_policies(GroupName=group)["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["AWSDenyAll"]
    assert refusal(iam.delete_group, GroupName=group) == "DeleteConflict"
    iam.detach_group_policy(GroupName=group, PolicyArn="arn:aws:iam::aws:policy/AWSDenyAll")
    assert refusal(iam.delete_group, GroupName=group) == "DeleteConflict"
    assert refusal(iam.delete_user, UserName=user) == "DeleteConflict"
    iam.remove_user_from_group(GroupName=group, UserName=user)
    iam.delete_group(GroupName=group)
    assert refusal(iam.get_group, GroupName=group) == "NoSuchEntity"


def test_a_renamed_user_keeps_keys_groups_and_id(plane: Any, iam: Any, user: str) -> None:
    group, new = f"renamed-{user}", f"New-{user}"
    client = as_user(plane, iam, user)
    before = iam.get_user(UserName=user)["User"]
    iam.create_group(GroupName=group)
    iam.add_user_to_group(GroupName=group, UserName=user)
    iam.put_group_policy(GroupName=group, PolicyName="p", PolicyDocument=document("iam:GetUser"))
    iam.update_user(UserName=user, NewUserName=new, NewPath="/deep/")
    iam.update_group(GroupName=group, NewGroupName=f"also-{group}")
    after = client.get_user()["User"]
    assert (after["UserName"], after["UserId"]) == (new, before["UserId"])
    assert after["Arn"] == f"arn:aws:iam::111122223333:user/deep/{new}"
    assert refusal(iam.get_user, UserName=user) == "NoSuchEntity"
    iam.create_user(UserName=user)
    assert refusal(iam.update_user, UserName=user, NewUserName=new.upper()) == "EntityAlreadyExists"
    assert iam.get_user(UserName=user)["User"]["UserName"] == user


def test_a_user_has_two_keys_that_can_be_switched_off(plane: Any, iam: Any, user: str) -> None:
    key = iam.create_access_key(UserName=user)["AccessKey"]
    credentials = {"AccessKeyId": key["AccessKeyId"], "SecretAccessKey": key["SecretAccessKey"]}
    assert plane.client("sts", credentials).get_caller_identity()["Arn"].endswith(f":user/{user}")
    iam.update_access_key(UserName=user, AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert refusal(plane.client("sts", credentials).get_caller_identity) == "InvalidClientTokenId"
    iam.create_access_key(UserName=user)
    assert refusal(iam.create_access_key, UserName=user) == "LimitExceeded"
    listed = {k["AccessKeyId"]: k["Status"] for k in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]}
    assert listed[key["AccessKeyId"]] == "Inactive"
    assert len(listed) == 2


def test_a_user_has_none_of_the_credentials_that_are_not_served(plane: Any, iam: Any, user: str) -> None:
    assert iam.list_mfa_devices(UserName=user)["MFADevices"] == []
    assert iam.list_virtual_mfa_devices()["VirtualMFADevices"] == []
    assert iam.list_signing_certificates(UserName=user)["Certificates"] == []
    assert iam.list_ssh_public_keys(UserName=user)["SSHPublicKeys"] == []
    assert iam.list_service_specific_credentials(UserName=user)["ServiceSpecificCredentials"] == []
    assert refusal(iam.get_login_profile, UserName=user) == "NoSuchEntity"
    assert refusal(iam.list_mfa_devices, UserName="not-there") == "NoSuchEntity"
    key = iam.create_access_key(UserName=user)["AccessKey"]
    theirs = plane.client("iam", {"AccessKeyId": key["AccessKeyId"], "SecretAccessKey": key["SecretAccessKey"]})
    for name in ("list_mfa_devices", "list_signing_certificates", "list_ssh_public_keys", "get_login_profile"):
        for asked in (user, "not-there"):
            assert refusal(getattr(theirs, name), UserName=asked) == "AccessDenied"
    assert refusal(theirs.list_virtual_mfa_devices) == "AccessDenied"


def test_a_key_tells_when_and_for_what_it_was_last_used(plane: Any, iam: Any, user: str) -> None:
    key = iam.create_access_key(UserName=user)["AccessKey"]
    unused = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
    assert (unused["UserName"], unused["AccessKeyLastUsed"]["ServiceName"]) == (user, "N/A")
    credentials = {"AccessKeyId": key["AccessKeyId"], "SecretAccessKey": key["SecretAccessKey"]}
    plane.client("sts", credentials).get_caller_identity()
    plane.client("cloudtrail").lookup_events(MaxResults=1)  # has every record written
    used = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"]
    assert (used["ServiceName"], used["Region"]) == ("sts", "us-east-1")
    assert used["LastUsedDate"]


def test_a_policy_says_what_its_default_version_says(plane: Any, iam: Any, user: str) -> None:
    client = as_user(plane, iam, user)
    arn = iam.create_policy(PolicyName=f"p-{user}", PolicyDocument=document("iam:ListUsers"))["Policy"]["Arn"]
    iam.attach_user_policy(UserName=user, PolicyArn=arn)
    assert client.list_users()
    made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=document("iam:ListRoles"))["PolicyVersion"]
    assert (made["VersionId"], made["IsDefaultVersion"]) == ("v2", False)
    assert refusal(client.list_roles) == "AccessDenied"
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v2")
    assert client.list_roles()
    assert refusal(client.list_users) == "AccessDenied"
    version = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]
    assert version["Document"] == json.loads(document("iam:ListUsers"))
    assert refusal(iam.delete_policy_version, PolicyArn=arn, VersionId="v2") == "DeleteConflict"
    iam.detach_user_policy(UserName=user, PolicyArn=arn)
    assert refusal(iam.delete_policy, PolicyArn=arn) == "DeleteConflict"  # there is another version
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=document("iam:ListRoles"), SetAsDefault=True)
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert {version["VersionId"]: version["IsDefaultVersion"] for version in versions} == {"v2": False, "v3": True}


def test_a_policy_has_at_most_five_versions(iam: Any, name: str) -> None:
    arn = iam.create_policy(PolicyName=name, PolicyDocument=document("iam:ListUsers"))["Policy"]["Arn"]
    for _ in range(4):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=document("iam:ListUsers"))
    assert (
        refusal(iam.create_policy_version, PolicyArn=arn, PolicyDocument=document("iam:ListUsers")) == "LimitExceeded"
    )


def test_policies_of_aws_are_known_and_cannot_be_changed(iam: Any) -> None:
    listed = {policy["PolicyName"] for policy in iam.list_policies(Scope="AWS")["Policies"]}
    assert listed >= {"AdministratorAccess", "AWSDenyAll", "AmazonS3ReadOnlyAccess"}
    arn = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v1"
    assert refusal(iam.create_policy_version, PolicyArn=arn, PolicyDocument=document("s3:*")) == "InvalidInput"
    assert refusal(iam.delete_policy, PolicyArn=arn) == "InvalidInput"
    assert refusal(iam.get_policy, PolicyArn="arn:aws:iam::aws:policy/PowerUserAccess") == "NoSuchEntity"


def test_a_policy_knows_whom_it_is_attached_to_and_whom_it_bounds(iam: Any, user: str) -> None:
    arn = iam.create_policy(PolicyName=f"p-{user}", PolicyDocument=document("s3:*"))["Policy"]["Arn"]
    role, group = f"r-{user}", f"g-{user}"
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=TRUST, PermissionsBoundary=arn)
    iam.create_group(GroupName=group)
    iam.attach_group_policy(GroupName=group, PolicyArn=arn)
    iam.attach_user_policy(UserName=user, PolicyArn=arn)
    found = iam.list_entities_for_policy(PolicyArn=arn)
    assert [u["UserName"] for u in found["PolicyUsers"]] == [user]
    assert [g["GroupName"] for g in found["PolicyGroups"]] == [group]
    assert [r["RoleName"] for r in found["PolicyRoles"]] == [role]
    bounded = iam.list_entities_for_policy(PolicyArn=arn, PolicyUsageFilter="PermissionsBoundary")
    assert (bounded["PolicyUsers"], [r["RoleName"] for r in bounded["PolicyRoles"]]) == ([], [role])
    policy = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (policy["AttachmentCount"], policy["PermissionsBoundaryUsageCount"]) == (2, 1)
    assert arn in {p["Arn"] for p in iam.list_policies(OnlyAttached=True, Scope="Local")["Policies"]}


def test_tags_go_on_users_roles_and_policies(iam: Any, user: str) -> None:
    arn = iam.create_policy(PolicyName=f"p-{user}", PolicyDocument=document("s3:*"))["Policy"]["Arn"]
    iam.create_role(RoleName=user, AssumeRolePolicyDocument=TRUST)
    for kind, member, value in (("user", "UserName", user), ("role", "RoleName", user), ("policy", "PolicyArn", arn)):
        named = {member: value}
        getattr(iam, f"tag_{kind}")(**named, Tags=[{"Key": "Stage", "Value": "dev"}, {"Key": "x", "Value": "1"}])
        getattr(iam, f"tag_{kind}")(**named, Tags=[{"Key": "stage", "Value": "prod"}])  # the same key
        getattr(iam, f"untag_{kind}")(**named, TagKeys=["X"])
        assert getattr(iam, f"list_{kind}_tags")(**named)["Tags"] == [{"Key": "stage", "Value": "prod"}]
        doubled = [{"Key": "k", "Value": "1"}, {"Key": "K", "Value": "2"}]
        assert refusal(getattr(iam, f"tag_{kind}"), **named, Tags=doubled) == "InvalidInput"


def test_tags_and_boundaries_can_be_demanded_of_whoever_makes_roles(plane: Any, iam: Any, user: str) -> None:
    boundary = iam.create_policy(PolicyName=f"b-{user}", PolicyDocument=document("s3:*"))["Policy"]["Arn"]
    demands = [
        {"Null": {"aws:RequestTag/stage": "true"}},
        {"StringNotEquals": {"iam:PermissionsBoundary": boundary}},
    ]
    denials = [{"Effect": "Deny", "Action": "iam:CreateRole", "Resource": "*", "Condition": one} for one in demands]
    denials.append({"Effect": "Deny", "Action": ["iam:TagRole", "iam:UntagRole"], "Resource": "*"})
    allow = {"Effect": "Allow", "Action": "iam:*", "Resource": "*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [allow, *denials]})
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=text)
    client = as_user(plane, iam, user)
    role = {"RoleName": f"r-{user}", "AssumeRolePolicyDocument": TRUST}
    tags = [{"Key": "stage", "Value": "dev"}]
    assert refusal(client.create_role, **role) == "AccessDenied"
    assert refusal(client.create_role, **role, Tags=tags) == "AccessDenied"
    assert refusal(client.create_role, **role, PermissionsBoundary=boundary) == "AccessDenied"
    assert client.create_role(**role, Tags=tags, PermissionsBoundary=boundary)
    assert refusal(client.tag_role, RoleName=role["RoleName"], Tags=tags) == "AccessDenied"


def test_a_role_is_in_an_instance_profile_until_it_is_taken_out(iam: Any, name: str) -> None:
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    made = iam.create_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    assert (made["Arn"], made["Roles"]) == (f"arn:aws:iam::111122223333:instance-profile/{name}", [])
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    again = refusal(iam.add_role_to_instance_profile, InstanceProfileName=name, RoleName=name)
    assert again == "LimitExceeded"
    profiles = iam.list_instance_profiles_for_role(RoleName=name)["InstanceProfiles"]
    assert [profile["Roles"][0]["RoleName"] for profile in profiles] == [name]
    assert refusal(iam.delete_role, RoleName=name) == "DeleteConflict"
    assert refusal(iam.delete_instance_profile, InstanceProfileName=name) == "DeleteConflict"
    iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=name)
    iam.delete_instance_profile(InstanceProfileName=name)
    iam.delete_role(RoleName=name)


@pytest.mark.parametrize(
    ("call", "members"),
    [
        ("create_role", {"RoleName": "big", "AssumeRolePolicyDocument": TRUST[:-1] + f', "Id": "{"x" * 2048}"}}'}),
        ("create_policy", {"PolicyName": "big", "PolicyDocument": document("s3:*", Sid="x" * 6144)}),
    ],
)
def test_documents_have_a_limit(iam: Any, call: str, members: dict[str, str]) -> None:
    assert refusal(getattr(iam, call), **members) == "LimitExceeded"


def test_inline_policies_of_a_user_have_a_limit_together(iam: Any, user: str) -> None:
    half = document("s3:*", Sid="x" * 1000)
    iam.put_user_policy(UserName=user, PolicyName="one", PolicyDocument=half)
    assert refusal(iam.put_user_policy, UserName=user, PolicyName="two", PolicyDocument=half) == "LimitExceeded"
    iam.put_user_policy(UserName=user, PolicyName="one", PolicyDocument=half)


def test_names_are_unique_whatever_their_case_for_every_kind(iam: Any, name: str) -> None:
    iam.create_group(GroupName=name)
    assert refusal(iam.create_group, GroupName=name.upper()) == "EntityAlreadyExists"
    iam.create_instance_profile(InstanceProfileName=name)
    assert refusal(iam.create_instance_profile, InstanceProfileName=name.upper()) == "EntityAlreadyExists"
    iam.create_policy(PolicyName=name, PolicyDocument=document("s3:*"))
    assert refusal(iam.create_policy, PolicyName=name.upper(), PolicyDocument=document("s3:*")) == "EntityAlreadyExists"


def test_a_refusal_does_not_tell_the_path_of_what_is_there(plane: Any, iam: Any, user: str) -> None:
    iam.create_role(RoleName=f"hidden-{user}", Path="/secret/team/", AssumeRolePolicyDocument=TRUST)
    client = as_user(plane, iam, user)
    texts = []
    for role in (f"hidden-{user}", f"absent-{user}"):
        with pytest.raises(ClientError) as refused:
            client.get_role(RoleName=role)
        texts.append(refused.value.response["Error"]["Message"].replace(role, "it"))
    assert texts[0] == texts[1]


def test_the_account_is_summed_up_and_written_out(iam: Any, user: str) -> None:
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=document("s3:*"))
    summary = iam.get_account_summary()["SummaryMap"]
    assert summary["Users"] == len(iam.list_users(MaxItems=1000)["Users"])
    pages = list(iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 7}))
    users = [each for page in pages for each in page["UserDetailList"]]
    assert len(users) == summary["Users"]
    found = next(each for each in users if each["UserName"] == user)
    assert found["UserPolicyList"][0]["PolicyDocument"] == json.loads(document("s3:*"))
    only = iam.get_account_authorization_details(Filter=["Role"])
    assert (only["UserDetailList"], only["Policies"]) == ([], [])
    iam.create_account_alias(AccountAlias="the-mesh")
    assert iam.list_account_aliases()["AccountAliases"] == ["the-mesh"]
    iam.delete_account_alias(AccountAlias="the-mesh")
    assert iam.list_account_aliases()["AccountAliases"] == []


def test_a_simulation_knows_boundary_groups_and_resource_policy(iam: Any, user: str) -> None:
    group = f"g-{user}"
    boundary = iam.create_policy(PolicyName=f"b-{user}", PolicyDocument=document("s3:*"))["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName=user, PermissionsBoundary=boundary)
    iam.create_group(GroupName=group)
    iam.add_user_to_group(GroupName=group, UserName=user)
    iam.put_group_policy(GroupName=group, PolicyName="p", PolicyDocument=document("s3:GetObject", "glue:*"))
    arn = iam.get_user(UserName=user)["User"]["Arn"]
    actions = ["s3:GetObject", "glue:GetTable", "s3:PutObject"]
    results = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=actions)["EvaluationResults"]
    assert [result["EvalDecision"] for result in results] == ["allowed", "implicitDeny", "implicitDeny"]
    assert [r["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"] for r in results] == [
        True, False, True,
    ]  # fmt: skip
    granting = document("s3:PutObject", Principal={"AWS": arn})
    results = iam.simulate_principal_policy(
        PolicySourceArn=arn, ActionNames=actions, ResourcePolicy=granting, ResourceArns=["arn:aws:s3:::b/k"]
    )["EvaluationResults"]
    assert [result["EvalDecision"] for result in results] == ["allowed", "implicitDeny", "allowed"]


def test_a_simulation_of_policies_at_hand_needs_nothing_else(iam: Any) -> None:
    condition = {"StringEquals": {"aws:PrincipalTag/Stage": "${aws:username}"}}
    result = iam.simulate_custom_policy(
        PolicyInputList=[document("s3:*", Condition=condition)], ActionNames=["s3:GetObject"],
        ContextEntries=[
            {"ContextKeyName": "aws:PrincipalTag/Stage", "ContextKeyValues": ["eve"], "ContextKeyType": "string"},
            {"ContextKeyName": "aws:username", "ContextKeyValues": ["eve"], "ContextKeyType": "string"},
        ],
        OrderedOrganizationPolicyInputList=[{"ServiceControlPolicyInputList": [document("glue:*")]}],
    )["EvaluationResults"][0]  # fmt: skip
    assert result["EvalDecision"] == "implicitDeny"
    assert result["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": False}
    keys = iam.get_context_keys_for_custom_policy(PolicyInputList=[document("s3:*", Condition=condition)])
    assert keys["ContextKeyNames"] == ["aws:PrincipalTag/Stage", "aws:username"]


def test_what_iam_does_not_serve_says_so(iam: Any, user: str) -> None:
    assert refusal(iam.create_login_profile, UserName=user, Password="a secret") == "NotImplemented"
    assert refusal(iam.create_service_linked_role, AWSServiceName="glue.amazonaws.com") == "NotImplemented"
