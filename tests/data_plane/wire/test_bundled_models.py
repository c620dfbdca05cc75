"""Clients that speak the models bundled in `sagemaker_studio`: other versions of some services' models than the public.

The library is not imported (it changes the process's models); its files are read.
"""

import importlib
import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import HeadersDict
from botocore.model import ServiceModel, Shape
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from tests.data_plane.wire.test_protocols import as_http, client_model, for_client, header_safe, sample, server

SERVICES = ["datazone", "glue", "athena"]


@cache
def bundled_model(service: str) -> ServiceModel:
    spec = find_spec("sagemaker_studio")
    assert spec is not None
    assert spec.origin is not None
    file = next((Path(spec.origin).parent / "boto3_models" / service).glob("*/service-2.json"))
    return ServiceModel(json.loads(file.read_text()), service)


def served(service: str) -> list[str]:
    """What is served of what both models have; not the older paths of notebooks, which the library never asks for."""
    operations = importlib.import_module(f"twinplane.data_plane.services.{service}.operations").OPERATIONS
    model = bundled_model(service)
    return [
        name
        for name in model.operation_names
        if name in operations and not model.operation_model(name).http["requestUri"].startswith("/domains/")
    ]


def common(one: Shape, other: Shape, value: Any) -> Any:
    """The part of a value of `one` that `other` has too; None: there is none."""
    if one.type_name != other.type_name:
        return None
    if one.type_name == "structure" and isinstance(value, dict):
        if not hasattr(one, "members") or getattr(one, "is_document_type", False):
            return value
        parts = {n: common(one.members[n], other.members[n], v) for n, v in value.items() if n in other.members}
        return {name: part for name, part in parts.items() if part is not None}
    if one.type_name == "list":
        parts_of_list = [common(one.member, other.member, each) for each in value]
        return None if None in parts_of_list else parts_of_list
    if one.type_name == "map":
        parts = {key: common(one.value, other.value, each) for key, each in value.items()}
        return None if None in parts.values() else parts
    return value


@pytest.mark.parametrize("service", SERVICES)
def test_what_a_client_with_the_bundled_model_sends_is_understood(service: str) -> None:
    wrong, compared = [], 0
    for name in served(service):
        operation = bundled_model(service).operation_model(name)
        public = client_model(service).operation_model(name).input_shape if name in public_names(service) else None
        if operation.input_shape is None or public is None:
            continue
        meant = common(operation.input_shape, public, header_safe(operation.input_shape, sample(operation.input_shape)))
        sent = for_client(operation.input_shape, meant) | unknown_text(operation.input_shape, public)
        http = as_http(create_serializer(operation.metadata["protocol"], False).serialize_to_request(sent, operation))
        found, labels = server(service).route(http)
        arrived = server(service).codec(found).parse(http, labels)
        compared += 1
        if (found.name, arrived) != (name, meant | unknown_text(operation.input_shape, public)):
            wrong.append((name, found.name, arrived, meant))
    assert wrong == []
    assert compared > 15


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_answered_is_understood_by_a_client_with_the_bundled_model(service: str) -> None:
    wrong, compared = [], 0
    for name in served(service):
        shape = bundled_model(service).operation_model(name).output_shape
        public = client_model(service).operation_model(name).output_shape if name in public_names(service) else None
        if shape is None or public is None:
            continue
        meant = common(public, shape, header_safe(public, sample(public)))
        payload = shape.serialization.get("payload")
        if payload is not None and shape.members[payload].type_name == "blob":
            meant[payload] = b"text"  # botocore takes a body that the model does not call streaming for UTF-8
        codec = server(service).codec(server(service).model.operations[name])
        response = codec.serialise(dict(meant), "the-request")
        answer = {"status_code": response.status, "headers": HeadersDict(response.headers), "body": response.body}
        try:
            arrived = create_parser(bundled_model(service).metadata["protocol"]).parse(answer, shape)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client could not read the answer
            wrong.append((name, repr(error), meant))
            continue
        arrived.pop("ResponseMetadata")
        if payload is not None and isinstance(arrived.get(payload), str):
            arrived[payload] = arrived[payload].encode()
        compared += 1
        if arrived != for_client(shape, meant):
            wrong.append((name, arrived, meant))
    assert wrong == []
    assert compared > 15


def public_names(service: str) -> list[str]:
    return list(client_model(service).operation_names)


def unknown_text(shape: Shape, public: Shape) -> dict[str, str]:
    """A text in a member of the body that only the bundled model has."""
    names = [
        name for name, member in shape.members.items()
        if name not in public.members and member.type_name == "string" and not member.serialization.get("location")
    ]  # fmt: skip
    return dict.fromkeys(names[:1], "of another dialect")
