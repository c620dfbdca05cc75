"""LF-tags: the keys there are, and the values each may have."""

from collections.abc import Iterable
from typing import Any

from twinplane.data_plane.call import Answer, Call, Request, ServiceError
from twinplane.data_plane.services.lakeformation import access, names, records, store
from twinplane.data_plane.services.lakeformation.access import check_catalog, invalid
from twinplane.data_plane.services.lakeformation.names import Expression
from twinplane.data_plane.services.lakeformation.paging import listing
from twinplane.data_plane.store import Document, Transaction

_MOST_TAGS, _MOST_VALUES = 1000, 1000


def create_lf_tag(call: Call, request: Request) -> Answer:
    """Makes a tag. Whoever makes it may do everything with it, and let others."""
    check_catalog(call, request.get("CatalogId"))
    access.check_may(call, names.CATALOG, "CREATE_LF_TAG")
    key, values = request["TagKey"], sorted(set(request["TagValues"]))
    if "*" in values:
        raise invalid("* stands for every value of a tag and cannot be one")
    if call.tx.find(store.TAGS, key) is not None:
        raise invalid(f"Tag key already exists: {key}")
    if call.tx.count(store.TAGS) >= _MOST_TAGS:
        raise ServiceError("ResourceNumberLimitExceededException", "There are too many LF-Tags")
    call.tx.put(store.TAGS, {"key": key, "values": values})
    resource = names.resource_of(names.tag(key), call.account_id)
    _give_to_creator(call, resource, names.TAG_PERMISSIONS)
    return {}


def _give_to_creator(call: Call, resource: Document, permissions: tuple[str, ...]) -> None:
    by = call.principal.arn
    records.grant(
        call.tx, principal=creator(call), resource=resource, permissions=permissions, grantable=permissions,
        now=call.now, by=by,
    )  # fmt: skip


def creator(call: Call) -> str:
    """A person who acts with her own session; else the user or role, which for a project is the project's."""
    if call.principal.on_behalf_of is not None and call.principal.project is None:
        return store.user_principal(call.principal.on_behalf_of)
    return call.principal.iam_arn


def get_lf_tag(call: Call, request: Request) -> Answer:
    """A tag with those of its values that the caller may see."""
    check_catalog(call, request.get("CatalogId"))
    found = call.tx.find(store.TAGS, request["TagKey"])
    values = [] if found is None else visible_values(call, found["key"], found["values"])
    if not values:
        raise _hidden(call, request["TagKey"], "Describe")
    return _shown(call, request["TagKey"], values)


def list_lf_tags(call: Call, request: Request) -> Answer:
    """The tags that the caller may see, by key."""
    check_catalog(call, request.get("CatalogId"))
    if request.get("ResourceShareType") == "FOREIGN":
        return {"LFTags": []}

    def visible(after: list[Any] | None, limit: int) -> list[Document]:
        rows = call.tx.select(store.TAGS, after=after)
        shown = (row | {"values": visible_values(call, row["key"], row["values"])} for row in rows)
        return [row for row in shown if row["values"]][:limit]

    rows, token = listing(call, request, visible, lambda row: [row["key"]])
    return {"LFTags": [_shown(call, row["key"], row["values"]) for row in rows], "NextToken": token}


def update_lf_tag(call: Call, request: Request) -> Answer:
    """Adds and takes away values; one that some resource has stays."""
    check_catalog(call, request.get("CatalogId"))
    key = request["TagKey"]
    access.check_may(call, names.tag(key), "ALTER")
    found = _get(call, key)
    gone, added = set(request.get("TagValuesToDelete") or ()), set(request.get("TagValuesToAdd") or ())
    if not (gone or added) or gone & added or "*" in added:
        raise invalid("TagValuesToAdd or TagValuesToDelete is required, and no value in both")
    if gone - set(found["values"]):
        raise invalid(f"The tag does not have all of these values: {sorted(gone)}")
    if gone and any(row["tags"].get(key) in gone for row in call.tx.select(store.TAGGED)):
        raise invalid("Update not allowed. A value to delete is attached to a resource")
    values = sorted((set(found["values"]) | added) - gone)
    if not 0 < len(values) <= _MOST_VALUES:
        raise invalid(f"An LF-Tag has between 1 and {_MOST_VALUES} values")
    call.tx.put(store.TAGS, found | {"values": values})
    return {}


def delete_lf_tag(call: Call, request: Request) -> Answer:
    """Removes a tag: from every resource, with every grant on it or by it, and the expressions that name it."""
    check_catalog(call, request.get("CatalogId"))
    key = request["TagKey"]
    access.check_may(call, names.tag(key), "DROP")
    _get(call, key)
    tx = call.tx
    tx.remove(store.TAGS, key)
    for row in tx.select(store.TAGGED):
        if key in row["tags"]:
            assign(tx, row, {k: v for k, v in row["tags"].items() if k != key})
    for saved in tx.select(store.EXPRESSIONS):
        if any(condition["TagKey"] == key for condition in saved["conditions"]):
            remove_expression(tx, saved["name"])
    of_tags = tx.select(store.GRANTS, {"type": names.TYPE_OF["tag"]})
    records.remove_grants(tx, [g for g in of_tags if g["name"] == key])
    by_tags = tx.select(store.GRANTS, {"type": [names.TYPE_OF[kind] for kind in names.POLICIES]})
    records.remove_grants(tx, [g for g in by_tags if any(named == key for named, _ in g["expression"])])
    return {}


def assign(tx: Transaction, row: Document, tags: dict[str, str]) -> None:
    """Makes these the tags of a database, table or column."""
    if tags:
        tx.put(store.TAGGED, row | {"tags": tags})
    else:
        tx.remove(store.TAGGED, *store.TAGGED.key_of(row))


def remove_expression(tx: Transaction, name: str) -> None:
    """Removes a saved expression with every grant on it or by it."""
    tx.remove(store.EXPRESSIONS, name)
    types = [names.TYPE_OF[kind] for kind in (*names.POLICIES, "expression")]
    records.remove_grants(tx, [g for g in tx.select(store.GRANTS, {"type": types}) if g["name"] == name])


# What others ask


def check_known(tx: Transaction, expression: Expression) -> None:
    """Raises `EntityNotFoundException` for a tag, or a value of one, that there is not."""
    for key, values in expression:
        found = tx.find(store.TAGS, key)
        if found is None or not (values == names.EVERY or set(values) <= set(found["values"])):
            raise ServiceError("EntityNotFoundException", f"Tag key or value does not exist: {key}")


def visible_values(call: Call, key: str, values: Iterable[str]) -> list[str]:
    """Which values of a tag the caller may see: by a permission to describe, assign or grant with it."""
    if access.is_admin(call, read_only=True):
        return list(values)
    seeing = ("DESCRIBE", "ASSOCIATE", access.WITH_TAGS, "ALTER", "DROP")
    who = access.principals(call)
    return [v for v in values if not store.rights(call.tx, who, names.tag(key, v)).permissions.isdisjoint(seeing)]


def check_visible(call: Call, expression: Expression) -> None:
    """Raises `AccessDeniedException` for a tag, or a value of one, that is not there for the caller."""
    for key, values in expression:
        found = call.tx.find(store.TAGS, key)
        known = [] if found is None else found["values"]
        asked = known if values == names.EVERY else values
        if not asked or visible_values(call, key, asked) != list(asked):
            raise _hidden(call, key, "Describe")


def _get(call: Call, key: str) -> Document:
    found = call.tx.find(store.TAGS, key)
    if found is None:
        raise ServiceError("EntityNotFoundException", f"Tag key does not exist: {key}")
    return found


def _hidden(call: Call, key: str, permission: str) -> ServiceError:
    """That a tag is not there is told only to who would see it there."""
    if access.is_admin(call, read_only=True):
        return ServiceError("EntityNotFoundException", f"Tag key does not exist: {key}")
    return access.insufficient(permission, key)


def _shown(call: Call, key: str, values: list[str]) -> Document:
    return {"CatalogId": call.account_id, "TagKey": key, "TagValues": values}
