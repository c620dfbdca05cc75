"""Event patterns: compiled once by their text, then asked of events. No input or output.

A pattern is a JSON object of the event's form: an object goes on a level deeper, a list names what the value there may
be. An array in the event matches when one of its elements does; arrays of objects are taken as EventBridge takes them:
fields of one array must be met by one and the same element.
"""

import ipaddress
import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

Test = Callable[[Any], bool]
Matcher = Callable[[Any], bool]

_MISSING = object()
_MAX_DEPTH = 100
_MAX_OR = 1000
_MAX_WILDCARDS = 30


class InvalidPattern(ValueError):
    """The text is not an event pattern; the message says what is wrong with it."""


@lru_cache(maxsize=1024)
def compile_pattern(text: str) -> Matcher:
    """A function that tells whether an event matches. Raises `InvalidPattern`."""
    try:
        pattern = json.loads(text, object_pairs_hook=_without_twins)
    except InvalidPattern:
        raise
    except (ValueError, RecursionError) as error:
        raise InvalidPattern(f"Event pattern is not valid JSON: {error}") from None
    if not isinstance(pattern, dict):
        raise InvalidPattern("Event pattern is not a JSON object")
    if not pattern:
        raise InvalidPattern("Event pattern is empty")
    return _object(pattern, 0)


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidPattern("Event pattern names a field twice")
    return found


def _object(pattern: dict[str, Any], depth: int) -> Matcher:
    """Matches an object whose every named field matches, and one alternative of `$or`."""
    if depth > _MAX_DEPTH:
        raise InvalidPattern("Event pattern is nested too deeply")
    fields: list[tuple[str, Matcher]] = []
    either: list[Matcher] = []
    for name, value in pattern.items():
        if name == "$or" and _is_alternatives(value):
            either = [_object(alternative, depth + 1) for alternative in value]
            if len(either) > _MAX_OR:
                raise InvalidPattern("Event pattern has too many alternatives in $or")
        elif isinstance(value, dict):
            if not value:
                raise InvalidPattern(f'Empty objects are not allowed: "{name}"')
            fields.append((name, _deeper(_object(value, depth + 1))))
        elif isinstance(value, list):
            fields.append((name, _field(name, value)))
        else:
            raise InvalidPattern(f'"{name}" must be an object or an array')

    def match(event: Any) -> bool:
        if not isinstance(event, dict):
            event = {}
        if not all(matches(event.get(name, _MISSING)) for name, matches in fields):
            return False
        return not either or any(matches(event) for matches in either)

    return match


def _is_alternatives(value: Any) -> bool:
    """`$or` is an ordinary field's name unless it holds at least two patterns that are not matching rules."""
    return (
        isinstance(value, list)
        and len(value) > 1
        and all(isinstance(each, dict) and each and not (set(each) <= set(_OPERATORS)) for each in value)
    )


def _deeper(match: Matcher) -> Matcher:
    def descend(value: Any) -> bool:
        if isinstance(value, list):
            return any(descend(element) for element in value)
        return match(value if isinstance(value, dict) else {})

    return descend


def _field(name: str, allowed: list[Any]) -> Matcher:
    if not allowed:
        raise InvalidPattern(f'Empty arrays are not allowed: "{name}"')
    tests: list[Test] = []
    absent = False
    for rule in allowed:
        if isinstance(rule, dict) and set(rule) == {"exists"}:
            if not isinstance(rule["exists"], bool):
                raise InvalidPattern("exists match pattern must be either true or false.")
            if rule["exists"]:
                tests.append(lambda _value: True)
            else:
                absent = True
        else:
            tests.append(_test(rule))

    def match(value: Any) -> bool:
        leaves = [] if value is _MISSING else list(_leaves(value))
        if not leaves:
            return absent  # also where an object is: an object is no leaf
        return any(test(leaf) for leaf in leaves for test in tests)

    return match


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for element in value:
            yield from _leaves(element)
    elif not isinstance(value, dict):
        yield value


# One allowed value


def _test(rule: Any) -> Test:
    if isinstance(rule, dict):
        if len(rule) != 1:
            raise InvalidPattern("Only one key allowed in match expression")
        [(operator, operand)] = rule.items()
        build = _OPERATORS.get(operator)
        if build is None:
            raise InvalidPattern(f"Unrecognized match type {operator}")
        return build(operand)
    if isinstance(rule, list):
        raise InvalidPattern("An array within an array is not a matching rule")
    return _equals(rule)


def _equals(wanted: Any) -> Test:
    kind = _kind(wanted)
    return lambda value: _kind(value) == kind and value == wanted


def _kind(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return "literal"
    return "text" if isinstance(value, str) else "number"


def _text(operator: str, operand: Any) -> str:
    if not isinstance(operand, str):
        raise InvalidPattern(f"{operator} match pattern must be a string")
    return operand


def _texts(build: Callable[[str], Callable[[str], bool]]) -> Callable[[str], Test]:
    """From a test of texts one that no other value passes."""

    def of(operand: str) -> Test:
        holds = build(operand)
        return lambda value: isinstance(value, str) and holds(value)

    return of


def _prefix(operand: Any) -> Test:
    if isinstance(operand, dict):
        folded = _ignoring_case("prefix", operand)
        return lambda value: isinstance(value, str) and value.casefold().startswith(folded)
    return _texts(lambda text: lambda value: value.startswith(text))(_text("prefix", operand))


def _suffix(operand: Any) -> Test:
    if isinstance(operand, dict):
        folded = _ignoring_case("suffix", operand)
        return lambda value: isinstance(value, str) and value.casefold().endswith(folded)
    return _texts(lambda text: lambda value: value.endswith(text))(_text("suffix", operand))


def _ignoring_case(operator: str, operand: dict[str, Any]) -> str:
    if set(operand) != {"equals-ignore-case"}:
        raise InvalidPattern(f"{operator} match pattern takes a string or equals-ignore-case")
    return _text(operator, operand["equals-ignore-case"]).casefold()


def _equals_ignore_case(operand: Any) -> Test:
    if not isinstance(operand, str):
        raise InvalidPattern("equals-ignore-case match pattern must be a string")
    folded = operand.casefold()
    return lambda value: isinstance(value, str) and value.casefold() == folded


def _wildcard(operand: Any) -> Test:
    """`*` is any number of characters; `\\*` and `\\\\` stand for themselves."""
    text = _text("wildcard", operand)
    parts, at = [""], 0
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 1
            if at == len(text) or text[at] not in "*\\":
                raise InvalidPattern("Invalid escape character in wildcard match pattern")
            parts[-1] += re.escape(text[at])
        elif char == "*":
            if at and text[at - 1] == "*" and parts[-1] == "":
                raise InvalidPattern("Consecutive wildcard characters are not allowed")
            parts.append("")
        else:
            parts[-1] += re.escape(char)
        at += 1
    if len(parts) > _MAX_WILDCARDS + 1:
        raise InvalidPattern("Rule is too complex - try using fewer wildcard characters")
    expression = re.compile(_linear(parts), re.DOTALL)
    return lambda value: isinstance(value, str) and expression.fullmatch(value) is not None


def _linear(parts: list[str]) -> str:
    """An expression of linear time: what stands between two stars is taken at its first occurrence, for good."""
    if len(parts) == 1:
        return parts[0]
    middle = "".join(f"(?>.*?{part})" for part in parts[1:-1] if part)
    return f"{parts[0]}{middle}.*{parts[-1]}"


def _cidr(operand: Any) -> Test:
    try:
        network = ipaddress.ip_network(_text("cidr", operand), strict=False)
    except ValueError:
        raise InvalidPattern("Malformed CIDR, one IP address is required") from None
    if "/" not in operand:
        raise InvalidPattern("Malformed CIDR, one '/' required")

    def test(value: Any) -> bool:
        if not isinstance(value, str):
            return False
        try:
            return ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return test


_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "=": lambda value, limit: value == limit,
    "<": lambda value, limit: value < limit,
    "<=": lambda value, limit: value <= limit,
    ">": lambda value, limit: value > limit,
    ">=": lambda value, limit: value >= limit,
}
_NUMERIC_LIMIT = 5_000_000_000.0


def _numeric(operand: Any) -> Test:
    if not isinstance(operand, list) or len(operand) not in (2, 4):
        raise InvalidPattern("Value of numeric must be an array of one or two comparisons")
    comparisons = [_comparison(*operand[at : at + 2]) for at in range(0, len(operand), 2)]
    if len(operand) == 4:
        signs = (str(operand[0])[0], str(operand[2])[0])
        if sorted(signs) != ["<", ">"]:
            raise InvalidPattern("Too many elements in numeric expression: a range has a lower and an upper limit")
        low, high = (operand[1], operand[3]) if signs[0] == ">" else (operand[3], operand[1])
        if low >= high:
            raise InvalidPattern("Bottom must be less than top")
    return lambda value: _kind(value) == "number" and all(holds(value) for holds in comparisons)


def _comparison(sign: Any, limit: Any) -> Callable[[float], bool]:
    if not isinstance(sign, str) or sign not in _COMPARISONS:
        raise InvalidPattern(f"Unrecognized numeric range operator: {sign}")
    if _kind(limit) != "number" or not -_NUMERIC_LIMIT <= limit <= _NUMERIC_LIMIT:
        raise InvalidPattern("Value of numeric must be a number between -5.0e9 and 5.0e9")
    compare = _COMPARISONS[sign]
    return lambda value: compare(value, limit)


def _anything_but(operand: Any) -> Test:
    """Every value but those named, all of one type, or those that another operator takes."""
    if isinstance(operand, dict):
        if len(operand) != 1:
            raise InvalidPattern("Only one key allowed in anything-but match expression")
        [(operator, values)] = operand.items()
        if operator not in ("prefix", "suffix", "wildcard", "equals-ignore-case"):
            raise InvalidPattern(f"Unsupported anything-but pattern: {operator}")
        those = values if isinstance(values, list) else [values]
        if not those:
            raise InvalidPattern("Value of anything-but may not be empty")
        if "" in those:
            raise InvalidPattern(f"Null {operator} is not allowed in anything-but")
        tests = [_OPERATORS[operator](value) for value in those]
        return lambda value: isinstance(value, str) and not any(test(value) for test in tests)
    values = operand if isinstance(operand, list) else [operand]
    kinds = {_kind(value) for value in values if not isinstance(value, (dict, list))}
    if not values or len(kinds) != 1 or any(isinstance(value, (dict, list)) for value in values):
        raise InvalidPattern("Value of anything-but must be an array or single string/number value, all of one type")
    [kind] = kinds
    if kind == "literal":
        raise InvalidPattern("Value of anything-but must be an array or single string/number value, all of one type")
    return lambda value: not any(_equals(each)(value) for each in values)


def _present(_operand: Any) -> Test:
    return lambda _value: True  # what is absent, `_field` knows


_OPERATORS: dict[str, Callable[[Any], Test]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _equals_ignore_case,
    "wildcard": _wildcard,
    "cidr": _cidr,
    "numeric": _numeric,
    "anything-but": _anything_but,
    "exists": _present,
}
