"""AWS signatures: version 4 in the header or in the query, version 2 in the query (boto3's default presigned S3 URL).

Reading a signature and checking it are two steps: the credential scope says which service is meant before anything is
known about the caller. S3 differs from all others: its path is encoded once, and its body is hashed while it streams.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from posixpath import normpath
from typing import Literal
from urllib.parse import quote, unquote, unquote_to_bytes

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.wire.http import HttpRequest

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
MAX_SKEW_SECONDS = 900
MAX_PRESIGNED_SECONDS = 7 * 24 * 3600

# Query parameters that version 2 signs as part of the resource.
_V2_PARAMETERS = frozenset((
    "accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "inventory", "lifecycle", "location",
    "logging", "metrics", "notification", "object-lock", "partNumber", "policy", "replication", "requestPayment",
    "response-cache-control", "response-content-disposition", "response-content-encoding",
    "response-content-language", "response-content-type", "response-expires", "restore", "select", "select-type",
    "storageClass", "tagging", "torrent", "uploadId", "uploads", "versionId", "versioning", "versions", "website",
))  # fmt: skip
_NOT_HEADERS = frozenset(("x-amz-signature", "x-amz-credential", "x-amz-algorithm", "x-amz-signedheaders"))


@dataclass(frozen=True, slots=True)
class Signature:
    """What a request says about who signed it. Nothing in it is believed before `check`."""

    kind: Literal["header", "query", "query-v2"]
    access_key_id: str
    signature: str
    token: str | None
    time: str = ""  # X-Amz-Date
    date: str = ""
    region: str = ""
    service: str = "s3"
    signed_headers: tuple[str, ...] = ()
    expires: str = ""

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


def read(http: HttpRequest) -> Signature | None:
    """The request's signature, or None when it has none. Raises `ServiceError` on one that is incomplete."""
    authorization = http.headers.get("authorization")
    if authorization is not None:
        return _from_header(http, authorization)
    if "X-Amz-Signature" in http.query or "X-Amz-Algorithm" in http.query:
        return _from_query(http)
    if "AWSAccessKeyId" in http.query and "Signature" in http.query:
        return Signature(
            "query-v2", http.query["AWSAccessKeyId"][0], http.query["Signature"][0],
            http.query_value("x-amz-security-token"), expires=http.query_value("Expires") or "",
        )  # fmt: skip
    return None


def _from_header(http: HttpRequest, authorization: str) -> Signature:
    algorithm, _, rest = authorization.partition(" ")
    parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    missing = [name for name in ("Credential", "SignedHeaders", "Signature") if not parts.get(name)]
    if algorithm != ALGORITHM or missing:
        raise _incomplete(f"Authorization header needs {ALGORITHM} with {', '.join(missing) or 'that algorithm'}.")
    time = http.headers.get("x-amz-date")
    if time is None:
        raise _incomplete("The request needs an X-Amz-Date header.")
    return _scoped(
        "header", parts["Credential"], parts["SignedHeaders"], parts["Signature"], time,
        http.headers.get("x-amz-security-token"), "",
    )  # fmt: skip


def _from_query(http: HttpRequest) -> Signature:
    names = ("X-Amz-Credential", "X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Date", "X-Amz-Expires")
    values = [http.query_value(name) for name in names]
    if None in values or http.query_value("X-Amz-Algorithm") != ALGORITHM:
        raise _incomplete(f"A presigned request needs X-Amz-Algorithm={ALGORITHM} and {', '.join(names)}.")
    credential, signed_headers, signature, time, expires = (str(value) for value in values)
    token = http.query_value("X-Amz-Security-Token")
    return _scoped("query", credential, signed_headers, signature, time, token, expires)


def _scoped(
    kind: Literal["header", "query"], credential: str, signed_headers: str, signature: str, time: str,
    token: str | None, expires: str,
) -> Signature:  # fmt: skip
    parts = credential.rsplit("/", 4)
    if len(parts) != 5 or parts[4] != "aws4_request" or not time.startswith(parts[1]) or not parts[1]:
        raise _incomplete("Credential must be KEY/DATE/REGION/SERVICE/aws4_request, its date that of X-Amz-Date.")
    names = tuple(signed_headers.lower().split(";"))
    return Signature(kind, parts[0], signature, token, time, parts[1], parts[2], parts[3], names, expires)


def _incomplete(message: str) -> ServiceError:
    return ServiceError("IncompleteSignature", message)


# Checking


def check(signature: Signature, http: HttpRequest, secret: str, now: float, payload_hash: str) -> None:
    """Raises `ServiceError` unless `secret` signed exactly this request, recently enough."""
    if signature.kind == "query-v2":
        _check_v2(signature, http, secret, now)
        return
    _check_time(signature, now)
    _check_headers(signature, http)
    canonical = _canonical_request(signature, http, payload_hash)
    text = (
        f"{ALGORITHM}\n{signature.time}\n{signature.scope}\n{hashlib.sha256(canonical.encode('latin-1')).hexdigest()}"
    )
    if not hmac.compare_digest(sign(signature, secret, text).encode(), signature.signature.encode()):
        raise mismatch()


def sign(signature: Signature, secret: str, text: str) -> str:
    """`text` signed with the key of the signature's scope."""
    key = _signing_key(secret, signature.date, signature.region, signature.service)
    return hmac.digest(key, text.encode(), "sha256").hex()


def sha256(body: bytes) -> str:
    """The hash of a body as it is signed."""
    return hashlib.sha256(body).hexdigest() if body else EMPTY_SHA256


def mismatch() -> ServiceError:
    return ServiceError(
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. "
        "Check your AWS Secret Access Key and signing method.",
        403,
    )


@lru_cache(maxsize=1024)
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def moment(signature: Signature) -> float:
    """When it says it was signed (version 4), in seconds since the epoch."""
    return _seconds(signature.time)


def _check_time(signature: Signature, now: float) -> None:
    try:
        signed_at = _seconds(signature.time)
        expires = int(signature.expires or 0)
    except ValueError:
        raise _incomplete("X-Amz-Date must be like 20300101T000000Z, X-Amz-Expires a number of seconds.") from None
    if signed_at - now > MAX_SKEW_SECONDS:
        raise ServiceError("RequestTimeTooSkewed", f"Signature not yet current: {signature.time} lies ahead.", 403)
    if signature.kind == "header":
        if now - signed_at > MAX_SKEW_SECONDS:
            raise ServiceError("RequestTimeTooSkewed", f"Signature expired: {signature.time} is too long ago.", 403)
        return
    if not 1 <= expires <= MAX_PRESIGNED_SECONDS:
        raise _incomplete(f"X-Amz-Expires must be between 1 and {MAX_PRESIGNED_SECONDS} seconds.")
    if now > signed_at + expires:
        raise ServiceError("AccessDenied", "Request has expired", 403)


@lru_cache(maxsize=64)
def _seconds(time: str) -> float:
    return datetime.strptime(time, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()


def _check_headers(signature: Signature, http: HttpRequest) -> None:
    if "host" not in signature.signed_headers:
        raise ServiceError("SignatureDoesNotMatch", "The host header must be signed.", 403)
    for name in http.headers:
        if name.startswith("x-amz-") and name not in signature.signed_headers:
            raise ServiceError(
                "AccessDenied" if signature.service == "s3" else "SignatureDoesNotMatch",
                f"There were headers present in the request which were not signed: {name}", 403,
            )  # fmt: skip


def _canonical_request(signature: Signature, http: HttpRequest, payload_hash: str) -> str:
    headers = "".join(f"{name}:{_trimmed(http.headers.get(name, ''))}\n" for name in signature.signed_headers)
    return "\n".join((
        http.method, _canonical_path(signature.service, http.raw_path), _canonical_query(http.query_string),
        headers, ";".join(signature.signed_headers), payload_hash,
    ))  # fmt: skip


def _canonical_path(service: str, raw_path: str) -> str:
    if service == "s3":
        return quote(unquote_to_bytes(raw_path), safe="/~")
    path = normpath(raw_path) if raw_path else "/"
    path = "/" + path.lstrip("/")  # normpath keeps two leading slashes
    if raw_path.endswith("/") and path != "/":
        path += "/"
    return quote(path, safe="/~")


def _canonical_query(query_string: str) -> str:
    pairs = []
    for part in query_string.split("&") if query_string else ():
        name, _, value = part.partition("=")
        if name != "X-Amz-Signature":
            pairs.append((_encoded(name), _encoded(value)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _encoded(text: str) -> str:
    return quote(unquote_to_bytes(text), safe="~")


def _trimmed(value: str) -> str:
    value = value.strip()
    return re.sub(r" +", " ", value) if "  " in value else value


# Version 2


def _check_v2(signature: Signature, http: HttpRequest, secret: str, now: float) -> None:
    if not signature.expires.isdecimal():
        raise ServiceError("AccessDenied", "Query-string authentication requires the Expires parameter", 403)
    if now > int(signature.expires):
        raise ServiceError("AccessDenied", "Request has expired", 403)
    given = {name.lower(): values[0] for name, values in http.query.items()}
    amz = {name: value for name, value in (http.headers | given).items() if name.startswith("x-amz-")}
    plain = [given.get(name) or http.headers.get(name, "") for name in ("content-md5", "content-type")]
    text = "\n".join((
        http.method, *plain, signature.expires,
        *(f"{name}:{value.strip()}" for name, value in sorted(amz.items())),
        http.resource_path + _v2_parameters(http.query_string.split("&")),
    ))  # fmt: skip
    expected = base64.b64encode(hmac.digest(secret.encode(), text.encode(), "sha1"))
    if not hmac.compare_digest(expected, signature.signature.encode()):
        raise mismatch()


def _v2_parameters(parts: Iterable[str]) -> str:
    pairs = [part.partition("=") for part in parts]
    signed = sorted((name, equals + unquote(value)) for name, equals, value in pairs if name in _V2_PARAMETERS)
    return "?" + "&".join(name + rest for name, rest in signed) if signed else ""


def hoist_headers(http: HttpRequest) -> None:
    """Makes headers of the `x-amz-` parameters of a presigned request: clients may sign either."""
    for name, values in http.query.items():
        lower = name.lower()
        if lower in _NOT_HEADERS or lower in http.headers:
            continue
        if lower.startswith("x-amz-") or lower in ("content-md5", "content-type"):
            http.headers[lower] = values[0]
