"""Runs of data sources: asked for by people or by a schedule, done as a durable task, told table by table."""

from typing import TYPE_CHECKING, Any

import msgspec

from twinplane.data_plane.call import Answer, Call, Operation, Request, new_id, reads, writes
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.datazone import (
    access,
    data_source_configurations,
    data_source_imports,
    events,
    quotas,
    rules,
    store,
)
from twinplane.data_plane.services.datazone.data_source_store import (
    ACTIVITIES,
    DATA_SOURCES,
    IMPORTS,
    RUNS,
    end_run,
    put_run,
)
from twinplane.data_plane.services.datazone.paging import answer
from twinplane.data_plane.services.glue import store as glue
from twinplane.data_plane.services.lakeformation import store as lake
from twinplane.data_plane.store import Document, Transaction
from twinplane.data_plane.tasks import TaskKind, enqueue

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

_DAY_SECONDS = 86400
_TABLES_PER_STEP = 25
_RUN = (
    "domainId", "dataSourceId", "id", "projectId", "status", "type", "dataSourceConfigurationSnapshot",
    "runStatisticsForAssets", "errorMessage", "createdAt", "updatedAt", "startedAt", "stoppedAt",
)  # fmt: skip
_RUN_SUMMARY = tuple(m for m in _RUN if m not in ("domainId", "dataSourceConfigurationSnapshot"))
_ACTIVITY = (
    "database", "dataSourceRunId", "technicalName", "dataAssetStatus", "projectId", "dataAssetId",
    "technicalDescription", "errorMessage", "createdAt", "updatedAt",
)  # fmt: skip


def start_data_source_run(call: Call, request: Request) -> Answer:
    """Asks for a run of a data source."""
    source = data_source(call, request | {"identifier": request["dataSourceIdentifier"]})
    if source["enableSetting"] == "DISABLED":
        raise rules.conflict(f"Data source {source['name']} is disabled.")
    if source["status"] == "DELETING":
        raise rules.conflict(f"Data source {source['name']} is being deleted.")
    if is_running(call.tx, source):
        raise rules.conflict(f"Data source {source['name']} is running already.")
    if not may_run_today(call.tx, source, call.now):
        raise quotas.exceeded(quotas.DATA_SOURCE_RUNS)
    return store.pick(start(call.tx, call.plane, source, "PRIORITIZED", call.now), _RUN)


def get_data_source_run(call: Call, request: Request) -> Answer:
    """A run of a data source."""
    return store.pick(_run(call, request), _RUN)


def list_data_source_runs(call: Call, request: Request) -> Answer:
    """The runs of a data source, latest first."""
    source = data_source(call, request | {"identifier": request["dataSourceIdentifier"]})
    where = {"domainId": source["domainId"], "dataSourceId": source["id"]}
    if request.get("status"):
        where["status"] = request["status"]
    rows, token = page(
        call,
        request,
        lambda after, limit: call.tx.select(
            RUNS, where, order=("createdAt",), after=after, limit=limit, descending=True
        ),
        lambda row: [row["createdAt"], row["domainId"], row["id"]],
        most=50,
    )
    return answer([store.pick(d, _RUN_SUMMARY) for d in rows], token)


def list_data_source_run_activities(call: Call, request: Request) -> Answer:
    """What a run did with each table."""
    run = _run(call, request)
    where = {"domainId": run["domainId"], "dataSourceRunId": run["id"]}
    if request.get("status"):
        where["dataAssetStatus"] = request["status"]
    rows, token = page(
        call,
        request,
        lambda after, limit: call.tx.select(ACTIVITIES, where, after=after, limit=limit),
        lambda row: list(ACTIVITIES.key_of(row)),
        most=50,
    )
    return answer([store.pick(d, _ACTIVITY) for d in rows], token)


def data_source(call: Call, request: Request) -> Document:
    """The data source, for whoever the operation's right names. Raises ResourceNotFoundException."""
    found = store.found(call.tx, DATA_SOURCES, "Data source", request["domainIdentifier"], request["identifier"])
    access.require_project_role(call, found["domainId"], found["projectId"], of=("Data source", found["id"]))
    return found


def is_running(tx: Transaction, source: Document) -> bool:
    """Whether a run of the data source is under way."""
    where = {"domainId": source["domainId"], "dataSourceId": source["id"], "status": ["REQUESTED", "RUNNING"]}
    return tx.first(RUNS, where) is not None


def may_run_today(tx: Transaction, source: Document, now: float) -> bool:
    """Whether the data source has run less often in the last 24 hours than it may."""
    where = {"domainId": source["domainId"], "dataSourceId": source["id"]}
    most = quotas.QUOTAS[quotas.DATA_SOURCE_RUNS]
    latest = tx.select(RUNS, where, order=("createdAt",), descending=True, limit=most)
    return len(latest) < most or latest[-1]["createdAt"] <= now - _DAY_SECONDS


def start(tx: Transaction, plane: "Plane", source: Document, kind: str, now: float) -> Document:
    """Makes a run (`kind`: PRIORITIZED or SCHEDULED) that begins when this is committed."""
    run: Document = {
        "domainId": source["domainId"], "id": new_id(), "dataSourceId": source["id"],
        "projectId": source["projectId"], "status": "REQUESTED", "type": kind,
        "dataSourceConfigurationSnapshot": msgspec.json.encode(source["configuration"]).decode(),
        "createdAt": now, "updatedAt": now,
    }  # fmt: skip
    tx.add(RUNS, run)
    events.tell_of_data_source(tx, plane, "Run Triggered", source, dataSourceRunId=run["id"])
    tx.put(DATA_SOURCES, source | {"lastRunStatus": "REQUESTED", "lastRunAt": now})
    enqueue(tx, plane, "datazone.run_data_source", source["id"], domain=source["domainId"], run=run["id"])
    return run


def forget(tx: Transaction, source: Document, most: int) -> bool:
    """Removes runs and activities of a data source, about so many documents; says whether all are gone."""
    left = most
    for run in tx.select(RUNS, {"domainId": source["domainId"], "dataSourceId": source["id"]}, limit=most):
        done = tx.select(ACTIVITIES, {"domainId": run["domainId"], "dataSourceRunId": run["id"]}, limit=left)
        for activity in done:
            tx.remove(ACTIVITIES, *ACTIVITIES.key_of(activity))
        left -= len(done) + 1
        if left <= 0:
            return False
        tx.remove(RUNS, run["domainId"], run["id"])
    return True


async def _run_data_source(plane: "Plane", task: Document) -> None:
    domain_id, run_id = task["payload"]["domain"], task["payload"]["run"]
    tables = await plane.store.write(lambda tx: _begin(tx, plane, domain_id, run_id))
    for first in range(0, len(tables), _TABLES_PER_STEP):
        step = tables[first : first + _TABLES_PER_STEP]
        await plane.store.write(lambda tx, step=step: _import(tx, plane, domain_id, run_id, step))  # type: ignore[misc]
    await plane.store.write(lambda tx: _finish(tx, plane, domain_id, run_id))


def _begin(tx: Transaction, plane: "Plane", domain_id: str, run_id: str) -> list[tuple[str, str]]:
    """Marks the run as running and names the tables it is about; none when it is over or its source is gone."""
    run = tx.find(RUNS, domain_id, run_id)
    source = None if run is None else tx.find(DATA_SOURCES, domain_id, run["dataSourceId"])
    if run is None or source is None or run["status"] not in ("REQUESTED", "RUNNING"):
        return []
    now = plane.clock()
    run |= {"status": "RUNNING", "startedAt": run.get("startedAt") or now, "updatedAt": now}
    reason = data_source_configurations.no_engine(source["configuration"])
    if reason is not None:
        put_run(tx, run | _error("RESOURCE_NOT_FOUND_EXCEPTION", reason), status="RUNNING")
        return []
    tables, missing = _selected(tx, source)
    if missing:
        detail = f"The project's role sees no database {', '.join(missing)}."
        run |= _error("RESOURCE_NOT_FOUND_EXCEPTION", detail)
    put_run(tx, run, status="RUNNING")
    return tables


def _selected(tx: Transaction, source: Document) -> tuple[list[tuple[str, str]], list[str]]:
    """The tables (database, name) that the source is about, and the databases that its project's role does not see.

    Tables that were imported before are among them also when they are gone.
    """
    principals = data_source_imports.project_principals(tx, source["domainId"], source["projectId"])
    tables, missing = dict[tuple[str, str], None](), []
    imported = tx.select(IMPORTS, {"domainId": source["domainId"], "dataSourceId": source["id"]})
    for wanted in source["configuration"]["glueRunConfiguration"]["relationalFilterConfigurations"]:
        database = wanted["databaseName"].lower()
        if glue.find_database(tx, database) is None or not lake.visible_databases(tx, principals, [database]):
            missing.append(database)
            continue
        names = [t["Name"] for t in glue.list_tables(tx, database) if not t.get("TargetTable")]
        gone = {i["tableName"] for i in imported if i["databaseName"] == database} - set(names)
        visible = lake.visible_tables(tx, principals, database, names) | gone
        found = [n for n in [*names, *sorted(gone)] if n in visible and data_source_imports.is_selected(n, wanted)]
        tables |= dict.fromkeys((database, name) for name in found)
    return list(tables), missing


def _import(tx: Transaction, plane: "Plane", domain_id: str, run_id: str, tables: list[tuple[str, str]]) -> None:
    run = tx.find(RUNS, domain_id, run_id)
    source = None if run is None else tx.find(DATA_SOURCES, domain_id, run["dataSourceId"])
    if run is None or source is None:
        return
    now = plane.clock()
    for database, name in tables:
        if tx.find(ACTIVITIES, domain_id, run_id, database, name) is not None:
            continue  # done before an interruption
        outcome = data_source_imports.import_table(tx, plane, source, run_id, database, name, now)
        if outcome is None:
            continue
        activity: Document = {
            "domainId": domain_id, "dataSourceRunId": run_id, "database": database, "technicalName": name,
            "projectId": run["projectId"], "createdAt": now, "updatedAt": now,
        }  # fmt: skip
        tx.add(ACTIVITIES, activity | outcome)


def _finish(tx: Transaction, plane: "Plane", domain_id: str, run_id: str) -> None:
    run = tx.find(RUNS, domain_id, run_id)
    if run is None or run["status"] != "RUNNING":
        return
    here, now = {"domainId": domain_id, "dataSourceRunId": run_id}, plane.clock()
    statistics = {"added": 0, "updated": 0, "unchanged": 0, "skipped": 0, "failed": 0}
    for status, counted in _COUNTED_AS.items():
        statistics[counted] += tx.count(ACTIVITIES, here | {"dataAssetStatus": status})
    done = sum(statistics.values()) - statistics["failed"]
    failed = statistics["failed"] + ("errorMessage" in run)
    status = "SUCCESS" if not failed else "PARTIALLY_SUCCEEDED" if done else "FAILED"
    changed = {"status": status, "runStatisticsForAssets": statistics, "stoppedAt": now, "updatedAt": now}
    end_run(tx, run | changed, assets=done - statistics["skipped"])
    source = tx.find(DATA_SOURCES, domain_id, run["dataSourceId"])
    if source is not None:
        moment = "Run Failed" if status == "FAILED" else "Run Succeeded"
        events.tell_of_data_source(tx, plane, moment, source, dataSourceRunId=run_id, statistics=statistics)


_COUNTED_AS = {
    "SUCCEEDED_CREATED": "added", "SUCCEEDED_UPDATED": "updated", "UNCHANGED": "unchanged", "FAILED": "failed",
    "PUBLISHING_FAILED": "failed", "SKIPPED_ALREADY_IMPORTED": "skipped", "SKIPPED_ARCHIVED": "skipped",
    "SKIPPED_NO_ACCESS": "skipped",
}  # fmt: skip


def _give_up(tx: Transaction, plane: "Plane", task: Document, reason: str) -> None:
    run = tx.find(RUNS, task["payload"]["domain"], task["payload"]["run"])
    if run is None:
        return
    stopped = {"status": "FAILED", "stoppedAt": plane.clock(), "updatedAt": plane.clock()}
    end_run(tx, run | stopped | _error("INTERNAL_SERVER_EXCEPTION", reason))
    source = tx.find(DATA_SOURCES, run["domainId"], run["dataSourceId"])
    if source is not None:
        events.tell_of_data_source(tx, plane, "Run Failed", source, dataSourceRunId=run["id"], reason=reason)


def _error(kind: str, detail: str) -> dict[str, Any]:
    return {"errorMessage": {"errorType": kind, "errorDetail": detail}}


def _run(call: Call, request: Request) -> Document:
    found = store.found(call.tx, RUNS, "Data source run", request["domainIdentifier"], request["identifier"])
    of = ("Data source run", found["id"])
    access.require_project_role(call, found["domainId"], found["projectId"], of=of)
    return found


OPERATIONS: dict[str, Operation] = {
    "StartDataSourceRun": writes(start_data_source_run, access.allowed("StartDataSourceRun")),
    "GetDataSourceRun": reads(get_data_source_run, access.allowed("GetDataSourceRun")),
    "ListDataSourceRuns": reads(list_data_source_runs, access.allowed("ListDataSourceRuns")),
    "ListDataSourceRunActivities": reads(
        list_data_source_run_activities, access.allowed("ListDataSourceRunActivities")
    ),
}
TASKS = {"datazone.run_data_source": TaskKind(_run_data_source, _give_up)}
NOTES = {
    "StartDataSourceRun": "Runs of Redshift and SageMaker sources fail and say why: there is no such engine here. Data "
    "quality results are not imported, for Glue's data quality is not served; no lineage is captured.",
    "ListDataSourceRunActivities": "lineageSummary is never there.",
}
ASSUMED = {
    "StartDataSourceRun": "A second run while one is under way, and a run of a disabled source, are conflicts; the 25 "
    "runs a day are those of the last 24 hours, scheduled ones included.",
    "ListDataSourceRunActivities": "The asset of a table that is gone stays, and its activity is SKIPPED_ARCHIVED.",
}
