"""What functions take and give, written as in Athena's documentation: `name(types) type = DuckDB text`.

Capital letters stand for types: `T U K V` any, `N` a number, `O` anything ordered, `I` a whole number; `(S, T) -> S` is
a lambda; `...` repeats the last parameter. In the text `{0}` is the first argument, `{T}` a type in DuckDB's words;
of aggregates `{d}` is DISTINCT, `{o}` an ORDER BY, `{n}` IGNORE NULLS and `{m}` what follows the call (FILTER, OVER).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

from twinplane.engines.sql import types
from twinplane.engines.sql.plan import QueryError
from twinplane.engines.sql.types import Type, in_duckdb
from twinplane.engines.sql.values import Value, converted, written

_TOKEN = re.compile(r"\s*(->|\.\.\.|[\w]+|[(),])")
_VARIABLE = re.compile(r"[A-Z]")
_PLACE = re.compile(r"\{(\w+)\}")
_NAMES = {
    "varchar": types.VARCHAR, "boolean": types.BOOLEAN, "bigint": types.BIGINT, "integer": types.INTEGER,
    "smallint": types.SMALLINT, "tinyint": types.TINYINT, "double": types.DOUBLE, "real": types.REAL,
    "date": types.DATE, "json": types.JSON, "varbinary": types.VARBINARY, "timestamp": Type("timestamp"),
    "tz": Type("timestamp with time zone"), "time": Type("time"), "days": types.DAYS, "months": types.MONTHS,
    "decimal": Type("decimal"), "unknown": types.UNKNOWN, "uuid": Type("uuid"),
}  # fmt: skip

_ANY_PRECISION = ("timestamp", "time", "timestamp with time zone", "varchar", "decimal")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A type with capital letters in it. `lambda_`: the parameters of a lambda whose result is the last of `items`."""

    name: str
    items: tuple[Pattern, ...] = ()
    is_lambda: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """One way to call a function."""

    name: str
    parameters: tuple[Pattern, ...]
    variadic: bool
    result: Pattern
    template: str


class NoMatch(Exception):
    """The arguments are not those of this signature."""


class Lambda(Protocol):
    """A lambda of a statement. `name` is one that nothing else in the statement has."""

    @property
    def name(self) -> str: ...

    def __call__(self, parameters: Sequence[Type], texts: Sequence[str] | None = None) -> Value:
        """Its DuckDB text, and the type of its result, for parameters of these types.

        With `texts`: its body only, in which these texts stand for the parameters.
        """


@lru_cache(maxsize=1024)
def read(line: str) -> Signature:
    """A signature as it is written."""
    head, _, template = line.partition(" = ")
    reader = _Reader(head)
    name = reader.take()
    reader.take("(")
    parameters: list[Pattern] = []
    variadic = False
    while reader.peek != ")":
        if reader.peek == "...":
            reader.take()
            variadic = True
        else:
            parameters.append(reader.pattern())
        if reader.peek == ",":
            reader.take()
    reader.take(")")
    return Signature(name, tuple(parameters), variadic, reader.pattern(), template.strip())


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens = [m[1] for m in _TOKEN.finditer(text)]
        self._place = 0

    @property
    def peek(self) -> str:
        return self._tokens[self._place] if self._place < len(self._tokens) else ""

    def take(self, expected: str | None = None) -> str:
        token = self.peek
        if expected not in (None, token):
            raise ValueError(f"{expected} expected, not {token}: {self._tokens}")
        self._place += 1
        return token

    def pattern(self) -> Pattern:
        if self.peek == "(":
            self.take()
            items = [self.pattern()]
            while self.take() == ",":
                items.append(self.pattern())
            self.take("->")
            return Pattern("lambda", (*items, self.pattern()), True)
        name = self.take()
        items = []
        if self.peek == "(" and name in ("array", "map", "row"):
            self.take()
            items.append(self.pattern())
            while self.take() == ",":
                items.append(self.pattern())
        if self.peek == "->":
            self.take()
            return Pattern("lambda", (Pattern(name), self.pattern()), True)
        return Pattern(name, tuple(items))


@dataclass(frozen=True, slots=True)
class Modifiers:
    """What a call carries besides its arguments, as DuckDB text."""

    distinct: str = ""
    order: str = ""
    nulls: str = ""
    after: str = ""


def resolve(lines: Sequence[str], arguments: Sequence[Value | Lambda], modifiers: Modifiers | None = None) -> Value:
    """The call of the first signature that takes the arguments: as they are, else by what they become.

    Raises `NoMatch`, and `QueryError` from inside of a lambda.
    """
    for exact in (True, False):
        for line in lines:
            try:
                return _matched(read(line), arguments, modifiers or Modifiers(), exact=exact)
            except NoMatch:
                continue
    raise NoMatch


def _matched(signature: Signature, arguments: Sequence[Value | Lambda], modifiers: Modifiers, *, exact: bool) -> Value:
    patterns = list(signature.parameters)
    if signature.variadic:
        patterns += [patterns[-1]] * (len(arguments) - len(patterns))
    if len(patterns) != len(arguments):
        raise NoMatch
    bound: dict[str, Type] = {}
    for pattern, argument in zip(patterns, arguments, strict=True):
        if pattern.is_lambda != (not isinstance(argument, Value)):
            raise NoMatch
        if isinstance(argument, Value):
            _bind(pattern, argument.type, bound, exact=exact)
    texts = _lambdas(patterns, arguments, bound)
    parts: list[Value] = []
    for number, (pattern, argument) in enumerate(zip(patterns, arguments, strict=True)):
        if isinstance(argument, Value):
            parts.append(_fitted(argument, pattern, bound))
        else:
            parts.append(texts[number])
    return _text(signature, parts, bound, modifiers)


def _lambdas(
    patterns: Sequence[Pattern], arguments: Sequence[Value | Lambda], bound: dict[str, Type]
) -> dict[int, Value]:
    texts: dict[int, Value] = {}
    for number, (pattern, argument) in enumerate(zip(patterns, arguments, strict=True)):
        if isinstance(argument, Value):
            continue
        for _ in range(3):
            body = argument([_filled(p, bound) for p in pattern.items[:-1]])
            result = pattern.items[-1]
            before = bound.get(result.name)
            _bind(result, body.type, bound, exact=False)
            if before is None or bound[result.name] == before:
                break
        texts[number] = body
    return texts


def _bind(pattern: Pattern, type_: Type, bound: dict[str, Type], *, exact: bool) -> None:
    if _VARIABLE.fullmatch(pattern.name):
        found = types.common(bound.get(pattern.name, types.UNKNOWN), type_)
        if found is None or not _is_of(pattern.name, found):
            raise NoMatch
        bound[pattern.name] = found
        return
    if type_.name == "unknown":
        return
    if pattern.items:
        if type_.name != pattern.name or len(type_.items) != len(pattern.items):
            raise NoMatch
        for inner, item in zip(pattern.items, type_.items, strict=True):
            _bind(inner, item, bound, exact=exact)
        return
    wanted = _NAMES.get(pattern.name)
    if wanted is None:
        if pattern.name != type_.name:
            raise NoMatch
        return
    if exact and wanted.name != type_.name:
        raise NoMatch
    if wanted.name == type_.name:
        return
    if wanted.name == "decimal" and type_.name in types.INTEGERS:
        return
    if not types.becomes(type_, wanted):
        raise NoMatch


def _is_of(variable: str, type_: Type) -> bool:
    if type_.name == "unknown":
        return True
    match variable:
        case "N":
            return type_.name in types.NUMBERS
        case "I":
            return type_.name in types.INTEGERS
        case "O":
            return types.is_orderable(type_)
    return True


def _filled(pattern: Pattern, bound: dict[str, Type]) -> Type:
    if _VARIABLE.fullmatch(pattern.name):
        return bound.get(pattern.name, types.UNKNOWN)
    if pattern.items:
        items = tuple(_filled(p, bound) for p in pattern.items)
        return Type(pattern.name, items=items, fields=(None,) * len(items) if pattern.name == "row" else ())
    return _NAMES[pattern.name]


def _fitted(value: Value, pattern: Pattern, bound: dict[str, Type]) -> Value:
    wanted = _filled(pattern, bound)
    if wanted.name == value.type.name and wanted.name in _ANY_PRECISION and wanted.precision is None:
        return value
    if wanted.name == "decimal" and wanted.precision is None:
        wanted = types.as_decimal(value.type)
    if wanted.name == "timestamp" and wanted.precision is None:
        wanted = types.TIMESTAMP
    if wanted.name == "timestamp with time zone" and wanted.precision is None:
        wanted = types.TIMESTAMP_TZ
    return converted(value, wanted)


_SAME_WHEN_DISTINCT = frozenset(
    {
        "max",
        "min",
        "bool_and",
        "bool_or",
        "every",
        "bitwise_and_agg",
        "bitwise_or_agg",
        "approx_distinct",
        "max_by",
        "min_by",
    }
)


def check_modifiers(name: str, template: str, modifiers: Modifiers) -> None:
    """Raises `QueryError` where DISTINCT, ORDER BY or IGNORE NULLS would be dropped and change the answer."""
    if modifiers.distinct and "{d}" not in template and name not in _SAME_WHEN_DISTINCT:
        raise QueryError("NOT_SUPPORTED", f"DISTINCT is not supported for {name}")
    if modifiers.order and "{o}" not in template:
        raise QueryError("NOT_SUPPORTED", f"ORDER BY is not supported for {name}")
    if modifiers.nulls and "{n}" not in template:
        raise QueryError("NOT_SUPPORTED", f"IGNORE NULLS is not supported for {name}")


def _text(signature: Signature, parts: Sequence[Value], bound: dict[str, Type], modifiers: Modifiers) -> Value:
    result = _filled(signature.result, bound)
    if result.precision is None and result.name in ("timestamp", "timestamp with time zone", "time", "decimal"):
        alike = next((p.type for p in parts if p.type.name == result.name), None)
        result = alike or {"timestamp": types.TIMESTAMP, "time": types.TIME}.get(result.name, types.TIMESTAMP_TZ)
    check_modifiers(signature.name, signature.template, modifiers)
    marks = {"d": modifiers.distinct, "o": modifiers.order, "n": modifiers.nulls, "m": modifiers.after}
    used = signature.template

    def place(found: re.Match[str]) -> str:
        key = found[1]
        if key.isdigit():
            return parts[int(key)].sql
        if key == "rest":
            return ", ".join(p.sql for p in parts)
        if key == "R":
            return in_duckdb(result)
        return marks[key] if key in marks else in_duckdb(bound[key])

    many = [n for n in range(len(parts)) if used.count(f"{{{n}}}") > 1 or "athena_" in used]
    if any(parts[n].volatile for n in many):
        raise QueryError("NOT_SUPPORTED", f"random and the like are not supported as arguments of {signature.name}")
    found = written(_PLACE.sub(place, used), result, *parts)
    return replace(found, volatile=True) if "random()" in used or "uuid()" in used else found
