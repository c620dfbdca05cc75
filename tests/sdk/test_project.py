"""`from twinplane import Project`: the library's project with the verbs it lacks; importing us changes nothing."""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from twinplane.cli.sign_in import SignIn
from twinplane.cli.state import ADMINISTRATOR, State
from twinplane.cli.up import LocalMesh
from twinplane.data_plane.testing import running_plane
from twinplane.foundation import reconcile
from twinplane.mesh.load import load

RETAIL = Path(__file__).parents[2] / "examples/retail/mesh.yaml"


def python(code: str, environment: dict[str, str]) -> Any:
    """What the code leaves in `out`, run in a process of its own."""
    program = textwrap.dedent(code) + "\nimport json; print('\\n' + json.dumps(out))"
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "DataZone"))}
    done = subprocess.run(
        [sys.executable, "-c", program], env=kept | environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_importing_twinplane_changes_nothing_of_boto3() -> None:
    found = python(
        """
        import os, sys
        import twinplane
        loaded = [name for name in ("boto3", "botocore", "sagemaker_studio") if name in sys.modules]
        import boto3
        client = boto3.client("datazone", region_name="us-east-1")
        out = {
            "loaded": loaded,
            "path": os.environ.get("AWS_DATA_PATH"),
            "operations": len(client.meta.service_model.operation_names),
        }
        """,
        {},
    )
    public = boto3.client("datazone", region_name="us-east-1").meta.service_model.operation_names
    assert found == {"loaded": [], "path": None, "operations": len(public)}


def test_an_unknown_name_is_no_attribute() -> None:
    import twinplane

    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        twinplane.Nothing  # noqa: B018


@pytest.fixture(scope="module")
def run_as(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, str], Any]]:
    """Runs code as a person of the sample mesh, with what `twinplane env` prints."""
    mesh, folder = load(RETAIL), tmp_path_factory.mktemp("plane")
    with running_plane(folder, account_id=mesh.account_id) as plane:
        state = State(folder)
        port = int(plane.endpoint.rsplit(":", 1)[1])
        local = LocalMesh(state, RETAIL, 0, port, print)
        local.mesh = mesh
        local.write_profiles()
        reconcile.apply(mesh, state.session(ADMINISTRATOR), issuer_url=f"{plane.endpoint}/_idp")
        sign_in = SignIn(state, mesh, "")
        yield lambda person, code: python(code, sign_in.environment(person))


def test_a_project_is_made_given_members_and_removed(run_as: Callable[[str, str], Any]) -> None:
    found = run_as(
        "analyst",
        """
        from twinplane import Project
        made = Project.create("Made by code", "business-dev-profile", domain_unit="Sales Forecasting")
        out = {"status": made.project_status, "role": made.iam_role, "steps": []}
        def members():
            return {m.name: m.role for m in made.members() if not m.name.startswith("arn:")}
        out["steps"].append(members())
        made.add_member("colleague", role="Contributor")
        out["steps"].append(members())
        made.add_member("colleague", role="Owner")
        out["steps"].append(members())
        made.remove_member("colleague")
        out["steps"].append(members())
        again = Project(name="Made by code")
        out["same"] = again.id == made.id
        made.delete()
        """,
    )
    assert found["status"] == "ACTIVE"
    assert found["same"]
    assert found["role"].startswith("arn:aws:iam::")
    assert found["steps"] == [
        {"analyst": "Owner"},
        {"analyst": "Owner", "colleague": "Contributor"},
        {"analyst": "Owner", "colleague": "Owner"},
        {"analyst": "Owner"},
    ]


def test_what_does_not_exist_is_named_with_what_does(run_as: Callable[[str, str], Any]) -> None:
    found = run_as(
        "analyst",
        """
        from twinplane import Project
        out = []
        for given in ({"profile": "business-dve-profile"}, {"profile": "business-dev-profile", "domain_unit": "Sails"}):
            try:
                Project.create("Never made", **given)
            except LookupError as error:
                out.append(str(error))
        try:
            Project(name="Forecast Lab").add_member("colleague", role="King")
        except ValueError as error:
            out.append(str(error))
        """,
    )
    assert "there is no project profile 'business-dve-profile'; there is: business-dev-profile" in found[0]
    assert "there is no domain unit 'Sails'" in found[1]
    assert "Sales Forecasting" in found[1]
    assert found[2] == "role 'King': give Owner or Contributor"
