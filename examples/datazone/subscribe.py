"""One project finds what another has published, asks for it, is let in, and queries it.

Run it against a local plane:  twinplane plane --fresh -- python examples/datazone/subscribe.py
"""

import json
import time
from typing import Any

import boto3
from projects import make_project, resources, session
from publish import publish_table


def subscribe(domain_id: str, project_id: str, listing_id: str) -> dict[str, Any]:
    """The fulfilled grant of a subscription of the project, as its owner accepts it."""
    datazone = boto3.client("datazone")
    request = datazone.create_subscription_request(
        domainIdentifier=domain_id,
        subscribedPrincipals=[{"project": {"identifier": project_id}}],
        subscribedListings=[{"identifier": listing_id}],
        requestReason="How much tea is drunk in the north?",
    )
    datazone.accept_subscription_request(
        domainIdentifier=domain_id, identifier=request["id"], decisionComment="Welcome."
    )
    [subscription] = datazone.list_subscriptions(
        domainIdentifier=domain_id, subscriptionRequestIdentifier=request["id"]
    )["items"]
    while True:
        grants = datazone.list_subscription_grants(domainIdentifier=domain_id, subscriptionId=subscription["id"])
        if grants["items"] and grants["items"][0]["status"] not in ("PENDING", "IN_PROGRESS"):
            return dict(grants["items"][0])
        time.sleep(0.05)


def query(own: boto3.Session, work_group: str, sql: str) -> list[list[str]]:
    """The rows of an answer, in Athena."""
    athena = own.client("athena")
    execution = athena.start_query_execution(QueryString=sql, WorkGroup=work_group)["QueryExecutionId"]
    while True:
        found = athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]["Status"]
        if found["State"] not in ("QUEUED", "RUNNING"):
            break
        time.sleep(0.05)
    if found["State"] != "SUCCEEDED":
        raise RuntimeError(found["StateChangeReason"])
    rows = athena.get_query_results(QueryExecutionId=execution)["ResultSet"]["Rows"]
    return [[cell["VarCharValue"] for cell in row["Data"]] for row in rows[1:]]


def main() -> dict[str, Any]:
    """Subscribes to a table of another project and counts in it."""
    domain_id, _, _ = publish_table("drinks")
    _, project_id = make_project("Forecast")
    [found] = boto3.client("datazone").search_listings(domainIdentifier=domain_id, searchText="drinks")["items"]
    grant = subscribe(domain_id, project_id, found["assetListing"]["listingId"])
    made = resources(domain_id, project_id)
    rows = query(
        session(domain_id, project_id),
        made["athenaWorkgroupName"],
        f"SELECT item, sum(amount) FROM {made['glueDBName']}.drinks GROUP BY item ORDER BY item",
    )
    return {"grant": grant["status"], "rows": rows}


if __name__ == "__main__":
    print(json.dumps(main(), indent=2))
