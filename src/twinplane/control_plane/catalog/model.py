"""What the catalog shows."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Column:
    """A column of a published table. `description` is the business description, else the technical comment."""

    name: str
    type: str
    description: str


@dataclass(frozen=True)
class Listing:
    """A published asset. `level` is None when it carries no classification."""

    id: str
    name: str
    description: str
    status: str
    asset_id: str
    project_id: str
    database: str | None
    table: str | None
    columns: tuple[Column, ...]
    level: str | None
    classification: dict[str, Any]

    @property
    def asset(self) -> str:
        """What audit calls it: `database.table`, or the asset's id when it is no table."""
        return f"{self.database}.{self.table}" if self.database and self.table else self.asset_id


@dataclass(frozen=True)
class OwningProject:
    """What everybody may know of the project that publishes something."""

    id: str
    name: str
    domain_unit_id: str
    domain_unit: str | None  # None: the root
