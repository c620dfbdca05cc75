"""Glue's pages, and pages of what is left of a listing after leaving out what the caller may not see."""

from collections.abc import Callable
from typing import Any

from twinplane.data_plane.call import Answer, Call, Request
from twinplane.data_plane.pages import Fetch, page
from twinplane.data_plane.store import Document

_READ_AT_ONCE = 200

Rows = list[Document]
Key = Callable[[Document], list[Any]]


def glue_page(call: Call, request: Request, fetch: Fetch, key: Key, most: int = 100) -> tuple[Rows, Answer]:
    """One page of rows, and the answer's member that leads on to the next."""
    rows, following = page(
        call, request, fetch, key, size="MaxResults", token="NextToken", default=most, most=most,  # noqa: S106 - names
        error="InvalidInputException",
    )  # fmt: skip
    return rows, {"NextToken": following} if following else {}


def kept(fetch: Callable[[list[Any] | None, int], Rows], keep: Callable[[Rows], Rows], key: Key) -> Fetch:
    """Reads on with `fetch` until `keep` has left enough rows; `key` is a row's place in the order."""

    def fetch_kept(after: list[Any] | None, limit: int) -> Rows:
        found: Rows = []
        size = max(limit, _READ_AT_ONCE)
        while len(found) < limit:
            rows = fetch(after, size)
            found += keep(rows)
            if len(rows) < size:
                break
            after = key(rows[-1])
        return found[:limit]

    return fetch_kept
