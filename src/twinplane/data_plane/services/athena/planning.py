"""Every table that a statement names: found in the catalog, its rows and columns decided by Lake Formation."""

from collections.abc import Sequence
from dataclasses import dataclass

from twinplane.data_plane.call import Call, ServiceError
from twinplane.data_plane.services.athena import information_schema, metadata_tables, rules
from twinplane.data_plane.services.glue import iceberg, locations
from twinplane.data_plane.services.glue import store as glue
from twinplane.data_plane.services.lakeformation import store as lakeformation
from twinplane.data_plane.services.lakeformation.rules import TableAccess
from twinplane.data_plane.services.s3 import store as s3
from twinplane.data_plane.store import Document
from twinplane.engines.sql.plan import At, Column, Files, QueryError, Reference, Slice, Table, TableName

_CATALOGUE = "information_schema"


class Refused(ServiceError):
    """The caller may not read a table that the statement names, or there is none of that name: alike for both."""

    def __init__(self, name: TableName) -> None:
        super().__init__(
            "AccessDeniedException",
            f"Insufficient Lake Formation permission(s): Required Select on {name.database}.{name.table}",
        )


@dataclass(frozen=True, slots=True)
class _Found:
    table: Document
    access: TableAccess


def tables(call: Call, references: Sequence[Reference], database: str) -> list[tuple[TableName, Table]]:
    """What the caller may read of a statement's tables. Raises `Refused`, and `QueryError` where one is not served.

    `database` is the one of the statement's context.
    """
    named = dict.fromkeys(r.in_database(database) for r in references)
    about = [name for name in named if name.database == _CATALOGUE and name.table in information_schema.TABLES]
    names = [name for name in named if name not in about]
    principals = lakeformation.lake_principals(call.tx, call.principal, call.account_id)
    found = [(name, *_find_any(call, principals, name)) for name in names]
    for resource in ({"ARN": _arn(call, name), "type": "AWS::Glue::Table"} for name in names):
        if resource not in call.resources:  # planning may be tried again
            call.resources.append(resource)
    planned = [(name, _table(call, f, what, name.at)) for name, f, what in found]
    return planned + [(name, _about_the_catalog(call, name.table)) for name in about]


def _about_the_catalog(call: Call, name: str) -> Table:
    """A table of information_schema: rows of what the caller may see, and of nothing else."""
    columns = information_schema.TABLES[name]
    rows = tuple(tuple(None if v is None else str(v) for v in row) for row in information_schema.rows(call, name))
    return Table(columns, (Slice(tuple(c.name for c in columns)),), (), rows=rows)


def _arn(call: Call, name: TableName) -> str:
    return f"arn:aws:glue:{call.region}:{call.account_id}:table/{name.database}/{name.table}"


def _find_any(call: Call, principals: lakeformation.Principals, name: TableName) -> tuple[_Found, str | None]:
    """As `_find`; of a table about a table (`t$snapshots`) that one, for who may read all of it, and what about it."""
    about = metadata_tables.split(name.table)
    if about is None or glue.find_table(call.tx, name.database, name.table) is not None:
        return _find(call, principals, name), None
    try:
        found = _find(call, principals, TableName(name.database, about[0]))
    except Refused:
        raise Refused(name) from None
    if not found.access.is_whole(lakeformation.column_names(found.table)):
        raise Refused(name)
    return found, about[1]


def _about(call: Call, found: _Found, what: str, at: At | None) -> Table:
    def may_read() -> iceberg.MayRead:
        return locations.reader_of(call, found.table, by_iam=found.access.by_iam)

    return metadata_tables.table(call, found.table, what, may_read, at)


def _find(call: Call, principals: lakeformation.Principals, name: TableName) -> _Found:
    """The table, or the one that the resource link of that name points to, if the caller may read any of it."""
    table = glue.find_table(call.tx, name.database, name.table)
    if table is not None and table.get("TargetTable"):
        target = table["TargetTable"]
        table = glue.find_table(call.tx, target["DatabaseName"], target["Name"])
    access = None if table is None else lakeformation.table_access(call.tx, principals, table)
    if table is None or access is None:
        raise Refused(name)
    return _Found(table, access)


def _table(call: Call, found: _Found, what: str | None, at: At | None) -> Table:
    table = found.table
    if what is not None:
        return _about(call, found, what, at)
    if iceberg.is_iceberg(table):
        return _iceberg_table(call, found, at)
    if at is not None:
        raise QueryError("NOT_SUPPORTED", "This connector does not support versioned tables")
    columns = tuple(
        Column(str(c["Name"]).lower(), str(c.get("Type") or "string"))
        for c in [*((table.get("StorageDescriptor") or {}).get("Columns") or ()), *(table.get("PartitionKeys") or ())]
    )
    try:
        storage = rules.storage_of(table)
    except rules.NotReadable as error:
        raise QueryError("NOT_SUPPORTED", str(error)) from None
    return Table(
        columns,
        tuple(Slice(s.columns, s.row_filter) for s in found.access.slices),
        tuple(_files(call, found)),
        storage.format,
        storage.options,
    )


def _iceberg_table(call: Call, found: _Found, at: At | None) -> Table:
    """The columns are those of the table's metadata; which of them she sees is decided by their names."""
    may_read = locations.reader_of(call, found.table, by_iam=found.access.by_iam)
    read = iceberg.snapshot_files(call, found.table, may_read, at)
    columns = tuple(Column(field.name, field.type) for field in read.fields)
    return Table(columns, tuple(Slice(s.columns, s.row_filter) for s in found.access.slices), (), iceberg=read)


def _files(call: Call, found: _Found) -> list[Files]:
    table = found.table
    keys = [str(k["Name"]).lower() for k in table.get("PartitionKeys") or ()]
    if not keys:
        return [_files_of(call, found, glue.table_location(table), ())]
    files = []
    for partition in glue.list_partitions(call.tx, table["DatabaseName"], table["Name"]):
        values = [None if v == "__HIVE_DEFAULT_PARTITION__" else str(v) for v in partition["Values"]]
        location = (partition.get("StorageDescriptor") or {}).get("Location")
        files.append(_files_of(call, found, location, tuple(zip(keys, values, strict=True))))
    return files


def _files_of(call: Call, found: _Found, location: str | None, constants: tuple[tuple[str, str | None], ...]) -> Files:
    """The data files under a location. Results that belong to someone else are never among them.

    Where they lie is told to who may read the whole table: names of files and folders may hold values of it.
    """
    if not location:
        return Files((), constants)
    locations.check_readable(call, location, by_iam=found.access.by_iam)
    bucket, prefix = locations.place_of(location)
    objects = [o for o in s3.list_objects(call.tx, bucket, prefix) if _is_data(o) and s3.is_visible(o, call.principal)]
    paths = tuple(str(s3.file_of(call.tx, call.plane, o)) for o in objects)
    if not found.access.is_whole(lakeformation.column_names(found.table)):
        return Files(paths, constants)
    return Files(paths, constants, tuple((f"s3://{bucket}/{o['key']}", int(o["size"])) for o in objects))


def _is_data(document: Document) -> bool:
    name = document["key"].rpartition("/")[2]
    return document["size"] > 0 and bool(name) and not name.startswith(("_", "."))
