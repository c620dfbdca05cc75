"""Results of data quality checks, posted by any tool, and shown with the listing.

Run it against a local plane:  twinplane plane --fresh -- python examples/datazone/data_quality.py
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from publish import publish_table

MORNING = datetime(2026, 3, 1, 8, tzinfo=UTC)


def result(passing: float) -> str:
    """What a run of one rule found, as DataZone's form of data quality results wants it."""
    rule = {"types": ["Completeness"], "description": "item is always there", "applicableFields": ["item"]}
    status = "PASS" if passing == 100 else "FAIL"
    return json.dumps({"evaluations": [rule | {"status": status}], "evaluationsCount": 1, "passingPercentage": passing})


def main() -> dict[str, Any]:
    """Posts the results of two mornings and answers their history and what the listing shows."""
    datazone = boto3.client("datazone")
    domain_id, asset_id, listing_id = publish_table("returns")
    asset = {"domainIdentifier": domain_id, "entityType": "ASSET", "entityIdentifier": asset_id}
    for day, passing in enumerate((50.0, 100.0)):
        datazone.post_time_series_data_points(
            **asset,
            forms=[
                {
                    "formName": "every morning",
                    "typeIdentifier": "amazon.datazone.DataQualityResultFormType",
                    "timestamp": MORNING + timedelta(days=day),
                    "content": result(passing),
                }
            ],
        )
    points = datazone.list_time_series_data_points(**asset, formName="every morning")["items"]
    listing = datazone.get_listing(domainIdentifier=domain_id, identifier=listing_id)["item"]["assetListing"]
    return {
        "history": [json.loads(point["contentSummary"])["passingPercentage"] for point in points],
        "listing": [
            json.loads(point["contentSummary"])["passingPercentage"]
            for point in listing["latestTimeSeriesDataPointForms"]
        ],
    }


if __name__ == "__main__":
    print(json.dumps(main(), indent=2))
