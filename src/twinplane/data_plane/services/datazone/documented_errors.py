"""Errors as AWS documents them: an operation answers none that its model does not have.

Clients made from the model know no others, and retry or report them as unknown.
"""

from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError
from twinplane.data_plane.wire import models

_INSTEAD = {
    "ResourceNotFoundException": "AccessDeniedException",
    "ConflictException": "ValidationException",
    "ServiceQuotaExceededException": "ValidationException",
}


def documented(operation: Operation) -> Operation:
    """The same operation, with documented errors only."""

    @wraps(operation.function)
    def answer(call: Call, request: Request) -> Answer:
        try:
            found: Answer = operation.function(call, request)
        except ServiceError as error:
            raise _documented(call, error) from None
        return found

    @wraps(operation.function)
    async def later(call: Call, request: Request) -> Answer:
        try:
            given: Awaitable[Answer] = operation.function(call, request)
            return await given
        except ServiceError as error:
            raise _documented(call, error) from None

    return replace(operation, function=later if operation.mode == "stream" else answer)


@contextmanager
def named() -> Iterator[None]:
    """What a request names beside what it is about: in an operation without an error for it, it is invalid."""
    try:
        yield
    except ServiceError as error:
        if error.code != "ResourceNotFoundException":
            raise
        raise ServiceError("ValidationException", error.message) from None


def _documented(call: Call, error: ServiceError) -> ServiceError:
    known = {ref.shape for ref in models.load("datazone").operations[call.operation].errors}
    if not known or error.code in known or error.code not in _INSTEAD:
        return error
    code, message = _INSTEAD[error.code], error.message
    if code == "AccessDeniedException":
        message = f"User is not permitted to perform operation: {call.operation}. {message}"
    return ServiceError(code, message)
