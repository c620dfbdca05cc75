"""Runs of notebooks: asked for, told of, and failed, because nothing here executes a notebook's cells.

A run is accepted rather than refused so that programs that start one, wait for it and read why it ended work as they do
on AWS; it never says that a cell ran.
"""

from itertools import combinations
from typing import TYPE_CHECKING, Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, new_id, reads, writes
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.datazone import access, notebooks, rules, store
from twinplane.data_plane.services.datazone.paging import answer
from twinplane.data_plane.store import Document, Kind, Transaction
from twinplane.data_plane.tasks import TaskKind, enqueue

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

_FILTERS = ("notebookId", "status", "scheduleId")
NOTEBOOK_RUNS = Kind(
    "datazone_notebook_run",
    key=("domainId", "id"),
    indexes=tuple(
        ("domainId", "owningProjectId", *chosen, "createdAt", "id")
        for number in range(len(_FILTERS) + 1)
        for chosen in combinations(_FILTERS, number)
    ),
)
KINDS = [NOTEBOOK_RUNS]

_TASK = "datazone.run_notebook"
_WAIT_SECONDS = 2.0  # for compute that does not come; until then a run can be stopped
_REASON = "This data plane has no compute that runs notebooks; no cell was run."
_OVER = ("STOPPED", "SUCCEEDED", "FAILED")
_GIVEN = (
    "computeConfiguration", "networkConfiguration", "timeoutConfiguration", "notificationConfiguration", "metadata",
)  # fmt: skip
_STOPPED = ("id", "domainId", "owningProjectId", "status")
_LISTED = (
    "id", "domainId", "owningProjectId", "notebookId", "scheduleId", "status", "triggerSource", "createdAt",
    "createdBy", "updatedAt", "updatedBy", "startedAt", "completedAt",
)  # fmt: skip
_SHOWN = (
    *_LISTED, *_GIVEN, "cellOrder", "parameters", "environmentConfiguration", "storageConfiguration", "error",
)  # fmt: skip

NOTES = {
    "StartNotebookRun": "Every run ends FAILED, and its error says that nothing here runs notebooks. Configurations "
    "of compute, network, time and notification are kept and have no effect; nobody is notified.",
}
ASSUMED = {
    "StartNotebookRun": "A run's parameters are the notebook's, and those of the request in their place. A notebook "
    "that is archived or being synchronized is a conflict.",
    "ListNotebookRuns": "The latest run comes first, unless the request says otherwise.",
    "StopNotebookRun": "Stopping a run that is over is a conflict.",
}


def start_notebook_run(call: Call, request: Request) -> Answer:
    """Asks for a run of a notebook; for owners and contributors of its project."""
    notebook, who = notebooks.named(call, request, "notebookIdentifier")
    project_id = notebook["owningProjectId"]
    if project_id != request["owningProjectIdentifier"]:
        raise store.not_found("Notebook", notebook["id"])
    if notebook["status"] != "ACTIVE":
        raise rules.conflict(f"Notebook {notebook['id']} is {notebook['status']}; only an ACTIVE one can be run.")
    root = store.project_resource(call.tx, notebook["domainId"], project_id, "s3BucketPath")
    run: Document = {
        "domainId": notebook["domainId"], "id": new_id(), "owningProjectId": project_id, "notebookId": notebook["id"],
        "scheduleId": request.get("scheduleIdentifier"), "status": "QUEUED", "cellOrder": notebook["cellOrder"],
        "parameters": {**notebook.get("parameters", {}), **request.get("parameters", {})},
        "environmentConfiguration": notebook.get("environmentConfiguration"),
        "storageConfiguration": None if root is None else {"projectS3Path": root},
        "triggerSource": request.get("triggerSource") or {"type": "MANUAL"},
        "createdAt": call.now, "createdBy": who.id, "updatedAt": call.now, "updatedBy": who.id,
    }  # fmt: skip
    run |= store.pick(request, _GIVEN)
    enqueue(call.tx, call.plane, _TASK, run["id"], due_at=call.now + _WAIT_SECONDS, domain=run["domainId"])
    return store.pick(call.tx.add(NOTEBOOK_RUNS, run), _SHOWN)


def get_notebook_run(call: Call, request: Request) -> Answer:
    """A run of a notebook, for members of its project."""
    return store.pick(_run(call, request)[0], _SHOWN)


def list_notebook_runs(call: Call, request: Request) -> Answer:
    """The runs of a project's notebooks by age, for its members."""
    domain_id, project_id = request["domainIdentifier"], request["owningProjectIdentifier"]
    access.require_project_role(call, domain_id, project_id)
    where: dict[str, Any] = {"domainId": domain_id, "owningProjectId": project_id}
    named = {"notebookId": "notebookIdentifier", "status": "status", "scheduleId": "scheduleIdentifier"}
    where |= {column: request[member] for column, member in named.items() if request.get(member)}
    rows, token = page(
        call,
        request,
        lambda after, limit: call.tx.select(
            NOTEBOOK_RUNS,
            where,
            order=("createdAt",),
            after=after,
            limit=limit,
            descending=request.get("sortOrder") != "ASCENDING",
        ),
        lambda run: [run["createdAt"], run["domainId"], run["id"]],
        most=50,
    )
    return answer([store.pick(run, _LISTED) for run in rows], token)


def stop_notebook_run(call: Call, request: Request) -> Answer:
    """Stops a run that is not over; for owners and contributors of its project."""
    run, who = _run(call, request)
    if run["status"] in _OVER:
        raise rules.conflict(f"Notebook run {run['id']} is {run['status']} already.")
    stopped = run | {"status": "STOPPED", "updatedAt": call.now, "updatedBy": who.id, "completedAt": call.now}
    return store.pick(call.tx.put(NOTEBOOK_RUNS, stopped), _STOPPED)


def _run(call: Call, request: Request) -> tuple[Document, access.Caller]:
    domain_id, identifier = request["domainIdentifier"], request["identifier"]
    access.caller(call, domain_id)
    run = store.found(call.tx, NOTEBOOK_RUNS, "Notebook run", domain_id, identifier)
    of = ("Notebook run", identifier)
    return run, access.require_project_role(call, domain_id, run["owningProjectId"], of=of)


async def _end(plane: "Plane", task: Document) -> None:
    await plane.store.write(lambda tx: _fail(tx, task, _REASON, plane.clock()))


def _fail(tx: Transaction, task: Document, reason: str, now: float) -> None:
    run = tx.find(NOTEBOOK_RUNS, task["payload"]["domain"], task["subject"])
    if run is not None and run["status"] not in _OVER:
        failed = {"status": "FAILED", "error": {"message": reason[:1024]}, "updatedAt": now, "completedAt": now}
        tx.put(NOTEBOOK_RUNS, run | failed)


TASKS = {_TASK: TaskKind(_end, lambda tx, plane, task, reason: _fail(tx, task, reason, plane.clock()))}

OPERATIONS: dict[str, Operation] = {
    "StartNotebookRun": writes(start_notebook_run, access.allowed("StartNotebookRun")),
    "GetNotebookRun": reads(get_notebook_run, access.allowed("GetNotebookRun")),
    "ListNotebookRuns": reads(list_notebook_runs, access.allowed("ListNotebookRuns")),
    "StopNotebookRun": writes(stop_notebook_run, access.allowed("StopNotebookRun")),
}
