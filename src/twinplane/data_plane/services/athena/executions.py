"""What the owner of a query sees of it: its state, its statistics, its rows. Another's is as if it were not there."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from twinplane.data_plane.call import Answer, Call, Request, ServiceError
from twinplane.data_plane.services.athena import rules, store
from twinplane.data_plane.services.athena.work_groups import invalid, listing
from twinplane.data_plane.services.s3 import store as s3
from twinplane.data_plane.store import Document
from twinplane.engines.sql.result import read_rows

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

_ENGINE_COLUMNS = {"CatalogName": "hive", "SchemaName": "", "TableName": "", "Nullable": "UNKNOWN"}


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
        "StatementType": execution.get("type") or ("DML" if execution["statement"] == "SELECT" else "DDL"),
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
    if "manifest" in execution:
        answer["Statistics"]["DataManifestLocation"] = execution["manifest"]
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
    if "update_count" in execution:
        return {
            "UpdateCount": execution["update_count"],
            "ResultSet": {"Rows": [], "ResultSetMetadata": {"ColumnInfo": []}},
        }
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
