"""The process that reads texts before anybody's data is near: `python -m twinplane.engines.sql.reader FD LIMITS`.

It tells which tables a statement names, and whether a text is a row filter. It is not part of the server because the
parser can be made to work for ever by a few hundred characters; it is ended then, and started again.
"""

import socket
import sys

import msgspec

from twinplane.engines.sql import render, statement
from twinplane.engines.sql.confinement import confine, within
from twinplane.engines.sql.plan import QueryError
from twinplane.engines.sql.worker_messages import CheckFilter, Failure, Hello, Limits, Read, Reply, receive, send


def answer(request: Read | CheckFilter, limits: Limits) -> Reply:
    """The tables of a text, or why there are none."""
    try:
        with within(limits.planning_seconds):
            if isinstance(request, Read):
                return Reply(references=statement.parse(request.text, request.parameters).tables)
            render.row_filter(request.text, request.columns)
            return Reply()
    except QueryError as error:
        return Reply(Failure(error.code, error.message))
    except (MemoryError, RecursionError):
        return Reply(Failure("SYNTAX_ERROR", "The query is too complex"))


def main() -> None:
    """Answers requests from the socket on the given descriptor until it is closed."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    limits = msgspec.json.decode(sys.argv[2], type=Limits)
    send(channel, Hello(confine(limits)))
    while (body := receive(channel)) is not None:
        send(channel, answer(msgspec.json.decode(body, type=Read | CheckFilter), limits))


if __name__ == "__main__":
    main()
