"""What of the catalog exists for whom: IAM first, then Lake Formation."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from twinplane.data_plane.testing import RunningPlane

EVERYTHING = {"Action": ["glue:*"], "Resource": "*"}
COLUMNS = [{"Name": n, "Type": "string"} for n in ("id", "name", "phone")]


def table_input(name: str, location: str | None = None, **members: Any) -> dict[str, Any]:
    storage: dict[str, Any] = {"Columns": COLUMNS}
    if location:
        storage["Location"] = location
    return {"Name": name, "StorageDescriptor": storage, **members}


@pytest.fixture(scope="module")
def lake(plane: RunningPlane) -> Any:
    glue = plane.client("glue")
    glue.create_database(DatabaseInput={"Name": "crm", "LocationUri": "s3://crm-lake/crm"})
    glue.create_database(DatabaseInput={"Name": "hidden"})
    days = [{"Name": "day", "Type": "string"}]
    glue.create_table(
        DatabaseName="crm", TableInput=table_input("people", "s3://crm-lake/crm/people", PartitionKeys=days)
    )
    glue.create_table(DatabaseName="crm", TableInput=table_input("salaries"))
    glue.create_partition(DatabaseName="crm", TableName="people", PartitionInput={"Values": ["2026-01-01"]})
    client = plane.client("lakeformation")
    administrator = plane.client("sts").get_caller_identity()["Arn"]
    client.put_data_lake_settings(DataLakeSettings={"DataLakeAdmins": [{"DataLakePrincipalIdentifier": administrator}]})
    return client


class Caller:
    """A new IAM user, and its clients."""

    def __init__(self, plane: RunningPlane, lake: Any, name: str, statements: list[dict[str, Any]]) -> None:
        iam = plane.client("iam")
        self.arn = iam.create_user(UserName=name)["User"]["Arn"]
        allowed = [{"Effect": "Allow", **statement} for statement in statements]
        policy = json.dumps({"Version": "2012-10-17", "Statement": allowed})
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy)
        self.glue = plane.client("glue", iam.create_access_key(UserName=name)["AccessKey"])
        self._lake = lake

    def granted(self, permissions: list[str], **resource: Any) -> "Caller":
        principal = {"DataLakePrincipalIdentifier": self.arn}
        self._lake.grant_permissions(Principal=principal, Resource=resource, Permissions=permissions)
        return self


@pytest.fixture(scope="module")
def caller(plane: RunningPlane, lake: Any) -> Callable[..., Caller]:
    count = iter(range(100))
    return lambda *statements: Caller(plane, lake, f"caller{next(count)}", list(statements or [EVERYTHING]))


def refused(call: Callable[..., Any], **arguments: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**arguments)
    assert error.value.response["Error"]["Code"] == "AccessDeniedException"
    return str(error.value.response["Error"]["Message"])


PEOPLE = {"Table": {"DatabaseName": "crm", "Name": "people"}}


def test_iam_comes_first(caller: Any) -> None:
    reads_only_people = {"Action": "glue:GetTable", "Resource": [
        "arn:aws:glue:*:*:catalog", "arn:aws:glue:*:*:database/crm", "arn:aws:glue:*:*:table/crm/people",
    ]}  # fmt: skip
    glue = caller(reads_only_people).granted(["SELECT", "DESCRIBE"], **PEOPLE).glue
    assert glue.get_table(DatabaseName="crm", Name="people")["Table"]["Name"] == "people"
    assert "is not authorized to perform: glue:GetTable" in refused(glue.get_table, DatabaseName="crm", Name="salaries")
    assert "glue:GetTables" in refused(glue.get_tables, DatabaseName="crm")


def test_without_a_grant_nothing_exists(caller: Any) -> None:
    glue = caller().glue
    assert glue.get_databases()["DatabaseList"] == []
    assert glue.search_tables(SearchText="people")["TableList"] == []
    assert refused(glue.get_database, Name="crm").replace("crm", "?") == (
        refused(glue.get_database, Name="never").replace("never", "?")
    )
    refused(glue.get_tables, DatabaseName="crm")


def test_a_table_that_is_hidden_and_one_that_is_not_there_get_the_same_answer(caller: Any) -> None:
    glue = caller().granted(["SELECT"], **PEOPLE).glue
    named = [t["Name"] for t in glue.get_tables(DatabaseName="crm")["TableList"]]
    assert named == ["people"]
    hidden = refused(glue.get_table, DatabaseName="crm", Name="salaries")
    missing = refused(glue.get_table, DatabaseName="crm", Name="nothing")
    assert hidden == "Insufficient Lake Formation permission(s): Required Describe on salaries"
    assert missing == hidden.replace("salaries", "nothing")
    for call in (glue.delete_table, glue.get_table):
        assert refused(call, DatabaseName="hidden", Name="t") == refused(call, DatabaseName="never", Name="t")
    answer = glue.batch_delete_table(DatabaseName="crm", TablesToDelete=["salaries", "nothing"])
    assert [e["ErrorDetail"]["ErrorCode"] for e in answer["Errors"]] == ["AccessDeniedException"] * 2


def test_columns_that_were_not_granted_are_not_shown_nor_found(caller: Any) -> None:
    some = {"DatabaseName": "crm", "Name": "people", "ColumnNames": ["id", "name"]}
    glue = caller().granted(["SELECT"], TableWithColumns=some).glue
    for table in (
        glue.get_table(DatabaseName="crm", Name="people")["Table"],
        glue.get_tables(DatabaseName="crm")["TableList"][0],
        glue.get_table_versions(DatabaseName="crm", TableName="people")["TableVersions"][0]["Table"],
        glue.search_tables(SearchText="name")["TableList"][0],
    ):
        assert [c["Name"] for c in table["StorageDescriptor"]["Columns"]] == ["id", "name"]
        assert table["PartitionKeys"] == []
    assert glue.search_tables(SearchText="phone")["TableList"] == []
    refused(glue.get_partitions, DatabaseName="crm", TableName="people")


def test_partitions_are_closed_to_whoever_sees_only_some_rows(plane: RunningPlane, lake: Any, caller: Any) -> None:
    lake.create_data_cells_filter(TableData={
        "TableCatalogId": plane.account_id, "DatabaseName": "crm", "TableName": "people", "Name": "recent",
        "RowFilter": {"FilterExpression": "day > '2026-06-01'"}, "ColumnWildcard": {},
    })  # fmt: skip
    rows = {"TableCatalogId": plane.account_id, "DatabaseName": "crm", "TableName": "people", "Name": "recent"}
    some_rows = caller().granted(["SELECT"], DataCellsFilter=rows).granted(["DESCRIBE"], **PEOPLE).glue
    refused(some_rows.get_partitions, DatabaseName="crm", TableName="people")
    all_rows = caller().granted(["SELECT"], **PEOPLE).glue
    assert len(all_rows.get_partitions(DatabaseName="crm", TableName="people")["Partitions"]) == 1


def test_changing_needs_the_permission_to(caller: Any) -> None:
    reader = caller().granted(["SELECT", "DESCRIBE"], **PEOPLE).glue
    people = table_input("people")
    assert refused(reader.update_table, DatabaseName="crm", TableInput=people).endswith("Required Alter on people")
    assert refused(reader.delete_table, DatabaseName="crm", Name="people").endswith("Required Drop on people")
    refused(reader.create_table, DatabaseName="crm", TableInput=table_input("new"))
    refused(reader.create_database, DatabaseInput={"Name": "new"})
    refused(reader.update_database, Name="crm", DatabaseInput={"Name": "crm"})
    refused(reader.delete_database, Name="crm")
    partition = {"DatabaseName": "crm", "TableName": "people", "PartitionInput": {"Values": ["2026-01-02"]}}
    refused(reader.create_partition, **partition)
    writer = caller().granted(["INSERT", "DESCRIBE"], **PEOPLE).glue
    writer.create_partition(**partition)


def test_who_creates_a_table_has_all_permissions_on_it_and_dropping_it_ends_them(lake: Any, caller: Any) -> None:
    made = caller().granted(["CREATE_TABLE", "DESCRIBE"], Database={"Name": "crm"})
    named = {"DatabaseName": "crm", "Name": "made"}
    assert made.glue.get_databases()["DatabaseList"][0]["Name"] == "crm"
    with pytest.raises(made.glue.exceptions.EntityNotFoundException):  # who may create may know
        made.glue.get_table(**named)
    made.glue.create_table(DatabaseName="crm", TableInput=table_input("made", "s3://crm-lake/crm/made"))
    assert made.glue.get_table(**named)["Table"]["CreatedBy"] == made.arn
    changed = table_input("made", "s3://crm-lake/crm/made", Description="changed")
    made.glue.update_table(DatabaseName="crm", TableInput=changed)
    other = caller().granted(["SELECT"], Table={"DatabaseName": "crm", "Name": "made"})
    made.glue.delete_table(**named)
    made.glue.create_table(DatabaseName="crm", TableInput=table_input("made"))
    refused(other.glue.get_table, **named)


def test_a_table_may_not_point_at_data_its_creator_may_not_read(plane: RunningPlane, lake: Any, caller: Any) -> None:
    elsewhere = "s3://payroll-lake/salaries"
    made = caller().granted(["CREATE_TABLE"], Database={"Name": "crm"})
    iceberg = {"table_type": "ICEBERG", "metadata_location": f"{elsewhere}/metadata/1.json"}
    for given in (
        table_input("thief", elsewhere),
        table_input("thief", "s3://crm-lake/crm/ok", Parameters=iceberg),
        table_input("thief", "s3://crm-lake/crmother"),
        table_input("thief", "s3a://payroll-lake"),
    ):
        assert "Data Location Access" in refused(made.glue.create_table, DatabaseName="crm", TableInput=given)
    days = [{"Name": "day", "Type": "string"}]
    ok = table_input("honest", "s3://crm-lake/crm/honest", PartitionKeys=days)
    made.glue.create_table(DatabaseName="crm", TableInput=ok)
    refused(made.glue.update_table, DatabaseName="crm", TableInput=table_input("honest", elsewhere))
    away = {"Values": ["1"], "StorageDescriptor": {"Location": f"{elsewhere}/day=1"}}
    refused(made.glue.create_partition, DatabaseName="crm", TableName="honest", PartitionInput=away)
    lake.register_resource(ResourceArn="arn:aws:s3:::payroll-lake/salaries", UseServiceLinkedRole=True)
    made.granted(["DATA_LOCATION_ACCESS"], DataLocation={"ResourceArn": "arn:aws:s3:::payroll-lake/salaries"})
    made.glue.create_table(DatabaseName="crm", TableInput=table_input("granted", f"{elsewhere}/2026"))
    assert made.glue.get_table(DatabaseName="crm", Name="granted")["Table"]["IsRegisteredWithLakeFormation"]
    by_iam = {"Action": "s3:GetObject", "Resource": "arn:aws:s3:::payroll-lake/*"}
    reader = caller(EVERYTHING, by_iam).granted(["CREATE_TABLE"], Database={"Name": "crm"})
    reader.glue.create_table(DatabaseName="crm", TableInput=table_input("by-iam", elsewhere))


def test_a_link_to_a_hidden_table_shows_nothing_of_it(plane: RunningPlane, caller: Any) -> None:
    made = caller().granted(["CREATE_TABLE"], Database={"Name": "crm"})
    link = {"Name": "peep", "TargetTable": {"DatabaseName": "crm", "Name": "salaries"}}
    made.glue.create_table(DatabaseName="crm", TableInput=link)
    found = made.glue.get_table(DatabaseName="crm", Name="peep")["Table"]
    assert (found["StorageDescriptor"], found["PartitionKeys"]) == ({"Columns": []}, [])
    refused(made.glue.get_partitions, DatabaseName="crm", TableName="peep")


def test_where_iam_decides_by_default_lake_formation_hides_nothing(plane: RunningPlane, caller: Any) -> None:
    everyone = [{"Principal": {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}, "Permissions": ["ALL"]}]
    administrator = plane.client("glue")
    administrator.create_database(DatabaseInput={"Name": "open", "CreateTableDefaultPermissions": everyone})
    administrator.create_table(DatabaseName="open", TableInput=table_input("t"))
    assert caller().glue.get_table(DatabaseName="open", Name="t")["Table"]["Name"] == "t"


def test_a_data_lake_administrator_sees_all(plane: RunningPlane, lake: Any, caller: Any) -> None:
    chief = caller()
    known = lake.get_data_lake_settings()["DataLakeSettings"]
    lake.put_data_lake_settings(
        DataLakeSettings=known
        | {"DataLakeAdmins": [*known["DataLakeAdmins"], {"DataLakePrincipalIdentifier": chief.arn}]}
    )
    named = {d["Name"] for d in chief.glue.get_databases()["DatabaseList"]}
    assert {"crm", "hidden"} <= named
    with pytest.raises(chief.glue.exceptions.EntityNotFoundException):
        chief.glue.get_table(DatabaseName="crm", Name="nothing")
    lake.put_data_lake_settings(DataLakeSettings=known)
    assert "crm" not in {d["Name"] for d in chief.glue.get_databases()["DatabaseList"]}


def test_who_sees_a_part_of_a_table_learns_of_no_more_by_what_writers_left_beside_the_columns(
    plane: RunningPlane, lake: Any, caller: Callable[..., Caller]
) -> None:
    storage = {
        "Columns": COLUMNS, "BucketColumns": ["phone", "id"], "SortColumns": [{"Column": "phone", "SortOrder": 1}],
        "SkewedInfo": {"SkewedColumnNames": ["phone"], "SkewedColumnValues": ["+49 30 1"]},
        "SerdeInfo": {"Parameters": {"paths": "id,name,phone", "field.delim": "|"}},
    }  # fmt: skip
    parameters = {
        "classification": "parquet", "spark.sql.sources.schema.part.0": '{"fields":[{"name":"phone"}]}',
        "current-schema": "phone", "recordCount": "77", "projection.phone.type": "enum", "numRows": "77",
    }  # fmt: skip
    plane.client("glue").create_table(
        DatabaseName="crm",
        TableInput={"Name": "telling", "StorageDescriptor": storage, "Parameters": parameters},
    )
    columns = caller().granted(
        ["SELECT"], TableWithColumns={"DatabaseName": "crm", "Name": "telling", "ColumnNames": ["id", "name"]}
    )
    key = {"TableCatalogId": plane.account_id, "DatabaseName": "crm", "TableName": "telling", "Name": "one"}
    lake.create_data_cells_filter(
        TableData={**key, "RowFilter": {"FilterExpression": "id = '1'"}, "ColumnWildcard": {}}
    )
    rows = caller().granted(["SELECT"], DataCellsFilter=key)
    for who in (columns, rows):
        shown = who.glue.get_table(DatabaseName="crm", Name="telling")["Table"]
        assert "77" not in json.dumps(shown, default=str)
        assert "+49" not in json.dumps(shown, default=str)
        assert shown["Parameters"]["classification"] == "parquet"
        assert shown["StorageDescriptor"]["SerdeInfo"]["Parameters"] == {"field.delim": "|"}
    assert "phone" not in json.dumps(columns.glue.get_table(DatabaseName="crm", Name="telling"), default=str)
    found = columns.glue.search_tables(SearchText="phone")["TableList"]
    assert "telling" not in [table["Name"] for table in found]
    whole = caller().granted(["SELECT"], Table={"DatabaseName": "crm", "Name": "telling"})
    assert whole.glue.get_table(DatabaseName="crm", Name="telling")["Table"]["Parameters"] == parameters
