"""What Glue's documents name."""

from twinplane.data_plane.references import Reference
from twinplane.data_plane.services.glue.store import (
    DATABASES,
    FUNCTIONS,
    INDEXES,
    PARTITIONS,
    STATISTICS,
    TABLE_VERSIONS,
    TABLES,
)

REFERENCES = [
    Reference(TABLES, DATABASES, ("DatabaseName",)),
    Reference(TABLE_VERSIONS, TABLES, ("DatabaseName", "Name")),
    Reference(PARTITIONS, TABLES, ("DatabaseName", "TableName")),
    Reference(INDEXES, TABLES, ("DatabaseName", "TableName")),
    Reference(STATISTICS, TABLES, ("DatabaseName", "TableName")),
    Reference(FUNCTIONS, DATABASES, ("DatabaseName",)),
]
