"""What each kind of connection is given, and what is shown of it: AWS's unions of inputs and outputs differ."""

from collections.abc import Callable
from typing import Any

from twinplane.data_plane.services.datazone import rules

Properties = dict[str, Any]

TYPES = {
    "athenaProperties": "ATHENA",
    "iamProperties": "IAM",
    "s3Properties": "S3",
    "sparkGlueProperties": "SPARK",
    "sparkEmrProperties": "SPARK",
    "lakehouseProperties": "LAKEHOUSE",
    "redshiftProperties": "REDSHIFT",
    "snowflakeProperties": "SNOWFLAKE",
    "mlflowProperties": "MLFLOW",
    "workflowsMwaaProperties": "WORKFLOWS_MWAA",
    "workflowsServerlessProperties": "WORKFLOWS_SERVERLESS",
    "hyperPodProperties": "HYPERPOD",
    "gitProperties": "GIT",
    "vpcProperties": "VPC",
    "amazonQProperties": "AMAZON_Q",
}
"""A connection's type follows from its properties; that of `glueProperties` from what they say."""

_READY = {"status": "READY"}  # there is nothing to wait for


def output(kind: str, given: Properties) -> tuple[Properties, Properties]:
    """What is shown of properties, and what they say of the physical endpoint.

    Raises ValidationException for what is not served.
    """
    if kind == "glueProperties":
        return _READY, _of_glue(given.get("glueConnectionInput") or {})
    if kind not in TYPES:
        raise rules.invalid(f"Connections with {kind} are not served by this data plane.")
    if "usernamePassword" in given.get("credentials", {}):
        raise rules.invalid("Give credentials as secretArn: this data plane stores no passwords in connections.")
    return _OUTPUTS.get(kind, _as_given)(given)


def lineage_sync(props: dict[str, Properties]) -> Properties | None:
    """What a connection's shown properties say of importing lineage; None for those that cannot."""
    [shown] = props.values()
    sync: Properties | None = shown.get("lineageSync")
    return sync


def lineage_schedule(props: dict[str, Properties]) -> Properties | None:
    """When lineage is imported, as AWS's ScheduleConfiguration; None: by no schedule."""
    sync = lineage_sync(props) or {}
    schedule = sync.get("schedule")
    if isinstance(schedule, dict):  # Redshift's is a structure, Snowflake's a text with its time zone beside it
        return {"schedule": schedule.get("schedule")}
    return None if schedule is None else {"schedule": schedule, "timezone": sync.get("timezone")}


def type_of(kind: str, given: Properties) -> str:
    """The type of a connection with these properties."""
    return str(given["glueConnectionInput"]["connectionType"]) if kind == "glueProperties" else TYPES[kind]


_SHOWN_OF_GLUE = (
    "name", "description", "connectionType", "connectionProperties", "sparkProperties", "athenaProperties",
    "pythonProperties", "physicalConnectionRequirements",
)  # fmt: skip


def _of_glue(given: Properties) -> Properties:
    """The endpoint of a connection to a database: where it is, and the secret that holds its password."""
    for member in ("name", "connectionType", "connectionProperties"):
        if not given.get(member):
            raise rules.invalid(f"glueConnectionInput needs {member}.")
    authentication = given.get("authenticationConfiguration", {})
    if "basicAuthenticationCredentials" in authentication or "PASSWORD" in given["connectionProperties"]:
        raise rules.invalid("Give credentials as secretArn: this data plane stores no passwords in connections.")
    connection = _of(given, *_SHOWN_OF_GLUE) | _READY | {"connectionSchemaVersion": 2}
    connection["authenticationConfiguration"] = _of(authentication, "authenticationType", "secretArn")
    where = given["connectionProperties"]
    named = where.get("PORT", "")
    port = {"port": int(named)} if named.isdecimal() and len(named) <= 5 else {}
    host = {"host": where["HOST"]} if where.get("HOST") else {}
    return {"glueConnectionName": given["name"], "glueConnection": connection} | host | port


def _of(given: Properties, *members: str) -> Properties:
    return {member: given[member] for member in members if member in given}


def _as_given(given: Properties) -> tuple[Properties, Properties]:
    return given, {}


def _with_status(given: Properties) -> tuple[Properties, Properties]:
    return given | _READY, {}


def _iam(given: Properties) -> tuple[Properties, Properties]:
    if "roleArn" in given:
        raise rules.invalid("IAM connections act with their project's role here: leave out roleArn.")
    return given, {}


def _redshift(given: Properties) -> tuple[Properties, Properties]:
    shown = _of(given, "storage", "credentials", "databaseName")
    if "lineageSync" in given:
        shown["lineageSync"] = dict(given["lineageSync"])
    endpoint = _of(given, "host", "port")
    if "host" in given:
        address = f"{given['host']}:{given.get('port', 5439)}/{given.get('databaseName', 'dev')}"
        shown |= {"jdbcUrl": f"jdbc:redshift://{address}", "jdbcIamUrl": f"jdbc:redshift:iam://{address}"}
        endpoint["protocol"] = "JDBC"
    return shown | _READY | {"isProvisionedSecret": False}, endpoint


def _spark_on_emr(given: Properties) -> tuple[Properties, Properties]:
    return given | {"governanceType": "USER_MANAGED"}, {}


def _snowflake(given: Properties) -> tuple[Properties, Properties]:
    lineage = dict(given.get("lineageSync", {"enabled": False}))
    shown = _of(given, "snowflakeRole", "identityMapping")
    connectivity = given.get("connectivityProperties", {})
    endpoint = {"glueConnectionName": connectivity["name"]} if "name" in connectivity else {}
    return shown | {"lineageSync": lineage} | _READY, endpoint


_OUTPUTS: dict[str, Callable[[Properties], tuple[Properties, Properties]]] = {
    "s3Properties": _with_status,
    "gitProperties": _with_status,
    "vpcProperties": _with_status,
    "iamProperties": _iam,
    "redshiftProperties": _redshift,
    "sparkEmrProperties": _spark_on_emr,
    "snowflakeProperties": _snowflake,
}
