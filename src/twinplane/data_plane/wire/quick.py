"""The quick way through JSON, which nearly every call takes: msgspec checks and writes in C.

For a request, msgspec decodes the body into types made from the model: required members, types, lengths, ranges, enums
and patterns. Those objects are thrown away; what an operation gets is the plain decoded body, with times and blobs
converted where they are. For an answer, msgspec encodes the operation's dictionaries as they are, times converted.
Each returns None for anything out of the ordinary (a broken constraint, a `null`): then the slow way decides, and words
the refusal. The quick way never says no, and what it says yes to the slow way says too (a test compares them).
"""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from twinplane.data_plane.call import Answer, Request
from twinplane.data_plane.wire.models import Model, Ref, Shape
from twinplane.data_plane.wire.patterns import compile_pattern, refuses_only_controls
from twinplane.data_plane.wire.scalars import EPOCH, TIMESTAMP_WRITERS, Malformed, read_blob, read_timestamp
from twinplane.data_plane.wire.shapes import Convert
from twinplane.data_plane.wire.validation import enums_are_closed

Members = Iterable[tuple[str, Ref]]
Read = Callable[[bytes], Request | None]
Write = Callable[[Answer], bytes | None]

_SCALARS: dict[str, Any] = {
    "string": str, "character": str, "integer": int, "long": int, "short": int, "bigInteger": int, "float": float,
    "double": float, "bigDecimal": float, "boolean": bool, "blob": bytes, "timestamp": float | str,
}  # fmt: skip
_WIDEST = 1 << 62


class _NotQuick(Exception):
    """The shape contains itself, or has a limit that msgspec does not take."""


class Quick:
    """The quick readers and writers of one service."""

    def __init__(self, model: Model) -> None:
        self._model, self._enums = model, enums_are_closed(model)
        self._types: dict[tuple[str, bool], Any] = {}
        self._reading: dict[str, Convert | None] = {}
        self._writing: dict[tuple[str, str], Convert | None] = {}

    # Requests

    def reader(self, members: Members, required: Iterable[str]) -> Read | None:
        """What reads and checks a body with these members; None where there is no quick way."""
        members, required = list(members), set(required)
        try:
            strict = msgspec.json.Decoder(self._structure("Body", members, required, False, False))
            plain = msgspec.json.Decoder(self._structure("Body", members, required, False, True))
        except _NotQuick:
            return None
        convert, decode = self._reading_structure(members), msgspec.json.Decoder().decode
        check_strictly, check_plainly = strict.decode, plain.decode

        def read(body: bytes) -> Request | None:
            if b"null" in body:
                return None
            try:
                # text without escapes has no control characters, which is all that the commonest patterns refuse
                (check_strictly if b"\\" in body or b"\xef\xbf" in body else check_plainly)(body)
                request: Request = decode(body)
                return request if convert is None else convert(request)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, Malformed):
                return None

        return read

    def _type(self, ref: Ref, plain: bool) -> Any:
        key = (ref.shape, plain)
        if key not in self._types:
            self._types[key] = None  # until it is there: a shape that contains itself finds this
            self._types[key] = self._made(ref.shape, self._model.shapes[ref.shape], plain)
        if self._types[key] is None:
            raise _NotQuick
        return self._types[key]

    def _made(self, name: str, shape: Shape, plain: bool) -> Any:
        if shape.document:
            return Any
        if shape.type == "structure":
            return self._structure(name, shape.members.items(), set(shape.required), shape.union, plain)
        if shape.type == "list" and shape.member is not None:
            return _limited(list[self._type(shape.member, plain)], shape, length=True)  # type: ignore[misc]
        if shape.type == "map" and shape.key is not None and shape.value is not None:
            return _limited(dict[self._type(shape.key, plain), self._type(shape.value, plain)], shape, length=True)  # type: ignore[misc]
        if shape.type == "string" and shape.enum:
            return Literal[tuple(shape.enum)] if self._enums else str
        scalar = _SCALARS[shape.type]
        if shape.type == "string" and shape.pattern and not (plain and refuses_only_controls(shape.pattern)):
            pattern = compile_pattern(shape.pattern)[1]
            return _limited(scalar if pattern is None else Annotated[str, Meta(pattern=pattern)], shape, length=True)
        if shape.type in ("timestamp", "boolean"):
            return scalar
        return _limited(scalar, shape, length=scalar in (str, bytes))

    def _structure(self, name: str, members: Members, required: set[str], union: bool, plain: bool) -> Any:
        fields: list[Any] = []
        names: dict[str, str] = {}
        for number, (member, ref) in enumerate(members):
            field, made = f"m{number}", self._type(ref, plain)
            names[field] = ref.location_name or member
            fields.append((field, made) if member in required else (field, made | UnsetType, UNSET))
        fields.sort(key=len)

        def one_is_set(self: Any) -> None:
            if sum(getattr(self, field) is not UNSET for field in names) != 1:
                raise ValueError("not exactly one")

        return msgspec.defstruct(
            name, fields, rename=names, gc=False, namespace={"__post_init__": one_is_set} if union else None
        )

    def _reading_structure(self, members: Members) -> Convert | None:
        """What turns members in place into what operations get; None: they are that already."""
        converts = [
            (wire, name, convert)
            for name, ref in members
            if (convert := self._convert(ref)) is not None or (ref.location_name or name) != name
            for wire in [ref.location_name or name]
        ]
        if not converts:
            return None

        def read(value: dict[str, Any]) -> dict[str, Any]:
            for wire, name, convert in converts:
                if wire != name:
                    value.pop(name, None)
                if wire in value:
                    member = value.pop(wire) if wire != name else value[name]
                    value[name] = member if convert is None else convert(member)
            return value

        return read

    def _convert(self, ref: Ref) -> Convert | None:
        if ref.shape not in self._reading:
            self._reading[ref.shape] = self._converting(self._model.shape(ref))
        return self._reading[ref.shape]

    def _converting(self, shape: Shape) -> Convert | None:
        if shape.document:
            return None
        if shape.type == "structure":
            return self._reading_structure(shape.members.items())
        if shape.type == "list" and shape.member is not None:
            item = self._convert(shape.member)
            return _each(item) if item is not None else None
        if shape.type == "map" and shape.value is not None and shape.key is not None:
            item, key = self._convert(shape.value), self._convert(shape.key)
            if item is None and key is None:
                return None
            keys, items = key or _same, item or _same
            return lambda value: {keys(name): items(each) for name, each in value.items()}
        if shape.type == "string" and shape.pattern and not shape.enum:
            matches, pattern = compile_pattern(shape.pattern)
            return None if matches is None or pattern is not None else _matching(matches)
        return {"blob": read_blob, "timestamp": read_timestamp}.get(shape.type)

    # Answers

    def writer(self, members: Members) -> Write:
        """What writes an answer with these members."""
        convert, encode = self._writing_structure(members), msgspec.json.Encoder().encode

        def write(answer: Answer) -> bytes | None:
            if None in answer.values():  # most often a token that there is not
                answer = {name: value for name, value in answer.items() if value is not None}
            body = encode(answer if convert is None else convert(answer))
            return None if b"null" in body else body

        return write

    def _writing_structure(self, members: Members) -> Convert | None:
        converts = [
            (name, wire, convert)
            for name, ref in members
            if (convert := self._written(ref)) is not None or (ref.location_name or name) != name
            for wire in [ref.location_name or name]
        ]
        if not converts:
            return None

        def write(value: dict[str, Any]) -> dict[str, Any]:
            out = value
            for name, wire, convert in converts:
                member = value.get(name)
                if member is not None:
                    if out is value:
                        out = value.copy()
                    if wire != name:
                        del out[name]
                    out[wire] = member if convert is None else convert(member)
            return out

        return write

    def _written(self, ref: Ref) -> Convert | None:
        shape = self._model.shape(ref)
        key = (ref.shape, ref.timestamp_format or shape.timestamp_format or EPOCH)
        if key not in self._writing:
            self._writing[key] = lambda value: (self._writing[key] or _same)(value)
            self._writing[key] = self._writes(shape, key[1])
        return self._writing[key]

    def _writes(self, shape: Shape, timestamp_format: str) -> Convert | None:
        if shape.document:
            return None
        if shape.type == "structure":
            return self._writing_structure(shape.members.items())
        if shape.type == "list" and shape.member is not None:
            item = self._written(shape.member)
            return _each(item) if item is not None else None
        if shape.type == "map" and shape.value is not None:
            item = self._written(shape.value)
            return _each_value(item) if item is not None else None
        return TIMESTAMP_WRITERS[timestamp_format] if shape.type == "timestamp" else None


def _limited(made: Any, shape: Shape, *, length: bool) -> Any:
    """A type with the shape's least and most length or value."""
    low, high = shape.min, shape.max
    if any(limit is not None and abs(limit) > _WIDEST for limit in (low, high)):
        raise _NotQuick
    least, most = (None if limit is None else int(limit) if made is not float else limit for limit in (low, high))
    if length:
        limits = {"min_length": least if least and least > 0 else None, "max_length": most}
    else:
        limits = {"ge": least, "le": most}
    given: dict[str, Any] = {name: limit for name, limit in limits.items() if limit is not None}
    return Annotated[made, Meta(**given)] if given else made


def _matching(matches: Callable[[str], bool]) -> Convert:
    def check(value: str) -> str:
        if not matches(value):
            raise Malformed("the pattern is broken")
        return value

    return check


def _each(item: Convert) -> Convert:
    return lambda value: [item(each) for each in value if each is not None]


def _each_value(item: Convert) -> Convert:
    return lambda value: {key: item(each) for key, each in value.items() if each is not None}


def _same(value: Any) -> Any:
    return value
