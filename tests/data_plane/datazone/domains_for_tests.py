"""A domain with people in it, for the tests of DataZone."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from twinplane.data_plane import sessions
from twinplane.data_plane.plane import Keys
from twinplane.data_plane.testing import RunningPlane

ALL_USERS = {"user": {"allUsersGrantFilter": {}}}
SERVICES_TRUST = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow",'
    '"Principal":{"Service":"datazone.amazonaws.com"},"Action":"sts:AssumeRole"}]}'
)
EVERYTHING = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"datazone:*","Resource":"*"}]}'


def eventually(ask: Callable[[], Any], wanted: Callable[[Any], bool], seconds: float = 20) -> Any:
    """What `ask` answers as soon as it is `wanted`."""
    end = time.monotonic() + seconds
    while not wanted(answer := ask()):
        assert time.monotonic() < end, f"still {answer}"
        time.sleep(0.02)
    return answer


@dataclass
class Mesh:
    """A domain, its blueprints and its one project profile; people sign in as themselves."""

    plane: RunningPlane
    domain_id: str
    root_unit: str
    profile_id: str
    users: dict[str, str] = field(default_factory=dict)

    @property
    def admin(self) -> Any:
        """DataZone as the administrator, who made the domain."""
        return self.plane.client("datazone")

    def person(self, name: str) -> str:
        """The user id of a person of this name, who exists from now on."""
        if name not in self.users:
            store = self.plane.client("identitystore")
            made = store.create_user(
                IdentityStoreId=self._identity_store(),
                UserName=name,
                DisplayName=name.title(),
                Name={"GivenName": name.title(), "FamilyName": "Person"},
                Emails=[{"Value": f"{name}@mesh.example", "Primary": True}],
            )
            self.users[name] = made["UserId"]
        return self.users[name]

    def group(self, name: str, *people: str) -> str:
        """The id of a new group with these people."""
        store, identity_store = self.plane.client("identitystore"), self._identity_store()
        group_id: str = store.create_group(IdentityStoreId=identity_store, DisplayName=name)["GroupId"]
        for person in people:
            store.create_group_membership(
                IdentityStoreId=identity_store, GroupId=group_id, MemberId={"UserId": self.person(person)}
            )
        return group_id

    def credentials(self, name: str) -> dict[str, str]:
        """Identity-enhanced credentials of a person, as the sign-in chain would give her."""
        key = SimpleNamespace(keys=Keys(self.plane.state / "plane.key"))
        return sessions.issue(
            key,  # type: ignore[arg-type]
            role_arn=f"arn:aws:iam::{self.plane.account_id}:role/Person",
            session_name=name,
            duration_seconds=3600,
            now=time.time(),
            on_behalf_of=self.person(name),
        )

    def as_person(self, name: str, service: str = "datazone") -> Any:
        """A client that acts as the person."""
        return self.plane.client(service, self.credentials(name))

    def grant(self, policy: str, principal: dict[str, Any], detail: dict[str, Any], unit: str | None = None) -> str:
        """Adds a policy grant on a domain unit (the root when none is named); returns its id."""
        name = policy.split("_")
        union = name[0].lower() + "".join(part.title() for part in name[1:])
        answer = self.admin.add_policy_grant(
            domainIdentifier=self.domain_id,
            entityType="DOMAIN_UNIT",
            entityIdentifier=unit or self.root_unit,
            policyType=policy,
            principal=principal,
            detail={union: detail},
        )
        return str(answer["grantId"])

    def project(self, name: str, *, client: Any = None, **members: Any) -> dict[str, Any]:
        """A project whose environments are deployed (or have failed)."""
        datazone = client or self.admin
        made = datazone.create_project(
            domainIdentifier=self.domain_id, name=name, **{"projectProfileId": self.profile_id, **members}
        )
        return self.deployed(made["id"], datazone)

    def deployed(self, project_id: str, client: Any = None) -> dict[str, Any]:
        """The project once its deployment has ended."""
        datazone = client or self.admin
        answer: dict[str, Any] = eventually(
            lambda: datazone.get_project(domainIdentifier=self.domain_id, identifier=project_id),
            lambda p: (
                p["environmentDeploymentDetails"]["overallDeploymentStatus"]
                not in ("PENDING_DEPLOYMENT", "IN_PROGRESS")
            ),
        )
        return answer

    def resources(self, project_id: str, client: Any = None) -> dict[str, str]:
        """What was provisioned for a project, by name."""
        datazone = client or self.admin
        found = {}
        for summary in datazone.list_environments(domainIdentifier=self.domain_id, projectIdentifier=project_id)[
            "items"
        ]:
            environment = datazone.get_environment(domainIdentifier=self.domain_id, identifier=summary["id"])
            found |= {r["name"]: r["value"] for r in environment.get("provisionedResources", [])}
        return found

    def _identity_store(self) -> str:
        instances = self.plane.client("sso-admin").list_instances()["Instances"]
        return str(instances[0]["IdentityStoreId"])


def make_mesh(plane: RunningPlane, name: str = "mesh") -> Mesh:
    """A new domain on the plane, where everybody may create and join projects."""
    iam, datazone = plane.client("iam"), plane.client("datazone")
    for role in ("Person", "Manage", "Provision", "Execution", "Service"):
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=SERVICES_TRUST)
    iam.put_role_policy(RoleName="Person", PolicyName="datazone", PolicyDocument=EVERYTHING)
    iam.put_role_policy(RoleName="Execution", PolicyName="datazone", PolicyDocument=EVERYTHING)
    role_arn = f"arn:aws:iam::{plane.account_id}:role/"
    made = datazone.create_domain(
        name=name,
        domainVersion="V2",
        domainExecutionRole=f"{role_arn}Execution",
        serviceRole=f"{role_arn}Service",
        singleSignOn={"type": "IAM_IDC", "userAssignment": "AUTOMATIC"},
    )
    domain_id, root_unit = made["id"], made["rootDomainUnitId"]
    eventually(lambda: datazone.get_domain(identifier=domain_id)["status"], lambda status: status == "AVAILABLE")
    for blueprint in ("Tooling", "DataLake", "Workflows", "MLExperiments"):
        datazone.put_environment_blueprint_configuration(
            domainIdentifier=domain_id,
            environmentBlueprintIdentifier=blueprint,
            enabledRegions=[plane.region],
            manageAccessRoleArn=f"{role_arn}Manage",
            provisioningRoleArn=f"{role_arn}Provision",
        )
    administrator = {"DataLakePrincipalIdentifier": f"arn:aws:iam::{plane.account_id}:user/administrator"}
    plane.client("lakeformation").put_data_lake_settings(DataLakeSettings={"DataLakeAdmins": [administrator]})
    mesh = Mesh(plane, domain_id, root_unit, "")
    mesh.profile_id = make_profile(mesh, "development")
    mesh.grant("ADD_TO_PROJECT_MEMBER_POOL", ALL_USERS, {"includeChildDomainUnits": True})
    mesh.grant("CREATE_PROJECT_FROM_PROJECT_PROFILE", ALL_USERS, {"includeChildDomainUnits": True})
    return mesh


def environment(mesh: Mesh, name: str, blueprint: str, **members: Any) -> dict[str, Any]:
    """An environment configuration of a project profile; `parameters` maps names to (value, is editable)."""
    listed = mesh.admin.list_environment_blueprints(domainIdentifier=mesh.domain_id, managed=True, name=blueprint)
    overrides = [
        {"name": parameter, "value": value, "isEditable": editable}
        for parameter, (value, editable) in members.pop("parameters", {}).items()
    ]
    return {
        "name": name,
        "environmentBlueprintId": listed["items"][0]["id"],
        "awsAccount": {"awsAccountId": mesh.plane.account_id},
        "awsRegion": {"regionName": mesh.plane.region},
        "configurationParameters": {"parameterOverrides": overrides},
        **members,
    }


def make_profile(mesh: Mesh, name: str, *more: dict[str, Any], **members: Any) -> str:
    """The id of a new profile: tooling and a database, and what else is given."""
    tooling = environment(
        mesh,
        "Tooling",
        "Tooling",
        deploymentOrder=0,
        parameters={"maxEbsVolumeSize": ("50", False), "idleTimeoutInMinutes": ("60", True)},
    )
    database = environment(
        mesh, "Lakehouse Database", "DataLake", deploymentOrder=1, parameters={"glueDbName": ("glue_db", True)}
    )
    answer = mesh.admin.create_project_profile(
        domainIdentifier=mesh.domain_id,
        name=name,
        status="ENABLED",
        environmentConfigurations=[tooling, database, *more],
        projectResourceTags=[{"key": "AmazonDataZoneMeshStage", "value": "dev", "isValueEditable": False}],
        **members,
    )
    return str(answer["id"])
