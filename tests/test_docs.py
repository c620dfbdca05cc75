"""What the documents name is there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
DOCUMENTS = [*sorted(REPOSITORY.glob("*.md")), *sorted((REPOSITORY / "docs").rglob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: str(p.relative_to(REPOSITORY)))
def test_links_of_a_document_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_paths_that_the_architecture_names_are_there() -> None:
    named = re.findall(
        r"`((?:src|web|tests|bench|docs|examples)/[^`*]*)`", (REPOSITORY / "ARCHITECTURE.md").read_text()
    )
    paths = [one for path in named for one in _expanded(path)]
    assert len(paths) > 15
    assert [path for path in paths if not (REPOSITORY / path).exists()] == []


def _expanded(path: str) -> list[str]:
    found = re.fullmatch(r"(.*)\{(.*)\}(.*)", path)
    return [path] if found is None else [f"{found[1]}{part}{found[3]}" for part in found[2].split(",")]


def test_commands_that_the_readme_shows_exist() -> None:
    verbs = re.findall(
        r"^(?:eval \"\$\()?twinplane (\w+)(?: (\w[\w-]*))?", (REPOSITORY / "README.md").read_text(), re.M
    )
    assert len(verbs) >= 8
    for group, verb in sorted(set(verbs)):
        words = [group, verb] if group in ("project", "catalog", "subscription", "approvals", "mesh") else [group]
        done = subprocess.run([sys.executable, "-m", "twinplane.cli", *words, "--help"], capture_output=True, text=True)
        assert done.returncode == 0, (words, done.stderr)


def test_make_help_lists_the_commands_that_the_readme_names() -> None:
    listed = subprocess.run(["make", "help"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    for command in ("up", "demo", "test", "bench"):
        assert f"make {command} " in listed
