"""What must hold between the parts of a mesh, beyond the shape of each."""

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from twinplane.mesh.model import Mesh, ProjectProfile

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """What is wrong, and where: `path` leads from the top of the declaration to the value."""

    path: Path
    message: str


def suggestion(wrong: str, known: Iterable[str]) -> str:
    """What may have been meant, or what there is."""
    known = list(known)
    close = difflib.get_close_matches(wrong, known, 1, 0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return "known: " + (", ".join(known) if known else "none")


def problems(mesh: Mesh) -> list[Problem]:
    """Everything that does not fit together, in the order of the file."""
    return [
        *_repeated(mesh),
        *_accounts(mesh),
        *_people(mesh),
        *_domain_units(mesh),
        *(problem for index, profile in enumerate(mesh.profiles) for problem in _profile(mesh, index, profile)),
        *_classification(mesh),
        *_projects(mesh),
    ]


def _unknown(kind: str, path: Path, names: Iterable[str], known: Iterable[str]) -> Iterator[Problem]:
    known = list(known)
    for index, name in enumerate(names):
        if name not in known:
            yield Problem((*path, index), f"there is no {kind} {name!r}; {suggestion(name, known)}")


def _repeated(mesh: Mesh) -> Iterator[Problem]:
    lists: list[tuple[str, Path, list[str]]] = [
        ("group", ("identity", "groups"), [group.name for group in mesh.identity.groups]),
        ("person", ("identity", "people"), [person.name for person in mesh.identity.people]),
        ("domain unit", ("domain_units",), [unit.name for unit in mesh.domain_units]),
        ("blueprint", ("blueprints",), [blueprint.name for blueprint in mesh.blueprints]),
        ("profile", ("profiles",), [profile.name for profile in mesh.profiles]),
        ("level", ("classification", "levels"), [level.name for level in mesh.classification.levels]),
        ("field", ("classification", "fields"), [field.name for field in mesh.classification.fields]),
        ("project", ("projects",), [project.name for project in mesh.projects]),
    ]
    for kind, path, names in lists:
        for index, name in enumerate(names):
            if name in names[:index]:
                yield Problem((*path, index, "name"), f"{kind} {name!r} is declared twice")
    seen: set[str] = set()
    for index, project in enumerate(mesh.projects):
        for number, database in enumerate(project.data):
            path = ("projects", index, "data", number)
            if database.database in seen:
                yield Problem((*path, "database"), f"database {database.database!r} is declared twice")
            seen.add(database.database)
            names = [table.name for table in database.tables]
            for row, name in enumerate(names):
                if name in names[:row]:
                    yield Problem((*path, "tables", row, "name"), f"table {name!r} is declared twice")


def _accounts(mesh: Mesh) -> Iterator[Problem]:
    platform = [mesh.accounts.platform_dev, mesh.accounts.platform_staging, mesh.accounts.platform_prod]
    if mesh.accounts.business_production in platform:
        yield Problem(
            ("accounts", "business_production"),
            "the data plane's account must hold nothing of the platform: give it an account of its own",
        )


def _people(mesh: Mesh) -> Iterator[Problem]:
    groups = [group.name for group in mesh.identity.groups]
    for index, person in enumerate(mesh.identity.people):
        yield from _unknown("group", ("identity", "people", index, "groups"), person.groups, groups)
    for role, names in mesh.roles.items():
        yield from _unknown("group", ("roles", role), names, groups)


def _domain_units(mesh: Mesh) -> Iterator[Problem]:
    people = [person.name for person in mesh.identity.people]
    groups = [group.name for group in mesh.identity.groups]
    above: list[str] = []
    for index, unit in enumerate(mesh.domain_units):
        path = ("domain_units", index)
        yield from _unknown("person", (*path, "owners"), unit.owners, people)
        yield from _unknown("group", (*path, "members"), unit.members, groups)
        if unit.parent is not None and unit.parent not in above:
            yield Problem(
                (*path, "parent"),
                f"no domain unit {unit.parent!r} is declared before; {suggestion(unit.parent, above)}",
            )
        above.append(unit.name)


def _profile(mesh: Mesh, index: int, profile: ProjectProfile) -> Iterator[Problem]:
    path = ("profiles", index)
    yield from _unknown(
        "group",
        (*path, "may_create", "groups"),
        profile.may_create.groups,
        [group.name for group in mesh.identity.groups],
    )
    yield from _unknown(
        "level",
        (*path, "approvals", "subscription", "automatic_levels"),
        profile.approvals.subscription.automatic_levels,
        [level.name for level in mesh.classification.levels],
    )
    blueprints = [blueprint.name for blueprint in mesh.blueprints]
    names: list[str] = []
    for number, environment in enumerate(profile.environments):
        here = (*path, "environments", number)
        if environment.name in names:
            yield Problem((*here, "name"), f"environment {environment.name!r} is declared twice in {profile.name}")
        names.append(environment.name)
        if environment.blueprint not in blueprints:
            yield Problem(
                (*here, "blueprint"),
                f"blueprint {environment.blueprint!r} is not enabled; {suggestion(environment.blueprint, blueprints)}",
            )
        if environment.mode == "ON_CREATE" and environment.order is None:
            yield Problem((*here, "name"), "an ON_CREATE environment needs an order")
        if environment.mode == "ON_DEMAND" and environment.order is not None:
            yield Problem((*here, "order"), "an ON_DEMAND environment has no order")
    created = [e for e in profile.environments if e.mode == "ON_CREATE"]
    first = min(created, key=lambda e: e.order or 0, default=None)
    if first is None or first.blueprint != "Tooling":
        yield Problem(
            (*path, "environments"), "Tooling must be the first ON_CREATE environment: the others build on it"
        )


def _classification(mesh: Mesh) -> Iterator[Problem]:
    levels = [level.name for level in mesh.classification.levels]
    for member in ("default", "unclassified"):
        name = getattr(mesh.classification, member)
        if name not in levels:
            yield Problem(("classification", member), f"there is no level {name!r}; {suggestion(name, levels)}")
    for index, level in enumerate(mesh.classification.levels):
        if level.automatic != "always" and not level.approvers:
            yield Problem(
                ("classification", "levels", index), f"level {level.name!r} needs approvers: it is not always automatic"
            )


def _projects(mesh: Mesh) -> Iterator[Problem]:
    people = [person.name for person in mesh.identity.people]
    units = [unit.name for unit in mesh.domain_units]
    profiles = [profile.name for profile in mesh.profiles]
    unit = mesh.governance.domain_unit
    if unit is not None and unit not in units:
        yield Problem(("governance", "domain_unit"), f"there is no domain unit {unit!r}; {suggestion(unit, units)}")
    defaults = 0
    for index, project in enumerate(mesh.projects):
        path = ("projects", index)
        if project.domain_unit not in units:
            yield Problem(
                (*path, "domain_unit"),
                f"there is no domain unit {project.domain_unit!r}; {suggestion(project.domain_unit, units)}",
            )
        if project.profile not in profiles:
            yield Problem(
                (*path, "profile"), f"there is no profile {project.profile!r}; {suggestion(project.profile, profiles)}"
            )
        if not project.owners:
            yield Problem((*path, "owners"), f"project {project.name!r} needs an owner")
        yield from _unknown("person", (*path, "owners"), project.owners, people)
        yield from _unknown("person", (*path, "contributors"), project.contributors, people)
        defaults += project.default
        if project.default and defaults > 1:
            yield Problem((*path, "default"), "only one project can be the default")
