"""Who has which permission set in which account. Assignments are made and ended in the background, as in AWS."""

from collections.abc import Callable

from twinplane.data_plane.call import Answer, Call, Request
from twinplane.data_plane.services.ssoadmin import provisioning, store
from twinplane.data_plane.services.ssoadmin.permission_sets import get_permission_set
from twinplane.data_plane.services.ssoadmin.shared import (
    check_instance,
    check_principal,
    conflict,
    not_found,
    page_of,
)
from twinplane.data_plane.store import Document

_ASKED = ("TargetId", "TargetType", "PermissionSetArn", "PrincipalType", "PrincipalId")
_SHOWN = ("AccountId", "PermissionSetArn", "PrincipalType", "PrincipalId")


def create_account_assignment(call: Call, request: Request) -> Answer:
    get_permission_set(call, request)
    _check_account(call, request["TargetId"])
    check_principal(call, request["PrincipalType"], request["PrincipalId"])
    return _ask(call, request, "CREATE", "AccountAssignmentCreationStatus")


def delete_account_assignment(call: Call, request: Request) -> Answer:
    """Ends the assignment, also one of a person or group that is gone. What she does with its role ends with it."""
    get_permission_set(call, request)
    key = (request["PermissionSetArn"], request["TargetId"], request["PrincipalType"], request["PrincipalId"])
    if call.tx.find(store.ACCOUNT_ASSIGNMENTS, *key) is None:
        raise not_found("There is no such account assignment.")
    return _ask(call, request, "DELETE", "AccountAssignmentDeletionStatus")


def list_account_assignments(call: Call, request: Request) -> Answer:
    arn = get_permission_set(call, request)["PermissionSetArn"]
    return _list(call, request, {"PermissionSetArn": arn, "AccountId": request["AccountId"]})


def list_account_assignments_for_principal(call: Call, request: Request) -> Answer:
    """The assignments of a person, herself and through her groups; or of a group."""
    check_instance(call, request)
    kind, id_ = request["PrincipalType"], request["PrincipalId"]
    check_principal(call, kind, id_)
    where = {"AccountId": account} if (account := (request.get("Filter") or {}).get("AccountId")) else {}
    principals = store.principals(call.tx, id_) if kind == "USER" else [(kind, id_)]
    return _list(
        call, request, {**where, "PrincipalId": [each for _, each in principals]}
    )  # fmt: skip


def describe_status(kind: str, member: str, answer: str) -> Callable[[Call, Request], Answer]:
    """The operation that answers, as `answer`, the status of the request whose id is in `member`."""

    def operation(call: Call, request: Request) -> Answer:
        check_instance(call, request)
        found = call.tx.find(store.REQUESTS, request[member])
        if found is None or found["kind"] != kind:
            raise not_found(f"There is no request {request[member]}.")
        return {answer: provisioning.view(found)}

    return operation


def list_status(kind: str, answer: str) -> Callable[[Call, Request], Answer]:
    """The operation that answers, as `answer`, the statuses of all requests of a kind."""

    def operation(call: Call, request: Request) -> Answer:
        check_instance(call, request)
        status = (request.get("Filter") or {}).get("Status")
        where = {"kind": kind, **({"Status": status} if status else {})}
        found, more = page_of(call, request, store.REQUESTS, where, ("CreatedDate",))
        return {answer: [{m: each[m] for m in ("Status", "RequestId", "CreatedDate")} for each in found], **more}

    return operation


def _ask(call: Call, request: Request, kind: str, answer: str) -> Answer:
    asked = {member: request[member] for member in _ASKED}
    for other in call.tx.select(store.REQUESTS, {"Status": "IN_PROGRESS"}):
        if all(other.get(member) == asked[member] for member in _ASKED):
            raise conflict("A request about this account assignment is going on.")
    return {answer: provisioning.ask(call, kind, asked)}


def _check_account(call: Call, account_id: str) -> None:
    if account_id != call.account_id:
        raise not_found(f"There is no account {account_id} on this data plane.")


def _list(call: Call, request: Request, where: Document) -> Answer:
    found, more = page_of(call, request, store.ACCOUNT_ASSIGNMENTS, where)
    return {"AccountAssignments": [{member: each[member] for member in _SHOWN} for each in found], **more}
