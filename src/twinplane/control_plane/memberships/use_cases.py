"""What people do with the members of a project. DataZone decides, because it is called as the person."""

from dataclasses import dataclass

from botocore.exceptions import ClientError

from twinplane.control_plane.audit import records as audit
from twinplane.control_plane.aws import Clients, code_of
from twinplane.control_plane.errors import BadRequest, Conflict, NotFound, NotPermitted
from twinplane.control_plane.identity import Person
from twinplane.control_plane.memberships import datazone
from twinplane.control_plane.parts import App

DESIGNATIONS = (
    "PROJECT_OWNER",
    "PROJECT_CONTRIBUTOR",
    "PROJECT_CATALOG_VIEWER",
    "PROJECT_CATALOG_CONSUMER",
    "PROJECT_CATALOG_STEWARD",
)


@dataclass(frozen=True)
class NamedMember:
    """A member by name: a person's sign-in name, a group's name, or the ARN of an IAM role or user."""

    name: str
    kind: str  # person, group, iam
    designation: str


def list_members(app: App, person: Person, project_id: str) -> list[NamedMember]:
    """The members of a project that the person is in."""
    clients = app.as_person(person)
    return [_named(clients, app.domain_id, member) for member in _visible_members(app, clients, project_id)]


def add_member(app: App, person: Person, project_id: str, name: str, designation: str) -> NamedMember:
    """Adds a person by sign-in name; only owners may. Changes the designation of one who is in it already."""
    if designation not in DESIGNATIONS:
        raise BadRequest(f"{designation} is not a designation; use one of {', '.join(DESIGNATIONS)}.")
    clients = app.as_person(person)
    user = _user_id(app, name)
    present = {m.profile_id: m.designation for m in _visible_members(app, clients, project_id)}
    _check_owner(app, person, project_id)
    profile = datazone.find_user_profile(clients, app.domain_id, user)
    held = present.get(profile["id"]) if profile else None
    if held == datazone.OWNER and designation != datazone.OWNER:
        _check_other_owner(app, project_id, name)
    if held is not None and held != designation:
        datazone.remove_member(clients, app.domain_id, project_id, user)
    if held != designation:
        datazone.add_member(clients, app.domain_id, project_id, user, designation)
    with app.database.write() as tx:
        audit.add(
            tx, actor_id=person.user_id, actor=person.name, action="member.add", project_id=project_id, person=name,
            designation=designation,
        )  # fmt: skip
    return NamedMember(name, "person", designation)


def remove_member(app: App, person: Person, project_id: str, name: str) -> None:
    """Removes a person by sign-in name; only owners may. The last person who owns the project stays."""
    clients = app.as_person(person)
    members = _visible_members(app, clients, project_id)
    _check_owner(app, person, project_id)
    user = _user_id(app, name)
    profile = datazone.find_user_profile(clients, app.domain_id, user)
    if not any(profile and m.profile_id == profile["id"] for m in members):
        raise NotFound(f"{name} is not a member of the project.")
    _check_other_owner(app, project_id, name)
    datazone.remove_member(clients, app.domain_id, project_id, user)
    with app.database.write() as tx:
        audit.add(
            tx, actor_id=person.user_id, actor=person.name, action="member.remove", project_id=project_id, person=name
        )


def owns(app: App, person: Person, project_id: str) -> bool:
    """Whether the person is an owner of the project, herself or through a group."""
    clients = app.data_plane.app
    owners = [m for m in _members_or_none(clients, app.domain_id, project_id) if m.designation == datazone.OWNER]
    if not owners:
        return False
    mine = profile_id(app, person)
    if any(m.kind == "user" and m.profile_id == mine for m in owners):
        return True
    return any(m.kind == "group" and _named(clients, app.domain_id, m).name in person.groups for m in owners)


def owner_names(app: App, project_id: str) -> list[str]:
    """Sign-in names of the people, and names of the groups, who own the project."""
    clients = app.data_plane.app
    members = _members_or_none(clients, app.domain_id, project_id)
    named = [_named(clients, app.domain_id, m) for m in members if m.designation == datazone.OWNER]
    return [member.name for member in named if member.kind != "iam"]


def profile_id(app: App, person: Person) -> str:
    """DataZone's id of the person."""

    def read() -> str:
        return str(datazone.user_profile(app.as_person(person), app.domain_id, person.user_id)["id"])

    return app.profile_ids.get(person.user_id, read)


def _visible_members(app: App, clients: Clients, project_id: str) -> list[datazone.Member]:
    try:
        return datazone.list_members(clients, app.domain_id, project_id)
    except ClientError as error:
        raise _not_visible(error, project_id) from error


def _check_owner(app: App, person: Person, project_id: str) -> None:
    """Raises `NotPermitted` in plainer words than DataZone, which refuses it as well."""
    if not owns(app, person, project_id):
        raise NotPermitted("Only owners of the project add and remove members.")


def _check_other_owner(app: App, project_id: str, name: str) -> None:
    """Raises `Conflict` when nobody but this person owns the project: the app's own role is no one to turn to."""
    if owner_names(app, project_id) == [name]:
        raise Conflict(f"{name} is the project's last owner. Make somebody else an owner first.")


def _members_or_none(clients: Clients, domain_id: str, project_id: str) -> list[datazone.Member]:
    try:
        return datazone.list_members(clients, domain_id, project_id)
    except ClientError as error:
        if code_of(error) in ("ResourceNotFoundException", "AccessDeniedException"):
            return []
        raise


def _named(clients: Clients, domain_id: str, member: datazone.Member) -> NamedMember:
    if member.kind == "group":
        profile = clients.datazone.get_group_profile(domainIdentifier=domain_id, groupIdentifier=member.profile_id)
        return NamedMember(profile["groupName"], "group", member.designation)
    details = datazone.user_profile(clients, domain_id, member.profile_id)["details"]
    if "iam" in details:
        return NamedMember(details["iam"]["arn"], "iam", member.designation)
    return NamedMember(details["sso"]["username"], "person", member.designation)


def _user_id(app: App, name: str) -> str:
    """The identity store's id of the person with this sign-in name. Raises `NotFound`."""
    identities = app.data_plane.app.client("identitystore")
    try:
        answer = identities.get_user_id(
            IdentityStoreId=app.data_plane.found.identity_store_id,
            AlternateIdentifier={"UniqueAttribute": {"AttributePath": "userName", "AttributeValue": name}},
        )
    except identities.exceptions.ResourceNotFoundException:
        raise NotFound(f"There is nobody with the sign-in name {name}.") from None
    return str(answer["UserId"])


def _not_visible(error: ClientError, project_id: str) -> Exception:
    if code_of(error) in ("AccessDeniedException", "ResourceNotFoundException"):
        return NotFound(f"You are in no project {project_id}.")
    return error
