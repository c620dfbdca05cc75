"""Query executions: started here, run by a durable task, and shown only to whoever started them."""

import asyncio
import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from twinplane.data_plane import sessions
from twinplane.data_plane.call import Answer, Call, Principal, Request, ServiceError
from twinplane.data_plane.services.athena import metadata, planning, rules, store
from twinplane.data_plane.services.athena.work_groups import get as get_work_group
from twinplane.data_plane.services.athena.work_groups import invalid, listing
from twinplane.data_plane.services.glue import iceberg
from twinplane.data_plane.services.s3 import store as s3
from twinplane.data_plane.services.s3.permissions import check
from twinplane.data_plane.store import Document, Transaction
from twinplane.data_plane.tasks import TaskKind, enqueue
from twinplane.engines.sql.plan import Query, QueryCancelled, QueryError, Reference, SyntaxRefused
from twinplane.engines.sql.result import read_rows

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

log = structlog.get_logger()

_ENGINE_COLUMNS = {"CatalogName": "hive", "SchemaName": "", "TableName": "", "Nullable": "UNKNOWN"}


async def start_query_execution(call: Call, request: Request) -> Answer:
    """Records the query and asks for it to be run.

    What the caller may not read is refused at once; a query that cannot run is recorded as failed.
    """
    text, parameters = request["QueryString"], tuple(request.get("ExecutionParameters") or ())
    references: tuple[Reference, ...] = ()
    failure: QueryError | None = None
    call.plane.sql.start()
    try:
        if rules.catalog_statement(text) is None:
            references = await call.plane.sql.references(rules.owner_of(call.principal), text, parameters)
    except SyntaxRefused as error:
        raise invalid(error.message, "MALFORMED_QUERY") from None
    except QueryError as error:
        failure = error
    return await _record_when_read(call, request, references, failure)


async def _record_when_read(
    call: Call, request: Request, references: tuple[Reference, ...], failure: QueryError | None
) -> Answer:
    """Records the query; what its tables' metadata says is read first, as far as the caller may."""

    async def record() -> Answer:
        return await call.commit(lambda tx: _record(replace(call, transaction=tx), request, references, failure))

    try:
        return await iceberg.with_metadata(call.plane, record)
    except QueryError as error:
        failure = error
    return await record()


def _record(call: Call, request: Request, references: tuple[Reference, ...], failure: QueryError | None) -> Answer:
    group = get_work_group(call, request.get("WorkGroup") or "primary")
    if group["State"] != "ENABLED":
        raise invalid(f"WorkGroup {group['Name']} is disabled.")
    execution = _new_execution(call, request, group, references)
    repeated = _repeated(call, execution)
    if repeated is not None:
        return {"QueryExecutionId": repeated}
    try:
        if failure is None:
            planning.tables(call, references, execution["database"])
    except QueryError as error:
        failure = error
    if failure is None:
        enqueue(call.tx, call.plane, "athena.run", execution["QueryExecutionId"])
    else:
        execution |= _failure(failure.code, failure.message, call.now)
    call.tx.add(store.EXECUTIONS, execution)
    return {"QueryExecutionId": execution["QueryExecutionId"]}


def _new_execution(call: Call, request: Request, group: Document, references: tuple[Reference, ...]) -> Document:
    context = request.get("QueryExecutionContext") or {}
    catalog = context.get("Catalog") or rules.CATALOG
    if catalog.lower() != rules.CATALOG.lower():
        raise invalid(f"Catalog {catalog} is not found")
    query_id = str(uuid.uuid4())
    asked = rules.catalog_statement(request["QueryString"])
    return {
        "QueryExecutionId": query_id, "work_group": group["Name"], "owner": rules.owner_of(call.principal),
        "token": request.get("ClientRequestToken"), "text": request["QueryString"],
        "parameters": request.get("ExecutionParameters") or [], "catalog": catalog,
        "references": msgspec.to_builtins(references),
        "database": (context.get("Database") or "default").lower(), "state": "QUEUED", "submitted_at": call.now,
        "location": _location(call, request, group, query_id, "csv" if asked is None else "txt"),
        "statement": "SELECT" if asked is None else asked.kind, "principal": msgspec.to_builtins(call.principal),
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
    location = f"{prefix}{query_id}.{suffix}"
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
    try:
        work = await iceberg.with_metadata(plane, lambda: _prepared(plane, execution))
        if isinstance(work, tuple):
            outcome = await _write_answer(plane, execution, *work)
        else:
            outcome = await _run_in_engine(plane, execution, work)
    except QueryCancelled:
        return
    except QueryError as error:
        outcome = _failure(error.code, error.message, plane.clock())
    except ServiceError as error:
        outcome = _failure("PERMISSION_DENIED" if "Denied" in error.code else error.code, error.message, plane.clock())
    else:
        outcome |= {"state": "SUCCEEDED", "completed_at": plane.clock()}
    await plane.store.write(lambda tx: _finish(tx, plane, query_id, outcome))


def _begin(tx: Transaction, query_id: str, now: float) -> Document | None:
    found = tx.find(store.EXECUTIONS, query_id)
    if found is None or found["state"] in rules.FINISHED:
        return None
    return tx.put(store.EXECUTIONS, found | {"state": "RUNNING", "started_at": found.get("started_at", now)})


async def _prepared(plane: "Plane", execution: Document) -> Query | tuple[list[str], list[str]]:
    return plane.store.read(lambda tx: _prepare(plane, tx, execution))


def _prepare(plane: "Plane", tx: Transaction, execution: Document) -> Query | tuple[list[str], list[str]]:
    principal = msgspec.convert(execution["principal"], Principal)
    sessions.check_person(tx, principal)
    call = Call(
        plane, principal, "athena", "StartQueryExecution", execution["request_id"], plane.clock(), transaction=tx
    )  # fmt: skip
    asked = rules.catalog_statement(execution["text"])
    if asked is not None:
        return metadata.answer(call, asked, execution["database"])
    references = msgspec.convert(execution["references"], list[Reference])
    tables = planning.tables(call, references, execution["database"])
    return Query(execution["text"], execution["database"], tuple(tables), tuple(execution["parameters"]))


async def _write_answer(plane: "Plane", execution: Document, names: list[str], lines: list[str]) -> Document:
    body = "".join(f"{line}\n" for line in lines).encode()
    await _put(plane, execution, "", body, "text/plain")
    columns = [{"name": name, "type": "string", "precision": 0, "scale": 0} for name in names]
    return {
        "columns": columns,
        "rows": len(lines),
        "result_bytes": len(body),
        "scanned_bytes": 0,
        "engine_seconds": 0.0,
    }


async def _run_in_engine(plane: "Plane", execution: Document, query: Query) -> Document:
    result = await plane.sql.run(execution["owner"], query, run_id=execution["QueryExecutionId"])
    columns = [msgspec.to_builtins(column) for column in result.columns]
    try:
        described = msgspec.json.encode({"columns": columns})
        await asyncio.gather(
            _put(plane, execution, "", Path(result.path), "text/csv"),
            _put(plane, execution, ".metadata", described, "application/octet-stream"),
        )
    finally:
        Path(result.path).unlink(missing_ok=True)
    return {
        "columns": columns, "rows": result.rows, "result_bytes": result.result_bytes,
        "scanned_bytes": result.scanned_bytes, "engine_seconds": result.engine_seconds,
        "planning_seconds": result.planning_seconds,
    }  # fmt: skip


async def _put(plane: "Plane", execution: Document, suffix: str, source: Path | bytes, content_type: str) -> None:
    bucket, key = rules.bucket_and_key(execution["location"])
    person = execution["principal"].get("on_behalf_of")
    await s3.put_file(plane, bucket, key + suffix, source, content_type=content_type, owner_user_id=person)


def _finish(tx: Transaction, plane: "Plane", query_id: str, outcome: Document) -> None:
    found = tx.find(store.EXECUTIONS, query_id)
    if found is None or found["state"] in rules.FINISHED:  # cancelled meanwhile: its result must not stay
        if found is not None:
            bucket, key = rules.bucket_and_key(found["location"])
            for name in (key, key + ".metadata"):
                s3.remove_object(tx, plane, bucket, name)
        return
    tx.put(store.EXECUTIONS, found | outcome)


def give_up(tx: Transaction, _plane: "Plane", task: Document, _reason: str) -> None:
    """Records a query that could not be run as failed."""
    found = tx.find(store.EXECUTIONS, task["subject"])
    if found is not None and found["state"] not in rules.FINISHED:
        failure = _failure("GENERIC_INTERNAL_ERROR", "The query could not be run", found["submitted_at"])
        tx.put(store.EXECUTIONS, found | failure)


RUN = TaskKind(run_query, give_up)


# What the owner sees


def get(call: Call, query_id: str) -> Document:
    """An execution of the caller's own; another's is as if it were not there. Raises `InvalidRequestException`."""
    found = call.tx.find(store.EXECUTIONS, query_id)
    if found is None or found["owner"] != rules.owner_of(call.principal):
        raise invalid(f"QueryExecution {query_id} was not found")
    return found


def get_query_execution(call: Call, request: Request) -> Answer:
    """The state and statistics of one query."""
    return {"QueryExecution": shown(get(call, request["QueryExecutionId"]))}


def batch_get_query_execution(call: Call, request: Request) -> Answer:
    """The state and statistics of several queries."""
    found, missing = [], []
    for query_id in request["QueryExecutionIds"]:
        try:
            found.append(shown(get(call, query_id)))
        except ServiceError as error:
            missing.append({"QueryExecutionId": query_id, "ErrorCode": error.code, "ErrorMessage": error.message})
    return {"QueryExecutions": found, "UnprocessedQueryExecutionIds": missing}


def list_query_executions(call: Call, request: Request) -> Answer:
    """The caller's own queries in a work group, newest first."""
    where = {"work_group": request.get("WorkGroup") or "primary", "owner": rules.owner_of(call.principal)}

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        order = ("submitted_at",)
        return call.tx.select(store.EXECUTIONS, where, order=order, after=after, limit=limit, descending=True)

    rows, token = listing(call, request, fetch, lambda e: [e["submitted_at"], e["QueryExecutionId"]])
    return {"QueryExecutionIds": [e["QueryExecutionId"] for e in rows], "NextToken": token}


def stop_query_execution(call: Call, request: Request) -> Answer:
    """Cancels a query that has not finished; its worker is ended at once."""
    found = get(call, request["QueryExecutionId"])
    if found["state"] not in rules.FINISHED:
        stopped = {"state": "CANCELLED", "reason": "Query was cancelled by the user", "completed_at": call.now}
        call.tx.put(store.EXECUTIONS, found | stopped)
        call.tx.after_commit.append(lambda: _cancel(call.plane, found["QueryExecutionId"]))
    return {}


def _cancel(plane: "Plane", query_id: str) -> None:
    plane.sql.cancel(query_id)


def shown(execution: Document) -> Document:
    """AWS's `QueryExecution`."""
    status: Document = {"State": execution["state"], "SubmissionDateTime": execution["submitted_at"]}
    if "completed_at" in execution:
        status["CompletionDateTime"] = execution["completed_at"]
    if "reason" in execution:
        status["StateChangeReason"] = execution["reason"]
    if "error_code" in execution:
        status["AthenaError"] = _error(execution)
    answer: Document = {
        "QueryExecutionId": execution["QueryExecutionId"],
        "Query": execution["text"],
        "StatementType": "DML" if execution["statement"] == "SELECT" else "DDL",
        "SubstatementType": execution["statement"],
        "ResultConfiguration": {"OutputLocation": execution["location"]},
        "ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": {"Enabled": False}},
        "QueryExecutionContext": {"Database": execution["database"], "Catalog": execution["catalog"]},
        "Status": status,
        "Statistics": _timeline(execution)
        | {
            "DataScannedInBytes": execution.get("scanned_bytes", 0),
            "ResultReuseInformation": {"ReusedPreviousResult": False},
        },
        "WorkGroup": execution["work_group"],
        "EngineVersion": store.ENGINE_VERSION,
    }
    if execution["parameters"]:
        answer["ExecutionParameters"] = execution["parameters"]
    return answer


_USER_ERROR, _SYSTEM_ERROR = 2, 1


def _error(execution: Document) -> Document:
    internal = execution["error_code"] == "GENERIC_INTERNAL_ERROR"
    return {
        "ErrorCategory": _SYSTEM_ERROR if internal else _USER_ERROR,
        "ErrorType": 401 if internal else 1001,
        "Retryable": internal,
        "ErrorMessage": execution["reason"],
    }


def _timeline(execution: Document) -> Document:
    """Milliseconds of each phase; they add up to the total."""
    submitted, completed = execution["submitted_at"], execution.get("completed_at")
    started = execution.get("started_at", completed if completed is not None else submitted)
    total = _millis((completed if completed is not None else started) - submitted)
    queue = min(_millis(started - submitted), total)
    engine = min(_millis(execution.get("engine_seconds", 0.0)), total - queue)
    planning = min(_millis(execution.get("planning_seconds", 0.0)), total - queue - engine)
    return {
        "QueryQueueTimeInMillis": queue, "QueryPlanningTimeInMillis": planning, "EngineExecutionTimeInMillis": engine,
        "ServicePreProcessingTimeInMillis": 0, "ServiceProcessingTimeInMillis": total - queue - engine - planning,
        "TotalExecutionTimeInMillis": total,
    }  # fmt: skip


def _millis(seconds: float) -> int:
    return max(0, round(seconds * 1000))


def get_query_runtime_statistics(call: Call, request: Request) -> Answer:
    """Timeline and amounts of one query."""
    execution = get(call, request["QueryExecutionId"])
    rows = {
        "InputBytes": execution.get("scanned_bytes", 0), "OutputBytes": execution.get("result_bytes", 0),
        "OutputRows": execution.get("rows", 0),
    }  # fmt: skip
    return {"QueryRuntimeStatistics": {"Timeline": _timeline(execution), "Rows": rows}}


def get_query_results(call: Call, request: Request) -> Answer:
    """One page of the rows of a finished query; of a SELECT the first row is the header."""
    execution = get(call, request["QueryExecutionId"])
    if execution["state"] in ("QUEUED", "RUNNING"):
        raise invalid(f"Query has not yet finished. Current state: {execution['state']}")
    if execution["state"] != "SUCCEEDED":
        raise invalid(f"Query did not finish successfully. Final query state: {execution['state']}")
    if (request.get("MaxResults") or 0) > 1000:
        raise invalid("MaxResults is more than maximum allowed length 1000")
    bucket, key = rules.bucket_and_key(execution["location"])
    document = s3.find_object(call.tx, bucket, key)
    if document is None:
        raise invalid(f"Could not find results of query {execution['QueryExecutionId']}")
    path = s3.file_of(call.tx, call.plane, document)
    read = _csv_rows if execution["statement"] == "SELECT" else _text_rows

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        return read(path, after[0] if after else 0, limit, len(execution["columns"]))

    try:
        rows, token = listing(call, request, fetch, lambda row: [row["end"]], default=1000)
    except (OSError, ValueError):
        raise invalid("The results of the query cannot be read: their file was changed") from None
    return {
        "UpdateCount": 0,
        "ResultSet": {
            "Rows": [{"Data": [{} if v is None else {"VarCharValue": v} for v in row["values"]]} for row in rows],
            "ResultSetMetadata": {"ColumnInfo": [_column(c) for c in execution["columns"]]},
        },
        "NextToken": token,
    }


def _csv_rows(path: Path, offset: int, limit: int, width: int) -> list[Document]:
    return [{"values": values, "end": end} for values, end in read_rows(path, offset, limit, width)]


def _text_rows(path: Path, offset: int, limit: int, _width: int) -> list[Document]:
    with path.open("rb") as file:
        file.seek(offset)
        found = []
        for line in file:
            offset += len(line)
            found.append({"values": [line.decode().removesuffix("\n")], "end": offset})
            if len(found) == limit:
                break
    return found


def _column(column: Document) -> Document:
    text = column["type"] in ("varchar", "string", "char")
    return {
        **_ENGINE_COLUMNS, "Name": column["name"], "Label": column["name"], "Type": column["type"],
        "Precision": column["precision"], "Scale": column["scale"], "CaseSensitive": text,
    }  # fmt: skip
