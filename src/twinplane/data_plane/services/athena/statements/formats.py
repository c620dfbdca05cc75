"""How Hive tables are written down: formats, serdes, the paths of partitions. Pure."""

import re
import urllib.parse
from collections.abc import Sequence
from typing import Any

from twinplane.data_plane.store import Document

_IO = "org.apache.hadoop.hive.ql.io."
_TEXT = ("org.apache.hadoop.mapred.TextInputFormat", _IO + "HiveIgnoreKeyTextOutputFormat")
LAZY_SIMPLE = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
JSON = "org.openx.data.jsonserde.JsonSerDe"
# What STORED AS says: the input format, the output format, and the serde unless another is named.
STORED_AS: dict[str, tuple[str, str, str]] = {
    "textfile": (*_TEXT, LAZY_SIMPLE),
    "json": (*_TEXT, JSON),
    "parquet": (
        _IO + "parquet.MapredParquetInputFormat", _IO + "parquet.MapredParquetOutputFormat",
        _IO + "parquet.serde.ParquetHiveSerDe",
    ),
    "orc": (_IO + "orc.OrcInputFormat", _IO + "orc.OrcOutputFormat", _IO + "orc.OrcSerde"),
    "avro": (
        _IO + "avro.AvroContainerInputFormat", _IO + "avro.AvroContainerOutputFormat",
        "org.apache.hadoop.hive.serde2.avro.AvroSerDe",
    ),
    "sequencefile": (
        "org.apache.hadoop.mapred.SequenceFileInputFormat", _IO + "HiveSequenceFileOutputFormat", LAZY_SIMPLE,
    ),
    "rcfile": (
        _IO + "RCFileInputFormat", _IO + "RCFileOutputFormat",
        "org.apache.hadoop.hive.serde2.columnar.LazyBinaryColumnarSerDe",
    ),
}  # fmt: skip

NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
_ESCAPED = re.compile(r"""[\x00-\x1f"#%'*/:=?\\{\[\]^\x7f]""")  # in the path of a partition, as Hive has it


def storage(
    stored_as: Sequence[str], serde: str | None, parameters: dict[str, str], location: str, columns: list[Document]
) -> Document | None:
    """A StorageDescriptor; None where the format is not known. `parameters` are the serde's."""
    if len(stored_as) == 2:
        input_format, output_format, default = stored_as[0], stored_as[1], LAZY_SIMPLE
    elif (stored_as[0] if stored_as else "textfile") in STORED_AS:
        input_format, output_format, default = STORED_AS[stored_as[0] if stored_as else "textfile"]
    else:
        return None
    library = serde or default
    return {
        "Columns": columns, "Location": location, "InputFormat": input_format, "OutputFormat": output_format,
        "Compressed": False, "NumberOfBuckets": -1,
        "SerdeInfo": {"SerializationLibrary": library, "Parameters": {"serialization.format": "1"} | parameters},
        "BucketColumns": [], "SortColumns": [], "Parameters": {}, "SkewedInfo": {}, "StoredAsSubDirectories": False,
    }  # fmt: skip


def partition_path(values: Sequence[tuple[str, str | None]]) -> str:
    """`key=value/key=value`, with what a path cannot hold escaped as Hive does."""
    return "/".join(f"{_escaped(k)}={_escaped(NULL_PARTITION if v in (None, '') else v)}" for k, v in values)


def _escaped(text: str | None) -> str:
    return _ESCAPED.sub(lambda found: f"%{ord(found[0]):02X}", str(text))


def values_of_path(path: str, keys: Sequence[str]) -> list[str] | None:
    """The values of a partition's path below its table; None when it is not one of these keys, in their order."""
    parts = [p for p in path.split("/") if p]
    if len(parts) != len(keys):
        return None
    values = []
    for part, key in zip(parts, keys, strict=True):
        name, equals, value = part.partition("=")
        if not equals or urllib.parse.unquote(name).lower() != key.lower():
            return None
        values.append(urllib.parse.unquote(value))
    return values


def text(value: str) -> str:
    """A text in quotes, as Hive writes it."""
    shown = value.replace("\\", "\\\\").replace("'", "\\'")
    return "'" + "".join(c if c.isprintable() else f"\\u{ord(c):04X}" for c in shown) + "'"


def create_statement(table: Document) -> str:
    """The CREATE TABLE that would make a table. `Columns` and `PartitionKeys` are those to show."""
    if is_iceberg(table):
        return _create_iceberg(table)
    storage_descriptor = table.get("StorageDescriptor") or {}
    serde = storage_descriptor.get("SerdeInfo") or {}
    lines = [f"CREATE EXTERNAL TABLE `{table['DatabaseName']}.{table['Name']}`(", _columns(table["Columns"])]
    if (table.get("Parameters") or {}).get("comment"):
        lines.append(f"COMMENT {text(table['Parameters']['comment'])}")
    if table["PartitionKeys"]:
        lines += ["PARTITIONED BY ( ", _columns(table["PartitionKeys"])]
    lines += ["ROW FORMAT SERDE ", f"  {text(str(serde.get('SerializationLibrary') or ''))} "]
    parameters = {k: v for k, v in (serde.get("Parameters") or {}).items() if k != "serialization.format"}
    if parameters:
        lines += ["WITH SERDEPROPERTIES ( ", _properties(parameters) + " "]
    lines += ["STORED AS INPUTFORMAT ", f"  {text(str(storage_descriptor.get('InputFormat') or ''))} "]
    lines += ["OUTPUTFORMAT ", f"  {text(str(storage_descriptor.get('OutputFormat') or ''))}"]
    lines += ["LOCATION", f"  {text(str(storage_descriptor.get('Location') or ''))}"]
    shown = {k: v for k, v in (table.get("Parameters") or {}).items() if k not in ("EXTERNAL", "comment")}
    lines += ["TBLPROPERTIES (", _properties(shown)]
    return "\n".join(lines)


def _create_iceberg(table: Document) -> str:
    lines = [f"CREATE TABLE {table['DatabaseName']}.{table['Name']} (", _columns(table["Columns"], quote="")]
    lines += [f"LOCATION {text(str((table.get('StorageDescriptor') or {}).get('Location') or ''))}", "TBLPROPERTIES ("]
    hidden = ("metadata_location", "previous_metadata_location", "EXTERNAL")
    shown = {k: v for k, v in (table.get("Parameters") or {}).items() if k not in hidden}
    return "\n".join([*lines, _properties(shown | {"table_type": "iceberg"})])


def is_iceberg(table: Document) -> bool:
    return str((table.get("Parameters") or {}).get("table_type") or "").upper() == "ICEBERG"


def _columns(columns: Sequence[dict[str, Any]], quote: str = "`") -> str:
    shown = []
    for column in columns:
        comment = f" COMMENT {text(column['Comment'])}" if column.get("Comment") else ""
        shown.append(f"  {quote}{column['Name']}{quote} {column.get('Type') or 'string'}{comment}")
    return ", \n".join(shown) + ")"


def _properties(properties: dict[str, str]) -> str:
    return ", \n".join(f"  {text(k)}={text(v)}" for k, v in sorted(properties.items())) + ")"
