"""A table with hidden rows and a hidden column, and a person who may read only part of it."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from twinplane.engines.sql.gate import Gate
from twinplane.engines.sql.plan import Column, Files, Query, QueryError, Result, Slice, Table, TableName, Tables
from twinplane.engines.sql.pool import SqlPool
from twinplane.engines.sql.result import read_rows
from twinplane.engines.sql.statements import references

DATABASE = "sales"
COLUMNS = (
    Column("id", "bigint"), Column("region", "string"), Column("dept", "string"), Column("salary", "bigint"),
    Column("ssn", "string"), Column("name", "string"), Column("rate", "double"), Column("hired_on", "date"),
    Column("seen_at", "timestamp"), Column("tags", "array<string>"), Column("marks", "map<string,int>"),
    Column("price", "decimal(10,2)"), Column("score", "int"),
)  # fmt: skip
VISIBLE = tuple(c.name for c in COLUMNS if c.name != "ssn")
FILTER = "region = 'EU'"
ROWS = """
SELECT i AS id, CASE WHEN i % 4 = 0 THEN 'EU' ELSE 'US' END AS region, 'd' || (i % 7) AS dept, i * 10 AS salary,
       'ssn-' || i AS ssn, 'name' || i AS name, i / 3.0::DOUBLE AS rate,
       DATE '2020-01-01' + CAST(i % 900 AS INT) AS hired_on,
       TIMESTAMP '2021-01-01 10:00:00' + to_minutes(i) AS seen_at, ['a', 't' || (i % 3)] AS tags,
       map {'k': CAST(i % 5 AS INT)} AS marks, CAST(i / 7.0 AS DECIMAL(10, 2)) AS price,
       CASE WHEN i % 11 = 0 THEN NULL ELSE CAST(i % 100 AS INT) END AS score
FROM range(20000) t(i)
"""


@pytest.fixture(scope="session")
def data_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "emp-data"
    duckdb.connect().execute(f"COPY ({ROWS}) TO '{path}' (FORMAT parquet)")
    return path


@pytest.fixture(scope="session")
def permitted_file(tmp_path_factory: pytest.TempPathFactory, data_file: Path) -> Path:
    """The same table with what is hidden cut out of the file itself."""
    path = tmp_path_factory.mktemp("data") / "permitted"
    shown = ", ".join(VISIBLE)
    duckdb.connect().execute(
        f"COPY (SELECT {shown} FROM read_parquet('{data_file}') WHERE {FILTER}) TO '{path}' (FORMAT parquet)"
    )
    return path


@pytest.fixture(scope="session")
def emp(data_file: Path) -> Table:
    return Table(COLUMNS, (Slice(VISIBLE, FILTER),), (Files((str(data_file),)),))


@pytest.fixture(scope="session")
def permitted_emp(permitted_file: Path) -> Table:
    columns = tuple(c for c in COLUMNS if c.name in VISIBLE)
    return Table(columns, (Slice(VISIBLE),), (Files((str(permitted_file),)),))


@pytest.fixture(scope="session")
def gate() -> Gate:
    return Gate()


@dataclass
class Engine:
    """The whole path, synchronously: text in, rows out."""

    loop: asyncio.AbstractEventLoop
    pool: SqlPool
    person: str = "ann"

    def result(self, text: str, tables: Tables, parameters: tuple[str, ...] = ()) -> Result:
        return self.loop.run_until_complete(self._result(text, tables, parameters))

    async def _result(self, text: str, tables: Tables, parameters: tuple[str, ...]) -> Result:
        for reference in references(await self.pool.classify("reader", text, parameters)):
            if reference.in_database(DATABASE) not in tables:
                raise QueryError("TABLE_NOT_FOUND", "no such table")
        return await self.pool.run(self.person, Query(text, DATABASE, tuple(tables.items()), parameters))

    def rows(self, text: str, tables: Tables, parameters: tuple[str, ...] = ()) -> list[list[str | None]]:
        found = self.result(text, tables, parameters)
        path = Path(found.path)
        rows = [row for row, _ in read_rows(path, 0, 10**9, len(found.columns))]
        path.unlink()
        return rows[1:]


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with asyncio.Runner() as runner:
        loop = runner.get_loop()

        async def make() -> SqlPool:
            return SqlPool(tmp_path_factory.mktemp("pool") / "sql")

        pool = loop.run_until_complete(make())
        yield Engine(loop, pool)
        loop.run_until_complete(pool.close())


def named(**tables: Table) -> dict[TableName, Table]:
    return {TableName(DATABASE, name): table for name, table in tables.items()}


@pytest.fixture
def select(engine: Engine, emp: Table) -> Callable[..., list[list[str | None]]]:
    return lambda text, *parameters: engine.rows(text, named(emp=emp), parameters)
