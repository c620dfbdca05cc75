"""Credentials to the files of a table, a partition or a location: for who may read or change all that lies there."""

import json
from collections.abc import Iterable

import msgspec

from twinplane.data_plane import sessions
from twinplane.data_plane.call import Answer, Call, Request, ServiceError
from twinplane.data_plane.services.glue import store as glue
from twinplane.data_plane.services.lakeformation import access, names, places, store
from twinplane.data_plane.services.lakeformation.access import invalid
from twinplane.data_plane.services.lakeformation.rules import Rights, TableAccess, lies_in
from twinplane.data_plane.store import Document

_LEAST_SECONDS, _MOST_SECONDS = 900, 3600
_TRUSTED_CALLER = "LakeFormationAuthorizedCaller"  # the key of the session tag of engines that filter themselves
_ACTIONS = {
    "SELECT": ("s3:GetObject",), "INSERT": ("s3:PutObject", "s3:AbortMultipartUpload"), "DELETE": ("s3:DeleteObject",),
}  # fmt: skip


def get_data_lake_principal(call: Call, _request: Request) -> Answer:
    """As whom Lake Formation sees the caller: the person, else the role or user."""
    person = call.principal.on_behalf_of
    return {"Identity": call.principal.iam_arn if person is None else store.user_principal(person)}


def get_temporary_glue_table_credentials(call: Call, request: Request) -> Answer:
    """Credentials for a table's files, or for those under one path (`S3Path`) of it."""
    table = _table(call, request["TableArn"])
    permissions = _checked(call, table, request)
    place = _place_of(glue.table_location(table))
    if request.get("S3Path"):
        asked = _place_of(request["S3Path"])
        if not lies_in(asked, place):
            raise invalid("S3Path is not of this table")
        place = asked
    issued = _issue(call, [place], permissions, request.get("DurationSeconds"))
    return issued | {"VendedS3Path": [f"s3://{place.removeprefix('arn:aws:s3:::')}"]}


def get_temporary_glue_partition_credentials(call: Call, request: Request) -> Answer:
    """Credentials for the files of one partition of a table."""
    table = _table(call, request["TableArn"])
    permissions = _checked(call, table, request)
    key = msgspec.json.encode(request["Partition"]["Values"]).decode()
    partition = call.tx.find(glue.PARTITIONS, table["DatabaseName"], table["Name"], key)
    if partition is None:
        raise ServiceError("EntityNotFoundException", "Cannot find partition.")
    return _issue(call, [_place_of(glue.table_location(partition))], permissions, request.get("DurationSeconds"))


def _table(call: Call, arn: str) -> Document:
    """The table of an ARN, if it exists for the caller."""
    kind, _, path = arn.rpartition(":")[2].partition("/")
    database, _, name = path.partition("/")
    if kind != "table" or not (database and name):
        raise invalid("TableArn must be the ARN of an AWS Glue table")
    found = glue.find_table(call.tx, database, name)
    if found is None or not _rights(call, found).any:
        raise access.insufficient("Select", name)
    return found


def _rights(call: Call, table: Document) -> Rights:
    name = names.table(table["DatabaseName"], table["Name"])
    return store.rights(call.tx, access.principals(call), name, store.column_names(table))


def _checked(call: Call, table: Document, request: Request) -> tuple[str, ...]:
    """What is asked for, if the caller has it. Raises when she has not, or would have to filter and does not.

    Whoever reads a part only gets the files, also to write, only as an engine that is trusted to filter them.
    """
    asked = set(request.get("Permissions") or ["SELECT"])
    if "ALL" in asked:
        asked = set(_ACTIONS)
    if not asked <= set(_ACTIONS):
        raise invalid("Credentials are for SELECT, INSERT and DELETE")
    held = _rights(call, table)
    reading = held.access is not None and "SELECT" in asked
    missing = [p for p in sorted(asked) if p not in held.permissions and not (p == "SELECT" and reading)]
    if missing:
        raise access.insufficient(missing[0].title(), table["Name"])
    if held.access is not None and held.access.by_iam:
        raise _mismatch("Access to this table is IAM's to decide: read its files with credentials of your own")
    needed = _filters_needed(held, store.column_names(table))
    if not needed <= set(request.get("SupportedPermissionTypes") or ()):
        raise _mismatch("The table has row or column filters for this caller: its files cannot be read directly")
    known = store.settings(call.tx)
    if not (_is_trusted(call, known) or (known.get("AllowFullTableExternalDataAccess") and not needed)):
        raise access.insufficient("the setting that lets engines access data", table["Name"])
    return tuple(sorted(asked))


def check_engine_filters(call: Call, found: TableAccess, columns: Iterable[str], request: Request) -> None:
    """Raises unless the caller sees the whole table, or is an engine that is trusted to filter it and can.

    The request's `SupportedPermissionTypes` say what the engine can filter.
    """
    needed = _filters_needed(Rights(access=found), columns)
    if not needed <= set(request.get("SupportedPermissionTypes") or ()):
        raise _mismatch("The table has filters for this caller that the engine does not support")
    if needed and not _is_trusted(call, store.settings(call.tx)):
        raise access.insufficient("the setting that lets engines access data", "the table")


def _filters_needed(held: Rights, columns: Iterable[str]) -> set[str]:
    """Which kinds of filters an engine must apply so that the caller sees what she may, and no more."""
    found = held.access
    if found is None or found.is_whole(tuple(columns)):
        return set()
    hidden = {"COLUMN_PERMISSION"} if set(columns) - set(found.columns) else set()
    in_all_rows = len(found.slices) == 1 and found.slices[0].row_filter is None
    return hidden if in_all_rows else hidden | {"CELL_FILTER_PERMISSION"}


def _is_trusted(call: Call, known: Document) -> bool:
    """Whether the caller is an engine that the lake's administrators trust to filter for its users."""
    accounts = [p.get("DataLakePrincipalIdentifier") for p in known.get("ExternalDataFilteringAllowList") or ()]
    tag = dict(call.principal.session_tags).get(_TRUSTED_CALLER)
    trusted_tags = known.get("AuthorizedSessionTagValueList") or ()
    return bool(known.get("AllowExternalDataFiltering")) and call.account_id in accounts and tag in trusted_tags


def _mismatch(message: str) -> ServiceError:
    return ServiceError("PermissionTypeMismatchException", message)


def get_temporary_data_location_credentials(call: Call, request: Request) -> Answer:
    """Credentials for locations: for who may read all of every table that lies there (to write: do everything)."""
    asked = [_place_of(place) for place in request.get("DataLocations") or ()]
    if not asked:
        raise invalid("DataLocations is required")
    scope = request.get("CredentialsScope") or "READ"
    if not store.settings(call.tx).get("AllowFullTableExternalDataAccess"):
        raise access.insufficient("the setting that lets engines access data", asked[0])
    for place in asked:
        tables = [found for found in places.touching(call.tx, place) if found[1]]
        if not tables or not all(_has_all(call, *found, writing=scope == "READWRITE") for found in tables):
            raise access.insufficient("Super" if scope == "READWRITE" else "Select", place)
    permissions = tuple(_ACTIONS) if scope == "READWRITE" else ("SELECT",)
    issued = _issue(call, asked, permissions, request.get("DurationSeconds"))
    locations = [f"s3://{place.removeprefix('arn:aws:s3:::')}" for place in asked]
    return {"Credentials": issued, "AccessibleDataLocations": locations, "CredentialsScope": scope}


def _has_all(call: Call, database: str, table: str, *, writing: bool) -> bool:
    found = glue.find_table(call.tx, database, table)
    held = Rights() if found is None else _rights(call, found)
    by_iam = held.access is not None and held.access.by_iam
    return not by_iam and ("ALL" if writing else "SELECT") in held.permissions


def _place_of(location: str | None) -> str:
    """The ARN of where a table, partition or request says that data lies."""
    if not location:
        raise invalid("There is no location in Amazon S3")
    place = location.rstrip("/") if location.startswith("arn:aws:s3:::") else places.arn_of(location)
    if place in ("arn:aws:s3:::", "arn:aws:s3::"):
        raise invalid("There is no location in Amazon S3")
    return place


def _issue(call: Call, asked: list[str], permissions: tuple[str, ...], seconds: int | None) -> Answer:
    """Credentials of the role that the locations are registered with, for these places only.

    They last an hour at most (AWS: twelve), as nothing takes them back when the grant ends. Those of a project's
    session end with the membership, as that session does.
    """
    registered = [store.registered_location(call.tx, place) for place in asked]
    roles = {found.get("RoleArn") for found in registered if found is not None}
    if None in registered or None in roles or len(roles) != 1:
        raise invalid("The location is not registered with a role, or its parts are with different ones")
    [role] = roles
    return sessions.issue(
        call.plane, role_arn=str(role), session_name="LakeFormation", session_policy=_policy(asked, permissions),
        now=call.now, duration_seconds=min(max(int(seconds or _MOST_SECONDS), _LEAST_SECONDS), _MOST_SECONDS),
        on_behalf_of=call.principal.on_behalf_of, project=call.principal.project,
        source_identity=call.principal.source_identity,
    )  # fmt: skip


def _policy(asked: list[str], permissions: tuple[str, ...]) -> str:
    """The session policy of who may use what lies under these places so, and nothing else.

    Names of files tell of rows (of partitions), so whoever only writes does not list them. A location is text of
    whoever made the table: what IAM would read as a wildcard or a variable is a character here.
    """
    statements: list[Document] = []
    for arn in asked:
        place = "".join(_ESCAPED.get(character, character) for character in arn)
        bucket, _, prefix = place.partition("/")
        actions = [action for permission in permissions for action in _ACTIONS[permission]]
        statements.append({"Effect": "Allow", "Action": actions, "Resource": f"{place}/*"})
        if "SELECT" in permissions:
            under = [f"{prefix}/*", f"{prefix}/"] if prefix else ["*"]
            listing: Document = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": bucket}
            statements.append(listing | {"Condition": {"StringLike": {"s3:prefix": under}}})
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


_ESCAPED = {"*": "${*}", "?": "${?}", "$": "${$}"}
