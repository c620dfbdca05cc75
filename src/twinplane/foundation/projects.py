"""The projects a mesh starts with, their members, and the governance project with the form every asset carries."""

from functools import partial

from twinplane.foundation.domain import domain_id
from twinplane.foundation.run import Item, NotAsExpected, Run
from twinplane.mesh.model import FormField, Mesh

OWNER, CONTRIBUTOR = "PROJECT_OWNER", "PROJECT_CONTRIBUTOR"


def settle_projects(run: Run) -> None:
    """Creates the projects, waits until all are deployed, and adds their members and the Management App."""
    known = _known(run)
    governance = run.mesh.governance
    _settle_project(
        run, known, governance.project, "Owns the mesh's form types and rules", governance.domain_unit, None
    )
    for project in run.mesh.projects:
        _settle_project(run, known, project.name, project.description, project.domain_unit, project.profile)
    if run.applying:
        for project in run.mesh.projects:
            run.wait(f"project {project.name}", partial(_is_deployed, run, project.name))
    stewards = run.mesh.domain_unit(governance.domain_unit).owners if governance.domain_unit else ()
    _settle_members(run, governance.project, stewards, ())
    for project in run.mesh.projects:
        _settle_members(run, project.name, project.owners, project.contributors)


def _known(run: Run) -> dict[str, str]:
    identifier = domain_id(run)
    if identifier is None:
        return {}
    listed = run.aws.items("datazone", "list_projects", "items", domainIdentifier=identifier)
    return {project["name"]: project["id"] for project in listed if project.get("projectStatus") != "DELETING"}


def _settle_project(
    run: Run, known: dict[str, str], name: str, description: str, unit: str | None, profile: str | None
) -> None:
    datazone, project_id = run.aws["datazone"], known.get(name)
    identifier = domain_id(run)
    found = datazone.get_project(domainIdentifier=identifier, identifier=project_id) if project_id else None
    wanted: Item = {"description": description, "domainUnitId": run.ref("domain unit", unit or "")}
    if profile is not None:
        wanted["projectProfileId"] = run.ref("project profile", profile)
    moved = found is not None and any(found.get(key) != wanted[key] for key in wanted if key != "description")
    request = {"domainIdentifier": identifier, "identifier": project_id}
    run.settle(
        "project",
        name,
        found,
        wanted,
        create=partial(datazone.create_project, domainIdentifier=identifier, name=name, **wanted),
        update=None if moved else partial(datazone.update_project, **request, description=description),
        id_member="id",
    )


def _is_deployed(run: Run, name: str) -> bool:
    project = run.aws["datazone"].get_project(domainIdentifier=domain_id(run), identifier=run.ref("project", name))
    details = project.get("environmentDeploymentDetails", {})
    status = details.get("overallDeploymentStatus", "SUCCESSFUL")
    if status.startswith("FAILED"):
        reasons = [
            f"{environment}: {reason['message']}"
            for environment, listed in details.get("environmentFailureReasons", {}).items()
            for reason in listed
        ]
        raise NotAsExpected(f"project {name} could not be deployed: {'; '.join(reasons) or status}")
    return bool(status == "SUCCESSFUL")


def _settle_members(run: Run, name: str, owners: tuple[str, ...], contributors: tuple[str, ...]) -> None:
    identifier, project_id = domain_id(run), run.ref("project", name)
    members: dict[str, str] = {}
    if project_id is not None:
        listed = run.aws.items(
            "datazone",
            "list_project_memberships",
            "members",
            domainIdentifier=identifier,
            projectIdentifier=project_id,
        )
        members = {
            member["memberDetails"]["user"]["userId"]: member["designation"]
            for member in listed
            if "user" in member["memberDetails"]
        }
    wanted = [*((owner, OWNER) for owner in (run.mesh.app.role, *owners)), *((c, CONTRIBUTOR) for c in contributors)]
    for person, designation in wanted:
        profile = run.ref("user profile", person)
        actual = members.get(profile or "")
        run.settle(
            "project member",
            f"{person} in {name}",
            {"designation": actual} if actual else None,
            {"designation": designation},
            create=partial(
                run.aws["datazone"].create_project_membership,
                domainIdentifier=identifier,
                projectIdentifier=project_id,
                member={"userIdentifier": profile},
                designation=designation,
            ),
        )


def smithy(mesh: Mesh) -> str:
    """The model of the classification form, as CreateFormType takes it: one structure, no namespace."""
    levels = "|".join(level.name for level in mesh.classification.levels)
    level = FormField(name="level", required=True, description="How open the data is", values=(levels,))
    lines = [f"structure {mesh.classification.form} {{"]
    for field in (level, *mesh.classification.fields):
        label = field.name.replace("_", " ").capitalize()
        lines.append(f'  @amazon.datazone#displayname(defaultName: "{label}")')
        if field.description:
            lines.append(f'  @documentation("{field.description}")')
        if field.values:
            lines.append(f'  @pattern("^({"|".join(field.values)})$")')
        if field.required:
            lines.append("  @required")
        if field.type == "String":
            lines.append("  @amazon.datazone#searchable")
        lines.append(f"  {field.name}: {field.type}")
    return "\n".join([*lines, "}"])


def settle_classification(run: Run) -> None:
    """The classification form, and the rule that nothing is published without it."""
    identifier, root, datazone = domain_id(run), run.ref("domain unit", ""), run.aws["datazone"]
    form, project = run.mesh.classification.form, run.mesh.governance.project
    model = smithy(run.mesh)
    found = None
    if identifier is not None:
        found = run.aws.find(datazone.get_form_type, domainIdentifier=identifier, formTypeIdentifier=form)

    run.settle(
        "form type",
        form,
        found,
        {"model": {"smithy": model}},
        create=partial(
            datazone.create_form_type,
            domainIdentifier=identifier,
            name=form,
            model={"smithy": model},
            owningProjectIdentifier=run.ref("project", project),
            status="ENABLED",
        ),
        id_member="revision",
    )
    rules: list[Item] = []
    if identifier is not None and root is not None:
        rules = run.aws.items(
            "datazone",
            "list_rules",
            "items",
            domainIdentifier=identifier,
            targetType="DOMAIN_UNIT",
            targetIdentifier=root,
        )
    name = "Published assets are classified"
    run.settle(
        "rule",
        name,
        next((rule for rule in rules if rule["name"] == name), None),
        {"action": "CREATE_LISTING_CHANGE_SET"},
        create=partial(
            datazone.create_rule,
            domainIdentifier=identifier,
            name=name,
            action="CREATE_LISTING_CHANGE_SET",
            target={"domainUnitTarget": {"domainUnitId": root, "includeChildDomainUnits": True}},
            scope={"assetType": {"selectionMode": "ALL"}, "dataProduct": False, "project": {"selectionMode": "ALL"}},
            detail={
                "metadataFormEnforcementDetail": {
                    "requiredMetadataForms": [{"typeIdentifier": form, "typeRevision": run.ref("form type", form)}]
                }
            },
        ),
    )
