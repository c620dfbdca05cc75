"""A mesh is read from its file, or refused with the line and what would be right."""

import json
from pathlib import Path

import pytest

from twinplane.mesh.load import MeshError, load, parse, schema

ROOT = Path(__file__).parents[2]
RETAIL = ROOT / "examples/retail/mesh.yaml"
TEXT = RETAIL.read_text()


def refused(old: str, new: str, text: str = TEXT) -> tuple[str, int]:
    """What is said when `old` is replaced by `new`, and the line of the replacement."""
    assert text.count(old) >= 1, old
    line = text[: text.index(old)].count("\n") + 1
    with pytest.raises(MeshError) as caught:
        parse(text.replace(old, new, 1), "mesh.yaml")
    return str(caught.value), line


def test_the_sample_mesh_is_read() -> None:
    mesh = load(RETAIL)
    assert mesh.account_id == mesh.accounts.business_production
    assert [profile.stage for profile in mesh.profiles] == ["dev", "staging", "prod"]
    assert mesh.default_project is not None
    assert mesh.default_project.owners == ("analyst",)
    assert mesh.roles_of(frozenset({"data-stewards"})) == {"steward"}


def test_columns_with_personal_data_are_marked() -> None:
    tables = {t.name: t for p in load(RETAIL).projects for d in p.data for t in d.tables}
    assert {name for name, column in tables["households"].columns.items() if column.pii != "none"} >= {"age", "income"}


def test_an_unknown_key_is_refused_with_its_line_and_what_was_meant() -> None:
    said, line = refused("display_name: Ana Lyst", "dispaly_name: Ana Lyst")
    assert (
        f"mesh.yaml:{line}: identity.people[0].dispaly_name: is not a known key; did you mean 'display_name'?" in said
    )


def test_an_unknown_key_deep_inside_is_refused_too() -> None:
    said, line = refused('enableSpaces: { value: "true" }', 'enableSpaces: { valeu: "true" }')
    assert f"mesh.yaml:{line}:" in said
    assert "did you mean 'value'?" in said


def test_every_problem_is_told_at_once() -> None:
    text = TEXT.replace("region: us-east-1", "region: nowhere").replace("version: 1", "version: 2")
    with pytest.raises(MeshError) as caught:
        parse(text)
    assert len(caught.value.lines) == 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"444444444444"', '"4444"', "12 digits"),
        ('"444444444444"', '"111111111111"', "an account of its own"),
        ("region: us-east-1", "region: nowhere", "must be an AWS region"),
        (
            "groups: [sales-forecasting, mesh-developers]",
            "groups: [sales-forcasting]",
            "did you mean 'sales-forecasting'?",
        ),
        ("members: [marketing-analytics]", "members: [marketing]", "there is no group 'marketing'"),
        ("owners: [planner]", "owners: [planer]", "did you mean 'planner'?"),
        ("steward: [data-stewards]", "steward: [data-steward]", "did you mean 'data-stewards'?"),
        ("steward: [data-stewards]", "stewrd: [data-stewards]", "must be 'steward'"),
        ("{ name: colleague,", "{ name: analyst,", "person 'analyst' is declared twice"),
        ("name: Lakehouse Database", "name: Tooling", "environment 'Tooling' is declared twice"),
        ("blueprint: DataLake", "blueprint: DataLeak", "did you mean 'DataLake'?"),
        ("order: 0", "order: 9", "Tooling must be the first"),
        ("mode: ON_CREATE", "mode: ON_CREATION", "must be 'ON_CREATE' or 'ON_DEMAND'"),
        ("profile: business-dev-profile", "profile: business-dve-profile", "did you mean 'business-dev-profile'?"),
        ("AmazonDataZoneMeshStage", "MeshStage", "must start with AmazonDataZone"),
        ("default: Internal", "default: Secret", "there is no level 'Secret'; known: Public"),
        ("    owners: [analyst]\n", "    owners: []\n", "needs an owner"),
        ("domain_unit: Marketing Analytics", "domain_unit: Marketing", "did you mean 'Marketing Analytics'?"),
        ("database: sales", "database: marketing", "database 'marketing' is declared twice"),
        ("name: retail-mesh", "name: 7", "must be text; put it in quotes"),
        ("served: false", "served: maybe", "must be true or false"),
    ],
)
def test_what_does_not_fit_is_refused(old: str, new: str, message: str) -> None:
    said, _ = refused(old, new)
    assert message in said


def test_a_key_given_twice_is_refused() -> None:
    said, _ = refused("region: us-east-1", "region: us-east-1\nname: other")
    assert "is given twice, on lines 3 and 5" in said


def test_text_that_is_no_yaml_is_refused_with_its_line() -> None:
    with pytest.raises(MeshError, match=r"mesh.yaml:3: not YAML"):
        parse("version: 1\nname: [retail\nregion: x", "mesh.yaml")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MeshError, match="there is no such file; name one with --mesh"):
        load(tmp_path / "mesh.yaml")


def test_a_missing_key_is_named() -> None:
    said, _ = refused("domain:\n  name: retail-mesh", "domain:\n  nmae: retail-mesh")
    assert "domain.name: is missing" in said


def test_the_published_schema_is_current() -> None:
    published = json.loads((ROOT / "docs/mesh.schema.json").read_text())
    assert published == schema(), "write it anew: twinplane mesh schema > docs/mesh.schema.json"
