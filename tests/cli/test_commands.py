"""The commands, as a person types them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import RETAIL, Up, twinplane

pytestmark = pytest.mark.xdist_group("cli")


def test_help_loads_nothing_heavy() -> None:
    code = """
import sys
from twinplane.cli.commands import app
try:
    app(["--help"], prog_name="twinplane")
except SystemExit:
    pass
heavy = {"boto3", "botocore", "duckdb", "fastapi", "httpx", "pydantic", "rich", "sqlalchemy", "yaml"}
print(sorted(heavy & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "Usage: twinplane" in done.stdout
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("arguments", [["bogus"], ["project", "request"], ["login"], ["project", "list"]])
def test_wrong_usage_ends_with_2(arguments: list[str], tmp_path: Path) -> None:
    assert twinplane(*arguments, state=tmp_path).returncode == 2


def test_the_version_is_told() -> None:
    assert twinplane("--version").stdout.startswith("twinplane ")


def test_nothing_running_is_said_with_what_to_do(tmp_path: Path) -> None:
    done = twinplane("project", "list", "--as", "analyst", state=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "start it with `twinplane up`" in done.stderr


def test_the_schema_is_printed() -> None:
    published = json.loads((RETAIL.parents[2] / "docs/mesh.schema.json").read_text())
    assert json.loads(twinplane("mesh", "schema").stdout) == published


def test_a_mesh_is_checked() -> None:
    assert "declares the mesh retail" in twinplane("mesh", "check", "--mesh", str(RETAIL)).stdout
    missing = twinplane("mesh", "check", "--mesh", "nowhere.yaml")
    assert missing.returncode == 1
    assert "nowhere.yaml: there is no such file" in missing.stderr


def test_nothing_differs_after_up(mesh_up: Up) -> None:
    assert "Nothing to change" in twinplane("plan", "--mesh", str(RETAIL), state=mesh_up.state).stdout
    assert "nothing to change" in twinplane("apply", "--mesh", str(RETAIL), state=mesh_up.state).stderr


def test_env_gives_an_unmodified_client_the_persons_identity(mesh_up: Up) -> None:
    printed = twinplane("env", "--as", "analyst", state=mesh_up.state).stdout
    program = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    script = f'{printed}\nexec {sys.executable} -c "{program}"'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip().endswith("assumed-role/TwinplanePerson/analyst"), done.stderr


def test_env_names_the_default_project_of_its_owner_alone(mesh_up: Up) -> None:
    analyst = json.loads(twinplane("env", "--as", "analyst", "--json", state=mesh_up.state).stdout)
    auditor = json.loads(twinplane("env", "--as", "auditor", "--json", state=mesh_up.state).stdout)
    assert analyst["DataZoneProjectId"]
    assert analyst["AWS_ATHENA_WORK_GROUP"] == "mesh-people"
    assert "DataZoneProjectId" not in auditor
    assert analyst["DataZoneUserId"] != auditor["DataZoneUserId"]


def test_an_unknown_person_or_project_is_named(mesh_up: Up) -> None:
    nobody = twinplane("env", "--as", "nobody", state=mesh_up.state)
    assert nobody.returncode == 1
    assert "did not sign in 'nobody'" in nobody.stderr
    assert "It declares: analyst, colleague" in nobody.stderr
    elsewhere = twinplane("env", "--as", "analyst", "--project", "Elsewhere", state=mesh_up.state)
    assert "sees no project 'Elsewhere'; she sees: Forecast Lab" in elsewhere.stderr


def test_a_login_is_remembered_and_private(mesh_up: Up) -> None:
    assert "Signed in as Olivia Owner" in twinplane("login", "--as", "owner", state=mesh_up.state).stdout
    assert (mesh_up.state / "cli" / "owner.json").stat().st_mode & 0o077 == 0
    assert "Campaign Insights" in twinplane("project", "list", state=mesh_up.state).stdout


def test_an_ended_session_is_renewed(mesh_up: Up) -> None:
    twinplane("login", "--as", "planner", state=mesh_up.state)
    kept = mesh_up.state / "cli" / "planner.json"
    kept.write_text(json.dumps(json.loads(kept.read_text()) | {"token": "no-such-token"}))
    assert "Sales History" in twinplane("project", "list", "--as", "planner", state=mesh_up.state).stdout


def test_members_come_and_go(mesh_up: Up) -> None:
    def members() -> dict[str, str]:
        found = twinplane("project", "members", "Forecast Lab", "--as", "analyst", "--json", state=mesh_up.state)
        return {member["name"]: member["designation"] for member in json.loads(found.stdout)}

    assert "colleague" not in members()
    twinplane(
        "project", "add-member", "Forecast Lab", "colleague", "--role", "owner", "--as", "analyst", state=mesh_up.state
    )
    assert members()["colleague"] == "PROJECT_OWNER"
    twinplane("project", "remove-member", "Forecast Lab", "colleague", "--as", "analyst", state=mesh_up.state)
    assert "colleague" not in members()


def test_a_locked_parameter_is_refused_by_name(mesh_up: Up) -> None:
    done = twinplane(
        "project", "request", "Locked", "--profile", "business-dev-profile", "--unit", "Sales Forecasting",
        "--reason", "To see", "--parameter", "Tooling.enableSpaces=false", "--as", "analyst", state=mesh_up.state,
    )  # fmt: skip
    assert done.returncode == 1
    assert "enableSpaces" in done.stderr


def test_a_request_is_withdrawn_before_it_is_decided(mesh_up: Up) -> None:
    asked = twinplane(
        "project", "request", "Withdrawn", "--profile", "business-prod-profile", "--unit", "Sales Forecasting",
        "--reason", "To see", "--as", "analyst", "--json", state=mesh_up.state,
    )  # fmt: skip
    request = json.loads(asked.stdout)["id"]
    assert request in twinplane("project", "requests", "--as", "analyst", state=mesh_up.state).stdout
    done = twinplane("project", "withdraw", request, "--as", "analyst", state=mesh_up.state)
    assert "status   withdrawn" in done.stdout, done.stderr
    again = twinplane("subscription", "withdraw", request, "--as", "analyst", state=mesh_up.state)
    assert again.returncode == 1


def test_apply_says_when_the_running_app_must_start_again(mesh_up: Up, tmp_path: Path) -> None:
    edited = tmp_path / "mesh.yaml"
    edited.write_text(RETAIL.read_text().replace("steward: [data-stewards]", "steward: [data-stewards, auditors]"))
    words = "stop `twinplane up` and start it again"
    assert words in twinplane("apply", "--mesh", str(edited), state=mesh_up.state).stderr
    assert words not in twinplane("apply", "--mesh", str(RETAIL), state=mesh_up.state).stderr


def test_an_end_that_is_no_day_is_refused(mesh_up: Up) -> None:
    done = twinplane(
        "subscription", "request", "households", "--reason", "x", "--until", "tomorrow", "--as", "analyst",
        state=mesh_up.state,
    )  # fmt: skip
    assert "'tomorrow': write a day as YYYY-MM-DD" in done.stderr


def test_from_import_to_audit(mesh_up: Up) -> None:
    def run(person: str, *arguments: str) -> str:
        done = twinplane(*arguments, "--as", person, state=mesh_up.state)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("owner", "project", "import", "Campaign Insights", "--database", "marketing")
    run("owner", "project", "classify", "Campaign Insights", "households", "--level", "Confidential", "--personal-data")
    run("owner", "project", "publish", "Campaign Insights", "households")
    assert "Campaign Insights" in run("analyst", "catalog", "search", "home_ownership")
    asked = run("analyst", "subscription", "request", "households", "--reason", "Households of the region", "--json")
    request = json.loads(asked)["id"]
    assert request in run("owner", "approvals", "list")
    hidden = ("--row-filter", "home_ownership = 'Renter'", "--hide", "income")
    assert "status   active" in run("owner", "approvals", "approve", request, *hidden)
    assert request in run("analyst", "subscription", "list")
    assert "marketing.households" in run("auditor", "audit", "--person", "analyst")
    assert "status   revoked" in run("owner", "subscription", "revoke", request, "--reason", "Done")
