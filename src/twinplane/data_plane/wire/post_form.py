"""Uploads from HTML forms (S3's POST): what the form's fields mean, and what its signed policy allows.

The form becomes the PUT of an object, whose body is the form's file as it comes in. The policy is checked when the
signature is; only the length of the file is known later, and checked while it is read.
"""

import base64
import binascii
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.wire.http import HttpRequest, HttpResponse
from twinplane.data_plane.wire.incoming import Incoming, Piece
from twinplane.data_plane.wire.signature import Signature, from_form
from twinplane.data_plane.wire.xml import escape

_MOST_FIELD_BYTES = 20 * 1024  # of all fields before the file, as on AWS
_HEADERS = ("cache-control", "content-type", "content-disposition", "content-encoding", "expires", "content-md5")
_AMZ_HEADERS = (
    "x-amz-meta-", "x-amz-storage-class", "x-amz-website-redirect-location", "x-amz-server-side-encryption",
    "x-amz-checksum-", "x-amz-sdk-checksum-algorithm", "x-amz-object-lock-",
)  # fmt: skip
_UNCHECKED = {"file", "policy", "x-amz-signature", "signature", "awsaccesskeyid", "bucket"}


@dataclass
class FormUpload:
    """The request a form stands for; its body is the form's file."""

    http: HttpRequest
    body: Incoming
    signed: Signature | None
    fields: dict[str, str]
    bucket: str
    key: str
    location: str

    def answer(self, response: HttpResponse) -> HttpResponse:
        """What the form's sender is answered in the place of a PUT's answer."""
        if response.status != 200:
            return response
        etag = response.headers.get("ETag", "")
        headers = {"ETag": etag, "Location": self.location}
        target = self.fields.get("success_action_redirect") or self.fields.get("redirect") or ""
        if urlsplit(target).scheme in ("http", "https"):
            joint = "&" if urlsplit(target).query else "?"
            told = urlencode({"bucket": self.bucket, "key": self.key, "etag": etag})
            return HttpResponse(303, headers | {"Location": target + joint + told})
        status = self.fields.get("success_action_status", "")
        if status == "201":
            members = {"Location": self.location, "Bucket": self.bucket, "Key": self.key, "ETag": etag}
            inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in members.items())
            text = f'<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse>{inner}</PostResponse>'
            return HttpResponse(201, headers | {"Content-Type": "application/xml"}, text.encode())
        return HttpResponse(200 if status == "200" else 204, headers)


async def read(http: HttpRequest, incoming: Incoming, endpoint: str, now: float) -> FormUpload:
    """The upload that a form asks for; its file is still to be read. Raises `ServiceError`."""
    _, options = parse_options_header(http.headers["content-type"])
    form = _Form(options.get(b"boundary", b""))
    source = incoming.pieces()
    while not form.has_file:
        piece = await anext(source, None)
        if piece is None:
            raise ServiceError("InvalidArgument", "POST requires exactly one file upload per request.", 400)
        form.feed(bytes(piece))
    fields = form.fields
    if "key" not in fields:
        raise ServiceError(
            "InvalidArgument", "Bucket POST must contain a field named 'key'.  If it is specified, please check the "
            "order of the fields.", 400,
        )  # fmt: skip
    bucket = unquote(http.resource_path.strip("/"))
    key = fields["key"].replace("${filename}", form.file_name)
    signed = from_form(fields)
    limits = _check_policy(fields, bucket, key, now) if signed is not None else (0, None)
    path = f"/{quote(bucket)}/{quote(key)}"
    put = HttpRequest("PUT", path, "", _headers(http, fields), http.client)

    async def pieces() -> AsyncIterator[Piece]:
        size = 0
        while True:
            for data in form.take():
                size += len(data)
                _check_length(size, (0, limits[1]))
                yield data
            if form.file_ended:
                _check_length(size, limits)
                return
            piece = await anext(source, None)
            if piece is None:
                raise _malformed()
            form.feed(bytes(piece))

    body = _File(pieces())
    return FormUpload(put, body, signed, fields, bucket, key, endpoint + path)


class _File(Incoming):
    """The file of a form, as the body of a request."""

    def __init__(self, source: AsyncIterator[Piece]) -> None:
        super().__init__()
        self._source = source

    def pieces(self) -> AsyncIterator[Piece]:
        return self._source


def _headers(http: HttpRequest, fields: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in http.headers.items() if name in ("host", "user-agent", "referer", "origin")}
    kept["transfer-encoding"] = "chunked"  # only the whole form's length is known
    for name, value in fields.items():
        if name in _HEADERS or name.startswith(_AMZ_HEADERS):
            kept[name] = value
    if "acl" in fields:
        kept["x-amz-acl"] = fields["acl"]
    if "tagging" in fields:
        raise ServiceError("NotImplemented", "Tags in a form are not served.", 501)
    return kept


@dataclass
class _Form:
    """A multipart form up to its file, and the file's bytes as they come."""

    boundary: bytes
    fields: dict[str, str] = field(default_factory=dict)
    file_name: str = ""
    has_file: bool = False
    file_ended: bool = False

    def __post_init__(self) -> None:
        self._header: dict[bytes, bytes] = {}
        self._name, self._value = b"", b""
        self._field, self._text, self._taken = "", b"", 0
        self._file: list[bytes] = []
        callbacks: dict[str, Any] = {
            "on_header_field": self._on_header_field,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_part_data": self._on_part_data,
            "on_part_end": self._on_part_end,
        }
        if not self.boundary:
            raise _malformed()
        self._parser = MultipartParser(self.boundary, callbacks)  # type: ignore[arg-type]

    def feed(self, piece: bytes) -> None:
        try:
            self._parser.write(piece)
        except MultipartParseError:
            raise _malformed() from None

    def take(self) -> list[bytes]:
        taken, self._file = self._file, []
        return taken

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._header[self._name.lower()] = self._value
        self._name, self._value = b"", b""

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._header.get(b"content-disposition", b""))
        self._field = options.get(b"name", b"").decode("utf-8", "replace").lower()
        self._text, self._header = b"", {}
        if self._field == "file" and not self.has_file:
            self.has_file = True
            self.file_name = options.get(b"filename", b"").decode("utf-8", "replace")

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self.has_file:
            if not self.file_ended:
                self._file.append(data[start:end])
            return
        self._taken += end - start
        if self._taken > _MOST_FIELD_BYTES:
            raise ServiceError(
                "MaxPostPreDataLengthExceeded", "Your POST request fields preceding the upload file were too large.",
                400,
            )  # fmt: skip
        self._text += data[start:end]

    def _on_part_end(self) -> None:
        if self.has_file:
            self.file_ended = True
        elif self._field:
            self.fields[self._field] = self._text.decode("utf-8", "replace")


# The policy


def _check_policy(fields: dict[str, str], bucket: str, key: str, now: float) -> tuple[int, int | None]:
    """The least and the most bytes that the policy allows. Raises `ServiceError` unless it allows these fields."""
    policy = _policy(fields.get("policy", ""))
    try:
        expires = datetime.fromisoformat(policy["expiration"].replace("Z", "+00:00"))
    except (AttributeError, ValueError):
        raise _no_policy("the expiration is not a date") from None
    if (expires if expires.tzinfo else expires.replace(tzinfo=UTC)).timestamp() < now:
        raise _refused("Policy expired.")
    given = fields | {"bucket": bucket, "key": key}
    limits: tuple[int, int | None] = (0, None)
    named: set[str] = set()
    for condition in policy["conditions"]:
        if isinstance(condition, list) and len(condition) == 3 and condition[0] == "content-length-range":
            limits = _limits(condition)
            continue
        operator, name, wanted = _triple(condition)
        named.add(name)
        value = given.get(name, "")
        if not (value == wanted if operator == "eq" else value.startswith(wanted)):
            raise _refused(f"Policy Condition failed: {json.dumps(condition)}")
    extra = {name for name in fields if not name.startswith("x-ignore-")} - named - _UNCHECKED
    if extra:
        raise _refused(f"Extra input fields: {', '.join(sorted(extra))}")
    return limits


def _policy(text: str) -> dict[str, Any]:
    try:
        policy = json.loads(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        raise _no_policy("it is not JSON in base64") from None
    if not isinstance(policy, dict) or not isinstance(policy.get("conditions"), list) or "expiration" not in policy:
        raise _no_policy("it needs an expiration and conditions")
    return policy


def _triple(condition: Any) -> tuple[str, str, str]:
    """(eq or starts-with, field, value). Raises `InvalidPolicyDocument`."""
    if isinstance(condition, dict) and len(condition) == 1:
        name, value = next(iter(condition.items()))
        operator = "eq"
    elif isinstance(condition, list) and len(condition) == 3 and all(isinstance(part, str) for part in condition):
        operator, name, value = condition
        if not name.startswith("$"):
            raise _no_policy(f"{name} must begin with $")
        operator, name = operator.lower(), name[1:]
    else:
        raise _no_policy("a condition is neither an object of one member nor a list of three")
    if operator not in ("eq", "starts-with") or not isinstance(value, str):
        raise _no_policy(f"{operator} is not a condition")
    return operator, name.lower(), value


def _limits(condition: list[Any]) -> tuple[int, int]:
    try:
        return int(condition[1]), int(condition[2])
    except (TypeError, ValueError):
        raise _no_policy("content-length-range needs two numbers") from None


def _check_length(size: int, limits: tuple[int, int | None]) -> None:
    if size < limits[0]:
        raise ServiceError("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", 400)
    if limits[1] is not None and size > limits[1]:
        raise ServiceError("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", 400)


def _refused(why: str) -> ServiceError:
    return ServiceError("AccessDenied", f"Invalid according to Policy: {why}", 403)


def _no_policy(why: str) -> ServiceError:
    return ServiceError("InvalidPolicyDocument", f"Invalid Policy: {why}", 400)


def _malformed() -> ServiceError:
    return ServiceError(
        "MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data.", 400
    )
