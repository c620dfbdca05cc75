"""AWS Identity and Access Management, as far as the mesh needs it."""

from twinplane.data_plane.call import Operation
from twinplane.data_plane.services.iam import (
    access_keys,
    account,
    groups,
    instance_profiles,
    managed_policies,
    oidc_providers,
    roles,
    simulation,
    store,
    unserved_credentials,
    users,
)
from twinplane.data_plane.store import Kind
from twinplane.data_plane.tasks import TaskKind

OPERATIONS: dict[str, Operation] = {
    **roles.OPERATIONS,
    **users.OPERATIONS,
    **groups.OPERATIONS,
    **access_keys.OPERATIONS,
    **unserved_credentials.OPERATIONS,
    **managed_policies.OPERATIONS,
    **oidc_providers.OPERATIONS,
    **instance_profiles.OPERATIONS,
    **account.OPERATIONS,
    **simulation.OPERATIONS,
}
KINDS: list[Kind] = store.KINDS
TASKS: dict[str, TaskKind] = {}
