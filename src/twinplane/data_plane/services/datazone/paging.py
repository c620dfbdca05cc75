"""Pages of what has no natural sort key: a search's ranking, a computed list."""

from collections.abc import Callable
from typing import Any

from twinplane.data_plane.call import Call, Request
from twinplane.data_plane.pages import page
from twinplane.data_plane.store import Document

Slice = Callable[[int, int], list[Document]]


def offset_page(call: Call, request: Request, fetch: Slice) -> tuple[list[Document], str | None]:
    """One page of `fetch(offset, limit)`, at most 50 documents, and the token of the next."""

    def numbered(after: list[Any] | None, limit: int) -> list[Document]:
        offset = after[0] if after else 0
        return [{"end": offset + i + 1, "document": d} for i, d in enumerate(fetch(offset, limit))]

    rows, token = page(call, request, numbered, lambda row: [row["end"]], most=50)
    return [row["document"] for row in rows], token


def list_page(call: Call, request: Request, documents: list[Document]) -> tuple[list[Document], str | None]:
    """One page of a list that is at hand."""
    return offset_page(call, request, lambda offset, limit: documents[offset : offset + limit])


def answer(items: list[Any], token: str | None) -> dict[str, Any]:
    """The usual answer of a listing."""
    return {"items": items} if token is None else {"items": items, "nextToken": token}
