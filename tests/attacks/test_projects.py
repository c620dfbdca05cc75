"""What is in projects of others is answered like what is not there, and their decisions are theirs."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.attacks.insiders import Insiders, refused


def ids_of(insiders: Insiders) -> dict[str, str]:
    """Ids of things in the producer's project, as its owner knows them."""
    datazone, where = insiders.aws("owner", "datazone"), {"domainIdentifier": insiders.domain}
    project = {"projectIdentifier": insiders.producer}
    assets = datazone.search(searchScope="ASSET", owningProjectIdentifier=insiders.producer, **where)["items"]
    return {
        "project": insiders.producer,
        "connection": datazone.list_connections(**project, **where)["items"][0]["connectionId"],
        "environment": datazone.list_environments(**project, **where)["items"][0]["id"],
        "data source": datazone.list_data_sources(**project, **where)["items"][0]["dataSourceId"],
        "asset": next(a["assetItem"]["identifier"] for a in assets if a["assetItem"]["name"] == "campaigns"),
        "subscription": datazone.list_subscriptions(**where)["items"][0]["id"],
    }


REACHES: list[tuple[str, str, str, dict[str, Any]]] = [
    ("get_project", "identifier", "project", {}),
    ("delete_project", "identifier", "project", {}),
    ("list_project_memberships", "projectIdentifier", "project", {}),
    ("list_environments", "projectIdentifier", "project", {}),
    ("list_connections", "projectIdentifier", "project", {}),
    ("list_data_sources", "projectIdentifier", "project", {}),
    ("get_connection", "identifier", "connection", {"withSecret": True}),
    ("delete_connection", "identifier", "connection", {}),
    ("get_environment", "identifier", "environment", {}),
    ("delete_environment", "identifier", "environment", {}),
    ("list_connections", "environmentIdentifier", "environment", {}),
    ("get_environment_credentials", "environmentIdentifier", "environment", {}),
    ("list_subscription_targets", "environmentIdentifier", "environment", {}),
    ("get_data_source", "identifier", "data source", {}),
    ("start_data_source_run", "dataSourceIdentifier", "data source", {}),
    ("get_asset", "identifier", "asset", {}),
    ("list_asset_revisions", "identifier", "asset", {}),
    ("create_asset_revision", "identifier", "asset", {"name": "mine"}),
    ("list_asset_filters", "assetIdentifier", "asset", {}),
    ("create_listing_change_set", "entityIdentifier", "asset", {"entityType": "ASSET", "action": "PUBLISH"}),
    ("delete_asset", "identifier", "asset", {}),
]


@pytest.mark.parametrize(("operation", "member", "what", "more"), REACHES)
def test_what_is_there_is_not_told_from_what_is_not(
    insiders: Insiders, operation: str, member: str, what: str, more: dict[str, Any]
) -> None:
    call = getattr(insiders.aws("analyst", "datazone"), operation)
    there, answers = ids_of(insiders)[what], []
    for identifier in (there, "zzzzzzzzzzzzzz"):
        with pytest.raises(ClientError) as failed:
            call(**{"domainIdentifier": insiders.domain, member: identifier, **more})
        answers.append(str(failed.value).replace(identifier, "<id>"))
    assert answers[0] == answers[1]
    assert insiders.producer not in answers[0]


def test_a_taken_name_tells_no_project(insiders: Insiders) -> None:
    datazone = insiders.aws("analyst", "datazone")
    profiles = datazone.list_project_profiles(domainIdentifier=insiders.domain)["items"]
    profile = next(p["id"] for p in profiles if p["name"] == "business-dev-profile")
    units = datazone.list_domain_units_for_parent(
        domainIdentifier=insiders.domain,
        parentDomainUnitIdentifier=datazone.get_domain(identifier=insiders.domain)["rootDomainUnitId"],
    )["items"]
    unit = next(u["id"] for u in units if u["name"] == "Sales Forecasting")
    with refused("The name Campaign Insights is taken"):
        datazone.create_project(
            domainIdentifier=insiders.domain, name="Campaign Insights", projectProfileId=profile, domainUnitId=unit
        )  # fmt: skip


def test_nobody_gives_herself_a_place_or_a_right(insiders: Insiders) -> None:
    datazone, where = insiders.aws("analyst", "datazone"), {"domainIdentifier": insiders.domain}
    me = insiders.sign_in.user_id("analyst")
    root = datazone.get_domain(identifier=insiders.domain)["rootDomainUnitId"]
    user: Any = {"user": {"userIdentifier": me}}
    unit: Any = {"entityType": "DOMAIN_UNIT", "entityIdentifier": root}
    with refused("ResourceNotFound"):
        datazone.create_project_membership(
            projectIdentifier=insiders.producer, designation="PROJECT_OWNER", member={"userIdentifier": me}, **where
        )  # fmt: skip
    with refused():
        datazone.add_policy_grant(
            **unit, policyType="CREATE_PROJECT", principal=user, detail={"createProject": {}}, **where
        )  # fmt: skip
    with refused():
        datazone.add_entity_owner(**unit, owner={"user": {"userIdentifier": me}}, **where)
    with refused():
        datazone.update_user_profile(
            userIdentifier=insiders.sign_in.user_id("owner"), status="DEACTIVATED", **where
        )  # fmt: skip


def test_nobody_asks_for_another_or_decides_for_one(insiders: Insiders) -> None:
    datazone, where = insiders.aws("analyst", "datazone"), {"domainIdentifier": insiders.domain}
    listing = datazone.search_listings(searchText="households", **where)["items"][0]["assetListing"]["listingId"]
    principals: list[dict[str, Any]] = [
        {"user": {"identifier": insiders.sign_in.user_id("colleague")}},
        {"iam": {"identifier": "arn:aws:iam::444444444444:role/TwinplanePerson"}},
        {"project": {"identifier": insiders.producer}},
    ]
    for principal in principals:
        with refused("AccessDenied", "ResourceNotFound"):
            datazone.create_subscription_request(
                requestReason="mine", subscribedListings=[{"identifier": listing}], subscribedPrincipals=[principal],
                **where,
            )  # fmt: skip
    owner = insiders.aws("owner", "datazone")
    colleague = insiders.sign_in.user_id("colleague")
    subscription = next(
        s for s in owner.list_subscriptions(**where)["items"] if s["subscribedPrincipal"]["user"]["id"] == colleague
    )
    grant = owner.list_subscription_grants(subscriptionId=subscription["id"], **where)["items"][0]
    for operation, identifier in (
        ("get_subscription", subscription["id"]), ("cancel_subscription", subscription["id"]),
        ("revoke_subscription", subscription["id"]), ("get_subscription_grant", grant["id"]),
        ("delete_subscription_grant", grant["id"]),
        ("get_subscription_request_details", subscription["subscriptionRequestId"]),
        ("accept_subscription_request", subscription["subscriptionRequestId"]),
    ):  # fmt: skip
        with refused("ResourceNotFoundException", "explicit deny"):
            getattr(datazone, operation)(identifier=identifier, **where)


def test_a_decision_is_not_taken_past_the_app(insiders: Insiders) -> None:
    listing = insiders.publish("coupon_redemptions", "Restricted")
    body = {"listing_id": listing, "reason": "Redemptions", "ends_on": soon()}
    insiders.ask("analyst", "POST", "/api/requests/subscription", body)
    owner, where = insiders.aws("owner", "datazone"), {"domainIdentifier": insiders.domain}
    pending = owner.list_subscription_requests(status="PENDING", **where)["items"]
    for request in pending:
        for operation in ("accept_subscription_request", "reject_subscription_request"):
            with refused("AccessDenied.*explicit deny"):
                getattr(owner, operation)(identifier=request["id"], **where)
    assert listing in [r["subscribedListings"][0]["id"] for r in pending]
    with refused("AccessDenied"):
        insiders.query("analyst", "select * from coupon_redemptions")


def test_a_form_of_the_asset_approves_nothing(insiders: Insiders) -> None:
    insiders.publish("coupons", "Restricted")
    owner, where = insiders.aws("owner", "datazone"), {"domainIdentifier": insiders.domain}
    asset = owner.get_asset(
        identifier=next(
            found["assetItem"]["identifier"]
            for found in owner.search(searchScope="ASSET", owningProjectIdentifier=insiders.producer, **where)["items"]
            if found["assetItem"]["name"] == "coupons"
        ),
        **where,
    )
    forms = [
        {"formName": f["formName"], "typeIdentifier": f["typeName"], "content": f["content"]}
        for f in asset["formsOutput"]
        if f["formName"] != "SubscriptionTermsForm"
    ]
    terms = {"formName": "SubscriptionTermsForm", "typeIdentifier": "amazon.datazone.SubscriptionTermsFormType"}
    forms.append(terms | {"content": json.dumps({"approvalRequired": "NO"})})
    owner.create_asset_revision(identifier=asset["id"], name=asset["name"], formsInput=forms, **where)
    listing = insiders.ask(
        "owner", "POST", f"/api/projects/{insiders.producer}/assets/{asset['id']}/publish", {}
    ).json()["listing_id"]  # fmt: skip
    body = {"listing_id": listing, "reason": "Coupons", "ends_on": soon()}
    request = insiders.ask("colleague", "POST", "/api/requests/subscription", body).json()
    assert request["status"] == "pending_approval"
    mine = insiders.aws("colleague", "datazone").list_subscription_requests(**where)["items"]
    assert {r["subscribedListings"][0]["name"]: r["status"] for r in mine}["coupons"] == "PENDING"
    with refused("AccessDenied"):
        insiders.query("colleague", "select * from coupons")


def soon() -> str:
    return (datetime.now(UTC) + timedelta(days=20)).date().isoformat()
