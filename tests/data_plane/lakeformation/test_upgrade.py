"""Grants of a state from before names with a slash or comma were told apart."""

import asyncio
from pathlib import Path
from typing import Any

from twinplane.data_plane.app import kinds_and_tasks
from twinplane.data_plane.services.glue import store as glue
from twinplane.data_plane.services.lakeformation import store as lake
from twinplane.data_plane.store import Store, Transaction
from twinplane.data_plane.upgrades import UPGRADES

BEFORE = [u.run.__name__ for u in UPGRADES].index("_grants_name_resources_so_that_no_two_are_alike")
ANN = "arn:aws:identitystore:::user/ann"
OLD: list[dict[str, Any]] = [
    {"resource": "table/d/a/b/", "kind": "table", "database": "d", "table": "a/b"},
    {"resource": "columns/d/t//+x,y", "kind": "columns", "database": "d", "table": "t", "columns": ["x,y"]},
    {"resource": "location///arn:aws:s3:::b/p", "kind": "location", "name": "arn:aws:s3:::b/p"},
    {"resource": "database/d//", "kind": "database", "database": "d"},
]


def test_grants_of_an_earlier_state_count_for_the_same_and_for_nothing_else(tmp_path: Path) -> None:
    kinds, _ = kinds_and_tasks()
    common: dict[str, Any] = {
        "principal": ANN, "database": "", "table": "", "name": "", "columns": [], "excluded": [],
        "Permissions": ["ALTER", "DATA_LOCATION_ACCESS", "SELECT"], "PermissionsWithGrantOption": [],
        "LastUpdated": 1.0, "LastUpdatedBy": "",
    }  # fmt: skip

    def before(tx: Transaction) -> None:
        for database, table in (("d", "a/b"), ("d", "t"), ("d/a", "b")):
            columns = {"StorageDescriptor": {"Columns": [{"Name": name} for name in ("x", "y", "x,y")]}}
            tx.put(glue.TABLES, {"DatabaseName": database, "Name": table, **columns})
        for grant in OLD:
            tx.add(lake.GRANTS, common | grant)

    store = Store(tmp_path / "plane.db", kinds, UPGRADES[:BEFORE])
    asyncio.run(store.write(before))
    store.close()
    store = Store(tmp_path / "plane.db", kinds, UPGRADES)
    who = frozenset({ANN})

    def after(tx: Transaction) -> None:
        assert tx.count(lake.GRANTS) == len(OLD)
        assert lake.has_permission(tx, who, "ALTER", "d", "a/b")
        assert not lake.has_permission(tx, who, "ALTER", "d/a", "b")
        access = lake.table_access(tx, who, tx.get(glue.TABLES, "d", "t"))
        assert access is not None
        assert access.columns == ("x,y",)
        assert lake.has_permission(tx, who, "ALTER", "d")

    store.read(after)
    asyncio.run(
        store.write(
            lambda tx: lake.grant(
                tx, principal=ANN, resource={"Table": {"DatabaseName": "d", "Name": "a/b"}}, permissions=["DROP"],
                now=2.0,
            )
        )
    )  # fmt: skip
    assert store.read(lambda tx: tx.count(lake.GRANTS)) == len(OLD)  # what it has already was added to
    store.close()
