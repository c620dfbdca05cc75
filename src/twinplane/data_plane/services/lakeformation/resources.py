"""Registered locations, and the lake's settings."""

import operator
from collections.abc import Callable, Iterable
from typing import Any

from twinplane.data_plane.call import Answer, Call, Request, ServiceError
from twinplane.data_plane.services.iam import store as iam_store
from twinplane.data_plane.services.iam.rules import require_pass_role
from twinplane.data_plane.services.lakeformation import access, names, records, store
from twinplane.data_plane.services.lakeformation.access import check_catalog, invalid
from twinplane.data_plane.services.lakeformation.names import IAM_ALLOWED_PRINCIPALS
from twinplane.data_plane.services.lakeformation.paging import listing
from twinplane.data_plane.store import Document

_ADMINISTRATORS = ("arn:aws:iam::", "arn:aws:sts::")
_PARAMETERS = {
    "CROSS_ACCOUNT_VERSION": ("1", "2", "3", "4", "5"), "SET_SOURCE_IDENTITY": ("TRUE", "FALSE"),
    "SET_CONTEXT": ("TRUE", "FALSE"),
}  # fmt: skip
_LINKED_ROLE, _LINKED_PATH = (
    "AWSServiceRoleForLakeFormationDataAccess",
    "/aws-service-role/lakeformation.amazonaws.com/",
)


def get_data_lake_settings(call: Call, request: Request) -> Answer:
    """Who administers the lake, and what new databases and tables start with."""
    check_catalog(call, request.get("CatalogId"))
    return {"DataLakeSettings": store.settings(call.tx)}


def put_data_lake_settings(call: Call, request: Request) -> Answer:
    """Replaces the settings. Whom IAM allows this may name the administrators, as on AWS."""
    check_catalog(call, request.get("CatalogId"))
    given = {member: value for member, value in request["DataLakeSettings"].items() if value is not None}
    for member in ("DataLakeAdmins", "ReadOnlyAdmins"):
        for principal in given.get(member) or ():
            if not str(principal.get("DataLakePrincipalIdentifier")).startswith(_ADMINISTRATORS):
                raise invalid(f"{member} are IAM users and roles")
    for member in ("CreateDatabaseDefaultPermissions", "CreateTableDefaultPermissions"):
        _check_defaults(member, given.get(member) or [])
    for name, value in (given.get("Parameters") or {}).items():
        if value.upper() not in _PARAMETERS.get(name, ()):
            raise invalid(f"Parameter {name} cannot be {value}")
    call.tx.put(store.SETTINGS, {"id": "settings", **store.default_settings(), **given})
    return {}


def _check_defaults(member: str, defaults: list[Document]) -> None:
    """Everything to IAMAllowedPrincipals is the only default permission there can be."""
    everything = {"Principal": {"DataLakePrincipalIdentifier": IAM_ALLOWED_PRINCIPALS}, "Permissions": ["ALL"]}
    if defaults not in ([], [everything]):
        raise invalid(f"{member} can only be empty, or give ALL to {IAM_ALLOWED_PRINCIPALS}")


def register_resource(call: Call, request: Request) -> Answer:
    """Puts an S3 location under Lake Formation's care."""
    access.check_admin(call, "catalog")
    arn = request["ResourceArn"].rstrip("/")
    if not arn.startswith("arn:aws:s3:::"):
        raise invalid("ResourceArn must be the ARN of an Amazon S3 location")
    linked, role = bool(request.get("UseServiceLinkedRole")), request.get("RoleArn")
    if linked == bool(role):
        raise invalid("Either RoleArn or UseServiceLinkedRole is required")
    require_pass_role(call, role, "lakeformation.amazonaws.com")
    if call.tx.find(store.LOCATIONS, arn) is not None:
        raise ServiceError("AlreadyExistsException", "Resource is already registered")
    flags = {
        member: request[member]
        for member in ("WithFederation", "WithPrivilegedAccess", "ExpectedResourceOwnerAccount")
        if request.get(member) is not None
    }
    store.register_location(
        call.tx, arn, _linked_role_arn(call) if linked else role, now=call.now,
        hybrid=bool(request.get("HybridAccessEnabled")), **flags,
    )  # fmt: skip
    if linked:
        _settle_linked_role(call)
    if request.get("WithPrivilegedAccess"):
        resource, permissions = names.resource_of(names.location(arn), call.account_id), ["DATA_LOCATION_ACCESS"]
        records.grant(
            call.tx, principal=call.principal.iam_arn, resource=resource, permissions=permissions,
            grantable=permissions, now=call.now, by=call.principal.arn,
        )  # fmt: skip
    return {}


def _linked_role_arn(call: Call) -> str:
    return f"arn:aws:iam::{call.account_id}:role{_LINKED_PATH}{_LINKED_ROLE}"


def _settle_linked_role(call: Call) -> None:
    """Makes the service-linked role, which may use the locations that are registered with it and no other."""
    arn = _linked_role_arn(call)
    known = iam_store.find_role(call.tx, _LINKED_ROLE)
    if known is not None and known["Arn"] != arn:
        raise invalid(f"{_LINKED_ROLE} is the name of the service-linked role; another role has it")
    places = [row["ResourceArn"] for row in call.tx.select(store.LOCATIONS) if row.get("RoleArn") == arn]
    allow: Callable[[list[str], list[str]], Document] = lambda actions, resources: {  # noqa: E731
        "Effect": "Allow", "Action": actions, "Resource": resources,
    }  # fmt: skip
    statements = [
        allow(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], [f"{place}/*" for place in places]),
        allow(["s3:ListBucket"], sorted({place.partition("/")[0] for place in places})),
    ]
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lakeformation.amazonaws.com"}}
    iam_store.put_role(
        call.tx, account_id=call.account_id, name=_LINKED_ROLE, path=_LINKED_PATH, now=call.now,
        trust_policy={"Version": "2012-10-17", "Statement": [trust]},
        policies={"Locations": {"Version": "2012-10-17", "Statement": statements}} if places else {},
    )  # fmt: skip


def update_resource(call: Call, request: Request) -> Answer:
    """Gives a registered location another role, or another mode of access."""
    access.check_admin(call, "catalog")
    found = _get(call, request)
    if found.get("RoleArn") == _linked_role_arn(call):
        raise invalid("A location that is registered with the service-linked role cannot be updated")
    require_pass_role(call, request["RoleArn"], "lakeformation.amazonaws.com")
    members = ("RoleArn", "WithFederation", "HybridAccessEnabled", "ExpectedResourceOwnerAccount")
    given = {member: request[member] for member in members if request.get(member) is not None}
    call.tx.put(store.LOCATIONS, found | given | {"LastModified": call.now})
    return {}


def deregister_resource(call: Call, request: Request) -> Answer:
    """Takes an S3 location out of Lake Formation's care."""
    access.check_admin(call, "catalog")
    found = _get(call, request)
    call.tx.remove(store.LOCATIONS, found["ResourceArn"])
    if found.get("RoleArn") == _linked_role_arn(call):
        _settle_linked_role(call)
    return {}


def _get(call: Call, request: Request) -> Document:
    found = call.tx.find(store.LOCATIONS, request["ResourceArn"].rstrip("/"))
    if found is None:
        raise ServiceError("EntityNotFoundException", "Entity not found")
    return found


def describe_resource(call: Call, request: Request) -> Answer:
    """One registered location."""
    return {"ResourceInfo": _get(call, request)}


def list_resources(call: Call, request: Request) -> Answer:
    """The registered locations."""
    conditions = [_condition(c) for c in request.get("FilterConditionList") or ()]

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        rows = call.tx.select(store.LOCATIONS, after=after)
        return [r for r in rows if all(holds(r) for holds in conditions)][:limit]

    rows, token = listing(call, request, fetch, lambda r: [r["ResourceArn"]])
    return {"ResourceInfoList": rows, "NextToken": token}


Holds = Callable[[Document], bool]
_FIELDS = {"RESOURCE_ARN": "ResourceArn", "ROLE_ARN": "RoleArn", "LAST_MODIFIED": "LastModified"}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "EQ": operator.eq, "NE": operator.ne, "LE": operator.le, "LT": operator.lt, "GE": operator.ge, "GT": operator.gt,
    "CONTAINS": operator.contains, "NOT_CONTAINS": lambda a, b: b not in a, "BEGINS_WITH": str.startswith,
}  # fmt: skip
_OF_TEXT = ("CONTAINS", "NOT_CONTAINS", "BEGINS_WITH")


def _condition(condition: Document) -> Holds:
    """Whether a location meets a condition; times are epoch seconds. Raises `InvalidInputException`."""
    member = _FIELDS.get(condition.get("Field") or "")
    comparison = condition.get("ComparisonOperator") or "EQ"
    values: list[Any] = list(condition.get("StringValueList") or [])
    if member is None or not values or (member == "LastModified" and comparison in _OF_TEXT):
        raise invalid("A filter condition needs a field, an operator of its kind and values")
    if member == "LastModified":
        values = list(_numbers(values))
    read: Callable[[Document], Any] = lambda row: row.get(member) or ""  # noqa: E731
    if comparison == "IN":
        return lambda row: read(row) in values
    if comparison == "BETWEEN":
        if len(values) != 2:
            raise invalid("BETWEEN needs two values")
        return lambda row: values[0] <= read(row) <= values[1]
    return lambda row: _COMPARISONS[comparison](read(row), values[0])


def _numbers(texts: Iterable[str]) -> Iterable[float]:
    for text in texts:
        try:
            yield float(text)
        except ValueError:
            raise invalid(f"Not a time in epoch seconds: {text}") from None
