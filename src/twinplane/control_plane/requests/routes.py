"""HTTP in and out for requests and the inbox."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Header, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from twinplane.control_plane.http import Router, SignedIn, TheApp
from twinplane.control_plane.identity import Person
from twinplane.control_plane.parts import App
from twinplane.control_plane.permissions import Permission
from twinplane.control_plane.requests import model, use_cases

router = Router("requests")

EVENT_POLL_SECONDS = 0.1
KEEP_ALIVE_SECONDS = 15.0


class Named(BaseModel):
    user_id: str
    name: str


class ApprovalShown(BaseModel):
    """`stage` says who decides: owner, steward, privacy_officer or platform_admin."""

    position: int
    stage: str
    status: str
    people: list[str]
    note: str | None
    decided_by: str | None
    decided_at: datetime | None
    comment: str | None
    policy_hash: str | None
    reasons: list[str]


class PolicyDecision(BaseModel):
    """What policy decided and why. `policies` are the ids of those that decided, of the set named by `policy_hash`."""

    allowed: bool
    policies: list[str]
    reasons: list[str]
    policy_hash: str


class StepShown(BaseModel):
    seq: int
    at: datetime
    kind: str
    text: str
    actor: str
    detail: dict[str, Any]


class RequestShown(BaseModel):
    """A request. `policy` is the decision that let it be made; `outcome` what came of it; `may` what you may do now."""

    id: str
    kind: str
    status: str
    title: str
    requester: Named
    reason: str
    body: dict[str, Any]
    outcome: dict[str, Any]
    failure: str | None
    policy: PolicyDecision
    project_id: str | None
    asset: str | None
    ends_on: str | None
    created_at: datetime
    updated_at: datetime
    approvals: list[ApprovalShown]
    steps: list[StepShown]
    may: list[str]


class RequestList(BaseModel):
    items: list[RequestShown]


class ApprovalGiven(BaseModel):
    """`row_filter` (an SQL condition) and `hidden_columns` narrow what a subscription shows."""

    comment: str | None = Field(default=None, max_length=4000)
    row_filter: str | None = None
    hidden_columns: list[str] = []


class Rejection(BaseModel):
    comment: str = Field(min_length=1, max_length=4000)


class Revocation(BaseModel):
    reason: str = Field(min_length=1, max_length=4000)


@router.route_for("GET", "/api/requests", Permission.USE_APP)
def list_requests(
    app: TheApp,
    person: SignedIn,
    box: Annotated[Literal["mine", "inbox", "all"], Query()] = "mine",
    status: Annotated[model.Status | None, Query()] = None,
    kind: Annotated[str | None, Query()] = None,
) -> RequestList:
    """Requests: those you made, those that wait for your decision, or all that you may see."""
    found = use_cases.list_box(app, person, box, status.value if status else None, kind)
    sight = use_cases.Sight(app, person)
    return RequestList(items=[shown(app, person, request, sight) for request in found])


@router.route_for("GET", "/api/requests/{request_id}", Permission.USE_APP)
def get_request(app: TheApp, person: SignedIn, request_id: str) -> RequestShown:
    """A request with its approvals, its progress and its outcome."""
    return shown(app, person, use_cases.get(app, person, request_id))


@router.route_for("POST", "/api/requests/{request_id}/approve", Permission.USE_APP)
def approve_request(app: TheApp, person: SignedIn, request_id: str, body: ApprovalGiven) -> RequestShown:
    """Approves the stage that is pending."""
    terms = {"row_filter": body.row_filter, "hidden_columns": body.hidden_columns}
    return shown(app, person, use_cases.approve(app, person, request_id, body.comment, terms))


@router.route_for("POST", "/api/requests/{request_id}/reject", Permission.USE_APP)
def reject_request(app: TheApp, person: SignedIn, request_id: str, body: Rejection) -> RequestShown:
    """Rejects the request."""
    return shown(app, person, use_cases.reject(app, person, request_id, body.comment))


@router.route_for("POST", "/api/requests/{request_id}/withdraw", Permission.USE_APP)
def withdraw_request(app: TheApp, person: SignedIn, request_id: str) -> RequestShown:
    """Takes your own request back."""
    return shown(app, person, use_cases.withdraw(app, person, request_id))


@router.route_for("POST", "/api/requests/{request_id}/retry", Permission.USE_APP)
def retry_request(app: TheApp, person: SignedIn, request_id: str) -> RequestShown:
    """Tries to fulfil a failed request again."""
    return shown(app, person, use_cases.retry(app, person, request_id))


@router.route_for("POST", "/api/requests/{request_id}/revoke", Permission.USE_APP)
def revoke_request(app: TheApp, person: SignedIn, request_id: str, body: Revocation) -> RequestShown:
    """Ends the access that the request gave."""
    return shown(app, person, use_cases.revoke(app, person, request_id, body.reason))


@router.route_for(
    "GET", "/api/requests/{request_id}/events", Permission.USE_APP,
    response_class=StreamingResponse, response_model=None,
)  # fmt: skip
async def follow_request(
    app: TheApp, person: SignedIn, request: Request, request_id: str, last_event_id: Annotated[str, Header()] = "0"
) -> StreamingResponse:
    """The request's steps as they happen (server-sent events). `Last-Event-ID` goes on where a connection broke."""
    await run_in_threadpool(use_cases.get, app, person, request_id)
    after = int(last_event_id) if last_event_id.isdecimal() else 0
    return StreamingResponse(
        _events(app, request, request_id, after),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(app: App, request: Request, request_id: str, after: int) -> AsyncIterator[str]:
    silent = 0.0
    while not await request.is_disconnected():
        steps, resting = await run_in_threadpool(use_cases.steps_after, app, request_id, after)
        for step in steps:
            after = step.seq
            yield f"id: {step.seq}\nevent: step\ndata: {_step(step).model_dump_json()}\n\n"
        if resting:
            yield "event: end\ndata: {}\n\n"
            return
        silent = 0.0 if steps else silent + EVENT_POLL_SECONDS
        if silent >= KEEP_ALIVE_SECONDS:
            silent = 0.0
            yield ": still here\n\n"
        await asyncio.sleep(EVENT_POLL_SECONDS)


def shown(app: App, person: Person, request: model.Request, sight: use_cases.Sight | None = None) -> RequestShown:
    """The request as the API answers it to this person. `sight` keeps what was looked up for other requests."""
    return RequestShown(
        id=request.id,
        kind=request.kind,
        status=request.status.value,
        title=request.title,
        requester=Named(user_id=request.requester.user_id, name=request.requester.name),
        reason=request.reason,
        body=request.body,
        outcome=request.outcome,
        failure=request.outcome.get("failure"),
        policy=PolicyDecision(**request.policy),
        project_id=request.project_id,
        asset=request.asset,
        ends_on=request.body.get("ends_on"),
        created_at=request.created_at,
        updated_at=request.updated_at,
        approvals=[_approval(approval) for approval in request.approvals],
        steps=[_step(step) for step in request.steps],
        may=use_cases.verbs(app, person, request, sight or use_cases.Sight(app, person)),
    )


def _approval(approval: model.Approval) -> ApprovalShown:
    policy = approval.policy or {}
    return ApprovalShown(
        position=approval.position, stage=approval.approver, status=approval.status,
        people=list(approval.owners_of.get("names", ())), note=approval.note, decided_by=approval.decided_by,
        decided_at=approval.decided_at, comment=approval.comment, policy_hash=policy.get("policy_hash"),
        reasons=policy.get("reasons", []),
    )  # fmt: skip


def _step(step: model.Step) -> StepShown:
    return StepShown(seq=step.seq, at=step.at, kind=step.kind, text=step.text, actor=step.actor, detail=step.detail)
