"""DataZone's calls about assets, listings and data sources."""

import json
from collections.abc import Mapping
from typing import Any

from twinplane.control_plane.aws import Clients
from twinplane.control_plane.catalog.model import Column, Listing

TABLE_FORM = "GlueTableForm"
COLUMN_FORM = "ColumnBusinessMetadataForm"


def get_listing(clients: Clients, domain_id: str, listing_id: str, classification_form: str) -> Listing:
    """A listing of the catalog. Raises AWS's error."""
    found = clients.datazone.get_listing(domainIdentifier=domain_id, identifier=listing_id)
    item = found["item"]["assetListing"]
    return listing(
        classification_form,
        id=found["id"],
        name=found.get("name", ""),
        description=found.get("description") or "",
        status=found.get("status", "ACTIVE"),
        asset_id=item["assetId"],
        project_id=item["owningProjectId"],
        forms=json.loads(item.get("forms") or "{}"),
    )


def listing(classification_form: str, *, forms: Mapping[str, Any], **members: Any) -> Listing:
    """A listing from its forms, which are objects by form name."""
    table = forms.get(TABLE_FORM) or {}
    classification = forms.get(classification_form) or {}
    return Listing(
        database=table.get("databaseName"),
        table=table.get("tableName"),
        columns=_columns(table, forms.get(COLUMN_FORM) or {}),
        level=classification.get("level"),
        classification=dict(classification),
        **members,
    )


def search_listings(clients: Clients, domain_id: str, text: str, limit: int) -> list[dict[str, Any]]:
    """Listings that match the text, the best first, each with where it matched."""
    query = {"searchText": text} if text else {}
    pages = clients.datazone.get_paginator("search_listings").paginate(
        domainIdentifier=domain_id,
        additionalAttributes=["FORMS", "TEXT_MATCH_RATIONALE"],
        PaginationConfig={"MaxItems": limit, "PageSize": min(limit, 50)},
        **query,
    )
    return [dict(i["assetListing"]) for page in pages for i in page.get("items", ()) if "assetListing" in i]


def list_assets(clients: Clients, domain_id: str, project_id: str) -> list[dict[str, Any]]:
    """The assets in a project's inventory."""
    pages = clients.datazone.get_paginator("search").paginate(
        domainIdentifier=domain_id,
        searchScope="ASSET",
        owningProjectIdentifier=project_id,
        sort={"attribute": "name", "order": "ASCENDING"},
    )
    return [dict(i["assetItem"]) for page in pages for i in page.get("items", ()) if "assetItem" in i]


def get_asset(clients: Clients, domain_id: str, asset_id: str) -> dict[str, Any]:
    """An asset in its latest revision. Raises AWS's error."""
    return dict(clients.datazone.get_asset(domainIdentifier=domain_id, identifier=asset_id))


def forms_of(asset: Mapping[str, Any]) -> dict[str, Any]:
    """The asset's forms: objects by form name."""
    return {form["formName"]: json.loads(form.get("content") or "{}") for form in asset.get("formsOutput", ())}


def revise_asset(
    clients: Clients, domain_id: str, asset: Mapping[str, Any], form: Mapping[str, Any], request_token: str
) -> str:
    """A new revision of the asset with one form replaced or added; all else stays. Returns the revision."""
    kept = [
        {
            "formName": f["formName"],
            "typeIdentifier": f["typeName"],
            "typeRevision": f["typeRevision"],
            "content": f.get("content", "{}"),
        }
        for f in asset.get("formsOutput", ())
        if f["formName"] != form["formName"]
    ]
    answer = clients.datazone.create_asset_revision(
        domainIdentifier=domain_id,
        identifier=asset["id"],
        name=asset["name"],
        formsInput=[*kept, dict(form)],
        clientToken=request_token,
        **{name: asset[name] for name in ("description", "glossaryTerms", "typeRevision") if asset.get(name)},
    )
    return str(answer["revision"])


def change_listing(clients: Clients, domain_id: str, asset_id: str, action: str) -> dict[str, Any]:
    """Publishes the asset (PUBLISH) or takes it out of the catalog (UNPUBLISH)."""
    answer = clients.datazone.create_listing_change_set(
        domainIdentifier=domain_id, entityIdentifier=asset_id, entityType="ASSET", action=action
    )
    return dict(answer)


def form_revision(clients: Clients, domain_id: str, form: str) -> str:
    """The latest revision of a form type."""
    return str(clients.datazone.get_form_type(domainIdentifier=domain_id, formTypeIdentifier=form)["revision"])


def _columns(table: Mapping[str, Any], business: Mapping[str, Any]) -> tuple[Column, ...]:
    described = {
        c.get("columnIdentifier"): c.get("description") or c.get("name") or ""
        for c in business.get("columnsBusinessMetadata", ())
    }
    return tuple(
        Column(
            c["columnName"],
            c.get("dataType", "string"),
            described.get(c["columnName"]) or c.get("columnDescription") or "",
        )
        for c in table.get("columns", ())
    )


def find_data_source(clients: Clients, domain_id: str, project_id: str, name: str) -> str | None:
    """The id of the project's data source of this name, or None."""
    pages = clients.datazone.get_paginator("list_data_sources").paginate(
        domainIdentifier=domain_id, projectIdentifier=project_id, name=name
    )
    return next((str(s["dataSourceId"]) for page in pages for s in page["items"] if s["name"] == name), None)


def create_data_source(
    clients: Clients, domain_id: str, project_id: str, name: str, database: str, connection_id: str | None
) -> str:
    """A data source that imports every table of a Glue database. Returns its id."""
    connection = {"connectionIdentifier": connection_id} if connection_id else {}
    answer = clients.datazone.create_data_source(
        domainIdentifier=domain_id,
        projectIdentifier=project_id,
        name=name,
        type="GLUE",
        enableSetting="ENABLED",
        publishOnImport=False,
        configuration={
            "glueRunConfiguration": {
                "relationalFilterConfigurations": [
                    {"databaseName": database, "filterExpressions": [{"type": "INCLUDE", "expression": "*"}]}
                ]
            }
        },
        **connection,
    )
    return str(answer["id"])


def data_source_is_ready(clients: Clients, domain_id: str, data_source_id: str) -> bool:
    """Whether it can be run now."""
    found = clients.datazone.get_data_source(domainIdentifier=domain_id, identifier=data_source_id)
    return bool(found["status"] == "READY")


def find_connection(clients: Clients, domain_id: str, project_id: str, name: str) -> str | None:
    """The id of the project's connection of this name, or None."""
    pages = clients.datazone.get_paginator("list_connections").paginate(
        domainIdentifier=domain_id, projectIdentifier=project_id, name=name
    )
    return next((str(c["connectionId"]) for page in pages for c in page["items"] if c["name"] == name), None)


def start_run(clients: Clients, domain_id: str, data_source_id: str) -> str:
    """Starts a run; returns its id."""
    answer = clients.datazone.start_data_source_run(domainIdentifier=domain_id, dataSourceIdentifier=data_source_id)
    return str(answer["id"])


def get_run(clients: Clients, domain_id: str, run_id: str) -> dict[str, Any]:
    """A run. Raises AWS's error."""
    return dict(clients.datazone.get_data_source_run(domainIdentifier=domain_id, identifier=run_id))


def list_activities(clients: Clients, domain_id: str, run_id: str) -> list[dict[str, Any]]:
    """What a run did with each table."""
    pages = clients.datazone.get_paginator("list_data_source_run_activities").paginate(
        domainIdentifier=domain_id, identifier=run_id
    )
    return [dict(activity) for page in pages for activity in page["items"]]


def owning_project(clients: Clients, domain_id: str, project_id: str) -> dict[str, Any]:
    """The project and the name of its domain unit."""
    project = dict(clients.datazone.get_project(domainIdentifier=domain_id, identifier=project_id))
    unit = clients.datazone.get_domain_unit(domainIdentifier=domain_id, identifier=project["domainUnitId"])
    return project | {"domainUnit": unit["name"] if unit.get("parentDomainUnitId") else None}
