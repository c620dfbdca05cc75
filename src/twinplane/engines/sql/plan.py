"""What goes into the SQL engine and what comes out of it: the values that its parts, and its callers, share."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import msgspec


class QueryError(Exception):
    """A statement that is refused, or failed. `code` is one of Athena's; the text may be shown to the user."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


class SyntaxRefused(QueryError):
    """The text is not a statement this engine takes."""

    def __init__(self, message: str) -> None:
        super().__init__("SYNTAX_ERROR", message)


class QueryCancelled(Exception):
    """The query was cancelled while it ran."""


# Which state of an Iceberg table: of a snapshot's id, tag or branch ("VERSION"), or of a time in epoch milliseconds.
At = tuple[Literal["VERSION", "TIMESTAMP"], str]


@dataclass(frozen=True, slots=True)
class TableName:
    """A table as a statement names it, in lower case; `at`: as it was then."""

    database: str
    table: str
    at: At | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """A table of the catalog that a statement names, in lower case. `database` None: the database of the context."""

    database: str | None
    table: str
    at: At | None = None

    def in_database(self, default: str) -> TableName:
        """The table, where `default` is the database of the context."""
        return TableName(self.database or default.lower(), self.table, self.at)


@dataclass(frozen=True, slots=True)
class Column:
    """`type` in Glue's (Hive's) words: bigint, string, decimal(10,2), array<int> …"""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Slice:
    """These columns, in the rows that meet `row_filter` (Athena's dialect; None: in all rows)."""

    columns: tuple[str, ...]
    row_filter: str | None = None


@dataclass(frozen=True, slots=True)
class Files:
    """Data files of a table, or of one partition, whose key values are `constants` (None is null).

    `objects`: the address in S3 and the bytes of each path, for who may read the whole table.
    """

    paths: tuple[str, ...]
    constants: tuple[tuple[str, str | None], ...] = ()
    objects: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class IcebergField:
    """A column of an Iceberg table: data files hold it under `id`, whatever it was called when they were written.

    `default` (a literal's text) is its value in files that were written before it was added.
    """

    id: int
    name: str
    type: str
    default: str | None = None


@dataclass(frozen=True, slots=True)
class EqualityDeletes:
    """Delete files: a row that has the same values in these fields as one of theirs is deleted."""

    paths: tuple[str, ...]
    fields: tuple[IcebergField, ...]


@dataclass(frozen=True, slots=True)
class IcebergFiles:
    """Parquet data files and all delete files that apply to them. `names`: what position deletes call each path."""

    paths: tuple[str, ...]
    names: tuple[str, ...] = ()
    position_deletes: tuple[str, ...] = ()
    equality_deletes: tuple[EqualityDeletes, ...] = ()


@dataclass(frozen=True, slots=True)
class IcebergRead:
    """One snapshot of an Iceberg table.

    `by_name`: no column ever had another name, so names find columns: which the engine does faster, and without field
    ids. `evolved`: columns were added, or changed their types.
    """

    fields: tuple[IcebergField, ...]
    files: tuple[IcebergFiles, ...]
    by_name: bool = False
    evolved: bool = True

    def moved(self, names: Mapping[str, str]) -> "IcebergRead":
        """The same with each file under another name."""

        def renamed(paths: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(names[path] for path in paths)

        return replace(
            self,
            files=tuple(
                IcebergFiles(
                    renamed(f.paths),
                    f.names,
                    renamed(f.position_deletes),
                    tuple(EqualityDeletes(renamed(d.paths), d.fields) for d in f.equality_deletes),
                )
                for f in self.files
            ),
        )


# Rows that are written out: each value as text, None for null, or the pairs of a map.
Value = str | None | tuple[tuple[str, str], ...]
Rows = tuple[tuple[Value, ...], ...]

Format = Literal["parquet", "csv", "json"]


@dataclass(frozen=True, slots=True)
class Table:
    """A table as this person may read it: the union of the cells of `slices`, nothing else.

    `columns` are all columns of the files, hidden ones too (row filters may read them). `options` tells how text files
    are written: delimiter, quote, escape, header. Of an Iceberg table `iceberg` says how to read it; `rows` are those
    of a table that is in no file. Both have no `files`.
    """

    columns: tuple[Column, ...]
    slices: tuple[Slice, ...]
    files: tuple[Files, ...]
    format: Format = "parquet"
    options: tuple[tuple[str, str], ...] = ()
    iceberg: IcebergRead | None = None
    rows: Rows | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """Every file that reading the table opens."""
        found = [path for files in self.files for path in files.paths]
        for group in self.iceberg.files if self.iceberg else ():
            found += [*group.paths, *group.position_deletes]
            found += [path for deletes in group.equality_deletes for path in deletes.paths]
        return tuple(dict.fromkeys(found))

    @property
    def is_located(self) -> bool:
        """Whether its rows can tell of which object in S3 they are."""
        return self.iceberg is None and self.rows is None and all(
            len(f.objects) == len(f.paths) == len(set(f.paths)) for f in self.files
        )  # fmt: skip

    @property
    def visible(self) -> tuple[Column, ...]:
        """The columns that exist for this person."""
        shown = {c for s in self.slices for c in s.columns}
        return tuple(c for c in self.columns if c.name in shown)

    def moved(self, names: Mapping[str, str]) -> "Table":
        """The same table with each of its files under another name."""
        return replace(
            self,
            files=tuple(replace(f, paths=tuple(names[path] for path in f.paths)) for f in self.files),
            iceberg=None if self.iceberg is None else self.iceberg.moved(names),
        )


Tables = Mapping[TableName, Table]


class View(msgspec.Struct, frozen=True):
    """A view: a query in Athena's dialect, and the database that its unqualified tables are in."""

    text: str
    database: str


class Query(msgspec.Struct, frozen=True, tag=True):
    """A statement in Athena's dialect, and every table that it names as its person may read it.

    `views` are those that the statement, or one of them, names; `tables` has the tables that they name too.
    """

    text: str
    database: str
    tables: tuple[tuple[TableName, Table], ...] = ()
    parameters: tuple[str, ...] = ()
    views: tuple[tuple[TableName, View], ...] = ()

    def moved(self, names: Mapping[str, str]) -> "Query":
        """The same query, with each of its tables' files under another name."""
        return msgspec.structs.replace(self, tables=tuple((name, table.moved(names)) for name, table in self.tables))


class Write(msgspec.Struct, frozen=True):
    """How the rows of a query become files, instead of a result.

    `columns`: those of the table they go into, by position, in Glue's types (empty: the query's own names and types);
    `partitions`: DuckDB expressions over them, by name, each combination of whose values gets files of its own, and
    `keep_partitions` whether columns of these names are in the files too. `field_ids`: of Iceberg, by column.
    """

    format: Literal["parquet", "csv", "json"]
    compression: str = ""
    columns: tuple[Column, ...] = ()
    partitions: tuple[tuple[str, str], ...] = ()
    keep_partitions: bool = False
    field_ids: tuple[tuple[str, str], ...] = ()
    delimiter: str = "\x01"
    null: str = "\\N"


class WrittenFile(msgspec.Struct, frozen=True):
    """A file of a write: where it is, its rows, the values of its partition (None is null), statistics of its columns.

    `statistics`: DuckDB's, by column: min, max, null_count, num_values as texts.
    """

    path: str
    rows: int
    size: int
    partition: tuple[tuple[str, str | None], ...] = ()
    statistics: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()


class Source(msgspec.Struct, frozen=True):
    """A view the statement may read: its opaque name, its DuckDB text, and the only files that text may open.

    `quick`: the same rows, for statements of which nothing can fail on a row before the row filter has decided on it.
    `types`: the DuckDB types of its columns.
    """

    name: str
    select: str
    paths: tuple[str, ...]
    quick: str | None = None
    types: tuple[str, ...] = ()


class Plan(msgspec.Struct, frozen=True, tag=True):
    """What the engine runs: generated DuckDB text over opaque views. `display`: the text of a result that is shown.

    `names` are the result's column names, `types` their types in Athena's words: `varchar(3)`, `array(integer)`;
    `stored` and `shown` the DuckDB types of the columns of `sql` and `display`. `untyped`: the places of columns that
    are NULL and nothing else, which have no type of their own.
    """

    sql: str
    sources: tuple[Source, ...] = ()
    names: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    stored: tuple[str, ...] = ()
    untyped: tuple[int, ...] = ()
    display: str = ""
    shown: tuple[str, ...] = ()


class ResultColumn(msgspec.Struct, frozen=True):
    """A column of a result, with Athena's name of its type."""

    name: str
    type: str
    precision: int = 0
    scale: int = 0


class Result(msgspec.Struct, frozen=True):
    """A finished query. `path`: its rows as Athena writes them (CSV, header first); the caller moves or removes it."""

    path: str
    columns: tuple[ResultColumn, ...]
    rows: int
    result_bytes: int
    scanned_bytes: int
    engine_seconds: float
    planning_seconds: float
    types: tuple[str, ...] = ()
    """Of the columns, in Glue's words."""
    files: tuple[WrittenFile, ...] = ()
    """What a write wrote; then `path` is the folder they are in."""


@dataclass(slots=True)
class Names:
    """Numbers for opaque names of one statement."""

    taken: dict[str, int] = field(default_factory=dict)

    def next(self, prefix: str) -> str:
        number = self.taken.get(prefix, 0)
        self.taken[prefix] = number + 1
        return f"{prefix}_{number}"
