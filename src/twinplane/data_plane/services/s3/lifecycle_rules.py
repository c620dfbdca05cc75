"""What a bucket's lifecycle rules say: which are well-formed, and what of a key's versions is over.

A number of days counts from when something was made, and ends at the midnight (UTC) that follows, as on AWS.
"""

import math
from typing import Any

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.store import Document

Rule = dict[str, Any]
DAY = 86_400
_MOST_RULES = 1000
_ACTIONS = ("Expiration", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload")


def check_rules(rules: list[Rule]) -> None:
    """Raises `InvalidArgument`, `InvalidRequest`, `MalformedXML`; `NotImplemented` for transitions between classes."""
    if not 0 < len(rules) <= _MOST_RULES:
        raise _malformed()
    names = [rule["ID"] for rule in rules if rule.get("ID")]
    if len(set(names)) < len(names) or any(len(name) > 255 for name in names):
        raise ServiceError("InvalidArgument", "Rule ID must be unique, and no longer than 255 characters", 400)
    for rule in rules:
        _check_rule(rule)


def _check_rule(rule: Rule) -> None:
    if rule.get("Transitions") or rule.get("NoncurrentVersionTransitions"):
        raise ServiceError("NotImplemented", "Transitions to other storage classes are not served.", 501)
    if ("Filter" in rule) == ("Prefix" in rule) or not any(rule.get(action) is not None for action in _ACTIONS):
        raise _malformed()
    condition = rule.get("Filter") or {}
    if len([name for name, value in condition.items() if value is not None]) > 1:
        raise _malformed()
    tags, smallest, largest = _limits(rule)
    if smallest is not None and largest is not None and smallest >= largest:
        raise ServiceError("InvalidRequest", "ObjectSizeLessThan has to be greater than ObjectSizeGreaterThan", 400)
    upload = rule.get("AbortIncompleteMultipartUpload")
    if upload is not None and (tags or smallest is not None or largest is not None):
        raise ServiceError(
            "InvalidRequest", "AbortIncompleteMultipartUpload cannot be specified with Tags or sizes.", 400
        )
    _check_expiration(rule.get("Expiration"), has_tags=bool(tags))
    noncurrent = rule.get("NoncurrentVersionExpiration")
    for name, days in (
        ("NoncurrentDays", noncurrent and noncurrent.get("NoncurrentDays", 0)),
        ("DaysAfterInitiation", upload and upload.get("DaysAfterInitiation", 0)),
    ):
        if days is not None and days < 1:
            raise ServiceError("InvalidArgument", f"'{name}' must be a positive integer", 400)


def _check_expiration(expiration: dict[str, Any] | None, *, has_tags: bool) -> None:
    if expiration is None:
        return
    given = [name for name in ("Days", "Date", "ExpiredObjectDeleteMarker") if expiration.get(name) is not None]
    if len(given) != 1:
        raise _malformed()
    if given == ["Days"] and expiration["Days"] < 1:
        raise ServiceError("InvalidArgument", "'Days' for Expiration action must be a positive integer", 400)
    if given == ["Date"] and expiration["Date"] % DAY:
        raise ServiceError("InvalidArgument", "'Date' must be at midnight GMT", 400)
    if given == ["ExpiredObjectDeleteMarker"] and has_tags:
        raise ServiceError("InvalidRequest", "ExpiredObjectDeleteMarker cannot be specified with Tags.", 400)


def _malformed() -> ServiceError:
    return ServiceError("MalformedXML", "The XML you provided was not well-formed or did not validate", 400)


# What is over


def over(rules: list[Rule], versions: list[Document], now: float, *, versioned: bool) -> tuple[bool, list[Document]]:
    """Of one key's versions (all there are, the newest first): whether the current one is to be deleted as a call
    without a version id would, and which versions are to be removed for good."""
    current, old = versions[0], versions[1:]
    expires, removed = False, []
    for rule in rules:
        expiration = rule.get("Expiration") or {}
        if current.get("is_marker"):
            if not old and _marker_is_over(rule, expiration, current, now) and current not in removed:
                removed.append(current)
        elif _applies(rule, current) and _is_over(expiration, current["last_modified"], now):
            expires = True
        removed += [version for version in _noncurrent_over(rule, versions, now) if version not in removed]
    return expires, removed if versioned else []


def _marker_is_over(rule: Rule, expiration: dict[str, Any], marker: Document, now: float) -> bool:
    tags, smallest, largest = _limits(rule)
    if not marker["key"].startswith(prefix_of(rule)) or tags or smallest is not None or largest is not None:
        return False
    return bool(expiration.get("ExpiredObjectDeleteMarker")) or _is_over(expiration, marker["last_modified"], now)


def _is_over(expiration: dict[str, Any], since: float, now: float) -> bool:
    if expiration.get("Days") is not None:
        return now >= _midnight_after(since, expiration["Days"])
    return expiration.get("Date") is not None and now >= expiration["Date"]


def _noncurrent_over(rule: Rule, versions: list[Document], now: float) -> list[Document]:
    expiration = rule.get("NoncurrentVersionExpiration")
    if expiration is None:
        return []
    kept = expiration.get("NewerNoncurrentVersions") or 0
    return [
        version
        for place, version in enumerate(versions)
        if place > kept  # the first is the current one
        and _applies(rule, version)
        and now >= _midnight_after(versions[place - 1]["last_modified"], expiration["NoncurrentDays"])
    ]


def upload_is_over(rules: list[Rule], upload: Document, now: float) -> bool:
    """Whether an upload in progress is to be given up."""
    return any(
        upload["key"].startswith(prefix_of(rule))
        and now >= _midnight_after(upload["initiated_at"], ending["DaysAfterInitiation"])
        for rule in rules
        if (ending := rule.get("AbortIncompleteMultipartUpload")) is not None
    )


def next_midnight(now: float) -> float:
    return float((math.floor(now / DAY) + 1) * DAY)


def _midnight_after(moment: float, days: int) -> float:
    return math.ceil((moment + days * DAY) / DAY) * DAY


def prefix_of(rule: Rule) -> str:
    """The beginning of the keys that a rule is about."""
    condition = rule.get("Filter") or {}
    return str(rule.get("Prefix") or condition.get("Prefix") or (condition.get("And") or {}).get("Prefix") or "")


def _limits(rule: Rule) -> tuple[list[dict[str, str]], int | None, int | None]:
    """(tags, greater than, less than) of a rule."""
    condition = rule.get("Filter") or {}
    both = condition.get("And") or {}
    tags = [condition["Tag"]] if condition.get("Tag") else both.get("Tags") or []
    return (
        tags,
        condition.get("ObjectSizeGreaterThan", both.get("ObjectSizeGreaterThan")),
        condition.get("ObjectSizeLessThan", both.get("ObjectSizeLessThan")),
    )


def _applies(rule: Rule, document: Document) -> bool:
    if not document["key"].startswith(prefix_of(rule)):
        return False
    tags, smallest, largest = _limits(rule)
    size, given = document.get("size") or 0, document.get("tags") or {}
    if document.get("is_marker"):  # it has neither size nor tags
        return not tags and smallest is None and largest is None
    return (
        all(given.get(tag["Key"]) == tag["Value"] for tag in tags)
        and (smallest is None or size > smallest)
        and (largest is None or size < largest)
    )
