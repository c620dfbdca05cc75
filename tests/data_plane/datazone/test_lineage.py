"""Lineage: OpenLineage events in, the graph of datasets, jobs and runs out."""

import dataclasses
import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.data_plane.datazone.catalog_for_tests import COLUMNS, Producer, glue_form, producer
from tests.data_plane.datazone.catalog_for_tests import form as asset_form
from tests.data_plane.datazone.domains_for_tests import Mesh, eventually
from tests.data_plane.datazone.lineage_for_tests import (
    NOON,
    PRODUCER,
    around,
    dataset,
    form,
    graph_query,
    namespace,
    node,
    post,
    processed,
    run_event,
    tell,
)  # fmt: skip


@pytest.fixture(scope="module")
def owner(mesh: Mesh) -> Producer:
    return producer(mesh, "owner")


def refused(code: str, text: str = "") -> Any:
    return pytest.raises(ClientError, match=f"{code}.*{text}")


def test_an_event_comes_back_byte_for_byte_with_who_posted_it_and_how_it_is_processed(mesh: Mesh) -> None:
    engineer, space = mesh.as_person("engineer"), namespace()
    body = json.dumps(run_event(space, "job", inputs=["räw"]), indent=3, ensure_ascii=False).encode()
    event_id = post(engineer, mesh, body)
    assert processed(engineer, mesh, event_id) == "SUCCESS"
    found = engineer.get_lineage_event(domainIdentifier=mesh.domain_id, identifier=event_id)
    assert found["event"].read() == body
    assert (found["id"], found["domainId"]) == (event_id, mesh.domain_id)
    assert (found["createdBy"], found["eventTime"]) == (mesh.person("engineer"), NOON)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"run": None}, "run"),
        ({"job": {"name": "without namespace"}}, "namespace"),
        ({"eventTime": "yesterday"}, "eventTime"),
        ({"eventTime": "2026-03-01T12:00:00"}, "eventTime"),
        ({"eventTime": "0001-01-01T00:00:00+14:00"}, "out of range"),
        ({"eventType": "PAUSED"}, "eventType"),
        ({"inputs": [{"namespace": "n"}]}, "inputs"),
        ({"run": {"runId": ""}}, "empty"),
    ],
)
def test_what_is_no_run_event_is_refused_with_the_reason(mesh: Mesh, change: dict[str, Any], said: str) -> None:
    with refused("ValidationException", said):
        post(mesh.admin, mesh, run_event("space", "job") | change)


def test_other_events_and_other_texts_are_refused(mesh: Mesh) -> None:
    event = run_event("space", "job")
    of_dataset = {k: v for k, v in event.items() if k not in ("run", "job")} | {"dataset": dataset("d", "space")}
    with refused("ValidationException", "only run events"):
        post(mesh.admin, mesh, of_dataset)
    for text in (b"", b"no json", b"[]", b"[" * 100_000, b'{"a":"\xff"}'):
        with refused("ValidationException"):
            post(mesh.admin, mesh, text)
    with refused("ValidationException"):
        post(mesh.admin, mesh, json.dumps(event | {"padding": "x" * 300_000}).encode())


def test_the_graph_leads_from_dataset_to_run_to_dataset_with_nodes_of_documented_types(mesh: Mesh) -> None:
    space = namespace()
    tell(mesh.admin, mesh, run_event(space, "clean", inputs=["raw"], outputs=["sales"]))
    tell(mesh.admin, mesh, run_event(space, "report", hours=1, inputs=["sales", "rates"], outputs=["totals"]))
    clean, report = f"{space}.clean/run-1", f"{space}.report/run-1"
    assert around(mesh.admin, mesh, f"{space}/sales") == ([clean], [report])
    assert around(mesh.admin, mesh, report) == ([f"{space}/rates", f"{space}/sales"], [f"{space}/totals"])
    assert around(mesh.admin, mesh, f"{space}.report") == ([f"{space}/rates", f"{space}/sales"], [f"{space}/totals"])
    found = node(mesh.admin, mesh, clean)
    assert (found["typeName"], found["typeRevision"]) == ("amazon.datazone.JobRunLineageNodeType", "1")
    assert node(mesh.admin, mesh, f"{space}/raw")["typeName"] == "amazon.datazone.DatasetLineageNodeType"
    assert node(mesh.admin, mesh, found["id"]) | {"ResponseMetadata": 0} == found | {"ResponseMetadata": 0}
    with refused("ResourceNotFoundException"):
        node(mesh.admin, mesh, f"{space}/other")


def test_facets_are_the_forms_of_the_nodes_they_describe(mesh: Mesh) -> None:
    space, base = namespace(), {"_producer": PRODUCER, "_schemaURL": f"{PRODUCER}/facet.json"}
    columns = {"total": {"inputFields": [{"namespace": space, "name": "raw", "field": "amount"}]}}
    facets = {
        "schema": base | {"fields": [{"name": "total", "type": "double"}]},
        "columnLineage": base | {"fields": columns},
        "documentation": base | {"description": "What was sold"},
    }
    event = run_event(space, "sum", inputs=["raw"], outputs=[dataset("sums", space, **facets)])
    event["job"]["facets"] = {"sql": base | {"query": "select sum(amount) as total from raw"}}
    event["run"]["facets"] = {"errorMessage": base | {"message": "slow", "programmingLanguage": "SQL"}}
    tell(mesh.admin, mesh, event)
    sums = node(mesh.admin, mesh, f"{space}/sums")
    assert form(sums, "columnLineage")["fields"] == columns
    assert form(sums, "schema")["fields"] == [{"name": "total", "type": "double"}]
    assert sums["description"] == "What was sold"
    run = node(mesh.admin, mesh, f"{space}.sum/run-1")
    assert form(run, "sql")["query"].startswith("select")
    assert form(run, "errorMessage")["message"] == "slow"
    assert form(run, "run") == {"runId": "run-1", "eventType": "COMPLETE"}
    assert form(node(mesh.admin, mesh, f"{space}.sum"), "sql")


def test_a_known_facet_in_another_shape_fails_the_event_and_leaves_the_graph_alone(mesh: Mesh) -> None:
    space = namespace()
    event = run_event(space, "job", outputs=[dataset("d", space, schema={"fields": "none"})])
    assert processed(mesh.admin, mesh, post(mesh.admin, mesh, event)) == "FAILED"
    with refused("ResourceNotFoundException"):
        node(mesh.admin, mesh, f"{space}/d")


def test_events_of_one_run_add_up_and_of_a_job_only_the_latest_run_is_a_neighbour(mesh: Mesh) -> None:
    space = namespace()
    tell(
        mesh.admin,
        mesh,
        run_event(space, "load", hours=1, run_id="second", outputs=["sales"]),  # late news come in any order
        run_event(space, "load", hours=0, run_id="first", eventType="START", inputs=["raw"]),
        run_event(space, "load", hours=0.5, run_id="first", outputs=["sales"]),
    )
    assert around(mesh.admin, mesh, f"{space}.load/first") == ([f"{space}/raw"], [f"{space}/sales"])
    assert around(mesh.admin, mesh, f"{space}/sales") == ([f"{space}.load/second"], [])
    earlier = NOON + timedelta(minutes=45)
    assert around(mesh.admin, mesh, f"{space}/sales", eventTimestamp=earlier) == ([f"{space}.load/first"], [])
    with refused("ResourceNotFoundException"):
        node(mesh.admin, mesh, f"{space}/sales", eventTimestamp=NOON + timedelta(minutes=15))


def test_the_history_of_a_node_has_a_version_for_each_event_about_it(mesh: Mesh) -> None:
    space = namespace()
    runs = [run_event(space, "load", hours=h, run_id=f"run-{h}", outputs=["sales"]) for h in range(3)]
    tell(mesh.admin, mesh, *runs, run_event(space, "read", hours=3.0001, inputs=["sales"]))

    def hours(**members: Any) -> list[list[float]]:
        pages = mesh.admin.get_paginator("list_lineage_node_history").paginate(
            domainIdentifier=mesh.domain_id, identifier=f"{space}/sales", PaginationConfig={"PageSize": 2}, **members
        )
        return [[round((n["eventTimestamp"] - NOON) / timedelta(hours=1), 4) for n in p["nodes"]] for p in pages]

    assert hours() == [[3.0001, 2], [1, 0]]
    assert hours(sortOrder="ASCENDING") == [[0, 1], [2, 3.0001]]
    assert hours(direction="UPSTREAM") == [[2, 1], [0]]
    assert hours(direction="DOWNSTREAM") == [[3.0001]]
    within = {"eventTimestampGTE": NOON + timedelta(hours=1), "eventTimestampLTE": NOON + timedelta(hours=2)}
    assert hours(**within) == [[2, 1]]


def test_a_time_that_was_answered_finds_the_version_it_is_of(mesh: Mesh) -> None:
    space = namespace()
    tell(mesh.admin, mesh, run_event(space, "j", outputs=["d"], eventTime="2026-03-01T12:00:00.123456789Z"))
    time = node(mesh.admin, mesh, f"{space}/d")["eventTimestamp"]
    assert node(mesh.admin, mesh, f"{space}/d", eventTimestamp=time)["eventTimestamp"] == time


def test_events_are_listed_by_time_and_status(mesh: Mesh) -> None:
    space, client = namespace(), mesh.as_person("lister")
    tell(client, mesh, *(run_event(space, "job", hours=h, inputs=["a"], outputs=["b"]) for h in range(4)))
    broken = run_event(space, "job", hours=9, outputs=[dataset("d", space, schema={"fields": 1})])
    assert processed(client, mesh, post(client, mesh, broken)) == "FAILED"

    def hours(**members: Any) -> list[float]:
        pages = client.get_paginator("list_lineage_events").paginate(
            domainIdentifier=mesh.domain_id, PaginationConfig={"PageSize": 2}, **members
        )
        return [(e["eventTime"] - NOON) / timedelta(hours=1) for page in pages for e in page["items"]]

    assert hours() == [9, 3, 2, 1, 0]
    assert hours(sortOrder="ASCENDING", processingStatus="SUCCESS") == [0, 1, 2, 3]
    assert hours(processingStatus="FAILED") == [9]
    between = {"timestampAfter": NOON, "timestampBefore": NOON + timedelta(hours=3)}
    assert hours(**between) == [2, 1]
    assert hours(**between, sortOrder="ASCENDING") == [1, 2]
    listed = client.list_lineage_events(domainIdentifier=mesh.domain_id, processingStatus="SUCCESS", maxResults=1)
    assert listed["items"][0]["eventSummary"]["openLineageRunEventSummary"] == {
        "eventType": "COMPLETE", "runId": "run-1", "job": {"namespace": space, "name": "job"},
        "inputs": [{"namespace": space, "name": "a"}], "outputs": [{"namespace": space, "name": "b"}],
    }  # fmt: skip


def test_events_are_for_who_posted_them_and_for_administrators(mesh: Mesh) -> None:
    space = namespace()
    [event_id] = tell(mesh.as_person("engineer"), mesh, run_event(space, "job", outputs=["d"]))
    stranger, domain = mesh.as_person("stranger"), {"domainIdentifier": mesh.domain_id}
    with refused("ResourceNotFoundException"):
        stranger.get_lineage_event(**domain, identifier=event_id)
    with refused("ResourceNotFoundException"):
        stranger.delete_lineage_event(**domain, identifier=event_id)
    assert stranger.list_lineage_events(**domain)["items"] == []
    assert event_id in [e["id"] for e in mesh.admin.list_lineage_events(**domain)["items"]]
    assert node(stranger, mesh, f"{space}/d")["name"] == "d"


def test_a_deleted_event_takes_out_of_the_graph_what_only_it_said(mesh: Mesh) -> None:
    space, domain = namespace(), {"domainIdentifier": mesh.domain_id}
    first, second = tell(
        mesh.admin,
        mesh,
        run_event(space, "load", inputs=["raw"], outputs=["sales"]),
        run_event(space, "load", hours=1, run_id="run-2", outputs=["sales"]),
    )
    assert mesh.admin.delete_lineage_event(**domain, identifier=second)["processingStatus"] == "SUCCESS"
    assert around(mesh.admin, mesh, f"{space}/sales") == ([f"{space}.load/run-1"], [])
    with refused("ResourceNotFoundException"):
        node(mesh.admin, mesh, f"{space}.load/run-2")
    mesh.admin.delete_lineage_event(**domain, identifier=first)
    with refused("ResourceNotFoundException"):
        node(mesh.admin, mesh, f"{space}/raw")
    with refused("ResourceNotFoundException"):
        mesh.admin.get_lineage_event(**domain, identifier=first)


def test_the_same_token_posts_once(mesh: Mesh) -> None:
    domain, token, space = {"domainIdentifier": mesh.domain_id}, uuid.uuid4().hex, namespace()
    event = json.dumps(run_event(space, "job")).encode()
    ids = {mesh.admin.post_lineage_event(**domain, event=event, clientToken=token)["id"] for _ in range(2)}
    assert len(ids) == 1
    with refused("ConflictException"):
        mesh.admin.post_lineage_event(**domain, event=json.dumps(run_event(space, "x")).encode(), clientToken=token)


def glue_event(space: str, table: str) -> dict[str, Any]:
    """An event of a Glue job that writes a table of the plane's account."""
    link = {"namespace": "s3://somewhere", "name": f"sales.{table}", "type": "TABLE"}
    written = dataset("a/path", "s3://bucket", symlinks={"identifiers": [link]})
    environment = {"environment-properties": {"environment-properties": {"GLUE_VERSION": "5.0"}}}
    return run_event(space, "etl", inputs=["raw"], outputs=[written], run={"runId": "run-1", "facets": environment})


def catalogued(owner: Producer, table: str) -> tuple[str, str]:
    """The id and the sourceIdentifier of an asset that stands for a Glue table."""
    plane = owner.mesh.plane
    arn = f"arn:aws:glue:{plane.region}:{plane.account_id}:table/sales/{table}"
    forms = [glue_form(table, COLUMNS), asset_form("AssetCommonDetailsForm", {"sourceIdentifier": arn})]
    return owner.asset(name=f"Secret {table}", formsInput=forms)["id"], arn


def test_an_asset_is_below_the_dataset_that_it_stands_for(mesh: Mesh, owner: Producer) -> None:
    space, table = namespace(), f"t{uuid.uuid4().hex[:8]}"
    asset_id, arn = catalogued(owner, table)
    alone = node(owner.datazone, mesh, asset_id)
    assert (alone["upstreamNodes"], alone["downstreamNodes"]) == ([], [])
    tell(mesh.admin, mesh, glue_event(space, table), run_event(space, "read", hours=1, inputs=[
        {"namespace": arn.rpartition("/sales")[0], "name": f"sales/{table}"}
    ]))  # fmt: skip
    found = node(owner.datazone, mesh, arn)
    assert found["typeName"] == "amazon.datazone.DatasetLineageNodeType"
    assert asset_id in [n["id"] for n in found["downstreamNodes"]]
    of_asset = node(owner.datazone, mesh, asset_id)
    assert (of_asset["name"], of_asset["sourceIdentifier"]) == (f"Secret {table}", arn)
    assert [n["id"] for n in of_asset["upstreamNodes"]] == [found["id"]]
    [reader] = of_asset["downstreamNodes"]
    assert node(owner.datazone, mesh, reader["id"])["sourceIdentifier"] == f"{space}.read/run-1"


def test_nothing_of_an_asset_is_shown_to_who_may_not_read_it(mesh: Mesh, owner: Producer) -> None:
    space, table, stranger = namespace(), f"t{uuid.uuid4().hex[:8]}", mesh.as_person("stranger")
    asset_id, arn = catalogued(owner, table)
    for identifier in (asset_id, arn):
        with refused("ResourceNotFoundException"):
            node(stranger, mesh, identifier)
        with refused("ResourceNotFoundException"):
            stranger.list_lineage_node_history(domainIdentifier=mesh.domain_id, identifier=identifier)
    tell(mesh.admin, mesh, glue_event(space, table))
    assert node(stranger, mesh, arn)["downstreamNodes"] == []
    assert "Secret" not in str(node(stranger, mesh, arn))
    owner.publish(asset_id)
    owner.datazone.create_asset_revision(
        domainIdentifier=mesh.domain_id, identifier=asset_id, name="Not yet published",
        formsInput=[glue_form(table, COLUMNS), asset_form("AssetCommonDetailsForm", {"sourceIdentifier": arn})],
    )  # fmt: skip
    [below] = node(stranger, mesh, arn)["downstreamNodes"]
    assert (below["id"], node(stranger, mesh, asset_id)["name"]) == (asset_id, f"Secret {table}")
    assert node(owner.datazone, mesh, asset_id)["name"] == "Not yet published"
    owner.publish(asset_id, action="UNPUBLISH")
    assert node(stranger, mesh, arn)["downstreamNodes"] == []


@pytest.mark.parametrize(
    ("space", "name", "source"),
    [
        ("redshift://wg.123456789012.us-east-1.redshift-serverless.amazonaws.com:5439", "db.public.t",
         "arn:aws:redshift-serverless:us-east-1:123456789012:table/wg/db/public/t"),
        ("redshift://cluster.eu-west-1.redshift.amazonaws.com:5439", "db.public.t",
         "arn:aws:redshift:eu-west-1:111122223333:table/cluster/db/public/t"),
        ("arn:aws:glue:us-east-1:123456789012:table", "db/t", "arn:aws:glue:us-east-1:123456789012:table/db/t"),
        ("arn:aws:glue:us-east-1:123456789012", "table/db/u", "arn:aws:glue:us-east-1:123456789012:table/db/u"),
    ],
)  # fmt: skip
def test_datasets_of_aws_are_known_by_their_arn(mesh: Mesh, space: str, name: str, source: str) -> None:
    tell(mesh.admin, mesh, run_event(namespace(), "job", outputs=[dataset(name, space)]))
    assert node(mesh.admin, mesh, source)["name"] == name


def test_a_query_reaches_so_many_hops_in_a_direction(mesh: Mesh) -> None:
    space = namespace()
    for step in range(3):
        tell(mesh.admin, mesh, run_event(space, f"job{step}", inputs=[f"d{step}"], outputs=[f"d{step + 1}"]))

    def reached(start: str, direction: str, hops: int, **pattern: Any) -> list[str]:
        pages = mesh.admin.get_paginator("query_graph").paginate(
            domainIdentifier=mesh.domain_id,
            match=graph_query(f"{space}/{start}", direction, hops, **pattern),
            additionalAttributes={"formNames": ["run"]},
            PaginationConfig={"PageSize": 2},
        )
        items = [item["lineageNode"] for page in pages for item in page["items"]]
        assert all(("run" in str(item["formsOutput"])) == ("JobRun" in item["typeName"]) for item in items)
        return [item["sourceIdentifier"].removeprefix(space)[1:] for item in items]

    assert reached("d0", "OUT", 3) == ["job0/run-1", "d1", "job1/run-1"]
    assert reached("d3", "IN", 5) == ["job2/run-1", "d2", "job1/run-1", "d1", "job0/run-1"]
    datasets = {"filter": {"attribute": "typeName", "value": "amazon.datazone.DatasetLineageNodeType"}}
    assert reached("d0", "OUT", 4, filters=datasets) == ["d1", "d2"]
    with refused("ValidationException"):
        reached("other", "IN", 1)


def test_a_domain_that_is_deleted_takes_its_lineage_along(mesh: Mesh) -> None:
    """What is left behind the doctor would find, who looks at the state after the tests of this module."""
    role = f"arn:aws:iam::{mesh.plane.account_id}:role/Execution"
    domain_id = mesh.admin.create_domain(
        name="short-lived", domainVersion="V2", domainExecutionRole=role, serviceRole=role
    )["id"]
    short_lived = dataclasses.replace(mesh, domain_id=domain_id)
    tell(mesh.admin, short_lived, run_event("space", "job", inputs=["raw"], outputs=["sales"]))
    mesh.admin.delete_domain(identifier=domain_id)

    def domains() -> list[str]:
        return [d["id"] for d in mesh.admin.list_domains()["items"]]

    eventually(domains, lambda found: domain_id not in found)
