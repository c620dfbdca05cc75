"""Block Public Access: what makes a bucket policy public, and what a bucket's settings do about it.

A policy is public unless everyone it allows is named, or bound by a condition to fixed values of a key that says where
a request comes from (AWS's documentation, "The meaning of public").
"""

import ipaddress
import json
from functools import lru_cache
from typing import Any

from twinplane.data_plane.store import Document

SETTINGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
ALL_BLOCKED = dict.fromkeys(SETTINGS, True)  # what a new bucket has

_BINDING_KEYS = frozenset((
    "aws:principalorgid", "aws:principalorgpaths", "aws:principalarn", "aws:principalaccount", "aws:userid",
    "aws:sourcearn", "aws:sourceaccount", "aws:sourceowner", "aws:sourcevpc", "aws:sourcevpce", "aws:sourceip",
    "s3:dataaccesspointarn", "s3:dataaccesspointaccount", "s3:x-amz-server-side-encryption-aws-kms-key-id",
))  # fmt: skip
_BINDING_OPERATORS = frozenset((
    "stringequals", "stringlike", "stringequalsignorecase", "arnequals", "arnlike", "ipaddress",
))  # fmt: skip
_ARN_KEYS = frozenset(("aws:sourcearn", "aws:principalarn"))


def settings(bucket: Document) -> dict[str, bool] | None:
    """The bucket's settings; None when they were deleted."""
    found: dict[str, bool] | None = bucket.get("public_access_block", ALL_BLOCKED)
    return found


def refuses(bucket: Document, policy: str) -> bool:
    """Whether the settings keep this policy from being set."""
    return bool((settings(bucket) or {}).get("BlockPublicPolicy")) and is_public(policy)


def restricts(bucket: Document) -> bool:
    """Whether the settings keep everyone outside the account from what the bucket's policy allows."""
    policy = bucket.get("policy")
    return bool(policy and (settings(bucket) or {}).get("RestrictPublicBuckets") and is_public(policy))


@lru_cache(maxsize=1024)
def is_public(policy: str) -> bool:
    """Whether the policy (JSON, known to be well-formed) lets anyone in."""
    statements = json.loads(policy)["Statement"]
    return any(_lets_anyone_in(s) for s in (statements if isinstance(statements, list) else [statements]))


def _lets_anyone_in(statement: dict[str, Any]) -> bool:
    if statement["Effect"] != "Allow":
        return False
    principal = statement.get("Principal")
    names = [principal] if isinstance(principal, str) else [n for v in (principal or {}).values() for n in _list(v)]
    if "NotPrincipal" not in statement and "*" not in names:
        return False
    return not any(
        _binds(operator, key.lower(), _list(values))
        for operator, keys in statement.get("Condition", {}).items()
        for key, values in keys.items()
    )


def _binds(operator: str, key: str, values: list[Any]) -> bool:
    return (
        operator.lower().removeprefix("foranyvalue:") in _BINDING_OPERATORS
        and key in _BINDING_KEYS
        and bool(values)
        and all(_is_fixed(key, str(value)) for value in values)
    )


def _is_fixed(key: str, value: str) -> bool:
    if "${" in value:
        return False
    if key == "aws:sourceip":
        try:
            network = ipaddress.ip_network(value, strict=False)
        except ValueError:
            return False
        return network.prefixlen >= (8 if network.version == 4 else 32)
    if key in _ARN_KEYS:  # the account must be named; what follows it may be a pattern
        parts = value.split(":", 5)
        return len(parts) == 6 and not set("*?") & set(":".join(parts[:5])) and bool(parts[4])
    return "*" not in value and "?" not in value


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
