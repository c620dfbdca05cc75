"""Iceberg tables in Athena: written by pyiceberg through Glue and S3, read by people as far as they were granted."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from twinplane.data_plane.testing import RunningPlane

from .lake import PARQUET, Lake, Person

pa = pytest.importorskip("pyarrow")

from .iceberg_tables import add_deletes, add_files, catalog  # noqa: E402


@pytest.fixture(scope="module")
def ice(plane: RunningPlane, lake: Lake) -> Any:
    found = catalog(plane)
    found.create_namespace("ice", {"location": "s3://data/ice"})
    return found


@pytest.fixture(scope="module")
def ana(lake: Lake, ice: Any) -> Person:
    """May read every column and row of the tables of `ice`."""
    person = lake.person("ana-ice")
    lake.grant(person.principal, {"Table": {"DatabaseName": "ice", "TableWildcard": {}}})
    return person


ROWS = {"id": [1, 2, 3, 4], "region": ["EU", "US", "EU", "US"], "ssn": ["a", "b", "c", "d"]}
SCHEMA = pa.schema([("id", pa.int64()), ("region", pa.string()), ("ssn", pa.string())])


def made(ice: Any, name: str, **options: Any) -> Any:
    found = ice.create_table(f"ice.{name}", schema=SCHEMA, **options)
    found.append(pa.table(ROWS, schema=SCHEMA))
    return found


def ids(person: Person, name: str, **options: Any) -> list[int]:
    rows = person.rows(f"SELECT id FROM ice.{name} ORDER BY id", **options)
    return [int(row[0] or -1) for row in rows]


def reason(person: Person, text: str) -> str:
    status = person.finished(person.start(text))["Status"]
    assert status["State"] == "FAILED", status
    return str(status["StateChangeReason"])


def test_a_table_shows_its_current_snapshot_and_only_that(ice: Any, ana: Person) -> None:
    events = made(ice, "events")
    assert ids(ana, "events") == [1, 2, 3, 4]
    events.append(pa.table({"id": [5], "region": ["EU"], "ssn": ["e"]}, schema=SCHEMA))
    assert ids(ana, "events") == [1, 2, 3, 4, 5]
    events.delete("id = 2")
    assert ids(ana, "events") == [1, 3, 4, 5]
    events.overwrite(pa.table({"id": [9], "region": ["EU"], "ssn": ["e"]}, schema=SCHEMA))
    assert ids(ana, "events") == [9]


def test_a_table_without_a_snapshot_is_empty(ice: Any, ana: Person) -> None:
    ice.create_table("ice.nothing", schema=SCHEMA)
    assert ana.rows("SELECT count(*) FROM ice.nothing") == [["0"]]


def test_columns_that_were_renamed_added_widened_and_dropped_are_read_by_their_ids(ice: Any, ana: Person) -> None:
    from pyiceberg.types import LongType, StringType

    old = pa.schema([("id", pa.int32()), ("name", pa.string()), ("x", pa.string())])
    evolved = ice.create_table("ice.evolved", schema=old)
    evolved.append(pa.table({"id": [1], "name": ["one"], "x": ["old"]}, schema=old))
    with evolved.update_schema(allow_incompatible_changes=True) as update:
        update.delete_column("x")
    with evolved.update_schema() as update:
        update.rename_column("name", "title")
        update.update_column("id", LongType())
        update.add_column("x", StringType())
    evolved.append(pa.table({"id": [2**40], "title": ["two"], "x": ["new"]}))
    assert ana.rows("SELECT id, title, x FROM ice.evolved ORDER BY id") == [
        ["1", "one", None], [str(2**40), "two", "new"],
    ]  # fmt: skip


def test_a_partitioned_table_is_read_whole(ice: Any, ana: Person) -> None:
    from pyiceberg.transforms import IdentityTransform

    parted = ice.create_table("ice.parted", schema=SCHEMA)
    with parted.update_spec() as update:
        update.add_field("region", IdentityTransform(), "region_part")
        update.add_field("id", IdentityTransform(), "id_part")
    parted.append(pa.table(ROWS, schema=SCHEMA))
    assert ana.rows("SELECT region, count(*) FROM ice.parted GROUP BY region ORDER BY region") == [
        ["EU", "2"], ["US", "2"],
    ]  # fmt: skip
    parted.delete("region = 'EU'")
    assert ids(ana, "parted") == [2, 4]


def test_rows_deleted_by_position_are_gone(ice: Any, ana: Person) -> None:
    found = made(ice, "positions")
    found.append(pa.table({"id": [5, 6], "region": ["EU", "US"], "ssn": ["e", "f"]}, schema=SCHEMA))
    files = {task.file.record_count: task.file.file_path for task in found.scan().plan_files()}
    add_deletes(found, pa.table({"file_path": [files[4], files[4], files[2]], "pos": [0, 2, 1]}))
    assert ids(ana, "positions") == [2, 4, 5]
    found.append(pa.table({"id": [7], "region": ["EU"], "ssn": ["g"]}, schema=SCHEMA))
    assert ids(ana, "positions") == [2, 4, 5, 7]


def test_rows_deleted_by_equality_are_gone_unless_they_came_later(ice: Any, ana: Person) -> None:
    found = made(ice, "equals")
    field = pa.field("id", pa.int64(), metadata={"PARQUET:field_id": "1"})
    add_deletes(found, pa.table([[2, 3]], schema=pa.schema([field])), equality_ids=[1])
    assert ids(ana, "equals") == [1, 4]
    found.append(pa.table({"id": [2], "region": ["EU"], "ssn": ["again"]}, schema=SCHEMA))
    assert ids(ana, "equals") == [1, 2, 4]


def test_nothing_equals_nothing_in_a_delete(ice: Any, ana: Person) -> None:
    found = ice.create_table("ice.nulls", schema=SCHEMA)
    found.append(pa.table({"id": [1, 2], "region": [None, "EU"], "ssn": ["a", "b"]}, schema=SCHEMA))
    field = pa.field("region", pa.string(), metadata={"PARQUET:field_id": "2"})
    add_deletes(found, pa.table([pa.array([None], pa.string())], schema=pa.schema([field])), equality_ids=[2])
    assert ids(ana, "nulls") == [2]


def test_deletes_that_cannot_be_applied_fail_the_query(ice: Any, ana: Person) -> None:
    found = made(ice, "vectors")
    path = next(iter(found.scan().plan_files())).file.file_path
    add_deletes(found, pa.table({"file_path": [path], "pos": [0]}), file_format="PUFFIN")
    assert reason(ana, "SELECT id FROM ice.vectors") == (
        "NOT_SUPPORTED: Iceberg deletion vectors are not supported"
    )  # fmt: skip


def test_filters_of_rows_and_columns_hold_as_on_any_other_table(lake: Lake, ice: Any) -> None:
    made(ice, "secret")
    bob = lake.person("bob-ice")
    key = {"TableCatalogId": lake.plane.account_id, "DatabaseName": "ice", "TableName": "secret", "Name": "eu"}
    lake.lake.create_data_cells_filter(
        TableData={**key, "RowFilter": {"FilterExpression": "region = 'EU'"}, "ColumnNames": ["id", "region"]}
    )
    with pytest.raises(lake.athena.exceptions.ClientError, match="AccessDenied"):
        bob.start("SELECT id FROM ice.secret")
    lake.grant(bob.principal, {"DataCellsFilter": key})
    assert bob.rows("SELECT * FROM ice.secret ORDER BY id") == [["1", "EU"], ["3", "EU"]]
    assert "COLUMN_NOT_FOUND" in reason(bob, "SELECT ssn FROM ice.secret")
    found = ice.load_table("ice.secret")
    path = next(iter(found.scan().plan_files())).file.file_path
    add_deletes(found, pa.table({"file_path": [path], "pos": [0]}))
    assert bob.rows("SELECT id FROM ice.secret") == [["3"]]


def test_a_column_given_its_hidden_neighbours_old_name_shows_nothing_of_it(lake: Lake, ice: Any) -> None:
    found = made(ice, "swapped")
    with found.update_schema() as update:
        update.rename_column("ssn", "hidden")
    with found.update_schema() as update:
        from pyiceberg.types import StringType

        update.add_column("ssn", StringType())
    eve = lake.person("eve-swapped")
    lake.grant(
        eve.principal,
        {"TableWithColumns": {"DatabaseName": "ice", "Name": "swapped", "ColumnNames": ["id", "ssn"]}},
    )
    assert eve.rows("SELECT * FROM ice.swapped ORDER BY id") == [[str(i), None] for i in (1, 2, 3, 4)]


def hostile(lake: Lake, ice: Any, name: str, **parameters: str) -> None:
    """Makes an own table point elsewhere, as someone can who may write its metadata."""
    known = lake.glue.get_table(DatabaseName="ice", Name=name)["Table"]
    given = {k: known[k] for k in ("Name", "StorageDescriptor", "TableType")}
    lake.glue.update_table(
        DatabaseName="ice", TableInput={**given, "Parameters": {**known["Parameters"], **parameters}}
    )


def rewritten(lake: Lake, ice: Any, name: str, change: Any) -> None:
    """Gives a table metadata that pyiceberg would not write."""
    location = lake.glue.get_table(DatabaseName="ice", Name=name)["Table"]["Parameters"]["metadata_location"]
    key = location.removeprefix("s3://data/")
    document = json.loads(lake.s3.get_object(Bucket="data", Key=key)["Body"].read())
    changed = change(document)
    body = changed if isinstance(changed, bytes) else json.dumps(changed).encode()
    place = key.rpartition("/")[0] + "/99999-rewritten.metadata.json"
    lake.s3.put_object(Bucket="data", Key=place, Body=body)
    hostile(lake, ice, name, metadata_location=f"s3://data/{place}")


def test_metadata_that_points_at_another_tables_files_does_not_show_them(lake: Lake, ice: Any, ana: Person) -> None:
    made(ice, "victim")
    made(ice, "thief")
    mallory = lake.person("mallory-ice")
    lake.grant(mallory.principal, {"Table": {"DatabaseName": "ice", "Name": "thief"}})
    assert ids(mallory, "thief") == [1, 2, 3, 4]
    victim = json.loads(_metadata(lake, "victim"))

    def its_list(document: dict[str, Any]) -> dict[str, Any]:
        document["snapshots"][-1]["manifest-list"] = victim["snapshots"][-1]["manifest-list"]
        return document

    rewritten(lake, ice, "thief", its_list)
    denied = "PERMISSION_DENIED: The table names files that you are not allowed to read"
    assert reason(mallory, "SELECT * FROM ice.thief") == denied
    assert reason(ana, "SELECT * FROM ice.thief") == denied  # nor to who may read both: the table is not that place
    location = lake.glue.get_table(DatabaseName="ice", Name="victim")["Table"]["Parameters"]["metadata_location"]
    hostile(lake, ice, "thief", metadata_location=location)
    assert reason(mallory, "SELECT * FROM ice.thief") == denied
    hostile(lake, ice, "thief", metadata_location=location + "-that-is-not-there")
    assert reason(mallory, "SELECT * FROM ice.thief") == denied


def _metadata(lake: Lake, name: str) -> bytes:
    location = lake.glue.get_table(DatabaseName="ice", Name=name)["Table"]["Parameters"]["metadata_location"]
    body = lake.s3.get_object(Bucket="data", Key=location.removeprefix("s3://data/"))["Body"].read()
    return bytes(body)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"[" * 1_000_000, b"\x1f\x8b\x08\x00broken", b'{"format-version": 9}',
        b"\x1f\x8b" + b"\0" * 50,
    ],
    ids=["empty", "nothing in it", "deep", "not compressed", "of the future", "zeros"],
)  # fmt: skip
def test_metadata_that_is_no_metadata_fails_the_query_and_nothing_else(
    lake: Lake, ice: Any, ana: Person, body: bytes
) -> None:
    name = f"broken{len(body)}"
    made(ice, name)
    rewritten(lake, ice, name, lambda _document: body)
    assert reason(ana, f"SELECT * FROM ice.{name}").startswith("ICEBERG_BAD_DATA: The table's metadata")
    assert ana.rows("SELECT count(*) FROM ice.events") == [["1"]]


def test_a_manifest_that_unfolds_into_too_much_fails_the_query_and_nothing_else(
    lake: Lake, ice: Any, ana: Person
) -> None:
    import zlib

    found = made(ice, "bomb")
    snapshot = found.metadata.current_snapshot()
    (manifest,) = snapshot.manifests(found.io)
    key = manifest.manifest_path.removeprefix("s3://data/")
    body = lake.s3.get_object(Bucket="data", Key=key)["Body"].read()
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    zeros = packer.compress(bytes(1 << 26)) + packer.flush(zlib.Z_FULL_FLUSH)
    block = zeros * 128 + packer.flush()  # 8 GiB of them
    head, sync = body[: body.rindex(body[-16:], 0, len(body) - 16) + 16], body[-16:]
    lake.s3.put_object(Bucket="data", Key=key, Body=head + b"\x02" + _avro_long(len(block)) + block + sync)
    assert reason(ana, "SELECT * FROM ice.bomb").startswith("ICEBERG_BAD_DATA: The table's metadata cannot be read")
    assert ana.rows("SELECT count(*) FROM ice.events") == [["1"]]


def _avro_long(number: int) -> bytes:
    number, out = number << 1, b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def test_the_same_table_through_a_resource_link(lake: Lake, ice: Any, ana: Person) -> None:
    made(ice, "linked")
    lake.glue.create_table(
        DatabaseName="sales",
        TableInput={
            "Name": "ice_link",
            "TargetTable": {"CatalogId": lake.plane.account_id, "DatabaseName": "ice", "Name": "linked"},
        },
    )
    assert ana.rows("SELECT count(*) FROM sales.ice_link") == [["4"]]


def test_tables_about_a_table_are_for_who_may_read_all_of_it(lake: Lake, ice: Any, ana: Person) -> None:
    from pyiceberg.transforms import IdentityTransform

    found = made(ice, "described")
    with found.update_spec() as update:
        update.add_field("region", IdentityTransform(), "region")
    found.append(pa.table({"id": [5, 6], "region": ["EU", "US"], "ssn": ["e", "f"]}, schema=SCHEMA))
    snapshots = [str(s.snapshot_id) for s in found.metadata.snapshots]
    assert ana.rows('SELECT snapshot_id, operation FROM ice."described$snapshots" ORDER BY committed_at') == [
        [number, "append"] for number in snapshots
    ]
    assert ana.rows(
        'SELECT snapshot_id, is_current_ancestor FROM ice."described$history" ORDER BY made_current_at'
    ) == [[number, "true"] for number in snapshots]
    assert ana.rows('SELECT content, file_format, sum(record_count) FROM ice."described$files" GROUP BY 1, 2') == [
        ["0", "PARQUET", "6"]
    ]
    assert ana.rows('SELECT count(*) FROM ice."described$manifests"') == [["2"]]
    assert ana.rows(
        "SELECT element_at(partition, 'region') AS region, record_count FROM ice.\"described$partitions\" ORDER BY 1, 2"
    ) in ([["EU", "1"], ["US", "1"], [None, "4"]], [[None, "4"], ["EU", "1"], ["US", "1"]])
    assert ana.rows(
        "SELECT element_at(summary, 'added-records') FROM ice.\"described$snapshots\" ORDER BY committed_at"
    ) == [["4"], ["2"]]
    assert ana.rows('SELECT name, snapshot_id FROM ice."described$refs"') == [["main", snapshots[-1]]]
    bob = lake.person("bob-described")
    key = {"TableCatalogId": lake.plane.account_id, "DatabaseName": "ice", "TableName": "described", "Name": "eu"}
    lake.lake.create_data_cells_filter(
        TableData={**key, "RowFilter": {"FilterExpression": "region = 'EU'"}, "ColumnWildcard": {}}
    )
    lake.grant(bob.principal, {"DataCellsFilter": key})
    assert bob.rows("SELECT count(*) FROM ice.described") == [["3"]]
    for what in ("snapshots", "files", "partitions", "history", "manifests", "refs"):
        with pytest.raises(lake.athena.exceptions.ClientError, match="AccessDenied"):
            bob.start(f'SELECT * FROM ice."described${what}"')
    with pytest.raises(lake.athena.exceptions.ClientError, match="AccessDenied"):
        bob.start('SELECT * FROM ice."not_there$files"')


def test_the_partitions_of_any_table_are_a_table(lake: Lake) -> None:
    keys = [{"Name": "year", "Type": "int"}, {"Name": "day", "Type": "string"}]
    storage = {"Columns": [{"Name": "id", "Type": "bigint"}], "Location": "s3://data/sales/parted/", **PARQUET}
    lake.glue.create_table(
        DatabaseName="sales",
        TableInput={"Name": "parted", "StorageDescriptor": storage, "PartitionKeys": keys},
    )
    for year, day in (("2024", "a'b"), ("2025", "__HIVE_DEFAULT_PARTITION__")):
        lake.glue.create_partition(
            DatabaseName="sales", TableName="parted",
            PartitionInput={"Values": [year, day], "StorageDescriptor": storage},
        )  # fmt: skip
    cat = lake.person("cat-parted")
    lake.grant(cat.principal, {"Table": {"DatabaseName": "sales", "Name": "parted"}})
    assert cat.rows('SELECT year + 1, day FROM sales."parted$partitions" ORDER BY year') == [
        ["2025", "a'b"], ["2026", None],
    ]  # fmt: skip
    assert "TABLE_NOT_FOUND" in reason(cat, 'SELECT * FROM sales."parted$snapshots"')


def test_a_table_is_read_as_it_was_by_snapshot_tag_and_time(lake: Lake, ice: Any, ana: Person) -> None:
    found = made(ice, "past")
    first = found.metadata.current_snapshot()
    found.manage_snapshots().create_tag(first.snapshot_id, "start").commit()
    time.sleep(0.01)
    found.append(pa.table({"id": [5], "region": ["EU"], "ssn": ["e"]}, schema=SCHEMA))
    found.delete("id = 1")
    assert ids(ana, "past") == [2, 3, 4, 5]
    assert ids(ana, f"past FOR VERSION AS OF {first.snapshot_id}") == [1, 2, 3, 4]
    assert ids(ana, "past FOR VERSION AS OF 'start'") == [1, 2, 3, 4]
    moment = datetime.fromtimestamp((first.timestamp_ms + 1) / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    assert ids(ana, f"past FOR TIMESTAMP AS OF TIMESTAMP '{moment} UTC'") == [1, 2, 3, 4]
    was = f"ice.past FOR VERSION AS OF {first.snapshot_id}"
    assert ana.rows(f"SELECT count(*) FROM ice.past AS a JOIN {was} AS b ON a.id = b.id") == [["3"]]
    assert "does not exist" in reason(ana, "SELECT * FROM ice.past FOR VERSION AS OF 12345")
    assert "No version history" in reason(
        ana, "SELECT * FROM ice.past FOR TIMESTAMP AS OF TIMESTAMP '2001-01-01 00:00:00 UTC'"
    )
    lake.grant(ana.principal, {"Table": {"DatabaseName": "sales", "Name": "orders"}})
    assert "NOT_SUPPORTED" in reason(ana, "SELECT * FROM sales.orders FOR VERSION AS OF 1")


def test_rights_hold_in_the_past_as_they_are_now(lake: Lake, ice: Any) -> None:
    found = made(ice, "renamed")
    first = found.metadata.current_snapshot().snapshot_id
    with found.update_schema() as update:
        update.rename_column("ssn", "hidden")
        update.rename_column("region", "ssn")
    bob = lake.person("bob-then")
    lake.grant(
        bob.principal, {"TableWithColumns": {"DatabaseName": "ice", "Name": "renamed", "ColumnNames": ["id", "ssn"]}}
    )
    assert bob.rows(f"SELECT * FROM ice.renamed FOR VERSION AS OF {first} ORDER BY id") == [
        ["1", "EU"], ["2", "US"], ["3", "EU"], ["4", "US"],
    ]  # fmt: skip
    assert "COLUMN_NOT_FOUND" in reason(bob, f"SELECT hidden FROM ice.renamed FOR VERSION AS OF {first}")


def test_files_that_know_no_field_ids_are_read_by_name_while_no_column_was_renamed(
    lake: Lake, ice: Any, ana: Person
) -> None:
    from pyiceberg.types import LongType, StringType

    adopted = ice.create_table("ice.adopted", schema=pa.schema([("id", pa.int32()), ("region", pa.string())]))
    for number in (1, 2):
        lake.put_parquet(f"ice/adopted/own-{number}.parquet", f"SELECT {number}::INTEGER AS id, 'EU' AS region")
    adopted.add_files(["s3://data/ice/adopted/own-1.parquet", "s3://data/ice/adopted/own-2.parquet"])
    assert ids(ana, "adopted") == [1, 2]
    with adopted.update_schema() as update:
        update.add_column("note", StringType())
        update.update_column("id", LongType())
    assert ana.rows("SELECT id, note FROM ice.adopted ORDER BY id") == [["1", None], ["2", None]]
    adopted.append(pa.table({"id": [2**40], "region": ["US"], "note": ["new"]}))
    assert ana.rows("SELECT id, note FROM ice.adopted ORDER BY id") == [["1", None], ["2", None], [str(2**40), "new"]]
    with adopted.update_schema() as update:
        update.rename_column("note", "remark")
    assert "NOT_SUPPORTED" in reason(ana, "SELECT id FROM ice.adopted")


def test_columns_of_any_name_are_found(ice: Any, ana: Person) -> None:
    schema = pa.schema([("Größe in cm", pa.int64()), ("select", pa.string())])
    ice.create_table("ice.names", schema=schema).append(pa.table({"Größe in cm": [1], "select": ["x"]}, schema=schema))
    assert ana.rows('SELECT "größe in cm", "select" FROM ice.names') == [["1", "x"]]


def test_fields_inside_columns_are_read_until_one_is_renamed(ice: Any, ana: Person) -> None:
    from pyiceberg.types import StringType

    schema = pa.schema([("id", pa.int64()), ("who", pa.struct([("name", pa.string()), ("age", pa.int64())]))])
    nested = ice.create_table("ice.inside", schema=schema)
    nested.append(pa.table({"id": [1], "who": [{"name": "ann", "age": 7}]}, schema=schema))
    assert ana.rows("SELECT who.name, who.age FROM ice.inside") == [["ann", "7"]]
    with nested.update_schema() as update:
        update.add_column(("who", "town"), StringType())
    assert ana.rows("SELECT who.name, who.town FROM ice.inside") == [["ann", None]]
    with nested.update_schema() as update:
        update.rename_column(("who", "name"), "called")
    assert "NOT_SUPPORTED" in reason(ana, "SELECT id FROM ice.inside")


def test_more_files_or_longer_names_than_anyone_needs_fail_the_query_and_nothing_else(ice: Any, ana: Person) -> None:
    many = made(ice, "many")
    add_files(many, [f"s3://data/ice/many/data/{number}" for number in range(50_001)])
    assert "NOT_SUPPORTED: The table has more than 50000 files" in reason(ana, "SELECT * FROM ice.many")
    long = made(ice, "long")
    add_files(long, [f"s3://data/ice/long/data/{number}" + "x" * (1 << 20) for number in range(60)])
    assert "NOT_SUPPORTED: There is too much" in reason(ana, "SELECT * FROM ice.long")
    assert ana.rows("SELECT count(*) FROM ice.events") == [["1"]]
