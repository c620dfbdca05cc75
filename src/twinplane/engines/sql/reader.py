"""The process that reads texts before anybody's data is near: started by `process`.

It tells which statement a text is, and whether a text is a row filter. It is not part of the server because the
parser can be made to work for ever by a few hundred characters; it is ended then, and started again.
"""

import socket

import msgspec

from twinplane.engines.sql import render
from twinplane.engines.sql.classify import classify
from twinplane.engines.sql.confinement import within
from twinplane.engines.sql.plan import QueryError
from twinplane.engines.sql.worker_messages import CheckFilter, Failure, Hello, Limits, Read, Reply, receive, send


def answer(request: Read | CheckFilter, limits: Limits) -> Reply:
    """The statement of a text, or why there is none."""
    try:
        with within(limits.planning_seconds):
            if isinstance(request, Read):
                return Reply(statement=classify(request.text, request.parameters))
            render.row_filter(request.text, request.columns)
            return Reply()
    except QueryError as error:
        return Reply(Failure(error.code, error.message))
    except (MemoryError, RecursionError):
        return Reply(Failure("SYNTAX_ERROR", "The query is too complex"))


def serve(channel: socket.socket, limits: Limits, missing: tuple[str, ...]) -> None:
    """Answers requests from the socket until it is closed."""
    send(channel, Hello(missing))
    while (body := receive(channel)) is not None:
        send(channel, answer(msgspec.json.decode(body, type=Read | CheckFilter), limits))
