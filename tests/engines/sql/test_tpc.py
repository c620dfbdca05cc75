"""TPC-H and TPC-DS through the whole engine: published answers where there are some, else DuckDB's own."""

import re
from pathlib import Path

import pytest

from tests.engines.sql.conftest import Engine
from tests.engines.sql.tpc import Suite, same_rows, suite
from twinplane.engines.sql.plan import Column, Slice, Table


@pytest.fixture(scope="module")
def tpch(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    return suite("tpch", tmp_path_factory.mktemp("tpch"))


@pytest.fixture(scope="module")
def tpcds(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    return suite("tpcds", tmp_path_factory.mktemp("tpcds"))


@pytest.mark.parametrize("number", range(1, 23))
def test_tpch_has_the_published_answer(engine: Engine, tpch: Suite, number: int) -> None:
    assert same_rows(engine.rows(tpch.statement(number), tpch.tables), tpch.published(number))


@pytest.mark.parametrize("number", range(1, 100))
def test_tpcds_has_the_same_answer_as_on_a_plain_copy(engine: Engine, tpcds: Suite, number: int) -> None:
    assert same_rows(engine.rows(tpcds.statement(number), tpcds.tables), tpcds.native_rows(number))


PADDED = (12, 20, 98)


@pytest.mark.parametrize("number", PADDED)
def test_a_literal_filled_up_with_blanks_is_the_same_char(
    engine: Engine, tpcds: Suite, tmp_path: Path, number: int
) -> None:
    """As the published texts of TPC-DS write them: `'Sports' + 44 blanks`, compared with CHAR(50)."""
    text = tpcds.statement(number)
    padded = re.sub(r"'(Sports|Books|Home)'", lambda m: f"'{m[1]:<50}'", text)
    assert padded != text
    tables = {
        name: Table(
            tuple(Column(c.name, "char(50)") if c.name == "i_category" else c for c in table.columns),
            (Slice(tuple(c.name for c in table.columns)),),
            table.files,
        )
        for name, table in tpcds.tables.items()
    }
    found = engine.rows(padded, tables)
    assert found
    assert same_rows(
        *([[v and v.rstrip() for v in row] for row in rows] for rows in (found, tpcds.native_rows(number)))
    )
