"""AWS's own CI/CD tool for SageMaker Unified Studio, unmodified: an application goes from one stage to the next."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.data_plane.datazone.domains_for_tests import Mesh, eventually

MANIFEST = """
applicationName: Shop
content:
  storage:
    - {{name: data, connectionName: default.s3_shared, include: [data/]}}
  catalog: {{enabled: true}}
stages:
  dev:
    stage: DEV
    domain: {{id: {domain_id}, region: {region}}}
    project: {{name: shop-dev}}
  test:
    stage: TEST
    domain: {{name: mesh, region: {region}}}
    project:
      name: shop-test
      create: true
      profileName: development
      owners: [tester]
    deployment_configuration:
      storage:
        - {{name: data, connectionName: default.s3_shared, targetDirectory: shop}}
    bootstrap:
      actions:
        - {{type: datazone.create_connection, name: lake.s3, connection_type: S3}}
"""

Cli = Callable[..., str]


@pytest.fixture(scope="module")
def dev(mesh: Mesh) -> dict[str, Any]:
    """The project of the first stage, with a file and a glossary in it."""
    mesh.admin.update_domain(
        identifier=mesh.domain_id,
        singleSignOn={
            "type": "IAM_IDC",
            "userAssignment": "AUTOMATIC",
            "idcInstanceArn": mesh.plane.client("sso-admin").list_instances()["Instances"][0]["InstanceArn"],
        },
    )
    project = mesh.project("shop-dev")
    bucket, prefix = shared(mesh, project["id"])
    mesh.plane.client("s3").put_object(Bucket=bucket, Key=f"{prefix}data/orders.csv", Body=b"tea,2\n")
    here = {"domainIdentifier": mesh.domain_id}
    words = mesh.admin.create_glossary(**here, name="Words", owningProjectIdentifier=project["id"], status="ENABLED")
    mesh.admin.create_glossary_term(**here, glossaryIdentifier=words["id"], name="Tea", status="ENABLED")
    return project


@pytest.fixture(scope="module")
def cli(mesh: Mesh, dev: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """Runs the tool as the administrator, beside the manifest; answers what it says."""
    folder = tmp_path_factory.mktemp("application")
    (folder / "manifest.yaml").write_text(MANIFEST.format(domain_id=mesh.domain_id, region=mesh.plane.region))
    environment = {"PATH": str(Path(sys.executable).parent), "HOME": str(folder), **mesh.plane.environment()}
    mesh.person("tester")

    def run(command: str, *more: str, stage: str = "test") -> str:
        line = ["aws-smus-cicd-cli", command, "--manifest", "manifest.yaml", "--targets", stage, *more]
        program = str(Path(sys.executable).with_name(line[0]))
        done = subprocess.run(
            [program, *line[1:]], cwd=folder, env=environment, capture_output=True, text=True, timeout=200
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout + done.stderr

    return run


def shared(mesh: Mesh, project_id: str) -> tuple[str, str]:
    """Bucket and prefix of a project's shared folder."""
    found = mesh.admin.list_connections(
        domainIdentifier=mesh.domain_id, projectIdentifier=project_id, name="default.s3_shared"
    )
    bucket, _, prefix = found["items"][0]["props"]["s3Properties"]["s3Uri"].removeprefix("s3://").partition("/")
    return bucket, prefix


def stage_project(mesh: Mesh, name: str) -> dict[str, Any] | None:
    found = mesh.admin.list_projects(domainIdentifier=mesh.domain_id, name=name)["items"]
    return found[0] if found else None


def test_describe_shows_a_stage_as_it_is(cli: Cli, mesh: Mesh, dev: dict[str, Any]) -> None:
    said = cli("describe", "--connect", stage="dev")
    bucket, prefix = shared(mesh, dev["id"])
    for shown in (
        dev["id"],
        "Status: ACTIVE",
        "Owners: administrator",
        "project.iam:",
        f"s3Uri: s3://{bucket}/{prefix}",
    ):
        assert shown in said


def test_an_application_is_bundled_deployed_and_destroyed(cli: Cli, mesh: Mesh) -> None:
    here = {"domainIdentifier": mesh.domain_id}
    said = cli("bundle", stage="dev")
    assert "orders.csv" in said
    assert "Bundle created: ./artifacts/Shop.zip" in said

    # the name of a glossary is taken once in a domain: the stages cannot both have it
    [words] = mesh.admin.search(**here, searchScope="GLOSSARY", searchText="Words")["items"]
    mesh.admin.update_glossary(**here, identifier=words["glossaryItem"]["id"], name="Words of dev")

    said = cli("deploy", "--dry-run")
    assert "0 error(s)" in said
    assert "Glossary terms 'Tea' ready for import" in said
    assert stage_project(mesh, "shop-test") is None

    assert "Deployment completed successfully" in cli("deploy")
    project = stage_project(mesh, "shop-test")
    assert project is not None
    bucket, prefix = shared(mesh, project["id"])
    assert (
        mesh.plane.client("s3").get_object(Bucket=bucket, Key=f"{prefix}shop/orders.csv")["Body"].read() == b"tea,2\n"
    )
    members = mesh.admin.list_project_memberships(**here, projectIdentifier=project["id"])["members"]
    assert ({"user": {"userId": mesh.person("tester")}}, "PROJECT_OWNER") in [
        (m["memberDetails"], m["designation"]) for m in members
    ]
    terms = mesh.admin.search(**here, searchScope="GLOSSARY_TERM", owningProjectIdentifier=project["id"])["items"]
    assert [term["glossaryTermItem"]["name"] for term in terms] == ["Tea"]
    assert "lake.s3:" in cli("describe", "--connect")

    cli("destroy", "--force")
    eventually(lambda: stage_project(mesh, "shop-test"), lambda found: found is None)
    with pytest.raises(ClientError, match="NoSuchKey"):
        mesh.plane.client("s3").get_object(Bucket=bucket, Key=f"{prefix}shop/orders.csv")
