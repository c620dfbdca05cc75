"""What people do with projects."""

from collections.abc import Mapping
from typing import Any

from twinplane.control_plane.errors import NotFound, NotPermitted, RefusedByRule
from twinplane.control_plane.identity import Person
from twinplane.control_plane.parts import App
from twinplane.control_plane.permissions import groups, principal
from twinplane.control_plane.policy.model import Entity
from twinplane.control_plane.projects import datazone, rules
from twinplane.control_plane.requests import use_cases as requests
from twinplane.control_plane.requests.model import Request
from twinplane.control_plane.requests.rules import first_approvals
from twinplane.mesh.model import Approver, DomainUnit, ProjectProfile

KIND = "project"
APPROVERS: tuple[Approver, ...] = ("owner", "steward", "privacy_officer", "platform_admin")


class NameTaken(RefusedByRule):
    """There is a project of this name."""


def request_project(
    app: App,
    person: Person,
    *,
    name: str,
    profile_name: str,
    unit_name: str,
    description: str,
    parameters: Mapping[str, Mapping[str, str]],
    reason: str,
) -> Request:
    """Asks for a project. Nothing is stored when the request breaks a rule."""
    profile, unit = _profile(app, profile_name), _unit(app, unit_name)
    rules.check_name(name)
    rules.check_parameters(profile, parameters)
    resource = Entity("Profile", profile.name, {"name": profile.name, "stage": profile.stage})
    context = {
        "in_unit": bool(person.groups & set(unit.members)),
        "owns_unit": person.name in unit.owners,
        "in_profile_groups": bool(person.groups & set(profile.may_create.groups)),
    }
    decision = app.policies.decide(principal(person), "request_project", resource, context, *groups(person))
    if not decision.allowed:
        raise NotPermitted(
            f"You may not request a project of {profile.name} in {unit.name}. {' '.join(decision.reasons)}",
            policy=decision.as_json(),
        )
    if datazone.find_project(app.data_plane.app, app.domain_id, name):
        raise NameTaken(f"There is a project called {name}. Choose another name.")
    asked = [
        approver
        for approver in APPROVERS
        if app.policies.decide(
            principal(person), "needs_approval", resource,
            {"approver": approver, "declared": list(profile.approvals.project)}, *groups(person),
        ).allowed
    ]  # fmt: skip
    request = requests.new_request(
        app, person, kind=KIND, title=f"Project {name} of {profile.name} in {unit.name}", reason=reason,
        body={
            "name": name, "profile": profile.name, "stage": profile.stage, "domain_unit": unit.name,
            "description": description, "parameters": {e: dict(v) for e, v in parameters.items()},
        },
        decision=decision,
        approvals=first_approvals(
            asked, {"people": list(unit.owners), "names": list(unit.owners)}, unit.owners, person.name
        ),
    )  # fmt: skip
    with app.database.write() as tx:
        requests.record(tx, request)
        return requests.submit(tx, app, request.id)


def list_projects(app: App, person: Person) -> list[dict[str, Any]]:
    """The projects that the person is in."""
    return [_shown(app, project) for project in datazone.list_projects(app.as_person(person), app.domain_id)]


def get_project(app: App, person: Person, project_id: str) -> dict[str, Any]:
    """A project that the person is in, with its environments. Raises `NotFound`."""
    clients = app.as_person(person)
    project = datazone.find_by_id(clients, app.domain_id, project_id)
    if project is None:
        raise NotFound(f"You are in no project {project_id}.")
    environments = datazone.list_environments(clients, app.domain_id, project_id)
    return _shown(app, project) | {
        "description": project.get("description", ""),
        "deployment_status": project.get("environmentDeploymentDetails", {}).get("overallDeploymentStatus"),
        "environments": [{"id": e["id"], "name": e["name"], "status": e.get("status", "ACTIVE")} for e in environments],
    }


def _shown(app: App, project: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": project["id"],
        "name": project["name"],
        "description": project.get("description", ""),
        "status": project.get("projectStatus", "ACTIVE"),
        "domain_id": app.domain_id,
        "domain_unit_id": project.get("domainUnitId"),
        "created_at": project.get("createdAt"),
    }


def _profile(app: App, name: str) -> ProjectProfile:
    try:
        return app.mesh.profile(name)
    except KeyError:
        known = ", ".join(p.name for p in app.mesh.profiles)
        raise NotFound(f"There is no project profile {name}. There are: {known}.") from None


def _unit(app: App, name: str) -> DomainUnit:
    try:
        return app.mesh.domain_unit(name)
    except KeyError:
        known = ", ".join(u.name for u in app.mesh.domain_units)
        raise NotFound(f"There is no domain unit {name}. There are: {known}.") from None
