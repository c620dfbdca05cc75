"""Expressions of a checked tree -> typed DuckDB text. One function for each kind of node; no other node passes."""

from __future__ import annotations

import binascii
import decimal
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlglot import exp

from twinplane.engines.sql import calls, operators, types
from twinplane.engines.sql.literals import interval, typed_literal
from twinplane.engines.sql.plan import QueryError
from twinplane.engines.sql.scopes import Relation, Scope, data_type, field_of
from twinplane.engines.sql.signatures import Lambda, Modifiers
from twinplane.engines.sql.types import BOOLEAN, Type
from twinplane.engines.sql.values import (
    Value,
    call,
    cast,
    coerced,
    converted,
    mismatch,
    number,
    row,
    text,
    together,
    written,
)


class Expressions:
    """What compiles expressions; queries inside of them are compiled by the subclass."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def fresh(self, prefix: str) -> str:
        """A name that the statement does not use yet."""
        number = self._numbers.get(prefix, 0)
        self._numbers[prefix] = number + 1
        return f"{prefix}{number}"

    def query(self, node: exp.Expr, parent: Scope | None) -> Relation:
        """A query inside of an expression."""
        raise NotImplementedError

    def value(self, node: exp.Expr, scope: Scope) -> Value:
        """The expression that a node means. Raises `QueryError`."""
        compile_ = _NODES.get(type(node))
        if compile_ is None:
            raise QueryError("NOT_SUPPORTED", f"{node.key.upper()} is not supported here")
        return compile_(self, node, scope)

    def values(self, nodes: Sequence[exp.Expr], scope: Scope) -> list[Value]:
        """Several expressions."""
        return [self.value(n, scope) for n in nodes]

    def boolean(self, node: exp.Expr, scope: Scope, what: str) -> Value:
        """A condition. Raises `QueryError`."""
        return operators.boolean(self.value(node, scope), what)

    # names

    def _column(self, node: exp.Column, scope: Scope) -> Value:
        return scope.find([p.name for p in node.parts])

    def _identifier(self, node: exp.Identifier, scope: Scope) -> Value:
        return scope.find([node.name])

    def _dot(self, node: exp.Dot, scope: Scope) -> Value:
        if not isinstance(node.expression, exp.Identifier):
            raise QueryError("NOT_SUPPORTED", "A field is given by its name")
        return field_of(self.value(node.this, scope), node.expression.name)

    def _paren(self, node: exp.Paren, scope: Scope) -> Value:
        return self.value(node.this, scope)

    # literals

    def _literal(self, node: exp.Literal, _scope: Scope) -> Value:
        if node.is_string:
            return text(node.this)
        written_ = str(node.this).lower()
        if "e" in written_:
            value = float(written_)
            return Value(f"CAST({value!r} AS DOUBLE)", types.DOUBLE, value)
        if "." in written_:
            return decimal_literal(written_)
        return number(int(written_))

    def _boolean(self, node: exp.Boolean, _scope: Scope) -> Value:
        return Value("true" if node.this else "false", BOOLEAN, bool(node.this))

    def _null(self, _node: exp.Null, _scope: Scope) -> Value:
        return Value("NULL", types.UNKNOWN, None)

    def _hex(self, node: exp.HexString, _scope: Scope) -> Value:
        given = re.sub(r"\s", "", str(node.this))
        try:
            binascii.unhexlify(given)
        except (ValueError, binascii.Error):
            raise QueryError("INVALID_LITERAL", "Binary literal is not of hexadecimal digits in pairs") from None
        return Value(f"unhex('{given}')", types.VARBINARY)

    def _unicode(self, node: exp.UnicodeString, _scope: Scope) -> Value:
        if node.args.get("escape"):
            raise QueryError("NOT_SUPPORTED", "UESCAPE is not supported")
        try:
            return text(re.sub(r"\\(?:\+([0-9a-fA-F]{6})|([0-9a-fA-F]{4})|(\\))", _code_point, str(node.this)))
        except (ValueError, OverflowError):
            raise QueryError("INVALID_LITERAL", "Invalid Unicode literal") from None

    def _interval(self, node: exp.Interval, _scope: Scope) -> Value:
        return interval(node)

    def _now(self, node: exp.Expr, _scope: Scope) -> Value:
        return calls.named(_NOW[type(node)], [])

    # operators

    def _arithmetic(self, node: exp.Binary, scope: Scope) -> Value:
        found: Value | None = None
        for operator, part in _chain(node, _ARITHMETIC):
            value = self.value(part, scope)
            found = value if found is None else operators.arithmetic(_ARITHMETIC[operator], found, value)
        assert found is not None
        return found

    def _concatenation(self, node: exp.DPipe, scope: Scope) -> Value:
        found: Value | None = None
        for _, part in _chain(node, {exp.DPipe: "||"}):
            value = self.value(part, scope)
            found = value if found is None else operators.concatenated(found, value)
        assert found is not None
        return found

    def _logical(self, node: exp.Connector, scope: Scope) -> Value:
        word = "AND" if isinstance(node, exp.And) else "OR"
        parts = [
            self.boolean(p, scope, f"Logical expression term: {word}") for _, p in _chain(node, {type(node): word})
        ]
        return written("(" + f" {word} ".join(p.sql for p in parts) + ")", BOOLEAN, *parts)

    def _not(self, node: exp.Not, scope: Scope) -> Value:
        value = self.boolean(node.this, scope, "Value of logical NOT expression")
        return written(f"(NOT {value.sql})", BOOLEAN, value)

    def _neg(self, node: exp.Neg, scope: Scope) -> Value:
        if isinstance(node.this, exp.Literal) and str(node.this.this) == str(2**63):
            return number(-(2**63))
        return operators.negated(self.value(node.this, scope))

    def _comparison(self, node: exp.Binary, scope: Scope) -> Value:
        operator = _COMPARISONS[type(node)]
        right = node.expression
        if isinstance(right, (exp.Any, exp.All)):
            return self._quantified(operator, node, right, scope)
        return operators.compared(operator, self.value(node.this, scope), self.value(right, scope))

    def _quantified(self, operator: str, node: exp.Binary, right: exp.Any | exp.All, scope: Scope) -> Value:
        left = self.value(node.this, scope)
        left, found = self._against(left, right.this, scope)
        word = "ANY" if isinstance(right, exp.Any) else "ALL"
        return replace(written(f"({left.sql} {operator} {word} ({found}))", BOOLEAN, left), subquery=True)

    def _against(self, left: Value, node: exp.Expr, scope: Scope) -> tuple[Value, str]:
        """A value and the one column of a subquery, of one type."""
        relation = self.query(node, scope)
        if len(relation.outputs) != 1:
            raise mismatch("The subquery of a comparison must have one column")
        type_ = relation.outputs[0].type
        both = types.common(left.type, type_)
        if both is None:
            raise mismatch(f"value and result of subquery must be of the same type: {left.type} and {type_}")
        if both == type_:
            return converted(left, both), relation.sql
        alias = self.fresh("r")
        changed = converted(Value(f"{alias}.c0", type_), both)
        return converted(left, both), f"SELECT {changed.sql} AS c0 FROM ({relation.sql}) AS {alias}"  # noqa: S608

    def _distinct(self, node: exp.Binary, scope: Scope) -> Value:
        left, right = self.value(node.this, scope), self.value(node.expression, scope)
        return operators.distinct(left, right, negated=isinstance(node, exp.NullSafeEQ))

    def _is(self, node: exp.Is, scope: Scope) -> Value:
        value = self.value(node.this, scope)
        if not isinstance(node.expression, exp.Null):
            raise QueryError("SYNTAX_ERROR", "IS is followed by [NOT] NULL or [NOT] DISTINCT FROM")
        return written(f"({value.sql} IS {'NOT ' if node.args.get('negate') else ''}NULL)", BOOLEAN, value)

    def _in(self, node: exp.In, scope: Scope) -> Value:
        left = self.value(node.this, scope)
        query = node.args.get("query")
        if query is not None:
            left, found = self._against(left, query, scope)
            return replace(written(f"({left.sql} IN ({found}))", BOOLEAN, left), subquery=True)
        parts = self.values(node.expressions, scope)
        for part in parts:
            if types.common(left.type, part.type) is None:
                raise mismatch(f"IN value and list items must be the same type: {left.type} and {part.type}")
        (left, *parts), _ = together([left, *parts], "IN list items")
        return written(f"({left.sql} IN ({', '.join(p.sql for p in parts)}))", BOOLEAN, left, *parts)

    def _between(self, node: exp.Between, scope: Scope) -> Value:
        if node.args.get("symmetric"):
            raise QueryError("SYNTAX_ERROR", "BETWEEN SYMMETRIC is not supported")
        value, low, high = self.values([node.this, node.args["low"], node.args["high"]], scope)
        first, second = operators.compared(">=", value, low), operators.compared("<=", value, high)
        both = types.common(types.common(value.type, low.type) or value.type, high.type)
        if both is None or both.name in types.FLOATS:
            return written(f"({first.sql} AND {second.sql})", BOOLEAN, first, second)
        value, low, high = (converted(v, both) for v in (value, low, high))
        return written(f"({value.sql} BETWEEN {low.sql} AND {high.sql})", BOOLEAN, value, low, high)

    def _like(self, node: exp.Like, scope: Scope, escape: exp.Expr | None = None) -> Value:
        value, pattern = self.values([node.this, node.expression], scope)
        if value.type.name not in (*types.TEXTS, "unknown") or pattern.type.name not in (*types.TEXTS, "unknown"):
            raise mismatch(f"LIKE is of texts, not of {value.type} and {pattern.type}")
        value, pattern = converted(value, types.VARCHAR), converted(pattern, types.VARCHAR)
        word = "NOT LIKE" if node.args.get("negate") else "LIKE"
        if escape is None:
            return written(f"({value.sql} {word} {pattern.sql})", BOOLEAN, value, pattern)
        mark = self.value(escape, scope)
        if not mark.is_constant or len(str(mark.constant)) != 1:
            raise QueryError("INVALID_FUNCTION_ARGUMENT", "Escape string must be a single character")
        return written(f"({value.sql} {word} {pattern.sql} ESCAPE {mark.sql})", BOOLEAN, value, pattern)

    def _escape(self, node: exp.Escape, scope: Scope) -> Value:
        if not isinstance(node.this, exp.Like):
            raise QueryError("SYNTAX_ERROR", "ESCAPE belongs to LIKE")
        return self._like(node.this, scope, node.expression)

    def _exists(self, node: exp.Exists, scope: Scope) -> Value:
        return Value(f"EXISTS ({self.query(node.this, scope).sql})", BOOLEAN, subquery=True)

    def _subquery(self, node: exp.Expr, scope: Scope) -> Value:
        relation = self.query(node, scope)
        if len(relation.outputs) != 1:
            raise QueryError("NOT_SUPPORTED", "Multiple columns returned by subquery are not yet supported")
        return Value(f"({relation.sql})", relation.outputs[0].type, subquery=True)

    def _at_time_zone(self, node: exp.AtTimeZone, scope: Scope) -> Value:
        return calls.named("at_timezone", self.values([node.this, node.args["zone"]], scope))

    # conditions

    def _case(self, node: exp.Case, scope: Scope) -> Value:
        subject = node.this and self.value(node.this, scope)
        tests: list[Value] = []
        for branch in node.args["ifs"]:
            if subject is None:
                tests.append(self.boolean(branch.this, scope, "CASE WHEN clause"))
            else:
                tests.append(operators.compared("=", subject, self.value(branch.this, scope)))
        given = [self.value(branch.args["true"], scope) for branch in node.args["ifs"]]
        if node.args.get("default") is not None:
            given.append(self.value(node.args["default"], scope))
        results, type_ = together(given, "CASE results")
        branches = " ".join(f"WHEN {t.sql} THEN {r.sql}" for t, r in zip(tests, results, strict=False))
        otherwise = f" ELSE {results[-1].sql}" if len(results) > len(tests) else ""
        return written(f"CASE {branches}{otherwise} END", type_, *tests, *results)

    # casts and parts

    def _cast(self, node: exp.Cast, scope: Scope) -> Value:
        if node.args.get("format") or node.args.get("action") or node.args.get("default"):
            raise QueryError("SYNTAX_ERROR", "CAST takes a value and a type")
        if node.meta.get("typed") and isinstance(node.this, exp.Literal):
            return typed_literal(str(node.this.this), node.to)
        return cast(self.value(node.this, scope), data_type(node.to), safe=isinstance(node, exp.TryCast))

    def _extract(self, node: exp.Extract, scope: Scope) -> Value:
        return calls.named(_EXTRACTED.get(node.name.lower(), "none"), [self.value(node.expression, scope)])

    def _trim(self, node: exp.Trim, scope: Scope) -> Value:
        position = str(node.args.get("position") or "BOTH").upper()
        name = {"BOTH": "trim", "LEADING": "ltrim", "TRAILING": "rtrim"}[position]
        parts = self.values([node.this, *([node.expression] if node.expression else [])], scope)
        return calls.named(name, parts)

    def _substring(self, node: exp.Substring, scope: Scope) -> Value:
        parts = [node.this, *(node.args[a] for a in ("start", "length") if node.args.get(a) is not None)]
        return calls.named("substr", self.values(parts, scope))

    def _position(self, node: exp.StrPosition, scope: Scope) -> Value:
        return calls.named("strpos", self.values([node.this, node.args["substr"]], scope))

    def _json_literal(self, node: exp.ParseJSON, scope: Scope) -> Value:
        return calls.named("json_parse", [self.value(node.this, scope)])

    def _array(self, node: exp.Array, scope: Scope) -> Value:
        items, type_ = together(self.values(node.expressions, scope), "ARRAY elements")
        return written(f"list_value({', '.join(i.sql for i in items)})" if items else "[]", types.array(type_), *items)

    def _row(self, node: exp.Tuple, scope: Scope) -> Value:
        return row(self.values(node.expressions, scope))

    def _subscript(self, node: exp.Bracket, scope: Scope) -> Value:
        if len(node.expressions) != 1:
            raise QueryError("SYNTAX_ERROR", "A subscript has one value")
        value, index = self.values([node.this, node.expressions[0]], scope)
        match value.type.name:
            case "array":
                return call("athena_subscript", value.type.items[0], value, coerced(index, types.BIGINT, "Subscript"))
            case "map":
                return call("athena_key", value.type.items[1], value, coerced(index, value.type.items[0], "Subscript"))
            case "row" if index.is_constant and isinstance(index.constant, int):
                if not 0 < index.constant <= len(value.type.items):
                    raise QueryError("INVALID_FUNCTION_ARGUMENT", "The index of a row's field is out of bounds")
                place = index.constant
                return written(f"struct_extract_at({value.sql}, {place})", value.type.items[place - 1], value)
        raise mismatch(f"Cannot use {index.type} for subscript of {value.type}")

    # calls

    def _call(self, node: exp.Anonymous, scope: Scope) -> Value:
        return self._called(node, scope, Modifiers())

    def _called(self, node: exp.Anonymous, scope: Scope, modifiers: Modifiers) -> Value:
        name = str(node.this.name if isinstance(node.this, exp.Identifier) else node.this).lower()
        arguments = list(node.expressions)
        if len(arguments) == 1 and isinstance(arguments[0], exp.Order):
            keys = self.order([*arguments[0].expressions], scope)
            modifiers = replace(modifiers, order=f" ORDER BY {keys}")
            arguments = [arguments[0].this]
        elif arguments and isinstance(arguments[-1], exp.Order):
            keys = self.order([*arguments[-1].expressions], scope)
            modifiers = replace(modifiers, order=f" ORDER BY {keys}")
            arguments[-1] = arguments[-1].this
        if arguments and isinstance(arguments[0], exp.Distinct):
            modifiers = replace(modifiers, distinct="DISTINCT ")
            arguments = [*arguments[0].expressions, *arguments[1:]]
        if name == "count" and len(arguments) == 1 and isinstance(arguments[0], exp.Star):
            arguments = []
        return calls.named(name, [self._argument(a, scope) for a in arguments], modifiers)

    def _argument(self, node: exp.Expr, scope: Scope) -> Value | Lambda:
        if not isinstance(node, exp.Lambda):
            return self.value(node, scope)
        return _Lambda(self, node, scope, self.fresh("e"))

    def _if(self, node: exp.If, scope: Scope) -> Value:
        parts = [node.this, node.args["true"], *([node.args["false"]] if node.args.get("false") is not None else [])]
        return calls.named("if", self.values(parts, scope))

    def _filter(self, node: exp.Filter, scope: Scope) -> Value:
        return self._modified(node, scope, "")

    def _window(self, node: exp.Window, scope: Scope) -> Value:
        return self._modified(node.this, scope, f" OVER ({self._over(node, scope)})")

    def _modified(self, node: exp.Expr, scope: Scope, after: str) -> Value:
        nulls = ""
        while not isinstance(node, (exp.Anonymous, exp.GroupConcat, exp.WithinGroup)):
            match node:
                case exp.Filter():
                    condition = self.boolean(node.expression.this, scope, "Filter expression")
                    after = f" FILTER (WHERE {condition.sql}){after}"
                case exp.IgnoreNulls():
                    nulls = " IGNORE NULLS"
                case exp.RespectNulls():
                    nulls = ""
                case _:
                    raise QueryError("NOT_SUPPORTED", "OVER and FILTER belong to a function")
            node = node.this
        if isinstance(node, exp.GroupConcat):
            return self._listagg(node, scope, after)
        if isinstance(node, exp.WithinGroup):
            raise QueryError("NOT_SUPPORTED", "WITHIN GROUP belongs to listagg")
        return self._called(node, scope, Modifiers(nulls=nulls, after=after))

    def _listagg(self, node: exp.GroupConcat, scope: Scope, after: str = "") -> Value:
        if node.args.get("on_overflow") is not None and not isinstance(node.args["on_overflow"], exp.Var):
            raise QueryError("NOT_SUPPORTED", "listagg with ON OVERFLOW TRUNCATE is not supported")
        inner, keys = node.this, ""
        if isinstance(inner, exp.Order):
            inner, keys = inner.this, f" ORDER BY {self.order(inner.expressions, scope)}"
        distinct = isinstance(inner, exp.Distinct)
        part = inner.expressions[0] if distinct else inner
        separator = node.args.get("separator")
        parts = [self.value(part, scope), text("") if separator is None else self.value(separator, scope)]
        return calls.named("listagg", parts, Modifiers("DISTINCT " if distinct else "", keys, "", after))

    def _over(self, node: exp.Window, scope: Scope) -> str:
        base = node.args.get("alias") or (node.args.get("this") if isinstance(node.this, exp.Identifier) else None)
        partition, order, spec = node.args.get("partition_by"), node.args.get("order"), node.args.get("spec")
        name = base.name if isinstance(base, exp.Identifier) else None
        if name is not None and not partition and order is None and spec is None and name in scope.windows:
            node = scope.windows[name]
            partition, order, spec = node.args.get("partition_by"), node.args.get("order"), node.args.get("spec")
        elif name is not None:
            raise QueryError("NOT_SUPPORTED", f"Cannot resolve WINDOW name {name}")
        parts = []
        if partition:
            parts.append("PARTITION BY " + ", ".join(self.key(p, scope) for p in partition))
        if order is not None:
            parts.append("ORDER BY " + self.order(order.expressions, scope))
        if spec is not None:
            parts.append(self._frame(spec, scope))
        return " ".join(parts)

    def _frame(self, spec: exp.WindowSpec, scope: Scope) -> str:
        if spec.args.get("exclude"):
            raise QueryError("SYNTAX_ERROR", "EXCLUDE is not supported")
        kind = str(spec.args.get("kind") or "RANGE").upper()
        if kind not in ("ROWS", "RANGE", "GROUPS"):
            raise QueryError("SYNTAX_ERROR", f"Unknown window frame {kind}")
        ends = []
        for end in ("start", "end"):
            bound, side = spec.args.get(end), str(spec.args.get(f"{end}_side") or "").upper()
            if bound is None:
                ends.append("CURRENT ROW")
            elif isinstance(bound, exp.Expr):
                ends.append(f"{self.value(bound, scope).sql} {side}")
            elif str(bound).upper() == "CURRENT ROW":
                ends.append("CURRENT ROW")
            else:
                ends.append(f"UNBOUNDED {side}")
        return f"{kind} BETWEEN {ends[0]} AND {ends[1]}"

    def key(self, node: exp.Expr, scope: Scope) -> str:
        """A value to group, partition or order by: never a bare number, which would be a place."""
        value = self.value(node, scope)
        return f"CAST({value.sql} AS {types.in_duckdb(value.type)})" if value.is_constant else value.sql

    def order(self, nodes: Sequence[exp.Expr], scope: Scope) -> str:
        """Keys to order by."""
        return ", ".join(self.key(n.this if isinstance(n, exp.Ordered) else n, scope) + direction(n) for n in nodes)


@dataclass(frozen=True, slots=True)
class _Lambda:
    compiler: Expressions
    node: exp.Lambda
    scope: Scope
    name: str

    def __call__(self, parameters: Sequence[Type], texts: Sequence[str] | None = None) -> Value:
        names = [p.name for p in self.node.expressions]
        if len(parameters) != len(names):
            raise QueryError("INVALID_PARAMETER_USAGE", f"A lambda of {len(parameters)} parameters is asked for")
        opaque = [self.compiler.fresh("l") for _ in names] if texts is None else texts
        inner = self.scope.inside({n: Value(o, t) for n, o, t in zip(names, opaque, parameters, strict=True)})
        found = self.compiler.value(self.node.this, inner)
        if found.subquery:
            raise QueryError("NOT_SUPPORTED", "Lambda expression cannot contain subqueries")
        if texts is not None:
            return found
        return Value(f"lambda {', '.join(opaque)}: {found.sql}", found.type, volatile=found.volatile)


def direction(node: exp.Expr) -> str:
    """How to order by a key: ascending and NULLs last where nothing is said."""
    down = " DESC" if node.args.get("desc") else " ASC"
    return down + (" NULLS FIRST" if node.args.get("nulls_first") else " NULLS LAST")


def decimal_literal(given: str) -> Value:
    """A number with a point in it: as many digits as are written."""
    sign = "-" if given.startswith("-") else ""
    whole, _, fraction = given.lstrip("+-").partition(".")
    precision, scale = max(1, len(whole) + len(fraction)), len(fraction)
    if precision > types.MAX_PRECISION or (not (whole + fraction).isdigit() and (whole + fraction)):
        raise QueryError("INVALID_LITERAL", f"Invalid numeric literal: {given}")
    type_ = Type("decimal", precision, scale)
    shown = f"{sign}{whole or '0'}" + (f".{fraction}" if fraction else "")
    return Value(f"CAST('{shown}' AS {types.in_duckdb(type_)})", type_, decimal.Decimal(shown))


def _code_point(found: re.Match[str]) -> str:
    return "\\" if found[3] else chr(int(found[1] or found[2], 16))


def _chain(node: exp.Expr, kinds: Any) -> list[tuple[type[exp.Expr], exp.Expr]]:
    """`a + b - c`, which is deep on the left, as its parts, each with the operator before it."""
    parts: list[tuple[type[exp.Expr], exp.Expr]] = []
    while type(node) in kinds:
        parts.append((type(node), node.args["expression"]))
        node = node.args["this"]
    parts.append((type(node), node))
    return parts[::-1]


_ARITHMETIC: dict[type[exp.Expr], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}
_COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
}  # fmt: skip
_NOW: dict[type[exp.Expr], str] = {
    exp.CurrentDate: "current_date", exp.CurrentTimestamp: "now", exp.CurrentTime: "current_time",
    exp.Localtime: "localtime", exp.Localtimestamp: "localtimestamp",
}  # fmt: skip
_EXTRACTED = {
    "year": "year", "quarter": "quarter", "month": "month", "week": "week", "day": "day", "day_of_month": "day",
    "day_of_week": "day_of_week", "dow": "day_of_week", "dayofweek": "day_of_week", "day_of_year": "day_of_year",
    "doy": "day_of_year", "dayofyear": "day_of_year", "year_of_week": "year_of_week", "yow": "year_of_week",
    "yearofweek": "year_of_week", "hour": "hour", "minute": "minute", "second": "second",
    "timezone_hour": "timezone_hour", "timezone_minute": "timezone_minute",
}  # fmt: skip
_NODES: dict[type[exp.Expr], Callable[[Any, Any, Scope], Value]] = {
    exp.Column: Expressions._column, exp.Identifier: Expressions._identifier, exp.Dot: Expressions._dot,
    exp.Paren: Expressions._paren, exp.Literal: Expressions._literal, exp.Boolean: Expressions._boolean,
    exp.Null: Expressions._null, exp.HexString: Expressions._hex, exp.UnicodeString: Expressions._unicode,
    exp.Interval: Expressions._interval, exp.DPipe: Expressions._concatenation, exp.And: Expressions._logical,
    exp.Or: Expressions._logical, exp.Not: Expressions._not, exp.Neg: Expressions._neg,
    exp.NullSafeEQ: Expressions._distinct, exp.NullSafeNEQ: Expressions._distinct, exp.Is: Expressions._is,
    exp.In: Expressions._in, exp.Between: Expressions._between, exp.Like: Expressions._like,
    exp.Escape: Expressions._escape, exp.Exists: Expressions._exists, exp.Subquery: Expressions._subquery,
    exp.Select: Expressions._subquery, exp.AtTimeZone: Expressions._at_time_zone, exp.Case: Expressions._case,
    exp.Cast: Expressions._cast, exp.TryCast: Expressions._cast, exp.Extract: Expressions._extract,
    exp.Trim: Expressions._trim, exp.Substring: Expressions._substring, exp.StrPosition: Expressions._position,
    exp.ParseJSON: Expressions._json_literal, exp.Array: Expressions._array, exp.Tuple: Expressions._row,
    exp.Bracket: Expressions._subscript, exp.Anonymous: Expressions._call, exp.If: Expressions._if,
    exp.Filter: Expressions._filter, exp.Window: Expressions._window, exp.GroupConcat: Expressions._listagg,
    exp.IgnoreNulls: Expressions._filter,
    **dict.fromkeys(_ARITHMETIC, Expressions._arithmetic), **dict.fromkeys(_COMPARISONS, Expressions._comparison),
    **dict.fromkeys(_NOW, Expressions._now),
}  # fmt: skip
