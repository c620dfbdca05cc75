"""A job tells where its data comes from and goes to, with OpenLineage's events; DataZone makes a graph of it.

Run it against a local plane:  twinplane plane --fresh -- python examples/datazone/lineage.py
"""

import json
import time
from typing import Any

import boto3
from domain import make_domain


def finished(job: str, reads: str, writes: str) -> bytes:
    """OpenLineage's event of a run that is over."""
    return json.dumps(
        {
            "producer": "https://shop.example/etl",
            "schemaURL": "https://openlineage.io/spec/2-0-0/OpenLineage.json#/definitions/RunEvent",
            "eventType": "COMPLETE",
            "eventTime": "2026-03-01T12:00:00Z",
            "run": {"runId": f"run of {job}"},
            "job": {"namespace": "shop", "name": job},
            "inputs": [{"namespace": "shop", "name": reads}],
            "outputs": [{"namespace": "shop", "name": writes}],
        }
    ).encode()


def main() -> dict[str, Any]:
    """Posts the events of two jobs and answers what is around the table between them."""
    datazone, domain_id = boto3.client("datazone"), make_domain()
    for event in (finished("clean", "raw", "orders"), finished("sum up", "orders", "report")):
        posted = datazone.post_lineage_event(domainIdentifier=domain_id, event=event)
        while datazone.get_lineage_event(domainIdentifier=domain_id, identifier=posted["id"])["processingStatus"] in (
            "REQUESTED",
            "PROCESSING",
        ):
            time.sleep(0.05)
    node = datazone.get_lineage_node(domainIdentifier=domain_id, identifier="shop/orders")

    def names(references: list[Any]) -> list[str]:
        nodes = [datazone.get_lineage_node(domainIdentifier=domain_id, identifier=each["id"]) for each in references]
        return sorted(each["sourceIdentifier"] for each in nodes)

    return {"upstream": names(node["upstreamNodes"]), "downstream": names(node["downstreamNodes"])}


if __name__ == "__main__":
    print(json.dumps(main(), indent=2))
