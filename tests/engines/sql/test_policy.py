"""What a person sees is exactly what a copy of the data with everything else cut out would show."""

from pathlib import Path

import pytest

from twinplane.engines.sql.plan import Files, QueryError, Slice, Table

from .conftest import COLUMNS, VISIBLE, Engine, named

SAME = """
select * from emp order by id
select count(*), sum(salary), min(name), max(name), avg(rate) from emp
select region, dept, count(*), sum(price) from emp group by 1, 2 order by 1, 2
select dept, count(*) from emp group by dept having count(*) > 714 order by dept
select e.id, f.name from emp e join emp f on f.id = e.id + 4 where e.salary < 1000 order by e.id
select e.id, f.id from emp e left join emp f on f.salary = e.salary + 10 order by 1 limit 20
select id, rank() over (partition by dept order by salary desc) r from emp order by id limit 50
select distinct region from emp
select tag, count(*) from emp cross join unnest(tags) u(tag) group by 1 order by 1
select count(*) from emp where region = 'US' or region is null or not region = 'EU'
select count(*) from emp where id in (select id + 1 from emp)
select max(id) from emp where hired_on > date '2021-01-01' and seen_at < timestamp '2021-01-05 00:00:00'
with a as (select dept, max(salary) m from emp group by dept) select * from a join emp e on e.salary = a.m order by e.id
select approx_distinct(region), count(distinct dept) from emp
select json_extract_scalar('{"a": 1}', '$.a'), count(score), count(*) - count(score) from emp
select date_trunc('month', hired_on), sum(score) from emp group by 1 order by 1
""".strip().splitlines()


@pytest.mark.parametrize("text", SAME)
def test_a_filtered_table_answers_as_a_copy_that_was_cut(
    engine: Engine, emp: Table, permitted_emp: Table, text: str
) -> None:
    assert engine.rows(text, named(emp=emp)) == engine.rows(text, named(emp=permitted_emp))


def test_a_row_filter_may_read_a_hidden_column(engine: Engine, data_file: Path) -> None:
    table = Table(COLUMNS, (Slice(("id",), "ssn = 'ssn-7' or ssn like 'ssn-1999_'"),), (Files((str(data_file),)),))
    assert engine.rows("select id from emp order by id limit 2", named(emp=table)) == [["7"], ["19990"]]
    with pytest.raises(QueryError, match="COLUMN_NOT_FOUND"):
        engine.rows("select ssn from emp", named(emp=table))


@pytest.mark.parametrize(
    ("row_filter", "count"),
    [
        ("region = 'EU'", 5000),
        ("region <> 'EU' and id < 10", 7),
        ("REGION IN ('EU') AND ID BETWEEN 0 AND 8", 3),
        ("score is null", 1819),
        ("hired_on >= date '2022-06-01'", 396),
        ("name like 'name1999%'", 11),
        ("not (region = 'EU')", 15000),
        ("salary / 7 = 1", 1),
        ("lower(region) = 'eu' and id < 4", 1),
        ("false", 0),
        ("'it''s' = 'it''s'", 20000),
    ],
)
def test_row_filters_are_read_in_athenas_dialect(engine: Engine, data_file: Path, row_filter: str, count: int) -> None:
    table = Table(COLUMNS, (Slice(("id",), row_filter),), (Files((str(data_file),)),))
    assert engine.rows("select count(*) from emp", named(emp=table)) == [[str(count)]]


def test_several_slices_show_the_union_of_their_cells(engine: Engine, data_file: Path) -> None:
    slices = (Slice(("id", "region"), "id < 3"), Slice(("id", "name"), "id > 1 and id < 5"))
    table = Table(COLUMNS, slices, (Files((str(data_file),)),))
    assert engine.rows("select * from emp order by id", named(emp=table)) == [
        ["0", "EU", None], ["1", "US", None], ["2", "US", "name2"], ["3", None, "name3"], ["4", None, "name4"],
    ]  # fmt: skip
    assert engine.rows("select count(*) from emp where region = 'US' and id > 2", named(emp=table)) == [["0"]]


def test_a_table_without_files_is_empty(engine: Engine) -> None:
    table = Table(COLUMNS, (Slice(VISIBLE),), (Files(()),))
    assert engine.rows("select count(*), max(salary) from emp", named(emp=table)) == [["0", None]]


def test_a_file_that_is_no_parquet_fails_without_telling_where_it_is(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "not-parquet"
    path.write_text("nothing")
    table = Table(COLUMNS, (Slice(VISIBLE),), (Files((str(path),)),))
    with pytest.raises(QueryError) as failed:
        engine.rows("select * from emp", named(emp=table))
    assert str(tmp_path) not in str(failed.value)


def test_rows_tell_of_their_object_to_who_may_read_everything(engine: Engine, data_file: Path) -> None:
    """`objects` is there only for a table that its reader may read as a whole."""
    address = ("s3://lake/emp/part-0", 4711)
    names = tuple(c.name for c in COLUMNS)
    table = Table(COLUMNS, (Slice(names),), (Files((str(data_file),), (), (address,)),))
    text = 'select "$path", "$file_size", count(*) from emp where "$path" like \'%part-0\' group by 1, 2'
    assert engine.rows(text, named(emp=table)) == [["s3://lake/emp/part-0", "4711", "20000"]]
    assert "s3://lake/emp/part-0" not in engine.rows("select * from emp limit 1", named(emp=table))[0]
    for filtered in (Slice(names, "region = 'EU'"), Slice(("id",))):
        hidden = Table(COLUMNS, (filtered,), (Files((str(data_file),)),))
        with pytest.raises(QueryError, match="COLUMN_NOT_FOUND"):
            engine.rows(text, named(emp=hidden))
