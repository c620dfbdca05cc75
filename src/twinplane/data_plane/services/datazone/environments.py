"""Environments: the parts of a project that are provisioned from blueprints."""

from typing import Any

from twinplane.data_plane import sessions
from twinplane.data_plane.call import Answer, Call, Operation, ProjectScope, Request, new_id, reads, writes
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.datazone import access, blueprints, events, glossaries, quotas, rules, store
from twinplane.data_plane.store import Document
from twinplane.data_plane.tasks import enqueue

_LISTED = (
    "projectId",
    "id",
    "domainId",
    "createdBy",
    "createdAt",
    "updatedAt",
    "name",
    "description",
    "awsAccountId",
    "awsAccountRegion",
    "provider",
    "status",
    "environmentConfigurationId",
    "environmentConfigurationName",
    # Not in AWS's public summary, but its own Python library reads them there.
    "environmentBlueprintId",
    "deploymentOrder",
    "provisionedResources",
)
_SHOWN = (*_LISTED, "glossaryTerms", "lastDeployment")

_FILTERS = {
    "status": "status",
    "environmentBlueprintIdentifier": "environmentBlueprintId",
    "name": "name",
    "provider": "provider",
    "awsAccountId": "awsAccountId",
    "awsAccountRegion": "awsAccountRegion",
}

CREDENTIAL_SECONDS = 3600

_FAILED = ("CREATE_FAILED", "UPDATE_FAILED", "VALIDATION_FAILED")
_UNDER_WAY = ("CREATING", "UPDATING", "DELETING")


NOTES = {
    "CreateEnvironment": "Only configurations that the project's profile offers on demand: environment profiles and "
    "custom blueprints are of domains of version 1.",
    "UpdateEnvironment": "blueprintVersion is not read: managed blueprints have one version here.",
}
ASSUMED = {
    "CreateEnvironment": "One more than the quota of environments is a ValidationException; the model gives a "
    "ServiceQuotaExceededException to CreateProject only.",
    "UpdateEnvironment": "One whose deployment failed is deployed again by any update; while a deployment is under way "
    "there is a conflict.",
    "DeleteEnvironment": "The tooling of a project may go before the project; what stands on it fails from then on.",
    "GetEnvironmentCredentials": "They are the project role's, for one hour, and end with the membership.",
}


def create_environment(call: Call, request: Request) -> Answer:
    """Makes an environment of a configuration that the project's profile offers on demand; for owners, contributors."""
    domain_id = request["domainIdentifier"]
    who = access.require_project_role(call, domain_id, request["projectIdentifier"])
    rules.check_named(request)
    project = store.get_project(call.tx, domain_id, request["projectIdentifier"])
    configuration = _configuration(call, project, request)
    values = parameters_of(configuration, request.get("userParameters", []))
    _check_place(call, configuration, request)
    glossaries.usable_terms(call.tx, domain_id, request.get("glossaryTerms", []))
    environment = add(
        call,
        project,
        configuration | store.pick(request, ("name", "description", "deploymentOrder", "glossaryTerms")),
        values,
        created_by=who.id,
        on_create=False,
    )
    enqueue(call.tx, call.plane, "datazone.deploy", project["id"], domain_id=domain_id)
    return _answer(call, environment)


def get_environment(call: Call, request: Request) -> Answer:
    """An environment, for the members of its project."""
    return _answer(call, _visible(call, request))


def list_environments(call: Call, request: Request) -> Answer:
    """The environments of a project, in the order they are deployed; for its members."""
    domain_id = request["domainIdentifier"]
    access.require_project_role(call, domain_id, request["projectIdentifier"])
    where = {"domainId": domain_id, "projectId": request["projectIdentifier"]}
    where |= {column: request[member] for member, column in _FILTERS.items() if request.get(member)}
    if request.get("environmentProfileIdentifier"):
        return {"items": []}  # environment profiles are of domains of version 1
    rows, token = page(
        call,
        request,
        lambda after, limit: call.tx.select(
            store.ENVIRONMENTS, where, order=("deploymentOrder",), after=after, limit=limit
        ),
        lambda environment: [environment["deploymentOrder"], environment["domainId"], environment["id"]],
        most=50,
    )
    return {"items": [store.pick(environment, _LISTED) for environment in rows], "nextToken": token}


def update_environment(call: Call, request: Request) -> Answer:
    """Renames or describes an environment, or changes those of its parameters that may be changed later.

    One whose deployment failed is deployed again.
    """
    environment = _visible(call, request)
    rules.check_named(request)
    if environment["status"] in _UNDER_WAY:
        raise rules.conflict(f"Environment {environment['id']} is {environment['status']}; wait until that is done.")
    glossaries.usable_terms(call.tx, environment["domainId"], request.get("glossaryTerms", []))
    environment |= store.pick(request, ("name", "description", "glossaryTerms")) | {"updatedAt": call.now}
    _check_name_free(call, environment)
    project = store.get_project(call.tx, environment["domainId"], environment["projectId"])
    if request.get("userParameters"):
        _change_parameters(call, project, environment, request["userParameters"])
    elif environment["status"] in _FAILED:
        _ask_for_deployment(call, environment)
    call.tx.put(store.ENVIRONMENTS, environment)
    if environment["status"] in _UNDER_WAY:
        enqueue(call.tx, call.plane, "datazone.deploy", project["id"], domain_id=project["domainId"])
    return _answer(call, environment)


def delete_environment(call: Call, request: Request) -> Answer:
    """Removes an environment with what was provisioned for it; for owners and contributors of its project."""
    environment = _visible(call, request)
    if environment["status"] == "DELETING":
        return {}
    deployment = _deployment("DELETE") | {"deploymentStatus": "IN_PROGRESS"}
    changes = {"status": "DELETING", "updatedAt": call.now, "lastDeployment": deployment}
    deleting = call.tx.put(store.ENVIRONMENTS, environment | changes)
    events.tell_of_environment(call.tx, call.plane, "Deletion Started", deleting)
    enqueue(
        call.tx,
        call.plane,
        "datazone.remove_environment",
        environment["projectId"],
        domain_id=environment["domainId"],
        environment_id=environment["id"],
    )
    return {}


def get_environment_credentials(call: Call, request: Request) -> Answer:
    """Credentials of the project's role that carry the caller's identity; for owners and contributors."""
    environment = store.get_environment(call.tx, request["domainIdentifier"], request["environmentIdentifier"])
    who = access.require_project_role(call, environment["domainId"], environment["projectId"], of=_named(environment))
    return project_credentials(call, environment["domainId"], environment["projectId"], who)


def project_credentials(call: Call, domain_id: str, project_id: str, who: access.Caller) -> Answer:
    """Credentials of a project's role for one of its members; they end with the membership.

    Raises ResourceNotFoundException while the project has no role.
    """
    role_arn = store.project_role_arn(call.tx, domain_id, project_id)
    if role_arn is None:
        raise store.not_found("Role of project", project_id)
    issued = sessions.issue(
        call.plane,
        role_arn=role_arn,
        session_name=f"user-{who.id}"[:64],
        duration_seconds=CREDENTIAL_SECONDS,
        now=call.now,
        on_behalf_of=who.user_id,
        project=ProjectScope(domain_id, project_id),
        source_identity=call.principal.source_identity,
    )
    return access.credentials(issued)


def parameters_of(configuration: Document, given: list[dict[str, Any]]) -> rules.Parameters:
    """The values an environment of the configuration is made with. Raises ValidationException."""
    blueprint = blueprints.get_blueprint(configuration["environmentBlueprintId"])
    overrides = configuration.get("configurationParameters", {}).get("parameterOverrides", [])
    where = f"environment configuration {configuration['name']}"
    return rules.resolve_parameters(blueprint.parameters, overrides, given, where)


def add(
    call: Call,
    project: Document,
    configuration: Document,
    values: rules.Parameters,
    *,
    created_by: str,
    on_create: bool,
) -> Document:
    """Stores an environment that is yet to be deployed."""
    environment: Document = {
        "domainId": project["domainId"],
        "projectId": project["id"],
        "id": new_id(),
        "name": configuration["name"],
        "description": configuration.get("description"),
        "glossaryTerms": configuration.get("glossaryTerms"),
        "createdBy": created_by,
        "createdAt": call.now,
        "updatedAt": call.now,
        **dict(zip(("awsAccountId", "awsAccountRegion"), _place(call, configuration), strict=True)),
        "provider": blueprints.PROVIDER,
        "status": "CREATING",
        "environmentBlueprintId": configuration["environmentBlueprintId"],
        "environmentConfigurationId": configuration["id"],
        "environmentConfigurationName": configuration["name"],
        "deploymentOrder": configuration["deploymentOrder"],
        "parameters": values,
        "onCreate": on_create,
        "lastDeployment": _deployment("CREATE"),
    }
    _check_name_free(call, environment)
    quotas.check_domain(call.tx, quotas.ENVIRONMENTS, project["domainId"])
    policy, blueprint_id = "CREATE_ENVIRONMENT_FROM_BLUEPRINT", environment["environmentBlueprintId"]
    access.require_use(call, project["domainId"], project["id"], policy, blueprint_id)
    events.tell_of_environment(call.tx, call.plane, "Deployment Started", environment)
    return call.tx.add(store.ENVIRONMENTS, environment)


def _deployment(kind: str) -> Document:
    """A deployment that is yet to begin."""
    return {
        "deploymentId": new_id(),
        "deploymentType": kind,
        "deploymentStatus": "PENDING_DEPLOYMENT",
        "isDeploymentComplete": False,
    }


def _ask_for_deployment(call: Call, environment: Document) -> None:
    """Marks an environment to be deployed, and tells of it: made when it never was, else changed."""
    made = "provisionedResources" in environment
    environment |= {
        "status": "UPDATING" if made else "CREATING",
        "lastDeployment": _deployment("UPDATE" if made else "CREATE"),
    }
    events.tell_of_environment(call.tx, call.plane, "Deployment Started", environment)


def redeploy(call: Call, project: Document, *statuses: str) -> None:
    """Marks those of a project's environments that have one of the statuses to be deployed again."""
    for environment in store.project_environments(call.tx, project["domainId"], project["id"]):
        if environment["status"] in statuses:
            _ask_for_deployment(call, environment)
            call.tx.put(store.ENVIRONMENTS, environment)


def retry_failed(call: Call, project: Document) -> None:
    """Marks a project's environments whose deployment failed to be deployed again."""
    redeploy(call, project, *_FAILED)


def follow_profile(call: Call, project: Document) -> None:
    """Brings a project's environments to what its profile says now: those it lacks are made, the others changed.

    Parameters that users chose stay as far as the profile leaves them editable.
    """
    known = {
        environment["environmentConfigurationId"]: environment
        for environment in store.project_environments(call.tx, project["domainId"], project["id"])
    }
    for configuration in _offered(call, project):
        environment = known.get(configuration["id"])
        if environment is None and configuration["deploymentMode"] == "ON_CREATE":
            values = parameters_of(configuration, [])
            add(call, project, configuration, values, created_by=project["createdBy"], on_create=True)
        elif environment is not None and environment["status"] not in _UNDER_WAY:
            overrides = configuration.get("configurationParameters", {}).get("parameterOverrides", [])
            fixed = {override["name"] for override in overrides if not override.get("isEditable")}
            defaults = parameters_of(configuration, [])
            kept = {name: value for name, value in environment["parameters"].items() if name not in fixed}
            environment["parameters"] = defaults | kept
            environment["deploymentOrder"] = configuration["deploymentOrder"]
            _ask_for_deployment(call, environment)
            call.tx.put(store.ENVIRONMENTS, environment)


def update_parameters(call: Call, project: Document, given: list[dict[str, Any]]) -> None:
    """Changes parameters of a project's environments, each named by its id or configuration; to be deployed then."""
    by_name: dict[str, Document] = {}
    for environment in store.project_environments(call.tx, project["domainId"], project["id"]):
        by_name[environment["id"]] = by_name[environment["environmentConfigurationName"]] = environment
    for parameters in given:
        name = parameters.get("environmentId") or parameters.get("environmentConfigurationName", "")
        if name not in by_name:
            raise rules.invalid(f"The project has no environment {name!r}.")
        environment = by_name[name]
        if environment["status"] in _UNDER_WAY:
            raise rules.conflict(f"Environment {environment['id']} is {environment['status']}.")
        _change_parameters(call, project, environment, parameters.get("environmentParameters", []))
        call.tx.put(store.ENVIRONMENTS, environment)


def _change_parameters(call: Call, project: Document, environment: Document, given: list[dict[str, Any]]) -> None:
    blueprint = blueprints.get_blueprint(environment["environmentBlueprintId"])
    made = "provisionedResources" in environment
    fixed = {p.name for p in blueprint.parameters if made and not p.is_update_supported}
    for parameter in given:
        if parameter["name"] in fixed and parameter.get("value") != environment["parameters"].get(parameter["name"]):
            raise rules.invalid(f"Parameter {parameter['name']} of {environment['name']} cannot be changed later.")
    configuration = next(
        (c for c in _offered(call, project) if c["id"] == environment["environmentConfigurationId"]),
        {"name": environment["name"], "environmentBlueprintId": blueprint.id},
    )
    environment["parameters"] = parameters_of(configuration, given) | {
        k: v for k, v in environment["parameters"].items() if all(k != p["name"] for p in given)
    }
    _ask_for_deployment(call, environment)


def _check_name_free(call: Call, environment: Document) -> None:
    where = {k: environment[k] for k in ("domainId", "projectId", "name")}
    if any(other["id"] != environment["id"] for other in call.tx.select(store.ENVIRONMENTS, where)):
        raise rules.conflict(f"The project has an environment named {environment['name']}.")


def _configuration(call: Call, project: Document, request: Request) -> Document:
    """The environment configuration of the project's profile that the request names."""
    identifier, name = request.get("environmentConfigurationId"), request.get("environmentConfigurationName")
    if not identifier and not name:
        raise rules.invalid("Environments are made of a configuration of the project's profile: name it.")
    offered = [c for c in _offered(call, project) if c["deploymentMode"] == "ON_DEMAND"]
    for configuration in offered:
        if (identifier or configuration["id"]) == configuration["id"] and (name or configuration["name"]) == (
            configuration["name"]
        ):
            return configuration
    known = ", ".join(c["name"] for c in offered) or "none"
    raise rules.invalid(f"The project's profile offers no such environment on demand; it offers: {known}.")


def _check_place(call: Call, configuration: Document, request: Request) -> None:
    """An environment is made where its configuration says. Raises ValidationException when another place is wanted."""
    account, region = _place(call, configuration)
    if (request.get("environmentAccountIdentifier") or account, request.get("environmentAccountRegion") or region) != (
        account,
        region,
    ):
        raise rules.invalid(f"Environment configuration {configuration['name']} is for account {account}, {region}.")


def _place(call: Call, configuration: Document) -> tuple[str, str]:
    account = configuration.get("awsAccount", {}).get("awsAccountId") or call.account_id
    return account, configuration.get("awsRegion", {}).get("regionName") or call.region


def _offered(call: Call, project: Document) -> list[Document]:
    profile_id = project.get("projectProfileId")
    profile = call.tx.find(store.PROJECT_PROFILES, project["domainId"], profile_id) if profile_id else None
    return profile["environmentConfigurations"] if profile else []


def _named(environment: Document) -> tuple[str, str]:
    return "Environment", environment["id"]


def _visible(call: Call, request: Request) -> Document:
    environment = store.get_environment(call.tx, request["domainIdentifier"], request["identifier"])
    access.require_project_role(call, environment["domainId"], environment["projectId"], of=_named(environment))
    return environment


def _answer(call: Call, environment: Document) -> Answer:
    blueprint = blueprints.get_blueprint(environment["environmentBlueprintId"])
    parameters = [
        parameter.answer()
        | (
            {"defaultValue": environment["parameters"][parameter.name]}
            if parameter.name in environment["parameters"]
            else {}
        )
        for parameter in blueprint.parameters
    ]
    return store.pick(environment, _SHOWN) | {
        "userParameters": parameters,
        "provisioningProperties": blueprints.provisioning_properties(call, blueprint),
        "deploymentProperties": blueprints.DEPLOYMENT_PROPERTIES,
    }


OPERATIONS: dict[str, Operation] = {
    "CreateEnvironment": writes(create_environment, access.allowed("CreateEnvironment")),
    "GetEnvironment": reads(get_environment, access.allowed("GetEnvironment")),
    "ListEnvironments": reads(list_environments, access.allowed("ListEnvironments")),
    "UpdateEnvironment": writes(update_environment, access.allowed("UpdateEnvironment")),
    "DeleteEnvironment": writes(delete_environment, access.allowed("DeleteEnvironment")),
    "GetEnvironmentCredentials": reads(get_environment_credentials, access.allowed("GetEnvironmentCredentials")),
}
