"""What a data source may be told: which kind of source, what of it, and when."""

from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from twinplane.data_plane.call import Call
from twinplane.data_plane.services.datazone import rules
from twinplane.data_plane.services.events.schedules import Cron, InvalidSchedule, parse_schedule

_MEMBER_OF_TYPE = {
    "GLUE": "glueRunConfiguration", "REDSHIFT": "redshiftRunConfiguration", "SAGEMAKER": "sageMakerRunConfiguration",
}  # fmt: skip
_TRACKED = ("SageMakerFeatureGroupAssetType", "SageMakerModelPackageGroupAssetType")
_PRESENT_NAMES = {
    "AMERICA_MONTREAL": "America/Toronto", "ASIA_CALCUTTA": "Asia/Kolkata", "CANADA_CENTRAL": "America/Winnipeg",
    "CET": "Europe/Paris", "CST6CDT": "America/Chicago", "ISRAEL": "Asia/Jerusalem",
    "MEXICO_GENERAL": "America/Mexico_City", "MST7MDT": "America/Denver", "US_CENTRAL": "America/Chicago",
    "US_EASTERN": "America/New_York", "US_MOUNTAIN": "America/Denver", "US_PACIFIC": "America/Los_Angeles",
}  # fmt: skip
"""AWS's names of time zones that have another name today; the old ones are missing on some systems."""


def checked(call: Call, source_type: str, given: dict[str, Any] | None) -> dict[str, Any]:
    """The configuration as it is stored and answered. Raises ValidationException when it does not fit the type."""
    if source_type not in _MEMBER_OF_TYPE:
        raise rules.invalid(f"Data sources are of type {', '.join(_MEMBER_OF_TYPE)}; not {source_type}.")
    kind, configuration = rules.exactly_one(given or {}, "configuration")
    if kind != _MEMBER_OF_TYPE[source_type]:
        raise rules.invalid(f"A data source of type {source_type} has a {_MEMBER_OF_TYPE[source_type]}, not a {kind}.")
    if source_type == "SAGEMAKER":
        [tracked] = configuration["trackingAssets"]
        if tracked not in _TRACKED:
            raise rules.invalid(f"trackingAssets are of {' or '.join(_TRACKED)}; not {tracked}.")
    elif not configuration["relationalFilterConfigurations"]:
        raise rules.invalid(f"{kind} names at least one database.")
    if source_type == "REDSHIFT":
        rules.exactly_one(configuration.get("redshiftStorage") or {}, "redshiftStorage")
    return {kind: configuration | {"accountId": call.account_id, "region": call.region}}


def no_engine(configuration: dict[str, Any]) -> str | None:
    """Why nothing can be read from a source of this configuration; None when it can."""
    kind, body = rules.exactly_one(configuration, "configuration")
    if kind == "redshiftRunConfiguration":
        _, storage = rules.exactly_one(body["redshiftStorage"], "redshiftStorage")
        [name] = storage.values()
        return f"There is no Amazon Redshift in this data plane: {name} cannot be read."
    if kind == "sageMakerRunConfiguration":
        [tracked] = body["trackingAssets"]
        return (
            f"There is no Amazon SageMaker AI in this data plane: no {tracked.removesuffix('AssetType')} can be read."
        )
    catalog = body.get("catalogName") or "AwsDataCatalog"
    return None if catalog == "AwsDataCatalog" else f"There is no catalog {catalog}; AwsDataCatalog is."


def next_run(schedule: dict[str, Any] | None, after: float) -> float | None:
    """When a schedule (AWS's ScheduleConfiguration) fires next after a moment; None: never.

    Raises ValidationException when its expression or its time zone is none.
    """
    text = (schedule or {}).get("schedule")
    if text is None:
        return None
    try:
        cron, zone = parse_schedule(text), _zone((schedule or {}).get("timezone") or "UTC")
    except InvalidSchedule:
        raise rules.invalid(f"{text} is not a cron expression of six fields.") from None
    except ZoneInfoNotFoundError:
        raise rules.invalid("This machine does not know that time zone.") from None
    if not isinstance(cron, Cron):
        raise rules.invalid(f"{text} is not a cron expression of six fields.")
    return cron.next_after(after, zone)


def _zone(name: str) -> ZoneInfo:
    if name.startswith("ETC_GMT"):
        return ZoneInfo("Etc/GMT" + name.removeprefix("ETC_GMT").replace("_ADD_", "+").replace("_NEG_", "-"))
    area, _, place = name.partition("_")
    return ZoneInfo(_PRESENT_NAMES.get(name) or (f"{area.title()}/{place.title()}" if place else area))
