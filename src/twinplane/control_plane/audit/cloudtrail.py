"""The data plane's own record: CloudTrail's event history."""

import json
from collections.abc import Iterator
from typing import Any

from twinplane.control_plane.aws import Clients

# What shows that a person saw or ran something. Each is looked up by name: the event history takes one attribute.
EVENT_NAMES = ("StartQueryExecution", "GetQueryResults", "GetDataAccess")
_PAGE = 50  # the most that CloudTrail answers at once


def events_on_behalf_of_people(clients: Clients, names: tuple[str, ...], limit: int) -> Iterator[dict[str, Any]]:
    """Of the latest `limit` events of each name those that a person caused, as CloudTrail records."""
    for name in names:
        pages = (
            clients.client("cloudtrail")
            .get_paginator("lookup_events")
            .paginate(
                LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}],
                PaginationConfig={"MaxItems": max(limit, _PAGE), "PageSize": _PAGE},
            )
        )
        for page in pages:
            for event in page["Events"]:
                record = json.loads(event["CloudTrailEvent"])
                if record["userIdentity"].get("onBehalfOf"):
                    yield record | {"at": event["EventTime"], "id": event["EventId"]}
