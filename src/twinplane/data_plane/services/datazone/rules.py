"""Decisions of the projects side of DataZone: values in, a value or an error out."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from twinplane.data_plane.call import ServiceError

OWNER = "PROJECT_OWNER"
CONTRIBUTOR = "PROJECT_CONTRIBUTOR"
STEWARD = "PROJECT_CATALOG_STEWARD"
CONSUMER = "PROJECT_CATALOG_CONSUMER"
VIEWER = "PROJECT_CATALOG_VIEWER"
CUSTOM = "USER_CREATED_DESIGNATION"  # whoever has one has its id as well: see `cedar`

DESIGNATIONS = (OWNER, CONTRIBUTOR, STEWARD, CONSUMER, VIEWER, CUSTOM)  # strongest first
EDITORS = (OWNER, CONTRIBUTOR)
CURATORS = (OWNER, CONTRIBUTOR, STEWARD)
SUBSCRIBERS = (OWNER, CONTRIBUTOR, CONSUMER)


@dataclass(frozen=True, slots=True)
class Right:
    """Who may run an operation, once IAM lets them: whoever one of these names.

    Whoever may not even see what the request names is told that it does not exist; everybody else is refused.
    """

    members: tuple[str, ...] = ()
    """Members with one of these designations of the project that owns the thing (of subscriptions: that publishes)."""
    subscribers: tuple[str, ...] = ()
    """Members with one of these designations of the subscribing project; the subscribed person, group or principal."""
    creator: bool = False
    """Who made it."""
    unit_owners: bool = False
    """Owners of the domain unit, or of one above it."""
    domain_owners: bool = False
    """Owners of the root domain unit: the administrators of the domain."""
    policy: str | None = None
    """Whoever a grant of this policy names in the domain unit."""
    needs: str | None = None
    """Members need a grant of this policy to the project besides, or to own its domain unit."""
    users: bool = False
    """Every user of the domain. Lists show what the caller may see."""
    people: bool = False
    """Every person of the domain: no IAM role or user on its own."""
    iam_alone: bool = False
    """Nobody more: IAM policies decide alone, also for those who are no users of the domain."""
    public: bool = False
    """Every user of the domain may see it; so who may not change it is refused, not told that it does not exist."""

    @property
    def of_projects(self) -> tuple[str, ...]:
        """The designations that give the right on either side."""
        return self.members + self.subscribers


READING = Right(members=DESIGNATIONS)
EDITING = Right(members=EDITORS)
OWNING = Right(members=(OWNER,))
CURATING = Right(members=CURATORS)
UNIT = Right(unit_owners=True)
DOMAIN = Right(domain_owners=True)
USER = Right(users=True)
IAM = Right(iam_alone=True)

RIGHTS: dict[str, Right] = {
    # domains
    "CreateDomain": IAM,
    "GetDomain": IAM,
    "ListDomains": IAM,
    "UpdateDomain": DOMAIN,
    "DeleteDomain": DOMAIN,
    "ListTagsForResource": IAM,
    "TagResource": DOMAIN,
    "UntagResource": DOMAIN,
    "GetDomainExecutionRoleCredentials": Right(people=True),
    "GetIamPortalLoginUrl": USER,
    # domain units and their policies
    "CreateDomainUnit": Right(unit_owners=True, policy="CREATE_DOMAIN_UNIT"),
    "GetDomainUnit": USER,
    "ListDomainUnitsForParent": USER,
    "UpdateDomainUnit": UNIT,
    "DeleteDomainUnit": UNIT,
    "AddEntityOwner": Right(unit_owners=True, policy="OVERRIDE_DOMAIN_UNIT_OWNERS"),
    "RemoveEntityOwner": UNIT,
    "ListEntityOwners": USER,
    "UpdateRootDomainUnitOwner": DOMAIN,
    "AddPolicyGrant": UNIT,
    "RemovePolicyGrant": UNIT,
    "ListPolicyGrants": USER,
    "CreateDesignation": DOMAIN,
    "GetDesignation": USER,
    "ListDesignations": USER,
    "UpdateDesignation": DOMAIN,
    "DeleteDesignation": DOMAIN,
    "CreateRule": UNIT,
    "GetRule": USER,
    "ListRules": USER,
    "UpdateRule": UNIT,
    "DeleteRule": UNIT,
    # people
    "CreateUserProfile": DOMAIN,
    "GetUserProfile": USER,
    "UpdateUserProfile": DOMAIN,
    "SearchUserProfiles": USER,
    "CreateGroupProfile": DOMAIN,
    "GetGroupProfile": USER,
    "UpdateGroupProfile": DOMAIN,
    "SearchGroupProfiles": USER,
    # blueprints and project profiles
    "ListEnvironmentBlueprints": USER,
    "GetEnvironmentBlueprint": USER,
    "PutEnvironmentBlueprintConfiguration": DOMAIN,
    "GetEnvironmentBlueprintConfiguration": USER,
    "ListEnvironmentBlueprintConfigurations": USER,
    "DeleteEnvironmentBlueprintConfiguration": DOMAIN,
    "CreateProjectProfile": UNIT,
    "GetProjectProfile": USER,
    "ListProjectProfiles": USER,
    "UpdateProjectProfile": UNIT,
    "DeleteProjectProfile": UNIT,
    # projects
    "CreateProject": Right(policy="CREATE_PROJECT"),
    "CreateProject with a profile": Right(policy="CREATE_PROJECT_FROM_PROJECT_PROFILE"),
    "GetProject": Right(members=DESIGNATIONS, domain_owners=True),
    "ListProjects": USER,
    "UpdateProject": OWNING,
    "DeleteProject": Right(members=(OWNER,), domain_owners=True),
    "CreateProjectMembership": Right(members=(OWNER,), policy="OVERRIDE_PROJECT_OWNERS"),
    "ListProjectMemberships": Right(members=DESIGNATIONS, domain_owners=True),
    "DeleteProjectMembership": OWNING,
    # environments and connections
    "CreateEnvironment": EDITING,
    "GetEnvironment": Right(members=DESIGNATIONS, domain_owners=True),
    "ListEnvironments": Right(members=DESIGNATIONS, domain_owners=True),
    "UpdateEnvironment": EDITING,
    "DeleteEnvironment": EDITING,
    "GetEnvironmentCredentials": EDITING,
    "AssociateEnvironmentRole": OWNING,
    "DisassociateEnvironmentRole": OWNING,
    "CreateConnection": EDITING,
    "CreateConnection of a domain": DOMAIN,
    "GetConnection of a domain": USER,
    "GetConnection": READING,
    "GetConnection with its secret": EDITING,
    "ListConnections": READING,
    "UpdateConnection": EDITING,
    "DeleteConnection": EDITING,
    # job runs; those of a connection of the domain are read by every user of it
    "GetJobRun": READING,
    "ListJobRuns": READING,
    # notebooks
    "CreateNotebook": EDITING,
    "GetNotebook": READING,
    "ListNotebooks": READING,
    "UpdateNotebook": EDITING,
    "DeleteNotebook": EDITING,
    "StartNotebookExport": EDITING,
    "GetNotebookExport": READING,
    "StartNotebookImport": EDITING,
    "StartNotebookSync": EDITING,
    "StartNotebookRun": EDITING,
    "GetNotebookRun": READING,
    "ListNotebookRuns": READING,
    "StopNotebookRun": EDITING,
    # types
    "CreateFormType": Right(members=EDITORS, needs="CREATE_FORM_TYPE"),
    "GetFormType": USER,
    "DeleteFormType": Right(members=EDITORS, public=True),
    "CreateAssetType": Right(members=EDITORS, needs="CREATE_ASSET_TYPE"),
    "GetAssetType": USER,
    "DeleteAssetType": Right(members=EDITORS, public=True),
    "SearchTypes": USER,
    # glossaries
    "CreateGlossary": Right(members=CURATORS, needs="CREATE_GLOSSARY"),
    "GetGlossary": USER,
    "UpdateGlossary": Right(members=CURATORS, public=True),
    "DeleteGlossary": Right(members=CURATORS, public=True),
    "CreateGlossaryTerm": Right(members=CURATORS, public=True),
    "GetGlossaryTerm": USER,
    "UpdateGlossaryTerm": Right(members=CURATORS, public=True),
    "DeleteGlossaryTerm": Right(members=CURATORS, public=True),
    # assets and what is published of them
    "CreateAsset": EDITING,
    "GetAsset": READING,
    "CreateAssetRevision": CURATING,
    "ListAssetRevisions": READING,
    "DeleteAsset": EDITING,
    "AssociateGovernedTerms": CURATING,
    "DisassociateGovernedTerms": CURATING,
    "CreateAssetFilter": EDITING,
    "GetAssetFilter": READING,
    "ListAssetFilters": READING,
    "UpdateAssetFilter": EDITING,
    "DeleteAssetFilter": EDITING,
    "CreateDataProduct": EDITING,
    "GetDataProduct": READING,
    "CreateDataProductRevision": EDITING,
    "ListDataProductRevisions": READING,
    "DeleteDataProduct": EDITING,
    "Search": USER,
    "CreateListingChangeSet": CURATING,
    "GetListing": USER,
    "GetListing that is not active": READING,
    "DeleteListing": EDITING,
    "SearchListings": USER,
    # time series of assets; those of a published listing are read by every user of the domain
    "PostTimeSeriesDataPoints": CURATING,
    "GetTimeSeriesDataPoint": READING,
    "ListTimeSeriesDataPoints": READING,
    "DeleteTimeSeriesDataPoints": CURATING,
    # notifications
    "ListNotifications": USER,
    # lineage; nodes of assets are for who may read the asset or its listing
    "PostLineageEvent": USER,
    "GetLineageEvent": Right(creator=True, domain_owners=True),
    "ListLineageEvents": USER,
    "DeleteLineageEvent": Right(creator=True, domain_owners=True),
    "GetLineageNode": USER,
    "ListLineageNodeHistory": USER,
    "QueryGraph": USER,
    # data sources
    "CreateDataSource": EDITING,
    "GetDataSource": READING,
    "ListDataSources": READING,
    "UpdateDataSource": EDITING,
    "DeleteDataSource": EDITING,
    "StartDataSourceRun": EDITING,
    "GetDataSourceRun": READING,
    "ListDataSourceRuns": READING,
    "ListDataSourceRunActivities": READING,
    # subscriptions
    "CreateSubscriptionRequest": Right(subscribers=SUBSCRIBERS),
    "CreateSubscriptionRequest for someone else": DOMAIN,
    "GetSubscriptionRequestDetails": Right(DESIGNATIONS, DESIGNATIONS, creator=True, domain_owners=True),
    "ListSubscriptionRequests": USER,
    "UpdateSubscriptionRequest": Right(subscribers=SUBSCRIBERS, creator=True),
    "DeleteSubscriptionRequest": Right(subscribers=SUBSCRIBERS, creator=True),
    "AcceptSubscriptionRequest": EDITING,
    "RejectSubscriptionRequest": EDITING,
    "GetSubscription": Right(DESIGNATIONS, DESIGNATIONS, creator=True, domain_owners=True),
    "ListSubscriptions": USER,
    "CancelSubscription": Right(subscribers=SUBSCRIBERS),
    "RevokeSubscription": EDITING,
    "CreateSubscriptionTarget": EDITING,
    "GetSubscriptionTarget": READING,
    "ListSubscriptionTargets": READING,
    "UpdateSubscriptionTarget": EDITING,
    "DeleteSubscriptionTarget": EDITING,
    "CreateSubscriptionGrant": Right(subscribers=EDITORS),
    "GetSubscriptionGrant": Right(DESIGNATIONS, DESIGNATIONS, creator=True, domain_owners=True),
    "ListSubscriptionGrants": USER,
    "DeleteSubscriptionGrant": Right(EDITORS, SUBSCRIBERS),
    "UpdateSubscriptionGrantStatus": Right(EDITORS, SUBSCRIBERS),
}
"""Who may run each operation of DataZone. An operation without a line is not served: the data plane does not start."""


def cedar_action(line: str) -> str:
    """The action that a designation's policy must permit for a line of the table."""
    return "GetEnvironmentCredentials" if line == "GetConnection with its secret" else line.partition(" ")[0]


MAX_TAGS = 50

_IAM_PROFILES = uuid.UUID("1f0c5b0e-6f6b-4b57-9b0a-5d3f8a2f6e11")

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


def invalid(message: str) -> ServiceError:
    """A ValidationException."""
    return ServiceError("ValidationException", message)


def conflict(message: str) -> ServiceError:
    """A ConflictException."""
    return ServiceError("ConflictException", message)


def strongest(designations: Iterable[str]) -> str | None:
    """The designation that allows most; None when there is none."""
    held = set(designations)
    return next((d for d in DESIGNATIONS if d in held), None)


def profile_id_of_user(user_id: str) -> str:
    """The user profile id of an identity-store user: DataZone's profile ids have the form of identity-store ids."""
    return user_id


def profile_id_of_iam(domain_id: str, arn: str) -> str:
    """The user profile id of an IAM role or user in a domain: always the same, so a read needs no stored profile."""
    return str(uuid.uuid5(_IAM_PROFILES, f"{domain_id} {arn}"))


def exactly_one(union: dict[str, Any], what: str) -> tuple[str, Any]:
    """The one member of a union and its value. Raises ValidationException."""
    members = [(k, v) for k, v in union.items() if v is not None]
    if len(members) != 1:
        raise invalid(f"{what} must have exactly one member; it has {len(members)}.")
    return members[0]


def check_policy(policy_type: str, entity_type: str) -> None:
    """A policy is granted on entities of its own type. Raises ValidationException."""
    if policy_type not in POLICIES:
        raise invalid(f"Policies of type {policy_type} are not served; use one of {', '.join(sorted(POLICIES))}.")
    _, wanted = POLICIES[policy_type]
    if entity_type != wanted:
        raise invalid(f"{policy_type} is granted on a {wanted}, not on a {entity_type}.")


def check_detail(policy_type: str, detail: dict[str, Any]) -> None:
    """The detail of a grant must be the one of its policy type. Raises ValidationException."""
    name, _ = exactly_one(detail, "detail")
    wanted, _ = POLICIES[policy_type]
    if name != wanted:
        raise invalid(f"The detail of a {policy_type} grant is {wanted}, not {name}.")


def check_principal(principal: dict[str, Any]) -> None:
    """A project or domain unit that a grant names is one, or all that a filter selects. Raises ValidationException."""
    kind, who = exactly_one(principal, "principal")
    if kind in ("user", "group"):
        exactly_one(who, f"principal.{kind}")
    named = {"project": ("projectIdentifier", "projectGrantFilter")}.get(
        kind, ("domainUnitIdentifier", "domainUnitGrantFilter")
    )
    if kind in ("project", "domainUnit") and sum(who.get(member) is not None for member in named) > 1:
        raise invalid(f"principal.{kind} has {named[0]} or {named[1]}, not both.")
    if kind == "project" and (who["projectDesignation"] == CUSTOM) != bool(who.get("userCreatedDesignationId")):
        raise invalid(f"userCreatedDesignationId is given with {CUSTOM}, and with it only.")


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
    "OWNER": (OWNER,),
    "CONTRIBUTOR": (OWNER, CONTRIBUTOR),
    "PROJECT_CATALOG_STEWARD": (OWNER, STEWARD),
}


def names(principal: dict[str, Any], subject: Subject) -> bool:
    """Whether a grant's principal names the subject."""
    kind, who = exactly_one(principal, "principal")
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
    _, detail = exactly_one(grant["detail"], "detail")
    return bool(detail.get("includeChildDomainUnits"))


def reaches(grant: dict[str, Any], subject: Subject) -> bool:
    """Whether a grant that may be limited to a domain unit is for one of the subject's projects."""
    _, detail = exactly_one(grant["detail"], "detail")
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


def check_tags(tags: dict[str, str]) -> None:
    """The tags a resource may have. Raises ValidationException."""
    reserved = [key for key in tags if key.lower().startswith("aws:")]
    if reserved:
        raise invalid(f"Tag keys that begin with aws: are reserved: {', '.join(reserved)}.")
    if len(tags) > MAX_TAGS:
        raise invalid(f"A resource has at most {MAX_TAGS} tags.")


def check_owner_may_leave(designations: list[str], leaving: str) -> None:
    """The last owner of a project cannot leave it. Raises ValidationException."""
    if leaving == OWNER and designations.count(OWNER) == 1:
        raise invalid("The last PROJECT_OWNER of a project cannot be removed from it; add another owner first.")


Parameters = dict[str, str]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a blueprint: what it is for and what it is when nobody says."""

    name: str
    default: str | None = None
    description: str = ""
    field_type: str = "STRING"
    is_editable: bool = True
    is_update_supported: bool = False

    def answer(self) -> dict[str, Any]:
        """The parameter as AWS's `CustomParameter`."""
        answer: dict[str, Any] = {
            "keyName": self.name,
            "fieldType": self.field_type,
            "description": self.description,
            "isEditable": self.is_editable,
            "isOptional": True,
            "isUpdateSupported": self.is_update_supported,
        }
        return answer if self.default is None else answer | {"defaultValue": self.default}


def resolve_parameters(
    known: Iterable[Parameter], overrides: list[dict[str, Any]], given: list[dict[str, Any]], where: str
) -> Parameters:
    """The values an environment is made with: blueprint defaults, then the profile's overrides, then the user's.

    Raises ValidationException naming a parameter that is unknown, or that the profile has locked and the user changes.
    """
    by_name = {p.name: p for p in known}
    values = {p.name: p.default for p in by_name.values() if p.default is not None}
    locked = {p.name for p in by_name.values() if not p.is_editable}
    for override in overrides:
        name = override["name"]
        if name not in by_name:
            raise invalid(f"{where} has no parameter {name}; it has: {', '.join(sorted(by_name)) or 'none'}.")
        if override.get("value") is not None:
            values[name] = override["value"]
        editable = override.get("isEditable", False)
        (locked.discard if editable else locked.add)(name)
    for parameter in given:
        name, value = parameter.get("name", ""), parameter.get("value", "")
        if name not in by_name:
            raise invalid(f"{where} has no parameter {name}; it has: {', '.join(sorted(by_name)) or 'none'}.")
        if name in locked and value != values.get(name):
            raise invalid(f"Parameter {name} of {where} is not editable: the project profile fixes it.")
        values[name] = value
    return values


def resource_tags(
    profile_tags: list[dict[str, Any]], custom_allowed: bool, given: dict[str, str]
) -> list[dict[str, str]]:
    """A project's tags: the profile's, with the values the user may change changed, then the user's own.

    Raises ValidationException naming a tag that may not be given.
    """
    tags = []
    rest = dict(given)
    for tag in profile_tags:
        value = rest.pop(tag["key"], tag["value"])
        if value != tag["value"] and not tag["isValueEditable"]:
            raise invalid(f"The value of tag {tag['key']} is not editable: the project profile fixes it.")
        tags.append({"key": tag["key"], "value": value, "source": "PROJECT_PROFILE"})
    if rest and not custom_allowed:
        raise invalid(f"The project profile allows no tags of your own: {', '.join(sorted(rest))}.")
    return tags + [{"key": key, "value": value, "source": "PROJECT"} for key, value in rest.items()]


DeploymentStatus = Literal["PENDING_DEPLOYMENT", "IN_PROGRESS", "SUCCESSFUL", "FAILED_VALIDATION", "FAILED_DEPLOYMENT"]


def deployment_status(environment_statuses: Iterable[str]) -> DeploymentStatus:
    """A project's overall deployment status from the statuses of the environments made with it."""
    statuses = set(environment_statuses)
    if statuses & {"CREATING", "UPDATING"}:
        return "IN_PROGRESS"
    if statuses & {"CREATE_FAILED", "UPDATE_FAILED"}:
        return "FAILED_DEPLOYMENT"
    return "FAILED_VALIDATION" if "VALIDATION_FAILED" in statuses else "SUCCESSFUL"
