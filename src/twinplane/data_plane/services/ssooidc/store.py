"""Clients, codes and tokens that were issued or used; secrets are known by their hash only.

What can be used once is used up, durably, before anything is given for it.
"""

import hashlib
import secrets
from typing import Any

from twinplane.data_plane.services.ssooidc.rules import folded_user_code, new_user_code
from twinplane.data_plane.store import AlreadyExists, Document, Kind, Transaction

USED_ASSERTIONS = Kind("ssooidc_used_assertion", key=("issuer", "token_id"), indexes=(("expires_at",),))
# `issuer` says whose a token or code is: "sso" (an application's), "client" (a public client's), "idp" (the
# development issuer's). Everything that came of one sign-in is one `family`.
REFRESH_TOKENS = Kind("ssooidc_refresh_token", key=("hash",), indexes=(("expires_at",), ("family",)))
CODES = Kind("ssooidc_code", key=("hash",), indexes=(("expires_at",),))
CLIENTS = Kind("ssooidc_client", key=("client_id",), indexes=(("expires_at",),))
DEVICES = Kind("ssooidc_device", key=("hash",), unique=(("user_code",),), indexes=(("expires_at",),))
PORTAL_TOKENS = Kind("ssooidc_portal_token", key=("hash",), indexes=(("expires_at",), ("family",)))
KINDS = [USED_ASSERTIONS, REFRESH_TOKENS, CODES, CLIENTS, DEVICES, PORTAL_TOKENS]

CODE_SECONDS = 60
DEVICE_SECONDS = 600
CLIENT_SECONDS = 90 * 86400
_SWEPT_AT_ONCE = 20


def use_assertion(tx: Transaction, issuer: str, token_id: str, expires_at: float, now: float) -> bool:
    """Notes that an assertion was used; False when it was used before."""
    _sweep(tx, USED_ASSERTIONS, now)
    try:
        tx.add(USED_ASSERTIONS, {"issuer": issuer, "token_id": token_id, "expires_at": expires_at})
    except AlreadyExists:
        return False
    return True


# --- refresh tokens ---


def new_refresh_token(
    tx: Transaction, *, issuer: str, client_id: str, user_id: str, expires_at: float, now: float,
    family: str | None = None, **members: Any,
) -> str:  # fmt: skip
    """A refresh token that can be used once. `family` is that of what it comes from."""
    _sweep(tx, REFRESH_TOKENS, now)
    token = secrets.token_urlsafe(32)
    tx.add(
        REFRESH_TOKENS,
        {
            "hash": hash_of(token), "family": family or new_family(), "issuer": issuer, "client_id": client_id,
            "user_id": user_id, "expires_at": expires_at, "used": False, **members,
        },
    )  # fmt: skip
    return token


def take_refresh_token(tx: Transaction, token: str, *, issuer: str, client_id: str, now: float) -> Document | None:
    """Uses a refresh token up and returns its document; None when it is not valid (any more).

    A token that comes a second time was stolen or its answer was lost: all that came of its sign-in ends.
    """
    found = tx.find(REFRESH_TOKENS, hash_of(token))
    if found is None or found["issuer"] != issuer or found["client_id"] != client_id:
        return None
    if found["used"]:
        end_family(tx, found["family"])
        return None
    tx.put(REFRESH_TOKENS, found | {"used": True})
    return found if found["expires_at"] > now else None


def end_family(tx: Transaction, family: str) -> None:
    """Ends every refresh token and portal token that came of one sign-in."""
    for kind in (REFRESH_TOKENS, PORTAL_TOKENS):
        for token in tx.select(kind, {"family": family}):
            tx.remove(kind, token["hash"])


def new_family() -> str:
    """A name for what will come of one sign-in."""
    return secrets.token_hex(8)


# --- authorization codes ---


def new_code(tx: Transaction, *, issuer: str, now: float, **members: Any) -> str:
    """A code for `members` (client_id, redirect_uri, challenge, user_id, …) that can be exchanged once, soon."""
    _sweep(tx, CODES, now - CODE_SECONDS)  # a little longer than they live: a second use of one must be noticed
    code = secrets.token_urlsafe(32)
    tx.add(
        CODES,
        {
            "hash": hash_of(code), "issuer": issuer, "expires_at": now + CODE_SECONDS, "used": False,
            "family": new_family(), **members,
        },
    )  # fmt: skip
    return code


def take_code(tx: Transaction, code: str, *, issuer: str, now: float) -> Document | None:
    """Uses a code up and returns its document; None when it is not valid (any more).

    A code that comes a second time was intercepted: all that came of its sign-in ends.
    """
    found = tx.find(CODES, hash_of(code))
    if found is None or found["issuer"] != issuer:
        return None
    if found["used"]:
        end_family(tx, found["family"])
        return None
    tx.put(CODES, found | {"used": True})
    return found if found["expires_at"] > now else None


# --- public clients and devices ---


def new_client(tx: Transaction, *, now: float, **members: Any) -> tuple[Document, str]:
    """Registers a client; returns its document and its secret."""
    _sweep(tx, CLIENTS, now)
    secret = secrets.token_urlsafe(48)
    client = {
        "client_id": secrets.token_urlsafe(24), "secret_hash": hash_of(secret), "issued_at": now,
        "expires_at": now + CLIENT_SECONDS, **members,
    }  # fmt: skip
    return tx.add(CLIENTS, client), secret


def find_client(tx: Transaction, client_id: str, now: float) -> Document | None:
    """The client with this id whose registration has not ended, or None."""
    client = tx.find(CLIENTS, client_id)
    return client if client is not None and client["expires_at"] > now else None


def new_device(tx: Transaction, *, client_id: str, now: float) -> tuple[Document, str]:
    """A request of a client that a person decides on elsewhere; returns its document and its device code."""
    _sweep(tx, DEVICES, now - DEVICE_SECONDS)
    code = secrets.token_urlsafe(48)
    while True:
        device = {
            "hash": hash_of(code), "user_code": new_user_code(), "client_id": client_id, "status": "PENDING",
            "user_id": None, "polls": 0, "started_at": now, "expires_at": now + DEVICE_SECONDS,
        }  # fmt: skip
        try:
            return tx.add(DEVICES, device), code
        except AlreadyExists:
            continue


def find_device(tx: Transaction, user_code: str, now: float) -> Document | None:
    """The request with this code that still waits for a decision, or None."""
    device = tx.first(DEVICES, {"user_code": folded_user_code(user_code)})
    return device if device is not None and device["status"] == "PENDING" and device["expires_at"] > now else None


# --- tokens of the access portal ---


def new_portal_token(
    tx: Transaction, *, client_id: str, user_id: str, scopes: list[str], family: str, expires_at: float, now: float
) -> str:
    """A bearer token for a person's accounts, as far as the scopes reach."""
    _sweep(tx, PORTAL_TOKENS, now)
    token = secrets.token_urlsafe(48)
    tx.add(
        PORTAL_TOKENS,
        {
            "hash": hash_of(token), "client_id": client_id, "user_id": user_id, "scopes": scopes, "family": family,
            "expires_at": expires_at,
        },
    )  # fmt: skip
    return token


def find_portal_token(tx: Transaction, token: str, now: float) -> Document | None:
    """What a bearer token of the access portal stands for; None when it is not valid (any more)."""
    found = tx.find(PORTAL_TOKENS, hash_of(token))
    return found if found is not None and found["expires_at"] > now else None


def _sweep(tx: Transaction, kind: Kind, now: float) -> None:
    for document in tx.select(kind, order=("expires_at",), limit=_SWEPT_AT_ONCE):
        if document["expires_at"] > now:
            return
        tx.remove(kind, *kind.key_of(document))


def hash_of(secret: str) -> str:
    """What is kept of a code, token or secret."""
    return hashlib.sha256(secret.encode()).hexdigest()
