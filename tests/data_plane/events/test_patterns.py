"""Event patterns: a table of what matches, what does not, and what is no pattern."""

from __future__ import annotations

import json
from typing import Any

import pytest

from twinplane.data_plane.services.events.patterns import InvalidPattern, compile_pattern

EVENT: dict[str, Any] = {
    "source": "aws.glue",
    "detail-type": "Table Changed",
    "resources": ["arn:a", "arn:b"],
    "detail": {
        "state": "running", "Path": "/dev/lib/x.png", "count": 5, "limit": 301.8, "on": True, "none": None,
        "ip": "10.0.0.33", "ip6": "2001:db8::1", "empty": "", "star": "a*b", "list": [], "digits": "5",
        "people": [{"first": "Ann", "last": "Lee"}, {"first": "Bob", "last": "Ray"}],
        "deep": {"er": {"est": [[1, 2], [3]]}},
        "$or": "a name",
    },
}  # fmt: skip


def field(name: str, *allowed: Any) -> dict[str, Any]:
    return {"detail": {name: list(allowed)}}


MATCHING: list[dict[str, Any]] = [
    {"source": ["aws.s3", "aws.glue"]},
    {"resources": ["arn:b"]},
    {"source": ["aws.glue"], "detail": {"state": ["running"], "count": [5]}},
    field("count", 5.0),
    field("on", True),
    field("none", None),
    field("empty", ""),
    field("Path", {"prefix": "/dev"}),
    field("Path", {"prefix": {"equals-ignore-case": "/DEV"}}),
    field("Path", {"prefix": ""}),
    field("Path", {"suffix": ".png"}),
    field("Path", {"suffix": {"equals-ignore-case": ".PNG"}}),
    field("state", {"equals-ignore-case": "RUNNING"}),
    field("Path", {"wildcard": "*/lib/*.png"}),
    field("Path", {"wildcard": "/dev*"}),
    field("star", {"wildcard": "a\\*b"}),
    field("state", {"wildcard": "running"}),
    field("state", {"anything-but": "stopped"}),
    field("state", {"anything-but": ["stopped", "failed"]}),
    field("count", {"anything-but": [4, 6]}),
    field("state", {"anything-but": 5}),
    field("state", {"anything-but": {"prefix": "stop"}}),
    field("state", {"anything-but": {"prefix": ["stop", "fail"]}}),
    field("state", {"anything-but": {"suffix": ["ped"]}}),
    field("state", {"anything-but": {"equals-ignore-case": ["STOPPED"]}}),
    field("state", {"anything-but": {"wildcard": "*ped"}}),
    field("count", {"numeric": ["=", 5]}),
    field("count", {"numeric": [">", 0, "<=", 5]}),
    field("limit", {"numeric": ["=", 3.018e2]}),
    field("count", {"numeric": ["<", 10]}),
    field("ip", {"cidr": "10.0.0.0/24"}),
    field("ip6", {"cidr": "2001:db8::/32"}),
    field("state", {"exists": True}),
    field("none", {"exists": True}),
    field("absent", {"exists": False}),
    field("deep", {"exists": False}),  # an object is no leaf
    field("list", {"exists": False}),
    field("absent", {"exists": False}, "x"),
    field("state", {"exists": False}, "running"),
    {"detail": {"deep": {"er": {"est": [3]}}}},
    {"detail": {"people": {"first": ["Ann"], "last": ["Lee"]}}},
    {"detail": {"absent": {"deeper": [{"exists": False}]}}},
    {"$or": [{"source": ["aws.s3"]}, {"detail-type": ["Table Changed"]}]},
    {"source": ["aws.glue"], "detail": {"$or": [{"count": [{"numeric": [">", 9]}]}, {"state": ["running"]}]}},
    {"$or": [{"source": ["x"]}, {"source": ["aws.glue"], "$or": [{"detail-type": ["y"]}, {"resources": ["arn:a"]}]}]},
    field("$or", "a name"),
]

OTHERS: list[dict[str, Any]] = [
    {"source": ["aws.s3"]},
    {"source": ["aws.glue"], "detail": {"state": ["stopped"]}},
    field("count", "5"),
    field("digits", 5),
    field("on", "true"),
    field("on", 1),
    field("none", "null"),
    field("absent", "x"),
    field("absent", None),
    field("absent", {"anything-but": "x"}),
    field("Path", {"prefix": "dev"}),
    field("count", {"prefix": "5"}),
    field("Path", {"suffix": ".PNG"}),
    field("Path", {"wildcard": "/lib/*"}),
    field("Path", {"wildcard": "*/lib"}),
    field("star", {"wildcard": "a\\*c"}),
    field("state", {"anything-but": ["running"]}),
    field("count", {"anything-but": [5]}),
    field("state", {"anything-but": {"prefix": "run"}}),
    field("state", {"anything-but": {"suffix": ["x", "ing"]}}),
    field("state", {"anything-but": {"equals-ignore-case": "RUNNING"}}),
    field("Path", {"anything-but": {"wildcard": "*/lib/*"}}),
    field("count", {"anything-but": {"prefix": "x"}}),
    field("count", {"numeric": [">", 5]}),
    field("count", {"numeric": [">", 0, "<", 5]}),
    field("digits", {"numeric": ["=", 5]}),
    field("on", {"numeric": ["=", 1]}),
    field("ip", {"cidr": "10.0.1.0/24"}),
    field("state", {"cidr": "10.0.1.0/24"}),
    field("absent", {"exists": True}),
    field("deep", {"exists": True}),
    field("state", {"exists": False}),
    {"detail": {"people": {"first": ["Ann"], "last": ["Ray"]}}},  # of two different elements
    {"detail": {"state": {"deeper": ["x"]}}},
    {"$or": [{"source": ["aws.s3"]}, {"detail-type": ["x"]}]},
    {"source": ["aws.s3"], "$or": [{"detail-type": ["Table Changed"]}, {"resources": ["arn:a"]}]},
]

INVALID: list[Any] = [
    "no json",
    "[]",
    "{}",
    '"text"',
    {"source": "aws.glue"},
    {"source": 5},
    {"source": []},
    {"detail": {}},
    {"source": [["aws.glue"]]},
    {"source": [{"begins": "aws"}]},
    {"source": [{"prefix": "a", "suffix": "b"}]},
    {"source": [{"prefix": 5}]},
    {"source": [{"prefix": {"wildcard": "x"}}]},
    {"source": [{"exists": "true"}]},
    {"source": [{"anything-but": []}]},
    {"source": [{"anything-but": ["a", 1]}]},
    {"source": [{"anything-but": True}]},
    {"source": [{"anything-but": {"numeric": ["=", 1]}}]},
    {"source": [{"anything-but": {"prefix": ""}}]},
    {"source": [{"anything-but": {"prefix": []}}]},
    {"source": [{"numeric": []}]},
    {"source": [{"numeric": ["=", "5"]}]},
    {"source": [{"numeric": ["!", 5]}]},
    {"source": [{"numeric": [">", 5, "<", 4]}]},
    {"source": [{"numeric": [">", 5, ">", 6]}]},
    {"source": [{"numeric": ["=", 6e9]}]},
    {"source": [{"cidr": "10.0.0.0"}]},
    {"source": [{"cidr": "10.0.0/24"}]},
    {"source": [{"wildcard": "a**b"}]},
    {"source": [{"wildcard": "a\\b"}]},
    {"source": [{"wildcard": "a\\"}]},
    '{"source":["a"],"source":["b"]}',
]


@pytest.mark.parametrize("pattern", MATCHING, ids=json.dumps)
def test_a_pattern_that_fits_matches(pattern: dict[str, Any]) -> None:
    assert compile_pattern(json.dumps(pattern))(EVENT)


@pytest.mark.parametrize("pattern", OTHERS, ids=json.dumps)
def test_a_pattern_that_does_not_fit_does_not_match(pattern: dict[str, Any]) -> None:
    assert not compile_pattern(json.dumps(pattern))(EVENT)


@pytest.mark.parametrize("pattern", INVALID, ids=json.dumps)
def test_what_is_no_pattern_is_refused(pattern: Any) -> None:
    with pytest.raises(InvalidPattern):
        compile_pattern(pattern if isinstance(pattern, str) else json.dumps(pattern))


def test_a_hostile_wildcard_takes_no_time() -> None:
    match = compile_pattern(json.dumps(field("x", {"wildcard": "*a*a*a*a*a*a*a*a*a*a*a*a*b"})))
    assert not match({"detail": {"x": "a" * 200_000}})
