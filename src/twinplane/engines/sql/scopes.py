"""What a name means at a place in a statement: Trino's rules of scopes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from twinplane.engines.sql import types
from twinplane.engines.sql.plan import QueryError
from twinplane.engines.sql.types import Type
from twinplane.engines.sql.values import Value, written


@dataclass(frozen=True, slots=True)
class Field:
    """A column that a FROM clause offers. `qualifier`: what may stand before its name, outermost first.

    `hidden`: it exists when it is named, and is in no `*`.
    """

    name: str | None
    value: Value
    qualifier: tuple[str, ...] = ()
    hidden: bool = False

    def is_named(self, parts: Sequence[str]) -> bool:
        """Whether `a.b.name` names this field."""
        before = tuple(parts[:-1])
        return parts[-1] == self.name and (not before or self.qualifier[len(self.qualifier) - len(before) :] == before)


@dataclass(frozen=True, slots=True)
class Output:
    """A column of a query's result; `shown` is its name as it was written."""

    name: str | None
    type: Type
    shown: str | None = None


@dataclass(frozen=True, slots=True)
class Relation:
    """A query as DuckDB text whose columns are `c0`, `c1` …"""

    sql: str
    outputs: tuple[Output, ...]


@dataclass(slots=True)
class Scope:
    """The fields in reach, and those of the enclosing queries. `lambdas`: parameters of enclosing lambdas.

    `outputs`: the expressions that a query's ORDER BY may call by their alias.
    """

    fields: Sequence[Field] = ()
    parent: Scope | None = None
    lambdas: dict[str, Value] = field(default_factory=dict)
    outputs: dict[str, list[Value]] = field(default_factory=dict)
    windows: dict[str, exp.Window] = field(default_factory=dict)

    def inside(self, lambdas: dict[str, Value]) -> Scope:
        """The scope of a lambda's body."""
        return Scope(self.fields, self.parent, self.lambdas | lambdas, self.outputs, self.windows)

    def find(self, parts: Sequence[str]) -> Value:
        """What a name with dots means. Raises `QueryError`."""
        if parts[0] in self.lambdas:
            return _dereferenced(self.lambdas[parts[0]], parts[1:], parts)
        scope: Scope | None = self
        while scope is not None:
            found = scope._find_here(parts)
            if found is not None:
                return found
            scope = scope.parent
        raise unknown_column(".".join(parts))

    def _find_here(self, parts: Sequence[str]) -> Value | None:
        if len(parts) == 1 and parts[0] in self.outputs:
            values = self.outputs[parts[0]]
            if len({v.sql for v in values}) > 1:
                raise _ambiguous(parts)
            return values[0]
        for length in range(len(parts), 0, -1):
            found = [f for f in self.fields if f.name is not None and f.is_named(parts[:length])]
            if len(found) > 1:
                raise _ambiguous(parts[:length])
            if found and (length == len(parts) or found[0].value.type.name == "row"):
                return _dereferenced(found[0].value, parts[length:], parts)
        return None


def _ambiguous(parts: Sequence[str]) -> QueryError:
    return QueryError("AMBIGUOUS_NAME", f"Column '{'.'.join(parts)}' is ambiguous")


def unknown_column(name: str) -> QueryError:
    """The refusal of a column that is not there, or not for this person: alike for both."""
    return QueryError(
        "COLUMN_NOT_FOUND",
        f"Column '{name}' cannot be resolved or requester is not authorized to access requested resources",
    )


def _dereferenced(value: Value, names: Sequence[str], parts: Sequence[str]) -> Value:
    for name in names:
        value = field_of(value, name, ".".join(parts))
    return value


def field_of(value: Value, name: str, whole: str = "") -> Value:
    """A field of a row by its name. Raises `QueryError`."""
    if value.type.name != "row":
        raise QueryError("TYPE_MISMATCH", f"Expression {whole or name} is not of type ROW")
    found = [n for n, f in enumerate(value.type.fields) if f is not None and f.lower() == name.lower()]
    if not found:
        raise unknown_column(whole or name)
    if len(found) > 1:
        raise QueryError("AMBIGUOUS_NAME", f"Ambiguous row field reference: {name}")
    return item_of(value, found[0])


def item_of(value: Value, number: int) -> Value:
    """A field of a row by its place, from 0."""
    return written(f"struct_extract_at({value.sql}, {number + 1})", value.type.items[number], value)


def data_type(node: exp.DataType) -> Type:
    """A type as a statement writes it. Raises `QueryError`."""
    kind = node.this
    params = [p.this for p in node.expressions if isinstance(p, exp.DataTypeParam)]
    numbers = [int(p.this) for p in params if isinstance(p, exp.Literal)]
    name = _TYPES.get(kind)
    inner = [e for e in node.expressions if not isinstance(e, exp.DataTypeParam)]
    if kind in (exp.DType.ARRAY, exp.DType.LIST) and len(inner) == 1:
        return types.array(data_type(inner[0]))
    if kind == exp.DType.MAP and len(inner) == 2:
        return Type("map", items=(data_type(inner[0]), data_type(inner[1])))
    if kind == exp.DType.STRUCT and inner:
        defs = [(c.name, c.args["kind"]) if isinstance(c, exp.ColumnDef) else (None, c) for c in inner]
        return Type("row", items=tuple(data_type(t) for _, t in defs), fields=tuple(n for n, _ in defs))
    if isinstance(kind, exp.Interval):
        span = kind.args.get("unit")
        first = span.this.name.upper() if isinstance(span, exp.IntervalSpan) else ""
        return types.MONTHS if first == "YEAR" else types.DAYS
    if name is None or inner or len(numbers) != len(params):
        raise QueryError("TYPE_NOT_FOUND", f"Unknown type: {node.sql('athena').lower()}")
    match name, numbers:
        case "decimal", _ if len(numbers) <= 2:
            precision, scale = (numbers or [types.MAX_PRECISION])[0], numbers[1] if len(numbers) == 2 else 0
            if not 0 < precision <= types.MAX_PRECISION or scale > precision:
                raise QueryError("TYPE_NOT_FOUND", f"Invalid DECIMAL: decimal({precision},{scale})")
            return Type("decimal", precision, scale)
        case (("char" | "varchar"), _) if len(numbers) <= 1:
            return Type(name, numbers[0] if numbers else 1 if name == "char" else None)
        case (("timestamp" | "time" | "timestamp with time zone" | "time with time zone"), _) if len(numbers) <= 1:
            precision = numbers[0] if numbers else 3
            if precision > 6:
                raise QueryError("NOT_SUPPORTED", f"{name}({precision}) is not supported: at most 6 digits")
            return Type(name, precision, zone="UTC" if name.endswith("zone") else None)
        case _, []:
            return Type(name)
    raise QueryError("TYPE_NOT_FOUND", f"Unknown type: {node.sql('athena').lower()}")


_TYPES = {
    exp.DType.BOOLEAN: "boolean", exp.DType.TINYINT: "tinyint", exp.DType.SMALLINT: "smallint",
    exp.DType.INT: "integer", exp.DType.BIGINT: "bigint", exp.DType.FLOAT: "real", exp.DType.DOUBLE: "double",
    exp.DType.DECIMAL: "decimal", exp.DType.VARCHAR: "varchar", exp.DType.TEXT: "varchar", exp.DType.CHAR: "char",
    exp.DType.VARBINARY: "varbinary", exp.DType.BINARY: "varbinary", exp.DType.DATE: "date", exp.DType.TIME: "time",
    exp.DType.TIMETZ: "time with time zone", exp.DType.TIMESTAMP: "timestamp", exp.DType.JSON: "json",
    exp.DType.TIMESTAMPTZ: "timestamp with time zone", exp.DType.UUID: "uuid", exp.DType.UNKNOWN: "unknown",
}  # fmt: skip
