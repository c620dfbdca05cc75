"""What is left of a table's description for whoever may see a part of the table only. Pure.

Writers put schemas, counts of rows and values beside the columns too: of these only what tells nothing stays.
"""

from typing import Any

from twinplane.data_plane.store import Document

# Parameters that hold a schema, or count what is in the table.
_TELLING = frozenset((
    "current-schema", "current-snapshot-summary", "current-snapshot-id", "current-snapshot-timestamp-ms",
    "snapshot-count", "default-partition-spec", "default-sort-order", "schema.name-mapping.default",
    "avro.schema.literal", "avro.schema.url", "numrows", "numfiles", "numpartitions", "totalsize", "rawdatasize",
    "recordcount", "objectcount", "sizekey", "averagerecordsize", "column_stats_accurate", "numfileserasurecoded",
))  # fmt: skip
_TELLING_PREFIXES = ("spark.sql.sources.", "spark.sql.statistics.", "parquet.column.", "orc.bloom.filter.columns")
# How text is written, and nothing of what is in it.
_SERDE = frozenset((
    "separatorchar", "quotechar", "escapechar", "field.delim", "line.delim", "escape.delim", "colelction.delim",
    "collection.delim", "mapkey.delim", "serialization.format", "serialization.null.format", "serialization.encoding",
    "timestamp.formats", "ignore.malformed.json", "case.insensitive", "skip.header.line.count",
))  # fmt: skip


def partial(table: Document, visible: frozenset[str]) -> Document:
    """A table's description with these columns, and without what tells of others or of rows."""
    storage, keys = table.get("StorageDescriptor"), table.get("PartitionKeys") or []
    columns = [*((storage or {}).get("Columns") or ()), *keys]
    hidden = {str(column["Name"]).lower() for column in columns} - visible
    kept: Document = {
        **table, "PartitionKeys": [c for c in keys if c["Name"].lower() in visible],
        "Parameters": _parameters(table.get("Parameters") or {}, hidden),
    }  # fmt: skip
    if storage is not None:
        kept["StorageDescriptor"] = _storage(storage, visible, hidden)
    return kept


def _storage(storage: dict[str, Any], visible: frozenset[str], hidden: set[str]) -> dict[str, Any]:
    kept = {member: value for member, value in storage.items() if member != "SkewedInfo"}  # it names values
    kept["Columns"] = [c for c in storage.get("Columns") or () if c["Name"].lower() in visible]
    if storage.get("BucketColumns"):
        kept["BucketColumns"] = [name for name in storage["BucketColumns"] if name.lower() in visible]
    if storage.get("SortColumns"):
        kept["SortColumns"] = [s for s in storage["SortColumns"] if s["Column"].lower() in visible]
    if storage.get("Parameters"):
        kept["Parameters"] = _parameters(storage["Parameters"], hidden)
    serde = storage.get("SerdeInfo")
    if serde and serde.get("Parameters"):
        own = {name: value for name, value in serde["Parameters"].items() if name.lower() in _SERDE}
        kept["SerdeInfo"] = {**serde, "Parameters": own}
    return kept


def _parameters(given: dict[str, str], hidden: set[str]) -> dict[str, str]:
    return {name: value for name, value in given.items() if not _tells(name.lower(), hidden)}


def _tells(name: str, hidden: set[str]) -> bool:
    if name in _TELLING or name.startswith(_TELLING_PREFIXES):
        return True
    return not hidden.isdisjoint(name.split("."))
