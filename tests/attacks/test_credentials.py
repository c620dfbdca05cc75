"""Credentials: forged, swapped, chained, and used after their reason is gone."""

import base64
import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.attacks.insiders import Insiders, refused

ACCOUNT = "444444444444"
_PARQUET = {"SerializationLibrary": "parquet"}


def test_parts_of_sessions_do_not_fit_together(insiders: Insiders) -> None:
    hers, his = insiders.sign_in.credentials("analyst"), insiders.sign_in.credentials("colleague")
    token = base64.urlsafe_b64decode(hers["SessionToken"] + "=" * (-len(hers["SessionToken"]) % 4))
    ana, olivia = (insiders.sign_in.user_id(name).encode() for name in ("analyst", "owner"))
    assert ana in token
    forged = base64.urlsafe_b64encode(token.replace(ana, olivia)).decode().rstrip("=")
    for credentials in (
        hers | {"SessionToken": his["SessionToken"]},
        hers | {"AccessKeyId": his["AccessKeyId"], "SessionToken": his["SessionToken"]},
        hers | {"SessionToken": forged},
        hers | {"SessionToken": "AAAA"},
    ):
        with refused("InvalidClientTokenId", "SignatureDoesNotMatch"):
            insiders.client_of(credentials, "sts").get_caller_identity()


def roles(insiders: Insiders) -> list[str]:
    project = insiders.in_project("analyst", "sts").get_caller_identity()["Arn"].split("/")[1]
    services = ("ManageAccess", "Provisioning", "DomainExecution", "DomainService", "QueryExecution")
    return ["TwinplaneManagementApp", "TwinplanePerson", project, *(f"AmazonSageMaker{name}" for name in services)]


def test_nobody_becomes_another_role(insiders: Insiders) -> None:
    for client in (insiders.aws("analyst", "sts"), insiders.in_project("analyst", "sts")):
        for role in (*roles(insiders), "nothing"):
            with refused("AccessDenied.*not authorized to perform: sts:AssumeRole"):
                client.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{role}", RoleSessionName="mallory")


def unsigned(claims: dict[str, Any], algorithm: str, signature: str) -> str:
    parts = [
        base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in ({"alg": algorithm}, claims)
    ]
    return ".".join([*parts, signature])


@pytest.mark.parametrize("algorithm", ["none", "HS256", "ES256", "RS256"])
def test_an_identity_token_cannot_be_changed_nor_used_twice(insiders: Insiders, algorithm: str) -> None:
    token = insiders.sign_in.id_token("analyst")
    body = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    forged = unsigned(claims | {"sub": insiders.sign_in.user_id("owner"), "jti": "x"}, algorithm, token.split(".")[2])
    opened = insiders.call("analyst", "POST", "/api/sessions", {"id_token": forged})
    assert opened.status_code == 401
    assert insiders.call("analyst", "POST", "/api/sessions", {"id_token": token}).status_code == 201
    assert insiders.call("analyst", "POST", "/api/sessions", {"id_token": token}).status_code == 401


ADMINISTRATION: list[tuple[str, str, dict[str, Any]]] = [
    ("lakeformation", "put_data_lake_settings", {"DataLakeSettings": {}}),
    (
        "lakeformation", "grant_permissions",
        {
            "Principal": {"DataLakePrincipalIdentifier": "arn:aws:iam::444444444444:role/TwinplanePerson"},
            "Resource": {"Table": {"DatabaseName": "marketing", "Name": "households"}}, "Permissions": ["SELECT"],
        },
    ),
    ("iam", "list_roles", {}),
    ("iam", "get_role", {"RoleName": "TwinplaneManagementApp"}),
    ("iam", "create_access_key", {"UserName": "administrator"}),
    ("iam", "put_role_policy", {"RoleName": "TwinplanePerson", "PolicyName": "x", "PolicyDocument": "{}"}),
    ("sso-admin", "list_instances", {}),
    ("cloudtrail", "lookup_events", {}),
    ("glue", "create_database", {"DatabaseInput": {"Name": "mine"}}),
    ("glue", "delete_table", {"DatabaseName": "marketing", "Name": "households"}),
    ("athena", "create_work_group", {"Name": "mine"}),
    ("s3", "list_buckets", {}),
]  # fmt: skip


@pytest.mark.parametrize(("service", "operation", "request_"), ADMINISTRATION)
def test_people_and_projects_administer_nothing(
    insiders: Insiders, service: str, operation: str, request_: dict[str, Any]
) -> None:
    for client in (insiders.aws("analyst", service), insiders.in_project("analyst", service)):
        with refused():
            getattr(client, operation)(**request_)


def test_what_a_project_vends_ends_with_the_membership(insiders: Insiders) -> None:
    datazone, domain = insiders.aws("analyst", "datazone"), {"domainIdentifier": insiders.domain}
    member = {"userIdentifier": insiders.sign_in.user_id("colleague")}
    datazone.create_project_membership(
        projectIdentifier=insiders.project, designation="PROJECT_CONTRIBUTOR", member=member, **domain
    )  # fmt: skip
    table, bucket, key = some_table(insiders, "colleague", "shared")
    read = insiders.in_project("colleague", "lakeformation").get_temporary_glue_table_credentials(
        TableArn=table, SupportedPermissionTypes=["COLUMN_PERMISSION"], DurationSeconds=43200
    )  # fmt: skip
    files = insiders.client_of(read, "s3")
    assert files.get_object(Bucket=bucket, Key=key)["ContentLength"] > 0
    datazone.delete_project_membership(projectIdentifier=insiders.project, member=member, **domain)
    for call in (
        insiders.in_project("colleague", "sts").get_caller_identity,
        insiders.in_project("colleague", "glue").get_databases,
        lambda: files.get_object(Bucket=bucket, Key=key),
    ):
        with refused("ExpiredToken"):
            call()


def some_table(insiders: Insiders, person: str, name: str, below: str = "") -> tuple[str, str, str]:
    """A table with one file in the project's own storage: its ARN, and the bucket and key of the file."""
    glue = insiders.in_project(person, "glue")
    root = glue.get_database(Name=insiders.database)["Database"]["LocationUri"].removeprefix("s3://")
    bucket, _, prefix = root.partition("/")
    body, key = io.BytesIO(), f"{prefix}{name}/rows.parquet"
    pq.write_table(pa.table({"x": [1, 2, 3]}), body)
    insiders.in_project(person, "s3").put_object(Bucket=bucket, Key=key, Body=body.getvalue())
    storage = {
        "Columns": [{"Name": "x", "Type": "bigint"}], "Location": f"s3://{bucket}/{prefix}{name}/{below}",
        "SerdeInfo": _PARQUET,
    }  # fmt: skip
    glue.create_table(DatabaseName=insiders.database, TableInput={"Name": name, "StorageDescriptor": storage})
    return f"arn:aws:glue:us-east-1:{ACCOUNT}:table/{insiders.database}/{name}", bucket, key


@pytest.mark.parametrize(
    ("name", "below"),
    [
        ("quoted", '*"},{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::*'),
        ("starred", "*"),
        ("variable", "${aws:PrincipalArn}"),
    ],
)
def test_the_location_of_a_table_is_no_policy(insiders: Insiders, name: str, below: str) -> None:
    table, _, own = some_table(insiders, "analyst", name, below)
    read = insiders.in_project("analyst", "lakeformation").get_temporary_glue_table_credentials(
        TableArn=table, SupportedPermissionTypes=["COLUMN_PERMISSION"]
    )  # fmt: skip
    files = insiders.client_of(read, "s3")
    bucket, _, key = insiders.table_location("marketing", "households").removeprefix("s3://").partition("/")
    for other in (f"{key}/demographics.parquet", own):
        with refused():
            files.get_object(Bucket=bucket, Key=other)
