"""For whom access is asked."""

from dataclasses import dataclass
from typing import Any

from twinplane.mesh.model import ProjectProfile


@dataclass(frozen=True)
class ForPerson:
    """Access for the person herself, wherever she works."""

    user_id: str
    profile_id: str
    name: str

    @property
    def id(self) -> str:
        """DataZone's id."""
        return self.profile_id

    def as_json(self) -> dict[str, Any]:
        """As the request keeps it."""
        return {"kind": "person", "id": self.id, "user_id": self.user_id, "name": self.name}


@dataclass(frozen=True)
class ForProject:
    """Access for all members of a project, when they work in it."""

    project_id: str
    name: str
    domain_unit_id: str
    profile: ProjectProfile

    @property
    def id(self) -> str:
        """DataZone's id."""
        return self.project_id

    def as_json(self) -> dict[str, Any]:
        """As the request keeps it."""
        return {"kind": "project", "id": self.id, "name": self.name}
