"""A domain where everybody has another role, and what requests are about in it."""

import time
from dataclasses import dataclass, field
from functools import cached_property
from types import SimpleNamespace
from typing import Any

from tests.data_plane.datazone.catalog_for_tests import unique
from tests.data_plane.datazone.domains_for_tests import ALL_USERS, SERVICES_TRUST, Mesh, environment, make_profile
from tests.data_plane.datazone.lineage_for_tests import namespace, run_event, tell
from twinplane.data_plane import sessions
from twinplane.data_plane.plane import Keys
from twinplane.data_plane.services.datazone import rights

Json = dict[str, Any]

DESIGNATED = {
    "owner": rights.OWNER,
    "contributor": rights.CONTRIBUTOR,
    "steward": rights.STEWARD,
    "consumer": rights.CONSUMER,
    "viewer": rights.VIEWER,
}
ANALYST_MAY = ("CreateAsset", "DeleteListing", "CreateGlossary", "AcceptSubscriptionRequest", "CancelSubscription")
"""What the policy of the designation permits that the domain has made, and the analyst has."""
USER_POLICIES = (
    "CREATE_DOMAIN_UNIT", "OVERRIDE_DOMAIN_UNIT_OWNERS", "OVERRIDE_PROJECT_OWNERS", "CREATE_PROJECT",
    "CREATE_PROJECT_FROM_PROJECT_PROFILE",
)  # fmt: skip
PROJECT_POLICIES = ("CREATE_GLOSSARY", "CREATE_FORM_TYPE", "CREATE_ASSET_TYPE")


def word(text: str) -> str:
    """A unique name without spaces."""
    return unique(text).replace(" ", "_")


def quality() -> Json:
    """A result of a data quality run."""
    content = '{"evaluations":[],"passingPercentage":1.0,"evaluationsCount":0}'
    kind = "amazon.datazone.DataQualityResultFormType"
    return {"formName": "rules", "typeIdentifier": kind, "timestamp": 1_700_000_000, "content": content}


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
        people = (
            *DESIGNATED,
            "analyst",
            "unit owner",
            "policy holder",
            "member of another project",
            "person of no project",
        )
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

    def designation(self) -> str:
        made = self.admin.create_designation(
            **self.domain, name=word("designation"), policy="permit(principal, action, resource);",
            deletionProtection=False,
        )  # fmt: skip
        return str(made["id"])

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
        self.owner.create_project_membership(
            **self.domain, projectIdentifier=project, designation=rights.CUSTOM,
            userCreatedDesignationId=self.kept["designation"],
            member={"userIdentifier": self.mesh.person("analyst")},
        )  # fmt: skip

    def new_member(self) -> str:
        return self.mesh.person(word("newcomer"))

    def added_member(self) -> str:
        person = self.new_member()
        self.owner.create_project_membership(
            **self.domain, projectIdentifier=self.project, designation=rights.VIEWER, member={"userIdentifier": person}
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

    def product(self) -> str:
        made = self.owner.create_data_product(**self.domain, name=word("product"), owningProjectIdentifier=self.project)
        return str(made["id"])

    def point(self) -> Json:
        """A point of an asset's time series."""
        asset = {"entityType": "ASSET", "entityIdentifier": self.asset_with_filter()["assetIdentifier"]}
        made = self.owner.post_time_series_data_points(**self.domain, **asset, forms=[quality()])
        return {**asset, "formName": "rules", "identifier": made["forms"][0]["id"]}

    def lineage_event(self) -> str:
        event = run_event(namespace(), "job", inputs=["raw"], outputs=["sales"])
        return tell(self.owner, self.mesh, event)[0]

    def lineage_node(self) -> str:
        space = namespace()
        tell(self.owner, self.mesh, run_event(space, "job", inputs=["raw"], outputs=["sales"]))
        return f"{space}/sales"

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

    def associated_role(self) -> Json:
        role = f"arn:aws:iam::{self.mesh.plane.account_id}:role/Manage"
        request = {"environmentIdentifier": self.environment, "environmentRoleArn": role}
        self.owner.associate_environment_role(**self.domain, **request)
        return request

    def notebook(self) -> str:
        made = self.owner.create_notebook(**self.domain, owningProjectIdentifier=self.project, name="Book")
        return str(made["id"])

    def export_request(self) -> Json:
        return {
            "notebookIdentifier": self.notebook(), "owningProjectIdentifier": self.project, "fileFormat": "IPYNB"
        }  # fmt: skip

    def notebook_export(self) -> str:
        return str(self.owner.start_notebook_export(**self.domain, **self.export_request())["id"])

    def notebook_run(self) -> str:
        request = {"notebookIdentifier": self.notebook(), "owningProjectIdentifier": self.project}
        return str(self.owner.start_notebook_run(**self.domain, **request)["id"])

    def job(self) -> str:
        """The id of the job of a new connection that imports lineage."""
        sync = {"lineageSync": {"enabled": True}, "host": "warehouse.example", "databaseName": "sales"}
        request = self.connection_request() | {"props": {"redshiftProperties": sync}}
        return str(self.owner.create_connection(**self.domain, **request)["connectionId"])

    def job_run(self) -> str:
        [run] = self.owner.list_job_runs(**self.domain, jobIdentifier=self.job())["items"]
        return str(run["runId"])

    def domain_connection(self) -> str:
        request = self.domain_connection_request()
        return str(self.mesh.admin.create_connection(**self.domain, **request)["connectionId"])

    def domain_connection_request(self) -> Json:
        return {"name": word("connection"), "scope": "DOMAIN", "props": {"amazonQProperties": {"isEnabled": True}}}

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
    may_pass = '{"Effect":"Allow","Action":"iam:PassRole","Resource":"*"}'  # who makes a domain hands it roles
    document = f'{{"Version":"2012-10-17","Statement":[{may_pass}]}}'
    iam.put_role_policy(RoleName="Person", PolicyName="pass", PolicyDocument=document)
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
    actions = ", ".join(f'DataZone::Action::"{action}"' for action in ANALYST_MAY)
    policy = f"permit(principal, action in [{actions}], resource);"
    world.kept["designation"] = admin.create_designation(**domain, name="Analyst", policy=policy)["id"]
    world.join(project)
    unit_owner = {"user": {"userIdentifier": mesh.person("unit-owner")}}
    admin.add_entity_owner(**domain, entityType="DOMAIN_UNIT", entityIdentifier=unit, owner=unit_owner)
    for person in ("policy-holder", "owner"):
        for policy in USER_POLICIES if person == "policy-holder" else ("CREATE_PROJECT",):
            principal = {"user": {"userIdentifier": mesh.person(person)}}
            mesh.grant(policy, principal, {"includeChildDomainUnits": True}, unit)
    for policy in PROJECT_POLICIES:
        analysts = {
            "projectDesignation": "USER_CREATED_DESIGNATION",
            "userCreatedDesignationId": world.kept["designation"],
        }
        designated = [{"projectDesignation": d} for d in ("CONTRIBUTOR", "PROJECT_CATALOG_STEWARD")]
        for designation in (*designated, analysts):
            for granted in (project, other):
                principal = {"project": {**designation, "projectIdentifier": granted}}
                mesh.grant(policy, principal, {}, unit)
    gone = mesh.person("deactivated-person")
    world.clients["deactivated person"].list_projects(**domain)
    for status in ("ACTIVATED", "DEACTIVATED"):
        admin.update_user_profile(**domain, userIdentifier=gone, status=status)
    world.kept |= {"asset type": world.asset_type(), "form type": world.form_type()}
    return world
