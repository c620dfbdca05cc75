"""Projects and environments after their creation: tried again, brought to a changed profile, moved, taken down."""

import importlib.util
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.exceptions import ClientError

from tests.data_plane.datazone.domains_for_tests import Mesh, environment, eventually, make_profile


def name() -> str:
    return f"Project {uuid.uuid4().hex[:8]}"


def refused(pattern: str) -> Any:
    return pytest.raises(ClientError, match=pattern)


def environments(mesh: Mesh, project_id: str) -> dict[str, dict[str, Any]]:
    """Each environment of a project by its name, whole."""
    here = {"domainIdentifier": mesh.domain_id}
    listed = mesh.admin.list_environments(projectIdentifier=project_id, **here)["items"]
    return {e["name"]: mesh.admin.get_environment(identifier=e["id"], **here) for e in listed}


def parameters(name: str, **values: str) -> list[dict[str, Any]]:
    given = [{"name": parameter, "value": value} for parameter, value in values.items()]
    return [{"environmentConfigurationName": name, "environmentParameters": given}]


def gone(ask: Callable[[], Any]) -> bool:
    try:
        ask()
    except ClientError as error:
        return error.response["Error"]["Code"] == "ResourceNotFoundException"
    return False


def test_what_failed_is_told_for_each_environment_and_tried_again_with_other_parameters(mesh: Mesh) -> None:
    taken = mesh.resources(mesh.project(name())["id"])["glueDBName"]
    project = mesh.project(name(), userParameters=parameters("Lakehouse Database", glueDbName=taken))
    details = project["environmentDeploymentDetails"]
    failed = environments(mesh, project["id"])["Lakehouse Database"]
    assert details["overallDeploymentStatus"] == "FAILED_DEPLOYMENT"
    assert [failed["id"]] == list(details["environmentFailureReasons"])
    assert failed["status"] == "CREATE_FAILED"
    assert failed["lastDeployment"]["deploymentStatus"] == "FAILED"
    free = f"db_{uuid.uuid4().hex[:6]}"
    mesh.admin.update_project(
        domainIdentifier=mesh.domain_id, identifier=project["id"],
        userParameters=parameters("Lakehouse Database", glueDbName=free),
    )  # fmt: skip
    assert mesh.deployed(project["id"])["environmentDeploymentDetails"] == {"overallDeploymentStatus": "SUCCESSFUL"}
    made = environments(mesh, project["id"])["Lakehouse Database"]
    assert (made["id"], made["status"]) == (failed["id"], "ACTIVE")
    assert made["lastDeployment"]["deploymentType"] == "CREATE"
    assert "failureReason" not in made["lastDeployment"]
    assert mesh.resources(project["id"])["glueDBName"] == free


def test_an_environment_that_failed_is_deployed_again_when_it_is_updated(mesh: Mesh) -> None:
    here = {"domainIdentifier": mesh.domain_id}
    profile = make_profile(mesh, f"Profile {uuid.uuid4().hex[:6]}", environment(mesh, "Trials", "MLExperiments"))
    project = mesh.project(name(), projectProfileId=profile)
    trials = environments(mesh, project["id"])["Trials"]
    assert "MLExperiments is not served" in trials["lastDeployment"]["failureReason"]["message"]
    again = mesh.admin.update_environment(identifier=trials["id"], description="again", **here)
    assert (again["status"], again["lastDeployment"]["deploymentStatus"]) == ("CREATING", "PENDING_DEPLOYMENT")
    assert again["lastDeployment"]["deploymentId"] != trials["lastDeployment"]["deploymentId"]
    ended = eventually(lambda: environments(mesh, project["id"])["Trials"], lambda e: e["status"] != "CREATING")
    assert ended["status"] == "CREATE_FAILED"


def test_a_project_follows_its_profile_when_it_is_told_to(mesh: Mesh) -> None:
    here = {"domainIdentifier": mesh.domain_id}
    profile_id = make_profile(mesh, f"Profile {uuid.uuid4().hex[:6]}")
    project = mesh.project(name(), projectProfileId=profile_id)
    profile = mesh.admin.get_project_profile(identifier=profile_id, **here)
    [tooling, database] = profile["environmentConfigurations"]
    overrides = tooling["configurationParameters"]["parameterOverrides"]
    next(o for o in overrides if o["name"] == "maxEbsVolumeSize")["value"] = "75"
    more = environment(
        mesh, "Second database", "DataLake", deploymentOrder=3,
        parameters={"glueDbName": (f"second_{uuid.uuid4().hex[:6]}", False)},
    )  # fmt: skip
    mesh.admin.update_project_profile(
        identifier=profile_id, environmentConfigurations=[tooling, database, more], **here
    )
    with refused("ValidationException.*latest"):
        mesh.admin.update_project(identifier=project["id"], projectProfileVersion="7", **here)
    mesh.admin.update_project(identifier=project["id"], projectProfileVersion="latest", **here)
    assert mesh.deployed(project["id"])["environmentDeploymentDetails"] == {"overallDeploymentStatus": "SUCCESSFUL"}
    found = environments(mesh, project["id"])
    assert list(found) == ["Tooling", "Lakehouse Database", "Second database"]
    assert {e["status"] for e in found.values()} == {"ACTIVE"}
    values = {p["keyName"]: p.get("defaultValue") for p in found["Tooling"]["userParameters"]}
    assert values["maxEbsVolumeSize"] == "75"
    assert found["Tooling"]["lastDeployment"]["deploymentType"] == "UPDATE"


def test_environments_say_how_they_are_deployed(mesh: Mesh) -> None:
    here = {"domainIdentifier": mesh.domain_id}
    project = mesh.project(name())
    tooling = environments(mesh, project["id"])["Tooling"]
    assert tooling["deploymentProperties"] == {"startTimeoutMinutes": 120, "endTimeoutMinutes": 120}
    assert tooling["provisioningProperties"]["cloudFormation"]["templateUrl"].endswith("/Tooling.yaml")
    asked = {"projectIdentifier": project["id"], **here}
    assert mesh.admin.list_environments(awsAccountId="999999999999", **asked)["items"] == []
    assert len(mesh.admin.list_environments(provider="Amazon SageMaker", status="ACTIVE", **asked)["items"]) == 2
    pages = mesh.admin.get_paginator("list_environments").paginate(**asked, PaginationConfig={"PageSize": 1})
    assert [[e["name"] for e in page["items"]] for page in pages] == [["Tooling"], ["Lakehouse Database"]]


def test_a_project_moves_with_its_connections_to_a_unit_where_its_owner_may_create(mesh: Mesh) -> None:
    here = {"domainIdentifier": mesh.domain_id}
    project = mesh.project(name())
    unit = mesh.admin.create_domain_unit(
        name=f"Unit {uuid.uuid4().hex[:6]}", parentDomainUnitIdentifier=mesh.root_unit, **here
    )["id"]
    mesh.admin.update_project(identifier=project["id"], domainUnitId=unit, **here)
    assert mesh.admin.get_project(identifier=project["id"], **here)["domainUnitId"] == unit
    listed = mesh.admin.list_connections(projectIdentifier=project["id"], **here)["items"]
    assert {c["domainUnitId"] for c in listed} == {unit}


def test_a_project_is_listed_under_its_new_name_by_those_in_it(mesh: Mesh) -> None:
    here = {"domainIdentifier": mesh.domain_id}
    mira = mesh.as_person("mira")
    made = [mesh.project(f"{prefix} {uuid.uuid4().hex[:6]}", client=mira) for prefix in ("B", "D", "F")]
    mesh.project(f"C {uuid.uuid4().hex[:6]}")
    renamed = f"E {uuid.uuid4().hex[:6]}"
    mira.update_project(identifier=made[0]["id"], name=renamed, **here)
    pages = mira.get_paginator("list_projects").paginate(**here, PaginationConfig={"PageSize": 1})
    assert [p["id"] for page in pages for p in page["items"]] == [made[n]["id"] for n in (1, 0, 2)]
    assert [p["id"] for p in mira.list_projects(name=renamed, **here)["items"]] == [made[0]["id"]]
    user = {"userIdentifier": mesh.person("mira"), **here}
    assert len(mesh.admin.list_projects(**user)["items"]) == 3


def test_a_project_that_was_made_in_part_is_taken_down_and_made_again_under_its_name(mesh: Mesh) -> None:
    here = {"domainIdentifier": mesh.domain_id}
    taken = mesh.resources(mesh.project(name())["id"])["glueDBName"]
    project = mesh.project(name(), userParameters=parameters("Lakehouse Database", glueDbName=taken))
    role = mesh.resources(project["id"])["userRoleName"]
    mesh.admin.delete_project(identifier=project["id"], skipDeletionCheck=True, **here)
    eventually(lambda: gone(lambda: mesh.admin.get_project(identifier=project["id"], **here)), bool)
    with refused("NoSuchEntity"):
        mesh.plane.client("iam").get_role(RoleName=role)
    assert mesh.plane.client("glue").get_database(Name=taken)["Database"]["Name"] == taken
    again = mesh.project(project["name"])
    assert again["environmentDeploymentDetails"]["overallDeploymentStatus"] == "SUCCESSFUL"


def test_an_environment_says_that_it_is_being_deleted_until_it_is_gone(mesh: Mesh) -> None:
    here = {"domainIdentifier": mesh.domain_id}
    project = mesh.project(name())
    found = environments(mesh, project["id"])
    mesh.admin.delete_environment(identifier=found["Lakehouse Database"]["id"], **here)
    eventually(lambda: list(environments(mesh, project["id"])), lambda names: names == ["Tooling"])


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"configurationParameters": {"ssmPath": "/tooling"}}, "ssmPath.*not served"),
        ({"awsAccount": {"awsAccountIdPath": "/account"}}, "awsAccountIdPath.*not served"),
        ({"awsRegion": {"regionNamePath": "/region"}}, "regionNamePath.*not served"),
        ({"accountPools": ["pool"]}, "accountPools.*not served"),
    ],
)
def test_a_profile_that_names_what_is_not_served_is_refused(mesh: Mesh, members: dict[str, Any], reason: str) -> None:
    with refused(f"ValidationException.*{reason}"):
        mesh.admin.create_project_profile(
            domainIdentifier=mesh.domain_id, name=f"Profile {uuid.uuid4().hex[:6]}",
            environmentConfigurations=[environment(mesh, "Tooling", "Tooling") | members],
        )  # fmt: skip


def test_a_profile_in_use_stays(mesh: Mesh) -> None:
    here = {"domainIdentifier": mesh.domain_id}
    profile = make_profile(mesh, f"Profile {uuid.uuid4().hex[:6]}")
    project = mesh.project(name(), projectProfileId=profile)
    with refused("ValidationException.*in use"):
        mesh.admin.delete_project_profile(identifier=profile, **here)
    mesh.admin.delete_project(identifier=project["id"], **here)
    eventually(lambda: gone(lambda: mesh.admin.get_project(identifier=project["id"], **here)), bool)
    mesh.admin.delete_project_profile(identifier=profile, **here)


@pytest.mark.parametrize("member", ["projectExecutionRole", "customerProvidedRoleConfigs"])
def test_a_project_works_with_the_role_that_its_creator_brought_and_leaves_it(mesh: Mesh, member: str) -> None:
    here = {"domainIdentifier": mesh.domain_id, "projectProfileId": mesh.profile_id}
    role = f"arn:aws:iam::{mesh.plane.account_id}:role/Execution"
    public = member == "projectExecutionRole"
    brought: Any = {member: role if public else [{"roleArn": role}]}
    greedy = mesh.as_person("greedy") if public else bundled_client(mesh, mesh.credentials("greedy"))
    with refused("AccessDeniedException.*iam:PassRole"):
        greedy.create_project(name=name(), **brought, **here)
    if public:
        made = mesh.admin.create_project(name=name(), **brought, **here)
    else:
        made = bundled_client(mesh).create_project(name=name(), tags={"cost": "42"}, **brought, **here)
        assert made["tags"] == {"cost": "42"}
    here = {"domainIdentifier": mesh.domain_id}
    assert mesh.deployed(made["id"])["environmentDeploymentDetails"] == {"overallDeploymentStatus": "SUCCESSFUL"}
    assert mesh.resources(made["id"])["userRoleArn"] == role
    mesh.admin.delete_project(identifier=made["id"], **here)
    eventually(lambda: gone(lambda: mesh.admin.get_project(identifier=made["id"], **here)), bool)
    assert mesh.plane.client("iam").get_role(RoleName="Execution")["Role"]["Arn"] == role


def bundled_client(mesh: Mesh, credentials: dict[str, str] | None = None) -> Any:
    """DataZone (as the administrator) with the model that AWS's own library bundles."""
    found = importlib.util.find_spec("sagemaker_studio")
    assert found is not None
    assert found.origin is not None
    session = botocore.session.Session()
    session.set_config_variable("data_path", str(Path(found.origin).with_name("boto3_models")))
    given = mesh.plane.administrator()
    if credentials is not None:
        given = {
            "aws_access_key_id": credentials["AccessKeyId"],
            "aws_secret_access_key": credentials["SecretAccessKey"],
            "aws_session_token": credentials["SessionToken"],
        }
    return boto3.session.Session(botocore_session=session).client(
        "datazone", endpoint_url=mesh.plane.endpoint, region_name=mesh.plane.region, **given
    )


def test_storage_is_registered_with_lake_formation_as_the_blueprint_is_configured(mesh: Mesh) -> None:
    role = f"arn:aws:iam::{mesh.plane.account_id}:role/Service"
    here = {"domainIdentifier": mesh.domain_id}
    tooling = mesh.admin.list_environment_blueprints(managed=True, name="Tooling", **here)["items"][0]["id"]
    known = mesh.admin.get_environment_blueprint_configuration(environmentBlueprintIdentifier=tooling, **here)
    members = ("enabledRegions", "manageAccessRoleArn", "provisioningRoleArn", "environmentBlueprintId")
    kept = {("environmentBlueprintIdentifier" if m == "environmentBlueprintId" else m): known[m] for m in members}
    configured = [{"lakeFormationConfiguration": {"locationRegistrationRole": role}}]
    put = mesh.admin.put_environment_blueprint_configuration
    assert put(**kept, provisioningConfigurations=configured, **here)["provisioningConfigurations"] == configured
    root = mesh.resources(mesh.project(name())["id"])["s3BucketPath"]
    arn = f"arn:aws:s3:::{root.removeprefix('s3://')}"
    registered = mesh.plane.client("lakeformation").describe_resource(ResourceArn=arn)["ResourceInfo"]
    assert registered["RoleArn"] == role
    put(**kept, **here)


def test_projects_and_environments_take_only_terms_that_are_there(mesh: Mesh) -> None:
    domain, project = {"domainIdentifier": mesh.domain_id}, mesh.project(name())
    environment = environments(mesh, project["id"])["Lakehouse Database"]["id"]
    unknown: dict[str, Any] = {**domain, "glossaryTerms": ["nosuchterm"]}
    with refused("ValidationException.*nosuchterm does not exist"):
        mesh.admin.create_project(**unknown, name=name(), projectProfileId=project["projectProfileId"])
    with refused("ValidationException.*nosuchterm does not exist"):
        mesh.admin.update_project(**unknown, identifier=project["id"])
    with refused("ValidationException.*nosuchterm does not exist"):
        mesh.admin.update_environment(**unknown, identifier=environment)
    assert "glossaryTerms" not in mesh.admin.get_project(**domain, identifier=project["id"])


def test_an_environment_is_made_where_its_configuration_says(mesh: Mesh) -> None:
    archive = environment(mesh, "Archive", "DataLake", deploymentMode="ON_DEMAND", deploymentOrder=2)
    project = mesh.project(name(), projectProfileId=make_profile(mesh, name(), archive))["id"]
    given = {
        "domainIdentifier": mesh.domain_id, "projectIdentifier": project, "environmentConfigurationName": "Archive",
        "userParameters": [{"name": "glueDbName", "value": f"archive_{uuid.uuid4().hex[:6]}"}],
    }  # fmt: skip
    for elsewhere in ({"environmentAccountIdentifier": "999999999999"}, {"environmentAccountRegion": "eu-west-1"}):
        with refused("ValidationException.*is for account"):
            mesh.admin.create_environment(name="Elsewhere", **given, **elsewhere)
    here = {"environmentAccountIdentifier": mesh.plane.account_id, "environmentAccountRegion": mesh.plane.region}
    assert mesh.admin.create_environment(name="Here", **given, **here)["awsAccountId"] == mesh.plane.account_id


def test_an_environment_that_is_made_on_demand_keeps_its_terms(mesh: Mesh) -> None:
    domain, archive = {"domainIdentifier": mesh.domain_id}, environment(mesh, "Archive", "DataLake")
    archive |= {"deploymentMode": "ON_DEMAND", "deploymentOrder": 3}
    project = mesh.project(name(), projectProfileId=make_profile(mesh, name(), archive))["id"]
    glossary = mesh.admin.create_glossary(**domain, name=name(), owningProjectIdentifier=project, status="ENABLED")
    term = mesh.admin.create_glossary_term(
        **domain, glossaryIdentifier=glossary["id"], name="Old", status="ENABLED"
    )["id"]  # fmt: skip
    wanted = {**domain, "projectIdentifier": project, "name": "Archive", "environmentConfigurationName": "Archive"}
    with refused("ValidationException.*nosuchterm does not exist"):
        mesh.admin.create_environment(**wanted, glossaryTerms=["nosuchterm"])
    made = mesh.admin.create_environment(**wanted, glossaryTerms=[term])
    assert made["glossaryTerms"] == [term]
    assert mesh.admin.get_environment(**domain, identifier=made["id"])["glossaryTerms"] == [term]
    described = mesh.admin.update_project(**domain, identifier=project, glossaryTerms=[term])
    assert described["glossaryTerms"] == [term]
