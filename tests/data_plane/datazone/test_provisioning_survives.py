"""A crash in the middle of provisioning: what was asked for is done after the next start, once."""

import json
import signal
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pysqlite3 import dbapi2 as sqlite

from tests.data_plane.datazone.domains_for_tests import Mesh, environment, make_mesh, make_profile
from twinplane.data_plane.services.datazone import store
from twinplane.data_plane.testing import running_plane

DATABASES = 14


def items(mesh: Mesh, kind: str, project_id: str) -> list[dict[str, Any]]:
    """The project's environments or connections."""
    listing = getattr(mesh.admin, f"list_{kind}")
    return list(listing(domainIdentifier=mesh.domain_id, projectIdentifier=project_id)["items"])


def active(environments: list[dict[str, Any]]) -> int:
    return sum(environment["status"] == "ACTIVE" for environment in environments)


def on_disk(state: Path) -> list[dict[str, Any]]:
    """The environments as the state file has them, whether or not the plane runs."""
    with closing(sqlite.connect(str(state / "plane.db"))) as connection:
        rows = connection.execute(f'SELECT body FROM "{store.ENVIRONMENTS.name}"').fetchall()
    return [json.loads(body) for (body,) in rows]


@pytest.mark.parametrize("done_before", [0, 1, 4])
def test_provisioning_that_was_killed_completes_after_the_next_start(tmp_path: Path, done_before: int) -> None:
    with running_plane(tmp_path) as plane:
        mesh = make_mesh(plane)
        many = [
            environment(
                mesh, f"Database {n}", "DataLake", deploymentOrder=2 + n, parameters={"glueDbName": (f"db{n}", False)}
            )
            for n in range(DATABASES)
        ]
        profile = make_profile(mesh, "many", *many)
        made = mesh.admin.create_project(domainIdentifier=mesh.domain_id, name="Killed", projectProfileId=profile)
        plane.process.send_signal(signal.SIGSTOP)
        while active(on_disk(tmp_path)) < done_before:  # a little at a time, however fast or busy the machine is
            plane.process.send_signal(signal.SIGCONT)
            time.sleep(0.003)
            plane.process.send_signal(signal.SIGSTOP)
        plane.process.kill()
        plane.process.wait()
    assert done_before <= active(on_disk(tmp_path)) < DATABASES + 2
    with running_plane(tmp_path) as plane:
        mesh = replace(mesh, plane=plane)
        project = mesh.deployed(made["id"])
        assert project["environmentDeploymentDetails"] == {"overallDeploymentStatus": "SUCCESSFUL"}
        assert active(items(mesh, "environments", made["id"])) == DATABASES + 2
        databases = [d["Name"] for d in plane.client("glue").get_databases()["DatabaseList"]]
        assert sorted(databases) == sorted([f"glue_db_{made['id']}", *(f"db{n}" for n in range(DATABASES))])
        names = [connection["name"] for connection in items(mesh, "connections", made["id"])]
        assert len(names) == len(set(names)) == 8


def test_a_deletion_that_was_killed_completes_after_the_next_start(tmp_path: Path) -> None:
    with running_plane(tmp_path) as plane:
        mesh = make_mesh(plane)
        project = mesh.project("Killed")
        mesh.admin.delete_project(domainIdentifier=mesh.domain_id, identifier=project["id"])
        plane.process.kill()
        plane.process.wait()
    with running_plane(tmp_path) as plane:
        mesh = replace(mesh, plane=plane)
        end = time.monotonic() + 20
        while mesh.admin.list_projects(domainIdentifier=mesh.domain_id)["items"]:
            assert time.monotonic() < end, "the project is still there"
            time.sleep(0.02)
        assert on_disk(tmp_path) == []
        assert plane.client("glue").get_databases()["DatabaseList"] == []
        roles = [role["RoleName"] for role in plane.client("iam").list_roles()["Roles"]]
        assert [role for role in roles if role.startswith("datazone_usr_role")] == []
        again = mesh.project("Killed")
        assert again["environmentDeploymentDetails"] == {"overallDeploymentStatus": "SUCCESSFUL"}
