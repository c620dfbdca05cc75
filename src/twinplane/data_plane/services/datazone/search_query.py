"""Questions to the search index: which entries fit a request, in which order, how many, with which values.

A page takes as long as what it shows, not as what there is: entries are read from an index in the order that is asked
for, behind the last one shown, and filtered on the way; or, when a filter leaves few, those are read and sorted. Which
of the two, the counts say. Matches of a text are ranked while there are not too many.
Why: `docs/decisions/0036-search-pages-take-the-same-time.md`.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from twinplane.data_plane.call import Call, Request
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.datazone import rules
from twinplane.data_plane.services.datazone.search_filters import (
    COLUMNS,
    MATCHES,
    Filters,
    Values,
    check_clause,
    fields_filter,
    knows_number,
    operator_of,
)
from twinplane.data_plane.services.datazone.search_index import (
    PROJECT,
    counted,
    is_counted,
    space_of,
    words,
)
from twinplane.data_plane.store import Document, TooMuch, Transaction

MOST_RANKED = 3_000  # matches of a text: beyond, they are not ranked, but come newest first
MOST_COUNTED = 10_000  # matches of a text: beyond, they are not counted
MOST_VALUES = 100  # of an aggregation
_WEIGHTS = "100.0, 10.0, 3.0, 1.0, 0.5"  # of a match, in the order of the index's fields
_MOST_STREAMS = 100  # projects whose entries are merged in order; beyond, all are read and filtered
_MOST_WORDS = 50  # of a text: the rest are not looked for
_MANY = 10**9
_MOST_SECONDS = 1.0  # of the processor, for one search: most take a thousandth of it
_PROBE_COSTS = 40  # to look up one entry in the text index, as multiples of reading the next match
_OUT_OF = (
    "FROM datazone_search_value v {} JOIN datazone_search_entry e ON e.number = v.number "
    "WHERE v.space = ? AND v.attribute = ?"
)


@contextmanager
def affordable(tx: Transaction) -> Iterator[None]:
    """Raises ValidationException when the search inside would keep everybody else waiting."""
    try:
        with tx.limited(_MOST_SECONDS):
            yield
    except TooMuch:
        raise rules.invalid("The search asks too much of the catalog: give it fewer or narrower conditions.") from None


@dataclass(frozen=True)
class Found:
    """A page of a search: the ids in order, with where a page behind each begins; how many there are in all."""

    ids: list[str]
    marks: list[list[Any]]
    total: int


class Search:
    """Entries of one scope of a domain that fit `searchText`, `searchIn` and `filters` of a request.

    `projects` restricts to entries of these projects (None: all). Entries with every word of the text are found; when
    there are none and the text is not quoted, entries with any word. Words are matched from their beginning, but for
    those that more than `MOST_RANKED` entries have as they are: these are matched whole. Raises ValidationException.
    """

    def __init__(
        self, tx: Transaction, domain: str, scope: str, request: dict[str, Any], projects: list[str] | None
    ) -> None:
        self._tx, self._domain, self._scope, self._projects = tx, domain, scope, projects
        self._space = space_of(tx, domain, scope)
        self._request = request
        clause = request.get("filters")
        check_clause(clause)
        self._filter = Filters(tx, domain, scope).clause(clause) if clause else None
        self._match: str | None = None
        self._matches = 0
        self._rank: str | None = None  # what ranks matches: the words that not many entries have
        self._whole = False  # whether all words of the text are matched whole
        found, quoted = words(request.get("searchText") or "")
        if found:
            self._match_text(found, quoted)

    def page(self, after: list[Any] | None, limit: int) -> Found:
        """At most `limit` entries behind a mark, in the order of the request's `sort`: by default the best match
        first, without a text by name. A mark holds the total too, so that only the first page counts."""
        total, mark = (after[0], after[1:]) if after else (self.total(), None)
        sort = self._request.get("sort")
        if self._match is not None and not sort:
            rows = self._ranked(mark, limit)
        else:
            rows = self._sorted(sort or {"attribute": "name"}, mark, limit)
        return Found([row[0] for row in rows], [[total, *row[1:]] for row in rows], total)

    def total(self) -> int:
        """How many entries fit; of those that match a text, at most `MOST_COUNTED` are counted."""
        if self._match is not None:
            return self._matches
        if self._filter is None:
            if self._projects is None:
                return counted(self._tx, self._space)
            return sum(counted(self._tx, self._space, PROJECT, project) for project in self._projects)
        only = self._request["filters"].get("filter")
        if only and self._projects is None and operator_of(only) == "EQ" and knows_number(only):
            assert self._filter is not None
            return self._filter.size
        return self._number(f"SELECT count(*) {self._few()} AND {self._test()[0]}", self._few_values())

    def values(self, attribute: str) -> list[tuple[Any, int]]:
        """How many found entries have each value of an attribute, most frequent first."""
        every = self._match is None and self._filter is None and self._projects is None
        if every and is_counted(attribute):
            sql = "SELECT value, n FROM datazone_search_count WHERE space = ? AND attribute = ? ORDER BY n DESC, value"
            rows = self._tx.run(f"{sql} LIMIT {MOST_VALUES}", (self._space, attribute))
        else:
            test, values = self._test(every=True)
            sql = (
                f"SELECT v.value, count(*) {_OUT_OF.format('')} AND {test} "
                f"GROUP BY v.value ORDER BY count(*) DESC, v.value LIMIT {MOST_VALUES}"
            )
            rows = self._tx.run(sql, (self._space, attribute, *values))
        return [(value, count) for value, count in rows]

    # Order

    def _ranked(self, mark: list[Any] | None, limit: int) -> list[tuple[Any, ...]]:
        """By the words that not many entries have; newest first when there are none, or too many matches."""
        begins = mark[0] if mark else 0
        place, places = "LIMIT ? OFFSET ?", (limit, begins)
        if self._rank is None or self._matches > MOST_RANKED:
            if self._are_few(limit):
                sql = f"SELECT e.id {self._few()} AND {self._test()[0]} ORDER BY e.number DESC {place}"
                rows = self._tx.run(sql, (*self._few_values(), *places))
            else:
                test, values = self._test(match=False)
                sql = f"SELECT e.id {_MATCHING} AND {test} ORDER BY t.rowid DESC {place}"
                rows = self._tx.run(sql, (self._match, *values, *places))
        else:
            test, values = self._test(match=self._rank != self._match)
            order = f"bm25(datazone_search_text, {_WEIGHTS}), e.name, e.id"
            sql = f"SELECT e.id {_MATCHING} AND {test} ORDER BY {order} {place}"
            rows = self._tx.run(sql, (self._rank, *values, *places))
        return [(row[0], begins + i + 1) for i, row in enumerate(rows)]

    def _sorted(self, sort: dict[str, Any], mark: list[Any] | None, limit: int) -> list[tuple[Any, ...]]:
        descending = sort.get("order") == "DESCENDING"
        column = COLUMNS.get(sort["attribute"])
        if column is not None:
            return self._by_column(column, descending, mark, limit)
        rows: list[tuple[Any, ...]] = []
        if mark is None or mark[0] == 0:  # first what has the attribute, then the rest
            rows = [(row[0], 0, *row[1:]) for row in self._by_value(sort, mark[1:] if mark else None, limit)]
            mark = None
        if len(rows) < limit:
            rows += self._without(sort["attribute"], mark[1:] if mark else None, limit - len(rows))
        return rows

    def _by_column(self, column: str, descending: bool, mark: list[Any] | None, limit: int) -> list[tuple[Any, ...]]:
        more, direction = ("<", "DESC") if descending else (">", "ASC")
        behind, behind_values = (f"AND (e.{column}, e.id) {more} (?, ?)", tuple(mark)) if mark else ("", ())
        order = f"ORDER BY e.{column} {direction}, e.id {direction} LIMIT ?"
        if self._are_few(limit):
            sql = f"SELECT e.id, e.{column}, e.id {self._few()} AND {self._test()[0]} {behind} {order}"
            return self._tx.run(sql, (*self._few_values(), *behind_values, limit))
        test, values = self._test(projects=False)
        walk = (
            f"SELECT e.id, e.{column}, e.id AS same FROM datazone_search_entry e INDEXED BY {{}} "  # noqa: S608
            f"WHERE e.domain = ? AND e.scope = ? AND {{}} AND {test} {behind} {order}"
        )
        here = (self._domain, self._scope)
        if self._projects is not None and len(self._projects) <= _MOST_STREAMS:
            streams = [
                self._tx.run(
                    walk.format(f"datazone_search_entry__project_{column}", "e.project = ?"),
                    (*here, project, *values, *behind_values, limit),
                )
                for project in self._projects
            ]
            merged = sorted((row for rows in streams for row in rows), key=lambda r: r[1:], reverse=descending)
            return merged[:limit]
        mine, mine_values = self._in_projects()
        sql = walk.format(f"datazone_search_entry__{column}", mine)
        return self._tx.run(sql, (*here, *mine_values, *values, *behind_values, limit))

    def _by_value(self, sort: dict[str, Any], mark: list[Any] | None, limit: int) -> list[tuple[Any, ...]]:
        descending = sort.get("order") == "DESCENDING"
        more, direction, edge = ("<", "DESC", 2) if descending else (">", "ASC", 1)
        behind, behind_values = (f"AND (v.value, v.number) {more} (?, ?)", tuple(mark)) if mark else ("", ())
        test, values = self._test()
        sql = (
            f"SELECT e.id, v.value, v.number {_OUT_OF.format('CROSS')} AND v.edge & {edge} AND {test} {behind} "
            f"ORDER BY v.value {direction}, v.number {direction} LIMIT ?"
        )
        return self._tx.run(sql, (self._space, sort["attribute"], *values, *behind_values, limit))

    def _without(self, attribute: str, mark: list[Any] | None, limit: int) -> list[tuple[Any, ...]]:
        test, values = self._test()
        sql = (
            "SELECT e.id, 1, e.id FROM datazone_search_entry e WHERE e.domain = ? AND e.scope = ? AND e.id > ? "  # noqa: S608
            "AND NOT EXISTS (SELECT 1 FROM datazone_search_value a WHERE a.number = e.number AND a.attribute = ?) "
            f"AND {test} ORDER BY e.id LIMIT ?"
        )
        begins = mark[0] if mark else ""
        return self._tx.run(sql, (self._domain, self._scope, begins, attribute, *values, limit))

    # Text

    def _match_text(self, found: list[str], quoted: bool) -> None:
        fields = fields_filter([item["attribute"] for item in self._request.get("searchIn") or []])
        most = MOST_COUNTED if len(set(found)) == 1 else MOST_RANKED + 1
        asked = {word: self._having(fields, word, most) for word in found[:_MOST_WORDS]}
        starts = [f'"{word}"*' for word, many in asked.items() if many <= MOST_RANKED]
        self._whole = not starts
        for joint in (" AND ",) if quoted else (" AND ", " OR "):
            words_of = [f'"{word}"' for word, many in asked.items() if many > MOST_RANKED] + starts
            match, self._match = f"{fields}({joint.join(words_of)})", None
            known = len(asked) == 1 and self._whole and self._filter is None
            self._matches = max(asked.values()) if known else self._count_matches(match)
            self._match = match
            self._rank = f"{fields}({joint.join(starts)})" if starts else None
            if self._matches:
                return

    def _having(self, fields: str, word: str, most: int) -> int:
        """How many entries have the whole word, counted up to `most`.

        FTS5 reads all that has a beginning, but of a whole word only as much as it is asked for. Nothing may follow
        from entries that the caller does not see: where not all see all, no word is many.
        """
        if self._projects is not None:
            return 0
        sql = f"SELECT count(*) FROM (SELECT 1 {_MATCHING} AND e.domain = ? AND e.scope = ? LIMIT ?)"  # noqa: S608
        return self._number(sql, (f'{fields}("{word}")', self._domain, self._scope, most))

    def _count_matches(self, match: str) -> int:
        """How many entries match, at most `MOST_COUNTED`: of all that match or, if these are fewer, of what else
        restricts the search."""
        test, values = self._test()
        few = (self._filter is not None or self._projects is not None) and self._whole
        if few and self._sources()[2] * _PROBE_COSTS < counted(self._tx, self._space):
            sql = f"SELECT count(*) {self._few()} AND {test} AND {_IS_MATCH}"
            return self._number(sql, (*self._few_values(), match))
        sql = f"SELECT count(*) FROM (SELECT 1 {_MATCHING} AND {test} LIMIT ?)"  # noqa: S608
        return self._number(sql, (match, *values, MOST_COUNTED))

    # Filters

    def _test(self, *, projects: bool = True, match: bool = True, every: bool = False) -> tuple[str, Values]:
        """The conditions that an entry `e` must meet, and their values.

        `every`: so many entries are tested that all matches are better read first than each looked up.
        """
        tests = ["e.domain = ? AND e.scope = ?"]
        values: Values = (self._domain, self._scope)
        if self._filter is not None:
            tests.append(self._filter.sql)
            values += self._filter.values
        if projects and self._projects is not None:
            mine, mine_values = self._in_projects()
            tests.append(mine)
            values += mine_values
        if match and self._match is not None:
            tests.append(MATCHES if every or not self._whole else _IS_MATCH)
            values += (self._match,)
        return " AND ".join(tests), values

    def _in_projects(self) -> tuple[str, Values]:
        if self._projects is None:
            return "1", ()
        return f"e.project IN ({', '.join('?' * len(self._projects))})", tuple(self._projects)

    def _few(self) -> str:
        """All entries that may fit, from what restricts them most; `_few_values` has its values and the test's."""
        return f"FROM ({self._sources()[0]}) f CROSS JOIN datazone_search_entry e ON e.number = f.number WHERE 1"

    def _few_values(self) -> Values:
        return (*self._sources()[1], *self._test()[1])

    def _sources(self) -> tuple[str, Values, int]:
        found: list[tuple[str, Values, int]] = []
        if self._match is not None:
            sql = "SELECT rowid AS number FROM datazone_search_text WHERE datazone_search_text MATCH ?"
            alone = self._filter is None and self._projects is None
            found.append((sql, (self._match,), self._matches if alone or not self._whole else _MANY))
        if self._filter is not None:
            found.append((self._filter.source, self._filter.source_values, self._filter.size))
        if self._projects is not None:
            mine, values = self._in_projects()
            sql = f"SELECT number FROM datazone_search_entry e WHERE e.domain = ? AND e.scope = ? AND {mine}"  # noqa: S608
            size = sum(counted(self._tx, self._space, PROJECT, project) for project in self._projects)
            found.append((sql, (self._domain, self._scope, *values), size))
        return min(found, key=lambda source: source[2])

    def _are_few(self, limit: int) -> bool:
        """Whether reading and sorting all that fit costs less than reading in order until a page is full."""
        if self._match is None and self._filter is None:
            return False
        return self._sources()[2] <= math.isqrt(limit * max(1, counted(self._tx, self._space)))

    def _number(self, sql: str, values: Values) -> int:
        return int(self._tx.run(sql, values)[0][0])


def page_of(call: Call, request: Request, found: Search) -> tuple[list[str], str | None, int]:
    """A page of what was found: ids, the token of the next page, and how many there are in all."""
    total = 0

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        nonlocal total
        shown = found.page(after, limit)
        total = shown.total
        return [{"id": i, "mark": mark} for i, mark in zip(shown.ids, shown.marks, strict=True)]

    rows, token = page(call, request, fetch, lambda row: row["mark"], most=50)
    return [row["id"] for row in rows], token, total


_MATCHING = (
    "FROM datazone_search_text t JOIN datazone_search_entry e ON e.number = t.rowid WHERE datazone_search_text MATCH ?"
)
_IS_MATCH = "EXISTS (SELECT 1 FROM datazone_search_text t WHERE t.datazone_search_text MATCH ? AND t.rowid = e.number)"
