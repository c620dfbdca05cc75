"""Project profiles: which environments a project gets, with which parameters, and which of these it may set."""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, new_id, reads, writes
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.datazone import access, blueprints, rules, store
from twinplane.data_plane.store import Document

_LISTED = ("domainId", "id", "name", "description", "status", "createdBy", "createdAt", "lastUpdatedAt", "domainUnitId")
_SETTINGS = (
    "name",
    "description",
    "status",
    "projectResourceTags",
    "allowCustomProjectResourceTags",
    "projectResourceTagsDescription",
)
_SHOWN = (*_LISTED, *_SETTINGS[3:], "environmentConfigurations")


NOTES = {
    "CreateProjectProfile": "Values from Parameter Store (ssmPath, awsAccountIdPath, regionNamePath) and account pools "
    "are refused: neither is served. Environments of blueprints that nothing here makes may be configured, and fail.",
}
ASSUMED = {
    "UpdateProjectProfile": "Projects that were made with the profile stay as they are until UpdateProject asks for "
    "projectProfileVersion latest.",
    "DeleteProjectProfile": "A profile in use by a project stays.",
}


def create_project_profile(call: Call, request: Request) -> Answer:
    """Makes a profile in a domain unit (the root when none is named); for the unit's owners."""
    domain_id = request["domainIdentifier"]
    unit_id = request.get("domainUnitIdentifier") or store.get_domain(call.tx, domain_id)["rootDomainUnitId"]
    who = access.require_unit_owner(call, domain_id, unit_id)
    profile: Document = {
        "status": "DISABLED",
        "allowCustomProjectResourceTags": False,
        **store.pick(request, _SETTINGS),
        "domainId": domain_id,
        "id": new_id(),
        "environmentConfigurations": _configurations(request.get("environmentConfigurations", [])),
        "createdBy": who.id,
        "createdAt": call.now,
        "lastUpdatedAt": call.now,
        "domainUnitId": unit_id,
    }
    access.add_unique(call.tx, store.PROJECT_PROFILES, profile, _taken(request["name"]))
    return store.pick(profile, _SHOWN)


def get_project_profile(call: Call, request: Request) -> Answer:
    """A project profile, for every user of the domain."""
    access.caller(call, request["domainIdentifier"])
    return store.pick(_profile(call, request), _SHOWN)


def list_project_profiles(call: Call, request: Request) -> Answer:
    """The domain's project profiles, by name."""
    domain_id = request["domainIdentifier"]
    access.caller(call, domain_id)
    where = {"domainId": domain_id} | ({"name": request["name"]} if request.get("name") else {})
    rows, token = page(
        call,
        request,
        lambda after, limit: call.tx.select(
            store.PROJECT_PROFILES,
            where,
            order=("name",),
            after=after,
            limit=limit,
            descending=request.get("sortOrder") == "DESCENDING",
        ),
        lambda profile: [profile["name"], profile["domainId"], profile["id"]],
        most=50,
    )
    return {"items": [store.pick(profile, _LISTED) for profile in rows], "nextToken": token}


def update_project_profile(call: Call, request: Request) -> Answer:
    """Changes a profile for projects made from now on; for owners of its domain unit."""
    profile = _profile(call, request)
    access.require_unit_owner(call, profile["domainId"], profile["domainUnitId"])
    profile |= store.pick(request, _SETTINGS) | {"lastUpdatedAt": call.now}
    if request.get("domainUnitIdentifier"):
        access.require_unit_owner(call, profile["domainId"], request["domainUnitIdentifier"])
        profile["domainUnitId"] = request["domainUnitIdentifier"]
    if request.get("environmentConfigurations") is not None:
        profile["environmentConfigurations"] = _configurations(request["environmentConfigurations"])
    named = call.tx.first(store.PROJECT_PROFILES, {"domainId": profile["domainId"], "name": profile["name"]})
    if named is not None and named["id"] != profile["id"]:
        raise rules.conflict(_taken(profile["name"]))
    call.tx.put(store.PROJECT_PROFILES, profile)
    return store.pick(profile, _SHOWN)


def delete_project_profile(call: Call, request: Request) -> Answer:
    """Removes a profile that no project uses; for owners of its domain unit."""
    profile = _profile(call, request)
    access.require_unit_owner(call, profile["domainId"], profile["domainUnitId"])
    if call.tx.count(store.PROJECTS, {"domainId": profile["domainId"], "projectProfileId": profile["id"]}):
        raise rules.invalid(f"Project profile {profile['id']} is in use by projects; delete them first.")
    call.tx.remove(store.PROJECT_PROFILES, profile["domainId"], profile["id"])
    return {}


def _taken(name: str) -> str:
    return f"A project profile named {name} exists in this domain."


def _profile(call: Call, request: Request) -> Document:
    return store.found(
        call.tx, store.PROJECT_PROFILES, "Project profile", request["domainIdentifier"], request["identifier"]
    )


def _configurations(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The environment configurations, checked against their blueprints and given ids."""
    configurations: list[dict[str, Any]] = []
    for configuration in given:
        name = configuration["name"]
        if any(other["name"] == name for other in configurations):
            raise rules.invalid(f"Two environment configurations are named {name}.")
        if any(other["id"] == configuration.get("id") for other in configurations):
            raise rules.invalid(f"Two environment configurations have the id {configuration['id']}.")
        _check_served(configuration)
        blueprint = blueprints.get_blueprint(configuration["environmentBlueprintId"])
        overrides = configuration.get("configurationParameters", {}).get("parameterOverrides", [])
        rules.resolve_parameters(blueprint.parameters, overrides, [], f"environment configuration {name}")
        configurations.append(
            {
                "deploymentMode": "ON_CREATE",
                "deploymentOrder": len(configurations),
                **configuration,
                "id": configuration.get("id") or new_id(),
                "environmentBlueprintId": blueprint.id,
            }
        )
    return configurations


def _check_served(configuration: dict[str, Any]) -> None:
    paths = {
        "configurationParameters.ssmPath": configuration.get("configurationParameters", {}).get("ssmPath"),
        "awsAccount.awsAccountIdPath": configuration.get("awsAccount", {}).get("awsAccountIdPath"),
        "awsRegion.regionNamePath": configuration.get("awsRegion", {}).get("regionNamePath"),
    }
    for member, path in paths.items():
        if path is not None:
            raise rules.invalid(f"{member}: there is no parameter {path}; Parameter Store is not served here.")
    if configuration.get("accountPools"):
        raise rules.invalid("accountPools: account pools are not served by this data plane; give awsAccount.")


OPERATIONS: dict[str, Operation] = {
    "CreateProjectProfile": writes(create_project_profile, access.allowed("CreateProjectProfile")),
    "GetProjectProfile": reads(get_project_profile, access.allowed("GetProjectProfile")),
    "ListProjectProfiles": reads(list_project_profiles, access.allowed("ListProjectProfiles")),
    "UpdateProjectProfile": writes(update_project_profile, access.allowed("UpdateProjectProfile")),
    "DeleteProjectProfile": writes(delete_project_profile, access.allowed("DeleteProjectProfile")),
}
