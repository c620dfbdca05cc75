"""Who, acting as themselves, did or saw what, under which request, approved by whom, by which policy version."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from twinplane.control_plane.audit import cloudtrail, records
from twinplane.control_plane.identity import Person
from twinplane.control_plane.parts import App
from twinplane.control_plane.permissions import Permission, may
from twinplane.control_plane.projects import use_cases as projects
from twinplane.control_plane.requests import records as request_records
from twinplane.control_plane.requests.model import Request

_TABLE_ARN = re.compile(r"^arn:aws[\w-]*:glue:[^:]*:[^:]*:table/([^/]+)/(.+)$")


@dataclass(frozen=True)
class Entry:
    """One thing that was done or seen. `source` says whose record it is."""

    at: datetime
    source: str  # management-app, data-plane
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
    policies: tuple[str, ...]
    policy_reasons: tuple[str, ...]
    detail: dict[str, Any]
    approvals: tuple[dict[str, Any], ...] = ()
    purpose: str | None = None


@dataclass(frozen=True)
class Question:
    """What is asked; None: whatever."""

    person: str | None = None
    request_id: str | None = None
    asset: str | None = None
    action: str | None = None
    limit: int = 100


@dataclass
class _People:
    """Sign-in names by user id, looked up once."""

    app: App
    names: dict[str, str] = field(default_factory=dict)

    def name(self, user_id: str) -> str:
        if user_id not in self.names:
            identities = self.app.data_plane.app.client("identitystore")
            try:
                answer = identities.describe_user(
                    IdentityStoreId=self.app.data_plane.found.identity_store_id, UserId=user_id
                )
                self.names[user_id] = answer["UserName"]
            except identities.exceptions.ResourceNotFoundException:
                self.names[user_id] = user_id
        return self.names[user_id]


def ask(app: App, person: Person, question: Question) -> list[Entry]:
    """The newest entries first. Auditors see all; others what they did themselves and what concerns their projects."""
    visible_to = None
    if not may(app.policies, person, Permission.READ_ALL_AUDIT).allowed:
        visible_to = (person.user_id, frozenset(p["id"] for p in projects.list_projects(app, person)))
    with app.database.read() as tx:
        own = records.list_entries(
            tx, person=question.person, request_id=question.request_id, asset=question.asset, action=question.action,
            visible_to=visible_to, limit=question.limit,
        )  # fmt: skip
        ids = {row["request_id"] for row in own if row["request_id"]}
        known = {request.id: request for request in request_records.list_requests(tx, ids=ids, limit=len(ids) or 1)}
    entries = [_own(row, known) for row in own]
    entries += _seen(app, question, visible_to)
    return sorted(entries, key=lambda entry: entry.at, reverse=True)[: question.limit]


def verify(app: App) -> dict[str, Any]:
    """Whether the app's own record is as it was written, and the hash that stands for all of it."""
    with app.database.read() as tx:
        count, wrong, last_hash = records.verify(tx)
    return {"entries": count, "intact": wrong is None, "first_wrong": wrong, "last_hash": last_hash}


def _own(row: dict[str, Any], known: dict[Any, Request]) -> Entry:
    policy = row["policy"] or {}
    request = known.get(row["request_id"])
    return Entry(
        at=row["at"], source="management-app", id=str(row["seq"]), actor=row["actor"], actor_id=row["actor_id"],
        action=row["action"], outcome=row["outcome"], request_id=row["request_id"], project_id=row["project_id"],
        asset=row["asset"], reason=row["reason"], policy_hash=policy.get("policy_hash"),
        policies=tuple(policy.get("policies", ())), policy_reasons=tuple(policy.get("reasons", ())),
        detail=row["detail"], approvals=_approvals(request), purpose=request.reason if request else None,
    )  # fmt: skip


def _seen(app: App, question: Question, visible_to: tuple[str, frozenset[str]] | None) -> Iterable[Entry]:
    """What the data plane recorded of people, under the request that gave them what they saw."""
    names: tuple[str, ...] = cloudtrail.EVENT_NAMES
    if question.action is not None:
        service, _, name = question.action.partition(":")
        if name not in names or not service:
            return
        names = (name,)
    people = _People(app)
    found = list(cloudtrail.events_on_behalf_of_people(app.data_plane.app, names, question.limit))
    named = {asset for record in found for asset in _assets(record)}
    with app.database.read() as tx:
        about = request_records.list_requests(tx, assets=named, kind="subscription", limit=5000)
    grants = [request for request in about if request.outcome.get("subscription_id")]
    for record in found:
        user_id = record["userIdentity"]["onBehalfOf"]["userId"]
        assets = _assets(record)
        under = [r for r in grants if r.asset in assets and _gave(r, user_id, record)]
        if visible_to is not None:
            own_id, projects_of = visible_to
            if user_id != own_id and not any(r.project_id in projects_of for r in under):
                continue
        actor = people.name(user_id)
        if question.person is not None and actor != question.person:
            continue
        if question.asset is not None and question.asset not in assets:
            continue
        if question.request_id is not None and question.request_id not in [r.id for r in under]:
            continue
        yield _event(record, actor, user_id, assets, under)


def _event(record: dict[str, Any], actor: str, user_id: str, assets: list[str], under: list[Request]) -> Entry:
    first = under[0] if under else None
    policy = first.policy if first else {}
    service = record["eventSource"].split(".")[0]
    return Entry(
        at=record["at"], source="data-plane", id=record["id"], actor=actor, actor_id=user_id,
        action=f"{service}:{record['eventName']}", outcome="refused" if record.get("errorCode") else "allowed",
        request_id=first.id if first else None, project_id=first.project_id if first else None,
        asset=", ".join(assets) or None, reason=record.get("errorMessage"), policy_hash=policy.get("policy_hash"),
        policies=tuple(policy.get("policies", ())), policy_reasons=tuple(policy.get("reasons", ())),
        detail={
            "on_behalf_of": record["userIdentity"]["onBehalfOf"], "session": record["userIdentity"].get("arn"),
            "query": (record.get("requestParameters") or {}).get("queryString"),
            "requests": [r.id for r in under],
        },
        approvals=tuple(a for r in under for a in _approvals(r)), purpose=first.reason if first else None,
    )  # fmt: skip


def _assets(record: dict[str, Any]) -> list[str]:
    """Tables that the event names, as `database.table`."""
    found = []
    for resource in record.get("resources") or ():
        match = _TABLE_ARN.match(str(resource.get("ARN", "")))
        if match and f"{match[1]}.{match[2]}" not in found:
            found.append(f"{match[1]}.{match[2]}")
    return found


def _gave(request: Request, user_id: str, record: dict[str, Any]) -> bool:
    """Whether the request had given access when the event happened, to this person or to the project she worked in."""
    if record["at"] < request.created_at.replace(microsecond=0):
        return False
    ended = request.updated_at if request.status in ("revoked", "expired") else None
    if ended is not None and record["at"] > ended:
        return False
    principal = request.body["principal"]
    if principal["kind"] == "person":
        return bool(principal["user_id"] == user_id)
    role = ((record["userIdentity"].get("sessionContext") or {}).get("sessionIssuer") or {}).get("arn", "")
    return bool(role and role == request.outcome.get("lake_principal"))


def _approvals(request: Request | None) -> tuple[dict[str, Any], ...]:
    if request is None:
        return ()
    if not request.approvals and request.status != "draft":
        policy = request.policy
        return ({"stage": "policy", "by": "policy", "at": request.created_at, "policy_hash": policy.get("policy_hash"),
                 "reasons": policy.get("reasons", []), "comment": None},)  # fmt: skip
    return tuple(
        {
            "stage": a.approver, "by": a.decided_by, "at": a.decided_at, "comment": a.comment, "status": a.status,
            "policy_hash": (a.policy or {}).get("policy_hash"), "reasons": (a.policy or {}).get("reasons", []),
        }
        for a in request.approvals
        if a.decided_by is not None
    )  # fmt: skip
