"""What measurements of lists share: clients, and walks through the pages of a list on two servers in turn.

Requests are signed beforehand and sent over one kept-alive connection, so that the client's own work is little.
"""

import http.client
import json
import time
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bench import servers
from twinplane.data_plane.plane import PlaneSettings

ACCOUNT, REGION = PlaneSettings.account_id, PlaneSettings.region

Asked = tuple[str, str, dict[str, str], str | None]
"""A list: its name, path and query, and the ARN of the role that asks for it (None: the administrator)."""


def client(server: servers.Server, service: str) -> Any:
    """boto3's client of a server, as its administrator."""
    return boto3.client(
        service, endpoint_url=server.endpoint, region_name=REGION, aws_access_key_id=server.access_key_id,
        aws_secret_access_key=server.secret,
    )  # fmt: skip


def policy(statement: dict[str, Any]) -> str:
    """A policy document of one statement."""
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def compare(
    ours: list[servers.Server], lists: Iterable[Asked], size: int, rounds: int
) -> dict[str, tuple[list[float], list[float]]]:
    """Seconds of single pages of each list from two servers; of long lists, pages from all over.

    The servers are asked in turn, so that a busy machine is as busy for each.
    """
    figures: dict[str, tuple[list[float], list[float]]] = {}
    for name, path, query, role in lists:
        first, second = (walk(server, path, query | {"maxResults": str(size)}, role) for server in ours)
        pairs = [(next(first), next(second)) for _ in range(rounds)]
        figures[name] = [seconds for seconds, _ in pairs], [seconds for _, seconds in pairs]
    return figures


def walk(server: servers.Server, path: str, query: dict[str, str], role: str | None) -> Iterator[float]:
    """Seconds of the pages of a list of DataZone, from its first to its last full one and again, without end."""
    credentials = Credentials(server.access_key_id, server.secret)
    if role is not None:
        given = client(server, "sts").assume_role(RoleArn=role, RoleSessionName="bench")["Credentials"]
        credentials = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    connection = http.client.HTTPConnection(urlsplit(server.endpoint).netloc)
    token, page = "", 0
    while True:
        asked = f"{path}?{urlencode({**query, **({'nextToken': token} if token else {})})}"
        request = AWSRequest("GET", f"{server.endpoint}{asked}")
        SigV4Auth(credentials, "datazone", REGION).add_auth(request)
        began = time.perf_counter()
        connection.request("GET", asked, headers=dict(request.headers.items()))
        response = connection.getresponse()
        body = response.read()
        seconds = time.perf_counter() - began
        answer = json.loads(body)
        if response.status != 200:
            raise RuntimeError(answer)
        token = answer.get("nextToken", "")
        if token or not page:  # the last page may be short
            yield seconds
        page = page + 1 if token else 0
