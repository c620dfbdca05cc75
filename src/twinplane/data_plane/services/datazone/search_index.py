"""The index behind Search, SearchListings and their filters: text by field, and attributes by value.

It is written in the transaction that changes what it describes, so it is never behind. An entry has text in five fields
(full-text, ranked name before columns before the rest) and attributes (exact values, for filters, sorting and counts).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.store import Kind, Transaction

FIELDS = ("name", "columns", "terms", "description", "forms")
_WEIGHTS = "100.0, 10.0, 3.0, 1.0, 0.5"  # of a match, in the order of FIELDS

ENTRIES = Kind(
    "datazone_search",
    key=("domain", "scope", "id"),
    extra=(
        "CREATE TABLE IF NOT EXISTS datazone_search_entry (number INTEGER PRIMARY KEY, domain TEXT NOT NULL, "
        "scope TEXT NOT NULL, id TEXT NOT NULL, project TEXT, name TEXT, created REAL, updated REAL, "
        "UNIQUE (domain, scope, id))",
        *(
            f"CREATE INDEX IF NOT EXISTS datazone_search_entry__{column} "
            f"ON datazone_search_entry (domain, scope, {column}, id)"
            for column in ("name", "created", "updated")
        ),
        f"CREATE VIRTUAL TABLE IF NOT EXISTS datazone_search_text USING fts5({', '.join(FIELDS)}, content='', "
        "contentless_delete=1, tokenize='unicode61 remove_diacritics 2', prefix='2 3')",
        "CREATE TABLE IF NOT EXISTS datazone_search_attribute "
        "(number INTEGER NOT NULL, attribute TEXT NOT NULL, value)",
        "CREATE INDEX IF NOT EXISTS datazone_search_attribute__number ON datazone_search_attribute (number, attribute)",
        "CREATE INDEX IF NOT EXISTS datazone_search_attribute__value "
        "ON datazone_search_attribute (attribute, value, number)",
    ),
)

_WORD = re.compile(r"[^\W_]+(?:_+[^\W_]+)*")
_DEEPEST_CLAUSE = 8
_ROWS_PER_STATEMENT = 200
_TIMES = {"creationTime": "created", "createdAt": "created", "lastUpdatedTime": "updated", "updatedAt": "updated"}
_COMPARISON = {"EQ": "=", "LT": "<", "LE": "<=", "GT": ">", "GE": ">="}


@dataclass(frozen=True)
class Entry:
    """What the index knows of a thing: `text` by field name, `attributes` by attribute name (several values each),
    and when it was created and last updated."""

    domain: str
    scope: str
    id: str
    project: str | None
    name: str
    created: float
    updated: float
    text: dict[str, str] = field(default_factory=dict)
    attributes: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Found:
    """A page of a search: the ids in order, and how many there are in all."""

    ids: list[str]
    total: int


def put(tx: Transaction, entry: Entry) -> None:
    """Indexes an entry, replacing what was known of it."""
    remove(tx, entry.domain, entry.scope, entry.id)
    tx.run(
        "INSERT INTO datazone_search_entry (domain, scope, id, project, name, created, updated) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (entry.domain, entry.scope, entry.id, entry.project, entry.name, entry.created, entry.updated),
    )
    number = tx.run("SELECT last_insert_rowid()")[0][0]
    text = {"name": entry.name, **entry.text}
    tx.run(
        f"INSERT INTO datazone_search_text (rowid, {', '.join(FIELDS)}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608
        (number, *(text.get(f, "") for f in FIELDS)),
    )
    attributes = list(dict.fromkeys(entry.attributes))
    for start in range(0, len(attributes), _ROWS_PER_STATEMENT):
        rows = attributes[start : start + _ROWS_PER_STATEMENT]
        tx.run(
            f"INSERT INTO datazone_search_attribute VALUES {', '.join(['(?, ?, ?)'] * len(rows))}",  # noqa: S608
            [item for attribute, value in rows for item in (number, attribute, value)],
        )


def remove(tx: Transaction, domain: str, scope: str, entry_id: str) -> None:
    """Forgets an entry; no error when there is none."""
    known = "SELECT number FROM datazone_search_entry WHERE domain = ? AND scope = ? AND id = ?"
    for (number,) in tx.run(known, (domain, scope, entry_id)):
        tx.run("DELETE FROM datazone_search_text WHERE rowid = ?", (number,))
        tx.run("DELETE FROM datazone_search_attribute WHERE number = ?", (number,))
        tx.run("DELETE FROM datazone_search_entry WHERE number = ?", (number,))


def holds(tx: Transaction, domain: str, scope: str, attribute: str, value: str) -> bool:
    """Whether some entry has this value of an attribute."""
    rows = tx.run(
        "SELECT 1 FROM datazone_search_attribute a JOIN datazone_search_entry e ON e.number = a.number "
        "WHERE a.attribute = ? AND a.value = ? AND e.domain = ? AND e.scope = ? LIMIT 1",
        (attribute, value, domain, scope),
    )
    return bool(rows)


def words(text: str) -> tuple[list[str], bool]:
    """The words of a search text, and whether it is quoted (all of them must then match)."""
    quoted = len(text.strip()) > 1 and text.strip()[0] == text.strip()[-1] == '"'
    return _WORD.findall(text), quoted


@dataclass(frozen=True)
class _Selection:
    tables: str
    where: str
    values: tuple[Any, ...]
    ranked: bool


def find(
    tx: Transaction,
    domain: str,
    scope: str,
    request: dict[str, Any],
    *,
    projects: Iterable[str] | None,
    offset: int,
    limit: int,
) -> Found:
    """Entries that fit `searchText`, `searchIn` and `filters` of a request, in the order of its `sort`.

    `projects` restricts to entries of these projects (None: all). Entries with every word of the text are found; when
    there are none and the text is not quoted, entries with any word.
    """
    selection, total = _select(tx, domain, scope, request, projects)
    order, order_values = _order(request.get("sort"), selection.ranked)
    rows = tx.run(
        f"SELECT e.id FROM {selection.tables} WHERE {selection.where} ORDER BY {order} LIMIT ? OFFSET ?",  # noqa: S608
        (*selection.values, *order_values, limit, offset),
    )
    return Found([row[0] for row in rows], total)


def counts(
    tx: Transaction, domain: str, scope: str, request: dict[str, Any], attribute: str, *, projects: Iterable[str] | None
) -> list[tuple[Any, int]]:
    """How many found entries have each value of an attribute, most frequent first."""
    selection, _ = _select(tx, domain, scope, request, projects)
    rows = tx.run(
        "SELECT a.value, count(*) FROM datazone_search_attribute a WHERE a.attribute = ? AND a.number IN "  # noqa: S608
        f"(SELECT e.number FROM {selection.tables} WHERE {selection.where}) "
        "GROUP BY a.value ORDER BY count(*) DESC, a.value LIMIT 100",
        (attribute, *selection.values),
    )
    return [(value, count) for value, count in rows]


def _select(
    tx: Transaction, domain: str, scope: str, request: dict[str, Any], projects: Iterable[str] | None
) -> tuple[_Selection, int]:
    where, values = ["e.domain = ?", "e.scope = ?"], [domain, scope]
    if projects is not None:
        allowed = list(projects)
        where.append(f"e.project IN ({', '.join('?' * len(allowed))})")
        values += allowed
    if request.get("filters"):
        clause, clause_values = _clause(request["filters"], 0)
        where.append(clause)
        values += clause_values
    found, quoted = words(request.get("searchText") or "")
    if not found:
        selection = _Selection("datazone_search_entry e", " AND ".join(where), tuple(values), ranked=False)
        return selection, _count(tx, selection)
    fields = _fields(request.get("searchIn") or [])
    tables = "datazone_search_text t JOIN datazone_search_entry e ON e.number = t.rowid"
    for joint in (" AND ",) if quoted else (" AND ", " OR "):
        query = fields + "(" + joint.join(f'"{word}"*' for word in found) + ")"
        text = ["datazone_search_text MATCH ?", *where]
        selection = _Selection(tables, " AND ".join(text), (query, *values), ranked=True)
        total = _count(tx, selection)
        if total:
            break
    return selection, total


def _count(tx: Transaction, selection: _Selection) -> int:
    row = tx.run(f"SELECT count(*) FROM {selection.tables} WHERE {selection.where}", selection.values)[0]  # noqa: S608
    return int(row[0])


def _fields(search_in: list[dict[str, Any]]) -> str:
    """The FTS5 column filter of `searchIn`: names of attributes, found by the field that holds their text."""
    wanted = {field_of(item["attribute"]) for item in search_in}
    return f"{{{' '.join(sorted(wanted))}}} : " if wanted else ""


def field_of(attribute: str) -> str:
    """The text field that holds an attribute: `GlueTableForm.columns.columnName` is in `columns`."""
    if attribute.lower() in ("name", "description"):
        return attribute.lower()
    if attribute in ("__DataZoneGlossaryTerms", "glossaryTerms"):
        return "terms"
    return "columns" if "column" in attribute.lower() else "forms"


def _order(sort: dict[str, Any] | None, ranked: bool) -> tuple[str, tuple[Any, ...]]:
    if not sort:
        return (f"bm25(datazone_search_text, {_WEIGHTS}), e.name, e.id" if ranked else "e.name, e.id"), ()
    direction = "DESC" if sort.get("order") == "DESCENDING" else "ASC"
    attribute = sort["attribute"]
    column = "name" if attribute == "name" else _TIMES.get(attribute)
    if column is not None:
        return f"e.{column} {direction}, e.id {direction}", ()
    value = (
        "(SELECT min(s.value) FROM datazone_search_attribute s INDEXED BY datazone_search_attribute__number "
        "WHERE s.number = e.number AND s.attribute = ?)"
    )
    return f"{value} {direction}, e.id {direction}", (attribute,)


def _clause(clause: dict[str, Any], depth: int) -> tuple[str, list[Any]]:
    if depth > _DEEPEST_CLAUSE:
        raise ServiceError("ValidationException", f"filters may be nested {_DEEPEST_CLAUSE} levels deep.")
    if clause.get("filter") is not None:
        return _condition(clause["filter"])
    joint, parts = ("AND", clause["and"]) if clause.get("and") is not None else ("OR", clause.get("or") or [])
    if not parts:
        raise ServiceError("ValidationException", "A filter clause needs exactly one of filter, and, or.")
    built = [_clause(part, depth + 1) for part in parts]
    return f"({f' {joint} '.join(sql for sql, _ in built)})", [v for _, values in built for v in values]


def _condition(condition: dict[str, Any]) -> tuple[str, list[Any]]:
    attribute, operator = condition["attribute"], condition.get("operator") or "EQ"
    value = condition.get("intValue") if condition.get("intValue") is not None else condition.get("value")
    if value is None:
        raise ServiceError("ValidationException", f"The filter on {attribute} needs a value or an intValue.")
    if operator == "TEXT_SEARCH":
        found, _ = words(str(value))
        if not found:
            raise ServiceError("ValidationException", f"The filter on {attribute} has no word to search for.")
        query = _fields([{"attribute": attribute}]) + "(" + " AND ".join(f'"{w}"*' for w in found) + ")"
        return "e.number IN (SELECT rowid FROM datazone_search_text WHERE datazone_search_text MATCH ?)", [query]
    if attribute in _TIMES:
        return f"e.{_TIMES[attribute]} {_COMPARISON[operator]} ?", [_number(attribute, value)]
    sql = (
        "e.number IN (SELECT f.number FROM datazone_search_attribute f "  # noqa: S608
        f"WHERE f.attribute = ? AND f.value {_COMPARISON[operator]} ?)"
    )
    return sql, [attribute, value]


def _number(attribute: str, value: str | int) -> float:
    try:
        return float(value)
    except ValueError:
        raise ServiceError("ValidationException", f"{attribute} is compared with seconds since the epoch.") from None


def offsets(text: str, wanted: list[str]) -> list[dict[str, int]]:
    """Where words (or words that begin with them) stand in a text, as AWS's matchOffsets."""
    if not wanted:
        return []
    pattern = "|".join(r"(?<![^\W_])" + re.escape(word) for word in sorted(wanted, key=len, reverse=True))
    return [
        {"startOffset": match.start(), "endOffset": match.end()}
        for match in re.finditer(rf"(?:{pattern})", text, re.IGNORECASE)
    ]
