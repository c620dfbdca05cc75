"""The whole journey: as the sample mesh tells it, and on a mesh with other people, names, data and filters."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from tests.journeys.conftest import RETAIL, StartMesh
from twinplane.cli.journey import Journey, Story

_RENAMED = {
    "analyst": "mara", "colleague": "tom", "planner": "ines", "privacy": "dpo",
    "Marketing Analytics": "Care Programmes", "Sales Forecasting": "Hospital Planning",
    "marketing-analytics": "care-programmes", "sales-forecasting": "hospital-planning",
    "Campaign Insights": "Patient Programmes", "Sales History": "Admissions", "Forecast Lab": "Planning Lab",
    "marketing": "care", "sales": "hospital", "households": "patients", "transactions": "stays", "products": "wards",
    "retail": "clinic", "retail-mesh": "clinic-mesh",
}  # fmt: skip

_TABLES = {
    "patients": "SELECT i AS patient_id, ['north','south','east'][1 + i % 3] AS region, 20 + (i * 7) % 60 AS age, "
    "'D' || (i % 11) AS diagnosis FROM range(437) t(i)",
    "stays": "SELECT i AS stay_id, i % 437 AS patient_id, DATE '2026-01-01' + CAST(i % 300 AS INTEGER) AS began_on, "
    "(i * 13) % 9 AS nights FROM range(5003) t(i)",
    "wards": "SELECT i AS ward_id, 'Ward ' || i AS name FROM range(17) t(i)",
}


def renamed(value: Any) -> Any:
    """The declaration with every name replaced."""
    if isinstance(value, dict):
        return {key: renamed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [renamed(item) for item in value]
    return _RENAMED.get(value, value) if isinstance(value, str) else value


@pytest.fixture
def clinic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The declaration of another mesh, over data made here."""
    package = tmp_path / "python" / "clinic_data"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    for name, query in _TABLES.items():
        duckdb.sql(f"COPY ({query}) TO '{package / name}.parquet' (FORMAT parquet)")
    monkeypatch.syspath_prepend(package.parent)
    mesh = renamed(yaml.safe_load((RETAIL / "mesh.yaml").read_text()))
    for project in mesh["projects"]:
        for data in project.get("data", []):
            data["tables"] = [
                {"name": table["name"], "source": {"package": "clinic_data", "file": f"{table['name']}.parquet"}}
                for table in data["tables"]
                if table["name"] in _TABLES
            ]
    path = tmp_path / "mesh.yaml"
    path.write_text(yaml.safe_dump(mesh, sort_keys=False))
    return path


@pytest.mark.timeout(420)
def test_the_journey_holds_for_other_people_names_data_and_filters(
    clinic: Path, tmp_path: Path, start_mesh: StartMesh
) -> None:
    story = renamed(yaml.safe_load((RETAIL / "journey.yaml").read_text()))
    story["project"] |= {"name": "Beds 2027", "reason": "How many beds next winter"}
    story["confidential"] |= {
        "search": "diagnosis", "days": 11, "row_filter": "region = 'north' AND age >= 40",
        "hidden_columns": ["patient_id", "diagnosis"], "colleague_row_filter": "region IN ('south', 'east')",
    }  # fmt: skip
    _, sign_in = start_mesh(clinic, tmp_path / "state")
    walked = Journey(Story.model_validate(story), sign_in.app_url, sign_in, lambda _step: None).walk()
    assert [(step.title, step.outcome) for step in walked if step.failed] == []
    assert len(walked) == 19


@pytest.mark.timeout(420)
def test_the_demo_command_walks_the_sample_mesh_and_leaves_nothing_behind(tmp_path: Path) -> None:
    home, state = tmp_path / "home", tmp_path / "state"
    home.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "twinplane.cli", "demo", "--json", "--state", str(state)],
        env={"PATH": "/usr/bin:/bin", "HOME": str(home)}, capture_output=True, text=True, timeout=400,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    steps = json.loads(done.stdout)
    assert all(not step["failed"] and step["outcome"] for step in steps)
    assert {step["title"] for step in steps if not step["aws_calls"]} <= {"Change what the profile locks"}
    assert processes_naming(str(state)) == []
    assert [p for p in home.rglob("*") if p.is_file()] == []


def processes_naming(text: str) -> list[str]:
    """Command lines of running processes that name the text."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in line:
            found.append(line)
    return found
