"""A request and a response of HTTP, as the protocols see them."""

import base64
from collections.abc import AsyncIterable
from dataclasses import dataclass, field
from http import HTTPStatus
from random import getrandbits
from urllib.parse import unquote_plus

from twinplane.data_plane.wire.body import FileRange


def new_request_id() -> str:
    """A random id in the form of a UUID. Unique, not secret: `uuid4` would cost as much as checking a signature."""
    digits = f"{getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def new_timed_id(seconds: float) -> str:
    """As `new_request_id`, of a moment: later ones sort behind earlier ones, so an index of them grows at its end."""
    digits = f"{getrandbits(76):019x}"
    moment = f"{int(seconds * 1000) & 0xFFFFFFFFFFFF:012x}"
    return f"{moment[:8]}-{moment[8:]}-7{digits[:3]}-a{digits[4:7]}-{digits[7:]}"


def host_id(request_id: str) -> str:
    """S3's second id of a request."""
    return base64.b64encode(request_id.encode()).decode()


def id_headers(protocol: str, request_id: str) -> dict[str, str]:
    """The headers in which a protocol's clients look for the request's id."""
    if protocol == "rest-xml":
        return {"x-amz-request-id": request_id, "x-amz-id-2": host_id(request_id)}
    return {"x-amzn-RequestId": request_id}


@dataclass(slots=True)
class HttpRequest:
    """`raw_path` and `query_string` are still percent-encoded; header names are lower case, repeated ones joined."""

    method: str
    raw_path: str
    query_string: str
    headers: dict[str, str]
    client: str = ""
    bucket: str = ""  # of S3, when the host names it
    body: bytes = b""
    form: dict[str, str] | None = None  # the body of the query protocol, once it was read
    stream: AsyncIterable[bytes | memoryview] | None = None  # the body of an operation that streams it
    query: dict[str, list[str]] = field(init=False)

    def __post_init__(self) -> None:
        self.query = {}
        if self.query_string:
            for part in self.query_string.split("&"):
                name, _, value = part.partition("=")
                self.query.setdefault(unquote_plus(name), []).append(unquote_plus(value))

    @property
    def resource_path(self) -> str:
        """The path of what is meant, still percent-encoded, whichever way it is addressed."""
        return f"/{self.bucket}{self.raw_path}" if self.bucket else self.raw_path

    def query_value(self, name: str) -> str | None:
        """The first value of a query parameter."""
        values = self.query.get(name)
        return values[0] if values else None


@dataclass(slots=True)
class HttpResponse:
    """`body` is bytes, or a part of a file that the server sends piece by piece."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | FileRange = b""

    @property
    def length(self) -> int:
        """Bytes of the body."""
        return len(self.body) if isinstance(self.body, bytes) else self.body.length


_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}" for status in HTTPStatus}


def head_of(response: HttpResponse, date: str, keep_alive: bool) -> bytes:
    """The bytes of a response before its body. Its headers' names have no odd characters; line breaks in values go."""
    lines = [_STATUS_LINES.get(response.status) or f"HTTP/1.1 {response.status} ", f"Date: {date}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    if response.status not in (204, 304) and "Content-Length" not in response.headers:
        lines.append(f"Content-Length: {response.length}")
    if not keep_alive:
        lines.append("Connection: close")
    lines.append("\r\n")
    head = "\r\n".join(lines)
    try:
        if head.count("\n") == head.count("\r") == len(lines):
            return head.encode("latin-1")  # as values came in: headers are bytes, and clients may send UTF-8 in them
    except UnicodeEncodeError:
        pass
    return b"\r\n".join(_line(line) for line in lines[:-1]) + b"\r\n\r\n"


def _line(line: str) -> bytes:
    try:
        raw = line.encode("latin-1")
    except UnicodeEncodeError:
        raw = line.encode("utf-8")
    return raw.translate(None, b"\r\n")
