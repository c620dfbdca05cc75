"""Which statements may run over plain views: those of which nothing can fail on a row that is hidden."""

import pytest

from tests.engines.sql.conftest import DATABASE, named
from twinplane.engines.sql import hazards, render
from twinplane.engines.sql.gate import Gate
from twinplane.engines.sql.plan import Table, TableName

SAFE = """
SELECT * FROM emp
SELECT id / 7, cast(name AS bigint) FROM emp
SELECT count(*), sum(1 / (id - 21)), max(cast(name AS bigint)) FROM emp WHERE region = 'EU' AND id < 5
SELECT id FROM emp WHERE name LIKE 'a%' OR name IS NULL OR dept IN ('d1', 'd2') AND NOT id BETWEEN 1 AND 3
SELECT id FROM emp WHERE lower(name) = 'a' AND length(dept) = 2 AND year(hired_on) = 2020
SELECT id FROM emp WHERE hired_on < date '2020-01-01' + interval '1' year
SELECT id FROM emp WHERE price < 3.5 AND price > id
SELECT id FROM emp WHERE CASE WHEN id = 1 THEN region ELSE dept END = 'x' AND coalesce(name, 'y') <> 'z'
SELECT a.id FROM emp a JOIN emp b ON a.id = b.salary LEFT JOIN emp c ON c.dept = b.dept AND c.id > 3
SELECT id FROM emp WHERE id IN (SELECT salary FROM emp WHERE dept = 'd1')
SELECT id FROM emp e WHERE EXISTS (SELECT 1 FROM emp f WHERE f.salary = e.id)
SELECT id FROM emp WHERE salary < (SELECT 0.2 * avg(salary) FROM emp)
SELECT dept, count(*) FROM emp GROUP BY dept HAVING sum(salary / 3) > 10 ORDER BY 2 DESC LIMIT 3
SELECT sum(v) FROM (SELECT salary * (1 - price) AS v, dept FROM emp) x WHERE dept = 'd1'
SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY dept ORDER BY salary) n FROM emp) w WHERE n = 1
SELECT dept FROM emp UNION ALL SELECT region FROM emp WHERE id = 2
""".strip().splitlines()
HAZARDOUS = """
SELECT id FROM emp WHERE 1 / (id - 21) < 5
SELECT id FROM emp WHERE cast(name AS bigint) = 3
SELECT id FROM emp WHERE id + salary > 3
SELECT id FROM emp WHERE CASE WHEN id = 1 THEN cast(name AS bigint) END = 3
SELECT a.id FROM emp a JOIN emp b ON a.id = b.salary / b.score
SELECT id FROM emp WHERE id IN (SELECT 10 / score FROM emp)
SELECT id FROM emp WHERE EXISTS (SELECT 1 FROM emp f WHERE 1 / f.id = 1)
SELECT (SELECT count(*) FROM emp WHERE 1 / id = 1)
SELECT sum((SELECT max(f.id) FROM emp f WHERE 1 / f.id = 1)) FROM emp
SELECT 1 / id, count(*) FROM emp GROUP BY 1
SELECT d FROM (SELECT 1 / id AS d FROM emp) x WHERE d < 5
WITH w AS (SELECT 1 / id AS d FROM emp) SELECT count(*) FROM w WHERE d < 5
SELECT count(*) FROM (SELECT id AS d FROM emp UNION SELECT 1 / id FROM emp) x WHERE d < 5
SELECT count(*) FROM (SELECT x.d AS e FROM (SELECT 1 / id AS d FROM emp) x) y WHERE e IS NULL
WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT count(*) FROM r, emp
SELECT count(*) FROM emp WHERE regexp_like(name, dept)
SELECT count(*) FROM emp TABLESAMPLE BERNOULLI (10)
""".strip().splitlines()


@pytest.mark.parametrize(
    ("text", "expected"), [*((text, False) for text in SAFE), *((text, True) for text in HAZARDOUS)]
)
def test_it_is_known_what_can_fail_on_a_hidden_row(gate: Gate, emp: Table, text: str, expected: bool) -> None:
    plan = render.plan(text, DATABASE, named(emp=emp))
    tree = gate.check(plan.display or plan.sql, [source.name for source in plan.sources])
    assert hazards.may_fail_early(tree, {source.name: source.types for source in plan.sources}) is expected


def test_a_table_without_row_filters_has_one_view(emp: Table) -> None:
    whole = Table(emp.columns, tuple(type(s)(s.columns) for s in emp.slices), emp.files)
    (source,) = render.plan("SELECT id FROM emp", DATABASE, {TableName(DATABASE, "emp"): whole}).sources
    assert source.quick is None
    (source,) = render.plan("SELECT id FROM emp", DATABASE, named(emp=emp)).sources
    assert source.quick is not None
    assert "random" not in source.quick
