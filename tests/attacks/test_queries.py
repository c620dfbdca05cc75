"""SQL of an analyst who holds some of the rows of one table, and not its income."""

import json

import pytest

from tests.attacks.insiders import Insiders, refused

HIDDEN_COLUMN = [
    "select income from households",
    'select "INCOME" from households',
    "select awsdatacatalog.marketing.households.income from marketing.households",
    "select t.income from (select * from households) t",
    "select count(*) from households where income is null",
    "select age from households order by income",
    "select age from households group by age, income",
    "select count(*) from households a join households b using (income)",
    "select try(income) from households",
    "select source.income from households",
    'select "$path" from households',
    "select rowid, filename, file_row_number from households",
    "select current_user from households",
]


@pytest.mark.parametrize("text", HIDDEN_COLUMN)
def test_a_hidden_column_is_like_one_that_is_not_there(insiders: Insiders, text: str) -> None:
    answer = insiders.query("analyst", text)
    assert answer.rows == []
    missing = insiders.query("analyst", text.replace("income", "nothing").replace("INCOME", "nothing"))
    assert answer.reason.replace("income", "nothing") == missing.reason


def test_everything_of_the_table_is_without_the_column_and_the_rows(insiders: Insiders) -> None:
    for text in ("select * from households", "select households.* from households", "table households"):
        rows = insiders.query("analyst", text).rows
        assert "income" not in rows[0]
        assert {row[rows[0].index("home_ownership")] for row in rows[1:]} == {"Homeowner"}


NO_GRANT = [
    "select count(*) from campaigns",
    "select 1 where exists (with campaigns as (select 1) select 1 from campaigns) and 1 in (select 1 from campaigns)",
    "with a as (select * from campaigns) select 1",
    "select * from households, lateral (select * from campaigns) c",
    "select transform(array[1], x -> (select count(*) from campaigns))",
    "select * from sales.transactions",
    "select * from information_schema.enabled_roles",
    'select * from "households$partitions"',
    "select * from '/etc/passwd'",
    "select * from t_0",
]


@pytest.mark.parametrize("text", NO_GRANT)
def test_a_table_without_a_grant_is_refused_like_a_missing_one(insiders: Insiders, text: str) -> None:
    with refused("AccessDeniedException.*Required Select on"):
        insiders.query("analyst", text)


def test_the_catalogs_own_tables_show_what_she_may_see(insiders: Insiders) -> None:
    tables = insiders.query("analyst", "select table_schema, table_name from information_schema.tables").rows[1:]
    assert ["marketing", "households"] in tables
    assert not any("campaigns" in row or "transactions" in row for row in tables)
    columns = insiders.query("analyst", "select table_name, column_name from information_schema.columns").rows[1:]
    assert ["households", "age"] in columns
    assert not any(name == "income" or table in ("campaigns", "transactions") for table, name in columns)
    assert insiders.query("analyst", "select * from information_schema.views").rows[1:] == []


ERRORS_ON = [
    "json_parse(case when {hidden} then 'x{{' else '1' end) is not null",
    "cast(case when {hidden} then 'x' else '1' end as int) = 1",
    "1 / (case when {hidden} then 0 else 1 end) = 1",
    "chr(case when {hidden} then -5 else 65 end) = 'A'",
    "sqrt(case when {hidden} then -1 else 1 end) = 1",
    "regexp_like('a', case when {hidden} then '(' else 'a' end)",
    "length(lpad('x', case when {hidden} then 2000000000 else 1 end, 'y')) = 1",
]


@pytest.mark.parametrize("condition", ERRORS_ON)
@pytest.mark.parametrize("person", ["analyst", "colleague"])
def test_hidden_rows_cannot_be_felt_by_what_fails_on_them(insiders: Insiders, person: str, condition: str) -> None:
    count = insiders.query(person, "select count(*) from households").rows
    hers = json.loads(str(insiders.query(person, "select array_agg(household_id) from households").rows[1][0]))
    everybody = json.loads(
        str(insiders.query("colleague" if person == "analyst" else "analyst",
                           "select array_agg(household_id) from households").rows[1][0])
    )  # fmt: skip
    hidden = f"household_id in ({', '.join(str(i) for i in set(everybody) - set(hers))})"
    answer = insiders.query(person, f"select count(*) from households where {condition.format(hidden=hidden)}")
    assert answer.rows == count, answer.reason


ELSEWHERE = [
    "select 1; select 2",
    "explain analyze select * from households",
    "prepare p from select 1",
    "set x = 1",
]


@pytest.mark.parametrize("text", ELSEWHERE)
def test_nothing_but_one_query_is_taken(insiders: Insiders, text: str) -> None:
    with refused("InvalidRequestException"):
        insiders.query("analyst", text)


CHANGES = [
    "create table x as select * from households",
    "create table x with (external_location = 's3://{bucket}/x/') as select * from households",
    "insert into households select * from households",
    "delete from households",
    "update households set age = 1",
    "unload (select * from households) to 's3://{bucket}/x/' with (format = 'parquet')",
    "create view x as select * from households",
    "create external table x (a int) location 's3://{bucket}/'",
    "alter table households add columns (x int)",
    "alter table households set location 's3://{bucket}/x/'",
    "alter table households set tblproperties ('x' = 'y')",
    "drop table households",
    "drop database marketing cascade",
    "msck repair table households",
    "vacuum households",
]


@pytest.mark.parametrize("text", CHANGES)
def test_who_may_only_read_changes_nothing(insiders: Insiders, text: str) -> None:
    glue = insiders.administrator("glue")
    before = glue.get_tables(DatabaseName="marketing")["TableList"]
    bucket = next(t for t in before if t["Name"] == "households")["StorageDescriptor"]["Location"].split("/")[2]
    objects = insiders.administrator("s3").list_objects_v2(Bucket=bucket).get("KeyCount")
    assert insiders.query("analyst", text.format(bucket=bucket)).reason
    assert glue.get_tables(DatabaseName="marketing")["TableList"] == before
    assert insiders.administrator("s3").list_objects_v2(Bucket=bucket).get("KeyCount") == objects


@pytest.mark.parametrize(
    "call",
    [
        "read_parquet('/etc/passwd')", "query('select 1')", "getenv('HOME')", "current_setting('allowed_paths')",
        "error('x')", "stats(age)", "columns(*)", "version()", "query_table('t_0')", "nextval('x')",
    ],
)  # fmt: skip
def test_functions_of_the_engine_are_not_registered(insiders: Insiders, call: str) -> None:
    assert "not registered" in insiders.query("analyst", f"select {call} from households").reason


def test_the_catalogs_statements_show_what_she_may_see(insiders: Insiders) -> None:
    assert insiders.query("analyst", "show databases").rows == [["marketing"]]
    assert insiders.query("analyst", "show tables in marketing").rows == [["households"]]
    assert ["income"] not in insiders.query("analyst", "show columns in marketing.households").rows
    for text in ("describe marketing.campaigns", "show tables in sales", "show columns in sales.transactions"):
        assert any(words in insiders.query("analyst", text).reason for words in ("not found", "does not exist"))
