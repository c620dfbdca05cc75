"""A domain where everybody has another role, and a request of every operation about something in it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from types import SimpleNamespace
from typing import Any

from tests.data_plane.datazone.catalog_for_tests import unique
from tests.data_plane.datazone.domains_for_tests import ALL_USERS, SERVICES_TRUST, Mesh, environment, make_profile
from twinplane.data_plane import sessions
from twinplane.data_plane.plane import Keys
from twinplane.data_plane.services.datazone import rules

Json = dict[str, Any]

DESIGNATED = {
    "owner": rules.OWNER,
    "contributor": rules.CONTRIBUTOR,
    "steward": rules.STEWARD,
    "consumer": rules.CONSUMER,
    "viewer": rules.VIEWER,
}
USER_POLICIES = (
    "CREATE_DOMAIN_UNIT", "OVERRIDE_DOMAIN_UNIT_OWNERS", "OVERRIDE_PROJECT_OWNERS", "CREATE_PROJECT",
    "CREATE_PROJECT_FROM_PROJECT_PROFILE",
)  # fmt: skip
PROJECT_POLICIES = ("CREATE_GLOSSARY", "CREATE_FORM_TYPE", "CREATE_ASSET_TYPE")


def word(text: str) -> str:
    """A unique name without spaces."""
    return unique(text).replace(" ", "_")


@dataclass
class World:
    """`project` is in `unit`, and has a member of each designation; `other` is a project of somebody else.

    `side` says what `project` is in subscriptions: the "publisher" or the "subscriber".
    """

    mesh: Mesh
    unit: str
    project: str
    other: str
    profile: str
    environment: str
    other_environment: str
    connection: str
    side: str = "publisher"
    kept: dict[str, str] = field(default_factory=dict)

    @property
    def domain(self) -> Json:
        return {"domainIdentifier": self.mesh.domain_id}

    @property
    def admin(self) -> Any:
        return self.clients["domain administrator"]

    @property
    def owner(self) -> Any:
        return self.clients["owner"]

    @cached_property
    def clients(self) -> dict[str, Any]:
        """A client of DataZone for each role."""
        people = (*DESIGNATED, "unit owner", "policy holder", "member of another project", "person of no project")
        found = {name: self.mesh.as_person(name.replace(" ", "-")) for name in (*people, "deactivated person")}
        return found | {
            "domain administrator": self.mesh.admin,
            "role without a profile": self.role("Visitor"),
            "role with a Deny": self.role("Refused"),
        }

    def role(self, name: str) -> Any:
        """DataZone as a session of an IAM role with nobody behind it."""
        key = SimpleNamespace(keys=Keys(self.mesh.plane.state / "plane.key"))
        issued = sessions.issue(
            key,  # type: ignore[arg-type]
            role_arn=f"arn:aws:iam::{self.mesh.plane.account_id}:role/{name}",
            session_name="test",
            duration_seconds=3600,
            now=time.time(),
        )
        return self.mesh.plane.client("datazone", issued)

    # what requests are about

    def new_unit(self) -> str:
        made = self.admin.create_domain_unit(**self.domain, name=word("unit"), parentDomainUnitIdentifier=self.unit)
        return str(made["id"])

    def new_project(self) -> str:
        """A project of the same members, with nothing in it."""
        made = self.owner.create_project(**self.domain, name=word("project"), domainUnitId=self.unit)
        self.join(made["id"])
        return str(made["id"])

    def join(self, project: str) -> None:
        for name, designation in DESIGNATED.items():
            if name != "owner":
                self.owner.create_project_membership(
                    **self.domain, projectIdentifier=project, designation=designation,
                    member={"userIdentifier": self.mesh.person(name)},
                )  # fmt: skip

    def new_member(self) -> str:
        return self.mesh.person(word("newcomer"))

    def added_member(self) -> str:
        person = self.new_member()
        self.owner.create_project_membership(
            **self.domain, projectIdentifier=self.project, designation=rules.VIEWER, member={"userIdentifier": person}
        )
        return person

    def glossary(self) -> str:
        made = self.owner.create_glossary(
            **self.domain, name=word("glossary"), owningProjectIdentifier=self.project, status="DISABLED"
        )
        return str(made["id"])

    def term(self) -> str:
        glossary = self.owner.create_glossary(
            **self.domain, name=word("glossary"), owningProjectIdentifier=self.project, status="ENABLED"
        )["id"]
        made = self.owner.create_glossary_term(
            **self.domain, name=word("term"), glossaryIdentifier=glossary, status="ENABLED"
        )
        return str(made["id"])

    def restricted_term(self) -> str:
        glossary = self.owner.create_glossary(
            **self.domain, name=word("glossary"), owningProjectIdentifier=self.project, status="ENABLED",
            usageRestrictions=["ASSET_GOVERNED_TERMS"],
        )["id"]  # fmt: skip
        made = self.owner.create_glossary_term(
            **self.domain, name=word("term"), glossaryIdentifier=glossary, status="ENABLED"
        )
        return str(made["id"])

    def form_type(self) -> str:
        name = word("Form")
        self.owner.create_form_type(
            **self.domain, name=name, owningProjectIdentifier=self.project, status="ENABLED",
            model={"smithy": f"structure {name} {{ a: String }}"},
        )  # fmt: skip
        return name

    def asset_type(self) -> str:
        name = word("Kind")
        self.owner.create_asset_type(**self.domain, name=name, owningProjectIdentifier=self.project, formsInput={})
        return name

    def asset(self, client: Any = None, project: str | None = None) -> str:
        made = (client or self.owner).create_asset(
            **self.domain, name=word("asset"), owningProjectIdentifier=project or self.project,
            typeIdentifier=self.kept["asset type"],
        )  # fmt: skip
        return str(made["id"])

    def listing(self, client: Any = None, project: str | None = None) -> str:
        client = client or self.owner
        made = client.create_listing_change_set(
            **self.domain, entityIdentifier=self.asset(client, project), entityType="ASSET", action="PUBLISH"
        )
        return str(made["listingId"])

    def unpublished(self) -> str:
        asset = self.asset()
        for action in ("PUBLISH", "UNPUBLISH"):
            made = self.owner.create_listing_change_set(
                **self.domain, entityIdentifier=asset, entityType="ASSET", action=action
            )
        return str(made["listingId"])

    def asset_with_filter(self) -> Json:
        asset = self.owner.create_asset(
            **self.domain, name=word("asset"), owningProjectIdentifier=self.project,
            typeIdentifier="amazon.datazone.GlueTableAssetType",
            formsInput=[
                {
                    "formName": "GlueTableForm",
                    "content": '{"tableName":"t","columns":[{"columnName":"c","dataType":"string"}]}',
                }
            ],
        )["id"]  # fmt: skip
        columns = {"columnConfiguration": {"includedColumnNames": ["c"]}}
        made = self.owner.create_asset_filter(
            **self.domain, assetIdentifier=asset, name=word("filter"), configuration=columns
        )
        return {"assetIdentifier": asset, "identifier": str(made["id"])}

    def data_source(self) -> str:
        made = self.owner.create_data_source(
            **self.domain, projectIdentifier=self.project, name=word("source"), type="GLUE",
            configuration={
                "glueRunConfiguration": {"relationalFilterConfigurations": [{"databaseName": "nowhere"}]}
            },
        )  # fmt: skip
        return str(made["id"])

    def run(self) -> str:
        made = self.owner.start_data_source_run(**self.domain, dataSourceIdentifier=self.data_source())
        return str(made["id"])

    def rule(self) -> str:
        return str(self.admin.create_rule(**self.domain, **self.rule_request())["identifier"])

    def rule_request(self) -> Json:
        form = {"typeIdentifier": self.kept["form type"], "typeRevision": "1"}
        return {
            "name": word("rule"),
            "action": "CREATE_LISTING_CHANGE_SET",
            "target": {"domainUnitTarget": {"domainUnitId": self.new_unit()}},
            "scope": {"assetType": {"selectionMode": "ALL"}, "project": {"selectionMode": "ALL"}},
            "detail": {"metadataFormEnforcementDetail": {"requiredMetadataForms": [form]}},
        }

    def new_profile(self) -> str:
        made = self.admin.create_project_profile(
            **self.domain, name=word("profile"), domainUnitIdentifier=self.unit, status="ENABLED"
        )
        return str(made["id"])

    def new_environment(self) -> str:
        made = self.owner.create_environment(
            **self.domain, projectIdentifier=self.project, name=word("Archive"), environmentConfigurationName="Archive"
        )
        return str(made["id"])

    def new_connection(self) -> str:
        return str(self.owner.create_connection(**self.domain, **self.connection_request())["connectionId"])

    def connection_request(self) -> Json:
        return {
            "name": word("connection"),
            "environmentIdentifier": self.environment,
            "props": {"s3Properties": {"s3Uri": "s3://bucket/one/"}},
        }

    # the two sides of subscriptions

    @property
    def publisher(self) -> tuple[Any, str]:
        return (self.owner, self.project) if self.side == "publisher" else (self.stranger, self.other)

    @property
    def subscriber(self) -> tuple[Any, str]:
        return (self.stranger, self.other) if self.side == "publisher" else (self.owner, self.project)

    @property
    def stranger(self) -> Any:
        return self.clients["member of another project"]

    def subscription_request(self) -> Json:
        return {
            "subscribedPrincipals": [{"project": {"identifier": self.subscriber[1]}}],
            "subscribedListings": [{"identifier": self.listing(*self.publisher)}],
            "requestReason": "test",
        }

    def pending(self) -> str:
        made = self.subscriber[0].create_subscription_request(**self.domain, **self.subscription_request())
        return str(made["id"])

    def subscription(self) -> str:
        request = self.pending()
        publisher = self.publisher[0]
        publisher.accept_subscription_request(**self.domain, identifier=request)
        found = publisher.list_subscriptions(**self.domain, subscriptionRequestIdentifier=request)["items"]
        return str(found[0]["id"])

    def target(self) -> str:
        made = self.owner.create_subscription_target(**self.domain, **self.target_request())
        return str(made["id"])

    def target_request(self, environment_id: str | None = None) -> Json:
        return {
            "environmentIdentifier": environment_id or self.environment,
            "name": word("target"),
            "type": "Custom",
            "authorizedPrincipals": [self.role_of(environment_id or self.environment)],
            "manageAccessRole": f"arn:aws:iam::{self.mesh.plane.account_id}:role/Manage",
            "applicableAssetTypes": [self.kept["asset type"]],
            "subscriptionTargetConfig": [],
            "subscriptionGrantCreationMode": "MANUAL",
        }

    def role_of(self, environment_id: str) -> str:
        found = self.admin.get_environment(**self.domain, identifier=environment_id)["provisionedResources"]
        return str(next(r["value"] for r in found if r["name"] == "userRoleArn"))

    def grant_request(self) -> Json:
        """Of a subscription that the subscriber has in a target of its own."""
        client, project = self.subscriber
        environment_id = self.environment if project == self.project else self.other_environment
        target = client.create_subscription_target(**self.domain, **self.target_request(environment_id))["id"]
        subscription = client.get_subscription(**self.domain, identifier=self.subscription())
        listing = subscription["subscribedListing"]
        return {
            "environmentIdentifier": environment_id,
            "subscriptionTargetIdentifier": target,
            "grantedEntity": {"listing": {"identifier": listing["id"], "revision": listing["revision"]}},
        }

    def grant(self) -> Json:
        made = self.subscriber[0].create_subscription_grant(**self.domain, **self.grant_request())
        return {"identifier": made["id"], "assetIdentifier": made["assets"][0]["assetId"]}


def make_world(mesh: Mesh) -> World:
    """The domain with its roles. Nobody has a right but by the role."""
    plane, admin, domain = mesh.plane, mesh.admin, {"domainIdentifier": mesh.domain_id}
    iam = plane.client("iam")
    everything = '{"Effect":"Allow","Action":"*","Resource":"*"}'
    for name, statements in (
        ("Visitor", everything),
        ("Refused", f'{everything},{{"Effect":"Deny","Action":"datazone:*","Resource":"*"}}'),
    ):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=SERVICES_TRUST)
        document = f'{{"Version":"2012-10-17","Statement":[{statements}]}}'
        iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=document)
    unit = admin.create_domain_unit(**domain, name="sales", parentDomainUnitIdentifier=mesh.root_unit)["id"]
    archive = environment(mesh, "Archive", "DataLake", deploymentMode="ON_DEMAND", deploymentOrder=3)
    archive["configurationParameters"]["parameterOverrides"] = [
        {"name": "glueDbName", "value": word("archive").lower(), "isEditable": True}
    ]
    profile = make_profile(mesh, "with archive", archive)
    members: Json = {"domainUnitId": unit, "projectProfileId": profile}
    project = mesh.project("of all designations", client=mesh.as_person("owner"), **members)["id"]
    other = mesh.project("of another", client=mesh.as_person("member-of-another-project"), **members)["id"]
    for grant in admin.list_policy_grants(
        **domain, entityType="DOMAIN_UNIT", entityIdentifier=mesh.root_unit,
        policyType="CREATE_PROJECT_FROM_PROJECT_PROFILE",
    )["grantList"]:  # fmt: skip
        admin.remove_policy_grant(
            **domain, entityType="DOMAIN_UNIT", entityIdentifier=mesh.root_unit,
            policyType="CREATE_PROJECT_FROM_PROJECT_PROFILE", principal=ALL_USERS, grantIdentifier=grant["grantId"],
        )  # fmt: skip
    owner = mesh.as_person("owner")
    environments = owner.list_environments(**domain, projectIdentifier=project)["items"]
    theirs = mesh.as_person("member-of-another-project").list_environments(**domain, projectIdentifier=other)["items"]
    connections = owner.list_connections(**domain, projectIdentifier=project)["items"]
    world = World(
        mesh, unit, project, other, profile, environments[0]["id"], theirs[0]["id"], connections[0]["connectionId"]
    )
    world.join(project)
    unit_owner = {"user": {"userIdentifier": mesh.person("unit-owner")}}
    admin.add_entity_owner(**domain, entityType="DOMAIN_UNIT", entityIdentifier=unit, owner=unit_owner)
    for person in ("policy-holder", "owner"):
        for policy in USER_POLICIES if person == "policy-holder" else ("CREATE_PROJECT",):
            principal = {"user": {"userIdentifier": mesh.person(person)}}
            mesh.grant(policy, principal, {"includeChildDomainUnits": True}, unit)
    for policy in PROJECT_POLICIES:
        for designation in ("CONTRIBUTOR", "PROJECT_CATALOG_STEWARD"):
            for granted in (project, other):
                principal = {"project": {"projectDesignation": designation, "projectIdentifier": granted}}
                mesh.grant(policy, principal, {}, unit)
    gone = mesh.person("deactivated-person")
    world.clients["deactivated person"].list_projects(**domain)
    for status in ("ACTIVATED", "DEACTIVATED"):
        admin.update_user_profile(**domain, userIdentifier=gone, status=status)
    world.kept = {"asset type": world.asset_type(), "form type": world.form_type()}
    return world


def _owned(world: World) -> Json:
    return {"entityType": "DOMAIN_UNIT", "entityIdentifier": world.unit}


def _policy(world: World, policy: str = "CREATE_DOMAIN_UNIT") -> Json:
    return {**_owned(world), "policyType": policy}


def _user(person: str) -> Json:
    return {"user": {"userIdentifier": person}}


def _owner_to_remove(world: World) -> Json:
    owner = _user(world.new_member())
    world.admin.add_entity_owner(**world.domain, **_owned(world), owner=owner)
    return {**_owned(world), "owner": owner}


def _grant_to_remove(world: World) -> Json:
    principal = _user(world.new_member())
    detail = {"createDomainUnit": {}}
    world.admin.add_policy_grant(**world.domain, **_policy(world), principal=principal, detail=detail)
    return {**_policy(world), "principal": principal}


def _another_domain(world: World) -> Json:
    role = f"arn:aws:iam::{world.mesh.plane.account_id}:role/"
    made = world.admin.create_domain(
        name=word("domain"), domainVersion="V2", domainExecutionRole=f"{role}Execution", serviceRole=f"{role}Service"
    )
    return {"identifier": str(made["id"])}


def _tagged(world: World) -> Json:
    mesh = world.mesh
    return {"resourceArn": f"arn:aws:datazone:{mesh.plane.region}:{mesh.plane.account_id}:domain/{mesh.domain_id}"}


REQUESTS: dict[str, Callable[[World], Json]] = {
    # domains
    "CreateDomain": lambda w: {
        "name": word("domain"),
        "domainVersion": "V2",
        "domainExecutionRole": f"arn:aws:iam::{w.mesh.plane.account_id}:role/Execution",
        "serviceRole": f"arn:aws:iam::{w.mesh.plane.account_id}:role/Service",
    },
    "GetDomain": lambda w: {"identifier": w.mesh.domain_id},
    "ListDomains": lambda _: {},
    "UpdateDomain": lambda w: {"identifier": w.mesh.domain_id, "description": "changed"},
    "DeleteDomain": _another_domain,
    "ListTagsForResource": _tagged,
    "TagResource": lambda w: {**_tagged(w), "tags": {"a": "b"}},
    "UntagResource": lambda w: {**_tagged(w), "tagKeys": ["a"]},
    "GetIamPortalLoginUrl": lambda _: {},
    # domain units and their policies
    "CreateDomainUnit": lambda w: {"name": word("unit"), "parentDomainUnitIdentifier": w.unit},
    "GetDomainUnit": lambda w: {"identifier": w.unit},
    "ListDomainUnitsForParent": lambda w: {"parentDomainUnitIdentifier": w.unit},
    "UpdateDomainUnit": lambda w: {"identifier": w.unit, "description": "changed"},
    "DeleteDomainUnit": lambda w: {"identifier": w.new_unit()},
    "AddEntityOwner": lambda w: {**_owned(w), "owner": _user(w.new_member())},
    "RemoveEntityOwner": _owner_to_remove,
    "ListEntityOwners": _owned,
    "UpdateRootDomainUnitOwner": lambda w: {
        "currentOwner": f"arn:aws:iam::{w.mesh.plane.account_id}:user/administrator",
        "newOwner": f"arn:aws:iam::{w.mesh.plane.account_id}:user/administrator",
    },
    "AddPolicyGrant": lambda w: {
        **_policy(w),
        "principal": _user(w.new_member()),
        "detail": {"createDomainUnit": {}},
    },
    "RemovePolicyGrant": _grant_to_remove,
    "ListPolicyGrants": _policy,
    "CreateRule": World.rule_request,
    "GetRule": lambda w: {"identifier": w.rule()},
    "ListRules": lambda w: {"targetType": "DOMAIN_UNIT", "targetIdentifier": w.unit},
    "UpdateRule": lambda w: {"identifier": w.rule(), "description": "changed"},
    "DeleteRule": lambda w: {"identifier": w.rule()},
    # people
    "CreateUserProfile": lambda w: {"userIdentifier": w.new_member()},
    "GetUserProfile": lambda w: {"userIdentifier": w.mesh.person("owner")},
    "UpdateUserProfile": lambda w: {"userIdentifier": w.new_member(), "status": "NOT_ASSIGNED"},
    "SearchUserProfiles": lambda _: {"userType": "DATAZONE_USER"},
    "CreateGroupProfile": lambda w: {"groupIdentifier": w.mesh.group(word("group"))},
    "GetGroupProfile": lambda w: {"groupIdentifier": w.mesh.group(word("group"))},
    "UpdateGroupProfile": lambda w: {"groupIdentifier": w.mesh.group(word("group")), "status": "ASSIGNED"},
    "SearchGroupProfiles": lambda _: {"groupType": "SSO_GROUP"},
    # blueprints and project profiles
    "ListEnvironmentBlueprints": lambda _: {},
    "GetEnvironmentBlueprint": lambda _: {"identifier": "Tooling"},
    "PutEnvironmentBlueprintConfiguration": lambda w: {
        "environmentBlueprintIdentifier": "EmrServerless",
        "enabledRegions": [w.mesh.plane.region],
    },
    "GetEnvironmentBlueprintConfiguration": lambda _: {"environmentBlueprintIdentifier": "Tooling"},
    "ListEnvironmentBlueprintConfigurations": lambda _: {},
    "DeleteEnvironmentBlueprintConfiguration": lambda _: {"environmentBlueprintIdentifier": "EmrServerless"},
    "CreateProjectProfile": lambda w: {"name": word("profile"), "domainUnitIdentifier": w.unit},
    "GetProjectProfile": lambda w: {"identifier": w.profile},
    "ListProjectProfiles": lambda _: {},
    "UpdateProjectProfile": lambda w: {"identifier": w.new_profile(), "description": "changed"},
    "DeleteProjectProfile": lambda w: {"identifier": w.new_profile()},
    # projects
    "CreateProject": lambda w: {"name": word("project"), "domainUnitId": w.unit},
    "CreateProject with a profile": lambda w: {
        "name": word("project"),
        "domainUnitId": w.unit,
        "projectProfileId": w.new_profile(),
    },
    "GetProject": lambda w: {"identifier": w.project},
    "ListProjects": lambda _: {},
    "UpdateProject": lambda w: {"identifier": w.project, "description": "changed"},
    "DeleteProject": lambda w: {"identifier": w.new_project()},
    "CreateProjectMembership": lambda w: {
        "projectIdentifier": w.project,
        "member": {"userIdentifier": w.new_member()},
        "designation": rules.OWNER,
    },
    "ListProjectMemberships": lambda w: {"projectIdentifier": w.project},
    "DeleteProjectMembership": lambda w: {
        "projectIdentifier": w.project,
        "member": {"userIdentifier": w.added_member()},
    },
    # environments and connections
    "CreateEnvironment": lambda w: {
        "projectIdentifier": w.project,
        "name": word("Archive"),
        "environmentConfigurationName": "Archive",
    },
    "GetEnvironment": lambda w: {"identifier": w.environment},
    "ListEnvironments": lambda w: {"projectIdentifier": w.project},
    "UpdateEnvironment": lambda w: {"identifier": w.environment, "description": "changed"},
    "DeleteEnvironment": lambda w: {"identifier": w.new_environment()},
    "GetEnvironmentCredentials": lambda w: {"environmentIdentifier": w.environment},
    "CreateConnection": World.connection_request,
    "GetConnection": lambda w: {"identifier": w.connection},
    "GetConnection with its secret": lambda w: {"identifier": w.connection, "withSecret": True},
    "ListConnections": lambda w: {"projectIdentifier": w.project},
    "UpdateConnection": lambda w: {"identifier": w.new_connection(), "description": "changed"},
    "DeleteConnection": lambda w: {"identifier": w.new_connection()},
    # types
    "CreateFormType": lambda w: {
        "name": "Formed",
        "owningProjectIdentifier": w.project,
        "model": {"smithy": "structure Formed { a: String }"},
    },
    "GetFormType": lambda w: {"formTypeIdentifier": w.kept["form type"]},
    "DeleteFormType": lambda w: {"formTypeIdentifier": w.form_type()},
    "CreateAssetType": lambda w: {"name": "Kinded", "owningProjectIdentifier": w.project, "formsInput": {}},
    "GetAssetType": lambda w: {"identifier": w.kept["asset type"]},
    "DeleteAssetType": lambda w: {"identifier": w.asset_type()},
    "SearchTypes": lambda _: {"searchScope": "FORM_TYPE", "managed": False},
    # glossaries
    "CreateGlossary": lambda w: {"name": word("glossary"), "owningProjectIdentifier": w.project},
    "GetGlossary": lambda w: {"identifier": w.glossary()},
    "UpdateGlossary": lambda w: {"identifier": w.glossary(), "description": "changed"},
    "DeleteGlossary": lambda w: {"identifier": w.glossary()},
    "CreateGlossaryTerm": lambda w: {"name": word("term"), "glossaryIdentifier": w.glossary()},
    "GetGlossaryTerm": lambda w: {"identifier": w.term()},
    "UpdateGlossaryTerm": lambda w: {"identifier": w.term(), "shortDescription": "changed"},
    "DeleteGlossaryTerm": lambda w: {"identifier": w.term()},
    # assets and what is published of them
    "CreateAsset": lambda w: {
        "name": word("asset"),
        "owningProjectIdentifier": w.project,
        "typeIdentifier": w.kept["asset type"],
    },
    "GetAsset": lambda w: {"identifier": w.asset()},
    "CreateAssetRevision": lambda w: {"identifier": w.asset(), "name": "revised"},
    "ListAssetRevisions": lambda w: {"identifier": w.asset()},
    "DeleteAsset": lambda w: {"identifier": w.asset()},
    "AssociateGovernedTerms": lambda w: {
        "entityType": "ASSET",
        "entityIdentifier": w.asset(),
        "governedGlossaryTerms": [w.restricted_term()],
    },
    "DisassociateGovernedTerms": lambda w: {
        "entityType": "ASSET",
        "entityIdentifier": w.asset(),
        "governedGlossaryTerms": [w.restricted_term()],
    },
    "CreateAssetFilter": lambda w: {
        "assetIdentifier": w.asset_with_filter()["assetIdentifier"],
        "name": word("filter"),
        "configuration": {"columnConfiguration": {"includedColumnNames": ["c"]}},
    },
    "GetAssetFilter": World.asset_with_filter,
    "ListAssetFilters": lambda w: {"assetIdentifier": w.asset()},
    "UpdateAssetFilter": lambda w: {**w.asset_with_filter(), "description": "changed"},
    "DeleteAssetFilter": World.asset_with_filter,
    "Search": lambda _: {"searchScope": "ASSET"},
    "CreateListingChangeSet": lambda w: {
        "entityIdentifier": w.asset(),
        "entityType": "ASSET",
        "action": "PUBLISH",
    },
    "GetListing": lambda w: {"identifier": w.listing()},
    "GetListing that is not active": lambda w: {"identifier": w.unpublished()},
    "DeleteListing": lambda w: {"identifier": w.listing()},
    "SearchListings": lambda _: {},
    # data sources
    "CreateDataSource": lambda w: {
        "projectIdentifier": w.project,
        "name": word("source"),
        "type": "GLUE",
        "configuration": {"glueRunConfiguration": {"relationalFilterConfigurations": [{"databaseName": "nowhere"}]}},
    },
    "GetDataSource": lambda w: {"identifier": w.data_source()},
    "ListDataSources": lambda w: {"projectIdentifier": w.project},
    "UpdateDataSource": lambda w: {"identifier": w.data_source(), "description": "changed"},
    "DeleteDataSource": lambda w: {"identifier": w.data_source()},
    "StartDataSourceRun": lambda w: {"dataSourceIdentifier": w.data_source()},
    "GetDataSourceRun": lambda w: {"identifier": w.run()},
    "ListDataSourceRuns": lambda w: {"dataSourceIdentifier": w.data_source()},
    "ListDataSourceRunActivities": lambda w: {"identifier": w.run()},
    # subscriptions
    "CreateSubscriptionRequest": World.subscription_request,
    "CreateSubscriptionRequest for someone else": lambda w: {
        **w.subscription_request(),
        "subscribedPrincipals": [{"user": {"identifier": w.new_member()}}],
    },
    "GetSubscriptionRequestDetails": lambda w: {"identifier": w.pending()},
    "ListSubscriptionRequests": lambda _: {},
    "UpdateSubscriptionRequest": lambda w: {"identifier": w.pending(), "requestReason": "another"},
    "DeleteSubscriptionRequest": lambda w: {"identifier": w.pending()},
    "AcceptSubscriptionRequest": lambda w: {"identifier": w.pending()},
    "RejectSubscriptionRequest": lambda w: {"identifier": w.pending()},
    "GetSubscription": lambda w: {"identifier": w.subscription()},
    "ListSubscriptions": lambda _: {},
    "CancelSubscription": lambda w: {"identifier": w.subscription()},
    "RevokeSubscription": lambda w: {"identifier": w.subscription()},
    "CreateSubscriptionTarget": World.target_request,
    "GetSubscriptionTarget": lambda w: {"environmentIdentifier": w.environment, "identifier": w.target()},
    "ListSubscriptionTargets": lambda w: {"environmentIdentifier": w.environment},
    "UpdateSubscriptionTarget": lambda w: {
        "environmentIdentifier": w.environment,
        "identifier": w.target(),
        "name": "renamed",
    },
    "DeleteSubscriptionTarget": lambda w: {"environmentIdentifier": w.environment, "identifier": w.target()},
    "CreateSubscriptionGrant": World.grant_request,
    "GetSubscriptionGrant": lambda w: {"identifier": w.grant()["identifier"]},
    "ListSubscriptionGrants": lambda _: {},
    "DeleteSubscriptionGrant": lambda w: {"identifier": w.grant()["identifier"]},
    "UpdateSubscriptionGrantStatus": lambda w: {**w.grant(), "status": "GRANTED"},
}
"""A request of each line of the table of rights, without the domain's id."""

TWO_SIDED = frozenset(name for name in rules.RIGHTS if "ubscription" in name and "Target" not in name)
"""Operations on what has a publishing and a subscribing project."""
