from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.control_plane.mesh_fixtures import RunningApp, until


@pytest.fixture(scope="module")
def internal(app: RunningApp) -> str:
    """A listing of the analyst's own unit."""
    return app.published("planner", "Sales History", "sales", "transactions", "Internal")


@pytest.fixture(scope="module")
def confidential(app: RunningApp) -> str:
    """A listing of another unit."""
    return app.published("owner", "Campaign Insights", "marketing", "households", "Confidential")


@pytest.fixture(scope="module")
def restricted(app: RunningApp) -> str:
    return app.published("owner", "Campaign Insights", "marketing", "campaigns", "Restricted")


@pytest.fixture(scope="module")
def public(app: RunningApp) -> str:
    return app.published("owner", "Campaign Insights", "marketing", "coupons", "Public")


def ask(app: RunningApp, who: str, listing_id: str, **more: Any) -> Any:
    return app.call(
        who, "POST", "/api/requests/subscription", {"listing_id": listing_id, "reason": "To forecast", **more}
    )


def asked(app: RunningApp, who: str, listing_id: str, **more: Any) -> Any:
    answer = ask(app, who, listing_id, **more)
    assert answer.status_code == 201, answer.text
    return answer.json()


def end(app: RunningApp, who: str, request_id: str) -> None:
    app.post(who, f"/api/requests/{request_id}/revoke", {"reason": "The test is over"})
    app.wait_for(who, request_id, "revoked")


def in_days(days: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days=days)).isoformat()


def as_person(app: RunningApp, who: str) -> boto3.Session:
    """The person's identity-enhanced credentials, obtained as any client would."""
    mesh, plane = app.declared, app.plane
    sts = plane.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{mesh.account_id}:role/{mesh.app.role}", RoleSessionName="test"
    )["Credentials"]
    sso = plane.client("sso-admin")
    instance = sso.list_instances()["Instances"][0]["InstanceArn"]
    application = sso.list_applications(InstanceArn=instance)["Applications"][0]["ApplicationArn"]
    token = plane.client("sso-oidc", sts).create_token_with_iam(
        clientId=application, grantType="urn:ietf:params:oauth:grant-type:jwt-bearer", assertion=app.id_token(who)
    )
    found = plane.client("sts", sts).assume_role(
        RoleArn=f"arn:aws:iam::{mesh.account_id}:role/{mesh.app.person_role}",
        RoleSessionName=who,
        ProvidedContexts=[
            {
                "ProviderArn": "arn:aws:iam::aws:contextProvider/IdentityCenter",
                "ContextAssertion": token["awsAdditionalDetails"]["identityContext"],
            }
        ],
    )["Credentials"]
    return boto3.Session(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"], region_name=mesh.region)


def rows(app: RunningApp, who: str, sql: str) -> list[list[str | None]]:
    """What the person's own query answers, header first."""
    athena = as_person(app, who).client("athena", endpoint_url=app.plane.endpoint)
    query = athena.start_query_execution(QueryString=sql, WorkGroup=app.declared.app.work_group)["QueryExecutionId"]
    done = until(
        lambda: athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"],
        lambda s: s["State"] not in ("QUEUED", "RUNNING"),
    )
    assert done["State"] == "SUCCEEDED", done
    pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=query)
    return [[cell.get("VarCharValue") for cell in row["Data"]] for page in pages for row in page["ResultSet"]["Rows"]]


def is_refused(app: RunningApp, who: str, sql: str) -> bool:
    try:
        rows(app, who, sql)
    except ClientError as error:
        return error.response["Error"]["Code"] == "AccessDeniedException"
    return False


def test_internal_data_of_her_own_unit_is_granted_by_policy(app: RunningApp, internal: str) -> None:
    statement = "SELECT count(*) FROM sales.transactions"
    assert is_refused(app, "analyst", statement)
    request = asked(app, "analyst", internal)
    assert (request["status"], request["approvals"]) == ("approved", [])
    assert request["policy"]["policies"] == ["subscription.automatic-same-unit"]
    assert request["ends_on"] == in_days(180)
    done = app.wait_for("analyst", request["id"], "active")
    assert done["steps"][-1]["text"].endswith("verified in Lake Formation")
    assert int(rows(app, "analyst", statement)[1][0] or 0) > 0
    end(app, "analyst", request["id"])
    assert is_refused(app, "analyst", statement)


def test_an_approver_grants_some_rows_and_hides_a_column(app: RunningApp, confidential: str) -> None:
    request = asked(app, "analyst", confidential, ends_on=in_days(30))
    path = f"/api/requests/{request['id']}"
    assert request["status"] == "pending_approval"
    assert [(a["stage"], a["people"]) for a in request["approvals"]] == [("owner", ["owner"])]
    assert is_refused(app, "analyst", "SELECT * FROM marketing.households")
    body = {"row_filter": "home_ownership = 'Homeowner' AND age <> '65+'", "hidden_columns": ["income"]}
    app.post("owner", f"{path}/approve", body)
    done = app.wait_for("analyst", request["id"], "active")
    assert done["body"]["terms"]["row_filter"] == body["row_filter"]

    header, *found = rows(app, "analyst", "SELECT * FROM marketing.households")
    assert "income" not in header
    assert found
    assert {row[header.index("home_ownership")] for row in found} == {"Homeowner"}
    assert "65+" not in {row[header.index("age")] for row in found}
    end(app, "owner", request["id"])
    assert is_refused(app, "analyst", "SELECT * FROM marketing.households")


def test_two_people_see_different_rows_of_one_table(app: RunningApp, confidential: str) -> None:
    requests = {}
    for who, kind in (("analyst", "Homeowner"), ("colleague", "Renter")):
        requests[who] = asked(app, who, confidential)
        path = f"/api/requests/{requests[who]['id']}"
        app.post("owner", f"{path}/approve", {"row_filter": f"home_ownership = '{kind}'"})
        app.wait_for(who, requests[who]["id"], "active")
    statement = "SELECT DISTINCT home_ownership FROM marketing.households"
    assert rows(app, "analyst", statement)[1:] == [["Homeowner"]]
    assert rows(app, "colleague", statement)[1:] == [["Renter"]]
    end(app, "owner", requests["analyst"]["id"])
    assert is_refused(app, "analyst", statement)
    assert rows(app, "colleague", statement)[1:] == [["Renter"]]
    end(app, "steward", requests["colleague"]["id"])  # governors may end any access


def test_public_data_is_granted_to_everybody(app: RunningApp, public: str) -> None:
    request = asked(app, "steward", public)
    assert request["policy"]["policies"] == ["subscription.automatic-always"]
    app.wait_for("steward", request["id"], "active")
    end(app, "steward", request["id"])


def test_restricted_data_needs_owner_steward_and_privacy_officer(app: RunningApp, restricted: str) -> None:
    request = asked(app, "analyst", restricted)
    path = f"/api/requests/{request['id']}"
    assert [a["stage"] for a in request["approvals"]] == ["owner", "steward", "privacy_officer"]
    assert app.call("privacy", "POST", f"{path}/approve", {}).status_code == 403
    for who in ("owner", "steward"):
        assert app.post(who, f"{path}/approve", {})["status"] == "pending_approval"
    app.post("privacy", f"{path}/approve", {})
    app.wait_for("analyst", request["id"], "active")
    end(app, "privacy", request["id"])


def test_restricted_data_is_not_given_to_a_project(app: RunningApp, restricted: str) -> None:
    project_id = app.project_id("analyst", "Forecast Lab")
    answer = ask(app, "analyst", restricted, project_id=project_id)
    assert answer.status_code == 422
    assert set(answer.json()["policy"]["policies"]) == {"subscription.named-people", "subscription.stage"}


def test_a_project_subscribes_for_its_members(app: RunningApp, internal: str) -> None:
    project_id = app.project_id("analyst", "Forecast Lab")
    request = asked(app, "analyst", internal, project_id=project_id)
    done = app.wait_for("analyst", request["id"], "active")
    assert ":role/datazone_usr_role_" in done["outcome"]["lake_principal"]
    end(app, "planner", request["id"])


def test_one_asks_for_ones_own_projects_only(app: RunningApp, internal: str) -> None:
    project_id = app.project_id("analyst", "Forecast Lab")
    assert ask(app, "steward", internal, project_id=project_id).status_code == 404


@pytest.mark.parametrize(
    ("days", "status", "says"), [(181, 422, "180 days"), (0, 422, "has passed"), (-3, 422, "has passed")]
)
def test_an_end_date_that_the_classification_does_not_allow(
    app: RunningApp, confidential: str, days: int, status: int, says: str
) -> None:
    answer = ask(app, "analyst", confidential, ends_on=in_days(days))
    assert (answer.status_code, says in answer.json()["detail"]) == (status, True), answer.text


def test_the_last_possible_end_date_is_possible(app: RunningApp, confidential: str) -> None:
    request = asked(app, "analyst", confidential, ends_on=in_days(180))
    app.post("analyst", f"/api/requests/{request['id']}/withdraw")


def test_asking_twice_is_refused_and_names_the_request(app: RunningApp, confidential: str) -> None:
    request = asked(app, "analyst", confidential)
    again = ask(app, "analyst", confidential)
    assert (again.status_code, again.json()["request_id"]) == (409, request["id"])
    app.post("analyst", f"/api/requests/{request['id']}/withdraw")
    # once withdrawn here and closed in the data plane it can be asked for again
    third = until(lambda: ask(app, "analyst", confidential), lambda a: a.status_code == 201).json()
    app.post("owner", f"/api/requests/{third['id']}/reject", {"comment": "Not now"})
    until(lambda: ask(app, "analyst", confidential), lambda a: a.status_code == 201)
    mine = app.get("analyst", "/api/requests?box=mine&status=pending_approval&kind=subscription")["items"]
    app.post("analyst", f"/api/requests/{mine[0]['id']}/withdraw")


@pytest.mark.parametrize(
    "terms",
    [
        {"row_filter": "lower(age) = 'x'"},
        {"row_filter": "no_such_column = 1"},
        {"hidden_columns": ["no_such_column"]},
        {"row_filter": "1 = 1"},
    ],
)
def test_terms_that_cannot_be_granted_leave_the_request_as_it_was(
    app: RunningApp, confidential: str, terms: dict[str, Any]
) -> None:
    request = asked(app, "colleague", confidential)
    path = f"/api/requests/{request['id']}"
    assert app.call("owner", "POST", f"{path}/approve", terms).status_code == 422
    assert app.get("owner", path)["status"] == "pending_approval"
    app.post("colleague", f"{path}/withdraw")
    until(lambda: app.get("colleague", "/api/catalog?q=households")["items"][0]["access"], lambda a: a == "can_request")


def test_access_that_was_granted_can_be_seen_in_the_catalog(app: RunningApp, confidential: str) -> None:
    def access(who: str) -> str:
        hits = app.get(who, "/api/catalog?q=home_ownership")["items"]
        return str(next(h["access"] for h in hits if h["listing_id"] == confidential))

    assert access("owner") == "have"
    assert access("analyst") == "can_request"
    request = until(lambda: ask(app, "analyst", confidential), lambda a: a.status_code == 201).json()
    assert access("analyst") == "requested"
    app.post("owner", f"/api/requests/{request['id']}/approve", {})
    app.wait_for("analyst", request["id"], "active")
    assert (access("analyst"), access("colleague")) == ("have", "can_request")
    end(app, "owner", request["id"])
    assert access("analyst") == "can_request"


def test_the_catalog_says_which_field_matched(app: RunningApp, confidential: str) -> None:
    hit = next(h for h in app.get("analyst", "/api/catalog?q=home_ownership")["items"] if h["name"] == "households")
    assert {"field": "GlueTableForm.columns.columnName", "text": "home_ownership"} in hit["matched"]
    assert (hit["owning_project"], hit["classification"]) == ("Campaign Insights", "Confidential")
    shown = app.get("analyst", f"/api/catalog/{confidential}")
    assert "income" in [column["name"] for column in shown["columns"]]
    assert app.call("analyst", "GET", "/api/catalog/nothing").status_code == 404


def test_unclassified_data_is_not_published_and_bad_classifications_are_told(app: RunningApp) -> None:
    app.published("planner", "Sales History", "sales", "transactions", "Internal")
    base = f"/api/projects/{app.project_id('planner', 'Sales History')}/assets"
    asset = next(a for a in app.get("planner", base)["items"] if a["name"] == "products")
    path = f"{base}/{asset['id']}"
    assert asset["classification"] is None
    refused = app.call("planner", "POST", f"{path}/publish")
    assert (refused.status_code, "no classification" in refused.json()["detail"]) == (422, True)
    for body, says in (
        ({"level": "Secret"}, "Public, Internal, Confidential, Restricted"),
        ({"level": "Internal", "colour": "red"}, "no field colour"),
        ({"level": "Internal", "retention_days": "long"}, "retention_days must be of type Integer"),
    ):
        answer = app.call("planner", "PUT", f"{path}/classification", body)
        assert (answer.status_code, says in answer.json()["detail"]) == (422, True), answer.text
    assert app.call("analyst", "PUT", f"{path}/classification", {"level": "Public"}).status_code in (403, 404)
    assert app.call("analyst", "POST", f"{path}/publish").status_code in (403, 404)


def test_what_is_taken_out_of_the_catalog_cannot_be_asked_for(app: RunningApp) -> None:
    listing_id = app.published("owner", "Campaign Insights", "marketing", "campaign_descriptions", "Internal")
    base = f"/api/projects/{app.project_id('owner', 'Campaign Insights')}/assets"
    asset = next(a for a in app.get("owner", base)["items"] if a["name"] == "campaign_descriptions")
    app.post("owner", f"{base}/{asset['id']}/unpublish")
    assert ask(app, "analyst", listing_id).status_code in (404, 409)
    assert listing_id not in [h["listing_id"] for h in app.get("analyst", "/api/catalog?q=campaign")["items"]]


def test_an_import_says_what_it_did_with_each_table(app: RunningApp) -> None:
    base = f"/api/projects/{app.project_id('planner', 'Sales History')}/imports"
    run = app.post("planner", base, {"database": "sales"})["run_id"]
    done = until(lambda: app.get("planner", f"{base}/{run}"), lambda r: r["status"] not in ("REQUESTED", "RUNNING"))
    assert done["status"] == "SUCCESS"
    assert {t["table"] for t in done["tables"]} == {"transactions", "products"}
    assert app.call("analyst", "POST", base, {"database": "sales"}).status_code in (403, 404)
    assert app.call("planner", "POST", base, {"database": "sales", "connection": "none"}).status_code == 404
