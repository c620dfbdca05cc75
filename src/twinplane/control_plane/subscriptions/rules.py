"""Decisions about access: row filters, hidden columns, and for how long."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from twinplane.control_plane.errors import RefusedByRule

RowFilter = dict[str, Any]

_COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "equalTo",
    exp.NEQ: "notEqualTo",
    exp.GT: "greaterThan",
    exp.LT: "lessThan",
    exp.GTE: "greaterThanOrEqualTo",
    exp.LTE: "lessThanOrEqualTo",
}
_FLIPPED = {
    "equalTo": "equalTo",
    "notEqualTo": "notEqualTo",
    "greaterThan": "lessThan",
    "lessThan": "greaterThan",
    "greaterThanOrEqualTo": "lessThanOrEqualTo",
    "lessThanOrEqualTo": "greaterThanOrEqualTo",
}
_NEGATED = {
    "equalTo": "notEqualTo",
    "notEqualTo": "equalTo",
    "greaterThan": "lessThanOrEqualTo",
    "lessThanOrEqualTo": "greaterThan",
    "lessThan": "greaterThanOrEqualTo",
    "greaterThanOrEqualTo": "lessThan",
    "isNull": "isNotNull",
    "isNotNull": "isNull",
    "in": "notIn",
    "notIn": "in",
    "like": "notLike",
    "notLike": "like",
}
_WHAT_FITS = (
    "A row filter compares columns with values: =, <>, <, <=, >, >=, IN, BETWEEN, LIKE, IS NULL, and their NOT, joined "
    "with AND and OR, for example: region = 'North' AND year >= 2024."
)
_LONGEST_FILTER = 5000  # characters


class FilterNotPossible(RefusedByRule):
    """A row filter or column choice that DataZone cannot express or that would show nothing."""


class EndDateNotPossible(RefusedByRule):
    """The end date is not a day in the future."""


def row_filter(condition: str, columns: Mapping[str, str]) -> RowFilter:
    """An SQL condition as DataZone's tree of row filter expressions. Raises `FilterNotPossible`, naming what is wrong.

    `columns` are the table's, with their Glue types. Only what has exactly one meaning in the tree is taken, so what is
    granted is what was written.
    """
    if len(condition) > _LONGEST_FILTER:
        raise FilterNotPossible(f"A row filter has at most {_LONGEST_FILTER} characters.")
    try:
        parsed = sqlglot.parse_one(condition, into=exp.Condition, dialect="athena")
    except (SqlglotError, RecursionError, ValueError):
        raise FilterNotPossible(f"The row filter cannot be read: {condition[:200]}. {_WHAT_FITS}") from None
    known = {name.lower(): _Column(name, kind.lower()) for name, kind in columns.items()}
    try:
        return _tree(parsed, known, negated=False)
    except RecursionError:
        raise FilterNotPossible("The row filter is nested too deeply.") from None


def shown_columns(hidden: Sequence[str], columns: Sequence[str]) -> list[str]:
    """The columns that stay visible. Raises `FilterNotPossible`."""
    known = {name.lower(): name for name in columns}
    unknown = [name for name in hidden if name.lower() not in known]
    if unknown:
        raise FilterNotPossible(f"There is no column {', '.join(unknown)}. There are: {', '.join(columns)}.")
    lowered = {name.lower() for name in hidden}
    shown = [name for name in columns if name.lower() not in lowered]
    if not shown:
        raise FilterNotPossible("If every column is hidden nothing is granted: reject the request instead.")
    return shown


def end_date(wanted: date | None, today: date, max_days: int) -> date:
    """The last day of access; the longest possible when none was asked for. Raises `EndDateNotPossible`."""
    if wanted is None:
        return today + timedelta(days=max_days)
    if wanted <= today:
        first = today + timedelta(days=1)
        raise EndDateNotPossible(f"The end date {wanted} has passed; the first possible is {first}.")
    return wanted


def end_of(day: date) -> datetime:
    """The moment when access that lasts until `day` is over: the end of that day, UTC."""
    return datetime.combine(day + timedelta(days=1), time(), UTC)


@dataclass(frozen=True)
class _Column:
    name: str
    type: str

    @property
    def is_text(self) -> bool:
        return self.type.startswith(("string", "varchar", "char"))

    @property
    def is_number(self) -> bool:
        return self.type.startswith(("tinyint", "smallint", "int", "bigint", "float", "double", "decimal"))


def _tree(node: exp.Expr, columns: dict[str, _Column], *, negated: bool) -> RowFilter:
    match node:
        case exp.Paren():
            return _tree(node.this, columns, negated=negated)
        case exp.Not():
            return _tree(node.this, columns, negated=not negated)
        case exp.And() | exp.Or():
            word = "and" if isinstance(node, exp.And) != negated else "or"
            parts = [_tree(side, columns, negated=negated) for side in (node.this, node.expression)]
            joined = [inner for part in parts for inner in (part[word] if set(part) == {word} else [part])]
            return {word: joined}
        case exp.Between():
            column = _column(node.this, columns)
            low = _leaf("greaterThanOrEqualTo", negated, column, value=_value(node.args["low"], column))
            high = _leaf("lessThanOrEqualTo", negated, column, value=_value(node.args["high"], column))
            return {"or" if negated else "and": [low, high]}
        case exp.In():
            if not node.expressions or node.args.get("query") or node.args.get("unnest"):
                raise _not_possible(node)
            column = _column(node.this, columns)
            return _leaf("in", negated, column, values=[_value(value, column) for value in node.expressions])
        case exp.Like() if not isinstance(node.parent, exp.Escape):
            column = _column(node.this, columns)
            return _leaf("like", negated, column, value=_value(node.expression, column))
        case exp.Is() if isinstance(node.expression, exp.Null):
            return _leaf("isNull", negated, _column(node.this, columns))
        case exp.Is() if isinstance(node.expression, exp.Not) and isinstance(node.expression.this, exp.Null):
            return _leaf("isNotNull", negated, _column(node.this, columns))
    operator = _COMPARISONS.get(type(node))
    if operator is None:
        raise _not_possible(node)
    left, right = node.this, node.expression
    if isinstance(right, exp.Column):
        left, right, operator = right, left, _FLIPPED[operator]
    column = _column(left, columns)
    return _leaf(operator, negated, column, value=_value(right, column))


def _leaf(operator: str, negated: bool, column: _Column, **members: Any) -> RowFilter:
    return {"expression": {_NEGATED[operator] if negated else operator: {"columnName": column.name} | members}}


def _column(node: exp.Expr, columns: dict[str, _Column]) -> _Column:
    if not isinstance(node, exp.Column) or node.table:
        raise _not_possible(node)
    found = columns.get(node.name.lower())
    if found is None:
        known = ", ".join(column.name for column in columns.values())
        raise FilterNotPossible(f"There is no column {node.name}. There are: {known}.")
    return found


def _value(node: exp.Expr, column: _Column) -> str:
    """A constant, which must be of the column's kind: Athena compares no text with a number."""
    match node:
        case exp.Literal() if node.is_string and column.is_number:
            raise FilterNotPossible(
                f"{column.name} is a number ({column.type}): compare it with {node.this}, unquoted."
            )
        case exp.Literal() if not node.is_string and column.is_text:
            raise FilterNotPossible(f"{column.name} is text ({column.type}): compare it with '{node.this}', quoted.")
        case exp.Literal():
            return str(node.this)
        case exp.Boolean():
            return "true" if node.this else "false"
        case exp.Neg() if isinstance(node.this, exp.Literal) and not node.this.is_string:
            return f"-{_value(node.this, column)}"
        case exp.Cast() if isinstance(node.this, exp.Literal) and node.this.is_string and node.to.this in (
            exp.DataType.Type.DATE, exp.DataType.Type.TIMESTAMP,
        ):  # fmt: skip
            return str(node.this.this)
        case exp.Paren():
            return _value(node.this, column)
    raise _not_possible(node)


def _not_possible(node: exp.Expr) -> FilterNotPossible:
    return FilterNotPossible(f"{node.sql(dialect='athena')} is not possible in a row filter. {_WHAT_FITS}")
