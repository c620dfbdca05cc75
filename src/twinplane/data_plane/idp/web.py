"""What the provider's pages and endpoints share: forms, answers, and who may post them."""

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_MAX_FORM_BYTES = 32_768
_UNCACHED = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin"}


class Refused(Exception):
    """An OAuth error. `description` may be shown to whoever asked."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error, self.description, self.status = error, description, status


async def form_of(request: "Request") -> dict[str, str]:
    """The members of a posted form. Raises `Refused` on one that is too large or cannot be read."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _MAX_FORM_BYTES:
            raise Refused("invalid_request", "The form is too large.", 413)
    try:
        return dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=50))
    except ValueError:
        raise Refused("invalid_request", "The form cannot be read.") from None


def check_own_origin(request: "Request") -> None:
    """Only our own pages may post here. Browsers say where a form came from. Raises `Refused`."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if foreign or site not in (None, "same-origin", "none"):
        raise Refused("access_denied", "This form was sent from another site.", 403)


def same(given: str, expected: str) -> bool:
    """Equality in a time that tells nothing, not even the length."""
    return hmac.compare_digest(hashlib.sha256(given.encode()).digest(), hashlib.sha256(expected.encode()).digest())


def json_answer(body: dict[str, Any], status: int = 200) -> "Response":
    """A JSON answer that nobody keeps."""
    from starlette.responses import JSONResponse

    return JSONResponse(body, status_code=status, headers=_UNCACHED)


def page_answer(render: Any, *texts: str, status: int = 200, back_to: str | None = None, **members: Any) -> "Response":
    """A page under a policy that lets it load and run nothing, and post only here and to `back_to`."""
    from starlette.responses import HTMLResponse

    nonce = secrets.token_urlsafe(16)
    forms = "'self'"  # browsers hold the redirect that answers the form to this policy, too
    if back_to is not None:
        parts = urlsplit(back_to)
        forms += f" {parts.scheme}://{parts.netloc}"
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; form-action {forms}; frame-ancestors 'none'; base-uri 'none'"
    )
    return HTMLResponse(
        render(*texts, nonce=nonce, **members),
        status_code=status,
        headers={**_UNCACHED, "Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff"},
    )


def back_answer(uri: str, members: dict[str, str]) -> "Response":
    """Sends the browser to a URI that was checked, with these members in its query."""
    from starlette.responses import RedirectResponse

    joined = uri + ("&" if urlsplit(uri).query else "?") + urlencode(members) if members else uri
    return RedirectResponse(joined, status_code=303, headers=_UNCACHED)
