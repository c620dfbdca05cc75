"""No predicate of a user is evaluated on a row that she may not see: whether one fails there would tell her of it."""

from pathlib import Path

import pytest

from tests.engines.sql.conftest import COLUMNS, DATABASE, VISIBLE, Engine
from twinplane.engines.sql.plan import Files, Slice, Table, TableName

HIDDEN_ID = 21  # region US
FILTERS = (
    "region IN ('EU', 'Antarctica')",
    "region = 'EU'",
    "region = 'EU' OR dept = 'none'",
    "upper(region) = 'EU'",
    "length(region) = 2 AND region < 'F'",
)
PREDICATES = (  # each fails if it is evaluated on the hidden row, and on no visible one
    "json_parse(CASE WHEN id = {id} THEN 'x{{' ELSE '1' END) IS NOT NULL",
    "json_extract_scalar(CASE WHEN id = {id} THEN 'x{{' ELSE '{{}}' END, '$.a') IS NULL",
    "chr(CASE WHEN id = {id} THEN -1 ELSE 65 END) = 'A'",
    "CAST(CASE WHEN id = {id} THEN name ELSE '1' END AS bigint) = 1",
    "1 / (id - {id}) < 5",
    "from_unixtime(CASE WHEN id = {id} THEN 1e300 ELSE 1 END) IS NOT NULL",
)
STATEMENTS = (
    "SELECT count(*) FROM emp WHERE {predicate}",
    "SELECT count(*) FROM emp a JOIN emp b ON a.id = b.id WHERE {qualified}",
    "WITH e AS (SELECT * FROM emp) SELECT count(*) FROM e WHERE {predicate}",
    "SELECT count(*) FROM (SELECT id, name FROM emp ORDER BY id) WHERE {predicate}",
    "SELECT count(*) FILTER (WHERE {predicate}) FROM emp",
)


@pytest.mark.parametrize("row_filter", FILTERS)
def test_a_predicate_that_fails_on_a_hidden_row_does_not_fail(engine: Engine, data_file: Path, row_filter: str) -> None:
    tables = {TableName(DATABASE, "emp"): Table(COLUMNS, (Slice(VISIBLE, row_filter),), (Files((str(data_file),)),))}
    for predicate in PREDICATES:
        told = predicate.format(id=HIDDEN_ID)
        qualified = told.replace(" id ", " a.id ").replace("(id ", "(a.id ").replace(" name ", " a.name ")
        for statement in STATEMENTS:
            (row,) = engine.rows(statement.format(predicate=told, qualified=qualified), tables)
            assert row[0] is not None, (row_filter, told, statement)
