"""Who is in a project, and as what."""

from collections.abc import Callable
from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, reads, writes
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.datazone import access, events, people, policy_rules, rights, rules, store
from twinplane.data_plane.services.datazone.paging import list_page
from twinplane.data_plane.services.identitystore import store as identities
from twinplane.data_plane.store import Document, Transaction

ASSUMED = {
    "ListProjectMemberships": "Members are listed by type and id, and by name when a sort is asked for.",
    "CreateProjectMembership": "Whoever may assume the ownership of projects (OVERRIDE_PROJECT_OWNERS) may add members "
    "with every designation, as owners of the project may.",
    "DeleteProjectMembership": "The last owner of a project stays. Credentials and sessions of the member end at once.",
}

FindUser = Callable[[Call, str, str], Document]


def create_project_membership(call: Call, request: Request) -> Answer:
    """Adds a user or group to a project; for its owners, and for those who may assume its ownership."""
    domain_id = request["domainIdentifier"]
    project = store.get_project(call.tx, domain_id, request["projectIdentifier"])
    access.require_project_role(call, domain_id, project["id"])
    made = request.get("userCreatedDesignationId") or request.get("designationId")
    add_member(call, project, request["member"], request["designation"], made)
    return {}


def list_project_memberships(call: Call, request: Request) -> Answer:
    """The members of a project; for its members."""
    domain_id = request["domainIdentifier"]
    access.require_project_role(call, domain_id, request["projectIdentifier"])
    where = {"domainId": domain_id, "projectId": request["projectIdentifier"]}
    if request.get("sortBy") or request.get("sortOrder"):
        named = sorted(
            call.tx.select(store.MEMBERSHIPS, where),
            key=lambda row: (_name(call.tx, row), row["memberId"]),
            reverse=request.get("sortOrder") == "DESCENDING",
        )
        rows, token = list_page(call, request, named)
        return {"members": [_answer(row) for row in rows], "nextToken": token}
    rows, token = page(
        call,
        request,
        lambda after, limit: call.tx.select(store.MEMBERSHIPS, where, after=after, limit=limit),
        lambda row: list(store.MEMBERSHIPS.key_of(row)),
        most=50,
    )
    return {"members": [_answer(row) for row in rows], "nextToken": token}


def _name(tx: Transaction, membership: Document) -> str:
    """What members are sorted by: the sign-in name or ARN of a user, the name of a group."""
    domain_id, member_id = membership["domainId"], membership["memberId"]
    if membership["memberType"] == "user":
        profile = tx.find(store.USER_PROFILES, domain_id, member_id)
        return str(profile["name"] if profile else "").casefold()
    profile = tx.find(store.GROUP_PROFILES, domain_id, member_id)
    group = {} if profile else identities.get_group(tx, member_id) or {}
    return str(profile["groupName"] if profile else group.get("DisplayName", "")).casefold()


def delete_project_membership(call: Call, request: Request) -> Answer:
    """Takes a user or group out of a project; for its owners. The last owner stays. Sessions of theirs end with it."""
    domain_id, project_id = request["domainIdentifier"], request["projectIdentifier"]
    access.require_project_role(call, domain_id, project_id)
    member_type, member_id = _member(call, domain_id, request["member"])
    membership = call.tx.find(store.MEMBERSHIPS, domain_id, project_id, member_type, member_id)
    if membership is None:
        raise rules.invalid(f"The {member_type} {member_id} is not in the project.")
    held = [
        m["designation"] for m in call.tx.select(store.MEMBERSHIPS, {"domainId": domain_id, "projectId": project_id})
    ]
    rules.check_owner_may_leave(held, membership["designation"])
    call.tx.remove(store.MEMBERSHIPS, domain_id, project_id, member_type, member_id)
    _tell(call, "Removal", store.get_project(call.tx, domain_id, project_id), member_type, member_id)
    return {}


def add_member(
    call: Call, project: Document, member: dict[str, Any], designation: str, made: str | None = None
) -> None:
    """Adds a member from the pool of the project's domain unit. Raises AccessDeniedException, ValidationException.

    `made`: the id of a designation of the domain's own, with USER_CREATED_DESIGNATION.
    """
    if designation not in rights.DESIGNATIONS:
        raise rules.invalid(f"Designation {designation} is not served; use one of {', '.join(rights.DESIGNATIONS)}.")
    domain_id = project["domainId"]
    if (designation == rights.CUSTOM) != bool(made):
        raise rules.invalid(f"userCreatedDesignationId is given with {rights.CUSTOM}, and with it only.")
    if made:
        store.found(call.tx, store.DESIGNATIONS, "Designation", domain_id, made)
    member_type, member_id = _member(call, domain_id, member, find_user=people.ensure_user)
    if call.tx.find(store.MEMBERSHIPS, domain_id, project["id"], member_type, member_id) is not None:
        raise rules.invalid(f"The {member_type} {member_id} is already in the project.")
    unit_ids = [unit["id"] for unit in store.unit_path(call.tx, domain_id, project["domainUnitId"])]
    pools = access.policy_grants(call.tx, domain_id, unit_ids, "ADD_TO_PROJECT_MEMBER_POOL")
    if not policy_rules.is_in_member_pool(pools, unit_ids, _subject(call, member_type, member_id)):
        raise access.denied(call)
    add(call, project, member_type, member_id, designation, made)


def add(
    call: Call, project: Document, member_type: str, member_id: str, designation: str, made: str | None = None
) -> None:
    """Stores a membership that was decided upon."""
    call.tx.add(
        store.MEMBERSHIPS,
        ({"userCreatedDesignationId": made} if made else {})
        | {
            "domainId": project["domainId"],
            "projectId": project["id"],
            "projectName": project["name"],
            "memberType": member_type,
            "memberId": member_id,
            "designation": designation,
            "createdAt": call.now,
        },
    )
    _tell(call, "Addition", project, member_type, member_id, designation)


def rename_project(tx: Transaction, project: Document, name: str) -> None:
    """Has the memberships of a project know its new name."""
    for membership in tx.select(store.MEMBERSHIPS, {"domainId": project["domainId"], "projectId": project["id"]}):
        tx.put(store.MEMBERSHIPS, membership | {"projectName": name})


def _tell(
    call: Call, moment: str, project: Document, member_type: str, member_id: str, designation: str | None = None
) -> None:
    events.tell(
        call.tx, call.plane, f"Project Member {moment} Succeeded", project, "ProjectMembership",
        project_id=project["id"], memberType=member_type.upper(), memberId=member_id, designation=designation,
    )  # fmt: skip


def _subject(call: Call, member_type: str, member_id: str) -> policy_rules.Subject:
    if member_type == "group":
        return policy_rules.Subject("", (member_id,))
    return policy_rules.Subject(member_id, identities.group_ids(call.tx, member_id))


def _member(
    call: Call, domain_id: str, member: dict[str, Any], *, find_user: FindUser = people.get_user
) -> tuple[str, str]:
    kind, identifier = rules.exactly_one(member, "member")
    if kind == "userIdentifier":
        return "user", find_user(call, domain_id, identifier)["id"]
    return "group", people.get_group(call, domain_id, identifier)["id"]


def _answer(membership: Document) -> Answer:
    kind = membership["memberType"]
    answer = {
        "memberDetails": {kind: {f"{kind}Id": membership["memberId"]}},
        "designation": membership["designation"],
    }
    made = membership.get("userCreatedDesignationId")
    return answer | ({"userCreatedDesignationId": made, "designationId": made} if made else {})


OPERATIONS: dict[str, Operation] = {
    "CreateProjectMembership": writes(create_project_membership, access.allowed("CreateProjectMembership")),
    "ListProjectMemberships": reads(list_project_memberships, access.allowed("ListProjectMemberships")),
    "DeleteProjectMembership": writes(delete_project_membership, access.allowed("DeleteProjectMembership")),
}
