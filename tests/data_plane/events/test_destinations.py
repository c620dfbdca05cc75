"""API destinations on this machine: credentials that are never shown, retries, dead letters."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from typing import Any

import pytest

from tests.data_plane.events.test_rules import Queue, entry, refusal, rule

SECRET = "open-sesame-4711"


class Server:
    """An HTTP server that answers what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self.statuses: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                outer.asked.put({"path": self.path, "headers": dict(self.headers), "body": json.loads(body)})
                self.send_response(outer.statuses.pop(0) if outer.statuses else 200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture(scope="module")
def events(plane: Any) -> Any:
    return plane.client("events")


def connection(events: Any, name: str, **parameters: Any) -> str:
    kind = "BASIC" if "BasicAuthParameters" in parameters else "API_KEY"
    arn: str = events.create_connection(Name=name, AuthorizationType=kind, AuthParameters=parameters)["ConnectionArn"]
    return arn


def destination(events: Any, name: str, url: str, **parameters: Any) -> str:
    key = {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": SECRET}}
    arn: str = events.create_api_destination(
        Name=name, ConnectionArn=connection(events, name, **(parameters or key)), InvocationEndpoint=url,
        HttpMethod="POST",
    )["ApiDestinationArn"]  # fmt: skip
    return arn


def test_an_event_is_posted_with_the_connection_s_credentials_and_parameters(events: Any, server: Server) -> None:
    parameters = {
        "ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": SECRET},
        "InvocationHttpParameters": {
            "HeaderParameters": [{"Key": "X-Fixed", "Value": "h", "IsValueSecret": False}],
            "QueryStringParameters": [{"Key": "q", "Value": "a b"}],
            "BodyParameters": [{"Key": "extra", "Value": "b"}],
        },
    }
    arn = destination(events, "posted", f"{server.url}/hooks/*", **parameters)
    http = {"PathParameterValues": ["$.detail.id"], "HeaderParameters": {"X-Source": "$.source"}}
    rule(events, "posted", {"source": ["posted"]}, {"Arn": arn, "InputPath": "$.detail", "HttpParameters": http})
    events.put_events(Entries=[entry("posted", {"id": "7/8"})])
    asked = server.asked.get(timeout=10)
    assert asked["path"] == "/hooks/7%2F8?q=a+b"
    assert asked["body"] == {"id": "7/8", "extra": "b"}
    headers = {name.lower(): value for name, value in asked["headers"].items()}
    assert (headers["x-key"], headers["x-fixed"], headers["x-source"]) == (SECRET, "h", "posted")


def test_basic_credentials_are_sent_as_http_does(events: Any, server: Server) -> None:
    arn = destination(events, "basic", server.url, BasicAuthParameters={"Username": "u", "Password": SECRET})
    rule(events, "basic", {"source": ["basic"]}, {"Arn": arn})
    events.put_events(Entries=[entry("basic", {})])
    given = server.asked.get(timeout=10)["headers"]["Authorization"]
    assert base64.b64decode(given.removeprefix("Basic ")).decode() == f"u:{SECRET}"


def test_a_secret_is_shown_nowhere_and_lies_nowhere_in_the_clear(plane: Any, events: Any) -> None:
    connection(
        events, "hidden", ApiKeyAuthParameters={"ApiKeyName": "X-Key", "ApiKeyValue": SECRET},
        InvocationHttpParameters={"HeaderParameters": [{"Key": "T", "Value": SECRET, "IsValueSecret": True}]},
    )  # fmt: skip
    events.update_connection(
        Name="hidden", AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "X-Other", "ApiKeyValue": SECRET}}
    )
    shown = events.describe_connection(Name="hidden")
    assert shown["AuthParameters"]["ApiKeyAuthParameters"] == {"ApiKeyName": "X-Other"}
    assert shown["AuthParameters"]["InvocationHttpParameters"]["HeaderParameters"] == [
        {"Key": "T", "IsValueSecret": True}
    ]
    assert SECRET not in json.dumps(events.list_connections(), default=str)
    trail = plane.client("cloudtrail").get_paginator("lookup_events").paginate()
    recorded = "".join(event["CloudTrailEvent"] for page in trail for event in page["Events"])
    assert "UpdateConnection" in recorded
    assert SECRET not in recorded
    for file in plane.state.rglob("*"):
        if file.is_file() and "credentials" not in file.name:
            assert SECRET.encode() not in file.read_bytes(), file


def test_what_fails_is_tried_again_until_it_is_taken(events: Any, server: Server) -> None:
    server.statuses = [503, 429, 200]
    rule(events, "again", {"source": ["again"]}, {"Arn": destination(events, "again", server.url)})
    events.put_events(Entries=[entry("again", {"n": 1})])
    assert [server.asked.get(timeout=15)["body"]["detail"] for _ in range(3)] == [{"n": 1}] * 3


def test_what_stays_untaken_becomes_a_dead_letter_with_its_reason(plane: Any, events: Any, server: Server) -> None:
    dead = Queue(plane, "unanswered")
    letters = {"DeadLetterConfig": {"Arn": dead.arn}, "RetryPolicy": {"MaximumRetryAttempts": 1}}
    server.statuses = [500, 500, 400]
    arn = destination(events, "untaken", server.url)
    rule(events, "untaken", {"source": ["untaken"]}, {"Arn": arn, **letters})
    nobody = destination(events, "nobody", "http://127.0.0.1:9")
    for n in (1, 2):  # the first is tried twice, the second is refused for good
        events.put_events(Entries=[entry("untaken", {"n": n})])
        [letter] = dead.take(wait=15)
        attributes = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
        assert json.loads(letter["Body"])["detail"] == {"n": n}
        assert attributes["TARGET_ARN"] == arn
        assert attributes["ERROR_CODE"] == "ERROR_FROM_TARGET"
        assert attributes["RETRY_ATTEMPTS"] == ("1" if n == 1 else "0")
        assert attributes.get("EXHAUSTED_RETRY_CONDITION") == ("MaximumRetryAttempts" if n == 1 else None)
    none = {"RetryPolicy": {"MaximumRetryAttempts": 0}}
    rule(events, "nobody", {"source": ["nobody"]}, {"Arn": nobody, **letters, **none})
    events.put_events(Entries=[entry("nobody", {"n": 3})])
    [letter] = dead.take(wait=15)
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "CONNECTION_FAILURE"


@pytest.mark.parametrize(
    "url",
    ["https://example.com/x", "http://10.0.0.1/", "http://127.0.0.1.example.com/", "ftp://127.0.0.1/", "http://[::2]/",
     "http://user@127.0.0.1/", "http://localhost.example/"],
)  # fmt: skip
def test_no_other_machine_is_called(events: Any, url: str) -> None:
    key = {"ApiKeyName": "X-Key", "ApiKeyValue": "k"}
    try:
        arn = connection(events, "elsewhere", ApiKeyAuthParameters=key)
    except events.exceptions.ResourceAlreadyExistsException:
        arn = events.describe_connection(Name="elsewhere")["ConnectionArn"]
    given = {"Name": "elsewhere", "ConnectionArn": arn, "HttpMethod": "POST"}
    assert refusal(events.create_api_destination, InvocationEndpoint=url, **given) == "ValidationException"


def test_the_plane_does_not_call_itself(plane: Any, events: Any) -> None:
    arn = connection(events, "itself", ApiKeyAuthParameters={"ApiKeyName": "X-Key", "ApiKeyValue": "k"})
    given = {"Name": "itself", "ConnectionArn": arn, "HttpMethod": "POST", "InvocationEndpoint": plane.endpoint + "/x"}
    assert refusal(events.create_api_destination, **given) == "ValidationException"


def test_connections_and_destinations_are_listed_changed_and_removed(events: Any) -> None:
    arn = destination(events, "kept", "http://localhost:1/a")
    found = events.describe_api_destination(Name="kept")
    assert (found["ApiDestinationArn"], found["InvocationRateLimitPerSecond"]) == (arn, 300)
    events.update_api_destination(Name="kept", InvocationEndpoint="http://localhost:1/b")
    assert events.describe_api_destination(Name="kept")["InvocationEndpoint"] == "http://localhost:1/b"
    assert [d["Name"] for d in events.list_api_destinations(NamePrefix="kept")["ApiDestinations"]] == ["kept"]
    assert events.deauthorize_connection(Name="kept")["ConnectionState"] == "DEAUTHORIZED"
    events.delete_api_destination(Name="kept")
    events.delete_connection(Name="kept")
    assert refusal(events.describe_connection, Name="kept") == "ResourceNotFoundException"
    assert refusal(events.describe_api_destination, Name="kept") == "ResourceNotFoundException"
    oauth = {"ClientParameters": {"ClientID": "c", "ClientSecret": "s"}, "AuthorizationEndpoint": "https://localhost/",
             "HttpMethod": "POST"}  # fmt: skip
    given = {"Name": "o", "AuthorizationType": "OAUTH_CLIENT_CREDENTIALS", "AuthParameters": {"OAuthParameters": oauth}}
    assert refusal(events.create_connection, **given) == "NotImplemented"
