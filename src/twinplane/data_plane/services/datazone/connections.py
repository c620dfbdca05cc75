"""Connections of a project: where its tools find storage, queries and credentials."""

from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, new_id, reads, writes
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.datazone import access, environments, rules, store
from twinplane.data_plane.store import Document

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

_TYPES = {
    "athenaProperties": "ATHENA",
    "iamProperties": "IAM",
    "s3Properties": "S3",
    "sparkGlueProperties": "SPARK",
    "sparkEmrProperties": "SPARK",
    "lakehouseProperties": "LAKEHOUSE",
    "redshiftProperties": "REDSHIFT",
    "mlflowProperties": "MLFLOW",
    "workflowsMwaaProperties": "WORKFLOWS_MWAA",
    "workflowsServerlessProperties": "WORKFLOWS_SERVERLESS",
    "hyperPodProperties": "HYPERPOD",
    "gitProperties": "GIT",
    "vpcProperties": "VPC",
    "amazonQProperties": "AMAZON_Q",
}
"""A connection's type follows from its properties. Glue and Snowflake connections are not served."""

_WITH_STATUS = ("s3Properties", "redshiftProperties", "gitProperties", "vpcProperties")


def create_connection(call: Call, request: Request) -> Answer:
    """Makes a connection in an environment's project; for its owners and contributors."""
    domain_id = request["domainIdentifier"]
    if request.get("scope", "PROJECT") != "PROJECT":
        raise rules.invalid("This data plane serves connections of projects only (scope PROJECT).")
    if not request.get("environmentIdentifier"):
        raise rules.invalid("A connection of a project needs environmentIdentifier.")
    environment = store.get_environment(call.tx, domain_id, request["environmentIdentifier"])
    access.require_project_role(call, domain_id, environment["projectId"], of=("Environment", environment["id"]))
    if "props" not in request:
        raise rules.invalid("A connection needs props.")
    connection = new_connection(
        domain_unit_id=store.get_project(call.tx, domain_id, environment["projectId"])["domainUnitId"],
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
    access.add_unique(
        call.tx, store.CONNECTIONS, connection, f"The project has a connection named {connection['name']}."
    )
    return store.pick(connection, _SHOWN)


def new_connection(
    *,
    domain_unit_id: str,
    environment: Document,
    name: str,
    props: dict[str, Any],
    location: dict[str, Any],
    identity: bool,
    now: float,
) -> Document:
    """The document of a connection; it is not stored. Raises ValidationException for properties not served."""
    kind, properties = rules.exactly_one(props, "props")
    if kind not in _TYPES:
        raise rules.invalid(f"Connections with {kind} are not served by this data plane.")
    if kind in _WITH_STATUS:
        properties = {**properties, "status": "READY"}
    return {
        "domainId": environment["domainId"],
        "connectionId": new_id(),
        "domainUnitId": domain_unit_id,
        "environmentId": environment["id"],
        "projectId": environment["projectId"],
        "name": name,
        "type": _TYPES[kind],
        "scope": "PROJECT",
        "props": {kind: _without_secrets(properties)},
        "physicalEndpoints": [{"awsLocation": location, "enableTrustedIdentityPropagation": identity}],
        "createdAt": now,
        "updatedAt": now,
    }


def _without_secrets(properties: dict[str, Any]) -> dict[str, Any]:
    if "usernamePassword" in properties.get("credentials", {}):
        raise rules.invalid("Give credentials as secretArn: this data plane stores no passwords in connections.")
    return properties


def get_connection(call: Call, request: Request) -> Answer:
    """A connection, for members of its project. `withSecret` adds credentials, for its owners and contributors."""
    connection = _connection(call, request)
    domain_id, project_id = connection["domainId"], connection["projectId"]
    with_secret = bool(request.get("withSecret"))
    who = access.require_project_role(
        call,
        domain_id,
        project_id,
        rule="GetConnection with its secret" if with_secret else "GetConnection",
        of=_named(connection),
    )
    answer = store.pick(connection, _SHOWN)
    if connection["type"] == "IAM":
        role_arn = store.project_role_arn(call.tx, domain_id, project_id)
        answer |= {} if role_arn is None else {"environmentUserRole": role_arn}
    if with_secret:
        answer["connectionCredentials"] = environments.project_credentials(call, domain_id, project_id, who)
    return answer


def list_connections(call: Call, request: Request) -> Answer:
    """The connections of a project, by name; for its members."""
    domain_id = request["domainIdentifier"]
    project_id, of = request.get("projectIdentifier"), None
    if not project_id and request.get("environmentIdentifier"):
        of = ("Environment", request["environmentIdentifier"])
        project_id = store.get_environment(call.tx, domain_id, request["environmentIdentifier"])["projectId"]
    if not project_id:
        access.caller(call, domain_id)
        return {"items": []}  # connections of the domain itself are not served
    access.require_project_role(call, domain_id, project_id, of=of)
    where = {"domainId": domain_id, "projectId": project_id}
    for member, column in (("name", "name"), ("type", "type"), ("environmentIdentifier", "environmentId")):
        if request.get(member):
            where[column] = request[member]
    if request.get("scope", "PROJECT") != "PROJECT":
        return {"items": []}
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
    connection = _connection(call, request)
    access.require_project_role(call, connection["domainId"], connection["projectId"], of=_named(connection))
    connection |= store.pick(request, ("description", "configurations")) | {"updatedAt": call.now}
    if request.get("awsLocation"):
        endpoint = connection["physicalEndpoints"][0]
        endpoint["awsLocation"] = {**endpoint["awsLocation"], **request["awsLocation"]}
    if request.get("props"):
        kind, changes = rules.exactly_one(request["props"], "props")
        if kind not in connection["props"]:
            raise rules.invalid(f"A connection of type {connection['type']} has no {kind}.")
        connection["props"][kind] = {**connection["props"][kind], **_without_secrets(changes)}
    call.tx.put(store.CONNECTIONS, connection)
    return store.pick(connection, _SHOWN)


def delete_connection(call: Call, request: Request) -> Answer:
    """Removes a connection; for owners and contributors of its project. Those every project has stay."""
    connection = _connection(call, request)
    access.require_project_role(call, connection["domainId"], connection["projectId"], of=_named(connection))
    if connection.get("provisioned"):
        raise rules.invalid(f"Connection {connection['name']} belongs to its environment and goes with it only.")
    call.tx.remove(store.CONNECTIONS, connection["domainId"], connection["connectionId"])
    return {"status": "DELETING"}


def _named(connection: Document) -> tuple[str, str]:
    return "Connection", connection["connectionId"]


def _connection(call: Call, request: Request) -> Document:
    return store.found(call.tx, store.CONNECTIONS, "Connection", request["domainIdentifier"], request["identifier"])


OPERATIONS: dict[str, Operation] = {
    "CreateConnection": writes(create_connection, access.allowed("CreateConnection")),
    "GetConnection": reads(get_connection, access.allowed("GetConnection")),
    "ListConnections": reads(list_connections, access.allowed("ListConnections")),
    "UpdateConnection": writes(update_connection, access.allowed("UpdateConnection")),
    "DeleteConnection": writes(delete_connection, access.allowed("DeleteConnection")),
}
