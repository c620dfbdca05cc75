"""OpenLineage's own Python client, unmodified, with its transport to DataZone."""

import uuid
from datetime import UTC, datetime

import boto3
import pytest
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import column_lineage_dataset, schema_dataset, sql_job

from tests.data_plane.datazone.domains_for_tests import Mesh, eventually
from tests.data_plane.datazone.lineage_for_tests import around, form, namespace, node


def test_the_client_of_openlineage_draws_the_graph(mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in mesh.plane.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    transport = {"type": "amazon_datazone_api", "domainId": mesh.domain_id, "endpointOverride": mesh.plane.endpoint}
    client = OpenLineageClient(config={"transport": transport})
    space, run_id = namespace(), str(uuid.uuid4())
    amount = column_lineage_dataset.InputField(namespace=space, name="raw", field="amount")
    written = OutputDataset(
        namespace=space,
        name="sums",
        facets={
            "schema": schema_dataset.SchemaDatasetFacet(
                fields=[schema_dataset.SchemaDatasetFacetFields(name="total", type="double")]
            ),
            "columnLineage": column_lineage_dataset.ColumnLineageDatasetFacet(
                fields={"total": column_lineage_dataset.Fields(inputFields=[amount])}
            ),
        },
    )
    job = Job(namespace=space, name="sum", facets={"sql": sql_job.SQLJobFacet(query="select sum(amount) from raw")})
    for state, outputs in ((RunState.START, []), (RunState.COMPLETE, [written])):
        client.emit(
            RunEvent(
                eventType=state,
                eventTime=datetime.now(UTC).isoformat(),
                run=Run(runId=run_id),
                job=job,
                inputs=[InputDataset(namespace=space, name="raw")],
                outputs=outputs,
            )
        )
    client.close()
    domain = {"domainIdentifier": mesh.domain_id}
    eventually(
        lambda: mesh.admin.list_lineage_events(**domain, processingStatus="SUCCESS")["items"], lambda e: len(e) == 2
    )
    assert around(mesh.admin, mesh, f"{space}.sum/{run_id}") == ([f"{space}/raw"], [f"{space}/sums"])
    sums = node(mesh.admin, mesh, f"{space}/sums")
    assert form(sums, "schema")["fields"][0]["name"] == "total"
    assert form(sums, "columnLineage")["fields"]["total"]["inputFields"][0]["field"] == "amount"
    assert form(node(mesh.admin, mesh, f"{space}.sum"), "sql")["query"] == "select sum(amount) from raw"
