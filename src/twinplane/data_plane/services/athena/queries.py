"""Query executions: recorded when they are asked for, and run by a durable task."""

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import structlog

from twinplane.data_plane.call import Answer, Call, Request, ServiceError
from twinplane.data_plane.services.athena import planning, prepared_statements, rules, statements, store, views
from twinplane.data_plane.services.athena.work import Cancelled, Work
from twinplane.data_plane.services.athena.work_groups import get as get_work_group
from twinplane.data_plane.services.athena.work_groups import invalid
from twinplane.data_plane.services.glue import iceberg
from twinplane.data_plane.services.s3 import store as s3
from twinplane.data_plane.services.s3.permissions import check
from twinplane.data_plane.store import Document, Transaction
from twinplane.data_plane.tasks import TaskKind, enqueue
from twinplane.engines.sql.plan import QueryCancelled, QueryError, Reference, SyntaxRefused
from twinplane.engines.sql.statements import PREPARABLE, Execute, Select, Statement, kind_of, references

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

log = structlog.get_logger()


async def start_query_execution(call: Call, request: Request) -> Answer:
    """Records the query and asks for it to be run.

    What the caller may not read is refused at once; a query that cannot run is recorded as failed.
    """
    text, parameters = request["QueryString"], tuple(request.get("ExecutionParameters") or ())
    statement: Statement = Select(())
    failure: QueryError | None = None
    executed: Document | None = None
    known = views.NONE
    call.plane.sql.start()
    try:
        statement = await call.plane.sql.classify(rules.owner_of(call.principal), text, parameters)
        if isinstance(statement, Execute):
            text, parameters = _prepared(call, request, statement), statement.parameters
            executed = {"text": text, "parameters": list(parameters)}
            statement = await call.plane.sql.classify(rules.owner_of(call.principal), text, parameters)
            if not isinstance(statement, PREPARABLE):
                raise QueryError(
                    "NOT_SUPPORTED", "Only SELECT, INSERT INTO, CREATE TABLE AS and UNLOAD can be executed"
                )
        database = rules.context_database(request)
        known = await views.found(call.plane, call.principal, references(statement), database)
    except SyntaxRefused as error:
        raise invalid(error.message, "MALFORMED_QUERY") from None
    except QueryError as error:
        failure = error

    async def record() -> Answer:
        return await call.commit(
            lambda tx: _record(replace(call, transaction=tx), request, statement, executed, known, failure)
        )

    try:
        return await iceberg.with_metadata(call.plane, record)
    except QueryError as error:
        failure = error
    return await record()


def _prepared(call: Call, request: Request, statement: Execute) -> str:
    group = request.get("WorkGroup") or "primary"
    return call.plane.store.read(
        lambda tx: prepared_statements.executed(replace(call, transaction=tx), group, statement.name)
    )


def _record(
    call: Call, request: Request, statement: Statement, executed: Document | None, known: views.Found,
    failure: QueryError | None,
) -> Answer:  # fmt: skip
    group = get_work_group(call, request.get("WorkGroup") or "primary")
    if group["State"] != "ENABLED":
        raise invalid(f"WorkGroup {group['Name']} is disabled.")
    execution = _new_execution(call, request, group, statement)
    if executed is not None:
        execution["executed"] = executed
    repeated = _repeated(call, execution)
    if repeated is not None:
        return {"QueryExecutionId": repeated}
    try:
        if failure is None:
            planning.tables(call, known.tables(references(statement), execution["database"]), execution["database"])
    except QueryError as error:
        failure = error
    if failure is None:
        enqueue(call.tx, call.plane, "athena.run", execution["QueryExecutionId"])
    else:
        execution |= _failure(failure.code, failure.message, call.now)
    call.tx.add(store.EXECUTIONS, execution)
    return {"QueryExecutionId": execution["QueryExecutionId"]}


def _new_execution(call: Call, request: Request, group: Document, statement: Statement) -> Document:
    context = request.get("QueryExecutionContext") or {}
    catalog = context.get("Catalog") or rules.CATALOG
    if catalog.lower() != rules.CATALOG.lower():
        raise invalid(f"Catalog {catalog} is not found")
    query_id = str(uuid.uuid4())
    kind, name = kind_of(statement)
    return {
        "QueryExecutionId": query_id, "work_group": group["Name"], "owner": rules.owner_of(call.principal),
        "token": request.get("ClientRequestToken"), "text": request["QueryString"],
        "parameters": request.get("ExecutionParameters") or [], "catalog": catalog,
        "references": msgspec.to_builtins(references(statement)),
        "database": rules.context_database(request), "state": "QUEUED", "submitted_at": call.now,
        "location": _location(call, request, group, query_id, statements.suffix(statement)),
        "type": kind, "statement": name, "principal": msgspec.to_builtins(call.principal),
        "request_id": call.request_id,
    }  # fmt: skip


def _location(call: Call, request: Request, group: Document, query_id: str, suffix: str) -> str:
    given = (request.get("ResultConfiguration") or {}).get("OutputLocation")
    prefix = rules.result_prefix(group["Configuration"], given, call.principal)
    if prefix is None:
        raise invalid(
            "No output location provided. An output location is required either through the Workgroup result "
            "configuration setting or as an API input."
        )
    location = f"{prefix}{query_id}{suffix}"
    bucket, key = rules.bucket_and_key(location)
    if not location.startswith("s3://") or s3.find_bucket(call.tx, bucket) is None:
        raise invalid(f"Unable to verify/create output bucket {bucket}")
    if not location.startswith(rules.result_prefix(group["Configuration"], None, call.principal) or "\0"):
        check(call, "s3:PutObject", {}, bucket, key)
    return location


def _repeated(call: Call, execution: Document) -> str | None:
    """The id of the query that an earlier call with this token started. Raises when it was another query."""
    if execution["token"] is None:
        return None
    found = call.tx.first(store.EXECUTIONS, {"owner": execution["owner"], "token": execution["token"]})
    if found is None:
        return None
    same = ("text", "parameters", "work_group", "database")
    if any(found[member] != execution[member] for member in same):
        raise invalid("Idempotent parameters do not match")
    return str(found["QueryExecutionId"])


def _failure(code: str, message: str, now: float) -> Document:
    return {"state": "FAILED", "reason": f"{code}: {message}", "error_code": code, "completed_at": now}


# The task


async def run_query(plane: "Plane", task: Document) -> None:
    """Runs a recorded query. Rights are decided again, now: what was revoked since is refused."""
    query_id = task["subject"]
    execution = await plane.store.write(lambda tx: _begin(tx, query_id, plane.clock()))
    if execution is None:
        return
    work = Work(plane, execution)
    try:
        await statements.run(work, await _statement(work))
    except (QueryCancelled, Cancelled):
        return
    except QueryError as error:
        failure = _failure(error.code, error.message, plane.clock())
    except ServiceError as error:
        code = "PERMISSION_DENIED" if "Denied" in error.code else error.code
        failure = _failure(code, error.message, plane.clock())
    else:
        return
    finally:
        work.discard()  # what no object has become
    await plane.store.write(lambda tx: _fail(tx, query_id, failure))


async def _statement(work: Work) -> Statement:
    execution = work.execution
    if execution["statement"] == "SELECT":  # read once already
        return Select(msgspec.convert(execution["references"], tuple[Reference, ...]))
    return await work.plane.sql.classify(work.owner, work.text, work.parameters)


def _begin(tx: Transaction, query_id: str, now: float) -> Document | None:
    found = tx.find(store.EXECUTIONS, query_id)
    if found is None or found["state"] in rules.FINISHED:
        return None
    return tx.put(store.EXECUTIONS, found | {"state": "RUNNING", "started_at": found.get("started_at", now)})


def _fail(tx: Transaction, query_id: str, failure: Document) -> None:
    found = tx.find(store.EXECUTIONS, query_id)
    if found is not None and found["state"] not in rules.FINISHED:
        tx.put(store.EXECUTIONS, found | failure)


def give_up(tx: Transaction, _plane: "Plane", task: Document, _reason: str) -> None:
    """Records a query that could not be run as failed."""
    found = tx.find(store.EXECUTIONS, task["subject"])
    if found is not None and found["state"] not in rules.FINISHED:
        failure = _failure("GENERIC_INTERNAL_ERROR", "The query could not be run", found["submitted_at"])
        tx.put(store.EXECUTIONS, found | failure)


RUN = TaskKind(run_query, give_up)
