"""Tokens that were issued or used, known by their hash only."""

import hashlib
import secrets
from typing import Any

from twinplane.data_plane.store import AlreadyExists, Document, Kind, Transaction

USED_ASSERTIONS = Kind("ssooidc_used_assertion", key=("issuer", "token_id"), indexes=(("expires_at",),))
# Of Identity Center (`issuer` "sso") and of the development issuer ("idp").
REFRESH_TOKENS = Kind("ssooidc_refresh_token", key=("hash",), indexes=(("expires_at",), ("family",)))
KINDS = [USED_ASSERTIONS, REFRESH_TOKENS]

_SWEPT_AT_ONCE = 20


def use_assertion(tx: Transaction, issuer: str, token_id: str, expires_at: float, now: float) -> bool:
    """Notes that an assertion was used; False when it was used before."""
    _sweep(tx, USED_ASSERTIONS, now)
    try:
        tx.add(USED_ASSERTIONS, {"issuer": issuer, "token_id": token_id, "expires_at": expires_at})
    except AlreadyExists:
        return False
    return True


def new_refresh_token(
    tx: Transaction, *, issuer: str, client_id: str, user_id: str, expires_at: float, now: float,
    family: str | None = None, **members: Any,
) -> str:  # fmt: skip
    """A refresh token that can be used once. `family` is that of the token it replaces."""
    _sweep(tx, REFRESH_TOKENS, now)
    token = secrets.token_urlsafe(32)
    tx.add(
        REFRESH_TOKENS,
        {
            "hash": _hash(token), "family": family or secrets.token_hex(8), "issuer": issuer, "client_id": client_id,
            "user_id": user_id, "expires_at": expires_at, "used": False, **members,
        },
    )  # fmt: skip
    return token


def take_refresh_token(tx: Transaction, token: str, *, issuer: str, client_id: str, now: float) -> Document | None:
    """Uses a refresh token up and returns its document; None when it is not valid (any more).

    A token that comes a second time was stolen or its answer was lost: all tokens of its family end.
    """
    found = tx.find(REFRESH_TOKENS, _hash(token))
    if found is None or found["issuer"] != issuer or found["client_id"] != client_id:
        return None
    if found["used"]:
        for relative in tx.select(REFRESH_TOKENS, {"family": found["family"]}):
            tx.remove(REFRESH_TOKENS, relative["hash"])
        return None
    tx.put(REFRESH_TOKENS, found | {"used": True})
    return found if found["expires_at"] > now else None


def _sweep(tx: Transaction, kind: Kind, now: float) -> None:
    for document in tx.select(kind, order=("expires_at",), limit=_SWEPT_AT_ONCE):
        if document["expires_at"] > now:
            return
        tx.remove(kind, *kind.key_of(document))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
