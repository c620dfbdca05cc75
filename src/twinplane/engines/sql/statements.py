"""What a text asks for, as values: one class for each kind of statement of Athena. Names are in lower case.

The reader process makes them of a text (`classify`); the server decides on them and never reads the text itself.
Queries inside of a statement stay texts in Athena's dialect, which pass `statement.parse` when they are run. Statements
that change rows of an Iceberg table come as queries too: those that give the rows the table has afterwards.
"""

import msgspec

from twinplane.engines.sql.plan import Reference

Properties = tuple[tuple[str, str], ...]
"""Names and values of properties, as written; names in lower case."""


class ColumnDefinition(msgspec.Struct, frozen=True):
    """A column as a definition names it: the type in Hive's words."""

    name: str
    type: str
    comment: str | None = None


class PartitionField(msgspec.Struct, frozen=True):
    """A field of an Iceberg table's partitioning: `transform` of `column` (identity, year, bucket[8] …)."""

    column: str
    transform: str = "identity"


class Select(msgspec.Struct, frozen=True, tag=True):
    """A query."""

    references: tuple[Reference, ...]


class Explain(msgspec.Struct, frozen=True, tag=True):
    """EXPLAIN of a query. `lines` is the plan, made of the text alone; `validate`: only whether it can be run."""

    query: str
    references: tuple[Reference, ...]
    lines: tuple[str, ...] = ()
    validate: bool = False


# The catalog


class CreateDatabase(msgspec.Struct, frozen=True, tag=True):
    name: str
    if_not_exists: bool = False
    comment: str | None = None
    location: str | None = None
    properties: Properties = ()


class DropDatabase(msgspec.Struct, frozen=True, tag=True):
    name: str
    if_exists: bool = False
    cascade: bool = False


class AlterDatabase(msgspec.Struct, frozen=True, tag=True):
    """ALTER DATABASE … SET DBPROPERTIES."""

    name: str
    properties: Properties


class CreateTable(msgspec.Struct, frozen=True, tag=True):
    """CREATE [EXTERNAL] TABLE. `stored_as` is a name of a format, or (input format, output format)."""

    target: Reference
    columns: tuple[ColumnDefinition, ...]
    external: bool = False
    if_not_exists: bool = False
    comment: str | None = None
    partitions: tuple[ColumnDefinition, ...] = ()
    fields: tuple[PartitionField, ...] = ()
    clustered: tuple[str, ...] = ()
    buckets: int = 0
    serde: str | None = None
    serde_properties: Properties = ()
    delimiters: Properties = ()
    stored_as: tuple[str, ...] = ()
    location: str | None = None
    properties: Properties = ()


class DropTable(msgspec.Struct, frozen=True, tag=True):
    target: Reference
    if_exists: bool = False
    view: bool = False


class CreateView(msgspec.Struct, frozen=True, tag=True):
    """CREATE VIEW. `columns` are new names for the query's own, if any are given."""

    target: Reference
    query: str
    references: tuple[Reference, ...]
    replace: bool = False
    columns: tuple[str, ...] = ()
    comment: str | None = None


class Show(msgspec.Struct, frozen=True, tag=True):
    """SHOW and DESCRIBE: `what` is Athena's name of the statement. `pattern` is Hive's, on names."""

    what: str
    database: str | None = None
    table: str | None = None
    pattern: str | None = None
    property: str | None = None
    extended: bool = False
    formatted: bool = False
    partition: Properties = ()
    column: str | None = None


class Partition(msgspec.Struct, frozen=True):
    """A partition as a statement names it: its keys and values, and where it lies if that is said."""

    values: Properties
    location: str | None = None


class AddPartitions(msgspec.Struct, frozen=True, tag=True):
    target: Reference
    partitions: tuple[Partition, ...]
    if_not_exists: bool = False


class DropPartitions(msgspec.Struct, frozen=True, tag=True):
    """Each of `conditions` is one PARTITION (…): (key, operator, value), all of which must hold."""

    target: Reference
    conditions: tuple[tuple[tuple[str, str, str], ...], ...]
    if_exists: bool = False


class RenamePartition(msgspec.Struct, frozen=True, tag=True):
    target: Reference
    old: Properties
    new: Properties


class SetLocation(msgspec.Struct, frozen=True, tag=True):
    target: Reference
    location: str
    partition: Properties = ()


class AlterColumns(msgspec.Struct, frozen=True, tag=True):
    """ADD COLUMNS, REPLACE COLUMNS, DROP COLUMN (`old`), CHANGE COLUMN (`old` to the one of `columns`).

    `place`: "first", or the column behind which a changed column goes.
    """

    target: Reference
    action: str
    columns: tuple[ColumnDefinition, ...] = ()
    old: str | None = None
    place: str | None = None
    partition: Properties = ()


class SetProperties(msgspec.Struct, frozen=True, tag=True):
    target: Reference
    properties: Properties = ()
    removed: tuple[str, ...] = ()


class RepairTable(msgspec.Struct, frozen=True, tag=True):
    target: Reference


# Rows


class CreateTableAs(msgspec.Struct, frozen=True, tag=True):
    """CREATE TABLE … AS. Values of properties are texts; those that are arrays are in `lists`."""

    target: Reference
    query: str
    references: tuple[Reference, ...]
    if_not_exists: bool = False
    with_data: bool = True
    properties: Properties = ()
    lists: tuple[tuple[str, tuple[str, ...]], ...] = ()


class Insert(msgspec.Struct, frozen=True, tag=True):
    target: Reference
    query: str
    references: tuple[Reference, ...]
    columns: tuple[str, ...] = ()


class Unload(msgspec.Struct, frozen=True, tag=True):
    query: str
    references: tuple[Reference, ...]
    location: str
    properties: Properties = ()
    lists: tuple[tuple[str, tuple[str, ...]], ...] = ()


class Assignment(msgspec.Struct, frozen=True):
    """A column and the expression that gives its new value, in Athena's dialect."""

    column: str
    value: str


class Change(msgspec.Struct, frozen=True, tag=True):
    """DELETE (no assignments) or UPDATE of the rows of `target` that meet `condition` (None: all).

    `alias`: what the condition and the values call the table. `references` include the target.
    """

    target: Reference
    alias: str
    references: tuple[Reference, ...]
    condition: str | None = None
    assignments: tuple[Assignment, ...] = ()


class Branch(msgspec.Struct, frozen=True):
    """One WHEN of a MERGE: what is done (`delete`, `update`, `insert`) with rows that match or do not."""

    matched: bool
    action: str
    condition: str | None = None
    assignments: tuple[Assignment, ...] = ()


class Merge(msgspec.Struct, frozen=True, tag=True):
    """MERGE INTO. `source` is the text of USING with its alias; `references` include the target."""

    target: Reference
    alias: str
    source: str
    source_alias: str
    condition: str
    branches: tuple[Branch, ...]
    references: tuple[Reference, ...]


class Optimize(msgspec.Struct, frozen=True, tag=True):
    """OPTIMIZE … REWRITE DATA USING BIN_PACK. `condition` is on partition columns."""

    target: Reference
    condition: str | None = None


class Vacuum(msgspec.Struct, frozen=True, tag=True):
    target: Reference


class Prepare(msgspec.Struct, frozen=True, tag=True):
    """PREPARE: `text` is one of `PREPARABLE`, with `?` for what EXECUTE gives."""

    name: str
    text: str


class Execute(msgspec.Struct, frozen=True, tag=True):
    """EXECUTE: `parameters` are literals as written."""

    name: str
    parameters: tuple[str, ...] = ()


class Deallocate(msgspec.Struct, frozen=True, tag=True):
    name: str


PREPARABLE = (Select, Insert, CreateTableAs, Unload)

Statement = (
    Select | Explain | CreateDatabase | DropDatabase | AlterDatabase | CreateTable | DropTable | CreateView | Show
    | AddPartitions | DropPartitions | RenamePartition | SetLocation | AlterColumns | SetProperties | RepairTable
    | CreateTableAs | Insert | Unload | Change | Merge | Optimize | Vacuum | Prepare | Execute
    | Deallocate
)  # fmt: skip


def references(statement: Statement) -> tuple[Reference, ...]:
    """The tables whose rows the statement reads."""
    found: tuple[Reference, ...] = getattr(statement, "references", ())
    return found


def kind_of(statement: Statement) -> tuple[str, str]:
    """Athena's StatementType and SubstatementType."""
    match statement:
        case Select():
            return "DML", "SELECT"
        case Explain():
            return "UTILITY", "EXPLAIN"
        case Show(what=what):
            return "UTILITY", what
        case Prepare():
            return "UTILITY", "PREPARE"
        case Execute():
            return "UTILITY", "EXECUTE"
        case Deallocate():
            return "UTILITY", "DEALLOCATE"
        case DropTable(view=True):
            return "DDL", "DROP_VIEW"
        case Insert():
            return "DML", "INSERT"
        case Unload():
            return "DML", "UNLOAD"
        case Change(assignments=()):
            return "DML", "DELETE"
        case Change():
            return "DML", "UPDATE"
        case Merge():
            return "DML", "MERGE"
        case AlterColumns(action=action):
            return "DDL", f"ALTER_TABLE_{action.upper()}"
        case _:
            return "DDL", _DDL[type(statement)]


_DDL: dict[type, str] = {
    CreateDatabase: "CREATE_DATABASE", DropDatabase: "DROP_DATABASE", AlterDatabase: "ALTER_DATABASE",
    CreateTable: "CREATE_TABLE", DropTable: "DROP_TABLE", CreateView: "CREATE_VIEW",
    AddPartitions: "ALTER_TABLE_ADD_PARTITION", DropPartitions: "ALTER_TABLE_DROP_PARTITION",
    RenamePartition: "ALTER_TABLE_RENAME_PARTITION", SetLocation: "ALTER_TABLE_SET_LOCATION",
    SetProperties: "ALTER_TABLE_SET_TBLPROPERTIES", RepairTable: "MSCK_REPAIR_TABLE",
    CreateTableAs: "CREATE_TABLE_AS_SELECT", Optimize: "OPTIMIZE", Vacuum: "VACUUM",
}  # fmt: skip
