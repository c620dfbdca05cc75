"""The search index next to a plain list: whatever is put, changed and removed, both answer the same."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.services.datazone import search_index, search_query, search_upkeep
from twinplane.data_plane.services.datazone.search_query import Found, Search
from twinplane.data_plane.store import Store, Transaction
from twinplane.data_plane.tasks import TASKS

DOMAIN, SCOPES, PROJECTS = "dzd-1", ("ASSET", "LISTING"), ("p1", "p2", "p3")
WORDS = ("orders", "sales", "returns", "stock")
Known = dict[tuple[str, str], search_index.Entry]


def entry(chance: random.Random, scope: str, number: int) -> search_index.Entry:
    values: list[tuple[str, Any]] = [("kind", chance.choice(("table", "view")))]
    values += [("tag", tag) for tag in chance.sample("abcde", chance.randint(0, 3))]
    if chance.random() < 0.7:
        values.append(("Form.weight", chance.randint(1, 9)))
    name = f"{chance.choice(WORDS)} {number}"
    project, at = chance.choice(PROJECTS), float(chance.randint(1, 40))
    text = {"description": chance.choice(WORDS)}
    return search_index.Entry(DOMAIN, scope, f"id{number:03}", project, name, at, at + 5, text, tuple(values))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Known]]:
    """An index after many changes, and what it must then know."""
    chance, known = random.Random(7), Known()
    store = Store(tmp_path_factory.mktemp("index") / "plane.db", [search_index.ENTRIES])

    def change(tx: Transaction) -> None:
        for _ in range(1500):
            scope, number = chance.choice(SCOPES), chance.randrange(220)
            key = (scope, f"id{number:03}")
            if chance.random() < 0.25:
                search_index.remove(tx, DOMAIN, *key)
                known.pop(key, None)
            else:
                known[key] = entry(chance, scope, number)
                search_index.put(tx, known[key])

    asyncio.run(store.write(change))
    yield store, known
    store.close()


def fits(item: search_index.Entry, clause: dict[str, Any]) -> bool:
    if "and" in clause:
        return all(fits(item, part) for part in clause["and"])
    if "or" in clause:
        return any(fits(item, part) for part in clause["or"])
    asked = clause["filter"]
    attribute, operator = asked["attribute"], asked.get("operator", "EQ")
    wanted = asked.get("intValue", asked.get("value"))
    values = [v for a, v in [*item.attributes, ("owningProjectId", item.project)] if a == attribute]
    if attribute == "createdAt":
        values, wanted = [item.created], float(wanted)
    if operator == "TEXT_SEARCH":
        return wanted in item.text["description"]
    tests = {"EQ": "__eq__", "LT": "__lt__", "LE": "__le__", "GT": "__gt__", "GE": "__ge__"}
    return any(getattr(value, tests[operator])(wanted) is True for value in values)


def condition(attribute: str, value: Any, operator: str = "EQ") -> dict[str, Any]:
    member = "intValue" if isinstance(value, int) else "value"
    return {"filter": {"attribute": attribute, member: value, "operator": operator}}


FILTERS: tuple[dict[str, Any] | None, ...] = (
    None,
    condition("kind", "view"),
    condition("kind", "neither"),
    condition("tag", "c"),
    condition("Form.weight", 4, "GE"),
    condition("Form.weight", 4, "LT"),
    condition("createdAt", "12", "LE"),
    condition("description", "stock", "TEXT_SEARCH"),
    {"and": [condition("kind", "table"), condition("tag", "a"), condition("owningProjectId", "p2")]},
    {"or": [condition("tag", "a"), condition("tag", "b"), condition("Form.weight", 9)]},
    {"and": [{"or": [condition("tag", "a"), condition("tag", "d")]}, condition("createdAt", "20", "GT")]},
)
SORTS: tuple[tuple[str, str], ...] = tuple(
    (attribute, order)
    for attribute in ("name", "createdAt", "UPDATED_AT", "Form.weight", "tag")
    for order in ("ASCENDING", "DESCENDING")
)


def page_of(request: dict[str, Any], projects: list[str] | None, after: list[Any] | None, tx: Transaction) -> Found:
    return Search(tx, DOMAIN, "LISTING", request, projects).page(after, 7)


def facets_of(request: dict[str, Any], projects: list[str] | None, tx: Transaction) -> list[tuple[Any, int]]:
    return Search(tx, DOMAIN, "LISTING", request, projects).values("tag")


@pytest.mark.parametrize("clause", FILTERS)
@pytest.mark.parametrize("projects", [None, ["p1"], ["p1", "p3"], []])
@pytest.mark.parametrize("most_ranked", [search_query.MOST_RANKED, 30])  # nearly none and nearly all words are many
def test_the_same_entries_are_found_counted_and_paged_in_every_order(
    filled: tuple[Store, Known], clause: dict[str, Any] | None, projects: list[str] | None, most_ranked: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    store, known = filled
    monkeypatch.setattr(search_query, "MOST_RANKED", most_ranked)
    for text in ("", "sales", '"sales stock"', '"sales 7"'):
        words = text.strip('"').split()
        right = [
            item
            for (scope, _), item in known.items()
            if scope == "LISTING"
            and (clause is None or fits(item, clause))
            and (projects is None or item.project in projects)
            and all(f" {word}" in f" {item.name} {item.text['description']}" for word in words)
        ]
        for attribute, order in (("", ""), *SORTS):
            sort = {"sort": {"attribute": attribute, "order": order}} if attribute else {}
            request: dict[str, Any] = {**sort, "searchText": text}
            if clause is not None:
                request["filters"] = clause
            found, after = list[str](), None
            while True:  # a search of its own for each page, as in calls
                page = store.read(partial(page_of, request, projects, after))
                assert page.total == len(right)
                if not page.ids:
                    break
                found += page.ids
                after = page.marks[-1]
            assert len(found) == len(set(found))
            assert set(found) == {item.id for item in right}
            if not attribute:
                continue
            keys = [sort_key(known["LISTING", i], attribute, order) for i in found]
            assert [k for k in keys if k is not None] == sorted(
                (k for k in keys if k is not None), reverse=order == "DESCENDING"
            )
            assert None not in keys[: len([k for k in keys if k is not None])]  # what lacks the attribute comes last
        facets = store.read(partial(facets_of, request, projects))
        assert dict(facets) == Counter(v for item in right for a, v in item.attributes if a == "tag")


def sort_key(item: search_index.Entry, attribute: str, order: str) -> Any:
    columns = {"name": item.name, "createdAt": item.created, "UPDATED_AT": item.updated}
    if attribute in columns:
        return columns[attribute]
    values = [v for a, v in item.attributes if a == attribute]
    return (max if order == "DESCENDING" else min)(values) if values else None


def small(path: Path, *entries: tuple[str, str, str]) -> Store:
    """An index of these entries (project, name, description), numbered as they come."""
    store = Store(path / "plane.db", [search_index.ENTRIES])

    def change(tx: Transaction) -> None:
        for number, (project, name, text) in enumerate(entries):
            found = search_index.Entry(DOMAIN, "LISTING", str(number), project, name, 1.0, 1.0, {"description": text})
            search_index.put(tx, found)

    asyncio.run(store.write(change))
    return store


def test_many_matches_come_newest_first_and_fewer_are_ranked_by_their_rarer_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_query, "MOST_RANKED", 3)
    texts = [("p1", f"thing {n}", "sales") for n in range(6)]
    texts[2], texts[4] = ("p1", "rare thing", "sales"), ("p1", "thing", "rare sales")
    store = small(tmp_path, *texts)
    for text, ids in (("sales", "543210"), ("sales rare", "24"), ("rare", "24"), ("rare absent", "24"), ("absent", "")):
        assert store.read(partial(page_of, {"searchText": text}, None, None)).ids == list(ids), text
    store.close()


def test_what_others_have_shows_in_no_search_of_ones_own_projects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_query, "MOST_RANKED", 3)
    theirs = [("p2", f"thing {n}", "sal") for n in range(6)]
    store = small(tmp_path, *theirs, ("p1", "mine", "salary"))
    mine = store.read(partial(page_of, {"searchText": "sal"}, ["p1"], None))
    assert (mine.ids, mine.total) == (["6"], 1)
    store.close()


def test_parts_of_the_text_index_are_merged_into_one_and_the_same_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_upkeep, "_MANY_PARTS", 1)
    store = Store(tmp_path / "plane.db", [search_index.ENTRIES, TASKS])
    plane: Any = SimpleNamespace(store=store, clock=lambda: 1000.0, tasks=SimpleNamespace(wake=lambda: None))

    async def fill_and_tidy() -> tuple[int, int]:
        for number in range(60):
            found = search_index.Entry(DOMAIN, "LISTING", f"{number:02}", "p1", f"thing {number}", 1.0, 1.0)
            await store.write(lambda tx, e=found: search_index.put(tx, e))  # type: ignore[misc]
        before = store.read(search_upkeep.parts)
        await search_upkeep.arm(plane)
        await search_upkeep.arm(plane)  # as the next start does
        [task] = store.read(lambda tx: tx.select(TASKS))
        await search_upkeep.TASKS[task["kind"]].run(plane, task)
        return before, store.read(search_upkeep.parts)

    before, after = asyncio.run(fill_and_tidy())
    assert (before > 1, after) == (True, 1)
    assert store.read(partial(page_of, {"searchText": "thing 59"}, None, None)).ids == ["59"]
    assert sorted(task["due_at"] for task in store.read(lambda tx: tx.select(TASKS))) == [1000.0, 4600.0]
    store.close()


def test_a_search_that_would_keep_everybody_waiting_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path / "plane.db", [search_index.ENTRIES])
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

    def search(tx: Transaction) -> None:
        with search_query.affordable(tx):
            tx.run(endless)

    with pytest.raises(ServiceError, match="asks too much of the catalog"):
        store.read(search)
