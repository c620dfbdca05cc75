"""What was taken away is gone for the very next call, whatever was remembered of the calls before."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from twinplane.data_plane.testing import RunningPlane

TRUST = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
)
ANY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "glue:*", "Resource": "*"}]}


def refusal(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as refused:
        call()
    return str(refused.value.response["Error"]["Code"])


class Reader:
    """A role, a session of it, and a table that it sees through Lake Formation alone."""

    def __init__(self, plane: RunningPlane, name: str) -> None:
        self.iam, self.lake, self.name = plane.client("iam"), plane.client("lakeformation"), name
        self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
        self.iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(ANY))
        self.arn = f"arn:aws:iam::111122223333:role/{name}"
        session = plane.client("sts").assume_role(RoleArn=self.arn, RoleSessionName="reader")["Credentials"]
        glue = plane.client("glue")
        glue.create_database(DatabaseInput={"Name": name.lower()})
        glue.create_table(DatabaseName=name.lower(), TableInput={"Name": "t"})
        self.table = {"Table": {"DatabaseName": name.lower(), "Name": "t"}}
        self.lake.grant_permissions(
            Principal={"DataLakePrincipalIdentifier": self.arn}, Resource=self.table, Permissions=["DESCRIBE"]
        )
        self.glue, self.sts = plane.client("glue", session), plane.client("sts", session)

    def look(self) -> Any:
        return self.glue.get_table(DatabaseName=self.name.lower(), Name="t")


def test_the_next_call_feels_each_revocation_and_each_grant(plane: RunningPlane) -> None:
    reader = Reader(plane, "Reader")
    for _ in range(3):
        reader.look()
        reader.iam.delete_role_policy(RoleName="Reader", PolicyName="all")
        assert refusal(reader.look) == "AccessDeniedException"
        reader.iam.put_role_policy(RoleName="Reader", PolicyName="all", PolicyDocument=json.dumps(ANY))
        reader.look()
        whom = {"Principal": {"DataLakePrincipalIdentifier": reader.arn}, "Resource": reader.table}
        reader.lake.revoke_permissions(**whom, Permissions=["DESCRIBE"])
        assert refusal(reader.look) == "AccessDeniedException"
        reader.lake.put_data_lake_settings(
            DataLakeSettings={"DataLakeAdmins": [{"DataLakePrincipalIdentifier": reader.arn}]}
        )
        reader.look()
        reader.lake.put_data_lake_settings(DataLakeSettings={"DataLakeAdmins": []})
        assert refusal(reader.look) == "AccessDeniedException"
        reader.lake.grant_permissions(**whom, Permissions=["DESCRIBE"])


def test_the_next_call_feels_a_customer_managed_policy_and_a_boundary(plane: RunningPlane) -> None:
    reader = Reader(plane, "Bounded")
    arn = reader.iam.create_policy(PolicyName="Nothing", PolicyDocument=json.dumps(ANY))["Policy"]["Arn"]
    reader.iam.delete_role_policy(RoleName="Bounded", PolicyName="all")
    assert refusal(reader.look) == "AccessDeniedException"
    reader.iam.attach_role_policy(RoleName="Bounded", PolicyArn=arn)
    reader.look()
    reader.iam.detach_role_policy(RoleName="Bounded", PolicyArn=arn)
    assert refusal(reader.look) == "AccessDeniedException"


def test_the_next_call_feels_that_a_key_was_switched_off_and_that_a_role_is_gone(plane: RunningPlane) -> None:
    iam = plane.client("iam")
    iam.create_user(UserName="keyed")
    key = iam.create_access_key(UserName="keyed")["AccessKey"]
    sts = plane.client("sts", key)
    for _ in range(3):
        assert sts.get_caller_identity()["Arn"].endswith("user/keyed")
        iam.update_access_key(UserName="keyed", AccessKeyId=key["AccessKeyId"], Status="Inactive")
        assert refusal(sts.get_caller_identity) == "InvalidClientTokenId"
        iam.update_access_key(UserName="keyed", AccessKeyId=key["AccessKeyId"], Status="Active")
    reader = Reader(plane, "Passing")
    reader.sts.get_caller_identity()
    iam.delete_role_policy(RoleName="Passing", PolicyName="all")
    iam.delete_role(RoleName="Passing")
    assert refusal(reader.sts.get_caller_identity) == "InvalidClientTokenId"
