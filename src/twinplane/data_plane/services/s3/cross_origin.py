"""CORS: which pages of other sites a browser lets read and write a bucket."""

import re
from functools import lru_cache
from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads, writes
from twinplane.data_plane.services.s3 import store
from twinplane.data_plane.services.s3.permissions import on_bucket
from twinplane.data_plane.store import Document, Transaction

_METHODS = ("GET", "PUT", "POST", "DELETE", "HEAD")
_MOST_RULES = 100
_VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"

Rule = dict[str, Any]


def put_bucket_cors(call: Call, request: Request) -> Answer:
    bucket = store.get_bucket(call.tx, request["Bucket"])
    rules = request["CORSConfiguration"]["CORSRules"]
    check_rules(rules)
    call.tx.put(store.BUCKETS, bucket | {"cors": rules})
    return {}


def get_bucket_cors(call: Call, request: Request) -> Answer:
    rules = store.get_bucket(call.tx, request["Bucket"]).get("cors")
    if not rules:
        raise ServiceError(
            "NoSuchCORSConfiguration", "The CORS configuration does not exist", 404, BucketName=request["Bucket"]
        )
    return {"CORSRules": rules}


def delete_bucket_cors(call: Call, request: Request) -> Answer:
    bucket = store.get_bucket(call.tx, request["Bucket"])
    call.tx.put(store.BUCKETS, bucket | {"cors": None})
    return {}


def check_rules(rules: list[Rule]) -> None:
    """Raises `MalformedXML`, `InvalidRequest`."""
    if not 0 < len(rules) <= _MOST_RULES:
        raise ServiceError("MalformedXML", "The XML you provided was not well-formed or did not validate", 400)
    for rule in rules:
        for method in rule["AllowedMethods"]:
            if method not in _METHODS:
                raise ServiceError(
                    "InvalidRequest",
                    f"Found unsupported HTTP method in CORS config. Unsupported method is {method}",
                    400,
                )
        for what, member in (("AllowedOrigin", "AllowedOrigins"), ("AllowedHeader", "AllowedHeaders")):
            for value in rule.get(member) or ():
                if value.count("*") > 1:
                    raise ServiceError("InvalidRequest", f'{what} "{value}" can not have more than one wildcard.', 400)
        if any("*" in name for name in rule.get("ExposeHeaders") or ()):
            raise ServiceError("InvalidRequest", "ExposeHeader contains wildcard. We currently do not support it.", 400)


# What a browser is told


def preflight(tx: Transaction, bucket: str, headers: dict[str, str]) -> dict[str, str]:
    """The headers that answer a browser's question whether it may send a request. Raises `ServiceError`."""
    origin, method = headers.get("origin"), headers.get("access-control-request-method")
    if origin is None:
        raise ServiceError("BadRequest", "Insufficient information. Origin request header needed.", 400)
    if method not in _METHODS:
        raise ServiceError("BadRequest", f"Invalid Access-Control-Request-Method: {method}", 400)
    found = _rules(store.find_bucket(tx, bucket))
    if not found:
        raise ServiceError(
            "AccessForbidden", "CORSResponse: CORS is not enabled for this bucket.", 403,
            Method=method, ResourceType="BUCKET",
        )  # fmt: skip
    asked = [n.strip().lower() for n in headers.get("access-control-request-headers", "").split(",") if n.strip()]
    rule = matching(found, origin, method, asked)
    if rule is None:
        raise ServiceError(
            "AccessForbidden",
            "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request "
            "method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the "
            "resource's CORS spec.",
            403,
            Method=method,
            ResourceType="OBJECT",
        )
    return _answer_headers(rule, origin) | ({"Access-Control-Allow-Headers": ", ".join(asked)} if asked else {})


def answer_headers(tx: Transaction, bucket: str, method: str, headers: dict[str, str]) -> dict[str, str]:
    """The headers by which a browser lets the page see an answer; none when it may not."""
    rules = _rules(store.find_bucket(tx, bucket))
    rule = matching(rules, headers["origin"], headers.get("access-control-request-method", method), [])
    return _answer_headers(rule, headers["origin"]) if rule is not None else {}


def _rules(bucket: Document | None) -> list[Rule]:
    return (bucket or {}).get("cors") or []


def matching(rules: list[Rule], origin: str, method: str, asked: list[str]) -> Rule | None:
    """The first rule that lets a page of `origin` send `method` with the headers `asked` (lower case)."""
    for rule in rules:
        allowed = [name.lower() for name in rule.get("AllowedHeaders") or ()]
        if (
            method in rule["AllowedMethods"]
            and any(_is_like(pattern, origin) for pattern in rule["AllowedOrigins"])
            and all(any(_is_like(pattern, name) for pattern in allowed) for name in asked)
        ):
            return rule
    return None


def _answer_headers(rule: Rule, origin: str) -> dict[str, str]:
    everyone = "*" in rule["AllowedOrigins"]
    headers = {
        "Access-Control-Allow-Origin": "*" if everyone else origin,
        "Access-Control-Allow-Methods": ", ".join(rule["AllowedMethods"]),
        "Vary": _VARY,
    }
    if not everyone:
        headers["Access-Control-Allow-Credentials"] = "true"
    if rule.get("ExposeHeaders"):
        headers["Access-Control-Expose-Headers"] = ", ".join(rule["ExposeHeaders"])
    if rule.get("MaxAgeSeconds") is not None:
        headers["Access-Control-Max-Age"] = str(rule["MaxAgeSeconds"])
    return headers


def _is_like(pattern: str, text: str) -> bool:
    return _expression(pattern).fullmatch(text) is not None


@lru_cache(maxsize=1024)
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)


OPERATIONS: dict[str, Operation] = {
    "PutBucketCors": writes(put_bucket_cors, on_bucket("s3:PutBucketCORS")),
    "GetBucketCors": reads(get_bucket_cors, on_bucket("s3:GetBucketCORS")),
    "DeleteBucketCors": writes(delete_bucket_cors, on_bucket("s3:PutBucketCORS")),
}
