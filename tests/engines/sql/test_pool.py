"""Workers: one person each, bounded, ended on time, and gone when the pool is closed."""

import asyncio
import os
from pathlib import Path

import pytest

from twinplane.engines.sql.plan import Plan, Query, QueryCancelled, QueryError, Reference, Source
from twinplane.engines.sql.pool import SqlPool
from twinplane.engines.sql.statements import Select
from twinplane.engines.sql.worker_messages import Limits

ENDLESS = Plan("SELECT count(*) FROM range(10000000) AS a(x), range(10000000) AS b(y) WHERE (x * y) % 7 = 1")
WHO = Plan("SELECT 1")


def workers(folder: Path) -> set[int]:
    """Worker processes that were started for a pool in this folder's test process."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                continue
            if b"twinplane.engines.sql.process\0worker" in command and parent == os.getpid():
                found.add(int(entry.name))
    return found


def test_each_person_has_a_worker_of_her_own(tmp_path: Path) -> None:
    async def story() -> None:
        before = workers(tmp_path)
        pool = SqlPool(tmp_path / "sql")
        try:
            for person in ("ann", "ben", "ann"):
                await pool.run(person, WHO)
            assigned = {w.person: w.process.pid for w in pool._idle}
            assert set(assigned) == {"ann", "ben"}
            assert len(set(assigned.values())) == 2
        finally:
            await pool.close()
        assert workers(tmp_path) == before
        assert not (tmp_path / "sql").exists()

    asyncio.run(story())


def test_more_people_than_workers_take_turns(tmp_path: Path) -> None:
    async def story() -> None:
        pool = SqlPool(tmp_path / "sql", size=2)
        try:
            results = await asyncio.gather(*(pool.run(f"person {n}", WHO) for n in range(6)))
            assert [r.rows for r in results] == [1] * 6
            assert len(pool._idle) <= 2
        finally:
            await pool.close()

    asyncio.run(story())


def test_a_query_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    async def story() -> None:
        pool = SqlPool(tmp_path / "sql", timeout_seconds=1.0)
        try:
            await pool.run("ann", WHO)
            with pytest.raises(QueryError, match="EXCEEDED_TIME_LIMIT"):
                await pool.run("ann", ENDLESS)
            assert (await pool.run("ann", WHO)).rows == 1
        finally:
            await pool.close()

    asyncio.run(story())


def test_a_cancelled_query_ends_its_worker(tmp_path: Path) -> None:
    async def story() -> None:
        pool = SqlPool(tmp_path / "sql")
        try:
            running = asyncio.create_task(pool.run("ann", ENDLESS, run_id="q"))
            while not pool._busy:
                await asyncio.sleep(0.01)
            pid = next(iter(pool._busy)).process.pid
            assert pool.cancel("q")
            with pytest.raises(QueryCancelled):
                await running
            assert pid not in workers(tmp_path)
            assert not pool.cancel("q")
        finally:
            await pool.close()

    asyncio.run(story())


def test_a_worker_that_is_killed_fails_its_query_only(tmp_path: Path) -> None:
    async def story() -> None:
        pool = SqlPool(tmp_path / "sql")
        try:
            running = asyncio.create_task(pool.run("ann", ENDLESS))
            while not pool._busy:
                await asyncio.sleep(0.01)
            next(iter(pool._busy)).process.kill()
            with pytest.raises(QueryError, match="The query failed"):
                await running
            assert (await pool.run("ann", WHO)).rows == 1
        finally:
            await pool.close()

    asyncio.run(story())


def test_too_much_memory_fails_the_query_and_nothing_else(tmp_path: Path) -> None:
    async def story() -> None:
        pool = SqlPool(tmp_path / "sql", limits=Limits(memory_bytes=64 << 20, threads=1, result_bytes=1 << 20))
        try:
            with pytest.raises(QueryError, match=r"EXCEEDED_MEMORY_LIMIT|GENERIC_INTERNAL_ERROR"):
                await pool.run("ann", Plan("SELECT list(a.x || '-' || b.y) FROM range(30000) a(x), range(3000) b(y)"))
            with pytest.raises(QueryError, match="GENERIC_INTERNAL_ERROR"):
                await pool.run("ann", Plan("SELECT x FROM range(10000000) a(x)"))
            assert (await pool.run("ann", WHO)).rows == 1
        finally:
            await pool.close()

    asyncio.run(story())


def test_idle_workers_are_stopped(tmp_path: Path) -> None:
    async def story() -> None:
        pool = SqlPool(tmp_path / "sql", idle_seconds=0.2)
        try:
            await pool.run("ann", WHO)
            for _ in range(100):
                if not pool._idle:
                    break
                await asyncio.sleep(0.05)
            assert not pool._idle
        finally:
            await pool.close()

    asyncio.run(story())


def test_closing_ends_queries_that_run(tmp_path: Path) -> None:
    async def story() -> None:
        before = workers(tmp_path)
        pool = SqlPool(tmp_path / "sql")
        running = asyncio.create_task(pool.run("ann", ENDLESS))
        while not pool._busy:
            await asyncio.sleep(0.01)
        await pool.close()
        with pytest.raises((QueryCancelled, QueryError, asyncio.CancelledError)):
            await running
        assert workers(tmp_path) == before

    asyncio.run(story())


def test_a_worker_has_no_environment_no_network_and_little_else(tmp_path: Path) -> None:
    async def story() -> None:
        pool = SqlPool(tmp_path / "sql")
        try:
            await pool.run("ann", WHO)
            process = Path("/proc") / str(next(iter(pool._idle)).process.pid)
            assert (process / "environ").read_bytes() in (b"", b"LC_CTYPE=C.UTF-8\0")
            limits = (process / "limits").read_text()
            assert "Max core file size        0 " in limits
            interfaces = (process / "net" / "dev").read_text()
            assert [line.split(":")[0].strip() for line in interfaces.splitlines() if ":" in line] == ["lo"]
        finally:
            await pool.close()

    asyncio.run(story())


def test_the_engine_opens_no_file_but_the_querys_own(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a\n1\n")

    async def story() -> None:
        pool = SqlPool(tmp_path / "sql")
        try:
            source = Source("t_0", f"SELECT * FROM read_csv(['{secret}'])", ())  # names a file it was not given
            with pytest.raises(QueryError) as failed:
                await pool.run("ann", Plan("SELECT * FROM t_0", (source,)))
            assert str(tmp_path) not in str(failed.value)
        finally:
            await pool.close()

    asyncio.run(story())


ENDLESS_TEXTS = [
    "select " + "array[" * 60 + "1" + "]" * 60,
    "with c0 as (select 1 as a, 2 as b)"
    + "".join(f", c{n} as (select x.*, y.* from c{n - 1} x, c{n - 1} y)" for n in range(1, 30))
    + " select * from c29",
]


async def read_and_run(pool: SqlPool, text: str) -> None:
    await pool.classify("mallory", text)
    await pool.run("mallory", Query(text, "sales"))


@pytest.mark.parametrize("text", ENDLESS_TEXTS)
def test_a_text_that_takes_the_parser_for_ever_stops_nobody_else(tmp_path: Path, text: str) -> None:
    async def story() -> None:
        pool = SqlPool(tmp_path / "sql", limits=Limits(planning_seconds=1.0))
        try:
            with pytest.raises(QueryError):
                await read_and_run(pool, text)
            assert await pool.classify("ann", "select * from a.b") == Select((Reference("a", "b"),))
            assert (await pool.run("ann", Query("select 1", "sales"))).rows == 1
            assert (await pool.run("mallory", Query("select 1", "sales"))).rows == 1
        finally:
            await pool.close()

    asyncio.run(story())
