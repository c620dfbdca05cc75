"""Pages of a listing: opaque tokens that are signed and bound to the request they continue."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import msgspec

from twinplane.data_plane.call import Call, Request, ServiceError
from twinplane.data_plane.store import Document

Fetch = Callable[[list[Any] | None, int], list[Document]]


def page(
    call: Call,
    request: Request,
    fetch: Fetch,
    sort_key: Callable[[Document], list[Any]],
    *,
    size: str = "maxResults",
    token: str = "nextToken",  # noqa: S107 - a member's name
    default: int = 50,
    most: int = 1000,
    error: str = "ValidationException",
) -> tuple[list[Document], str | None]:
    """One page of documents and the token of the next, or None.

    `fetch(after, limit)` gives at most `limit` documents behind the sort key `after`; `size` and `token` name the
    request's members. Raises `ServiceError(error)` on a token that is not ours or belongs to another request.
    """
    limit = min(int(request.get(size) or default), most)
    given = request.get(token)
    binding = _binding(call, {k: v for k, v in request.items() if k not in (size, token)})
    after = None if not given else _open(call, given, binding, error)
    rows = fetch(after, limit + 1)
    if len(rows) <= limit:
        return rows, None
    rows = rows[:limit]
    return rows, _seal(call, sort_key(rows[-1]), binding)


def _binding(call: Call, request: Request) -> bytes:
    who = (call.principal.iam_arn, call.principal.on_behalf_of)
    text = msgspec.json.encode([call.service, call.operation, who, request], order="sorted")
    return hashlib.sha256(text).digest()[:12]


def _seal(call: Call, key: list[Any], binding: bytes) -> str:
    body = msgspec.json.encode(key)
    mark = hmac.new(call.plane.keys.pages, binding + body, hashlib.sha256).digest()[:12]
    return base64.urlsafe_b64encode(mark + body).decode().rstrip("=")


def _open(call: Call, token: str, binding: bytes, error: str) -> list[Any]:
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        raise ServiceError(error, "The pagination token is not valid.") from None
    mark, body = raw[:12], raw[12:]
    expected = hmac.new(call.plane.keys.pages, binding + body, hashlib.sha256).digest()[:12]
    if not hmac.compare_digest(mark, expected):
        raise ServiceError(error, "The pagination token is not valid for this request.")
    key: list[Any] = msgspec.json.decode(body)
    return key
