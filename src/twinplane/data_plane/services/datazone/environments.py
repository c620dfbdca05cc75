"""Environments: the parts of a project that are provisioned from blueprints."""

from typing import Any

from twinplane.data_plane import sessions
from twinplane.data_plane.call import Answer, Call, Operation, ProjectScope, Request, new_id, reads, writes
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.datazone import access, blueprints, events, rules, store
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

CREDENTIAL_SECONDS = 3600


def create_environment(call: Call, request: Request) -> Answer:
    """Makes an environment of a configuration that the project's profile offers on demand; for owners, contributors."""
    domain_id = request["domainIdentifier"]
    who = access.require_project_role(call, domain_id, request["projectIdentifier"])
    project = store.get_project(call.tx, domain_id, request["projectIdentifier"])
    configuration = _configuration(call, project, request)
    values = parameters_of(configuration, request.get("userParameters", []))
    environment = add(
        call,
        project,
        configuration | store.pick(request, ("name", "description", "deploymentOrder")),
        values,
        created_by=who.id,
        on_create=False,
    )
    enqueue(call.tx, call.plane, "datazone.deploy", project["id"], domain_id=domain_id)
    return _answer(environment)


def get_environment(call: Call, request: Request) -> Answer:
    """An environment, for the members of its project."""
    return _answer(_visible(call, request))


def list_environments(call: Call, request: Request) -> Answer:
    """The environments of a project, in the order they are deployed; for its members."""
    domain_id = request["domainIdentifier"]
    access.require_project_role(call, domain_id, request["projectIdentifier"])
    where = {"domainId": domain_id, "projectId": request["projectIdentifier"]}
    for member, column in (
        ("status", "status"),
        ("environmentBlueprintIdentifier", "environmentBlueprintId"),
        ("name", "name"),
    ):
        if request.get(member):
            where[column] = request[member]
    found = [
        environment
        for environment in call.tx.select(store.ENVIRONMENTS, where, order=("deploymentOrder",))
        if request.get("provider") in (None, environment["provider"])
        and request.get("awsAccountId") in (None, environment["awsAccountId"])
        and request.get("awsAccountRegion") in (None, environment["awsAccountRegion"])
    ]

    def key(environment: Document) -> list[Any]:
        return [environment["deploymentOrder"], environment["domainId"], environment["id"]]

    rows, token = page(
        call,
        request,
        lambda after, limit: [e for e in found if after is None or key(e) > after][:limit],
        key,
        most=50,
    )
    return {"items": [store.pick(environment, _LISTED) for environment in rows], "nextToken": token}


def update_environment(call: Call, request: Request) -> Answer:
    """Renames or describes an environment, or changes those of its parameters that may be changed later."""
    environment = store.get_environment(call.tx, request["domainIdentifier"], request["identifier"])
    access.require_project_role(call, environment["domainId"], environment["projectId"], of=_named(environment))
    environment |= store.pick(request, ("name", "description", "glossaryTerms")) | {"updatedAt": call.now}
    _check_name_free(call, environment)
    if request.get("userParameters"):
        project = store.get_project(call.tx, environment["domainId"], environment["projectId"])
        _change_parameters(call, project, environment, request["userParameters"])
        enqueue(call.tx, call.plane, "datazone.deploy", project["id"], domain_id=project["domainId"])
    call.tx.put(store.ENVIRONMENTS, environment)
    return _answer(environment)


def delete_environment(call: Call, request: Request) -> Answer:
    """Removes an environment with what was provisioned for it; for owners and contributors of its project."""
    environment = store.get_environment(call.tx, request["domainIdentifier"], request["identifier"])
    access.require_project_role(call, environment["domainId"], environment["projectId"], of=_named(environment))
    if blueprints.get_blueprint(environment["environmentBlueprintId"]).category == "TOOLING":
        raise rules.invalid("The tooling of a project goes with the project only: delete the project.")
    deleting = call.tx.put(store.ENVIRONMENTS, environment | {"status": "DELETING", "updatedAt": call.now})
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
        "createdBy": created_by,
        "createdAt": call.now,
        "updatedAt": call.now,
        "awsAccountId": configuration.get("awsAccount", {}).get("awsAccountId") or call.account_id,
        "awsAccountRegion": configuration.get("awsRegion", {}).get("regionName") or call.region,
        "provider": blueprints.PROVIDER,
        "status": "CREATING",
        "environmentBlueprintId": configuration["environmentBlueprintId"],
        "environmentConfigurationId": configuration["id"],
        "environmentConfigurationName": configuration["name"],
        "deploymentOrder": configuration["deploymentOrder"],
        "parameters": values,
        "onCreate": on_create,
        "lastDeployment": {
            "deploymentId": new_id(),
            "deploymentType": "CREATE",
            "deploymentStatus": "PENDING_DEPLOYMENT",
            "isDeploymentComplete": False,
        },
    }
    _check_name_free(call, environment)
    events.tell_of_environment(call.tx, call.plane, "Deployment Started", environment)
    return call.tx.add(store.ENVIRONMENTS, environment)


def redeploy(call: Call, project: Document) -> None:
    """Marks a project's active environments to be deployed again, as its tags have changed."""
    for environment in store.project_environments(call.tx, project["domainId"], project["id"]):
        if environment["status"] == "ACTIVE":
            call.tx.put(store.ENVIRONMENTS, environment | {"status": "UPDATING"})


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
        _change_parameters(call, project, environment, parameters.get("environmentParameters", []))
        call.tx.put(store.ENVIRONMENTS, environment)


def _change_parameters(call: Call, project: Document, environment: Document, given: list[dict[str, Any]]) -> None:
    blueprint = blueprints.get_blueprint(environment["environmentBlueprintId"])
    fixed = {p.name for p in blueprint.parameters if not p.is_update_supported}
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
    environment["status"] = "UPDATING"


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


def _answer(environment: Document) -> Answer:
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
    return store.pick(environment, _SHOWN) | {"userParameters": parameters}


OPERATIONS: dict[str, Operation] = {
    "CreateEnvironment": writes(create_environment, access.allowed("CreateEnvironment")),
    "GetEnvironment": reads(get_environment, access.allowed("GetEnvironment")),
    "ListEnvironments": reads(list_environments, access.allowed("ListEnvironments")),
    "UpdateEnvironment": writes(update_environment, access.allowed("UpdateEnvironment")),
    "DeleteEnvironment": writes(delete_environment, access.allowed("DeleteEnvironment")),
    "GetEnvironmentCredentials": reads(get_environment_credentials, access.allowed("GetEnvironmentCredentials")),
}
