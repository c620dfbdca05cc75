"""A table's data files -> the DuckDB text of their rows, with the columns and types that the catalog declares."""

import json
from collections.abc import Sequence

from twinplane.engines.sql import iceberg
from twinplane.engines.sql.plan import Column, Files, Rows, Table, Value
from twinplane.engines.sql.types import literal, quoted, sql_type


def rows(table: Table, *, located: bool = False) -> str:
    """All rows and columns of the files, with the types the catalog declares.

    `located`: and with the columns `$path` and `$file_size` of the object in S3 that each row is of.
    """
    if table.rows:
        parts = [_written(table, table.rows)]
    elif table.iceberg is not None:
        parts = iceberg.parts(table.iceberg)
    else:
        parts = [_part(table, files, located=located) for files in table.files if files.paths]
    if not parts:
        every = (*table.columns, *(LOCATION if located else ()))
        nothing = ", ".join(f"CAST(NULL AS {sql_type(c)}) AS {quoted(c.name)}" for c in every)
        return f"SELECT {nothing} WHERE false"
    return " UNION ALL ".join(parts)


def _written(table: Table, rows: Rows) -> str:
    """Rows that are in no file: one literal for all of them, which is read many times faster than one for each."""
    shown = ", ".join(f"{_from_text(c, number)} AS {quoted(c.name)}" for number, c in enumerate(table.columns, 1))
    text = json.dumps([[_value(value) for value in row] for row in rows])
    return f"SELECT {shown} FROM (SELECT unnest(CAST({literal(text)}::JSON AS VARCHAR[][])) AS r)"  # noqa: S608 - of quoted parts


def _value(value: Value) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(dict(value))


def _from_text(column: Column, number: int) -> str:
    """A column of rows that are written out, where `number` is its place in them; a map is JSON there."""
    value = f"r[{number}]" if not column.type.startswith("map<") else f"r[{number}]::JSON"
    return f"CAST({value} AS {sql_type(column)})"


LOCATION = (Column("$path", "string"), Column("$file_size", "bigint"))


def _part(table: Table, files: Files, *, located: bool) -> str:
    constants = dict(files.constants)
    cast = "CAST" if table.format == "parquet" else "TRY_CAST"
    shown = []
    for column in table.columns:
        if column.name in constants:
            value = constants[column.name]
            shown.append(f"CAST({'NULL' if value is None else literal(value)} AS {sql_type(column)})")
        else:
            shown.append(f"{cast}({quoted(column.name)} AS {sql_type(column)})")
        shown[-1] += f" AS {quoted(column.name)}"
    stored = [c for c in table.columns if c.name not in constants]
    if not located:
        return f"SELECT {', '.join(shown)} FROM {_reader(table, files, stored)}"  # noqa: S608 - of quoted parts
    names = ", ".join(
        f"({literal(path)}, {literal(address)}, {size})"
        for path, (address, size) in zip(files.paths, files.objects, strict=True)
    )
    shown += ['o."$address" AS "$path"', 'CAST(o."$size" AS BIGINT) AS "$file_size"']
    source = _reader(table, files, stored).removesuffix(")") + ", filename = '$file')"
    return (
        f"SELECT {', '.join(shown)} FROM {source} AS f "  # noqa: S608 - of quoted parts
        f'JOIN (VALUES {names}) AS o("$name", "$address", "$size") ON f."$file" = o."$name"'
    )


def _reader(table: Table, files: Files, stored: Sequence[Column]) -> str:
    paths = "[" + ", ".join(literal(p) for p in files.paths) + "]"
    if table.format == "parquet":
        return f"read_parquet({paths}, hive_partitioning = false)"
    if table.format == "json":
        columns = ", ".join(f"{literal(c.name)}: {literal(sql_type(c))}" for c in stored)
        return f"read_json({paths}, format = 'newline_delimited', columns = {{{columns}}}, hive_partitioning = false)"
    columns = ", ".join(f"{literal(c.name)}: 'VARCHAR'" for c in stored)
    options = "".join(f", {name} = {_option(value)}" for name, value in table.options)
    return (
        f"read_csv({paths}, auto_detect = false, columns = {{{columns}}}, null_padding = true, "
        f"hive_partitioning = false{options})"
    )


def _option(value: str) -> str:
    return value if value in ("true", "false") else literal(value)
