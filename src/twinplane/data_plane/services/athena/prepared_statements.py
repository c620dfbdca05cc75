"""Prepared statements: texts with `?` in a work group, run by name. They run with the rights of whoever runs them."""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Request, ServiceError
from twinplane.data_plane.services.athena import store
from twinplane.data_plane.services.athena.work_groups import get as get_work_group
from twinplane.data_plane.services.athena.work_groups import invalid, listing, work_group_arn
from twinplane.data_plane.services.iam.rules import require
from twinplane.data_plane.store import Document
from twinplane.engines.sql.plan import QueryError

_MOST_IN_A_GROUP = 1000  # AWS documents both
_MOST_AT_ONCE = 256


def find(call: Call, group: str, name: str) -> Document | None:
    """The prepared statement of that name in that work group. Whether the caller may is the caller's concern."""
    return call.tx.find(store.PREPARED_STATEMENTS, group, name)


def unknown(name: str) -> QueryError:
    """What a statement that names one that is not there fails with."""
    return QueryError("NOT_FOUND", f"Prepared statement not found: {name}")


def executed(call: Call, group: str, name: str) -> str:
    """The text that EXECUTE runs for the caller. Raises `ServiceError` AccessDeniedException and `QueryError`."""
    require(call, "athena:GetPreparedStatement", work_group_arn(call, group))
    found = find(call, group, name)
    if found is None:
        raise unknown(name)
    return str(found["QueryStatement"])


def _get(call: Call, request: Request) -> Document:
    group, name = get_work_group(call, request["WorkGroup"])["Name"], request["StatementName"]
    found = find(call, group, name)
    if found is None:
        message = f"PreparedStatement {name} was not found in workGroup {group}"
        raise ServiceError("ResourceNotFoundException", message, ResourceName=work_group_arn(call, group))
    return found


def keep(call: Call, group: str, name: str, text: str, description: str | None) -> None:
    """Keeps a prepared statement in a work group that is there; in place of one of the same name."""
    found = find(call, group, name)
    if found is None and call.tx.count(store.PREPARED_STATEMENTS, {"WorkGroupName": group}) >= _MOST_IN_A_GROUP:
        raise invalid(f"WorkGroup {group} has {_MOST_IN_A_GROUP} prepared statements, which is the most it may have")
    statement = (found or {}) | {
        "WorkGroupName": group, "StatementName": name, "QueryStatement": text, "LastModifiedTime": call.now,
    }  # fmt: skip
    if description is not None:
        statement["Description"] = description
    call.tx.put(store.PREPARED_STATEMENTS, statement)


def create_prepared_statement(call: Call, request: Request) -> Answer:
    """Keeps a text under a new name of the work group."""
    group, name = get_work_group(call, request["WorkGroup"])["Name"], request["StatementName"]
    if find(call, group, name) is not None:
        raise invalid(f"PreparedStatement {name} already exists in workGroup {group}")
    keep(call, group, name, request["QueryStatement"], request.get("Description"))
    return {}


def get_prepared_statement(call: Call, request: Request) -> Answer:
    """One prepared statement."""
    return {"PreparedStatement": _get(call, request)}


def batch_get_prepared_statement(call: Call, request: Request) -> Answer:
    """Several prepared statements of a work group, and the names of which there is none."""
    group, names = (
        get_work_group(call, request["WorkGroup"])["Name"],
        list(dict.fromkeys(request["PreparedStatementNames"])),
    )
    if len(names) > _MOST_AT_ONCE:
        raise invalid(f"At most {_MOST_AT_ONCE} prepared statements can be asked for at once")
    found = {name: find(call, group, name) for name in names}
    missing = [
        {"StatementName": name, "ErrorCode": "STATEMENT_NOT_FOUND",
         "ErrorMessage": f"PreparedStatement {name} was not found in workGroup {group}"}
        for name, statement in found.items() if statement is None
    ]  # fmt: skip
    shown = [statement for statement in found.values() if statement is not None]
    return {"PreparedStatements": shown, "UnprocessedPreparedStatementNames": missing}


def list_prepared_statements(call: Call, request: Request) -> Answer:
    """The names of a work group's prepared statements, in their order."""
    where = {"WorkGroupName": get_work_group(call, request["WorkGroup"])["Name"]}

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        return call.tx.select(store.PREPARED_STATEMENTS, where, after=after, limit=limit)

    rows, token = listing(call, request, fetch, lambda s: [s["WorkGroupName"], s["StatementName"]])
    shown = [{member: s[member] for member in ("StatementName", "LastModifiedTime")} for s in rows]
    return {"PreparedStatements": shown, "NextToken": token}


def update_prepared_statement(call: Call, request: Request) -> Answer:
    """Puts another text in a prepared statement's place; its description stays unless one is given."""
    found = _get(call, request)
    keep(call, found["WorkGroupName"], found["StatementName"], request["QueryStatement"], request.get("Description"))
    return {}


def delete_prepared_statement(call: Call, request: Request) -> Answer:
    """Removes a prepared statement."""
    found = _get(call, request)
    call.tx.remove(store.PREPARED_STATEMENTS, found["WorkGroupName"], found["StatementName"])
    return {}
