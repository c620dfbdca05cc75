"""Time series: data quality results of assets, and what their listings show of them."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.data_plane.datazone.catalog_for_tests import COLUMNS, Producer, glue_form, producer
from tests.data_plane.datazone.domains_for_tests import Mesh

QUALITY = "amazon.datazone.DataQualityResultFormType"
MORNING = datetime(2026, 3, 1, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def owner(mesh: Mesh) -> Producer:
    return producer(mesh, "owner")


def refused(code: str, text: str = "") -> Any:
    return pytest.raises(ClientError, match=f"{code}.*{text}")


def result(passing: float, count: int = 2) -> str:
    evaluation = {
        "types": ["Completeness"], "description": 'Completeness "region" >= 0.5', "details": {},
        "applicableFields": ["region"], "status": "PASS",
    }  # fmt: skip
    return json.dumps({"evaluations": [evaluation] * count, "passingPercentage": passing, "evaluationsCount": count})


def form(hours: int, content: str, name: str = "ruleset") -> dict[str, Any]:
    moment = MORNING + timedelta(hours=hours)
    return {"formName": name, "typeIdentifier": QUALITY, "timestamp": moment, "content": content}


def of(mesh: Mesh, kind: str, identifier: str) -> dict[str, str]:
    return {"domainIdentifier": mesh.domain_id, "entityType": kind, "entityIdentifier": identifier}


def new_asset(owner: Producer) -> str:
    return str(owner.asset(formsInput=[glue_form(f"t_{uuid.uuid4().hex[:8]}", COLUMNS)])["id"])


def hours_of(answer: dict[str, Any]) -> list[float]:
    return [(item["timestamp"] - MORNING) / timedelta(hours=1) for item in answer["items"]]


def test_a_point_that_was_posted_is_given_back(mesh: Mesh, owner: Producer) -> None:
    asset = of(mesh, "ASSET", new_asset(owner))
    made = owner.datazone.post_time_series_data_points(**asset, forms=[form(0, result(88.0))])["forms"][0]
    assert made["typeRevision"] == "8"
    found = owner.datazone.get_time_series_data_point(**asset, formName="ruleset", identifier=made["id"])
    assert found["form"]["content"] == result(88.0)
    assert found["form"]["timestamp"] == MORNING
    [summary] = owner.datazone.list_time_series_data_points(**asset, formName="ruleset")["items"]
    assert json.loads(summary["contentSummary"]) == {"passingPercentage": 88.0, "evaluationsCount": 2}
    with refused("ResourceNotFoundException"):
        owner.datazone.get_time_series_data_point(**asset, formName="another", identifier=made["id"])


def test_content_must_fit_the_form_type(mesh: Mesh, owner: Producer) -> None:
    asset = of(mesh, "ASSET", new_asset(owner))

    def post(content: str) -> None:
        owner.datazone.post_time_series_data_points(**asset, forms=[form(0, content)])

    with refused("ValidationException", "JSON object"):
        post("88")
    with refused("ValidationException", "passingPercentage"):
        post(result(101.0))
    with refused("ValidationException", "status"):
        post(json.dumps({"evaluations": [{"status": "MAYBE"}]}))
    with refused("ValidationException", "score: unknown"):
        post(json.dumps({"score": 1}))
    with refused("ValidationException", "at most 100"):
        post(result(1.0, count=101))
    post(result(1.0, count=100))


def test_a_time_beyond_all_dates_is_refused(mesh: Mesh, owner: Producer) -> None:
    datazone, asset = owner.datazone, of(mesh, "ASSET", new_asset(owner))

    def late(params: dict[str, Any], **_: Any) -> None:
        body = json.loads(params["body"])
        body["forms"][0]["timestamp"] = beyond
        params["body"] = json.dumps(body).encode()

    datazone.meta.events.register("before-call.datazone.PostTimeSeriesDataPoints", late)
    for beyond in (1e307, 253_402_300_800, -62_135_596_801):  # noqa: B007 - what `late` sends
        with refused("ValidationException", "beyond all dates"):
            datazone.post_time_series_data_points(**asset, forms=[form(0, result(88.0))])


def test_points_come_latest_first_page_by_page_within_the_times_asked_for(mesh: Mesh, owner: Producer) -> None:
    asset = of(mesh, "ASSET", new_asset(owner))
    for hour in (3, 0, 4, 1, 2):
        owner.datazone.post_time_series_data_points(
            **asset, forms=[form(hour, result(hour)), form(hour, result(hour), "other")]
        )
    pages = owner.datazone.get_paginator("list_time_series_data_points").paginate(
        **asset, formName="ruleset", PaginationConfig={"PageSize": 2}
    )
    assert [hours_of(page) for page in pages] == [[4, 3], [2, 1], [0]]
    times = {"startedAt": MORNING + timedelta(hours=1), "endedAt": MORNING + timedelta(hours=3)}
    assert hours_of(owner.datazone.list_time_series_data_points(**asset, formName="ruleset", **times)) == [3, 2, 1]


def test_a_listing_shows_the_latest_thirty_points_to_everybody(mesh: Mesh, owner: Producer) -> None:
    asset_id = new_asset(owner)
    asset, reader = of(mesh, "ASSET", asset_id), mesh.as_person("reader")
    listing = of(mesh, "LISTING", owner.publish(asset_id)["listingId"])
    made = owner.datazone.post_time_series_data_points(**asset, forms=[form(h, result(50)) for h in range(33)])["forms"]
    pages = reader.get_paginator("list_time_series_data_points").paginate(
        **listing, formName="ruleset", PaginationConfig={"PageSize": 20}
    )
    assert [hour for page in pages for hour in hours_of(page)] == list(range(32, 2, -1))
    assert reader.get_time_series_data_point(**listing, formName="ruleset", identifier=made[3]["id"])
    with refused("ResourceNotFoundException"):
        reader.get_time_series_data_point(**listing, formName="ruleset", identifier=made[2]["id"])
    with refused("ResourceNotFoundException", "Asset"):
        reader.list_time_series_data_points(**asset, formName="ruleset")
    with refused("ResourceNotFoundException", "Listing"):
        reader.post_time_series_data_points(**listing, forms=[form(40, result(0))])
    owner.publish(asset_id, action="UNPUBLISH")
    with refused("ResourceNotFoundException", "Listing"):
        reader.list_time_series_data_points(**listing, formName="ruleset")


def test_deleting_a_form_leaves_the_others(mesh: Mesh, owner: Producer) -> None:
    asset = of(mesh, "ASSET", new_asset(owner))
    owner.datazone.post_time_series_data_points(
        **asset, forms=[form(0, result(1)), form(1, result(1)), form(0, result(1), "other")]
    )
    owner.datazone.delete_time_series_data_points(**asset, formName="ruleset")
    assert hours_of(owner.datazone.list_time_series_data_points(**asset, formName="ruleset")) == []
    assert hours_of(owner.datazone.list_time_series_data_points(**asset, formName="other")) == [0]
    with refused("ResourceNotFoundException"):
        owner.datazone.delete_time_series_data_points(**asset, formName="ruleset")


def test_an_asset_that_is_deleted_takes_its_points_along(mesh: Mesh, owner: Producer) -> None:
    asset_id = new_asset(owner)
    owner.datazone.post_time_series_data_points(**of(mesh, "ASSET", asset_id), forms=[form(0, result(1))])
    owner.datazone.delete_asset(domainIdentifier=mesh.domain_id, identifier=asset_id)
    with refused("ResourceNotFoundException"):
        owner.datazone.list_time_series_data_points(**of(mesh, "ASSET", asset_id), formName="ruleset")


def test_the_same_token_posts_once(mesh: Mesh, owner: Producer) -> None:
    asset, token = of(mesh, "ASSET", new_asset(owner)), uuid.uuid4().hex
    posted = [
        owner.datazone.post_time_series_data_points(**asset, forms=[form(0, result(1))], clientToken=token)["forms"]
        for _ in range(2)
    ]
    assert posted[0] == posted[1]
    assert hours_of(owner.datazone.list_time_series_data_points(**asset, formName="ruleset")) == [0]
