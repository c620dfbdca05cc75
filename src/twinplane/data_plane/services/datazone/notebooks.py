"""Notebooks of a project: their descriptions here, their documents as `.ipynb` objects in the project's storage.

An export and a sync are background work: they read and write objects.
"""

from typing import TYPE_CHECKING, Any

import msgspec

from twinplane.data_plane.call import Answer, Call, Operation, Request, new_id, reads, writes
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.datazone import access, notebook_documents, rules, store
from twinplane.data_plane.services.datazone.notebook_documents import NotANotebook
from twinplane.data_plane.services.s3 import store as s3
from twinplane.data_plane.store import Document, Kind, Transaction
from twinplane.data_plane.tasks import TaskKind, enqueue

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

_OF_PROJECT = ("domainId", "owningProjectId")
NOTEBOOKS = Kind(
    "datazone_notebook",
    key=("domainId", "id"),
    columns=("status", "type"),
    indexes=((*_OF_PROJECT, "createdAt"), (*_OF_PROJECT, "updatedAt")),
)
EXPORTS = Kind("datazone_notebook_export", key=("domainId", "id"), indexes=(_OF_PROJECT,))
KINDS = [NOTEBOOKS, EXPORTS]

NOTES = {
    "CreateNotebook": "Served as the public model has it: the form without /v2 in the model of AWS's own library, "
    "which that library does not call, is not.",
    "StartNotebookExport": "An export as PDF fails and says so: nothing here typesets.",
    "StartNotebookImport": "The source must lie in the project's own storage, and be one .ipynb file.",
    "StartNotebookSync": "The source must lie in the project's own storage, and be one .ipynb file.",
}
ASSUMED = {
    "CreateNotebook": "A notebook begins without cells.",
    "UpdateNotebook": "cellOrder may put cells in another order or leave some out; it adds none.",
    "StartNotebookImport": "The notebook is there at once, SYNC_IN_PROGRESS until it has its cells.",
    "StartNotebookSync": "Without notebookId a notebook is made; with one, its cells are replaced.",
    "StartNotebookExport": "The file goes to exports/notebooks/ in the project's storage.",
}

_LISTED = (
    "id",
    "name",
    "owningProjectId",
    "domainId",
    "status",
    "type",
    "description",
    "createdAt",
    "createdBy",
    "updatedAt",
    "updatedBy",
)
_SETTINGS = ("name", "description", "type", "metadata", "parameters", "environmentConfiguration", "status")
_SHOWN = (*_LISTED, "cellOrder", "metadata", "parameters", "environmentConfiguration", "error", "gitMetadata")
_EXPORTED = ("id", "domainId", "owningProjectId", "notebookId", "fileFormat", "status", "createdAt", "createdBy")
_SYNCED = ("name", "domainId", "owningProjectId", "status", "description", "createdAt", "createdBy", "gitMetadata")
_IMPORTED = ("name", "domainId", "owningProjectId", "status", "description", "type", "createdAt", "createdBy")
_GOT = (*_EXPORTED, "outputLocation", "error", "completedAt")


def create_notebook(call: Call, request: Request) -> Answer:
    """Makes an empty notebook; for owners and contributors of the project."""
    project_id = request["owningProjectIdentifier"]
    who = access.require_project_role(call, request["domainIdentifier"], project_id)
    notebook = _new(call, request["domainIdentifier"], project_id, who.id, **store.pick(request, _SETTINGS))
    return store.pick(call.tx.add(NOTEBOOKS, notebook), _SHOWN)


def get_notebook(call: Call, request: Request) -> Answer:
    """A notebook, for members of its project."""
    return store.pick(named(call, request)[0], _SHOWN)


def list_notebooks(call: Call, request: Request) -> Answer:
    """The notebooks of a project by age, for its members."""
    domain_id, project_id = request["domainIdentifier"], request["owningProjectIdentifier"]
    access.require_project_role(call, domain_id, project_id)
    where = {"domainId": domain_id, "owningProjectId": project_id}
    where |= {member: request[member] for member in ("status", "type") if request.get(member)}
    by = "updatedAt" if request.get("sortBy") == "UPDATED_AT" else "createdAt"
    rows, token = page(
        call,
        request,
        lambda after, limit: call.tx.select(
            NOTEBOOKS,
            where,
            order=(by,),
            after=after,
            limit=limit,
            descending=request.get("sortOrder") == "DESCENDING",
        ),
        lambda notebook: [notebook[by], notebook["domainId"], notebook["id"]],
        most=50,
    )
    return {"items": [store.pick(notebook, _LISTED) for notebook in rows], "nextToken": token}


def update_notebook(call: Call, request: Request) -> Answer:
    """Changes a notebook's description, or the order of its cells; for owners and contributors of its project."""
    notebook, who = named(call, request)
    if notebook["status"] == "SYNC_IN_PROGRESS":
        raise rules.conflict(f"Notebook {notebook['id']} is being synchronized.")
    if request.get("status") not in (None, "ACTIVE", "ARCHIVED"):
        raise rules.invalid("A notebook may be made ACTIVE or ARCHIVED.")
    notebook |= store.pick(request, _SETTINGS) | {"updatedAt": call.now, "updatedBy": who.id}
    if request.get("cellOrder") is not None:
        known = {cell["cellId"] for cell in notebook["cellOrder"]}
        wanted = [cell.get("cellId") for cell in request["cellOrder"]]
        if len(set(wanted)) < len(wanted) or not known.issuperset(wanted):
            raise rules.invalid("cellOrder must name cells of the notebook, each once.")
        notebook["cellOrder"] = [{"cellId": cell} for cell in wanted]
    return store.pick(call.tx.put(NOTEBOOKS, notebook), _SHOWN)


def delete_notebook(call: Call, request: Request) -> Answer:
    """Removes a notebook and its document; for owners and contributors of its project."""
    notebook, _ = named(call, request)
    place = notebook.get("document")
    if place is not None:
        s3.remove_object(call.tx, call.plane, place["bucket"], place["key"])
    call.tx.remove(NOTEBOOKS, notebook["domainId"], notebook["id"])
    return {}


def start_notebook_export(call: Call, request: Request) -> Answer:
    """Asks for a file of a notebook; for owners and contributors of its project."""
    notebook, who = named(call, request, "notebookIdentifier")
    if notebook["owningProjectId"] != request["owningProjectIdentifier"]:
        raise store.not_found("Notebook", notebook["id"])
    export = {
        "domainId": notebook["domainId"],
        "id": new_id(),
        "owningProjectId": notebook["owningProjectId"],
        "notebookId": notebook["id"],
        "fileFormat": request["fileFormat"],
        "status": "IN_PROGRESS",
        "createdAt": call.now,
        "createdBy": who.id,
    }
    enqueue(call.tx, call.plane, "datazone.export_notebook", export["id"], domain_id=notebook["domainId"])
    return store.pick(call.tx.add(EXPORTS, export), _EXPORTED)


def get_notebook_export(call: Call, request: Request) -> Answer:
    """How far an export is, and where the file is; for members of the notebook's project."""
    domain_id, identifier = request["domainIdentifier"], request["identifier"]
    access.caller(call, domain_id)
    export = store.found(call.tx, EXPORTS, "Notebook export", domain_id, identifier)
    access.require_project_role(call, domain_id, export["owningProjectId"], of=("Notebook export", identifier))
    return store.pick(export, _GOT)


def start_notebook_import(call: Call, request: Request) -> Answer:
    """Makes a notebook of a file in the project's storage; for owners and contributors."""
    domain_id, project_id = request["domainIdentifier"], request["owningProjectIdentifier"]
    who = access.require_project_role(call, domain_id, project_id)
    source = _source(call, request)
    notebook = _new(call, domain_id, project_id, who.id, **store.pick(request, ("name", "description")))
    return _fill(call, notebook | {"status": "SYNC_IN_PROGRESS"}, request, source, _IMPORTED)


def start_notebook_sync(call: Call, request: Request) -> Answer:
    """Asks for a notebook's cells to be those of a file in the project's storage; for owners and contributors."""
    domain_id, project_id = request["domainIdentifier"], request["owningProjectIdentifier"]
    who = access.require_project_role(call, domain_id, project_id)
    source = _source(call, request)
    if request.get("notebookId"):
        notebook, _ = named(call, request, "notebookId")
        if notebook["owningProjectId"] != project_id:
            raise store.not_found("Notebook", notebook["id"])
        if notebook["status"] == "SYNC_IN_PROGRESS":
            raise rules.conflict(f"Notebook {notebook['id']} is being synchronized.")
    else:
        file_name = source["key"].rpartition("/")[2].removesuffix(".ipynb")
        notebook = _new(call, domain_id, project_id, who.id, name=request.get("name") or file_name)
    notebook |= store.pick(request, ("name", "description", "gitMetadata"))
    notebook |= {"status": "SYNC_IN_PROGRESS", "error": None, "updatedAt": call.now, "updatedBy": who.id}
    return _fill(call, notebook, request, source, _SYNCED)


def _source(call: Call, request: Request) -> dict[str, str]:
    """The bucket and key of the file that the request names. Raises ValidationException when it is not the project's.

    The file is read by the data plane itself, so it must not be one that the project could not read.
    """
    source = notebook_documents.source(request["sourceLocation"])
    _, root = _storage(call.tx, request["domainIdentifier"], request["owningProjectIdentifier"])
    if not f"s3://{source['bucket']}/{source['key']}".startswith(f"{root}/"):
        raise rules.invalid(f"A notebook is made from a file in its project's own storage, {root}/.")
    return source


def _fill(call: Call, notebook: Document, request: Request, source: dict[str, str], shown: tuple[str, ...]) -> Answer:
    """Stores a notebook and asks for its cells to be those of the file."""
    call.tx.put(NOTEBOOKS, notebook)
    domain_id = notebook["domainId"]
    enqueue(call.tx, call.plane, "datazone.sync_notebook", notebook["id"], domain_id=domain_id, source=source)
    return {
        "notebookId": notebook["id"],
        "sourceLocation": request["sourceLocation"],
        **store.pick(notebook, shown),
    }


def _new(call: Call, domain_id: str, project_id: str, by: str, **settings: Any) -> Document:
    return {
        "type": "DATA",
        **settings,
        "domainId": domain_id,
        "id": new_id(),
        "owningProjectId": project_id,
        "status": "ACTIVE",
        "cellOrder": [],
        "createdAt": call.now,
        "createdBy": by,
        "updatedAt": call.now,
        "updatedBy": by,
    }


def named(call: Call, request: Request, member: str = "identifier") -> tuple[Document, access.Caller]:
    """The notebook that the request names, and the caller, who must have the right to the operation."""
    domain_id, identifier = request["domainIdentifier"], request[member]
    access.caller(call, domain_id)
    notebook = store.found(call.tx, NOTEBOOKS, "Notebook", domain_id, identifier)
    of = ("Notebook", identifier)
    return notebook, access.require_project_role(call, domain_id, notebook["owningProjectId"], of=of)


def _storage(tx: Transaction, domain_id: str, project_id: str) -> tuple[str, str]:
    """The bucket and the URI of a project's storage. Raises ValidationException before it is provisioned."""
    root = store.project_resource(tx, domain_id, project_id, "s3BucketPath")
    if root is None:
        raise rules.invalid(f"Project {project_id} has no storage yet: its tooling is not deployed.")
    return root.removeprefix("s3://").partition("/")[0], root


# --- background work ---


async def _export(plane: "Plane", task: Document) -> None:
    domain_id = task["payload"]["domain_id"]

    def begin(tx: Transaction) -> tuple[Document, Document, str] | None:
        export = tx.find(EXPORTS, domain_id, task["subject"])
        notebook = tx.find(NOTEBOOKS, domain_id, export["notebookId"]) if export else None
        if export is None or export["status"] != "IN_PROGRESS":
            return None
        if notebook is None:
            raise NotANotebook("The notebook was deleted before its export.")
        if export["fileFormat"] != "IPYNB":
            raise NotANotebook("This data plane exports notebooks as IPYNB only.")
        return export, notebook, _storage(tx, domain_id, notebook["owningProjectId"])[1]

    try:
        begun = plane.store.read(begin)
    except NotANotebook as failure:
        reason = str(failure)
        await plane.store.write(lambda tx: _export_failed(tx, plane, task, reason))
        return
    if begun is None:
        return
    export, notebook, root = begun
    document = notebook_documents.ordered(_document(plane, notebook), notebook["cellOrder"])
    uri = f"{root}/exports/notebooks/{export['id']}/{notebook_documents.file_name(notebook['name'])}"
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    await s3.put_file(plane, bucket, key, msgspec.json.encode(document), content_type="application/x-ipynb+json")
    done = {"status": "SUCCEEDED", "completedAt": plane.clock(), "outputLocation": {"s3": {"uri": uri}}}
    await plane.store.write(lambda tx: tx.put(EXPORTS, export | done))


async def _sync(plane: "Plane", task: Document) -> None:
    domain_id, source = task["payload"]["domain_id"], task["payload"]["source"]
    notebook = plane.store.read(lambda tx: tx.find(NOTEBOOKS, domain_id, task["subject"]))
    if notebook is None or notebook["status"] != "SYNC_IN_PROGRESS":
        return
    try:
        document = notebook_documents.read(_bytes(plane, source))
    except NotANotebook as failure:
        reason = str(failure)
        await plane.store.write(lambda tx: _sync_failed(tx, plane, task, reason))
        return
    bucket, root = plane.store.read(lambda tx: _storage(tx, domain_id, notebook["owningProjectId"]))
    key = f"{root.removeprefix(f's3://{bucket}/')}/notebooks/{notebook['id']}.ipynb"
    await s3.put_file(plane, bucket, key, msgspec.json.encode(document), content_type="application/x-ipynb+json")

    def done(tx: Transaction) -> None:
        known = tx.find(NOTEBOOKS, domain_id, notebook["id"])
        if known is None:
            s3.remove_object(tx, plane, bucket, key)
            return
        cells = [{"cellId": cell["id"]} for cell in document["cells"]]
        place = {"bucket": bucket, "key": key}
        tx.put(NOTEBOOKS, known | {"status": "ACTIVE", "cellOrder": cells, "document": place})

    await plane.store.write(done)


def _document(plane: "Plane", notebook: Document) -> Document:
    place = notebook.get("document")
    return notebook_documents.EMPTY if place is None else notebook_documents.read(_bytes(plane, place))


def _bytes(plane: "Plane", place: Document) -> bytes:
    def read(tx: Transaction) -> bytes:
        found = s3.find_object(tx, place["bucket"], place["key"])
        if found is None:
            raise NotANotebook(f"There is no s3://{place['bucket']}/{place['key']}.")
        if found["size"] > notebook_documents.MOST_BYTES:
            raise NotANotebook(f"The file has more than {notebook_documents.MOST_BYTES} bytes.")
        return s3.file_of(tx, plane, found).read_bytes()

    return plane.store.read(read)


def _export_failed(tx: Transaction, plane: "Plane", task: Document, reason: str) -> None:
    export = tx.find(EXPORTS, task["payload"]["domain_id"], task["subject"])
    if export is not None:
        failed = {"status": "FAILED", "completedAt": plane.clock(), "error": {"message": reason[:256]}}
        tx.put(EXPORTS, export | failed)


def _sync_failed(tx: Transaction, _plane: "Plane", task: Document, reason: str) -> None:
    notebook = tx.find(NOTEBOOKS, task["payload"]["domain_id"], task["subject"])
    if notebook is not None:
        tx.put(NOTEBOOKS, notebook | {"status": "SYNC_FAILED", "error": {"message": reason[:256]}})


TASKS = {
    "datazone.export_notebook": TaskKind(_export, _export_failed),
    "datazone.sync_notebook": TaskKind(_sync, _sync_failed),
}

OPERATIONS: dict[str, Operation] = {
    "CreateNotebook": writes(create_notebook, access.allowed("CreateNotebook")),
    "GetNotebook": reads(get_notebook, access.allowed("GetNotebook")),
    "ListNotebooks": reads(list_notebooks, access.allowed("ListNotebooks")),
    "UpdateNotebook": writes(update_notebook, access.allowed("UpdateNotebook")),
    "DeleteNotebook": writes(delete_notebook, access.allowed("DeleteNotebook")),
    "StartNotebookExport": writes(start_notebook_export, access.allowed("StartNotebookExport")),
    "GetNotebookExport": reads(get_notebook_export, access.allowed("GetNotebookExport")),
    "StartNotebookImport": writes(start_notebook_import, access.allowed("StartNotebookImport")),
    "StartNotebookSync": writes(start_notebook_sync, access.allowed("StartNotebookSync")),
}
