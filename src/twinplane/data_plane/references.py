"""Which documents must be there because others name them: said by each service, checked by the doctor.

A service says it in its `references.py`, as a list REFERENCES; a list CHECKS there holds what needs more than that.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from twinplane.data_plane.store import Document, Kind


@dataclass(frozen=True)
class Reference:
    """Every document of `kind` names documents of `to`, and those must be there.

    `members`: the members that hold the other's values of `on` (its key, unless given), or a function from a document
    to all the values it names. A document whose members are None names nothing. `is_index`: documents of `kind` only
    help to find others, so one that names nothing any more may be removed.
    """

    kind: Kind
    to: Kind
    members: tuple[str, ...] | Callable[[Document], Iterable[tuple[Any, ...]]]
    on: tuple[str, ...] = ()
    is_index: bool = False

    def named(self, document: Document) -> list[tuple[Any, ...]]:
        """The values of `on` that a document names."""
        if callable(self.members):
            return list(self.members(document))
        values = tuple(document.get(member) for member in self.members)
        return [] if None in values else [values]

    @property
    def columns(self) -> tuple[str, ...]:
        return self.on or self.to.key
