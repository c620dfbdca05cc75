"""A boto3 profile with an sso_session gets the credentials of a permission set, and loses them with it."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError, UnauthorizedSSOTokenError

from tests.data_plane.sso.conftest import Center, Person
from tests.data_plane.sso.signing_in import Machine, policy, refusal


def signed_in(machine: Machine, person: Person, **keeping: Any) -> dict[str, Any]:
    registration = machine.register_for_browser()
    token = machine.exchange(registration, machine.code(registration, person.name))
    machine.keep(registration, token, **keeping)
    return token


def test_a_profile_acts_with_the_role_of_the_permission_set(machine: Machine, ada: Person, monkeypatch: Any) -> None:
    signed_in(machine, ada)
    session = machine.session(monkeypatch)
    arn = session.client("sts").get_caller_identity()["Arn"]
    role, name = arn.split("/")[1:]
    assert role.startswith("AWSReservedSSO_Analyst_")
    assert name == ada.name
    assert session.client("glue").get_databases()["DatabaseList"] == []
    assert refusal(session.client("glue").create_database, DatabaseInput={"Name": "x"}) == "AccessDeniedException"


def test_botocore_refreshes_a_token_that_is_about_to_end(machine: Machine, ada: Person, monkeypatch: Any) -> None:
    token = signed_in(machine, ada, seconds=60)
    assert machine.session(monkeypatch).client("sts").get_caller_identity()["Arn"]
    kept = machine.kept()
    assert kept["accessToken"] != token["accessToken"]
    assert kept["refreshToken"] != token["refreshToken"]


def test_accounts_and_roles_are_those_of_the_person(center: Center, machine: Machine, ada: Person) -> None:
    token, portal = signed_in(machine, ada)["accessToken"], machine.plane.client("sso", {})
    account = machine.plane.account_id
    roles = portal.list_account_roles(accessToken=token, accountId=account)["roleList"]
    assert roles == [{"roleName": "Analyst", "accountId": account}]
    other = center.person()
    sso = center.plane.client("sso-admin")
    made = sso.create_permission_set(InstanceArn=center.instance, Name="Auditor")["PermissionSet"]["PermissionSetArn"]
    center.assign("USER", other.user_id, permission_set=made)
    theirs = signed_in(machine, other)["accessToken"]
    pages = portal.get_paginator("list_account_roles").paginate(
        accessToken=theirs, accountId=account, PaginationConfig={"PageSize": 1}
    )
    assert [role["roleName"] for page in pages for role in page["roleList"]] == ["Analyst", "Auditor"]
    get = portal.get_role_credentials
    assert get(accessToken=theirs, accountId=account, roleName="Auditor")["roleCredentials"]["sessionToken"]
    for name, where in (("Auditor", account), ("Nothing", account), ("Analyst", "999999999999")):
        assert refusal(get, accessToken=token, accountId=where, roleName=name) == "ForbiddenException"
    assert portal.list_account_roles(accessToken=token, accountId="999999999999")["roleList"] == []


def test_nobody_has_accounts_without_a_token_of_the_portal(machine: Machine) -> None:
    portal = machine.plane.client("sso", {})
    for token in ("made-up", "x" * 5000):
        assert refusal(portal.list_accounts, accessToken=token) == "UnauthorizedException"
    plain = httpx.get(machine.plane.endpoint + "/assignment/accounts", trust_env=False)
    assert "accountList" not in plain.text


def test_signing_out_ends_the_token_and_its_successors(machine: Machine, ada: Person) -> None:
    registration = machine.register_for_browser()
    token = machine.exchange(registration, machine.code(registration, ada.name))
    portal = machine.plane.client("sso", {})
    portal.logout(accessToken=token["accessToken"])
    assert refusal(portal.list_accounts, accessToken=token["accessToken"]) == "UnauthorizedException"
    assert refusal(portal.logout, accessToken=token["accessToken"]) == "UnauthorizedException"
    assert refusal(machine.refresh, registration, token["refreshToken"]) == "InvalidGrantException"


@pytest.mark.parametrize("what", ["membership", "group", "user", "assignment", "permission set's role"])
def test_what_a_person_may_ends_at_the_next_call(center: Center, machine: Machine, monkeypatch: Any, what: str) -> None:
    person = center.person()
    if what == "permission set's role":
        sso = center.plane.client("sso-admin")
        made = sso.create_permission_set(InstanceArn=center.instance, Name="Passing")["PermissionSet"]
        center.assign("USER", person.user_id, permission_set=made["PermissionSetArn"])
        machine.role_name = "Passing"
        machine.__post_init__()
    signed_in(machine, person)
    me = machine.session(monkeypatch).client("sts")
    assert me.get_caller_identity()["Arn"]
    directory, store = center.plane.client("identitystore"), {"IdentityStoreId": center.store_id}
    if what == "membership":
        directory.delete_group_membership(**store, MembershipId=person.membership_id)
    elif what == "group":
        directory.delete_group(**store, GroupId=person.group_id)
    elif what == "user":
        directory.delete_user(**store, UserId=person.user_id)
    elif what == "assignment":
        center.assign("GROUP", person.group_id, end=True)
    else:
        center.assign("USER", person.user_id, permission_set=made["PermissionSetArn"], end=True)
    assert refusal(me.get_caller_identity) in ("ExpiredToken", "InvalidClientTokenId")
    with pytest.raises((ClientError, UnauthorizedSSOTokenError)):
        machine.session(monkeypatch).client("sts").get_caller_identity()


def test_attributes_of_a_person_are_tags_of_her_sessions(center: Center, machine: Machine, monkeypatch: Any) -> None:
    sso, member = center.plane.client("sso-admin"), "InstanceAccessControlAttributeConfiguration"
    sources = {"department": "${path:enterprise.department}", "mail": "${path:emails[primary eq true].value}"}
    attributes = [{"Key": key, "Value": {"Source": [source]}} for key, source in sources.items()]
    sso.create_instance_access_control_attribute_configuration(
        InstanceArn=center.instance, **{member: {"AccessControlAttributes": attributes}}
    )
    made = sso.create_permission_set(InstanceArn=center.instance, Name="Tagged")["PermissionSet"]["PermissionSetArn"]
    tagged = {"StringEquals": {"aws:PrincipalTag/department": "Finance", "aws:PrincipalTag/mail": "f@example.org"}}
    inline = policy("glue:GetDatabases", Condition=tagged)
    sso.put_inline_policy_to_permission_set(InstanceArn=center.instance, PermissionSetArn=made, InlinePolicy=inline)
    machine.role_name = "Tagged"
    machine.__post_init__()

    def may(department: str, mail: str) -> bool:
        person = center.person(
            Extensions={"aws:identitystore:enterprise": {"department": department}}, Emails=[{"Value": mail}]
        )
        center.assign("USER", person.user_id, permission_set=made)
        signed_in(machine, person)
        try:
            return bool(machine.session(monkeypatch).client("glue").get_databases())
        except ClientError:
            return False

    assert may("Finance", "f@example.org")
    assert not may("Risk", "f@example.org")
    assert not may("Finance", "x@example.org")
    sso.delete_instance_access_control_attribute_configuration(InstanceArn=center.instance)


def test_no_secret_of_signing_in_reaches_the_records(machine: Machine, ada: Person) -> None:
    registration = machine.register(scopes=["sso:account:access"])
    authorization = machine.start(registration)
    machine.decide(authorization, ada.name)
    token = machine.poll(registration, authorization)
    portal, account = machine.plane.client("sso", {}), machine.plane.account_id
    made = portal.get_role_credentials(accessToken=token["accessToken"], accountId=account, roleName="Analyst")
    browser = machine.register_for_browser()
    code = machine.code(browser, ada.name)
    machine.exchange(browser, code)
    machine.plane.client("cloudtrail").lookup_events()  # what was read is recorded a moment later
    secrets = [
        registration["clientSecret"], authorization["deviceCode"], token["accessToken"], token["refreshToken"],
        made["roleCredentials"]["secretAccessKey"], made["roleCredentials"]["sessionToken"], code, machine.verifier,
        machine.browser.password,
    ]  # fmt: skip
    state = b"".join(
        file.read_bytes()
        for file in machine.plane.state.rglob("*")
        if file.is_file() and ("plane.db" in file.name or "journal" in str(file))
    )
    for secret in secrets:
        assert secret.encode() not in state
    records = str(machine.plane.client("cloudtrail").lookup_events(MaxResults=50)["Events"])
    assert authorization["userCode"] not in records


def test_records_say_on_whose_behalf_the_portal_answered(machine: Machine, ada: Person) -> None:
    token = signed_in(machine, ada)["accessToken"]
    machine.plane.client("sso", {}).list_accounts(accessToken=token)
    found = machine.plane.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "ListAccounts"}]
    )["Events"]
    identity = json.loads(found[0]["CloudTrailEvent"])["userIdentity"]
    assert identity["type"] == "IdentityCenterUser"
    assert identity["onBehalfOf"]["userId"] == ada.user_id
