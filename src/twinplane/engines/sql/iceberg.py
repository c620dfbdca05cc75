"""A snapshot of an Iceberg table -> the DuckDB text of its rows: columns found by field id, deleted rows left out."""

from collections.abc import Iterable, Sequence

from twinplane.engines.sql.plan import Column, EqualityDeletes, IcebergField, IcebergFiles, IcebergRead
from twinplane.engines.sql.types import literal, quoted, sql_type


def parts(read: IcebergRead) -> list[str]:
    """A query for each group of data files that have the same delete files."""
    return [_part(read, files) for files in read.files if files.paths]


def _part(read: IcebergRead, files: IcebergFiles) -> str:
    deleted = {field.id: field for deletes in files.equality_deletes for field in deletes.fields}
    stored = {field.id: field for field in read.fields} | deleted
    shown = ", ".join(f"{_typed(f)} AS {quoted(f.name)}" for f in read.fields)
    text = f"SELECT {shown} FROM {_reader(read, files.paths, stored.values(), bool(files.position_deletes))} AS d"  # noqa: S608 - of quoted parts
    if files.position_deletes:
        text += f" ANTI JOIN {_positions(files)} AS p ON d.filename = p.path AND d.file_row_number = p.pos"
    for number, deletes in enumerate(files.equality_deletes):
        text += _without_equal(read, deletes, f"e{number}")
    return text


def _typed(field: IcebergField) -> str:
    return f"CAST(d.{_stored(field)} AS {_type(field)})"


def _stored(field: IcebergField) -> str:
    """A field's name inside the text: none of a user's choosing."""
    return f"f{field.id}"


def _type(field: IcebergField) -> str:
    return sql_type(Column(field.name, field.type))


def _reader(read: IcebergRead, paths: Sequence[str], fields: Iterable[IcebergField], places: bool = False) -> str:
    """A relation with a column for each field, and with `places` also with each row's file and number in it."""
    fields = list(fields)
    extra = ", filename = true, file_row_number = true" if places else ""
    if read.by_name:
        shown = ", ".join(f"{quoted(f.name)} AS {_stored(f)}" for f in fields)
        also = ", filename, file_row_number" if places else ""
        source = f"read_parquet({_list(paths)}, hive_partitioning = false{extra})"
        if read.evolved:  # a column may be in no file
            every = ", ".join(f"CAST(NULL AS {_type(f)}) AS {quoted(f.name)}" for f in fields)
            source = f"read_parquet({_list(paths)}, hive_partitioning = false, union_by_name = true{extra})"
            source = f"(SELECT * FROM {source} UNION ALL BY NAME SELECT {every} WHERE false)"  # noqa: S608
        return f"(SELECT {shown}{also} FROM {source})"  # noqa: S608 - of quoted parts
    schema = ", ".join(
        f"{f.id}: {{name: {literal(_stored(f))}, type: {literal(_type(f))}, "
        f"default_value: {'NULL' if f.default is None else literal(f.default)}}}"
        for f in fields
    )
    return f"read_parquet({_list(paths)}, schema = MAP {{{schema}}}, hive_partitioning = false{extra})"


def _positions(files: IcebergFiles) -> str:
    """The rows that position deletes name in these data files: the file's path here, and the row's number in it."""
    names = ", ".join(f"({literal(n)}, {literal(p)})" for n, p in zip(files.names, files.paths, strict=True))
    source = f"read_parquet({_list(files.position_deletes)}, hive_partitioning = false)"
    return f"(SELECT n.path, x.pos FROM {source} AS x JOIN (VALUES {names}) AS n(name, path) ON x.file_path = n.name)"  # noqa: S608


def _without_equal(read: IcebergRead, deletes: EqualityDeletes, name: str) -> str:
    equal = " AND ".join(f"d.{_stored(f)} IS NOT DISTINCT FROM {name}.{_stored(f)}" for f in deletes.fields)
    return f" ANTI JOIN {_reader(read, deletes.paths, deletes.fields)} AS {name} ON {equal}"


def _list(paths: Sequence[str]) -> str:
    return "[" + ", ".join(literal(p) for p in paths) + "]"
