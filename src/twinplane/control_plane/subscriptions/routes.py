"""HTTP in and out for finding data and asking for it. The catalog is here because it shows what access one has."""

from datetime import date
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, Field

from twinplane.control_plane.catalog import use_cases as catalog
from twinplane.control_plane.catalog.model import Listing, OwningProject
from twinplane.control_plane.http import Router, SignedIn, TheApp
from twinplane.control_plane.permissions import Permission
from twinplane.control_plane.requests.routes import RequestShown, shown
from twinplane.control_plane.subscriptions import use_cases

router = Router("catalog")


class SubscriptionRequest(BaseModel):
    """Access to a listing: for yourself, or for all members of one of your projects. No `ends_on`: the longest."""

    listing_id: str
    reason: str = Field(min_length=1, max_length=4000)
    ends_on: date | None = None
    project_id: str | None = None


class Match(BaseModel):
    """Where the search text was found."""

    field: str
    text: str


class Found(BaseModel):
    """`access`: have, requested, can_request or cannot."""

    listing_id: str
    name: str
    description: str
    owning_project: str
    domain_unit: str | None
    classification: str | None
    matched: list[Match]
    access: str


class FoundList(BaseModel):
    items: list[Found]


class ColumnShown(BaseModel):
    name: str
    type: str
    description: str


class ListingShown(Found):
    asset_id: str
    database: str | None
    table: str | None
    columns: list[ColumnShown]
    classification_details: dict[str, Any]


@router.route_for("GET", "/api/catalog", Permission.USE_APP)
def search_catalog(
    app: TheApp,
    person: SignedIn,
    q: Annotated[str, Query(max_length=512)] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> FoundList:
    """Searches names, descriptions and columns of what is published; says what matched and whether you have access."""
    found = catalog.search(app, person, q, limit)
    access = use_cases.access_of(app, person, [listing for listing, _ in found])
    owning = {p: catalog.owning_project(app, p) for p in {listing.project_id for listing, _ in found}}
    return FoundList(
        items=[
            Found(
                **_found(listing, owning[listing.project_id], access[listing.id]),
                matched=[Match(**m) for m in matched],
            )
            for listing, matched in found
        ]
    )


@router.route_for("GET", "/api/catalog/{listing_id}", Permission.USE_APP)
def get_listing(app: TheApp, person: SignedIn, listing_id: str) -> ListingShown:
    """A listing with its columns, its classification and whether you have access."""
    listing = catalog.get_listing(app, person, listing_id)
    access = use_cases.access_of(app, person, [listing])[listing.id]
    return ListingShown(
        **_found(listing, catalog.owning_project(app, listing.project_id), access),
        matched=[],
        asset_id=listing.asset_id,
        database=listing.database,
        table=listing.table,
        columns=[ColumnShown(name=c.name, type=c.type, description=c.description) for c in listing.columns],
        classification_details=listing.classification,
    )


@router.route_for("POST", "/api/requests/subscription", Permission.USE_APP, status_code=201)
def create_subscription_request(app: TheApp, person: SignedIn, body: SubscriptionRequest) -> RequestShown:
    """Asks for access. Policy grants it at once, or says who must agree."""
    request = use_cases.request_subscription(
        app, person, listing_id=body.listing_id, reason=body.reason, ends_on=body.ends_on, project_id=body.project_id
    )
    return shown(app, person, request)


def _found(listing: Listing, owning: OwningProject, access: str) -> dict[str, Any]:
    return {
        "listing_id": listing.id,
        "name": listing.name,
        "description": listing.description,
        "owning_project": owning.name,
        "domain_unit": owning.domain_unit,
        "classification": listing.level,
        "access": access,
    }
