"""What DataZone's documents name, and whether its search index holds what it should."""

from collections.abc import Callable, Iterator

from twinplane.data_plane.findings import REPAIR, Examination
from twinplane.data_plane.references import Reference
from twinplane.data_plane.services.datazone import notebook_runs, notebooks, operations
from twinplane.data_plane.services.datazone.assets import (
    ASSETS,
    DATA_PRODUCT,
    LISTING_REVISIONS,
    LISTINGS,
    PRODUCT_ITEMS,
    REVISIONS,
)
from twinplane.data_plane.services.datazone.assets import FILTERS as ASSET_FILTERS
from twinplane.data_plane.services.datazone.data_products import DATA_PRODUCTS, PRODUCT_REVISIONS
from twinplane.data_plane.services.datazone.data_source_store import ACTIVITIES, DATA_SOURCES, IMPORTS, RUNS
from twinplane.data_plane.services.datazone.fulfilment import GRANTS, SUBSCRIPTIONS
from twinplane.data_plane.services.datazone.glossaries import GLOSSARIES, TERMS
from twinplane.data_plane.services.datazone.job_runs import JOB_RUNS
from twinplane.data_plane.services.datazone.lake_fulfilment import GRANTED
from twinplane.data_plane.services.datazone.lineage import EVENTS, TEXTS
from twinplane.data_plane.services.datazone.lineage_graph import EDGES, NODES, VERSIONS
from twinplane.data_plane.services.datazone.notifications import NOTIFICATIONS
from twinplane.data_plane.services.datazone.store import (
    CONNECTIONS,
    DOMAIN_UNITS,
    DOMAINS,
    ENVIRONMENTS,
    MEMBERSHIPS,
    PROJECT_PROFILES,
    PROJECTS,
    USER_PROFILES,
)
from twinplane.data_plane.services.datazone.subscription_targets import TARGETS
from twinplane.data_plane.services.datazone.subscriptions import REQUESTS
from twinplane.data_plane.services.datazone.time_series_points import LATEST, POINTS
from twinplane.data_plane.store import Document, Kind


def _person(membership: Document) -> Iterator[tuple[str, ...]]:
    """The profile of a member who is a person or a role; groups are the identity store's."""
    if membership["memberType"] == "user":
        yield (membership["domainId"], membership["memberId"])


def _listed_asset(listing: Document) -> Iterator[tuple[str, ...]]:
    if listing["entityType"] != DATA_PRODUCT:
        yield (listing["domainId"], listing["entityId"])


def _listed_product(listing: Document) -> Iterator[tuple[str, ...]]:
    if listing["entityType"] == DATA_PRODUCT:
        yield (listing["domainId"], listing["entityId"])


def _within(kind: Kind, member: str, to: Kind) -> Reference:
    """A member that holds the id of something of the same domain."""
    return Reference(kind, to, ("domainId", member))


REFERENCES = [
    *(Reference(kind, DOMAINS, ("domainId",)) for kind in operations.KINDS if "domainId" in kind.key),
    _within(DOMAIN_UNITS, "parentDomainUnitId", DOMAIN_UNITS),
    _within(PROJECTS, "domainUnitId", DOMAIN_UNITS),
    _within(PROJECTS, "projectProfileId", PROJECT_PROFILES),
    _within(MEMBERSHIPS, "projectId", PROJECTS),
    Reference(MEMBERSHIPS, USER_PROFILES, _person),
    _within(ENVIRONMENTS, "projectId", PROJECTS),
    _within(CONNECTIONS, "projectId", PROJECTS),
    _within(CONNECTIONS, "environmentId", ENVIRONMENTS),
    _within(JOB_RUNS, "jobId", CONNECTIONS),
    _within(TARGETS, "environmentId", ENVIRONMENTS),
    *(_within(kind, "owningProjectId", PROJECTS) for kind in (*notebooks.KINDS, *notebook_runs.KINDS)),
    _within(ASSETS, "owningProjectId", PROJECTS),
    _within(REVISIONS, "id", ASSETS),
    _within(ASSET_FILTERS, "assetId", ASSETS),
    _within(POINTS, "assetId", ASSETS),
    Reference(POINTS, LATEST, ("domainId", "assetId", "formName")),
    Reference(LATEST, POINTS, ("domainId", "assetId", "formName", "timestamp", "id")),
    Reference(LISTINGS, ASSETS, _listed_asset),
    Reference(LISTINGS, DATA_PRODUCTS, _listed_product),
    _within(DATA_PRODUCTS, "owningProjectId", PROJECTS),
    _within(PRODUCT_REVISIONS, "id", DATA_PRODUCTS),
    _within(PRODUCT_ITEMS, "productId", DATA_PRODUCTS),
    _within(PRODUCT_ITEMS, "assetId", ASSETS),
    _within(LISTING_REVISIONS, "id", LISTINGS),
    _within(NOTIFICATIONS, "projectId", PROJECTS),
    _within(EVENTS, "id", TEXTS),
    _within(TEXTS, "id", EVENTS),
    _within(VERSIONS, "eventId", EVENTS),
    _within(VERSIONS, "nodeId", NODES),
    _within(EDGES, "eventId", EVENTS),
    _within(EDGES, "nodeId", NODES),
    _within(EDGES, "otherId", NODES),
    _within(GLOSSARIES, "owningProjectId", PROJECTS),
    _within(TERMS, "glossaryId", GLOSSARIES),
    _within(DATA_SOURCES, "projectId", PROJECTS),
    _within(RUNS, "dataSourceId", DATA_SOURCES),
    _within(ACTIVITIES, "dataSourceRunId", RUNS),
    _within(IMPORTS, "dataSourceId", DATA_SOURCES),
    _within(GRANTS, "subscriptionId", SUBSCRIPTIONS),
    _within(GRANTED, "grantId", GRANTS),
    _within(SUBSCRIPTIONS, "subscriptionRequestId", REQUESTS),
    _within(SUBSCRIPTIONS, "ownerProjectId", PROJECTS),
    _within(REQUESTS, "ownerProjectId", PROJECTS),
]

_SEARCHED = {
    "ASSET": ASSETS,
    "DATA_PRODUCT": DATA_PRODUCTS,
    "LISTING": LISTINGS,
    "GLOSSARY": GLOSSARIES,
    "GLOSSARY_TERM": TERMS,
}


def search_finds_what_is_there(examination: Examination) -> None:
    """Every entry of the search index is of something, and has its text; nothing else is in the index."""
    if not examination.has_table("datazone_search_entry"):
        return
    for scope, kind in _SEARCHED.items():
        sql = (
            f'SELECT e.number, e.id FROM datazone_search_entry e LEFT JOIN "{kind.name}" d '  # noqa: S608 - our names
            "ON d.domainId = e.domain AND d.id = e.id WHERE e.scope = ? AND d.id IS NULL"
        )
        for number, identifier in examination.rows(sql, scope):
            text = "the search index has entries of what is gone"
            examination.found("error", text, REPAIR, f"{scope} {identifier}", _forget(examination, number))
    sql = (
        "SELECT DISTINCT number FROM datazone_search_value "
        "WHERE number NOT IN (SELECT number FROM datazone_search_entry)"
    )
    for (number,) in examination.rows(sql):
        text = "the search index has values of no entry"
        examination.found("error", text, REPAIR, f"number {number}", _forget(examination, number))
    sql = (
        "SELECT s.domain, s.scope, c.attribute FROM datazone_search_count c "
        "JOIN datazone_search_space s ON s.number = c.space WHERE c.n <> CASE c.attribute WHEN '' THEN "
        "(SELECT count(*) FROM datazone_search_entry e WHERE e.domain = s.domain AND e.scope = s.scope) ELSE "
        "(SELECT count(*) FROM datazone_search_value v WHERE v.space = c.space AND v.attribute = c.attribute "
        "AND v.value = c.value) END"
    )
    for domain, scope, attribute in examination.rows(sql):
        text = "the search index counts wrongly: totals and facets of searches are off"
        examination.found("error", text, "Report it", f"{scope} {attribute} of {domain}")
    sql = "SELECT id FROM datazone_search_entry WHERE number NOT IN (SELECT id FROM datazone_search_text_docsize)"
    for (identifier,) in examination.rows(sql):
        advice = "Update its description: that indexes it again"
        examination.found("error", "entries of the search index have no text: they are not found", advice, identifier)


def _forget(examination: Examination, number: int) -> Callable[[], None]:
    def forget() -> None:
        examination.rows("DELETE FROM datazone_search_text WHERE rowid = ?", number)
        examination.rows("DELETE FROM datazone_search_value WHERE number = ?", number)
        examination.rows("DELETE FROM datazone_search_entry WHERE number = ?", number)

    return forget


CHECKS = [search_finds_what_is_there]
