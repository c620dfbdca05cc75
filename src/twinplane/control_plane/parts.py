"""The parts of the running app, joined in `app` and handed to every use case and job."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from twinplane.control_plane.aws import Clients, DataPlane
from twinplane.control_plane.catalog.model import OwningProject
from twinplane.control_plane.clock import Clock
from twinplane.control_plane.database import Database
from twinplane.control_plane.identity import Identity, Person
from twinplane.control_plane.kept import Kept
from twinplane.control_plane.policy.policies import PolicySet
from twinplane.control_plane.requests.model import RequestKind
from twinplane.control_plane.settings import Settings
from twinplane.mesh.model import Mesh


@dataclass(frozen=True)
class App:
    """What use cases and jobs work with."""

    settings: Settings
    mesh: Mesh
    database: Database
    clock: Clock
    data_plane: DataPlane
    identity: Identity
    policies: PolicySet
    kinds: Mapping[str, RequestKind] = field(default_factory=dict)
    owning_projects: Kept[OwningProject] = field(default_factory=lambda: Kept(30.0))
    profile_ids: Kept[str] = field(default_factory=lambda: Kept(3600.0))

    @property
    def domain_id(self) -> str:
        """The DataZone domain of the mesh."""
        return self.data_plane.found.domain_id

    def as_person(self, person: Person) -> Clients:
        """Clients that act as the person: for what she does within a reply."""
        return self.identity.clients(person)

    def as_app(self, request_id: str) -> Clients:
        """Clients that act as the app, for a request: for what a job does later."""
        return self.data_plane.as_app(request_id)
