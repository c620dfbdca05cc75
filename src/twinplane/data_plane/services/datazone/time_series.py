"""Time series of assets and their listings: data quality results, and whatever else is measured again and again."""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, new_id, reads, writes
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.datazone import access, assets, listings, managed_types, rules, store
from twinplane.data_plane.services.datazone import time_series_points as points
from twinplane.data_plane.services.datazone import types as asset_types
from twinplane.data_plane.services.datazone.paging import answer
from twinplane.data_plane.store import Document

KINDS = points.KINDS

MOST_METRICS = 100  # evaluations of one data quality result
SHOWN_IN_LISTING = 30  # points of a form, the latest
_END_OF_TIME = 1e12
_FIRST_DATE, _BEHIND_LAST_DATE = -62_135_596_800, 253_402_300_800  # 0001-01-01 and 10000-01-01, in seconds

_FORM = ("formName", "typeIdentifier", "typeRevision", "timestamp", "content", "id")


def post_time_series_data_points(call: Call, request: Request) -> Answer:
    """Adds points to the series of an asset; its listing shows them at once."""
    domain_id = request["domainIdentifier"]
    asset_id = _writable(call, request)
    made = []
    for form in request["forms"]:
        point = _checked(call, domain_id, form) | {
            "domainId": domain_id, "assetId": asset_id, "id": new_id(), "createdAt": call.now,
        }  # fmt: skip
        points.put(call.tx, point)
        made.append(store.pick(point, _FORM))
    return _entity(request) | {"forms": made}


def get_time_series_data_point(call: Call, request: Request) -> Answer:
    """One point of a series, with its content."""
    asset_id, first = _readable(call, request)
    where = {
        "domainId": request["domainIdentifier"], "assetId": asset_id, "formName": request["formName"],
        "id": request["identifier"],
    }  # fmt: skip
    point = call.tx.first(points.POINTS, where)
    if point is None or [point["timestamp"], point["id"]] < first(request["formName"]):
        raise store.not_found("Time series data point", request["identifier"])
    return _entity(request) | {"formName": point["formName"], "form": store.pick(point, _FORM)}


def list_time_series_data_points(call: Call, request: Request) -> Answer:
    """The points of one form, latest first; of a listing, its latest thirty."""
    domain_id, form_name = request["domainIdentifier"], request["formName"]
    asset_id, first = _readable(call, request)
    where = {"domainId": domain_id, "assetId": asset_id, "formName": form_name}
    before = [request.get("endedAt", _END_OF_TIME), "\uffff"]
    since = max([request.get("startedAt", -_END_OF_TIME), ""], first(form_name))

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        found = call.tx.select(
            points.POINTS, where, after=[domain_id, asset_id, form_name, *(after or before)], limit=limit,
            descending=True,
        )  # fmt: skip
        return [point for point in found if [point["timestamp"], point["id"]] >= since]

    rows, token = page(call, request, fetch, lambda point: [point["timestamp"], point["id"]], most=50)
    return answer([points.summary(point) for point in rows], token)


def delete_time_series_data_points(call: Call, request: Request) -> Answer:
    """Removes every point of one form."""
    asset_id = _writable(call, request)
    if not points.forget(call.tx, request["domainIdentifier"], asset_id, request["formName"]):
        raise store.not_found("Time series form", request["formName"])
    return {}


def _entity(request: Request) -> Answer:
    return {
        "domainId": request["domainIdentifier"], "entityId": request["entityIdentifier"],
        "entityType": request["entityType"],
    }  # fmt: skip


def _checked(call: Call, domain_id: str, form: dict[str, Any]) -> Document:
    """A point as it is stored. Raises ValidationException when it does not fit its form type."""
    if not _FIRST_DATE <= form["timestamp"] < _BEHIND_LAST_DATE:
        raise rules.invalid("The timestamp of a form is beyond all dates: it must be of the years 1 to 9999.")
    fitting = asset_types.check_form(call.tx, domain_id, form)
    content = asset_types.content_of(form["formName"], fitting["content"])
    if fitting["typeName"] == managed_types.DATA_QUALITY and len(content.get("evaluations") or []) > MOST_METRICS:
        raise rules.invalid(f"A data quality result has at most {MOST_METRICS} evaluations.")
    return {
        "formName": form["formName"], "typeIdentifier": fitting["typeName"], "typeRevision": fitting["typeRevision"],
        "timestamp": int(form["timestamp"] * 1000) / 1000, "content": fitting["content"],
        "contentSummary": points.summary_of(content),
    }  # fmt: skip


def _asset_of(call: Call, request: Request) -> tuple[str, str, Document | None]:
    """The asset that the request means, the project that owns it, and its listing when that is what it names."""
    domain_id, entity_id = request["domainIdentifier"], request["entityIdentifier"]
    if request["entityType"] == "ASSET":
        return entity_id, assets.asset(call.tx, domain_id, entity_id)["owningProjectId"], None
    listing = listings.listing(call.tx, domain_id, entity_id)
    return listing["entityId"], listing["owningProjectId"], listing


def _of(request: Request) -> tuple[str, str]:
    """What the request names, as whoever may not see it reads of it."""
    return request["entityType"].title(), request["entityIdentifier"]


def _check_kind(listing: Document | None) -> None:
    if listing is not None and listing["entityType"] != assets.ASSET:
        raise rules.invalid("Time series are of assets and their listings, not of data products.")


def _writable(call: Call, request: Request) -> str:
    """The id of the asset whose series the caller may change."""
    access.caller(call, request["domainIdentifier"])
    asset_id, project_id, listing = _asset_of(call, request)
    access.require_project_role(call, request["domainIdentifier"], project_id, of=_of(request))
    _check_kind(listing)
    return asset_id


def _readable(call: Call, request: Request) -> tuple[str, Any]:
    """The id of the asset whose series the caller may read, and a function: the first place of a form that is shown.

    The series of a published listing is for every user of the domain; else for members of the owning project.
    """
    domain_id = request["domainIdentifier"]
    access.caller(call, domain_id)
    asset_id, project_id, listing = _asset_of(call, request)
    if listing is None or assets.listing_status(listing) != "ACTIVE":
        access.require_project_role(call, domain_id, project_id, of=_of(request))
    _check_kind(listing)
    if listing is None:
        return asset_id, lambda _form_name: [-_END_OF_TIME, ""]

    def first(form_name: str) -> list[Any]:
        where = {"domainId": domain_id, "assetId": asset_id, "formName": form_name}
        found = call.tx.select(points.POINTS, where, limit=SHOWN_IN_LISTING, descending=True)
        return [found[-1]["timestamp"], found[-1]["id"]] if found else [-_END_OF_TIME, ""]

    return asset_id, first


OPERATIONS: dict[str, Operation] = {
    "PostTimeSeriesDataPoints": writes(post_time_series_data_points, access.allowed("PostTimeSeriesDataPoints")),
    "GetTimeSeriesDataPoint": reads(get_time_series_data_point, access.allowed("GetTimeSeriesDataPoint")),
    "ListTimeSeriesDataPoints": reads(list_time_series_data_points, access.allowed("ListTimeSeriesDataPoints")),
    "DeleteTimeSeriesDataPoints": writes(delete_time_series_data_points, access.allowed("DeleteTimeSeriesDataPoints")),
}

NOTES = {
    "PostTimeSeriesDataPoints": "Points posted to a listing are kept with its asset: the two have one series.",
}

ASSUMED = {
    "PostTimeSeriesDataPoints": "Owners, contributors and stewards of the owning project may post; any form type may "
    "be a time series; a data quality result has at most 100 evaluations, as a data source's run has; a second point "
    "with the same time is a point of its own.",
    "GetTimeSeriesDataPoint": "Of a published listing every user of the domain may read, else members of the project.",
    "ListTimeSeriesDataPoints": "The latest point comes first; startedAt and endedAt are included; the summary of a "
    "point holds the values at the top of its content that are neither lists nor objects.",
    "DeleteTimeSeriesDataPoints": "A form that has no points is not found.",
}
