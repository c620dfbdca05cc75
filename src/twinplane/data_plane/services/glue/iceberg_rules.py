"""What Iceberg's specification says of snapshots and delete files. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from twinplane.engines.sql.manifest_messages import DataFile, Metadata, Snapshot
from twinplane.engines.sql.plan import At, EqualityDeletes, IcebergField, IcebergFiles, QueryError


def place(uri: str) -> tuple[str, str]:
    """The bucket and key of a path in a table's metadata. Raises `QueryError`."""
    scheme, separator, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if not separator or scheme.lower() not in ("s3", "s3a", "s3n") or not bucket or not key:
        raise QueryError("ICEBERG_BAD_DATA", "The table names files that are not in Amazon S3")
    return bucket, key


def chosen(metadata: Metadata, at: At | None, table: str) -> Snapshot | None:
    """The snapshot that is asked for; None for a table that has none yet. Raises `QueryError`."""
    by_id = {snapshot.id: snapshot for snapshot in metadata.snapshots}
    if at is None:
        if metadata.current is None:
            return None
        wanted: int | None = metadata.current
    elif at[0] == "VERSION":
        is_id = at[1].isdecimal() and at[1] not in metadata.refs
        wanted = int(at[1]) if is_id else metadata.refs.get(at[1])
        if wanted not in by_id:
            what = "snapshot ID" if is_id else "tag or branch"
            raise QueryError("INVALID_ARGUMENTS", f"Iceberg {what} does not exist: {at[1]}")
    else:
        earlier = [(time, number) for time, number in metadata.log if time <= int(at[1])]
        if not earlier:
            raise QueryError("INVALID_ARGUMENTS", f"No version history table {table} at or before that time")
        wanted = max(earlier)[1]
    if wanted not in by_id:
        raise QueryError("ICEBERG_INVALID_METADATA", "The table's snapshot is not in its metadata")
    return by_id[wanted]


def check_readable(files: Iterable[DataFile]) -> None:
    """Raises `QueryError` unless all these files can be read, and all deletes among them applied."""
    for file in files:
        if file.is_encrypted:
            raise QueryError("NOT_SUPPORTED", "Encrypted Iceberg files are not supported")
        if file.format == "puffin":
            raise QueryError("NOT_SUPPORTED", "Iceberg deletion vectors are not supported")
        if file.format != "parquet":
            raise QueryError("NOT_SUPPORTED", f"Iceberg files in {file.format.upper()} are not supported: only Parquet")


def grouped(files: Sequence[DataFile], local: Mapping[str, str], metadata: Metadata) -> tuple[IcebergFiles, ...]:
    """The data files by the delete files that apply to them; `local` has the path here of each file.

    Raises `QueryError` when a delete file names columns that the metadata does not know.
    """
    deletes = _Deletes(files, {number for number, names in metadata.partition_fields.items() if not names})
    groups: dict[tuple[DataFile, ...], list[DataFile]] = {}
    for file in files:
        if file.content == "data":
            groups.setdefault(deletes.of(file), []).append(file)
    columns = {field.id: field for field in metadata.every_field}
    return tuple(_group(data, applying, local, columns) for applying, data in groups.items())


class _Deletes:
    """Which delete files apply to a data file."""

    def __init__(self, files: Iterable[DataFile], unpartitioned: set[int]) -> None:
        self._found: dict[tuple[int, str] | str | None, list[DataFile]] = {}
        for file in files:
            if file.content == "positions":
                self._found.setdefault(file.only or (file.spec_id, file.partition), []).append(file)
            elif file.content == "equality":
                everywhere = file.spec_id in unpartitioned
                self._found.setdefault(None if everywhere else (file.spec_id, file.partition), []).append(file)

    def of(self, data: DataFile) -> tuple[DataFile, ...]:
        found = [f for key in (None, data.path, (data.spec_id, data.partition)) for f in self._found.get(key, ())]
        return tuple(f for f in found if f.sequence_number >= data.sequence_number + (f.content == "equality"))


def _group(
    data: Sequence[DataFile], deletes: Sequence[DataFile], local: Mapping[str, str], columns: Mapping[int, IcebergField]
) -> IcebergFiles:
    by_columns: dict[tuple[int, ...], list[str]] = {}
    for file in deletes:
        if file.content == "equality":
            by_columns.setdefault(file.equality_ids, []).append(local[file.path])
    if any(not ids or not set(ids) <= columns.keys() for ids in by_columns):
        raise QueryError("NOT_SUPPORTED", "Equality deletes by these columns are not supported")
    return IcebergFiles(
        tuple(local[file.path] for file in data),
        tuple(file.path for file in data),
        tuple(local[file.path] for file in deletes if file.content == "positions"),
        tuple(EqualityDeletes(tuple(p), tuple(columns[i] for i in ids)) for ids, p in by_columns.items()),
    )
