"""The conditions of statements: one predicate for each operator, over values of which some cannot be known."""

import base64
import ipaddress
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from twinplane.data_plane.services.iam.patterns import (
    Context,
    MalformedPolicy,
    Maybe,
    Pattern,
    cached_expression,
    parse_pattern,
    texts_of,
)


@dataclass(frozen=True, slots=True)
class Condition:
    key: str
    test: Callable[[tuple[str, ...] | None, Context], Maybe]


Predicate = Callable[[str, Pattern, Context], Maybe]


def _equals(fold: bool) -> Predicate:
    def test(value: str, pattern: Pattern, context: Context) -> Maybe:
        wanted = pattern.literal(context)
        if wanted is None:
            return None
        return value.casefold() == wanted.casefold() if fold else value == wanted

    return test


def _like(value: str, pattern: Pattern, context: Context) -> Maybe:
    filled = pattern.fill(context)
    return None if filled is None else cached_expression(filled).match(value) is not None


def _arn_like(value: str, pattern: Pattern, context: Context) -> Maybe:
    filled = pattern.fill(context)
    if filled is None:
        return None
    wanted, given = _arn_parts(filled), value.split(":", 5)
    if len(wanted) != 6 or len(given) != 6:
        return False
    return all(cached_expression(w).match(g) for w, g in zip(wanted, given, strict=True))


@lru_cache(maxsize=4096)
def _arn_parts(filled: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The six parts of an ARN pattern, each as tokens: a wildcard never reaches over a colon of the first five."""
    parts: list[list[str]] = [[]]
    for token in filled:
        if token in ("*", "?"):
            parts[-1].append(token)
            continue
        pieces = token[1:].split(":")
        room = 6 - len(parts)
        if len(pieces) - 1 > room:
            pieces = [*pieces[:room], ":".join(pieces[room:])]
        parts[-1].append("=" + pieces[0])
        parts.extend(["=" + piece] for piece in pieces[1:])
    return [tuple(part) for part in parts]


def _compare(read: Callable[[str], Any], holds: Callable[[Any, Any], bool]) -> Predicate:
    def test(value: str, pattern: Pattern, context: Context) -> Maybe:
        wanted = pattern.literal(context)
        try:
            return None if wanted is None else holds(read(value), read(wanted))
        except ValueError:
            return None

    return test


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _moment(text: str) -> float:
    try:
        return _number(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": lambda a, b: a == b,
    "LessThan": lambda a, b: a < b,
    "LessThanEquals": lambda a, b: a <= b,
    "GreaterThan": lambda a, b: a > b,
    "GreaterThanEquals": lambda a, b: a >= b,
}
_POSITIVE: dict[str, Predicate] = {
    "StringEquals": _equals(fold=False),
    "StringEqualsIgnoreCase": _equals(fold=True),
    "StringLike": _like,
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
    "Bool": _compare(_boolean, _ORDERS["Equals"]),
    "BinaryEquals": _compare(_bytes, _ORDERS["Equals"]),
    "IpAddress": _compare(
        lambda text: ipaddress.ip_network(text, strict=False),
        lambda given, wanted: given.version == wanted.version and given.subnet_of(wanted),
    ),
    **{f"Numeric{order}": _compare(_number, holds) for order, holds in _ORDERS.items()},
    **{f"Date{order}": _compare(_moment, holds) for order, holds in _ORDERS.items()},
}
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NotIpAddress": "IpAddress",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
}


def conditions_of(operator: str, keys: Any, variables: bool) -> list[Condition]:
    if not isinstance(keys, dict):
        raise MalformedPolicy(f"Condition {operator} must be a JSON object of keys.")
    test = _null_test if operator == "Null" else _set_test(operator)
    return [
        Condition(
            key.lower(), test(tuple(parse_pattern(text, variables) for text in texts_of(values, key, scalars=True)))
        )
        for key, values in keys.items()
    ]


def _null_test(wanted: tuple[Pattern, ...]) -> Callable[[tuple[str, ...] | None, Context], Maybe]:
    def test(values: tuple[str, ...] | None, context: Context) -> Maybe:
        if values is None:
            return None
        return any((pattern.literal(context) or "").lower() == ("false" if values else "true") for pattern in wanted)

    return test


def _set_test(operator: str) -> Callable[[tuple[Pattern, ...]], Callable[[tuple[str, ...] | None, Context], Maybe]]:
    quantifier, _, name = operator.rpartition(":")
    if_exists = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    negated = name in _NEGATED
    predicate = _POSITIVE.get(_NEGATED.get(name, name))
    if predicate is None or quantifier not in ("", "ForAnyValue", "ForAllValues"):
        raise MalformedPolicy(f"{operator} is not a condition operator.")

    def build(wanted: tuple[Pattern, ...]) -> Callable[[tuple[str, ...] | None, Context], Maybe]:
        def one(value: str, context: Context) -> Maybe:
            hit = _any(predicate(value, pattern, context) for pattern in wanted)
            return None if hit is None else hit != negated

        def test(values: tuple[str, ...] | None, context: Context) -> Maybe:
            if values is None:
                return None
            if not values:
                return if_exists or quantifier == "ForAllValues" or (negated and not quantifier)
            results = [one(value, context) for value in values]
            if quantifier == "ForAllValues" or (negated and not quantifier):
                misses = _any(None if r is None else not r for r in results)
                return None if misses is None else not misses
            return _any(results)

        return test

    return build


def _any(results: Any) -> Maybe:
    unknown = False
    for result in results:
        if result:
            return True
        unknown = unknown or result is None
    return None if unknown else False
