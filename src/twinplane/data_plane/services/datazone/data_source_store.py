"""What data sources keep: themselves, their runs, what each run did, and what each asset was imported from."""

from twinplane.data_plane.services.datazone import assets, managed_types
from twinplane.data_plane.store import Document, Kind, Transaction

DATA_SOURCES = Kind(
    "datazone_data_source",
    key=("domainId", "id"),
    columns=("environmentId", "connectionId", "type", "status"),
    unique=(("domainId", "projectId", "name"),),
)
RUNS = Kind(
    "datazone_data_source_run",
    key=("domainId", "id"),
    indexes=(
        ("domainId", "dataSourceId", "createdAt", "id"),
        ("domainId", "dataSourceId", "status", "createdAt", "id"),
    ),
)
ACTIVITIES = Kind(
    "datazone_data_source_activity",
    key=("domainId", "dataSourceRunId", "database", "technicalName"),
    indexes=(("domainId", "dataSourceRunId", "dataAssetStatus", "database", "technicalName"),),
)
# Which table an asset was imported from. Written by runs only: what an asset's own forms say of it is not trusted.
IMPORTS = Kind("datazone_imported_table", key=("domainId", "assetId"), indexes=(("domainId", "dataSourceId"),))
KINDS = [DATA_SOURCES, RUNS, ACTIVITIES, IMPORTS]


def imported_from(tx: Transaction, asset: Document) -> Document | None:
    """The Glue table (databaseName, tableName) that a data source made the asset from; None for other assets, and for
    those that lost their DataSourceReferenceForm."""
    if assets.form_content(asset, managed_types.DATA_SOURCE_FORM) is None:
        return None
    return tx.find(IMPORTS, asset["domainId"], asset["id"])


def end_run(tx: Transaction, run: Document, **counted: int) -> None:
    """Stores a run that is over, and on its data source how it went."""
    put_run(tx, run, status="READY", **counted)


def put_run(tx: Transaction, run: Document, *, status: str | None = None, **counted: int) -> None:
    """Stores a run, and on its data source how the last run goes. `status`: the data source's own from now on."""
    tx.put(RUNS, run)
    source = tx.find(DATA_SOURCES, run["domainId"], run["dataSourceId"])
    if source is not None:
        last = {"lastRunStatus": run["status"], "lastRunErrorMessage": run.get("errorMessage")}
        if "assets" in counted:
            last["lastRunAssetCount"] = counted["assets"]
        if status is not None and source["status"] != "DELETING":
            last["status"] = status
        tx.put(DATA_SOURCES, source | last)
