"""What a reconciliation finds, and what it does about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Action = Literal["create", "update", "unchanged", "drift"]


@dataclass(frozen=True)
class Difference:
    """One member that is not as declared."""

    member: str
    actual: Any
    wanted: Any

    def __str__(self) -> str:
        return f"{self.member}: {self.actual!r} -> {self.wanted!r}"


@dataclass(frozen=True)
class Change:
    """What happens to one object. `drift`: it differs, but something else owns it or it cannot be changed in place."""

    action: Action
    kind: str
    name: str
    differences: tuple[Difference, ...] = ()

    def __str__(self) -> str:
        told = "; ".join(map(str, self.differences))
        return f"{self.action} {self.kind} {self.name}" + (f" ({told})" if told else "")


def differences(actual: Any, wanted: Any, member: str = "") -> tuple[Difference, ...]:
    """Where `actual` is not as `wanted`; members that `wanted` does not name may be anything."""
    if isinstance(wanted, dict) and isinstance(actual, dict):
        found: list[Difference] = []
        for key, value in wanted.items():
            found += differences(actual.get(key), value, f"{member}.{key}" if member else str(key))
        return tuple(found)
    if isinstance(wanted, list) and isinstance(actual, list) and len(wanted) == len(actual):
        return tuple(d for i, value in enumerate(wanted) for d in differences(actual[i], value, f"{member}[{i}]"))
    return () if actual == wanted else (Difference(member, actual, wanted),)


def changed(changes: Iterable[Change]) -> list[Change]:
    """The changes that are not `unchanged`."""
    return [change for change in changes if change.action != "unchanged"]
