"""Who is in a project, and what its connections give to whom."""

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.data_plane.datazone.domains_for_tests import Mesh


def refused(code: str) -> Any:
    return pytest.raises(ClientError, match=code)


@pytest.fixture(scope="module")
def project(mesh: Mesh) -> dict[str, Any]:
    """A project of `owner`, with `contributor` and `viewer` in it."""
    made = mesh.project(f"Members {uuid.uuid4().hex[:6]}", client=mesh.as_person("owner"))
    for person in ("contributor", "viewer"):
        designation = "PROJECT_CONTRIBUTOR" if person == "contributor" else "PROJECT_CATALOG_VIEWER"
        join(mesh, made, mesh.person(person), designation)
    return made


def join(mesh: Mesh, project: dict[str, Any], user: str, designation: str, *, by: str = "owner") -> None:
    mesh.as_person(by).create_project_membership(
        domainIdentifier=mesh.domain_id,
        projectIdentifier=project["id"],
        member={"userIdentifier": user},
        designation=designation,
    )


def leave(mesh: Mesh, project: dict[str, Any], user: str, *, by: str = "owner") -> None:
    mesh.as_person(by).delete_project_membership(
        domainIdentifier=mesh.domain_id, projectIdentifier=project["id"], member={"userIdentifier": user}
    )


def connection(mesh: Mesh, project: dict[str, Any], name: str, person: str = "owner") -> dict[str, Any]:
    found = mesh.as_person(person).list_connections(
        domainIdentifier=mesh.domain_id, projectIdentifier=project["id"], name=name
    )["items"]
    assert len(found) == 1, found
    return dict(found[0])


def vended(mesh: Mesh, project: dict[str, Any], person: str) -> dict[str, str]:
    """The project's credentials that a person is given, as arguments of boto3."""
    answer = mesh.as_person(person).get_connection(
        domainIdentifier=mesh.domain_id,
        identifier=connection(mesh, project, "project.iam", person)["connectionId"],
        withSecret=True,
    )["connectionCredentials"]
    return {
        "aws_access_key_id": answer["accessKeyId"],
        "aws_secret_access_key": answer["secretAccessKey"],
        "aws_session_token": answer["sessionToken"],
    }


def test_the_members_are_listed_with_what_they_are(mesh: Mesh, project: dict[str, Any]) -> None:
    members = mesh.as_person("viewer").list_project_memberships(
        domainIdentifier=mesh.domain_id, projectIdentifier=project["id"]
    )["members"]
    assert {m["memberDetails"]["user"]["userId"]: m["designation"] for m in members} == {
        mesh.person("owner"): "PROJECT_OWNER",
        mesh.person("contributor"): "PROJECT_CONTRIBUTOR",
        mesh.person("viewer"): "PROJECT_CATALOG_VIEWER",
    }


@pytest.mark.parametrize("order", ["ASCENDING", "DESCENDING"])
def test_members_are_sorted_by_their_names_when_asked(mesh: Mesh, project: dict[str, Any], order: str) -> None:
    pages = mesh.as_person("viewer").get_paginator("list_project_memberships").paginate(
        domainIdentifier=mesh.domain_id, projectIdentifier=project["id"], sortBy="NAME", sortOrder=order,
        PaginationConfig={"PageSize": 2},
    )  # fmt: skip
    listed = [member["memberDetails"]["user"]["userId"] for page in pages for member in page["members"]]
    people = [mesh.person(name) for name in ("contributor", "owner", "viewer")]
    assert [one for one in listed if one in people] == (people if order == "ASCENDING" else people[::-1])


def test_a_member_is_added_once(mesh: Mesh, project: dict[str, Any]) -> None:
    with refused("ValidationException.*already in the project"):
        join(mesh, project, mesh.person("viewer"), "PROJECT_OWNER")


def test_only_owners_add_and_remove_members(mesh: Mesh, project: dict[str, Any]) -> None:
    for person in ("contributor", "viewer"):
        with refused("AccessDeniedException"):
            join(mesh, project, mesh.person("newcomer"), "PROJECT_CONTRIBUTOR", by=person)
        with refused("AccessDeniedException"):
            leave(mesh, project, mesh.person("owner"), by=person)
    with refused("ResourceNotFoundException"):
        join(mesh, project, mesh.person("newcomer"), "PROJECT_CONTRIBUTOR", by="newcomer")


def test_the_last_owner_stays(mesh: Mesh, project: dict[str, Any]) -> None:
    with refused("ValidationException"):
        leave(mesh, project, mesh.person("owner"))
    join(mesh, project, mesh.person("heir"), "PROJECT_OWNER")
    leave(mesh, project, mesh.person("heir"))


def test_who_is_outside_the_member_pool_cannot_be_added(mesh: Mesh) -> None:
    unit = mesh.admin.create_domain_unit(
        domainIdentifier=mesh.domain_id,
        name=f"Closed {uuid.uuid4().hex[:6]}",
        parentDomainUnitIdentifier=mesh.root_unit,
    )["id"]
    mesh.grant(
        "ADD_TO_PROJECT_MEMBER_POOL",
        {"user": {"userIdentifier": mesh.person("insider")}},
        {"includeChildDomainUnits": True},
        unit,
    )
    made = mesh.project(f"Closed {uuid.uuid4().hex[:6]}", client=mesh.as_person("owner"), domainUnitId=unit)
    join(mesh, made, mesh.person("insider"), "PROJECT_CONTRIBUTOR")
    with refused("AccessDeniedException.*CreateProjectMembership"):
        join(mesh, made, mesh.person("outsider"), "PROJECT_CONTRIBUTOR")


def test_a_group_in_a_project_brings_its_people(mesh: Mesh, project: dict[str, Any]) -> None:
    group = mesh.group(f"analysts-{uuid.uuid4().hex[:6]}", "grace")
    with refused("ResourceNotFoundException"):
        mesh.as_person("grace").get_project(domainIdentifier=mesh.domain_id, identifier=project["id"])
    mesh.as_person("owner").create_project_membership(
        domainIdentifier=mesh.domain_id,
        projectIdentifier=project["id"],
        member={"groupIdentifier": group},
        designation="PROJECT_CONTRIBUTOR",
    )
    mesh.as_person("grace").get_project(domainIdentifier=mesh.domain_id, identifier=project["id"])
    theirs = mesh.admin.list_projects(domainIdentifier=mesh.domain_id, groupIdentifier=group)["items"]
    assert [p["id"] for p in theirs] == [project["id"]]


def test_every_project_has_the_connections_that_tools_look_for(mesh: Mesh, project: dict[str, Any]) -> None:
    listed = mesh.as_person("viewer").list_connections(
        domainIdentifier=mesh.domain_id, projectIdentifier=project["id"]
    )["items"]
    assert {c["name"]: c["type"] for c in listed} == {
        "project.iam": "IAM",
        "project.athena": "ATHENA",
        "project.s3_default_folder": "S3",
        "default.s3_shared": "S3",
        "project.default_lakehouse": "LAKEHOUSE",
        "project.spark.compatibility": "SPARK",
        "project.spark.fineGrained": "SPARK",
        "default.athena.spark": "SPARK_CONNECT",
    }
    assert all(len(c["props"]) == 1 for c in listed)
    shared = connection(mesh, project, "default.s3_shared")["props"]["s3Properties"]["s3Uri"]
    assert shared.endswith("/")
    location = connection(mesh, project, "project.athena")["physicalEndpoints"][0]["awsLocation"]
    assert location["awsRegion"] == mesh.plane.region
    express = mesh.as_person("owner").list_connections(
        domainIdentifier=mesh.domain_id, projectIdentifier=project["id"], name="default.iam", type="IAM"
    )
    assert express["items"] == []
    spark = mesh.as_person("owner").list_connections(
        domainIdentifier=mesh.domain_id, projectIdentifier=project["id"], type="SPARK_CONNECT"
    )
    assert [c["name"] for c in spark["items"]] == ["default.athena.spark"]


def test_only_the_iam_connection_names_the_role(mesh: Mesh, project: dict[str, Any]) -> None:
    got = mesh.as_person("viewer").get_connection(
        domainIdentifier=mesh.domain_id, identifier=connection(mesh, project, "project.iam")["connectionId"]
    )
    assert got["environmentUserRole"] == mesh.resources(project["id"])["userRoleArn"]
    assert got["props"] == {"iamProperties": {"glueLineageSyncEnabled": False}}
    assert "connectionCredentials" not in got


def test_credentials_carry_the_person_and_the_role(mesh: Mesh, project: dict[str, Any]) -> None:
    given = vended(mesh, project, "contributor")
    who = mesh.plane.client("sts", given).get_caller_identity()["Arn"]
    role = mesh.resources(project["id"])["userRoleArn"].rpartition("/")[2]
    assert who.startswith(f"arn:aws:sts::{mesh.plane.account_id}:assumed-role/{role}/")
    listed = mesh.plane.client("datazone", given).list_projects(domainIdentifier=mesh.domain_id)["items"]
    assert [p["id"] for p in listed] == [project["id"]]


def test_those_who_only_look_and_strangers_get_no_credentials(mesh: Mesh, project: dict[str, Any]) -> None:
    iam = connection(mesh, project, "project.iam")["connectionId"]
    get = {"domainIdentifier": mesh.domain_id, "identifier": iam, "withSecret": True}
    with refused("AccessDeniedException"):
        mesh.as_person("viewer").get_connection(**get)
    with refused("ResourceNotFoundException"):
        mesh.as_person("stranger").get_connection(**get)
    with refused("AccessDeniedException"):
        mesh.admin.get_connection(**get)


def test_credentials_end_with_the_membership(mesh: Mesh, project: dict[str, Any]) -> None:
    join(mesh, project, mesh.person("guest"), "PROJECT_CONTRIBUTOR")
    sts = mesh.plane.client("sts", vended(mesh, project, "guest"))
    sts.get_caller_identity()
    leave(mesh, project, mesh.person("guest"))
    with refused("Expired"):
        sts.get_caller_identity()


def test_environment_credentials_are_the_projects(mesh: Mesh, project: dict[str, Any]) -> None:
    tooling = connection(mesh, project, "project.iam")["environmentId"]
    get = {"domainIdentifier": mesh.domain_id, "environmentIdentifier": tooling}
    assert set(mesh.as_person("contributor").get_environment_credentials(**get)) >= {"accessKeyId", "expiration"}
    with refused("AccessDeniedException"):
        mesh.as_person("viewer").get_environment_credentials(**get)


def test_a_connection_is_made_changed_and_removed_by_contributors(mesh: Mesh, project: dict[str, Any]) -> None:
    tooling = connection(mesh, project, "project.iam")["environmentId"]
    wanted = {
        "domainIdentifier": mesh.domain_id,
        "environmentIdentifier": tooling,
        "name": f"files-{uuid.uuid4().hex[:6]}",
        "props": {"s3Properties": {"s3Uri": "s3://bucket/one/"}},
    }
    with refused("AccessDeniedException"):
        mesh.as_person("viewer").create_connection(**wanted)
    contributor = mesh.as_person("contributor")
    made = contributor.create_connection(**wanted)
    assert made["type"] == "S3"
    assert made["props"]["s3Properties"]["status"] == "READY"
    with refused("ConflictException"):
        contributor.create_connection(**wanted)
    where = {"domainIdentifier": mesh.domain_id, "identifier": made["connectionId"]}
    changed = contributor.update_connection(**where, props={"s3Properties": {"s3Uri": "s3://bucket/two/"}})
    assert changed["props"]["s3Properties"]["s3Uri"] == "s3://bucket/two/"
    contributor.delete_connection(**where)
    with refused("ResourceNotFoundException"):
        contributor.get_connection(**where)
    with refused("ValidationException"):
        contributor.delete_connection(
            domainIdentifier=mesh.domain_id, identifier=connection(mesh, project, "project.iam")["connectionId"]
        )


def test_ownership_of_a_project_is_assumed_with_a_grant_only(mesh: Mesh, project: dict[str, Any]) -> None:
    boss = mesh.person("boss")
    with refused("ResourceNotFoundException"):
        join(mesh, project, boss, "PROJECT_OWNER", by="boss")
    mesh.grant("OVERRIDE_PROJECT_OWNERS", {"user": {"userIdentifier": boss}}, {"includeChildDomainUnits": True})
    join(mesh, project, boss, "PROJECT_OWNER", by="boss")
    leave(mesh, project, boss)


def test_an_iam_role_is_a_member_like_a_person(mesh: Mesh, project: dict[str, Any]) -> None:
    arn = f"arn:aws:iam::{mesh.plane.account_id}:role/Manage"
    join(mesh, project, arn, "PROJECT_CONTRIBUTOR")
    profile = mesh.admin.get_user_profile(domainIdentifier=mesh.domain_id, userIdentifier=arn)
    theirs = mesh.admin.list_projects(domainIdentifier=mesh.domain_id, userIdentifier=profile["id"])["items"]
    assert [p["id"] for p in theirs] == [project["id"]]
    leave(mesh, project, arn)
