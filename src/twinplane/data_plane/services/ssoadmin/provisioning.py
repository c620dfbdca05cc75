"""Permission sets become roles: the work behind account assignments and ProvisionPermissionSet.

A request is a document that says IN_PROGRESS and a task in the same transaction. The task does the whole work and says
how it ended in one transaction of its own, so a crash leaves it undone, and it is done at the next start.
"""

import secrets
import uuid
from typing import TYPE_CHECKING, Any

from twinplane.data_plane import tasks
from twinplane.data_plane.call import Call
from twinplane.data_plane.services.iam import store as iam_store
from twinplane.data_plane.services.ssoadmin import store
from twinplane.data_plane.services.ssoadmin.rules import saml_trust, session_seconds
from twinplane.data_plane.store import Document, Transaction
from twinplane.data_plane.tasks import TaskKind

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

_TASK = "sso_request"
_KEPT_SECONDS = 90 * 86400.0
ROLE_PATH = "/aws-reserved/sso.amazonaws.com/"


class CannotProvision(Exception):
    """The permission set cannot become a role in the account; the text says why and reaches the administrator."""


def ask(call: Call, kind: str, asked: Document) -> dict[str, Any]:
    """Notes what is to be done (kind CREATE, DELETE or PROVISION) and returns its status, as AWS answers it."""
    request = {
        **asked, "RequestId": str(uuid.uuid4()), "kind": kind, "Status": "IN_PROGRESS", "CreatedDate": call.now,
    }  # fmt: skip
    for old in call.tx.select(store.REQUESTS, {"kind": kind}, order=("CreatedDate",), limit=2):
        if old["CreatedDate"] < call.now - _KEPT_SECONDS:
            call.tx.remove(store.REQUESTS, old["RequestId"])
    call.tx.add(store.REQUESTS, request)
    tasks.enqueue(call.tx, call.plane, _TASK, request["PermissionSetArn"], request_id=request["RequestId"])
    return view(request)


def view(request: Document) -> dict[str, Any]:
    """The status of a request as AWS answers it."""
    return {member: value for member, value in request.items() if member != "kind"}


async def _run(plane: "Plane", task: Document) -> None:
    await plane.store.write(lambda tx: _finish(plane, tx, task["payload"]["request_id"]))


def _finish(plane: "Plane", tx: Transaction, request_id: str) -> None:
    request = tx.find(store.REQUESTS, request_id)
    if request is None or request["Status"] != "IN_PROGRESS":
        return
    try:
        with tx.savepoint():
            _WORK[request["kind"]](plane, tx, request)
    except CannotProvision as error:
        tx.put(store.REQUESTS, request | {"Status": "FAILED", "FailureReason": str(error)})
        return
    tx.put(store.REQUESTS, request | {"Status": "SUCCEEDED"})


def _create(plane: "Plane", tx: Transaction, request: Document) -> None:
    _provision(plane, tx, request["PermissionSetArn"], request["TargetId"])
    tx.put(store.ACCOUNT_ASSIGNMENTS, _assignment(request))


def _delete(_plane: "Plane", tx: Transaction, request: Document) -> None:
    """Ends an assignment; with the last one of an account the role goes, and its sessions end."""
    arn, account_id = request["PermissionSetArn"], request["TargetId"]
    tx.remove(store.ACCOUNT_ASSIGNMENTS, *store.ACCOUNT_ASSIGNMENTS.key_of(_assignment(request)))
    if tx.first(store.ACCOUNT_ASSIGNMENTS, {"PermissionSetArn": arn, "AccountId": account_id}) is None:
        provisioned = tx.find(store.PROVISIONED, arn, account_id)
        if provisioned is not None:
            iam_store.remove_role(tx, provisioned["RoleName"])
            tx.remove(store.PROVISIONED, arn, account_id)


def _provision_all(plane: "Plane", tx: Transaction, request: Document) -> None:
    where = {member: value for member, value in request.items() if member in ("PermissionSetArn", "AccountId")}
    for provisioned in tx.select(store.PROVISIONED, where):
        _provision(plane, tx, provisioned["PermissionSetArn"], provisioned["AccountId"])


_WORK = {"CREATE": _create, "DELETE": _delete, "PROVISION": _provision_all}


def _provision(plane: "Plane", tx: Transaction, arn: str, account_id: str) -> None:
    """Makes the account's role say what the permission set says now."""
    permission_set = tx.find(store.PERMISSION_SETS, arn)
    if permission_set is None:
        raise CannotProvision("The permission set is gone.")
    known = tx.find(store.PROVISIONED, arn, account_id)
    suffix = known["suffix"] if known is not None else secrets.token_hex(8)
    name = f"AWSReservedSSO_{permission_set['Name']}_{suffix}"
    inline = permission_set["inline_policy"]
    attached = [*permission_set["managed"]]
    attached += [_customer_managed(tx, account_id, reference) for reference in permission_set["customer_managed"]]
    boundary = permission_set["boundary"] or {}
    boundary_arn = boundary.get("ManagedPolicyArn")
    if "CustomerManagedPolicyReference" in boundary:
        boundary_arn = _customer_managed(tx, account_id, boundary["CustomerManagedPolicyReference"])
    role = iam_store.put_role(
        tx, account_id=account_id, name=name, path=_path(plane), trust_policy=saml_trust(account_id, suffix),
        policies={}, boundary_arn=boundary_arn, now=plane.clock(),
    )  # fmt: skip
    role |= {
        "policies": {} if inline is None else {"AwsSSOInlinePolicy": inline},
        "attached": sorted(attached),
        "MaxSessionDuration": session_seconds(permission_set["SessionDuration"]),
        "Description": permission_set["Description"],
    }
    tx.put(iam_store.ROLES, role)
    tx.put(
        store.PROVISIONED,
        {
            "PermissionSetArn": arn, "AccountId": account_id, "RoleName": name, "suffix": suffix,
            "version": permission_set["version"],
        },
    )  # fmt: skip


def _path(plane: "Plane") -> str:
    """The path of the roles: AWS leaves the region out of it in us-east-1 alone."""
    region = plane.settings.region
    return ROLE_PATH if region == "us-east-1" else f"{ROLE_PATH}{region}/"


def _customer_managed(tx: Transaction, account_id: str, reference: dict[str, str]) -> str:
    arn = f"arn:aws:iam::{account_id}:policy{reference['Path']}{reference['Name']}"
    if iam_store.managed_policy(tx, arn) is None:
        raise CannotProvision(f"Account {account_id} has no policy {reference['Path']}{reference['Name']}.")
    return arn


def _assignment(request: Document) -> Document:
    return {
        "PermissionSetArn": request["PermissionSetArn"], "AccountId": request["TargetId"],
        "PrincipalType": request["PrincipalType"], "PrincipalId": request["PrincipalId"],
    }  # fmt: skip


def _failed(tx: Transaction, _plane: "Plane", task: Document, reason: str) -> None:
    request = tx.find(store.REQUESTS, task["payload"]["request_id"])
    if request is not None:
        tx.put(store.REQUESTS, request | {"Status": "FAILED", "FailureReason": reason})


TASKS: dict[str, TaskKind] = {_TASK: TaskKind(_run, _failed)}
