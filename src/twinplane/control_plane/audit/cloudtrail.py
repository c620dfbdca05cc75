"""The data plane's own record: CloudTrail's event history."""

import json
from collections.abc import Iterator
from typing import Any

from twinplane.control_plane.aws import Clients

# What shows that a person saw or ran something. Each is looked up by name: the event history takes one attribute.
EVENT_NAMES = ("StartQueryExecution", "GetQueryResults", "GetDataAccess")
_PAGES = 10  # of 50 events, for each name


def events_on_behalf_of_people(clients: Clients, names: tuple[str, ...] = EVENT_NAMES) -> Iterator[dict[str, Any]]:
    """The latest events of these names that a person caused, as CloudTrail records, the newest first for each name."""
    for name in names:
        pages = clients.client("cloudtrail").get_paginator("lookup_events").paginate(
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}],
            PaginationConfig={"MaxItems": _PAGES * 50, "PageSize": 50},
        )
        for page in pages:
            for event in page["Events"]:
                record = json.loads(event["CloudTrailEvent"])
                if record["userIdentity"].get("onBehalfOf"):
                    yield record | {"at": event["EventTime"], "id": event["EventId"]}
