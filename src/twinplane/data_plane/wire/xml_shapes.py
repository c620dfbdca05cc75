"""Shapes in XML bodies (rest-xml both ways, the query protocol's answers)."""

from collections.abc import Callable, Iterable
from typing import Any

from twinplane.data_plane.wire.models import Model, Ref, Shape
from twinplane.data_plane.wire.scalars import ISO8601, TEXT_READERS, Malformed, text_writer
from twinplane.data_plane.wire.shapes import Compiler, Convert
from twinplane.data_plane.wire.xml import Node, escape

Write = Callable[[list[str], Any], None]


def _is_flattened(ref: Ref, shape: Shape) -> bool:
    return ref.flattened or shape.flattened


def _element_name(name: str, ref: Ref, shape: Shape) -> str:
    if shape.type == "list" and shape.flattened and shape.member is not None:  # flattened by the use: the use's name
        return ref.location_name or shape.member.location_name or name
    return ref.location_name or name


class XmlReader(Compiler):
    """Elements to request members."""

    def reader(self, ref: Ref) -> Convert:
        """A function from an element (for flattened lists and maps: from all elements of that name) to a value."""
        shape = self.model.shape(ref)
        flattened = _is_flattened(ref, shape)
        if shape.type == "structure":
            return self.compiled((ref.shape,), lambda: self.structure(shape.members.items()))
        if shape.type == "list":
            return self.compiled((ref.shape, str(flattened)), lambda: self._list(shape, flattened))
        if shape.type == "map":
            return self.compiled((ref.shape, str(flattened)), lambda: self._map(shape, flattened))
        scalar = TEXT_READERS[shape.type]
        return lambda node: scalar(node.text)

    def structure(self, members: Iterable[tuple[str, Ref]]) -> Convert:
        elements: dict[str, tuple[str, Convert, bool]] = {}
        attributes: dict[str, tuple[str, Convert]] = {}
        for name, ref in members:
            shape = self.model.shape(ref)
            wire_name = _element_name(name, ref, shape)
            if ref.xml_attribute:
                attributes[wire_name] = (name, TEXT_READERS[shape.type])
            else:
                several = shape.type in ("list", "map") and _is_flattened(ref, shape)
                elements[wire_name] = (name, self.reader(ref), several)

        def read(node: Node) -> dict[str, Any]:
            out: dict[str, Any] = {}
            gathered: dict[str, list[Node]] = {}
            for child in node.children:
                known = elements.get(child.name)
                if known is None:
                    continue
                try:
                    if known[2]:
                        gathered.setdefault(child.name, []).append(child)
                    else:
                        out[known[0]] = known[1](child)
                except Malformed as error:
                    raise Malformed(f"{child.name}: {error}") from None
            for wire_name, children in gathered.items():
                name, reader, _ = elements[wire_name]
                out[name] = reader(children)
            for wire_name, text in node.attributes.items():
                if wire_name in attributes:
                    name, scalar = attributes[wire_name]
                    out[name] = scalar(text)
            return out

        return read

    def _list(self, shape: Shape, flattened: bool) -> Convert:
        assert shape.member is not None
        item = self.reader(shape.member)
        if flattened:
            return lambda nodes: [item(node) for node in nodes]
        return lambda node: [item(child) for child in node.children]

    def _map(self, shape: Shape, flattened: bool) -> Convert:
        assert shape.key is not None
        assert shape.value is not None
        item = self.reader(shape.value)
        key_name, value_name = shape.key.location_name or "key", shape.value.location_name or "value"

        def read(entries: list[Node]) -> dict[str, Any]:
            out = {}
            for entry in entries:
                parts = {child.name: child for child in entry.children}
                if key_name not in parts or value_name not in parts:
                    raise Malformed("an entry of a map lacks its key or value")
                out[parts[key_name].text] = item(parts[value_name])
            return out

        return read if flattened else lambda node: read(node.children)


class XmlWriter(Compiler):
    """Answer members to elements."""

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self._writers: dict[tuple[str, str, str], Write] = {}

    def element(self, name: str, ref: Ref) -> Write:
        """A function that appends a member's element or elements."""
        shape = self.model.shape(ref)
        name = _element_name(name, ref, shape)
        key = (name, ref.shape, f"{ref.flattened}{ref.timestamp_format}{ref.xml_namespace}")
        found = self._writers.get(key)
        if found is None:
            self._writers[key] = lambda out, value: self._writers[key](out, value)
            found = self._writers[key] = self._build(name, ref, shape)
        return found

    def _build(self, name: str, ref: Ref, shape: Shape) -> Write:
        if shape.type == "structure":
            return self.structure(name, _namespace(ref, shape), shape.members.items())
        if shape.type == "list":
            return self._list(name, ref, shape)
        if shape.type == "map":
            return self._map(name, ref, shape)
        text = self._text(ref, shape)
        head = f"<{name}{_namespace(ref, shape)}>"
        tail = f"</{name}>"
        return lambda out, value: out.append(f"{head}{escape(text(value))}{tail}")

    def _text(self, ref: Ref, shape: Shape) -> Convert:
        return text_writer(shape.type, self.timestamp_format(ref, shape, ISO8601))

    def structure(self, name: str, namespace: str, members: Iterable[tuple[str, Ref]]) -> Write:
        """A function that appends the element `name` with members as its elements and attributes."""
        members = list(members)
        body, tail = self.members(members), f"</{name}>"
        attributes = {
            member: (part.location_name or member, self._text(part, self.model.shape(part)))
            for member, part in members if part.xml_attribute
        }  # fmt: skip

        def write(out: list[str], value: dict[str, Any]) -> None:
            marks = "".join(
                f' {wire}="{escape(text(value[member]))}"'
                for member, (wire, text) in attributes.items()
                if value.get(member) is not None
            )
            out.append(f"<{name}{namespace}{marks}>")
            body(out, value)
            out.append(tail)

        return write

    def members(self, members: Iterable[tuple[str, Ref]]) -> Write:
        """A function that appends the elements of a structure's members, in the model's order."""
        writers = [(name, self.element(name, ref)) for name, ref in members if not ref.xml_attribute]

        def write(out: list[str], value: dict[str, Any]) -> None:
            for name, writer in writers:
                member = value.get(name)
                if member is not None:
                    writer(out, member)

        return write

    def _list(self, name: str, ref: Ref, shape: Shape) -> Write:
        assert shape.member is not None
        if _is_flattened(ref, shape):
            item = self.element(name, _named(shape.member, name))

            def write_flat(out: list[str], value: list[Any]) -> None:
                for each in value:
                    item(out, each)

            return write_flat
        item = self.element("member", shape.member)
        head, tail = f"<{name}{_namespace(ref, shape)}>", f"</{name}>"

        def write(out: list[str], value: list[Any]) -> None:
            out.append(head)
            for each in value:
                item(out, each)
            out.append(tail)

        return write

    def _map(self, name: str, ref: Ref, shape: Shape) -> Write:
        assert shape.key is not None
        assert shape.value is not None
        key, value_writer = self.element("key", shape.key), self.element("value", shape.value)
        flattened = _is_flattened(ref, shape)
        entry = name if flattened else "entry"

        def write(out: list[str], value: dict[str, Any]) -> None:
            if not flattened:
                out.append(f"<{name}>")
            for k, v in value.items():
                out.append(f"<{entry}>")
                key(out, k)
                value_writer(out, v)
                out.append(f"</{entry}>")
            if not flattened:
                out.append(f"</{name}>")

        return write


def _named(ref: Ref, name: str) -> Ref:
    return Ref(ref.shape, location_name=name, timestamp_format=ref.timestamp_format)


def _namespace(ref: Ref, shape: Shape) -> str:
    declared = ref.xml_namespace or shape.xml_namespace
    if not declared:
        return ""
    if isinstance(declared, str):
        return f' xmlns="{declared}"'
    prefix = declared.get("prefix")
    return f' xmlns{":" + prefix if prefix else ""}="{declared["uri"]}"'
