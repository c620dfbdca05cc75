"""Public libraries that people point at Glue and S3, unmodified."""

from typing import Any

import pytest

from twinplane.data_plane.testing import RunningPlane


@pytest.fixture(scope="module")
def lake(plane: RunningPlane) -> str:
    plane.client("s3").create_bucket(Bucket="lake")
    return "s3://lake"


def test_pyiceberg_creates_appends_scans_and_loses_no_concurrent_commit(plane: RunningPlane, lake: str) -> None:
    glue = pytest.importorskip("pyiceberg.catalog.glue")
    pa = pytest.importorskip("pyarrow")
    exceptions = pytest.importorskip("pyiceberg.exceptions")
    given = plane.administrator()
    properties = {
        "warehouse": lake, "glue.endpoint": plane.endpoint, "glue.region": plane.region,
        "glue.access-key-id": given["aws_access_key_id"], "glue.secret-access-key": given["aws_secret_access_key"],
        "s3.endpoint": plane.endpoint, "s3.region": plane.region, "s3.access-key-id": given["aws_access_key_id"],
        "s3.secret-access-key": given["aws_secret_access_key"],
    }  # fmt: skip
    catalog: Any = glue.GlueCatalog("local", **properties)
    catalog.create_namespace("bronze")
    rows = pa.table({"id": pa.array([1, 2, 3], pa.int64()), "name": ["a", "b", "ü"]})
    table = catalog.create_table("bronze.events", schema=rows.schema)
    table.append(rows)
    other = catalog.load_table("bronze.events")
    table.append(rows)
    assert catalog.load_table("bronze.events").scan().to_arrow().num_rows == 6
    assert catalog.load_table("bronze.events").scan("name = 'ü'").to_arrow()["id"].to_pylist() == [3, 3]
    other.append(rows)  # from an old version: refused by Glue, then repeated by pyiceberg on the new one
    assert catalog.load_table("bronze.events").scan().to_arrow().num_rows == 9
    assert catalog.list_tables("bronze") == [("bronze", "events")]
    with pytest.raises(exceptions.TableAlreadyExistsError):
        catalog.create_table("bronze.events", schema=rows.schema)
    catalog.drop_table("bronze.events")
    with pytest.raises(exceptions.NoSuchTableError):
        catalog.load_table("bronze.events")


def test_awswrangler_writes_and_reads_a_partitioned_table(
    plane: RunningPlane, lake: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wr = pytest.importorskip("awswrangler")
    pd = pytest.importorskip("pandas")
    boto3 = pytest.importorskip("boto3")
    monkeypatch.setenv("AWS_ENDPOINT_URL", plane.endpoint)
    session = boto3.session.Session(region_name=plane.region, **plane.administrator())
    wr.catalog.create_database("silver", boto3_session=session)
    frame = pd.DataFrame({"id": [1, 2, 3], "amount": [0.5, 1.5, 2.5], "day": ["1", "1", "2"]})
    for _ in range(2):
        wr.s3.to_parquet(
            frame, path=f"{lake}/silver/sales/", dataset=True, database="silver", table="sales", mode="overwrite",
            partition_cols=["day"], boto3_session=session,
        )  # fmt: skip
    back = wr.s3.read_parquet_table("sales", "silver", boto3_session=session)
    assert sorted(back["id"].tolist()) == [1, 2, 3]
    parts = wr.catalog.get_parquet_partitions("silver", "sales", expression="day = '2'", boto3_session=session)
    assert parts == {f"{lake}/silver/sales/day=2/": ["2"]}
    assert wr.catalog.get_table_types("silver", "sales", boto3_session=session) == {
        "id": "bigint", "amount": "double", "day": "string",
    }  # fmt: skip
    assert [t["Name"] for t in wr.catalog.get_tables(database="silver", name_prefix="sal", boto3_session=session)] == [
        "sales"
    ]
    found = wr.catalog.search_tables(text="amount", boto3_session=session)
    assert [t["Name"] for t in found] == ["sales"]
    assert wr.catalog.delete_table_if_exists("silver", "sales", boto3_session=session)


def test_pyiceberg_keeps_namespaces_renames_registers_and_removes_tables(plane: RunningPlane, lake: str) -> None:
    glue = pytest.importorskip("pyiceberg.catalog.glue")
    pa = pytest.importorskip("pyarrow")
    exceptions = pytest.importorskip("pyiceberg.exceptions")
    given = plane.administrator()
    catalog: Any = glue.GlueCatalog(
        "local",
        **{
            "warehouse": lake, "glue.endpoint": plane.endpoint, "glue.region": plane.region,
            "glue.skip-archive": "false", "glue.access-key-id": given["aws_access_key_id"],
            "glue.secret-access-key": given["aws_secret_access_key"], "s3.endpoint": plane.endpoint,
            "s3.region": plane.region, "s3.access-key-id": given["aws_access_key_id"],
            "s3.secret-access-key": given["aws_secret_access_key"],
        },
    )  # fmt: skip
    catalog.create_namespace("gold", {"location": f"{lake}/gold", "team": "a"})
    catalog.update_namespace_properties("gold", removals={"team"}, updates={"owner": "b"})
    assert catalog.load_namespace_properties("gold") == {"location": f"{lake}/gold", "owner": "b"}
    rows = pa.table({"id": pa.array([1, 2], pa.int64())})
    table = catalog.create_table("gold.old", schema=rows.schema)
    table.append(rows)
    versions = plane.client("glue").get_table_versions(DatabaseName="gold", TableName="old")["TableVersions"]
    assert [v["VersionId"] for v in versions] == ["1", "0"]
    catalog.rename_table("gold.old", "gold.new")
    assert catalog.list_tables("gold") == [("gold", "new")]
    location = catalog.load_table("gold.new").metadata_location
    catalog.drop_table("gold.new")
    catalog.register_table("gold.again", location)
    assert catalog.load_table("gold.again").scan().to_arrow().num_rows == 2
    with pytest.raises(exceptions.NamespaceNotEmptyError):
        catalog.drop_namespace("gold")
    catalog.purge_table("gold.again")
    catalog.drop_namespace("gold")
    assert ("gold",) not in catalog.list_namespaces()


def test_awswrangler_writes_iceberg_tables_through_athena_and_pyiceberg_reads_them(
    plane: RunningPlane, lake: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wr = pytest.importorskip("awswrangler")
    pd = pytest.importorskip("pandas")
    boto3 = pytest.importorskip("boto3")
    rest = pytest.importorskip("pyiceberg.catalog.rest")
    monkeypatch.setenv("AWS_ENDPOINT_URL", plane.endpoint)
    given = plane.administrator()
    session = boto3.session.Session(region_name=plane.region, **given)
    wr.catalog.create_database("copper", boto3_session=session)
    options = {
        "database": "copper", "table": "sales", "table_location": f"{lake}/copper/sales/",
        "temp_path": f"{lake}/copper-temp/", "s3_output": f"{lake}/results/", "boto3_session": session,
    }  # fmt: skip
    frame = pd.DataFrame({"id": [1, 2], "amount": [0.5, 1.5], "day": ["1", "2"]})
    wr.athena.to_iceberg(frame, partition_cols=["day"], keep_files=False, **options)
    wr.athena.to_iceberg(pd.DataFrame({"id": [3], "amount": [2.5], "day": ["2"]}), keep_files=False, **options)
    merged = pd.DataFrame({"id": [3, 4], "amount": [9.5, 4.5], "day": ["2", "2"]})
    wr.athena.to_iceberg(merged, merge_cols=["id"], keep_files=False, **options)
    wr.athena.delete_from_iceberg_table(
        pd.DataFrame({"id": [1]}), merge_cols=["id"], keep_files=False,
        **{k: v for k, v in options.items() if k != "table_location"},
    )  # fmt: skip
    back = wr.athena.read_sql_query(
        "SELECT id, amount FROM sales ORDER BY id", database="copper", ctas_approach=False,
        s3_output=f"{lake}/results/", boto3_session=session,
    )  # fmt: skip
    assert list(zip(back["id"].tolist(), back["amount"].tolist(), strict=True)) == [(2, 1.5), (3, 9.5), (4, 4.5)]
    catalog = rest.RestCatalog(
        "rest",
        **{
            "uri": f"{plane.endpoint}/iceberg", "warehouse": plane.account_id, "rest.sigv4-enabled": "true",
            "rest.signing-name": "glue", "rest.signing-region": plane.region, "client.region": plane.region,
            "client.access-key-id": given["aws_access_key_id"],
            "client.secret-access-key": given["aws_secret_access_key"],
        },
    )  # fmt: skip
    assert sorted(catalog.load_table("copper.sales").scan().to_arrow()["id"].to_pylist()) == [2, 3, 4]
