"""The rules of tokens, with times and texts that no clock or client would give."""

from __future__ import annotations

import base64

import pytest

from twinplane.data_plane.services.ssooidc.rules import (
    AccessToken,
    ExpiredContext,
    IdentityContext,
    InvalidContext,
    folded_user_code,
    is_verified,
    may_reach_accounts,
    new_user_code,
    open_access_token,
    open_context,
    same_but_port,
    seal_access_token,
    seal_context,
)

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
CONTEXT = IdentityContext("user", "application", 1000.0)
TOKEN = AccessToken("user", "application", 1000.0, ["a:b"])


def test_a_context_says_what_was_sealed_until_it_ends() -> None:
    text = seal_context(KEY, CONTEXT)
    assert open_context(KEY, text, 999.0) == CONTEXT
    for late in (1000.0, 5000.0):
        with pytest.raises(ExpiredContext):
            open_context(KEY, text, late)
    token = seal_access_token(KEY, TOKEN)
    assert open_access_token(KEY, token, 999.0) == TOKEN
    with pytest.raises(ExpiredContext):
        open_access_token(KEY, token, 1000.0)


@pytest.mark.parametrize("text", ["", "A", "é", "====", "A" * 60, base64.urlsafe_b64encode(b"x" * 40).decode()])
def test_a_text_that_was_not_sealed_says_nothing(text: str) -> None:
    with pytest.raises(InvalidContext):
        open_context(KEY, text, 0.0)


def test_a_seal_holds_every_character_and_its_key() -> None:
    text = seal_context(KEY, CONTEXT)
    with pytest.raises(InvalidContext):
        open_context(OTHER_KEY, text, 0.0)
    for at in range(len(text) - 1):
        changed = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
        with pytest.raises(InvalidContext):
            open_context(KEY, changed, 0.0)


@pytest.mark.parametrize(
    ("given", "same"),
    [
        ("http://127.0.0.1:4711/oauth/callback", True),
        ("http://127.0.0.1/oauth/callback", True),
        ("http://127.0.0.1:4711/oauth/callback/", False),
        ("http://127.0.0.1:4711/oauth/callback?x=y", False),
        ("https://127.0.0.1:4711/oauth/callback", False),
        ("http://localhost:4711/oauth/callback", False),
    ],
)
def test_a_client_may_take_any_port_and_nothing_else(given: str, same: bool) -> None:
    assert same_but_port("http://127.0.0.1/oauth/callback", given) is same


def test_a_verifier_must_fit() -> None:
    # the example of RFC 7636, appendix B
    challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    assert is_verified("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", challenge)
    for wrong in ("", None, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXK", challenge):
        assert not is_verified(wrong, challenge)


def test_a_code_is_the_same_however_it_is_typed() -> None:
    code = new_user_code()
    for typed in (code.lower(), code.replace("-", ""), f" {code} ", code.replace("-", " ")):
        assert folded_user_code(typed) == code


@pytest.mark.parametrize(("scopes", "may"), [([], True), (["sso:account:access"], True), (["codewhisperer:x"], False)])
def test_accounts_are_reached_by_their_scope(scopes: list[str], may: bool) -> None:
    assert may_reach_accounts(scopes) is may
