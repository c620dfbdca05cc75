"""What people, and the jobs of the kinds, do with requests."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from twinplane.control_plane import jobs
from twinplane.control_plane.audit import records as audit
from twinplane.control_plane.database import Transaction
from twinplane.control_plane.errors import BadRequest, NotFound, NotPermitted
from twinplane.control_plane.identity import Person
from twinplane.control_plane.memberships import use_cases as memberships
from twinplane.control_plane.parts import App
from twinplane.control_plane.permissions import Permission, groups, may, principal
from twinplane.control_plane.policy.model import Decision, Entity
from twinplane.control_plane.requests import records, rules
from twinplane.control_plane.requests.model import APP, Actor, Approval, Request, RequestId, Status, Step

CLOSE_AFTER = timedelta(seconds=5)  # a withdrawal is closed within the reply; this is for one that was interrupted


def actor(person: Person) -> Actor:
    """The person as requests record her."""
    return Actor(person.user_id, person.name)


def new_request(
    app: App,
    person: Person,
    *,
    kind: str,
    title: str,
    reason: str,
    body: Mapping[str, Any],
    decision: Decision,
    approvals: tuple[Approval, ...] = (),
    project_id: str | None = None,
    beneficiary: str | None = None,
    asset: str | None = None,
    ends_at: datetime | None = None,
) -> Request:
    """A request that is not stored yet."""
    now = app.clock()
    return Request(
        id=records.new_id(), kind=kind, status=Status.DRAFT, version=1, title=title, requester=actor(person),
        reason=reason, body=dict(body), outcome={}, policy=decision.as_json(), project_id=project_id,
        beneficiary=beneficiary, asset=asset, ends_at=ends_at, created_at=now, updated_at=now, approvals=approvals,
    )  # fmt: skip


def record(tx: Transaction, request: Request) -> None:
    """Stores a new request as a draft, with who asked for it and why policy let her."""
    records.add(tx, request)
    records.add_step(tx, request.id, "status", f"Requested: {request.title}", request.requester)
    audit.add(
        tx, actor_id=request.requester.user_id, actor=request.requester.name, action="request.create",
        request_id=request.id, project_id=request.project_id, asset=request.asset, reason=request.reason,
        policy=request.policy, kind=request.kind, title=request.title,
    )  # fmt: skip


def submit(tx: Transaction, app: App, request_id: RequestId, **body: Any) -> Request:
    """Hands a draft over: to its first approver, or, when policy asks for none, to fulfilment at once."""
    request = records.get(tx, request_id)
    to = Status.PENDING_APPROVAL if request.approvals else Status.APPROVED
    rules.check_transition(request, to, "submitted")
    request = records.change(tx, request, status=to, body=request.body | body)
    if to is Status.APPROVED:
        reasons = " ".join(request.policy.get("reasons", ()))
        records.add_step(tx, request.id, "status", f"Approved by policy. {reasons}".strip(), APP, policy=request.policy)
        audit.add(
            tx, actor_id=APP.user_id, actor=APP.name, action="request.approve_by_policy", request_id=request.id,
            project_id=request.project_id, asset=request.asset, policy=request.policy,
        )  # fmt: skip
        _fulfil(tx, app, request)
    else:
        pending = request.pending
        text = f"Waits for {_who(pending)}" if pending else "Waits for approval"
        records.add_step(tx, request.id, "status", text, APP)
    return records.get(tx, request_id)


def approve(app: App, person: Person, request_id: str, comment: str | None, terms: Mapping[str, Any]) -> Request:
    """Approves the pending stage. `terms` narrow what is granted, where the kind of request takes terms."""
    seen = get(app, person, request_id)
    approval, decision = _check_may_decide(app, person, seen)
    kept = _checked_terms(app, seen, terms)
    with app.database.write() as tx:
        request = _unchanged(tx, seen)
        following = next((a for a in request.approvals if a.status == "waiting"), None)
        status = Status.PENDING_APPROVAL if following else Status.APPROVED
        request = records.change(tx, request, status=status, body=request.body | kept)
        records.decide(tx, request, approval, **_decided("approved", person, tx, comment, decision))
        _record_decision(tx, person, request, "approve", approval, comment, decision, kept)
        if following:
            records.decide(tx, request, following, status="pending")
            records.add_step(tx, request.id, "status", f"Waits for {_who(following)}", APP)
        else:
            _fulfil(tx, app, request)
        return records.get(tx, request_id)


def reject(app: App, person: Person, request_id: str, comment: str) -> Request:
    """Rejects the request at its pending stage."""
    seen = get(app, person, request_id)
    approval, decision = _check_may_decide(app, person, seen)
    with app.database.write() as tx:
        request = records.change(tx, _unchanged(tx, seen), status=Status.REJECTED)
        records.decide(tx, request, approval, **_decided("rejected", person, tx, comment, decision))
        _record_decision(tx, person, request, "reject", approval, comment, decision, {})
        _close(tx, app, request)
        return records.get(tx, request_id)


def withdraw(app: App, person: Person, request_id: str) -> Request:
    """Takes back a request that was not decided yet, or that failed; only its requester may."""
    seen = get(app, person, request_id)
    if seen.requester.user_id != person.user_id:
        raise NotPermitted("Only who asked for it may withdraw a request.")
    rules.check_transition(seen, Status.WITHDRAWN, "withdrawn")
    with app.database.write() as tx:
        request = records.change(tx, _unchanged(tx, seen), status=Status.WITHDRAWN)
        _record_change(tx, person, request, "withdraw", "Withdrawn", None)
        _close(tx, app, request, after=CLOSE_AFTER)
        request = records.get(tx, request_id)
    take_back = app.kinds[request.kind].withdraw
    if take_back is not None:
        take_back(app, person, request)
    return request


def retry(app: App, person: Person, request_id: str) -> Request:
    """Tries again to fulfil a request that was approved and then failed."""
    seen = get(app, person, request_id)
    if seen.requester.user_id != person.user_id and not may(app.policies, person, Permission.RETRY_ANY_REQUEST).allowed:
        raise NotPermitted("Only who asked for it, or a platform administrator, may try again.")
    rules.check_transition(seen, Status.APPROVED, "tried again")
    if not seen.outcome.get("retry", True):
        raise rules.NotInThatState("This failed before it was complete. Ask for it again.")
    with app.database.write() as tx:
        request = records.change(tx, _unchanged(tx, seen), status=Status.APPROVED, outcome={})
        _record_change(tx, person, request, "retry", "Tried again", None)
        _fulfil(tx, app, request)
        return records.get(tx, request_id)


def revoke(app: App, person: Person, request_id: str, reason: str) -> Request:
    """Ends what the request gave: its requester, owners of what was given and governors may."""
    seen = get(app, person, request_id)
    if app.kinds[seen.kind].revoke_job is None:
        raise rules.NotInThatState(f"A {seen.kind} is not taken back by its request.")
    owner = seen.project_id is not None and memberships.owns(app, person, seen.project_id)
    governor = may(app.policies, person, Permission.REVOKE_ANY_REQUEST)
    if not (owner or governor.allowed or seen.requester.user_id == person.user_id):
        raise NotPermitted("Only owners of the data, governors and the requester may end this access.")
    rules.check_transition(seen, Status.REVOKING, "revoked")
    with app.database.write() as tx:
        request = _unchanged(tx, seen)
        request = records.change(tx, request, status=Status.REVOKING, outcome=request.outcome | {"ended_by": "revoked"})
        _record_change(tx, person, request, "revoke", f"Being revoked: {reason}", reason)
        start_revoking(tx, app, request)
        return records.get(tx, request_id)


def expire(tx: Transaction, app: App, request_id: str) -> None:
    """Ends what the request gave because its time is over; nothing when it has ended already."""
    request = records.get(tx, request_id)
    if request.status is not Status.ACTIVE:
        return
    request = records.change(tx, request, status=Status.REVOKING, outcome=request.outcome | {"ended_by": "expired"})
    records.add_step(tx, request.id, "status", "Its end date has come", APP)
    audit.add(
        tx, actor_id=APP.user_id, actor=APP.name, action="request.expire", request_id=request.id,
        project_id=request.project_id, asset=request.asset,
    )  # fmt: skip
    start_revoking(tx, app, request)


def start_revoking(tx: Transaction, app: App, request: Request, due_at: datetime | None = None) -> None:
    """Asks for the job that takes back what was given."""
    job = app.kinds[request.kind].revoke_job
    if job is not None:
        jobs.enqueue(tx, job, request.id, due_at=due_at)


def get(app: App, person: Person, request_id: str) -> Request:
    """A request that the person may see. Raises `NotFound`, also for one she may not see."""
    with app.database.read() as tx:
        request = records.find(tx, request_id)
    if request is None or not Sight(app, person).sees(request):
        raise NotFound(f"There is no request {request_id} that you may see.")
    return request


def list_box(app: App, person: Person, box: str, status: str | None, kind: str | None) -> list[Request]:
    """`mine`: those she made; `inbox`: those that wait for her decision; `all`: those she may see."""
    sight = Sight(app, person)
    with app.database.read() as tx:
        if box == "mine":
            return records.list_requests(tx, requester_id=person.user_id, status=status, kind=kind)
        if box == "inbox":
            found = records.list_requests(tx, status=Status.PENDING_APPROVAL.value, kind=kind, limit=1000)
        else:
            found = records.list_requests(tx, status=status, kind=kind, limit=1000)
    if box == "inbox":
        return [request for request in found if sight.decides(request)]
    return [request for request in found if sight.sees(request)]


def verbs(app: App, person: Person, request: Request, sight: "Sight") -> list[str]:
    """What the person may do with the request now."""
    mine = request.requester.user_id == person.user_id
    found = ["approve", "reject"] if sight.decides(request) else []
    if mine and Status.WITHDRAWN in rules.NEXT[request.status]:
        found.append("withdraw")
    retryable = request.status is Status.FAILED and request.outcome.get("retry", True)
    if retryable and (mine or may(app.policies, person, Permission.RETRY_ANY_REQUEST).allowed):
        found.append("retry")
    if request.status is Status.ACTIVE and app.kinds[request.kind].revoke_job and (
        mine or sight.owns(request.project_id) or may(app.policies, person, Permission.REVOKE_ANY_REQUEST).allowed
    ):  # fmt: skip
        found.append("revoke")
    return found


def steps_after(app: App, request_id: str, seq: int) -> tuple[list[Step], bool]:
    """The steps after number `seq`, and whether no more will come by themselves."""
    with app.database.read() as tx:
        request = records.get(tx, request_id)
    resting = request.status in rules.FINAL or request.status in (Status.ACTIVE, Status.FAILED)
    return [step for step in request.steps if step.seq > seq], resting


# --- what jobs of the kinds do -----------------------------------------------------------------------------------


def advance(
    tx: Transaction, request_id: str, to: Status, text: str, *, doing: str = "continued", **changes: Any
) -> Request:
    """Moves the request on, by a job. `outcome` in `changes` is added to what is there. Repeating it is harmless."""
    request = records.get(tx, request_id)
    if request.status is to:
        return request
    rules.check_transition(request, to, doing)
    outcome = request.outcome | changes.pop("outcome", {})
    request = records.change(tx, request, status=to, outcome=outcome, **changes)
    records.add_step(tx, request.id, "status", text, APP, **outcome)
    audit.add(
        tx, actor_id=APP.user_id, actor=APP.name, action=f"request.{to.value}", request_id=request.id,
        project_id=request.project_id, asset=request.asset, outcome_of_request=outcome,
    )  # fmt: skip
    return request


def tell(tx: Transaction, request_id: str, text: str, **detail: Any) -> None:
    """Adds a step to the progress that people watch, by a job."""
    records.add_step(tx, request_id, "progress", text, APP, **detail)


def note(tx: Transaction, request_id: str, text: str, **changes: Any) -> Request:
    """Adds a step to the progress and changes columns of the request, by a job."""
    request = records.change(tx, records.get(tx, request_id), **changes)
    records.add_step(tx, request_id, "progress", text, APP)
    return request


def load(app: App, request_id: str) -> Request:
    """The request as a job needs it: without asking who may see it."""
    with app.database.read() as tx:
        return records.get(tx, request_id)


# --- inside --------------------------------------------------------------------------------------------------------


class Sight:
    """What one person sees and decides; looks each project up once."""

    def __init__(self, app: App, person: Person) -> None:
        self._app, self._person = app, person
        self._owned: dict[str, bool] = {}
        self._sees_all = may(app.policies, person, Permission.READ_ALL_REQUESTS).allowed

    def owns(self, project_id: str | None) -> bool:
        if project_id is None:
            return False
        if project_id not in self._owned:
            self._owned[project_id] = memberships.owns(self._app, self._person, project_id)
        return self._owned[project_id]

    def is_owner(self, approval: Approval) -> bool:
        named = self._person.name in approval.owners_of.get("people", ())
        return named or self.owns(approval.owners_of.get("project_id"))

    def decision(self, request: Request, approval: Approval) -> Decision:
        requester = Entity("Person", request.requester.user_id, {"name": request.requester.name, "roles": []})
        attributes = {
            "kind": request.kind,
            "stage": approval.approver,
            "requester": {"__entity": {"type": "Person", "id": request.requester.user_id}},
        }
        return self._app.policies.decide(
            principal(self._person), "decide", Entity("Request", request.id, attributes),
            {"is_owner": approval.approver == "owner" and self.is_owner(approval)}, requester, *groups(self._person),
        )  # fmt: skip

    def decides(self, request: Request) -> bool:
        pending = request.pending
        if request.status is not Status.PENDING_APPROVAL or pending is None:
            return False
        return request.requester.user_id != self._person.user_id and self.decision(request, pending).allowed

    def sees(self, request: Request) -> bool:
        if self._sees_all or request.requester.user_id == self._person.user_id or self.owns(request.project_id):
            return True
        return any(
            approval.approver in self._person.roles if approval.approver != "owner" else self.is_owner(approval)
            for approval in request.approvals
        )


def _check_may_decide(app: App, person: Person, request: Request) -> tuple[Approval, Decision]:
    rules.check_not_own(request, person.user_id)
    pending = request.pending
    if request.status is not Status.PENDING_APPROVAL or pending is None:
        raise rules.NotInThatState(
            f"This request waits for no decision: it is {request.status.value.replace('_', ' ')}.",
            status_of_request=request.status.value,
        )
    decision = Sight(app, person).decision(request, pending)
    if not decision.allowed:
        raise NotPermitted(f"This waits for {_who(pending)}. {' '.join(decision.reasons)}", policy=decision.as_json())
    return pending, decision


def _checked_terms(app: App, request: Request, terms: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in terms.items() if value}
    if not given:
        return {}
    check = app.kinds[request.kind].check_terms
    if check is None:
        raise BadRequest(f"A {request.kind} request takes no {', '.join(given)}.")
    return {"terms": request.body.get("terms", {}) | check(request, given)}


def _unchanged(tx: Transaction, seen: Request) -> Request:
    request = records.get(tx, seen.id)
    if request.version != seen.version:
        raise rules.RequestChanged("Somebody else changed this request just now. Look at it again.")
    return request


def _decided(status: str, person: Person, tx: Transaction, comment: str | None, decision: Decision) -> dict[str, Any]:
    return {
        "status": status, "decided_by": person.name, "decided_by_id": person.user_id, "decided_at": tx.now,
        "comment": comment, "policy": decision.as_json(),
    }  # fmt: skip


def _record_decision(
    tx: Transaction,
    person: Person,
    request: Request,
    verb: str,
    approval: Approval,
    comment: str | None,
    decision: Decision,
    terms: Mapping[str, Any],
) -> None:
    done = {"approve": "Approved", "reject": "Rejected"}[verb]
    text = f"{done} by {person.name} as {approval.approver.replace('_', ' ')}" + (f": {comment}" if comment else "")
    records.add_step(tx, request.id, "approval", text, actor(person), stage=approval.approver, **terms)
    audit.add(
        tx, actor_id=person.user_id, actor=person.name, action=f"request.{verb}", request_id=request.id,
        project_id=request.project_id, asset=request.asset, reason=comment, policy=decision.as_json(),
        stage=approval.approver, **terms,
    )  # fmt: skip


def _record_change(tx: Transaction, person: Person, request: Request, verb: str, text: str, reason: str | None) -> None:
    records.add_step(tx, request.id, "status", text, actor(person))
    audit.add(
        tx, actor_id=person.user_id, actor=person.name, action=f"request.{verb}", request_id=request.id,
        project_id=request.project_id, asset=request.asset, reason=reason,
    )  # fmt: skip


def _fulfil(tx: Transaction, app: App, request: Request) -> None:
    jobs.enqueue(tx, app.kinds[request.kind].fulfil_job, request.id)


def _close(tx: Transaction, app: App, request: Request, after: timedelta = timedelta()) -> None:
    job = app.kinds[request.kind].close_job
    if job is not None:
        jobs.enqueue(tx, job, request.id, due_at=tx.now + after)


def _who(approval: Approval | None) -> str:
    if approval is None:
        return "approval"
    names = approval.owners_of.get("names", ())
    return f"the {approval.approver.replace('_', ' ')}" + (f" ({', '.join(names)})" if names else "")
