"""IAM Identity Center's administration: the instance, applications, token issuers, permission sets, assignments."""

from collections.abc import Callable

from twinplane.data_plane.call import Answer, Call, Operation, Request, reads, writes
from twinplane.data_plane.services.ssoadmin import (
    account_assignments,
    applications,
    instances,
    permission_sets,
    provisioning,
    store,
    trusted_token_issuers,
)
from twinplane.data_plane.services.ssoadmin.account_assignments import describe_status, list_status
from twinplane.data_plane.services.ssoadmin.shared import on
from twinplane.data_plane.store import Kind
from twinplane.data_plane.tasks import TaskKind

# The members of a request that name what the right is needed on.
_INSTANCE, _APPLICATION, _ISSUER = ("InstanceArn",), ("ApplicationArn",), ("TrustedTokenIssuerArn",)
_RESOURCE, _PROVIDER = ("ResourceArn",), ("ApplicationProviderArn",)
_PERMISSION_SET = ("InstanceArn", "PermissionSetArn")
_IN_ACCOUNT = ("AccountId", "InstanceArn")
_ASSIGNMENTS = ("AccountId", *_PERMISSION_SET)
_ASSIGNMENT = ("TargetId", *_PERMISSION_SET)

_Table = dict[str, tuple[Callable[[Call, Request], Answer], tuple[str, ...]]]
_READS: _Table = {
    "ListInstances": (instances.list_instances, ()),
    "DescribeInstance": (instances.describe_instance, _INSTANCE),
    "ListTagsForResource": (instances.list_tags_for_resource, _RESOURCE),
    "DescribeInstanceAccessControlAttributeConfiguration": (
        instances.describe_instance_access_control_attribute_configuration,
        _INSTANCE,
    ),
    "DescribeApplication": (applications.describe_application, _APPLICATION),
    "ListApplications": (applications.list_applications, _INSTANCE),
    "ListApplicationProviders": (applications.list_application_providers, ()),
    "DescribeApplicationProvider": (applications.describe_application_provider, _PROVIDER),
    "GetApplicationAuthenticationMethod": (applications.get_application_authentication_method, _APPLICATION),
    "ListApplicationAuthenticationMethods": (applications.list_application_authentication_methods, _APPLICATION),
    "GetApplicationGrant": (applications.get_application_grant, _APPLICATION),
    "ListApplicationGrants": (applications.list_application_grants, _APPLICATION),
    "GetApplicationAccessScope": (applications.get_application_access_scope, _APPLICATION),
    "ListApplicationAccessScopes": (applications.list_application_access_scopes, _APPLICATION),
    "GetApplicationAssignmentConfiguration": (applications.get_application_assignment_configuration, _APPLICATION),
    "DescribeApplicationAssignment": (applications.describe_application_assignment, _APPLICATION),
    "ListApplicationAssignments": (applications.list_application_assignments, _APPLICATION),
    "ListApplicationAssignmentsForPrincipal": (applications.list_application_assignments_for_principal, _INSTANCE),
    "DescribeTrustedTokenIssuer": (trusted_token_issuers.describe_trusted_token_issuer, _ISSUER),
    "ListTrustedTokenIssuers": (trusted_token_issuers.list_trusted_token_issuers, _INSTANCE),
    "DescribePermissionSet": (permission_sets.describe_permission_set, _PERMISSION_SET),
    "ListPermissionSets": (permission_sets.list_permission_sets, _INSTANCE),
    "GetInlinePolicyForPermissionSet": (permission_sets.get_inline_policy_for_permission_set, _PERMISSION_SET),
    "ListManagedPoliciesInPermissionSet": (permission_sets.list_managed_policies_in_permission_set, _PERMISSION_SET),
    "ListCustomerManagedPolicyReferencesInPermissionSet": (
        permission_sets.list_customer_managed_policy_references_in_permission_set,
        _PERMISSION_SET,
    ),
    "GetPermissionsBoundaryForPermissionSet": (
        permission_sets.get_permissions_boundary_for_permission_set,
        _PERMISSION_SET,
    ),
    "ListAccountsForProvisionedPermissionSet": (
        permission_sets.list_accounts_for_provisioned_permission_set,
        _PERMISSION_SET,
    ),
    "ListPermissionSetsProvisionedToAccount": (
        permission_sets.list_permission_sets_provisioned_to_account,
        _IN_ACCOUNT,
    ),
    "ListAccountAssignments": (account_assignments.list_account_assignments, _ASSIGNMENTS),
    "ListAccountAssignmentsForPrincipal": (account_assignments.list_account_assignments_for_principal, _INSTANCE),
    "DescribeAccountAssignmentCreationStatus": (
        describe_status("CREATE", "AccountAssignmentCreationRequestId", "AccountAssignmentCreationStatus"),
        _INSTANCE,
    ),
    "DescribeAccountAssignmentDeletionStatus": (
        describe_status("DELETE", "AccountAssignmentDeletionRequestId", "AccountAssignmentDeletionStatus"),
        _INSTANCE,
    ),
    "DescribePermissionSetProvisioningStatus": (
        describe_status("PROVISION", "ProvisionPermissionSetRequestId", "PermissionSetProvisioningStatus"),
        _INSTANCE,
    ),
    "ListAccountAssignmentCreationStatus": (list_status("CREATE", "AccountAssignmentsCreationStatus"), _INSTANCE),
    "ListAccountAssignmentDeletionStatus": (list_status("DELETE", "AccountAssignmentsDeletionStatus"), _INSTANCE),
    "ListPermissionSetProvisioningStatus": (list_status("PROVISION", "PermissionSetsProvisioningStatus"), _INSTANCE),
}
_WRITES: _Table = {
    "UpdateInstance": (instances.update_instance, _INSTANCE),
    "TagResource": (instances.tag_resource, _RESOURCE),
    "UntagResource": (instances.untag_resource, _RESOURCE),
    "CreateInstanceAccessControlAttributeConfiguration": (
        instances.create_instance_access_control_attribute_configuration,
        _INSTANCE,
    ),
    "UpdateInstanceAccessControlAttributeConfiguration": (
        instances.update_instance_access_control_attribute_configuration,
        _INSTANCE,
    ),
    "DeleteInstanceAccessControlAttributeConfiguration": (
        instances.delete_instance_access_control_attribute_configuration,
        _INSTANCE,
    ),
    "CreateApplication": (applications.create_application, _INSTANCE),
    "UpdateApplication": (applications.update_application, _APPLICATION),
    "DeleteApplication": (applications.delete_application, _APPLICATION),
    "PutApplicationAuthenticationMethod": (applications.put_application_authentication_method, _APPLICATION),
    "DeleteApplicationAuthenticationMethod": (applications.delete_application_authentication_method, _APPLICATION),
    "PutApplicationGrant": (applications.put_application_grant, _APPLICATION),
    "DeleteApplicationGrant": (applications.delete_application_grant, _APPLICATION),
    "PutApplicationAccessScope": (applications.put_application_access_scope, _APPLICATION),
    "DeleteApplicationAccessScope": (applications.delete_application_access_scope, _APPLICATION),
    "PutApplicationAssignmentConfiguration": (applications.put_application_assignment_configuration, _APPLICATION),
    "CreateApplicationAssignment": (applications.create_application_assignment, _APPLICATION),
    "DeleteApplicationAssignment": (applications.delete_application_assignment, _APPLICATION),
    "CreateTrustedTokenIssuer": (trusted_token_issuers.create_trusted_token_issuer, _INSTANCE),
    "UpdateTrustedTokenIssuer": (trusted_token_issuers.update_trusted_token_issuer, _ISSUER),
    "DeleteTrustedTokenIssuer": (trusted_token_issuers.delete_trusted_token_issuer, _ISSUER),
    "CreatePermissionSet": (permission_sets.create_permission_set, _INSTANCE),
    "UpdatePermissionSet": (permission_sets.update_permission_set, _PERMISSION_SET),
    "DeletePermissionSet": (permission_sets.delete_permission_set, _PERMISSION_SET),
    "PutInlinePolicyToPermissionSet": (permission_sets.put_inline_policy_to_permission_set, _PERMISSION_SET),
    "DeleteInlinePolicyFromPermissionSet": (permission_sets.delete_inline_policy_from_permission_set, _PERMISSION_SET),
    "AttachManagedPolicyToPermissionSet": (permission_sets.attach_managed_policy_to_permission_set, _PERMISSION_SET),
    "DetachManagedPolicyFromPermissionSet": (
        permission_sets.detach_managed_policy_from_permission_set,
        _PERMISSION_SET,
    ),
    "AttachCustomerManagedPolicyReferenceToPermissionSet": (
        permission_sets.attach_customer_managed_policy_reference_to_permission_set,
        _PERMISSION_SET,
    ),
    "DetachCustomerManagedPolicyReferenceFromPermissionSet": (
        permission_sets.detach_customer_managed_policy_reference_from_permission_set,
        _PERMISSION_SET,
    ),
    "PutPermissionsBoundaryToPermissionSet": (
        permission_sets.put_permissions_boundary_to_permission_set,
        _PERMISSION_SET,
    ),
    "DeletePermissionsBoundaryFromPermissionSet": (
        permission_sets.delete_permissions_boundary_from_permission_set,
        _PERMISSION_SET,
    ),
    "ProvisionPermissionSet": (permission_sets.provision_permission_set, _ASSIGNMENT),
    "CreateAccountAssignment": (account_assignments.create_account_assignment, _ASSIGNMENT),
    "DeleteAccountAssignment": (account_assignments.delete_account_assignment, _ASSIGNMENT),
}

OPERATIONS: dict[str, Operation] = {
    **{name: reads(function, on(name, *members)) for name, (function, members) in _READS.items()},
    **{name: writes(function, on(name, *members)) for name, (function, members) in _WRITES.items()},
}
KINDS: list[Kind] = store.KINDS
TASKS: dict[str, TaskKind] = provisioning.TASKS
