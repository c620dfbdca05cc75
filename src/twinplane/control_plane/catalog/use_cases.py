"""What people do with assets and the catalog. DataZone decides what they may, because it is called as the person."""

import json
import secrets
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from twinplane.control_plane.audit import records as audit
from twinplane.control_plane.aws import code_of
from twinplane.control_plane.catalog import datazone, rules
from twinplane.control_plane.catalog.model import Listing, OwningProject
from twinplane.control_plane.errors import DataPlaneUnavailable, NotFound
from twinplane.control_plane.identity import Person
from twinplane.control_plane.jobs import wait_for
from twinplane.control_plane.parts import App


def import_tables(app: App, person: Person, project_id: str, database: str, connection: str | None) -> str:
    """Starts the import of a Glue database's tables into the project's inventory. Returns the run's id."""
    clients, domain_id = app.as_person(person), app.domain_id
    connection_id = None
    if connection is not None:
        connection_id = datazone.find_connection(clients, domain_id, project_id, connection)
        if connection_id is None:
            raise NotFound(f"The project has no connection {connection}.")
    name = f"Tables of {database}"[:256]
    source_id = datazone.find_data_source(clients, domain_id, project_id, name)
    if source_id is None:
        source_id = datazone.create_data_source(clients, domain_id, project_id, name, database, connection_id)
    if not wait_for(lambda: datazone.data_source_is_ready(clients, domain_id, source_id), within_seconds=20):
        raise DataPlaneUnavailable(f"The data source of {database} is not ready yet. Try again in a moment.")
    run_id = datazone.start_run(clients, domain_id, source_id)
    _record(app, person, "asset.import", project_id, None, database=database, run_id=run_id)
    return run_id


def get_import(app: App, person: Person, project_id: str, run_id: str) -> dict[str, Any]:
    """How the import stands, and what it did with each table."""
    clients, domain_id = app.as_person(person), app.domain_id
    run = datazone.get_run(clients, domain_id, run_id)
    if run["projectId"] != project_id:
        raise NotFound(f"The project has no import {run_id}.")
    return {
        "run_id": run_id,
        "status": run["status"],
        "error": (run.get("errorMessage") or {}).get("errorDetail"),
        "tables": [
            {
                "table": a["technicalName"],
                "status": a["dataAssetStatus"],
                "asset_id": a.get("dataAssetId"),
                "error": (a.get("errorMessage") or {}).get("errorDetail"),
            }
            for a in datazone.list_activities(clients, domain_id, run_id)
        ],
    }


def list_assets(app: App, person: Person, project_id: str) -> list[dict[str, Any]]:
    """The assets in the inventory of a project the person is in."""
    clients, domain_id = app.as_person(person), app.domain_id
    try:
        found = datazone.list_assets(clients, domain_id, project_id)
    except ClientError as error:
        if code_of(error) in ("ResourceNotFoundException", "AccessDeniedException"):
            raise NotFound(f"You are in no project {project_id}.") from error
        raise
    shown = [_asset(app, datazone.get_asset(clients, domain_id, item["identifier"])) for item in found]
    return sorted(shown, key=lambda asset: str(asset["name"]))


def classify(app: App, person: Person, project_id: str, asset_id: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Writes the classification onto the asset, as a new revision of it."""
    clients, domain_id, standard = app.as_person(person), app.domain_id, app.mesh.classification
    asset = _asset_of(app, person, project_id, asset_id)
    earlier = datazone.forms_of(asset).get(standard.form, {})
    proposed = {
        "owner": person.name,
        "steward": next(iter(app.mesh.roles.get("steward", ())), "data stewards"),
        "residency": app.mesh.region,
        "retention_days": rules.RETENTION_DAYS,
        "contains_personal_data": False,
    } | earlier
    content = rules.classification_form(standard, given, proposed)
    form = {
        "formName": standard.form,
        "typeIdentifier": standard.form,
        "typeRevision": datazone.form_revision(clients, domain_id, standard.form),
        "content": _json(content),
    }
    revision = datazone.revise_asset(clients, domain_id, asset, form, secrets.token_hex(16))
    _record(
        app, person, "asset.classify", project_id, _name_of(app, asset), asset_id=asset_id, revision=revision,
        classification=content, before=earlier,
    )  # fmt: skip
    return _asset(app, datazone.get_asset(clients, domain_id, asset_id))


def publish(app: App, person: Person, project_id: str, asset_id: str) -> dict[str, Any]:
    """Publishes the asset to the catalog. Raises `Unclassified`."""
    clients = app.as_person(person)
    asset = _asset_of(app, person, project_id, asset_id)
    form = datazone.forms_of(asset).get(app.mesh.classification.form, {})
    rules.check_publishable(asset["name"], form.get("level"))
    listing = datazone.change_listing(clients, app.domain_id, asset_id, "PUBLISH")
    _record(
        app, person, "asset.publish", project_id, _name_of(app, asset), asset_id=asset_id,
        listing_id=listing["listingId"], level=form["level"],
    )  # fmt: skip
    return {"listing_id": listing["listingId"], "status": listing["status"]}


def unpublish(app: App, person: Person, project_id: str, asset_id: str) -> dict[str, Any]:
    """Takes the asset out of the catalog; access that was granted stays until it ends or is revoked."""
    asset = _asset_of(app, person, project_id, asset_id)
    listing = datazone.change_listing(app.as_person(person), app.domain_id, asset_id, "UNPUBLISH")
    _record(
        app, person, "asset.unpublish", project_id, _name_of(app, asset), asset_id=asset_id,
        listing_id=listing["listingId"],
    )  # fmt: skip
    return {"listing_id": listing["listingId"], "status": listing["status"]}


def get_listing(app: App, person: Person, listing_id: str) -> Listing:
    """A listing of the catalog. Raises `NotFound`."""
    try:
        return datazone.get_listing(app.as_person(person), app.domain_id, listing_id, app.mesh.classification.form)
    except ClientError as error:
        if code_of(error) in ("ResourceNotFoundException", "AccessDeniedException"):
            raise NotFound(f"There is no listing {listing_id} in the catalog.") from error
        raise


def search(app: App, person: Person, text: str, limit: int) -> list[tuple[Listing, list[dict[str, str]]]]:
    """Listings that match, the best first, each with the fields that matched and their text."""
    form = app.mesh.classification.form
    found = []
    for item in datazone.search_listings(app.as_person(person), app.domain_id, text, limit):
        additional = item.get("additionalAttributes") or {}
        listing = datazone.listing(
            form,
            id=item["listingId"],
            name=item.get("name", ""),
            description=item.get("description") or "",
            status="ACTIVE",
            asset_id=item["entityId"],
            project_id=item["owningProjectId"],
            forms=_object(additional.get("forms")),
        )
        matched = [
            {"field": match.get("attribute", ""), "text": match.get("text", "")}
            for rationale in additional.get("matchRationale") or ()
            for match in rationale.get("textMatches") or ()
        ]
        found.append((listing, matched))
    return found


def owning_project(app: App, project_id: str) -> OwningProject:
    """What everybody may know of a project that publishes."""

    def read() -> OwningProject:
        project = datazone.owning_project(app.data_plane.app, app.domain_id, project_id)
        return OwningProject(project_id, project["name"], project["domainUnitId"], project["domainUnit"])

    return app.owning_projects.get(project_id, read)


def _asset_of(app: App, person: Person, project_id: str, asset_id: str) -> dict[str, Any]:
    asset: dict[str, Any] | None = None
    try:
        asset = datazone.get_asset(app.as_person(person), app.domain_id, asset_id)
    except ClientError as error:
        if code_of(error) not in ("ResourceNotFoundException", "AccessDeniedException"):
            raise
    if asset is None or asset["owningProjectId"] != project_id:
        raise NotFound(f"The project has no asset {asset_id}.")
    return asset


def _asset(app: App, asset: Mapping[str, Any]) -> dict[str, Any]:
    forms = datazone.forms_of(asset)
    table = forms.get(datazone.TABLE_FORM, {})
    listing = asset.get("listing") or {}
    return {
        "id": asset["id"],
        "name": asset["name"],
        "description": asset.get("description"),
        "revision": asset["revision"],
        "database": table.get("databaseName"),
        "table": table.get("tableName"),
        "classification": forms.get(app.mesh.classification.form),
        "listing_id": listing.get("listingId"),
        "listing_status": listing.get("listingStatus"),
    }


def _name_of(app: App, asset: Mapping[str, Any]) -> str:
    shown = _asset(app, asset)
    return f"{shown['database']}.{shown['table']}" if shown["table"] else str(asset["id"])


def _record(app: App, person: Person, action: str, project_id: str, asset: str | None, **detail: Any) -> None:
    with app.database.write() as tx:
        audit.add(
            tx, actor_id=person.user_id, actor=person.name, action=action, project_id=project_id, asset=asset, **detail
        )


def _object(text: str | None) -> dict[str, Any]:
    return dict(json.loads(text)) if text else {}


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))
