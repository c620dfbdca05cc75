"""HTTP in and out for the audit."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel

from twinplane.control_plane.audit import use_cases
from twinplane.control_plane.http import Router, SignedIn, TheApp
from twinplane.control_plane.permissions import Permission

router = Router("audit")


class EntryShown(BaseModel):
    """`source`: `management-app` (what was done here) or `data-plane` (what CloudTrail recorded of a person).
    `approvals` and `purpose` are those of the request under which it happened."""

    at: datetime
    source: str
    id: str
    actor: str
    actor_id: str
    action: str
    outcome: str
    request_id: str | None
    project_id: str | None
    asset: str | None
    reason: str | None
    policy_hash: str | None
    policies: list[str]
    policy_reasons: list[str]
    detail: dict[str, Any]
    approvals: list[dict[str, Any]]
    purpose: str | None


class EntryList(BaseModel):
    items: list[EntryShown]


class Integrity(BaseModel):
    """`last_hash` stands for the whole record: keep it elsewhere, and a rewritten record is found."""

    entries: int
    intact: bool
    first_wrong: int | None
    last_hash: str


@router.route_for("GET", "/api/audit", Permission.READ_OWN_AUDIT)
def list_audit(
    app: TheApp,
    person: SignedIn,
    who: Annotated[str | None, Query(alias="person")] = None,
    request_id: str | None = None,
    asset: Annotated[str | None, Query(description="database.table")] = None,
    action: str | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> EntryList:
    """Who did or saw what. Auditors see everything; others what they did and what concerns their projects."""
    question = use_cases.Question(who, request_id, asset, action, limit)
    return EntryList(items=[EntryShown(**asdict(entry)) for entry in use_cases.ask(app, person, question)])


@router.route_for("GET", "/api/audit/integrity", Permission.VERIFY_AUDIT)
def verify_audit(app: TheApp) -> Integrity:
    """Recomputes the chain of hashes over the whole record."""
    return Integrity(**use_cases.verify(app))
