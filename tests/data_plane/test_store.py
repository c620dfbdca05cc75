"""The store: documents, uniqueness, paging, group commit."""

import asyncio
from pathlib import Path

import pytest

from twinplane.data_plane.schema import StateOfNewerVersion
from twinplane.data_plane.store import AlreadyExists, Kind, NotFound, Store, Transaction

TEAMS = Kind("team", key=("id",), columns=("name", "unit"), unique=(("unit", "name"),))


def open_store(folder: Path) -> Store:
    return Store(folder / "plane.db", [TEAMS])


def team(id: str, name: str = "", unit: str = "sales") -> dict[str, object]:
    return {"id": id, "name": name or id, "unit": unit, "extra": {"kept": True}}


def test_what_was_written_is_found_again_after_reopening(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    asyncio.run(store.write(lambda tx: tx.add(TEAMS, team("a"))))
    store.close()
    assert open_store(tmp_path).read(lambda tx: tx.get(TEAMS, "a")) == team("a")


def test_a_failed_write_leaves_the_others_of_its_batch_alone(tmp_path: Path) -> None:
    store = open_store(tmp_path)

    def fails(tx: Transaction) -> None:
        tx.add(TEAMS, team("half"))
        raise ValueError("no")

    async def batch() -> list[object]:
        return await asyncio.gather(
            store.write(lambda tx: tx.add(TEAMS, team("a"))),
            store.write(fails),
            store.write(lambda tx: tx.add(TEAMS, team("b"))),
            return_exceptions=True,
        )

    results = asyncio.run(batch())
    assert isinstance(results[1], ValueError)
    assert [d["id"] for d in store.read(lambda tx: tx.select(TEAMS))] == ["a", "b"]


def test_a_unique_group_refuses_a_second_document_and_put_replaces_by_key(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    asyncio.run(store.write(lambda tx: tx.add(TEAMS, team("a", "one"))))
    with pytest.raises(AlreadyExists):
        asyncio.run(store.write(lambda tx: tx.add(TEAMS, team("b", "one"))))
    with pytest.raises(AlreadyExists):
        asyncio.run(store.write(lambda tx: tx.put(TEAMS, team("b", "one"))))
    asyncio.run(store.write(lambda tx: tx.put(TEAMS, team("a", "two"))))
    assert store.read(lambda tx: tx.get(TEAMS, "a"))["name"] == "two"
    with pytest.raises(NotFound):
        store.read(lambda tx: tx.get(TEAMS, "b"))


def test_pages_continue_behind_the_last_sort_key(tmp_path: Path) -> None:
    store = open_store(tmp_path)

    def fill(tx: Transaction) -> None:
        for number in range(7):
            tx.add(TEAMS, team(f"t{number}", name=f"n{number // 2}", unit=f"u{number}"))

    asyncio.run(store.write(fill))
    seen: list[str] = []
    after = None
    while rows := store.read(lambda tx, after=after: tx.select(TEAMS, order=("name",), after=after, limit=3)):
        seen += [r["id"] for r in rows]
        after = [rows[-1]["name"], rows[-1]["id"]]
    assert seen == [f"t{n}" for n in range(7)]
    assert store.read(lambda tx: tx.count(TEAMS, {"unit": ["u1", "u2"]})) == 2
    assert store.read(lambda tx: tx.first(TEAMS, {"unit": "u9"})) is None


def test_state_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store._writer.execute("PRAGMA user_version=99")
    store.close()
    with pytest.raises(StateOfNewerVersion, match="newer program"):
        open_store(tmp_path)


def test_a_column_that_a_kind_gains_is_filled_from_the_documents_that_are_there(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    asyncio.run(store.write(lambda tx: tx.add(TEAMS, team("a") | {"active": True, "size": 7})))
    store.close()
    wider = Kind("team", key=("id",), columns=("name", "unit", "active", "size"), indexes=(("size",),))
    store = Store(tmp_path / "plane.db", [wider])
    assert store.read(lambda tx: [d["id"] for d in tx.select(wider, {"size": 7, "active": True})]) == ["a"]
