"""The texts of policies: wildcards, variables, and the condition keys that give the variables their values."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

Values = Mapping[str, str | tuple[str, ...]]
Maybe = bool | None  # None: cannot be known


class MalformedPolicy(ValueError):
    """The text is not a policy; the message says what is wrong with it."""


class Context:
    """The condition keys of one request; their values are made only when a policy asks for one.

    `knows` says for which keys absence means absence; for all others absence means that nobody can tell. `folded` gives
    further values, by keys in lower case.
    """

    def __init__(
        self, build: Callable[[], Values], knows: Callable[[str], bool] = lambda _key: True,
        folded: Callable[[], Values] = dict,
    ) -> None:  # fmt: skip
        self._build, self._knows, self._folded = build, knows, folded
        self.asked = False  # whether any policy wanted a key: what was decided without one holds for every context

    @cached_property
    def _values(self) -> dict[str, str | tuple[str, ...]]:
        return {**self._folded(), **{key.lower(): value for key, value in self._build().items()}}

    def get(self, key: str) -> tuple[str, ...] | None:
        """The key's values; empty when it is absent, None when it cannot be known."""
        self.asked = True
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
            elif expression((filled,)).match(text):
                return True
        return None if unknown else False


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


def patterns_of(parsed: list[Pattern]) -> Patterns:
    """Several patterns as one question."""
    fixed = tuple(p.tokens for p in parsed if p.is_fixed)
    return Patterns(expression(fixed) if fixed else None, tuple(p for p in parsed if not p.is_fixed))


def expression(patterns: tuple[tuple[Any, ...], ...], flags: int = 0) -> re.Pattern[str]:
    """One regular expression for filled patterns, of which one must match the whole text."""
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


@lru_cache(maxsize=4096)
def cached_expression(filled: tuple[str, ...]) -> re.Pattern[str]:
    """The expression of one filled pattern."""
    return expression((filled,))


def texts_of(raw: Any, what: str, *, scalars: bool = False) -> list[str]:
    """A member that may be one text or several. Raises `MalformedPolicy`."""
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
