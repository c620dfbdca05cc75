"""kill -9 while grants are made or undone: after the next start each is as if nothing had happened."""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from catalog_for_tests import Producer, equal, lake_administrator, producer
from domains_for_tests import Mesh, eventually, make_mesh

from twinplane.data_plane.testing import running_plane

PEOPLE = [f"reader{n}" for n in range(8)]


def subscribe(owner: Producer, asset_id: str, listing_id: str) -> list[str]:
    """Everybody asks, and the owner approves them one after another; the ids of the requests."""
    mesh = owner.mesh
    domain = {"domainIdentifier": mesh.domain_id}
    rows = owner.row_filter(asset_id, equal("region", "EU"))
    requests = [
        mesh.as_person(person).create_subscription_request(
            **domain,
            subscribedPrincipals=[{"user": {"identifier": mesh.person(person)}}],
            subscribedListings=[{"identifier": listing_id}],
            requestReason="to read",
        )["id"]
        for person in PEOPLE
    ]
    datazone = owner.datazone
    for request_id in requests:
        datazone.accept_subscription_request(
            **domain, identifier=request_id, assetScopes=[{"assetId": asset_id, "filterIds": [rows]}]
        )
    return requests


def grants(owner: Producer, listing_id: str) -> list[dict[str, Any]]:
    """The grants of a listing, when nothing is under way any more."""
    datazone = owner.datazone
    given = {"domainIdentifier": owner.mesh.domain_id, "subscribedListingId": listing_id}

    def listed() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = datazone.list_subscription_grants(**given)["items"]
        return found

    found: list[dict[str, Any]] = eventually(
        listed, lambda g: len(g) == len(PEOPLE) and all(x["status"] not in ("PENDING", "IN_PROGRESS") for x in g)
    )
    return found


def cells(owner: Producer, table: str) -> set[str]:
    """The names of the data cells filters of a table."""
    lake = lake_administrator(owner.mesh.plane)
    listed = lake.list_data_cells_filter(Table={"DatabaseName": owner.database, "Name": table})
    return {c["Name"] for c in listed["DataCellsFilters"]}


def held(owner: Producer, person: str) -> list[str]:
    """The filters a person may select through."""
    lake = lake_administrator(owner.mesh.plane)
    arn = f"arn:aws:identitystore:::user/{owner.mesh.person(person)}"
    listed = lake.list_permissions(Principal={"DataLakePrincipalIdentifier": arn})["PrincipalResourcePermissions"]
    return [p["Resource"]["DataCellsFilter"]["Name"] for p in listed]


def restarted(state: Path, mesh: Mesh, owner: Producer, check: Callable[[Producer], None]) -> None:
    with running_plane(state) as plane:
        check(dataclasses.replace(owner, mesh=dataclasses.replace(mesh, plane=plane)))


@pytest.mark.parametrize("delay_seconds", [0.0, 0.003, 0.02])
def test_grants_that_kill_9_interrupted_are_completed_once(tmp_path: Path, delay_seconds: float) -> None:
    with running_plane(tmp_path) as plane:
        mesh = make_mesh(plane)
        owner = producer(mesh, "owner")
        asset_id, listing_id = owner.published("orders")
        subscribe(owner, asset_id, listing_id)
        time.sleep(delay_seconds)
        plane.process.kill()
        plane.process.wait()

    def each_has_one_filter(owner: Producer) -> None:
        found = grants(owner, listing_id)
        assert {g["status"] for g in found} == {"COMPLETED"}
        assert cells(owner, "orders") == {f"datazone_{g['id']}" for g in found}
        assert all(len(held(owner, person)) == 1 for person in PEOPLE)

    restarted(tmp_path, mesh, owner, each_has_one_filter)


def test_revocations_that_kill_9_interrupted_are_completed(tmp_path: Path) -> None:
    with running_plane(tmp_path) as plane:
        mesh = make_mesh(plane)
        owner = producer(mesh, "owner")
        asset_id, listing_id = owner.published("orders")
        subscribe(owner, asset_id, listing_id)
        grants(owner, listing_id)
        domain, datazone = {"domainIdentifier": mesh.domain_id}, owner.datazone
        for subscription in datazone.list_subscriptions(**domain, subscribedListingId=listing_id)["items"]:
            datazone.revoke_subscription(**domain, identifier=subscription["id"])
        plane.process.kill()
        plane.process.wait()

    def nothing_is_left(owner: Producer) -> None:
        assert {g["assets"][0]["status"] for g in grants(owner, listing_id)} == {"REVOKED"}
        assert cells(owner, "orders") == set()
        assert not any(held(owner, person) for person in PEOPLE)

    restarted(tmp_path, mesh, owner, nothing_is_left)
