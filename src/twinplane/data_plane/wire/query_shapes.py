"""Shapes in forms (the query protocol's requests): `Tags.member.1.Key=owner`."""

from typing import Any
from urllib.parse import unquote_plus

from twinplane.data_plane.wire.models import Ref, Shape
from twinplane.data_plane.wire.scalars import TEXT_READERS, Malformed
from twinplane.data_plane.wire.shapes import Compiler, Convert

Tree = dict[str, Any]
_VALUE = ""  # the key of a node's own text
_MOST_PARTS = 32


def form_values(body: bytes) -> dict[str, str]:
    """The fields of an `application/x-www-form-urlencoded` body. Raises `Malformed`."""
    try:
        text = body.decode("ascii")
    except UnicodeDecodeError:
        raise Malformed("the form is not percent-encoded ASCII") from None
    pairs = [part.partition("=") for part in text.split("&")] if text else []
    if "%" in text or "+" in text:
        return {unquote_plus(name): unquote_plus(value) for name, _, value in pairs}
    return {name: value for name, _, value in pairs}


def form_tree(values: dict[str, str]) -> Tree:
    """Fields with dotted names as nested nodes."""
    root: Tree = {}
    for name, value in values.items():
        parts = name.split(".")
        if len(parts) > _MOST_PARTS:
            raise Malformed("a field's name has too many parts")
        node = root
        for part in parts:
            node = node.setdefault(part, {})
        node[_VALUE] = value
    return root


class QueryReader(Compiler):
    """Form nodes to request members."""

    def reader(self, ref: Ref) -> Convert:
        shape = self.model.shape(ref)
        if shape.type == "structure":
            return self.compiled((ref.shape,), lambda: self._structure(shape))
        flattened = ref.flattened or shape.flattened
        if shape.type == "list":
            return self.compiled((ref.shape, str(flattened)), lambda: self._list(shape, flattened))
        if shape.type == "map":
            return self.compiled((ref.shape, str(flattened)), lambda: self._map(shape, flattened))
        scalar = TEXT_READERS[shape.type]

        def read(node: Tree) -> Any:
            if _VALUE not in node:
                raise Malformed("a single value is missing")
            return scalar(node[_VALUE])

        return read

    def _structure(self, shape: Shape) -> Convert:
        readers = {
            wire_name: (name, self.reader(ref))
            for name, ref in shape.members.items() for wire_name in self._wire_names(name, ref)
        }  # fmt: skip

        def read(node: Tree) -> dict[str, Any]:
            out = {}
            for wire_name, child in node.items():
                known = readers.get(wire_name)
                if known is None:
                    continue
                try:
                    out[known[0]] = known[1](child)
                except Malformed as error:
                    raise Malformed(f"{wire_name}: {error}") from None
            return out

        return read

    def _wire_names(self, name: str, ref: Ref) -> set[str]:
        """What the member is called; flattened lists also go by their item's name, which is what boto3 sends."""
        shape, names = self.model.shape(ref), {ref.location_name or name}
        if shape.type == "list" and (ref.flattened or shape.flattened) and shape.member and shape.member.location_name:
            names.add(shape.member.location_name)
        return names

    def _list(self, shape: Shape, flattened: bool) -> Convert:
        assert shape.member is not None
        item = self.reader(shape.member)
        name = shape.member.location_name or "member"
        return lambda node: [item(child) for child in _numbered(node if flattened else node.get(name, {}))]

    def _map(self, shape: Shape, flattened: bool) -> Convert:
        assert shape.key is not None
        assert shape.value is not None
        item = self.reader(shape.value)
        key_name, value_name = shape.key.location_name or "key", shape.value.location_name or "value"

        def read(node: Tree) -> dict[str, Any]:
            entries = _numbered(node if flattened else node.get("entry", {}))
            try:
                return {entry[key_name][_VALUE]: item(entry[value_name]) for entry in entries}
            except KeyError:
                raise Malformed("an entry of a map has no key or no value") from None

        return read


def _numbered(node: Tree) -> list[Tree]:
    try:
        return [node[key] for key in sorted((key for key in node if key != _VALUE), key=int)]
    except ValueError:
        raise Malformed("a list's items are not numbered") from None
