"""Projects: the time from CreateProject to deployed, and whether pages of lists stay as quick with 10,000 projects.

Loading goes through the services' own functions, in the state folder of a plane that is stopped.
"""

import asyncio
import shutil
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from bench import pages, servers
from twinplane.data_plane.app import kinds_and_tasks
from twinplane.data_plane.call import new_id
from twinplane.data_plane.plane import Plane, PlaneSettings, open_plane
from twinplane.data_plane.services.datazone import access, provisioning, rights, rules, store
from twinplane.data_plane.store import Document, Transaction

_ROLE = f"arn:aws:iam::{pages.ACCOUNT}:role/"
_FULL = 10_000
_PROVISIONED = 100
_IN_ONE_PROJECT = 120  # environments and connections of the project whose are listed: more than two pages
_PAGE = 25
_PARTS = ("PROJECTS", "ENVIRONMENTS", "CONNECTIONS", "MEMBERSHIPS", "PROJECT_PROFILES", "DOMAIN_UNITS")


def run(folder: Path, created: int = 20, rounds: int = 150, full: int = _FULL) -> None:
    few, many = folder / "few", folder / "many"
    with servers.twinplane(few) as server:
        domain = _make_domain(server)
        _print_creation(*_create(server, domain, created))
    _load(few / "state", domain, 0, full // 100)
    shutil.copytree(few, many)
    _load(many / "state", domain, full // 100, full)
    with servers.twinplane(few) as small, servers.twinplane(many) as large:
        _print_pages(full, pages.compare([small, large], _lists(domain), _PAGE, rounds))


# From CreateProject to deployed


def _make_domain(server: servers.Server) -> dict[str, str]:
    """A domain with the development profile: tooling and a database; ids by what they are of."""
    iam, datazone = pages.client(server, "iam"), pages.client(server, "datazone")
    trust = {"Effect": "Allow", "Principal": {"AWS": pages.ACCOUNT}, "Action": "sts:AssumeRole"}
    allowed = {"Effect": "Allow", "Action": "datazone:*", "Resource": "*"}
    for role in ("Member", "Execution", "Service", "Manage", "Provision"):
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=pages.policy(trust))
        iam.put_role_policy(RoleName=role, PolicyName="datazone", PolicyDocument=pages.policy(allowed))
    made = datazone.create_domain(
        name="bench", domainVersion="V2", domainExecutionRole=f"{_ROLE}Execution", serviceRole=f"{_ROLE}Service"
    )
    here = {"domainIdentifier": made["id"]}
    while datazone.get_domain(identifier=made["id"])["status"] != "AVAILABLE":
        time.sleep(0.01)
    configurations = []
    for order, blueprint in enumerate(("Tooling", "DataLake")):
        found = datazone.list_environment_blueprints(managed=True, name=blueprint, **here)["items"][0]
        datazone.put_environment_blueprint_configuration(
            environmentBlueprintIdentifier=found["id"], enabledRegions=[pages.REGION],
            manageAccessRoleArn=f"{_ROLE}Manage", provisioningRoleArn=f"{_ROLE}Provision", **here,
        )  # fmt: skip
        configurations.append(
            {"name": blueprint, "environmentBlueprintId": found["id"], "deploymentOrder": order,
             "awsAccount": {"awsAccountId": pages.ACCOUNT}, "awsRegion": {"regionName": pages.REGION}}
        )  # fmt: skip
    profile = datazone.create_project_profile(
        name="development", status="ENABLED", environmentConfigurations=configurations, **here
    )
    for policy, detail in (
        ("CREATE_PROJECT_FROM_PROJECT_PROFILE", "createProjectFromProjectProfile"),
        ("ADD_TO_PROJECT_MEMBER_POOL", "addToProjectMemberPool"),
    ):
        datazone.add_policy_grant(
            entityType="DOMAIN_UNIT", entityIdentifier=made["rootDomainUnitId"], policyType=policy,
            principal={"user": {"allUsersGrantFilter": {}}}, detail={detail: {}}, **here,
        )  # fmt: skip
    return {"domain": made["id"], "unit": made["rootDomainUnitId"], "profile": profile["id"]}


def _create(server: servers.Server, domain: dict[str, str], count: int) -> tuple[list[float], float]:
    """Seconds from CreateProject to the answer that all is deployed, and the server's CPU seconds for one."""
    datazone = pages.client(server, "datazone")
    here = {"domainIdentifier": domain["domain"]}
    seconds, before = [], server.cpu_seconds()
    for number in range(count):
        began = time.perf_counter()
        made = datazone.create_project(name=f"Created {number}", projectProfileId=domain["profile"], **here)
        domain["project"] = made["id"]
        while True:
            project = datazone.get_project(identifier=made["id"], **here)
            status = project["environmentDeploymentDetails"]["overallDeploymentStatus"]
            if status not in ("PENDING_DEPLOYMENT", "IN_PROGRESS"):
                break
            time.sleep(0.002)
        seconds.append(time.perf_counter() - began)
        if status != "SUCCESSFUL":
            raise RuntimeError(project["environmentDeploymentDetails"])
    return seconds, (server.cpu_seconds() - before) / count


def _print_creation(seconds: list[float], cpu: float) -> None:
    print(
        f"CreateProject with tooling and a database until all is deployed, boto3 polling: "
        f"median {statistics.median(seconds) * 1e3:.0f} ms, slowest {max(seconds) * 1e3:.0f} ms (bar: 300 ms); "
        f"server CPU {cpu * 1e3:.0f} ms\n"
    )


# Loading


def _load(state: Path, domain: dict[str, str], start: int, end: int) -> None:
    asyncio.run(_load_in(state, domain, start, end))


async def _load_in(state: Path, domain: dict[str, str], start: int, end: int) -> None:
    plane = open_plane(PlaneSettings(state, "http://127.0.0.1"), *kinds_and_tasks())
    try:
        counted = {part: plane.store.read(lambda tx, p=part: tx.count(getattr(store, p))) for part in _PARTS}  # type: ignore[misc]
        began = time.perf_counter()
        if start == 0:
            await plane.store.write(lambda tx: _fill_one_project(tx, domain))
        for first in range(start, end, 500):
            await plane.store.write(
                lambda tx, f=first: _add_some(tx, plane, domain, range(f, min(f + 500, end)))  # type: ignore[misc]
            )
        seconds = time.perf_counter() - began
        made = {
            part: plane.store.read(lambda tx, p=part: tx.count(getattr(store, p))) - counted[part]  # type: ignore[misc]
            for part in _PARTS
        }
    finally:
        plane.store.close()
    print(
        f"loaded {', '.join(f'{n:,} {part.lower()}' for part, n in made.items())} in {seconds:.1f} s: "
        f"{sum(made.values()) / seconds:,.0f} documents/s"
    )


def _member(domain: dict[str, str]) -> str:
    return rules.profile_id_of_iam(domain["domain"], f"{_ROLE}Member")


def _add_some(tx: Transaction, plane: Plane, domain: dict[str, str], numbers: range) -> None:
    for number in numbers:
        _add(tx, plane, domain, number)


def _add(tx: Transaction, plane: Plane, domain: dict[str, str], number: int) -> None:
    """One more of everything: a project (some fully provisioned) and its memberships, a profile, a unit, a member."""
    domain_id = domain["domain"]
    first = store.get_project(tx, domain_id, domain["project"])
    project = tx.add(store.PROJECTS, first | {"id": new_id(), "name": f"Loaded {number:05}"})
    for member in (first["createdBy"], _member(domain)):
        _join(tx, project, member)
    _join(tx, first, f"00000000-0000-4000-8000-{number:012}")
    for environment in store.project_environments(tx, domain_id, first["id"])[:2]:
        copy = tx.add(store.ENVIRONMENTS, environment | {"id": new_id(), "projectId": project["id"]})
        if number < _PROVISIONED:
            provisioning.provision(tx, plane, copy | {"provisionedResources": []})
    profile = store.found(tx, store.PROJECT_PROFILES, "Project profile", domain_id, domain["profile"])
    tx.add(store.PROJECT_PROFILES, profile | {"id": new_id(), "name": f"Loaded {number:05}"})
    unit = {"id": new_id(), "name": f"Loaded {number:05}", "parentDomainUnitId": domain["unit"]}
    tx.add(store.DOMAIN_UNITS, store.get_domain_unit(tx, domain_id, domain["unit"]) | unit)


def _join(tx: Transaction, project: Document, member_id: str) -> None:
    membership = {"memberType": "user", "memberId": member_id, "designation": rights.OWNER}
    named = {"domainId": project["domainId"], "projectId": project["id"], "projectName": project["name"]}
    profile = access.iam_profile(project["domainId"], "IAM_ROLE", f"{_ROLE}{member_id}")
    tx.put(store.USER_PROFILES, profile | {"id": member_id, "createdAt": 0.0})
    tx.put(store.MEMBERSHIPS, named | membership)


def _fill_one_project(tx: Transaction, domain: dict[str, str]) -> None:
    domain_id, project_id = domain["domain"], domain["project"]
    environment = store.project_environments(tx, domain_id, project_id)[0]
    connection = tx.select(store.CONNECTIONS, {"domainId": domain_id, "projectId": project_id}, limit=1)[0]
    for number in range(_IN_ONE_PROJECT):
        new = {"id": new_id(), "name": f"Environment {number:03}", "deploymentOrder": 20 + number}
        tx.add(store.ENVIRONMENTS, environment | new)
        tx.add(store.CONNECTIONS, connection | {"connectionId": new_id(), "name": f"connection.{number:03}"})
    _join(tx, store.get_project(tx, domain_id, project_id), _member(domain))


# Pages


def _lists(domain: dict[str, str]) -> Iterator[pages.Asked]:
    of_project, root = {"projectIdentifier": domain["project"]}, f"/v2/domains/{domain['domain']}/"
    for who, role in (("an administrator", None), ("a member of all", f"{_ROLE}Member")):
        yield f"ListProjects, {who}", f"{root}projects", {}, role
        yield f"ListProjectMemberships, {who}", f"{root}projects/{domain['project']}/memberships", {}, role
        yield f"ListEnvironments, {who}", f"{root}environments", of_project, role
        yield f"ListConnections, {who}", f"{root}connections", of_project, role
        yield f"ListProjectProfiles, {who}", f"{root}project-profiles", {}, role
        under_root = {"parentDomainUnitIdentifier": domain["unit"]}
        yield f"ListDomainUnitsForParent, {who}", f"{root}domain-units", under_root, role


def _print_pages(full: int, figures: dict[str, tuple[list[float], list[float]]]) -> None:
    print(f"\n| page of {_PAGE} | {full // 100:,} projects, ms | {full:,} projects, ms | growth (bar: 1.5) |")
    print("|---|---|---|---|")
    for name, (small, large) in figures.items():
        few, many = statistics.median(small), statistics.median(large)
        print(f"| {name} | {few * 1e3:.2f} | {many * 1e3:.2f} | {many / few:.2f} |")
