"""Subscription targets: where in a project's environment subscribed tables appear, and for whom."""

from typing import Any

import msgspec

from twinplane.data_plane.call import Answer, Call, Operation, Request, new_id, reads, writes
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.datazone import access, blueprints, handed_roles, managed_types, rules, store
from twinplane.data_plane.services.datazone import types as asset_types
from twinplane.data_plane.services.datazone.paging import answer
from twinplane.data_plane.store import Document, Kind, Transaction

TARGETS = Kind(
    "datazone_subscription_target",
    key=("domainId", "environmentId", "id"),
    indexes=tuple(("domainId", "environmentId", by, "id") for by in ("createdAt", "updatedAt")),
)
KINDS = [TARGETS]

GLUE_TARGET = "GlueSubscriptionTargetType"
CONFIG_FORM = "GlueSubscriptionTargetConfigForm"
_ASSET_TYPES = ("GlueTableAssetType", "GlueViewAssetType")
_MEMBERS = (
    "id", "authorizedPrincipals", "domainId", "projectId", "environmentId", "name", "type", "createdBy", "updatedBy",
    "createdAt", "updatedAt", "manageAccessRole", "applicableAssetTypes", "subscriptionTargetConfig", "provider",
    "subscriptionGrantCreationMode",
)  # fmt: skip


def create_subscription_target(call: Call, request: Request) -> Answer:
    """Makes a subscription target in an environment of the caller's project."""
    environment, who = _environment(call, request)
    document: Document = {
        "domainId": environment["domainId"], "environmentId": environment["id"], "id": new_id(),
        "projectId": environment["projectId"], "name": request["name"], "type": request["type"],
        "authorizedPrincipals": request["authorizedPrincipals"], "manageAccessRole": request["manageAccessRole"],
        "applicableAssetTypes": request["applicableAssetTypes"],
        "subscriptionTargetConfig": request["subscriptionTargetConfig"],
        "provider": request.get("provider") or blueprints.PROVIDER,
        "subscriptionGrantCreationMode": request.get("subscriptionGrantCreationMode") or "AUTOMATIC",
        "createdAt": call.now, "createdBy": who.id, "updatedAt": call.now, "updatedBy": who.id,
    }  # fmt: skip
    _check(call.tx, document)
    handed_roles.take(call, environment["domainId"], environment["projectId"], request["manageAccessRole"])
    call.tx.add(TARGETS, document)
    return store.pick(document, _MEMBERS)


def get_subscription_target(call: Call, request: Request) -> Answer:
    """A subscription target of an environment."""
    environment, _ = _environment(call, request)
    return store.pick(target(call.tx, environment, request["identifier"]), _MEMBERS)


def list_subscription_targets(call: Call, request: Request) -> Answer:
    """The subscription targets of an environment."""
    environment, _ = _environment(call, request)
    by = "updatedAt" if request.get("sortBy") == "UPDATED_AT" else "createdAt"
    where = {"domainId": environment["domainId"], "environmentId": environment["id"]}
    order: dict[str, Any] = {"order": (by,), "descending": request.get("sortOrder") == "DESCENDING"}
    rows, token = page(
        call,
        request,
        lambda after, limit: call.tx.select(TARGETS, where, after=after, limit=limit, **order),
        lambda row: [row[by], *TARGETS.key_of(row)],
        most=50,
    )
    return answer([store.pick(d, _MEMBERS) for d in rows], token)


def update_subscription_target(call: Call, request: Request) -> Answer:
    """Changes what is given of a subscription target; grants made before stay as they are."""
    environment, who = _environment(call, request)
    changes = store.pick(
        request,
        (
            "name", "authorizedPrincipals", "applicableAssetTypes", "subscriptionTargetConfig", "manageAccessRole",
            "provider", "subscriptionGrantCreationMode",
        ),
    )  # fmt: skip
    document = target(call.tx, environment, request["identifier"]) | changes
    document |= {"updatedAt": call.now, "updatedBy": who.id}
    _check(call.tx, document)
    handed_roles.take(call, environment["domainId"], environment["projectId"], request.get("manageAccessRole"))
    call.tx.put(TARGETS, document)
    return store.pick(document, _MEMBERS)


def delete_subscription_target(call: Call, request: Request) -> Answer:
    """Removes a subscription target. Grants made through it stay until their subscription ends."""
    environment, _ = _environment(call, request)
    document = target(call.tx, environment, request["identifier"])
    call.tx.remove(TARGETS, *TARGETS.key_of(document))
    return {}


def target(tx: Transaction, environment: Document, identifier: str) -> Document:
    """The subscription target of an environment. Raises ResourceNotFoundException."""
    found = tx.find(TARGETS, environment["domainId"], environment["id"], identifier)
    if found is None:
        raise store.not_found("Subscription target", identifier)
    return found


def targets_of_project(tx: Transaction, domain_id: str, project_id: str, now: float) -> list[Document]:
    """The subscription targets of a project, also of environments that are older than their default target."""
    found = []
    for environment in store.project_environments(tx, domain_id, project_id):
        add_default(tx, environment, now)
        found += _targets(tx, environment)
    return found


def add_default(tx: Transaction, environment: Document, now: float) -> None:
    """Makes the target that an environment with a database begins with; nothing when it has had one."""
    default = None if environment.get("hasTarget") else _default(tx, environment, now)
    if default is not None:
        tx.put(store.ENVIRONMENTS, environment | {"hasTarget": True})
        if not _targets(tx, environment):
            tx.add(TARGETS, default)


def database_of(document: Document) -> str | None:
    """The Glue database a target puts tables into; None when it is no Glue target."""
    for form in document["subscriptionTargetConfig"]:
        if form["formName"] == CONFIG_FORM:
            name = asset_types.content_of(CONFIG_FORM, form["content"]).get("databaseName")
            return None if name is None else str(name).lower()
    return None


def takes(document: Document, asset_type: str) -> bool:
    """Whether assets of this type appear in the target."""
    names = {name.removeprefix(managed_types.PREFIX) for name in document["applicableAssetTypes"]}
    return asset_type.removeprefix(managed_types.PREFIX) in names


def _default(tx: Transaction, environment: Document, now: float) -> Document | None:
    database = {r["name"]: r["value"] for r in environment.get("provisionedResources", ())}.get("glueDBName")
    role = store.project_role_arn(tx, environment["domainId"], environment["projectId"])
    if database is None or role is None:
        return None
    config: dict[str, Any] = {"databaseName": database}
    domain_id, blueprint_id = environment["domainId"], environment["environmentBlueprintId"]
    return {
        "domainId": domain_id, "environmentId": environment["id"], "id": new_id(),
        "projectId": environment["projectId"], "name": "Default", "type": GLUE_TARGET, "authorizedPrincipals": [role],
        "manageAccessRole": store.manage_access_role_arn(tx, domain_id, blueprint_id),
        "applicableAssetTypes": list(_ASSET_TYPES),
        "subscriptionTargetConfig": [{"formName": CONFIG_FORM, "content": msgspec.json.encode(config).decode()}],
        "provider": blueprints.PROVIDER, "subscriptionGrantCreationMode": "AUTOMATIC",
        "createdAt": now, "createdBy": "SYSTEM", "updatedAt": now, "updatedBy": "SYSTEM",
    }  # fmt: skip


def _targets(tx: Transaction, environment: Document) -> list[Document]:
    return tx.select(TARGETS, {"domainId": environment["domainId"], "environmentId": environment["id"]})


def _check(tx: Transaction, document: Document) -> None:
    """Only the project's own role may be authorized: what was approved for a project is for its members."""
    role = store.project_role_arn(tx, document["domainId"], document["projectId"])
    if any(principal != role for principal in document["authorizedPrincipals"]):
        raise rules.invalid(
            f"authorizedPrincipals of this project's targets can be its role only: {role or 'none yet'}."
        )
    if document["type"] == GLUE_TARGET and database_of(document) is None:
        raise rules.invalid(f"A {GLUE_TARGET} needs the form {CONFIG_FORM} with a databaseName.")


def _environment(call: Call, request: Request) -> tuple[Document, access.Caller]:
    found = store.get_environment(call.tx, request["domainIdentifier"], request["environmentIdentifier"])
    of = ("Environment", found["id"])
    return found, access.require_project_role(call, found["domainId"], found["projectId"], of=of)


OPERATIONS: dict[str, Operation] = {
    "CreateSubscriptionTarget": writes(create_subscription_target, access.allowed("CreateSubscriptionTarget")),
    "GetSubscriptionTarget": reads(get_subscription_target, access.allowed("GetSubscriptionTarget")),
    "ListSubscriptionTargets": reads(list_subscription_targets, access.allowed("ListSubscriptionTargets")),
    "UpdateSubscriptionTarget": writes(update_subscription_target, access.allowed("UpdateSubscriptionTarget")),
    "DeleteSubscriptionTarget": writes(delete_subscription_target, access.allowed("DeleteSubscriptionTarget")),
}
NOTES = {
    "CreateSubscriptionTarget": "authorizedPrincipals can be the project's own role only: what was approved for a "
    "project is for its members.",
    "DeleteSubscriptionTarget": "Grants that were made through the target stay until their subscription ends.",
}
ASSUMED = {
    "CreateSubscriptionTarget": "A manageAccessRole takes iam:PassRole, unless it is the project's role or the manage "
    "access role of a blueprint's configuration.",
    "ListSubscriptionTargets": "An environment with a database has a target named Default from its deployment on; the "
    "order is ascending unless the request says otherwise.",
}
