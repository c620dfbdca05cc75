"""What was given out or used up before kill -9 is so after it; keys that sign are made anew in time."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.data_plane.idp.test_sign_in import App
from tests.data_plane.sso.signing_in import Browser, Machine, refusal
from twinplane.data_plane.services.ssooidc.signing import ROTATION_SECONDS
from twinplane.data_plane.testing import running_plane


@contextmanager
def serving(state: Path) -> Iterator[Any]:
    with running_plane(state) as plane:
        yield plane


def person(plane: Any, name: str) -> None:
    store_id = plane.client("sso-admin").list_instances()["Instances"][0]["IdentityStoreId"]
    plane.client("identitystore").create_user(
        IdentityStoreId=store_id, UserName=name, DisplayName=name, Name={"GivenName": "A", "FamilyName": "L"}
    )


def kill(plane: Any) -> None:
    plane.process.kill()
    plane.process.wait()


def test_what_was_given_or_used_is_so_after_a_kill(tmp_path: Path) -> None:
    state, home = tmp_path / "state", tmp_path / "home"
    home.mkdir()
    with httpx.Client(trust_env=False) as http:
        with serving(state) as plane:
            person(plane, "ada")
            machine, app = Machine(plane, home, Browser(plane, http), "None"), App(plane, http)
            registration = machine.register_for_browser()
            unused, used = machine.code(registration, "ada"), machine.code(registration, "ada")
            token = machine.exchange(registration, used)
            renewed = machine.refresh(registration, token["refreshToken"])
            device = machine.register(scopes=["sso:account:access"])
            waiting, allowed, denied = (machine.start(device) for _ in range(3))
            machine.decide(allowed, "ada")
            machine.decide(denied, "ada", "deny")
            mine = app.sign_in("ada")
            kept = {name: (state / name).read_text() for name in ("development-password", "scim-token")}
            kill(plane)
        with serving(state) as plane:
            assert kept == {name: (state / name).read_text() for name in kept}
            after = Machine(plane, home, Browser(plane, http), "None", machine.verifier)
            assert after.exchange(registration, unused)["accessToken"]
            assert refusal(after.exchange, registration, unused) == "InvalidGrantException"
            assert refusal(after.poll, device, waiting) == "AuthorizationPendingException"
            assert refusal(after.poll, device, denied) == "AccessDeniedException"
            assert after.poll(device, allowed)["accessToken"]
            assert plane.client("sso", {}).list_accounts(accessToken=renewed["accessToken"])["accountList"] == []
            assert App(plane, http, app.verifier).exchange(mine).status_code == 200
            assert refusal(after.refresh, registration, token["refreshToken"]) == "InvalidGrantException"
            assert refusal(after.refresh, registration, renewed["refreshToken"]) == "InvalidGrantException"


def test_the_key_that_signs_is_made_anew_and_the_one_before_still_verifies(tmp_path: Path) -> None:
    state, aged = tmp_path / "state", time.time() - ROTATION_SECONDS - 60
    with httpx.Client(trust_env=False) as http:
        with serving(state) as plane:
            person(plane, "ada")
            app = App(plane, http)
            old = app.exchange(app.sign_in("ada")).json()["id_token"]
        path = state / "issuer-key.json"
        kept = json.loads(path.read_text())
        kept["keys"][0]["made_at"] = aged
        path.write_text(json.dumps(kept))
        with serving(state) as plane:
            app = App(plane, http)
            new = app.exchange(app.sign_in("ada")).json()["id_token"]
            keys = [key["kid"] for key in http.get(app.issuer + "/jwks").json()["keys"]]
            assert len(set(keys)) == 2
            assert app.verified(old)["preferred_username"] == app.verified(new)["preferred_username"] == "ada"
            assert kid(old) != kid(new)
        assert path.stat().st_mode & 0o777 == 0o600
        kept = json.loads(path.read_text())
        for made in kept["keys"]:
            made["made_at"] -= 2 * 86400
        path.write_text(json.dumps(kept))
        with serving(state) as plane:
            keys = [key["kid"] for key in http.get(plane.endpoint + "/_idp/jwks").json()["keys"]]
            assert keys == [kid(new)]


def test_a_key_of_an_earlier_version_goes_on_signing(tmp_path: Path) -> None:
    from joserfc.jwk import ECKey

    state = tmp_path / "state"
    state.mkdir()
    old = ECKey.generate_key("P-256", {"use": "sig"}, auto_kid=True)
    (state / "issuer-key.json").write_text(json.dumps(old.as_dict(private=True)))
    with httpx.Client(trust_env=False) as http, serving(state) as plane:
        [key] = http.get(plane.endpoint + "/_idp/jwks").json()["keys"]
        assert key["kid"] == old.kid
        assert "d" not in key


def kid(token: str) -> str:
    import base64

    head = token.split(".")[0]
    return str(json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"])
