"""Databases, tables, partitions and views made, shown and dropped in SQL, over a real socket."""

import base64
import json
import zlib

import pytest
from botocore.exceptions import ClientError

from .lake import Lake, Person, table
from .writers import HERS, done, location, make_writer, reason, shown, stored


@pytest.fixture(scope="module")
def writer(lake: Lake) -> Person:
    return make_writer(lake)


def test_a_database_is_made_shown_and_dropped(lake: Lake, writer: Person) -> None:
    execution = done(writer, "CREATE SCHEMA drafts WITH DBPROPERTIES ('owner' = 'ann')")
    assert (execution["StatementType"], execution["SubstatementType"]) == ("DDL", "CREATE_DATABASE")
    assert lake.glue.get_database(Name="drafts")["Database"]["Parameters"] == {"owner": "ann"}
    assert "AlreadyExistsException" in reason(writer, "CREATE DATABASE drafts")
    done(writer, "CREATE DATABASE IF NOT EXISTS drafts")
    assert shown(writer, "SHOW DATABASES LIKE 'dra*'") == ["drafts"]
    done(writer, "ALTER DATABASE drafts SET DBPROPERTIES ('since' = '2026')")
    assert lake.glue.get_database(Name="drafts")["Database"]["Parameters"] == {"owner": "ann", "since": "2026"}
    done(writer, f"CREATE EXTERNAL TABLE drafts.one (a int) {location('drafts/one')}")
    assert "not empty" in reason(writer, "DROP DATABASE drafts")
    done(writer, "DROP DATABASE drafts CASCADE")
    assert "drafts" not in shown(writer, "SHOW SCHEMAS")
    assert "does not exist" in reason(writer, "DROP DATABASE drafts")
    done(writer, "DROP DATABASE IF EXISTS drafts")


def test_a_table_over_text_is_read_as_it_is_defined(lake: Lake, writer: Person) -> None:
    lake.s3.put_object(Bucket=HERS, Key="raw/a.tsv", Body=b"id\tname\n1\tann\n2\t\\N\n")
    done(
        writer,
        "CREATE EXTERNAL TABLE raw (`id` bigint COMMENT 'number', name string)\nROW FORMAT DELIMITED FIELDS TERMINATED "
        f"BY '\\t' STORED AS TEXTFILE {location('raw')} TBLPROPERTIES ('skip.header.line.count'='1')",
    )
    assert writer.rows("SELECT * FROM works.raw ORDER BY id") == [["1", "ann"], ["2", None]]
    assert stored(lake, "raw")["StorageDescriptor"]["SerdeInfo"]["Parameters"]["field.delim"] == "\t"
    assert shown(writer, "DESCRIBE raw") == ["id\tbigint\tnumber", "name\tstring"]
    assert shown(writer, "SHOW COLUMNS IN raw") == ["id", "name"]
    assert "skip.header.line.count\t1" in shown(writer, "SHOW TBLPROPERTIES raw")
    assert shown(writer, "SHOW TBLPROPERTIES raw('skip.header.line.count')") == ["skip.header.line.count\t1"]
    assert any("Location:" in line for line in shown(writer, "DESCRIBE FORMATTED raw"))
    assert any("Detailed Table Information" in line for line in shown(writer, "DESCRIBE EXTENDED raw"))


def test_what_show_create_table_says_makes_the_same_table(lake: Lake, writer: Person) -> None:
    done(
        writer,
        "CREATE EXTERNAL TABLE twin (a array<struct<b:int,c:string>> COMMENT 'it''s', d decimal(10,2)) "
        f"PARTITIONED BY (day string, n int) STORED AS PARQUET {location('twin')} TBLPROPERTIES ('k'='v')",
    )
    before = stored(lake, "twin")
    text = "\n".join(str(row[0]) for row in writer.rows("SHOW CREATE TABLE works.twin"))
    done(writer, "DROP TABLE twin")
    done(writer, text.replace("`works.twin`", "works.twin").replace("\\'", "''"))
    after = stored(lake, "twin")
    for member in ("StorageDescriptor", "PartitionKeys", "TableType"):
        assert after[member] == before[member]
    assert after["Parameters"]["k"] == "v"


def test_partitions_are_added_shown_renamed_moved_found_and_dropped(lake: Lake, writer: Person) -> None:
    done(
        writer,
        "CREATE EXTERNAL TABLE events (id int) PARTITIONED BY (year int, day string) ROW FORMAT DELIMITED FIELDS "
        f"TERMINATED BY ',' {location('events')}",
    )
    for path, body in (("year=2025/day=01", b"1\n"), ("year=2026/day=02", b"2\n"), ("year=2026/day=a%20b", b"3\n")):
        lake.s3.put_object(Bucket=HERS, Key=f"events/{path}/part", Body=body)
    lake.s3.put_object(Bucket=HERS, Key="events/elsewhere/part", Body=b"4\n")
    done(writer, "ALTER TABLE events ADD PARTITION (year=2025, day='01')")
    assert "AlreadyExistsException" in reason(writer, "ALTER TABLE events ADD PARTITION (year=2025, day='01')")
    done(writer, "ALTER TABLE events ADD IF NOT EXISTS PARTITION (year=2025, day='01')")
    assert writer.rows("SELECT id, year, day FROM works.events") == [["1", "2025", "01"]]
    found = shown(writer, "MSCK REPAIR TABLE events")
    assert any("year=2026/day=a%20b" in line for line in found)
    assert writer.rows("SELECT id FROM works.events ORDER BY id") == [["1"], ["2"], ["3"]]
    assert shown(writer, "SHOW PARTITIONS events") == ["year=2025/day=01", "year=2026/day=02", "year=2026/day=a b"]
    done(writer, "ALTER TABLE events PARTITION (year=2025, day='01') RENAME TO PARTITION (year=2024, day='01')")
    assert writer.rows("SELECT year FROM works.events WHERE id = 1") == [["2024"]]
    lake.s3.put_object(Bucket=HERS, Key="moved/part", Body=b"9\n")
    done(writer, f"ALTER TABLE events PARTITION (year=2024, day='01') SET {location('moved')}")
    assert writer.rows("SELECT id FROM works.events WHERE year = 2024") == [["9"]]
    done(writer, "ALTER TABLE events DROP PARTITION (year>'2025')")
    assert writer.rows("SELECT id FROM works.events") == [["9"]]
    assert "Partition not found" in reason(writer, "ALTER TABLE events DROP PARTITION (year=1999, day='x')")


def test_columns_and_properties_change(lake: Lake, writer: Person) -> None:
    done(writer, f"CREATE EXTERNAL TABLE shape (a int, b string) {location('shape')}")

    def names() -> list[str]:
        return [c["Name"] for c in stored(lake, "shape")["StorageDescriptor"]["Columns"]]

    done(writer, "ALTER TABLE shape ADD COLUMNS (c double, d date)")
    assert names() == ["a", "b", "c", "d"]
    done(writer, "ALTER TABLE shape CHANGE COLUMN d e timestamp COMMENT 'when' AFTER a")
    assert names() == ["a", "e", "b", "c"]
    assert "Duplicate" in reason(writer, "ALTER TABLE shape ADD COLUMNS (a int)")
    done(writer, "ALTER TABLE shape REPLACE COLUMNS (z int)")
    assert names() == ["z"]
    done(writer, "ALTER TABLE shape SET TBLPROPERTIES ('x'='1', 'y'='2')")
    done(writer, "ALTER TABLE shape UNSET TBLPROPERTIES ('x')")
    assert stored(lake, "shape")["Parameters"].get("y") == "2"
    assert "x" not in stored(lake, "shape")["Parameters"]


def test_a_view_is_read_with_the_rights_of_whoever_asks(lake: Lake, writer: Person) -> None:
    done(writer, "CREATE VIEW recent (nr, r) AS SELECT id, region FROM sales.orders WHERE id < 8")
    found = stored(lake, "recent")
    content = json.loads(base64.b64decode(found["ViewOriginalText"].split(" ")[3]))
    assert content["columns"] == [{"name": "nr", "type": "bigint"}, {"name": "r", "type": "varchar"}]
    assert (found["TableType"], content["schema"]) == ("VIRTUAL_VIEW", "works")
    done(writer, "CREATE OR REPLACE VIEW latest AS WITH c AS (SELECT * FROM recent) SELECT c.nr FROM c ORDER BY nr")
    assert writer.rows("SELECT count(*), max(l.nr) FROM works.latest l JOIN works.recent ON recent.nr = l.nr") == [
        ["8", "7"]
    ]
    assert shown(writer, "SHOW VIEWS") == ["latest", "recent"]
    assert any("FROM sales.orders" in line for line in shown(writer, "SHOW CREATE VIEW recent"))
    reader = lake.person("reader_of_views")
    view = table("latest", "works")
    assert "works.latest" in str(_refusal(reader, "SELECT * FROM works.latest"))
    lake.grant(reader.principal, view)
    assert "works.recent" in str(_refusal(reader, "SELECT * FROM works.latest"))
    lake.grant(reader.principal, table("recent", "works"))
    assert "sales.orders" in str(_refusal(reader, "SELECT * FROM works.latest"))
    lake.grant(reader.principal, lake.filter("view_eu", "region = 'EU'", {"ColumnWildcard": {}}))
    assert reader.rows("SELECT nr FROM works.latest") == [["0"], ["4"]]
    assert "DROP" in reason(writer, "DROP TABLE latest")
    done(writer, "DROP VIEW latest")
    assert shown(writer, "SHOW VIEWS") == ["recent"]


def _refusal(person: Person, text: str) -> Exception:
    with pytest.raises(ClientError) as error:
        person.start(text)
    return error.value


def test_a_view_of_what_its_author_may_not_see_is_not_made(lake: Lake, writer: Person) -> None:
    lake.table("secret", "SELECT 1 AS id", [{"Name": "id", "Type": "int"}])
    there, missing = (
        str(_refusal(writer, f"CREATE VIEW works.peek AS SELECT * FROM sales.{name}")) for name in ("secret", "nothing")
    )
    assert there.replace("secret", "X") == missing.replace("nothing", "X")
    assert "COLUMN_NOT_FOUND" in reason(writer, "CREATE VIEW peek AS SELECT nothing FROM sales.orders")


def test_views_that_name_each_other_do_not_run_for_ever(lake: Lake, writer: Person) -> None:
    done(writer, "CREATE VIEW ring AS SELECT 1 AS a")
    done(writer, "CREATE VIEW rang AS SELECT a FROM ring")
    done(writer, "CREATE OR REPLACE VIEW ring AS SELECT a FROM ring")
    assert "INVALID_VIEW" in reason(writer, "SELECT * FROM works.rang")


def test_explain_shows_the_shape_of_the_query_and_nothing_of_the_filter(lake: Lake) -> None:
    reader = lake.person("explainer")
    lake.grant(reader.principal, lake.filter("explained", "region = 'EU'", {"ColumnWildcard": {}}))
    lines = [str(row[0]) for row in reader.rows("EXPLAIN SELECT count(*) FROM orders WHERE id > 3")]
    assert any("TableScan[table = orders]" in line for line in lines)
    assert not any("EU" in line or "region" in line for line in lines)
    assert reader.rows("EXPLAIN (TYPE VALIDATE) SELECT count(*) FROM orders") == [["true"]]
    assert "COLUMN_NOT_FOUND" in reason(reader, "EXPLAIN SELECT nothing FROM sales.orders")


@pytest.mark.parametrize(
    "text",
    [
        "CREATE DATABASE others",
        "CREATE EXTERNAL TABLE sales.mine (a int) LOCATION 's3://data/sales/orders/'",
        "CREATE VIEW sales.mine AS SELECT 1 AS a",
        "DROP TABLE sales.orders",
        "DROP TABLE IF EXISTS sales.orders",
        "DROP DATABASE sales CASCADE",
        "ALTER TABLE sales.orders ADD COLUMNS (x int)",
        "ALTER TABLE sales.orders SET LOCATION 's3://hers/x/'",
        "ALTER TABLE sales.orders SET TBLPROPERTIES ('a'='b')",
        "ALTER DATABASE sales SET DBPROPERTIES ('a'='b')",
        "MSCK REPAIR TABLE sales.orders",
    ],
)
def test_the_catalog_is_changed_by_who_may_only(lake: Lake, writer: Person, text: str) -> None:
    """IAM allows her all of Glue; Lake Formation lets her read one table of the database, and no more."""
    before = (stored(lake, "orders", "sales"), lake.glue.get_database(Name="sales")["Database"])
    person = lake.session_of(lake.person(f"meddler{zlib.crc32(text.encode())}").user_id, "TwinplaneWriter")
    lake.grant(person.principal, table())
    assert reason(person, text)
    assert (stored(lake, "orders", "sales"), lake.glue.get_database(Name="sales")["Database"]) == before


@pytest.mark.parametrize(
    "text",
    [
        "DROP TABLE sales.{}", "DESCRIBE sales.{}", "SHOW CREATE TABLE sales.{}", "SHOW COLUMNS IN sales.{}",
        "SHOW PARTITIONS sales.{}", "SHOW TBLPROPERTIES sales.{}", "ALTER TABLE sales.{} ADD COLUMNS (x int)",
        "ALTER TABLE sales.{} DROP PARTITION (a='1')", "MSCK REPAIR TABLE sales.{}", "INSERT INTO sales.{} VALUES (1)",
        "DELETE FROM sales.{} WHERE 1 = 1", "SHOW CREATE VIEW sales.{}",
    ],
)  # fmt: skip
def test_a_hidden_table_fails_as_one_that_is_not_there(lake: Lake, writer: Person, text: str) -> None:
    lake.table(f"hidden_{zlib.crc32(text.encode())}", "SELECT 1 AS id", [{"Name": "id", "Type": "int"}])

    def said(name: str) -> str:
        try:
            return reason(writer, text.format(name)).replace(name, "X")
        except ClientError as error:
            return str(error).replace(name, "X")

    assert said(f"hidden_{zlib.crc32(text.encode())}") == said("nothing")


def test_what_writers_wrote_beside_a_table_is_shown_to_who_sees_all_of_it(lake: Lake, writer: Person) -> None:
    found = stored(lake, "orders", "sales")
    parameters = {"recordCount": "1000", "spark.sql.sources.schema": "card string"}
    given = {m: found[m] for m in ("Name", "StorageDescriptor", "TableType")} | {"Parameters": parameters}
    lake.glue.update_table(DatabaseName="sales", TableInput=given)
    partly = lake.person("partly_shown")
    lake.grant(partly.principal, lake.filter("partly_shown", "id < 5", {"ColumnWildcard": {}}))
    texts = ("SHOW TBLPROPERTIES sales.orders", "DESCRIBE FORMATTED sales.orders", "DESCRIBE EXTENDED sales.orders",
             "SHOW CREATE TABLE sales.orders")  # fmt: skip
    for text in texts:
        said = "\n".join(shown(partly, text, "sales"))
        assert not any(words in said for words in ("recordCount", "1000", "card string"))
    assert "recordCount\t1000" in shown(writer, texts[0], "sales")


@pytest.mark.parametrize(
    "where", ["s3://data/sales/orders/", "s3://people/athena/", "s3a://data/sales/orders/", "s3://nowhere/at/all/"]
)
def test_a_table_is_not_laid_over_what_its_author_may_not_read(lake: Lake, writer: Person, where: str) -> None:
    outcome = _over(writer, where)
    if where == "s3://people/athena/":  # where she may read by name, though nothing of others is shown to her
        assert outcome == [["0"]]
    else:
        assert outcome is None


def _over(writer: Person, where: str) -> list[list[str | None]] | None:
    text = f"CREATE EXTERNAL TABLE works.over_it (a string) LOCATION '{where}'"
    if writer.finished(writer.start(text))["Status"]["State"] == "FAILED":
        return None
    try:
        return writer.rows("SELECT count(*) FROM works.over_it WHERE a LIKE '%card-%'")
    finally:
        done(writer, "DROP TABLE over_it")
