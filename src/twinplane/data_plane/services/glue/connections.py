"""Connections to other data stores. Passwords and credentials are sealed, and told only to who may have them."""

from collections.abc import Callable
from typing import Any

from twinplane.data_plane import sealing
from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads, writes
from twinplane.data_plane.services.glue import permissions, rules, store
from twinplane.data_plane.services.glue.paging import glue_page
from twinplane.data_plane.services.glue.permissions import on_one
from twinplane.data_plane.store import Document

_PURPOSE = "glue connections"
_PASSWORDS = ("PASSWORD", "ENCRYPTED_PASSWORD", "KAFKA_CLIENT_KEYSTORE_PASSWORD", "KAFKA_CLIENT_KEY_PASSWORD",
              "KAFKA_SASL_SCRAM_PASSWORD", "ENCRYPTED_KAFKA_SASL_SCRAM_PASSWORD", "ENCRYPTED_KAFKA_CLIENT_KEY_PASSWORD",
              "ENCRYPTED_KAFKA_CLIENT_KEYSTORE_PASSWORD")  # fmt: skip
_CREDENTIALS = ("BasicAuthenticationCredentials", "CustomAuthenticationCredentials")
_NOT_KEPT = ("ValidateCredentials", "ValidateForComputeEnvironments")


def create_connection(call: Call, request: Request) -> Answer:
    given = request["ConnectionInput"]
    if call.tx.find(store.CONNECTIONS, given["Name"]) is not None:
        raise ServiceError("AlreadyExistsException", "Connection already exists.")
    add(call, given, request.get("Tags") or {})
    return {"CreateConnectionStatus": "READY"}


def add(call: Call, given: dict[str, Any], tags: dict[str, str]) -> None:
    """Stores a new connection (AWS's ConnectionInput)."""
    call.tx.add(store.CONNECTIONS, _document(call, given, call.now))
    if tags:
        call.tx.put(store.TAGS, {"arn": permissions.arn(call, "connection", given["Name"]), "tags": tags})


def put(call: Call, given: dict[str, Any]) -> None:
    """Stores what a connection that is there is from now on."""
    old = _found(call, given["Name"])
    call.tx.put(store.CONNECTIONS, _document(call, given, old["CreationTime"]))


def _document(call: Call, given: dict[str, Any], created_at: float) -> Document:
    properties = given.get("ConnectionProperties") or {}
    secrets: dict[str, Any] = {name: value for name, value in properties.items() if name in _PASSWORDS}
    authentication = dict(given.get("AuthenticationConfiguration") or {})
    hidden = {name: authentication.pop(name) for name in _CREDENTIALS if name in authentication}
    oauth = dict(authentication.get("OAuth2Properties") or {})
    hidden |= {n: oauth.pop(n) for n in ("OAuth2Credentials", "AuthorizationCodeProperties") if n in oauth}
    kept = {m: v for m, v in given.items() if m not in _NOT_KEPT}
    kept["ConnectionProperties"] = {n: v for n, v in properties.items() if n not in _PASSWORDS}
    if authentication:
        kept["AuthenticationConfiguration"] = authentication | ({"OAuth2Properties": oauth} if oauth else {})
    return {
        **kept, "CreationTime": created_at, "LastUpdatedTime": call.now, "LastUpdatedBy": call.principal.arn,
        "Status": "READY", "ConnectionSchemaVersion": 2 if authentication else 1,
        "sealed": sealing.seal(call.plane, _PURPOSE, {"properties": secrets, "credentials": hidden}),
    }  # fmt: skip


def _found(call: Call, name: str) -> Document:
    found = call.tx.find(store.CONNECTIONS, name)
    if found is None:
        raise ServiceError("EntityNotFoundException", f"Connection {name} not found.")
    return found


def _shown(call: Call, connection: Document, *, hide: bool) -> Document:
    """A connection as it is answered; credentials of `AuthenticationConfiguration` are never."""
    shown = {member: value for member, value in connection.items() if member != "sealed"}
    if not hide:
        secrets = sealing.unseal(call.plane, _PURPOSE, connection["sealed"])["properties"]
        shown["ConnectionProperties"] = shown["ConnectionProperties"] | secrets
    return shown


def get_connection(call: Call, request: Request) -> Answer:
    found = _shown(call, _found(call, request["Name"]), hide=bool(request.get("HidePassword")))
    override = {"SPARK": "SparkProperties", "ATHENA": "AthenaProperties", "PYTHON": "PythonProperties"}
    member = override.get(request.get("ApplyOverrideForComputeEnvironment") or "")
    if member is not None:
        found["ConnectionProperties"] = found["ConnectionProperties"] | (found.get(member) or {})
    return {"Connection": found}


def get_connections(call: Call, request: Request) -> Answer:
    wanted, hide = request.get("Filter") or {}, bool(request.get("HidePassword"))

    def fetch(after: list[str] | None, limit: int) -> list[Document]:
        found: list[Document] = []
        while len(found) < limit:
            rows = call.tx.select(store.CONNECTIONS, after=after, limit=limit)
            found += [row for row in rows if _meets(row, wanted)]
            if len(rows) < limit:
                break
            after = [rows[-1]["Name"]]
        return found[:limit]

    found, following = glue_page(call, request, fetch, lambda row: [row["Name"]])
    return {"ConnectionList": [_shown(call, row, hide=hide) for row in found], **following}


def _meets(connection: Document, wanted: dict[str, Any]) -> bool:
    if wanted.get("ConnectionType") not in (None, connection["ConnectionType"]):
        return False
    if wanted.get("ConnectionSchemaVersion") not in (None, connection["ConnectionSchemaVersion"]):
        return False
    return set(wanted.get("MatchCriteria") or ()) <= set(connection.get("MatchCriteria") or ())


def update_connection(call: Call, request: Request) -> Answer:
    old, given = _found(call, request["Name"]), request["ConnectionInput"]
    if given["Name"] != old["Name"]:
        raise rules.invalid("A connection cannot be renamed.")
    put(call, given)
    return {}


def delete_connection(call: Call, request: Request) -> Answer:
    _delete(call, request["ConnectionName"])
    return {}


def _delete(call: Call, name: str) -> None:
    _found(call, name)
    call.tx.remove(store.CONNECTIONS, name)
    call.tx.remove(store.TAGS, permissions.arn(call, "connection", name))


def batch_delete_connection(call: Call, request: Request) -> Answer:
    succeeded, errors = [], {}
    for name in request["ConnectionNameList"]:
        try:
            _delete(call, name)
        except ServiceError as error:
            errors[name] = {"ErrorCode": error.code, "ErrorMessage": error.message}
        else:
            succeeded.append(name)
    return {"Succeeded": succeeded, "Errors": errors}


def _each(action: str) -> Callable[[Call, Request], None]:
    """Access by `action` on every connection that the request lists."""
    one = on_one(action, "connection")

    def access(call: Call, request: Request) -> None:
        for name in request["ConnectionNameList"] or ["*"]:
            one(call, {"CatalogId": request.get("CatalogId"), "Name": name})

    return access


OPERATIONS: dict[str, Operation] = {
    "CreateConnection": writes(
        create_connection, on_one("glue:CreateConnection", "connection", name="ConnectionInput.Name")
    ),
    "GetConnection": reads(get_connection, on_one("glue:GetConnection", "connection")),
    "GetConnections": reads(get_connections, on_one("glue:GetConnections", "connection", name="")),
    "UpdateConnection": writes(update_connection, on_one("glue:UpdateConnection", "connection")),
    "DeleteConnection": writes(delete_connection, on_one("glue:DeleteConnection", "connection", name="ConnectionName")),
    "BatchDeleteConnection": writes(batch_delete_connection, _each("glue:BatchDeleteConnection")),
}
