"""Job runs: imports of the lineage of SQL queries, by a connection to a data warehouse.

A connection that imports lineage (`lineageSync`) has a job, named by the connection's id. A run of it is
recorded when that is turned on and at each time of its schedule; it fails, because no warehouse is here to be asked.
"""

from typing import TYPE_CHECKING, Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, new_id, reads
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.datazone import access, connection_properties, data_source_configurations, store
from twinplane.data_plane.services.datazone.paging import answer
from twinplane.data_plane.store import Document, Kind, Transaction
from twinplane.data_plane.tasks import TaskKind, enqueue

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

JOB_RUNS = Kind(
    "datazone_job_run",
    key=("domainId", "id"),
    indexes=(("domainId", "jobId", "createdAt", "id"), ("domainId", "jobId", "status", "createdAt", "id")),
)
KINDS = [JOB_RUNS]

_TASK = "datazone.scheduled_job"
_SHARED = (
    "domainId", "jobId", "jobType", "runMode", "status", "error", "createdBy", "createdAt", "startTime", "endTime",
)  # fmt: skip

NOTES = {
    "ListJobRuns": "The only jobs are imports of lineage by connections with lineageSync, and every run of one fails: "
    "there is no Amazon Redshift and no Snowflake here.",
}
ASSUMED = {
    "ListJobRuns": "A connection's job runs once when its import of lineage is turned on, and then by its schedule. "
    "Members of the connection's project may read the runs; of a connection of the domain, every user of it. The "
    "latest run comes first, unless the request says otherwise.",
}


def get_job_run(call: Call, request: Request) -> Answer:
    """A run of a job."""
    domain_id, identifier = request["domainIdentifier"], request["identifier"]
    access.caller(call, domain_id)
    run = store.found(call.tx, JOB_RUNS, "Job run", domain_id, identifier)
    _job(call, domain_id, run["jobId"], ("Job run", identifier))
    nothing: dict[str, Any] = {"totalQueriesProcessed": 0, "numQueriesFailed": 0, "errorMessages": []}
    details = {"lineageRunDetails": {"sqlQueryRunDetails": nothing}}
    return store.pick(run, ("id", *_SHARED)) | {"details": details}


def list_job_runs(call: Call, request: Request) -> Answer:
    """The runs of a job, latest first."""
    domain_id, job_id = request["domainIdentifier"], request["jobIdentifier"]
    access.caller(call, domain_id)
    _job(call, domain_id, job_id, ("Job", job_id))
    where = {"domainId": domain_id, "jobId": job_id}
    if request.get("status"):
        where["status"] = request["status"]
    rows, token = page(
        call,
        request,
        lambda after, limit: call.tx.select(
            JOB_RUNS,
            where,
            order=("createdAt",),
            after=after,
            limit=limit,
            descending=request.get("sortOrder") != "ASCENDING",
        ),
        lambda run: [run["createdAt"], run["domainId"], run["id"]],
        most=50,
    )
    return answer([store.pick(run, _SHARED) | {"runId": run["id"]} for run in rows], token)


def _job(call: Call, domain_id: str, job_id: str, of: tuple[str, str]) -> None:
    """The job must be there, and the caller have the right to read its runs. Raises ResourceNotFoundException."""
    connection = call.tx.find(store.CONNECTIONS, domain_id, job_id)
    if connection is None or "importsLineage" not in connection:
        raise store.not_found(*of)
    if connection["projectId"] is None:
        access.require(call, domain_id, rule="GetConnection of a domain")
    else:
        access.require_project_role(call, domain_id, connection["projectId"], of=of)


def arm(tx: Transaction, plane: "Plane", connection: Document, by: str, after: float) -> Document:
    """The connection with its job, if it imports lineage, and the next time that one runs. Not stored.

    Raises ValidationException when the schedule is none.
    """
    sync = connection_properties.lineage_sync(connection["props"])
    if sync is None or not sync.get("enabled"):
        off = {"importsLineage": False} if "importsLineage" in connection else {}
        return connection | off | {"nextJobAt": None}
    due = data_source_configurations.next_run(connection_properties.lineage_schedule(connection["props"]), after)
    if due is not None:
        named = {"domain": connection["domainId"], "at": due, "by": by}
        enqueue(tx, plane, _TASK, connection["connectionId"], due_at=due, **named)
    if not connection.get("importsLineage"):
        _record(tx, connection, "ON_DEMAND", by, after)
    sync["lineageJobId"] = connection["connectionId"]
    return connection | {"importsLineage": True, "nextJobAt": due}


def forget(tx: Transaction, connection: Document) -> None:
    """Removes the runs of a connection's job."""
    for run in tx.select(JOB_RUNS, {"domainId": connection["domainId"], "jobId": connection["connectionId"]}):
        tx.remove(JOB_RUNS, run["domainId"], run["id"])


async def _fire(plane: "Plane", task: Document) -> None:
    await plane.store.write(lambda tx: _run(tx, plane, task))


def _run(tx: Transaction, plane: "Plane", task: Document) -> None:
    """Records the run of a time that came; one for all that passed while the plane was down."""
    payload = task["payload"]
    connection = tx.find(store.CONNECTIONS, payload["domain"], task["subject"])
    if connection is None or connection.get("nextJobAt") != payload["at"]:
        return  # fired already, or changed since
    now = plane.clock()
    tx.put(store.CONNECTIONS, arm(tx, plane, connection, payload["by"], max(now, payload["at"])))
    _record(tx, connection, "SCHEDULED", payload["by"], now)


def _record(tx: Transaction, connection: Document, mode: str, by: str, now: float) -> None:
    """A run that has failed: there is nobody to ask for queries."""
    engine = "Amazon Redshift" if connection["type"] == "REDSHIFT" else "Snowflake"
    reason = f"There is no {engine} in this data plane: no query was read for connection {connection['name']}."
    run: Document = {
        "domainId": connection["domainId"], "id": new_id(), "jobId": connection["connectionId"], "jobType": "LINEAGE",
        "runMode": mode, "status": "FAILED", "error": {"message": reason}, "createdBy": by, "createdAt": now,
        "startTime": now, "endTime": now,
    }  # fmt: skip
    tx.add(JOB_RUNS, run)


def _missed(tx: Transaction, plane: "Plane", task: Document, _reason: str) -> None:
    """No run was recorded, which tasks say in the log; the schedule goes on."""
    payload = task["payload"]
    connection = tx.find(store.CONNECTIONS, payload["domain"], task["subject"])
    if connection is not None and connection.get("nextJobAt") == payload["at"]:
        tx.put(store.CONNECTIONS, arm(tx, plane, connection, payload["by"], max(plane.clock(), payload["at"])))


TASKS = {_TASK: TaskKind(_fire, _missed)}

OPERATIONS: dict[str, Operation] = {
    "GetJobRun": reads(get_job_run, access.allowed("GetJobRun")),
    "ListJobRuns": reads(list_job_runs, access.allowed("ListJobRuns")),
}
