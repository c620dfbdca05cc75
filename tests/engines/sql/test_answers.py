"""Statements give Athena's answer, not DuckDB's, or say that they are not served."""

from collections.abc import Callable

import pytest

from twinplane.engines.sql.plan import QueryError

Select = Callable[..., list[list[str | None]]]

ONE_VALUE = [
    ("5/2", "2"),
    ("-5/2", "-2"),
    ("9223372036854775807/1", "9223372036854775807"),
    ("5/2.0", "2.5"),
    ("1e0/0", "Infinity"),
    ("7 % 3", "1"),
    ("mod(7, 3)", "1"),
    ("try(1/0)", None),
    ("try(1 % 0)", None),
    ("try(array[1][5])", None),
    ("cast(2.5e0 as bigint)", "3"),
    ("cast(-2.5e0 as bigint)", "-3"),
    ("array[10,20][2]", "20"),
    ("element_at(array[10,20], 9)", None),
    ("element_at(array[10,20], -1)", "20"),
    ("map(array['a'], array[1])['a']", "1"),
    ("element_at(map(array['a'], array[1]), 'b')", None),
    ("cardinality(map(array['a'], array[1]))", "1"),
    ("cardinality(array[1,2])", "2"),
    ("array_distinct(array[2,1,null,2,null])", "[2, 1, null]"),
    ("array_join(array['a','b'], '-')", "a-b"),
    ("contains(array[1,2], 2)", "true"),
    ("sequence(1, 4)", "[1, 2, 3, 4]"),
    ("transform(array[1,2], x -> x + 1)", "[2, 3]"),
    ("filter(array[1,2,3], x -> x > 1)", "[2, 3]"),
    ("reverse(array[1,2])", "[2, 1]"),
    ("reverse('abc')", "cba"),
    ("flatten(array[array[1], array[2]])", "[1, 2]"),
    ("substr('abc', 0)", ""),
    ("substr('abc', 2)", "bc"),
    ("substr('abc', -2)", "bc"),
    ("substr('abc', 9)", ""),
    ("substr('abc', -9)", ""),
    ("substr('abc', 1, 2)", "ab"),
    ("split('a,b', ',')[2]", "b"),
    ("split_part('a,b', ',', 2)", "b"),
    ("split_part('a,b', ',', 3)", None),
    ("regexp_extract('a1b2', '\\d')", "1"),
    ("regexp_extract('abc', '\\d')", None),
    ("regexp_like('abc', '^a')", "true"),
    ("regexp_replace('aaa', 'a', 'b')", "bbb"),
    ("concat('a', null)", None),
    ("strpos('abc', 'c')", "3"),
    ("codepoint('A')", "65"),
    ("lpad('7', 3, '0')", "007"),
    ("to_hex(md5(to_utf8('a')))", "0CC175B9C0F1B6A831C399E269772661"),
    ("md5(to_utf8('x'))", "9d d4 e4 61 26 8c 80 34 f5 c8 56 4e 15 5c 67 a6"),
    ("date_diff('day', timestamp '2020-01-01 23:00:00', timestamp '2020-01-02 01:00:00')", "0"),
    ("date_diff('month', date '2020-01-31', date '2020-02-01')", "0"),
    ("date_diff('day', date '2020-01-01', date '2020-03-01')", "60"),
    ("date_add('day', 1, date '2020-01-31')", "2020-02-01"),
    ("date '2020-01-31' + interval '1' month", "2020-02-29"),
    ("date_trunc('month', date '2020-02-20')", "2020-02-01"),
    ("date_trunc('hour', timestamp '2020-01-01 10:20:30')", "2020-01-01 10:00:00.000"),
    ("date_format(timestamp '2020-01-02 03:04:05', '%Y-%m-%d %H:%i')", "2020-01-02 03:04"),
    ("date_parse('2020-01-02', '%Y-%m-%d')", "2020-01-02 00:00:00.000"),
    ("day_of_week(date '2020-01-05')", "7"),
    ("from_unixtime(0)", "1970-01-01 00:00:00.000 UTC"),
    ("last_day_of_month(date '2020-02-01')", "2020-02-29"),
    ("json_extract_scalar('{\"a\": {\"b\": 1}}', '$.a.b')", "1"),
    ("json_extract_scalar('{\"a\": {\"b\": 1}}', '$.a')", None),
    ("json_extract_scalar('no json', '$.a')", None),
    ("json_array_length('[1,2]')", "2"),
    ("1e10", "1.0E10"),
    ("1.5e-5", "1.5E-5"),
    ("123.25e0", "123.25"),
    ("cast(row(1, 'x') as row(a int, b varchar))", "{a=1, b=x}"),
    ("greatest(1, null)", None),
    ("coalesce(null, 'x')", "x"),
    ("if(1 = 1, 'y', 'n')", "y"),
    ("true", "true"),
    ("1 is not null", "true"),
    ("null is not null", "false"),
    ("not 1 is null", "true"),
    ("'a' not like 'b%'", "true"),
    ("'a%' not like 'a!%' escape '!'", "false"),
    ("1 not in (1, 2)", "false"),
    ("1 not between 2 and 3", "true"),
    ("null", None),
    ("10 - 3 - 2", "5"),
    ("(1 + 2) * 3", "9"),
]


@pytest.mark.parametrize(("expression", "value"), ONE_VALUE)
def test_an_expression_has_athenas_value(select: Select, expression: str, value: str | None) -> None:
    assert select(f"select {expression}") == [[value]]


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("1/0", "DIVISION_BY_ZERO"),
        ("10 % 0", "DIVISION_BY_ZERO"),
        ("array[1,2][5]", "INVALID_FUNCTION_ARGUMENT"),
        ("array[1,2][0]", "INVALID_FUNCTION_ARGUMENT"),
        ("map(array['a'], array[1])['b']", "INVALID_FUNCTION_ARGUMENT"),
        ("cast('x' as integer)", "INVALID_CAST_ARGUMENT"),
        ("9223372036854775807 + 1", "NUMERIC_VALUE_OUT_OF_RANGE"),
        ("no_such_function(1)", "FUNCTION_NOT_FOUND"),
        ("1 = 'a'", "TYPE_MISMATCH"),
        ("rank()", "MISSING_OVER"),
        ("length('a', 'b')", "FUNCTION_NOT_FOUND"),
        ("nothing", "COLUMN_NOT_FOUND"),
        ("sum('x')", "FUNCTION_NOT_FOUND"),
        ("cast(1 as nosuchtype)", "SYNTAX_ERROR"),
    ],
)
def test_an_expression_that_has_no_value_fails(select: Select, expression: str, code: str) -> None:
    with pytest.raises(QueryError) as failed:
        select(f"select {expression}")
    assert failed.value.code == code


QUERIES = [
    ("select count(*) from emp", [["5000"]]),
    ("select id, dept from sales.emp where id < 9 order by id desc", [["8", "d1"], ["4", "d4"], ["0", "d0"]]),
    ("select EMP.ID from SALES.EMP order by 1 limit 1", [["0"]]),
    ('select "awsdatacatalog"."sales"."emp"."id" from "AwsDataCatalog"."sales"."emp" order by 1 limit 1', [["0"]]),
    ("with e as (select * from emp), f as (select id from e) select count(*) from f join e using (id)", [["5000"]]),
    ("with recursive r(n) as (select 1 union all select n + 1 from r where n < 5) select sum(n) from r", [["15"]]),
    ("select t, n from emp cross join unnest(tags) with ordinality u(t, n) where id = 4 order by n",
     [["a", "1"], ["t1", "2"]]),
    ("select k, v from emp cross join unnest(marks) u(k, v) where id = 4", [["k", "4"]]),
    ("select a, b from unnest(array[1, 2], array['x']) u(a, b)", [["1", "x"], ["2", None]]),
    ("values (1, 'a'), (2, null)", [["1", "a"], ["2", None]]),
    ("table emp limit 0", []),
    ("select dept from emp union select 'zz' except select 'd0' order by 1 desc limit 2", [["zz"], ["d6"]]),
    ("select sum(score), sum(score) filter (where id > 99), sum(score) over () from emp where id < 9 group by score",
     [[None, None, "12"], ["4", None, "12"], ["8", None, "12"]]),
    ("select id, lag(id) over (order by id), row_number() over (order by id desc) from emp where id < 9 order by id",
     [["0", None, "3"], ["4", "0", "2"], ["8", "4", "1"]]),
    ("select dept, grouping(dept), count(*) from emp where id < 9 group by rollup(dept) order by 2 desc, 1",
     [[None, "1", "3"], ["d0", "0", "1"], ["d1", "0", "1"], ["d4", "0", "1"]]),
    ("select id from emp where score is null order by id limit 2", [["0"], ["44"]]),
    ("select max(id) from emp e where exists (select 1 from emp f where f.id = e.id + 4)", [["19992"]]),
    ("select max(id) from emp where dept = any (values 'd1', 'd2')", [["19980"]]),
    ("select x.id, y.z from emp x cross join lateral (select x.id + 1 as z) y order by 1 limit 1", [["0", "1"]]),
    ("select listagg(dept, ',') within group (order by id) from emp where id < 9", [["d0,d4,d1"]]),
    ("select array_agg(id order by id), max_by(name, id) from emp where id < 9", [["[0, 4, 8]", "name8"]]),
    ("select id from emp offset 1 fetch first 1 rows only", [["4"]]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "rows"), QUERIES)
def test_a_query_has_athenas_rows(select: Select, text: str, rows: list[list[str | None]]) -> None:
    found = select(text)
    assert (found if "order by" in text else sorted(found, key=str)) == (
        rows if "order by" in text else sorted(rows, key=str)
    )


def test_outputs_are_named_as_written(engine, emp) -> None:  # type: ignore[no-untyped-def]
    from .conftest import named

    text = 'select id as "My Id", Dept, count(*) over () as Total, 1, tags[1], *, id + 1 from emp limit 1'
    names = [c.name for c in engine.result(text, named(emp=emp)).columns]
    assert names[:5] == ["My Id", "dept", "Total", "_col3", "_col4"]
    assert names[5] == "id"
    assert names[-1] == f"_col{len(names) - 1}"
    assert "ssn" not in names


def test_results_have_athenas_types(engine, emp) -> None:  # type: ignore[no-untyped-def]
    from .conftest import named

    text = (
        "select id, score, rate, price, name, hired_on, seen_at, tags, marks, id > 1, count(*) over (), "
        "sum(score) over (), now() from emp limit 1"
    )
    found = [(c.type, c.precision, c.scale) for c in engine.result(text, named(emp=emp)).columns]
    assert [t for t, _, _ in found] == [
        "bigint", "integer", "double", "decimal", "varchar", "date", "timestamp", "array", "map", "boolean", "bigint",
        "bigint", "timestamp with time zone",
    ]  # fmt: skip
    assert found[3] == ("decimal", 10, 2)


def test_parameters_take_the_place_of_question_marks(select: Select) -> None:
    assert select("select id from emp where id = ? and dept = ?", "4", "'d4'") == [["4"]]
    with pytest.raises(QueryError, match="INVALID_PARAMETER_USAGE"):
        select("select id from emp where id = ?")


def test_a_very_deep_query_is_refused(select: Select) -> None:
    with pytest.raises(QueryError):
        select("select " + "(" * 5000 + "1" + ")" * 5000)
