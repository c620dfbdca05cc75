"""Nobody makes the catalog point at data she may not read, and nobody stops the catalog for others."""

import time
from typing import Any

import httpx
import pytest

from tests.attacks.insiders import Insiders, refused, until

_PARQUET = {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"}


def table(name: str, location: str | None, **more: Any) -> dict[str, Any]:
    storage = {"Columns": [{"Name": "income", "Type": "string"}], "SerdeInfo": _PARQUET}
    return {"Name": name, "StorageDescriptor": storage | ({"Location": location} if location else {})} | more


@pytest.mark.parametrize("scheme", ["s3", "s3a", "S3", "hdfs", "file", "x", ""])
def test_a_table_cannot_be_made_over_data_of_others_under_any_scheme(insiders: Insiders, scheme: str) -> None:
    glue = insiders.in_project("analyst", "glue")
    place = insiders.table_location("marketing", "households").partition("://")[2]
    with refused("Data Location Access"):
        glue.create_table(DatabaseName=insiders.database, TableInput=table(f"stolen_{scheme}", f"{scheme}://{place}"))
    with refused("AccessDenied"):
        insiders.query(
            "analyst", f"select * from {insiders.database}.stolen_{scheme}",
            client=insiders.in_project("analyst", "athena"), work_group=insiders.work_group,
        )  # fmt: skip


def test_a_table_of_ones_own_cannot_be_moved_to_data_of_others(insiders: Insiders) -> None:
    glue, database = insiders.in_project("analyst", "glue"), insiders.database
    place = insiders.table_location("marketing", "households").partition("://")[2]
    glue.create_table(DatabaseName=database, TableInput=table("mine", None))
    with refused("Data Location Access"):
        glue.update_table(DatabaseName=database, TableInput=table("mine", f"x://{place}"))
    with refused("Data Location Access"):
        glue.update_database(Name=database, DatabaseInput={"Name": database, "LocationUri": f"x://{place}"})


def test_a_partition_is_not_inside_a_table_because_its_text_begins_alike(insiders: Insiders) -> None:
    glue, database = insiders.in_project("analyst", "glue"), insiders.database
    place = insiders.table_location("marketing", "households").partition("://")[2]
    keys = [{"Name": "day", "Type": "string"}]
    glue.create_table(DatabaseName=database, TableInput=table("days", "x", PartitionKeys=keys))
    for location in (f"x/://{place}", f"hdfs://{place}"):
        with refused("Data Location Access"):
            glue.create_partition(
                DatabaseName=database, TableName="days",
                PartitionInput={"Values": ["1"], "StorageDescriptor": {"Location": location}},
            )  # fmt: skip


def test_a_link_to_a_hidden_table_shows_nothing_of_it(insiders: Insiders) -> None:
    glue, database = insiders.in_project("analyst", "glue"), insiders.database
    target = {"CatalogId": "444444444444", "DatabaseName": "marketing", "Name": "campaigns"}
    glue.create_table(DatabaseName=database, TableInput={"Name": "link", "TargetTable": target})
    shown = glue.get_table(DatabaseName=database, Name="link")["Table"]
    assert shown["StorageDescriptor"].get("Columns", []) == []
    assert "Location" not in shown["StorageDescriptor"]
    with refused("Required Describe"):
        glue.get_partitions(DatabaseName=database, TableName="link")
    with refused("AccessDenied"):
        insiders.query(
            "analyst", f"select * from {database}.link", client=insiders.in_project("analyst", "athena"),
            work_group=insiders.work_group,
        )  # fmt: skip


def test_hidden_tables_and_columns_are_not_found_nor_told_from_missing_ones(insiders: Insiders) -> None:
    for glue in (insiders.aws("analyst", "glue"), insiders.in_project("analyst", "glue")):
        shown = glue.get_table(DatabaseName="marketing", Name="households")["Table"]
        assert "income" not in [c["Name"] for c in shown["StorageDescriptor"]["Columns"]]
        assert [t["Name"] for t in glue.get_tables(DatabaseName="marketing")["TableList"]] == ["households"]
        found = glue.search_tables(SearchText="yearly income")["TableList"]
        assert [t for t in found if t["DatabaseName"] == "marketing"] == []
        assert glue.search_tables(SearchText="campaign_descriptions")["TableList"] == []
        for name in ("campaigns", "nothing"):
            with refused(f"AccessDenied.*Required Describe on {name}"):
                glue.get_table(DatabaseName="marketing", Name=name)
        for name in ("sales", "nothing"):
            with refused(f"AccessDenied.*Required Describe on {name}"):
                glue.get_database(Name=name)


@pytest.mark.parametrize("expression", ["array[" * 60 + "1" + "]" * 60, "(" * 150 + "day = '1'" + ")" * 150])
def test_a_partition_expression_stops_nobody_else(insiders: Insiders, expression: str) -> None:
    glue, database = insiders.in_project("analyst", "glue"), insiders.database
    given = table("hours", None, PartitionKeys=[{"Name": "day", "Type": "string"}])
    if "hours" not in [t["Name"] for t in glue.get_tables(DatabaseName=database)["TableList"]]:
        glue.create_table(DatabaseName=database, TableInput=given)
    began = time.monotonic()
    with refused("InvalidInputException"):
        glue.get_partitions(DatabaseName=database, TableName="hours", Expression=expression)
    assert httpx.get(f"{insiders.sign_in.state.plane_url()}/_health", timeout=5, trust_env=False).status_code == 200
    assert time.monotonic() - began < 5


def test_a_pattern_over_names_stops_nobody_else(insiders: Insiders) -> None:
    glue, athena = insiders.in_project("analyst", "glue"), insiders.in_project("analyst", "athena")
    glue.create_table(DatabaseName=insiders.database, TableInput={"Name": "a" * 255})
    began = time.monotonic()
    pattern = "*a" * 20 + "*b"
    found = athena.list_table_metadata(
        CatalogName="AwsDataCatalog", DatabaseName=insiders.database, Expression=pattern
    )  # fmt: skip
    assert found["TableMetadataList"] == []
    assert glue.get_tables(DatabaseName=insiders.database, Expression=pattern)["TableList"] == []
    assert time.monotonic() - began < 5


def test_an_environment_takes_no_database_that_it_did_not_make(insiders: Insiders) -> None:
    datazone, domain = insiders.aws("analyst", "datazone"), {"domainIdentifier": insiders.domain}
    profiles = datazone.list_project_profiles(**domain)["items"]
    root = datazone.get_domain(identifier=insiders.domain)["rootDomainUnitId"]
    units = datazone.list_domain_units_for_parent(parentDomainUnitIdentifier=root, **domain)["items"]
    marketing = [{"name": "glueDbName", "value": "marketing"}]
    project = datazone.create_project(
        name="Land Grab",
        projectProfileId=next(p["id"] for p in profiles if p["name"] == "business-dev-profile"),
        domainUnitId=next(u["id"] for u in units if u["name"] == "Sales Forecasting"),
        userParameters=[{"environmentConfigurationName": "Lakehouse Database", "environmentParameters": marketing}],
        **domain,
    )["id"]

    def lakehouse() -> Any:
        found = datazone.list_environments(projectIdentifier=project, **domain)["items"]
        return next(e for e in found if e["name"] == "Lakehouse Database")

    until(lakehouse, lambda e: e["status"] == "CREATE_FAILED")
    datazone.update_environment(identifier=lakehouse()["id"], userParameters=marketing, **domain)
    until(lakehouse, lambda e: e["status"] == "CREATE_FAILED")
    assert lakehouse().get("provisionedResources", []) == []
    datazone.delete_environment(identifier=lakehouse()["id"], **domain)
    until(
        lambda: [e["name"] for e in datazone.list_environments(projectIdentifier=project, **domain)["items"]],
        lambda names: "Lakehouse Database" not in names,
    )
    assert insiders.query("analyst", "select count(*) from marketing.households").rows[1] != ["0"]
