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
    source = Source("t_0", "SELECT 1 AS id", ())
    plan = Plan(text.replace("<F>", str(data_file)), (source,), ())
    with pytest.raises(QueryError, match="cannot be run"):
        engine.loop.run_until_complete(engine.pool.run("mallory", plan))


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


EVIL = "x\" FROM read_parquet('<F>') --"


@pytest.mark.parametrize(
    "text",
    [
        'select 1 as "x"" from read_parquet(\'<F>\') --"',
        'select "x"" , ssn from emp --" from emp',
        "select 'x'' union select ssn from read_parquet(''<F>'') --' from emp limit 1",
        'with "a"" as (select 1) select max(ssn) from t_0 --" as (select 1 as x) '
        'select x from "a"" as (select 1) select max(ssn) from t_0 --"',
        'select e."region" as "y"")" from emp as "e" limit 1',
        "select '\\' , 'ssn' from emp limit 1",
        "select json_extract_scalar('{}', '$[\"a'') union select ssn from t_0 --\"]') from emp limit 1",
        'select transform(array[1], "x"") from t_0" -> 1)',
        "select date_format(seen_at, '%Y'' , ssn --') from emp limit 1",
        'select cast(row(1) as row("a"" int, ssn" int)) from emp limit 1',
    ],
)
def test_quotes_in_names_and_texts_stay_names_and_texts(engine: Engine, emp: Table, data_file: Path, text: str) -> None:
    try:
        rows = engine.rows(text.replace("<F>", str(data_file)), named(emp=emp))
    except QueryError:
        return
    assert not any(value and value.startswith("ssn-") for row in rows for value in row)
    assert len(rows) <= 1


@pytest.mark.parametrize(
    "columns",
    [
        (Column("id", "bigint"), Column(EVIL, "string")),
        (Column("id", "bigint"), Column('ssn" AS "id', "string")),
        (Column("id", "bigint) AS id, (SELECT max(ssn) FROM read_parquet('<F>')"),),
        (Column("id", "decimal(10,2)) , ssn, CAST(id AS int"),),
        (Column("id", 'struct<a:int, `b" int) , ssn`:int>'),),
        (Column("id", "enum('a')"),),
    ],
)
def test_a_table_whose_definition_is_an_attack_shows_nothing_more(
    engine: Engine, data_file: Path, columns: tuple[Column, ...]
) -> None:
    given = tuple(Column(c.name.replace("<F>", str(data_file)), c.type.replace("<F>", str(data_file))) for c in columns)
    table = Table(given, (Slice(tuple(c.name for c in given)),), (Files((str(data_file),)),))
    try:
        rows = engine.rows("select * from emp", named(emp=table))
    except QueryError:
        return
    assert not any(value and value.startswith("ssn-") for row in rows for value in row)


def test_partition_values_and_text_options_are_values(engine: Engine, tmp_path: Path, data_file: Path) -> None:
    path = tmp_path / "rows"
    path.write_text("1,a\n2,b\n")
    evil = f"' || (SELECT max(ssn) FROM read_parquet('{data_file}')) --"
    columns = (Column("id", "int"), Column("name", "string"), Column("day", "string"))
    options = (("delim", ","), ("header", "false"), ("nullstr", evil))
    files = (Files((str(path),), (("day", evil),)),)
    table = Table(columns, (Slice(("id", "name", "day")),), files, "csv", options)
    assert engine.rows("select * from emp order by id", named(emp=table)) == [["1", "a", evil], ["2", "b", evil]]
