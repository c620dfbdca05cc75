"""The rows of information_schema are those of the tables and columns that whoever asks may see."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from twinplane.data_plane.call import Call, Principal
from twinplane.data_plane.services.athena import information_schema
from twinplane.data_plane.services.glue import store as glue
from twinplane.data_plane.services.iam import store as iam
from twinplane.data_plane.services.identitystore import store as identitystore
from twinplane.data_plane.services.lakeformation import store as lake
from twinplane.data_plane.services.organizations import store as organizations
from twinplane.data_plane.store import Store, Transaction

ACCOUNT = "111122223333"
READER, ADMIN = (f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("reader", "admin"))
COLUMNS = [{"Name": "id", "Type": "int"}, {"Name": "card", "Type": "string", "Comment": "secret"}]


@pytest.mark.parametrize(
    ("glues", "athenas"),
    [
        ("string", "varchar"),
        ("INT", "integer"),
        ("decimal(10, 2)", "decimal(10,2)"),
        ("array<int>", "array(integer)"),
        ("map<string,array<double>>", "map(varchar, array(double))"),
        ("struct<a:int,b:struct<c:string>>", "row(a integer, b row(c varchar))"),
    ],
)
def test_types_have_athenas_names(glues: str, athenas: str) -> None:
    assert information_schema.type_name(glues) == athenas


@pytest.fixture
def store(tmp_path: Path) -> Any:
    opened = Store(
        tmp_path / "plane.db", [*glue.KINDS, *lake.KINDS, *identitystore.KINDS, *iam.KINDS, *organizations.KINDS]
    )
    asyncio.run(opened.write(_fill))
    yield opened
    opened.close()


def _fill(tx: Transaction) -> None:
    for database in ("hidden", "sales"):
        glue.create_database(tx, {"Name": database}, 0.0, catalog_id=ACCOUNT)
        for name in ("orders", "people"):
            storage = {"Columns": COLUMNS}
            given = {"Name": name, "StorageDescriptor": storage, "PartitionKeys": [{"Name": "day", "Type": "date"}]}
            glue.create_table(tx, database, given, 0.0)
    some = {"TableWithColumns": {"DatabaseName": "sales", "Name": "orders", "ColumnNames": ["id", "day"]}}
    lake.grant(tx, principal=READER, resource=some, permissions=["SELECT"], now=0.0)
    tx.put(lake.SETTINGS, {"id": "settings", "DataLakeAdmins": [{"DataLakePrincipalIdentifier": ADMIN}]})


def rows(store: Store, role: str, name: str, schemas: frozenset[str] | None = None) -> list[Any]:
    plane: Any = SimpleNamespace(settings=SimpleNamespace(account_id=ACCOUNT, region="us-east-1"))
    principal = Principal("AssumedRole", ACCOUNT, f"{role}/session", role_arn=role)

    def read(tx: Transaction) -> list[Any]:
        call = Call(plane, principal, "athena", "StartQueryExecution", "", 0.0, tx)
        return list(information_schema.rows(call, name, schemas))

    return store.read(read)


def test_only_what_may_be_seen_has_rows(store: Store) -> None:
    assert rows(store, READER, "schemata") == [("awsdatacatalog", "sales")]
    assert rows(store, READER, "tables") == [("awsdatacatalog", "sales", "orders", "BASE TABLE")]
    assert [(r[3], r[4], r[7], r[9]) for r in rows(store, READER, "columns")] == [
        ("id", 1, "integer", None), ("day", 2, "date", "partition key"),
    ]  # fmt: skip
    assert rows(store, READER, "views") == []
    assert rows(store, f"arn:aws:iam::{ACCOUNT}:role/stranger", "schemata") == []


def test_an_administrator_sees_the_catalog_and_may_ask_for_a_part_of_it(store: Store) -> None:
    assert len(rows(store, ADMIN, "columns")) == 12
    assert {r[1] for r in rows(store, ADMIN, "tables", frozenset({"hidden"}))} == {"hidden"}


def test_every_row_has_the_columns_of_its_table(store: Store) -> None:
    for name, columns in information_schema.TABLES.items():
        assert all(len(row) == len(columns) for row in rows(store, ADMIN, name))
