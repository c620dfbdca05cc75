"""Work that is tried five times and given up: what it was for says so, and so do EventBridge and notifications."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pysqlite3 import dbapi2 as sqlite

from tests.data_plane.datazone.catalog_for_tests import Producer, producer
from tests.data_plane.datazone.domains_for_tests import eventually, make_mesh
from tests.data_plane.datazone.test_grants import ask_for_project, grants, settled
from tests.data_plane.datazone.test_subscriptions import accept, table_name
from tests.data_plane.events.test_rules import Queue, rule
from twinplane.data_plane.testing import RunningPlane, running_plane

BROKEN = {
    "no_database": "BEFORE INSERT ON glue_database",
    "no_environment_goes": "BEFORE DELETE ON datazone_environment",
    "no_grant": "BEFORE INSERT ON datazone_granted_asset",
    "no_revocation": "BEFORE DELETE ON datazone_granted_asset",
    "no_activity": "BEFORE INSERT ON datazone_data_source_activity",
    "no_domain": "BEFORE INSERT ON datazone_domain WHEN new.status = 'AVAILABLE'",
}
"""Changes that the store refuses while it is broken: what a fault of the program or of the state would do."""


@contextmanager
def broken(state: Path) -> Iterator[None]:
    connection = sqlite.connect(str(state / "plane.db"), isolation_level=None, timeout=20)
    for name, moment in BROKEN.items():
        connection.execute(f"CREATE TRIGGER {name} {moment} BEGIN SELECT RAISE(ABORT, 'it is broken'); END")
    try:
        yield
    finally:
        for name in BROKEN:
            connection.execute(f"DROP TRIGGER {name}")
        connection.close()


class World:
    """Everything that was given up, and what was told of it."""

    def __init__(self, plane: RunningPlane) -> None:
        mesh = self.mesh = make_mesh(plane)
        self.here = {"domainIdentifier": mesh.domain_id}
        self.owner, self.consumer = producer(mesh, "owner"), producer(mesh, "analyst")
        queue = Queue(plane, "failures")
        failed = {"source": ["aws.datazone"], "detail-type": [{"suffix": "Failed"}]}
        rule(plane.client("events"), "failures", failed, {"Arn": queue.arn})
        self.granted = accept(self.owner, ask_for_project(self.consumer, self.owner.published(table_name())[1]))["id"]
        settled(self.owner, self.granted, "GRANTED")
        listing_id = self.owner.published(table_name())[1]
        request_id = ask_for_project(self.consumer, listing_id)
        archive = producer(mesh, "archivist").project_id
        [self.going] = [e["id"] for e in self.environments(archive) if e["name"] == "Lakehouse Database"]
        source = self.owner.source()
        role = f"arn:aws:iam::{plane.account_id}:role/"
        with broken(plane.state):
            making = mesh.admin.create_project(**self.here, name="No database", projectProfileId=mesh.profile_id)
            made = mesh.admin.create_domain(
                name="broken", domainVersion="V2", domainExecutionRole=f"{role}Execution", serviceRole=f"{role}Service"
            )
            mesh.as_person("archivist").delete_environment(**self.here, identifier=self.going)
            self.refused = accept(self.owner, request_id)["id"]
            self.consumer.datazone.cancel_subscription(**self.here, identifier=self.granted)
            self.run = self.owner.run(source)
            settled(self.owner, self.refused, "GRANT_FAILED")
            settled(self.owner, self.granted, "REVOKE_FAILED")
            self.project = mesh.deployed(making["id"])
            self.domain = eventually(
                lambda: mesh.admin.get_domain(identifier=made["id"]), lambda d: d["status"] != "CREATING"
            )
            self.environment = eventually(
                lambda: mesh.admin.get_environment(**self.here, identifier=self.going),
                lambda e: e["status"] != "DELETING",
            )
        self.told = {event["detail-type"]: event["detail"] for event in queue.events(wait=2)}

    def environments(self, project: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.mesh.admin.list_environments(**self.here, projectIdentifier=project)["items"]
        return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_plane(tmp_path_factory.mktemp("broken")) as plane:
        yield World(plane)


def test_every_failure_is_told(world: World) -> None:
    assert sorted(world.told) == [
        "Data Source Run Failed", "Domain Creation Failed", "Environment Deletion Failed",
        "Environment Deployment Failed", "Subscription Grant Failed", "Subscription Grant Revoke Failed",
    ]  # fmt: skip
    assert world.told["Environment Deployment Failed"]["data"]["status"] == "CREATE_FAILED"
    assert world.told["Subscription Grant Failed"]["data"]["asset"]["status"] == "GRANT_FAILED"


def test_members_are_notified(world: World) -> None:
    def listed(who: Producer) -> set[str]:
        found = who.datazone.list_notifications(**world.here, type="EVENT", maxResults=50)["notifications"]
        return {notification["title"] for notification in found}

    assert "Data Source Run Failed" in listed(world.owner)
    assert {"Subscription Grant Failed", "Subscription Grant Revoke Failed"} <= listed(world.consumer)


def test_a_project_says_which_environment_failed_and_is_deployed_when_asked_again(world: World) -> None:
    mesh, project = world.mesh, world.project
    details = project["environmentDeploymentDetails"]
    assert details["overallDeploymentStatus"] == "FAILED_DEPLOYMENT"
    [[failure]] = details["environmentFailureReasons"].values()
    assert failure["code"] == "CREATE_FAILED"
    assert "glue_database" in failure["message"]
    statuses = {e["name"]: e["status"] for e in world.environments(project["id"])}
    assert statuses == {"Tooling": "ACTIVE", "Lakehouse Database": "CREATE_FAILED"}
    mesh.admin.update_project(**world.here, identifier=project["id"], projectProfileVersion="latest")
    again = mesh.deployed(project["id"])["environmentDeploymentDetails"]
    assert again["overallDeploymentStatus"] == "SUCCESSFUL"


def test_an_environment_that_could_not_be_removed_says_so_and_goes_the_next_time(world: World) -> None:
    assert world.environment["status"] == "DELETE_FAILED"
    assert world.environment["lastDeployment"]["failureReason"]["code"] == "DELETE_FAILED"
    assert "it is broken" in world.environment["lastDeployment"]["failureReason"]["message"]
    world.mesh.as_person("archivist").delete_environment(**world.here, identifier=world.going)

    def known() -> bool:
        project = world.environment["projectId"]
        return any(e["id"] == world.going for e in world.environments(project))

    eventually(known, lambda found: not found)


def test_a_grant_says_why_it_failed_and_is_tried_again_when_asked(world: World) -> None:
    [grant] = grants(world.owner, world.refused)
    [asset] = grant["assets"]
    assert (grant["status"], asset["status"]) == ("GRANT_FAILED", "GRANT_FAILED")
    assert "datazone_granted_asset" in asset["failureCause"]["message"]
    world.owner.datazone.update_subscription_grant_status(
        **world.here, identifier=grant["id"], assetIdentifier=asset["assetId"], status="GRANT_PENDING"
    )
    settled(world.owner, world.refused, "GRANTED")


def test_a_revocation_says_why_it_failed_and_is_done_when_the_grant_is_deleted(world: World) -> None:
    [grant] = grants(world.owner, world.granted)
    assert grant["status"] == "REVOKE_FAILED"
    assert "it is broken" in grant["assets"][0]["failureCause"]["message"]
    world.owner.datazone.delete_subscription_grant(**world.here, identifier=grant["id"])
    eventually(lambda: grants(world.owner, world.granted), lambda found: not found)


def test_a_run_and_its_data_source_say_why_it_failed(world: World) -> None:
    assert (world.run["status"], world.run["errorMessage"]["errorType"]) == ("FAILED", "INTERNAL_SERVER_EXCEPTION")
    source = world.owner.datazone.get_data_source(**world.here, identifier=world.run["dataSourceId"])
    assert (source["status"], source["lastRunStatus"]) == ("READY", "FAILED")
    again = world.owner.run(world.run["dataSourceId"])
    assert again["status"] in ("SUCCESS", "PARTIALLY_SUCCEEDED")


def test_a_domain_says_why_it_was_not_made_and_may_be_removed(world: World) -> None:
    assert world.domain["status"] == "CREATION_FAILED"
    assert "datazone_domain" in world.domain["failureReasons"][0]["message"]
    world.mesh.admin.delete_domain(identifier=world.domain["id"])
    domains = world.mesh.admin.list_domains
    eventually(lambda: [d["id"] for d in domains()["items"]], lambda ids: world.domain["id"] not in ids)
