"""A request of every operation of DataZone, about something in a domain where everybody has another role."""

import json
from collections.abc import Callable

from tests.data_plane.datazone.domains_for_tests import eventually
from tests.data_plane.datazone.lineage_for_tests import graph_query, namespace, run_event
from tests.data_plane.datazone.roles_for_tests import Json, World, quality, word
from twinplane.data_plane.services.datazone import rights


def without(request: Json, member: str) -> Json:
    return {name: value for name, value in request.items() if name != member}


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
    """A domain of the administrator's, once it is made."""
    role = f"arn:aws:iam::{world.mesh.plane.account_id}:role/"
    made = world.admin.create_domain(
        name=word("domain"), domainVersion="V2", domainExecutionRole=f"{role}Execution", serviceRole=f"{role}Service"
    )
    eventually(lambda: world.admin.get_domain(identifier=made["id"])["status"], lambda s: s == "AVAILABLE")
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
    "CreateDesignation": lambda _: {"name": word("designation"), "policy": "permit(principal, action, resource);"},
    "GetDesignation": lambda w: {"identifier": w.kept["designation"]},
    "ListDesignations": lambda _: {},
    "UpdateDesignation": lambda w: {"identifier": w.designation(), "description": "changed"},
    "DeleteDesignation": lambda w: {"identifier": w.designation()},
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
        "designation": rights.OWNER,
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
    "AssociateEnvironmentRole": lambda w: {
        "environmentIdentifier": w.environment,
        "environmentRoleArn": f"arn:aws:iam::{w.mesh.plane.account_id}:role/Manage",
    },
    "DisassociateEnvironmentRole": World.associated_role,
    "CreateNotebook": lambda w: {"owningProjectIdentifier": w.project, "name": "Book"},
    "GetNotebook": lambda w: {"identifier": w.notebook()},
    "ListNotebooks": lambda w: {"owningProjectIdentifier": w.project},
    "UpdateNotebook": lambda w: {"identifier": w.notebook(), "description": "changed"},
    "DeleteNotebook": lambda w: {"identifier": w.notebook()},
    "StartNotebookExport": World.export_request,
    "GetNotebookExport": lambda w: {"identifier": w.notebook_export()},
    "StartNotebookSync": lambda w: {
        "owningProjectIdentifier": w.project,
        "sourceLocation": {"s3": w.mesh.resources(w.project)["s3BucketPath"] + "/none.ipynb"},
    },
    "StartNotebookImport": lambda w: {
        "owningProjectIdentifier": w.project,
        "name": "Imported",
        "sourceLocation": {"s3": w.mesh.resources(w.project)["s3BucketPath"] + "/none.ipynb"},
    },
    "StartNotebookRun": lambda w: {"owningProjectIdentifier": w.project, "notebookIdentifier": w.notebook()},
    "GetNotebookRun": lambda w: {"identifier": w.notebook_run()},
    "ListNotebookRuns": lambda w: {"owningProjectIdentifier": w.project},
    "StopNotebookRun": lambda w: {"identifier": w.notebook_run()},
    "GetJobRun": lambda w: {"identifier": w.job_run()},
    "ListJobRuns": lambda w: {"jobIdentifier": w.job()},
    "CreateConnection": World.connection_request,
    "CreateConnection of a domain": World.domain_connection_request,
    "GetConnection": lambda w: {"identifier": w.connection},
    "GetConnection of a domain": lambda w: {"identifier": w.domain_connection()},
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
    "CreateDataProduct": lambda w: {"name": word("product"), "owningProjectIdentifier": w.project},
    "GetDataProduct": lambda w: {"identifier": w.product()},
    "CreateDataProductRevision": lambda w: {"identifier": w.product(), "name": "revised"},
    "ListDataProductRevisions": lambda w: {"identifier": w.product()},
    "DeleteDataProduct": lambda w: {"identifier": w.product()},
    "PostTimeSeriesDataPoints": lambda w: {
        "entityType": "ASSET",
        "entityIdentifier": w.asset_with_filter()["assetIdentifier"],
        "forms": [quality()],
    },
    "GetTimeSeriesDataPoint": World.point,
    "ListTimeSeriesDataPoints": lambda w: without(w.point(), "identifier"),
    "DeleteTimeSeriesDataPoints": lambda w: without(w.point(), "identifier"),
    "ListNotifications": lambda _: {"type": "TASK"},
    "PostLineageEvent": lambda _: {"event": json.dumps(run_event(namespace(), "job")).encode()},
    "GetLineageEvent": lambda w: {"identifier": w.lineage_event()},
    "ListLineageEvents": lambda _: {},
    "DeleteLineageEvent": lambda w: {"identifier": w.lineage_event()},
    "GetLineageNode": lambda w: {"identifier": w.lineage_node()},
    "ListLineageNodeHistory": lambda w: {"identifier": w.lineage_node()},
    "QueryGraph": lambda w: {"match": graph_query(w.lineage_node())},
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

TWO_SIDED = frozenset(name for name in rights.RIGHTS if "ubscription" in name and "Target" not in name)
"""Operations on what has a publishing and a subscribing project."""
