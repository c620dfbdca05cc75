"""Who gets what from Glue's Iceberg REST endpoint: the decisions of the Glue API and of Lake Formation, no others."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.data_plane.athena.lake import Lake, Person
from twinplane.data_plane.testing import RunningPlane

pa = pytest.importorskip("pyarrow")
exceptions = pytest.importorskip("pyiceberg.exceptions")

from pyiceberg.table.update import SetLocationUpdate, SetPropertiesUpdate  # noqa: E402

from .test_clients import SCHEMA, rest_catalog, rows  # noqa: E402

READER = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["glue:*", "lakeformation:GetDataAccess"], "Resource": "*"}],
}


@pytest.fixture(scope="module")
def lake(plane: RunningPlane, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    made = Lake(plane, tmp_path_factory.mktemp("lake"))
    made.make()
    made._role("IcebergReader", READER)
    known = made.lake.get_data_lake_settings()["DataLakeSettings"]
    made.lake.put_data_lake_settings(DataLakeSettings=known | {"AllowFullTableExternalDataAccess": True})
    catalog = rest_catalog(plane)
    catalog.create_namespace("ice", {"location": "s3://data/ice"})
    for name in ("open", "closed"):
        catalog.create_table(f"ice.{name}", SCHEMA, location=f"s3://data/ice/{name}").append(rows(1, 2))
    return made


def person(lake: Lake, name: str, **more: str) -> tuple[Person, Any]:
    found = lake.person(name, role="IcebergReader")
    return found, rest_catalog(lake.plane, found.credentials, **more)


def table(name: str) -> dict[str, Any]:
    return {"Table": {"DatabaseName": "ice", "Name": name}}


def test_what_was_not_granted_is_not_there(lake: Lake) -> None:
    _, catalog = person(lake, "nobody")
    assert ("ice",) not in catalog.list_namespaces()
    for what in ("ice.closed", "ice.not_there", "nowhere.not_there"):
        with pytest.raises(exceptions.ForbiddenError):
            catalog.load_table(what)
    with pytest.raises(exceptions.ForbiddenError):
        catalog.list_tables("ice")
    with pytest.raises(exceptions.ForbiddenError):
        catalog.create_table("ice.mine", SCHEMA, location="s3://data/ice/mine")
    with pytest.raises(exceptions.ForbiddenError):
        catalog.create_namespace("mine")


def test_a_reader_of_a_table_reads_it_with_vended_credentials_and_changes_nothing(lake: Lake) -> None:
    ana, catalog = person(lake, "ana-rest")
    lake.grant(ana.principal, table("open"))
    assert catalog.list_tables("ice") == [("ice", "open")]
    found = catalog.load_table("ice.open")
    assert found.scan().to_arrow()["id"].to_pylist() == [1, 2]  # her own role may not read S3 at all
    with pytest.raises(exceptions.ForbiddenError):
        catalog.drop_table("ice.open")
    with pytest.raises((exceptions.ForbiddenError, OSError)):
        found.append(rows(3))
    with pytest.raises(exceptions.ForbiddenError):
        catalog.commit_table(found, (), (SetPropertiesUpdate(updates={"mine": "yes"}),))
    assert rest_catalog(lake.plane).load_table("ice.open").scan().to_arrow().num_rows == 2


def test_who_may_read_some_rows_or_columns_gets_no_metadata(lake: Lake) -> None:
    bob, catalog = person(lake, "bob-rest")
    key = {"TableCatalogId": lake.plane.account_id, "DatabaseName": "ice", "TableName": "closed", "Name": "one"}
    lake.lake.create_data_cells_filter(
        TableData={**key, "RowFilter": {"FilterExpression": "id = 1"}, "ColumnWildcard": {}}
    )
    lake.grant(bob.principal, {"DataCellsFilter": key})
    assert catalog.table_exists("ice.closed")
    with pytest.raises(exceptions.ForbiddenError):
        catalog.load_table("ice.closed")
    carla, catalog = person(lake, "carla-rest")
    lake.grant(carla.principal, {"TableWithColumns": {"DatabaseName": "ice", "Name": "closed", "ColumnNames": ["id"]}})
    with pytest.raises(exceptions.ForbiddenError):
        catalog.load_table("ice.closed")


def test_a_role_without_iams_permission_is_refused_whatever_lake_formation_says(lake: Lake) -> None:
    lake._role("Powerless", {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "glue:GetCatalog", "Resource": "*"}]})  # fmt: skip
    dan = lake.person("dan-rest", role="Powerless")
    lake.grant(dan.principal, table("open"))
    catalog = rest_catalog(lake.plane, dan.credentials)
    for refused in (catalog.list_namespaces, lambda: catalog.load_table("ice.open")):
        with pytest.raises(exceptions.ForbiddenError):
            refused()


def test_a_table_is_moved_or_made_only_where_its_owner_may(lake: Lake) -> None:
    eve, catalog = person(lake, "eve-rest")
    lake.grant(eve.principal, {"Database": {"Name": "ice"}}, "CREATE_TABLE", "DESCRIBE")
    with pytest.raises(exceptions.ForbiddenError):
        catalog.create_table("ice.spy", SCHEMA, location="s3://people/athena")
    own = catalog.create_table("ice.own", SCHEMA, location="s3://data/ice/own")
    with pytest.raises(exceptions.ForbiddenError):
        catalog.commit_table(own, (), (SetLocationUpdate(location="s3://people/athena"),))
    assert rest_catalog(lake.plane).load_table("ice.own").location() == "s3://data/ice/own"


def test_nobody_unsigned_gets_anything(lake: Lake) -> None:
    for path in ("config", f"catalogs/{lake.plane.account_id}/namespaces"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{lake.plane.endpoint}/iceberg/v1/{path}")
        assert refused.value.code == 403


def test_another_catalog_is_refused_and_errors_have_the_specifications_shape(lake: Lake) -> None:
    with pytest.raises(exceptions.ForbiddenError):
        rest_catalog(lake.plane, warehouse="999988887777")
    catalog = rest_catalog(lake.plane)
    answer = catalog._session.get(catalog.url("namespaces/nowhere/tables/t"))
    assert answer.status_code == 404
    error = json.loads(answer.text)["error"]
    assert (error["code"], error["type"]) == (404, "NoSuchTableException")
    answer = catalog._session.get(catalog.url("tables/rename"))
    assert (answer.status_code, set(json.loads(answer.text)["error"])) == (404, {"code", "message", "type"})


def test_calls_are_recorded_as_glues_and_show_no_credentials(lake: Lake) -> None:
    ana, catalog = person(lake, "ana-trail")
    lake.grant(ana.principal, table("open"))
    catalog.load_table("ice.open")
    rest_catalog(lake.plane).load_table("ice.own").transaction().set_properties(a="b").commit_transaction()
    events = lake.plane.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "GetTable"}]
    )["Events"]
    records = [json.loads(event["CloudTrailEvent"]) for event in events]
    mine = [r for r in records if (r["userIdentity"].get("onBehalfOf") or {}).get("userId") == ana.user_id]
    assert mine
    assert {r["eventSource"] for r in mine} == {"glue.amazonaws.com"}
    updates = lake.plane.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "UpdateTable"}]
    )["Events"]
    assert updates
    for text in [event["CloudTrailEvent"] for event in (*events, *updates)]:
        assert "secret-access-key" not in text
        assert "session-token" not in text
