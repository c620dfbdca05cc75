"""Input constraints of the model: required, length, range, pattern, exactly one member of a union."""

import re
from collections.abc import Callable
from typing import Any

from twinplane.data_plane.wire.models import Model, Ref, Shape

Check = Callable[[Any, str, list[str]], None]

# Patterns that Python's `re` would read differently from AWS, or that may take exponential time on hostile text.
_NOT_OURS = re.compile(r"\\p\{|\\u[dD][89a-fA-F]|\\x\{|&&|[+*}]\)[+*{]")


class Validation:
    """The checks of one service's shapes, compiled on first use."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._checks: dict[str, Check | None] = {}

    def problems(self, ref: Ref | None, request: dict[str, Any]) -> list[str]:
        """What is wrong with a request, in AWS's words; empty when nothing is."""
        found: list[str] = []
        if ref is not None and (check := self._check(ref.shape)) is not None:
            check(request, "", found)
        return found

    def _check(self, name: str) -> Check | None:
        if name not in self._checks:
            self._checks[name] = lambda value, path, found: self._again(name, value, path, found)
            self._checks[name] = self._build(self._model.shapes[name])
        return self._checks[name]

    def _again(self, name: str, value: Any, path: str, found: list[str]) -> None:
        check = self._checks[name]
        if check is not None:
            check(value, path, found)

    def _build(self, shape: Shape) -> Check | None:
        if shape.document:
            return None
        if shape.type == "structure":
            return self._structure(shape)
        if shape.type == "list":
            return self._list(shape)
        if shape.type == "map":
            return self._map(shape)
        if shape.type in ("string", "blob"):
            return self._string(shape)
        if shape.type in ("integer", "long", "float", "double", "short"):
            return _range(shape)
        return None

    def _structure(self, shape: Shape) -> Check | None:
        checks = {name: check for name, ref in shape.members.items() if (check := self._check(ref.shape))}
        required = shape.required
        if not checks and not required and not shape.union:
            return None

        def check_structure(value: dict[str, Any], path: str, found: list[str]) -> None:
            prefix = f"{path}." if path else ""
            for name in required:
                if name not in value:
                    found.append(_broken(prefix + name, "Member must not be null"))
            for name, member in value.items():
                check = checks.get(name)
                if check is not None:
                    check(member, prefix + name, found)
            if shape.union and len(value) != 1:
                found.append(_broken(path, "Exactly one member must be set"))

        return check_structure

    def _list(self, shape: Shape) -> Check | None:
        assert shape.member is not None
        item = self._check(shape.member.shape)
        length = _length(shape)
        if item is None and length is None:
            return None

        def check_list(value: list[Any], path: str, found: list[str]) -> None:
            if length is not None:
                length(value, path, found)
            if item is not None:
                for number, each in enumerate(value, 1):
                    item(each, f"{path}.{number}.member", found)

        return check_list

    def _map(self, shape: Shape) -> Check | None:
        assert shape.key is not None
        assert shape.value is not None
        key, item, length = self._check(shape.key.shape), self._check(shape.value.shape), _length(shape)
        if key is None and item is None and length is None:
            return None

        def check_map(value: dict[str, Any], path: str, found: list[str]) -> None:
            if length is not None:
                length(value, path, found)
            for name, each in value.items():
                if key is not None:
                    key(name, path, found)
                if item is not None:
                    item(each, f"{path}.{name}.member", found)

        return check_map

    def _string(self, shape: Shape) -> Check | None:
        length, pattern = _length(shape), _pattern(shape)
        if pattern is None:
            return length

        def check_string(value: Any, path: str, found: list[str]) -> None:
            before = len(found)
            if length is not None:
                length(value, path, found)
            if len(found) == before and pattern.fullmatch(value) is None:
                found.append(_broken(path, f"Member must satisfy regular expression pattern: {shape.pattern}"))

        return check_string


def _broken(path: str, constraint: str) -> str:
    return f"Value at '{path}' failed to satisfy constraint: {constraint}"


def _pattern(shape: Shape) -> re.Pattern[str] | None:
    if shape.type != "string" or not shape.pattern or _NOT_OURS.search(shape.pattern):
        return None
    try:
        return re.compile(shape.pattern)
    except re.error:
        return None


def _length(shape: Shape) -> Check | None:
    low, high = shape.min, shape.max
    if not low and high is None:
        return None

    def check_length(value: Any, path: str, found: list[str]) -> None:
        if low is not None and len(value) < low:
            found.append(_broken(path, f"Member must have length greater than or equal to {low:.0f}"))
        if high is not None and len(value) > high:
            found.append(_broken(path, f"Member must have length less than or equal to {high:.0f}"))

    return check_length


def _range(shape: Shape) -> Check | None:
    low, high = shape.min, shape.max
    if low is None and high is None:
        return None

    def check_range(value: Any, path: str, found: list[str]) -> None:
        if low is not None and value < low:
            found.append(_broken(path, f"Member must have value greater than or equal to {low:g}"))
        if high is not None and value > high:
            found.append(_broken(path, f"Member must have value less than or equal to {high:g}"))

    return check_range
