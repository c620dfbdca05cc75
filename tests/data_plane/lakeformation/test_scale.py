"""What a question costs does not grow with the grants and tables that it is not about: documents read are counted."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from twinplane.data_plane import store as state
from twinplane.data_plane.services.glue import store as glue
from twinplane.data_plane.services.iam import store as iam
from twinplane.data_plane.services.identitystore import store as identitystore
from twinplane.data_plane.services.lakeformation import names
from twinplane.data_plane.services.lakeformation import store as lake
from twinplane.data_plane.store import Store, Transaction

ROLE, BY_TAGS = "arn:aws:iam::111122223333:role/reader", "arn:aws:iam::111122223333:role/by_tags"
POLICY = {"LFTagPolicy": {"ResourceType": "TABLE", "Expression": [{"TagKey": "k", "TagValues": ["a"]}]}}
WHO = (frozenset({ROLE}), frozenset({BY_TAGS}))


def _fill(tx: Transaction, size: int) -> None:
    columns = [{"Name": "id", "Type": "int"}]
    for database in ("d", "other"):
        glue.create_database(tx, {"Name": database}, 0.0, catalog_id="111122223333")
    for number in range(size):
        database = "d" if number < 5 else "other"
        table = {"Name": f"t{number}", "StorageDescriptor": {"Columns": columns, "Location": f"s3://b/{number}"}}
        glue.create_table(tx, database, table, 0.0)
        resource = {"Table": {"DatabaseName": database, "Name": f"t{number}"}}
        if number < 5:
            lake.grant(tx, principal=ROLE, resource=resource, permissions=["SELECT"], now=0.0)
        for principal in (f"{ROLE}{number}", f"{ROLE}{number + 1}"):
            lake.grant(tx, principal=principal, resource=resource, permissions=["SELECT"], now=0.0)
        if number % 2:
            tx.put(lake.TAGGED, {"database": database, "table": f"t{number}", "column": "", "tags": {"k": "a"}})
    lake.grant(tx, principal=BY_TAGS, resource=POLICY, permissions=["SELECT"], now=0.0)


@pytest.fixture
def reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., int]]:
    """How many documents a question reads of a small and of a large lake; it must be the same number."""
    stores, count = [], [0]
    for size in (20, 600):
        opened = Store(tmp_path / f"{size}.db", [*glue.KINDS, *lake.KINDS, *identitystore.KINDS, *iam.KINDS])
        asyncio.run(opened.write(lambda tx, size=size: _fill(tx, size)))
        stores.append(opened)
    decode = state._decode

    def counted(body: Any) -> Any:
        count[0] += 1
        return decode(body)

    monkeypatch.setattr(state, "_decode", counted)

    def ask(question: Callable[[Transaction], Any]) -> int:
        found = []
        for opened in stores:
            opened.derived.clear()
            count[0] = 0
            opened.read(question)
            found.append(count[0])
        assert found[0] == found[1]
        assert found[0] < 50
        return found[0]

    yield ask
    for opened in stores:
        opened.close()


@pytest.mark.parametrize("who", WHO)
def test_one_table_is_decided_by_its_own_grants(reads: Callable[..., int], who: lake.Principals) -> None:
    def question(tx: Transaction) -> None:
        access = lake.table_access(tx, who, tx.get(glue.TABLES, "d", "t1"))
        assert access is not None
        assert lake.may(tx, who, names.table("d", "t1"), "SELECT")
        assert not lake.may(tx, who, names.database("d"), "CREATE_TABLE")

    assert reads(question) > 0


@pytest.mark.parametrize("who", WHO)
def test_what_is_seen_of_a_database_does_not_depend_on_the_others(
    reads: Callable[..., int], who: lake.Principals
) -> None:
    def question(tx: Transaction) -> None:
        asked = [f"t{number}" for number in range(5)]
        assert len(lake.visible_tables(tx, who, "d", asked)) == (5 if ROLE in who else 2)
        assert lake.is_database_visible(tx, who, "d")

    assert reads(question) > 0


def test_nobody_is_told_so_as_quickly(reads: Callable[..., int]) -> None:
    stranger = frozenset({"arn:aws:iam::111122223333:role/nobody"})

    def question(tx: Transaction) -> None:
        assert lake.visible_databases(tx, stranger, ["d", "other"]) == set()
        assert lake.table_access(tx, stranger, tx.get(glue.TABLES, "d", "t1")) is None

    assert reads(question) == 1  # the table


@pytest.mark.parametrize(
    "where",
    [
        {"principal": ROLE},
        {"type": "LF_TAG_POLICY_TABLE"},
        {"type": "DATABASE"},
        {"database": "d", "table": ["t1", "*"]},
        {"principal": [ROLE], "type": "TABLE"},
        {"principal": [ROLE, BY_TAGS], "database": "d", "table": ["t1", "*"]},
    ],
)
def test_grants_are_found_by_an_index(tmp_path: Path, where: dict[str, Any]) -> None:
    store = Store(tmp_path / "plane.db", lake.KINDS)
    shape, values = state._where(where)
    sql = state._select_sql(lake.GRANTS, shape, lake.GRANTS.key, after=False, limit=False, descending=False)
    plan = store.read(lambda tx: tx.run(f"EXPLAIN QUERY PLAN {sql}", values))
    assert all("SCAN" not in step[3] for step in plan), plan
    store.close()
