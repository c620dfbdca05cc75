"""What a mesh is made of, as `mesh.yaml` declares it. Immutable; unknown keys are refused."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

AccountId = Annotated[str, StringConstraints(pattern=r"^\d{12}$")]
Region = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
SignInName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+=,.@_-]{1,128}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[\w -]{1,64}$")]
DatabaseName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,254}$")]
TagKey = Annotated[str, StringConstraints(pattern=r"^AmazonDataZone[\w.:/=+@-]+$")]

Stage = Literal["dev", "staging", "prod"]
ManagedBy = Literal["apply", "stack"]
Role = Literal["steward", "privacy_officer", "platform_admin", "auditor"]
Approver = Literal["owner", "steward", "privacy_officer", "platform_admin"]
"""`owner`: of a project request, the domain unit's owners; of a subscription, the owners of the publishing project.
The others are the groups that `roles` names."""


class Declared(BaseModel):
    """What all parts of the declaration share."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Accounts(Declared):
    """The accounts: three for the platform's own life cycle, exactly one data plane that holds all business data."""

    platform_dev: AccountId
    platform_staging: AccountId
    platform_prod: AccountId
    business_production: AccountId = Field(description="The data plane: the one account with the domain and the data")


class Group(Declared):
    """A group of the identity store."""

    name: Slug
    description: str = ""


class Person(Declared):
    """A person of the identity store; `name` is what she signs in with."""

    name: SignInName
    display_name: str
    email: str
    groups: tuple[str, ...] = ()


class Issuer(Declared):
    """How tokens of the people's identity provider name a person."""

    url: str | None = Field(
        default=None, description="Issuer URL; none: the development issuer of the local data plane"
    )
    claim: str = "email"
    attribute: str = Field(default="emails.value", description="The identity store attribute that equals the claim")


class Identity(Declared):
    """Groups and people. With `managed_by: stack` they come from elsewhere (SCIM) and are only compared."""

    managed_by: ManagedBy = "apply"
    issuer: Issuer = Issuer()
    groups: tuple[Group, ...]
    people: tuple[Person, ...] = ()


class Domain(Declared):
    """The one SageMaker Unified Studio domain."""

    name: Name
    description: str = ""
    managed_by: ManagedBy = "apply"


class DomainUnit(Declared):
    """A part of the organisation that owns data: its owners decide, its members may create projects there."""

    name: Annotated[str, StringConstraints(pattern=r"^[\w -]{1,128}$")]
    description: str = ""
    parent: str | None = Field(default=None, description="Name of the domain unit above; none: the domain's root")
    owners: tuple[str, ...] = Field(default=(), description="Sign-in names")
    members: tuple[str, ...] = Field(default=(), description="Groups")
    managed_by: ManagedBy = "apply"


class Blueprint(Declared):
    """An environment blueprint that the data plane account enables."""

    name: str
    served: bool = Field(default=True, description="Whether the local data plane runs it; AWS runs all")
    parameters: dict[str, str] = Field(default={}, description="Regional parameters, such as VpcId")
    managed_by: ManagedBy = "apply"


class Parameter(Declared):
    """A blueprint parameter's value in a profile; not editable means: locked for whoever requests a project."""

    value: str
    editable: bool = False


class EnvironmentConfiguration(Declared):
    """An environment that projects of a profile get (`ON_CREATE`) or may ask for (`ON_DEMAND`)."""

    name: Name
    blueprint: str
    mode: Literal["ON_CREATE", "ON_DEMAND"] = "ON_CREATE"
    order: int | None = Field(default=None, ge=0, le=16, description="Deployment order; ON_CREATE only")
    description: str = ""
    parameters: dict[str, Parameter] = {}


class Tag(Declared):
    """A tag that every resource of the profile's projects carries."""

    value: str
    editable: bool = False


class MayCreate(Declared):
    """Who may create a project from the profile in the data plane itself, besides the Management App's role."""

    groups: tuple[str, ...] = ()
    domain_unit_owners: bool = False


class SubscriptionApprovals(Declared):
    """Who decides when a project of the profile subscribes."""

    approvers: tuple[Approver, ...] = ("owner",)
    automatic_levels: tuple[str, ...] = Field(
        default=(), description="Classification levels whose own automatic rule holds"
    )
    by_level: bool = Field(default=False, description="Whether the level's approvers are asked as well")


class ChangeApprovals(Declared):
    """What a change of a project of the profile needs."""

    request: bool = Field(default=False, description="Whether a change must be requested")
    approvals: int = Field(default=0, ge=0, le=5)


class Approvals(Declared):
    """How requests around projects of the profile are routed."""

    project: tuple[Approver, ...] = Field(default=(), description="Who must approve a new project, one after another")
    subscription: SubscriptionApprovals = SubscriptionApprovals()
    change: ChangeApprovals = ChangeApprovals()


class ProjectProfile(Declared):
    """A template for projects of one stage."""

    name: Name
    stage: Stage
    description: str = ""
    may_create: MayCreate = MayCreate()
    environments: tuple[EnvironmentConfiguration, ...]
    tags: dict[TagKey, Tag] = {}
    instance_types: tuple[str, ...] = Field(
        default=(), description="Compute that roles of the stage may use; wildcards"
    )
    denied_actions: tuple[str, ...] = Field(default=(), description="IAM actions that the stage's boundary denies")
    approvals: Approvals = Approvals()
    managed_by: ManagedBy = "apply"


class PackageFile(Declared):
    """A Parquet file that ships inside an installed Python package."""

    package: str
    file: str


class Column(Declared):
    """What a column means, and what it says about a person."""

    description: str = ""
    pii: Literal["none", "direct", "indirect", "special"] = "none"


class Table(Declared):
    """A table and the file it is loaded from. Columns that are not described are catalogued without a comment."""

    name: DatabaseName
    source: PackageFile
    description: str = ""
    columns: dict[str, Column] = {}


class Database(Declared):
    """A Glue database that a project owns."""

    database: DatabaseName
    description: str = ""
    tables: tuple[Table, ...]


class Project(Declared):
    """A project that the mesh starts with."""

    name: Name
    domain_unit: str
    profile: str
    description: str = ""
    owners: tuple[str, ...] = Field(description="Sign-in names")
    contributors: tuple[str, ...] = ()
    default: bool = Field(default=False, description="The project of `twinplane env` when none is named")
    data: tuple[Database, ...] = ()


class Level(Declared):
    """A classification level and its rules."""

    name: Name
    description: str = ""
    automatic: Literal["always", "same_domain_unit", "never"] = "never"
    approvers: tuple[Approver, ...] = Field(default=(), description="Who decides when the grant is not automatic")
    max_days: int = Field(ge=1, description="The longest subscription")
    purpose_required: bool = False
    named_people_only: bool = False
    stages: tuple[Stage, ...] = Field(
        default=("dev", "staging", "prod"), description="Stages whose projects may subscribe"
    )
    export: bool = True
    technical_floor: tuple[str, ...] = ()


class FormField(Declared):
    """A field of the classification form."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    type: Literal["String", "Boolean", "Integer"] = "String"
    required: bool = False
    description: str = ""
    values: tuple[str, ...] = ()


class Classification(Declared):
    """Levels from the most open to the most closed, and the form that every published asset carries."""

    form: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]\w*$")] = "DataClassification"
    default: str = Field(description="The level proposed for new assets")
    unclassified: str = Field(description="The level whose rules hold for an asset without one")
    levels: tuple[Level, ...]
    fields: tuple[FormField, ...] = Field(description="Besides `level`, which every form has")


class App(Declared):
    """Names by which the Management App and the people are known in the data plane account."""

    role: str = "TwinplaneManagementApp"
    person_role: str = "TwinplanePerson"
    work_group: str = "mesh-people"
    client_id: str = Field(default="twinplane", description="Audience of people's tokens")


class Governance(Declared):
    """The project that owns the mesh's own form types and rules."""

    project: Name = "Data Governance"
    domain_unit: str | None = Field(default=None, description="None: the domain's root unit")


class Mesh(Declared):
    """A data mesh: one declaration for AWS and for one machine."""

    version: Literal[1]
    name: Slug
    region: Region
    accounts: Accounts
    identity: Identity
    roles: dict[Role, tuple[str, ...]] = Field(default={}, description="What groups may do in the Management App")
    domain: Domain
    domain_units: tuple[DomainUnit, ...]
    blueprints: tuple[Blueprint, ...]
    profiles: tuple[ProjectProfile, ...]
    classification: Classification
    governance: Governance = Governance()
    projects: tuple[Project, ...] = ()
    policies: str | None = Field(default=None, description="Folder of further Cedar policies, next to this file")
    app: App = App()

    @property
    def account_id(self) -> str:
        """The data plane's account."""
        return self.accounts.business_production

    def profile(self, name: str) -> ProjectProfile:
        """The profile of this name. Raises `KeyError`."""
        return {profile.name: profile for profile in self.profiles}[name]

    def domain_unit(self, name: str) -> DomainUnit:
        """The domain unit of this name. Raises `KeyError`."""
        return {unit.name: unit for unit in self.domain_units}[name]

    def level(self, name: str) -> Level:
        """The classification level of this name. Raises `KeyError`."""
        return {level.name: level for level in self.classification.levels}[name]

    def person(self, name: str) -> Person:
        """The person of this sign-in name. Raises `KeyError`."""
        return {person.name: person for person in self.identity.people}[name]

    def roles_of(self, groups: frozenset[str]) -> frozenset[Role]:
        """What members of these groups (names) may do in the Management App."""
        return frozenset(role for role, of in self.roles.items() if groups & frozenset(of))

    @property
    def default_project(self) -> Project | None:
        """The project that `twinplane env` takes when none is named."""
        return next((project for project in self.projects if project.default), None)
