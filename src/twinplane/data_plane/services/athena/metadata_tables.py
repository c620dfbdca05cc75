"""Tables about a table: `"t$partitions"` of any, `"t$snapshots"` and others of an Iceberg table.

They count rows and tell of values that row filters would hide, so they are there for who may read the whole table.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime

from twinplane.data_plane.call import Call
from twinplane.data_plane.services.glue import iceberg, iceberg_rules
from twinplane.data_plane.services.glue import store as glue
from twinplane.data_plane.services.glue.iceberg import MayRead
from twinplane.data_plane.store import Document
from twinplane.engines.sql.manifest_messages import Metadata
from twinplane.engines.sql.plan import At, Column, QueryError, Rows, Slice, Table

_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
_ICEBERG = ("snapshots", "history", "refs", "manifests", "files", "partitions")
_CONTENT = {"data": "0", "positions": "1", "equality": "2"}


def split(name: str) -> tuple[str, str] | None:
    """The table that a name like `t$snapshots` is about, and what about it; None for other names."""
    table, separator, what = name.rpartition("$")
    return (table, what) if separator and table and what in _ICEBERG else None


def table(call: Call, document: Document, what: str, may_read: Callable[[], MayRead], at: At | None) -> Table:
    """The table about `document` (a Glue table). Raises `QueryError`, and `NotLoaded`."""
    if not iceberg.is_iceberg(document):
        if what != "partitions" or not document.get("PartitionKeys"):
            raise QueryError("TABLE_NOT_FOUND", f"Table '{document['Name']}${what}' does not exist")
        return _hive_partitions(call, document)
    reads = may_read()
    metadata = iceberg.metadata_of(call, document, reads)
    if what in ("snapshots", "history", "refs"):
        columns, rows = {"snapshots": _snapshots, "history": _history, "refs": _refs}[what](metadata)
        return _table(columns, rows)
    snapshot = iceberg_rules.chosen(metadata, at, str(document["Name"]))
    if what == "manifests":
        found = () if snapshot is None else iceberg.manifests_of(call, snapshot, reads)
        return _table(_MANIFESTS, tuple(
            (m.path, str(m.length), str(m.spec_id), _text(m.snapshot_id), *map(_text, m.counts)) for m in found
        ))  # fmt: skip
    files = [] if snapshot is None else iceberg.live_files(call, snapshot, reads)
    if what == "files":
        return _table(_FILES, tuple(
            (_CONTENT[f.content], f.path, f.format.upper(), str(f.spec_id), str(f.records), str(f.size)) for f in files
        ))  # fmt: skip
    sums: dict[tuple[int, str], list[int]] = {}
    for file in files:
        if file.content == "data":
            total = sums.setdefault((file.spec_id, file.partition), [0, 0, 0])
            total[:] = [total[0] + file.records, total[1] + 1, total[2] + file.size]
    return _table(_PARTITIONS, tuple(
        (_named(metadata, *key), *map(str, total)) for key, total in sums.items()
    ))  # fmt: skip


def _table(columns: str, rows: Rows) -> Table:
    described = tuple(Column(*column.split(" ", 1)) for column in columns.split(", "))
    return Table(described, (Slice(tuple(c.name for c in described)),), (), rows=rows)


_MANIFESTS = (
    "path string, length bigint, partition_spec_id int, added_snapshot_id bigint, added_data_files_count int, "
    "existing_data_files_count int, deleted_data_files_count int"
)
_FILES = (
    "content int, file_path string, file_format string, spec_id int, record_count bigint, file_size_in_bytes bigint"
)
_PARTITIONS = "partition map<string,string>, record_count bigint, file_count bigint, total_size bigint"


def _named(metadata: Metadata, spec_id: int, partition: str) -> tuple[tuple[str, str], ...]:
    names, values = metadata.partition_fields.get(spec_id, ()), json.loads(partition)
    return tuple((name, str(value)) for name, value in zip(names, values, strict=False) if value is not None)


def _hive_partitions(call: Call, document: Document) -> Table:
    keys = [Column(str(k["Name"]).lower(), str(k.get("Type") or "string")) for k in document["PartitionKeys"]]
    rows = [
        tuple(None if value == _NO_VALUE else str(value) for value in partition["Values"])
        for partition in glue.list_partitions(call.tx, document["DatabaseName"], document["Name"])
    ]
    return Table(tuple(keys), (Slice(tuple(k.name for k in keys)),), (), rows=tuple(rows))


def _snapshots(metadata: Metadata) -> tuple[str, Rows]:
    columns = (
        "committed_at timestamptz, snapshot_id bigint, parent_id bigint, operation string, manifest_list string, "
        "summary map<string,string>"
    )
    return columns, tuple(
        (_time(s.timestamp), str(s.id), _text(s.parent), s.operation, s.manifest_list, tuple(s.summary.items()))
        for s in metadata.snapshots
    )


def _history(metadata: Metadata) -> tuple[str, Rows]:
    parents = {s.id: s.parent for s in metadata.snapshots}
    ancestors, number = set[int](), metadata.current
    while number is not None and number not in ancestors:
        ancestors.add(number)
        number = parents.get(number)
    columns = "made_current_at timestamptz, snapshot_id bigint, parent_id bigint, is_current_ancestor boolean"
    return columns, tuple(
        (_time(time), str(number), _text(parents.get(number)), str(number in ancestors).lower())
        for time, number in metadata.log
    )


def _refs(metadata: Metadata) -> tuple[str, Rows]:
    return "name string, snapshot_id bigint", tuple((name, str(number)) for name, number in metadata.refs.items())


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()
