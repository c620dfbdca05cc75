import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from twinplane.control_plane.database import Database, Transaction
from twinplane.control_plane.requests import records, rules
from twinplane.control_plane.requests import use_cases as requests
from twinplane.control_plane.requests.model import APP, Actor, Request, Status
from twinplane.control_plane.requests.rules import NEXT, NotInThatState, OwnRequest, RequestChanged


def a_request(database: Database, status: Status = Status.PENDING_APPROVAL) -> Request:
    now = database.clock()
    return Request(
        id=records.new_id(), kind="project", status=status, version=1, title="X", requester=Actor("u1", "asker"),
        reason="because", body={}, outcome={}, policy={}, project_id=None,
        beneficiary=None, asset=None, ends_at=None, created_at=now, updated_at=now,
        approvals=rules.first_approvals(["owner", "steward"], {"people": ["owner"]}, ["owner"], "asker"),
    )  # fmt: skip


def stored(database: Database, status: Status = Status.PENDING_APPROVAL) -> Request:
    request = a_request(database, status)
    with database.write() as tx:
        records.add(tx, request)
    return request


def outcomes(*changes: Callable[[], object]) -> list[str]:
    """Runs the changes at the same time and says how each ended."""
    ended: list[str] = []
    begin = threading.Barrier(len(changes))

    def run(change: Callable[[], object]) -> None:
        begin.wait()
        try:
            change()
            ended.append("done")
        except (RequestChanged, NotInThatState) as error:
            ended.append(type(error).__name__)

    threads = [threading.Thread(target=run, args=(change,)) for change in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(ended)


def test_of_many_decisions_at_once_exactly_one_counts(database: Database) -> None:
    seen = stored(database)

    def decide(status: Status) -> Callable[[], object]:
        def change() -> None:
            with database.write() as tx:
                records.change(tx, seen, status=status)

        return change

    ended = outcomes(*(decide(s) for s in (Status.APPROVED, Status.REJECTED, Status.WITHDRAWN, Status.APPROVED)))
    assert ended == ["RequestChanged"] * 3 + ["done"]
    with database.read() as tx:
        assert records.get(tx, seen.id).version == 2


def test_two_jobs_cannot_both_move_a_request_on(database: Database) -> None:
    request = stored(database, Status.APPROVED)
    moved: list[str] = []

    def move() -> None:
        with database.write() as tx:
            before = records.get(tx, request.id)
            rules.check_transition(before, Status.FULFILLING, "continued")
            records.change(tx, before, status=Status.FULFILLING)
        moved.append("moved")

    ended = outcomes(*[move] * 4)
    assert ended.count("done") == 1
    assert moved == ["moved"]


def test_moving_to_where_it_is_already_changes_nothing(database: Database) -> None:
    request = stored(database, Status.APPROVED)
    for _ in range(2):
        with database.write() as tx:
            requests.advance(tx, request.id, Status.FULFILLING, "The project is being made")
    with database.read() as tx:
        found = records.get(tx, request.id)
    assert (found.version, len(found.steps)) == (2, 1)


def test_a_change_that_fails_half_way_leaves_no_trace(database: Database) -> None:
    seen = stored(database)

    def change(tx: Transaction) -> None:
        records.change(tx, seen, status=Status.APPROVED)
        records.add_step(tx, seen.id, "status", "Approved", APP)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), database.write() as tx:
        change(tx)
    with database.read() as tx:
        found = records.get(tx, seen.id)
    assert (found.status, found.version, found.steps) == (Status.PENDING_APPROVAL, 1, ())


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("to", list(Status))
def test_only_listed_transitions_are_possible(status: Status, to: Status) -> None:
    request = Request(
        id=records.new_id(), kind="k", status=status, version=1, title="", requester=APP, reason="", body={},
        outcome={}, policy={}, project_id=None,
        beneficiary=None, asset=None, ends_at=None, created_at=None, updated_at=None,  # type: ignore[arg-type]
    )  # fmt: skip
    if to in NEXT[status]:
        rules.check_transition(request, to, "moved")
    else:
        with pytest.raises(NotInThatState):
            rules.check_transition(request, to, "moved")


def test_nothing_follows_an_end() -> None:
    assert {Status.REVOKED, Status.EXPIRED, Status.REJECTED, Status.WITHDRAWN} == rules.FINAL


def test_nobody_decides_on_her_own_request() -> None:
    request = Request(
        id=records.new_id(), kind="k", status=Status.PENDING_APPROVAL, version=1, title="",
        requester=Actor("u1", "asker"), reason="", body={}, outcome={}, policy={}, project_id=None,
        beneficiary=None, asset=None, ends_at=None,
        created_at=None, updated_at=None,  # type: ignore[arg-type]
    )  # fmt: skip
    rules.check_not_own(request, "u2")
    with pytest.raises(OwnRequest):
        rules.check_not_own(request, "u1")
    with pytest.raises(OwnRequest):
        rules.check_not_own(replace(request, status=Status.ACTIVE), "u1")


@pytest.mark.parametrize(
    ("approvers", "owners", "stages"),
    [
        ([], [], []),
        (["owner"], ["owner"], ["owner"]),
        (["owner"], ["asker", "owner"], ["owner"]),
        (["owner"], ["asker"], ["steward"]),  # she would decide alone on her own request
        (["owner", "steward"], ["asker"], ["steward"]),
        (["owner", "steward", "privacy_officer"], ["owner"], ["owner", "steward", "privacy_officer"]),
    ],
)
def test_the_stages_of_approval(approvers: list[str], owners: list[str], stages: list[str]) -> None:
    found = rules.first_approvals(approvers, {"people": owners}, owners, "asker")
    assert [a.approver for a in found] == stages
    assert [a.status for a in found] == (["pending"] + ["waiting"] * (len(stages) - 1) if stages else [])
