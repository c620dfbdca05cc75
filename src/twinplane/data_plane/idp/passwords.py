"""Who is it? A name of the identity store and the development password, with a limit on guessing."""

import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from twinplane.data_plane.idp.web import same
from twinplane.data_plane.services.cloudtrail.store import add_event
from twinplane.data_plane.services.identitystore import store as identity_store
from twinplane.data_plane.services.ssooidc import signing
from twinplane.data_plane.store import Document

if TYPE_CHECKING:
    from starlette.requests import Request

    from twinplane.data_plane.plane import Plane

_WRONG = "This name and development password do not go together."
_HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"  # what CloudTrail shows where a password may have been typed as a name


class NotSignedIn(Exception):
    """Name and password were not right, or it is too early to try again; the text is for the person."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.text, self.status = text, status


@dataclass
class Throttle:
    """Slows guessing down: a few failures per name and a few dozen in all, then a pause."""

    per_name: int = 5
    in_all: int = 50
    seconds: float = 60.0
    _failures: deque[tuple[float, str]] = field(default_factory=deque)

    def wait_seconds(self, name: str, now: float) -> float:
        """How long this name must wait before the next try; 0: not at all."""
        while self._failures and self._failures[0][0] <= now - self.seconds:
            self._failures.popleft()
        mine = [at for at, failed in self._failures if failed == name]
        if len(mine) >= self.per_name:
            return mine[-self.per_name] + self.seconds - now
        if len(self._failures) >= self.in_all:
            return self._failures[-self.in_all][0] + self.seconds - now
        return 0.0

    def failed(self, name: str, now: float) -> None:
        self._failures.append((now, name))


class Passwords:
    """Checks names and passwords, and records each try."""

    def __init__(self, plane: "Plane") -> None:
        self._plane = plane
        self._throttle = Throttle()
        self._password = signing.development_password(plane)

    async def sign_in(self, request: "Request", form: dict[str, str], login_to: str) -> Document:
        """The user whose `name` and `password` the form holds. Raises `NotSignedIn`."""
        name, now = form.get("name", "").strip(), self._plane.clock()
        wait = self._throttle.wait_seconds(name.casefold(), now)
        if wait > 0:
            raise NotSignedIn(f"Too many wrong tries. Try again in {int(wait) + 1} seconds.", 429)
        right = same(form.get("password", ""), self._password)
        user = self._plane.store.read(lambda tx: identity_store.find_user(tx, name))
        ok = right and user is not None and identity_store.is_active(user)
        if not ok:
            self._throttle.failed(name.casefold(), now)
        await self._record(request, login_to, user, now, ok=ok)
        if not ok or user is None:
            raise NotSignedIn(_WRONG, 401)
        return user

    async def _record(self, request: "Request", login_to: str, user: Document | None, now: float, *, ok: bool) -> None:
        settings = self._plane.settings
        identity: dict[str, Any] = {
            "type": "IdentityCenterUser",
            "accountId": settings.account_id,
            "userName": user["UserName"] if user else _HIDDEN,
        }
        if user is not None and ok:
            identity["onBehalfOf"] = {
                "userId": user["UserId"],
                "identityStoreArn": identity_store.identity_store_arn(self._plane),
            }
        event: dict[str, Any] = {
            "eventVersion": "1.11", "eventID": str(uuid.uuid4()), "eventTime": now,
            "eventSource": "signin.amazonaws.com", "eventName": "UserAuthentication", "eventType": "AwsServiceEvent",
            "eventCategory": "Management", "readOnly": False, "managementEvent": True, "awsRegion": settings.region,
            "recipientAccountId": settings.account_id, "userIdentity": identity, "requestParameters": None,
            "responseElements": None, "requestID": str(uuid.uuid4()),
            "sourceIPAddress": request.client.host if request.client else "",
            "userAgent": request.headers.get("user-agent", "")[:1024],
            "additionalEventData": {"CredentialType": "PASSWORD", "LoginTo": login_to},
            "serviceEventDetails": {"UserAuthentication": "Success" if ok else "Failure"},
        }  # fmt: skip
        if not ok:
            event |= {"errorCode": "AccessDenied", "errorMessage": "The name or the password was wrong."}
        await self._plane.store.write(lambda tx: add_event(tx, self._plane, event))
