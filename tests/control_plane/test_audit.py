from typing import Any

import pytest

from tests.control_plane.mesh_fixtures import RunningApp
from tests.control_plane.test_subscriptions import asked, rows


@pytest.fixture(scope="module")
def story(app: RunningApp) -> Any:
    """A request that was asked for, wrongly tried, approved, used and revoked."""
    listing = app.published("owner", "Campaign Insights", "marketing", "coupon_redemptions", "Confidential")
    request = asked(app, "analyst", listing)
    path = f"/api/requests/{request['id']}"
    assert app.call("analyst", "POST", f"{path}/approve", {}).status_code == 403
    app.post("owner", f"{path}/approve", {"comment": "For the forecast"})
    app.wait_for("analyst", request["id"], "active")
    rows(app, "analyst", "SELECT count(*) FROM marketing.coupon_redemptions")
    app.post("owner", f"{path}/revoke", {"reason": "Done"})
    return app.wait_for("analyst", request["id"], "revoked")


def items(app: RunningApp, who: str, query: str) -> list[Any]:
    return list(app.get(who, f"/api/audit?limit=500&{query}")["items"])


def test_the_record_says_who_asked_who_approved_and_by_which_policy(app: RunningApp, story: Any) -> None:
    found = items(app, "auditor", f"request_id={story['id']}")
    did = {(e["actor"], e["action"], e["outcome"]) for e in found}
    assert {
        ("analyst", "request.create", "allowed"),
        ("analyst", "request.approve", "refused"),
        ("owner", "request.approve", "allowed"),
        ("management-app", "request.active", "allowed"),
        ("owner", "request.revoke", "allowed"),
        ("management-app", "request.revoked", "allowed"),
    } <= did
    approval = next(e for e in found if e["action"] == "request.approve" and e["outcome"] == "allowed")
    assert (approval["reason"], approval["asset"]) == ("For the forecast", "marketing.coupon_redemptions")
    assert approval["policies"] == ["decide.owner"]
    assert len(approval["policy_hash"]) == 64


def test_a_query_is_shown_with_the_request_and_the_approval_it_ran_under(app: RunningApp, story: Any) -> None:
    seen = [e for e in items(app, "auditor", "person=analyst") if e["action"] == "athena:StartQueryExecution"]
    under = [e for e in seen if e["request_id"] == story["id"]]
    assert under, seen
    assert under[0]["source"] == "data-plane"
    assert under[0]["asset"] == "marketing.coupon_redemptions"
    assert under[0]["purpose"] == "To forecast"
    assert [(a["stage"], a["by"]) for a in under[0]["approvals"]] == [("owner", "owner")]
    by_asset = items(app, "auditor", "asset=marketing.coupon_redemptions")
    assert any(e["action"] == "athena:StartQueryExecution" for e in by_asset)


def test_others_see_what_they_did_and_what_concerns_their_projects_only(app: RunningApp, story: Any) -> None:
    assert items(app, "privacy", "person=analyst") == []
    assert items(app, "colleague", f"request_id={story['id']}") == []
    assert {e["actor"] for e in items(app, "analyst", "")} <= {"analyst"}
    concerning = items(app, "owner", f"request_id={story['id']}")
    assert {"analyst", "owner", "management-app"} <= {e["actor"] for e in concerning}


def test_the_data_plane_s_own_record_bears_the_request_as_source_identity(app: RunningApp, story: Any) -> None:
    import json

    trail = app.plane.client("cloudtrail")
    pages = trail.get_paginator("lookup_events").paginate(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "AcceptSubscriptionRequest"}]
    )
    records = [json.loads(event["CloudTrailEvent"]) for page in pages for event in page["Events"]]
    sources = [record["userIdentity"]["sessionContext"].get("sourceIdentity") for record in records]
    assert story["id"] in sources


def test_the_record_can_be_verified_by_those_who_may(app: RunningApp, story: Any) -> None:
    verified = app.get("auditor", "/api/audit/integrity")
    assert (verified["intact"], verified["first_wrong"]) == (True, None)
    assert app.call("analyst", "GET", "/api/audit/integrity").status_code == 403
