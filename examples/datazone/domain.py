"""A domain and its units: who may make projects where. The other examples begin with what is here.

Run it against a local plane:  twinplane plane --fresh -- python examples/datazone/domain.py
"""

import json
import time
from typing import Any

import boto3

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "datazone.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
EVERYONE = {"user": {"allUsersGrantFilter": {}}}


def make_domain(name: str = "shop") -> str:
    """The id of the domain of this name, with tooling and a database for every project made in it."""
    datazone, sts = boto3.client("datazone"), boto3.client("sts")
    known = [domain["id"] for domain in datazone.list_domains()["items"] if domain["name"] == name]
    if known:
        return str(known[0])
    account, region = sts.get_caller_identity()["Account"], datazone.meta.region_name
    roles = {role: _role(f"{name}-{role}") for role in ("execution", "service", "manage-access", "provisioning")}
    domain = datazone.create_domain(
        name=name, domainVersion="V2", domainExecutionRole=roles["execution"], serviceRole=roles["service"]
    )
    while datazone.get_domain(identifier=domain["id"])["status"] == "CREATING":
        time.sleep(0.05)
    configurations = []
    for order, blueprint in enumerate(("Tooling", "DataLake")):
        [found] = datazone.list_environment_blueprints(
            domainIdentifier=domain["id"], managed=True, name=blueprint
        )["items"]  # fmt: skip
        datazone.put_environment_blueprint_configuration(
            domainIdentifier=domain["id"],
            environmentBlueprintIdentifier=found["id"],
            enabledRegions=[region],
            manageAccessRoleArn=roles["manage-access"],
            provisioningRoleArn=roles["provisioning"],
        )
        configurations.append(
            {
                "name": blueprint,
                "environmentBlueprintId": found["id"],
                "deploymentOrder": order,
                "awsAccount": {"awsAccountId": account},
                "awsRegion": {"regionName": region},
            }
        )
    datazone.create_project_profile(
        domainIdentifier=domain["id"],
        name="SQL analytics",
        status="ENABLED",
        environmentConfigurations=configurations,
    )
    for policy, detail in (
        ("CREATE_PROJECT_FROM_PROJECT_PROFILE", "createProjectFromProjectProfile"),
        ("ADD_TO_PROJECT_MEMBER_POOL", "addToProjectMemberPool"),
    ):
        datazone.add_policy_grant(
            domainIdentifier=domain["id"],
            entityType="DOMAIN_UNIT",
            entityIdentifier=domain["rootDomainUnitId"],
            policyType=policy,
            principal=EVERYONE,
            detail={detail: {"includeChildDomainUnits": True}},
        )
    return str(domain["id"])


def _role(name: str) -> str:
    role = boto3.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    return str(role["Arn"])


def main() -> dict[str, Any]:
    """Makes a unit for sales below the root, and answers what may be done in it by whom."""
    datazone, domain_id = boto3.client("datazone"), make_domain()
    root = datazone.get_domain(identifier=domain_id)["rootDomainUnitId"]
    unit = datazone.create_domain_unit(domainIdentifier=domain_id, name="Sales", parentDomainUnitIdentifier=root)
    datazone.add_policy_grant(
        domainIdentifier=domain_id,
        entityType="DOMAIN_UNIT",
        entityIdentifier=unit["id"],
        policyType="CREATE_DOMAIN_UNIT",
        principal=EVERYONE,
        detail={"createDomainUnit": {"includeChildDomainUnits": False}},
    )
    grants = datazone.list_policy_grants(
        domainIdentifier=domain_id,
        entityType="DOMAIN_UNIT",
        entityIdentifier=unit["id"],
        policyType="CREATE_DOMAIN_UNIT",
    )["grantList"]
    units = datazone.list_domain_units_for_parent(domainIdentifier=domain_id, parentDomainUnitIdentifier=root)["items"]
    return {"units": [each["name"] for each in units], "may make units": [each["principal"] for each in grants]}


if __name__ == "__main__":
    print(json.dumps(main(), indent=2))
