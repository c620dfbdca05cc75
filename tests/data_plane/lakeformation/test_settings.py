"""The lake's settings, its registered locations, and its application in Identity Center."""

import json
from typing import Any

import pytest

from .catalog import Catalog, database, refused, table, who


def test_nobodys_own_role_becomes_the_service_linked_one(catalog: Catalog) -> None:
    name = "AWSServiceRoleForLakeFormationDataAccess"
    mine = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": catalog.admin}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [mine]})
    catalog.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
    request = {"ResourceArn": "arn:aws:s3:::linked", "UseServiceLinkedRole": True}
    refused("InvalidInputException", catalog.lake.register_resource, **request)
    refused("EntityNotFoundException", catalog.lake.describe_resource, ResourceArn=request["ResourceArn"])
    catalog.iam.delete_role(RoleName=name)
    catalog.lake.register_resource(**request)
    catalog.lake.deregister_resource(ResourceArn=request["ResourceArn"])


def test_settings_are_replaced_and_those_not_named_are_at_their_defaults(catalog: Catalog) -> None:
    everyone = [{"Principal": who("IAM_ALLOWED_PRINCIPALS"), "Permissions": ["ALL"]}]
    catalog.settings(CreateTableDefaultPermissions=everyone, Parameters={"CROSS_ACCOUNT_VERSION": "3"})
    found = catalog.lake.get_data_lake_settings()["DataLakeSettings"]
    assert (found["CreateTableDefaultPermissions"], found["Parameters"]) == (everyone, {"CROSS_ACCOUNT_VERSION": "3"})
    catalog.settings()
    found = catalog.lake.get_data_lake_settings()["DataLakeSettings"]
    assert (found["CreateTableDefaultPermissions"], found["AllowFullTableExternalDataAccess"]) == ([], False)


@pytest.mark.parametrize(
    "settings",
    [
        {"ReadOnlyAdmins": [who("arn:aws:identitystore:::user/x")]},
        {"DataLakeAdmins": [who("IAM_ALLOWED_PRINCIPALS")]},
        {"CreateTableDefaultPermissions": [{"Principal": who("arn:aws:iam::1:role/x"), "Permissions": ["ALL"]}]},
        {"CreateTableDefaultPermissions": [{"Principal": who("IAM_ALLOWED_PRINCIPALS"), "Permissions": ["SELECT"]}]},
        {"Parameters": {"CROSS_ACCOUNT_VERSION": "9"}},
        {"Parameters": {"OTHER": "TRUE"}},
    ],
)
def test_settings_that_cannot_be_are_refused(catalog: Catalog, settings: dict[str, Any]) -> None:
    refused("InvalidInputException", catalog.settings, **settings)


def test_administrators_see_everything_and_change_what_they_were_granted(catalog: Catalog) -> None:
    ann = catalog.someone("ann")
    catalog.settings(DataLakeAdmins=[who(catalog.admin), who(ann.arn)])
    assert ann.databases() == ["hr", "sales"]
    glue = ann.client("glue")
    refused("AccessDeniedException", glue.delete_table, DatabaseName="sales", Name="orders")
    refused("AccessDeniedException", glue.delete_database, Name="sales")
    ann.lake.grant_permissions(Principal=who(ann.arn), Resource=table("people", "hr"), Permissions=["DROP"])
    glue.delete_table(DatabaseName="hr", Name="people")
    catalog.table("hr", "people")
    glue.create_database(DatabaseInput={"Name": "of_ann"})
    glue.delete_database(Name="of_ann")
    catalog.settings()
    assert ann.databases() == []


def test_read_only_administrators_see_everything_and_change_nothing(catalog: Catalog) -> None:
    ben, other = catalog.someone("ben"), catalog.someone("other")
    catalog.grant(other, table(), "SELECT")
    catalog.settings(ReadOnlyAdmins=[who(ben.arn)])
    assert ben.databases() == ["hr", "sales"]
    listed = ben.lake.list_permissions(Principal=who(other.arn))["PrincipalResourcePermissions"]
    assert [p["Permissions"] for p in listed] == [["SELECT"]]
    refused("AccessDeniedException", ben.client("glue").create_database, DatabaseInput={"Name": "of_ben"})
    request = {"Principal": who(ben.arn), "Resource": table(), "Permissions": ["SELECT"]}
    refused("AccessDeniedException", ben.lake.grant_permissions, **request)
    refused("AccessDeniedException", ben.lake.create_lf_tag, TagKey="k", TagValues=["v"])
    refused("AccessDeniedException", ben.lake.create_lake_formation_opt_in, Principal=who(ben.arn), Resource=table())
    catalog.settings()


def test_a_location_gets_another_role_and_mode_and_is_found_by_them(catalog: Catalog) -> None:
    lake, role = catalog.lake, f"arn:aws:iam::{catalog.plane.account_id}:role/"
    for name in ("one", "two"):
        lake.register_resource(ResourceArn=f"arn:aws:s3:::{name}", RoleArn=role + name)
    refused("InvalidInputException", lake.register_resource, ResourceArn="arn:aws:s3:::three")
    lake.update_resource(ResourceArn="arn:aws:s3:::one", RoleArn=role + "other", HybridAccessEnabled=True)
    shown = lake.describe_resource(ResourceArn="arn:aws:s3:::one")["ResourceInfo"]
    assert (shown["RoleArn"], shown["HybridAccessEnabled"]) == (role + "other", True)
    refused("EntityNotFoundException", lake.update_resource, ResourceArn="arn:aws:s3:::gone", RoleArn=role + "x")

    def found(field: str, operator: str, *values: str) -> list[str]:
        condition = {"Field": field, "ComparisonOperator": operator, "StringValueList": list(values)}
        return [r["ResourceArn"][13:] for r in lake.list_resources(FilterConditionList=[condition])["ResourceInfoList"]]

    assert found("ROLE_ARN", "EQ", role + "other") == ["one"]
    assert found("ROLE_ARN", "NE", role + "other") == ["two"]
    assert found("RESOURCE_ARN", "IN", "arn:aws:s3:::two") == ["two"]
    assert found("RESOURCE_ARN", "CONTAINS", "wo") == ["two"]
    later = str(shown["LastModified"].timestamp())
    assert found("LAST_MODIFIED", "GE", later) == ["one"]
    assert found("LAST_MODIFIED", "BETWEEN", "0", str(float(later) - 0.001)) == ["two"]
    refused(
        "InvalidInputException", lake.list_resources,
        FilterConditionList=[{"Field": "LAST_MODIFIED", "ComparisonOperator": "GE", "StringValueList": ["noon"]}],
    )  # fmt: skip
    clerk = catalog.someone("clerk")
    refused("AccessDeniedException", clerk.lake.update_resource, ResourceArn="arn:aws:s3:::one", RoleArn=role + "x")
    refused("AccessDeniedException", clerk.lake.deregister_resource, ResourceArn="arn:aws:s3:::one")


def test_permissions_that_reach_a_path_are_those_on_what_lies_there(catalog: Catalog) -> None:
    catalog.lake.register_resource(ResourceArn="arn:aws:s3:::lake", UseServiceLinkedRole=True)
    cleo, dora = catalog.someone("cleo"), catalog.someone("dora")
    catalog.grant(cleo, table("orders"), "SELECT")
    catalog.grant(cleo, table("people"), "DESCRIBE")
    catalog.grant(cleo, {"Table": {"DatabaseName": "sales", "TableWildcard": {}}}, "INSERT")
    catalog.grant(cleo, {"DataLocation": {"ResourceArn": "arn:aws:s3:::lake/sales"}}, "DATA_LOCATION_ACCESS")
    catalog.grant(dora, database(), "DESCRIBE")

    def found(lake: Any, path: str) -> set[tuple[str, str]]:
        request = {"ResourceArn": f"arn:aws:s3:::{path}", "MaxResults": 2}
        listed = []
        while True:
            page = lake.get_effective_permissions_for_path(**request)
            listed += page["Permissions"]
            if "NextToken" not in page:
                break
            request["NextToken"] = page["NextToken"]
        mine = [p for p in listed if p["Principal"]["DataLakePrincipalIdentifier"] == cleo.arn]
        return {(next(iter(p["Resource"])), p["Permissions"][0]) for p in mine}

    of_orders = {("Table", "SELECT"), ("Table", "INSERT"), ("DataLocation", "DATA_LOCATION_ACCESS")}
    assert found(catalog.lake, "lake/sales/orders") == of_orders
    assert found(catalog.lake, "lake/sales") == of_orders | {("Table", "DESCRIBE")}
    assert found(catalog.lake, "lake/hr") == set()
    assert found(dora.lake, "lake/sales") == set()
    refused(
        "EntityNotFoundException", catalog.lake.get_effective_permissions_for_path, ResourceArn="arn:aws:s3:::none"
    )  # fmt: skip


def test_the_application_of_identity_center_is_updated_by_administrators(catalog: Catalog) -> None:
    instance = catalog.plane.client("sso-admin").list_instances()["Instances"][0]["InstanceArn"]
    lake = catalog.lake
    refused(
        "EntityNotFoundException", lake.update_lake_formation_identity_center_configuration,
        ApplicationStatus="ENABLED",
    )  # fmt: skip
    lake.create_lake_formation_identity_center_configuration(InstanceArn=instance)
    targets = {"Status": "ENABLED", "AuthorizedTargets": [catalog.plane.account_id]}
    lake.update_lake_formation_identity_center_configuration(ExternalFiltering=targets)
    shown = lake.describe_lake_formation_identity_center_configuration()
    assert (shown["InstanceArn"], shown["ExternalFiltering"]) == (instance, targets)
    emil = catalog.someone("emil")
    refused(
        "AccessDeniedException", emil.lake.update_lake_formation_identity_center_configuration,
        ApplicationStatus="DISABLED",
    )  # fmt: skip
    lake.delete_lake_formation_identity_center_configuration()


@pytest.mark.parametrize("principal", ["ann", "arn:aws:s3:::bucket", "*", "arn:aws:iam::", "1234"])
def test_what_is_no_principal_is_granted_nothing(catalog: Catalog, principal: str) -> None:
    request = {"Principal": who(principal), "Resource": table(), "Permissions": ["SELECT"]}
    refused("InvalidInputException", catalog.lake.grant_permissions, **request)


def test_an_account_of_an_organization_can_be_granted_something(catalog: Catalog) -> None:
    for principal in ("444455556666", "arn:aws:organizations::111122223333:ou/o-a1/ou-b2-c3"):
        catalog.lake.grant_permissions(
            Principal=who(principal), Resource=table(), Permissions=["SELECT"], PermissionsWithGrantOption=["SELECT"]
        )  # fmt: skip
        [listed] = catalog.lake.list_permissions(Principal=who(principal))["PrincipalResourcePermissions"]
        assert listed["PermissionsWithGrantOption"] == ["SELECT"]


def test_what_is_not_served_says_so(catalog: Catalog) -> None:
    refused("NotImplemented", catalog.lake.start_transaction)
    refused("NotImplemented", catalog.lake.list_transactions)
