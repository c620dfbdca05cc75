"""The domain, what its account offers, its units, its project profiles and who may create from them."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from twinplane.foundation.lake import PROJECTS
from twinplane.foundation.roles import DOMAIN_EXECUTION, DOMAIN_SERVICE, MANAGE_ACCESS, PROVISIONING
from twinplane.foundation.run import Item, NotAsExpected, Run
from twinplane.mesh.model import ProjectProfile


def domain_id(run: Run) -> str | None:
    """The domain's id; None when only planning and there is none yet."""
    return run.ref("domain", run.mesh.domain.name)


def settle_domain(run: Run) -> None:
    """The one domain (version V2), signed in to through Identity Center; waits until it is available."""
    declared, datazone = run.mesh.domain, run.aws["datazone"]
    listed = run.aws.items("datazone", "list_domains", "items")
    alive = [d for d in listed if d["name"] == declared.name and d["status"] not in ("DELETING", "DELETED")]
    found = datazone.get_domain(identifier=alive[0]["id"]) if alive else None
    sign_on = {"type": "IAM_IDC", "userAssignment": "AUTOMATIC"}
    roles = {"domainExecutionRole": run.role_arn(DOMAIN_EXECUTION), "serviceRole": run.role_arn(DOMAIN_SERVICE)}
    run.settle(
        "domain",
        declared.name,
        found,
        {"domainVersion": "V2", "singleSignOn": sign_on, **roles},
        create=partial(
            datazone.create_domain,
            name=declared.name,
            description=declared.description,
            domainVersion="V2",
            singleSignOn=sign_on | {"idcInstanceArn": run.ids["instance", ""]},
            **roles,
        ),
        update=partial(
            datazone.update_domain,
            identifier=(found or {}).get("id"),
            singleSignOn=sign_on,
            **roles,
        ),
        id_member="id",
        managed_by=declared.managed_by,
    )
    identifier = domain_id(run)
    if identifier is None:
        return
    domain: Item = {}

    def available() -> bool:
        domain.update(datazone.get_domain(identifier=identifier))
        if domain["status"] == "CREATION_FAILED":
            raise NotAsExpected(f"the domain {declared.name} could not be created: delete {identifier}, then try again")
        return bool(domain["status"] == "AVAILABLE")

    run.wait(f"domain {declared.name}", available)
    run.ids["domain unit", ""] = domain["rootDomainUnitId"]


def settle_blueprints(run: Run) -> None:
    """Enables the blueprints in the mesh's region; their configuration has one writer, this or a stack."""
    identifier, datazone, region = domain_id(run), run.aws["datazone"], run.mesh.region
    known: dict[str, str] = {}
    configured: dict[str, Item] = {}
    if identifier is not None:
        request = {"domainIdentifier": identifier}
        listed = run.aws.items("datazone", "list_environment_blueprints", "items", managed=True, **request)
        known = {blueprint["name"]: blueprint["id"] for blueprint in listed}
        listed = run.aws.items("datazone", "list_environment_blueprint_configurations", "items", **request)
        configured = {configuration["environmentBlueprintId"]: configuration for configuration in listed}
    for blueprint in run.mesh.blueprints:
        blueprint_id = known.get(blueprint.name)
        if identifier is not None and blueprint_id is None:
            raise NotAsExpected(f"AWS has no managed blueprint {blueprint.name!r}; it has: {', '.join(sorted(known))}")
        wanted: dict[str, Any] = {
            "enabledRegions": [region],
            "provisioningRoleArn": run.role_arn(PROVISIONING),
            "manageAccessRoleArn": run.role_arn(MANAGE_ACCESS),
            "regionalParameters": {region: {"S3Location": f"s3://{run.bucket(PROJECTS)}"} | blueprint.parameters},
        }
        put = partial(
            datazone.put_environment_blueprint_configuration,
            domainIdentifier=identifier,
            environmentBlueprintIdentifier=blueprint_id,
            **wanted,
        )
        run.settle(
            "blueprint",
            blueprint.name,
            configured.get(blueprint_id or ""),
            wanted,
            create=put,
            update=put,
            id_member="environmentBlueprintId",
            managed_by=blueprint.managed_by,
        )


def settle_profiles_of_people(run: Run) -> None:
    """Makes known to the domain whom its units, grants and projects name: people, groups, and the Management App."""
    mesh, identifier, datazone = run.mesh, domain_id(run), run.aws["datazone"]
    named = {name for unit in mesh.domain_units for name in unit.owners}
    named |= {name for project in mesh.projects for name in (*project.owners, *project.contributors)}
    users = [(name, run.ref("person", name), "SSO_USER", "SSO") for name in sorted(named)]
    users.append((mesh.app.role, run.role_arn(mesh.app.role), "IAM_ROLE", "IAM"))
    caller = run.ids["caller", ""]
    users.append((caller, caller, "IAM_ROLE" if ":role/" in caller else "IAM_USER", "IAM"))
    for name, user, user_type, kind in users:
        found = None
        if identifier is not None and user is not None:
            found = run.aws.find(datazone.get_user_profile, domainIdentifier=identifier, userIdentifier=user, type=kind)
        run.settle(
            "user profile",
            name,
            found,
            {},
            create=partial(
                datazone.create_user_profile, domainIdentifier=identifier, userIdentifier=user, userType=user_type
            ),
            id_member="id",
        )
    for name in sorted({name for profile in mesh.profiles for name in profile.may_create.groups}):
        group = run.ref("group", name)
        found = None
        if identifier is not None and group is not None:
            found = run.aws.find(datazone.get_group_profile, domainIdentifier=identifier, groupIdentifier=group)
        run.settle(
            "group profile",
            name,
            found,
            {},
            create=partial(datazone.create_group_profile, domainIdentifier=identifier, groupIdentifier=group),
            id_member="id",
        )


def settle_domain_units(run: Run) -> None:
    """The tree of units, and each unit's owners."""
    identifier, datazone = domain_id(run), run.aws["datazone"]
    children: dict[str, dict[str, str]] = {}
    for unit in run.mesh.domain_units:
        parent = run.ref("domain unit", unit.parent or "")
        if identifier is not None and parent is not None and parent not in children:
            listed = run.aws.items(
                "datazone",
                "list_domain_units_for_parent",
                "items",
                domainIdentifier=identifier,
                parentDomainUnitIdentifier=parent,
            )
            children[parent] = {item["name"]: item["id"] for item in listed}
        unit_id = children.get(parent or "", {}).get(unit.name)
        found = datazone.get_domain_unit(domainIdentifier=identifier, identifier=unit_id) if unit_id else None
        described = {"description": unit.description} if unit.description else {}
        run.settle(
            "domain unit",
            unit.name,
            found,
            described,
            create=partial(
                datazone.create_domain_unit,
                domainIdentifier=identifier,
                name=unit.name,
                parentDomainUnitIdentifier=parent,
                **described,
            ),
            update=partial(datazone.update_domain_unit, domainIdentifier=identifier, identifier=unit_id, **described),
            id_member="id",
            managed_by=unit.managed_by,
        )
        owners = {owner["user"]["userId"] for owner in (found or {}).get("owners", []) if "user" in owner}
        for name in unit.owners:
            profile = run.ref("user profile", name)
            run.settle(
                "domain unit owner",
                f"{name} of {unit.name}",
                {} if profile in owners else None,
                {},
                create=partial(
                    datazone.add_entity_owner,
                    domainIdentifier=identifier,
                    entityType="DOMAIN_UNIT",
                    entityIdentifier=run.ref("domain unit", unit.name),
                    owner={"user": {"userIdentifier": profile}},
                ),
                managed_by=unit.managed_by,
            )


def settle_project_profiles(run: Run) -> None:
    """The project profiles with their environments, locked values and forced tags."""
    identifier, datazone = domain_id(run), run.aws["datazone"]
    known: dict[str, str] = {}
    if identifier is not None:
        listed = run.aws.items("datazone", "list_project_profiles", "items", domainIdentifier=identifier)
        known = {profile["name"]: profile["id"] for profile in listed}
    for profile in run.mesh.profiles:
        profile_id = known.get(profile.name)
        found = datazone.get_project_profile(domainIdentifier=identifier, identifier=profile_id) if profile_id else None
        wanted = _project_profile(run, profile)
        run.settle(
            "project profile",
            profile.name,
            found,
            wanted,
            create=partial(
                datazone.create_project_profile,
                domainIdentifier=identifier,
                domainUnitIdentifier=run.ref("domain unit", ""),
                **wanted,
            ),
            update=partial(
                datazone.update_project_profile,
                domainIdentifier=identifier,
                identifier=profile_id,
                **_keeping_ids(wanted, found),
            ),
            id_member="id",
            managed_by=profile.managed_by,
        )


def _project_profile(run: Run, profile: ProjectProfile) -> dict[str, Any]:
    environments = []
    for environment in profile.environments:
        configuration: dict[str, Any] = {
            "name": environment.name,
            "environmentBlueprintId": run.ref("blueprint", environment.blueprint),
            "deploymentMode": environment.mode,
            "awsAccount": {"awsAccountId": run.account_id},
            "awsRegion": {"regionName": run.mesh.region},
        }
        if environment.order is not None:
            configuration["deploymentOrder"] = environment.order
        if environment.description:
            configuration["description"] = environment.description
        if environment.parameters:
            overrides = [
                {"name": name, "value": parameter.value, "isEditable": parameter.editable}
                for name, parameter in environment.parameters.items()
            ]
            configuration["configurationParameters"] = {"parameterOverrides": overrides}
        environments.append(configuration)
    tags = [{"key": key, "value": tag.value, "isValueEditable": tag.editable} for key, tag in profile.tags.items()]
    return {
        "name": profile.name,
        "description": profile.description,
        "status": "ENABLED",
        "environmentConfigurations": environments,
        "projectResourceTags": tags,
    }


def _keeping_ids(wanted: dict[str, Any], found: Item | None) -> dict[str, Any]:
    """The wanted profile, its environments with the ids they already have: projects refer to them."""
    ids = {e["name"]: e["id"] for e in (found or {}).get("environmentConfigurations", []) if "id" in e}
    environments = [
        environment | ({"id": ids[environment["name"]]} if environment["name"] in ids else {})
        for environment in wanted["environmentConfigurations"]
    ]
    return wanted | {"environmentConfigurations": environments}


def settle_policy_grants(run: Run) -> None:
    """Who may be a member anywhere, and who may create from which profile: groups, owners, the app, who applies."""
    principals: dict[str, Item] = {}
    for name in (run.mesh.app.role, run.ids["caller", ""]):
        principals[name] = {"user": {"userIdentifier": run.ref("user profile", name)}}
    applying = run.ids["caller", ""]
    create = [(f"{applying} may create projects", principals[applying], None)]
    _settle_grants(run, "CREATE_PROJECT", "createProject", create)
    everyone: Item = {"user": {"allUsersGrantFilter": {}}}
    join = [("everyone may be added to projects", everyone, None)]
    _settle_grants(run, "ADD_TO_PROJECT_MEMBER_POOL", "addToProjectMemberPool", join)
    wanted: list[tuple[str, Item, ProjectProfile | None]] = []
    for profile in run.mesh.profiles:
        may = f"may create from {profile.name}"
        wanted += [(f"{name} {may}", principal, profile) for name, principal in principals.items()]
        for name in profile.may_create.groups:
            wanted.append((f"{name} {may}", {"group": {"groupIdentifier": run.ref("group profile", name)}}, profile))
        if profile.may_create.domain_unit_owners:
            owners: Item = {
                "domainUnitDesignation": "OWNER",
                "domainUnitGrantFilter": {"allDomainUnitsGrantFilter": {}},
            }
            wanted.append((f"domain unit owners {may}", {"domainUnit": owners}, profile))
    _settle_grants(run, "CREATE_PROJECT_FROM_PROJECT_PROFILE", "createProjectFromProjectProfile", wanted)


def _settle_grants(
    run: Run, policy: str, member: str, wanted: Sequence[tuple[str, Item, ProjectProfile | None]]
) -> None:
    """The grants of one policy at the domain's root, for all units: what is told, to whom, from which profile."""
    datazone = run.aws["datazone"]
    entity = {
        "domainIdentifier": domain_id(run),
        "entityType": "DOMAIN_UNIT",
        "entityIdentifier": run.ref("domain unit", ""),
        "policyType": policy,
    }
    known = run.aws.items("datazone", "list_policy_grants", "grantList", **entity) if domain_id(run) else []
    for told, principal, profile in wanted:
        detail: Item = {"includeChildDomainUnits": True}
        if profile is not None:
            detail["projectProfiles"] = [run.ref("project profile", profile.name)]
        found = [grant for grant in known if grant["principal"] == principal and grant["detail"] == {member: detail}]
        run.settle(
            "policy grant",
            told,
            found[0] if found else None,
            {},
            create=partial(datazone.add_policy_grant, **entity, principal=principal, detail={member: detail}),
            managed_by=profile.managed_by if profile else "apply",
        )
