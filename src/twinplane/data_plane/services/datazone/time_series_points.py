"""The points of time series, as they are kept: for each asset, for each form (a rule set, say), by time.

A listing shows the series of its asset, so points are kept once, with the asset.
"""

from typing import Any

import msgspec

from twinplane.data_plane.services.datazone import store
from twinplane.data_plane.store import Document, Kind, Transaction

POINTS = Kind(
    "datazone_time_series_point",
    key=("domainId", "assetId", "formName", "timestamp", "id"),
    unique=(("domainId", "assetId", "formName", "id"),),
)
LATEST = Kind("datazone_time_series_latest", key=("domainId", "assetId", "formName"))
KINDS = [POINTS, LATEST]

_SUMMARY = ("formName", "typeIdentifier", "typeRevision", "timestamp", "contentSummary", "id")
_LONGEST_SUMMARY = 20_000


def put(tx: Transaction, point: Document) -> None:
    """Adds a point; it is the form's latest when none has a later time."""
    tx.add(POINTS, point)
    known = tx.find(LATEST, point["domainId"], point["assetId"], point["formName"])
    if known is None or known["timestamp"] <= point["timestamp"]:
        tx.put(LATEST, {member: value for member, value in point.items() if member != "content"})


def latest(tx: Transaction, domain_id: str, asset_id: str) -> list[dict[str, Any]]:
    """The latest point of each form of an asset, as AWS's TimeSeriesDataPointSummaryFormOutput, by form name."""
    return [summary(point) for point in tx.select(LATEST, {"domainId": domain_id, "assetId": asset_id})]


def summary(point: Document) -> dict[str, Any]:
    """A point without its content, as AWS's TimeSeriesDataPointSummaryFormOutput."""
    return store.pick(point, _SUMMARY)


def summary_of(content: dict[str, Any]) -> str | None:
    """What a point's summary shows of its content: the values at its top that are neither lists nor objects."""
    scalars = {name: value for name, value in content.items() if not isinstance(value, (dict, list))}
    text = msgspec.json.encode(scalars).decode()
    return text if len(text) <= _LONGEST_SUMMARY else None


def forget(tx: Transaction, domain_id: str, asset_id: str, form_name: str | None = None) -> bool:
    """Removes every point of an asset, or those of one form; says whether there were any."""
    where = {"domainId": domain_id, "assetId": asset_id} | ({} if form_name is None else {"formName": form_name})
    forms = tx.select(LATEST, where)
    for form in forms:
        tx.remove(LATEST, domain_id, asset_id, form["formName"])
        of_form = where | {"formName": form["formName"]}
        while found := tx.select(POINTS, of_form, limit=100):
            for point in found:
                tx.remove(POINTS, domain_id, asset_id, point["formName"], point["timestamp"], point["id"])
    return bool(forms)
