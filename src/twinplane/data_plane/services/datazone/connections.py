"""Connections of a project: where its tools find storage, queries and credentials."""

from typing import TYPE_CHECKING, Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, new_id, reads, writes
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.datazone import (
    access,
    connection_properties,
    environments,
    glue_connections,
    job_runs,
    rules,
    store,
)
from twinplane.data_plane.store import Document, Transaction

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

_LISTED = (
    "configurations",
    "connectionId",
    "domainId",
    "domainUnitId",
    "environmentId",
    "name",
    "physicalEndpoints",
    "projectId",
    "props",
    "type",
    "scope",
)
_SHOWN = (*_LISTED, "description")

NOTES = {
    "CreateConnection": "No engine is asked whether it can be reached: every connection is READY at once. Passwords, "
    "roles of one's own in iamProperties, and a type of connection for glueProperties that AWS Glue lacks are refused.",
    "UpdateConnection": "Takes effect at once: no UPDATING is seen.",
    "DeleteConnection": "Answers DELETING, as the connection is gone already.",
}
ASSUMED = {
    "CreateConnection": "A connection of scope DOMAIN is for owners of the root domain unit to make and change, for "
    "every user of the domain to see, and has no credentials.",
    "DeleteConnection": "Connections that an environment brought with it go with the environment only.",
}


def create_connection(call: Call, request: Request) -> Answer:
    """Makes a connection in an environment's project, for its owners and contributors; or one of the domain."""
    domain_id = request["domainIdentifier"]
    environment: Document | None = None
    if request.get("scope", "PROJECT") == "DOMAIN":
        who = access.require(call, domain_id, rule="CreateConnection of a domain")
        if request.get("environmentIdentifier"):
            raise rules.invalid("A connection of the domain has no environment: leave out environmentIdentifier.")
        unit_id = store.get_domain(call.tx, domain_id)["rootDomainUnitId"]
    else:
        if not request.get("environmentIdentifier"):
            raise rules.invalid("A connection of a project needs environmentIdentifier.")
        access.caller(call, domain_id)
        environment = store.get_environment(call.tx, domain_id, request["environmentIdentifier"])
        of = ("Environment", environment["id"])
        who = access.require_project_role(call, domain_id, environment["projectId"], of=of)
        if environment["status"] == "DELETING":
            raise rules.conflict(f"Environment {environment['id']} is being deleted.")
        unit_id = store.get_project(call.tx, domain_id, environment["projectId"])["domainUnitId"]
    if "props" not in request:
        raise rules.invalid("A connection needs props.")
    connection = new_connection(
        domain_id=domain_id,
        domain_unit_id=unit_id,
        environment=environment,
        name=request["name"],
        props=request["props"],
        location={
            "awsAccountId": call.account_id,
            "awsRegion": call.region,
            **request.get("awsLocation", {}),
        },
        identity=request.get("enableTrustedIdentityPropagation", False),
        now=call.now,
    )
    connection |= store.pick(request, ("description", "configurations"))
    here = {"domainId": domain_id, "projectId": connection["projectId"], "name": connection["name"]}
    if call.tx.first(store.CONNECTIONS, here) is not None:
        raise rules.conflict(
            f"The {'domain' if environment is None else 'project'} has a connection named {connection['name']}."
        )
    connection = job_runs.arm(call.tx, call.plane, connection, who.id, call.now)
    glue_connections.make(call, connection)
    call.tx.add(store.CONNECTIONS, connection)
    return store.pick(connection, _SHOWN)


def new_connection(
    *,
    domain_id: str,
    domain_unit_id: str,
    environment: Document | None,
    name: str,
    props: dict[str, Any],
    location: dict[str, Any],
    identity: bool,
    now: float,
    type_: str | None = None,
) -> Document:
    """The document of a connection; it is not stored. Without an environment it is the domain's.

    Raises ValidationException for properties not served.
    """
    kind, given = rules.exactly_one(props, "props")
    shown, endpoint = connection_properties.output(kind, given)
    return {
        "domainId": domain_id,
        "connectionId": new_id(),
        "domainUnitId": domain_unit_id,
        "environmentId": None if environment is None else environment["id"],
        "projectId": None if environment is None else environment["projectId"],
        "name": name,
        "type": type_ or connection_properties.type_of(kind, given),
        "scope": "DOMAIN" if environment is None else "PROJECT",
        "props": {kind: shown},
        "given": given,
        "physicalEndpoints": [{"awsLocation": location, "enableTrustedIdentityPropagation": identity, **endpoint}],
        "createdAt": now,
        "updatedAt": now,
    }


def get_connection(call: Call, request: Request) -> Answer:
    """A connection, for members of its project. `withSecret` adds credentials, for its owners and contributors."""
    with_secret = bool(request.get("withSecret"))
    connection, who = _allowed(call, request, "GetConnection with its secret" if with_secret else "GetConnection")
    answer = store.pick(connection, _SHOWN)
    domain_id, project_id = connection["domainId"], connection["projectId"]
    if project_id is None:
        if with_secret:
            raise rules.invalid("A connection of the domain has no credentials: it belongs to no project.")
        return answer
    if connection["type"] == "IAM":
        role_arn = store.project_role_arn(call.tx, domain_id, project_id)
        answer |= {} if role_arn is None else {"environmentUserRole": role_arn}
    if with_secret:
        answer["connectionCredentials"] = environments.project_credentials(call, domain_id, project_id, who)
    return answer


def list_connections(call: Call, request: Request) -> Answer:
    """The connections of a project, by name, for its members; without a project, those of the domain."""
    domain_id = request["domainIdentifier"]
    project_id, of = request.get("projectIdentifier"), None
    access.caller(call, domain_id)
    if not project_id and request.get("environmentIdentifier"):
        of = ("Environment", request["environmentIdentifier"])
        project_id = store.get_environment(call.tx, domain_id, request["environmentIdentifier"])["projectId"]
    if project_id:
        access.require_project_role(call, domain_id, project_id, of=of)
    if request.get("scope", "PROJECT" if project_id else "DOMAIN") != ("PROJECT" if project_id else "DOMAIN"):
        return {"items": []}
    where = {"domainId": domain_id, "projectId": project_id}
    for member, column in (("name", "name"), ("type", "type"), ("environmentIdentifier", "environmentId")):
        if request.get(member):
            where[column] = request[member]
    rows, token = page(
        call,
        request,
        lambda after, limit: call.tx.select(
            store.CONNECTIONS,
            where,
            order=("name",),
            after=after,
            limit=limit,
            descending=request.get("sortOrder") == "DESCENDING",
        ),
        lambda connection: [connection["name"], connection["domainId"], connection["connectionId"]],
        most=50,
    )
    return {"items": [store.pick(connection, _LISTED) for connection in rows], "nextToken": token}


def update_connection(call: Call, request: Request) -> Answer:
    """Changes a connection's description, location or properties; for owners and contributors of its project."""
    connection, who = _allowed(call, request, "UpdateConnection")
    connection |= store.pick(request, ("description", "configurations")) | {"updatedAt": call.now}
    endpoint = connection["physicalEndpoints"][0]
    if request.get("awsLocation"):
        endpoint["awsLocation"] = {**endpoint["awsLocation"], **request["awsLocation"]}
    if request.get("props"):
        kind, changes = rules.exactly_one(request["props"], "props")
        if kind not in connection["props"]:
            raise rules.invalid(f"A connection of type {connection['type']} has no {kind}.")
        given = _changed(connection.get("given", connection["props"][kind]), changes)
        shown, of_endpoint = connection_properties.output(kind, given)
        connection |= {"given": given, "props": {kind: connection["props"][kind] | shown}}
        endpoint |= of_endpoint
        connection = job_runs.arm(call.tx, call.plane, connection, who.id, call.now)
        glue_connections.change(call, connection)
    call.tx.put(store.CONNECTIONS, connection)
    return store.pick(connection, _SHOWN)


def delete_connection(call: Call, request: Request) -> Answer:
    """Removes a connection; for owners and contributors of its project. Those every project has stay."""
    connection, _ = _allowed(call, request, "DeleteConnection")
    if connection.get("provisioned"):
        raise rules.invalid(f"Connection {connection['name']} belongs to its environment and goes with it only.")
    forget(call.tx, call.plane, connection)
    return {"status": "DELETING"}


def forget(tx: Transaction, plane: "Plane", connection: Document) -> None:
    """Removes a connection with what there is of it: runs of its job, AWS Glue's connection."""
    job_runs.forget(tx, connection)
    glue_connections.forget(tx, plane, connection)
    tx.remove(store.CONNECTIONS, connection["domainId"], connection["connectionId"])


def _changed(given: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Properties with changes, which name of a connection of AWS Glue only what changes."""
    inner = given.get("glueConnectionInput")
    if inner is None:
        return {**given, **changes}
    patch = dict(changes.get("glueConnectionInput") or {})
    if "authenticationConfiguration" in patch:
        known = inner.get("authenticationConfiguration") or {}
        patch["authenticationConfiguration"] = {**known, **patch["authenticationConfiguration"]}
    return {**given, "glueConnectionInput": {**inner, **patch}}


def _allowed(call: Call, request: Request, rule: str) -> tuple[Document, access.Caller]:
    """The connection that the request names, and the caller, who must have the right to it."""
    domain_id = request["domainIdentifier"]
    access.caller(call, domain_id)
    connection = store.found(call.tx, store.CONNECTIONS, "Connection", domain_id, request["identifier"])
    if connection["projectId"] is None:
        reading = rule.startswith("Get")
        return connection, access.require(
            call, domain_id, rule=f"{'Get' if reading else 'Create'}Connection of a domain"
        )
    of = ("Connection", connection["connectionId"])
    return connection, access.require_project_role(call, domain_id, connection["projectId"], rule=rule, of=of)


OPERATIONS: dict[str, Operation] = {
    "CreateConnection": writes(create_connection, access.allowed("CreateConnection")),
    "GetConnection": reads(get_connection, access.allowed("GetConnection")),
    "ListConnections": reads(list_connections, access.allowed("ListConnections")),
    "UpdateConnection": writes(update_connection, access.allowed("UpdateConnection")),
    "DeleteConnection": writes(delete_connection, access.allowed("DeleteConnection")),
}
