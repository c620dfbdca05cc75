"""What a decision is made of."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Entity:
    """An entity as Cedar sees it. `parents` are (type, id) pairs."""

    type: str
    id: str
    attributes: dict[str, Any] = field(default_factory=dict)
    parents: tuple[tuple[str, str], ...] = ()

    @property
    def uid(self) -> dict[str, str]:
        return {"type": self.type, "id": self.id}


@dataclass(frozen=True)
class Decision:
    """`reasons` are the sentences of the policies that decided, by id; empty when no policy allowed it."""

    allowed: bool
    policy_ids: tuple[str, ...]
    reasons: tuple[str, ...]
    policy_hash: str

    def as_json(self) -> dict[str, Any]:
        """As it is stored with what it decided."""
        return {
            "allowed": self.allowed,
            "policies": list(self.policy_ids),
            "reasons": list(self.reasons),
            "policy_hash": self.policy_hash,
        }
