"""The page where a person lets a client in that shows her a code: sign in, compare the code, allow or deny."""

from typing import TYPE_CHECKING

from twinplane.data_plane.idp.pages import decision_page, device_page, message_page
from twinplane.data_plane.idp.passwords import NotSignedIn, Passwords
from twinplane.data_plane.idp.web import Refused, check_own_origin, form_of, page_answer
from twinplane.data_plane.services.identitystore import store as identity_store
from twinplane.data_plane.services.ssooidc import signing, store
from twinplane.data_plane.services.ssooidc.rules import InvalidContext, folded_user_code, open_seal, seal
from twinplane.data_plane.store import Document, Transaction

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from twinplane.data_plane.plane import Plane

_TICKET_SECONDS = 300.0
_UNKNOWN = "There is no request with this code, or it has expired. Compare it with the one that you were shown."


class Devices:
    """The device page of one plane. Between its two steps a sealed ticket says who signed in, and for which request."""

    def __init__(self, plane: "Plane", passwords: Passwords) -> None:
        self._plane, self._passwords = plane, passwords
        self._key = plane.keys.derive("device decision")
        self._path = signing.ISSUER_PATH + "/device"

    async def show(self, request: "Request") -> "Response":
        """Asks for the code, a name and the password."""
        return self._form(request.query_params.get("user_code", ""))

    async def start(self, _request: "Request") -> "Response":
        """What the start URL of an sso-session leads to: there is no portal to look at, only one for clients."""
        text = "Sign in from your machine: aws sso login, with this address as sso_start_url."
        return page_answer(message_page, "Access portal", text)

    async def submit(self, request: "Request") -> "Response":
        """Signs the person in and shows her what she would allow."""
        check_own_origin(request)
        form = await form_of(request)
        code, name = form.get("user_code", ""), form.get("name", "").strip()
        try:
            user = await self._passwords.sign_in(request, form, self._path)
        except NotSignedIn as error:
            return self._form(code, name, error.text, error.status)
        found = self._plane.store.read(lambda tx: self._waiting(tx, code))
        if found is None:  # said only to who signed in: codes cannot be tried out by anyone else
            return self._form(code, name, _UNKNOWN, 404)
        device, client = found
        ticket = seal(self._key, [user["UserId"], device["hash"], self._plane.clock() + _TICKET_SECONDS])
        return page_answer(
            decision_page, action=self._path + "/decision", ticket=ticket, user_code=device["user_code"],
            client=client["name"], name=user["UserName"], scopes=client["scopes"],
        )  # fmt: skip

    async def decide(self, request: "Request") -> "Response":
        """Notes what the person decided; the client hears of it when it asks next."""
        check_own_origin(request)
        form = await form_of(request)
        allowed = form.get("decision") == "allow"
        if not await self._plane.store.write(lambda tx: self._decide(tx, form.get("ticket", ""), allowed=allowed)):
            raise Refused("invalid_request", "This request has ended, or was decided on already. Start again.")
        if allowed:
            return page_answer(message_page, "Request allowed", "You can close this page and go on where you started.")
        return page_answer(message_page, "Request denied", "The client gets nothing. You can close this page.")

    def _decide(self, tx: Transaction, ticket: str, *, allowed: bool) -> bool:
        try:
            user_id, device_hash, expires_at = open_seal(self._key, ticket, tuple[str, str, float])
        except InvalidContext:
            return False
        device, now = tx.find(store.DEVICES, device_hash), self._plane.clock()
        waiting = device is not None and device["status"] == "PENDING" and min(expires_at, device["expires_at"]) > now
        if device is None or not waiting or identity_store.find_active_user(tx, user_id) is None:
            return False
        tx.put(store.DEVICES, device | {"status": "ALLOWED" if allowed else "DENIED", "user_id": user_id})
        return True

    def _waiting(self, tx: Transaction, user_code: str) -> tuple[Document, Document] | None:
        """The request with this code and the client that made it, or None."""
        now = self._plane.clock()
        device = store.find_device(tx, user_code, now)
        client = store.find_client(tx, device["client_id"], now) if device is not None else None
        return (device, client) if device is not None and client is not None else None

    def _form(self, code: str, name: str = "", error: str | None = None, status: int = 200) -> "Response":
        shown = folded_user_code(code[:32]) if code else ""
        return page_answer(device_page, status=status, action=self._path, user_code=shown, name=name, error=error)
