"""Data sources: they import a project's Glue tables into its inventory, run by run."""

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import msgspec

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, new_id, reads, writes
from twinplane.data_plane.services.datazone import access, assets, events, listings, managed_types, rules, store
from twinplane.data_plane.services.datazone import types as asset_types
from twinplane.data_plane.services.datazone.paging import answer, list_page
from twinplane.data_plane.services.glue import store as glue
from twinplane.data_plane.services.lakeformation import store as lake
from twinplane.data_plane.store import Document, Kind, Transaction
from twinplane.data_plane.tasks import TaskKind, enqueue

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

DATA_SOURCES = Kind("datazone_data_source", key=("domainId", "id"), unique=(("domainId", "projectId", "name"),))
RUNS = Kind(
    "datazone_data_source_run",
    key=("domainId", "id"),
    columns=("status", "createdAt"),
    indexes=(("domainId", "dataSourceId"),),
)
ACTIVITIES = Kind("datazone_data_source_activity", key=("domainId", "dataSourceRunId", "database", "technicalName"))
# Which table an asset was imported from. Written by runs only: what an asset's own forms say of it is not trusted.
IMPORTS = Kind("datazone_imported_table", key=("domainId", "assetId"), indexes=(("domainId", "dataSourceId"),))
KINDS = [DATA_SOURCES, RUNS, ACTIVITIES, IMPORTS]

_TABLES_PER_STEP = 25
_SYSTEM = "SYSTEM"
_MEMBERS = (
    "id", "status", "type", "name", "description", "domainId", "projectId", "environmentId", "connectionId",
    "configuration", "recommendation", "enableSetting", "publishOnImport", "assetFormsOutput", "schedule",
    "lastRunStatus", "lastRunAt", "lastRunErrorMessage", "lastRunAssetCount", "createdAt", "updatedAt",
)  # fmt: skip
_SUMMARY = (
    "domainId", "environmentId", "connectionId", "name", "type", "status", "enableSetting", "schedule",
    "lastRunStatus", "lastRunAt", "lastRunErrorMessage", "lastRunAssetCount", "createdAt", "updatedAt", "description",
)  # fmt: skip
_RUN = (
    "domainId", "dataSourceId", "id", "projectId", "status", "type", "dataSourceConfigurationSnapshot",
    "runStatisticsForAssets", "errorMessage", "createdAt", "updatedAt", "startedAt", "stoppedAt",
)  # fmt: skip
_RUN_SUMMARY = tuple(m for m in _RUN if m not in ("domainId", "dataSourceConfigurationSnapshot"))
_ACTIVITY = (
    "database", "dataSourceRunId", "technicalName", "dataAssetStatus", "projectId", "dataAssetId",
    "technicalDescription", "errorMessage", "createdAt", "updatedAt",
)  # fmt: skip


def create_data_source(call: Call, request: Request) -> Answer:
    """Makes a data source of Glue databases."""
    domain_id, project_id = request["domainIdentifier"], request["projectIdentifier"]
    access.require_project_role(call, domain_id, project_id)
    if request["type"] != "GLUE":
        raise rules.invalid(f"Data sources of type {request['type']} are not served; GLUE is.")
    for member, kind, what in (
        ("environmentIdentifier", store.ENVIRONMENTS, "Environment"),
        ("connectionIdentifier", store.CONNECTIONS, "Connection"),
    ):
        if request.get(member) and _project_of(call.tx, kind, what, domain_id, request[member]) != project_id:
            raise rules.invalid(f"{what} {request[member]} belongs to another project.")
    document: Document = {
        "domainId": domain_id, "id": new_id(), "status": "READY", "type": "GLUE", "name": request["name"],
        "description": request.get("description"), "projectId": project_id,
        "environmentId": request.get("environmentIdentifier"), "connectionId": request.get("connectionIdentifier"),
        "configuration": _configuration(call, request.get("configuration") or {}),
        "recommendation": request.get("recommendation"), "enableSetting": request.get("enableSetting") or "ENABLED",
        "publishOnImport": bool(request.get("publishOnImport")), "schedule": request.get("schedule"),
        "assetFormsOutput": _forms(call.tx, domain_id, request.get("assetFormsInput") or []),
        "createdAt": call.now, "updatedAt": call.now,
    }  # fmt: skip
    message = f"The project has a data source {request['name']} already."
    access.add_unique(call.tx, DATA_SOURCES, document, message)
    events.tell_of_data_source(call.tx, call.plane, "Created", document)
    return store.pick(document, _MEMBERS)


def get_data_source(call: Call, request: Request) -> Answer:
    """A data source of one of the caller's projects."""
    return store.pick(_data_source(call, request), _MEMBERS)


def list_data_sources(call: Call, request: Request) -> Answer:
    """The data sources of a project."""
    domain_id, project_id = request["domainIdentifier"], request["projectIdentifier"]
    access.require_project_role(call, domain_id, project_id)
    found = call.tx.select(DATA_SOURCES, {"domainId": domain_id, "projectId": project_id})
    wanted = {
        "environmentId": request.get("environmentIdentifier"),
        "connectionId": request.get("connectionIdentifier"),
        "type": request.get("type"),
        "status": request.get("status"),
        "name": request.get("name"),
    }
    found = [d for d in found if all(v is None or d.get(k) == v for k, v in wanted.items())]
    rows, token = list_page(call, request, found)
    return answer([store.pick(d, _SUMMARY) | {"dataSourceId": d["id"]} for d in rows], token)


def update_data_source(call: Call, request: Request) -> Answer:
    """Changes what is given of a data source."""
    document = _data_source(call, request)
    shown = ("name", "description", "enableSetting", "publishOnImport", "schedule", "recommendation")
    document |= store.pick(request, shown) | {"updatedAt": call.now}
    if request.get("configuration") is not None:
        document["configuration"] = _configuration(call, request["configuration"])
    if request.get("assetFormsInput") is not None:
        document["assetFormsOutput"] = _forms(call.tx, document["domainId"], request["assetFormsInput"])
    call.tx.put(DATA_SOURCES, document)
    events.tell_of_data_source(call.tx, call.plane, "Updated", document)
    return store.pick(document, _MEMBERS)


def delete_data_source(call: Call, request: Request) -> Answer:
    """Removes a data source. Its assets stay, without a source: they are no longer granted automatically."""
    document = _data_source(call, request)
    domain_id, identifier = document["domainId"], document["id"]
    where = {"domainId": domain_id, "dataSourceId": identifier}
    for run in call.tx.select(RUNS, where):
        for activity in call.tx.select(ACTIVITIES, {"domainId": domain_id, "dataSourceRunId": run["id"]}):
            call.tx.remove(ACTIVITIES, *ACTIVITIES.key_of(activity))
        call.tx.remove(RUNS, domain_id, run["id"])
    for imported in call.tx.select(IMPORTS, where):
        call.tx.remove(IMPORTS, domain_id, imported["assetId"])
    call.tx.remove(DATA_SOURCES, domain_id, identifier)
    return store.pick(document, _MEMBERS) | {"status": "DELETING"}


def start_data_source_run(call: Call, request: Request) -> Answer:
    """Asks for a run of a data source."""
    source = _data_source(call, request | {"identifier": request["dataSourceIdentifier"]})
    if source["enableSetting"] == "DISABLED":
        raise rules.conflict(f"Data source {source['name']} is disabled.")
    where = {"domainId": source["domainId"], "dataSourceId": source["id"], "status": ["REQUESTED", "RUNNING"]}
    if call.tx.first(RUNS, where) is not None:
        raise rules.conflict(f"Data source {source['name']} is running already.")
    run: Document = {
        "domainId": source["domainId"], "id": new_id(), "dataSourceId": source["id"],
        "projectId": source["projectId"], "status": "REQUESTED", "type": "PRIORITIZED",
        "dataSourceConfigurationSnapshot": msgspec.json.encode(source["configuration"]).decode(),
        "createdAt": call.now, "updatedAt": call.now,
    }  # fmt: skip
    call.tx.add(RUNS, run)
    events.tell_of_data_source(call.tx, call.plane, "Run Triggered", source, dataSourceRunId=run["id"])
    call.tx.put(DATA_SOURCES, source | {"lastRunStatus": "REQUESTED", "lastRunAt": call.now})
    enqueue(call.tx, call.plane, "datazone.run_data_source", source["id"], domain=source["domainId"], run=run["id"])
    return store.pick(run, _RUN)


def get_data_source_run(call: Call, request: Request) -> Answer:
    """A run of a data source."""
    return store.pick(_run(call, request), _RUN)


def list_data_source_runs(call: Call, request: Request) -> Answer:
    """The runs of a data source, latest first."""
    source = _data_source(call, request | {"identifier": request["dataSourceIdentifier"]})
    where = {"domainId": source["domainId"], "dataSourceId": source["id"]}
    if request.get("status"):
        where["status"] = request["status"]
    found = call.tx.select(RUNS, where, order=("createdAt",), descending=True)
    rows, token = list_page(call, request, found)
    return answer([store.pick(d, _RUN_SUMMARY) for d in rows], token)


def list_data_source_run_activities(call: Call, request: Request) -> Answer:
    """What a run did with each table."""
    run = _run(call, request)
    found = call.tx.select(ACTIVITIES, {"domainId": run["domainId"], "dataSourceRunId": run["id"]})
    if request.get("status"):
        found = [d for d in found if d["dataAssetStatus"] == request["status"]]
    rows, token = list_page(call, request, found)
    return answer([store.pick(d, _ACTIVITY) for d in rows], token)


def imported_from(tx: Transaction, asset: Document) -> Document | None:
    """The Glue table (databaseName, tableName) that a data source made the asset from; None for other assets, and for
    those that lost their DataSourceReferenceForm."""
    if assets.form_content(asset, managed_types.DATA_SOURCE_FORM) is None:
        return None
    return tx.find(IMPORTS, asset["domainId"], asset["id"])


async def _run_data_source(plane: "Plane", task: Document) -> None:
    domain_id, run_id = task["payload"]["domain"], task["payload"]["run"]
    tables = await plane.store.write(lambda tx: _begin(tx, domain_id, run_id, plane.clock()))
    for start in range(0, len(tables), _TABLES_PER_STEP):
        step = tables[start : start + _TABLES_PER_STEP]
        await plane.store.write(lambda tx, step=step: _import(tx, plane, domain_id, run_id, step))  # type: ignore[misc]
    await plane.store.write(lambda tx: _finish(tx, plane, domain_id, run_id, plane.clock()))


def _begin(tx: Transaction, domain_id: str, run_id: str, now: float) -> list[tuple[str, str]]:
    """Marks the run as running and names the tables it is about; none when it is over or its source is gone."""
    run = tx.find(RUNS, domain_id, run_id)
    source = None if run is None else tx.find(DATA_SOURCES, domain_id, run["dataSourceId"])
    if run is None or source is None or run["status"] not in ("REQUESTED", "RUNNING"):
        return []
    _put_run(tx, run | {"status": "RUNNING", "startedAt": run.get("startedAt") or now, "updatedAt": now})
    principals = _project_principals(tx, domain_id, source["projectId"])
    tables, missing = [], []
    for wanted in source["configuration"]["glueRunConfiguration"]["relationalFilterConfigurations"]:
        database = wanted["databaseName"].lower()
        if glue.find_database(tx, database) is None or not lake.visible_databases(tx, principals, [database]):
            missing.append(database)
            continue
        names = [t["Name"] for t in glue.list_tables(tx, database) if not t.get("TargetTable")]
        visible = lake.visible_tables(tx, principals, database, names)
        tables += [(database, name) for name in names if name in visible and is_selected(name, wanted)]
    if missing:
        detail = f"The project's role sees no database {', '.join(missing)}."
        run = tx.get(RUNS, domain_id, run_id)
        _put_run(tx, run | {"errorMessage": {"errorType": "RESOURCE_NOT_FOUND_EXCEPTION", "errorDetail": detail}})
    return tables


def is_selected(name: str, wanted: dict[str, Any]) -> bool:
    """Whether a relational filter selects a table: some INCLUDE matches (or there is none), and no EXCLUDE does."""
    expressions = wanted.get("filterExpressions") or []
    included = [e["expression"].lower() for e in expressions if e["type"] == "INCLUDE"]
    excluded = [e["expression"].lower() for e in expressions if e["type"] == "EXCLUDE"]
    matches = any(fnmatchcase(name.lower(), e) for e in included) or not included
    return matches and not any(fnmatchcase(name.lower(), e) for e in excluded)


def _import(tx: Transaction, plane: "Plane", domain_id: str, run_id: str, tables: list[tuple[str, str]]) -> None:
    run = tx.find(RUNS, domain_id, run_id)
    source = None if run is None else tx.find(DATA_SOURCES, domain_id, run["dataSourceId"])
    if run is None or source is None:
        return
    now = plane.clock()
    for database, name in tables:
        if tx.find(ACTIVITIES, domain_id, run_id, database, name) is not None:
            continue  # done before an interruption
        activity: Document = {
            "domainId": domain_id, "dataSourceRunId": run_id, "database": database, "technicalName": name,
            "projectId": run["projectId"], "createdAt": now, "updatedAt": now,
        }  # fmt: skip
        tx.add(ACTIVITIES, activity | _import_table(tx, plane, source, run_id, database, name, now))


def _import_table(
    tx: Transaction, plane: "Plane", source: Document, run_id: str, database: str, name: str, now: float
) -> dict[str, Any]:
    """Imports one table; returns the activity's outcome."""
    domain_id, project_id = source["domainId"], source["projectId"]
    table = glue.find_table(tx, database, name)
    if table is None:
        return _failure("FAILED", "RESOURCE_NOT_FOUND_EXCEPTION", "The table no longer exists.")
    outcome: dict[str, Any] = {"technicalDescription": table.get("Description")}
    if not lake.has_permission(tx, _project_principals(tx, domain_id, project_id), "SELECT", database, name):
        return outcome | {"dataAssetStatus": "SKIPPED_NO_ACCESS"}
    arn = f"arn:aws:glue:{plane.settings.region}:{plane.settings.account_id}:table/{database}/{name}"
    where = {"domainId": domain_id, "owningProjectId": project_id, "externalIdentifier": arn}
    known = tx.first(assets.ASSETS, where)
    if known is not None:
        imported = tx.find(IMPORTS, domain_id, known["id"])
        if imported is None or imported["dataSourceId"] != source["id"]:
            return outcome | {"dataAssetStatus": "SKIPPED_ALREADY_IMPORTED", "dataAssetId": known["id"]}
    view = table.get("TableType") == "VIRTUAL_VIEW"
    kind = asset_types.asset_type(tx, domain_id, managed_types.GLUE_VIEW if view else managed_types.GLUE_TABLE)
    form_name = managed_types.GLUE_VIEW_FORM if view else managed_types.GLUE_TABLE_FORM
    content = _table_content(table, arn, plane)
    if known is not None and assets.form_content(known, form_name) == content:
        return outcome | {"dataAssetStatus": "UNCHANGED", "dataAssetId": known["id"]}
    status = "SUCCEEDED_CREATED" if known is None else "SUCCEEDED_UPDATED"
    forms = _asset_forms(source, run_id, arn, form_name, content, known)
    try:
        with tx.savepoint():
            output = asset_types.check_forms(tx, domain_id, kind, forms)
            if known is None:
                draft = assets.Draft(name, table.get("Description"), [], output, _SYSTEM)
                document = assets.add(tx, domain_id, project_id, kind, draft, now, arn)
                assets.tell_of_new(tx, plane, document)
            else:
                terms = known.get("glossaryTerms", [])
                draft = assets.Draft(known["name"], known.get("description"), terms, output, _SYSTEM)
                document = assets.revise(tx, known, kind, draft, now)
    except ServiceError as error:
        return outcome | _failure("FAILED", "VALIDATION_EXCEPTION", error.message)
    tx.put(
        IMPORTS,
        {
            "domainId": domain_id, "assetId": document["id"], "dataSourceId": source["id"],
            "databaseName": database, "tableName": name,
        },
    )  # fmt: skip
    outcome |= {"dataAssetStatus": status, "dataAssetId": document["id"]}
    if source["publishOnImport"]:
        try:
            with tx.savepoint():
                listing = listings.publish(tx, document, _SYSTEM, now)
                events.tell_of_listing(tx, plane, "Added To Catalog", listing)
        except ServiceError as error:
            return outcome | _failure("PUBLISHING_FAILED", "VALIDATION_EXCEPTION", error.message)
    return outcome


def _table_content(table: Document, arn: str, plane: "Plane") -> dict[str, Any]:
    storage = table.get("StorageDescriptor") or {}
    columns = [*(storage.get("Columns") or ()), *(table.get("PartitionKeys") or ())]
    content = {
        "catalogId": table.get("CatalogId") or plane.settings.account_id,
        "region": plane.settings.region,
        "databaseName": table["DatabaseName"],
        "tableName": table["Name"],
        "tableArn": arn,
        "tableType": table.get("TableType"),
        "tableDescription": table.get("Description"),
        "sourceClassification": (table.get("Parameters") or {}).get("classification"),
        "sourceLocation": storage.get("Location"),
        "partitionKeys": [c["Name"] for c in table.get("PartitionKeys") or ()] or None,
        "columns": [_column(c) for c in columns],
    }
    return {k: v for k, v in content.items() if v is not None}


def _column(column: Document) -> dict[str, Any]:
    shown = {"columnName": column["Name"], "dataType": column.get("Type") or "string"}
    return shown | ({"columnDescription": column["Comment"]} if column.get("Comment") else {})


def _asset_forms(
    source: Document, run_id: str, arn: str, form_name: str, content: dict[str, Any], known: Document | None
) -> list[dict[str, Any]]:
    """The forms of an imported table: the run's own, and what people have added to the asset since."""
    reference = {
        "filterableDataSourceId": source["id"], "dataSourceIdentifier": {"id": source["id"], "type": "GLUE"},
        "dataSourceRunId": run_id, "dataSourceType": "GLUE",
    }  # fmt: skip
    own = {form_name: content, managed_types.DATA_SOURCE_FORM: reference}
    if known is None:
        own[managed_types.COMMON_FORM] = {"sourceIdentifier": arn}
        own[managed_types.TERMS_FORM] = {"approvalRequired": "YES"}
    given = (source["assetFormsOutput"] or []) if known is None else known["formsOutput"]
    kept = [
        {
            "formName": form["formName"],
            "typeIdentifier": form["typeName"],
            "typeRevision": form["typeRevision"],
            "content": form["content"],
        }
        for form in given
        if form["formName"] not in (form_name, managed_types.DATA_SOURCE_FORM)
    ]
    names = {form["formName"] for form in kept}
    made = [
        {"formName": name, "content": msgspec.json.encode(value).decode()}
        for name, value in own.items()
        if name not in names
    ]
    return [*made, *kept]


def _finish(tx: Transaction, plane: "Plane", domain_id: str, run_id: str, now: float) -> None:
    run = tx.find(RUNS, domain_id, run_id)
    if run is None or run["status"] != "RUNNING":
        return
    activities = tx.select(ACTIVITIES, {"domainId": domain_id, "dataSourceRunId": run_id})
    statistics = {"added": 0, "updated": 0, "unchanged": 0, "skipped": 0, "failed": 0}
    for activity in activities:
        statistics[_counted_as(activity["dataAssetStatus"])] += 1
    failed = statistics["failed"] + ("errorMessage" in run)
    status = "SUCCESS" if not failed else "PARTIALLY_SUCCEEDED" if len(activities) > statistics["failed"] else "FAILED"
    changed = {"status": status, "runStatisticsForAssets": statistics, "stoppedAt": now, "updatedAt": now}
    _put_run(tx, run | changed, assets=len(activities) - statistics["failed"] - statistics["skipped"])
    source = tx.find(DATA_SOURCES, domain_id, run["dataSourceId"])
    if source is not None:
        moment = "Run Failed" if status == "FAILED" else "Run Succeeded"
        events.tell_of_data_source(tx, plane, moment, source, dataSourceRunId=run_id, statistics=statistics)


def _counted_as(status: str) -> str:
    counted = {"SUCCEEDED_CREATED": "added", "SUCCEEDED_UPDATED": "updated", "UNCHANGED": "unchanged"}
    return counted.get(status, "skipped" if status.startswith("SKIPPED") else "failed")


def _give_up(tx: Transaction, task: Document, reason: str) -> None:
    run = tx.find(RUNS, task["payload"]["domain"], task["payload"]["run"])
    if run is not None:
        error = {"errorType": "INTERNAL_SERVER_EXCEPTION", "errorDetail": reason}
        _put_run(tx, run | {"status": "FAILED", "errorMessage": error})


def _put_run(tx: Transaction, run: Document, **counted: int) -> None:
    """Stores a run, and on its data source how the last run goes."""
    tx.put(RUNS, run)
    source = tx.find(DATA_SOURCES, run["domainId"], run["dataSourceId"])
    if source is not None:
        last = {"lastRunStatus": run["status"], "lastRunErrorMessage": run.get("errorMessage")}
        if "assets" in counted:
            last["lastRunAssetCount"] = counted["assets"]
        tx.put(DATA_SOURCES, source | last)


def _project_principals(tx: Transaction, domain_id: str, project_id: str) -> frozenset[str]:
    role = store.project_role_arn(tx, domain_id, project_id)
    return frozenset() if role is None else frozenset({role})


def _failure(status: str, kind: str, detail: str) -> dict[str, Any]:
    return {"dataAssetStatus": status, "errorMessage": {"errorType": kind, "errorDetail": detail}}


def _configuration(call: Call, given: dict[str, Any]) -> dict[str, Any]:
    kind, configuration = rules.exactly_one(given, "configuration")
    if kind != "glueRunConfiguration":
        raise rules.invalid(f"{kind} is not served; glueRunConfiguration is.")
    if not configuration.get("relationalFilterConfigurations"):
        raise rules.invalid("glueRunConfiguration names at least one database.")
    return {kind: configuration | {"accountId": call.account_id, "region": call.region}}


def _forms(tx: Transaction, domain_id: str, forms: list[dict[str, Any]]) -> list[Document]:
    kind = asset_types.asset_type(tx, domain_id, managed_types.GLUE_TABLE)
    return [asset_types.check_form(tx, domain_id, f, kind["formsOutput"].get(f["formName"])) for f in forms]


def _project_of(tx: Transaction, kind: Kind, what: str, domain_id: str, identifier: str) -> str:
    return str(store.found(tx, kind, what, domain_id, identifier)["projectId"])


def _data_source(call: Call, request: Request) -> Document:
    found = store.found(call.tx, DATA_SOURCES, "Data source", request["domainIdentifier"], request["identifier"])
    access.require_project_role(call, found["domainId"], found["projectId"], of=("Data source", found["id"]))
    return found


def _run(call: Call, request: Request) -> Document:
    found = store.found(call.tx, RUNS, "Data source run", request["domainIdentifier"], request["identifier"])
    of = ("Data source run", found["id"])
    access.require_project_role(call, found["domainId"], found["projectId"], of=of)
    return found


OPERATIONS: dict[str, Operation] = {
    "CreateDataSource": writes(create_data_source, access.allowed("CreateDataSource")),
    "GetDataSource": reads(get_data_source, access.allowed("GetDataSource")),
    "ListDataSources": reads(list_data_sources, access.allowed("ListDataSources")),
    "UpdateDataSource": writes(update_data_source, access.allowed("UpdateDataSource")),
    "DeleteDataSource": writes(delete_data_source, access.allowed("DeleteDataSource")),
    "StartDataSourceRun": writes(start_data_source_run, access.allowed("StartDataSourceRun")),
    "GetDataSourceRun": reads(get_data_source_run, access.allowed("GetDataSourceRun")),
    "ListDataSourceRuns": reads(list_data_source_runs, access.allowed("ListDataSourceRuns")),
    "ListDataSourceRunActivities": reads(
        list_data_source_run_activities, access.allowed("ListDataSourceRunActivities")
    ),
}
TASKS = {"datazone.run_data_source": TaskKind(_run_data_source, _give_up)}
