"""The models of metadata forms: reads the Smithy that form types are written in, and checks content by it.

A form type's model is Smithy text with a `structure` of the form type's name. What is not part of a form (services,
operations, resources) is refused. Grammar: https://smithy.io/2.0/spec/idl.html. `@pattern` is checked by pydantic's
expressions (Rust's), which take time proportional to the text whatever the caller wrote: Python's may take forever.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

_TOKEN = re.compile(
    r"""(?P<skip>[\s,]+|//[^\n]*)|(?P<block>\"\"\".*?\"\"\")|(?P<string>"(?:\\.|[^"\\])*")"""
    r"""|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<name>\$?[A-Za-z_][\w.$#]*)|(?P<mark>:=|[{}\[\]():=@])""",
    re.DOTALL,
)
_SIMPLE = {
    "Blob", "Boolean", "String", "Byte", "Short", "Integer", "Long", "Float", "Double", "BigInteger", "BigDecimal",
    "Timestamp", "Document", "PrimitiveBoolean", "PrimitiveByte", "PrimitiveShort", "PrimitiveInteger",
    "PrimitiveLong", "PrimitiveFloat", "PrimitiveDouble",
}  # fmt: skip
_SIMPLE_KEYWORDS = {name[0].lower() + name[1:]: name for name in _SIMPLE if not name.startswith("Primitive")}
_WHOLE = {"Byte", "Short", "Integer", "Long", "BigInteger"}
_NUMBER = {"Float", "Double", "BigDecimal"}
_DEEPEST = 32
_LONGEST_NUMBER = 400  # characters

Traits = dict[str, Any]


class SmithyError(Exception):
    """The text is not a model of a form."""


@dataclass(frozen=True)
class Member:
    """A member of a shape: the name of the shape it holds, and its traits by full or prelude name."""

    target: str
    traits: Traits = field(default_factory=dict)


@dataclass(frozen=True)
class Shape:
    """`kind` is structure, union, list, map, enum, intEnum or the name of a simple type."""

    kind: str
    members: dict[str, Member]
    traits: Traits


Model = dict[str, Shape]


@lru_cache(maxsize=512)
def parse(text: str) -> Model:
    """The shapes of a model by name. Raises `SmithyError` saying where the text is wrong."""
    model = _Parser(text).shapes()
    for name, shape in model.items():
        _check_traits(shape.traits, name)
        for member_name, member in shape.members.items():
            _check_traits(member.traits, f"{name}${member_name}")
            if shape.kind not in ("enum", "intEnum") and member.target not in model and member.target not in _SIMPLE:
                raise SmithyError(f"{name}${member_name} targets {member.target}, which the model does not define")
    return model


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0

    def shapes(self) -> Model:
        model: Model = {}
        while self._peek() is not None:
            traits = self._traits()
            keyword = self._name()
            if keyword.startswith("$"):
                self._expect(":")
                self._value()
            elif keyword in ("namespace", "use"):
                self._name()
            elif keyword == "metadata":
                self._next()
                self._expect("=")
                self._value()
            else:
                name = self._name()
                if name in model:
                    raise SmithyError(f"{name} is defined twice")
                model[name] = self._shape(keyword, traits)
        return model

    def _shape(self, keyword: str, traits: Traits) -> Shape:
        if keyword in _SIMPLE_KEYWORDS:
            return Shape(_SIMPLE_KEYWORDS[keyword], {}, traits)
        if keyword == "set":
            keyword = "list"
        if keyword not in ("structure", "union", "list", "map", "enum", "intEnum"):
            raise SmithyError(f"a form cannot have the shape '{keyword}'")
        self._expect("{")
        members: dict[str, Member] = {}
        while not self._take("}"):
            member_traits = self._traits()
            name = self._name()
            if name in members:
                raise SmithyError(f"the member {name} is defined twice")
            target = "Unit"
            if keyword in ("enum", "intEnum"):
                member_traits["enumValue"] = self._value() if self._take("=") else name
            else:
                self._expect(":")
                target = self._name().rpartition("#")[2]
                if self._take("="):
                    member_traits["default"] = self._value()
            members[name] = Member(target, member_traits)
        wanted = {"list": {"member"}, "map": {"key", "value"}}.get(keyword)
        if wanted is not None and set(members) != wanted:
            raise SmithyError(f"a {keyword} has exactly the members {' and '.join(sorted(wanted))}")
        return Shape(keyword, members, traits)

    def _traits(self) -> Traits:
        traits: Traits = {}
        while self._take("@"):
            name = self._name().removeprefix("smithy.api#")
            traits[name] = self._trait_value() if self._take("(") else {}
        return traits

    def _trait_value(self) -> Any:
        if self._take(")"):
            return {}
        following = self._tokens[self._at + 1][1] if self._at + 1 < len(self._tokens) else ""
        value: Any
        if following == ":":
            value = {}
            while self._peek() != ")":
                key = self._next()
                self._expect(":")
                value[key] = self._value()
        else:
            value = self._value()
        self._expect(")")
        return value

    def _value(self, depth: int = 0) -> Any:
        if depth > _DEEPEST:
            raise SmithyError("values are nested too deeply")
        kind, text = self._take_token()
        if kind == "string":
            return re.sub(r"\\(.)", r"\1", text[1:-1])
        if kind == "block":
            return text[3:-3]
        if kind == "number":
            if len(text) > _LONGEST_NUMBER:
                raise SmithyError("a number is too long")
            return float(text) if any(c in text for c in ".eE") else int(text)
        if text == "{":
            found: dict[str, Any] = {}
            while not self._take("}"):
                key = self._next()
                self._expect(":")
                found[key] = self._value(depth + 1)
            return found
        if text == "[":
            items = []
            while not self._take("]"):
                items.append(self._value(depth + 1))
            return items
        if kind == "name":
            return {"true": True, "false": False, "null": None}.get(text, text)
        raise SmithyError(f"'{text}' stands where a value belongs")

    def _peek(self) -> str | None:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else None

    def _take_token(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise SmithyError("the text ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _next(self) -> str:
        return self._take_token()[1].strip('"')

    def _name(self) -> str:
        kind, text = self._take_token()
        if kind != "name":
            raise SmithyError(f"'{text}' stands where a name belongs")
        return text

    def _take(self, mark: str) -> bool:
        if self._peek() == mark:
            self._at += 1
            return True
        return False

    def _expect(self, mark: str) -> None:
        if not self._take(mark):
            raise SmithyError(f"'{mark}' is missing before '{self._peek() or 'the end'}'")


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise SmithyError(f"line {text.count(chr(10), 0, at) + 1}: '{text[at]}' is not expected")
        if match.lastgroup != "skip":
            yield str(match.lastgroup), match.group()
        at = match.end()


def problems(model: Model, shape: str, value: Any, path: str = "", depth: int = 0) -> list[str]:
    """What is wrong with `value` as a `shape` of the model; empty when it fits."""
    if depth > _DEEPEST:
        return [f"{path}: nested too deeply"]
    defined = model.get(shape)
    if defined is None or defined.kind in _SIMPLE:
        return _simple_problems(defined.kind if defined else shape, defined.traits if defined else {}, value, path)
    if defined.kind in ("enum", "intEnum"):
        allowed = [member.traits["enumValue"] for member in defined.members.values()]
        return [] if value in allowed else [f"{path}: must be one of {', '.join(map(str, allowed))}"]
    if defined.kind == "list":
        if not isinstance(value, list):
            return [f"{path}: must be a list"]
        target = defined.members["member"].target
        found = [p for i, item in enumerate(value) for p in problems(model, target, item, f"{path}[{i}]", depth + 1)]
        return found + _length_problems(defined.traits, len(value), path)
    if not isinstance(value, dict):
        return [f"{path or shape}: must be an object"]
    prefix = f"{path}." if path else ""
    if defined.kind == "map":
        target = defined.members["value"].target
        return [p for key, item in value.items() for p in problems(model, target, item, f"{prefix}{key}", depth + 1)]
    return _structure_problems(model, defined, value, prefix, depth)


def _structure_problems(model: Model, shape: Shape, value: dict[str, Any], prefix: str, depth: int) -> list[str]:
    found = [f"{prefix}{name}: unknown member" for name in value if name not in shape.members]
    for name, member in shape.members.items():
        item = value.get(name)
        if item is None:
            if "required" in member.traits:
                found.append(f"{prefix}{name}: required member is missing")
            continue
        found += problems(model, member.target, item, f"{prefix}{name}", depth + 1)
        if isinstance(item, str):
            found += _string_problems(member.traits, item, f"{prefix}{name}")
        elif isinstance(item, (int, float)) and not isinstance(item, bool):
            found += _range_problems(member.traits, item, f"{prefix}{name}")
    if shape.kind == "union" and len([v for v in value.values() if v is not None]) != 1:
        found.append(f"{prefix.rstrip('.')}: must have exactly one member")
    return found


def _simple_problems(kind: str, traits: Traits, value: Any, path: str) -> list[str]:
    kind = kind.removeprefix("Primitive")
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == "Document":
        return []
    if kind in ("String", "Blob"):
        return _string_problems(traits, value, path) if isinstance(value, str) else [f"{path}: must be a string"]
    if kind == "Boolean":
        return [] if isinstance(value, bool) else [f"{path}: must be true or false"]
    if kind in _WHOLE:
        whole = number and isinstance(value, int)
        return _range_problems(traits, value, path) if whole else [f"{path}: must be a whole number"]
    if kind in _NUMBER:
        return _range_problems(traits, value, path) if number else [f"{path}: must be a number"]
    return [] if number or isinstance(value, str) else [f"{path}: must be a timestamp"]


def _string_problems(traits: Traits, value: str, path: str) -> list[str]:
    found = _length_problems(traits, len(value), path)
    pattern = traits.get("pattern")
    if isinstance(pattern, str) and not _matches(pattern, value):
        found.append(f"{path}: must match {pattern}")
    choices = traits.get("enum")
    if isinstance(choices, list) and value not in [c.get("value") for c in choices]:
        found.append(f"{path}: must be one of {', '.join(str(c.get('value')) for c in choices)}")
    return found


@lru_cache(maxsize=256)
def _expression(pattern: str) -> Any:
    from pydantic_core import SchemaValidator, core_schema  # here: few forms have patterns

    return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))


def _matches(pattern: str, value: str) -> bool:
    return bool(_expression(pattern).isinstance_python(value))


def _check_traits(traits: Traits, where: str) -> None:
    """Raises `SmithyError` when a trait cannot be checked: it has another shape, or a pattern looks around or back."""
    limits = [traits[name] for name in ("length", "range") if isinstance(traits.get(name), dict)]
    if any(not isinstance(each.get(edge, 0), (int, float)) for each in limits for edge in ("min", "max")):
        raise SmithyError(f"the limits of {where} are not numbers")
    choices = traits.get("enum")
    if isinstance(choices, list) and not all(isinstance(choice, dict) for choice in choices):
        raise SmithyError(f"the enum of {where} does not list objects with a value")
    if "pattern" in traits:
        try:
            _expression(str(traits["pattern"]))
        except Exception as error:
            raise SmithyError(f"the pattern of {where} is not supported: {traits['pattern']}") from error


def _length_problems(traits: Traits, length: int, path: str) -> list[str]:
    return _limits(traits.get("length"), length, f"{path}: its length")


def _range_problems(traits: Traits, value: float, path: str) -> list[str]:
    return _limits(traits.get("range"), value, path)


def _limits(limits: Any, value: float, what: str) -> list[str]:
    if not isinstance(limits, dict):
        return []
    least, most = limits.get("min"), limits.get("max")
    if least is not None and value < least:
        return [f"{what} must be at least {least}"]
    if most is not None and value > most:
        return [f"{what} must be at most {most}"]
    return []


def scalars(model: Model, shape: str, value: Any, path: str = "") -> list[tuple[str, Any, Traits]]:
    """Every simple value inside `value`, with its path (list positions left out) and the traits of its member."""
    found: list[tuple[str, Any, Traits]] = []
    _add_scalars(found, model, model.get(shape), value, path)
    return found


def _add_scalars(
    found: list[tuple[str, Any, Traits]], model: Model, shape: Shape | None, value: Any, path: str
) -> None:
    if shape is None:
        return
    if isinstance(value, dict):
        for name, item in value.items():
            member = shape.members.get("value" if shape.kind == "map" else name)
            if member is None or item is None:
                continue
            inner = f"{path}.{name}" if path else name
            if isinstance(item, (dict, list)):
                _add_scalars(found, model, model.get(member.target), item, inner)
            else:
                found.append((inner, item, member.traits))
    elif "member" in shape.members:
        member = shape.members["member"]
        target = model.get(member.target)
        for item in value:
            if isinstance(item, (dict, list)):
                _add_scalars(found, model, target, item, path)
            else:
                found.append((path, item, member.traits))
