"""Compiling a service's shapes into closures: once for each shape, on first use, recursion included."""

from collections.abc import Callable
from typing import Any

from twinplane.data_plane.wire.models import Model, Ref, Shape

Convert = Callable[[Any], Any]


class Compiler:
    """Turns shapes into functions; subclasses say how for each kind of shape."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._compiled: dict[tuple[str, ...], Convert] = {}

    def compiled(self, key: tuple[str, ...], build: Callable[[], Convert]) -> Convert:
        """The function of a shape as one use of it needs it; a shape that contains itself finds itself here."""
        found = self._compiled.get(key)
        if found is None:
            self._compiled[key] = lambda value: self._compiled[key](value)
            found = self._compiled[key] = build()
        return found

    def timestamp_format(self, ref: Ref, shape: Shape, default: str) -> str:
        return ref.timestamp_format or shape.timestamp_format or default
