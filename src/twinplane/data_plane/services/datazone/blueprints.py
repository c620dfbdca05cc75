"""The managed environment blueprints, and how this account provisions them in a domain.

`Tooling` and `DataLake` are served: environments of them are really made (`provisioning`). Of `Workflows` only the
connection is made; no Airflow runs behind it yet, so calls to it say that they are not served. The others are listed
and may be configured, so that project profiles can name them; an environment of one fails, and says why.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

from twinplane.data_plane.call import Answer, Call, Operation, Request, reads, writes
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.datazone import access, store
from twinplane.data_plane.services.datazone.rules import Parameter
from twinplane.data_plane.services.iam.rules import require_pass_role
from twinplane.data_plane.store import Document

PROVIDER = "Amazon SageMaker"

DEFAULT_DATABASE = "glue_db"

DEPLOYMENT_PROPERTIES = {"startTimeoutMinutes": 120, "endTimeoutMinutes": 120}

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A managed blueprint: its parameters, and whether this data plane makes environments of it."""

    name: str
    description: str
    parameters: tuple[Parameter, ...] = ()
    served: bool = False
    category: str | None = None

    @property
    def id(self) -> str:
        """The same in every domain and on every plane."""
        number = int.from_bytes(hashlib.sha256(f"managed blueprint {self.name}".encode()).digest()[:9])
        return "".join(_DIGITS[number // 36**place % 36] for place in range(14))


def _flag(name: str, default: bool, description: str) -> Parameter:
    return Parameter(name, str(default).lower(), description, "BOOLEAN", is_update_supported=True)


def _number(name: str, default: int, description: str) -> Parameter:
    return Parameter(name, str(default), description, "NUMBER", is_update_supported=True)


MANAGED = (
    Blueprint(
        "Tooling",
        "The project's role, storage, spaces and connections",
        (
            _flag("enableSpaces", True, "JupyterLab and Code Editor spaces"),
            _number("maxEbsVolumeSize", 100, "Largest volume of a space, in GB"),
            _number("idleTimeoutInMinutes", 60, "Idle time after which a space is stopped"),
            _number("minIdleTimeoutInMinutes", 60, "Least idle time that members may choose"),
            _number("maxIdleTimeoutInMinutes", 525600, "Greatest idle time that members may choose"),
            Parameter("lifecycleManagement", "ENABLED", "Whether idle spaces are stopped", is_update_supported=True),
            _flag("enableNetworkIsolation", True, "Whether training jobs and models are isolated from the network"),
            Parameter("sagemakerDomainNetworkType", "VpcOnly", "VpcOnly or PublicInternetOnly"),
            _flag("allowConnectionToUserGovernedEmrClusters", False, "Whether clusters of the user's may be connected"),
            _flag("enableTrustedIdentityPropagationPermissions", False, "Whether people act as themselves"),
            _flag("enableSageMakerMLWorkloadsPermissions", True, "Whether the role may run training and endpoints"),
            _flag("enableGlueWorkloadsPermissions", True, "Whether the role may run AWS Glue jobs"),
            _flag("enableAmazonBedrockIDEPermissions", False, "Whether the role may call Amazon Bedrock"),
            _flag("enableAthena", True, "Whether the project has an Amazon Athena work group"),
            Parameter("workgroupName", "workgroup", "First part of the work group's name"),
            _number("logGroupRetention", 731, "Days that logs are kept"),
            _flag("enableProjectRepositoryAutoSync", True, "Whether spaces pull the project's repository"),
            Parameter("gitConnectionArn", None, "The connection to the project's Git provider"),
            Parameter("gitFullRepositoryId", None, "The project's repository"),
            Parameter("gitBranchName", "main", "The branch the project works on"),
        ),
        served=True,
        category="TOOLING",
    ),
    Blueprint(
        "DataLake",
        "The project's lakehouse database, in AWS Glue",
        (
            Parameter(
                "glueDbName", DEFAULT_DATABASE, "Name of the database; the default gets the project's id behind it"
            ),
        ),
        served=True,
    ),
    Blueprint("ToolingLite", "Role and storage without spaces", category="TOOLING"),
    Blueprint(
        "LakehouseCatalog",
        "A catalog in Amazon Redshift managed storage",
        (Parameter("catalogName", None, "Name of the catalog"), Parameter("catalogDescription", None, "What it holds")),
    ),
    Blueprint(
        "RedshiftServerless",
        "An Amazon Redshift Serverless work group",
        (
            Parameter("redshiftDbName", "dev", "Name of the database"),
            _number("redshiftBaseCapacity", 128, "Base capacity in RPU"),
            _number("redshiftMaxCapacity", 512, "Greatest capacity in RPU"),
            Parameter("connectionName", "redshift.serverless", "Name of the connection"),
        ),
    ),
    Blueprint(
        "Workflows",
        "An environment of Amazon Managed Workflows for Apache Airflow",
        (Parameter("environmentClass", "mw1.micro", "Size of the environment"),),
        served=True,
    ),
    Blueprint(
        "MLExperiments",
        "An MLflow tracking server",
        (
            Parameter("mlflowTrackingServerName", None, "Name of the tracking server"),
            Parameter("mlflowTrackingServerSize", "Small", "Size of the tracking server"),
        ),
    ),
    Blueprint(
        "EmrServerless",
        "An EMR Serverless application",
        (
            Parameter("releaseLabel", "emr-7.5.0", "Release"),
            Parameter("connectionName", "emr.serverless", "Name of the connection"),
        ),
    ),
    Blueprint(
        "EmrOnEc2",
        "An EMR cluster on Amazon EC2",
        (
            Parameter("emrRelease", "emr-7.5.0", "Release"),
            Parameter("clusterName", None, "Name of the cluster"),
            Parameter("primaryInstanceType", "m6g.xlarge", "Instance type of the primary node"),
        ),
    ),
    Blueprint("EmrOnEks", "EMR on Amazon EKS"),
    Blueprint("S3Bucket", "A bucket in Amazon S3"),
    Blueprint("MLflowApp", "An MLflow application"),
    Blueprint("PartnerApps", "Partner AI applications"),
    Blueprint("QuickSight", "Amazon QuickSight"),
    Blueprint("AmazonBedrockChatAgent", "A chat agent on Amazon Bedrock"),
    Blueprint("AmazonBedrockEvaluation", "Evaluation of models on Amazon Bedrock"),
    Blueprint("AmazonBedrockFlow", "A flow on Amazon Bedrock"),
    Blueprint("AmazonBedrockFunction", "A function for agents on Amazon Bedrock"),
    Blueprint("AmazonBedrockGuardrail", "A guardrail on Amazon Bedrock"),
    Blueprint("AmazonBedrockKnowledgeBase", "A knowledge base on Amazon Bedrock"),
    Blueprint("AmazonBedrockPrompt", "A prompt on Amazon Bedrock"),
)

_BY_ID = {blueprint.id: blueprint for blueprint in MANAGED}
_BY_NAME = {blueprint.name: blueprint for blueprint in MANAGED}

NOTES = {
    "GetEnvironmentBlueprint": "There is no template behind provisioningProperties.",
    "PutEnvironmentBlueprintConfiguration": "Of regionalParameters, S3Location decides where projects have their "
    "storage; keys and networks are told of and not used. globalParameters and resourceConfigurations are kept.",
}
ASSUMED = {
    "ListEnvironmentBlueprints": "The names Tooling, ToolingLite, DataLake, Workflows and EmrOnEc2 are those that "
    "AWS's clients ask for, others are of AWS's documentation; descriptions and most parameters are assumed.",
    "DeleteEnvironmentBlueprintConfiguration": "What was made of the blueprint stays, and a configuration that is not "
    "there may be deleted.",
}

_CONFIGURATION = (
    "domainId",
    "environmentBlueprintId",
    "provisioningRoleArn",
    "environmentRolePermissionBoundary",
    "manageAccessRoleArn",
    "enabledRegions",
    "regionalParameters",
    "allowUserProvidedConfigurations",
    "createdAt",
    "updatedAt",
    "resourceConfigurations",
    "provisioningConfigurations",
)


def get_blueprint(identifier: str) -> Blueprint:
    """The managed blueprint with this id or name. Raises ResourceNotFoundException."""
    blueprint = _BY_ID.get(identifier) or _BY_NAME.get(identifier)
    if blueprint is None:
        raise store.not_found("Environment blueprint", identifier)
    return blueprint


def list_environment_blueprints(call: Call, request: Request) -> Answer:
    """The managed blueprints, by name; there are no custom ones."""
    domain = store.get_domain(call.tx, request["domainIdentifier"])
    access.caller(call, domain["id"])
    name = request.get("name")
    wanted = [b for b in sorted(_BY_NAME) if name in (None, b)] if request.get("managed", True) else []
    rows, token = page(
        call,
        request,
        lambda after, limit: [{"name": n} for n in wanted if after is None or n > after[0]][:limit],
        lambda row: [row["name"]],
        most=50,
    )
    return {"items": [_summary(call, _BY_NAME[row["name"]], domain) for row in rows], "nextToken": token}


def get_environment_blueprint(call: Call, request: Request) -> Answer:
    """A blueprint with its parameters."""
    domain = store.get_domain(call.tx, request["domainIdentifier"])
    access.caller(call, domain["id"])
    blueprint = get_blueprint(request["identifier"])
    return _summary(call, blueprint, domain) | {
        "userParameters": [parameter.answer() for parameter in blueprint.parameters],
        "deploymentProperties": DEPLOYMENT_PROPERTIES,
    }


def provisioning_properties(call: Call, blueprint: Blueprint) -> Answer:
    """How AWS names the template of a blueprint; there is none here."""
    template = f"https://sagemaker-blueprints-{call.region}.s3.amazonaws.com/{blueprint.name}.yaml"
    return {"cloudFormation": {"templateUrl": template}}


def _summary(call: Call, blueprint: Blueprint, domain: Document) -> Answer:
    answer = {
        "id": blueprint.id,
        "name": blueprint.name,
        "description": blueprint.description,
        "provider": PROVIDER,
        "provisioningProperties": provisioning_properties(call, blueprint),
        "createdAt": domain["createdAt"],
        "updatedAt": domain["createdAt"],
    }
    return answer if blueprint.category is None else answer | {"blueprintCategory": blueprint.category}


def put_environment_blueprint_configuration(call: Call, request: Request) -> Answer:
    """Says how this account provisions a blueprint: all of it anew. For domain administrators."""
    domain_id = request["domainIdentifier"]
    access.require_domain_admin(call, domain_id)
    for role in ("provisioningRoleArn", "manageAccessRoleArn"):
        require_pass_role(call, request.get(role), access.SERVICE)
    for configured in request.get("provisioningConfigurations", []):
        registers_as = configured.get("lakeFormationConfiguration", {}).get("locationRegistrationRole")
        require_pass_role(call, registers_as, access.SERVICE)
    blueprint = get_blueprint(request["environmentBlueprintIdentifier"])
    old = store.blueprint_configuration(call.tx, domain_id, blueprint.id)
    configuration: dict[str, Any] = {
        **store.pick(request, _CONFIGURATION),
        **store.pick(request, ("globalParameters",)),
        "domainId": domain_id,
        "environmentBlueprintId": blueprint.id,
        "createdAt": old["createdAt"] if old else call.now,
        "updatedAt": call.now,
    }
    if request.get("resourceConfigurations"):
        configuration["resourceConfigurations"] = [
            {**resource, "identifier": f"{blueprint.id}-{position}"}
            for position, resource in enumerate(request["resourceConfigurations"])
        ]
    call.tx.put(store.BLUEPRINT_CONFIGURATIONS, configuration)
    return store.pick(configuration, _CONFIGURATION)


def get_environment_blueprint_configuration(call: Call, request: Request) -> Answer:
    """How this account provisions a blueprint."""
    access.caller(call, request["domainIdentifier"])
    blueprint = get_blueprint(request["environmentBlueprintIdentifier"])
    configuration = store.blueprint_configuration(call.tx, request["domainIdentifier"], blueprint.id)
    if configuration is None:
        raise store.not_found("Configuration of environment blueprint", blueprint.name)
    return store.pick(configuration, _CONFIGURATION)


def list_environment_blueprint_configurations(call: Call, request: Request) -> Answer:
    """How this account provisions each blueprint that is configured."""
    domain_id = request["domainIdentifier"]
    access.caller(call, domain_id)
    rows, token = page(
        call,
        request,
        lambda after, limit: call.tx.select(
            store.BLUEPRINT_CONFIGURATIONS, {"domainId": domain_id}, after=after, limit=limit
        ),
        lambda row: [row["domainId"], row["environmentBlueprintId"]],
        most=50,
    )
    return {"items": [store.pick(row, _CONFIGURATION) for row in rows], "nextToken": token}


def delete_environment_blueprint_configuration(call: Call, request: Request) -> Answer:
    """Ends the provisioning of a blueprint; for domain administrators. What was made of it stays."""
    access.require_domain_admin(call, request["domainIdentifier"])
    blueprint = get_blueprint(request["environmentBlueprintIdentifier"])
    call.tx.remove(store.BLUEPRINT_CONFIGURATIONS, request["domainIdentifier"], blueprint.id)
    return {}


OPERATIONS: dict[str, Operation] = {
    "ListEnvironmentBlueprints": reads(list_environment_blueprints, access.allowed("ListEnvironmentBlueprints")),
    "GetEnvironmentBlueprint": reads(get_environment_blueprint, access.allowed("GetEnvironmentBlueprint")),
    "PutEnvironmentBlueprintConfiguration": writes(
        put_environment_blueprint_configuration, access.allowed("PutEnvironmentBlueprintConfiguration")
    ),
    "GetEnvironmentBlueprintConfiguration": reads(
        get_environment_blueprint_configuration, access.allowed("GetEnvironmentBlueprintConfiguration")
    ),
    "ListEnvironmentBlueprintConfigurations": reads(
        list_environment_blueprint_configurations, access.allowed("ListEnvironmentBlueprintConfigurations")
    ),
    "DeleteEnvironmentBlueprintConfiguration": writes(
        delete_environment_blueprint_configuration, access.allowed("DeleteEnvironmentBlueprintConfiguration")
    ),
}
