"""Saved LF-tag expressions: conditions on tags under a name, which grants can go by."""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Request, ServiceError
from twinplane.data_plane.services.lakeformation import access, names, records, store, tags
from twinplane.data_plane.services.lakeformation.access import check_catalog, invalid
from twinplane.data_plane.services.lakeformation.paging import listing
from twinplane.data_plane.store import Document

_MOST = 1000


def create_lf_tag_expression(call: Call, request: Request) -> Answer:
    """Saves an expression, by whoever may make some and may grant with each of its tags."""
    check_catalog(call, request.get("CatalogId"))
    access.check_may(call, names.CATALOG, "CREATE_LF_TAG_EXPRESSION")
    name = names.saved_expression(request["Name"])
    if call.tx.find(store.EXPRESSIONS, name.name) is not None:
        raise invalid(f"LF-Tag expression already exists: {name.name}")
    if call.tx.count(store.EXPRESSIONS) >= _MOST:
        raise ServiceError("ResourceNumberLimitExceededException", "There are too many LF-Tag expressions")
    _put(call, request)
    permissions = names.EXPRESSION_PERMISSIONS
    records.grant(
        call.tx, principal=tags.creator(call), resource=names.resource_of(name, call.account_id),
        permissions=permissions, grantable=permissions, now=call.now, by=call.principal.arn,
    )  # fmt: skip
    return {}


def update_lf_tag_expression(call: Call, request: Request) -> Answer:
    """Replaces an expression; every grant that goes by it changes with it."""
    check_catalog(call, request.get("CatalogId"))
    access.check_may(call, names.saved_expression(request["Name"]), "ALTER")
    _get(call, request)
    _put(call, request)
    return {}


def _put(call: Call, request: Request) -> None:
    try:
        expression = names.expression_of(request["Expression"])
    except names.ResourceNotUnderstood as error:
        raise invalid(str(error)) from None
    for key, values in expression:
        access.check_may(call, names.tag(key, *(() if values == names.EVERY else values)), access.WITH_TAGS)
    tags.check_known(call.tx, expression)
    kept = {"name": request["Name"], "conditions": names.conditions_of(expression)}
    call.tx.put(store.EXPRESSIONS, kept | {"description": request.get("Description")})


def get_lf_tag_expression(call: Call, request: Request) -> Answer:
    """One saved expression."""
    check_catalog(call, request.get("CatalogId"))
    access.check_may(call, names.saved_expression(request["Name"]), "DESCRIBE")
    return _shown(call, _get(call, request))


def delete_lf_tag_expression(call: Call, request: Request) -> Answer:
    """Removes an expression, with the grants that go by it."""
    check_catalog(call, request.get("CatalogId"))
    access.check_may(call, names.saved_expression(request["Name"]), "DROP")
    _get(call, request)
    tags.remove_expression(call.tx, request["Name"])
    return {}


def list_lf_tag_expressions(call: Call, request: Request) -> Answer:
    """The saved expressions that the caller may describe, by name."""
    check_catalog(call, request.get("CatalogId"))

    def visible(after: list[Any] | None, limit: int) -> list[Document]:
        rows = call.tx.select(store.EXPRESSIONS, after=after)
        return [r for r in rows if access.may(call, names.saved_expression(r["name"]), "DESCRIBE")][:limit]

    rows, token = listing(call, request, visible, lambda row: [row["name"]])
    return {"LFTagExpressions": [_shown(call, row) for row in rows], "NextToken": token}


def _get(call: Call, request: Request) -> Document:
    found = call.tx.find(store.EXPRESSIONS, request["Name"])
    if found is None:
        raise ServiceError("EntityNotFoundException", f"LF-Tag expression not found: {request['Name']}")
    return found


def _shown(call: Call, row: Document) -> Document:
    shown = {"Name": row["name"], "CatalogId": call.account_id, "Expression": row["conditions"]}
    return shown | ({"Description": row["description"]} if row.get("description") is not None else {})
