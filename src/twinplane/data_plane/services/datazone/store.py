"""What the projects side of DataZone keeps, and what other services may ask of it.

Documents have AWS's member names. Timestamps are float epochs.
"""

from typing import Any

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.services.datazone import rules
from twinplane.data_plane.services.identitystore import store as identities
from twinplane.data_plane.store import Derived, Document, Kind, Transaction

DOMAINS = Kind("datazone_domain", key=("id",), columns=("status",), unique=(("name",),))
DOMAIN_UNITS = Kind(
    "datazone_domain_unit", key=("domainId", "id"), unique=(("domainId", "parentDomainUnitId", "name"),)
)
POLICY_GRANTS = Kind(
    "datazone_policy_grant",
    key=("domainId", "grantId"),
    columns=("createdAt",),
    indexes=(("domainId", "entityType", "entityIdentifier", "policyType"),),
)
RESTRICTED = Kind("datazone_restricted", key=("domainId", "entityType", "entityIdentifier", "policyType"))
"""What is for nobody but those whom grants name, since there was a first grant."""
USER_PROFILES = Kind(
    "datazone_user_profile", key=("domainId", "id"), columns=("type", "status"), unique=(("domainId", "name"),)
)
GROUP_PROFILES = Kind(
    "datazone_group_profile", key=("domainId", "id"), columns=("status",), unique=(("domainId", "groupName"),)
)
BLUEPRINT_CONFIGURATIONS = Kind("datazone_blueprint_configuration", key=("domainId", "environmentBlueprintId"))
PROJECT_PROFILES = Kind("datazone_project_profile", key=("domainId", "id"), unique=(("domainId", "name"),))
PROJECTS = Kind(
    "datazone_project",
    key=("domainId", "id"),
    columns=("projectStatus", "projectCategory"),
    unique=(("domainId", "name"),),
    indexes=(("domainId", "domainUnitId"), ("domainId", "projectProfileId")),
)
MEMBERSHIPS = Kind(
    "datazone_membership",
    key=("domainId", "projectId", "memberType", "memberId"),
    columns=("designation",),
    indexes=(("domainId", "memberId", "projectName", "projectId"),),
)
"""`projectName` is the project's: a person's projects are listed by name without looking at others'."""
DESIGNATIONS = Kind("datazone_designation", key=("domainId", "id"), unique=(("domainId", "name"),))
ENVIRONMENTS = Kind(
    "datazone_environment",
    key=("domainId", "id"),
    columns=("status", "environmentBlueprintId", "deploymentOrder", "awsAccountId", "awsAccountRegion", "provider"),
    unique=(("domainId", "projectId", "name"),),
    indexes=(("domainId", "projectId", "deploymentOrder"),),
)
CONNECTIONS = Kind(
    "datazone_connection",
    key=("domainId", "connectionId"),
    columns=("type",),
    unique=(("domainId", "projectId", "name"),),
    indexes=(("domainId", "environmentId"),),
)
RULES = Kind(
    "datazone_rule",
    key=("domainId", "identifier"),
    columns=("action",),
    indexes=(("domainId", "unitId", "identifier"),),
)
RULE_REVISIONS = Kind("datazone_rule_revision", key=("domainId", "identifier", "number"))
"""Metadata rules, which name form types and glossary terms."""

KINDS = [
    DOMAINS,
    DOMAIN_UNITS,
    POLICY_GRANTS,
    RESTRICTED,
    USER_PROFILES,
    GROUP_PROFILES,
    BLUEPRINT_CONFIGURATIONS,
    PROJECT_PROFILES,
    PROJECTS,
    MEMBERSHIPS,
    DESIGNATIONS,
    ENVIRONMENTS,
    CONNECTIONS,
    RULES,
    RULE_REVISIONS,
]


def not_found(what: str, identifier: str) -> ServiceError:
    """The error for an id that does not exist or that the caller may not see."""
    return ServiceError("ResourceNotFoundException", f"{what} {identifier} does not exist or you may not see it.")


def found(tx: Transaction, kind: Kind, what: str, domain_id: str, identifier: str) -> Document:
    """The document of a domain with this id. Raises ResourceNotFoundException."""
    document = tx.find(kind, domain_id, identifier)
    if document is None:
        raise not_found(what, identifier)
    return document


def revision_number(wanted: str) -> int:
    """The number of the revision that a request names; 0, which no revision has, when that is none."""
    return int(wanted) if wanted.isdecimal() and len(wanted) <= 18 else 0  # the store's numbers have 64 bits


def get_domain(tx: Transaction, domain_id: str) -> Document:
    """The domain. Raises ResourceNotFoundException."""
    document = tx.find(DOMAINS, domain_id)
    if document is None:
        raise not_found("Domain", domain_id)
    return document


def get_domain_unit(tx: Transaction, domain_id: str, unit_id: str) -> Document:
    """The domain unit. Raises ResourceNotFoundException."""
    return found(tx, DOMAIN_UNITS, "Domain unit", domain_id, unit_id)


def get_project(tx: Transaction, domain_id: str, project_id: str) -> Document:
    """The project. Raises ResourceNotFoundException."""
    return found(tx, PROJECTS, "Project", domain_id, project_id)


def get_environment(tx: Transaction, domain_id: str, environment_id: str) -> Document:
    """The environment. Raises ResourceNotFoundException."""
    return found(tx, ENVIRONMENTS, "Environment", domain_id, environment_id)


def unit_path(tx: Transaction, domain_id: str, unit_id: str) -> list[Document]:
    """The domain unit and its ancestors: itself first, the root last."""
    path = [get_domain_unit(tx, domain_id, unit_id)]
    while path[-1].get("parentDomainUnitId"):
        path.append(get_domain_unit(tx, domain_id, path[-1]["parentDomainUnitId"]))
    return path


def designations_of(
    tx: Transaction, domain_id: str, project_id: str, profile_id: str, group_ids: tuple[str, ...]
) -> set[str]:
    """The designations a user profile has in a project, directly and through its groups; of made ones also the ids."""
    held = set()
    for member_type, ids in (("user", (profile_id,)), ("group", group_ids)):
        for member_id in ids:
            membership = tx.find(MEMBERSHIPS, domain_id, project_id, member_type, member_id)
            if membership is not None:
                held.add(membership["designation"])
                held |= {made for made in [membership.get("userCreatedDesignationId")] if made}
    return held


_MEMBERS = Derived("members of projects", (USER_PROFILES, GROUP_PROFILES, MEMBERSHIPS, identities.MEMBERSHIPS))


def is_member(tx: Transaction, domain_id: str, project_id: str, user_id: str) -> bool:
    """Whether the identity-store user is a member of the project, directly or through a group, and not shut out."""
    asked = (domain_id, project_id, user_id)
    return tx.derived(_MEMBERS, asked, lambda: _is_member(tx, *asked))


def is_shut_out(tx: Transaction, profile: Document, group_ids: tuple[str, ...]) -> bool:
    """Whether the domain does not let the user in: no longer, or no longer through an assigned group."""
    if profile["status"] in ("DEACTIVATED", "NOT_ASSIGNED"):
        return True
    return bool(profile.get("throughGroup")) and not is_in_assigned_group(tx, profile["domainId"], group_ids)


def is_in_assigned_group(tx: Transaction, domain_id: str, group_ids: tuple[str, ...]) -> bool:
    """Whether one of the groups is assigned to the domain."""
    found = (tx.find(GROUP_PROFILES, domain_id, group_id) for group_id in group_ids)
    return any(group is not None and group["status"] == "ASSIGNED" for group in found)


def _is_member(tx: Transaction, domain_id: str, project_id: str, user_id: str) -> bool:
    profile_id = rules.profile_id_of_user(user_id)
    profile = tx.find(USER_PROFILES, domain_id, profile_id)
    groups = identities.group_ids(tx, user_id)
    if profile is not None and is_shut_out(tx, profile, groups):
        return False
    return bool(designations_of(tx, domain_id, project_id, profile_id, groups))


def project_environments(tx: Transaction, domain_id: str, project_id: str) -> list[Document]:
    """The project's environments, in the order they are deployed."""
    return tx.select(ENVIRONMENTS, {"domainId": domain_id, "projectId": project_id}, order=("deploymentOrder",))


def project_resource(tx: Transaction, domain_id: str, project_id: str, name: str) -> str | None:
    """The value of a resource provisioned for the project, such as `userRoleArn` or `glueDBName`, or None."""
    for environment in project_environments(tx, domain_id, project_id):
        for resource in environment.get("provisionedResources", ()):
            if resource["name"] == name:
                return str(resource["value"])
    return None


def project_role_arn(tx: Transaction, domain_id: str, project_id: str) -> str | None:
    """The ARN of the role the project's members work with; None before its tooling is provisioned."""
    return project_resource(tx, domain_id, project_id, "userRoleArn")


def glue_database(tx: Transaction, domain_id: str, project_id: str) -> str | None:
    """The name of the project's own Glue database; None if it has none."""
    return project_resource(tx, domain_id, project_id, "glueDBName")


def blueprint_configuration(tx: Transaction, domain_id: str, blueprint_id: str) -> Document | None:
    """How this account provisions the blueprint in the domain; None when it is not enabled."""
    return tx.find(BLUEPRINT_CONFIGURATIONS, domain_id, blueprint_id)


def manage_access_role_arn(tx: Transaction, domain_id: str, blueprint_id: str) -> str | None:
    """The role that grants access to what environments of the blueprint hold; None when not configured."""
    configuration = blueprint_configuration(tx, domain_id, blueprint_id) or {}
    return configuration.get("manageAccessRoleArn")


def requiring_rule(tx: Transaction, domain_id: str, *, form_type: str = "", term_id: str = "") -> str | None:
    """The name of a metadata rule that requires the form type, or the glossary term; None when none does."""
    for rule in tx.select(RULES, {"domainId": domain_id}):
        for detail in rule["detail"].values():
            named = [form["typeIdentifier"] for form in detail.get("requiredMetadataForms") or []]
            if form_type in named or term_id in (detail.get("requiredGlossaryTermIds") or []):
                return str(rule["name"])
    return None


def pick(document: Document, members: tuple[str, ...]) -> dict[str, Any]:
    """The members of a document that an answer shows; absent ones are left out."""
    value = document.get
    return {member: found for member in members if (found := value(member)) is not None}
