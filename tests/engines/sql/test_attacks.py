"""Nobody reads a row, column, path or filter beyond what she may: the two gates, each alone, and the whole path."""

from pathlib import Path

import pytest

from twinplane.engines.sql.gate import Gate, GateRefusal
from twinplane.engines.sql.plan import Column, Files, Plan, QueryError, Slice, Source, Table

from .attacks import HOSTILE, KNOWN_LEAKS, MUST_PASS_THE_GATE, OUTSIDE
from .conftest import COLUMNS, Engine, named

VIEWS = ("emp", "lineitem", "orders", "customer")


def some_table(data_file: Path) -> Table:
    columns = tuple(Column(c, "bigint") for c in ("id", "l_orderkey", "hidden"))
    return Table(columns, (Slice(("id", "l_orderkey")),), (Files((str(data_file),)),))


@pytest.mark.parametrize("text", [*KNOWN_LEAKS, *HOSTILE, *OUTSIDE])
def test_an_attack_is_refused_and_told_nothing(engine: Engine, emp: Table, data_file: Path, text: str) -> None:
    some = some_table(data_file)
    tables = named(emp=emp, lineitem=some, orders=some, customer=some)
    with pytest.raises(QueryError) as refused:
        engine.result(text.replace("<F>", str(data_file)), tables)
    shown = str(refused.value)
    assert str(data_file.parent) not in shown.replace(text, "")
    assert "EU" not in shown
    assert "t_0" not in shown or "t_0" in text


@pytest.mark.parametrize("text", [*KNOWN_LEAKS, *HOSTILE])
def test_the_second_gate_alone_refuses_an_attack(gate: Gate, data_file: Path, text: str) -> None:
    with pytest.raises(GateRefusal):
        gate.check(text.replace("<F>", str(data_file)), VIEWS)


@pytest.mark.parametrize("text", MUST_PASS_THE_GATE)
def test_the_second_gate_lets_a_plain_query_pass(gate: Gate, text: str) -> None:
    gate.check(text, VIEWS)


def test_a_cte_may_not_shadow_a_view(gate: Gate) -> None:
    with pytest.raises(GateRefusal):
        gate.check("with emp as (select 1) select * from emp", VIEWS)


@pytest.mark.parametrize("text", ["select error('x')", "select getenv('HOME')", "select * from read_parquet('<F>')"])
def test_the_worker_itself_refuses_text_that_was_not_generated(engine: Engine, data_file: Path, text: str) -> None:
    path = str(data_file)
    source = Source("t_0", f"SELECT id FROM read_parquet(['{path}'])", (path,))
    with pytest.raises(QueryError, match="cannot be run"):
        engine.loop.run_until_complete(engine.pool.run("mallory", Plan(text.replace("<F>", path), (source,), ())))


@pytest.mark.parametrize(
    "predicate",
    [
        "1 / (case when region = 'US' then 0 else 1 end) = 1",
        "10 % (case when region = 'US' then 0 else 1 end) = 0",
        "cast(case when region = 'US' then name else '1' end as integer) > 0",
        "tags[case when region = 'US' then 99 else 1 end] = 'a'",
        "1 / (salary % 40) > 5",
    ],
)
@pytest.mark.parametrize(
    "row_filter",
    [
        "region = 'EU'",
        "region || '' = 'EU'",
        "regexp_like(region, '^E.$')",
        "region in ('EU', 'AP')",
        "region like 'E%' or dept = 'nowhere'",
    ],
)
def test_no_error_tells_of_hidden_rows(engine: Engine, data_file: Path, predicate: str, row_filter: str) -> None:
    shown = tuple(c.name for c in COLUMNS if c.name != "ssn")
    table = Table(COLUMNS, (Slice(shown, row_filter),), (Files((str(data_file),)),))
    if "salary" in predicate:  # every visible salary is a multiple of 40: dividing by zero is on visible rows
        with pytest.raises(QueryError, match="DIVISION_BY_ZERO"):
            engine.rows(f"select count(*) from emp where {predicate}", named(emp=table))
        return
    assert engine.rows(f"select count(*) from emp where {predicate}", named(emp=table)) == [["5000"]]


@pytest.mark.parametrize(
    "bad",
    [
        "1 = 1) or (1 = 1",
        "id in (select id from emp)",
        "exists (select 1)",
        "count(*) > 1",
        "read_text('/etc/passwd') = ''",
        "nothing = 1",
        "id = 1; select 1",
        "",
        "id = ?",
    ],
)
def test_a_row_filter_that_is_not_a_plain_condition_lets_nothing_through(
    engine: Engine, data_file: Path, bad: str
) -> None:
    table = Table(COLUMNS, (Slice(("id",), bad),), (Files((str(data_file),)),))
    with pytest.raises(QueryError):
        engine.rows("select * from emp", named(emp=table))
