"""Identity Center with one permission set that a person has through her group, and her machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.data_plane.sso.signing_in import Browser, Machine, policy

_numbers = count()


@dataclass
class Person:
    name: str
    user_id: str
    group_id: str
    membership_id: str


@dataclass
class Center:
    plane: Any
    instance: str
    store_id: str
    permission_set: str
    role_name: str

    def assign(self, kind: str, principal: str, *, permission_set: str | None = None, end: bool = False) -> None:
        """Assigns the permission set (or ends it) and waits until it is so."""
        sso, word = self.plane.client("sso-admin"), "deletion" if end else "creation"
        call = sso.delete_account_assignment if end else sso.create_account_assignment
        asked = call(
            InstanceArn=self.instance, TargetId=self.plane.account_id, TargetType="AWS_ACCOUNT",
            PermissionSetArn=permission_set or self.permission_set, PrincipalType=kind, PrincipalId=principal,
        )  # fmt: skip
        request = asked[f"AccountAssignment{word.capitalize()}Status"]["RequestId"]
        describe = getattr(sso, f"describe_account_assignment_{word}_status")
        deadline = time.time() + 10
        while True:
            members = {f"AccountAssignment{word.capitalize()}RequestId": request}
            found = describe(InstanceArn=self.instance, **members)[f"AccountAssignment{word.capitalize()}Status"]
            if found["Status"] != "IN_PROGRESS" or time.time() > deadline:
                assert found["Status"] == "SUCCEEDED"
                return

    def person(self, name: str | None = None, **members: Any) -> Person:
        """A person who has the permission set through a group of her own."""
        directory, name = self.plane.client("identitystore"), name or f"ada{next(_numbers)}"
        user_id = directory.create_user(
            IdentityStoreId=self.store_id, UserName=name, DisplayName=name,
            Name={"GivenName": "Ada", "FamilyName": "L."}, **members,
        )["UserId"]  # fmt: skip
        group_id = directory.create_group(IdentityStoreId=self.store_id, DisplayName=f"group of {name}")["GroupId"]
        joined = directory.create_group_membership(
            IdentityStoreId=self.store_id, GroupId=group_id, MemberId={"UserId": user_id}
        )
        self.assign("GROUP", group_id)
        return Person(name, user_id, group_id, joined["MembershipId"])


@pytest.fixture(scope="module")
def center(plane: Any) -> Center:
    sso = plane.client("sso-admin")
    [instance] = sso.list_instances()["Instances"]
    arn = instance["InstanceArn"]
    made = sso.create_permission_set(InstanceArn=arn, Name="Analyst", SessionDuration="PT2H")["PermissionSet"]
    sso.put_inline_policy_to_permission_set(
        InstanceArn=arn, PermissionSetArn=made["PermissionSetArn"], InlinePolicy=policy("glue:GetDatabases")
    )
    return Center(plane, arn, instance["IdentityStoreId"], made["PermissionSetArn"], "Analyst")


@pytest.fixture(scope="module")
def ada(center: Center) -> Person:
    return center.person("ada")


@pytest.fixture
def machine(plane: Any, center: Center, tmp_path: Path) -> Iterator[Machine]:
    with httpx.Client(trust_env=False) as http:
        yield Machine(plane, tmp_path, Browser(plane, http), center.role_name)
