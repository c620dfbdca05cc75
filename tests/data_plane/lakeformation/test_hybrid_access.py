"""IAMAllowedPrincipals and who opted in to Lake Formation in spite of it."""

import pytest

from .catalog import COLUMNS, Catalog, columns, database, refused, table, who

EVERYONE = {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}
EVERY_TABLE = {"Table": {"DatabaseName": "sales", "TableWildcard": {}}}


@pytest.fixture(scope="module")
def opened(catalog: Catalog) -> Catalog:
    """Everything of `sales` is left to IAM."""
    for resource in (database(), EVERY_TABLE):
        catalog.lake.grant_permissions(Principal=EVERYONE, Resource=resource, Permissions=["ALL"])
    return catalog


def test_who_opted_in_has_what_she_was_granted_and_the_others_what_iam_gives(opened: Catalog) -> None:
    ann, ben = opened.someone("ann"), opened.someone("ben")
    assert (ann.columns(), ben.columns()) == (list(COLUMNS), list(COLUMNS))
    opened.grant(ann, columns("id"), "SELECT")
    assert ann.columns() == list(COLUMNS)
    opened.lake.create_lake_formation_opt_in(Principal=who(ann.arn), Resource=table("orders"))
    assert ann.columns("orders") == ["id"]
    refused("AccessDeniedException", ann.client("glue").delete_table, DatabaseName="sales", Name="orders")
    assert ann.columns("people") == list(COLUMNS)  # she opted in to one table
    assert ben.columns() == list(COLUMNS)
    opened.lake.delete_lake_formation_opt_in(Principal=who(ann.arn), Resource=table("orders"))
    assert ann.columns("orders") == list(COLUMNS)
    refused(
        "EntityNotFoundException", opened.lake.delete_lake_formation_opt_in, Principal=who(ann.arn),
        Resource=table("orders"),
    )  # fmt: skip


def test_all_tables_or_the_whole_catalog_can_be_opted_in_to(opened: Catalog) -> None:
    cleo, dora = opened.someone("cleo"), opened.someone("dora")
    opened.lake.create_lake_formation_opt_in(Principal=who(cleo.arn), Resource=EVERY_TABLE)
    assert (cleo.columns("orders"), cleo.columns("people"), cleo.databases()) == (None, None, ["sales"])
    opened.lake.create_lake_formation_opt_in(Principal=who(cleo.arn), Resource=database())
    assert cleo.databases() == []
    opened.lake.create_lake_formation_opt_in(Principal=who(dora.arn), Resource={"Catalog": {}})
    assert (dora.columns(), dora.databases()) == (None, [])


def test_opt_ins_are_administrators_business(opened: Catalog) -> None:
    emil = opened.someone("emil")
    request = {"Principal": who(emil.arn), "Resource": table("people")}
    refused("AccessDeniedException", emil.lake.create_lake_formation_opt_in, **request)
    refused("AccessDeniedException", emil.lake.delete_lake_formation_opt_in, **request)
    refused("AccessDeniedException", emil.lake.list_lake_formation_opt_ins)
    opened.lake.create_lake_formation_opt_in(**request)
    found = opened.lake.list_lake_formation_opt_ins(Principal=who(emil.arn))["LakeFormationOptInsInfoList"]
    assert [(o["Principal"], o["Resource"]["Table"]["Name"]) for o in found] == [(who(emil.arn), "people")]
    by_table = opened.lake.list_lake_formation_opt_ins(Resource=table("people"))["LakeFormationOptInsInfoList"]
    assert [o["Principal"] for o in by_table] == [who(emil.arn)]
    pages = opened.lake.list_lake_formation_opt_ins(MaxResults=1)
    assert (len(pages["LakeFormationOptInsInfoList"]), "NextToken" in pages) == (1, True)
    refused(
        "EntityNotFoundException", opened.lake.create_lake_formation_opt_in, Principal=who(emil.arn),
        Resource=table("gone"),
    )  # fmt: skip
    refused(
        "InvalidInputException", opened.lake.create_lake_formation_opt_in, Principal=who(emil.arn),
        Resource=columns("id"),
    )  # fmt: skip


def test_opt_ins_go_with_the_table(opened: Catalog) -> None:
    fay = opened.someone("fay")
    opened.table("sales", "brief")
    opened.lake.create_lake_formation_opt_in(Principal=who(fay.arn), Resource=table("brief"))
    assert fay.columns("brief") is None
    opened.glue.delete_table(DatabaseName="sales", Name="brief")
    opened.table("sales", "brief")
    assert fay.columns("brief") == list(COLUMNS)


def test_everyone_has_neither_a_part_nor_the_right_to_pass_on(opened: Catalog) -> None:
    for resource, grantable in ((columns("id"), []), (table("people", "hr"), ["SELECT"])):
        refused(
            "InvalidInputException", opened.lake.grant_permissions, Principal=EVERYONE, Resource=resource,
            Permissions=["SELECT"], PermissionsWithGrantOption=grantable,
        )  # fmt: skip


def test_the_role_of_a_project_is_always_opted_in(opened: Catalog) -> None:
    gus = opened.engine("datazone_usr_role")
    assert gus.columns() == list(COLUMNS)
    opened.iam.tag_role(RoleName="datazone_usr_role", Tags=[{"Key": "AmazonDataZoneProject", "Value": "p"}])
    assert gus.columns() is None
    opened.grant(gus, columns("id"), "SELECT")
    assert gus.columns() == ["id"]
