"""What texts are as statements, and that no text holds up who reads it."""

import pytest

from twinplane.engines.sql import statements as kinds
from twinplane.engines.sql.classify import classify
from twinplane.engines.sql.plan import QueryError, Reference, SyntaxRefused
from twinplane.engines.sql.reader import answer
from twinplane.engines.sql.statements import ColumnDefinition, PartitionField, kind_of
from twinplane.engines.sql.worker_messages import Limits, Read
from twinplane.engines.sql.writing import _ids, glue_of

T = Reference(None, "t")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("-- a note\n/* and */ select 1", ("DML", "SELECT")),
        ("SHOW TABLES IN `sales` 'a*';", ("UTILITY", "SHOW_TABLES")),
        ("desc formatted sales.t", ("UTILITY", "DESCRIBE_TABLE")),
        ("EXPLAIN (FORMAT TEXT) SELECT * FROM t", ("UTILITY", "EXPLAIN")),
        ("create schema if not exists s comment 'x' location 's3://b/s/'", ("DDL", "CREATE_DATABASE")),
        ("DROP VIEW IF EXISTS t", ("DDL", "DROP_VIEW")),
        ("CREATE TABLE t AS SELECT 1 AS a", ("DDL", "CREATE_TABLE_AS_SELECT")),
        ("INSERT INTO t (a, b) VALUES (1, 2)", ("DML", "INSERT")),
        ("UNLOAD (SELECT ')' AS a) TO 's3://b/x/' WITH (format = 'JSON')", ("DML", "UNLOAD")),
        ("delete from t", ("DML", "DELETE")),
        ("UPDATE t SET a = 1, b = CASE WHEN a = 1 THEN 2 END WHERE c", ("DML", "UPDATE")),
        ("MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE", ("DML", "MERGE")),
        ("alter table t add columns (a int)", ("DDL", "ALTER_TABLE_ADD_COLUMNS")),
        ("VACUUM t", ("DDL", "VACUUM")),
        ("prepare By_Id from select * from t where a = ?", ("UTILITY", "PREPARE")),
        ("DEALLOCATE PREPARE by_id;", ("UTILITY", "DEALLOCATE")),
    ],
)
def test_each_text_is_one_kind_of_statement(text: str, kind: tuple[str, str]) -> None:
    assert kind_of(classify(text)) == kind


def test_a_definition_is_read_whole() -> None:
    found = classify(
        "CREATE EXTERNAL TABLE IF NOT EXISTS sales.t (`a b` array<struct<x:int,y:decimal(10, 2)>> COMMENT 'it''s', c "
        "integer) COMMENT 'all' PARTITIONED BY (d string) ROW FORMAT SERDE 'org.x' WITH SERDEPROPERTIES ('k' = 'v') "
        "STORED AS INPUTFORMAT 'in' OUTPUTFORMAT 'out' LOCATION 's3://b/t/' TBLPROPERTIES ('p'='1')"
    )
    assert found == kinds.CreateTable(
        Reference("sales", "t"),
        (ColumnDefinition("a b", "array<struct<x:int,y:decimal(10,2)>>", "it's"), ColumnDefinition("c", "int")),
        external=True, if_not_exists=True, comment="all", partitions=(ColumnDefinition("d", "string"),), serde="org.x",
        serde_properties=(("k", "v"),), stored_as=("in", "out"), location="s3://b/t/", properties=(("p", "1"),),
    )  # fmt: skip


def test_an_iceberg_tables_partitioning_is_read() -> None:
    found = classify("CREATE TABLE t (a int, b timestamp) PARTITIONED BY (a, day(b), bucket(4, a)) LOCATION 's3://b/t'")
    assert isinstance(found, kinds.CreateTable)
    assert found.fields == (PartitionField("a"), PartitionField("b", "day"), PartitionField("a", "bucket[4]"))


def test_tables_are_those_that_are_read_and_no_others() -> None:
    change = classify("DELETE FROM s.t WHERE a IN (WITH t2 AS (SELECT * FROM u) SELECT a FROM t2)")
    assert set(kinds.references(change)) == {Reference("s", "t"), Reference(None, "u")}
    merge = classify(
        "MERGE INTO t a USING (SELECT * FROM u) b ON a.x = (SELECT max(x) FROM v) WHEN MATCHED THEN DELETE"
    )
    assert {r.table for r in kinds.references(merge)} == {"t", "u", "v"}
    assert kinds.references(classify("INSERT INTO t SELECT * FROM s.u")) == (Reference("s", "u"),)


@pytest.mark.parametrize(
    "text",
    [
        "DROP TABLE a; DROP TABLE b", "CREATE TABLE t (a int) x", "DELETE FROM t WHERE", "INSERT INTO t",
        "UPDATE t SET",
        "MERGE INTO a USING b ON a.x = b.x", "GRANT SELECT ON a TO b", "TRUNCATE TABLE x", "CALL x()",
        "PREPARE pp FROM x", "PREPARE pp FROM DROP TABLE t", "PREPARE pp FROM PREPARE qq FROM SELECT 1",
        "PREPARE pp FROM SELECT 1; SELECT 2", "EXECUTE pp USING", "EXECUTE pp; SELECT 1", "EXECUTE \"a b\"",
        "DEALLOCATE pp",
        "SHOW GRANTS", "DELETE FROM t WHERE a = 1) OR (1 = 1", "UPDATE t SET a = (1", "EXPLAIN ANALYZE SELECT 1",
        "DELETE FROM t WHERE 1 = 1) AND EXISTS (SELECT 1 FROM hidden WHERE (true", "ALTER TABLE t RENAME TO u",
        "UNLOAD (SELECT 1) TO 's3://b/x' WITH (format = 'JSON') SELECT 1", "CREATE TABLE t AS SELECT 1; SELECT 2",
        "CREATE VIEW v AS SELECT 1 AS a; DROP TABLE t", "INSERT INTO other.s.t SELECT 1", "VACUUM t WHERE a = 1",
    ],
)  # fmt: skip
def test_what_is_not_one_whole_statement_is_refused(text: str) -> None:
    with pytest.raises(SyntaxRefused):
        classify(text)


@pytest.mark.parametrize("text", [
    "CREATE VIEW v AS DROP TABLE t", "INSERT INTO t DELETE FROM u", "CREATE TABLE t AS SHOW TABLES",
    "UNLOAD (DROP TABLE t) TO 's3://b/x/'", "CREATE TABLE t (a int, b nothing<int>)", "EXPLAIN DROP TABLE t",
    "INSERT INTO t SELECT read_text('/x')", "UPDATE t SET a = query('select 1')",
    "DELETE FROM t WHERE getenv('HOME') = 'x'",
])  # fmt: skip
def test_inside_of_a_statement_only_queries_and_served_functions_are_taken(text: str) -> None:
    with pytest.raises(QueryError):
        classify(text)


def test_parameters_take_the_places_of_question_marks_outside_of_quotes() -> None:
    found = classify("UPDATE t SET a = ?, b = '?' WHERE c = ?", ("1", "'x'"))
    assert isinstance(found, kinds.Change)
    assert [a.value.replace("\n", "") for a in found.assignments] == ["(1)", "'?'"]
    with pytest.raises(QueryError, match="expected 1 but found 0"):
        classify("DELETE FROM t WHERE a = ?")
    for hostile in ("1) OR (1 = 1", "(SELECT max(a) FROM u)", "1 -- x"):
        try:
            classify("DELETE FROM t WHERE a = ?", (hostile,))
        except QueryError:
            continue
        assert hostile.startswith("1 --")  # a comment ends with its line


def test_execute_gives_literals_in_their_order() -> None:
    assert classify("EXECUTE By_Id USING 1, 'a, b', ARRAY[1, 2]") == kinds.Execute(
        "By_Id", ("1", "'a, b'", "ARRAY[1, 2]")
    )
    assert classify("EXECUTE by_id", ("1",)) == kinds.Execute("by_id", ("1",))
    with pytest.raises(QueryError, match="not both"):
        classify("EXECUTE by_id USING 1", ("1",))
    with pytest.raises(QueryError, match="no parameters"):
        classify("PREPARE by_id FROM SELECT ?", ("1",))


@pytest.mark.parametrize("text", [
    "/*" * 130_000, "'" * 130_001, "\"'`" * 80_000, "CREATE TABLE x AS SELECT 1 a" + " " * 250_000,
    "UPDATE t SET a = " + "(" * 100_000, "CREATE TABLE t (a " + "array<" * 40_000, "EXPLAIN " * 30_000,
    "MERGE INTO t USING u ON " + "CASE " * 50_000, "WITH " * 50_000, "DELETE FROM t WHERE " + "NOT " * 60_000,
])  # fmt: skip
def test_no_text_holds_up_who_reads_it(text: str) -> None:
    reply = answer(Read(text, ()), Limits(planning_seconds=4.0))
    assert reply.failure is not None or reply.statement is not None


def test_field_ids_of_a_hostile_table_say_nothing_else_to_the_engine() -> None:
    for text in ("7", '{__duckdb_field_id: 3, "x""y": {__duckdb_field_id: 5, element: 6}}'):
        assert _ids(text) == text
    for hostile in ("1}); SELECT 1", "1}", '{"a": 1}, "append" 1 {"b": 2', "x", '{"a": 1} {', "/**/1"):
        with pytest.raises(QueryError):
            _ids(hostile)


@pytest.mark.parametrize(("stored", "glue"), [
    ("STRUCT(a INTEGER, \"b c\" VARCHAR[])", "struct<a:int,b c:array<string>>"),
    ("MAP(VARCHAR, DECIMAL(10,2))", "map<string,decimal(10,2)>"), ("TIMESTAMP_MS[]", "array<timestamp>"),
])  # fmt: skip
def test_types_of_rows_are_written_in_glues_words(stored: str, glue: str) -> None:
    assert glue_of(stored) == glue
