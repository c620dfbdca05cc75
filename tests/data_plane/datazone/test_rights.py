"""Every operation, called as everybody: allowed, refused, or answered as if there were nothing, as the table says."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from tests.data_plane.datazone.domains_for_tests import Mesh
from tests.data_plane.datazone.requests_for_tests import REQUESTS, TWO_SIDED
from tests.data_plane.datazone.roles_for_tests import ANALYST_MAY, DESIGNATED, USER_POLICIES, World, make_world
from twinplane.data_plane.services.datazone import rights
from twinplane.data_plane.services.datazone.operations import OPERATIONS
from twinplane.data_plane.wire import models

READS = ("Get", "List", "Search")
BY_SUBSCRIBERS = ("CreateSubscriptionRequest", "CreateSubscriptionGrant")  # these name the subscribing project only
ALLOWED, REFUSED, HIDDEN = "allowed", "AccessDeniedException", "ResourceNotFoundException"


@pytest.fixture(scope="module")
def world(mesh: Mesh) -> World:
    return make_world(mesh)


@pytest.fixture(scope="module", autouse=True)
def _is_kept(world: World) -> Iterator[None]:
    """Nobody has got another role on the way."""
    yield
    members = world.owner.get_paginator("list_project_memberships").paginate(
        **world.domain, projectIdentifier=world.project
    )
    held = {m["memberDetails"]["user"]["userId"]: m["designation"] for page in members for m in page["members"]}
    assert {name: held[world.mesh.person(name)] for name in DESIGNATED} == DESIGNATED


def expected(line: str, role: str, side: str) -> str:
    """What the table says becomes of a request."""
    right = rights.RIGHTS[line]
    if role == "role with a Deny":
        return REFUSED
    if right.iam_alone:
        return ALLOWED
    if role == "deactivated person":
        return REFUSED
    in_project = {DESIGNATED[role]} if role in DESIGNATED else {rights.CUSTOM} if role == "analyst" else set()
    in_other = {rights.OWNER} if role == "member of another project" else set()
    publishes, subscribes = (in_project, in_other) if side == "publisher" else (in_other, in_project)
    creates = role == ("member of another project" if line in TWO_SIDED and side == "publisher" else "owner")
    administers = role == "domain administrator"
    if (
        right.users
        or (role == "analyst" and line in ANALYST_MAY and bool(right.members if publishes else right.subscribers))
        or not publishes.isdisjoint(right.members)
        or not subscribes.isdisjoint(right.subscribers)
        or (right.creator and creates)
        or (right.domain_owners and administers)
        or (right.unit_owners and role in ("domain administrator", "unit owner"))
        or (role == "policy holder" and right.policy in USER_POLICIES)
        or (role == "owner" and right.policy == "CREATE_PROJECT")
    ):
        return ALLOWED
    concerns_project = bool(right.members or right.subscribers or right.creator)
    sees = right.public or administers or (bool(publishes) and bool(right.members))
    if line in TWO_SIDED:
        sees = administers or bool(subscribes) or (bool(publishes) and line not in BY_SUBSCRIBERS)
    return REFUSED if not concerns_project or sees or not may_be_missing(line) else HIDDEN


def may_be_missing(line: str) -> bool:
    """Whether AWS documents an error for what the operation does not find; where not, it is refused."""
    return any(ref.shape == HIDDEN for ref in models.load("datazone").operations[line.partition(" ")[0]].errors)


def outcome(client: Any, line: str, request: dict[str, Any]) -> tuple[str, str]:
    """What becomes of the request, and what the answer is about."""
    try:
        getattr(client, xform_name(line.partition(" ")[0]))(**request)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return (code, str(error)) if code in (REFUSED, HIDDEN) else (ALLOWED, str(error))
    return ALLOWED, ""


def domain_of(client: Any, world: World, line: str) -> dict[str, Any]:
    model = client.meta.service_model.operation_model(line.partition(" ")[0]).input_shape
    return world.domain if "domainIdentifier" in model.members else {}


def test_every_operation_has_a_line_and_every_line_an_operation_and_a_request() -> None:
    lines = {line.partition(" ")[0] for line in rights.RIGHTS}
    assert lines == set(OPERATIONS)
    assert set(REQUESTS) == set(rights.RIGHTS) - {"GetDomainExecutionRoleCredentials"}  # boto3 does not know it


@pytest.mark.parametrize("line", sorted(REQUESTS))
def test_everybody_may_what_the_table_says(world: World, line: str) -> None:
    right = rights.RIGHTS[line]
    for side in ("publisher", "subscriber") if line in TWO_SIDED and not right.users else ("publisher",):
        world.side = side
        is_used, has_succeeded = True, False
        texts: set[str] = set()
        request: dict[str, Any] = {}
        for role, client in world.clients.items():
            if is_used:
                request = {**domain_of(client, world, line), **REQUESTS[line](world)}
            got, text = outcome(client, line, request)
            wanted = expected(line, role, side)
            assert got == wanted, f"{line} as {role} ({side}) is {got}, and by the table {wanted}: {text}"
            texts |= {text} if got == ALLOWED else set()
            has_succeeded |= got == ALLOWED and not text
            is_used = got == ALLOWED and not text and not line.startswith(READS)
        assert has_succeeded, f"nobody has succeeded with {line}: {texts}"
