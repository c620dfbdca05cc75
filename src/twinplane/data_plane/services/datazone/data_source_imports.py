"""Importing one Glue table into a project's inventory: a new asset, a new revision, or nothing to do."""

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import msgspec

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.services.datazone import assets, listings, managed_types, store
from twinplane.data_plane.services.datazone import types as asset_types
from twinplane.data_plane.services.datazone.data_source_store import IMPORTS
from twinplane.data_plane.services.glue import store as glue
from twinplane.data_plane.services.lakeformation import store as lake
from twinplane.data_plane.store import Document, Transaction

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

_SYSTEM = "SYSTEM"


def is_selected(name: str, wanted: dict[str, Any]) -> bool:
    """Whether a relational filter selects a table: some INCLUDE matches (or there is none), and no EXCLUDE does."""
    expressions = wanted.get("filterExpressions") or []
    included = [e["expression"].lower() for e in expressions if e["type"] == "INCLUDE"]
    excluded = [e["expression"].lower() for e in expressions if e["type"] == "EXCLUDE"]
    matches = any(fnmatchcase(name.lower(), e) for e in included) or not included
    return matches and not any(fnmatchcase(name.lower(), e) for e in excluded)


def import_table(
    tx: Transaction, plane: "Plane", source: Document, run_id: str, database: str, name: str, now: float
) -> dict[str, Any] | None:
    """Imports one table; returns the activity's outcome, or None when there is neither a table nor an asset of it."""
    domain_id, project_id = source["domainId"], source["projectId"]
    arn = f"arn:aws:glue:{plane.settings.region}:{plane.settings.account_id}:table/{database}/{name}"
    where = {"domainId": domain_id, "owningProjectId": project_id, "externalIdentifier": arn}
    known = tx.first(assets.ASSETS, where)
    table = glue.find_table(tx, database, name)
    if table is None:
        if known is None:
            return None
        gone = failure(
            "SKIPPED_ARCHIVED", "RESOURCE_NOT_FOUND_EXCEPTION", "The table no longer exists; its asset does."
        )
        return gone | {"dataAssetId": known["id"]}
    outcome: dict[str, Any] = {"technicalDescription": table.get("Description")}
    if not lake.has_permission(tx, project_principals(tx, domain_id, project_id), "SELECT", database, name):
        return outcome | {"dataAssetStatus": "SKIPPED_NO_ACCESS"}
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
                assets.tell_of_revision(tx, plane, known, document)
    except ServiceError as error:
        return outcome | failure("FAILED", "VALIDATION_EXCEPTION", error.message)
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
                listings.publish_and_tell(tx, plane, document, _SYSTEM, now)
        except ServiceError as error:
            return outcome | failure("PUBLISHING_FAILED", "VALIDATION_EXCEPTION", error.message)
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


def project_principals(tx: Transaction, domain_id: str, project_id: str) -> frozenset[str]:
    role = store.project_role_arn(tx, domain_id, project_id)
    return frozenset() if role is None else frozenset({role})


def failure(status: str, kind: str, detail: str) -> dict[str, Any]:
    return {"dataAssetStatus": status, "errorMessage": {"errorType": kind, "errorDetail": detail}}
