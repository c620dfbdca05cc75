"""The rows of requests, their approvals and their history. Every change names the version that it changes."""

import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from twinplane.control_plane.database import Transaction, UtcTime, metadata
from twinplane.control_plane.errors import NotFound
from twinplane.control_plane.requests.model import Actor, Approval, Request, RequestId, Status, Step
from twinplane.control_plane.requests.rules import RequestChanged

REQUESTS = sa.Table(
    "request",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("title", sa.String(300), nullable=False),
    sa.Column("requester_id", sa.String(128), nullable=False),
    sa.Column("requester", sa.String(128), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("body", sa.JSON, nullable=False),
    sa.Column("outcome", sa.JSON, nullable=False),
    sa.Column("policy", sa.JSON, nullable=False),
    sa.Column("project_id", sa.String(80)),
    sa.Column("beneficiary", sa.String(80)),
    sa.Column("asset", sa.String(400)),
    sa.Column("ends_at", UtcTime),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.Index("request_requester", "requester_id", "created_at"),
    sa.Index("request_status", "status", "created_at"),
    sa.Index("request_project", "project_id"),
    sa.Index("request_beneficiary", "beneficiary", "status"),
    sa.Index("request_asset", "asset"),
)
APPROVALS = sa.Table(
    "request_approval",
    metadata,
    sa.Column("request_id", sa.String(40), sa.ForeignKey("request.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("approver", sa.String(40), nullable=False),
    sa.Column("status", sa.String(12), nullable=False),
    sa.Column("owners_of", sa.JSON, nullable=False),
    sa.Column("note", sa.Text),
    sa.Column("decided_by", sa.String(128)),
    sa.Column("decided_by_id", sa.String(128)),
    sa.Column("decided_at", UtcTime),
    sa.Column("comment", sa.Text),
    sa.Column("policy", sa.JSON),
)
STEPS = sa.Table(
    "request_step",
    metadata,
    sa.Column("request_id", sa.String(40), sa.ForeignKey("request.id"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("actor", sa.String(128), nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
)


def new_id() -> RequestId:
    """An id that is also a valid STS source identity and role session name."""
    return RequestId(f"req-{secrets.token_hex(8)}")


def add(tx: Transaction, request: Request) -> None:
    """Stores a new request with its approvals."""
    tx.execute(
        sa.insert(REQUESTS).values(
            id=request.id, kind=request.kind, status=request.status.value, version=request.version,
            title=request.title, requester_id=request.requester.user_id, requester=request.requester.name,
            reason=request.reason, body=request.body, outcome=request.outcome, policy=request.policy,
            project_id=request.project_id, beneficiary=request.beneficiary, asset=request.asset,
            ends_at=request.ends_at, created_at=request.created_at, updated_at=request.updated_at,
        )
    )  # fmt: skip
    for approval in request.approvals:
        tx.execute(sa.insert(APPROVALS).values(request_id=request.id, **vars(approval)))


def get(tx: Transaction, request_id: str) -> Request:
    """The request with its approvals and steps. Raises `NotFound`."""
    found = find(tx, request_id)
    if found is None:
        raise NotFound(f"There is no request {request_id}.")
    return found


def find(tx: Transaction, request_id: str) -> Request | None:
    """The request with its approvals and steps, or None."""
    row = tx.row(sa.select(REQUESTS).where(REQUESTS.c.id == request_id))
    if row is None:
        return None
    steps = tx.rows(sa.select(STEPS).where(STEPS.c.request_id == request_id).order_by(STEPS.c.seq))
    return _request(row, _approvals(tx, [request_id]).get(request_id, ()), tuple(_step(s) for s in steps))


def list_requests(
    tx: Transaction,
    *,
    requester_id: str | None = None,
    status: str | None = None,
    kind: str | None = None,
    beneficiaries: Iterable[str] | None = None,
    assets: Iterable[str] | None = None,
    ids: Iterable[str] | None = None,
    limit: int = 200,
) -> list[Request]:
    """Requests with their approvals and without their steps, the newest first."""
    statement = sa.select(REQUESTS).order_by(REQUESTS.c.created_at.desc(), REQUESTS.c.id).limit(limit)
    for column, value in (
        (REQUESTS.c.requester_id, requester_id), (REQUESTS.c.status, status), (REQUESTS.c.kind, kind),
    ):  # fmt: skip
        if value is not None:
            statement = statement.where(column == value)
    for column, values in (
        (REQUESTS.c.beneficiary, beneficiaries), (REQUESTS.c.asset, assets), (REQUESTS.c.id, ids),
    ):  # fmt: skip
        if values is not None:
            statement = statement.where(column.in_(sorted(values)))
    rows = tx.rows(statement)
    approvals = _approvals(tx, [row["id"] for row in rows])
    return [_request(row, approvals.get(row["id"], ())) for row in rows]


def list_steps(tx: Transaction, request_id: str, after: int = 0) -> list[Step]:
    """The steps after number `after`, in order."""
    rows = tx.rows(sa.select(STEPS).where(STEPS.c.request_id == request_id, STEPS.c.seq > after).order_by(STEPS.c.seq))
    return [_step(row) for row in rows]


def change(tx: Transaction, request: Request, **changes: Any) -> Request:
    """Changes the request if it is still the version that was read. Raises `RequestChanged`, with nothing changed."""
    values = {name: value.value if isinstance(value, Status) else value for name, value in changes.items()}
    statement = (
        sa.update(REQUESTS)
        .where(REQUESTS.c.id == request.id, REQUESTS.c.version == request.version)
        .values(**values, version=request.version + 1, updated_at=tx.now)
    )
    if tx.changed(statement) != 1:
        raise RequestChanged("Somebody else changed this request just now. Look at it again.")
    return get(tx, request.id)


def decide(tx: Transaction, request: Request, approval: Approval, **changes: Any) -> None:
    """Changes one approval; the caller has changed the request's version in the same transaction."""
    tx.execute(
        sa.update(APPROVALS)
        .where(APPROVALS.c.request_id == request.id, APPROVALS.c.position == approval.position)
        .values(**changes)
    )


def add_step(tx: Transaction, request_id: str, kind: str, text: str, actor: Actor, **detail: Any) -> None:
    """Adds to the request's history."""
    last = tx.row(sa.select(sa.func.max(STEPS.c.seq).label("seq")).where(STEPS.c.request_id == request_id))
    seq = ((last or {}).get("seq") or 0) + 1
    tx.execute(
        sa.insert(STEPS).values(
            request_id=request_id, seq=seq, at=tx.now, kind=kind, text=text, actor=actor.name, detail=detail
        )
    )


def _approvals(tx: Transaction, request_ids: list[str]) -> dict[str, tuple[Approval, ...]]:
    rows = tx.rows(sa.select(APPROVALS).where(APPROVALS.c.request_id.in_(request_ids)).order_by(APPROVALS.c.position))
    found: dict[str, tuple[Approval, ...]] = {}
    for row in rows:
        request_id = row.pop("request_id")
        found[request_id] = (*found.get(request_id, ()), Approval(**row))
    return found


def _request(row: dict[str, Any], approvals: tuple[Approval, ...], steps: tuple[Step, ...] = ()) -> Request:
    ends_at: datetime | None = row["ends_at"]
    return Request(
        id=RequestId(row["id"]), kind=row["kind"], status=Status(row["status"]), version=row["version"],
        title=row["title"], requester=Actor(row["requester_id"], row["requester"]), reason=row["reason"],
        body=row["body"], outcome=row["outcome"], policy=row["policy"], project_id=row["project_id"],
        beneficiary=row["beneficiary"], asset=row["asset"], ends_at=ends_at, created_at=row["created_at"],
        updated_at=row["updated_at"], approvals=approvals, steps=steps,
    )  # fmt: skip


def _step(row: dict[str, Any]) -> Step:
    return Step(row["seq"], row["at"], row["kind"], row["text"], row["actor"], row["detail"])
