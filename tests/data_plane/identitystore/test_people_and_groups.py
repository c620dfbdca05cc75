"""People and groups through boto3."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError

_numbers = count()


class Directory:
    """The identity store with builders that need no more than a name."""

    def __init__(self, plane: Any) -> None:
        self.client = plane.client("identitystore")
        self.id = plane.client("sso-admin").list_instances()["Instances"][0]["IdentityStoreId"]

    def __getattr__(self, operation: str) -> Any:
        call = getattr(self.client, operation)
        return lambda **members: call(IdentityStoreId=self.id, **members)

    def user(self, name: str | None = None, **members: Any) -> str:
        name = name or f"person{next(_numbers)}"
        names = {"GivenName": "Ada", "FamilyName": "Person"}
        made = self.create_user(UserName=name, DisplayName=f"Ada {name}", Name=names, **members)
        return str(made["UserId"])

    def group(self, name: str | None = None) -> str:
        return str(self.create_group(DisplayName=name or f"group{next(_numbers)}")["GroupId"])

    def join(self, user_id: str, group_id: str) -> str:
        made = self.create_group_membership(GroupId=group_id, MemberId={"UserId": user_id})
        return str(made["MembershipId"])


@pytest.fixture(scope="module")
def directory(plane: Any) -> Directory:
    return Directory(plane)


def refusal(call: Any, **members: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**members)
    code: str = refused.value.response["Error"]["Code"]
    return code


def test_a_person_is_found_by_id_name_and_email(directory: Directory) -> None:
    user_id = directory.user("ada", Emails=[{"Value": "Ada@Example.org", "Type": "work", "Primary": True}])
    found = directory.describe_user(UserId=user_id)
    assert found["UserName"] == "ada"
    assert found["Emails"] == [{"Value": "Ada@Example.org", "Type": "work", "Primary": True}]
    assert found["UserArn"] == f"arn:aws:identitystore:::user/{user_id}"
    assert directory.describe_user(UserId=found["UserArn"])["UserId"] == user_id
    for path, value in (("userName", "ADA"), ("emails.value", "ada@example.org")):
        attribute = {"UniqueAttribute": {"AttributePath": path, "AttributeValue": value}}
        assert directory.get_user_id(AlternateIdentifier=attribute)["UserId"] == user_id


def test_names_are_taken_once_whatever_their_case(directory: Directory) -> None:
    directory.user("bob")
    directory.group("Stewards")
    names = {"GivenName": "B", "FamilyName": "B"}
    assert refusal(directory.create_user, UserName="BOB", DisplayName="B", Name=names) == "ConflictException"
    assert refusal(directory.create_group, DisplayName="stewards") == "ConflictException"


@pytest.mark.parametrize(
    "members",
    [
        {"DisplayName": "x", "Name": {"GivenName": "x", "FamilyName": "x"}},
        {"UserName": "nameless", "DisplayName": "x"},
        {"UserName": "nameless", "Name": {"GivenName": "x", "FamilyName": "x"}},
        {"UserName": "Administrator", "DisplayName": "x", "Name": {"GivenName": "x", "FamilyName": "x"}},
    ],
)
def test_a_person_needs_names(directory: Directory, members: dict[str, Any]) -> None:
    assert refusal(directory.create_user, **members) == "ValidationException"


def test_what_is_not_there_is_not_found(directory: Directory) -> None:
    nobody = "00000000-0000-4000-8000-000000000000"
    assert refusal(directory.describe_user, UserId=nobody) == "ResourceNotFoundException"
    assert refusal(directory.describe_group, GroupId=nobody) == "ResourceNotFoundException"
    assert refusal(directory.delete_group_membership, MembershipId=nobody) == "ResourceNotFoundException"
    attribute = {"UniqueAttribute": {"AttributePath": "displayName", "AttributeValue": "No such group"}}
    assert refusal(directory.get_group_id, AlternateIdentifier=attribute) == "ResourceNotFoundException"
    other = directory.client.list_users
    assert refusal(other, IdentityStoreId="d-0000000000") == "ResourceNotFoundException"


def test_people_are_listed_page_by_page_and_by_name(plane: Any, directory: Directory) -> None:
    made = {directory.user(f"listed{number}") for number in range(5)}
    pages = list(
        directory.client.get_paginator("list_users").paginate(
            IdentityStoreId=directory.id, PaginationConfig={"PageSize": 2}
        )
    )
    assert max(len(page["Users"]) for page in pages) == 2
    found = [user["UserId"] for page in pages for user in page["Users"]]
    assert len(found) == len(set(found))
    assert made <= set(found)
    only = directory.list_users(Filters=[{"AttributePath": "UserName", "AttributeValue": "listed3"}])["Users"]
    assert [user["UserName"] for user in only] == ["listed3"]


def test_memberships_are_seen_from_both_sides(directory: Directory) -> None:
    ada, bob, group, other = directory.user(), directory.user(), directory.group(), directory.group()
    membership = directory.join(ada, group)
    directory.join(bob, group)
    members = directory.list_group_memberships(GroupId=group)["GroupMemberships"]
    assert {m["MemberId"]["UserId"] for m in members} == {ada, bob}
    mine = directory.list_group_memberships_for_member(MemberId={"UserId": ada})["GroupMemberships"]
    assert [m["GroupId"] for m in mine] == [group]
    answer = directory.is_member_in_groups(MemberId={"UserId": ada}, GroupIds=[group, other])["Results"]
    assert [r["MembershipExists"] for r in answer] == [True, False]
    assert refusal(directory.create_group_membership, GroupId=group, MemberId={"UserId": ada}) == "ConflictException"
    directory.delete_group_membership(MembershipId=membership)
    assert directory.list_group_memberships_for_member(MemberId={"UserId": ada})["GroupMemberships"] == []


def test_attributes_can_be_changed_and_taken_away(directory: Directory) -> None:
    user_id = directory.user(Title="Analyst")
    revision = directory.describe_user(UserId=user_id)["Revision"]
    directory.update_user(
        UserId=user_id,
        Operations=[
            {"AttributePath": "name.familyName", "AttributeValue": "Lovelace"},
            {"AttributePath": "emails", "AttributeValue": [{"value": "new@example.org", "primary": True}]},
            {"AttributePath": "title"},
        ],
    )
    found = directory.describe_user(UserId=user_id)
    assert found["Name"]["FamilyName"] == "Lovelace"
    assert found["Emails"] == [{"Value": "new@example.org", "Primary": True}]
    assert "Title" not in found
    change = [{"AttributePath": "title", "AttributeValue": "x"}]
    assert refusal(directory.update_user, UserId=user_id, Operations=change, Revision=revision) == "ConflictException"
    gone = [{"AttributePath": "userName"}]
    assert refusal(directory.update_user, UserId=user_id, Operations=gone) == "ValidationException"
    assert (
        refusal(directory.update_user, UserId=user_id, Operations=[{"AttributePath": "userId", "AttributeValue": "x"}])
        == "ValidationException"
    )


def test_whoever_is_deleted_leaves_the_groups(directory: Directory) -> None:
    ada, group = directory.user("leaving"), directory.group()
    directory.join(ada, group)
    directory.delete_user(UserId=ada)
    assert directory.list_group_memberships(GroupId=group)["GroupMemberships"] == []
    assert directory.user("leaving") != ada
    bob = directory.user()
    directory.join(bob, group)
    directory.delete_group(GroupId=group)
    assert directory.list_group_memberships_for_member(MemberId={"UserId": bob})["GroupMemberships"] == []


@pytest.mark.parametrize(
    "operation",
    [
        {"AttributePath": "title", "AttributeValue": 7},
        {"AttributePath": "title", "AttributeValue": ""},
        {"AttributePath": "title", "AttributeValue": "x" * 1025},
        {"AttributePath": "name", "AttributeValue": "Ada"},
        {"AttributePath": "name.nick", "AttributeValue": "Ada"},
        {"AttributePath": "emails", "AttributeValue": [{"value": "a@example.org"}, {"value": "b@example.org"}]},
        {"AttributePath": "emails", "AttributeValue": [{"address": "a@example.org"}]},
        {"AttributePath": "emails.value", "AttributeValue": "a@example.org"},
        {"AttributePath": "displayName"},
        {"AttributePath": "name.givenName"},
        {"AttributePath": "userStatus", "AttributeValue": "DISABLED"},
        {"AttributePath": "externalIds", "AttributeValue": [{"issuer": "x", "id": "y"}]},
        {"AttributePath": "aws:identitystore:enterprise.shoeSize", "AttributeValue": "43"},
    ],
)
def test_an_attribute_keeps_its_kind(directory: Directory, operation: dict[str, Any]) -> None:
    user_id = directory.user()
    before = directory.describe_user(UserId=user_id)
    assert refusal(directory.update_user, UserId=user_id, Operations=[operation]) == "ValidationException"
    after = directory.describe_user(UserId=user_id)
    assert {k: v for k, v in after.items() if k != "ResponseMetadata"} == {
        k: v for k, v in before.items() if k != "ResponseMetadata"
    }


def test_a_group_is_renamed_described_and_found_by_its_new_name(directory: Directory) -> None:
    group, taken = directory.group(), directory.group("Taken")
    changes = [
        {"AttributePath": "displayName", "AttributeValue": "Renamed"},
        {"AttributePath": "description", "AttributeValue": "Who is renamed"},
    ]
    assert directory.update_group(GroupId=group, Operations=changes)["Revision"] == "2"
    attribute = {"UniqueAttribute": {"AttributePath": "displayName", "AttributeValue": "RENAMED"}}
    assert directory.get_group_id(AlternateIdentifier=attribute)["GroupId"] == group
    assert directory.describe_group(GroupId=group)["Description"] == "Who is renamed"
    again = [{"AttributePath": "displayName", "AttributeValue": "renamed"}]
    assert refusal(directory.update_group, GroupId=taken, Operations=again) == "ConflictException"


def test_what_an_enterprise_knows_of_a_person_is_shown_to_those_who_ask(directory: Directory) -> None:
    enterprise = "aws:identitystore:enterprise"
    user_id = directory.user(Extensions={enterprise: {"costCenter": "42", "department": "Finance"}})
    change = [{"AttributePath": f"{enterprise}.department", "AttributeValue": "Risk"}]
    directory.update_user(UserId=user_id, Operations=change)
    assert "Extensions" not in directory.describe_user(UserId=user_id)
    shown = directory.describe_user(UserId=user_id, Extensions=[enterprise])["Extensions"]
    assert shown == {enterprise: {"costCenter": "42", "department": "Risk"}}


def test_an_email_that_two_people_have_names_neither(directory: Directory) -> None:
    shared = [{"Value": "shared@example.org"}]
    directory.user(Emails=shared)
    directory.user(Emails=shared)
    attribute = {"UniqueAttribute": {"AttributePath": "emails.value", "AttributeValue": "shared@example.org"}}
    assert refusal(directory.get_user_id, AlternateIdentifier=attribute) == "ResourceNotFoundException"


def test_there_is_one_identity_store_without_a_network(directory: Directory) -> None:
    [only] = directory.client.list_identity_stores()["IdentityStores"]
    assert only["IdentityStoreId"] == directory.id
    assert directory.describe_identity_store()["IdentityStoreArn"] == only["IdentityStoreArn"]
    network = {"VpceAccessRequired": False, "ApiAllowSourceIps": ["10.0.0.0/8"]}
    assert refusal(directory.update_identity_store, NetworkConfiguration=network) == "ValidationException"


def test_without_the_right_nobody_is_listed_or_found(plane: Any, directory: Directory) -> None:
    user_id = directory.user("unseen")
    iam = plane.client("iam")
    iam.create_user(UserName="outsider")
    key = iam.create_access_key(UserName="outsider")["AccessKey"]
    outside = plane.client("identitystore", key)
    attribute = {"UniqueAttribute": {"AttributePath": "userName", "AttributeValue": "unseen"}}
    for call, members in (
        (outside.list_users, {}),
        (outside.describe_user, {"UserId": user_id}),
        (outside.get_user_id, {"AlternateIdentifier": attribute}),
        (outside.delete_user, {"UserId": user_id}),
    ):
        assert refusal(call, IdentityStoreId=directory.id, **members) == "AccessDeniedException"
