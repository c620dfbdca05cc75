"""The account as a whole: its alias, how much there is of everything, and everything that allows anything."""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, reads, writes
from twinplane.data_plane.services.iam import groups, managed_policies, roles, store, users
from twinplane.data_plane.services.iam.access_keys import MOST_ACCESS_KEYS
from twinplane.data_plane.services.iam.entities import (
    already_exists,
    attached_policies,
    no_such,
    on_the_wire,
    page_of_list,
)
from twinplane.data_plane.services.iam.entity_policies import MOST_ATTACHED
from twinplane.data_plane.services.iam.rules import iam
from twinplane.data_plane.store import Document


def get_account_summary(call: Call, _request: Request) -> Answer:
    def count(kind: Any) -> int:
        return call.tx.count(kind)

    versions = sum(len(store.versions_of(policy)) for policy in call.tx.select(store.POLICIES))
    return {
        "SummaryMap": {
            "Users": count(store.USERS), "UsersQuota": users.MOST_USERS,
            "Groups": count(store.GROUPS), "GroupsQuota": groups.MOST_GROUPS,
            "GroupsPerUserQuota": groups.MOST_GROUPS_OF_A_USER,
            "Roles": count(store.ROLES), "RolesQuota": roles.MOST_ROLES,
            "Policies": count(store.POLICIES), "PoliciesQuota": managed_policies.MOST_POLICIES,
            "PolicyVersionsInUse": versions, "VersionsPerPolicyQuota": managed_policies.MOST_VERSIONS,
            "InstanceProfiles": count(store.INSTANCE_PROFILES), "Providers": count(store.OIDC_PROVIDERS),
            "AccessKeysPerUserQuota": MOST_ACCESS_KEYS,
            "AttachedPoliciesPerRoleQuota": MOST_ATTACHED, "AttachedPoliciesPerUserQuota": MOST_ATTACHED,
            "AttachedPoliciesPerGroupQuota": MOST_ATTACHED,
            "MFADevices": 0, "MFADevicesInUse": 0, "AccountMFAEnabled": 0, "AccountAccessKeysPresent": 0,
        }
    }  # fmt: skip


def get_account_authorization_details(call: Call, request: Request) -> Answer:
    """Page by page: users, groups, roles and managed policies, with their policies written out."""
    wanted = request.get("Filter") or ["User", "Group", "Role", "LocalManagedPolicy", "AWSManagedPolicy"]
    tx = call.tx
    found: list[Document] = []
    if "User" in wanted:
        found += [_named("UserDetailList", user, "UserName", _user(call, user)) for user in tx.select(store.USERS)]
    if "Group" in wanted:
        found += [_named("GroupDetailList", each, "GroupName", _group(each)) for each in tx.select(store.GROUPS)]
    if "Role" in wanted:
        found += [_named("RoleDetailList", role, "RoleName", _role(call, role)) for role in tx.select(store.ROLES)]
    policies = tx.select(store.POLICIES) if "LocalManagedPolicy" in wanted else []
    policies += store.aws_managed_policies() if "AWSManagedPolicy" in wanted else []
    found += [_named("Policies", each, "Arn", managed_policies.detail(call, each)) for each in policies]
    page, more = page_of_list(call, request, found, "key")
    lists: dict[str, Any] = {name: [] for name in ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")}
    for each in page:
        lists[each["list"]].append(each["shown"])
    return {**lists, **more}


def create_account_alias(call: Call, request: Request) -> Answer:
    """Names the account; it has one alias, the last one given."""
    alias = request["AccountAlias"]
    for known in call.tx.select(store.ALIASES):
        if known["alias"] == alias:
            raise already_exists("The account alias", alias)
        call.tx.remove(store.ALIASES, known["alias"])
    call.tx.add(store.ALIASES, {"alias": alias})
    return {}


def delete_account_alias(call: Call, request: Request) -> Answer:
    if not call.tx.remove(store.ALIASES, request["AccountAlias"]):
        raise no_such(f"The account alias {request['AccountAlias']} cannot be found.")
    return {}


def list_account_aliases(call: Call, request: Request) -> Answer:
    found, more = page_of_list(call, request, call.tx.select(store.ALIASES), "alias")
    return {"AccountAliases": [known["alias"] for known in found], **more}


def _named(list_name: str, document: Document, name: str, shown: dict[str, Any]) -> Document:
    return {"key": f"{list_name} {document[name]}", "list": list_name, "shown": shown}


def _user(call: Call, user: Document) -> dict[str, Any]:
    in_groups = [group["GroupName"] for group in store.groups_of(call.tx, user["UserName"])]
    return {**users.view(user), "GroupList": in_groups, **_policies("User", user)}


def _group(group: Document) -> dict[str, Any]:
    return {**groups.view(group), **_policies("Group", group)}


def _role(call: Call, role: Document) -> dict[str, Any]:
    shown = {
        name: value for name, value in roles.view(role).items() if name not in ("Description", "MaxSessionDuration")
    }
    profiles = call.tx.select(store.INSTANCE_PROFILES, {"role_name": role["RoleName"]})
    listed = [
        {m: p[m] for m in ("Path", "InstanceProfileName", "InstanceProfileId", "Arn", "CreateDate")} | {"Roles": []}
        for p in profiles
    ]
    return {**shown, "InstanceProfileList": listed, **_policies("Role", role)}


def _policies(word: str, entity: Document) -> dict[str, Any]:
    inline = [{"PolicyName": n, "PolicyDocument": on_the_wire(text)} for n, text in entity["policies"].items()]
    return {f"{word}PolicyList": inline, "AttachedManagedPolicies": attached_policies(entity)}


OPERATIONS: dict[str, Operation] = {
    "GetAccountSummary": reads(get_account_summary, iam("iam:GetAccountSummary")),
    "GetAccountAuthorizationDetails": reads(
        get_account_authorization_details, iam("iam:GetAccountAuthorizationDetails")
    ),
    "CreateAccountAlias": writes(create_account_alias, iam("iam:CreateAccountAlias")),
    "DeleteAccountAlias": writes(delete_account_alias, iam("iam:DeleteAccountAlias")),
    "ListAccountAliases": reads(list_account_aliases, iam("iam:ListAccountAliases")),
}
