"""A small lake on a running plane: a table with rows of two regions, and people who may read some of it."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb

from twinplane.data_plane import sessions
from twinplane.data_plane.call import ProjectScope
from twinplane.data_plane.plane import Keys
from twinplane.data_plane.testing import RunningPlane

COLUMNS = [{"Name": "id", "Type": "bigint"}, {"Name": "region", "Type": "string"}, {"Name": "amount", "Type": "double"},
           {"Name": "card", "Type": "string"}]  # fmt: skip
ROWS = (
    "SELECT i AS id, CASE WHEN i % 4 = 0 THEN 'EU' ELSE 'US' END AS region, i * 1.5::DOUBLE AS amount, "
    "'card-' || i AS card"
)
PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
}
PERSON_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["athena:*", "glue:Get*", "lakeformation:Get*"], "Resource": "*"},
        {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "arn:aws:s3:::people/athena/*"},
        {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": "arn:aws:s3:::people"},
    ],
}


@dataclass
class Person:
    """A signed-in person: her id and clients with her identity-enhanced credentials."""

    plane: RunningPlane
    user_id: str
    credentials: dict[str, Any]

    @property
    def principal(self) -> str:
        return f"arn:aws:identitystore:::user/{self.user_id}"

    def client(self, service: str) -> Any:
        return self.plane.client(service, self.credentials)

    def start(self, text: str, **options: Any) -> str:
        options = {"WorkGroup": "mesh-people", "QueryExecutionContext": {"Database": "sales"}} | options
        started = self.client("athena").start_query_execution(QueryString=text, **options)
        return str(started["QueryExecutionId"])

    def finished(self, query_id: str) -> dict[str, Any]:
        athena = self.client("athena")
        for _ in range(600):
            execution: dict[str, Any] = athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
            if execution["Status"]["State"] not in ("QUEUED", "RUNNING"):
                return execution
            time.sleep(0.02)
        raise AssertionError("the query did not finish")

    def rows(self, text: str, **options: Any) -> list[list[str | None]]:
        query_id = self.start(text, **options)
        execution = self.finished(query_id)
        assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
        pages = self.client("athena").get_paginator("get_query_results").paginate(QueryExecutionId=query_id)
        found = [[d.get("VarCharValue") for d in r["Data"]] for page in pages for r in page["ResultSet"]["Rows"]]
        return found[1:] if execution["StatementType"] == "DML" else found


class Lake:
    """The lake's administrator."""

    def __init__(self, plane: RunningPlane, folder: Path) -> None:
        self.plane, self._folder = plane, folder
        self.lake = plane.client("lakeformation")
        self.glue, self.s3, self.athena = plane.client("glue"), plane.client("s3"), plane.client("athena")
        self.identitystore, self._iam = plane.client("identitystore"), plane.client("iam")
        self._store_id = plane.client("sso-admin").list_instances()["Instances"][0]["IdentityStoreId"]

    def make(self) -> None:
        """Buckets, settings, work group, database `sales` with the table `orders`."""
        me = self.plane.client("sts").get_caller_identity()["Arn"]
        settings = {
            "DataLakeAdmins": [{"DataLakePrincipalIdentifier": me}], "AllowFullTableExternalDataAccess": True,
        }  # fmt: skip
        self.lake.put_data_lake_settings(DataLakeSettings=settings)
        for bucket in ("data", "people"):
            self.s3.create_bucket(Bucket=bucket)
        self.role("QueryExecution", "s3:*")
        self.lake.register_resource(ResourceArn="arn:aws:s3:::data", RoleArn=self.role_arn("QueryExecution"))
        self.athena.create_work_group(
            Name="mesh-people",
            Configuration={
                "EnforceWorkGroupConfiguration": True,
                "ResultConfiguration": {"OutputLocation": "s3://people/athena/"},
                "IdentityCenterConfiguration": {"EnableIdentityCenter": True},
                "QueryResultsS3AccessGrantsConfiguration": {
                    "EnableS3AccessGrants": True, "CreateUserLevelPrefix": True,
                    "AuthenticationType": "DIRECTORY_IDENTITY",
                },
            },
        )  # fmt: skip
        self._role("TwinplanePerson", PERSON_POLICY)
        self.glue.create_database(DatabaseInput={"Name": "sales"})
        self.table("orders", ROWS + " FROM range(1000) t(i)")

    def role_arn(self, name: str) -> str:
        return f"arn:aws:iam::{self.plane.account_id}:role/{name}"

    def role(self, name: str, *actions: str) -> str:
        statement = [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]
        return self._role(name, {"Version": "2012-10-17", "Statement": statement})

    def _role(self, name: str, policy: dict[str, Any]) -> str:
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                 "Principal": {"AWS": f"arn:aws:iam::{self.plane.account_id}:root"}}]}  # fmt: skip
        self._iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        self._iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(policy))
        return self.role_arn(name)

    def table(
        self, name: str, select: str, columns: list[dict[str, str]] | None = None, database: str = "sales"
    ) -> None:
        """A table over the rows of a query."""
        self.put_parquet(f"{database}/{name}/part-0.parquet", select)
        storage = {"Columns": columns or COLUMNS, "Location": f"s3://data/{database}/{name}/", **PARQUET}
        self.glue.create_table(
            DatabaseName=database,
            TableInput={"Name": name, "StorageDescriptor": storage, "TableType": "EXTERNAL_TABLE"},
        )

    def put_parquet(self, key: str, select: str) -> None:
        path = self._folder / "upload.parquet"
        duckdb.connect().execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
        self.s3.put_object(Bucket="data", Key=key, Body=path.read_bytes())

    def person(self, name: str, role: str = "TwinplanePerson", project: ProjectScope | None = None) -> Person:
        """Somebody new, signed in: identity-enhanced credentials of the role, acting for her."""
        user = self.identitystore.create_user(
            IdentityStoreId=self._store_id, UserName=name, DisplayName=name,
            Name={"GivenName": name, "FamilyName": name},
        )  # fmt: skip
        return self.session_of(str(user["UserId"]), role, project)

    def session_of(self, user_id: str, role: str = "TwinplanePerson", project: ProjectScope | None = None) -> Person:
        plane: Any = SimpleNamespace(keys=Keys(self.plane.state / "plane.key"))
        credentials = sessions.issue(
            plane, role_arn=self.role_arn(role), session_name="person", duration_seconds=3600, now=time.time(),
            on_behalf_of=user_id, project=project,
        )  # fmt: skip
        return Person(self.plane, user_id, credentials)

    def group(self, name: str, *members: Person) -> str:
        """A group with members; its Lake Formation principal."""
        made = self.identitystore.create_group(IdentityStoreId=self._store_id, DisplayName=name)["GroupId"]
        for member in members:
            self.identitystore.create_group_membership(
                IdentityStoreId=self._store_id, GroupId=made, MemberId={"UserId": member.user_id}
            )  # fmt: skip
        return f"arn:aws:identitystore:::group/{made}"

    def grant(
        self, principal: str, resource: dict[str, Any], *permissions: str, grantable: tuple[str, ...] = ()
    ) -> None:
        self.lake.grant_permissions(
            Principal={"DataLakePrincipalIdentifier": principal}, Resource=resource,
            Permissions=list(permissions or ["SELECT"]), PermissionsWithGrantOption=list(grantable),
        )  # fmt: skip

    def revoke(self, principal: str, resource: dict[str, Any], *permissions: str) -> None:
        self.lake.revoke_permissions(
            Principal={"DataLakePrincipalIdentifier": principal}, Resource=resource,
            Permissions=list(permissions or ["SELECT"]),
        )  # fmt: skip

    def filter(
        self, name: str, expression: str | None, columns: dict[str, Any], table: str = "orders"
    ) -> dict[str, Any]:
        """A data cells filter, as the resource of a grant."""
        key = {"TableCatalogId": self.plane.account_id, "DatabaseName": "sales", "TableName": table, "Name": name}
        rows = {"AllRowsWildcard": {}} if expression is None else {"FilterExpression": expression}
        self.lake.create_data_cells_filter(TableData={**key, "RowFilter": rows, **columns})
        return {"DataCellsFilter": key}


def table(name: str = "orders", database: str = "sales") -> dict[str, Any]:
    return {"Table": {"DatabaseName": database, "Name": name}}
