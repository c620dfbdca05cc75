"""The IAM roles of the data plane account: who may assume each, and what it may do."""

import json
from typing import Any
from urllib.parse import unquote

from twinplane.foundation.run import Run
from twinplane.mesh.model import Mesh

MANAGE_ACCESS = "AmazonSageMakerManageAccess"
PROVISIONING = "AmazonSageMakerProvisioning"
DOMAIN_EXECUTION = "AmazonSageMakerDomainExecution"
DOMAIN_SERVICE = "AmazonSageMakerDomainService"
QUERY_EXECUTION = "AmazonSageMakerQueryExecution"

_IDENTITY_CENTER = "arn:aws:iam::aws:contextProvider/IdentityCenter"
_POLICY_NAME = "twinplane"
_OWN_RESULTS = "athena/${identitystore:UserId}/*"

Policy = dict[str, Any]


def _policy(*statements: Policy) -> Policy:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _allow(actions: list[str], resources: list[str] | None = None, **rest: Any) -> Policy:
    return {"Effect": "Allow", "Action": actions, "Resource": resources or ["*"], **rest}


def _trust(principal: Policy, actions: list[str], **rest: Any) -> Policy:
    return _policy({"Effect": "Allow", "Principal": principal, "Action": actions, **rest})


def _trust_service(*services: str) -> Policy:
    names = [f"{service}.amazonaws.com" for service in services]
    return _trust({"Service": names}, ["sts:AssumeRole", "sts:TagSession", "sts:SetContext"])


# The domain is the mesh's to declare. Subscriptions are decided in the Management App, with all their stages and on
# record: its own role then tells DataZone, and nobody tells DataZone past it.
_NOT_FOR_PEOPLE: Policy = {
    "Effect": "Deny",
    "Action": [
        "datazone:CreateDomain",
        "datazone:DeleteDomain",
        "datazone:UpdateDomain",
        "datazone:CreateProjectProfile",
        "datazone:DeleteProjectProfile",
        "datazone:UpdateProjectProfile",
        "datazone:DeleteEnvironmentBlueprintConfiguration",
        "datazone:PutEnvironmentBlueprintConfiguration",
        "datazone:AcceptSubscriptionRequest",
        "datazone:RejectSubscriptionRequest",
        "datazone:RevokeSubscription",
        "datazone:CreateSubscriptionGrant",
        "datazone:DeleteSubscriptionGrant",
        "datazone:UpdateSubscriptionGrantStatus",
    ],
    "Resource": ["*"],
}


def declared(mesh: Mesh, people_bucket: str) -> dict[str, tuple[Policy, Policy]]:
    """Trust policy and permissions of each role, by name."""
    account = mesh.account_id
    app, person = (f"arn:aws:iam::{account}:role/{name}" for name in (mesh.app.role, mesh.app.person_role))
    passed = [f"arn:aws:iam::{account}:role/{name}" for name in (QUERY_EXECUTION, "datazone_usr_role_*")]
    return {
        # Its own account, and the platform's production account where the Management App runs, decide by their own
        # policies who becomes the Management App.
        mesh.app.role: (
            _trust(
                {"AWS": [f"arn:aws:iam::{account}:root", f"arn:aws:iam::{mesh.accounts.platform_prod}:root"]},
                ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"],
            ),
            _policy(
                _allow(["sts:AssumeRole", "sts:SetContext", "sts:SetSourceIdentity"], [person]),
                _allow(["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"], [app]),
                _allow(["sso-oauth:CreateTokenWithIAM"]),
                _allow(["datazone:*"]),
                _allow(["lakeformation:Get*", "lakeformation:List*", "lakeformation:Describe*"]),
                _allow(["glue:Get*", "glue:SearchTables"]),
                _allow(["athena:*"]),
                _allow(["identitystore:Describe*", "identitystore:Get*", "identitystore:Is*", "identitystore:List*"]),
                _allow(["sso:Describe*", "sso:Get*", "sso:List*"]),
                _allow(["cloudtrail:LookupEvents"]),
                _allow(["iam:GetRole", "iam:GetRolePolicy", "iam:ListRoleTags", "iam:SimulatePrincipalPolicy"]),
                _allow(["sts:GetCallerIdentity"]),
            ),
        ),
        # Only the Management App makes sessions of this role, and only on behalf of a person. It opens the services'
        # doors; what a person may do behind them, the services decide for her: DataZone by her memberships, Lake
        # Formation by her grants. The role itself is granted nothing there.
        mesh.app.person_role: (
            _trust(
                {"AWS": [app]},
                ["sts:AssumeRole", "sts:SetContext", "sts:SetSourceIdentity"],
                Condition={
                    "ForAllValues:ArnEquals": {"sts:RequestContextProviders": [_IDENTITY_CENTER]},
                    "Null": {"sts:RequestContextProviders": "false"},
                },
            ),
            _policy(
                _allow(["datazone:*"]),
                _NOT_FOR_PEOPLE,
                _allow(
                    [
                        "athena:BatchGetQueryExecution",
                        "athena:GetQueryExecution",
                        "athena:GetQueryResults",
                        "athena:GetQueryRuntimeStatistics",
                        "athena:GetWorkGroup",
                        "athena:ListQueryExecutions",
                        "athena:StartQueryExecution",
                        "athena:StopQueryExecution",
                    ],
                    [f"arn:aws:athena:*:{account}:workgroup/{mesh.app.work_group}"],
                ),
                _allow(
                    [
                        "athena:GetDataCatalog",
                        "athena:GetDatabase",
                        "athena:GetTableMetadata",
                        "athena:ListDataCatalogs",
                        "athena:ListDatabases",
                        "athena:ListTableMetadata",
                        "athena:ListWorkGroups",
                    ]
                ),
                _allow(
                    [
                        "glue:GetCatalog",
                        "glue:GetCatalogs",
                        "glue:GetDatabase",
                        "glue:GetDatabases",
                        "glue:GetPartition",
                        "glue:GetPartitions",
                        "glue:GetTable",
                        "glue:GetTables",
                        "glue:SearchTables",
                    ]
                ),
                _allow(["lakeformation:GetDataAccess"]),
                _allow(["s3:GetObject", "s3:PutObject"], [f"arn:aws:s3:::{people_bucket}/{_OWN_RESULTS}"]),
                _allow(
                    ["s3:ListBucket"],
                    [f"arn:aws:s3:::{people_bucket}"],
                    Condition={"StringLike": {"s3:prefix": [_OWN_RESULTS]}},
                ),
                _allow(["s3:GetBucketLocation"], [f"arn:aws:s3:::{people_bucket}"]),
                _allow(["sts:GetCallerIdentity"]),
            ),
        ),
        MANAGE_ACCESS: (
            _trust_service("datazone"),
            _policy(
                _allow(["glue:*"]),
                _allow(["lakeformation:*"]),
                _allow(["ram:*"]),
                _allow(["iam:GetRole", "iam:GetUser"]),
                _allow(["sso:DescribeInstance", "identitystore:Describe*"]),
            ),
        ),
        PROVISIONING: (
            _trust_service("datazone"),
            _policy(
                _allow(["cloudformation:*", "s3:*", "glue:*", "athena:*", "lakeformation:*", "sagemaker:*", "logs:*"]),
                _allow(["airflow:*", "emr-serverless:*", "redshift-serverless:*", "bedrock:*", "kms:*", "ec2:*"]),
                _allow(
                    ["iam:*Role", "iam:*RolePolicy", "iam:*RolePolicies", "iam:*RoleTags"],
                    [f"arn:aws:iam::{account}:role/datazone_*", passed[0]],
                ),
                _allow(["iam:PassRole"], passed),
            ),
        ),
        DOMAIN_EXECUTION: (
            _trust_service("datazone"),
            _policy(
                _allow(["datazone:*"]),
                _NOT_FOR_PEOPLE,
                _allow(["sso:Describe*", "sso:List*", "identitystore:Describe*"]),
            ),
        ),
        DOMAIN_SERVICE: (
            _trust_service("datazone"),
            _policy(_allow(["datazone:*", "ssm:GetParameter", "kms:Decrypt", "ram:GetResourceShareAssociations"])),
        ),
        QUERY_EXECUTION: (
            _trust_service("athena", "glue", "lakeformation"),
            _policy(
                _allow(["lakeformation:GetDataAccess"]),
                _allow(["glue:Get*", "athena:*"]),
                _allow(["s3:*"], ["arn:aws:s3:::amazon-sagemaker-*", "arn:aws:s3:::amazon-sagemaker-*/*"]),
            ),
        ),
    }


def settle_roles(run: Run) -> None:
    """Creates the roles, or brings their two policies up to date."""
    iam = run.aws["iam"]
    for name, (trust, permissions) in declared(run.mesh, run.bucket("people")).items():
        role = run.aws.find(iam.get_role, RoleName=name)
        actual = None
        if role is not None:
            inline = run.aws.find(iam.get_role_policy, RoleName=name, PolicyName=_POLICY_NAME)
            actual = {
                "trust": _document(role["Role"]["AssumeRolePolicyDocument"]),
                "permissions": _document(inline["PolicyDocument"]) if inline else None,
            }

        def put(name: str = name, permissions: Policy = permissions) -> None:
            iam.put_role_policy(RoleName=name, PolicyName=_POLICY_NAME, PolicyDocument=json.dumps(permissions))

        def create(name: str = name, trust: Policy = trust, put: Any = put) -> None:
            iam.create_role(
                RoleName=name,
                AssumeRolePolicyDocument=json.dumps(trust),
                Tags=[{"Key": "mesh", "Value": run.mesh.name}],
            )
            put()

        def update(name: str = name, trust: Policy = trust, put: Any = put) -> None:
            iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))
            put()

        run.settle("IAM role", name, actual, {"trust": trust, "permissions": permissions}, create=create, update=update)


def _document(policy: Any) -> Any:
    """boto3 decodes policies it knows as such; anything else comes as (URL-quoted) text."""
    return json.loads(unquote(policy)) if isinstance(policy, str) else policy
