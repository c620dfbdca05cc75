"""Roles that a request hands to DataZone: only who may pass them can, and a project's role must let DataZone in."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.data_plane.datazone.catalog_for_tests import Producer, producer, unique
from tests.data_plane.datazone.domains_for_tests import Mesh
from tests.data_plane.datazone.test_changing_projects import bundled_client
from tests.data_plane.datazone.test_grants import default_target, target


@pytest.fixture(scope="module")
def owner(mesh: Mesh) -> Producer:
    return producer(mesh, "owner")


def refused(code: str, text: str = "") -> Any:
    return pytest.raises(ClientError, match=f"{code}.*{text}")


def role(mesh: Mesh, name: str) -> str:
    return f"arn:aws:iam::{mesh.plane.account_id}:role/{name}"


@contextmanager
def passing(mesh: Mesh, role_arn: str, service: str) -> Iterator[None]:
    """People may pass the role to the service meanwhile."""
    condition = {"StringEquals": {"iam:PassedToService": service}}
    statement = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": role_arn, "Condition": condition}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam, named = mesh.plane.client("iam"), {"RoleName": "Person", "PolicyName": "passes"}
    iam.put_role_policy(**named, PolicyDocument=document)
    try:
        yield
    finally:
        iam.delete_role_policy(**named)


def test_a_role_is_associated_with_an_environment_by_who_may_pass_it_to_datazone(mesh: Mesh, owner: Producer) -> None:
    here = {"domainIdentifier": mesh.domain_id}
    environment = owner.datazone.list_environments(**here, projectIdentifier=owner.project_id)["items"][0]["id"]
    that = here | {"environmentIdentifier": environment, "environmentRoleArn": role(mesh, "Service")}
    with refused("AccessDeniedException", "iam:PassRole"):
        owner.datazone.associate_environment_role(**that)
    with passing(mesh, role(mesh, "Service"), "glue.amazonaws.com"), refused("AccessDeniedException", "iam:PassRole"):
        owner.datazone.associate_environment_role(**that)
    with passing(mesh, role(mesh, "Service"), "datazone.amazonaws.com"):
        owner.datazone.associate_environment_role(**that)


def test_a_subscription_target_takes_the_configured_role_or_one_that_may_be_passed(mesh: Mesh, owner: Producer) -> None:
    other, here = role(mesh, "Service"), {"domainIdentifier": mesh.domain_id}
    with refused("AccessDeniedException", "iam:PassRole"):
        target(owner, owner.database, manageAccessRole=other)
    assert target(owner, owner.database)["manageAccessRole"] == role(mesh, "Manage")
    known = default_target(producer(mesh, "changer"))
    changer = mesh.as_person("changer")
    that = here | {"environmentIdentifier": known["environmentId"], "identifier": known["id"]}
    with refused("AccessDeniedException", "iam:PassRole"):
        changer.update_subscription_target(**that, manageAccessRole=other)
    changer.update_subscription_target(**that, name="renamed")
    with passing(mesh, other, "datazone.amazonaws.com"):
        assert changer.update_subscription_target(**that, manageAccessRole=other)["manageAccessRole"] == other


def test_a_data_source_takes_its_projects_role_or_one_that_may_be_passed(mesh: Mesh, owner: Producer) -> None:
    here = {"domainIdentifier": mesh.domain_id}

    def configuration(role_arn: str) -> dict[str, Any]:
        filters = [{"databaseName": owner.database}]
        return {"glueRunConfiguration": {"relationalFilterConfigurations": filters, "dataAccessRole": role_arn}}

    def create(role_arn: str) -> str:
        made = owner.datazone.create_data_source(
            **here, projectIdentifier=owner.project_id, name=unique("source"), type="GLUE",
            configuration=configuration(role_arn),
        )  # fmt: skip
        return str(made["id"])

    with refused("AccessDeniedException", "iam:PassRole"):
        create(role(mesh, "Service"))
    own = mesh.resources(owner.project_id, owner.datazone)["userRoleArn"]
    source = create(own)
    with refused("AccessDeniedException", "iam:PassRole"):
        owner.datazone.update_data_source(**here, identifier=source, configuration=configuration(role(mesh, "Service")))
    assert create(role(mesh, "Manage"))


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}},
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}},
        {
            "Effect": "Allow", "Principal": {"Service": "datazone.amazonaws.com"},
            "Condition": {"StringEquals": {"aws:SourceAccount": "999999999999"}},
        },
        {"Effect": "Deny", "Principal": {"Service": "datazone.amazonaws.com"}},
    ],
)  # fmt: skip
def test_a_project_is_not_made_with_a_role_that_does_not_let_datazone_in(mesh: Mesh, statement: dict[str, Any]) -> None:
    name = unique("Closed").replace(" ", "")
    trust = json.dumps({"Version": "2012-10-17", "Statement": [{"Action": "sts:AssumeRole", **statement}]})
    mesh.plane.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    for brought in (name, "Nobody"):
        with refused("ValidationException", "trust policy" if brought == name else "no role"):
            bundled_client(mesh).create_project(
                domainIdentifier=mesh.domain_id, name=unique("project"), projectProfileId=mesh.profile_id,
                customerProvidedRoleConfigs=[{"roleArn": role(mesh, brought)}],
            )  # fmt: skip
