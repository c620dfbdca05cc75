"""Everybody decides at once: what is left is what the subscriptions that live say, no more and no less."""

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from tests.data_plane.datazone.catalog_for_tests import equal, lake_administrator, producer
from tests.data_plane.datazone.domains_for_tests import Mesh, eventually

PEOPLE = ("ada", "ben", "cleo")
ROUNDS = 40  # of each of the threads
EXPECTED = {"ConflictException", "ResourceNotFoundException", "ValidationException"}
"""What the second of two who do the same is told; also who asks for what was just taken out of the catalog."""


def test_whoever_decides_first_permissions_are_those_of_live_subscriptions(mesh: Mesh) -> None:
    owner, domain, lake = producer(mesh, "owner"), {"domainIdentifier": mesh.domain_id}, lake_administrator(mesh.plane)
    listings = {owner.published(name)[1]: name for name in ("first", "second")}
    assets = {i["assetListing"]["entityId"] for i in owner.datazone.search_listings(**domain)["items"]}
    filters = {
        asset: [owner.row_filter(asset, equal("region", "EU")), owner.column_filter(asset, "region")]
        for asset in assets
    }
    people = {name: mesh.person(name) for name in PEOPLE}
    sessions = {name: mesh.credentials(name) for name in ("owner", *PEOPLE)}

    def decide(seed: int) -> set[str]:
        chance, codes = random.Random(seed), set()
        once = Config(retries={"max_attempts": 0})
        as_one: dict[str, Any] = {n: mesh.plane.client("datazone", c, config=once) for n, c in sessions.items()}
        boss = as_one["owner"]
        for _ in range(ROUNDS):
            name, listing = chance.choice(PEOPLE), chance.choice(list(listings))
            step = chance.choice(
                ("ask", "ask", "accept", "accept", "reject", "revoke", "cancel", "publish", "withdraw")
            )
            try:
                if step == "ask":
                    as_one[name].create_subscription_request(
                        **domain, requestReason="now", subscribedListings=[{"identifier": listing}],
                        subscribedPrincipals=[{"user": {"identifier": people[name]}}],
                    )  # fmt: skip
                elif step == "publish":
                    asset = boss.get_listing(**domain, identifier=listing)["item"]["assetListing"]["assetId"]
                    action = chance.choice(("PUBLISH", "UNPUBLISH"))
                    boss.create_listing_change_set(
                        **domain, entityIdentifier=asset, entityType="ASSET", action=action
                    )  # fmt: skip
                elif step in ("accept", "reject", "withdraw"):
                    for request in boss.list_subscription_requests(**domain)["items"][:1]:
                        asset = request["subscribedListings"][0]["item"]["assetListing"]["entityId"]
                        scopes = [{"assetId": asset, "filterIds": chance.sample(filters[asset], chance.choice((1, 2)))}]
                        given: Any = {"assetScopes": scopes} if step == "accept" and chance.random() < 0.5 else {}
                        by = as_one[name] if step == "withdraw" else boss
                        verb = {"withdraw": "delete"}.get(step, step)
                        getattr(by, f"{verb}_subscription_request")(**domain, identifier=request["id"], **given)
                else:
                    for subscription in boss.list_subscriptions(**domain)["items"][:1]:
                        by = boss if step == "revoke" else as_one[name]
                        getattr(by, f"{step}_subscription")(**domain, identifier=subscription["id"])
            except ClientError as error:
                codes.add(error.response["Error"]["Code"])
        return codes

    with ThreadPoolExecutor(4) as threads:
        codes = set().union(*threads.map(decide, range(4)))
    assert codes <= EXPECTED

    def live() -> set[tuple[str, str]]:
        found = owner.datazone.list_subscriptions(**domain)["items"]
        return {(s["subscribedPrincipal"]["user"]["id"], listings[s["subscribedListing"]["id"]]) for s in found}

    def granted() -> set[tuple[str, str]]:
        found = set()
        for name in PEOPLE:
            who = {"DataLakePrincipalIdentifier": f"arn:aws:identitystore:::user/{people[name]}"}
            for held in lake.list_permissions(Principal=who)["PrincipalResourcePermissions"]:
                [(_, resource)] = held["Resource"].items()
                found.add((people[name], str(resource.get("TableName") or resource.get("Name"))))
        return found

    def settled() -> bool:
        statuses = [g["status"] for g in owner.datazone.list_subscription_grants(**domain)["items"]]
        return all(status == "COMPLETED" for status in statuses)

    eventually(settled, bool)
    assert granted() == live()
    for subscription in owner.datazone.list_subscriptions(**domain)["items"]:
        owner.datazone.revoke_subscription(**domain, identifier=subscription["id"])
    for request in owner.datazone.list_subscription_requests(**domain)["items"]:
        owner.datazone.reject_subscription_request(**domain, identifier=request["id"])
    eventually(lambda: granted(), lambda found: found == set())
    for listing in listings:
        owner.datazone.delete_listing(**domain, identifier=listing)  # nothing is counted that is no more
    for asset, chosen in filters.items():
        for identifier in chosen:
            owner.datazone.delete_asset_filter(**domain, assetIdentifier=asset, identifier=identifier)
