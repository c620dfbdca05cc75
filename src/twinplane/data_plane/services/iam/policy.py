"""IAM's policy language: documents compiled once by their text, then asked in microseconds.

What cannot be decided is decided closed: a condition on a key this plane cannot know, or a policy variable without a
value, neither lets an Allow through nor holds a Deny back.
Checked against AWS's documentation of policy evaluation and of policy elements; not against AWS itself.
"""

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any, Literal

Values = Mapping[str, str | tuple[str, ...]]
Verdict = Literal["allow", "deny"]
PolicyKind = Literal["identity", "trust", "resource"]
Maybe = bool | None  # None: cannot be known


class MalformedPolicy(ValueError):
    """The text is not a policy; the message says what is wrong with it."""


class Context:
    """The condition keys of one request; their values are made only when a policy asks for one.

    `knows` says for which keys absence means absence; for all others absence means that nobody can tell.
    """

    def __init__(self, build: Callable[[], Values], knows: Callable[[str], bool] = lambda _key: True) -> None:
        self._build, self._knows = build, knows

    @cached_property
    def _values(self) -> dict[str, str | tuple[str, ...]]:
        return {key.lower(): value for key, value in self._build().items()}

    def get(self, key: str) -> tuple[str, ...] | None:
        """The key's values; empty when it is absent, None when it cannot be known."""
        value = self._values.get(key)
        if value is None:
            return () if self._knows(key) else None
        return (value,) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class Variable:
    key: str
    default: str | None


Token = str | Variable  # "*" and "?" stand for themselves; a literal part is prefixed with "="


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text with wildcards and policy variables."""

    tokens: tuple[Token, ...]

    @property
    def is_fixed(self) -> bool:
        return not any(isinstance(token, Variable) for token in self.tokens)

    def fill(self, context: Context) -> tuple[str, ...] | None:
        """The tokens with every variable replaced by its value as literal text; None when one has no single value."""
        filled: list[str] = []
        for token in self.tokens:
            if isinstance(token, str):
                filled.append(token)
                continue
            values = context.get(token.key)
            if values is not None and len(values) == 1:
                filled.append("=" + values[0])
            elif token.default is not None and values == ():
                filled.append("=" + token.default)
            else:
                return None
        return tuple(filled)

    def literal(self, context: Context) -> str | None:
        """The text where wildcards mean nothing special; None when a variable has no value."""
        filled = self.fill(context)
        return None if filled is None else "".join(t if t in ("*", "?") else t[1:] for t in filled)


@dataclass(frozen=True, slots=True)
class Patterns:
    """A list of patterns of which one must match: the fixed ones as one expression, the others filled when asked."""

    fixed: re.Pattern[str] | None
    variable: tuple[Pattern, ...]

    def match(self, text: str, context: Context) -> Maybe:
        if self.fixed is not None and self.fixed.match(text):
            return True
        unknown = False
        for pattern in self.variable:
            filled = pattern.fill(context)
            if filled is None:
                unknown = True
            elif _expression((filled,)).match(text):
                return True
        return None if unknown else False


@dataclass(frozen=True, slots=True)
class Condition:
    key: str
    test: Callable[[tuple[str, ...] | None, Context], Maybe]


@dataclass(frozen=True, slots=True)
class Statement:
    allow: bool
    actions: re.Pattern[str]
    not_action: bool
    resources: Patterns | None
    not_resource: bool
    principals: tuple[tuple[str, str], ...] | None
    conditions: tuple[Condition, ...]

    def applies(self, action: str, resource: str, context: Context) -> bool:
        if (self.actions.match(action) is not None) == self.not_action:
            return False
        unknown = False
        if self.resources is not None:
            hit = self.resources.match(resource, context)
            if hit is None:
                if self.allow or not self.not_resource:
                    return False
                unknown = True
            elif hit == self.not_resource:
                return False
        for condition in self.conditions:
            met = condition.test(context.get(condition.key), context)
            if met is False:
                return False
            unknown = unknown or met is None
        return not (unknown and self.allow)


@dataclass(frozen=True, slots=True)
class Policy:
    statements: tuple[Statement, ...]

    def verdict(self, action: str, resource: str, context: Context) -> Verdict | None:
        """What the policy says; None when it says nothing. A Deny outweighs every Allow."""
        verdict: Verdict | None = None
        for statement in self.statements:
            if (not statement.allow or verdict is None) and statement.applies(action, resource, context):
                if not statement.allow:
                    return "deny"
                verdict = "allow"
        return verdict


@lru_cache(maxsize=4096)
def compile_policy(text: str, kind: PolicyKind = "identity") -> Policy:
    """The policy that `text` (JSON) says. Raises `MalformedPolicy`.

    "identity": of a role or user, names resources. "trust": of a role, names principals. "resource": names both.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise MalformedPolicy(f"The policy is not valid JSON: {error}") from None
    if not isinstance(document, dict):
        raise MalformedPolicy("The policy must be a JSON object.")
    _only(document, {"Version", "Id", "Statement"}, "policy")
    version = document.get("Version", "2008-10-17")
    if version not in ("2012-10-17", "2008-10-17"):
        raise MalformedPolicy("Version must be 2012-10-17 or 2008-10-17.")
    statements = document.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        raise MalformedPolicy("The policy has no Statement.")
    return Policy(tuple(_statement(s, kind, variables=version == "2012-10-17") for s in statements))


_ABOUT = {
    "identity": {"Resource", "NotResource"},
    "trust": {"Principal"},
    "resource": {"Principal", "Resource", "NotResource"},
}


def _statement(raw: Any, kind: PolicyKind, variables: bool) -> Statement:
    if not isinstance(raw, dict):
        raise MalformedPolicy("A Statement must be a JSON object.")
    _only(raw, {"Sid", "Effect", "Action", "NotAction", "Condition"} | _ABOUT[kind], "statement")
    if raw.get("Effect") not in ("Allow", "Deny"):
        raise MalformedPolicy("Effect must be Allow or Deny.")
    action = _one_of(raw, "Action", "NotAction")
    for name in _texts(raw[action], action):
        if name != "*" and not re.fullmatch(r"[A-Za-z0-9*?-]+:[A-Za-z0-9*?]+", name):
            raise MalformedPolicy(f"{name} is not an action: it must be service:Action.")
    resources, not_resource, principals = None, False, None
    if kind != "identity":
        if "Principal" not in raw:
            raise MalformedPolicy(f"A statement of a {kind} policy needs a Principal.")
        principals = _principals(raw["Principal"])
    if kind != "trust":
        member = _one_of(raw, "Resource", "NotResource")
        not_resource = member == "NotResource"
        parsed = [parse_pattern(text, variables) for text in _texts(raw[member], member)]
        resources = _patterns(parsed)
    conditions = raw.get("Condition", {})
    if not isinstance(conditions, dict):
        raise MalformedPolicy("Condition must be a JSON object.")
    return Statement(
        allow=raw["Effect"] == "Allow",
        actions=_expression(tuple(parse_pattern(a, False).tokens for a in _texts(raw[action], action)), re.IGNORECASE),
        not_action=action == "NotAction",
        resources=resources,
        not_resource=not_resource,
        principals=principals,
        conditions=tuple(c for operator, keys in conditions.items() for c in _conditions(operator, keys, variables)),
    )


def _principals(raw: Any) -> tuple[tuple[str, str], ...]:
    if raw == "*":
        return (("AWS", "*"),)
    if not isinstance(raw, dict) or not raw:
        raise MalformedPolicy("Principal must be * or a JSON object.")
    _only(raw, {"AWS", "Service", "Federated"}, "Principal")
    return tuple((kind, value) for kind, values in raw.items() for value in _texts(values, kind))


_VARIABLE = re.compile(r"\$\{([^}]*)\}|([*?])")


def parse_pattern(text: str, variables: bool = True) -> Pattern:
    """`text` with `*`, `?` and, where `variables` are on, `${key}`, `${key, 'default'}`, `${*}`, `${?}`, `${$}`."""
    tokens: list[Token] = []
    end = 0
    for found in _VARIABLE.finditer(text):
        inner, wildcard = found.groups()
        if inner is not None and not variables:
            continue
        if found.start() > end:
            tokens.append("=" + text[end : found.start()])
        end = found.end()
        if wildcard:
            tokens.append(wildcard)
        elif inner in ("*", "?", "$"):
            tokens.append("=" + inner)
        else:
            key, _, default = inner.partition(",")
            default = default.strip()
            tokens.append(Variable(key.strip().lower(), default[1:-1] if len(default) > 1 else None))
    if end < len(text):
        tokens.append("=" + text[end:])
    return Pattern(tuple(tokens))


def _patterns(parsed: list[Pattern]) -> Patterns:
    fixed = tuple(p.tokens for p in parsed if p.is_fixed)
    return Patterns(_expression(fixed) if fixed else None, tuple(p for p in parsed if not p.is_fixed))


def _expression(patterns: tuple[tuple[Any, ...], ...], flags: int = 0) -> re.Pattern[str]:
    return re.compile("(?:" + "|".join(f"(?:{_glob(tokens)})" for tokens in patterns) + r")\Z", flags | re.DOTALL)


def _glob(tokens: tuple[str, ...]) -> str:
    """A regular expression of linear time: every part between two stars is taken at its first occurrence, for good."""
    parts: list[str] = [""]
    for token in tokens:
        if token == "*":  # noqa: S105 - a wildcard
            parts.append("")
        else:
            parts[-1] += "." if token == "?" else re.escape(token[1:])  # noqa: S105 - a wildcard
    if len(parts) == 1:
        return parts[0]
    middle = "".join(f"(?>.*?{part})" for part in parts[1:-1] if part)
    return f"{parts[0]}{middle}.*{parts[-1]}" if parts[-1] else f"{parts[0]}{middle}.*"


# --- conditions ---

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
    return None if filled is None else _cached_expression(filled).match(value) is not None


@lru_cache(maxsize=4096)
def _cached_expression(filled: tuple[str, ...]) -> re.Pattern[str]:
    return _expression((filled,))


def _arn_like(value: str, pattern: Pattern, context: Context) -> Maybe:
    filled = pattern.fill(context)
    if filled is None:
        return None
    wanted, given = _arn_parts(filled), value.split(":", 5)
    if len(wanted) != 6 or len(given) != 6:
        return False
    return all(_cached_expression(w).match(g) for w, g in zip(wanted, given, strict=True))


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


def _moment(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return datetime.fromisoformat(text).timestamp()


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
    "IpAddress": _compare(
        lambda text: ipaddress.ip_network(text, strict=False),
        lambda given, wanted: given.version == wanted.version and given.subnet_of(wanted),
    ),
    **{f"Numeric{order}": _compare(float, holds) for order, holds in _ORDERS.items()},
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


def _conditions(operator: str, keys: Any, variables: bool) -> list[Condition]:
    if not isinstance(keys, dict):
        raise MalformedPolicy(f"Condition {operator} must be a JSON object of keys.")
    test = _null_test if operator == "Null" else _set_test(operator)
    return [
        Condition(
            key.lower(), test(tuple(parse_pattern(text, variables) for text in _texts(values, key, scalars=True)))
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


# --- reading documents ---


def _only(document: dict[str, Any], known: set[str], what: str) -> None:
    strange = sorted(set(document) - known)
    if strange:
        raise MalformedPolicy(f"{strange[0]} does not belong in this {what}.")


def _one_of(raw: dict[str, Any], first: str, second: str) -> str:
    if (first in raw) == (second in raw):
        raise MalformedPolicy(f"A statement needs either {first} or {second}.")
    return first if first in raw else second


def _texts(raw: Any, what: str, *, scalars: bool = False) -> list[str]:
    values = raw if isinstance(raw, list) else [raw]
    texts: list[str] = []
    for value in values:
        if scalars and isinstance(value, bool):
            texts.append("true" if value else "false")
        elif scalars and isinstance(value, (int, float)):
            texts.append(str(value))
        elif isinstance(value, str):
            texts.append(value)
        else:
            raise MalformedPolicy(f"{what} must be a text or a list of texts.")
    if not texts:
        raise MalformedPolicy(f"{what} is empty.")
    return texts
