"""How S3 makes pages of listings: common prefixes, where a page ends, how keys are written."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from twinplane.data_plane.store import Document

Place = tuple[Any, ...]
"""Where a listing is: (key,), behind everything of that key; or (key, …), behind one of several things of that key."""


@dataclass
class Listing:
    """One page: documents, the common prefixes among them, and where the next page starts (None: nowhere)."""

    contents: list[Document] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    next_after: Place | None = None

    @property
    def count(self) -> int:
        return len(self.contents) + len(self.prefixes)


def listing(
    walk: Callable[[Place], Iterable[Document]], place: Callable[[Document], Place], prefix: str, delimiter: str,
    after: Place, limit: int,
) -> Listing:  # fmt: skip
    """A page of a listing: `walk(after)` gives the documents whose key begins with `prefix` and that lie behind
    `after`; `place` says where one lies.

    Keys that have `delimiter` after the prefix are rolled up into common prefixes; what lies below one is skipped by
    walking on from behind it, not by reading it.
    """
    page = Listing()
    if limit == 0:
        return page
    rolled_up = _common_prefix(after[0], prefix, delimiter)
    position: Place | None = (behind(rolled_up),) if rolled_up else after
    last = after
    while position is not None:
        start, position = position, None
        for document in walk(start):
            common = _common_prefix(document["key"], prefix, delimiter)
            if page.count == limit:
                page.next_after = last
                return page
            if common is not None:
                page.prefixes.append(common)
                last, position = (common,), (behind(common),)
                break
            page.contents.append(document)
            last = place(document)
    return page


def behind(prefix: str) -> str:
    """A key that sorts behind every key that begins with `prefix`."""
    return prefix + "\U0010ffff"


def _common_prefix(key: str, prefix: str, delimiter: str) -> str | None:
    if not delimiter or not key.startswith(prefix):
        return None
    end = key.find(delimiter, len(prefix))
    return None if end < 0 else key[: end + len(delimiter)]


def encoded(text: str, encoding_type: str | None) -> str:
    """A key as a listing with this EncodingType shows it."""
    return quote(text, safe="/-_.~*") if encoding_type == "url" else text
