"""What ends a session's credentials: time, and the loss of what they were issued for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from twinplane.data_plane import sessions
from twinplane.data_plane.call import Principal, ProjectScope, ServiceError
from twinplane.data_plane.plane import Keys, Plane, PlaneSettings, revoke_sessions
from twinplane.data_plane.services.datazone import operations as datazone
from twinplane.data_plane.services.datazone import store as datazone_store
from twinplane.data_plane.services.iam import store as iam
from twinplane.data_plane.services.identitystore import store as identities
from twinplane.data_plane.store import Store, Transaction

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/mesh/Reader"
TRUST = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}}


class Desk:
    """A state with one role and one person, and a clock that tests set."""

    def __init__(self, state: Path) -> None:
        kinds = {kind.name: kind for kind in [*iam.KINDS, *identities.KINDS, *datazone.KINDS]}
        self.now = 1_700_000_000.0
        self.plane = Plane(
            PlaneSettings(state, "http://127.0.0.1:1"), Keys(state / "plane.key"),
            Store(state / "plane.db", kinds.values()), clock=lambda: self.now,
        )  # fmt: skip
        self.write(lambda tx: self.put_role(tx))
        self.write(lambda tx: tx.put(identities.USERS, {"UserId": "u-1", "UserName": "ada", "name_key": "ada"}))

    def put_role(self, tx: Transaction) -> Any:
        return iam.put_role(
            tx, account_id=ACCOUNT, name="Reader", path="/mesh/", trust_policy=TRUST, policies={}, now=self.now
        )

    def write(self, function: Any) -> Any:
        return asyncio.run(self.plane.store.write(function))

    def issue(self, **members: Any) -> dict[str, Any]:
        given = {"role_arn": ROLE, "session_name": "ada", "duration_seconds": 900, "now": self.now, **members}
        return sessions.issue(self.plane, **given)

    def resolve(self, credentials: dict[str, Any]) -> Principal:
        principal, secret = self.plane.store.read(
            lambda tx: sessions.resolve(self.plane, tx, credentials["AccessKeyId"], credentials.get("SessionToken"))
        )
        assert secret == credentials["SecretAccessKey"]
        return principal

    def refusal(self, credentials: dict[str, Any]) -> str:
        with pytest.raises(ServiceError) as refused:
            self.resolve(credentials)
        return refused.value.code


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.plane.store.close()


def test_a_session_says_all_it_was_issued_with(desk: Desk) -> None:
    principal = desk.resolve(
        desk.issue(
            on_behalf_of="u-1", source_identity="request-7", session_tags=(("stage", "dev"),), session_policy="{}"
        )
    )
    assert principal.arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/Reader/ada"
    assert principal.iam_arn == ROLE
    assert (principal.on_behalf_of, principal.source_identity) == ("u-1", "request-7")
    assert (principal.session_tags, principal.session_policy) == ((("stage", "dev"),), "{}")
    assert principal.expires_at == desk.now + 900


def test_a_session_ends_on_the_second(desk: Desk) -> None:
    credentials = desk.issue()
    desk.now += 899
    assert desk.resolve(credentials)
    desk.now += 1
    assert desk.refusal(credentials) == "ExpiredTokenException"


def test_credentials_survive_a_restart_but_not_another_state(desk: Desk, tmp_path: Path) -> None:
    credentials = desk.issue()
    desk.plane = replace(desk.plane, keys=Keys(tmp_path / "plane.key"))
    assert desk.resolve(credentials)
    desk.plane = replace(desk.plane, keys=Keys(tmp_path / "other.key"))
    assert desk.refusal(credentials) == "InvalidClientTokenId"


@pytest.mark.parametrize("token", ["", "x", "AAAA", "é", "A" * 400])
def test_a_made_up_token_is_refused(desk: Desk, token: str) -> None:
    assert desk.refusal(desk.issue() | {"SessionToken": token}) == "InvalidClientTokenId"


def test_a_changed_role_keeps_its_sessions_and_a_removed_one_does_not(desk: Desk) -> None:
    credentials = desk.issue()
    desk.now += 10
    desk.write(desk.put_role)
    assert desk.resolve(credentials)
    desk.write(lambda tx: iam.remove_role(tx, "Reader"))
    assert desk.refusal(credentials) == "InvalidClientTokenId"
    desk.write(desk.put_role)
    assert desk.refusal(credentials) == "InvalidClientTokenId"


def test_a_session_ends_with_the_person_it_acts_for(desk: Desk) -> None:
    credentials = desk.issue(on_behalf_of="u-1")
    assert desk.resolve(credentials)
    desk.write(lambda tx: tx.remove(identities.USERS, "u-1"))
    assert desk.refusal(credentials) == "ExpiredTokenException"


def test_a_projects_credentials_end_with_the_membership(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    members = {("dzd-1", "p-1", "u-1")}
    monkeypatch.setattr(datazone_store, "is_member", lambda _tx, *who: who in members)
    credentials = desk.issue(on_behalf_of="u-1", project=ProjectScope("dzd-1", "p-1"))
    assert desk.resolve(credentials).project == ProjectScope("dzd-1", "p-1")
    assert desk.refusal(desk.issue(on_behalf_of="u-1", project=ProjectScope("dzd-1", "p-2"))) == "ExpiredTokenException"
    members.clear()
    assert desk.refusal(credentials) == "ExpiredTokenException"


def test_the_administrators_profiles_are_for_their_owner_only(desk: Desk) -> None:
    key_id, secret = desk.write(lambda tx: iam.ensure_administrator(tx, desk.plane))
    again = desk.write(lambda tx: iam.ensure_administrator(tx, desk.plane))
    assert again == (key_id, secret)
    sessions.write_profiles(desk.plane, key_id, secret)
    folder = desk.plane.settings.state / "aws"
    assert (folder / "credentials").stat().st_mode & 0o077 == 0
    assert f"aws_secret_access_key = {secret}\n" in (folder / "credentials").read_text()
    assert "endpoint_url = http://127.0.0.1:1\n" in (folder / "config").read_text()
    assert desk.resolve({"AccessKeyId": key_id, "SecretAccessKey": secret}).arn.endswith(":user/administrator")


def test_all_sessions_end_at_once_when_they_are_revoked_and_nothing_else_does(desk: Desk, tmp_path: Path) -> None:
    state = desk.plane.settings.state
    old = desk.issue()
    key_id, secret = desk.write(lambda tx: iam.ensure_administrator(tx, desk.plane))
    for _ in range(2):
        revoke_sessions(state)
        desk.plane = replace(desk.plane, keys=Keys(state / "plane.key"))
        assert desk.refusal(old) == "InvalidClientTokenId"
        old = desk.issue()
        assert desk.resolve(old).role_arn == ROLE
    assert desk.resolve({"AccessKeyId": key_id, "SecretAccessKey": secret}).kind == "IAMUser"
    with pytest.raises(FileNotFoundError):
        revoke_sessions(tmp_path / "nothing")
