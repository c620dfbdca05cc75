"""Pages as Lake Formation names them."""

from collections.abc import Callable
from typing import Any

from twinplane.data_plane.call import Call, Request
from twinplane.data_plane.pages import Fetch, page
from twinplane.data_plane.store import Document


def listing(
    call: Call, request: Request, fetch: Fetch, sort_key: Callable[[Document], list[Any]], *, most: int = 1000
) -> tuple[list[Document], str | None]:
    """One page by `MaxResults` and `NextToken`, and the token of the next, or None."""
    size, token = "MaxResults", "NextToken"
    return page(
        call, request, fetch, sort_key, size=size, token=token, default=most, most=most, error="InvalidInputException"
    )  # fmt: skip
