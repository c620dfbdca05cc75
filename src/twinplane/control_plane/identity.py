"""Who the person is: OpenID Connect sign-in, sessions that can be revoked, and her identity towards the data plane.

A session is an opaque token whose hash is stored. What the person's provider gave is exchanged at once for her
identity at IAM Identity Center; only the refresh token of that exchange is kept, sealed, so that a restart keeps
sessions. Tokens never reach the browser.
"""

import base64
import contextlib
import hashlib
import json
import os
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import sqlalchemy as sa
from botocore.exceptions import ClientError
from cryptography.fernet import Fernet, InvalidToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from twinplane.control_plane.aws import RENEW_BEFORE, Clients, DataPlane, code_of
from twinplane.control_plane.database import Database, Transaction, UtcTime, metadata
from twinplane.control_plane.errors import BadRequest, DataPlaneUnavailable, NotSignedIn
from twinplane.control_plane.settings import Settings
from twinplane.mesh.model import Mesh

SESSIONS = sa.Table(
    "session",
    metadata,
    sa.Column("token_hash", sa.String(64), primary_key=True),
    sa.Column("user_id", sa.String(128), nullable=False),
    sa.Column("name", sa.String(128), nullable=False),
    sa.Column("display_name", sa.String(200), nullable=False),
    sa.Column("sealed_refresh_token", sa.Text),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False),
    sa.Index("session_user", "user_id"),
    sa.Index("session_expiry", "expires_at"),
)
SIGN_INS = sa.Table(
    "sign_in",
    metadata,
    sa.Column("state_hash", sa.String(64), primary_key=True),
    sa.Column("sealed", sa.Text, nullable=False),  # verifier, nonce, where to go next
    sa.Column("created_at", UtcTime, nullable=False),
)

SESSION_LASTS = timedelta(hours=8)  # as long as IAM Identity Center renews an identity
SIGN_IN_LASTS = timedelta(minutes=10)
GROUPS_KEPT_SECONDS = 3.0
GROUP_NAMES_KEPT_SECONDS = 300.0
KEYS_KEPT_SECONDS = 300.0
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ALGORITHMS = ["RS256", "ES256"]


@dataclass(frozen=True)
class Person:
    """Who is signed in, with her groups and roles as they are now. `session` names her session, not its secret."""

    session: str
    user_id: str
    name: str
    display_name: str
    groups: frozenset[str]
    roles: frozenset[str]


@dataclass(frozen=True)
class SignIn:
    """What the browser must bring back from the provider, and where it goes first."""

    state: str
    url: str


class Issuer:
    """The people's OpenID Connect provider, as its discovery document describes it."""

    def __init__(self, url: str, client_id: str, client: httpx.Client) -> None:
        self.url, self.client_id, self._client = url, client_id, client
        self._lock = threading.Lock()
        self._kept: tuple[float, dict[str, Any], KeySet] | None = None

    def endpoint(self, name: str) -> str:
        """An endpoint of the provider, such as `token_endpoint`."""
        return str(self._discover()[0][name])

    def verify(self, id_token: str, nonce: str | None = None) -> dict[str, Any]:
        """The claims of a token that this issuer signed for us and that is valid now. Raises `NotSignedIn`."""
        try:
            token = self._decode(id_token)
            registry = jwt.JWTClaimsRegistry(
                leeway=30,
                iss={"essential": True, "value": self.url},
                aud={"essential": True, "value": self.client_id},
                sub={"essential": True},
                exp={"essential": True},
            )
            registry.validate(token.claims)
        except (JoseError, ValueError) as error:
            raise NotSignedIn(f"The identity token is not valid: {error}") from error
        if nonce is not None and token.claims.get("nonce") != nonce:
            raise NotSignedIn("The identity token was issued for another sign-in.")
        return dict(token.claims)

    def redeem(self, code: str, verifier: str, redirect_uri: str) -> str:
        """The identity token for an authorization code. Raises `NotSignedIn`."""
        answer = self._client.post(
            self.endpoint("token_endpoint"),
            data={
                "grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri,
                "client_id": self.client_id, "code_verifier": verifier,
            },
        )  # fmt: skip
        if answer.status_code != 200:
            raise NotSignedIn("The identity provider did not accept the sign-in. Try again.")
        return str(answer.json()["id_token"])

    def _decode(self, id_token: str) -> jwt.Token:
        try:
            return jwt.decode(id_token, self._discover()[1], algorithms=ALGORITHMS)
        except (JoseError, ValueError):
            # the provider may have changed its keys
            return jwt.decode(id_token, self._discover(older_than=5.0)[1], algorithms=ALGORITHMS)

    def _discover(self, older_than: float = KEYS_KEPT_SECONDS) -> tuple[dict[str, Any], KeySet]:
        with self._lock:
            if self._kept is None or time.monotonic() - self._kept[0] > older_than:
                try:
                    answer = self._client.get(f"{self.url}/.well-known/openid-configuration")
                    document = answer.raise_for_status().json()
                    keys = self._client.get(document["jwks_uri"]).raise_for_status().json()
                except (httpx.HTTPError, ValueError, KeyError) as error:
                    raise DataPlaneUnavailable(
                        f"The identity provider {self.url} did not answer as one: {error}"
                    ) from error
                if document.get("issuer") != self.url:
                    other = document.get("issuer")
                    raise DataPlaneUnavailable(f"The identity provider {self.url} names itself {other}")
                self._kept = (time.monotonic(), document, KeySet.import_key_set(keys))
            return self._kept[1], self._kept[2]


class Identity:
    """Signs people in and out, and answers who a session belongs to."""

    def __init__(self, settings: Settings, mesh: Mesh, database: Database, data_plane: DataPlane) -> None:
        self._settings, self._mesh, self._database, self._data_plane = settings, mesh, database, data_plane
        self._http = httpx.Client(timeout=10, trust_env=False)
        self.issuer = Issuer(settings.issuer, settings.client_id, self._http)
        self._seal = Fernet(_sealing_key(settings.state / "sessions.key"))
        self._lock, self._renewing = threading.Lock(), threading.Lock()
        self._clients: dict[str, Clients] = {}
        self._groups: dict[str, tuple[float, frozenset[str]]] = {}
        self._group_names: dict[str, tuple[float, str]] = {}

    def close(self) -> None:
        self._http.close()

    def begin_sign_in(self, next_path: str, redirect_uri: str) -> SignIn:
        """Prepares a sign-in at the provider (authorization code with PKCE)."""
        state, nonce, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        with self._database.write() as tx:
            tx.execute(sa.delete(SIGN_INS).where(SIGN_INS.c.created_at < tx.now - SIGN_IN_LASTS))
            sealed = self._sealed("\n".join((verifier, nonce, redirect_uri, next_path)))
            tx.execute(sa.insert(SIGN_INS).values(state_hash=_hash(state), sealed=sealed, created_at=tx.now))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code", "client_id": self.issuer.client_id, "redirect_uri": redirect_uri,
            "scope": "openid profile email", "state": state, "nonce": nonce, "code_challenge": challenge,
            "code_challenge_method": "S256",
        }  # fmt: skip
        return SignIn(state, f"{self.issuer.endpoint('authorization_endpoint')}?{urlencode(query)}")

    def finish_sign_in(self, state: str, code: str) -> tuple[str, datetime, str]:
        """Redeems the code and opens a session. Returns its token, its end and where to go. Raises `NotSignedIn`."""
        with self._database.write() as tx:
            row = tx.row(sa.select(SIGN_INS).where(SIGN_INS.c.state_hash == _hash(state)))
            used = tx.changed(sa.delete(SIGN_INS).where(SIGN_INS.c.state_hash == _hash(state)))
            if row is None or used != 1 or row["created_at"] < tx.now - SIGN_IN_LASTS:
                raise NotSignedIn("This sign-in was used already or took too long. Start again.")
        verifier, nonce, redirect_uri, next_path = self._unsealed(row["sealed"]).split("\n", 3)
        id_token = self.issuer.redeem(code, verifier, redirect_uri)
        token, expires_at = self.open_session(id_token, nonce)
        return token, expires_at, next_path

    def open_session(self, id_token: str, nonce: str | None = None) -> tuple[str, datetime]:
        """Opens a session for whom the identity token names. Returns its token and its end. Raises `NotSignedIn`."""
        self.issuer.verify(id_token, nonce)
        answer = self._exchange(grantType=JWT_BEARER, assertion=id_token)
        user_id = _claims(answer["idToken"])["sub"]
        user = self._data_plane.app.client("identitystore").describe_user(
            IdentityStoreId=self._data_plane.found.identity_store_id, UserId=user_id
        )
        if user.get("UserStatus") == "DISABLED":
            raise NotSignedIn("This person is disabled in the identity store.")
        token = f"tps_{secrets.token_urlsafe(32)}"
        refresh_token = answer.get("refreshToken")
        with self._database.write() as tx:
            expires_at = tx.now + SESSION_LASTS
            tx.execute(sa.delete(SESSIONS).where(SESSIONS.c.expires_at < tx.now))
            tx.execute(
                sa.insert(SESSIONS).values(
                    token_hash=_hash(token), user_id=user_id, name=user["UserName"],
                    display_name=user.get("DisplayName") or user["UserName"],
                    sealed_refresh_token=self._sealed(refresh_token) if refresh_token else None,
                    created_at=tx.now, expires_at=expires_at,
                )
            )  # fmt: skip
        self._keep_clients(_hash(token), _identity_context(answer), user["UserName"])
        return token, expires_at

    def person(self, token: str) -> Person:
        """Whose session the token opens. Raises `NotSignedIn`."""
        with self._database.read() as tx:
            row = tx.row(sa.select(SESSIONS).where(SESSIONS.c.token_hash == _hash(token)))
        if row is None or row["expires_at"] <= self._database.clock():
            raise NotSignedIn("The session has ended. Sign in again.")
        groups = self.groups_of(row["user_id"])
        return Person(
            session=row["token_hash"], user_id=row["user_id"], name=row["name"], display_name=row["display_name"],
            groups=groups, roles=frozenset(self._mesh.roles_of(groups)),
        )  # fmt: skip

    def close_session(self, tx: Transaction, person: Person) -> None:
        """Revokes the session: its token opens nothing any more."""
        tx.execute(sa.delete(SESSIONS).where(SESSIONS.c.token_hash == person.session))
        tx.after_commit.append(lambda: self._forget(person.session))

    def clients(self, person: Person) -> Clients:
        """The data plane's clients with the person's identity. Raises `NotSignedIn` when it cannot be renewed."""
        with self._lock:
            kept = self._clients.get(person.session)
        if kept and kept.expires_at and kept.expires_at - self._database.clock() > RENEW_BEFORE:
            return kept
        with self._renewing:  # a refresh token may be used once
            kept = self._clients.get(person.session)
            if kept and kept.expires_at and kept.expires_at - self._database.clock() > RENEW_BEFORE:
                return kept
            return self._renew(person)

    def _renew(self, person: Person) -> Clients:
        with self._database.read() as tx:
            row = tx.row(sa.select(SESSIONS).where(SESSIONS.c.token_hash == person.session))
        if row is None or not row["sealed_refresh_token"]:
            raise NotSignedIn("The identity of this session cannot be renewed. Sign in again.")
        answer = self._exchange(grantType="refresh_token", refreshToken=self._unsealed(row["sealed_refresh_token"]))
        if answer.get("refreshToken"):
            with self._database.write() as tx:
                sealed = self._sealed(answer["refreshToken"])
                where = SESSIONS.c.token_hash == person.session
                tx.execute(sa.update(SESSIONS).where(where).values(sealed_refresh_token=sealed))
        return self._keep_clients(person.session, _identity_context(answer), person.name)

    def groups_of(self, user_id: str) -> frozenset[str]:
        """Names of the groups the user is in now; what was read a few seconds ago counts as now."""
        with self._lock:
            kept = self._groups.get(user_id)
        if kept and time.monotonic() - kept[0] < GROUPS_KEPT_SECONDS:
            return kept[1]
        store, identities = self._data_plane.found.identity_store_id, self._data_plane.app.client("identitystore")
        pages = identities.get_paginator("list_group_memberships_for_member").paginate(
            IdentityStoreId=store, MemberId={"UserId": user_id}
        )
        group_ids = [m["GroupId"] for page in pages for m in page["GroupMemberships"]]
        groups = frozenset(self._group_name(identities, store, group_id) for group_id in group_ids)
        with self._lock:
            self._groups[user_id] = (time.monotonic(), groups)
        return groups

    def _group_name(self, identities: Any, store: str, group_id: str) -> str:
        with self._lock:
            kept = self._group_names.get(group_id)
        if kept and time.monotonic() - kept[0] < GROUP_NAMES_KEPT_SECONDS:
            return kept[1]
        name = str(identities.describe_group(IdentityStoreId=store, GroupId=group_id)["DisplayName"])
        with self._lock:
            self._group_names[group_id] = (time.monotonic(), name)
        return name

    def _exchange(self, **grant: str) -> Mapping[str, Any]:
        client = self._data_plane.app.client("sso-oidc")
        try:
            return dict(client.create_token_with_iam(clientId=self._data_plane.found.application_arn, **grant))
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status >= 500 or code_of(error) == "InvalidClientException":
                raise DataPlaneUnavailable(f"IAM Identity Center could not exchange the token: {error}") from error
            raise NotSignedIn(f"IAM Identity Center does not accept this identity: {error}") from error

    def _keep_clients(self, session: str, identity_context: str, name: str) -> Clients:
        clients = self._data_plane.as_identity(identity_context, name)
        now = self._database.clock()
        with self._lock:
            ended = [key for key, kept in self._clients.items() if kept.expires_at and kept.expires_at < now]
            for key in ended:
                del self._clients[key]
            self._clients[session] = clients
        return clients

    def _forget(self, session: str) -> None:
        with self._lock:
            self._clients.pop(session, None)

    def _sealed(self, text: str) -> str:
        return self._seal.encrypt(text.encode()).decode()

    def _unsealed(self, sealed: str) -> str:
        try:
            return self._seal.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise NotSignedIn("The session was sealed with another key. Sign in again.") from None


def check_next_path(path: str) -> str:
    """A path of this app to go to after sign-in. Raises `BadRequest` for anything that leads elsewhere."""
    if not path.startswith("/") or path.startswith(("//", "/\\")) or any(c in path for c in "\r\n\t\\"):
        raise BadRequest("`next` must be a path of this app, such as /projects.")
    return path


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _claims(token: str) -> dict[str, Any]:
    """Claims of a token that came from AWS itself over its own connection: read, not verified."""
    payload = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))


def _identity_context(answer: Mapping[str, Any]) -> str:
    details = answer.get("awsAdditionalDetails") or {}
    return str(details.get("identityContext") or _claims(answer["idToken"])["sts:identity_context"])


def _sealing_key(path: Path) -> bytes:
    """The key that seals refresh tokens: made once, whole or not at all, readable by the app's user only."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f"{path.name}.{os.getpid()}.new")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(Fernet.generate_key())
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # another process made it meanwhile: its key is the one
            os.link(new, path)
        new.unlink()
    return path.read_bytes().strip()
