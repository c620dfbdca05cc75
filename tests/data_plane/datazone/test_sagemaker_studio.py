"""Amazon's own `sagemaker_studio`, unmodified: every feature of its README, each in the lines that the README has.

`space` is the library as it runs in a space of the project: its credentials are the project role's, for one person.
`outside` is the library on a person's own machine, with her own credentials.
"""

import uuid
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.data_plane.datazone.domains_for_tests import Mesh, environment, make_profile
from tests.data_plane.datazone.studio import Studio, StudioError

KEY = "arn:aws:kms:us-east-1:111122223333:key/0a1b2c3d-0000-1111-2222-333344445555"


@pytest.fixture(scope="module")
def project(mesh: Mesh) -> dict[str, Any]:
    """A project of `scientist`, with tooling under a key, a database and workflows."""
    mesh.admin.put_environment_blueprint_configuration(
        domainIdentifier=mesh.domain_id,
        environmentBlueprintIdentifier="Tooling",
        enabledRegions=[mesh.plane.region],
        manageAccessRoleArn=f"arn:aws:iam::{mesh.plane.account_id}:role/Manage",
        provisioningRoleArn=f"arn:aws:iam::{mesh.plane.account_id}:role/Provision",
        regionalParameters={mesh.plane.region: {"KmsKeyArn": KEY}},
    )
    profile = make_profile(mesh, "all", environment(mesh, "Workflows", "Workflows", deploymentOrder=2))
    name = f"Studio {uuid.uuid4().hex[:6]}"
    return mesh.project(name, client=mesh.as_person("scientist"), projectProfileId=profile)


@pytest.fixture(scope="module")
def made(mesh: Mesh, project: dict[str, Any]) -> dict[str, str]:
    """What was provisioned for the project, by name."""
    return mesh.resources(project["id"])


def settings(mesh: Mesh, project: dict[str, Any], made: dict[str, str]) -> dict[str, str]:
    return {
        "DataZoneDomainId": mesh.domain_id,
        "DataZoneProjectId": project["id"],
        "DataZoneUserId": mesh.person("scientist"),
        "ExecutionRoleArn": made["userRoleArn"],
    }


@pytest.fixture(scope="module")
def space(mesh: Mesh, project: dict[str, Any], made: dict[str, str]) -> Iterator[Studio]:
    datazone = mesh.as_person("scientist")
    here = {"domainIdentifier": mesh.domain_id}
    tooling = datazone.list_environments(**here, projectIdentifier=project["id"], name="Tooling")["items"][0]
    vended = datazone.get_environment_credentials(**here, environmentIdentifier=tooling["id"])
    credentials = {name[0].upper() + name[1:]: vended[name] for name in ("accessKeyId", "secretAccessKey")}
    studio = Studio(mesh.plane, credentials | {"SessionToken": vended["sessionToken"]}, settings(mesh, project, made))
    studio(
        f"""
from sagemaker_studio import ClientConfig, Domain, Project, dataframeutils, sqlutils, sparkutils
from sagemaker_studio.sagemaker_studio_api import SageMakerStudioAPI
import duckdb, os
import pandas as pd
duckdb.sql("SET extension_directory = '{mesh.plane.state / "duckdb"}'")
for file in {[str(extension(name)) for name in ("httpfs", "aws")]}:
    duckdb.sql(f"INSTALL '{{file}}'")
dom, proj, db = Domain(), Project(), {made["glueDBName"]!r}
people = pd.DataFrame({{"id": [1, 2, 3], "name": ["Alice", "Bob", "Charlie"], "value": [10.5, 20.3, 15.7]}})
people.to_catalog_table(database=db, table="people")
def one_by_one(frame):
    return frame.to_dict("split", index=False)["data"]
"""
    )
    yield studio
    studio.close()


def extension(name: str) -> Path:
    """The file of DuckDB's extension, from its package: nothing is fetched while tests run."""
    spec = find_spec(f"duckdb_extension_{name}")
    assert spec is not None
    assert spec.origin is not None
    return next(Path(spec.origin).parent.rglob(f"{name}.duckdb_extension"))


@pytest.fixture(scope="module")
def outside(mesh: Mesh, project: dict[str, Any], made: dict[str, str]) -> Iterator[Studio]:
    studio = Studio(mesh.plane, mesh.credentials("scientist"), settings(mesh, project, made))
    studio("import os\nfrom sagemaker_studio import ClientConfig, Domain, Project")
    yield studio
    studio.close()


# --- credentials and configuration ---


def test_a_project_is_found_by_its_name_from_outside(
    outside: Studio, mesh: Mesh, project: dict[str, Any], made: dict[str, str]
) -> None:
    outside(f"proj = Project(name={project['name']!r}, domain_id={mesh.domain_id!r})")
    role = made["userRoleArn"].rpartition("/")[2]
    assert outside("[proj.id, proj.iam_role]") == [project["id"], made["userRoleArn"]]
    arn = outside("proj.connection('project.iam').create_client('sts').get_caller_identity()['Arn']")
    assert arn.startswith(f"arn:aws:sts::{mesh.plane.account_id}:assumed-role/{role}/")
    assert outside("Domain(id=proj.domain_id).name") == mesh.admin.get_domain(identifier=mesh.domain_id)["name"]


def test_a_client_config_brings_a_session_a_profile_or_a_region(outside: Studio, tmp_path: Path) -> None:
    outside("from boto3 import Session")
    assert outside("Project(config=ClientConfig(session=Session())).name == Project().name")
    assert outside("Project(config=ClientConfig(region=os.environ['AWS_REGION'])).name == Project().name")
    (tmp_path / "credentials").write_text(
        outside(
            "'[mine]\\n' + ''.join(f'{n.lower()} = {os.environ[n]}\\n'"
            " for n in ('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'))"
        )
    )
    outside(f"os.environ['AWS_SHARED_CREDENTIALS_FILE'] = {str(tmp_path / 'credentials')!r}")
    assert outside("Project(config=ClientConfig(profile_name='mine')).name == Project().name")


def test_a_project_that_is_not_hers_is_not_found_by_its_name(outside: Studio, mesh: Mesh) -> None:
    other = mesh.project(f"Other {uuid.uuid4().hex[:6]}")
    with pytest.raises(StudioError, match=f"Project {other['name']} not found"):
        outside(f"Project(name={other['name']!r}, domain_id={mesh.domain_id!r})")


# --- domain and project ---


def test_properties_of_a_domain(space: Studio, mesh: Mesh) -> None:
    domain = mesh.admin.get_domain(identifier=mesh.domain_id)
    seen = space("[dom.id, dom.root_domain_unit_id, dom.name, dom.domain_execution_role, dom.status, dom.portal_url]")
    names = ("id", "rootDomainUnitId", "name", "domainExecutionRole", "status", "portalUrl")
    assert seen == [domain[name] for name in names]


def test_properties_of_a_project(space: Studio, mesh: Mesh, project: dict[str, Any]) -> None:
    seen = space(
        "[proj.id, proj.name, proj.domain_id, proj.project_status, proj.domain_unit_id, proj.project_profile_id]"
    )
    names = ("id", "name", "domainId", "projectStatus", "domainUnitId", "projectProfileId")
    assert seen == [project[name] for name in names]
    assert space("proj.user_id") == mesh.person("scientist")


def test_the_role_and_the_key_of_a_project(space: Studio, made: dict[str, str]) -> None:
    assert space("proj.iam_role") == made["userRoleArn"]
    assert space("proj.kms_key_arn") == KEY


def test_a_project_without_a_tracking_server_says_so(space: Studio) -> None:
    with pytest.raises(StudioError, match="MLExperiments environment not found"):
        space("proj.mlflow_tracking_server_arn")


def test_the_paths_of_a_project(space: Studio, made: dict[str, str]) -> None:
    root = made["s3BucketPath"]
    assert space(
        "[proj.s3.root, proj.s3.datalake_consumer_glue_db, proj.s3.datalake_athena_workgroup,"
        " proj.s3.workflow_output_directory, proj.s3.workflow_temp_storage, proj.shared_files]"
    ) == [root, *(f"{root}{path}" for path in (
        "/data/catalogs/", "/sys/athena/", "/workflows/output/", "/workflows/tmp/", "/shared/"
    ))]  # fmt: skip


def test_the_path_of_an_environment(space: Studio, made: dict[str, str]) -> None:
    environment_id = made["userRoleName"].rpartition("_")[2]
    assert space(f"proj.s3.environment_path(environment_id={environment_id!r})").endswith(f"/dev/{environment_id}")
    with pytest.raises(StudioError, match=r"ResourceNotFoundException|AccessDeniedException"):
        space("proj.s3.environment_path(environment_id='another')")


@pytest.mark.parametrize("path", ["emr_ec2_log_destination", "emr_ec2_certificates", "emr_ec2_log_bootstrap"])
def test_a_project_without_a_cluster_has_no_paths_for_it(space: Studio, path: str) -> None:
    with pytest.raises(StudioError, match="Could not find environment for EmrOnEc2 blueprint"):
        space(f"proj.s3.{path}")


# --- connections ---


def test_all_connections_of_a_project_the_role_s_first(space: Studio) -> None:
    kinds = dict(space("[(c.name, c.type) for c in proj.connections]"))
    assert next(iter(kinds)) == "project.iam"
    assert (
        kinds.items()
        >= {
            "project.iam": "IAM",
            "project.athena": "ATHENA",
            "project.s3_default_folder": "S3",
            "project.default_lakehouse": "LAKEHOUSE",
            "project.spark.compatibility": "SPARK",
            "project.workflow_mwaa": "WORKFLOWS_MWAA",
            "default.s3_shared": "S3",
        }.items()
    )


def test_a_connection_is_found_by_nothing_name_id_or_type(space: Studio) -> None:
    assert space("proj.connection().name") == "project.iam"
    assert space("proj.connection('project.athena').type") == "ATHENA"
    assert space("proj.connection(id=proj.connection('project.athena').id).name") == "project.athena"
    assert space("proj.connection(type='ATHENA').name") == "project.athena"
    with pytest.raises(StudioError, match="No connection found with name 'nothing'"):
        space("proj.connection('nothing')")


def test_properties_of_a_connection(space: Studio, project: dict[str, Any], made: dict[str, str], mesh: Mesh) -> None:
    assert space("proj.connection().iam_role") == made["userRoleArn"]
    endpoint = "proj.connection('project.athena').physical_endpoints[0]"
    assert space(f"[{endpoint}.aws_account_id, {endpoint}.aws_region, {endpoint}.access_role]") == [
        mesh.plane.account_id, mesh.plane.region, made["userRoleArn"]
    ]  # fmt: skip
    assert space(f"{endpoint}.iam_connection_id == proj.connection().id")
    assert space("proj.connection('project.athena').environment_id") == made["userRoleName"].rpartition("_")[2]
    assert space("[proj.connection().project_id, proj.connection().domain_id]") == [project["id"], mesh.domain_id]


def test_the_data_of_a_connection(space: Studio, made: dict[str, str]) -> None:
    assert space("proj.connection('project.athena').data.workgroup_name") == made["athenaWorkgroupName"]
    assert space("(d := proj.connection('project.spark.compatibility').data).glue_version") == "5.1"
    assert space("[d.number_of_workers, d.worker_type, d.idle_timeout]") == [10, "G.1X", 15]
    assert space("proj.connection('project.workflow_mwaa').data.mwaa_environment_name") == made["mwaaEnvironmentName"]
    assert space("proj.connection().data.glue_lineage_sync_enabled") is False
    assert space("proj.connection().data.environment_id") == made["userRoleName"].rpartition("_")[2]


def test_a_tracking_server_s_connection_holds_what_it_was_made_with(space: Studio, mesh: Mesh, made: Any) -> None:
    arn = f"arn:aws:sagemaker:{mesh.plane.region}:{mesh.plane.account_id}:mlflow-tracking-server/experiments"
    mesh.as_person("scientist").create_connection(
        domainIdentifier=mesh.domain_id,
        environmentIdentifier=made["userRoleName"].rpartition("_")[2],
        name="experiments",
        props={"mlflowProperties": {"trackingServerArn": arn}},
    )
    assert space("proj.connection('experiments').data.tracking_server_arn") == arn


def test_credentials_of_a_connection_are_the_project_s(space: Studio, made: dict[str, str]) -> None:
    assert space("proj.connection().connection_creds.access_key_id").startswith("ASIA")
    role = made["userRoleArn"].rpartition("/")[2]
    assert f":assumed-role/{role}/" in space(
        "proj.connection('project.athena').create_client('sts').get_caller_identity()['Arn']"
    )


def test_clients_of_a_connection_reach_the_plane_and_work(space: Studio, made: dict[str, str], mesh: Mesh) -> None:
    groups = space("proj.connection('project.athena').create_client().list_work_groups()['WorkGroups']")
    assert [group["Name"] for group in groups] == [made["athenaWorkgroupName"]]
    bucket, _, prefix = made["s3BucketPath"].removeprefix("s3://").partition("/")
    space("s3 = proj.connection('project.s3_default_folder').create_client()")
    space(f"s3.put_object(Bucket={bucket!r}, Key={prefix!r} + '/hello.txt', Body=b'hello')")
    assert space(f"s3.get_object(Bucket={bucket!r}, Key={prefix!r} + '/hello.txt')['Body'].read().decode()") == "hello"
    assert space("proj.connection().create_client('glue').meta.endpoint_url") == mesh.plane.endpoint
    with pytest.raises(StudioError, match="Please specify a service name"):
        space("proj.connection().create_client()")


# --- catalogs, databases, tables ---


def test_catalogs_of_the_role_s_and_of_the_lakehouse_connection(space: Studio, mesh: Mesh) -> None:
    account, region = mesh.plane.account_id, mesh.plane.region
    shown = "[c.name, c.id, c.type, c.spark_catalog_name, c.resource_arn]"
    own = ["AwsDataCatalog", account, "NATIVE", "AwsDataCatalog", f"arn:aws:glue:{region}:{account}:catalog"]
    for connection in ("proj.connection()", "proj.connection('project.default_lakehouse')"):
        assert space(f"[{shown} for c in {connection}.catalogs]") == [own]
        assert space(f"c = {connection}.catalog()\n{shown}") == own
    with pytest.raises(StudioError, match=f"Unable to access catalog '{account}:catalog1/sub_catalog'"):
        space(f"proj.connection().catalog('{account}:catalog1/sub_catalog')")


def test_databases_of_a_catalog(space: Studio, made: dict[str, str], project: dict[str, Any], mesh: Mesh) -> None:
    space("my_db = proj.connection().catalog().database(db)")
    location = f"{made['s3BucketPath']}/data/catalogs/{made['glueDBName']}/"
    assert space(
        "[my_db.name, my_db.catalog_id, my_db.location_uri, my_db.project_id, my_db.domain_id]"
    ) == [made["glueDBName"], mesh.plane.account_id, location, project["id"], mesh.domain_id]  # fmt: skip
    assert space("[d.name for d in proj.connection().catalog().databases]") == [made["glueDBName"]]
    with pytest.raises(StudioError, match="Unable to access database"):
        space("proj.connection().catalog().database('of_others')")


def test_tables_and_columns_of_a_database(space: Studio, made: dict[str, str], mesh: Mesh) -> None:
    space("my_table = proj.connection().catalog().database(db).table('people')")
    location = f"{made['s3BucketPath']}/data/catalogs/{made['glueDBName']}/people"
    assert space("[my_table.name, my_table.database_name, my_table.catalog_id, my_table.location]") == [
        "people", made["glueDBName"], mesh.plane.account_id, location
    ]  # fmt: skip
    assert space("[[c.name, c.type] for c in my_table.columns]") == [
        ["id", "bigint"], ["name", "string"], ["value", "double"]
    ]  # fmt: skip
    assert "people" in space("[t.name for t in proj.connection().catalog().database(db).tables]")


# --- sqlutils ---


def test_sql_without_a_connection_runs_in_duckdb(space: Studio) -> None:
    assert space("one_by_one(sqlutils.sql('SELECT 1 as test_column'))") == [[1]]


def test_duckdb_sees_the_variables_of_the_program(space: Studio) -> None:
    assert space("one_by_one(sqlutils.sql('SELECT id, name FROM people WHERE id > 1'))") == [[2, "Bob"], [3, "Charlie"]]


def test_duckdb_reads_the_project_s_files_once_it_is_told_where_they_are(space: Studio, mesh: Mesh) -> None:
    host = mesh.plane.endpoint.removeprefix("http://")
    space(
        "e = os.environ\n"
        "sqlutils.sql(f\"\"\"CREATE SECRET here (TYPE s3, KEY_ID '{e['AWS_ACCESS_KEY_ID']}',"
        " SECRET '{e['AWS_SECRET_ACCESS_KEY']}', SESSION_TOKEN '{e['AWS_SESSION_TOKEN']}',"
        f" ENDPOINT '{host}', USE_SSL false, URL_STYLE 'path', SCOPE '{{proj.s3.root}}')\"\"\")"
    )
    space("found = proj.connection().catalog().database(db).table('people').location")
    assert space("one_by_one(sqlutils.sql(f\"SELECT sum(id) FROM '{found}/*.parquet'\"))") == [[6]]


def test_sql_on_athena_with_named_parameters(space: Studio) -> None:
    assert space(
        "one_by_one(sqlutils.sql(f'SELECT id, name FROM {db}.people WHERE name <> :name AND id > :least',"
        " parameters={'name': 'Bob', 'least': 1}, connection_name='project.athena'))"
    ) == [[3, "Charlie"]]


def test_sql_on_a_connection_named_by_its_id(space: Studio) -> None:
    space("athena = proj.connection('project.athena').id")
    assert space("one_by_one(sqlutils.sql(f'SELECT count(*) AS n FROM {db}.people', connection_id=athena))") == [[3]]


def test_the_engine_of_a_connection_serves_pandas(space: Studio) -> None:
    space("engine = sqlutils.get_engine(connection_name='project.athena')")
    assert space("one_by_one(pd.read_sql(f'SELECT name FROM {db}.people ORDER BY name LIMIT 2', engine))") == [
        ["Alice"], ["Bob"]
    ]  # fmt: skip


def test_a_query_on_what_the_project_may_not_see_gives_no_rows(space: Studio) -> None:
    assert space("sqlutils.sql('SELECT * FROM of_others.secrets', connection_name='project.athena')") is None


# --- dataframeutils ---


def test_a_data_frame_becomes_a_table_and_is_read_back(space: Studio) -> None:
    assert space("one_by_one(pd.read_catalog_table(database=db, table='people'))") == space("one_by_one(people)")


def test_a_data_frame_is_read_in_part_from_a_named_catalog_and_format(space: Studio) -> None:
    assert space(
        "one_by_one(pd.read_catalog_table(database=db, table='people', catalog=proj.connection().catalog().id,"
        " format='parquet', columns=['id', 'name']))"
    ) == [[1, "Alice"], [2, "Bob"], [3, "Charlie"]]


def test_a_data_frame_is_written_as_csv(space: Studio) -> None:
    space("people.to_catalog_table(database=db, table='people_csv', format='csv', index=False)")
    assert space(
        "one_by_one(pd.read_catalog_table(database=db, table='people_csv', format='csv', header=None))"
    ) == space("one_by_one(people)")


def test_a_data_frame_is_written_compressed_where_the_caller_wants_it(space: Studio, made: dict[str, str]) -> None:
    space("people.to_catalog_table(database=db, table='packed', compression='gzip', path=proj.s3.root + '/custom/')")
    location = space("proj.connection().catalog().database(db).table('packed').location")
    assert location == f"{made['s3BucketPath']}/custom/"
    assert space("one_by_one(pd.read_catalog_table(database=db, table='packed'))") == space("one_by_one(people)")


def test_what_a_data_frame_wrote_is_there_for_athena(space: Studio) -> None:
    assert space(
        "one_by_one(sqlutils.sql(f'SELECT max(value) FROM {db}.people', connection_name='project.athena'))"
    ) == [[20.3]]


def test_a_project_makes_no_databases_of_its_own(space: Studio) -> None:
    with pytest.raises(StudioError, match="AccessDeniedException"):
        space("people.to_catalog_table(database='of_my_own', table='people')")


def test_tables_of_s3_tables_are_not_there(space: Studio) -> None:
    with pytest.raises(StudioError, match="s3tablescatalog/mine not found"):
        space("pd.read_catalog_table(database='d', table='t', catalog='s3tablescatalog/mine')")


# --- credentials vending, git, execution, spark ---


def test_credentials_are_vended_for_the_project(space: Studio, mesh: Mesh, project: dict[str, Any]) -> None:
    vended = space(
        "SageMakerStudioAPI().credentials_api.get_project_default_iam_connection_credentials("
        "domain_identifier=dom.id, project_identifier=proj.id)"
    )
    credentials = {
        "AccessKeyId": vended["accessKeyId"],
        "SecretAccessKey": vended["secretAccessKey"],
        "SessionToken": vended["sessionToken"],
    }
    arn = mesh.plane.client("sts", credentials).get_caller_identity()["Arn"]
    assert f"datazone_usr_role_{project['id']}_" in arn


def test_credentials_are_vended_for_the_domain(outside: Studio, mesh: Mesh) -> None:
    assert set(
        outside(
            "from sagemaker_studio.sagemaker_studio_api import SageMakerStudioAPI\n"
            "SageMakerStudioAPI().credentials_api.get_domain_execution_role_credential_in_space("
            f"domain_identifier={mesh.domain_id!r})"
        )
    ) == {"Version", "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"}


def test_a_project_without_a_repository_has_no_clone_url(space: Studio) -> None:
    with pytest.raises(StudioError, match="No git repository provisioned for this project"):
        space("SageMakerStudioAPI().git_api.get_clone_url(domain_identifier=dom.id, project_identifier=proj.id)")


def test_the_clone_url_of_a_project_with_a_repository(outside: Studio, mesh: Mesh) -> None:
    connection = f"arn:aws:codeconnections:{mesh.plane.region}:{mesh.plane.account_id}:connection/0a1b-2c3d"
    git = {"gitConnectionArn": (connection, False), "gitFullRepositoryId": ("shop/analytics", False)}
    profile = mesh.admin.create_project_profile(
        domainIdentifier=mesh.domain_id,
        name=f"with git {uuid.uuid4().hex[:6]}",
        status="ENABLED",
        environmentConfigurations=[environment(mesh, "Tooling", "Tooling", deploymentOrder=0, parameters=git)],
    )
    name = f"Cloned {uuid.uuid4().hex[:6]}"
    project = mesh.project(name, client=mesh.as_person("scientist"), projectProfileId=profile["id"])
    outside("from sagemaker_studio.sagemaker_studio_api import SageMakerStudioAPI")
    called = f"get_clone_url(domain_identifier={mesh.domain_id!r}, project_identifier={project['id']!r})"
    account, region = mesh.plane.account_id, mesh.plane.region
    assert outside(f"SageMakerStudioAPI().git_api.{called}") == {
        "cloneUrl": f"https://codeconnections.{region}.amazonaws.com/git-http/{account}/{region}/0a1b-2c3d/shop/analytics.git"
    }


@pytest.mark.parametrize(
    ("call", "operation"),
    [
        ("get_execution(execution_id='asdf-3b998be2-02dd-42af-8802-593d48d04daa')", "DescribeTrainingJob"),
        ("list_executions(status='COMPLETED')", "Search"),
        ("stop_execution(execution_id='asdf-3b998be2-02dd-42af-8802-593d48d04daa')", "StopTrainingJob"),
    ],
)
def test_remote_executions_say_that_their_engine_is_not_served(space: Studio, call: str, operation: str) -> None:
    with pytest.raises(StudioError, match=f"{operation} operation: The service sagemaker is not served here"):
        space(f"SageMakerStudioAPI().execution_client.{call}")


def test_a_remote_execution_finds_no_instances_to_start_on(space: Studio) -> None:
    with pytest.raises(StudioError, match="is not available in the current region"):
        space(
            "SageMakerStudioAPI().execution_client.start_execution(execution_name='mine', execution_type='NOTEBOOK',"
            " input_config={'notebook_config': {'input_path': 'src/test.ipynb'}},"
            " output_config={'notebook_config': {'output_formats': ['NOTEBOOK', 'HTML']}},"
            " termination_condition={'max_runtime_in_seconds': 9000}, compute={'instance_type': 'ml.c5.xlarge',"
            " 'image_details': {'ecr_uri': '111122223333.dkr.ecr.us-west-2.amazonaws.com/image:1'}})"
        )


def test_spark_asks_for_its_client(space: Studio) -> None:
    with pytest.raises(StudioError, match="PySpark is not available"):
        space("sparkutils.init()")


# --- connections to databases ---


@pytest.fixture(scope="module")
def warehouse(space: Studio, mesh: Mesh, project: dict[str, Any], made: dict[str, str]) -> str:
    """The name of a connection to Snowflake, whose secret is the project's to read."""
    secret = mesh.plane.client("secretsmanager").create_secret(
        Name="snowflake",
        SecretString='{"username": "ada", "password": "counting"}',
        Tags=[{"Key": "AmazonDataZoneProject", "Value": project["id"]}],
    )["ARN"]
    mesh.as_person("scientist").create_connection(
        domainIdentifier=mesh.domain_id,
        environmentIdentifier=made["userRoleName"].rpartition("_")[2],
        name="warehouse",
        props={
            "glueProperties": {
                "glueConnectionInput": {
                    "name": "warehouse",
                    "connectionType": "SNOWFLAKE",
                    "connectionProperties": {"HOST": "shop.snowflakecomputing.com", "PORT": "443"},
                    "authenticationConfiguration": {"authenticationType": "BASIC", "secretArn": secret},
                }
            }
        },
    )
    return "warehouse"


def test_the_secret_of_a_connection_is_read_with_the_project_s_rights(space: Studio, warehouse: str) -> None:
    assert space(f"proj.connection({warehouse!r}).secret") == {"username": "ada", "password": "counting"}


def test_a_connection_says_where_its_database_is(space: Studio, warehouse: str) -> None:
    space(f"conn = proj.connection({warehouse!r})")
    assert space("[conn.type, conn.physical_endpoints[0].host, conn.physical_endpoints[0].port]") == [
        "SNOWFLAKE", "shop.snowflakecomputing.com", "443"
    ]  # fmt: skip
    assert space("conn.physical_endpoints[0].glue_connection_name") == warehouse


def test_spark_options_of_a_connection_are_read_from_glue_and_its_secret(
    space: Studio, mesh: Mesh, warehouse: str
) -> None:
    mesh.plane.client("iam").put_role_policy(
        RoleName="Person", PolicyName="connections",
        PolicyDocument='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"glue:GetConnection","Resource":"*"}]}',
    )  # fmt: skip
    space(f"options = sparkutils.get_spark_options({warehouse!r})")
    assert space("[dict(options)[k] for k in ('HOST', 'sfUser', 'sfPassword')]") == [
        "shop.snowflakecomputing.com",
        "ada",
        "counting",
    ]


def test_a_secret_of_others_is_not_read(space: Studio, mesh: Mesh) -> None:
    mesh.plane.client("secretsmanager").create_secret(Name="of-others", SecretString="hidden")
    with pytest.raises(StudioError, match="AccessDeniedException"):
        space("proj.connection().create_client('secretsmanager').get_secret_value(SecretId='of-others')")


def test_a_connection_without_a_secret_says_so(space: Studio) -> None:
    with pytest.raises(StudioError, match="does not have associated secret"):
        space("proj.connection('project.athena').secret")
