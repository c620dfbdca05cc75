"""What was given out ends: each code and token at its time, and whatever has ended is swept away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from twinplane.data_plane.services.ssooidc import store
from twinplane.data_plane.store import Store, Transaction

T = TypeVar("T")
SHARED = {"client_id": "client", "user_id": "user"}


class Ledger:
    """The store of tokens, at a time that the test says."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder / "plane.db", store.KINDS)

    def do(self, function: Callable[[Transaction], T]) -> T:
        return asyncio.run(self.store.write(function))

    def count(self, kind: Any) -> int:
        return self.store.read(lambda tx: tx.count(kind))


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)


@pytest.mark.parametrize(("after", "valid"), [(0, True), (59, True), (60, False), (600, False)])
def test_a_code_lives_a_minute(ledger: Ledger, after: float, valid: bool) -> None:
    code = ledger.do(lambda tx: store.new_code(tx, issuer="idp", now=1000.0, **SHARED))
    found = ledger.do(lambda tx: store.take_code(tx, code, issuer="idp", now=1000.0 + after))
    assert (found is not None) is valid
    assert ledger.do(lambda tx: store.take_code(tx, code, issuer="idp", now=1000.0)) is None


def test_a_code_of_one_kind_is_none_of_another(ledger: Ledger) -> None:
    code = ledger.do(lambda tx: store.new_code(tx, issuer="idp", now=0.0, **SHARED))
    for issuer in ("client", "sso"):
        assert ledger.do(lambda tx, issuer=issuer: store.take_code(tx, code, issuer=issuer, now=0.0)) is None  # type: ignore[misc]
    assert ledger.do(lambda tx: store.take_code(tx, code, issuer="idp", now=0.0)) is not None


@pytest.mark.parametrize(("after", "valid"), [(0, True), (599, True), (600, False)])
def test_a_device_waits_ten_minutes_for_a_decision(ledger: Ledger, after: float, valid: bool) -> None:
    device, _code = ledger.do(lambda tx: store.new_device(tx, client_id="client", now=0.0))
    found = ledger.do(lambda tx: store.find_device(tx, device["user_code"], after))
    assert (found is not None) is valid


def test_a_registration_lasts_ninety_days(ledger: Ledger) -> None:
    client, secret = ledger.do(lambda tx: store.new_client(tx, now=0.0, name="x"))
    assert secret not in str(client)
    for at, valid in ((store.CLIENT_SECONDS - 1, True), (store.CLIENT_SECONDS, False)):
        found = ledger.store.read(lambda tx, at=at: store.find_client(tx, client["client_id"], at))  # type: ignore[misc]
        assert (found is not None) is valid


def test_tokens_end_when_they_say_and_together_with_their_sign_in(ledger: Ledger) -> None:
    def new(tx: Transaction) -> tuple[str, str]:
        shared: Any = {**SHARED, "scopes": [], "family": "one", "expires_at": 100.0, "now": 0.0}
        return store.new_portal_token(tx, **shared), store.new_refresh_token(tx, issuer="client", **shared)

    portal, refresh = ledger.do(new)
    assert ledger.store.read(lambda tx: store.find_portal_token(tx, portal, 99.0)) is not None
    assert ledger.store.read(lambda tx: store.find_portal_token(tx, portal, 100.0)) is None
    asked = {"issuer": "client", "client_id": "client"}
    assert ledger.do(lambda tx: store.take_refresh_token(tx, refresh, now=100.0, **asked)) is None
    ledger.do(lambda tx: store.end_family(tx, "one"))
    assert ledger.store.read(lambda tx: store.find_portal_token(tx, portal, 0.0)) is None


def test_what_has_ended_is_swept_away(ledger: Ledger) -> None:
    for _ in range(10):
        ledger.do(lambda tx: store.new_device(tx, client_id="client", now=0.0))
        ledger.do(lambda tx: store.new_client(tx, now=0.0, name="x"))
        ledger.do(lambda tx: store.new_code(tx, issuer="idp", now=0.0, **SHARED))
    later = store.CLIENT_SECONDS + 1.0
    ledger.do(lambda tx: store.new_device(tx, client_id="client", now=later))
    ledger.do(lambda tx: store.new_client(tx, now=later, name="x"))
    ledger.do(lambda tx: store.new_code(tx, issuer="idp", now=later, **SHARED))
    assert [ledger.count(kind) for kind in (store.DEVICES, store.CLIENTS, store.CODES)] == [1, 1, 1]
