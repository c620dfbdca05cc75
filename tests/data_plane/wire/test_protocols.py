"""Every operation of every served service, both ways, with botocore's own serialisers and parsers as the client."""

import gzip
import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import botocore
import pytest
from botocore.awsrequest import HeadersDict
from botocore.model import ServiceModel, Shape
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from twinplane.data_plane.app import SERVICES
from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.wire.http import HttpRequest
from twinplane.data_plane.wire.service import ServiceWire

OURS = "glue-iceberg"  # a protocol that botocore does not describe; its clients are in tests of their own
MODELS = [model for model, _ in SERVICES.values() if model != OURS]
MOMENT = 1_900_000_000.0
DEEPEST = 4


@cache
def client_model(service: str) -> ServiceModel:
    newest = sorted((Path(botocore.__file__).parent / "data" / service).glob("*/service-2.json.gz"))[-1]
    return ServiceModel(json.loads(gzip.decompress(newest.read_bytes())), service)


@cache
def server(service: str) -> ServiceWire:
    return ServiceWire(service)


def sample(shape: Shape, member: str = "", depth: int = 0) -> Any:
    """A value with every member set, as the server's operations see it; None: too deep."""
    if shape.type_name == "structure":
        if getattr(shape, "is_document_type", False):
            return {"any": ["json", 1]}
        if depth > DEEPEST:
            return None
        values = {n: v for n, s in shape.members.items() if (v := sample(s, n, depth + 1)) is not None}
        if getattr(shape, "is_tagged_union", False):
            return dict(list(values.items())[:1]) or None
        return values
    if shape.type_name == "list":
        item = sample(shape.member, member, depth + 1)
        return None if item is None else [item, item]
    if shape.type_name == "map":
        value = sample(shape.value, member, depth + 1)
        return None if value is None else {"some key": value}
    return {
        "string": f'{member} ä&<"/ +', "character": "x", "integer": 7, "long": 1 << 40, "float": 1.5, "double": 2.25,
        "boolean": True, "timestamp": MOMENT, "blob": b"\x00\xffbytes",
    }[shape.type_name]  # fmt: skip


def for_client(shape: Shape, value: Any) -> Any:
    """The same value as boto3 has it: times are datetimes."""
    if isinstance(value, dict) and shape.type_name == "structure" and not getattr(shape, "is_document_type", False):
        return {name: for_client(shape.members[name], each) for name, each in value.items()}
    if isinstance(value, dict) and shape.type_name == "map":
        return {key: for_client(shape.value, each) for key, each in value.items()}
    if isinstance(value, list) and shape.type_name == "list":
        return [for_client(shape.member, each) for each in value]
    return datetime.fromtimestamp(value, UTC) if shape.type_name == "timestamp" else value


def header_safe(shape: Shape, values: dict[str, Any]) -> dict[str, Any]:
    """Header values are ASCII, map keys there are tokens; streamed bodies and events are tested over a socket."""
    for name, member in shape.members.items():
        location = member.serialization.get("location")
        if location in ("header", "headers") and member.type_name in ("string", "map", "list"):
            plain = {"string": "plain", "map": {"some-key": "plain"}, "list": ["one", "two"]}
            values[name] = plain[member.type_name]
        if member.serialization.get("eventstream") or location == "statusCode":
            values.pop(name, None)
    return values


def as_http(request: dict[str, Any]) -> HttpRequest:
    path, _, query = request["url_path"].partition("?")
    given = request["query_string"] or {}
    pairs = list(given.items()) if isinstance(given, dict) else list(given)
    query = "&".join(part for part in (query, urlencode(pairs, doseq=True, quote_via=quote)) if part)
    body = request["body"]
    if isinstance(body, dict):
        body = urlencode(body, doseq=True)
    headers = {k.lower(): v for k, v in request["headers"].items()}
    raw = body.encode() if isinstance(body, str) else body or b""
    return HttpRequest(request["method"], path, query, headers, body=raw)


@pytest.mark.parametrize("service", MODELS)
def test_what_the_client_sends_arrives_as_it_was_meant(service: str) -> None:
    assert list(filter(None, (sent_wrong(service, name) for name in client_model(service).operation_names))) == []


@pytest.mark.parametrize("service", MODELS)
def test_what_the_server_answers_arrives_as_it_was_meant(service: str) -> None:
    assert list(filter(None, (answered_wrong(service, name) for name in client_model(service).operation_names))) == []


def sent_wrong(service: str, name: str) -> Any:
    """What the server understands and what was meant, where they differ."""
    operation = client_model(service).operation_model(name)
    shape = operation.input_shape
    if operation.deprecated or name == "ListDirectoryBuckets":  # these share method and path with another operation
        return None
    meant = header_safe(shape, sample(shape)) if shape is not None else {}
    sent = for_client(shape, meant) if shape is not None else {}
    http = as_http(create_serializer(operation.metadata["protocol"], False).serialize_to_request(sent, operation))
    found, labels = server(service).route(http)
    if found.name != name:
        return name, found.name
    arrived = server(service).codec(server(service).model.operations[name]).parse(http, labels)
    return None if arrived == meant else (name, arrived, meant)


def answered_wrong(service: str, name: str) -> Any:
    """What boto3 understands and what was meant, where they differ."""
    operation = client_model(service).operation_model(name)
    shape = operation.output_shape
    if shape is None or operation.deprecated or is_raw(shape) or name == "GetBucketLocation":
        return None
    meant = header_safe(shape, sample(shape))
    codec = server(service).codec(server(service).model.operations[name])
    response = codec.serialise(dict(meant), "the-request")
    answer = {"status_code": response.status, "headers": HeadersDict(response.headers), "body": response.body}
    arrived = create_parser(operation.metadata["protocol"]).parse(answer, shape)
    del arrived["ResponseMetadata"]
    wanted = for_client(shape, meant)
    return None if arrived == wanted else (name, arrived, wanted)


def is_raw(shape: Shape) -> bool:
    """Whether the answer's body is bytes or events. These, and what boto3 reads by hand, are tested over a socket."""
    payload = shape.members.get(shape.serialization.get("payload"))
    return payload is not None and (payload.type_name == "blob" or "eventstream" in payload.serialization)


# What the model does not say

DATAZONE = HttpRequest("GET", "/v2/domains/dzd_1/domain-execution-role-credentials", "", {})


def test_an_operation_only_amazons_own_library_knows_has_a_route() -> None:
    found, labels = server("datazone").route(DATAZONE)
    assert (found.name, labels) == ("GetDomainExecutionRoleCredentials", {"domainIdentifier": "dzd_1"})


def test_members_of_another_dialect_reach_the_operation() -> None:
    body = b'{"name": "p", "customerProvidedRoleConfigs": [{"roleArn": "arn:aws:iam::111122223333:role/r"}]}'
    http = HttpRequest("POST", "/v2/domains/dzd_1/projects", "", {}, body=body)
    found, labels = server("datazone").route(http)
    assert server("datazone").parse(found, http, labels) == {
        "domainIdentifier": "dzd_1",
        "name": "p",
        "customerProvidedRoleConfigs": [{"roleArn": "arn:aws:iam::111122223333:role/r"}],
    }


def test_members_the_public_model_lacks_are_answered_all_the_same() -> None:
    operation = server("datazone").model.operations["ListEnvironments"]
    item = {"id": "e", "deploymentOrder": 1, "provisionedResources": [{"name": "n", "value": "v"}], "name": None}
    response = server("datazone").codec(operation).serialise({"items": [item]}, "id")
    assert json.loads(bytes(response.body))["items"] == [{k: v for k, v in item.items() if v is not None}]


# Errors

ERRORS = [
    ("sts", "AccessDeniedException", "AccessDenied", 403),
    ("iam", "NoSuchEntityException", "NoSuchEntity", 404),
    ("iam", "NoSuchEntity", "NoSuchEntity", 404),
    ("s3", "AccessDeniedException", "AccessDenied", 403),
    ("s3", "NoSuchKey", "NoSuchKey", 404),
    ("glue", "AccessDenied", "AccessDeniedException", 403),
    ("glue", "EntityNotFoundException", "EntityNotFoundException", 400),
    ("lakeformation", "AccessDeniedException", "AccessDeniedException", 403),
    ("datazone", "ConflictException", "ConflictException", 409),
    ("datazone", "ServiceQuotaExceededException", "ServiceQuotaExceededException", 402),
    ("sso-oidc", "InvalidGrantException", "InvalidGrantException", 400),
    ("athena", "InternalFailure", "InternalServerException", 500),
]


@pytest.mark.parametrize(("service", "raised", "code", "status"), ERRORS)
def test_an_error_arrives_with_its_code_and_status(service: str, raised: str, code: str, status: int) -> None:
    response = server(service).error(ServiceError(raised, "what is <wrong>"), "the-request")
    model = client_model(service)
    answer = {"status_code": response.status, "headers": HeadersDict(response.headers), "body": response.body}
    parsed = create_parser(model.metadata["protocol"]).parse(answer, None)
    assert (parsed["Error"]["Code"], parsed["Error"]["Message"], response.status) == (code, "what is <wrong>", status)
