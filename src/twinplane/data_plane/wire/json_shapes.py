"""Shapes in JSON bodies (json 1.0, json 1.1, rest-json)."""

from collections.abc import Iterable
from typing import Any

from twinplane.data_plane.wire.models import Ref, Shape
from twinplane.data_plane.wire.scalars import (
    EPOCH,
    JSON_READERS,
    TIMESTAMP_WRITERS,
    Malformed,
    write_blob,
    write_number,
)
from twinplane.data_plane.wire.shapes import Compiler, Convert


def _same(value: Any) -> Any:
    return value


class JsonReader(Compiler):
    """JSON values to request members. Members the model does not know are kept: some clients speak a newer model."""

    def reader(self, ref: Ref) -> Convert:
        shape = self.model.shape(ref)
        if shape.document:
            return _same
        if shape.type == "structure":
            return self.compiled((ref.shape,), lambda: self.structure(shape.members.items()))
        if shape.type == "list":
            return self.compiled((ref.shape,), lambda: self._list(shape))
        if shape.type == "map":
            return self.compiled((ref.shape,), lambda: self._map(shape))
        return JSON_READERS[shape.type]

    def structure(self, members: Iterable[tuple[str, Ref]]) -> Convert:
        known_members = dict(members)
        readers = {ref.location_name or name: (name, self.reader(ref)) for name, ref in known_members.items()}
        other_names = known_members.keys() - readers.keys()  # members that have another name on the wire

        def read(value: Any) -> dict[str, Any]:
            if type(value) is not dict:
                raise Malformed("a structure is not a JSON object")
            out = {}
            for wire_name, member in value.items():
                if member is None:
                    continue
                known = readers.get(wire_name)
                if known is None:
                    if wire_name not in other_names:
                        out[wire_name] = member
                    continue
                try:
                    out[known[0]] = known[1](member)
                except Malformed as error:
                    raise Malformed(f"{wire_name}: {error}") from None
            return out

        return read

    def _list(self, shape: Shape) -> Convert:
        assert shape.member is not None
        item = self.reader(shape.member)

        def read(value: Any) -> list[Any]:
            if type(value) is not list:
                raise Malformed("a list is not a JSON array")
            return [item(v) for v in value if v is not None]

        return read

    def _map(self, shape: Shape) -> Convert:
        assert shape.value is not None
        item = self.reader(shape.value)

        def read(value: Any) -> dict[str, Any]:
            if type(value) is not dict:
                raise Malformed("a map is not a JSON object")
            return {k: item(v) for k, v in value.items() if v is not None}

        return read


class JsonWriter(Compiler):
    """Answer members to JSON values. Members the model does not know go out as they are."""

    def writer(self, ref: Ref) -> Convert:
        shape = self.model.shape(ref)
        if shape.document:
            return _same
        if shape.type == "structure":
            return self.compiled((ref.shape,), lambda: self.structure(shape.members.items()))
        if shape.type == "list":
            return self.compiled((ref.shape,), lambda: self._list(shape))
        if shape.type == "map":
            return self.compiled((ref.shape,), lambda: self._map(shape))
        if shape.type == "timestamp":
            return TIMESTAMP_WRITERS[self.timestamp_format(ref, shape, EPOCH)]
        if shape.type in ("float", "double"):
            return write_number
        return write_blob if shape.type == "blob" else _same

    def structure(self, members: Iterable[tuple[str, Ref]]) -> Convert:
        writers = {name: (ref.location_name or name, self.writer(ref)) for name, ref in members}

        def write(value: dict[str, Any]) -> dict[str, Any]:
            out = {}
            for name, member in value.items():
                if member is None:
                    continue
                known = writers.get(name)
                if known is None:
                    out[name] = member
                else:
                    out[known[0]] = known[1](member)
            return out

        return write

    def _list(self, shape: Shape) -> Convert:
        assert shape.member is not None
        item = self.writer(shape.member)
        return lambda value: [item(v) for v in value]

    def _map(self, shape: Shape) -> Convert:
        assert shape.value is not None
        item = self.writer(shape.value)
        return lambda value: {k: item(v) for k, v in value.items() if v is not None}
