"""Permission sets, account assignments and the roles they become, through boto3."""

from __future__ import annotations

import json
import time
from itertools import count
from typing import Any
from urllib.parse import unquote

import pytest
from botocore.exceptions import ClientError

_numbers = count()
ADMINISTRATOR_ACCESS = "arn:aws:iam::aws:policy/AdministratorAccess"


def policy(*actions: str) -> str:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Center:
    """Identity Center with builders that need no more than they are about."""

    def __init__(self, plane: Any) -> None:
        self.plane, self.client, self.iam = plane, plane.client("sso-admin"), plane.client("iam")
        [instance] = self.client.list_instances()["Instances"]
        self.instance, self.store_id = instance["InstanceArn"], instance["IdentityStoreId"]

    def __getattr__(self, operation: str) -> Any:
        call = getattr(self.client, operation)
        return lambda **members: call(InstanceArn=self.instance, **members)

    def person(self) -> str:
        names = {"GivenName": "Ada", "FamilyName": "Person"}
        made = self.plane.client("identitystore").create_user(
            IdentityStoreId=self.store_id, UserName=f"person{next(_numbers)}", DisplayName="Ada", Name=names
        )
        return str(made["UserId"])

    def permission_set(self, *actions: str, **members: Any) -> str:
        made = self.create_permission_set(Name=f"Set{next(_numbers)}", **members)["PermissionSet"]
        arn = str(made["PermissionSetArn"])
        if actions:
            self.put_inline_policy_to_permission_set(PermissionSetArn=arn, InlinePolicy=policy(*actions))
        return arn

    def assignment(self, permission_set: str, principal: str, kind: str = "USER") -> dict[str, str]:
        return {
            "TargetId": self.plane.account_id, "TargetType": "AWS_ACCOUNT", "PermissionSetArn": permission_set,
            "PrincipalType": kind, "PrincipalId": principal,
        }  # fmt: skip

    def assign(self, permission_set: str, principal: str, kind: str = "USER") -> dict[str, Any]:
        asked = self.create_account_assignment(**self.assignment(permission_set, principal, kind))
        return self.settled("creation", asked["AccountAssignmentCreationStatus"])

    def unassign(self, permission_set: str, principal: str, kind: str = "USER") -> dict[str, Any]:
        asked = self.delete_account_assignment(**self.assignment(permission_set, principal, kind))
        return self.settled("deletion", asked["AccountAssignmentDeletionStatus"])

    def settled(self, what: str, status: dict[str, Any]) -> dict[str, Any]:
        """The status once the request is done."""
        assert status["Status"] == "IN_PROGRESS"
        member = f"AccountAssignment{what.capitalize()}RequestId"
        deadline = time.time() + 10
        while status["Status"] == "IN_PROGRESS" and time.time() < deadline:
            describe = getattr(self, f"describe_account_assignment_{what}_status")
            status = describe(**{member: status["RequestId"]})[f"AccountAssignment{what.capitalize()}Status"]
        return status

    def role(self, permission_set: str) -> dict[str, Any] | None:
        name = self.describe_permission_set(PermissionSetArn=permission_set)["PermissionSet"]["Name"]
        roles = self.iam.list_roles(PathPrefix="/aws-reserved/sso.amazonaws.com/")["Roles"]
        return next((role for role in roles if role["RoleName"].startswith(f"AWSReservedSSO_{name}_")), None)


@pytest.fixture(scope="module")
def center(plane: Any) -> Center:
    return Center(plane)


def refusal(call: Any, **members: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**members)
    code: str = refused.value.response["Error"]["Code"]
    return code


def test_an_assignment_becomes_a_role_that_nobody_can_assume_by_hand(center: Center) -> None:
    person = center.person()
    arn = center.permission_set("glue:GetTable", SessionDuration="PT8H", Description="Reads tables")
    status = center.assign(arn, person)
    assert (status["Status"], status["PrincipalId"]) == ("SUCCEEDED", person)
    role = center.role(arn)
    assert role is not None
    assert role["MaxSessionDuration"] == 8 * 3600
    inline = center.iam.get_role_policy(RoleName=role["RoleName"], PolicyName="AwsSSOInlinePolicy")["PolicyDocument"]
    assert inline["Statement"][0]["Action"] == ["glue:GetTable"]
    trust = json.dumps(role["AssumeRolePolicyDocument"])
    assert "sts:AssumeRoleWithSAML" in unquote(trust)
    sts = center.plane.client("sts")
    assert refusal(sts.assume_role, RoleArn=role["Arn"], RoleSessionName="me") == "AccessDenied"
    listed = center.list_account_assignments(AccountId=center.plane.account_id, PermissionSetArn=arn)
    assert [each["PrincipalId"] for each in listed["AccountAssignments"]] == [person]


def test_the_last_assignment_takes_the_role_along(center: Center) -> None:
    ada, bob, arn = center.person(), center.person(), center.permission_set()
    center.assign(arn, ada)
    center.assign(arn, bob)
    assert refusal(center.delete_permission_set, PermissionSetArn=arn) == "ConflictException"
    assert center.unassign(arn, ada)["Status"] == "SUCCEEDED"
    assert center.role(arn) is not None
    center.unassign(arn, bob)
    assert center.role(arn) is None
    assert refusal(center.delete_account_assignment, **center.assignment(arn, bob)) == "ResourceNotFoundException"
    center.delete_permission_set(PermissionSetArn=arn)
    assert refusal(center.describe_permission_set, PermissionSetArn=arn) == "ResourceNotFoundException"


def test_a_change_reaches_the_role_when_it_is_provisioned(center: Center) -> None:
    arn, account = center.permission_set("glue:GetTable"), center.plane.account_id
    center.assign(arn, center.person())
    center.put_inline_policy_to_permission_set(PermissionSetArn=arn, InlinePolicy=policy("glue:GetTables"))
    center.attach_managed_policy_to_permission_set(PermissionSetArn=arn, ManagedPolicyArn=ADMINISTRATOR_ACCESS)
    role = center.role(arn)
    assert role is not None

    def attached() -> list[str]:
        found = center.iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]
        return [each["PolicyArn"] for each in found]

    def behind() -> list[str]:
        status = "LATEST_PERMISSION_SET_NOT_PROVISIONED"
        found = center.list_accounts_for_provisioned_permission_set(PermissionSetArn=arn, ProvisioningStatus=status)
        return list(found["AccountIds"])

    assert (attached(), behind()) == ([], [account])
    asked = center.provision_permission_set(PermissionSetArn=arn, TargetType="ALL_PROVISIONED_ACCOUNTS")
    request = asked["PermissionSetProvisioningStatus"]["RequestId"]
    deadline = time.time() + 10
    while behind() and time.time() < deadline:
        time.sleep(0.02)
    found = center.describe_permission_set_provisioning_status(ProvisionPermissionSetRequestId=request)
    assert found["PermissionSetProvisioningStatus"]["Status"] == "SUCCEEDED"
    assert attached() == [ADMINISTRATOR_ACCESS]
    assert arn in center.list_permission_sets_provisioned_to_account(AccountId=account)["PermissionSets"]


def test_an_account_without_the_policy_that_is_referred_to_gets_no_role(center: Center) -> None:
    arn, name = center.permission_set(), f"policy{next(_numbers)}"
    reference = {"Name": name, "Path": "/"}
    center.attach_customer_managed_policy_reference_to_permission_set(
        PermissionSetArn=arn, CustomerManagedPolicyReference=reference
    )
    status = center.assign(arn, center.person())
    assert status["Status"] == "FAILED"
    assert name in status["FailureReason"]
    assert center.role(arn) is None
    failed = center.list_account_assignment_creation_status(Filter={"Status": "FAILED"})
    assert status["RequestId"] in [each["RequestId"] for each in failed["AccountAssignmentsCreationStatus"]]
    made = center.iam.create_policy(PolicyName=name, PolicyDocument=policy("s3:ListAllMyBuckets"))["Policy"]["Arn"]
    center.put_permissions_boundary_to_permission_set(
        PermissionSetArn=arn, PermissionsBoundary={"CustomerManagedPolicyReference": reference}
    )
    assert center.assign(arn, center.person())["Status"] == "SUCCEEDED"
    role = center.role(arn)
    assert role is not None
    found = center.iam.get_role(RoleName=role["RoleName"])["Role"]
    assert found["PermissionsBoundary"]["PermissionsBoundaryArn"] == made


def test_assignments_of_a_person_are_those_of_her_groups_too(center: Center) -> None:
    directory, person = center.plane.client("identitystore"), center.person()
    group = directory.create_group(IdentityStoreId=center.store_id, DisplayName="Stewards")["GroupId"]
    directory.create_group_membership(IdentityStoreId=center.store_id, GroupId=group, MemberId={"UserId": person})
    arn = center.permission_set()
    center.assign(arn, group, "GROUP")
    found = center.list_account_assignments_for_principal(PrincipalId=person, PrincipalType="USER")
    assert [(each["PermissionSetArn"], each["PrincipalId"]) for each in found["AccountAssignments"]] == [(arn, group)]


@pytest.mark.parametrize("duration", ["PT59M", "PT13H", "P1D", "PT1M"])
def test_sessions_last_one_to_twelve_hours(center: Center, duration: str) -> None:
    members = {"Name": f"Set{next(_numbers)}", "SessionDuration": duration}
    assert refusal(center.create_permission_set, **members) == "ValidationException"


def test_what_cannot_be_is_refused(center: Center) -> None:
    arn, nobody = center.permission_set(), "00000000-0000-4000-8000-000000000000"
    name = center.describe_permission_set(PermissionSetArn=arn)["PermissionSet"]["Name"]
    assert refusal(center.create_permission_set, Name=name) == "ConflictException"
    bad = json.dumps({"Statement": [{"Effect": "Perhaps"}]})
    put = center.put_inline_policy_to_permission_set
    assert refusal(put, PermissionSetArn=arn, InlinePolicy=bad) == "ValidationException"
    create = center.create_account_assignment
    assert refusal(create, **center.assignment(arn, nobody)) == "ResourceNotFoundException"
    elsewhere = center.assignment(arn, center.person()) | {"TargetId": "999999999999"}
    assert refusal(create, **elsewhere) == "ResourceNotFoundException"
    unknown = {"PermissionSetArn": arn, "ManagedPolicyArn": "arn:aws:iam::aws:policy/NoSuchPolicy"}
    assert refusal(center.attach_managed_policy_to_permission_set, **unknown) == "ResourceNotFoundException"
    known = unknown | {"ManagedPolicyArn": ADMINISTRATOR_ACCESS}
    center.attach_managed_policy_to_permission_set(**known)
    assert refusal(center.attach_managed_policy_to_permission_set, **known) == "ConflictException"


def test_tags_are_kept_and_decide_who_may(center: Center) -> None:
    ours = center.permission_set(Tags=[{"Key": "team", "Value": "ours"}])
    theirs = center.permission_set(Tags=[{"Key": "team", "Value": "theirs"}])
    center.tag_resource(ResourceArn=ours, Tags=[{"Key": "cost", "Value": "42"}])
    center.untag_resource(ResourceArn=ours, TagKeys=["nothing"])
    tags = center.list_tags_for_resource(ResourceArn=ours)["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "ours", "cost": "42"}
    reserved = [{"Key": "aws:x", "Value": "1"}]
    assert refusal(center.tag_resource, ResourceArn=ours, Tags=reserved) == "ValidationException"

    statement = {
        "Effect": "Allow", "Action": "sso:DescribePermissionSet", "Resource": "*",
        "Condition": {"StringEqualsIfExists": {"aws:ResourceTag/team": "ours"}},
    }  # fmt: skip
    center.iam.create_user(UserName="tagged")
    center.iam.put_user_policy(
        UserName="tagged", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement})
    )
    outside = center.plane.client("sso-admin", center.iam.create_access_key(UserName="tagged")["AccessKey"])
    describe = {"InstanceArn": center.instance}
    assert outside.describe_permission_set(PermissionSetArn=ours, **describe)["PermissionSet"]
    assert refusal(outside.describe_permission_set, PermissionSetArn=theirs, **describe) == "AccessDeniedException"
    assert refusal(outside.list_permission_sets, **describe) == "AccessDeniedException"


def test_attributes_for_access_control_have_one_source_each(center: Center) -> None:
    def configuration(*sources: str) -> dict[str, Any]:
        attributes = [{"Key": "department", "Value": {"Source": list(sources)}}]
        return {"InstanceAccessControlAttributeConfiguration": {"AccessControlAttributes": attributes}}

    describe = center.describe_instance_access_control_attribute_configuration
    create = center.create_instance_access_control_attribute_configuration
    update = center.update_instance_access_control_attribute_configuration
    assert refusal(describe) == "ResourceNotFoundException"
    assert refusal(update, **configuration("${path:title}")) == "ResourceNotFoundException"
    assert refusal(create, **configuration("title")) == "ValidationException"
    create(**configuration("${path:enterprise.department}"))
    assert refusal(create, **configuration("${path:title}")) == "ConflictException"
    update(**configuration("${path:title}"))
    found = describe()
    assert found["Status"] == "ENABLED"
    attributes = found["InstanceAccessControlAttributeConfiguration"]["AccessControlAttributes"]
    assert attributes == [{"Key": "department", "Value": {"Source": ["${path:title}"]}}]
    center.delete_instance_access_control_attribute_configuration()
    assert refusal(describe) == "ResourceNotFoundException"


def test_what_is_not_served_names_itself(center: Center) -> None:
    with pytest.raises(ClientError) as refused:
        center.list_regions()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert "ListRegions" in refused.value.response["Error"]["Message"]


def test_the_role_of_a_permission_set_is_not_changed_by_hand(center: Center) -> None:
    arn = center.permission_set("glue:GetTable")
    center.assign(arn, center.person())
    role = center.role(arn)
    assert role is not None
    name = {"RoleName": role["RoleName"]}
    trust = json.dumps(role["AssumeRolePolicyDocument"])
    for call, members in (
        (center.iam.update_assume_role_policy, {"PolicyDocument": trust}),
        (center.iam.put_role_policy, {"PolicyName": "more", "PolicyDocument": policy("*")}),
        (center.iam.attach_role_policy, {"PolicyArn": ADMINISTRATOR_ACCESS}),
        (center.iam.delete_role_policy, {"PolicyName": "AwsSSOInlinePolicy"}),
        (center.iam.delete_role, {}),
    ):
        assert refusal(call, **name, **members) == "UnmodifiableEntity"


def test_an_assignment_that_was_asked_for_is_made_after_a_kill(tmp_path: Any) -> None:
    from twinplane.data_plane.testing import running_plane

    with running_plane(tmp_path) as plane:
        center = Center(plane)
        arn, person = center.permission_set("glue:GetTable"), center.person()
        asked = center.create_account_assignment(**center.assignment(arn, person))
        plane.process.kill()
        plane.process.wait()
    with running_plane(tmp_path) as plane:
        center = Center(plane)
        status = center.settled("creation", asked["AccountAssignmentCreationStatus"])
        assert status["Status"] == "SUCCEEDED"
        assert center.role(arn) is not None
        assert (
            len(center.list_account_assignments(AccountId=plane.account_id, PermissionSetArn=arn)["AccountAssignments"])
            == 1
        )
