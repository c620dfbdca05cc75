"""The second gate: DuckDB's own parser reads exactly the text that will run, and only what is allow-listed passes.

It shares nothing with the first (`statement`, `render`): text that the first should never have produced is refused
here. Rules are those of DuckDB's parse tree: one SELECT; tables are opaque views or CTEs visible in the lexical scope,
never qualified; functions, table functions, types and expression classes are allow-listed.
"""

import re
from collections.abc import Collection
from typing import Any

import duckdb
import msgspec

from twinplane.engines.sql.allowed import DUCKDB_FUNCTIONS, DUCKDB_TABLE_FUNCTIONS, HIDDEN_COLUMNS, words

Node = dict[str, Any]

_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_$]{0,127}")
_EXPRESSIONS = words(
    "BETWEEN CASE CAST COLLATE COLUMN_REF COMPARISON CONJUNCTION CONSTANT FUNCTION LAMBDA OPERATOR STAR SUBQUERY "
    "WINDOW POSITIONAL_REFERENCE"
)
_QUERIES = words("SELECT_NODE SET_OPERATION_NODE RECURSIVE_CTE_NODE CTE_NODE")
_TABLES = words("BASE_TABLE SUBQUERY JOIN TABLE_FUNCTION EXPRESSION_LIST EMPTY")
_OTHERS = words("ORDER_MODIFIER LIMIT_MODIFIER DISTINCT_MODIFIER ORDER_DEFAULT ASCENDING DESCENDING")
_TYPES = words(
    "BOOLEAN TINYINT SMALLINT INTEGER BIGINT HUGEINT FLOAT DOUBLE DECIMAL VARCHAR BLOB UUID DATE TIME TIMESTAMP "
    "INTERVAL LIST STRUCT MAP NULL UNKNOWN INTEGER_LITERAL STRING_LITERAL"
) | {"TIMESTAMP WITH TIME ZONE", "TIME WITH TIME ZONE"}


class GateRefusal(Exception):
    """The text would do what no query may. The message is for the log, not for the user."""


class Gate:
    """Checks texts. Has a DuckDB connection of its own that never runs any of them."""

    def __init__(self) -> None:
        self._parser = duckdb.connect(
            config={"enable_external_access": False, "lock_configuration": True, "python_enable_replacements": False}
        )

    def check(self, sql: str, views: Collection[str]) -> Node:
        """The parse tree of `sql`. Raises `GateRefusal` unless it is one query over `views`, opaque, in lower case."""
        if "\0" in sql:
            raise GateRefusal("NUL in the text")
        literal = sql.replace("'", "''")  # not a parameter: binding one makes the client load pandas, two seconds
        answer = self._parser.execute(f"SELECT json_serialize_sql('{literal}')").fetchone()
        if answer is None:
            raise GateRefusal("no parse tree")
        tree = msgspec.json.decode(answer[0])
        if tree["error"]:
            raise GateRefusal(f"not one SELECT: {tree.get('error_type')}")
        if len(tree["statements"]) != 1:
            raise GateRefusal("not exactly one statement")
        query: Node = tree["statements"][0]["node"]
        _Walk(frozenset(views)).query(query, frozenset())
        return query


class _Walk:
    def __init__(self, views: frozenset[str]) -> None:
        self._views = views

    def any(self, value: Any, ctes: frozenset[str]) -> None:
        if isinstance(value, list):
            for item in value:
                self.any(item, ctes)
        elif isinstance(value, dict):
            self._node(value, ctes)

    def _node(self, node: Node, ctes: frozenset[str]) -> None:
        kind = node.get("type")
        if "class" in node:
            self._expression(node, ctes)
        elif isinstance(kind, str) and kind in _QUERIES:
            self.query(node, ctes)
        elif isinstance(kind, str) and kind in _TABLES:
            self._table(node, ctes)
        elif kind is None or isinstance(kind, dict) or kind in _OTHERS:
            self._children(node, ctes)
        else:
            raise GateRefusal(f"node {kind}")

    def _children(self, node: Node, ctes: frozenset[str]) -> None:
        for value in node.values():
            self.any(value, ctes)

    def query(self, node: Node, ctes: frozenset[str]) -> None:
        """A query: its CTEs one after another, each seeing those before it; then the rest, seeing them all."""
        if node.get("type") not in _QUERIES:
            raise GateRefusal(f"query node {node.get('type')}")
        for entry in node.get("cte_map", {}).get("map", []):
            name = self._cte_name(entry["key"])
            self.any(entry["value"], ctes)
            ctes = ctes | {name}
        rest = {k: v for k, v in node.items() if k != "cte_map"}
        if node["type"] in ("RECURSIVE_CTE_NODE", "CTE_NODE"):
            name = self._cte_name(rest.pop("cte_name"))
            recursive = node["type"] == "RECURSIVE_CTE_NODE"
            first, second = ("left", "right") if recursive else ("query", "child")
            self.any(rest.pop(first), ctes)
            self.any(rest.pop(second), ctes | {name})
        self._children(rest, ctes)

    def _cte_name(self, name: str) -> str:
        name = name.lower()
        if not _IDENTIFIER.fullmatch(name) or name in self._views:
            raise GateRefusal("CTE name")
        return name

    def _table(self, node: Node, ctes: frozenset[str]) -> None:
        if node["type"] == "BASE_TABLE":
            name = node["table_name"].lower()
            if node["schema_name"] or node["catalog_name"] or node.get("at_clause"):
                raise GateRefusal("qualified table")
            if not _IDENTIFIER.fullmatch(name) or not (name in self._views or name in ctes):
                raise GateRefusal("table that is neither a view nor a visible CTE")
        elif node["type"] == "TABLE_FUNCTION":
            function = node["function"]
            if function.get("function_name", "").lower() not in DUCKDB_TABLE_FUNCTIONS:
                raise GateRefusal(f"table function {function.get('function_name')}")
        self._children(node, ctes)

    def _expression(self, node: Node, ctes: frozenset[str]) -> None:
        kind = node["class"]
        if kind not in _EXPRESSIONS:
            raise GateRefusal(f"expression {kind}")
        if kind in ("FUNCTION", "WINDOW"):
            self._function(node)
        elif kind == "CAST":
            _check_type(node["cast_type"])
        elif kind == "COLUMN_REF" and len(node["column_names"]) == 1:
            if node["column_names"][0].lower() in HIDDEN_COLUMNS:
                raise GateRefusal("session value")
        elif kind == "STAR" and node.get("expr"):
            raise GateRefusal("COLUMNS() with an argument")
        for key, value in node.items():
            if key not in ("value", "cast_type"):  # a constant's value and a type hold no expressions
                self.any(value, ctes)

    def _function(self, node: Node) -> None:
        name = node["function_name"].lower()
        if name not in DUCKDB_FUNCTIONS or node.get("catalog") or node.get("schema") not in ("", "main", None):
            raise GateRefusal(f"function {name}")


def _check_type(node: Any) -> None:
    if isinstance(node, list):
        for item in node:
            _check_type(item)
    elif isinstance(node, dict):
        if node.get("id") == "UNBOUND":
            named = node["type_info"]
            if (named["name"].lower(), named["catalog"], named["schema"]) != ("json", "", ""):
                raise GateRefusal("named type")
        elif "id" in node and node["id"] not in _TYPES:
            raise GateRefusal(f"type {node['id']}")
        for value in node.values():
            _check_type(value)
