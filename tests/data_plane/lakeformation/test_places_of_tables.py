"""Who may make tables in a database does not read other tables of it by making one over their files."""

import json
from typing import Any

import pytest

from .catalog import Catalog, Someone, columns, refused, table

EVERY_TABLE = {"Table": {"DatabaseName": "placed", "TableWildcard": {}}}
NO_S3 = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]})


@pytest.fixture(scope="module")
def placed(catalog: Catalog) -> Catalog:
    """A database with a location, and two tables in it."""
    catalog.glue.create_database(DatabaseInput={"Name": "placed", "LocationUri": "s3://lake/placed/"})
    for name in ("orders", "people"):
        catalog.glue.create_table(DatabaseName="placed", TableInput=over(name, name))
    return catalog


def over(name: str, path: str) -> dict[str, Any]:
    storage = {"Columns": [{"Name": "id", "Type": "string"}], "Location": f"s3://lake/placed/{path}"}
    return {"Name": name, "StorageDescriptor": storage}


def maker(placed: Catalog, name: str) -> Someone:
    someone = placed.someone(name)
    placed.iam.put_user_policy(UserName=name, PolicyName="files", PolicyDocument=NO_S3)
    placed.grant(someone, {"Database": {"Name": "placed"}}, "CREATE_TABLE")
    return someone


def test_a_table_is_made_where_no_other_is(placed: Catalog) -> None:
    ann = maker(placed, "ann")
    glue = ann.client("glue")
    glue.create_table(DatabaseName="placed", TableInput=over("of_ann", "of_ann/files"))
    for path in ("orders", "orders/", "orders/part", "", "people/x/y"):
        refused("AccessDeniedException", glue.create_table, DatabaseName="placed", TableInput=over("mine", path))
    moved = over("of_ann", "orders")
    refused("AccessDeniedException", glue.update_table, DatabaseName="placed", TableInput=moved)
    glue.create_table(DatabaseName="placed", TableInput=over("again", "of_ann/files/again"))  # over her own


def test_a_table_is_made_over_what_its_maker_reads_in_full(placed: Catalog) -> None:
    ben = maker(placed, "ben")
    glue = ben.client("glue")
    part = columns("id")
    part["TableWithColumns"]["DatabaseName"] = "placed"
    placed.grant(ben, part, "SELECT")  # the one column there is: all of it
    glue.create_table(DatabaseName="placed", TableInput=over("of_ben", "orders"))
    refused("AccessDeniedException", glue.create_table, DatabaseName="placed", TableInput=over("x", "people"))
    placed.revoke(ben, part, "SELECT")
    refused("AccessDeniedException", glue.create_table, DatabaseName="placed", TableInput=over("y", "orders"))


def test_who_reads_every_table_of_the_database_makes_them_anywhere_in_it(placed: Catalog) -> None:
    cleo = maker(placed, "cleo")
    placed.grant(cleo, EVERY_TABLE, "SELECT")
    for number, path in enumerate(("orders", "")):
        given = over(f"of_cleo{number}", path)
        cleo.client("glue").create_table(DatabaseName="placed", TableInput=given)
        placed.grant(cleo, table(f"of_cleo{number}", "placed"), "DROP")
        cleo.client("glue").delete_table(DatabaseName="placed", Name=f"of_cleo{number}")
