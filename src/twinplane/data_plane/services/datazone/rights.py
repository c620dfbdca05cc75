"""Who may run each operation of DataZone, as one table. Why one: `docs/decisions/0031-one-table-says-who-may.md`."""

from collections.abc import Iterable
from dataclasses import dataclass

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


def strongest(designations: Iterable[str]) -> str | None:
    """The designation that allows most; None when there is none."""
    held = set(designations)
    return next((d for d in DESIGNATIONS if d in held), None)
