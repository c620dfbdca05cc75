"""Can a statement fail on a value before the engine knows whether the value's row may be seen?

DuckDB evaluates predicates where it thinks them cheapest, below a row filter too, and whether one fails there tells of
hidden rows. Where nothing that it may move can fail, it may move it. What counts is what the engine parses, so this
reads the tree that the second gate has passed; what is not known here to be safe is taken to fail.

What the engine may move: predicates, joins' conditions, what is grouped or ordered by, queries inside of expressions;
and what these are made of, through the columns of queries in FROM. What aggregates and windows take in, and what is
only shown, stays above every filter.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from twinplane.engines.sql.allowed import words
from twinplane.engines.sql.gate import Node

# None of them fails on any value of the types that it takes.
_SAFE_FUNCTIONS = words("""
~~ !~~ lower upper length octet_length starts_with strpos trim ltrim rtrim
isnan isinf isfinite athena_nan_eq athena_nan_ne athena_nan_lt athena_nan_le athena_nan_gt athena_nan_ge
athena_substring athena_substring_to athena_strpos athena_trim athena_ltrim athena_rtrim
len cardinality map_keys map_values nullif coalesce grouping
""")
_PATTERN = words("like_escape not_like_escape")  # safe while pattern and escape are the same for all rows
_PARTS = words("year month day quarter week doy dow isodow hour minute second")  # of `date_part`
_SAFE_OPERATORS = words(
    "OPERATOR_IS_NULL OPERATOR_IS_NOT_NULL OPERATOR_NOT OPERATOR_COALESCE COMPARE_IN COMPARE_NOT_IN"
)
_SAFE_CLASSES = words("COLUMN_REF COMPARISON CONJUNCTION BETWEEN CASE")
_AGGREGATES = words("""
any_value approx_count_distinct approx_quantile arg_max arg_min list avg corr count count_star count_if covar_pop
covar_samp bool_and bool_or max min stddev_pop stddev_samp sum var_pop var_samp kurtosis skewness string_agg
regr_intercept regr_slope bit_and bit_or bit_xor histogram
""")
_OF_A_ROW = words("COLUMN_REF SUBQUERY LAMBDA STAR POSITIONAL_REFERENCE PARAMETER")
_DIGITS = {"TINYINT": 3, "SMALLINT": 5, "INTEGER": 10, "BIGINT": 19}

Columns = Mapping[str, Sequence[str]]  # view -> the DuckDB types of its columns `c0`, `c1` …


def may_fail_early(query: Node, views: Columns) -> bool:
    """Whether something in a query, a node of DuckDB's parse tree, may fail on a row before its filter has decided."""
    return _Statement(views).may_fail_early(query)


class _Unknown(Exception):
    """A shape of query that is not looked through here."""


class _Statement:
    def __init__(self, views: Columns) -> None:
        self._views = views
        self._types: dict[tuple[str, str], str] = {}  # of the columns of tables, by alias and name
        self._made_of: dict[tuple[str, str], list[Node]] = {}  # the columns of queries in FROM
        self._outputs: dict[str, list[list[Node]]] = {}  # CTE -> its columns
        self._early: list[Node] = []

    def may_fail_early(self, query: Node) -> bool:
        try:
            for column in self._query(query):
                self._inner(column)
            seen: set[tuple[str, str]] = set()
            while self._early:
                expression = self._early.pop()
                if self._fails(expression):
                    return True
                for reference in set(_references(expression)) - seen:
                    seen.add(reference)
                    self._early += self._made_of.get(reference, [])
        except (_Unknown, KeyError):
            return True
        return False

    # What is where

    def _query(self, node: Node) -> list[Node]:
        """Goes through a query; all that its columns are made of."""
        return [expression for column in self._columns(node) for expression in column]

    def _columns(self, node: Node) -> list[list[Node]]:
        """Goes through a query; what each of its columns is made of, several things where it is a set operation."""
        for entry in node.get("cte_map", {}).get("map", []):
            name = entry["key"].lower()
            if name in self._outputs or entry["value"].get("aliases"):
                raise _Unknown  # two of one name: which is meant where is not worked out here
            self._outputs[name] = self._columns(entry["value"]["query"]["node"])
        if node["type"] == "SET_OPERATION_NODE":
            self._also_early(node.get("modifiers"))
            sides = [self._columns(side) for side in node.get("children") or [node["left"], node["right"]]]
            return [[e for made in column for e in made] for column in zip(*sides, strict=True)]
        return [[column] for column in self._select(node)]

    def _select(self, node: Node) -> list[Node]:
        if node["type"] != "SELECT_NODE" or node.get("sample"):
            raise _Unknown
        self._from(node["from_table"])
        for part in ("where_clause", "having", "qualify", "group_expressions", "modifiers"):
            self._also_early(node.get(part))
        columns: list[Node] = node["select_list"]
        for number, column in enumerate(columns):
            if column["class"] == "STAR" or column["alias"].lower() != f"c{number}":
                raise _Unknown
            self._inner(column)
        return columns

    def _from(self, node: Node | None) -> None:
        if node is None or node["type"] == "EMPTY":
            return
        if node.get("sample"):
            raise _Unknown
        kind, alias = node["type"], (node.get("alias") or node.get("table_name") or "").lower()
        if kind == "BASE_TABLE":
            name = node["table_name"].lower()
            if node.get("column_name_alias") or (name not in self._views and name not in self._outputs):
                raise _Unknown  # a recursive query's own name, or names that are not looked through
            self._named(alias, self._outputs.get(name, []), self._views.get(name, ()))
        elif kind == "SUBQUERY":
            if node.get("column_name_alias"):
                raise _Unknown
            self._named(alias, self._columns(node["subquery"]["node"]), ())
        elif kind == "JOIN":
            if node.get("using_columns") or node.get("ref_type") == "NATURAL":
                raise _Unknown
            self._from(node["left"])
            self._from(node["right"])
            self._also_early(node.get("condition"))
        else:
            self._also_early([value for key, value in node.items() if key in ("function", "values")])

    def _named(self, alias: str, columns: Sequence[list[Node]], types: Sequence[str]) -> None:
        """A table of FROM. The same alias may stand for several tables of a statement: then for all that they are."""
        for number, made in enumerate(columns):
            self._made_of.setdefault((alias, f"c{number}"), []).extend(made)
        for number, type_ in enumerate(types):
            if self._types.setdefault((alias, f"c{number}"), type_) != type_:
                raise _Unknown

    def _also_early(self, value: Any) -> None:
        for expression in _expressions(value):
            self._early.append(expression)
            self._inner(expression)

    def _inner(self, expression: Node) -> None:
        """What queries inside of an expression answer with is compared with it, wherever that may be."""
        for part in _walk(expression):
            if part.get("class") == "SUBQUERY":
                self._early += self._query(part["subquery"]["node"])

    # What may fail

    def _fails(self, node: Node) -> bool:
        if not _depends_on_a_row(node):
            return False
        kind = node["class"]
        safe = (
            kind in _SAFE_CLASSES
            or kind == "SUBQUERY"  # what it holds is looked at by itself
            or (kind == "OPERATOR" and node["type"] in _SAFE_OPERATORS)
            or (kind == "FUNCTION" and _safe_function(node))
            or (kind == "CAST" and self._safe_cast(node))
        )
        if not safe:
            return True
        parts = [node["child"]] if kind == "SUBQUERY" else _parts(node)
        return any(self._fails(part) for part in _expressions(parts))

    def _safe_cast(self, node: Node) -> bool:
        to = node["cast_type"]
        if node["try_cast"] or to["id"] == "VARCHAR":
            return True
        child = node["child"]
        if child["class"] != "COLUMN_REF":
            return False
        stored = self._types.get(_reference(child), "")
        if to["id"] == "DOUBLE":
            return stored in _DIGITS or stored.startswith("DECIMAL") or stored == "FLOAT"
        if to["id"] == "DECIMAL":
            whole, fraction = _shape(stored)
            width, scale = to["type_info"]["width"], to["type_info"]["scale"]
            return bool(whole) and scale >= fraction and width - scale >= whole
        return stored in _DIGITS and _DIGITS.get(to["id"], 0) >= _DIGITS[stored]


def _shape(stored: str) -> tuple[int, int]:
    """How many digits a type has before and behind the point; no digits for another type."""
    if stored in _DIGITS:
        return _DIGITS[stored], 0
    if stored.startswith("DECIMAL("):
        width, scale = (int(part) for part in stored[8:-1].split(","))
        return width - scale, scale
    return 0, 0


def _safe_function(node: Node) -> bool:
    name, given = node["function_name"].lower(), node["children"]
    if name in _PATTERN:
        return not any(map(_depends_on_a_row, given[1:]))
    if name == "date_part":
        return str((given[0].get("value") or {}).get("value")) in _PARTS
    return name in _SAFE_FUNCTIONS


def _opaque(node: Node) -> bool:
    """Whether what it takes in is taken in above every filter."""
    kind = node.get("class")
    return kind == "WINDOW" or (kind == "FUNCTION" and node["function_name"].lower() in _AGGREGATES)


def _depends_on_a_row(node: Node) -> bool:
    """Whether a value differs from row to row of a table: not that of constants, nor what is computed of groups."""
    return any(part.get("class") in _OF_A_ROW for part in _walk(node, into_opaque=False))


def _references(node: Node) -> Iterator[tuple[str, str]]:
    for part in _walk(node, into_opaque=False):
        if part.get("class") == "COLUMN_REF":
            yield _reference(part)


def _reference(node: Node) -> tuple[str, str]:
    names = [name.lower() for name in node["column_names"]]
    if len(names) < 2:
        raise _Unknown
    return names[0], names[1]


def _walk(node: Node, *, into_opaque: bool = True) -> Iterator[Node]:
    """An expression and its parts, but not what is inside of queries in it."""
    yield node
    if into_opaque or not _opaque(node):
        inner = [node.get("child")] if node.get("class") == "SUBQUERY" else _parts(node)
        for part in _expressions(inner):
            yield from _walk(part, into_opaque=into_opaque)


def _parts(node: Node) -> list[Any]:
    return [
        value for key, value in node.items() if isinstance(value, (list, dict)) and key not in ("value", "cast_type")
    ]


def _expressions(value: Any) -> Iterator[Node]:
    """The outermost expressions in a part of the tree."""
    if isinstance(value, list):
        for item in value:
            yield from _expressions(item)
    elif isinstance(value, dict):
        if "class" in value:
            yield value
        else:
            for item in value.values():
                yield from _expressions(item)
