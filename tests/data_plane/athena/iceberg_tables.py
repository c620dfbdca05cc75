"""Iceberg tables for tests: written by pyiceberg, and what it does not write (delete files) by hand on top of it."""

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestWriterV2,
    write_manifest_list,
)
from pyiceberg.table.snapshots import Operation, Snapshot, Summary
from pyiceberg.table.update import AddSnapshotUpdate, AssertRefSnapshotId, SetSnapshotRefUpdate
from pyiceberg.typedef import Record

from twinplane.data_plane.testing import RunningPlane


def catalog(plane: RunningPlane, warehouse: str = "s3://data/ice") -> Any:
    given = plane.administrator()
    properties = {
        "warehouse": warehouse, "glue.endpoint": plane.endpoint, "glue.region": plane.region,
        "glue.access-key-id": given["aws_access_key_id"], "glue.secret-access-key": given["aws_secret_access_key"],
        "s3.endpoint": plane.endpoint, "s3.region": plane.region, "s3.access-key-id": given["aws_access_key_id"],
        "s3.secret-access-key": given["aws_secret_access_key"],
    }  # fmt: skip
    return GlueCatalog("local", **properties)


class _DeleteManifest(ManifestWriterV2):
    def content(self) -> ManifestContent:
        return ManifestContent.DELETES

    def _meta_content(self) -> str:
        return "deletes"


def add_files(table: Any, paths: list[str]) -> None:
    """Commits data files that need not be there."""
    with table.transaction() as change, change.update_snapshot().fast_append() as append:
        for path in paths:
            file = DataFile.from_args(
                content=DataFileContent.DATA, file_path=path, file_format=FileFormat.PARQUET, partition=Record(),
                record_count=1, file_size_in_bytes=1, column_sizes={}, value_counts={}, null_value_counts={},
                nan_value_counts={}, lower_bounds={}, upper_bounds={},
            )  # fmt: skip
            file.spec_id = table.metadata.default_spec_id
            append.append_data_file(file)


def add_deletes(
    table: Any,
    rows: pa.Table,
    *,
    equality_ids: list[int] | None = None,
    file_format: str = "PARQUET",
    partition: tuple[Any, ...] = (),
) -> None:
    """Commits a delete file with these rows to an Iceberg table."""
    metadata, files = table.metadata, table.io
    number = metadata.last_sequence_number + 1
    snapshot_id = metadata.new_snapshot_id()
    place = f"{metadata.location}/data/delete-{number}.parquet"
    body = io.BytesIO()
    pq.write_table(rows, body)
    with files.new_output(place).create() as out:
        out.write(body.getvalue())
    content = DataFileContent.POSITION_DELETES if equality_ids is None else DataFileContent.EQUALITY_DELETES
    file = DataFile.from_args(
        content=content, file_path=place, file_format=FileFormat(file_format), partition=Record(*partition),
        record_count=rows.num_rows, file_size_in_bytes=len(body.getvalue()), equality_ids=equality_ids,
        column_sizes={}, value_counts={}, null_value_counts={}, nan_value_counts={}, lower_bounds={}, upper_bounds={},
    )  # fmt: skip
    file.spec_id = metadata.default_spec_id
    output = files.new_output(f"{metadata.location}/metadata/deletes-{number}.avro")
    with _DeleteManifest(metadata.spec(), metadata.schema(), output, snapshot_id, "deflate") as writer:
        writer.add_entry(
            ManifestEntry.from_args(status=ManifestEntryStatus.ADDED, snapshot_id=snapshot_id, data_file=file)
        )
    manifest = writer.to_manifest_file()
    current = metadata.current_snapshot()
    listing = f"{metadata.location}/metadata/snap-{snapshot_id}.avro"
    with write_manifest_list(2, files.new_output(listing), snapshot_id, current.snapshot_id, number, "deflate") as out:
        out.add_manifests([*current.manifests(files), manifest])
    snapshot = Snapshot(
        snapshot_id=snapshot_id, parent_snapshot_id=current.snapshot_id, sequence_number=number,
        manifest_list=listing, summary=Summary(Operation.DELETE), schema_id=metadata.current_schema_id,
    )  # fmt: skip
    table.catalog.commit_table(
        table,
        (AssertRefSnapshotId(ref="main", snapshot_id=current.snapshot_id),),
        (
            AddSnapshotUpdate(snapshot=snapshot),
            SetSnapshotRefUpdate(ref_name="main", type="branch", snapshot_id=snapshot_id),
        ),
    )
    table.refresh()
