"""A project of SageMaker Unified Studio: what `sagemaker_studio.Project` knows, and its members and life cycle."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import botocore.loaders
import botocore.session

try:
    from sagemaker_studio.data_models import ClientConfig
    from sagemaker_studio.project import Project as StudioProject
    from sagemaker_studio.utils._internal import InternalUtils
except ModuleNotFoundError as error:
    raise ImportError("Project needs AWS's library: pip install 'twinplane[studio]'") from error

_DESIGNATIONS = {"Owner": "PROJECT_OWNER", "Contributor": "PROJECT_CONTRIBUTOR"}
_ID = re.compile(r"([0-9a-f]{10}-)?[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|arn:aws[\w-]*:iam::\d{12}:.+")


class ProjectNotDeployed(Exception):
    """The project's environments could not be made, or not in time."""


@dataclass(frozen=True)
class Member:
    """A member of a project: a person, an IAM role or user, or a group."""

    id: str
    name: str
    role: str


class Project(StudioProject):
    """`sagemaker_studio.Project` with `add_member`, `remove_member`, `members`, `create`, `wait` and `delete`.

    They use the same credentials, region and endpoint as the library itself. Where the library wants the environment
    to name some project before it can be asked for another, this one does not.
    """

    def __init__(
        self,
        name: str | None = None,
        id: str | None = None,
        domain_id: str | None = None,
        config: ClientConfig | None = None,
    ) -> None:
        config = config or ClientConfig()
        domain = domain_id or _setting("DataZoneDomainId")
        if domain and (id or name) and not _setting("DataZoneProjectId") and not config.overrides["execution"]:
            id = id or _project_id(_default_client(config), domain, str(name))
            execution = {"domain_identifier": domain, "project_identifier": id}
            config = replace(config, overrides=config.overrides | {"execution": execution})
        super().__init__(name, id, domain_id, config)

    @classmethod
    def create(
        cls,
        name: str,
        profile: str,
        *,
        domain_unit: str | None = None,
        description: str = "",
        parameters: dict[str, dict[str, str]] | None = None,
        domain_id: str | None = None,
        wait: bool = True,
        config: ClientConfig | None = None,
    ) -> "Project":
        """Makes a project from a profile (name or id) in a domain unit (name or id; default: the domain's root).

        `parameters` are values for what the profile leaves open: by environment, then by parameter. With `wait`
        returns once its environments are there. Raises `LookupError`, `ProjectNotDeployed`, botocore's errors.
        """
        config = config or ClientConfig()
        domain = domain_id or _setting("DataZoneDomainId")
        if domain is None:
            raise ValueError("Domain ID not found in environment. Please specify a domain ID.")
        datazone = _default_client(config)
        request: dict[str, Any] = {"domainIdentifier": domain, "name": name, "description": description}
        request["projectProfileId"] = _profile_id(datazone, domain, profile)
        if domain_unit is not None:
            request["domainUnitId"] = _domain_unit_id(datazone, domain, domain_unit)
        if parameters:
            request["userParameters"] = [
                {
                    "environmentConfigurationName": environment,
                    "environmentParameters": [{"name": key, "value": value} for key, value in values.items()],
                }
                for environment, values in parameters.items()
            ]
        project_id = datazone.create_project(**request)["id"]
        if wait:
            _wait(datazone, domain, project_id, 900)
        return cls(id=project_id, domain_id=domain, config=config)

    def add_member(self, user_id: str, role: str = "Contributor") -> None:
        """Adds a person (id or sign-in name) or an IAM role or user (ARN) as Owner or Contributor.

        One who is a member already gets the role. Raises `ValueError` for another role, botocore's errors.
        """
        if role not in _DESIGNATIONS:
            raise ValueError(f"role {role!r}: give Owner or Contributor")
        request = self._named() | {"member": {"userIdentifier": self._user_id(user_id)}}
        try:
            self._datazone.create_project_membership(**request, designation=_DESIGNATIONS[role])
        except self._datazone.exceptions.ValidationException:
            held = {member.id: member.role for member in self.members()}.get(request["member"]["userIdentifier"])
            if held is None:
                raise
            if held != role:
                self._datazone.delete_project_membership(**request)
                self._datazone.create_project_membership(**request, designation=_DESIGNATIONS[role])

    def remove_member(self, user_id: str) -> None:
        """Removes a member: id, sign-in name or ARN. Raises botocore's errors."""
        member = {"userIdentifier": self._user_id(user_id)}
        self._datazone.delete_project_membership(**self._named(), member=member)

    def members(self) -> list[Member]:
        """Who is in the project, by name."""
        roles = {designation: role for role, designation in _DESIGNATIONS.items()}
        pages = self._datazone.get_paginator("list_project_memberships").paginate(**self._named())
        return sorted(
            (
                Member(member_id, name, roles.get(item["designation"], item["designation"]))
                for page in pages
                for item in page["members"]
                for member_id, name in self._who(item["memberDetails"])
            ),
            key=lambda member: member.name,
        )

    def wait(self, seconds: float = 900) -> "Project":
        """Waits until the project's environments are made. Raises `ProjectNotDeployed`."""
        _wait(self._datazone, str(self.domain_id), str(self.id), seconds)
        return self

    def delete(self) -> None:
        """Asks for the project to be removed with what it holds. Raises botocore's errors."""
        self._datazone.delete_project(domainIdentifier=self.domain_id, identifier=self.id)

    @property
    def _datazone(self) -> Any:
        if not hasattr(self, "_public_datazone"):
            used = self._sagemaker_studio_api.datazone_api.meta
            self._public_datazone = _client(self.config, used.endpoint_url, used.region_name)
        return self._public_datazone

    def _named(self) -> dict[str, Any]:
        return {"domainIdentifier": self.domain_id, "projectIdentifier": self.id}

    def _user_id(self, user: str) -> str:
        """The id of a user of the domain; one the domain does not know yet is made known."""
        if _ID.fullmatch(user):
            return user
        domain = {"domainIdentifier": self.domain_id}
        pages = self._datazone.get_paginator("search_user_profiles").paginate(
            **domain, userType="SSO_USER", searchText=user
        )
        for page in pages:
            for item in page["items"]:
                if item.get("details", {}).get("sso", {}).get("username") == user:
                    return str(item["id"])
        return str(self._datazone.create_user_profile(**domain, userIdentifier=user, userType="SSO_USER")["id"])

    def _who(self, details: dict[str, Any]) -> Iterator[tuple[str, str]]:
        domain = {"domainIdentifier": self.domain_id}
        if "group" in details:
            found = self._datazone.get_group_profile(**domain, groupIdentifier=details["group"]["groupId"])
            yield found["id"], found.get("groupName") or found.get("rolePrincipalArn") or found["id"]
        else:
            found = self._datazone.get_user_profile(**domain, userIdentifier=details["user"]["userId"])
            known = found.get("details", {})
            yield found["id"], known.get("sso", {}).get("username") or known.get("iam", {}).get("arn") or found["id"]


def _setting(name: str) -> str | None:
    """What the library finds in its environment: in a space's metadata, or in a variable of this name."""
    library: Any = InternalUtils
    found: str | None = library()._get_field_from_environment(name)
    return found


def _default_client(config: ClientConfig) -> Any:
    return _client(config, _setting("DataZoneEndpoint"), _setting("DataZoneDomainRegion"))


def _client(config: ClientConfig, endpoint_url: str | None, region: str | None) -> Any:
    """A DataZone client with AWS's public model, whatever models `sagemaker_studio` put in front of it."""
    import boto3

    session = config.session or boto3.Session(profile_name=config.profile_name, region_name=config.region or region)
    core: Any = botocore.session.Session(profile=config.profile_name)
    core.register_component("data_loader", botocore.loaders.Loader())
    core._credentials = session.get_credentials()
    make: Any = boto3.Session(botocore_session=core).client
    return make("datazone", region_name=region or session.region_name, endpoint_url=endpoint_url)


def _project_id(datazone: Any, domain: str, name: str) -> str:
    pages = datazone.get_paginator("list_projects").paginate(domainIdentifier=domain)
    known = {item["name"]: str(item["id"]) for page in pages for item in page["items"]}
    if name not in known:
        raise LookupError(f"you see no project {name!r}; you see: {', '.join(sorted(known)) or 'none'}")
    return known[name]


def _profile_id(datazone: Any, domain: str, profile: str) -> str:
    pages = datazone.get_paginator("list_project_profiles").paginate(domainIdentifier=domain)
    known = {item["name"]: str(item["id"]) for page in pages for item in page["items"]}
    if profile in known.values():
        return profile
    if profile not in known:
        raise LookupError(f"there is no project profile {profile!r}; there is: {', '.join(sorted(known))}")
    return known[profile]


def _domain_unit_id(datazone: Any, domain: str, unit: str) -> str:
    pending = [str(datazone.get_domain(identifier=domain)["rootDomainUnitId"])]
    names: list[str] = []
    while pending:
        parent = pending.pop()
        pages = datazone.get_paginator("list_domain_units_for_parent").paginate(
            domainIdentifier=domain, parentDomainUnitIdentifier=parent
        )
        for page in pages:
            for item in page["items"]:
                if unit in (item["id"], item["name"]):
                    return str(item["id"])
                names.append(item["name"])
                pending.append(item["id"])
    raise LookupError(f"there is no domain unit {unit!r}; there is: {', '.join(sorted(names))}")


def _wait(datazone: Any, domain: str, project_id: str, seconds: float) -> None:
    until, pause = time.monotonic() + seconds, 0.05
    while True:
        project = datazone.get_project(domainIdentifier=domain, identifier=project_id)
        details = project.get("environmentDeploymentDetails", {})
        status = details.get("overallDeploymentStatus", "SUCCESSFUL")
        if status == "SUCCESSFUL":
            return
        if status.startswith("FAILED"):
            reasons = [r["message"] for listed in details.get("environmentFailureReasons", {}).values() for r in listed]
            raise ProjectNotDeployed(f"{project['name']}: {'; '.join(reasons) or status}")
        if time.monotonic() > until:
            raise ProjectNotDeployed(f"{project['name']} is {status} after {seconds:.0f} s")
        time.sleep(pause)
        pause = min(pause * 1.5, 2.0)
