"""The operations of DataZone, joined from one file for each kind of resource."""

from types import ModuleType

from twinplane.data_plane.call import Operation
from twinplane.data_plane.services.datazone import (
    asset_filters,
    assets,
    blueprints,
    connections,
    data_products,
    data_source_runs,
    data_source_schedules,
    data_sources,
    designations,
    documented_errors,
    domain_units,
    domains,
    environment_roles,
    environments,
    fulfilment,
    glossaries,
    grants,
    graph_queries,
    job_runs,
    lineage,
    listings,
    memberships,
    metadata_rules,
    notebook_runs,
    notebooks,
    notifications,
    people,
    policies,
    product_updates,
    project_profiles,
    projects,
    provisioning,
    rights,
    search,
    search_types,
    search_upkeep,
    store,
    subscription_targets,
    subscriptions,
    time_series,
    types,
)
from twinplane.data_plane.store import Kind
from twinplane.data_plane.tasks import TaskKind

RESOURCES: list[ModuleType] = [
    asset_filters,
    assets,
    blueprints,
    connections,
    data_products,
    data_source_runs,
    data_source_schedules,
    data_sources,
    designations,
    domain_units,
    domains,
    environment_roles,
    environments,
    fulfilment,
    glossaries,
    grants,
    graph_queries,
    job_runs,
    lineage,
    listings,
    memberships,
    metadata_rules,
    notebook_runs,
    notebooks,
    notifications,
    people,
    policies,
    product_updates,
    project_profiles,
    projects,
    provisioning,
    search,
    search_types,
    search_upkeep,
    subscription_targets,
    subscriptions,
    time_series,
    types,
]

OPERATIONS: dict[str, Operation] = {}
KINDS: list[Kind] = [*store.KINDS]
TASKS: dict[str, TaskKind] = {}

for _resource in RESOURCES:
    for _name, _operation in getattr(_resource, "OPERATIONS", {}).items():
        OPERATIONS[_name] = documented_errors.documented(_operation)
    KINDS += getattr(_resource, "KINDS", [])
    TASKS |= getattr(_resource, "TASKS", {})

if _without := OPERATIONS.keys() - rights.RIGHTS.keys():
    raise RuntimeError(f"rights.RIGHTS must say who may run: {', '.join(sorted(_without))}")
