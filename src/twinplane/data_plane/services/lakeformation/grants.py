"""Granting and revoking permissions."""

import re

from twinplane.data_plane.call import Answer, Call, Request, ServiceError
from twinplane.data_plane.services.glue import store as glue
from twinplane.data_plane.services.lakeformation import access, names, store, tags
from twinplane.data_plane.services.lakeformation.access import check_catalog, invalid, understood
from twinplane.data_plane.services.lakeformation.names import IAM_ALLOWED_PRINCIPALS, Named, ResourceNotUnderstood
from twinplane.data_plane.store import Document

_MOST_ENTRIES = 20
_OF_DATA = ("catalog", "database", "table", *names.POLICIES)  # what IAMAllowedPrincipals can have


def grant_permissions(call: Call, request: Request) -> Answer:
    """Gives a principal permissions on a resource; those it has already stay."""
    _change(call, request, grant=True)
    return {}


def revoke_permissions(call: Call, request: Request) -> Answer:
    """Takes permissions on a resource from a principal. Fails when it has none of them."""
    _change(call, request, grant=False)
    return {}


def batch_grant_permissions(call: Call, request: Request) -> Answer:
    """Grants entry by entry; what fails is answered with its reason."""
    return _batch(call, request, grant=True)


def batch_revoke_permissions(call: Call, request: Request) -> Answer:
    """Revokes entry by entry; what fails is answered with its reason."""
    return _batch(call, request, grant=False)


def _batch(call: Call, request: Request, *, grant: bool) -> Answer:
    failures = []
    if len(request["Entries"]) > _MOST_ENTRIES:
        raise invalid(f"A batch has at most {_MOST_ENTRIES} entries")
    for entry in request["Entries"]:
        try:
            _change(call, entry, grant=grant)
        except ServiceError as error:
            failures.append(
                {"RequestEntry": entry, "Error": {"ErrorCode": error.code, "ErrorMessage": error.message}}
            )  # fmt: skip
    return {"Failures": failures}


def _change(call: Call, entry: Document, *, grant: bool) -> None:
    check_catalog(call, entry.get("CatalogId"))
    if entry.get("Condition"):
        raise invalid("Grants with a condition are not served")
    name = understood(call, entry.get("Resource") or {})
    principal = principal_of(entry)
    permissions = entry.get("Permissions") or []
    grantable = entry.get("PermissionsWithGrantOption") or []
    if not (permissions or grantable):
        raise invalid("Permissions are required")
    try:
        access.check_may_grant(call, name, [*permissions, *grantable])
        if grant:
            check_exists(call, name)
            if principal == IAM_ALLOWED_PRINCIPALS and (grantable or name.kind not in _OF_DATA):
                raise invalid(f"{IAM_ALLOWED_PRINCIPALS} can have neither this nor the grant option")
        change = store.grant if grant else store.revoke
        done = change(
            call.tx, principal=principal, resource=entry["Resource"], permissions=permissions, grantable=grantable,
            now=call.now, by=call.principal.arn,
        )  # fmt: skip
    except ResourceNotUnderstood as error:
        raise invalid(str(error)) from None
    if done is False:
        raise invalid(f"No permissions revoked. Grantee does not have: {sorted(permissions or grantable)}")


_PRINCIPAL = re.compile(
    r"arn:aws[a-z-]*:(iam|sts|identitystore|organizations|quicksight):\S*:\S+|\d{12}(:IAMPrincipals)?|o-\w+|ou-[\w-]+"
)


def principal_of(entry: Document) -> str:
    """The principal a request names. Raises `InvalidInputException`."""
    principal = str((entry.get("Principal") or {}).get("DataLakePrincipalIdentifier") or "")
    if not principal:
        raise invalid("Principal is required")
    if principal != IAM_ALLOWED_PRINCIPALS and not _PRINCIPAL.fullmatch(principal):
        raise invalid(f"Invalid principal, {principal}")
    return principal


def check_exists(call: Call, name: Named) -> None:
    """Raises `EntityNotFoundException` where what a grant is to be on is not there."""
    if name.name and (name.kind in names.POLICIES or name.kind == "expression"):
        if call.tx.find(store.EXPRESSIONS, name.name) is None:
            raise ServiceError("EntityNotFoundException", f"LF-Tag expression not found: {name.name}")
    elif name.kind == "tag" or name.expression:
        tags.check_known(call.tx, name.expression or ((name.name, name.values),))
    if name.database and glue.find_database(call.tx, name.database) is None:
        raise ServiceError("EntityNotFoundException", f"Database not found: {name.database}")
    if not name.table or name.table == "*":
        return
    table = glue.find_table(call.tx, name.database, name.table)
    if table is None:
        raise ServiceError("EntityNotFoundException", f"Table not found: {name.table}")
    unknown = {*name.columns, *name.excluded} - set(store.column_names(table))
    if unknown:
        raise invalid(f"Columns not found in table {name.table}: {sorted(unknown)}")
    if name.kind == "filter" and store.find_data_cells_filter(call.tx, name.database, name.table, name.name) is None:
        raise ServiceError("EntityNotFoundException", f"Data cells filter not found: {name.name}")
