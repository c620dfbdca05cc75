"""Glue's Data Catalog through unmodified boto3, as its administrator."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from twinplane.data_plane.testing import RunningPlane

COLUMNS = [{"Name": "id", "Type": "bigint"}, {"Name": "name", "Type": "string", "Comment": "of the customer"}]


@pytest.fixture(scope="module")
def glue(plane: RunningPlane) -> Any:
    client = plane.client("glue")
    client.create_database(DatabaseInput={"Name": "Sales", "Description": "d"}, Tags={"team": "retail"})
    return client


def table_input(name: str, **members: Any) -> dict[str, Any]:
    location = f"s3://lake/{name}"
    return {"Name": name, "StorageDescriptor": {"Columns": COLUMNS, "Location": location}, **members}


def code_of(error: Any) -> str:
    return str(error.value.response["Error"]["Code"])


def test_the_account_has_one_native_catalog(plane: RunningPlane, glue: Any) -> None:
    catalog = glue.get_catalog(CatalogId=plane.account_id)["Catalog"]
    assert (catalog["CatalogId"], catalog["ResourceArn"].split(":")[2:]) == (
        plane.account_id, ["glue", plane.region, plane.account_id, "catalog"],
    )  # fmt: skip
    listed = glue.get_catalogs(HasDatabases=True, Recursive=True)["CatalogList"]
    assert [c["CatalogId"] for c in listed] == [plane.account_id]


def test_a_database_from_first_to_last(plane: RunningPlane, glue: Any) -> None:
    glue.create_database(DatabaseInput={"Name": "Passing"})
    with pytest.raises(ClientError) as error:
        glue.create_database(DatabaseInput={"Name": "passing"})
    assert code_of(error) == "AlreadyExistsException"
    glue.update_database(Name="PASSING", DatabaseInput={"Name": "passing", "Description": "changed"})
    found = glue.get_database(Name="Passing")["Database"]
    assert (found["Name"], found["Description"], found["CatalogId"]) == ("passing", "changed", plane.account_id)
    glue.create_table(DatabaseName="passing", TableInput=table_input("t"))
    glue.delete_database(Name="passing")
    for call in (
        lambda: glue.get_database(Name="passing"),
        lambda: glue.delete_database(Name="passing"),
        lambda: glue.get_table(DatabaseName="passing", Name="t"),
        lambda: glue.get_tables(DatabaseName="passing"),
    ):
        with pytest.raises(ClientError) as error:
            call()
        assert code_of(error) == "EntityNotFoundException"


def test_tags_of_a_database(plane: RunningPlane, glue: Any) -> None:
    arn = f"arn:aws:glue:{plane.region}:{plane.account_id}:database/sales"
    glue.tag_resource(ResourceArn=arn, TagsToAdd={"stage": "prod"})
    assert glue.get_tags(ResourceArn=arn)["Tags"] == {"team": "retail", "stage": "prod"}
    glue.untag_resource(ResourceArn=arn, TagsToRemove=["stage"])
    assert glue.get_tags(ResourceArn=arn)["Tags"] == {"team": "retail"}


def test_another_account_s_catalog_is_refused(glue: Any) -> None:
    with pytest.raises(ClientError) as error:
        glue.get_databases(CatalogId="999999999999")
    assert code_of(error) == "AccessDeniedException"


def test_names_are_lower_cased(glue: Any) -> None:
    glue.create_table(DatabaseName="SALES", TableInput=table_input("Orders"))
    found = glue.get_table(DatabaseName="Sales", Name="ORDERS")["Table"]
    assert (found["DatabaseName"], found["Name"], found["VersionId"]) == ("sales", "orders", "0")
    assert found["StorageDescriptor"]["Columns"] == COLUMNS
    with pytest.raises(ClientError) as error:
        glue.create_table(DatabaseName="sales", TableInput=table_input("orders"))
    assert code_of(error) == "AlreadyExistsException"


def test_of_concurrent_updates_of_one_version_one_wins(glue: Any) -> None:
    glue.create_table(DatabaseName="sales", TableInput=table_input("raced"))

    def update(number: int) -> str:
        given = table_input("raced", Parameters={"metadata_location": f"s3://lake/raced/{number}"})
        try:
            glue.update_table(DatabaseName="sales", TableInput=given, SkipArchive=True, VersionId="0")
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return str(number)

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(update, range(6)))
    assert results.count("ConcurrentModificationException") == 5
    winner = next(r for r in results if r.isdecimal())
    found = glue.get_table(DatabaseName="sales", Name="raced")["Table"]
    assert (found["Parameters"]["metadata_location"], found["VersionId"]) == (f"s3://lake/raced/{winner}", "1")
    assert [
        v["VersionId"] for v in glue.get_table_versions(DatabaseName="sales", TableName="raced")["TableVersions"]
    ] == ["1"]


def test_versions_of_a_table_stay_readable_latest_first(glue: Any) -> None:
    glue.create_table(DatabaseName="sales", TableInput=table_input("versioned", Description="0"))
    for number in range(1, 4):
        glue.update_table(DatabaseName="sales", TableInput=table_input("versioned", Description=str(number)))
    pages = glue.get_paginator("get_table_versions").paginate(
        DatabaseName="sales", TableName="versioned", PaginationConfig={"PageSize": 3}
    )
    versions = pages.build_full_result()["TableVersions"]
    assert [(v["VersionId"], v["Table"]["Description"]) for v in versions] == [(str(n), str(n)) for n in (3, 2, 1, 0)]
    one = glue.get_table_version(DatabaseName="sales", TableName="versioned", VersionId="1")["TableVersion"]
    assert one["Table"]["Description"] == "1"


def test_tables_are_listed_page_by_page_and_by_pattern(glue: Any) -> None:
    glue.create_database(DatabaseInput={"Name": "many"})
    for number in range(25):
        glue.create_table(DatabaseName="many", TableInput=table_input(f"t{number:02}"))
    pages = list(glue.get_paginator("get_tables").paginate(DatabaseName="many", PaginationConfig={"PageSize": 10}))
    assert [len(page["TableList"]) for page in pages] == [10, 10, 5]
    assert [t["Name"] for page in pages for t in page["TableList"]] == [f"t{n:02}" for n in range(25)]
    found = glue.get_tables(DatabaseName="many", Expression="t1*|t2.*")["TableList"]
    assert len(found) == 15
    assert glue.get_tables(DatabaseName="many", Expression="T07")["TableList"][0]["Name"] == "t07"
    with pytest.raises(ClientError) as error:
        glue.get_tables(DatabaseName="many", NextToken="bm90IG91cnM")
    assert code_of(error) == "InvalidInputException"


def test_tables_are_found_by_text_and_filter(glue: Any) -> None:
    glue.create_database(DatabaseInput={"Name": "searched"})
    glue.create_table(
        DatabaseName="searched", TableInput=table_input("alpha", Parameters={"classification": "parquet"})
    )
    glue.create_table(DatabaseName="searched", TableInput=table_input("beta", Description="about ALPHA"))
    here = {"Key": "DatabaseName", "Value": "searched", "Comparator": "EQUALS"}

    def found(text: str, *filters: dict[str, str]) -> list[str]:
        return [t["Name"] for t in glue.search_tables(SearchText=text, Filters=[here, *filters])["TableList"]]

    assert found("alpha") == ["alpha", "beta"]
    assert found('"alpha"') == ["alpha"]
    assert found("customer", {"Key": "classification", "Value": "parquet", "Comparator": "EQUALS"}) == ["alpha"]
    assert found("nothing of the kind") == []


def test_many_tables_are_deleted_at_once(glue: Any) -> None:
    glue.create_table(DatabaseName="sales", TableInput=table_input("gone"))
    answer = glue.batch_delete_table(DatabaseName="sales", TablesToDelete=["gone", "never"])
    assert [(e["TableName"], e["ErrorDetail"]["ErrorCode"]) for e in answer["Errors"]] == [
        ("never", "EntityNotFoundException")
    ]


def test_a_resource_link_shows_its_target(glue: Any) -> None:
    glue.create_table(DatabaseName="sales", TableInput=table_input("target", Parameters={"k": "v"}))
    link = {"Name": "link", "TargetTable": {"DatabaseName": "sales", "Name": "target"}}
    glue.create_database(DatabaseInput={"Name": "project"})
    glue.create_table(DatabaseName="project", TableInput=link)
    found = glue.get_table(DatabaseName="project", Name="link")["Table"]
    assert (found["Name"], found["TargetTable"]["Name"], found["Parameters"]) == ("link", "target", {"k": "v"})
    assert found["StorageDescriptor"]["Location"] == "s3://lake/target"
    glue.delete_table(DatabaseName="sales", Name="target")
    assert glue.get_table(DatabaseName="project", Name="link")["Table"]["StorageDescriptor"]["Columns"] == []


@pytest.fixture(scope="module")
def partitioned(glue: Any) -> dict[str, str]:
    keys = [{"Name": "day", "Type": "date"}, {"Name": "shop", "Type": "int"}]
    glue.create_table(DatabaseName="sales", TableInput=table_input("partitioned", PartitionKeys=keys))
    named = {"DatabaseName": "sales", "TableName": "partitioned"}
    inputs = [
        {
            "Values": [f"2026-01-{day:02}", str(shop)],
            "StorageDescriptor": {"Location": f"s3://lake/partitioned/{day}/{shop}"},
        }
        for day in range(1, 31)
        for shop in (7, 10)
    ]
    assert glue.batch_create_partition(**named, PartitionInputList=inputs).get("Errors") in (None, [])
    return named


@pytest.mark.parametrize(
    ("expression", "count"),
    [
        ("day = '2026-01-05'", 2),
        ("day >= date '2026-01-29' AND shop = 7", 2),
        ("shop > 9", 30),
        ("shop IN (7, 11) AND (day < '2026-01-03' OR day = '2026-01-30')", 3),
        ("day BETWEEN '2026-01-10' AND '2026-01-12'", 6),
        ("NOT shop = 7 AND day LIKE '2026-01-1%'", 10),
        ("shop <> 7", 30),
    ],
)
def test_partitions_are_chosen_by_expression(
    glue: Any, partitioned: dict[str, str], expression: str, count: int
) -> None:
    pages = glue.get_paginator("get_partitions").paginate(
        **partitioned, Expression=expression, PaginationConfig={"PageSize": 4}
    )
    assert len(pages.build_full_result()["Partitions"]) == count


@pytest.mark.parametrize("expression", ["day", "nothing = 1", "day = ", "sleep(1) = 1", "shop = 'x'"])
def test_an_expression_that_cannot_be_read_is_refused(glue: Any, partitioned: dict[str, str], expression: str) -> None:
    with pytest.raises(ClientError) as error:
        glue.get_partitions(**partitioned, Expression=expression)
    assert code_of(error) == "InvalidInputException"


def test_a_partition_from_first_to_last(glue: Any, partitioned: dict[str, str]) -> None:
    values = ["2027-01-01", "1"]
    glue.create_partition(**partitioned, PartitionInput={"Values": values})
    with pytest.raises(ClientError) as error:
        glue.create_partition(**partitioned, PartitionInput={"Values": values})
    assert code_of(error) == "AlreadyExistsException"
    changed = {"Values": values, "Parameters": {"rows": "1"}}
    glue.update_partition(**partitioned, PartitionValueList=values, PartitionInput=changed)
    found = glue.get_partition(**partitioned, PartitionValues=values)["Partition"]
    assert (found["Values"], found["Parameters"], found["TableName"]) == (values, {"rows": "1"}, "partitioned")
    assert len(glue.batch_get_partition(**partitioned, PartitionsToGet=[{"Values": values}])["Partitions"]) == 1
    glue.delete_partition(**partitioned, PartitionValues=values)
    with pytest.raises(ClientError) as error:
        glue.get_partition(**partitioned, PartitionValues=values)
    assert code_of(error) == "EntityNotFoundException"
    with pytest.raises(ClientError) as error:
        glue.create_partition(**partitioned, PartitionInput={"Values": ["only one"]})
    assert code_of(error) == "InvalidInputException"
