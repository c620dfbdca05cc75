"""Credentials for data: for whom, for which files, and for how long."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .catalog import Catalog, Someone, columns, refused, table, who

FILES = ("sales/orders/a", "sales/orders/day=1/b", "sales/orders/day=2/c", "sales/people/d", "sales/ordersx/e")


@pytest.fixture(scope="module")
def lake(catalog: Catalog) -> Catalog:
    """`s3://lake/sales` is registered with a role that may do everything; `orders` has partitions by day."""
    s3 = catalog.plane.client("s3")
    s3.create_bucket(Bucket="lake")
    for key in FILES:
        s3.put_object(Bucket="lake", Key=key, Body=b"x")
    role = catalog.engine("Reader").arn
    catalog.lake.register_resource(ResourceArn="arn:aws:s3:::lake/sales", RoleArn=role)
    given = {
        "Name": "orders", "PartitionKeys": [{"Name": "day", "Type": "string"}],
        "StorageDescriptor": {
            "Columns": [{"Name": c, "Type": "string"} for c in ("id", "card")], "Location": "s3://lake/sales/orders/",
        },
    }  # fmt: skip
    catalog.glue.update_table(DatabaseName="sales", TableInput=given)
    for day in ("1", "2"):
        partition = {"Values": [day], "StorageDescriptor": {"Location": f"s3://lake/sales/orders/day={day}"}}
        catalog.glue.create_partition(DatabaseName="sales", TableName="orders", PartitionInput=partition)
    return catalog


@pytest.fixture
def open_lake(lake: Catalog) -> Iterator[Catalog]:
    """Engines may use the files of tables that their user reads in full."""
    lake.settings(AllowFullTableExternalDataAccess=True)
    yield lake
    lake.settings()


def arn(lake: Catalog, name: str = "orders") -> str:
    return f"arn:aws:glue:{lake.plane.region}:{lake.plane.account_id}:table/sales/{name}"


def readable(lake: Catalog, credentials: dict[str, Any]) -> set[str]:
    s3 = lake.plane.client("s3", credentials)
    found = set()
    for key in FILES:
        try:
            s3.get_object(Bucket="lake", Key=key)
        except ClientError:
            continue
        found.add(key)
    return found


def table_credentials(someone: Someone, lake: Catalog, **request: Any) -> dict[str, Any]:
    answer: dict[str, Any] = someone.lake.get_temporary_glue_table_credentials(TableArn=arn(lake), **request)
    return answer


def test_only_the_tables_own_files_are_read_and_for_a_while(open_lake: Catalog) -> None:
    ann = open_lake.someone("ann")
    open_lake.grant(ann, table("orders"), "SELECT")
    answer = table_credentials(ann, open_lake, DurationSeconds=900)
    assert readable(open_lake, answer) == {f for f in FILES if f.startswith("sales/orders/")}
    assert answer["VendedS3Path"] == ["s3://lake/sales/orders"]
    assert 800 < answer["Expiration"].timestamp() - time.time() <= 901
    one = table_credentials(ann, open_lake, S3Path="s3://lake/sales/orders/day=1")
    assert readable(open_lake, one) == {"sales/orders/day=1/b"}
    for elsewhere in ("s3://lake/sales", "s3://lake/sales/ordersx", "s3://lake/sales/orders/../people"):
        request = {"TableArn": arn(open_lake), "S3Path": elsewhere}
        try:
            got = ann.lake.get_temporary_glue_table_credentials(**request)
        except ClientError:
            continue
        assert readable(open_lake, got) == set()


def test_a_partitions_credentials_are_for_its_files(open_lake: Catalog) -> None:
    ben = open_lake.someone("ben")
    request = {"TableArn": arn(open_lake), "Partition": {"Values": ["2"]}}
    refused("AccessDeniedException", ben.lake.get_temporary_glue_partition_credentials, **request)
    open_lake.grant(ben, table("orders"), "SELECT")
    assert readable(open_lake, ben.lake.get_temporary_glue_partition_credentials(**request)) == {"sales/orders/day=2/c"}
    refused(
        "EntityNotFoundException", ben.lake.get_temporary_glue_partition_credentials,
        **(request | {"Partition": {"Values": ["3"]}}),
    )  # fmt: skip


def test_without_the_lakes_setting_nobody_gets_any(lake: Catalog) -> None:
    cleo = lake.someone("cleo")
    lake.grant(cleo, table("orders"), "SELECT")
    refused("AccessDeniedException", cleo.lake.get_temporary_glue_table_credentials, TableArn=arn(lake))
    request = {"DataLocations": ["s3://lake/sales/orders"]}
    refused("AccessDeniedException", cleo.lake.get_temporary_data_location_credentials, **request)


def test_who_writes_gets_credentials_to_write_and_no_more(open_lake: Catalog) -> None:
    dora = open_lake.someone("dora")
    open_lake.grant(dora, table("orders"), "SELECT", "INSERT")
    s3 = open_lake.plane.client("s3", table_credentials(dora, open_lake, Permissions=["SELECT", "INSERT"]))
    s3.put_object(Bucket="lake", Key="sales/orders/new", Body=b"x")
    with pytest.raises(ClientError):
        s3.put_object(Bucket="lake", Key="sales/people/new", Body=b"x")
    with pytest.raises(ClientError):
        s3.delete_object(Bucket="lake", Key="sales/orders/new")
    reading = open_lake.plane.client("s3", table_credentials(dora, open_lake))
    with pytest.raises(ClientError):
        reading.put_object(Bucket="lake", Key="sales/orders/new", Body=b"x")
    blind = open_lake.plane.client("s3", table_credentials(dora, open_lake, Permissions=["INSERT"]))
    blind.put_object(Bucket="lake", Key="sales/orders/newer", Body=b"x")
    for call in (
        lambda: blind.get_object(Bucket="lake", Key="sales/orders/newer"),
        lambda: blind.list_objects_v2(Bucket="lake", Prefix="sales/orders/"),
    ):
        with pytest.raises(ClientError):
            call()
    assert reading.list_objects_v2(Bucket="lake", Prefix="sales/orders/")["KeyCount"] >= 3
    request = {"TableArn": arn(open_lake), "Permissions": ["DELETE"]}
    refused("AccessDeniedException", dora.lake.get_temporary_glue_table_credentials, **request)


def test_who_reads_a_part_does_not_get_to_write_either(open_lake: Catalog) -> None:
    joe = open_lake.someone("joe")
    open_lake.grant(joe, columns("id"), "SELECT")
    open_lake.grant(joe, table("orders"), "INSERT", "DELETE")
    for permissions in (["INSERT"], ["INSERT", "DELETE"]):
        refused(
            "PermissionTypeMismatchException", joe.lake.get_temporary_glue_table_credentials,
            TableArn=arn(open_lake), Permissions=permissions,
        )  # fmt: skip


def test_a_part_of_a_table_is_for_engines_that_filter_and_are_trusted_to(lake: Catalog) -> None:
    plain, trusted = lake.engine("Plain"), lake.engine("Trusted", LakeFormationAuthorizedCaller="engine1")
    for engine in (plain, trusted):
        lake.grant(engine, columns("id"), "SELECT")
    filters = {"SupportedPermissionTypes": ["COLUMN_PERMISSION"]}
    lake.settings(AllowFullTableExternalDataAccess=True)
    for engine in (plain, trusted):
        request = {"TableArn": arn(lake)}
        refused("PermissionTypeMismatchException", engine.lake.get_temporary_glue_table_credentials, **request)
        refused("AccessDeniedException", engine.lake.get_temporary_glue_table_credentials, **request, **filters)
    allowed = {
        "AllowExternalDataFiltering": True, "ExternalDataFilteringAllowList": [who(lake.plane.account_id)],
        "AuthorizedSessionTagValueList": ["engine1"],
    }  # fmt: skip
    for missing in allowed:
        lake.settings(**{k: v for k, v in allowed.items() if k != missing})
        refused(
            "AccessDeniedException", trusted.lake.get_temporary_glue_table_credentials, TableArn=arn(lake), **filters
        )  # fmt: skip
    lake.settings(**allowed)
    assert readable(lake, table_credentials(trusted, lake, **filters)) >= {"sales/orders/a"}
    refused("AccessDeniedException", plain.lake.get_temporary_glue_table_credentials, TableArn=arn(lake), **filters)
    key = {"TableCatalogId": lake.plane.account_id, "DatabaseName": "sales", "TableName": "orders", "Name": "some"}
    lake.lake.create_data_cells_filter(
        TableData={**key, "RowFilter": {"FilterExpression": "id = '1'"}, "ColumnWildcard": {}}
    )  # fmt: skip
    lake.grant(trusted, {"DataCellsFilter": key}, "SELECT")
    refused(
        "PermissionTypeMismatchException", trusted.lake.get_temporary_glue_table_credentials, TableArn=arn(lake),
        **filters,
    )  # fmt: skip
    filters["SupportedPermissionTypes"].append("CELL_FILTER_PERMISSION")
    table_credentials(trusted, lake, **filters)
    lake.settings()


def test_a_location_is_for_who_may_read_every_table_there(open_lake: Catalog) -> None:
    emil = open_lake.someone("emil")
    open_lake.grant(emil, table("orders"), "SELECT")
    request = {"DataLocations": ["s3://lake/sales/orders"]}
    answer = emil.lake.get_temporary_data_location_credentials(**request)
    assert (answer["CredentialsScope"], answer["AccessibleDataLocations"]) == ("READ", request["DataLocations"])
    assert readable(open_lake, answer["Credentials"]) == {f for f in FILES if f.startswith("sales/orders/")}
    ask = emil.lake.get_temporary_data_location_credentials
    for place in ("s3://lake/sales", "s3://lake/sales/people", "s3://lake/sales/nothing", "s3://other/x"):
        refused("AccessDeniedException", ask, DataLocations=[place])
    refused("AccessDeniedException", ask, **request, CredentialsScope="READWRITE")
    open_lake.grant(emil, table("orders"), "ALL")
    writing = open_lake.plane.client("s3", ask(**request, CredentialsScope="READWRITE")["Credentials"])
    writing.put_object(Bucket="lake", Key="sales/orders/more", Body=b"x")
    with pytest.raises(ClientError):
        writing.put_object(Bucket="lake", Key="sales/people/more", Body=b"x")


def test_the_service_linked_role_reaches_what_is_registered_with_it(open_lake: Catalog) -> None:
    s3, lake = open_lake.plane.client("s3"), open_lake.lake
    s3.create_bucket(Bucket="linked")
    s3.put_object(Bucket="linked", Key="t/x", Body=b"x")
    lake.register_resource(ResourceArn="arn:aws:s3:::linked", UseServiceLinkedRole=True)
    role = lake.describe_resource(ResourceArn="arn:aws:s3:::linked")["ResourceInfo"]["RoleArn"]
    assert role.endswith("/AWSServiceRoleForLakeFormationDataAccess")
    storage = {"Columns": [{"Name": "id", "Type": "string"}], "Location": "s3://linked/t"}
    open_lake.glue.create_table(DatabaseName="sales", TableInput={"Name": "linked", "StorageDescriptor": storage})
    fay = open_lake.someone("fay")
    open_lake.grant(fay, table("linked"), "SELECT")
    vended = fay.lake.get_temporary_glue_table_credentials(TableArn=arn(open_lake, "linked"))
    files = open_lake.plane.client("s3", vended)
    assert files.get_object(Bucket="linked", Key="t/x")["ContentLength"] == 1
    refused("InvalidInputException", lake.update_resource, ResourceArn="arn:aws:s3:::linked", RoleArn=role)
    lake.deregister_resource(ResourceArn="arn:aws:s3:::linked")
    with pytest.raises(ClientError):
        files.get_object(Bucket="linked", Key="t/x")


def test_where_iam_decides_lake_formation_gives_no_credentials(open_lake: Catalog) -> None:
    hal = open_lake.someone("hal")
    everyone = {"Principal": who("IAM_ALLOWED_PRINCIPALS"), "Resource": table("people"), "Permissions": ["ALL"]}
    open_lake.lake.grant_permissions(**everyone)
    open_lake.grant(hal, table("people"), "SELECT")
    refused(
        "PermissionTypeMismatchException", hal.lake.get_temporary_glue_table_credentials,
        TableArn=arn(open_lake, "people"),
    )  # fmt: skip
    ask = hal.lake.get_temporary_data_location_credentials
    refused("AccessDeniedException", ask, DataLocations=["s3://lake/sales/people"])
    open_lake.lake.revoke_permissions(**everyone)
    ask(DataLocations=["s3://lake/sales/people"])


def test_whom_the_lake_sees_is_the_caller(lake: Catalog) -> None:
    gus = lake.someone("gus")
    assert gus.lake.get_data_lake_principal()["Identity"] == gus.arn


def test_the_record_says_who_got_credentials_for_what_and_keeps_no_secret(open_lake: Catalog) -> None:
    ivy = open_lake.someone("ivy")
    open_lake.grant(ivy, table("orders"), "SELECT")
    given = table_credentials(ivy, open_lake, AuditContext={"AdditionalAuditContext": "query 7"})
    place = ivy.lake.get_temporary_data_location_credentials(DataLocations=["s3://lake/sales/orders"])["Credentials"]
    events = open_lake.plane.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "Username", "AttributeValue": "ivy"}]
    )["Events"]
    named = {event["EventName"]: event["CloudTrailEvent"] for event in events}
    record = named["GetTemporaryGlueTableCredentials"]
    assert arn(open_lake) in record
    assert "query 7" in record
    for credentials, text in ((given, record), (place, named["GetTemporaryDataLocationCredentials"])):
        assert credentials["SecretAccessKey"] not in text
        assert credentials["SessionToken"] not in text
