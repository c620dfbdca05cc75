"""The operations of Lake Formation that are served."""

from twinplane.data_plane.call import Operation, anyone, reads, streams, writes
from twinplane.data_plane.services.iam.rules import iam
from twinplane.data_plane.services.lakeformation import filters, grants, resources, store
from twinplane.data_plane.store import Kind
from twinplane.data_plane.tasks import TaskKind


def _on(action: str) -> str:
    return f"lakeformation:{action}"


OPERATIONS: dict[str, Operation] = {
    "GetDataLakeSettings": reads(resources.get_data_lake_settings, iam(_on("GetDataLakeSettings"))),
    "PutDataLakeSettings": writes(resources.put_data_lake_settings, iam(_on("PutDataLakeSettings"))),
    "RegisterResource": writes(resources.register_resource, iam(_on("RegisterResource"))),
    "DeregisterResource": writes(resources.deregister_resource, iam(_on("DeregisterResource"))),
    "DescribeResource": reads(resources.describe_resource, iam(_on("DescribeResource"))),
    "ListResources": reads(resources.list_resources, iam(_on("ListResources"))),
    "GrantPermissions": writes(grants.grant_permissions, iam(_on("GrantPermissions"))),
    "RevokePermissions": writes(grants.revoke_permissions, iam(_on("RevokePermissions"))),
    "BatchGrantPermissions": writes(grants.batch_grant_permissions, iam(_on("BatchGrantPermissions"))),
    "BatchRevokePermissions": writes(grants.batch_revoke_permissions, iam(_on("BatchRevokePermissions"))),
    "ListPermissions": reads(grants.list_permissions, iam(_on("ListPermissions"))),
    "GetEffectivePermissionsForPath": reads(
        grants.get_effective_permissions_for_path, iam(_on("GetEffectivePermissionsForPath"))
    ),
    "CreateDataCellsFilter": streams(filters.create_data_cells_filter, iam(_on("CreateDataCellsFilter"))),
    "GetDataCellsFilter": reads(filters.get_data_cells_filter, iam(_on("GetDataCellsFilter"))),
    "UpdateDataCellsFilter": streams(filters.update_data_cells_filter, iam(_on("UpdateDataCellsFilter"))),
    "DeleteDataCellsFilter": writes(filters.delete_data_cells_filter, iam(_on("DeleteDataCellsFilter"))),
    "ListDataCellsFilter": reads(filters.list_data_cells_filter, iam(_on("ListDataCellsFilter"))),
    "CreateLakeFormationIdentityCenterConfiguration": writes(
        resources.create_lake_formation_identity_center_configuration,
        iam(_on("CreateLakeFormationIdentityCenterConfiguration")),
    ),
    "DescribeLakeFormationIdentityCenterConfiguration": reads(
        resources.describe_lake_formation_identity_center_configuration,
        iam(_on("DescribeLakeFormationIdentityCenterConfiguration")),
    ),
    "DeleteLakeFormationIdentityCenterConfiguration": writes(
        resources.delete_lake_formation_identity_center_configuration,
        iam(_on("DeleteLakeFormationIdentityCenterConfiguration")),
    ),
    "GetDataLakePrincipal": reads(resources.get_data_lake_principal, anyone),
    "GetTemporaryGlueTableCredentials": reads(
        resources.get_temporary_glue_table_credentials, iam(_on("GetDataAccess"))
    ),
}

KINDS: list[Kind] = store.KINDS
TASKS: dict[str, TaskKind] = {}
