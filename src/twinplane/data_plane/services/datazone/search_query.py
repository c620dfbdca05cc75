"""Questions to the search index: which entries fit a request, in which order, how many, with which values.

A page takes as long as what it shows, not as what there is: entries are read from an index in the order that is asked
for, behind the last one shown, and filtered on the way; or, when a filter leaves few, those are read and sorted. Which
of the two, the counts say. Only ranking by a text reads all that match it.
Why: `docs/decisions/0036-search-pages-take-the-same-time.md`.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from twinplane.data_plane.call import Call, Request, ServiceError
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.datazone import managed_types
from twinplane.data_plane.services.datazone.search_index import (
    PROJECT,
    TYPE_ATTRIBUTES,
    counted,
    field_of,
    is_counted,
    space_of,
    words,
)
from twinplane.data_plane.store import Document, Transaction

MOST_RANKED = 10_000  # matches of a text: beyond, they are neither counted nor ranked, but given as they come
MOST_VALUES = 100  # of an aggregation
_WEIGHTS = "100.0, 10.0, 3.0, 1.0, 0.5"  # of a match, in the order of the index's fields
_DEEPEST_CLAUSE = 8
_MOST_CONDITIONS = 400  # of one search: SQLite puts at most 500 selections together
_MOST_STREAMS = 100  # projects whose entries are merged in order; beyond, all are read and filtered
_UNKNOWN_MOST = 3_000  # how far entries are counted to guess how many there are
_MANY = 10**9
_COMPARISON = {"EQ": "=", "LT": "<", "LE": "<=", "GT": ">", "GE": ">="}
_COLUMNS = {
    "name": "name",
    **dict.fromkeys(("creationTime", "createdAt", "CREATED_AT"), "created"),
    **dict.fromkeys(("lastUpdatedTime", "updatedAt", "UPDATED_AT"), "updated"),
}
_OUT_OF = (
    "FROM datazone_search_value v {} JOIN datazone_search_entry e ON e.number = v.number "
    "WHERE v.space = ? AND v.attribute = ?"
)

Values = tuple[Any, ...]


@dataclass(frozen=True)
class Found:
    """A page of a search: the ids in order, with where a page behind each begins; how many there are in all."""

    ids: list[str]
    marks: list[list[Any]]
    total: int


@dataclass(frozen=True)
class _Test:
    """A filter: `sql` tests an entry `e`; `source` gives the numbers of all entries that may pass, about `size`."""

    sql: str
    values: Values
    source: str
    source_values: Values
    size: int


class Search:
    """Entries of one scope of a domain that fit `searchText`, `searchIn` and `filters` of a request.

    `projects` restricts to entries of these projects (None: all). Entries with every word of the text are found; when
    there are none and the text is not quoted, entries with any word. Raises ValidationException.
    """

    def __init__(
        self, tx: Transaction, domain: str, scope: str, request: dict[str, Any], projects: list[str] | None
    ) -> None:
        self._tx, self._domain, self._scope, self._projects = tx, domain, scope, projects
        self._space = space_of(tx, domain, scope)
        self._request = request
        clause = request.get("filters")
        check_clause(clause)
        self._filter = self._clause(clause) if clause else None
        self._match: str | None = None
        self._matches = 0
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
        """How many entries fit; of those that match a text, at most `MOST_RANKED` are counted."""
        if self._match is not None:
            return self._matches
        if self._filter is None:
            if self._projects is None:
                return counted(self._tx, self._space)
            return sum(counted(self._tx, self._space, PROJECT, project) for project in self._projects)
        only = self._request["filters"].get("filter")
        if only and self._projects is None and _operator(only) == "EQ" and self._is_counted(only):
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
            test, values = self._test()
            sql = (
                f"SELECT v.value, count(*) {_OUT_OF.format('')} AND {test} "
                f"GROUP BY v.value ORDER BY count(*) DESC, v.value LIMIT {MOST_VALUES}"
            )
            rows = self._tx.run(sql, (self._space, attribute, *values))
        return [(value, count) for value, count in rows]

    # Order

    def _ranked(self, mark: list[Any] | None, limit: int) -> list[tuple[Any, ...]]:
        test, values = self._test(match=False)
        tables = "datazone_search_text t JOIN datazone_search_entry e ON e.number = t.rowid"
        begins = mark[0] if mark else 0
        order = f"bm25(datazone_search_text, {_WEIGHTS}), e.name, e.id"
        if self._matches >= MOST_RANKED:
            order = "t.rowid DESC"
        sql = (
            f"SELECT e.id FROM {tables} WHERE datazone_search_text MATCH ? AND {test} "  # noqa: S608
            f"ORDER BY {order} LIMIT ? OFFSET ?"
        )
        rows = self._tx.run(sql, (self._match, *values, limit, begins))
        return [(row[0], begins + i + 1) for i, row in enumerate(rows)]

    def _sorted(self, sort: dict[str, Any], mark: list[Any] | None, limit: int) -> list[tuple[Any, ...]]:
        descending = sort.get("order") == "DESCENDING"
        column = _COLUMNS.get(sort["attribute"])
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
        fields = _fields([item["attribute"] for item in self._request.get("searchIn") or []])
        test, values = self._test()
        sql = (
            "SELECT count(*) FROM (SELECT 1 FROM datazone_search_text t JOIN datazone_search_entry e "  # noqa: S608
            f"ON e.number = t.rowid WHERE datazone_search_text MATCH ? AND {test} LIMIT {MOST_RANKED})"
        )
        for joint in (" AND ",) if quoted else (" AND ", " OR "):
            match = fields + "(" + joint.join(f'"{word}"*' for word in found) + ")"
            self._matches = self._number(sql, (match, *values))
            self._match = match
            if self._matches:
                return

    # Filters

    def _test(self, *, projects: bool = True, match: bool = True) -> tuple[str, Values]:
        """The conditions that an entry `e` must meet, and their values."""
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
            tests.append(_MATCHES)
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
            found.append((sql, (self._match,), self._matches))
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

    def _clause(self, clause: dict[str, Any]) -> _Test:
        if clause.get("filter") is not None:
            return self._condition(clause["filter"])
        both = clause.get("and") is not None
        parts = [self._clause(part) for part in (clause["and"] if both else clause.get("or") or [])]
        if not parts:
            raise _invalid("A filter clause needs exactly one of filter, and, or.")
        sql = f"({(' AND ' if both else ' OR ').join(part.sql for part in parts)})"
        values = tuple(value for part in parts for value in part.values)
        if both:
            least = min(parts, key=lambda part: part.size)
            return _Test(sql, values, least.source, least.source_values, least.size)
        source = " UNION ".join(part.source for part in parts)
        source_values = tuple(value for part in parts for value in part.source_values)
        return _Test(sql, values, source, source_values, sum(part.size for part in parts))

    def _condition(self, condition: dict[str, Any]) -> _Test:
        attribute, operator, value = condition["attribute"], _operator(condition), _value(condition)
        here = (self._domain, self._scope)
        if attribute in TYPE_ATTRIBUTES and isinstance(value, str):
            value = value.removeprefix(managed_types.PREFIX)  # under either name: that of the type, or of listings
        if operator == "TEXT_SEARCH":
            found, _ = words(str(value))
            if not found:
                raise _invalid(f"The filter on {attribute} has no word to search for.")
            query = _fields([attribute]) + "(" + " AND ".join(f'"{w}"*' for w in found) + ")"
            sql = "SELECT rowid AS number FROM datazone_search_text WHERE datazone_search_text MATCH ?"
            return _Test(_MATCHES, (query,), sql, (query,), self._size(sql, (query,)))
        comparison = _COMPARISON[operator]
        column = _COLUMNS.get(attribute)
        if column in ("created", "updated"):
            at = _seconds(attribute, value)
            sql = f"SELECT number FROM datazone_search_entry WHERE domain = ? AND scope = ? AND {column} {comparison} ?"  # noqa: S608
            return _Test(f"e.{column} {comparison} ?", (at,), sql, (*here, at), self._size(sql, (*here, at)))
        sql = f"SELECT number FROM datazone_search_value WHERE space = ? AND attribute = ? AND value {comparison} ?"  # noqa: S608
        values = (self._space, attribute, value)
        if operator == "EQ" and self._is_counted(condition):
            size = counted(self._tx, *values)
        else:
            size = self._size(sql, values)
        test = (
            "EXISTS (SELECT 1 FROM datazone_search_value x INDEXED BY sqlite_autoindex_datazone_search_value_1 "  # noqa: S608
            f"WHERE x.number = e.number AND x.attribute = ? AND x.value {comparison} ?)"
        )
        return _Test(test, (attribute, value), sql, values, size)

    def _is_counted(self, condition: dict[str, Any]) -> bool:
        return is_counted(condition["attribute"]) and condition["attribute"] not in _COLUMNS

    def _size(self, sql: str, values: Values) -> int:
        size = self._number(f"SELECT count(*) FROM ({sql} LIMIT {_UNKNOWN_MOST})", values)  # noqa: S608
        return size if size < _UNKNOWN_MOST else _MANY


def check_clause(clause: dict[str, Any] | None) -> None:
    """Raises ValidationException when `filters` are nested too deeply or have too many conditions."""
    depth, conditions, level = 0, 0, [clause] if clause else []
    while level:
        if depth > _DEEPEST_CLAUSE:
            raise _invalid(f"filters may be nested {_DEEPEST_CLAUSE} levels deep.")
        conditions += sum(each.get("filter") is not None for each in level)
        if conditions > _MOST_CONDITIONS:
            raise _invalid(f"filters may have {_MOST_CONDITIONS} conditions.")
        level = [part for each in level for part in each.get("and") or each.get("or") or []]
        depth += 1


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


_MATCHES = "e.number IN (SELECT rowid FROM datazone_search_text WHERE datazone_search_text MATCH ?)"


def _fields(attributes: list[str]) -> str:
    """The FTS5 column filter of attributes, found by the fields that hold their text."""
    wanted = {field_of(attribute) for attribute in attributes}
    return f"{{{' '.join(sorted(wanted))}}} : " if wanted else ""


def _operator(condition: dict[str, Any]) -> str:
    return condition.get("operator") or "EQ"


def _value(condition: dict[str, Any]) -> str | int:
    value: str | int | None = condition.get("intValue")
    value = condition.get("value") if value is None else value
    if value is None:
        raise _invalid(f"The filter on {condition['attribute']} needs a value or an intValue.")
    return value


def _seconds(attribute: str, value: str | int) -> float:
    try:
        return float(value)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(str(value))
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except ValueError:
        raise _invalid(f"{attribute} is compared with seconds since the epoch or an ISO 8601 time.") from None


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)
