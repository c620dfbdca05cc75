"""LF-tags on databases, tables and columns. A table has its database's tags, a column its table's, unless it has a
value of its own for a key."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from twinplane.data_plane.call import Answer, Call, Request, ServiceError
from twinplane.data_plane.services.glue import store as glue
from twinplane.data_plane.services.lakeformation import access, names, rules, store, tags
from twinplane.data_plane.services.lakeformation.access import check_catalog, invalid, understood
from twinplane.data_plane.services.lakeformation.names import Expression, Named
from twinplane.data_plane.services.lakeformation.paging import listing
from twinplane.data_plane.store import Document


def add_lf_tags_to_resource(call: Call, request: Request) -> Answer:
    """Gives a database, a table or columns values of tags, in place of those they have; says which could not be."""
    places = _to_change(call, request)

    def add(key: str, values: list[str]) -> None:
        if len(values) != 1:
            raise invalid(f"A resource has one value of a tag: {key}")
        _check_associate(call, key, values[0])
        tags.check_known(call.tx, ((key, (values[0],)),))
        rows = [_own(call, place) for place in places]
        if any(len({*own, key}) > names.MOST_TAGS for _, own in rows):
            raise invalid(f"A resource has at most {names.MOST_TAGS} LF-Tags")
        for row, own in rows:
            tags.assign(call.tx, row, own | {key: values[0]})

    return _each(call, request, add)


def remove_lf_tags_from_resource(call: Call, request: Request) -> Answer:
    """Takes tags off a database, a table or columns; what they inherit shows again. Says which could not be."""
    places = _to_change(call, request)

    def remove(key: str, values: list[str]) -> None:
        rows = [_own(call, place) for place in places]
        if not all(own.get(key) in values for _, own in rows):
            raise ServiceError("EntityNotFoundException", f"The resource does not have this tag: {key}")
        for _, own in rows:
            _check_associate(call, key, own[key])
        for row, own in rows:
            tags.assign(call.tx, row, {k: v for k, v in own.items() if k != key})

    return _each(call, request, remove)


def _each(call: Call, request: Request, change: Callable[[str, list[str]], None]) -> Answer:
    failures = []
    for tag in request["LFTags"]:
        try:
            check_catalog(call, tag.get("CatalogId"))
            change(tag["TagKey"], tag["TagValues"])
        except ServiceError as error:
            failures.append({"LFTag": tag, "Error": {"ErrorCode": error.code, "ErrorMessage": error.message}})
    return {"Failures": failures}


Place = tuple[str, str, str]  # database, table or "", column or ""


def _to_change(call: Call, request: Request) -> list[Place]:
    """The resources whose tags the caller may change: all rights on it are hers to give."""
    check_catalog(call, request.get("CatalogId"))
    name = understood(call, request["Resource"])
    if name.kind not in ("database", "table", "columns") or name.table == "*" or name.excluded:
        raise invalid("LF-Tags are of a database, a table, or columns in ColumnNames")
    of = names.table(name.database, name.table) if name.table else name
    held = store.rights(call.tx, access.principals(call), of)
    if not all(held.may_pass_on(permission) for permission in names.PERMISSIONS_OF[of.kind]):
        raise access.insufficient("Super with grant option", name.table or name.database)
    found: Document | None = glue.find_database(call.tx, name.database)
    if found is not None and name.table:
        found = glue.find_table(call.tx, name.database, name.table)
    if found is None:
        raise ServiceError("EntityNotFoundException", f"Resource not found: {name.table or name.database}")
    if set(name.columns) - set(store.column_names(found)):
        raise ServiceError("EntityNotFoundException", f"Columns not found in table {name.table}")
    return [(name.database, name.table, column) for column in name.columns or ("",)]


def _check_associate(call: Call, key: str, value: str) -> None:
    if not access.may(call, names.tag(key, value), "ASSOCIATE"):
        raise access.insufficient("Associate", key)


def _own(call: Call, place: Place) -> tuple[Document, dict[str, str]]:
    """The row of what is tagged, and the tags that are its own."""
    found = call.tx.find(store.TAGGED, *place)
    row = dict(zip(store.TAGGED.key, place, strict=True)) if found is None else found
    return row, {} if found is None else found["tags"]


def get_resource_lf_tags(call: Call, request: Request) -> Answer:
    """The tags of a database, table or columns that the caller may see: inherited ones too, or only its own."""
    check_catalog(call, request.get("CatalogId"))
    name = understood(call, request["Resource"])
    if name.kind not in ("database", "table", "columns") or name.table == "*":
        raise invalid("LF-Tags are of a database, a table or columns")
    if not _exists(call, name):
        raise access.insufficient("Describe", name.table or name.database)
    shown = _Shown(call, only_own=bool(request.get("ShowAssignedLFTags")))
    answer = {"LFTagOnDatabase": shown.database(name.database)}
    if name.table:
        columns = _columns_of(call, name)
        answer |= {
            "LFTagsOnTable": shown.table(name.database, name.table),
            "LFTagsOnColumns": shown.columns(name.database, name.table, columns),
        }
    return {member: value for member, value in answer.items() if value}


def _exists(call: Call, name: Named) -> bool:
    """Whether the resource is there, for the caller."""
    who = access.principals(call)
    if not name.table:
        found = glue.find_database(call.tx, name.database)
        return found is not None and store.is_database_visible(call.tx, who, name.database)
    if glue.find_table(call.tx, name.database, name.table) is None:
        return False
    return store.rights(call.tx, who, names.table(name.database, name.table)).any


def _columns_of(call: Call, name: Named) -> list[str]:
    """Those of the named columns (all, when none is named) that the caller may see."""
    table = glue.find_table(call.tx, name.database, name.table) or {}
    seen = store.described_columns(call.tx, access.principals(call), table) or ()
    return [c for c in seen if (c in name.columns if name.columns else c not in name.excluded)]


class _Shown:
    """Tags as answers show them, without those that the caller may not see."""

    def __init__(self, call: Call, *, only_own: bool = False) -> None:
        self._call, self._only_own = call, only_own

    def database(self, database: str) -> list[Document]:
        return self._pairs(store.tags_of(self._call.tx, database)[0])

    def table(self, database: str, table: str) -> list[Document]:
        if self._only_own:
            return self._pairs(_own(self._call, (database, table, ""))[1])
        return self._pairs(store.tags_of(self._call.tx, database, table)[0])

    def columns(self, database: str, table: str, columns: Iterable[str]) -> list[Document]:
        of_table, of_columns = store.tags_of(self._call.tx, database, table)
        found = []
        for column in columns:
            if self._only_own:
                pairs = self._pairs(_own(self._call, (database, table, column))[1])
            else:
                pairs = self._pairs(of_columns.get(column, of_table))
            found += [{"Name": column, "LFTags": pairs}] if pairs else []
        return found

    def _pairs(self, own: Mapping[str, str]) -> list[Document]:
        return [
            {"CatalogId": self._call.account_id, "TagKey": key, "TagValues": [value]}
            for key, value in sorted(own.items())
            if tags.visible_values(self._call, key, [value])
        ]


# Search


def search_databases_by_lf_tags(call: Call, request: Request) -> Answer:
    """The databases that the caller may see and that have these tags."""
    expression = _searched(call, request)
    shown = _Shown(call)

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        rows = call.tx.select(glue.DATABASES, after=after)
        return _first(limit, (r for r in rows if _is_tagged(call, expression, r["Name"])))

    rows, token = listing(call, request, fetch, lambda row: [row["Name"]], most=100)
    found = [
        {"Database": {"CatalogId": call.account_id, "Name": r["Name"]}, "LFTags": shown.database(r["Name"])}
        for r in rows
    ]
    return {"DatabaseList": found, "NextToken": token}


def search_tables_by_lf_tags(call: Call, request: Request) -> Answer:
    """The tables that the caller may see and that have these tags, or a column that does."""
    expression = _searched(call, request)
    shown = _Shown(call)

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        return _first(limit, _tagged_tables(call, expression, after))

    rows, token = listing(call, request, fetch, lambda row: [row["DatabaseName"], row["Name"]], most=100)
    return {"TableList": [_found_table(call, shown, row) for row in rows], "NextToken": token}


def _tagged_tables(call: Call, expression: Expression, after: list[Any] | None) -> Iterator[Document]:
    for database in glue.list_databases(call.tx):
        if after is not None and database["Name"] < after[0]:
            continue
        for name in store.tables_with_tags(call.tx, database["Name"], [expression]):
            if after is not None and [database["Name"], name] <= after:
                continue
            table = glue.find_table(call.tx, database["Name"], name)
            if table is not None and _is_tagged(call, expression, database["Name"], table):
                yield table


def _searched(call: Call, request: Request) -> Expression:
    """What is searched for; nothing is found by a tag that the caller may not see."""
    check_catalog(call, request.get("CatalogId"))
    try:
        expression = names.expression_of(request["Expression"])
    except names.ResourceNotUnderstood as error:
        raise invalid(str(error)) from None
    tags.check_visible(call, expression)
    return expression


def _is_tagged(call: Call, expression: Expression, database: str, table: Document | None = None) -> bool:
    of_table, of_columns = store.tags_of(call.tx, database, "" if table is None else table["Name"])
    who = access.principals(call)
    if table is None:
        return rules.matches(expression, of_table) and store.is_database_visible(call.tx, who, database)
    candidates = [c for c in of_columns if rules.matches(expression, of_columns[c])]
    if not (rules.matches(expression, of_table) or candidates):
        return False
    seen = store.described_columns(call.tx, who, table)
    return seen is not None and (rules.matches(expression, of_table) or not set(seen).isdisjoint(candidates))


def _first(limit: int, rows: Iterable[Document]) -> list[Document]:
    return [row for row, _ in zip(rows, range(limit), strict=False)]


def _found_table(call: Call, shown: _Shown, row: Document) -> Document:
    database, name = row["DatabaseName"], row["Name"]
    columns = _columns_of(call, names.table(database, name))
    found = {
        "LFTagOnDatabase": shown.database(database),
        "LFTagsOnTable": shown.table(database, name),
        "LFTagsOnColumns": shown.columns(database, name, columns),
    }
    key = {"CatalogId": call.account_id, "DatabaseName": database, "Name": name}
    return {"Table": key} | {member: value for member, value in found.items() if value}
