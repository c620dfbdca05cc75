"""Authorization requests: a client sends the person's browser here, and gets it back with a code.

The development provider's clients come to `/_idp/authorize`; public clients and applications of Identity Center to
`/authorize`, where the AWS CLI looks for it. All prove themselves by PKCE when they exchange the code.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from twinplane.data_plane.idp.pages import message_page, sign_in_page
from twinplane.data_plane.idp.passwords import NotSignedIn, Passwords
from twinplane.data_plane.idp.web import Refused, back_answer, check_own_origin, form_of, page_answer
from twinplane.data_plane.services.ssoadmin import store as sso_store
from twinplane.data_plane.services.ssoadmin.rules import AUTHORIZATION_CODE
from twinplane.data_plane.services.ssooidc import signing, store
from twinplane.data_plane.services.ssooidc.rules import same_but_port
from twinplane.data_plane.store import Document, Transaction

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from twinplane.data_plane.plane import Plane

_MEMBERS = (
    "client_id", "redirect_uri", "response_type", "scope", "scopes", "state", "nonce", "code_challenge",
    "code_challenge_method", "response_mode", "prompt",
)  # fmt: skip
_CHALLENGE_LENGTH = 43


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks: `issuer` of the codes it gets (see `ssooidc.store`), its name for people, its application if any."""

    issuer: str
    name: str
    application: Document | None = None


FindClient = Callable[["Plane", Transaction, dict[str, str]], Client]
"""Finds the client of a request and checks that its redirect URI is one of its own. Raises `Refused`."""


def development_client(_plane: "Plane", _tx: Transaction, members: dict[str, str]) -> Client:
    """Any client that returns to this machine."""
    if not is_loopback_uri(members.get("redirect_uri", "")):
        raise Refused(
            "invalid_request",
            "The client must return to this machine: redirect_uri must be http://127.0.0.1:PORT/… or "
            "http://localhost:PORT/….",
        )
    return Client("idp", members["client_id"])


def center_client(plane: "Plane", tx: Transaction, members: dict[str, str]) -> Client:
    """A client that registered itself, or an application of Identity Center."""
    client_id, uri = members["client_id"], members.get("redirect_uri", "")
    application = sso_store.find_application(tx, client_id)
    if application is not None:
        grant = application["grants"].get(AUTHORIZATION_CODE)
        if application["Status"] != "ENABLED" or grant is None:
            raise Refused("unauthorized_client", "The application does not sign people in this way.")
        if uri not in grant["AuthorizationCode"]["RedirectUris"]:
            raise Refused("invalid_request", "The application is not registered for this redirect_uri.")
        return Client("sso", application["Name"], application)
    client = store.find_client(tx, client_id, plane.clock())
    if client is None:
        raise Refused("invalid_client", "There is no such client, or its registration has expired.")
    if not is_loopback_uri(uri) or not any(same_but_port(registered, uri) for registered in client["uris"]):
        raise Refused("invalid_request", "The client is not registered for this redirect_uri.")
    if AUTHORIZATION_CODE not in client["grants"]:
        raise Refused("unauthorized_client", "The client is not registered for authorization codes.")
    return Client("client", client["name"])


class Authorization:
    """The page of one authorization endpoint; its form posts to `path`."""

    def __init__(self, plane: "Plane", passwords: Passwords, path: str, find: FindClient) -> None:
        self._plane, self._passwords, self._path, self._find = plane, passwords, path, find

    async def show(self, request: "Request") -> "Response":
        """The sign-in form, or why there is none."""
        members = dict(request.query_params)
        try:
            client, refusal = self._asked(members)
        except Refused as error:
            return page_answer(message_page, "This sign-in cannot go on", error.description, status=400)
        return refusal or self._form(members, client, name=members.get("login_hint", ""))

    async def submit(self, request: "Request") -> "Response":
        """Takes name and password; back to the client with a code, or the form again saying what is wrong."""
        try:
            check_own_origin(request)
            form = await form_of(request)
            client, refusal = self._asked(form)
        except Refused as error:
            return page_answer(message_page, "This sign-in cannot go on", error.description, status=error.status)
        if refusal is not None:
            return refusal
        try:
            user = await self._passwords.sign_in(request, form, form["client_id"])
        except NotSignedIn as error:
            return self._form(form, client, form.get("name", "").strip(), error.text, error.status)
        code = await self._plane.store.write(lambda tx: self._code(tx, form, client, user))
        if code is None:
            return self._back(form, error="access_denied", error_description="The person may not use the application.")
        own = {"iss": signing.development_issuer(self._plane)} if client.issuer == "idp" else {}
        return self._back(form, code=code, **own)

    def _asked(self, members: dict[str, str]) -> "tuple[Client, Response | None]":
        """Who asks, and the redirect that refuses it. Raises `Refused` when the client may not even hear about it."""
        if not members.get("client_id"):
            raise Refused("invalid_request", "The client did not say who it is (client_id).")
        client = self._plane.store.read(lambda tx: self._find(self._plane, tx, members))
        return client, self._refusal(members, client)

    def _refusal(self, members: dict[str, str], client: Client) -> "Response | None":
        if members.get("response_type") != "code":
            return self._back(members, error="unsupported_response_type")
        challenge = members.get("code_challenge", "").rstrip("=")
        if members.get("code_challenge_method") != "S256" or len(challenge) != _CHALLENGE_LENGTH:
            return self._back(members, error="invalid_request", error_description="PKCE with S256 is required.")
        if client.issuer == "idp" and "openid" not in members.get("scope", "").split():
            return self._back(members, error="invalid_scope", error_description="The scope must contain openid.")
        if members.get("prompt") == "none":
            return self._back(members, error="login_required")
        return None

    def _code(self, tx: Transaction, form: dict[str, str], client: Client, user: Document) -> str | None:
        """A code for what the person signed in to; None when she may not use the application."""
        application = client.application
        if application is not None:
            application = sso_store.find_application(tx, application["ApplicationArn"])
            if application is None or not sso_store.may_use(tx, application, user["UserId"]):
                return None
        scope, now = form.get("scope") or form.get("scopes") or "", self._plane.clock()
        return store.new_code(
            tx, issuer=client.issuer, now=now, client_id=form["client_id"], redirect_uri=form["redirect_uri"],
            challenge=form["code_challenge"].rstrip("="), user_id=user["UserId"], scope=scope, scopes=scope.split(),
            nonce=form.get("nonce"), signed_in_at=now,
        )  # fmt: skip

    def _form(
        self, members: dict[str, str], client: Client, name: str = "", error: str | None = None, status: int = 200
    ) -> "Response":
        return page_answer(
            sign_in_page,
            status=status,
            back_to=members["redirect_uri"],
            client=client.name,
            action=self._path,
            hidden={member: members[member] for member in _MEMBERS if members.get(member)},
            name=name,
            error=error,
        )

    def _back(self, members: dict[str, str], **answer: str) -> "Response":
        if members.get("state"):
            answer["state"] = members["state"]
        return back_answer(members["redirect_uri"], answer)


def is_loopback_uri(uri: str) -> bool:
    """Does the URI lead to a server on this machine, over http, and nowhere else?"""
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return False
    plain = all(" " < character < "\x7f" and character not in "\\<>\"'" for character in uri)
    return (
        plain
        and parts.scheme == "http"
        and parts.netloc in (f"127.0.0.1:{port}", f"localhost:{port}", "127.0.0.1", "localhost")
        and not parts.fragment
    )
