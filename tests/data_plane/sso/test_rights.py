"""Every operation about people and Identity Center asks IAM first, and tells those without the right nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from twinplane.data_plane.app import SERVICES, load_services

SERVICES_OF_PEOPLE = {"identitystore": "identitystore", "ssoadmin": "sso-admin"}
OPERATIONS = [
    (model, name)
    for package, model in SERVICES_OF_PEOPLE.items()
    for name in sorted(load_services()[package].operations)
]  # fmt: skip


@pytest.fixture(scope="module")
def world(plane: Any) -> dict[str, Any]:
    """Values for every member that requests need, of things that are there."""
    sso, directory, iam = plane.client("sso-admin"), plane.client("identitystore"), plane.client("iam")
    [instance] = sso.list_instances()["Instances"]
    arn, store_id = instance["InstanceArn"], instance["IdentityStoreId"]
    names = {"GivenName": "A", "FamilyName": "L"}
    user = directory.create_user(IdentityStoreId=store_id, UserName="seen", DisplayName="x", Name=names)["UserId"]
    group = directory.create_group(IdentityStoreId=store_id, DisplayName="seen")["GroupId"]
    joined = directory.create_group_membership(IdentityStoreId=store_id, GroupId=group, MemberId={"UserId": user})
    custom = "arn:aws:sso::aws:applicationProvider/custom"
    application = sso.create_application(InstanceArn=arn, ApplicationProviderArn=custom, Name="x")["ApplicationArn"]
    permission_set = sso.create_permission_set(InstanceArn=arn, Name="Seen")["PermissionSet"]["PermissionSetArn"]
    oidc = {
        "IssuerUrl": "https://issuer.example.org", "ClaimAttributePath": "email",
        "IdentityStoreAttributePath": "emails.value", "JwksRetrievalOption": "OPEN_ID_DISCOVERY",
    }  # fmt: skip
    configuration = {"OidcJwtConfiguration": oidc}
    issuer = sso.create_trusted_token_issuer(
        InstanceArn=arn, Name="seen", TrustedTokenIssuerType="OIDC_JWT", TrustedTokenIssuerConfiguration=configuration
    )["TrustedTokenIssuerArn"]
    request = {"AccountId": plane.account_id, "TargetId": plane.account_id, "TargetType": "AWS_ACCOUNT"}
    attributes = {"AccessControlAttributes": [{"Key": "a", "Value": {"Source": ["${path:title}"]}}]}
    policy = {"Version": "2012-10-17", "Statement": []}
    request_id = "00000000-0000-4000-8000-000000000000"
    iam.create_user(UserName="outsider")
    return {
        **request, "client": iam.create_access_key(UserName="outsider")["AccessKey"],
        "IdentityStoreId": store_id, "UserId": user, "GroupId": group, "MembershipId": joined["MembershipId"],
        "MemberId": {"UserId": user}, "GroupIds": [group],
        "AlternateIdentifier": {"UniqueAttribute": {"AttributePath": "userName", "AttributeValue": "seen"}},
        "Operations": [{"AttributePath": "displayName", "AttributeValue": "y"}],
        "NetworkConfiguration": {"VpceAccessRequired": False},
        "InstanceArn": arn, "ApplicationArn": application, "ApplicationProviderArn": custom, "Name": "unseen",
        "PermissionSetArn": permission_set, "PrincipalId": user, "PrincipalType": "USER", "ResourceArn": application,
        "Tags": [{"Key": "a", "Value": "b"}], "TagKeys": ["a"], "Scope": "a:b", "GrantType": "refresh_token",
        "Grant": {"RefreshToken": {}}, "AuthenticationMethodType": "IAM", "AssignmentRequired": False,
        "AuthenticationMethod": {"Iam": {"ActorPolicy": policy}}, "InlinePolicy": json.dumps(policy),
        "ManagedPolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess",
        "CustomerManagedPolicyReference": {"Name": "p"}, "PermissionsBoundary": {"ManagedPolicyArn": (
            "arn:aws:iam::aws:policy/AdministratorAccess"
        )},
        "TrustedTokenIssuerArn": issuer, "TrustedTokenIssuerType": "OIDC_JWT",
        "TrustedTokenIssuerConfiguration": configuration,
        "InstanceAccessControlAttributeConfiguration": attributes,
        "AccountAssignmentCreationRequestId": request_id, "AccountAssignmentDeletionRequestId": request_id,
        "ProvisionPermissionSetRequestId": request_id,
    }  # fmt: skip


@pytest.mark.parametrize(("model", "operation"), OPERATIONS, ids=[name for _, name in OPERATIONS])
def test_without_the_right_there_is_no_answer(plane: Any, world: dict[str, Any], model: str, operation: str) -> None:
    client = plane.client(model, world["client"])
    shape = client.meta.service_model.operation_model(operation).input_shape
    members = {name: world[name] for name in (shape.required_members if shape is not None else ())}
    method = next(m for m, name in client.meta.method_to_api_mapping.items() if name == operation)
    with pytest.raises(ClientError) as refused:
        getattr(client, method)(**members)
    error = refused.value.response["Error"]
    assert error["Code"] == "AccessDeniedException"
    assert "seen" not in error["Message"]


def test_services_of_people_are_served_under_their_names() -> None:
    assert {SERVICES[package][0] for package in ("identitystore", "ssoadmin", "ssooidc", "sso")} == {
        "identitystore", "sso-admin", "sso-oidc", "sso",
    }  # fmt: skip
