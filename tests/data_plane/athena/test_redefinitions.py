"""Who may alter a table and read a part of it does not read the rest by saying otherwise what it is."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from .lake import Lake, Person, table

CSV = {
    "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
        "Parameters": {"field.delim": ","},
    },
}  # fmt: skip
COLUMNS = [{"Name": name, "Type": "string"} for name in ("id", "region", "card")]
ALLOWED = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"glue:*","Resource":"*"}]}'


def input_of(columns: list[dict[str, str]], **members: Any) -> dict[str, Any]:
    storage = {"Columns": columns, "Location": "s3://data/sales/paid/", **CSV}
    keys = [{"Name": "day", "Type": "string"}]
    return {
        "Name": "paid",
        "StorageDescriptor": storage,
        "PartitionKeys": keys,
        "TableType": "EXTERNAL_TABLE",
    } | members


def partition(day: str, folder: str) -> dict[str, Any]:
    storage = {"Columns": COLUMNS, "Location": f"s3://data/sales/paid/{folder}", **CSV}
    return {"Values": [day], "StorageDescriptor": storage}


@pytest.fixture(scope="module")
def paid(lake: Lake) -> Lake:
    for day in ("1", "2"):
        lake.s3.put_object(
            Bucket="data", Key=f"sales/paid/day={day}/a.csv", Body=f"1,EU,card-{day}\n2,US,card-{day}\n".encode()
        )
    lake.glue.create_table(DatabaseName="sales", TableInput=input_of(COLUMNS))
    for day in ("1", "2"):
        lake.glue.create_partition(
            DatabaseName="sales", TableName="paid", PartitionInput=partition(day, f"day={day}")
        )  # fmt: skip
    lake.plane.client("iam").put_role_policy(RoleName="TwinplanePerson", PolicyName="glue", PolicyDocument=ALLOWED)
    return lake


def someone(paid: Lake, name: str, resource: dict[str, Any]) -> Person:
    person = paid.person(name)
    paid.grant(person.principal, resource, "SELECT")
    paid.grant(person.principal, table("paid"), "ALTER", "INSERT", "DELETE")
    return person


def refused(call: Any, **request: Any) -> None:
    with pytest.raises(ClientError) as error:
        call(**request)
    assert error.value.response["Error"]["Code"] == "AccessDeniedException"


def test_a_hidden_column_is_not_given_another_name(paid: Lake) -> None:
    some = {
        "TableWithColumns": {
            "DatabaseName": "sales",
            "Name": "paid",
            "ColumnWildcard": {"ExcludedColumnNames": ["card"]},
        }
    }
    ann = someone(paid, "ann", some)
    assert ann.rows("SELECT * FROM paid WHERE id = '1' AND day = '1'") == [["1", "EU", "1"]]
    update = ann.client("glue").update_table
    renamed = [*COLUMNS[:2], {"Name": "mine", "Type": "string"}]
    refused(update, DatabaseName="sales", TableInput=input_of(renamed))
    refused(update, DatabaseName="sales", TableInput=input_of(COLUMNS, Parameters={"skip.header.line.count": "1"}))
    update(DatabaseName="sales", TableInput=input_of(COLUMNS, Description="as it was"))
    execution = ann.finished(ann.start("ALTER TABLE paid REPLACE COLUMNS (id string, region string, mine string)"))
    assert execution["Status"]["State"] == "FAILED"
    assert ann.rows("SELECT * FROM paid WHERE id = '1' AND day = '1'") == [["1", "EU", "1"]]


def test_rows_that_a_filter_hides_are_not_said_to_be_others(paid: Lake) -> None:
    ben = someone(paid, "ben", paid.filter("day_1", "day = '1'", {"ColumnWildcard": {}}, "paid"))
    text = "SELECT id, card FROM paid ORDER BY id"
    mine = [["1", "card-1"], ["2", "card-1"]]
    assert ben.rows(text) == mine
    glue = ben.client("glue")
    swapped = [COLUMNS[1], COLUMNS[0], COLUMNS[2]]
    refused(glue.update_table, DatabaseName="sales", TableInput=input_of(swapped))
    place = {"DatabaseName": "sales", "TableName": "paid"}
    refused(glue.update_partition, **place, PartitionValueList=["1"], PartitionInput=partition("1", "day=2"))
    refused(glue.update_partition, **place, PartitionValueList=["2"], PartitionInput=partition("3", "day=2"))
    refused(glue.create_partition, **place, PartitionInput=partition("3", "day=2"))
    refused(glue.create_partition, **place, PartitionInput=partition("3", ""))
    failures = glue.batch_create_partition(**place, PartitionInputList=[partition("3", "day=2")])["Errors"]
    assert [f["ErrorDetail"]["ErrorCode"] for f in failures] == ["AccessDeniedException"]
    for statement in (
        "ALTER TABLE paid PARTITION (day='1') SET LOCATION 's3://data/sales/paid/day=2/'",
        "ALTER TABLE paid ADD PARTITION (day='3') LOCATION 's3://data/sales/paid/day=2/'",
        "ALTER TABLE paid PARTITION (day='2') RENAME TO PARTITION (day='3')",
    ):
        assert ben.finished(ben.start(statement))["Status"]["State"] == "FAILED"
    assert ben.rows(text) == mine
    glue.create_partition(**place, PartitionInput=partition("4", "day=4"))  # where its values say
    assert ben.rows(text) == mine


def test_a_hidden_column_of_an_iceberg_table_is_not_given_another_name(paid: Lake) -> None:
    owner = paid.person("owner")
    paid.grant(owner.principal, {"Database": {"Name": "sales"}}, "CREATE_TABLE", "DESCRIBE")
    location = {"DataLocation": {"ResourceArn": "arn:aws:s3:::data"}}
    paid.grant(owner.principal, location, "DATA_LOCATION_ACCESS")
    iceberg = "LOCATION 's3://data/sales/frozen/' TBLPROPERTIES ('table_type'='ICEBERG')"
    for statement in (
        f"CREATE TABLE frozen (id bigint, card string) {iceberg}",
        "INSERT INTO frozen VALUES (1, 'card-1')",
    ):
        execution = owner.finished(owner.start(statement))
        assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
    dora = paid.person("dora")
    some = {"ColumnWildcard": {"ExcludedColumnNames": ["card"]}}
    paid.grant(dora.principal, {"TableWithColumns": {"DatabaseName": "sales", "Name": "frozen", **some}}, "SELECT")
    paid.grant(dora.principal, table("frozen"), "ALTER", "INSERT", "DELETE")
    assert dora.rows("SELECT * FROM frozen") == [["1"]]
    for statement in (
        "ALTER TABLE frozen CHANGE COLUMN card mine string",
        "ALTER TABLE frozen DROP COLUMN card",
        "ALTER TABLE frozen ADD COLUMNS (other string)",
    ):
        assert dora.finished(dora.start(statement))["Status"]["State"] == "FAILED"
    assert dora.rows("SELECT * FROM frozen") == [["1"]]
    changed = owner.finished(owner.start("ALTER TABLE frozen CHANGE COLUMN card number string"))
    assert changed["Status"]["State"] == "SUCCEEDED", changed["Status"]


def test_who_reads_all_of_it_redefines_it(paid: Lake) -> None:
    cleo = someone(paid, "cleo", table("paid"))
    glue, place = cleo.client("glue"), {"DatabaseName": "sales", "TableName": "paid"}
    glue.create_partition(**place, PartitionInput=partition("5", "day=2"))
    assert cleo.rows("SELECT card FROM paid WHERE day = '5' AND id = '1'") == [["card-2"]]
    glue.delete_partition(**place, PartitionValues=["5"])
    renamed = [*COLUMNS[:2], {"Name": "number", "Type": "string"}]
    glue.update_table(DatabaseName="sales", TableInput=input_of(renamed))
    assert cleo.rows("SELECT number FROM paid WHERE day = '2' AND id = '1'") == [["card-2"]]
    glue.update_table(DatabaseName="sales", TableInput=input_of(COLUMNS))
