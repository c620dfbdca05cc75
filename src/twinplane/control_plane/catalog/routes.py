"""HTTP in and out for imports, assets, classification and the catalog."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from twinplane.control_plane.catalog import use_cases
from twinplane.control_plane.http import Router, SignedIn, TheApp
from twinplane.control_plane.permissions import Permission

router = Router("assets")


class ImportGiven(BaseModel):
    """Which Glue database to import; `connection` is the name of one of the project's connections."""

    database: str = Field(min_length=1, max_length=255)
    connection: str | None = None


class ImportStarted(BaseModel):
    run_id: str


class ImportedTable(BaseModel):
    table: str
    status: str
    asset_id: str | None
    error: str | None


class ImportShown(BaseModel):
    """`status`: REQUESTED, RUNNING, SUCCESS, PARTIALLY_SUCCEEDED or FAILED."""

    run_id: str
    status: str
    error: str | None
    tables: list[ImportedTable]


class AssetShown(BaseModel):
    id: str
    name: str
    description: str | None
    revision: str
    database: str | None
    table: str | None
    classification: dict[str, Any] | None
    listing_id: str | None
    listing_status: str | None


class AssetList(BaseModel):
    items: list[AssetShown]


class ClassificationGiven(BaseModel):
    """The level, and the other fields of the mesh's classification form; required ones left out are proposed."""

    model_config = ConfigDict(extra="allow")

    level: str


class Published(BaseModel):
    listing_id: str
    status: str


class LevelShown(BaseModel):
    name: str
    description: str
    automatic: str
    approvers: list[str]
    max_days: int
    purpose_required: bool
    named_people_only: bool


class FieldShown(BaseModel):
    name: str
    type: str
    required: bool
    description: str
    values: list[str]


class ClassificationStandard(BaseModel):
    """The levels from open to closed, and the fields of the form."""

    default: str
    levels: list[LevelShown]
    fields: list[FieldShown]


@router.route_for("GET", "/api/classification", Permission.USE_APP)
def get_classification(app: TheApp) -> ClassificationStandard:
    """The classification standard of the mesh."""
    standard = app.mesh.classification
    return ClassificationStandard(
        default=standard.default,
        levels=[
            LevelShown(
                name=level.name, description=level.description, automatic=level.automatic,
                approvers=list(level.approvers), max_days=level.max_days, purpose_required=level.purpose_required,
                named_people_only=level.named_people_only,
            )
            for level in standard.levels
        ],
        fields=[
            FieldShown(
                name=f.name, type=f.type, required=f.required, description=f.description, values=list(f.values)
            )
            for f in standard.fields
        ],
    )  # fmt: skip


@router.route_for("POST", "/api/projects/{project_id}/imports", Permission.USE_APP, status_code=202)
def import_asset(app: TheApp, person: SignedIn, project_id: str, body: ImportGiven) -> ImportStarted:
    """Starts importing a Glue database's tables into the project's inventory."""
    run_id = use_cases.import_tables(app, person, project_id, body.database, body.connection)
    return ImportStarted(run_id=run_id)


@router.route_for("GET", "/api/projects/{project_id}/imports/{run_id}", Permission.USE_APP)
def get_import(app: TheApp, person: SignedIn, project_id: str, run_id: str) -> ImportShown:
    """How an import stands, and what it did with each table."""
    return ImportShown(**use_cases.get_import(app, person, project_id, run_id))


@router.route_for("GET", "/api/projects/{project_id}/assets", Permission.USE_APP)
def list_assets(app: TheApp, person: SignedIn, project_id: str) -> AssetList:
    """The project's inventory."""
    return AssetList(items=[AssetShown(**asset) for asset in use_cases.list_assets(app, person, project_id)])


@router.route_for("PUT", "/api/projects/{project_id}/assets/{asset_id}/classification", Permission.USE_APP)
def classify_asset(
    app: TheApp, person: SignedIn, project_id: str, asset_id: str, body: ClassificationGiven
) -> AssetShown:
    """Classifies an asset."""
    return AssetShown(**use_cases.classify(app, person, project_id, asset_id, body.model_dump()))


@router.route_for("POST", "/api/projects/{project_id}/assets/{asset_id}/publish", Permission.USE_APP)
def publish_asset(app: TheApp, person: SignedIn, project_id: str, asset_id: str) -> Published:
    """Publishes an asset to the catalog. One without a classification is refused."""
    return Published(**use_cases.publish(app, person, project_id, asset_id))


@router.route_for("POST", "/api/projects/{project_id}/assets/{asset_id}/unpublish", Permission.USE_APP)
def unpublish_asset(app: TheApp, person: SignedIn, project_id: str, asset_id: str) -> Published:
    """Takes an asset out of the catalog."""
    return Published(**use_cases.unpublish(app, person, project_id, asset_id))
