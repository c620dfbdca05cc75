"""What Athena keeps: work groups, and what is in them: query executions, named queries, prepared statements."""

from typing import Any

from twinplane.data_plane.store import Document, Kind, Transaction

WORK_GROUPS = Kind("athena_work_group", key=("Name",))
EXECUTIONS = Kind(
    "athena_execution", key=("QueryExecutionId",), columns=("work_group", "owner", "submitted_at", "token"),
    unique=(("owner", "token"),), indexes=(("work_group", "owner", "submitted_at"),),
)  # fmt: skip

NAMED_QUERIES = Kind("athena_named_query", key=("NamedQueryId",), indexes=(("WorkGroup", "NamedQueryId"),))
PREPARED_STATEMENTS = Kind("athena_prepared_statement", key=("WorkGroupName", "StatementName"))

KINDS = [WORK_GROUPS, EXECUTIONS, NAMED_QUERIES, PREPARED_STATEMENTS]

PRIMARY = "primary"  # the work group that is always there

ENGINE_VERSION = {"SelectedEngineVersion": "AUTO", "EffectiveEngineVersion": "Athena engine version 3"}


def create_work_group(
    tx: Transaction,
    *,
    name: str,
    output_location: str | None,
    identity_center: bool,
    tags: dict[str, str] | None = None,
    now: float,
    description: str = "",
    configuration: Document | None = None,
) -> Document:
    """Creates a work group whose results go to `output_location` (an s3:// prefix). Raises `AlreadyExists`.

    With `identity_center`, each person's results lie under a prefix of her own.
    """
    settings: dict[str, Any] = {
        "EnforceWorkGroupConfiguration": True, "PublishCloudWatchMetricsEnabled": False,
        "RequesterPaysEnabled": False, "EngineVersion": ENGINE_VERSION,
    } | (configuration or {})  # fmt: skip
    if output_location is not None:
        settings["ResultConfiguration"] = {
            **(settings.get("ResultConfiguration") or {}), "OutputLocation": output_location,
        }  # fmt: skip
    if identity_center:
        settings["IdentityCenterConfiguration"] = {
            **(settings.get("IdentityCenterConfiguration") or {}), "EnableIdentityCenter": True,
        }  # fmt: skip
        settings.setdefault(
            "QueryResultsS3AccessGrantsConfiguration",
            {"EnableS3AccessGrants": True, "CreateUserLevelPrefix": True, "AuthenticationType": "DIRECTORY_IDENTITY"},
        )
    return tx.add(
        WORK_GROUPS,
        {
            "Name": name, "State": "ENABLED", "Description": description, "CreationTime": now,
            "Configuration": settings, "Tags": dict(tags or {}),
        },
    )  # fmt: skip


def find_work_group(tx: Transaction, name: str) -> Document | None:
    return tx.find(WORK_GROUPS, name)


def remove_work_group(tx: Transaction, name: str) -> bool:
    """Removes a work group and what is in it; says whether there was one."""
    for kind, where in _contents(name):
        for document in tx.select(kind, where):
            tx.remove(kind, *kind.key_of(document))
    return tx.remove(WORK_GROUPS, name)


def is_empty(tx: Transaction, name: str) -> bool:
    """Whether nothing is in a work group."""
    return all(tx.first(kind, where) is None for kind, where in _contents(name))


def _contents(name: str) -> list[tuple[Kind, Document]]:
    return [
        (EXECUTIONS, {"work_group": name}), (NAMED_QUERIES, {"WorkGroup": name}),
        (PREPARED_STATEMENTS, {"WorkGroupName": name}),
    ]  # fmt: skip
