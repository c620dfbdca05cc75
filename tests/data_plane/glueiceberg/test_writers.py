"""Many writers of one table, through Glue's API, its Iceberg REST endpoint and Athena: none loses what it wrote."""

import threading
import time
from collections import Counter
from typing import Any

import pytest

from twinplane.data_plane.testing import RunningPlane

pa = pytest.importorskip("pyarrow")
pytest.importorskip("pyiceberg.catalog.rest")
exceptions = pytest.importorskip("pyiceberg.exceptions")

from tests.data_plane.athena.iceberg_tables import catalog as glue_catalog  # noqa: E402

from .test_clients import SCHEMA, rest_catalog, rows  # noqa: E402

WRITERS, APPENDS = 6, 2


def insert(plane: RunningPlane, row: int) -> None:
    """Inserts a row with Athena. Raises `CommitFailedException` where others were quicker too often."""
    client = plane.client("athena")
    found = client.start_query_execution(
        QueryString=f"INSERT INTO busy.t VALUES ({row}, 'n{row}')",
        ResultConfiguration={"OutputLocation": "s3://data/results/"},
    )["QueryExecutionId"]
    while True:
        status = client.get_query_execution(QueryExecutionId=found)["QueryExecution"]["Status"]
        if status["State"] not in ("QUEUED", "RUNNING"):
            break
        time.sleep(0.05)
    if status["State"] != "SUCCEEDED" and "COMMIT" in status["StateChangeReason"]:
        raise exceptions.CommitFailedException(status["StateChangeReason"])
    assert status["State"] == "SUCCEEDED", status


def test_what_writers_of_all_kinds_were_told_is_written_is_there_once(plane: RunningPlane) -> None:
    plane.client("s3").create_bucket(Bucket="data")
    first = rest_catalog(plane)
    first.create_namespace("busy", {"location": "s3://data/busy"})
    first.create_table("busy.t", SCHEMA, location="s3://data/busy/t", properties={"commit.retry.num-retries": "0"})
    written: list[int] = []
    refused = Counter[str]()
    failures: list[Exception] = []

    def write(number: int) -> None:
        kind = ("rest", "glue", "athena")[number % 3]
        own: Any = rest_catalog(plane) if kind == "rest" else glue_catalog(plane, "s3://data/busy")
        for step in range(APPENDS):
            row = number * 100 + step
            while True:
                try:
                    if kind == "athena":
                        insert(plane, row)
                    else:
                        own.load_table("busy.t").append(rows(row))
                except exceptions.CommitFailedException:
                    refused[kind] += 1
                    continue
                except Exception as error:  # noqa: BLE001 - shown by the test
                    failures.append(error)
                    return
                written.append(row)
                break

    threads = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(written) == WRITERS * APPENDS
    found = first.load_table("busy.t")
    assert sorted(found.scan().to_arrow()["id"].to_pylist()) == sorted(written)
    assert len(found.metadata.snapshots) == len(written)


def test_of_two_commits_of_the_same_state_one_is_refused_whichever_way_they_come(plane: RunningPlane) -> None:
    from pyiceberg.table.update import SetPropertiesUpdate

    one, other = rest_catalog(plane), glue_catalog(plane, "s3://data/busy")
    one.create_table("busy.pair", SCHEMA, location="s3://data/busy/pair")
    stale = plane.client("glue").get_table(DatabaseName="busy", Name="pair")["Table"]
    one.commit_table(one.load_table("busy.pair"), (), (SetPropertiesUpdate(updates={"by": "rest"}),))
    known = {k: stale[k] for k in ("Name", "TableType", "Parameters", "StorageDescriptor")}
    glue = plane.client("glue")
    with pytest.raises(glue.exceptions.ConcurrentModificationException):
        glue.update_table(DatabaseName="busy", TableInput=known, VersionId=stale["VersionId"], SkipArchive=True)
    assert other.load_table("busy.pair").properties["by"] == "rest"


def test_commits_that_require_nothing_still_lose_nothing(plane: RunningPlane) -> None:
    from pyiceberg.table.update import SetPropertiesUpdate

    catalog = rest_catalog(plane)
    catalog.create_table("busy.properties", SCHEMA, location="s3://data/busy/properties")
    failures: list[Exception] = []

    def write(number: int) -> None:
        own: Any = rest_catalog(plane)
        table = own.load_table("busy.properties")
        for step in range(3):
            change = (SetPropertiesUpdate(updates={f"w{number}-{step}": "yes"}),)
            while True:
                try:
                    own.commit_table(table, (), change)
                except exceptions.CommitFailedException:
                    continue
                except Exception as error:  # noqa: BLE001 - shown by the test
                    failures.append(error)
                    return
                break

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(catalog.load_table("busy.properties").properties) == 24
