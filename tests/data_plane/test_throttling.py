"""Throttling: answered in each protocol's words, recorded, and overcome by a client that tries again."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from twinplane.data_plane.limits import Limits
from twinplane.data_plane.testing import RunningPlane, running_plane

ONCE = Config(retries={"total_max_attempts": 1})


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlane]:
    """A plane that lets each key make ten requests a second."""
    with running_plane(tmp_path_factory.mktemp("slow"), max_requests_per_second=10) as plane:
        yield plane


def throttled(call: Any) -> dict[str, Any]:
    """The first refusal of a quick succession of calls."""
    for _ in range(100):
        try:
            call()
        except ClientError as error:
            return dict(error.response)
    raise AssertionError("nothing was throttled")


@pytest.mark.parametrize(
    ("service", "operation", "code", "status"),
    [
        ("sts", "get_caller_identity", "Throttling", 400),
        ("glue", "get_databases", "ThrottlingException", 400),
        ("s3", "list_buckets", "SlowDown", 503),
        ("datazone", "list_domains", "ThrottlingException", 429),
    ],
)
def test_too_many_requests_are_refused_in_each_protocols_words(
    slow: RunningPlane, service: str, operation: str, code: str, status: int
) -> None:
    refusal = throttled(getattr(slow.client(service, config=ONCE), operation))
    assert (refusal["Error"]["Code"], refusal["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)


def test_a_client_that_tries_again_gets_through_and_what_was_throttled_is_recorded(slow: RunningPlane) -> None:
    iam = slow.client("iam", config=Config(retries={"mode": "standard", "total_max_attempts": 10}))
    attempts = [iam.list_users()["ResponseMetadata"]["RetryAttempts"] for _ in range(25)]
    assert any(attempts)
    wanted = [{"AttributeKey": "EventName", "AttributeValue": "ListUsers"}]
    trail = slow.client("cloudtrail", config=Config(retries={"mode": "standard", "total_max_attempts": 10}))
    pages = trail.get_paginator("lookup_events").paginate(LookupAttributes=wanted)
    codes = [json.loads(e["CloudTrailEvent"]).get("errorCode") for page in pages for e in page["Events"]]
    assert codes.count(None) == 25
    assert codes.count("Throttling") == sum(attempts)


def test_a_key_gets_its_rate_and_one_second_of_it_at_once() -> None:
    limits = Limits(per_second=2)
    assert [limits.admits("a", now) for now in (0.0, 0.0, 0.0, 0.4, 0.6, 0.6, 9.0, 9.0, 9.0)] == [
        True, True, False, False, True, False, True, True, False,
    ]  # fmt: skip
    assert limits.admits("b", 0.0)


def test_more_requests_under_way_than_fit_are_refused_whoever_makes_them() -> None:
    limits = Limits(under_way=1)
    limits.under_way = 1
    assert limits.admits("a", 0.0)
    limits.under_way = 2
    assert not limits.admits("b", 0.0)
