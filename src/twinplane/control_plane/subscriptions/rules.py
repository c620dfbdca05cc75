"""Decisions about access: row filters, hidden columns, and for how long."""

from collections.abc import Sequence
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


def row_filter(condition: str, columns: Sequence[str]) -> RowFilter:
    """An SQL condition as DataZone's tree of row filter expressions. Raises `FilterNotPossible`, naming what is wrong.

    Only what has exactly one meaning in the tree is taken, so what is granted is what was written.
    """
    if len(condition) > _LONGEST_FILTER:
        raise FilterNotPossible(f"A row filter has at most {_LONGEST_FILTER} characters.")
    try:
        parsed = sqlglot.parse_one(condition, into=exp.Condition, dialect="athena")
    except (SqlglotError, RecursionError, ValueError) as error:
        raise FilterNotPossible(f"The row filter cannot be read: {str(error).splitlines()[0]} {_WHAT_FITS}") from None
    known = {name.lower(): name for name in columns}
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


def _tree(node: exp.Expr, columns: dict[str, str], *, negated: bool) -> RowFilter:
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
            name = _column(node.this, columns)
            low = _leaf("greaterThanOrEqualTo", negated, columnName=name, value=_value(node.args["low"]))
            high = _leaf("lessThanOrEqualTo", negated, columnName=name, value=_value(node.args["high"]))
            return {"or" if negated else "and": [low, high]}
        case exp.In():
            if not node.expressions or node.args.get("query") or node.args.get("unnest"):
                raise _not_possible(node)
            values = [_value(value) for value in node.expressions]
            return _leaf("in", negated, columnName=_column(node.this, columns), values=values)
        case exp.Like() if not isinstance(node.parent, exp.Escape):
            return _leaf("like", negated, columnName=_column(node.this, columns), value=_value(node.expression))
        case exp.Is() if isinstance(node.expression, exp.Null):
            return _leaf("isNull", negated, columnName=_column(node.this, columns))
        case exp.Is() if isinstance(node.expression, exp.Not) and isinstance(node.expression.this, exp.Null):
            return _leaf("isNotNull", negated, columnName=_column(node.this, columns))
    operator = _COMPARISONS.get(type(node))
    if operator is None:
        raise _not_possible(node)
    left, right = node.this, node.expression
    if isinstance(right, exp.Column):
        left, right, operator = right, left, _FLIPPED[operator]
    return _leaf(operator, negated, columnName=_column(left, columns), value=_value(right))


def _leaf(operator: str, negated: bool, **members: Any) -> RowFilter:
    return {"expression": {_NEGATED[operator] if negated else operator: members}}


def _column(node: exp.Expr, columns: dict[str, str]) -> str:
    if not isinstance(node, exp.Column) or node.table:
        raise _not_possible(node)
    name = columns.get(node.name.lower())
    if name is None:
        raise FilterNotPossible(f"There is no column {node.name}. There are: {', '.join(columns.values())}.")
    return name


def _value(node: exp.Expr) -> str:
    match node:
        case exp.Literal():
            return str(node.this)
        case exp.Boolean():
            return "true" if node.this else "false"
        case exp.Neg() if isinstance(node.this, exp.Literal) and not node.this.is_string:
            return f"-{node.this.this}"
        case exp.Cast() if isinstance(node.this, exp.Literal) and node.this.is_string and node.to.this in (
            exp.DataType.Type.DATE, exp.DataType.Type.TIMESTAMP,
        ):  # fmt: skip
            return str(node.this.this)
        case exp.Paren():
            return _value(node.this)
    raise _not_possible(node)


def _not_possible(node: exp.Expr) -> FilterNotPossible:
    return FilterNotPossible(f"{node.sql(dialect='athena')} is not possible in a row filter. {_WHAT_FITS}")
