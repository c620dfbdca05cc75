"""Iceberg tables made, filled, changed and compacted in SQL over a real socket, and read again by pyiceberg."""

import threading
from typing import Any

import pytest

from twinplane.data_plane.testing import RunningPlane

from .lake import Lake, Person, table
from .writers import HERS, done, make_writer, reason, stored

WHOLE = {"ColumnWildcard": {}}


@pytest.fixture(scope="module")
def writer(lake: Lake) -> Person:
    return make_writer(lake)


def make(writer: Person, name: str, columns: str = "id bigint, region string, amount double", more: str = "") -> None:
    done(
        writer,
        f"CREATE TABLE {name} ({columns}) {more} LOCATION 's3://{HERS}/works/{name}' "
        "TBLPROPERTIES ('table_type'='ICEBERG', 'format'='parquet')",
    )


def rows(person: Person, text: str) -> list[list[str | None]]:
    return person.rows(text, QueryExecutionContext={"Database": "works"})


def count_of(person: Person, text: str) -> int:
    execution = done(person, text)
    query_id = execution["QueryExecutionId"]
    return int(person.client("athena").get_query_results(QueryExecutionId=query_id)["UpdateCount"])


@pytest.fixture(scope="module")
def iceberg(lake: Lake, plane: RunningPlane, writer: Person) -> Any:
    """Opens a table with pyiceberg, as the administrator."""
    glue = pytest.importorskip("pyiceberg.catalog.glue")
    session = lake.glue._request_signer._credentials
    catalog = glue.GlueCatalog(
        "lake",
        **{
            "glue.endpoint": plane.endpoint, "s3.endpoint": plane.endpoint, "client.region": "us-east-1",
            "client.access-key-id": session.access_key, "client.secret-access-key": session.secret_key,
            "client.session-token": session.token,
        },
    )  # fmt: skip
    return lambda name: catalog.load_table(("works", name))


def test_a_table_is_made_filled_and_read_by_others(lake: Lake, writer: Person, iceberg: Any) -> None:
    make(writer, "sold", "id bigint COMMENT 'nr', region string, day date, at timestamp, price decimal(10,2)",
         "PARTITIONED BY (region, month(day))")  # fmt: skip
    found = stored(lake, "sold")
    assert found["Parameters"]["table_type"].upper() == "ICEBERG"
    values = (
        "(1, 'EU', DATE '2026-01-05', TIMESTAMP '2026-01-05 10:00:00', DECIMAL '1.50'), (2, NULL, NULL, NULL, NULL)"
    )
    assert count_of(writer, f"INSERT INTO sold VALUES {values}") == 2
    assert count_of(writer, "INSERT INTO sold (region, id) SELECT region, id FROM sales.orders WHERE id < 5") == 5
    assert rows(writer, "SELECT count(*), sum(id), max(price), max(day) FROM sold") == [
        ["7", "13", "1.50", "2026-01-05"]
    ]
    opened = iceberg("sold")
    assert [str(f.transform) for f in opened.spec().fields] == ["identity", "month"]
    read = opened.scan(row_filter="region = 'EU' and id = 1").to_arrow().to_pylist()
    assert [(r["id"], str(r["price"])) for r in read] == [(1, "1.50")]
    assert opened.scan().to_arrow().num_rows == 7
    assert {str(f.file.partition[1]) for f in opened.scan().plan_files()} == {"672", "None"}


def test_rows_lie_in_the_partitions_that_others_look_for_them_in(writer: Person, iceberg: Any) -> None:
    by = "bucket(7, id), bucket(5, name), truncate(10, id), truncate(2, name), year(day), hour(at), bucket(3, day)"
    make(writer, "spread", "id bigint, name string, day date, at timestamp", f"PARTITIONED BY ({by})")
    values = ", ".join(
        f"({n * 7919 - 40000}, 'näme-{n}', DATE '19{60 + n * 3}-01-02', TIMESTAMP '20{10 + n}-05-06 07:08:09')"
        for n in range(12)
    )
    done(writer, f"INSERT INTO spread VALUES {values}, (NULL, NULL, NULL, NULL)")
    opened = iceberg("spread")
    for row in opened.scan().to_arrow().to_pylist():
        if row["id"] is None:
            continue
        for name, value in (
            ("id", str(row["id"])), ("name", f"'{row['name']}'"), ("day", f"'{row['day']}'"),
            ("at", f"'{row['at'].isoformat()}'"),
        ):  # fmt: skip
            found = opened.scan(row_filter=f"{name} = {value}").to_arrow().to_pylist()
            assert found == [row], (name, value)
    assert rows(writer, "SELECT count(*), count(id) FROM spread") == [["13", "12"]]


def test_rows_are_updated_and_deleted(writer: Person, iceberg: Any) -> None:
    make(writer, "changing")
    done(writer, "INSERT INTO changing SELECT id, region, amount FROM sales.orders WHERE id < 20")
    assert (
        count_of(writer, "UPDATE changing SET amount = amount + 1000, region = 'XX' WHERE id % 2 = 0 AND id < 6") == 3
    )
    assert rows(writer, "SELECT id, amount FROM changing WHERE region = 'XX' ORDER BY id") == [
        ["0", "1000.0"], ["2", "1003.0"], ["4", "1006.0"]
    ]  # fmt: skip
    assert count_of(writer, "UPDATE changing SET region = NULL WHERE region = 'nowhere'") == 0
    done(writer, "UPDATE changing SET region = NULL WHERE id = 19")
    assert count_of(writer, "DELETE FROM changing WHERE region = 'US'") == 13
    assert rows(writer, "SELECT count(*), count(region) FROM changing") == [["7", "6"]]  # NULL is not 'US'
    assert count_of(writer, "DELETE FROM changing WHERE id IN (SELECT id FROM sales.orders WHERE id > 10)") == 3
    assert iceberg("changing").scan().to_arrow().num_rows == 4
    assert count_of(writer, "DELETE FROM changing") == 4
    assert rows(writer, "SELECT count(*) FROM changing") == [["0"]]
    assert "COLUMN_NOT_FOUND" in reason(writer, "UPDATE changing SET nothing = 1")


def test_rows_are_merged(writer: Person) -> None:
    make(writer, "merged", "id bigint, v string")
    make(writer, "news", "id bigint, v string, gone boolean")
    done(writer, "INSERT INTO merged VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, NULL)")
    done(
        writer,
        "INSERT INTO news VALUES (2, 'B', false), (3, 'C', true), (4, 'D', NULL), (9, 'I', false), (10, 'J', true)",
    )
    text = (
        "MERGE INTO merged AS m USING (SELECT * FROM news) AS n ON m.id = n.id "
        "WHEN MATCHED AND n.gone THEN DELETE WHEN MATCHED THEN UPDATE SET v = n.v || '!' "
        "WHEN NOT MATCHED AND NOT n.gone THEN INSERT (id, v) VALUES (n.id, n.v)"
    )
    assert count_of(writer, text) == 4
    assert rows(writer, "SELECT id, v FROM merged ORDER BY id") == [["1", "a"], ["2", "B!"], ["4", "D!"], ["9", "I"]]
    done(writer, "INSERT INTO news VALUES (2, 'twice', false)")
    assert "MERGE_TARGET_ROW_MULTIPLE_MATCHES" in reason(
        writer, "MERGE INTO merged m USING news n ON m.id = n.id WHEN MATCHED THEN UPDATE SET v = n.v"
    )
    done(
        writer,
        "MERGE INTO merged USING news ON merged.id = news.id AND merged.v = 'no' "
        "WHEN NOT MATCHED THEN INSERT VALUES (news.id, news.v)",
    )
    assert rows(writer, "SELECT count(*) FROM merged") == [["10"]]


def test_a_table_of_a_querys_rows(lake: Lake, writer: Person, iceberg: Any) -> None:
    done(
        writer,
        f"CREATE TABLE made WITH (table_type = 'ICEBERG', location = 's3://{HERS}/works/made/', is_external = false, "
        "partitioning = ARRAY['truncate(region, 1)']) AS SELECT id, region, ARRAY[id, 1] AS l, "
        "MAP(ARRAY['k'], ARRAY[amount]) AS m, CAST(ROW(id, region) AS ROW(a bigint, b varchar)) AS s "
        "FROM sales.orders WHERE id < 8",
    )
    assert rows(writer, "SELECT count(*), sum(l[1]), max(m['k']), max(s.a) FROM made") == [["8", "28", "10.5", "7"]]
    read = iceberg("made").scan(row_filter="id = 4").to_arrow().to_pylist()
    assert read == [{"id": 4, "region": "EU", "l": [4, 1], "m": [("k", 6.0)], "s": {"a": 4, "b": "EU"}}]
    done(
        writer,
        f"CREATE TABLE shell WITH (table_type = 'ICEBERG', location = 's3://{HERS}/works/shell/', is_external = false) "
        "AS SELECT id FROM sales.orders WITH NO DATA",
    )
    assert rows(writer, "SELECT count(*) FROM shell") == [["0"]]
    assert "HIVE_PATH_ALREADY_EXISTS" in reason(
        writer,
        f"CREATE TABLE again WITH (table_type = 'ICEBERG', location = 's3://{HERS}/works/made/') AS SELECT 1 AS a",
    )


def test_columns_change_and_old_rows_stay_readable(writer: Person, iceberg: Any) -> None:
    make(writer, "shifting", "a int, b string")
    done(writer, "INSERT INTO shifting VALUES (1, 'x')")
    done(writer, "ALTER TABLE shifting ADD COLUMNS (c double COMMENT 'new', d array<int>)")
    done(writer, "ALTER TABLE shifting CHANGE COLUMN a number bigint AFTER b")
    done(writer, "INSERT INTO shifting VALUES ('y', 2, 1.5, ARRAY[7])")
    assert rows(writer, "SELECT b, number, c, d FROM shifting ORDER BY number") == [
        ["x", "1", None, None], ["y", "2", "1.5", "[7]"]
    ]  # fmt: skip
    done(writer, "ALTER TABLE shifting DROP COLUMN b")
    assert rows(writer, "SELECT * FROM shifting WHERE number = 2") == [["2", "1.5", "[7]"]]
    assert "NOT_SUPPORTED" in reason(writer, "ALTER TABLE shifting CHANGE COLUMN number number int")
    done(writer, "ALTER TABLE shifting SET TBLPROPERTIES ('write_compression'='gzip')")
    assert iceberg("shifting").properties["write.parquet.compression-codec"] == "gzip"
    assert "Unsupported table property" in reason(
        writer, "ALTER TABLE shifting SET TBLPROPERTIES ('metadata_location'='s3://data/x')"
    )
    assert [f.name for f in iceberg("shifting").schema().fields] == ["number", "c", "d"]


def test_many_small_files_become_one_and_old_snapshots_go(lake: Lake, writer: Person, iceberg: Any) -> None:
    make(writer, "crumbs", "id bigint")
    for number in range(4):
        done(writer, f"INSERT INTO crumbs VALUES ({number})")
    assert len(list(iceberg("crumbs").scan().plan_files())) == 4
    done(writer, "OPTIMIZE crumbs REWRITE DATA USING BIN_PACK WHERE id > 0")
    assert len(list(iceberg("crumbs").scan().plan_files())) == 1
    assert rows(writer, "SELECT count(*), sum(id) FROM crumbs") == [["4", "6"]]
    before = _keys(lake, "works/crumbs/data/")
    done(writer, "VACUUM crumbs")
    assert len(iceberg("crumbs").metadata.snapshots) == 5  # none is old enough
    done(writer, "ALTER TABLE crumbs SET TBLPROPERTIES ('vacuum_max_snapshot_age_seconds'='0')")
    done(writer, "VACUUM crumbs")
    assert len(iceberg("crumbs").metadata.snapshots) == 1
    assert (len(before), len(_keys(lake, "works/crumbs/data/"))) == (5, 1)
    assert rows(writer, "SELECT count(*), sum(id) FROM crumbs") == [["4", "6"]]


def _keys(lake: Lake, prefix: str) -> list[str]:
    return [o["Key"] for o in lake.s3.list_objects_v2(Bucket=HERS, Prefix=prefix).get("Contents", [])]


def test_no_commit_is_lost_when_many_write_at_once(writer: Person, iceberg: Any) -> None:
    make(writer, "busy", "id bigint, n bigint")
    done(writer, "INSERT INTO busy VALUES (0, 0)")
    texts = [f"INSERT INTO busy VALUES ({n}, 0)" for n in range(1, 5)] + ["UPDATE busy SET n = n + 1 WHERE id = 0"] * 3
    states: list[dict[str, Any]] = []

    def run(text: str) -> None:
        query_id = writer.start(text, QueryExecutionContext={"Database": "works"})
        states.append(writer.finished(query_id)["Status"])

    threads = [threading.Thread(target=run, args=[text]) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    failed = [s for s in states if s["State"] != "SUCCEEDED"]
    assert all("ICEBERG_COMMIT_ERROR" in s["StateChangeReason"] for s in failed)
    [[count, increments]] = rows(writer, "SELECT count(*), max(n) FROM busy")
    assert int(count or 0) - 1 + int(increments or 0) == len(texts) - len(failed)
    assert iceberg("busy").scan().to_arrow().num_rows == int(count or 0)


def test_pyiceberg_and_sql_write_the_same_table(writer: Person, iceberg: Any) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    make(writer, "shared", "id bigint, v string")
    done(writer, "INSERT INTO shared VALUES (1, 'sql')")
    iceberg("shared").append(pyarrow.table({"id": [2, 3], "v": ["py", "thon"]}))
    done(writer, "UPDATE shared SET v = upper(v) WHERE id > 1")
    iceberg("shared").delete("id = 3")
    done(writer, "INSERT INTO shared VALUES (4, 'last')")
    assert rows(writer, "SELECT id, v FROM shared ORDER BY id") == [["1", "sql"], ["2", "PY"], ["4", "last"]]


def test_whoever_sees_part_of_a_table_changes_nothing_of_it(lake: Lake, writer: Person) -> None:
    make(writer, "guarded")
    done(writer, "INSERT INTO guarded SELECT id, region, amount FROM sales.orders WHERE id < 8")
    person = lake.session_of(lake.person("half").user_id, "TwinplaneWriter")
    key = {"TableCatalogId": lake.plane.account_id, "DatabaseName": "works", "TableName": "guarded", "Name": "half"}
    lake.lake.create_data_cells_filter(TableData={**key, "RowFilter": {"FilterExpression": "region = 'EU'"}, **WHOLE})
    lake.grant(person.principal, {"DataCellsFilter": key})
    lake.grant(person.principal, table("guarded", "works"), "INSERT", "DELETE")
    for text in (
        "DELETE FROM guarded", "DELETE FROM guarded WHERE region = 'US'", "UPDATE guarded SET amount = 0",
        "MERGE INTO guarded g USING guarded h ON g.id = h.id WHEN MATCHED THEN DELETE",
        "INSERT INTO guarded VALUES (1, 'US', 1)", "OPTIMIZE guarded REWRITE DATA USING BIN_PACK", "VACUUM guarded",
    ):  # fmt: skip
        assert reason(person, text).startswith("PERMISSION_DENIED")
    assert rows(writer, "SELECT count(*), sum(amount) FROM guarded") == [["8", "42.0"]]


@pytest.mark.parametrize("text", [
    "INSERT INTO sales.{} VALUES (1)", "DELETE FROM sales.{} WHERE 1 = 1", "UPDATE sales.{} SET id = 1",
    "OPTIMIZE sales.{} REWRITE DATA USING BIN_PACK", "VACUUM sales.{}", "ALTER TABLE sales.{} ADD COLUMNS (x int)",
    "MERGE INTO sales.{} USING (SELECT 1 AS a) AS s ON true WHEN NOT MATCHED THEN INSERT VALUES (1)",
])  # fmt: skip
def test_a_hidden_iceberg_table_fails_as_one_that_is_not_there(lake: Lake, writer: Person, text: str) -> None:
    name = "hidden_ice"
    if not any(t["Name"] == name for t in lake.glue.get_tables(DatabaseName="sales")["TableList"]):
        parameters = {"table_type": "ICEBERG", "metadata_location": "s3://data/x/metadata/00000-x.metadata.json"}
        lake.glue.create_table(DatabaseName="sales", TableInput={"Name": name, "Parameters": parameters})

    def said(shown: str) -> str:
        from botocore.exceptions import ClientError

        try:
            return reason(writer, text.format(shown)).replace(shown, "X")
        except ClientError as error:
            return str(error).replace(shown, "X")

    assert said(name) == said("nothing")


def test_a_table_is_not_made_in_a_place_of_others(lake: Lake, writer: Person) -> None:
    for place in ("s3://data/sales/new", "s3://data/sales/orders", "s3://people/athena/x"):
        text = f"CREATE TABLE works.placed (a int) LOCATION '{place}' TBLPROPERTIES ('table_type'='ICEBERG')"
        assert "PERMISSION_DENIED" in reason(writer, text)
        text = f"CREATE TABLE works.placed WITH (table_type = 'ICEBERG', location = '{place}') AS SELECT 1 AS a"
        assert "PERMISSION_DENIED" in reason(writer, text)
