"""Projects: who may make them, with which parameters, what is made for them, and how they go."""

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.data_plane.datazone.domains_for_tests import ALL_USERS, Mesh, environment, eventually, make_profile


def refused(code: str) -> Any:
    return pytest.raises(ClientError, match=code)


def name() -> str:
    return f"Project {uuid.uuid4().hex[:8]}"


def test_a_project_is_active_at_once_and_its_environments_follow(mesh: Mesh) -> None:
    made = mesh.as_person("analyst").create_project(
        domainIdentifier=mesh.domain_id, name=name(), projectProfileId=mesh.profile_id
    )
    assert made["projectStatus"] == "ACTIVE"
    assert made["environmentDeploymentDetails"]["overallDeploymentStatus"] == "PENDING_DEPLOYMENT"
    project = mesh.deployed(made["id"], mesh.as_person("analyst"))
    assert project["environmentDeploymentDetails"]["overallDeploymentStatus"] == "SUCCESSFUL"
    listed = mesh.as_person("analyst").list_environments(domainIdentifier=mesh.domain_id, projectIdentifier=made["id"])
    assert [(e["name"], e["status"]) for e in listed["items"]] == [
        ("Tooling", "ACTIVE"),
        ("Lakehouse Database", "ACTIVE"),
    ]


def test_what_is_provisioned_really_exists(mesh: Mesh) -> None:
    project = mesh.project(name())
    made = mesh.resources(project["id"])
    role = mesh.plane.client("iam").get_role(RoleName=made["userRoleArn"].rpartition("/")[2])["Role"]
    assert role["RoleName"].startswith(f"datazone_usr_role_{project['id']}_")
    tags = {t["Key"]: t["Value"] for t in mesh.plane.client("iam").list_role_tags(RoleName=role["RoleName"])["Tags"]}
    assert tags["AmazonDataZoneMeshStage"] == "dev"
    assert tags["AmazonDataZoneProject"] == project["id"]
    bucket, _, prefix = made["s3BucketPath"].removeprefix("s3://").partition("/")
    assert prefix == f"{mesh.domain_id}/{project['id']}/dev"
    assert bucket.startswith(f"amazon-sagemaker-{mesh.plane.account_id}-{mesh.plane.region}-")
    mesh.plane.client("s3").head_bucket(Bucket=bucket)
    database = mesh.plane.client("glue").get_database(Name=made["glueDBName"])["Database"]
    assert database["Name"] == f"glue_db_{project['id']}"
    group = mesh.plane.client("athena").get_work_group(WorkGroup=made["athenaWorkgroupName"])["WorkGroup"]
    assert group["Configuration"]["ResultConfiguration"]["OutputLocation"] == f"{made['s3BucketPath']}/sys/athena/"
    granted = mesh.plane.client("lakeformation").list_permissions(
        Principal={"DataLakePrincipalIdentifier": made["userRoleArn"]},
        Resource={"Database": {"Name": made["glueDBName"]}},
    )["PrincipalResourcePermissions"]
    assert any("ALL" in grant["Permissions"] for grant in granted)


def test_the_projects_role_reaches_its_own_storage_only(mesh: Mesh) -> None:
    mine, other = mesh.project(name()), mesh.project(name())
    connection = mesh.admin.list_connections(
        domainIdentifier=mesh.domain_id, projectIdentifier=mine["id"], name="project.iam"
    )["items"][0]
    vended = mesh.admin.get_connection(
        domainIdentifier=mesh.domain_id, identifier=connection["connectionId"], withSecret=True
    )["connectionCredentials"]
    assert set(vended) == {"accessKeyId", "secretAccessKey", "sessionToken", "expiration"}
    s3 = mesh.plane.client(
        "s3",
        {
            "aws_access_key_id": vended["accessKeyId"],
            "aws_secret_access_key": vended["secretAccessKey"],
            "aws_session_token": vended["sessionToken"],
        },
    )
    bucket = mesh.resources(mine["id"])["s3BucketPath"].removeprefix("s3://").partition("/")[0]
    key = f"{mesh.domain_id}/{mine['id']}/dev/a.txt"
    s3.put_object(Bucket=bucket, Key=key, Body=b"mine")
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"mine"
    with refused("AccessDenied"):
        s3.put_object(Bucket=bucket, Key=f"{mesh.domain_id}/{other['id']}/dev/a.txt", Body=b"theirs")
    with refused("AccessDenied"):
        s3.list_objects_v2(Bucket=bucket, Prefix=f"{mesh.domain_id}/{other['id']}/")


def test_a_locked_parameter_cannot_be_changed_and_the_refusal_names_it(mesh: Mesh) -> None:
    def create(parameter: str, value: str) -> Any:
        return mesh.admin.create_project(
            domainIdentifier=mesh.domain_id,
            name=name(),
            projectProfileId=mesh.profile_id,
            userParameters=[
                {
                    "environmentConfigurationName": "Tooling",
                    "environmentParameters": [{"name": parameter, "value": value}],
                }
            ],
        )

    with refused("ValidationException.*maxEbsVolumeSize"):
        create("maxEbsVolumeSize", "500")
    with refused("ValidationException.*noSuchParameter"):
        create("noSuchParameter", "1")
    create("maxEbsVolumeSize", "50")
    create("idleTimeoutInMinutes", "90")


def test_an_unknown_environment_configuration_is_refused(mesh: Mesh) -> None:
    with refused("ValidationException.*Nonsense"):
        mesh.admin.create_project(
            domainIdentifier=mesh.domain_id,
            name=name(),
            projectProfileId=mesh.profile_id,
            userParameters=[{"environmentConfigurationName": "Nonsense", "environmentParameters": []}],
        )


def test_the_database_gets_the_name_that_was_asked_for(mesh: Mesh) -> None:
    database = f"sales_{uuid.uuid4().hex[:6]}"
    wanted = [
        {
            "environmentConfigurationName": "Lakehouse Database",
            "environmentParameters": [{"name": "glueDbName", "value": database}],
        }
    ]
    first = mesh.project(name(), userParameters=wanted)
    assert mesh.resources(first["id"])["glueDBName"] == database
    second = mesh.project(name(), userParameters=wanted)
    details = second["environmentDeploymentDetails"]
    assert details["overallDeploymentStatus"] == "FAILED_DEPLOYMENT"
    assert any(
        database in reason["message"] for reasons in details["environmentFailureReasons"].values() for reason in reasons
    )


def test_a_name_is_given_once(mesh: Mesh) -> None:
    project = mesh.project(name())
    with refused(f"ConflictException.*Conflict with project {project['id']}"):
        mesh.admin.create_project(
            domainIdentifier=mesh.domain_id, name=project["name"], projectProfileId=mesh.profile_id
        )


def test_a_profiles_tag_cannot_be_changed(mesh: Mesh) -> None:
    with refused("ValidationException.*AmazonDataZoneMeshStage"):
        mesh.admin.create_project(
            domainIdentifier=mesh.domain_id,
            name=name(),
            projectProfileId=mesh.profile_id,
            resourceTags={"AmazonDataZoneMeshStage": "prod"},
        )


def test_no_tag_makes_a_role_pass_for_that_of_another_project(mesh: Mesh) -> None:
    tooling = environment(mesh, "Tooling", "Tooling", deploymentOrder=0)
    profile = mesh.admin.create_project_profile(
        domainIdentifier=mesh.domain_id, name=name(), status="ENABLED", environmentConfigurations=[tooling],
        allowCustomProjectResourceTags=True,
        projectResourceTags=[{"key": "AmazonDataZoneProject", "value": "victim", "isValueEditable": True}],
    )["id"]  # fmt: skip
    for key in ("AmazonDataZoneDomain", "aws:tag"):
        with refused(f"ValidationException.*{key}"):
            mesh.project(name(), projectProfileId=profile, resourceTags={key: "victim"})
    project = mesh.project(name(), projectProfileId=profile, resourceTags={"team": "sales"})["id"]
    role = mesh.resources(project)["userRoleName"]
    tags = {tag["Key"]: tag["Value"] for tag in mesh.plane.client("iam").list_role_tags(RoleName=role)["Tags"]}
    assert (tags["AmazonDataZoneProject"], tags["team"]) == (project, "sales")


def test_members_see_their_projects_and_nobody_elses(mesh: Mesh) -> None:
    project = mesh.project(name(), client=mesh.as_person("planner"))

    def names(person: str) -> list[str]:
        return [p["name"] for p in mesh.as_person(person).list_projects(domainIdentifier=mesh.domain_id)["items"]]

    assert project["name"] in names("planner")
    assert project["name"] not in names("stranger")
    with refused("ResourceNotFoundException"):
        mesh.as_person("stranger").get_project(domainIdentifier=mesh.domain_id, identifier=project["id"])
    every = mesh.admin.get_paginator("list_projects").paginate(
        domainIdentifier=mesh.domain_id, PaginationConfig={"PageSize": 2}
    )
    assert project["name"] in [p["name"] for answer in every for p in answer["items"]]


def test_projects_take_a_grant_that_names_the_profile(mesh: Mesh) -> None:
    production = make_profile(mesh, f"production {uuid.uuid4().hex[:6]}")
    unit = mesh.admin.create_domain_unit(
        domainIdentifier=mesh.domain_id, name=name(), parentDomainUnitIdentifier=mesh.root_unit
    )["id"]
    for grant in mesh.admin.list_policy_grants(
        domainIdentifier=mesh.domain_id,
        entityType="DOMAIN_UNIT",
        entityIdentifier=mesh.root_unit,
        policyType="CREATE_PROJECT_FROM_PROJECT_PROFILE",
    )["grantList"]:
        mesh.admin.remove_policy_grant(
            domainIdentifier=mesh.domain_id,
            entityType="DOMAIN_UNIT",
            entityIdentifier=mesh.root_unit,
            policyType="CREATE_PROJECT_FROM_PROJECT_PROFILE",
            principal=grant["principal"],
        )
    try:
        mesh.grant(
            "CREATE_PROJECT_FROM_PROJECT_PROFILE",
            {"user": {"userIdentifier": mesh.person("planner")}},
            {"projectProfiles": [mesh.profile_id], "includeChildDomainUnits": True},
            unit,
        )
        planner = mesh.as_person("planner")
        mesh.project(name(), client=planner, domainUnitId=unit)
        for profile, where in ((production, unit), (mesh.profile_id, mesh.root_unit)):
            with refused("AccessDeniedException.*CreateProject"):
                mesh.project(name(), client=planner, projectProfileId=profile, domainUnitId=where)
        with refused("AccessDeniedException.*CreateProject"):
            mesh.project(name(), client=mesh.as_person("analyst"), domainUnitId=unit)
    finally:
        mesh.grant("CREATE_PROJECT_FROM_PROJECT_PROFILE", ALL_USERS, {"includeChildDomainUnits": True})


def test_an_environment_of_a_blueprint_that_is_not_served_fails_and_says_so(mesh: Mesh) -> None:
    experiments = environment(mesh, "MLExperiments", "MLExperiments", deploymentOrder=2)
    profile = make_profile(mesh, f"with experiments {uuid.uuid4().hex[:6]}", experiments)
    project = mesh.project(name(), projectProfileId=profile)
    details = project["environmentDeploymentDetails"]
    assert details["overallDeploymentStatus"] == "FAILED_DEPLOYMENT"
    (reasons,) = details["environmentFailureReasons"].values()
    assert reasons[0]["message"] == "Blueprint MLExperiments is not served by this data plane."
    assert "glueDBName" in mesh.resources(project["id"])


def test_environments_on_demand_are_made_when_they_are_asked_for(mesh: Mesh) -> None:
    archive = environment(mesh, "Archive", "DataLake", deploymentMode="ON_DEMAND", deploymentOrder=3)
    archive["configurationParameters"]["parameterOverrides"] = [
        {"name": "glueDbName", "value": f"archive_{uuid.uuid4().hex[:6]}", "isEditable": False}
    ]
    profile = make_profile(mesh, f"with archive {uuid.uuid4().hex[:6]}", archive)
    project = mesh.project(name(), projectProfileId=profile)
    made = mesh.admin.create_environment(
        domainIdentifier=mesh.domain_id,
        projectIdentifier=project["id"],
        name="Archive",
        environmentConfigurationName="Archive",
    )
    assert made["status"] == "CREATING"
    get = {"domainIdentifier": mesh.domain_id, "identifier": made["id"]}
    active = eventually(lambda: mesh.admin.get_environment(**get), lambda e: e["status"] != "CREATING")
    assert active["status"] == "ACTIVE"
    database = next(r["value"] for r in active["provisionedResources"] if r["name"] == "glueDBName")
    mesh.admin.delete_environment(**get)

    def is_gone() -> bool:
        try:
            mesh.admin.get_environment(**get)
        except ClientError as error:
            return error.response["Error"]["Code"] == "ResourceNotFoundException"
        return False

    eventually(is_gone, bool)
    with refused("EntityNotFoundException"):
        mesh.plane.client("glue").get_database(Name=database)


def test_a_deleted_project_leaves_nothing_and_frees_its_name(mesh: Mesh) -> None:
    project = mesh.project(name())
    made = mesh.resources(project["id"])
    mesh.admin.delete_project(domainIdentifier=mesh.domain_id, identifier=project["id"])

    def names() -> list[str]:
        found = mesh.admin.list_projects(domainIdentifier=mesh.domain_id, name=project["name"])["items"]
        return [p["name"] for p in found]

    eventually(names, lambda found: found == [])
    with refused("NoSuchEntity"):
        mesh.plane.client("iam").get_role(RoleName=made["userRoleArn"].rpartition("/")[2])
    with refused("EntityNotFoundException"):
        mesh.plane.client("glue").get_database(Name=made["glueDBName"])
    with refused("InvalidRequestException"):
        mesh.plane.client("athena").get_work_group(WorkGroup=made["athenaWorkgroupName"])
    mesh.project(project["name"])


def test_an_owner_renames_a_project_and_others_do_not(mesh: Mesh) -> None:
    project = mesh.project(name(), client=mesh.as_person("planner"))
    mesh.as_person("planner").create_project_membership(
        domainIdentifier=mesh.domain_id,
        projectIdentifier=project["id"],
        member={"userIdentifier": "analyst"} if mesh.person("analyst") else {},
        designation="PROJECT_CONTRIBUTOR",
    )
    with refused("AccessDeniedException"):
        mesh.as_person("analyst").update_project(
            domainIdentifier=mesh.domain_id, identifier=project["id"], description="mine now"
        )
    changed = mesh.as_person("planner").update_project(
        domainIdentifier=mesh.domain_id, identifier=project["id"], description="planned"
    )
    assert changed["description"] == "planned"
