"""A few random tables, what a person may read of each, and a copy of each that holds nothing else.

Values are such that sums do not depend on the order of rows. Hidden values are as common as visible ones, and some
values (`HIDDEN_MARK`) are only ever in cells that the person may not read.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import duckdb

from twinplane.engines.sql.plan import Column, Files, Slice, Table, TableName

DATABASE = "sales"
HIDDEN_MARK = 777_777

# what a statement calls a type: (Glue's word, DuckDB's word)
TYPES = {
    "bigint": ("bigint", "BIGINT"),
    "int": ("int", "INTEGER"),
    "double": ("double", "DOUBLE"),
    "decimal": ("decimal(10,2)", "DECIMAL(10,2)"),
    "varchar": ("string", "VARCHAR"),
    "boolean": ("boolean", "BOOLEAN"),
    "date": ("date", "DATE"),
    "timestamp": ("timestamp", "TIMESTAMP"),
    "texts": ("array<string>", "VARCHAR[]"),
    "numbers": ("array<bigint>", "BIGINT[]"),
    "map": ("map<string,bigint>", "MAP(VARCHAR, BIGINT)"),
    "row": ("struct<a:bigint,b:string>", "STRUCT(a BIGINT, b VARCHAR)"),
}
WORDS = ("EU", "US", "", "a", "Ab", "a,b", "x y", "7", "2020-01-05", "é", '{"a": 1}', "%")


@dataclass(frozen=True)
class World:
    """`governed`: the tables under their policies; `cut`: copies without what the policies hide.

    `everything`: the tables as somebody sees them who may read all.
    """

    governed: dict[TableName, Table]
    cut: dict[TableName, Table]
    columns: dict[str, dict[str, str]]  # table -> visible column -> type
    hidden: dict[str, list[str]]  # table -> columns that no slice shows
    everything: dict[TableName, Table]
    marked: list[tuple[str, str]]  # tables and visible columns with `HIDDEN_MARK` in hidden cells


def make(random: Random, folder: Path) -> World:
    """A new world, its files below `folder`."""
    world = World({}, {}, {}, {}, {}, [])
    with duckdb.connect() as connection:
        for number in range(random.randint(1, 3)):
            _add_table(world, random, connection, folder, f"t{number}")
    return world


def _add_table(world: World, random: Random, connection: Any, folder: Path, name: str) -> None:
    types = {"k": "bigint"} | {
        f"c{n}_{t}": t for n, t in enumerate(random.choices(list(TYPES), k=random.randint(3, 8)))
    }
    types |= {"part": "varchar"} if random.random() < 0.3 else {}
    columns = tuple(Column(c, TYPES[t][0]) for c, t in types.items())
    slices = _slices(random, types)
    connection.execute(f"CREATE TABLE {name} ({', '.join(f'{c} {TYPES[t][1]}' for c, t in types.items())})")
    rows = [_row(random, types, number) for number in range(random.choice((0, 1, 7, 25, 60)))]
    if rows:
        connection.execute(f"INSERT INTO {name} VALUES {', '.join(rows)}")
    marked = _mark_hidden(connection, name, types, slices)
    world.marked.extend((name, column) for column in marked if any(column in s.columns for s in slices))
    governed = Table(columns, slices, tuple(_write(random, connection, folder, name, types)))
    key = TableName(DATABASE, name)
    world.governed[key] = governed
    world.everything[key] = replace(governed, slices=(Slice(tuple(types)),))
    shown = [c for c in types if any(c in s.columns for s in slices)]
    cut = folder / f"{name}-cut.parquet"
    connection.execute(f"COPY ({_cut(name, shown, slices)}) TO '{cut}' (FORMAT parquet)")
    world.cut[key] = Table(tuple(c for c in columns if c.name in shown), (Slice(tuple(shown)),), (Files((str(cut),)),))
    world.columns[name] = {c: types[c] for c in shown}
    world.hidden[name] = [c for c in types if c not in shown]


def _slices(random: Random, types: dict[str, str]) -> tuple[Slice, ...]:
    slices = []
    for _ in range(random.choice((1, 1, 2, 3))):
        columns = tuple(c for c in types if random.random() < 0.75) or ("k",)
        slices.append(Slice(columns, None if random.random() < 0.15 else condition(random, types)))
    return tuple(slices)


def condition(random: Random, types: dict[str, str], depth: int = 2) -> str:
    """A row filter that reads the same in Athena's dialect and in DuckDB's."""
    if depth and random.random() < 0.4:
        left, right = (condition(random, types, depth - 1) for _ in range(2))
        return random.choice((f"({left} AND {right})", f"{left} OR {right}", f"NOT ({left})"))
    column, type_ = random.choice([(c, t) for c, t in types.items() if t in _FILTERS])
    return random.choice(_FILTERS[type_]).format(column)


_FILTERS = {
    "bigint": ("{0} % 2 = 0", "{0} < 9", "{0} IN (1, 2, 3, 5, 8)", "{0} IS NOT NULL", "{0} BETWEEN 2 AND 14"),
    "int": ("{0} >= 3", "{0} IS NULL", "{0} <> 4"),
    "double": ("{0} < 1.5", "{0} IS NOT NULL"),
    "decimal": ("{0} > 1.25", "{0} IS NULL"),
    "varchar": (
        "{0} = 'EU'",
        "{0} LIKE '%a%'",
        "upper({0}) IN ('EU', 'AB')",
        "{0} < 'a'",
        "length({0}) = 2",
        "{0} IS NULL",
    ),
    "boolean": ("{0}", "NOT {0}", "{0} IS NULL"),
    "date": ("{0} > date '2020-01-04'", "{0} IS NULL"),
    "timestamp": ("{0} <= timestamp '2021-01-01 05:00:00'",),
}


def _row(random: Random, types: dict[str, str], number: int) -> str:
    values = (str(number) if c == "k" else _value(random, t, nulls=c != "part") for c, t in types.items())
    return f"({', '.join(values)})"


def _value(random: Random, type_: str, *, nulls: bool = True) -> str:
    if nulls and random.random() < 0.15:
        return "NULL"
    match type_:
        case "bigint" | "int":
            return str(random.randint(-3, 9))
        case "double":
            return f"CAST({random.randint(-8, 8) / 4} AS DOUBLE)"
        case "decimal":
            return f"{random.randint(-8, 8) / 4:.2f}"
        case "varchar":
            return text(random.choice(WORDS))
        case "boolean":
            return random.choice(("true", "false"))
        case "date":
            return f"date '2020-01-0{random.randint(1, 9)}'"
        case "timestamp":
            return f"timestamp '2021-01-01 0{random.randint(0, 9)}:30:00'"
        case "texts" | "numbers":
            inner = "varchar" if type_ == "texts" else "bigint"
            items = ", ".join(_value(random, inner) for _ in range(random.randint(0, 3)))
            return f"CAST([{items}] AS {TYPES[type_][1]})"
        case "map":
            keys = random.sample(("a", "b", "c"), random.randint(0, 3))
            return f"CAST(map {{{', '.join(f'{text(k)}: {random.randint(0, 9)}' for k in keys)}}} AS {TYPES['map'][1]})"
        case _:
            return f"{{'a': {random.randint(0, 9)}, 'b': {text(random.choice(WORDS))}}}"


def text(value: str) -> str:
    """A string literal."""
    return "'" + value.replace("'", "''") + "'"


def _shown(slices: tuple[Slice, ...], column: str | None = None) -> str:
    """Where a row (or a column of it) is visible, in DuckDB's words."""
    filters = [s.row_filter for s in slices if column is None or column in s.columns]
    return " OR ".join("true" if f is None else f"coalesce(({f}), false)" for f in filters) or "false"


def _cut(name: str, shown: list[str], slices: tuple[Slice, ...]) -> str:
    cells = ", ".join(f"CASE WHEN {_shown(slices, c)} THEN {c} END AS {c}" for c in shown)
    return f"SELECT {cells} FROM {name} WHERE {_shown(slices)}"


def _mark_hidden(connection: Any, name: str, types: dict[str, str], slices: tuple[Slice, ...]) -> list[str]:
    """Numbers that no filter reads, in cells that nobody sees, become `HIDDEN_MARK`; the columns that have some."""
    read, marked = " ".join(s.row_filter or "" for s in slices), []
    for column, type_ in types.items():
        if type_ in ("bigint", "int") and column not in read:
            hidden = f"NOT ({_shown(slices, column)})"
            (count,) = connection.execute(f"UPDATE {name} SET {column} = {HIDDEN_MARK} WHERE {hidden}").fetchone()
            marked += [column] if count else []
    return marked


def _write(random: Random, connection: Any, folder: Path, name: str, types: dict[str, str]) -> list[Files]:
    stored = ", ".join(c for c in types if c != "part")
    pieces: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
    if "part" in types:
        values = connection.execute(f"SELECT DISTINCT part FROM {name} ORDER BY part").fetchall()
        pieces = [(f"part = {text(value)}", (("part", value),)) for (value,) in values]
    else:
        parts = random.randint(1, 3)
        pieces = [(f"rowid % {parts} = {n}", ()) for n in range(parts)]
    files = []
    for number, (where, constants) in enumerate(pieces):
        path = folder / f"{name}-{number}.parquet"
        connection.execute(f"COPY (SELECT {stored} FROM {name} WHERE {where}) TO '{path}' (FORMAT parquet)")
        files.append(Files((str(path),), constants))
    return files or [Files(())]
