"""Makes what environments consist of: role, storage, work group, database, grants, connections.

Whatever is made is made in the caller's transaction, and again when it is there already.
"""

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twinplane.data_plane.services.athena import store as athena
from twinplane.data_plane.services.datazone import blueprints, connections, glue_connections, rules, store
from twinplane.data_plane.services.glue import store as glue
from twinplane.data_plane.services.iam import store as iam
from twinplane.data_plane.services.lakeformation import store as lakeformation
from twinplane.data_plane.services.s3 import store as s3
from twinplane.data_plane.store import Document, Transaction

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane


class ProvisioningFailed(Exception):
    """An environment cannot be made: why, in words for who asked for it."""

    def __init__(self, reason: str, *, status: str = "CREATE_FAILED") -> None:
        super().__init__(reason)
        self.status = status


def default_bucket(plane: "Plane", domain_id: str) -> str:
    """The bucket of a domain whose blueprints name no other."""
    suffix = hashlib.sha256(domain_id.encode()).hexdigest()[:8]
    return f"amazon-sagemaker-{plane.settings.account_id}-{plane.settings.region}-{suffix}"


def ensure_default_bucket(tx: Transaction, plane: "Plane", domain_id: str) -> str:
    """The domain's own bucket, made when it is missing."""
    name = default_bucket(plane, domain_id)
    if s3.find_bucket(tx, name) is None:
        s3.create_bucket(tx, name, plane.clock())
    return name


class Making:
    """An environment being made, and what its parts are named."""

    def __init__(
        self, tx: Transaction, plane: "Plane", project: Document, environment: Document, configuration: Document
    ) -> None:
        self.tx, self.plane, self.now = tx, plane, plane.clock()
        self.project, self.environment, self.configuration = project, environment, configuration
        self.account, self.region = plane.settings.account_id, plane.settings.region
        self.regional: dict[str, str] = configuration.get("regionalParameters", {}).get(self.region, {})
        self.parameters: rules.Parameters = environment["parameters"]

    @property
    def tags(self) -> dict[str, str]:
        """The tags of all that is made: what says whose it is cannot be changed, for policies rely on it."""
        return {
            **{tag["key"]: tag["value"] for tag in self.project.get("resourceTags", [])},
            "AmazonDataZoneDomain": self.project["domainId"],
            "AmazonDataZoneProject": self.project["id"],
            "AmazonDataZoneEnvironment": self.environment["id"],
            "AmazonDataZoneScopeName": "dev",
        }

    def is_on(self, parameter: str) -> bool:
        return self.parameters.get(parameter) == "true"

    def connect(
        self, name: str, props: dict[str, Any], role_arn: str, iam_connection_id: str | None = None,
        type_: str | None = None,
    ) -> str:  # fmt: skip
        """Makes a connection the environment brings with it, unless it is there; returns its id."""
        where = {"domainId": self.project["domainId"], "projectId": self.project["id"], "name": name}
        known = self.tx.first(store.CONNECTIONS, where)
        if known is not None:
            return str(known["connectionId"])
        location = {"accessRole": role_arn, "awsAccountId": self.account, "awsRegion": self.region}
        if iam_connection_id is not None:
            location["iamConnectionId"] = iam_connection_id
        connection = connections.new_connection(
            domain_id=self.project["domainId"],
            type_=type_,
            domain_unit_id=self.project["domainUnitId"],
            environment=self.environment,
            name=name,
            props=props,
            location=location,
            identity=self.is_on("enableTrustedIdentityPropagationPermissions"),
            now=self.now,
        )
        self.tx.add(store.CONNECTIONS, connection | {"provisioned": True})
        return str(connection["connectionId"])


def _make_tooling(making: Making) -> dict[str, str]:
    """The project's storage, role, work group and connections."""
    tx, project, environment = making.tx, making.project, making.environment
    bucket = _bucket(making)
    root = f"s3://{bucket}/{project['domainId']}/{project['id']}/dev"
    work_group = f"{making.parameters['workgroupName']}-{project['id']}-{environment['id']}"
    resources = {"s3BucketPath": root, **_role(making, bucket, work_group)}
    role_arn = resources["userRoleArn"]
    _register(making, root)
    resources |= _network(making)
    named = ("gitConnectionArn", "gitFullRepositoryId")
    resources |= {name: making.parameters[name] for name in named if making.parameters.get(name)}
    identity = making.connect(
        "project.iam",
        # Without environmentId: AWS's Python library reads it as a second member of that name, and fails.
        {"iamProperties": {"glueLineageSyncEnabled": False}},
        role_arn,
    )
    making.connect("project.s3_default_folder", {"s3Properties": {"s3Uri": f"{root}/"}}, role_arn, identity)
    making.connect("default.s3_shared", {"s3Properties": {"s3Uri": f"{root}/shared/"}}, role_arn, identity)
    lakehouse = {"lakehouseProperties": {"glueLineageSyncEnabled": False}}
    making.connect("project.default_lakehouse", lakehouse, role_arn, identity)
    if making.is_on("enableAthena"):
        if athena.find_work_group(tx, work_group) is None:
            athena.create_work_group(
                tx,
                name=work_group,
                output_location=f"{root}/sys/athena/",
                identity_center=True,
                tags=making.tags,
                now=making.now,
            )
        resources["athenaWorkgroupName"] = work_group
        of_group = {"athenaProperties": {"workgroupName": work_group}}
        making.connect("project.athena", of_group, role_arn, identity)
        making.connect("default.athena.spark", of_group, role_arn, identity, "SPARK_CONNECT")
    if making.is_on("enableGlueWorkloadsPermissions"):
        session = {"glueVersion": "5.1", "idleTimeout": 15, "numberOfWorkers": 10, "workerType": "G.1X"}
        for name in ("project.spark.compatibility", "project.spark.fineGrained"):
            making.connect(name, {"sparkGlueProperties": session}, role_arn, identity)
    return resources


def _role(making: Making, bucket: str, work_group: str) -> dict[str, str]:
    """The project's role: made and kept in step, or the one that its creator brought, which is left alone."""
    brought = making.project.get("customerProvidedRoleArn")
    if brought is not None:
        if iam.find_role_by_arn(making.tx, brought) is None:
            raise ProvisioningFailed(f"There is no role {brought}, which the project is to work with.")
        return {"userRoleArn": brought}
    name = f"datazone_usr_role_{making.project['id']}_{making.environment['id']}"
    role = iam.put_role(
        making.tx,
        account_id=making.account,
        name=name,
        trust_policy=_trust(making.account),
        policies={"project": _role_policy(making, bucket, work_group)},
        boundary_arn=making.configuration.get("environmentRolePermissionBoundary"),
        tags=making.tags,
        now=making.now,
    )
    return {"userRoleArn": str(role["Arn"]), "userRoleName": name}


def _register(making: Making, root: str) -> None:
    """Registers the project's storage with Lake Formation, as the blueprint's configuration has it."""
    role_arn = making.configuration.get("provisioningRoleArn")
    for configured in making.configuration.get("provisioningConfigurations", []):
        settings = configured.get("lakeFormationConfiguration", {})
        if any(
            f"{root}/".startswith(left_out) for left_out in settings.get("locationRegistrationExcludeS3Locations", [])
        ):
            return
        role_arn = settings.get("locationRegistrationRole", role_arn)
    location = f"arn:aws:s3:::{root.removeprefix('s3://')}"
    lakeformation.register_location(making.tx, location, role_arn, now=making.now)


def _make_data_lake(making: Making) -> dict[str, str]:
    """The project's database, which its role may do everything with and the manage-access role may grant on."""
    tx, project = making.tx, making.project
    role_arn = store.project_role_arn(tx, project["domainId"], project["id"])
    root = store.project_resource(tx, project["domainId"], project["id"], "s3BucketPath")
    if role_arn is None or root is None:
        raise ProvisioningFailed("The project has no tooling, which its database needs; deploy that first.")
    name = making.parameters.get("glueDbName", blueprints.DEFAULT_DATABASE)
    if name == blueprints.DEFAULT_DATABASE:
        name = f"{name}_{project['id']}"
    database = glue.find_database(tx, name)
    if database is not None and database["Name"] != _made_database(making.environment):
        raise ProvisioningFailed(f"AWS Glue database {name} exists already; choose another glueDbName.")
    if database is None:
        location = f"{root}/data/catalogs/{name.lower()}/"
        description = f"Database of project {project['name']}"
        database = glue.create_database(
            tx,
            {"Name": name, "Description": description, "LocationUri": location},
            making.now,
            catalog_id=making.account,
        )
        name = database["Name"]
        lakeformation.record_creator(tx, principal=role_arn, database=name, now=making.now)
        all_tables = {"Table": {"DatabaseName": name, "TableWildcard": {}}}
        lakeformation.grant(
            tx, principal=role_arn, resource=all_tables, permissions=["ALL"], grantable=["ALL"], now=making.now
        )
        manager = making.configuration.get("manageAccessRoleArn")
        if manager:
            for resource, permissions in (
                ({"Database": {"Name": name}}, ["DESCRIBE"]),
                (all_tables, ["DESCRIBE", "SELECT"]),
            ):
                lakeformation.grant(
                    tx,
                    principal=manager,
                    resource=resource,
                    permissions=permissions,
                    grantable=permissions,
                    now=making.now,
                )
    return {"glueDBName": database["Name"], "glueDBArn": _glue_arn(making, f"database/{database['Name']}")}


def _made_database(environment: Document) -> str | None:
    """The database that the environment itself has made: no other is its to take, or to remove one day."""
    made = {r["name"]: r["value"] for r in environment.get("provisionedResources", ())}
    return made.get("glueDBName")


def _make_workflows(making: Making) -> dict[str, str]:
    """The project's connection to Airflow. No engine runs behind it yet: calls to it say that they are not served."""
    project = making.project
    role_arn = store.project_role_arn(making.tx, project["domainId"], project["id"])
    if role_arn is None:
        raise ProvisioningFailed("The project has no tooling, which its workflows need; deploy that first.")
    name = f"DataZoneMWAAEnv-{project['domainId']}-{project['id']}-dev"
    making.connect("project.workflow_mwaa", {"workflowsMwaaProperties": {"mwaaEnvironmentName": name}}, role_arn)
    making.connect("default.workflow_serverless", {"workflowsServerlessProperties": {}}, role_arn)
    return {"mwaaEnvironmentName": name}


MAKERS: dict[str, Callable[[Making], dict[str, str]]] = {
    "Tooling": _make_tooling,
    "DataLake": _make_data_lake,
    "Workflows": _make_workflows,
}


def _bucket(making: Making) -> str:
    location = making.regional.get("S3Location", "")
    if not location:
        return ensure_default_bucket(making.tx, making.plane, making.project["domainId"])
    bucket = location.removeprefix("s3://").partition("/")[0]
    if s3.find_bucket(making.tx, bucket) is None:
        raise ProvisioningFailed(f"Bucket {bucket}, which the blueprint is configured to use, does not exist.")
    return bucket


def _network(making: Making) -> dict[str, str]:
    """What the blueprint's configuration says about keys and networks; nothing of it is made here."""
    named = {"KmsKeyArn": "kmsKeyArn", "VpcId": "vpcId", "Subnets": "privateSubnets", "SecurityGroup": "securityGroup"}
    return {name: making.regional[key] for key, name in named.items() if making.regional.get(key)}


def _trust(account_id: str) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": ["datazone.amazonaws.com", "athena.amazonaws.com", "glue.amazonaws.com"]},
                "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetContext", "sts:SetSourceIdentity"],
                "Condition": {"StringEquals": {"aws:SourceAccount": account_id}},
            }
        ],
    }


def _glue_arn(making: Making, resource: str) -> str:
    return f"arn:aws:glue:{making.region}:{making.account}:{resource}"


def _role_policy(making: Making, bucket: str, work_group: str) -> dict[str, Any]:
    """What the project's role may do. What it may see of data is Lake Formation's decision."""
    prefix = f"{making.project['domainId']}/{making.project['id']}"
    group_arn = f"arn:aws:athena:{making.region}:{making.account}:workgroup/{work_group}"
    statements: list[dict[str, Any]] = [
        {"Effect": "Allow", "Action": ["s3:GetBucketLocation"], "Resource": f"arn:aws:s3:::{bucket}"},
        {
            "Effect": "Allow",
            "Action": ["s3:ListBucket", "s3:ListBucketMultipartUploads"],
            "Resource": f"arn:aws:s3:::{bucket}",
            "Condition": {"StringLike": {"s3:prefix": [f"{prefix}/*", prefix]}},
        },
        {
            "Effect": "Allow",
            "Action": [
                "s3:GetObject*",
                "s3:PutObject*",
                "s3:DeleteObject*",
                "s3:AbortMultipartUpload",
                "s3:ListMultipartUploadParts",
            ],
            "Resource": f"arn:aws:s3:::{bucket}/{prefix}/*",
        },
        {
            "Effect": "Allow",
            "Action": [
                "glue:Get*",
                "glue:BatchGet*",
                "glue:List*",
                "glue:SearchTables",
                "glue:CreateTable",
                "glue:UpdateTable",
                "glue:DeleteTable",
                "glue:BatchDeleteTable",
                "glue:CreatePartition",
                "glue:BatchCreatePartition",
                "glue:UpdatePartition",
                "glue:DeletePartition",
                "glue:BatchDeletePartition",
                "glue:UpdateDatabase",
                "lakeformation:GetDataAccess",
                "lakeformation:GetDataLakeSettings",
                "lakeformation:ListPermissions",
                "athena:GetDataCatalog",
                "athena:ListDataCatalogs",
                "athena:GetDatabase",
                "athena:ListDatabases",
                "athena:GetTableMetadata",
                "athena:ListTableMetadata",
                "athena:ListWorkGroups",
                "athena:ListEngineVersions",
                "datazone:Get*",
                "datazone:List*",
                "datazone:Search*",
                "datazone:PostLineageEvent",
            ],
            "Resource": "*",
        },
        {
            "Effect": "Allow",
            "Action": ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
            "Resource": f"arn:aws:secretsmanager:{making.region}:{making.account}:secret:*",
            "Condition": {"StringEquals": {"aws:ResourceTag/AmazonDataZoneProject": making.project["id"]}},
        },
        glue_connections.closed(making.account, making.project["id"]),
        {
            "Effect": "Allow",
            "Action": ["iam:GetRole"],
            "Resource": f"arn:aws:iam::{making.account}:role/datazone_usr_role_{making.project['id']}_*",
        },
    ]
    if making.is_on("enableAthena"):
        statements.append(
            {
                "Effect": "Allow",
                "Action": [
                    "athena:GetWorkGroup",
                    "athena:StartQueryExecution",
                    "athena:StopQueryExecution",
                    "athena:GetQueryExecution",
                    "athena:BatchGetQueryExecution",
                    "athena:GetQueryResults",
                    "athena:GetQueryResultsStream",
                    "athena:GetQueryRuntimeStatistics",
                    "athena:ListQueryExecutions",
                ],
                "Resource": group_arn,
            }
        )
    return {"Version": "2012-10-17", "Statement": statements}
