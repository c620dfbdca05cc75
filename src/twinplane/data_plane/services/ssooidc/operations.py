"""Identity Center's token endpoint, for applications that sign their calls and for clients that cannot."""

from twinplane.data_plane.call import Operation, anyone, streams, unsigned
from twinplane.data_plane.services.ssooidc import applications, clients, store
from twinplane.data_plane.store import Kind
from twinplane.data_plane.tasks import TaskKind

OPERATIONS: dict[str, Operation] = {
    "CreateTokenWithIAM": streams(applications.create_token_with_iam, applications.may_use_client),
    "RegisterClient": unsigned(clients.register_client, anyone),
    "StartDeviceAuthorization": unsigned(clients.start_device_authorization, clients.client_access),
    "CreateToken": streams(clients.create_token, clients.client_access, signed=False),
}
KINDS: list[Kind] = store.KINDS
TASKS: dict[str, TaskKind] = {}
