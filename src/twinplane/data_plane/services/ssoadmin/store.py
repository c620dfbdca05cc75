"""Applications and permission sets of Identity Center, who is assigned to them, and the token issuers they trust."""

from typing import Any

from twinplane.data_plane.services.identitystore import store as identity_store
from twinplane.data_plane.store import Document, Kind, Transaction

# An application's document holds its grants by type, its scopes, its actor policy and its assignment setting.
APPLICATIONS = Kind(
    "sso_application", key=("ApplicationArn",), columns=("Name", "ApplicationProviderArn", "ApplicationAccount")
)
ASSIGNMENTS = Kind(
    "sso_application_assignment", key=("ApplicationArn", "PrincipalType", "PrincipalId"),
    indexes=(("PrincipalId", "PrincipalType"),),
)  # fmt: skip
ISSUERS = Kind("sso_trusted_token_issuer", key=("TrustedTokenIssuerArn",), unique=(("Name",), ("issuer_url",)))
# A permission set's `version` grows with each change; PROVISIONED says which version an account's role was made from.
PERMISSION_SETS = Kind("sso_permission_set", key=("PermissionSetArn",), unique=(("Name",),))
PROVISIONED = Kind("sso_provisioned_permission_set", key=("PermissionSetArn", "AccountId"), indexes=(("AccountId",),))
ACCOUNT_ASSIGNMENTS = Kind(
    "sso_account_assignment", key=("PermissionSetArn", "AccountId", "PrincipalType", "PrincipalId"),
    indexes=(("PrincipalId", "PrincipalType"),),
)  # fmt: skip
# What is going on: creating or deleting an account assignment, provisioning a permission set.
REQUESTS = Kind("sso_request", key=("RequestId",), columns=("Status",), indexes=(("kind", "CreatedDate"),))
TAGS = Kind("sso_tags", key=("ResourceArn",))
# The instance's own settings: its name, and the attributes of people that become tags of their sessions.
INSTANCES = Kind("sso_instance", key=("InstanceArn",))
KINDS = [
    APPLICATIONS, ASSIGNMENTS, ISSUERS, PERMISSION_SETS, PROVISIONED, ACCOUNT_ASSIGNMENTS, REQUESTS, TAGS, INSTANCES,
]  # fmt: skip


# The kinds that decide which role a person has through the access portal.
ASSIGNING = (identity_store.USERS, identity_store.MEMBERSHIPS, ACCOUNT_ASSIGNMENTS, PROVISIONED)


def find_application(tx: Transaction, application_arn: str) -> Document | None:
    """The application with this ARN (which is also its client id), or None."""
    return tx.find(APPLICATIONS, application_arn)


def find_issuer(tx: Transaction, issuer_arn: str) -> Document | None:
    """The trusted token issuer with this ARN, or None."""
    return tx.find(ISSUERS, issuer_arn)


def may_use(tx: Transaction, application: Document, user_id: str) -> bool:
    """May this person use the application: is it enabled, and is she assigned where that is required?"""
    if application["Status"] != "ENABLED" or identity_store.find_active_user(tx, user_id) is None:
        return False
    if not application["assignment_required"]:
        return True
    arn = application["ApplicationArn"]
    return any(tx.find(ASSIGNMENTS, arn, kind, id_) is not None for kind, id_ in principals(tx, user_id))


def account_assignments(tx: Transaction, user_id: str, account_id: str | None = None) -> list[Document]:
    """The permission sets that a person has in accounts, herself or through her groups; none when she is disabled."""
    if identity_store.find_active_user(tx, user_id) is None:
        return []
    where: dict[str, Any] = {} if account_id is None else {"AccountId": account_id}
    found = {}
    for kind, id_ in principals(tx, user_id):
        for each in tx.select(ACCOUNT_ASSIGNMENTS, {**where, "PrincipalId": id_, "PrincipalType": kind}):
            found[each["PermissionSetArn"], each["AccountId"]] = each
    return [found[key] for key in sorted(found)]


def assigned_role(tx: Transaction, user_id: str, account_id: str, name: str) -> tuple[Document, str] | None:
    """The permission set of this name that a person has in the account, and the name of its role there; or None."""
    permission_set = tx.first(PERMISSION_SETS, {"Name": name})
    if permission_set is None:
        return None
    arn = permission_set["PermissionSetArn"]
    provisioned = tx.find(PROVISIONED, arn, account_id)
    mine = {each["PermissionSetArn"] for each in account_assignments(tx, user_id, account_id)}
    return (permission_set, provisioned["RoleName"]) if provisioned is not None and arn in mine else None


def assigned_role_names(tx: Transaction, user_id: str, account_id: str) -> frozenset[str]:
    """The names of the roles that a person's permission sets have in the account. Depends on `ASSIGNING` alone."""
    arns = [each["PermissionSetArn"] for each in account_assignments(tx, user_id, account_id)]
    roles = [tx.find(PROVISIONED, arn, account_id) for arn in arns]
    return frozenset(role["RoleName"] for role in roles if role is not None)


def find_instance(tx: Transaction, instance_arn: str) -> Document:
    """The settings of the instance."""
    return tx.find(INSTANCES, instance_arn) or {"InstanceArn": instance_arn, "Name": "local", "attributes": None}


def tags_of(tx: Transaction, resource_arn: str) -> dict[str, str]:
    """The tags of an application, permission set, token issuer or instance."""
    return dict((tx.find(TAGS, resource_arn) or {"tags": {}})["tags"])


def put_tags(tx: Transaction, resource_arn: str, tags: dict[str, str]) -> None:
    """Gives a resource these tags, and no others."""
    if tags:
        tx.put(TAGS, {"ResourceArn": resource_arn, "tags": tags})
    else:
        tx.remove(TAGS, resource_arn)


def principals(tx: Transaction, user_id: str) -> list[tuple[str, str]]:
    """The person and her groups, as assignments name them: (PrincipalType, PrincipalId)."""
    return [("USER", user_id), *(("GROUP", group) for group in identity_store.group_ids(tx, user_id))]
