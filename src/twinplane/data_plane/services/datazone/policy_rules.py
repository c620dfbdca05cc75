"""Policy grants: what a grant may say, whom it names, and where it holds. Values in, a value or an error out."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from twinplane.data_plane.services.datazone import rights, rules

POLICIES: dict[str, tuple[str, str]] = {
    "CREATE_DOMAIN_UNIT": ("createDomainUnit", "DOMAIN_UNIT"),
    "OVERRIDE_DOMAIN_UNIT_OWNERS": ("overrideDomainUnitOwners", "DOMAIN_UNIT"),
    "ADD_TO_PROJECT_MEMBER_POOL": ("addToProjectMemberPool", "DOMAIN_UNIT"),
    "OVERRIDE_PROJECT_OWNERS": ("overrideProjectOwners", "DOMAIN_UNIT"),
    "CREATE_GLOSSARY": ("createGlossary", "DOMAIN_UNIT"),
    "CREATE_FORM_TYPE": ("createFormType", "DOMAIN_UNIT"),
    "CREATE_ASSET_TYPE": ("createAssetType", "DOMAIN_UNIT"),
    "CREATE_PROJECT": ("createProject", "DOMAIN_UNIT"),
    "CREATE_PROJECT_FROM_PROJECT_PROFILE": ("createProjectFromProjectProfile", "DOMAIN_UNIT"),
    "CREATE_ENVIRONMENT_PROFILE": ("createEnvironmentProfile", "ENVIRONMENT_BLUEPRINT_CONFIGURATION"),
    "DELEGATE_CREATE_ENVIRONMENT_PROFILE": (
        "delegateCreateEnvironmentProfile",
        "ENVIRONMENT_BLUEPRINT_CONFIGURATION",
    ),
    "CREATE_ENVIRONMENT_FROM_BLUEPRINT": ("createEnvironmentFromBlueprint", "ENVIRONMENT_BLUEPRINT_CONFIGURATION"),
    "CREATE_ENVIRONMENT": ("createEnvironment", "ENVIRONMENT_PROFILE"),
    "USE_ASSET_TYPE": ("useAssetType", "ASSET_TYPE"),
}
"""The managed policies: the member of a grant's detail, and the type of entity that such grants are on."""


def check_policy(policy_type: str, entity_type: str) -> None:
    """A policy is granted on entities of its own type. Raises ValidationException."""
    if policy_type not in POLICIES:
        raise rules.invalid(f"Policies of type {policy_type} are not served; use one of {', '.join(sorted(POLICIES))}.")
    _, wanted = POLICIES[policy_type]
    if entity_type != wanted:
        raise rules.invalid(f"{policy_type} is granted on a {wanted}, not on a {entity_type}.")


def check_detail(policy_type: str, detail: dict[str, Any]) -> None:
    """The detail of a grant must be the one of its policy type. Raises ValidationException."""
    name, _ = rules.exactly_one(detail, "detail")
    wanted, _ = POLICIES[policy_type]
    if name != wanted:
        raise rules.invalid(f"The detail of a {policy_type} grant is {wanted}, not {name}.")


def check_principal(principal: dict[str, Any]) -> None:
    """A project or domain unit that a grant names is one, or all that a filter selects. Raises ValidationException."""
    kind, who = rules.exactly_one(principal, "principal")
    if kind in ("user", "group"):
        rules.exactly_one(who, f"principal.{kind}")
    named = {"project": ("projectIdentifier", "projectGrantFilter")}.get(
        kind, ("domainUnitIdentifier", "domainUnitGrantFilter")
    )
    if kind in ("project", "domainUnit") and sum(who.get(member) is not None for member in named) > 1:
        raise rules.invalid(f"principal.{kind} has {named[0]} or {named[1]}, not both.")
    if kind == "project" and (who["projectDesignation"] == rights.CUSTOM) != bool(who.get("userCreatedDesignationId")):
        raise rules.invalid(f"userCreatedDesignationId is given with {rights.CUSTOM}, and with it only.")


@dataclass(frozen=True, slots=True)
class Subject:
    """Who a policy grant may name: a user profile, its groups, the projects it is in, the domain units it owns.

    `projects` holds (project id, designation, ids of the project's domain unit and its ancestors).
    """

    profile_id: str
    group_ids: tuple[str, ...] = ()
    projects: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    owned_units: tuple[str, ...] = ()


_PROJECT_DESIGNATIONS = {
    "OWNER": (rights.OWNER,),
    "CONTRIBUTOR": (rights.OWNER, rights.CONTRIBUTOR),
    "PROJECT_CATALOG_STEWARD": (rights.OWNER, rights.STEWARD),
}


def names(principal: dict[str, Any], subject: Subject) -> bool:
    """Whether a grant's principal names the subject."""
    kind, who = rules.exactly_one(principal, "principal")
    if kind == "user":
        if "userIdentifier" in who:
            return bool(who["userIdentifier"] == subject.profile_id)
        return True  # all users of the domain, and so all groups of them
    if kind == "group":
        return who.get("groupIdentifier") in subject.group_ids
    if kind == "domainUnit":
        wanted = who.get("domainUnitIdentifier")
        return bool(subject.owned_units) if wanted is None else wanted in subject.owned_units
    wanted = who.get("projectIdentifier")
    allowed = _PROJECT_DESIGNATIONS.get(who["projectDesignation"], (who.get("userCreatedDesignationId"),))
    unit_filter = who.get("projectGrantFilter", {}).get("domainUnitFilter")
    for project_id, designation, unit_ids in subject.projects:
        if designation not in allowed or (wanted is not None and wanted != project_id):
            continue
        if unit_filter is None:
            return True
        reach = unit_ids if unit_filter.get("includeChildDomainUnits") else unit_ids[:1]
        if unit_filter["domainUnit"] in reach:
            return True
    return False


def applies(grant: dict[str, Any], unit_id: str) -> bool:
    """Whether a grant on a domain unit (one of `unit_id` and its ancestors) reaches down to `unit_id`."""
    if grant["entityIdentifier"] == unit_id:
        return True
    _, detail = rules.exactly_one(grant["detail"], "detail")
    return bool(detail.get("includeChildDomainUnits"))


def reaches(grant: dict[str, Any], subject: Subject) -> bool:
    """Whether a grant that may be limited to a domain unit is for one of the subject's projects."""
    _, detail = rules.exactly_one(grant["detail"], "detail")
    wanted = detail.get("domainUnitId")
    return wanted is None or any(wanted in unit_ids for _, _, unit_ids in subject.projects)


def is_granted(grants: Iterable[dict[str, Any]], unit_id: str, subject: Subject) -> bool:
    """Whether one of the grants, made on the unit or on its ancestors, allows the subject to act in the unit."""
    return any(applies(grant, unit_id) and names(grant["principal"], subject) for grant in grants)


def allows_profile(grant: dict[str, Any], project_profile_id: str) -> bool:
    """Whether a CREATE_PROJECT_FROM_PROJECT_PROFILE grant is for this profile (none named: every profile)."""
    profiles = grant["detail"]["createProjectFromProjectProfile"].get("projectProfiles")
    return not profiles or project_profile_id in profiles


def is_in_member_pool(grants: Iterable[dict[str, Any]], unit_ids: list[str], subject: Subject) -> bool:
    """Whether the subject may be a member of projects in `unit_ids[0]` (followed by its ancestors).

    Pools intersect down the tree: every unit on the way to the root must have the subject in its pool; a unit without
    grants of its own has the pool that its ancestors cascade to it.
    """
    grants = list(grants)
    for position, unit_id in enumerate(unit_ids):
        own = [g for g in grants if g["entityIdentifier"] == unit_id]
        above = [g for g in grants if g["entityIdentifier"] in unit_ids[position + 1 :] and applies(g, unit_id)]
        if not any(names(g["principal"], subject) for g in own or above):
            return False
    return True
