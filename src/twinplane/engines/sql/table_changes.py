"""New and changed metadata of Iceberg tables, as the Iceberg REST catalog is asked for it."""

from pydantic import TypeAdapter
from pyiceberg.catalog.rest import CreateTableRequest
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC
from pyiceberg.table.metadata import TableMetadata, TableMetadataUtil, new_table_metadata
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER
from pyiceberg.table.update import TableRequirement, TableUpdate, update_table_metadata
from pyiceberg.types import (
    DecimalType,
    FixedType,
    IcebergType,
    ListType,
    MapType,
    NestedField,
    StructType,
)

from twinplane.engines.sql.manifest_messages import CatalogColumn, ChangeTable, NewTable, ReadTable, TableText
from twinplane.engines.sql.metadata_text import Refused, text_of

_REQUIREMENTS = TypeAdapter(tuple[TableRequirement, ...])
_UPDATES = TypeAdapter(tuple[TableUpdate, ...])
_LONGEST = 300

_TYPES = {"long": "bigint", "time": "string", "timestamptz": "timestamp", "uuid": "string"}


def answer(request: ReadTable | NewTable | ChangeTable) -> TableText:
    """The metadata that is asked for. Raises `Refused`, and anything where stored metadata cannot be read."""
    if isinstance(request, ReadTable):
        text = text_of(request.body)
        return described(TableMetadataUtil.parse_raw(text), text)
    found = _new(request) if isinstance(request, NewTable) else _changed(request)
    return described(found, found.model_dump_json())


def _new(request: NewTable) -> TableMetadata:
    try:
        given = CreateTableRequest.model_validate_json(request.request)
        return new_table_metadata(
            location=request.location, schema=given.table_schema,
            partition_spec=given.partition_spec or UNPARTITIONED_PARTITION_SPEC,
            sort_order=given.write_order or UNSORTED_SORT_ORDER, properties=dict(given.properties),
        )  # fmt: skip
    except (ValueError, TypeError, NotImplementedError, RecursionError) as error:
        raise _refused(error) from None


def _changed(request: ChangeTable) -> TableMetadata:
    base = TableMetadataUtil.parse_raw(text_of(request.body))
    try:
        requirements = _REQUIREMENTS.validate_json(request.requirements)
        updates = _UPDATES.validate_json(request.updates)
        for requirement in requirements:
            requirement.validate(base)
        return update_table_metadata(base, updates, enforce_validation=True, metadata_location=request.location)
    except CommitFailedException as error:
        raise Refused("CommitFailedException", str(error)[:_LONGEST]) from None
    except (ValueError, TypeError, NotImplementedError, RecursionError) as error:
        raise _refused(error) from None


def _refused(error: Exception) -> Refused:
    return Refused("InvalidInputException", str(error).split("\n")[0][:_LONGEST] or "The request cannot be read")


def described(found: TableMetadata, text: str) -> TableText:
    """Metadata, and what the catalog keeps of it.

    Columns that the table had and has no more are described too, as writers through the Glue API do."""
    columns: dict[str, CatalogColumn] = {}
    for schema in (found.schema(), *found.schemas):
        for field in schema.fields:
            name = field.name.lower()
            if name not in columns:
                columns[name] = _column(field, name, schema.schema_id == found.current_schema_id)
    return TableText(text, found.location, tuple(columns.values()), dict(found.properties))


def _column(field: NestedField, name: str, is_current: bool) -> CatalogColumn:
    return CatalogColumn(name, _type(field.field_type), field.field_id, not field.required, is_current, field.doc)


def _type(kind: IcebergType) -> str:
    """A type in Glue's words."""
    if isinstance(kind, StructType):
        return f"struct<{','.join(f'{f.name}:{_type(f.field_type)}' for f in kind.fields)}>"
    if isinstance(kind, ListType):
        return f"array<{_type(kind.element_type)}>"
    if isinstance(kind, MapType):
        return f"map<{_type(kind.key_type)},{_type(kind.value_type)}>"
    if isinstance(kind, DecimalType):
        return f"decimal({kind.precision},{kind.scale})"
    if isinstance(kind, FixedType):
        return "binary"
    return _TYPES.get(str(kind), str(kind))
