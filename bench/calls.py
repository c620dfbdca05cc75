"""CPU and time per AWS call, next to moto_server, the same signed requests to both.

The requests are signed beforehand and sent over one kept-alive connection, so that the client's own work is not
measured; CPU is the server process's.
"""

import http.client
import json
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bench import servers

_COLUMNS = [{"Name": f"column_{n}", "Type": "string", "Comment": "a column"} for n in range(10)]


def run(folder: Path, rounds: int = 3, calls: int = 400) -> None:
    figures: dict[str, dict[str, list[tuple[float, float]]]] = {}
    with servers.twinplane(folder) as ours, servers.moto() as theirs:
        for server in (ours, theirs):
            _send(server, [_glue(server, "CreateDatabase", {"DatabaseInput": {"Name": "bench"}})])
        for round_number in range(rounds):
            for server in (ours, theirs):
                for name, requests in _workload(server, round_number, calls):
                    figures.setdefault(name, {}).setdefault(server.name, []).append(_measure(server, requests))
        memory = {server.name: server.resident_mb() for server in (ours, theirs)}
    print("| call | twinplane CPU µs | moto_server CPU µs | ratio | twinplane ms | moto_server ms |")
    print("|---|---|---|---|---|---|")
    for name, by_server in figures.items():
        (our_cpu, our_time), (their_cpu, their_time) = (_medians(by_server[s]) for s in ("twinplane", "moto_server"))
        print(
            f"| {name} | {our_cpu * 1e6:.0f} | {their_cpu * 1e6:.0f} | {our_cpu / their_cpu:.2f} "
            f"| {our_time * 1e3:.2f} | {their_time * 1e3:.2f} |"
        )
    print(
        f"\nmemory after the run: twinplane {memory['twinplane']:.0f} MB · moto_server {memory['moto_server']:.0f} MB"
    )


def _medians(figures: list[tuple[float, float]]) -> tuple[float, float]:
    return statistics.median(f[0] for f in figures), statistics.median(f[1] for f in figures)


def _workload(server: servers.Server, number: int, calls: int) -> Iterator[tuple[str, list[AWSRequest]]]:
    yield "sts GetCallerIdentity", [_query(server, "sts", "Action=GetCallerIdentity&Version=2011-06-15")] * calls
    creates = [
        _glue(server, "CreateTable", {"DatabaseName": "bench", "TableInput": _table(f"table_{number}_{n}")})
        for n in range(calls)
    ]
    yield "glue CreateTable (durable in twinplane)", creates
    yield "glue GetTable", [_glue(server, "GetTable", {"DatabaseName": "bench", "Name": f"table_{number}_0"})] * calls


def _table(name: str) -> dict[str, object]:
    return {"Name": name, "StorageDescriptor": {"Columns": _COLUMNS, "Location": f"s3://bench/{name}/"}}


def _sign(server: servers.Server, service: str, body: bytes, headers: dict[str, str]) -> AWSRequest:
    request = AWSRequest("POST", f"{server.endpoint}/", data=body, headers=headers)
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
        connection.request(request.method, "/", request.data, dict(request.headers.items()))
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
