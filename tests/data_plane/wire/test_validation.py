"""What a request must be like, said in AWS's words; and the quick way to say yes, compared with the slow one."""

import json
import random
import re
import time
from functools import cache
from typing import Any

import msgspec
import pytest

from twinplane.data_plane.app import SERVICES
from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.wire.http import HttpRequest
from twinplane.data_plane.wire.json_shapes import JsonWriter
from twinplane.data_plane.wire.models import Ref
from twinplane.data_plane.wire.patterns import compile_pattern
from twinplane.data_plane.wire.quick import Quick
from twinplane.data_plane.wire.service import ServiceWire

JSON_SERVICES = ["glue", "athena", "datazone", "lakeformation", "sso-admin", "identitystore", "cloudtrail", "sso-oidc"]
ODD_TEXTS = [
    "a",
    "abc-1",
    "a_b",
    "ab:cd/ef",
    "",
    " ",
    "x" * 300,
    "a\nb",
    "ä é",
    "\ufffe",
    "dzd_1234567",
    "null",
    "\x7f",
]
ODD_TEXTS += ["arn:aws:iam::111122223333:role/r", "s3://bucket/key", "2026-11-24T10:00:00Z", "YWJj", "NaN"]
ODD_TEXTS += ["d-1234567890", "ssoins-1234567890abcdef", "arn:aws:sso:::instance/ssoins-1234567890abcdef"]
ODD_TEXTS += ["1234567890-12345678-1234-1234-1234-123456789012", "111122223333"]
ODD_NUMBERS = [0, 1, 7, 50, 1000, -1, 10**6, 10**30, 5.0, 1.5, 1e300, True, "7", 1900000000.123]


@cache
def server(service: str) -> ServiceWire:
    return ServiceWire(service)


def refused(service: str, operation: str, body: dict[str, Any]) -> tuple[str, str]:
    wire = server(service)
    with pytest.raises(ServiceError) as caught:
        wire.parse(
            wire.model.operations[operation], HttpRequest("POST", "/", "", {}, body=json.dumps(body).encode()), {}
        )
    return caught.value.code, caught.value.message


# AWS's words

WORDS = [
    ("glue", "GetTable", {"DatabaseName": "", "Name": "t"}, "ValidationException",
     "1 validation error detected: Value '' at 'databaseName' failed to satisfy constraint: "
     "Member must have length greater than or equal to 1"),
    ("glue", "GetTable", {"DatabaseName": "d"}, "ValidationException",
     "1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null"),
    ("glue", "GetTables", {"DatabaseName": "d\n", "MaxResults": 1000}, "ValidationException",
     "2 validation errors detected: Value 'd\n' at 'databaseName' failed to satisfy constraint: Member must satisfy "
     "regular expression pattern: [\\u0020-\\uD7FF\\uE000-\\uFFFD\\uD800\\uDC00-\\uDBFF\\uDFFF\\t]*; "
     "Value '1000' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 100"),
    ("glue", "CreateTable", {"DatabaseName": "d", "TableInput": {"Name": "t", "StorageDescriptor": {"Columns": [
        {"Name": "ok"}, {"Name": ""}]}}}, "ValidationException",
     "1 validation error detected: Value '' at 'tableInput.storageDescriptor.columns.2.member.name' failed to satisfy "
     "constraint: Member must have length greater than or equal to 1"),
    ("glue", "SearchTables", {"ResourceShareType": "EVERY"}, "ValidationException",
     "1 validation error detected: Value 'EVERY' at 'resourceShareType' failed to satisfy constraint: "
     "Member must satisfy enum value set: [FOREIGN, ALL, FEDERATED]"),
    ("athena", "GetQueryExecution", {"QueryExecutionId": ""}, "InvalidRequestException",
     "1 validation error detected: Value '' at 'queryExecutionId' failed to satisfy constraint: "
     "Member must have length greater than or equal to 1"),
    ("athena", "BatchGetQueryExecution", {"QueryExecutionIds": ["ok", ""]}, "InvalidRequestException",
     "1 validation error detected: Value '[ok, ]' at 'queryExecutionIds' failed to satisfy constraint: "
     "Member must satisfy constraint: [Member must have length greater than or equal to 1]"),
    ("glue", "TagResource", {"ResourceArn": "arn:aws:glue:x", "TagsToAdd": {"": "v"}}, "ValidationException",
     "1 validation error detected: Value '{=v}' at 'tagsToAdd' failed to satisfy constraint: "
     "Map keys must satisfy constraint: [Member must have length greater than or equal to 1]"),
]  # fmt: skip


@pytest.mark.parametrize(("service", "operation", "body", "code", "text"), WORDS)
def test_a_broken_constraint_is_named_as_aws_names_it(
    service: str, operation: str, body: dict[str, Any], code: str, text: str
) -> None:
    assert refused(service, operation, body) == (code, text)


@pytest.mark.parametrize(
    "principal",
    [
        {"user": {"userIdentifier": "abc"}, "group": {"groupIdentifier": "abc"}},
        {},
        {"somebody": {"userIdentifier": "abc"}},
    ],
)
def test_a_union_has_exactly_one_member_of_its_own(principal: dict[str, Any]) -> None:
    body = json.dumps(
        {"policyType": "CREATE_PROJECT", "principal": principal, "detail": {"createProject": {}}}
    ).encode()
    wire, http = server("datazone"), HttpRequest("POST", "/", "", {}, body=body)
    labels = {"domainIdentifier": "dzd_1234567", "entityType": "DOMAIN_UNIT", "entityIdentifier": "abcdefg"}
    with pytest.raises(ServiceError, match="at 'principal' failed to satisfy constraint: Exactly one member"):
        wire.parse(wire.model.operations["AddPolicyGrant"], http, labels)


def test_a_sensitive_value_is_not_repeated() -> None:
    _, text = refused("sso-oidc", "CreateToken", {"clientId": "c", "clientSecret": "s"})
    assert "Value null at 'grantType'" in text
    credentials = {"OAuth2Credentials": {"UserManagedClientApplicationClientSecret": "hunter2\n" * 100}}
    connection = {"Name": "c", "ConnectionType": "JDBC", "ConnectionProperties": {}}
    connection["AuthenticationConfiguration"] = {"OAuth2Properties": credentials}
    _, text = refused("glue", "CreateConnection", {"ConnectionInput": connection})
    assert "hunter2" not in text
    assert "userManagedClientApplicationClientSecret" in text


def test_values_that_only_amazons_own_library_knows_are_taken() -> None:
    wire = server("datazone")
    http = HttpRequest("GET", "/v2/domains/dzd_1234567/connections", "projectIdentifier=abcdefg&type=SPARK_CONNECT", {})
    operation, labels = wire.route(http)
    assert wire.parse(operation, http, labels)["type"] == "SPARK_CONNECT"


def test_of_a_body_of_nothing_but_mistakes_the_first_hundred_are_named() -> None:
    columns = [{"Name": ""}] * 100_000
    table = {"DatabaseName": "d", "TableInput": {"Name": "t", "StorageDescriptor": {"Columns": columns}}}
    code, text = refused("glue", "CreateTable", table)
    assert (code, text[:30]) == ("ValidationException", "100 validation errors detected")


def test_what_belongs_in_the_path_or_the_query_is_not_believed_in_the_body() -> None:
    wire = server("datazone")
    body = json.dumps({"name": "p", "domainIdentifier": 7}).encode()
    http = HttpRequest("POST", "/v2/domains/dzd_1234567/projects", "", {}, body=body)
    operation, labels = wire.route(http)
    assert wire.parse(operation, http, labels) == {"name": "p", "domainIdentifier": "dzd_1234567"}
    operation = wire.model.operations["ListConnections"]
    http = HttpRequest("POST", "/", "", {}, body=b'{"type": {"not": "a text"}}')
    assert "type" not in wire.parse(operation, http, {"domainIdentifier": "dzd_1234567"})


# The quick way


@pytest.mark.parametrize("service", JSON_SERVICES)
def test_what_the_quick_way_takes_the_slow_way_takes_as_the_same(service: str) -> None:
    chance, wire = random.Random(service), server(service)
    taken = tried = 0
    for name, operation in wire.model.operations.items():
        quick = wire.codec(operation).quick
        if quick is None or operation.input is None:
            continue
        for odds in (0.0, 0.0, 0.1, 0.4):
            value = invented(wire, operation.input, chance, odds)
            labels, outside = {}, wire.model.shape(operation.input).members if isinstance(value, dict) else {}
            for member in [name for name, ref in outside.items() if ref.location is not None]:
                label = value.pop(outside[member].location_name or member, None)
                labels |= {member: str(label)} if label is not None and outside[member].location == "uri" else {}
            http = HttpRequest("POST", "/", "", {}, body=json.dumps(value, ensure_ascii=chance.random() < 0.5).encode())
            request = quick(http, dict(labels))
            tried += 1
            if request is not None:
                taken += 1
                assert request == wire.parse_slowly(operation, http, dict(labels)), name
    assert 0.05 * tried < taken < 0.95 * tried  # else this compares nothing


@pytest.mark.parametrize("service", JSON_SERVICES)
def test_what_the_quick_way_writes_the_slow_way_writes_as_the_same(service: str) -> None:
    chance, model, written = random.Random(service), server(service).model, 0
    for operation in model.operations.values():
        shape = model.shape(operation.output) if operation.output is not None else None
        if shape is None:
            continue
        quickly, slowly = Quick(model).writer(shape.members.items()), JsonWriter(model).structure(shape.members.items())
        for _ in range(3):
            answer = as_answered(
                server(service), operation.output, invented(server(service), operation.output, chance, 0)
            )
            before = repr(answer)
            body = quickly(answer)
            assert repr(answer) == before  # it may be a document of the store
            if body is not None:
                written += 1
                assert json.loads(body) == json.loads(msgspec.json.encode(slowly(answer))), operation.name
    assert written > 8


def as_answered(wire: ServiceWire, ref: Any, value: Any) -> Any:
    """An invented value as operations answer it: times are floats, blobs are bytes."""
    shape = wire.model.shape(ref)
    if shape.type == "structure" and not shape.document:
        refs = {each.location_name or name: (name, each) for name, each in shape.members.items()}
        return {refs[name][0]: as_answered(wire, refs[name][1], each) for name, each in value.items()}
    if shape.type == "list":
        return [as_answered(wire, shape.member, each) for each in value]
    if shape.type == "map":
        return {key: as_answered(wire, shape.value, each) for key, each in value.items()}
    return {"timestamp": 1900000000.1234, "blob": b"\x00\xff"}.get(shape.type, value)


def invented(wire: ServiceWire, ref: Ref, chance: random.Random, odds: float, depth: int = 0) -> Any:
    """A value of a shape, in places (`odds`) not quite."""
    shape = wire.model.shape(ref)
    if chance.random() < odds * 0.2:
        return chance.choice([None, {}, [], 1, "x", True])
    if shape.document:
        return {"any": [1, None]}
    if shape.type == "structure":
        names = [n for n in shape.members if n in shape.required or (depth < 4 and chance.random() < 0.4)]
        names = names[:1] if shape.union and chance.random() >= odds else names
        if names and chance.random() < odds * 0.3:
            names.pop()
        found = {
            shape.members[n].location_name or n: invented(wire, shape.members[n], chance, odds, depth + 1)
            for n in names
        }
        return found | ({"aMemberOfANewerModel": [None]} if chance.random() < odds * 0.3 else {})
    if shape.type == "list":
        assert shape.member is not None
        few = max(int(shape.min or 0), 1)
        return [
            invented(wire, shape.member, chance, odds, depth + 1) for _ in range(few if chance.random() >= odds else 3)
        ]
    if shape.type == "map":
        assert shape.key is not None
        assert shape.value is not None
        return {str(invented(wire, shape.key, chance, odds)): invented(wire, shape.value, chance, odds, depth + 1)}
    if shape.type == "string" and shape.enum and chance.random() >= odds:
        return chance.choice(shape.enum)
    if chance.random() < odds:
        return chance.choice(ODD_TEXTS + ODD_NUMBERS)
    if shape.type == "string":
        matches = compile_pattern(shape.pattern)[0] if shape.pattern else None
        fits = [
            t for t in ODD_TEXTS if (matches is None or matches(t)) and (shape.min or 0) <= len(t) <= (shape.max or 999)
        ]
        return chance.choice(fits or ["a" * int(shape.min or 1)])
    if shape.type in ("integer", "long", "float", "double"):
        return int(shape.min or 1)
    return {
        "boolean": True,
        "blob": "YWJj",
        "timestamp": chance.choice([1.9e9, 1900000000.123, "2026-11-24T10:00:00Z"]),
    }[shape.type]


# Patterns


def patterns() -> set[str]:
    models = [server(model).model for model, _ in SERVICES.values()]
    return {s.pattern for model in models for s in model.shapes.values() if s.pattern and s.type == "string"}


def test_every_pattern_of_every_served_service_is_enforced() -> None:
    assert [pattern for pattern in patterns() if compile_pattern(pattern)[0] is None] == []


def test_no_text_makes_a_pattern_try_for_ever() -> None:
    """Texts that set a backtracking engine on the ways without end; each pattern has them all at once."""
    hostile = [
        "a" * 2000 + "!",
        "/a" * 1000 + "\x00",
        "a." * 1000 + "!",
        "-a" * 1000 + "!",
        "a\t" * 1000 + "\x00",
        ":" * 2000,
    ]
    hostile += ["arn:aws" + "-a" * 900 + "!", "arn:aws:iam::111122223333:role" + "/a" * 900 + "!", "cron(" + "1 " * 900]
    for pattern in patterns():
        matches = compile_pattern(pattern)[0]
        assert matches is not None
        started = time.process_time()
        for text in hostile:
            matches(text)
        assert time.process_time() - started < 2, pattern  # some milliseconds; backtracking would take years


EXPONENTIAL = r"^[ \t]*[\x20-\x7E]+([ \t]+[\x20-\x7E]+)*[ \t]*$"  # of EventBridge's headers


def test_a_pattern_that_backtracks_without_end_is_not_given_to_re() -> None:
    matches, for_re = compile_pattern(EXPONENTIAL)
    assert matches is not None
    assert for_re is None
    assert matches("a b c")
    assert not matches(" " * 500 + "\x00")


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", "größe 7", True),
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", "what?", False),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*", "a 🎉", True),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*", "a\nb", False),
        (r"^(?!(.*[.\/\\]|aws:)).*$", "catalog", True),
        (r"^(?!(.*[.\/\\]|aws:)).*$", "aws:catalog", False),
        (r"\w+", "ä", False),  # Java's \w is ASCII's
        (r"^[a-z]+$", "a\n", False),
        (r"(/a)*/", "/a/a/", True),
        (r"(/a)*/", "/a/a", False),
        (r"cron\((\b[0-5]?[0-9]\b) x\)", "cron(59 x)", True),
        (r"cron\((\b[0-5]?[0-9]\b) x\)", "cron(591 x)", False),
    ],
)
def test_patterns_mean_what_they_mean_in_java(pattern: str, text: str, fits: bool) -> None:
    matches = compile_pattern(pattern)[0]
    assert matches is not None
    assert matches(text) is fits


def test_our_automaton_and_re_agree() -> None:
    """On every pattern that both can take, with texts near it."""
    from re import _parser  # type: ignore[attr-defined]

    from twinplane.data_plane.wire.patterns import _Automaton

    chance, compared = random.Random(7), 0
    for pattern in sorted(patterns()):
        safe = compile_pattern(pattern)[1]
        if safe is None or len(pattern) > 300 or "uD800" in pattern:
            continue
        compiled, automaton = re.compile(safe), _Automaton(_parser.parse(pattern), loose=False)
        for text in ODD_TEXTS + ["".join(chance.choices("ab1-_/:.A \n", k=6)) for _ in range(5)]:
            compared += 1
            assert automaton.matches(text) is (compiled.search(text) is not None), (pattern, text)
    assert compared > 1000
