"""Jobs that import lineage by a connection: there is no warehouse to ask, and their runs say so."""

import dataclasses
from pathlib import Path
from typing import Any

from pysqlite3 import dbapi2 as sqlite

from tests.data_plane.datazone.catalog_for_tests import unique
from tests.data_plane.datazone.domains_for_tests import Mesh, eventually, make_mesh
from tests.data_plane.datazone.test_notebooks import refused
from twinplane.data_plane.testing import running_plane

NIGHTLY = {"schedule": "cron(30 1 * * ? *)"}


def connect(mesh: Mesh, project: str, **sync: Any) -> dict[str, Any]:
    """A connection to Redshift that imports lineage as `sync` says."""
    here = {"domainIdentifier": mesh.domain_id}
    environment = mesh.admin.list_environments(projectIdentifier=project, **here)["items"][0]["id"]
    props = {"redshiftProperties": {"host": "warehouse.example", "databaseName": "sales", "lineageSync": sync}}
    made = mesh.admin.create_connection(
        environmentIdentifier=environment, name=unique("warehouse"), props=props, **here
    )
    got: dict[str, Any] = mesh.admin.get_connection(identifier=made["connectionId"], **here)
    return got


def sync_of(connection: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = connection["props"]["redshiftProperties"]["lineageSync"]
    return shown


def runs(mesh: Mesh, job: str, **where: Any) -> list[dict[str, Any]]:
    pages = mesh.admin.get_paginator("list_job_runs").paginate(
        domainIdentifier=mesh.domain_id, jobIdentifier=job, PaginationConfig={"PageSize": 1}, **where
    )
    return [run for answer in pages for run in answer["items"]]


def all_of(mesh: Mesh, job: str, number: int) -> list[dict[str, Any]]:
    """The runs of a job, as soon as there are so many."""
    found: list[dict[str, Any]] = eventually(lambda: runs(mesh, job), lambda listed: len(listed) == number)
    return found


def test_a_connection_that_imports_lineage_has_a_job_whose_run_says_why_it_failed(mesh: Mesh) -> None:
    project = mesh.project("With a warehouse")["id"]
    here = {"domainIdentifier": mesh.domain_id}
    connection = connect(mesh, project, enabled=True)
    job = sync_of(connection)["lineageJobId"]
    [listed] = runs(mesh, job)
    assert (listed["status"], listed["jobType"], listed["runMode"]) == ("FAILED", "LINEAGE", "ON_DEMAND")
    run = mesh.admin.get_job_run(identifier=listed["runId"], **here)
    assert (run["jobId"], run["status"]) == (job, "FAILED")
    assert "no Amazon Redshift" in run["error"]["message"]
    assert run["details"]["lineageRunDetails"]["sqlQueryRunDetails"]["totalQueriesProcessed"] == 0
    assert runs(mesh, job, status="SUCCESS") == []
    with refused("ResourceNotFoundException"):
        mesh.as_person("nosy").get_job_run(identifier=listed["runId"], **here)
    with refused("ResourceNotFoundException"):
        mesh.as_person("nosy").list_job_runs(jobIdentifier=job, **here)
    that = {"identifier": connection["connectionId"], **here}
    props = {"redshiftProperties": {"lineageSync": {"enabled": False}}}
    changed = mesh.admin.update_connection(props=props, **that)
    assert sync_of(changed) == {"enabled": False}
    assert [r["runId"] for r in runs(mesh, job)] == [listed["runId"]]
    mesh.admin.delete_connection(**that)
    with refused("ResourceNotFoundException"):
        mesh.admin.get_job_run(identifier=listed["runId"], **here)


def test_a_connection_that_imports_no_lineage_has_no_job(mesh: Mesh) -> None:
    connection = connect(mesh, mesh.project("With another warehouse")["id"], enabled=False, schedule=NIGHTLY)
    assert "lineageJobId" not in sync_of(connection)
    with refused("ResourceNotFoundException"):
        runs(mesh, connection["connectionId"])


def test_a_job_runs_by_its_schedule(tmp_path: Path) -> None:
    with running_plane(tmp_path) as plane:
        mesh = make_mesh(plane)
        job = sync_of(connect(mesh, mesh.project("Nightly")["id"], enabled=True, schedule=NIGHTLY))["lineageJobId"]
        plane.process.kill()
    for number in (1, 2):
        connection = sqlite.connect(str(tmp_path / "plane.db"))
        with connection:
            assert connection.execute("UPDATE task SET due_at = 1 WHERE kind = 'datazone.scheduled_job'").rowcount == 1
        connection.close()
        with running_plane(tmp_path) as plane:
            mesh = dataclasses.replace(mesh, plane=plane)
            found = all_of(mesh, job, number + 1)
            assert [run["runMode"] for run in found] == ["SCHEDULED"] * number + ["ON_DEMAND"]
            plane.process.kill()
