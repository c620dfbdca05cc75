"""What a request is: something a person asks for that policy routes, people approve and a job fulfils."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NewType

if TYPE_CHECKING:
    from twinplane.control_plane.identity import Person
    from twinplane.control_plane.parts import App

RequestId = NewType("RequestId", str)


class Status(StrEnum):
    """Where a request stands."""

    DRAFT = "draft"  # the intent is recorded, the data plane does not know it yet
    PENDING_APPROVAL = "pending_approval"
    APPROVED = "approved"
    FULFILLING = "fulfilling"
    ACTIVE = "active"
    REVOKING = "revoking"
    REVOKED = "revoked"
    EXPIRED = "expired"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    FAILED = "failed"


@dataclass(frozen=True)
class Actor:
    """Who does something: a person, or the app on its own (a job)."""

    user_id: str
    name: str


APP = Actor("app", "management-app")


@dataclass(frozen=True)
class Approval:
    """One stage of approval: who may decide, and what was decided by whom under which policy."""

    position: int
    approver: str  # owner, steward, privacy_officer, platform_admin
    status: str  # waiting, pending, approved, rejected, skipped
    # stage "owner": {"project_id": …} or {"people": [sign-in names]}; "names": who they were when it was asked
    owners_of: dict[str, Any]
    note: str | None = None
    decided_by: str | None = None
    decided_by_id: str | None = None
    decided_at: datetime | None = None
    comment: str | None = None
    policy: dict[str, Any] | None = None


@dataclass(frozen=True)
class Step:
    """Something that happened to the request, in order of `seq`."""

    seq: int
    at: datetime
    kind: str  # status, approval, progress
    text: str
    actor: str
    detail: dict[str, Any]


@dataclass(frozen=True)
class Request:
    """`body` is what was asked for and what is needed to do it; `outcome` what came of it. Keys are of the kind."""

    id: RequestId
    kind: str
    status: Status
    version: int
    title: str
    requester: Actor
    reason: str
    body: dict[str, Any]
    outcome: dict[str, Any]
    policy: dict[str, Any]
    project_id: str | None  # whose owners see it besides the requester
    beneficiary: str | None  # for whom, when not the requester's own doing: DataZone's id of a person or project
    asset: str | None  # what data it is about: database.table
    ends_at: datetime | None
    created_at: datetime
    updated_at: datetime
    approvals: tuple[Approval, ...] = ()
    steps: tuple[Step, ...] = field(default=())

    @property
    def pending(self) -> Approval | None:
        """The stage that waits for a decision."""
        return next((a for a in self.approvals if a.status == "pending"), None)


@dataclass(frozen=True)
class RequestKind:
    """What the machine must know of a kind; `app` joins them in a dictionary. Jobs are named by their kind.

    `check_terms(request, terms)` checks what an approver adds (such as a row filter) and returns it as it is kept in
    the body; a kind without it takes no terms.
    """

    fulfil_job: str
    revoke_job: str | None = None  # None: what was given is not taken back by the machine
    close_job: str | None = None  # tells the data plane that a request was rejected or withdrawn
    check_terms: Callable[[Request, dict[str, Any]], dict[str, Any]] | None = None
    withdraw: Callable[["App", "Person", Request], None] | None = None  # as the person, within the reply
