"""AWS Identity and Access Management, as far as the mesh needs it."""

from twinplane.data_plane.call import Operation
from twinplane.data_plane.services.iam import managed_policies, oidc_providers, roles, simulation, store, users
from twinplane.data_plane.store import Kind
from twinplane.data_plane.tasks import TaskKind

OPERATIONS: dict[str, Operation] = {
    **roles.OPERATIONS,
    **users.OPERATIONS,
    **managed_policies.OPERATIONS,
    **oidc_providers.OPERATIONS,
    **simulation.OPERATIONS,
}
KINDS: list[Kind] = store.KINDS
TASKS: dict[str, TaskKind] = {}
