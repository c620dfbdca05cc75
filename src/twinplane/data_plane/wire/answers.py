"""Whether an answer is what the model says: members known, required ones there; types, enums, lengths, unions.

A plane that runs with it (`PlaneSettings.check_answers`, as in all our tests) answers 500 instead of an answer that no
AWS service would give. Patterns are not looked at: AWS's own answers break them (ids of policies, for one).
"""

import math
from collections.abc import Callable
from typing import Any

from twinplane.data_plane.call import Answer
from twinplane.data_plane.wire.body import FileRange
from twinplane.data_plane.wire.codec import Codec
from twinplane.data_plane.wire.http import HttpResponse
from twinplane.data_plane.wire.models import Model, OperationModel, Ref, Shape
from twinplane.data_plane.wire.validation import Validation

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,), "character": (str,), "integer": (int,), "long": (int,), "short": (int,), "bigInteger": (int,),
    "float": (int, float), "double": (int, float), "bigDecimal": (int, float), "boolean": (bool,),
    "timestamp": (int, float), "blob": (bytes, FileRange),
}  # fmt: skip


class AnswerBreaksModel(Exception):
    """An operation answered something else than its model says. The text says where and what."""


class AnswerCheck:
    """The check of one service's answers."""

    def __init__(self, model: Model, validation: Validation) -> None:
        self._model, self._validation = model, validation

    def checked(self, operation: OperationModel, codec: Codec) -> Codec:
        """The codec, whose `serialise` raises `AnswerBreaksModel`."""

        def serialise(answer: Answer, request_id: str) -> HttpResponse:
            problems = self.problems(operation, answer)
            if problems:
                raise AnswerBreaksModel(f"{self._model.name} {operation.name}: {'; '.join(problems[:10])}")
            return codec.serialise(answer, request_id)

        return Codec(codec.parse, serialise, codec.quick)

    def problems(self, operation: OperationModel, answer: Answer) -> list[str]:
        """What is wrong with an answer; empty when nothing is."""
        given = {name: value for name, value in answer.items() if name not in ("_status", "_headers")}
        if operation.output is None:
            return [f"{name} is not in the model" for name in given]
        return list(self._of(operation.output, given, ""))

    def _of(self, ref: Ref, value: Any, path: str) -> Any:
        shape = self._model.shape(ref)
        if shape.document:
            return
        if shape.type == "structure":
            yield from self._of_structure(shape, value, path)
        elif shape.type == "list":
            yield from self._of_list(shape, value, path)
        elif shape.type == "map":
            yield from self._of_map(shape, value, path)
        else:
            yield from self._of_scalar(ref, shape, value, path)

    def _of_structure(self, shape: Shape, value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            yield f"{path} is not a structure"
            return
        given = {name: member for name, member in value.items() if member is not None}
        yield from (f"{path}.{name} is missing" for name in shape.required if name not in given)
        if shape.union and len(given) != 1:
            yield f"{path} has not exactly one member: {', '.join(given)}"
        for name, member in given.items():
            if name in shape.members:
                yield from self._of(shape.members[name], member, f"{path}.{name}")
            else:
                yield f"{path}.{name} is not in the model"

    def _of_list(self, shape: Shape, value: Any, path: str) -> Any:
        assert shape.member is not None
        if not isinstance(value, list):
            yield f"{path} is not a list"
            return
        for number, each in enumerate(value):
            yield from self._of(shape.member, each, f"{path}[{number}]")

    def _of_map(self, shape: Shape, value: Any, path: str) -> Any:
        assert shape.value is not None
        if not isinstance(value, dict):
            yield f"{path} is not a map"
            return
        for key, each in value.items():
            if not isinstance(key, str):
                yield f"{path} has a key that is not a text: {key!r}"
            yield from self._of(shape.value, each, f"{path}[{key}]")

    def _of_scalar(self, ref: Ref, shape: Shape, value: Any, path: str) -> Any:
        right = isinstance(value, _TYPES[shape.type]) and (isinstance(value, bool) is (shape.type == "boolean"))
        if not right or (shape.type == "timestamp" and not math.isfinite(value)):
            yield f"{path} is not of type {shape.type}: {value!r:.60}"
        elif not isinstance(value, FileRange):
            broken: Callable[[Any], list[str]] | None = self._validation.broken(ref.shape)
            limits = [each for each in (broken(value) if broken else ()) if "pattern" not in each]
            yield from (f"{path} = {value!r:.60}: {each}" for each in limits)
