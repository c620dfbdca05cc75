"""CREATE TABLE AS, INSERT INTO and UNLOAD over a real socket: what is written, by whom, and where."""

import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest

from twinplane.data_plane.testing import RunningPlane

from .lake import Lake, Person, table
from .writers import HERS, WRITER_POLICY, done, location, make_writer, reason, stored


@pytest.fixture(scope="module")
def writer(lake: Lake) -> Person:
    return make_writer(lake)


def keys(lake: Lake, prefix: str, bucket: str = HERS) -> list[str]:
    found = lake.s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    return [o["Key"] for o in found]


def rows(person: Person, text: str) -> list[list[str | None]]:
    return person.rows(text, QueryExecutionContext={"Database": "works"})


def count_of(person: Person, execution: dict[str, Any]) -> int:
    query_id = execution["QueryExecutionId"]
    return int(person.client("athena").get_query_results(QueryExecutionId=query_id)["UpdateCount"])


def test_a_table_of_a_querys_rows_is_below_her_results(lake: Lake, writer: Person) -> None:
    query = "SELECT id, region, amount, DATE '2026-01-02' AS d FROM sales.orders WHERE id < 20"
    execution = done(writer, f"CREATE TABLE firsts AS {query}")
    assert (execution["StatementType"], execution["SubstatementType"]) == ("DDL", "CREATE_TABLE_AS_SELECT")
    assert count_of(writer, execution) == 20
    found = stored(lake, "firsts")
    assert [(c["Name"], c["Type"]) for c in found["StorageDescriptor"]["Columns"]] == [
        ("id", "bigint"), ("region", "string"), ("amount", "double"), ("d", "date")
    ]  # fmt: skip
    where = f"s3://people/athena/{writer.user_id}/tables/{execution['QueryExecutionId']}/"
    assert found["StorageDescriptor"]["Location"] == where
    assert rows(writer, "SELECT count(*), max(id), max(d) FROM firsts") == [["20", "19", "2026-01-02"]]
    manifest = execution["Statistics"]["DataManifestLocation"].removeprefix("s3://people/")
    listed = writer.client("s3").get_object(Bucket="people", Key=manifest)["Body"].read().decode().split()
    assert all(line.startswith(where) for line in listed)
    assert "TABLE_ALREADY_EXISTS" in reason(writer, "CREATE TABLE firsts AS SELECT 1 AS a")
    assert count_of(writer, done(writer, "CREATE TABLE IF NOT EXISTS firsts AS SELECT 1 AS a")) == 0


def test_partitions_formats_and_no_data(lake: Lake, writer: Person) -> None:
    text = (
        "CREATE TABLE {name} WITH (format = '{format}', partitioned_by = ARRAY['region']) AS "
        "SELECT id, region FROM sales.orders WHERE id < 9"
    )
    for format_ in ("PARQUET", "TEXTFILE", "JSON"):
        done(writer, text.format(name=f"by_{format_}", format=format_))
        assert rows(writer, f"SELECT region, count(*), max(id) FROM by_{format_} GROUP BY 1 ORDER BY 1") == [
            ["EU", "3", "8"], ["US", "6", "7"]
        ]  # fmt: skip
    assert "HIVE_COLUMN_ORDER_MISMATCH" in reason(
        writer, "CREATE TABLE x WITH (partitioned_by = ARRAY['id']) AS SELECT id, region FROM sales.orders WHERE id < 9"
    )
    assert "HIVE_TOO_MANY_OPEN_PARTITIONS" in reason(
        writer, "CREATE TABLE x WITH (partitioned_by = ARRAY['id']) AS SELECT region, id FROM sales.orders"
    )
    done(writer, "CREATE TABLE empty AS SELECT id, region FROM sales.orders WITH NO DATA")
    assert rows(writer, "SELECT count(*) FROM empty") == [["0"]]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("CREATE TABLE x AS SELECT 1", "MISSING_COLUMN_NAME"),
        ("CREATE TABLE x AS SELECT 1 AS a, 2 AS A", "DUPLICATE_COLUMN_NAME"),
        ("CREATE TABLE x WITH (format = 'ORC') AS SELECT 1 AS a", "NOT_SUPPORTED"),
        ("CREATE TABLE x WITH (bucketed_by = ARRAY['a'], bucket_count = 2) AS SELECT 1 AS a", "NOT_SUPPORTED"),
        ("CREATE TABLE x AS SELECT now() AS a", "NOT_SUPPORTED"),
        ("CREATE TABLE nowhere.x AS SELECT 1 AS a", "PERMISSION_DENIED"),
        ("CREATE TABLE sales.x AS SELECT 1 AS a", "PERMISSION_DENIED"),
        (f"CREATE TABLE x WITH (external_location = 's3://{HERS}/x/') AS SELECT 1 AS a", "INVALID_TABLE_PROPERTY"),
    ],
)
def test_a_table_that_cannot_be_made_leaves_nothing(lake: Lake, writer: Person, text: str, code: str) -> None:
    before = keys(lake, "", "people")
    assert reason(writer, text).startswith(code)
    assert not [k for k in keys(lake, "", "people") if k not in before]


def test_rows_are_inserted_by_position_by_name_and_into_partitions(lake: Lake, writer: Person) -> None:
    done(
        writer,
        "CREATE EXTERNAL TABLE log (id bigint, note string, at timestamp) PARTITIONED BY (day date) STORED AS PARQUET "
        + location("works/log"),
    )
    first = "1, 'a', TIMESTAMP '2026-01-01 10:00:00', DATE '2026-01-01'"
    execution = done(writer, f"INSERT INTO log VALUES ({first}), (2, NULL, NULL, NULL)")
    assert (execution["StatementType"], execution["SubstatementType"], count_of(writer, execution)) == (
        "DML", "INSERT", 2,
    )  # fmt: skip
    done(writer, "INSERT INTO log (day, id) SELECT DATE '2026-01-02', id FROM sales.orders WHERE id < 3")
    assert rows(writer, "SELECT id, note, day FROM log ORDER BY id, day") == [
        ["0", None, "2026-01-02"], ["1", "a", "2026-01-01"], ["1", None, "2026-01-02"], ["2", None, "2026-01-02"],
        ["2", None, None],
    ]  # fmt: skip
    assert any(key.startswith("works/log/day=2026-01-01/") for key in keys(lake, "works/log/"))
    assert "TYPE_MISMATCH" in reason(writer, "INSERT INTO log VALUES ('x', 'a', NULL, NULL)")
    assert "TYPE_MISMATCH" in reason(writer, "INSERT INTO log VALUES (1, 'a')")
    assert "COLUMN_NOT_FOUND" in reason(writer, "INSERT INTO log (nothing) VALUES (1)")


def test_values_of_partitions_may_be_anything(lake: Lake, writer: Person) -> None:
    values = ["a b/c", "ü%20=x", "__HIVE_DEFAULT_PARTITION__", "", "it''s", "{1}#?"]
    rows_ = ", ".join(f"({n}, '{value}')" for n, value in enumerate(values)) + ", (9, NULL)"
    query = f"SELECT * FROM (VALUES {rows_}) AS v(id, p)"
    done(writer, f"CREATE TABLE odd WITH (partitioned_by = ARRAY['p']) AS {query}")
    done(
        writer,
        f"CREATE TABLE odd_ice WITH (table_type = 'ICEBERG', location = 's3://{HERS}/works/odd_ice', "
        "is_external = false, "
        f"partitioning = ARRAY['p']) AS {query}",
    )
    found = rows(writer, "SELECT p, count(*) FROM odd GROUP BY p")
    expected = {value.replace("''", "'"): "1" for value in values} | {None: "3"}
    for value in ("", "__HIVE_DEFAULT_PARTITION__"):  # in Hive's partitions these are NULL
        del expected[value]
    assert {row[0]: row[1] for row in found} == expected
    found = rows(writer, "SELECT p FROM odd_ice ORDER BY id")
    assert [row[0] for row in found] == [*(v.replace("''", "'") for v in values), None]


def test_the_name_of_a_partition_says_nothing_to_the_engine(writer: Person) -> None:
    hostile = """a", (SELECT count(*) FROM t_0) AS "b"""
    properties = f"format = 'PARQUET', partitioned_by = ARRAY['{hostile}']"
    text = f"UNLOAD (SELECT id FROM sales.orders) TO 's3://{HERS}/x/' WITH ({properties})"
    assert reason(writer, text).startswith("TYPE_MISMATCH")  # there is no such column
    definition = 'CREATE EXTERNAL TABLE named (id bigint) PARTITIONED BY (`p"q` string) STORED AS PARQUET '
    done(writer, definition + location("works/named"))
    done(writer, "INSERT INTO named VALUES (1, 'v')")
    assert rows(writer, 'SELECT id, "p""q" FROM named') == [["1", "v"]]


def test_parameters_take_their_places(writer: Person) -> None:
    done(writer, f"CREATE EXTERNAL TABLE noted (id int, note string) {location('works/noted')}")
    options: dict[str, Any] = {"ExecutionParameters": ["7", "'it''s ? here'"]}
    context = {"QueryExecutionContext": {"Database": "works"}}
    execution = writer.finished(writer.start("INSERT INTO noted VALUES (?, ?)", **options, **context))
    assert execution["Status"]["State"] == "SUCCEEDED"
    assert rows(writer, "SELECT * FROM noted") == [["7", "it's ? here"]]


@pytest.mark.parametrize(
    ("format_", "reader"), [("PARQUET", "read_parquet"), ("JSON", "read_json"), ("TEXTFILE", "read_csv")]
)
def test_rows_are_unloaded_into_an_empty_place(
    lake: Lake, writer: Person, tmp_path: Path, format_: str, reader: str
) -> None:
    query = "SELECT id, region FROM sales.orders WHERE id < 5"
    text = f"UNLOAD ({query}) TO 's3://{HERS}/out/{format_}/' WITH (format = '{format_}')"
    execution = done(writer, text)
    assert (execution["StatementType"], execution["SubstatementType"]) == ("DML", "UNLOAD")
    (key,) = keys(lake, f"out/{format_}/")
    path = tmp_path / key.rpartition("/")[2]
    path.write_bytes(lake.s3.get_object(Bucket=HERS, Key=key)["Body"].read())
    more = ", delim = '\x01', header = false" if format_ == "TEXTFILE" else ""
    assert duckdb.connect().execute(f"SELECT count(*) FROM {reader}('{path}'{more})").fetchone() == (5,)
    assert "HIVE_PATH_ALREADY_EXISTS" in reason(writer, text)


ELSEWHERE = [
    "UNLOAD (SELECT 1 AS a) TO 's3://data/sales/orders/' WITH (format = 'PARQUET')",
    "UNLOAD (SELECT 1 AS a) TO 's3://data/free/' WITH (format = 'PARQUET')",
    "UNLOAD (SELECT 1 AS a) TO 's3://people/athena/x/' WITH (format = 'PARQUET')",
    "UNLOAD (SELECT 1 AS a) TO 's3://nowhere/x/' WITH (format = 'PARQUET')",
    "UNLOAD (SELECT 1 AS a) TO '/etc/' WITH (format = 'PARQUET')",
    "UNLOAD (SELECT 1 AS a) TO 's3://hers' WITH (format = 'PARQUET')",
    "INSERT INTO sales.orders SELECT * FROM sales.orders",
    "CREATE TABLE sales.stolen AS SELECT * FROM sales.orders",
]


@pytest.mark.parametrize("text", ELSEWHERE)
def test_nothing_is_written_into_someone_elses_place(lake: Lake, writer: Person, text: str) -> None:
    before = [keys(lake, "", bucket) for bucket in ("data", HERS, "people")]
    assert reason(writer, text)
    assert [keys(lake, "", bucket) for bucket in ("data", HERS, "people")] == before


def test_a_place_that_is_not_hers_is_refused_the_same_whether_it_is_empty_or_there(writer: Person) -> None:
    def said(place: str) -> str:
        return reason(writer, f"UNLOAD (SELECT 1 AS a) TO 's3://{place}/' WITH (format = 'JSON')").replace(place, "X")

    assert said("data/sales/orders") == said("data/nothing") == said("nobucket/at/all")


def test_who_sees_some_rows_only_does_not_insert(lake: Lake, writer: Person) -> None:
    person = lake.session_of(lake.person("partly").user_id, "TwinplaneWriter")
    lake.grant(person.principal, lake.filter("partly", "region = 'EU'", {"ColumnWildcard": {}}))
    lake.grant(person.principal, table(), "INSERT")
    assert reason(person, "INSERT INTO sales.orders VALUES (1, 'US', 1.0, 'c')").startswith("PERMISSION_DENIED")


def test_rows_go_into_a_governed_place_with_lake_formations_right_alone(lake: Lake, writer: Person) -> None:
    """Her IAM policies say nothing of the bucket `data`."""
    lake.table("shared", "SELECT 1::BIGINT AS id", [{"Name": "id", "Type": "bigint"}])
    person = lake.session_of(lake.person("clerk").user_id, "TwinplaneWriter")
    lake.grant(person.principal, table("shared"), "SELECT", "INSERT")
    done(person, "INSERT INTO sales.shared VALUES (2)")
    other = lake.person("onlooker")
    lake.grant(other.principal, table("shared"))
    assert other.rows("SELECT id FROM sales.shared ORDER BY id") == [["1"], ["2"]]


def test_what_is_hidden_from_her_is_not_in_what_she_writes(lake: Lake, writer: Person, tmp_path: Path) -> None:
    person = lake.session_of(lake.person("narrow").user_id, "TwinplaneWriter")
    hidden = {"ColumnWildcard": {"ExcludedColumnNames": ["card"]}}
    lake.grant(person.principal, lake.filter("narrow", "region = 'EU'", hidden))
    done(person, f"UNLOAD (SELECT * FROM sales.orders) TO 's3://{HERS}/narrow/' WITH (format = 'PARQUET')")
    (key,) = keys(lake, "narrow/")
    body = lake.s3.get_object(Bucket=HERS, Key=key)["Body"].read()
    path = tmp_path / "narrow.parquet"
    path.write_bytes(body)
    found = duckdb.connect().read_parquet(str(path))
    assert found.columns == ["id", "region", "amount"]
    assert found.aggregate("count(*), min(region), max(region)").fetchone() == (250, "EU", "EU")


def test_a_cancelled_write_leaves_nothing(lake: Lake, writer: Person) -> None:
    slow = (
        "SELECT count(*) AS n FROM sales.orders a, sales.orders b, sales.orders c, sales.orders d "
        "WHERE a.id + b.id + c.id + d.id = 7"
    )
    query_id = writer.start(f"UNLOAD ({slow}) TO 's3://{HERS}/slow/' WITH (format = 'JSON')")
    athena = writer.client("athena")
    while athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]["Status"]["State"] == "QUEUED":
        time.sleep(0.02)
    athena.stop_query_execution(QueryExecutionId=query_id)
    assert writer.finished(query_id)["Status"]["State"] == "CANCELLED"
    assert keys(lake, "slow/") == []


def _wrangler_session(lake: Lake, credentials: dict[str, Any]) -> Any:
    return boto3.Session(
        aws_access_key_id=credentials["AccessKeyId"], aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"], region_name="us-east-1",
    )  # fmt: skip


@pytest.fixture(scope="module")
def wrangler_session(lake: Lake, writer: Person) -> Any:
    """A session for awswrangler, which also wants much of S3."""
    policy = {**WRITER_POLICY, "Statement": [*WRITER_POLICY["Statement"], {
        "Effect": "Allow", "Action": "s3:*", "Resource": "*",
    }]}  # fmt: skip
    lake._role("TwinplaneWrangler", policy)
    return _wrangler_session(lake, lake.session_of(writer.user_id, "TwinplaneWrangler").credentials)


@pytest.fixture
def wrangler(plane: RunningPlane, wrangler_session: Any) -> Iterator[Any]:
    """awswrangler as it comes, pointed at the plane for as long as the test takes: its settings are the process's."""
    wr = pytest.importorskip("awswrangler")
    services = ("athena", "s3", "glue", "sts")
    for service in services:
        setattr(wr.config, f"{service}_endpoint_url", plane.endpoint)
    yield wr, wrangler_session
    for service in services:
        wr.config.reset(f"{service}_endpoint_url")


@pytest.mark.parametrize(
    "how",
    [{"ctas_approach": True}, {"ctas_approach": False, "unload_approach": True}, {"ctas_approach": False}],
)
def test_awswrangler_reads_by_ctas_by_unload_and_plainly(wrangler: Any, how: dict[str, Any]) -> None:
    wr, session = wrangler
    more = {} if "unload_approach" not in how else {"s3_output": f"s3://people/unload-{zlib.crc32(str(how).encode())}/"}
    frame = wr.athena.read_sql_query(
        "SELECT id, region, amount FROM sales.orders WHERE id < 10 ORDER BY id", database="works",
        workgroup="mesh-people", boto3_session=session, **how, **more,
    )  # fmt: skip
    assert sorted(frame["id"].tolist()) == list(range(10))


def test_awswrangler_makes_a_table(wrangler: Any, writer: Person) -> None:
    wr, session = wrangler
    made = wr.athena.create_ctas_table(
        sql="SELECT id, region FROM sales.orders WHERE id < 4", database="works", ctas_table="wrangled",
        workgroup="mesh-people", boto3_session=session, wait=True,
    )  # fmt: skip
    assert made["ctas_table"] == "wrangled"
    assert rows(writer, "SELECT count(*) FROM wrangled") == [["4"]]
    text = wr.athena.show_create_table(
        table="wrangled", database="works", workgroup="mesh-people", boto3_session=session
    )  # fmt: skip
    assert text.startswith("CREATE EXTERNAL TABLE `works.wrangled`")
    assert "id" in wr.athena.describe_table(
        table="wrangled", database="works", workgroup="mesh-people", boto3_session=session
    )["Column Name"].str.strip().tolist()  # fmt: skip


def test_pyathena_counts_what_it_wrote(plane: RunningPlane, writer: Person) -> None:
    from pyathena import connect

    done(writer, f"CREATE EXTERNAL TABLE counted (id int) STORED AS PARQUET {location('works/counted')}")
    credentials = writer.credentials
    connection = connect(
        work_group="mesh-people", schema_name="works", region_name="us-east-1", endpoint_url=plane.endpoint,
        aws_access_key_id=credentials["AccessKeyId"], aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"], poll_interval=0.05,
    )  # fmt: skip
    cursor = connection.cursor()
    cursor.execute("INSERT INTO counted VALUES (1), (2), (3)")
    assert cursor.rowcount == 3
    assert cursor.execute("SELECT sum(id) FROM counted").fetchall() == [(6,)]
    cursor.execute("SHOW TABLES")
    assert ("counted",) in cursor.fetchall()


def test_awswrangler_appends_to_and_merges_into_iceberg_tables(wrangler: Any, writer: Person) -> None:
    wr, session = wrangler
    pandas = pytest.importorskip("pandas")
    common: dict[str, Any] = {
        "database": "works", "table": "wrangled_ice", "table_location": f"s3://{HERS}/works/wrangled_ice/",
        "temp_path": f"s3://{HERS}/wrangler-temp/", "keep_files": False,
        "workgroup": "mesh-people", "boto3_session": session,
    }  # fmt: skip
    wr.athena.to_iceberg(df=pandas.DataFrame({"id": [1, 2], "v": ["a", "b"]}), **common)
    wr.athena.to_iceberg(df=pandas.DataFrame({"id": [2, 3], "v": ["B", "C"]}), merge_cols=["id"], **common)
    assert rows(writer, "SELECT id, v FROM wrangled_ice ORDER BY id") == [["1", "a"], ["2", "B"], ["3", "C"]]
