"""Brings environments about and removes them, behind the answers that promised it.

Every environment is provisioned in one transaction, together with the status that says so, so a crash leaves it either
untouched or done; the task that drives it starts again with what is still to do.
"""

from typing import TYPE_CHECKING, Any

from twinplane.data_plane.services.athena import store as athena
from twinplane.data_plane.services.datazone import (
    blueprints,
    connections,
    events,
    fulfilment,
    making,
    notifications,
    project_contents,
    rules,
    store,
    subscription_targets,
)
from twinplane.data_plane.services.glue import store as glue
from twinplane.data_plane.services.iam import store as iam
from twinplane.data_plane.services.lakeformation import store as lakeformation
from twinplane.data_plane.services.s3 import store as s3
from twinplane.data_plane.store import Document, Transaction
from twinplane.data_plane.tasks import TaskKind, enqueue

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane


_SUBSCRIPTIONS_TAKE_SECONDS = 0.1


# --- the tasks ---


async def _deploy(plane: "Plane", task: Document) -> None:
    """Deploys what is to be deployed of a project, one environment after another."""
    domain_id, project_id = task["payload"]["domain_id"], task["subject"]

    def waiting(tx: Transaction) -> list[Document]:
        project = tx.find(store.PROJECTS, domain_id, project_id)
        if project is None or project["projectStatus"] == "DELETING":
            return []
        _record_progress(tx, project)
        begun = {"deploymentStatus": "IN_PROGRESS"}
        return [
            tx.put(store.ENVIRONMENTS, environment | {"lastDeployment": environment["lastDeployment"] | begun})
            for environment in store.project_environments(tx, domain_id, project_id)
            if environment["status"] in ("CREATING", "UPDATING")
        ]

    for environment in await plane.store.write(waiting):
        try:
            await plane.store.write(lambda tx, e=environment: provision(tx, plane, e))  # type: ignore[misc]
        except making.ProvisioningFailed as failure:
            await plane.store.write(lambda tx, e=environment, f=failure: _record_failure(tx, plane, e, f))  # type: ignore[misc]


async def _remove_environment(plane: "Plane", task: Document) -> None:
    def remove(tx: Transaction) -> None:
        environment = tx.find(store.ENVIRONMENTS, task["payload"]["domain_id"], task["payload"]["environment_id"])
        if environment is not None:
            deprovision(tx, plane, environment)

    await plane.store.write(remove)


async def _remove_project(plane: "Plane", task: Document) -> None:
    """Ends the project's subscriptions, waits until they have ended, then removes it."""
    domain_id, project_id = task["payload"]["domain_id"], task["subject"]

    def remove(tx: Transaction) -> None:
        project = tx.find(store.PROJECTS, domain_id, project_id)
        if project is None:
            return
        if project_contents.end_subscriptions(tx, plane, domain_id, project_id):
            project_contents.remove(tx, domain_id, project_id)
            remove_project(tx, plane, project)
        else:
            due = plane.clock() + _SUBSCRIPTIONS_TAKE_SECONDS
            enqueue(tx, plane, "datazone.remove_project", project_id, due_at=due, domain_id=domain_id)

    await plane.store.write(remove)


def ask_for_removal(tx: Transaction, plane: "Plane", project: Document) -> None:
    """Has a project removed with all that is in it, unless that is under way."""
    if project["projectStatus"] != "DELETING":
        tx.put(store.PROJECTS, project | {"projectStatus": "DELETING", "lastUpdatedAt": plane.clock()})
        enqueue(tx, plane, "datazone.remove_project", project["id"], domain_id=project["domainId"])


def _deploy_failed(tx: Transaction, plane: "Plane", task: Document, reason: str) -> None:
    project = tx.find(store.PROJECTS, task["payload"]["domain_id"], task["subject"])
    if project is None:
        return
    for environment in store.project_environments(tx, project["domainId"], project["id"]):
        if environment["status"] in ("CREATING", "UPDATING"):
            failed = _fail(tx, environment | {"updatedAt": plane.clock()}, reason, "CREATE_FAILED")
            events.tell_of_environment(tx, plane, "Deployment Failed", failed)
    _record_progress(tx, project)


def _removal_failed(tx: Transaction, plane: "Plane", task: Document, reason: str) -> None:
    project = tx.find(store.PROJECTS, task["payload"]["domain_id"], task["subject"])
    if project is not None:
        failed: Document = {"projectStatus": "DELETE_FAILED", "failureReasons": [{"message": reason}]}
        failed["lastUpdatedAt"] = plane.clock()
        tx.put(store.PROJECTS, project | failed)


def _environment_removal_failed(tx: Transaction, plane: "Plane", task: Document, reason: str) -> None:
    environment = tx.find(store.ENVIRONMENTS, task["payload"]["domain_id"], task["payload"]["environment_id"])
    if environment is not None:
        failed = _fail(tx, environment | {"updatedAt": plane.clock()}, reason, "DELETE_FAILED")
        events.tell_of_environment(tx, plane, "Deletion Failed", failed)


TASKS = {
    "datazone.deploy": TaskKind(_deploy, _deploy_failed),
    "datazone.remove_environment": TaskKind(_remove_environment, _environment_removal_failed),
    "datazone.remove_project": TaskKind(_remove_project, _removal_failed),
}


# --- one environment ---


def provision(tx: Transaction, plane: "Plane", environment: Document) -> None:
    """Makes an environment and records that it is active. Raises `ProvisioningFailed`, having changed nothing."""
    blueprint = blueprints.get_blueprint(environment["environmentBlueprintId"])
    project = store.get_project(tx, environment["domainId"], environment["projectId"])
    if not blueprint.served:
        raise making.ProvisioningFailed(f"Blueprint {blueprint.name} is not served by this data plane.")
    if environment["awsAccountId"] != plane.settings.account_id:
        raise making.ProvisioningFailed(
            f"Account {environment['awsAccountId']} is not the account of this data plane.", status="VALIDATION_FAILED"
        )
    configuration = store.blueprint_configuration(tx, environment["domainId"], blueprint.id)
    region = environment["awsAccountRegion"]
    if configuration is None or region not in configuration["enabledRegions"] or region != plane.settings.region:
        raise making.ProvisioningFailed(
            f"Blueprint {blueprint.name} is not enabled in {environment['awsAccountId']}, {region}.",
            status="VALIDATION_FAILED",
        )
    parts = making.Making(tx, plane, project, environment, configuration)
    resources = making.MAKERS[blueprint.name](parts)
    done = environment | {
        "status": "ACTIVE",
        "updatedAt": plane.clock(),
        "provisionedResources": [
            {"name": name, "value": value, "type": "string", "provider": blueprints.PROVIDER}
            for name, value in resources.items()
        ],
        "lastDeployment": environment["lastDeployment"]
        | {"deploymentStatus": "SUCCESSFUL", "isDeploymentComplete": True},
    }
    tx.put(store.ENVIRONMENTS, done)
    subscription_targets.add_default(tx, done, plane.clock())
    events.tell_of_environment(tx, plane, "Deployment Completed", done)
    _record_progress(tx, project)


# --- progress and failure ---


def _record_progress(tx: Transaction, project: Document) -> None:
    """Writes on the project how far the environments made with it are."""
    made_with_it = [e for e in store.project_environments(tx, project["domainId"], project["id"]) if e["onCreate"]]
    if not made_with_it:
        return
    details: dict[str, Any] = {"overallDeploymentStatus": rules.deployment_status(e["status"] for e in made_with_it)}
    failures = {
        e["id"]: [e["lastDeployment"]["failureReason"]] for e in made_with_it if "failureReason" in e["lastDeployment"]
    }
    if failures:
        details["environmentFailureReasons"] = failures
    tx.put(store.PROJECTS, project | {"environmentDeploymentDetails": details})


def _record_failure(tx: Transaction, plane: "Plane", environment: Document, failure: making.ProvisioningFailed) -> None:
    failed = _fail(tx, environment | {"updatedAt": plane.clock()}, str(failure), failure.status)
    events.tell_of_environment(tx, plane, "Deployment Failed", failed)
    _record_progress(tx, store.get_project(tx, environment["domainId"], environment["projectId"]))


def _fail(tx: Transaction, environment: Document, reason: str, status: str) -> Document:
    if environment["status"] == "UPDATING":
        status = "UPDATE_FAILED"
    deployment = environment["lastDeployment"] | {
        "deploymentStatus": "FAILED",
        "isDeploymentComplete": True,
        "failureReason": {"code": status, "message": reason},
    }
    return tx.put(store.ENVIRONMENTS, environment | {"status": status, "lastDeployment": deployment})


# --- removal ---


def deprovision(tx: Transaction, plane: "Plane", environment: Document) -> None:
    """Removes an environment with all that was made for it; what is gone already is passed over."""
    resources = {r["name"]: r["value"] for r in environment.get("provisionedResources", [])}
    if "glueDBName" in resources:
        lakeformation.forget(tx, database=resources["glueDBName"])
        if glue.find_database(tx, resources["glueDBName"]) is not None:
            glue.remove_database(tx, resources["glueDBName"])
    if "athenaWorkgroupName" in resources:
        athena.remove_work_group(tx, resources["athenaWorkgroupName"])
    if "s3BucketPath" in resources:
        bucket, _, prefix = resources["s3BucketPath"].removeprefix("s3://").partition("/")
        for found in s3.list_objects(tx, bucket, f"{prefix}/"):
            s3.remove_object(tx, plane, bucket, found["key"])
        tx.remove(lakeformation.LOCATIONS, f"arn:aws:s3:::{bucket}/{prefix}")
    if "userRoleName" in resources:
        iam.remove_role(tx, resources["userRoleName"])
    domain_id = environment["domainId"]
    where = {"domainId": domain_id, "environmentId": environment["id"]}
    for connection in tx.select(store.CONNECTIONS, where):
        connections.forget(tx, plane, connection)
    for grant in tx.select(fulfilment.GRANTS, where):
        fulfilment.end(tx, plane, grant, delete=True)
    for target in tx.select(subscription_targets.TARGETS, where):
        tx.remove(subscription_targets.TARGETS, *subscription_targets.TARGETS.key_of(target))
    tx.remove(store.ENVIRONMENTS, domain_id, environment["id"])
    events.tell_of_environment(tx, plane, "Deletion Completed", environment)


def remove_project(tx: Transaction, plane: "Plane", project: Document) -> None:
    """Removes a project, its environments and memberships, and the policy grants that name it."""
    domain_id = project["domainId"]
    here = {"domainId": domain_id, "projectId": project["id"]}
    for environment in reversed(store.project_environments(tx, domain_id, project["id"])):
        deprovision(tx, plane, environment)
    for connection in tx.select(store.CONNECTIONS, here):
        connections.forget(tx, plane, connection)
    for membership in tx.select(store.MEMBERSHIPS, here):
        tx.remove(store.MEMBERSHIPS, *store.MEMBERSHIPS.key_of(membership))
    for grant in tx.select(store.POLICY_GRANTS, {"domainId": domain_id}):
        if grant["principal"].get("project", {}).get("projectIdentifier") == project["id"]:
            tx.remove(store.POLICY_GRANTS, domain_id, grant["grantId"])
    notifications.forget(tx, domain_id, project["id"])
    tx.remove(store.PROJECTS, domain_id, project["id"])
