"""The files of a trail: where they lie, what is in them, and digests that prove them. No input or output.

As CloudTrail's documentation and the AWS CLI's `validate-logs` have them; the CLI itself was not run.
"""

import gzip
import hashlib
import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from twinplane.data_plane.call import ServiceError

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9]|[._-](?![._-]))*[A-Za-z0-9]")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
SIGNED_WITH = "SHA256withRSA"


def check_name(name: str) -> None:
    """Raises `InvalidTrailNameException`."""
    if not 3 <= len(name) <= 128 or _NAME.fullmatch(name) is None or _ADDRESS.fullmatch(name):
        raise ServiceError(
            "InvalidTrailNameException",
            "Trail name must be 3 to 128 letters, digits, periods, underscores or dashes, none of those adjacent.",
        )


def log_key(prefix: str, account: str, region: str, now: float, unique: str) -> str:
    """Where a log file lies in its bucket."""
    at = datetime.fromtimestamp(now, UTC)
    return (
        f"{prefix}AWSLogs/{account}/CloudTrail/{region}/{at:%Y/%m/%d}/"
        f"{account}_CloudTrail_{region}_{at:%Y%m%dT%H%MZ}_{unique}.json.gz"
    )


def digest_key(prefix: str, account: str, region: str, trail: str, end: float) -> str:
    """Where the digest of an hour that ended at `end` lies."""
    at = datetime.fromtimestamp(end, UTC)
    return (
        f"{prefix}AWSLogs/{account}/CloudTrail-Digest/{region}/{at:%Y/%m/%d}/"
        f"{account}_CloudTrail-Digest_{region}_{trail}_{region}_{at:%Y%m%dT%H%M%SZ}.json.gz"
    )


def log_text(records: list[bytes]) -> bytes:
    """What a log file says, before it is packed; `records` are JSON."""
    return b'{"Records":[' + b",".join(records) + b"]}"


def packed(text: bytes) -> bytes:
    return gzip.compress(text, 6, mtime=0)


def digest_of(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def digest_text(digest: dict[str, Any]) -> bytes:
    return msgspec.json.encode(digest)


def to_sign(digest: dict[str, Any], text: bytes) -> bytes:
    """What a digest's signature signs: its end, its place, its hash and the signature of the one before."""
    place = f"{digest['digestS3Bucket']}/{digest['digestS3Object']}"
    before = digest["previousDigestSignature"] or "null"
    return f"{digest['digestEndTime']}\n{place}\n{digest_of(text)}\n{before}".encode()


def is_selected(selectors: list[dict[str, Any]], event: dict[str, Any], management: bool) -> bool:
    """Whether a trail with these event selectors writes an event down.

    `event` has `read_only`, `event_source` and `names`, the ARNs of its resources.
    """
    for selector in selectors:
        wanted = selector.get("ReadWriteType") or "All"
        if wanted != "All" and (wanted == "ReadOnly") != bool(event["read_only"]):
            continue
        if management:
            excluded = selector.get("ExcludeManagementEventSources") or []
            if selector.get("IncludeManagementEvents", True) and event["event_source"] not in excluded:
                return True
            continue
        prefixes = tuple(value for each in selector.get("DataResources") or [] for value in each.get("Values") or [])
        if event["event_source"] == "s3.amazonaws.com" and any(name.startswith(prefixes) for name in event["names"]):
            return True
    return False
