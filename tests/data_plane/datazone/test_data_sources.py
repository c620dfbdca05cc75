"""Data sources: what they may be told, their runs by hand and by the clock, and what becomes of tables that go."""

import dataclasses
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pysqlite3 import dbapi2 as sqlite

from tests.data_plane.datazone.catalog_for_tests import COLUMNS, Producer, producer, table_input, unique
from tests.data_plane.datazone.domains_for_tests import Mesh, eventually, make_mesh
from tests.data_plane.datazone.test_subscriptions import refused, table_name
from twinplane.data_plane.services.datazone.data_source_configurations import next_run
from twinplane.data_plane.testing import running_plane

EVERY_NIGHT = {"schedule": "cron(30 1 * * ? *)", "timezone": "EUROPE_PARIS"}


@pytest.fixture(scope="module")
def owner(mesh: Mesh) -> Producer:
    return producer(mesh, "owner")


def only(name: str) -> dict[str, Any]:
    return {"filterExpressions": [{"type": "INCLUDE", "expression": name}]}


def create(owner: Producer, kind: str, configuration: dict[str, Any], **members: Any) -> dict[str, Any]:
    made: dict[str, Any] = owner.datazone.create_data_source(
        domainIdentifier=owner.mesh.domain_id,
        projectIdentifier=owner.project_id,
        name=unique("source"),
        type=kind,
        configuration=configuration,
        **members,
    )
    return made


def get(owner: Producer, source_id: str) -> dict[str, Any]:
    found: dict[str, Any] = owner.datazone.get_data_source(domainIdentifier=owner.mesh.domain_id, identifier=source_id)
    return found


def runs(owner: Producer, source_id: str, **where: Any) -> list[dict[str, Any]]:
    pages = owner.datazone.get_paginator("list_data_source_runs").paginate(
        domainIdentifier=owner.mesh.domain_id, dataSourceIdentifier=source_id, **where
    )
    return [run for answer in pages for run in answer["items"]]


def ready(owner: Producer, source_id: str) -> dict[str, Any]:
    found: dict[str, Any] = eventually(lambda: get(owner, source_id), lambda s: s["status"] == "READY")
    return found


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        ("cron(30 1 * * ? *)", "2026-11-24 12:00", "2026-11-25 01:30"),
        ("cron(0 6 ? * MON *)", "2026-11-24 12:00", "2026-11-30 06:00"),
        ("cron(30 2 * * ? *)", "2026-03-28 12:00", "2026-03-29 03:30"),  # 02:30 is skipped that day
        ("cron(0 3 * * ? *)", "2026-10-25 02:30", "2026-10-25 03:00"),  # 02:30 comes twice that day
    ],
)
def test_a_schedule_is_of_its_time_zone(schedule: str, after: str, expected: str) -> None:
    zone = ZoneInfo("Europe/Paris")
    moment = datetime.fromisoformat(after).replace(tzinfo=zone).timestamp()
    due = next_run({"schedule": schedule, "timezone": "EUROPE_PARIS"}, moment)
    assert due is not None
    assert datetime.fromtimestamp(due, zone).strftime("%Y-%m-%d %H:%M") == expected


def test_every_time_zone_of_aws_is_known(owner: Producer) -> None:
    shape = owner.datazone.meta.service_model.shape_for("Timezone")
    for zone in shape.enum:
        assert next_run({"schedule": "cron(0 12 * * ? *)", "timezone": zone}, 0.0) is not None


def test_a_source_is_made_and_is_ready_a_moment_later(owner: Producer) -> None:
    configuration = {"glueRunConfiguration": {"relationalFilterConfigurations": [{"databaseName": owner.database}]}}
    made = create(owner, "GLUE", configuration, recommendation={"enableBusinessNameGeneration": False})
    assert made["status"] == "CREATING"
    found = ready(owner, made["id"])
    assert found["recommendation"] == {"enableBusinessNameGeneration": False}
    assert found["configuration"]["glueRunConfiguration"]["accountId"] == owner.mesh.plane.account_id


def test_a_configuration_must_fit_the_type(owner: Producer) -> None:
    databases = [{"databaseName": owner.database}]
    with refused("ValidationException", "glueRunConfiguration, not a redshift"):
        create(owner, "GLUE", {"redshiftRunConfiguration": {"relationalFilterConfigurations": databases}})
    with refused("ValidationException", "at least one database"):
        create(owner, "GLUE", {"glueRunConfiguration": {"relationalFilterConfigurations": []}})
    with refused("ValidationException", "of type GLUE"):
        create(owner, "ORACLE", {"glueRunConfiguration": {"relationalFilterConfigurations": databases}})
    other = producer(owner.mesh, "planner")
    theirs = other.datazone.list_environments(
        domainIdentifier=owner.mesh.domain_id, projectIdentifier=other.project_id
    )["items"][0]["id"]
    for environment_id in (theirs, "absent"):
        with refused("ResourceNotFoundException", f"Environment {environment_id} does not exist"):
            owner.source(environmentIdentifier=environment_id)
    with refused("ValidationException", "not a cron expression"):
        owner.source(schedule={"schedule": "cron(0 12 * * * *)"})


def test_sources_without_an_engine_can_be_declared_and_their_runs_say_why_they_fail(owner: Producer) -> None:
    redshift = {
        "relationalFilterConfigurations": [{"databaseName": "dev", "schemaName": "public"}],
        "redshiftStorage": {"redshiftServerlessSource": {"workgroupName": "analytics"}},
    }
    group = f"arn:aws:sagemaker:us-east-1:{owner.mesh.plane.account_id}:feature-group/clicks"
    features = {"trackingAssets": {"SageMakerFeatureGroupAssetType": [group]}}
    for kind, member, body, text in (
        ("REDSHIFT", "redshiftRunConfiguration", redshift, "no Amazon Redshift .* analytics"),
        ("SAGEMAKER", "sageMakerRunConfiguration", features, "no Amazon SageMaker AI .* SageMakerFeatureGroup"),
    ):
        source_id = create(owner, kind, {member: body})["id"]
        assert ready(owner, source_id)["type"] == kind
        run = owner.run(source_id)
        assert run["status"] == "FAILED"
        with pytest.raises(AssertionError, match=text):
            raise AssertionError(run["errorMessage"]["errorDetail"])
        assert get(owner, source_id)["lastRunErrorMessage"]["errorType"] == "RESOURCE_NOT_FOUND_EXCEPTION"


def test_the_asset_of_a_table_that_is_gone_stays_until_it_comes_back(mesh: Mesh, owner: Producer) -> None:
    name, glue = owner.table(table_name()), owner.client("glue")
    source = owner.source(relational=only(f"{name}*"))
    asset_id = owner.run(source)["activities"][name]["dataAssetId"]
    glue.delete_table(DatabaseName=owner.database, Name=name)
    renamed = owner.table(f"{name}_2")
    run = owner.run(source)
    assert run["status"] == "SUCCESS"
    assert run["runStatisticsForAssets"] == {"added": 1, "updated": 0, "unchanged": 0, "skipped": 1, "failed": 0}
    gone = run["activities"][name]
    assert (gone["dataAssetStatus"], gone["dataAssetId"]) == ("SKIPPED_ARCHIVED", asset_id)
    assert run["activities"][renamed]["dataAssetStatus"] == "SUCCEEDED_CREATED"
    owner.table(name, COLUMNS | {"again": "string"})
    again = owner.run(source)["activities"][name]
    assert (again["dataAssetStatus"], again["dataAssetId"]) == ("SUCCEEDED_UPDATED", asset_id)


def test_a_table_is_imported_by_one_source_of_a_project(owner: Producer) -> None:
    name = owner.table(table_name())
    owner.run(owner.source(relational=only(name)))
    run = owner.run(owner.source(relational=only(name)))
    assert run["activities"][name]["dataAssetStatus"] == "SKIPPED_ALREADY_IMPORTED"
    assert (run["status"], run["runStatisticsForAssets"]["skipped"]) == ("SUCCESS", 1)


def test_activities_and_runs_are_listed_page_by_page_and_by_status(mesh: Mesh, owner: Producer) -> None:
    domain, prefix = {"domainIdentifier": mesh.domain_id}, table_name()
    names = [owner.table(f"{prefix}_{n}") for n in range(5)]
    source = owner.source(relational=only(f"{prefix}*"))
    first = owner.run(source)
    owner.client("glue").update_table(
        DatabaseName=owner.database, TableInput=table_input(names[0], {"other": "string"})
    )
    second = owner.run(source)
    pages = owner.datazone.get_paginator("list_data_source_run_activities").paginate(
        **domain, identifier=second["id"], status="UNCHANGED", PaginationConfig={"PageSize": 3}
    )
    assert [[a["technicalName"] for a in answer["items"]] for answer in pages] == [names[1:4], names[4:]]
    listed = runs(owner, source, status="SUCCESS", PaginationConfig={"PageSize": 1})
    assert [run["id"] for run in listed] == [second["id"], first["id"]]
    assert runs(owner, source, status="FAILED") == []


def test_sources_are_listed_by_name_and_by_what_they_are(mesh: Mesh, owner: Producer) -> None:
    quiet, other = producer(mesh, "planner"), producer(mesh, "planner")
    made = [quiet.source(), quiet.source(enableSetting="DISABLED"), other.source()][:2]
    project = {"domainIdentifier": mesh.domain_id, "projectIdentifier": quiet.project_id}
    for source_id in made:
        ready(quiet, source_id)
    pages = quiet.datazone.get_paginator("list_data_sources").paginate(**project, PaginationConfig={"PageSize": 1})
    listed = [s for answer in pages for s in answer["items"]]
    assert sorted(s["dataSourceId"] for s in listed) == sorted(made)
    assert [s["name"] for s in listed] == sorted(s["name"] for s in listed)
    found = quiet.datazone.list_data_sources(**project, name=listed[0]["name"], type="GLUE", status="READY")["items"]
    assert [s["dataSourceId"] for s in found] == [listed[0]["dataSourceId"]]
    with refused("ConflictException", "disabled"):
        quiet.run(made[1])
    with refused("ResourceNotFoundException"):
        mesh.as_person("stranger").list_data_sources(**project)


def test_a_source_runs_25_times_a_day(owner: Producer) -> None:
    source = owner.source(relational=only("no_such_table"))
    for _ in range(25):
        assert owner.run(source)["status"] == "SUCCESS"
    with refused("ServiceQuotaExceededException", "25 runs of a data source in a day"):
        owner.run(source)


def test_a_deleted_source_is_gone_with_its_runs_and_its_name_is_free(mesh: Mesh, owner: Producer) -> None:
    name = owner.table(table_name())
    source = owner.source(relational=only(name), schedule=EVERY_NIGHT)
    asset_id = owner.run(source)["activities"][name]["dataAssetId"]
    domain, known = {"domainIdentifier": mesh.domain_id}, get(owner, source)
    assert known["lastRunAssetCount"] == 1
    owner.datazone.update_data_source(**domain, identifier=source, description="of the shop")
    assert owner.datazone.delete_data_source(**domain, identifier=source)["status"] == "DELETING"
    project = domain | {"projectIdentifier": owner.project_id}
    eventually(lambda: owner.datazone.list_data_sources(**project, name=known["name"])["items"], lambda s: not s)
    with refused("ResourceNotFoundException"):
        get(owner, source)
    assert owner.datazone.get_asset(**domain, identifier=asset_id)["name"] == name
    configuration = {"glueRunConfiguration": {"relationalFilterConfigurations": [{"databaseName": owner.database}]}}
    owner.datazone.create_data_source(**project, name=known["name"], type="GLUE", configuration=configuration)


def hurry(state: Path) -> None:
    """The time of every scheduled run has come, on a plane that is stopped."""
    connection = sqlite.connect(str(state / "plane.db"))
    with connection:
        assert connection.execute("UPDATE task SET due_at = 1 WHERE kind = 'datazone.scheduled_run'").rowcount
    connection.close()


def fired(owner: Producer, source_id: str, times: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = eventually(
        lambda: runs(owner, source_id, status="SUCCESS"), lambda r: len(r) == times
    )
    return found


def test_a_schedule_fires_once_also_over_kill_9_and_again_the_next_time(tmp_path: Path) -> None:
    with running_plane(tmp_path) as plane:
        owner = producer(make_mesh(plane), "owner")
        owner.table("orders")
        source = owner.source(schedule=EVERY_NIGHT, publishOnImport=True)
        dropped = owner.source(schedule=EVERY_NIGHT)
        disabled = owner.source(schedule=EVERY_NIGHT)
        domain = {"domainIdentifier": owner.mesh.domain_id}
        owner.datazone.update_data_source(**domain, identifier=disabled, enableSetting="DISABLED")
        owner.datazone.delete_data_source(**domain, identifier=dropped)
        assert runs(owner, source) == []
        plane.process.kill()
    for number in (1, 2):
        hurry(tmp_path)
        with running_plane(tmp_path) as plane:
            owner = dataclasses.replace(owner, mesh=dataclasses.replace(owner.mesh, plane=plane))
            listed = fired(owner, source, number)
            assert {run["type"] for run in listed} == {"SCHEDULED"}
            assert runs(owner, disabled) == []
            plane.process.kill()
    with running_plane(tmp_path) as plane:
        owner = dataclasses.replace(owner, mesh=dataclasses.replace(owner.mesh, plane=plane))
        assert len(runs(owner, source)) == 2
        found = owner.mesh.as_person("owner").search_listings(**domain, searchText="orders")["items"]
        assert [i["assetListing"]["name"] for i in found] == ["orders"]
