"""Grants, filters and locations over a real socket."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from twinplane.data_plane.testing import RunningPlane

ANN, BEN = "arn:aws:identitystore:::user/ann", "arn:aws:identitystore:::user/ben"
COLUMNS = [{"Name": n, "Type": t} for n, t in (("id", "int"), ("region", "string"), ("card", "string"))]
TABLE: dict[str, Any] = {"Table": {"DatabaseName": "sales", "Name": "orders"}}


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def who(principal: str) -> dict[str, str]:
    return {"DataLakePrincipalIdentifier": principal}


@pytest.fixture(scope="module")
def admin(plane: RunningPlane) -> Any:
    me = plane.client("sts").get_caller_identity()["Arn"]
    lake, glue = plane.client("lakeformation"), plane.client("glue")
    lake.put_data_lake_settings(DataLakeSettings={"DataLakeAdmins": [who(me)]})
    glue.create_database(DatabaseInput={"Name": "sales"})
    storage = {"Columns": COLUMNS, "Location": "s3://lake/orders/"}
    glue.create_table(DatabaseName="sales", TableInput={"Name": "orders", "StorageDescriptor": storage})
    return lake


@pytest.fixture(scope="module")
def clerk(plane: RunningPlane, admin: Any) -> Any:
    """An IAM user with every IAM right and none in the lake."""
    iam = plane.client("iam")
    iam.create_user(UserName="clerk")
    iam.attach_user_policy(UserName="clerk", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    key = iam.create_access_key(UserName="clerk")["AccessKey"]
    return plane.client(
        "lakeformation", {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    )


@pytest.fixture
def clerk_arn(plane: RunningPlane) -> str:
    return f"arn:aws:iam::{plane.account_id}:user/clerk"


def listed(lake: Any, principal: str, **options: Any) -> list[tuple[str, list[str]]]:
    found = lake.list_permissions(Principal=who(principal), **options)["PrincipalResourcePermissions"]
    return [(next(iter(p["Resource"])), p["Permissions"]) for p in found]


def test_grants_add_up_and_are_taken_away_one_by_one(admin: Any) -> None:
    admin.grant_permissions(Principal=who(ANN), Resource=TABLE, Permissions=["SELECT"])
    admin.grant_permissions(Principal=who(ANN), Resource=TABLE, Permissions=["DESCRIBE"])
    assert listed(admin, ANN) == [("Table", ["DESCRIBE", "SELECT"])]
    admin.revoke_permissions(Principal=who(ANN), Resource=TABLE, Permissions=["SELECT"])
    assert listed(admin, ANN) == [("Table", ["DESCRIBE"])]
    with pytest.raises(ClientError) as error:
        admin.revoke_permissions(Principal=who(ANN), Resource=TABLE, Permissions=["SELECT"])
    assert code(error) == "InvalidInputException"
    admin.revoke_permissions(Principal=who(ANN), Resource=TABLE, Permissions=["DESCRIBE"])
    assert listed(admin, ANN) == []


def test_columns_are_revoked_out_of_a_wider_grant(admin: Any) -> None:
    def columns(*names: str) -> dict[str, Any]:
        return {"TableWithColumns": {"DatabaseName": "sales", "Name": "orders", "ColumnNames": list(names)}}

    admin.grant_permissions(Principal=who(BEN), Resource=columns("id", "region"), Permissions=["SELECT"])
    admin.revoke_permissions(Principal=who(BEN), Resource=columns("region"), Permissions=["SELECT"])
    found = admin.list_permissions(Principal=who(BEN))["PrincipalResourcePermissions"]
    assert [p["Resource"]["TableWithColumns"]["ColumnNames"] for p in found] == [["id"]]
    admin.revoke_permissions(Principal=who(BEN), Resource=columns("id"), Permissions=["SELECT"])
    assert listed(admin, BEN) == []


def test_columns_are_revoked_out_of_all_but_some(admin: Any) -> None:
    principal = "arn:aws:identitystore:::user/cleo"

    def all_but(*names: str) -> dict[str, Any]:
        wildcard = {"ExcludedColumnNames": list(names)}
        return {"TableWithColumns": {"DatabaseName": "sales", "Name": "orders", "ColumnWildcard": wildcard}}

    admin.grant_permissions(
        Principal=who(principal), Resource=all_but("card"), Permissions=["SELECT"],
        PermissionsWithGrantOption=["SELECT"],
    )  # fmt: skip
    id_ = {"TableWithColumns": {"DatabaseName": "sales", "Name": "orders", "ColumnNames": ["id"]}}
    admin.revoke_permissions(
        Principal=who(principal), Resource=id_, Permissions=[], PermissionsWithGrantOption=["SELECT"]
    )  # fmt: skip
    found = admin.list_permissions(Principal=who(principal))["PrincipalResourcePermissions"]
    shown = [(p["Resource"]["TableWithColumns"], p["PermissionsWithGrantOption"]) for p in found]
    assert [(r.get("ColumnNames"), r.get("ColumnWildcard"), g) for r, g in shown] == [
        (["id"], None, []), (None, {"ExcludedColumnNames": ["card", "id"]}, ["SELECT"]),
    ]  # fmt: skip
    admin.revoke_permissions(Principal=who(principal), Resource=id_, Permissions=["SELECT"])
    found = admin.list_permissions(Principal=who(principal))["PrincipalResourcePermissions"]
    assert [p["Resource"]["TableWithColumns"].get("ColumnNames") for p in found] == [None]
    admin.revoke_permissions(Principal=who(principal), Resource=all_but("card", "id"), Permissions=["SELECT"])
    assert listed(admin, principal) == []


def test_another_catalog_than_the_accounts_own_is_not_there(admin: Any, plane: RunningPlane) -> None:
    for resource in (
        {"Catalog": {"Id": "999999999999"}}, {"Catalog": {"Id": f"{plane.account_id}:other"}},
        {"Database": {"CatalogId": "999999999999", "Name": "sales"}},
    ):  # fmt: skip
        with pytest.raises(ClientError) as error:
            admin.grant_permissions(Principal=who(ANN), Resource=resource, Permissions=["DESCRIBE"])
        assert code(error) == "EntityNotFoundException"
    own = {"Catalog": {"Id": plane.account_id}}
    admin.grant_permissions(Principal=who(ANN), Resource=own, Permissions=["CREATE_DATABASE"])
    admin.revoke_permissions(Principal=who(ANN), Resource=own, Permissions=["CREATE_DATABASE"])


def test_a_batch_has_twenty_entries_at_most(admin: Any) -> None:
    entry = {"Id": "1", "Principal": who(BEN), "Resource": TABLE, "Permissions": ["DESCRIBE"]}
    with pytest.raises(ClientError) as error:
        admin.batch_grant_permissions(Entries=[entry] * 21)
    assert code(error) == "InvalidInputException"


def test_a_filter_is_made_granted_listed_and_taken_away_with_its_grants(plane: RunningPlane, admin: Any) -> None:
    key = {"TableCatalogId": plane.account_id, "DatabaseName": "sales", "TableName": "orders", "Name": "eu"}
    data = {**key, "RowFilter": {"FilterExpression": "region = 'EU'"}, "ColumnNames": ["id", "region"]}
    admin.create_data_cells_filter(TableData=data)
    with pytest.raises(ClientError) as error:
        admin.create_data_cells_filter(TableData=data)
    assert code(error) == "AlreadyExistsException"
    assert admin.get_data_cells_filter(**key)["DataCellsFilter"]["RowFilter"] == data["RowFilter"]
    admin.grant_permissions(Principal=who(ANN), Resource={"DataCellsFilter": key}, Permissions=["SELECT"])
    assert listed(admin, ANN, Resource=TABLE) == []
    assert listed(admin, ANN, Resource=TABLE, IncludeRelated="TRUE") == [("DataCellsFilter", ["SELECT"])]
    assert [f["Name"] for f in admin.list_data_cells_filter(Table=TABLE["Table"])["DataCellsFilters"]] == ["eu"]
    admin.delete_data_cells_filter(**key)
    assert listed(admin, ANN) == []


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        ({"FilterExpression": "nothing = 1"}, {"ColumnWildcard": {}}),
        ({"FilterExpression": "id in (select id from orders)"}, {"ColumnWildcard": {}}),
        ({"FilterExpression": "read_text('/etc/passwd') = ''"}, {"ColumnWildcard": {}}),
        ({"FilterExpression": "id = 1) or (1 = 1"}, {"ColumnWildcard": {}}),
        ({"FilterExpression": "id = 1", "AllRowsWildcard": {}}, {"ColumnWildcard": {}}),
        ({}, {"ColumnWildcard": {}}),
        ({"AllRowsWildcard": {}}, {}),
        ({"AllRowsWildcard": {}}, {"ColumnNames": ["nothing"]}),
        ({"AllRowsWildcard": {}}, {"ColumnNames": ["id"], "ColumnWildcard": {}}),
    ],
)
def test_a_filter_that_could_not_be_applied_is_refused(
    plane: RunningPlane, admin: Any, rows: dict[str, Any], columns: dict[str, Any]
) -> None:
    key = {"TableCatalogId": plane.account_id, "DatabaseName": "sales", "TableName": "orders", "Name": "bad"}
    with pytest.raises(ClientError) as error:
        admin.create_data_cells_filter(TableData={**key, "RowFilter": rows, **columns})
    assert code(error) == "InvalidInputException"


def test_only_administrators_and_holders_of_the_grant_option_may_grant(
    admin: Any, clerk: Any, clerk_arn: str, plane: RunningPlane
) -> None:
    def may_grant() -> bool:
        try:
            clerk.grant_permissions(Principal=who(BEN), Resource=TABLE, Permissions=["SELECT"])
        except ClientError as error:
            return error.response["Error"]["Code"] != "AccessDeniedException"
        return True

    assert not may_grant()
    admin.grant_permissions(Principal=who(clerk_arn), Resource=TABLE, Permissions=["SELECT"])
    assert not may_grant()
    admin.grant_permissions(
        Principal=who(clerk_arn), Resource=TABLE, Permissions=["SELECT"], PermissionsWithGrantOption=["SELECT"]
    )
    assert may_grant()
    with pytest.raises(ClientError) as error:
        clerk.grant_permissions(Principal=who(BEN), Resource=TABLE, Permissions=["DROP"])
    assert code(error) == "AccessDeniedException"
    with pytest.raises(ClientError) as error:
        clerk.register_resource(ResourceArn="arn:aws:s3:::mine", RoleArn=f"arn:aws:iam::{plane.account_id}:role/x")
    assert code(error) == "AccessDeniedException"
    assert [p for p, _ in listed(clerk, BEN)] == ["Table"]
    clerk.revoke_permissions(Principal=who(BEN), Resource=TABLE, Permissions=["SELECT"])
    admin.revoke_permissions(
        Principal=who(clerk_arn), Resource=TABLE, Permissions=["SELECT"], PermissionsWithGrantOption=["SELECT"]
    )
    assert not may_grant()


def test_who_may_not_grant_on_a_table_sees_only_her_own_grants(admin: Any, clerk: Any, clerk_arn: str) -> None:
    admin.grant_permissions(Principal=who(ANN), Resource=TABLE, Permissions=["SELECT"])
    admin.grant_permissions(Principal=who(clerk_arn), Resource=TABLE, Permissions=["DESCRIBE"])
    found = clerk.list_permissions()["PrincipalResourcePermissions"]
    assert {p["Principal"]["DataLakePrincipalIdentifier"] for p in found} == {clerk_arn}


def test_a_batch_says_which_entries_failed(admin: Any) -> None:
    entries = [
        {"Id": "1", "Principal": who(BEN), "Resource": TABLE, "Permissions": ["DESCRIBE"]},
        {"Id": "2", "Principal": who(BEN), "Resource": {"Database": {"Name": "nowhere"}}, "Permissions": ["DESCRIBE"]},
    ]
    failures = admin.batch_grant_permissions(Entries=entries)["Failures"]
    assert [(f["RequestEntry"]["Id"], f["Error"]["ErrorCode"]) for f in failures] == [("2", "EntityNotFoundException")]
    assert listed(admin, BEN) == [("Table", ["DESCRIBE"])]
    assert admin.batch_revoke_permissions(Entries=entries[:1])["Failures"] == []


def test_locations_are_registered_described_and_taken_out(admin: Any, plane: RunningPlane) -> None:
    role = f"arn:aws:iam::{plane.account_id}:role/reader"
    admin.register_resource(ResourceArn="arn:aws:s3:::lake", RoleArn=role)
    with pytest.raises(ClientError) as error:
        admin.register_resource(ResourceArn="arn:aws:s3:::lake/", RoleArn=role)
    assert code(error) == "AlreadyExistsException"
    assert admin.describe_resource(ResourceArn="arn:aws:s3:::lake")["ResourceInfo"]["RoleArn"] == role
    condition = [{"Field": "RESOURCE_ARN", "ComparisonOperator": "BEGINS_WITH", "StringValueList": ["arn:aws:s3:::la"]}]
    found = admin.list_resources(FilterConditionList=condition)["ResourceInfoList"]
    assert [r["ResourceArn"] for r in found] == ["arn:aws:s3:::lake"]
    admin.grant_permissions(Principal=who(ANN), Resource=TABLE, Permissions=["SELECT"])
    touching = admin.get_effective_permissions_for_path(ResourceArn="arn:aws:s3:::lake/orders")["Permissions"]
    assert ANN in {p["Principal"]["DataLakePrincipalIdentifier"] for p in touching}
    admin.deregister_resource(ResourceArn="arn:aws:s3:::lake")
    with pytest.raises(ClientError) as error:
        admin.describe_resource(ResourceArn="arn:aws:s3:::lake")
    assert code(error) == "EntityNotFoundException"


def test_the_identity_center_configuration_is_made_once(admin: Any, plane: RunningPlane) -> None:
    instance = plane.client("sso-admin").list_instances()["Instances"][0]["InstanceArn"]
    arn = admin.create_lake_formation_identity_center_configuration(InstanceArn=instance)["ApplicationArn"]
    described = admin.describe_lake_formation_identity_center_configuration()
    assert (described["InstanceArn"], described["ApplicationArn"]) == (instance, arn)
    with pytest.raises(ClientError) as error:
        admin.create_lake_formation_identity_center_configuration(InstanceArn=instance)
    assert code(error) == "AlreadyExistsException"
    admin.delete_lake_formation_identity_center_configuration()
    with pytest.raises(ClientError) as error:
        admin.describe_lake_formation_identity_center_configuration()
    assert code(error) == "EntityNotFoundException"
