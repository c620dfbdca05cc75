"""AWS signatures: version 4 in the header or in the query, version 2 in the query (boto3's default presigned S3 URL).

Reading a signature and checking it are two steps: the credential scope says which service is meant before anything is
known about the caller. S3 differs from all others: its path is encoded once, and its body is hashed while it streams.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from posixpath import normpath
from typing import Literal
from urllib.parse import quote, unquote_plus, unquote_to_bytes

import msgspec

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.wire.http import HttpRequest
from twinplane.data_plane.wire.remembered import remembered

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
# What else a version 2 URL may carry without signing it: how a listing is cut. All others would change what is done.
_V2_FREE = frozenset((
    "awsaccesskeyid", "signature", "expires", "content-md5", "content-type", "x-id", "list-type", "prefix", "delimiter",
    "marker", "max-keys", "encoding-type", "start-after", "continuation-token", "fetch-owner", "key-marker",
    "version-id-marker", "upload-id-marker", "max-uploads", "max-parts", "part-number-marker",
))  # fmt: skip
_NUMBER = re.compile(r"[0-9]{1,12}")
_BASIC, _BASIC_FORMAT = re.compile(r"\d{8}T\d{6}Z"), "%Y%m%dT%H%M%SZ"
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_.~/-]*")  # which means the same however often it is decoded and encoded
_NOT_HEADERS = frozenset(("x-amz-signature", "x-amz-credential", "x-amz-algorithm", "x-amz-signedheaders"))


class Signature(msgspec.Struct, frozen=True, gc=False):
    """What a request says about who signed it. Nothing in it is believed before `check`."""

    kind: Literal["header", "query", "query-v2", "form", "form-v2"]
    access_key_id: str
    signature: str
    token: str | None
    time: str = ""  # X-Amz-Date
    date: str = ""
    region: str = ""
    service: str = "s3"
    signed_headers: tuple[str, ...] = ()
    expires: str = ""
    policy: str = ""  # of a form: the text that is signed

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


def read(http: HttpRequest) -> Signature | None:
    """The request's signature, or None when it has none. Raises `ServiceError` on one that is incomplete."""
    authorization = http.headers.get("authorization")
    in_query = "X-Amz-Signature" in http.query or "X-Amz-Algorithm" in http.query
    in_query_v2 = "AWSAccessKeyId" in http.query and "Signature" in http.query
    if (authorization is not None) + in_query + in_query_v2 > 1:
        raise ServiceError(
            "InvalidArgument",
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string "
            "parameter or the Authorization header should be specified",
            400,
        )
    if authorization is not None:
        return _from_header(http, authorization)
    if in_query:
        return _from_query(http)
    if in_query_v2:
        return Signature(
            "query-v2", http.query["AWSAccessKeyId"][0], http.query["Signature"][0],
            http.query_value("x-amz-security-token"), expires=http.query_value("Expires") or "",
        )  # fmt: skip
    return None


def _from_header(http: HttpRequest, authorization: str) -> Signature:
    said, mark, signature = authorization.rpartition("Signature=")
    if not mark or "," in signature:  # not in the order in which clients write it
        said, mark, signature = authorization, "", ""
    credential, names, named = _said(said + mark)
    signature = signature.strip() or named
    if not signature:
        raise _incomplete(f"Authorization header needs {ALGORITHM} with Signature.")
    time = http.headers.get("x-amz-date") or _basic_form(http.headers.get("date"))
    return _scoped("header", credential, names, signature, time, http.headers.get("x-amz-security-token"), "")


@remembered
def _said(authorization: str) -> tuple[list[str], tuple[str, ...], str]:
    """What an Authorization header says: the parts of its credential, the signed headers' names, the signature."""
    algorithm, _, rest = authorization.partition(" ")
    parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    missing = [name for name in ("Credential", "SignedHeaders") if not parts.get(name)]
    missing += [] if "Signature" in parts else ["Signature"]
    if algorithm != ALGORITHM or missing:
        raise _incomplete(f"Authorization header needs {ALGORITHM} with {', '.join(missing) or 'that algorithm'}.")
    return _parts(parts["Credential"]), _names(parts["SignedHeaders"]), parts["Signature"]


def _from_query(http: HttpRequest) -> Signature:
    names = ("X-Amz-Credential", "X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Date", "X-Amz-Expires")
    values = [http.query_value(name) for name in names]
    if None in values or http.query_value("X-Amz-Algorithm") != ALGORITHM:
        raise _incomplete(f"A presigned request needs X-Amz-Algorithm={ALGORITHM} and {', '.join(names)}.")
    credential, signed_headers, signature, time, expires = (str(value) for value in values)
    token = http.query_value("X-Amz-Security-Token")
    return _scoped("query", _parts(credential), _names(signed_headers), signature, time, token, expires)


def from_form(fields: dict[str, str]) -> Signature | None:
    """The signature of a form's policy, or None when it has none. `fields`: by lower-case names."""
    token, policy = fields.get("x-amz-security-token"), fields.get("policy", "")
    if "x-amz-signature" in fields or "x-amz-algorithm" in fields:
        if fields.get("x-amz-algorithm") != ALGORITHM:
            raise _incomplete(f"X-Amz-Algorithm must be {ALGORITHM}.")
        signed = _scoped(
            "form", _parts(fields.get("x-amz-credential", "")), _names(""), fields.get("x-amz-signature", ""),
            fields.get("x-amz-date", ""), token, "",
        )  # fmt: skip
        return msgspec.structs.replace(signed, policy=policy)
    if "awsaccesskeyid" in fields:
        return Signature("form-v2", fields["awsaccesskeyid"], fields.get("signature", ""), token, policy=policy)
    if policy:
        raise ServiceError("InvalidArgument", "A form with a policy needs a signature of it.", 400)
    return None


def _parts(credential: str) -> list[str]:
    return credential.rsplit("/", 4)


def _names(signed_headers: str) -> tuple[str, ...]:
    return tuple(signed_headers.lower().split(";"))


def _scoped(
    kind: Literal["header", "query", "form"], credential: list[str], names: tuple[str, ...], signature: str, time: str,
    token: str | None, expires: str,
) -> Signature:  # fmt: skip
    if len(credential) != 5 or credential[4] != "aws4_request" or credential[1] != time[:8]:
        raise _incomplete("Credential must be KEY/DATE/REGION/SERVICE/aws4_request, its date that of X-Amz-Date.")
    key, date, region, service, _ = credential
    return Signature(kind, key, signature, token, time, date, region, service, names, expires)


def _basic_form(date: str | None) -> str:
    """A Date header in the form of X-Amz-Date, in whose place it may stand."""
    if date is not None and _BASIC.fullmatch(date):
        return date
    try:
        return parsedate_to_datetime(date or "").astimezone(UTC).strftime(_BASIC_FORMAT)
    except (ValueError, OverflowError):
        raise _incomplete("The request needs an X-Amz-Date or a Date header.") from None


def _incomplete(message: str) -> ServiceError:
    return ServiceError("IncompleteSignature", message)


# Checking


def check(signature: Signature, http: HttpRequest, secret: str, now: float, payload_hash: str) -> None:
    """Raises `ServiceError` unless `secret` signed exactly this request, recently enough."""
    if signature.kind == "query-v2":
        _check_v2(signature, http, secret, now)
        return
    if signature.kind in ("form", "form-v2"):
        _check_form(signature, secret)
        return
    _check_time(signature, now)
    _check_headers(signature, http)
    canonical = _canonical_request(signature, http, payload_hash)
    text = (
        f"{ALGORITHM}\n{signature.time}\n{signature.scope}\n{hashlib.sha256(canonical.encode('latin-1')).hexdigest()}"
    )
    if not hmac.compare_digest(sign(signature, secret, text).encode(), signature.signature.encode()):
        raise mismatch()


def _check_form(signature: Signature, secret: str) -> None:
    if signature.kind == "form":
        expected = sign(signature, secret, signature.policy).encode()
    else:
        expected = base64.b64encode(hmac.digest(secret.encode(), signature.policy.encode(), "sha1"))
    if not hmac.compare_digest(expected, signature.signature.encode()):
        raise mismatch()


def sign(signature: Signature, secret: str, text: str) -> str:
    """`text` signed with the key of the signature's scope."""
    mac = _keyed(secret, signature.date, signature.region, signature.service).copy()
    mac.update(text.encode())
    return mac.hexdigest()


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
def _keyed(secret: str, date: str, region: str, service: str) -> hmac.HMAC:
    """What signs with the key of a scope; to be copied."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.new(key, digestmod="sha256")


def moment(signature: Signature) -> float:
    """When it says it was signed (version 4), in seconds since the epoch."""
    return _seconds(signature.time)


def _check_time(signature: Signature, now: float) -> None:
    try:
        signed_at = _seconds(signature.time)
    except ValueError:
        raise _unreadable(signature, "X-Amz-Date must be like 20300101T000000Z") from None
    if signed_at - now > MAX_SKEW_SECONDS:
        if signature.kind == "query" and signature.service == "s3":
            raise ServiceError("AccessDenied", "Request is not valid yet", 403)
        raise _skewed(signature, now, f"Signature not yet current: {signature.time} lies ahead.")
    if signature.kind == "header":
        if now - signed_at > MAX_SKEW_SECONDS:
            raise _skewed(signature, now, f"Signature expired: {signature.time} is too long ago.")
        return
    expires = int(signature.expires) if _NUMBER.fullmatch(signature.expires) else -1
    if not 0 <= expires <= MAX_PRESIGNED_SECONDS:
        raise _unreadable(
            signature, "X-Amz-Expires must be a number of seconds, not negative and less than a week (604800 seconds)"
        )
    if now > signed_at + expires:
        raise ServiceError("AccessDenied", "Request has expired", 403)


def _unreadable(signature: Signature, message: str) -> ServiceError:
    if signature.kind == "query" and signature.service == "s3":
        return ServiceError("AuthorizationQueryParametersError", message, 400)
    return _incomplete(message)


def _skewed(signature: Signature, now: float, message: str) -> ServiceError:
    """In S3's words with the server's time, by which a client sets its clock; in other services' as of a signature."""
    if signature.service != "s3":
        return ServiceError("RequestTimeTooSkewed", message, 403)
    return ServiceError(
        "RequestTimeTooSkewed",
        "The difference between the request time and the current time is too large.",
        403,
        RequestTime=signature.time,
        ServerTime=datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        MaxAllowedSkewMilliseconds=MAX_SKEW_SECONDS * 1000,
    )


@lru_cache(maxsize=64)
def _seconds(time: str) -> float:
    return datetime.strptime(time, _BASIC_FORMAT).replace(tzinfo=UTC).timestamp()


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
    value, names = http.headers.get, signature.signed_headers
    headers = "".join([f"{name}:{value(name, '').strip()}\n" for name in names])
    if "  " in headers:
        headers = re.sub(r" +", " ", headers)
    path = _canonical_path(signature.service, http.raw_path)
    query = _canonical_query(http.query_string, signature.kind) if http.query_string else ""
    return f"{http.method}\n{path}\n{query}\n{headers}\n{';'.join(names)}\n{payload_hash}"


def _canonical_path(service: str, raw_path: str) -> str:
    plain = _PLAIN_PATH.fullmatch(raw_path) is not None
    if service == "s3":
        return raw_path if plain else quote(unquote_to_bytes(raw_path), safe="/~")
    if plain and raw_path[:1] == "/" and "//" not in raw_path and "/." not in raw_path:
        return raw_path
    path = normpath(raw_path) if raw_path else "/"
    path = "/" + path.lstrip("/")  # normpath keeps two leading slashes
    if raw_path.endswith("/") and path != "/":
        path += "/"
    return quote(path, safe="/~")


def _canonical_query(query_string: str, kind: str) -> str:
    pairs = []
    for part in query_string.split("&") if query_string else ():
        name, _, value = part.partition("=")
        if name != "X-Amz-Signature" or kind != "query":
            pairs.append((_encoded(name), _encoded(value)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _encoded(text: str) -> str:
    """As it is understood: a "+" is a space, or an URL could be changed from one to the other after it was signed."""
    return quote(unquote_to_bytes(text.replace("+", " ")), safe="~")


# Version 2


def _check_v2(signature: Signature, http: HttpRequest, secret: str, now: float) -> None:
    if not _NUMBER.fullmatch(signature.expires):
        raise ServiceError("AccessDenied", "Query-string authentication requires the Expires parameter", 403)
    if now > int(signature.expires):
        raise ServiceError("AccessDenied", "Request has expired", 403)
    given = {name.lower(): values[0] for name, values in http.query.items()}
    for name in http.query:
        if name not in _V2_PARAMETERS and name.lower() not in _V2_FREE and not name.lower().startswith("x-amz-"):
            raise mismatch()  # version 2 cannot sign it, and it may change what is done
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
    """The parameters that are signed, read as they are understood: else one could be added under an encoded name."""
    pairs = [part.partition("=") for part in parts]
    named = [(unquote_plus(name), equals + unquote_plus(value)) for name, equals, value in pairs]
    signed = sorted((name, rest) for name, rest in named if name in _V2_PARAMETERS)
    return "?" + "&".join(name + rest for name, rest in signed) if signed else ""


def hoist_headers(http: HttpRequest) -> None:
    """Makes headers of the `x-amz-` parameters of a presigned request: clients may sign either.

    A parameter outweighs the header of its name, and the last of several the others: as they are signed.
    """
    for name, values in http.query.items():
        lower = name.lower()
        if lower in _NOT_HEADERS:
            continue
        if lower.startswith("x-amz-") or lower in ("content-md5", "content-type"):
            http.headers[lower] = values[0]
