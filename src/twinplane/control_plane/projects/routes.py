"""HTTP in and out for projects, profiles and domain units."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from twinplane.control_plane.http import Router, SignedIn, TheApp
from twinplane.control_plane.permissions import Permission
from twinplane.control_plane.projects import use_cases
from twinplane.control_plane.requests.routes import RequestShown, shown

router = Router("projects")


class ParameterShown(BaseModel):
    name: str
    value: str
    editable: bool


class EnvironmentShown(BaseModel):
    name: str
    blueprint: str
    mode: str
    parameters: list[ParameterShown]


class ProfileShown(BaseModel):
    """A project profile. `approvers` must agree to a new project, one after another; none: approved at once."""

    name: str
    stage: str
    description: str
    environments: list[EnvironmentShown]
    approvers: list[str]


class ProfileList(BaseModel):
    items: list[ProfileShown]


class DomainUnitShown(BaseModel):
    """`mine`: you are one of its members or owners."""

    name: str
    description: str
    parent: str | None
    owners: list[str]
    members: list[str]
    mine: bool


class DomainUnitList(BaseModel):
    items: list[DomainUnitShown]


class ProjectRequest(BaseModel):
    """What is asked for. `parameters` are those the profile leaves open: {environment: {name: value}}."""

    name: str = Field(min_length=1, max_length=64)
    profile: str
    domain_unit: str
    description: str = Field(default="", max_length=2048)
    parameters: dict[str, dict[str, str]] = {}
    reason: str = Field(min_length=1, max_length=4000)


class ProjectShown(BaseModel):
    id: str
    name: str
    description: str
    status: str
    domain_id: str
    domain_unit_id: str | None
    created_at: datetime | None


class ProjectDetails(ProjectShown):
    deployment_status: str | None
    environments: list[dict[str, Any]]


class ProjectList(BaseModel):
    items: list[ProjectShown]


@router.route_for("GET", "/api/profiles", Permission.USE_APP)
def list_profiles(app: TheApp) -> ProfileList:
    """The project profiles, with what each locks and who must agree."""
    return ProfileList(
        items=[
            ProfileShown(
                name=profile.name,
                stage=profile.stage,
                description=profile.description,
                environments=[
                    EnvironmentShown(
                        name=e.name,
                        blueprint=e.blueprint,
                        mode=e.mode,
                        parameters=[
                            ParameterShown(name=name, value=p.value, editable=p.editable)
                            for name, p in e.parameters.items()
                        ],
                    )
                    for e in profile.environments
                ],
                approvers=list(profile.approvals.project),
            )
            for profile in app.mesh.profiles
        ]
    )


@router.route_for("GET", "/api/domain-units", Permission.USE_APP)
def list_domain_units(app: TheApp, person: SignedIn) -> DomainUnitList:
    """The domain units of the mesh."""
    return DomainUnitList(
        items=[
            DomainUnitShown(
                name=unit.name, description=unit.description, parent=unit.parent, owners=list(unit.owners),
                members=list(unit.members),
                mine=person.name in unit.owners or bool(person.groups & set(unit.members)),
            )
            for unit in app.mesh.domain_units
        ]
    )  # fmt: skip


@router.route_for("POST", "/api/requests/project", Permission.USE_APP, status_code=201)
def create_project_request(app: TheApp, person: SignedIn, body: ProjectRequest) -> RequestShown:
    """Asks for a project. A locked parameter that is altered is refused, naming it, before anything is stored."""
    request = use_cases.request_project(
        app, person, name=body.name, profile_name=body.profile, unit_name=body.domain_unit,
        description=body.description, parameters=body.parameters, reason=body.reason,
    )  # fmt: skip
    return shown(app, person, request)


@router.route_for("GET", "/api/projects", Permission.USE_APP)
def list_projects(app: TheApp, person: SignedIn) -> ProjectList:
    """The projects you are in."""
    return ProjectList(items=[ProjectShown(**project) for project in use_cases.list_projects(app, person)])


@router.route_for("GET", "/api/projects/{project_id}", Permission.USE_APP)
def get_project(app: TheApp, person: SignedIn, project_id: str) -> ProjectDetails:
    """A project you are in, with its environments."""
    return ProjectDetails(**use_cases.get_project(app, person, project_id))
