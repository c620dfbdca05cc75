"""DataZone's calls about projects."""

from typing import Any

from botocore.exceptions import ClientError

from twinplane.control_plane.aws import Clients, code_of
from twinplane.control_plane.jobs import GiveUp


def find_project(clients: Clients, domain_id: str, name: str) -> dict[str, Any] | None:
    """The project of this name among those the caller sees, or None."""
    pages = clients.datazone.get_paginator("list_projects").paginate(domainIdentifier=domain_id, name=name)
    return next((dict(p) for page in pages for p in page["items"] if p["name"] == name), None)


def get_project(clients: Clients, domain_id: str, project_id: str) -> dict[str, Any]:
    """The project. Raises AWS's error."""
    return dict(clients.datazone.get_project(domainIdentifier=domain_id, identifier=project_id))


def find_by_id(clients: Clients, domain_id: str, project_id: str) -> dict[str, Any] | None:
    """The project, or None when it does not exist or the caller may not see it."""
    try:
        return get_project(clients, domain_id, project_id)
    except ClientError as error:
        if code_of(error) in ("ResourceNotFoundException", "AccessDeniedException"):
            return None
        raise


def list_projects(clients: Clients, domain_id: str) -> list[dict[str, Any]]:
    """The projects the caller is in, by name."""
    pages = clients.datazone.get_paginator("list_projects").paginate(domainIdentifier=domain_id)
    return [dict(project) for page in pages for project in page["items"]]


def list_environments(clients: Clients, domain_id: str, project_id: str) -> list[dict[str, Any]]:
    """The project's environments."""
    pages = clients.datazone.get_paginator("list_environments").paginate(
        domainIdentifier=domain_id, projectIdentifier=project_id
    )
    return [dict(environment) for page in pages for environment in page["items"]]


def profile_id(clients: Clients, domain_id: str, name: str) -> str:
    """The id of the project profile of this name. Raises `GiveUp`: `apply` makes it, waiting does not."""
    pages = clients.datazone.get_paginator("list_project_profiles").paginate(domainIdentifier=domain_id)
    for page in pages:
        for profile in page["items"]:
            if profile["name"] == name:
                return str(profile["id"])
    raise GiveUp(f"The data plane has no project profile {name}. Run `twinplane apply`.")


def domain_unit_ids(clients: Clients, domain_id: str, root: str) -> dict[str, str]:
    """Ids of all domain units below the root, by name."""
    found: dict[str, str] = {}
    waiting = [root]
    while waiting:
        pages = clients.datazone.get_paginator("list_domain_units_for_parent").paginate(
            domainIdentifier=domain_id, parentDomainUnitIdentifier=waiting.pop()
        )
        for page in pages:
            for unit in page["items"]:
                found[unit["name"]] = unit["id"]
                waiting.append(unit["id"])
    return found
