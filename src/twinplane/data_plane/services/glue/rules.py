"""What Glue decides from its inputs alone: names, patterns, expressions over partitions, searches."""

import fnmatch
import operator
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.store import Document

_MOST_PARENTHESES = 100
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`")
_NUMBERS = ("tinyint", "smallint", "int", "integer", "bigint", "long", "float", "double", "decimal")


def invalid(message: str) -> ServiceError:
    return ServiceError("InvalidInputException", message)


def name_matches(name: str, expression: str) -> bool:
    """Whether a table's name is what GetTables' Expression asks: Hive's patterns, `*` and `|`; `.*` is taken for `*`.

    AWS calls the expression a regular expression; the patterns clients really send are these.
    """
    patterns = expression.lower().removeprefix("^").removesuffix("$").replace(".*", "*").split("|")
    return any(fnmatch.fnmatchcase(name, pattern.replace("[", "[[]").replace("?", "[?]")) for pattern in patterns)


# Partitions

NO_VALUE = "__HIVE_DEFAULT_PARTITION__"  # Hive's word for null in a partition's values


def check_values(values: list[str] | None, table: Document) -> list[str]:
    """A partition's values, one for each partition key of its table. Raises `InvalidInputException`."""
    keys = table.get("PartitionKeys") or []
    if len(values or []) != len(keys):
        raise invalid("The number of partition keys do not match the number of partition values")
    return values or []


def place_of_partition(location: str, table: Document, values: list[str]) -> str:
    """Where the files of a partition are by its values alone: `key=value` for each key, below the table's location."""
    keys = [str(key["Name"]).lower() for key in table.get("PartitionKeys") or ()]
    return "/".join([location.rstrip("/"), *(f"{key}={value}" for key, value in zip(keys, values, strict=True))])


Predicate = Callable[[list[str]], bool]
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "EQ": operator.eq, "NEQ": operator.ne, "GT": operator.gt, "GTE": operator.ge, "LT": operator.lt, "LTE": operator.le,
}  # fmt: skip


@lru_cache(maxsize=256)
def partition_predicate(expression: str, keys: tuple[tuple[str, str], ...]) -> Predicate:
    """GetPartitions' Expression over partition keys (name, type): comparisons, IN, BETWEEN, LIKE, AND, OR, NOT.

    Numeric keys compare as numbers, all others as text. Raises `InvalidInputException`.
    """
    import sqlglot  # heavy, and few calls have an expression

    plain = _QUOTED.sub("", expression)
    if set("[]{}") & set(plain) or plain.count("(") > _MOST_PARENTHESES:  # nested, some take the parser for ever
        raise invalid(f"Unable to parse expression: {expression}")
    try:
        tree = sqlglot.parse_one(expression, dialect="hive")
    except (sqlglot.errors.SqlglotError, RecursionError):
        raise invalid(f"Unable to parse expression: {expression}") from None
    evaluate = _compiled(tree, {name.lower(): (i, kind.lower()) for i, (name, kind) in enumerate(keys)})
    return lambda values: evaluate(values) is True


def _compiled(node: Any, keys: dict[str, tuple[int, str]]) -> Callable[[list[str]], Any]:
    kind = type(node).__name__.upper()
    if kind == "PAREN":
        return _compiled(node.this, keys)
    if kind == "NOT":
        inner = _compiled(node.this, keys)
        return lambda values: not inner(values)
    if kind == "IS" and type(node.expression).__name__ == "Null":
        text = _operand(node.this, keys, numeric=False)
        return lambda values: text(values) == NO_VALUE
    if kind in ("AND", "OR"):
        left, right = _compiled(node.left, keys), _compiled(node.right, keys)
        if kind == "AND":
            return lambda values: left(values) and right(values)
        return lambda values: left(values) or right(values)
    if kind in _COMPARISONS:
        compare = _COMPARISONS[kind]
        first, second = _pair(node.left, node.right, keys)
        return lambda values: compare(first(values), second(values))
    if kind == "IN":
        pairs = [_pair(node.this, item, keys) for item in node.expressions]
        return lambda values: any(a(values) == b(values) for a, b in pairs)
    if kind == "BETWEEN":
        low, high = _pair(node.this, node.args["low"], keys), _pair(node.this, node.args["high"], keys)
        return lambda values: low[0](values) >= low[1](values) and high[0](values) <= high[1](values)
    if kind == "LIKE":
        text, pattern = _pair(node.this, node.expression, keys)
        return lambda values: _like(str(text(values)), str(pattern(values)))
    raise invalid(f"Unsupported expression: {node.sql()}")


def _like(text: str, pattern: str) -> bool:
    glob = "".join({"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}.get(c, c) for c in pattern)
    return fnmatch.fnmatchcase(text, glob)


def _pair(left: Any, right: Any, keys: dict[str, tuple[int, str]]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Two operands, of which one names a partition key, read as that key's type."""
    kinds = [keys[n.name.lower()][1] for n in (left, right) if type(n).__name__ == "Column" and n.name.lower() in keys]
    numeric = any(kind.startswith(_NUMBERS) for kind in kinds)
    return _operand(left, keys, numeric), _operand(right, keys, numeric)


def _operand(node: Any, keys: dict[str, tuple[int, str]], numeric: bool) -> Callable[[list[str]], Any]:
    kind = type(node).__name__
    if kind == "Column" and node.name.lower() in keys:
        position = keys[node.name.lower()][0]
        return lambda values: _number(values[position]) if numeric else values[position]
    if kind == "Neg" and type(node.this).__name__ == "Literal":
        negative = -_number(node.this.name)
        return lambda _values: negative if numeric else str(negative)
    if kind == "Cast":  # date '2026-01-31'
        return _operand(node.this, keys, numeric)
    if kind != "Literal":
        raise invalid(f"Unsupported expression: {node.sql()}")
    constant = _number(node.name) if numeric else node.name
    return lambda _values: constant


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise invalid(f"{text} is not a number") from None


# Search

_SEARCHED = ("Name", "DatabaseName", "Description", "Owner", "TableType", "CreatedBy")
_COMPARATORS: dict[str, Callable[[Any, Any], bool]] = {
    "EQUALS": operator.eq, "GREATER_THAN": operator.gt, "LESS_THAN": operator.lt,
    "GREATER_THAN_EQUALS": operator.ge, "LESS_THAN_EQUALS": operator.le,
}  # fmt: skip


def found_by_text(table: Document, text: str) -> bool:
    """Whether SearchTables' text is in a table's names, descriptions, columns or parameters; "in quotes": is one."""
    wanted = text.lower()
    texts = [str(table.get(member) or "") for member in _SEARCHED]
    for column in (*((table.get("StorageDescriptor") or {}).get("Columns") or ()), *(table.get("PartitionKeys") or ())):
        texts += [column["Name"], column.get("Comment") or ""]
    texts += [part for pair in (table.get("Parameters") or {}).items() for part in pair]
    if len(wanted) > 2 and wanted[0] == wanted[-1] == '"':
        return any(t.lower() == wanted[1:-1] for t in texts)
    return any(wanted in t.lower() for t in texts)


def meets(table: Document, predicate: dict[str, str]) -> bool:
    """Whether a table meets one of SearchTables' filters. Raises `InvalidInputException`."""
    key, value = predicate.get("Key") or "", predicate.get("Value") or ""
    compare = _COMPARATORS[predicate.get("Comparator") or "EQUALS"]
    if key in ("CreateTime", "UpdateTime", "LastAccessTime"):
        try:
            return key in table and compare(table[key], float(value))
        except ValueError:
            raise invalid(f"The filter on {key} takes seconds since 1970") from None
    if key in _SEARCHED:
        return compare(str(table.get(key) or "").lower(), value.lower())
    return compare(str((table.get("Parameters") or {}).get(key, "")), value)
