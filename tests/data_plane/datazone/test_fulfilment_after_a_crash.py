"""kill -9 while grants are made or undone: after the next start each is as if nothing had happened."""

import dataclasses
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from pysqlite3 import dbapi2 as sqlite

from tests.data_plane.datazone.catalog_for_tests import Producer, equal, lake_administrator, producer
from tests.data_plane.datazone.domains_for_tests import Mesh, eventually, make_mesh
from twinplane.data_plane.testing import running_plane

PEOPLE = [f"reader{n}" for n in range(10)]
ROUNDS = 6
UNDER_WAY = ("PENDING", "IN_PROGRESS")


def all_at_once(owner: Producer, calls: list[Callable[[Any], Any]], delay_seconds: float) -> None:
    """Makes calls side by side and kills the plane a moment after the first answer."""
    clients = [owner.datazone for _ in calls]
    with ThreadPoolExecutor(len(calls)) as pool:
        running = [pool.submit(call, client) for call, client in zip(calls, clients, strict=True)]
        wait(running, return_when=FIRST_COMPLETED)
        time.sleep(delay_seconds)
        owner.mesh.plane.process.kill()
        for call in running:
            assert isinstance(call.exception(), (type(None), BotoCoreError, ClientError))
    owner.mesh.plane.process.wait()


def interrupted(state: Path) -> int:
    """How many tasks of fulfilment were left undone."""
    connection = sqlite.connect(str(state / "plane.db"))
    try:
        found = connection.execute("SELECT count(*) FROM task WHERE kind IN ('datazone.grant', 'datazone.revoke')")
        return int(found.fetchone()[0])
    finally:
        connection.close()


def settled(owner: Producer, listing_id: str) -> list[dict[str, Any]]:
    """The grants of a listing, when nothing is under way any more."""
    datazone = owner.datazone

    def listed() -> list[dict[str, Any]]:
        paged = datazone.get_paginator("list_subscription_grants").paginate(
            domainIdentifier=owner.mesh.domain_id, subscribedListingId=listing_id
        )
        return [grant for answer in paged for grant in answer["items"]]

    found: list[dict[str, Any]] = eventually(listed, lambda g: all(x["status"] not in UNDER_WAY for x in g))
    return found


def check(owner: Producer, listing_id: str) -> None:
    """Exactly the approved subscriptions are granted, each by one filter that its person alone may use."""
    datazone, lake = owner.datazone, lake_administrator(owner.mesh.plane)
    grants = settled(owner, listing_id)
    subscriptions = datazone.list_subscriptions(
        domainIdentifier=owner.mesh.domain_id, subscribedListingId=listing_id, status="APPROVED", maxResults=50
    )["items"]
    live = {g["subscriptionId"]: f"datazone_{g['id']}" for g in grants if g["assets"][0]["status"] == "GRANTED"}
    assert set(live) == {s["id"] for s in subscriptions}
    assert {g["assets"][0]["status"] for g in grants} <= {"GRANTED", "REVOKED"}
    listed = lake.list_data_cells_filter(Table={"DatabaseName": owner.database, "Name": "orders"})
    assert {c["Name"] for c in listed["DataCellsFilters"]} == set(live.values())
    held = {}
    for subscription in subscriptions:
        user_id = subscription["subscribedPrincipal"]["user"]["id"]
        held[subscription["id"]] = filters_of(lake, user_id)
    assert held == {subscription: [name] for subscription, name in live.items()}
    others = {owner.mesh.person(p) for p in PEOPLE} - {s["subscribedPrincipal"]["user"]["id"] for s in subscriptions}
    assert [filters_of(lake, user_id) for user_id in others] == [[]] * len(others)


def filters_of(lake: Any, user_id: str) -> list[str]:
    """The data cells filters a person may select through."""
    listed = lake.list_permissions(
        Principal={"DataLakePrincipalIdentifier": f"arn:aws:identitystore:::user/{user_id}"}
    )["PrincipalResourcePermissions"]
    return [p["Resource"]["DataCellsFilter"]["Name"] for p in listed]


def accepting(mesh: Mesh, asset_id: str, listing_id: str, filter_id: str) -> list[Callable[[Any], Any]]:
    """A call that accepts, for each person who has no subscription; the requests are made here."""
    domain = {"domainIdentifier": mesh.domain_id}
    scope = [{"assetId": asset_id, "filterIds": [filter_id]}]
    calls: list[Callable[[Any], Any]] = []
    for person in PEOPLE:
        client, user_id = mesh.as_person(person), mesh.person(person)
        pending = client.list_subscription_requests(
            **domain, owningUserId=user_id, subscribedListingId=listing_id, status="PENDING"
        )["items"]
        request_id = (
            pending[0]["id"]
            if pending
            else client.create_subscription_request(
                **domain,
                subscribedPrincipals=[{"user": {"identifier": user_id}}],
                subscribedListings=[{"identifier": listing_id}],
                requestReason="to read",
            )["id"]
        )
        calls.append(lambda c, r=request_id: c.accept_subscription_request(**domain, identifier=r, assetScopes=scope))
    return calls


def revoking(owner: Producer, listing_id: str) -> list[Callable[[Any], Any]]:
    """A call that revokes, for each subscription there is."""
    domain = {"domainIdentifier": owner.mesh.domain_id}
    found = owner.datazone.list_subscriptions(**domain, subscribedListingId=listing_id, status="APPROVED")["items"]
    return [lambda c, s=s["id"]: c.revoke_subscription(**domain, identifier=s) for s in found]


def test_grants_and_revocations_survive_kill_9(tmp_path: Path) -> None:
    with running_plane(tmp_path) as plane:
        mesh = make_mesh(plane)
        owner = producer(mesh, "owner")
        asset_id, listing_id = owner.published("orders")
        filter_id = owner.row_filter(asset_id, equal("region", "EU"))
    left = 0
    for number in range(ROUNDS):
        with running_plane(tmp_path) as plane:
            mesh = dataclasses.replace(mesh, plane=plane)
            owner = dataclasses.replace(owner, mesh=mesh)
            check(owner, listing_id)
            calls = revoking(owner, listing_id) or accepting(mesh, asset_id, listing_id, filter_id)
            all_at_once(owner, calls, delay_seconds=0.002 * (number // 2))
        left += interrupted(tmp_path)
    assert left > 0, "no round was interrupted: the test shows nothing"
    with running_plane(tmp_path) as plane:
        check(dataclasses.replace(owner, mesh=dataclasses.replace(mesh, plane=plane)), listing_id)
