"""What targets are given, and when schedules fire: small tables."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.services.events.inputs import check_input, target_input
from twinplane.data_plane.services.events.schedules import InvalidSchedule, parse_schedule

EVENT = {
    "id": "1", "detail-type": "T", "source": "s", "resources": ["arn:a", "arn:b"],
    "detail": {"name": 'say "hi"', "count": 2, "tags": {"a": 1}, "items": [{"k": 1}, {"k": 2}], "a-b": "x"},
}  # fmt: skip


def made(target: dict[str, Any]) -> str:
    check_input({"Id": "t", **target})
    return target_input(target, EVENT, {"name": "r", "arn": "arn:rule"}, "2026-01-01T00:00:00Z")


def template(text: str, **paths: str) -> dict[str, Any]:
    return {"InputTransformer": {"InputPathsMap": paths, "InputTemplate": text}}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({}, EVENT),
        ({"Input": '{"a": 1}'}, {"a": 1}),
        ({"InputPath": "$.detail"}, EVENT["detail"]),
        ({"InputPath": "$.resources[1]"}, "arn:b"),
        ({"InputPath": "$.detail.items[*].k"}, [1, 2]),
        ({"InputPath": "$.detail.a-b"}, "x"),
        ({"InputPath": "$.absent"}, None),
        (template('"<n> times <c>"', n="$.detail.name", c="$.detail.count"), 'say "hi" times 2'),
        (template('{"n": <n>, "t": <t>, "c": "<c>"}', n="$.detail.name", t="$.detail.tags", c="$.detail.count"),
         {"n": 'say "hi"', "t": {"a": 1}, "c": "2"}),
        (template('{"n": <absent>, "t": "is <absent>."}', absent="$.nothing"), {"n": "", "t": "is ."}),
        (template('{"r": <aws.events.rule-arn>, "e": <aws.events.event.json>}'), {"r": "arn:rule", "e": EVENT}),
        (template('{"w": <aws.events.event>}'), {"w": {k: v for k, v in EVENT.items() if k != "detail"}}),
    ],
)  # fmt: skip
def test_a_target_is_given_what_it_asked_for(target: dict[str, Any], expected: Any) -> None:
    assert json.loads(made(target)) == expected


def test_a_template_may_be_several_lines_of_text() -> None:
    assert made(template('"line <c>"\n"and more"', c="$.detail.count")) == '"line 2"\n"and more"'


@pytest.mark.parametrize(
    "target",
    [
        {"Input": "{}", "InputPath": "$"},
        {"Input": "no json"},
        {"InputPath": "detail"},
        {"InputPath": "$.a[b]"},
        template("plain text"),
        template('"<unknown>"'),
        template('{"a": <b>', b="$.detail"),
        {"InputTransformer": {"InputPathsMap": {"aws.x": "$.a"}, "InputTemplate": '"x"'}},
    ],
)
def test_an_input_that_cannot_be_made_is_refused(target: dict[str, Any]) -> None:
    with pytest.raises(ServiceError):
        made(target)


def moment(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("rate(5 minutes)", "2026-01-01T00:00", "2026-01-01T00:05"),
        ("rate(1 day)", "2026-01-01T00:00", "2026-01-02T00:00"),
        ("cron(0 12 * * ? *)", "2026-01-01T12:00", "2026-01-02T12:00"),
        ("cron(0/15 * * * ? *)", "2026-01-01T12:16", "2026-01-01T12:30"),
        ("cron(15 10 ? * 6L 2026-2027)", "2026-01-01T00:00", "2026-01-30T10:15"),
        ("cron(0 18 ? * MON-FRI *)", "2026-01-02T18:00", "2026-01-05T18:00"),
        ("cron(0 8 1 * ? *)", "2026-01-01T08:00", "2026-02-01T08:00"),
        ("cron(0 8 L * ? *)", "2026-02-01T08:00", "2026-02-28T08:00"),
        ("cron(0 8 29 2 ? *)", "2026-01-01T08:00", "2028-02-29T08:00"),
        ("cron(0 8 15W * ? *)", "2026-02-01T08:00", "2026-02-16T08:00"),
        ("cron(0 8 1W 8 ? *)", "2026-02-01T08:00", "2026-08-03T08:00"),
        ("cron(0 9 ? * 2#1 *)", "2026-11-01T00:00", "2026-11-02T09:00"),
        ("cron(0 9 ? JAN,JUL SUN *)", "2026-02-01T00:00", "2026-07-05T09:00"),
        ("cron(5/20 22-1 * * ? *)", "2026-01-01T01:46", "2026-01-01T22:05"),
    ],
)
def test_a_schedule_fires_next_at(expression: str, after: str, expected: str) -> None:
    assert parse_schedule(expression).next_after(moment(after)) == moment(expected)


def test_a_schedule_of_the_past_fires_no_more() -> None:
    assert parse_schedule("cron(0 12 * * ? 2020)").next_after(moment("2026-01-01T00:00")) is None


@pytest.mark.parametrize(
    "expression",
    [
        "rate(0 minutes)", "rate(1 minutes)", "rate(5 minute)", "rate(5 seconds)", "cron(* * * * *)",
        "cron(0 12 * * * *)", "cron(0 12 ? * ? *)", "cron(60 12 * * ? *)", "cron(0 24 * * ? *)", "cron(0 0 0 * ? *)",
        "cron(0 0 ? * MON#6 *)", "cron(0/0 0 * * ? *)", "at(2026-01-01)", "",
    ],
)  # fmt: skip
def test_what_is_no_schedule_is_refused(expression: str) -> None:
    with pytest.raises(InvalidSchedule):
        parse_schedule(expression)
