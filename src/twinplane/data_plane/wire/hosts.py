"""Virtual-host addressing: the bucket that a Host header names (`bucket.localhost`, `bucket.s3.localhost`)."""

import re

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def bucket_of(host: str) -> str:
    """The bucket in a Host header, or "" when it names this machine only."""
    if ".localhost" not in host:
        return ""
    name, _, port = host.lower().partition(":")
    if (port and not port.isdecimal()) or not name.endswith(".localhost"):
        return ""
    name = name.removesuffix(".localhost")
    if name in ("s3", "s3-control") or name.endswith(".s3-control"):
        return ""
    name = name.removesuffix(".s3")
    return name if _BUCKET.fullmatch(name) else ""
