"""The organization through boto3: its tree, its policies, and that they bind everyone of the plane's account."""

from __future__ import annotations

import configparser
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from twinplane.data_plane.testing import running_plane

SCP, RCP = "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"
FULL_ACCESS = "p-FullAWSAccess"


def denies(*actions: str, **members: Any) -> str:
    statement = {"Effect": "Deny", "Action": list(actions), "Resource": "*", **members}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def allows(*actions: str) -> str:
    return denies(*actions, Effect="Allow")


def refusal(call: Any, **members: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as refused:
        call(**members)
    return dict(refused.value.response["Error"]) | {"Reason": refused.value.response.get("Reason")}


@pytest.fixture(scope="module")
def manager(plane: Any) -> Any:
    """The organization as the root user of the management account sees it."""
    profiles = configparser.RawConfigParser()
    profiles.read(plane.state / "aws" / "credentials")
    client = plane.client("organizations", dict(profiles["management"]))
    client.create_organization()
    return client


@pytest.fixture(scope="module")
def root(manager: Any) -> str:
    root_id: str = manager.list_roots()["Roots"][0]["Id"]
    return root_id


@pytest.fixture
def unit(manager: Any, root: str, request: Any) -> str:
    """An organizational unit of its own for each test."""
    made = manager.create_organizational_unit(ParentId=root, Name=request.node.name[:100])
    unit_id: str = made["OrganizationalUnit"]["Id"]
    return unit_id


@contextmanager
def attached(manager: Any, target: str, content: str, kind: str = SCP) -> Iterator[str]:
    policy = manager.create_policy(Name=f"of {target}", Description="", Type=kind, Content=content)
    policy_id = policy["Policy"]["PolicySummary"]["Id"]
    manager.attach_policy(PolicyId=policy_id, TargetId=target)
    try:
        yield policy_id
    finally:
        manager.detach_policy(PolicyId=policy_id, TargetId=target)
        manager.delete_policy(PolicyId=policy_id)


@contextmanager
def moved(manager: Any, account: str, source: str, target: str) -> Iterator[None]:
    manager.move_account(AccountId=account, SourceParentId=source, DestinationParentId=target)
    try:
        yield
    finally:
        manager.move_account(AccountId=account, SourceParentId=target, DestinationParentId=source)


def test_the_planes_account_is_a_member_and_another_one_manages(plane: Any, manager: Any) -> None:
    organization = plane.client("organizations").describe_organization()["Organization"]
    assert organization["MasterAccountId"] != plane.account_id
    assert organization["AvailablePolicyTypes"] == [{"Type": SCP, "Status": "ENABLED"}]
    accounts = {account["Id"] for account in manager.list_accounts()["Accounts"]}
    assert accounts == {plane.account_id, organization["MasterAccountId"]}
    assert refusal(manager.create_organization)["Code"] == "AlreadyInOrganizationException"


def test_the_management_account_has_nothing_but_the_organization(plane: Any, manager: Any) -> None:
    profiles = configparser.RawConfigParser()
    profiles.read(plane.state / "aws" / "credentials")
    root = dict(profiles["management"])
    me = plane.client("sts", root).get_caller_identity()
    assert me["Arn"] == f"arn:aws:iam::{me['Account']}:root"
    assert refusal(plane.client("iam", root).list_roles)["Code"] == "AccessDenied"
    assert refusal(plane.client("glue", root).get_databases)["Code"] == "AccessDeniedException"
    assert refusal(plane.client("s3", root).list_buckets)["Code"] == "AccessDenied"


def test_units_and_accounts_form_a_tree(manager: Any, root: str, unit: str) -> None:
    inner = manager.create_organizational_unit(ParentId=unit, Name="inner")["OrganizationalUnit"]
    status = manager.create_account(Email="inner@accounts.example", AccountName="Inner")["CreateAccountStatus"]
    assert manager.describe_create_account_status(CreateAccountRequestId=status["Id"])["CreateAccountStatus"] == status
    account = status["AccountId"]
    manager.move_account(AccountId=account, SourceParentId=root, DestinationParentId=inner["Id"])
    assert manager.list_parents(ChildId=account)["Parents"] == [{"Id": inner["Id"], "Type": "ORGANIZATIONAL_UNIT"}]
    assert manager.list_children(ParentId=inner["Id"], ChildType="ACCOUNT")["Children"] == [
        {"Id": account, "Type": "ACCOUNT"}
    ]
    assert [a["Name"] for a in manager.list_accounts_for_parent(ParentId=inner["Id"])["Accounts"]] == ["Inner"]
    units = manager.list_organizational_units_for_parent(ParentId=unit)["OrganizationalUnits"]
    assert [one["Name"] for one in units] == ["inner"]
    assert inner["Path"].endswith(f"/{root}/{unit}/{inner['Id']}/")
    refused = refusal(manager.delete_organizational_unit, OrganizationalUnitId=inner["Id"])
    assert refused["Code"] == "OrganizationalUnitNotEmptyException"
    manager.remove_account_from_organization(AccountId=account)
    manager.delete_organizational_unit(OrganizationalUnitId=inner["Id"])
    refused = refusal(manager.describe_organizational_unit, OrganizationalUnitId=inner["Id"])
    assert refused["Code"] == "OrganizationalUnitNotFoundException"


def test_what_cannot_be_in_a_tree_is_refused(manager: Any, root: str, unit: str) -> None:
    manager.create_organizational_unit(ParentId=unit, Name="twice")
    refused = refusal(manager.create_organizational_unit, ParentId=unit, Name="twice")
    assert refused["Code"] == "DuplicateOrganizationalUnitException"
    other = manager.create_organizational_unit(ParentId=root, Name="twice")["OrganizationalUnit"]["Id"]
    parent = other
    for depth in range(2, 6):
        parent = manager.create_organizational_unit(ParentId=parent, Name=f"level {depth}")["OrganizationalUnit"]["Id"]
    refused = refusal(manager.create_organizational_unit, ParentId=parent, Name="level 6")
    assert (refused["Code"], refused["Reason"]) == ("ConstraintViolationException", "OU_DEPTH_LIMIT_EXCEEDED")
    manager.create_account(Email="same@accounts.example", AccountName="First")
    status = manager.create_account(Email="Same@accounts.example", AccountName="Second")["CreateAccountStatus"]
    assert (status["State"], status["FailureReason"]) == ("FAILED", "EMAIL_ALREADY_EXISTS")


def test_the_planes_own_account_cannot_leave_or_close(plane: Any, manager: Any) -> None:
    for call in (manager.remove_account_from_organization, manager.close_account):
        assert refusal(call, AccountId=plane.account_id)["Code"] == "ConstraintViolationException"
    assert refusal(manager.delete_organization)["Code"] == "OrganizationNotEmptyException"


def test_a_service_control_policy_binds_even_the_administrator(plane: Any, manager: Any, root: str) -> None:
    iam = plane.client("iam")
    assert iam.list_roles()
    with attached(manager, root, denies("iam:ListRoles")):
        refused = refusal(iam.list_roles)
        assert refused["Code"] == "AccessDenied"
        assert "with an explicit deny in a service control policy" in refused["Message"]
        assert iam.list_users()
    assert iam.list_roles()


def test_a_policy_of_a_unit_binds_the_account_while_it_is_in_it(plane: Any, manager: Any, root: str, unit: str) -> None:
    iam = plane.client("iam")
    with attached(manager, unit, denies("iam:ListRoles")):
        assert iam.list_roles()
        with moved(manager, plane.account_id, root, unit):
            assert refusal(iam.list_roles)["Code"] == "AccessDenied"
        assert iam.list_roles()


def test_without_full_access_only_what_every_level_allows_is_left(
    plane: Any, manager: Any, root: str, unit: str
) -> None:
    iam = plane.client("iam")
    with attached(manager, unit, allows("iam:List*")), moved(manager, plane.account_id, root, unit):
        assert iam.get_user()
        manager.detach_policy(PolicyId=FULL_ACCESS, TargetId=unit)
        assert iam.list_roles()
        refused = refusal(iam.get_user)
        assert "because no service control policy allows the iam:GetUser action" in refused["Message"]
        manager.attach_policy(PolicyId=FULL_ACCESS, TargetId=unit)
        assert iam.get_user()


def test_a_lock_out_is_undone_from_the_management_account(plane: Any, manager: Any, root: str) -> None:
    ours = plane.client("organizations")
    with attached(manager, root, denies("*")):
        assert refusal(ours.describe_organization)["Code"] == "AccessDeniedException"
        assert plane.client("sts").get_caller_identity()  # AWS lets nobody be denied that
        assert manager.describe_organization()
    assert ours.describe_organization()


def test_the_last_service_control_policy_stays_attached(manager: Any, unit: str) -> None:
    refused = refusal(manager.detach_policy, PolicyId=FULL_ACCESS, TargetId=unit)
    assert refused["Reason"] == "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"


def test_conditions_of_a_policy_see_the_organization_and_the_region(plane: Any, manager: Any, root: str) -> None:
    glue = plane.client("glue")
    other_region = denies("glue:*", Condition={"StringNotEquals": {"aws:RequestedRegion": [plane.region]}})
    with attached(manager, root, other_region):
        assert glue.get_databases()
    organization = manager.describe_organization()["Organization"]["Id"]
    own = {"StringEquals": {"aws:PrincipalOrgID": organization}}
    path = {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": f"{organization}/{root}/*"}}
    for condition in (own, path):
        with attached(manager, root, denies("glue:*", Condition=condition)):
            assert refusal(glue.get_databases)["Code"] == "AccessDeniedException"


def test_a_resource_control_policy_protects_resources_from_everyone(plane: Any, manager: Any, root: str) -> None:
    manager.enable_policy_type(RootId=root, PolicyType=RCP)
    s3 = plane.client("s3")
    s3.create_bucket(Bucket="controlled")
    with attached(manager, root, denies("s3:ListBucket", Principal="*"), RCP):
        assert refusal(s3.list_objects_v2, Bucket="controlled")["Code"] == "AccessDenied"
        assert s3.list_buckets()["Buckets"]
    assert s3.list_objects_v2(Bucket="controlled")["KeyCount"] == 0
    refused = refusal(manager.detach_policy, PolicyId="p-RCPFullAWSAccess", TargetId=root)
    assert refused["Reason"] == "NON_DETACHABLE_POLICY"
    allowing = allows("s3:*").replace('"Effect"', '"Principal": "*", "Effect"')
    refused = refusal(manager.create_policy, Name="allowing", Description="", Type=RCP, Content=allowing)
    assert refused["Code"] == "MalformedPolicyDocumentException"
    manager.disable_policy_type(RootId=root, PolicyType=RCP)
    assert refusal(manager.disable_policy_type, RootId=root, PolicyType=RCP)["Code"] == "PolicyTypeNotEnabledException"


def test_a_type_of_policy_that_is_disabled_binds_nobody_and_starts_anew(plane: Any, manager: Any, root: str) -> None:
    iam = plane.client("iam")
    policy = manager.create_policy(Name="off", Description="", Type=SCP, Content=denies("iam:ListRoles"))["Policy"]
    policy_id = policy["PolicySummary"]["Id"]
    manager.attach_policy(PolicyId=policy_id, TargetId=root)
    assert refusal(iam.list_roles)["Code"] == "AccessDenied"
    manager.disable_policy_type(RootId=root, PolicyType=SCP)
    assert iam.list_roles()
    assert refusal(manager.attach_policy, PolicyId=policy_id, TargetId=root)["Code"] == "PolicyTypeNotEnabledException"
    types = manager.enable_policy_type(RootId=root, PolicyType=SCP)["Root"]["PolicyTypes"]
    assert types == [{"Type": SCP, "Status": "ENABLED"}]
    assert iam.list_roles()
    for target in (root, plane.account_id):
        attached_now = manager.list_policies_for_target(TargetId=target, Filter=SCP)["Policies"]
        assert [one["Id"] for one in attached_now] == [FULL_ACCESS]
    manager.delete_policy(PolicyId=policy_id)


def test_policies_are_kept_listed_and_changed(manager: Any, unit: str) -> None:
    with attached(manager, unit, denies("s3:*")) as policy_id:
        described = manager.describe_policy(PolicyId=policy_id)["Policy"]
        assert json.loads(described["Content"]) == json.loads(denies("s3:*"))
        assert described["PolicySummary"]["Arn"].endswith(f"/service_control_policy/{policy_id}")
        listed = manager.list_policies(Filter=SCP)["Policies"]
        assert {policy["Id"] for policy in listed} >= {FULL_ACCESS, policy_id}
        on_unit = manager.list_policies_for_target(TargetId=unit, Filter=SCP)["Policies"]
        assert {policy["Id"] for policy in on_unit} == {FULL_ACCESS, policy_id}
        targets = manager.list_targets_for_policy(PolicyId=policy_id)["Targets"]
        assert [target["TargetId"] for target in targets] == [unit]
        changed = manager.update_policy(PolicyId=policy_id, Name="renamed", Content=denies("glue:*"))["Policy"]
        assert changed["PolicySummary"]["Name"] == "renamed"
        assert refusal(manager.delete_policy, PolicyId=policy_id)["Code"] == "PolicyInUseException"
        again = refusal(manager.attach_policy, PolicyId=policy_id, TargetId=unit)
        assert again["Code"] == "DuplicatePolicyAttachmentException"
    assert refusal(manager.describe_policy, PolicyId=policy_id)["Code"] == "PolicyNotFoundException"
    refused = refusal(manager.update_policy, PolicyId=FULL_ACCESS, Name="mine")
    assert (refused["Code"], refused["Reason"]) == ("InvalidInputException", "IMMUTABLE_POLICY")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("{}", "MalformedPolicyDocumentException"),
        (denies("s3:*", Principal="*"), "MalformedPolicyDocumentException"),
        (denies("s3:*", Sid="x" * 6000), "ConstraintViolationException"),
    ],
)
def test_what_is_no_policy_of_the_organization_is_refused(manager: Any, content: str, code: str) -> None:
    assert refusal(manager.create_policy, Name="no", Description="", Type=SCP, Content=content)["Code"] == code


def test_tags_are_kept_on_everything_in_the_organization(plane: Any, manager: Any, unit: str) -> None:
    manager.tag_resource(ResourceId=unit, Tags=[{"Key": "stage", "Value": "dev"}, {"Key": "owner", "Value": "x"}])
    manager.untag_resource(ResourceId=unit, TagKeys=["owner"])
    assert manager.list_tags_for_resource(ResourceId=unit)["Tags"] == [{"Key": "stage", "Value": "dev"}]
    assert manager.list_tags_for_resource(ResourceId=plane.account_id)["Tags"] == []


def test_who_may_nothing_learns_nothing_about_the_organization(plane: Any, manager: Any, root: str) -> None:
    iam = plane.client("iam")
    iam.create_user(UserName="stranger")
    key = iam.create_access_key(UserName="stranger")["AccessKey"]
    credentials = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    stranger = plane.client("organizations", credentials)
    known, unknown = (
        refusal(stranger.list_children, ParentId=parent, ChildType="ACCOUNT") for parent in (root, "r-none")
    )
    assert known["Code"] == "AccessDeniedException"
    assert known["Message"].replace(root, "r-none") == unknown["Message"]
    assert refusal(stranger.describe_organization)["Code"] == "AccessDeniedException"


def test_an_organization_ends_and_so_do_its_policies(plane: Any, tmp_path: Any) -> None:
    with running_plane(tmp_path) as other:
        ours = other.client("organizations")
        assert refusal(ours.describe_organization)["Code"] == "AWSOrganizationsNotInUseException"
        ours.create_organization()
        root_id = ours.list_roots()["Roots"][0]["Id"]
        policy = ours.create_policy(Name="p", Description="", Type=SCP, Content=denies("iam:ListRoles"))
        policy_id = policy["Policy"]["PolicySummary"]["Id"]
        ours.attach_policy(PolicyId=policy_id, TargetId=root_id)
        assert refusal(other.client("iam").list_roles)["Code"] == "AccessDenied"
        ours.detach_policy(PolicyId=policy_id, TargetId=root_id)
        ours.delete_policy(PolicyId=policy_id)
        ours.delete_organization()
        assert other.client("iam").list_roles()


def test_the_guide_to_guard_rails_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guide = Path("docs/local-aws.md").read_text().partition("## Under guard rails")[2]
    code = guide.partition("```python\n")[2].partition("```")[0]
    with running_plane(tmp_path) as other:
        other.client("s3").create_bucket(Bucket="kept")
        monkeypatch.setattr(boto3, "client", other.client)
        exec(compile(code, "the guide", "exec"), {"boto3": boto3})
        assert refusal(other.client("s3").delete_bucket, Bucket="kept")["Code"] == "AccessDenied"
        assert other.client("s3").list_buckets()["Buckets"]
