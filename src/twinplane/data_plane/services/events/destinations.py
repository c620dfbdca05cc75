"""Connections and API destinations: where events are sent over HTTP, and with what credentials."""

import uuid
from typing import Any
from urllib.parse import urlsplit

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads, writes
from twinplane.data_plane.sealing import seal, unseal
from twinplane.data_plane.services.events import store
from twinplane.data_plane.services.events.buses import named_page
from twinplane.data_plane.services.events.invocation import is_of_this_machine
from twinplane.data_plane.services.events.permissions import on_named
from twinplane.data_plane.services.iam.rules import iam
from twinplane.data_plane.store import Document, Kind

_AUTHORIZATIONS = {"BASIC": "BasicAuthParameters", "API_KEY": "ApiKeyAuthParameters"}
_PARAMETERS = ("HeaderParameters", "QueryStringParameters", "BodyParameters")


def _get(call: Call, kind: Kind, what: str, name: str) -> Document:
    found = call.tx.find(kind, name)
    if found is None:
        raise ServiceError("ResourceNotFoundException", f"Failed to describe the {what}(s). {what} '{name}' does not "
                           "exist.")  # fmt: skip
    return found


# Connections


def create_connection(call: Call, request: Request) -> Answer:
    name = request["Name"]
    if call.tx.find(store.CONNECTIONS, name) is not None:
        raise ServiceError("ResourceAlreadyExistsException", f"Connection {name} already exists.")
    secrets = _secrets(request["AuthorizationType"], request["AuthParameters"])
    if request.get("InvocationConnectivityParameters") is not None:
        raise ServiceError("NotImplemented", "Private connectivity is not served.", 501)
    connection = {
        "name": name, "arn": store.arn_of(call.plane, f"connection/{name}/{uuid.uuid4()}"), "state": "AUTHORIZED",
        "description": request.get("Description"), "type": request["AuthorizationType"],
        "sealed": seal(call.plane, store.SEALED, secrets), "created_at": call.now, "modified_at": call.now,
        "authorized_at": call.now,
    }  # fmt: skip
    call.tx.add(store.CONNECTIONS, connection)
    return _connection_result(connection)


def _secrets(kind: str, given: dict[str, Any]) -> dict[str, Any]:
    member = _AUTHORIZATIONS.get(kind)
    if member is None:
        raise ServiceError("NotImplemented", f"Connections with {kind} are not served.", 501)
    if given.get(member) is None:
        raise ServiceError("ValidationException", f"AuthParameters must have {member} for {kind}.")
    return {name: given[name] for name in (member, "InvocationHttpParameters") if given.get(name) is not None}


def _connection_result(connection: Document) -> Answer:
    return {
        "ConnectionArn": connection["arn"], "ConnectionState": connection["state"],
        "CreationTime": connection["created_at"], "LastModifiedTime": connection["modified_at"],
    }  # fmt: skip


def update_connection(call: Call, request: Request) -> Answer:
    connection = _get(call, store.CONNECTIONS, "Connection", request["Name"])
    kind = request.get("AuthorizationType") or connection["type"]
    given = request.get("AuthParameters")
    if given is not None:
        old = unseal(call.plane, store.SEALED, connection["sealed"]) if kind == connection["type"] else {}
        connection["sealed"] = seal(call.plane, store.SEALED, _secrets(kind, _merged(old, given)))
    elif kind != connection["type"]:
        raise ServiceError("ValidationException", f"AuthParameters must be given with {kind}.")
    connection |= {"type": kind, "state": "AUTHORIZED", "modified_at": call.now, "authorized_at": call.now}
    if request.get("Description") is not None:
        connection["description"] = request["Description"]
    call.tx.put(store.CONNECTIONS, connection)
    return _connection_result(connection) | {"LastAuthorizedTime": connection["authorized_at"]}


def _merged(old: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """What an update leaves out stays as it was."""
    merged = {**old, **given}
    for member in _AUTHORIZATIONS.values():
        if old.get(member) is not None and given.get(member) is not None:
            merged[member] = {**old[member], **given[member]}
    return merged


def describe_connection(call: Call, request: Request) -> Answer:
    """A connection without its secrets: names of keys and users, never a value that was declared secret."""
    connection = _get(call, store.CONNECTIONS, "Connection", request["Name"])
    secrets = unseal(call.plane, store.SEALED, connection["sealed"])
    shown: dict[str, Any] = {}
    if connection["type"] == "BASIC":
        shown["BasicAuthParameters"] = {"Username": secrets["BasicAuthParameters"]["Username"]}
    else:
        shown["ApiKeyAuthParameters"] = {"ApiKeyName": secrets["ApiKeyAuthParameters"]["ApiKeyName"]}
    parameters = secrets.get("InvocationHttpParameters")
    if parameters is not None:
        shown["InvocationHttpParameters"] = {
            member: [_shown(pair) for pair in parameters[member]] for member in _PARAMETERS if parameters.get(member)
        }
    return _connection_view(connection) | {"AuthParameters": shown}


def _shown(pair: dict[str, Any]) -> dict[str, Any]:
    secret = pair.get("IsValueSecret", True)
    return {"Key": pair["Key"], "IsValueSecret": secret} | ({} if secret else {"Value": pair.get("Value")})


def _connection_view(connection: Document) -> Answer:
    view = {
        "Name": connection["name"], **_connection_result(connection), "AuthorizationType": connection["type"],
        "LastAuthorizedTime": connection["authorized_at"], "Description": connection["description"],
    }  # fmt: skip
    return {member: value for member, value in view.items() if value is not None}


def list_connections(call: Call, request: Request) -> Answer:
    wanted, prefix = request.get("ConnectionState"), request.get("NamePrefix") or ""

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        found = call.tx.select(store.CONNECTIONS, after=after)
        return [c for c in found if c["name"].startswith(prefix) and wanted in (None, c["state"])][:limit]

    found, token = named_page(call, request, fetch)
    views = [{m: v for m, v in _connection_view(each).items() if m != "Description"} for each in found]
    return {"Connections": views, **token}


def deauthorize_connection(call: Call, request: Request) -> Answer:
    """Takes a connection's credentials away; it stays, and is given new ones by an update."""
    connection = _get(call, store.CONNECTIONS, "Connection", request["Name"])
    name = _AUTHORIZATIONS[connection["type"]]
    kept = dict.fromkeys(unseal(call.plane, store.SEALED, connection["sealed"])[name], "")
    connection |= {
        "state": "DEAUTHORIZED",
        "sealed": seal(call.plane, store.SEALED, {name: kept}),
        "modified_at": call.now,
    }
    call.tx.put(store.CONNECTIONS, connection)
    return _connection_result(connection) | {"LastAuthorizedTime": connection["authorized_at"]}


def delete_connection(call: Call, request: Request) -> Answer:
    connection = _get(call, store.CONNECTIONS, "Connection", request["Name"])
    call.tx.remove(store.CONNECTIONS, connection["name"])
    return _connection_result(connection) | {
        "ConnectionState": "DELETING", "LastAuthorizedTime": connection["authorized_at"],
    }  # fmt: skip


# API destinations


def create_api_destination(call: Call, request: Request) -> Answer:
    name = request["Name"]
    if call.tx.find(store.DESTINATIONS, name) is not None:
        raise ServiceError("ResourceAlreadyExistsException", f"An api-destination '{name}' already exists.")
    destination = {
        "name": name, "arn": store.arn_of(call.plane, f"api-destination/{name}/{uuid.uuid4()}"),
        "description": request.get("Description"), "rate": request.get("InvocationRateLimitPerSecond", 300),
        "endpoint": request["InvocationEndpoint"], "method": request["HttpMethod"],
        "connection_arn": request["ConnectionArn"], "created_at": call.now, "modified_at": call.now,
    }  # fmt: skip
    _check(call, destination)
    call.tx.add(store.DESTINATIONS, destination)
    return _destination_result(destination)


def _check(call: Call, destination: Document) -> None:
    if not is_of_this_machine(destination["endpoint"]):
        raise ServiceError(
            "ValidationException",
            "The invocation endpoint must be of 127.0.0.1, localhost or [::1]: this plane calls no other machine.",
        )
    if urlsplit(destination["endpoint"]).port == urlsplit(call.plane.settings.endpoint).port:
        raise ServiceError("ValidationException", "The plane does not call itself: that call would be an event again.")
    connection = call.tx.find(store.CONNECTIONS, destination["connection_arn"].split("/")[1])
    if connection is None or connection["arn"] != destination["connection_arn"]:
        raise ServiceError("ResourceNotFoundException", f"Connection '{destination['connection_arn']}' does not exist.")


def _destination_result(destination: Document) -> Answer:
    return {
        "ApiDestinationArn": destination["arn"], "ApiDestinationState": "ACTIVE",
        "CreationTime": destination["created_at"], "LastModifiedTime": destination["modified_at"],
    }  # fmt: skip


def update_api_destination(call: Call, request: Request) -> Answer:
    destination = _get(call, store.DESTINATIONS, "ApiDestination", request["Name"])
    for member, name in (
        ("Description", "description"), ("ConnectionArn", "connection_arn"), ("InvocationEndpoint", "endpoint"),
        ("HttpMethod", "method"), ("InvocationRateLimitPerSecond", "rate"),
    ):  # fmt: skip
        if request.get(member) is not None:
            destination[name] = request[member]
    _check(call, destination)
    call.tx.put(store.DESTINATIONS, destination | {"modified_at": call.now})
    return _destination_result(destination | {"modified_at": call.now})


def _destination_view(destination: Document) -> Answer:
    return {
        "Name": destination["name"], **_destination_result(destination), "HttpMethod": destination["method"],
        "ConnectionArn": destination["connection_arn"], "InvocationEndpoint": destination["endpoint"],
        "InvocationRateLimitPerSecond": destination["rate"],
    }  # fmt: skip


def describe_api_destination(call: Call, request: Request) -> Answer:
    destination = _get(call, store.DESTINATIONS, "ApiDestination", request["Name"])
    described = destination["description"]
    return _destination_view(destination) | ({"Description": described} if described is not None else {})


def list_api_destinations(call: Call, request: Request) -> Answer:
    connection, prefix = request.get("ConnectionArn"), request.get("NamePrefix") or ""

    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        found = call.tx.select(store.DESTINATIONS, after=after)
        return [d for d in found if d["name"].startswith(prefix) and connection in (None, d["connection_arn"])][:limit]

    found, token = named_page(call, request, fetch)
    return {"ApiDestinations": [_destination_view(each) for each in found], **token}


def delete_api_destination(call: Call, request: Request) -> Answer:
    _get(call, store.DESTINATIONS, "ApiDestination", request["Name"])
    call.tx.remove(store.DESTINATIONS, request["Name"])
    return {}


def _on_connection(action: str) -> Any:
    return on_named(action, "connection", "AWS::Events::Connection")


def _on_destination(action: str) -> Any:
    return on_named(action, "api-destination", "AWS::Events::ApiDestination")


OPERATIONS: dict[str, Operation] = {
    "CreateConnection": writes(create_connection, _on_connection("events:CreateConnection")),
    "UpdateConnection": writes(update_connection, _on_connection("events:UpdateConnection")),
    "DescribeConnection": reads(describe_connection, _on_connection("events:DescribeConnection")),
    "ListConnections": reads(list_connections, iam("events:ListConnections")),
    "DeauthorizeConnection": writes(deauthorize_connection, _on_connection("events:DeauthorizeConnection")),
    "DeleteConnection": writes(delete_connection, _on_connection("events:DeleteConnection")),
    "CreateApiDestination": writes(create_api_destination, _on_destination("events:CreateApiDestination")),
    "UpdateApiDestination": writes(update_api_destination, _on_destination("events:UpdateApiDestination")),
    "DescribeApiDestination": reads(describe_api_destination, _on_destination("events:DescribeApiDestination")),
    "ListApiDestinations": reads(list_api_destinations, iam("events:ListApiDestinations")),
    "DeleteApiDestination": writes(delete_api_destination, _on_destination("events:DeleteApiDestination")),
}
