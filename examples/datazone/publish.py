"""A table becomes an asset of the catalog, and a listing that others find.

Run it against a local plane:  twinplane plane --fresh -- python examples/datazone/publish.py
"""

import json
import time
from typing import Any

import boto3
from projects import make_project, resources, session

COLUMNS = {"item": "string", "amount": "int", "region": "string"}
ROWS = "tea,2,north\ncoffee,1,south\ntea,3,north\n"
CSV = {
    "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
        "Parameters": {"field.delim": ","},
    },
}


def make_table(domain_id: str, project_id: str, name: str) -> str:
    """The database in which the project now has a table of this name, made with the project's own credentials."""
    made, own = resources(domain_id, project_id), session(domain_id, project_id)
    location = f"{made['s3BucketPath']}/data/{name}/"
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    own.client("s3").put_object(Bucket=bucket, Key=f"{prefix}rows.csv", Body=ROWS.encode())
    own.client("glue").create_table(
        DatabaseName=made["glueDBName"],
        TableInput={
            "Name": name,
            "TableType": "EXTERNAL_TABLE",
            "StorageDescriptor": CSV
            | {"Location": location, "Columns": [{"Name": column, "Type": kind} for column, kind in COLUMNS.items()]},
        },
    )
    return made["glueDBName"]


def import_table(domain_id: str, project_id: str, database: str, name: str) -> str:
    """The id of the asset that a run of a data source makes of a table."""
    datazone = boto3.client("datazone")
    wanted = {"databaseName": database, "filterExpressions": [{"type": "INCLUDE", "expression": name}]}
    source = datazone.create_data_source(
        domainIdentifier=domain_id,
        projectIdentifier=project_id,
        name=f"import {name}",
        type="GLUE",
        configuration={"glueRunConfiguration": {"relationalFilterConfigurations": [wanted]}},
    )
    run = datazone.start_data_source_run(domainIdentifier=domain_id, dataSourceIdentifier=source["id"])
    while datazone.get_data_source_run(domainIdentifier=domain_id, identifier=run["id"])["status"] in (
        "REQUESTED",
        "RUNNING",
    ):
        time.sleep(0.05)
    [activity] = datazone.list_data_source_run_activities(domainIdentifier=domain_id, identifier=run["id"])["items"]
    return str(activity["dataAssetId"])


def publish(domain_id: str, entity_id: str, kind: str = "ASSET") -> str:
    """The id of the listing of an asset or data product that is published now."""
    change = boto3.client("datazone").create_listing_change_set(
        domainIdentifier=domain_id, entityIdentifier=entity_id, entityType=kind, action="PUBLISH"
    )
    return str(change["listingId"])


def publish_table(name: str, project: str = "Sales") -> tuple[str, str, str]:
    """The ids of domain, asset and listing of a new table of a project."""
    domain_id, project_id = make_project(project)
    database = make_table(domain_id, project_id, name)
    asset_id = import_table(domain_id, project_id, database, name)
    return domain_id, asset_id, publish(domain_id, asset_id)


def main() -> dict[str, Any]:
    """Publishes a table and answers how the catalog shows it."""
    datazone = boto3.client("datazone")
    domain_id, _, listing_id = publish_table("orders")
    listing = datazone.get_listing(domainIdentifier=domain_id, identifier=listing_id)
    form = json.loads(listing["item"]["assetListing"]["forms"])["GlueTableForm"]
    found = datazone.search_listings(domainIdentifier=domain_id, searchText="orders")["items"]
    return {
        "status": listing["status"],
        "columns": {column["columnName"]: column["dataType"] for column in form["columns"]},
        "found": [item["assetListing"]["name"] for item in found],
    }


if __name__ == "__main__":
    print(json.dumps(main(), indent=2))
