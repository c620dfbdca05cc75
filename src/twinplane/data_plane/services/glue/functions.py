"""User-defined functions of databases: what Hive clients register and look for. Nothing here runs them."""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads, writes
from twinplane.data_plane.services.glue import permissions, rules, store
from twinplane.data_plane.services.glue.paging import glue_page, kept
from twinplane.data_plane.services.glue.permissions import on_one
from twinplane.data_plane.store import Document

_MOST_PER_PAGE = 100


def _for_changing(call: Call, request: Request) -> Document:
    """The database, for who may make tables in it."""
    database = permissions.get_database(call, request["DatabaseName"])
    permissions.check_permission(call, "CREATE_TABLE", database["Name"])
    return database


def _given(request: Request, name: str | None = None) -> dict[str, Any]:
    given = dict(request["FunctionInput"])
    if not (given.get("FunctionName") or name):
        raise rules.invalid("The function's name is required.")
    given["FunctionName"] = (given.get("FunctionName") or name or "").lower()
    given.setdefault("FunctionType", "REGULAR_FUNCTION")
    return given


def create_user_defined_function(call: Call, request: Request) -> Answer:
    database, given = _for_changing(call, request), _given(request)
    if call.tx.find(store.FUNCTIONS, database["Name"], given["FunctionName"]) is not None:
        raise ServiceError("AlreadyExistsException", "Function already exists.")
    _put(call, database, given, call.now)
    return {}


def _put(call: Call, database: Document, given: dict[str, Any], created_at: float) -> None:
    place = {"DatabaseName": database["Name"], "CatalogId": database["CatalogId"], "CreateTime": created_at}
    call.tx.put(store.FUNCTIONS, given | place)


def _found(call: Call, database: str, name: str) -> Document:
    found = call.tx.find(store.FUNCTIONS, database, name.lower())
    if found is None:
        raise ServiceError("EntityNotFoundException", f"Function {name.lower()} not found.")
    return found


def get_user_defined_function(call: Call, request: Request) -> Answer:
    database = permissions.get_database(call, request["DatabaseName"])
    return {"UserDefinedFunction": _found(call, database["Name"], request["FunctionName"])}


def get_user_defined_functions(call: Call, request: Request) -> Answer:
    """Functions of a database, or of all that the caller sees."""
    where = {}
    if request.get("DatabaseName"):
        where = {"DatabaseName": permissions.get_database(call, request["DatabaseName"])["Name"]}

    def fetch(after: list[str] | None, limit: int) -> list[Document]:
        return call.tx.select(store.FUNCTIONS, where, after=after, limit=limit)

    def keep(rows: list[Document]) -> list[Document]:
        kind = request.get("FunctionType")
        rows = [row for row in rows if rules.name_matches(row["FunctionName"], request["Pattern"])]
        rows = [row for row in rows if kind in (None, row["FunctionType"])]
        seen = permissions.visible_databases(call, {row["DatabaseName"] for row in rows})
        return [row for row in rows if row["DatabaseName"] in seen]

    def place(row: Document) -> list[str]:
        return [row["DatabaseName"], row["FunctionName"]]

    found, following = glue_page(call, request, kept(fetch, keep, place), place, most=_MOST_PER_PAGE)
    return {"UserDefinedFunctions": found, **following}


def update_user_defined_function(call: Call, request: Request) -> Answer:
    database = _for_changing(call, request)
    old = _found(call, database["Name"], request["FunctionName"])
    given = _given(request, old["FunctionName"])
    if given["FunctionName"] != old["FunctionName"]:
        raise rules.invalid("A function cannot be renamed.")
    _put(call, database, given, old["CreateTime"])
    return {}


def delete_user_defined_function(call: Call, request: Request) -> Answer:
    database = _for_changing(call, request)
    found = _found(call, database["Name"], request["FunctionName"])
    call.tx.remove(store.FUNCTIONS, database["Name"], found["FunctionName"])
    return {}


def _on(action: str, name: str = "FunctionName") -> Any:
    return on_one(action, "userDefinedFunction", name=name, under="DatabaseName")


OPERATIONS: dict[str, Operation] = {
    "CreateUserDefinedFunction": writes(
        create_user_defined_function, _on("glue:CreateUserDefinedFunction", "FunctionInput.FunctionName")
    ),
    "GetUserDefinedFunction": reads(get_user_defined_function, _on("glue:GetUserDefinedFunction")),
    "GetUserDefinedFunctions": reads(get_user_defined_functions, _on("glue:GetUserDefinedFunctions", "")),
    "UpdateUserDefinedFunction": writes(update_user_defined_function, _on("glue:UpdateUserDefinedFunction")),
    "DeleteUserDefinedFunction": writes(delete_user_defined_function, _on("glue:DeleteUserDefinedFunction")),
}
