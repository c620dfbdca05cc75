"""Decisions about requests: what may follow what, and who may decide."""

from collections.abc import Iterable, Mapping
from typing import Any

from twinplane.control_plane.errors import Conflict, NotPermitted
from twinplane.control_plane.requests.model import Approval, Request, Status

NEXT: dict[Status, frozenset[Status]] = {
    Status.DRAFT: frozenset({Status.PENDING_APPROVAL, Status.APPROVED, Status.FAILED}),
    Status.PENDING_APPROVAL: frozenset({Status.APPROVED, Status.REJECTED, Status.WITHDRAWN}),
    Status.APPROVED: frozenset({Status.FULFILLING, Status.FAILED}),
    Status.FULFILLING: frozenset({Status.ACTIVE, Status.FAILED}),
    Status.ACTIVE: frozenset({Status.REVOKING}),
    Status.REVOKING: frozenset({Status.REVOKED, Status.EXPIRED}),
    Status.FAILED: frozenset({Status.APPROVED, Status.WITHDRAWN}),
    Status.REVOKED: frozenset(),
    Status.EXPIRED: frozenset(),
    Status.REJECTED: frozenset(),
    Status.WITHDRAWN: frozenset(),
}
FINAL = frozenset(status for status, following in NEXT.items() if not following)


class NotInThatState(Conflict):
    """The request stands somewhere from where this cannot be done."""


class RequestChanged(Conflict):
    """Somebody else changed the request since it was read."""


class OwnRequest(NotPermitted):
    """A requester decided on her own request."""


def check_transition(request: Request, to: Status, doing: str) -> None:
    """Raises `NotInThatState` unless `to` may follow where the request stands. `doing` is the verb for the message."""
    if to not in NEXT[request.status]:
        raise NotInThatState(
            f"A request that is {request.status.value.replace('_', ' ')} cannot be {doing}.",
            status_of_request=request.status.value,
        )


def check_not_own(request: Request, user_id: str) -> None:
    """Raises `OwnRequest`: whatever policies say, nobody decides on what she asked for herself."""
    if request.requester.user_id == user_id:
        raise OwnRequest("You asked for this yourself, so somebody else must decide.")


def first_approvals(
    approvers: Iterable[str], owners_of: Mapping[str, Any], owner_names: Iterable[str], requester: str
) -> tuple[Approval, ...]:
    """The stages in order; the first is pending. A stage that only the requester could decide goes to the stewards."""
    others = [name for name in owner_names if name != requester]
    stages: list[tuple[str, str | None]] = []
    for approver in approvers:
        if approver == "owner" and not others:
            approver, note = "steward", "The requester is the only owner, so a steward decides in her place."
        else:
            note = None
        if approver not in [known for known, _ in stages]:
            stages.append((approver, note))
    return tuple(
        Approval(
            position=position,
            approver=approver,
            status="pending" if position == 0 else "waiting",
            owners_of=dict(owners_of) if approver == "owner" else {},
            note=note,
        )
        for position, (approver, note) in enumerate(stages)
    )
