"""Input constraints of the model: required, length, range, enum, pattern, exactly one member of a union.

Said in AWS's words: `1 validation error detected: Value 'x' at 'tableInput.name' failed to satisfy constraint: …`.
Members are named as AWS's servers do it, in lower camel case.
"""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from twinplane.data_plane.wire.models import Model, Ref, Shape
from twinplane.data_plane.wire.patterns import Matches, compile_pattern

Check = Callable[[Any, str, list[str]], None]
Broken = Callable[[Any], list[str]]

_MOST_NAMED = 100  # of broken constraints
_LONGEST_SHOWN = 1000


class Validation:
    """The checks of one service's shapes, compiled on first use."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._enums = enums_are_closed(model)
        self._checks: dict[str, Check | None] = {}
        self._scalars: dict[str, Broken | None] = {}

    def problems(self, ref: Ref | None, request: dict[str, Any]) -> list[str]:
        """What is wrong with a request, in AWS's words; empty when nothing is."""
        found: list[str] = []
        if ref is not None and (check := self.check(ref.shape)) is not None:
            check(request, "", found)
        return found

    def check(self, name: str) -> Check | None:
        """What appends the broken constraints of a value of the shape; None when it has none."""
        if name not in self._checks:
            self._checks[name] = lambda value, path, found: self._again(name, value, path, found)
            self._checks[name] = self._build(name, self._model.shapes[name])
        return self._checks[name]

    def _again(self, name: str, value: Any, path: str, found: list[str]) -> None:
        check = self._checks[name]
        if check is not None:
            check(value, path, found)

    def _build(self, name: str, shape: Shape) -> Check | None:
        if shape.document:
            return None
        if shape.type == "structure":
            return self.structure(shape.members.items(), shape.required, shape.union)
        if shape.type == "list":
            return self._list(shape)
        if shape.type == "map":
            return self._map(shape)
        broken = self.broken(name)
        if broken is None:
            return None

        def check_scalar(value: Any, path: str, found: list[str]) -> None:
            constraints = broken(value)
            if constraints:
                found += [_failed(value, path, shape.sensitive, each) for each in constraints]

        return check_scalar

    def broken(self, name: str) -> Broken | None:
        """What names the constraints that a value of a scalar shape breaks; None when it has none."""
        if name not in self._scalars:
            shape = self._model.shapes[name]
            self._scalars[name] = None if shape.document else _scalar(shape, self._enums)
        return self._scalars[name]

    def structure(self, members: Iterable[tuple[str, Ref]], required: list[str], union: bool) -> Check | None:
        """The check of a structure with these members."""
        shapes = dict(members)
        checks = {name: (_camel(name), check) for name, ref in shapes.items() if (check := self.check(ref.shape))}
        if not checks and not required and not union:
            return None

        def check_structure(value: dict[str, Any], path: str, found: list[str]) -> None:
            prefix = f"{path}." if path else ""
            for name in required:
                if name not in value:
                    found.append(_failed(None, prefix + _camel(name), False, "Member must not be null"))
            for name, member in value.items():
                known = checks.get(name)
                if known is not None:
                    known[1](member, prefix + known[0], found)
            if union and (len(value) != 1 or not value.keys() <= shapes.keys()):
                found.append(_failed(value, path, True, "Exactly one member must be set"))

        return check_structure

    def _list(self, shape: Shape) -> Check | None:
        assert shape.member is not None
        item_shape = self._model.shape(shape.member)
        length = _length(shape)
        if item_shape.type not in ("structure", "list", "map"):
            return self._list_of_scalars(shape, self.broken(shape.member.shape), length)
        item = self.check(shape.member.shape)
        if item is None and length is None:
            return None

        def check_list(value: list[Any], path: str, found: list[str]) -> None:
            if length is not None:
                found += [_failed(value, path, shape.sensitive, each) for each in length(value)]
            if item is not None:
                for number, each in enumerate(value, 1):
                    item(each, f"{path}.{number}.member", found)
                    if len(found) >= _MOST_NAMED:
                        break

        return check_list

    def _list_of_scalars(self, shape: Shape, item: Broken | None, length: Broken | None) -> Check | None:
        if item is None and length is None:
            return None

        def check_list(value: list[Any], path: str, found: list[str]) -> None:
            constraints = length(value) if length is not None else []
            if item is not None:
                broken = {text: None for each in value for text in item(each)}
                constraints += [f"Member must satisfy constraint: [{', '.join(broken)}]"] if broken else []
            found += [_failed(value, path, shape.sensitive, each) for each in constraints]

        return check_list

    def _map(self, shape: Shape) -> Check | None:
        assert shape.key is not None
        assert shape.value is not None
        value_shape = self._model.shape(shape.value)
        scalar = value_shape.type not in ("structure", "list", "map")
        key, length = self.broken(shape.key.shape), _length(shape)
        item = None if scalar else self.check(shape.value.shape)
        plain = self.broken(shape.value.shape) if scalar else None
        if key is None and item is None and plain is None and length is None:
            return None

        def check_map(value: dict[str, Any], path: str, found: list[str]) -> None:
            constraints = length(value) if length is not None else []
            for what, test, texts in (("keys", key, value.keys()), ("value", plain, value.values())):
                broken = {text: None for each in texts for text in test(each)} if test is not None else {}
                constraints += [f"Map {what} must satisfy constraint: [{', '.join(broken)}]"] if broken else []
            found += [_failed(value, path, shape.sensitive, each) for each in constraints]
            if item is not None:
                for name, each in value.items():
                    item(each, f"{path}.{name}.member", found)
                    if len(found) >= _MOST_NAMED:
                        break

        return check_map


def enums_are_closed(model: Model) -> bool:
    """Whether the service refuses other values in the model's words; S3 and SQS do it with errors of their own."""
    return model.protocol != "rest-xml" and model.metadata.query_compatible is None


def _failed(value: Any, path: str, hidden: bool, constraint: str) -> str:
    shown = "Value" if hidden else "Value null" if value is None else f"Value '{_shown(value)}'"
    return f"{shown} at '{path}' failed to satisfy constraint: {constraint}"


def _shown(value: Any) -> str:
    """A value as Java prints it."""
    if isinstance(value, list):
        text = f"[{', '.join(map(_shown, value[:_LONGEST_SHOWN]))}]"
    elif isinstance(value, dict):
        text = "{" + ", ".join(f"{k}={_shown(v)}" for k, v in islice(value.items(), _LONGEST_SHOWN)) + "}"
    elif isinstance(value, bool):
        text = str(value).lower()
    else:
        text = str(value)
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "..."


def _camel(name: str) -> str:
    return name[:1].lower() + name[1:]


def _scalar(shape: Shape, enums: bool) -> Broken | None:
    if shape.type in ("integer", "long", "float", "double", "short"):
        return _range(shape)
    if shape.type not in ("string", "blob"):
        return None
    if shape.enum:
        return _enum(shape.enum) if enums else None
    length, matches = _length(shape), pattern_of(shape)[0]
    if matches is None:
        return length

    def broken_text(value: Any) -> list[str]:
        broken = length(value) if length is not None else []
        if not broken and not matches(value):
            broken.append(f"Member must satisfy regular expression pattern: {shape.pattern}")
        return broken

    return broken_text


def pattern_of(shape: Shape) -> tuple[Matches | None, str | None]:
    """What tells whether a text has the shape's pattern, and the same for `re` where that is safe."""
    return compile_pattern(shape.pattern) if shape.type == "string" and shape.pattern else (None, None)


def _enum(values: list[str]) -> Broken:
    known = frozenset(values)
    text = f"Member must satisfy enum value set: [{', '.join(values)}]"
    return lambda value: [] if value in known else [text]


def _length(shape: Shape) -> Broken | None:
    low, high = int(shape.min or 0), shape.max
    if not low and high is None:
        return None

    def broken_length(value: Any) -> list[str]:
        size, broken = len(value), []
        if high is not None and size > high:
            broken.append(f"Member must have length less than or equal to {high:.0f}")
        if size < low:
            broken.append(f"Member must have length greater than or equal to {low}")
        return broken

    return broken_length


def _range(shape: Shape) -> Broken | None:
    low, high = shape.min, shape.max
    if low is None and high is None:
        return None

    def broken_range(value: Any) -> list[str]:
        broken = []
        if low is not None and value < low:
            broken.append(f"Member must have value greater than or equal to {low:g}")
        if high is not None and value > high:
            broken.append(f"Member must have value less than or equal to {high:g}")
        return broken

    return broken_range
