"""Every line of docs/athena-differences.md is true: a difference that is gone must leave the page."""

import re
from pathlib import Path

import pytest

from tests.engines.sql.conftest import Engine
from twinplane.engines.sql.plan import QueryError

PAGE = Path(__file__).parents[3] / "docs" / "athena-differences.md"
_LINE = re.compile(r"\| `(?P<expression>.+?)` \| (?:(?P<athena>[^|]+) \| )?`(?P<here>[^`]+)` \| (?P<document>[^|]+) \|")


def _lines() -> list[re.Match[str]]:
    return [found for line in PAGE.read_text(encoding="utf-8").splitlines() if (found := _LINE.fullmatch(line))]


def test_the_page_has_lines_and_each_names_its_document() -> None:
    written = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert len(_lines()) == len(written) > 25
    for line in _lines():
        assert re.match(r"(trino|athena): [\w/-]+", line["document"]), line[0]


@pytest.mark.parametrize("expression", [line["expression"] for line in _lines()])
def test_a_difference_is_as_written(engine: Engine, expression: str) -> None:
    line = next(found for found in _lines() if found["expression"] == expression)
    try:
        answer = str(engine.rows(f"SELECT {expression}", {})[0][0])
    except QueryError as error:
        answer = error.code
    assert answer == line["here"]
    assert line["athena"] is None or answer != line["athena"].strip("` ")
