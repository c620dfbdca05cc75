"""Subscriptions: whether pages of their lists stay as quick with 100,000 of them as with one in a hundred.

Loading goes through the services' own functions, in the state folder of a plane that is stopped.
"""

import asyncio
import json
import shutil
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import pages, servers
from twinplane.data_plane.app import kinds_and_tasks
from twinplane.data_plane.plane import PlaneSettings, open_plane
from twinplane.data_plane.services.datazone import grants, rights, rules, subscriptions
from twinplane.data_plane.services.datazone.fulfilment import GRANTS, SUBSCRIPTIONS
from twinplane.data_plane.services.datazone.store import MEMBERSHIPS
from twinplane.data_plane.services.datazone.subscriptions import REQUESTS
from twinplane.data_plane.store import Document, Transaction

_MEMBER = f"arn:aws:iam::{pages.ACCOUNT}:role/Member"
_FULL = 100_000
_PUBLISHERS = 10
_LISTINGS = 5  # of each publisher
_PAGE = 20
_BAR = 1.5


def run(folder: Path, rounds: int = 60, full: int = _FULL) -> None:
    few, many = folder / "few", folder / "many"
    with servers.twinplane(few) as server:
        domain = _make_domain(server)
    _load(few / "state", domain, 0, full // 100)
    shutil.copytree(few, many)
    _load(many / "state", domain, full // 100, full)
    with servers.twinplane(few) as small, servers.twinplane(many) as large:
        compared = pages.compare([small, large], _lists(domain), _PAGE, rounds)
        print(
            f"\n| page of {_PAGE}, by who asks | ms at {full // 100:,} | ms at {full:,} | ratio | bar |"
            "\n|---|---|---|---|---|"
        )
        for name, (first, second) in compared.items():
            before, after = _undisturbed(first) * 1e3, _undisturbed(second) * 1e3
            print(f"| {name} | {before:.2f} | {after:.2f} | {after / before:.2f} | {_BAR} |")


def _undisturbed(seconds: list[float]) -> float:
    """The lower quartile: of a machine that others use too, the pages that they did not get in the way of."""
    return statistics.quantiles(seconds, n=4)[0]


def _make_domain(server: servers.Server) -> dict[str, Any]:
    """A domain with publishing projects; the role Member is in half of them."""
    iam, datazone = pages.client(server, "iam"), pages.client(server, "datazone")
    trust = {"Effect": "Allow", "Principal": {"AWS": pages.ACCOUNT}, "Action": "sts:AssumeRole"}
    for role in ("Member", "Domain"):
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=pages.policy(trust))
    allowed = {"Effect": "Allow", "Action": "datazone:*", "Resource": "*"}
    iam.put_role_policy(RoleName="Member", PolicyName="datazone", PolicyDocument=pages.policy(allowed))
    role = f"arn:aws:iam::{pages.ACCOUNT}:role/Domain"
    made = datazone.create_domain(name="bench", domainVersion="V2", domainExecutionRole=role, serviceRole=role)
    while datazone.get_domain(identifier=made["id"])["status"] != "AVAILABLE":
        time.sleep(0.01)
    datazone.add_policy_grant(
        domainIdentifier=made["id"], entityType="DOMAIN_UNIT", entityIdentifier=made["rootDomainUnitId"],
        policyType="CREATE_PROJECT", principal={"user": {"allUsersGrantFilter": {}}},
        detail={"createProject": {"includeChildDomainUnits": True}},
    )  # fmt: skip
    names = (f"Publisher {n}" for n in range(_PUBLISHERS))
    projects = [datazone.create_project(domainIdentifier=made["id"], name=name)["id"] for name in names]
    return {"id": made["id"], "projects": projects}


def _load(state: Path, domain: dict[str, Any], start: int, end: int) -> None:
    asyncio.run(_load_in(state, domain, start, end))


async def _load_in(state: Path, domain: dict[str, Any], start: int, end: int) -> None:
    plane = open_plane(PlaneSettings(state, "http://127.0.0.1"), *kinds_and_tasks())
    try:
        began = time.perf_counter()
        await plane.store.write(lambda tx: _join(tx, domain))
        for first in range(start, end, 500):
            await plane.store.write(lambda tx, f=first: _add_some(tx, domain, range(f, min(f + 500, end))))  # type: ignore[misc]
        seconds = time.perf_counter() - began
    finally:
        plane.store.close()
    count, rate = end - start, 3 * (end - start) / seconds
    print(f"loaded {count:,} requests, subscriptions and grants in {seconds:.1f} s: {rate:,.0f} documents/s")


def _join(tx: Transaction, domain: dict[str, Any]) -> None:
    for project in domain["projects"][: _PUBLISHERS // 2]:
        tx.put(
            MEMBERSHIPS,
            {
                "domainId": domain["id"], "projectId": project, "memberType": "user", "projectName": project,
                "memberId": rules.profile_id_of_iam(domain["id"], _MEMBER), "designation": rights.CONTRIBUTOR,
            },
        )  # fmt: skip


def _add_some(tx: Transaction, domain: dict[str, Any], numbers: range) -> None:
    for number in numbers:
        _add(tx, domain, number)


def _add(tx: Transaction, domain: dict[str, Any], number: int) -> None:
    """A request that was accepted, its subscription and its grant; every tenth person is the Member's role."""
    owner, now = domain["projects"][number % _PUBLISHERS], 1.7e9 + number
    principal: tuple[str, Document] = (f"user:{number:036}", {"user": {"id": f"{number:036}"}})
    if number % 10 == 7:
        principal = (f"iam:{_MEMBER}", {"iam": {"principalArn": _MEMBER}})
    asset = {"entityId": f"asset{number % 1000}", "entityRevision": "1", "entityType": "GlueTableAssetType"}
    listing = {
        "id": _listing(number), "revision": "1", "name": "Orders", "description": "", "ownerProjectId": owner,
        "item": {"assetListing": asset | {"forms": json.dumps({"GlueTableForm": {"columns": ["c"] * 40}})}},
    }  # fmt: skip
    request = subscriptions.new_request(domain["id"], *principal, listing, "to read", "someone", now)
    request["status"] = "ACCEPTED"
    subscription = subscriptions.new_subscription(request, "decider", now)
    types = {asset["entityId"]: asset["entityType"]}
    tx.add(REQUESTS, request)
    tx.add(SUBSCRIPTIONS, subscription)
    tx.add(GRANTS, grants.new_grant(subscription, None, types, {}, "decider", now))


def _listing(number: int) -> str:
    return f"listing{number % (_PUBLISHERS * _LISTINGS)}"


def _lists(domain: dict[str, Any]) -> Iterator[pages.Asked]:
    kinds = {
        "ListSubscriptions": ("subscriptions", {"status": "APPROVED"}),
        "ListSubscriptionRequests": ("subscription-requests", {"status": "ACCEPTED"}),
        "ListSubscriptionGrants": ("subscription-grants", {}),
    }
    root = f"/v2/domains/{domain['id']}/"
    own = {"owningIamPrincipalArn": _MEMBER, "sortBy": "UPDATED_AT", "sortOrder": "ASCENDING"}
    for name, (path, query) in kinds.items():
        yield f"{name}, an administrator", root + path, query, None
        yield f"{name}, a member of half of the publishers", root + path, query, _MEMBER
        yield f"{name} by update, a subscriber of a tenth", root + path, query | own, _MEMBER
    inbox = {"approverProjectId": domain["projects"][0]}
    yield "ListSubscriptionRequests, pending ones (none)", f"{root}subscription-requests", inbox, _MEMBER
    for name, (path, query) in kinds.items():
        none, some = ({"subscribedListingId": _listing(number)} for number in (9, 0))
        yield f"{name} of a listing, who has none of it", root + path, query | none, _MEMBER
        yield f"{name} of a listing, an administrator", root + path, query | some, None
