"""Whose rows a caller may change: Lake Formation's say on a table, before anything of it is told."""

from dataclasses import dataclass

from twinplane.data_plane.call import Call
from twinplane.data_plane.services.athena.planning import Refused
from twinplane.data_plane.services.glue import store as glue_store
from twinplane.data_plane.services.lakeformation import names
from twinplane.data_plane.services.lakeformation import store as lakeformation
from twinplane.data_plane.services.lakeformation.names import IAM_ALLOWED_PRINCIPALS
from twinplane.data_plane.store import Document
from twinplane.engines.sql.plan import QueryError, TableName


@dataclass(frozen=True, slots=True)
class Writable:
    """A table that the caller may change. `governed`: by grants of Lake Formation, not because it leaves it to IAM."""

    table: Document
    governed: bool


class NotWritable(Refused):
    """The caller may not change the table, or there is none of that name: alike for both."""

    def __init__(self, name: TableName, permission: str) -> None:
        super().__init__(name)
        what = f"{permission.replace('_', ' ').title()} on {name.database}.{name.table}"
        self.message = f"Insufficient Lake Formation permission(s): Required {what}"


def table(call: Call, name: TableName, *needed: str) -> Writable:
    """The table, or the one that the link of that name points to, if the caller has these permissions on all of it.

    Whoever may read some rows or columns only may not write: what she wrote, or that it was refused, would tell of the
    others. Raises `NotWritable`, `QueryError`.
    """
    found = glue_store.find_table(call.tx, name.database, name.table)
    if found is not None and found.get("TargetTable"):
        link = found["TargetTable"]
        found = glue_store.find_table(call.tx, link["DatabaseName"], link["Name"])
    if found is None:
        raise NotWritable(name, needed[0])
    who = lakeformation.lake_principals(call.tx, call.principal, call.account_id)
    resource = names.table(found["DatabaseName"], found["Name"])
    access = lakeformation.table_access(call.tx, who, found)
    for permission in needed:
        granted = (
            access is not None if permission == "SELECT" else lakeformation.may(call.tx, who, resource, permission)
        )
        if not granted:
            raise NotWritable(name, permission)
    if access is not None and not access.is_whole(lakeformation.column_names(found)):
        raise QueryError(
            "PERMISSION_DENIED", f"{name.database}.{name.table} has filters for you: it can be read, not changed"
        )
    everybody = frozenset({IAM_ALLOWED_PRINCIPALS})
    by_iam = any(lakeformation.may(call.tx, everybody, resource, p) for p in needed if p != "SELECT")
    call.resources.append(
        {
            "ARN": f"arn:aws:glue:{call.region}:{call.account_id}:table/{found['DatabaseName']}/{found['Name']}",
            "type": "AWS::Glue::Table",
        }
    )
    return Writable(found, not by_iam)
