"""User and group profiles: people, groups and IAM principals as a domain knows them."""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, reads, writes
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.datazone import access, rules, store
from twinplane.data_plane.services.iam import store as iam_store
from twinplane.data_plane.services.identitystore import store as identities
from twinplane.data_plane.store import AlreadyExists, Derived, Document, Transaction

NOTES = {
    "CreateUserProfile": "Profiles of sessions of IAM roles (IAM_ROLE_SESSION, sessionName) belong to IAM-based "
    "domains, which are not served.",
    "CreateGroupProfile": "The group of a role's sessions (rolePrincipalArn) can be a member and an owner, in any "
    "domain; in it are all who call as that role and not on behalf of a person. Nothing can be subscribed to for it.",
}
ASSUMED = {
    "CreateGroupProfile": "A role's ARN as groupIdentifier means the group of its sessions, as AWS's CI/CD client asks "
    "for it; the group is named like the role.",
    "CreateUserProfile": "A profile's id is the identity-store user's id; IAM principals have an id made of domain and "
    "ARN, and are ACTIVATED at once. Creating a profile again answers the one there is.",
    "UpdateUserProfile": "ASSIGNED may become NOT_ASSIGNED or DEACTIVATED, NOT_ASSIGNED only ASSIGNED, ACTIVATED only "
    "DEACTIVATED and back.",
    "UpdateGroupProfile": "Where people are assigned by hand, those of an assigned group are let in for as long as "
    "they are in it and it is assigned.",
    "SearchUserProfiles": "The text is looked for in sign-in name, first and last name, or the ARN.",
}
_PEOPLE = Derived("people of a domain", (store.USER_PROFILES, identities.USERS))
_GROUPS = Derived("groups of a domain", (store.GROUP_PROFILES, identities.GROUPS))
_Named = tuple[str, str]  # what a profile is found by, and its id
_USER = ("domainId", "id", "type", "status", "details")
_GROUP = ("domainId", "id", "status", "groupName", "rolePrincipalArn", "rolePrincipalId")


def create_user_profile(call: Call, request: Request) -> Answer:
    """Lets an identity-store user, or an IAM role or user, into the domain; for its administrators."""
    domain_id = request["domainIdentifier"]
    access.require_domain_admin(call, domain_id)
    if request.get("userType") == "IAM_ROLE_SESSION":
        raise rules.invalid("IAM_ROLE_SESSION profiles belong to IAM-based domains; this data plane has none.")
    profile = _find_user(call, domain_id, request["userIdentifier"])
    if profile is None:
        raise store.not_found("User", request["userIdentifier"])
    if request.get("userType") not in (None, profile["userType"]):
        raise rules.invalid(f"{request['userIdentifier']} is an {profile['userType']}, not an {request['userType']}.")
    stored = call.tx.find(store.USER_PROFILES, domain_id, profile["id"])
    if stored is not None and stored.pop("throughGroup", False):
        call.tx.put(store.USER_PROFILES, stored)
    if stored is None or stored["status"] == "NOT_ASSIGNED":
        status = "ACTIVATED" if profile["type"] == "IAM" else "ASSIGNED"
        stored = call.tx.put(store.USER_PROFILES, profile | {"status": status, "createdAt": call.now})
    return store.pick(stored, _USER)


def get_user_profile(call: Call, request: Request) -> Answer:
    """A user profile, by its id, sign-in name or ARN."""
    domain_id = request["domainIdentifier"]
    access.caller(call, domain_id)
    profile = get_user(call, domain_id, request["userIdentifier"])
    if request.get("type") not in (None, profile["type"]):
        raise store.not_found("User", request["userIdentifier"])
    return store.pick(profile, _USER)


_USER_MOVES = {
    "ASSIGNED": ("NOT_ASSIGNED", "DEACTIVATED"),
    "NOT_ASSIGNED": ("ASSIGNED",),
    "ACTIVATED": ("DEACTIVATED",),
    "DEACTIVATED": ("ACTIVATED",),
}


def update_user_profile(call: Call, request: Request) -> Answer:
    """Assigns, shuts out or lets in again a user; for domain administrators."""
    domain_id, status = request["domainIdentifier"], request["status"]
    access.require_domain_admin(call, domain_id)
    profile = get_user(call, domain_id, request["userIdentifier"])
    if status != profile["status"] and status not in _USER_MOVES[profile["status"]]:
        raise rules.invalid(f"A user profile that is {profile['status']} cannot become {status}.")
    call.tx.put(store.USER_PROFILES, {"createdAt": call.now} | profile | {"status": status})
    return store.pick(profile | {"status": status}, _USER)


def search_user_profiles(call: Call, request: Request) -> Answer:
    """User profiles of a kind whose name contains the text. SSO_USER also finds people who never came."""
    domain_id, wanted = request["domainIdentifier"], request["userType"]
    access.caller(call, domain_id)

    def listed() -> list[_Named]:
        profiles = _user_profiles(call.tx, domain_id, wanted).values()
        return _in_order(profiles, _user_text)

    def shown(profile_id: str) -> Document:
        stored = call.tx.find(store.USER_PROFILES, domain_id, profile_id)
        return stored or access.person_profile(call.tx, domain_id, profile_id, "NOT_ASSIGNED") or {}

    return _found(call, request, call.tx.derived(_PEOPLE, (domain_id, wanted), listed), shown, _USER)


def _user_profiles(tx: Transaction, domain_id: str, wanted: str) -> dict[str, Document]:
    kinds = {"DATAZONE_SSO_USER": "SSO", "DATAZONE_IAM_USER": "IAM"}
    profiles = {p["id"]: p for p in tx.select(store.USER_PROFILES, {"domainId": domain_id})}
    if wanted == "SSO_USER":
        profiles = {i: p for i, p in profiles.items() if p["type"] == "SSO"}
        for user in tx.select(identities.USERS):
            stranger = access.person_profile(tx, domain_id, user["UserId"], "NOT_ASSIGNED")
            if stranger is not None:
                profiles.setdefault(stranger["id"], stranger)
    elif wanted in kinds:
        profiles = {i: p for i, p in profiles.items() if p["type"] == kinds[wanted]}
    return profiles


def _user_text(profile: Document) -> str:
    return " ".join([profile["name"], *(str(v) for v in profile["details"].get("sso", {}).values())])


def create_group_profile(call: Call, request: Request) -> Answer:
    """Lets an identity-store group, or a group of a role's sessions, into the domain; for its administrators."""
    domain_id, identifier = request["domainIdentifier"], request.get("groupIdentifier")
    access.require_domain_admin(call, domain_id)
    role_arn = request.get("rolePrincipalArn")
    if (identifier is None) == (role_arn is None):
        raise rules.invalid("A group profile is made of a groupIdentifier or of a rolePrincipalArn.")
    named = str(role_arn or identifier)
    if role_arn is not None or named.startswith("arn:"):
        return store.pick(_put_role_group(call, domain_id, named), _GROUP)
    profile = _find_group(call, domain_id, named)
    if profile is None:
        raise rules.invalid(f"Group {named} is not in IAM Identity Center.")
    return store.pick(_put_group(call, profile | {"status": "ASSIGNED"}), _GROUP)


def _put_group(call: Call, profile: Document) -> Document:
    """Stores a group profile. Raises ValidationException when the domain has another group of its name."""
    try:
        return call.tx.put(store.GROUP_PROFILES, profile)
    except AlreadyExists:
        raise rules.invalid(f"The domain has another group named {profile['groupName']}.") from None


def _put_role_group(call: Call, domain_id: str, role_arn: str) -> Document:
    role = iam_store.find_role_by_arn(call.tx, role_arn)
    if role is None:
        raise rules.invalid(f"There is no role {role_arn} in account {call.account_id}, nor such a group in an IdP.")
    return _put_group(call, {
        "domainId": domain_id, "id": rules.profile_id_of_role_group(domain_id, role_arn), "status": "ASSIGNED",
        "groupName": role["RoleName"], "rolePrincipalArn": role_arn, "rolePrincipalId": role["RoleId"],
    })  # fmt: skip


def get_group_profile(call: Call, request: Request) -> Answer:
    """A group profile, by its id or name."""
    access.caller(call, request["domainIdentifier"])
    return store.pick(get_group(call, request["domainIdentifier"], request["groupIdentifier"]), _GROUP)


def update_group_profile(call: Call, request: Request) -> Answer:
    """Assigns a group to the domain or ends that; for domain administrators."""
    domain_id = request["domainIdentifier"]
    access.require_domain_admin(call, domain_id)
    profile = get_group(call, domain_id, request["groupIdentifier"]) | {"status": request["status"]}
    return store.pick(_put_group(call, profile), _GROUP)


def search_group_profiles(call: Call, request: Request) -> Answer:
    """Group profiles whose name contains the text. SSO_GROUP also finds groups that are not in the domain."""
    domain_id, wanted = request["domainIdentifier"], request["groupType"]
    access.caller(call, domain_id)

    def listed() -> list[_Named]:
        profiles = _group_profiles(call.tx, domain_id, wanted).values()
        return _in_order(profiles, lambda profile: str(profile["groupName"]))

    def shown(profile_id: str) -> Document:
        return _find_group(call, domain_id, profile_id) or {}

    return _found(call, request, call.tx.derived(_GROUPS, (domain_id, wanted), listed), shown, _GROUP)


def _group_profiles(tx: Transaction, domain_id: str, wanted: str) -> dict[str, Document]:
    of_roles = wanted == "IAM_ROLE_SESSION_GROUP"
    known = tx.select(store.GROUP_PROFILES, {"domainId": domain_id})
    profiles = {p["id"]: p for p in known if ("rolePrincipalArn" in p) == of_roles}
    if wanted == "SSO_GROUP":
        for group in tx.select(identities.GROUPS):
            profiles.setdefault(group["GroupId"], _group_profile(domain_id, group, "NOT_ASSIGNED"))
    return profiles


def get_user(call: Call, domain_id: str, identifier: str) -> Document:
    """The profile with this id, sign-in name or ARN. Raises ResourceNotFoundException.

    Every person of the identity store has one, stored or not; IAM roles and users have one once they are let in.
    """
    profile = _find_user(call, domain_id, identifier)
    if profile is None or (profile["type"] == "IAM" and not profile.get("createdAt")):
        raise store.not_found("User", identifier)
    return profile


def ensure_user(call: Call, domain_id: str, identifier: str) -> Document:
    """The profile of whoever is given something in the domain: stored now, if it was not. IAM principals included."""
    profile = _find_user(call, domain_id, identifier)
    if profile is None:
        raise store.not_found("User", identifier)
    if not profile.get("createdAt"):
        call.tx.put(store.USER_PROFILES, profile | {"createdAt": call.now})
    return profile


def get_group(call: Call, domain_id: str, identifier: str) -> Document:
    """The profile of the group with this id or name. Raises ResourceNotFoundException."""
    profile = _find_group(call, domain_id, identifier)
    if profile is None:
        raise store.not_found("Group", identifier)
    return profile


def _find_user(call: Call, domain_id: str, identifier: str) -> Document | None:
    tx = call.tx
    known = tx.find(store.USER_PROFILES, domain_id, identifier) or tx.first(
        store.USER_PROFILES, {"domainId": domain_id, "name": identifier}
    )
    if known is not None:
        return known
    if identifier.startswith("arn:"):
        return _iam_profile(call, domain_id, identifier)
    user = identities.get_user(tx, identifier) or identities.find_user(tx, identifier)
    if user is None:
        return None
    stored = tx.find(store.USER_PROFILES, domain_id, rules.profile_id_of_user(user["UserId"]))
    return stored or access.person_profile(tx, domain_id, user["UserId"], "ASSIGNED")


def _iam_profile(call: Call, domain_id: str, arn: str) -> Document | None:
    kind, _, name = arn.rpartition(":")[2].partition("/")
    name = name.rpartition("/")[2]
    if kind == "role":
        known = iam_store.find_role_by_arn(call.tx, arn)
        return None if known is None else access.iam_profile(domain_id, "IAM_ROLE", arn)
    entity = iam_store.find_user(call.tx, name) if kind == "user" else None
    return None if entity is None or entity["Arn"] != arn else access.iam_profile(domain_id, "IAM_USER", arn)


def _find_group(call: Call, domain_id: str, identifier: str) -> Document | None:
    group = identities.get_group(call.tx, identifier) or identities.find_group(call.tx, identifier)
    if group is None:
        return _find_role_group(call, domain_id, identifier)
    stored = call.tx.find(store.GROUP_PROFILES, domain_id, group["GroupId"])
    return stored or _group_profile(domain_id, group, "NOT_ASSIGNED")


def _find_role_group(call: Call, domain_id: str, identifier: str) -> Document | None:
    """The group of a role's sessions, by its id, its name or the role's ARN; once it was made."""
    key = rules.profile_id_of_role_group(domain_id, identifier) if identifier.startswith("arn:") else identifier
    known = call.tx.find(store.GROUP_PROFILES, domain_id, key)
    known = known or call.tx.first(store.GROUP_PROFILES, {"domainId": domain_id, "groupName": identifier})
    return known if known is not None and "rolePrincipalArn" in known else None


def _group_profile(domain_id: str, group: Document, status: str) -> Document:
    return {"domainId": domain_id, "id": group["GroupId"], "groupName": group["DisplayName"], "status": status}


def _in_order(profiles: Iterable[Document], text: Callable[[Document], str]) -> list[_Named]:
    return sorted((text(profile), str(profile["id"])) for profile in profiles)


def _found(
    call: Call, request: Request, known: list[_Named], get: Callable[[str], Document], shown: tuple[str, ...]
) -> Answer:
    """A page of those whose text contains what is searched for: `known` is in order, and looked through from there."""
    wanted = request.get("searchText", "").casefold()

    def matching(after: list[Any] | None, limit: int) -> list[Document]:
        begins = bisect_right(known, (after[0], after[1])) if after else 0
        found = (named for named in islice(known, begins, None) if wanted in named[0].casefold())
        return [{"key": list(named)} for named in islice(found, limit)]

    rows, token = page(call, request, matching, lambda row: list(row["key"]), most=50)
    return {"items": [store.pick(get(row["key"][1]), shown) for row in rows], "nextToken": token}


OPERATIONS: dict[str, Operation] = {
    "CreateUserProfile": writes(create_user_profile, access.allowed("CreateUserProfile")),
    "GetUserProfile": reads(get_user_profile, access.allowed("GetUserProfile")),
    "UpdateUserProfile": writes(update_user_profile, access.allowed("UpdateUserProfile")),
    "SearchUserProfiles": reads(search_user_profiles, access.allowed("SearchUserProfiles")),
    "CreateGroupProfile": writes(create_group_profile, access.allowed("CreateGroupProfile")),
    "GetGroupProfile": reads(get_group_profile, access.allowed("GetGroupProfile")),
    "UpdateGroupProfile": writes(update_group_profile, access.allowed("UpdateGroupProfile")),
    "SearchGroupProfiles": reads(search_group_profiles, access.allowed("SearchGroupProfiles")),
}
