"""Amazon's own `sagemaker_studio`, unmodified, in a process of its own: it changes boto3 where it is imported."""

import json
import os
import subprocess
import sys
import uuid
from typing import Any

import pytest

from tests.data_plane.datazone.domains_for_tests import Mesh

SCRIPT = """
import json, os, sys
from sagemaker_studio import Domain, Project

project = Project(name=os.environ["PROJECT_NAME"], domain_id=os.environ["DataZoneDomainId"])
athena = project.connection("project.athena")
groups = athena.create_client().meta
domain = Domain(id=os.environ["DataZoneDomainId"])
print(json.dumps({
    "id": project.id,
    "name": project.name,
    "status": str(project.project_status),
    "iam_role": project.iam_role,
    "root": project.s3.root,
    "athena_output": project.s3.datalake_athena_workgroup,
    "shared": project.shared_files,
    "connections": sorted(c.name for c in project.connections),
    "work_group": athena.data.workgroup_name,
    "athena_endpoint": groups.endpoint_url,
    "athena_service": groups.service_model.service_name,
    "iam_type": project.connection("project.iam").type,
    "arn": project.connection("project.iam").create_client("sts").get_caller_identity()["Arn"],
    "domain": domain.name,
}))
"""


@pytest.fixture(scope="module")
def project(mesh: Mesh) -> dict[str, Any]:
    """A project of `scientist`."""
    return mesh.project(f"Studio {uuid.uuid4().hex[:6]}", client=mesh.as_person("scientist"))


def run(mesh: Mesh, person: str, project: dict[str, Any]) -> dict[str, Any]:
    """What the library sees as the person, configured by environment variables only."""
    credentials = mesh.credentials(person)
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "PROJECT_NAME": project["name"],
        "AWS_ENDPOINT_URL": mesh.plane.endpoint,
        "DataZoneEndpoint": mesh.plane.endpoint,
        "DataZoneDomainId": mesh.domain_id,
        "DataZoneProjectId": project["id"],
        "DataZoneDomainRegion": mesh.plane.region,
        "DataZoneUserId": mesh.person(person),
        "ExecutionRoleArn": f"arn:aws:iam::{mesh.plane.account_id}:role/Person",
        "AWS_REGION": mesh.plane.region,
        "AWS_DEFAULT_REGION": mesh.plane.region,
        "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
        "AWS_SESSION_TOKEN": credentials["SessionToken"],
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_the_library_finds_a_project_and_all_that_belongs_to_it(mesh: Mesh, project: dict[str, Any]) -> None:
    made = mesh.resources(project["id"])
    seen = run(mesh, "scientist", project)
    assert seen.pop("arn").startswith(
        f"arn:aws:sts::{mesh.plane.account_id}:assumed-role/{made['userRoleArn'].rpartition('/')[2]}/"
    )
    assert "project.athena" in seen.pop("connections")
    assert seen == {
        "id": project["id"],
        "name": project["name"],
        "status": "ACTIVE",
        "iam_role": made["userRoleArn"],
        "root": made["s3BucketPath"],
        "athena_output": f"{made['s3BucketPath']}/sys/athena/",
        "shared": f"{made['s3BucketPath']}/shared/",
        "work_group": made["athenaWorkgroupName"],
        "athena_endpoint": mesh.plane.endpoint,
        "athena_service": "athena",
        "iam_type": "IAM",
        "domain": mesh.admin.get_domain(identifier=mesh.domain_id)["name"],
    }
