"""A project with a member, and what is provisioned for it.

Run it against a local plane:  twinplane plane --fresh -- python examples/datazone/projects.py
"""

import json
import time
from typing import Any

import boto3
from domain import make_domain


def make_project(name: str) -> tuple[str, str]:
    """The ids of the domain and of the project of this name, once all of it is deployed."""
    datazone, domain_id = boto3.client("datazone"), make_domain()
    known = datazone.list_projects(domainIdentifier=domain_id, name=name)["items"]
    if known:
        return domain_id, known[0]["id"]
    [profile] = datazone.list_project_profiles(domainIdentifier=domain_id, name="SQL analytics")["items"]
    project = datazone.create_project(domainIdentifier=domain_id, name=name, projectProfileId=profile["id"])
    while True:
        found = datazone.get_project(domainIdentifier=domain_id, identifier=project["id"])
        status = found["environmentDeploymentDetails"]["overallDeploymentStatus"]
        if status not in ("PENDING_DEPLOYMENT", "IN_PROGRESS"):
            break
        time.sleep(0.05)
    if status != "SUCCESSFUL":
        raise RuntimeError(found["environmentDeploymentDetails"]["environmentFailureReasons"])
    return domain_id, project["id"]


def resources(domain_id: str, project_id: str) -> dict[str, str]:
    """What was provisioned for a project, by name."""
    datazone, found = boto3.client("datazone"), {}
    for page in datazone.get_paginator("list_environments").paginate(
        domainIdentifier=domain_id, projectIdentifier=project_id
    ):
        for each in page["items"]:
            environment = datazone.get_environment(domainIdentifier=domain_id, identifier=each["id"])
            found |= {resource["name"]: resource["value"] for resource in environment["provisionedResources"]}
    return found


def session(domain_id: str, project_id: str) -> boto3.Session:
    """A session with the project's own credentials, which its connection vends to members."""
    datazone = boto3.client("datazone")
    [connection] = datazone.list_connections(
        domainIdentifier=domain_id, projectIdentifier=project_id, name="project.iam"
    )["items"]
    vended = datazone.get_connection(
        domainIdentifier=domain_id, identifier=connection["connectionId"], withSecret=True
    )["connectionCredentials"]
    return boto3.Session(vended["accessKeyId"], vended["secretAccessKey"], vended["sessionToken"])


def main() -> dict[str, Any]:
    """Makes a project, adds a person to it, and answers its members and what belongs to it."""
    datazone = boto3.client("datazone")
    domain_id, project_id = make_project("Analytics")
    store_id = boto3.client("sso-admin").list_instances()["Instances"][0]["IdentityStoreId"]
    ada = boto3.client("identitystore").create_user(
        IdentityStoreId=store_id,
        UserName="ada",
        DisplayName="Ada",
        Name={"GivenName": "Ada", "FamilyName": "Lovelace"},
        Emails=[{"Value": "ada@shop.example", "Primary": True}],
    )["UserId"]
    datazone.create_user_profile(domainIdentifier=domain_id, userIdentifier=ada, userType="SSO_USER")
    datazone.create_project_membership(
        domainIdentifier=domain_id,
        projectIdentifier=project_id,
        designation="PROJECT_CONTRIBUTOR",
        member={"userIdentifier": ada},
    )
    members = datazone.list_project_memberships(domainIdentifier=domain_id, projectIdentifier=project_id)["members"]
    who = session(domain_id, project_id).client("sts").get_caller_identity()["Arn"]
    return {
        "designations": sorted(member["designation"] for member in members),
        "provisioned": sorted(resources(domain_id, project_id)),
        "acts as its role": f"/datazone_usr_role_{project_id}_" in who,
    }


if __name__ == "__main__":
    print(json.dumps(main(), indent=2))
