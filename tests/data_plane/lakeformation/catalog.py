"""A lake on a running plane: databases, tables, principals that are nobody yet, and short ways to ask."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from twinplane.data_plane.testing import RunningPlane

COLUMNS = ("id", "region", "card")
Resource = dict[str, Any]


def who(principal: str) -> dict[str, str]:
    return {"DataLakePrincipalIdentifier": principal}


def database(name: str = "sales") -> Resource:
    return {"Database": {"Name": name}}


def table(name: str = "orders", database_name: str = "sales") -> Resource:
    return {"Table": {"DatabaseName": database_name, "Name": name}}


def columns(*names: str, table_name: str = "orders") -> Resource:
    return {"TableWithColumns": {"DatabaseName": "sales", "Name": table_name, "ColumnNames": list(names)}}


def conditions(**tags: str) -> list[dict[str, Any]]:
    return [{"TagKey": key, "TagValues": values.split()} for key, values in tags.items()]


def policy(kind: str = "TABLE", **tags: str) -> Resource:
    return {"LFTagPolicy": {"ResourceType": kind, "Expression": conditions(**tags)}}


def tag(key: str, *values: str) -> Resource:
    return {"LFTag": {"TagKey": key, "TagValues": list(values) or ["*"]}}


@dataclass
class Someone:
    """An IAM user or role with every IAM right, and none in the lake until some is granted."""

    plane: RunningPlane
    arn: str
    credentials: dict[str, str]

    def client(self, service: str) -> Any:
        return self.plane.client(service, self.credentials)

    @property
    def lake(self) -> Any:
        return self.client("lakeformation")

    def columns(self, name: str = "orders", database_name: str = "sales") -> list[str] | None:
        """The columns of a table that she sees; None when there is no such table for her."""
        try:
            found = self.client("glue").get_table(DatabaseName=database_name, Name=name)["Table"]
        except ClientError as error:
            if code(error) != "AccessDeniedException":
                raise
            return None
        return [c["Name"] for c in found["StorageDescriptor"]["Columns"]]

    def databases(self) -> list[str]:
        return [d["Name"] for d in self.client("glue").get_databases()["DatabaseList"]]

    def tables(self, database_name: str = "sales") -> list[str]:
        return [t["Name"] for t in self.client("glue").get_tables(DatabaseName=database_name)["TableList"]]


class Catalog:
    """The lake, through its administrator."""

    def __init__(self, plane: RunningPlane) -> None:
        self.plane = plane
        self.lake, self.glue, self.iam = (plane.client(name) for name in ("lakeformation", "glue", "iam"))
        self.admin = plane.client("sts").get_caller_identity()["Arn"]
        self.settings()
        for name in ("sales", "hr"):
            self.glue.create_database(DatabaseInput={"Name": name})
            for made in ("orders", "people"):
                self.table(name, made)

    def settings(self, **settings: Any) -> None:
        self.lake.put_data_lake_settings(DataLakeSettings={"DataLakeAdmins": [who(self.admin)], **settings})

    def table(self, database_name: str, name: str) -> None:
        storage = {
            "Columns": [{"Name": c, "Type": "string"} for c in COLUMNS],
            "Location": f"s3://lake/{database_name}/{name}/",
        }
        given = {"Name": name, "StorageDescriptor": storage}
        self.glue.create_table(DatabaseName=database_name, TableInput=given)

    def someone(self, name: str) -> Someone:
        self.iam.create_user(UserName=name)
        self.iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=_without("PutDataLakeSettings"))
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        credentials = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
        return Someone(self.plane, f"arn:aws:iam::{self.plane.account_id}:user/{name}", credentials)

    def engine(self, name: str, **tags: str) -> Someone:
        """A role's session with these tags."""
        trust = {"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession"],
                 "Principal": {"AWS": f"arn:aws:iam::{self.plane.account_id}:root"}}  # fmt: skip
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        role = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        self.iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=_without("PutDataLakeSettings"))
        session = self.plane.client("sts").assume_role(
            RoleArn=role, RoleSessionName="session", Tags=[{"Key": k, "Value": v} for k, v in tags.items()]
        )["Credentials"]
        return Someone(self.plane, role, session)

    def grant(self, someone: Someone, resource: Resource, *permissions: str, grantable: tuple[str, ...] = ()) -> None:
        self.lake.grant_permissions(
            Principal=who(someone.arn), Resource=resource, Permissions=list(permissions),
            PermissionsWithGrantOption=list(grantable),
        )  # fmt: skip

    def revoke(self, someone: Someone, resource: Resource, *permissions: str) -> None:
        self.lake.revoke_permissions(
            Principal=who(someone.arn), Resource=resource, Permissions=list(permissions)
        )  # fmt: skip

    def tag(self, resource: Resource, **tags: str) -> None:
        pairs = [{"TagKey": key, "TagValues": [value]} for key, value in tags.items()]
        assert self.lake.add_lf_tags_to_resource(Resource=resource, LFTags=pairs).get("Failures", []) == []


def _without(action: str) -> str:
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                everything, {"Effect": "Deny", "Action": f"lakeformation:{action}", "Resource": "*"},
            ],
        }
    )  # fmt: skip


def code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


def refused(expected: str, call: Any, **request: Any) -> str:
    """The message of the error with this code that a call is answered with."""
    with pytest.raises(ClientError) as error:
        call(**request)
    assert code(error.value) == expected, error.value
    return str(error.value.response["Error"]["Message"])
