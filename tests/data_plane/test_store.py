"""The store: documents, uniqueness, paging, group commit."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest

from twinplane.data_plane.schema import StateOfNewerVersion
from twinplane.data_plane.store import AlreadyExists, Derived, Kind, NotFound, Store, TooMuch, Transaction, Watch

TEAMS = Kind("team", key=("id",), columns=("name", "unit"), unique=(("unit", "name"),))
MEMBERS = Kind("member", key=("team", "id"))
OTHERS = Kind("other", key=("id",))


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


def test_writes_that_arrive_together_share_a_commit_and_one_that_is_alone_waits_for_none(tmp_path: Path) -> None:
    store, commits = open_store(tmp_path), []
    commit = store._commit
    store._commit = lambda: (commits.append(1), commit())  # type: ignore[method-assign, assignment]

    def add(name: str) -> Any:
        return store.write(lambda tx: tx.add(TEAMS, team(name)))

    async def three() -> None:
        await asyncio.gather(add("a"), add("b"), add("c"))

    asyncio.run(three())
    assert len(commits) == 1
    store.is_alone = lambda: True

    async def one() -> None:
        alone = add("d")
        with pytest.raises(StopIteration):  # it is on disk before the loop turns
            alone.send(None)
        assert [d["id"] for d in store.read(lambda tx: tx.select(TEAMS))] == ["a", "b", "c", "d"]
        with pytest.raises(AlreadyExists):
            await add("d")
        assert (await add("e"))["id"] == "e"

    asyncio.run(one())
    assert len(commits) == 3
    assert store.read(lambda tx: tx.count(TEAMS)) == 5


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


def test_a_page_deep_in_a_list_takes_no_more_work_than_the_first(tmp_path: Path) -> None:
    store = Store(tmp_path / "plane.db", [MEMBERS])
    everybody = [{"team": team, "id": f"{number:04}"} for team in ("red", "blue") for number in range(1000)]

    def work(after: list[str] | None) -> int:
        """In instructions of SQLite's machine; what is listed is as it should be."""
        steps: list[int] = []
        store._reader.set_progress_handler(lambda: steps.append(1), 1)
        rows = store.read(lambda tx: tx.select(MEMBERS, {"team": "red"}, after=after, limit=5))
        first = 0 if after is None else int(after[1]) + 1
        assert [row["id"] for row in rows] == [f"{number:04}" for number in range(first, first + 5)]
        return len(steps)

    asyncio.run(store.write(lambda tx: [tx.add(MEMBERS, member) for member in everybody]))
    assert work(["red", "0990"]) < 2 * work(None)


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


def test_what_follows_a_commit_is_dropped_with_the_step_that_asked_for_it(tmp_path: Path) -> None:
    store, told = open_store(tmp_path), list[str]()

    def change(tx: Transaction) -> None:
        tx.after_commit.append(lambda: told.append("kept"))
        with contextlib.suppress(ValueError), tx.savepoint():
            tx.add(TEAMS, team("undone"))
            tx.after_commit.append(lambda: told.append("undone"))
            raise ValueError

    asyncio.run(store.write(change))
    assert told == ["kept"]
    assert store.read(lambda tx: tx.count(TEAMS)) == 0


def test_a_generation_grows_with_each_committed_change_of_its_kind_alone(tmp_path: Path) -> None:
    store = Store(tmp_path / "plane.db", [TEAMS, OTHERS])
    numbers = [store.generation(TEAMS)]

    def fails(tx: Transaction) -> None:
        raise ValueError

    asyncio.run(store.write(lambda tx: tx.add(TEAMS, team("a"))))
    numbers.append(store.generation(TEAMS))
    asyncio.run(store.write(lambda tx: tx.remove(TEAMS, "a")))
    numbers.append(store.generation(TEAMS))
    assert numbers == sorted(set(numbers))
    asyncio.run(store.write(lambda tx: tx.add(OTHERS, {"id": "x"})))
    with pytest.raises(ValueError):
        asyncio.run(store.write(fails))
    assert store.generation(TEAMS) == numbers[-1] < store.generation(TEAMS, OTHERS)


def test_a_derived_value_is_computed_anew_after_a_change_and_never_kept_from_an_open_one(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    names = Derived("names", (TEAMS,))

    def known(tx: Transaction) -> list[str]:
        return tx.derived(names, "all", lambda: [team["id"] for team in tx.select(TEAMS)])

    def add_and_look(tx: Transaction) -> list[str]:
        tx.add(TEAMS, team("a"))
        return known(tx)

    def look_and_fail(tx: Transaction) -> None:
        tx.add(TEAMS, team("never"))
        known(tx)
        raise ValueError

    assert store.read(known) is store.read(known)
    assert asyncio.run(store.write(add_and_look)) == ["a"] == store.read(known)
    with pytest.raises(ValueError):
        asyncio.run(store.write(look_and_fail))
    assert store.read(known) == ["a"]


def test_a_watched_store_tells_what_a_derived_value_depends_on_and_does_not_name(tmp_path: Path) -> None:
    store = Store(tmp_path / "plane.db", [TEAMS, OTHERS], watch=Watch())
    named, both = Derived("teams alone", (TEAMS,)), Derived("teams and others", (TEAMS, OTHERS))

    def of_teams(tx: Transaction) -> int:
        return tx.derived(named, 1, lambda: tx.count(TEAMS))

    def of_both(tx: Transaction) -> int:
        return tx.derived(both, 1, lambda: of_teams(tx) + len(tx.select(OTHERS)))

    def of_more(tx: Transaction) -> int:
        return tx.derived(named, 2, lambda: of_teams(tx) + len(tx.run('SELECT 1 FROM "other"')))

    assert store.read(of_both) == 0
    for ask in (of_more, of_more):
        with pytest.raises(RuntimeError, match="teams alone depends also on other"):
            store.read(ask)
    with pytest.raises(RuntimeError, match="depends also on other"):
        asyncio.run(store.write(of_more))
    assert store.read(lambda tx: tx.count(OTHERS)) == 0


def test_a_question_that_takes_too_long_is_ended_and_the_next_is_answered(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    asyncio.run(store.write(lambda tx: tx.add(TEAMS, team("a"))))
    count = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ?) SELECT count(*) FROM n"

    def counted(tx: Transaction, most: int) -> int:
        with tx.limited(0.02):
            return int(tx.run(count, (most,))[0][0])

    with pytest.raises(TooMuch):
        store.read(lambda tx: counted(tx, 10**9))
    assert store.read(lambda tx: counted(tx, 10)) == 10
    assert store.read(lambda tx: tx.run(count, (300_000,))) == [(300_000,)]  # without a limit, as long as it takes
    assert store.read(lambda tx: tx.get(TEAMS, "a")) == team("a")
