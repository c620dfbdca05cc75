"""Reading Lake Formation: the proof that a grant is there, or gone."""

from typing import Any

from twinplane.control_plane.aws import Clients


def person_principal(user_id: str) -> str:
    """How Lake Formation names a person of the identity store."""
    return f"arn:aws:identitystore:::user/{user_id}"


def may_select(clients: Clients, principal: str, database: str, table: str) -> bool:
    """Whether the principal holds SELECT on the table, or on some of its rows or columns."""
    request: dict[str, Any] = {"Principal": {"DataLakePrincipalIdentifier": principal}}
    while True:
        answer = clients.client("lakeformation").list_permissions(**request)
        for permission in answer["PrincipalResourcePermissions"]:
            if "SELECT" in permission["Permissions"] and _table_of(permission["Resource"]) == (database, table):
                return True
        if not answer.get("NextToken"):
            return False
        request["NextToken"] = answer["NextToken"]


def _table_of(resource: dict[str, Any]) -> tuple[str, str] | None:
    if "DataCellsFilter" in resource:
        return resource["DataCellsFilter"]["DatabaseName"], resource["DataCellsFilter"]["TableName"]
    for kind in ("Table", "TableWithColumns"):
        if kind in resource and "Name" in resource[kind]:
            return resource[kind]["DatabaseName"], resource[kind]["Name"]
    return None
