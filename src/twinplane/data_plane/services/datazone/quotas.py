"""How many there may be of what: the quotas that AWS documents for Amazon DataZone.

The source of the numbers is the page "Quotas for Amazon DataZone" of AWS's user guide (datazone-limits). What has no
number there has no quota here. Counting takes the same time however many there are: from counters that the search index
keeps, or from an index that holds no more than the quota.
"""

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.services.datazone import search_index, store
from twinplane.data_plane.store import Transaction

ASSETS = "assets in a domain"
ASSET_FILTERS = "filters of an asset"
ASSET_TYPES = "asset types in a domain"
DATA_PRODUCTS = "data products in a domain"
DATA_SOURCE_RUNS = "runs of a data source in a day"
DOMAIN_UNITS = "domain units in a domain"
ENVIRONMENTS = "environments in a domain"
GLOSSARIES = "glossaries in a domain"
GRANTS = "grants of a policy on an entity"
SUBSCRIPTION_FILTERS = "filters of a subscription"
TERMS = "glossary terms in a domain"
UNIT_LEVELS = "levels of domain units"
UNIT_OWNERS = "owners of a domain unit"

QUOTAS = {
    ASSETS: 1_000_000,
    ASSET_FILTERS: 100,
    ASSET_TYPES: 1_000,
    DATA_PRODUCTS: 500_000,
    DATA_SOURCE_RUNS: 25,
    DOMAIN_UNITS: 500,
    ENVIRONMENTS: 500,
    GLOSSARIES: 1_000,
    GRANTS: 20,
    SUBSCRIPTION_FILTERS: 5,
    TERMS: 10_000,
    UNIT_LEVELS: 5,
    UNIT_OWNERS: 20,  # of AWS's model
}
_SCOPES = {
    ASSETS: "ASSET", ASSET_TYPES: "ASSET_TYPE", DATA_PRODUCTS: "DATA_PRODUCT", GLOSSARIES: "GLOSSARY",
    TERMS: "GLOSSARY_TERM",
}  # fmt: skip
_KINDS = {DOMAIN_UNITS: store.DOMAIN_UNITS, ENVIRONMENTS: store.ENVIRONMENTS}


def exceeded(what: str) -> ServiceError:
    """The error for one more than there may be."""
    return ServiceError("ServiceQuotaExceededException", f"There may be at most {QUOTAS[what]} {what}.")


def check(what: str, held: int) -> None:
    """There may be one more than are held. Raises ServiceQuotaExceededException."""
    if held >= QUOTAS[what]:
        raise exceeded(what)


def check_domain(tx: Transaction, what: str, domain_id: str) -> None:
    """There may be one more in the domain. Raises ServiceQuotaExceededException."""
    if what in _SCOPES:
        check(what, search_index.counted(tx, search_index.space_of(tx, domain_id, _SCOPES[what])))
    else:
        check(what, tx.count(_KINDS[what], {"domainId": domain_id}))
