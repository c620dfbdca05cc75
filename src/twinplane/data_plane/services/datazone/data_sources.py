"""Data sources: what of a project's Glue databases comes into its inventory, how, and when."""

from typing import TYPE_CHECKING, Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, new_id, reads, writes
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.datazone import (
    access,
    data_source_configurations,
    data_source_runs,
    data_source_schedules,
    data_source_store,
    events,
    handed_roles,
    managed_types,
    rules,
    store,
)
from twinplane.data_plane.services.datazone import types as asset_types
from twinplane.data_plane.services.datazone.data_source_runs import data_source
from twinplane.data_plane.services.datazone.data_source_store import DATA_SOURCES, IMPORTS
from twinplane.data_plane.services.datazone.paging import answer
from twinplane.data_plane.store import AlreadyExists, Document, Transaction
from twinplane.data_plane.tasks import TaskKind, enqueue

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

KINDS = data_source_store.KINDS

_FORGOTTEN_PER_STEP = 500
_MEMBERS = (
    "id", "status", "type", "name", "description", "domainId", "projectId", "environmentId", "connectionId",
    "configuration", "recommendation", "enableSetting", "publishOnImport", "assetFormsOutput", "schedule",
    "lastRunStatus", "lastRunAt", "lastRunErrorMessage", "errorMessage", "createdAt", "updatedAt",
)  # fmt: skip
_SUMMARY = (
    "domainId", "environmentId", "connectionId", "name", "type", "status", "enableSetting", "schedule",
    "lastRunStatus", "lastRunAt", "lastRunErrorMessage", "lastRunAssetCount", "createdAt", "updatedAt", "description",
)  # fmt: skip


def create_data_source(call: Call, request: Request) -> Answer:
    """Makes a data source; it is READY a moment later."""
    domain_id, project_id = request["domainIdentifier"], request["projectIdentifier"]
    access.require_project_role(call, domain_id, project_id)
    for member, kind, what in (
        ("environmentIdentifier", store.ENVIRONMENTS, "Environment"),
        ("connectionIdentifier", store.CONNECTIONS, "Connection"),
    ):
        if request.get(member) is not None:
            named = call.tx.find(kind, domain_id, request[member])
            if named is None or named["projectId"] != project_id:
                raise store.not_found(what, request[member])
    document: Document = {
        "domainId": domain_id, "id": new_id(), "status": "CREATING", "type": request["type"], "name": request["name"],
        "description": request.get("description"), "projectId": project_id,
        "environmentId": request.get("environmentIdentifier"), "connectionId": request.get("connectionIdentifier"),
        "configuration": data_source_configurations.checked(call, request["type"], request.get("configuration")),
        "recommendation": request.get("recommendation"), "enableSetting": request.get("enableSetting") or "ENABLED",
        "publishOnImport": bool(request.get("publishOnImport")), "schedule": request.get("schedule"),
        "assetFormsOutput": _forms(call.tx, domain_id, request["type"], request.get("assetFormsInput") or []),
        "createdAt": call.now, "updatedAt": call.now,
    }  # fmt: skip
    _take_role(call, document)
    message = f"The project has a data source {request['name']} already."
    access.add_unique(call.tx, DATA_SOURCES, document, message)
    document = data_source_schedules.arm(call.tx, call.plane, document, call.now)
    enqueue(call.tx, call.plane, "datazone.create_data_source", document["id"], domain=domain_id)
    events.tell_of_data_source(call.tx, call.plane, "Created", document)
    return store.pick(document, _MEMBERS)


def get_data_source(call: Call, request: Request) -> Answer:
    """A data source of one of the caller's projects."""
    return store.pick(data_source(call, request), (*_MEMBERS, "lastRunAssetCount"))


def list_data_sources(call: Call, request: Request) -> Answer:
    """The data sources of a project, by name."""
    domain_id, project_id = request["domainIdentifier"], request["projectIdentifier"]
    access.require_project_role(call, domain_id, project_id)
    columns = {
        "environmentIdentifier": "environmentId", "connectionIdentifier": "connectionId", "type": "type",
        "status": "status", "name": "name",
    }  # fmt: skip
    where = {column: request[member] for member, column in columns.items() if request.get(member)}
    where |= {"domainId": domain_id, "projectId": project_id}
    rows, token = page(
        call,
        request,
        lambda after, limit: call.tx.select(DATA_SOURCES, where, order=("name",), after=after, limit=limit),
        lambda row: [row["name"], row["domainId"], row["id"]],
        most=50,
    )
    return answer([store.pick(d, _SUMMARY) | {"dataSourceId": d["id"]} for d in rows], token)


def update_data_source(call: Call, request: Request) -> Answer:
    """Changes what is given of a data source; a run under way goes on as it began."""
    known = data_source(call, request)
    if known["status"] == "DELETING":
        raise rules.conflict(f"Data source {known['name']} is being deleted.")
    shown = ("name", "description", "enableSetting", "publishOnImport", "schedule", "recommendation")
    document = known | store.pick(request, shown) | {"updatedAt": call.now}
    if request.get("configuration") is not None:
        document["configuration"] = data_source_configurations.checked(call, known["type"], request["configuration"])
        _take_role(call, document)
    if request.get("assetFormsInput") is not None:
        document["assetFormsOutput"] = _forms(call.tx, known["domainId"], known["type"], request["assetFormsInput"])
    try:
        call.tx.put(DATA_SOURCES, document)
    except AlreadyExists:
        raise rules.conflict(f"The project has a data source {document['name']} already.") from None
    if any(document.get(member) != known.get(member) for member in ("schedule", "enableSetting")):
        document = data_source_schedules.arm(call.tx, call.plane, document, call.now)
    events.tell_of_data_source(call.tx, call.plane, "Updated", document)
    return store.pick(document, _MEMBERS)


def _take_role(call: Call, document: Document) -> None:
    _, configuration = rules.exactly_one(document["configuration"], "configuration")
    handed_roles.take(call, document["domainId"], document["projectId"], configuration.get("dataAccessRole"))


def delete_data_source(call: Call, request: Request) -> Answer:
    """Removes a data source with its runs. Its assets stay, without a source: nothing grants them automatically."""
    document = data_source(call, request)
    if document["status"] == "DELETING":
        raise rules.conflict(f"Data source {document['name']} is being deleted.")
    if data_source_runs.is_running(call.tx, document):
        raise rules.conflict(f"Data source {document['name']} is running; delete it when the run is over.")
    for imported in call.tx.select(IMPORTS, {"domainId": document["domainId"], "dataSourceId": document["id"]}):
        call.tx.remove(IMPORTS, document["domainId"], imported["assetId"])
    document = data_source_schedules.arm(call.tx, call.plane, document | {"status": "DELETING"}, call.now)
    enqueue(call.tx, call.plane, "datazone.delete_data_source", document["id"], domain=document["domainId"])
    return store.pick(document, tuple(m for m in _MEMBERS if m != "recommendation"))


async def _create(plane: "Plane", task: Document) -> None:
    await plane.store.write(lambda tx: _created(tx, task))


def _created(tx: Transaction, task: Document) -> None:
    known = tx.find(DATA_SOURCES, task["payload"]["domain"], task["subject"])
    if known is not None and known["status"] == "CREATING":
        tx.put(DATA_SOURCES, known | {"status": "READY"})


async def _delete(plane: "Plane", task: Document) -> None:
    while not await plane.store.write(lambda tx: _forgotten(tx, task)):
        pass


def _forgotten(tx: Transaction, task: Document) -> bool:
    known = tx.find(DATA_SOURCES, task["payload"]["domain"], task["subject"])
    if known is None:
        return True
    done = data_source_runs.forget(tx, known, _FORGOTTEN_PER_STEP)
    if done:
        tx.remove(DATA_SOURCES, known["domainId"], known["id"])
    return done


def _failed(status: str) -> Any:
    def failed(tx: Transaction, _plane: "Plane", task: Document, reason: str) -> None:
        known = tx.find(DATA_SOURCES, task["payload"]["domain"], task["subject"])
        if known is not None:
            error = {"errorType": "INTERNAL_SERVER_EXCEPTION", "errorDetail": reason}
            tx.put(DATA_SOURCES, known | {"status": status, "errorMessage": error})

    return failed


def _forms(tx: Transaction, domain_id: str, source_type: str, forms: list[dict[str, Any]]) -> list[Document]:
    """Forms for every asset that is imported; those of Glue's tables need not name their type."""
    expected: dict[str, Any] = {}
    if source_type == "GLUE":
        expected = asset_types.asset_type(tx, domain_id, managed_types.GLUE_TABLE)["formsOutput"]
    return [asset_types.check_form(tx, domain_id, f, expected.get(f["formName"])) for f in forms]


OPERATIONS: dict[str, Operation] = {
    "CreateDataSource": writes(create_data_source, access.allowed("CreateDataSource")),
    "GetDataSource": reads(get_data_source, access.allowed("GetDataSource")),
    "ListDataSources": reads(list_data_sources, access.allowed("ListDataSources")),
    "UpdateDataSource": writes(update_data_source, access.allowed("UpdateDataSource")),
    "DeleteDataSource": writes(delete_data_source, access.allowed("DeleteDataSource")),
}
TASKS = {
    "datazone.create_data_source": TaskKind(_create, _failed("FAILED_CREATION")),
    "datazone.delete_data_source": TaskKind(_delete, _failed("FAILED_DELETION")),
}
NOTES = {
    "CreateDataSource": "Sources of Amazon Redshift and Amazon SageMaker AI can be declared, and their runs fail; "
    "business names are not generated; selfGrantStatus is never there. A dataAccessRole is kept and not used: tables "
    "are read as the project's role.",
    "UpdateDataSource": "A data source is updated when the call returns, never UPDATING.",
}
ASSUMED = {
    "CreateDataSource": "A schedule's missed times are made up for by one run; a time that comes while a run is under "
    "way is passed over. A dataAccessRole takes iam:PassRole, unless it is the project's role or the manage access "
    "role of a blueprint's configuration.",
    "DeleteDataSource": "The imported assets stay; a data source that is running cannot be deleted.",
    "ListDataSources": "The order is by name, and the filter by name is exact.",
}
