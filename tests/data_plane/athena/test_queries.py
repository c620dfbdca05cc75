"""Governed queries over a real socket, as unmodified clients ask them."""

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .lake import Lake, Person, table

ALL_BUT_CARD = {"ColumnWildcard": {"ExcludedColumnNames": ["card"]}}
ALL = {"ColumnWildcard": {}}


def refused(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


@pytest.fixture(scope="module")
def reader(lake: Lake) -> Person:
    """Reads the EU's orders, without the card."""
    person = lake.person("reader")
    lake.grant(person.principal, lake.filter("eu_without_card", "region = 'EU'", ALL_BUT_CARD))
    return person


@pytest.fixture(scope="module")
def colleague(lake: Lake) -> Person:
    """Reads the first ten orders of any region, with the card."""
    person = lake.person("colleague")
    lake.grant(person.principal, lake.filter("first_ten", "id < 10", ALL))
    return person


def test_without_a_grant_a_query_is_refused_at_once(lake: Lake) -> None:
    stranger = lake.person("stranger")
    with pytest.raises(ClientError) as error:
        stranger.start("SELECT * FROM orders")
    assert refused(error) == "AccessDeniedException"
    assert "sales.orders" in str(error.value)


def test_a_table_that_is_not_there_is_refused_in_the_same_words(lake: Lake, reader: Person) -> None:
    def text(name: str) -> str:
        with pytest.raises(ClientError) as error:
            reader.start(f"SELECT * FROM {name}")
        return str(error.value).replace(name, "X")

    lake.table("hidden", "SELECT 1 AS id", [{"Name": "id", "Type": "int"}])
    assert text("sales.hidden") == text("sales.nothing") == text("nowhere.nothing")


def test_a_person_sees_exactly_her_rows_and_columns(reader: Person, colleague: Person) -> None:
    assert reader.rows("SELECT count(*), min(id), max(id), count(DISTINCT region) FROM orders") == [
        ["250", "0", "996", "1"]
    ]
    assert reader.rows("SELECT * FROM orders ORDER BY id LIMIT 2") == [["0", "EU", "0.0"], ["4", "EU", "6.0"]]
    assert colleague.rows("SELECT count(*), max(card) FROM orders") == [["10", "card-9"]]


def test_a_hidden_column_fails_as_one_that_is_not_there(reader: Person) -> None:
    def reason(column: str) -> str:
        status = reader.finished(reader.start(f"SELECT {column} FROM orders"))["Status"]
        assert status["State"] == "FAILED"
        return str(status["StateChangeReason"]).replace(column, "X")

    assert reason("card") == reason("nothing")
    assert reason("card").startswith("COLUMN_NOT_FOUND")


def test_information_schema_shows_what_she_may_see(lake: Lake, reader: Person) -> None:
    names = "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema <> 'information_schema'"
    assert ["sales", "orders"] in reader.rows(names)
    assert all("hidden" not in row for row in reader.rows(names))
    columns = (
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'sales' AND table_name = 'orders'"
    )
    shown = [name for (name,) in reader.rows(columns)]
    assert "region" in shown
    assert "card" not in shown
    assert reader.rows("SELECT count(*) FROM information_schema.schemata WHERE schema_name = 'sales'") == [["1"]]
    nobody = lake.person("seesnothing")
    assert nobody.rows(columns) == []
    assert nobody.rows("SELECT count(*) FROM information_schema.schemata") == [["0"]]
    with pytest.raises(ClientError) as error:
        reader.start("SELECT * FROM information_schema.roles")
    assert refused(error) == "AccessDeniedException"


def test_where_rows_lie_is_told_to_who_may_read_the_whole_table(lake: Lake, reader: Person) -> None:
    whole = lake.person("readsall")
    lake.grant(whole.principal, table())
    found = whole.rows('SELECT "$path", "$file_size" > 0, count(*) FROM orders GROUP BY 1, 2')
    assert all(path.startswith("s3://data/sales/orders/") and size == "true" for path, size, _ in found)  # type: ignore[union-attr]
    assert sum(int(str(count)) for _, _, count in found) == 1000
    status = reader.finished(reader.start('SELECT "$path" FROM orders'))["Status"]
    assert status["StateChangeReason"].startswith("COLUMN_NOT_FOUND")


def test_a_grant_to_a_group_and_one_to_a_person_add_up(lake: Lake) -> None:
    person = lake.person("member")
    group = lake.group("eu", person)
    lake.grant(group, lake.filter("eu_rows", "region = 'EU'", {"ColumnNames": ["id", "region"]}))
    lake.grant(person.principal, lake.filter("small", "amount < 6", {"ColumnNames": ["id", "amount"]}))
    found = person.rows("SELECT id, region, amount FROM orders WHERE id < 9 ORDER BY id")
    assert found == [
        ["0", "EU", "0.0"], ["1", None, "1.5"], ["2", None, "3.0"], ["3", None, "4.5"], ["4", "EU", None],
        ["8", "EU", None],
    ]  # fmt: skip


def test_a_revoked_grant_ends_access_at_once(lake: Lake) -> None:
    person = lake.person("leaver")
    lake.grant(person.principal, table())
    assert person.rows("SELECT count(*) FROM orders") == [["1000"]]
    lake.revoke(person.principal, table())
    with pytest.raises(ClientError) as error:
        person.start("SELECT count(*) FROM orders")
    assert refused(error) == "AccessDeniedException"


def test_a_changed_filter_shows_other_rows_at_once(lake: Lake) -> None:
    person = lake.person("moved")
    lake.grant(person.principal, lake.filter("moving", "id < 3", ALL))
    assert person.rows("SELECT count(*) FROM orders") == [["3"]]
    key = {"TableCatalogId": lake.plane.account_id, "DatabaseName": "sales", "TableName": "orders", "Name": "moving"}
    lake.lake.update_data_cells_filter(TableData={**key, "RowFilter": {"FilterExpression": "id < 7"}, **ALL})
    assert person.rows("SELECT count(*) FROM orders") == [["7"]]


def test_a_resource_link_is_followed_and_decided_on_its_target(lake: Lake, reader: Person) -> None:
    lake.glue.create_database(DatabaseInput={"Name": "subscriber"})
    target = {"CatalogId": lake.plane.account_id, "DatabaseName": "sales", "Name": "orders"}
    lake.glue.create_table(DatabaseName="subscriber", TableInput={"Name": "their_orders", "TargetTable": target})
    assert reader.rows("SELECT count(*) FROM subscriber.their_orders") == [["250"]]
    with pytest.raises(ClientError) as error:
        lake.person("nobody").start("SELECT count(*) FROM subscriber.their_orders")
    assert refused(error) == "AccessDeniedException"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("SELEC 1", "InvalidRequestException"),
        ("SELECT 1; SELECT 2", "InvalidRequestException"),
        ("DROP TABLE orders; SELECT 2", "InvalidRequestException"),
        ("CREATE TABLE x AS SELECT * FROM hidden", "AccessDeniedException"),
        ("EXPLAIN SELECT * FROM hidden", "AccessDeniedException"),
        ("INSERT INTO orders SELECT * FROM hidden", "AccessDeniedException"),
        ("SELECT * FROM \"/etc/passwd\"", "AccessDeniedException"),
        ("SELECT * FROM information_schema.applicable_roles", "AccessDeniedException"),
        ("SELECT * FROM duckdb_views", "AccessDeniedException"),
    ],
)  # fmt: skip
def test_what_is_not_a_query_on_ones_own_tables_does_not_start(reader: Person, text: str, code: str) -> None:
    with pytest.raises(ClientError) as error:
        reader.start(text)
    assert refused(error) == code


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("SELECT * FROM read_parquet('/etc/passwd')", "FUNCTION_NOT_FOUND: Function 'read_parquet' not registered"),
        ("SELECT stats(amount) FROM orders", "FUNCTION_NOT_FOUND: Function 'stats' not registered"),
        ("SELECT 1/0", "DIVISION_BY_ZERO: Division by zero"),
        ("SELECT cast(region AS integer) FROM orders", "INVALID_CAST_ARGUMENT: "),
    ],
)
def test_a_query_that_cannot_run_says_why_and_no_more(lake: Lake, reader: Person, text: str, reason: str) -> None:
    status = reader.finished(reader.start(text))["Status"]
    assert status["State"] == "FAILED"
    assert status["StateChangeReason"].startswith(reason)
    assert "EU" not in status["StateChangeReason"]
    assert str(lake.plane.state) not in status["StateChangeReason"]
    assert status["AthenaError"]["ErrorCategory"] == 2


def test_an_execution_tells_what_it_did(lake: Lake, reader: Person) -> None:
    query_id = reader.start("SELECT id FROM orders ORDER BY id LIMIT 3")
    execution = reader.finished(query_id)
    assert execution["ResultConfiguration"]["OutputLocation"] == f"s3://people/athena/{reader.user_id}/{query_id}.csv"
    statistics = execution["Statistics"]
    assert statistics["DataScannedInBytes"] > 0
    phases = ("QueryQueueTimeInMillis", "QueryPlanningTimeInMillis", "EngineExecutionTimeInMillis",
              "ServicePreProcessingTimeInMillis", "ServiceProcessingTimeInMillis")  # fmt: skip
    assert sum(statistics[p] for p in phases) == statistics["TotalExecutionTimeInMillis"]
    runtime = reader.client("athena").get_query_runtime_statistics(QueryExecutionId=query_id)["QueryRuntimeStatistics"]
    assert runtime["Rows"]["OutputRows"] == 3


def test_results_lie_in_s3_and_are_the_persons_own(reader: Person, colleague: Person, lake: Lake) -> None:
    query_id = reader.start("SELECT id, region FROM orders ORDER BY id LIMIT 1")
    reader.finished(query_id)
    key = f"athena/{reader.user_id}/{query_id}.csv"
    body = reader.client("s3").get_object(Bucket="people", Key=key)["Body"].read()
    assert body == b'"id","region"\n"0","EU"\n'
    assert reader.client("s3").head_object(Bucket="people", Key=key + ".metadata")["ContentLength"] > 0
    for other in (colleague.client("s3"), lake.s3):
        with pytest.raises(ClientError):
            other.get_object(Bucket="people", Key=key)


def test_an_execution_is_shown_to_its_person_only(reader: Person, colleague: Person, lake: Lake) -> None:
    query_id = reader.start("SELECT 1")
    reader.finished(query_id)
    for other in (colleague.client("athena"), lake.athena):
        for read in (other.get_query_execution, other.get_query_results, other.stop_query_execution):
            with pytest.raises(ClientError) as error:
                read(QueryExecutionId=query_id)
            with pytest.raises(ClientError) as nothing:
                read(QueryExecutionId="0f9e")
            assert str(error.value) == str(nothing.value).replace("0f9e", query_id)
        unprocessed = other.batch_get_query_execution(QueryExecutionIds=[query_id])["UnprocessedQueryExecutionIds"]
        assert [u["QueryExecutionId"] for u in unprocessed] == [query_id]
        assert query_id not in other.list_query_executions(WorkGroup="mesh-people")["QueryExecutionIds"]
    assert query_id in reader.client("athena").list_query_executions(WorkGroup="mesh-people")["QueryExecutionIds"]
    again = lake.session_of(reader.user_id)
    assert again.client("athena").get_query_execution(QueryExecutionId=query_id)


def test_the_same_request_token_starts_one_query(reader: Person) -> None:
    token = str(uuid.uuid4())
    first = reader.start("SELECT 1", ClientRequestToken=token)
    assert reader.start("SELECT 1", ClientRequestToken=token) == first
    with pytest.raises(ClientError) as error:
        reader.start("SELECT 2", ClientRequestToken=token)
    assert refused(error) == "InvalidRequestException"


def test_results_come_in_pages_with_null_and_text_kept_apart(reader: Person) -> None:
    query_id = reader.start("SELECT * FROM (VALUES ('a', 1), (NULL, 2), ('', 3), ('x\"y\n,z', NULL)) AS t(name, n)")
    reader.finished(query_id)
    athena = reader.client("athena")
    rows: list[Any] = []
    token: dict[str, str] = {}
    pages = 0
    while True:
        page = athena.get_query_results(QueryExecutionId=query_id, MaxResults=2, **token)
        rows += [[d.get("VarCharValue") for d in r["Data"]] for r in page["ResultSet"]["Rows"]]
        pages += 1
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert pages == 3
    assert rows == [["name", "n"], ["a", "1"], [None, "2"], ["", "3"], ['x"y\n,z', None]]
    types = [c["Type"] for c in page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]]
    assert types == ["varchar", "integer"]


def test_a_running_query_can_be_stopped(reader: Person) -> None:
    query_id = reader.start(
        "SELECT count(*) FROM unnest(sequence(1, 10000)) a(x), unnest(sequence(1, 10000)) b(y), "
        "unnest(sequence(1, 36)) c(z) WHERE (x * y + z) % 7 = 1"
    )
    reader.client("athena").stop_query_execution(QueryExecutionId=query_id)
    assert reader.finished(query_id)["Status"]["State"] == "CANCELLED"
    with pytest.raises(ClientError) as error:
        reader.client("athena").get_query_results(QueryExecutionId=query_id)
    assert "CANCELLED" in str(error.value)
    assert reader.rows("SELECT 1") == [["1"]]


def test_execution_parameters_are_values_and_nothing_else(reader: Person) -> None:
    assert reader.rows(
        "SELECT count(*) FROM orders WHERE id < ? AND region = ?", ExecutionParameters=["9", "'EU'"]
    ) == [["3"]]
    status = reader.finished(reader.start("SELECT ?", ExecutionParameters=["(SELECT max(id) FROM orders)"]))["Status"]
    assert status["State"] == "FAILED"


def test_the_work_group_decides_where_results_go(reader: Person) -> None:
    wish = {"OutputLocation": "s3://data/elsewhere/"}
    execution = reader.finished(reader.start("SELECT 1", ResultConfiguration=wish))
    assert execution["ResultConfiguration"]["OutputLocation"].startswith("s3://people/athena/")
    with pytest.raises(ClientError) as error:
        reader.start("SELECT 1", WorkGroup="primary", ResultConfiguration=wish)
    assert refused(error) == "AccessDeniedException"


def test_show_and_describe_tell_what_she_may_see(reader: Person, lake: Lake) -> None:
    lake.glue.create_database(DatabaseInput={"Name": "secret_projects"})
    assert reader.rows("SHOW DATABASES") == [["sales"]]
    assert reader.rows("SHOW TABLES IN sales") == [["orders"]]
    described = [line[0].split()[0] for line in reader.rows("DESCRIBE orders") if line[0]]
    assert described == ["id", "region", "amount"]
    athena = reader.client("athena")
    assert [d["Name"] for d in athena.list_databases(CatalogName="AwsDataCatalog")["DatabaseList"]] == ["sales"]
    listed = athena.list_table_metadata(CatalogName="AwsDataCatalog", DatabaseName="sales")["TableMetadataList"]
    assert [(t["Name"], [c["Name"] for c in t["Columns"]]) for t in listed] == [("orders", ["id", "region", "amount"])]
    for hidden in ("hidden", "nothing"):
        with pytest.raises(ClientError) as error:
            athena.get_table_metadata(CatalogName="AwsDataCatalog", DatabaseName="sales", TableName=hidden)
        assert refused(error) == "MetadataException"


def test_a_partitioned_table_reads_only_its_partitions(lake: Lake) -> None:
    person = lake.person("partitions")
    for day in ("1", "2"):
        lake.put_parquet(f"sales/events/day={day}/f.parquet", f"SELECT i AS id FROM range({day}0) t(i)")
    storage = {"Columns": [{"Name": "id", "Type": "int"}], "Location": "s3://data/sales/events/"}
    keys = [{"Name": "day", "Type": "int"}]
    parquet = {"classification": "parquet"}
    lake.glue.create_table(
        DatabaseName="sales",
        TableInput={"Name": "events", "StorageDescriptor": storage, "PartitionKeys": keys, "Parameters": parquet},
    )
    for day in ("1", "2"):
        where = storage | {"Location": f"s3://data/sales/events/day={day}/"}
        lake.glue.create_partition(
            DatabaseName="sales", TableName="events", PartitionInput={"Values": [day], "StorageDescriptor": where}
        )
    lake.grant(person.principal, table("events"))
    assert person.rows("SELECT day, count(*) FROM events GROUP BY 1 ORDER BY 1") == [["1", "10"], ["2", "20"]]


def test_a_location_outside_of_lake_formation_needs_iam(lake: Lake) -> None:
    person = lake.person("outside")
    lake.s3.create_bucket(Bucket="unregistered")
    lake.s3.put_object(Bucket="unregistered", Key="t/x.json", Body=b'{"id": 1}\n')
    storage = {"Columns": [{"Name": "id", "Type": "int"}], "Location": "s3://unregistered/t/"}
    json_table = {"Name": "outside", "StorageDescriptor": storage, "Parameters": {"classification": "json"}}
    lake.glue.create_table(DatabaseName="sales", TableInput=json_table)
    lake.grant(person.principal, table("outside"))
    status = person.finished(person.start("SELECT * FROM outside"))["Status"]
    assert status["StateChangeReason"].startswith("PERMISSION_DENIED")
    lake.lake.register_resource(ResourceArn="arn:aws:s3:::unregistered", RoleArn=lake.role_arn("QueryExecution"))
    assert person.rows("SELECT * FROM outside") == [["1"]]


def test_csv_tables_are_read(lake: Lake) -> None:
    person = lake.person("csv_reader")
    lake.s3.put_object(Bucket="data", Key="sales/plain/a.csv", Body=b'id,name\n1,"Ann, A."\n2,\nx,Bob\n')
    serde = {"SerializationLibrary": "org.apache.hadoop.hive.serde2.OpenCSVSerde", "Parameters": {"separatorChar": ","}}
    columns = [{"Name": "id", "Type": "int"}, {"Name": "name", "Type": "string"}]
    storage = {"Columns": columns, "Location": "s3://data/sales/plain/", "SerdeInfo": serde}
    given = {"Name": "plain", "StorageDescriptor": storage, "Parameters": {"skip.header.line.count": "1"}}
    lake.glue.create_table(DatabaseName="sales", TableInput=given)
    lake.grant(person.principal, table("plain"))
    assert person.rows("SELECT * FROM plain")[:1] == [["1", "Ann, A."]]
    assert person.rows("SELECT count(*), count(id) FROM plain") == [["3", "2"]]


def test_pyathena_works_unchanged(reader: Person, lake: Lake) -> None:
    from pyathena import connect

    credentials = reader.credentials
    cursor = connect(
        work_group="mesh-people", region_name=lake.plane.region, schema_name="sales", endpoint_url=lake.plane.endpoint,
        aws_access_key_id=credentials["AccessKeyId"], aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"], poll_interval=0.05,
    ).cursor()  # fmt: skip
    cursor.execute("SELECT id, region, amount FROM orders WHERE id < %(most)s ORDER BY id", {"most": 5})
    assert cursor.fetchall() == [(0, "EU", 0.0), (4, "EU", 6.0)]
