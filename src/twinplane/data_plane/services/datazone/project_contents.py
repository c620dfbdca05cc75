"""What people have put into a project, and what others have of it: all that must go before the project can."""

from typing import TYPE_CHECKING

from twinplane.data_plane.services.datazone import (
    asset_filters,
    assets,
    data_products,
    data_source_store,
    fulfilment,
    glossaries,
    grants,
    lake_fulfilment,
    listings,
    notebook_runs,
    notebooks,
    notifications,
    search_index,
    subscriptions,
    time_series_points,
    types,
)
from twinplane.data_plane.store import Document, Kind, Transaction

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

_TYPES = {
    "MetaDataForms": (types.FORM_TYPES, "owningProjectId"),
    "AssetTypes": (types.ASSET_TYPES, "owningProjectId"),
}
_OWNED: dict[str, tuple[Kind, str]] = {
    "Glossaries": (glossaries.GLOSSARIES, "owningProjectId"),
    "Assets": (assets.ASSETS, "owningProjectId"),
    "DataProducts": (data_products.DATA_PRODUCTS, "owningProjectId"),
    "DataSources": (data_source_store.DATA_SOURCES, "projectId"),
}


def kinds_found(tx: Transaction, domain_id: str, project_id: str) -> list[str]:
    """The kinds of things the project has; none when it may be deleted without more ado."""
    found = [
        name
        for name, (kind, member) in (_TYPES | _OWNED).items()
        if tx.count(kind, {"domainId": domain_id, member: project_id})
    ]
    live = any(s["status"] == "APPROVED" for s in _of_both_sides(tx, fulfilment.SUBSCRIPTIONS, domain_id, project_id))
    return [*found, "Subscriptions"] if live else found


def end_subscriptions(tx: Transaction, plane: "Plane", domain_id: str, project_id: str) -> bool:
    """Has every subscription to and of the project undone; says whether all are.

    Raises `RuntimeError` when the permissions of one cannot be taken away.
    """
    done = True
    for subscription in _of_both_sides(tx, fulfilment.SUBSCRIPTIONS, domain_id, project_id):
        if subscription["status"] == "APPROVED":
            for scope in subscription["scopes"]:
                asset_filters.count_use(tx, domain_id, scope, -1)
            listings.count_subscription(tx, domain_id, subscription["listingId"], -1)
            status = "REVOKED" if subscription["ownerProjectId"] == project_id else "CANCELLED"
            tx.put(fulfilment.SUBSCRIPTIONS, subscription | {"status": status, "updatedAt": plane.clock()})
        stuck = [
            g["id"] for g in _grants(tx, subscription) if g["status"] in ("REVOKE_FAILED", "GRANT_AND_REVOKE_FAILED")
        ]
        if stuck:
            raise RuntimeError(f"The permissions of subscription grant {stuck[0]} cannot be revoked.")
        grants.end_grants(tx, plane, subscription)
        managed = [(a, g) for g in _grants(tx, subscription) for a in g["assets"] if a["assetId"] in g["managed"]]
        done = done and all(asset["status"] == "REVOKED" for asset, _ in managed)
    return done


def remove(tx: Transaction, domain_id: str, project_id: str) -> None:
    """Removes everything of the project; its subscriptions have ended before."""
    here = {"domainId": domain_id}
    for subscription in _of_both_sides(tx, fulfilment.SUBSCRIPTIONS, domain_id, project_id):
        for grant in _grants(tx, subscription):
            _remove_all(tx, lake_fulfilment.GRANTED, here | {"grantId": grant["id"]})
            tx.remove(fulfilment.GRANTS, domain_id, grant["id"])
        tx.remove(fulfilment.SUBSCRIPTIONS, domain_id, subscription["id"])
    for request in _of_both_sides(tx, subscriptions.REQUESTS, domain_id, project_id):
        if request["status"] == "PENDING":
            listings.count_subscription(tx, domain_id, request["listingId"], -1)
        tx.remove(subscriptions.REQUESTS, domain_id, request["id"])
        notifications.settle(tx, request)
    for source in tx.select(data_source_store.DATA_SOURCES, here | {"projectId": project_id}):
        for run in tx.select(data_source_store.RUNS, here | {"dataSourceId": source["id"]}):
            _remove_all(tx, data_source_store.ACTIVITIES, here | {"dataSourceRunId": run["id"]})
        _remove_all(tx, data_source_store.RUNS, here | {"dataSourceId": source["id"]})
        _remove_all(tx, data_source_store.IMPORTS, here | {"dataSourceId": source["id"]})
    for product in tx.select(data_products.DATA_PRODUCTS, here | {"owningProjectId": project_id}):
        listings.forget(tx, domain_id, product["id"], assets.DATA_PRODUCT)
        data_products.remove(tx, domain_id, product["id"])
    for asset in tx.select(assets.ASSETS, here | {"owningProjectId": project_id}):
        listings.forget(tx, domain_id, asset["id"], assets.ASSET)
        time_series_points.forget(tx, domain_id, asset["id"])
        _remove_all(tx, assets.REVISIONS, here | {"id": asset["id"]})
        _remove_all(tx, assets.FILTERS, here | {"assetId": asset["id"]})
        search_index.remove(tx, domain_id, "ASSET", asset["id"])
    for glossary in tx.select(glossaries.GLOSSARIES, here | {"owningProjectId": project_id}):
        for term in tx.select(glossaries.TERMS, here | {"glossaryId": glossary["id"]}):
            search_index.remove(tx, domain_id, "GLOSSARY_TERM", term["id"])
            tx.remove(glossaries.TERMS, domain_id, term["id"])
        search_index.remove(tx, domain_id, "GLOSSARY", glossary["id"])
    for kind in (*notebooks.KINDS, *notebook_runs.KINDS):
        _remove_all(tx, kind, here | {"owningProjectId": project_id})
    for kind, member in _OWNED.values():
        _remove_all(tx, kind, here | {member: project_id})
    types.remove_of_project(tx, domain_id, project_id)


def _of_both_sides(tx: Transaction, kind: Kind, domain_id: str, project_id: str) -> list[Document]:
    """Subscriptions, or requests for them, to what the project owns and by the project itself."""
    owned = tx.select(kind, {"domainId": domain_id, "ownerProjectId": project_id})
    return owned + tx.select(kind, {"domainId": domain_id, "subscriberKey": f"project:{project_id}"})


def _grants(tx: Transaction, subscription: Document) -> list[Document]:
    where = {"domainId": subscription["domainId"], "subscriptionId": subscription["id"]}
    return tx.select(fulfilment.GRANTS, where)


def _remove_all(tx: Transaction, kind: Kind, where: Document) -> None:
    for document in tx.select(kind, where):
        tx.remove(kind, *kind.key_of(document))
