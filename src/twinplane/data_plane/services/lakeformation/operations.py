"""The operations of Lake Formation that are served. IAM's say is declared here, Lake Formation's is in each of them."""

from twinplane.data_plane.call import Operation, anyone, reads, streams, writes
from twinplane.data_plane.services.iam.rules import iam
from twinplane.data_plane.services.lakeformation import (
    credentials,
    filters,
    grants,
    identity_center,
    listings,
    opt_ins,
    resources,
    store,
    tag_expressions,
    tagging,
    tags,
)
from twinplane.data_plane.store import Kind
from twinplane.data_plane.tasks import TaskKind

_READS = {
    "GetDataLakeSettings": resources.get_data_lake_settings,
    "DescribeResource": resources.describe_resource,
    "ListResources": resources.list_resources,
    "ListPermissions": listings.list_permissions,
    "GetEffectivePermissionsForPath": listings.get_effective_permissions_for_path,
    "GetDataCellsFilter": filters.get_data_cells_filter,
    "ListDataCellsFilter": filters.list_data_cells_filter,
    "DescribeLakeFormationIdentityCenterConfiguration":
        identity_center.describe_lake_formation_identity_center_configuration,
    "ListLakeFormationOptIns": opt_ins.list_lake_formation_opt_ins,
    "GetLFTag": tags.get_lf_tag,
    "ListLFTags": tags.list_lf_tags,
    "GetLFTagExpression": tag_expressions.get_lf_tag_expression,
    "ListLFTagExpressions": tag_expressions.list_lf_tag_expressions,
    "GetResourceLFTags": tagging.get_resource_lf_tags,
    "SearchDatabasesByLFTags": tagging.search_databases_by_lf_tags,
    "SearchTablesByLFTags": tagging.search_tables_by_lf_tags,
}  # fmt: skip

_WRITES = {
    "PutDataLakeSettings": resources.put_data_lake_settings,
    "RegisterResource": resources.register_resource,
    "UpdateResource": resources.update_resource,
    "DeregisterResource": resources.deregister_resource,
    "GrantPermissions": grants.grant_permissions,
    "RevokePermissions": grants.revoke_permissions,
    "BatchGrantPermissions": grants.batch_grant_permissions,
    "BatchRevokePermissions": grants.batch_revoke_permissions,
    "DeleteDataCellsFilter": filters.delete_data_cells_filter,
    "CreateLakeFormationIdentityCenterConfiguration":
        identity_center.create_lake_formation_identity_center_configuration,
    "UpdateLakeFormationIdentityCenterConfiguration":
        identity_center.update_lake_formation_identity_center_configuration,
    "DeleteLakeFormationIdentityCenterConfiguration":
        identity_center.delete_lake_formation_identity_center_configuration,
    "CreateLakeFormationOptIn": opt_ins.create_lake_formation_opt_in,
    "DeleteLakeFormationOptIn": opt_ins.delete_lake_formation_opt_in,
    "CreateLFTag": tags.create_lf_tag,
    "UpdateLFTag": tags.update_lf_tag,
    "DeleteLFTag": tags.delete_lf_tag,
    "CreateLFTagExpression": tag_expressions.create_lf_tag_expression,
    "UpdateLFTagExpression": tag_expressions.update_lf_tag_expression,
    "DeleteLFTagExpression": tag_expressions.delete_lf_tag_expression,
    "AddLFTagsToResource": tagging.add_lf_tags_to_resource,
    "RemoveLFTagsFromResource": tagging.remove_lf_tags_from_resource,
}  # fmt: skip

_STREAMS = {
    "CreateDataCellsFilter": filters.create_data_cells_filter,
    "UpdateDataCellsFilter": filters.update_data_cells_filter,
}

_CREDENTIALS = {
    "GetTemporaryGlueTableCredentials": credentials.get_temporary_glue_table_credentials,
    "GetTemporaryGluePartitionCredentials": credentials.get_temporary_glue_partition_credentials,
    "GetTemporaryDataLocationCredentials": credentials.get_temporary_data_location_credentials,
}

OPERATIONS: dict[str, Operation] = {
    **{name: reads(function, iam(f"lakeformation:{name}")) for name, function in _READS.items()},
    **{name: writes(function, iam(f"lakeformation:{name}")) for name, function in _WRITES.items()},
    **{name: streams(function, iam(f"lakeformation:{name}")) for name, function in _STREAMS.items()},
    **{name: reads(function, iam("lakeformation:GetDataAccess")) for name, function in _CREDENTIALS.items()},
    "GetDataLakePrincipal": reads(credentials.get_data_lake_principal, anyone),
}

KINDS: list[Kind] = store.KINDS
TASKS: dict[str, TaskKind] = {}
