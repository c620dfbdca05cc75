"""Connections of every kind: what is given and what is shown, of projects and of the domain, in lists."""

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.data_plane.datazone.catalog_for_tests import producer
from tests.data_plane.datazone.domains_for_tests import Mesh, eventually
from twinplane.data_plane.services.datazone import connection_properties

ARN = "arn:aws:{}:us-east-1:111122223333:{}".format
GIT = ARN("codeconnections", f"connection/{uuid.uuid4()}")
SECRET = ARN("secretsmanager", "secret:warehouse")

KINDS: dict[str, tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    # properties: type, given, shown beside what is given or instead of it, changed
    "athenaProperties": ("ATHENA", {"workgroupName": "one"}, {"workgroupName": "one"}, {"workgroupName": "two"}),
    "iamProperties": (
        "IAM", {"glueLineageSyncEnabled": True}, {"glueLineageSyncEnabled": True}, {"glueLineageSyncEnabled": False}
    ),
    "s3Properties": (
        "S3", {"s3Uri": "s3://bucket/one/"}, {"s3Uri": "s3://bucket/one/", "status": "READY"},
        {"s3Uri": "s3://bucket/two/"},
    ),
    "sparkGlueProperties": (
        "SPARK", {"glueVersion": "5.0", "numberOfWorkers": 4}, {"glueVersion": "5.0", "numberOfWorkers": 4}, {}
    ),
    "sparkEmrProperties": (
        "SPARK", {"computeArn": ARN("emr-serverless", "/applications/1")},
        {"computeArn": ARN("emr-serverless", "/applications/1"), "governanceType": "USER_MANAGED"},
        {"logUri": "s3://bucket/logs/"},
    ),
    "lakehouseProperties": ("LAKEHOUSE", {}, {}, {"glueLineageSyncEnabled": True}),
    "redshiftProperties": (
        "REDSHIFT",
        {"storage": {"workgroupName": "wg"}, "databaseName": "sales", "host": "wg.example", "port": 5439,
         "credentials": {"secretArn": SECRET}},
        {"storage": {"workgroupName": "wg"}, "databaseName": "sales", "credentials": {"secretArn": SECRET},
         "jdbcUrl": "jdbc:redshift://wg.example:5439/sales", "jdbcIamUrl": "jdbc:redshift:iam://wg.example:5439/sales",
         "isProvisionedSecret": False, "status": "READY"},
        {"databaseName": "stock"},
    ),
    "snowflakeProperties": (
        "SNOWFLAKE",
        {"snowflakeRole": "READER", "identityMapping": {"usernameAttribute": "email"},
         "connectivityProperties": {"name": "snow"}},
        {"snowflakeRole": "READER", "identityMapping": {"usernameAttribute": "email"},
         "lineageSync": {"enabled": False}, "status": "READY"},
        {"snowflakeRole": "WRITER"},
    ),
    "mlflowProperties": ("MLFLOW", {"trackingServerArn": "arn:one"}, {"trackingServerArn": "arn:one"}, {}),
    "workflowsMwaaProperties": ("WORKFLOWS_MWAA", {"mwaaEnvironmentName": "air"}, {"mwaaEnvironmentName": "air"}, {}),
    "workflowsServerlessProperties": ("WORKFLOWS_SERVERLESS", {}, {}, {}),
    "hyperPodProperties": ("HYPERPOD", {"clusterName": "big"}, {"clusterName": "big"}, {}),
    "gitProperties": (
        "GIT", {"codeConnectionArn": GIT, "repositoryId": "team/code", "defaultBranch": "main"},
        {"codeConnectionArn": GIT, "repositoryId": "team/code", "defaultBranch": "main", "status": "READY"},
        {"defaultBranch": "next"},
    ),
    "vpcProperties": (
        "VPC", {"vpcId": "vpc-1a", "subnetIds": ["subnet-1a"]},
        {"vpcId": "vpc-1a", "subnetIds": ["subnet-1a"], "status": "READY"}, {"subnetIds": ["subnet-2b"]},
    ),
    "amazonQProperties": ("AMAZON_Q", {"isEnabled": True}, {"isEnabled": True}, {"isEnabled": False}),
}  # fmt: skip


def refused(pattern: str) -> Any:
    return pytest.raises(ClientError, match=pattern)


def named(text: str) -> str:
    return f"{text}.{uuid.uuid4().hex[:6]}"


@pytest.fixture(scope="module")
def tooling(mesh: Mesh) -> dict[str, str]:
    """The project and environment that connections are made in."""
    project = mesh.project("Connected")
    found = mesh.admin.list_environments(
        domainIdentifier=mesh.domain_id, projectIdentifier=project["id"], name="Tooling"
    )["items"]
    return {"project": project["id"], "environment": found[0]["id"]}


@pytest.mark.parametrize("kind", KINDS)
def test_a_connection_shows_what_it_was_given_as_its_kind_does(mesh: Mesh, tooling: dict[str, str], kind: str) -> None:
    here = {"domainIdentifier": mesh.domain_id}
    type_, given, shown, changes = KINDS[kind]
    made = mesh.admin.create_connection(
        environmentIdentifier=tooling["environment"], name=named(kind), props={kind: given}, **here
    )
    that = {"identifier": made["connectionId"], **here}
    got = mesh.admin.get_connection(**that)
    assert (got["type"], got["scope"], got["props"]) == (type_, "PROJECT", {kind: shown})
    assert got["physicalEndpoints"][0]["awsLocation"]["awsAccountId"] == mesh.plane.account_id
    if changes:
        changed = mesh.admin.update_connection(props={kind: changes}, **that)
        assert changed["props"][kind].items() >= changes.items()
        assert changed["props"][kind].keys() >= shown.keys()
    listed = mesh.admin.list_connections(projectIdentifier=tooling["project"], name=made["name"], **here)["items"]
    assert [(c["connectionId"], c["type"]) for c in listed] == [(made["connectionId"], type_)]
    mesh.admin.delete_connection(**that)
    with refused("ResourceNotFoundException"):
        mesh.admin.get_connection(**that)


def test_where_a_warehouse_is_reached_is_a_physical_endpoint(mesh: Mesh, tooling: dict[str, str]) -> None:
    made = mesh.admin.create_connection(
        domainIdentifier=mesh.domain_id, environmentIdentifier=tooling["environment"], name=named("warehouse"),
        props={"redshiftProperties": KINDS["redshiftProperties"][1]},
    )  # fmt: skip
    endpoint = made["physicalEndpoints"][0]
    assert (endpoint["host"], endpoint["port"], endpoint["protocol"]) == ("wg.example", 5439, "JDBC")


@pytest.mark.parametrize(
    ("props", "reason"),
    [
        (
            {"redshiftProperties": {"credentials": {"usernamePassword": {"username": "a", "password": "b"}}}},
            "secretArn",
        ),
        ({"iamProperties": {"roleArn": "arn:aws:iam::111122223333:role/mine"}}, "roleArn"),
    ],
)
def test_what_is_not_served_is_refused_with_what_would_do(
    mesh: Mesh, tooling: dict[str, str], props: dict[str, Any], reason: str
) -> None:
    with refused(f"ValidationException.*{reason}"):
        mesh.admin.create_connection(
            domainIdentifier=mesh.domain_id, environmentIdentifier=tooling["environment"], name=named("no"), props=props
        )


def test_a_connection_of_the_domain_is_made_by_its_administrators_and_seen_by_all(mesh: Mesh) -> None:
    here = {"domainIdentifier": mesh.domain_id}
    wanted = {"name": named("assistant"), "scope": "DOMAIN", "props": {"amazonQProperties": {"isEnabled": True}}}
    with refused("AccessDeniedException"):
        mesh.as_person("ina").create_connection(**wanted, **here)
    made = mesh.admin.create_connection(**wanted, **here)
    assert "projectId" not in made
    assert made["domainUnitId"] == mesh.root_unit
    with refused("ConflictException"):
        mesh.admin.create_connection(**wanted, **here)
    that = {"identifier": made["connectionId"], **here}
    assert mesh.as_person("ina").get_connection(**that)["scope"] == "DOMAIN"
    with refused("ValidationException.*no credentials"):
        mesh.as_person("ina").get_connection(withSecret=True, **that)
    with refused("AccessDeniedException"):
        mesh.as_person("ina").update_connection(description="mine", **that)
    listed = mesh.as_person("ina").list_connections(scope="DOMAIN", **here)["items"]
    assert made["connectionId"] in [c["connectionId"] for c in listed]
    mesh.admin.delete_connection(**that)


def test_connections_are_listed_by_filter_and_page(mesh: Mesh, tooling: dict[str, str]) -> None:
    asked = {"domainIdentifier": mesh.domain_id, "projectIdentifier": tooling["project"]}
    spark = mesh.admin.list_connections(type="SPARK", **asked)["items"]
    assert [c["name"] for c in spark] == ["project.spark.compatibility", "project.spark.fineGrained"]
    of_tooling = {"domainIdentifier": mesh.domain_id, "environmentIdentifier": tooling["environment"]}
    pages = list(
        mesh.admin.get_paginator("list_connections").paginate(
            **of_tooling, sortOrder="DESCENDING", PaginationConfig={"PageSize": 3}
        )
    )
    names = [c["name"] for page in pages for c in page["items"]]
    assert len(pages) > 2
    assert names == sorted(names, reverse=True)
    assert mesh.admin.list_connections(scope="DOMAIN", **asked)["items"] == []


def test_a_connection_to_a_database_is_one_of_glue_that_its_project_alone_reads(mesh: Mesh) -> None:
    owner, other = producer(mesh, "connector"), producer(mesh, "neighbour")
    here = {"domainIdentifier": mesh.domain_id}
    environment = owner.datazone.list_environments(**here, projectIdentifier=owner.project_id)["items"][0]["id"]
    name = f"db-{uuid.uuid4().hex[:6]}"
    given = {
        "name": name, "connectionType": "POSTGRESQL", "matchCriteria": "sales",
        "connectionProperties": {"HOST": "db.example", "PORT": "5432"}, "sparkProperties": {"fetchSize": "100"},
        "authenticationConfiguration": {"authenticationType": "BASIC", "secretArn": SECRET},
    }  # fmt: skip
    props = {"glueProperties": {"glueConnectionInput": given}}

    def create(title: str) -> str:
        made = owner.datazone.create_connection(**here, environmentIdentifier=environment, name=title, props=props)
        return str(made["connectionId"])

    connection = create(name)
    found = owner.client("glue").get_connection(Name=name)["Connection"]
    assert (found["ConnectionType"], found["ConnectionProperties"]["HOST"]) == ("POSTGRESQL", "db.example")
    assert found["AuthenticationConfiguration"]["SecretArn"] == SECRET
    spark = owner.client("glue").get_connection(Name=name, ApplyOverrideForComputeEnvironment="SPARK")["Connection"]
    assert spark["ConnectionProperties"]["fetchSize"] == "100"
    with refused("AccessDeniedException"):
        other.client("glue").get_connection(Name=name)
    with refused("ConflictException.*AWS Glue has a connection"):
        create("another")
    changes = {"glueProperties": {"glueConnectionInput": {"connectionProperties": {"HOST": "new.example"}}}}
    owner.datazone.update_connection(**here, identifier=connection, props=changes)
    glue = mesh.plane.client("glue")
    assert glue.get_connection(Name=name)["Connection"]["ConnectionProperties"] == {"HOST": "new.example"}
    assert glue.get_connection(Name=name)["Connection"]["AuthenticationConfiguration"]["SecretArn"] == SECRET
    owner.datazone.delete_connection(**here, identifier=connection)
    with refused("EntityNotFoundException"):
        glue.get_connection(Name=name)


def test_glues_connections_go_with_their_project_unless_they_are_somebody_elses_by_then(mesh: Mesh) -> None:
    owner = producer(mesh, "leaver")
    here = {"domainIdentifier": mesh.domain_id}
    environment = owner.datazone.list_environments(**here, projectIdentifier=owner.project_id)["items"][0]["id"]
    names = [f"db-{uuid.uuid4().hex[:6]}" for _ in range(2)]
    for name in names:
        given = {"name": name, "connectionType": "MYSQL", "connectionProperties": {"HOST": "db.example"}}
        owner.datazone.create_connection(
            **here, environmentIdentifier=environment, name=name,
            props={"glueProperties": {"glueConnectionInput": given}},
        )  # fmt: skip
    glue = mesh.plane.client("glue")
    glue.delete_connection(ConnectionName=names[1])
    properties = {"JDBC_CONNECTION_URL": "jdbc:mysql://own.example/x", "USERNAME": "me", "PASSWORD": "mine"}
    own = {"Name": names[1], "ConnectionType": "JDBC", "ConnectionProperties": properties}
    glue.create_connection(ConnectionInput=own)
    owner.datazone.delete_project(**here, identifier=owner.project_id, skipDeletionCheck=True)

    def left() -> list[str]:
        return [c["Name"] for c in glue.get_connections()["ConnectionList"] if c["Name"] in names]

    eventually(left, lambda found: found == [names[1]])
    with refused("AccessDeniedException|InvalidClientTokenId|ExpiredToken|UnrecognizedClient"):
        owner.client("glue").get_connection(Name=names[1])


@pytest.mark.parametrize("port", ["²", "9" * 5000, "", "none"])
def test_a_port_that_is_no_number_is_shown_as_given_and_nowhere_else(port: str) -> None:
    where = {"HOST": "db.example", "PORT": port}
    given = {"name": "g", "connectionType": "POSTGRESQL", "connectionProperties": where}
    _, endpoint = connection_properties.output("glueProperties", {"glueConnectionInput": given})
    assert "port" not in endpoint
    assert endpoint["glueConnection"]["connectionProperties"] == where
