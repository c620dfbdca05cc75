"""Projects: the time from CreateProject to deployed, and whether pages of lists stay as quick with 10,000 projects.

Loading goes through the services' own functions, in the state folder of a plane that is stopped. Requests are signed
beforehand and sent over one kept-alive connection, so that the client's own work is little.
"""

import asyncio
import http.client
import json
import shutil
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bench import servers
from twinplane.data_plane.app import kinds_and_tasks
from twinplane.data_plane.call import new_id
from twinplane.data_plane.plane import Plane, PlaneSettings, open_plane
from twinplane.data_plane.services.datazone import access, provisioning, rules, store
from twinplane.data_plane.store import Document, Transaction

_ACCOUNT, _REGION = PlaneSettings.account_id, PlaneSettings.region
_ROLE = f"arn:aws:iam::{_ACCOUNT}:role/"
_FULL = 10_000
_PROVISIONED = 100
_IN_ONE_PROJECT = 120  # environments and connections of the project whose are listed: more than two pages
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
        _print_pages(full, _measure([small, large], domain, rounds))


# From CreateProject to deployed


def _client(server: servers.Server, service: str) -> Any:
    return boto3.client(
        service, endpoint_url=server.endpoint, region_name=_REGION, aws_access_key_id=server.access_key_id,
        aws_secret_access_key=server.secret,
    )  # fmt: skip


def _make_domain(server: servers.Server) -> dict[str, str]:
    """A domain with the development profile: tooling and a database; ids by what they are of."""
    iam, datazone = _client(server, "iam"), _client(server, "datazone")
    trust = {"Effect": "Allow", "Principal": {"AWS": _ACCOUNT}, "Action": "sts:AssumeRole"}
    allowed = {"Effect": "Allow", "Action": "datazone:*", "Resource": "*"}
    for role in ("Member", "Execution", "Service", "Manage", "Provision"):
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=_policy(trust))
        iam.put_role_policy(RoleName=role, PolicyName="datazone", PolicyDocument=_policy(allowed))
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
            environmentBlueprintIdentifier=found["id"], enabledRegions=[_REGION],
            manageAccessRoleArn=f"{_ROLE}Manage", provisioningRoleArn=f"{_ROLE}Provision", **here,
        )  # fmt: skip
        configurations.append(
            {"name": blueprint, "environmentBlueprintId": found["id"], "deploymentOrder": order,
             "awsAccount": {"awsAccountId": _ACCOUNT}, "awsRegion": {"regionName": _REGION}}
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


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _create(server: servers.Server, domain: dict[str, str], count: int) -> tuple[list[float], float]:
    """Seconds from CreateProject to the answer that all is deployed, and the server's CPU seconds for one."""
    datazone = _client(server, "datazone")
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
    membership = {"memberType": "user", "memberId": member_id, "designation": rules.OWNER}
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


def _lists(domain: dict[str, str]) -> dict[str, tuple[str, dict[str, str]]]:
    of_project = {"projectIdentifier": domain["project"]}
    return {
        "ListProjects": ("projects", {}),
        "ListProjectMemberships": (f"projects/{domain['project']}/memberships", {}),
        "ListEnvironments": ("environments", of_project),
        "ListConnections": ("connections", of_project),
        "ListProjectProfiles": ("project-profiles", {}),
        "ListDomainUnitsForParent": ("domain-units", {"parentDomainUnitIdentifier": domain["unit"]}),
    }


def _measure(
    ours: list[servers.Server], domain: dict[str, str], rounds: int
) -> dict[str, tuple[list[float], list[float]]]:
    """Seconds of single pages from each server, by list and by who asks; of long lists, pages from all over.

    The servers are asked in turn, so that a busy machine is as busy for each.
    """
    figures: dict[str, tuple[list[float], list[float]]] = {}
    for who in ("an administrator", "a member of all"):
        for name, (path, query) in _lists(domain).items():
            walks = [_walk(server, f"/v2/domains/{domain['domain']}/{path}", query, who) for server in ours]
            pairs = [(next(walks[0]), next(walks[1])) for _ in range(rounds)]
            figures[f"{name}, {who}"] = [first for first, _ in pairs], [second for _, second in pairs]
    return figures


def _walk(server: servers.Server, path: str, query: dict[str, str], who: str) -> Iterator[float]:
    """Seconds of full pages of a list, from its first to its last and again, without end."""
    credentials = Credentials(server.access_key_id, server.secret)
    if who == "a member of all":
        given = _client(server, "sts").assume_role(RoleArn=f"{_ROLE}Member", RoleSessionName="bench")["Credentials"]
        credentials = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    connection = http.client.HTTPConnection(urlsplit(server.endpoint).netloc)
    token = ""
    while True:
        asked = urlencode({**query, "maxResults": "25", **({"nextToken": token} if token else {})})
        request = AWSRequest("GET", f"{server.endpoint}{path}?{asked}")
        SigV4Auth(credentials, "datazone", _REGION).add_auth(request)
        began = time.perf_counter()
        connection.request("GET", f"{path}?{asked}", headers=dict(request.headers.items()))
        response = connection.getresponse()
        body = response.read()
        seconds = time.perf_counter() - began
        answer = json.loads(body)
        if response.status != 200:
            raise RuntimeError(answer)
        token = answer.get("nextToken", "")
        if token:
            yield seconds


def _print_pages(full: int, figures: dict[str, tuple[list[float], list[float]]]) -> None:
    print(f"\n| page of 25 | {full // 100:,} projects, ms | {full:,} projects, ms | growth (bar: 1.5) |")
    print("|---|---|---|---|")
    for name, (small, large) in figures.items():
        few, many = statistics.median(small), statistics.median(large)
        print(f"| {name} | {few * 1e3:.2f} | {many * 1e3:.2f} | {many / few:.2f} |")
