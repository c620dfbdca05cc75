"""AWS's protocol test vectors in the server's direction.

`input`: the request that a client must send is understood as what was meant. `output`: what we answer is understood by
botocore's parser as what was meant; errors likewise. Every vector of our protocols runs, also those that botocore's own
tests leave out. What does not pass is listed with its reason; a miss that passes fails the test.
"""

import math
from typing import Any

import pytest
from botocore.awsrequest import HeadersDict
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.utils import parse_timestamp

from tests.data_plane.wire.vectors import Vector, vectors
from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.wire import models
from twinplane.data_plane.wire.http import HttpRequest
from twinplane.data_plane.wire.service import ServiceWire

PROTOCOLS = ("json_1_0", "json_1_0-query-compatible", "json", "query", "rest-json", "rest-xml")

NO_BODY = "the vector gives no body; no service here takes compressed requests"
UNSAID = "an empty member that the client does not send"
SAME = "on the wire, an empty structure as the body and none are the same"
MEDIA = "a header as base64 (jsonvalue), which no service here has"
NAIVE = "botocore splits the header at each comma"
UNSET = "botocore refuses an answer without its union; so does its own suite leave this vector out"
NO_BLOB = "botocore makes an empty text of an absent body"
ITEM = "botocore looks for flattened items by the name of the list's items, not of the list"

# (direction, protocol) -> vector -> reason
MISSES: dict[tuple[str, str], dict[str, str]] = {
    ("input", "json_1_0"): {
        "SDKAppliedContentEncoding_awsJson1_0": NO_BODY,
        "SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsJson1_0": NO_BODY,
    },
    ("input", "json"): {
        "SDKAppliedContentEncoding_awsJson1_1": NO_BODY,
        "SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsJson1_1": NO_BODY,
    },
    ("input", "query"): {
        "SDKAppliedContentEncoding_awsQuery": NO_BODY,
        "SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsQuery": NO_BODY,
        "QueryEmptyQueryMaps": UNSAID,
    },
    ("input", "rest-json"): {
        "SDKAppliedContentEncoding_restJson1": NO_BODY,
        "SDKAppendedGzipAfterProvidedEncoding_restJson1": NO_BODY,
        "RestJsonHostWithPath": "a path before the service's own is for the proxy that serves it to take off",
        "RestJsonHttpPrefixHeadersAreNotPresent": UNSAID,
        "RestJsonOmitsEmptyListQueryValues": UNSAID,
        "RestJsonHttpWithEmptyStructurePayload": SAME,
        "RestJsonHttpWithHeadersButNoPayload": SAME,
        "MediaTypeHeaderInputBase64": MEDIA,
    },
    ("input", "rest-xml"): {
        "SDKAppliedContentEncoding_restXml": NO_BODY,
        "SDKAppendedGzipAfterProvidedEncoding_restXml": NO_BODY,
        "HttpPrefixHeadersAreNotPresent": UNSAID,
    },
    ("output", "query"): {"QueryXmlLists": ITEM},
    ("output", "rest-json"): {
        "HttpPrefixHeadersResponse": "the map of all headers holds Content-Type too",
        "RestJsonHttpPayloadTraitsWithNoBlobBody": NO_BLOB,
        "RestJsonHttpPayloadWithUnsetUnion": UNSET,
        "RestJsonInputAndOutputWithQuotedStringHeaders": NAIVE,
        "RestJsonInputAndOutputWithTimestampHeaders": NAIVE,
        "MediaTypeHeaderOutputBase64": MEDIA,
    },
    ("output", "rest-xml"): {
        "BodyWithXmlName": "botocore takes the name of a member's shape for the member's",
        "HttpPayloadTraitsWithNoBlobBody": NO_BLOB,
        "RestXmlHttpPayloadWithUnsetUnion": UNSET,
        "InputAndOutputWithTimestampHeaders": NAIVE,
        "XmlLists": ITEM,
    },
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_a_client_must_send_is_understood(protocol: str) -> None:
    assert outcome(understood, "input", protocol) == sorted(MISSES.get(("input", protocol), {}))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_is_answered_is_understood_by_a_client(protocol: str) -> None:
    assert outcome(answered, "output", protocol) == sorted(MISSES.get(("output", protocol), {}))


def outcome(passes: Any, direction: str, protocol: str) -> list[str]:
    """The vectors that do not pass, in order."""
    failed = []
    for vector in vectors(direction, protocol):
        try:
            wrong = passes(vector)
        except Exception as error:  # noqa: BLE001 - whatever it is, the vector does not pass
            wrong = repr(error)
        if wrong:
            print(f"{vector.id}: {wrong}")
            failed.append(vector.id)
    return sorted(failed)


def served(vector: Vector) -> ServiceWire:
    output = vector.operation.get("output")
    if output is not None and vector.service["metadata"]["protocol"] == "query":
        output["resultWrapper"] = f"{vector.operation['name']}Result"  # which AWS's own models always have
    operations = {vector.operation["name"]: vector.operation}
    return ServiceWire(models.from_description("vectors", vector.service | {"operations": operations}))


def understood(vector: Vector) -> Any:
    """What was meant and what arrived, where they differ."""
    wire, sent = served(vector), vector.case["serialized"]
    path, _, query = sent["uri"].partition("?")
    headers = {name.lower(): value for name, value in sent.get("headers", {}).items()}
    if prefix := wire.model.metadata.target_prefix:  # vectors list only the headers that they are about
        headers.setdefault("x-amz-target", f"{prefix}.{vector.operation['name']}")
    http = HttpRequest(sent.get("method", "POST"), path, query, headers, body=sent.get("body", "").encode())
    operation, labels = wire.route(http)
    meant = inside(wire, operation.input, vector.case["params"])
    arrived = wire.codec(operation).parse(http, labels)
    tokens = [name for name in filled_in_by_clients(vector) if name not in meant]
    arrived = {name: value for name, value in arrived.items() if name not in tokens}
    arrived, meant = (only_free_parameters(wire, operation.input, each) for each in (arrived, meant))
    return None if same(arrived, meant) else f"{meant} arrived as {arrived}"


def filled_in_by_clients(vector: Vector) -> list[str]:
    """Idempotency tokens: clients send one of their own when they are given none."""
    ref = vector.operation.get("input")
    members = vector.service["shapes"][ref["shape"]].get("members", {}) if ref else {}
    return [name for name, member in members.items() if member.get("idempotencyToken")]


def only_free_parameters(wire: ServiceWire, ref: models.Ref | None, members: dict[str, Any]) -> dict[str, Any]:
    """A map of all query parameters without those that are members of their own: whether they are in the map too is
    not the client's to say (Smithy wants servers to put them there; the vectors of the two REST protocols differ)."""
    shape = wire.model.shape(ref) if ref is not None else models.Shape(type="structure")
    found = {name: each for name, each in shape.members.items() if each.location == "querystring"}
    for name, each in found.items():
        if name in members and wire.model.shape(each).type == "map":
            named = {other.location_name for other in found.values()}
            free = {key: value for key, value in members[name].items() if key not in named}
            members = {key: value for key, value in members.items() if key != name} | ({name: free} if free else {})
    return members


def answered(vector: Vector) -> Any:
    """What was meant and what the client understands, where they differ."""
    wire, case = served(vector), vector.case
    operation = wire.model.operations[vector.operation["name"]]
    client = ServiceModel(vector.service | {"operations": {operation.name: vector.operation}})
    shape = client.operation_model(operation.name).output_shape
    if "error" in case:
        name = vector.operation["errors"][0]["shape"]
        members = {k: v for k, v in case["error"].items() if k.lower() != "message"}
        text = case.get("errorMessage") or case["error"].get("message") or ""
        response = wire.error(ServiceError(name, text, **members), "the-request")
        error_shape = client.shape_for(name)
        meant = case["error"] | {"Error": {"Code": case["errorCode"], "Message": text}}
    else:
        meant = inside(wire, operation.output, case["result"])
        response = wire.codec(operation).serialise(dict(meant), "the-request")
    answer = {"status_code": response.status, "headers": HeadersDict(response.headers), "body": response.body}
    parser = create_parser(client.metadata["protocol"])
    parser._timestamp_parser = lambda value: parse_timestamp(value).timestamp()
    arrived = parser.parse(answer, shape)
    arrived.pop("ResponseMetadata", None)
    if "error" in case:
        arrived |= parser.parse(answer, error_shape)
        for beside in ("ResponseMetadata", "HostId"):
            arrived.pop(beside, None)
        arrived["Error"] = {key: arrived["Error"][key] or "" for key in ("Code", "Message") if key in arrived["Error"]}
    return None if same(arrived, meant) else f"{meant} arrived as {arrived}"


def inside(wire: ServiceWire, ref: models.Ref | None, value: Any) -> Any:
    """A vector's value as operations have it: bytes in blobs, numbers that JSON has no words for, no empty members."""
    if ref is None or value is None:
        return value
    shape = wire.model.shape(ref)
    if shape.document:
        return value
    if shape.type == "structure":
        return {name: inside(wire, shape.members[name], each) for name, each in value.items() if each is not None}
    if shape.type == "list":
        return [inside(wire, shape.member, each) for each in value]
    if shape.type == "map":
        return {key: inside(wire, shape.value, each) for key, each in value.items()}
    if shape.type == "blob":
        return value.encode()
    return float(value) if shape.type in ("float", "double") else value


def same(one: Any, other: Any) -> bool:
    """Equality in which NaN equals itself, and botocore's texts for blobs and for NaN what they mean."""
    if isinstance(one, str) and isinstance(other, bytes):
        one = one.encode()
    if isinstance(one, str) and isinstance(other, float):
        one = float(one)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)
