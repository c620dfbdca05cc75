"""HTTP in and out for the members of a project."""

from pydantic import BaseModel

from twinplane.control_plane.http import Router, SignedIn, TheApp
from twinplane.control_plane.memberships import use_cases
from twinplane.control_plane.permissions import Permission

router = Router("members")


class MemberShown(BaseModel):
    name: str
    kind: str
    designation: str


class MemberList(BaseModel):
    items: list[MemberShown]


class NewMember(BaseModel):
    """`person` is a sign-in name."""

    person: str
    designation: str = "PROJECT_CONTRIBUTOR"


@router.route_for("GET", "/api/projects/{project_id}/members", Permission.USE_APP)
def list_members(app: TheApp, person: SignedIn, project_id: str) -> MemberList:
    """The members of a project you are in."""
    found = use_cases.list_members(app, person, project_id)
    return MemberList(items=[MemberShown(name=m.name, kind=m.kind, designation=m.designation) for m in found])


@router.route_for("POST", "/api/projects/{project_id}/members", Permission.USE_APP, status_code=201)
def add_member(app: TheApp, person: SignedIn, project_id: str, body: NewMember) -> MemberShown:
    """Adds a person to your project, or changes her designation; only owners may."""
    member = use_cases.add_member(app, person, project_id, body.person, body.designation)
    return MemberShown(name=member.name, kind=member.kind, designation=member.designation)


@router.route_for("DELETE", "/api/projects/{project_id}/members/{name}", Permission.USE_APP, status_code=204)
def remove_member(app: TheApp, person: SignedIn, project_id: str, name: str) -> None:
    """Removes a person from your project; only owners may."""
    use_cases.remove_member(app, person, project_id, name)
