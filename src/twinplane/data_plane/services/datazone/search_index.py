"""The index behind Search, SearchListings and their filters: text by field, values by attribute, and counts of both.

It is written in the transaction that changes what it describes, so it is never behind. An entry has text in five fields
(full-text, ranked name before columns before the rest) and values of attributes (exact, for filters, sorting and
counts). Questions to it: `search_query`. How it stays quick: `docs/decisions/0036-search-pages-take-the-same-time.md`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from twinplane.data_plane.store import Kind, Transaction

FIELDS = ("name", "columns", "terms", "description", "forms")
PROJECT = "owningProjectId"
TYPE_ATTRIBUTES = (
    "typeName",
    "assetTypeName",
    "entityType",
)  # without the prefix of managed types, as listings show it

VALUE_TABLES = (
    "CREATE TABLE IF NOT EXISTS datazone_search_space (number INTEGER PRIMARY KEY, domain TEXT NOT NULL, "
    "scope TEXT NOT NULL, UNIQUE (domain, scope))",
    # edge: whether it is the smallest (1), the largest (2) or the only (3) value that the entry has of the attribute
    "CREATE TABLE IF NOT EXISTS datazone_search_value (space INTEGER NOT NULL, number INTEGER NOT NULL, "
    "attribute TEXT NOT NULL, value, edge INTEGER NOT NULL, PRIMARY KEY (number, attribute, value)) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS datazone_search_value__value "
    "ON datazone_search_value (space, attribute, value, number)",
    "CREATE TABLE IF NOT EXISTS datazone_search_count (space INTEGER NOT NULL, attribute TEXT NOT NULL, value, "
    "n INTEGER NOT NULL, PRIMARY KEY (space, attribute, value)) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS datazone_search_count__n ON datazone_search_count (space, attribute, n DESC, value)",
)
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
        *(
            f"CREATE INDEX IF NOT EXISTS datazone_search_entry__project_{column} "
            f"ON datazone_search_entry (domain, scope, project, {column}, id)"
            for column in ("name", "created", "updated")
        ),
        f"CREATE VIRTUAL TABLE IF NOT EXISTS datazone_search_text USING fts5({', '.join(FIELDS)}, content='', "
        "contentless_delete=1, tokenize='unicode61 remove_diacritics 2', prefix='2 3')",
        *VALUE_TABLES,
    ),
)

MOST_TEXT = 200_000  # characters of a field that are searched: everybody waits while they are written
_ROWS_PER_STATEMENT = 150
_TOTAL = ""  # the attribute under which all entries of a space are counted
_NOT_COUNTED = ("name", "externalIdentifier")  # nearly every entry has a value of its own


@dataclass(frozen=True)
class Entry:
    """What the index knows of a thing: `text` by field name, `attributes` by attribute name (several values each),
    and when it was created and last updated."""

    domain: str
    scope: str
    id: str
    project: str
    name: str
    created: float
    updated: float
    text: dict[str, str] = field(default_factory=dict)
    attributes: tuple[tuple[str, Any], ...] = ()


def put(tx: Transaction, entry: Entry) -> None:
    """Indexes an entry, replacing what was known of it."""
    space = _space(tx, entry.domain, entry.scope)
    values = (entry.project, entry.name, entry.created, entry.updated)
    known = _number(tx, entry.domain, entry.scope, entry.id)
    if known is None:
        tx.run(
            "INSERT INTO datazone_search_entry (domain, scope, id, project, name, created, updated) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (entry.domain, entry.scope, entry.id, *values),
        )
        number, old = int(tx.run("SELECT last_insert_rowid()")[0][0]), {}
        _count(tx, space, [(_TOTAL, _TOTAL)], 1)
    else:
        number, old = known, _values(tx, known)
        sql = "UPDATE datazone_search_entry SET project = ?, name = ?, created = ?, updated = ? WHERE number = ?"
        tx.run(sql, (*values, number))
        tx.run("DELETE FROM datazone_search_text WHERE rowid = ?", (number,))
    text = {"name": entry.name, **entry.text}
    tx.run(
        f"INSERT INTO datazone_search_text (rowid, {', '.join(FIELDS)}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608
        (number, *(text.get(f, "")[:MOST_TEXT] for f in FIELDS)),
    )
    new = _with_edges([(PROJECT, entry.project), *entry.attributes])
    gone = [key for key in old if old[key] != new.get(key)]
    added = [key for key in new if new[key] != old.get(key)]
    for attribute, value in gone:
        sql = "DELETE FROM datazone_search_value WHERE number = ? AND attribute = ? AND value = ?"
        tx.run(sql, (number, attribute, value))
    for start in range(0, len(added), _ROWS_PER_STATEMENT):
        rows = added[start : start + _ROWS_PER_STATEMENT]
        tx.run(
            f"INSERT INTO datazone_search_value VALUES {', '.join(['(?, ?, ?, ?, ?)'] * len(rows))}",  # noqa: S608
            [item for key in rows for item in (space, number, *key, new[key])],
        )
    _count(tx, space, [key for key in old if key not in new], -1)
    _count(tx, space, [key for key in new if key not in old], 1)


def remove(tx: Transaction, domain: str, scope: str, entry_id: str) -> None:
    """Forgets an entry; no error when there is none."""
    number = _number(tx, domain, scope, entry_id)
    if number is None:
        return
    _count(tx, _space(tx, domain, scope), [(_TOTAL, _TOTAL), *_values(tx, number)], -1)
    tx.run("DELETE FROM datazone_search_text WHERE rowid = ?", (number,))
    tx.run("DELETE FROM datazone_search_value WHERE number = ?", (number,))
    tx.run("DELETE FROM datazone_search_entry WHERE number = ?", (number,))


def forget(tx: Transaction, domain: str) -> None:
    """Forgets a domain and whatever entries it has."""
    for scope, entry_id in tx.run("SELECT scope, id FROM datazone_search_entry WHERE domain = ?", (domain,)):
        remove(tx, domain, scope, entry_id)
    tx.run("DELETE FROM datazone_search_space WHERE domain = ?", (domain,))


def space_of(tx: Transaction, domain: str, scope: str) -> int | None:
    """The number of a domain's entries of one scope; None when there never was one."""
    rows = tx.run("SELECT number FROM datazone_search_space WHERE domain = ? AND scope = ?", (domain, scope))
    return int(rows[0][0]) if rows else None


def holds(tx: Transaction, domain: str, scope: str, attribute: str, value: str) -> bool:
    """Whether some entry has this value of an attribute."""
    sql = "SELECT 1 FROM datazone_search_value WHERE space = ? AND attribute = ? AND value = ? LIMIT 1"
    return bool(tx.run(sql, (space_of(tx, domain, scope), attribute, value)))


def is_counted(attribute: str) -> bool:
    """Whether it is known at once how many entries have a value of the attribute."""
    return attribute not in _NOT_COUNTED and field_of(attribute) != "columns"


def counted(tx: Transaction, space: int | None, attribute: str = _TOTAL, value: Any = _TOTAL) -> int:
    """How many entries have a value of an attribute that `is_counted`; how many there are, when none is given."""
    sql = "SELECT n FROM datazone_search_count WHERE space = ? AND attribute = ? AND value = ?"
    rows = tx.run(sql, (space, attribute, value))
    return int(rows[0][0]) if rows else 0


def field_of(attribute: str) -> str:
    """The text field that holds an attribute: `GlueTableForm.columns.columnName` is in `columns`."""
    if attribute.lower() in ("name", "description"):
        return attribute.lower()
    if attribute in ("__DataZoneGlossaryTerms", "glossaryTerms"):
        return "terms"
    return "columns" if "column" in attribute.lower() else "forms"


def upgrade(tx: Transaction) -> None:
    """Fills the tables of values and counts from the table of an earlier version, and removes that."""
    if not tx.run("SELECT 1 FROM sqlite_schema WHERE name = 'datazone_search_attribute'"):
        return
    for statement in VALUE_TABLES:
        tx.run(statement)
    tx.run(
        "INSERT OR IGNORE INTO datazone_search_space (domain, scope) "
        "SELECT DISTINCT domain, scope FROM datazone_search_entry"
    )
    space = (
        "SELECT {} FROM datazone_search_entry e "
        "JOIN datazone_search_space s ON s.domain = e.domain AND s.scope = e.scope"
    )
    edge = (
        "(a.value = min(a.value) OVER (PARTITION BY a.number, a.attribute)) "
        "+ 2 * (a.value = max(a.value) OVER (PARTITION BY a.number, a.attribute))"
    )
    pairs = (
        "SELECT number, attribute, value FROM datazone_search_attribute UNION "  # noqa: S608 - our names
        f"SELECT number, '{PROJECT}', project FROM datazone_search_entry WHERE project IS NOT NULL"
    )
    values = space.format(f"s.number, a.number, a.attribute, a.value, {edge}")
    tx.run(f"INSERT INTO datazone_search_value {values} JOIN ({pairs}) a ON a.number = e.number")
    totals = space.format(f"s.number, '{_TOTAL}', '{_TOTAL}', count(*)")
    tx.run(f"INSERT INTO datazone_search_count {totals} GROUP BY s.number")
    for sp, attribute in tx.run("SELECT DISTINCT space, attribute FROM datazone_search_value"):
        if is_counted(attribute):
            tx.run(
                "INSERT INTO datazone_search_count SELECT space, attribute, value, count(*) FROM datazone_search_value "
                "WHERE space = ? AND attribute = ? GROUP BY value",
                (sp, attribute),
            )
    tx.run("DROP TABLE datazone_search_attribute")


def _number(tx: Transaction, domain: str, scope: str, entry_id: str) -> int | None:
    sql = "SELECT number FROM datazone_search_entry WHERE domain = ? AND scope = ? AND id = ?"
    rows = tx.run(sql, (domain, scope, entry_id))
    return int(rows[0][0]) if rows else None


def _space(tx: Transaction, domain: str, scope: str) -> int:
    known = space_of(tx, domain, scope)
    if known is not None:
        return known
    tx.run("INSERT INTO datazone_search_space (domain, scope) VALUES (?, ?)", (domain, scope))
    return int(tx.run("SELECT last_insert_rowid()")[0][0])


def _values(tx: Transaction, number: int) -> dict[tuple[str, Any], int]:
    rows = tx.run("SELECT attribute, value, edge FROM datazone_search_value WHERE number = ?", (number,))
    return {(attribute, value): edge for attribute, value, edge in rows}


def _with_edges(attributes: Iterable[tuple[str, Any]]) -> dict[tuple[str, Any], int]:
    by_name: dict[str, list[Any]] = {}
    for attribute, value in dict.fromkeys(attributes):
        by_name.setdefault(attribute, []).append(value)
    found = {}
    for attribute, values in by_name.items():
        ordered = sorted(values, key=lambda v: (isinstance(v, str), v))  # as SQLite orders: numbers before text
        for value in values:
            found[attribute, value] = (value == ordered[0]) + 2 * (value == ordered[-1])
    return found


def _count(tx: Transaction, space: int, keys: Iterable[tuple[str, Any]], change: int) -> None:
    rows = [(space, attribute, value, change) for attribute, value in keys if is_counted(attribute)]
    if change > 0:
        tx.run_many(
            "INSERT INTO datazone_search_count VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n", rows
        )
        return
    for row in rows:
        key = row[:3]
        sql = "UPDATE datazone_search_count SET n = n - 1 WHERE space = ? AND attribute = ? AND value = ? RETURNING n"
        if tx.run(sql, key) == [(0,)]:
            tx.run("DELETE FROM datazone_search_count WHERE space = ? AND attribute = ? AND value = ?", key)


WORD = re.compile(r"[^\W_]+(?:_+[^\W_]+)*")


def words(text: str) -> tuple[list[str], bool]:
    """The words of a search text, and whether it is quoted (all of them must then match)."""
    quoted = len(text.strip()) > 1 and text.strip()[0] == text.strip()[-1] == '"'
    return WORD.findall(text), quoted


def offsets(text: str, wanted: list[str]) -> list[dict[str, int]]:
    """Where words (or words that begin with them) stand in a text, as AWS's matchOffsets."""
    if not wanted:
        return []
    longest_first = "|".join(re.escape(word) for word in sorted(wanted, key=len, reverse=True))
    return [
        {"startOffset": match.start(), "endOffset": match.end()}
        for match in re.finditer(rf"(?<![^\W_])(?:{longest_first})", text, re.IGNORECASE)
    ]
