"""Nobody gives more than was given to her to give."""

from typing import Any

import pytest

from .catalog import COLUMNS, Catalog, Someone, columns, database, refused, table, who

EVERY_TABLE = {"Table": {"DatabaseName": "sales", "TableWildcard": {}}}
ALL_BUT_CARDS = {
    "TableWithColumns": {
        "DatabaseName": "sales", "Name": "orders", "ColumnWildcard": {"ExcludedColumnNames": ["card"]},
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def key(catalog: Catalog) -> dict[str, str]:
    """A filter of orders, as the resource names it."""
    named = {
        "TableCatalogId": catalog.plane.account_id, "DatabaseName": "sales", "TableName": "orders", "Name": "eu",
    }  # fmt: skip
    rows = {"FilterExpression": "region = 'EU'"}
    catalog.lake.create_data_cells_filter(TableData={**named, "RowFilter": rows, "ColumnWildcard": {}})
    return named


def may_give(giver: Someone, taker: Someone, resource: dict[str, Any], *permissions: str) -> bool:
    request = {"Principal": who(taker.arn), "Resource": resource, "Permissions": list(permissions or ["SELECT"])}
    failures = giver.lake.batch_grant_permissions(Entries=[{"Id": "1", **request}]).get("Failures", [])
    if not failures:
        giver.lake.revoke_permissions(**request)
        return True
    assert failures[0]["Error"]["ErrorCode"] == "AccessDeniedException"
    return False


def test_some_columns_are_passed_on_and_no_others(catalog: Catalog, key: dict[str, str]) -> None:
    ann, taker = catalog.someone("ann"), catalog.someone("taker")
    catalog.grant(ann, columns("id", "region"), "SELECT", grantable=("SELECT",))
    catalog.grant(ann, table(), "SELECT", "ALTER")
    for resource in (columns("id"), columns("region", "id"), ALL_BUT_CARDS):
        assert may_give(ann, taker, resource), resource
    for resource in (columns("id", "card"), table(), EVERY_TABLE, {"DataCellsFilter": key}, table("people")):
        assert not may_give(ann, taker, resource), resource
    assert not may_give(ann, taker, table(), "ALTER")


def test_the_rows_of_a_filter_are_passed_on_as_that_filter_alone(catalog: Catalog, key: dict[str, str]) -> None:
    ben, taker = catalog.someone("ben"), catalog.someone("taker2")
    catalog.grant(ben, {"DataCellsFilter": key}, "SELECT", grantable=("SELECT",))
    assert may_give(ben, taker, {"DataCellsFilter": key})
    for resource in (table(), columns("id"), EVERY_TABLE):
        assert not may_give(ben, taker, resource)
    mine = {**key, "Name": "mine", "RowFilter": {"AllRowsWildcard": {}}, "ColumnWildcard": {}}
    refused("AccessDeniedException", ben.lake.create_data_cells_filter, TableData=mine)
    refused("AccessDeniedException", ben.lake.update_data_cells_filter, TableData=mine | {"Name": "eu"})


def test_all_tables_are_passed_on_by_who_has_them_all(catalog: Catalog) -> None:
    cleo, taker = catalog.someone("cleo"), catalog.someone("taker3")
    catalog.grant(cleo, EVERY_TABLE, "SELECT", grantable=("SELECT",))
    for resource in (EVERY_TABLE, table(), columns("id")):
        assert may_give(cleo, taker, resource)
    for resource, permission in ((table("orders", "hr"), "SELECT"), (database(), "DESCRIBE"), (table(), "INSERT")):
        assert not may_give(cleo, taker, resource, permission)
    assert not may_give(cleo, taker, table(), "ALL")


def test_locations_are_passed_on_with_what_lies_beneath(catalog: Catalog) -> None:
    dora, taker = catalog.someone("dora"), catalog.someone("taker4")

    def place(path: str) -> dict[str, Any]:
        return {"DataLocation": {"ResourceArn": f"arn:aws:s3:::{path}"}}

    held = ("DATA_LOCATION_ACCESS",)
    catalog.grant(dora, place("lake/sales"), *held, grantable=held)
    assert may_give(dora, taker, place("lake/sales/orders"), *held)
    for path in ("lake", "lake/sales2", "other"):
        assert not may_give(dora, taker, place(path), *held)


def test_taking_the_grant_option_leaves_what_was_given_with_it(catalog: Catalog) -> None:
    emil, fay = catalog.someone("emil"), catalog.someone("fay")
    catalog.grant(emil, table(), "SELECT", grantable=("SELECT",))
    emil.lake.grant_permissions(Principal=who(fay.arn), Resource=table(), Permissions=["SELECT"])
    catalog.revoke(emil, table(), "SELECT")
    assert not may_give(emil, fay, table())
    assert fay.columns() == list(COLUMNS)  # a grant does not know who gave it, there or here
    [listed] = catalog.lake.list_permissions(Principal=who(fay.arn))["PrincipalResourcePermissions"]
    assert listed["LastUpdatedBy"] == emil.arn


def test_of_others_grants_only_what_one_may_give_is_listed(catalog: Catalog) -> None:
    gus, hal = catalog.someone("gus"), catalog.someone("hal")
    catalog.grant(hal, table("people"), "SELECT", "ALTER")
    catalog.grant(hal, table("people", "hr"), "SELECT")
    catalog.grant(gus, table("people"), "SELECT", grantable=("SELECT",))
    listed = gus.lake.list_permissions(Principal=who(hal.arn))["PrincipalResourcePermissions"]
    assert [(p["Resource"]["Table"]["DatabaseName"], p["Permissions"]) for p in listed] == [("sales", ["SELECT"])]


def test_filters_are_seen_and_dropped_by_whom_that_was_granted(catalog: Catalog, key: dict[str, str]) -> None:
    ivy = catalog.someone("ivy")
    refused("AccessDeniedException", ivy.lake.get_data_cells_filter, **key)
    catalog.grant(ivy, {"DataCellsFilter": key}, "DESCRIBE")
    assert ivy.lake.get_data_cells_filter(**key)["DataCellsFilter"]["Name"] == "eu"
    assert [f["Name"] for f in ivy.lake.list_data_cells_filter()["DataCellsFilters"]] == ["eu"]
    assert ivy.columns() is None
    refused("AccessDeniedException", ivy.lake.delete_data_cells_filter, **key)
    catalog.grant(ivy, {"DataCellsFilter": key}, "DROP")
    ivy.lake.delete_data_cells_filter(**key)
    refused("EntityNotFoundException", catalog.lake.get_data_cells_filter, **key)
