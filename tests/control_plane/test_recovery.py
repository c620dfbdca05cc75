"""What was begun is finished or undone after `kill -9`, on both databases, and access ends when its time comes."""

import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.control_plane.mesh_fixtures import RunningApp, running_app
from tests.control_plane.test_subscriptions import asked, is_refused, rows
from twinplane.control_plane.database import Database
from twinplane.control_plane.jobs import JOBS
from twinplane.data_plane.testing import RunningPlane

MOMENTS = (0.0, 0.02, 0.05, 0.09, 0.14, 0.2)  # seconds after the request was answered


@pytest.fixture
def own_app(plane: RunningPlane, database_url: str, tmp_path: Path) -> Iterator[RunningApp]:
    """An app of this test alone, on each of the two databases."""
    with running_app(plane, tmp_path / "app", database_url) as app:
        yield app


def projects_called(plane: RunningPlane, name: str) -> list[Any]:
    datazone = plane.client("datazone")
    domain = datazone.list_domains()["items"][0]["id"]
    return [p for p in datazone.list_projects(domainIdentifier=domain, name=name)["items"] if p["name"] == name]


def test_a_project_is_made_once_wherever_the_app_is_killed(own_app: RunningApp) -> None:
    for moment in MOMENTS:
        name = f"Killed {secrets.token_hex(4)}"
        body = {
            "name": name, "profile": "business-dev-profile", "domain_unit": "Sales Forecasting", "reason": "x",
        }  # fmt: skip
        request = own_app.post("analyst", "/api/requests/project", body)
        time.sleep(moment)
        own_app.kill()
        own_app.start()
        done = own_app.wait_for("analyst", request["id"], "active")
        assert own_app.project_id("analyst", name) == done["outcome"]["project_id"]
        texts = [step["text"] for step in done["steps"]]
        assert len([t for t in texts if t == "The project is ready"]) == 1
        assert [step["seq"] for step in done["steps"]] == list(range(1, len(texts) + 1))
    assert own_app.get("auditor", "/api/audit/integrity")["intact"]


def test_access_is_granted_and_taken_back_wherever_the_app_is_killed(own_app: RunningApp) -> None:
    listing = own_app.published("owner", "Campaign Insights", "marketing", "households", "Confidential")
    statement = "SELECT DISTINCT home_ownership FROM marketing.households"
    for moment in MOMENTS[::2]:
        request = asked(own_app, "colleague", listing)
        own_app.post("owner", f"/api/requests/{request['id']}/approve", {"row_filter": "home_ownership = 'Renter'"})
        time.sleep(moment)
        own_app.kill()
        own_app.start()
        own_app.wait_for("colleague", request["id"], "active")
        assert rows(own_app, "colleague", statement)[1:] == [["Renter"]]

        own_app.post("owner", f"/api/requests/{request['id']}/revoke", {"reason": "Over"})
        time.sleep(moment)
        own_app.kill()
        own_app.start()
        own_app.wait_for("colleague", request["id"], "revoked")
        assert is_refused(own_app, "colleague", statement)


def test_access_ends_by_its_date(own_app: RunningApp) -> None:
    listing = own_app.published("owner", "Campaign Insights", "marketing", "households", "Confidential")
    request = asked(own_app, "colleague", listing)
    own_app.post("owner", f"/api/requests/{request['id']}/approve", {})
    own_app.wait_for("colleague", request["id"], "active")
    database = Database(own_app.database_url)
    with database.write() as tx:  # its time has come
        timer = (JOBS.c.kind == "subscription.expire") & (JOBS.c.subject == request["id"])
        assert tx.changed(sa.update(JOBS).where(timer).values(due_at=tx.now)) == 1
    database.close()
    own_app.wait_for("colleague", request["id"], "expired")
    assert is_refused(own_app, "colleague", "SELECT * FROM marketing.households")


def test_a_request_that_was_interrupted_before_the_data_plane_knew_is_settled(own_app: RunningApp) -> None:
    listing = own_app.published("owner", "Campaign Insights", "marketing", "coupon_redemptions", "Confidential")
    request = asked(own_app, "colleague", listing)
    database = Database(own_app.database_url)
    with database.write() as tx:  # as it stands when the app dies before it has recorded the data plane's answer
        tx.execute(sa.text(f"UPDATE request SET status = 'draft' WHERE id = '{request['id']}'"))
        timer = (JOBS.c.kind == "subscription.settle") & (JOBS.c.subject == request["id"])
        tx.execute(sa.update(JOBS).where(timer).values(state="ready", due_at=tx.now))
    database.close()
    failed = own_app.wait_for("colleague", request["id"], "failed")
    assert "Ask again" in failed["failure"]
    again = asked(own_app, "colleague", listing)
    own_app.post("colleague", f"/api/requests/{again['id']}/withdraw")


def test_a_fulfilment_that_the_data_plane_refuses_fails_and_says_why(own_app: RunningApp) -> None:
    listing = own_app.published("owner", "Campaign Insights", "marketing", "coupon_redemptions", "Confidential")
    request = None
    for _ in range(50):  # the earlier request of this listing is closed in the background
        answer = own_app.call("colleague", "POST", "/api/requests/subscription", {"listing_id": listing, "reason": "x"})
        if answer.status_code == 201:
            request = answer.json()
            break
        time.sleep(0.1)
    assert request is not None
    datazone = own_app.plane.client("datazone")
    domain = datazone.list_domains()["items"][0]["id"]
    datazone.reject_subscription_request(
        domainIdentifier=domain, identifier=request["body"]["subscription_request_id"], decisionComment="by hand"
    )
    own_app.post("owner", f"/api/requests/{request['id']}/approve", {})
    failed = own_app.wait_for("colleague", request["id"], "failed")
    assert "withdrawn or rejected in the data plane" in failed["failure"]
    assert "retry" in failed["may"]
    own_app.post("colleague", f"/api/requests/{request['id']}/withdraw")


def test_two_replicas_on_one_postgresql_share_requests(
    plane: RunningPlane, postgresql_server: str, tmp_path: Path
) -> None:
    import psycopg

    name = f"replicas_{secrets.token_hex(4)}"
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = postgresql_server.replace("/postgres?", f"/{name}?")
    with running_app(plane, tmp_path / "a", url) as first, running_app(plane, tmp_path / "b", url) as second:
        ids = []
        for number in range(6):
            app = (first, second)[number % 2]
            body = {
                "name": f"Replica {secrets.token_hex(4)}", "profile": "business-dev-profile",
                "domain_unit": "Sales Forecasting", "reason": "x",
            }  # fmt: skip
            ids.append(app.post("analyst", "/api/requests/project", body)["id"])
        first.kill()
        for request_id in ids:
            second.wait_for("analyst", request_id, "active")
        assert second.get("auditor", "/api/audit/integrity")["intact"]
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
