"""The boundary of the sample mesh's stages, evaluated: which compute a role of each stage may use, and that it cannot
become a role of another stage.

The boundary is one policy for all stages: it reads the stage off the role's tag, which the project profile forces.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from twinplane.data_plane.services.iam.evaluation import PolicySet, evaluate
from twinplane.data_plane.services.iam.policy import Context, compile_policy
from twinplane.mesh.load import load

PROFILES = load(Path("examples/retail/mesh.yaml")).profiles
TAG = "AmazonDataZoneMeshStage"
STAGE = f"aws:PrincipalTag/{TAG}"
COMPUTE = ["sagemaker:Create*", "sagemaker:Update*", "sagemaker:Start*", "ec2:RunInstances", "glue:CreateSession"]


def boundary() -> dict[str, Any]:
    """One policy for the roles of all stages, made of what the profiles declare."""
    statements: list[dict[str, Any]] = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]

    def deny(actions: list[str], condition: dict[str, Any]) -> None:
        statements.append({"Effect": "Deny", "Action": actions, "Resource": "*", "Condition": condition})

    for profile in PROFILES:
        its_roles = {"StringEquals": {STAGE: profile.stage}}
        types = list(profile.instance_types)
        machines = [name.removeprefix("ml.") for name in types]
        deny(["sagemaker:*"], its_roles | {"ForAnyValue:StringNotLike": {"sagemaker:InstanceTypes": types}})
        deny(["ec2:RunInstances"], its_roles | {"StringNotLike": {"ec2:InstanceType": machines}})
        if profile.denied_actions:
            deny(list(profile.denied_actions), its_roles)
    deny(COMPUTE, {"StringNotEquals": {STAGE: [profile.stage for profile in PROFILES]}})
    deny(["iam:Tag*", "iam:Untag*"], {"StringLike": {"aws:PrincipalArn": "*"}})
    deny(["sts:TagSession"], {"ForAnyValue:StringEquals": {"aws:TagKeys": [TAG]}})
    return {"Version": "2012-10-17", "Statement": statements}


BOUNDARY = json.dumps(boundary(), separators=(",", ":"))
EVERYTHING = compile_policy('{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}')


def decided(action: str, values: dict[str, Any], knows: Any = lambda _key: True) -> bool:
    policies = PolicySet((EVERYTHING,), boundary=compile_policy(BOUNDARY))
    context = Context(lambda: {"aws:PrincipalArn": "arn:aws:iam::1:role/r", **values}, knows)
    return evaluate(policies, action, "*", context).decision == "allowed"


@pytest.mark.parametrize(
    ("stage", "action", "types", "allowed"),
    [
        ("dev", "sagemaker:CreateApp", ("ml.t3.medium",), True),
        ("dev", "sagemaker:CreateTrainingJob", ("ml.m5.large",), False),
        ("dev", "sagemaker:CreateTrainingJob", ("ml.t3.medium", "ml.g5.xlarge"), False),
        ("dev", "sagemaker:CreateEndpoint", (), False),
        ("dev", "sagemaker:UpdateEndpointWeightsAndCapacities", (), False),
        ("dev", "sagemaker:StartPipelineExecution", (), False),
        ("dev", "sagemaker:DescribeEndpoint", (), True),
        ("staging", "sagemaker:CreateEndpointConfig", ("ml.m5.2xlarge",), True),
        ("staging", "sagemaker:CreateTrainingJob", ("ml.g5.xlarge",), False),
        ("staging", "sagemaker:CreateApp", ("ml.t3.medium",), False),
        ("staging", "sagemaker:CreatePipeline", (), True),
        ("prod", "sagemaker:CreateTrainingJob", ("ml.m5.xlarge",), True),
        ("prod", "sagemaker:CreateTrainingJob", ("ml.g5.12xlarge", "ml.c5.large"), True),
        ("prod", "sagemaker:CreateTrainingJob", ("ml.g4dn.xlarge",), True),
        ("prod", "sagemaker:CreateTrainingJob", ("ml.p4d.24xlarge",), False),
        ("prod", "sagemaker:CreateTrainingJob", ("ml.t3.medium",), False),
        ("prod", "sagemaker:CreateApp", ("ml.m5.large",), False),
        ("prod", "sagemaker:CreateSpace", (), False),
        ("prod", "glue:CreateSession", (), False),
        ("prod", "athena:StartSession", (), False),
        ("prod", "athena:StartQueryExecution", (), True),
        ("dev", "athena:StartSession", (), True),
        (None, "sagemaker:CreateTrainingJob", ("ml.t3.medium",), False),
        ("other", "sagemaker:CreateTrainingJob", ("ml.t3.medium",), False),
        (None, "glue:CreateSession", (), False),
        (None, "athena:StartQueryExecution", (), True),
    ],
)
def test_a_role_uses_the_compute_of_its_stage(
    stage: str | None, action: str, types: tuple[str, ...], allowed: bool
) -> None:
    values: dict[str, Any] = {} if stage is None else {STAGE: stage}
    if types:
        values["sagemaker:InstanceTypes"] = types
    assert decided(action, values) is allowed


@pytest.mark.parametrize(
    ("stage", "machine", "allowed"),
    [
        ("dev", "t3.large", True),
        ("dev", "m5.large", False),
        ("staging", "m5.large", True),
        ("prod", "g5.xlarge", True),
        ("prod", "p5.48xlarge", False),
        (None, "t3.large", False),
    ],
)
def test_machines_follow_the_same_table(stage: str | None, machine: str, allowed: bool) -> None:
    values = {"ec2:InstanceType": machine} | ({} if stage is None else {STAGE: stage})
    assert decided("ec2:RunInstances", values) is allowed


@pytest.mark.parametrize("stage", ["dev", "staging", "prod", None])
def test_no_role_changes_the_tag_that_its_limits_depend_on(stage: str | None) -> None:
    values = {} if stage is None else {STAGE: stage}
    assert not decided("iam:TagRole", values)
    assert not decided("iam:UntagRole", values)
    assert not decided("sts:TagSession", values | {"aws:TagKeys": (TAG,)})
    assert decided("sts:TagSession", values | {"aws:TagKeys": ("request",)})


def test_compute_of_unknown_kind_is_denied() -> None:
    """Where the service cannot say which instances a request is for, the boundary holds."""
    assert not decided("sagemaker:CreateTrainingJob", {STAGE: "prod"}, knows=lambda key: key.startswith("aws:"))


def test_the_boundary_is_small_enough_to_be_a_managed_policy() -> None:
    assert len(BOUNDARY) < 6144


def test_the_plane_answers_the_same_when_it_is_asked(plane: Any) -> None:
    iam = plane.client("iam")
    arn = iam.create_policy(PolicyName="StageBoundary", PolicyDocument=BOUNDARY)["Policy"]["Arn"]
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}}
    role = iam.create_role(
        RoleName="datazone_usr_role_dev", AssumeRolePolicyDocument=json.dumps(trust), PermissionsBoundary=arn,
        Tags=[{"Key": TAG, "Value": "dev"}],
    )["Role"]  # fmt: skip
    iam.attach_role_policy(RoleName=role["RoleName"], PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")

    def decision(types: list[str]) -> str:
        entries = [
            {"ContextKeyName": STAGE, "ContextKeyValues": ["dev"], "ContextKeyType": "string"},
            {"ContextKeyName": "sagemaker:InstanceTypes", "ContextKeyValues": types, "ContextKeyType": "stringList"},
        ]
        answer = iam.simulate_principal_policy(
            PolicySourceArn=role["Arn"], ActionNames=["sagemaker:CreateApp"], ContextEntries=entries
        )
        found: str = answer["EvaluationResults"][0]["EvalDecision"]
        return found

    assert decision(["ml.t3.medium"]) == "allowed"
    assert decision(["ml.t3.medium", "ml.p4d.24xlarge"]) == "explicitDeny"
    session = plane.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="dev")["Credentials"]
    with pytest.raises(iam.exceptions.ClientError, match="explicit deny in a permissions boundary"):
        plane.client("iam", session).tag_role(RoleName=role["RoleName"], Tags=[{"Key": TAG, "Value": "prod"}])
    assert plane.client("iam", session).list_roles()
