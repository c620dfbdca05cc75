"""Registered locations, the lake's settings, and its Identity Center configuration."""

import json
import operator
from collections.abc import Callable
from typing import Any

from twinplane.data_plane import sessions
from twinplane.data_plane.call import Answer, Call, Request, ServiceError
from twinplane.data_plane.services.glue import store as glue
from twinplane.data_plane.services.iam.rules import require_pass_role
from twinplane.data_plane.services.identitystore import store as identitystore
from twinplane.data_plane.services.lakeformation import access, store
from twinplane.data_plane.services.lakeformation.grants import check_catalog, invalid
from twinplane.data_plane.services.lakeformation.paging import listing
from twinplane.data_plane.store import Document

_LEAST_SECONDS, _MOST_SECONDS = 900, 3600


def get_data_lake_settings(call: Call, request: Request) -> Answer:
    """Who administers the lake, and what new databases and tables start with."""
    check_catalog(call, request.get("CatalogId"))
    return {"DataLakeSettings": store.settings(call.tx)}


def put_data_lake_settings(call: Call, request: Request) -> Answer:
    """Replaces the settings. Whom IAM allows this may name the administrators, as on AWS."""
    check_catalog(call, request.get("CatalogId"))
    call.tx.put(store.SETTINGS, {"id": "settings", **store.default_settings(), **request["DataLakeSettings"]})
    return {}


def register_resource(call: Call, request: Request) -> Answer:
    """Puts an S3 location under Lake Formation's care."""
    access.check_admin(call, "catalog")
    arn = request["ResourceArn"].rstrip("/")
    if not arn.startswith("arn:aws:s3:::"):
        raise invalid("ResourceArn must be the ARN of an Amazon S3 location")
    require_pass_role(call, request.get("RoleArn"), "lakeformation.amazonaws.com")
    if call.tx.find(store.LOCATIONS, arn) is not None:
        raise ServiceError("AlreadyExistsException", "Resource is already registered")
    store.register_location(
        call.tx, arn, request.get("RoleArn"), now=call.now, hybrid=bool(request.get("HybridAccessEnabled"))
    )  # fmt: skip
    return {}


def deregister_resource(call: Call, request: Request) -> Answer:
    """Takes an S3 location out of Lake Formation's care."""
    access.check_admin(call, "catalog")
    if not call.tx.remove(store.LOCATIONS, request["ResourceArn"].rstrip("/")):
        raise _not_registered()
    return {}


def _not_registered() -> ServiceError:
    return ServiceError("EntityNotFoundException", "Entity not found")


def describe_resource(call: Call, request: Request) -> Answer:
    """One registered location."""
    found = call.tx.find(store.LOCATIONS, request["ResourceArn"].rstrip("/"))
    if found is None:
        raise _not_registered()
    return {"ResourceInfo": found}


def list_resources(call: Call, request: Request) -> Answer:
    """The registered locations."""
    conditions = [_condition(c) for c in request.get("FilterConditionList") or ()]

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        rows = call.tx.select(store.LOCATIONS, after=after)
        return [r for r in rows if all(holds(r) for holds in conditions)][:limit]

    rows, token = listing(call, request, fetch, lambda r: [r["ResourceArn"]])
    return {"ResourceInfoList": rows, "NextToken": token}


_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "EQ": operator.eq,
    "NE": operator.ne,
    "CONTAINS": operator.contains,
    "NOT_CONTAINS": lambda a, b: b not in a,
    "BEGINS_WITH": str.startswith,
}


def _condition(condition: Document) -> Callable[[Document], bool]:
    member = {"RESOURCE_ARN": "ResourceArn", "ROLE_ARN": "RoleArn"}.get(condition.get("Field") or "")
    operator_name = condition.get("ComparisonOperator") or "EQ"
    values = condition.get("StringValueList") or []
    if member is None or not (operator_name in _COMPARISONS or operator_name == "IN") or not values:
        raise invalid("This filter condition is not served")
    if operator_name == "IN":
        return lambda row: row.get(member) in values
    compare = _COMPARISONS[operator_name]
    return lambda row: compare(str(row.get(member) or ""), values[0])


def create_lake_formation_identity_center_configuration(call: Call, request: Request) -> Answer:
    """Lets people and groups of IAM Identity Center be principals of grants."""
    check_catalog(call, request.get("CatalogId"))
    access.check_admin(call, "catalog")
    if call.tx.find(store.IDENTITY_CENTER, "configuration") is not None:
        raise ServiceError("AlreadyExistsException", "Lake Formation Identity Center configuration already exists")
    instance = request.get("InstanceArn") or ""
    if instance != identitystore.instance_arn(call.plane):
        raise invalid("InstanceArn is not an IAM Identity Center instance of this account")
    number = call.plane.keys.derive("lake formation application").hex()[:16]
    arn = f"arn:aws:sso::{call.account_id}:application/{instance.rpartition('/')[2]}/apl-{number}"
    kept = {k: v for k, v in request.items() if k in ("ExternalFiltering", "ShareRecipients", "ServiceIntegrations")}
    call.tx.put(
        store.IDENTITY_CENTER, {"id": "configuration", "InstanceArn": instance, "ApplicationArn": arn, **kept}
    )  # fmt: skip
    return {"ApplicationArn": arn}


def describe_lake_formation_identity_center_configuration(call: Call, request: Request) -> Answer:
    """The Identity Center configuration."""
    check_catalog(call, request.get("CatalogId"))
    found = call.tx.find(store.IDENTITY_CENTER, "configuration")
    if found is None:
        raise _no_identity_center()
    return {"CatalogId": call.account_id} | {k: v for k, v in found.items() if k != "id"}


def delete_lake_formation_identity_center_configuration(call: Call, request: Request) -> Answer:
    """Removes the Identity Center configuration."""
    check_catalog(call, request.get("CatalogId"))
    access.check_admin(call, "catalog")
    if not call.tx.remove(store.IDENTITY_CENTER, "configuration"):
        raise _no_identity_center()
    return {}


def _no_identity_center() -> ServiceError:
    return ServiceError("EntityNotFoundException", "Lake Formation Identity Center configuration not found")


def get_data_lake_principal(call: Call, _request: Request) -> Answer:
    """As whom Lake Formation sees the caller: the person, else the role or user."""
    person = call.principal.on_behalf_of
    return {"Identity": call.principal.iam_arn if person is None else store.user_principal(person)}


def get_temporary_glue_table_credentials(call: Call, request: Request) -> Answer:
    """Credentials to read a table's files; only where the caller may read every column of every row.

    They last an hour at most (AWS: twelve), as nothing takes them back when the grant ends. Those of a project's
    session end with the membership, as that session does.
    """
    database, name = _table_of(request["TableArn"])
    table = glue.find_table(call.tx, database, name)
    allowed = None if table is None else store.table_access(call.tx, access.principals(call), table)
    if table is None or allowed is None:
        raise access.insufficient("Select", name)
    if set(request.get("Permissions") or ["SELECT"]) != {"SELECT"}:
        raise invalid("Only SELECT credentials are served")
    if allowed.by_iam or not allowed.is_whole(store.column_names(table)):
        message = "The table has row or column filters for this caller: its files cannot be read directly"
        raise ServiceError("PermissionTypeMismatchException", message)
    location = (glue.table_location(table) or "").partition("://")[2].rstrip("/")
    registered = store.registered_location(call.tx, f"arn:aws:s3:::{location}")
    if not location or registered is None or not registered.get("RoleArn"):
        raise invalid("The table's location is not registered with a role")
    seconds = min(max(int(request.get("DurationSeconds") or _MOST_SECONDS), _LEAST_SECONDS), _MOST_SECONDS)
    issued = sessions.issue(
        call.plane, role_arn=registered["RoleArn"], session_name="LakeFormation", session_policy=_reading(location),
        now=call.now, duration_seconds=seconds, on_behalf_of=call.principal.on_behalf_of,
        project=call.principal.project, source_identity=call.principal.source_identity,
    )  # fmt: skip
    return issued | {"VendedS3Path": [f"s3://{location}"]}


def _reading(location: str) -> str:
    """The session policy of who may read what lies under a location (bucket/prefix), and nothing else.

    A location is text of whoever made the table: what IAM would read as a wildcard or a variable is a character here.
    """
    place = "".join(_ESCAPED.get(character, character) for character in location)
    bucket, _, prefix = place.partition("/")
    statements = [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{place}/*"},
        {
            "Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}",
            "Condition": {"StringLike": {"s3:prefix": [f"{prefix}/*", f"{prefix}/"]}},
        },
    ]  # fmt: skip
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


_ESCAPED = {"*": "${*}", "?": "${?}", "$": "${$}"}


def _table_of(arn: str) -> tuple[str, str]:
    kind, _, path = arn.rpartition(":")[2].partition("/")
    database, _, table = path.partition("/")
    if kind != "table" or not (database and table):
        raise invalid("TableArn must be the ARN of an AWS Glue table")
    return database, table
