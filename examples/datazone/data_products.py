"""Tables that belong together are published, found and subscribed to as one data product.

Run it against a local plane:  twinplane plane --fresh -- python examples/datazone/data_products.py
"""

import json
from typing import Any

import boto3
from projects import make_project
from publish import publish, publish_table


def main() -> dict[str, Any]:
    """Publishes a product of two tables and answers what it holds."""
    datazone = boto3.client("datazone")
    domain_id, first, _ = publish_table("shops")
    _, second, _ = publish_table("staff")
    _, project_id = make_project("Sales")
    product = datazone.create_data_product(
        domainIdentifier=domain_id,
        owningProjectIdentifier=project_id,
        name="Retail",
        description="Where we sell, and who does",
        items=[{"itemType": "ASSET", "identifier": asset_id} for asset_id in (first, second)],
    )
    listing_id = publish(domain_id, product["id"], "DATA_PRODUCT")
    listing = datazone.get_listing(domainIdentifier=domain_id, identifier=listing_id)["item"]["dataProductListing"]
    found = datazone.search_listings(domainIdentifier=domain_id, searchText="Retail")["items"]
    return {
        "status": product["status"],
        "holds": len(listing["items"]),
        "found": [item["dataProductListing"]["name"] for item in found if "dataProductListing" in item],
    }


if __name__ == "__main__":
    print(json.dumps(main(), indent=2))
