"""Requests that no client would make: every one is answered or refused, none fails."""

import json
import os
import random
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.data_plane.datazone.domains_for_tests import Mesh
from tests.data_plane.datazone.requests_for_tests import REQUESTS
from tests.data_plane.datazone.roles_for_tests import World, make_world
from twinplane.data_plane.services.datazone import rights

ODD: list[Any] = [
    None, {}, [], "", "\x00", "a" * 3000, "é\U0001f600 ' \" ; -- %_*?[", -1, 0, 2**63, 1.5, True, [None],
    [[{}]], "../../x", "2020-13-45T00:00:00Z", "\ud800",
]  # fmt: skip
BY_ADMINISTRATORS = {line for line, right in rights.RIGHTS.items() if not right.of_projects and not right.users}
SOAK = "TWINPLANE_SOAK" in os.environ
OF_A_LINE = None if SOAK else 8  # requests; the long form makes all there are, ten thousand

pytestmark = [pytest.mark.soak] if SOAK else []


@pytest.fixture(scope="module")
def world(mesh: Mesh) -> World:
    return make_world(mesh)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something is in a request."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def with_odd(body: Any, path: tuple[Any, ...], odd: Any) -> bytes:
    changed = deepcopy(body)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = odd
    return json.dumps(changed).encode()


def statuses(world: World, line: str, most: int | None) -> dict[int, str]:
    """The HTTP statuses of odd requests, each with what was odd last."""
    operation, name = line.partition(" ")[0], xform_name(line.partition(" ")[0])
    plain = Config(retries={"max_attempts": 0}, parameter_validation=False)
    person = {} if line in BY_ADMINISTRATORS else {"credentials": world.mesh.credentials("owner")}
    client = world.mesh.plane.client("datazone", config=plain, **person)
    sent: dict[str, Any] = {}

    def replace(params: dict[str, Any], **_event: Any) -> None:
        sent["body"] = params["body"]
        params["body"] = sent.get("instead", params["body"])

    client.meta.events.register("before-call.datazone", replace)
    members = client.meta.service_model.operation_model(operation).input_shape.members
    request = {**(world.domain if "domainIdentifier" in members else {}), **REQUESTS[line](world)}
    found: dict[int, str] = {}

    def send() -> int:
        try:
            return int(getattr(client, name)(**request)["ResponseMetadata"]["HTTPStatusCode"])
        except ClientError as error:
            return int(error.response["ResponseMetadata"]["HTTPStatusCode"])

    send()
    body = json.loads(sent["body"] or b"null")
    if not isinstance(body, dict):
        return found
    more = [(m,) for m, shape in members.items() if not shape.serialization.get("location") and m not in body]
    odd = [(path, value) for path in [*places(body), *more] for value in ODD]
    for path, value in odd if most is None else random.Random(line).sample(odd, min(most, len(odd))):
        sent["instead"] = with_odd(body, path, value)
        found[send()] = f"{path} = {value!r:.40}"
    return found


@pytest.mark.parametrize("line", sorted(REQUESTS))
def test_an_odd_request_is_refused_and_does_not_fail(world: World, line: str) -> None:
    found = statuses(world, line, OF_A_LINE)
    assert all(status < 500 for status in found), found
