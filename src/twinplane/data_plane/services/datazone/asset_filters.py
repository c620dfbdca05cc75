"""Asset filters: which columns or which rows of a published table a subscription may be cut down to."""

import re
from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, new_id, reads, writes
from twinplane.data_plane.services.datazone import access, assets, quotas, rules, store
from twinplane.data_plane.services.datazone.paging import answer, list_page
from twinplane.data_plane.store import AlreadyExists, Document, Transaction

_DEEPEST = 10

_COMPARISONS = {
    "equalTo": "=",
    "notEqualTo": "<>",
    "greaterThan": ">",
    "lessThan": "<",
    "greaterThanOrEqualTo": ">=",
    "lessThanOrEqualTo": "<=",
}
_WHOLE = ("tinyint", "smallint", "int", "integer", "bigint")
_DECIMAL = ("float", "real", "double", "decimal")
_TEXT = ("string", "varchar", "char")
_LITERALS = {
    **dict.fromkeys(_WHOLE, (r"[+-]?\d{1,19}", "{}")),
    **dict.fromkeys(_DECIMAL, (r"[+-]?\d{1,38}(\.\d{1,38})?([eE][+-]?\d{1,3})?", "{}")),
    "boolean": (r"(?i:true|false)", "{}"),
    "date": (r"\d{4}-\d{2}-\d{2}", "DATE '{}'"),
    "timestamp": (r"\d{4}-\d{2}-\d{2}( \d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?)?", "TIMESTAMP '{}'"),
}
_MEMBERS = ("id", "domainId", "assetId", "name", "description", "configuration", "createdAt")
_SUMMARY = tuple(m for m in _MEMBERS if m != "configuration")


class NotApplicable(Exception):
    """The filter does not fit the asset's columns."""


def create_asset_filter(call: Call, request: Request) -> Answer:
    """Makes a filter of an asset's columns or of its rows."""
    known = _asset(call, request)
    where = {"domainId": known["domainId"], "assetId": known["id"]}
    quotas.check(quotas.ASSET_FILTERS, call.tx.count(assets.FILTERS, where))
    _check_configuration(request["configuration"])
    document: Document = {
        **where, "id": new_id(), "name": request["name"], "description": request.get("description"),
        "configuration": request["configuration"], "createdAt": call.now, "uses": 0,
    }  # fmt: skip
    access.add_unique(call.tx, assets.FILTERS, document, f"The asset has a filter {request['name']} already.")
    return _shown(document, known, _MEMBERS)


def get_asset_filter(call: Call, request: Request) -> Answer:
    """A filter of an asset."""
    known = _asset(call, request)
    return _shown(asset_filter(call.tx, known, request["identifier"]), known, _MEMBERS)


def list_asset_filters(call: Call, request: Request) -> Answer:
    """The filters of an asset."""
    known = _asset(call, request)
    found = call.tx.select(assets.FILTERS, {"domainId": known["domainId"], "assetId": known["id"]})
    shown = [_shown(document, known, _SUMMARY) for document in found]
    if request.get("status"):
        shown = [f for f in shown if f["status"] == request["status"]]
    return answer(*list_page(call, request, shown))


def update_asset_filter(call: Call, request: Request) -> Answer:
    """Changes what is given of a filter. What it shows cannot change while subscriptions use it."""
    known = _asset(call, request)
    document = asset_filter(call.tx, known, request["identifier"])
    rules.check_named(request)
    changes = store.pick(request, ("name", "description", "configuration"))
    if "configuration" in changes:
        _check_configuration(changes["configuration"])
        _check_unused(document)
    document |= changes
    try:
        call.tx.put(assets.FILTERS, document)
    except AlreadyExists:
        raise rules.conflict(f"The asset has a filter {document['name']} already.") from None
    return _shown(document, known, _MEMBERS)


def delete_asset_filter(call: Call, request: Request) -> Answer:
    """Removes a filter that no subscription uses."""
    known = _asset(call, request)
    document = asset_filter(call.tx, known, request["identifier"])
    _check_unused(document)
    call.tx.remove(assets.FILTERS, known["domainId"], known["id"], document["id"])
    return {}


def asset_filter(tx: Transaction, asset: Document, identifier: str) -> Document:
    """The filter of an asset. Raises ResourceNotFoundException."""
    found = tx.find(assets.FILTERS, asset["domainId"], asset["id"], identifier)
    if found is None:
        raise store.not_found("Asset filter", identifier)
    return found


def count_use(tx: Transaction, domain_id: str, scope: Document | None, change: int) -> None:
    """Keeps how many live subscriptions use the filters of an asset scope."""
    for identifier in (scope or {}).get("filterIds") or []:
        found = tx.find(assets.FILTERS, domain_id, (scope or {})["assetId"], identifier)
        if found is not None:
            tx.put(assets.FILTERS, found | {"uses": found["uses"] + change})


def effective(document: Document, columns: dict[str, str]) -> dict[str, Any]:
    """What a filter shows of a table with these columns (data type by name): AWS's effectiveColumnNames or
    effectiveRowFilter. Raises `NotApplicable`."""
    kind, body = rules.exactly_one(document["configuration"], "configuration")
    if kind == "columnConfiguration":
        wanted = body.get("includedColumnNames") or []
        unknown = [name for name in wanted if name not in columns]
        if unknown:
            raise NotApplicable(f"The asset has no column {', '.join(unknown)}.")
        return {"effectiveColumnNames": [name for name in columns if name in wanted]}
    return {"effectiveRowFilter": row_filter_text(body["rowFilter"], columns)}


def combined(filters: list[dict[str, Any]], columns: dict[str, str]) -> tuple[list[str], str | None]:
    """The columns and the row filter (None: every row) that several effective filters show together.

    As AWS documents: the union of the columns and the union of the rows. A filter of rows says nothing of columns, and
    the other way round. Why: `docs/decisions/0007-filters-of-a-subscription-add-up.md`.
    """
    chosen = [f["effectiveColumnNames"] for f in filters if "effectiveColumnNames" in f]
    rows = [f["effectiveRowFilter"] for f in filters if "effectiveRowFilter" in f]
    shown = [name for name in columns if not chosen or any(name in names for names in chosen)]
    if not rows:
        return shown, None
    return shown, rows[0] if len(rows) == 1 else " OR ".join(f"({row})" for row in rows)


def row_filter_text(row_filter: dict[str, Any], columns: dict[str, str]) -> str:
    """A row filter as an SQL condition (Athena's dialect). Raises `NotApplicable`."""
    kind, body = rules.exactly_one(row_filter, "rowFilter")
    if kind == "expression":
        return _expression(body, columns)
    parts = [row_filter_text(part, columns) for part in body]
    return f"({f' {kind.upper()} '.join(parts)})" if len(parts) > 1 else parts[0]


def _expression(expression: dict[str, Any], columns: dict[str, str]) -> str:
    kind, body = rules.exactly_one(expression, "expression")
    name = body["columnName"]
    if name not in columns:
        raise NotApplicable(f"The asset has no column {name}.")
    column, data_type = '"' + name.replace('"', '""') + '"', columns[name]
    if kind in ("isNull", "isNotNull"):
        return f"{column} IS {'NOT ' if kind == 'isNotNull' else ''}NULL"
    if kind in ("in", "notIn"):
        values = ", ".join(_literal(value, name, data_type) for value in body["values"])
        return f"{column} {'NOT ' if kind == 'notIn' else ''}IN ({values})"
    if kind in ("like", "notLike"):
        if _base(data_type) not in _TEXT:
            raise NotApplicable(f"Column {name} is of type {data_type}; like compares text only.")
        return f"{column} {'NOT ' if kind == 'notLike' else ''}LIKE {_quoted(body['value'])}"
    return f"{column} {_COMPARISONS[kind]} {_literal(body['value'], name, data_type)}"


def _literal(value: str, name: str, data_type: str) -> str:
    base = _base(data_type)
    if base in _TEXT:
        return _quoted(value)
    if base not in _LITERALS:
        raise NotApplicable(f"Column {name} is of type {data_type}; rows cannot be filtered by it.")
    pattern, text = _LITERALS[base]
    if not re.fullmatch(pattern, value, re.ASCII):
        raise NotApplicable(f"Column {name} is of type {data_type}; '{value}' is not one.")
    return text.format(value)


def _base(data_type: str) -> str:
    base = re.split(r"[(<\s]", data_type.strip().lower(), maxsplit=1)[0]
    return "timestamp" if base.startswith("timestamp") else base


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _check_configuration(configuration: dict[str, Any]) -> None:
    kind, body = rules.exactly_one(configuration, "configuration")
    if kind == "columnConfiguration" and not body.get("includedColumnNames"):
        raise rules.invalid("A column filter includes at least one column.")
    if kind == "rowConfiguration":
        _check_row_filter(body["rowFilter"], 0)


def _check_row_filter(row_filter: dict[str, Any], depth: int) -> None:
    if depth > _DEEPEST:
        raise rules.invalid(f"A row filter may be nested {_DEEPEST} levels deep.")
    kind, body = rules.exactly_one(row_filter, "rowFilter")
    if kind != "expression":
        if not body:
            raise rules.invalid(f"'{kind}' of a row filter needs at least one part.")
        for part in body:
            _check_row_filter(part, depth + 1)
        return
    comparison, operands = rules.exactly_one(body, "expression")
    if comparison in ("in", "notIn") and not operands["values"]:
        raise rules.invalid(f"'{comparison}' of a row filter needs at least one value.")


def _check_unused(document: Document) -> None:
    if document["uses"]:
        raise rules.conflict(f"Filter {document['name']} is used by {document['uses']} subscriptions.")


def _asset(call: Call, request: Request) -> Document:
    known = assets.asset(call.tx, request["domainIdentifier"], request["assetIdentifier"])
    access.require_project_role(call, known["domainId"], known["owningProjectId"], of=("Asset", known["id"]))
    return known


def _shown(document: Document, asset: Document, members: tuple[str, ...]) -> Answer:
    shown = store.pick(document, members)
    try:
        return shown | {"status": "VALID"} | effective(document, assets.columns(asset))
    except NotApplicable as error:
        return shown | {"status": "INVALID", "errorMessage": str(error)}


OPERATIONS: dict[str, Operation] = {
    "CreateAssetFilter": writes(create_asset_filter, access.allowed("CreateAssetFilter")),
    "GetAssetFilter": reads(get_asset_filter, access.allowed("GetAssetFilter")),
    "ListAssetFilters": reads(list_asset_filters, access.allowed("ListAssetFilters")),
    "UpdateAssetFilter": writes(update_asset_filter, access.allowed("UpdateAssetFilter")),
    "DeleteAssetFilter": writes(delete_asset_filter, access.allowed("DeleteAssetFilter")),
}
