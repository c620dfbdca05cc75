"""CPU and time per AWS call, next to moto_server, the same signed requests to both.

The requests are signed beforehand and sent over one kept-alive connection, so that the client's own work is not
measured; CPU is the server process's. moto_server has no DataZone: a read of one thing stands next to its GetTable, a
list of twenty next to its GetDatabases of twenty, whose items have about as many members as a project's summary.
"""

import http.client
import json
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bench import machine, servers

_GET_TABLE, _GET_DATABASES = "glue GetTable", "glue GetDatabases (20)"
_NEXT_TO = {"datazone GetProject": _GET_TABLE, "datazone ListProjects (20)": _GET_DATABASES}
_LISTED = 20
_COLUMNS = [{"Name": f"column_{n}", "Type": "string", "Comment": "a column"} for n in range(10)]


def run(folder: Path, rounds: int = 5, calls: int = 800) -> None:
    figures: dict[str, dict[str, list[tuple[float, float]]]] = {}
    with servers.twinplane(folder) as ours, servers.moto() as theirs:
        idle = {server.name: server.resident_mb() for server in (ours, theirs)}
        for server in (ours, theirs):
            _send(server, _prepared(server))
        datazone = _domain(ours)
        for number in range(rounds):
            for server in (ours, theirs):
                for name, requests in _workload(server, number, calls):
                    figures.setdefault(name, {}).setdefault(server.name, []).append(_measure(server, requests))
            for name, path in datazone.items():
                requests = [_rest(ours, "datazone", path)] * calls
                figures.setdefault(name, {}).setdefault("twinplane", []).append(_measure(ours, requests))
        after = {server.name: server.resident_mb() for server in (ours, theirs)}
    print("| call | twinplane CPU µs | moto_server CPU µs | ratio | bar | twinplane ms | moto_server ms |")
    print("|---|---|---|---|---|---|---|")
    for name, by_server in figures.items():
        our_cpu, our_time = _medians(by_server["twinplane"])
        their_cpu, their_time = _medians(figures[_NEXT_TO.get(name, name)]["moto_server"])
        print(
            f"| {name} | {our_cpu * 1e6:.0f} | {their_cpu * 1e6:.0f} | {our_cpu / their_cpu:.2f} "
            f"| {0.2 if 'durable' in name else 0.1} | {our_time * 1e3:.2f} | {their_time * 1e3:.2f} |"
        )
    print(
        "\nmoto_server has no DataZone: "
        + ", ".join(f"{a} stands next to its {b}" for a, b in _NEXT_TO.items())
        + ".\n"
    )
    for name in idle:
        print(f"memory of {name}: {idle[name]:.0f} MB before the first call, {after[name]:.0f} MB after the run")
    print("\nThe limits of this machine, in the same run:\n")
    for name, figure in machine.limits(folder):
        print(f"- {name}: {figure}")


def _medians(figures: list[tuple[float, float]]) -> tuple[float, float]:
    return statistics.median(f[0] for f in figures), statistics.median(f[1] for f in figures)


def _workload(server: servers.Server, number: int, calls: int) -> Iterator[tuple[str, list[AWSRequest]]]:
    yield "sts GetCallerIdentity", [_query(server, "sts", "Action=GetCallerIdentity&Version=2011-06-15")] * calls
    creates = [
        _glue(server, "CreateTable", {"DatabaseName": "bench", "TableInput": _table(f"table_{number}_{n}")})
        for n in range(calls)
    ]
    yield "glue CreateTable (durable in twinplane)", creates
    yield _GET_TABLE, [_glue(server, "GetTable", {"DatabaseName": "bench", "Name": f"table_{number}_0"})] * calls

    yield _GET_DATABASES, [_glue(server, "GetDatabases", {})] * (calls // 4)
    yield "glue GetTables (20)", [_glue(server, "GetTables", {"DatabaseName": "listed_0"})] * (calls // 4)


def _prepared(server: servers.Server) -> list[AWSRequest]:
    """What makes twenty databases, and twenty tables in one of them."""
    databases = ["bench", *(f"listed_{number}" for number in range(_LISTED - 1))]
    described = {"Description": "a database", "LocationUri": "s3://bench/listed/", "Parameters": {"made": "for a list"}}
    return [
        *(_glue(server, "CreateDatabase", {"DatabaseInput": {"Name": name, **described}}) for name in databases),
        *(
            _glue(server, "CreateTable", {"DatabaseName": "listed_0", "TableInput": _table(f"table_{number}")})
            for number in range(_LISTED)
        ),
    ]


def _domain(server: servers.Server) -> dict[str, str]:
    """A domain with twenty projects; the paths of the reads to measure."""
    session = boto3.Session(server.access_key_id, server.secret, region_name="us-east-1")
    trust = {"Effect": "Allow", "Principal": {"Service": "datazone.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = session.client("iam", endpoint_url=server.endpoint).create_role(
        RoleName="bench-domain", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    datazone = session.client("datazone", endpoint_url=server.endpoint)
    made = datazone.create_domain(name="bench", domainExecutionRole=role, serviceRole=role, domainVersion="V2")
    domain, unit = made["id"], made["rootDomainUnitId"]
    while datazone.get_domain(identifier=domain)["status"] != "AVAILABLE":
        time.sleep(0.05)
    datazone.add_policy_grant(
        domainIdentifier=domain, entityType="DOMAIN_UNIT", entityIdentifier=unit, policyType="CREATE_PROJECT",
        principal={"user": {"allUsersGrantFilter": {}}}, detail={"createProject": {"includeChildDomainUnits": True}},
    )  # fmt: skip
    projects = [datazone.create_project(domainIdentifier=domain, name=f"project {n}")["id"] for n in range(_LISTED)]
    return {
        "datazone GetProject": f"/v2/domains/{domain}/projects/{projects[0]}",
        "datazone ListProjects (20)": f"/v2/domains/{domain}/projects",
    }


def _table(name: str) -> dict[str, object]:
    return {"Name": name, "StorageDescriptor": {"Columns": _COLUMNS, "Location": f"s3://bench/{name}/"}}


def _rest(server: servers.Server, service: str, path: str) -> AWSRequest:
    return _sign(server, service, b"", {}, "GET", path)


def _sign(
    server: servers.Server, service: str, body: bytes, headers: dict[str, str], method: str = "POST", path: str = "/"
) -> AWSRequest:
    request = AWSRequest(method, server.endpoint + path, data=body, headers=headers)
    SigV4Auth(Credentials(server.access_key_id, server.secret), service, "us-east-1").add_auth(request)
    return request


def _query(server: servers.Server, service: str, body: str) -> AWSRequest:
    return _sign(server, service, body.encode(), {"Content-Type": "application/x-www-form-urlencoded"})


def _glue(server: servers.Server, operation: str, body: dict[str, object]) -> AWSRequest:
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"AWSGlue.{operation}"}
    return _sign(server, "glue", json.dumps(body).encode(), headers)


def _send(server: servers.Server, requests: list[AWSRequest]) -> None:
    connection = http.client.HTTPConnection(urlsplit(server.endpoint).netloc, timeout=30)
    for request in requests:
        connection.request(request.method, urlsplit(request.url).path, request.data, dict(request.headers.items()))
        response = connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise RuntimeError(f"{server.name} answered {response.status}: {answer[:300]!r}")
    connection.close()


def _measure(server: servers.Server, requests: list[AWSRequest]) -> tuple[float, float]:
    """CPU seconds and seconds per call."""
    cpu, began = server.cpu_seconds(), time.perf_counter()
    _send(server, requests)
    return (server.cpu_seconds() - cpu) / len(requests), (time.perf_counter() - began) / len(requests)
