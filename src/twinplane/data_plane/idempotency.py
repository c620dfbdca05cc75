"""Idempotency tokens: a repeated write with the token of the first gets the first one's answer, and does nothing.

Every `writes` operation whose input the model gives such a token is covered. The rights are checked again each time;
the token belongs to the caller, and stands for the whole request: with another request it is the service's conflict.
"""

import hashlib
from collections.abc import Callable

import msgspec

from twinplane.data_plane.call import Answer, Call, Request, ServiceError
from twinplane.data_plane.store import Kind, Transaction
from twinplane.data_plane.wire.models import Model, OperationModel

LIFE_SECONDS = 24 * 3600.0  # AWS documents between 8 hours and a day, service by service

TOKENS = Kind("idempotency_token", key=("id",), indexes=(("created_at",),))

# What the services call a token that comes back with another request; the first that an operation declares is meant.
_CONFLICTS = (
    "IdempotentParameterMismatchException", "IdempotentParameterMismatch", "IdempotencyParameterMismatch",
    "IdempotencyException", "ConflictException", "InvalidRequestException", "ValidationException",
)  # fmt: skip


def token_member(model: Model, operation: OperationModel) -> str | None:
    """The member of an operation's input that holds its idempotency token, or None.

    AWS's models mark some resource ids so as well; those name the same thing each time, they are no tokens.
    """
    members = model.shape(operation.input).members if operation.input is not None else {}
    return next((name for name, ref in members.items() if ref.idempotency_token and name.endswith("Token")), None)


def once(
    tx: Transaction, call: Call, operation: OperationModel, member: str, request: Request, run: Callable[[], Answer]
) -> Answer:
    """`run()`, or the answer it gave to the earlier request with this token. Raises `ServiceError` on a conflict."""
    who = (call.service, call.operation, call.principal.iam_arn, call.principal.on_behalf_of, request[member])
    key = hashlib.sha256(msgspec.json.encode(who)).hexdigest()[:32]
    asked = hashlib.sha256(msgspec.json.encode(request, order="sorted")).hexdigest()[:32]
    known = tx.find(TOKENS, key)
    if known is not None and known["created_at"] > call.now - LIFE_SECONDS:
        if known["asked"] != asked:
            raise _conflict(operation)
        answer: Answer = known["answer"]
        return answer
    answer = run()
    for old in tx.select(TOKENS, order=("created_at",), limit=2):  # each new one makes room for itself
        if old["created_at"] <= call.now - LIFE_SECONDS:
            tx.remove(TOKENS, old["id"])
    tx.put(TOKENS, {"id": key, "asked": asked, "answer": answer, "created_at": call.now})
    return answer


def _conflict(operation: OperationModel) -> ServiceError:
    declared = {ref.shape for ref in operation.errors}
    code = next((code for code in _CONFLICTS if code in declared), "ValidationException")
    return ServiceError(code, "Idempotent parameters do not match: the token was used before with another request.")
