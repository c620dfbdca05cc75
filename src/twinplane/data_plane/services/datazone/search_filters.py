"""Filters of a search: AWS's FilterClause as conditions on entries of the index, each with about how many it leaves."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.services.datazone import managed_types
from twinplane.data_plane.services.datazone.search_index import (
    TYPE_ATTRIBUTES,
    counted,
    field_of,
    is_counted,
    space_of,
    words,
)
from twinplane.data_plane.store import Transaction

_DEEPEST_CLAUSE = 8
_MOST_CONDITIONS = 400  # of one search: SQLite puts at most 500 selections together
_UNKNOWN_MOST = 3_000  # how far entries are counted to guess how many there are
_MANY = 10**9
_COMPARISON = {"EQ": "=", "LT": "<", "LE": "<=", "GT": ">", "GE": ">="}
COLUMNS = {
    "name": "name",
    **dict.fromkeys(("creationTime", "createdAt", "CREATED_AT"), "created"),
    **dict.fromkeys(("lastUpdatedTime", "updatedAt", "UPDATED_AT"), "updated"),
}
MATCHES = "e.number IN (SELECT rowid FROM datazone_search_text WHERE datazone_search_text MATCH ?)"

Values = tuple[Any, ...]


@dataclass(frozen=True)
class Test:
    """A filter: `sql` tests an entry `e`; `source` gives the numbers of all entries that may pass, about `size`."""

    sql: str
    values: Values
    source: str
    source_values: Values
    size: int


class Filters:
    """The filters of searches of one scope of a domain. Raises ValidationException for what is none."""

    def __init__(self, tx: Transaction, domain: str, scope: str) -> None:
        self._tx, self._domain, self._scope = tx, domain, scope
        self._space = space_of(tx, domain, scope)

    def clause(self, clause: dict[str, Any]) -> Test:
        if clause.get("filter") is not None:
            return self._condition(clause["filter"])
        both = clause.get("and") is not None
        parts = [self.clause(part) for part in (clause["and"] if both else clause.get("or") or [])]
        if not parts:
            raise _invalid("A filter clause needs exactly one of filter, and, or.")
        sql = f"({(' AND ' if both else ' OR ').join(part.sql for part in parts)})"
        values = tuple(value for part in parts for value in part.values)
        if both:
            least = min(parts, key=lambda part: part.size)
            return Test(sql, values, least.source, least.source_values, least.size)
        source = " UNION ".join(part.source for part in parts)
        source_values = tuple(value for part in parts for value in part.source_values)
        return Test(sql, values, source, source_values, sum(part.size for part in parts))

    def _condition(self, condition: dict[str, Any]) -> Test:
        attribute, operator, value = condition["attribute"], operator_of(condition), _value(condition)
        here = (self._domain, self._scope)
        if attribute in TYPE_ATTRIBUTES and isinstance(value, str):
            value = value.removeprefix(managed_types.PREFIX)  # under either name: that of the type, or of listings
        if operator == "TEXT_SEARCH":
            found, _ = words(str(value))
            if not found:
                raise _invalid(f"The filter on {attribute} has no word to search for.")
            query = fields_filter([attribute]) + "(" + " AND ".join(f'"{w}"*' for w in found) + ")"
            sql = "SELECT rowid AS number FROM datazone_search_text WHERE datazone_search_text MATCH ?"
            return Test(MATCHES, (query,), sql, (query,), self._size(sql, (query,)))
        comparison = _COMPARISON[operator]
        column = COLUMNS.get(attribute)
        if column in ("created", "updated"):
            at = _seconds(attribute, value)
            sql = f"SELECT number FROM datazone_search_entry WHERE domain = ? AND scope = ? AND {column} {comparison} ?"  # noqa: S608
            return Test(f"e.{column} {comparison} ?", (at,), sql, (*here, at), self._size(sql, (*here, at)))
        sql = f"SELECT number FROM datazone_search_value WHERE space = ? AND attribute = ? AND value {comparison} ?"  # noqa: S608
        values = (self._space, attribute, value)
        is_known = operator == "EQ" and knows_number(condition)
        size = counted(self._tx, *values) if is_known else self._size(sql, values)
        test = (
            "EXISTS (SELECT 1 FROM datazone_search_value x INDEXED BY sqlite_autoindex_datazone_search_value_1 "  # noqa: S608
            f"WHERE x.number = e.number AND x.attribute = ? AND x.value {comparison} ?)"
        )
        return Test(test, (attribute, value), sql, values, size)

    def _size(self, sql: str, values: Values) -> int:
        size = self._number(f"SELECT count(*) FROM ({sql} LIMIT {_UNKNOWN_MOST})", values)  # noqa: S608
        return size if size < _UNKNOWN_MOST else _MANY

    def _number(self, sql: str, values: Values) -> int:
        return int(self._tx.run(sql, values)[0][0])


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


def fields_filter(attributes: list[str]) -> str:
    """The FTS5 column filter of attributes, found by the fields that hold their text."""
    wanted = {field_of(attribute) for attribute in attributes}
    return f"{{{' '.join(sorted(wanted))}}} : " if wanted else ""


def knows_number(condition: dict[str, Any]) -> bool:
    """Whether the index counts what the filter asks for, when it is for one value."""
    return is_counted(condition["attribute"]) and condition["attribute"] not in COLUMNS


def operator_of(condition: dict[str, Any]) -> str:
    """How a filter compares."""
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
