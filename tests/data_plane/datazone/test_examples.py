"""The programs of examples/datazone, as they stand: each in a process of its own, against one plane, in any order."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from twinplane.data_plane.testing import RunningPlane

REPOSITORY = Path(__file__).parents[3]
EXAMPLES = REPOSITORY / "examples" / "datazone"
SAYS: dict[str, Any] = {
    "domain": {"units": ["Sales"], "may make units": [{"user": {"allUsersGrantFilter": {}}}]},
    "projects": {
        "designations": ["PROJECT_CONTRIBUTOR", "PROJECT_OWNER"],
        "provisioned": [
            "athenaWorkgroupName", "glueDBArn", "glueDBName", "s3BucketPath", "userRoleArn", "userRoleName",
        ],
        "acts as its role": True,
    },
    "publish": {
        "status": "ACTIVE",
        "columns": {"item": "string", "amount": "int", "region": "string"},
        "found": ["orders"],
    },
    "subscribe": {"grant": "COMPLETED", "rows": [["coffee", "1"], ["tea", "5"]]},
    "glossary": {
        "refused": "Rule 'Someone looks after it' requires the form Stewardship.",
        "ledger": ["ledger"],
    },
    "data_products": {"status": "CREATED", "holds": 2, "found": ["Retail"]},
    "data_quality": {"history": [100.0, 50.0], "listing": [100.0]},
    "lineage": {"upstream": ["shop.clean/run of clean"], "downstream": ["shop.sum up/run of sum up"]},
    "events": [{"what": "Project Creation Succeeded", "of": "ProjectEntityType"}],
}  # fmt: skip


def run(command: list[str], environment: dict[str, str]) -> Any:
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return json.loads(done.stdout)


def test_every_example_is_run() -> None:
    assert {file.stem for file in EXAMPLES.glob("*.py")} == set(SAYS)


@pytest.mark.parametrize("name", SAYS)
def test_the_example_does_what_it_says(plane: RunningPlane, name: str) -> None:
    environment = {"PATH": os.environ["PATH"], **plane.environment()}
    assert run([sys.executable, f"examples/datazone/{name}.py"], environment) == SAYS[name]


BESIDE = """
import json, sys
sys.path.insert(0, "examples/datazone")
from domain import make_domain
from projects import make_project
import boto3
boto3.client("datazone").create_project_profile(domainIdentifier=make_domain(), name="Another", status="ENABLED")
print(json.dumps(len(make_project("Beside"))))
"""


def test_the_examples_run_in_a_domain_that_has_other_project_profiles(plane: RunningPlane) -> None:
    assert run([sys.executable, "-c", BESIDE], {"PATH": os.environ["PATH"], **plane.environment()}) == 2


def test_an_example_runs_with_the_command_it_names() -> None:
    text = (EXAMPLES / "publish.py").read_text()
    [command] = re.findall(r"against a local plane:  twinplane (.*)", text)
    line = [sys.executable, "-m", "twinplane.cli", *command.replace("python", sys.executable, 1).split()]
    assert run(line, dict(os.environ)) == SAYS["publish"]


@pytest.mark.parametrize("name", SAYS)
def test_the_page_of_examples_leads_to_each(name: str) -> None:
    page = (REPOSITORY / "docs" / "datazone-by-example.md").read_text()
    assert f"(../examples/datazone/{name}.py)" in page
    assert f"twinplane plane --fresh -- python examples/datazone/{name}.py" in (EXAMPLES / f"{name}.py").read_text()
