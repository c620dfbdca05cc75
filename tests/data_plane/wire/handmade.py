"""Requests made by hand: what boto3 would never send, signed or nearly signed."""

import hashlib
import hmac
import http.client
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from twinplane.data_plane.testing import RunningPlane


@dataclass
class Answered:
    status: int
    headers: dict[str, str]
    body: bytes


def send(
    plane: RunningPlane,
    method: str,
    path: str,
    body: bytes | Iterable[bytes] = b"",
    headers: dict[str, str] | None = None,
) -> Answered:
    """Sends a request exactly as given; an iterable body goes out with Transfer-Encoding: chunked."""
    connection = http.client.HTTPConnection(str(urlsplit(plane.endpoint).netloc), timeout=10)
    try:
        connection.request(method, path, body or None, headers or {}, encode_chunked=not isinstance(body, bytes))
        response = connection.getresponse()
        return Answered(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        connection.close()


def credentials(plane: RunningPlane) -> Credentials:
    keys = plane.administrator()
    return Credentials(keys["aws_access_key_id"], keys["aws_secret_access_key"])


def signed_headers(
    plane: RunningPlane, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None, *,
    service: str = "s3", region: str | None = None,
) -> dict[str, str]:  # fmt: skip
    """The headers with which botocore would sign this request. The body's own `x-amz-content-sha256` is kept."""
    request = AWSRequest(method, plane.endpoint + path, headers or {}, body)
    claimed = request.headers.get("x-amz-content-sha256")
    signer = (S3SigV4Auth if service == "s3" else SigV4Auth)(credentials(plane), service, region or plane.region)
    if claimed is not None:
        signer.payload = lambda _request: claimed
    signer.add_auth(request)
    return dict(request.headers.items())


def signed_chunks(
    plane: RunningPlane, path: str, chunks: list[bytes], extra: dict[str, str] | None = None,
    trailer: dict[str, str] | None = None,
) -> tuple[dict[str, str], bytes]:  # fmt: skip
    """Headers and body of an upload in signed chunks, as AWS's documentation describes them."""
    form = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" + ("-TRAILER" if trailer else "")
    headers = {
        "x-amz-content-sha256": form, "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": str(sum(map(len, chunks))), **(extra or {}),
    }  # fmt: skip
    if trailer:
        headers["x-amz-trailer"] = ",".join(trailer)
    headers = signed_headers(plane, "PUT", path, headers=headers)
    time, previous = headers["X-Amz-Date"], headers["Authorization"].rpartition("Signature=")[2]
    scope = f"{time[:8]}/{plane.region}/s3/aws4_request"
    key = ("AWS4" + plane.administrator()["aws_secret_access_key"]).encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")

    def sign(kind: str, *hashes: str) -> str:
        text = "\n".join((f"AWS4-HMAC-SHA256-{kind}", time, scope, previous, *hashes))
        return hmac.digest(key, text.encode(), "sha256").hex()

    body = b""
    for chunk in [*chunks, b""]:
        previous = sign("PAYLOAD", hashlib.sha256(b"").hexdigest(), hashlib.sha256(chunk).hexdigest())
        body += f"{len(chunk):x};chunk-signature={previous}\r\n".encode() + chunk + (b"\r\n" if chunk else b"")
    if trailer:
        lines = "".join(f"{name}:{value}\n" for name, value in trailer.items())
        seal = sign("TRAILER", hashlib.sha256(lines.encode()).hexdigest())
        body += lines.replace("\n", "\r\n").encode() + f"x-amz-trailer-signature:{seal}\r\n".encode()
    return headers, body + b"\r\n"


def amz_date() -> str:
    """Now, as X-Amz-Date."""
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
