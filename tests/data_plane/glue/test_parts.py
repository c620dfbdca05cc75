"""What the catalog keeps beside tables and partitions: versions, indexes, statistics, functions, connections."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from twinplane.data_plane.testing import RunningPlane

COLUMNS = [{"Name": "id", "Type": "bigint"}, {"Name": "name", "Type": "string"}]
KEYS = [{"Name": "year", "Type": "int"}, {"Name": "day", "Type": "string"}]


@pytest.fixture(scope="module")
def glue(plane: RunningPlane) -> Any:
    client = plane.client("glue")
    client.create_database(DatabaseInput={"Name": "parts"})
    client.create_table(
        DatabaseName="parts",
        TableInput={"Name": "t", "StorageDescriptor": {"Columns": COLUMNS}, "PartitionKeys": KEYS},
        PartitionIndexes=[{"Keys": ["year"], "IndexName": "by_year"}],
    )
    for year, day in ((2024, "01"), (2025, "02"), (2025, "__HIVE_DEFAULT_PARTITION__")):
        client.create_partition(
            DatabaseName="parts", TableName="t", PartitionInput={"Values": [str(year), day], "Parameters": {"n": "1"}}
        )
    return client


def code(refused: Any) -> str:
    return str(refused.value.response["Error"]["Code"])


def user(plane: RunningPlane, name: str, *statements: dict[str, Any]) -> tuple[str, Any]:
    """A new IAM user with these permissions, and its Glue client."""
    iam = plane.client("iam")
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    if statements:
        allowed = [{"Effect": "Allow", **statement} for statement in statements]
        document = json.dumps({"Version": "2012-10-17", "Statement": allowed})
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    return arn, plane.client("glue", iam.create_access_key(UserName=name)["AccessKey"])


def grant(plane: RunningPlane, principal: str, resource: dict[str, Any], *permissions: str) -> None:
    plane.client("lakeformation").grant_permissions(
        Principal={"DataLakePrincipalIdentifier": principal}, Resource=resource, Permissions=list(permissions)
    )


@pytest.fixture(scope="module", autouse=True)
def lake(plane: RunningPlane) -> Any:
    client = plane.client("lakeformation")
    me = plane.client("sts").get_caller_identity()["Arn"]
    client.put_data_lake_settings(DataLakeSettings={"DataLakeAdmins": [{"DataLakePrincipalIdentifier": me}]})
    return client


EVERYTHING = {"Action": ["glue:*"], "Resource": "*"}


def test_earlier_versions_of_a_table_are_deleted_and_the_present_one_is_not(glue: Any) -> None:
    glue.create_table(DatabaseName="parts", TableInput={"Name": "versions"})
    for number in range(4):
        glue.update_table(DatabaseName="parts", TableInput={"Name": "versions", "Description": str(number)})
    glue.delete_table_version(DatabaseName="parts", TableName="versions", VersionId="1")
    errors = glue.batch_delete_table_version(DatabaseName="parts", TableName="versions", VersionIds=["0", "1", "4"])
    assert [(e["VersionId"], e["ErrorDetail"]["ErrorCode"]) for e in errors["Errors"]] == [
        ("1", "EntityNotFoundException"), ("4", "InvalidInputException"),
    ]  # fmt: skip
    left = glue.get_table_versions(DatabaseName="parts", TableName="versions")["TableVersions"]
    assert [v["VersionId"] for v in left] == ["4", "3", "2"]
    glue.update_table(DatabaseName="parts", TableInput={"Name": "versions"}, SkipArchive=True)
    left = glue.get_table_versions(DatabaseName="parts", TableName="versions")["TableVersions"]
    assert [v["VersionId"] for v in left] == ["5", "3", "2"]
    with pytest.raises(glue.exceptions.ConcurrentModificationException):
        glue.update_table(DatabaseName="parts", TableInput={"Name": "versions"}, VersionId="4")


def test_partitions_are_updated_many_at_once(glue: Any) -> None:
    def entry(*values: str) -> dict[str, Any]:
        return {"PartitionValueList": list(values), "PartitionInput": {"Parameters": {"n": "2"}}}

    answer = glue.batch_update_partition(
        DatabaseName="parts", TableName="t", Entries=[entry("2024", "01"), entry("2024", "09"), entry("1")]
    )
    assert [(e["PartitionValueList"], e["ErrorDetail"]["ErrorCode"]) for e in answer["Errors"]] == [
        (["2024", "09"], "EntityNotFoundException"), (["1"], "InvalidInputException"),
    ]  # fmt: skip
    found = glue.get_partition(DatabaseName="parts", TableName="t", PartitionValues=["2024", "01"])["Partition"]
    assert (found["Values"], found["Parameters"]) == (["2024", "01"], {"n": "2"})


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        ("day IS NULL", ["__HIVE_DEFAULT_PARTITION__"]), ("day IS NOT NULL AND year >= 2024", ["01", "02"]),
        ("year <> 2024 AND NOT (day = '02')", ["__HIVE_DEFAULT_PARTITION__"]),
        ("year BETWEEN 2023 AND 2024 OR day IN ('02', '03')", ["01", "02"]),
        ("day NOT IN ('01') AND day LIKE '0%'", ["02"]),
    ],
)  # fmt: skip
def test_partitions_are_found_by_expressions(glue: Any, expression: str, days: list[str]) -> None:
    found = glue.get_partitions(DatabaseName="parts", TableName="t", Expression=expression)["Partitions"]
    assert [p["Values"][1] for p in found] == days


def test_partition_indexes_are_made_with_and_after_the_table(glue: Any) -> None:
    def names() -> list[tuple[str, list[str], str]]:
        found = glue.get_partition_indexes(DatabaseName="parts", TableName="t")["PartitionIndexDescriptorList"]
        return [(i["IndexName"], [k["Name"] for k in i["Keys"]], i["IndexStatus"]) for i in found]

    assert names() == [("by_year", ["year"], "ACTIVE")]
    index = {"DatabaseName": "parts", "TableName": "t"}
    glue.create_partition_index(**index, PartitionIndex={"Keys": ["day", "year"], "IndexName": "both"})
    assert names() == [("both", ["day", "year"], "ACTIVE"), ("by_year", ["year"], "ACTIVE")]
    with pytest.raises(glue.exceptions.AlreadyExistsException):
        glue.create_partition_index(**index, PartitionIndex={"Keys": ["year"], "IndexName": "again"})
    with pytest.raises(glue.exceptions.InvalidInputException):
        glue.create_partition_index(**index, PartitionIndex={"Keys": ["id"], "IndexName": "no_key"})
    glue.delete_partition_index(**index, IndexName="both")
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.delete_partition_index(**index, IndexName="both")
    assert [name for name, _, _ in names()] == ["by_year"]


def statistics(column: str, most: int = 9) -> dict[str, Any]:
    return {
        "ColumnName": column, "ColumnType": "bigint", "AnalyzedTime": datetime(2026, 1, 1, tzinfo=UTC),
        "StatisticsData": {"Type": "LONG", "LongColumnStatisticsData": {
            "MinimumValue": 1, "MaximumValue": most, "NumberOfNulls": 0, "NumberOfDistinctValues": 9}},
    }  # fmt: skip


def test_statistics_of_columns_are_of_the_table_or_of_a_partition(glue: Any) -> None:
    at = {"DatabaseName": "parts", "TableName": "t"}
    answer = glue.update_column_statistics_for_table(
        **at, ColumnStatisticsList=[statistics("id"), statistics("missing")]
    )
    assert [e["Error"]["ErrorCode"] for e in answer["Errors"]] == ["EntityNotFoundException"]
    glue.update_column_statistics_for_partition(
        **at, PartitionValues=["2024", "01"], ColumnStatisticsList=[statistics("id", 4)]
    )
    found = glue.get_column_statistics_for_table(**at, ColumnNames=["id", "name"])
    assert [s["StatisticsData"]["LongColumnStatisticsData"]["MaximumValue"] for s in found["ColumnStatisticsList"]] == [
        9
    ]
    assert [(e["ColumnName"], e["Error"]["ErrorCode"]) for e in found["Errors"]] == [
        ("name", "EntityNotFoundException")
    ]
    found = glue.get_column_statistics_for_partition(**at, PartitionValues=["2024", "01"], ColumnNames=["id"])
    assert found["ColumnStatisticsList"][0]["StatisticsData"]["LongColumnStatisticsData"]["MaximumValue"] == 4
    glue.delete_column_statistics_for_table(**at, ColumnName="id")
    assert glue.get_column_statistics_for_table(**at, ColumnNames=["id"])["ColumnStatisticsList"] == []
    found = glue.get_column_statistics_for_partition(**at, PartitionValues=["2024", "01"], ColumnNames=["id"])
    assert len(found["ColumnStatisticsList"]) == 1


def test_statistics_are_told_only_to_who_may_read_the_whole_column(plane: RunningPlane, glue: Any, lake: Any) -> None:
    at = {"DatabaseName": "parts", "TableName": "measured"}
    glue.create_table(DatabaseName="parts", TableInput={"Name": "measured", "StorageDescriptor": {"Columns": COLUMNS}})
    glue.update_column_statistics_for_table(**at, ColumnStatisticsList=[statistics("id"), statistics("name")])
    _, client = user(plane, "stat-nobody", EVERYTHING)
    with pytest.raises(ClientError) as refused:
        client.get_column_statistics_for_table(**at, ColumnNames=["id"])
    assert code(refused) == "AccessDeniedException"
    some, client = user(plane, "stat-some", EVERYTHING)
    grant(plane, some, {"TableWithColumns": {"DatabaseName": "parts", "Name": "measured", "ColumnNames": ["id"]}},
          "SELECT")  # fmt: skip
    found = client.get_column_statistics_for_table(**at, ColumnNames=["id", "name", "missing"])
    assert [s["ColumnName"] for s in found["ColumnStatisticsList"]] == ["id"]
    hidden, missing = (e["Error"]["ErrorMessage"] for e in found["Errors"])
    assert hidden.replace("name", "missing") == missing
    rows, client = user(plane, "stat-rows", EVERYTHING)
    key = {"TableCatalogId": plane.account_id, "DatabaseName": "parts", "TableName": "measured", "Name": "few"}
    lake.create_data_cells_filter(TableData={**key, "RowFilter": {"FilterExpression": "id = 1"}, "ColumnWildcard": {}})
    grant(plane, rows, {"DataCellsFilter": key}, "SELECT")
    with pytest.raises(ClientError) as refused:
        client.get_column_statistics_for_table(**at, ColumnNames=["id"])
    assert code(refused) == "AccessDeniedException"
    with pytest.raises(ClientError) as refused:
        client.update_column_statistics_for_table(**at, ColumnStatisticsList=[statistics("id")])
    assert code(refused) == "AccessDeniedException"


def test_what_belongs_to_a_table_goes_with_it(glue: Any) -> None:
    def made() -> None:
        glue.create_table(
            DatabaseName="parts",
            TableInput={"Name": "gone", "StorageDescriptor": {"Columns": COLUMNS}, "PartitionKeys": KEYS},
        )

    made()
    at = {"DatabaseName": "parts", "TableName": "gone"}
    glue.create_partition_index(**at, PartitionIndex={"Keys": ["year"], "IndexName": "i"})
    glue.create_partition(**at, PartitionInput={"Values": ["1", "2"]})
    glue.update_column_statistics_for_table(**at, ColumnStatisticsList=[statistics("id")])
    glue.update_column_statistics_for_partition(
        **at, PartitionValues=["1", "2"], ColumnStatisticsList=[statistics("id")]
    )
    glue.delete_table(DatabaseName="parts", Name="gone")
    made()
    glue.create_partition(**at, PartitionInput={"Values": ["1", "2"]})
    assert glue.get_partition_indexes(**at)["PartitionIndexDescriptorList"] == []
    assert glue.get_column_statistics_for_table(**at, ColumnNames=["id"])["ColumnStatisticsList"] == []
    found = glue.get_column_statistics_for_partition(**at, PartitionValues=["1", "2"], ColumnNames=["id"])
    assert found["ColumnStatisticsList"] == []


def test_functions_are_kept_by_database_and_found_by_pattern(plane: RunningPlane, glue: Any) -> None:
    def given(name: str, **more: str) -> dict[str, Any]:
        return {"FunctionName": name, "ClassName": "org.example.F", "OwnerName": "o", "OwnerType": "USER", **more}

    glue.create_database(DatabaseInput={"Name": "functions"})
    for name in ("Mask", "mask_all", "hash"):
        glue.create_user_defined_function(DatabaseName="functions", FunctionInput=given(name))
    with pytest.raises(glue.exceptions.AlreadyExistsException):
        glue.create_user_defined_function(DatabaseName="functions", FunctionInput=given("mask"))
    found = glue.get_user_defined_functions(DatabaseName="functions", Pattern="mask*")["UserDefinedFunctions"]
    assert [(f["FunctionName"], f["ClassName"]) for f in found] == [
        ("mask", "org.example.F"),
        ("mask_all", "org.example.F"),
    ]
    first = glue.get_user_defined_functions(DatabaseName="functions", Pattern="*", MaxResults=2)
    rest = glue.get_user_defined_functions(DatabaseName="functions", Pattern="*", NextToken=first["NextToken"])
    names = [f["FunctionName"] for page in (first, rest) for f in page["UserDefinedFunctions"]]
    assert names == ["hash", "mask", "mask_all"]
    glue.update_user_defined_function(
        DatabaseName="functions", FunctionName="MASK", FunctionInput=given("mask") | {"ClassName": "org.example.G"}
    )
    one = glue.get_user_defined_function(DatabaseName="functions", FunctionName="mask")["UserDefinedFunction"]
    assert one["ClassName"] == "org.example.G"
    _, client = user(plane, "function-nobody", EVERYTHING)
    assert client.get_user_defined_functions(Pattern="*")["UserDefinedFunctions"] == []
    for refused_call in (
        lambda: client.get_user_defined_function(DatabaseName="functions", FunctionName="mask"),
        lambda: client.delete_user_defined_function(DatabaseName="functions", FunctionName="mask"),
    ):
        with pytest.raises(ClientError) as refused:
            refused_call()
        assert code(refused) == "AccessDeniedException"
    glue.delete_user_defined_function(DatabaseName="functions", FunctionName="hash")
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_user_defined_function(DatabaseName="functions", FunctionName="hash")
    glue.delete_database(Name="functions")
    assert glue.get_user_defined_functions(Pattern="mask*")["UserDefinedFunctions"] == []


SECRET = "Tr0ub4dor-and-3"


def connection(name: str, **more: Any) -> dict[str, Any]:
    return {
        "Name": name, "ConnectionType": "JDBC", "MatchCriteria": ["a"],
        "ConnectionProperties": {"JDBC_CONNECTION_URL": "jdbc:postgresql://h/db", "USERNAME": "u", "PASSWORD": SECRET},
        **more,
    }  # fmt: skip


def test_connections_are_kept_and_their_passwords_told_only_where_asked_for(plane: RunningPlane, glue: Any) -> None:
    glue.create_connection(ConnectionInput=connection("warehouse"), Tags={"team": "a"})
    with pytest.raises(glue.exceptions.AlreadyExistsException):
        glue.create_connection(ConnectionInput=connection("warehouse"))
    shown = glue.get_connection(Name="warehouse")["Connection"]
    assert shown["ConnectionProperties"]["PASSWORD"] == SECRET
    hidden = glue.get_connection(Name="warehouse", HidePassword=True)["Connection"]
    assert hidden["ConnectionProperties"] == {"JDBC_CONNECTION_URL": "jdbc:postgresql://h/db", "USERNAME": "u"}
    glue.create_connection(
        ConnectionInput=connection("other", ConnectionType="NETWORK", MatchCriteria=[], ConnectionProperties={})
    )
    listed = glue.get_connections(Filter={"ConnectionType": "JDBC", "MatchCriteria": ["a"]}, HidePassword=True)
    assert [(c["Name"], "PASSWORD" in c["ConnectionProperties"]) for c in listed["ConnectionList"]] == [
        ("warehouse", False)
    ]
    first = glue.get_connections(MaxResults=1)
    rest = glue.get_connections(NextToken=first["NextToken"])
    assert [c["Name"] for page in (first, rest) for c in page["ConnectionList"]] == ["other", "warehouse"]
    glue.update_connection(Name="warehouse", ConnectionInput=connection("warehouse", Description="new"))
    assert glue.get_connection(Name="warehouse")["Connection"]["Description"] == "new"
    arn = f"arn:aws:glue:{plane.region}:{plane.account_id}:connection/warehouse"
    assert glue.get_tags(ResourceArn=arn)["Tags"] == {"team": "a"}
    answer = glue.batch_delete_connection(ConnectionNameList=["other", "nothing"])
    assert (answer["Succeeded"], list(answer["Errors"])) == (["other"], ["nothing"])
    for file in plane.state.glob("plane.db*"):
        assert SECRET.encode() not in file.read_bytes()
    events = plane.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateConnection"}]
    )["Events"]
    assert events
    assert all(SECRET not in event["CloudTrailEvent"] for event in events)
    glue.delete_connection(ConnectionName="warehouse")
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_connection(Name="warehouse")


def test_who_may_use_some_connections_sees_no_others(plane: RunningPlane, glue: Any) -> None:
    for name in ("mine", "theirs"):
        glue.create_connection(ConnectionInput=connection(name))
    prefix = f"arn:aws:glue:{plane.region}:{plane.account_id}"
    _, client = user(
        plane, "connected",
        {"Action": ["glue:GetConnection", "glue:BatchDeleteConnection"],
         "Resource": [f"{prefix}:catalog", f"{prefix}:connection/mine"]},
    )  # fmt: skip
    assert client.get_connection(Name="mine")["Connection"]["Name"] == "mine"
    for refused_call in (
        lambda: client.get_connection(Name="theirs"),
        lambda: client.get_connections(),
        lambda: client.batch_delete_connection(ConnectionNameList=["mine", "theirs"]),
    ):
        with pytest.raises(ClientError) as refused:
            refused_call()
        assert code(refused) == "AccessDeniedException"
    assert len(glue.get_connections()["ConnectionList"]) == 2


def test_the_catalogs_policy_lets_in_and_keeps_out(plane: RunningPlane, glue: Any) -> None:
    prefix = f"arn:aws:glue:{plane.region}:{plane.account_id}"
    arn, client = user(plane, "by-policy")
    with pytest.raises(ClientError) as refused:
        client.get_database(Name="parts")
    assert code(refused) == "AccessDeniedException"

    def put(*statements: dict[str, Any], **more: str) -> str:
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        return str(glue.put_resource_policy(PolicyInJson=json.dumps(document), **more)["PolicyHash"])

    allow = {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "glue:GetDatabase", "Resource": f"{prefix}:*"}
    with pytest.raises(glue.exceptions.InvalidInputException):
        put(allow | {"Resource": "arn:aws:s3:::bucket"})
    with pytest.raises(glue.exceptions.ConditionCheckFailureException):
        put(allow, PolicyExistsCondition="MUST_EXIST")
    digest = put(allow)
    grant(plane, arn, {"Database": {"Name": "parts"}}, "DESCRIBE")
    assert client.get_database(Name="parts")["Database"]["Name"] == "parts"
    assert glue.get_resource_policy()["PolicyHash"] == digest
    assert len(glue.get_resource_policies()["GetResourcePoliciesResponseList"]) == 1
    deny = {"Effect": "Deny", "Principal": "*", "Action": "glue:*", "Resource": f"{prefix}:*"}
    with pytest.raises(glue.exceptions.ConditionCheckFailureException):
        put(deny, PolicyHashCondition="other")
    put(allow, deny)
    for who in (client, glue):
        with pytest.raises(ClientError) as refused:
            who.get_database(Name="parts")
        assert code(refused) == "AccessDeniedException"
    glue.delete_resource_policy()  # it does not lock out who may change it
    assert glue.get_database(Name="parts")
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_resource_policy()


def test_settings_say_what_is_so_and_refuse_what_is_not_served(glue: Any) -> None:
    assert glue.get_catalog_import_status()["ImportStatus"]["ImportCompleted"] is True
    found = glue.get_data_catalog_encryption_settings()["DataCatalogEncryptionSettings"]
    assert found["EncryptionAtRest"] == {"CatalogEncryptionMode": "DISABLED"}
    glue.put_data_catalog_encryption_settings(DataCatalogEncryptionSettings=found)
    with pytest.raises(ClientError) as refused:
        glue.put_data_catalog_encryption_settings(
            DataCatalogEncryptionSettings={"EncryptionAtRest": {"CatalogEncryptionMode": "SSE-KMS"}}
        )
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_only_a_trusted_engine_learns_of_filters(plane: RunningPlane, glue: Any, lake: Any) -> None:
    glue.create_table(DatabaseName="parts", TableInput={"Name": "cells", "StorageDescriptor": {"Columns": COLUMNS}})
    iam = plane.client("iam")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession"],
             "Principal": {"AWS": f"arn:aws:iam::{plane.account_id}:root"}}]}  # fmt: skip
    role = iam.create_role(RoleName="engine", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **EVERYTHING}]}
    iam.put_role_policy(RoleName="engine", PolicyName="p", PolicyDocument=json.dumps(allowed))
    key = {"TableCatalogId": plane.account_id, "DatabaseName": "parts", "TableName": "cells", "Name": "one"}
    lake.create_data_cells_filter(TableData={**key, "RowFilter": {"FilterExpression": "id = 1"}, "ColumnNames": ["id"]})
    grant(plane, role, {"DataCellsFilter": key}, "SELECT")

    def engine(*tags: dict[str, str]) -> Any:
        given = plane.client("sts").assume_role(RoleArn=role, RoleSessionName="engine", Tags=list(tags))["Credentials"]
        return plane.client("glue", given)

    asked = {
        "CatalogId": plane.account_id, "DatabaseName": "parts", "Name": "cells",
        "SupportedPermissionTypes": ["COLUMN_PERMISSION", "CELL_FILTER_PERMISSION"],
    }  # fmt: skip
    tag = {"Key": "LakeFormationAuthorizedCaller", "Value": "spark"}
    with pytest.raises(ClientError) as refused:
        engine(tag).get_unfiltered_table_metadata(**asked)
    assert code(refused) == "AccessDeniedException"
    known = lake.get_data_lake_settings()["DataLakeSettings"]
    lake.put_data_lake_settings(DataLakeSettings=known | {
        "AllowExternalDataFiltering": True, "AuthorizedSessionTagValueList": ["spark"],
        "ExternalDataFilteringAllowList": [{"DataLakePrincipalIdentifier": plane.account_id}],
    })  # fmt: skip
    found = engine(tag).get_unfiltered_table_metadata(**asked)
    assert (found["AuthorizedColumns"], found["RowFilter"], found["CellFilters"]) == (
        ["id"], "id = 1", [{"ColumnName": "id", "RowFilterExpression": "id = 1"}],
    )  # fmt: skip
    with pytest.raises(ClientError) as refused:
        engine().get_unfiltered_table_metadata(**asked)
    assert code(refused) == "AccessDeniedException"
    with pytest.raises(ClientError) as refused:
        engine(tag).get_unfiltered_table_metadata(**asked | {"SupportedPermissionTypes": ["COLUMN_PERMISSION"]})
    assert code(refused) == "PermissionTypeMismatchException"
    lake.put_data_lake_settings(DataLakeSettings=known)


def test_listings_answer_every_attribute_that_clients_ask_for(glue: Any) -> None:
    names = glue.get_tables(DatabaseName="parts", AttributesToGet=["NAME"])["TableList"]
    assert {"Name": "t"} in names
    whole = glue.get_tables(DatabaseName="parts", AttributesToGet=["NAME", "LATEST_ICEBERG_METADATA"])["TableList"]
    assert "StorageDescriptor" in next(t for t in whole if t["Name"] == "t")
