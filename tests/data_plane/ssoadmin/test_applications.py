"""Identity Center's applications and trusted token issuers through boto3."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError

_numbers = count()
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CUSTOM = "arn:aws:sso::aws:applicationProvider/custom"


@pytest.fixture(scope="module")
def sso(plane: Any) -> Any:
    return plane.client("sso-admin")


@pytest.fixture(scope="module")
def instance(sso: Any) -> str:
    arn: str = sso.list_instances()["Instances"][0]["InstanceArn"]
    return arn


@pytest.fixture
def application(sso: Any, instance: str) -> str:
    name = f"app{next(_numbers)}"
    made = sso.create_application(InstanceArn=instance, ApplicationProviderArn=CUSTOM, Name=name)
    arn: str = made["ApplicationArn"]
    return arn


def trust(sso: Any, instance: str, url: str, **oidc: Any) -> str:
    configuration = {
        "IssuerUrl": url, "ClaimAttributePath": "email", "IdentityStoreAttributePath": "emails.value",
        "JwksRetrievalOption": "OPEN_ID_DISCOVERY", **oidc,
    }  # fmt: skip
    made = sso.create_trusted_token_issuer(
        InstanceArn=instance,
        Name=f"issuer{next(_numbers)}",
        TrustedTokenIssuerType="OIDC_JWT",
        TrustedTokenIssuerConfiguration={"OidcJwtConfiguration": configuration},
    )
    arn: str = made["TrustedTokenIssuerArn"]
    return arn


def refusal(call: Any, *arguments: Any, **members: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(*arguments, **members)
    code: str = refused.value.response["Error"]["Code"]
    return code


def test_the_instance_is_the_same_wherever_one_asks(plane: Any, sso: Any, instance: str) -> None:
    found = sso.describe_instance(InstanceArn=instance)
    assert found["Status"] == "ACTIVE"
    assert found["OwnerAccountId"] == plane.account_id
    assert refusal(sso.describe_instance, InstanceArn=instance[:-1] + "x") in (
        "AccessDeniedException",
        "ValidationException",
    )


def test_an_application_is_listed_until_it_is_deleted(sso: Any, instance: str, application: str) -> None:
    found = sso.describe_application(ApplicationArn=application)
    assert found["ApplicationArn"] == application
    assert found["Status"] == "ENABLED"
    listed = sso.get_paginator("list_applications").paginate(InstanceArn=instance, PaginationConfig={"PageSize": 1})
    assert application in [a["ApplicationArn"] for page in listed for a in page["Applications"]]
    sso.delete_application(ApplicationArn=application)
    assert refusal(sso.describe_application, ApplicationArn=application) == "ResourceNotFoundException"


def test_a_repeated_client_token_makes_no_second_application(sso: Any, instance: str) -> None:
    members = {"InstanceArn": instance, "ApplicationProviderArn": CUSTOM, "Name": "once", "ClientToken": "token-1"}
    assert sso.create_application(**members)["ApplicationArn"] == sso.create_application(**members)["ApplicationArn"]
    assert refusal(sso.create_application, **members | {"Name": "other"}) == "ConflictException"


def test_the_actor_policy_comes_back_as_it_was_given(sso: Any, application: str) -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/App"},
                "Action": "sso-oauth:CreateTokenWithIAM", "Resource": "*",
            }
        ],
    }  # fmt: skip
    assert (
        refusal(sso.get_application_authentication_method, ApplicationArn=application, AuthenticationMethodType="IAM")
        == "ResourceNotFoundException"
    )
    sso.put_application_authentication_method(
        ApplicationArn=application,
        AuthenticationMethodType="IAM",
        AuthenticationMethod={"Iam": {"ActorPolicy": policy}},
    )
    found = sso.get_application_authentication_method(ApplicationArn=application, AuthenticationMethodType="IAM")
    assert found["AuthenticationMethod"]["Iam"]["ActorPolicy"] == policy
    code = refusal(
        sso.put_application_authentication_method,
        ApplicationArn=application,
        AuthenticationMethodType="IAM",
        AuthenticationMethod={"Iam": {"ActorPolicy": {"Statement": []}}},
    )
    assert code == "ValidationException"


def test_a_grant_names_issuers_that_exist_and_audiences(sso: Any, instance: str, application: str) -> None:
    issuer = trust(sso, instance, "https://granted.example.org")
    grant = {"JwtBearer": {"AuthorizedTokenIssuers": [{"TrustedTokenIssuerArn": issuer, "AuthorizedAudiences": ["a"]}]}}
    sso.put_application_grant(ApplicationArn=application, GrantType=JWT_BEARER, Grant=grant)
    assert sso.get_application_grant(ApplicationArn=application, GrantType=JWT_BEARER)["Grant"] == grant
    sso.put_application_grant(ApplicationArn=application, GrantType="refresh_token", Grant={"RefreshToken": {}})
    listed = sso.list_application_grants(ApplicationArn=application)["Grants"]
    assert [g["GrantType"] for g in listed] == ["refresh_token", JWT_BEARER]

    def put(*issuers: dict[str, Any]) -> str:
        return refusal(
            sso.put_application_grant,
            ApplicationArn=application,
            GrantType=JWT_BEARER,
            Grant={"JwtBearer": {"AuthorizedTokenIssuers": list(issuers)}},
        )

    assert put({"TrustedTokenIssuerArn": issuer}) == "ValidationException"
    missing = issuer[:-4] + "0000"
    assert put({"TrustedTokenIssuerArn": missing, "AuthorizedAudiences": ["a"]}) == "ResourceNotFoundException"


def test_scopes_and_assignments_are_kept(plane: Any, sso: Any, application: str) -> None:
    sso.put_application_access_scope(ApplicationArn=application, Scope="sts:identity_context")
    sso.put_application_access_scope(ApplicationArn=application, Scope="lakeformation:query")
    scopes = sso.list_application_access_scopes(ApplicationArn=application)["Scopes"]
    assert [s["Scope"] for s in scopes] == ["lakeformation:query", "sts:identity_context"]

    assert sso.get_application_assignment_configuration(ApplicationArn=application)["AssignmentRequired"] is True
    sso.put_application_assignment_configuration(ApplicationArn=application, AssignmentRequired=False)
    assert sso.get_application_assignment_configuration(ApplicationArn=application)["AssignmentRequired"] is False

    directory = plane.client("identitystore")
    store_id = sso.list_instances()["Instances"][0]["IdentityStoreId"]
    group = directory.create_group(IdentityStoreId=store_id, DisplayName="assigned")["GroupId"]
    assignment = {"ApplicationArn": application, "PrincipalId": group, "PrincipalType": "GROUP"}
    sso.create_application_assignment(**assignment)
    sso.create_application_assignment(**assignment)
    assert sso.list_application_assignments(ApplicationArn=application)["ApplicationAssignments"] == [assignment]
    assert (
        refusal(sso.create_application_assignment, **assignment | {"PrincipalType": "USER"})
        == "ResourceNotFoundException"
    )
    sso.delete_application_assignment(**assignment)
    assert sso.list_application_assignments(ApplicationArn=application)["ApplicationAssignments"] == []


def test_a_trusted_token_issuer_is_kept_until_it_is_deleted(sso: Any, instance: str) -> None:
    arn = trust(sso, instance, "https://kept.example.org/path")
    sso.update_trusted_token_issuer(
        TrustedTokenIssuerArn=arn,
        Name="renamed",
        TrustedTokenIssuerConfiguration={
            "OidcJwtConfiguration": {"ClaimAttributePath": "upn", "IdentityStoreAttributePath": "userName"}
        },
    )
    found = sso.describe_trusted_token_issuer(TrustedTokenIssuerArn=arn)
    assert found["Name"] == "renamed"
    assert found["TrustedTokenIssuerConfiguration"]["OidcJwtConfiguration"] == {
        "IssuerUrl": "https://kept.example.org/path", "ClaimAttributePath": "upn",
        "IdentityStoreAttributePath": "userName", "JwksRetrievalOption": "OPEN_ID_DISCOVERY",
    }  # fmt: skip
    listed = sso.list_trusted_token_issuers(InstanceArn=instance)["TrustedTokenIssuers"]
    assert arn in [issuer["TrustedTokenIssuerArn"] for issuer in listed]
    assert refusal(trust, sso, instance, "https://kept.example.org/path") == "ConflictException"
    sso.delete_trusted_token_issuer(TrustedTokenIssuerArn=arn)
    assert refusal(sso.describe_trusted_token_issuer, TrustedTokenIssuerArn=arn) == "ResourceNotFoundException"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org",
        "https://example.org/.well-known/openid-configuration",
        "https://example.org?x=1",
        "ftp://127.0.0.1",
    ],
)
def test_an_issuer_url_that_could_never_work_is_refused(sso: Any, instance: str, url: str) -> None:
    assert refusal(trust, sso, instance, url) == "ValidationException"


def test_an_issuer_must_name_an_attribute_of_the_identity_store(sso: Any, instance: str) -> None:
    code = refusal(trust, sso, instance, "https://odd.example.org", IdentityStoreAttributePath="title")
    assert code == "ValidationException"


def test_assignments_are_listed_for_the_one_who_has_them(plane: Any, sso: Any, instance: str, application: str) -> None:
    directory = plane.client("identitystore")
    store_id = sso.list_instances()["Instances"][0]["IdentityStoreId"]
    group = directory.create_group(IdentityStoreId=store_id, DisplayName="listed")["GroupId"]
    assignment = {"ApplicationArn": application, "PrincipalId": group, "PrincipalType": "GROUP"}
    assert refusal(sso.describe_application_assignment, **assignment) == "ResourceNotFoundException"
    sso.create_application_assignment(**assignment)
    found = sso.describe_application_assignment(**assignment)
    assert {member: found[member] for member in assignment} == assignment
    mine = {"InstanceArn": instance, "PrincipalId": group, "PrincipalType": "GROUP"}
    assert sso.list_application_assignments_for_principal(**mine)["ApplicationAssignments"] == [assignment]
    other = mine | {"Filter": {"ApplicationArn": application[:-4] + "0000"}}
    assert sso.list_application_assignments_for_principal(**other)["ApplicationAssignments"] == []


def test_the_way_an_application_proves_itself_can_be_taken_away(sso: Any, application: str) -> None:
    method = {"ApplicationArn": application, "AuthenticationMethodType": "IAM"}
    assert refusal(sso.delete_application_authentication_method, **method) == "ResourceNotFoundException"
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sso-oauth:CreateTokenWithIAM", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    sso.put_application_authentication_method(**method, AuthenticationMethod={"Iam": {"ActorPolicy": policy}})
    listed = sso.list_application_authentication_methods(ApplicationArn=application)["AuthenticationMethods"]
    assert [each["AuthenticationMethodType"] for each in listed] == ["IAM"]
    sso.delete_application_authentication_method(**method)
    assert sso.list_application_authentication_methods(ApplicationArn=application)["AuthenticationMethods"] == []


def test_grants_must_be_of_their_kind_and_send_codes_home_only(sso: Any, application: str) -> None:
    def put(kind: str, grant: dict[str, Any]) -> str | None:
        try:
            sso.put_application_grant(ApplicationArn=application, GrantType=kind, Grant=grant)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return None

    assert put("authorization_code", {"RefreshToken": {}}) == "ValidationException"
    for uri in ("http://elsewhere.example.org/", "https://a.example.org/#x", "https://a@b.example.org/", "ftp://x/"):
        assert put("authorization_code", {"AuthorizationCode": {"RedirectUris": [uri]}}) == "ValidationException"
    assert put("authorization_code", {"AuthorizationCode": {"RedirectUris": ["https://app.example.org/back"]}}) is None
    assert put("urn:ietf:params:oauth:grant-type:token-exchange", {"TokenExchange": {}}) is None


def test_there_is_one_application_provider(sso: Any, instance: str) -> None:
    [provider] = sso.list_application_providers()["ApplicationProviders"]
    assert provider["ApplicationProviderArn"] == CUSTOM
    assert sso.describe_application_provider(ApplicationProviderArn=CUSTOM)["FederationProtocol"] == "OAUTH"
    other = CUSTOM + "-saml"
    members = {"InstanceArn": instance, "ApplicationProviderArn": other, "Name": "x"}
    assert refusal(sso.create_application, **members) == "ValidationException"
