"""Sessions of users: their own that end, and those of people they vouch for."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError

_names = count()


def allowing(*actions: str, effect: str = "Allow") -> str:
    statement = {"Effect": effect, "Action": list(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def refusal(call: Any, *arguments: Any, **members: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(*arguments, **members)
    code: str = refused.value.response["Error"]["Code"]
    return code


@pytest.fixture
def user(plane: Any) -> Any:
    """A user who may do much, and its STS client."""
    iam = plane.client("iam")
    name = f"user{next(_names)}"
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=allowing("glue:*", "iam:*", "sts:*", "s3:*"))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return plane.client("sts", {"AccessKeyId": key["AccessKeyId"], "SecretAccessKey": key["SecretAccessKey"]})


def test_a_users_session_is_the_user_but_for_iam(plane: Any, user: Any) -> None:
    credentials = user.get_session_token(DurationSeconds=900)["Credentials"]
    me = plane.client("sts", credentials).get_caller_identity()
    assert me["Arn"] == user.get_caller_identity()["Arn"]
    assert plane.client("glue", credentials).get_databases()
    assert refusal(plane.client("iam", credentials).list_roles) == "AccessDenied"
    assert refusal(plane.client("sts", credentials).get_session_token) == "AccessDenied"
    assert refusal(plane.client("sts", credentials).get_federation_token, Name="bob") == "AccessDenied"


def test_a_users_session_ends_with_the_user(plane: Any, user: Any) -> None:
    credentials = user.get_session_token()["Credentials"]
    name = user.get_caller_identity()["Arn"].rpartition("/")[2]
    iam = plane.client("iam")
    iam.delete_user_policy(UserName=name, PolicyName="p")
    for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName=name)
    assert refusal(plane.client("sts", credentials).get_caller_identity) == "InvalidClientTokenId"


def test_a_role_has_no_sessions_of_users(plane: Any, user: Any) -> None:
    iam = plane.client("iam")
    me = user.get_caller_identity()["Arn"]
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": me}, "Action": "sts:*"}}
    role = iam.create_role(RoleName=f"Of-{me.rpartition('/')[2]}", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    session = user.assume_role(RoleArn=role["Arn"], RoleSessionName="me")["Credentials"]
    iam.put_role_policy(RoleName=role["RoleName"], PolicyName="p", PolicyDocument=allowing("*"))
    assert refusal(plane.client("sts", session).get_session_token) == "AccessDenied"
    assert refusal(plane.client("sts", session).get_federation_token, Name="bob") == "AccessDenied"


def test_a_federated_user_may_what_both_the_user_and_the_policy_allow(plane: Any, user: Any) -> None:
    answer = user.get_federation_token(Name="bob", Policy=allowing("glue:GetDatabases", "lakeformation:*", "iam:*"))
    credentials = answer["Credentials"]
    assert answer["FederatedUser"]["Arn"] == "arn:aws:sts::111122223333:federated-user/bob"
    me = plane.client("sts", credentials).get_caller_identity()
    assert (me["Arn"], me["UserId"]) == (answer["FederatedUser"]["Arn"], "111122223333:bob")
    glue = plane.client("glue", credentials)
    assert glue.get_databases()
    assert refusal(glue.get_tables, DatabaseName="any") == "AccessDeniedException"
    assert refusal(plane.client("lakeformation", credentials).list_resources) == "AccessDeniedException"
    assert refusal(plane.client("iam", credentials).list_roles) == "AccessDenied"


def test_a_federated_user_without_a_policy_may_nothing(plane: Any, user: Any) -> None:
    credentials = user.get_federation_token(Name="bob")["Credentials"]
    assert refusal(plane.client("glue", credentials).get_databases) == "AccessDeniedException"


def test_vouching_for_others_needs_permission_and_tags_need_their_own(plane: Any, user: Any) -> None:
    name = user.get_caller_identity()["Arn"].rpartition("/")[2]
    iam = plane.client("iam")
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=allowing("sts:GetFederationToken"))
    assert user.get_federation_token(Name="bob")
    assert refusal(user.get_federation_token, Name="bob", Tags=[{"Key": "k", "Value": "v"}]) == "AccessDenied"
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=allowing("glue:*"))
    assert refusal(user.get_federation_token, Name="bob") == "AccessDenied"
    assert user.get_session_token()  # nobody needs leave for that, and nobody can be denied it


def test_a_key_tells_its_account_to_who_may_ask(plane: Any, user: Any) -> None:
    key = plane.administrator()["aws_access_key_id"]
    assert user.get_access_key_info(AccessKeyId=key)["Account"] == "111122223333"
    assert refusal(user.get_access_key_info, AccessKeyId="AKIA" + "A" * 16) == "ValidationError"


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("decode_authorization_message", {"EncodedMessage": "x"}),
        ("assume_role_with_saml", {"RoleArn": "a" * 20, "PrincipalArn": "b" * 20, "SAMLAssertion": "abcd"}),
    ],
)
def test_what_is_not_served_says_so(plane: Any, operation: str, members: dict[str, str]) -> None:
    assert refusal(getattr(plane.client("sts"), operation), **members) == "NotImplemented"


def test_a_federated_user_has_no_grants_of_the_users_in_the_lake(plane: Any, user: Any) -> None:
    me = user.get_caller_identity()["Arn"]
    plane.client("lakeformation").put_data_lake_settings(
        DataLakeSettings={"DataLakeAdmins": [{"DataLakePrincipalIdentifier": me}]}
    )
    iam = plane.client("iam")
    iam.put_user_policy(UserName=me.rpartition("/")[2], PolicyName="p", PolicyDocument=allowing("*"))
    credentials = user.get_federation_token(Name="bob", Policy=allowing("lakeformation:*"))["Credentials"]
    own = user.get_session_token()["Credentials"]
    settings = {"DataLakeSettings": {"DataLakeAdmins": []}}
    resource = {"Principal": {"DataLakePrincipalIdentifier": me}, "Resource": {"Catalog": {}}}
    grant = {**resource, "Permissions": ["CREATE_DATABASE"]}
    assert refusal(plane.client("lakeformation", credentials).grant_permissions, **grant) == "AccessDeniedException"
    assert plane.client("lakeformation", own).grant_permissions(**grant)
    plane.client("lakeformation").put_data_lake_settings(**settings)
