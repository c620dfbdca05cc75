"""Projects: made from a profile, with their environments deployed behind the answer."""

import heapq
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, new_id, reads, writes
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.datazone import (
    access,
    environments,
    events,
    glossaries,
    handed_roles,
    memberships,
    people,
    policy_rules,
    project_contents,
    provisioning,
    rights,
    rules,
    store,
)
from twinplane.data_plane.store import Document
from twinplane.data_plane.tasks import enqueue

_SHOWN = (
    "domainId",
    "id",
    "name",
    "description",
    "projectStatus",
    "failureReasons",
    "createdBy",
    "createdAt",
    "lastUpdatedAt",
    "resourceTags",
    "glossaryTerms",
    "domainUnitId",
    "projectProfileId",
    "userParameters",
    "tags",
    "environmentDeploymentDetails",
    "projectCategory",
)
_LISTED = (
    "domainId",
    "id",
    "name",
    "description",
    "projectStatus",
    "failureReasons",
    "createdBy",
    "createdAt",
    "domainUnitId",
    "projectCategory",
)

NOTES = {
    "CreateProject": "Accounts other than this plane's (environmentResolvedAccount) are refused.",
    "DeleteProject": "Removes what people have put into the project too when skipDeletionCheck is given, and revokes "
    "subscriptions first.",
}
ASSUMED = {
    "CreateProject": "The projectExecutionRole is the role that members work with in place of one that is made. Of "
    "customerProvidedRoleConfigs, which only the model in AWS's own library has, the first role "
    "is the project's; it is neither changed nor removed with the project. It takes iam:PassRole, and must let "
    "DataZone assume it.",
    "ListProjects": "In the order of names.",
    "UpdateProject": "userParameters or projectProfileVersion deploy again what failed before; a move between domain "
    "units takes a grant to create such projects in the new one.",
}

_READ_AT_ONCE = 51  # memberships: those of a page of projects


def create_project(call: Call, request: Request) -> Answer:
    """Makes a project, owned by its creator, and asks for the environments that its profile makes with it."""
    domain_id = request["domainIdentifier"]
    domain = store.get_domain(call.tx, domain_id)
    if domain["status"] != "AVAILABLE":
        raise rules.conflict(f"Domain {domain_id} is {domain['status']}.")
    unit_id = request.get("domainUnitId") or domain["rootDomainUnitId"]
    profile = _profile(call, domain_id, request.get("projectProfileId"))
    who = _require_may_create(call, domain_id, unit_id, profile)
    _check_name_free(call, domain_id, request["name"])
    glossaries.usable_terms(call.tx, domain_id, request.get("glossaryTerms", []))
    given = request.get("userParameters", [])
    made_with_it = _environments(profile, given)
    tags = rules.resource_tags(
        profile.get("projectResourceTags", []) if profile else [],
        profile is None or profile["allowCustomProjectResourceTags"],
        request.get("resourceTags", {}),
    )
    project: Document = {
        **store.pick(request, ("name", "description", "glossaryTerms", "projectCategory", "tags")),
        "domainId": domain_id,
        "id": new_id(),
        "projectStatus": "ACTIVE",
        "createdBy": who.id,
        "createdAt": call.now,
        "lastUpdatedAt": call.now,
        "resourceTags": tags,
        "domainUnitId": unit_id,
        "projectProfileId": profile["id"] if profile else None,
        "userParameters": given,
    }
    brought = [config["roleArn"] for config in request.get("customerProvidedRoleConfigs", [])[:1]]
    brought = [request["projectExecutionRole"]] if request.get("projectExecutionRole") else brought
    for role_arn in brought:
        handed_roles.take_for_project(call, domain_id, role_arn)
        project["customerProvidedRoleArn"] = role_arn
    if made_with_it:
        project["environmentDeploymentDetails"] = {"overallDeploymentStatus": "PENDING_DEPLOYMENT"}
    call.tx.add(store.PROJECTS, project)
    events.tell(
        call.tx, call.plane, "Project Creation Succeeded", project, "Project", project_id=project["id"],
        projectName=project["name"], projectProfileId=project["projectProfileId"],
    )  # fmt: skip
    memberships.add(call, project, "user", who.id, rights.OWNER)
    for assignment in request.get("membershipAssignments", []):
        made = assignment.get("userCreatedDesignationId")
        memberships.add_member(call, project, assignment["member"], assignment["designation"], made)
    for configuration, values in made_with_it:
        environments.add(call, project, configuration, values, created_by=who.id, on_create=True)
    if made_with_it:
        enqueue(call.tx, call.plane, "datazone.deploy", project["id"], domain_id=domain_id)
    return store.pick(project, _SHOWN)


def get_project(call: Call, request: Request) -> Answer:
    """A project, for its members and the domain's administrators."""
    access.require_project_role(call, request["domainIdentifier"], request["identifier"])
    return store.pick(store.get_project(call.tx, request["domainIdentifier"], request["identifier"]), _SHOWN)


def list_projects(call: Call, request: Request) -> Answer:
    """The projects the caller is in (administrators of the domain: all), by name."""
    domain_id = request["domainIdentifier"]
    who = access.caller(call, domain_id)
    circles: list[list[str]] = []  # of members: a project is listed when each circle has one of its members
    if not access.is_domain_admin(call.tx, domain_id, who):
        circles.append([who.id, *who.group_ids])
    for member, find in (("userIdentifier", people.get_user), ("groupIdentifier", people.get_group)):
        if request.get(member):
            circles.append([find(call, domain_id, request[member])["id"]])
    where = {"domainId": domain_id} | {m: request[m] for m in ("name", "projectCategory") if request.get(m)}

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        if not circles:
            return call.tx.select(
                store.PROJECTS, where, order=("name",), limit=limit, after=after and [after[0], domain_id, after[1]]
            )
        found = []
        for name, project_id in _names(call, domain_id, circles, request.get("name"), after):
            project = call.tx.find(store.PROJECTS, domain_id, project_id)
            if project is not None and project["name"] == name and where.items() <= project.items():
                found.append(project)
            if len(found) == limit:
                break
        return found

    rows, token = page(call, request, fetch, lambda project: [project["name"], project["id"]], most=50)
    items = [store.pick(row, _LISTED) | {"updatedAt": row["lastUpdatedAt"]} for row in rows]
    return {"items": items, "nextToken": token}


def _names(
    call: Call, domain_id: str, circles: list[list[str]], name: str | None, after: list[Any] | None
) -> Iterator[tuple[str, str]]:
    """Names and ids, in their order, of the projects in which each circle has a member."""
    own = []
    if call.principal.project is not None and call.principal.project.domain_id == domain_id:
        project = call.tx.find(store.PROJECTS, domain_id, call.principal.project.project_id)
        if project is not None and (after is None or [project["name"], project["id"]] > after):
            own = [(project["name"], project["id"])]
    streams = [_names_of_member(call, domain_id, member, name, after) for member in circles[0]]
    for listed, _ in groupby(heapq.merge(own, *streams)):
        others = [{"domainId": domain_id, "projectId": listed[1], "memberId": circle} for circle in circles[1:]]
        if all(call.tx.first(store.MEMBERSHIPS, other) for other in others):
            yield listed


def _names_of_member(
    call: Call, domain_id: str, member_id: str, name: str | None, after: list[Any] | None
) -> Iterator[tuple[str, str]]:
    where = {"domainId": domain_id, "memberId": member_id} | ({"projectName": name} if name else {})
    behind = None if after is None else [after[0], after[1], domain_id, "\uffff", member_id]
    while rows := call.tx.select(
        store.MEMBERSHIPS, where, order=("projectName", "projectId"), after=behind, limit=_READ_AT_ONCE
    ):
        for row in rows:
            yield row["projectName"], row["projectId"]
        behind = [row["projectName"], row["projectId"], domain_id, row["memberType"], member_id]


def update_project(call: Call, request: Request) -> Answer:
    """Changes a project, or moves it to another domain unit where the caller may create projects; for its owners.

    `projectProfileVersion` brings its environments to what the profile says now; that or `userParameters` deploys
    again what failed before.
    """
    domain_id = request["domainIdentifier"]
    access.require_project_role(call, domain_id, request["identifier"])
    project = store.get_project(call.tx, domain_id, request["identifier"])
    if project["projectStatus"] != "ACTIVE":
        raise rules.conflict(f"Project {project['id']} is {project['projectStatus']}.")
    profile = _profile(call, domain_id, project["projectProfileId"], enabled=False)
    if request.get("name") not in (None, project["name"]):
        _check_name_free(call, domain_id, request["name"])
        memberships.rename_project(call.tx, project, request["name"])
    if request.get("domainUnitId") not in (None, project["domainUnitId"]):
        _move(call, project, request["domainUnitId"], profile)
    glossaries.usable_terms(call.tx, domain_id, request.get("glossaryTerms", []))
    project |= store.pick(request, ("name", "description", "glossaryTerms"))
    if _change_environments(call, project, profile, request):
        enqueue(call.tx, call.plane, "datazone.deploy", project["id"], domain_id=domain_id)
    project["lastUpdatedAt"] = call.now
    call.tx.put(store.PROJECTS, project)
    return store.pick(project, _SHOWN)


def _move(call: Call, project: Document, unit_id: str, profile: Document | None) -> None:
    who = _require_may_create(call, project["domainId"], unit_id, profile)
    project["domainUnitId"] = unit_id
    here = {"domainId": project["domainId"], "projectId": project["id"]}
    for connection in call.tx.select(store.CONNECTIONS, here):
        call.tx.put(store.CONNECTIONS, connection | {"domainUnitId": unit_id})
    events.tell(
        call.tx, call.plane, "Project Moved Between Domain Unit", project, "Project", project_id=project["id"],
        by=who.id, projectName=project["name"], domainUnitId=unit_id,
    )  # fmt: skip


def _change_environments(call: Call, project: Document, profile: Document | None, request: Request) -> bool:
    """Marks what the request changes of a project's environments; whether there is something to deploy then."""
    version, given, tags = (request.get(m) for m in ("projectProfileVersion", "userParameters", "resourceTags"))
    if version not in (None, "latest"):
        raise rules.invalid(f"projectProfileVersion must be latest, not {version}.")
    if version is not None:
        if profile is None:
            raise rules.invalid(f"Project {project['id']} has no project profile.")
        environments.follow_profile(call, project)
    if tags is not None:
        project["resourceTags"] = rules.resource_tags(
            profile.get("projectResourceTags", []) if profile else [],
            profile is None or profile["allowCustomProjectResourceTags"],
            tags,
        )
        environments.redeploy(call, project, "ACTIVE")
    if given:
        environments.update_parameters(call, project, given)
        project["userParameters"] = given
    if version is not None or given:
        environments.retry_failed(call, project)
        project["environmentDeploymentDetails"] = {"overallDeploymentStatus": "PENDING_DEPLOYMENT"}
    return version is not None or bool(given) or tags is not None


def delete_project(call: Call, request: Request) -> Answer:
    """Removes a project with everything that was provisioned for it; its name is free again when that is done.

    What people have put into it goes along only with `skipDeletionCheck`; subscriptions to it are revoked then.
    """
    domain_id = request["domainIdentifier"]
    access.require_project_role(call, domain_id, request["identifier"])
    project = store.get_project(call.tx, domain_id, request["identifier"])
    if project["projectStatus"] == "DELETING":
        return {}
    found = project_contents.kinds_found(call.tx, domain_id, project["id"])
    if found and not request.get("skipDeletionCheck"):
        raise rules.invalid(f"{', '.join(found)} found in project {project['id']}: delete or end them first.")
    provisioning.ask_for_removal(call.tx, call.plane, project)
    return {}


def _profile(call: Call, domain_id: str, profile_id: str | None, *, enabled: bool = True) -> Document | None:
    if profile_id is None:
        return None
    profile = store.found(call.tx, store.PROJECT_PROFILES, "Project profile", domain_id, profile_id)
    if enabled and profile["status"] != "ENABLED":
        raise rules.invalid(f"Project profile {profile['name']} is not enabled.")
    return profile


def _require_may_create(call: Call, domain_id: str, unit_id: str, profile: Document | None) -> access.Caller:
    """Creating a project takes a grant; owning the domain unit is not one."""
    who = access.caller(call, domain_id)
    unit_ids = [unit["id"] for unit in store.unit_path(call.tx, domain_id, unit_id)]
    right = rights.RIGHTS["CreateProject" if profile is None else "CreateProject with a profile"]
    grants = access.policy_grants(call.tx, domain_id, unit_ids, right.policy or "")
    if profile is not None:
        grants = [grant for grant in grants if policy_rules.allows_profile(grant, profile["id"])]
    if not policy_rules.is_granted(grants, unit_id, access.subject_of(call.tx, domain_id, who, grants)):
        raise access.denied(call)
    return who


def _check_name_free(call: Call, domain_id: str, name: str) -> None:
    known = call.tx.first(store.PROJECTS, {"domainId": domain_id, "name": name})
    if known is None:
        return
    who = access.caller(call, domain_id)
    is_seen = access.project_role(call.tx, domain_id, known["id"], who) or access.is_domain_admin(
        call.tx, domain_id, who
    )
    raise rules.conflict(f"Conflict with project {known['id']}" if is_seen else f"The name {name} is taken.")


def _environments(profile: Document | None, given: list[dict[str, Any]]) -> list[tuple[Document, rules.Parameters]]:
    """The environments made with a project, with their parameters, in the order they are deployed."""
    configurations = profile["environmentConfigurations"] if profile else []
    made = [c for c in configurations if c["deploymentMode"] == "ON_CREATE"]
    chosen: dict[str, list[dict[str, Any]]] = {}
    for parameters in given:
        name = parameters.get("environmentConfigurationName", "")
        if parameters.get("environmentResolvedAccount"):
            raise rules.invalid("environmentResolvedAccount: account pools are not served by this data plane.")
        if all(name != c["name"] for c in made):
            known = ", ".join(c["name"] for c in made) or "none"
            raise rules.invalid(
                f"userParameters name environment configuration {name!r}; made on creation are: {known}."
            )
        chosen.setdefault(name, []).extend(parameters.get("environmentParameters", []))
    return [
        (c, environments.parameters_of(c, chosen.get(c["name"], [])))
        for c in sorted(made, key=lambda c: int(c["deploymentOrder"]))
    ]


OPERATIONS: dict[str, Operation] = {
    "CreateProject": writes(create_project, access.allowed("CreateProject")),
    "GetProject": reads(get_project, access.allowed("GetProject")),
    "ListProjects": reads(list_projects, access.allowed("ListProjects")),
    "UpdateProject": writes(update_project, access.allowed("UpdateProject")),
    "DeleteProject": writes(delete_project, access.allowed("DeleteProject")),
}
