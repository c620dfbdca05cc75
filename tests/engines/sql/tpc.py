"""TPC-H and TPC-DS at the smallest scale: tables as files, statements, and what they must answer."""

import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb

from twinplane.engines.sql import result
from twinplane.engines.sql.plan import Column, Files, Slice, Table, TableName, Tables

SCALE = 0.01

# Athena refuses what DuckDB's texts of these statements rely on: a GROUP BY of an alias, a date compared with a text,
# a date and a number of days.
CORRECTIONS: dict[tuple[str, int], tuple[tuple[str, str], ...]] = {
    ("tpch", 15): (("GROUP BY\n        supplier_no", "GROUP BY\n        l_suppkey"),),
    ("tpcds", 16): (("'2002-02-01'", "date '2002-02-01'"),),
    ("tpcds", 32): (("'2000-01-27'", "date '2000-01-27'"),),
    ("tpcds", 58): (("'2000-01-03'", "date '2000-01-03'"),),
    ("tpcds", 72): (("d1.d_date + 5", "d1.d_date + interval '5' day"),),
    ("tpcds", 83): tuple((f"'{day}'", f"date '{day}'") for day in ("2000-06-30", "2000-09-27", "2000-11-17")),
    ("tpcds", 92): (("'2000-01-27'", "date '2000-01-27'"),),
    ("tpcds", 94): (("'1999-02-01'", "date '1999-02-01'"),),
    ("tpcds", 95): (("'1999-02-01'", "date '1999-02-01'"),),
}

# A quotient of a decimal(…,2) and a whole number has two digits in Athena, before it is summed up.
SPELLED_OUT = {("tpcds", 66): ((r"sum\((\w+/w_warehouse_sq_ft)\)", r"sum(round(\1, 2))"),)}


@dataclass(frozen=True)
class Suite:
    """A benchmark's data: `native` holds it too, for what DuckDB itself answers."""

    name: str
    native: Any
    tables: Tables

    def statement(self, number: int) -> str:
        """A statement of the suite, corrected where Athena would refuse it."""
        (text,) = self.native.execute(f"SELECT query FROM {self.name}_queries() WHERE query_nr = {number}").fetchone()
        for old, new in CORRECTIONS.get((self.name, number), ()):
            plain = text.replace(f"cast({old} as date)", f"cast({new} as date)").replace(new, old)
            assert old in plain, (number, old, text)
            text = plain.replace(old, new)
        return str(text).rstrip().rstrip(";")

    def published(self, number: int) -> list[list[str]]:
        """The published answer of a statement of TPC-H, at this scale."""
        (text,) = self.native.execute(
            f"SELECT answer FROM tpch_answers() WHERE query_nr = {number} AND scale_factor = {SCALE}"
        ).fetchone()
        return [line.split("|") for line in text.removesuffix("\n").split("\n")[1:]]

    def native_rows(self, number: int) -> list[list[str | None]]:
        """DuckDB's own answer; where it differs by Athena's rules of decimals, of a text that spells these out."""
        text = self.statement(number)
        for pattern, new in SPELLED_OUT.get((self.name, number), ()):
            text = re.sub(pattern, new, text)
        return [list(map(result.text, row)) for row in self.native.execute(text).fetchall()]


def suite(name: str, folder: Path) -> Suite:
    """Makes the data of `tpch` or `tpcds` below a folder."""
    native = duckdb.connect(config={"threads": 2})
    native.execute(f"LOAD '{_extension(name)}'")
    native.execute(f"CALL {'dbgen' if name == 'tpch' else 'dsdgen'}(sf = {SCALE})")
    tables = {}
    for (table,) in native.execute("SELECT table_name FROM duckdb_tables()").fetchall():
        path = folder / table
        native.execute(f"COPY {table} TO '{path}' (FORMAT parquet)")
        described = native.execute(f"DESCRIBE {table}").fetchall()
        columns = tuple(Column(column, _hive(type_)) for column, type_, *_ in described)
        tables[TableName("sales", table)] = Table(
            columns, (Slice(tuple(c.name for c in columns)),), (Files((str(path),)),)
        )
    return Suite(name, native, tables)


def _extension(name: str) -> Path:
    found = find_spec(f"duckdb_extension_{name}")
    assert found is not None, f"duckdb-extension-{name} is not installed"
    assert found.submodule_search_locations
    return next(Path(found.submodule_search_locations[0]).rglob(f"{name}.duckdb_extension"))


def _hive(type_: str) -> str:
    return {"INTEGER": "int", "VARCHAR": "string"}.get(type_, type_.lower())


def alike(found: str | None, wanted: Any) -> bool:
    """Whether a value is the one wanted; where it is a number, as far as its own digits and a double's go."""
    if found is None or wanted is None or wanted == "NULL":
        return found is None and wanted in (None, "NULL", "")
    if found == str(wanted):
        return True
    try:
        a, b = float(found), float(wanted)
    except ValueError:
        return False
    digits = len(found.partition(".")[2]) if "E" not in found else 15
    return abs(a - b) <= 0.5001 * 10**-digits + 1e-9 * abs(b)


def same_rows(found: list[list[str | None]], wanted: list[list[Any]]) -> bool:
    """Whether both hold the same rows, in whatever order."""
    if len(found) != len(wanted):
        return False
    if all(len(f) == len(w) and all(map(alike, f, w)) for f, w in zip(found, wanted, strict=True)):
        return True
    rest = list(wanted)
    for row in found:
        place = next((n for n, w in enumerate(rest) if all(map(alike, row, w))), None)
        if place is None:
            return False
        del rest[place]
    return True
